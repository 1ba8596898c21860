//! Writes a snapshot once, in order, at the speed of the disk.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::manifest::Manifest;
use super::{PartAddress, SnapshotError};
use crate::file::{remove_if_there, sync_directory};
use crate::{ChainHash, JournalHead, PAYLOAD_BYTES_MAX, Sequence};

/// Bytes that are written together.
const BUFFER_BYTES: usize = 1 << 20;
/// Written bytes are synced after this many. A disk that gets hundreds of megabytes at the end
/// would delay the journal's syncs.
const UNSYNCED_BYTES_MAX: usize = 8 << 20;

/// An unfinished snapshot. Dropping it removes its file.
#[derive(Debug)]
pub struct SnapshotWriter {
    /// None once it is finished or abandoned.
    unfinished: Option<Unfinished>,
    manifest: Manifest,
    finished_path: PathBuf,
}

#[derive(Debug)]
struct Unfinished {
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
    /// Bytes written, with those in the buffer.
    length: u64,
    unsynced_bytes: usize,
}

impl SnapshotWriter {
    pub(super) fn begin(
        path: PathBuf,
        finished_path: PathBuf,
        sequence: Sequence,
        journal_hash: ChainHash,
    ) -> Result<SnapshotWriter, SnapshotError> {
        remove_if_there(&path).map_err(|error| SnapshotError::io(&path, "remove", &error))?;
        let file =
            File::create_new(&path).map_err(|error| SnapshotError::io(&path, "create", &error))?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        let reflects = JournalHead { sequence, hash: journal_hash };
        Ok(SnapshotWriter {
            unfinished: Some(Unfinished { file, path, buffer, length: 0, unsynced_bytes: 0 }),
            manifest: Manifest { reflects, digest: [0; 32], parts: Vec::new() },
            finished_path,
        })
    }

    /// Adds the next part, of up to [`PAYLOAD_BYTES_MAX`] bytes, and returns where it is.
    ///
    /// After an error the snapshot cannot be finished.
    pub fn write_part(&mut self, payload: &[u8]) -> Result<PartAddress, SnapshotError> {
        let mut unfinished = self.unfinished.take().ok_or_else(|| self.given_up())?;
        let too_large = payload.len() > PAYLOAD_BYTES_MAX;
        let length = u32::try_from(payload.len()).ok().filter(|_| !too_large);
        let Some(length) = length else {
            unfinished.remove();
            return Err(SnapshotError::Io {
                doing: "write",
                path: self.finished_path.clone(),
                cause: format!(
                    "a part of {} bytes is too large: at most {PAYLOAD_BYTES_MAX}; make smaller \
                     parts",
                    payload.len()
                ),
            });
        };
        let hash = Sha256::digest(payload).into();
        let file = self.manifest.reflects.sequence;
        let part = PartAddress { file, offset: unfinished.length, length, hash };
        if let Err(error) = unfinished.add(payload) {
            let error = SnapshotError::io(&unfinished.path, "write", &error);
            unfinished.remove();
            return Err(error);
        }
        self.unfinished = Some(unfinished);
        self.manifest.parts.push(part);
        Ok(part)
    }

    /// Adds the next part, which an earlier snapshot has.
    pub fn keep_part(&mut self, part: PartAddress) {
        self.manifest.parts.push(part);
    }

    /// Finishes the snapshot with the caller's digest of the state. When this returns, the snapshot
    /// is durable and listed.
    ///
    /// After an error it is not listed.
    pub fn finish(mut self, digest: [u8; 32]) -> Result<(), SnapshotError> {
        let mut unfinished = self.unfinished.take().ok_or_else(|| self.given_up())?;
        self.manifest.digest = digest;
        let directory = self.finished_path.parent().unwrap_or(&self.finished_path);
        let finished = unfinished
            .add(&self.manifest.encode())
            .and_then(|()| unfinished.flush())
            .and_then(|()| unfinished.file.sync_all())
            .and_then(|()| fs::rename(&unfinished.path, &self.finished_path))
            .and_then(|()| sync_directory(directory))
            .map_err(|error| SnapshotError::io(&unfinished.path, "finish", &error));
        if finished.is_err() {
            unfinished.remove();
        }
        finished
    }

    fn given_up(&self) -> SnapshotError {
        SnapshotError::Io {
            doing: "go on with",
            path: self.finished_path.clone(),
            cause: "an earlier part could not be written; begin it again".to_owned(),
        }
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        if let Some(unfinished) = self.unfinished.take() {
            unfinished.remove();
        }
    }
}

impl Unfinished {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        self.length += bytes.len() as u64;
        if bytes.len() < BUFFER_BYTES {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = self.write(&buffer);
        buffer.clear();
        self.buffer = buffer;
        written
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.unsynced_bytes += bytes.len();
        if self.unsynced_bytes >= UNSYNCED_BYTES_MAX {
            self.file.sync_data()?;
            self.unsynced_bytes = 0;
        }
        Ok(())
    }

    fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }
}
