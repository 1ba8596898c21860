//! Pre-authorisations that nobody completes in their time.

use engine::view::TenderState;
use engine::{Command, DAY_MS, TakeBack, TerminalId};
use peers::{Action, Task};
use switch::{Happening, Switch};

use crate::world::*;

/// A world whose process began in the morning, with 10 000 held for a parcel.
fn held() -> (World, engine::ParcelId, u32) {
    let mut world = World::open();
    world.crash();
    let parcel = world.parcel(10_000);
    let held = world.pre_authorise(parcel, 10_000);
    (world, parcel, held.stan)
}

/// A day passes, hour by hour.
pub fn a_day_passes(world: &mut World) {
    for _ in 0..24 {
        world.time_passes(world.now + DAY_MS / 24);
        world.settle();
    }
}

#[test]
fn nobody_completes_it_and_on_the_thirty_first_day_it_is_let_go() {
    let (mut world, parcel, stan) = held();
    (0..30).for_each(|_| a_day_passes(&mut world));
    assert_eq!(world.state(0, stan), TenderState::Authorised);
    assert_eq!(world.nets[0].peer.book().totals().held.count, 1);
    let commands = world.journal.len();
    a_day_passes(&mut world);
    assert_eq!(world.state(0, stan), TenderState::Expired);
    assert_eq!(world.nets[0].peer.book().totals().held.count, 0);
    let since: Vec<&Command> = world.journal[commands..].iter().map(|(_, one)| one).collect();
    assert_eq!(since.len(), 2, "what changes nothing is not in the journal: {since:?}");
    world.agree();
    // The parcel is due again.
    world.sell(parcel, 10_000);
    world.agree();
}

#[test]
fn a_completion_that_comes_too_late_is_told_so() {
    let (mut world, parcel, stan) = held();
    world.now += 31 * DAY_MS;
    world.fates(0, &[Action::Lost]);
    world.time_passes(world.now);
    while world.book() {}
    assert_eq!(world.state(0, stan), TenderState::Releasing(TakeBack::Expiry));
    let complete = Task::Complete { stan, amount: 10_000 };
    assert_eq!(world.declined(0, complete), "P7", "while the network has not acknowledged it");
    world.agree();
    assert_eq!(world.state(0, stan), TenderState::Expired);
    assert_eq!(world.declined(0, complete), "P7");
    assert_eq!(world.declined(0, Task::VoidPreAuthorisation { stan }), "P7");
    world.crash();
    assert_eq!(world.declined(0, complete), "P7");
    assert_eq!(world.collected(parcel), 0);
    world.agree();
}

#[test]
fn a_completion_under_way_when_the_time_is_over_wins() {
    let (mut world, parcel, stan) = held();
    world.now += 31 * DAY_MS;
    world.ask(0, Task::Complete { stan, amount: 10_000 }).unwrap();
    world.switch_hears_terminal();
    // It is begun in the books before the switch looks.
    while world.book() {}
    world.time_passes(world.now);
    world.settle();
    assert_eq!(world.collected(parcel), 10_000);
    world.agree();
}

#[test]
fn a_restart_goes_on_with_what_the_network_has_not_acknowledged() {
    for unheard in [false, true] {
        let (mut world, _, stan) = held();
        world.now += 31 * DAY_MS;
        world.fates(0, &[Action::Lost, Action::Lost]);
        world.time_passes(world.now);
        if unheard {
            // It is durable, and the switch never learns of it.
            world.book_unheard();
        } else {
            world.settle();
        }
        world.crash();
        assert_eq!(world.state(0, stan), TenderState::Releasing(TakeBack::Expiry));
        assert_eq!(world.switch.chased(), 1);
        world.agree();
        assert_eq!(world.state(0, stan), TenderState::Expired);
        assert_eq!(world.nets[0].peer.book().totals().held.count, 0);
    }
}

#[test]
fn a_parcel_that_was_paid_otherwise_is_left_alone() {
    let (mut world, parcel, stan) = held();
    world.approved(0, Task::VoidPreAuthorisation { stan });
    let text = waybill(parcel);
    world.approved(0, Task::Cash { waybill: &text, amount: 10_000, tendered: 10_000 });
    let commands = world.journal.len();
    (0..32).for_each(|_| a_day_passes(&mut world));
    assert_eq!((world.journal.len(), world.collected(parcel)), (commands, 10_000));
    world.agree();
}

#[test]
fn what_is_being_let_go_is_not_let_go_again_when_more_is_over() {
    let (mut world, _, first) = held();
    a_day_passes(&mut world);
    let parcel = world.parcel(500);
    let second = world.pre_authorise(parcel, 500).stan;
    world.now += 29 * DAY_MS;
    world.crash();
    world.disconnect(0, 0);
    for (stan, chased) in [(first, 1), (second, 2)] {
        a_day_passes(&mut world);
        assert_eq!(world.state(0, stan), TenderState::Releasing(TakeBack::Expiry));
        assert_eq!(world.switch.chased(), chased);
    }
    world.reconnect();
    world.agree();
    assert_eq!(world.nets[0].peer.book().totals().held.count, 0);
}

#[test]
fn more_than_one_command_ends_are_ended_part_by_part_some_seconds_apart() {
    let (mut world, _, first) = held();
    for _ in 0..501 {
        let parcel = world.parcel(100);
        world.pre_authorise(parcel, 100);
    }
    let last = world.terminals[0].terminal.last_stan();
    world.now += 31 * DAY_MS;
    // Seconds after the ones before, and how many are left.
    for (seconds, left) in [(0, 2), (4, 2), (1, 0)] {
        world.time_passes(world.now + seconds * 1_000);
        world.settle();
        assert_eq!(world.nets[0].peer.book().totals().held.count, left, "{seconds}");
    }
    world.agree();
    for stan in [first, last] {
        assert_eq!(world.state(0, stan), TenderState::Expired);
        let told = Happening::Expired { terminal: TerminalId(1), stan, chased: true };
        assert_eq!(world.happened.iter().filter(|one| **one == told).count(), 1, "{stan}");
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
