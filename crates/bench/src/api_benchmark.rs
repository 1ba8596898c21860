//! The API under load: idempotent writes and reads at fixed rates, with or without sales at the
//! door.
//!
//! Each request has the time at which it is to be sent, whatever happened to those before it. Its
//! latency counts from then, so a server that falls behind is seen by every request that waits.
//! Then the engine is killed and started again: every request under its key has the same answer as
//! before, and every acknowledged parcel is in the books once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use books::{
    AnnounceParcel, ApiKeyId, Command, GrantAccess, GrantedRole, IssueApiKey, PersonId,
    RegisterPerson, SellerId, Timestamp,
};
use engine::{CommandOutcome, Engine, Submission};
use market::MarketEvent;
use money::{Amount, Currency};
use serde::Serialize;

use crate::api_client::ApiConnection;
use crate::api_load::{self, ApiRequests, LoadTimes, Seen, hash};
use crate::door::processes::{Processes, key_secret};
use crate::door::{self, Comparison, DoorPlan};
use crate::fixture::{self, Fixture, FixturePlan};
use crate::views_lag::{LagFigures, lag_of_views};
use crate::{Latencies, market_benchmark, opening};

/// API keys of sellers that write, and of others that read. Who reads what it wrote waits for the
/// views, so the loads are not of the same.
const KEYS_EACH: u64 = 4;
/// The first seller that reads.
const FIRST_READER: u64 = 101;
/// The first key of a shop.
const FIRST_SHOP: u64 = 201;
/// Units of each of its variants.
const SHOP_STOCK: u64 = 1_000_000_000;
/// Parcels in one answer of a list.
const PAGE: u32 = 20;
const KEY_DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;
/// The views are made beside the engine.
const VIEWS_WAIT: Duration = Duration::from_secs(300);
const VIEWS_POLL: Duration = Duration::from_millis(100);
/// Of the line of the engine's log that says so.
const VIEWS_FOLLOW: &str = "the views follow the journal";
/// Before the reference of a parcel that the load writes.
const REFERENCE: &str = "api-";
/// Of `measure`'s refusal of differences.
const DIFFERENCES_MAX: usize = 20;

/// What [`measure`] does.
#[derive(Clone, Debug)]
pub struct ApiPlan {
    /// Requests per second; 0 for none.
    pub writes: u32,
    pub reads: u32,
    /// Sales per second at the door; 0 for none.
    pub door: u32,
    pub terminals: u32,
    pub seconds: u64,
    /// Of the same load before, which is not measured.
    pub lead_in_seconds: u64,
    /// Connections that write, and as many that read.
    pub connections: u32,
    /// Connections without a request, open all the time.
    pub idle_connections: u32,
    /// Parcels of each seller that reads.
    pub parcels: u32,
    /// Parcels that are announced and read at once by the same key.
    pub read_back: u32,
    /// The writes are checkouts of a shop: two lines, a threshold, a buyer each.
    pub checkouts: bool,
}

/// The JSON output.
#[derive(Debug, Serialize)]
pub struct ApiFigures {
    pub synchronous: &'static str,
    pub writes: Option<RequestFigures>,
    pub reads: Option<RequestFigures>,
    pub connections: u32,
    pub idle_connections: u32,
    pub lead_in_s: u64,
    /// Of the engine's process, for each request and sale, the lead-in included.
    pub cpu_us_per_request: u64,
    pub engine_bytes: u64,
    /// From the time of the last command in the views until they are looked at.
    pub views_lag: LagFigures,
    pub door: Option<SalesFigures>,
    pub read_back: u32,
    /// Acknowledged, the lead-in included.
    pub acknowledged: u64,
    /// Until the API answers after the kill.
    pub restart_s: f64,
    /// Requests under their keys after the kill, each with the same answer as before.
    pub repeated: u64,
}

#[derive(Debug, Serialize)]
pub struct RequestFigures {
    pub rate: u32,
    pub answered: u64,
    pub answered_per_s: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    /// Other than 200, by status; 0 for no answer.
    pub errors: BTreeMap<u16, u64>,
}

