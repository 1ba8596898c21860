//! Short forms of commands, with the default courier, terminals and bank account.

use books::*;
use money::{Amount, Currency, Rate, SignedAmount};
use tariff::{SellerClassNumber, Terms};

use super::{
    ANNA, AUTHORISATION_CODE, BANK, BO, CASHIER, CHINA, CODE, COURIER, FIRM, SELLER, SIGNED_ON,
    TARIFF, UTC_OFFSET_MINUTES, WALLET, WALLET_PAYMENT, day, debit_card, resolve_purchase, sell_at,
    take_cash_at,
};

/// Opens the books with Anna and Bo.
pub fn open_books() -> Command {
    open_books_at(UTC_OFFSET_MINUTES, [ANNA, BO])
}

pub fn open_books_at(utc_offset_minutes: i16, persons: [PersonId; 2]) -> Command {
    let [first_person, second_person] = persons;
    let trial = false;
    Command::OpenBooks(OpenBooks { utc_offset_minutes, first_person, second_person, trial })
}

/// Opens the same books for trials, if `command` opens them for good.
pub fn as_trial(command: Command) -> Command {
    let Command::OpenBooks(open) = command else { panic!("it opens no books: {command:?}") };
    Command::OpenBooks(OpenBooks { trial: true, ..open })
}

pub fn register_person(person: PersonId, [proposed_by, approved_by]: [PersonId; 2]) -> Command {
    Command::RegisterPerson(RegisterPerson { person, proposed_by, approved_by })
}

pub fn remove_person(person: PersonId, [proposed_by, approved_by]: [PersonId; 2]) -> Command {
    Command::RemovePerson(RemovePerson { person, proposed_by, approved_by })
}

pub fn grant(person: PersonId, number: u32, grant: GrantedRole, by: [PersonId; 2]) -> Command {
    let [proposed_by, approved_by] = by;
    Command::GrantAccess(GrantAccess { person, number, grant, proposed_by, approved_by })
}

pub fn revoke(person: PersonId, number: u32, grant: GrantedRole, revoked_by: PersonId) -> Command {
    Command::RevokeAccess(RevokeAccess { person, number, grant, revoked_by })
}

/// A key that expires after some days of 2013-08-28.
pub fn issue_key(
    key: u64,
    person: Option<PersonId>,
    grants: &[GrantedRole],
    days: u64,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    let until = Timestamp(1_377_619_200_000).plus_ms(days * DAY_MS);
    let (key, grants) = (ApiKeyId(key), grants.to_vec());
    Command::IssueApiKey(IssueApiKey { key, person, grants, until, proposed_by, approved_by })
}

pub fn revoke_key(key: u64, revoked_by: PersonId) -> Command {
    Command::RevokeApiKey(RevokeApiKey { key: ApiKeyId(key), revoked_by })
}

pub fn access_event(number: u32, person: Option<PersonId>, event: AccessEvent) -> Command {
    Command::RecordAccessEvent(RecordAccessEvent { number, person, event })
}

pub fn reset_second_factor(person: PersonId, number: u32, by: [PersonId; 2]) -> Command {
    let [proposed_by, approved_by] = by;
    Command::ResetSecondFactor(ResetSecondFactor { person, number, proposed_by, approved_by })
}

pub fn register_firm(firm: FirmId, currency: Currency, guarantee: u64) -> Command {
    Command::RegisterFirm(RegisterFirm {
        firm,
        currency,
        guarantee: Amount::of(guarantee),
        reference: format!("firm {}", firm.0),
        proposed_by: ANNA,
        approved_by: BO,
    })
}

pub fn register_courier(courier: CourierId, firm: FirmId, cash_limit: u64) -> Command {
    Command::RegisterCourier(RegisterCourier {
        courier,
        firm,
        cash_limit: Amount::of(cash_limit),
        reference: format!("courier {}", courier.0),
        proposed_by: ANNA,
        approved_by: BO,
    })
}

