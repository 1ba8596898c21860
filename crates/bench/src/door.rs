//! Card sales from terminals over gateways to a simulated network and back, each in its own
//! process, with durability on.
//!
//! Prepares keys, settings and books. Starts a network, the engine, gateways and terminals, each as
//! a process. After the sales it stops them, replays the books, and compares them item by item with
//! the network's clearing file and the terminals' receipts.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use money::Currency;
use serde::Serialize;
use serde_json::Value;

mod compare;
pub(crate) mod processes;

use self::processes::Processes;
use crate::fixture::{self, Fixture, FixturePlan};
use crate::{Latencies, LoadMeasurements, workload};

pub use self::compare::Comparison;
pub use self::processes::ProcessorTime;

/// What [`measure`] does.
#[derive(Clone, Debug)]
pub struct DoorPlan {
    /// At least 1.
    pub terminals: u32,
    /// At most [`GATEWAYS_MAX`]; with 0, terminals connect to the engine.
    pub gateways: u32,
    /// Sales per second; 0 for as many as possible.
    pub rate: u32,
    /// Sales in flight, if the rate is 0.
    pub in_flight: u32,
    /// Duration of the sales.
    pub seconds: u64,
    /// Kill a gateway halfway through.
    pub kill_gateway: bool,
    /// Enter a PIN for each sale.
    pub pins: bool,
    /// Of the terminals, by its name in the settings.
    pub dialect: &'static str,
    /// Sales per second for which parcels are prepared, if the rate is 0.
    pub most_per_second: u32,
    /// Extra parcels of each terminal.
    pub spare_parcels: u32,
    /// Idle time before memory is measured.
    pub idle_seconds: u64,
}

pub const GATEWAYS_MAX: u32 = 16;
/// Each terminal is an open file.
const TERMINALS_PER_PROCESS_MAX: u32 = 15_000;

/// The JSON output.
#[derive(Debug, Serialize)]
pub struct DoorFigures {
    pub dialect: &'static str,
    pub terminals: u32,
    pub gateways: u32,
    pub rate: u32,
    pub synchronous: &'static str,
    pub signed_on: u32,
    pub signed_on_within_s: f64,
    pub sales_per_s: u64,
    pub sales: u64,
    pub approved: u64,
    pub declined: u64,
    pub unknown: u64,
    pub skipped: u64,
    /// All parcels were sold before the time was over: the rate could be higher.
    pub sold_out: bool,
    pub unfinished: u64,
    pub repeated: u64,
    pub reversed: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    pub idle_bytes_per_terminal: u64,
    /// Of the engine and the gateways, with all terminals signed on and idle.
    pub idle_bytes: u64,
    pub cpu_us_per_sale: ProcessorTime,
    /// Terminals of the killed gateway that were served again.
    pub moved: u32,
    pub moved_within_ms: u64,
    pub moving: u32,
    /// Approved at a terminal, but not in the books.
    pub lost: u64,
    /// In the books more than once.
    pub doubled: u64,
    pub books_equal: bool,
    pub differences: Vec<String>,
    pub codes: Vec<(String, u64)>,
    pub commands: u64,
    pub commits: u64,
    pub network: Value,
    pub seconds: f64,
}

impl DoorPlan {
    /// Processes that simulate terminals. The engine and each gateway listen at one address for
    /// each: one pair of addresses has few ports, and the system finds the last free ones slowly.
    pub(crate) fn processes(&self) -> u32 {
        self.terminals.div_ceil(TERMINALS_PER_PROCESS_MAX)
    }

    /// Parcels per terminal: its share of the sales and a quarter more, because terminals do not
    /// sell equally often.
    pub(crate) fn parcels_each(&self) -> anyhow::Result<u32> {
        let rate = if self.rate == 0 { self.most_per_second } else { self.rate };
        let all = u64::from(rate) * self.seconds;
        let share = all.div_ceil(u64::from(self.terminals));
        let each = share + share / 4 + u64::from(self.spare_parcels);
        let each = u32::try_from(each).unwrap_or(u32::MAX);
        ensure!(
            each < workload::PARCELS_EACH_MAX,
            "too many parcels per terminal; give more terminals"
        );
        Ok(each)
    }
}

