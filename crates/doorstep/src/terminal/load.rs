//! `doorstep terminal load`: many terminals in one process, for the benchmark.
//!
//! It prints a line when all terminals are signed on, sells when a line comes on standard input,
//! and prints what it measured when it is done.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use door::Sockets;
use field::{Load, LoadPlan, Outcome, Pace, Sale};
use peers::Card;
use peers::card::Entry;
use serde::{Deserialize, Serialize};

use super::{master_keys, merchant};
use crate::bench::door::goods;
use crate::bench::histogram::Histogram;
use crate::serve::settings::address;
use crate::words::say;

/// Many terminals in one process.
#[derive(Args, Debug)]
pub struct LoadArgs {
    /// Where terminals are at home, in turn
    #[arg(long, value_delimiter = ',', value_parser = address, required = true)]
    connect: Vec<SocketAddr>,
    /// Where they go, besides, when their home is gone
    #[arg(long, value_delimiter = ',', value_parser = address)]
    refuge: Vec<SocketAddr>,
    /// The number of the first terminal
    #[arg(long, default_value_t = 1)]
    first: u32,
    /// How many terminals
    #[arg(long)]
    terminals: u32,
    /// Field 42
    #[arg(long)]
    merchant: String,
    /// The key that their keys are derived from
    #[arg(long)]
    base_key_file: PathBuf,
    /// The generation of the derived keys
    #[arg(long, default_value_t = 1)]
    generation: u32,
    /// Minutes east of UTC
    #[arg(long, default_value_t = 480, allow_negative_numbers = true)]
    utc_offset: i16,
    /// Connections begun in a second
    #[arg(long, default_value_t = 1_000)]
    connects_per_second: u32,
    /// Milliseconds until an answer is given up
    #[arg(long, default_value_t = 60_000)]
    wait_ms: u32,
    /// Sales begun in a second; 0 for as many as are answered
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// Sales under way at a time, where the rate is 0
    #[arg(long, default_value_t = 1_024)]
    in_flight: u32,
    /// How long is sold
    #[arg(long)]
    seconds: u64,
    /// The parcels of each terminal
    #[arg(long)]
    parcels_each: u32,
    /// The first six digits of the cards
    #[arg(long, default_value_t = 622_588)]
    bin: u32,
    /// Type a PIN for each sale
    #[arg(long)]
    pins: bool,
    /// Seconds in which all must be signed on, and in which the last sales must end
    #[arg(long, default_value_t = 120)]
    patience: u64,
    /// Where the approved sales are listed: terminal, which of its parcels, amount, RRN
    #[arg(long)]
    approved: Option<PathBuf>,
}

/// The line that says that terminals are signed on.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ready {
    pub signed_on: u32,
    /// Since the process began to connect.
    pub micros: u64,
}

/// The line at the end.
#[derive(Debug, Serialize, Deserialize)]
pub struct Measured {
    pub signed_on: u32,
    /// How long was sold.
    pub micros: u64,
    pub sales: u64,
    pub approved: u64,
    /// Of those approved, how many before the time was over.
    pub approved_in_time: u64,
    pub declined: u64,
    /// Nobody knew in time: no answer came, or the switch said so.
    pub unknown: u64,
    pub skipped: u64,
    pub strays: u64,
    pub repeated: u64,
    pub reversed: u64,
    pub moved: u32,
    pub moved_within_ms: u64,
    pub moving: u32,
    pub turned_away: u64,
    /// Sales that had not ended when patience was over.
    pub unfinished: u32,
    /// The codes of refusals, and how many.
    pub codes: Vec<(String, u64)>,
    pub latencies: Vec<(usize, u64)>,
    pub max_us: u64,
}

const ROUND_MAX: Duration = Duration::from_millis(20);