pub fn set_hold_rule(jurisdiction: Jurisdiction, number: u32, rule: HoldRule) -> Command {
    let (proposed_by, approved_by) = (ANNA, BO);
    Command::SetHoldRule(SetHoldRule { jurisdiction, number, rule, proposed_by, approved_by })
}

pub fn set_refund_limit(number: u32, limit: u64) -> Command {
    let (currency, limit) = (Currency::CNY, Amount::of(limit));
    let (proposed_by, approved_by) = (ANNA, BO);
    Command::SetRefundLimit(SetRefundLimit { currency, number, limit, proposed_by, approved_by })
}

pub fn refund_by_two(
    payment: PaymentId,
    number: u8,
    amount: u64,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    let amount = Amount::of(amount);
    Command::RefundByTwoPersons(RefundByTwoPersons {
        payment,
        number,
        amount,
        proposed_by,
        approved_by,
    })
}

pub fn register_seller(seller: SellerId, class: SellerClassNumber, minimum: u64) -> Command {
    Command::RegisterSeller(RegisterSeller {
        seller,
        kind: SellerKind::Business,
        currency: Currency::CNY,
        jurisdiction: CHINA,
        tariff: TARIFF,
        class,
        cycle: SettlementCycle::Daily,
        minimum: Amount::of(minimum),
        reference: format!("seller {}", seller.0),
    })
}

pub fn publish(version: u16, from: &str, until: Option<&str>, terms: Terms) -> Command {
    let (from, until) = (day(from), until.map(day));
    let terms = Box::new(terms);
    let reference = "tariff".to_owned();
    Command::PublishTariff(PublishTariff {
        tariff: TARIFF,
        version,
        currency: Some(Currency::CNY),
        from,
        until,
        terms,
        reference,
        proposed_by: ANNA,
        approved_by: BO,
    })
}

pub fn announce(seller: SellerId, order: &str, due: u64) -> Command {
    announce_shipment(seller, order, due, 1)
}

pub fn announce_shipment(seller: SellerId, order: &str, due: u64, shipment: u8) -> Command {
    Command::AnnounceParcel(AnnounceParcel {
        parcel: ParcelId::derived(seller, order).shipment(shipment),
        seller,
        currency: Currency::CNY,
        due: Amount::of(due),
        reference: order.to_owned(),
        shipment,
    })
}

/// The parcel's first assignment.
pub fn assign(parcel: ParcelId) -> Command {
    assign_all(FIRM, &[(parcel, 1)])
}

/// Parcels with the numbers of their assignments.
pub fn assign_all(firm: FirmId, parcels: &[(ParcelId, u8)]) -> Command {
    let parcel = |&(parcel, number): &(_, _)| AssignedParcel { parcel, number };
    let parcels = parcels.iter().map(parcel).collect();
    Command::AssignParcels(AssignParcels { firm, parcels })
}

pub fn amend_due(parcel: ParcelId, number: u8, due: u64) -> Command {
    Command::AmendDue(AmendDue { parcel, number, due: Amount::of(due) })
}

pub fn cancel_parcel(parcel: ParcelId) -> Command {
    Command::CancelParcel(CancelParcel { parcel })
}

pub fn dispatch(parcel: ParcelId) -> Command {
    dispatch_with(COURIER, parcel)
}

pub fn dispatch_with(courier: CourierId, parcel: ParcelId) -> Command {
    dispatch_all(courier, &[(parcel, 1)])
}

/// Parcels with the numbers of the delivery attempts that begin.
pub fn dispatch_all(courier: CourierId, parcels: &[(ParcelId, u8)]) -> Command {
    let parcel = |&(parcel, attempt): &(_, _)| DispatchedParcel { parcel, attempt };
    let parcels = parcels.iter().map(parcel).collect();
    Command::DispatchParcels(DispatchParcels { courier, parcels })
}

pub fn attempt(parcel: ParcelId, number: u8) -> Command {
    Command::RecordAttempt(RecordAttempt { parcel, number, reason: AttemptReason::NobodyHome })
}

pub fn accept_part(parcel: ParcelId, accepted: u64) -> Command {
    Command::AcceptPart(AcceptPart { parcel, accepted: Amount::of(accepted) })
}

