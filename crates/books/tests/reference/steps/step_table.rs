//! The commands that a step can become.

use books::chart::AccountKind;
use books::view::{ParcelState, PaymentState as T};
use books::*;
use money::Currency;

use super::Choices;
use super::access::*;
use super::back_office::*;
use super::chargebacks::*;
use super::clearing::*;
use super::offline::*;
use super::other_content::other_content;
use super::parcel::*;
use super::party::{party, retention, set_time_zone};
use super::persons::*;
use super::statements::*;
use super::terminal::*;
use super::terms::*;
use crate::model::taxes::tax_account;
use crate::model::{ModelMethod, ModelPayment, Parcel, PlanState, SellerAccount};

/// Weight, whether such a command can be applied, and how to make one.
type ChartEntry = (u16, fn(&Choices) -> bool, fn(&Choices) -> Command);

/// All steps with their weights.
pub const STEPS: &[ChartEntry] = &[
    (14, |roll| roll.model.parcels.len() < roll.pool, announce),
    (3, |roll| roll.any(Parcel::came_back), ship_again),
    (2, |roll| roll.any(was_never_out), amend_due),
    (1, |roll| roll.any(was_never_out), cancel_parcel),
    (9, |roll| roll.any(|one| one.state == ParcelState::Announced), assign),
    (12, |roll| roll.any(|one| one.state == ParcelState::Assigned && one.attempts < 3), dispatch),
    (2, |roll| roll.any(|one| one.state == ParcelState::Out && one.is_free_of_money()), attempt),
    (2, |roll| roll.any(|one| one.state == ParcelState::Out && one.begun() == 0), accept_part),
    (1, |roll| roll.any(|one| is_with_carrier(one) && one.is_free_of_money()), refuse),
    (1, |roll| roll.any(|one| is_with_carrier(one) && one.begun() == 0), refuse),
    (6, |roll| roll.any(|one| one.state == ParcelState::Refused), return_parcel),
    (1, |roll| roll.any(|one| one.is_open() && one.begun() == 0), lose_parcel),
    (4, |roll| roll.any(can_be_compensated), compensate),
    (2, |roll| roll.any(can_have_discount), pay_discount),
    (3, |roll| roll.any_payment(|one| one.state == T::Unknown), reverse),
    (2, |roll| roll.any_payment(|one| matches!(one.state, T::Begun | T::Approved)), reverse),
    (2, |roll| roll.any_payment(|one| one.file.for_claim > 0), reverse_cleared),
    (2, |roll| roll.any_payment(|one| one.is_posted() && one.refunded < one.amount), refund),
    (4, |roll| roll.any_payment(|one| one.unpaid > 0), confirm_refund),
    (1, |roll| roll.any_payment(|one| one.is_posted() && !is_cash(one)), charge_back),
    (3, |roll| roll.any_payment(|one| one.state == T::Released && !is_cash(one)), charge_back),
    (5, |roll| !open_chargebacks(roll).is_empty(), contest),
    (3, |roll| !open_chargebacks(roll).is_empty(), win),
    (5, |roll| !open_chargebacks(roll).is_empty(), win_by_two),
    (20, |roll| !won_chargebacks(roll).is_empty(), take_back_won),
    (5, |roll| !open_chargebacks(roll).is_empty(), lose),
    (8, |roll| !roll.model.chargebacks.all.is_empty(), announce_fee),
    (4, |roll| !roll.model.chargebacks.all.is_empty(), representment_line),
    (4, |roll| !roll.model.chargebacks.all.is_empty(), chargeback_fee_line),
    (2, |_| true, set_fee),
    (14, |roll| !couriers_with_cash(roll).is_empty(), start_hand_over),
    (22, hands_over, count),
    (2, hands_over, try_code),
    (7, hands_over, cancel_hand_over),
    (20, |roll| !debtors(roll).is_empty(), repay),
    (24, |roll| !debtors(roll).is_empty(), write_off_shortage),
    (40, |roll| !debtors_of(roll, |firm| guarantee_of(roll, firm)).is_empty(), cover_shortage),
    (90, |roll| !debtors_of(roll, |firm| commission_of(roll, firm)).is_empty(), deduct_shortage),
    (6, |roll| !firms_with_cash(roll).is_empty(), announce_deposit),
    (8, |roll| !roll.model.deposits.is_empty(), confirm_deposit),
    (4, |roll| !roll.model.deposits.is_empty(), cancel_deposit),
    (4, |roll| !firms_with_commission(roll).is_empty(), pay_commission),
    (2, owes_tax, pay_tax),
    (100, |roll| roll.pays_often && !firms_with_commission(roll).is_empty(), pay_commission),
    (10, |roll| roll.any_payment(|one| one.state == T::Approved && !is_cash(one)), sale_line),
    (3, |roll| roll.any_payment(|one| !is_cash(one)), any_line),
    (4, |roll| roll.any_payment(|one| one.is_posted() && !is_cash(one)), unnamed_line),
    (5, |roll| roll.any_payment(|one| one.file.to_take_back > 0), reversal_line),
    (4, |roll| roll.any_payment(|one| one.is_posted() && one.refunded > 0), refund_line),
    (2, |roll| roll.any_payment(|one| one.is_posted() && !is_cash(one)), charge_back_line),
    (1, |roll| !roll.model.file_lines.is_empty(), fee_correction),
    (5, |roll| roll.any_payment(is_early), early_line),
    (8, |roll| roll.model.held.iter().any(|(day, _)| *day <= roll.model.today), release_due),
    (1, |_| true, release_due),
    (8, |roll| !sellers_with_payable(roll).is_empty(), plan),
    (5, |roll| !sellers_with_payable(roll).is_empty(), plan_cycle),
    (1, |_| true, plan_cycle),
    (9, |roll| roll.model.plans.values().any(|one| one.state == PlanState::Planned), approve),
    (2, |roll| roll.model.plans.values().any(|one| one.state <= PlanState::Approved), reject),
    (9, |roll| roll.model.plans.values().any(|one| one.state == PlanState::Approved), execute),
    (
        12,
        |roll| !roll.sent().is_empty(),
        |roll| Command::ConfirmPayout(ConfirmPayout { payout: roll.payout() }),
    ),
    (
        10,
        |roll| !roll.sent().is_empty(),
        |roll| Command::ReturnPayout(ReturnPayout { payout: roll.payout() }),
    ),
    (2, |roll| !roll.arrived().is_empty(), return_payout),
    (3, |roll| !roll.model.below_zero.is_empty(), invoice),
    (4, |roll| !roll.model.open_invoices().is_empty(), pay_invoice),
    (2, |roll| !roll.model.open_invoices().is_empty(), cancel_invoice),
    (2, |_| true, raise),
    (4, |_| true, adjust),
    (3, |_| true, close_period),
    (6, |roll| roll.model.breaks.values().any(|one| !one.closed), propose),
    (8, |roll| roll.model.breaks.values().any(|one| one.is_proposed()), approve_closing),
    (12, |roll| roll.model.breaks.values().any(may_be_of_a_payment), propose_payment),
    (40, |roll| roll.model.breaks.values().any(is_proposed_to_line), approve_payment),
    (1, |roll| roll.model.breaks.values().any(|one| !one.closed), assign_break),
    (2, |roll| !raised_breaks(roll).is_empty(), withdraw_break),
    (4, |roll| !raised_breaks(roll).is_empty(), reclassify_break),
    (2, |roll| roll.any(|one| !one.is_open()), forget),
    (3, |_| true, party),
    (1, |_| true, register_person),
    (1, |_| true, remove_person),
    (2, |_| true, grant_access),
    (1, |_| true, revoke_access),
    (2, |_| true, issue_key),
    (1, |roll| !roll.model.keys.is_empty(), revoke_key),
    (1, |_| true, access_event),
    (1, |_| true, reset_factor),
    (1, |_| true, set_refund_limit),
    (2, |_| true, set_seller_terms),
    (1, |roll| roll.one_in(1, 3), set_payout_account),
    (3, |roll| !sellers_with_payout_account(roll).is_empty(), erase_payout_account),
    (2, |_| true, record_disclosure),
    (2, |_| true, erase_subject),
    (1, |_| true, retry_notices),
    (1, |_| true, set_firm_terms),
    (1, |_| true, set_courier_terms),
    (1, |roll| roll.one_in(1, 3), suspend_seller),
    (6, |roll| !suspended_sellers(roll).is_empty(), suspend_seller),
    (1, |roll| roll.one_in(1, 3), suspend_courier),
    (12, |roll| !suspended_couriers(roll).is_empty(), suspend_courier),
    (1, |roll| roll.one_in(0, 2), retention),
    (1, |_| true, set_time_zone),
    (32, |_| true, other_content),
    (9, |roll| roll.model.terminals.keys().any(|id| !open_batch_of(roll, *id)), open_batch),
    (32, is_sellable, purchase),
    (32, |roll| roll.any_payment(|one| one.state == T::Begun), resolve_purchase),
    (5, |roll| roll.any_payment(|one| one.state == T::Unknown), resolve_purchase),
    (26, |roll| roll.any_payment(|one| one.state == T::Authorised), complete),
    (2, |roll| roll.any_payment(|one| one.state == T::Expired), complete),
    (24, |roll| roll.any_payment(|one| one.state == T::Completing), resolve_completion),
    (3, |roll| roll.any_payment(|one| one.state == T::CompletionUnknown), resolve_completion),
    (1, |roll| roll.any_payment(ModelPayment::is_open_pre_authorisation), resolve_completion),
    (
        180,
        |roll| roll.any_payment(|one| one.state == T::CompletionUnknown),
        end_completion_reversal,
    ),
    (7, |roll| roll.any_payment(|one| can_be_reversed(roll, one)), void),
    (4, |roll| roll.any_payment(|one| can_be_reversed(roll, one)), begin_reversal),
    (
        1,
        |roll| roll.any_payment(|one| one.state == T::Completing || is_being_reversed(one)),
        begin_reversal,
    ),
    (
        2,
        |roll| roll.model.terminals.keys().any(|id| open_batch_of(roll, *id)),
        reverse_without_original,
    ),
    (1, any_batch_is_open, decline_request),
    (1, any_batch_is_open, inquire_balance),
    (10, |roll| roll.any_payment(|one| one.state == T::Authorised), expire),
    (9, |roll| roll.any_payment(is_being_reversed), reverse_void),
    (9, |roll| roll.any_payment(is_being_reversed), resolve_reversal),
    (9, is_sellable, record_offline_sale),
    (7, any_batch_is_open, record_offline_sale),
    (12, |roll| has_to_forward(roll, TransactionKind::Advice), resolve_advice),
    (12, |roll| !sales_in_suspense(roll).is_empty(), resolve_suspended_sale),
    (4, |roll| !roll.model.suspended.is_empty(), suspended_sale_line),
    (3, |roll| !sales_to_pay_back(roll).is_empty(), pay_back_suspended_sale),
    (4, |roll| roll.any(can_be_sold_in_part), sell_part_offline),
    (60, |roll| !sales_to_reject(roll).is_empty(), reject_delivered),
    (110, |roll| !around_rejected_sales(roll).is_empty(), reverse_beside_rejected),
    (200, |roll| roll.any(|one| one.is_open() && has_rejected_part(one)), lose_rejected),
    (1, |_| true, set_offline_limit),
    (15, is_sellable, take_cash),
    (90, |roll| roll.by_cash && is_sellable(roll), take_cash),
    (8, |roll| roll.any(is_payable), take_cash_by_phone),
    (80, |roll| roll.by_cash && !couriers_with_cash(roll).is_empty(), start_hand_over),
    (90, |roll| roll.by_cash && hands_over(roll), count),
    (4, |roll| roll.any_payment(|one| one.is_posted() && is_over_rail(one)), begin_refund),
    (6, |roll| has_to_forward(roll, TransactionKind::Refund), resolve_refund),
    (2, |roll| roll.model.terminals.keys().any(|id| open_batch_of(roll, *id)), close_batch),
    (3, |roll| !disputed(roll).is_empty(), reconcile),
    (9, |roll| !terminals_in_next_batch(roll).is_empty(), leave_disputed),
    (2, |roll| !open_items(roll).is_empty(), close_open_item),
    (1, |roll| roll.one_in(0, 2), withdraw),
    (6, |roll| !roll.model.withdrawn.is_empty(), reinstate),
    (3, can_begin_statement, begin_statement),
    (2, |roll| roll.one_in(1, 3), begin_clearing_file),
    (12, |roll| !incomplete_clearing_files(roll).is_empty(), line_of_file),
    (8, |roll| !incomplete_statements(roll).is_empty(), take_entry),
    (5, awaits_a_cause, match_entry),
    (20, can_end, end_file),
    (8, has_explained_break, propose_movement),
];

