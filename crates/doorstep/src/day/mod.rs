//! `doorstep day` and `doorstep demo`: a simulated courier day, from orders to paid sellers.

mod backend;
mod progress;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, anyhow, bail, ensure};
use books::{BusinessDate, DAY_MS, Timestamp};
use clap::{Args, ValueEnum};
use engine::Engine;
use files::orders::{AMOUNT_DUE_MAX, ImportReport};
use money::decimal::DecimalAmount;
use money::{Amount, Currency};
use reports::{DaySums, write_messages, write_payouts_csv};
use sim::{
    DayError, DayInputError, DayInputs, DayOptions, EnginePosition, LookAt, NetworkComparison,
    OrderSource, ParcelInput, PaymentMix, ResumeDayError, ResumedDay, SimulatedDay,
    WorldDifference,
};
use tariff::{CardKind, PaymentMethod};

pub use self::backend::BackendError;
use self::backend::NodeBackend;
use self::progress::ProgressDisplay;
use crate::time_zone;
use crate::words::{Lang, bilingual, grouped, say};
use crate::{chinese, data_directory, orders, persons, tariffs, texts};

/// As many as the real sample has.
const MADE_PARCELS: u32 = 7_854;
const PARCELS_MAX: u32 = 2_000_000;
/// The most differences that are printed; `--json` has all.
const PROBLEMS_SHOWN_MAX: usize = 100;
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
    /// The business date of the deliveries
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2013-11-11")]
    date: BusinessDate,
    /// The tariff: a built-in tariff or a tariff file
    #[arg(long, value_name = "NAME|FILE", default_value = "china-2013")]
    tariff: PathBuf,
    /// The sellers' class in the tariff
    #[arg(long, default_value = "general")]
    class: String,
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
/// again. A finished day is only shown.
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

/// Runs a simulated day, shows a summary, and suggests next commands
///
/// The same as `doorstep day` without orders. Amounts, items per order and sellers are distributed
/// like those of a real marketplace; everything else is simulated too.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// The data directory
    #[arg(long, value_name = "DIR", default_value = "doorstep-demo")]
    data: PathBuf,
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
                return
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
  date, seed, tariff   as given
  real, simulated      which parts of the day are real
  orders_by_status     of the order file, if it has a status
  left_out      orders that the profile leaves out, by reason
  bad           bad lines (count); their orders are left out
  bad_lines     the first 20 bad lines, each with file, line, column and reason
  messages      the bank messages (pain.001.001.09), one for each settlement
                plan
  wrong         broken rules; if not empty, the exit status is 1";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MethodsFlag {
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
    let (inputs, report) = match (&args.orders, &args.profile) {
        (Some(path), Some(profile)) => real_orders(args, path, profile)?,
        _ => (simulated_orders(&args.flags, args.parcels)?, ImportReport::default()),
    };
    if args.orders.is_some() && !args.json {
        orders::print_report(&report, lang);
        say!("");
    }
    let found = run_day(&inputs, &args.flags, &args.data, lang, args.json)?;
    let summary = summary::DaySummary::of(&found, &inputs, &report, begun.elapsed());
    if args.json {
        say!("{}", serde_json::to_string(&summary)?);
    } else {
        summary.print(&found, lang);
    }
    Ok(exit_code(&found))
}

pub fn demo(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let lang = Lang::current();
    let inputs = simulated_orders(&args.flags, MADE_PARCELS)?;
    let found = run_day(&inputs, &args.flags, &args.data, lang, false)?;
    let report = ImportReport::default();
    let summary = summary::DaySummary::of(&found, &inputs, &report, begun.elapsed());
    summary.print(&found, lang);
    summary::print_next(&args.data, &found, lang);
    Ok(exit_code(&found))
}

/// A day's result.
pub struct DayResult {
    /// The simulation's own record.
    pub day: SimulatedDay,
    pub engine: Engine,
    /// The comparison of each network's books with these.
    pub networks: Vec<NetworkComparison>,
    pub sums: DaySums,
    pub payouts_file: PathBuf,
    /// The pain.001 files.
    pub messages: Vec<PathBuf>,
    /// Broken rules, and differences between the books and the simulation.
    pub problems: Vec<String>,
    /// The books had the whole day before this run.
    pub was_complete_before: bool,
}

