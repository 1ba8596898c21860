//! Reservations and orders of the market through the node with the SQLite journal.
//!
//! A child process opens books and a market. Buyers reserve units of hot items, more than there
//! are; then they order: two lines, a coupon, a threshold and one parcel each. A fixed number is in
//! flight. Then the process is killed. This process restarts from the books, checks every rule, and
//! compares stock and orders with what was acknowledged. PostgreSQL then sells the same hot items,
//! if it is installed.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use books::{SellerId, SellerKind, Sha256Digest, Timestamp};
use engine::{Actor, Command, Engine, Submission};
use market::*;
use money::{Amount, Currency, Rate};
use node::{CommandAnswer, Node, NodeClient};
use serde::{Deserialize, Serialize};

use crate::engine_benchmark::{measured_child, peak_rss_bytes, start_books};
use crate::engine_traffic::{AT, TimedSubmission};
use crate::{Latencies, PostgresCluster, RedisServer, opening};

/// Reserves more than there is, by one in so many.
const SURPLUS: u64 = 10;
/// Commands between two snapshots.
const SNAPSHOT_EVERY: u64 = 1_000_000;
const CURRENCY: Currency = Currency::CNY;
const SELLER: SellerId = SellerId(0);
/// The variants of the orders: at 100 and 60 yuan.
pub(crate) const ORDERED: [(VariantId, u64); 2] = [(VariantId(1), 10_000), (VariantId(2), 6_000)];
/// The hot items are numbered from here on.
const HOT: u64 = 1_000;
const COUPON: CouponToken = CouponToken([7; 16]);
/// 160 yuan, less 20 of the threshold and 5 of the coupon.
const TOTAL: Amount = Amount::of(13_500);
/// 160 yuan, less 20 of the threshold, in minor units.
pub(crate) const TOTAL_WITHOUT_COUPON: u64 = 14_000;
/// How long PostgreSQL sells.
const RIVAL_SECONDS: u64 = 10;

/// What [`measure`] does. All numbers are at least 1.
#[derive(Clone, Copy, Debug)]
pub struct MarketBenchPlan {
    /// Hot items.
    pub items: u64,
    /// Units of each hot item, and orders for each hot item.
    pub stock: u64,
    /// Commands in flight.
    pub in_flight: u64,
}

impl MarketBenchPlan {
    fn orders(&self) -> u64 {
        self.items * self.stock
    }
}

/// The measurements of the process that is killed.
#[derive(Debug, Serialize, Deserialize)]
pub struct MarketMeasurements {
    pub reserving: Duration,
    pub attempts: u64,
    pub reserved: u64,
    pub ordering: Duration,
    pub commit_p50_us: u64,
    pub commit_p99_us: u64,
    pub peak_rss_bytes: u64,
}

/// The JSON output.
#[derive(Debug, Serialize)]
pub struct MarketFigures {
    pub items: u64,
    pub stock: u64,
    pub in_flight: u64,
    pub synchronous: &'static str,
    /// Attempts to reserve one unit, the refused ones included.
    pub reservations_per_s: u64,
    pub orders_per_s: u64,
    /// Reservations that were refused because nothing was left.
    pub refused: u64,
    /// Units that were promised and are not there.
    pub oversold: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub peak_rss_bytes: u64,
    pub restart_s: f64,
    pub journal_bytes: u64,
    /// `UPDATE … WHERE units >= 1` by 64 connections, `synchronous_commit = on`. `None` without
    /// PostgreSQL.
    pub postgresql_reservations_per_s: Option<u64>,
    /// A Lua script by 64 connections with as many in flight, `appendfsync always`. `None` without
    /// Redis.
    pub redis_reservations_per_s: Option<u64>,
    pub verified: bool,
}

