//! Clearing files: each line is a command, and the books number files and lines.

use std::io::BufRead;
use std::sync::Arc;

use books::{ClearLine, Command, RailId};
use files::incoming::clearing::{self as clearing_file, ClearingLayout, StatedClearing};
use money::Currency;
use recon::clearing::{LinesOfFile, NoPayment, Requests, clear_line};
use reports::find_sent_requests;

use super::{KnownBank, LINES_AT_ONCE, ListedLine, TakeError, TakeOutcome, TakeReport, Taking};
use super::{TakingStopped, find_bank, known_banks, name_of};
use crate::taken_files::{FileSourceKind, TakenFileRecord, TakenFiles};

/// Whose file it is, as a person said.
pub(super) struct ClearingParty<'n> {
    pub source: FileSourceKind,
    pub name: &'n str,
    pub bank: Option<&'n str>,
}

/// What the books know of networks, wallets and bank accounts.
struct ClearingFacts {
    rails: Vec<(RailId, String, Currency)>,
    banks: Vec<KnownBank>,
}

/// Where a file goes on.
struct FilePlace {
    file: u32,
    /// The lines that the books have.
    lines: usize,
}

type PlannedLine = (ClearLine, Option<NoPayment>);

impl Taking<'_> {
    pub(super) fn take_clearing(
        &mut self,
        party: ClearingParty<'_>,
        file_name: &str,
        file: impl BufRead,
        dry_run: bool,
    ) -> Result<TakeReport, TakingStopped> {
        let layout = match party.source {
            FileSourceKind::Wallet => ClearingLayout::Orders,
            _ => ClearingLayout::Requests,
        };
        let stated = clearing_file::read(file, file_name, layout).map_err(TakeError::from)?;
        let (facts, _) = self.client.query(|engine| {
            let books = engine.books();
            let rails = books.rail_views();
            let rails = rails.map(|one| (one.id, one.reference.to_owned(), one.currency));
            ClearingFacts { rails: rails.collect(), banks: known_banks(books) }
        })?;
        let rail = check_party(&party, &facts, &stated)?;
        let bank = bank_of(party.bank, &facts.banks, stated.currency)?.bank;
        let ((mut requests, last), _) = self.client.query(move |engine| {
            let books = engine.books();
            (Requests::of(books, rail), books.last_cleared_line(rail).unwrap_or_default())
        })?;
        let missing = requests.missing(&stated.items);
        if !missing.is_empty() {
            let found = find_sent_requests(self.data, &missing).map_err(TakeError::Journal)?;
            requests = self
                .client
                .query(move |engine| {
                    requests.add(engine.books(), rail, found);
                    requests
                })?
                .0;
        }
        let requests = Arc::new(requests);
        let mut report = TakeReport {
            outcome: if dry_run { TakeOutcome::DryRun } else { TakeOutcome::Taken },
            source: party.source,
            name: stated.name.clone(),
            currency: stated.currency,
            from: stated.date.to_string(),
            until: stated.date.to_string(),
            file: None,
            lines: stated.items.len() as u64,
            taken: 0,
            repeated: 0,
            to_look_at: 0,
            breaks: 0,
            sums: Vec::new(),
            listed: Vec::new(),
        };
        let id = match rail {
            RailId::Network(network) => network.to_string(),
            RailId::Wallet(wallet) => wallet.to_string(),
        };
        let mut taken_files = TakenFiles::read(self.data).map_err(TakeError::from)?;
        let place = place_of(&taken_files, party.source, &id, &stated, last)?;
        let stated = Arc::new(stated);
        let plan =
            Plan { requests, stated: stated.clone(), of: LinesOfFile { bank, rail, file: 0 } };
        let Some(mut place) = place else {
            report.outcome = TakeOutcome::TakenBefore;
            return Ok(report);
        };
        let is_noted = taken_files.of(party.source, &id).any(|one| one.number == Some(last.0));
        if !is_noted && self.is_last_file(&plan, last)? {
            if last.1 as usize == stated.items.len() {
                report.outcome = TakeOutcome::TakenBefore;
                return Ok(report);
            }
            place = FilePlace { file: last.0, lines: last.1 as usize };
        }
        let number = (!stated.items.is_empty()).then_some(place.file);
        report.file = number;
        report.repeated = place.lines as u64;
        let mut record = TakenFileRecord {
            source: party.source,
            id,
            digest: stated.digest.clone(),
            from: report.from.clone(),
            until: report.until.clone(),
            number,
            closing: None,
            whole: false,
        };
        if !dry_run {
            taken_files.put(record.clone()).map_err(TakeError::from)?;
        }
        let of = LinesOfFile { file: place.file, ..plan.of };
        self.give_lines(&Plan { of, ..plan }, place.lines, dry_run, &mut report)?;
        if !dry_run {
            record.whole = true;
            taken_files.put(record).map_err(TakeError::from)?;
        }
        Ok(report)
    }

    /// Gives the lines that the books do not have yet.
    fn give_lines(
        &mut self,
        plan: &Plan,
        known: usize,
        dry_run: bool,
        report: &mut TakeReport,
    ) -> Result<(), TakingStopped> {
        let mut first = known;
        while first < plan.stated.items.len() {
            let planned = self.plan_lines(plan, first, LINES_AT_ONCE)?;
            let items = &plan.stated.items[first..];
            first += planned.len();
            let commands = planned
                .iter()
                .map(|(line, _)| (None, self.submission(Command::ClearLine(line.clone()))));
            let commands: Vec<_> = commands.collect();
            let answers = if dry_run { Vec::new() } else { self.client.execute(commands)? };
            let mut answers = answers.into_iter();
            for (item, (_, no_payment)) in items.iter().zip(&planned) {
                match answers.next() {
                    None => {}
                    Some(Ok(events)) => {
                        (self.on_events)(&events.books);
                        report.count_breaks(&events.books);
                    }
                    Some(Err(refusal)) => {
                        let line = item.line;
                        return Err(TakeError::LineRefused { line, refusal }.into());
                    }
                }
                let (amount, kept_back) = (item.amount.minor(), item.kept_back.minor());
                report.taken += 1;
                report.add(item.kind.name(), amount, kept_back);
                if let Some(why) = no_payment {
                    report.to_look_at += 1;
                    let (line, reason) = (item.line, name_of(why));
                    report.list(ListedLine { line, amount, reason, refusal: None });
                }
            }
        }
        Ok(())
    }

    /// The commands of some lines, by what the books know now.
    fn plan_lines(
        &self,
        plan: &Plan,
        first: usize,
        count: usize,
    ) -> Result<Vec<PlannedLine>, TakingStopped> {
        let Plan { requests, stated, of } = plan.clone();
        let planned = self.client.query(move |engine| {
            let items = stated.items.iter().zip(1_u32..).skip(first).take(count);
            let lines = items.map(|(item, number)| {
                let line = clear_line(engine.books(), &requests, of, number, item);
                line.ok_or(TakeError::NotARequest { line: item.line })
            });
            lines.collect::<Result<Vec<_>, _>>()
        })?;
        Ok(planned.0?)
    }

    /// Whether the file has the lines of the last file in the books, which nobody noted.
    fn is_last_file(&self, plan: &Plan, last: (u32, u32)) -> Result<bool, TakingStopped> {
        let (file, lines) = (last.0, last.1 as usize);
        if file == 0 || lines > plan.stated.items.len() {
            return Ok(false);
        }
        let plan = Plan { of: LinesOfFile { file, ..plan.of }, ..plan.clone() };
        let planned = self.plan_lines(&plan, 0, lines.min(LINES_AT_ONCE))?;
        let is_known = self.client.query(move |engine| {
            planned.iter().all(|(line, _)| engine.books().has_cleared_line(line))
        })?;
        Ok(is_known.0)
    }
}