pub fn refuse(parcel: ParcelId) -> Command {
    Command::RefuseParcel(RefuseParcel { parcel, reason: RefuseReason::NotWanted })
}

pub fn damaged(parcel: ParcelId, paid_by: DamagePayer) -> Command {
    Command::RefuseParcel(RefuseParcel { parcel, reason: RefuseReason::Damaged { paid_by } })
}

pub fn lose(parcel: ParcelId, paid_by: DamagePayer) -> Command {
    Command::LoseParcel(LoseParcel { parcel, paid_by })
}

pub fn return_parcel(parcel: ParcelId) -> Command {
    Command::ReturnParcel(ReturnParcel { parcel })
}

pub fn compensate(
    parcel: ParcelId,
    amount: u64,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    let amount = Amount::of(amount);
    Command::CompensateSeller(CompensateSeller { parcel, amount, proposed_by, approved_by })
}

pub fn pay_discount(parcel: ParcelId, amount: u64) -> Command {
    Command::PayDiscount(PayDiscount { parcel, amount: Amount::of(amount) })
}

/// A payment's own trace at the terminal that is signed on.
pub fn trace_of(batch: u32, payment: PaymentId) -> Trace {
    let parcel = u32::try_from(payment.parcel.bits() % 55_555).expect("a small remainder");
    Trace {
        terminal: SIGNED_ON,
        batch,
        stan: Stan::of(parcel * 18 + u32::from(payment.number) + 1),
    }
}

pub fn begin_card(payment: PaymentId, amount: u64) -> Command {
    begin(payment, debit_card(), amount)
}

pub fn begin_qr(payment: PaymentId, amount: u64) -> Command {
    begin(payment, PaymentRoute::Qr { wallet: WALLET }, amount)
}

/// Begins the parcel's next payment, which has this number. The same again is a repeat.
pub fn begin(payment: PaymentId, route: PaymentRoute, amount: u64) -> Command {
    sell_at(trace_of(1, payment), payment.parcel, route, amount)
}

pub fn collect_cash(payment: PaymentId, amount: u64) -> Command {
    take_cash_at(trace_of(1, payment), payment.parcel, amount, amount)
}

/// The network approves a card payment.
pub fn approve(payment: PaymentId) -> Command {
    let approval = Approval::Network(Some(AUTHORISATION_CODE));
    resolve_purchase(payment, PaymentResolution::Approved(approval))
}

/// The wallet reports a QR payment.
pub fn pay(payment: PaymentId) -> Command {
    resolve_purchase(payment, PaymentResolution::Approved(Approval::Wallet(WALLET_PAYMENT)))
}

pub fn decline(payment: PaymentId) -> Command {
    resolve_purchase(payment, PaymentResolution::Declined { code: ResponseCode::of(b"51") })
}

pub fn outcome_unknown(payment: PaymentId) -> Command {
    resolve_purchase(payment, PaymentResolution::Unknown)
}

pub fn reverse(payment: PaymentId) -> Command {
    Command::ReverseCollection(ReverseCollection { payment })
}

pub fn refund(payment: PaymentId, number: u8, amount: u64) -> Command {
    Command::Refund(Refund { payment, number, amount: Amount::of(amount) })
}

pub fn confirm_refund(payment: PaymentId, number: u8, amount: u64) -> Command {
    Command::ConfirmRefund(ConfirmRefund {
        bank: BANK,
        payment,
        number,
        amount: Amount::of(amount),
    })
}

pub fn charge_back(payment: PaymentId, number: u8, amount: u64) -> Command {
    Command::ChargeBack(ChargeBack { payment, number, amount: Amount::of(amount) })
}

/// A sale's line. The world adds its rail, file and number: see [`World::numbered`].
///
/// [`World::numbered`]: super::World::numbered
pub fn clear(payment: PaymentId, amount: i64, deducted: i64) -> Command {
    line_of(ClearLineKind::Sale, Some(payment), amount, deducted)
}

