//! `doorstep day` and `doorstep demo`: a simulated courier day, from orders to paid sellers.

mod backend;
mod counterparty_files;
mod demo_door;
mod demo_server;
mod demo_shop;
mod demo_texts;
mod night;
mod others;
mod progress;
mod records;
mod run;
mod summary;
mod week;

pub use self::progress::new_bar;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, anyhow, bail, ensure};
use books::BusinessDate;
use clap::{Args, ValueEnum};
use files::orders::{AMOUNT_DUE_MAX, ImportReport};
use money::Currency;
use money::decimal::DecimalAmount;
use serde::{Deserialize, Serialize};
use sim::{
    DayError, DayInputError, DayInputs, LookAt, ParcelInput, PaymentMix, ResumeDayError,
    WorldDifference,
};
use tariff::{CardKind, PaymentMethod};

pub use self::backend::BackendError;
use self::counterparty_files::CounterpartyArgs;
pub use self::records::DayRecords;
use self::records::RecordedOrders;
use self::run::{DaysRequest, DaysResult, WantedDays};
use crate::words::{Lang, bilingual, grouped, say};
use crate::{chinese, orders, tariffs, texts};

/// As many as the real sample has.
const MADE_PARCELS: u32 = 7_854;
const PARCELS_MAX: u32 = 2_000_000;
/// The most differences that are printed; `--json` has all.
const PROBLEMS_SHOWN_MAX: usize = 100;
/// What several days of a demo show: money on hold for two days, and a quarter of the sellers paid
/// weekly, in percent.
const WEEK_TERMS: (u16, u32) = (2, 25);
/// A pain.001 sum has at most 18 digits.
const _: () = assert!(
    PARCELS_MAX as u64 <= 999_999_999_999_999_999 / AMOUNT_DUE_MAX.minor(),
    "a day's amounts due fit into a bank message"
);

/// The conditions of a day.
#[derive(Args, Debug)]
pub struct DayFlags {
    /// The seed of all random choices
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How buyers pay
    #[arg(long, value_enum, default_value_t = MethodsFlag::Mixed)]
    tender: MethodsFlag,
    /// Parcels refused at the door, in percent; partial refusals and failed attempts scale with it
    #[arg(long, value_name = "PERCENT", default_value_t = 8)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=100))]
    refusals: u32,
    /// Frequency of faults, in percent of the usual rate: declines, timeouts, duplicates, cash
    /// shortages, fee differences, returned payouts
    #[arg(long, value_name = "PERCENT", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1000))]
    faults: u32,
    /// The business date of the deliveries [default: 2013-11-11, then the next date of the books]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<BusinessDate>,
    /// The tariff: a built-in tariff or a tariff file [default: china-2013]
    #[arg(long, value_name = "NAME|FILE")]
    tariff: Option<PathBuf>,
    /// The sellers' class in the tariff [default: general]
    #[arg(long)]
    class: Option<String>,
    /// Days after the delivery until the sellers' money is payable [default: 0]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=30))]
    hold: Option<u16>,
    /// Sellers who are paid weekly, on Fridays, in percent; the others daily [default: 0]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    weekly: Option<u32>,
    /// Withdraw card networks during the tours, at these times of the day: the first network, then
    /// the second
    #[arg(long, value_name = "HH:MM", value_delimiter = ',', value_parser = minute_of_day)]
    withdraw: Vec<u64>,
    #[command(flatten)]
    counterparty: CounterpartyArgs,
}

/// `HH:MM` in minutes.
fn minute_of_day(text: &str) -> Result<u64, String> {
    let wrong = || texts::text(Lang::current(), "value.not_a_time_of_day").to_owned();
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str, most: u64| {
        let number = text.parse::<u64>().ok().filter(|number| *number <= most);
        number.filter(|_| text.len() == 2).ok_or_else(wrong)
    };
    Ok(number(hours, 23)? * 60 + number(minutes, 59)?)
}

