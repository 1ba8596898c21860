//! Clearing files: each line is a command, and the books number files and lines.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use books::{BankId, Books, BusinessDate, ClearLine, Command, RailId};
use engine::{Events, Submission};
use files::incoming::clearing::{self as clearing_file, ClearingLayout, StatedClearing};
use money::Currency;
use recon::clearing::{LinesOfFile, NoPayment, Requests, clear_line};
use reports::find_sent_requests;

use super::{KnownBank, LINES_AT_ONCE, ListedLine, TakeError, TakeOutcome, TakeReport, Taking};
use super::{REFUSED, TakingStopped, find_bank, known_banks, name_of};
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
        });
        ClearingFacts { rails: rails.collect(), banks: known_banks(books) }
    }
}

/// Why lines are given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// A person gave the file, or the next one.
    Asked { dry_run: bool },
    /// The office has found that the file was interrupted.
    Unasked,
}

/// Where a file goes on.
struct FilePlace {
    file: u32,
    /// The lines that the books have.
    lines: usize,
}

type PlannedLine = (ClearLine, Option<NoPayment>);

/// Keeps what is read.
struct Kept<R> {
    input: R,
    bytes: Vec<u8>,
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.bytes.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

fn layout_of(source: FileSourceKind) -> ClearingLayout {
    match source {
        FileSourceKind::Wallet => ClearingLayout::Orders,
        FileSourceKind::Network | FileSourceKind::Bank => ClearingLayout::Requests,
    }
}

fn rail_text(rail: RailId) -> String {
    match rail {
        RailId::Network(network) => network.to_string(),
        RailId::Wallet(wallet) => wallet.to_string(),
    }
}

impl Taking<'_> {
    pub(super) fn take_clearing(
        &mut self,
        party: ClearingParty<'_>,
        file_name: &str,
        file: impl BufRead,
        dry_run: bool,
    ) -> Result<TakeReport, TakingStopped> {
        let mut kept = Kept { input: file, bytes: Vec::new() };
        let layout = layout_of(party.source);
        let stated = clearing_file::read(BufReader::new(&mut kept), file_name, layout);
        let stated = stated.map_err(TakeError::from)?;
        let facts = self.clearing_facts()?;
        let rail = check_party(&party, &facts, &stated)?.rail;
        let bank = bank_of(party.bank, &facts.banks, stated.currency)?.bank;
        let date = stated.date.to_string();
        let record = TakenFileRecord {
            source: party.source,
            id: rail_text(rail),
            digest: stated.digest.clone(),
            from: date.clone(),
            until: date,
            number: None,
            closing: None,
            bank: Some(bank),
            by: Some(self.by),
            whole: false,
            report: None,
        };
        self.check_has_come(stated.date)?;
        let mut files = TakenFiles::read(self.data).map_err(TakeError::from)?;
        let untold = if dry_run { Ok(None) } else { files.take_report(&record) };
        let untold = untold.map_err(TakeError::from)?;
        let untold = match untold {
            // The office has continued this very file.
            Some((last, report)) if last.digest == record.digest => return Ok(report),
            untold => untold.map(|(_, report)| report),
        };
        let begun = files.last_of(&record).filter(|last| !last.whole).cloned();
        let finished = match begun.filter(|begun| begun.digest != record.digest && !dry_run) {
            Some(begun) => {
                let reason = Reason::Asked { dry_run: false };
                self.finish(&begun, reason).map_err(|stopped| still_unfinished(&begun, stopped))?
            }
            None => untold,
        };
        let reason = Reason::Asked { dry_run };
        let mut report = self.carry_on(record, stated, (rail, bank), &kept.bytes, reason)?;
        report.finished = finished.map(Box::new);
        Ok(report)
    }

    fn clearing_facts(&self) -> Result<ClearingFacts, TakingStopped> {
        Ok(self.client.query(|engine| ClearingFacts::of(engine.books()))?.0)
    }

    /// Finishes a clearing file that was interrupted, and keeps what became of it until somebody
    /// gives a file of the same source.
    pub(crate) fn finish_unasked(&mut self, begun: &TakenFileRecord) -> Result<(), TakingStopped> {
        self.finish(begun, Reason::Unasked).map(|_| ())
    }

