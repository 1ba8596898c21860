//! Offline sales that their network never pays, and sales in suspense.

use books::chart::AccountKind as A;
use books::terminal_view::PendingRequestKind;
use books::view::{ParcelState as S, PaymentState as T};
use books::*;
use money::Amount;
use tariff::LossOwner;

use super::offline::{offline, taken};
use crate::world::*;

pub const NO_FUNDS: ResponseCode = ResponseCode::of(b"51");

/// A world whose losses have this owner, and whose courier firm earns 1% of card payments.
fn owned_by(owner: LossOwner) -> World {
    let mut terms = tariff::Terms { offline_loss: owner, ..shipped_terms() };
    terms.commission.card.share = "1%".parse().unwrap();
    let hold = HoldRule::DaysAfterHeld(3);
    let mut world = World::set(Setup { terms, hold, ..Setup::default() });
    world.must(open_batch(1)).must(offline_limit(90_000, 90_000));
    world
}

/// The network does not owe a rejected sale. What its files say of one is a break.
fn pays_what_nobody_explains(world: &mut World, payment: PaymentId) {
    let before = (world.sum(A::Suspense), world.sum(A::NetworkReceivable));
    world.must(line_of(ClearLineKind::Offline, Some(payment), 10_000, 0));
    assert_eq!(
        (world.sum(A::Suspense), world.sum(A::NetworkReceivable)),
        (before.0 - 10_000, before.1)
    );
    world.must(line_of(ClearLineKind::ChargeBack, Some(payment), -10_000, 0));
    assert_eq!((world.sum(A::Suspense), world.sum(A::NetworkReceivable)), before);
    let open = world.engine.open_breaks().into_iter();
    assert_eq!(open.filter(|one| world.engine.break_evidence(one.id).is_some()).count(), 2);
}

#[test]
fn a_seller_gets_nothing_for_a_rejected_sale_if_the_terms_are_silent() {
    let mut world = owned_by(LossOwner::default());
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let (payment, code) = (first(parcel), NO_FUNDS);
    world.must(offline_sale(1, parcel, 10_000)).must(resolve_advice(payment, code));
    let (amount, excess) = (Amount::of(10_000), Amount::ZERO);
    let loss = Some(LossOwner::Seller);
    let rejected = Event::OfflineSaleRejected { payment, loss, amount, excess };
    assert_eq!(world.events(), [Event::AdviceRejected { payment, code }, rejected]);
    world.expect(&[]);
    assert_eq!((world.payment(payment).state, world.payment(payment).fees), (T::Rejected, excess));
    // The buyer has the parcel.
    assert_eq!((world.view(parcel).state, world.view(parcel).due), (S::Delivered, amount));
    // The terminal printed its slip, so the first response and the line in the batch stay.
    assert_eq!(world.response_to(1), Some((ResponseCode::APPROVED, Some(OFFLINE_CODE))));
    assert!(world.engine.transaction(trace(1)).unwrap().counts_in_batch);
    world.repeated(resolve_advice(payment, code)).repeated(taken(payment));
    // Not refundable, and the network owes nothing for it.
    world.refused(refund(payment, 1, 1), Refusal::PaymentState);
    world.refused(charge_back(payment, 1, 1), Refusal::PaymentState);
    world.repeated(reverse(payment)).repeated(begin_reversal(payment));
    pays_what_nobody_explains(&mut world, payment);
    assert_eq!(world.payment(payment).state, T::Rejected);
}

#[test]
fn a_firm_owes_the_loss_off_its_commission_and_the_seller_is_paid_by_the_hold_rule() {
    let mut world = owned_by(LossOwner::Firm);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(offline_sale(1, parcel, 10_000)).must(resolve_advice(payment, NO_FUNDS));
    world.expect(&[(A::FirmCommission, -10_000), (A::SellerHeld, 10_000)]);
    world.refused(refund(payment, 1, 1), Refusal::PaymentState);
    world.refused(charge_back(payment, 1, 1), Refusal::PaymentState);
    world.refused(reverse(payment), Refusal::PaymentState);
    pays_what_nobody_explains(&mut world, payment);
    world.on("2013-08-31").must(release("2013-08-31"));
    world.expect(&[(A::FirmCommission, -10_000), (A::SellerPayable, 10_000)]);
    assert_eq!(world.payment(payment).fees, Amount::ZERO);
}

