//! Each kind of line of a network's or wallet's file, for payments in any state and for payments
//! that the books do not know (docs/files/clearing.md).

use books::chart::AccountKind as A;
use books::view::{ParcelState, PaymentState as T};
use books::*;
use money::Amount;

use crate::world::*;
use ClearLineKind as K;

const RAILS: BreakSubject = BreakSubject::Network(NETWORK);

/// An approved card payment of 100.00. The tariff's fee of the network is 0.63, the seller's share
/// 99.22.
fn paid_by_card(world: &mut World, order: &str) -> PaymentId {
    world.parcel(order, 10_000).dispatch().card(10_000).approve().last_payment()
}

fn cleared(world: &mut World, order: &str) -> PaymentId {
    world.parcel(order, 10_000).dispatch().card(10_000).approve().clear().last_payment()
}

fn line(kind: K, payment: PaymentId, amount: i64, deducted: i64) -> Command {
    line_of(kind, Some(payment), amount, deducted)
}

/// The open breaks: side and amount, and what of its line each is.
fn breaks(world: &World) -> Vec<(BreakSide, u64, LineDifference)> {
    let open = world.engine.open_breaks().into_iter();
    open.map(|one| {
        let evidence = world.engine.break_evidence(one.id).expect("a line raised it");
        (one.side, one.amount.minor(), evidence.difference)
    })
    .collect()
}

fn close(world: &mut World, id: BreakId, resolution: BreakResolution) {
    world.must(propose_resolution(id, resolution, ANNA));
    world.must(approve_resolution(id, resolution, BO));
}

#[test]
fn a_line_has_the_next_number_of_its_rail() {
    let mut world = World::open();
    let payments = ["o-1", "o-2", "o-3"].map(|order| paid_by_card(&mut world, order));
    let requests = payments.map(|payment| match world.numbered(clear(payment, 1, 0)) {
        Command::ClearLine(one) => one.reference,
        _ => unreachable!("a line"),
    });
    let numbered = |file, line, payment| match line_of(K::Sale, Some(payment), 10_000, 63) {
        Command::ClearLine(one) => {
            let place = payments.iter().position(|one| *one == payment).unwrap();
            let reference = requests[place].clone();
            Command::ClearLine(ClearLine { file, line, reference, ..one })
        }
        _ => unreachable!("a line"),
    };
    world.refused(numbered(1, 2, payments[0]), Refusal::WrongSequenceNumber(1));
    world.refused(numbered(2, 1, payments[0]), Refusal::WrongSequenceNumber(1));
    world.must(numbered(1, 1, payments[0])).repeated(numbered(1, 1, payments[0]));
    world.refused(numbered(1, 1, payments[1]), Refusal::NumberUsed(1));
    world.refused(numbered(1, 3, payments[1]), Refusal::WrongSequenceNumber(2));
    world.must(numbered(1, 2, payments[1])).repeated(numbered(1, 1, payments[0]));
    world.refused(numbered(3, 1, payments[2]), Refusal::WrongSequenceNumber(2));
    world.refused(numbered(2, 2, payments[2]), Refusal::WrongSequenceNumber(1));
    world.must(numbered(2, 1, payments[2])).repeated(numbered(2, 1, payments[2]));
    // The lines of the last file are remembered, however many; those of earlier files are not.
    world.refused(numbered(1, 2, payments[1]), Refusal::NumberForgotten(2));
    assert_eq!(world.engine.last_cleared_line(RailId::Network(NETWORK)), Some((2, 1)));
    assert_eq!(world.engine.last_cleared_line(RailId::Wallet(WALLET)), Some((0, 0)));
    assert_eq!(world.sum(A::Bank), 3 * 9_937);
    for line in 2..20 {
        world.must(line_of(K::FeeCorrection, None, 0, 0));
        assert_eq!(world.engine.last_cleared_line(RailId::Network(NETWORK)), Some((2, line)));
    }
    world.repeated(numbered(2, 1, payments[2]));
}

