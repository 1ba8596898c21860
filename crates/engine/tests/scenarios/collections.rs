//! Taking money at the door, and taking it back.

use engine::chart::{AccountKind as A, Entry};
use engine::view::{ParcelState as S, TenderState as T};
use engine::*;
use money::{Amount, Currency};
use tariff::CardKind;

use crate::world::*;

#[test]
fn a_payment_that_waits_is_reserved_and_in_nobodys_balance() {
    let mut world = World::open();
    let tender = world.parcel("o-1", 10_000).out().card(10_000).last();
    world.expect(&[]);
    let [line] = world.postings[..] else { panic!("one line: {:?}", world.postings) };
    assert_eq!((line.entry, line.stage), (Entry::CardCollected, Stage::Reserved));
    assert_eq!(world.engine.unresolved().map(|one| one.id).collect::<Vec<_>>(), [tender]);
}

#[test]
fn a_declined_card_leaves_no_trace_and_another_tender_pays() {
    let mut world = World::open();
    let door = world.parcel("o-1", 10_000).out();
    let parcel = door.card(10_000).decline().card(10_000).decline().qr(10_000).approve().id();
    assert_eq!(world.tenders(parcel), [T::Declined, T::Declined, T::Approved]);
    assert_eq!(world.view(parcel).state, S::Delivered);
    assert_eq!(world.sum(A::NetworkReceivable), 0);
    assert_eq!(world.sum(A::WalletReceivable), 10_000);
    let first = TenderId { parcel, number: 1 };
    world.repeated(decline(first));
    world.refused(unknown(first), Refusal::TenderState);
}

#[test]
fn an_approval_after_a_decline_is_late_and_moves_nothing() {
    let mut world = World::open();
    for (order, was_unknown) in [("o-1", false), ("o-2", true)] {
        let mut door = world.parcel(order, 10_000).out().card(10_000);
        if was_unknown {
            door = door.unknown();
        }
        let tender = door.decline().last();
        for _ in 0..2 {
            world.must(approve(tender));
            assert_eq!(world.events(), [Event::LateApproval { tender }]);
        }
        assert_eq!(world.tender(tender).state, T::Declined);
        world.expect(&[]);
        // Whoever sees the approval reverses it: there is nothing to be taken back.
        world.repeated(reverse(tender)).repeated(decline(tender));
    }
    // Nor does it pay a parcel that was paid otherwise since.
    let parcel = world.parcel("o-3", 10_000).out().card(10_000).decline().cash(10_000).id();
    world.must(approve(TenderId { parcel, number: 1 }));
    assert_eq!(world.tenders(parcel), [T::Declined, T::Approved]);
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::CourierCash)), (0, 10_000));
}

#[test]
fn a_decline_after_an_approval_changes_nothing() {
    let mut world = World::open();
    let tender = world.parcel("o-1", 10_000).out().card(10_000).approve().last();
    world.refused(decline(tender), Refusal::TenderState);
    assert_eq!(world.tender(tender).state, T::Approved);
}

#[test]
fn an_unknown_card_payment_blocks_cards_but_neither_wallet_nor_cash() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).out().card(10_000).unknown().id();
    assert_eq!(world.engine.unknown_count(), 1);
    let next = TenderId { parcel, number: 2 };
    world.refused(card(next, 10_000), Refusal::UnknownOutcome);
    // Not over another network either: the first one may still have the money.
    let (network, currency, kind) = (NetworkId(2), Currency::CNY, CardKind::Credit);
    world.must(Command::RegisterNetwork { network, currency, reference: "second".into() });
    world.refused(begin(next, Method::Card { network, kind }, 1), Refusal::UnknownOutcome);

    let parcel = world.door(parcel).qr(4_000).approve().cash(6_000).id();
    assert_eq!(world.view(parcel).state, S::Delivered);
    // The parcel is closed, and the unknown payment is still chased.
    assert_eq!(world.engine.unknown_count(), 1);
    world.must(reverse(TenderId { parcel, number: 1 }));
    assert_eq!(world.engine.unknown_count(), 0);
    assert_eq!(world.view(parcel).collected, Amount::of(10_000));
}

#[test]
fn an_unknown_wallet_payment_blocks_the_wallet_but_not_the_card() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).out().qr(10_000).unknown().id();
    let next = TenderId { parcel, number: 2 };
    world.refused(qr(next, 10_000), Refusal::UnknownOutcome);
    world.door(parcel).card(10_000).approve();
    assert_eq!(world.view(parcel).state, S::Delivered);
}

#[test]
fn a_card_is_taken_again_once_the_unknown_payment_is_reversed() {
    let mut world = World::open();
    let door = world.parcel("o-1", 10_000).out().card(10_000).unknown().reverse();
    let parcel = door.card(10_000).approve().id();
    assert_eq!(world.tenders(parcel), [T::Reversed, T::Approved]);
    assert_eq!(world.sum(A::NetworkReceivable), 10_000);
}

