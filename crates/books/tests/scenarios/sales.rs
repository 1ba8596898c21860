//! Sales at a terminal: requested once, answered once, and repeats get the same response.

use books::chart::AccountKind as A;
use books::terminal_view::PendingRequestKind;
use books::view::{ParcelState as S, PaymentState as T};
use books::*;
use money::{Amount, Currency};
use tariff::CardKind;

use crate::world::*;

/// A world whose terminal has signed on.
pub fn signed_on() -> World {
    let mut world = World::open();
    world.must(open_batch(1));
    world
}

#[test]
fn a_sale_is_reserved_queued_and_posted_like_any_collection() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(1, parcel, 10_000));
    let routed = Event::PaymentRouted { payment: first(parcel), route_candidates: only_route() };
    assert_eq!(world.events(), [Event::PaymentBegun { payment: first(parcel) }, routed]);
    world.expect(&[]);
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::Purchase)]);
    assert_eq!(world.response_to(1), None);

    world.must(approve(first(parcel)));
    assert_eq!(world.view(parcel).state, S::Delivered);
    assert_eq!(world.sum(A::NetworkReceivable), 10_000);
    assert_eq!(
        (world.response_to(1), world.pending_requests()),
        (Some((ResponseCode::APPROVED, Some(AUTHORISATION_CODE))), vec![])
    );
    let sale = world.engine.transaction(trace(1)).unwrap();
    assert_eq!((sale.kind, sale.route), (TransactionKind::Sale, Some(debit_card())));
    assert_eq!(
        (sale.network_reference, sale.counts_in_batch, sale.payment_state),
        (Some(network_reference(1)), true, T::Approved)
    );
    assert_eq!(world.engine.payment_of(trace(1)), Some(first(parcel)));
}

#[test]
fn the_books_of_a_sale_are_those_of_a_collection_to_the_fen() {
    let mut plain = World::open();
    plain.parcel("o-1", 10_441).dispatch().card(10_441).approve();
    let mut traced = signed_on();
    let parcel = traced.dispatched_parcel("o-1", 10_441);
    traced.must(sell(1, parcel, 10_441)).must(approve(first(parcel)));
    assert_eq!(plain.postings, traced.postings);
}

#[test]
fn a_wallet_sale_names_no_routes_and_counts_with_the_others() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell_by_qr(1, parcel, 10_000)).must(pay(first(parcel)));
    let sale = world.engine.transaction(trace(1)).unwrap();
    assert_eq!(sale.route, Some(PaymentRoute::Qr { wallet: WALLET }));
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    assert_eq!(
        (totals.other_debits, totals.card_debits),
        (totals_line(1, 10_000), totals_line(0, 0))
    );
}

#[test]
fn a_declined_sale_gets_the_networks_code() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(1, parcel, 10_000));
    world.must(resolve_purchase(
        first(parcel),
        PaymentResolution::Declined { code: ResponseCode::of(b"51") },
    ));
    assert_eq!(
        (world.response_to(1), world.pending_requests()),
        (Some((ResponseCode::of(b"51"), None)), vec![])
    );
    world.must(sell(2, parcel, 10_000)).must(approve(second(parcel)));
    assert_eq!(world.view(parcel).state, S::Delivered);
}

#[test]
fn a_sale_without_a_response_gets_68_and_waits_until_its_reversal_is_acknowledged() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).must(outcome_unknown(first(parcel)));
    assert_eq!(world.response_to(1), Some((ResponseCode::OUTCOME_UNKNOWN, None)));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::PurchaseReversal)]);
    assert_eq!(world.engine.network_view(NETWORK).unwrap().unknown_payments, 1);
    // Nobody gets the late approval and the late decline.
    world.must(approve(first(parcel)));
    assert_eq!(world.events(), [Event::LateApproval { payment: first(parcel) }]);
    assert_eq!(world.response_to(1), Some((ResponseCode::OUTCOME_UNKNOWN, None)));
    world.refused(sell(2, parcel, 10_000), Refusal::EarlierPaymentUnknown);
    world.must(reverse(first(parcel)));
    assert_eq!(
        (world.pending_requests(), world.response_to(1)),
        (vec![], Some((ResponseCode::OUTCOME_UNKNOWN, None)))
    );
    assert!(world.engine.transaction(trace(1)).unwrap().reversed);
    world.must(sell(2, parcel, 10_000)).must(approve(second(parcel)));
    world.expect_collected(parcel, 10_000);
}

