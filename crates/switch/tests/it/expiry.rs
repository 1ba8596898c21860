//! Pre-authorisations that expire.

use books::view::PaymentState;
use books::{Command, DAY_MS, ReversalKind, Stan, TerminalId};
use peers::{ResponseAction, TerminalTask};
use switch::{OperatorEvent, Switch};

use crate::world::*;

/// A world that started in the morning, with a pre-authorisation of 10 000 for a parcel.
fn held() -> (World, books::ParcelId, u32) {
    let mut world = World::open();
    world.crash();
    let parcel = world.parcel(10_000);
    let held = world.pre_authorise(parcel, 10_000);
    (world, parcel, held.stan)
}

/// Lets a day pass, hour by hour.
pub fn a_day_passes(world: &mut World) {
    for _ in 0..24 {
        world.advance_to(world.now + DAY_MS / 24);
        world.settle();
    }
}

#[test]
fn a_pre_authorisation_expires_on_the_thirty_first_day() {
    let (mut world, parcel, stan) = held();
    (0..30).for_each(|_| a_day_passes(&mut world));
    assert_eq!(world.state(0, stan), PaymentState::Authorised);
    assert_eq!(world.networks[0].peer.book().totals().held.count, 1);
    let commands = world.journal.len();
    a_day_passes(&mut world);
    assert_eq!(world.state(0, stan), PaymentState::Expired);
    assert_eq!(world.networks[0].peer.book().totals().held.count, 0);
    let since: Vec<&Command> = world.journal[commands..].iter().map(|(_, one)| one).collect();
    assert_eq!(since.len(), 2, "a command without effect is in the journal: {since:?}");
    world.assert_books_agree();
    // The parcel is due again.
    world.sell(parcel, 10_000);
    world.assert_books_agree();
}

#[test]
fn a_late_completion_is_refused_with_p7() {
    let (mut world, parcel, stan) = held();
    world.now += 31 * DAY_MS;
    world.script_network(0, &[ResponseAction::Lost]);
    world.advance_to(world.now);
    while world.books_step() {}
    assert_eq!(world.state(0, stan), PaymentState::Releasing(ReversalKind::Expiry));
    let complete = TerminalTask::Completion { stan, amount: 10_000 };
    assert_eq!(world.declined(0, complete), "P7", "while the network has not acknowledged it");
    world.assert_books_agree();
    assert_eq!(world.state(0, stan), PaymentState::Expired);
    assert_eq!(world.declined(0, complete), "P7");
    assert_eq!(world.declined(0, TerminalTask::VoidPreAuthorisation { stan }), "P7");
    world.crash();
    assert_eq!(world.declined(0, complete), "P7");
    assert_eq!(world.collected(parcel), 0);
    world.assert_books_agree();
}

#[test]
fn a_completion_in_flight_prevents_the_expiry() {
    let (mut world, parcel, stan) = held();
    world.now += 31 * DAY_MS;
    world.ask(0, TerminalTask::Completion { stan, amount: 10_000 }).unwrap();
    world.switch_receives_from_terminal();
    // The books begin it before the expiry.
    while world.books_step() {}
    world.advance_to(world.now);
    world.settle();
    assert_eq!(world.collected(parcel), 10_000);
    world.assert_books_agree();
}

#[test]
fn a_restart_continues_the_reversal_of_an_expired_pre_authorisation() {
    for without_original in [false, true] {
        let (mut world, _, stan) = held();
        world.now += 31 * DAY_MS;
        world.script_network(0, &[ResponseAction::Lost, ResponseAction::Lost]);
        world.advance_to(world.now);
        if without_original {
            // The expiry is durable, but the switch does not learn of it.
            world.books_step_without_reply();
        } else {
            world.settle();
        }
        world.crash();
        assert_eq!(world.state(0, stan), PaymentState::Releasing(ReversalKind::Expiry));
        assert_eq!(world.switch.queued_reversals(), 1);
        world.assert_books_agree();
        assert_eq!(world.state(0, stan), PaymentState::Expired);
        assert_eq!(world.networks[0].peer.book().totals().held.count, 0);
    }
}

#[test]
fn expiry_leaves_a_paid_parcel_unchanged() {
    let (mut world, parcel, stan) = held();
    world.approved(0, TerminalTask::VoidPreAuthorisation { stan });
    let text = waybill(parcel);
    world.approved(0, TerminalTask::Cash { waybill: &text, amount: 10_000, tendered: 10_000 });
    let commands = world.journal.len();
    (0..32).for_each(|_| a_day_passes(&mut world));
    assert_eq!((world.journal.len(), world.collected(parcel)), (commands, 10_000));
    world.assert_books_agree();
}

#[test]
fn an_expired_pre_authorisation_is_reversed_once() {
    let (mut world, _, first) = held();
    a_day_passes(&mut world);
    let parcel = world.parcel(500);
    let second = world.pre_authorise(parcel, 500).stan;
    world.now += 29 * DAY_MS;
    world.crash();
    world.disconnect(0, 0);
    for (stan, pending) in [(first, 1), (second, 2)] {
        a_day_passes(&mut world);
        assert_eq!(world.state(0, stan), PaymentState::Releasing(ReversalKind::Expiry));
        assert_eq!(world.switch.queued_reversals(), pending);
    }
    world.reconnect();
    world.assert_books_agree();
    assert_eq!(world.networks[0].peer.book().totals().held.count, 0);
}

#[test]
fn many_pre_authorisations_expire_in_steps() {
    let (mut world, _, first) = held();
    for _ in 0..501 {
        let parcel = world.parcel(100);
        world.pre_authorise(parcel, 100);
    }
    let last = world.terminals[0].terminal.last_stan();
    world.now += 31 * DAY_MS;
    // Seconds since the last step, and the number of pre-authorisations left.
    for (seconds, left) in [(0, 2), (4, 2), (1, 0)] {
        world.advance_to(world.now + seconds * 1_000);
        world.settle();
        assert_eq!(world.networks[0].peer.book().totals().held.count, left, "{seconds}");
    }
    world.assert_books_agree();
    for stan in [first, last] {
        assert_eq!(world.state(0, stan), PaymentState::Expired);
        let told = OperatorEvent::PreAuthorisationExpired {
            terminal: TerminalId(1),
            stan: Stan::of(stan),
            reversing: true,
        };
        assert_eq!(world.operator_events.iter().filter(|one| **one == told).count(), 1, "{stan}");
    }
}

#[test]
fn a_pre_authorisation_stands_for_a_day_at_least_and_a_year_at_most() {
    let world = World::closed(1, 1);
    for (days, good) in [(0, false), (1, true), (365, true), (366, false)] {
        let mut settings = world.settings.clone();
        settings.timing.pre_authorisation_days = days;
        assert_eq!(Switch::new(settings, world.keys.clone()).is_ok(), good, "{days}");
    }
}
