//! Steps of networks and wallets: lines of their files, and what people do with their breaks.

use books::view::PaymentState as T;
use books::*;
use money::{Amount, Currency, SignedAmount};

use super::statements::last_amount;
use super::step_table::is_cash;
use super::{Choices, Mistake};
use crate::model::{Break, ModelMethod, ModelPayment};
use crate::world::{NETWORKS, WALLETS};

pub fn signed(minor: i128) -> SignedAmount {
    let limit = i128::from(i64::MAX);
    SignedAmount::of(i64::try_from(minor.clamp(-limit, limit)).expect("within the limits"))
}

/// The next line of the payment's rail, or of some rail.
pub fn line(
    roll: &Choices,
    kind: ClearLineKind,
    payment: Option<PaymentId>,
    (amount, deducted): (i128, i128),
) -> Command {
    let known = payment.and_then(|id| roll.model.payment(id).ok());
    let other = roll.makes_mistake(Mistake::SomebodyElse);
    let suspended = payment.and_then(|id| roll.model.suspended.get(&id)).map(|sale| sale.how);
    let method = suspended.or(known.map(|one| one.method));
    let rail = match method.filter(|_| !other) {
        Some(ModelMethod::Card(network, _)) => RailId::Network(network),
        Some(ModelMethod::Qr(wallet)) => RailId::Wallet(wallet),
        _ if roll.one_in(3, 2) => RailId::Wallet(WALLETS[roll.number_at(3) % 2]),
        _ => RailId::Network(NETWORKS[roll.number_at(3) % 3]),
    };
    let currency = match rail {
        RailId::Network(network) => roll.model.networks.get(&network),
        RailId::Wallet(wallet) => roll.model.wallets.get(&wallet),
    };
    let lines = roll.model.file_lines.get(&rail).map_or(&[][..], Vec::as_slice);
    let last_file = roll.model.last_file(rail.into());
    let last_line = lines.iter().rfind(|one| one.file == last_file).map_or(0, |one| one.line);
    let open = roll.model.open_file(rail.into());
    let was_begun = roll.model.files_of(rail.into()).last();
    let was_begun = was_begun.is_some_and(|one| one.begun.file == last_file);
    let new_file = open.is_none() && (last_file == 0 || was_begun || roll.one_in(3, 5));
    let (file, number) = if new_file { (last_file + 1, 1) } else { (last_file, last_line + 1) };
    // Mostly of the payment's own request, the latest or an earlier one.
    let mut own = payment.map_or(Vec::new(), |id| roll.model.line_references(id));
    let own = if roll.one_in(2, 6) { own.first().cloned() } else { own.pop() };
    let wrong = roll.makes_mistake(Mistake::AnyThing) || roll.one_in(2, 40);
    let reference = own.filter(|_| !wrong).unwrap_or(match rail {
        RailId::Network(_) => {
            let sent = NetworkReference { stan: Stan::of(7), sent_at: Timestamp(7_000) };
            LineReference::Request { rrn: RetrievalReference::of(b"ABCDEF000007"), sent }
        }
        RailId::Wallet(_) => LineReference::Order("order 7".into()),
    });
    let signed_with_mistake = |amount: i128| match roll.step.mistake {
        Mistake::AmountZero => SignedAmount::ZERO,
        Mistake::AmountAbove => signed(amount + 1),
        Mistake::AmountHuge => {
            signed(i128::from(Amount::ENTRY_MAX.minor()) * if amount < 0 { -1 } else { 1 })
        }
        _ => signed(amount),
    };
    let amount = signed_with_mistake(amount);
    // The last line of a file makes the total right.
    let last = last_amount(open).filter(|_| !roll.makes_mistake(Mistake::AnyThing));
    let deducted = last.map_or(deducted, |last| i128::from(amount.minor()) - last);
    Command::ClearLine(ClearLine {
        bank: roll.bank(currency.copied().unwrap_or(Currency::CNY)),
        rail,
        file,
        line: match roll.step.mistake {
            Mistake::NumberAbove => number + 1,
            Mistake::NumberBelow => number - 1,
            _ => number,
        },
        kind,
        reference,
        payment,
        amount,
        deducted: signed(deducted),
        value_date: match roll.number_at(3) % 8 {
            0 if roll.makes_mistake(Mistake::NumberAbove) => Some(roll.model.today.plus_days(1)),
            0 | 1 => Some(roll.model.today),
            2 => Some(roll.model.today.minus_days(1)),
            _ => None,
        },
    })
}

