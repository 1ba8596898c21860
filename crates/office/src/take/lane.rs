//! A file of one lane: begun, its lines, ended. The books know where it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use books::reconciliation_view::FileSums;
use books::{BeginFile, Books, BusinessDate, Command, EndFile, FileLane, Sha256Digest};
use sha2::{Digest, Sha256};

use super::given::{GivenFile, KeptItem, KeptPayment, KeptRow, LaneFile, LaneLines};
use super::{
    FileParts, TakeError, TakeOutcome, TakeReport, TakeRequest, TakenFile, Taking, TakingStopped,
};
use crate::files_in_hand::{FileInHand, FilesInHand};
use crate::take::Balance;

/// Lines of a file in which none is what the books expect, from which on it is not taken unasked: a
/// day with a few lines can be of breaks alone.
const UNEXPECTED_LINES_MIN: usize = 10;

/// How many lines of a file are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileNews {
    /// The books expect them.
    pub expected: usize,
    /// Nothing in the books has their reference.
    pub unknown: usize,
    /// The books have what they say from a line of another file.
    pub repeated: usize,
    /// Of a known payment, and not expected. Given again, a refund or chargeback is so, too.
    pub unannounced: usize,
}

impl FileNews {
    fn lines(self) -> usize {
        self.expected + self.unknown + self.repeated + self.unannounced
    }

    /// Whether no line says anything new.
    fn is_known(self) -> bool {
        self.expected + self.unknown == 0
    }

    /// Whether so many lines were taken before that the file cannot be meant so.
    fn is_known_in_part(self) -> bool {
        are_many(self.repeated, self.lines())
    }
}

/// Whether so many of the lines of a file are repeats that it cannot be meant so.
fn are_many(repeated: usize, lines: usize) -> bool {
    repeated >= UNEXPECTED_LINES_MIN || repeated * 2 > lines
}

/// How many lines of a file are in the other one, too.
fn lines_in_both(one: &LaneFile, other: &LaneFile) -> usize {
    fn common<K: Ord>(one: impl Iterator<Item = K>, other: impl Iterator<Item = K>) -> usize {
        let known: BTreeSet<K> = other.collect();
        one.filter(|key| known.contains(key)).count()
    }
    fn of_items(items: &[KeptItem]) -> impl Iterator<Item = (&KeptPayment, &str)> {
        items.iter().map(|item| (&item.payment, item.kind.as_str()))
    }
    fn of_rows(rows: &[KeptRow]) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
        let keys = rows.iter().map(|row| (row.waybill.as_deref(), row.order.as_deref()));
        keys.filter(|keys| *keys != (None, None))
    }
    match (&one.lines, &other.lines) {
        (LaneLines::Items(one), LaneLines::Items(other)) => common(of_items(one), of_items(other)),
        (LaneLines::Rows(one), LaneLines::Rows(other)) => common(of_rows(one), of_rows(other)),
        _ => 0,
    }
}

/// Refuses a file with the lines of another one of its sender that is given with it.
fn check_together(lanes: &[LaneFile]) -> Result<(), TakeError> {
    for (place, lane) in lanes.iter().enumerate() {
        let is_beside = |one: &&LaneFile| {
            one.lane == lane.lane
                && one.digest != lane.digest
                && (one.from <= lane.until && lane.from <= one.until)
        };
        for other in lanes[..place].iter().filter(is_beside) {
            let (repeated, lines) = (lines_in_both(lane, other), lane.count());
            if are_many(repeated, lines) {
                let (name, day) = (lane.name.clone(), lane.until.to_string());
                let forms = [other.format.clone(), lane.format.clone()];
                return Err(TakeError::GivenTwice { name, day, forms, repeated, lines });
            }
        }
    }
    Ok(())
}

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

