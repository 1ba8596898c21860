//! Explains what reconciliation found: of a file, a line of it, a break, a movement or a payment.
//! Which rule took it, what was compared, what else was looked at, what is still expected and by
//! when.

mod breaks;
mod shown;

use std::path::Path;

use books::{
    BankId, BankMovement, Books, BreakId, BusinessDate, ClearLine, EntryFinding, EntryPart,
    FileLane, FirmId, LineReference, PaymentId, RailId,
};
use calendar::Calendar;
use files::incoming::clearing::line_of_item;
use money::{Currency, SignedAmount};
use recon::matching::outcome::{CONSIDERED_MAX, WhyNot};
use recon::matching::{MatchKeyKind, MatchRule};
use recon::statement::{EntryLine, StatementOf, expected_movements, plan};
use reports::{
    AppliedCommand, ArrivalState, BREAK_PREFIX, BooksAtHead, CommandFilter, DueDay,
    ExpectedArrivals, OpenReconRow, ReconBreakFilter, RecordedCommand, movement_name,
    read_commands, recon_breaks,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::closing::break_of;
use crate::fields::{KnownParties, find_movement};
use crate::files_in_hand::FilesInHand;

/// Why something is looked at that no rule names.
const SAME_AMOUNT: &str = "same_amount";

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconSubject {
    Break(BreakId),
    File(FileLane, u32),
    /// A line of a file: of a clearing file the physical one, of others its number in the file.
    Line(FileLane, u32, u32),
    /// What moved a bank account.
    Movement(BankMovement),
    Payment(PaymentId),
}

/// A rule of docs/recon.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RuleReport {
    pub name: &'static str,
    pub version: u16,
}

/// What was looked at and not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConsideredReport {
    pub what: String,
    /// As `amount_differs`.
    pub why_not: String,
}

/// A part of a match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatchedPart {
    pub what: String,
    /// In minor units.
    pub amount: i128,
}

/// How a break, or a part of it, was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClosedPart {
    /// As it is typed: `WriteOff`, `ThroughBank=main`.
    pub resolution: String,
    /// In minor units. `None`: all that was open.
    pub amount: Option<i128>,
    /// The ids of the two persons.
    pub proposed_by: String,
    pub approved_by: String,
    pub date: String,
}

/// In which file something is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DueReport {
    pub lane: &'static str,
    pub sender: String,
    pub file_day: String,
    pub due: String,
    pub state: ArrivalState,
}

/// How a subject stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReconState {
    Matched,
    Expected,
    Break,
    Closed,
    /// A file whose lines are being taken.
    Begun,
    /// A payment that is in no file: cash that no firm's sheet states, or one that took no money.
    Nowhere,
}

