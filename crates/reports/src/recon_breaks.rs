//! What reconciliation leaves open, as one list: breaks, entries of statements whose cause is
//! awaited, and what moved a bank account and is on no statement.

use books::{BankMovement, Books, BusinessDate, FileLane, ParcelId};
use calendar::Calendar;
use money::Currency;
use money::decimal::DecimalAmount;
use serde::Serialize;

use crate::arrivals::{ArrivalState, ExpectedArrivals};
use crate::open_differences::{BreakReport, BreakSource, open_differences, quoted};
use crate::waiting::{WaitingFilter, WaitingKind, movement_name, movement_text, waiting_list};
use crate::{BooksAtHead, ProposedResolution, ReportError};

/// Stands before the id of a break. A spreadsheet keeps a text as it is, and rounds a number of 19
/// digits.
pub const BREAK_PREFIX: &str = "brk_";

/// What is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenReconKind {
    /// A difference that two people close.
    Break,
    /// An entry of a statement whose cause is awaited.
    Entry,
    /// Moved a bank account in the books, and is on no statement.
    Movement,
}

/// One row of the list.
#[derive(Debug, Serialize)]
pub struct OpenReconRow {
    pub what: OpenReconKind,
    /// A break's id with [`BREAK_PREFIX`]; an entry as `BANK/FILE/LINE`; a movement by its name.
    pub id: String,
    /// `network`, `wallet`, `bank` or `firm`.
    pub lane: &'static str,
    /// The operator's name of the network, wallet, bank account or firm.
    pub sender: String,
    /// The number of the file in its lane.
    pub file: Option<u32>,
    /// The physical line of a clearing file, or the number of the entry of a statement.
    pub line: Option<u32>,
    /// As in docs/recon.md, with `_`; or `awaited`, `counted_more`, `sale_in_suspense`,
    /// `raised_by_hand`.
    pub kind: String,
    /// In minor units. Above zero: more was found than the books have.
    pub amount: i128,
    pub currency: &'static str,
    pub since: String,
    pub age_days: u16,
    /// Until when it is in time.
    pub due: Option<String>,
    /// The person's id. `None`: nobody yet.
    pub owner: Option<String>,
    /// The resolution that waits for a second person.
    pub proposed: Option<ProposedResolution>,
    /// The resolution that the rules suggest, as it is typed.
    pub suggested: Option<String>,
    /// The command that goes on.
    pub next: String,
}

/// Which rows are wanted: those that meet every condition that is set.
#[derive(Clone, Debug, Default)]
pub struct ReconBreakFilter {
    /// A lane, or the name of a sender.
    pub lane: Option<String>,
    /// A kind, as in [`OpenReconRow::kind`].
    pub kind: Option<String>,
    /// A person's id; `0`: nobody yet.
    pub owner: Option<String>,
    /// The row must be older than these days.
    pub older_than: Option<u16>,
}

impl ReconBreakFilter {
    fn wants(&self, row: &OpenReconRow) -> bool {
        let lane = |wanted: &String| *wanted == row.lane || *wanted == row.sender;
        let owner = |wanted: &String| row.owner.as_deref().unwrap_or("0") == *wanted;
        self.lane.as_ref().is_none_or(lane)
            && self.kind.as_ref().is_none_or(|kind| *kind == row.kind)
            && self.owner.as_ref().is_none_or(owner)
            && self.older_than.is_none_or(|days| row.age_days > days)
    }
}

/// What is open at the end of a journal, oldest first. `waybill` writes a parcel's waybill.
///
/// # Errors
/// The journal cannot be read.
pub fn recon_breaks(
    read: &mut BooksAtHead,
    calendar: Option<&Calendar>,
    filter: &ReconBreakFilter,
    waybill: &dyn Fn(ParcelId) -> String,
) -> Result<Vec<OpenReconRow>, ReportError> {
    let breaks = open_differences(read)?.breaks;
    let mut rows: Vec<OpenReconRow> = breaks.into_iter().map(OpenReconRow::of_break).collect();
    let (books, today) = (read.books(), read.today());
    let of_entries = WaitingFilter { kind: Some(WaitingKind::Entry), ..WaitingFilter::default() };
    for item in waiting_list(books, today, &of_entries, waybill).items {
        let (file, line) = item.name.split_once('/').unwrap_or_default();
        let (bank, due) = (&item.party, item.due.clone());
        let id = format!("{bank}/{file}/{line}");
        let same = same_movement(books, bank, item.amount);
        let how = same.map(|movement| format!("ToMovement={}", movement_text(books, movement)));
        rows.push(OpenReconRow {
            what: OpenReconKind::Entry,
            next: close_command(&id, how.as_deref().unwrap_or("Break")),
            suggested: how,
            id,
            lane: "bank",
            sender: bank.clone(),
            file: file.parse().ok(),
            line: line.parse().ok(),
            kind: if item.overdue { "late_item" } else { "awaited" }.to_owned(),
            amount: item.amount,
            currency: item.currency,
            since: item.since,
            age_days: item.age_days,
            due,
            owner: None,
            proposed: None,
        });
    }
    rows.extend(sheet_rows(books, today));
    let arrivals = ExpectedArrivals::new(books, calendar, today);
    for bank in books.bank_reconciliations() {
        let name = crate::arrivals::bank_name(books, bank.bank);
        for one in books.open_movements(bank.bank) {
            let due = arrivals.on_statement(bank.bank, one.since);
            let kind = match due.state {
                ArrivalState::MissingFile => "missing_file",
                ArrivalState::Late => "late_item",
                ArrivalState::DueToday | ArrivalState::Awaited => "awaited",
            };
            rows.push(OpenReconRow {
                what: OpenReconKind::Movement,
                id: movement_name(books, one.movement, waybill),
                lane: "bank",
                sender: name.clone(),
                file: None,
                line: None,
                kind: kind.to_owned(),
                amount: one.amount,
                currency: bank.currency.code(),
                since: one.since.to_string(),
                age_days: age(one.since, today),
                due: Some(due.due.to_string()),
                owner: None,
                proposed: None,
                suggested: None,
                next: format!("doorstep file STATEMENT --bank {name}"),
            });
        }
    }
    rows.retain(|row| filter.wants(row));
    rows.sort_by(|one, other| {
        (&one.since, one.what, &one.id).cmp(&(&other.since, other.what, &other.id))
    });
    Ok(rows)
}

