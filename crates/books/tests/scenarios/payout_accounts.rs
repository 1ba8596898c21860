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