#[derive(Debug, Serialize)]
pub struct SalesFigures {
    pub rate: u32,
    pub sales: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

struct Secrets {
    address: String,
    writers: Vec<String>,
    checkouts: bool,
    readers: Vec<String>,
}

fn of(secrets: &[String], number: u64) -> (&str, u64) {
    let place = number % secrets.len().max(1) as u64;
    let secret = usize::try_from(place).ok().and_then(|place| secrets.get(place));
    (secret.map_or("", String::as_str), place)
}

fn head(address: &str, secret: &str, line: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {secret}\r\n")
}

/// Announces a parcel, under a key of its own.
struct Writing<'s>(&'s Secrets);

impl ApiRequests for Writing<'_> {
    fn request(&self, number: u64) -> Vec<u8> {
        let (secret, place) = of(&self.0.writers, number);
        let (command, body) = match self.0.checkouts {
            true => ("checkout", checkout(number)),
            false => ("announce-parcel", announcement(1 + place, number)),
        };
        let head = head(&self.0.address, secret, &format!("POST /v1/commands/{command}"));
        let length = body.len();
        let more = format!("Idempotency-Key: bench-{number}\r\nContent-Length: {length}\r\n");
        format!("{head}{more}Content-Type: application/json\r\n\r\n{body}").into_bytes()
    }
}

