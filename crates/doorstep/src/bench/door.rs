//! `doorstep bench door`: card sales from terminals over gateways to a simulated network and back,
//! each in a process of its own, with durability on.
//!
//! Books with all that is needed are made first. Then a network, the engine, gateways and terminals
//! are started as anybody would start them. When all is sold they are stopped, and the books are
//! replayed and held against what the network and the terminals say, item by item.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

pub mod goods;
pub mod ground;

mod compare;
mod crew;

use self::compare::Comparison;
use self::crew::{Crew, Used};
use self::ground::Ground;
use super::histogram::Histogram;
use crate::terminal::load::Measured;
use crate::words::say;

/// How the door is measured.
#[derive(Args, Debug)]
pub struct DoorArgs {
    /// How many terminals
    #[arg(long, default_value_t = 2_000)]
    terminals: u32,
    /// How many gateways; with 0, terminals connect to the engine
    #[arg(long, default_value_t = 2)]
    gateways: u32,
    /// Sales begun in a second; 0 for as many as are answered
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// Sales under way at a time, where the rate is 0
    #[arg(long, default_value_t = 2_048)]
    in_flight: u32,
    /// How long is sold
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Kill a gateway when half of the time is over
    #[arg(long)]
    kill_gateway: bool,
    /// Type a PIN for each sale
    #[arg(long)]
    pins: bool,
    /// Where everything is kept; must not exist yet. Without it, a temporary directory in the
    /// current one
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Sales in a second for which there are parcels, where the rate is 0
    #[arg(long, default_value_t = 25_000, hide_short_help = true)]
    most_per_second: u32,
    /// Parcels of each terminal that are more than its share
    #[arg(long, default_value_t = 2, hide_short_help = true)]
    spare_parcels: u32,
    /// Seconds that all stand idle before their memory is looked at
    #[arg(long, default_value_t = 2, hide_short_help = true)]
    idle: u64,
}

/// The most terminals of one process that plays them: each is an open file.
const TERMINALS_PER_PROCESS_MAX: u32 = 15_000;
const GATEWAYS_MAX: u32 = 16;

/// What is printed. Times in milliseconds and seconds, sizes in bytes.
#[derive(Debug, Serialize)]
struct Figures {
    terminals: u32,
    gateways: u32,
    rate: u32,
    synchronous: &'static str,
    signed_on: u32,
    signed_on_within_s: f64,
    sales_per_s: u64,
    sales: u64,
    approved: u64,
    declined: u64,
    unknown: u64,
    skipped: u64,
    /// Whether there was nothing left to sell before the time was over: then more could be sold.
    sold_out: bool,
    unfinished: u64,
    repeated: u64,
    reversed: u64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    idle_bytes_per_terminal: u64,
    /// Of the engine and the gateways together, with all signed on and idle.
    idle_bytes: u64,
    /// Microseconds of processor time for each sale, by process.
    cpu_us_per_sale: Used,
    /// Terminals whose gateway was killed and who were served again, and how soon.
    moved: u32,
    moved_within_ms: u64,
    moving: u32,
    /// Approved at a terminal and not in the books.
    lost: u64,
    /// More than once in the books.
    doubled: u64,
    books_equal: bool,
    differences: Vec<String>,
    codes: Vec<(String, u64)>,
    commands: u64,
    commits: u64,
    network: Value,
    seconds: f64,
}

/// Measures.
pub fn run(args: &DoorArgs) -> anyhow::Result<()> {
    ensure!(args.terminals > 0, "--terminals: at least 1");
    ensure!(args.gateways <= GATEWAYS_MAX, "--gateways: at most {GATEWAYS_MAX}");
    ensure!(args.seconds > 0, "--seconds: at least 1");
    ensure!(!args.kill_gateway || args.gateways > 0, "--kill-gateway: there is no gateway");
    let scratch;
    let directory = match &args.data {
        Some(data) => {
            ensure!(!data.exists(), "--data {}: it exists already; name a new one", data.display());
            data.clone()
        }
        None => {
            scratch = tempfile::Builder::new().prefix("doorstep-bench-").tempdir_in(".")?;
            scratch.path().join("door")
        }
    };
    let plan = plan(args);
    let each = parcels_each(args)?;
    let doors = plan.processes;
    let ground = Ground::prepare(&directory, args.terminals, each, args.gateways, doors)?;
    let mut crew = Crew::start(&ground, args.gateways)?;
    let before = crew.memory()?;
    let mut loads = crew.terminals(&ground, &plan)?;
    let begun = Instant::now();
    let signed_on: u32 = loads.ready()?.iter().map(|ready| ready.signed_on).sum();
    let signing_on = begun.elapsed();
    sleep(Duration::from_secs(args.idle));
    let idle = crew.memory()?;

    let used_before = crew.used(&loads)?;
    loads.sell()?;
    if args.kill_gateway {
        sleep(Duration::from_secs(args.seconds) / 2);
        crew.kill_a_gateway()?;
    }
    let (measured, used_after) = loads.measured(&mut crew)?;
    let network = crew.stop()?;
    let comparison = Comparison::of(&ground, &loads.approved_lists)?;

    let figures = figures(args, &measured, &comparison, network);
    let sales = figures.sales.max(1);
    let parcels = u64::from(args.terminals) * u64::from(ground.parcels_each);
    let figures = Figures {
        signed_on,
        sold_out: figures.sales >= parcels,
        signed_on_within_s: seconds(signing_on),
        idle_bytes_per_terminal: idle.saturating_sub(before) / u64::from(args.terminals),
        idle_bytes: idle,
        cpu_us_per_sale: used_after.less(used_before).for_each(sales),
        ..figures
    };
    if args.json {
        say!("{}", serde_json::to_string(&figures)?);
    } else {
        print_table(&figures);
    }
    comparison.verdict()
}

