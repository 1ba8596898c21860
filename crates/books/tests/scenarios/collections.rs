//! Taking payments at the door and reversing them.

use books::chart::{AccountKind as A, ChartEntry};
use books::view::{ParcelState as S, PaymentState as T};
use books::*;
use money::{Amount, Currency};
use tariff::CardKind;

use crate::world::*;

#[test]
fn a_payment_that_waits_is_reserved_and_in_nobodys_balance() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).last_payment();
    world.expect(&[]);
    let [line] = world.postings[..] else { panic!("one line: {:?}", world.postings) };
    assert_eq!((line.entry, line.stage), (ChartEntry::CardCollected, PostingStage::Reserved));
    assert_eq!(world.engine.unresolved_payments().map(|one| one.id).collect::<Vec<_>>(), [payment]);
}

#[test]
fn a_declined_card_changes_nothing_and_another_payment_pays() {
    let mut world = World::open();
    let steps = world.parcel("o-1", 10_000).dispatch();
    let parcel = steps.card(10_000).decline().card(10_000).decline().qr(10_000).approve().id();
    assert_eq!(world.payment_states(parcel), [T::Declined, T::Declined, T::Approved]);
    assert_eq!(world.view(parcel).state, S::Delivered);
    assert_eq!(world.sum(A::NetworkReceivable), 0);
    assert_eq!(world.sum(A::WalletReceivable), 10_000);
    let first = PaymentId { parcel, number: 1 };
    world.repeated(decline(first));
    world.refused(outcome_unknown(first), Refusal::PaymentState);
}

#[test]
fn an_approval_after_a_decline_is_late_and_moves_nothing() {
    let mut world = World::open();
    for (order, was_unknown) in [("o-1", false), ("o-2", true)] {
        let mut steps = world.parcel(order, 10_000).dispatch().card(10_000);
        if was_unknown {
            steps = steps.unknown();
        }
        let payment = steps.decline().last_payment();
        for _ in 0..2 {
            world.must(approve(payment));
            assert_eq!(world.events(), [Event::LateApproval { payment }]);
        }
        assert_eq!(world.payment(payment).state, T::Declined);
        world.expect(&[]);
        // A late approval is reversed: nothing is left to reverse.
        world.repeated(reverse(payment)).repeated(decline(payment));
    }
    // Nor does it pay a parcel that was paid another way since.
    let parcel = world.parcel("o-3", 10_000).dispatch().card(10_000).decline().cash(10_000).id();
    world.must(approve(PaymentId { parcel, number: 1 }));
    assert_eq!(world.payment_states(parcel), [T::Declined, T::Approved]);
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::CourierCash)), (0, 10_000));
}

#[test]
fn a_decline_after_an_approval_changes_nothing() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    world.refused(decline(payment), Refusal::PaymentState);
    assert_eq!(world.payment(payment).state, T::Approved);
}

#[test]
fn an_unknown_card_payment_blocks_cards_but_neither_wallet_nor_cash() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().card(10_000).unknown().id();
    assert_eq!(world.engine.unknown_count(), 1);
    let next = PaymentId { parcel, number: 2 };
    world.refused(begin_card(next, 10_000), Refusal::EarlierPaymentUnknown);
    // Nor over another network: the first one may still have the money.
    let (network, currency, kind) = (NetworkId(2), Currency::CNY, CardKind::Credit);
    world.must(Command::RegisterNetwork(RegisterNetwork {
        network,
        currency,
        reference: "second".into(),
    }));
    world.refused(
        begin(next, PaymentRoute::Card { network, kind }, 1),
        Refusal::EarlierPaymentUnknown,
    );

    let parcel = world.parcel_steps(parcel).qr(4_000).approve().cash(6_000).id();
    assert_eq!(world.view(parcel).state, S::Delivered);
    // The parcel is closed and the unknown payment's reversal is still pending.
    assert_eq!(world.engine.unknown_count(), 1);
    world.must(reverse(PaymentId { parcel, number: 1 }));
    assert_eq!(world.engine.unknown_count(), 0);
    assert_eq!(world.view(parcel).collected, Amount::of(10_000));
}

#[test]
fn an_unknown_wallet_payment_blocks_the_wallet_but_not_the_card() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().qr(10_000).unknown().id();
    let next = PaymentId { parcel, number: 2 };
    world.refused(begin_qr(next, 10_000), Refusal::EarlierPaymentUnknown);
    world.parcel_steps(parcel).card(10_000).approve();
    assert_eq!(world.view(parcel).state, S::Delivered);
}

