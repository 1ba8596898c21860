//! Closes what reconciliation left open, many rows at once: the list of `recon breaks --csv` comes
//! back with its column `resolution` filled in.
//!
//! All rows are checked before the first command. A break that nobody proposed to close is
//! proposed. One that another person proposed to close in the same way is approved: so the second
//! person gives the same file. A row that was carried out before changes nothing. The column
//! `amount` says of how much the list was: a break that has another amount by now is not closed by
//! an older list.

use std::collections::BTreeMap;
use std::io::{self, Read};

use books::{
    ApproveBreakResolution, BankId, Books, BreakId, BreakResolution, BreakSide, Command, EntryPart,
    Event, FileLane, FirmId, MatchEntry, PersonId, ProposeBreakResolution, Refusal,
};
use engine::{Actor, Submission};
use money::decimal::{self, DecimalAmount, DecimalStyle};
use money::{Amount, Currency, SignedAmount};
use recon::statement::expected_movements;
use reports::{BREAK_PREFIX, ProposedResolution};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::currencies::RefusalInCurrency;
use crate::defaults::declared;
use crate::error::OfficeError;
use crate::fields::{self, Expected, KnownParties, ValueError};
use crate::persons::Persons;
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
const AMOUNT: &str = "amount";
/// The command that proposes how a break is closed.
pub const PROPOSE: &str = "ProposeBreakResolution";
/// What ties an entry of a statement to what moved the account, before its name.
const TO_MOVEMENT: &str = "ToMovement=";

/// The break that a text names, as lists write it: `brk_7`, `break 7`, or the number alone.
#[must_use]
pub fn break_of(text: &str) -> Option<BreakId> {
    let text = text.trim();
    let text = text.strip_prefix("break ").unwrap_or(text);
    text.strip_prefix(BREAK_PREFIX).unwrap_or(text).parse().ok()
}

/// What became of a file of closings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
    /// What the rows move that are carried out, by resolution.
    pub sums: Vec<ClosingSum>,
}

/// Rows that are closed in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClosingSum {
    /// As it is typed.
    pub resolution: String,
    pub currency: Currency,
    pub rows: u32,
    /// In minor units. Above zero: more was found than the books have.
    pub amount: i128,
}

impl ClosingReport {
    fn add(&mut self, resolution: &str, currency: Currency, amount: i128) {
        let is_same =
            |one: &&mut ClosingSum| one.resolution == resolution && one.currency == currency;
        match self.sums.iter_mut().find(is_same) {
            Some(sum) => {
                sum.rows += 1;
                sum.amount += amount;
            }
            None => {
                let resolution = resolution.to_owned();
                self.sums.push(ClosingSum { resolution, currency, rows: 1, amount });
            }
        }
    }
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
    #[error(
        "person {by} proposed `{resolution}`; fill in the same to approve it, or leave the row \
         out. If yours is right, {by} gives a list with it: that replaces the own proposal, and \
         you can approve it then"
    )]
    ProposedOtherwise { by: String, resolution: String },
    #[error("the list says {listed}, but {open} are open now; write the list anew")]
    OtherAmount { listed: String, open: DecimalAmount },
    #[error("a part is closed only by a list with its column `amount`, as it was written")]
    PartWithoutAmount,
    #[error("no such entry is awaited; write the list anew with `doorstep recon breaks --csv`")]
    UnknownEntry,
    #[error(
        "what moved the account is closed by the statement that shows it; leave the row out, or \
         fill in the row of the entry: `{TO_MOVEMENT}{0}`"
    )]
    Movement(String),
    #[error(
        "an entry of a statement is closed with `{BREAK}`, if its cause is awaited no longer, or \
         with `{TO_MOVEMENT}…`, if it shows what the list names"
    )]
    EntryResolution,
    #[error("the account has no such movement on no statement: `{0}`; take it from the list")]
    NoMovement(String),
    #[error("the entry is of {entry}, and `{name}` of {movement}; only equal amounts are closed")]
    MovementAmount { name: String, entry: String, movement: String },
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
    #[error("the file is empty; give the list that `doorstep recon breaks --csv` writes")]
    Empty,
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
#[derive(Clone, Debug, Default)]
struct ClosingRow {
    line: u64,
    id: String,
    resolution: String,
    part: String,
    /// What was open when the list was written.
    amount: Option<String>,
}

