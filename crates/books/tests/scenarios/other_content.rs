//! `Repeated` means that exactly this was carried out before. A used number or id with other
//! content is a mistake of the sender: it is refused as such, and nothing changes.

use books::*;
use money::{Amount, Currency};

use crate::world::*;

/// Another account in the same currency.
const OTHER_BANK: BankId = BankId(9);

fn open() -> World {
    let mut world = World::open();
    world.must(Command::RegisterBank(RegisterBank {
        bank: OTHER_BANK,
        currency: Currency::CNY,
        reference: "other bank".into(),
    }));
    world
}

fn paid_by_card(world: &mut World) -> PaymentId {
    world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment()
}

/// The command with a field changed.
macro_rules! with {
    ($command:expr, $kind:ident, $($field:ident = $value:expr),+) => {{
        let Command::$kind(mut command) = $command else { unreachable!("another command") };
        $(command.$field = $value;)+
        Command::$kind(command)
    }};
}

#[test]
fn an_attempt_with_another_reason_is_not_a_retry() {
    let mut world = open();
    let parcel = world.parcel("o-1", 10_000).dispatch().attempt().dispatch().id();
    let other = with!(attempt(parcel, 1), RecordAttempt, reason = AttemptReason::CannotPay);
    world.repeated(attempt(parcel, 1)).refused(other.clone(), Refusal::NumberUsed(1));
    // The reasons stay known when a parcel was closed and is out again.
    let payment = world.parcel_steps(parcel).card(10_000).approve().last_payment();
    world.must(reverse(payment));
    world.repeated(attempt(parcel, 1)).refused(other, Refusal::NumberUsed(1));
}

#[test]
fn a_refund_of_another_amount_or_kind_is_not_a_retry() {
    let mut world = open();
    let payment = paid_by_card(&mut world);
    world.must(refund(payment, 1, 100)).must(charge_back(payment, 2, 100));
    world.repeated(refund(payment, 1, 100)).repeated(charge_back(payment, 2, 100));
    for other in [refund(payment, 1, 101), charge_back(payment, 1, 100)] {
        world.refused(other, Refusal::NumberUsed(1));
    }
    for other in [charge_back(payment, 2, 99), refund(payment, 2, 100)] {
        world.refused(other, Refusal::NumberUsed(2));
    }
}

#[test]
fn a_refund_under_the_number_of_a_terminals_refund_is_not_a_retry() {
    let mut world = open();
    let payment = paid_by_card(&mut world);
    world.must(open_batch(1)).must(begin_refund(1, payment, 100));
    world.repeated(begin_refund(1, payment, 100));
    world.refused(refund(payment, 1, 100), Refusal::NumberUsed(1));
    world.must(refund(payment, 2, 100));
}

#[test]
fn a_confirmation_of_a_refund_by_another_bank_or_of_another_amount_is_not_a_retry() {
    let mut world = open();
    let payment = paid_by_card(&mut world);
    world.fund_bank(100).must(refund(payment, 1, 100)).must(confirm_refund(payment, 1, 100));
    world.repeated(confirm_refund(payment, 1, 100));
    let other = with!(confirm_refund(payment, 1, 100), ConfirmRefund, bank = OTHER_BANK);
    for other in [other, confirm_refund(payment, 1, 99)] {
        world.refused(other, Refusal::NumberUsed(1));
    }
}

#[test]
fn a_hand_over_counted_otherwise_is_not_a_retry() {
    let mut world = open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 9_000)).repeated(count(1, 9_000));
    for other in [
        count(1, 10_000),
        with!(count(1, 9_000), CountHandOver, counted_by = ANNA),
        with!(count(1, 9_000), CountHandOver, code_mac = mac_of(HandOverId(1), CODE + 1)),
    ] {
        world.refused(other, Refusal::OtherContent);
    }
}

#[test]
fn a_repayment_of_another_amount_is_not_a_retry() {
    let mut world = open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 9_000)).must(repay(COURIER, 1, 600));
    world.repeated(repay(COURIER, 1, 600)).refused(repay(COURIER, 1, 400), Refusal::NumberUsed(1));
}

