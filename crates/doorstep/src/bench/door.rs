//! `doorstep bench door`: card sales from terminals over gateways to a simulated network and back,
//! each in its own process, with durability on.
//!
//! Prepares keys, settings and books. Starts a network, the engine, gateways and terminals, each as
//! a process. After the sales it stops them, replays the books, and compares them item by item with
//! the network's clearing file and the terminals' receipts.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

pub mod fixture;
pub mod workload;

mod compare;
mod processes;

use self::compare::Comparison;
use self::fixture::Fixture;
use self::processes::{Processes, ProcessorTime};
use super::histogram::Histogram;
use crate::terminal::load::LoadMeasurements;
use crate::words::{Lang, bilingual, left, right, say};

#[derive(Args, Debug)]
pub struct DoorArgs {
    /// Number of terminals
    #[arg(long, default_value_t = 2_000)]
    terminals: u32,
    /// Number of gateways; with 0, terminals connect to the engine
    #[arg(long, default_value_t = 2)]
    gateways: u32,
    /// Sales per second; 0 for as many as possible
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// Sales in flight, if the rate is 0
    #[arg(long, default_value_t = 2_048)]
    in_flight: u32,
    /// Duration of the sales
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Kill a gateway halfway through
    #[arg(long)]
    kill_gateway: bool,
    /// Enter a PIN for each sale
    #[arg(long)]
    pins: bool,
    /// The directory for all files; it must not exist yet [default: a temporary directory in the
    /// current one]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Sales per second for which parcels are prepared, if the rate is 0
    #[arg(long, default_value_t = 25_000, hide_short_help = true)]
    most_per_second: u32,
    /// Extra parcels of each terminal
    #[arg(long, default_value_t = 2, hide_short_help = true)]
    spare_parcels: u32,
    /// Seconds of idle time before memory is measured
    #[arg(long, default_value_t = 2, hide_short_help = true)]
    idle: u64,
}

/// Each terminal is an open file.
const TERMINALS_PER_PROCESS_MAX: u32 = 15_000;
const GATEWAYS_MAX: u32 = 16;

/// The JSON output.
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
    /// All parcels were sold before the time was over: the rate could be higher.
    sold_out: bool,
    unfinished: u64,
    repeated: u64,
    reversed: u64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    idle_bytes_per_terminal: u64,
    /// Of the engine and the gateways, with all terminals signed on and idle.
    idle_bytes: u64,
    cpu_us_per_sale: ProcessorTime,
    /// Terminals of the killed gateway that were served again.
    moved: u32,
    moved_within_ms: u64,
    moving: u32,
    /// Approved at a terminal, but not in the books.
    lost: u64,
    /// In the books more than once.
    doubled: u64,
    books_equal: bool,
    differences: Vec<String>,
    codes: Vec<(String, u64)>,
    commands: u64,
    commits: u64,
    network: Value,
    seconds: f64,
}

pub fn run(args: &DoorArgs) -> anyhow::Result<()> {
    ensure!(args.terminals > 0, "--terminals: at least 1");
    ensure!(args.gateways <= GATEWAYS_MAX, "--gateways: at most {GATEWAYS_MAX}");
    ensure!(args.seconds > 0, "--seconds: at least 1");
    ensure!(!args.kill_gateway || args.gateways > 0, "--kill-gateway: there is no gateway");
    let scratch;
    let directory = match &args.data {
        Some(data) => {
            ensure!(!data.exists(), super::exists_error(data));
            data.clone()
        }
        None => {
            scratch = tempfile::Builder::new().prefix("doorstep-bench-").tempdir_in(".")?;
            scratch.path().join("door")
        }
    };
    let plan = plan(args);
    let each = parcels_each(args)?;
    let listeners = plan.processes;
    let fixture = Fixture::prepare(&directory, args.terminals, each, args.gateways, listeners)?;
    let mut processes = Processes::start(&fixture, args.gateways)?;
    let before = processes.memory()?;
    let mut loads = processes.terminals(&fixture, &plan)?;
    let begun = Instant::now();
    let signed_on: u32 = loads.ready()?.iter().map(|ready| ready.signed_on).sum();
    let signing_on = begun.elapsed();
    sleep(Duration::from_secs(args.idle));
    let idle = processes.memory()?;

    let used_before = processes.processor_time(&loads)?;
    loads.sell()?;
    if args.kill_gateway {
        sleep(Duration::from_secs(args.seconds) / 2);
        processes.kill_first_gateway()?;
    }
    let (measured, used_after) = loads.measured(&mut processes)?;
    let network = processes.stop()?;
    let comparison = Comparison::of(&fixture, &loads.approved_lists)?;

    let figures = figures(args, &measured, &comparison, network);
    let sales = figures.sales.max(1);
    let parcels = u64::from(args.terminals) * u64::from(fixture.parcels_each);
    let figures = Figures {
        signed_on,
        sold_out: figures.sales >= parcels,
        signed_on_within_s: seconds(signing_on),
        idle_bytes_per_terminal: idle.saturating_sub(before) / u64::from(args.terminals),
        idle_bytes: idle,
        cpu_us_per_sale: used_after.since(used_before).per_sale(sales),
        ..figures
    };
    if args.json {
        say!("{}", serde_json::to_string(&figures)?);
    } else {
        print_table(&figures);
    }
    comparison.require_equal()
}

