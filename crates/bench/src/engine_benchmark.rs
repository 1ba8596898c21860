//! Card collections through the node with the SQLite journal.
//!
//! A child process opens books, announces and dispatches every parcel, and opens a batch on each
//! terminal. Then it collects each parcel by card with the commands that the switch sends
//! (`BeginPurchase`, `ResolvePurchase`, and a full batch closed and opened again), with a fixed
//! number in flight. Then it is killed. This process restarts from the books, checks every rule,
//! and replays the whole journal.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use books::{
    AnnounceParcel, AssignParcels, AssignedParcel, Command, CourierId, DispatchParcels,
    DispatchedParcel, PARCELS_PER_COMMAND_MAX, ParcelId, RegisterNetwork, SellerId, TerminalId,
};
use engine::{Actor, Engine, Submission};
use journal::{DataDirectory, JournalHead};
use money::{Amount, Currency};
use node::{CommandAnswer, Node, NodeClient, NodeNotice, NodeOptions};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tariff::{CardKind, SellerClassNumber};

use crate::Latencies;
pub use crate::engine_traffic::{AT, NETWORK, amount};
use crate::engine_traffic::{COURIERS, EngineTraffic, TimedSubmission, courier, open_batch};
use crate::opening::{self, SELLERS, parcel_id};

/// What [`measure`] does. All numbers are at least 1.
#[derive(Clone, Copy, Debug)]
pub struct EnginePlan {
    /// Parcels to collect.
    pub collections: u64,
    /// Collections in flight.
    pub in_flight: u64,
    /// Commands between two snapshots.
    pub snapshot_every: u64,
}

/// The measurements of the process that is killed.
#[derive(Debug, Serialize, Deserialize)]
pub struct EngineMeasurements {
    pub announcing: Duration,
    /// Commands sent while collecting: two for each collection, and those of the batches.
    pub commands: u64,
    pub collecting: Duration,
    pub commit_p50_us: u64,
    pub commit_p99_us: u64,
    pub commit_max_us: u64,
    pub peak_rss_bytes: u64,
    pub snapshots: u64,
}

/// The JSON output.
#[derive(Debug, Serialize)]
pub struct EngineFigures {
    pub collections: u64,
    pub in_flight: u64,
    pub synchronous: &'static str,
    pub collections_per_s: u64,
    pub commands_per_s: u64,
    pub legs_per_s: u64,
    pub commit_p50_ms: f64,
    pub commit_p99_ms: f64,
    pub commit_max_ms: f64,
    pub journal_bytes: u64,
    pub peak_rss_bytes: u64,
    pub restart_s: f64,
    pub restart_loading_s: f64,
    pub restart_commands: u64,
    pub replay_commands_per_s: u64,
    pub announce_commands_per_s: u64,
    pub snapshots: u64,
    pub verified: bool,
    pub seconds: f64,
}

#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
/// Measures in a new data directory.
pub fn measure(plan: &EnginePlan, data: &Path) -> anyhow::Result<EngineFigures> {
    let load = run_and_kill(plan, data)?;
    let journal_bytes = std::fs::metadata(data.join("journal.sqlite"))?.len();

    let begun = Instant::now();
    let node = start(data, plan.snapshot_every, |_| {})?;
    let client = node.client();
    let expected = plan.collections;
    let (outcome, _) = client.query(move |engine| examine(engine, expected))?;
    let restart_s = begun.elapsed().as_secs_f64();
    outcome?;
    let recovery = node.recovery();
    let (checked, _) = client.query(Engine::check)?;
    if let Err(wrong) = checked {
        bail!("the books break rules after the crash:\n{}", wrong.join("\n"));
    }
    let fingerprint = client.query(Engine::fingerprint)?.0;
    drop(client);
    node.stop()?;

    let begun = Instant::now();
    let mut journal = DataDirectory::open_shared(data)?.journal()?;
    let mut engine = Engine::default();
    let replayed = node::replay::replay(
        &mut journal,
        JournalHead::default(),
        &mut engine,
        &mut node::replay::NoObserver,
    )?;
    let replaying = begun.elapsed();
    ensure!(engine.fingerprint() == fingerprint, "M11: the replay gives other books");

    let per_second = |count: u64, took: Duration| -> u64 {
        let each_second = u128::from(count) * 1_000_000 / took.as_micros().max(1);
        u64::try_from(each_second).unwrap_or(u64::MAX)
    };
    let per_collection = legs_per_collection();
    Ok(EngineFigures {
        collections: plan.collections,
        in_flight: plan.in_flight,
        synchronous: "FULL",
        collections_per_s: per_second(plan.collections, load.collecting),
        commands_per_s: per_second(load.commands, load.collecting),
        legs_per_s: per_second(per_collection * plan.collections, load.collecting),
        commit_p50_ms: load.commit_p50_us as f64 / 1e3,
        commit_p99_ms: load.commit_p99_us as f64 / 1e3,
        commit_max_ms: load.commit_max_us as f64 / 1e3,
        journal_bytes,
        peak_rss_bytes: load.peak_rss_bytes,
        restart_s,
        restart_loading_s: recovery.loading.as_secs_f64(),
        restart_commands: recovery.replayed.commands,
        replay_commands_per_s: per_second(replayed.commands, replaying),
        announce_commands_per_s: per_second(plan.collections, load.announcing),
        snapshots: load.snapshots,
        verified: true,
        seconds: load.collecting.as_secs_f64(),
    })
}