#[test]
fn a_card_is_taken_again_once_the_unknown_payment_is_reversed() {
    let mut world = World::open();
    let steps = world.parcel("o-1", 10_000).dispatch().card(10_000).unknown().reverse();
    let parcel = steps.card(10_000).approve().id();
    assert_eq!(world.payment_states(parcel), [T::Reversed, T::Approved]);
    assert_eq!(world.sum(A::NetworkReceivable), 10_000);
}

#[test]
fn a_network_with_too_many_unknown_payments_gets_no_new_ones() {
    let mut world = World::open();
    for number in 0..UNKNOWN_PAYMENTS_PER_NETWORK_MAX {
        let order = format!("o-{number}");
        let parcel = ParcelId::derived(SELLER, &order);
        let sale = sell_at(world.nth_trace(number), parcel, debit_card(), 1);
        let way = [assign(parcel), dispatch(parcel), sale, outcome_unknown(first(parcel))];
        for command in [announce(SELLER, &order, 1)].iter().chain(&way) {
            world.apply_unchecked(command).unwrap();
        }
    }
    let steps = world.parcel("one more", 100).dispatch();
    let payment = PaymentId { parcel: steps.id(), number: 1 };
    world.refused(begin_card(payment, 100), Refusal::TooManyUnknown);
    // The wallet's limit is separate. One reversal makes room for one payment.
    let first = ParcelId::derived(SELLER, "o-0");
    world.must(reverse(PaymentId { parcel: first, number: 1 }));
    world.must(begin_card(payment, 100));
}

#[test]
fn a_late_approval_of_an_unknown_payment_ends_at_zero() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).unknown().last_payment();
    world.must(approve(payment));
    assert_eq!(world.events(), [Event::LateApproval { payment }]);
    world.expect(&[]);
    // The network has approved and nobody acknowledged the reversal: the payment stays unknown.
    assert_eq!(world.payment(payment).state, T::Unknown);
    world.must(reverse(payment));
    world.expect(&[]);
    assert_eq!(world.engine.unknown_count(), 0);
}

#[test]
fn a_late_approval_after_a_reversal_ends_at_zero() {
    let mut world = World::open();
    let payment =
        world.parcel("o-1", 10_000).dispatch().card(10_000).unknown().reverse().last_payment();
    world.must(approve(payment));
    assert_eq!(world.events(), [Event::LateApproval { payment }]);
    world.repeated(reverse(payment));
    world.repeated(outcome_unknown(payment));
    world.expect(&[]);
    assert_eq!(world.payment(payment).state, T::Reversed);
}

#[test]
fn an_unknown_payment_that_turns_out_declined_is_over() {
    let mut world = World::open();
    let steps = world.parcel("o-1", 10_000).dispatch().card(10_000).unknown().decline();
    let parcel = steps.card(10_000).approve().id();
    assert_eq!(world.payment_states(parcel), [T::Declined, T::Approved]);
    assert_eq!(world.engine.unknown_count(), 0);
}

#[test]
fn a_delivered_parcel_is_open_again_after_a_reversal_and_is_collected_once() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().id();
    world.parcel_steps(parcel).reverse();
    assert!(world.events().contains(&Event::ParcelReopened { parcel }));
    assert_eq!(world.view(parcel).state, S::Out);
    world.expect(&[]);
    let next = PaymentId { parcel, number: 2 };
    world.refused(collect_cash(next, 10_001), Refusal::AmountTooLarge(Amount::of(10_000)));
    world.parcel_steps(parcel).cash(10_000);
    assert_eq!(world.view(parcel).state, S::Delivered);
    assert_eq!(world.view(parcel).collected, Amount::of(10_000));
    let third = PaymentId { parcel, number: 3 };
    world.refused(collect_cash(third, 1), Refusal::ParcelState);
}

#[test]
fn of_two_payments_the_reversed_one_alone_is_due_again() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().card(6_000).approve().cash(4_000).id();
    world.must(reverse(PaymentId { parcel, number: 1 }));
    let view = world.view(parcel);
    assert_eq!((view.state, view.due.minor(), view.collected.minor()), (S::Out, 10_000, 4_000));
    world.refused(
        begin_card(PaymentId { parcel, number: 3 }, 6_001),
        Refusal::AmountTooLarge(Amount::of(6_000)),
    );
    world.parcel_steps(parcel).qr(6_000).approve();
    assert_eq!(world.view(parcel).state, S::Delivered);
}

