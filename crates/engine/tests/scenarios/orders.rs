//! Wallets' orders: remembered as long as their parcels, and given back when they are paid late.

use engine::door_view::ChaseKind;
use engine::view::TenderState;
use engine::*;

use super::sales::signed_on;
use crate::world::*;

/// An order that nobody has paid in time, in batch 1, which the terminal has long closed.
fn given_up() -> (World, ParcelId) {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    let declined = Resolution::Declined { code: *b"68" };
    world.must(sell_by_qr(1, parcel, 10_000)).must(answer(first(parcel), declined));
    two_batches_later(&mut world);
    (world, parcel)
}

const ANOTHER: [u8; 6] = *b"second";

/// The answer to an order that was paid by this payment.
fn paid_by(tender: TenderId, authorisation: [u8; 6]) -> Command {
    Command::ResolvePurchase { tender, resolution: Resolution::Approved, authorisation }
}

fn two_batches_later(world: &mut World) {
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals)).must(open_batch(2));
    world.declined_in(2).must(close_batch(2, BatchTotals::default())).must(open_batch(3));
}

fn restored(world: &World) -> Engine {
    let mut parts = Vec::new();
    let written = world.engine.snapshot().write(|part| {
        parts.push(Ok::<_, std::io::Error>(part.to_vec()));
        Ok::<_, std::io::Error>(())
    });
    Engine::restore(parts, written.unwrap()).unwrap()
}

fn forget() -> Command {
    Command::ForgetClosed { before: day("2013-12-01"), limit: ITEMS_PER_COMMAND_MAX }
}

#[test]
fn an_order_is_found_as_long_as_its_parcel_is() {
    let (mut world, parcel) = given_up();
    for engine in [&world.engine, &restored(&world)] {
        let order = engine.order(trace(1)).unwrap();
        assert_eq!((order.tender, order.answer), (first(parcel), Some(*b"68")));
        assert_eq!(engine.transaction(trace(1)), None, "its terminal has closed the batch");
        assert_eq!(engine.check(), Ok(()));
    }
    world.door(parcel).card(10_000).approve().clear();
    world.on("2014-08-01").must(forget());
    assert_eq!((world.engine.order(trace(1)), world.engine.check()), (None, Ok(())));
    assert_eq!(restored(&world).check(), Ok(()));
}

#[test]
fn what_is_paid_late_is_chased_until_it_is_given_back() {
    let (mut world, parcel) = given_up();
    let tender = first(parcel);
    world.must(approved(tender));
    assert_eq!(world.events(), [Event::LateApproval { tender }]);
    world.repeated(approved(tender)).repeated(paid_by(tender, ANOTHER));
    assert_eq!(world.chased(), [(1, ChaseKind::PaidLate)]);
    assert_eq!(world.engine.order(trace(1)).unwrap().authorisation, CODE_38);
    assert!(restored(&world).to_chase().eq(world.engine.to_chase()));
    // The parcel goes its way, and is not forgotten before.
    world.door(parcel).card(10_000).approve().clear();
    world.on("2014-08-01").must(forget());
    assert!(world.engine.order(trace(1)).is_some());
    world.must(taken_back(tender));
    assert_eq!(world.events(), [Event::Reversed { tender, posted: money::Amount::ZERO }]);
    world.repeated(taken_back(tender)).refused(stands(tender, *b"00"), Refusal::TenderState);
    // Told once more, it is not given back twice.
    world.repeated(approved(tender)).repeated(paid_by(tender, ANOTHER));
    assert_eq!(world.chased(), []);
    world.must(forget());
    assert_eq!(world.engine.order(trace(1)), None);
}

#[test]
fn what_was_not_paid_after_all_is_chased_no_more() {
    let (mut world, parcel) = given_up();
    let tender = first(parcel);
    world.refused(taken_back(tender), Refusal::TenderState);
    world.must(approved(tender)).must(stands(tender, *b"68"));
    assert_eq!(world.events(), [Event::Declined { tender }]);
    assert_eq!(world.chased(), []);
    world.repeated(stands(tender, *b"68"));
    // Told once more, that payment is what it was. It may be paid by another one yet.
    world.repeated(approved(tender));
    assert_eq!(world.chased(), []);
    world.must(paid_by(tender, ANOTHER));
    assert_eq!(world.chased(), [(1, ChaseKind::PaidLate)]);
    assert_eq!(restored(&world).order(trace(1)).unwrap().authorisation, ANOTHER);
}

#[test]
fn what_was_paid_in_time_is_not_paid_late_when_it_is_back() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    let tender = first(parcel);
    world.must(sell_by_qr(1, parcel, 10_000)).must(approved(tender)).must(must_not_stand(tender));
    world.must(taken_back(tender)).repeated(approved(tender)).repeated(paid_by(tender, ANOTHER));
    assert_eq!(world.chased(), []);
}

#[test]
fn what_is_paid_while_its_terminal_takes_it_back_is_given_up_and_given_back() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    let tender = first(parcel);
    world.must(sell_by_qr(1, parcel, 10_000)).must(must_not_stand(tender));
    world.must(approved(tender));
    assert_eq!(world.events(), [Event::Declined { tender }, Event::LateApproval { tender }]);
    assert_eq!(world.engine.order(trace(1)).unwrap().state, TenderState::Declined);
    world.repeated(answer(tender, Resolution::Declined { code: *b"68" }));
    assert_eq!(world.chased(), [(1, ChaseKind::PaidLate)]);
    two_batches_later(&mut world);
    assert_eq!(world.chased(), [(1, ChaseKind::PaidLate)]);
    assert_eq!(world.engine.unknown_count(), 0);
}