fn amount_of(roll: &Choices, payment: PaymentId) -> i128 {
    roll.model.payment(payment).map_or(1_000, |one| i128::from(one.amount))
}

fn sale_kind(roll: &Choices) -> ClearLineKind {
    [ClearLineKind::Sale, ClearLineKind::Completion, ClearLineKind::Offline][roll.number_at(2) % 3]
}

/// A sale's line, mostly of the payment's amount and with the tariff's fee.
pub fn sale_line(roll: &Choices) -> Command {
    let payment = roll.payment(|one| one.state == T::Approved && !is_cash(one));
    let fee = roll.model.payment(payment).map_or(0, ModelPayment::deducted_by_network);
    let (amount, fee) = (amount_of(roll, payment), i128::from(fee));
    let deducted = match roll.number_at(1) % 10 {
        0..6 => fee,
        6 => fee + 3,
        7 => fee - 2,
        8 => -fee,
        _ => amount + i128::from(roll.step.random_numbers[2] % 2),
    };
    let amount = match roll.number_at(2) % 10 {
        0..7 => amount,
        7 => amount + 50,
        8 => (amount - 50).max(1),
        _ => amount / 2,
    };
    line(roll, sale_kind(roll), Some(payment), (amount, deducted))
}

/// A line of a sale in suspense, mostly of its amount, and mostly one that pays.
pub fn suspended_sale_line(roll: &Choices) -> Command {
    let all: Vec<_> = roll.model.suspended.keys().copied().collect();
    let payment = roll.pick(0, &all, |_| roll.payment(|_| true));
    let amount = roll.model.suspended.get(&payment).map_or(1, |sale| i128::from(sale.amount));
    let amount = match roll.number_at(1) % 8 {
        0..6 => amount,
        6 => amount + 50,
        _ => (amount - 50).max(1),
    };
    let (kind, amount) = match roll.number_at(2) % 8 {
        0..4 => (ClearLineKind::Offline, amount),
        4 | 5 => (ClearLineKind::Sale, amount),
        6 => (ClearLineKind::Refund, -amount),
        _ => (ClearLineKind::Completion, amount),
    };
    line(roll, kind, Some(payment), (amount, i128::from(roll.step.random_numbers[2] % 4) - 1))
}

/// Any kind of line, of any payment, known or not.
pub fn any_line(roll: &Choices) -> Command {
    use ClearLineKind as K;
    let payment = roll.payment(|one| !is_cash(one) || roll.one_in(2, 8));
    let amount = amount_of(roll, payment);
    let kinds = [K::Sale, K::Completion, K::Refund, K::Reversal, K::ChargeBack, K::FeeCorrection];
    let kind = kinds[roll.number_at(1) % 6];
    let payment = Some(payment).filter(|_| !roll.one_in(2, 5));
    let amount = match kind {
        K::Sale | K::Completion | K::Offline => amount,
        K::FeeCorrection => 0,
        _ => -amount,
    };
    let amount = if roll.one_in(3, 9) { -amount } else { amount };
    line(roll, kind, payment, (amount, i128::from(roll.step.random_numbers[2] % 4)))
}

/// A line of a known payment that does not name it.
pub fn unnamed_line(roll: &Choices) -> Command {
    let mut command = match roll.number_at(1) % 3 {
        0 => charge_back_line(roll),
        1 if roll.any_payment(|one| one.unpaid > 0 && !is_cash(one)) => refund_line(roll),
        _ => sale_line(roll),
    };
    if let Command::ClearLine(line) = &mut command {
        line.payment = None;
    }
    command
}

/// Whether its line can come before its answer.
pub fn is_early(one: &ModelPayment) -> bool {
    matches!(
        one.state,
        T::Begun | T::Unknown | T::Completing | T::CompletionUnknown | T::Reversing(_)
    ) && one.file.to_take_back == 0
}

pub fn early_line(roll: &Choices) -> Command {
    let payment = roll.payment(|one| is_early(one) && !is_cash(one));
    let amount = amount_of(roll, payment) - if roll.one_in(2, 6) { 1 } else { 0 };
    line(roll, ClearLineKind::Completion, Some(payment), (amount.max(1), 0))
}