impl ClosingRow {
    /// What was open when the list was written, in minor units: `None` if the list has no such
    /// column, `Some(None)` if it is no amount.
    fn listed(&self, currency: Currency) -> Option<Option<i128>> {
        let text = self.amount.as_deref()?.replace(',', "");
        let (sign, size) = text.strip_prefix('-').map_or((1, text.as_str()), |size| (-1, size));
        let size = decimal::parse(size, currency, DecimalStyle::PLAIN).ok();
        Some(size.map(|size| i128::from(size.minor()) * sign))
    }
}

/// What a row does.
#[derive(Clone, Debug)]
enum PlannedClosing {
    /// With what it moves, in minor units.
    Give(Command, Currency, i128),
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
    if bytes.trim_ascii().is_empty() {
        return Err(ClosingError::Empty);
    }
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let not_csv = |error: &csv::Error| ClosingError::NotCsv {
        line: error.position().map_or(1, csv::Position::line),
        why: error.to_string(),
    };
    let head = reader.headers().map_err(|error| not_csv(&error))?.clone();
    let place = |name: &'static str| head.iter().position(|one| one.trim() == name);
    let needed = |name| place(name).ok_or(ClosingError::NoColumn(name));
    let (id, resolution, part) = (needed(ID)?, needed(RESOLUTION)?, place(PART));
    let amount = place(AMOUNT);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| not_csv(&error))?;
        let cell = |place: usize| record.get(place).unwrap_or_default().trim().to_owned();
        let row = ClosingRow {
            line: record.position().map_or(0, |place| line_at(bytes, place.byte())),
            id: cell(id),
            resolution: cell(resolution),
            part: part.map(cell).unwrap_or_default(),
            amount: amount.map(cell),
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
    books: &'b Books,
    parties: KnownParties,
    persons: Persons,
    by: PersonId,
}

