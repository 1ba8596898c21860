//! Closed parcels whose time is over are forgotten while the switch runs.

use engine::{Command, DAY_MS, ITEMS_PER_COMMAND_MAX, ParcelId, RETENTION_DAYS, Timestamp};
use peers::Task;

use crate::expiry::a_day_passes;
use crate::world::*;

/// When the books were told to forget.
fn told(world: &World) -> Vec<Timestamp> {
    let told = world.journal.iter();
    let told = told.filter(|(_, one)| matches!(one, Command::ForgetClosed { .. }));
    told.map(|(at, _)| *at).collect()
}

fn lose(world: &mut World) -> ParcelId {
    let parcel = world.parcel(100);
    world.must(Command::LoseParcel { parcel });
    parcel
}

/// The terminal takes some cash, closes its batch and opens the next one.
fn next_batch(world: &mut World) {
    let text = waybill(world.parcel(500));
    world.approved(0, Task::Cash { waybill: &text, amount: 500, tendered: 500 });
    world.does(0, Task::Settle);
    world.sign_on(0);
}

#[test]
fn a_parcel_closed_half_a_year_ago_is_forgotten_and_one_of_yesterday_is_not() {
    let mut world = World::open();
    world.crash();
    let old = world.parcel(10_000);
    let held = world.pre_authorise(old, 10_000).stan;
    let trace = world.trace(0, held);
    world.approved(0, Task::VoidPreAuthorisation { stan: held });
    world.must(Command::LoseParcel { parcel: old });
    next_batch(&mut world);
    next_batch(&mut world);
    (0..RETENTION_DAYS).for_each(|_| a_day_passes(&mut world));
    assert!(world.engine.transaction(trace).is_some() && told(&world).is_empty());
    let new = lose(&mut world);
    a_day_passes(&mut world);
    assert_eq!((world.engine.parcel_view(old), world.engine.transaction(trace)), (None, None));
    assert!(world.engine.parcel_view(new).is_some());
    // A month in which nothing gets old enough.
    (0..30).for_each(|_| a_day_passes(&mut world));
    assert_eq!(told(&world).len(), 1);
    assert!(world.engine.check().is_ok());
}

#[test]
fn what_is_more_than_one_command_forgets_is_forgotten_part_by_part_also_after_a_restart() {
    let mut world = World::open();
    let records = ITEMS_PER_COMMAND_MAX + 1;
    (0..records).for_each(|_| {
        lose(&mut world);
    });
    world.now += (u64::from(RETENTION_DAYS) + 1) * DAY_MS;
    let before = world.now;
    world.crash();
    world.time_passes(before);
    world.settle();
    assert_eq!((told(&world).len(), world.engine.known_parcels()), (1, 1));
    // A restart knows nothing of the first part: it walks through all of them once more.
    world.crash();
    for (milliseconds, times) in [(0, 2), (999, 2), (1, 3), (60_000, 3)] {
        world.time_passes(world.now + milliseconds);
        world.settle();
        assert_eq!(told(&world).len(), times);
    }
    assert_eq!(world.engine.known_parcels(), 0);
}
