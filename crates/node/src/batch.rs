//! The bytes of a journal batch.
//!
//! Version 2: the version (1 byte), the engine's fingerprint after the batch (8), the time of its
//! first command (8), the number of commands (4); then for each command the milliseconds since that
//! time (4) and the submission in Borsh: who gave it, the request key if any, and the command. All
//! numbers are little-endian. Journals keep these bytes for ever: a new layout gets a new version,
//! and this one stays readable.

use borsh::{BorshDeserialize, BorshSerialize};
use engine::{Submission, Timestamp};

/// The version that new batches get.
pub const BATCH_VERSION: u8 = 2;

/// Before the first command.
const HEAD_BYTES: usize = 1 + 8 + 8 + 4;

/// Why bytes are not a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalBatchError {
    /// A newer program wrote it.
    #[error("it has version {0}, this program reads {BATCH_VERSION}: use a newer program")]
    Newer(u8),
    #[error("unreadable content: {0}")]
    Damaged(String),
}

/// Collects the commands of one batch.
#[derive(Debug, Default)]
pub struct BatchWriter {
    bytes: Vec<u8>,
    commands: u32,
    begun_at: Timestamp,
}

impl BatchWriter {
    #[must_use]
    pub fn commands(&self) -> u32 {
        self.commands
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands == 0
    }

    /// Whether a command of this time fits: a batch spans at most 49 days.
    #[must_use]
    pub fn has_room_at(&self, at: Timestamp) -> bool {
        self.is_empty() || at.0.saturating_sub(self.begun_at.0) <= u64::from(u32::MAX)
    }

    pub fn push(&mut self, submission: &Submission, at: Timestamp) {
        if self.is_empty() {
            self.bytes.clear();
            self.bytes.resize(HEAD_BYTES, 0);
            self.begun_at = at;
        }
        let since = at.0.checked_sub(self.begun_at.0).and_then(|ms| u32::try_from(ms).ok());
        let since = since.expect("the caller asked whether there is room at that time");
        self.bytes.extend_from_slice(&since.to_le_bytes());
        submission.serialize(&mut self.bytes).expect("writing into memory does not fail");
        self.commands += 1;
    }

    /// Ends the batch and returns its bytes; the writer is empty again. The next batch reuses
    /// `memory`.
    pub fn seal(&mut self, fingerprint: u64, memory: Vec<u8>) -> Vec<u8> {
        let mut bytes = std::mem::replace(&mut self.bytes, memory);
        if self.commands == 0 {
            bytes.clear();
            return bytes;
        }
        bytes[0] = BATCH_VERSION;
        bytes[1..9].copy_from_slice(&fingerprint.to_le_bytes());
        bytes[9..17].copy_from_slice(&self.begun_at.0.to_le_bytes());
        bytes[17..HEAD_BYTES].copy_from_slice(&self.commands.to_le_bytes());
        self.commands = 0;
        bytes
    }
}

/// Reads the commands of one batch, in order.
#[derive(Debug)]
pub struct BatchReader<'a> {
    rest: &'a [u8],
    remaining: u32,
    begun_at: u64,
    fingerprint: u64,
}

