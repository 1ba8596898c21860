//! Which account in the vault a seller is paid to.

use books::*;
use money::Currency;

use super::snapshots::restored;
use crate::world::*;

fn account(world: &World) -> Option<(u32, u8)> {
    let view = world.engine.payout_account(SELLER, Currency::CNY)?;
    Some((view.number, view.digest.0[0]))
}

#[test]
fn two_people_set_a_payout_account_and_the_last_one_holds() {
    let mut world = World::open();
    assert_eq!(account(&world), None);
    let set = set_payout_account;
    world.refused(set(2, 7, [ANNA, BO]), Refusal::WrongSequenceNumber(1));
    world.refused(set(1, 7, [ANNA, ANNA]), Refusal::SamePerson);
    world.refused(set(1, 7, [ANNA, GONE]), Refusal::PersonNotRegistered(GONE));
    world.must(set(1, 7, [ANNA, BO])).repeated(set(1, 7, [ANNA, BO]));
    world.refused(set(1, 8, [ANNA, BO]), Refusal::NumberUsed(1));
    world.refused(set(1, 7, [BO, ANNA]), Refusal::NumberUsed(1));
    assert_eq!(account(&world), Some((1, 7)));
    world.must(set(2, 8, [BO, CASHIER])).must(set(3, 7, [ANNA, BO]));
    assert_eq!(account(&world), Some((3, 7)));
    assert_eq!(restored(&world.engine).payout_account(SELLER, Currency::CNY).unwrap().number, 3);
}

#[test]
fn two_people_erase_the_account_in_force_and_the_seller_has_none() {
    let mut world = World::open();
    let (set, erase) = (set_payout_account, erase_payout_account);
    let none = Refusal::NotFound(MissingRecord::PayoutAccount);
    world.refused(erase(1, 7, [ANNA, BO]), none.clone());
    world.must(set(1, 7, [ANNA, BO]));
    world.refused(erase(2, 8, [ANNA, BO]), none.clone());
    world.refused(erase(2, 7, [ANNA, ANNA]), Refusal::SamePerson);
    world.refused(erase(1, 7, [ANNA, BO]), Refusal::NumberUsed(1));
    world.must(erase(2, 7, [ANNA, BO])).repeated(erase(2, 7, [ANNA, BO]));
    assert_eq!(account(&world), None);
    world.refused(set(2, 7, [ANNA, BO]), Refusal::NumberUsed(2));
    world.refused(erase(3, 7, [ANNA, BO]), none);
    assert_eq!(restored(&world.engine).payout_account(SELLER, Currency::CNY), None);
    // A new account can be set, also the same one.
    world.must(set(3, 7, [BO, ANNA]));
    assert_eq!(account(&world), Some((3, 7)));
}

#[test]
fn an_account_is_not_erased_while_a_payout_is_on_its_way_to_it() {
    let mut world = World::open();
    for (seller, order) in [(SELLER, "o-1"), (OTHER_SELLER, "o-2")] {
        world.parcel_of(seller, order, 10_000).dispatch().card(10_000).approve().clear();
    }
    world.must(set_payout_account(1, 7, [ANNA, BO]));
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1));
    let erase = || erase_payout_account(2, 7, [ANNA, BO]);
    world.refused(erase(), Refusal::PayoutOnItsWay(PayoutId(1)));
    // The other seller's payout, which is still on its way, does not matter.
    world.must(confirm_payout(1)).must(erase());
    assert_eq!(account(&world), None);
    // The payout can come back all the same.
    world.must(return_payout(1));
}

#[test]
fn only_a_seller_with_an_account_in_the_currency_has_a_payout_account() {
    let mut world = World::open();
    let Command::SetPayoutAccount(one) = set_payout_account(1, 7, [ANNA, BO]) else {
        unreachable!()
    };
    let seller = SellerId(99);
    world.refused(
        Command::SetPayoutAccount(SetPayoutAccount { seller, ..one }),
        Refusal::NotFound(MissingRecord::Seller(seller)),
    );
    let currency = Currency::BRL;
    world.refused(
        Command::SetPayoutAccount(SetPayoutAccount { currency, ..one }),
        Refusal::CurrencyWithoutAccount(currency),
    );
}
