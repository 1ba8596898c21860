//! Steps of offline sales: at any parcel, with the terminal's clock mostly right.

use books::view::{ParcelState, PaymentState as T};
use books::*;
use money::Currency;
use tariff::{CardKind, LossOwner};

use super::parcel::by_card_or_qr;
use super::step_table::is_payable;
use super::terminal::{
    any_terminal, at_the_terminal, authorisation_code, card, code, currency_of, is_over_rail,
    is_sellable, number, open_batch_of, sent,
};
use super::{Choices, Mistake};
use crate::model::{ModelPayment, Parcel};
use crate::world::{self, NETWORKS};

pub fn any_batch_is_open(roll: &Choices) -> bool {
    roll.model.terminals.keys().any(|id| open_batch_of(roll, *id))
}

/// `MMDD` and `hhmmss` of the terminal's clock: the time of the last command, or some time before
/// or after it.
fn clock(roll: &Choices) -> (u16, u32) {
    let hours = match roll.number_at(3) % 12 {
        0..7 => 0,
        7 => -30,
        8 => -9 * 24,
        9 => -1,
        10 => 5,
        _ => 26,
    };
    let at = roll.model.last_at.0.saturating_add_signed(hours * 3_600_000);
    let local = Timestamp(at).local(roll.model.offset_at(Timestamp(at)).unwrap_or(0));
    let part = |part: i8| u32::try_from(part).expect("a part of a date");
    let date = part(local.month()) * 100 + part(local.day());
    let time = part(local.hour()) * 10_000 + part(local.minute()) * 100 + part(local.second());
    let time = if roll.makes_mistake(Mistake::NumberAbove) { 246_060 } else { time };
    (u16::try_from(date).expect("a date"), time)
}

pub fn record_offline_sale(roll: &Choices) -> Command {
    let (mut parcel, mut terminal, mut left) = at_the_terminal(roll);
    // Any parcel, known or not, at any terminal.
    if !is_sellable(roll) || roll.one_in(1, 5) {
        let open = |id: &&TerminalId| open_batch_of(roll, **id);
        let all: Vec<_> = roll.model.terminals.keys().filter(open).copied().collect();
        terminal = roll.pick(2, &all, any_terminal);
        parcel = world::parcel(roll.number_at(1) % (roll.pool + 2));
        left = roll.model.parcels.get(&parcel).map_or(5_000, |one| one.due.max(1));
    }
    let brl = currency_of(roll, parcel) == Currency::BRL;
    let by_card =
        PaymentRoute::Card { network: NETWORKS[if brl { 2 } else { 0 }], kind: CardKind::Debit };
    let route = match by_card_or_qr(roll, currency_of(roll, parcel)) {
        PaymentRoute::Qr { .. } if roll.step.mistake == Mistake::None => by_card,
        route => route,
    };
    let (date, local_time) = clock(roll);
    Command::RecordOfflineSale(RecordOfflineSale {
        trace: number(roll, terminal),
        duplicate_key: DuplicateKey { date, ..card(roll) },
        local_time,
        parcel,
        route,
        amount: roll.part(left),
        network_reference: sent(roll),
        authorisation_code: authorisation_code(roll),
    })
}

pub fn resolve_advice(roll: &Choices) -> Command {
    let kind = TransactionKind::Advice;
    let open = |to_forward| {
        let all = roll.model.transactions.iter().filter(|one| one.kind == kind);
        all.filter(|one| one.to_forward == to_forward).map(|one| one.payment).collect::<Vec<_>>()
    };
    let payment = roll.pick(0, &open(!roll.one_in(2, 8)), |_| roll.payment(|_| true));
    Command::ResolveAdvice(ResolveAdvice { payment, code: code(roll) })
}

pub fn sales_in_suspense(roll: &Choices) -> Vec<PaymentId> {
    let open =
        roll.model.suspended.iter().filter(|(_, one)| !one.rejected && one.resolved.is_none());
    open.map(|(id, _)| *id).collect()
}

pub fn sales_to_pay_back(roll: &Choices) -> Vec<PaymentId> {
    let owed = roll.model.suspended.iter().filter(|(id, one)| {
        let owed = one.resolved.is_some() && roll.model.sale_without_parcel(**id).is_some();
        owed && one.paid_back_by.is_none()
    });
    owed.map(|(id, _)| *id).collect()
}

fn any_suspended(roll: &Choices) -> PaymentId {
    let all: Vec<_> = roll.model.suspended.keys().copied().collect();
    roll.pick(0, &all, |_| roll.payment(|_| true))
}