/// The open lines of firms' sheets. They post nothing.
fn sheet_rows(books: &Books, today: BusinessDate) -> Vec<OpenReconRow> {
    let firms = books.firms().flat_map(|(firm, name)| {
        let currency = books.lane_currency(FileLane::Firm(firm)).map(Currency::code);
        let lines = books.open_sheet_lines(firm);
        lines.map(move |one| (name.to_owned(), currency.unwrap_or_default(), one))
    });
    let rows = firms.map(|(sender, currency, one)| {
        let kind = match (one.until, one.kind) {
            (Some(until), _) if until < today => "late_item",
            (Some(_), _) => "awaited",
            (None, Some(kind)) => kind.name(),
            (None, None) => "raised_by_hand",
        };
        let id = format!("{sender}/{}/{}", one.file, one.line);
        OpenReconRow {
            what: OpenReconKind::Entry,
            next: close_command(&id, if one.until.is_some() { "Break" } else { "Seen" }),
            id,
            lane: "firm",
            sender,
            file: Some(one.file),
            line: Some(one.line),
            kind: kind.to_owned(),
            amount: one.amount,
            currency,
            since: one.booked.to_string(),
            age_days: age(one.booked, today),
            due: one.until.map(|until| until.to_string()),
            owner: None,
            proposed: None,
            suggested: None,
        }
    });
    rows.collect()
}

/// The only movement of a bank account that is on no statement and has this amount. Two that fit
/// are for people to decide.
fn same_movement(books: &Books, bank: &str, amount: i128) -> Option<BankMovement> {
    let (bank, _) = books.banks().find(|(_, name)| *name == bank)?;
    let mut same = books.open_movements(bank).filter(|one| one.amount == amount);
    same.next().filter(|_| same.next().is_none()).map(|one| one.movement)
}

/// The command that closes one row.
fn close_command(id: &str, how: &str) -> String {
    format!("doorstep recon close {id} --resolution {}", quoted(how))
}

fn age(since: BusinessDate, today: BusinessDate) -> u16 {
    today.0.saturating_sub(since.0)
}

impl OpenReconRow {
    fn of_break(one: BreakReport) -> OpenReconRow {
        let (lane, sender) = (one.lane(), one.reference.clone());
        let (file, line) = match one.source {
            Some(
                BreakSource::ClearingLine { file, line } | BreakSource::BankEntry { file, line },
            ) => (Some(file), Some(line)),
            _ => (None, None),
        };
        OpenReconRow {
            what: OpenReconKind::Break,
            lane,
            sender,
            file,
            line,
            kind: one.kind_name(),
            amount: one.signed_amount(),
            currency: one.currency,
            age_days: one.age_days,
            due: None,
            owner: Some(one.owner.clone()).filter(|owner| owner != "0"),
            next: one.next_step(),
            suggested: one.suggested,
            proposed: one.proposed,
            since: one.opened,
            id: format!("{BREAK_PREFIX}{}", one.break_id),
        }
    }

    /// The columns of the list as CSV. The last two are for whoever fills them in: how the row is
    /// closed, and the part of it if it is not all.
    pub const COLUMNS: [&'static str; 16] = [
        "id",
        "what",
        "lane",
        "sender",
        "file",
        "line",
        "kind",
        "amount",
        "currency",
        "since",
        "age_days",
        "due",
        "owner",
        "suggested",
        "resolution",
        "part",
    ];

    /// The cells of [`OpenReconRow::COLUMNS`]. What is proposed stands in `resolution`: whoever
    /// gives the row back approves it.
    #[must_use]
    pub fn cells(&self) -> [String; 16] {
        let number = |number: Option<u32>| number.map_or_else(String::new, |one| one.to_string());
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let currency: Option<Currency> = self.currency.parse().ok();
        let major = |minor: i128| {
            currency.map_or_else(String::new, |of| DecimalAmount::of_balance(minor, of).to_string())
        };
        let proposed = self.proposed.as_ref();
        let what = match self.what {
            OpenReconKind::Break => "break",
            OpenReconKind::Entry => "entry",
            OpenReconKind::Movement => "movement",
        };
        [
            self.id.clone(),
            what.to_owned(),
            self.lane.to_owned(),
            self.sender.clone(),
            number(self.file),
            number(self.line),
            self.kind.clone(),
            major(self.amount),
            self.currency.to_owned(),
            self.since.clone(),
            self.age_days.to_string(),
            text(&self.due),
            text(&self.owner),
            text(&self.suggested),
            proposed.map_or_else(String::new, |one| one.unquoted.clone()),
            proposed
                .and_then(|one| one.amount)
                .map_or_else(String::new, |amount| major(amount.minor().into())),
        ]
    }
}
