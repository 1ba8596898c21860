//! Commands, said shortly: by the usual courier, at the usual terminal, to the usual bank.

use engine::*;
use money::{Amount, Currency};
use tariff::{CardKind, ClassNo, Terms};

use super::{BANK, CASHIER, CHINA, CODE, COURIER, FIRM, NETWORK, TARIFF, TERMINAL, WALLET, day};

pub fn register_seller(seller: SellerId, class: ClassNo, minimum: u64) -> Command {
    Command::RegisterSeller {
        seller,
        kind: SellerKind::Business,
        currency: Currency::CNY,
        jurisdiction: CHINA,
        tariff: TARIFF,
        class,
        cycle: Cycle::Daily,
        minimum: Amount::of(minimum),
        reference: format!("seller {}", seller.0),
    }
}

pub fn publish(version: u16, from: &str, until: Option<&str>, terms: Terms) -> Command {
    let (from, until) = (day(from), until.map(day));
    let terms = Box::new(terms);
    let reference = "tariff".to_owned();
    Command::PublishTariff {
        tariff: TARIFF,
        version,
        currency: None,
        from,
        until,
        terms,
        reference,
    }
}

pub fn announce(seller: SellerId, order: &str, due: u64) -> Command {
    Command::AnnounceParcel {
        parcel: ParcelId::derived(seller, order),
        seller,
        currency: Currency::CNY,
        due: Amount::of(due),
        reference: order.to_owned(),
    }
}

pub fn assign(parcel: ParcelId) -> Command {
    Command::AssignParcels { firm: FIRM, parcels: vec![parcel] }
}

pub fn dispatch(parcel: ParcelId) -> Command {
    dispatch_with(COURIER, parcel)
}

pub fn dispatch_with(courier: CourierId, parcel: ParcelId) -> Command {
    Command::DispatchParcels { courier, parcels: vec![parcel] }
}

pub fn attempt(parcel: ParcelId, number: u8) -> Command {
    Command::RecordAttempt { parcel, number, reason: AttemptReason::NobodyHome }
}

pub fn accept_part(parcel: ParcelId, accepted: u64) -> Command {
    Command::AcceptPart { parcel, accepted: Amount::of(accepted) }
}

pub fn refuse(parcel: ParcelId) -> Command {
    Command::RefuseParcel { parcel, reason: RefuseReason::NotWanted }
}

pub fn card(tender: TenderId, amount: u64) -> Command {
    let method = Method::Card { network: NETWORK, kind: CardKind::Debit };
    begin(tender, method, amount)
}

pub fn qr(tender: TenderId, amount: u64) -> Command {
    begin(tender, Method::Qr { wallet: WALLET }, amount)
}

pub fn begin(tender: TenderId, method: Method, amount: u64) -> Command {
    let amount = Amount::of(amount);
    Command::BeginCollection { tender, terminal: TERMINAL, method, amount }
}

pub fn cash(tender: TenderId, amount: u64) -> Command {
    Command::CollectCash { tender, courier: COURIER, amount: Amount::of(amount) }
}

pub fn approve(tender: TenderId) -> Command {
    Command::ResolveCollection { tender, resolution: Resolution::Approved }
}

pub fn decline(tender: TenderId) -> Command {
    Command::ResolveCollection { tender, resolution: Resolution::Declined { code: *b"51" } }
}

pub fn unknown(tender: TenderId) -> Command {
    Command::ResolveCollection { tender, resolution: Resolution::Unknown }
}

pub fn reverse(tender: TenderId) -> Command {
    Command::ReverseCollection { tender }
}

pub fn refund(tender: TenderId, number: u8, amount: u64) -> Command {
    Command::Refund { tender, number, amount: Amount::of(amount) }
}

pub fn confirm_refund(tender: TenderId, number: u8, amount: u64) -> Command {
    Command::ConfirmRefund { bank: BANK, tender, number, amount: Amount::of(amount) }
}

