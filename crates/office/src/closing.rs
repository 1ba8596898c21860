//! Closes what reconciliation left open, many rows at once: the list of `recon breaks --csv` comes
//! back with its column `resolution` filled in.
//!
//! All rows are checked before the first command. A break that nobody proposed to close is
//! proposed. One that another person proposed to close in the same way is approved: so the second
//! person gives the same file. A row that was carried out before changes nothing.

use std::collections::BTreeMap;
use std::io::{self, Read};

use books::{
    ApproveBreakResolution, BankId, Books, BreakId, Command, Event, FileLane, FirmId, MatchEntry,
    PersonId, ProposeBreakResolution, Refusal,
};
use engine::{Actor, Submission};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::currencies::RefusalInCurrency;
use crate::defaults::declared;
use crate::error::OfficeError;
use crate::fields::{self, KnownParties, ValueError};
use crate::take::Taking;

/// Rows of a file that say how they are closed.
pub const CLOSINGS_MAX: usize = 10_000;
pub const CLOSING_FILE_BYTES_MAX: u64 = 16 << 20;
/// Wrong rows that are named.
pub const FAULTS_LISTED_MAX: usize = 1_000;
/// Commands that are given together.
const ROWS_AT_ONCE: usize = 200;
/// What closes an entry of a statement: its cause is awaited no longer.
const BREAK: &str = "Break";
/// What ends a break of a firm's sheet: a person looked at it.
const SEEN: &str = "Seen";
const ID: &str = "id";
const RESOLUTION: &str = "resolution";
const PART: &str = "part";
const PROPOSE: &str = "ProposeBreakResolution";

/// What became of a file of closings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClosingReport {
    pub dry_run: bool,
    /// Rows that say how they are closed.
    pub rows: u32,
    /// Breaks that a second person approves now.
    pub proposed: u32,
    /// Breaks that are closed, in full or in part.
    pub approved: u32,
    /// Entries whose cause is awaited no longer.
    pub decided: u32,
    /// Rows that were carried out before.
    pub repeated: u32,
}

/// Why a row cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ClosingFault {
    #[error(
        "`{0}` is no break and no entry; give the id as `doorstep recon breaks --csv` wrote it"
    )]
    NotAnId(String),
    #[error("line {0} has the same; leave one of them out")]
    Twice(u64),
    #[error("there is no such break; write the list anew with `doorstep recon breaks --csv`")]
    UnknownBreak,
    #[error("it is closed in another way; leave the row out")]
    Closed,
    #[error("no such entry is awaited; write the list anew with `doorstep recon breaks --csv`")]
    UnknownEntry,
    #[error(
        "an entry of a statement is closed with `{BREAK}` only: its cause is awaited no longer, \
         and it becomes a break"
    )]
    EntryResolution,
    #[error("a line of a sheet is closed with `{0}` here")]
    SheetResolution(&'static str),
    #[error("an entry becomes a break as a whole; leave the part empty")]
    EntryPart,
    #[error(transparent)]
    Value(ValueError),
    #[error(transparent)]
    Refused(RefusalInCurrency),
}

/// A row that cannot be carried out.
#[derive(Debug)]
pub struct FaultyRow {
    /// The physical line, from 1.
    pub line: u64,
    pub column: &'static str,
    pub fault: ClosingFault,
}

/// Why nothing, or not all, of a file of closings was carried out.
#[derive(Debug, thiserror::Error)]
pub enum ClosingError {
    #[error("the file has more than {} MiB; give it in parts", CLOSING_FILE_BYTES_MAX >> 20)]
    TooLarge,
    #[error("line {line}: it is no CSV in UTF-8 ({why}); save the list as CSV in UTF-8")]
    NotCsv { line: u64, why: String },
    #[error(
        "line 1 has no column `{0}`; give the list that `doorstep recon breaks --csv` writes, with \
         its columns"
    )]
    NoColumn(&'static str),
    #[error("no row has a resolution; fill in the column `{RESOLUTION}`, such as WriteOff")]
    NothingToClose,
    #[error("more than {CLOSINGS_MAX} rows have a resolution; give the file in parts")]
    TooManyRows,
    #[error(
        "nothing is carried out:{}",
        .0.iter().take(FAULTS_LISTED_MAX).map(ToString::to_string).collect::<String>()
    )]
    Rows(Vec<FaultyRow>),
    #[error(
        "line {line}: the books refuse it: {refusal}. The rows before it are carried out; when the \
         cause is mended, give the file again"
    )]
    Stopped { line: u64, refusal: RefusalInCurrency },
    #[error(transparent)]
    Office(#[from] Box<OfficeError>),
    #[error(transparent)]
    Read(#[from] io::Error),
}

impl std::fmt::Display for FaultyRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\n  line {}, {}: {}", self.line, self.column, self.fault)
    }
}