#[test]
fn doorstep_writes_the_loss_off_and_the_excess_is_no_longer_owed() {
    let mut world = owned_by(LossOwner::Doorstep);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(offline_sale(1, parcel, 12_500));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::BuyerRefunds)), (12_500, 2_500));
    world.must(resolve_advice(payment, NO_FUNDS));
    world.expect(&[(A::WriteOffs, 10_000), (A::SellerHeld, 10_000)]);
}

#[test]
fn the_rejected_part_of_an_open_parcel_is_due_again_and_nobody_has_a_loss() {
    for owner in [LossOwner::Seller, LossOwner::Firm, LossOwner::Doorstep] {
        let mut world = owned_by(owner);
        let parcel = world.dispatched_parcel("o-1", 10_000);
        world.must(offline_sale(1, parcel, 4_000)).must(resolve_advice(first(parcel), NO_FUNDS));
        world.expect(&[]);
        assert_eq!(world.payment(first(parcel)).state, T::Rejected);
        world.refused(
            take_cash(2, parcel, 10_001, 10_001),
            Refusal::AmountTooLarge(Amount::of(10_000)),
        );
        world.must(take_cash(2, parcel, 10_000, 10_000));
        world.expect_collected(parcel, 10_000);
    }
}

#[test]
fn the_money_of_a_cleared_sale_is_there_whatever_its_network_answers() {
    let mut world = owned_by(LossOwner::Firm);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let (payment, code) = (first(parcel), NO_FUNDS);
    world.must(offline_sale(1, parcel, 10_000)).must(clear(payment, 10_000, 63));
    world.must(resolve_advice(payment, code));
    assert_eq!(world.events(), [Event::AdviceRejected { payment, code }]);
    assert_eq!(world.payment(payment).state, T::Held);
}

/// A delivered parcel: 6 000 in a rejected offline sale, 4 000 by card and reversed since.
fn reopened(owner: LossOwner) -> (World, ParcelId) {
    let mut world = owned_by(owner);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(1, parcel, 4_000)).must(approve(first(parcel)));
    world.must(offline_sale(2, parcel, 6_000)).must(resolve_advice(second(parcel), NO_FUNDS));
    world.must(reverse(first(parcel)));
    (world, parcel)
}

#[test]
fn whoever_bore_the_loss_gets_it_back_if_the_parcel_is_lost_after_all() {
    let (mut world, parcel) = reopened(LossOwner::Firm);
    world.expect(&[(A::FirmCommission, -6_000), (A::SellerHeld, 6_000)]);
    world.must(lose(parcel, DamagePayer::Seller));
    assert!(
        world
            .events()
            .contains(&Event::LossReturned { payment: second(parcel), amount: Amount::of(6_000) })
    );
    world.expect(&[]);
}

#[test]
fn what_a_seller_lost_is_due_again_if_the_parcel_is_out_again() {
    let (mut world, parcel) = reopened(LossOwner::Seller);
    let view = world.view(parcel);
    assert_eq!((view.state, view.due, view.collected), (S::Out, Amount::of(10_000), Amount::ZERO));
    world.must(take_cash(3, parcel, 10_000, 10_000));
    world.expect_collected(parcel, 10_000);
}