/// Signs on, sells, and says what it measured.
pub fn run(args: &LoadArgs) -> anyhow::Result<()> {
    ensure!(args.terminals > 0, "--terminals: at least 1");
    // Where it cannot be raised, connecting says so.
    let _ = Sockets::raise_files_max();
    let (bin, with_pin) = (args.bin, args.pins);
    let (first, parcels_each) = (args.first, args.parcels_each);
    let sale = move |terminal: u32, number: u32| {
        (number < parcels_each).then(|| Sale {
            waybill: peers::waybill(goods::parcel(terminal, number).bits()),
            amount: goods::amount(terminal, number).minor(),
            card: Card::made(bin, goods::card(terminal, number), Entry::Contactless),
            with_pin,
        })
    };
    let mut load = Load::new(LoadPlan {
        first,
        terminals: args.terminals,
        merchant: merchant(&args.merchant)?,
        keys: master_keys(&args.base_key_file, args.generation)?,
        utc_offset_minutes: args.utc_offset,
        answer_within_ms: args.wait_ms,
        homes: args.connect.clone(),
        refuges: args.refuge.clone(),
        connects_per_second: args.connects_per_second,
        sales: Box::new(sale),
    })?;
    let patience = Duration::from_secs(args.patience);
    let begun = Instant::now();
    while load.counts().signed_on < args.terminals && begun.elapsed() < patience {
        load.round(ROUND_MAX)?;
    }
    let ready = Ready { signed_on: load.counts().signed_on, micros: micros(begun) };
    say!("{}", serde_json::to_string(&ready)?);
    wait_for_a_line(&mut load)?;

    let mut tally = Tally::new(args.approved.as_deref())?;
    load.sell(match args.rate {
        0 => Pace::InFlight(args.in_flight),
        rate => Pace::PerSecond(rate),
    });
    let selling = Instant::now();
    while selling.elapsed() < Duration::from_secs(args.seconds) {
        load.round(ROUND_MAX)?;
        tally.take(&mut load)?;
    }
    load.stop_selling();
    let micros = micros(selling);
    tally.approved_in_time = tally.approved;
    let ending = Instant::now();
    while !load.is_quiet() && ending.elapsed() < patience {
        load.round(ROUND_MAX)?;
        tally.take(&mut load)?;
    }
    say!("{}", serde_json::to_string(&tally.end(&load, micros)?)?);
    Ok(())
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Terminals stay connected until somebody says that they may sell. Whoever is gone says it, too.
fn wait_for_a_line(load: &mut Load) -> anyhow::Result<()> {
    let heard = a_line_of_stdin();
    while heard.try_recv() == Err(TryRecvError::Empty) {
        load.round(ROUND_MAX)?;
    }
    Ok(())
}

fn a_line_of_stdin() -> Receiver<()> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
        // Nobody may be there any more to be told.
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

/// The switch's code for a sale of which nobody knows.
const NOBODY_KNOWS: [u8; 2] = *b"68";

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

    fn take(&mut self, load: &mut Load) -> anyhow::Result<()> {
        for done in load.take_done() {
            self.sales += 1;
            match done.outcome {
                Outcome::Approved(receipt) => {
                    self.approved += 1;
                    self.latencies.add(done.micros, 1);
                    if let Some(list) = &mut self.list {
                        let rrn = String::from_utf8_lossy(&receipt.rrn);
                        let (terminal, number) = (done.terminal, done.number);
                        writeln!(list, "{terminal},{number},{},{rrn}", receipt.amount)?;
                    }
                }
                Outcome::Declined(code) => {
                    *self.codes.entry(code).or_default() += 1;
                    if code == NOBODY_KNOWS {
                        self.unknown += 1;
                    } else {
                        self.declined += 1;
                        self.latencies.add(done.micros, 1);
                    }
                }
                Outcome::Unknown => self.unknown += 1,
            }
        }
        Ok(())
    }

    fn end(mut self, load: &Load, micros: u64) -> anyhow::Result<Measured> {
        if let Some(list) = &mut self.list {
            list.flush()?;
        }
        let counts = load.counts();
        let codes = self.codes.iter();
        Ok(Measured {
            signed_on: counts.signed_on,
            micros,
            sales: self.sales,
            approved: self.approved,
            approved_in_time: self.approved_in_time,
            declined: self.declined,
            unknown: self.unknown,
            skipped: counts.skipped,
            strays: counts.strays,
            repeated: counts.repeated,
            reversed: counts.reversed,
            moved: counts.moved,
            moved_within_ms: counts.moved_within_ms,
            moving: counts.moving,
            turned_away: counts.turned_away,
            unfinished: load.in_flight(),
            codes: codes.map(|(code, n)| (String::from_utf8_lossy(code).into(), *n)).collect(),
            latencies: self.latencies.parts(),
            max_us: self.latencies.max(),
        })
    }
}