/// A row that says how it is closed.
#[derive(Clone, Debug)]
struct ClosingRow {
    line: u64,
    id: String,
    resolution: String,
    part: String,
}

/// What a row does.
#[derive(Clone, Debug)]
enum PlannedClosing {
    Give(Command),
    Before,
}

type PlannedRow = Result<PlannedClosing, FaultyRow>;

/// The line on which a row begins. The reader's own count is one less behind CR LF.
fn line_at(bytes: &[u8], byte: u64) -> u64 {
    let begin = usize::try_from(byte).unwrap_or(usize::MAX).min(bytes.len());
    let is_end = |at: usize| bytes.get(at).is_some_and(|byte| b"\r\n".contains(byte));
    let begin = (begin..bytes.len()).find(|at| !is_end(*at)).unwrap_or(begin);
    1 + bytes[..begin].iter().filter(|byte| **byte == b'\n').count() as u64
}

fn read_rows(file: &mut dyn Read) -> Result<Vec<ClosingRow>, ClosingError> {
    let mut bytes = Vec::new();
    file.take(CLOSING_FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > CLOSING_FILE_BYTES_MAX {
        return Err(ClosingError::TooLarge);
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let not_csv = |error: &csv::Error| ClosingError::NotCsv {
        line: error.position().map_or(1, csv::Position::line),
        why: error.to_string(),
    };
    let head = reader.headers().map_err(|error| not_csv(&error))?.clone();
    let place = |name: &'static str| head.iter().position(|one| one.trim() == name);
    let needed = |name| place(name).ok_or(ClosingError::NoColumn(name));
    let (id, resolution, part) = (needed(ID)?, needed(RESOLUTION)?, place(PART));
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| not_csv(&error))?;
        let cell = |place: usize| record.get(place).unwrap_or_default().trim().to_owned();
        let row = ClosingRow {
            line: record.position().map_or(0, |place| line_at(bytes, place.byte())),
            id: cell(id),
            resolution: cell(resolution),
            part: part.map(cell).unwrap_or_default(),
        };
        if row.resolution.is_empty() {
            continue;
        }
        if rows.len() >= CLOSINGS_MAX {
            return Err(ClosingError::TooManyRows);
        }
        rows.push(row);
    }
    if rows.is_empty() { Err(ClosingError::NothingToClose) } else { Ok(rows) }
}

/// The parties that the resolutions name.
fn parties_of(rows: &[ClosingRow], books: &Books) -> KnownParties {
    let mut wanted = std::collections::BTreeSet::new();
    let propose = fields::declared().of(PROPOSE);
    if let Some(field) = propose.and_then(|one| one.field(RESOLUTION)) {
        for row in rows {
            fields::wanted(field, &Value::String(row.resolution.clone()), &mut wanted);
        }
    }
    KnownParties::of(books, &wanted)
}

/// What reads rows by the books.
struct ClosingPlanner<'b> {
    engine: &'b engine::Engine,
    books: &'b Books,
    parties: KnownParties,
    by: PersonId,
}