/// A blocked terminal, with a sale of 10 000 after its block.
fn in_suspense() -> (World, PaymentId) {
    let mut world = offline(20_000, 20_000);
    world.fund_bank(50_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(block_terminal(TERMINAL, 2, true));
    world.at = world.at.plus_ms(60_000);
    let after = OfflineSaleAt { date: 828, local_time: 90_030 };
    world.must(offline_sale_at(after, trace(1), parcel, 10_000));
    world.repeated(offline_sale_at(after, trace(1), parcel, 10_000));
    (world, PaymentId { parcel, number: FIRST_SUSPENDED_PAYMENT })
}

fn decide(payment: PaymentId, decision: SuspendedSaleDecision) -> Command {
    let (proposed_by, approved_by) = (ANNA, BO);
    Command::ResolveSuspendedSale(ResolveSuspendedSale {
        payment,
        decision,
        proposed_by,
        approved_by,
    })
}

fn book(payment: PaymentId) -> Command {
    decide(payment, SuspendedSaleDecision::BookToParcel)
}

fn owe(payment: PaymentId) -> Command {
    decide(payment, SuspendedSaleDecision::OweToBuyer)
}

#[test]
fn a_sale_after_the_terminals_block_waits_for_two_persons() {
    let (mut world, payment) = in_suspense();
    let found = world.engine.open_breaks();
    let one = found.last().unwrap();
    assert_eq!(
        (one.subject, one.side, one.amount, one.owner),
        (
            BreakSubject::Network(NETWORK),
            BreakSide::Excess,
            Amount::of(10_000),
            PersonId(COURIER.0)
        )
    );
    let break_id = one.id;
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::SellerHeld)), (10_000, 0));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::Advice)]);
    let view = world.engine.transaction(trace(1)).unwrap();
    assert_eq!((view.payment, view.payment_state), (payment, T::Suspended));
    // The network comes first, and no other resolution closes the break.
    world.refused(book(payment), Refusal::PaymentState);
    world.must(taken(payment)).repeated(taken(payment));
    world.refused(
        propose_resolution(break_id, BreakResolution::WriteOff, ANNA),
        Refusal::BreakOfSuspendedSale,
    );
    for (proposed_by, approved_by) in
        [(ANNA, ANNA), (PersonId(COURIER.0), BO), (ANNA, PersonId(COURIER.0))]
    {
        let decision = SuspendedSaleDecision::BookToParcel;
        let command = ResolveSuspendedSale { payment, decision, proposed_by, approved_by };
        world.refused(Command::ResolveSuspendedSale(command), Refusal::SamePerson);
    }
    world.must(book(payment)).repeated(book(payment)).refused(owe(payment), Refusal::OtherContent);
    world.expect_collected(payment.parcel, 10_000);
    assert_eq!(
        (world.payment(payment).state, world.payment(payment).fees.minor()),
        (T::Approved, 78)
    );
    assert!(!world.engine.open_breaks().iter().any(|one| one.id == break_id));
    // It is a payment like any other, under its number.
    world.must(clear(payment, 10_000, 63));
    assert_eq!(world.payment(payment).state, T::Released);
    assert_eq!(world.view(payment.parcel).payment_count, 0, "its number is not of the parcel");
}

#[test]
fn a_sale_in_suspense_can_be_owed_to_the_buyer() {
    let (mut world, payment) = in_suspense();
    world.must(clear(payment, 10_000, 60));
    world.refused(confirm_refund(payment, 1, 10_000), Refusal::PaymentState);
    world.must(taken(payment)).must(owe(payment)).repeated(owe(payment));
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::NetworkReceivable)), (10_000, 0));
    assert_eq!(world.view(payment.parcel).collected, Amount::ZERO);
    let amount = Refusal::AmountMismatch(Amount::of(10_000));
    world.refused(confirm_refund(payment, 1, 9_999), amount);
    world.must(confirm_refund(payment, 1, 10_000)).repeated(confirm_refund(payment, 1, 10_000));
    assert_eq!(world.sum(A::BuyerRefunds), 0);
}

#[test]
fn a_rejected_sale_in_suspense_was_nobodys_money() {
    let (mut world, payment) = in_suspense();
    let suspense = world.sum(A::Suspense);
    world.must(resolve_advice(payment, NO_FUNDS));
    assert_eq!((world.sum(A::Suspense), world.sum(A::NetworkReceivable)), (suspense + 10_000, 0));
    world.refused(book(payment), Refusal::PaymentState);
    pays_what_nobody_explains(&mut world, payment);
}

#[test]
fn a_sale_of_an_unknown_parcel_is_booked_when_the_parcel_is_known() {
    let mut world = offline(20_000, 20_000);
    let parcel = ParcelId::derived(SELLER, "o-1");
    world.must(offline_sale(1, parcel, 10_000));
    let payment = PaymentId { parcel, number: FIRST_SUSPENDED_PAYMENT };
    let suspended = world.events().iter().any(|event| {
        matches!(event, Event::OfflineSaleSuspended { reason: SuspenseReason::UnknownParcel, .. })
    });
    assert!(suspended);
    world.must(taken(payment)).must(clear(payment, 10_000, 63));
    world.refused(book(payment), Refusal::NotFound(MissingRecord::Parcel(parcel)));
    // Imported late, with a lower amount due.
    world.parcel("o-1", 9_000);
    world.must(book(payment));
    world.expect_collected(parcel, 9_000);
    assert_eq!((world.sum(A::BuyerRefunds), world.payment(payment).state), (1_000, T::Released));
}