#[test]
fn a_late_decline_ends_the_reversal_and_the_terminal_keeps_its_first_response() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).must(outcome_unknown(first(parcel)));
    world.must(resolve_purchase(
        first(parcel),
        PaymentResolution::Declined { code: ResponseCode::of(b"51") },
    ));
    assert_eq!(
        (world.pending_requests(), world.response_to(1)),
        (vec![], Some((ResponseCode::OUTCOME_UNKNOWN, None)))
    );
    assert_eq!(world.engine.unknown_count(), 0);
}

#[test]
fn a_repeated_sale_is_a_repeat_whatever_has_happened_since() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let sale = sell(1, parcel, 10_000);
    world.must(sale.clone()).repeated(sale.clone());
    world.must(approve(first(parcel))).repeated(sale.clone());
    // The parcel is closed, the network withdrawn, the terminal blocked, the batch closed.
    let at = world.at;
    world.must(withdraw(1, at)).repeated(sale.clone());
    world.must(block_terminal(TERMINAL, 1, true));
    world.repeated(sale.clone());
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals)).repeated(sale.clone());
    world.must(block_terminal(TERMINAL, 2, false));
    world.must(open_batch(2)).repeated(sale.clone());
    // When the next batch with transactions closes, the first is forgotten.
    world.declined_sale_in(2).must(close_batch(2, BatchTotals::default()));
    world.refused(sale, Refusal::WrongBatch(2));
    assert_eq!(world.engine.transaction(trace(1)), None);
    world.expect_collected(parcel, 10_000);
}

#[test]
fn the_same_trace_with_anything_else_is_taken() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let other = world.dispatched_parcel("o-2", 10_000);
    world.must(sell(1, parcel, 4_000));
    let another_mark = |duplicate_key| {
        let mut sale = sell(1, parcel, 4_000);
        if let Command::BeginPurchase(BeginPurchase { duplicate_key: its, .. }) = &mut sale {
            *its = duplicate_key;
        }
        sale
    };
    for command in [
        sell(1, other, 4_000),
        sell(1, parcel, 4_001),
        pre_authorise(1, parcel, 4_000),
        sell_by_qr(1, parcel, 4_000),
        take_cash(1, parcel, 4_000, 4_000),
        another_mark(DuplicateKey { date: 829, ..default_card() }),
        another_mark(card(1)),
        void(1, first(parcel)),
        begin_refund(1, first(parcel), 4_000),
    ] {
        world.refused(command, Refusal::TraceTaken);
    }
    assert_eq!(world.view(parcel).payment_count, 1);
}

#[test]
fn numbers_may_come_in_any_order_and_leave_gaps() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    for (place, stan) in [(1, 500), (2, 3), (3, 999_999), (4, 200)] {
        world.must(sell(stan, parcel, 1_000)).must(approve(PaymentId { parcel, number: place }));
    }
    for stan in [3, 200, 500, 999_999] {
        world.repeated(sell(stan, parcel, 1_000));
    }
}

#[test]
fn a_stan_without_one_to_six_digits_is_not_read() {
    let parcel = ParcelId::derived(SELLER, "o-1");
    for stan in [0, 1_000_000] {
        let mut json = serde_json::to_value(sell(1, parcel, 1_000)).unwrap();
        json["trace"]["stan"] = stan.into();
        let error = serde_json::from_value::<Command>(json).unwrap_err().to_string();
        assert!(error.contains("a STAN is 1 to 999999"), "{error}");
    }
}

#[test]
fn a_network_approves_cards_and_a_wallet_qr_codes() {
    let mut world = signed_on();
    let [by_card, by_qr, held] = ["o-1", "o-2", "o-3"].map(|one| world.dispatched_parcel(one, 900));
    world.must(sell(1, by_card, 900)).refused(pay(first(by_card)), Refusal::BadMethod);
    world.must(sell_by_qr(2, by_qr, 900)).refused(approve(first(by_qr)), Refusal::BadMethod);
    world.must(pre_authorise(3, held, 900)).must(approve(first(held)));
    let wallet = PaymentResolution::Approved(Approval::Wallet(WALLET_PAYMENT));
    let by_wallet = resolve_completion(first(held), wallet);
    world.must(complete(4, first(held), 900)).refused(by_wallet, Refusal::BadMethod);
    // Each outcome is still open.
    world.must(approve(first(by_card))).must(pay(first(by_qr)));
    world.must(resolve_completion(first(held), COMPLETED));
}

