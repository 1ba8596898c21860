//! Reconciles a day's file of a card network with what was expected of it, and compares with
//! DuckDB's outer join of the same two files.
//!
//! Both files are in the layout of docs/files/clearing.md and are read from the disk in the time
//! that is measured, totals and digest checked. What is left of the join goes through the rules of
//! [`recon::matching`].

mod read;
mod written;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use money::Currency;
use recon::join::{
    Join, JoinScratch, JoinedPartition, LeftRow, PARTITIONS, RowsFrom, digest_of_pairs,
    items_of_lines, request_of,
};
use recon::matching::outcome::{ReconBreakKind, Reconciliation};
use recon::matching::{
    CarryForward, DueArrival, Lane, LaneItem, LaneItemId, MatchInputs, MatchKeyKind, MatchPolicy,
    SeenFile, reconcile,
};
use serde::{Deserialize, Serialize};
use tariff::BusinessDate;

use crate::engine_benchmark::peak_rss_bytes;
use read::{ClearingOnDisk, ReadPart};
use written::{PlannedCounts, write_files};

pub use written::FAULT_EVERY;

/// The day of the file, 2013-08-28, and that of the run.
const FILE_DAY: BusinessDate = BusinessDate(15_945);
const RUN_DAY: BusinessDate = BusinessDate(15_948);
const PARTY: u32 = 1;
const FILE: u64 = 1;
const THREADS: usize = 2;
const RIVAL: &str = include_str!("../python/outer_join.py");

/// What [`measure`] does.
#[derive(Clone, Debug)]
pub struct ReconPlan {
    /// Items of the ledger: a multiple of [`FAULT_EVERY`].
    pub items: u64,
    /// A Python interpreter with DuckDB, which joins the same files.
    pub rival: Option<PathBuf>,
}

/// The JSON output.
#[derive(Debug, Serialize)]
pub struct ReconFigures {
    pub lines: u64,
    pub items: u64,
    pub file_bytes: u64,
    pub lines_per_s: u64,
    /// From the files on disk to matches, breaks and digest.
    pub match_s: f64,
    /// Of all threads, in that time.
    pub cpu_s: f64,
    pub read_s: f64,
    pub join_s: f64,
    pub rules_s: f64,
    pub peak_rss_bytes: u64,
    pub matched: u64,
    pub breaks: u64,
    /// Matches, breaks and their kinds are those that were planned, and each file adds up.
    pub verified: bool,
    /// Of the pairs of the join and of what the rules found.
    pub digests: [String; 2],
    pub rival: Option<RivalFigures>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct RivalFigures {
    pub version: String,
    pub join_s: f64,
    pub cpu_s: f64,
    pub peak_rss_bytes: u64,
    pub same: u64,
    pub differ: u64,
    pub lines_alone: u64,
    pub items_alone: u64,
}

struct Found {
    reading: Duration,
    joining: Duration,
    all: Duration,
    cpu: Duration,
    pairs: u64,
    pairs_amount: i128,
    pairs_digest: [u8; 32],
    rest: Reconciliation,
}

#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
/// Measures in a new directory.
///
/// # Errors
/// The result is not what was planned, or a file or DuckDB fails.
pub fn measure(plan: &ReconPlan, directory: &Path) -> anyhow::Result<ReconFigures> {
    std::fs::create_dir(directory)?;
    let (stated, expected) = (directory.join("stated.csv"), directory.join("expected.csv"));
    let planned = write_files(&stated, &expected, plan.items)?;
    let found = run(&stated, &expected)?;
    let peak_rss_bytes = peak_rss_bytes()?;
    check(&planned, &found)?;
    let python = plan.rival.as_deref();
    let rival = python.map(|python| rival(python, &stated, &expected)).transpose()?;
    if let Some(rival) = &rival {
        check_rival(&planned, rival)?;
    }
    let per_second = u128::from(planned.lines) * 1_000_000 / found.all.as_micros().max(1);
    let seconds = |took: Duration| took.as_secs_f64();
    let hex = |digest: [u8; 32]| base16ct::lower::encode_string(&digest);
    Ok(ReconFigures {
        lines: planned.lines,
        items: planned.items,
        file_bytes: std::fs::metadata(&stated)?.len() + std::fs::metadata(&expected)?.len(),
        lines_per_s: u64::try_from(per_second)?,
        match_s: seconds(found.all),
        cpu_s: seconds(found.cpu),
        read_s: seconds(found.reading),
        join_s: seconds(found.joining),
        rules_s: seconds(found.all) - seconds(found.reading) - seconds(found.joining),
        peak_rss_bytes,
        matched: planned.matched,
        breaks: planned.breaks(),
        verified: true,
        digests: [hex(found.pairs_digest), hex(found.rest.digest())],
        rival,
    })
}

fn run(stated: &Path, expected: &Path) -> anyhow::Result<Found> {
    let (begun, used) = (Instant::now(), cpu_time()?);
    let (stated, expected) = (ClearingOnDisk::open(stated)?, ClearingOnDisk::open(expected)?);
    let (lines, items) = read_both(&stated, &expected)?;
    let reading = begun.elapsed();

    let (stated_rows, due_rows) = (rows_of(&lines), rows_of(&items));
    let join = Join { stated: &stated_rows, due: &due_rows };
    let joined = join_all(&join)?;
    let joining = begun.elapsed() - reading;

    let count = |parts: &[ReadPart]| parts.iter().map(|part| part.lines).sum();
    let digest = || {
        let pairs = joined.iter().flat_map(|part| part.pairs.iter().copied());
        digest_of_pairs(&items_of_lines(count(&lines), count(&items), pairs))
    };
    let (pairs_digest, rest) = thread::scope(|scope| {
        let digest = scope.spawn(digest);
        let rest = apply_rules(joined.iter().flat_map(|part| &part.left));
        (digest.join(), rest)
    });
    Ok(Found {
        reading,
        joining,
        all: begun.elapsed(),
        cpu: cpu_time()?.saturating_sub(used),
        pairs: joined.iter().map(|part| part.pairs.len() as u64).sum(),
        pairs_amount: joined.iter().map(|part| part.amount).sum(),
        pairs_digest: pairs_digest.ok().context("the digest failed")?,
        rest: rest?,
    })
}

/// The CPU time of this process, all threads together.
///
/// # Errors
/// The clock is out of range.
pub fn cpu_time() -> anyhow::Result<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Ok(Duration::new(u64::try_from(time.tv_sec)?, u32::try_from(time.tv_nsec)?))
}

