//! Every posting, in the formats of other programs.

mod beancount;
mod csv;
mod hledger;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use books::{AnnounceParcel, BusinessDate, Command, ParcelId, Posting, Timestamp};
use engine::{CommandOutcome, Engine, Submission};
use money::Currency;
use money::decimal::DecimalAmount;
use node::replay::ReplayObserver;

use crate::books::tariff_version;
use crate::{AccountNames, ExportError, replay_all};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    Hledger,
    Beancount,
    Csv,
}

/// The postings of one command.
struct Entry<'a> {
    /// The command's position in the journal, counted from 1.
    number: u64,
    at: Timestamp,
    date: BusinessDate,
    postings: &'a [Posting],
}

/// A format.
trait Writer {
    /// Writes the text before the first entry.
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()>;
    fn entry(&mut self, entry: &Entry, books: &mut Books, out: &mut dyn Write) -> io::Result<()>;
}

/// What a format needs to write an entry.
struct Books<'a> {
    engine: &'a Engine,
    accounts: &'a mut AccountNames,
    orders: &'a HashMap<ParcelId, Box<str>>,
}

impl Books<'_> {
    /// The amount of a posting with its currency's decimals, and the currency.
    fn amount(&self, posting: &Posting) -> (String, Currency) {
        let account = self.engine.books().account_view(posting.debit);
        let currency = account.expect("a posting's accounts are there").currency;
        (DecimalAmount::of(posting.amount, currency).to_string(), currency)
    }
}

/// The parcel, order, payment number and tariff version of a posting.
fn facts(posting: &Posting, books: &Books) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(payment) = posting.payment {
        facts.push(("parcel", format!("{:032x}", payment.parcel.bits())));
        if let Some(order) = books.orders.get(&payment.parcel) {
            facts.push(("order", order.to_string()));
        }
        if payment.number > 0 {
            facts.push(("tender", payment.number.to_string()));
        }
    }
    if let Some(version) = posting.tariff {
        facts.push(("tariff", tariff_version(books.engine, version)));
    }
    facts
}

struct Exporter<'w> {
    writer: Box<dyn Writer>,
    out: &'w mut dyn Write,
    accounts: AccountNames,
    orders: HashMap<ParcelId, Box<str>>,
    number: u64,
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
        self.number += 1;
        let engine::Command::Books(command) = &submission.command;
        if let Command::AnnounceParcel(AnnounceParcel { parcel, reference, .. }) = command {
            self.orders.insert(*parcel, reference.as_str().into());
        }
        self.moved.clear();
        self.moved.extend(outcome.books.postings.iter().filter(|posting| posting.moves_money()));
        if self.moved.is_empty() {
            return Ok(());
        }
        let (number, date) = (self.number, engine.books().last_date());
        let entry = Entry { number, at, date, postings: &self.moved };
        let mut books = Books { engine, accounts: &mut self.accounts, orders: &self.orders };
        self.writer.entry(&entry, &mut books, self.out).map_err(|error| {
            let what = error.to_string();
            self.failed = Some(error);
            what
        })
    }
}

/// Writes every posting of a data directory.
pub fn export_postings(
    data: &Path,
    format: ExportFormat,
    out: &mut dyn Write,
) -> Result<(), ExportError> {
    let mut writer: Box<dyn Writer> = match format {
        ExportFormat::Hledger => Box::new(hledger::Hledger::default()),
        ExportFormat::Beancount => Box::new(beancount::Beancount::default()),
        ExportFormat::Csv => Box::new(csv::Csv),
    };
    writer.begin(out)?;
    let mut exporter = Exporter {
        writer,
        out,
        accounts: AccountNames::default(),
        orders: HashMap::new(),
        number: 0,
        moved: Vec::new(),
        failed: None,
    };
    let done = replay_all(data, &mut exporter);
    if let Some(failed) = exporter.failed {
        return Err(failed.into());
    }
    done?;
    Ok(())
}