pub fn charge_back(tender: TenderId, number: u8, amount: u64) -> Command {
    Command::ChargeBack { tender, number, amount: Amount::of(amount) }
}

pub fn clear(tender: TenderId, amount: u64, kept_back: u64) -> Command {
    let (amount, kept_back) = (Amount::of(amount), Amount::of(kept_back));
    Command::ConfirmClearing { bank: BANK, tender, amount, kept_back }
}

pub fn release(date: &str) -> Command {
    Command::ReleaseDue { date: day(date), limit: ITEMS_PER_COMMAND_MAX }
}

/// The usual courier's first hand-over is called 1, the second 2, and so on.
pub fn start_hand_over(handover: u32) -> Command {
    start_hand_over_of(COURIER, handover, handover.into())
}

pub fn start_hand_over_of(courier: CourierId, number: u32, handover: u64) -> Command {
    let handover = HandOverId(handover);
    let code_hash = one_time_code_hash(handover, CODE);
    Command::StartHandOver { handover, courier, number, code_hash }
}

pub fn count(handover: u32, counted: u64) -> Command {
    let (handover, counted) = (HandOverId(handover.into()), Amount::of(counted));
    Command::CountHandOver { handover, code: CODE, counted, counted_by: CASHIER }
}

pub fn repay(courier: CourierId, number: u32, amount: u64) -> Command {
    Command::RepayShortage { courier, number, amount: Amount::of(amount) }
}

/// The usual firm's first deposit is called 1, the second 2, and so on.
pub fn deposit(deposit: u32, amount: u64) -> Command {
    deposit_called(deposit.into(), deposit, amount)
}

pub fn deposit_called(deposit: u64, number: u32, amount: u64) -> Command {
    let (deposit, amount) = (DepositId(deposit), Amount::of(amount));
    Command::AnnounceDeposit { deposit, firm: FIRM, number, bank: BANK, amount }
}

pub fn cancel_deposit(deposit: u64) -> Command {
    Command::CancelDeposit { deposit: DepositId(deposit) }
}

pub fn pay_commission(number: u32, amount: u64) -> Command {
    Command::PayCommission { firm: FIRM, number, bank: BANK, amount: Amount::of(amount) }
}

pub fn confirm_deposit(deposit: u64, credited: u64) -> Command {
    Command::ConfirmDeposit { deposit: DepositId(deposit), credited: Amount::of(credited) }
}

pub fn plan(plan: u64, planned_by: PersonId) -> Command {
    let (plan, currency) = (PlanId(plan), Currency::CNY);
    Command::PlanSettlement { plan, cycle: Cycle::Daily, currency, planned_by }
}

pub fn approve_plan(plan: u64, approved_by: PersonId) -> Command {
    Command::ApproveSettlement { plan: PlanId(plan), approved_by }
}

pub fn reject_plan(plan: u64, rejected_by: PersonId) -> Command {
    Command::RejectSettlement { plan: PlanId(plan), rejected_by }
}

pub fn execute(plan: u64) -> Command {
    Command::ExecuteSettlement { plan: PlanId(plan), bank: BANK }
}

pub fn confirm_payout(payout: u64) -> Command {
    Command::ConfirmPayout { payout: PayoutId(payout) }
}

pub fn return_payout(payout: u64) -> Command {
    Command::ReturnPayout { payout: PayoutId(payout) }
}

pub fn raise(break_id: u64, subject: BreakSubject, side: BreakSide, amount: u64) -> Command {
    let (break_id, amount) = (BreakId(break_id), Amount::of(amount));
    Command::RaiseBreak { break_id, subject, side, amount, owner: super::ANNA }
}

pub fn propose(break_id: BreakId, closing: Closing, proposed_by: PersonId) -> Command {
    Command::ProposeBreakClosing { break_id, closing, proposed_by }
}

pub fn approve_closing(break_id: BreakId, closing: Closing, approved_by: PersonId) -> Command {
    Command::ApproveBreakClosing { break_id, closing, approved_by }
}