#[allow(clippy::print_stderr, reason = "problems must be visible beside JSON")]
fn exit_code(found: &DayResult) -> ExitCode {
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

fn simulated_orders(flags: &DayFlags, count: u32) -> anyhow::Result<DayInputs> {
    let currency = Currency::CNY;
    let made = sim::generate_orders(count as usize, flags.seed, currency);
    let parcels = made.into_iter().map(|order| order.parcel).collect();
    inputs(flags, currency, parcels, OrderSource::Generated)
}

fn inputs(
    flags: &DayFlags,
    currency: Currency,
    parcels: Vec<ParcelInput>,
    origin: OrderSource,
) -> anyhow::Result<DayInputs> {
    let (tariff, tariff_text) = tariffs::load_with_text(&flags.tariff).context("--tariff")?;
    let tariff = tariffs::in_currency(&tariff, currency)?.clone();
    let noon = Timestamp::start_of_day(flags.date, 0).plus_ms(DAY_MS / 2);
    let zone = time_zone::resolve(time_zone::CHINA, noon)?;
    Ok(DayInputs {
        date: flags.date,
        utc_offset_minutes: zone.utc_offset_minutes,
        time_zone: Some(zone.setting(1)),
        currency,
        tariff,
        tariff_text,
        class: flags.class.clone(),
        parcels,
        order_source: origin,
    })
}

fn real_orders(
    args: &DayArgs,
    path: &Path,
    profile: &str,
) -> anyhow::Result<(DayInputs, ImportReport)> {
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
    let parcels = parcels.collect();
    let origin = OrderSource::Real { profile: profile.into(), source: path.display().to_string() };
    Ok((inputs(&args.flags, currency, parcels, origin)?, import.report))
}

/// Runs the day, or the rest of an interrupted day.
fn run_day(
    inputs: &DayInputs,
    flags: &DayFlags,
    data: &Path,
    lang: Lang,
    quiet: bool,
) -> anyhow::Result<DayResult> {
    let options = DayOptions {
        seed: flags.seed,
        payment_mix: flags.tender.mix(),
        refusals_ppm: flags.refusals * 10_000,
        faults_percent: flags.faults,
        minimum_payout: Amount::ZERO,
        ..DayOptions::default()
    };
    // Bad inputs are reported before anything is written.
    sim::check_inputs(inputs, &options).map_err(|error| input_error_text(error, inputs))?;
    let interrupted = on_interrupt()?;
    let books = data_directory::open_or_create(data)?;
    persons::name_missing(data, &[(sim::PLANNER, "planner"), (sim::APPROVER, "approver")])?;
    let client = books.node.client();
    let (standing, _) = client.query(EnginePosition::of)?;
    let office = NodeBackend::new(client, interrupted, data.to_owned());
    let mut office = ResumedDay::new(office, Engine::default(), standing);
    let before = books.node.client().query(|engine| engine.last_at())?.0;
    let mut shown = ProgressDisplay::new(lang, inputs.utc_offset_minutes, quiet);
    let outcome = sim::run_day(inputs, &options, &mut office, |progress| shown.update(progress));
    shown.finish();
    let day = match outcome {
        Ok(day) => day,
        Err(error) => return Err(day_error_text(error, data)),
    };
    office.finish().map_err(|error| day_error_text(DayError::Backend(error), data))?;
    let was_finished = before == day.report.ended_at;
    let (_, engine) = books.node.stop()?;
    let mut wrong = engine.check().err().unwrap_or_default();
    let differences = sim::compare(&day.world, engine.books());
    let shown = differences.iter().map(|one| difference_text(one, inputs.currency, data));
    wrong.extend(shown);
    let networks = sim::compare_networks(&day.world, engine.books());
    wrong.extend(networks.iter().flat_map(|network| network.differences.iter().cloned()));
    let (sums, _) = DaySums::of(data)?;
    let payouts_file = data.join("payouts.csv");
    let mut messages = Vec::new();
    // Wrong books must never lead to payouts.
    if wrong.is_empty() {
        write_payouts_csv(&sums, &engine, &payouts_file)?;
        messages = write_messages(&sums, &engine, data)?;
    }
    Ok(DayResult {
        day,
        engine,
        networks,
        sums,
        payouts_file,
        messages,
        problems: wrong,
        was_complete_before: was_finished,
    })
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
fn input_error_text(error: DayInputError, inputs: &DayInputs) -> anyhow::Error {
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
        other => other.into(),
    }
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

fn day_error_text(error: DayError<ResumeDayError<BackendError>>, data: &Path) -> anyhow::Error {
    let data = data.display();
    match error {
        DayError::Backend(ResumeDayError::AnotherDay) => anyhow!(bilingual!(
            "--data {data}: these books do not match this day: they were made with other orders, \
             another seed, or other flags. Nothing was changed. Give the same inputs as before, or \
             another directory",
            "--data {data}：账簿与这一天不符：订单、种子或参数不同。未作改动。请给出原来的参数，\
             或换一个目录"
        )),
        DayError::Backend(ResumeDayError::Backend(BackendError::Interrupted)) => {
            anyhow!(bilingual!(
                "interrupted. Everything so far is saved in {data}; run the same command again to \
             continue the day",
                "已中断。此前的内容已保存在 {data}；再次运行同一命令即可继续"
            ))
        }
        DayError::Backend(ResumeDayError::Backend(BackendError::Stopped(why))) => {
            let why = chinese::error(&why, Lang::current());
            anyhow!(bilingual!(
                "{why}. Then run the same command again: the day continues from the books in \
                 {data}",
                "{why}。之后再次运行同一命令：从 {data} 中的账簿继续"
            ))
        }
        other => other.into(),
    }
}
