//! Identifies SQLite files from their header, before SQLite opens them; a lock of a file.

use std::fs::{self, File, TryLockError};
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

/// A file that this process has locked, so that no other process can.
///
/// The lock belongs to the open file, not to the process: a child process that another thread has
/// forked shares it until it runs its own program. Dropping therefore unlocks in words; closing the
/// file would leave the lock with such a child for some milliseconds.
#[derive(Debug)]
pub struct LockedFile(File);

impl LockedFile {
    /// Locks an open file without waiting.
    ///
    /// # Errors
    /// Another process holds the lock, or the file system has no locks.
    pub fn try_lock(file: File) -> Result<LockedFile, TryLockError> {
        file.try_lock()?;
        Ok(LockedFile(file))
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Where this fails, closing the file unlocks it.
        let _ = self.0.unlock();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_lock_is_free_although_a_forked_child_still_has_the_file() {
        let path = std::env::temp_dir().join(format!("doorstep-lock-{}", std::process::id()));
        let open = || File::options().write(true).create(true).truncate(false).open(&path).unwrap();
        let file = open();
        let of_the_child = file.try_clone().unwrap();
        let lock = LockedFile::try_lock(file).unwrap();
        assert!(matches!(LockedFile::try_lock(open()), Err(TryLockError::WouldBlock)));
        drop(lock);
        LockedFile::try_lock(open()).unwrap();
        drop(of_the_child);
        fs::remove_file(&path).unwrap();
    }
}
