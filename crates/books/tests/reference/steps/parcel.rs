//! Steps of couriers: parcels, payments at the door, and refunds.

use books::view::{ParcelState, PaymentState as T};
use books::*;
use money::{Amount, Currency};
use tariff::{BusinessDate, CardKind};

use super::step_table::{is_cash, is_with_carrier};
use super::{Choices, Mistake};
use crate::model::{ModelPayment, Numbered, Parcel};
use crate::world::{self, FIRMS, NETWORKS, WALLETS};

pub fn announce(roll: &Choices) -> Command {
    let fresh: Vec<_> = (0..roll.pool).map(world::parcel).collect();
    let fresh: Vec<_> =
        fresh.into_iter().filter(|id| !roll.model.parcels.contains_key(id)).collect();
    let seller = 1 + u64::from(roll.step.random_numbers[1] % 5);
    let mistake = roll.makes_mistake(Mistake::SomebodyElse);
    let in_brazil = seller == 5 || (seller == 1 && roll.one_in(1, 2));
    let currency = if in_brazil == mistake { Currency::CNY } else { Currency::BRL };
    let due = match roll.step.random_numbers[2] % 20 {
        ..14 if roll.huge => Amount::ENTRY_MAX.minor() - u64::from(roll.step.random_numbers[3] % 3),
        0..14 => 10_000 + 100 * u64::from(roll.step.random_numbers[3]),
        14..17 => 300 + u64::from(roll.step.random_numbers[3]),
        17 => 1,
        18 => 2_000_000,
        _ => Amount::ENTRY_MAX.minor() / (1 + u64::from(roll.step.random_numbers[3] % 3)),
    };
    let parcel = roll.pick(0, &fresh, |die| world::parcel(die % roll.pool));
    let reference = match roll.step.mistake {
        Mistake::NumberBelow => String::new(),
        Mistake::NumberAbove => "x".repeat(65),
        Mistake::AmountAbove => "\u{7}".into(),
        _ => format!("order {}", parcel.bits()),
    };
    let shipment = if roll.makes_mistake(Mistake::AnyThing) { 2 } else { 1 };
    Command::AnnounceParcel(AnnounceParcel {
        parcel,
        seller: SellerId(seller),
        currency,
        due: roll.amount(due),
        reference,
        shipment,
    })
}

/// The next shipment of an order whose parcel came back, or by a mistake of another one.
pub fn ship_again(roll: &Choices) -> Command {
    let slip = roll.makes_mistake(Mistake::AnyThing);
    let before = roll.parcel(|one| one.came_back() != slip);
    let known = roll.model.parcels.get(&before).map(|one| one.announced.clone());
    let Some(Command::AnnounceParcel(mut next)) = known else { return announce(roll) };
    let first = before.shipment(next.shipment);
    next.shipment = roll.number(next.shipment + 1);
    next.parcel = first.shipment(next.shipment.clamp(1, SHIPMENTS_PER_ORDER_MAX));
    if roll.makes_mistake(Mistake::SomebodyElse) {
        next.seller = SellerId(1 + next.seller.0 % 4);
    }
    if roll.one_in(3, 3) {
        next.due = roll.amount(10_000 + u64::from(roll.step.random_numbers[2]));
    }
    Command::AnnounceParcel(next)
}

/// Several of those that fit, and by a deliberate mistake one that does not.
pub fn several_parcels(roll: &Choices, fitting: &[ParcelId]) -> Vec<ParcelId> {
    let mut chosen: Vec<_> = fitting.iter().copied().take(1 + roll.number_at(1) % 6).collect();
    match roll.step.mistake {
        Mistake::AnyThing => chosen.push(world::parcel(roll.number_at(2) % roll.pool)),
        Mistake::NumberAbove => chosen.extend(chosen.first().copied()),
        _ => {}
    }
    chosen
}

pub fn assign(roll: &Choices) -> Command {
    let again = roll.one_in(3, 9);
    let ready = roll.parcels(|one| match one.state {
        ParcelState::Announced => true,
        ParcelState::Assigned => again,
        _ => false,
    });
    let first = ready.get(roll.number_at(0) % ready.len().max(1));
    let currency = first.map_or(Currency::CNY, |id| roll.model.parcels[id].currency);
    let brl = (currency == Currency::BRL) != roll.makes_mistake(Mistake::SomebodyElse);
    let firm = if brl { FIRMS[2] } else { FIRMS[roll.number_at(2) % 2] };
    let theirs = |id: &ParcelId| roll.model.parcels[id].currency == currency;
    let fitting: Vec<_> = ready.iter().copied().filter(theirs).collect();
    let next = |parcel: ParcelId| {
        let before = roll.model.parcels.get(&parcel).map_or(0, |one| one.assignments);
        AssignedParcel { parcel, number: before + 1 }
    };
    let mut parcels: Vec<_> = several_parcels(roll, &fitting).into_iter().map(next).collect();
    if let Some(last) = parcels.last_mut() {
        last.number = roll.number(last.number);
    }
    Command::AssignParcels(AssignParcels { firm, parcels })
}