fn place_of(books: &Books, lane: FileLane, digest: Sha256Digest) -> Option<LanePlace> {
    let mut files = books.files_of(lane).rev();
    let last = files.next();
    let same = books.files_of(lane).find(|one| one.begun.digest == digest);
    Some(match (same, last) {
        (Some(one), _) if one.ended.is_some() => LanePlace::TakenBefore(one.begun.file),
        (Some(one), _) => LanePlace::Begun { file: one.begun.file, lines: one.sums.lines() },
        (None, Some(last)) if last.ended.is_none() => {
            LanePlace::OtherBegun { from: last.begun.from.to_string() }
        }
        _ => LanePlace::Next(books.next_file(lane)?),
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
        let mut report = self.carry_on(lane, &record, request)?;
        report.finished = finished;
        Ok(report)
    }

    /// Begins or continues a file, gives its lines, and ends it.
    pub(super) fn carry_on(
        &mut self,
        lane: LaneFile,
        record: &FileInHand,
        request: &TakeRequest,
    ) -> Result<TakeReport, TakingStopped> {
        let dry_run = request.dry_run;
        let lane = Arc::new(lane);
        let digest = lane.sha256().ok_or(TakeError::CopyChanged)?;
        let of = lane.lane;
        let look = move |engine: &engine::Engine| place_of(engine.books(), of, digest);
        let place = self.client.query(look)?.0.ok_or(TakeError::CopyChanged)?;
        let mut report = report_of(&lane, dry_run);
        let (file, known, is_next) = match place {
            LanePlace::TakenBefore(file) => {
                (report.outcome, report.file) = (TakeOutcome::TakenBefore, Some(file));
                return Ok(report);
            }
            LanePlace::OtherBegun { from } => return Err(TakeError::Unfinished { from }.into()),
            LanePlace::Begun { file, lines } => (file, lines, false),
            LanePlace::Next(file) => (file, 0, true),
        };
        if is_next {
            self.check_news(&lane, request.accept_breaks, self.last_statement(&lane)?)?;
            if !dry_run {
                self.keep(&lane, record)?;
                self.begin(&lane, file, digest)?;
            }
        }
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

    /// Refuses a clearing file or sheet of which the books expect no line: the same day in another
    /// form, or the file of another sender. If a file of one of its days was taken, not many of its
    /// lines may be repeats either.
    fn check_is_expected(&self, lane: &LaneFile) -> Result<(), TakingStopped> {
        let (of, days) = (lane.lane, lane.from..=lane.until);
        let same_day = self.client.query(move |engine| {
            let is_same = |one: &books::reconciliation_view::FileView<'_>| {
                one.begun.from <= *days.end() && one.begun.until >= *days.start()
            };
            let found = engine.books().files_of(of).rev().find(is_same)?.begun;
            Some(TakenFile {
                file: found.file,
                day: found.until.to_string(),
                form: found.form.clone(),
            })
        })?;
        let same_day = same_day.0;
        let news = match (&lane.lines, lane.lane) {
            (LaneLines::Items(_), _) => self.news_of_items(lane, same_day.is_some())?,
            (LaneLines::Rows(_), FileLane::Firm(firm)) => self.news_of_rows(lane, firm)?,
            _ => return Ok(()),
        };
        let (lines, name) = (lane.count(), lane.name.clone());
        Err(match same_day {
            _ if lines == 0 => return Ok(()),
            Some(taken) if news.is_known() => TakeError::InOtherForm(taken).into(),
            Some(taken) if news.is_known_in_part() => {
                TakeError::KnownInPart { taken, repeated: news.repeated, lines }.into()
            }
            _ if news.expected > 0 || lines < UNEXPECTED_LINES_MIN => return Ok(()),
            _ if news.is_known() => TakeError::LinesKnown { lines }.into(),
            _ => TakeError::NothingExpected { name, lines }.into(),
        })
    }

    /// Checks all files before the first command of any of them.
    pub(super) fn check_all(
        &self,
        request: &TakeRequest,
        lanes: &[LaneFile],
    ) -> Result<(), TakingStopped> {
        if !request.accept_breaks {
            check_together(lanes)?;
        }
        let mut ends: BTreeMap<FileLane, TakenStatement> = BTreeMap::new();
        for lane in lanes {
            let digest = lane.sha256().ok_or(TakeError::CopyChanged)?;
            let of = lane.lane;
            let look = move |engine: &engine::Engine| place_of(engine.books(), of, digest);
            // Another one that is in hand is finished first.
            if !matches!(self.client.query(look)?.0, Some(LanePlace::Next(_))) {
                continue;
            }
            let last = match ends.get(&lane.lane) {
                Some(last) => Some(last.clone()),
                None => self.last_statement(lane)?,
            };
            self.check_news(lane, request.accept_breaks, last)?;
            if let Some(opening) = lane.opening {
                let (until, form) = (lane.until, lane.format.clone());
                let (opening, moved) = (opening.minor(), lane.total.minor());
                ends.insert(lane.lane, TakenStatement { until, opening, moved, form });
            }
        }
        Ok(())
    }

    /// Refuses a statement that does not go on where the last one ended, and a file without
    /// anything that the books expect.
    fn check_news(
        &self,
        lane: &LaneFile,
        accept_breaks: bool,
        last: Option<TakenStatement>,
    ) -> Result<(), TakingStopped> {
        self.check_firm(lane)?;
        if let (Some(last), Some(opening)) = (last, lane.opening) {
            check_follows(lane, last, opening.minor())?;
        }
        if accept_breaks { Ok(()) } else { self.check_is_expected(lane) }
    }

    /// The last statement of a bank account.
    fn last_statement(&self, lane: &LaneFile) -> Result<Option<TakenStatement>, TakingStopped> {
        let of = lane.lane;
        let last = self.client.query(move |engine| {
            let last = engine.books().files_of(of).next_back()?.begun;
            let (opening, moved) = (last.opening?.minor(), last.total.minor());
            Some(TakenStatement { until: last.until, opening, moved, form: last.form.clone() })
        })?;
        Ok(last.0)
    }
}

/// A statement that was taken, or is taken before another one.
#[derive(Clone)]
struct TakenStatement {
    until: BusinessDate,
    /// In minor units.
    opening: i64,
    moved: i64,
    form: String,
}

fn check_follows(lane: &LaneFile, last: TakenStatement, opening: i64) -> Result<(), TakeError> {
    let (closing, until) = (last.opening + last.moved, last.until.to_string());
    let (from, is_same_day) = (lane.from.to_string(), lane.until == last.until);
    if is_same_day && (last.opening, last.moved) == (opening, lane.total.minor()) {
        return Err(TakeError::StatementInOtherForm { until, form: last.form });
    }
    if lane.from < last.until {
        return Err(TakeError::Overlap { from, until });
    }
    if closing != opening {
        let balance = |minor| Balance { minor, currency: lane.currency };
        let (closing, opening) = (balance(closing), balance(opening));
        return Err(TakeError::Gap { until, closing, from, opening });
    }
    Ok(())
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
