//! Steps of people and networks after a chargeback.

use books::*;
use money::{Amount, Currency};

use super::clearing::line;
use super::{Choices, Mistake};
use crate::model::Chargeback;

/// The chargebacks that are neither won nor lost.
pub fn open_chargebacks(roll: &Choices) -> Vec<(PaymentId, u8)> {
    let open = roll.model.chargebacks.all.iter().filter(|(_, one)| one.won.is_none());
    open.map(|(number, _)| *number).collect()
}

fn any_chargeback(roll: &Choices) -> (PaymentId, u8) {
    let all: Vec<_> = roll.model.chargebacks.all.keys().copied().collect();
    roll.pick(0, &all, |die| (roll.payment(|_| true), u8::try_from(die % 3).unwrap()))
}

fn open_chargeback(roll: &Choices) -> (PaymentId, u8) {
    roll.pick(0, &open_chargebacks(roll), |_| any_chargeback(roll))
}

pub fn contest(roll: &Choices) -> Command {
    let (payment, number) = open_chargeback(roll);
    let early = roll.makes_mistake(Mistake::NumberBelow);
    let answer_by = roll.model.today.plus_days(roll.step.random_numbers[1] % 20);
    Command::ContestChargeback(ContestChargeback {
        payment,
        number,
        evidence: format!("case {}", roll.number_at(2) % 3),
        digest: Sha256Digest([roll.step.random_numbers[1].to_le_bytes()[0]; 32]),
        answer_by: if early { BusinessDate(roll.model.today.0 - 1) } else { answer_by },
        contested_by: roll.person(2),
    })
}

pub fn win(roll: &Choices) -> Command {
    let (payment, number) =
        if roll.one_in(1, 5) { any_chargeback(roll) } else { open_chargeback(roll) };
    Command::WinChargeback(WinChargeback { payment, number })
}

pub fn win_by_two(roll: &Choices) -> Command {
    let (payment, number) =
        if roll.one_in(1, 5) { any_chargeback(roll) } else { open_chargeback(roll) };
    let proposed_by = roll.person(2);
    let approved_by = roll.second(proposed_by, 3);
    let win = WinChargebackByTwoPersons { payment, number, proposed_by, approved_by };
    Command::WinChargebackByTwoPersons(win)
}

/// The chargebacks that were won, and that no line has paid and nobody has taken back.
pub fn won_chargebacks(roll: &Choices) -> Vec<(PaymentId, u8)> {
    let unpaid = |id: PaymentId, amount: u64| {
        let known = roll.model.payment(id);
        known.is_ok_and(|one| {
            let to_be_paid = one.won_back - one.file.paid_back;
            one.is_posted() && amount <= one.standing() && u128::from(amount) <= to_be_paid
        })
    };
    let won = |one: &Chargeback| one.won == Some(true) && one.taken_back_by.is_none();
    let all = roll.model.chargebacks.all.iter();
    let all = all.filter(|((id, _), one)| won(one) && unpaid(*id, one.amount));
    all.map(|(number, _)| *number).collect()
}

pub fn take_back_won(roll: &Choices) -> Command {
    let (payment, number) = roll.pick(0, &won_chargebacks(roll), |_| any_chargeback(roll));
    let known = roll.model.chargebacks.all.get(&(payment, number));
    let before = known.map(|one| [one.won_by.map(|by| by[0]), one.contester()]);
    let before: Vec<_> = before.into_iter().flatten().flatten().collect();
    let proposed_by = roll.person(2);
    let approved_by = roll.second_beside(proposed_by, &before, 3);
    let taken = TakeBackWonChargeback { payment, number, proposed_by, approved_by };
    Command::TakeBackWonChargeback(taken)
}

pub fn lose(roll: &Choices) -> Command {
    let (payment, number) = open_chargeback(roll);
    Command::LoseChargeback(LoseChargeback { payment, number })
}

/// Mostly for a chargeback without a fee.
pub fn announce_fee(roll: &Choices) -> Command {
    let free = roll.model.chargebacks.all.iter().filter(|(_, one)| one.fee == 0);
    let free: Vec<_> = free.map(|(number, _)| *number).collect();
    let (payment, number) = roll.pick(0, &free, |_| any_chargeback(roll));
    let most = roll.model.payment(payment).map_or(1, |_| roll.model.most_for_chargeback(payment).0);
    Command::ChargebackFee(ChargebackFee { payment, number, amount: roll.part(most.max(1)) })
}

pub fn set_fee(roll: &Choices) -> Command {
    let currency = if roll.one_in(0, 4) { Currency::BRL } else { Currency::CNY };
    let currency = if roll.makes_mistake(Mistake::AnyThing) { Currency::JPY } else { currency };
    let done = roll.model.chargebacks.fees.get(&currency).map_or(0, Vec::len);
    let proposed_by = roll.person(2);
    Command::SetChargebackFee(SetChargebackFee {
        currency,
        number: roll.count(u32::try_from(done + 1).unwrap()),
        most: Amount::of(10 + u64::from(roll.step.random_numbers[1] % 30)),
        borne_by: match roll.one_in(3, 2) {
            true => ChargebackFeeBearer::Seller,
            false => ChargebackFeeBearer::Doorstep,
        },
        proposed_by,
        approved_by: roll.second(proposed_by, 3),
    })
}

/// Mostly pays back what is won, or just one chargeback.
pub fn representment_line(roll: &Choices) -> Command {
    let (payment, number) = any_chargeback(roll);
    let one = roll.model.chargebacks.all.get(&(payment, number)).map_or(100, |one| one.amount);
    let known = roll.model.payment(payment);
    let won = known.map_or(0, |one| one.won_back - one.file.paid_back);
    let amount = match roll.number_at(1) % 6 {
        0..3 => one.into(),
        3 => won.max(1),
        4 => won + u128::from(one),
        _ => u128::from(one) + 1,
    };
    let deducted = i128::from(roll.number_at(2).is_multiple_of(3)) * 12;
    let kind = ClearLineKind::Representment;
    line(roll, kind, Some(payment), (i128::try_from(amount).unwrap(), deducted))
}

/// Takes a fee that was announced, or another one.
pub fn chargeback_fee_line(roll: &Choices) -> Command {
    let owed = |id: &PaymentId| {
        roll.model.payment(*id).is_ok() && roll.model.announced_chargeback_fees(*id) > 0
    };
    let all = roll.model.chargebacks.all.keys().map(|(payment, _)| *payment);
    let announced: Vec<_> = all.filter(owed).collect();
    let payment = roll.pick(0, &announced, |_| any_chargeback(roll).0);
    let fee = if owed(&payment) { roll.model.announced_chargeback_fees(payment) } else { 5 };
    let more = u64::from(roll.step.random_numbers[1] % 3);
    let kind = ClearLineKind::FeeCorrection;
    line(roll, kind, Some(payment), (0, i128::from(fee + more)))
}