/// Measures in a new directory. The figures are worth nothing if the comparison has a difference.
pub fn measure(plan: &DoorPlan, directory: &Path) -> anyhow::Result<(DoorFigures, Comparison)> {
    let parcels_each = plan.parcels_each()?;
    let listen = (0..plan.processes()).map(|process| listen_address(process, 1)).collect();
    let (terminals, gateways, dialect) = (plan.terminals, plan.gateways, plan.dialect);
    let currency = Currency::CNY;
    let plan_of_files =
        FixturePlan { gateways, listen, wallet: None, currency, dialect, web: false };
    let commands = fixture::simulated_books(terminals, parcels_each)?;
    let fixture = Fixture::prepare(directory, &plan_of_files, commands)?;
    let mut processes = Processes::start(&fixture, plan)?;
    let before = processes.memory()?;
    let mut loads = processes.terminals(&fixture, plan)?;
    let begun = Instant::now();
    let signed_on: u32 = loads.ready()?.iter().map(|ready| ready.signed_on).sum();
    let signing_on = begun.elapsed();
    sleep(Duration::from_secs(plan.idle_seconds));
    let idle = processes.memory()?;

    let used_before = processes.processor_time(&loads)?;
    loads.sell()?;
    if plan.kill_gateway {
        sleep(Duration::from_secs(plan.seconds) / 2);
        processes.kill_first_gateway()?;
    }
    let (measured, used_after) = loads.measured(&mut processes)?;
    let network = processes.stop()?;
    let comparison = Comparison::of(&fixture, &loads.approved_lists)?;

    let figures = figures(plan, &measured, &comparison, network);
    let sales = figures.sales.max(1);
    let parcels = u64::from(plan.terminals) * u64::from(parcels_each);
    let figures = DoorFigures {
        signed_on,
        sold_out: figures.sales >= parcels,
        signed_on_within_s: seconds(signing_on),
        idle_bytes_per_terminal: idle.saturating_sub(before) / u64::from(plan.terminals),
        idle_bytes: idle,
        cpu_us_per_sale: used_after.since(used_before).per_sale(sales),
        ..figures
    };
    Ok((figures, comparison))
}

/// The address of a listener. `host` 1 is the engine.
pub(crate) fn listen_address(listener: u32, host: u32) -> String {
    format!("127.0.{listener}.{host}:0")
}

#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
fn figures(
    plan: &DoorPlan,
    measured: &[LoadMeasurements],
    comparison: &Comparison,
    network: Value,
) -> DoorFigures {
    let mut latencies = Latencies::default();
    for one in measured {
        latencies.merge(&one.latencies);
    }
    let sum = |what: fn(&LoadMeasurements) -> u64| measured.iter().map(what).sum::<u64>();
    let micros = measured.iter().map(|one| one.micros).max().unwrap_or(0).max(1);
    let in_time = u128::from(sum(|one| one.approved_in_time));
    let sales_per_s = u64::try_from(in_time * 1_000_000 / u128::from(micros)).unwrap_or(u64::MAX);
    let mut codes = BTreeMap::new();
    for (code, count) in measured.iter().flat_map(|one| &one.codes) {
        *codes.entry(code.clone()).or_insert(0) += count;
    }
    DoorFigures {
        dialect: plan.dialect,
        terminals: plan.terminals,
        gateways: plan.gateways,
        rate: plan.rate,
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
        p50_ms: latencies.median() as f64 / 1e3,
        p99_ms: latencies.p99() as f64 / 1e3,
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

fn first_line(text: &str) -> anyhow::Result<&str> {
    text.lines().next().context("nothing was printed")
}
