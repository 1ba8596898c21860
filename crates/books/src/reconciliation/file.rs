//! A file begins, its lines follow, and it ends (M15).

use tariff::BusinessDate;

use crate::books::{Books, Now, check_date, check_sequence_number, check_text, done_before};
use crate::command::{BeginFile, EndFile, FILES_REMEMBERED, FileLane, LINES_PER_FILE_MAX, RailId};
use crate::event::{CommandOutcome, Event};
use crate::reconciliation::record::{FileRecord, FileSums, LineSplit};
use crate::refusal::{MissingRecord, Refusal};

impl Books {
    /// The last file of a lane that the books know. Zero before the first.
    pub(crate) fn last_file_number(&self, lane: FileLane) -> Result<u32, Refusal> {
        let rail = |id: RailId, missing: MissingRecord| {
            let rail = self.rails.find(id).ok_or(Refusal::NotFound(missing))?;
            Ok(rail.cleared_lines.last().0)
        };
        let of_lines = match lane {
            FileLane::Network(id) => rail(RailId::Network(id), MissingRecord::Network(id))?,
            FileLane::Wallet(id) => rail(RailId::Wallet(id), MissingRecord::Wallet(id))?,
            FileLane::Bank(id) => match self.banks.find(id) {
                Some(_) => 0,
                None => return Err(Refusal::NotFound(MissingRecord::Bank(id))),
            },
            FileLane::Firm(id) => match self.firms.find(id) {
                Some(_) => 0,
                None => return Err(Refusal::NotFound(MissingRecord::Firm(id))),
            },
        };
        let files = self.reference_data.reconciliation.lanes.get(&lane);
        let begun = files.and_then(|lane| lane.files.back()).map_or(0, |last| last.begun.file);
        Ok(begun.max(of_lines))
    }

    pub(crate) fn begin_file(
        &mut self,
        command: &BeginFile,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let BeginFile { lane, file, digest, ref form, from, until, lines, opening, .. } = *command;
        check_text("form", form)?;
        let last = self.last_file_number(lane)?;
        let known = self.reference_data.reconciliation.lanes.get(&lane);
        check_sequence_number(file, last, || {
            let before = known.and_then(|lane| lane.find(file));
            before.map(|before| before.begun == *command)
        })?;
        if lines > LINES_PER_FILE_MAX {
            return Err(Refusal::OutOfRange(LINES_PER_FILE_MAX));
        }
        if opening.is_some() != matches!(lane, FileLane::Bank(_)) {
            return Err(Refusal::OpeningBalanceOfFile);
        }
        let before = known.and_then(|lane| lane.files.back());
        if let Some(before) = before.filter(|before| before.ended.is_none()) {
            return Err(Refusal::FileNotEnded(before.begun.file));
        }
        let same = known.and_then(|lane| lane.files.iter().find(|one| one.begun.digest == digest));
        if let Some(same) = same {
            return Err(Refusal::FileTakenBefore(same.begun.file));
        }
        check_date(until, from..=now.today)?;
        // A statement goes on where the last one ended. Other files come in any order.
        if let (Some(before), Some(opening)) = (before, opening) {
            check_date(from, before.begun.until..=BusinessDate::MAX)?;
            let closing = before.closing().filter(|one| *one != i128::from(opening.minor()));
            if let Some(closing) = closing {
                return Err(Refusal::StatementGap(signed(closing)?));
            }
        }
        if let (FileLane::Bank(bank), Some(_)) = (lane, opening) {
            let bank = self.reference_data.reconciliation.banks.entry(bank).or_default();
            bank.first_opening = bank.first_opening.or(opening);
        }
        let lane_files = self.reference_data.reconciliation.lanes.entry(lane).or_default();
        if lane_files.files.len() >= FILES_REMEMBERED {
            lane_files.files.pop_front();
        }
        let sums = FileSums::default();
        lane_files.files.push_back(FileRecord { begun: command.clone(), sums, ended: None });
        out.events.push(Event::FileBegun { lane, file });
        Ok(())
    }

    pub(crate) fn end_file(
        &mut self,
        command: &EndFile,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let EndFile { lane, file, digest } = *command;
        self.last_file_number(lane)?;
        let lane_files = self.reference_data.reconciliation.lanes.get_mut(&lane);
        let mut files = lane_files.into_iter().flat_map(|lane| lane.files.iter_mut());
        let missing = Refusal::NotFound(MissingRecord::File(file));
        let record = files.find(|one| one.begun.file == file).ok_or(missing)?;
        if let Some(before) = record.ended {
            return Err(done_before(before == digest));
        }
        if record.sums.lines() != record.begun.lines {
            return Err(Refusal::FileLinesMissing(record.sums.lines()));
        }
        if record.sums.total() != i128::from(record.begun.total.minor()) {
            return Err(Refusal::FileTotal(signed(record.sums.total())?));
        }
        let FileSums { matched, expected, breaks } = record.sums;
        let event = Event::FileEnded {
            lane,
            file,
            matched: signed(matched.amount)?,
            expected: signed(expected.amount)?,
            breaks: signed(breaks.amount)?,
        };
        record.ended = Some(digest);
        out.events.push(event);
        Ok(())
    }

    /// Refuses the next line of a file that has all of its lines, or while another file of the
    /// lane is being taken. A lane whose file was never begun is not counted.
    pub(crate) fn check_file_open(&self, lane: FileLane, file: u32) -> Result<(), Refusal> {
        let lane_files = self.reference_data.reconciliation.lanes.get(&lane);
        let Some(last) = lane_files.and_then(|lane| lane.files.back()) else { return Ok(()) };
        let is_full = last.sums.lines() >= last.begun.lines;
        match (last.begun.file == file, last.ended) {
            (true, None) if is_full => Err(Refusal::FileHasAllLines(last.begun.lines)),
            (true, Some(_)) => Err(Refusal::FileHasAllLines(last.begun.lines)),
            (false, None) => Err(Refusal::FileNotEnded(last.begun.file)),
            _ => Ok(()),
        }
    }

    /// Counts a line of a file that was begun.
    pub(crate) fn count_line(&mut self, lane: FileLane, file: u32, split: LineSplit) {
        let lane_files = self.reference_data.reconciliation.lanes.get_mut(&lane);
        let last = lane_files.and_then(|lane| lane.files.back_mut());
        if let Some(last) = last.filter(|last| last.begun.file == file) {
            last.sums.add(split);
        }
    }

    /// Counts a line in another way than before, if its file is remembered.
    pub(crate) fn count_line_again(
        &mut self,
        lane: FileLane,
        file: u32,
        before: LineSplit,
        after: LineSplit,
    ) {
        let lane_files = self.reference_data.reconciliation.lanes.get_mut(&lane);
        let mut files = lane_files.into_iter().flat_map(|lane| lane.files.iter_mut());
        if let Some(record) = files.find(|one| one.begun.file == file) {
            record.sums.replace(before, after);
        }
    }
}

/// A sum as a signed amount.
pub(crate) fn signed(sum: i128) -> Result<money::SignedAmount, Refusal> {
    i64::try_from(sum).ok().and_then(money::SignedAmount::new).ok_or(Refusal::Overflow)
}
