//! The commands that a step can become.

use engine::chart::AccountKind;
use engine::view::{ParcelState, TenderState as T};
use engine::*;

use super::Roll;
use super::door::*;
use super::office::*;
use super::party::party;
use super::terminal::*;
use crate::model::{Firm, How, Parcel, PlanState, Seller, Tender};

/// Whether a command of that kind can be carried out for somebody, and how to make one.
type Entry = (u16, fn(&Roll) -> bool, fn(&Roll) -> Command);

/// What can happen, with its weight.
pub const MENU: &[Entry] = &[
    (14, |roll| roll.model.parcels.len() < roll.pool, announce),
    (9, |roll| roll.any(|one| one.state == ParcelState::Announced), assign),
    (12, |roll| roll.any(|one| one.state == ParcelState::Assigned && one.attempts < 3), dispatch),
    (2, |roll| roll.any(|one| one.state == ParcelState::Out && one.is_free_of_money()), attempt),
    (2, |roll| roll.any(|one| one.state == ParcelState::Out && one.untouched()), accept_part),
    (2, |roll| roll.any(|one| there(one) && one.is_free_of_money()), refuse),
    (6, |roll| roll.any(|one| one.state == ParcelState::Refused), bring_back),
    (1, |roll| roll.any(|one| one.is_open() && one.is_free_of_money()), lose),
    (14, |roll| roll.any(is_payable), begin),
    (16, |roll| roll.any_tender(|one| one.state == T::Begun), resolve),
    (5, |roll| roll.any_tender(|one| one.state == T::Unknown), resolve),
    (3, |roll| roll.any_tender(|one| one.state == T::Unknown), reverse),
    (2, |roll| roll.any_tender(|one| matches!(one.state, T::Begun | T::Approved)), reverse),
    (10, |roll| roll.any(is_payable), collect_cash),
    (2, |roll| roll.any_tender(|one| one.posted() && one.given_back < one.amount), refund),
    (4, |roll| roll.any_tender(|one| one.unpaid > 0), confirm_refund),
    (1, |roll| roll.any_tender(|one| one.posted() && !is_cash(one)), charge_back),
    (5, |roll| !loaded(roll).is_empty(), start_hand_over),
    (9, |roll| roll.model.handovers.values().any(|one| !one.counted), count),
    (4, |roll| !debtors(roll).is_empty(), repay),
    (6, |roll| !firms_with_cash(roll).is_empty(), announce_deposit),
    (8, |roll| !roll.model.deposits.is_empty(), confirm_deposit),
    (1, |roll| !roll.model.deposits.is_empty(), cancel_deposit),
    (2, |roll| !firms_with_commission(roll).is_empty(), pay_commission),
    (10, |roll| roll.any_tender(|one| one.state == T::Approved && !is_cash(one)), confirm_clearing),
    (8, |roll| roll.model.held.iter().any(|(day, _)| *day <= roll.model.today), release_due),
    (1, |_| true, release_due),
    (8, |roll| !rich(roll).is_empty(), plan),
    (9, |roll| roll.model.plans.values().any(|one| one.state == PlanState::Planned), approve),
    (1, |roll| roll.model.plans.values().any(|one| one.state <= PlanState::Approved), reject),
    (9, |roll| roll.model.plans.values().any(|one| one.state == PlanState::Approved), execute),
    (7, |roll| !roll.sent().is_empty(), |roll| Command::ConfirmPayout { payout: roll.payout() }),
    (3, |roll| !roll.sent().is_empty(), |roll| Command::ReturnPayout { payout: roll.payout() }),
    (1, |roll| !roll.arrived().is_empty(), come_back),
    (1, |_| true, raise),
    (3, |roll| roll.model.breaks.values().any(|one| !one.closed), propose),
    (5, |roll| roll.model.breaks.values().any(|one| one.is_proposed()), approve_closing),
    (2, |roll| roll.any(|one| !one.is_open()), forget),
    (3, |_| true, party),
    (9, |roll| roll.model.terminals.keys().any(|id| !open_batch_of(roll, *id)), open_batch),
    (18, is_sellable, purchase),
    (16, |roll| roll.any_tender(|one| one.state == T::Begun), resolve_purchase),
    (12, |roll| roll.any_tender(|one| one.state == T::Authorised), complete),
    (2, |roll| roll.any_tender(|one| one.state == T::Expired), complete),
    (14, |roll| roll.any_tender(|one| one.state == T::Completing), resolve_completion),
    (3, |roll| roll.any_tender(|one| one.state == T::CompletionUnknown), resolve_completion),
    (1, |roll| roll.any_tender(Tender::is_promised), resolve_completion),
    (6, |roll| roll.any_tender(|one| one.state == T::CompletionUnknown), end_completion_reversal),
    (7, |roll| roll.any_tender(|one| may_go(roll, one)), void),
    (4, |roll| roll.any_tender(|one| may_go(roll, one)), begin_reversal),
    (1, |roll| roll.any_tender(|one| one.state == T::Completing || is_going(one)), begin_reversal),
    (2, |roll| roll.model.terminals.keys().any(|id| open_batch_of(roll, *id)), reverse_unheard),
    (6, |roll| roll.any_tender(|one| one.state == T::Authorised), expire),
    (4, |roll| roll.any_tender(is_going), undo_void),
    (9, |roll| roll.any_tender(is_going), end_taking_back),
    (6, is_sellable, take_advice),
    (8, |roll| is_to_forward(roll, TransactionKind::Advice), answer_advice),
    (1, |_| true, set_offline_limit),
    (5, is_sellable, take_cash),
    (4, |roll| roll.any_tender(|one| one.posted() && by_rail(one)), begin_refund),
    (6, |roll| is_to_forward(roll, TransactionKind::Refund), answer_refund),
    (2, |roll| roll.model.terminals.keys().any(|id| open_batch_of(roll, *id)), close_batch),
    (3, |roll| !disputed(roll).is_empty(), reconcile),
    (5, |roll| !went_on(roll).is_empty(), leave_disputed),
    (1, |roll| roll.seldom(0, 2), withdraw),
    (6, |roll| !roll.model.withdrawn.is_empty(), reinstate),
];