/// Of a request that no payment in these scenarios has.
pub const ANOTHER_REQUEST: LineReference = LineReference::Request {
    rrn: RetrievalReference::of(b"ABCDEF000007"),
    sent: NetworkReference { stan: Stan::of(7), sent_at: Timestamp(1_377_651_000_000) },
};

/// A line of a network, or of the payment's rail. The world adds its rail, file and number.
pub fn line_of(
    kind: ClearLineKind,
    payment: Option<PaymentId>,
    amount: i64,
    deducted: i64,
) -> Command {
    Command::ClearLine(ClearLine {
        bank: BANK,
        rail: RailId::Network(super::NETWORK),
        file: 0,
        line: 0,
        kind,
        reference: ANOTHER_REQUEST,
        payment,
        amount: SignedAmount::of(amount),
        deducted: SignedAmount::of(deducted),
        value_date: None,
    })
}

/// A line of a file that the rail settles on that day.
pub fn settled_on(date: &str, line: Command) -> Command {
    let Command::ClearLine(line) = line else { panic!("no line: {line:?}") };
    Command::ClearLine(ClearLine { value_date: Some(day(date)), ..line })
}

pub fn release(date: &str) -> Command {
    Command::ReleaseDue(ReleaseDue { date: day(date), limit: RECORDS_PER_COMMAND_MAX })
}

pub fn set_retention(number: u32, days: u16, [proposed_by, approved_by]: [PersonId; 2]) -> Command {
    Command::SetRetention(SetRetention { number, days, proposed_by, approved_by })
}

/// Stands for the MAC that the key store computes. The books only compare MACs.
pub fn mac_of(handover: HandOverId, code: u32) -> CodeMac {
    CodeMac((u128::from(handover.0) << 64 | u128::from(code)).to_be_bytes())
}

/// The default courier's hand-overs have the ids 1, 2, and so on.
pub fn start_hand_over(handover: u32) -> Command {
    start_hand_over_of(COURIER, handover, handover.into())
}

pub fn start_hand_over_of(courier: CourierId, number: u32, handover: u64) -> Command {
    let handover = HandOverId(handover);
    let code_mac = mac_of(handover, CODE);
    Command::StartHandOver(StartHandOver { handover, courier, number, code_mac })
}

pub fn count(handover: u32, counted: u64) -> Command {
    let (handover, counted) = (HandOverId(handover.into()), Amount::of(counted));
    let (code_mac, counted_by) = (mac_of(handover, CODE), CASHIER);
    Command::CountHandOver(CountHandOver { handover, code_mac, counted, counted_by })
}

pub fn cancel_hand_over(handover: u32, cancelled_by: PersonId) -> Command {
    let handover = HandOverId(handover.into());
    Command::CancelHandOver(CancelHandOver { handover, cancelled_by })
}

pub fn count_by_supervisor(
    handover: u32,
    counted: u64,
    [counted_by, supervisor]: [PersonId; 2],
) -> Command {
    let (handover, counted) = (HandOverId(handover.into()), Amount::of(counted));
    Command::CountHandOverBySupervisor(CountHandOverBySupervisor {
        handover,
        counted,
        counted_by,
        supervisor,
    })
}

pub fn write_off_shortage(
    number: u32,
    amount: u64,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    let (courier, amount) = (COURIER, Amount::of(amount));
    Command::WriteOffShortage(WriteOffShortage {
        courier,
        number,
        amount,
        proposed_by,
        approved_by,
    })
}

pub fn cover_shortage(
    number: u32,
    amount: u64,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    let (courier, amount) = (COURIER, Amount::of(amount));
    Command::CoverShortage(CoverShortage { courier, number, amount, proposed_by, approved_by })
}

pub fn deduct_shortage(
    number: u32,
    amount: u64,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    let (courier, amount) = (COURIER, Amount::of(amount));
    Command::DeductShortage(DeductShortage { courier, number, amount, proposed_by, approved_by })
}

pub fn repay(courier: CourierId, number: u32, amount: u64) -> Command {
    Command::RepayShortage(RepayShortage { courier, number, amount: Amount::of(amount) })
}