#[test]
fn each_kind_of_transaction_has_its_own_subject() {
    let mut world = signed_on();
    let [sold, new] = ["o-1", "o-2"].map(|order| world.dispatched_parcel(order, 900));
    world.must(sell(1, sold, 900)).must(approve(first(sold)));
    for (command, right) in [
        (sell(2, new, 900), default_card()),
        (pre_authorise(2, new, 900), default_card()),
        (offline_sale(2, new, 900), default_card()),
        (sell_by_qr(2, new, 900), NO_CARD),
        (take_cash(2, new, 900, 900), NO_CARD),
        (void(2, first(sold)), original(1)),
        (complete(2, first(sold), 900), original(1)),
        (begin_refund(2, first(sold), 900), refunded(1)),
    ] {
        let json = serde_json::to_value(command).unwrap();
        for key in [default_card(), NO_CARD, original(1), refunded(1)] {
            let mut other = json.clone();
            other["duplicate_key"] = serde_json::to_value(key).unwrap();
            let applied = world.apply(&serde_json::from_value(other).unwrap());
            assert_eq!(applied == Err(Refusal::WrongSubject), key != right, "{json} {key:?}");
        }
    }
}

#[test]
fn the_void_of_a_card_payment_is_a_message_to_its_network() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 900);
    world.must(sell(1, parcel, 900)).must(approve(first(parcel)));
    let mut silent = void(2, first(parcel));
    if let Command::BeginVoid(BeginVoid { network_reference, .. }) = &mut silent {
        *network_reference = None;
    }
    world.refused(silent, Refusal::WrongSubject).must(void(2, first(parcel)));
}

#[test]
fn only_an_open_batch_takes_transactions_and_says_which_it_is() {
    let mut world = World::open();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.refused(sell(1, parcel, 10_000), Refusal::WrongBatch(0));
    world.must(open_batch(1)).must(close_batch(1, BatchTotals::default()));
    world.refused(sell(1, parcel, 10_000), Refusal::WrongBatch(1));
    world.must(open_batch(2));
    world.refused(sell(1, parcel, 10_000), Refusal::WrongBatch(2));
    let terminal = TerminalId(99);
    let mut elsewhere = sell(1, parcel, 10_000);
    if let Command::BeginPurchase(BeginPurchase { trace, .. }) = &mut elsewhere {
        trace.terminal = terminal;
    }
    world.refused(elsewhere, Refusal::NotFound(MissingRecord::Terminal(terminal)));
}

#[test]
fn a_sale_has_the_rules_of_a_collection() {
    let mut world = signed_on();
    let parcel = world.parcel("o-1", 10_000).id();
    world.refused(sell(1, parcel, 10_000), Refusal::ParcelState);
    let parcel = world.parcel_steps(parcel).dispatch().id();
    let left = Refusal::AmountTooLarge(Amount::of(10_000));
    world.refused(sell(1, parcel, 10_001), left);
    world.refused(sell(1, parcel, 0), Refusal::AmountZero);
    world.must(block_terminal(TERMINAL, 1, true));
    world.refused(sell(1, parcel, 10_000), Refusal::TerminalBlocked);
    world.must(block_terminal(TERMINAL, 2, false));
    world.must(hand_terminal(TERMINAL, 3, COLLEAGUE));
    world.refused(sell(1, parcel, 10_000), Refusal::WrongCourier);
    let nowhere = ParcelId::new(7);
    world.refused(sell(1, nowhere, 1), Refusal::NotFound(MissingRecord::Parcel(nowhere)));
    // A refused transaction is not in the batch.
    assert_eq!(world.engine.terminal_view(TERMINAL).unwrap().transactions, 0);
}

