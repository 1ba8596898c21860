//! Takes the files of networks, wallets and banks into the books.
//!
//! A file is read whole before its first command. Before that command the file is noted as begun,
//! and after the last one as whole: a whole file changes nothing when it is given again. A clearing
//! file is kept in between: the office finishes it when it opens, and before the next file of its
//! source; what became of it is in the answer to whoever gives the next one. A bank statement's
//! entries are harmless twice: whoever gives one of the same days again continues it.

mod bank;
mod clearing;
mod error;

use std::io::BufRead;
use std::path::Path;

use books::chart::AccountKind;
use books::{BankId, Books, BusinessDate, Event, PersonId};
use engine::{Actor, Submission};
use jiff::civil::Date;
use money::Currency;
use node::{Clock, NodeClient, NodeStopped, SystemClock};
use serde::{Deserialize, Serialize};

use crate::currencies::RefusalInCurrency;
use crate::request::RefusalWords;
use crate::taken_files::{FileSourceKind, TakenFileRecord};

pub use error::{Balance, TakeError};

/// Commands that are given together.
const LINES_AT_ONCE: usize = 200;
/// The reason of a line that the books refused.
const REFUSED: &str = "refused";
/// Lines that an answer lists.
pub const LISTED_MAX: usize = 1_000;

/// Which file is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "take", rename_all = "snake_case", deny_unknown_fields)]
pub enum TakeRequest {
    /// A clearing file.
    Clearing {
        /// A network or a wallet.
        source: FileSourceKind,
        /// The operator's name for it.
        name: String,
        /// The account that is credited. `None` if there is one in the currency.
        #[serde(default)]
        bank: Option<String>,
        /// Nothing is changed.
        #[serde(default)]
        dry_run: bool,
    },
    BankStatement {
        /// The operator's name for the account.
        bank: String,
        /// Of the file. `None` is UTF-8.
        #[serde(default)]
        encoding: Option<String>,
        /// Nothing is changed.
        #[serde(default)]
        dry_run: bool,
    },
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakeOutcome {
    Taken,
    /// It was taken before; nothing changed.
    TakenBefore,
    /// Nothing changed: this is what would be done.
    DryRun,
}

/// The lines of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindSum {
    pub kind: String,
    pub lines: u64,
    /// In minor units.
    pub amount: i64,
    /// Of a clearing file, in minor units.
    pub kept_back: i64,
}

/// A line that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedLine {
    /// In the file, from 1.
    pub line: u32,
    /// In minor units.
    pub amount: i64,
    /// A name, such as `not_found`.
    pub reason: String,
    /// Why the books refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalWords>,
}

/// What became of the lines of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeReport {
    pub outcome: TakeOutcome,
    pub source: FileSourceKind,
    pub name: String,
    pub currency: Currency,
    /// The first day.
    pub from: String,
    /// The last day.
    pub until: String,
    /// The number of a clearing file in the books.
    pub file: Option<u32>,
    pub lines: u64,
    /// Lines that were carried out now.
    pub taken: u64,
    /// Lines that the books had. Of a clearing file that was continued, they are listed too.
    pub repeated: u64,
    /// Lines without a command, or without a payment. Of a clearing file they are taken, too.
    pub to_look_at: u64,
    /// Breaks that the lines raised.
    pub breaks: u64,
    pub sums: Vec<KindSum>,
    /// The first [`LISTED_MAX`] of those to look at, and of those that the books had.
    pub listed: Vec<ListedLine>,
    /// The file of the same source that was interrupted, and finished before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Box<TakeReport>>,
}

impl TakeReport {
    fn new(file: &TakenFileRecord, name: &str, currency: Currency, dry_run: bool) -> TakeReport {
        TakeReport {
            outcome: if dry_run { TakeOutcome::DryRun } else { TakeOutcome::Taken },
            source: file.source,
            name: name.to_owned(),
            currency,
            from: file.from.clone(),
            until: file.until.clone(),
            file: None,
            lines: 0,
            taken: 0,
            repeated: 0,
            to_look_at: 0,
            breaks: 0,
            sums: Vec::new(),
            listed: Vec::new(),
            finished: None,
        }
    }

