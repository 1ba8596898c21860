//! How the lanes of reconciliation stand: files, bank accounts beside their statements, and what is
//! due.

use books::reconciliation_view::{FileSum, FileView};
use books::{Books, BreakSubject, BusinessDate, FileLane, ParcelId};
use calendar::Calendar;
use money::Currency;
use serde::Serialize;

use crate::arrivals::{Arrival, ArrivalState, ExpectedArrivals, bank_name, lane_name};
use crate::cash::age_days;
use crate::waiting::movement_name;

/// Files of a lane that are listed.
const FILES_LISTED_MAX: usize = 10;

/// Sums are in minor units.
#[derive(Debug, Serialize)]
pub struct ReconStatus {
    /// Each lane in a line.
    pub side_by_side: Vec<LaneSummary>,
    pub banks: Vec<BankLaneReport>,
    pub lanes: Vec<LaneReport>,
    /// What is to arrive in files, by sender, kind and day. What is overdue comes first.
    pub arrivals: Vec<Arrival>,
}

/// A lane in a line: its last file, and what is open in it.
#[derive(Debug, Serialize)]
pub struct LaneSummary {
    /// `network`, `wallet` or `bank`.
    pub kind: &'static str,
    pub name: String,
    pub currency: &'static str,
    /// The last day that a file has.
    pub until: Option<String>,
    /// What is to arrive: items, their sum, and the age of the oldest.
    pub open: u32,
    pub amount: i128,
    pub oldest_days: u16,
    pub due_today: u32,
    pub overdue: u32,
    /// Open breaks.
    pub breaks: u32,
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

impl ReconStatus {
    /// `waybill` writes a parcel's waybill.
    #[must_use]
    pub fn of(
        books: &Books,
        today: BusinessDate,
        calendar: Option<&Calendar>,
        waybill: impl Fn(ParcelId) -> String,
    ) -> ReconStatus {
        let arrivals = ExpectedArrivals::new(books, calendar, today).list();
        ReconStatus {
            side_by_side: side_by_side(books, &arrivals),
            banks: banks(books, today, &waybill),
            lanes: books.file_lanes().map(|lane| lane_report(books, lane)).collect(),
            arrivals,
        }
    }
}

/// The breaks of a firm's sheets.
fn open_rows(books: &Books, lane: FileLane) -> usize {
    let FileLane::Firm(firm) = lane else { return 0 };
    books.open_sheet_lines(firm).filter(|one| one.until.is_none()).count()
}

/// Networks, wallets, bank accounts and firms with sheets, each in a line.
fn side_by_side(books: &Books, arrivals: &[Arrival]) -> Vec<LaneSummary> {
    let rails = books.rail_views().map(|one| FileLane::from(one.id));
    let banks = books.banks().map(|(bank, _)| FileLane::Bank(bank));
    let broken: Vec<BreakSubject> = books.open_breaks().iter().map(|one| one.subject).collect();
    // A firm that sends no sheets has no lane.
    let firms = books.firms().map(|(firm, _)| FileLane::Firm(firm));
    let firms = firms.filter(|lane| books.files_of(*lane).next().is_some());
    let lanes = rails.chain(banks).chain(firms).map(|lane| {
        let (kind, name) = lane_name(books, lane);
        let subject = match lane {
            FileLane::Network(id) => BreakSubject::Network(id),
            FileLane::Wallet(id) => BreakSubject::Wallet(id),
            FileLane::Bank(id) => BreakSubject::Bank(id),
            FileLane::Firm(id) => BreakSubject::FirmCash(id),
        };
        let breaks = broken.iter().filter(|one| **one == subject).count() + open_rows(books, lane);
        let mut summary = LaneSummary {
            kind,
            currency: books.lane_currency(lane).map(Currency::code).unwrap_or_default(),
            until: books
                .files_of(lane)
                .map(|file| file.begun.until)
                .max()
                .map(|day| day.to_string()),
            open: 0,
            amount: 0,
            oldest_days: 0,
            due_today: 0,
            overdue: 0,
            breaks: u32::try_from(breaks).unwrap_or(u32::MAX),
            name,
        };
        for one in arrivals.iter().filter(|one| one.lane == kind && one.sender == summary.name) {
            summary.open += one.items;
            summary.amount += one.amount;
            summary.oldest_days = summary.oldest_days.max(one.age_days);
            match one.state {
                ArrivalState::DueToday => summary.due_today += one.items,
                state if state.is_overdue() => summary.overdue += one.items,
                _ => {}
            }
        }
        summary
    });
    lanes.collect()
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
    let (kind, name) = lane_name(books, lane);
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
