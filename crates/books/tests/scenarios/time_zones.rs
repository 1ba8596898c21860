//! Local days by a named time zone. The offsets are given: the books know no zone table.

use books::chart::AccountKind;
use books::*;

use super::offline::flags;
use crate::world::*;

const HOUR_MS: u64 = 3_600_000;
/// 2013-10-27T01:00Z: Berlin goes back from 03:00 to 02:00.
const WINTER: UtcOffsetChange =
    UtcOffsetChange { from: Timestamp(1_382_835_600_000), utc_offset_minutes: 60 };
/// 2014-03-30T01:00Z: Berlin goes on from 02:00 to 03:00.
const SUMMER: UtcOffsetChange =
    UtcOffsetChange { from: Timestamp(1_396_141_200_000), utc_offset_minutes: 120 };

fn zone(number: u32, utc_offset_minutes: i16, changes: &[UtcOffsetChange]) -> Command {
    Command::SetTimeZone(SetTimeZone {
        number,
        zone: "Europe/Berlin".into(),
        table_version: "2013c".into(),
        utc_offset_minutes,
        changes: changes.to_vec(),
    })
}

/// Books in Berlin, in the summer of 2013.
fn berlin() -> World {
    let mut world = World::open();
    world.must(zone(1, 120, &[WINTER, SUMMER]));
    world
}

/// The business date of a command at this time.
fn date_at(world: &mut World, at: Timestamp) -> BusinessDate {
    world.at = at;
    let number = world.engine.known_parcel_count();
    let order = format!("at {number}");
    world.must(announce(SELLER, &order, 100));
    world.engine.last_date()
}

/// The first and the last millisecond of a local day, by the offsets that hold then.
fn check_day(world: &mut World, date: &str, start: u64, hours: u64) {
    let end = start + hours * HOUR_MS;
    let before = day(date).minus_days(1);
    for (at, expected) in [
        (start - 1, before),
        (start, day(date)),
        (end - 1, day(date)),
        (end, day(date).plus_days(1)),
    ] {
        assert_eq!(date_at(world, Timestamp(at)), expected, "{at}");
    }
}

#[test]
fn the_day_on_which_clocks_go_back_has_25_hours() {
    let mut world = berlin();
    // From 2013-10-26T22:00Z, midnight in summer, to 2013-10-27T23:00Z, midnight in winter.
    check_day(&mut world, "2013-10-27", 1_382_824_800_000, 25);
}

#[test]
fn the_day_on_which_clocks_go_on_has_23_hours() {
    let mut world = berlin();
    // From 2014-03-29T23:00Z to 2014-03-30T22:00Z.
    check_day(&mut world, "2014-03-30", 1_396_134_000_000, 23);
}

#[test]
fn a_plain_day_has_24_hours_in_summer_and_in_winter() {
    let mut world = berlin();
    check_day(&mut world, "2013-10-26", 1_382_738_400_000, 24);
    check_day(&mut world, "2013-10-28", 1_382_914_800_000, 24);
}

#[test]
fn where_clocks_go_on_at_midnight_the_day_begins_an_hour_early() {
    let mut world = World::open();
    // Beirut, 2014-03-29T22:00Z: from 00:00 to 01:00.
    let from = Timestamp(1_396_130_400_000);
    world.must(zone(1, 120, &[UtcOffsetChange { from, utc_offset_minutes: 180 }]));
    check_day(&mut world, "2014-03-30", from.0, 23);
}

#[test]
fn where_clocks_go_back_at_midnight_the_day_lasts_an_hour_longer() {
    let mut world = World::open();
    // Beirut, 2013-10-26T21:00Z: from 00:00 of the 27th to 23:00 of the 26th.
    let from = Timestamp(1_382_821_200_000);
    world.must(zone(1, 180, &[UtcOffsetChange { from, utc_offset_minutes: 120 }]));
    check_day(&mut world, "2013-10-26", from.0 - 24 * HOUR_MS, 25);
}

