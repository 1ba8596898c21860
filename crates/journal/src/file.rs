//! Identifies SQLite files from their header, before SQLite opens them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Length of SQLite's file header, <https://www.sqlite.org/fileformat.html#the_database_header>.
const HEADER_BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const FORMAT_AT: usize = 60;
const APPLICATION_AT: usize = 68;

#[derive(Debug)]
pub(crate) enum FileIdentity {
    /// Of a format that this program reads.
    Ours,
    /// Of a newer format; holds its number.
    Newer(i32),
    /// Of another program, or no SQLite file; says why.
    Foreign(String),
}

/// Identifies a file by the header's `application_id` and `user_version`, which is the format.
/// Formats 1 to `known` are readable. Changes nothing and takes no lock.
pub(crate) fn identify(path: &Path, application: i32, known: i32) -> io::Result<FileIdentity> {
    if fs::metadata(path)?.is_dir() {
        return Ok(FileIdentity::Foreign("it is a directory".to_owned()));
    }
    let mut header = Vec::with_capacity(HEADER_BYTES);
    File::open(path)?.take(HEADER_BYTES as u64).read_to_end(&mut header)?;
    let number = |at: usize| -> Option<i32> {
        let bytes = header.get(at..at + 4)?.try_into().ok()?;
        Some(i32::from_be_bytes(bytes))
    };
    let foreign = |what: &str| Ok(FileIdentity::Foreign(what.to_owned()));
    match (number(APPLICATION_AT), number(FORMAT_AT)) {
        _ if header.is_empty() => foreign("it is empty"),
        _ if !header.starts_with(MAGIC) => foreign("it is no SQLite file"),
        (Some(found), Some(format)) if found == application => Ok(match format {
            format if format > known => FileIdentity::Newer(format),
            1.. => FileIdentity::Ours,
            _ => FileIdentity::Foreign(format!("it has the impossible format {format}")),
        }),
        (Some(_), Some(_)) => foreign("it is an SQLite file of another program"),
        _ => foreign("it is cut off"),
    }
}

/// Makes creations, renames and removals in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes a file if it exists.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Appends `suffix` to the last name of a path.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut longer = path.as_os_str().to_owned();
    longer.push(suffix);
    PathBuf::from(longer)
}
