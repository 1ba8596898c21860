//! Steps of hubs and the back office: cash, clearing, settlement, breaks.

use books::settlement_view::OpenInvoice;
use books::*;
use money::{Amount, Currency};

use super::clearing::{
    is_proposed_to_line, line_resolution, may_be_of_a_payment, payments_explaining,
};
use super::step_table::{
    cash_of, commission_of, couriers_with_cash, debtors, debtors_of, firms_with_cash,
    firms_with_commission, guarantee_of, is_cash, sellers_with_payable,
};
use super::{Choices, Mistake};
use crate::model::taxes::tax_account;
use crate::model::{Break, Numbered, PlanState, SellerAccount};
use crate::world::{self, BANKS, FIRMS, NETWORKS, WALLETS};

pub fn start_hand_over(roll: &Choices) -> Command {
    let mut couriers = couriers_with_cash(roll);
    // Often somebody whose earlier surplus can explain a shortage.
    let explained = |id: &CourierId| roll.model.has_open_surplus(*id);
    if roll.one_in(1, 2) && couriers.iter().any(explained) {
        couriers.retain(explained);
    }
    let courier = roll.pick(0, &couriers, |die| CourierId(11 + u64::try_from(die % 6).unwrap()));
    let handover = HandOverId(roll.new_id(roll.model.handovers_started));
    let code_mac = world::code_mac(handover, 0);
    let last = roll.model.count_of(Numbered::HandOvers(courier));
    let number = roll.count(last + 1);
    Command::StartHandOver(StartHandOver { handover, courier, number, code_mac })
}

pub fn count(roll: &Choices) -> Command {
    let handover = open_hand_over(roll);
    let known = roll.model.handovers.get(&handover);
    let expected = known.map_or(1_000, |one| one.expected);
    // Often short if an earlier surplus can explain it.
    let explained = known.is_some_and(|one| roll.model.has_open_surplus(one.courier));
    let counted = match roll.number_at(1) % 10 {
        1..9 if explained => roll.amount(expected - expected / 2),
        0..5 => roll.amount(expected),
        5 | 6 => roll.amount(expected - expected / 5),
        7 | 8 => roll.amount(expected.saturating_add(50)),
        _ => Amount::ZERO,
    };
    let code_mac = world::code_mac(handover, u8::from(roll.makes_mistake(Mistake::NumberAbove)));
    let counted_by = match known {
        Some(one) if roll.makes_mistake(Mistake::SomebodyElse) => PersonId(one.courier.0),
        _ => roll.person(2),
    };
    if roll.one_in(3, 5) {
        let supervisor = roll.second(counted_by, 3);
        return Command::CountHandOverBySupervisor(CountHandOverBySupervisor {
            handover,
            counted,
            counted_by,
            supervisor,
        });
    }
    Command::CountHandOver(CountHandOver { handover, code_mac, counted, counted_by })
}

/// Somebody tries codes.
pub fn try_code(roll: &Choices) -> Command {
    let handover = open_hand_over(roll);
    let code_mac = world::code_mac(handover, roll.step.random_numbers[1].to_le_bytes()[0] % 8);
    let counted = roll.amount(roll.model.handovers.get(&handover).map_or(1, |one| one.expected));
    let counted_by = roll.person(2);
    Command::CountHandOver(CountHandOver { handover, code_mac, counted, counted_by })
}

pub fn cancel_hand_over(roll: &Choices) -> Command {
    let (handover, cancelled_by) = (open_hand_over(roll), roll.person(2));
    Command::CancelHandOver(CancelHandOver { handover, cancelled_by })
}

fn open_hand_over(roll: &Choices) -> HandOverId {
    let open = roll.model.handovers.iter().filter(|(_, one)| one.ended_by.is_none());
    let open: Vec<_> = open.map(|(id, _)| *id).collect();
    roll.pick(0, &open, |die| HandOverId(u64::try_from(die % 6).unwrap()))
}

/// What is short of a courier, of at most so much.
fn reduction(roll: &Choices, couriers: &[CourierId], most: u64) -> (CourierId, u32, Amount) {
    let courier = roll.pick(0, couriers, |die| CourierId(11 + u64::try_from(die % 6).unwrap()));
    let known = roll.model.couriers.get(&courier);
    let short = known.map_or(0, |_| roll.model.balance(roll.model.courier_accounts(courier).1));
    let short = u64::try_from(short).unwrap_or(u64::MAX);
    let next = roll.model.count_of(Numbered::ShortageReductions(courier)) + 1;
    (courier, roll.count(next), roll.part(short.min(most)))
}

