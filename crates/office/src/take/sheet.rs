//! Sheets of courier firms: each line beside the cash that the firm's couriers took. Nothing is
//! posted.

use std::collections::BTreeSet;

use books::sheet_view::{CashPlace, OpenSheetLineView};
use books::{
    BankId, Books, BusinessDate, Command, EntryFinding, FileLane, FirmId, MatchEntry,
    ReconBreakKind, TakeEntry,
};
use money::SignedAmount;
use recon::matching::{ItemKey, MatchKeyKind};
use recon::sheet::{SheetLine, SheetMatcher, SheetPlan};

use super::given::{KeptRow, LaneFile, LaneLines};
use super::lane::FileNews;
use super::{AWAITED, LINES_AT_ONCE, ListedLine, REFUSED, TakeError, TakeReport, Taking};
use super::{TakingStopped, UNEXPLAINED};
use crate::files_in_hand::FilesInHand;

fn sheet_line(row: &KeptRow) -> SheetLine {
    let KeptRow { booked, amount, waybill, order, .. } = row.clone();
    SheetLine { booked, amount, waybill, order }
}

/// What finds the parcel of a line later.
fn keys(row: &KeptRow) -> Vec<ItemKey> {
    let key =
        |kind, text: &Option<String>| text.as_deref().and_then(|text| ItemKey::new(kind, text));
    let waybill = key(MatchKeyKind::Waybill, &row.waybill);
    waybill.into_iter().chain(key(MatchKeyKind::OrderReference, &row.order)).collect()
}

/// As [`keys`] kept it. A long text was kept as its digest only: it finds nothing.
fn line_of_keys(one: &OpenSheetLineView, keys: &[ItemKey]) -> Option<SheetLine> {
    let text = |kind| {
        let found = keys.iter().find(|key| key.kind == kind);
        found.and_then(|key| key.text()).map(str::to_owned)
    };
    let amount = i64::try_from(one.amount).ok().and_then(SignedAmount::new)?;
    let (waybill, order) = (text(MatchKeyKind::Waybill), text(MatchKeyKind::OrderReference));
    Some(SheetLine { booked: one.booked, amount, waybill, order })
}

fn command(bank: BankId, firm: FirmId, file: u32, row: &KeptRow, plan: &SheetPlan) -> TakeEntry {
    let SheetPlan { parts, expected_until, found, .. } = plan.clone();
    let KeptRow { number: line, booked, amount, .. } = *row;
    let (firm, found) = (Some(firm), Some(found));
    TakeEntry { bank, firm, file, line, booked, amount, parts, expected_until, found }
}

