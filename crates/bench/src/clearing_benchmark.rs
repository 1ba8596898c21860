//! A network's file of a day, from the disk to committed clearing lines and breaks, with the code
//! of `doorstep file`.
//!
//! A child process opens books and collects each parcel by card as the engine benchmark does,
//! writes what the network states for the day, and takes the file. Then it is killed. This process
//! restarts from the books, checks every rule, and compares what became of the lines with what was
//! planned.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use books::{FileLane, NetworkReference, Rrn, Stan};
use engine::{Actor, Engine};
use node::NodeNotice;
use office::take::{FileSourceKind, GivenFile, TakeOutcome, TakeRequest, Taking};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tariff::{CardKind, FeeKind, PaymentMethod, SellerClassNumber};

use crate::engine_benchmark::{announce, collect, peak_rss_bytes, set_up, start};
use crate::engine_traffic::{AT, NETWORK, amount};
use crate::opening::{self, PERSONS};
use crate::reconciling::cpu_time;

/// STANs have six digits, and all requests of the benchmark are of one second.
pub const CLEARING_LINES_MAX: u64 = 900_000;
/// One line in so many has a fault of each kind.
const FAULT_EVERY: u64 = 1_000;
const IN_FLIGHT: u64 = 8_192;
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
    let found = run_and_kill(lines, data)?;
    let planned = found.planned;
    let node = start(data, SNAPSHOT_EVERY, |_| {})?;
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

fn run_and_kill(lines: u64, data: &Path) -> anyhow::Result<ClearingMeasurements> {
    let program = std::env::current_exe().context("the path of this program")?;
    let mut child = Process::new(program)
        .args(["bench", "clearing", "--child", "--lines", &lines.to_string()])
        .arg("--data")
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().context("the child's output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    child.kill()?;
    child.wait()?;
    serde_json::from_str(&line).with_context(|| format!("the child ended early: {line}"))
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
    let node = start(data, SNAPSHOT_EVERY, |_: NodeNotice| {})?;
    let mut client = node.client();
    set_up(&mut client)?;
    announce(&mut client, parcels)?;
    collect(&mut client, parcels, IN_FLIGHT)?;
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

struct HashedFile {
    out: BufWriter<File>,
    hasher: Sha256,
}

impl HashedFile {
    fn line(&mut self, line: &str) -> io::Result<()> {
        self.hasher.update(line);
        self.out.write_all(line.as_bytes())
    }
}

/// Writes what the network states, in the layout of docs/files/clearing.md.
fn write_file(path: &Path, parcels: u64) -> anyhow::Result<PlannedClearing> {
    let money = |minor: u64| format!("{}.{:02}", minor / 100, minor % 100);
    let out = BufWriter::new(File::create_new(path)?);
    let mut file = HashedFile { out, hasher: Sha256::new() };
    let tariff = opening::tariff()?;
    let terms = &tariff.versions.first().context("the built-in tariff has a version")?.terms;
    let (mut planned, mut amounts, mut fees) = (PlannedClearing::default(), 0, 0);
    file.line("H,1,network,2013-08-28,CNY\n")?;
    for parcel in 0..parcels {
        let fault = fault_of(parcel);
        let mut due = amount(parcel).minor();
        let method = PaymentMethod::Card(CardKind::Debit);
        let fees_of = terms.fees(SellerClassNumber(0), method, amount(parcel));
        let fees_of = fees_of.context("the first class has fees")?;
        let is_kept = |kind| matches!(kind, FeeKind::Issuer | FeeKind::Network);
        let kept = fees_of.iter().filter(|(kind, _)| is_kept(*kind)).map(|(_, fee)| fee.minor());
        let mut kept: u64 = kept.sum();
        let mut number = 1 + parcel;
        match fault {
            Some(StatedFault::Lost) => {
                planned.uncleared += 1;
                continue;
            }
            Some(StatedFault::Amount) => due += 100,
            Some(StatedFault::Fee) => kept += 7,
            Some(StatedFault::Unknown) => {
                planned.uncleared += 1;
                number = CLEARING_LINES_MAX + 1 + parcel / FAULT_EVERY;
            }
            Some(StatedFault::Doubled) | None => {}
        }
        planned.breaks += u64::from(fault.is_some());
        let stan = Stan::new(u32::try_from(number)?).context("a STAN of six digits")?;
        let rrn = Rrn::of(NetworkReference { stan, sent_at: AT });
        let line = format!(
            "I,{rrn},{:06},2013-08-28T04:00:00Z,{:08},105331042151234,sale,{},{},{}\n",
            stan.get(),
            1 + parcel % 1_000,
            money(due),
            money(kept),
            money(due - kept)
        );
        let times = if fault == Some(StatedFault::Doubled) { 2 } else { 1 };
        for _ in 0..times {
            file.line(&line)?;
            planned.lines += 1;
            amounts += due;
            fees += kept;
        }
    }
    let digest = base16ct::lower::encode_string(&file.hasher.finalize_reset());
    let (lines, net) = (planned.lines, amounts - fees);
    file.line(&format!("T,{lines},{},{},{},{digest}\n", money(amounts), money(fees), money(net)))?;
    file.out.flush()?;
    file.out.get_ref().sync_all()?;
    Ok(planned)
}