fn announcement(seller: u64, number: u64) -> String {
    let due = 2_000 + number % 50_000;
    let reference = format!("{REFERENCE}{number}");
    format!(r#"{{"seller":"sel_{seller}","currency":"CNY","due":{due},"reference":"{reference}"}}"#)
}

/// An order of a buyer, to be paid at the door.
fn checkout(number: u64) -> String {
    let lines = market_benchmark::ORDERED
        .map(|(variant, _)| format!(r#"{{"variant":"{variant}","quantity":1}}"#))
        .join(",");
    let total = market_benchmark::TOTAL_WITHOUT_COUPON;
    let phone = format!("+86 1{number:010}");
    let to = format!(r#"{{"name":"buyer","phone":"{phone}","address":"{number} Century Avenue"}}"#);
    format!(r#"{{"currency":"CNY","lines":[{lines}],"total":{total},"deliver_to":{to}}}"#)
}

/// Reads a list, a single parcel, and a search, in turn.
struct Reading<'s> {
    secrets: &'s Secrets,
    parcels: u64,
}

impl ApiRequests for Reading<'_> {
    fn request(&self, number: u64) -> Vec<u8> {
        let (secret, place) = of(&self.secrets.readers, number);
        let one = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % self.parcels.max(1);
        let parcel = opening::parcel_id(of_reader(place, one)).bits();
        let line = match number / KEYS_EACH % 3 {
            0 => format!("GET /v1/parcels?limit={PAGE}"),
            1 => format!("GET /v1/orders/par_{parcel:032x}"),
            _ => format!("GET /v1/search?q=read-{place}-{one}"),
        };
        (head(&self.secrets.address, secret, &line) + "\r\n").into_bytes()
    }
}

/// The number of a parcel of a seller that reads. Parcels of terminals have others.
fn of_reader(place: u64, parcel: u64) -> u64 {
    (1 << 62) + (place << 32) + parcel
}

impl ApiPlan {
    fn schedule(&self, rate: u32) -> LoadTimes {
        let lead_in = Duration::from_secs(self.lead_in_seconds);
        let all = lead_in + Duration::from_secs(self.seconds);
        LoadTimes { begun: Instant::now(), lead_in, all, rate }
    }

    fn door_plan(&self) -> DoorPlan {
        DoorPlan {
            terminals: self.terminals,
            gateways: 0,
            rate: self.door,
            in_flight: 1,
            seconds: self.seconds + self.lead_in_seconds,
            kill_gateway: false,
            pins: false,
            dialect: "doorstep",
            most_per_second: 0,
            spare_parcels: 2,
            idle_seconds: 0,
        }
    }

    fn load(
        &self,
        address: &str,
        requests: &dyn ApiRequests,
        rate: u32,
        keep: bool,
    ) -> anyhow::Result<Seen> {
        match rate {
            0 => Ok(Seen::default()),
            _ => api_load::send(address, requests, self.schedule(rate), self.connections, keep),
        }
    }

    #[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
    fn figures(&self, seen: &Seen, rate: u32) -> Option<RequestFigures> {
        let ms = |micros: u64| micros as f64 / 1e3;
        (rate > 0).then(|| RequestFigures {
            rate,
            answered: seen.answered,
            answered_per_s: seen.answered / self.seconds.max(1),
            p50_ms: ms(seen.latencies.median()),
            p99_ms: ms(seen.latencies.p99()),
            p999_ms: ms(seen.latencies.p999()),
            max_ms: ms(seen.latencies.max()),
            errors: seen.errors.clone(),
        })
    }
}

/// API keys of sellers, and parcels for those that read.
fn more_books(parcels: u32) -> anyhow::Result<Vec<Command>> {
    let until = jiff::Timestamp::now().as_millisecond() + KEY_DAYS * DAY_MS;
    let until = Timestamp(u64::try_from(until)?);
    let [proposed_by, approved_by] = opening::PERSONS;
    let sellers = (1..=KEYS_EACH).chain(FIRST_READER..FIRST_READER + KEYS_EACH);
    let mut commands: Vec<Command> = sellers
        .map(|seller| {
            Command::IssueApiKey(IssueApiKey {
                key: ApiKeyId(seller),
                person: None,
                grants: vec![GrantedRole::Seller(SellerId(seller))],
                until,
                proposed_by,
                approved_by,
            })
        })
        .collect();
    let (person, grant) = (PersonId::derived("bench-shop"), GrantedRole::Operator);
    let number = 1;
    commands.extend([
        Command::RegisterPerson(RegisterPerson { person, proposed_by, approved_by }),
        Command::GrantAccess(GrantAccess { person, number, grant, proposed_by, approved_by }),
    ]);
    commands.extend((FIRST_SHOP..FIRST_SHOP + KEYS_EACH).map(|key| {
        Command::IssueApiKey(IssueApiKey {
            key: ApiKeyId(key),
            person: Some(person),
            grants: vec![grant],
            until,
            proposed_by,
            approved_by,
        })
    }));
    for place in 0..KEYS_EACH {
        commands.extend((0..parcels).map(|number| {
            Command::AnnounceParcel(AnnounceParcel {
                parcel: opening::parcel_id(of_reader(place, number.into())),
                seller: SellerId(FIRST_READER + place),
                currency: Currency::CNY,
                due: Amount::of(2_000 + u64::from(number)),
                reference: format!("read-{place}-{number}"),
                shipment: 1,
            })
        }));
    }
    Ok(commands)
}

/// How often each number of a load is in the journal, and how many orders.
#[derive(Default)]
struct Announced(BTreeMap<u64, u32>, u64);

impl node::replay::ReplayObserver for Announced {
    fn command(
        &mut self,
        submission: &Submission,
        _at: Timestamp,
        outcome: &CommandOutcome,
        _engine: &Engine,
    ) -> Result<(), String> {
        let placed = |event: &&MarketEvent| matches!(event, MarketEvent::OrderPlaced { .. });
        self.1 += outcome.market.iter().filter(placed).count() as u64;
        if let Some(Command::AnnounceParcel(announced)) = submission.command.of_books()
            && let Some(number) = announced.reference.strip_prefix(REFERENCE)
            && let Ok(number) = number.parse()
        {
            *self.0.entry(number).or_default() += 1;
        }
        Ok(())
    }
}

/// Waits until the views have all that was filled in before, with their indexes.
fn wait_for_views(log: &Path) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !std::fs::read_to_string(log).unwrap_or_default().contains(VIEWS_FOLLOW) {
        ensure!(begun.elapsed() < VIEWS_WAIT, "the views are not made; see {}", log.display());
        sleep(VIEWS_POLL);
    }
    Ok(())
}

/// Announces parcels, and reads each at once with the same key.
fn read_back(secrets: &Secrets, from: u64, count: u32, seen: &mut Seen) -> anyhow::Result<()> {
    let mut connection = ApiConnection::new(&secrets.address);
    for number in from..from + u64::from(count) {
        let written = connection.exchange(&Writing(secrets).request(number))?;
        let text = String::from_utf8_lossy(written.body).into_owned();
        ensure!(written.status == 200, "a parcel is not announced: {text}");
        seen.acknowledged.push((number, hash(written.body)));
        let begin = text.find("par_").context("an event names the parcel")?;
        let parcel = text[begin..].split('"').next().unwrap_or_default();
        let (secret, _) = of(&secrets.writers, number);
        let line = format!("GET /v1/parcels/{parcel}");
        let request = head(&secrets.address, secret, &line) + "\r\n";
        let read = connection.exchange(request.as_bytes())?;
        ensure!(
            read.status == 200,
            "{parcel} was announced, and reading it at once is answered with {}: {}",
            read.status,
            String::from_utf8_lossy(read.body)
        );
    }
    Ok(())
}

/// Sends each acknowledged request again: the same answer, as one that was carried out before.
fn repeat(plan: &ApiPlan, secrets: &Secrets, acknowledged: &[(u64, u64)]) -> anyhow::Result<()> {
    let share = acknowledged.len().div_ceil(plan.connections.max(1) as usize).max(1);
    let one = |share: &[(u64, u64)]| {
        let mut connection = ApiConnection::new(&secrets.address);
        let mut differences = Vec::new();
        for (number, before) in share {
            let again = connection.exchange(&Writing(secrets).request(*number))?;
            let same = again.status == 200 && again.replayed && hash(again.body) == *before;
            if !same && differences.len() < DIFFERENCES_MAX {
                let body = String::from_utf8_lossy(again.body);
                differences.push(format!("{REFERENCE}{number}: {} {body}", again.status));
            }
        }
        anyhow::Ok(differences)
    };
    let differences = std::thread::scope(|scope| {
        let threads: Vec<_> =
            acknowledged.chunks(share).map(|share| scope.spawn(move || one(share))).collect();
        let joined = threads.into_iter().map(|one| one.join().expect("a sender does not fail"));
        joined.collect::<anyhow::Result<Vec<_>>>()
    })?;
    let differences = differences.concat();
    let told = differences.join("\n");
    ensure!(differences.is_empty(), "repeated after the kill, the answers differ:\n{told}");
    Ok(())
}

/// Fails unless the journal has each acknowledged number once, and no other one twice.
fn check_books(fixture: &Fixture, written: &Seen, checkouts: bool) -> anyhow::Result<()> {
    let acknowledged = &written.acknowledged;
    let mut announced = Announced::default();
    let (engine, _) = reports::replay_all(&fixture.path("books"), &mut announced)?;
    engine.check().map_err(|wrong| anyhow!("{}", wrong.join("\n")))?;
    if checkouts {
        // Each has a buyer of its own. Who got no answer may have an order.
        let placed = announced.1;
        let unanswered = written.errors.values().sum::<u64>();
        let least = acknowledged.len() as u64;
        ensure!(
            (least..=least + unanswered).contains(&placed),
            "{least} orders are acknowledged, {placed} are in the journal"
        );
        let sold = market_benchmark::ORDERED.map(|(variant, _)| {
            engine.market().variant_view(variant).map_or(0, |one| u64::from(one.stock.sold))
        });
        ensure!(sold == [placed; 2], "{placed} orders sold {sold:?} units");
        return Ok(());
    }
    let times = |number: &u64| announced.0.get(number).copied().unwrap_or(0);
    let lost = acknowledged.iter().filter(|(number, _)| times(number) == 0).count();
    let doubled = announced.0.values().filter(|times| **times > 1).count();
    ensure!(lost + doubled == 0, "{lost} acknowledged parcels are lost, {doubled} are doubled");
    Ok(())
}

/// Measures in a new directory. Fails if something acknowledged is lost, doubled or answered
/// otherwise after the kill: then the figures are worth nothing.
pub fn measure(plan: &ApiPlan, directory: &Path) -> anyhow::Result<ApiFigures> {
    // Without them a load of many connections has no files.
    let _ = host::Sockets::raise_files_max();
    let door_plan = plan.door_plan();
    let parcels_each = if plan.door > 0 { door_plan.parcels_each()? } else { 0 };
    let plan_of_files = FixturePlan {
        gateways: 0,
        listen: (0..door_plan.processes()).map(|one| door::listen_address(one, 1)).collect(),
        wallet: None,
        currency: Currency::CNY,
        dialect: door_plan.dialect,
        web: true,
    };
    let commands = fixture::simulated_books(plan.terminals, parcels_each)?;
    let commands = commands.chain(more_books(plan.parcels)?).map(engine::Command::from);
    let stock = if plan.checkouts { market_benchmark::shop(SHOP_STOCK)? } else { Vec::new() };
    let commands = commands.chain(stock);
    let fixture = Fixture::prepare(directory, &plan_of_files, commands)?;
    let secret = |key: u64| key_secret(&fixture, key);
    let first = if plan.checkouts { FIRST_SHOP } else { 1 };
    let writers = (first..first + KEYS_EACH).map(secret).collect::<anyhow::Result<_>>()?;
    let readers = (FIRST_READER..FIRST_READER + KEYS_EACH).map(secret);
    let readers = readers.collect::<anyhow::Result<_>>()?;
    let mut processes = Processes::start(&fixture, &door_plan)?;
    let address = processes.web_address()?;
    let checkouts = plan.checkouts;
    let mut secrets = Secrets { address, writers, checkouts, readers };
    wait_for_views(&fixture.path("engine.log"))?;

    let mut idle = Vec::new();
    for _ in 0..plan.idle_connections {
        let mut connection = ApiConnection::new(&secrets.address);
        connection.connect()?;
        idle.push(connection);
    }
    let mut loads = match plan.door {
        0 => None,
        _ => {
            let mut loads = processes.terminals(&fixture, &door_plan)?;
            loads.ready()?;
            loads.sell()?;
            Some(loads)
        }
    };
    let used = processes.engine_used();
    let reading = Reading { secrets: &secrets, parcels: plan.parcels.into() };
    let (over, data) = (AtomicBool::new(false), fixture.path("books"));
    let (written, read, views_lag) = std::thread::scope(|scope| {
        let address = secrets.address.as_str();
        let lag = scope.spawn(|| lag_of_views(&data, &over));
        let reads = scope.spawn(move || plan.load(address, &reading, plan.reads, false));
        let written = plan.load(address, &Writing(&secrets), plan.writes, true);
        let read = reads.join().expect("a sender does not panic");
        over.store(true, Ordering::Relaxed);
        (written, read, lag.join().expect("a look at the views does not panic"))
    });
    let (mut written, read) = (written?, read?);
    let used = processes.engine_used() - used;
    let engine_bytes = processes.engine_memory()?;
    let sales = loads.as_mut().map(|loads| loads.measured(&mut processes)).transpose()?;
    let sales = sales.map(|(measured, _)| sales_figures(plan.door, &measured));
    let (of_writes, of_reads) =
        (plan.figures(&written, plan.writes), plan.figures(&read, plan.reads));
    drop(idle);

    let next = (plan.lead_in_seconds + plan.seconds) * u64::from(plan.writes);
    read_back(&secrets, next, plan.read_back, &mut written)?;
    let begun = Instant::now();
    processes.kill_engine(&fixture)?;
    secrets.address = processes.web_address()?;
    let restart_s = door::seconds(begun.elapsed());
    repeat(plan, &secrets, &written.acknowledged)?;
    processes.stop()?;
    check_books(&fixture, &written, plan.checkouts)?;
    if let Some(loads) = &loads {
        Comparison::of(&fixture, &loads.approved_lists)?.require_equal()?;
    }
    let schedule = plan.seconds + plan.lead_in_seconds;
    let requests = schedule * u64::from(plan.writes + plan.reads + plan.door);
    Ok(ApiFigures {
        synchronous: "FULL",
        writes: of_writes,
        reads: of_reads,
        connections: plan.connections,
        idle_connections: plan.idle_connections,
        lead_in_s: plan.lead_in_seconds,
        cpu_us_per_request: used / requests.max(1),
        engine_bytes,
        views_lag: views_lag?,
        door: sales,
        read_back: plan.read_back,
        acknowledged: written.acknowledged.len() as u64,
        restart_s,
        repeated: written.acknowledged.len() as u64,
    })
}

#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
fn sales_figures(rate: u32, measured: &[crate::LoadMeasurements]) -> SalesFigures {
    let mut latencies = Latencies::default();
    measured.iter().for_each(|one| latencies.merge(&one.latencies));
    let ms = |micros: u64| micros as f64 / 1e3;
    SalesFigures {
        rate,
        sales: measured.iter().map(|one| one.sales).sum(),
        p50_ms: ms(latencies.median()),
        p99_ms: ms(latencies.p99()),
        max_ms: ms(latencies.max()),
    }
}