impl Taking<'_> {
    /// Refuses a sheet with no parcel of its firm and some of another one.
    pub(super) fn check_firm(&self, lane: &LaneFile) -> Result<(), TakingStopped> {
        let (LaneLines::Rows(rows), FileLane::Firm(firm)) = (&lane.lines, lane.lane) else {
            return Ok(());
        };
        let today = self.today()?;
        let asked: Vec<SheetLine> = rows.iter().map(sheet_line).collect();
        let found = self.client.query(move |engine| {
            let books = engine.books();
            let matcher = SheetMatcher::new(books, firm, today);
            let firms: Vec<_> = asked.iter().map(|line| matcher.firm_of(line)).collect();
            let others = firms.iter().map(|one| {
                let other = one.filter(|one| *one != firm)?;
                books.firm_reference(other).map(str::to_owned)
            });
            let others: Vec<Option<String>> = others.collect();
            (firms.contains(&Some(firm)), others)
        })?;
        let (has_own, others) = found.0;
        let foreign = rows.iter().zip(others).filter_map(|(row, of)| Some((row.line, of?)));
        match foreign.collect::<Vec<_>>() {
            found if has_own || found.is_empty() => Ok(()),
            found => {
                let firms: BTreeSet<String> = found.iter().map(|(_, of)| of.clone()).collect();
                let lines = found.iter().map(|(line, _)| *line).collect();
                let (wanted, found) = (lane.name.clone(), firms.into_iter().collect());
                Err(TakeError::OtherFirm { wanted, found, lines }.into())
            }
        }
    }

    /// How many lines of a sheet are what.
    pub(super) fn news_of_rows(
        &self,
        lane: &LaneFile,
        firm: FirmId,
    ) -> Result<FileNews, TakingStopped> {
        let mut news = FileNews::default();
        let LaneLines::Rows(rows) = &lane.lines else { return Ok(news) };
        let (today, asked) = (self.today()?, rows.iter().map(sheet_line).collect::<Vec<_>>());
        let found = self.client.query(move |engine| {
            let mut matcher = SheetMatcher::new(engine.books(), firm, today);
            asked.iter().map(|line| matcher.plan(line).found).collect::<Vec<_>>()
        })?;
        for found in found.0 {
            *match found {
                EntryFinding::Broken(ReconBreakKind::Duplicate) => &mut news.repeated,
                EntryFinding::Broken(ReconBreakKind::AmountDiffers) => &mut news.expected,
                EntryFinding::Broken(_) => &mut news.unknown,
                _ => &mut news.expected,
            } += 1;
        }
        Ok(news)
    }

    /// Gives the lines of a sheet that the books do not have yet.
    pub(super) fn give_rows(
        &mut self,
        lane: &LaneFile,
        file: u32,
        known: u32,
        dry_run: bool,
        report: &mut TakeReport,
    ) -> Result<(), TakingStopped> {
        let (LaneLines::Rows(rows), FileLane::Firm(firm)) = (&lane.lines, lane.lane) else {
            return Ok(());
        };
        let (bank, today) = (lane.bank, self.today()?);
        let rows = rows.get(known as usize..).unwrap_or_default();
        let asked: Vec<SheetLine> = rows.iter().map(sheet_line).collect();
        let planned = self.client.query(move |engine| {
            let mut matcher = SheetMatcher::new(engine.books(), firm, today);
            asked.iter().map(|line| matcher.plan(line)).collect::<Vec<_>>()
        })?;
        let plans = planned.0;
        if !dry_run {
            let open = rows.iter().zip(&plans).filter(|(_, plan)| plan.expected_until.is_some());
            let open = open.map(|(row, _)| ((file, row.number), keys(row)));
            let in_hand = FilesInHand::read(self.data).map_err(TakeError::from);
            in_hand?.note_expected(lane.lane, open).map_err(TakeError::from)?;
        }
        let mut first = 0;
        while first < rows.len() {
            let until = (first + LINES_AT_ONCE).min(rows.len());
            let chunk = || rows[first..until].iter().zip(&plans[first..until]);
            let commands = chunk().map(|(row, plan)| {
                let entry = command(bank, firm, file, row, plan);
                (None, self.submission(Command::TakeEntry(entry)))
            });
            let commands = commands.collect();
            let answers = if dry_run { Vec::new() } else { self.client.execute(commands)? };
            let mut answers = answers.into_iter();
            for (row, plan) in chunk() {
                first += 1;
                let amount = row.amount.minor();
                let mut list = |reason: &str, refusal| {
                    let (line, reason) = (row.line, reason.to_owned());
                    report.list(ListedLine { line, amount, reason, refusal });
                };
                match answers.next() {
                    Some(Err(refusal)) => {
                        list(REFUSED, Some(self.refusal_words(refusal.clone(), lane.currency)));
                        let entry = command(bank, firm, file, row, plan);
                        let has_parts = !entry.parts.is_empty();
                        let found = None;
                        let bare =
                            TakeEntry { parts: Vec::new(), expected_until: None, found, ..entry };
                        let bare = has_parts.then_some(Command::TakeEntry(bare));
                        self.give_bare(bare, &refusal, row.line, report)?;
                        report.taken += 1;
                        report.add(UNEXPLAINED, amount, row.kept_back.minor());
                        // The lines behind it were not the next ones, and were refused for that.
                        break;
                    }
                    answer => {
                        let kind = match (plan.found, plan.place) {
                            (EntryFinding::Broken(kind), _) => {
                                list(kind.name(), None);
                                UNEXPLAINED
                            }
                            (EntryFinding::Awaited, _) => {
                                list(AWAITED, None);
                                AWAITED
                            }
                            (_, Some(CashPlace::InHand)) => "cash_in_hand",
                            (_, Some(CashPlace::Counted)) => "cash_counted",
                            (_, None) => "cash_received",
                        };
                        self.count_answer(answer.and_then(Result::ok).as_ref(), report);
                        report.taken += 1;
                        report.add(kind, amount, row.kept_back.minor());
                    }
                }
            }
        }
        Ok(())
    }

    /// Decides the lines of all sheets whose cause was awaited.
    pub(super) fn match_expected_rows(&mut self) -> Result<(u64, u64), TakingStopped> {
        let today = self.today()?;
        let in_hand = FilesInHand::read(self.data).map_err(TakeError::from)?;
        let waiting = self.client.query(|engine| {
            let books = engine.books();
            let firms = books.firms().filter_map(|(firm, _)| {
                let bank = bank_of_firm(books, firm)?;
                let open = books.open_sheet_lines(firm).filter(|one| one.until.is_some());
                Some((firm, bank, open.collect::<Vec<_>>()))
            });
            firms.filter(|(_, _, open)| !open.is_empty()).collect::<Vec<_>>()
        })?;
        let asked = waiting
            .0
            .into_iter()
            .flat_map(|(firm, bank, open)| open.into_iter().map(move |one| (firm, bank, one)));
        let asked: Vec<_> = asked
            .map(|(firm, bank, one)| {
                let keys = in_hand.expected_keys(FileLane::Firm(firm), (one.file, one.line));
                (firm, bank, one, line_of_keys(&one, &keys))
            })
            .collect();
        let decide = move |engine: &engine::Engine| decided(engine.books(), &asked, today);
        let (mut matched, mut broken) = (0, 0);
        for command in self.client.query(decide)?.0 {
            let is_match = !command.parts.is_empty();
            if let Ok(Some(_)) = self.give(Command::MatchEntry(command))? {
                *(if is_match { &mut matched } else { &mut broken }) += 1;
            }
        }
        Ok((matched, broken))
    }
}