/// Runs a courier day on your orders, up to the payouts to sellers
///
/// Runs a courier day in virtual time. Orders are imported and announced. Couriers deliver parcels,
/// collect by card, by QR code and in cash, hand over and deposit the cash. Networks clear, the
/// bank confirms, and the sellers are paid. Terminals, switch and networks exchange ISO 8583
/// messages over local sockets.
///
/// Real: your orders (without --orders they are simulated too), the switch, the books, the fees and
/// the payouts. Simulated: couriers, buyers, terminals, card networks, wallet and bank.
///
/// Afterwards the data directory has the books, a clearing file of each network, payouts.csv, and a
/// pain.001 message for each settlement plan. To continue an interrupted day, run the same command
/// again.
///
/// On books with a finished day, the next date is lived: with other orders, the parcels that are
/// still open, and those of `doorstep import`. Held money is released, refunds and chargebacks of
/// earlier days arrive. The summary is of all days. With the date of the last day it is only shown.
#[derive(Args, Debug)]
#[command(after_long_help = JSON_HELP)]
pub struct DayArgs {
    /// The order file, or a directory with the files that the profile names
    #[arg(long, value_name = "PATH", requires = "profile")]
    orders: Option<PathBuf>,
    /// The format of the orders: a profile that `doorstep profile list` names, or a profile file
    #[arg(long, value_name = "NAME|FILE", requires = "orders")]
    profile: Option<String>,
    #[command(flatten)]
    format: orders::OrderFormatArgs,
    /// Number of simulated parcels, without --orders
    #[arg(long, default_value_t = MADE_PARCELS, conflicts_with = "orders")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(PARCELS_MAX)))]
    parcels: u32,
    /// The data directory
    #[arg(long, value_name = "DIR", default_value = "doorstep-day")]
    data: PathBuf,
    #[command(flatten)]
    flags: DayFlags,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// Runs a simulated day, shows a summary, and serves the console
///
/// On a terminal the demo then serves the console and the API over its books, at
/// http://localhost:8080 or the next free port, on this machine only, until Ctrl-C. It prints a
/// sign-in for each role, made anew each time. With --once, or without a terminal as input, it
/// exits after the summary.
///
/// At midnight a shop opens its flash sale, with coupons and thresholds, and buyers order through
/// the API. Then the same as `doorstep day` without orders, which delivers theirs too. Amounts,
/// items per order and sellers are distributed like those of a real marketplace; everything else is
/// simulated too.
///
/// Several days follow each other on the same books, with a line for each; unless --hold and
/// --weekly say otherwise, money is payable two days after the delivery, and a quarter of the
/// sellers is paid weekly. To continue interrupted days, run the same command again.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// The data directory
    #[arg(long, value_name = "DIR", default_value = "doorstep-demo")]
    data: PathBuf,
    /// Number of days in all
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=31))]
    days: u32,
    /// Buyers in the shop at midnight before the first day; with 0 there is no shop
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    buyers: u32,
    /// Exit after the summary
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    flags: DayFlags,
}

const JSON_HELP: &str = "\
What --json prints: one object. Amounts are in minor units of `currency`.
  currency      of all amounts
  parcels       announced parcels (count)
  announced     amount due on them
  collected     amounts collected: card, qr, cash
  refused       amount due and not collected: refused parcels and refused parts
  returned      amount due on parcels returned to their sellers
  refunded      amounts refunded to buyers, and charged back
  fees          by kind: issuer, network, acquirer, wallet, commission, cod,
                vat, return, freight
  held          collected for sellers, not yet payable
  payable       payable to sellers, not paid out (negative: sellers owe)
  paid          paid out and confirmed by the bank
  custody       by courier firm: cash in hand, counted, or owed
  unknown       payments with an unknown outcome (count)
  breaks        open differences (count)
  open_items    batches of terminals that differ from the books: count, net
                (terminals minus books), oldest_days
  debits, credits   sums of all postings; always equal
  payouts       the payout file (CSV)
  digest        SHA-256 of the books: the same for the same orders, flags
                and seed
  seconds       duration of the run
  counts        of parcels, payments, hand-overs and payouts
  networks      for each: items in its own books (count), approved and reversed
                (amounts), unknown (count), equal: whether its books agree with
                these, item by item
  terminals     signed_on, batches_agreed, batches_disputed, offline, reversed,
                repeated (counts)
  door_messages between switch and terminals, and switch and networks (counts)
  date, seed, tariff   of the last day
  days          simulated days of the books; the sums are of all of them
  real, simulated      which parts of the day are real
  orders_by_status     of the order file, if it has a status
  left_out      orders that the profile leaves out, by reason
  bad           bad lines (count); their orders are left out
  bad_lines     the first 20 errors, each with file, line, column and reason
  messages      the bank messages (pain.001.001.09), one for each settlement
                plan
  wrong         broken rules; if not empty, the exit status is 1";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum MethodsFlag {
    /// Card, QR and cash; some pay in two parts
    Mixed,
    /// Debit cards only
    Card,
    /// QR only
    Qr,
    /// Cash only
    Cash,
}

impl MethodsFlag {
    fn mix(self) -> PaymentMix {
        match self {
            MethodsFlag::Mixed => PaymentMix::Mixed,
            MethodsFlag::Card => PaymentMix::Only(PaymentMethod::Card(CardKind::Debit)),
            MethodsFlag::Qr => PaymentMix::Only(PaymentMethod::Qr),
            MethodsFlag::Cash => PaymentMix::Only(PaymentMethod::Cash),
        }
    }
}