pub fn is_with_carrier(parcel: &Parcel) -> bool {
    matches!(parcel.state, ParcelState::Out | ParcelState::Assigned)
}

pub fn is_payable(parcel: &Parcel) -> bool {
    parcel.state == ParcelState::Out && parcel.left() > 0
}

pub fn is_cash(payment: &ModelPayment) -> bool {
    matches!(payment.method, ModelMethod::Cash(_))
}

fn hands_over(roll: &Choices) -> bool {
    roll.model.handovers.values().any(|one| one.ended_by.is_none())
}

/// Couriers who have cash and can hand it over.
pub fn couriers_with_cash(roll: &Choices) -> Vec<CourierId> {
    let open =
        |id| roll.model.handovers.values().any(|one| one.courier == id && one.ended_by.is_none());
    let couriers =
        roll.model.couriers.iter().filter(|(id, one)| !one.in_hand.is_empty() && !open(**id));
    couriers.map(|(id, _)| *id).collect()
}

/// Couriers with an open shortage.
pub fn debtors(roll: &Choices) -> Vec<CourierId> {
    let owes = |id: &CourierId| roll.model.balance(roll.model.courier_accounts(*id).1) > 0;
    roll.model.couriers.keys().copied().filter(owes).collect()
}

/// Couriers with an open shortage whose firm has something to end it with.
pub fn debtors_of<N: Default + PartialOrd>(
    roll: &Choices,
    has: impl Fn(FirmId) -> N,
) -> Vec<CourierId> {
    let mut couriers = debtors(roll);
    couriers.retain(|id| has(roll.model.couriers[id].firm) > N::default());
    couriers
}

