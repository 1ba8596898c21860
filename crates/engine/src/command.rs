//! The vocabulary: everything that can be asked of the books.
//!
//! A command that is carried out stands in the journal for ever. Variants are therefore only added,
//! at the end; what is there keeps its bytes (see the golden bytes in the tests).

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Currency};
use tariff::{BusinessDate, ClassNo, Terms};

use crate::door::{BatchLine, BatchTotals, Considered, Mark, Purpose, Sent, Trace};
use crate::ids::{
    BankId, BreakId, CourierId, DepositId, FirmId, HandOverId, NetworkId, ParcelId, PayoutId,
    PersonId, PlanId, SellerId, TariffId, TenderId, TerminalId, WalletId,
};
use crate::time::Timestamp;
pub use crate::vocabulary::*;

/// Bytes in a reference at the most.
pub const REFERENCE_BYTES_MAX: usize = 64;
/// Parcels that one command may assign or dispatch.
pub const PARCELS_PER_COMMAND_MAX: usize = 1_000;
/// Attempts at a door before a parcel must go back.
pub const ATTEMPTS_MAX: u8 = 3;
/// Tenders that one parcel may see.
pub const TENDERS_MAX: u8 = 16;
/// Refunds and chargebacks that one tender may see.
pub const REFUNDS_MAX: u8 = 16;
/// Tenders of one network that may be unknown at a time; beyond it the network gets no new ones
/// (M4).
pub const UNKNOWN_PER_NETWORK_MAX: u32 = 10_000;
/// Payouts in one settlement plan at the most; what is left is for the next plan.
pub const PLAN_LINES_MAX: usize = 10_000;
/// Items that one command may release, expire, or forget.
pub const ITEMS_PER_COMMAND_MAX: u32 = 10_000;
/// The longest hold that a rule can ask for, in days.
pub const HOLD_DAYS_MAX: u16 = 180;

