//! The states of a parcel, from the announcement to its end.

use books::chart::AccountKind as A;
use books::view::{ParcelState as S, PaymentState as T};
use books::*;
use money::{Amount, Currency};

use crate::world::*;

fn parcel_of(order: &str) -> ParcelId {
    ParcelId::derived(SELLER, order)
}

#[test]
fn a_parcel_is_paid_by_card_cleared_and_paid_out() {
    let mut world = World::open();
    let steps = world.parcel("o-1", 10_000).dispatch().card(10_000);
    let parcel = steps.id();
    let payment = steps.last_payment();
    world.expect(&[]);
    world.parcel_steps(parcel).approve();
    assert_eq!(world.view(parcel).state, S::Delivered);
    // 0.55, 0.08 and 0.15 of 100.00.
    let fees = [(A::IssuerFees, 55), (A::NetworkFees, 8), (A::AcquirerFees, 15)];
    let mut books = vec![(A::NetworkReceivable, 10_000), (A::SellerHeld, 9_922)];
    books.extend(fees);
    world.expect(&books);

    world.must(clear(payment, 10_000, 63));
    let mut books = vec![(A::Bank, 9_937), (A::ClearingCost, 63), (A::SellerPayable, 9_922)];
    books.extend(fees);
    world.expect(&books);

    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1)).must(confirm_payout(1));
    // The acquirer's part, Doorstep's own, is left in the bank.
    let mut books = vec![(A::Bank, 15), (A::ClearingCost, 63)];
    books.extend(fees);
    world.expect(&books);
    assert_eq!(world.payment_states(parcel), [T::Released]);
}

#[test]
fn a_parcel_goes_out_three_times_and_then_must_go_back() {
    let mut world = World::open();
    let mut steps = world.parcel("o-1", 10_000);
    for _ in 0..ATTEMPTS_MAX {
        steps = steps.dispatch().attempt();
    }
    let parcel = steps.id();
    assert_eq!(world.view(parcel).attempts, ATTEMPTS_MAX);
    world.refused(dispatch_all(COURIER, &[(parcel, 4)]), Refusal::TooMany(ATTEMPTS_MAX));
    world
        .must(Command::RefuseParcel(RefuseParcel { parcel, reason: RefuseReason::AttemptsUsedUp }));
    assert_eq!(world.view(parcel).state, S::Refused);
}

#[test]
fn a_courier_has_what_is_out_with_him_in_parts() {
    let mut world = World::open();
    let orders = ["o-1", "o-2", "o-3", "o-4", "o-5"];
    for order in orders {
        world.parcel(order, 10_000).dispatch();
    }
    world.parcel_steps(parcel_of("o-2")).card(4_000);
    world.parcel_steps(parcel_of("o-3")).cash(10_000);
    world.parcel_steps(parcel_of("o-4")).attempt();
    let out = |order: &str, left| ParcelOut {
        parcel: parcel_of(order),
        due: Amount::of(10_000),
        left: Amount::of(left),
    };
    let first = world.engine.parcels_out(COURIER, 0, 2);
    assert_eq!(first.parcels, [out("o-1", 10_000), out("o-2", 6_000)]);
    let rest = world.engine.parcels_out(COURIER, first.next.unwrap(), 2);
    assert_eq!(rest, ParcelsOut { parcels: vec![out("o-5", 10_000)], next: None });
    assert_eq!(world.engine.parcels_out(CourierId(99), 0, 2), ParcelsOut::default());
    let snapshot = world.engine.snapshot();
    let mut parts = Vec::new();
    let digest = snapshot.write(|part| {
        parts.push(Ok::<_, std::convert::Infallible>(part.to_vec()));
        Ok::<_, std::convert::Infallible>(())
    });
    let restored = Books::restore(parts, digest.unwrap()).unwrap();
    assert_eq!(restored.parcels_out(COURIER, 0, 2), first, "after a restart");
}

#[test]
fn a_returned_parcel_costs_the_seller_a_fee_that_the_next_payout_pays() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().refuse().return_to_seller().id();
    assert_eq!(world.view(parcel).state, S::Returned);
    world.expect(&[(A::SellerPayable, -400), (A::ReturnFees, 400)]);
    // A seller who owes is in no plan, and the debt stays.
    world.refused(plan(1, ANNA), Refusal::NothingToPay);

    world.parcel("o-2", 10_000).dispatch().card(10_000).approve().clear();
    world.must(plan(1, ANNA));
    let plan = world.engine.open_plan(PlanId(1)).unwrap();
    let line = plan.lines[0].line;
    assert_eq!((line.gross, line.fees, line.refunded, line.returned), (10_000, 478, 0, 0));
    assert_eq!(line.net, Amount::of(9_522));
}

