//! Explains what reconciliation found: of a file, an entry, a break or a payment. Which rule took
//! it, what was compared, what else was looked at, what is still expected and by when.

use std::path::Path;

use books::{
    BankId, BankMovement, Books, BreakId, BusinessDate, ClearLine, EntryFinding, EntryPart,
    FileLane, LineReference, PaymentId, RailId,
};
use calendar::Calendar;
use files::incoming::clearing::line_of_item;
use money::{Currency, SignedAmount};
use recon::matching::outcome::WhyNot;
use recon::matching::{MatchKeyKind, MatchRule};
use recon::statement::{EntryLine, StatementOf, plan};
use reports::{
    ArrivalState, BooksAtHead, BreakReport, CommandFilter, DueDay, ExpectedArrivals, OpenReconRow,
    ReconBreakFilter, RecordedCommand, movement_name, open_differences, read_commands,
    recon_breaks,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fields::KnownParties;
use crate::files_in_hand::FilesInHand;

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconSubject {
    Break(BreakId),
    File(FileLane, u32),
    Entry(BankId, u32, u32),
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
    /// A payment that is in no lane: cash, or one that took no money.
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
        "`{0}` is no file, entry, break or payment of these books; write a file as SENDER/FILE, an \
         entry as BANK/FILE/LINE, a break by its id, a payment as WAYBILL/NUMBER"
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
    /// Finds what a text names. A file or entry is meant before a payment.
    #[must_use]
    pub fn find(books: &Books, text: &str) -> Option<ReconSubject> {
        if let Ok(id) = text.parse() {
            return books.break_view(BreakId(id)).map(|one| ReconSubject::Break(one.id));
        }
        let (before, last) = text.rsplit_once('/')?;
        let last: u32 = last.parse().ok()?;
        if let Some((name, file)) = before.rsplit_once('/')
            && let Ok(file) = file.parse()
            && let Some((bank, _)) = books.banks().find(|(_, reference)| *reference == name)
        {
            return Some(ReconSubject::Entry(bank, file, last));
        }
        let rails = books.rail_views().map(|one| (FileLane::from(one.id), one.reference));
        let banks = books.banks().map(|(bank, name)| (FileLane::Bank(bank), name));
        let firms = books.firms().map(|(firm, name)| (FileLane::Firm(firm), name));
        let mut lanes = rails.chain(banks).chain(firms).filter(|(_, name)| *name == before);
        if let Some((lane, _)) = lanes.next() {
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
            ReconSubject::Entry(bank, file, line) => {
                self.of_entry(bank, file, line)?.ok_or_else(unknown)
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

    fn of_break(&mut self, id: BreakId) -> Result<Option<ReconExplanation>, ExplainingError> {
        let books = self.read.books();
        let Some(view) = books.break_view(id) else { return Ok(None) };
        let entry = books.entry_of_break(id);
        let evidence = books.break_evidence(id).cloned();
        let open = open_differences(self.read)?.breaks;
        let report = open.into_iter().find(|one| one.break_id == id.to_string());
        let mut found = match (entry, evidence) {
            (Some((bank, file, line)), _) => {
                let found = self.of_entry(bank, file, line)?;
                found.unwrap_or_else(|| self.blank(FileLane::Bank(bank)))
            }
            (None, Some(evidence)) => self.of_clear_line(&evidence.line),
            (None, None) => {
                let blank = self.blank(FileLane::Bank(BankId(0)));
                let lane = report.as_ref().map(BreakReport::lane).unwrap_or_default();
                let sender = report.as_ref().map(|one| one.reference.clone()).unwrap_or_default();
                ReconExplanation { lane, sender, ..blank }
            }
        };
        found.currency = view.currency.code();
        found.state = if report.is_some() { ReconState::Break } else { ReconState::Closed };
        let raised = i128::from(view.raised.minor());
        found.amount = if view.side == books::BreakSide::Excess { raised } else { -raised };
        if let Some(report) = report {
            found.amount = report.signed_amount();
            found.kind = Some(report.kind_name());
            found.next = Some(report.next_step());
            found.suggested = report.suggested;
            found.evidence = report.evidence;
        }
        Ok(Some(found))
    }

    /// A line of a clearing file: it is found by its request or order.
    fn of_clear_line(&self, line: &ClearLine) -> ReconExplanation {
        let books = self.read.books();
        let mut found = self.blank(line.rail.into());
        (found.file, found.line) = (Some(line.file), Some(line_of_item(line.line)));
        found.amount = line.amount.minor().into();
        let rule = clearing_rule(line);
        found.compared = rule.compared().iter().map(name_of).collect();
        found.rule = Some(RuleReport { name: rule.name(), version: rule.version() });
        if let Some(payment) = line.payment {
            let what = payment_name(payment, self.waybill);
            let due = books.uncleared_payments().into_iter().find(|one| one.payment == payment);
            found.parts.push(MatchedPart { what, amount: line.amount.minor().into() });
            found.due = due.map(|one| {
                let day = self.arrivals().in_clearing_file(one.rail, payment, one.since);
                due_report(books, one.rail.into(), day)
            });
        }
        found
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
        bank: BankId,
        file: u32,
        line: u32,
    ) -> Result<Option<ReconExplanation>, ExplainingError> {
        let commands = self.commands_of_entry(bank, file, line)?;
        let taken = commands.iter().find(|one| one.command == "TakeEntry");
        let Some(taken) = taken.and_then(|one| read_entry(&one.fields)) else { return Ok(None) };
        let (books, today) = (self.read.books(), self.read.today());
        let mut found = self.blank(FileLane::Bank(bank));
        (found.file, found.line) = (Some(file), Some(line));
        found.amount = taken.amount.minor().into();
        let last = commands.last().and_then(|one| read_decision(&one.fields));
        let decisions = commands.iter().filter_map(|one| read_decision(&one.fields));
        for part in decisions.flat_map(|one| one.parts) {
            let what = movement_name(books, part.movement, &self.waybill);
            found.parts.push(MatchedPart { what, amount: part.amount.minor().into() });
        }
        let awaited = books.expected_entries(bank).find(|one| (one.file, one.line) == (file, line));
        let broken = books.open_breaks().into_iter();
        let broken = broken
            .filter(|one| books.entry_of_break(one.id) == Some((bank, file, line)))
            .map(|one| one.id)
            .next();
        let finding = last.and_then(|one| one.found);
        found.by_person = finding.is_none();
        found.state = match (awaited, finding) {
            (Some(_), _) => ReconState::Expected,
            (None, Some(EntryFinding::Broken(kind))) => {
                found.kind = Some(kind.name().to_owned());
                if broken.is_some() { ReconState::Break } else { ReconState::Closed }
            }
            (None, _) if broken.is_some() => ReconState::Break,
            (None, _) => ReconState::Matched,
        };
        if let Some(rule) = finding.and_then(rule_of) {
            found.rule = Some(RuleReport { name: rule.name(), version: rule.version() });
            found.compared = rule.compared().iter().map(name_of).collect();
        }
        if let Some(one) = awaited {
            let (of, sender) = (found.lane, found.sender.clone());
            let state = match today.cmp(&one.until) {
                std::cmp::Ordering::Less => ArrivalState::Awaited,
                std::cmp::Ordering::Equal => ArrivalState::DueToday,
                std::cmp::Ordering::Greater => ArrivalState::Late,
            };
            let (file_day, due) = (one.booked.to_string(), one.until.to_string());
            found.due = Some(DueReport { lane: of, sender, file_day, due, state });
        }
        if awaited.is_some() || broken.is_some() {
            let amount = awaited.map_or(taken.amount, |one| {
                let left = i64::try_from(one.amount).ok().and_then(SignedAmount::new);
                left.unwrap_or(taken.amount)
            });
            found.considered = self.considered((bank, file, line), taken.booked, amount)?;
        }
        found.evidence = commands;
        Ok(Some(found))
    }

    /// What the matcher looks at for an open entry today.
    fn considered(
        &self,
        (bank, file, line): (BankId, u32, u32),
        booked: BusinessDate,
        amount: SignedAmount,
    ) -> Result<Vec<ConsideredReport>, ExplainingError> {
        let books = self.read.books();
        let Some(currency) = books.bank_currency(bank) else { return Ok(Vec::new()) };
        let keys = FilesInHand::read(self.data)?.expected_keys(FileLane::Bank(bank), (file, line));
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
        Ok(all)
    }

    /// The commands that took and decided an entry, from the journal.
    fn commands_of_entry(
        &self,
        bank: BankId,
        file: u32,
        line: u32,
    ) -> Result<Vec<RecordedCommand>, ExplainingError> {
        let mut commands = Vec::new();
        read_commands(self.data, &CommandFilter::default(), None, &mut |applied| {
            let one = applied.recorded;
            let is = |field: &str, number: u32| one.fields.get(field) == Some(&number.into());
            let of_bank = one.fields.get("bank").and_then(Value::as_str);
            if matches!(one.command, "TakeEntry" | "MatchEntry")
                && one.fields.get("firm").is_none_or(Value::is_null)
                && of_bank == Some(&bank.to_string())
                && is("file", file)
                && is("line", line)
            {
                commands.push(one);
            }
            Ok(())
        })?;
        Ok(commands)
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
        let Some(rail) = books.rail_of(payment) else {
            let is_known = books.payment_with_id(payment).is_some();
            let blank = self.blank(FileLane::Bank(BankId(0)));
            return Ok(is_known.then_some(blank));
        };
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