#[test]
fn completions_and_offline_sales_are_cleared_as_sales_are() {
    for kind in [K::Sale, K::Completion, K::Offline] {
        let mut world = World::open();
        let payment = paid_by_card(&mut world, "o-1");
        world.must(line(kind, payment, 10_000, 63));
        assert_eq!(world.payment(payment).state, T::Released, "{kind:?}");
        assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::Bank)), (0, 9_937));
    }
}

#[test]
fn a_network_that_keeps_more_than_it_pays_takes_it_from_the_bank() {
    let mut world = World::open();
    let payment = paid_by_card(&mut world, "o-1");
    world.must(clear(payment, 10_000, 10_001));
    assert_eq!((world.sum(A::Bank), world.sum(A::Suspense)), (-1, 9_938));
    assert_eq!(world.sum(A::NetworkReceivable), 0);
}

/// The file was cut before the reversal.
#[test]
fn what_was_reversed_too_late_for_a_file_is_taken_back_by_the_next() {
    let unknown = |world: &mut World, payment| {
        world.must(outcome_unknown(payment));
    };
    let reversed = |world: &mut World, payment| {
        world.must(outcome_unknown(payment)).must(reverse(payment));
    };
    let states: [fn(&mut World, PaymentId); 3] = [|_, _| {}, unknown, reversed];
    for bring in states {
        let mut world = World::open();
        let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).last_payment();
        bring(&mut world, payment);
        let before = world.payment(payment).state;
        world.must(line(K::Sale, payment, 10_000, 63));
        assert_eq!(world.payment(payment).state, before, "it is not received");
        world.expect(&[(A::Bank, 9_937), (A::ClearingCost, 63), (A::NetworkReceivable, -10_000)]);
        world.must(line(K::Reversal, payment, -10_000, -63));
        world.expect(&[]);
        assert_eq!(breaks(&world), []);
        // It was taken back: a second reversal is not explained, nor is a second sale.
        world.must(line(K::Reversal, payment, -10_000, -63));
        world.must(line(K::Sale, payment, 10_000, 63));
        let whole = LineDifference::Whole;
        let both = [(BreakSide::Shortfall, 9_937, whole), (BreakSide::Excess, 9_937, whole)];
        assert_eq!(breaks(&world), both);
        assert_eq!(world.sum(A::NetworkReceivable), 0);
    }
}

#[test]
fn a_payment_that_is_being_voided_is_received_if_the_network_declines_the_void() {
    let mut world = World::open();
    let parcel = world.must(open_batch(1)).dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(sell(1, parcel, 10_000)).must(approve(payment)).must(void(2, payment));
    world.must(line(K::Sale, payment, 10_000, 63));
    assert_eq!(world.payment(payment).state, T::Reversing(ReversalKind::Void));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::SellerHeld)), (0, 9_922));
    world.must(reversal_failed(payment, ResponseCode::of(b"12")));
    assert_eq!(world.payment(payment).state, T::Released);
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, 9_922));
}

#[test]
fn a_payment_that_is_voided_after_its_line_is_owed_to_the_network() {
    let mut world = World::open();
    let parcel = world.must(open_batch(1)).dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(sell(1, parcel, 10_000)).must(approve(payment)).must(void(2, payment));
    world.must(line(K::Sale, payment, 10_000, 63)).must(reversal_done(payment));
    assert_eq!(world.payment(payment).state, T::Reversed);
    world.expect(&[(A::Bank, 9_937), (A::ClearingCost, 63), (A::NetworkReceivable, -10_000)]);
    world.must(line(K::Reversal, payment, -10_000, -63)).expect(&[]);
}

#[test]
fn the_line_of_a_payment_that_was_not_answered_yet_pays_it_once_it_is_approved() {
    for (amount, expected) in
        [(10_000, vec![]), (10_010, vec![(BreakSide::Excess, 10, LineDifference::Amount)])]
    {
        let mut world = World::open();
        let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).last_payment();
        world.must(line(K::Sale, payment, amount, 63));
        world.must(approve(payment));
        assert_eq!(world.payment(payment).state, T::Released);
        assert_eq!(world.sum(A::NetworkReceivable), 0);
        assert_eq!(breaks(&world), expected);
    }
}