#[test]
fn a_parcel_ends_once_however_often_that_is_repeated() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().refuse().id();
    world.repeated(refuse(parcel));
    world.must(Command::ReturnParcel(ReturnParcel { parcel }));
    world.repeated(Command::ReturnParcel(ReturnParcel { parcel }));
    world.refused(
        Command::LoseParcel(LoseParcel { parcel, paid_by: DamagePayer::Seller }),
        Refusal::ParcelState,
    );
    world.refused(refuse(parcel), Refusal::ParcelState);

    let parcel = world.parcel("o-2", 10_000).dispatch().id();
    world.must(Command::LoseParcel(LoseParcel { parcel, paid_by: DamagePayer::Seller }));
    world.repeated(Command::LoseParcel(LoseParcel { parcel, paid_by: DamagePayer::Seller }));
    world.refused(Command::ReturnParcel(ReturnParcel { parcel }), Refusal::ParcelState);
    world.expect(&[(A::SellerPayable, -400), (A::ReturnFees, 400)]);
}

#[test]
fn a_lost_parcel_costs_nobody_anything_and_takes_no_money() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().id();
    world.must(Command::LoseParcel(LoseParcel { parcel, paid_by: DamagePayer::Seller }));
    assert_eq!(world.view(parcel).state, S::Lost);
    let payment = PaymentId { parcel, number: 1 };
    world.refused(collect_cash(payment, 10_000), Refusal::ParcelState);
    world.expect(&[]);
}

#[test]
fn a_parcel_with_a_pending_payment_is_not_lost_refused_or_brought_back() {
    let mut world = World::open();
    let parcel = world.parcel("o-2", 10_000).dispatch().card(4_000).id();
    let part = accept_part(parcel, 5_000);
    for command in [
        attempt(parcel, 1),
        refuse(parcel),
        Command::LoseParcel(LoseParcel { parcel, paid_by: DamagePayer::Seller }),
        part,
    ] {
        world.refused(command, Refusal::ParcelState);
    }
}

#[test]
fn a_part_of_a_parcel_is_taken_and_only_that_is_due() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().id();
    world.refused(accept_part(parcel, 0), Refusal::AmountZero);
    world.refused(accept_part(parcel, 10_000), Refusal::AmountTooLarge(Amount::of(10_000)));
    world.must(accept_part(parcel, 6_000));
    world.repeated(accept_part(parcel, 6_000));
    world.refused(accept_part(parcel, 7_000), Refusal::AmountTooLarge(Amount::of(6_000)));
    let payment = PaymentId { parcel, number: 1 };
    world.refused(begin_card(payment, 6_001), Refusal::AmountTooLarge(Amount::of(6_000)));
    world.parcel_steps(parcel).card(6_000).approve();
    assert_eq!(world.view(parcel).state, S::Delivered);
    assert_eq!(world.sum(A::NetworkReceivable), 6_000);
}

#[test]
fn a_parcel_is_paid_with_card_wallet_and_cash_together() {
    let mut world = World::open();
    let steps = world.parcel("o-1", 10_000).dispatch();
    let parcel = steps.card(5_000).approve().qr(3_000).approve().cash(2_000).id();
    assert_eq!(world.view(parcel).state, S::Delivered);
    assert_eq!(world.payment_states(parcel), [T::Approved; 3]);
    let taken =
        [(A::NetworkReceivable, 5_000), (A::WalletReceivable, 3_000), (A::CourierCash, 2_000)];
    // By card 28, 4, 8 (of 27.5, 4 and 7.5). By wallet 18, a commission of 20, a fee of 50. In cash
    // what is left of the parcel's commission of 100 and fee of 200: 80 and 150.
    let fees = [
        (A::IssuerFees, 28),
        (A::NetworkFees, 4),
        (A::AcquirerFees, 8),
        (A::WalletFees, 18),
        (A::FirmCommission, 100),
        (A::CodFees, 200),
    ];
    let mut books = vec![(A::SellerHeld, 10_000 - 358)];
    books.extend(taken);
    books.extend(fees);
    world.expect(&books);
}

