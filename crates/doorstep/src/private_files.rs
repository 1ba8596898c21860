//! Files and directories with books or secrets are for their owner only.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, ensure};

use crate::words::bilingual;

/// What others may never do with a file.
#[derive(Clone, Copy)]
pub enum Forbidden {
    ReadOrWrite = 0o077,
    /// Settings name keys and modules, but hold no secret.
    Write = 0o022,
}

/// Whatever this process creates from now on is for its owner only.
pub fn create_for_owner_only() {
    use rustix::fs::Mode;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Refuses a file or directory that others may use. What is missing is for the next step to say.
pub fn check(path: &Path, others: Forbidden) -> anyhow::Result<()> {
    let Ok(found) = fs::metadata(path) else { return Ok(()) };
    let (path, mode) = (path.display(), found.permissions().mode() & 0o7777);
    ensure!(
        mode & others as u32 == 0,
        match others {
            Forbidden::ReadOrWrite => bilingual!(
                "{path}: its mode {mode:04o} lets other users of this machine in; only its owner \
                 may read and write it: `chmod go= {path}`",
                "{path}：权限 {mode:04o} 允许本机其他用户访问；只能由所有者读写：\
                 `chmod go= {path}`"
            ),
            Forbidden::Write => bilingual!(
                "{path}: its mode {mode:04o} lets other users of this machine change it: \
                 `chmod go-w {path}`",
                "{path}：权限 {mode:04o} 允许本机其他用户修改：`chmod go-w {path}`"
            ),
        }
    );
    Ok(())
}

/// Closes a new data directory, which may have been an empty directory that was open to others.
pub fn close_directory(data: &Path) -> anyhow::Result<()> {
    let closed = fs::set_permissions(data, fs::Permissions::from_mode(0o700));
    closed.with_context(|| data.display().to_string())
}

/// Checks a data directory, everything in it, and its snapshots. Whoever opens another directory
/// says what is wrong with it.
pub fn check_books(data: &Path) -> anyhow::Result<()> {
    if !journal::is_kept_by_data_directory(&data.join("snapshots")) {
        return Ok(());
    }
    check(data, Forbidden::ReadOrWrite)?;
    for directory in [data.to_owned(), data.join("snapshots")] {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries {
            let entry = entry.with_context(|| directory.display().to_string())?;
            check(&entry.path(), Forbidden::ReadOrWrite)?;
        }
    }
    Ok(())
}
