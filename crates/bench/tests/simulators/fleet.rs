use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::{CompletedSale, FleetPlan, Sale, SaleOutcome, SalesPace, TerminalFleet, TerminalKeys};
use keys::KeyPurpose;
use peers::TestCard;
use peers::card::EntryMode;

use crate::test_switch::{TestSwitch, TestSwitchBehaviour, base};

const PATIENCE: Duration = Duration::from_secs(20);
const ROUND: Duration = Duration::from_millis(5);

fn plan(terminals: u32, homes: &[SocketAddr], refuges: &[SocketAddr]) -> FleetPlan {
    let sale = |terminal: u32, number: u32| {
        (number < 50).then(|| Sale {
            waybill: peers::format_waybill(u128::from(terminal) << 32 | u128::from(number)),
            amount: 12_34,
            card: TestCard::generate(622_588, u64::from(number), EntryMode::Contactless),
            with_pin: number.is_multiple_of(2),
        })
    };
    FleetPlan {
        first_terminal: 7,
        terminals,
        merchant: *b"898331042150001",
        keys: TerminalKeys::derived(base(), KeyPurpose::TerminalLink).unwrap(),
        utc_offset_minutes: 480,
        answer_within_ms: 5_000,
        home_addresses: homes.to_vec(),
        fallback_addresses: refuges.to_vec(),
        connects_per_second: 1_000,
        sales: Box::new(sale),
    }
}

#[track_caller]
fn until(
    load: &mut TerminalFleet,
    what: &str,
    done: impl Fn(&TerminalFleet) -> bool,
) -> Vec<CompletedSale> {
    let begun = Instant::now();
    let mut all = Vec::new();
    while !done(load) {
        load.poll(ROUND).unwrap();
        all.extend(load.take_completed());
        assert!(begun.elapsed() < PATIENCE, "{what}: {:?}", load.counts());
    }
    all
}

fn approved(done: &[CompletedSale]) -> usize {
    done.iter().filter(|done| matches!(done.outcome, SaleOutcome::Approved(_))).count()
}

fn sell_for(load: &mut TerminalFleet, pace: SalesPace, time: Duration) -> Vec<CompletedSale> {
    load.start_selling(pace);
    let begun = Instant::now();
    let mut all = until(load, "it sells", |_| begun.elapsed() >= time);
    load.stop_selling();
    all.extend(until(load, "all ends", TerminalFleet::is_quiet));
    all
}

#[test]
fn terminals_sign_on_and_sell_at_a_rate() {
    let switch = TestSwitch::good();
    let mut load = TerminalFleet::new(plan(20, &[switch.address], &[])).unwrap();
    until(&mut load, "all sign on", |load| load.counts().signed_on == 20);
    assert_eq!(switch.seen.lock().unwrap().signed_on, (7..27).collect::<HashSet<u32>>());
    let pace = SalesPace::PerSecond(200);
    let begun = Instant::now();
    let done = sell_for(&mut load, pace, Duration::from_millis(500));
    // On a busy machine it sells for longer.
    let most = usize::try_from(begun.elapsed().as_millis() / 5).unwrap() + 2;
    assert!((90..=most).contains(&done.len()), "{} of {most}", done.len());
    assert_eq!(approved(&done), done.len());
    let who: HashSet<u32> = done.iter().map(|done| done.terminal).collect();
    assert_eq!(who.len(), 20, "all take their turns");
    assert_eq!((load.counts().skipped, load.counts().unmatched_answers), (0, 0));
}

#[test]
fn a_closed_loop_ends_when_no_terminal_has_sales_left() {
    let switch = TestSwitch::good();
    let mut load = TerminalFleet::new(plan(2, &[switch.address], &[])).unwrap();
    until(&mut load, "all sign on", |load| load.counts().signed_on == 2);
    load.start_selling(SalesPace::InFlight(2));
    let mut all = 0;
    let begun = Instant::now();
    while all < 100 {
        load.poll(ROUND).unwrap();
        all += load.take_completed().count();
        assert!(begun.elapsed() < PATIENCE, "{all}");
    }
    load.poll(ROUND).unwrap();
    assert_eq!(load.in_flight(), 0);
    let seen = switch.seen.lock().unwrap();
    assert_eq!(seen.sales.iter().collect::<HashSet<_>>().len(), 100, "each STAN once");
}

#[test]
fn a_refused_terminal_tries_the_next_address() {
    let seen = Arc::default();
    let [full, good] = [TestSwitchBehaviour::RefusesAll, TestSwitchBehaviour::Good]
        .map(|behaviour| TestSwitch::start(behaviour, &seen));
    let mut load = TerminalFleet::new(plan(10, &[full.address], &[good.address])).unwrap();
    until(&mut load, "all sign on", |load| load.counts().signed_on == 10);
    assert!(load.counts().refused_connections >= 10);
    assert_eq!(load.counts().reconnected, 0, "no connection had worked");
}

#[test]
fn unanswered_messages_are_repeated_over_another_connection() {
    let seen = Arc::default();
    let [closing, good] = [TestSwitchBehaviour::ClosesAfter(3), TestSwitchBehaviour::Good]
        .map(|behaviour| TestSwitch::start(behaviour, &seen));
    let mut load = TerminalFleet::new(plan(4, &[closing.address], &[good.address])).unwrap();
    until(&mut load, "all sign on", |load| load.counts().signed_on == 4);
    let done = sell_for(&mut load, SalesPace::PerSecond(100), Duration::from_millis(300));
    assert_eq!(approved(&done), done.len());
    let counts = load.counts();
    assert_eq!((counts.reconnected, counts.reconnecting), (4, 0));
    assert!(counts.repeated >= 4, "{counts:?}");
    let seen = seen.lock().unwrap();
    let different: HashSet<_> = seen.sales.iter().collect();
    assert_eq!(seen.sales.len() - different.len(), 4, "the switch that closed received each once");
    assert_eq!(seen.reversals, 0);
}

#[test]
fn a_sale_without_an_answer_is_reversed_before_the_next() {
    let switch = TestSwitch::start(TestSwitchBehaviour::IgnoresSales, &Arc::default());
    let plan = FleetPlan { answer_within_ms: 300, ..plan(3, &[switch.address], &[]) };
    let mut load = TerminalFleet::new(plan).unwrap();
    until(&mut load, "all sign on", |load| load.counts().signed_on == 3);
    load.start_selling(SalesPace::InFlight(3));
    let done = until(&mut load, "all are reversed", |load| load.counts().reversed >= 3);
    load.stop_selling();
    assert!(done.len() >= 3 && done.iter().all(|done| done.outcome == SaleOutcome::Unknown));
    let more = until(&mut load, "the last, too", TerminalFleet::is_quiet);
    let seen = switch.seen.lock().unwrap();
    assert_eq!(u64::from(seen.reversals), load.counts().reversed);
    assert_eq!(seen.sales.len(), done.len() + more.len());
}
