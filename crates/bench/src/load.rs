//! The sales of a fleet of terminals, measured.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use host::Sockets;
use peers::ResponseCode;
use serde::{Deserialize, Serialize};

use crate::{FleetPlan, Latencies, SaleOutcome, SalesPace, TerminalFleet};

pub struct LoadPlan {
    pub fleet: FleetPlan,
    pub pace: SalesPace,
    /// Duration of the sales.
    pub selling: Duration,
    /// Time limit for signing on, and for the last sales.
    pub patience: Duration,
    /// The file for approved sales: terminal, parcel index, amount, RRN.
    pub approved: Option<PathBuf>,
}

/// The result of the sign-on.
#[derive(Debug, Serialize, Deserialize)]
pub struct LoadReady {
    pub signed_on: u32,
    /// Since the first connection.
    pub micros: u64,
}

/// The result of the sales.
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
    pub latencies: Latencies,
}

const ROUND_MAX: Duration = Duration::from_millis(20);

/// A fleet whose terminals are signed on.
pub struct SalesLoad {
    fleet: TerminalFleet,
    pace: SalesPace,
    selling: Duration,
    patience: Duration,
    approved: Option<PathBuf>,
}

impl SalesLoad {
    /// Connects the terminals and signs them on, within the plan's time limit.
    pub fn sign_on(plan: LoadPlan) -> anyhow::Result<(SalesLoad, LoadReady)> {
        // If it cannot be raised, connecting fails with a clear error.
        let _ = Sockets::raise_files_max();
        let LoadPlan { fleet, pace, selling, patience, approved } = plan;
        let terminals = fleet.terminals;
        let mut fleet = TerminalFleet::new(fleet)?;
        let begun = Instant::now();
        while fleet.counts().signed_on < terminals && begun.elapsed() < patience {
            fleet.poll(ROUND_MAX)?;
        }
        let ready = LoadReady { signed_on: fleet.counts().signed_on, micros: micros(begun) };
        Ok((SalesLoad { fleet, pace, selling, patience, approved }, ready))
    }

    /// Keeps the terminals connected until something is true.
    pub fn wait_until(&mut self, condition: impl Fn() -> bool) -> anyhow::Result<()> {
        while !condition() {
            self.fleet.poll(ROUND_MAX)?;
        }
        Ok(())
    }

    /// Sells as planned, and waits for the last sales within the plan's time limit.
    pub fn sell(self) -> anyhow::Result<LoadMeasurements> {
        let SalesLoad { mut fleet, pace, selling, patience, approved } = self;
        let mut tally = Tally::new(approved.as_deref())?;
        fleet.start_selling(pace);
        let begun = Instant::now();
        while begun.elapsed() < selling {
            fleet.poll(ROUND_MAX)?;
            tally.take(&mut fleet)?;
        }
        fleet.stop_selling();
        let micros = micros(begun);
        tally.approved_in_time = tally.approved;
        let ending = Instant::now();
        while !fleet.is_quiet() && ending.elapsed() < patience {
            fleet.poll(ROUND_MAX)?;
            tally.take(&mut fleet)?;
        }
        tally.end(&fleet, micros)
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

struct Tally {
    latencies: Latencies,
    sales: u64,
    approved: u64,
    approved_in_time: u64,
    declined: u64,
    unknown: u64,
    codes: BTreeMap<ResponseCode, u64>,
    list: Option<BufWriter<File>>,
}

impl Tally {
    fn new(list: Option<&Path>) -> anyhow::Result<Tally> {
        let create = |path: &Path| File::create(path).with_context(|| path.display().to_string());
        Ok(Tally {
            latencies: Latencies::default(),
            sales: 0,
            approved: 0,
            approved_in_time: 0,
            declined: 0,
            unknown: 0,
            codes: BTreeMap::new(),
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
                        let rrn = receipt.rrn.map(|rrn| rrn.to_string()).unwrap_or_default();
                        let (terminal, number) = (done.terminal, done.sale);
                        writeln!(list, "{terminal},{number},{},{rrn}", receipt.amount)?;
                    }
                }
                SaleOutcome::Declined(code) => {
                    *self.codes.entry(code).or_default() += 1;
                    if code == ResponseCode::RESPONSE_TIMEOUT {
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
            codes: codes.map(|(code, n)| (code.to_string(), *n)).collect(),
            latencies: self.latencies,
        })
    }
}