#[test]
fn the_line_of_a_reversed_completion_does_not_pay_the_next_one() {
    let mut world = World::open();
    let parcel = world.must(open_batch(1)).dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(pre_authorise(1, parcel, 10_000)).must(approve(payment));
    world.must(complete(2, payment, 10_000));
    world.must(resolve_completion(payment, PaymentResolution::Unknown));
    // The line of the completion under STAN 2.
    let Command::ClearLine(of_first) = line(K::Completion, payment, 10_000, 63) else {
        unreachable!("a line");
    };
    world.must(Command::ClearLine(ClearLine { reference: request(2), ..of_first }));
    world.must(Command::ConfirmCompletionReversal(ConfirmCompletionReversal { payment }));
    world.must(complete(3, payment, 10_000)).must(resolve_completion(payment, COMPLETED));
    assert_eq!(world.payment(payment).state, T::Approved);
    world.must(line(K::Reversal, payment, -10_000, -63));
    world.must(line(K::Completion, payment, 10_000, 63));
    assert_eq!(world.payment(payment).state, T::Released);
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::Bank)), (0, 9_937));
    assert_eq!(breaks(&world), []);
}

#[test]
fn a_seller_is_paid_what_arrived() {
    for resolution in [
        BreakResolution::WriteOff,
        BreakResolution::ThroughBank(BANK),
        BreakResolution::ToSeller(SELLER),
    ] {
        let mut world = World::open();
        let payment = paid_by_card(&mut world, "o-1");
        world.must(clear(payment, 9_000, 63));
        assert_eq!(breaks(&world), [(BreakSide::Shortfall, 1_000, LineDifference::Amount)]);
        assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::Suspense)), (0, 1_000));
        assert_eq!(world.payment(payment).state, T::Approved);
        close(&mut world, FIRST_AUTOMATIC_BREAK, resolution);
        assert_eq!(world.payment(payment).state, T::Released, "{resolution:?}");
        assert_eq!((world.sum(A::Suspense), world.sum(A::SellerHeld)), (0, 0));
    }
}

#[test]
fn a_payment_of_which_too_much_arrived_is_received() {
    let mut world = World::open();
    let payment = paid_by_card(&mut world, "o-1");
    world.must(clear(payment, 11_000, 63));
    assert_eq!(breaks(&world), [(BreakSide::Excess, 1_000, LineDifference::Amount)]);
    assert_eq!(world.payment(payment).state, T::Released);
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::SellerPayable)), (0, 9_922));
}

#[test]
fn a_sale_that_no_payment_explains_is_in_suspense_with_its_evidence() {
    let mut world = World::open();
    let twice = cleared(&mut world, "o-1");
    let declined = world.parcel("o-2", 10_000).dispatch().card(10_000).decline().last_payment();
    let cash = world.parcel("o-3", 10_000).dispatch().cash(10_000).last_payment();
    let unknown = PaymentId { parcel: ParcelId::new(77), number: 1 };
    let suspense = (world.sum(A::NetworkReceivable), world.sum(A::Suspense));
    assert_eq!(suspense, (0, 0));
    for payment in [Some(twice), Some(declined), Some(cash), Some(unknown), None] {
        world.must(line_of(K::Sale, payment, 10_000, 63));
        let last = world.engine.open_breaks().last().copied().expect("a break");
        assert_eq!(
            (last.subject, last.side, last.amount.minor()),
            (RAILS, BreakSide::Excess, 9_937)
        );
        let evidence = world.engine.break_evidence(last.id).expect("a line raised it").clone();
        assert_eq!(evidence.line, *world.lines.last().unwrap());
        let evidence = Some(Box::new(evidence));
        let raised = Event::BreakRaised { break_id: last.id, amount: last.amount, evidence };
        assert_eq!(world.events(), [raised]);
    }
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::Suspense)), (0, -5 * 9_937));
    assert_eq!(world.sum(A::Bank), 6 * 9_937);
}

