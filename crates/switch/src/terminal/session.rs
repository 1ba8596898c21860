//! State of a terminal between its messages. It can be lost at any time: the books have the rest.

use std::collections::BTreeMap;

use books::{BatchLine, CourierId, Stan};
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
    /// Who had it then.
    pub courier: CourierId,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct BatchUpload {
    pub batch: u32,
    /// One for each transaction, also if it came twice.
    pub lines: Vec<BatchLine>,
    /// Lines of all messages.
    received: usize,
    /// STAN and lines of the latest message.
    last: Option<(Stan, Vec<BatchLine>)>,
    sequence: u64,
}

/// Why lines are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UploadError {
    /// The latest message had the STAN and other lines.
    OtherLines,
    /// The transaction with this STAN came before with another amount or side.
    Contradiction(Stan),
}

impl BatchUpload {
    /// Adds the lines of a message. A repeat of the latest message adds nothing, and neither does
    /// the same line in another message.
    pub(crate) fn add(&mut self, stan: Stan, lines: Vec<BatchLine>) -> Result<(), UploadError> {
        if let Some((_, before)) = self.last.as_ref().filter(|(last, _)| *last == stan) {
            return if *before == lines { Ok(()) } else { Err(UploadError::OtherLines) };
        }
        let mut all = self.lines.clone();
        for line in &lines {
            match all.iter().find(|known| known.stan == line.stan) {
                None => all.push(*line),
                Some(known) if known == line => {}
                Some(_) => return Err(UploadError::Contradiction(line.stan)),
            }
        }
        self.lines = all;
        self.received += lines.len();
        self.last = Some((stan, lines));
        Ok(())
    }

    /// Whether a terminal that says that it has so many lines has sent all. It may count a line
    /// once that it sent twice.
    pub(crate) fn is_complete(&self, count: usize) -> bool {
        [self.lines.len(), self.received].contains(&count)
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

    pub(crate) fn get(&self, terminal: u32, batch: u32) -> Option<&BatchUpload> {
        self.by_terminal.get(&terminal).filter(|upload| upload.batch == batch)
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
        assert!(uploads.get(0, 1).is_none());
        assert_eq!(uploads.get(1, 1).unwrap().lines, [connection]);
        assert!(uploads.get_or_begin(1, 2).lines.is_empty(), "another batch begins anew");
    }

    #[test]
    fn a_line_that_comes_twice_is_one_line() {
        let line = |stan, amount| BatchLine {
            stan: Stan::of(stan),
            amount: money::Amount::of(amount),
            credit: false,
        };
        let mut upload = BatchUpload::default();
        upload.add(Stan::of(90), vec![line(1, 100), line(2, 200)]).unwrap();
        upload.add(Stan::of(91), vec![line(2, 200), line(3, 300)]).unwrap();
        assert_eq!(upload.lines, [line(1, 100), line(2, 200), line(3, 300)]);
        assert_eq!([2, 3, 4, 5].map(|count| upload.is_complete(count)), [false, true, true, false]);
        let other = upload.add(Stan::of(92), vec![line(4, 400), line(3, 301)]);
        assert_eq!(other, Err(UploadError::Contradiction(Stan::of(3))));
        assert_eq!(upload.lines.len(), 3, "nothing of that message is taken");
        let twice = vec![line(4, 400), line(4, 400)];
        upload.add(Stan::of(93), twice.clone()).unwrap();
        assert_eq!(upload.add(Stan::of(93), twice), Ok(()), "a repeat");
        assert_eq!(upload.add(Stan::of(93), vec![]), Err(UploadError::OtherLines));
        assert_eq!((upload.lines.len(), upload.received), (4, 6));
    }
}