#[test]
fn a_business_date_never_goes_back() {
    let mut world = World::open();
    // St. John's, as until 2011: at 00:01 back to 23:01.
    let midnight = Timestamp::start_of_day(day("2013-11-03"), -150);
    let from = midnight.plus_ms(60_000);
    world.must(zone(1, -150, &[UtcOffsetChange { from, utc_offset_minutes: -210 }]));
    assert_eq!(date_at(&mut world, Timestamp(midnight.0 - 1)), day("2013-11-02"));
    assert_eq!(date_at(&mut world, midnight), day("2013-11-03"));
    // 23:01 of the second again, and it stays the third.
    assert_eq!(date_at(&mut world, from), day("2013-11-03"));
    assert_eq!(world.engine.utc_offset_minutes_at(from), Some(-210));
    let next = Timestamp::start_of_day(day("2013-11-04"), -210);
    assert_eq!(date_at(&mut world, Timestamp(next.0 - 1)), day("2013-11-03"));
    assert_eq!(date_at(&mut world, next), day("2013-11-04"));
}

#[test]
fn a_refused_command_does_not_move_the_date() {
    let mut world = World::open();
    let midnight = Timestamp::start_of_day(day("2013-11-03"), -150);
    let from = midnight.plus_ms(60_000);
    world.must(zone(1, -150, &[UtcOffsetChange { from, utc_offset_minutes: -210 }]));
    world.at = midnight;
    world.refused(announce(SELLER, "o-1", 0), Refusal::AmountZero);
    assert_eq!(date_at(&mut world, from), day("2013-11-02"), "nobody saw the third yet");
}

#[test]
fn without_a_zone_the_offset_of_the_opening_holds() {
    let mut world = World::open();
    assert_eq!(world.engine.time_zone(), None);
    check_day(&mut world, "2013-10-27", 1_382_803_200_000, 24);
}

#[test]
fn a_zone_set_late_holds_from_then_on() {
    let mut world = World::open();
    world.at = WINTER.from.plus_ms(10 * HOUR_MS);
    world.must(zone(1, 120, &[WINTER, SUMMER]));
    assert_eq!(world.engine.utc_offset_minutes_at(world.at), Some(60));
    assert_eq!(world.engine.last_date(), day("2013-10-27"));
}

#[test]
fn a_newer_zone_table_replaces_the_changes_to_come() {
    let mut world = berlin();
    // Summer time is abolished.
    world.must(zone(2, 120, &[WINTER]));
    assert_eq!(world.engine.utc_offset_minutes_at(SUMMER.from), Some(60));
    // An old setting that comes again changes nothing.
    world.refused(zone(1, 120, &[WINTER, SUMMER]), Refusal::NumberForgotten(1));
    assert_eq!(world.engine.time_zone().unwrap().changes, [WINTER]);
}

#[test]
fn settings_are_numbered_so_that_a_retry_is_seen() {
    let mut world = berlin();
    world.repeated(zone(1, 120, &[WINTER, SUMMER]));
    world.refused(zone(1, 120, &[WINTER]), Refusal::NumberUsed(1));
    for number in [0, 3, u32::MAX] {
        world.refused(zone(number, 120, &[]), Refusal::WrongSequenceNumber(2));
    }
    world.must(zone(2, 120, &[]));
}

#[test]
fn offsets_must_exist_and_changes_be_in_order() {
    let mut world = World::open();
    let far = UtcOffsetChange { utc_offset_minutes: UTC_OFFSET_MINUTES_MAX + 1, ..WINTER };
    for command in [zone(1, -841, &[]), zone(1, 0, &[far])] {
        world.refused(command, Refusal::OffsetOutOfRange);
    }
    for changes in [[SUMMER, WINTER], [WINTER, WINTER]] {
        world.refused(zone(1, 120, &changes), Refusal::ChangesOutOfOrder);
    }
    let many: Vec<_> = (0..=UTC_OFFSET_CHANGES_MAX as u64)
        .map(|year| UtcOffsetChange { from: Timestamp(year), utc_offset_minutes: 0 })
        .collect();
    world.refused(zone(1, 0, &many), Refusal::OutOfRange(32));
    world.must(zone(1, 0, &many[1..]));
    let changes: [(_, fn(&mut SetTimeZone)); 2] =
        [("zone", |one| one.zone.clear()), ("table_version", |one| one.table_version.clear())];
    for (field, change) in changes {
        let Command::SetTimeZone(mut one) = zone(2, 0, &[]) else { unreachable!("it sets one") };
        change(&mut one);
        world.refused(Command::SetTimeZone(one), Refusal::BadText(field, TextFault::Length));
    }
}