pub fn reversal_line(roll: &Choices) -> Command {
    let payment = roll.payment(|one| one.file.to_take_back > 0);
    let paid = roll.model.payment(payment).map_or(1_000, |one| one.file.to_take_back);
    let kind = if roll.one_in(1, 4) { ClearLineKind::Refund } else { ClearLineKind::Reversal };
    let fee = roll.model.payment(payment).map_or(0, ModelPayment::deducted_by_network);
    let deducted = if roll.one_in(2, 3) { -i128::from(fee) } else { -2 };
    line(roll, kind, Some(payment), (-i128::from(paid), deducted))
}

pub fn refund_line(roll: &Choices) -> Command {
    let payment = roll.payment(|one| one.is_posted() && one.refunded > 0 && !is_cash(one));
    let known = roll.model.payment(payment);
    let amount = known.map_or(100, |one| match roll.number_at(1) % 3 {
        0 => one.forwarded.saturating_sub(one.file.refunds),
        1 => one.unpaid,
        _ => one.refunded,
    });
    line(roll, ClearLineKind::Refund, Some(payment), (-i128::from(amount.max(1)), 0))
}

pub fn charge_back_line(roll: &Choices) -> Command {
    let payment = roll.payment(|one| one.is_posted() && !is_cash(one));
    let amount = match roll.number_at(1) % 4 {
        0 => amount_of(roll, payment),
        1 => amount_of(roll, payment) / 2,
        2 => amount_of(roll, payment) / 4 + 1,
        _ => amount_of(roll, payment) + 10,
    };
    let fee = i128::from(roll.one_in(2, 4));
    line(roll, ClearLineKind::ChargeBack, Some(payment), (-amount.max(1), fee))
}

pub fn fee_correction(roll: &Choices) -> Command {
    let payment = roll.payment(|one| one.file.was_paid);
    let payment = Some(payment).filter(|_| roll.one_in(1, 2));
    let deducted = [3, -3, 2, -2, 70, -70][roll.number_at(2) % 6];
    line(roll, ClearLineKind::FeeCorrection, payment, (0, deducted))
}

/// The network or wallet acknowledges a reversal after it cleared the payment.
pub fn reverse_cleared(roll: &Choices) -> Command {
    let payment = roll.payment(|one| one.file.for_claim > 0 && one.refunded == 0);
    Command::ReverseCollection(ReverseCollection { payment })
}

/// A resolution that only the break of a line has. `None` for other breaks, and now and then.
pub fn line_resolution(roll: &Choices, id: BreakId) -> Option<BreakResolution> {
    let line = roll.model.breaks.get(&id).and_then(|one| one.evidence.as_deref());
    let any = roll.makes_mistake(Mistake::AnyThing);
    if (line.is_none() && !any) || roll.one_in(2, 4) {
        return None;
    }
    let own = line.and_then(|evidence| evidence.line.payment);
    let payments = if line.is_some() { payments_explaining(roll, id) } else { Vec::new() };
    if let Some(payment) = payments.get(roll.number_at(0) % payments.len().max(1)) {
        return Some(BreakResolution::ToPayment(*payment));
    }
    if roll.one_in(0, 9) {
        return own.map(BreakResolution::ToPayment);
    }
    let own = own.and_then(|id| roll.model.parcels.get(&id.parcel)).map(|one| one.account().0);
    let any = SellerId(1 + u64::from(roll.step.random_numbers[1] % 5));
    let seller = own.filter(|_| !roll.one_in(3, 9)).unwrap_or(any);
    Some(BreakResolution::ToSeller(seller))
}

/// The payments that explain all of a line's break.
pub fn payments_explaining(roll: &Choices, id: BreakId) -> Vec<PaymentId> {
    let mut payments = Vec::new();
    for (parcel, known) in &roll.model.parcels {
        let numbers = known.payments.keys();
        payments.extend(numbers.map(|&number| PaymentId { parcel: *parcel, number }));
    }
    payments.extend(roll.model.suspended.keys().copied());
    payments.retain(|payment| roll.model.applies(id, *payment).is_ok());
    payments
}

/// Whether its line named no payment, and nobody has proposed what to do.
pub fn may_be_of_a_payment(one: &Break) -> bool {
    let evidence = one.evidence.as_deref();
    let unnamed = evidence.is_some_and(|evidence| {
        evidence.line.payment.is_none() && evidence.difference == LineDifference::Whole
    });
    unnamed && !one.closed && one.proposal.is_none()
}

pub fn is_proposed_to_line(one: &Break) -> bool {
    let proposal = one.proposal.map(|(resolution, ..)| resolution);
    !one.closed
        && matches!(proposal, Some(BreakResolution::ToPayment(_) | BreakResolution::ToMovement(_)))
}
