//! Bank statements: each entry is matched with what the books expect, awaited, or a break.

use std::sync::Arc;

use books::reconciliation_view::ExpectedEntryView;
use books::{BankId, BankMovement, Books, BusinessDate, Command, FileLane, MatchEntry, TakeEntry};
use money::{Currency, SignedAmount};
use recon::statement::{EntryLine, EntryPlan, StatementOf, StatementPlan, plan};

use super::given::{KeptEntry, LaneFile, LaneLines};
use super::{AWAITED, LINES_AT_ONCE, ListedLine, REFUSED, TakeError, TakeReport, Taking};
use super::{TakingStopped, UNEXPLAINED};
use crate::files_in_hand::FilesInHand;

impl Taking<'_> {
    /// Gives the entries of a statement that the books do not have yet.
    pub(super) fn give_entries(
        &mut self,
        lane: &Arc<LaneFile>,
        file: u32,
        known: u32,
        dry_run: bool,
        report: &mut TakeReport,
    ) -> Result<(), TakingStopped> {
        let LaneLines::Entries(entries) = &lane.lines else { return Ok(()) };
        let FileLane::Bank(bank) = lane.lane else { return Ok(()) };
        let entries = entries.get(known as usize..).unwrap_or_default();
        let lines: Vec<_> = entries.iter().map(|one| one.entry.clone()).collect();
        let today = self.today()?;
        let of = StatementOf { bank, currency: lane.currency, file, today };
        let planned = self.client.query(move |engine| plan(engine.books(), of, lines))?;
        let StatementPlan { lines, .. } = planned.0.map_err(TakeError::Matching)?;
        if !dry_run {
            // To match it later, and to explain its break.
            let open = lines.iter().filter(|one| one.rule.is_none());
            let open = open.map(|one| ((file, one.line.line), one.line.keys.clone()));
            let in_hand = FilesInHand::read(self.data).map_err(TakeError::from);
            in_hand?.note_expected(lane.lane, open).map_err(TakeError::from)?;
        }
        let mut first = 0;
        while first < lines.len() {
            let chunk = &lines[first..(first + LINES_AT_ONCE).min(lines.len())];
            let commands = chunk.iter().map(|line| (None, self.entry(line.take(bank, file))));
            let commands: Vec<_> = commands.collect();
            let answers = if dry_run { Vec::new() } else { self.client.execute(commands)? };
            let mut answers = answers.into_iter();
            for (line, kept) in chunk.iter().zip(&entries[first..]) {
                first += 1;
                match answers.next() {
                    Some(Err(refusal)) => {
                        let entry = line.take(bank, file);
                        let has_parts = !entry.parts.is_empty();
                        let bare = TakeEntry {
                            parts: Vec::new(),
                            expected_until: None,
                            found: None,
                            ..entry
                        };
                        let bare = has_parts.then_some(Command::TakeEntry(bare));
                        self.give_bare(bare, &refusal, kept.line, report)?;
                        let (line, amount) = (kept.line, kept.entry.amount.minor());
                        let refusal = Some(self.refusal_words(refusal, report.currency));
                        report.taken += 1;
                        report.add(UNEXPLAINED, amount, 0);
                        let reason = REFUSED.to_owned();
                        report.list(ListedLine { line, amount, reason, refusal });
                        // The entries behind it were not the next ones, and were refused for that.
                        break;
                    }
                    answer => {
                        self.count_answer(answer.and_then(Result::ok).as_ref(), report);
                        count(line, kept, report);
                    }
                }
            }
        }
        Ok(())
    }

    fn entry(&self, entry: TakeEntry) -> engine::Submission {
        self.submission(Command::TakeEntry(entry))
    }

    /// Decides the entries of all bank accounts whose cause was awaited: with what the books have
    /// by now, or as breaks when their day is past. Returns how many were matched, and how many
    /// became breaks.
    ///
    /// # Errors
    /// The books have stopped, or refuse a decision.
    pub fn match_expected(&mut self) -> Result<(u64, u64), TakingStopped> {
        let today = self.today()?;
        let mut in_hand = FilesInHand::read(self.data).map_err(TakeError::from)?;
        let waiting = self.client.query(|engine| {
            let books = engine.books();
            let banks = books.bank_reconciliations().map(|bank| {
                (bank.bank, bank.currency, books.expected_entries(bank.bank).collect::<Vec<_>>())
            });
            let banks = banks.collect::<Vec<_>>();
            let broken = books.open_breaks().into_iter();
            let broken = broken.filter_map(|one| books.entry_of_break(one.id));
            let rows = books.firms().flat_map(|(firm, _)| {
                let lane = FileLane::Firm(firm);
                let open = books.open_sheet_lines(firm).filter(|one| one.until.is_some());
                open.map(move |one| (lane, (one.file, one.line)))
            });
            (banks, broken.collect::<Vec<_>>(), rows.collect::<Vec<_>>())
        })?;
        let (waiting, broken, rows): (Vec<ExpectedEntries>, Vec<_>, Vec<_>) = waiting.0;
        let places = waiting.iter().flat_map(|(bank, _, entries)| {
            entries.iter().map(|one| (FileLane::Bank(*bank), (one.file, one.line)))
        });
        let broken =
            broken.into_iter().map(|(bank, file, line)| (FileLane::Bank(bank), (file, line)));
        let rows = rows.into_iter();
        in_hand.keep_expected(places.chain(broken).chain(rows)).map_err(TakeError::from)?;
        let lines = |bank, one: &ExpectedEntryView| EntryLine {
            line: one.line,
            booked: one.booked,
            amount: SignedAmount::new(i64::try_from(one.amount).unwrap_or(0))
                .unwrap_or(SignedAmount::ZERO),
            keys: in_hand.expected_keys(FileLane::Bank(bank), (one.file, one.line)),
            details: Vec::new(),
        };
        let asked: Vec<_> = waiting
            .iter()
            .map(|(bank, currency, entries)| {
                let lines = entries.iter().map(|one| (one.file, one.until, lines(*bank, one)));
                (*bank, *currency, lines.collect::<Vec<_>>())
            })
            .collect();
        let decisions = self.client.query(move |engine| decided(engine.books(), &asked, today))?.0;
        let (mut matched, mut broken) = (0, 0);
        for command in decisions {
            let is_match = !command.parts.is_empty();
            // If it is refused, another decision has taken what it was to be matched with.
            if let Ok(Some(_)) = self.give(Command::MatchEntry(command))? {
                *(if is_match { &mut matched } else { &mut broken }) += 1;
            }
        }
        let (rows_matched, rows_broken) = self.match_expected_rows()?;
        Ok((matched + rows_matched, broken + rows_broken))
    }
}

