//! Batches of a journal in files.
//!
//! One after the other, numbers big end first: sequence (8 bytes), epoch (8), hash of the batch
//! before (32), hash (32), length of the payload (4), payload.

use std::io::{self, Read, Write};
use std::path::Path;

use journal::{
    ChainHash, Epoch, JournalBatch, JournalHead, PAYLOAD_BYTES_MAX, ReadJournal, Sequence,
    batch_hash,
};

use crate::error::{BackupError, BackupFault};
use crate::list::BatchFile;
use crate::stored::{DataKey, StoredReader, StoredWriter};

/// The directory of the files in a backup.
pub const DIRECTORY: &str = "batches";
/// Payloads of one file: the last batch goes beyond it.
const FILE_BYTES: usize = 64 << 20;
/// Payloads that are read at once.
const READ_BYTES: usize = 8 << 20;
const HEADER_BYTES: usize = 84;

/// Writes the batches after one end of the journal up to a later one. Checks the chain.
pub fn write(
    journal: &mut dyn ReadJournal,
    mut after: JournalHead,
    end: JournalHead,
    directory: &Path,
    key: Option<&DataKey>,
    progress: &mut dyn FnMut(Sequence),
) -> Result<Vec<BatchFile>, BackupError> {
    let mut files = Vec::new();
    // A file is named after its first batch: an interrupted backup's is removed by the next one.
    let mut open: Option<(StoredWriter, Sequence, usize)> = None;
    while after.sequence < end.sequence {
        for batch in journal.read(after.sequence.next(), READ_BYTES)? {
            if batch.sequence > end.sequence {
                break;
            }
            if batch.previous != after.hash {
                let (expected, found) = (after.hash, batch.previous);
                let sequence = batch.sequence;
                return Err(journal::JournalError::Forked { sequence, expected, found }.into());
            }
            let (mut writer, first, bytes) = match open.take() {
                Some(open) => open,
                None => {
                    let path = format!("{DIRECTORY}/{:020}", batch.sequence.number());
                    (StoredWriter::create(directory, &path, key)?, batch.sequence, 0)
                }
            };
            write_batch(&mut writer, &batch).map_err(writer.failed())?;
            after = batch.head();
            let bytes = bytes + batch.payload.len();
            if bytes >= FILE_BYTES || after.sequence == end.sequence {
                let (first, last) = (first.number(), after.sequence.number());
                files.push(BatchFile { first, last, stored: writer.finish()? });
            } else {
                open = Some((writer, first, bytes));
            }
        }
        progress(after.sequence);
    }
    Ok(files)
}

fn write_batch(into: &mut impl Write, batch: &JournalBatch) -> io::Result<()> {
    let length = u32::try_from(batch.payload.len()).map_err(io::Error::other)?;
    into.write_all(&batch.sequence.number().to_be_bytes())?;
    into.write_all(&batch.epoch.number().to_be_bytes())?;
    into.write_all(batch.previous.bytes())?;
    into.write_all(batch.hash.bytes())?;
    into.write_all(&length.to_be_bytes())?;
    into.write_all(&batch.payload)
}

/// Reads the batches of a file, each with its hash checked, until `each` says that it is enough.
///
/// Returns whether the file was read to its end, and is the one of the list.
pub fn read(
    directory: &Path,
    file: &BatchFile,
    key: Option<&DataKey>,
    each: &mut dyn FnMut(&JournalBatch) -> Result<bool, BackupError>,
) -> Result<bool, BackupError> {
    let mut reader = StoredReader::open(directory, &file.stored, key)?;
    for number in file.first..=file.last {
        let batch = read_batch(&mut reader).map_err(reader.failed())?;
        let fits = batch.as_ref().is_some_and(|batch| {
            batch.sequence.number() == number
                && batch.hash
                    == batch_hash(batch.sequence, batch.epoch, batch.previous, &batch.payload)
        });
        let batch = batch.filter(|_| fits).ok_or_else(|| reader.damaged(BackupFault::Batches))?;
        if !each(&batch)? {
            return Ok(false);
        }
    }
    reader.finish().map(|()| true)
}

/// `None` if it is not a batch, or the file ends before it does.
fn read_batch(from: &mut impl Read) -> io::Result<Option<JournalBatch>> {
    let mut header = [0; HEADER_BYTES];
    if !fill(from, &mut header)? {
        return Ok(None);
    }
    let (numbers, rest) = header.split_at(16);
    let (hashes, length) = rest.split_at(64);
    let number = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
    let hash = |bytes: &[u8]| bytes.try_into().map(ChainHash::new).unwrap_or_default();
    let length = usize::try_from(number(length)).unwrap_or(usize::MAX);
    if length > PAYLOAD_BYTES_MAX {
        return Ok(None);
    }
    let mut payload = vec![0; length];
    if !fill(from, &mut payload)? {
        return Ok(None);
    }
    Ok(Some(JournalBatch {
        sequence: Sequence::new(number(&numbers[..8])),
        epoch: Epoch::new(number(&numbers[8..])),
        previous: hash(&hashes[..32]),
        hash: hash(&hashes[32..]),
        payload,
    }))
}

/// Whether there was enough.
fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(into) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        done => done.map(|()| true),
    }
}
