//! Clearing files: each line is a command, and the books number files and lines.

use std::io::BufRead;
use std::sync::Arc;

use books::{Books, ClearLine, Command, RailId};
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

/// A network or wallet of the books.
struct KnownRail {
    rail: RailId,
    name: String,
    currency: Currency,
    /// The last file and its last line. Zero before the first.
    last_line: (u32, u32),
}

/// What the books know of networks, wallets and bank accounts.
struct ClearingFacts {
    rails: Vec<KnownRail>,
    banks: Vec<KnownBank>,
}

impl ClearingFacts {
    fn of(books: &Books) -> ClearingFacts {
        let rails = books.rail_views().map(|one| KnownRail {
            rail: one.id,
            name: one.reference.to_owned(),
            currency: one.currency,
            last_line: books.last_cleared_line(one.id).unwrap_or_default(),
        });
        ClearingFacts { rails: rails.collect(), banks: known_banks(books) }
    }
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
        let (facts, _) = self.client.query(|engine| ClearingFacts::of(engine.books()))?;
        let known = check_party(&party, &facts, &stated)?;
        let (rail, last) = (known.rail, known.last_line);
        let bank = bank_of(party.bank, &facts.banks, stated.currency)?.bank;
        let date = stated.date.to_string();
        let mut record = TakenFileRecord {
            source: party.source,
            id: match rail {
                RailId::Network(network) => network.to_string(),
                RailId::Wallet(wallet) => wallet.to_string(),
            },
            digest: stated.digest.clone(),
            from: date.clone(),
            until: date,
            number: None,
            closing: None,
            whole: false,
        };
        let mut report = TakeReport::new(&record, &stated.name, stated.currency, dry_run);
        report.lines = stated.items.len() as u64;
        let mut taken_files = TakenFiles::read(self.data).map_err(TakeError::from)?;
        let Some(mut place) = place_of(&taken_files, &record, last)? else {
            report.outcome = TakeOutcome::TakenBefore;
            return Ok(report);
        };
        let requests = self.requests_of(&stated, rail)?;
        let of = LinesOfFile { bank, rail, file: place.file };
        let mut plan = LinePlan { requests, stated: Arc::new(stated), of };
        if !taken_files.has_number(&record, last.0) && self.is_last_file(&plan, last)? {
            place = FilePlace { file: last.0, lines: last.1 as usize };
            if place.lines == plan.stated.items.len() {
                report.outcome = TakeOutcome::TakenBefore;
                return Ok(report);
            }
        }
        plan.of.file = place.file;
        record.number = (!plan.stated.items.is_empty()).then_some(place.file);
        (report.file, report.repeated) = (record.number, place.lines as u64);
        if !dry_run {
            taken_files.put(record.clone()).map_err(TakeError::from)?;
        }
        self.give_lines(&plan, place.lines, dry_run, &mut report)?;
        if !dry_run {
            record.whole = true;
            taken_files.put(record).map_err(TakeError::from)?;
        }
        Ok(report)
    }

    /// The requests that the items name: those that the books remember, the others from the
    /// journal.
    fn requests_of(
        &self,
        stated: &StatedClearing,
        rail: RailId,
    ) -> Result<Arc<Requests>, TakingStopped> {
        let (mut requests, _) =
            self.client.query(move |engine| Requests::of(engine.books(), rail))?;
        let missing = requests.missing(&stated.items);
        if missing.is_empty() {
            return Ok(Arc::new(requests));
        }
        let found = find_sent_requests(self.data, &missing).map_err(TakeError::Journal)?;
        let (requests, _) = self.client.query(move |engine| {
            requests.add(engine.books(), rail, found);
            requests
        })?;
        Ok(Arc::new(requests))
    }

    /// Gives the lines that the books do not have yet.
    fn give_lines(
        &mut self,
        plan: &LinePlan,
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
        plan: &LinePlan,
        first: usize,
        count: usize,
    ) -> Result<Vec<PlannedLine>, TakingStopped> {
        let LinePlan { requests, stated, of } = plan.clone();
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
    fn is_last_file(&self, plan: &LinePlan, last: (u32, u32)) -> Result<bool, TakingStopped> {
        let (file, lines) = (last.0, last.1 as usize);
        if file == 0 || lines > plan.stated.items.len() {
            return Ok(false);
        }
        let plan = LinePlan { of: LinesOfFile { file, ..plan.of }, ..plan.clone() };
        let planned = self.plan_lines(&plan, 0, lines.min(LINES_AT_ONCE))?;
        let is_known = self.client.query(move |engine| {
            planned.iter().all(|(line, _)| engine.books().has_cleared_line(line))
        })?;
        Ok(is_known.0)
    }
}

#[derive(Clone)]
struct LinePlan {
    requests: Arc<Requests>,
    stated: Arc<StatedClearing>,
    of: LinesOfFile,
}

/// The network or wallet of a file that is its own.
fn check_party<'f>(
    party: &ClearingParty<'_>,
    facts: &'f ClearingFacts,
    stated: &StatedClearing,
) -> Result<&'f KnownRail, TakeError> {
    let of_kind = |known: &&KnownRail| match known.rail {
        RailId::Network(_) => party.source == FileSourceKind::Network,
        RailId::Wallet(_) => party.source == FileSourceKind::Wallet,
    };
    let rails: Vec<_> = facts.rails.iter().filter(of_kind).collect();
    let Some(known) = rails.iter().find(|one| one.name == party.name) else {
        let known = rails.iter().map(|one| one.name.clone()).collect();
        let (party, name) = (party.source, party.name.to_owned());
        return Err(TakeError::UnknownSource { party, name, known });
    };
    let wanted = known.name.clone();
    if stated.name != wanted {
        let (party, found) = (party.source, stated.name.clone());
        return Err(TakeError::OtherSource { party, wanted, found });
    }
    if stated.currency != known.currency {
        let (found, name) = (stated.currency, wanted);
        return Err(TakeError::OtherCurrency { name, found, wanted: known.currency });
    }
    Ok(known)
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
    file: &TakenFileRecord,
    (last_file, last_line): (u32, u32),
) -> Result<Option<FilePlace>, TakeError> {
    if taken_files.has_whole(file) {
        return Ok(None);
    }
    let begun = taken_files.last_of(file).filter(|last| !last.whole);
    match begun.map(|begun| (begun, begun.number)) {
        Some((begun, Some(number))) if begun.digest == file.digest => {
            if last_file > number {
                return Err(TakeError::OtherLines { number, last: last_file });
            }
            let lines = if last_file == number { last_line as usize } else { 0 };
            return Ok(Some(FilePlace { file: number, lines }));
        }
        // Another file was begun, and the books have lines of it.
        Some((begun, Some(number))) if number == last_file => {
            return Err(TakeError::Unfinished { from: begun.from.clone() });
        }
        _ => {}
    }
    match taken_files.last_whole_of(file) {
        // The texts of dates are in the order of the dates.
        Some(last) if file.from < last.from => {
            let (date, last) = (file.from.clone(), last.from.clone());
            Err(TakeError::OlderFile { date, last })
        }
        _ => Ok(Some(FilePlace { file: last_file.saturating_add(1), lines: 0 })),
    }
}
