//! Atomic file writes: a file is written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process;

/// Attempts to find an unused name for the temporary file.
const NAMES_MAX: u32 = 100;

/// Why a file was not written. The previous file is untouched, unless the last step failed
/// (syncing the directory): then the new file is in place and a power cut may undo it.
#[derive(Debug, thiserror::Error)]
pub enum AtomicWriteError<E> {
    #[error("{path} cannot be written ({step}): {source}", path = path.display())]
    Io { path: PathBuf, step: &'static str, source: io::Error },
    #[error("{} is a device, a pipe or a directory: give the name of a file", .0.display())]
    NotAFile(PathBuf),
    /// The error of the `write` closure.
    #[error(transparent)]
    Content(E),
}

/// Writes a temporary file in the same directory, syncs it, and renames it over `path`. After a
/// full disk, a crash or an error of `write`, the previous file is still there.
///
/// On Unix only the owner may read the file: payout files hold names and account numbers.
pub fn write_atomically<T, E>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, AtomicWriteError<E>> {
    let failed = |step| move |source| AtomicWriteError::Io { path: path.to_owned(), step, source };
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(AtomicWriteError::NotAFile(path.to_owned()));
    }
    // A symbolic link stays: the file that it names is written.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (temporary, file) = create_beside(&target).map_err(failed("create"))?;
    let remove = RemoveOnDrop(Some(&temporary));
    let mut writer = BufWriter::new(file);
    let written = write(&mut writer).map_err(AtomicWriteError::Content)?;
    let file = writer.into_inner().map_err(|error| failed("write")(error.into_error()))?;
    file.sync_all().map_err(failed("sync"))?;
    drop(file);
    fs::rename(&temporary, &target).map_err(failed("rename"))?;
    remove.keep();
    sync_directory(&target).map_err(failed("sync directory"))?;
    Ok(written)
}

/// Removes the temporary file unless [`RemoveOnDrop::keep`] is called.
struct RemoveOnDrop<'p>(Option<&'p Path>);

impl RemoveOnDrop<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for RemoveOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0 {
            // Best effort: the caller already gets the first error.
            let _ = fs::remove_file(path);
        }
    }
}

/// Creates a file with an unused name in the directory of `path`.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    for attempt in 0..NAMES_MAX {
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}-{attempt}.part", process::id()));
        let temporary = path.with_file_name(temporary);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (temporary, file)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A rename is durable once the directory is synced.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
