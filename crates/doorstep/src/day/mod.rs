//! `doorstep day` and `doorstep demo`: a courier day, from orders to paid sellers.

mod office;
mod progress;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, ValueEnum};
use engine::{BusinessDate, Engine};
use files::orders::ImportReport;
use money::decimal::Decimal;
use money::{Amount, Currency};
use sim::{
    ContinueError, Continued, Day, DayError, DayInputs, DayOptions, InputError, NetworkAgreement,
    Origin, ParcelInput, Standing, TenderMix,
};

use self::office::{Closed, NodeOffice};
use self::progress::Shown;
use crate::setup::UTC_OFFSET_MINUTES;
use crate::words::{Lang, grouped, say};
use crate::{books, orders, payouts, tariffs};

/// Parcels of a made-up day: as many as the real sample has.
const MADE_PARCELS: u32 = 7_854;
/// Parcels of one day at the most.
const PARCELS_MAX: u32 = 2_000_000;
/// What may be due on all parcels of a day together, in minor units: a sum of more than 18 digits
/// fits no pain.001 message.
const DUE_MAX: u128 = 999_999_999_999_999_999;

/// How a day goes.
#[derive(Args, Debug)]
pub struct DayFlags {
    /// Everything that is left to chance follows from it
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How buyers pay
    #[arg(long, value_enum, default_value_t = TenderFlag::Mixed)]
    tender: TenderFlag,
    /// How many of a hundred parcels are refused at the door; parts, and attempts given up, go
    /// with it in proportion
    #[arg(long, value_name = "PERCENT", default_value_t = 8)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=100))]
    refusals: u32,
    /// How often things go wrong, in percent of the usual: declines, timeouts, duplicates, cash
    /// that is short, fees that differ, payouts that come back
    #[arg(long, value_name = "PERCENT", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1000))]
    faults: u32,
    /// The day on which the couriers go out
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2013-11-11")]
    date: BusinessDate,
    /// What it costs: a tariff file, or a shipped one
    #[arg(long, value_name = "NAME|FILE", default_value = "china-2013")]
    tariff: PathBuf,
    /// The class of the sellers in that tariff
    #[arg(long, default_value = "general")]
    class: String,
    /// The language; without it, the environment's
    #[arg(long, value_enum)]
    lang: Option<Lang>,
}

/// Runs a courier day on your orders, to paid sellers.
///
/// Runs a courier day in virtual time: orders are imported and announced, couriers take the parcels
/// out and collect by card, QR and in cash, hand over, deposit; networks clear, the bank confirms;
/// the sellers are paid. Terminals, the switch and the networks speak ISO 8583 through sockets of
/// this machine.
///
/// Real are the orders that you give (without any, the day is made up), the switch, the books, the
/// fees and the payouts. Simulated are the couriers, buyers, terminals, card networks, wallet and
/// bank.
///
/// The data directory then has the books, a clearing file of each network, payouts.csv, and a
/// pain.001 message for each plan. A day
/// that was interrupted goes on when the same command is given again; one that is finished is only
/// shown.
#[derive(Args, Debug)]
#[command(after_long_help = JSON_HELP)]
pub struct DayArgs {
    /// The orders: a file, or a directory with the files that the profile names
    #[arg(long, value_name = "PATH", requires = "profile")]
    orders: Option<PathBuf>,
    /// How the orders are written: olist, shopify, woocommerce, doorstep, or a profile file
    #[arg(long, value_name = "NAME|FILE", requires = "orders")]
    profile: Option<String>,
    /// The seller, where a shop's export does not name one
    #[arg(long, value_name = "REFERENCE", requires = "orders")]
    seller: Option<String>,
    /// Without orders: how many parcels the made-up day has
    #[arg(long, default_value_t = MADE_PARCELS, conflicts_with = "orders")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(PARCELS_MAX)))]
    parcels: u32,
    /// Where the books are kept
    #[arg(long, value_name = "DIR", default_value = "doorstep-day")]
    data: PathBuf,
    #[command(flatten)]
    flags: DayFlags,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// A made-up day with a summary, and where to look next
///
/// It is `doorstep day` without orders: amounts, items per order and sellers are distributed like
/// those of a real marketplace's orders; everything else is simulated, too.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Where the books are kept
    #[arg(long, value_name = "DIR", default_value = "doorstep-demo")]
    data: PathBuf,
    #[command(flatten)]
    flags: DayFlags,
}