pub fn run(args: &DayArgs) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let lang = Lang::current();
    let (orders, currency, report) = match (&args.orders, &args.profile) {
        (Some(path), Some(profile)) => real_orders(args, path, profile)?,
        _ => (RecordedOrders::Made { count: args.parcels }, None, ImportReport::default()),
    };
    if args.orders.is_some() && !args.json {
        orders::print_report(&report, lang);
        say!("");
    }
    let request = DaysRequest {
        data: &args.data,
        flags: &args.flags,
        orders,
        currency,
        wanted: WantedDays::Next,
        usual_terms: (0, 0),
        quiet: args.json,
        buyers: 0,
    };
    let mut found = run::live(&request, lang)?;
    let summary = summary::DaySummary::of(&found, &report, begun.elapsed());
    if args.json {
        say!("{}", serde_json::to_string(&summary)?);
    } else {
        summary.print(&found, lang);
    }
    found.shown()?;
    Ok(exit_code(&found))
}

pub fn demo(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let lang = Lang::current();
    let request = DaysRequest {
        data: &args.data,
        flags: &args.flags,
        orders: RecordedOrders::Made { count: MADE_PARCELS },
        currency: None,
        wanted: WantedDays::InAll(args.days),
        usual_terms: if args.days > 1 { WEEK_TERMS } else { (0, 0) },
        quiet: false,
        buyers: args.buyers,
    };
    let serves = !args.once && std::io::stdin().is_terminal();
    let mut found = match run::live(&request, lang) {
        Err(error) if serves && error.is::<BeyondTheWorld>() => {
            let because = crate::in_words(&error);
            say!(
                "{}",
                bilingual!(
                    "{because}. No further day can be simulated on these books. They are served as \
                     they are",
                    "{because}。这些账簿不能再模拟一天，现按原样提供服务"
                )
            );
            demo_server::serve(&args.data, lang)?;
            return Ok(ExitCode::SUCCESS);
        }
        found => found?,
    };
    let summary = summary::DaySummary::of(&found, &ImportReport::default(), begun.elapsed());
    if args.days > 1 {
        say!("");
    }
    summary.print(&found, lang);
    summary::print_next(&args.data, &found, lang);
    found.shown()?;
    let code = exit_code(&found);
    if serves && found.problems.is_empty() {
        drop(found);
        demo_server::serve(&args.data, lang)?;
    }
    Ok(code)
}

#[allow(clippy::print_stderr, reason = "problems must be visible beside JSON")]
fn exit_code(found: &DaysResult) -> ExitCode {
    if found.problems.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "{}",
        Lang::current().pick(
            "The books and the simulated world are NOT EQUAL; no payout files were written:",
            "账簿与模拟世界不一致，未写出打款文件："
        )
    );
    let (shown, more) = found.problems.split_at(found.problems.len().min(PROBLEMS_SHOWN_MAX));
    shown.iter().for_each(|line| eprintln!("  {line}"));
    if !more.is_empty() {
        eprintln!("  {}", bilingual!("… and {} more", "……另有 {} 项", more.len()));
    }
    ExitCode::FAILURE
}

fn real_orders(
    args: &DayArgs,
    path: &Path,
    profile: &str,
) -> anyhow::Result<(RecordedOrders, Option<Currency>, ImportReport)> {
    let import = orders::read(path, profile, &args.format)?;
    let Some(first) = import.parcels.first() else {
        bail!(orders::no_parcels(path, &import.report));
    };
    let (file, count) = (path.display(), import.parcels.len());
    ensure!(
        count <= PARCELS_MAX as usize,
        bilingual!(
            "{file}: {count} parcels; the limit of a day is {PARCELS_MAX}; give fewer orders",
            "{file}：有 {count} 个包裹，一天最多 {PARCELS_MAX} 个；请减少订单"
        )
    );
    let currency = first.currency;
    if let Some(other) = import.parcels.iter().find(|parcel| parcel.currency != currency) {
        bail!(bilingual!(
            "{file}: there are parcels in {currency} and in {0} ({1}); a day has one currency: \
             give one file per currency",
            "{file}：有 {currency} 和 {0}（{1}）的包裹；一天只有一种货币：请每种货币一个文件",
            other.currency,
            other.location
        ));
    }
    let parcels = import.parcels.iter().map(|parcel| ParcelInput {
        seller_reference: parcel.seller.to_string(),
        order_reference: parcel.order.to_string(),
        due: parcel.amount_due,
    });
    let parcels: Vec<ParcelInput> = parcels.collect();
    let orders = RecordedOrders::given(profile.into(), path.display().to_string(), &parcels);
    Ok((orders, Some(currency), import.report))
}