pub fn repay(roll: &Choices) -> Command {
    let (courier, number, amount) = reduction(roll, &debtors(roll), u64::MAX);
    Command::RepayShortage(RepayShortage { courier, number, amount })
}

pub fn write_off_shortage(roll: &Choices) -> Command {
    let (courier, number, amount) = reduction(roll, &debtors(roll), u64::MAX);
    let proposed_by = roll.person(1);
    let counters = roll.model.short_counters(courier);
    let approved_by = roll.second_beside(proposed_by, &counters, 2);
    let command = WriteOffShortage { courier, number, amount, proposed_by, approved_by };
    Command::WriteOffShortage(command)
}

pub fn cover_shortage(roll: &Choices) -> Command {
    let couriers = debtors_of(roll, |firm| guarantee_of(roll, firm));
    let room = couriers.iter().map(|id| guarantee_of(roll, roll.model.couriers[id].firm)).min();
    let (courier, number, amount) = reduction(roll, &couriers, room.unwrap_or(u64::MAX));
    let proposed_by = roll.person(1);
    let counters = roll.model.short_counters(courier);
    let approved_by = roll.second_beside(proposed_by, &counters, 2);
    let command = CoverShortage { courier, number, amount, proposed_by, approved_by };
    Command::CoverShortage(command)
}

pub fn deduct_shortage(roll: &Choices) -> Command {
    let earned = |firm| u64::try_from(commission_of(roll, firm)).unwrap_or(0);
    let couriers = debtors_of(roll, earned);
    let most = couriers.iter().map(|id| earned(roll.model.couriers[id].firm)).min();
    let (courier, number, amount) = reduction(roll, &couriers, most.unwrap_or(u64::MAX));
    let proposed_by = roll.person(1);
    let counters = roll.model.short_counters(courier);
    let approved_by = roll.second_beside(proposed_by, &counters, 2);
    let command = DeductShortage { courier, number, amount, proposed_by, approved_by };
    Command::DeductShortage(command)
}

pub fn announce_deposit(roll: &Choices) -> Command {
    let firms = firms_with_cash(roll);
    let firm = roll.pick(0, &firms, |die| FIRMS[die % 3]);
    let known = roll.model.firms.get(&firm);
    let there = cash_of(roll, firm);
    let bank = roll.bank(known.map_or(Currency::CNY, |known| known.currency));
    let last = roll.model.deposits_announced;
    let old = roll.one_in(2, 20) && last > 0;
    let deposit = DepositId(if old { 1 } else { roll.new_id(last) });
    let amount = roll.part(u64::try_from(there).unwrap_or(u64::MAX));
    let number = roll.count(roll.model.count_of(Numbered::Deposits(firm)) + 1);
    let announced_by = roll.person(1);
    let new = AnnounceDeposit { deposit, firm, number, bank, amount, announced_by };
    Command::AnnounceDeposit(new)
}

pub fn confirm_deposit(roll: &Choices) -> Command {
    let open: Vec<_> = roll.model.deposits.keys().copied().collect();
    let deposit = roll.pick(0, &open, |die| DepositId(u64::try_from(die % 6).unwrap()));
    let announced = roll.model.deposits.get(&deposit).map_or(1, |one| one.amount);
    Command::ConfirmDeposit(ConfirmDeposit { deposit, credited: roll.part(announced) })
}

pub fn cancel_deposit(roll: &Choices) -> Command {
    let open: Vec<_> = roll.model.deposits.keys().copied().collect();
    let deposit = roll.pick(0, &open, |die| DepositId(u64::try_from(die % 6).unwrap()));
    let proposed_by = roll.person(1);
    let approved_by = roll.second(proposed_by, 2);
    Command::CancelDeposit(CancelDeposit { deposit, proposed_by, approved_by })
}