#[test]
fn a_refund_that_the_network_took_is_in_its_file_later() {
    let mut world = World::open();
    let parcel = world.must(open_batch(1)).dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(sell(1, parcel, 10_000)).must(approve(payment)).must(clear(payment, 10_000, 63));
    world.must(begin_refund(2, payment, 4_000)).must(resolve_refund(2, ResponseCode::APPROVED));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::BuyerRefunds)), (-4_000, 0));
    world.must(line(K::Refund, payment, -4_000, 0));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::Bank)), (0, 5_937));
    assert_eq!(breaks(&world), []);
}

#[test]
fn a_refund_that_the_network_did_though_it_said_otherwise_is_forwarded_now() {
    for answered in [None, Some(ResponseCode::of(b"12"))] {
        let mut world = World::open();
        let parcel = world.must(open_batch(1)).dispatched_parcel("o-1", 10_000);
        let payment = first(parcel);
        world.must(sell(1, parcel, 10_000)).must(approve(payment)).must(clear(payment, 10_000, 63));
        world.must(begin_refund(2, payment, 4_000));
        if let Some(code) = answered {
            world.must(resolve_refund(2, code));
        }
        assert_eq!(world.sum(A::BuyerRefunds), 4_000);
        world.must(line(K::Refund, payment, -4_000, 0));
        let amount = Amount::of(4_000);
        assert!(world.events().contains(&Event::RefundForwarded { payment, amount }));
        assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::BuyerRefunds)), (0, 0));
        // Nobody pays it again.
        world.refused(confirm_refund(payment, 1, 4_000), Refusal::PaymentState);
        world.repeated(resolve_refund(2, ResponseCode::APPROVED));
    }
}

#[test]
fn a_refund_that_the_books_do_not_owe_is_a_break() {
    let mut world = World::open();
    let payment = cleared(&mut world, "o-1");
    world.must(refund(payment, 1, 4_000)).must(confirm_refund(payment, 1, 4_000));
    world.must(line(K::Refund, payment, -4_000, 0));
    assert_eq!(breaks(&world), [(BreakSide::Shortfall, 4_000, LineDifference::Whole)]);
    assert_eq!(world.sum(A::NetworkReceivable), 0);
}

#[test]
fn a_chargeback_is_booked_by_its_notice_or_by_its_line() {
    for noticed in [0, 1_000, 4_000] {
        let mut world = World::open();
        let payment = cleared(&mut world, "o-1");
        if noticed > 0 {
            world.must(charge_back(payment, 1, noticed));
        }
        world.must(line(K::ChargeBack, payment, -4_000, 0));
        assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::SellerPayable)), (0, 5_922));
        assert_eq!(world.payment(payment).refunded, Amount::of(4_000));
        assert_eq!(world.sum(A::Bank), 5_937);
        assert_eq!(breaks(&world), []);
    }
}

#[test]
fn a_notice_after_the_line_of_its_chargeback_is_a_repeat() {
    let mut world = World::open();
    let payment = cleared(&mut world, "o-1");
    world.must(line(K::ChargeBack, payment, -4_000, 0)).repeated(charge_back(payment, 1, 4_000));
}

#[test]
fn a_chargeback_of_more_than_stands_is_a_break_with_the_rest() {
    let mut world = World::open();
    let payment = cleared(&mut world, "o-1");
    world.must(refund(payment, 1, 9_000));
    world.must(line(K::ChargeBack, payment, -4_000, 150));
    let side = BreakSide::Shortfall;
    let expected = [(side, 150, LineDifference::Fee), (side, 3_000, LineDifference::Rest)];
    assert_eq!(breaks(&world), expected);
    assert_eq!(world.payment(payment).refunded, Amount::of(10_000));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::SellerPayable)), (0, -78));
}