pub fn dispatch(roll: &Choices) -> Command {
    let ready = roll.parcels(|one| one.state == ParcelState::Assigned);
    let first = ready.get(roll.number_at(0) % ready.len().max(1));
    let firm = first.and_then(|id| roll.model.parcels[id].firm);
    let theirs = roll.model.couriers.iter().filter(|(_, one)| Some(one.firm) == firm);
    let couriers: Vec<_> = theirs.map(|(id, _)| *id).collect();
    let courier = match roll.step.mistake {
        Mistake::SomebodyElse => roll.courier(2),
        _ => roll.pick(2, &couriers, |die| CourierId(11 + u64::try_from(die % 5).unwrap())),
    };
    let fits = |one: &Parcel| one.state == ParcelState::Assigned && one.firm == firm;
    let next = |parcel: ParcelId| {
        let failed = roll.model.parcels.get(&parcel).map_or(0, |one| one.attempts);
        DispatchedParcel { parcel, attempt: failed + 1 }
    };
    let parcels = several_parcels(roll, &roll.parcels(fits));
    let mut parcels: Vec<_> = parcels.into_iter().map(next).collect();
    if let Some(last) = parcels.last_mut() {
        last.attempt = roll.number(last.attempt);
    }
    Command::DispatchParcels(DispatchParcels { courier, parcels })
}

pub fn attempt(roll: &Choices) -> Command {
    let free = |one: &Parcel| roll.one_in(3, 4) || one.is_free_of_money();
    let parcel = roll.parcel(|one| one.state == ParcelState::Out && free(one));
    let next = roll.model.parcels.get(&parcel).map_or(1, |parcel| parcel.attempts + 1);
    let (number, reason) = (roll.number(next), AttemptReason::NobodyHome);
    Command::RecordAttempt(RecordAttempt { parcel, number, reason })
}

pub fn accept_part(roll: &Choices) -> Command {
    let parcel = roll.parcel(|one| one.state == ParcelState::Out && one.begun() == 0);
    let known = roll.model.parcels.get(&parcel);
    let (due, standing) = known.map_or((0, 0), |parcel| (parcel.due, parcel.standing()));
    let accepted = match roll.number_at(2) % 6 {
        _ if roll.makes_mistake(Mistake::AmountAbove) => due,
        0 | 1 if standing > 0 => standing,
        2 if standing > 1 => standing - 1,
        _ => (due - due / 4).min(due.saturating_sub(1)),
    };
    Command::AcceptPart(AcceptPart { parcel, accepted: roll.amount(accepted) })
}

/// A parcel without payments in flight; sometimes one that has some.
fn is_settled(roll: &Choices, parcel: &Parcel) -> bool {
    roll.one_in(3, 4) || parcel.begun() == 0
}

pub fn refuse(roll: &Choices) -> Command {
    let parcel = roll.parcel(|one| is_with_carrier(one) && is_settled(roll, one));
    let damaged = RefuseReason::Damaged { paid_by: damage_payer(roll) };
    let reason = [RefuseReason::NotWanted, damaged, damaged][roll.number_at(1) % 3];
    Command::RefuseParcel(RefuseParcel { parcel, reason })
}

fn damage_payer(roll: &Choices) -> DamagePayer {
    [DamagePayer::Firm, DamagePayer::Doorstep, DamagePayer::Seller][roll.number_at(2) % 3]
}

/// A damaged or lost parcel is compensated; sometimes one that is not or was before.
pub fn compensate(roll: &Choices) -> Command {
    let parcel = roll.parcel(|one| can_be_compensated(one) || roll.one_in(3, 6));
    let known = roll.model.parcels.get(&parcel).and_then(|one| one.damage);
    let amount = roll.part(known.map_or(1, |(_, due)| due));
    let proposed_by = roll.person(1);
    let approved_by = roll.second(proposed_by, 2);
    Command::CompensateSeller(CompensateSeller { parcel, amount, proposed_by, approved_by })
}

/// A delivered parcel has a discount; less of it than before, or by a mistake more.
pub fn pay_discount(roll: &Choices) -> Command {
    let new = roll.one_in(1, 2);
    let fits = |one: &Parcel| can_have_discount(one) && one.discount.is_none() == new;
    let parcel = roll.parcel(fits);
    let known = roll.model.parcels.get(&parcel);
    let before = known.and_then(|one| one.discount).map(|(amount, _)| amount);
    let most = before.unwrap_or_else(|| known.map_or(1, |one| one.due / 5));
    let amount = if roll.one_in(2, 4) && !new { Amount::ZERO } else { roll.part(most) };
    Command::PayDiscount(PayDiscount { parcel, amount })
}