#[test]
fn a_sale_in_suspense_that_is_paid_less_is_received_when_the_break_is_closed() {
    let (mut world, payment) = in_suspense();
    world.must(line_of(ClearLineKind::Offline, Some(payment), 9_000, 60));
    // The network owes the whole sale no more, and pays it only once.
    assert_eq!(world.sum(A::NetworkReceivable), 0);
    let break_id = world.engine.open_breaks().last().unwrap().id;
    let evidence = world.engine.break_evidence(break_id).unwrap();
    assert_eq!(evidence.difference, LineDifference::Amount);
    // The network has paid, whatever it answers.
    world.must(resolve_advice(payment, NO_FUNDS)).must(book(payment));
    assert_eq!(world.payment(payment).state, T::Approved);
    let resolution = BreakResolution::WriteOff;
    world.must(propose_resolution(break_id, resolution, ANNA));
    world.must(approve_resolution(break_id, resolution, BO));
    assert_eq!(world.payment(payment).state, T::Released);
}

#[test]
fn only_one_sale_line_pays_a_sale_in_suspense() {
    let (mut world, payment) = in_suspense();
    world.must(clear(payment, 10_000, 60));
    for (kind, amount) in [
        (ClearLineKind::Sale, 10_000),
        (ClearLineKind::Refund, -10_000),
        (ClearLineKind::Reversal, -10_000),
        (ClearLineKind::ChargeBack, -10_000),
    ] {
        world.must(line_of(kind, Some(payment), amount, 0));
        let id = world.engine.open_breaks().last().unwrap().id;
        let evidence = world.engine.break_evidence(id).unwrap();
        assert_eq!(evidence.difference, LineDifference::Whole, "{kind:?}");
        assert_eq!(world.sum(A::NetworkReceivable), 0, "{kind:?}");
    }
}

#[test]
fn a_line_without_a_payment_is_applied_to_a_sale_in_suspense() {
    let (mut world, payment) = in_suspense();
    world.must(line_of(ClearLineKind::Offline, None, 10_000, 60));
    let break_id = world.engine.open_breaks().last().unwrap().id;
    let resolution = BreakResolution::ToPayment(payment);
    world.must(propose_resolution(break_id, resolution, ANNA));
    world.must(approve_resolution(break_id, resolution, BO));
    assert_eq!(world.sum(A::NetworkReceivable), 0);
    world.must(taken(payment)).must(book(payment));
    assert_eq!(world.payment(payment).state, T::Released);
}

#[test]
fn a_sale_that_was_paid_less_before_its_answer_stays_when_it_is_rejected() {
    let mut world = owned_by(LossOwner::Seller);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(offline_sale(1, parcel, 10_000));
    // Nothing is known to be charged back or refunded before the network has answered or paid.
    let unknown = world.sum(A::NetworkReceivable);
    for kind in [ClearLineKind::ChargeBack, ClearLineKind::Refund] {
        world.must(line_of(kind, Some(payment), -100, 0));
        assert_eq!(world.sum(A::NetworkReceivable), unknown);
    }
    world.must(clear(payment, 9_000, 63)).must(resolve_advice(payment, NO_FUNDS));
    assert_eq!(world.payment(payment).state, T::Approved);
    world.must(charge_back(payment, 1, 100));
}

#[test]
fn each_sale_in_suspense_has_a_number_of_its_own() {
    let mut world = offline(20_000, 20_000);
    let parcel = ParcelId::derived(SELLER, "o-1");
    world.must(offline_sale(1, parcel, 10)).must(offline_sale(2, parcel, 20));
    let numbers: Vec<u8> =
        world.engine.pending_requests().map(|pending| pending.payment.number).collect();
    assert_eq!(numbers, [FIRST_SUSPENDED_PAYMENT, FIRST_SUSPENDED_PAYMENT + 1]);
    let unknown = PaymentId { parcel, number: FIRST_SUSPENDED_PAYMENT + 2 };
    world.refused(book(unknown), Refusal::NotFound(MissingRecord::Payment));
}

#[test]
fn a_completion_is_charged_by_the_tariff_of_its_own_day() {
    let mut dearer = shipped_terms();
    dearer.cod.card.fixed = Amount::of(100);
    let mut world = World::open();
    world.must(open_batch(1)).must(publish(2, "2013-08-30", None, dearer));
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(pre_authorise(1, parcel, 10_000)).must(approve(payment));
    world.on("2013-08-30").must(complete(2, payment, 10_000));
    world.must(resolve_completion(payment, COMPLETED));
    let payment = world.payment(payment);
    assert_eq!((payment.tariff.version, payment.fees.minor()), (2, 78 + 100));
}
