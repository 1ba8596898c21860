//! Every posting, in the formats of other programs. The formats are in docs/files/export.md.

mod beancount;
mod csv;
mod facts;
mod hledger;

use std::io::{self, Write};
use std::path::Path;

use books::{BusinessDate, Posting, Timestamp};
use engine::{CommandOutcome, Engine, Submission};
use journal::{JournalHead, Sequence};
use ledger::Side;
use money::Currency;
use money::decimal::DecimalAmount;
use node::replay::ReplayObserver;

use self::facts::{CommandSubjects, ParcelFacts};
use crate::{AccountNameStyle, AccountNames, CommandPosition, ExportError, replay_all};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    Hledger,
    Beancount,
    Csv,
}

/// Postings of one command that belong together: those of one payment or parcel, or another one.
struct Entry<'a> {
    position: CommandPosition,
    at: Timestamp,
    date: BusinessDate,
    /// The day to which it belongs, if that is another one.
    value_date: Option<BusinessDate>,
    postings: &'a [Posting],
    subjects: &'a CommandSubjects,
}

/// A format.
trait Writer {
    /// Writes the text before the first entry.
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()>;
    fn entry(&mut self, entry: &Entry, books: &mut Books, out: &mut dyn Write) -> io::Result<()>;
    /// Writes the balances at the end, if the format can state them. `date` is the last day.
    fn end(
        &mut self,
        _balances: &[Balance],
        _date: BusinessDate,
        _out: &mut dyn Write,
    ) -> io::Result<()> {
        Ok(())
    }
}

/// The balance of an account at the end: debits less credits, with its currency's decimals.
struct Balance {
    account: String,
    amount: String,
    currency: Currency,
}

/// What a format needs to write an entry.
struct Books<'a> {
    engine: &'a Engine,
    accounts: &'a mut AccountNames,
    parcels: &'a ParcelFacts,
}

impl Books<'_> {
    /// The amount of a posting with its currency's decimals, and the currency.
    fn amount(&self, posting: &Posting) -> (String, Currency) {
        let account = self.engine.books().account_view(posting.debit);
        let currency = account.expect("a posting's accounts are there").currency;
        (DecimalAmount::of(posting.amount, currency).to_string(), currency)
    }
}

struct Exporter<'w> {
    writer: Box<dyn Writer>,
    out: &'w mut dyn Write,
    accounts: AccountNames,
    parcels: ParcelFacts,
    position: CommandPosition,
    date: BusinessDate,
    moved: Vec<Posting>,
    failed: Option<io::Error>,
}

impl ReplayObserver for Exporter<'_> {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        self.position.index += 1;
        for (command, events) in outcome.of_books(submission) {
            self.parcels.learn(command, events);
        }
        self.moved.clear();
        self.moved.extend(outcome.books.postings.iter().filter(|posting| posting.moves_money()));
        if !self.moved.is_empty() {
            self.date = engine.books().last_date();
            let (command, events) =
                outcome.of_books(submission).next().expect("a command of the books moved money");
            let subjects = CommandSubjects::of(command, events, engine);
            let mut books = Books { engine, accounts: &mut self.accounts, parcels: &self.parcels };
            let (position, date) = (self.position, self.date);
            let value_date = outcome.books.value_date;
            let together = |one: &Posting, next: &Posting| {
                one.payment.is_some() && one.payment == next.payment
            };
            for postings in self.moved.chunk_by(together) {
                let entry = Entry { position, at, date, value_date, postings, subjects: &subjects };
                self.writer.entry(&entry, &mut books, self.out).map_err(|error| {
                    let what = error.to_string();
                    self.failed = Some(error);
                    what
                })?;
            }
        }
        self.parcels.forget(&outcome.books.events);
        Ok(())
    }

    fn batch(&mut self, head: JournalHead, _: &Engine) -> Result<(), String> {
        self.position = CommandPosition { batch: head.sequence.next(), index: 0 };
        Ok(())
    }
}

/// Writes every posting of a data directory.
pub fn export_postings(
    data: &Path,
    format: ExportFormat,
    out: &mut dyn Write,
) -> Result<(), ExportError> {
    let (mut writer, style): (Box<dyn Writer>, _) = match format {
        ExportFormat::Hledger => (Box::<hledger::Hledger>::default(), AccountNameStyle::Plain),
        ExportFormat::Beancount => {
            (Box::<beancount::Beancount>::default(), AccountNameStyle::Capitals)
        }
        ExportFormat::Csv => (Box::new(csv::Csv), AccountNameStyle::Plain),
    };
    writer.begin(out)?;
    let mut exporter = Exporter {
        writer,
        out,
        accounts: AccountNames::default(),
        parcels: ParcelFacts::default(),
        position: CommandPosition { batch: Sequence::FIRST, index: 0 },
        date: BusinessDate(0),
        moved: Vec::new(),
        failed: None,
    };
    let done = replay_all(data, &mut exporter);
    if let Some(failed) = exporter.failed {
        return Err(failed.into());
    }
    let (engine, _) = done?;
    let balances = balances(&engine, &mut exporter.accounts, style);
    Ok(exporter.writer.end(&balances, exporter.date, exporter.out)?)
}

/// The balances of the accounts that were exported, in order of opening.
fn balances(engine: &Engine, names: &mut AccountNames, style: AccountNameStyle) -> Vec<Balance> {
    let accounts = engine.books().accounts();
    let used = accounts.filter_map(|account| {
        if !names.is_named(account.number) {
            return None;
        }
        let (name, _) = names.name(account.number, engine, style);
        let signed = match account.kind.side() {
            Side::Debit => account.balance,
            Side::Credit => -account.balance,
        };
        Some(Balance {
            account: name.to_owned(),
            amount: DecimalAmount::of_balance(signed, account.currency).to_string(),
            currency: account.currency,
        })
    });
    used.collect()
}
