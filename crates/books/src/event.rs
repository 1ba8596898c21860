//! What a command did: events and postings.

use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;
use money::{Amount, Currency, SignedAmount};
use serde::Serialize;
use tariff::{BusinessDate, Fees, LossOwner, PaymentMethod, SellerClassNumber};

use crate::breaks::record::BreakEvidence;
use crate::command::{BreakSubject, ChargebackFeeBearer, DamagePayer, FileLane};
use crate::ids::{
    BankId, BreakId, CourierId, DepositId, FirmId, HandOverId, NetworkId, OpenItemId, ParcelId,
    PaymentId, PayoutId, PersonId, PlanId, SellerId, TariffId, TerminalId,
};
pub use crate::outcome::CommandOutcome;
use crate::payment::codes::{ResponseCode, Stan};
pub use crate::posting::{Posting, PostingStage};
use crate::settlement::record::StatementParts;
use crate::sha256::Sha256Digest;
use crate::terminal::transaction::{
    BatchLine, BatchTotals, LineDecision, ReversalKind, RouteCandidate,
};
use crate::vocabulary::{OfflineSaleFlag, SuspendedSaleDecision, SuspenseReason, Tax};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize)]
pub struct TariffVersion {
    pub tariff: TariffId,
    pub version: u16,
}

/// One payout of a settlement plan with its components. Amounts are in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct PayoutLine {
    pub payout: PayoutId,
    pub seller: SellerId,
    pub currency: Currency,
    /// Collected, got back of won chargebacks and freight, credited by breaks and adjusting
    /// entries, and Doorstep's part of discounts.
    pub gross: u64,
    /// Fees of those collections, freight, return fees, VAT, and fees of chargebacks.
    pub fees: u64,
    /// Refunds, chargebacks, and what breaks and adjusting entries charged.
    pub refunded: u64,
    /// Earlier payouts that the bank returned.
    pub returned: u64,
    /// Debts of the seller that were invoiced: owed on the invoices, and not deducted here.
    pub invoiced: u64,
    /// For damaged and lost parcels.
    pub compensated: u64,
    /// Parts of `fees`.
    pub vat: u64,
    pub freight: u64,
    #[serde(flatten)]
    pub parts: StatementParts<u64>,
    /// gross - fees - refunds + returned + invoiced + compensated.
    pub net: Amount,
}

