//! Snapshots: the state after one batch, in parts, in one SQLite file each.
//!
//! Separate files, so that writing a snapshot never takes the journal's lock and its damage never
//! affects the journal.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf, absolute};

use crate::file::{remove_if_there, sync_directory};
use crate::{ChainHash, Sequence};

mod error;
mod reader;
mod writer;

pub use error::SnapshotError;
pub use reader::SnapshotReader;
pub use writer::SnapshotWriter;

use sha2::{Digest, Sha256};

/// The format of new snapshot files. Formats 1 up to this can be read.
pub const SNAPSHOT_FORMAT: i32 = 1;

/// SQLite's `application_id`: "DSNP".
const APPLICATION: i32 = 0x4453_4E50;

const UNFINISHED: &str = "unfinished";
const FINISHED: &str = "sqlite";
/// Fixed width, so that names sort like numbers.
const NAME_DIGITS: usize = 20;

const PART_TAG: &[u8; 24] = b"doorstep snapshot part 1";
const SEAL_TAG: &[u8; 24] = b"doorstep snapshot seal 1";

/// A directory of snapshots, for writing and reading. Its owner holds the data directory's lock, so
/// there is only one.
#[derive(Debug)]
pub struct SnapshotDirectory {
    directory: PathBuf,
}

/// A directory of snapshots, for reading only, beside its owner.
#[derive(Clone, Debug)]
pub struct SnapshotDirectoryReader {
    directory: PathBuf,
}

impl SnapshotDirectory {
    /// Opens the directory. Creates it if it is missing, and removes unfinished files of killed
    /// processes.
    pub fn open(directory: &Path) -> Result<SnapshotDirectory, SnapshotError> {
        let failed = |error| SnapshotError::io(directory, "open", &error);
        let directory = absolute(directory).map_err(failed)?;
        match fs::create_dir(&directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            _ => {}
        }
        sync_directory(directory.parent().unwrap_or(&directory)).map_err(failed)?;
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // SQLite's own files beside an unfinished file start with its name.
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if name.split('.').nth(1).is_some_and(|kind| kind.starts_with(UNFINISHED)) {
                remove_if_there(&path)
                    .map_err(|error| SnapshotError::io(&path, "remove", &error))?;
            }
        }
        Ok(SnapshotDirectory { directory })
    }

    /// Starts the snapshot of the state after batch `sequence`, whose hash is `journal_hash`.
    ///
    /// It is not listed before it is finished; then it replaces a snapshot of the same sequence.
    pub fn begin(
        &self,
        sequence: Sequence,
        journal_hash: ChainHash,
    ) -> Result<SnapshotWriter, SnapshotError> {
        let named = |kind| self.directory.join(file_name(sequence, kind));
        SnapshotWriter::begin(named(UNFINISHED), named(FINISHED), sequence, journal_hash)
    }

    /// The finished snapshots, newest first.
    pub fn list(&self) -> Result<Vec<Sequence>, SnapshotError> {
        list(&self.directory)
    }

    /// Opens the snapshot of the state after batch `sequence`.
    ///
    /// # Errors
    pub fn open_snapshot(&self, sequence: Sequence) -> Result<SnapshotReader, SnapshotError> {
        SnapshotReader::open(self.directory.join(file_name(sequence, FINISHED)), sequence)
    }

    /// Deletes all but the `newest` snapshots, and returns the deleted ones.
    pub fn keep_newest(&self, newest: usize) -> Result<Vec<Sequence>, SnapshotError> {
        let deleted: Vec<Sequence> = self.list()?.into_iter().skip(newest).collect();
        for &sequence in &deleted {
            let path = self.directory.join(file_name(sequence, FINISHED));
            remove_if_there(&path).map_err(|error| SnapshotError::io(&path, "delete", &error))?;
        }
        sync_directory(&self.directory)
            .map_err(|error| SnapshotError::io(&self.directory, "write", &error))?;
        Ok(deleted)
    }
}

impl SnapshotDirectoryReader {
    /// The directory may be missing.
    pub fn open(directory: &Path) -> Result<SnapshotDirectoryReader, SnapshotError> {
        let directory =
            absolute(directory).map_err(|error| SnapshotError::io(directory, "open", &error))?;
        Ok(SnapshotDirectoryReader { directory })
    }