#[test]
fn only_the_courier_who_has_the_parcel_takes_its_money() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().id();
    let terminal = COLLEAGUES_TERMINAL;
    world.must(Command::OpenBatch(OpenBatch { terminal, batch: 1 }));
    let trace = Trace { terminal, batch: 1, stan: Stan::MIN };
    let hand_to = |number, courier| hand_terminal(terminal, number, courier);
    let in_cash = take_cash_at(trace, parcel, 10_000, 10_000);
    let by_qr = sell_at(trace, parcel, PaymentRoute::Qr { wallet: WALLET }, 10_000);
    world.refused(in_cash.clone(), Refusal::WrongCourier);
    world.refused(by_qr.clone(), Refusal::WrongCourier);
    world.must(hand_to(1, OTHER_FIRMS_COURIER)).refused(in_cash, Refusal::WrongCourier);
    // The terminal's current courier counts.
    world.must(hand_to(2, COURIER)).must(by_qr);
}

#[test]
fn a_parcel_goes_out_with_a_courier_of_its_firm_only() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).id();
    world.refused(dispatch(parcel), Refusal::ParcelState);
    world.must(assign(parcel));
    world.refused(dispatch_with(OTHER_FIRMS_COURIER, parcel), Refusal::WrongCourier);
    world.must(assign_all(OTHER_FIRM, &[(parcel, 2)]));
    world.refused(dispatch(parcel), Refusal::WrongCourier);
    world.must(dispatch_with(OTHER_FIRMS_COURIER, parcel));
    world.refused(assign_all(FIRM, &[(parcel, 3)]), Refusal::ParcelState);
}

#[test]
fn all_parcels_of_a_list_go_out_or_none() {
    let mut world = World::open();
    let first = world.parcel("o-1", 10_000).id();
    let second = world.parcel("o-2", 10_000).id();
    world.must(assign(first));
    world.refused(dispatch_all(COURIER, &[(first, 1), (second, 1)]), Refusal::ParcelState);
    assert_eq!(world.view(first).state, S::Assigned);
    world.refused(assign_all(FIRM, &[]), Refusal::OutOfRange(1_000));
    let many = vec![(first, 2); PARCELS_PER_COMMAND_MAX + 1];
    world.refused(assign_all(FIRM, &many), Refusal::OutOfRange(1_000));
}

#[test]
fn a_blocked_terminal_takes_no_money_but_the_couriers_other_terminal_does() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().id();
    let block = |number, blocked| block_terminal(SIGNED_ON, number, blocked);
    world.must(block(1, true)).repeated(block(1, true));
    let payment = PaymentId { parcel, number: 1 };
    world.refused(begin_card(payment, 10_000), Refusal::TerminalBlocked);
    world.refused(begin_qr(payment, 10_000), Refusal::TerminalBlocked);
    world.refused(collect_cash(payment, 10_000), Refusal::TerminalBlocked);
    world.must(open_batch(1)).must(take_cash(1, parcel, 4_000, 4_000));
    world.must(block(2, false)).repeated(block(1, true));
    world.parcel_steps(parcel).card(6_000).approve();
    assert_eq!(world.view(parcel).state, S::Delivered);
}

#[test]
fn a_payment_that_was_begun_ends_even_on_a_terminal_that_was_blocked_since() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().card(10_000).id();
    world.must(block_terminal(SIGNED_ON, 1, true));
    world.parcel_steps(parcel).approve();
    assert_eq!(world.view(parcel).state, S::Delivered);
}

#[test]
fn a_parcel_announced_twice_is_one_parcel_and_another_amount_is_a_mistake() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).id();
    world.repeated(announce(SELLER, "o-1", 10_000));
    world.refused(announce(SELLER, "o-1", 10_001), Refusal::IdentifierTaken);
    let theirs = Command::AnnounceParcel(AnnounceParcel {
        parcel,
        seller: OTHER_SELLER,
        currency: Currency::CNY,
        due: Amount::of(10_000),
        reference: "o-1".into(),
        shipment: 1,
    });
    world.refused(theirs.clone(), Refusal::IdentifierTaken);
    world.parcel_steps(parcel).dispatch().cash(10_000);
    world.repeated(announce(SELLER, "o-1", 10_000));
    world.refused(theirs, Refusal::IdentifierTaken);
    assert_eq!(world.engine.known_parcel_count(), 1);
}