    /// Finishes a clearing file that was interrupted. `None` if it is not kept.
    fn finish(
        &mut self,
        begun: &TakenFileRecord,
        reason: Reason,
    ) -> Result<Option<TakeReport>, TakingStopped> {
        let path = self.data.join(begun.kept_name());
        let Some(bank) = begun.bank else { return Ok(None) };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TakeError::from(error).into()),
        };
        let (name, layout) = (path.display().to_string(), layout_of(begun.source));
        let stated = clearing_file::read(bytes.as_slice(), &name, layout);
        let stated = stated.map_err(TakeError::from)?;
        let facts = self.clearing_facts()?;
        let is_same = |one: &&KnownRail| rail_text(one.rail) == begun.id;
        match facts.rails.iter().find(is_same).filter(|_| stated.digest == begun.digest) {
            Some(known) => {
                let whose = (known.rail, bank);
                self.carry_on(begun.clone(), stated, whose, &bytes, reason).map(Some)
            }
            None => Ok(None),
        }
    }

    /// Gives the lines of a file that the books do not have.
    fn carry_on(
        &mut self,
        mut record: TakenFileRecord,
        stated: StatedClearing,
        (rail, bank): (RailId, BankId),
        bytes: &[u8],
        reason: Reason,
    ) -> Result<TakeReport, TakingStopped> {
        let dry_run = reason == Reason::Asked { dry_run: true };
        let mut report = TakeReport::new(&record, &stated.name, stated.currency, dry_run);
        report.lines = stated.items.len() as u64;
        let mut taken_files = TakenFiles::read(self.data).map_err(TakeError::from)?;
        let look = move |engine: &engine::Engine| engine.books().last_cleared_line(rail);
        let last = self.client.query(look)?.0.unwrap_or_default();
        let Some(mut place) = place_of(&taken_files, &record, last)? else {
            report.outcome = TakeOutcome::TakenBefore;
            return Ok(report);
        };
        let value_date = self.value_date(&stated)?;
        let stated = Arc::new(stated);
        let requests = self.requests_of(&stated, rail)?;
        let of = LinesOfFile { bank, rail, file: place.file, value_date };
        let mut plan = LinePlan { requests, stated, of };
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
            taken_files.keep(&record, bytes).map_err(TakeError::from)?;
            taken_files.put(record.clone()).map_err(TakeError::from)?;
        }
        self.list_known_lines(&plan, place.lines, &mut report)?;
        self.give_lines(&plan, place.lines, dry_run, &mut report)?;
        if !dry_run {
            record.whole = true;
            record.report = (reason == Reason::Unasked).then(|| Box::new(report.clone()));
            taken_files.put(record.clone()).map_err(TakeError::from)?;
            taken_files.release(&record).map_err(TakeError::from)?;
        }
        Ok(report)
    }

    /// The day on which a file is settled. It has come.
    fn value_date(&self, stated: &StatedClearing) -> Result<Option<BusinessDate>, TakingStopped> {
        let Some(settled) = stated.settled else { return Ok(None) };
        let today = self.today()?;
        let date = settled.to_string().parse().ok().filter(|settled| *settled <= today);
        date.map(Some).ok_or_else(|| TakeError::NotSettled(settled.to_string()).into())
    }

    /// The requests that the items name: those that the books remember, the others from the
    /// journal.
    fn requests_of(
        &self,
        stated: &Arc<StatedClearing>,
        rail: RailId,
    ) -> Result<Arc<Requests>, TakingStopped> {
        let asked = stated.clone();
        let (mut requests, _) =
            self.client.query(move |engine| Requests::of(engine.books(), rail, &asked.items))?;
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

    /// Lists those of the first lines of a file, which the books have, that a person should look
    /// at, and counts the breaks that they raised and that are open.
    fn list_known_lines(
        &self,
        plan: &LinePlan,
        known: usize,
        report: &mut TakeReport,
    ) -> Result<(), TakingStopped> {
        for first in (0..known).step_by(LINES_AT_ONCE) {
            let count = LINES_AT_ONCE.min(known - first);
            let planned = self.plan_lines(plan, first, count)?;
            let lines: Vec<_> = planned.iter().map(|(line, _)| line.clone()).collect();
            let has = move |engine: &engine::Engine| -> Vec<bool> {
                lines.iter().map(|line| engine.books().has_cleared_line(line)).collect()
            };
            let has = self.client.query(has)?.0;
            let items = plan.stated.items[first..].iter();
            for ((item, (line, no_payment)), has) in items.zip(planned).zip(has) {
                // It was given without its payment then.
                let refused = line.payment.is_some() && !has;
                let reason = no_payment.map(name_of).or(refused.then(|| REFUSED.to_owned()));
                if let Some(reason) = reason {
                    report.to_look_at += 1;
                    let (line, amount) = (item.line, item.amount.minor());
                    report.list(ListedLine { line, amount, reason, refusal: None });
                }
            }
        }
        let LinesOfFile { rail, file, .. } = plan.of;
        let of_known = move |engine: &engine::Engine| {
            let books = engine.books();
            let lines = books.open_breaks().into_iter().filter_map(|one| {
                let line = &books.break_evidence(one.id)?.line;
                Some((line.rail, line.file, line.line as usize))
            });
            lines
                .filter(|(of, number, line)| (*of, *number) == (rail, file) && *line <= known)
                .count()
        };
        if known > 0 {
            report.breaks += self.client.query(of_known)?.0 as u64;
        }
        Ok(())
    }

    /// Gives the lines that the books do not have yet. A line that the books refuse with its
    /// payment is given without it, and becomes a break: no line stands in the way of the others.
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
            let commands = planned.iter().map(|(line, _)| (None, self.line(line.clone())));
            let commands: Vec<_> = commands.collect();
            let answers = if dry_run { Vec::new() } else { self.client.execute(commands)? };
            let mut answers = answers.into_iter();
            let items = &plan.stated.items[first..];
            for (item, (line, no_payment)) in items.iter().zip(planned) {
                first += 1;
                let refusal = match answers.next() {
                    Some(Err(refusal)) => Some(refusal),
                    answer => {
                        self.count_answer(answer.and_then(Result::ok), report);
                        None
                    }
                };
                let refused = refusal.is_some();
                if let Some(refusal) = &refusal {
                    self.give_without_payment(line, refusal, item.line, report)?;
                }
                let (amount, kept_back) = (item.amount.minor(), item.kept_back.minor());
                report.taken += 1;
                report.add(item.kind.name(), amount, kept_back);
                let words = |refusal| self.refusal_words(refusal, report.currency);
                let refusal = refusal.map(words);
                let reason = no_payment.map(name_of).or(refused.then(|| REFUSED.to_owned()));
                if let Some(reason) = reason {
                    report.to_look_at += 1;
                    report.list(ListedLine { line: item.line, amount, reason, refusal });
                }
                if refused {
                    // The lines behind it were not the next ones, and were refused for that.
                    break;
                }
            }
        }
        Ok(())
    }

    fn line(&self, line: ClearLine) -> Submission {
        self.submission(Command::ClearLine(line))
    }

    fn count_answer(&mut self, events: Option<Events>, report: &mut TakeReport) {
        if let Some(events) = events {
            (self.on_events)(&events.books);
            report.count_breaks(&events.books);
        }
    }

    fn give_without_payment(
        &mut self,
        line: ClearLine,
        refusal: &engine::Refusal,
        number: u32,
        report: &mut TakeReport,
    ) -> Result<(), TakingStopped> {
        let refused = |refusal| TakeError::LineRefused { line: number, refusal };
        if line.payment.is_none() {
            return Err(refused(refusal.clone()).into());
        }
        let line = self.line(ClearLine { payment: None, ..line });
        match self.client.execute(vec![(None, line)])?.pop() {
            Some(Err(refusal)) => Err(refused(refusal).into()),
            answer => {
                self.count_answer(answer.and_then(Result::ok), report);
                Ok(())
            }
        }
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

fn still_unfinished(begun: &TakenFileRecord, stopped: TakingStopped) -> TakingStopped {
    match stopped {
        TakingStopped::Refused(cause) => {
            let (from, cause) = (begun.from.clone(), Box::new(cause));
            TakeError::StillUnfinished { from, cause }.into()
        }
        node => node,
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
