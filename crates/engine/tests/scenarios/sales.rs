//! Sales at a terminal: asked once, answered once, told again as often as it asks.

use engine::chart::AccountKind as A;
use engine::door_view::ChaseKind;
use engine::view::{ParcelState as S, TenderState as T};
use engine::*;
use money::{Amount, Currency};
use tariff::CardKind;

use crate::world::*;

/// A world in which the terminal has signed on.
pub fn signed_on() -> World {
    let mut world = World::open();
    world.must(open_batch(1));
    world
}

#[test]
fn a_sale_is_reserved_chased_and_posted_like_any_collection() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(sell(1, parcel, 10_000));
    let routed = Event::Routed { tender: first(parcel), considered: chosen() };
    assert_eq!(world.events(), [Event::Begun { tender: first(parcel) }, routed]);
    world.expect(&[]);
    assert_eq!(world.chased(), [(1, ChaseKind::Begun)]);
    assert_eq!(world.told(1), None);

    world.must(approved(first(parcel)));
    assert_eq!(world.view(parcel).state, S::Delivered);
    assert_eq!(world.sum(A::NetworkReceivable), 10_000);
    assert_eq!((world.told(1), world.chased()), (Some((*b"00", CODE_38)), vec![]));
    let sale = world.engine.transaction(trace(1)).unwrap();
    assert_eq!((sale.kind, sale.method), (TransactionKind::Sale, Some(debit_card())));
    assert_eq!((sale.sent, sale.stands, sale.state), (sent(1), true, T::Approved));
    assert_eq!(world.engine.tender_of(trace(1)), Some(first(parcel)));
}

#[test]
fn the_books_of_a_sale_are_those_of_a_collection_to_the_fen() {
    let mut plain = World::open();
    plain.parcel("o-1", 10_441).out().card(10_441).approve();
    let mut traced = signed_on();
    let parcel = traced.out("o-1", 10_441);
    traced.must(sell(1, parcel, 10_441)).must(approved(first(parcel)));
    assert_eq!(plain.postings, traced.postings);
}

#[test]
fn a_wallet_sale_names_no_routes_and_counts_with_the_others() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(sell_by_qr(1, parcel, 10_000)).must(approved(first(parcel)));
    let sale = world.engine.transaction(trace(1)).unwrap();
    assert_eq!(sale.method, Some(Method::Qr { wallet: WALLET }));
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    assert_eq!((totals.other_debits, totals.card_debits), (sums(1, 10_000), sums(0, 0)));
}

#[test]
fn a_declined_sale_is_told_the_networks_code() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(sell(1, parcel, 10_000));
    world.must(answer(first(parcel), Resolution::Declined { code: *b"51" }));
    assert_eq!((world.told(1), world.chased()), (Some((*b"51", SPACES)), vec![]));
    world.must(sell(2, parcel, 10_000)).must(approved(second(parcel)));
    assert_eq!(world.view(parcel).state, S::Delivered);
}

#[test]
fn a_sale_without_an_answer_is_told_68_and_chased_until_its_reversal_is_acknowledged() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).must(no_answer(first(parcel)));
    assert_eq!(world.told(1), Some((*b"68", SPACES)));
    assert_eq!(world.chased(), [(1, ChaseKind::Unknown)]);
    assert_eq!(world.engine.network_view(NETWORK).unwrap().unknown, 1);
    // The late approval and the late decline are told to nobody.
    world.must(approved(first(parcel)));
    assert_eq!(world.events(), [Event::LateApproval { tender: first(parcel) }]);
    assert_eq!(world.told(1), Some((*b"68", SPACES)));
    world.refused(sell(2, parcel, 10_000), Refusal::UnknownOutcome);
    world.must(reverse(first(parcel)));
    assert_eq!((world.chased(), world.told(1)), (vec![], Some((*b"68", SPACES))));
    assert!(world.engine.transaction(trace(1)).unwrap().reversed);
    world.must(sell(2, parcel, 10_000)).must(approved(second(parcel)));
    world.expect_collected(parcel, 10_000);
}

#[test]
fn a_late_decline_ends_the_chase_and_is_not_what_the_terminal_was_told() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).must(no_answer(first(parcel)));
    world.must(answer(first(parcel), Resolution::Declined { code: *b"51" }));
    assert_eq!((world.chased(), world.told(1)), (vec![], Some((*b"68", SPACES))));
    assert_eq!(world.engine.unknown_count(), 0);
}

