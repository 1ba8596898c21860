//! A hand-over that goes wrong: cancelled, the wrong code, counted without the code (M6).

use books::chart::AccountKind as A;
use books::view::ParcelState as S;
use books::*;
use money::Amount;

use crate::world::*;

const FIRST: HandOverId = HandOverId(1);
/// The person of [`COURIER`].
const THE_COURIER: PersonId = PersonId(COURIER.0);

/// A courier with 100.00 in an open hand-over.
fn handing_over() -> World {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1));
    world
}

fn in_hand(world: &World) -> (i128, i128) {
    world.engine.courier_cash(COURIER).unwrap()
}

fn count_with(code: u32, counted_by: PersonId) -> Command {
    let (code_mac, counted) = (mac_of(FIRST, code), Amount::of(10_000));
    Command::CountHandOver(CountHandOver { handover: FIRST, code_mac, counted, counted_by })
}

#[test]
fn a_cancelled_hand_over_leaves_the_cash_with_the_courier() {
    let mut world = handing_over();
    let payment = PaymentId { parcel: ParcelId::derived(SELLER, "o-1"), number: 1 };
    world.refused(reverse(payment), Refusal::HandOverOpen);
    world.must(cancel_hand_over(1, THE_COURIER)).repeated(cancel_hand_over(1, THE_COURIER));
    assert_eq!(in_hand(&world), (10_000, 0));
    world.refused(count(1, 10_000), Refusal::OtherContent);
    world.refused(cancel_hand_over(1, CASHIER), Refusal::OtherContent);
    // Another buyer's cash joins it, and the first buyer gets the money back.
    world.parcel("o-2", 3_000).dispatch().cash(3_000);
    world.must(reverse(payment));
    assert_eq!(world.view(payment.parcel).state, S::Out);
    world.must(start_hand_over(2));
    let (handover, expected) = (HandOverId(2), Amount::of(3_000));
    assert_eq!(world.events(), [Event::HandOverStarted { handover, expected }]);
    world.must(count(2, 3_000));
    assert_eq!((in_hand(&world), world.sum(A::FirmCash)), ((0, 0), 3_000));
}

#[test]
fn a_hand_over_is_issued_again_with_another_code() {
    let mut world = handing_over();
    world.must(cancel_hand_over(1, THE_COURIER));
    let handover = HandOverId(2);
    let code_mac = mac_of(handover, CODE + 1);
    world.must(Command::StartHandOver(StartHandOver {
        handover,
        courier: COURIER,
        number: 2,
        code_mac,
    }));
    world.repeated(start_hand_over(1)).repeated(cancel_hand_over(1, THE_COURIER));
    world.must(count(2, 10_000));
    assert_eq!(world.events(), [Event::HandOverCodeWrong { handover, tries: 1 }]);
    let (counted, counted_by) = (Amount::of(10_000), CASHIER);
    world.must(Command::CountHandOver(CountHandOver { handover, code_mac, counted, counted_by }));
    assert_eq!((in_hand(&world), world.sum(A::FirmCash)), ((0, 0), 10_000));
}

#[test]
fn a_counted_hand_over_cannot_be_cancelled() {
    let mut world = handing_over();
    world.must(count(1, 10_000)).refused(cancel_hand_over(1, CASHIER), Refusal::OtherContent);
    let missing = Refusal::NotFound(MissingRecord::HandOver(HandOverId(9)));
    world.refused(cancel_hand_over(9, CASHIER), missing);
}

#[test]
fn a_wrong_code_is_recorded_and_counts_nothing() {
    let mut world = handing_over();
    world.must(count_with(CODE + 1, CASHIER));
    assert_eq!(world.events(), [Event::HandOverCodeWrong { handover: FIRST, tries: 1 }]);
    assert_eq!((in_hand(&world), world.sum(A::FirmCash)), ((10_000, 0), 0));
    world.refused(start_hand_over(2), Refusal::HandOverOpen);
    // The same count again is a retry and no second try.
    world.repeated(count_with(CODE + 1, CASHIER));
    world.must(count_with(CODE + 1, ANNA));
    assert_eq!(world.events(), [Event::HandOverCodeWrong { handover: FIRST, tries: 2 }]);
    world.must(count_with(CODE, CASHIER)).repeated(count_with(CODE + 1, CASHIER));
    assert_eq!((in_hand(&world), world.sum(A::FirmCash)), ((0, 0), 10_000));
}

#[test]
fn after_five_wrong_codes_only_a_supervisor_counts() {
    let mut world = handing_over();
    for guess in 1..=5 {
        world.must(count_with(CODE + guess, CASHIER));
    }
    assert_eq!(world.events(), [Event::HandOverCodeWrong { handover: FIRST, tries: 5 }]);
    world.refused(count_with(CODE + 6, CASHIER), Refusal::CodesUsedUp);
    world.refused(count_with(CODE, CASHIER), Refusal::CodesUsedUp);
    world.must(count_by_supervisor(1, 10_000, [CASHIER, ANNA]));
    assert_eq!((in_hand(&world), world.sum(A::FirmCash)), ((0, 0), 10_000));
    // The next hand-over has tries of its own.
    world.parcel("o-2", 3_000).dispatch().cash(3_000);
    world.must(start_hand_over(2)).must(count(2, 3_000));
    assert_eq!(world.sum(A::FirmCash), 13_000);
}

#[test]
fn a_supervisor_counts_with_a_second_person_who_is_not_the_courier() {
    let mut world = handing_over();
    for alone in [[CASHIER, CASHIER], [CASHIER, THE_COURIER], [THE_COURIER, ANNA]] {
        world.refused(count_by_supervisor(1, 10_000, alone), Refusal::SamePerson);
    }
    let counted = count_by_supervisor(1, 9_000, [CASHIER, ANNA]);
    world.must(counted.clone()).repeated(counted);
    assert_eq!((in_hand(&world), world.sum(A::FirmCash)), ((0, 1_000), 9_000));
    for other in [
        count_by_supervisor(1, 9_000, [ANNA, CASHIER]),
        count_by_supervisor(1, 10_000, [CASHIER, ANNA]),
        count(1, 9_000),
    ] {
        world.refused(other, Refusal::OtherContent);
    }
}

#[test]
fn a_surplus_that_a_supervisor_counted_belongs_to_the_person_who_counted() {
    let mut world = handing_over();
    world.must(count_by_supervisor(1, 10_500, [CASHIER, ANNA]));
    let [one] = world.engine.open_breaks()[..] else { panic!("one break") };
    assert_eq!((one.owner, one.amount.minor()), (CASHIER, 500));
}

#[test]
fn who_tried_a_wrong_code_is_not_the_supervisor() {
    let mut world = handing_over();
    world.must(count_with(CODE + 1, ANNA));
    world.refused(count_by_supervisor(1, 10_000, [CASHIER, ANNA]), Refusal::SamePerson);
    world.must(count_by_supervisor(1, 10_000, [ANNA, CASHIER]));
}