pub fn can_have_discount(parcel: &Parcel) -> bool {
    parcel.state == ParcelState::Delivered
}

pub fn can_be_compensated(parcel: &Parcel) -> bool {
    let is_paid = |(paid_by, _)| paid_by != DamagePayer::Seller;
    parcel.damage.is_some_and(is_paid) && parcel.compensated_by.is_none()
}

pub fn return_parcel(roll: &Choices) -> Command {
    Command::ReturnParcel(ReturnParcel {
        parcel: roll.parcel(|one| one.state == ParcelState::Refused),
    })
}

pub fn lose_parcel(roll: &Choices) -> Command {
    let parcel = roll.parcel(|one| one.is_open() && is_settled(roll, one));
    Command::LoseParcel(LoseParcel { parcel, paid_by: damage_payer(roll) })
}

/// A network or wallet in the currency.
pub fn by_card_or_qr(roll: &Choices, currency: Currency) -> PaymentRoute {
    let brl = currency == Currency::BRL;
    let kind = if roll.one_in(1, 2) { CardKind::Credit } else { CardKind::Debit };
    match roll.number_at(2) % 4 {
        0 => PaymentRoute::Qr { wallet: WALLETS[usize::from(brl)] },
        1 if roll.makes_mistake(Mistake::AnyThing) => {
            PaymentRoute::Qr { wallet: WALLETS[usize::from(!brl)] }
        }
        2 if brl => PaymentRoute::Card { network: NETWORKS[2], kind },
        die if brl => PaymentRoute::Card { network: NETWORKS[die % 2 + 1], kind },
        die => PaymentRoute::Card { network: NETWORKS[die % 2], kind },
    }
}

pub fn reverse(roll: &Choices) -> Command {
    let fits = |one: &ModelPayment| match one.state {
        T::Unknown => true,
        T::Begun => roll.one_in(1, 4),
        T::Approved => roll.one_in(1, 3),
        _ => roll.one_in(1, 16),
    };
    Command::ReverseCollection(ReverseCollection { payment: roll.payment(fits) })
}

pub fn refund_terms(roll: &Choices, card: bool) -> (PaymentId, u8, Amount) {
    let slip = roll.makes_mistake(Mistake::SomebodyElse);
    let fits = |one: &ModelPayment| !card || is_cash(one) == slip;
    let payment = roll.payment(|one| one.is_posted() && fits(one));
    let known = roll.model.payment(payment);
    let used = u8::try_from(roll.model.count_of(Numbered::Refunds(payment))).unwrap();
    let next = roll.number(if slip { used } else { used + 1 });
    (payment, next, roll.part(known.map_or(1, |one| one.amount - one.refunded)))
}

pub fn refund(roll: &Choices) -> Command {
    let (payment, number, amount) = refund_terms(roll, false);
    if roll.one_in(1, 3) {
        let proposed_by = roll.person(2);
        let approved_by = roll.second(proposed_by, 3);
        return Command::RefundByTwoPersons(RefundByTwoPersons {
            payment,
            number,
            amount,
            proposed_by,
            approved_by,
        });
    }
    Command::Refund(Refund { payment, number, amount })
}

pub fn charge_back(roll: &Choices) -> Command {
    let (payment, number, amount) = refund_terms(roll, true);
    Command::ChargeBack(ChargeBack { payment, number, amount })
}

pub fn confirm_refund(roll: &Choices) -> Command {
    let payment = roll.payment(|one| one.unpaid > 0);
    let known = roll.model.payment(payment);
    let unpaid = known.map_or(1, |one| one.unpaid);
    let used = roll.model.count_of(Numbered::RefundConfirmations(payment));
    let number = roll.number(u8::try_from(used).unwrap() + 1);
    let bank = roll.bank(roll.currency_of(payment));
    Command::ConfirmRefund(ConfirmRefund { bank, payment, number, amount: roll.amount(unpaid) })
}

pub fn forget(roll: &Choices) -> Command {
    let kept = roll.model.retention_days();
    let over = BusinessDate(roll.model.today.0.saturating_sub(kept));
    let before = if roll.makes_mistake(Mistake::NumberAbove) { over.plus_days(1) } else { over };
    let limit = match roll.number_at(1) % 4 {
        0 | 1 => RECORDS_PER_COMMAND_MAX,
        2 => 3,
        _ => u32::from(!roll.makes_mistake(Mistake::AmountZero)),
    };
    Command::ForgetClosed(ForgetClosed { before, limit })
}