/// Measures in a new data directory.
///
/// # Errors
/// What failed, or what was lost or oversold.
#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
pub fn measure(plan: &MarketBenchPlan, data: &Path) -> anyhow::Result<MarketFigures> {
    let load: MarketMeasurements = measured_child(
        "market",
        &[("--items", plan.items), ("--stock", plan.stock), ("--in-flight", plan.in_flight)],
        data,
    )?;
    let journal_bytes = std::fs::metadata(data.join("journal.sqlite"))?.len();
    let begun = Instant::now();
    let node = start_books(data, SNAPSHOT_EVERY)?;
    let client = node.client();
    let plan_of_query = *plan;
    let (oversold, _) = client.query(move |engine| examine(engine, &plan_of_query))?;
    let restart_s = begun.elapsed().as_secs_f64();
    let oversold = oversold?;
    if let Err(wrong) = client.query(Engine::check)?.0 {
        bail!("rules are broken after the crash:\n{}", wrong.join("\n"));
    }
    drop(client);
    node.stop()?;
    let per_second = |count: u64, took: Duration| -> u64 {
        let each_second = u128::from(count) * 1_000_000 / took.as_micros().max(1);
        u64::try_from(each_second).unwrap_or(u64::MAX)
    };
    let expected = plan.orders();
    ensure!(load.reserved == expected, "{} of {expected} units were reserved", load.reserved);
    Ok(MarketFigures {
        items: plan.items,
        stock: plan.stock,
        in_flight: plan.in_flight,
        synchronous: "FULL",
        reservations_per_s: per_second(load.attempts, load.reserving),
        orders_per_s: per_second(plan.orders(), load.ordering),
        refused: load.attempts - load.reserved,
        oversold,
        p50_ms: load.commit_p50_us as f64 / 1e3,
        p99_ms: load.commit_p99_us as f64 / 1e3,
        peak_rss_bytes: load.peak_rss_bytes,
        restart_s,
        journal_bytes,
        postgresql_reservations_per_s: postgresql(plan)?,
        redis_reservations_per_s: redis(plan)?,
        verified: oversold == 0,
    })
}

/// Compares the restarted market with what was acknowledged. Returns the units that were oversold.
fn examine(engine: &Engine, plan: &MarketBenchPlan) -> anyhow::Result<u64> {
    let market = engine.market();
    let mut oversold = 0;
    let mut look = |variant: VariantId, reserved: u64, sold: u64, granted: u64| {
        let stock = market.variant_view(variant).context("M10: a variant is missing")?.stock;
        let found = (u64::from(stock.reserved), u64::from(stock.sold));
        ensure!(found == (reserved, sold), "M10: variant {variant} has {stock:?}");
        oversold += (reserved + sold).saturating_sub(granted);
        Ok(())
    };
    for item in 0..plan.items {
        look(VariantId(HOT + item), plan.stock, 0, plan.stock)?;
    }
    for (variant, _) in ORDERED {
        look(variant, 0, plan.orders(), plan.orders())?;
    }
    let (orders, parcels) = (market.order_count() as u64, engine.books().known_parcel_count());
    let expected = plan.orders();
    ensure!(orders == expected, "M10: {orders} of {expected} orders are there");
    ensure!(parcels as u64 == expected, "M10: {parcels} of {expected} parcels are there");
    Ok(oversold)
}

/// Opens books and a market, reserves and orders. Calls `on_measured` while the node still runs:
/// there the process waits to be killed.
///
/// # Errors
/// What failed.
pub fn run_market_process(
    plan: &MarketBenchPlan,
    data: &Path,
    on_measured: impl FnOnce(&MarketMeasurements) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let node: Node = start_books(data, SNAPSHOT_EVERY)?;
    let mut client = node.client();
    set_up(&mut client, plan)?;
    let attempts = plan.orders() + plan.orders() / SURPLUS;
    let mut latencies = Latencies::default();
    let begun = Instant::now();
    let reserved =
        send_all(&mut client, plan.in_flight, attempts, &mut latencies, |n| reserve(plan, n))?;
    let reserving = begun.elapsed();
    let begun = Instant::now();
    let mut of_orders = Latencies::default();
    let orders = plan.orders();
    let placed = send_all(&mut client, plan.in_flight, orders, &mut of_orders, order)?;
    ensure!(placed == orders, "{placed} of {orders} orders were placed");
    on_measured(&MarketMeasurements {
        reserving,
        attempts,
        reserved,
        ordering: begun.elapsed(),
        commit_p50_us: latencies.median(),
        commit_p99_us: latencies.p99(),
        peak_rss_bytes: peak_rss_bytes()?,
    })
}

fn of_market(command: impl Into<MarketCommand>) -> TimedSubmission {
    (Some(AT), Submission::new(Actor::System, Command::of_market(command)))
}

fn buyer(number: u64) -> BuyerToken {
    BuyerToken(u128::from(number).to_be_bytes())
}

fn reserve(plan: &MarketBenchPlan, number: u64) -> TimedSubmission {
    of_market(ReserveUnits {
        reservation: ReservationId(number),
        buyer: buyer(number),
        lines: vec![CartLine { variant: VariantId(HOT + number % plan.items), quantity: 1 }],
        until: AT.plus_ms(RESERVATION_MINUTES_MAX * 60_000),
    })
}

