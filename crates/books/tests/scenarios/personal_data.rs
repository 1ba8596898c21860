//! Whose personal data were shown, and whose were erased.

use books::*;
use money::{Amount, Currency};

use super::snapshots::restored;
use crate::world::*;

const SELLERS: [DataSubject; 2] = [DataSubject::Seller(SELLER), DataSubject::Seller(OTHER_SELLER)];

#[test]
fn a_disclosure_names_known_subjects_and_data_that_they_have() {
    let mut world = World::open();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let kind = PersonalDataKind::Delivery;
    let buyer = [DataSubject::Buyer(parcel)];
    world.must(record_disclosure(1, &buyer, kind)).repeated(record_disclosure(1, &buyer, kind));
    world.refused(
        record_disclosure(1, &SELLERS, PersonalDataKind::Identity),
        Refusal::NumberUsed(1),
    );
    world.refused(record_disclosure(3, &buyer, kind), Refusal::WrongSequenceNumber(2));
    world.refused(record_disclosure(2, &[], kind), Refusal::OutOfRange(10_000));
    world.refused(record_disclosure(2, &SELLERS, kind), Refusal::OtherPersonalData);
    let payout = PersonalDataKind::PayoutAccount;
    world.refused(record_disclosure(2, &buyer, payout), Refusal::OtherPersonalData);
    let unknown = SellerId(99);
    world.refused(
        record_disclosure(2, &[SELLERS[0], DataSubject::Seller(unknown)], payout),
        Refusal::NotFound(MissingRecord::Seller(unknown)),
    );
    let unknown = ParcelId::new(99);
    world.refused(
        record_disclosure(2, &[DataSubject::Buyer(unknown)], kind),
        Refusal::NotFound(MissingRecord::Parcel(unknown)),
    );
    let many = vec![SELLERS[0]; DISCLOSED_SUBJECTS_MAX + 1];
    world.refused(record_disclosure(2, &many, payout), Refusal::OutOfRange(10_000));
    world.must(record_disclosure(2, &many[1..], payout));
}

#[test]
fn notices_are_sent_again_to_whom_the_books_know() {
    use NoticeOwner as O;
    let mut world = World::open();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let known = [O::Seller(SELLER), O::Firm(FIRM), O::Courier(COURIER), O::Buyer(parcel)];
    for owner in known.into_iter().chain([O::Staff, O::Public]) {
        // It has no number: the same again is another time.
        let retry = retry_notices(owner, Some(3), true);
        world.must(retry.clone()).must(retry);
    }
    let (seller, firm, courier) = (SellerId(99), FirmId(99), CourierId(99));
    let unknown = ParcelId::new(99);
    for (owner, missing) in [
        (O::Seller(seller), MissingRecord::Seller(seller)),
        (O::Firm(firm), MissingRecord::Firm(firm)),
        (O::Courier(courier), MissingRecord::Courier(courier)),
        (O::Buyer(unknown), MissingRecord::Parcel(unknown)),
    ] {
        world.refused(retry_notices(owner, None, false), Refusal::NotFound(missing));
    }
}

#[test]
fn a_seller_is_erased_when_no_money_is_on_its_way_and_the_payout_account_ends() {
    let mut world = World::open();
    let erase = |ordered_by| erase_subject(1, SELLERS[0], ordered_by, [ANNA, BO]);
    world.parcel_of(SELLER, "o-1", 10_000).dispatch();
    world.refused(erase(None), Refusal::SellerHasOpenParcels);
    world.parcel_of(SELLER, "o-2", 10_000).dispatch().card(10_000).approve();
    assert!(matches!(world.apply(&erase(None)), Err(Refusal::MoneyForSubject(_))));
    world.must(set_payout_account(1, 7, [ANNA, BO]));
    let one_person = erase_subject(1, SELLERS[0], None, [ANNA, ANNA]);
    world.refused(one_person, Refusal::SamePerson);
    // The law comes before the money.
    let ordered = || erase(Some(ErasureOrder::Court));
    world.must(ordered()).repeated(ordered());
    world.refused(erase(None), Refusal::NumberUsed(1));
    assert_eq!(world.engine.payout_account(SELLER, Currency::CNY), None);
    // The other one has nothing to come.
    world.must(erase_subject(2, SELLERS[1], None, [ANNA, BO]));
    // A new account can be entered: the books say that it is another one.
    world.refused(set_payout_account(2, 7, [ANNA, BO]), Refusal::NumberUsed(2));
    world.must(set_payout_account(3, 8, [ANNA, BO]));
    let erasures = |books: &Books| books.latest_erasures().collect::<Vec<_>>();
    assert_eq!(erasures(&world.engine), [(1, SELLERS[0]), (2, SELLERS[1])]);
    assert_eq!(erasures(&restored(&world.engine)), [(1, SELLERS[0]), (2, SELLERS[1])]);
}

#[test]
fn a_seller_is_not_erased_while_a_payout_is_on_its_way() {
    let mut world = World::open();
    world.parcel_of(SELLER, "o-1", 10_000).dispatch().card(10_000).approve().clear();
    world.must(set_payout_account(1, 7, [ANNA, BO]));
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1));
    let erase = || erase_subject(1, SELLERS[0], None, [ANNA, BO]);
    world.refused(erase(), Refusal::PayoutOnItsWay(PayoutId(1)));
    world.must(confirm_payout(1)).must(erase());
}

#[test]
fn a_buyer_is_erased_when_the_parcel_is_closed_and_no_refund_is_owed() {
    let mut world = World::open();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let erase = || erase_subject(1, DataSubject::Buyer(parcel), None, [ANNA, BO]);
    world.refused(erase(), Refusal::ParcelState);
    world.must(lose(parcel, DamagePayer::Doorstep)).must(erase());
    let id = {
        let parcel = world.parcel_of(SELLER, "o-2", 10_000).dispatch().card(10_000).approve();
        parcel.clear().id()
    };
    let payment = PaymentId { parcel: id, number: 1 };
    world.must(refund(payment, 1, 4_000));
    let erase = || erase_subject(2, DataSubject::Buyer(id), None, [ANNA, BO]);
    world.refused(erase(), Refusal::MoneyForSubject(Amount::of(4_000)));
    world.must(erase_subject(2, DataSubject::Buyer(id), Some(ErasureOrder::Authority), [ANNA, BO]));
    let unknown = ParcelId::new(99);
    world.refused(
        erase_subject(3, DataSubject::Buyer(unknown), Some(ErasureOrder::Court), [ANNA, BO]),
        Refusal::NotFound(MissingRecord::Parcel(unknown)),
    );
}
