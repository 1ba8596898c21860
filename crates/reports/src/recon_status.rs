//! How the lanes of reconciliation stand: files, bank accounts beside their statements, and what is
//! due.

use books::reconciliation_view::{FileSum, FileView};
use books::{Books, BusinessDate, FileLane, ParcelId, RailId};
use money::Currency;
use serde::Serialize;

use crate::cash::age_days;
use crate::waiting::{WaitingFilter, WaitingItem, WaitingKind, movement_name, waiting_list};

/// Files of a lane that are listed.
const FILES_LISTED_MAX: usize = 10;

/// Sums are in minor units.
#[derive(Debug, Serialize)]
pub struct ReconStatus {
    pub banks: Vec<BankLaneReport>,
    pub lanes: Vec<LaneReport>,
    /// What networks and wallets have to settle, by day.
    pub due: Vec<DueReport>,
}

/// A bank account beside its statements: `statement + not_on_statement - expected - before_books =
/// books`.
#[derive(Debug, Serialize)]
pub struct BankLaneReport {
    pub bank: String,
    pub currency: &'static str,
    pub books: i128,
    /// The closing balance of the last statement. `None` before the first.
    pub statement: Option<i128>,
    /// The last day of that statement.
    pub until: Option<String>,
    pub not_on_statement: i128,
    pub expected: i128,
    /// What was in the account before the books: the opening balance of the first statement.
    pub before_books: i128,
    pub movements: Vec<MovementReport>,
    pub entries: Vec<ExpectedReport>,
}

/// What moved the account in the books, and is on no statement.
#[derive(Debug, Serialize)]
pub struct MovementReport {
    pub movement: String,
    pub amount: i128,
    pub since: String,
    pub age_days: u16,
}

/// An entry whose cause is awaited.
#[derive(Debug, Serialize)]
pub struct ExpectedReport {
    pub file: u32,
    pub line: u32,
    pub booked: String,
    pub amount: i128,
    pub until: String,
}

#[derive(Debug, Serialize)]
pub struct LaneReport {
    /// `network`, `wallet` or `bank`.
    pub kind: &'static str,
    pub name: String,
    pub currency: &'static str,
    /// The latest, newest first.
    pub files: Vec<LaneFileReport>,
}

/// A file: matched + expected + breaks = total (M15).
#[derive(Debug, Serialize)]
pub struct LaneFileReport {
    pub file: u32,
    /// The format or profile that read it.
    pub format: String,
    pub from: String,
    pub until: String,
    pub lines: u32,
    pub total: i128,
    pub matched: PartReport,
    pub expected: PartReport,
    pub breaks: PartReport,
    /// SHA-256 of the file.
    pub file_digest: String,
    /// SHA-256 of the file with what its lines are. `None` while it is being taken.
    pub digest: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct PartReport {
    pub lines: u32,
    pub amount: i128,
}

/// Payments of a day that a network or wallet has to settle.
#[derive(Debug, Serialize)]
pub struct DueReport {
    pub kind: &'static str,
    pub name: String,
    pub currency: &'static str,
    /// The day of the collections.
    pub day: String,
    pub age_days: u16,
    pub payments: usize,
    pub amount: i128,
    /// Its rail has paid a later day.
    pub late: bool,
}

impl ReconStatus {
    /// `waybill` writes a parcel's waybill.
    #[must_use]
    pub fn of(
        books: &Books,
        today: BusinessDate,
        waybill: impl Fn(ParcelId) -> String,
    ) -> ReconStatus {
        let filter =
            WaitingFilter { kind: Some(WaitingKind::Uncleared), ..WaitingFilter::default() };
        let uncleared = waiting_list(books, today, &filter, &waybill).items;
        ReconStatus {
            banks: banks(books, today, &waybill),
            lanes: books.file_lanes().map(|lane| lane_report(books, lane)).collect(),
            due: due(&uncleared),
        }
    }
}

fn bank_name(books: &Books, bank: books::BankId) -> String {
    let found = books.banks().find(|(id, _)| *id == bank);
    found.map_or_else(|| bank.to_string(), |(_, reference)| reference.to_owned())
}

fn banks(
    books: &Books,
    today: BusinessDate,
    waybill: &dyn Fn(ParcelId) -> String,
) -> Vec<BankLaneReport> {
    let reports = books.bank_reconciliations().map(|one| BankLaneReport {
        bank: bank_name(books, one.bank),
        currency: one.currency.code(),
        books: one.books,
        statement: one.statement.map(|(balance, _)| balance),
        until: one.statement.map(|(_, until)| until.to_string()),
        not_on_statement: one.not_on_statement,
        expected: one.expected,
        before_books: one.opening.map_or(0, |opening| opening.minor().into()),
        movements: books
            .open_movements(one.bank)
            .map(|open| MovementReport {
                movement: movement_name(books, open.movement, waybill),
                amount: open.amount,
                since: open.since.to_string(),
                age_days: age_days(open.since, today),
            })
            .collect(),
        entries: books
            .expected_entries(one.bank)
            .map(|entry| ExpectedReport {
                file: entry.file,
                line: entry.line,
                booked: entry.booked.to_string(),
                amount: entry.amount,
                until: entry.until.to_string(),
            })
            .collect(),
    });
    reports.collect()
}

fn lane_report(books: &Books, lane: FileLane) -> LaneReport {
    let rail = |id: RailId| {
        let found = books.rail_views().find(|rail| rail.id == id);
        found.map(|rail| rail.reference.to_owned()).unwrap_or_default()
    };
    let (kind, name) = match lane {
        FileLane::Network(id) => ("network", rail(RailId::Network(id))),
        FileLane::Wallet(id) => ("wallet", rail(RailId::Wallet(id))),
        FileLane::Bank(id) => ("bank", bank_name(books, id)),
    };
    let currency = books.lane_currency(lane).map(Currency::code).unwrap_or_default();
    let files = books.files_of(lane).rev().take(FILES_LISTED_MAX).map(|file| file_report(&file));
    LaneReport { kind, name, currency, files: files.collect() }
}

fn file_report(file: &FileView<'_>) -> LaneFileReport {
    let part = |sum: FileSum| PartReport { lines: sum.lines, amount: sum.amount };
    LaneFileReport {
        file: file.begun.file,
        format: file.begun.form.clone(),
        from: file.begun.from.to_string(),
        until: file.begun.until.to_string(),
        lines: file.begun.lines,
        total: file.begun.total.minor().into(),
        matched: part(file.sums.matched),
        expected: part(file.sums.expected),
        breaks: part(file.sums.breaks),
        file_digest: file.begun.digest.to_string(),
        digest: file.ended.map(|digest| digest.to_string()),
    }
}

/// Uncleared payments by network or wallet and day, oldest first.
fn due(uncleared: &[WaitingItem]) -> Vec<DueReport> {
    let mut days: Vec<DueReport> = Vec::new();
    for item in uncleared {
        let place = days.iter().position(|one| {
            one.kind == item.party_kind
                && one.name == item.party
                && one.day == item.since
                && one.currency == item.currency
        });
        let place = place.unwrap_or_else(|| {
            days.push(DueReport {
                kind: item.party_kind,
                name: item.party.clone(),
                currency: item.currency,
                day: item.since.clone(),
                age_days: item.age_days,
                payments: 0,
                amount: 0,
                late: false,
            });
            days.len() - 1
        });
        let one = &mut days[place];
        one.payments += 1;
        one.amount += item.amount;
        one.late |= item.state == Some("late");
    }
    days
}
