use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use field::{Done, Load, LoadPlan, MasterKeys, Outcome, Pace, Sale};
use peers::Card;
use peers::card::Entry;

use crate::host::{GENERATION, Host, Way, base};

const PATIENCE: Duration = Duration::from_secs(20);
const ROUND: Duration = Duration::from_millis(5);

fn plan(terminals: u32, homes: &[SocketAddr], refuges: &[SocketAddr]) -> LoadPlan {
    let sale = |terminal: u32, number: u32| {
        (number < 50).then(|| Sale {
            waybill: peers::waybill(u128::from(terminal) << 32 | u128::from(number)),
            amount: 12_34,
            card: Card::made(622_588, u64::from(number), Entry::Contactless),
            with_pin: number.is_multiple_of(2),
        })
    };
    LoadPlan {
        first: 7,
        terminals,
        merchant: *b"898331042150001",
        keys: MasterKeys::derived(base(), GENERATION).unwrap(),
        utc_offset_minutes: 480,
        answer_within_ms: 5_000,
        homes: homes.to_vec(),
        refuges: refuges.to_vec(),
        connects_per_second: 1_000,
        sales: Box::new(sale),
    }
}

#[track_caller]
fn until(load: &mut Load, what: &str, done: impl Fn(&Load) -> bool) -> Vec<Done> {
    let begun = Instant::now();
    let mut all = Vec::new();
    while !done(load) {
        load.round(ROUND).unwrap();
        all.extend(load.take_done());
        assert!(begun.elapsed() < PATIENCE, "{what}: {:?}", load.counts());
    }
    all
}

fn approved(done: &[Done]) -> usize {
    done.iter().filter(|done| matches!(done.outcome, Outcome::Approved(_))).count()
}

fn sell_for(load: &mut Load, pace: Pace, time: Duration) -> Vec<Done> {
    load.sell(pace);
    let begun = Instant::now();
    let mut all = until(load, "it sells", |_| begun.elapsed() >= time);
    load.stop_selling();
    all.extend(until(load, "all ends", Load::is_quiet));
    all
}

#[test]
fn terminals_sign_on_and_sell_at_a_rate() {
    let host = Host::good();
    let mut load = Load::new(plan(20, &[host.address], &[])).unwrap();
    until(&mut load, "all sign on", |load| load.counts().signed_on == 20);
    assert_eq!(host.seen.lock().unwrap().signed_on, (7..27).collect::<HashSet<u32>>());
    let pace = Pace::PerSecond(200);
    let done = sell_for(&mut load, pace, Duration::from_millis(500));
    assert!((90..=102).contains(&done.len()), "{}", done.len());
    assert_eq!(approved(&done), done.len());
    let who: HashSet<u32> = done.iter().map(|done| done.terminal).collect();
    assert_eq!(who.len(), 20, "all take their turns");
    assert_eq!((load.counts().skipped, load.counts().strays), (0, 0));
}

#[test]
fn a_closed_loop_ends_when_nobody_has_anything_left() {
    let host = Host::good();
    let mut load = Load::new(plan(2, &[host.address], &[])).unwrap();
    until(&mut load, "all sign on", |load| load.counts().signed_on == 2);
    load.sell(Pace::InFlight(2));
    let mut all = 0;
    let begun = Instant::now();
    while all < 100 {
        load.round(ROUND).unwrap();
        all += load.take_done().count();
        assert!(begun.elapsed() < PATIENCE, "{all}");
    }
    load.round(ROUND).unwrap();
    assert_eq!(load.in_flight(), 0);
    let seen = host.seen.lock().unwrap();
    assert_eq!(seen.sales.iter().collect::<HashSet<_>>().len(), 100, "each STAN once");
}

#[test]
fn who_is_turned_away_tries_the_next_address() {
    let seen = Arc::default();
    let [full, good] = [Way::TurnsAway, Way::Good].map(|way| Host::start(way, &seen));
    let mut load = Load::new(plan(10, &[full.address], &[good.address])).unwrap();
    until(&mut load, "all sign on", |load| load.counts().signed_on == 10);
    assert!(load.counts().turned_away >= 10);
    assert_eq!(load.counts().moved, 0, "nobody was in");
}

#[test]
fn what_was_not_answered_is_repeated_over_another_connection() {
    let seen = Arc::default();
    let [dies, good] = [Way::DiesAfter(3), Way::Good].map(|way| Host::start(way, &seen));
    let mut load = Load::new(plan(4, &[dies.address], &[good.address])).unwrap();
    until(&mut load, "all sign on", |load| load.counts().signed_on == 4);
    let done = sell_for(&mut load, Pace::PerSecond(100), Duration::from_millis(300));
    assert_eq!(approved(&done), done.len());
    let counts = load.counts();
    assert_eq!((counts.moved, counts.moving), (4, 0));
    assert!(counts.repeated >= 4, "{counts:?}");
    let seen = seen.lock().unwrap();
    let different: HashSet<_> = seen.sales.iter().collect();
    assert_eq!(seen.sales.len() - different.len(), 4, "the host that died heard each once");
    assert_eq!(seen.reversals, 0);
}

#[test]
fn a_sale_without_an_answer_is_reversed_before_the_next() {
    let host = Host::start(Way::Mute, &Arc::default());
    let plan = LoadPlan { answer_within_ms: 300, ..plan(3, &[host.address], &[]) };
    let mut load = Load::new(plan).unwrap();
    until(&mut load, "all sign on", |load| load.counts().signed_on == 3);
    load.sell(Pace::InFlight(3));
    let done = until(&mut load, "all are reversed", |load| load.counts().reversed >= 3);
    load.stop_selling();
    assert!(done.len() >= 3 && done.iter().all(|done| done.outcome == Outcome::Unknown));
    let more = until(&mut load, "the last, too", Load::is_quiet);
    let seen = host.seen.lock().unwrap();
    assert_eq!(u64::from(seen.reversals), load.counts().reversed);
    assert_eq!(seen.sales.len(), done.len() + more.len());
}