/// Why a subject is what it is. Amounts are in minor units.
#[derive(Debug, Serialize)]
pub struct ReconExplanation {
    pub state: ReconState,
    /// Of the file.
    pub lane: &'static str,
    pub sender: String,
    pub currency: &'static str,
    pub file: Option<u32>,
    pub line: Option<u32>,
    pub amount: i128,
    /// Why it is a break, as in docs/recon.md.
    pub kind: Option<String>,
    /// A person decided, not a rule.
    pub by_person: bool,
    pub rule: Option<RuleReport>,
    /// What the rule compares.
    pub compared: Vec<String>,
    pub parts: Vec<MatchedPart>,
    pub considered: Vec<ConsideredReport>,
    pub due: Option<DueReport>,
    /// Of a break: how it was closed.
    pub closed: Vec<ClosedPart>,
    /// Of a file: matched, expected and breaks, which add up to it.
    pub sums: Option<[i128; 3]>,
    /// Of a file: what of it is open.
    pub open: Vec<OpenReconRow>,
    pub suggested: Option<String>,
    pub next: Option<String>,
    /// The commands behind it.
    pub evidence: Vec<RecordedCommand>,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainingError {
    #[error(
        "`{0}` is no file, line, break, movement or payment of these books; write a file as \
         SENDER/FILE, a line as SENDER/FILE/LINE, a break as {BREAK_PREFIX}NUMBER, a movement as \
         `deposit 7`, a payment as WAYBILL/NUMBER"
    )]
    UnknownSubject(String),
    #[error(transparent)]
    Report(#[from] reports::ReportError),
    #[error(transparent)]
    Journal(#[from] reports::ExportError),
    #[error(transparent)]
    Matching(#[from] recon::matching::MatchInputError),
    #[error(transparent)]
    Store(#[from] std::io::Error),
}

impl ReconSubject {
    /// Finds what a text names. A file or a line of it is meant before a payment.
    #[must_use]
    pub fn find(books: &Books, text: &str) -> Option<ReconSubject> {
        if let Some(movement) = find_movement(books, text) {
            return Some(match movement {
                BankMovement::Collection(payment) => ReconSubject::Payment(payment),
                movement => ReconSubject::Movement(movement),
            });
        }
        if let Some(id) = break_of(text) {
            return books.break_view(id).map(|one| ReconSubject::Break(one.id));
        }
        let (before, last) = text.rsplit_once('/')?;
        let last: u32 = last.parse().ok()?;
        if let Some((name, file)) = before.rsplit_once('/')
            && let Ok(file) = file.parse()
            && let Some(lane) = lane_of(books, name)
        {
            return Some(ReconSubject::Line(lane, file, last));
        }
        if let Some(lane) = lane_of(books, before) {
            return Some(ReconSubject::File(lane, last));
        }
        let seller = before.split('/').next().unwrap_or_default().to_owned();
        let parties = KnownParties::of(books, &[("SellerId".to_owned(), seller)].into());
        let parcel = parties.parcel(before)?;
        let parcel = serde_json::from_value(Value::from(parcel)).ok()?;
        let number = u8::try_from(last).ok()?;
        Some(ReconSubject::Payment(PaymentId { parcel, number }))
    }
}

/// What explains subjects of the books of a data directory.
pub struct ReconExplainer<'d> {
    pub read: &'d mut BooksAtHead,
    pub data: &'d Path,
    pub calendar: Option<&'d Calendar>,
    /// Writes a parcel's waybill.
    pub waybill: fn(books::ParcelId) -> String,
}

impl ReconExplainer<'_> {
    /// # Errors
    /// The text names nothing, or the journal cannot be read.
    pub fn explain(&mut self, text: &str) -> Result<ReconExplanation, ExplainingError> {
        let unknown = || ExplainingError::UnknownSubject(text.chars().take(200).collect());
        let subject = ReconSubject::find(self.read.books(), text).ok_or_else(unknown)?;
        match subject {
            ReconSubject::Break(id) => self.of_break(id)?.ok_or_else(unknown),
            ReconSubject::File(lane, file) => self.of_file(lane, file)?.ok_or_else(unknown),
            ReconSubject::Line(lane, file, line) => match lane {
                FileLane::Bank(_) | FileLane::Firm(_) => self.of_entry(lane, (file, line))?,
                FileLane::Network(_) | FileLane::Wallet(_) => {
                    self.of_clearing_line(lane, (file, line))?
                }
            }
            .ok_or_else(unknown),
            ReconSubject::Movement(movement) => {
                let found = match (self.of_movement(movement)?, movement) {
                    // It moved no bank account.
                    (None, BankMovement::Break(id)) => self.of_break(id)?,
                    (found, _) => found,
                };
                found.ok_or_else(unknown)
            }
            ReconSubject::Payment(payment) => self.of_payment(payment)?.ok_or_else(unknown),
        }
    }

    fn blank(&self, lane: FileLane) -> ReconExplanation {
        let books = self.read.books();
        let (of, sender) = lane_name(books, lane);
        ReconExplanation {
            state: ReconState::Nowhere,
            lane: of,
            sender,
            currency: books.lane_currency(lane).map(Currency::code).unwrap_or_default(),
            file: None,
            line: None,
            amount: 0,
            kind: None,
            by_person: false,
            rule: None,
            compared: Vec::new(),
            parts: Vec::new(),
            considered: Vec::new(),
            due: None,
            closed: Vec::new(),
            sums: None,
            open: Vec::new(),
            suggested: None,
            next: None,
            evidence: Vec::new(),
        }
    }

    fn arrivals(&self) -> ExpectedArrivals<'_> {
        ExpectedArrivals::new(self.read.books(), self.calendar, self.read.today())
    }

    fn of_file(
        &mut self,
        lane: FileLane,
        file: u32,
    ) -> Result<Option<ReconExplanation>, ExplainingError> {
        let mut found = self.blank(lane);
        let record = self.read.books().files_of(lane).find(|one| one.begun.file == file);
        let Some(record) = record else { return Ok(None) };
        let sums = record.sums;
        found.file = Some(file);
        found.amount = record.begun.total.minor().into();
        found.sums = Some([sums.matched, sums.expected, sums.breaks].map(|one| one.amount));
        found.state = match record.ended {
            None => ReconState::Begun,
            Some(_) if sums.breaks.lines > 0 => ReconState::Break,
            Some(_) if sums.expected.lines > 0 => ReconState::Expected,
            Some(_) => ReconState::Matched,
        };
        let sender = Some(found.sender.clone());
        let filter = ReconBreakFilter { lane: sender, ..ReconBreakFilter::default() };
        let rows = recon_breaks(self.read, self.calendar, &filter, &self.waybill)?;
        found.open = rows.into_iter().filter(|row| row.file == Some(file)).collect();
        Ok(Some(found))
    }

    fn of_entry(
        &mut self,
        lane: FileLane,
        place: (u32, u32),
    ) -> Result<Option<ReconExplanation>, ExplainingError> {
        let commands = self.commands_of_entry(lane, place)?;
        let taken = commands.iter().find(|one| one.command == "TakeEntry");
        let Some(taken) = taken.and_then(|one| read_entry(&one.fields)) else { return Ok(None) };
        let (books, today) = (self.read.books(), self.read.today());
        let mut found = self.blank(lane);
        (found.file, found.line) = (Some(place.0), Some(place.1));
        found.amount = taken.amount.minor().into();
        let last = commands.last().and_then(|one| read_decision(&one.fields));
        let decisions = commands.iter().filter_map(|one| read_decision(&one.fields));
        for part in decisions.flat_map(|one| one.parts) {
            let what = movement_name(books, part.movement, &self.waybill);
            found.parts.push(MatchedPart { what, amount: part.amount.minor().into() });
        }
        let (awaited, broken) = open_entry(books, lane, place);
        let finding = last.and_then(|one| one.found);
        found.by_person = finding.is_none();
        found.state = match (&awaited, finding) {
            (Some(_), _) => ReconState::Expected,
            (None, Some(EntryFinding::Broken(kind))) => {
                found.kind = Some(kind.name().to_owned());
                if broken { ReconState::Break } else { ReconState::Closed }
            }
            (None, _) if broken => ReconState::Break,
            (None, _) => ReconState::Matched,
        };
        if let Some(rule) = finding.and_then(rule_of) {
            found.rule = Some(RuleReport { name: rule.name(), version: rule.version() });
            found.compared = rule.compared().iter().map(name_of).collect();
        }
        if let Some((until, _)) = awaited {
            let (of, sender) = (found.lane, found.sender.clone());
            let state = match today.cmp(&until) {
                std::cmp::Ordering::Less => ArrivalState::Awaited,
                std::cmp::Ordering::Equal => ArrivalState::DueToday,
                std::cmp::Ordering::Greater => ArrivalState::Late,
            };
            let (file_day, due) = (taken.booked.to_string(), until.to_string());
            found.due = Some(DueReport { lane: of, sender, file_day, due, state });
        }
        if let FileLane::Bank(bank) = lane
            && (awaited.is_some() || broken)
        {
            let left = awaited.and_then(|(_, left)| i64::try_from(left).ok());
            let amount = left.and_then(SignedAmount::new).unwrap_or(taken.amount);
            found.considered = self.considered((bank, place), taken.booked, amount)?;
            found.next = self.row_of(&found.sender, place)?.map(|row| row.next);
        }
        found.evidence = commands;
        Ok(Some(found))
    }

    /// The open row of an entry.
    fn row_of(
        &mut self,
        sender: &str,
        (file, line): (u32, u32),
    ) -> Result<Option<OpenReconRow>, ExplainingError> {
        let lane = Some(sender.to_owned());
        let filter = ReconBreakFilter { lane, ..ReconBreakFilter::default() };
        let rows = recon_breaks(self.read, self.calendar, &filter, &self.waybill)?;
        let is_its = |row: &OpenReconRow| (row.file, row.line) == (Some(file), Some(line));
        Ok(rows.into_iter().find(is_its))
    }

    /// What the matcher looks at for an open entry today.
    fn considered(
        &self,
        (bank, place): (BankId, (u32, u32)),
        booked: BusinessDate,
        amount: SignedAmount,
    ) -> Result<Vec<ConsideredReport>, ExplainingError> {
        let books = self.read.books();
        let Some(currency) = books.bank_currency(bank) else { return Ok(Vec::new()) };
        let keys = FilesInHand::read(self.data)?.expected_keys(FileLane::Bank(bank), place);
        let (file, line) = place;
        let of = StatementOf { bank, currency, file, today: self.read.today() };
        let planned =
            plan(books, of, vec![EntryLine { line, booked, amount, keys, details: Vec::new() }])?;
        let Some(entry) = planned.lines.into_iter().next() else { return Ok(Vec::new()) };
        let report = |movement: BankMovement, why_not: String| ConsideredReport {
            what: movement_name(books, movement, &self.waybill),
            why_not,
        };
        let mut all: Vec<_> = entry
            .considered
            .iter()
            .map(|(movement, why_not)| report(*movement, why_not_name(*why_not)))
            .collect();
        let fits = entry.parts.iter().map(|part| report(part.movement, "fits_now".to_owned()));
        all.extend(fits);
        let suggested = entry.suggested.into_iter().flatten();
        all.extend(suggested.map(|movement| report(movement, "suggested".to_owned())));
        // No key ties them, but people can see that it is the same money.
        for (movement, same) in expected_movements(books, bank) {
            let one = report(movement, SAME_AMOUNT.to_owned());
            let is_known = all.iter().any(|known| known.what == one.what);
            if same == i128::from(amount.minor()) && !is_known && all.len() < CONSIDERED_MAX {
                all.push(one);
            }
        }
        Ok(all)
    }

    /// The commands of the journal that are wanted.
    fn commands(
        &self,
        wants: &mut dyn FnMut(&AppliedCommand) -> bool,
    ) -> Result<Vec<RecordedCommand>, ExplainingError> {
        let mut commands = Vec::new();
        read_commands(self.data, &CommandFilter::default(), None, &mut |applied| {
            if wants(&applied) {
                commands.push(applied.recorded);
            }
            Ok(())
        })?;
        Ok(commands)
    }

    /// The commands that took and decided an entry of a statement or a line of a firm's sheet.
    fn commands_of_entry(
        &self,
        lane: FileLane,
        (file, line): (u32, u32),
    ) -> Result<Vec<RecordedCommand>, ExplainingError> {
        self.commands(&mut |applied| {
            let one = &applied.recorded;
            matches!(one.command, "TakeEntry" | "MatchEntry")
                && serde_json::from_value::<EntryPlace>(one.fields.clone().into())
                    .is_ok_and(|one| (one.lane(), one.file, one.line) == (lane, file, line))
        })
    }

    fn of_payment(
        &mut self,
        payment: PaymentId,
    ) -> Result<Option<ReconExplanation>, ExplainingError> {
        let parcel = Some(payment.parcel.to_string());
        let filter = CommandFilter { parcel, ..CommandFilter::default() };
        let mut lines: Vec<(ClearLine, RecordedCommand)> = Vec::new();
        read_commands(self.data, &filter, None, &mut |applied| {
            let one = applied.recorded;
            if one.command == "ClearLine"
                && let Ok(line) = serde_json::from_value::<ClearLine>(one.fields.clone().into())
                && line.payment == Some(payment)
            {
                lines.push((line, one));
            }
            Ok(())
        })?;
        let books = self.read.books();
        let mut uncleared = books.uncleared_payments().into_iter();
        let uncleared = uncleared.rfind(|one| one.payment == payment);
        let Some(rail) = books.rail_of(payment) else { return self.of_cash(payment) };
        let mut found = self.blank(rail.into());
        found.state = ReconState::Matched;
        for (line, _) in &lines {
            let rule = clearing_rule(line);
            found.rule = Some(RuleReport { name: rule.name(), version: rule.version() });
            found.compared = rule.compared().iter().map(name_of).collect();
            let place = line_of_item(line.line);
            let what = format!("{}/{}/{place}", found.sender, line.file);
            found.parts.push(MatchedPart { what, amount: line.amount.minor().into() });
        }
        if let Some(one) = uncleared {
            found.state = ReconState::Expected;
            found.amount = one.amount;
            let day = self.arrivals().in_clearing_file(rail, payment, one.since);
            found.due = Some(due_report(self.read.books(), rail.into(), day));
        }
        found.evidence = lines.into_iter().map(|(_, one)| one).collect();
        Ok(Some(found))
    }
}