pub fn pay_commission(roll: &Choices) -> Command {
    let firm = roll.pick(0, &firms_with_commission(roll), |die| FIRMS[die % 3]);
    let known = roll.model.firms.get(&firm);
    let number = roll.count(roll.model.count_of(Numbered::CommissionPayments(firm)) + 1);
    let bank = roll.bank(known.map_or(Currency::CNY, |known| known.currency));
    let earned = u64::try_from(commission_of(roll, firm)).unwrap_or(u64::MAX);
    let amount = if roll.pays_often { roll.amount(1) } else { roll.part(earned) };
    let proposed_by = roll.person(1);
    let approved_by = roll.second(proposed_by, 2);
    Command::PayCommission(PayCommission { firm, number, bank, amount, proposed_by, approved_by })
}

pub fn pay_tax(roll: &Choices) -> Command {
    let tax = Tax::ALL[roll.number_at(0) % 2];
    let currency = [Currency::CNY, Currency::CNY, Currency::BRL][roll.number_at(1) % 3];
    let owed = roll.model.balance(tax_account(tax, currency));
    let proposed_by = roll.person(1);
    Command::PayTax(PayTax {
        number: roll.count(roll.model.count_of(Numbered::TaxPayments) + 1),
        tax,
        bank: roll.bank(currency),
        amount: roll.part(u64::try_from(owed).unwrap_or(0)),
        proposed_by,
        approved_by: roll.second(proposed_by, 2),
    })
}

pub fn release_due(roll: &Choices) -> Command {
    let date = match roll.step.mistake {
        Mistake::NumberAbove => roll.model.today.plus_days(1),
        Mistake::NumberBelow => roll.model.today.minus_days(1),
        _ => roll.model.today,
    };
    let limit = match roll.number_at(1) % 8 {
        0..5 => RECORDS_PER_COMMAND_MAX,
        5 => 1,
        6 => 2,
        _ if roll.makes_mistake(Mistake::AmountZero) => 0,
        _ => RECORDS_PER_COMMAND_MAX + u32::from(roll.makes_mistake(Mistake::AnyThing)),
    };
    Command::ReleaseDue(ReleaseDue { date, limit })
}

pub fn plan(roll: &Choices) -> Command {
    let rich = sellers_with_payable(roll);
    let somebody = rich.get(roll.number_at(0) % rich.len().max(1));
    let (cycle, currency) = match (roll.step.mistake, somebody) {
        (Mistake::None, Some(account)) => {
            (roll.model.seller_terms(*account, roll.model.today).cycle, account.1)
        }
        (Mistake::AnyThing, _) => (SettlementCycle::Daily, Currency::JPY),
        _ => (SettlementCycle::Monthly, Currency::CNY),
    };
    let plan = PlanId(roll.new_id(roll.model.plans.len()));
    Command::PlanSettlement(PlanSettlement { plan, cycle, currency, planned_by: roll.person(2) })
}

/// Mostly for a day after the last one of the calendar.
pub fn plan_cycle(roll: &Choices) -> Command {
    let Command::PlanSettlement(PlanSettlement { plan, cycle, currency, .. }) = plan(roll) else {
        unreachable!("a plan")
    };
    let today = roll.model.today;
    let date = match roll.step.mistake {
        Mistake::NumberAbove => today.plus_days(1),
        Mistake::AnyThing => today.minus_days(1),
        _ => today,
    };
    // An id that no plan has, also after plans for nobody.
    let days: usize = roll.model.calendar_days.values().map(Vec::len).sum();
    let plan = match roll.step.mistake {
        Mistake::NumberBelow => plan,
        _ => PlanId(roll.new_id(1_000 + days)),
    };
    Command::PlanCycle(PlanCycle { plan, date, cycle, currency })
}

pub fn approve(roll: &Choices) -> Command {
    let plan = roll.plan(PlanState::Planned);
    let known = roll.model.plans.get(&plan);
    let planned_by = known.map_or(Some(PersonId(1)), |plan| plan.planned_by);
    match (planned_by, roll.step.mistake) {
        (Some(person), mistake) if mistake != Mistake::AnyThing => {
            let approved_by = roll.second(person, 1);
            Command::ApproveSettlement(ApproveSettlement { plan, approved_by })
        }
        (None, Mistake::AmountZero) => {
            Command::ApproveSettlement(ApproveSettlement { plan, approved_by: roll.person(2) })
        }
        _ => {
            let proposed_by = roll.person(2);
            let approved_by = roll.second(proposed_by, 1);
            Command::ApproveCyclePlan(ApproveCyclePlan { plan, proposed_by, approved_by })
        }
    }
}