#[test]
fn a_chargeback_of_a_forgotten_payment_is_charged_to_its_seller_by_two_people() {
    let mut world = World::open();
    let payment = cleared(&mut world, "o-1");
    world.forget_batch().on("2014-08-28");
    let before = day("2014-01-01");
    world.must(Command::ForgetClosed(ForgetClosed { before, limit: 1_000 }));
    assert_eq!(world.engine.parcel_view(payment.parcel), None);
    world.must(line(K::ChargeBack, payment, -10_000, 0));
    let id = FIRST_AUTOMATIC_BREAK;
    assert_eq!(breaks(&world), [(BreakSide::Shortfall, 10_000, LineDifference::Whole)]);
    let resolution = BreakResolution::ToSeller(SELLER);
    world.must(propose_resolution(id, resolution, ANNA));
    world.refused(approve_resolution(id, resolution, ANNA), Refusal::SamePerson);
    world.must(approve_resolution(id, resolution, BO));
    let amount = Amount::of(10_000);
    let (seller, currency) = (SELLER, money::Currency::CNY);
    let charged = Event::SellerCharged { seller, currency, break_id: id, amount };
    assert!(world.events().contains(&charged));
    assert_eq!((world.sum(A::Suspense), world.sum(A::SellerPayable)), (0, -78));
    world.repeated(approve_resolution(id, resolution, BO));
}

#[test]
fn an_excess_can_be_a_sellers() {
    let mut world = World::open();
    world.must(line_of(K::Sale, None, 10_000, 63));
    close(&mut world, FIRST_AUTOMATIC_BREAK, BreakResolution::ToSeller(SELLER));
    world.expect(&[(A::Bank, 9_937), (A::SellerPayable, 9_937)]);
}

#[test]
fn a_line_is_applied_to_the_payment_that_people_found() {
    let mut world = World::open();
    let payment = paid_by_card(&mut world, "o-1");
    world.must(line_of(K::Sale, None, 10_000, 70));
    assert_eq!((world.sum(A::Suspense), world.sum(A::NetworkReceivable)), (-9_930, 10_000));
    close(&mut world, FIRST_AUTOMATIC_BREAK, BreakResolution::ToPayment(payment));
    assert_eq!(world.payment(payment).state, T::Released);
    assert_eq!(world.sum(A::NetworkReceivable), 0);
    assert_eq!(breaks(&world), [(BreakSide::Shortfall, 7, LineDifference::Fee)]);
    // A chargeback takes its way back.
    world.must(line_of(K::ChargeBack, None, -4_000, 0));
    let id = BreakId(FIRST_AUTOMATIC_BREAK.0 + 2);
    close(&mut world, id, BreakResolution::ToPayment(payment));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::SellerPayable)), (0, 5_922));
    assert_eq!(world.sum(A::Suspense), 7);
}

#[test]
fn a_line_is_applied_only_if_nothing_of_it_is_left_over() {
    let mut world = World::open();
    let payment = paid_by_card(&mut world, "o-1");
    let id = FIRST_AUTOMATIC_BREAK;
    world.must(line_of(K::Sale, None, 9_999, 63));
    let apply = |payment| propose_resolution(id, BreakResolution::ToPayment(payment), ANNA);
    world.refused(apply(payment), Refusal::PaymentState);
    let second = PaymentId { number: 2, ..payment };
    world.refused(apply(second), Refusal::NotFound(MissingRecord::Payment));
    // The payment can change between the two people.
    world.must(line_of(K::Sale, None, 10_000, 63));
    let id = BreakId(id.0 + 1);
    world.must(propose_resolution(id, BreakResolution::ToPayment(payment), ANNA));
    world.must(clear(payment, 10_000, 63));
    let approval = approve_resolution(id, BreakResolution::ToPayment(payment), BO);
    world.refused(approval, Refusal::PaymentState);
}