/// The default firm's deposits have the ids 1, 2, and so on.
pub fn deposit(deposit: u32, amount: u64) -> Command {
    deposit_with_id(deposit.into(), deposit, amount)
}

pub fn deposit_with_id(deposit: u64, number: u32, amount: u64) -> Command {
    let (deposit, amount) = (DepositId(deposit), Amount::of(amount));
    let (firm, bank, announced_by) = (FIRM, BANK, CASHIER);
    let new = AnnounceDeposit { deposit, firm, number, bank, amount, announced_by };
    Command::AnnounceDeposit(new)
}

pub fn cancel_deposit(deposit: u64) -> Command {
    let (deposit, proposed_by, approved_by) = (DepositId(deposit), ANNA, BO);
    Command::CancelDeposit(CancelDeposit { deposit, proposed_by, approved_by })
}

pub fn pay_commission(number: u32, amount: u64) -> Command {
    Command::PayCommission(PayCommission {
        firm: FIRM,
        number,
        bank: BANK,
        amount: Amount::of(amount),
        proposed_by: ANNA,
        approved_by: BO,
    })
}

pub fn pay_tax(number: u32, tax: Tax, amount: u64) -> Command {
    Command::PayTax(PayTax {
        number,
        tax,
        bank: BANK,
        amount: Amount::of(amount),
        proposed_by: ANNA,
        approved_by: BO,
    })
}

pub fn confirm_deposit(deposit: u64, credited: u64) -> Command {
    Command::ConfirmDeposit(ConfirmDeposit {
        deposit: DepositId(deposit),
        credited: Amount::of(credited),
    })
}

pub fn plan(plan: u64, planned_by: PersonId) -> Command {
    let (plan, currency) = (PlanId(plan), Currency::CNY);
    Command::PlanSettlement(PlanSettlement {
        plan,
        cycle: SettlementCycle::Daily,
        currency,
        planned_by,
    })
}

pub fn plan_cycle(plan: u64, date: &str) -> Command {
    let (plan, date) = (PlanId(plan), date.parse().expect("a date"));
    let (cycle, currency) = (SettlementCycle::Daily, Currency::CNY);
    Command::PlanCycle(PlanCycle { plan, date, cycle, currency })
}

pub fn approve_cycle_plan(plan: u64, proposed_by: PersonId, approved_by: PersonId) -> Command {
    let plan = PlanId(plan);
    Command::ApproveCyclePlan(ApproveCyclePlan { plan, proposed_by, approved_by })
}

pub fn approve_plan(plan: u64, approved_by: PersonId) -> Command {
    Command::ApproveSettlement(ApproveSettlement { plan: PlanId(plan), approved_by })
}

pub fn reject_plan(plan: u64, rejected_by: PersonId) -> Command {
    Command::RejectSettlement(RejectSettlement { plan: PlanId(plan), rejected_by })
}

pub fn execute(plan: u64) -> Command {
    Command::ExecuteSettlement(ExecuteSettlement { plan: PlanId(plan), bank: BANK })
}

pub fn confirm_payout(payout: u64) -> Command {
    Command::ConfirmPayout(ConfirmPayout { payout: PayoutId(payout) })
}

pub fn return_payout(payout: u64) -> Command {
    Command::ReturnPayout(ReturnPayout { payout: PayoutId(payout) })
}

pub fn invoice(seller: SellerId, number: u32, amount: u64) -> Command {
    let (amount, invoiced_by) = (Amount::of(amount), ANNA);
    Command::InvoiceSeller(InvoiceSeller {
        seller,
        currency: Currency::CNY,
        number,
        amount,
        invoiced_by,
    })
}

/// A seller's payment of an invoice, with its number among the payments of that invoice.
pub fn pay_invoice(seller: SellerId, invoice: u32, number: u8, amount: u64) -> Command {
    let (bank, amount) = (BANK, Amount::of(amount));
    Command::RecordSellerPayment(RecordSellerPayment {
        seller,
        currency: Currency::CNY,
        invoice,
        number,
        bank,
        amount,
    })
}