impl ClosingPlanner<'_> {
    fn plan(&self, rows: &[ClosingRow]) -> Vec<PlannedRow> {
        let mut lines: BTreeMap<&str, u64> = BTreeMap::new();
        let planned = rows.iter().map(|row| {
            let fault = |column, fault| FaultyRow { line: row.line, column, fault };
            if let Some(first) = lines.insert(&row.id, row.line) {
                return Err(fault(ID, ClosingFault::Twice(first)));
            }
            let done = match row.id.parse() {
                Ok(id) => self.closing(BreakId(id), row),
                Err(_) => self.entry(row),
            };
            done.map_err(|(column, why)| fault(column, why))
        });
        planned.collect()
    }

    /// The resolution and part of a row, as fields of a command.
    fn fields(
        &self,
        row: &ClosingRow,
        currency: money::Currency,
    ) -> Result<Map<String, Value>, (&'static str, ClosingFault)> {
        let command = fields::declared().of(PROPOSE);
        let mut object = Map::new();
        let mut read = |name, column, text: String| {
            let Some(field) = command.and_then(|one| one.field(name)) else { return Ok(()) };
            let value = fields::value(field, &Value::String(text), &self.parties);
            let value = value.map_err(|error| (column, ClosingFault::Value(error)))?;
            object.insert(name.to_owned(), value);
            Ok(())
        };
        read(RESOLUTION, RESOLUTION, row.resolution.clone())?;
        if !row.part.is_empty() {
            // With its currency, or without.
            let part = row.part.strip_suffix(currency.code()).unwrap_or(&row.part);
            read("amount", PART, format!("{}{currency}", part.trim()))?;
        }
        Ok(object)
    }

    fn closing(
        &self,
        break_id: BreakId,
        row: &ClosingRow,
    ) -> Result<PlannedClosing, (&'static str, ClosingFault)> {
        let unknown = || (ID, ClosingFault::UnknownBreak);
        let view = self.books.break_view(break_id).ok_or_else(unknown)?;
        let number = self.books.next_break_change(break_id).ok_or_else(unknown)?;
        let mut object = self.fields(row, view.currency)?;
        for (name, value) in [
            ("break_id", Value::from(break_id.to_string())),
            ("number", number.into()),
            ("proposed_by", self.by.to_string().into()),
        ] {
            object.insert(name.to_owned(), value);
        }
        let Ok(engine::Command::Books(Command::ProposeBreakResolution(propose))) =
            declared(PROPOSE, &object)
        else {
            return Err((RESOLUTION, ClosingFault::UnknownBreak));
        };
        let ProposeBreakResolution { resolution, amount, .. } = propose;
        if view.amount.is_zero() {
            let same = self.books.last_closing(break_id) == Some((resolution, amount));
            let closed = (ID, ClosingFault::Closed);
            return if same { Ok(PlannedClosing::Before) } else { Err(closed) };
        }
        let proposed = self.books.proposed_resolution(break_id);
        let by_other = proposed
            .is_some_and(|(how, part, by)| (how, part) == (resolution, amount) && by != self.by);
        let (checked, command) = if by_other {
            let approved_by = self.by;
            let approve =
                ApproveBreakResolution { break_id, number, resolution, amount, approved_by };
            (self.books.check_break_approval(&approve), approve.into())
        } else {
            (self.books.check_break_proposal(&propose), propose.into())
        };
        match checked {
            Ok(()) => Ok(PlannedClosing::Give(command)),
            Err(Refusal::Repeated) => Ok(PlannedClosing::Before),
            Err(refusal) => {
                let refusal = RefusalInCurrency::of(refusal.into(), &command.into(), self.engine);
                Err((RESOLUTION, ClosingFault::Refused(refusal)))
            }
        }
    }

    /// An entry as `BANK/FILE/LINE`.
    fn entry(&self, row: &ClosingRow) -> Result<PlannedClosing, (&'static str, ClosingFault)> {
        let not_one = || (ID, ClosingFault::NotAnId(row.id.chars().take(80).collect()));
        let mut parts = row.id.rsplitn(3, '/');
        let mut number = || parts.next().and_then(|part| part.parse::<u32>().ok());
        let (line, file) = (number().ok_or_else(not_one)?, number().ok_or_else(not_one)?);
        let name = parts.next().ok_or_else(not_one)?;
        let bank = self.books.banks().find(|(_, reference)| *reference == name);
        let Some((bank, _)) = bank else { return self.sheet_line(row, (name, file, line)) };
        if row.resolution != BREAK {
            return Err((RESOLUTION, ClosingFault::EntryResolution));
        }
        if !row.part.is_empty() {
            return Err((PART, ClosingFault::EntryPart));
        }
        let mut awaited = self.books.expected_entries(bank);
        if !awaited.any(|one| (one.file, one.line) == (file, line)) {
            // One that was taken and is not awaited was decided before.
            let mut files = self.books.files_of(FileLane::Bank(bank));
            let is_known =
                files.any(|one| one.begun.file == file && (1..=one.begun.lines).contains(&line));
            let unknown = (ID, ClosingFault::UnknownEntry);
            return if is_known { Ok(PlannedClosing::Before) } else { Err(unknown) };
        }
        Ok(PlannedClosing::Give(give_up(bank, None, file, line).into()))
    }

    /// A line of a firm's sheet as `FIRM/FILE/LINE`. A break of a sheet posts nothing: a person
    /// looks at it.
    fn sheet_line(
        &self,
        row: &ClosingRow,
        (name, file, line): (&str, u32, u32),
    ) -> Result<PlannedClosing, (&'static str, ClosingFault)> {
        let not_one = || (ID, ClosingFault::NotAnId(row.id.chars().take(80).collect()));
        let mut firms = self.books.firms();
        let (firm, _) = firms.find(|(_, reference)| *reference == name).ok_or_else(not_one)?;
        let lane = FileLane::Firm(firm);
        let currency = self.books.lane_currency(lane);
        let mut banks = self.books.banks().map(|(bank, _)| bank);
        let bank = banks.find(|bank| self.books.bank_currency(*bank) == currency);
        let bank = bank.ok_or_else(not_one)?;
        let mut open = self.books.open_sheet_lines(firm);
        let Some(open) = open.find(|one| (one.file, one.line) == (file, line)) else {
            let mut files = self.books.files_of(lane);
            let is_known =
                files.any(|one| one.begun.file == file && (1..=one.begun.lines).contains(&line));
            let unknown = (ID, ClosingFault::UnknownEntry);
            return if is_known { Ok(PlannedClosing::Before) } else { Err(unknown) };
        };
        let wanted = if open.until.is_some() { BREAK } else { SEEN };
        if row.resolution != wanted {
            return Err((RESOLUTION, ClosingFault::SheetResolution(wanted)));
        }
        if !row.part.is_empty() {
            return Err((PART, ClosingFault::EntryPart));
        }
        Ok(PlannedClosing::Give(give_up(bank, Some(firm), file, line).into()))
    }
}