impl ClosingPlanner<'_> {
    fn plan(&self, rows: &[ClosingRow]) -> Vec<PlannedRow> {
        let mut lines: BTreeMap<String, u64> = BTreeMap::new();
        let planned = rows.iter().map(|row| {
            let fault = |column, fault| FaultyRow { line: row.line, column, fault };
            let same = break_of(&row.id).map_or_else(|| row.id.clone(), |id| id.to_string());
            if let Some(first) = lines.insert(same, row.line) {
                return Err(fault(ID, ClosingFault::Twice(first)));
            }
            // `break 7` can be the movement of a break that is closed.
            let is_open = |id: BreakId| {
                let view = self.books.break_view(id);
                !row.id.contains(' ') || view.is_some_and(|one| !one.amount.is_zero())
            };
            let done = match break_of(&row.id).filter(|id| is_open(*id)) {
                Some(id) => self.closing(id, row),
                None => self.entry(row),
            };
            done.map_err(|(column, why)| fault(column, why))
        });
        planned.collect()
    }

    /// The resolution and part of a row, as fields of a command.
    fn fields(
        &self,
        row: &ClosingRow,
        currency: Currency,
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
            let field = fields::declared().of(PROPOSE).and_then(|one| one.field(RESOLUTION));
            let expected = field.map_or(Expected::Text, Expected::of);
            return Err((RESOLUTION, ClosingFault::Value(ValueError::Expected(expected))));
        };
        let ProposeBreakResolution { resolution, amount, .. } = propose;
        let same = self.books.last_closing(break_id) == Some((resolution, amount));
        if view.amount.is_zero() {
            let closed = (ID, ClosingFault::Closed);
            return if same { Ok(PlannedClosing::Before) } else { Err(closed) };
        }
        let sign = if view.side == BreakSide::Excess { 1 } else { -1 };
        let signed = |amount: Amount| i128::from(amount.minor()) * sign;
        let open = signed(view.amount);
        match (row.listed(view.currency), amount) {
            (Some(listed), Some(part)) if same && listed == Some(open + signed(part)) => {
                return Ok(PlannedClosing::Before);
            }
            (Some(listed), _) if listed != Some(open) => {
                let listed = row.amount.clone().unwrap_or_default();
                let open = DecimalAmount::of_balance(open, view.currency);
                return Err((AMOUNT, ClosingFault::OtherAmount { listed, open }));
            }
            (None, Some(_)) => return Err((PART, ClosingFault::PartWithoutAmount)),
            _ => {}
        }
        let moved = amount.map_or(open, signed);
        let proposed = self.books.proposed_resolution(break_id);
        if let Some((how, part, by)) = proposed
            && by != self.by
            && (how, part) != (resolution, amount)
        {
            let by = self.persons.shown(by);
            let resolution = ProposedResolution::of(self.books, &view).map(|one| one.unquoted);
            let resolution = resolution.unwrap_or_default();
            return Err((RESOLUTION, ClosingFault::ProposedOtherwise { by, resolution }));
        }
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
            Ok(()) => Ok(PlannedClosing::Give(command, view.currency, moved)),
            Err(Refusal::Repeated) => Ok(PlannedClosing::Before),
            Err(refusal) => {
                let refusal = RefusalInCurrency::of_books(refusal, &command, self.books);
                Err((RESOLUTION, ClosingFault::Refused(refusal)))
            }
        }
    }

    /// An entry as `BANK/FILE/LINE`.
    fn entry(&self, row: &ClosingRow) -> Result<PlannedClosing, (&'static str, ClosingFault)> {
        if fields::find_movement(self.books, &row.id).is_some() {
            return Err((ID, ClosingFault::Movement(row.id.clone())));
        }
        let not_one = || (ID, ClosingFault::NotAnId(row.id.chars().take(80).collect()));
        let mut parts = row.id.rsplitn(3, '/');
        let mut number = || parts.next().and_then(|part| part.parse::<u32>().ok());
        let (line, file) = (number().ok_or_else(not_one)?, number().ok_or_else(not_one)?);
        let name = parts.next().ok_or_else(not_one)?;
        let bank = self.books.banks().find(|(_, reference)| *reference == name);
        let Some((bank, _)) = bank else { return self.sheet_line(row, (name, file, line)) };
        let movement = row.resolution.strip_prefix(TO_MOVEMENT);
        if row.resolution != BREAK && movement.is_none() {
            return Err((RESOLUTION, ClosingFault::EntryResolution));
        }
        if !row.part.is_empty() {
            return Err((PART, ClosingFault::EntryPart));
        }
        let mut awaited = self.books.expected_entries(bank);
        let currency = self.books.bank_currency(bank).ok_or_else(not_one)?;
        let Some(one) = awaited.find(|one| (one.file, one.line) == (file, line)) else {
            // One that was taken and is not awaited was decided before.
            let mut files = self.books.files_of(FileLane::Bank(bank));
            let is_known =
                files.any(|one| one.begun.file == file && (1..=one.begun.lines).contains(&line));
            let unknown = (ID, ClosingFault::UnknownEntry);
            return if is_known { Ok(PlannedClosing::Before) } else { Err(unknown) };
        };
        let mut command = give_up(bank, None, file, line);
        if let Some(name) = movement {
            command.parts.push(self.shown(bank, name, one.amount)?);
        }
        Ok(PlannedClosing::Give(command.into(), currency, one.amount))
    }

    /// What a whole entry of this amount shows, by its name.
    fn shown(
        &self,
        bank: BankId,
        name: &str,
        amount: i128,
    ) -> Result<EntryPart, (&'static str, ClosingFault)> {
        let unknown = || (RESOLUTION, ClosingFault::NoMovement(name.to_owned()));
        let movement = fields::find_movement(self.books, name).ok_or_else(unknown)?;
        let mut open = expected_movements(self.books, bank).into_iter();
        let (_, open) = open.find(|(one, _)| *one == movement).ok_or_else(unknown)?;
        if open != amount {
            let currency = self.books.bank_currency(bank).unwrap_or(Currency::CNY);
            let text = |minor| format!("{} {currency}", DecimalAmount::of_balance(minor, currency));
            let (entry, movement, name) = (text(amount), text(open), name.to_owned());
            return Err((RESOLUTION, ClosingFault::MovementAmount { name, entry, movement }));
        }
        let amount = i64::try_from(amount).ok().and_then(SignedAmount::new).ok_or_else(unknown)?;
        Ok(EntryPart { movement, amount })
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
        let currency = self.books.lane_currency(lane).ok_or_else(not_one)?;
        let mut banks = self.books.banks().map(|(bank, _)| bank);
        let bank = banks.find(|bank| self.books.bank_currency(*bank) == Some(currency));
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
        let command = give_up(bank, Some(firm), file, line).into();
        Ok(PlannedClosing::Give(command, currency, open.amount))
    }
}

