//! What couriers do: parcels on their way, money at the door, and what goes back.

use engine::view::{ParcelState, TenderState as T};
use engine::*;
use money::{Amount, Currency};
use tariff::{BusinessDate, CardKind};

use super::menu::{is_cash, is_payable, there};
use super::{Roll, Slip};
use crate::model::{Parcel, Tender};
use crate::world::{self, FIRMS, NETWORKS, WALLETS};

pub fn announce(roll: &Roll) -> Command {
    let fresh: Vec<_> = (0..roll.pool).map(world::parcel).collect();
    let fresh: Vec<_> =
        fresh.into_iter().filter(|id| !roll.model.parcels.contains_key(id)).collect();
    let seller = 1 + u64::from(roll.step.dice[1] % 5);
    let currency =
        if (seller == 5) == roll.slips(Slip::SomebodyElse) { Currency::CNY } else { Currency::BRL };
    let due = match roll.step.dice[2] % 20 {
        ..14 if roll.huge => Amount::MAX.minor() - u64::from(roll.step.dice[3] % 3),
        0..14 => 10_000 + 100 * u64::from(roll.step.dice[3]),
        14..17 => 300 + u64::from(roll.step.dice[3]),
        17 => 1,
        18 => 2_000_000,
        _ => Amount::MAX.minor() / (1 + u64::from(roll.step.dice[3] % 3)),
    };
    let parcel = roll.pick(0, &fresh, |die| world::parcel(die % roll.pool));
    let reference = match roll.step.slip {
        Slip::NumberBelow => String::new(),
        Slip::NumberAbove => "x".repeat(65),
        Slip::AmountAbove => "\u{7}".into(),
        _ => format!("order {}", parcel.bits()),
    };
    Command::AnnounceParcel {
        parcel,
        seller: SellerId(seller),
        currency,
        due: roll.amount(due),
        reference,
    }
}

/// Several of those that fit; by a slip one that does not.
pub fn several(roll: &Roll, fitting: &[ParcelId]) -> Vec<ParcelId> {
    let mut chosen: Vec<_> = fitting.iter().copied().take(1 + roll.die(1) % 6).collect();
    match roll.step.slip {
        Slip::AnyThing => chosen.push(world::parcel(roll.die(2) % roll.pool)),
        Slip::NumberAbove => chosen.extend(chosen.first().copied()),
        _ => {}
    }
    chosen
}

pub fn assign(roll: &Roll) -> Command {
    let again = roll.seldom(3, 9);
    let ready = roll.parcels(|one| match one.state {
        ParcelState::Announced => true,
        ParcelState::Assigned => again,
        _ => false,
    });
    let first = ready.get(roll.die(0) % ready.len().max(1));
    let currency = first.map_or(Currency::CNY, |id| roll.model.parcels[id].currency);
    let brl = (currency == Currency::BRL) != roll.slips(Slip::SomebodyElse);
    let firm = if brl { FIRMS[2] } else { FIRMS[roll.die(2) % 2] };
    let theirs = |id: &ParcelId| roll.model.parcels[id].currency == currency;
    let fitting: Vec<_> = ready.iter().copied().filter(theirs).collect();
    Command::AssignParcels { firm, parcels: several(roll, &fitting) }
}

pub fn dispatch(roll: &Roll) -> Command {
    let ready = roll.parcels(|one| one.state == ParcelState::Assigned);
    let first = ready.get(roll.die(0) % ready.len().max(1));
    let firm = first.and_then(|id| roll.model.parcels[id].firm);
    let theirs = roll.model.couriers.iter().filter(|(_, one)| Some(one.firm) == firm);
    let couriers: Vec<_> = theirs.map(|(id, _)| *id).collect();
    let courier = match roll.step.slip {
        Slip::SomebodyElse => roll.courier(2),
        _ => roll.pick(2, &couriers, |die| CourierId(11 + u64::try_from(die % 5).unwrap())),
    };
    let fits = |one: &Parcel| one.state == ParcelState::Assigned && one.firm == firm;
    Command::DispatchParcels { courier, parcels: several(roll, &roll.parcels(fits)) }
}

/// A parcel that may go back; now and then one that may not.
fn free(roll: &Roll, parcel: &Parcel) -> bool {
    roll.seldom(3, 4) || parcel.is_free_of_money()
}

pub fn attempt(roll: &Roll) -> Command {
    let parcel = roll.parcel(|one| one.state == ParcelState::Out && free(roll, one));
    let next = roll.model.parcels.get(&parcel).map_or(1, |parcel| parcel.attempts + 1);
    let (number, reason) = (roll.number(next), AttemptReason::NobodyHome);
    Command::RecordAttempt { parcel, number, reason }
}

pub fn accept_part(roll: &Roll) -> Command {
    let parcel = roll.parcel(|one| one.state == ParcelState::Out && one.untouched());
    let due = roll.model.parcels.get(&parcel).map_or(0, |parcel| parcel.due);
    let accepted = match roll.step.slip {
        Slip::AmountAbove => roll.amount(due),
        _ => roll.amount((due - due / 4).min(due.saturating_sub(1))),
    };
    Command::AcceptPart { parcel, accepted }
}

pub fn refuse(roll: &Roll) -> Command {
    let parcel = roll.parcel(|one| there(one) && free(roll, one));
    let reason = [RefuseReason::NotWanted, RefuseReason::Damaged][roll.die(1) % 2];
    Command::RefuseParcel { parcel, reason }
}

