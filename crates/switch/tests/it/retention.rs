//! Retention: old closed parcels are forgotten while the switch runs.

use books::{
    Command, DAY_MS, DamagePayer, LoseParcel, ParcelId, RECORDS_PER_COMMAND_MAX, RETENTION_DAYS,
    SetRetention, Timestamp,
};
use peers::TerminalTask;

use crate::expiry::a_day_passes;
use crate::world::*;

/// Times of the commands to forget.
fn told(world: &World) -> Vec<Timestamp> {
    let told = world.journal.iter();
    let told = told.filter(|(_, one)| matches!(one, Command::ForgetClosed(_)));
    told.map(|(at, _)| *at).collect()
}

fn lose(world: &mut World) -> ParcelId {
    let parcel = world.parcel(100);
    world.apply(Command::LoseParcel(LoseParcel { parcel, paid_by: DamagePayer::Seller }));
    parcel
}

/// Takes some cash, closes the batch and opens the next one.
fn next_batch(world: &mut World) {
    let text = waybill(world.parcel(500));
    world.approved(0, TerminalTask::Cash { waybill: &text, amount: 500, tendered: 500 });
    world.run(0, TerminalTask::Settle);
    world.sign_on(0);
}

#[test]
fn a_parcel_closed_half_a_year_ago_is_forgotten_and_one_of_yesterday_is_not() {
    let mut world = World::open();
    world.crash();
    let old = world.parcel(10_000);
    let held = world.pre_authorise(old, 10_000).stan;
    let trace = world.trace(0, held);
    world.approved(0, TerminalTask::VoidPreAuthorisation { stan: held });
    world.apply(Command::LoseParcel(LoseParcel { parcel: old, paid_by: DamagePayer::Seller }));
    next_batch(&mut world);
    next_batch(&mut world);
    (0..RETENTION_DAYS).for_each(|_| a_day_passes(&mut world));
    assert!(world.engine.transaction(trace).is_some() && told(&world).is_empty());
    let new = lose(&mut world);
    a_day_passes(&mut world);
    assert_eq!((world.engine.parcel_view(old), world.engine.transaction(trace)), (None, None));
    assert!(world.engine.parcel_view(new).is_some());
    // A month in which no parcel becomes old enough.
    (0..30).for_each(|_| a_day_passes(&mut world));
    assert_eq!(told(&world).len(), 1);
    assert!(world.engine.check().is_ok());
}

#[test]
fn the_retention_that_two_persons_set_is_used_from_the_next_day_on() {
    let mut world = World::open();
    world.crash();
    let [proposed_by, approved_by] = PERSONS;
    let set = |number, days| {
        Command::SetRetention(SetRetention { number, days, proposed_by, approved_by })
    };
    world.apply(set(1, 300));
    let old = lose(&mut world);
    (0..200).for_each(|_| a_day_passes(&mut world));
    assert!(world.engine.parcel_view(old).is_some() && told(&world).is_empty());
    world.apply(set(2, 120));
    a_day_passes(&mut world);
    assert_eq!((world.engine.parcel_view(old), told(&world).len()), (None, 1));
}

#[test]
fn many_parcels_are_forgotten_in_steps_also_after_a_restart() {
    let mut world = World::open();
    let records = RECORDS_PER_COMMAND_MAX + 1;
    (0..records).for_each(|_| {
        lose(&mut world);
    });
    world.now += (u64::from(RETENTION_DAYS) + 1) * DAY_MS;
    let before = world.now;
    world.crash();
    world.advance_to(before);
    world.settle();
    assert_eq!((told(&world).len(), world.engine.known_parcel_count()), (1, 1));
    // After a restart, the scan begins again.
    world.crash();
    for (milliseconds, times) in [(0, 2), (999, 2), (1, 3), (60_000, 3)] {
        world.advance_to(world.now + milliseconds);
        world.settle();
        assert_eq!(told(&world).len(), times);
    }
    assert_eq!(world.engine.known_parcel_count(), 0);
}
