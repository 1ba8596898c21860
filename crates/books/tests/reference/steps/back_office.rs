//! Steps of hubs and the back office: cash, clearing, settlement, breaks.

use books::settlement_view::OpenInvoice;
use books::*;
use money::{Amount, Currency};

use super::clearing::line_resolution;
use super::step_table::{
    cash_of, commission_of, couriers_with_cash, debtors, firms_with_cash, firms_with_commission,
    sellers_with_payable,
};
use super::{Choices, Mistake};
use crate::model::{Numbered, PlanState, SellerAccount};
use crate::world::{self, BANKS, FIRMS, NETWORKS, WALLETS};

pub fn start_hand_over(roll: &Choices) -> Command {
    let couriers = couriers_with_cash(roll);
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
        3..6 if explained => roll.amount(expected - expected / 2),
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

/// A courier, the next number, and an amount that is short.
fn reduction(roll: &Choices) -> (CourierId, u32, Amount) {
    let couriers = debtors(roll);
    let courier = roll.pick(0, &couriers, |die| CourierId(11 + u64::try_from(die % 6).unwrap()));
    let known = roll.model.couriers.get(&courier);
    let short = known.map_or(0, |_| roll.model.balance(roll.model.courier_accounts(courier).1));
    let next = roll.model.count_of(Numbered::ShortageReductions(courier)) + 1;
    (courier, roll.count(next), roll.part(u64::try_from(short).unwrap_or(u64::MAX)))
}

pub fn repay(roll: &Choices) -> Command {
    let (courier, number, amount) = reduction(roll);
    Command::RepayShortage(RepayShortage { courier, number, amount })
}

/// Two persons end a shortage that the courier does not repay.
pub fn end_shortage(roll: &Choices) -> Command {
    let (courier, number, amount) = reduction(roll);
    let proposed_by = roll.person(1);
    let approved_by = roll.second(proposed_by, 2);
    let firm = roll.model.couriers.get(&courier).map(|one| one.firm);
    let earned = firm.map_or(0, |firm| commission_of(roll, firm));
    let earned = Amount::of(u64::try_from(earned.max(0)).unwrap_or(u64::MAX).min(amount.minor()));
    let room = firm.map_or(0, |firm| roll.model.guarantee_left(firm));
    let room = Amount::of(room.min(amount.minor()));
    // Commission is seldom payable while cash is short, and a guarantee seldom has room.
    let kinds = if earned.is_zero() { 3 } else { 12 };
    match roll.number_at(1) / 4 % kinds {
        0 => Command::WriteOffShortage(WriteOffShortage {
            courier,
            number,
            amount,
            proposed_by,
            approved_by,
        }),
        1 | 2 => Command::CoverShortage(CoverShortage {
            courier,
            number,
            amount: if roll.makes_mistake(Mistake::AmountAbove) { amount } else { room },
            proposed_by,
            approved_by,
        }),
        _ => Command::DeductShortage(DeductShortage {
            courier,
            number,
            amount: if roll.makes_mistake(Mistake::AmountAbove) { amount } else { earned },
            proposed_by,
            approved_by,
        }),
    }
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
    Command::AnnounceDeposit(AnnounceDeposit { deposit, firm, number, bank, amount })
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

pub fn release_due(roll: &Choices) -> Command {
    let date = match roll.step.mistake {
        Mistake::NumberAbove => roll.model.today.plus_days(1),
        Mistake::NumberBelow => roll.model.today.previous_day(),
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
    let somebody =
        rich.get(roll.number_at(0) % rich.len().max(1)).map(|id| (&id.1, &roll.model.sellers[id]));
    let (cycle, currency) = match (roll.step.mistake, somebody) {
        (Mistake::None, Some((currency, seller))) => (seller.cycle, *currency),
        (Mistake::AnyThing, _) => (SettlementCycle::Daily, Currency::JPY),
        _ => (SettlementCycle::Monthly, Currency::CNY),
    };
    let plan = PlanId(roll.new_id(roll.model.plans.len()));
    Command::PlanSettlement(PlanSettlement { plan, cycle, currency, planned_by: roll.person(2) })
}

pub fn approve(roll: &Choices) -> Command {
    let plan = roll.plan(PlanState::Planned);
    let planned_by = roll.model.plans.get(&plan).map_or(PersonId(1), |plan| plan.planned_by);
    Command::ApproveSettlement(ApproveSettlement { plan, approved_by: roll.second(planned_by, 1) })
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
    let (debit, credit) = match roll.number_at(2) % 13 {
        0 | 1 => (bank, own),
        2 | 3 => (own, bank),
        4 => (bank, seller),
        5 => (seller, bank),
        6..9 => (own, seller),
        9..12 => (seller, own),
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
    Command::RaiseBreak(RaiseBreak { break_id, subject, side, amount, owner: roll.person(2) })
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

/// An open break that a person raised.
pub fn raised_breaks(roll: &Choices) -> Vec<BreakId> {
    let raised = roll.model.breaks.range(..FIRST_AUTOMATIC_BREAK);
    raised.filter(|(_, one)| !one.closed).map(|(id, _)| *id).collect()
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

pub fn withdraw_break(roll: &Choices) -> Command {
    let break_id = raised_break(roll);
    let proposed_by = roll.person(2);
    let approved_by = roll.second(proposed_by, 3);
    Command::WithdrawBreak(WithdrawBreak { break_id, proposed_by, approved_by })
}

pub fn reclassify_break(roll: &Choices) -> Command {
    let break_id = raised_break(roll);
    let (number, subject) = (next_change(roll, break_id), any_subject(roll));
    let proposed_by = roll.person(2);
    let approved_by = roll.second(proposed_by, 3);
    let change = ReclassifyBreak { break_id, number, subject, proposed_by, approved_by };
    Command::ReclassifyBreak(change)
}

pub fn approve_closing(roll: &Choices) -> Command {
    let break_id = roll.open_break(true);
    let proposal = roll.model.breaks.get(&break_id).and_then(|one| one.proposal);
    let (amount, proposed_by) = proposal.map_or((None, PersonId(1)), |(_, part, by)| (part, by));
    let resolution = match proposal {
        Some((resolution, ..)) if !roll.makes_mistake(Mistake::AmountAbove) => resolution,
        _ => BreakResolution::ThroughBank(BANKS[roll.number_at(2) % 2]),
    };
    let approved_by = roll.second(proposed_by, 1);
    let number = next_change(roll, break_id);
    let approval = ApproveBreakResolution { break_id, number, resolution, amount, approved_by };
    Command::ApproveBreakResolution(approval)
}

/// A confirmed payout comes back.
pub fn return_payout(roll: &Choices) -> Command {
    Command::ReturnPayout(ReturnPayout { payout: roll.pick(0, &roll.arrived(), |_| roll.payout()) })
}