/// The lane of a sender.
fn lane_of(books: &Books, name: &str) -> Option<FileLane> {
    let rails = books.rail_views().map(|one| (FileLane::from(one.id), one.reference));
    let banks = books.banks().map(|(bank, name)| (FileLane::Bank(bank), name));
    let firms = books.firms().map(|(firm, name)| (FileLane::Firm(firm), name));
    rails.chain(banks).chain(firms).find(|(_, one)| *one == name).map(|(lane, _)| lane)
}

/// Until when an entry is awaited, with what is left of it, and whether it is an open break.
fn open_entry(
    books: &Books,
    lane: FileLane,
    place: (u32, u32),
) -> (Option<(BusinessDate, i128)>, bool) {
    match lane {
        FileLane::Bank(bank) => {
            let mut entries = books.expected_entries(bank);
            let awaited = entries.find(|one| (one.file, one.line) == place);
            let mut breaks = books.open_breaks().into_iter();
            let of = (bank, place.0, place.1);
            let broken = breaks.any(|one| books.entry_of_break(one.id) == Some(of));
            (awaited.map(|one| (one.until, one.amount)), broken)
        }
        FileLane::Firm(firm) => {
            let open = books.open_sheet_lines(firm).find(|one| (one.file, one.line) == place);
            let awaited = open.and_then(|one| Some((one.until?, one.amount)));
            (awaited, open.is_some_and(|one| one.until.is_none()))
        }
        FileLane::Network(_) | FileLane::Wallet(_) => (None, false),
    }
}