/// A bank account in the currency of a firm.
fn bank_of_firm(books: &Books, firm: FirmId) -> Option<BankId> {
    let currency = books.lane_currency(FileLane::Firm(firm))?;
    let mut banks = books.banks().map(|(bank, _)| bank);
    banks.find(|bank| books.bank_currency(*bank) == Some(currency))
}

type WaitingRow = (FirmId, BankId, OpenSheetLineView, Option<SheetLine>);

fn decided(books: &Books, waiting: &[WaitingRow], today: BusinessDate) -> Vec<MatchEntry> {
    let mut commands = Vec::new();
    for of_firm in waiting.chunk_by(|one, next| one.0 == next.0) {
        let mut matcher = SheetMatcher::new(books, of_firm[0].0, today);
        for (firm, bank, one, line) in of_firm {
            let plan = line.as_ref().map(|line| matcher.plan(line));
            let is_over = one.until.is_some_and(|until| until < today);
            let plan = plan.filter(|plan| is_over || plan.expected_until.is_none());
            let found = plan.as_ref().map(|plan| plan.found);
            let parts = plan.map(|plan| plan.parts).unwrap_or_default();
            let is_break = matches!(found, Some(EntryFinding::Broken(_)) | None);
            // What was awaited for the wrong reason is not broken before its day.
            if is_break && !is_over {
                continue;
            }
            let (firm, file, line) = (Some(*firm), one.file, one.line);
            let (bank, expected_until) = (*bank, None);
            commands.push(MatchEntry { bank, firm, file, line, parts, expected_until, found });
        }
    }
    commands
}