#[test]
fn a_deposit_at_another_bank_is_not_a_retry() {
    let mut world = open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 10_000)).must(deposit(1, 6_000));
    let other = with!(deposit(1, 6_000), AnnounceDeposit, bank = OTHER_BANK);
    world.refused(other.clone(), Refusal::NumberUsed(1));
    world.must(confirm_deposit(1, 6_000)).refused(other, Refusal::NumberUsed(1));
    world.repeated(deposit(1, 6_000));
}

#[test]
fn a_deposit_credited_with_another_amount_or_cancelled_is_not_a_retry() {
    let mut world = open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 10_000));
    world.must(deposit(1, 6_000)).must(confirm_deposit(1, 6_000));
    world.must(deposit(2, 4_000)).must(cancel_deposit(2));
    world.repeated(confirm_deposit(1, 6_000)).repeated(cancel_deposit(2));
    for other in [confirm_deposit(1, 5_999), cancel_deposit(1), confirm_deposit(2, 4_000)] {
        world.refused(other, Refusal::OtherContent);
    }
    // The id of a deposit that ended is not used for the next one.
    world.refused(deposit_with_id(2, 3, 4_000), Refusal::IdentifierTaken);
}

#[test]
fn a_commission_paid_from_another_bank_or_in_another_amount_is_not_a_retry() {
    let mut world = open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 10_000));
    world.fund_bank(60).must(pay_commission(1, 60)).repeated(pay_commission(1, 60));
    let other = with!(pay_commission(1, 60), PayCommission, bank = OTHER_BANK);
    for other in [other, pay_commission(1, 40)] {
        world.refused(other, Refusal::NumberUsed(1));
    }
}

#[test]
fn of_old_numbers_nobody_knows_the_content_and_so_they_are_not_retries() {
    let mut world = open();
    let last = u32::try_from(NUMBERS_REMEMBERED).unwrap() + 1;
    for number in 1..=last {
        world.parcel(&format!("o-{number}"), 10_000).dispatch().cash(10_000);
        world.must(start_hand_over(number)).must(count(number, 9_990));
        world.must(repay(COURIER, number, 10)).must(deposit(number, 10_000));
        world.must(confirm_deposit(number.into(), 10_000)).must(pay_commission(number, 1));
    }
    for command in [start_hand_over, |one| repay(COURIER, one, 10), |one| pay_commission(one, 1)] {
        world.refused(command(1), Refusal::NumberForgotten(1));
        world.repeated(command(2)).repeated(command(last));
    }
    world.refused(deposit(1, 10_000), Refusal::NumberForgotten(1)).repeated(deposit(2, 10_000));
    let missing = Refusal::NotFound(MissingRecord::Deposit(DepositId(1)));
    world.refused(confirm_deposit(1, 10_000), missing).repeated(confirm_deposit(2, 10_000));
    let missing = Refusal::NotFound(MissingRecord::HandOver(HandOverId(1)));
    world.refused(count(1, 9_990), missing).repeated(count(2, 9_990));
}

#[test]
fn a_deposit_confirmed_long_after_later_ones_is_still_recognised() {
    let mut world = open();
    world.parcel("o-1", 100_000).dispatch().cash(100_000);
    world.must(start_hand_over(1)).must(count(1, 100_000));
    let last = u32::try_from(NUMBERS_REMEMBERED).unwrap() + 1;
    for number in 1..=last {
        world.must(deposit(number, 1_000));
    }
    world.refused(deposit_with_id(1, last + 1, 1_000), Refusal::IdentifierTaken);
    world.must(confirm_deposit(1, 1_000)).repeated(confirm_deposit(1, 1_000));
    world.refused(confirm_deposit(1, 999), Refusal::OtherContent);
    world.refused(deposit_with_id(1, last + 1, 1_000), Refusal::IdentifierTaken);
}