pub fn guarantee_of(roll: &Choices, firm: FirmId) -> u64 {
    if roll.model.firms.contains_key(&firm) { roll.model.guarantee_left(firm) } else { 0 }
}

pub fn cash_of(roll: &Choices, firm: FirmId) -> i128 {
    let known = roll.model.firms.get(&firm);
    known.map_or(0, |known| roll.model.available((AccountKind::FirmCash, firm.0, known.currency)))
}

pub fn firms_with_cash(roll: &Choices) -> Vec<FirmId> {
    roll.model.firms.keys().copied().filter(|id| cash_of(roll, *id) > 0).collect()
}

pub fn commission_of(roll: &Choices, firm: FirmId) -> i128 {
    let known = roll.model.firms.contains_key(&firm);
    if known { roll.model.commission_payable(firm) } else { 0 }
}

fn owes_tax(roll: &Choices) -> bool {
    let owed = |tax| roll.model.balance(tax_account(tax, Currency::CNY)) > 0;
    Tax::ALL.into_iter().any(owed)
}

pub fn firms_with_commission(roll: &Choices) -> Vec<FirmId> {
    roll.model.firms.keys().copied().filter(|id| commission_of(roll, *id) > 0).collect()
}

/// Sellers whom a plan would pay.
pub fn sellers_with_payable(roll: &Choices) -> Vec<SellerAccount> {
    let pays = |id: &SellerAccount| {
        let payable = roll.model.available((AccountKind::SellerPayable, id.0.0, id.1));
        let minimum = roll.model.seller_terms(*id, roll.model.today).minimum;
        payable >= i128::from(minimum.max(1)) && !roll.model.is_seller_suspended(id.0)
    };
    roll.model.sellers.keys().copied().filter(pays).collect()
}