#[test]
fn a_parcel_in_a_currency_without_an_account_is_refused() {
    let mut world = World::open();
    let in_currency = |currency| {
        Command::AnnounceParcel(AnnounceParcel {
            parcel: parcel_of("o-1"),
            seller: SELLER,
            currency,
            due: Amount::of(10_000),
            reference: "o-1".into(),
            shipment: 1,
        })
    };
    let refusal = Refusal::CurrencyWithoutAccount(Currency::BRL);
    world.refused(in_currency(Currency::BRL), refusal.clone());
    // A bank account in the currency is not enough: this seller sells in CNY.
    let reference = String::from("bank in Brazil");
    world.must(Command::RegisterBank(RegisterBank {
        bank: BankId(2),
        currency: Currency::BRL,
        reference,
    }));
    world.refused(in_currency(Currency::BRL), refusal);
    world.must(in_currency(Currency::CNY));
}

#[test]
fn nothing_is_announced_without_an_amount_a_seller_and_a_plain_reference() {
    let mut world = World::open();
    world.refused(announce(SELLER, "o-1", 0), Refusal::AmountZero);
    let nobody = SellerId(77);
    world.refused(announce(nobody, "o-1", 1), Refusal::NotFound(MissingRecord::Seller(nobody)));
    let longest = "x".repeat(REFERENCE_BYTES_MAX);
    world.must(announce(SELLER, &longest, 1));
    for (reference, fault) in [
        ("", TextFault::Length),
        (&format!("{longest}x"), TextFault::Length),
        (" \u{3000}", TextFault::Blank),
        ("two\nlines", TextFault::Invisible('\n')),
        ("\u{202E}abc", TextFault::Invisible('\u{202E}')),
    ] {
        let refusal = Refusal::BadText("reference", fault);
        world.refused(announce(SELLER, reference, 1), refusal);
    }
    // Another system made the order's number. It may look like a card's.
    world.must(announce(SELLER, "4111111111111111", 1));
}

#[test]
fn nothing_happens_before_the_books_are_open_and_nothing_in_the_past() {
    let mut world = World::empty();
    let bank = Command::RegisterBank(RegisterBank {
        bank: BANK,
        currency: Currency::CNY,
        reference: "bank".into(),
    });
    world.refused(bank.clone(), Refusal::BooksNotOpen);
    let far = UTC_OFFSET_MINUTES_MAX + 1;
    world.refused(open_books_at(far, [ANNA, BO]), Refusal::OffsetOutOfRange);
    world.must(open_books()).repeated(open_books());
    world.refused(open_books_at(0, [ANNA, BO]), Refusal::BooksNotOpen);
    world.at = Timestamp(world.at.0 - 1);
    world.refused(bank, Refusal::TimeBackwards);
}

#[test]
fn a_repeated_attempt_uses_up_one() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().attempt().id();
    // Before it goes out again, and while it is out.
    let again = |attempt| dispatch_all(COURIER, &[(parcel, attempt)]);
    world.repeated(attempt(parcel, 1)).must(again(2)).repeated(attempt(parcel, 1));
    assert_eq!((world.view(parcel).state, world.view(parcel).attempts), (S::Out, 1));
    for number in [0, 3, u8::MAX] {
        world.refused(attempt(parcel, number), Refusal::WrongSequenceNumber(2));
    }
    world.must(attempt(parcel, 2)).must(again(3)).repeated(attempt(parcel, 2));
    world.must(attempt(parcel, 3)).repeated(attempt(parcel, 1)).repeated(attempt(parcel, 3));
    assert_eq!(world.view(parcel).attempts, ATTEMPTS_MAX);
    world.refused(dispatch_all(COURIER, &[(parcel, 4)]), Refusal::TooMany(ATTEMPTS_MAX));
}

#[test]
fn the_attempts_of_a_closed_parcel_are_kept_and_a_reopened_one_has_them_again() {
    let mut world = World::open();
    let parcel =
        world.parcel("o-1", 10_000).dispatch().attempt().dispatch().attempt().dispatch().id();
    world.parcel_steps(parcel).card(4_000).decline().card(10_000).approve();
    assert_eq!((world.view(parcel).state, world.view(parcel).attempts), (S::Delivered, 2));
    world.parcel_steps(parcel).reverse();
    assert_eq!((world.view(parcel).state, world.view(parcel).attempts), (S::Out, 2));
    world.repeated(attempt(parcel, 2)).must(attempt(parcel, 3));
    world.refused(dispatch_all(COURIER, &[(parcel, 4)]), Refusal::TooMany(ATTEMPTS_MAX));
    world.parcel_steps(parcel).refuse().return_to_seller();
    assert_eq!((world.view(parcel).state, world.view(parcel).attempts), (S::Returned, 3));
}