/// The reservation, its posting, and the fee legs of a card payment.
fn legs_per_collection() -> u64 {
    let tariff = opening::tariff().expect("the built-in tariff is valid");
    let terms = &tariff.versions[0].terms;
    let method = tariff::PaymentMethod::Card(CardKind::Debit);
    let fees =
        terms.fees(SellerClassNumber(0), method, Amount::of(100_000)).expect("the first class");
    2 + fees.iter().count() as u64
}

/// Runs a process until it prints its measurements, and kills it.
///
/// # Errors
/// As [`measured_child`].
pub fn run_and_kill(plan: &EnginePlan, data: &Path) -> anyhow::Result<EngineMeasurements> {
    let numbers = [
        ("--collections", plan.collections),
        ("--in-flight", plan.in_flight),
        ("--snapshot-every", plan.snapshot_every),
    ];
    measured_child("engine", &numbers, data)
}

/// Runs `bench NAME --child` of this program until it prints its measurements, and kills it.
///
/// # Errors
/// The process does not start, or ends early.
pub fn measured_child<M: DeserializeOwned>(
    name: &str,
    numbers: &[(&str, u64)],
    data: &Path,
) -> anyhow::Result<M> {
    let program = std::env::current_exe().context("the path of this program")?;
    let mut process = Process::new(program);
    process.args(["bench", name, "--child"]).arg("--data").arg(data);
    for (flag, number) in numbers {
        process.args([flag, &*number.to_string()]);
    }
    let mut child: Child = process.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("the child's output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    child.kill()?;
    child.wait()?;
    serde_json::from_str(&line).with_context(|| format!("the child ended early: {line}"))
}

fn start(
    data: &Path,
    snapshot_every: u64,
    on_notice: impl Fn(NodeNotice) + Send + 'static,
) -> anyhow::Result<Node> {
    let directory = match data.exists() {
        true => DataDirectory::open(data)?,
        false => DataDirectory::create(data)?,
    };
    let journal = Box::new(directory.journal()?);
    let snapshots = Box::new(directory.snapshots()?);
    let options = NodeOptions {
        snapshot_every_commands: snapshot_every,
        on_notice: Box::new(on_notice),
        ..NodeOptions::default()
    };
    let node = Node::start(journal, snapshots, options)?;
    // The lock ends with the process.
    std::mem::forget(directory);
    Ok(node)
}

fn examine(engine: &Engine, collections: u64) -> anyhow::Result<()> {
    let (known, open) =
        (engine.books().known_parcel_count() as u64, engine.books().open_parcel_count());
    ensure!(known == collections, "M10: only {known} of {collections} parcels are in the books");
    ensure!(open == 0, "M10: {open} acknowledged collections are missing");
    Ok(())
}

/// Opens books, and announces, dispatches and collects parcels. Calls `on_measured` while the node
/// still runs: there the process waits to be killed.
pub fn run_measured_process(
    plan: &EnginePlan,
    data: &Path,
    on_measured: impl FnOnce(&EngineMeasurements) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let snapshots = Arc::new(AtomicU64::new(0));
    let counted = snapshots.clone();
    let node = start(data, plan.snapshot_every, move |notice| {
        if let NodeNotice::SnapshotWritten { .. } = notice {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    })?;
    let mut client = node.client();
    set_up(&mut client)?;
    let begun = Instant::now();
    announce(&mut client, plan.collections)?;
    let announcing = begun.elapsed();
    let (latencies, commands, collecting) = collect(&mut client, plan.collections, plan.in_flight)?;
    on_measured(&EngineMeasurements {
        announcing,
        commands,
        collecting,
        commit_p50_us: latencies.median(),
        commit_p99_us: latencies.p99(),
        commit_max_us: latencies.max(),
        peak_rss_bytes: peak_rss_bytes()?,
        snapshots: snapshots.load(Ordering::Relaxed),
    })
}

/// Starts a node on a new or known data directory.
///
/// # Errors
/// Files of the directory.
pub fn start_books(data: &Path, snapshot_every: u64) -> anyhow::Result<Node> {
    start(data, snapshot_every, |_| {})
}

/// Opens books, and collects so many parcels by card, each of [`amount`], over [`NETWORK`] at
/// [`AT`]. The STAN of the request of parcel `n`, from 0, is `n + 1` below a million.
///
/// # Errors
/// The node stops, or the books refuse a command.
pub fn collect_parcels(client: &mut NodeClient, parcels: u64) -> anyhow::Result<()> {
    const IN_FLIGHT: u64 = 8_192;
    set_up(client)?;
    announce(client, parcels)?;
    collect(client, parcels, IN_FLIGHT).map(drop)
}

fn by_system(command: Command) -> TimedSubmission {
    (Some(AT), Submission::new(Actor::System, command))
}

fn all_done(client: &mut NodeClient, commands: Vec<TimedSubmission>) -> anyhow::Result<()> {
    for result in client.execute(commands)? {
        result?;
    }
    Ok(())
}

fn set_up(client: &mut NodeClient) -> anyhow::Result<()> {
    let (network, currency) = (NETWORK, Currency::CNY);
    let mut commands = opening::opening_commands()?;
    commands.push(Command::RegisterNetwork(RegisterNetwork {
        network,
        currency,
        reference: "network".into(),
    }));
    commands.extend((1..=COURIERS).flat_map(opening::register_courier));
    let mut commands: Vec<_> = commands.into_iter().map(by_system).collect();
    let terminals = (1..=COURIERS).map(|number| TerminalId(number.into()));
    commands.extend(terminals.map(|terminal| open_batch(terminal, 1)));
    all_done(client, commands)
}

/// Announces, assigns and dispatches all parcels, before the measurement.
fn announce(client: &mut NodeClient, parcels: u64) -> anyhow::Result<()> {
    let page = PARCELS_PER_COMMAND_MAX as u64;
    let mut first = 0;
    while first < parcels {
        let last = parcels.min(first + page);
        let mut commands = Vec::with_capacity(PARCELS_PER_COMMAND_MAX + 2);
        for number in first..last {
            commands.push(Command::AnnounceParcel(AnnounceParcel {
                parcel: parcel_id(number),
                seller: SellerId(number % u64::from(SELLERS)),
                currency: Currency::CNY,
                due: amount(number),
                reference: format!("o-{number}"),
                shipment: 1,
            }));
        }
        let ids: Vec<ParcelId> = (first..last).map(parcel_id).collect();
        let first_attempt = |parcel| DispatchedParcel { parcel, attempt: 1 };
        commands.push(Command::AssignParcels(AssignParcels {
            firm: opening::firm(),
            parcels: ids.iter().map(|&parcel| AssignedParcel { parcel, number: 1 }).collect(),
        }));
        commands.push(Command::DispatchParcels(DispatchParcels {
            courier: CourierId(courier(first)),
            parcels: ids.into_iter().map(first_attempt).collect(),
        }));
        all_done(client, commands.into_iter().map(by_system).collect())?;
        first = last;
    }
    Ok(())
}

fn collect(
    client: &mut NodeClient,
    collections: u64,
    in_flight: u64,
) -> anyhow::Result<(Latencies, u64, Duration)> {
    let mut traffic = EngineTraffic::new(collections);
    let mut sent: VecDeque<(u64, Instant)> = VecDeque::new();
    let mut latencies = Latencies::default();
    let mut answers: Vec<CommandAnswer> = Vec::new();
    let started = Instant::now();
    for _ in 0..collections.min(in_flight) {
        traffic.begin_next();
    }
    while !traffic.is_over() {
        let request = traffic.take_request();
        if !request.is_empty() {
            sent.push_back((request.len() as u64, Instant::now()));
            client.send(request, false)?;
        }
        client.receive(&mut answers)?;
        let mut came = answers.len() as u64;
        for answer in answers.drain(..) {
            answer.result.map_err(|refusal| anyhow::anyhow!("refused: {refusal}"))?;
            traffic.on_applied()?;
        }
        while came > 0 {
            let (many, at) = sent.front_mut().context("an answer without a request")?;
            let of_this = came.min(*many);
            latencies.add(u64::try_from(at.elapsed().as_micros())?, of_this);
            came -= of_this;
            *many -= of_this;
            if *many == 0 {
                sent.pop_front();
            }
        }
    }
    Ok((latencies, traffic.sent(), started.elapsed()))
}

/// The peak resident memory of this process.
///
/// # Errors
/// `/proc` does not say it.
pub fn peak_rss_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("VmHWM")?;
    let kib = line.split_whitespace().nth(1).context("VmHWM has no number")?;
    Ok(kib.parse::<u64>()? * 1024)
}

#[cfg(test)]
mod tests {
    use journal::MemoryJournal;
    use node::NoSnapshots;

    use super::*;

    #[test]
    fn a_full_batch_is_closed_with_the_right_totals_and_the_next_one_is_opened() {
        let (journal, snapshots) = (Box::new(MemoryJournal::new()), Box::new(NoSnapshots));
        let node = Node::start(journal, snapshots, NodeOptions::default()).unwrap();
        let mut client = node.client();
        set_up(&mut client).unwrap();
        announce(&mut client, 1_500).unwrap();
        let (_, commands, _) = collect(&mut client, 1_500, 64).unwrap();
        assert_eq!(commands, 2 * 1_500 + 2);
        client.query(|engine| examine(engine, 1_500)).unwrap().0.unwrap();
        for (terminal, expected) in [(1, (2, 1)), (2, (1, 500))] {
            let look = move |engine: &Engine| engine.books().terminal_view(TerminalId(terminal));
            let view = client.query(look).unwrap().0.unwrap();
            assert_eq!((view.batch, view.transactions), expected, "terminal {terminal}");
            assert!(!view.disputed);
        }
        node.stop().unwrap();
    }
}