pub fn reject(roll: &Choices) -> Command {
    let state = [PlanState::Planned, PlanState::Approved][roll.number_at(1) % 2];
    Command::RejectSettlement(RejectSettlement {
        plan: roll.plan(state),
        rejected_by: roll.person(2),
    })
}

pub fn execute(roll: &Choices) -> Command {
    let plan = roll.plan(PlanState::Approved);
    let currency = roll.model.plans.get(&plan).map_or(Currency::CNY, |plan| plan.currency);
    Command::ExecuteSettlement(ExecuteSettlement { plan, bank: roll.bank(currency) })
}

pub fn invoice(roll: &Choices) -> Command {
    let debtors: Vec<_> = roll.model.below_zero.keys().copied().collect();
    let account = roll.pick(0, &debtors, any_account);
    let owed = u64::try_from(roll.model.debt(account)).unwrap_or(1);
    let number = roll.count(roll.model.count_of(Numbered::Invoices(account)) + 1);
    let ((seller, currency), amount) = (account, roll.part(owed));
    let invoiced_by = roll.person(2);
    Command::InvoiceSeller(InvoiceSeller { seller, currency, number, amount, invoiced_by })
}

pub fn pay_invoice(roll: &Choices) -> Command {
    let invoices = roll.model.open_invoices();
    let key = |one: &OpenInvoice| ((one.seller, one.currency), one.number);
    let open: Vec<_> = invoices.iter().map(key).collect();
    let any = |die| (any_account(die), u32::try_from(die % 3).unwrap());
    let (account, invoice) = roll.pick(0, &open, any);
    let known = invoices.iter().find(|one| key(one) == (account, invoice));
    let left = known.map_or(1, |one| one.amount.minor() - one.paid.minor());
    let last = roll.model.count_of(Numbered::InvoicePayments(account, invoice));
    let number = roll.number(u8::try_from(last + 1).unwrap());
    let (seller, currency) = account;
    let (bank, amount) = (roll.bank(currency), roll.part(left));
    let payment = RecordSellerPayment { seller, currency, invoice, number, bank, amount };
    Command::RecordSellerPayment(payment)
}

pub fn cancel_invoice(roll: &Choices) -> Command {
    let open = roll.model.open_invoices().into_iter();
    let open: Vec<_> = open.map(|one| ((one.seller, one.currency), one.number)).collect();
    let any = |die| (any_account(die), u32::try_from(die % 3).unwrap());
    let ((seller, currency), invoice) = roll.pick(0, &open, any);
    let proposed_by = roll.person(1);
    let approved_by = roll.second(proposed_by, 2);
    let cancel = CancelInvoice { seller, currency, invoice, proposed_by, approved_by };
    Command::CancelInvoice(cancel)
}

/// An account that a seller may have or not.
fn any_account(die: usize) -> SellerAccount {
    let currency = if die.is_multiple_of(5) { Currency::BRL } else { Currency::CNY };
    (SellerId(u64::try_from(die % 6).unwrap()), currency)
}

fn any_subject(roll: &Choices) -> BreakSubject {
    match roll.number_at(0) % 4 {
        0 => BreakSubject::Bank(BANKS[roll.number_at(1) % 2]),
        1 => BreakSubject::Network(NETWORKS[roll.number_at(1) % 3]),
        2 => BreakSubject::Wallet(WALLETS[roll.number_at(1) % 2]),
        _ => BreakSubject::FirmCash(FIRMS[roll.number_at(1) % 3]),
    }
}