/// A fact about the books. The postings beside it carry the money.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(tag = "event")]
pub enum Event {
    /// A party, tariff version, rule or limit was added or changed.
    Registered,
    ParcelAnnounced {
        parcel: ParcelId,
        seller: SellerId,
        due: Amount,
    },
    ParcelAssigned {
        parcel: ParcelId,
        firm: FirmId,
    },
    ParcelDispatched {
        parcel: ParcelId,
        courier: CourierId,
    },
    /// A delivery attempt failed and the parcel is back at the hub.
    DeliveryAttempted {
        parcel: ParcelId,
        /// Attempts so far.
        attempts: u8,
    },
    /// The buyer accepted part of a parcel.
    PartAccepted {
        parcel: ParcelId,
        /// The amount due before.
        before: Amount,
        /// The amount due now.
        due: Amount,
    },
    ParcelRefused {
        parcel: ParcelId,
    },
    /// A refused parcel is back at the seller.
    ParcelReturned {
        parcel: ParcelId,
        seller: SellerId,
        /// What was charged. Zero if Doorstep pays.
        fee: Amount,
        /// On the fee, if the seller pays it.
        vat: Amount,
        paid_by: DamagePayer,
        /// The version `fee` comes from.
        tariff: TariffVersion,
    },
    /// The seller of a damaged or lost parcel was compensated for the goods.
    SellerCompensated {
        parcel: ParcelId,
        seller: SellerId,
        amount: Amount,
        /// The firm or Doorstep.
        paid_by: DamagePayer,
    },
    /// What Doorstep pays the seller of the discounts on a delivered parcel. Zero once the delivery
    /// is undone.
    DiscountPaid {
        parcel: ParcelId,
        seller: SellerId,
        /// What it paid before.
        before: Amount,
        amount: Amount,
    },
    /// It became payable, with the last of the parcel's money.
    DiscountReleased {
        parcel: ParcelId,
        seller: SellerId,
        amount: Amount,
    },
    ParcelLost {
        parcel: ParcelId,
    },
    /// The seller changed what is due before the parcel was first dispatched.
    DueAmended {
        parcel: ParcelId,
        before: Amount,
        due: Amount,
    },
    /// The seller withdrew a parcel before it was first dispatched.
    ParcelCancelled {
        parcel: ParcelId,
    },
    /// A payment waits for a response.
    PaymentBegun {
        payment: PaymentId,
    },
    /// A payment was posted. Its fees are final.
    PaymentCollected {
        payment: PaymentId,
        seller: SellerId,
        method: PaymentMethod,
        /// The seller's part: an offline sale's excess is not in it.
        amount: Amount,
        fees: Fees,
        /// The version `fees` come from, and the seller's class in it.
        tariff: TariffVersion,
        class: SellerClassNumber,
    },
    PaymentDeclined {
        payment: PaymentId,
    },
    /// A payment's outcome is unknown. It will be reversed.
    PaymentUnknown {
        payment: PaymentId,
    },
    /// An approval came after the outcome became unknown, and the reversal continues. Or a QR code
    /// was paid after it ended, and the wallet must refund it.
    LateApproval {
        payment: PaymentId,
    },
    /// A payment was reversed.
    PaymentReversed {
        payment: PaymentId,
        /// Amount unposted: all of the payment or zero.
        posted: Amount,
    },
    /// The whole amount due stands.
    ParcelDelivered {
        parcel: ParcelId,
        collected: Amount,
    },
    /// The seller bears the freight of a parcel that was delivered or returned.
    FreightCharged {
        parcel: ParcelId,
        seller: SellerId,
        firm: FirmId,
        freight: Amount,
        vat: Amount,
        /// The version `freight` and `vat` come from.
        tariff: TariffVersion,
    },
    /// The seller gets the freight of an undone delivery back.
    FreightReversed {
        parcel: ParcelId,
        seller: SellerId,
        firm: FirmId,
        freight: Amount,
        vat: Amount,
    },
    /// A delivered parcel is out again, because a payment was reversed.
    ParcelReopened {
        parcel: ParcelId,
    },
    /// A refund is owed to the buyer.
    Refunded {
        payment: PaymentId,
        amount: Amount,
    },
    /// A network or wallet charged a payment back.
    ChargedBack {
        payment: PaymentId,
        amount: Amount,
    },
    /// A chargeback is contested with evidence.
    ChargebackContested {
        payment: PaymentId,
        number: u8,
    },
    /// The network or wallet owes a chargeback again. What nobody waits to collect is owed to the
    /// buyer: see the [`Refunded`](Event::Refunded) after it.
    ChargebackWon {
        payment: PaymentId,
        number: u8,
        amount: Amount,
    },
    ChargebackLost {
        payment: PaymentId,
        number: u8,
    },
    /// A network or wallet charged its fee for a chargeback.
    ChargebackFeeBooked {
        payment: PaymentId,
        number: u8,
        amount: Amount,
        borne_by: ChargebackFeeBearer,
    },
    RefundPaid {
        payment: PaymentId,
        amount: Amount,
    },
    /// The money of a payment was received and is on hold (M5).
    PaymentHeld {
        payment: PaymentId,
        /// The earliest day. Before the delivery, that of a delivery today.
        payable_on: BusinessDate,
    },
    /// The money of a payment became payable.
    PaymentReleased {
        payment: PaymentId,
        seller: SellerId,
        /// Collected.
        gross: Amount,
        fees: Amount,
        /// Taken back before the release.
        refunded: Amount,
        /// Parts of `refunded`. The rest was refunded to buyers.
        charged_back: Amount,
        loss_given_back: Amount,
    },
    HandOverStarted {
        handover: HandOverId,
        /// The courier's cash in the books.
        expected: Amount,
    },
    HandOverCounted {
        handover: HandOverId,
        courier: CourierId,
        /// The courier's cash in the books.
        expected: Amount,
        counted: Amount,
    },
    /// The courier has the cash again.
    HandOverCancelled {
        handover: HandOverId,
        courier: CourierId,
        /// The cash of the hand-over.
        expected: Amount,
    },
    /// Nothing was counted.
    HandOverCodeWrong {
        handover: HandOverId,
        /// How often a wrong code was entered for this hand-over.
        tries: u8,
    },
    ShortageRepaid {
        courier: CourierId,
        amount: Amount,
    },
    ShortageWrittenOff {
        courier: CourierId,
        amount: Amount,
    },
    /// The firm owes the cash in place of the courier.
    ShortageCovered {
        courier: CourierId,
        amount: Amount,
    },
    /// The firm has that much less commission.
    ShortageDeducted {
        courier: CourierId,
        amount: Amount,
    },
    DepositAnnounced {
        deposit: DepositId,
        firm: FirmId,
        amount: Amount,
    },
    DepositConfirmed {
        deposit: DepositId,
        announced: Amount,
        credited: Amount,
    },
    /// A deposit did not reach the bank.
    DepositCancelled {
        deposit: DepositId,
        firm: FirmId,
        amount: Amount,
    },
    CommissionPaid {
        firm: FirmId,
        amount: Amount,
        /// The part of it that stays as tax.
        withheld: Amount,
    },
    TaxPaid {
        tax: Tax,
        currency: Currency,
        amount: Amount,
    },
    SettlementPlanned {
        plan: PlanId,
        lines: Vec<PayoutLine>,
        /// Sellers below their minimum payout, carried over.
        below_minimum: u32,
        /// Suspended sellers, carried over.
        suspended: u32,
        /// Sellers left for another plan.
        left: u32,
    },
    SettlementApproved {
        plan: PlanId,
    },
    SettlementRejected {
        plan: PlanId,
    },
    /// A planned payout was not sent when its plan was executed: its seller no longer had that
    /// much, or is suspended. The money is payable again.
    PayoutDropped {
        plan: PlanId,
        payout: PayoutId,
        seller: SellerId,
        currency: Currency,
        planned: Amount,
        /// What the seller has. Zero if the seller owes.
        left: Amount,
        seller_suspended: bool,
    },
    /// Comes after the payouts that were dropped.
    SettlementExecuted {
        plan: PlanId,
        /// The payouts that were sent.
        lines: Vec<PayoutLine>,
    },
    /// The bank confirmed a payout.
    PayoutConfirmed {
        payout: PayoutId,
        seller: SellerId,
        net: Amount,
    },
    PayoutReturned {
        payout: PayoutId,
        seller: SellerId,
        currency: Currency,
        net: Amount,
    },
    /// A seller's debt is owed on an invoice from now on.
    SellerInvoiced {
        seller: SellerId,
        currency: Currency,
        /// The invoice's number among the seller's.
        number: u32,
        amount: Amount,
    },
    /// What was open of an invoice is deducted from the seller's next payouts again.
    InvoiceCancelled {
        seller: SellerId,
        currency: Currency,
        invoice: u32,
        amount: Amount,
    },
    /// A seller paid an invoice, in full or in part.
    SellerPaymentRecorded {
        seller: SellerId,
        currency: Currency,
        invoice: u32,
        number: u8,
        amount: Amount,
    },
    BreakRaised {
        break_id: BreakId,
        amount: Amount,
        /// If a line of a file raised it.
        evidence: Option<Box<BreakEvidence>>,
    },
    BreakResolutionProposed {
        break_id: BreakId,
    },
    BreakClosed {
        break_id: BreakId,
        amount: Amount,
    },
    /// A break is closed in part by two people, or explained in part: a surplus by a later shortage
    /// of the same courier, a fee difference by a later correction of the fee.
    BreakReduced {
        break_id: BreakId,
        amount: Amount,
        /// Zero closes the break.
        left: Amount,
    },
    BreakAssigned {
        break_id: BreakId,
        owner: PersonId,
    },
    /// A break is posted to another subject.
    BreakReclassified {
        break_id: BreakId,
        subject: BreakSubject,
        amount: Amount,
    },
    /// A break that was raised by mistake is reversed.
    BreakWithdrawn {
        break_id: BreakId,
        amount: Amount,
    },
    /// A break closed at a seller's expense.
    SellerCharged {
        seller: SellerId,
        currency: Currency,
        break_id: BreakId,
        amount: Amount,
    },
    /// A break closed to a seller's gain.
    SellerCredited {
        seller: SellerId,
        currency: Currency,
        break_id: BreakId,
        amount: Amount,
    },
    AdjustmentPosted {
        number: u32,
        currency: Currency,
        amount: Amount,
    },
    /// The seller's side of an adjusting entry: charged or credited, in minor units.
    SellerAdjusted {
        seller: SellerId,
        currency: Currency,
        number: u32,
        charged: u64,
        credited: u64,
    },
    /// The days until this one are closed.
    PeriodClosed {
        number: u32,
        until: BusinessDate,
        /// Of the trial balance at the end of the day: [`trial_balance_digest`].
        ///
        /// [`trial_balance_digest`]: crate::trial_balance_digest
        digest: Sha256Digest,
    },
    ParcelForgotten {
        parcel: ParcelId,
    },
    BatchOpened {
        terminal: TerminalId,
        batch: u32,
    },
    /// How a card payment's network was chosen.
    PaymentRouted {
        payment: PaymentId,
        route_candidates: Vec<RouteCandidate>,
    },
    /// A pre-authorisation was approved. The money is reserved, nothing is posted.
    PaymentAuthorised {
        payment: PaymentId,
    },
    /// A completion waits for a response.
    CompletionBegun {
        payment: PaymentId,
        amount: Amount,
    },
    /// A completion was declined. The pre-authorisation is authorised again.
    CompletionDeclined {
        payment: PaymentId,
    },
    /// A completion's outcome is unknown. It will be reversed.
    CompletionUnknown {
        payment: PaymentId,
    },
    /// A completion was reversed. The pre-authorisation is authorised again.
    CompletionReversed {
        payment: PaymentId,
    },
    /// A void or reversal of an approved or authorised payment began. It ends with
    /// [`Event::PaymentReversed`] or [`Event::PaymentRestored`].
    ReversalBegun {
        payment: PaymentId,
        kind: ReversalKind,
    },
    /// The reversal of a void began.
    VoidReversalBegun {
        payment: PaymentId,
    },
    /// A void or its reversal ended and the payment is kept.
    PaymentRestored {
        payment: PaymentId,
    },
    /// The network took an offline sale.
    AdviceForwarded {
        payment: PaymentId,
    },
    /// The network rejected an offline sale.
    AdviceRejected {
        payment: PaymentId,
        code: ResponseCode,
    },
    /// Something about an offline sale is unusual.
    OfflineSaleFlagged {
        payment: PaymentId,
        flags: Vec<OfflineSaleFlag>,
        /// The part that is owed to the buyer at once. The rest is in
        /// [`PaymentCollected`](Event::PaymentCollected).
        excess: Amount,
    },
    /// An offline sale is in suspense until two persons decide.
    OfflineSaleSuspended {
        payment: PaymentId,
        break_id: BreakId,
        reason: SuspenseReason,
        amount: Amount,
    },
    SuspendedSaleResolved {
        payment: PaymentId,
        decision: SuspendedSaleDecision,
    },
    /// What was posted for a rejected offline sale is taken back, with its fees.
    OfflineSaleRejected {
        payment: PaymentId,
        /// Who bears the loss. `None` if there is none: the amount is due again, or it was excess
        /// or in suspense.
        loss: Option<LossOwner>,
        /// Without the excess.
        amount: Amount,
        /// No longer owed to the buyer.
        excess: Amount,
    },
    /// A seller was paid for a rejected offline sale, and its parcel is refused or lost after all.
    /// Whoever bore the loss gets it back.
    LossReturned {
        payment: PaymentId,
        amount: Amount,
    },
    /// The network took a refund. It pays the buyer and owes that much less.
    RefundForwarded {
        payment: PaymentId,
        amount: Amount,
    },
    /// The network rejected a refund. It must be paid through a bank.
    RefundRejected {
        payment: PaymentId,
        amount: Amount,
        code: ResponseCode,
    },
    /// A closed batch agrees with the books.
    BatchAgreed {
        terminal: TerminalId,
        batch: u32,
        totals: BatchTotals,
    },
    /// A closed batch differs from the books. The terminal must upload its lines.
    BatchDisputed {
        terminal: TerminalId,
        batch: u32,
        /// Totals in the books.
        ours: BatchTotals,
        /// Totals at the terminal.
        theirs: BatchTotals,
    },
    /// A line of a disputed batch differs.
    BatchLineDiffers {
        terminal: TerminalId,
        batch: u32,
        stan: Stan,
        /// The line in the books, if one counts.
        ours: Option<BatchLine>,
        /// The terminal's line, if any.
        theirs: Option<BatchLine>,
    },
    /// A disputed batch was compared line by line.
    BatchReconciled {
        terminal: TerminalId,
        batch: u32,
        /// Lines that differ.
        differences: u32,
    },
    /// A terminal closed its next batch without uploading the lines of a disputed one. Its open
    /// item keeps the totals, or ends if a reversal has explained the difference.
    BatchLeftDisputed {
        terminal: TerminalId,
        batch: u32,
        /// Totals in the books, now.
        ours: BatchTotals,
        /// Totals at the terminal when it closed the batch.
        theirs: BatchTotals,
    },
    /// A network takes no new payments from `from` on.
    NetworkWithdrawn {
        network: NetworkId,
        from: Timestamp,
    },
    /// A network takes payments again.
    NetworkReinstated {
        network: NetworkId,
    },
    /// A terminal reversed a transaction that the books do not have. That trace is refused from now
    /// on.
    ReversalWithoutOriginalRecorded {
        terminal: TerminalId,
        /// The terminal's open batch.
        batch: u32,
        stan: Stan,
    },
    /// A terminal's request was declined for good, without a transaction.
    RequestDeclined {
        terminal: TerminalId,
        /// The terminal's open batch.
        batch: u32,
        stan: Stan,
        code: ResponseCode,
    },
    /// A terminal asks for the balance of a card.
    BalanceInquiryRecorded {
        terminal: TerminalId,
        /// The terminal's open batch.
        batch: u32,
        stan: Stan,
    },
    /// A terminal's batch differs from the books.
    OpenItemOpened {
        item: OpenItemId,
        terminal: TerminalId,
        batch: u32,
    },
    /// The line of a payment was decided for the books.
    OpenItemLineDecided {
        item: OpenItemId,
        stan: Stan,
        decision: LineDecision,
    },
    /// All lines are decided, the difference is explained, or two persons closed the item.
    OpenItemClosed {
        item: OpenItemId,
    },
    /// A phone says when a payment was taken.
    TimeClaimed {
        payment: PaymentId,
        claimed_at: Timestamp,
        /// Milliseconds by which the claim cannot be right: above zero it is too late, below zero
        /// too early. Zero if it can be right.
        skew_ms: i64,
    },
    FileBegun {
        lane: FileLane,
        file: u32,
    },
    /// All lines of a file are in the books, and add up to it.
    FileEnded {
        lane: FileLane,
        file: u32,
        matched: SignedAmount,
        expected: SignedAmount,
        breaks: SignedAmount,
    },
    /// An entry of a bank statement or a line of a firm's sheet, or more of one that was expected.
    EntryTaken {
        bank: BankId,
        /// Of the sheet.
        firm: Option<FirmId>,
        file: u32,
        line: u32,
        /// Of the entry, so far.
        matched: SignedAmount,
        /// What is still expected.
        expected: SignedAmount,
        /// The break of the rest.
        break_id: Option<BreakId>,
    },
}