#[test]
fn a_sale_asked_again_is_a_repeat_whatever_has_happened_since() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    let sale = sell(1, parcel, 10_000);
    world.must(sale.clone()).repeated(sale.clone());
    world.must(approved(first(parcel))).repeated(sale.clone());
    // The parcel is closed, the network withdrawn, the terminal blocked, the batch closed.
    let at = world.at;
    world.must(withdraw(at)).repeated(sale.clone());
    world.must(Command::BlockTerminal { terminal: TERMINAL, blocked: true });
    world.repeated(sale.clone());
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals)).repeated(sale.clone());
    world.must(Command::BlockTerminal { terminal: TERMINAL, blocked: false });
    world.must(open_batch(2)).repeated(sale.clone());
    // When the next batch closes that has something in it, the first is forgotten.
    world.declined_in(2).must(close_batch(2, BatchTotals::default()));
    world.refused(sale, Refusal::WrongBatch(2));
    assert_eq!(world.engine.transaction(trace(1)), None);
    world.expect_collected(parcel, 10_000);
}

#[test]
fn the_same_trace_with_anything_else_is_taken() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    let other = world.out("o-2", 10_000);
    world.must(sell(1, parcel, 4_000));
    let another_mark = |mark| {
        let mut sale = sell(1, parcel, 4_000);
        if let Command::BeginPurchase { mark: its, .. } = &mut sale {
            *its = mark;
        }
        sale
    };
    for command in [
        sell(1, other, 4_000),
        sell(1, parcel, 4_001),
        pre_authorise(1, parcel, 4_000),
        sell_by_qr(1, parcel, 4_000),
        take_cash(1, parcel, 4_000, 4_000),
        another_mark(Mark { date: 829, ..MARK }),
        another_mark(Mark { token: 1, ..MARK }),
        void(1, first(parcel)),
        give_back(1, first(parcel), 4_000),
    ] {
        world.refused(command, Refusal::TraceTaken);
    }
    assert_eq!(world.view(parcel).tenders, 1);
}

#[test]
fn numbers_may_come_in_any_order_and_leave_gaps() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    for (place, stan) in [(1, 500), (2, 3), (3, 999_999), (4, 200)] {
        world.must(sell(stan, parcel, 1_000)).must(approved(TenderId { parcel, number: place }));
    }
    for stan in [3, 200, 500, 999_999] {
        world.repeated(sell(stan, parcel, 1_000));
    }
    for stan in [0, TRACE_NUMBER_MAX + 1, u32::MAX / 2] {
        world.refused(sell(stan, parcel, 1_000), Refusal::OutOfRange(TRACE_NUMBER_MAX));
    }
}

#[test]
fn only_an_open_batch_takes_transactions_and_says_which_it_is() {
    let mut world = World::open();
    let parcel = world.out("o-1", 10_000);
    world.refused(sell(1, parcel, 10_000), Refusal::WrongBatch(0));
    world.must(open_batch(1)).must(close_batch(1, BatchTotals::default()));
    world.refused(sell(1, parcel, 10_000), Refusal::WrongBatch(1));
    world.must(open_batch(2));
    world.refused(sell(1, parcel, 10_000), Refusal::WrongBatch(2));
    let terminal = TerminalId(99);
    let mut elsewhere = sell(1, parcel, 10_000);
    if let Command::BeginPurchase { trace, .. } = &mut elsewhere {
        trace.terminal = terminal;
    }
    world.refused(elsewhere, Refusal::NotFound(Missing::Terminal(terminal)));
}

#[test]
fn a_sale_needs_all_that_a_collection_needs() {
    let mut world = signed_on();
    let parcel = world.parcel("o-1", 10_000).id();
    world.refused(sell(1, parcel, 10_000), Refusal::ParcelState);
    let parcel = world.door(parcel).out().id();
    let left = Refusal::AmountTooLarge(Amount::of(10_000));
    world.refused(sell(1, parcel, 10_001), left);
    world.refused(sell(1, parcel, 0), Refusal::AmountZero);
    world.must(Command::BlockTerminal { terminal: TERMINAL, blocked: true });
    world.refused(sell(1, parcel, 10_000), Refusal::TerminalBlocked);
    world.must(Command::BlockTerminal { terminal: TERMINAL, blocked: false });
    world.must(Command::HandTerminal { terminal: TERMINAL, courier: COLLEAGUE });
    world.refused(sell(1, parcel, 10_000), Refusal::WrongCourier);
    let nowhere = ParcelId::new(7);
    world.refused(sell(1, nowhere, 1), Refusal::NotFound(Missing::Parcel(nowhere)));
    // What was refused is not in the batch.
    assert_eq!(world.engine.terminal_view(TERMINAL).unwrap().transactions, 0);
}