#[test]
fn only_the_break_of_a_line_is_a_sellers_or_a_payments() {
    let mut world = World::open();
    let payment = paid_by_card(&mut world, "o-1");
    world.must(raise_break(1, RAILS, BreakSide::Shortfall, 500));
    for resolution in [BreakResolution::ToSeller(SELLER), BreakResolution::ToPayment(payment)] {
        let proposal = propose_resolution(BreakId(1), resolution, ANNA);
        world.refused(proposal, Refusal::PlanState);
    }
    world.must(clear(payment, 10_000, 70));
    let to_payment = BreakResolution::ToPayment(payment);
    let proposal = propose_resolution(FIRST_AUTOMATIC_BREAK, to_payment, ANNA);
    world.refused(proposal, Refusal::PaymentState);
    let nobody = BreakResolution::ToSeller(SellerId(77));
    let missing = Refusal::NotFound(MissingRecord::Seller(SellerId(77)));
    world.refused(propose_resolution(FIRST_AUTOMATIC_BREAK, nobody, ANNA), missing);
}

/// What was held is held no more, what was released is taken from what is payable.
#[test]
fn a_payment_reversed_after_it_was_cleared_is_taken_back_from_its_seller() {
    for (rule, account) in
        [(HoldRule::DaysAfterHeld(2), A::SellerHeld), (HoldRule::AtOnce, A::SellerPayable)]
    {
        let mut world = World::set(Setup { hold: rule, ..Setup::default() });
        let payment = cleared(&mut world, "o-1");
        assert_eq!(world.sum(account), 9_922);
        world.must(reverse(payment));
        assert_eq!(world.payment(payment).state, T::Reversed);
        assert_eq!(world.view(payment.parcel).state, ParcelState::Out);
        // All fees are given back, the seller has nothing.
        world.expect(&[(A::Bank, 9_937), (A::ClearingCost, 63), (A::NetworkReceivable, -10_000)]);
        world.repeated(reverse(payment));
        world.must(line(K::Reversal, payment, -10_000, -63)).expect(&[]);
        // The parcel is paid another way, and nothing of the first payment is released.
        world.parcel_steps(payment.parcel).qr(10_000).approve().clear();
        world.on("2013-08-30").must(release("2013-08-30"));
        assert_eq!(world.sum(A::SellerPayable), 9_870);
        assert_eq!(breaks(&world), []);
    }
}

#[test]
fn a_seller_who_was_paid_owes_a_payment_that_is_reversed_later() {
    let mut world = World::open();
    let payment = cleared(&mut world, "o-1");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1)).must(confirm_payout(1));
    world.must(reverse(payment));
    assert_eq!((world.sum(A::SellerPayable), world.sum(A::Bank)), (-9_922, 15));
    world.must(line(K::Reversal, payment, -10_000, -63));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::Bank)), (0, 15 - 9_937));
}

#[test]
fn a_reversal_of_a_payment_that_stands_is_a_break() {
    let mut world = World::open();
    let payment = cleared(&mut world, "o-1");
    world.must(line(K::Reversal, payment, -10_000, -63));
    assert_eq!(breaks(&world), [(BreakSide::Shortfall, 9_937, LineDifference::Whole)]);
    assert_eq!(world.payment(payment).state, T::Released);
    // The network acknowledges it later: then the line is explained.
    world.must(reverse(payment));
    close(&mut world, FIRST_AUTOMATIC_BREAK, BreakResolution::ToPayment(payment));
    world.expect(&[]);
}