pub fn there(parcel: &Parcel) -> bool {
    matches!(parcel.state, ParcelState::Out | ParcelState::Assigned)
}

pub fn is_payable(parcel: &Parcel) -> bool {
    parcel.state == ParcelState::Out && parcel.due > parcel.collected() + parcel.begun()
}

pub fn is_cash(tender: &Tender) -> bool {
    matches!(tender.how, How::Cash(_))
}

/// The couriers who have cash and can hand it over.
pub fn loaded(roll: &Roll) -> Vec<CourierId> {
    let open = |id| roll.model.handovers.values().any(|one| one.courier == id && !one.counted);
    let couriers =
        roll.model.couriers.iter().filter(|(id, one)| !one.in_hand.is_empty() && !open(**id));
    couriers.map(|(id, _)| *id).collect()
}

/// The couriers who owe for a shortage.
pub fn debtors(roll: &Roll) -> Vec<CourierId> {
    let owes = |id: &CourierId| roll.model.balance(roll.model.courier_accounts(*id).1) > 0;
    roll.model.couriers.keys().copied().filter(owes).collect()
}

pub fn cash_of(roll: &Roll, firm: FirmId) -> i128 {
    let known = roll.model.firms.get(&firm);
    known.map_or(0, |known| roll.model.available((AccountKind::FirmCash, firm.0, known.currency)))
}

pub fn firms_with_cash(roll: &Roll) -> Vec<FirmId> {
    roll.model.firms.keys().copied().filter(|id| cash_of(roll, *id) > 0).collect()
}

pub fn commission_of(roll: &Roll, firm: FirmId) -> i128 {
    let known = roll.model.firms.get(&firm);
    let account = |known: &Firm| (AccountKind::FirmCommission, firm.0, known.currency);
    known.map_or(0, |known| roll.model.balance(account(known)))
}

pub fn firms_with_commission(roll: &Roll) -> Vec<FirmId> {
    roll.model.firms.keys().copied().filter(|id| commission_of(roll, *id) > 0).collect()
}

/// The sellers that a plan would pay.
pub fn rich(roll: &Roll) -> Vec<SellerId> {
    let pays = |(id, one): (&SellerId, &Seller)| {
        let payable = roll.model.available((AccountKind::SellerPayable, id.0, one.currency));
        (payable >= i128::from(one.minimum.max(1))).then_some(*id)
    };
    roll.model.sellers.iter().filter_map(pays).collect()
}
