//! Bank statements: the entries that mean one thing are carried out, the others are listed.

use std::io::BufRead;
use std::sync::Arc;

use books::{BankId, Refusal};
use files::incoming::bank_csv::{self, BankEntry, BankStatement};
use recon::bank::{EntryAct, ReferenceCounts, entry_act};

use super::{Balance, LINES_AT_ONCE, ListedLine, TakeError, TakeOutcome, TakeReport, Taking};
use super::{REFUSED, TakingStopped, find_bank, known_banks, name_of};
use crate::taken_files::{FileSourceKind, TakenFileRecord, TakenFiles};

/// The reason of an entry that the books had.
const DONE_BEFORE: &str = "done_before";

impl Taking<'_> {
    pub(super) fn take_statement(
        &mut self,
        name: &str,
        encoding: Option<&str>,
        file_name: &str,
        file: impl BufRead,
        dry_run: bool,
    ) -> Result<TakeReport, TakingStopped> {
        let stated = bank_csv::read(file, file_name, encoding).map_err(TakeError::from)?;
        let (banks, _) = self.client.query(|engine| known_banks(engine.books()))?;
        let known = find_bank(&banks, name)?;
        check_account(&known.name, known.currency, &stated)?;
        self.check_has_come(stated.closed_on)?;
        let bank = known.bank;
        let mut record = TakenFileRecord {
            source: FileSourceKind::Bank,
            id: bank.to_string(),
            digest: stated.digest.clone(),
            from: stated.opened_on.to_string(),
            until: stated.closed_on.to_string(),
            number: None,
            closing: Some(stated.closing.minor()),
            bank: None,
            by: None,
            whole: false,
            report: None,
        };
        let mut report = TakeReport::new(&record, name, stated.currency, dry_run);
        report.lines = stated.entries.len() as u64;
        let mut taken_files = TakenFiles::read(self.data).map_err(TakeError::from)?;
        if taken_files.has_whole(&record) {
            report.outcome = TakeOutcome::TakenBefore;
            return Ok(report);
        }
        check_follows(&taken_files, &record, &stated)?;
        if !dry_run {
            taken_files.put(record.clone()).map_err(TakeError::from)?;
        }
        let counts = Arc::new(ReferenceCounts::of(&stated.entries));
        for entries in stated.entries.chunks(LINES_AT_ONCE) {
            self.take_entries(bank, &counts, entries, dry_run, &mut report)?;
        }
        if !dry_run {
            record.whole = true;
            taken_files.put(record).map_err(TakeError::from)?;
        }
        Ok(report)
    }

    fn take_entries(
        &mut self,
        bank: BankId,
        counts: &Arc<ReferenceCounts>,
        entries: &[BankEntry],
        dry_run: bool,
        report: &mut TakeReport,
    ) -> Result<(), TakingStopped> {
        let (counts, asked) = (counts.clone(), entries.to_vec());
        let (acts, _) = self.client.query(move |engine| {
            let acts = asked.iter().map(|entry| entry_act(engine.books(), bank, &counts, entry));
            acts.collect::<Vec<_>>()
        })?;
        let commands = acts.iter().filter_map(|act| match act {
            EntryAct::Give(command) => Some((None, self.submission(command.clone()))),
            EntryAct::Done(_) | EntryAct::Look(_) => None,
        });
        let commands: Vec<_> = commands.collect();
        let answers = if dry_run { Vec::new() } else { self.client.execute(commands)? };
        let mut answers = answers.into_iter();
        for (entry, act) in entries.iter().zip(acts) {
            let (line, amount) = (entry.line, entry.amount.minor());
            let listed = |reason: String| ListedLine { line, amount, reason, refusal: None };
            let answer = match &act {
                EntryAct::Give(_) => answers.next(),
                EntryAct::Done(_) => Some(Err(Refusal::Repeated.into())),
                EntryAct::Look(doubt) => {
                    report.to_look_at += 1;
                    report.list(listed(name_of(doubt)));
                    continue;
                }
            };
            let kind = act.kind().map(name_of).unwrap_or_default();
            match answer {
                None | Some(Ok(_)) => {
                    if let Some(Ok(events)) = &answer {
                        (self.on_events)(&events.books);
                    }
                    report.taken += 1;
                    report.add(&kind, amount, 0);
                }
                Some(Err(engine::Refusal::Books(Refusal::Repeated))) => {
                    report.repeated += 1;
                    report.list(listed(DONE_BEFORE.to_owned()));
                }
                Some(Err(refusal)) => {
                    report.to_look_at += 1;
                    let refusal = Some(self.refusal_words(refusal, report.currency));
                    report.list(ListedLine { refusal, ..listed(REFUSED.to_owned()) });
                }
            }
        }
        Ok(())
    }
}

fn check_account(
    name: &str,
    currency: money::Currency,
    stated: &BankStatement,
) -> Result<(), TakeError> {
    if stated.account != name {
        return Err(TakeError::OtherAccount(name.to_owned()));
    }
    if stated.currency != currency {
        let (name, found) = (name.to_owned(), stated.currency);
        return Err(TakeError::OtherCurrency { name, found, wanted: currency });
    }
    Ok(())
}

/// A statement goes on where the one before ended. In the place of one that was interrupted,
/// another one of the same days is as good: the books know the entries that they have.
fn check_follows(
    taken_files: &TakenFiles,
    file: &TakenFileRecord,
    stated: &BankStatement,
) -> Result<(), TakeError> {
    let begun = taken_files.last_of(file).filter(|last| !last.whole);
    if let Some(begun) = begun
        && begun.digest != file.digest
        && begun.from < file.from
    {
        return Err(TakeError::Unfinished { from: begun.from.clone() });
    }
    let Some(before) = taken_files.last_whole_of(file) else { return Ok(()) };
    let (from, until) = (file.from.clone(), before.until.clone());
    // The texts of dates are in the order of the dates.
    if from < until {
        return Err(TakeError::Overlap { from, until });
    }
    let (currency, opening) = (stated.currency, stated.opening.minor());
    let closing = before.closing.unwrap_or_default();
    if closing != opening {
        let [closing, opening] = [closing, opening].map(|minor| Balance { minor, currency });
        return Err(TakeError::Gap { until, closing, from, opening });
    }
    Ok(())
}
