//! Commands: every change that the books can make.
//!
//! An applied command stays in the journal for ever. A new one gets the next number; the bytes of
//! an existing one never change. The golden bytes in the tests check this. The number of a removed
//! command (0, 2, 3, 5, 6, 9, 10, 12, 14, 17, 19 to 21, 23, 27, 28, 30, 32, 40, 44, 45, 56, 58, 64,
//! 65, 72, 73, 80, 84, 90, 93, 95, 110) is never used again.

use machine::{ApiKeyId, Timestamp, commands};
use money::{Amount, Currency, Rate, SignedAmount};
use tariff::{BusinessDate, SellerClassNumber, Terms};

use crate::books::{Books, Now};
use crate::cash::code_mac::CodeMac;
use crate::event::CommandOutcome;
use crate::ids::*;
use crate::payment::codes::{AuthorisationCode, ResponseCode};
use crate::refusal::Refusal;
use crate::sha256::Sha256Digest;
use crate::terminal::duplicate_key::DuplicateKey;
use crate::terminal::transaction::{
    BatchLine, BatchTotals, NetworkReference, PurchaseKind, RouteCandidate, Trace,
};
use crate::terminal::used_stans::RequestDigest;

pub use crate::limits::*;
pub use crate::vocabulary::*;

commands! {
    /// A change to the books. Amounts are in minor units of the currency that the parties were
    /// registered with, each at most [`Amount::ENTRY_MAX`]. Each person that a command names is
    /// registered, and not removed. The two persons who propose and approve are different.
    pub enum Command for Books: fn(Now, &mut CommandOutcome) -> Result<(), Refusal>;

    /// Register one of Doorstep's bank accounts and make its currency available.
    1 RegisterBank by Person | Key | System => register_bank {
        bank: BankId,
        currency: Currency,
        /// The operator's name for the account.
        reference: String,
    }

    /// Register a terminal and assign it to a courier.
    4 RegisterTerminal by Person | Key | System => register_terminal {
        terminal: TerminalId,
        courier: CourierId,
    }

    /// Register a card network that payments can be sent to.
    7 RegisterNetwork by Person | Key | System => register_network {
        network: NetworkId,
        /// The currency it settles in.
        currency: Currency,
        reference: String,
    }

    /// Register a wallet that pays QR codes.
    8 RegisterWallet by Person | Key | System => register_wallet {
        wallet: WalletId,
        /// The currency it settles in.
        currency: Currency,
        reference: String,
    }

    /// Register a seller, or a seller's account in another currency, which is held, paid and
    /// invoiced by itself. Kind, jurisdiction and reference are the same in all accounts of a
    /// seller.
    11 RegisterSeller by Person | Key | System => register_seller {
        seller: SellerId,
        kind: SellerKind,
        /// The currency of the account: of its parcels and payouts.
        currency: Currency,
        /// Decides how long the seller's money is held. Must have a hold rule.
        jurisdiction: Jurisdiction,
        tariff: TariffId,
        /// Must exist in the version in force today, or in the next one.
        class: SellerClassNumber,
        cycle: SettlementCycle,
        /// Smallest payout. Less is carried over.
        minimum: Amount,
        /// The seller's own reference. Not a personal name.
        reference: String,
    }

    /// Assign parcels to a courier firm: all of them or none.
    13 AssignParcels by Person | Key | System => assign_parcels {
        firm: FirmId,
        /// Announced or assigned.
        parcels: Vec<AssignedParcel>,
    }

    /// Record a delivery attempt that failed. The parcel goes back to the hub and can go out again.
    15 RecordAttempt by Person | Key | System => record_attempt {
        /// Out, with nothing standing and no payment in flight.
        parcel: ParcelId,
        /// The parcel's last attempt number plus 1.
        number: u8,
        reason: AttemptReason,
    }

    /// Record that the buyer accepts part of the parcel. The amount due becomes the amount of that
    /// part. If all of that stands, the parcel is delivered.
    16 AcceptPart by Person | Key | System => accept_part {
        /// Out, with no payment in flight.
        parcel: ParcelId,
        /// The new amount due: above zero, below the old one, and not below what stands.
        accepted: Amount,
    }

    /// Record that a refused parcel is back at the seller. The return fee is charged to the seller,
    /// or for damage to the party that pays for it. Doorstep charges itself nothing.
    18 ReturnParcel by Person | Key | System => return_parcel {
        parcel: ParcelId,
    }

    /// Reverse a payment: the network or wallet acknowledged its reversal, or the courier returned
    /// the cash at the door.
    22 ReverseCollection by Network | Wallet | Person | System => reverse_collection {
        /// A card or QR payment that is begun, unknown, or approved, cleared or not. If approved,
        /// it has no refunds; if it was an offline sale, the network has taken it. Or cash still
        /// with the courier and in no hand-over. A closed parcel is out again.
        payment: PaymentId,
    }

    /// Refund the buyer at the seller's cost. The refund comes from the payment's held money first,
    /// then from the seller's payable balance. If the parcel is not delivered, the amount is due
    /// again.
    24 Refund by Person | Key | System => refund {
        /// Approved; by card, QR or cash.
        payment: PaymentId,
        /// Numbers the payment's refunds and chargebacks together: the last number plus 1. A
        /// terminal's refund takes the next number.
        number: u8,
        /// At most what is not refunded yet, and what is left of the limit of [`SetRefundLimit`].
        amount: Amount,
    }

    /// Confirm that a payment's refunds left the bank account.
    25 ConfirmRefund by Person | Key | System => confirm_refund {
        bank: BankId,
        payment: PaymentId,
        /// The payment's last confirmation number plus 1.
        number: u8,
        /// All refunds of the payment that have not left the bank. Not possible while a network is
        /// asked to pay one of them.
        amount: Amount,
    }

    /// Record that a network or wallet charges a payment back.
    26 ChargeBack by Network | Wallet | Person | Key | System => charge_back {
        /// Approved, by card or QR.
        payment: PaymentId,
        /// Numbers the payment's refunds and chargebacks together: the last number plus 1. A
        /// terminal's refund takes the next number.
        number: u8,
        /// At most what is not refunded yet.
        amount: Amount,
    }

    /// Record that a courier repays shortages, the oldest hand-over's first. The firm deposits the
    /// cash.
    29 RepayShortage by Person | Key | System => repay_shortage {
        courier: CourierId,
        /// Numbers all reductions of the courier's shortages together: the last number plus 1.
        number: u32,
        /// At most the open shortage.
        amount: Amount,
    }

    /// Confirm a deposit that the bank statement shows. A missing amount stays in the firm's cash.
    /// The credit makes the oldest waiting payments available.
    31 ConfirmDeposit by Person | Key | System => confirm_deposit {
        deposit: DepositId,
        /// Amount credited by the bank: above zero, at most the announced amount.
        credited: Amount,
    }

    /// Release held money whose hold has ended.
    33 ReleaseDue by System | Person => release_due {
        /// Releases what is due on or before this date. At most today.
        date: BusinessDate,
        /// Records to release, 1 to [`RECORDS_PER_COMMAND_MAX`].
        limit: u32,
    }

    /// Plan a settlement: a payout to each seller of a cycle, in order of registration. The money
    /// is reserved.
    34 PlanSettlement by Person | Key | System => plan_settlement {
        plan: PlanId,
        cycle: SettlementCycle,
        currency: Currency,
        planned_by: PersonId,
    }

    /// Approve a settlement plan as its second person.
    35 ApproveSettlement by Person | Key | System => approve_settlement {
        plan: PlanId,
        /// Must not be the person who planned.
        approved_by: PersonId,
    }

    /// Reject a plan that is not executed. Its money is payable again.
    36 RejectSettlement by Person | Key | System => reject_settlement {
        plan: PlanId,
        rejected_by: PersonId,
    }

    /// Send an approved plan's payouts. A payout that its seller's balance no longer covers, after
    /// a refund or chargeback, is dropped and its money is payable again. The bank account must
    /// have the rest: its balance less payouts in flight from it.
    37 ExecuteSettlement by Person | Key | System => execute_settlement {
        plan: PlanId,
        bank: BankId,
    }

    /// Confirm that the bank paid a payout.
    38 ConfirmPayout by Person | Key | System => confirm_payout {
        payout: PayoutId,
    }

    /// Record that the bank could not pay a payout, or that it came back. Its money is payable
    /// again.
    39 ReturnPayout by Person | Key | System => return_payout {
        /// In flight, or confirmed at most [`PAYOUT_RETURN_DAYS`] days ago.
        payout: PayoutId,
    }

    /// Propose how to close a break, or a part of it. A second person approves.
    41 ProposeBreakResolution by Person | Key | System => propose_break_resolution {
        break_id: BreakId,
        /// Numbers the break's closings and other changes together: the last number plus 1.
        number: u8,
        resolution: BreakResolution,
        /// At most what is open. The rest stays open with its age. Without it, all that is open.
        amount: Option<Amount>,
        proposed_by: PersonId,
    }

    /// Approve a break's resolution as the second person. A posting closes the break, or a part of
    /// it.
    42 ApproveBreakResolution by Person | Key | System => approve_break_resolution {
        break_id: BreakId,
        /// As in [`ProposeBreakResolution`].
        number: u8,
        /// Must equal the proposed resolution.
        resolution: BreakResolution,
        /// Must equal the proposed amount.
        amount: Option<Amount>,
        /// Must be neither the person who proposed, nor one who had a part in the break before: who
        /// raised or counted it, owned or assigned it, proposed to reclassify it, or proposed a
        /// resolution that was replaced. Who approved an earlier part may approve another.
        approved_by: PersonId,
    }

    /// Forget closed parcels that are final and past their time for refunds and chargebacks, and
    /// closed open items of the same age.
    43 ForgetClosed by System | Person => forget_closed {
        /// Forgets what ended before this date, which is at least the retention ago:
        /// [`SetRetention`].
        before: BusinessDate,
        /// Records to check, 1 to [`RECORDS_PER_COMMAND_MAX`]. The next call continues after them.
        limit: u32,
    }

    /// Sign a terminal on and open its next batch.
    46 OpenBatch by Terminal | System => open_batch {
        terminal: TerminalId,
        /// The terminal's last batch number plus 1. The first is 1; after
        /// [`TRACE_NUMBER_MAX`](crate::TRACE_NUMBER_MAX) comes 1 again.
        batch: u32,
    }

    /// Begin a card or QR payment that a terminal requests. The books number the payment. Journal
    /// the command before the network is asked. A repeated trace is detected before any other
    /// check. While a card payment of the parcel is unknown no other card payment can begin; the
    /// same holds for QR (M4).
    47 BeginPurchase by Terminal | System => begin_purchase {
        /// In the terminal's open batch. The terminal must not be blocked.
        trace: Trace,
        duplicate_key: DuplicateKey,
        /// Out with the courier who has the terminal.
        parcel: ParcelId,
        /// Its network must not be withdrawn.
        route: PaymentRoute,
        /// At most the amount due minus what stands or is in flight. Unknown payments do not
        /// count, because they will be reversed.
        amount: Amount,
        /// A wallet supports sales only.
        kind: PurchaseKind,
        network_reference: NetworkReference,
        /// At most [`ROUTE_CANDIDATES_MAX`](crate::ROUTE_CANDIDATES_MAX). Exactly one is chosen:
        /// the network of `route`. Empty for QR.
        route_candidates: Vec<RouteCandidate>,
    }

    /// Record the outcome of a purchase. The terminal gets the first outcome, also if it asks
    /// again: `00`, the decline's response code, or `68` if the outcome is unknown.
    48 ResolvePurchase by Network | Wallet | Terminal | System => resolve_purchase {
        payment: PaymentId,
        /// An approval posts a sale. It keeps the money of a pre-authorisation reserved.
        resolution: PaymentResolution,
    }

    /// Begin to complete a pre-authorisation, in full or in part.
    49 BeginCompletion by Terminal | System => begin_completion {
        /// In the terminal's open batch.
        trace: Trace,
        duplicate_key: DuplicateKey,
        /// Authorised.
        payment: PaymentId,
        /// Above zero, at most the authorised amount.
        amount: Amount,
        network_reference: NetworkReference,
    }

    /// Record the outcome of a completion. An approval posts its amount and releases the rest of
    /// the reservation. A decline leaves the pre-authorisation as it was. An unknown completion is
    /// reversed (M4), and a late approval changes nothing.
    50 ResolveCompletion by Network | Wallet | Terminal | System => resolve_completion {
        payment: PaymentId,
        resolution: PaymentResolution,
    }

    /// Confirm that the network acknowledged a completion's reversal. The pre-authorisation is
    /// authorised again.
    51 ConfirmCompletionReversal by Network | Wallet | System => confirm_completion_reversal {
        payment: PaymentId,
    }

    /// Begin to void a payment. For card and QR the network is asked and can decline. Cash still
    /// with the courier and in no hand-over is returned at once.
    52 BeginVoid by Terminal | System => begin_void {
        /// In the terminal's open batch.
        trace: Trace,
        duplicate_key: DuplicateKey,
        /// Belongs to the courier who has the terminal. Authorised, or approved and not cleared,
        /// without refunds. If it was an offline sale, the network has taken it.
        payment: PaymentId,
        /// Not for QR and cash, whose network is not asked.
        network_reference: Option<NetworkReference>,
    }

    /// Begin to reverse a payment, because the terminal did not receive the approval or does not
    /// trust it. The payment no longer counts in the batch. A begun payment becomes unknown. An
    /// approved or authorised payment keeps its money until the network acknowledges the reversal.
    /// A pending completion becomes unknown. A pending void is itself reversed. Cash is returned at
    /// once.
    53 BeginReversal by Terminal | System => begin_reversal {
        /// Its transaction must still be remembered.
        payment: PaymentId,
    }

    /// Reverse a void, because it got no response or the terminal does not trust the response. The
    /// payment is kept.
    54 ReverseVoid by Terminal | System => reverse_void {
        /// Has a pending void.
        payment: PaymentId,
    }

    /// Record the outcome of a void or reversal. A void succeeds or fails. A reversal succeeds. The
    /// reversal of a void leaves the payment as it was. A late QR payment is refunded by the
    /// wallet, or turns out not to have been paid.
    55 ResolveReversal by Network | Wallet | Terminal | System => resolve_reversal {
        payment: PaymentId,
        /// Whether the payment is reversed. An approved payment is unposted and its parcel is out
        /// again. A pre-authorisation is released.
        done: bool,
        /// The network's response code. The terminal gets it as the response to a void.
        code: ResponseCode,
    }

    /// Record the network's response to an offline sale.
    57 ResolveAdvice by Network | Wallet | System => resolve_advice {
        /// May be in suspense.
        payment: PaymentId,
        /// `00`, or the network rejects the sale and never pays it. What was posted is taken back,
        /// with the fees and the excess. If the parcel is not delivered, its amount is due again.
        /// If it is, the loss has the owner that the sale's tariff version names. A rejection after
        /// the clearing changes nothing: the money is there.
        code: ResponseCode,
    }

    /// Record cash that a courier takes and enters on a terminal.
    59 TakeCash by Terminal | System => take_cash {
        /// In the terminal's open batch.
        trace: Trace,
        duplicate_key: DuplicateKey,
        /// Out with the courier who has the terminal.
        parcel: ParcelId,
        /// Part of the amount due that is paid: above zero, at most what neither stands nor is
        /// in flight.
        amount: Amount,
        /// Cash the buyer gave.
        tendered: Amount,
        /// Cash returned to the buyer: tendered - change = amount.
        change: Amount,
    }

    /// Refund a payment to the buyer's card or wallet, from a terminal. The refund is owed to the
    /// buyer at once and queued for the network. The terminal gets `00`.
    60 BeginRefund by Terminal | System => begin_refund {
        /// In the terminal's open batch. The terminal's firm collected the payment.
        trace: Trace,
        duplicate_key: DuplicateKey,
        /// Approved, by card or QR.
        payment: PaymentId,
        /// At most what is not refunded yet, and what is left of the limit of [`SetRefundLimit`].
        amount: Amount,
        network_reference: NetworkReference,
    }

    /// Record the network's response to a refund. Until then no refund of the payment can be
    /// confirmed through a bank.
    61 ResolveRefund by Network | Wallet | System => resolve_refund {
        trace: Trace,
        /// `00`: the network pays the buyer and owes that much less. Any other code: the refund
        /// stays owed and is paid through a bank ([`ConfirmRefund`]).
        code: ResponseCode,
    }

    /// Close a terminal's batch. The closed batch is remembered until a later batch with
    /// transactions closes.
    62 CloseBatch by Terminal | System => close_batch {
        terminal: TerminalId,
        /// The open batch, with no transaction pending. If the batch before is still disputed, its
        /// lines are no longer expected, and its open item keeps the totals.
        batch: u32,
        /// The terminal's totals. If they differ from the books, the batch is disputed, an open
        /// item begins, and the terminal must upload its lines ([`ReconcileBatch`]). Nothing is
        /// posted.
        totals: BatchTotals,
    }

    /// Compare the lines of a disputed batch with the books, once.
    ///
    /// The differing lines replace the totals of the batch's open item. Nothing is posted. The
    /// clearing of a payment decides its lines, the hub's count decides lines of cash. Lines of
    /// payments that were cleared or counted before are decided at once. The item ends with its
    /// last line.
    63 ReconcileBatch by Terminal | System => reconcile_batch {
        terminal: TerminalId,
        /// The terminal's last closed batch.
        batch: u32,
        /// At most [`TRANSACTIONS_PER_BATCH_MAX`](crate::TRANSACTIONS_PER_BATCH_MAX), each STAN
        /// once.
        lines: Vec<BatchLine>,
    }

    /// Expire pre-authorisations that were not completed in time. Each is reversed: once the
    /// network acknowledges it, the buyer's money is released and the parcel is due again. A
    /// pre-authorisation with a pending completion or void is skipped. A later completion is
    /// refused with [`Refusal::PreAuthorisationExpired`]. If nothing is left to expire, the command
    /// counts as a retry.
    66 ExpirePreAuthorisations by System | Person => expire_pre_authorisations {
        /// Expires those requested before this date. At most today. Card schemes allow 30 days.
        before: BusinessDate,
        /// Pre-authorisations to expire, oldest first, 1 to [`RECORDS_PER_COMMAND_MAX`].
        limit: u32,
    }

    /// Record a terminal's reversal of a transaction that the books do not have. Until the batch
    /// closes, a transaction with that trace is refused with [`Refusal::TraceTaken`]. If the trace
    /// is already used, this command is refused the same way.
    67 RecordReversalWithoutOriginal by Terminal | System => record_reversal_without_original {
        /// In the terminal's open batch. Takes a transaction's place in the batch limit. In a full
        /// batch nothing can begin, so nothing is recorded.
        trace: Trace,
    }

    /// Close an open item that neither clearing nor a count decides. Nothing is posted. If the
    /// terminal's lines are still expected, they are not any more.
    70 CloseOpenItem by Person | Key | System => close_open_item {
        item: OpenItemId,
        reason: OpenItemReason,
        /// Neither of the two is the owner, the courier who had the terminal.
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Cancel a hand-over that is not counted. The courier has the cash and can start another
    /// hand-over with another code.
    75 CancelHandOver by Person | Key | System => cancel_hand_over {
        handover: HandOverId,
        cancelled_by: PersonId,
    }

    /// Count a hand-over without the one-time code: a supervisor is there in its place. Otherwise
    /// as [`CountHandOver`].
    76 CountHandOverBySupervisor by Person | Key | System => count_hand_over_by_supervisor {
        handover: HandOverId,
        counted: Amount,
        /// Must not be the courier.
        counted_by: PersonId,
        /// Must be neither the courier nor the person who counted, nor one who counted with a wrong
        /// code.
        supervisor: PersonId,
    }

    /// Write off a courier's shortages at Doorstep's cost, the oldest hand-over's first. The
    /// payments that they held back are received.
    77 WriteOffShortage by Person | Key | System => write_off_shortage {
        courier: CourierId,
        /// As in [`RepayShortage`].
        number: u32,
        /// At most the open shortage.
        amount: Amount,
        /// Not the courier, and neither is the person who approves.
        proposed_by: PersonId,
        /// Must not have counted a hand-over of the courier whose shortage is open, also not as a
        /// supervisor.
        approved_by: PersonId,
    }

    /// Let the firm take over a courier's shortages, the oldest hand-over's first. It must deposit
    /// the cash. Until then its guarantee covers the payments that they held back, as far as it has
    /// room.
    78 CoverShortage by Person | Key | System => cover_shortage {
        courier: CourierId,
        /// As in [`RepayShortage`].
        number: u32,
        /// At most the open shortage, and what is left of the firm's guarantee.
        amount: Amount,
        /// As in [`WriteOffShortage`].
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Deduct a courier's shortages from the firm's commission, the oldest hand-over's first. The
    /// payments that they held back are received.
    79 DeductShortage by Person | Key | System => deduct_shortage {
        courier: CourierId,
        /// As in [`RepayShortage`].
        number: u32,
        /// At most the open shortage, and the commission that is payable ([`PayCommission`]).
        amount: Amount,
        /// As in [`WriteOffShortage`].
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Change the amount due of a parcel that was not dispatched yet.
    81 AmendDue by Person | Key | System => amend_due {
        /// Announced or assigned, without a delivery attempt. Nothing of it stands.
        parcel: ParcelId,
        /// The parcel's last amendment number plus 1.
        number: u8,
        /// The new amount due, above zero.
        due: Amount,
    }

    /// Cancel a parcel that was not dispatched yet. It bears no fees. Its order can be shipped
    /// again, as the next shipment.
    82 CancelParcel by Person | Key | System => cancel_parcel {
        /// As in [`AmendDue`].
        parcel: ParcelId,
    }

    /// Change the terms of a seller's account from a day on. The tariff and the class are those of
    /// the day on which money is taken at the door (M8), cycle and minimum those of the day of the
    /// plan. A later change for the same day replaces an earlier one.
    83 SetSellerTerms by Person | Key | System => set_seller_terms {
        seller: SellerId,
        currency: Currency,
        /// Numbers the changes of this account's terms: the last number plus 1.
        number: u32,
        /// First day: today or later. At most [`TERMS_WAITING_MAX`] changes can wait for theirs.
        from: BusinessDate,
        tariff: TariffId,
        /// Must exist in the version in force on the first day, or in the next one.
        class: SellerClassNumber,
        cycle: SettlementCycle,
        /// Smallest payout.
        minimum: Amount,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Record an offline card sale: the terminal approved it, and the network is asked now. It
    /// happened, so no state of the parcel, the terminal or the network refuses it; what is unusual
    /// is flagged. The part beyond what is left to collect is the excess: owed to the buyer at
    /// once, and without a seller's fee. A sale made after the terminal's block, or one that cannot
    /// be booked to its parcel, is posted to suspense as a break until two persons decide
    /// ([`ResolveSuspendedSale`]).
    85 RecordOfflineSale by Terminal | System => record_offline_sale {
        /// In the terminal's open batch.
        trace: Trace,
        /// With the terminal's date.
        duplicate_key: DuplicateKey,
        /// The terminal's local time of the sale, `hhmmss`: field 12 as a number. With the date it
        /// counts if it is neither before the terminal's last contact nor after now. Otherwise the
        /// sale is dated now and flagged.
        local_time: u32,
        parcel: ParcelId,
        /// By card, with the network to forward it to.
        route: PaymentRoute,
        amount: Amount,
        network_reference: NetworkReference,
        /// The terminal's own.
        authorisation_code: Option<AuthorisationCode>,
    }

    /// Decide about an offline sale in suspense, by two persons. Its break is closed.
    86 ResolveSuspendedSale by Person | Key | System => resolve_suspended_sale {
        /// In suspense, and answered by the network.
        payment: PaymentId,
        decision: SuspendedSaleDecision,
        /// Neither is an owner of the break: the courier who had the terminal is the first.
        proposed_by: PersonId,
        /// As in [`ApproveBreakResolution`].
        approved_by: PersonId,
    }

    /// Change a courier's cash limit from a day on. Cash in hand beyond it stays until the next
    /// hand-over.
    87 SetCourierTerms by Person | Key | System => set_courier_terms {
        courier: CourierId,
        /// As in [`SetSellerTerms`], among the courier's.
        number: u32,
        /// As in [`SetSellerTerms`].
        from: BusinessDate,
        cash_limit: Amount,
        /// Not the courier, and neither is the person who approves.
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Suspend a seller, or lift the suspension. No parcel of a suspended seller is announced, and
    /// no payout planned or sent. Money at the door is still taken and held.
    88 SuspendSeller by Person | Key | System => suspend_seller {
        seller: SellerId,
        /// Numbers the seller's suspensions and their ends together: the last number plus 1.
        number: u32,
        suspended: bool,
        proposed_by: PersonId,
        /// Needed to lift a suspension, and then neither of those who proposed it. One person alone
        /// can suspend.
        approved_by: Option<PersonId>,
    }

    /// Suspend a courier, or lift the suspension. Nothing is dispatched to a suspended courier,
    /// whose terminals take no card and no QR code. They still sign on, and record cash and offline
    /// sales of parcels that are out. Hand-overs are counted.
    89 SuspendCourier by Person | Key | System => suspend_courier {
        courier: CourierId,
        /// As in [`SuspendSeller`], among the courier's.
        number: u32,
        suspended: bool,
        /// Not the courier, and neither is the person who approves.
        proposed_by: PersonId,
        /// As in [`SuspendSeller`].
        approved_by: Option<PersonId>,
    }

    /// Register a person. Names stand outside the journal. A courier is a person without this
    /// command, but decides nothing without it.
    91 RegisterPerson by Person | Key | System => register_person {
        /// Not 0, and nobody's id before, or a courier's.
        person: PersonId,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Remove a person, for ever: neither of the two who decide. A courier who is removed gets no
    /// more parcels and no other terminal.
    92 RemovePerson by Person | Key | System => remove_person {
        person: PersonId,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Refund the buyer, also above the limit of [`SetRefundLimit`]. Otherwise as [`Refund`].
    94 RefundByTwoPersons by Person | Key | System => refund_by_two_persons {
        payment: PaymentId,
        /// As in [`Refund`].
        number: u8,
        /// At most what is not refunded yet.
        amount: Amount,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Count the cash of a hand-over, as a second person. Its payments now wait for the firm's bank
    /// deposits, in the order in which they were taken. A shortage holds back the last of them
    /// until it is repaid. A surplus waits behind them and becomes a break owned by the person who
    /// counted. If an earlier surplus of this courier is open, it explains the shortage: its break
    /// is reduced.
    96 CountHandOver by Person | Key | System => count_hand_over {
        handover: HandOverId,
        /// MAC of the one-time code that the courier showed. A wrong one is recorded and nothing is
        /// counted. After [`WRONG_CODES_MAX`] only a supervisor can count.
        code_mac: CodeMac,
        counted: Amount,
        /// Must not be the courier. A courier's person id equals the courier id.
        counted_by: PersonId,
    }

    /// Register a courier firm.
    97 RegisterFirm by Person | Key | System => register_firm {
        firm: FirmId,
        currency: Currency,
        /// Counted, undeposited cash that the firm guarantees. Sellers are paid up to this amount
        /// before the bank confirms the cash (M5). A payment is guaranteed when it is counted, if
        /// the rest of the guarantee covers all of it. A deposit frees the guarantee it covers.
        guarantee: Amount,
        /// The operator's name for the firm.
        reference: String,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Register a courier of a firm.
    98 RegisterCourier by Person | Key | System => register_courier {
        courier: CourierId,
        firm: FirmId,
        /// Limit on the cash in the courier's hands.
        cash_limit: Amount,
        /// The firm's own reference for the courier. Not a personal name.
        reference: String,
        /// Not the courier, and neither is the person who approves.
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Set how much of one payment can be refunded without a second person.
    99 SetRefundLimit by Person | Key | System => set_refund_limit {
        currency: Currency,
        /// The last setting's number in this currency plus 1.
        number: u32,
        /// The largest sum of a payment's refunds and chargebacks that a [`Refund`] or a
        /// [`BeginRefund`] can reach. Without this command there is no limit.
        limit: Amount,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Invoice a seller for a debt: it is owed on the invoice from now on, and no longer deducted
    /// from the seller's next payouts.
    100 InvoiceSeller by Person | Key | System => invoice_seller {
        seller: SellerId,
        /// The account that is below zero.
        currency: Currency,
        /// Among the seller's invoices in this currency, from 1.
        number: u32,
        /// At most what the seller owes: how far the payable balance is below zero.
        amount: Amount,
        invoiced_by: PersonId,
    }

    /// Record that a seller paid an invoice into a bank account, in full or in part.
    101 RecordSellerPayment by Person | Key | System => record_seller_payment {
        seller: SellerId,
        currency: Currency,
        /// The invoice's number in this currency.
        invoice: u32,
        /// Among the payments of the invoice, from 1 to [`PAYMENTS_PER_INVOICE_MAX`].
        number: u8,
        bank: BankId,
        /// At most what is open on the invoice.
        amount: Amount,
    }

    /// Record that the buyer refuses the parcel, or that its attempts are used up. It goes back to
    /// the seller. What stands of its payments is refunded: each refund takes its payment's next
    /// number.
    102 RefuseParcel by Person | Key | System => refuse_parcel {
        /// Out or at the hub, with no payment in flight. If money stands, no payment is unknown,
        /// and no void or reversal of that money is pending.
        parcel: ParcelId,
        /// Damage names the party that pays for it.
        reason: RefuseReason,
    }

    /// Record that a parcel is lost. What stands of its payments is refunded as by
    /// [`RefuseParcel`].
    103 LoseParcel by Person | Key | System => lose_parcel {
        /// Not closed. Its payments are as for [`RefuseParcel`].
        parcel: ParcelId,
        /// The firm only if the parcel was assigned to it.
        paid_by: DamagePayer,
    }

    /// Compensate the seller of a damaged or lost parcel for the goods, once. The firm or Doorstep
    /// pays, as the parcel's refusal or loss says. The amount is payable at once.
    104 CompensateSeller by Person | Key | System => compensate_seller {
        parcel: ParcelId,
        /// At most the amount that was due for the parcel.
        amount: Amount,
        proposed_by: PersonId,
        /// Must not be the person who proposed.
        approved_by: PersonId,
    }

    /// Set the time zone of the books, with its UTC offsets ahead of time, in place of those that
    /// the books have. The sender resolves them, so that a journal gives the same dates with every
    /// zone table (M11). The business date never goes back, even if clocks do at midnight.
    105 SetTimeZone by Person | Key | System => set_time_zone {
        /// The last setting's number plus 1.
        number: u32,
        /// Name in the IANA time zone database, for example `Europe/Berlin`.
        zone: String,
        /// Version of the table that the offsets come from, for example `2026c`.
        table_version: String,
        /// Local time minus UTC before the first change, in minutes.
        utc_offset_minutes: i16,
        /// At most [`UTC_OFFSET_CHANGES_MAX`], in order of time. One that is past holds at once.
        changes: Vec<UtcOffsetChange>,
    }

    /// Set how long closed parcels and closed open items are kept. At first [`RETENTION_DAYS`].
    106 SetRetention by Person | Key | System => set_retention {
        /// The last setting's number plus 1.
        number: u32,
        /// [`RETENTION_DAYS_MIN`] to [`RETENTION_DAYS_MAX`].
        days: u16,
        proposed_by: PersonId,
        /// Must not be the person who proposed.
        approved_by: PersonId,
    }

    /// Withdraw a network: it takes no new payments from a start time on. Payments in flight
    /// finish, pending reversals continue, and receivables are cleared. Before the start time the
    /// command can be given again with another time. A withdrawn network stays withdrawn until it
    /// is reinstated.
    107 WithdrawNetwork by Person | Key | System => withdraw_network {
        network: NetworkId,
        /// Numbers the network's withdrawals and reinstatements together: the last number plus 1.
        number: u32,
        /// Start time. A past time means now. The event has the time that applies.
        from: Timestamp,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Cancel a network's withdrawal, planned or started. It takes payments again.
    108 ReinstateNetwork by Person | Key | System => reinstate_network {
        network: NetworkId,
        /// As in [`WithdrawNetwork`].
        number: u32,
        proposed_by: PersonId,
        /// Must be neither the person who proposed, nor the one who proposed the withdrawal.
        approved_by: PersonId,
    }

    /// Raise a break: post a difference that reconciliation found to suspense, with an owner (M9).
    109 RaiseBreak by Person | Key | System => raise_break {
        /// Below [`FIRST_AUTOMATIC_BREAK`]. Higher ids belong to breaks that the books raise.
        break_id: BreakId,
        subject: BreakSubject,
        side: BreakSide,
        amount: Amount,
        /// The statement, count or letter that shows it.
        evidence: String,
        /// The person who must resolve it.
        owner: PersonId,
        raised_by: PersonId,
    }

    /// Record that a courier firm's commission and freight were paid from a bank account. What the
    /// firm's terms of today withhold, rounded half up, stays: it is owed to the authority
    /// ([`PayTax`]).
    111 PayCommission by Person | Key | System => pay_commission {
        firm: FirmId,
        /// The firm's last commission payment number plus 1.
        number: u32,
        bank: BankId,
        /// At most the commission and freight earned and not paid, before tax is withheld.
        amount: Amount,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Cancel a deposit that did not reach the bank. Its cash counts as the firm's again. If the
    /// cash is gone, raise a break.
    112 CancelDeposit by Person | Key | System => cancel_deposit {
        /// Announced.
        deposit: DepositId,
        proposed_by: PersonId,
        /// Must be neither the person who proposed, nor the one who announced the deposit.
        approved_by: PersonId,
    }

    /// Set a jurisdiction's hold rule, for money received from now on.
    113 SetHoldRule by Person | Key | System => set_hold_rule {
        jurisdiction: Jurisdiction,
        /// The jurisdiction's last setting's number plus 1.
        number: u32,
        rule: HoldRule,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Set a terminal's offline limits. Before, they are zero.
    114 SetOfflineLimit by Person | Key | System => set_offline_limit {
        terminal: TerminalId,
        /// As in [`HandTerminal`].
        number: u32,
        /// Limit for one sale.
        each: Amount,
        /// Limit for all sales that the network has not answered.
        total: Amount,
        /// Not the courier who has the terminal, and neither is the person who approves.
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Withdraw a break that a person raised by mistake, or an excess that a wrong count raised.
    /// Its posting is reversed.
    115 WithdrawBreak by Person | Key | System => withdraw_break {
        /// Open. Nothing of it is closed, and of an excess of a firm's cash nothing is deposited.
        break_id: BreakId,
        proposed_by: PersonId,
        /// As in [`ApproveBreakResolution`].
        approved_by: PersonId,
    }

    /// Post a break that a person raised to another subject, because that is where the difference
    /// is. It keeps its age and its owner. A proposed resolution is void.
    116 ReclassifyBreak by Person | Key | System => reclassify_break {
        /// As in [`WithdrawBreak`]. No count raised it.
        break_id: BreakId,
        /// As in [`ProposeBreakResolution`].
        number: u8,
        /// Another one, in the same currency.
        subject: BreakSubject,
        proposed_by: PersonId,
        /// As in [`WithdrawBreak`].
        approved_by: PersonId,
    }

    /// Make a person the owner of a break. A break that a line of a file raised has none before.
    117 AssignBreak by Person | Key | System => assign_break {
        /// Open, with fewer than [`BREAK_CHANGES_MAX`] changes.
        break_id: BreakId,
        /// As in [`ProposeBreakResolution`].
        number: u8,
        owner: PersonId,
        assigned_by: PersonId,
    }

    /// Contest a chargeback with evidence. It ends with [`WinChargeback`],
    /// [`WinChargebackByTwoPersons`], [`LoseChargeback`], or a line of the network's or wallet's
    /// file that pays it back.
    118 ContestChargeback by Person | Key | System => contest_chargeback {
        payment: PaymentId,
        /// The chargeback's number among the refunds and chargebacks of the payment.
        number: u8,
        /// The reference of the documents that were sent.
        evidence: String,
        /// SHA-256 of their file.
        digest: Sha256Digest,
        /// The day by which the network or wallet must answer: today or later.
        answer_by: BusinessDate,
        contested_by: PersonId,
    }

    /// Record that a network or wallet says that a chargeback is won, contested or not: it owes the
    /// amount again. The seller gets it back, held or payable, and it stands again. If the parcel
    /// is not delivered, only what is left to collect from a parcel that is out stands again. The
    /// rest is owed to the buyer, as a refund with the payment's next number.
    119 WinChargeback by Network | Wallet | System => win_chargeback {
        payment: PaymentId,
        /// As in [`ContestChargeback`].
        number: u8,
    }

    /// Record that a chargeback is lost, or accepted. Nothing is posted. A line of the file can
    /// still win it.
    120 LoseChargeback by Network | Wallet | Person | Key | System => lose_chargeback {
        payment: PaymentId,
        /// As in [`ContestChargeback`].
        number: u8,
    }

    /// Record the fee that a network or wallet announces for a chargeback, and that its file will
    /// take. Each chargeback has one fee, by this command or by a line.
    121 ChargebackFee by Network | Wallet | Person | Key | System => chargeback_fee {
        payment: PaymentId,
        /// As in [`ContestChargeback`].
        number: u8,
        /// At most the amount of [`SetChargebackFee`].
        amount: Amount,
    }

    /// Set what one chargeback may cost, and who bears it. Before, a fee of a chargeback is a
    /// break.
    122 SetChargebackFee by Person | Key | System => set_chargeback_fee {
        currency: Currency,
        /// The last setting's number in this currency plus 1.
        number: u32,
        /// The most that a network or wallet may charge for one chargeback. More is a break.
        most: Amount,
        borne_by: ChargebackFeeBearer,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Post an adjusting entry between a bank account, Doorstep's income and expenses, a seller's
    /// payable balance and a firm's commission: goodwill, a correction, a bank's charges, or what a
    /// firm that owes pays into the bank account.
    123 PostAdjustment by Person | Key | System => post_adjustment {
        /// The last entry's number plus 1.
        number: u32,
        currency: Currency,
        debit: AdjustmentAccount,
        /// Not of the same kind as `debit`. A bank account must have the amount, and pays a firm at
        /// most the commission that is payable ([`PayCommission`]).
        credit: AdjustmentAccount,
        amount: Amount,
        /// The day to which it belongs: today or earlier. It is posted today.
        value_date: BusinessDate,
        /// Of the voucher.
        reference: String,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Close the days until a day. What belongs to a closed day and comes later is posted on the
    /// day on which it comes, with its own value date. The books keep the digest of the trial
    /// balance at the end of the last closed day.
    124 ClosePeriod by Person | Key | System => close_period {
        /// The last close's number plus 1.
        number: u32,
        /// Before today, after the last closed day, and not before the oldest of the
        /// [`DAY_ENDS_REMEMBERED`] days whose trial balance is remembered.
        until: BusinessDate,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Announce a parcel: an order's first shipment, or its next one after one that was returned,
    /// lost or cancelled.
    125 AnnounceParcel by Person | Key | System => announce_parcel {
        /// Of a later shipment: made from the order's first parcel and the shipment.
        parcel: ParcelId,
        /// Not suspended.
        seller: SellerId,
        /// The currency of `due`.
        currency: Currency,
        /// Amount to collect at the door, above zero.
        due: Amount,
        /// The seller's own order reference.
        reference: String,
        /// 1 for the order's first parcel. 2 to [`SHIPMENTS_PER_ORDER_MAX`] if the order's shipment
        /// before was returned, lost or cancelled.
        shipment: u8,
    }

    /// Dispatch parcels: a courier takes all of them out for delivery, or none.
    126 DispatchParcels by Person | Key | System => dispatch_parcels {
        courier: CourierId,
        /// Assigned to the courier's firm, with fewer than [`ATTEMPTS_MAX`] attempts.
        parcels: Vec<DispatchedParcel>,
    }

    /// Hand a terminal to another courier.
    127 HandTerminal by Person | Key | System => hand_terminal {
        terminal: TerminalId,
        /// The new courier.
        courier: CourierId,
        /// Numbers the terminal's hand-overs, blocks, unblocks and offline limits together: the
        /// last number plus 1.
        number: u32,
    }

    /// Block or unblock a terminal.
    128 BlockTerminal by Person | Key | System => block_terminal {
        terminal: TerminalId,
        blocked: bool,
        /// As in [`HandTerminal`].
        number: u32,
    }

    /// Start a courier's hand-over of all cash in hand. Cash collected later belongs to the next
    /// hand-over.
    129 StartHandOver by Person | Key | System => start_hand_over {
        /// Each courier's last [`NUMBERS_REMEMBERED`] hand-overs are remembered.
        handover: HandOverId,
        courier: CourierId,
        /// The courier's last hand-over number plus 1.
        number: u32,
        /// MAC of the one-time code that the courier shows.
        code_mac: CodeMac,
    }

    /// Open the books and register the first two persons. Must be the first command of a journal.
    130 OpenBooks by Person | Key | System => open_books {
        /// Local time minus UTC, in minutes. Business dates begin at local midnight.
        utc_offset_minutes: i16,
        /// Neither 0 nor the second person.
        first_person: PersonId,
        second_person: PersonId,
        /// Whether the books are for trials, for ever: one user of the machine may act as every
        /// person there.
        trial: bool,
    }

    /// Plan the settlement of a cycle, as [`PlanSettlement`] does, because the calendar says so.
    /// Once per day of the calendar: also when nobody is to be paid. Two persons approve it
    /// ([`ApproveCyclePlan`]).
    131 PlanCycle by Person | System => plan_cycle {
        plan: PlanId,
        /// The day of the calendar: after the last one of this cycle and currency, at most today.
        date: BusinessDate,
        cycle: SettlementCycle,
        currency: Currency,
    }

    /// Approve a plan of [`PlanCycle`], by two persons.
    132 ApproveCyclePlan by Person | Key | System => approve_cycle_plan {
        plan: PlanId,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Erase the account of a seller's payouts in a currency from the vault. From now on the seller
    /// has none. Nothing may be on its way to it.
    133 ErasePayoutAccount by Person | Key | System => erase_payout_account {
        seller: SellerId,
        currency: Currency,
        /// The last number of this seller and currency plus 1: accounts and erasures count alike.
        number: u32,
        /// Of the account in force.
        digest: Sha256Digest,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Post a line of a network's or wallet's file (M5). The bank account moves by `amount -
    /// deducted`. A line of a known payment is posted against the rail's receivable. What a line
    /// cannot be applied to is a break whose evidence is the line. `docs/files/clearing.md` says
    /// what happens to each kind of line.
    134 ClearLine by Network | Wallet | Person | Key | System => clear_line {
        /// The account credited, or debited.
        bank: BankId,
        rail: RailId,
        /// Among the rail's files, from 1: that of the last line, or the next one.
        file: u32,
        /// Within the file, from 1 without gaps, at most [`LINES_PER_FILE_MAX`]. The lines of the
        /// last file are remembered.
        line: u32,
        kind: ClearLineKind,
        /// As in the file.
        reference: LineReference,
        /// The payment that the sender found by the reference. It can be forgotten since. If the
        /// books remember its request, a line that pays it or is about a chargeback must have the
        /// reference of that request.
        payment: Option<PaymentId>,
        /// Paid by the buyer. Below zero: the rail takes it. Zero for a fee correction.
        amount: SignedAmount,
        /// Fee that the rail keeps. Below zero: it gives a fee back. A difference from the tariff
        /// is a break.
        deducted: SignedAmount,
        /// The day on which the rail settles the file, if it says so: today or before. The postings
        /// belong to it, also if its period is closed.
        value_date: Option<BusinessDate>,
    }

    /// Decline a terminal's request for good, before the terminal is answered. Until the batch
    /// closes, everything else with that trace is refused with [`Refusal::RequestDeclined`]. If the
    /// trace is already used, this command is refused, as any other with it, unless it is used by
    /// the balance inquiry that is declined.
    135 DeclineRequest by Terminal | System => decline_request {
        /// In the terminal's open batch. Takes a transaction's place in the batch limit.
        trace: Trace,
        request: RequestDigest,
        /// What the terminal is answered. Not 00.
        code: ResponseCode,
    }

    /// Set the bank account of a seller's payouts in a currency, for plans that are executed from
    /// now on. The account itself is in the vault.
    136 SetPayoutAccount by Person | Key | System => set_payout_account {
        seller: SellerId,
        currency: Currency,
        /// The last number of this seller and currency plus 1.
        number: u32,
        /// Of the account, under the seller's key in the vault.
        digest: Sha256Digest,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Record that a tax was paid to the authority from a bank account.
    137 PayTax by Person | Key | System => pay_tax {
        /// The last tax payment's number plus 1.
        number: u32,
        tax: Tax,
        /// Decides the currency.
        bank: BankId,
        /// At most what was charged or withheld and is not paid.
        amount: Amount,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Publish a version of a tariff. The first version is number 1. Each version begins on the day
    /// the one before ends. If that has no end, it is closed on this version's first day, which
    /// must be in the future. All versions have the same currency. A version keeps the seller
    /// classes of the one before, in order, and can append more. The last version can be sent again
    /// with an end in the future if it has none.
    138 PublishTariff by Person | Key | System => publish_tariff {
        tariff: TariffId,
        /// The last version's number plus 1.
        version: u16,
        /// The only currency the tariff applies to, and that of its sums. Without it, every
        /// currency: then there are rates only.
        currency: Option<Currency>,
        /// First day in force.
        from: BusinessDate,
        /// First day no longer in force, if known.
        until: Option<BusinessDate>,
        terms: Box<Terms>,
        /// The tariff's name, the same in each version.
        reference: String,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Change a firm's terms from a day on. Cash that is guaranteed already stays so.
    139 SetFirmTerms by Person | Key | System => set_firm_terms {
        firm: FirmId,
        /// As in [`SetSellerTerms`], among the firm's.
        number: u32,
        /// As in [`SetSellerTerms`].
        from: BusinessDate,
        /// As in [`RegisterFirm`].
        guarantee: Amount,
        /// The part of what the firm is paid ([`PayCommission`]) that is withheld as tax.
        withholding: Rate,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Record, by two persons, that a chargeback is won before a line of the file pays it back.
    /// Otherwise as [`WinChargeback`].
    140 WinChargebackByTwoPersons by Person | Key | System => win_chargeback_by_two_persons {
        payment: PaymentId,
        /// As in [`ContestChargeback`].
        number: u8,
        proposed_by: PersonId,
        /// Must be neither the person who proposed, nor the one who contested.
        approved_by: PersonId,
    }

    /// Take back, by two persons, that a chargeback is won, because it was entered by mistake. Its
    /// money is charged back again, and it is lost unless a line of the file wins it. Once.
    141 TakeBackWonChargeback by Person | Key | System => take_back_won_chargeback {
        payment: PaymentId,
        /// Of a chargeback that is won and that no line has paid back. Its money is not refunded.
        number: u8,
        proposed_by: PersonId,
        /// Must be neither the person who proposed, nor the one who contested the chargeback or
        /// proposed that it is won.
        approved_by: PersonId,
    }

    /// Record that a terminal asks a network for the balance of a card. This uses up the trace
    /// before the network is asked, so that a repeat does not ask again. The books never have a
    /// balance.
    142 RecordBalanceInquiry by Terminal | System => record_balance_inquiry {
        /// In the terminal's open batch. Takes a transaction's place in the batch limit.
        trace: Trace,
        request: RequestDigest,
    }

    /// Record that personal data in the vault are shown. They are shown once this is durable.
    /// Nothing else changes.
    143 RecordDisclosure by Person | Key | System => record_disclosure {
        /// The last disclosure's number plus 1.
        number: u32,
        /// Whose data: 1 to 10,000 of them.
        subjects: Vec<DataSubject>,
        kind: PersonalDataKind,
        purpose: DisclosurePurpose,
    }

    /// Erase the personal data of a seller, or of a parcel's buyer, from the vault, by two people.
    /// The seller's payout accounts end. A later command can set new ones.
    144 EraseSubject by Person | Key | System => erase_subject {
        /// The last erasure's number plus 1.
        number: u32,
        /// No money still has to reach a seller, and none of the seller's parcels is open. The
        /// buyer's parcel is closed, and no refund of it is owed.
        subject: DataSubject,
        /// Then the conditions above do not matter: the law comes first.
        ordered_by: Option<ErasureOrder>,
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Announce that a firm takes cash to the bank.
    145 AnnounceDeposit by Person | Key | System => announce_deposit {
        /// Open deposits, and the last [`NUMBERS_REMEMBERED`] that each firm announced and ended,
        /// are remembered.
        deposit: DepositId,
        firm: FirmId,
        /// The firm's last deposit number plus 1.
        number: u32,
        bank: BankId,
        /// At most the firm's counted cash.
        amount: Amount,
        announced_by: PersonId,
    }

    /// Cancel what is open of an invoice, by two people. The debt is deducted from the seller's
    /// next payouts again. To write it off, credit the seller with [`PostAdjustment`].
    146 CancelInvoice by Person | Key | System => cancel_invoice {
        seller: SellerId,
        currency: Currency,
        /// The invoice's number in this currency.
        invoice: u32,
        proposed_by: PersonId,
        /// Must be neither the person who proposed, nor the one who invoiced.
        approved_by: PersonId,
    }

    /// Give a person a role. Who acts for a seller or a firm becomes a person by it, one who
    /// decides nothing.
    147 GrantAccess by Person | Key | System => grant_access {
        /// Registered. For a role of a seller or a firm also a new id.
        person: PersonId,
        /// Numbers the person's grants and revocations together: the last number plus 1.
        number: u32,
        grant: GrantedRole,
        /// Not the person.
        proposed_by: PersonId,
        /// An administrator, and not the person.
        approved_by: PersonId,
    }

    /// Take a role from a person at once. The last administrator stays one.
    148 RevokeAccess by Person | Key | System => revoke_access {
        person: PersonId,
        /// As in [`GrantAccess`].
        number: u32,
        grant: GrantedRole,
        /// An administrator.
        revoked_by: PersonId,
    }

    /// Issue a key of the API. Its secret is made later, outside the books. A person's key counts
    /// as that person wherever two people are needed.
    149 IssueApiKey by Person | Key | System => issue_api_key {
        /// Not 0, and no key's id before.
        key: ApiKeyId,
        /// Who has the key. Without a person, a seller or a firm has it: the only grant.
        person: Option<PersonId>,
        /// Roles that the person has, at most [`GRANTS_PER_PERSON_MAX`]; or one seller or firm.
        grants: Vec<GrantedRole>,
        /// When it expires: at most [`API_KEY_DAYS_MAX`] days from now.
        until: Timestamp,
        proposed_by: PersonId,
        /// An administrator, and not the person.
        approved_by: PersonId,
    }

    /// Revoke a key of the API at once, for ever.
    150 RevokeApiKey by Person | Key | System => revoke_api_key {
        key: ApiKeyId,
        /// Who has the key, or an administrator.
        revoked_by: PersonId,
    }

    /// Record what happened at the sign-in.
    151 RecordAccessEvent by System => record_access_event {
        /// The last event's number plus 1.
        number: u32,
        /// Whose sign-in, if it is known.
        person: Option<PersonId>,
        event: AccessEvent,
    }

    /// Reset the second factor of a person who has lost it. Password and second factor no longer
    /// count, and the sessions end.
    152 ResetSecondFactor by Person | Key | System => reset_second_factor {
        person: PersonId,
        /// The last reset's number of this person plus 1.
        number: u32,
        /// Not the person.
        proposed_by: PersonId,
        /// An administrator, and not the person.
        approved_by: PersonId,
    }

    /// Record cash that a courier takes at the door and enters on a phone. Its times are claims:
    /// the books order by arrival.
    153 TakeCashByPhone by Person | Key | System => take_cash_by_phone {
        /// Out with this courier.
        parcel: ParcelId,
        /// The parcel's last payment number plus 1.
        number: u8,
        /// As in [`TakeCash`].
        amount: Amount,
        /// Cash the buyer gave.
        tendered: Amount,
        /// Cash returned to the buyer: tendered - change = amount.
        change: Amount,
        /// Who got the parcel, if it was handed over.
        receiver: Option<ParcelReceiver>,
        /// The courier: the person whose id equals the courier id.
        taken_by: PersonId,
        /// Time of the phone's clock when the cash was taken.
        claimed_at: Timestamp,
        /// The last time that Doorstep told the phone before.
        server_at: Timestamp,
        /// Milliseconds since then by a clock that nobody sets. None if the phone was started
        /// again.
        elapsed_ms: Option<u32>,
    }

    /// Begin a file of a network or wallet, a statement of a bank account or a sheet of a firm. Its
    /// lines follow, and then [`EndFile`]. While it is open, the lane has no other file.
    154 BeginFile by Network | Wallet | Person | Key | System => begin_file {
        lane: FileLane,
        /// The last file's number plus 1.
        file: u32,
        /// SHA-256 of its content. No file of the lane that the books remember has the same.
        digest: Sha256Digest,
        /// The name of the profile that read it.
        form: String,
        /// The first day. A statement begins on the last day of the one before or later, any other
        /// file not before the one before.
        from: BusinessDate,
        /// The last day: at most today.
        until: BusinessDate,
        /// At most [`LINES_PER_FILE_MAX`].
        lines: u32,
        /// The sum of its lines: what the rail pays, or the account gets.
        total: SignedAmount,
        /// The balance before the first entry of a statement: that after the statement before.
        /// None for any other file.
        opening: Option<SignedAmount>,
    }

    /// Take an entry of a bank statement, or a line of a courier firm's sheet (M15). What its parts
    /// do not explain is expected until a day, or else a break: of the bank account, or one of the
    /// sheet, which posts nothing.
    155 TakeEntry by Person | Key | System => take_entry {
        bank: BankId,
        /// The firm of a sheet, which pays into the account. None: a statement of the account.
        firm: Option<FirmId>,
        /// The statement that was begun ([`BeginFile`]).
        file: u32,
        /// Within the statement, from 1 without gaps.
        line: u32,
        /// Within the days of the statement.
        booked: BusinessDate,
        /// Not zero. Above zero: a credit.
        amount: SignedAmount,
        /// In the order of their movements, each movement once, at most [`ENTRY_PARTS_MAX`].
        parts: Vec<EntryPart>,
        /// Until when the cause of the rest is awaited: today or later. None: the rest is a break.
        expected_until: Option<BusinessDate>,
        /// How the matcher found it. None: a person decided.
        found: Option<EntryFinding>,
    }

    /// Decide an entry that is expected: match it with what the books have by now, go on waiting,
    /// or make the rest a break.
    156 MatchEntry by Person | Key | System => match_entry {
        bank: BankId,
        /// As in [`TakeEntry`].
        firm: Option<FirmId>,
        file: u32,
        line: u32,
        /// As in [`TakeEntry`]. They are added to the parts that it has.
        parts: Vec<EntryPart>,
        /// As in [`TakeEntry`].
        expected_until: Option<BusinessDate>,
        /// As in [`TakeEntry`].
        found: Option<EntryFinding>,
    }

    /// End a file whose lines are all in the books. They add up to its total (M15).
    157 EndFile by Network | Wallet | Person | Key | System => end_file {
        lane: FileLane,
        file: u32,
        /// SHA-256 of what was found: each line with what it is.
        digest: Sha256Digest,
    }

    /// Send the notices of a recipient again that ended without arriving, the oldest first, and
    /// start its channels that were stopped. Nothing changes in the books.
    158 RetryNotices by Person | Key | System => retry_notices {
        /// Known to the books.
        owner: NoticeOwner,
        /// Only those of this webhook endpoint of the owner, by its number.
        endpoint: Option<u32>,
        /// Those too that may have arrived: the owner may get them twice.
        not_known: bool,
    }

    /// Pay the seller Doorstep's part of the discounts on the units of a delivered parcel that the
    /// buyer keeps. It is payable with the last of the parcel's money. Less than before takes the
    /// difference back; a delivery that is undone takes all of it. Only the market gives it.
    159 PayDiscount by System => pay_discount {
        /// Delivered.
        parcel: ParcelId,
        /// For all of these units. After the first time, less than before.
        amount: Amount,
    }
}
