//! Reads a snapshot part by part, and checks each part.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::{Manifest, open_parts};
use super::{FINISHED, PartAddress, SnapshotError, file_name};
use crate::{JournalHead, PAYLOAD_BYTES_MAX, Sequence};

/// A finished snapshot. [`SnapshotReader::read_part`] reads any of its parts, on several threads if
/// need be. Iterate over it to read all in order, one in memory at a time; after an error there are
/// no more.
///
/// Opening it checks its list of parts and opens their files; reading a part checks that part.
#[derive(Debug)]
pub struct SnapshotReader {
    manifest: Manifest,
    files: BTreeMap<Sequence, File>,
    path: PathBuf,
    next: usize,
}

impl SnapshotReader {
    pub(super) fn open(
        directory: &Path,
        sequence: Sequence,
    ) -> Result<SnapshotReader, SnapshotError> {
        let path = directory.join(file_name(sequence, FINISHED));
        let manifest = Manifest::read(directory, sequence)?;
        let mut files = BTreeMap::new();
        for PartAddress { file, .. } in &manifest.parts {
            if files.contains_key(file) {
                continue;
            }
            let opened = match open_parts(directory, *file) {
                Ok(opened) => opened,
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(SnapshotError::io(&path, "open", &error));
                }
                // Its owner may have replaced it with newer ones meanwhile.
                Err(_) if !path.exists() => return Err(SnapshotError::Missing { path }),
                Err(_) => {
                    let what = format!("the file with the parts of snapshot {file} is missing");
                    return Err(SnapshotError::Damaged { path, what });
                }
            };
            files.insert(*file, opened);
        }
        Ok(SnapshotReader { manifest, files, path, next: 0 })
    }

    /// The end of the journal that it reflects; [`crate::JournalBatches::after`] reads the batches
    /// after it.
    #[must_use]
    pub fn reflects(&self) -> JournalHead {
        self.manifest.reflects
    }

    /// The digest that the caller gave to [`crate::SnapshotWriter::finish`].
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.manifest.digest
    }

    /// Its parts, in order.
    #[must_use]
    pub fn parts(&self) -> &[PartAddress] {
        &self.manifest.parts
    }

    /// Reads a part, by its place from 0, into `content`.
    ///
    /// # Errors
    /// If it is damaged, or there is no such part.
    pub fn read_part(&self, place: usize, content: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let damaged = |what: &str| {
            let what = format!("part {} of {}: {what}", place + 1, self.manifest.parts.len());
            Err(SnapshotError::Damaged { path: self.path.clone(), what })
        };
        let Some(part) = self.manifest.parts.get(place) else {
            return damaged("it is not there");
        };
        let length = usize::try_from(part.length).unwrap_or(usize::MAX);
        let Some(file) = self.files.get(&part.file).filter(|_| length <= PAYLOAD_BYTES_MAX) else {
            return damaged("its address is impossible");
        };
        content.resize(length, 0);
        match file.read_exact_at(content, part.offset) {
            Ok(()) if Sha256::digest(&content[..])[..] == part.hash => Ok(()),
            Ok(()) => damaged("its content does not match its hash"),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => damaged("it is cut off"),
            Err(error) => Err(SnapshotError::io(&self.path, "read", &error)),
        }
    }
}

impl Iterator for SnapshotReader {
    type Item = Result<Vec<u8>, SnapshotError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.manifest.parts.len() {
            return None;
        }
        let mut content = Vec::new();
        let read = self.read_part(self.next, &mut content);
        self.next = if read.is_ok() { self.next + 1 } else { usize::MAX };
        Some(read.map(|()| content))
    }
}