fn lane_name(books: &Books, lane: FileLane) -> (&'static str, String) {
    let rail = |id: RailId| {
        let found = books.rail_views().find(|rail| rail.id == id);
        found.map(|rail| rail.reference.to_owned()).unwrap_or_default()
    };
    match lane {
        FileLane::Network(id) => ("network", rail(RailId::Network(id))),
        FileLane::Wallet(id) => ("wallet", rail(RailId::Wallet(id))),
        FileLane::Bank(id) => {
            let found = books.banks().find(|(bank, _)| *bank == id);
            ("bank", found.map(|(_, name)| name.to_owned()).unwrap_or_default())
        }
        FileLane::Firm(id) => ("firm", books.firm_reference(id).unwrap_or_default().to_owned()),
    }
}

fn due_report(books: &Books, lane: FileLane, day: DueDay) -> DueReport {
    let (of, sender) = lane_name(books, lane);
    let (file_day, due) = (day.file_day.to_string(), day.due.to_string());
    DueReport { lane: of, sender, file_day, due, state: day.state }
}

fn payment_name(payment: PaymentId, waybill: fn(books::ParcelId) -> String) -> String {
    format!("{}/{}", waybill(payment.parcel), payment.number)
}

/// By which key the payment of a line is found.
fn clearing_rule(line: &ClearLine) -> MatchRule {
    MatchRule::ExactKey(match line.reference {
        LineReference::Request { .. } => MatchKeyKind::StanAndSecond,
        LineReference::Order(_) => MatchKeyKind::WalletOrder,
    })
}

