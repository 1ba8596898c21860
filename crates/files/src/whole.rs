//! Files that are written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process;

/// How many names are tried for the file that is being written.
const NAMES_MAX: u32 = 100;

/// Why a file was not written. What was at its path is still there. Only where the last step
/// fails, making the name durable, the new file is there, and a power cut may undo it.
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E> {
    /// The file system says no.
    #[error("{path} cannot be written ({step}): {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// What was to be written could not be.
    #[error(transparent)]
    Content(E),
}

/// Writes a file under a temporary name beside it, makes it durable and gives it its name, in place
/// of what was there. A full disk, a crash or an error of `write` leaves what was there before.
///
/// On Unix only the owner may read the file: payout files name people and their accounts.
///
/// # Errors
/// What the system says, or the error of `write`.
pub fn write_whole<T, E>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, WriteError<E>> {
    let failed = |step| move |source| WriteError::Io { path: path.to_owned(), step, source };
    let (temporary, file) = create_beside(path).map_err(failed("creating it"))?;
    let remove = RemoveOnDrop(Some(&temporary));
    let mut writer = BufWriter::new(file);
    let written = write(&mut writer).map_err(WriteError::Content)?;
    let file = writer.into_inner().map_err(|error| failed("writing it")(error.into_error()))?;
    file.sync_all().map_err(failed("making it durable"))?;
    drop(file);
    fs::rename(&temporary, path).map_err(failed("giving it its name"))?;
    remove.keep();
    sync_directory(path).map_err(failed("making its name durable"))?;
    Ok(written)
}

/// Removes a file unless it is told to keep it.
struct RemoveOnDrop<'p>(Option<&'p Path>);

impl RemoveOnDrop<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for RemoveOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0 {
            // It was going to be thrown away; there is nobody to tell.
            let _ = fs::remove_file(path);
        }
    }
}

/// Creates a file of a name that nothing has, in the directory of `path`.
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

/// A new name is durable when its directory is.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