pub fn resolve_suspended_sale(roll: &Choices) -> Command {
    let open = sales_in_suspense(roll);
    let known = |id: &&PaymentId| roll.model.parcels.contains_key(&id.parcel);
    let bookable: Vec<_> = open.iter().filter(known).copied().collect();
    let book = !bookable.is_empty() && !roll.one_in(1, 3);
    let payment = roll.pick(0, if book { &bookable } else { &open }, |_| any_suspended(roll));
    let decision = match book || roll.makes_mistake(Mistake::NumberAbove) {
        true => SuspendedSaleDecision::BookToParcel,
        false => SuspendedSaleDecision::OweToBuyer,
    };
    let proposed_by = roll.person(2);
    let seller = roll.model.suspended.get(&payment).map(|one| PersonId(one.courier.0));
    let approved_by = match seller {
        Some(seller) if roll.makes_mistake(Mistake::SomebodyElse) && roll.one_in(3, 2) => seller,
        _ => roll.second(proposed_by, 3),
    };
    let command = ResolveSuspendedSale { payment, decision, proposed_by, approved_by };
    Command::ResolveSuspendedSale(command)
}

/// The amount of a sale in suspense, and a bank account in its currency.
fn amount_and_bank(roll: &Choices, payment: PaymentId) -> (u64, BankId) {
    let sale = roll.model.suspended.get(&payment);
    let currency = sale.map_or(Currency::CNY, |sale| roll.model.breaks[&sale.break_id].currency);
    (sale.map_or(1, |sale| sale.amount), roll.bank(currency))
}

pub fn pay_back_suspended_sale(roll: &Choices) -> Command {
    let payment = roll.pick(0, &sales_to_pay_back(roll), |_| any_suspended(roll));
    let (amount, bank) = amount_and_bank(roll, payment);
    let (number, amount) = (roll.number(1), roll.amount(amount));
    Command::ConfirmRefund(ConfirmRefund { bank, payment, number, amount })
}

/// Whether somebody paid its seller for a rejected sale.
pub fn has_rejected_part(parcel: &Parcel) -> bool {
    let paid = |one: &ModelPayment| {
        matches!(one.rejected, Some(Some(LossOwner::Firm | LossOwner::Doorstep)))
    };
    parcel.payments.values().any(|one| paid(one) && one.standing() > 0)
}

/// Payments that can be reversed beside such a sale.
pub fn around_rejected_sales(roll: &Choices) -> Vec<PaymentId> {
    let mut found = Vec::new();
    let can_be_reversed = |one: &ModelPayment| {
        is_over_rail(one) && one.is_posted() && one.rejected.is_none() && one.refunded == 0
    };
    for (id, parcel) in roll.model.parcels.iter().filter(|(_, one)| has_rejected_part(one)) {
        let open = parcel.payments.iter().filter(|(_, one)| can_be_reversed(one));
        found.extend(open.map(|(number, _)| PaymentId { parcel: *id, number: *number }));
    }
    found
}

pub fn reverse_beside_rejected(roll: &Choices) -> Command {
    let payment = roll.pick(0, &around_rejected_sales(roll), |_| roll.payment(|_| true));
    Command::ReverseCollection(ReverseCollection { payment })
}

pub fn lose_rejected(roll: &Choices) -> Command {
    let parcel = roll.parcel(|one| one.is_open() && has_rejected_part(one));
    Command::LoseParcel(LoseParcel { parcel, paid_by: DamagePayer::Doorstep })
}

pub fn can_be_sold_in_part(parcel: &Parcel) -> bool {
    is_payable(parcel) && parcel.begun() == 0 && parcel.left() > 1
}

/// A part of the amount due. The rest is paid otherwise.
pub fn sell_part_offline(roll: &Choices) -> Command {
    let mut command = record_offline_sale(roll);
    if let Command::RecordOfflineSale(sale) = &mut command {
        sale.amount = roll.part(sale.amount.minor() / 2);
    }
    command
}

/// Offline sales that wait for their network's answer and that somebody else than the seller pays
/// for, of delivered parcels with another payment.
pub fn sales_to_reject(roll: &Choices) -> Vec<PaymentId> {
    let asked = roll.model.transactions.iter();
    let asked = asked.filter(|one| one.kind == TransactionKind::Advice && one.to_forward);
    let fits = |id: &PaymentId| {
        let parcel = roll.model.parcels.get(&id.parcel);
        let others = |one: &Parcel| {
            one.payments.iter().any(|(number, of)| *number != id.number && is_over_rail(of))
        };
        let delivered = |one: &&Parcel| one.state == ParcelState::Delivered && others(one);
        let payment = parcel.filter(delivered).and_then(|one| one.payments.get(&id.number));
        payment.is_some_and(|one| {
            let versions = &roll.model.tariffs[&one.charge.tariff.tariff];
            let owner = versions[usize::from(one.charge.tariff.version) - 1].terms.offline_loss;
            one.state == T::Approved && owner != LossOwner::Seller
        })
    };
    asked.map(|one| one.payment).filter(fits).collect()
}

pub fn reject_delivered(roll: &Choices) -> Command {
    let payment = roll.pick(0, &sales_to_reject(roll), |_| roll.payment(|_| true));
    let code = ResponseCode::of(b"51");
    Command::ResolveAdvice(ResolveAdvice { payment, code })
}