/// Something asked of the books. Amounts are in minor units of the currency that the parties were
/// registered with.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Command {
    /// The first command of a journal.
    OpenBooks {
        /// How far local time is ahead of UTC, in minutes; it decides when a business date begins.
        utc_offset_minutes: i16,
    },
    /// Adds a bank account of Doorstep's. Its currency can be used from then on.
    RegisterBank {
        /// The account.
        bank: BankId,
        /// Its currency.
        currency: Currency,
        /// Its name in the operator's own words.
        reference: String,
    },
    /// Adds a courier firm.
    RegisterFirm {
        /// The firm.
        firm: FirmId,
        /// The currency of its cash.
        currency: Currency,
        /// How much of its counted, undeposited cash it guarantees: sellers are paid that before
        /// the bank confirms it (M5). A tender is guaranteed when it is counted, if there is room
        /// for all of it; what a deposit covers makes room again.
        guarantee: Amount,
        /// Its own reference.
        reference: String,
    },
    /// Adds a courier to a firm.
    RegisterCourier {
        /// The courier.
        courier: CourierId,
        /// The firm.
        firm: FirmId,
        /// The most cash that the courier may have in hand.
        cash_limit: Amount,
        /// The firm's own reference of the courier, no name.
        reference: String,
    },
    /// Adds a terminal and gives it to a courier.
    RegisterTerminal {
        /// The terminal.
        terminal: TerminalId,
        /// Who has it.
        courier: CourierId,
    },
    /// Gives a terminal to another courier.
    HandTerminal {
        /// The terminal.
        terminal: TerminalId,
        /// Who gets it.
        courier: CourierId,
    },
    /// Blocks a terminal, or lets it work again.
    BlockTerminal {
        /// The terminal.
        terminal: TerminalId,
        /// Whether it is blocked from now on.
        blocked: bool,
    },
    /// Adds a card network.
    RegisterNetwork {
        /// The network.
        network: NetworkId,
        /// The currency that it clears in.
        currency: Currency,
        /// Its name.
        reference: String,
    },
    /// Adds a QR wallet.
    RegisterWallet {
        /// The wallet.
        wallet: WalletId,
        /// The currency that it clears in.
        currency: Currency,
        /// Its name.
        reference: String,
    },
    /// Sets the hold rule of a jurisdiction, for money that becomes held from now on.
    SetHoldRule {
        /// The jurisdiction.
        jurisdiction: Jurisdiction,
        /// The rule.
        rule: HoldRule,
    },
    /// Adds a version to a tariff. The first has number 1; each begins where the one before ends:
    /// an open end is closed on that day, as long as that is after today. All versions have the
    /// same currency, and the classes of the one before, perhaps with more behind them.
    PublishTariff {
        /// The tariff.
        tariff: TariffId,
        /// The version, one above the last.
        version: u16,
        /// The one currency in which it can be used, or any.
        currency: Option<Currency>,
        /// The first day on which it holds.
        from: BusinessDate,
        /// The first day on which it holds no more, if that is known.
        until: Option<BusinessDate>,
        /// Its terms.
        terms: Box<Terms>,
        /// The tariff's name, the same in each version.
        reference: String,
    },
    /// Adds a seller.
    RegisterSeller {
        /// The seller.
        seller: SellerId,
        /// Person or company.
        kind: SellerKind,
        /// The currency in which the seller sells and is paid.
        currency: Currency,
        /// Where the seller's money is held by law; it has a hold rule.
        jurisdiction: Jurisdiction,
        /// The tariff.
        tariff: TariffId,
        /// The class in that tariff, of the version that holds today or the next one to hold.
        class: ClassNo,
        /// How often the seller is paid.
        cycle: Cycle,
        /// The least that is paid out; less is carried over.
        minimum: Amount,
        /// The seller's own reference, no name.
        reference: String,
    },

    /// A seller announces a parcel.
    AnnounceParcel {
        /// The parcel.
        parcel: ParcelId,
        /// The seller.
        seller: SellerId,
        /// The currency of the amount due.
        currency: Currency,
        /// What is to be collected at the door, above zero.
        due: Amount,
        /// The seller's own reference of the order.
        reference: String,
    },
    /// Parcels are given to a firm. All of them or none. Doing it again changes nothing.
    AssignParcels {
        /// The firm.
        firm: FirmId,
        /// The parcels, announced or assigned.
        parcels: Vec<ParcelId>,
    },
    /// A courier of the firm takes parcels out. All of them or none.
    DispatchParcels {
        /// The courier.
        courier: CourierId,
        /// The parcels, assigned to the courier's firm, with less than [`ATTEMPTS_MAX`] attempts.
        parcels: Vec<ParcelId>,
    },
    /// A parcel could not be handed out; it goes back to the hub and may go out again.
    RecordAttempt {
        /// The parcel, out; no payment waiting for an answer, and nothing collected but
        /// what was given back in full.
        parcel: ParcelId,
        /// Which attempt: the last one's number plus 1.
        number: u8,
        /// Why.
        reason: AttemptReason,
    },
    /// The buyer takes a part only: the amount due becomes the amount of that part.
    AcceptPart {
        /// The parcel, out; nothing collected, no payment waiting for an answer.
        parcel: ParcelId,
        /// What the accepted part costs: above zero, below the amount due.
        accepted: Amount,
    },
    /// The buyer does not take the parcel, or the attempts are used up: it goes back.
    RefuseParcel {
        /// The parcel, out or at the hub; no payment waiting for an answer, and nothing collected
        /// but what was given back in full.
        parcel: ParcelId,
        /// Why.
        reason: RefuseReason,
    },
    /// A refused parcel is back at the seller's; the return fee is charged.
    ReturnParcel {
        /// The parcel, refused.
        parcel: ParcelId,
    },
    /// A parcel is lost. No payment waits for an answer, and nothing was collected but what was
    /// given back in full.
    LoseParcel {
        /// The parcel.
        parcel: ParcelId,
    },

    /// A payment by card or QR is about to be asked for. Durable before the network hears of it.
    /// While one by card is unknown there is no other by card, and likewise by QR (M4).
    BeginCollection {
        /// The tender: the parcel's last number plus 1.
        tender: TenderId,
        /// The terminal, in the hands of the courier who has the parcel.
        terminal: TerminalId,
        /// How it is paid: over a network that is not withdrawn.
        method: Method,
        /// How much: at most what is left of the amount due after what is collected and what waits
        /// for an answer. An unknown payment does not count: it is going to be reversed.
        amount: Amount,
    },
    /// The answer, or that there is none.
    ResolveCollection {
        /// The tender.
        tender: TenderId,
        /// The answer.
        resolution: Resolution,
    },
    /// The network or wallet acknowledged the reversal of a tender; or cash was given back at the
    /// door.
    ReverseCollection {
        /// The tender: begun, unknown, or approved and not cleared yet, with nothing given back,
        /// and known to its network if it was sold offline; cash as long as it is in the courier's
        /// hands and in no hand-over. A parcel that was closed is out again.
        tender: TenderId,
    },
    /// Cash was taken at the door.
    CollectCash {
        /// The tender: the parcel's last number plus 1.
        tender: TenderId,
        /// The courier who has the parcel.
        courier: CourierId,
        /// How much, without the change: at most what is left of the amount due.
        amount: Amount,
    },
    /// The seller gives money back to the buyer: what is still held of the tender, the rest from
    /// the seller's own.
    Refund {
        /// The tender that was approved, by card or QR, or in cash.
        tender: TenderId,
        /// Which of the tender's refunds and chargebacks: the last one's number plus 1. A number
        /// that was used is taken for a retry.
        number: u8,
        /// How much: at most what was not given back before.
        amount: Amount,
    },
    /// A refund has left the bank account.
    ConfirmRefund {
        /// The bank account.
        bank: BankId,
        /// The tender.
        tender: TenderId,
        /// Which confirmation of the tender: the last one's number plus 1.
        number: u8,
        /// How much: all of the tender's refunds that have not left yet, when no network is asked
        /// to pay one of them.
        amount: Amount,
    },
    /// A network or wallet takes a payment back on the buyer's complaint.
    ChargeBack {
        /// The tender that was approved, by card or QR.
        tender: TenderId,
        /// Which of the tender's refunds and chargebacks: the last one's number plus 1. A number
        /// that was used is taken for a retry.
        number: u8,
        /// How much: at most what was not given back before.
        amount: Amount,
    },

    /// A courier hands over all cash in hand. Collections after it are for the next time.
    StartHandOver {
        /// The hand-over. Only each courier's last one is remembered.
        handover: HandOverId,
        /// The courier.
        courier: CourierId,
        /// Which hand-over of the courier: the last one's number plus 1.
        number: u32,
        /// SHA-256 of the one-time code that the courier shows; see
        /// [`one_time_code_hash`](crate::one_time_code_hash).
        code_hash: [u8; 32],
    },
    /// A second person has counted the cash of a hand-over. Its tenders stand in the firm's line
    /// for the bank's credit from then on, whether all was there or not; what was too much stands
    /// behind them and is a break of the one who counted.
    CountHandOver {
        /// The hand-over.
        handover: HandOverId,
        /// The one-time code, as shown by the courier.
        code: u32,
        /// What was counted.
        counted: Amount,
        /// Who counted; not the courier, whose person has the courier's own number.
        counted_by: PersonId,
    },
    /// A courier pays for what was short.
    RepayShortage {
        /// The courier.
        courier: CourierId,
        /// Which repayment of the courier: the last one's number plus 1.
        number: u32,
        /// How much: at most what is short.
        amount: Amount,
    },
    /// A firm brings cash to the bank.
    AnnounceDeposit {
        /// The deposit. Those under way and each firm's last one are remembered.
        deposit: DepositId,
        /// The firm.
        firm: FirmId,
        /// Which deposit of the firm: the last one's number plus 1.
        number: u32,
        /// The bank account.
        bank: BankId,
        /// How much: at most the firm's counted cash.
        amount: Amount,
    },
    /// The bank's statement shows the deposit. What is missing stays the firm's to bring. The money
    /// of those first in line is there as far as the credit reaches.
    ConfirmDeposit {
        /// The deposit.
        deposit: DepositId,
        /// What the bank has credited: above zero, at most what was announced.
        credited: Amount,
    },
    /// A network's or wallet's file clears one tender (M5). For a tender that was cleared it is
    /// taken for a retry, whatever was kept back.
    ConfirmClearing {
        /// The bank account that is credited.
        bank: BankId,
        /// The tender, approved.
        tender: TenderId,
        /// The amount that the file names: the tender's.
        amount: Amount,
        /// What it keeps back; a difference to the tariff becomes a break.
        kept_back: Amount,
    },
    /// Money whose hold ends becomes payable.
    ReleaseDue {
        /// Everything due on this date or before; at most today.
        date: BusinessDate,
        /// How many items at the most, 1 to [`ITEMS_PER_COMMAND_MAX`].
        limit: u32,
    },

    /// Makes a settlement plan: what each seller of a cycle is to be paid, in the order of their
    /// registration. Reserves the money.
    PlanSettlement {
        /// The plan.
        plan: PlanId,
        /// Which sellers.
        cycle: Cycle,
        /// In which currency.
        currency: Currency,
        /// Who plans.
        planned_by: PersonId,
    },
    /// A second person approves a plan.
    ApproveSettlement {
        /// The plan.
        plan: PlanId,
        /// Who approves; not who planned.
        approved_by: PersonId,
    },
    /// Drops a plan that was not executed; its money is payable again.
    RejectSettlement {
        /// The plan.
        plan: PlanId,
        /// Who rejects.
        rejected_by: PersonId,
    },
    /// Sends the payouts of an approved plan.
    ExecuteSettlement {
        /// The plan.
        plan: PlanId,
        /// The bank account to pay from.
        bank: BankId,
    },
    /// The bank has paid.
    ConfirmPayout {
        /// The payout, on its way.
        payout: PayoutId,
    },
    /// The bank could not pay, or the money came back after all; it is payable again.
    ReturnPayout {
        /// The payout: on its way, or arrived not longer than [`PAYOUT_RETURN_DAYS`] days ago.
        payout: PayoutId,
    },

    /// Reconciliation found a difference: a posting to suspense with an owner (M9).
    RaiseBreak {
        /// The break; below [`FIRST_OWN_BREAK`], for those are the engine's own.
        break_id: BreakId,
        /// Where.
        subject: BreakSubject,
        /// More or less than the books say.
        side: BreakSide,
        /// By how much.
        amount: Amount,
        /// Who has to see to it.
        owner: PersonId,
    },
    /// Proposes how a break is closed.
    ProposeBreakClosing {
        /// The break.
        break_id: BreakId,
        /// How.
        closing: Closing,
        /// Who proposes.
        proposed_by: PersonId,
    },
    /// A second person approves; the break is closed by a posting.
    ApproveBreakClosing {
        /// The break.
        break_id: BreakId,
        /// What is approved: the closing that was proposed.
        closing: Closing,
        /// Who approves; not who proposed.
        approved_by: PersonId,
    },
    /// Forgets closed parcels whose money is final and whose time for refunds and chargebacks is
    /// over, and disputed batches of before that time.
    ForgetClosed {
        /// Those handed out before this date; at least [`RETENTION_DAYS`] ago.
        before: BusinessDate,
        /// How many records to look at, 1 to [`ITEMS_PER_COMMAND_MAX`]; the next call goes on from
        /// there.
        limit: u32,
    },
    /// A deposit did not reach the bank: the cash is the firm's to bring again. Where it is gone, a
    /// break tells so.
    CancelDeposit {
        /// The deposit, announced.
        deposit: DepositId,
    },
    /// A courier firm's commission has left the bank account.
    PayCommission {
        /// The firm.
        firm: FirmId,
        /// Which payment of the firm's commission: the last one's number plus 1.
        number: u32,
        /// The bank account.
        bank: BankId,
        /// How much: at most what the firm has earned.
        amount: Amount,
    },

    /// A terminal signs on and opens its next batch.
    OpenBatch {
        /// The terminal.
        terminal: TerminalId,
        /// The batch: the last one's number plus 1, the first is 1; after
        /// [`TRACE_NUMBER_MAX`](crate::TRACE_NUMBER_MAX) comes 1.
        batch: u32,
    },
    /// A terminal asks for a payment by card or QR; the engine gives the tender its number. Durable
    /// before the network hears of it. A repeat is told from the trace before anything else is
    /// looked at. For what else it needs see [`Command::BeginCollection`].
    BeginPurchase {
        /// The terminal's number for it, in its open batch.
        trace: Trace,
        /// What tells a repeat from another transaction with the same number.
        mark: Mark,
        /// The parcel, out with the courier who has the terminal.
        parcel: ParcelId,
        /// How it is paid.
        method: Method,
        /// How much.
        amount: Amount,
        /// The money, or a promise of it; a wallet gives no promises.
        purpose: Purpose,
        /// How the network is going to know it.
        sent: Sent,
        /// The networks that were looked at, at most [`ROUTES_MAX`](crate::ROUTES_MAX): exactly
        /// one chosen, the method's. Empty for QR.
        considered: Vec<Considered>,
    },
    /// The answer to a purchase, or that there is none. The first one is what the terminal is told,
    /// also when it asks again: `00`, the decline's code, or `68` where nobody knows.
    ResolvePurchase {
        /// The tender.
        tender: TenderId,
        /// The answer. Approved is posted, or keeps the money reserved for a pre-authorisation.
        resolution: Resolution,
        /// The network's authorisation code, field 38, or what tells a wallet's payment from
        /// others of the same order; spaces where there is none.
        authorisation: [u8; 6],
    },
    /// A terminal asks for the money of a pre-authorisation, or a part of it.
    BeginCompletion {
        /// The terminal's number for it, in its open batch.
        trace: Trace,
        /// What tells a repeat from another transaction with the same number.
        mark: Mark,
        /// The tender, authorised.
        tender: TenderId,
        /// How much: above zero, at most what was authorised.
        amount: Amount,
        /// How the network is going to know it.
        sent: Sent,
    },
    /// The answer to a completion. Approved posts its amount and lets the rest of the reservation
    /// go; declined leaves the pre-authorisation as it was. Unknown, it is reversed (M4): a late
    /// approval changes nothing.
    ResolveCompletion {
        /// The tender.
        tender: TenderId,
        /// The answer.
        resolution: Resolution,
        /// The network's authorisation code.
        authorisation: [u8; 6],
    },
    /// The network acknowledged the reversal of a completion: the pre-authorisation stands as
    /// before.
    EndCompletionReversal {
        /// The tender.
        tender: TenderId,
    },
    /// A terminal voids a payment. By card or QR the network is asked and may say no; cash that is
    /// in the courier's hands and in no hand-over is given back at once.
    BeginVoid {
        /// The terminal's number for it, in its open batch.
        trace: Trace,
        /// What tells a repeat from another transaction with the same number.
        mark: Mark,
        /// The tender of the courier who has the terminal: authorised, or approved, not cleared,
        /// with nothing given back, and known to the network if it was an offline sale.
        tender: TenderId,
        /// How the network is going to know it.
        sent: Sent,
    },
    /// A payment must not stand: the terminal did not hear of its approval, or does not trust it.
    /// It no longer counts in the batch. Begun, it becomes unknown; approved or authorised, its
    /// money stays where it is until the network has acknowledged the reversal; a completion under
    /// way becomes unknown; a void under way is undone. Cash is given back at once.
    BeginReversal {
        /// The tender, of a transaction that is remembered.
        tender: TenderId,
    },
    /// A void got no answer, or the terminal does not trust it: it is reversed, and the payment
    /// stands.
    UndoVoid {
        /// The tender, being voided.
        tender: TenderId,
    },
    /// How taking a payment back ended. A void is done or not, a reversal is done, the reversal of
    /// a void leaves the payment as it was. What was paid by QR too late is given back, or was
    /// not paid after all.
    EndTakingBack {
        /// The tender.
        tender: TenderId,
        /// Whether it is taken back: an approved payment is unposted and its parcel is out again,
        /// an authorised one is released.
        done: bool,
        /// The network's response code, what the terminal is told of a void.
        code: [u8; 2],
    },
    /// A terminal sold offline by card, within its limits: posted like an approved sale, to be
    /// forwarded to the network. Taken also when the network is withdrawn: the buyer has the
    /// parcel.
    TakeAdvice {
        /// The terminal's number for it, in its open batch.
        trace: Trace,
        /// What tells a repeat from another transaction with the same number.
        mark: Mark,
        /// The parcel, out with the courier who has the terminal.
        parcel: ParcelId,
        /// By card, and over which network it is forwarded.
        method: Method,
        /// How much.
        amount: Amount,
        /// How the network is going to know it.
        sent: Sent,
        /// The terminal's own authorisation code.
        authorisation: [u8; 6],
    },
    /// The network's answer to an offline sale.
    AnswerAdvice {
        /// The tender.
        tender: TenderId,
        /// The response code: `00`, or the sale is rejected; it stays held and will not clear.
        code: [u8; 2],
    },
    /// Sets how much a terminal may sell offline; nothing by default.
    SetOfflineLimit {
        /// The terminal.
        terminal: TerminalId,
        /// One sale at the most.
        each: Amount,
        /// All sales together that the network has not answered.
        total: Amount,
    },
    /// Cash was taken at the door and typed into a terminal, whose courier has it now.
    TakeCash {
        /// The terminal's number for it, in its open batch.
        trace: Trace,
        /// What tells a repeat from another transaction with the same number.
        mark: Mark,
        /// The parcel, out with the courier who has the terminal.
        parcel: ParcelId,
        /// How much of the amount due it pays.
        amount: Amount,
        /// What the buyer gave.
        tendered: Amount,
        /// What the buyer got back: tendered - change = amount.
        change: Amount,
    },
    /// A terminal gives money of the seller's back to the buyer's card or wallet. Owed to the buyer
    /// from now on, to be forwarded to the network; the terminal is told `00`.
    BeginRefund {
        /// The terminal's number for it, in its open batch. The terminal is one of the firm that
        /// collected the tender.
        trace: Trace,
        /// What tells a repeat from another transaction with the same number.
        mark: Mark,
        /// The tender that was approved, by card or QR.
        tender: TenderId,
        /// How much: at most what was not given back before.
        amount: Amount,
        /// How the network is going to know it.
        sent: Sent,
    },
    /// The network's answer to a refund. Until it is there, no refund of the tender is confirmed
    /// through a bank.
    AnswerRefund {
        /// The refund's trace.
        trace: Trace,
        /// The response code: `00`, and the network pays the buyer and owes that much less; else it
        /// stays owed to the buyer, to be paid through a bank ([`Command::ConfirmRefund`]).
        code: [u8; 2],
    },
    /// A terminal closes its batch. The last closed batch is remembered until the next one closes
    /// that has transactions.
    CloseBatch {
        /// The terminal.
        terminal: TerminalId,
        /// Its open batch; no transaction of it waits for an answer. The one before, if it is
        /// disputed and its lines never came, is left so: what its totals tell is put down.
        batch: u32,
        /// What it adds up to at the terminal. Where it differs from the books the batch is
        /// disputed, and its lines are expected ([`Command::ReconcileBatch`]).
        totals: BatchTotals,
    },
    /// The lines of a disputed batch, compared with the books one by one, once.
    ///
    /// What the lines that differ come to beyond the books, debits less credits, is raised as one
    /// break: an excess where the terminal has more, a shortfall where it has less. It is found in
    /// the network or wallet of the first of our own lines that differ, else of the first one of
    /// the batch, else in the firm's cash. Lines that are cash in the books are told but not
    /// raised: the count at the hub says what was taken (M6), and would raise it again.
    ReconcileBatch {
        /// The terminal.
        terminal: TerminalId,
        /// Its last closed batch.
        batch: u32,
        /// The lines, at most [`TRANSACTIONS_PER_BATCH_MAX`](crate::TRANSACTIONS_PER_BATCH_MAX),
        /// each number once.
        lines: Vec<BatchLine>,
    },
    /// No new payments go over a network from a moment on. What is under way finishes, what is
    /// unknown is chased, what it owes is cleared. Asked again with another moment before the first
    /// has come, that one holds; a network that is withdrawn stays so until it is reinstated.
    WithdrawNetwork {
        /// The network.
        network: NetworkId,
        /// From when on; one that is past is this moment. The event has the one that holds.
        from: Timestamp,
        /// Who proposes.
        proposed_by: PersonId,
        /// Who approves; not who proposes.
        approved_by: PersonId,
    },
    /// A network that was withdrawn, or was going to be, takes payments again.
    ReinstateNetwork {
        /// The network.
        network: NetworkId,
        /// Who proposes.
        proposed_by: PersonId,
        /// Who approves; not who proposes.
        approved_by: PersonId,
    },
    /// Lets go of pre-authorisations that nobody completed in their time. Each is chased from now
    /// on until its network has acknowledged the reversal; then the buyer has the money back and
    /// the parcel is due again. One with a completion or a void under way is left to that; a
    /// completion that comes later is refused ([`Refusal::PreAuthorisationExpired`]). Where none is
    /// left, it is taken for a retry.
    ///
    /// [`Refusal::PreAuthorisationExpired`]: crate::Refusal::PreAuthorisationExpired
    ExpirePreAuthorisations {
        /// Those asked for before this date; at most today. Card schemes let them stand for 30
        /// days.
        before: BusinessDate,
        /// How many at the most, the oldest first, 1 to [`ITEMS_PER_COMMAND_MAX`].
        limit: u32,
    },
    /// A terminal reverses what the books have never heard of. Whatever begins under that number
    /// until the batch is closed is refused ([`Refusal::TraceTaken`]), and so is this, where
    /// something has.
    ///
    /// [`Refusal::TraceTaken`]: crate::Refusal::TraceTaken
    ReverseUnheard {
        /// The number in the terminal's open batch. It takes the place of a transaction; in a full
        /// batch nothing begins, and there is nothing to take away.
        trace: Trace,
    },
}

/// The breaks that the engine raises itself are counted up from here.
pub const FIRST_OWN_BREAK: BreakId = BreakId(1 << 63);

/// How long after its arrival a payout can still come back from the bank, in days.
pub const PAYOUT_RETURN_DAYS: u16 = 14;

/// How long a closed parcel is remembered at least, in days: longer than the schemes' time for
/// chargebacks, 120 days, and the time in which its announcement might be repeated.
pub const RETENTION_DAYS: u16 = 180;
