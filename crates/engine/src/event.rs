//! What a command did: facts for views, exports and whoever asked.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::AccountNo;
use money::{Amount, Currency};
use tariff::{BusinessDate, Fees, Tender};

use crate::chart::Entry;
use crate::door::{BatchLine, BatchTotals, Considered, TakeBack};
use crate::ids::{
    BreakId, CourierId, DepositId, FirmId, HandOverId, NetworkId, ParcelId, PayoutId, PlanId,
    SellerId, TariffId, TenderId, TerminalId,
};
use crate::time::Timestamp;

/// The version of a tariff by which fees were computed.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct TariffVersion {
    /// The tariff.
    pub tariff: TariffId,
    /// Its version.
    pub version: u16,
}

/// What happened to the amount of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It moved.
    Posted,
    /// It was reserved.
    Reserved,
    /// It moved, out of a reservation. Where that was larger, the rest of it is free again.
    PostedFromReserve,
    /// A reservation of it ended without moving it.
    Voided,
}

/// One line of the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The row of the chart of accounts.
    pub entry: Entry,
    /// Whether it moved money or reserved it.
    pub stage: Stage,
    /// The account debited.
    pub debit: AccountNo,
    /// The account credited.
    pub credit: AccountNo,
    /// How much.
    pub amount: Amount,
    /// The tender that it belongs to, if it belongs to one; number 0 where only the parcel is
    /// meant.
    pub tender: Option<TenderId>,
    /// The tariff version behind it, if it is about one.
    pub tariff: Option<TariffVersion>,
}

impl Posting {
    /// Whether it moved money.
    #[must_use]
    pub fn moved(&self) -> bool {
        matches!(self.stage, Stage::Posted | Stage::PostedFromReserve)
    }
}

/// One payout of a settlement plan, with everything that it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PayoutLine {
    /// The payout.
    pub payout: PayoutId,
    /// The seller.
    pub seller: SellerId,
    /// The currency.
    pub currency: Currency,
    /// What was collected.
    pub gross: u64,
    /// The fees of those collections, and return fees.
    pub fees: u64,
    /// Given back: refunds and chargebacks.
    pub given_back: u64,
    /// Payouts that were returned by the bank and are paid again.
    pub returned: u64,
    /// What is paid: gross - fees - given back + returned.
    pub net: Amount,
}