#[test]
fn a_correction_closes_the_fee_breaks_of_its_payment_first() {
    let mut world = World::open();
    let (older, own) = (paid_by_card(&mut world, "o-1"), paid_by_card(&mut world, "o-2"));
    world.must(clear(older, 10_000, 70)).must(clear(own, 10_000, 73));
    let [first, second] = [0, 1].map(|place| BreakId(FIRST_AUTOMATIC_BREAK.0 + place));
    world.must(propose_resolution(first, BreakResolution::WriteOff, ANNA));
    world.must(line(K::FeeCorrection, own, 0, -12));
    let reduced = |break_id, amount, left| Event::BreakReduced {
        break_id,
        amount: Amount::of(amount),
        left: Amount::of(left),
    };
    assert_eq!(world.events(), [reduced(second, 10, 0), reduced(first, 2, 5)]);
    assert_eq!(breaks(&world), [(BreakSide::Shortfall, 5, LineDifference::Fee)]);
    // The proposal was for all of the break.
    world.refused(approve_resolution(first, BreakResolution::WriteOff, BO), Refusal::PlanState);
    let missing = Refusal::NotFound(MissingRecord::Break(second));
    world.refused(propose_resolution(second, BreakResolution::WriteOff, ANNA), missing);
    // What is left of a correction is a break of the other side.
    world.must(line_of(K::FeeCorrection, None, 0, -8));
    assert_eq!(breaks(&world), [(BreakSide::Excess, 3, LineDifference::Fee)]);
    assert_eq!((world.sum(A::Suspense), world.sum(A::ClearingCost)), (-3, 126));
    world.must(line_of(K::FeeCorrection, None, 0, 3));
    assert_eq!(breaks(&world), []);
    assert_eq!((world.sum(A::Bank), world.sum(A::NetworkReceivable)), (20_000 - 126, 0));
}

#[test]
fn a_correction_explains_nothing_at_another_rail() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().qr(10_000).approve().last_payment();
    world.must(clear(payment, 10_000, 70));
    world.must(line_of(K::FeeCorrection, None, 0, -10));
    let (fee, less) = (LineDifference::Fee, BreakSide::Shortfall);
    assert_eq!(breaks(&world), [(less, 10, fee), (BreakSide::Excess, 10, fee)]);
}

#[test]
fn a_wallet_gives_back_what_was_paid_too_late() {
    for kind in [K::Refund, K::Reversal] {
        let mut world = World::open();
        let payment = world.parcel("o-1", 10_000).dispatch().qr(10_000).unknown().last_payment();
        world.must(pay(payment));
        assert_eq!(world.payment(payment).state, T::Declined);
        world.must(line(K::Sale, payment, 10_000, 60));
        assert_eq!(world.sum(A::WalletReceivable), -10_000);
        world.must(line(kind, payment, -10_000, -60));
        assert_eq!((world.sum(A::WalletReceivable), world.sum(A::Bank)), (0, 0));
        assert_eq!(breaks(&world), []);
    }
}

#[test]
fn a_parcel_is_not_forgotten_while_a_line_is_to_come() {
    let mut world = World::open();
    let payment = cleared(&mut world, "o-1");
    world.must(charge_back(payment, 1, 1_000)).forget_batch().on("2014-08-28");
    let forget = Command::ForgetClosed(ForgetClosed { before: day("2014-01-01"), limit: 1_000 });
    world.must(forget.clone());
    assert!(world.engine.parcel_view(payment.parcel).is_some());
    world.must(line(K::ChargeBack, payment, -1_000, 0)).must(forget);
    assert!(world.engine.parcel_view(payment.parcel).is_none());
}

fn of_request(command: Command, other: LineReference) -> Command {
    let Command::ClearLine(line) = command else { unreachable!("a line") };
    Command::ClearLine(ClearLine { reference: other, ..line })
}

#[test]
fn a_line_of_another_request_does_not_pay_the_payment_that_it_names() {
    let mut world = World::open();
    let parcel = world.must(open_batch(1)).dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(sell(1, parcel, 10_000)).must(approve(payment));
    for kind in [K::Sale, K::Completion, K::Offline, K::ChargeBack, K::Representment] {
        let amount = if kind == K::ChargeBack { -10_000 } else { 10_000 };
        let named = world.numbered(line(kind, payment, amount, 0));
        let contradicted = ContradictedLine { known: request(1), line: request(2) };
        let why = Refusal::LineOfAnotherRequest(Box::new(contradicted));
        let known = "whose request has RRN 3E044G500001, STAN 500001, 2013-08-28T01:00:00Z";
        assert!(why.to_string().contains(known), "{why}");
        world.refused(of_request(named, request(2)), why);
    }
    // The same line without the payment is a break, which two people may apply to it.
    let unnamed = world.numbered(line_of(K::Sale, None, 10_000, 63));
    world.must(of_request(unnamed, request(2)));
    close(&mut world, FIRST_AUTOMATIC_BREAK, BreakResolution::ToPayment(payment));
    assert_eq!(world.payment(payment).state, T::Released);
    // Corrections and what is taken back have references of their own.
    let fee = world.numbered(line(K::FeeCorrection, payment, 0, 5));
    world.must(of_request(fee, request(2)));
}

