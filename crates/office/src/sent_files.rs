//! Files that a person sends over the socket: kept in a directory of their own until they are
//! carried out, then removed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use crate::error::SentFilesError;
use crate::request::SentFile;

/// The directory of files that are being received, in the data directory.
pub const RECEIVED: &str = "received";
/// Of all files of a request.
pub const FILES_BYTES_MAX: u64 = 256 << 20;
/// In one request.
pub const SENT_FILES_MAX: usize = 100;
/// What the disk of the books must have free besides the files: the journal is on it.
const FREE_BYTES_MIN: u64 = 128 << 20;
const NAME_BYTES_MAX: usize = 200;
/// A folder of folders: a folder for each shop.
const NAME_PARTS_MAX: usize = 2;
const BLOCK_BYTES: usize = 64 << 10;

/// Bytes of all files that are received at this moment, as they were announced.
pub type ReceivedBytes = Arc<AtomicU64>;

/// Counts the bytes of a request's files as long as they are kept.
#[derive(Debug)]
struct CountedBytes {
    bytes: u64,
    of_all: ReceivedBytes,
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        self.of_all.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

/// Files that were received. They are removed when this is dropped.
#[derive(Debug)]
pub struct ReceivedFiles {
    directory: TempDir,
    /// Each flag and the file or folder that it names.
    flags: Vec<(String, PathBuf)>,
    _counted: CountedBytes,
}

impl ReceivedFiles {
    /// Checks what is announced, and makes a directory for it. `of_all` counts what others send at
    /// the same time: the disk needs room for all of it.
    ///
    /// # Errors
    /// The files are too large or too many, a name is not allowed, or the disk is full.
    pub fn begin(
        data: &Path,
        announced: &[SentFile],
        of_all: &ReceivedBytes,
    ) -> Result<ReceivedFiles, SentFilesError> {
        ReceivedFiles::begin_where(data, announced, of_all, free_bytes)
    }

    /// As [`ReceivedFiles::begin`], on a disk with this many bytes free.
    fn begin_where(
        data: &Path,
        announced: &[SentFile],
        of_all: &ReceivedBytes,
        free_bytes: impl Fn(&Path) -> io::Result<u64>,
    ) -> Result<ReceivedFiles, SentFilesError> {
        if !(1..=SENT_FILES_MAX).contains(&announced.len()) {
            return Err(SentFilesError::Count { count: announced.len() });
        }
        let sizes = announced.iter().map(|file| file.bytes);
        let bytes = sizes.fold(0, u64::saturating_add);
        if bytes > FILES_BYTES_MAX {
            return Err(SentFilesError::TooLarge { bytes });
        }
        for file in announced {
            check_name(&file.flag, 1)?;
            check_name(&file.name, NAME_PARTS_MAX)?;
        }
        let all = data.join(RECEIVED);
        let failed = |source| SentFilesError::Kept { path: all.clone(), source };
        match DirBuilder::new().mode(0o700).create(&all) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            _ => {}
        }
        let others = of_all.fetch_add(bytes, Ordering::SeqCst);
        let counted = CountedBytes { bytes, of_all: of_all.clone() };
        // What the command writes, such as rejected lines, is not larger than what it reads.
        let needed = bytes.saturating_add(others).saturating_mul(2).saturating_add(FREE_BYTES_MIN);
        let free = free_bytes(&all).map_err(failed)?;
        if free < needed {
            return Err(SentFilesError::DiskFull { free, needed });
        }
        let directory = tempfile::Builder::new().tempdir_in(&all).map_err(failed)?;
        Ok(ReceivedFiles { directory, flags: Vec::new(), _counted: counted })
    }