#[test]
fn a_line_into_another_bank_is_not_a_retry() {
    let mut world = World::set(Setup { hold: HoldRule::DaysAfterHeld(1), ..Setup::default() });
    let bank =
        RegisterBank { bank: OTHER_BANK, currency: Currency::CNY, reference: "other bank".into() };
    world.must(Command::RegisterBank(bank));
    let payment = paid_by_card(&mut world);
    let line = world.numbered(clear(payment, 10_000, 63));
    world.must(line.clone()).repeated(line.clone());
    world.refused(with!(line, ClearLine, bank = OTHER_BANK), Refusal::NumberUsed(1));
}

#[test]
fn a_break_with_another_owner_is_not_a_retry() {
    let mut world = open();
    let raised = raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500);
    world.must(raised.clone()).repeated(raised.clone());
    world.refused(with!(raised, RaiseBreak, owner = BO), Refusal::IdentifierTaken);
}

#[test]
fn a_break_closed_by_another_person_or_otherwise_is_not_a_retry() {
    let mut world = open();
    let through_bank = BreakResolution::ThroughBank(BANK);
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500));
    world.must(propose_resolution(BreakId(1), through_bank, ANNA));
    world.must(approve_resolution(BreakId(1), through_bank, BO));
    world.repeated(propose_resolution(BreakId(1), through_bank, ANNA));
    world.repeated(approve_resolution(BreakId(1), through_bank, BO));
    for other in [
        approve_resolution(BreakId(1), through_bank, CASHIER),
        approve_resolution(BreakId(1), BreakResolution::WriteOff, BO),
    ] {
        world.refused(other, Refusal::NumberUsed(1));
    }
    let other = propose_resolution(BreakId(1), through_bank, CASHIER);
    world.refused(other, Refusal::NumberUsed(1));
}

#[test]
fn a_plan_of_another_person_is_not_a_retry() {
    let mut world = open();
    world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    world.must(plan(1, ANNA)).repeated(plan(1, ANNA));
    world.refused(plan(1, BO), Refusal::IdentifierTaken);
}

#[test]
fn a_plan_approved_or_executed_otherwise_is_not_a_retry() {
    let mut world = open();
    world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    world.must(plan(1, ANNA)).must(approve_plan(1, BO));
    world.repeated(approve_plan(1, BO)).refused(approve_plan(1, CASHIER), Refusal::OtherContent);
    world.must(execute(1)).repeated(execute(1)).repeated(approve_plan(1, BO));
    world.refused(approve_plan(1, CASHIER), Refusal::OtherContent);
    let other = with!(execute(1), ExecuteSettlement, bank = OTHER_BANK);
    world.refused(other, Refusal::OtherContent);
}

#[test]
fn a_plan_rejected_by_another_person_is_not_a_retry() {
    let mut world = open();
    world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    world.must(plan(1, ANNA)).must(reject_plan(1, BO)).repeated(reject_plan(1, BO));
    world.refused(reject_plan(1, ANNA), Refusal::OtherContent);
}

#[test]
fn a_parcel_announced_with_another_amount_or_reference_is_not_a_retry() {
    let mut world = open();
    let announced = announce(SELLER, "o-1", 10_000);
    let due = with!(announced.clone(), AnnounceParcel, due = Amount::of(9_000));
    let reference = with!(announced.clone(), AnnounceParcel, reference = "o-2".into());
    let parcel = world.parcel("o-1", 10_000).dispatch().id();
    let check = |world: &mut World| {
        world.repeated(announced.clone());
        world.refused(due.clone(), Refusal::IdentifierTaken);
        world.refused(reference.clone(), Refusal::IdentifierTaken);
    };
    check(&mut world);
    // Also when less is due, when it is delivered, and when it is out again.
    world.must(accept_part(parcel, 9_000));
    check(&mut world);
    let payment = world.parcel_steps(parcel).card(9_000).approve().last_payment();
    check(&mut world);
    world.must(reverse(payment));
    check(&mut world);
    // When it is back, its order needs another shipment, whatever the content.
    world.parcel_steps(parcel).refuse().return_to_seller();
    for command in [announced, due, reference] {
        world.refused(command, Refusal::ShipmentEnded);
    }
}

