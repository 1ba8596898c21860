//! What is kept of a terminal between its messages. It can be forgotten at any time: the books
//! know the rest, and keys are derived.

use std::collections::BTreeMap;

use engine::BatchLine;

/// Uploads that are under way at the most; a further one ends the oldest, whose terminal then
/// begins again.
pub(crate) const UPLOADS_MAX: usize = 1_024;

/// A terminal that was heard since the switch began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    /// Field 42 must be this.
    pub merchant: [u8; 15],
    /// The open batch, 0 if none is.
    pub batch: u32,
}

/// An upload that is under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upload {
    pub batch: u32,
    pub lines: Vec<BatchLine>,
    /// The STAN of the last message, and where its lines begin.
    last: (u32, usize),
    began: u64,
}

impl Upload {
    /// Takes the lines of a message. A repeat of the last one brings no new lines; another message
    /// with its STAN is not taken.
    pub(crate) fn takes(&mut self, stan: u32, lines: Vec<BatchLine>) -> bool {
        let (last, begin) = self.last;
        if last == stan {
            return self.lines.get(begin..) == Some(&lines[..]);
        }
        self.last = (stan, self.lines.len());
        self.lines.extend(lines);
        true
    }
}

/// The uploads that are under way.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    by_terminal: BTreeMap<u32, Upload>,
    begun: u64,
}

impl Uploads {
    /// The upload of a terminal's batch, begun if there is none.
    pub(crate) fn of(&mut self, terminal: u32, batch: u32) -> &mut Upload {
        let known = self.by_terminal.get(&terminal).is_some_and(|upload| upload.batch == batch);
        if !known {
            self.end(terminal);
            if self.by_terminal.len() >= UPLOADS_MAX {
                let oldest = self.by_terminal.iter().min_by_key(|(_, upload)| upload.began);
                if let Some(oldest) = oldest.map(|(terminal, _)| *terminal) {
                    self.end(oldest);
                }
            }
            self.begun += 1;
        }
        let began = self.begun;
        let new = || Upload { batch, began, ..Upload::default() };
        self.by_terminal.entry(terminal).or_insert_with(new)
    }

    /// The lines that came of a terminal's batch.
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
        let mut uploads = Uploads::default();
        let line = BatchLine { stan: 1, amount: money::Amount::of(1), credit: false };
        for terminal in 0..=u32::try_from(UPLOADS_MAX).unwrap() {
            uploads.of(terminal, 1).lines.push(line);
        }
        assert!(uploads.lines(0, 1).is_empty());
        assert_eq!(uploads.lines(1, 1), [line]);
        assert!(uploads.of(1, 2).lines.is_empty(), "another batch begins anew");
    }
}