/// A fact. What it is worth in money is in the postings beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A party, a tariff version or a rule was added or changed.
    Registered,
    /// A parcel was announced.
    Announced {
        /// The parcel.
        parcel: ParcelId,
        /// Its seller.
        seller: SellerId,
        /// What is due.
        due: Amount,
    },
    /// A parcel is with a firm.
    Assigned {
        /// The parcel.
        parcel: ParcelId,
        /// The firm.
        firm: FirmId,
    },
    /// A parcel is on its way to the door.
    Dispatched {
        /// The parcel.
        parcel: ParcelId,
        /// The courier.
        courier: CourierId,
    },
    /// A parcel came back to the hub.
    Attempted {
        /// The parcel.
        parcel: ParcelId,
        /// How many attempts there were.
        attempts: u8,
    },
    /// A part of a parcel was taken.
    PartAccepted {
        /// The parcel.
        parcel: ParcelId,
        /// What was due.
        before: Amount,
        /// What is due now.
        due: Amount,
    },
    /// A parcel was refused.
    Refused {
        /// The parcel.
        parcel: ParcelId,
    },
    /// A parcel is back at the seller's.
    Returned {
        /// The parcel.
        parcel: ParcelId,
        /// The seller.
        seller: SellerId,
        /// The return fee.
        fee: Amount,
        /// The tariff version that it comes from.
        tariff: TariffVersion,
    },
    /// A parcel is lost.
    Lost {
        /// The parcel.
        parcel: ParcelId,
    },
    /// A collection waits for an answer.
    Begun {
        /// The tender.
        tender: TenderId,
    },
    /// A collection was posted, with its fees frozen.
    Collected {
        /// The tender.
        tender: TenderId,
        /// The seller.
        seller: SellerId,
        /// How it was paid.
        method: Tender,
        /// How much.
        amount: Amount,
        /// The fees.
        fees: Fees,
        /// The tariff version that they come from.
        tariff: TariffVersion,
    },
    /// A collection was declined.
    Declined {
        /// The tender.
        tender: TenderId,
    },
    /// Nobody knows how a collection ended; it is to be reversed.
    BecameUnknown {
        /// The tender.
        tender: TenderId,
    },
    /// An approval came after the outcome was called unknown; the reversal goes on. Or a QR code
    /// was paid when it was over; the wallet is to give that back.
    LateApproval {
        /// The tender.
        tender: TenderId,
    },
    /// A collection was taken back.
    Reversed {
        /// The tender.
        tender: TenderId,
        /// What of it had been posted: all or nothing.
        posted: Amount,
    },
    /// All that was due is collected.
    Delivered {
        /// The parcel.
        parcel: ParcelId,
        /// How much.
        collected: Amount,
    },
    /// A parcel that was delivered is open again: a collection was reversed.
    Reopened {
        /// The parcel.
        parcel: ParcelId,
    },
    /// Money was given back to a buyer.
    Refunded {
        /// The tender.
        tender: TenderId,
        /// How much.
        amount: Amount,
    },
    /// A network or wallet took money back.
    ChargedBack {
        /// The tender.
        tender: TenderId,
        /// How much.
        amount: Amount,
    },
    /// A refund left the bank.
    RefundPaid {
        /// The tender.
        tender: TenderId,
        /// How much.
        amount: Amount,
    },
    /// The money of a tender is really there (M5).
    Held {
        /// The tender.
        tender: TenderId,
        /// When it becomes payable.
        payable_on: BusinessDate,
    },
    /// The money of a tender became payable.
    Released {
        /// The tender.
        tender: TenderId,
        /// The seller.
        seller: SellerId,
        /// What was collected.
        gross: Amount,
        /// Its fees.
        fees: Amount,
        /// What was given back before.
        given_back: Amount,
    },
    /// A courier hands over.
    HandOverStarted {
        /// The hand-over.
        handover: HandOverId,
        /// What the books say the courier has.
        expected: Amount,
    },
    /// A hand-over was counted.
    HandOverCounted {
        /// The hand-over.
        handover: HandOverId,
        /// The courier.
        courier: CourierId,
        /// What the books said.
        expected: Amount,
        /// What was counted.
        counted: Amount,
    },
    /// A courier paid for a shortage.
    ShortageRepaid {
        /// The courier.
        courier: CourierId,
        /// How much.
        amount: Amount,
    },
    /// A deposit is on its way to the bank.
    DepositAnnounced {
        /// The deposit.
        deposit: DepositId,
        /// The firm.
        firm: FirmId,
        /// How much.
        amount: Amount,
    },
    /// The bank has credited a deposit.
    DepositConfirmed {
        /// The deposit.
        deposit: DepositId,
        /// How much was announced.
        announced: Amount,
        /// How much was credited.
        credited: Amount,
    },
    /// A deposit did not reach the bank.
    DepositCancelled {
        /// The deposit.
        deposit: DepositId,
        /// The firm.
        firm: FirmId,
        /// How much.
        amount: Amount,
    },
    /// A firm's commission was paid.
    CommissionPaid {
        /// The firm.
        firm: FirmId,
        /// How much.
        amount: Amount,
    },
    /// A plan was made.
    Planned {
        /// The plan.
        plan: PlanId,
        /// Its payouts.
        lines: Vec<PayoutLine>,
        /// How many sellers are below their minimum and carried over.
        below_minimum: u32,
        /// How many sellers are left for a further plan.
        left: u32,
    },
    /// A plan was approved.
    Approved {
        /// The plan.
        plan: PlanId,
    },
    /// A plan was dropped.
    Rejected {
        /// The plan.
        plan: PlanId,
    },
    /// A plan's payouts were sent.
    Executed {
        /// The plan.
        plan: PlanId,
        /// Its payouts.
        lines: Vec<PayoutLine>,
    },
    /// A payout arrived.
    PayoutConfirmed {
        /// The payout.
        payout: PayoutId,
        /// The seller.
        seller: SellerId,
        /// How much.
        net: Amount,
    },
    /// A payout came back.
    PayoutReturned {
        /// The payout.
        payout: PayoutId,
        /// The seller.
        seller: SellerId,
        /// How much.
        net: Amount,
    },
    /// A break was opened.
    BreakRaised {
        /// The break.
        break_id: BreakId,
        /// How much.
        amount: Amount,
    },
    /// How to close a break was proposed.
    BreakClosingProposed {
        /// The break.
        break_id: BreakId,
    },
    /// A break was closed.
    BreakClosed {
        /// The break.
        break_id: BreakId,
        /// How much.
        amount: Amount,
    },
    /// A closed parcel was forgotten.
    Forgotten {
        /// The parcel.
        parcel: ParcelId,
    },
    /// A terminal opened a batch.
    BatchOpened {
        /// The terminal.
        terminal: TerminalId,
        /// The batch.
        batch: u32,
    },
    /// Which networks a card payment could have gone over, and why it went over one.
    Routed {
        /// The tender.
        tender: TenderId,
        /// The networks.
        considered: Vec<Considered>,
    },
    /// A pre-authorisation was approved: nothing is posted, the money is reserved.
    Authorised {
        /// The tender.
        tender: TenderId,
    },
    /// A completion waits for an answer.
    CompletionBegun {
        /// The tender.
        tender: TenderId,
        /// How much is asked for.
        amount: Amount,
    },
    /// A completion was declined: the pre-authorisation stands.
    CompletionDeclined {
        /// The tender.
        tender: TenderId,
    },
    /// Nobody knows how a completion ended; it is to be reversed.
    CompletionUnknown {
        /// The tender.
        tender: TenderId,
    },
    /// A completion was reversed: the pre-authorisation stands.
    CompletionReversed {
        /// The tender.
        tender: TenderId,
    },
    /// A payment that was approved, or authorised, is being taken back. It ends with
    /// [`Event::Reversed`] or [`Event::Stands`].
    TakingBack {
        /// The tender.
        tender: TenderId,
        /// How.
        by: TakeBack,
    },
    /// The void of a payment is being reversed.
    UndoingVoid {
        /// The tender.
        tender: TenderId,
    },
    /// A payment is not taken back after all.
    Stands {
        /// The tender.
        tender: TenderId,
    },
    /// The network took an offline sale.
    AdviceForwarded {
        /// The tender.
        tender: TenderId,
    },
    /// The network rejected an offline sale. It stays held and will not clear.
    AdviceRejected {
        /// The tender.
        tender: TenderId,
        /// The response code.
        code: [u8; 2],
    },
    /// The network took a refund: it pays the buyer and owes that much less.
    RefundForwarded {
        /// The tender.
        tender: TenderId,
        /// How much.
        amount: Amount,
    },
    /// The network rejected a refund; it is to be paid through a bank.
    RefundRejected {
        /// The tender.
        tender: TenderId,
        /// How much.
        amount: Amount,
        /// The response code.
        code: [u8; 2],
    },
    /// A terminal and the books agree on a batch.
    BatchAgreed {
        /// The terminal.
        terminal: TerminalId,
        /// The batch.
        batch: u32,
        /// What it adds up to.
        totals: BatchTotals,
    },
    /// A terminal and the books do not agree on a batch: its lines are expected.
    BatchDiffers {
        /// The terminal.
        terminal: TerminalId,
        /// The batch.
        batch: u32,
        /// What it adds up to in the books.
        ours: BatchTotals,
        /// What it adds up to at the terminal.
        theirs: BatchTotals,
    },
    /// A line of a disputed batch differs.
    BatchLineDiffers {
        /// The terminal.
        terminal: TerminalId,
        /// The batch.
        batch: u32,
        /// The number in the batch.
        stan: u32,
        /// The line in the books, if there is one that counts.
        ours: Option<BatchLine>,
        /// The terminal's line, if there is one.
        theirs: Option<BatchLine>,
    },
    /// A disputed batch was compared line by line.
    BatchReconciled {
        /// The terminal.
        terminal: TerminalId,
        /// The batch.
        batch: u32,
        /// How many lines differ.
        differences: u32,
    },
    /// A terminal closed its next batch and never uploaded the lines of a disputed one, which is
    /// forgotten now. A break tells what its card totals come to, where they can only be about one
    /// network.
    BatchLeftDisputed {
        /// The terminal.
        terminal: TerminalId,
        /// The batch.
        batch: u32,
        /// What it adds up to in the books, at this moment.
        ours: BatchTotals,
        /// What it added up to at the terminal.
        theirs: BatchTotals,
    },
    /// A network takes no new payments from a moment on.
    NetworkWithdrawn {
        /// The network.
        network: NetworkId,
        /// From when on.
        from: Timestamp,
    },
    /// A network takes payments again.
    NetworkReinstated {
        /// The network.
        network: NetworkId,
    },
    /// A terminal reversed what the books have never heard of; what comes under that number is
    /// refused.
    ReversedUnheard {
        /// The terminal.
        terminal: TerminalId,
        /// Its open batch.
        batch: u32,
        /// The number in the batch.
        stan: u32,
    },
}

/// What a command did: its facts and its postings, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The facts.
    pub events: Vec<Event>,
    /// The postings.
    pub postings: Vec<Posting>,
}

impl Outcome {
    /// Empties it, to be used again.
    pub fn clear(&mut self) {
        self.events.clear();
        self.postings.clear();
    }
}