/// Reads both files, each thread a part of each, and checks their last lines. Only the file from
/// outside has a digest to check: in the product the books have the items.
fn read_both(
    stated: &ClearingOnDisk,
    expected: &ClearingOnDisk,
) -> anyhow::Result<(Vec<ReadPart>, Vec<ReadPart>)> {
    let parts = u64::try_from(THREADS)?;
    let cuts = stated.parts(parts)?.into_iter().zip(expected.parts(parts)?);
    let (read, digest) = thread::scope(|scope| {
        let readers: Vec<_> = cuts
            .map(|(of_stated, of_expected)| {
                scope.spawn(move || {
                    anyhow::Ok((stated.read(of_stated)?, expected.read(of_expected)?))
                })
            })
            .collect();
        let hasher = scope.spawn(|| stated.digest());
        let read: Vec<_> = readers.into_iter().map(|reader| reader.join()).collect();
        (read, hasher.join())
    });
    let (mut lines, mut items) = (Vec::new(), Vec::new());
    for part in read {
        let (of_stated, of_expected) = part.ok().context("a reader failed")??;
        lines.push(of_stated);
        items.push(of_expected);
    }
    stated.check(&lines, Some(&digest.ok().context("a digest failed")??))?;
    expected.check(&items, None)?;
    Ok((lines, items))
}

/// Numbers count on from part to part.
fn rows_of(parts: &[ReadPart]) -> Vec<RowsFrom<'_>> {
    let mut first_number = 0;
    let rows = parts.iter().map(|part| {
        let rows = RowsFrom { rows: &part.rows, first_number };
        first_number += part.lines;
        rows
    });
    rows.collect()
}

fn join_all(join: &Join<'_>) -> anyhow::Result<Vec<JoinedPartition>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut scratch = JoinScratch::default();
        let mut joined = Vec::new();
        loop {
            let partition = next.fetch_add(1, Ordering::Relaxed);
            if partition >= PARTITIONS {
                return joined;
            }
            joined.push(join.partition(partition, &mut scratch));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let mut joined = Vec::new();
        for worker in workers {
            joined.extend(worker.join().ok().context("a join failed")?);
        }
        Ok(joined)
    })
}