    /// Reads the bytes of a file: as many as were announced.
    ///
    /// # Errors
    /// The bytes do not arrive, or cannot be kept.
    pub fn receive(&mut self, file: &SentFile, from: &mut dyn Read) -> Result<(), SentFilesError> {
        let left = self.receive_to(file, from)?;
        match left {
            0 => Ok(()),
            _ => Err(SentFilesError::Cut(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Reads the bytes of a file to its end, if it has at most as many as were announced. Only for
    /// a reader that fails where a file is cut off.
    ///
    /// # Errors
    /// As [`ReceivedFiles::receive`].
    pub fn receive_to_end(
        &mut self,
        file: &SentFile,
        from: &mut dyn Read,
    ) -> Result<(), SentFilesError> {
        let left = self.receive_to(file, from)?;
        match left {
            0 if from.read(&mut [0]).map_err(SentFilesError::Cut)? > 0 => {
                Err(SentFilesError::TooLarge { bytes: file.bytes.saturating_add(1) })
            }
            _ => Ok(()),
        }
    }

    /// Reads at most the bytes that were announced. Returns how many are missing.
    fn receive_to(&mut self, file: &SentFile, from: &mut dyn Read) -> Result<u64, SentFilesError> {
        let folder = self.path(&file.flag);
        let path = folder.join(&file.name);
        let kept = |source| SentFilesError::Kept { path: path.clone(), source };
        fs::create_dir_all(path.parent().unwrap_or(&folder)).map_err(kept)?;
        let mut to = create(&path).map_err(kept)?;
        let (mut left, mut block) = (file.bytes, vec![0; BLOCK_BYTES]);
        while left > 0 {
            let most = usize::try_from(left).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
            let read = from.read(&mut block[..most]).map_err(SentFilesError::Cut)?;
            if read == 0 {
                break;
            }
            to.write_all(&block[..read]).map_err(kept)?;
            left -= read as u64;
        }
        if self.flags.iter().all(|(flag, _)| *flag != file.flag) {
            let value = if file.in_folder { folder } else { path };
            self.flags.push((file.flag.clone(), value));
        }
        Ok(left)
    }

    /// Where the files of a flag are. The command writes here what goes back.
    #[must_use]
    pub fn path(&self, flag: &str) -> PathBuf {
        self.directory.path().join(flag)
    }

    /// Each flag and the file or folder that it names.
    #[must_use]
    pub fn flags(&self) -> &[(String, PathBuf)] {
        &self.flags
    }

    /// What the command wrote for a flag, to be sent back.
    ///
    /// # Errors
    /// It cannot be read, or there are too many files.
    pub fn open_written(&self, flag: &str) -> Result<Vec<(SentFile, File)>, SentFilesError> {
        let path = self.path(flag);
        let kept = |source| SentFilesError::Kept { path: path.clone(), source };
        let written = files_of(flag, &path).map_err(kept)?;
        if written.len() > SENT_FILES_MAX {
            return Err(SentFilesError::Count { count: written.len() });
        }
        let open = |(file, path)| Ok((file, File::open(path).map_err(kept)?));
        written.into_iter().map(open).collect()
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn check_name(name: &str, parts_max: usize) -> Result<(), SentFilesError> {
    match is_name(name) && Path::new(name).components().count() <= parts_max {
        true => Ok(()),
        false => Err(SentFilesError::Name(name.escape_debug().to_string())),
    }
}

/// Whether a name leads nowhere else: no `..`, no `/` at its beginning, nothing hidden.
pub(crate) fn is_name(name: &str) -> bool {
    let parts: Vec<_> = Path::new(name).components().collect();
    let is_plain = |part: &Component<'_>| match part {
        Component::Normal(part) => part.to_str().is_some_and(|part| !part.starts_with('.')),
        _ => false,
    };
    let length = (1..=NAME_BYTES_MAX).contains(&name.len());
    let count = (1..=NAME_PARTS_MAX).contains(&parts.len());
    length && count && !name.chars().any(char::is_control) && parts.iter().all(is_plain)
}

/// The file, or the files of the folder, that a flag names.
///
/// # Errors
/// It cannot be read.
pub fn files_of(flag: &str, path: &Path) -> io::Result<Vec<(SentFile, PathBuf)>> {
    let sent = |name: &Path, bytes, in_folder| {
        let name = name.to_string_lossy().into_owned();
        SentFile { flag: flag.to_owned(), name, bytes, in_folder }
    };
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found?,
    };
    if !found.is_dir() {
        let name = Path::new(path.file_name().unwrap_or_default());
        return Ok(vec![(sent(name, found.len(), false), path.to_owned())]);
    }
    let (mut files, mut folders) = (Vec::new(), vec![path.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let one = entry?.path();
            let found = fs::metadata(&one)?;
            let name = one.strip_prefix(path).unwrap_or(&one).to_owned();
            let is_hidden =
                name.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            match found.is_dir() {
                _ if is_hidden => {}
                true if name.components().count() < NAME_PARTS_MAX => folders.push(one),
                true => {}
                false => files.push((sent(&name, found.len(), true), one)),
            }
        }
    }
    files.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    Ok(files)
}

/// Removes what a killed process received.
///
/// # Errors
/// It cannot be removed.
pub fn remove_received(data: &Path) -> io::Result<()> {
    match fs::remove_dir_all(data.join(RECEIVED)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What the disk of a directory has free.
fn free_bytes(directory: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody else sends files.
    fn none() -> ReceivedBytes {
        ReceivedBytes::default()
    }

    fn file(name: &str, bytes: u64) -> SentFile {
        SentFile { flag: "orders".to_owned(), name: name.to_owned(), bytes, in_folder: true }
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let data = tempfile::tempdir().unwrap();
        for name in ["", "/etc/passwd", "../x", "a/../../x", "a/b/c", ".x", "a/.x", "a\nb", "."] {
            let refused = ReceivedFiles::begin(data.path(), &[file(name, 1)], &none()).unwrap_err();
            assert!(matches!(refused, SentFilesError::Name(_)), "{name:?}: {refused}");
        }
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        assert!(ReceivedFiles::begin(data.path(), &[file(&long, 1)], &none()).is_err());
        let flag = SentFile { flag: "../orders".to_owned(), ..file("a", 1) };
        assert!(ReceivedFiles::begin(data.path(), &[flag], &none()).is_err());
    }

    #[test]
    fn files_have_limits() {
        let data = tempfile::tempdir().unwrap();
        let begin = |files: &[SentFile]| ReceivedFiles::begin(data.path(), files, &none());
        assert!(begin(&[file("a", 1), file("b", 2)]).is_ok());
        let refused = begin(&[file("a", FILES_BYTES_MAX), file("b", 1)]).unwrap_err();
        assert!(refused.to_string().contains("have 268435457 bytes"), "{refused}");
        assert!(matches!(begin(&[]), Err(SentFilesError::Count { count: 0 })));
        let many = vec![file("a", 1); SENT_FILES_MAX + 1];
        assert!(matches!(begin(&many), Err(SentFilesError::Count { count: 101 })));
    }

    #[test]
    fn files_are_refused_if_the_disk_has_less_than_twice_their_size_and_a_rest_for_the_journal() {
        let data = tempfile::tempdir().unwrap();
        let mib = 1024 * 1024;
        let announced = [file("a", 10 * mib), file("b", 20 * mib)];
        let of_all = none();
        let begin =
            |free| ReceivedFiles::begin_where(data.path(), &announced, &of_all, |_| Ok(free));
        let needed = 2 * 30 * mib + 128 * mib;
        let refused = begin(needed - 1).unwrap_err();
        let why = format!("has {} bytes free, and the files need {needed};", needed - 1);
        assert!(refused.to_string().contains(&why), "{refused}");
        let left = fs::read_dir(data.path().join(RECEIVED)).unwrap();
        assert_eq!(left.count(), 0, "nothing is kept for files that are refused");
        assert!(begin(needed).is_ok());
        // Room for what others send at the same time too.
        let others = begin(needed).unwrap();
        assert!(begin(needed + 2 * 30 * mib - 1).is_err());
        assert!(begin(needed + 2 * 30 * mib).is_ok());
        drop(others);
        assert!(begin(needed).is_ok());
        let unknown = |_: &Path| Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let refused = ReceivedFiles::begin_where(data.path(), &announced, &none(), unknown);
        let refused = refused.unwrap_err();
        assert!(matches!(refused, SentFilesError::Kept { .. }), "{refused}");
    }

    #[test]
    fn what_arrives_is_kept_and_removed() {
        let data = tempfile::tempdir().unwrap();
        let announced = [file("2013.csv", 3), file("2014.csv", 2)];
        let mut received = ReceivedFiles::begin(data.path(), &announced, &none()).unwrap();
        received.receive(&announced[0], &mut &b"abc"[..]).unwrap();
        let path = received.path("orders").join("2013.csv");
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        received.receive(&announced[1], &mut &b"de"[..]).unwrap();
        assert_eq!(received.flags(), [("orders".to_owned(), received.path("orders"))]);
        let written = received.open_written("orders").unwrap();
        assert_eq!(written.iter().map(|(one, _)| one.clone()).collect::<Vec<_>>(), announced);
        assert!(received.open_written("rejects").unwrap().is_empty());
        let cut = received.receive(&file("2015.csv", 9), &mut &b"short"[..]).unwrap_err();
        assert!(matches!(cut, SentFilesError::Cut(_)), "{cut}");
        drop(received);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(data.path().join(RECEIVED)).unwrap().count(), 0);
        remove_received(data.path()).unwrap();
        assert!(!data.path().join(RECEIVED).exists());
        remove_received(data.path()).unwrap();
    }
}