#[test]
fn a_snapshot_has_the_zone_and_the_date() {
    let mut world = World::open();
    let midnight = Timestamp::start_of_day(day("2013-11-03"), -150);
    let from = midnight.plus_ms(60_000);
    world.must(zone(1, -150, &[UtcOffsetChange { from, utc_offset_minutes: -210 }]));
    assert_eq!(date_at(&mut world, midnight), day("2013-11-03"));
    let mut restored = super::snapshots::restored(&world.engine);
    assert_eq!(restored.time_zone(), world.engine.time_zone());
    let mut out = CommandOutcome::default();
    restored.apply(&announce(SELLER, "o-1", 100), from, &mut out).unwrap();
    assert_eq!(restored.last_date(), day("2013-11-03"), "the date does not go back");
}

#[test]
fn money_on_hold_is_released_on_local_days() {
    let mut world = World::set(Setup { hold: HoldRule::DaysAfterHeld(1), ..Setup::default() });
    world.must(zone(1, 120, &[WINTER, SUMMER]));
    // The 25 hours of 27 October, in the last of them.
    world.at = Timestamp(1_382_824_800_000 + 25 * HOUR_MS - 1);
    world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    world.refused(release("2013-10-28"), bad_date("2013-10-28", "", "2013-10-27"));
    world.at = world.at.plus_ms(1);
    world.must(release("2013-10-28"));
    assert_eq!(world.sum(AccountKind::SellerPayable), 9_922);
}

#[test]
fn the_clock_of_an_offline_sale_is_read_by_the_offset_that_held_then() {
    let mut world = berlin();
    world.must(open_batch(1)).must(offline_limit(90_000, 90_000));
    let [a, b, c] = ["a", "b", "c"].map(|order| world.dispatched_parcel(order, 1_000));
    // Contact at 02:30 in summer, arrival at 04:00 in winter.
    world.at = Timestamp(WINTER.from.0 - HOUR_MS / 2);
    world.must(reverse_without_original(1));
    let (winter, summer) = (WINTER.from.plus_ms(2 * HOUR_MS), SUMMER.from.plus_ms(HOUR_MS));
    for (at, parcel, stan, date, local_time, dated_on_arrival) in [
        // 02:15 comes twice, and the second is after the contact. In winter, 01:59 would be, too.
        (winter, a, 2, 1_027, 21_500, false),
        (winter, b, 3, 1_027, 15_900, true),
        // In spring there is no 02:30.
        (summer, c, 4, 330, 23_000, true),
    ] {
        world.at = at;
        let clock = OfflineSaleAt { date, local_time };
        world.must(offline_sale_at(clock, trace(stan), parcel, 1_000));
        let flagged = flags(&world).0.contains(&OfflineSaleFlag::DatedOnArrival);
        assert_eq!(flagged, dated_on_arrival, "{local_time}");
    }
}

#[test]
fn an_offline_sale_never_belongs_to_a_day_to_come() {
    let mut world = World::open();
    // Half an hour after midnight, clocks go back to the day before.
    let back = UtcOffsetChange { from: world.at.plus_ms(29 * HOUR_MS / 2), utc_offset_minutes: 60 };
    world.must(zone(1, 540, &[back])).must(open_batch(1)).must(offline_limit(90_000, 90_000));
    let parcel = world.dispatched_parcel("o-1", 1_000);
    world.at = back.from.plus_ms(HOUR_MS / 4);
    let clock = OfflineSaleAt { date: 829, local_time: 1_500 };
    world.must(offline_sale_at(clock, trace(1), parcel, 1_000));
    assert_eq!((world.engine.last_date(), world.outcome.value_date), (day("2013-08-28"), None));
    assert!(flags(&world).0.contains(&OfflineSaleFlag::DatedOnArrival));
}