impl Event {
    /// The parcel that it is about. Of a payment's event [`payment`](Event::payment) has it.
    #[must_use]
    pub fn parcel(&self) -> Option<ParcelId> {
        match self {
            Event::ParcelAnnounced { parcel, .. }
            | Event::ParcelAssigned { parcel, .. }
            | Event::ParcelDispatched { parcel, .. }
            | Event::DeliveryAttempted { parcel, .. }
            | Event::PartAccepted { parcel, .. }
            | Event::ParcelRefused { parcel, .. }
            | Event::ParcelReturned { parcel, .. }
            | Event::SellerCompensated { parcel, .. }
            | Event::DiscountPaid { parcel, .. }
            | Event::DiscountReleased { parcel, .. }
            | Event::ParcelLost { parcel, .. }
            | Event::DueAmended { parcel, .. }
            | Event::ParcelCancelled { parcel, .. }
            | Event::ParcelDelivered { parcel, .. }
            | Event::FreightCharged { parcel, .. }
            | Event::FreightReversed { parcel, .. }
            | Event::ParcelReopened { parcel, .. }
            | Event::ParcelForgotten { parcel, .. } => Some(*parcel),
            _ => None,
        }
    }

    /// The payment that it is about.
    #[must_use]
    pub fn payment(&self) -> Option<PaymentId> {
        match self {
            Event::PaymentBegun { payment, .. }
            | Event::PaymentCollected { payment, .. }
            | Event::PaymentDeclined { payment, .. }
            | Event::PaymentUnknown { payment, .. }
            | Event::LateApproval { payment, .. }
            | Event::PaymentReversed { payment, .. }
            | Event::Refunded { payment, .. }
            | Event::ChargedBack { payment, .. }
            | Event::ChargebackContested { payment, .. }
            | Event::ChargebackWon { payment, .. }
            | Event::ChargebackLost { payment, .. }
            | Event::ChargebackFeeBooked { payment, .. }
            | Event::RefundPaid { payment, .. }
            | Event::PaymentHeld { payment, .. }
            | Event::PaymentReleased { payment, .. }
            | Event::PaymentRouted { payment, .. }
            | Event::PaymentAuthorised { payment, .. }
            | Event::CompletionBegun { payment, .. }
            | Event::CompletionDeclined { payment, .. }
            | Event::CompletionUnknown { payment, .. }
            | Event::CompletionReversed { payment, .. }
            | Event::ReversalBegun { payment, .. }
            | Event::VoidReversalBegun { payment, .. }
            | Event::PaymentRestored { payment, .. }
            | Event::AdviceForwarded { payment, .. }
            | Event::AdviceRejected { payment, .. }
            | Event::OfflineSaleFlagged { payment, .. }
            | Event::OfflineSaleSuspended { payment, .. }
            | Event::SuspendedSaleResolved { payment, .. }
            | Event::OfflineSaleRejected { payment, .. }
            | Event::LossReturned { payment, .. }
            | Event::RefundForwarded { payment, .. }
            | Event::RefundRejected { payment, .. }
            | Event::TimeClaimed { payment, .. } => Some(*payment),
            _ => None,
        }
    }
}