/// Nothing is awaited any more.
fn give_up(bank: BankId, firm: Option<FirmId>, file: u32, line: u32) -> MatchEntry {
    let (parts, expected_until, found) = (Vec::new(), None, None);
    MatchEntry { bank, firm, file, line, parts, expected_until, found }
}

/// The resolution of a break that a text names.
///
/// # Errors
/// The text names none.
pub fn resolution_of(books: &Books, text: &str) -> Result<BreakResolution, ClosingFault> {
    let row = ClosingRow { resolution: text.to_owned(), ..ClosingRow::default() };
    let parties = parties_of(std::slice::from_ref(&row), books);
    let (persons, by) = (Persons::default(), PersonId(0));
    let planner = ClosingPlanner { books, parties, persons, by };
    let object = planner.fields(&row, Currency::CNY).map_err(|(_, fault)| fault)?;
    let found = serde_json::from_value(object.get(RESOLUTION).cloned().unwrap_or_default());
    found.map_err(|_| ClosingFault::Value(ValueError::Expected(Expected::Text)))
}

/// The command that closes an entry of a statement or a line of a firm's sheet. `None`: it was
/// closed before.
///
/// # Errors
/// Why the entry cannot be closed so, and which of its columns is wrong.
pub fn entry_closing(
    books: &Books,
    id: &str,
    resolution: &str,
    part: &str,
) -> Result<Option<Command>, FaultyRow> {
    let (line, id, amount) = (1, id.to_owned(), None);
    let (resolution, part) = (resolution.to_owned(), part.to_owned());
    let row = ClosingRow { line, id, resolution, part, amount };
    let (parties, persons, by) = (KnownParties::default(), Persons::default(), PersonId(0));
    let planned = ClosingPlanner { books, parties, persons, by }.entry(&row);
    match planned.map_err(|(column, fault)| FaultyRow { line, column, fault })? {
        PlannedClosing::Give(command, ..) => Ok(Some(command)),
        PlannedClosing::Before => Ok(None),
    }
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
        let persons = Persons::read(self.data);
        let persons = persons.map_err(|error| Box::new(OfficeError::from(error)))?;
        let asked = rows.clone();
        let planned = self.client.query(move |engine| {
            let books = engine.books();
            let parties = parties_of(&asked, books);
            ClosingPlanner { books, parties, persons, by }.plan(&asked)
        });
        let mut commands = Vec::new();
        let mut faults = Vec::new();
        let mut report = ClosingReport { dry_run, ..ClosingReport::default() };
        report.rows = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        for (row, planned) in rows.iter().zip(planned.map_err(stopped)?.0) {
            match planned {
                Ok(PlannedClosing::Give(command, currency, amount)) => {
                    report.add(&row.resolution, currency, amount);
                    commands.push((row.line, command));
                }
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