pub fn adjust(roll: &Choices) -> Command {
    let currency = if roll.one_in(0, 4) { Currency::BRL } else { Currency::CNY };
    let own = [
        OwnAccount::OtherIncome,
        OwnAccount::ClearingCost,
        OwnAccount::WriteOffs,
        OwnAccount::OtherExpenses,
    ];
    let own = AdjustmentAccount::Own(own[roll.number_at(1) % own.len()]);
    let bank = AdjustmentAccount::Bank(roll.bank(currency));
    let seller = AdjustmentAccount::Seller(SellerId(u64::try_from(roll.number_at(0) % 6).unwrap()));
    let firm = AdjustmentAccount::Firm(FIRMS[roll.number_at(0) % 3]);
    let (debit, credit) = match roll.number_at(2) % 23 {
        0 | 1 => (bank, own),
        2 | 3 => (own, bank),
        4 => (bank, seller),
        5 => (seller, bank),
        6..9 => (own, seller),
        9..12 => (seller, own),
        12 => (bank, firm),
        13 => (firm, bank),
        14..17 => (own, firm),
        17..20 => (firm, own),
        20 => (firm, seller),
        21 => (seller, firm),
        _ => (own, own),
    };
    let proposed_by = roll.person(2);
    let early = roll.step.random_numbers[1] % 4;
    let value_date = match roll.makes_mistake(Mistake::NumberAbove) {
        true => roll.model.today.plus_days(1),
        false => BusinessDate(roll.model.today.0.saturating_sub(early)),
    };
    Command::PostAdjustment(PostAdjustment {
        number: roll.count(roll.model.count_of(Numbered::Adjustments) + 1),
        currency,
        debit,
        credit,
        amount: roll.amount(1 + u64::from(roll.step.random_numbers[3]) % 300),
        value_date,
        reference: "voucher 7".into(),
        proposed_by,
        approved_by: roll.second(proposed_by, 3),
    })
}

pub fn close_period(roll: &Choices) -> Command {
    let early = 1 + roll.step.random_numbers[1] % 3;
    let late = u16::from(roll.makes_mistake(Mistake::AmountAbove)) * 3;
    let until = BusinessDate((roll.model.today.0 + late).saturating_sub(early));
    let proposed_by = roll.person(2);
    Command::ClosePeriod(ClosePeriod {
        number: roll.count(roll.model.count_of(Numbered::PeriodCloses) + 1),
        until,
        proposed_by,
        approved_by: roll.second(proposed_by, 3),
    })
}

pub fn raise(roll: &Choices) -> Command {
    let subject = any_subject(roll);
    let own = roll.model.breaks.range(FIRST_AUTOMATIC_BREAK..).count();
    let break_id = BreakId(roll.new_id(roll.model.breaks.len() - own));
    let break_id =
        if roll.makes_mistake(Mistake::AnyThing) { FIRST_AUTOMATIC_BREAK } else { break_id };
    let side = if roll.one_in(2, 2) { BreakSide::Shortfall } else { BreakSide::Excess };
    let amount = roll.amount(10 + u64::from(roll.step.random_numbers[3]));
    let (owner, raised_by) = (roll.person(2), roll.person(1));
    let evidence = match roll.makes_mistake(Mistake::AnyThing) {
        true => String::new(),
        false => format!("statement {}", roll.number_at(0) % 2),
    };
    Command::RaiseBreak(RaiseBreak { break_id, subject, side, amount, evidence, owner, raised_by })
}

pub fn propose(roll: &Choices) -> Command {
    let break_id = roll.open_break(roll.number_at(1) % 6 == 5);
    let currency = roll.model.breaks.get(&break_id).map_or(Currency::CNY, |one| one.currency);
    let resolution = line_resolution(roll, break_id).unwrap_or(match roll.number_at(2) % 2 {
        0 => BreakResolution::WriteOff,
        _ => BreakResolution::ThroughBank(roll.bank(currency)),
    });
    let open = roll.model.breaks.get(&break_id).map_or(1, |one| one.amount);
    let in_part = roll.one_in(1, 3) && !matches!(resolution, BreakResolution::ToPayment(_));
    let amount = in_part.then(|| roll.part(open));
    let (number, proposed_by) = (next_change(roll, break_id), roll.person(3));
    let proposal = ProposeBreakResolution { break_id, number, resolution, amount, proposed_by };
    Command::ProposeBreakResolution(proposal)
}

fn next_change(roll: &Choices, id: BreakId) -> u8 {
    let done = roll.model.count_of(Numbered::BreakChanges(id));
    roll.number(u8::try_from(done + 1).unwrap())
}

pub fn assign_break(roll: &Choices) -> Command {
    let break_id = roll.open_break(roll.one_in(1, 3));
    let (number, owner, assigned_by) =
        (next_change(roll, break_id), roll.person(2), roll.person(3));
    Command::AssignBreak(AssignBreak { break_id, number, owner, assigned_by })
}

/// An open break that a person raised or counted.
pub fn raised_breaks(roll: &Choices) -> Vec<BreakId> {
    let of_count = |one: &Break| {
        matches!((one.subject, one.side), (BreakSubject::FirmCash(_), BreakSide::Excess))
    };
    let breaks = roll.model.breaks.iter().filter(|(_, one)| !one.closed);
    let by_people = breaks.filter(|(id, one)| **id < FIRST_AUTOMATIC_BREAK || of_count(one));
    by_people.map(|(id, _)| *id).collect()
}

