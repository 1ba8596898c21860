//! Cash that a courier enters on a phone: each number once, and times that are claims.

use books::chart::AccountKind as A;
use books::view::ParcelState as S;
use books::*;
use money::Amount;

use super::sales::signed_on;
use crate::world::*;

const HOUR_MS: i64 = 3_600_000;

/// What the books say of the claim of the last command.
fn skew(world: &World) -> Option<i64> {
    world.events().iter().find_map(|event| match event {
        Event::TimeClaimed { skew_ms, .. } => Some(*skew_ms),
        _ => None,
    })
}

#[test]
fn cash_by_phone_is_taken_once_under_its_number() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let by_phone = |number, amount| phone_cash(parcel, number, amount).into();
    world.refused(by_phone(2, 4_000), Refusal::WrongSequenceNumber(1));
    world.must(by_phone(1, 4_000)).repeated(by_phone(1, 4_000));
    world.refused(by_phone(1, 6_000), Refusal::NumberUsed(1));
    world.must(take_cash(1, parcel, 1_000, 1_000));
    // The terminal was first: the phone's number is another payment's.
    world.refused(by_phone(2, 5_000), Refusal::NumberUsed(2));
    world.must(by_phone(3, 5_000));
    assert_eq!((world.view(parcel).state, world.sum(A::CourierCash)), (S::Delivered, 10_000));
    // Also after the parcel is closed.
    world.repeated(by_phone(3, 5_000)).repeated(by_phone(1, 4_000));
    world.must(start_hand_over(1)).must(count(1, 10_000));
}

#[test]
fn only_the_courier_who_has_the_parcel_takes_its_cash() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let cash = phone_cash(parcel, 1, 10_000);
    let by = |taken_by| TakeCashByPhone { taken_by, ..cash }.into();
    world.refused(by(PersonId(COLLEAGUE.0)), Refusal::WrongCourier);
    let unknown = MissingRecord::Courier(CourierId(ANNA.0));
    world.refused(by(ANNA), Refusal::NotFound(unknown));
    let wrong = TakeCashByPhone { change: Amount::of(1), ..cash };
    world.refused(wrong.into(), Refusal::WrongChange);
    world.must(cash.into());
}

#[test]
fn a_claim_that_cannot_be_right_is_flagged() {
    let mut world = signed_on();
    let now = i64::try_from(world.at.0).unwrap();
    for (place, (claimed, server, elapsed, expected)) in [
        // Hours without a connection are no skew.
        (-3 * HOUR_MS, -4 * HOUR_MS, None, 0),
        (-3 * HOUR_MS, -4 * HOUR_MS, Some(HOUR_MS), 0),
        // A phone that slept counted less.
        (-HOUR_MS, -4 * HOUR_MS, Some(60_000), 0),
        (240_000, 0, None, 0),
        // Two hours fast, two hours slow.
        (2 * HOUR_MS, 0, Some(0), 2 * HOUR_MS),
        (-2 * HOUR_MS, -60_000, Some(60_000), -2 * HOUR_MS),
        (-2 * HOUR_MS, 0, None, -2 * HOUR_MS),
        // Before what the phone counted since.
        (-3 * HOUR_MS, -4 * HOUR_MS, Some(2 * HOUR_MS), -HOUR_MS),
        // Doorstep cannot have said this time.
        (0, HOUR_MS, None, HOUR_MS),
    ]
    .into_iter()
    .enumerate()
    {
        let parcel = world.dispatched_parcel(&format!("o-{place}"), 1_000);
        let at = |offset: i64| Timestamp(u64::try_from(now + offset).unwrap());
        let cash = TakeCashByPhone {
            claimed_at: at(claimed),
            server_at: at(server),
            elapsed_ms: elapsed.map(|ms| u32::try_from(ms).unwrap()),
            ..phone_cash(parcel, 1, 1_000)
        };
        world.must(cash.into());
        assert_eq!(skew(&world), Some(expected), "{place}");
    }
}