fn order(number: u64) -> TimedSubmission {
    of_market(Checkout {
        order: OrderId(number),
        buyer: buyer(number),
        currency: CURRENCY,
        lines: ORDERED.map(|(variant, _)| CartLine { variant, quantity: 1 }).to_vec(),
        coupons: vec![COUPON],
        reservation: None,
        total: TOTAL,
    })
}

/// Sends commands with so many in flight. Returns how many were carried out; the others found
/// nothing left.
fn send_all(
    client: &mut NodeClient,
    in_flight: u64,
    count: u64,
    latencies: &mut Latencies,
    command: impl Fn(u64) -> TimedSubmission,
) -> anyhow::Result<u64> {
    let mut sent: VecDeque<(u64, Instant)> = VecDeque::new();
    let mut answers: Vec<CommandAnswer> = Vec::new();
    let (mut next, mut answered, mut done) = (0, 0, 0);
    while answered < count {
        let room = in_flight - (next - answered);
        let many = room.min(count - next);
        if many > 0 {
            let request = (next..next + many).map(&command).collect();
            sent.push_back((many, Instant::now()));
            client.send(request, false)?;
            next += many;
        }
        client.receive(&mut answers)?;
        let mut came = answers.len() as u64;
        answered += came;
        for answer in answers.drain(..) {
            match answer.result {
                Ok(_) => done += 1,
                Err(engine::Refusal::Market(MarketRefusal::NotEnoughStock(_, 0))) => {}
                Err(refusal) => bail!("refused: {refusal}"),
            }
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
    Ok(done)
}

fn set_up(client: &mut NodeClient, plan: &MarketBenchPlan) -> anyhow::Result<()> {
    let opening = opening::opening_commands()?.into_iter().map(Command::from);
    let mut all: Vec<Command> = opening.chain(shop(plan.orders())?).collect();
    for item in 0..plan.items {
        all.extend(offer(VariantId(HOT + item), Amount::of(5_000), plan.stock)?);
    }
    all.push(Command::of_market(promotion(2, PromotionRule::AmountOff(Amount::of(500)), true)));
    let coupons = vec![NewCoupon { coupon: COUPON, buyer: None, single_use: false }];
    all.push(Command::of_market(IssueCoupons { promotion: PromotionId(2), number: 1, coupons }));
    let commands =
        all.into_iter().map(|one| (Some(AT), Submission::new(Actor::System, one))).collect();
    for result in client.execute(commands)? {
        result?;
    }
    Ok(())
}

/// The seller of the [`ORDERED`] variants, with this stock of each, and the threshold.
pub(crate) fn shop(stock: u64) -> anyhow::Result<Vec<Command>> {
    let from = Timestamp(0);
    let mut commands = vec![
        Command::of_market(PublishMarketProfile {
            kind: SellerKind::Business,
            currency: CURRENCY,
            version: 1,
            from,
            identity_proof: true,
            hold_days: 7,
            parcel_amount_max: Amount::of(1_000_000),
            offers_max: u32::MAX,
            promotions: true,
            return_days: 7,
            refusals_max: 3,
            refusal_days: 90,
        }),
        Command::of_market(AdmitSeller {
            seller: SELLER,
            currency: CURRENCY,
            number: 1,
            kind: SellerKind::Business,
            from,
            identity_proved: true,
            delivery_fee: Amount::ZERO,
        }),
    ];
    for (variant, price) in ORDERED {
        commands.extend(offer(variant, Amount::of(price), stock)?);
    }
    let step = ThresholdStep { spend: Amount::of(15_000), save: Amount::of(2_000) };
    let threshold = promotion(1, PromotionRule::Threshold(vec![step]), false);
    commands.push(Command::of_market(threshold));
    Ok(commands)
}

fn offer(variant: VariantId, price: Amount, stock: u64) -> anyhow::Result<[Command; 3]> {
    let offer = OfferId(variant.0);
    let (quantity, reason) = (u32::try_from(stock)?, StockReason::Received);
    Ok([
        Command::of_market(DraftOffer {
            offer,
            seller: SELLER,
            currency: CURRENCY,
            category: CategoryId(1),
            reference: format!("offer-{offer}"),
            content: Sha256Digest([0; 32]),
            variants: vec![NewVariant { variant, sku: "sku".into(), price, weight_g: 500 }],
        }),
        Command::of_market(SetOfferState { offer, number: 1, state: OfferState::Listed }),
        Command::of_market(AdjustStock { variant, number: 1, quantity, reason }),
    ])
}

fn promotion(id: u64, rule: PromotionRule, by_coupon: bool) -> PublishPromotion {
    let ordered = ORDERED.map(|(variant, _)| OfferId(variant.0)).to_vec();
    PublishPromotion {
        promotion: PromotionId(id),
        version: 1,
        currency: CURRENCY,
        rule,
        from: Timestamp(0),
        until: Timestamp(u64::MAX),
        scope: PromotionScope { offers: ordered, ..PromotionScope::default() },
        by_coupon,
        uses_max: None,
        budget: None,
        per_buyer_max: Some(1),
        platform_share: Rate::from_ppm(500_000).unwrap_or_default(),
        order: u16::try_from(id).unwrap_or(u16::MAX),
        exclusive: false,
        yields_to: Vec::new(),
        floor: Amount::ZERO,
        broken_threshold: BrokenThreshold::Keep,
        undone_use: UndoneUse::Release,
        proposed_by: None,
        approved_by: None,
    }
}

/// Reservations a second of PostgreSQL, by pgbench. `None` if it is not installed.
fn postgresql(plan: &MarketBenchPlan) -> anyhow::Result<Option<u64>> {
    let Ok(cluster) = PostgresCluster::durable() else { return Ok(None) };
    let items = plan.items;
    cluster.sql(&format!(
        "CREATE TABLE stock (item bigint PRIMARY KEY, units bigint NOT NULL CHECK (units >= 0)); \
         INSERT INTO stock SELECT item, 1000000000 FROM generate_series(1, {items}) item"
    ))?;
    let script = format!(
        "\\set item random(1, {items})\n\
         UPDATE stock SET units = units - 1 WHERE item = :item AND units >= 1;\n"
    );
    let before = cluster.sql("SELECT sum(units) FROM stock")?.parse::<u64>()?;
    cluster.pgbench(&script, 64, RIVAL_SECONDS)?;
    let after = cluster.sql("SELECT sum(units) FROM stock")?.parse::<u64>()?;
    Ok(Some((before - after) / RIVAL_SECONDS))
}

/// Reservations a second of Redis, by redis-benchmark. `None` if it is not installed.
fn redis(plan: &MarketBenchPlan) -> anyhow::Result<Option<u64>> {
    const COUNT: u64 = 400_000;
    const TAKE: &str = "local left = tonumber(redis.call('GET', KEYS[1])) \
                        if left < tonumber(ARGV[1]) then return 0 end \
                        redis.call('DECRBY', KEYS[1], ARGV[1]) return 1";
    const FILL: &str = "for item = 0, ARGV[1] - 1 do \
                        redis.call('SET', string.format('stock:%012d', item), 1000000000) end";
    const SUM: &str = "local sum = 0 for item = 0, ARGV[1] - 1 do \
                       sum = sum + redis.call('GET', string.format('stock:%012d', item)) end \
                       return string.format('%d', sum)";
    let Ok(server) = RedisServer::durable() else { return Ok(None) };
    let items = plan.items.to_string();
    server.ask(&["EVAL", FILL, "0", &items])?;
    let script = server.ask(&["SCRIPT", "LOAD", TAKE])?;
    let command = ["EVALSHA", &script, "1", "stock:__rand_int__", "1"];
    let took = server.load(&command, COUNT, plan.in_flight, plan.items)?;
    let left: u64 = server.ask(&["EVAL", SUM, "0", &items])?.parse()?;
    let taken = plan.items * 1_000_000_000 - left;
    ensure!(taken == COUNT, "{taken} of {COUNT} units were taken in Redis");
    let each_second = u128::from(taken) * 1_000_000 / took.as_micros().max(1);
    Ok(Some(u64::try_from(each_second)?))
}

#[cfg(test)]
mod tests {
    use journal::MemoryJournal;
    use node::{NoSnapshots, NodeOptions};

    use super::*;

    #[test]
    fn everything_is_reserved_and_ordered_once() {
        let (journal, snapshots) = (Box::new(MemoryJournal::new()), Box::new(NoSnapshots));
        let node = Node::start(journal, snapshots, NodeOptions::default()).unwrap();
        let mut client = node.client();
        let plan = MarketBenchPlan { items: 3, stock: 100, in_flight: 64 };
        set_up(&mut client, &plan).unwrap();
        let mut latencies = Latencies::default();
        let reserved =
            send_all(&mut client, 64, 330, &mut latencies, |n| reserve(&plan, n)).unwrap();
        assert_eq!(reserved, 300);
        let placed = send_all(&mut client, 64, 300, &mut latencies, order).unwrap();
        assert_eq!(placed, 300);
        let oversold = client.query(move |engine| examine(engine, &plan)).unwrap().0.unwrap();
        assert_eq!(oversold, 0);
        node.stop().unwrap();
    }
}
