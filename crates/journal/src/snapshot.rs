//! Snapshots: the state after one batch, in parts. A snapshot writes the parts that have changed;
//! for the others it names where an earlier one wrote them.
//!
//! Each snapshot is one file: the parts that it writes, then its list of parts ([`manifest`]). It
//! is `NUMBER.snapshot` as long as it is one of the newest, and `NUMBER.parts` while only its parts
//! are needed. A file is written once, under a temporary name, synced and renamed. Writing one
//! never takes the journal's lock, and damage never affects the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf, absolute};

use crate::file::{remove_if_there, sync_directory};
use crate::{ChainHash, Sequence};

mod error;
mod manifest;
mod reader;
mod writer;

pub use error::SnapshotError;
pub use manifest::{PartAddress, SNAPSHOT_FORMAT};
pub use reader::SnapshotReader;
pub use writer::SnapshotWriter;

use manifest::Manifest;

const UNFINISHED: &str = "unfinished";
const FINISHED: &str = "snapshot";
/// No longer a snapshot, but a newer one has parts in it.
const PARTS_ONLY: &str = "parts";
/// What a snapshot of format 1 was.
const SQLITE: &str = "sqlite";
/// Fixed width, so that names sort like numbers.
const NAME_DIGITS: usize = 20;

/// Most files in which the parts of a snapshot are, besides its own.
const PART_FILES_MAX: usize = 32;

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
            // SQLite's own files beside an unfinished file of format 1 start with its name.
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
        list(&self.directory, FINISHED)
    }

    /// Opens the snapshot of the state after batch `sequence`.
    ///
    /// # Errors
    pub fn open_snapshot(&self, sequence: Sequence) -> Result<SnapshotReader, SnapshotError> {
        SnapshotReader::open(&self.directory, sequence)
    }

    /// The files whose parts the next snapshot should write again, of those that it has in `parts`:
    /// files that are gone, and enough others that the rest are at most `PART_FILES_MAX`, of
    /// which a third at most is of no more use.
    pub fn files_to_leave<'p>(
        &self,
        parts: impl Iterator<Item = &'p PartAddress>,
    ) -> Result<BTreeSet<Sequence>, SnapshotError> {
        let mut used: BTreeMap<Sequence, u64> = BTreeMap::new();
        for part in parts {
            *used.entry(part.file).or_default() += u64::from(part.length);
        }
        let mut left = BTreeSet::new();
        let mut files = Vec::new();
        for (file, used) in used {
            match manifest::file_length(&self.directory, file) {
                Ok(length) => files.push(PartFile { file, used, length: length.max(used).max(1) }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    left.insert(file);
                }
                Err(error) => {
                    let path = self.directory.join(file_name(file, PARTS_ONLY));
                    return Err(SnapshotError::io(&path, "open", &error));
                }
            }
        }
        while files.len() > PART_FILES_MAX {
            left.extend(take_least(&mut files, |file| file.used));
        }
        loop {
            let used: u64 = files.iter().map(|file| file.used).sum();
            let length: u64 = files.iter().map(|file| file.length).sum();
            if length <= used.saturating_add(used / 2) {
                return Ok(left);
            }
            left.extend(take_least(&mut files, |file| {
                file.used.saturating_mul(1_000) / file.length
            }));
        }
    }

    /// Deletes all but the `newest` snapshots, and returns the deleted ones. Keeps the parts that
    /// the newest ones need.
    pub fn keep_newest(&self, newest: usize) -> Result<Vec<Sequence>, SnapshotError> {
        let mut kept = self.list()?;
        let deleted = kept.split_off(newest.min(kept.len()));
        let mut needed = BTreeSet::new();
        for sequence in kept {
            // Of a damaged snapshot, or of a newer format, nobody knows which parts it needs.
            let Ok(manifest) = Manifest::read(&self.directory, sequence) else {
                return Ok(Vec::new());
            };
            needed.extend(manifest.parts.iter().map(|part| part.file));
        }
        for &sequence in &deleted {
            let named = |kind| self.directory.join(file_name(sequence, kind));
            let path = named(FINISHED);
            let done = match needed.contains(&sequence) {
                true => fs::rename(&path, named(PARTS_ONLY)),
                false => remove_if_there(&path),
            };
            done.map_err(|error| SnapshotError::io(&path, "delete", &error))?;
        }
        for kind in [PARTS_ONLY, SQLITE] {
            for sequence in list(&self.directory, kind)? {
                if kind == SQLITE || !needed.contains(&sequence) {
                    let path = self.directory.join(file_name(sequence, kind));
                    remove_if_there(&path)
                        .map_err(|error| SnapshotError::io(&path, "delete", &error))?;
                }
            }
        }
        sync_directory(&self.directory)
            .map_err(|error| SnapshotError::io(&self.directory, "write", &error))?;
        Ok(deleted)
    }
}

/// A file with parts.
struct PartFile {
    file: Sequence,
    /// Bytes of it that are still parts.
    used: u64,
    length: u64,
}

fn take_least(files: &mut Vec<PartFile>, of: impl Fn(&PartFile) -> u64) -> Option<Sequence> {
    let least = (0..files.len()).min_by_key(|place| of(&files[*place]))?;
    Some(files.swap_remove(least).file)
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
        list(&self.directory, FINISHED)
    }

    /// Opens the snapshot of the state after batch `sequence`.
    pub fn open_snapshot(&self, sequence: Sequence) -> Result<SnapshotReader, SnapshotError> {
        SnapshotReader::open(&self.directory, sequence)
    }
}

/// The files of a kind, newest first.
fn list(directory: &Path, kind: &str) -> Result<Vec<Sequence>, SnapshotError> {
    let failed = |error| SnapshotError::io(directory, "list", &error);
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut sequences = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        sequences.extend(name.to_str().and_then(|name| named_sequence(name, kind)));
    }
    sequences.sort_unstable_by(|a, b| b.cmp(a));
    Ok(sequences)
}

fn file_name(sequence: Sequence, kind: &str) -> String {
    format!("{:0NAME_DIGITS$}.{kind}", sequence.number())
}

fn named_sequence(name: &str, kind: &str) -> Option<Sequence> {
    let (digits, found) = name.split_once('.')?;
    let is_it = found == kind
        && digits.len() == NAME_DIGITS
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_it { digits.parse().ok().map(Sequence::new) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_like_numbers() {
        let name = file_name(Sequence::new(42), FINISHED);
        assert_eq!(name, "00000000000000000042.snapshot");
        assert_eq!(named_sequence(&name, FINISHED), Some(Sequence::new(42)));
        let largest = file_name(Sequence::new(u64::MAX), FINISHED);
        assert_eq!(named_sequence(&largest, FINISHED), Some(Sequence::new(u64::MAX)));
        for name in [
            "00000000000000000042.unfinished",
            "00000000000000000042.parts",
            "42.snapshot",
            "+0000000000000000042.snapshot",
            "99999999999999999999.snapshot",
            "00000000000000000042.snapshot-journal",
            "",
        ] {
            assert_eq!(named_sequence(name, FINISHED), None, "{name}");
        }
    }
}