type ExpectedEntries = (BankId, Currency, Vec<ExpectedEntryView>);
type WaitingLines = (BankId, Currency, Vec<(u32, BusinessDate, EntryLine)>);

/// What is to be decided about the entries that are expected.
fn decided(books: &Books, waiting: &[WaitingLines], today: BusinessDate) -> Vec<MatchEntry> {
    let mut commands = Vec::new();
    for (bank, currency, all) in waiting {
        for one_file in all.chunk_by(|one, next| one.0 == next.0) {
            let file = one_file[0].0;
            let of = StatementOf { bank: *bank, currency: *currency, file, today };
            let lines = one_file.iter().map(|(_, _, line)| line.clone()).collect();
            let Ok(planned) = plan(books, of, lines) else { continue };
            for (line, (_, until, _)) in planned.lines.iter().zip(one_file) {
                commands.extend(line.decide(*bank, file, *until, today));
            }
        }
    }
    commands
}

fn count(line: &EntryPlan, kept: &KeptEntry, report: &mut TakeReport) {
    let amount = line.line.amount.minor();
    let reason = match (line.expected_until, line.broken) {
        (Some(_), _) => Some(AWAITED.to_owned()),
        (None, Some(kind)) => Some(kind.name().to_owned()),
        (None, None) => None,
    };
    let kind = match (&reason, line.parts.first()) {
        (_, Some(part)) => kind_of(part.movement),
        (Some(_), None) if line.expected_until.is_some() => AWAITED,
        _ => UNEXPLAINED,
    };
    report.taken += 1;
    report.add(kind, amount, 0);
    if let Some(reason) = reason {
        report.list(ListedLine { line: kept.line, amount, reason, refusal: None });
    }
}

fn kind_of(movement: BankMovement) -> &'static str {
    match movement {
        BankMovement::Deposit(_) => "deposit_confirmed",
        BankMovement::Payout(_) => "payout_confirmed",
        BankMovement::ReturnedPayout(_) => "payout_returned",
        BankMovement::ClearingFile { .. } => "clearing_shown",
        _ => "movement_shown",
    }
}
