//! Offline sales: the terminal approved them and the buyer has the parcel, so the books record each
//! one that happened, and flag what is unusual.

use books::OfflineSaleFlag as F;
use books::chart::AccountKind as A;
use books::terminal_view::PendingRequestKind;
use books::view::{ParcelState as S, PaymentState as T};
use books::*;
use money::Amount;

use super::sales::signed_on;
use crate::world::*;

pub fn offline(each: u64, total: u64) -> World {
    let mut world = signed_on();
    world.must(offline_limit(each, total));
    world
}

fn left(world: &World) -> u64 {
    world.engine.terminal_view(TERMINAL).unwrap().offline_left.minor()
}

/// The flags of the last command's sale, and its excess.
pub fn flags(world: &World) -> (Vec<OfflineSaleFlag>, u64) {
    let flagged = world.events().iter().find_map(|event| match event {
        Event::OfflineSaleFlagged { flags, excess, .. } => Some((flags.clone(), excess.minor())),
        _ => None,
    });
    flagged.unwrap_or_default()
}

pub fn taken(payment: PaymentId) -> Command {
    resolve_advice(payment, ResponseCode::APPROVED)
}

#[test]
fn an_offline_sale_is_posted_like_an_approved_one_and_is_to_be_forwarded() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(offline_sale(1, parcel, 10_000));
    assert_eq!(flags(&world), (vec![], 0));
    world.expect_collected(parcel, 10_000);
    assert_eq!(
        (world.response_to(1), world.pending_requests()),
        (Some((ResponseCode::APPROVED, Some(OFFLINE_CODE))), vec![(1, PendingRequestKind::Advice)])
    );
    assert_eq!(world.engine.unresolved_payments().count(), 0, "its outcome is known");
    assert_eq!(world.engine.batch_totals(TERMINAL, 1).unwrap().card_debits, totals_line(1, 10_000));
    // Posted at once, where an online sale is only reserved.
    let mut sale = signed_on();
    sale.dispatched_parcel("o-1", 10_000);
    sale.must(sell(1, parcel, 10_000)).must(approve(first(parcel)));
    assert!(sale.engine.accounts().eq(world.engine.accounts()));
    world.must(taken(first(parcel))).repeated(taken(first(parcel)));
    assert_eq!(world.pending_requests(), []);
    world.parcel_steps(parcel).clear();
    assert_eq!(world.payment(first(parcel)).state, T::Released);
}

#[test]
fn the_limits_of_a_terminal_refuse_no_sale_that_happened() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(offline_sale(1, parcel, 1));
    assert_eq!(flags(&world), (vec![F::OfflineLimitExceeded], 0));
    world.must(taken(first(parcel)));
    world.must(offline_limit(3_000, 5_000)).repeated(offline_limit(3_000, 5_000));
    world.must(offline_sale(2, parcel, 3_000)).repeated(offline_sale(2, parcel, 3_000));
    world.refused(offline_sale(2, parcel, 3_001), Refusal::TraceTaken);
    // 2 000 of the limit for unanswered sales are left.
    assert_eq!((flags(&world), left(&world)), ((vec![], 0), 2_000));
    world.must(offline_sale(3, parcel, 2_001));
    assert_eq!((flags(&world), left(&world)), ((vec![F::OfflineLimitExceeded], 0), 0));
    world.must(taken(second(parcel)));
    assert_eq!(left(&world), 2_999);
    // A late duplicate of an earlier setting changes nothing.
    world.must(offline_limit_numbered(2, 0, 1)).repeated(offline_limit(3_000, 5_000));
    assert_eq!(left(&world), 0);
    world.refused(offline_limit(0, 1), Refusal::NumberUsed(1));
    let nobody = TerminalId(99);
    let Command::SetOfflineLimit(mut limit) = offline_limit(0, 1) else { unreachable!() };
    limit.terminal = nobody;
    world.refused(
        Command::SetOfflineLimit(limit),
        Refusal::NotFound(MissingRecord::Terminal(nobody)),
    );
}

#[test]
fn the_part_beyond_what_was_left_to_collect_is_owed_to_the_buyer() {
    let mut world = offline(20_000, 20_000);
    world.fund_bank(50_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(take_cash(1, parcel, 4_000, 4_000)).must(offline_sale(2, parcel, 10_000));
    assert_eq!(flags(&world), (vec![F::MoreThanDue], 4_000));
    world.expect_collected(parcel, 10_000);
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::NetworkReceivable)), (4_000, 10_000));
    // 0.78% of 6 000 for the card, and nothing for the excess.
    let payment = world.payment(second(parcel));
    assert_eq!(
        (payment.amount, payment.fees.minor(), payment.refunded.minor()),
        (Amount::of(10_000), 33 + 5 + 9, 4_000)
    );
    // The network may still reject it, and then nothing is owed.
    let paid = confirm_refund(second(parcel), 1, 4_000);
    world.refused(paid.clone(), Refusal::PaymentState);
    world.refused(refund(second(parcel), 2, 1), Refusal::PaymentState);
    world.must(taken(second(parcel))).must(paid);
    assert_eq!(world.sum(A::BuyerRefunds), 0);
    // The excess is refund number 1. What stands can still be refunded.
    world.refused(refund(second(parcel), 1, 1), Refusal::NumberUsed(1));
    world.refused(refund(second(parcel), 2, 6_001), Refusal::AmountTooLarge(Amount::of(6_000)));
    // The network deducts its fee from all that it pays; the seller's statement has its own part.
    world.must(clear(second(parcel), 10_000, 55 + 8));
    let released = Event::PaymentReleased {
        payment: second(parcel),
        seller: SELLER,
        gross: Amount::of(6_000),
        fees: Amount::of(47),
        refunded: Amount::ZERO,
        charged_back: Amount::ZERO,
        loss_given_back: Amount::ZERO,
    };
    assert!(world.events().contains(&released), "{:?}", world.events());
    assert_eq!(world.engine.open_breaks(), []);
    assert_eq!(world.sum(A::NetworkReceivable), 0);
}