const JSON_HELP: &str = "\
What --json prints: one object. Amounts are in minor units of `currency`.
  currency      of all amounts
  parcels       how many parcels the day has (count)
  announced     what was due on them
  collected     what was taken: card, qr, cash
  refused       what was due and not taken: refused parcels, and parts of parcels
  returned      what was due on parcels that are back at their sellers'
  fees          by kind: issuer, network, acquirer, wallet, commission, cod, return
  held          collected for sellers, not theirs yet
  payable       the sellers', not paid out (what sellers owe is below zero)
  paid          arrived at the sellers'
  custody       by firm: cash in hands, counted, or owed
  unknown       payments whose outcome nobody knows (count)
  breaks        differences that are not closed (count)
  debits, credits   everything posted; always the same
  payouts       the file of the payouts (CSV)
  digest        SHA-256 of the books: the same for the same orders, flags and seed
  seconds       how long this took
  counts        of parcels and what happened to them
  networks      for each: items in its own books (count), approved and reversed (amounts), unknown
                (count), equal: whether its books are these, item by item
  terminals     signed_on, batches_agreed, batches_disputed, offline, reversed, repeated (counts)
  door_messages between the switch and terminals, and networks (counts)
  date, seed, tariff   of the day, as asked for
  real, simulated      what of the day is real
  orders_by_status     of the file, where it has a status
  left_out      orders that the profile leaves out, by reason
  bad           lines that could not be used (count); their orders are left out
  bad_lines     the first 20 of them, each with file, line, column and reason
  messages      the files for the bank (pain.001.001.09), one for each plan
  wrong         rules that are broken; empty, or the exit status is 1";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TenderFlag {
    /// Card, QR and cash, some in two parts
    Mixed,
    /// Debit cards only
    Card,
    /// QR only
    Qr,
    /// Cash only
    Cash,
}

impl TenderFlag {
    fn mix(self) -> TenderMix {
        match self {
            TenderFlag::Mixed => TenderMix::Mixed,
            TenderFlag::Card => TenderMix::Card,
            TenderFlag::Qr => TenderMix::Qr,
            TenderFlag::Cash => TenderMix::Cash,
        }
    }
}

/// Runs a day.
pub fn run(args: &DayArgs) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let lang = books::language(args.flags.lang);
    let (inputs, report) = match (&args.orders, &args.profile) {
        (Some(path), Some(profile)) => real_orders(args, path, profile)?,
        _ => (made_up(&args.flags, args.parcels)?, ImportReport::default()),
    };
    if args.orders.is_some() && !args.json {
        orders::print_report(&report, lang);
        say!("");
    }
    let found = live(&inputs, &args.flags, &args.data, lang, args.json)?;
    let summary = summary::Summary::of(&found, &inputs, &report, begun.elapsed());
    if args.json {
        say!("{}", serde_json::to_string(&summary)?);
    } else {
        summary.print(&found, lang);
    }
    Ok(verdict(&found))
}

/// Runs the demo.
pub fn demo(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let lang = books::language(args.flags.lang);
    let inputs = made_up(&args.flags, MADE_PARCELS)?;
    let found = live(&inputs, &args.flags, &args.data, lang, false)?;
    let report = ImportReport::default();
    let summary = summary::Summary::of(&found, &inputs, &report, begun.elapsed());
    summary.print(&found, lang);
    summary::print_next(&args.data, &found, lang);
    Ok(verdict(&found))
}