pub fn cancel_invoice(
    seller: SellerId,
    invoice: u32,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    let currency = Currency::CNY;
    let cancel = CancelInvoice { seller, currency, invoice, proposed_by, approved_by };
    Command::CancelInvoice(cancel)
}

pub fn raise_break(break_id: u64, subject: BreakSubject, side: BreakSide, amount: u64) -> Command {
    let (break_id, amount) = (BreakId(break_id), Amount::of(amount));
    let (evidence, owner, raised_by) = ("statement".to_owned(), ANNA, ANNA);
    Command::RaiseBreak(RaiseBreak { break_id, subject, side, amount, evidence, owner, raised_by })
}

pub fn propose_resolution(
    break_id: BreakId,
    resolution: BreakResolution,
    proposed_by: PersonId,
) -> Command {
    let (number, amount) = (1, None);
    let proposal = ProposeBreakResolution { break_id, number, resolution, amount, proposed_by };
    Command::ProposeBreakResolution(proposal)
}

pub fn approve_resolution(
    break_id: BreakId,
    resolution: BreakResolution,
    approved_by: PersonId,
) -> Command {
    let (number, amount) = (1, None);
    let approval = ApproveBreakResolution { break_id, number, resolution, amount, approved_by };
    Command::ApproveBreakResolution(approval)
}

/// The proposal or approval with another number, for a part of the break.
pub fn part_of(mut command: Command, next: u8, part: u64) -> Command {
    match &mut command {
        Command::ProposeBreakResolution(ProposeBreakResolution { number, amount, .. })
        | Command::ApproveBreakResolution(ApproveBreakResolution { number, amount, .. }) => {
            (*number, *amount) = (next, Some(Amount::of(part)));
        }
        _ => panic!("not of a resolution"),
    }
    command
}

pub fn withdraw_break(break_id: u64, [proposed_by, approved_by]: [PersonId; 2]) -> Command {
    let break_id = BreakId(break_id);
    Command::WithdrawBreak(WithdrawBreak { break_id, proposed_by, approved_by })
}

pub fn reclassify_break(
    break_id: u64,
    number: u8,
    subject: BreakSubject,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    let break_id = BreakId(break_id);
    let change = ReclassifyBreak { break_id, number, subject, proposed_by, approved_by };
    Command::ReclassifyBreak(change)
}

pub fn assign_break(break_id: BreakId, number: u8, owner: PersonId) -> Command {
    Command::AssignBreak(AssignBreak { break_id, number, owner, assigned_by: ANNA })
}

pub fn contest(payment: PaymentId, number: u8) -> Command {
    Command::ContestChargeback(ContestChargeback {
        payment,
        number,
        evidence: "case 12".into(),
        digest: Sha256Digest([7; 32]),
        answer_by: day("2013-10-01"),
        contested_by: ANNA,
    })
}

pub fn win_chargeback(payment: PaymentId, number: u8) -> Command {
    Command::WinChargeback(WinChargeback { payment, number })
}

pub fn win_by_two(
    payment: PaymentId,
    number: u8,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    let win = WinChargebackByTwoPersons { payment, number, proposed_by, approved_by };
    Command::WinChargebackByTwoPersons(win)
}

pub fn take_back_won(
    payment: PaymentId,
    number: u8,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    let taken = TakeBackWonChargeback { payment, number, proposed_by, approved_by };
    Command::TakeBackWonChargeback(taken)
}

pub fn lose_chargeback(payment: PaymentId, number: u8) -> Command {
    Command::LoseChargeback(LoseChargeback { payment, number })
}

pub fn chargeback_fee(payment: PaymentId, number: u8, amount: u64) -> Command {
    Command::ChargebackFee(ChargebackFee { payment, number, amount: Amount::of(amount) })
}

pub fn set_chargeback_fee(number: u32, most: u64, borne_by: ChargebackFeeBearer) -> Command {
    let (currency, most, proposed_by, approved_by) = (Currency::CNY, Amount::of(most), ANNA, BO);
    let setting = SetChargebackFee { currency, number, most, borne_by, proposed_by, approved_by };
    Command::SetChargebackFee(setting)
}

