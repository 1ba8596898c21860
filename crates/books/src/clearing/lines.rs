//! The numbers of a lane's lines: files from 1, and lines from 1 within a file.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::books::Books;
use crate::command::{ClearLine, LINES_PER_FILE_MAX, RailId};
use crate::party::record::Rail;
use crate::refusal::Refusal;
use crate::used_numbers::content_hash;

/// The number of a file and of a line in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinePlace {
    pub file: u32,
    pub line: u32,
}

impl LinePlace {
    pub(crate) fn of(command: &ClearLine) -> LinePlace {
        LinePlace { file: command.file, line: command.line }
    }
}

/// The lines of a lane's last file, so that a file that is sent again is recognised line by line.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct FileLines {
    file: u32,
    /// Hash of each line's content.
    lines: Vec<[u8; 8]>,
}

fn hash(command: &impl BorshSerialize) -> [u8; 8] {
    let bytes = borsh::to_vec(command).expect("writing into memory does not fail");
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    content_hash(bytes.chunks(8).map(word))
}

impl FileLines {
    /// The file and number of the last line. Zero before the first.
    pub(crate) fn last(&self) -> (u32, u32) {
        (self.file, u32::try_from(self.lines.len()).expect("limited by LINES_PER_FILE_MAX"))
    }

    /// Accepts the next line of the newest file of the lane, or the first of the file after it. The
    /// newest file can be one that was begun and has no lines. A line given again is a retry if its
    /// content is the same.
    pub(crate) fn check(
        &self,
        newest_file: u32,
        LinePlace { file, line }: LinePlace,
        command: &impl BorshSerialize,
    ) -> Result<(), Refusal> {
        let (last_file, last_line) = self.last();
        let next_file = newest_file.checked_add(1).ok_or(Refusal::Overflow)?;
        if file == 0 || file > next_file {
            return Err(Refusal::WrongSequenceNumber(next_file));
        }
        if file < newest_file && file != last_file && line > 0 {
            return Err(Refusal::NumberForgotten(line));
        }
        let next_line = if file == last_file { last_line + 1 } else { 1 };
        if line == 0 || line > next_line {
            return Err(Refusal::WrongSequenceNumber(next_line));
        }
        if file < newest_file && line == next_line {
            return Err(Refusal::WrongSequenceNumber(next_file));
        }
        if line < next_line {
            let same = self.lines[line as usize - 1] == hash(command);
            return Err(if same { Refusal::Repeated } else { Refusal::NumberUsed(line) });
        }
        if line > LINES_PER_FILE_MAX {
            return Err(Refusal::OutOfRange(LINES_PER_FILE_MAX));
        }
        Ok(())
    }

    /// Remembers a line that was checked.
    pub(crate) fn push(&mut self, place: LinePlace, command: &impl BorshSerialize) {
        if place.file != self.file {
            (self.file, self.lines) = (place.file, Vec::new());
        }
        self.lines.push(hash(command));
    }
}

impl Books {
    /// Whether the last file of a line's rail has it, with the same content.
    #[must_use]
    pub fn has_cleared_line(&self, line: &ClearLine) -> bool {
        let rail = self.rails.find(line.rail);
        let newest = self.last_file_number(line.rail.into()).unwrap_or(0);
        let place = LinePlace::of(line);
        let check = |rail: &Rail| rail.cleared_lines.check(newest, place, line);
        rail.is_some_and(|rail| check(rail) == Err(Refusal::Repeated))
    }

    /// The file and number of a rail's last line. Zero before the first.
    #[must_use]
    pub fn last_cleared_line(&self, rail: RailId) -> Option<(u32, u32)> {
        self.rails.find(rail).map(|rail| rail.cleared_lines.last())
    }
}