/// What a day left behind.
pub struct Found {
    /// The simulation's own account.
    pub day: Day,
    /// The books at the end.
    pub engine: Engine,
    /// What the networks have in their own books, beside these.
    pub networks: Vec<NetworkAgreement>,
    /// What the journal says of the day.
    pub sums: payouts::DaySums,
    /// The file of payouts.
    pub payouts_file: PathBuf,
    /// The messages to the bank.
    pub messages: Vec<PathBuf>,
    /// Where the books differ from the world's own account, or break a rule.
    pub wrong: Vec<String>,
    /// Whether the books had the whole day already.
    pub was_finished: bool,
}

#[allow(clippy::print_stderr, reason = "what is wrong must be seen, also beside JSON")]
fn verdict(found: &Found) -> ExitCode {
    if found.wrong.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("The books are not what they should be, and no payouts were written:");
    found.wrong.iter().for_each(|line| eprintln!("  {line}"));
    ExitCode::FAILURE
}

fn made_up(flags: &DayFlags, count: u32) -> anyhow::Result<DayInputs> {
    let currency = Currency::CNY;
    let made = sim::made_orders(count as usize, flags.seed, currency);
    let parcels = made.into_iter().map(|order| order.parcel).collect();
    inputs(flags, currency, parcels, Origin::Made)
}

fn inputs(
    flags: &DayFlags,
    currency: Currency,
    parcels: Vec<ParcelInput>,
    origin: Origin,
) -> anyhow::Result<DayInputs> {
    let tariff = tariffs::load(&flags.tariff).context("--tariff")?;
    tariffs::check_currency(&tariff, currency)?;
    Ok(DayInputs {
        date: flags.date,
        utc_offset_minutes: UTC_OFFSET_MINUTES,
        currency,
        tariff,
        class: flags.class.clone(),
        parcels,
        origin,
    })
}

fn real_orders(
    args: &DayArgs,
    path: &Path,
    profile: &str,
) -> anyhow::Result<(DayInputs, ImportReport)> {
    let import = orders::read(path, profile, args.seller.as_deref())?;
    let Some(first) = import.parcels.first() else {
        bail!("{}: there is no parcel in it\n{}", path.display(), orders::why_none(&import.report));
    };
    ensure!(
        import.parcels.len() <= PARCELS_MAX as usize,
        "{}: {} parcels are more than a day can have, {PARCELS_MAX}; give fewer orders at a time",
        path.display(),
        import.parcels.len()
    );
    let currency = first.currency;
    let due = import.report.amount_due.get(&currency).copied().unwrap_or(0);
    if due > DUE_MAX {
        let sum = |minor: u128| {
            let minor = i128::try_from(minor).unwrap_or(i128::MAX);
            grouped(&Decimal::of_balance(minor, currency).to_string())
        };
        bail!(
            "{}: {} {currency} are due in all, more than the {} that a message to a bank can hold; \
             give fewer orders at a time",
            path.display(),
            sum(due),
            sum(DUE_MAX)
        );
    }
    if let Some(other) = import.parcels.iter().find(|parcel| parcel.currency != currency) {
        bail!(
            "{}: there are parcels in {currency} and in {} ({}); a day has one currency: give one \
             file for each",
            path.display(),
            other.currency,
            other.place
        );
    }
    let parcels = import.parcels.iter().map(|parcel| ParcelInput {
        seller_reference: parcel.seller.to_string(),
        order_reference: parcel.order.to_string(),
        due: parcel.amount_due,
    });
    let parcels = parcels.collect();
    let origin = Origin::Real { profile: profile.into(), source: path.display().to_string() };
    Ok((inputs(&args.flags, currency, parcels, origin)?, import.report))
}