fn rule_of(finding: EntryFinding) -> Option<MatchRule> {
    // The key of an exact match is not kept; what is compared does not depend on it.
    let key = MatchKeyKind::BankReference;
    Some(match finding {
        EntryFinding::ExactKey => MatchRule::ExactKey(key),
        EntryFinding::KeyedSum => MatchRule::KeyedSum(key),
        EntryFinding::SumTolerance => MatchRule::SumTolerance(key),
        EntryFinding::DatedSum => MatchRule::DatedSum,
        EntryFinding::SubsetSum => MatchRule::SubsetSum,
        EntryFinding::Awaited | EntryFinding::Broken(_) => return None,
    })
}

/// The name of a value in JSON. A content of it is left out.
fn name_of(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        Ok(Value::Object(one)) => one.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

fn why_not_name(why_not: WhyNot) -> String {
    name_of(&why_not)
}

/// Which entry or line of a sheet `TakeEntry` and `MatchEntry` are of.
#[derive(Deserialize)]
struct EntryPlace {
    bank: BankId,
    firm: Option<FirmId>,
    file: u32,
    line: u32,
}

impl EntryPlace {
    fn lane(&self) -> FileLane {
        self.firm.map_or(FileLane::Bank(self.bank), FileLane::Firm)
    }
}

/// What is read of the fields of `TakeEntry`.
#[derive(Deserialize)]
struct TakenEntry {
    booked: BusinessDate,
    amount: SignedAmount,
}

/// What is read of the fields of `TakeEntry` and `MatchEntry`.
#[derive(Deserialize)]
struct EntryDecision {
    parts: Vec<EntryPart>,
    found: Option<EntryFinding>,
}

fn read_entry(fields: &serde_json::Map<String, Value>) -> Option<TakenEntry> {
    serde_json::from_value(fields.clone().into()).ok()
}

fn read_decision(fields: &serde_json::Map<String, Value>) -> Option<EntryDecision> {
    serde_json::from_value(fields.clone().into()).ok()
}
