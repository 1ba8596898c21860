//! A network's file of a day, from the disk to committed clearing lines and breaks, with the code
//! of `doorstep file`.
//!
//! A child process opens books and collects each parcel by card as the engine benchmark does,
//! writes what the network states for the day, and takes the file. Then it is killed. This process
//! restarts from the books, checks every rule, and compares what became of the lines with what was
//! planned.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bench::engine_benchmark::{
    AT, NETWORK, amount, collect_parcels, measured_child, peak_rss_bytes, start_books,
};
use bench::opening::{self, PERSONS};
use bench::reconciling::cpu_time;
use books::FileLane;
use engine::{Actor, Engine};
use money::Currency;
use office::take::{FileSourceKind, GivenFile, TakeOutcome, TakeRequest, Taking};
use peers::Rrn;
use peers::clearing::{ClearingFile, ClearingLine, ClearingLineKind};
use serde::{Deserialize, Serialize};
use tariff::{CardKind, FeeKind, PaymentMethod, SellerClassNumber};

/// STANs have six digits, and all requests of the benchmark are of one second.
pub const CLEARING_LINES_MAX: u64 = 900_000;
/// One line in so many has a fault of each kind.
const FAULT_EVERY: u64 = 1_000;
const SNAPSHOT_EVERY: u64 = 250_000;

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatedFault {
    /// Not in the file.
    Lost,
    Doubled,
    /// One yuan more.
    Amount,
    /// Seven fen more are kept.
    Fee,
    /// For no request.
    Unknown,
}

fn fault_of(parcel: u64) -> Option<StatedFault> {
    use StatedFault as F;
    let faults = [F::Lost, F::Doubled, F::Amount, F::Fee, F::Unknown];
    let place = usize::try_from(parcel % FAULT_EVERY).ok()?;
    // Not next to each other.
    (place % 131 == 7).then(|| faults.get(place / 131).copied()).flatten()
}

/// What the books have to say of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedClearing {
    pub lines: u64,
    /// Payments that no line is about.
    pub uncleared: u64,
    pub breaks: u64,
}

/// The measurements of the process that is killed.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClearingMeasurements {
    pub planned: PlannedClearing,
    pub file_bytes: u64,
    pub taking: Duration,
    pub cpu: Duration,
    /// Of the books, before the file.
    pub rss_before_bytes: u64,
    pub peak_rss_bytes: u64,
}

/// The JSON output.
#[derive(Debug, Serialize)]
pub struct ClearingFigures {
    pub lines: u64,
    pub file_bytes: u64,
    pub synchronous: &'static str,
    pub lines_per_s: u64,
    /// From the file on the disk to its last committed line.
    pub take_s: f64,
    /// Of all threads, in that time.
    pub cpu_s: f64,
    pub rss_before_bytes: u64,
    pub peak_rss_bytes: u64,
    pub uncleared: u64,
    pub breaks: u64,
    /// After the process was killed, the books have each line, what was planned, and every rule
    /// holds.
    pub verified: bool,
}

#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
/// Measures in a new data directory.
///
/// # Errors
/// A step fails, or the books are not what was planned.
pub fn measure(lines: u64, data: &Path) -> anyhow::Result<ClearingFigures> {
    let found: ClearingMeasurements = measured_child("clearing", &[("--lines", lines)], data)?;
    let planned = found.planned;
    let node = start_books(data, SNAPSHOT_EVERY)?;
    let client = node.client();
    let (outcome, _) = client.query(move |engine| examine(engine, lines, planned))?;
    outcome?;
    if let Err(wrong) = client.query(Engine::check)?.0 {
        bail!("the books break rules after the crash:\n{}", wrong.join("\n"));
    }
    drop(client);
    node.stop()?;
    let per_second = u128::from(planned.lines) * 1_000_000 / found.taking.as_micros().max(1);
    Ok(ClearingFigures {
        lines: planned.lines,
        file_bytes: found.file_bytes,
        synchronous: "FULL",
        lines_per_s: u64::try_from(per_second)?,
        take_s: found.taking.as_secs_f64(),
        cpu_s: found.cpu.as_secs_f64(),
        rss_before_bytes: found.rss_before_bytes,
        peak_rss_bytes: found.peak_rss_bytes,
        uncleared: planned.uncleared,
        breaks: planned.breaks,
        verified: true,
    })
}