#[test]
fn a_sale_from_a_terminal_that_was_handed_on_belongs_to_the_courier_of_the_parcel() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let courier = OTHER_FIRMS_COURIER;
    world.must(hand_terminal(TERMINAL, 2, courier));
    world.must(offline_sale(1, parcel, 10_000));
    assert_eq!(flags(&world), (vec![F::OtherCourier], 0));
    world.expect_collected(parcel, 10_000);
    assert_eq!(world.sum(A::BuyerRefunds), 0);
}

#[test]
fn a_sale_for_a_parcel_in_any_state_is_in_the_books() {
    let mut world = offline(90_000, 90_000);
    let announced = world.parcel("o-1", 1_000).id();
    world.must(offline_sale(1, announced, 1_000));
    assert_eq!(flags(&world), (vec![F::ParcelNotOut], 0));
    world.expect_collected(announced, 1_000);
    // Collected meanwhile.
    let collected = world.dispatched_parcel("o-2", 2_000);
    world.must(take_cash(2, collected, 2_000, 2_000)).must(offline_sale(3, collected, 2_000));
    assert_eq!(flags(&world), (vec![F::ParcelClosed, F::MoreThanDue], 2_000));
    world.expect_collected(collected, 2_000);
    // On its way back, and back.
    let refused = world.dispatched_parcel("o-3", 3_000);
    world.must(refuse(refused)).must(offline_sale(4, refused, 3_000));
    assert_eq!(flags(&world), (vec![F::ParcelNotOut, F::MoreThanDue], 3_000));
    world.must(return_parcel(refused)).must(offline_sale(5, refused, 3_000));
    assert_eq!(flags(&world), (vec![F::ParcelClosed, F::MoreThanDue], 3_000));
    assert_eq!((world.view(refused).state, world.view(refused).payment_count), (S::Returned, 2));
    assert_eq!(world.sum(A::BuyerRefunds), 8_000);
    assert_eq!(world.sum(A::NetworkReceivable), 9_000);
    // The money arrives, and nothing of it is the seller's.
    let payable = world.sum(A::SellerPayable);
    world.must(clear(second(refused), 3_000, 20));
    assert_eq!(world.sum(A::SellerPayable), payable);
}

