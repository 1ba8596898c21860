//! A file of one lane: begun, its lines, ended. The books know where it is.

use std::sync::Arc;

use books::reconciliation_view::FileSums;
use books::{BeginFile, Books, Command, EndFile, Sha256Digest};
use sha2::{Digest, Sha256};

use super::given::{GivenFile, LaneFile, LaneLines};
use super::{FileParts, TakeError, TakeOutcome, TakeReport, TakeRequest, Taking, TakingStopped};
use crate::files_in_hand::{FileInHand, FilesInHand};
use crate::take::Balance;

/// Where a file is in the books.
enum LanePlace {
    /// It was taken, as this one of its lane.
    TakenBefore(u32),
    /// It is being taken, and the books have so many lines.
    Begun { file: u32, lines: u32 },
    /// It is the next one.
    Next(u32),
    /// Another one of the lane, of this day, is being taken.
    OtherBegun { from: String },
}

fn place_of(books: &Books, lane: &LaneFile, digest: Sha256Digest) -> Option<LanePlace> {
    let mut files = books.files_of(lane.lane).rev();
    let last = files.next();
    let same = books.files_of(lane.lane).find(|one| one.begun.digest == digest);
    Some(match (same, last) {
        (Some(one), _) if one.ended.is_some() => LanePlace::TakenBefore(one.begun.file),
        (Some(one), _) => LanePlace::Begun { file: one.begun.file, lines: one.sums.lines() },
        (None, Some(last)) if last.ended.is_none() => {
            LanePlace::OtherBegun { from: last.begun.from.to_string() }
        }
        _ => LanePlace::Next(books.next_file(lane.lane)?),
    })
}