/// Nothing is awaited any more.
fn give_up(bank: BankId, firm: Option<FirmId>, file: u32, line: u32) -> MatchEntry {
    let (parts, expected_until, found) = (Vec::new(), None, None);
    MatchEntry { bank, firm, file, line, parts, expected_until, found }
}

impl Taking<'_> {
    /// Carries out a file of closings.
    ///
    /// # Errors
    /// Why nothing was carried out, or at which row it stopped.
    pub fn close(
        &mut self,
        file: &mut dyn Read,
        dry_run: bool,
    ) -> Result<ClosingReport, ClosingError> {
        let rows = read_rows(file)?;
        let stopped = |error: node::NodeStopped| ClosingError::Office(Box::new(error.into()));
        let Actor::Person(by) = self.by else {
            let command = PROPOSE.to_owned();
            return Err(Box::new(OfficeError::NeedsPerson { command }).into());
        };
        let asked = rows.clone();
        let planned = self.client.query(move |engine| {
            let books = engine.books();
            ClosingPlanner { engine, books, parties: parties_of(&asked, books), by }.plan(&asked)
        });
        let mut commands = Vec::new();
        let mut faults = Vec::new();
        let mut report = ClosingReport { dry_run, ..ClosingReport::default() };
        report.rows = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        for (row, planned) in rows.iter().zip(planned.map_err(stopped)?.0) {
            match planned {
                Ok(PlannedClosing::Give(command)) => commands.push((row.line, command)),
                Ok(PlannedClosing::Before) => report.repeated += 1,
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            return Err(ClosingError::Rows(faults));
        }
        for chunk in commands.chunks(ROWS_AT_ONCE) {
            let answers = match dry_run {
                true => chunk.iter().map(|_| Ok(engine::Events::default())).collect(),
                false => {
                    let give = |(_, command): &(u64, Command)| {
                        (None, Submission::new(self.by, command.clone()))
                    };
                    self.client.execute(chunk.iter().map(give).collect()).map_err(stopped)?
                }
            };
            for ((line, command), answer) in chunk.iter().zip(answers) {
                match answer {
                    Ok(events) => {
                        let events: &[Event] = &events.books;
                        (self.on_events)(events);
                        *counter(&mut report, command) += 1;
                    }
                    Err(engine::Refusal::Books(Refusal::Repeated)) => report.repeated += 1,
                    Err(refusal) => {
                        let (line, command) = (*line, command.clone());
                        let of = move |engine: &engine::Engine| {
                            RefusalInCurrency::of(refusal, &command.into(), engine)
                        };
                        let refusal = self.client.query(of).map_err(stopped)?.0;
                        return Err(ClosingError::Stopped { line, refusal });
                    }
                }
            }
        }
        Ok(report)
    }
}

fn counter<'r>(report: &'r mut ClosingReport, command: &Command) -> &'r mut u32 {
    match command {
        Command::ProposeBreakResolution(_) => &mut report.proposed,
        Command::ApproveBreakResolution(_) => &mut report.approved,
        _ => &mut report.decided,
    }
}