#[test]
fn a_network_with_too_many_unknown_payments_gets_no_new_ones() {
    let mut world = World::open();
    for number in 0..UNKNOWN_PER_NETWORK_MAX {
        let order = format!("o-{number}");
        let parcel = ParcelId::derived(SELLER, &order);
        let tender = TenderId { parcel, number: 1 };
        let way = [assign(parcel), dispatch(parcel), card(tender, 1), unknown(tender)];
        for command in [announce(SELLER, &order, 1)].iter().chain(&way) {
            world.apply_unchecked(command).unwrap();
        }
    }
    let door = world.parcel("one more", 100).out();
    let tender = TenderId { parcel: door.id(), number: 1 };
    world.refused(card(tender, 100), Refusal::TooManyUnknown);
    // The wallet is another's; and one reversal makes room for one payment.
    let first = ParcelId::derived(SELLER, "o-0");
    world.must(reverse(TenderId { parcel: first, number: 1 }));
    world.must(card(tender, 100));
}

#[test]
fn a_late_approval_of_an_unknown_payment_ends_at_zero() {
    let mut world = World::open();
    let tender = world.parcel("o-1", 10_000).out().card(10_000).unknown().last();
    world.must(approve(tender));
    assert_eq!(world.events(), [Event::LateApproval { tender }]);
    world.expect(&[]);
    // The network has it, and nobody has acknowledged the reversal: it stays unknown.
    assert_eq!(world.tender(tender).state, T::Unknown);
    world.must(reverse(tender));
    world.expect(&[]);
    assert_eq!(world.engine.unknown_count(), 0);
}

#[test]
fn a_late_approval_after_a_reversal_ends_at_zero() {
    let mut world = World::open();
    let tender = world.parcel("o-1", 10_000).out().card(10_000).unknown().reverse().last();
    world.must(approve(tender));
    assert_eq!(world.events(), [Event::LateApproval { tender }]);
    world.repeated(reverse(tender));
    world.repeated(unknown(tender));
    world.expect(&[]);
    assert_eq!(world.tender(tender).state, T::Reversed);
}

#[test]
fn an_unknown_payment_that_turns_out_declined_is_over() {
    let mut world = World::open();
    let door = world.parcel("o-1", 10_000).out().card(10_000).unknown().decline();
    let parcel = door.card(10_000).approve().id();
    assert_eq!(world.tenders(parcel), [T::Declined, T::Approved]);
    assert_eq!(world.engine.unknown_count(), 0);
}

#[test]
fn a_delivered_parcel_is_open_again_after_a_reversal_and_is_collected_once() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).out().card(10_000).approve().id();
    world.door(parcel).reverse();
    assert!(world.events().contains(&Event::Reopened { parcel }));
    assert_eq!(world.view(parcel).state, S::Out);
    world.expect(&[]);
    let next = TenderId { parcel, number: 2 };
    world.refused(cash(next, 10_001), Refusal::AmountTooLarge(Amount::of(10_000)));
    world.door(parcel).cash(10_000);
    assert_eq!(world.view(parcel).state, S::Delivered);
    assert_eq!(world.view(parcel).collected, Amount::of(10_000));
    let third = TenderId { parcel, number: 3 };
    world.refused(cash(third, 1), Refusal::ParcelState);
}

#[test]
fn of_two_payments_the_reversed_one_alone_is_due_again() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).out().card(6_000).approve().cash(4_000).id();
    world.must(reverse(TenderId { parcel, number: 1 }));
    let view = world.view(parcel);
    assert_eq!((view.state, view.due.minor(), view.collected.minor()), (S::Out, 10_000, 4_000));
    world.refused(
        card(TenderId { parcel, number: 3 }, 6_001),
        Refusal::AmountTooLarge(Amount::of(6_000)),
    );
    world.door(parcel).qr(6_000).approve();
    assert_eq!(world.view(parcel).state, S::Delivered);
}

#[test]
fn a_reversal_takes_back_the_fees_to_the_fen() {
    let mut world = World::open();
    let tender = world.parcel("o-1", 10_441).out().qr(10_441).approve().last();
    world.must(reverse(tender));
    world.expect(&[]);
    let moved = world.moved(tender);
    let of = |entry| moved.iter().filter(move |line| line.0 == entry).map(|line| line.1);
    assert!(of(Entry::FeeCharged).eq(of(Entry::FeeReversed)));
    assert!(of(Entry::CommissionEarned).eq(of(Entry::CommissionReversed)));
    assert!(of(Entry::QrCollected).eq(of(Entry::CollectionReversed)));
}