#[derive(Clone)]
struct Plan {
    requests: Arc<Requests>,
    stated: Arc<StatedClearing>,
    of: LinesOfFile,
}

/// The network or wallet of a file that is its own.
fn check_party(
    party: &ClearingParty<'_>,
    facts: &ClearingFacts,
    stated: &StatedClearing,
) -> Result<RailId, TakeError> {
    let of_kind = |rail: &RailId| match rail {
        RailId::Network(_) => party.source == FileSourceKind::Network,
        RailId::Wallet(_) => party.source == FileSourceKind::Wallet,
    };
    let rails: Vec<_> = facts.rails.iter().filter(|(rail, ..)| of_kind(rail)).collect();
    let Some((rail, name, currency)) = rails.iter().find(|(_, name, _)| name == party.name) else {
        let known = rails.iter().map(|(_, name, _)| name.clone()).collect();
        let (party, name) = (party.source, party.name.to_owned());
        return Err(TakeError::UnknownSource { party, name, known });
    };
    if stated.name != *name {
        let (wanted, found) = (name.clone(), stated.name.clone());
        return Err(TakeError::OtherSource { party: party.source, wanted, found });
    }
    if stated.currency != *currency {
        let (found, wanted) = (stated.currency, *currency);
        return Err(TakeError::OtherCurrency { name: name.clone(), found, wanted });
    }
    Ok(*rail)
}

/// The account that a file moves.
fn bank_of<'b>(
    named: Option<&str>,
    banks: &'b [KnownBank],
    currency: Currency,
) -> Result<&'b KnownBank, TakeError> {
    if let Some(name) = named {
        let bank = find_bank(banks, name)?;
        if bank.currency != currency {
            let (name, wanted) = (bank.name.clone(), bank.currency);
            return Err(TakeError::OtherCurrency { name, found: currency, wanted });
        }
        return Ok(bank);
    }
    let here: Vec<_> = banks.iter().filter(|one| one.currency == currency).collect();
    match here[..] {
        [] => Err(TakeError::NoBank(currency)),
        [bank] => Ok(bank),
        _ => Err(TakeError::WhichBank(here.iter().map(|one| one.name.clone()).collect())),
    }
}

/// Where a file goes on, by the files that were taken. `None` if it was taken before.
fn place_of(
    taken_files: &TakenFiles,
    source: FileSourceKind,
    id: &str,
    stated: &StatedClearing,
    (last_file, last_line): (u32, u32),
) -> Result<Option<FilePlace>, TakeError> {
    let same = |one: &&TakenFileRecord| one.digest == stated.digest;
    if taken_files.of(source, id).filter(same).any(|one| one.whole) {
        return Ok(None);
    }
    let next = FilePlace { file: last_file.saturating_add(1), lines: 0 };
    let Some(before) = taken_files.of(source, id).next_back() else { return Ok(Some(next)) };
    let begun = before.number.filter(|_| !before.whole);
    match begun {
        Some(number) if before.digest == stated.digest => {
            if last_file > number {
                return Err(TakeError::OtherLines { number, last: last_file });
            }
            let lines = if last_file == number { last_line as usize } else { 0 };
            return Ok(Some(FilePlace { file: number, lines }));
        }
        // Another file was begun, and the books have lines of it.
        Some(number) if number == last_file => {
            return Err(TakeError::Unfinished { from: before.from.clone() });
        }
        _ => {}
    }
    let whole = taken_files.of(source, id).rfind(|one| one.whole);
    let date = stated.date.to_string();
    match whole {
        // The texts of dates are in the order of the dates.
        Some(last) if date < last.from => {
            Err(TakeError::OlderFile { date, last: last.from.clone() })
        }
        _ => Ok(Some(next)),
    }
}
