//! State of a terminal between its messages. It can be lost at any time: the books have the rest.

use std::collections::BTreeMap;

use books::{BatchLine, Stan};
use money::Currency;

/// Maximum of uploads at a time. A further one ends the oldest, whose terminal begins again.
pub(crate) const BATCH_UPLOADS_MAX: usize = 1_024;

/// A terminal that has sent a message since the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TerminalSession {
    /// Field 42 must have this value.
    pub merchant: [u8; 15],
    pub currency: Currency,
    /// The open batch; 0: none.
    pub batch: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct BatchUpload {
    pub batch: u32,
    pub lines: Vec<BatchLine>,
    /// STAN of the latest message, and index of its first line.
    last: Option<(Stan, usize)>,
    sequence: u64,
}

impl BatchUpload {
    /// Adds the lines of a message. A repeat of the latest message adds nothing. Returns false for
    /// other content under its STAN.
    pub(crate) fn add(&mut self, stan: Stan, lines: Vec<BatchLine>) -> bool {
        if let Some((_, begin)) = self.last.filter(|(last, _)| *last == stan) {
            return self.lines.get(begin..) == Some(&lines[..]);
        }
        self.last = Some((stan, self.lines.len()));
        self.lines.extend(lines);
        true
    }
}

#[derive(Debug, Default)]
pub(crate) struct BatchUploads {
    by_terminal: BTreeMap<u32, BatchUpload>,
    next_sequence: u64,
}

impl BatchUploads {
    /// The upload of a terminal's batch. Begins one if there is none.
    pub(crate) fn get_or_begin(&mut self, terminal: u32, batch: u32) -> &mut BatchUpload {
        let known = self.by_terminal.get(&terminal).is_some_and(|upload| upload.batch == batch);
        if !known {
            self.end(terminal);
            if self.by_terminal.len() >= BATCH_UPLOADS_MAX {
                let oldest = self.by_terminal.iter().min_by_key(|(_, upload)| upload.sequence);
                if let Some(oldest) = oldest.map(|(terminal, _)| *terminal) {
                    self.end(oldest);
                }
            }
            self.next_sequence += 1;
        }
        let sequence = self.next_sequence;
        let new = || BatchUpload { batch, sequence, ..BatchUpload::default() };
        self.by_terminal.entry(terminal).or_insert_with(new)
    }

    pub(crate) fn lines(&self, terminal: u32, batch: u32) -> &[BatchLine] {
        let upload = self.by_terminal.get(&terminal).filter(|upload| upload.batch == batch);
        upload.map_or(&[], |upload| &upload.lines)
    }

    pub(crate) fn end(&mut self, terminal: u32) {
        self.by_terminal.remove(&terminal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_further_upload_ends_the_oldest() {
        let mut uploads = BatchUploads::default();
        let connection = BatchLine { stan: Stan::MIN, amount: money::Amount::of(1), credit: false };
        for terminal in 0..=u32::try_from(BATCH_UPLOADS_MAX).unwrap() {
            uploads.get_or_begin(terminal, 1).lines.push(connection);
        }
        assert!(uploads.lines(0, 1).is_empty());
        assert_eq!(uploads.lines(1, 1), [connection]);
        assert!(uploads.get_or_begin(1, 2).lines.is_empty(), "another batch begins anew");
    }
}