#[test]
fn routes_name_the_one_network_that_was_chosen() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    let other = |verdict| Considered { network: NetworkId(2), cost: Amount::ZERO, verdict };
    let routed = |considered: Vec<Considered>| {
        let mut sale = sell(1, parcel, 10_000);
        if let Command::BeginPurchase { considered: list, .. } = &mut sale {
            *list = considered;
        }
        sale
    };
    let own = chosen()[0];
    let down = Considered { verdict: Verdict::Down, ..own };
    for considered in [
        vec![],
        vec![down],
        vec![other(Verdict::Chosen)],
        vec![own, other(Verdict::Chosen)],
        vec![own; 2],
        [vec![own], vec![other(Verdict::Dearer); ROUTES_MAX]].concat(),
    ] {
        world.refused(routed(considered), Refusal::BadRoute);
    }
    let mut by_qr = sell_by_qr(1, parcel, 10_000);
    if let Command::BeginPurchase { considered, .. } = &mut by_qr {
        *considered = chosen();
    }
    world.refused(by_qr, Refusal::BadRoute);
    let most = [vec![other(Verdict::Dearer); ROUTES_MAX - 1], vec![own]].concat();
    world.must(routed(most.clone()));
    let (tender, considered) = (first(parcel), most);
    assert!(world.events().contains(&Event::Routed { tender, considered }));
}

#[test]
fn an_answer_said_as_for_a_collection_is_an_answer() {
    // Two ways to say the same: the terminal is told either way, without an authorisation code.
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).must(approve(first(parcel)));
    assert_eq!((world.told(1), world.chased()), (Some((*b"00", SPACES)), vec![]));
    let plain = world.parcel("o-2", 500).out().card(500).last();
    world.must(approved(plain));
    assert_eq!(world.tender(plain).state, T::Approved);
}

#[test]
fn cash_at_a_terminal_is_in_the_couriers_hands_and_in_the_batch() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 9_950);
    world.must(take_cash(1, parcel, 9_950, 10_000));
    assert_eq!((world.view(parcel).state, world.sum(A::CourierCash)), (S::Delivered, 9_950));
    assert_eq!((world.told(1), world.chased()), (Some((*b"00", SPACES)), vec![]));
    let cash = world.engine.transaction(trace(1)).unwrap();
    assert_eq!((cash.kind, cash.method), (TransactionKind::Cash, None));
    world.repeated(take_cash(1, parcel, 9_950, 10_000));
    world.must(start_hand_over(1)).must(count(1, 9_950));
}

#[test]
fn change_that_does_not_add_up_is_refused() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 9_950);
    let cash = |tendered, change| Command::TakeCash {
        trace: trace(1),
        mark: MARK,
        parcel,
        amount: Amount::of(9_950),
        tendered: Amount::of(tendered),
        change: Amount::of(change),
    };
    for (tendered, change) in [(10_000, 40), (10_000, 60), (9_000, 0), (0, 9_950)] {
        world.refused(cash(tendered, change), Refusal::WrongChange);
    }
    world.must(cash(9_950, 0));
}

#[test]
fn what_a_network_keeps_is_known_before_the_sale() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    let today = day("2013-08-28");
    let cost = world.engine.network_cost(parcel, CardKind::Debit, Amount::of(10_000), today);
    world.must(sell(1, parcel, 10_000)).must(approved(first(parcel)));
    assert_eq!(cost, Some(world.tender(first(parcel)).kept_by_network));
    // It is the same for a parcel that is closed, and nothing where no tariff holds.
    let closed = world.engine.network_cost(parcel, CardKind::Debit, Amount::of(10_000), today);
    assert_eq!(closed, cost);
    let early = day("2013-01-01");
    let none = world.engine.network_cost(parcel, CardKind::Credit, Amount::of(1), early);
    assert_eq!(none, None);
}

#[test]
fn a_terminal_is_what_it_was_registered_and_set_to_be() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(sell(1, parcel, 4_000)).must(offline_limit(2_000, 5_000));
    let view = world.engine.terminal_view(TERMINAL).unwrap();
    assert_eq!((view.courier, view.firm, view.currency), (COURIER, FIRM, Currency::CNY));
    assert_eq!((view.batch, view.batch_open, view.transactions), (1, true, 1));
    assert_eq!((view.offline_each, view.offline_left), (Amount::of(2_000), Amount::of(5_000)));
    assert!(!view.blocked && !view.disputed);
    // One that never said anything.
    let idle = world.engine.terminal_view(COLLEAGUES_TERMINAL).unwrap();
    assert_eq!((idle.batch, idle.batch_open, idle.offline_total), (0, false, Amount::ZERO));
    assert_eq!(world.engine.terminal_view(TerminalId(99)), None);
}
