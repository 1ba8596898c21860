//! A network leaves in the middle of a busy day, and then the only one that was left. [`live`]
//! compares the books with the networks' own, item by item.

use books::PaymentRoute;
use sim::SimulatedWithdrawal;

use super::*;

/// Ten in the morning and two in the afternoon: couriers are on their tours.
const MORNING: u64 = 10 * 60;
const AFTERNOON: u64 = 14 * 60;

fn busy_day(seed: u64, faults_percent: u32, minutes: &[u64]) -> (SimulatedDay, Engine) {
    let withdrawals = minutes.iter().enumerate();
    let withdrawals =
        withdrawals.map(|(network, minute)| SimulatedWithdrawal { network, minute: *minute });
    let options = DayOptions {
        seed,
        faults_percent,
        withdrawals: withdrawals.collect(),
        ..DayOptions::default()
    };
    live(&inputs(600, seed), &options)
}

/// What each network owes, has reserved, and left unknown at the end.
fn left(day: &SimulatedDay, engine: &Engine) -> Vec<(i128, u128, u32)> {
    let views = day.world.networks.iter().map(|one| engine.books().network_view(one.network));
    let views = views.map(|view| view.expect("a network is never removed"));
    views.map(|view| (view.receivable, view.pending, view.unknown_payments)).collect()
}

/// New payments in a network's own books that were sent from a minute of the day on. Completions,
/// voids, refunds and offline sales finish what began before.
fn sent_since(day: &SimulatedDay, place: usize, minute: u64) -> usize {
    let midnight = Timestamp::start_of_day("2013-08-28".parse().expect("a date"), 480).0 / 1_000;
    let items = day.world.networks[place].items.iter();
    let late = items.filter(|item| item.sent_s >= midnight + minute * 60);
    late.filter(|item| ["sale", "pre-authorisation"].contains(&item.kind)).count()
}

#[test]
fn a_network_leaves_in_the_middle_of_a_busy_day() {
    let (quiet, _) = busy_day(3, 0, &[]);
    assert!(sent_since(&quiet, 0, MORNING) > 100, "the day is busy");
    let (day, engine) = busy_day(3, 0, &[MORNING]);
    assert_eq!(sent_since(&day, 0, MORNING), 0);
    assert!(sent_since(&day, 1, MORNING) > sent_since(&quiet, 1, MORNING), "the other takes over");
    assert_eq!(left(&day, &engine), [(0, 0, 0); 2]);
}

#[test]
fn after_the_only_network_has_left_buyers_pay_by_qr_and_in_cash() {
    let (quiet, _) = busy_day(3, 0, &[]);
    let (day, engine) = busy_day(3, 0, &[MORNING, AFTERNOON]);
    for place in [0, 1] {
        assert_eq!(sent_since(&day, place, AFTERNOON), 0);
    }
    assert_eq!(left(&day, &engine), [(0, 0, 0); 2]);
    // What is not paid by card is paid otherwise, or the parcel comes back: nothing is lost.
    let collected = |day: &SimulatedDay| day.report.counts.collected;
    let (then, now) = (collected(&quiet), collected(&day));
    assert!(now.card.count < then.card.count, "{now:?}");
    assert!(now.cash.count + now.qr.count > then.cash.count + then.qr.count, "{now:?}");
    assert_eq!(day.report.parcels, quiet.report.parcels);
    assert!(
        engine
            .books()
            .pending_requests()
            .all(|one| { !matches!(one.route, PaymentRoute::Card { .. }) })
    );
}

/// With outages, lost answers, late approvals, offline sales, refunds, chargebacks and lines that
/// files leave out and send later.
#[test]
fn with_faults_the_receivables_of_both_run_down_to_zero() {
    for seed in 1..=3 {
        let (day, engine) = busy_day(seed, 200, &[MORNING, AFTERNOON]);
        assert_eq!(left(&day, &engine), [(0, 0, 0); 2], "seed {seed}");
        assert_eq!(sent_since(&day, 0, MORNING), 0, "seed {seed}");
        assert_eq!(sent_since(&day, 1, AFTERNOON), 0, "seed {seed}");
    }
}