impl<'a> BatchReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Result<BatchReader<'a>, JournalBatchError> {
        match bytes.first() {
            Some(&BATCH_VERSION) => {}
            Some(&version) if version > BATCH_VERSION => {
                return Err(JournalBatchError::Newer(version));
            }
            _ => return Err(JournalBatchError::Damaged("its version is missing".into())),
        }
        let mut rest = &bytes[1..];
        let damaged = |error: std::io::Error| JournalBatchError::Damaged(error.to_string());
        let fingerprint = u64::deserialize(&mut rest).map_err(damaged)?;
        let begun_at = u64::deserialize(&mut rest).map_err(damaged)?;
        let left = u32::deserialize(&mut rest).map_err(damaged)?;
        Ok(BatchReader { rest, remaining: left, begun_at, fingerprint })
    }

    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The time of the first command.
    #[must_use]
    pub fn begun_at(&self) -> Timestamp {
        Timestamp(self.begun_at)
    }

    #[must_use]
    pub fn left(&self) -> u32 {
        self.remaining
    }

    /// The next command; None after the last. Checks that no bytes follow it.
    pub fn next_command(&mut self) -> Result<Option<(Timestamp, Submission)>, JournalBatchError> {
        if self.remaining == 0 {
            let rest = self.rest.len();
            if rest > 0 {
                return Err(JournalBatchError::Damaged(format!(
                    "{rest} bytes follow the last command"
                )));
            }
            return Ok(None);
        }
        self.remaining -= 1;
        let damaged = |error: std::io::Error| JournalBatchError::Damaged(error.to_string());
        let since = u32::deserialize(&mut self.rest).map_err(damaged)?;
        let submission = Submission::deserialize(&mut self.rest).map_err(damaged)?;
        let at = self.begun_at.checked_add(u64::from(since));
        let at = at.ok_or_else(|| JournalBatchError::Damaged("its time is out of range".into()))?;
        Ok(Some((Timestamp(at), submission)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use books::{BusinessDate, OpenBooks, PersonId, ReleaseDue};
    use engine::{Actor, RequestKey};

    fn commands() -> Vec<(Timestamp, Submission)> {
        let (first_person, second_person) = (PersonId(1), PersonId(2));
        let open = OpenBooks { utc_offset_minutes: 480, first_person, second_person, trial: true };
        let release = ReleaseDue { date: BusinessDate(15_945), limit: 9 };
        let key = RequestKey::new("k-1").unwrap();
        let release = Submission::new(Actor::Person(PersonId(7)), release);
        vec![
            (Timestamp(1_377_619_200_000), Submission::new(Actor::System, open)),
            (Timestamp(1_377_619_200_005), Submission { request_key: Some(key), ..release }),
        ]
    }

    #[test]
    fn the_bytes_of_a_batch_are_frozen() {
        let mut writer = BatchWriter::default();
        for (at, submission) in commands() {
            writer.push(&submission, at);
        }
        let bytes = writer.seal(0x0102_0304_0506_0708, Vec::new());
        // Computed by hand: 0 is the system and 1 a person, 0x6b2d31 the key, 0 the books, 0x82 and
        // 0x21 the numbers of `OpenBooks` and `ReleaseDue`, 0x3e49 the date.
        assert_eq!(
            base16ct::lower::encode_string(&bytes),
            "02080706050403020100c880c04001000002000000\
             00000000 00 00 00 82e001 0100000000000000 0200000000000000 01\
             05000000 010700000000000000 01030000006b2d31 00 21493e09000000"
                .replace(' ', "")
        );
        assert!(writer.is_empty());
    }

    #[test]
    fn batches_are_read_as_they_were_written() {
        let mut writer = BatchWriter::default();
        for (at, submission) in commands() {
            assert!(writer.has_room_at(at));
            writer.push(&submission, at);
        }
        let bytes = writer.seal(7, Vec::new());
        let mut reader = BatchReader::new(&bytes).unwrap();
        assert_eq!((reader.fingerprint(), reader.left()), (7, 2));
        for expected in commands() {
            assert_eq!(reader.next_command(), Ok(Some(expected)));
        }
        assert_eq!(reader.next_command(), Ok(None));
    }

    #[test]
    fn damaged_and_newer_batches_are_distinguished() {
        assert!(matches!(BatchReader::new(&[3, 0, 0]), Err(JournalBatchError::Newer(3))));
        assert!(matches!(BatchReader::new(&[]), Err(JournalBatchError::Damaged(_))));
        assert!(matches!(BatchReader::new(&[2, 0, 0]), Err(JournalBatchError::Damaged(_))));
        let mut writer = BatchWriter::default();
        writer.push(&commands()[0].1, Timestamp(5));
        let mut bytes = writer.seal(7, Vec::new());
        bytes.push(0);
        let mut reader = BatchReader::new(&bytes).unwrap();
        assert!(reader.next_command().is_ok());
        assert!(matches!(reader.next_command(), Err(JournalBatchError::Damaged(_))));
    }
}
