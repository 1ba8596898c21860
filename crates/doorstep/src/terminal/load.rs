//! `doorstep terminal load`: many terminals in one process, for the benchmark.
//!
//! Prints a line when all terminals are signed on, starts selling when it reads a line from
//! standard input, and prints the measurements at the end.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use field::{FleetPlan, Sale, SaleOutcome, SalesPace, TerminalFleet};
use host::Sockets;
use peers::TestCard;
use peers::card::EntryMode;
use serde::{Deserialize, Serialize};

use super::{master_keys, merchant};
use crate::bench::door::workload;
use crate::bench::histogram::Histogram;
use crate::serve::settings::parse_address;
use crate::words::say;

/// Runs many terminals in one process
#[derive(Args, Debug)]
pub struct LoadArgs {
    /// The terminals' usual addresses, assigned in turn
    #[arg(long, value_delimiter = ',', value_parser = parse_address, required = true)]
    connect: Vec<SocketAddr>,
    /// Further addresses for terminals whose usual address fails
    #[arg(long, value_delimiter = ',', value_parser = parse_address)]
    refuge: Vec<SocketAddr>,
    /// The number of the first terminal
    #[arg(long, default_value_t = 1)]
    first: u32,
    /// Number of terminals
    #[arg(long)]
    terminals: u32,
    /// Field 42
    #[arg(long)]
    merchant: String,
    /// The file with the base key of the terminals' keys
    #[arg(long)]
    base_key_file: PathBuf,
    /// The generation of the derived keys
    #[arg(long, default_value_t = 1)]
    generation: u32,
    /// Minutes east of UTC
    #[arg(long, default_value_t = 480, allow_negative_numbers = true)]
    utc_offset: i16,
    /// New connections per second
    #[arg(long, default_value_t = 1_000)]
    connects_per_second: u32,
    /// Time limit of an answer, in milliseconds
    #[arg(long, default_value_t = 60_000)]
    wait_ms: u32,
    /// Sales per second; 0 for as many as possible
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// Sales in flight, if the rate is 0
    #[arg(long, default_value_t = 1_024)]
    in_flight: u32,
    /// Duration of the sales
    #[arg(long)]
    seconds: u64,
    /// Parcels of each terminal
    #[arg(long)]
    parcels_each: u32,
    /// The first six digits of the cards
    #[arg(long, default_value_t = 622_588)]
    bin: u32,
    /// Enter a PIN for each sale
    #[arg(long)]
    pins: bool,
    /// Time limit for signing on, and for the last sales, in seconds
    #[arg(long, default_value_t = 120)]
    patience: u64,
    /// The file for approved sales: terminal, parcel index, amount, RRN
    #[arg(long)]
    approved: Option<PathBuf>,
}

/// The line after sign-on.
#[derive(Debug, Serialize, Deserialize)]
pub struct LoadReady {
    pub signed_on: u32,
    /// Since the first connection.
    pub micros: u64,
}

/// The line at the end.
#[derive(Debug, Serialize, Deserialize)]
pub struct LoadMeasurements {
    pub signed_on: u32,
    /// Duration of the sales.
    pub micros: u64,
    pub sales: u64,
    pub approved: u64,
    /// Approved before the end of the sales.
    pub approved_in_time: u64,
    pub declined: u64,
    /// No answer in time, or response code 68.
    pub unknown: u64,
    pub skipped: u64,
    pub strays: u64,
    pub repeated: u64,
    pub reversed: u64,
    pub moved: u32,
    pub moved_within_ms: u64,
    pub moving: u32,
    pub turned_away: u64,
    /// Sales in flight when the time limit was over.
    pub unfinished: u32,
    /// Declines by response code.
    pub codes: Vec<(String, u64)>,
    pub latencies: Vec<(usize, u64)>,
    pub max_us: u64,
}

const ROUND_MAX: Duration = Duration::from_millis(20);

