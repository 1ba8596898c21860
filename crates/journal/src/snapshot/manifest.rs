//! The end of a snapshot's file: what it reflects, and where its parts are.
//!
//! All numbers are big-endian:
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `DOORSNAP` |
//! | 4 | the format, 2 |
//! | 8 | the batch that it reflects, whose file this is |
//! | 32 | that batch's hash |
//! | 32 | the caller's digest of the state |
//! | 52 for each part | batch of its file (8), its offset (8) and length (4), its SHA-256 (32) |
//! | 32 | the seal: SHA-256 over all of the above |
//! | 8 | the length of all of the above |

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{FINISHED, PARTS_ONLY, SnapshotError, file_name};
use crate::{ChainHash, JournalHead, Sequence};

/// The format of new snapshot files, and the only one that can be read.
pub const SNAPSHOT_FORMAT: i32 = 2;

const MAGIC: &[u8; 8] = b"DOORSNAP";
const HEAD_BYTES: usize = 8 + 4 + 8 + 32 + 32;
const ENTRY_BYTES: usize = 8 + 8 + 4 + 32;
const SEAL_BYTES: usize = 32;
/// The length at the end of the file.
const LENGTH_BYTES: usize = 8;

/// Where a part of a snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartAddress {
    /// The snapshot that wrote it.
    pub file: Sequence,
    /// In that file, in bytes.
    pub offset: u64,
    pub length: u32,
    /// SHA-256 of its content.
    pub hash: [u8; 32],
}

#[derive(Debug)]
pub(super) struct Manifest {
    pub reflects: JournalHead,
    pub digest: [u8; 32],
    pub parts: Vec<PartAddress>,
}

impl Manifest {
    /// The end of the file of a snapshot.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(
            HEAD_BYTES + ENTRY_BYTES * self.parts.len() + SEAL_BYTES + LENGTH_BYTES,
        );
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&SNAPSHOT_FORMAT.to_be_bytes());
        bytes.extend_from_slice(&self.reflects.sequence.number().to_be_bytes());
        bytes.extend_from_slice(self.reflects.hash.bytes());
        bytes.extend_from_slice(&self.digest);
        for part in &self.parts {
            bytes.extend_from_slice(&part.file.number().to_be_bytes());
            bytes.extend_from_slice(&part.offset.to_be_bytes());
            bytes.extend_from_slice(&part.length.to_be_bytes());
            bytes.extend_from_slice(&part.hash);
        }
        let seal = Sha256::digest(&bytes);
        bytes.extend_from_slice(&seal);
        let length = bytes.len() as u64;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes
    }

    /// Reads the end of a snapshot's file.
    pub(super) fn read(directory: &Path, sequence: Sequence) -> Result<Manifest, SnapshotError> {
        let path = directory.join(file_name(sequence, FINISHED));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SnapshotError::Missing { path });
            }
            Err(error) => return Err(SnapshotError::io(&path, "open", &error)),
        };
        let bytes = read_end(&file).map_err(|error| SnapshotError::io(&path, "read", &error))?;
        let damaged = |what: &str| SnapshotError::Damaged { path: path.clone(), what: what.into() };
        let bytes = bytes.ok_or_else(|| damaged("it is cut off"))?;
        let mut rest = &bytes[..];
        let magic: [u8; 8] = take(&mut rest);
        if magic != *MAGIC {
            return Err(damaged("it is no snapshot"));
        }
        match i32::from_be_bytes(take(&mut rest)) {
            SNAPSHOT_FORMAT => {}
            found if found > SNAPSHOT_FORMAT => {
                return Err(SnapshotError::Newer { path, found, known: SNAPSHOT_FORMAT });
            }
            found => return Err(damaged(&format!("it has the impossible format {found}"))),
        }
        let (content, seal) = bytes.split_at(bytes.len() - SEAL_BYTES);
        if Sha256::digest(content)[..] != *seal {
            return Err(damaged("its seal does not match its header and parts"));
        }
        let found = Sequence::new(u64::from_be_bytes(take(&mut rest)));
        if found != sequence {
            return Err(damaged("it reflects another batch than its name says"));
        }
        let reflects = JournalHead { sequence, hash: ChainHash::new(take(&mut rest)) };
        let digest = take(&mut rest);
        let mut parts = Vec::with_capacity(rest.len() / ENTRY_BYTES);
        while rest.len() > SEAL_BYTES {
            parts.push(PartAddress {
                file: Sequence::new(u64::from_be_bytes(take(&mut rest))),
                offset: u64::from_be_bytes(take(&mut rest)),
                length: u32::from_be_bytes(take(&mut rest)),
                hash: take(&mut rest),
            });
        }
        Ok(Manifest { reflects, digest, parts })
    }
}

/// The first bytes, whose number the caller has checked.
fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (first, rest) = bytes.split_first_chunk().expect("the length was checked");
    *bytes = rest;
    *first
}

/// Everything but the parts and the length. `None` if the file is cut off.
fn read_end(file: &File) -> io::Result<Option<Vec<u8>>> {
    let Some(end) = file.metadata()?.len().checked_sub(LENGTH_BYTES as u64) else {
        return Ok(None);
    };
    let mut length = [0; LENGTH_BYTES];
    file.read_exact_at(&mut length, end)?;
    let length = u64::from_be_bytes(length);
    let Some(begin) = end.checked_sub(length) else { return Ok(None) };
    let Ok(length) = usize::try_from(length) else { return Ok(None) };
    let entries = length.checked_sub(HEAD_BYTES + SEAL_BYTES);
    if !entries.is_some_and(|bytes| bytes.is_multiple_of(ENTRY_BYTES)) {
        return Ok(None);
    }
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, begin)?;
    Ok(Some(bytes))
}

/// The file with a snapshot's parts. It is renamed once, from the first of its names to the second.
fn paths(directory: &Path, sequence: Sequence) -> [PathBuf; 2] {
    [FINISHED, PARTS_ONLY].map(|kind| directory.join(file_name(sequence, kind)))
}

pub(super) fn open_parts(directory: &Path, sequence: Sequence) -> io::Result<File> {
    let [snapshot, parts] = paths(directory, sequence);
    match File::open(snapshot) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => File::open(parts),
        opened => opened,
    }
}

pub(super) fn file_length(directory: &Path, sequence: Sequence) -> io::Result<u64> {
    Ok(open_parts(directory, sequence)?.metadata()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by Python's `hashlib` and `struct` over the documented layout.
    #[test]
    fn the_bytes_of_a_fixed_manifest_never_change() {
        let manifest = Manifest {
            reflects: JournalHead { sequence: Sequence::new(7), hash: ChainHash::new([9; 32]) },
            digest: [5; 32],
            parts: vec![PartAddress {
                file: Sequence::new(3),
                offset: 258,
                length: 6,
                hash: Sha256::digest(b"parcel").into(),
            }],
        };
        let bytes = manifest.encode();
        assert_eq!(bytes.len(), 84 + 52 + 32 + 8);
        let hash = ChainHash::new(Sha256::digest(bytes).into()).to_string();
        assert_eq!(hash, "0e8019195b676aa0e415972dd49486bad257c5f7551e328997de1349258d7721");
    }
}