/// Often a shortfall, because each world begins with an excess.
fn raised_break(roll: &Choices) -> BreakId {
    let mut raised = raised_breaks(roll);
    let is_short = |id: &BreakId| roll.model.breaks[id].side == BreakSide::Shortfall;
    if roll.one_in(1, 2) && raised.iter().any(is_short) {
        raised.retain(is_short);
    }
    roll.pick(0, &raised, |_| roll.open_break(false))
}

/// Mostly somebody who had no part in it.
fn second_of_break(roll: &Choices, id: BreakId, first: PersonId) -> PersonId {
    let known = roll.model.breaks.get(&id).filter(|_| !roll.one_in(3, 6));
    let fits = |by: &PersonId| known.is_some_and(|one| one.two_people(first, *by).is_ok());
    let others: Vec<_> = (1..=4).map(PersonId).filter(fits).collect();
    match roll.step.mistake {
        Mistake::SomebodyElse => first,
        _ => roll.pick(3, &others, |_| roll.second(first, 3)),
    }
}

pub fn withdraw_break(roll: &Choices) -> Command {
    let break_id = raised_break(roll);
    let proposed_by = roll.person(2);
    let approved_by = second_of_break(roll, break_id, proposed_by);
    Command::WithdrawBreak(WithdrawBreak { break_id, proposed_by, approved_by })
}

pub fn reclassify_break(roll: &Choices) -> Command {
    let break_id = raised_break(roll);
    let (number, subject) = (next_change(roll, break_id), any_subject(roll));
    let proposed_by = roll.person(2);
    let approved_by = second_of_break(roll, break_id, proposed_by);
    let change = ReclassifyBreak { break_id, number, subject, proposed_by, approved_by };
    Command::ReclassifyBreak(change)
}

/// Proposes to apply the line of a break to the payment that it was about.
pub fn propose_payment(roll: &Choices) -> Command {
    let breaks = roll.model.breaks.iter().filter(|(_, one)| may_be_of_a_payment(one));
    let explained: Vec<_> = breaks
        .flat_map(|(id, _)| payments_explaining(roll, *id).into_iter().map(|of| (*id, of)))
        .collect();
    let any = |_| (roll.open_break(false), roll.payment(|one| !is_cash(one)));
    let (break_id, payment) = roll.pick(0, &explained, any);
    let (resolution, amount) = (BreakResolution::ToPayment(payment), None);
    let (number, proposed_by) = (next_change(roll, break_id), roll.person(3));
    let proposal = ProposeBreakResolution { break_id, number, resolution, amount, proposed_by };
    Command::ProposeBreakResolution(proposal)
}

pub fn approve_closing(roll: &Choices) -> Command {
    approve_break(roll, roll.open_break(true))
}

pub fn approve_payment(roll: &Choices) -> Command {
    let proposed = roll.model.breaks.iter().filter(|(_, one)| is_proposed_to_line(one));
    let proposed: Vec<_> = proposed.map(|(id, _)| *id).collect();
    approve_break(roll, roll.pick(0, &proposed, |_| roll.open_break(true)))
}

fn approve_break(roll: &Choices, break_id: BreakId) -> Command {
    let proposal = roll.model.breaks.get(&break_id).and_then(|one| one.proposal);
    let (amount, proposed_by) = proposal.map_or((None, PersonId(1)), |(_, part, by)| (part, by));
    let resolution = match proposal {
        Some((resolution, ..)) if !roll.makes_mistake(Mistake::AmountAbove) => resolution,
        _ => BreakResolution::ThroughBank(BANKS[roll.number_at(2) % 2]),
    };
    let approved_by = second_of_break(roll, break_id, proposed_by);
    let number = next_change(roll, break_id);
    let approval = ApproveBreakResolution { break_id, number, resolution, amount, approved_by };
    Command::ApproveBreakResolution(approval)
}

/// A confirmed payout comes back.
pub fn return_payout(roll: &Choices) -> Command {
    Command::ReturnPayout(ReturnPayout { payout: roll.pick(0, &roll.arrived(), |_| roll.payout()) })
}