pub fn run(args: &LoadArgs) -> anyhow::Result<()> {
    ensure!(args.terminals > 0, "--terminals: at least 1");
    // If it cannot be raised, connecting fails with a clear error.
    let _ = Sockets::raise_files_max();
    let (bin, with_pin) = (args.bin, args.pins);
    let (first, parcels_each) = (args.first, args.parcels_each);
    let sale = move |terminal: u32, number: u32| {
        (number < parcels_each).then(|| Sale {
            waybill: peers::format_waybill(workload::parcel_id(terminal, number).bits()),
            amount: workload::amount(terminal, number).minor(),
            card: TestCard::generate(
                bin,
                workload::card_number(terminal, number),
                EntryMode::Contactless,
            ),
            with_pin,
        })
    };
    let mut load = TerminalFleet::new(FleetPlan {
        first_terminal: first,
        terminals: args.terminals,
        merchant: merchant(&args.merchant)?,
        keys: master_keys(&args.base_key_file, args.generation)?,
        utc_offset_minutes: args.utc_offset,
        answer_within_ms: args.wait_ms,
        home_addresses: args.connect.clone(),
        fallback_addresses: args.refuge.clone(),
        connects_per_second: args.connects_per_second,
        sales: Box::new(sale),
    })?;
    let patience = Duration::from_secs(args.patience);
    let begun = Instant::now();
    while load.counts().signed_on < args.terminals && begun.elapsed() < patience {
        load.poll(ROUND_MAX)?;
    }
    let ready = LoadReady { signed_on: load.counts().signed_on, micros: micros(begun) };
    say!("{}", serde_json::to_string(&ready)?);
    wait_for_a_line(&mut load)?;

    let mut tally = Tally::new(args.approved.as_deref())?;
    load.start_selling(match args.rate {
        0 => SalesPace::InFlight(args.in_flight),
        rate => SalesPace::PerSecond(rate),
    });
    let selling = Instant::now();
    while selling.elapsed() < Duration::from_secs(args.seconds) {
        load.poll(ROUND_MAX)?;
        tally.take(&mut load)?;
    }
    load.stop_selling();
    let micros = micros(selling);
    tally.approved_in_time = tally.approved;
    let ending = Instant::now();
    while !load.is_quiet() && ending.elapsed() < patience {
        load.poll(ROUND_MAX)?;
        tally.take(&mut load)?;
    }
    say!("{}", serde_json::to_string(&tally.end(&load, micros)?)?);
    Ok(())
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Keeps the terminals connected until a line, or the end of the input, starts the sales.
fn wait_for_a_line(load: &mut TerminalFleet) -> anyhow::Result<()> {
    let line = line_of_stdin();
    while line.try_recv() == Err(TryRecvError::Empty) {
        load.poll(ROUND_MAX)?;
    }
    Ok(())
}

fn line_of_stdin() -> Receiver<()> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
        // The receiver may be gone.
        let _ = sender.send(());
    });
    receiver
}

struct Tally {
    latencies: Histogram,
    sales: u64,
    approved: u64,
    approved_in_time: u64,
    declined: u64,
    unknown: u64,
    codes: std::collections::BTreeMap<[u8; 2], u64>,
    list: Option<BufWriter<File>>,
}

/// The switch's response code for an unknown outcome.
const OUTCOME_UNKNOWN: [u8; 2] = *b"68";

impl Tally {
    fn new(list: Option<&Path>) -> anyhow::Result<Tally> {
        let create = |path: &Path| File::create(path).with_context(|| path.display().to_string());
        Ok(Tally {
            latencies: Histogram::default(),
            sales: 0,
            approved: 0,
            approved_in_time: 0,
            declined: 0,
            unknown: 0,
            codes: std::collections::BTreeMap::new(),
            list: list.map(create).transpose()?.map(BufWriter::new),
        })
    }

    fn take(&mut self, load: &mut TerminalFleet) -> anyhow::Result<()> {
        for done in load.take_completed() {
            self.sales += 1;
            match done.outcome {
                SaleOutcome::Approved(receipt) => {
                    self.approved += 1;
                    self.latencies.add(done.micros, 1);
                    if let Some(list) = &mut self.list {
                        let rrn = String::from_utf8_lossy(&receipt.rrn);
                        let (terminal, number) = (done.terminal, done.sale);
                        writeln!(list, "{terminal},{number},{},{rrn}", receipt.amount)?;
                    }
                }
                SaleOutcome::Declined(code) => {
                    *self.codes.entry(code).or_default() += 1;
                    if code == OUTCOME_UNKNOWN {
                        self.unknown += 1;
                    } else {
                        self.declined += 1;
                        self.latencies.add(done.micros, 1);
                    }
                }
                SaleOutcome::Unknown => self.unknown += 1,
            }
        }
        Ok(())
    }

    fn end(mut self, load: &TerminalFleet, micros: u64) -> anyhow::Result<LoadMeasurements> {
        if let Some(list) = &mut self.list {
            list.flush()?;
        }
        let counts = load.counts();
        let codes = self.codes.iter();
        Ok(LoadMeasurements {
            signed_on: counts.signed_on,
            micros,
            sales: self.sales,
            approved: self.approved,
            approved_in_time: self.approved_in_time,
            declined: self.declined,
            unknown: self.unknown,
            skipped: counts.skipped,
            strays: counts.unmatched_answers,
            repeated: counts.repeated,
            reversed: counts.reversed,
            moved: counts.reconnected,
            moved_within_ms: counts.reconnected_within_ms,
            moving: counts.reconnecting,
            turned_away: counts.refused_connections,
            unfinished: load.in_flight(),
            codes: codes.map(|(code, n)| (String::from_utf8_lossy(code).into(), *n)).collect(),
            latencies: self.latencies.parts(),
            max_us: self.latencies.max(),
        })
    }
}