fn plan(args: &DoorArgs) -> crew::LoadPlan {
    crew::LoadPlan {
        terminals: args.terminals,
        processes: args.terminals.div_ceil(TERMINALS_PER_PROCESS_MAX),
        rate: args.rate,
        in_flight: args.in_flight,
        seconds: args.seconds,
        pins: args.pins,
    }
}

/// How many parcels each terminal is given: enough for its share, and some more, since not all are
/// asked equally often.
fn parcels_each(args: &DoorArgs) -> anyhow::Result<u32> {
    let rate = if args.rate == 0 { args.most_per_second } else { args.rate };
    let all = u64::from(rate) * args.seconds;
    let share = all.div_ceil(u64::from(args.terminals));
    let each = share + share / 4 + u64::from(args.spare_parcels);
    let each = u32::try_from(each).unwrap_or(u32::MAX);
    ensure!(each < goods::PARCELS_EACH_MAX, "more parcels than can be: take more terminals");
    Ok(each)
}

#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
fn figures(
    args: &DoorArgs,
    measured: &[Measured],
    comparison: &Comparison,
    network: Value,
) -> Figures {
    let mut latencies = Histogram::default();
    for one in measured {
        latencies.add_parts(&one.latencies, one.max_us);
    }
    let sum = |what: fn(&Measured) -> u64| measured.iter().map(what).sum::<u64>();
    let micros = measured.iter().map(|one| one.micros).max().unwrap_or(0).max(1);
    let in_time = u128::from(sum(|one| one.approved_in_time));
    let sales_per_s = u64::try_from(in_time * 1_000_000 / u128::from(micros)).unwrap_or(u64::MAX);
    let mut codes = std::collections::BTreeMap::new();
    for (code, count) in measured.iter().flat_map(|one| &one.codes) {
        *codes.entry(code.clone()).or_insert(0) += count;
    }
    Figures {
        terminals: args.terminals,
        gateways: args.gateways,
        rate: args.rate,
        synchronous: "FULL",
        signed_on: 0,
        signed_on_within_s: 0.0,
        sales_per_s,
        sales: sum(|one| one.sales),
        approved: sum(|one| one.approved),
        declined: sum(|one| one.declined),
        unknown: sum(|one| one.unknown),
        skipped: sum(|one| one.skipped),
        sold_out: false,
        unfinished: sum(|one| u64::from(one.unfinished)),
        repeated: sum(|one| one.repeated),
        reversed: sum(|one| one.reversed),
        p50_ms: latencies.at_permille(500) as f64 / 1e3,
        p99_ms: latencies.at_permille(990) as f64 / 1e3,
        max_ms: latencies.max() as f64 / 1e3,
        idle_bytes_per_terminal: 0,
        idle_bytes: 0,
        cpu_us_per_sale: Used::default(),
        moved: measured.iter().map(|one| one.moved).sum(),
        moved_within_ms: measured.iter().map(|one| one.moved_within_ms).max().unwrap_or(0),
        moving: measured.iter().map(|one| one.moving).sum(),
        lost: comparison.lost,
        doubled: comparison.doubled,
        books_equal: comparison.books_equal(),
        differences: comparison.differences.clone(),
        codes: codes.into_iter().collect(),
        commands: comparison.commands,
        commits: comparison.commits,
        network,
        seconds: micros as f64 / 1e6,
    }
}

fn print_table(figures: &Figures) {
    let f = figures;
    let asked = match f.rate {
        0 => "as many sales as are answered".to_owned(),
        rate => format!("{rate} sales/s"),
    };
    say!(
        "{} terminals, {} gateways, {asked}, synchronous={}",
        f.terminals,
        f.gateways,
        f.synchronous
    );
    say!("  signed on            {:>10}   within {:.1} s", f.signed_on, f.signed_on_within_s);
    let more = if f.sold_out { "   and more: nothing was left (--most-per-second)" } else { "" };
    say!("  sales/s              {:>10}{more}", f.sales_per_s);
    say!("  p50 / p99 / max      {:.2} / {:.2} / {:.2} ms", f.p50_ms, f.p99_ms, f.max_ms);
    say!("  approved             {:>10}", f.approved);
    say!("  declined             {:>10}", f.declined);
    say!("  unknown              {:>10}", f.unknown);
    say!("  idle terminal        {:>10} bytes", f.idle_bytes_per_terminal);
    let cpu = &f.cpu_us_per_sale;
    say!(
        "  processor, µs a sale  engine {}, gateways {}, network {}, terminals {}",
        cpu.engine,
        cpu.gateways,
        cpu.network,
        cpu.terminals
    );
    if f.moved + f.moving > 0 {
        say!("  moved                {:>10}   within {} ms", f.moved, f.moved_within_ms);
        say!("  lost, doubled        {:>10}   {}", f.lost, f.doubled);
    }
    if f.books_equal {
        say!("The books agree with the network's file and the terminals' receipts, item by item.");
    }
}

/// The first line of a text, for an error.
fn first_line(text: &str) -> anyhow::Result<&str> {
    text.lines().next().context("nothing was printed")
}
