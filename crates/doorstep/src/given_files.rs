//! Files that a person names on the command line.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::Path;

use anyhow::bail;

use crate::words::bilingual;

/// Opens a file that a person names.
///
/// # Errors
/// There is none, it is a folder, or this user may not read it; each says what to do.
pub fn open(path: &Path) -> anyhow::Result<File> {
    let name = path.display();
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.is_dir(), file)));
    match opened {
        Ok((false, file)) => Ok(file),
        Ok((true, _)) => bail!(bilingual!(
            "{name} is a folder; give the files in it",
            "{name} 是文件夹；请给出其中的文件"
        )),
        Err(error) => bail!(why(path, &error)),
    }
}

/// Why a file cannot be opened, and what to do.
fn why(path: &Path, error: &Error) -> String {
    let name = path.display();
    match error.kind() {
        ErrorKind::NotFound => {
            bilingual!(
                "{name}: there is no such file; check the path",
                "{name}：没有该文件；请检查路径"
            )
        }
        ErrorKind::PermissionDenied => bilingual!(
            "{name}: your user may not read it; ask its owner",
            "{name}：您的用户无权读取；请联系文件所有者"
        ),
        _ => bilingual!("{name}: {error}", "{name}：{error}"),
    }
}