#[test]
fn a_parcel_refused_for_another_reason_is_not_a_retry() {
    let mut world = open();
    let parcel = world.parcel("o-1", 10_000).dispatch().refuse().id();
    let other = with!(refuse(parcel), RefuseParcel, reason = RefuseReason::AmountDisputed);
    world.repeated(refuse(parcel)).refused(other, Refusal::OtherContent);
}

#[test]
fn a_parcel_that_is_out_again_has_no_part_accepted_by_that() {
    let mut world = open();
    let payment = paid_by_card(&mut world);
    let parcel = payment.parcel;
    world.must(reverse(payment));
    world.refused(accept_part(parcel, 10_000), Refusal::AmountTooLarge(Amount::of(10_000)));
    world.must(accept_part(parcel, 9_000)).repeated(accept_part(parcel, 9_000));
    let payment = world.parcel_steps(parcel).card(9_000).approve().last_payment();
    world.must(reverse(payment)).repeated(accept_part(parcel, 9_000));
}

#[test]
fn a_terminal_registered_with_another_courier_is_not_a_retry() {
    let mut world = open();
    let terminal = TERMINAL;
    let with = |courier| Command::RegisterTerminal(RegisterTerminal { terminal, courier });
    world.repeated(with(COURIER)).refused(with(COLLEAGUE), Refusal::IdentifierTaken);
    // It is handed over since; the registration is what it was.
    world.must(hand_terminal(terminal, 1, COLLEAGUE));
    world.repeated(with(COURIER)).refused(with(COLLEAGUE), Refusal::IdentifierTaken);
}

#[test]
fn a_tariff_version_with_another_end_is_not_a_retry() {
    let mut world = open();
    let first = |until| publish(1, "2013-02-25", until, shipped_terms());
    world.refused(first(Some("2013-08-28")), Refusal::BadVersion);
    // A version without an end can be given one in the future, once.
    world.must(first(Some("2013-09-01"))).repeated(first(Some("2013-09-01"))).repeated(first(None));
    world.refused(first(Some("2013-09-02")), Refusal::IdentifierTaken);
    let second = |until| publish(2, "2013-09-01", until, shipped_terms());
    world.must(second(Some("2013-10-01"))).refused(second(None), Refusal::IdentifierTaken);
}

#[test]
fn a_withdrawal_by_other_people_is_not_a_retry() {
    let mut world = open();
    let (later, now) = (world.at.plus_ms(1_000), world.at);
    let by_others =
        |number, from| with!(withdraw(number, from), WithdrawNetwork, approved_by = CASHIER);
    world.must(withdraw(1, later)).repeated(withdraw(1, later));
    world.refused(by_others(1, later), Refusal::NumberUsed(1));
    // Until it starts it can be decided again.
    world.must(by_others(2, later)).must(withdraw(3, now)).repeated(withdraw(3, now));
    world.refused(by_others(3, now), Refusal::NumberUsed(3));
}

#[test]
fn a_forgotten_payments_refunds_are_forgotten_with_it() {
    let mut world = open();
    let payment = paid_by_card(&mut world);
    world.must(clear(payment, 10_000, 63)).must(refund(payment, 1, 100));
    world.must(confirm_refund(payment, 1, 100)).forget_batch().on("2014-06-01");
    let known = world.engine.known_parcel_count();
    let (before, limit) = (day("2013-10-01"), RECORDS_PER_COMMAND_MAX);
    world.must(Command::ForgetClosed(ForgetClosed { before, limit }));
    assert_eq!(world.engine.known_parcel_count(), known - 1);
    let unknown = Refusal::NotFound(MissingRecord::Parcel(payment.parcel));
    world.refused(refund(payment, 1, 100), unknown);
}