/// What differs, by how much, and where to look.
fn difference_text(difference: &WorldDifference, currency: Currency, data: &Path) -> String {
    let by = difference.by.map_or(String::new(), |minor| {
        let amount = DecimalAmount::of_balance(minor, currency).to_string();
        bilingual!("; difference {0} {currency}", "；相差 {0} {currency}", grouped(&amount))
    });
    let look = match &difference.look_at {
        LookAt::Balances => "balances --all".to_owned(),
        LookAt::Seller(reference) => format!("log --seller {reference}"),
        LookAt::Parcel(parcel) => format!("log --parcel {:032x}", parcel.bits()),
        LookAt::Terminal(terminal) => format!("log --terminal {terminal}"),
        LookAt::Log => "log".to_owned(),
    };
    let (what, data) = (&difference.what, data.display());
    bilingual!(
        "{what}{by}; see: doorstep {look} --data {data}",
        "{what}{by}；见：doorstep {look} --data {data}"
    )
}

/// An input error, in terms of the flags.
fn input_error_text(error: DayInputError, inputs: &DayInputs, data: &Path) -> anyhow::Error {
    let tariff = &inputs.tariff;
    match error {
        DayInputError::NoClass { class, .. } => tariffs::no_such_class(tariff, &class),
        DayInputError::NoTariff { date, .. } => anyhow!(bilingual!(
            "--date {0}: the tariff `{1}` has no version in force on {date}; it is in force {2}, \
             and a day ends on the day after",
            "--date {0}：费率 `{1}` 在 {date} 没有有效版本；其有效期{2}，而一天在次日结束",
            inputs.date,
            tariff.name,
            tariffs::validity(tariff)
        )),
        error @ DayInputError::UnknownToWorld { .. } => unknown_to_world(error, data),
        DayInputError::RealBooks => anyhow!(bilingual!(
            "--data {0}: these books are real, and a simulated day is lived in trial books only. \
             Nothing was changed. Use another directory, or `import` into a new one",
            "--data {0}：这是正式账簿，模拟日只能在试用账簿中进行。未作改动。\
             请换一个目录，或用 `import` 导入新目录",
            data.display()
        )),
        DayInputError::OtherTerms { seller } => anyhow!(bilingual!(
            "--tariff, --class: seller {seller} was imported with other terms; give the tariff \
             and the class of the import",
            "--tariff、--class：导入卖家 {seller} 时条款不同；请给出导入时的费率和类别"
        )),
        other => other.into(),
    }
}

/// Others gave to the books what the simulated world does not know.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BeyondTheWorld(String);

fn unknown_to_world(error: DayInputError, data: &Path) -> anyhow::Error {
    let DayInputError::UnknownToWorld { name } = error else { return error.into() };
    anyhow::Error::new(BeyondTheWorld(bilingual!(
        "--data {0}: since the last simulated day others gave `{name}` to these books, which the \
         simulated world does not know: only orders can be imported between two days. Nothing was \
         changed. Use another directory",
        "--data {0}：上一个模拟日之后有他人向账簿发出 `{name}`，模拟世界无从得知：\
         两日之间只能导入订单。未作改动。请换一个目录",
        data.display()
    )))
}

/// Set by SIGINT and SIGTERM, and read between two steps of the day. A second signal ends at once.
fn on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let twice = interrupted.clone();
        signal_hook::flag::register_conditional_shutdown(signal, 130, twice)
            .and_then(|_| signal_hook::flag::register(signal, interrupted.clone()))
            .context(texts::text(Lang::current(), "error.signals"))?;
    }
    Ok(interrupted)
}

fn another_day(data: &Path) -> anyhow::Error {
    anyhow!(bilingual!(
        "--data {0}: these books do not match this day: they were made with other orders, \
         another seed, or other flags. Nothing was changed. Give the same inputs as before, or \
         another directory",
        "--data {0}：账簿与这一天不符：订单、种子或参数不同。未作改动。请给出原来的参数，\
         或换一个目录",
        data.display()
    ))
}

fn day_error_text(error: DayError<ResumeDayError<BackendError>>, data: &Path) -> anyhow::Error {
    let shown = data.display();
    match error {
        DayError::Backend(ResumeDayError::AnotherDay) => another_day(data),
        DayError::Backend(ResumeDayError::Backend(BackendError::Interrupted)) => {
            anyhow!(bilingual!(
                "interrupted. Everything so far is saved in {shown}; run the same command again to \
             continue the day",
                "已中断。此前的内容已保存在 {shown}；再次运行同一命令即可继续"
            ))
        }
        DayError::Backend(ResumeDayError::Backend(BackendError::Stopped(why))) => {
            let why = chinese::error(&why, Lang::current());
            anyhow!(bilingual!(
                "{why}. Then run the same command again: the day continues from the books in \
                 {shown}",
                "{why}。之后再次运行同一命令：从 {shown} 中的账簿继续"
            ))
        }
        other => other.into(),
    }
}