#[test]
fn an_unknown_attempt_or_a_withdrawn_network_refuses_no_sale_that_happened() {
    let mut world = offline(20_000, 20_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let mut by_qr = offline_sale(1, parcel, 1_000);
    if let Command::RecordOfflineSale(RecordOfflineSale { route, .. }) = &mut by_qr {
        *route = PaymentRoute::Qr { wallet: WALLET };
    }
    world.refused(by_qr, Refusal::BadMethod);
    world.refused(offline_sale(1, parcel, 0), Refusal::AmountZero);
    world.must(sell(1, parcel, 4_000)).must(outcome_unknown(first(parcel)));
    world.must(offline_sale(2, parcel, 4_000));
    assert_eq!(flags(&world), (vec![F::EarlierPaymentUnknown], 0));
    let at = world.at;
    world.must(withdraw(1, at)).must(offline_sale(3, parcel, 6_000)).must(taken(third(parcel)));
    assert_eq!(flags(&world).0, []);
    world.expect_collected(parcel, 10_000);
    assert_eq!(world.sum(A::NetworkReceivable), 10_000);
}

#[test]
fn a_sale_made_before_the_terminals_block_is_booked() {
    let mut world = offline(20_000, 20_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.at = world.at.plus_ms(60_000);
    world.must(block_terminal(TERMINAL, 2, true));
    let before = OfflineSaleAt { date: 828, local_time: 90_059 };
    world.must(offline_sale_at(before, trace(1), parcel, 10_000));
    assert_eq!(flags(&world), (vec![F::TerminalBlocked], 0));
    world.expect_collected(parcel, 10_000);
}

#[test]
fn the_tariff_of_the_terminals_day_holds_if_its_clock_can_be_right() {
    let free = tariff::Terms { classes: shipped_terms().classes, ..tariff::Terms::default() };
    let mut dearer = free.clone();
    dearer.cod.card.fixed = Amount::of(100);
    let mut world = World::set(Setup { terms: free, ..Setup::default() });
    world.must(open_batch(1)).must(offline_limit(90_000, 90_000));
    world.must(publish(2, "2013-08-30", None, dearer));
    let [a, b, c, d, e] =
        ["a", "b", "c", "d", "e"].map(|order| world.dispatched_parcel(order, 1_000));
    world.on("2013-08-30");
    // Sold on the 29th, after the sign-on of the 28th, and arrived on the 30th.
    for (stan, parcel, date, local_time, version, flagged) in [
        (1, a, 829, 235_959, 1, false),
        (2, b, 830, 0, 2, false),
        // Before the last contact, which was at nine on the 28th.
        (3, c, 828, 85_959, 2, true),
        // To come, and no time at all.
        (4, d, 830, 90_001, 2, true),
        (5, e, 829, 246_000, 2, true),
    ] {
        let clock = OfflineSaleAt { date, local_time };
        world.must(offline_sale_at(clock, trace(stan), parcel, 1_000));
        let payment = world.payment(first(parcel));
        let found = (payment.tariff.version, flags(&world).0.contains(&F::DatedOnArrival));
        assert_eq!(found, (version, flagged), "sale {stan}");
    }
}

#[test]
fn a_clock_of_last_year_is_read_as_last_year() {
    let mut world = offline(90_000, 90_000);
    world.on("2013-12-31").must(take_cash_of_nobody(1));
    let parcel = world.dispatched_parcel("o-1", 1_000);
    world.on("2014-01-01");
    let clock = OfflineSaleAt { date: 1_231, local_time: 235_959 };
    world.must(offline_sale_at(clock, trace(2), parcel, 1_000));
    assert_eq!(flags(&world).0, []);
}

/// A contact of the terminal.
fn take_cash_of_nobody(stan: u32) -> Command {
    reverse_without_original(stan)
}

#[test]
fn an_offline_sale_that_is_not_forwarded_cannot_be_reversed() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(offline_sale(1, parcel, 10_000));
    for command in [void(2, payment), begin_reversal(payment), reverse(payment)] {
        world.refused(command, Refusal::PaymentState);
    }
    world.must(taken(payment)).must(void(2, payment)).must(reversal_done(payment));
    world.expect(&[]);
    assert_eq!(world.view(parcel).state, S::Out);
}

#[test]
fn a_parcel_is_neither_refused_nor_lost_before_the_network_has_answered() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(offline_sale(1, parcel, 4_000));
    for command in [refuse(parcel), lose(parcel, DamagePayer::Seller)] {
        world.refused(command, Refusal::ParcelState);
    }
    world.must(taken(first(parcel))).must(refuse(parcel));
    assert_eq!(world.sum(A::BuyerRefunds), 4_000);
}

#[test]
fn an_offline_sale_that_is_reversed_is_answered_no_more() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(offline_sale(1, parcel, 10_000)).must(taken(payment));
    world.must(begin_reversal(payment)).repeated(taken(payment));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::Reversal)]);
    world.must(reversal_done(payment));
    assert_eq!(left(&world), 10_000);
}

#[test]
fn an_online_sale_has_no_advice_to_resolve() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.refused(taken(first(parcel)), Refusal::NotFound(MissingRecord::Payment));
    world.must(sell(1, parcel, 10_000)).must(approve(first(parcel)));
    world.refused(taken(first(parcel)), Refusal::PaymentState);
}

#[test]
fn an_offline_sale_waits_for_its_network_however_old_its_batch_is() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.dispatched_parcel("o-1", 4_000);
    world.must(offline_sale(1, parcel, 4_000));
    for batch in 1..=3 {
        let totals = world.engine.batch_totals(TERMINAL, batch).unwrap();
        world.declined_sale_in(batch).must(close_batch(batch, totals)).must(open_batch(batch + 1));
    }
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::Advice)]);
    assert!(world.engine.transaction(trace(1)).is_some());
    // Only answered sales are forgotten.
    world.must(taken(first(parcel)));
    assert_eq!((world.pending_requests(), world.engine.transaction(trace(1))), (vec![], None));
    world.refused(taken(first(parcel)), Refusal::PaymentState);
}

#[test]
fn a_courier_decides_no_offline_limit_of_their_own_terminal() {
    let mut world = World::open();
    let courier = PersonId(COURIER.0);
    let Command::SetOfflineLimit(limit) = offline_limit(3_000, 5_000) else { unreachable!() };
    for (proposed_by, approved_by) in [(courier, ANNA), (ANNA, courier)] {
        let own = SetOfflineLimit { proposed_by, approved_by, ..limit };
        world.refused(Command::SetOfflineLimit(own), Refusal::SamePerson);
    }
    world.must(offline_limit(3_000, 5_000));
    // Handed to a colleague since: a repeat is a repeat.
    world.must(hand_terminal(TERMINAL, 2, COLLEAGUE)).repeated(offline_limit(3_000, 5_000));
}