pub fn bring_back(roll: &Roll) -> Command {
    Command::ReturnParcel { parcel: roll.parcel(|one| one.state == ParcelState::Refused) }
}

pub fn lose(roll: &Roll) -> Command {
    Command::LoseParcel { parcel: roll.parcel(|one| one.is_open() && free(roll, one)) }
}

/// A parcel that something is left to collect for, with the next tender's number, the courier who
/// has it, and what is left.
pub fn at_the_door(roll: &Roll) -> (TenderId, CourierId, u64) {
    let id = roll.parcel(is_payable);
    let parcel = roll.model.parcels.get(&id);
    let next = parcel.map_or(1, |parcel| u8::try_from(parcel.tenders.len()).unwrap() + 1);
    let courier = parcel.and_then(|parcel| parcel.courier).unwrap_or(roll.courier(1));
    let courier = if roll.slips(Slip::SomebodyElse) { roll.courier(1) } else { courier };
    let tender = TenderId { parcel: id, number: roll.number(next) };
    (tender, courier, parcel.map_or(5_000, |one| one.due - one.collected() - one.begun()))
}

/// A network or wallet of a currency.
pub fn by_card_or_qr(roll: &Roll, currency: Currency) -> Method {
    let brl = currency == Currency::BRL;
    let kind = if roll.seldom(1, 2) { CardKind::Credit } else { CardKind::Debit };
    match roll.die(2) % 4 {
        0 => Method::Qr { wallet: WALLETS[usize::from(brl)] },
        1 if roll.slips(Slip::AnyThing) => Method::Qr { wallet: WALLETS[usize::from(!brl)] },
        2 if brl => Method::Card { network: NETWORKS[2], kind },
        die if brl => Method::Card { network: NETWORKS[die % 2 + 1], kind },
        die => Method::Card { network: NETWORKS[die % 2], kind },
    }
}

pub fn begin(roll: &Roll) -> Command {
    let (tender, courier, left) = at_the_door(roll);
    let theirs = roll.model.terminals.iter().filter(|(_, (holder, _))| *holder == courier);
    let terminals: Vec<_> = theirs.map(|(id, _)| *id).collect();
    let terminal = roll.pick(1, &terminals, |die| TerminalId(20 + u64::try_from(die % 7).unwrap()));
    let method = by_card_or_qr(roll, roll.currency_of(tender));
    Command::BeginCollection { tender, terminal, method, amount: roll.part(left) }
}

pub fn resolve(roll: &Roll) -> Command {
    let waits = |one: &Tender| match one.state {
        T::Begun => true,
        T::Unknown => roll.seldom(3, 4),
        _ => roll.seldom(3, 40),
    };
    let resolution = match roll.die(1) % 10 {
        0..7 => Resolution::Approved,
        7 => Resolution::Declined { code: *b"51" },
        _ => Resolution::Unknown,
    };
    Command::ResolveCollection { tender: roll.tender(waits), resolution }
}

pub fn reverse(roll: &Roll) -> Command {
    let fits = |one: &Tender| match one.state {
        T::Unknown => true,
        T::Begun => roll.seldom(1, 4),
        T::Approved => roll.seldom(1, 3),
        _ => roll.seldom(1, 16),
    };
    Command::ReverseCollection { tender: roll.tender(fits) }
}

pub fn collect_cash(roll: &Roll) -> Command {
    let (tender, courier, left) = at_the_door(roll);
    Command::CollectCash { tender, courier, amount: roll.part(left) }
}

pub fn gift(roll: &Roll, card: bool) -> (TenderId, u8, Amount) {
    let slip = roll.slips(Slip::SomebodyElse);
    let fits = |one: &Tender| !card || is_cash(one) == slip;
    let tender = roll.tender(|one| one.posted() && fits(one));
    let known = roll.model.tender(tender);
    let next = known.map_or(1, |one| if slip { one.gifts } else { one.gifts + 1 });
    let next = roll.number(next);
    (tender, next, roll.part(known.map_or(1, |one| one.amount - one.given_back)))
}

pub fn refund(roll: &Roll) -> Command {
    let (tender, number, amount) = gift(roll, false);
    Command::Refund { tender, number, amount }
}

pub fn charge_back(roll: &Roll) -> Command {
    let (tender, number, amount) = gift(roll, true);
    Command::ChargeBack { tender, number, amount }
}

pub fn confirm_refund(roll: &Roll) -> Command {
    let tender = roll.tender(|one| one.unpaid > 0);
    let known = roll.model.tender(tender);
    let unpaid = known.map_or(1, |one| one.unpaid);
    let number = roll.number(known.map_or(1, |one| one.confirmations + 1));
    let bank = roll.bank(roll.currency_of(tender));
    Command::ConfirmRefund { bank, tender, number, amount: roll.amount(unpaid) }
}

pub fn forget(roll: &Roll) -> Command {
    let over = BusinessDate(roll.model.today.0.saturating_sub(RETENTION_DAYS));
    let before = if roll.slips(Slip::NumberAbove) { over.plus(1) } else { over };
    let limit = match roll.die(1) % 4 {
        0 | 1 => ITEMS_PER_COMMAND_MAX,
        2 => 3,
        _ => u32::from(!roll.slips(Slip::AmountZero)),
    };
    Command::ForgetClosed { before, limit }
}
