//! Small files: replaced as a whole, and durable.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Replaces a file. After this returned, it survives a crash. Only the owner can read it.
pub(crate) fn write_durably(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    // A temporary file has mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(directory.join(name))?;
    sync_directory(directory)
}

pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// A text file of at most `bytes_max`. `None` if there is none.
pub(crate) fn read_if_there(path: &Path, bytes_max: u64) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("over {bytes_max} bytes")));
    }
    Ok(Some(text))
}