    /// The finished snapshots, newest first.
    pub fn list(&self) -> Result<Vec<Sequence>, SnapshotError> {
        list(&self.directory)
    }

    /// Opens the snapshot of the state after batch `sequence`.
    pub fn open_snapshot(&self, sequence: Sequence) -> Result<SnapshotReader, SnapshotError> {
        SnapshotReader::open(self.directory.join(file_name(sequence, FINISHED)), sequence)
    }
}

fn list(directory: &Path) -> Result<Vec<Sequence>, SnapshotError> {
    let failed = |error| SnapshotError::io(directory, "list", &error);
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut sequences = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        sequences.extend(name.to_str().and_then(named_sequence));
    }
    sequences.sort_unstable_by(|a, b| b.cmp(a));
    Ok(sequences)
}

fn file_name(sequence: Sequence, kind: &str) -> String {
    format!("{:0NAME_DIGITS$}.{kind}", sequence.number())
}

fn named_sequence(name: &str) -> Option<Sequence> {
    let (digits, kind) = name.split_once('.')?;
    let is_ours = kind == FINISHED
        && digits.len() == NAME_DIGITS
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_ours { digits.parse().ok().map(Sequence::new) } else { None }
}

/// The hash of a part: SHA-256 over the 24 ASCII bytes `doorstep snapshot part 1`, the part's
/// number from 1 (8 bytes, big-endian) and its payload.
fn part_hash(number: u64, payload: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(PART_TAG);
    hasher.update(number.to_be_bytes());
    hasher.update(payload);
    hasher.finalize().into()
}

/// The hash over a whole snapshot.
#[derive(Clone, Debug)]
struct Seal {
    hasher: Sha256,
    parts: u64,
}

impl Seal {
    /// SHA-256 over the 24 ASCII bytes `doorstep snapshot seal 1`, the sequence (8 bytes,
    /// big-endian), the journal's hash, …
    fn new(sequence: Sequence, journal_hash: ChainHash) -> Seal {
        let mut hasher = Sha256::new();
        hasher.update(SEAL_TAG);
        hasher.update(sequence.number().to_be_bytes());
        hasher.update(journal_hash.bytes());
        Seal { hasher, parts: 0 }
    }

    /// … the hash of each part in order, …
    fn add(&mut self, part_hash: &[u8; 32]) {
        self.hasher.update(part_hash);
        self.parts += 1;
    }

    /// … the number of parts (8 bytes, big-endian) and the caller's digest.
    fn close(mut self, digest: &[u8; 32]) -> [u8; 32] {
        self.hasher.update(self.parts.to_be_bytes());
        self.hasher.update(digest);
        self.hasher.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_like_numbers() {
        let name = file_name(Sequence::new(42), FINISHED);
        assert_eq!(name, "00000000000000000042.sqlite");
        assert_eq!(named_sequence(&name), Some(Sequence::new(42)));
        let largest = file_name(Sequence::new(u64::MAX), FINISHED);
        assert_eq!(named_sequence(&largest), Some(Sequence::new(u64::MAX)));
        for name in [
            "00000000000000000042.unfinished",
            "42.sqlite",
            "+0000000000000000042.sqlite",
            "99999999999999999999.sqlite",
            "00000000000000000042.sqlite-journal",
            "",
        ] {
            assert_eq!(named_sequence(name), None, "{name}");
        }
    }

    /// Computed by Python's `hashlib` over the documented layout.
    #[test]
    fn the_hashes_of_a_fixed_snapshot_never_change() {
        let hex = |bytes| ChainHash::new(bytes).to_string();
        let part = part_hash(1, b"parcel");
        assert_eq!(hex(part), "4b31bb8de89d2f2fb96d764070bb318987b02a331e93be30528c74c903a4c1d7");
        let mut seal = Seal::new(Sequence::new(7), ChainHash::new([9; 32]));
        seal.add(&part);
        assert_eq!(
            hex(seal.close(&[5; 32])),
            "cc8635bb862d369fde7324e75e0833b05392199a9407469bc24a98525f3ac9d9"
        );
    }
}