#[test]
fn a_reversal_reverses_the_fees_to_the_fen() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_441).dispatch().qr(10_441).approve().last_payment();
    world.must(reverse(payment));
    world.expect(&[]);
    let moved = world.moved_for(payment);
    let of = |entry| moved.iter().filter(move |line| line.0 == entry).map(|line| line.1);
    assert!(of(ChartEntry::FeeCharged).eq(of(ChartEntry::FeeReversed)));
    assert!(of(ChartEntry::CommissionEarned).eq(of(ChartEntry::CommissionReversed)));
    assert!(of(ChartEntry::QrCollected).eq(of(ChartEntry::CollectionReversed)));
}

#[test]
fn a_refunded_payment_cannot_be_reversed() {
    let mut world = World::open();
    let refunded = world.parcel("o-2", 10_000).dispatch().card(10_000).approve().last_payment();
    world.must(refund(refunded, 1, 1));
    world.refused(reverse(refunded), Refusal::PaymentState);
}

#[test]
fn a_cash_payment_waits_for_no_response() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().cash(10_000).last_payment();
    for command in [approve(payment), decline(payment), outcome_unknown(payment)] {
        world.refused(command, Refusal::PaymentState);
    }
    world.must(reverse(payment));
    for command in [approve(payment), decline(payment), outcome_unknown(payment)] {
        world.refused(command, Refusal::PaymentState);
    }
}

#[test]
fn a_parcel_is_never_collected_twice_however_often_commands_are_repeated() {
    // M2 under retries: each command of a day is repeated after each later command.
    let parcel = ParcelId::derived(SELLER, "o-1");
    let payment = |number| PaymentId { parcel, number };
    let commands = [
        announce(SELLER, "o-1", 10_000),
        assign(parcel),
        dispatch(parcel),
        begin_card(payment(1), 6_000),
        outcome_unknown(payment(1)),
        begin_qr(payment(2), 3_000),
        pay(payment(2)),
        reverse(payment(1)),
        begin_card(payment(3), 5_000),
        approve(payment(3)),
        collect_cash(payment(4), 2_000),
        start_hand_over(1),
        count(1, 2_000),
        deposit(1, 2_000),
        confirm_deposit(1, 2_000),
        clear(payment(3), 5_000, 32),
        clear(payment(2), 3_000, 18),
        plan(1, ANNA),
        approve_plan(1, BO),
        execute(1),
        confirm_payout(1),
    ];
    let mut once = World::open();
    let mut numbered = Vec::new();
    for command in commands {
        let command = once.numbered(command);
        once.must(command.clone());
        numbered.push(command);
    }
    let mut again = World::open();
    for (place, command) in numbered.iter().enumerate() {
        again.must(command.clone());
        for earlier in &numbered[..=place] {
            // Only commands that change no books may be applied again.
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
fn a_parcel_has_a_limited_number_of_payments() {
    let mut world = World::open();
    let mut steps = world.parcel("o-1", 10_000).dispatch();
    for _ in 0..PAYMENTS_PER_PARCEL_MAX {
        steps = steps.cash(10_000).reverse();
    }
    let payment = PaymentId { parcel: steps.id(), number: PAYMENTS_PER_PARCEL_MAX + 1 };
    world.refused(collect_cash(payment, 10_000), Refusal::TooMany(PAYMENTS_PER_PARCEL_MAX));
}

#[test]
fn two_payments_in_flight_never_request_more_than_is_due() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().card(6_000).id();
    let next = PaymentId { parcel, number: 2 };
    world.refused(begin_qr(next, 4_001), Refusal::AmountTooLarge(Amount::of(4_000)));
    world.refused(collect_cash(next, 4_001), Refusal::AmountTooLarge(Amount::of(4_000)));
    world.must(begin_qr(next, 4_000));
    world.must(pay(next)).must(approve(PaymentId { parcel, number: 1 }));
    assert_eq!(world.view(parcel).state, S::Delivered);
}

#[test]
fn only_a_parcel_that_is_out_is_paid_for() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).id();
    let payment = PaymentId { parcel, number: 1 };
    world.refused(begin_card(payment, 10_000), Refusal::ParcelState);
    world.must(assign(parcel)).refused(collect_cash(payment, 10_000), Refusal::ParcelState);
    world.must(dispatch(parcel)).must(refuse(parcel));
    world.refused(collect_cash(payment, 10_000), Refusal::ParcelState);
    world.refused(begin_card(payment, 0), Refusal::AmountZero);
    world.refused(approve(payment), Refusal::NotFound(MissingRecord::Payment));
}