#[test]
fn what_is_cleared_or_refunded_is_reversed_no_more() {
    let mut world = World::open();
    let cleared = world.parcel("o-1", 10_000).out().card(10_000).approve().clear().last();
    world.refused(reverse(cleared), Refusal::TenderState);
    let refunded = world.parcel("o-2", 10_000).out().card(10_000).approve().last();
    world.must(refund(refunded, 1, 1));
    world.refused(reverse(refunded), Refusal::TenderState);
}

#[test]
fn a_cash_payment_has_no_answer_to_wait_for() {
    let mut world = World::open();
    let tender = world.parcel("o-1", 10_000).out().cash(10_000).last();
    for command in [approve(tender), decline(tender), unknown(tender)] {
        world.refused(command, Refusal::TenderState);
    }
    world.must(reverse(tender));
    for command in [approve(tender), decline(tender), unknown(tender)] {
        world.refused(command, Refusal::TenderState);
    }
}

#[test]
fn a_parcel_is_never_collected_twice_however_often_everything_is_said() {
    // M2 under retries: each command of a day is said again at each later moment of it.
    let parcel = ParcelId::derived(SELLER, "o-1");
    let tender = |number| TenderId { parcel, number };
    let commands = [
        announce(SELLER, "o-1", 10_000),
        assign(parcel),
        dispatch(parcel),
        card(tender(1), 6_000),
        unknown(tender(1)),
        qr(tender(2), 3_000),
        approve(tender(2)),
        reverse(tender(1)),
        card(tender(3), 5_000),
        approve(tender(3)),
        cash(tender(4), 2_000),
        start_hand_over(1),
        count(1, 2_000),
        deposit(1, 2_000),
        confirm_deposit(1, 2_000),
        clear(tender(3), 5_000, 32),
        clear(tender(2), 3_000, 18),
        plan(1, ANNA),
        approve_plan(1, BO),
        execute(1),
        confirm_payout(1),
    ];
    let mut once = World::open();
    for command in &commands {
        once.must(command.clone());
    }
    let mut again = World::open();
    for (place, command) in commands.iter().enumerate() {
        again.must(command.clone());
        for earlier in &commands[..=place] {
            // Only what changes no books may be carried out again.
            if again.apply(earlier).is_ok() {
                let moved = again.outcome.postings.len();
                assert_eq!(moved, 0, "{earlier:?} again after {command:?}\n{}", again.books());
            }
        }
    }
    assert!(once.engine.accounts().eq(again.engine.accounts()));
    assert_eq!(again.view(parcel).collected, Amount::of(10_000));
}

#[test]
fn a_tender_number_is_used_once_and_in_order() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).out().card(5_000).id();
    let tender = |number| TenderId { parcel, number };
    world.repeated(card(tender(1), 5_000));
    world.refused(card(tender(1), 5_001), Refusal::IdentifierTaken);
    world.refused(qr(tender(1), 5_000), Refusal::IdentifierTaken);
    world.refused(cash(tender(1), 5_000), Refusal::IdentifierTaken);
    for number in [0, 3, 255] {
        world.refused(card(tender(number), 1), Refusal::WrongNumber(2));
    }
}

#[test]
fn a_parcel_sees_no_more_than_so_many_tenders() {
    let mut world = World::open();
    let mut door = world.parcel("o-1", 10_000).out();
    for _ in 0..TENDERS_MAX {
        door = door.card(10_000).decline();
    }
    let tender = TenderId { parcel: door.id(), number: TENDERS_MAX + 1 };
    world.refused(cash(tender, 10_000), Refusal::TooMany(TENDERS_MAX));
}

#[test]
fn two_payments_in_flight_never_ask_for_more_than_is_due() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).out().card(6_000).id();
    let next = TenderId { parcel, number: 2 };
    world.refused(qr(next, 4_001), Refusal::AmountTooLarge(Amount::of(4_000)));
    world.refused(cash(next, 4_001), Refusal::AmountTooLarge(Amount::of(4_000)));
    world.must(qr(next, 4_000));
    world.must(approve(next)).must(approve(TenderId { parcel, number: 1 }));
    assert_eq!(world.view(parcel).state, S::Delivered);
}

#[test]
fn only_a_parcel_that_is_out_is_paid_for() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).id();
    let tender = TenderId { parcel, number: 1 };
    world.refused(card(tender, 10_000), Refusal::ParcelState);
    world.must(assign(parcel)).refused(cash(tender, 10_000), Refusal::ParcelState);
    world.must(dispatch(parcel)).must(refuse(parcel));
    world.refused(cash(tender, 10_000), Refusal::ParcelState);
    world.refused(card(tender, 0), Refusal::AmountZero);
    world.refused(approve(tender), Refusal::NotFound(Missing::Tender));
}
