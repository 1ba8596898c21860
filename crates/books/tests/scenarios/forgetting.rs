//! Closed parcels are forgotten when their money is final and their time is over, and not before.

use books::chart::AccountKind as A;
use books::*;

use crate::world::*;

fn forget(before: &str) -> Command {
    Command::ForgetClosed(ForgetClosed { before: day(before), limit: RECORDS_PER_COMMAND_MAX })
}

/// Whether there is anything to forget.
fn is_due(world: &World, before: &str) -> bool {
    world.engine.has_anything_to_forget(day(before), 0..world.engine.forget_slots())
}

fn forgotten(world: &World) -> Vec<ParcelId> {
    let events = world.events().iter();
    let forgotten = events.filter_map(|event| match event {
        Event::ParcelForgotten { parcel } => Some(*parcel),
        _ => None,
    });
    forgotten.collect()
}

#[test]
fn what_is_final_is_forgotten_after_half_a_year() {
    let mut world = World::open();
    let paid = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear().id();
    let returned = world.parcel("o-2", 10_000).dispatch().refuse().return_to_seller().id();
    let lost = world.parcel("o-3", 10_000).id();
    world
        .must(Command::LoseParcel(LoseParcel { parcel: lost, paid_by: DamagePayer::Seller }))
        .forget_batch();
    world.on("2014-02-24");
    world.refused(forget("2013-08-29"), bad_date("2013-08-29", "", "2013-08-28"));
    assert!(!is_due(&world, "2013-08-28") && is_due(&world, "2013-08-29"));
    assert!(!world.engine.has_anything_to_forget(day("2013-08-29"), 3..9), "not among those");
    world.must(forget("2013-08-28"));
    assert!(forgotten(&world).is_empty(), "they were handed out on that day, not before it");
    world.on("2014-02-25").must(forget("2013-08-29"));
    assert_eq!(forgotten(&world), [paid, returned, lost]);
    assert!(!is_due(&world, "2013-08-29"));
    assert_eq!(world.engine.known_parcel_count(), 1, "the one that is out");
    let missing = Refusal::NotFound(MissingRecord::Parcel(paid));
    world.refused(charge_back(PaymentId { parcel: paid, number: 1 }, 1, 1), missing);
    // The balances stay.
    assert_eq!(world.sum(A::SellerPayable), 9_922 - 400);
}

#[test]
fn two_persons_set_how_long_closed_parcels_are_kept() {
    let mut world = World::open();
    let lost = world.parcel("o-1", 10_000).id();
    world.must(lose(lost, DamagePayer::Doorstep));
    assert_eq!(world.engine.retention_days(), 180);
    world.refused(set_retention(1, 200, [ANNA, ANNA]), Refusal::SamePerson);
    for days in [0, 119, 3_651, u16::MAX] {
        world.refused(set_retention(1, days, [ANNA, BO]), Refusal::RetentionOutOfRange);
    }
    world.must(set_retention(1, 200, [ANNA, BO])).repeated(set_retention(1, 200, [ANNA, BO]));
    world.refused(set_retention(1, 200, [BO, ANNA]), Refusal::NumberUsed(1));
    // 28 August 2013 and 200 days are 16 March 2014.
    world.on("2014-03-16");
    let too_late = bad_date("2013-08-29", "", "2013-08-28");
    world.refused(forget("2013-08-29"), too_late).must(forget("2013-08-28"));
    assert!(forgotten(&world).is_empty());
    world.on("2014-03-17").must(forget("2013-08-29"));
    assert_eq!(forgotten(&world), [lost]);
    world.must(set_retention(2, 120, [BO, ANNA])).must(set_retention(3, 3_650, [ANNA, BO]));
    // A late duplicate does not set it back.
    world.repeated(set_retention(1, 200, [ANNA, BO]));
    assert_eq!(world.engine.retention_days(), 3_650);
}

#[test]
fn a_shorter_retention_forgets_what_was_kept() {
    let mut world = World::open();
    let lost = world.parcel("o-1", 10_000).id();
    world.must(lose(lost, DamagePayer::Doorstep)).on("2013-12-28");
    world.refused(forget("2013-08-29"), bad_date("2013-08-29", "", "2013-07-01"));
    world.must(set_retention(1, 120, [ANNA, BO])).must(forget("2013-08-29"));
    assert_eq!(forgotten(&world), [lost]);
}