    fn add(&mut self, kind: &str, amount: i64, kept_back: i64) {
        let place = self.sums.iter().position(|one| one.kind == kind);
        let place = place.unwrap_or_else(|| {
            let kind = kind.to_owned();
            self.sums.push(KindSum { kind, lines: 0, amount: 0, kept_back: 0 });
            self.sums.len() - 1
        });
        let sum = &mut self.sums[place];
        sum.lines += 1;
        sum.amount = sum.amount.saturating_add(amount);
        sum.kept_back = sum.kept_back.saturating_add(kept_back);
    }

    fn list(&mut self, line: ListedLine) {
        if self.listed.len() < LISTED_MAX {
            self.listed.push(line);
        }
    }

    fn count_breaks(&mut self, events: &[Event]) {
        let raised = events.iter().filter(|event| matches!(event, Event::BreakRaised { .. }));
        self.breaks += raised.count() as u64;
    }
}

/// What taking a file needs.
pub struct Taking<'t> {
    pub client: &'t mut NodeClient,
    /// The data directory.
    pub data: &'t Path,
    /// Who gives the file.
    pub by: PersonId,
    /// Called with the events of each command that was carried out.
    pub on_events: &'t mut dyn FnMut(&[Event]),
    /// A refusal in Chinese.
    pub chinese: fn(&(dyn std::error::Error + 'static)) -> String,
}

/// Why a file was not taken: its content, or the books have stopped.
#[derive(Debug, thiserror::Error)]
pub enum TakingStopped {
    #[error(transparent)]
    Refused(#[from] TakeError),
    #[error(transparent)]
    Node(#[from] NodeStopped),
}

impl Taking<'_> {
    /// Takes a file. `file_name` is for messages.
    ///
    /// # Errors
    /// Why nothing was taken, or where the books refused a line.
    pub fn take(
        &mut self,
        request: &TakeRequest,
        file_name: &str,
        file: impl BufRead,
    ) -> Result<TakeReport, TakingStopped> {
        match request {
            TakeRequest::Clearing { source, name, bank, dry_run } => {
                let party =
                    clearing::ClearingParty { source: *source, name, bank: bank.as_deref() };
                self.take_clearing(party, file_name, file, *dry_run)
            }
            TakeRequest::BankStatement { bank, encoding, dry_run } => {
                self.take_statement(bank, encoding.as_deref(), file_name, file, *dry_run)
            }
        }
    }

    fn submission(&self, command: books::Command) -> Submission {
        Submission::new(Actor::Person(self.by), command)
    }

    fn refusal_words(&self, refusal: engine::Refusal, currency: Currency) -> RefusalWords {
        let refusal = RefusalInCurrency { refusal, currency: Some(currency) };
        RefusalWords { en: refusal.to_string(), zh: (self.chinese)(&refusal) }
    }

    /// Today in the time zone of the books, and never before their last command.
    fn today(&self) -> Result<BusinessDate, NodeStopped> {
        let look = |engine: &engine::Engine| {
            let books = engine.books();
            let now = SystemClock.now().max(books.last_at());
            now.business_date(books.utc_offset_minutes_at(now).unwrap_or_default())
        };
        Ok(self.client.query(look)?.0)
    }

    /// Refuses a file of a day to come: every true file would be too old after it.
    fn check_has_come(&self, date: Date) -> Result<(), TakingStopped> {
        let today = self.today()?;
        let has_come = date.to_string().parse().is_ok_and(|date: BusinessDate| date <= today);
        let (date, today) = (date.to_string(), today.to_string());
        if has_come { Ok(()) } else { Err(TakeError::DayToCome { date, today }.into()) }
    }
}

/// One of our bank accounts.
struct KnownBank {
    bank: BankId,
    name: String,
    currency: Currency,
}

fn known_banks(books: &Books) -> Vec<KnownBank> {
    let accounts = books.accounts().filter(|account| account.kind == AccountKind::Bank);
    let banks = accounts.map(|account| KnownBank {
        bank: BankId(account.owner),
        name: books.owner_reference(&account).unwrap_or_default().to_owned(),
        currency: account.currency,
    });
    banks.collect()
}

fn find_bank<'b>(banks: &'b [KnownBank], name: &str) -> Result<&'b KnownBank, TakeError> {
    let known = || banks.iter().map(|one| one.name.clone()).collect();
    banks.iter().find(|one| one.name == name).ok_or_else(|| TakeError::UnknownSource {
        party: FileSourceKind::Bank,
        name: name.to_owned(),
        known: known(),
    })
}

/// The name of a reason or kind in JSON.
fn name_of(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
