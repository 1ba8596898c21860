//! `doorstep export`: every posting, in the formats of other programs.

mod accounts;
mod beancount;
mod csv;
mod hledger;

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use books::{AnnounceParcel, BusinessDate, Command, ParcelId, Posting, Timestamp};
use clap::{Args, ValueEnum};
use engine::{CommandOutcome, Engine};
use money::Currency;
use money::decimal::DecimalAmount;
use node::replay::ReplayObserver;

pub use self::accounts::{AccountNameStyle, AccountNames};
use crate::{books, words};

/// Exports every posting for hledger, beancount or a spreadsheet
///
/// Writes every posting of the books with its parcel and tariff version, in a format that another
/// program reads and checks.
///
/// hledger: `hledger -f books.journal check --strict` accepts the books, and `hledger -f
/// books.journal balance` shows the same balances. beancount: `bean-check books.beancount`. CSV:
/// one line per posting.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The format
    #[arg(long, value_enum)]
    format: Format,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
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
        let account = self.engine.account_view(posting.debit);
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
        facts.push(("tariff", words::tariff_version(books.engine, version)));
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
        command: &Command,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        self.number += 1;
        if let Command::AnnounceParcel(AnnounceParcel { parcel, reference, .. }) = command {
            self.orders.insert(*parcel, reference.as_str().into());
        }
        self.moved.clear();
        self.moved.extend(outcome.postings.iter().filter(|posting| posting.moves_money()));
        if self.moved.is_empty() {
            return Ok(());
        }
        let offset = engine.utc_offset_minutes().unwrap_or(0);
        let (number, date) = (self.number, at.business_date(offset));
        let entry = Entry { number, at, date, postings: &self.moved };
        let mut books = Books { engine, accounts: &mut self.accounts, orders: &self.orders };
        self.writer.entry(&entry, &mut books, self.out).map_err(|error| {
            let what = error.to_string();
            self.failed = Some(error);
            what
        })
    }
}

pub fn run(args: &ExportArgs) -> anyhow::Result<()> {
    match &args.out {
        Some(path) => files::atomic::write_atomically(path, |out| export(args, out))
            .map_err(|error| anyhow!("{error}")),
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            let done = export(args, &mut out).and_then(|()| Ok(out.flush()?));
            match done.as_ref().err().and_then(|error| error.downcast_ref::<io::Error>()) {
                // The reader closed the pipe, as `head` does. That is not an error.
                Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                Some(error) => bail!(words::stdout_error_text(error)),
                None => done,
            }
        }
    }
}

fn export(args: &ExportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut writer: Box<dyn Writer> = match args.format {
        Format::Hledger => Box::new(hledger::Hledger::default()),
        Format::Beancount => Box::new(beancount::Beancount::default()),
        Format::Csv => Box::new(csv::Csv),
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
    let done = books::replay_all(&args.data, &mut exporter);
    if let Some(failed) = exporter.failed {
        return Err(failed.into());
    }
    done?;
    Ok(())
}