#[test]
fn a_line_of_a_request_that_nobody_remembers_is_taken_as_it_is() {
    let mut world = World::open();
    let parcel = world.must(open_batch(1)).dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(sell(1, parcel, 10_000)).must(approve(payment));
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals)).must(open_batch(2));
    world.declined_sale_in(2).must(close_batch(2, BatchTotals::default())).must(open_batch(3));
    let named = world.numbered(line(K::Sale, payment, 10_000, 63));
    world.must(of_request(named, ANOTHER_REQUEST));
    assert_eq!(world.payment(payment).state, T::Released);
}

#[test]
fn a_networks_line_names_a_request_and_a_wallets_line_an_order() {
    let mut world = World::open();
    let card = paid_by_card(&mut world, "o-1");
    let qr = world.parcel("o-2", 10_000).dispatch().qr(10_000).approve().last_payment();
    let order = LineReference::Order("00000004000001000001".into());
    let named = world.numbered(line(K::Sale, card, 10_000, 63));
    world.refused(of_request(named, order), Refusal::ReferenceOfOtherRail);
    let named = world.numbered(line(K::Sale, qr, 10_000, 38));
    world.refused(of_request(named.clone(), ANOTHER_REQUEST), Refusal::ReferenceOfOtherRail);
    let other = LineReference::Order("00000004000001000099".into());
    let Command::ClearLine(own) = named.clone() else { unreachable!("a line") };
    let known = own.reference;
    let contradicted = ContradictedLine { known: known.clone(), line: other.clone() };
    let why = Refusal::LineOfAnotherRequest(Box::new(contradicted));
    assert!(why.to_string().contains("the line has order 00000004000001000099"), "{why}");
    world.refused(of_request(named.clone(), other), why).must(named);
    // A network that names a wallet's payment contradicts it.
    let Command::ClearLine(one) = world.numbered(line_of(K::Sale, None, 10_000, 63)) else {
        unreachable!("a line");
    };
    let contradicted = Box::new(ContradictedLine { known, line: ANOTHER_REQUEST });
    let of_qr = Command::ClearLine(ClearLine { payment: Some(qr), ..one });
    world.refused(of_qr, Refusal::LineOfAnotherRequest(contradicted));
}

#[test]
fn a_lines_break_is_a_matter_of_its_payments_seller() {
    let mut world = World::open();
    let payment = paid_by_card(&mut world, "o-1");
    world.must(clear(payment, 9_000, 63));
    let anothers = BreakResolution::ToSeller(OTHER_SELLER);
    let why = Refusal::NotThePaymentsSeller(SELLER);
    world.refused(propose_resolution(FIRST_AUTOMATIC_BREAK, anothers, ANNA), why);
    close(&mut world, FIRST_AUTOMATIC_BREAK, BreakResolution::ToSeller(SELLER));
}

#[test]
fn a_sellers_break_is_checked_again_when_it_is_approved() {
    let mut world = World::open();
    let parcel = ParcelId::derived(SELLER, "o-1");
    let payment = first(parcel);
    world.must(line(K::Sale, payment, 10_000, 0));
    let anothers = BreakResolution::ToSeller(OTHER_SELLER);
    world.must(propose_resolution(FIRST_AUTOMATIC_BREAK, anothers, ANNA));
    world.must(announce(SELLER, "o-1", 10_000));
    let why = Refusal::NotThePaymentsSeller(SELLER);
    world.refused(approve_resolution(FIRST_AUTOMATIC_BREAK, anothers, BO), why);
}