fn apply_rules<'l>(left: impl Iterator<Item = &'l LeftRow>) -> anyhow::Result<Reconciliation> {
    let items: Option<Vec<LaneItem>> = left.map(lane_item).collect();
    let items = items.context("a key is not a request's")?;
    let policy = MatchPolicy::default();
    let file =
        SeenFile { lane: Lane::Network, party: PARTY, file: FILE, from: FILE_DAY, until: FILE_DAY };
    let result = reconcile(&MatchInputs {
        items: &items,
        files: &[file],
        carried: &CarryForward::default(),
        decisions: &[],
        policy: &policy,
        today: RUN_DAY,
    })?;
    Ok(result)
}

fn lane_item(left: &LeftRow) -> Option<LaneItem> {
    let (rrn, stan, second, kind) = request_of(left.row.key)?;
    let lane = if left.is_due { Lane::Ledger } else { Lane::Network };
    let due = DueArrival { lane: Lane::Network, file_day: FILE_DAY, on: FILE_DAY.plus_days(1) };
    let item = LaneItem {
        id: LaneItemId { lane, file: FILE, line: u64::from(left.row.number) },
        party: PARTY,
        kind,
        currency: Currency::CNY,
        amount: left.row.amount,
        fee: Some(i64::from(left.row.fee)),
        booked: FILE_DAY,
        value: None,
        due: left.is_due.then_some(due),
        keys: [None; 6],
        group: None,
    };
    let rrn = str::from_utf8(&rrn).ok()?;
    let item = item.with_key(MatchKeyKind::Rrn, rrn);
    Some(item.with_key(MatchKeyKind::StanAndSecond, &format!("{stan:06}@{second}")))
}

/// Compares what was found with what was planned.
fn check(planned: &PlannedCounts, found: &Found) -> anyhow::Result<()> {
    let of_kind =
        |kind| -> u64 { found.rest.breaks().iter().filter(|one| one.kind == kind).count() as u64 };
    let lines = found.rest.totals().iter().filter(|file| file.lane == Lane::Network);
    let broken: u64 = lines.map(|file| file.broken.items).sum();
    let matched = found.pairs + found.rest.matches().len() as u64;
    let counts = PlannedCounts {
        lines: matched + broken,
        items: planned.items,
        matched,
        duplicates: of_kind(ReconBreakKind::Duplicate),
        amounts: of_kind(ReconBreakKind::AmountDiffers),
        fees: of_kind(ReconBreakKind::FeeDrift),
        unknown: of_kind(ReconBreakKind::UnknownReference),
        late: of_kind(ReconBreakKind::LateItem),
    };
    ensure!(counts == *planned, "found {counts:?}, planned {planned:?}");
    ensure!(found.rest.breaks().len() as u64 == planned.breaks(), "breaks of other kinds");
    ensure!(found.pairs_amount > 0, "the pairs have no amount");
    Ok(())
}

/// The outer join pairs each second line of a doubled one, too, and knows no broken references.
fn check_rival(planned: &PlannedCounts, rival: &RivalFigures) -> anyhow::Result<()> {
    let differ = planned.amounts + planned.fees;
    let expected = (planned.matched + planned.duplicates, differ, planned.unknown, planned.late);
    let found = (rival.same, rival.differ, rival.lines_alone, rival.items_alone);
    ensure!(found == expected, "DuckDB found {found:?}, and {expected:?} were planned");
    Ok(())
}

fn rival(python: &Path, stated: &Path, expected: &Path) -> anyhow::Result<RivalFigures> {
    let ran = Command::new(python).arg("-c").arg(RIVAL).args([stated, expected]).output();
    let ran = ran.with_context(|| {
        format!("{}: run ./test, which installs it, or set DOORSTEP_PYTHON", python.display())
    })?;
    ensure!(ran.status.success(), "DuckDB: {}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).context("DuckDB printed no figures")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duckdb_finds_the_pairs_that_were_planned_and_matched() {
        let scratch = tempfile::tempdir().unwrap();
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python/bin/python");
        let python = std::env::var_os("DOORSTEP_PYTHON").map_or(own, PathBuf::from);
        let plan = ReconPlan { items: 3 * FAULT_EVERY, rival: Some(python) };
        let figures = measure(&plan, &scratch.path().join("files")).unwrap();
        assert_eq!((figures.matched, figures.breaks), (3 * 996, 3 * 7));
        let again = measure(&plan, &scratch.path().join("again")).unwrap();
        assert_eq!(again.digests, figures.digests);
    }
}