#[test]
fn routes_name_the_one_network_that_was_chosen() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let other = |verdict| RouteCandidate { network: NetworkId(2), cost: Amount::ZERO, verdict };
    let routed = |route_candidates: Vec<RouteCandidate>| {
        let mut sale = sell(1, parcel, 10_000);
        if let Command::BeginPurchase(BeginPurchase { route_candidates: list, .. }) = &mut sale {
            *list = route_candidates;
        }
        sale
    };
    let own = only_route()[0];
    let down = RouteCandidate { verdict: RouteVerdict::Down, ..own };
    for route_candidates in [
        vec![],
        vec![down],
        vec![other(RouteVerdict::Chosen)],
        vec![own, other(RouteVerdict::Chosen)],
        vec![own; 2],
        [vec![own], vec![other(RouteVerdict::MoreExpensive); ROUTE_CANDIDATES_MAX]].concat(),
    ] {
        world.refused(routed(route_candidates), Refusal::BadRoute);
    }
    let mut by_qr = sell_by_qr(1, parcel, 10_000);
    if let Command::BeginPurchase(BeginPurchase { route_candidates, .. }) = &mut by_qr {
        *route_candidates = only_route();
    }
    world.refused(by_qr, Refusal::BadRoute);
    let most =
        [vec![other(RouteVerdict::MoreExpensive); ROUTE_CANDIDATES_MAX - 1], vec![own]].concat();
    world.must(routed(most.clone()));
    let (payment, route_candidates) = (first(parcel), most);
    assert!(world.events().contains(&Event::PaymentRouted { payment, route_candidates }));
}

#[test]
fn cash_at_a_terminal_is_in_the_couriers_hands_and_in_the_batch() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 9_950);
    world.must(take_cash(1, parcel, 9_950, 10_000));
    assert_eq!((world.view(parcel).state, world.sum(A::CourierCash)), (S::Delivered, 9_950));
    assert_eq!(
        (world.response_to(1), world.pending_requests()),
        (Some((ResponseCode::APPROVED, None)), vec![])
    );
    let cash = world.engine.transaction(trace(1)).unwrap();
    assert_eq!((cash.kind, cash.route), (TransactionKind::Cash, None));
    world.repeated(take_cash(1, parcel, 9_950, 10_000));
    world.must(start_hand_over(1)).must(count(1, 9_950));
}

#[test]
fn change_that_does_not_add_up_is_refused() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 9_950);
    let cash = |tendered, change| {
        Command::TakeCash(TakeCash {
            trace: trace(1),
            duplicate_key: NO_CARD,
            parcel,
            amount: Amount::of(9_950),
            tendered: Amount::of(tendered),
            change: Amount::of(change),
        })
    };
    for (tendered, change) in [(10_000, 40), (10_000, 60), (9_000, 0), (0, 9_950)] {
        world.refused(cash(tendered, change), Refusal::WrongChange);
    }
    world.must(cash(9_950, 0));
}

#[test]
fn a_networks_fee_is_known_before_the_sale() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let today = day("2013-08-28");
    let cost = world.engine.network_cost(parcel, CardKind::Debit, Amount::of(10_000), today);
    world.must(sell(1, parcel, 10_000)).must(approve(first(parcel)));
    assert_eq!(cost, Some(world.payment(first(parcel)).deducted_by_network));
    // The same for a closed parcel, and `None` if no tariff is in force.
    let closed = world.engine.network_cost(parcel, CardKind::Debit, Amount::of(10_000), today);
    assert_eq!(closed, cost);
    let early = day("2013-01-01");
    let none = world.engine.network_cost(parcel, CardKind::Credit, Amount::of(1), early);
    assert_eq!(none, None);
}

#[test]
fn a_terminal_is_what_it_was_registered_and_set_to_be() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(1, parcel, 4_000)).must(offline_limit(2_000, 5_000));
    let view = world.engine.terminal_view(TERMINAL).unwrap();
    assert_eq!((view.courier, view.firm, view.currency), (COURIER, FIRM, Currency::CNY));
    assert_eq!((view.batch, view.batch_open, view.transactions), (1, true, 1));
    assert_eq!((view.offline_each, view.offline_left), (Amount::of(2_000), Amount::of(5_000)));
    assert!(!view.blocked && !view.disputed);
    // A terminal without any transaction.
    let idle = world.engine.terminal_view(COLLEAGUES_TERMINAL).unwrap();
    assert_eq!((idle.batch, idle.batch_open, idle.offline_total), (0, false, Amount::ZERO));
    assert_eq!(world.engine.terminal_view(TerminalId(99)), None);
}