impl Taking<'_> {
    /// Takes what a lane gets of a file.
    pub(super) fn take_lane(
        &mut self,
        request: &TakeRequest,
        given: &mut GivenFile,
        lane: LaneFile,
    ) -> Result<TakeReport, TakingStopped> {
        let id = lane.id();
        let mut in_hand = FilesInHand::read(self.data).map_err(TakeError::from)?;
        let untold = match request.dry_run {
            true => None,
            false => in_hand.take_report(lane.source, &id).map_err(TakeError::from)?,
        };
        let untold = match untold {
            // The office has finished this very file.
            Some(told) if told.digest == lane.digest => {
                if let Some(report) = told.report {
                    return Ok(*report);
                }
                None
            }
            untold => untold.and_then(|told| told.report),
        };
        let begun = in_hand.begun(lane.source, &id).cloned();
        let finished = match begun.filter(|one| one.digest != lane.digest && !request.dry_run) {
            Some(begun) => {
                let from = begun.from.clone();
                let done = self.finish(&begun).map_err(|stopped| still_unfinished(from, stopped));
                done?.map(Box::new)
            }
            None => untold,
        };
        let record = FileInHand {
            source: lane.source,
            kept: FileInHand::kept_name(lane.source, &id),
            id,
            name: given.name.clone(),
            digest: lane.digest.clone(),
            from: lane.from.to_string(),
            by: match self.by {
                engine::Actor::Person(person) => Some(person),
                _ => None,
            },
            report: None,
        };
        let mut report = self.carry_on(lane, &record, request.dry_run)?;
        report.finished = finished;
        Ok(report)
    }

    /// Begins or continues a file, gives its lines, and ends it.
    pub(super) fn carry_on(
        &mut self,
        lane: LaneFile,
        record: &FileInHand,
        dry_run: bool,
    ) -> Result<TakeReport, TakingStopped> {
        let lane = Arc::new(lane);
        let digest = lane.sha256().ok_or(TakeError::CopyChanged)?;
        let asked = lane.clone();
        let look = move |engine: &engine::Engine| place_of(engine.books(), &asked, digest);
        let place = self.client.query(look)?.0.ok_or(TakeError::CopyChanged)?;
        let mut report = report_of(&lane, dry_run);
        let (file, known) = match place {
            LanePlace::TakenBefore(file) => {
                (report.outcome, report.file) = (TakeOutcome::TakenBefore, Some(file));
                return Ok(report);
            }
            LanePlace::OtherBegun { from } => return Err(TakeError::Unfinished { from }.into()),
            LanePlace::Begun { file, lines } => (file, lines),
            LanePlace::Next(file) => {
                self.check_firm(&lane)?;
                self.check_follows(&lane)?;
                if !dry_run {
                    self.keep(&lane, record)?;
                    self.begin(&lane, file, digest)?;
                }
                (file, 0)
            }
        };
        (report.file, report.repeated) = (Some(file), known.into());
        match lane.lines {
            LaneLines::Items(_) => self.give_items(&lane, file, known, dry_run, &mut report)?,
            LaneLines::Entries(_) => self.give_entries(&lane, file, known, dry_run, &mut report)?,
            LaneLines::Rows(_) => self.give_rows(&lane, file, known, dry_run, &mut report)?,
        }
        if !dry_run {
            report.parts = Some(self.end(&lane, file)?);
            let mut in_hand = FilesInHand::read(self.data).map_err(TakeError::from)?;
            in_hand.end(record).map_err(TakeError::from)?;
        }
        Ok(report)
    }

    fn keep(&self, lane: &LaneFile, record: &FileInHand) -> Result<(), TakeError> {
        FilesInHand::read(self.data)?.begin(lane, record.clone())?;
        Ok(())
    }

    fn begin(
        &mut self,
        lane: &LaneFile,
        file: u32,
        digest: Sha256Digest,
    ) -> Result<(), TakingStopped> {
        let command = Command::BeginFile(BeginFile {
            lane: lane.lane,
            file,
            digest,
            form: lane.format.clone(),
            from: lane.from,
            until: lane.until,
            lines: u32::try_from(lane.count()).unwrap_or(u32::MAX),
            total: lane.total,
            opening: lane.opening,
        });
        self.give_one(command)
    }

    fn give_one(&mut self, command: Command) -> Result<(), TakingStopped> {
        self.give(command)?.map_err(TakeError::Refused)?;
        Ok(())
    }

    /// Ends a file. Its digest is that of the file and of what its lines are.
    fn end(&mut self, lane: &LaneFile, file: u32) -> Result<FileParts, TakingStopped> {
        let of = lane.lane;
        let sums = self.client.query(move |engine| {
            let mut files = engine.books().files_of(of);
            files.find(|one| one.begun.file == file).map(|one| one.sums)
        })?;
        let sums = sums.0.ok_or(TakeError::CopyChanged)?;
        let digest = digest_of(&lane.digest, sums);
        let (lane, file_digest) = (lane.lane, Sha256Digest(digest));
        self.give_one(Command::EndFile(EndFile { lane, file, digest: file_digest }))?;
        Ok(FileParts::of(sums, &digest))
    }

    /// Refuses a statement that does not go on where the last one ended, and any other file that
    /// is older than the last one.
    fn check_follows(&self, lane: &LaneFile) -> Result<(), TakingStopped> {
        let of = lane.lane;
        let last = self.client.query(move |engine| {
            let last = engine.books().files_of(of).next_back()?;
            let opening = last.begun.opening.map(|opening| opening.minor());
            let closing = opening.map(|opening| opening + last.begun.total.minor());
            Some((last.begun.from, last.begun.until, closing))
        })?;
        let Some((from, until, closing)) = last.0 else { return Ok(()) };
        let (Some(closing), Some(opening)) = (closing, lane.opening) else {
            if lane.from < from {
                let (date, last) = (lane.from.to_string(), from.to_string());
                return Err(TakeError::OlderFile { date, last }.into());
            }
            return Ok(());
        };
        let (from, until) = (lane.from, (until, until.to_string()));
        if from < until.0 {
            let (from, until) = (from.to_string(), until.1);
            return Err(TakeError::Overlap { from, until }.into());
        }
        if closing != opening.minor() {
            let balance = |minor| Balance { minor, currency: lane.currency };
            return Err(TakeError::Gap {
                until: until.1,
                closing: balance(closing),
                from: from.to_string(),
                opening: balance(opening.minor()),
            }
            .into());
        }
        Ok(())
    }
}

fn report_of(lane: &LaneFile, dry_run: bool) -> TakeReport {
    TakeReport {
        outcome: if dry_run { TakeOutcome::DryRun } else { TakeOutcome::Taken },
        source: lane.source,
        name: lane.name.clone(),
        format: lane.format.clone(),
        currency: lane.currency,
        from: lane.from.to_string(),
        until: lane.until.to_string(),
        file: None,
        lines: lane.count() as u64,
        taken: 0,
        repeated: 0,
        to_look_at: 0,
        breaks: 0,
        sums: Vec::new(),
        parts: None,
        listed: Vec::new(),
        finished: None,
    }
}

/// The digest of a file with what its lines are, for [`EndFile`].
fn digest_of(file: &str, sums: FileSums) -> [u8; 32] {
    let part = |sum: books::reconciliation_view::FileSum| format!("{} {}", sum.lines, sum.amount);
    let text = format!(
        "{file}\nmatched {}\nexpected {}\nbreaks {}\n",
        part(sums.matched),
        part(sums.expected),
        part(sums.breaks)
    );
    Sha256::digest(text).into()
}

fn still_unfinished(from: String, stopped: TakingStopped) -> TakingStopped {
    match stopped {
        TakingStopped::Refused(cause) => {
            TakeError::StillUnfinished { from, cause: Box::new(cause) }.into()
        }
        node => node,
    }
}