fn plan(args: &DoorArgs) -> processes::SalesPlan {
    processes::SalesPlan {
        terminals: args.terminals,
        processes: args.terminals.div_ceil(TERMINALS_PER_PROCESS_MAX),
        rate: args.rate,
        in_flight: args.in_flight,
        seconds: args.seconds,
        pins: args.pins,
    }
}

/// Parcels per terminal: its share of the sales and a quarter more, because terminals do not sell
/// equally often.
fn parcels_each(args: &DoorArgs) -> anyhow::Result<u32> {
    let rate = if args.rate == 0 { args.most_per_second } else { args.rate };
    let all = u64::from(rate) * args.seconds;
    let share = all.div_ceil(u64::from(args.terminals));
    let each = share + share / 4 + u64::from(args.spare_parcels);
    let each = u32::try_from(each).unwrap_or(u32::MAX);
    ensure!(
        each < workload::PARCELS_EACH_MAX,
        "too many parcels per terminal; give more terminals"
    );
    Ok(each)
}

#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
fn figures(
    args: &DoorArgs,
    measured: &[LoadMeasurements],
    comparison: &Comparison,
    network: Value,
) -> Figures {
    let mut latencies = Histogram::default();
    for one in measured {
        latencies.add_parts(&one.latencies, one.max_us);
    }
    let sum = |what: fn(&LoadMeasurements) -> u64| measured.iter().map(what).sum::<u64>();
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
        cpu_us_per_sale: ProcessorTime::default(),
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
    let lang = Lang::current();
    let rate = match f.rate {
        0 => lang.pick("unlimited sales", "不限速").to_owned(),
        rate => bilingual!("{rate} sales/s", "每秒 {rate} 笔"),
    };
    let Figures { terminals, gateways, synchronous, .. } = f;
    say!(
        "{}",
        bilingual!(
            "{terminals} terminals, {gateways} gateways, {rate}, synchronous={synchronous}",
            "{terminals} 台终端，{gateways} 个网关，{rate}，synchronous={synchronous}"
        )
    );
    let row = |label: &str, figure: String| say!("  {} {}", left(label, 28), right(&figure, 24));
    row(lang.pick("signed on", "已签到"), f.signed_on.to_string());
    row(lang.pick("signed on within", "签到用时"), format!("{:.1} s", f.signed_on_within_s));
    row(lang.pick("sales/s", "每秒消费"), f.sales_per_s.to_string());
    if f.sold_out {
        let text = lang.pick(
            "all parcels were sold; raise --most-per-second",
            "包裹已售完；请提高 --most-per-second",
        );
        say!("  {text}");
    }
    row("p50 / p99 / max", format!("{:.2} / {:.2} / {:.2} ms", f.p50_ms, f.p99_ms, f.max_ms));
    row(lang.pick("approved", "成功"), f.approved.to_string());
    row(lang.pick("declined", "交易被拒"), f.declined.to_string());
    row(lang.pick("unknown outcome", "结果未知"), f.unknown.to_string());
    row(lang.pick("idle terminal, bytes", "空闲终端，字节"), f.idle_bytes_per_terminal.to_string());
    let cpu = &f.cpu_us_per_sale;
    for (label, micros) in [
        (lang.pick("engine, CPU µs/sale", "交易中心，每笔 CPU 微秒"), cpu.engine),
        (lang.pick("gateways, CPU µs/sale", "网关，每笔 CPU 微秒"), cpu.gateways),
        (lang.pick("network, CPU µs/sale", "卡组织，每笔 CPU 微秒"), cpu.network),
        (lang.pick("terminals, CPU µs/sale", "终端，每笔 CPU 微秒"), cpu.terminals),
    ] {
        row(label, micros.to_string());
    }
    if f.moved + f.moving > 0 {
        row(lang.pick("reconnected", "已换网关"), f.moved.to_string());
        row(lang.pick("reconnected within", "换网关用时"), format!("{} ms", f.moved_within_ms));
        row(lang.pick("lost, doubled", "丢失，重复"), format!("{}, {}", f.lost, f.doubled));
    }
    if f.books_equal {
        say!(
            "{}",
            lang.pick(
                "The books agree item by item with the network's file and the terminals' receipts.",
                "账簿与卡组织文件和终端凭条逐笔一致。"
            )
        );
    }
}

fn first_line(text: &str) -> anyhow::Result<&str> {
    text.lines().next().context("nothing was printed")
}