pub fn adjust(
    number: u32,
    debit: AdjustmentAccount,
    credit: AdjustmentAccount,
    amount: u64,
    value_date: &str,
) -> Command {
    Command::PostAdjustment(PostAdjustment {
        number,
        currency: Currency::CNY,
        debit,
        credit,
        amount: Amount::of(amount),
        value_date: day(value_date),
        reference: "voucher 7".into(),
        proposed_by: ANNA,
        approved_by: BO,
    })
}

pub fn close_period(
    number: u32,
    until: &str,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    let until = day(until);
    Command::ClosePeriod(ClosePeriod { number, until, proposed_by, approved_by })
}

/// Daily, without a minimum, by the default tariff.
pub fn set_seller_terms(number: u32, from: &str, class: SellerClassNumber) -> Command {
    Command::SetSellerTerms(SetSellerTerms {
        seller: SELLER,
        currency: Currency::CNY,
        number,
        from: day(from),
        tariff: TARIFF,
        class,
        cycle: SettlementCycle::Daily,
        minimum: Amount::ZERO,
        proposed_by: ANNA,
        approved_by: BO,
    })
}

pub fn set_guarantee(number: u32, from: &str, guarantee: u64) -> Command {
    set_firm_terms(number, from, guarantee, 0)
}

/// `withholding` in parts per million.
pub fn set_firm_terms(number: u32, from: &str, guarantee: u64, withholding: u32) -> Command {
    Command::SetFirmTerms(SetFirmTerms {
        firm: FIRM,
        number,
        from: day(from),
        guarantee: Amount::of(guarantee),
        withholding: Rate::from_ppm(withholding).expect("at most the whole"),
        proposed_by: ANNA,
        approved_by: BO,
    })
}

pub fn set_cash_limit(number: u32, from: &str, cash_limit: u64) -> Command {
    Command::SetCourierTerms(SetCourierTerms {
        courier: COURIER,
        number,
        from: day(from),
        cash_limit: Amount::of(cash_limit),
        proposed_by: ANNA,
        approved_by: BO,
    })
}

pub fn set_payout_account(number: u32, digest: u8, [first, second]: [PersonId; 2]) -> Command {
    Command::SetPayoutAccount(SetPayoutAccount {
        seller: SELLER,
        currency: Currency::CNY,
        number,
        digest: Sha256Digest([digest; 32]),
        proposed_by: first,
        approved_by: second,
    })
}

pub fn record_disclosure(number: u32, subjects: &[DataSubject], kind: PersonalDataKind) -> Command {
    let purpose = DisclosurePurpose::Dispute;
    Command::RecordDisclosure(RecordDisclosure {
        number,
        subjects: subjects.to_vec(),
        kind,
        purpose,
    })
}

pub fn erase_subject(
    number: u32,
    subject: DataSubject,
    ordered_by: Option<ErasureOrder>,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    Command::EraseSubject(EraseSubject { number, subject, ordered_by, proposed_by, approved_by })
}

pub fn retry_notices(owner: NoticeOwner, endpoint: Option<u32>, not_known: bool) -> Command {
    Command::RetryNotices(RetryNotices { owner, endpoint, not_known })
}

pub fn erase_payout_account(number: u32, digest: u8, [first, second]: [PersonId; 2]) -> Command {
    Command::ErasePayoutAccount(ErasePayoutAccount {
        seller: SELLER,
        currency: Currency::CNY,
        number,
        digest: Sha256Digest([digest; 32]),
        proposed_by: first,
        approved_by: second,
    })
}

/// Anna proposes.
pub fn suspend_seller(number: u32, suspended: bool, approved_by: Option<PersonId>) -> Command {
    let (seller, proposed_by) = (SELLER, ANNA);
    Command::SuspendSeller(SuspendSeller { seller, number, suspended, proposed_by, approved_by })
}

pub fn suspend_courier(number: u32, suspended: bool, approved_by: Option<PersonId>) -> Command {
    let (courier, proposed_by) = (COURIER, ANNA);
    Command::SuspendCourier(SuspendCourier { courier, number, suspended, proposed_by, approved_by })
}