#[test]
fn what_is_not_final_is_remembered() {
    let mut world = World::open();
    let open = world.parcel("o-1", 10_000).dispatch().id();
    let not_cleared = world.parcel("o-2", 10_000).dispatch().card(10_000).approve().id();
    let unknown = world.parcel("o-3", 10_000).dispatch().card(10_000).unknown().cash(10_000).id();
    let refunding =
        world.parcel("o-4", 10_000).dispatch().card(10_000).approve().clear().last_payment();
    world.must(refund(refunding, 1, 100)).forget_batch();
    assert!(!is_due(&world, "2013-10-01"));
    world.on("2014-06-01").must(forget("2013-10-01"));
    assert!(forgotten(&world).is_empty());
    assert_eq!(world.engine.known_parcel_count(), 5);
    world.must(confirm_refund(refunding, 1, 100)).must(forget("2013-10-01"));
    assert_eq!(forgotten(&world), [refunding.parcel]);
    for parcel in [open, not_cleared, unknown] {
        assert!(world.engine.parcel_view(parcel).is_some());
    }
}

#[test]
fn guaranteed_cash_is_remembered_until_the_bank_has_it() {
    // The seller has the money, but the payment still waits for the firm's deposit.
    let mut world = World::set(Setup { guarantee: 10_000, ..Setup::default() });
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(10_000).id();
    world.must(start_hand_over(1)).must(count(1, 10_000)).forget_batch();
    world.on("2014-06-01").must(forget("2013-10-01"));
    assert!(forgotten(&world).is_empty());
    // Another payment does not take its slot.
    world.parcel("o-2", 7_000).dispatch().cash(7_000);
    world.must(deposit(1, 10_000)).must(confirm_deposit(1, 10_000));
    world.must(forget("2013-10-01"));
    assert_eq!(forgotten(&world), [parcel]);
}

#[test]
fn forgetting_goes_on_where_it_stopped() {
    let mut world = World::open();
    for number in 0..5 {
        world.parcel(&format!("o-{number}"), 100).dispatch().card(100).approve().clear();
    }
    world.forget_batch().on("2014-06-01");
    let mut count = 0;
    for _ in 0..5 {
        world.must(Command::ForgetClosed(ForgetClosed { before: day("2013-10-01"), limit: 1 }));
        count += forgotten(&world).len();
    }
    assert_eq!((count, world.engine.known_parcel_count()), (5, 1));
    for limit in [0, RECORDS_PER_COMMAND_MAX + 1] {
        let refusal = Refusal::OutOfRange(RECORDS_PER_COMMAND_MAX);
        world.refused(
            Command::ForgetClosed(ForgetClosed { before: day("2013-10-01"), limit }),
            refusal,
        );
    }
}

#[test]
fn a_parcel_with_several_payments_is_forgotten_whole() {
    let mut world = World::open();
    let steps = world.parcel("o-1", 10_000).dispatch().card(10_000).decline().card(4_000).approve();
    let parcel = steps.clear().qr(6_000).approve().clear().id();
    world.forget_batch().on("2014-06-01").must(forget("2013-10-01"));
    assert_eq!(forgotten(&world), [parcel]);
    // Its slots are reused, and the books still restore from a snapshot.
    world.parcel("o-2", 100).dispatch().card(100).approve();
    let mut parts = Vec::new();
    let written = world.engine.snapshot().write(|part| {
        parts.push(Ok::<_, std::io::Error>(part.to_vec()));
        Ok::<_, std::io::Error>(())
    });
    let digest = written.unwrap();
    let restored = Books::restore(parts, digest).unwrap();
    assert_eq!(restored.digest(), digest);
    assert_eq!(restored.known_parcel_count(), 2);
}

#[test]
fn a_forgotten_payment_leaves_none_of_its_refunds_and_confirmations() {
    let mut world = World::open();
    let steps = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    let payment = steps.last_payment();
    world.fund_bank(300);
    for number in 1..=3 {
        world.must(refund(payment, number, 100)).must(confirm_refund(payment, number, 100));
    }
    world.forget_batch();
    world.on("2014-02-25").must(forget("2013-08-29"));
    assert_eq!(forgotten(&world), [payment.parcel]);
    assert_eq!(world.engine.check(), Ok(()));
}