/// Lives through the day, or through what is left of it.
fn live(
    inputs: &DayInputs,
    flags: &DayFlags,
    data: &Path,
    lang: Lang,
    quiet: bool,
) -> anyhow::Result<Found> {
    let options = DayOptions {
        seed: flags.seed,
        tender: flags.tender.mix(),
        refusals_ppm: flags.refusals * 10_000,
        faults_percent: flags.faults,
        minimum: Amount::ZERO,
        ..DayOptions::default()
    };
    // Whatever makes no day is said before anything is written.
    sim::check_inputs(inputs, &options).map_err(|error| why_no_day(error, inputs))?;
    let interrupted = on_interrupt()?;
    let books = books::open_or_create(data)?;
    let client = books.node.client();
    let (standing, _) = client.look(Standing::of)?;
    let office = NodeOffice::new(client, interrupted, data.to_owned());
    let mut office = Continued::new(office, Engine::default(), standing);
    let before = books.node.client().look(|engine| engine.last_at())?.0;
    let mut shown = Shown::new(lang, inputs.utc_offset_minutes, quiet);
    let lived = sim::run_day(inputs, &options, &mut office, |progress| shown.step(progress));
    shown.end();
    let day = match lived {
        Ok(day) => day,
        Err(error) => return Err(explain_end(error, data)),
    };
    office.finish().map_err(|error| explain_end(DayError::Office(error), data))?;
    let was_finished = before == day.report.ended;
    let (_, engine) = books.node.stop()?;
    let mut wrong = engine.check().err().unwrap_or_default();
    wrong.extend(sim::compare(&day.world, &engine).err().unwrap_or_default());
    let networks = sim::compare_networks(&day.world, &engine);
    wrong.extend(networks.iter().flat_map(|network| network.wrong.iter().cloned()));
    let sums = payouts::day_sums(data)?;
    let payouts_file = data.join("payouts.csv");
    let mut messages = Vec::new();
    // Nobody is to be paid from books that are wrong.
    if wrong.is_empty() {
        payouts::write_csv(&sums, &engine, &payouts_file)?;
        messages = payouts::write_messages(&sums, &engine, data)?;
    }
    Ok(Found { day, engine, networks, sums, payouts_file, messages, wrong, was_finished })
}

/// Why there can be no such day, in the words of the flags.
fn why_no_day(error: InputError, inputs: &DayInputs) -> anyhow::Error {
    let tariff = &inputs.tariff;
    match error {
        InputError::NoClass { class, .. } => tariffs::no_such_class(tariff, &class),
        InputError::NoTariff { date, .. } => anyhow!(
            "--date {}: no version of the tariff `{}` holds on {date}; it holds {}, and a day ends \
             on the day after",
            inputs.date,
            tariff.name,
            tariffs::when(tariff)
        ),
        other => anyhow!("{other}"),
    }
}

/// Ctrl-C, or a request to end, is heard between two steps of the day; a second one ends at once.
fn on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let twice = interrupted.clone();
        signal_hook::flag::register_conditional_shutdown(signal, 130, twice)
            .and_then(|_| signal_hook::flag::register(signal, interrupted.clone()))
            .context("listening to Ctrl-C")?;
    }
    Ok(interrupted)
}

fn explain_end(error: DayError<ContinueError<Closed>>, data: &Path) -> anyhow::Error {
    let data = data.display();
    match error {
        DayError::Office(ContinueError::AnotherDay) => anyhow!(
            "--data {data}: these books hold something else than the beginning of this day: other \
             orders, another seed, or other flags. Nothing was changed. Give what that day was \
             given, or another directory"
        ),
        DayError::Office(ContinueError::Office(Closed::Interrupted)) => anyhow!(
            "interrupted. Everything so far is kept in {data}: give the same command again, and \
             the day goes on where it was"
        ),
        DayError::Office(ContinueError::Office(Closed::Stopped(why))) => anyhow!(
            "{why}. When that is mended, give the same command again: the day goes on from what is \
             in {data}"
        ),
        other => anyhow!("{other}"),
    }
}