/// The file, the breaks and what is not cleared are what was planned.
fn examine(engine: &Engine, parcels: u64, planned: PlannedClearing) -> anyhow::Result<()> {
    let books = engine.books();
    let file = books.files_of(FileLane::Network(NETWORK)).next().context("no file")?;
    ensure!(file.ended.is_some(), "M15: the file did not end");
    let lines = u64::from(file.sums.lines());
    ensure!(lines == planned.lines, "{lines} of {} lines are in the books", planned.lines);
    let breaks = books.open_breaks().len() as u64;
    ensure!(breaks == planned.breaks, "{breaks} breaks, and {} were planned", planned.breaks);
    let cleared = parcels - books.uncleared_payments().len() as u64;
    ensure!(cleared + planned.uncleared == parcels, "{cleared} payments are cleared");
    Ok(())
}

/// Collects, writes the file and takes it. Calls `on_measured` while the node still runs: there
/// the process waits to be killed.
///
/// # Errors
/// A step fails.
pub fn run_measured_process(
    parcels: u64,
    data: &Path,
    on_measured: impl FnOnce(&ClearingMeasurements) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let node = start_books(data, SNAPSHOT_EVERY)?;
    let mut client = node.client();
    collect_parcels(&mut client, parcels)?;
    let path = data.join("clearing.csv");
    let planned = write_file(&path, parcels)?;
    let rss_before_bytes = peak_rss_bytes()?;

    let (begun, used) = (Instant::now(), cpu_time()?);
    let mut taking = Taking {
        client: &mut client,
        data,
        by: Actor::Person(PERSONS[0]),
        on_events: &mut |_| {},
        chinese: |_| String::new(),
    };
    let source = Some((FileSourceKind::Network, "network".to_owned()));
    let request = TakeRequest { source, ..TakeRequest::default() };
    let given = GivenFile { name: path.display().to_string(), file: File::open(&path)? };
    let reports = taking.take(&request, &mut [given])?;
    let report = reports.first().context("no report of the file")?;
    ensure!(report.outcome == TakeOutcome::Taken, "{:?}", report.outcome);
    on_measured(&ClearingMeasurements {
        planned,
        file_bytes: std::fs::metadata(&path)?.len(),
        taking: begun.elapsed(),
        cpu: cpu_time()?.saturating_sub(used),
        rss_before_bytes,
        peak_rss_bytes: peak_rss_bytes()?,
    })
}

/// Writes what the network states, in the layout of docs/files/clearing.md.
fn write_file(path: &Path, parcels: u64) -> anyhow::Result<PlannedClearing> {
    let tariff = opening::tariff()?;
    let terms = &tariff.versions.first().context("the built-in tariff has a version")?.terms;
    let is_kept = |kind| matches!(kind, FeeKind::Issuer | FeeKind::Network);
    let mut planned = PlannedClearing::default();
    let mut lines = Vec::new();
    for parcel in 0..parcels {
        let fault = fault_of(parcel);
        let method = PaymentMethod::Card(CardKind::Debit);
        let fees = terms.fees(SellerClassNumber(0), method, amount(parcel));
        let fees = fees.context("the first class has fees")?;
        let kept: u64 =
            fees.iter().filter(|(kind, _)| is_kept(*kind)).map(|(_, fee)| fee.minor()).sum();
        let (mut amount, mut deducted) =
            (i64::try_from(amount(parcel).minor())?, i64::try_from(kept)?);
        let mut stan = 1 + parcel;
        match fault {
            Some(StatedFault::Lost) => {
                planned.uncleared += 1;
                continue;
            }
            Some(StatedFault::Amount) => amount += 100,
            Some(StatedFault::Fee) => deducted += 7,
            Some(StatedFault::Unknown) => {
                planned.uncleared += 1;
                stan = CLEARING_LINES_MAX + 1 + parcel / FAULT_EVERY;
            }
            Some(StatedFault::Doubled) | None => {}
        }
        planned.breaks += u64::from(fault.is_some());
        let stan = u32::try_from(stan)?;
        let mut terminal = [b'0'; 8];
        terminal.copy_from_slice(format!("{:08}", 1 + parcel % 1_000).as_bytes());
        let line = ClearingLine {
            rrn: Rrn::of_request(AT.0, stan),
            stan,
            sent_s: AT.0 / 1_000,
            terminal,
            merchant: *b"105331042151234",
            kind: ClearingLineKind::Sale,
            amount,
            deducted,
        };
        if fault == Some(StatedFault::Doubled) {
            lines.push(line.clone());
        }
        lines.push(line);
    }
    planned.lines = lines.len() as u64;
    let (network, date) = ("network".to_owned(), jiff::civil::date(2013, 8, 28));
    let file = ClearingFile { network, date, currency: Currency::CNY, lines };
    std::fs::write(path, file.to_text()?)?;
    File::open(path)?.sync_all()?;
    Ok(planned)
}
