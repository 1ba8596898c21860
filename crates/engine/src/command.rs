//! The vocabulary: everything that can be asked of the books.
//!
//! A command that is carried out stands in the journal for ever. Variants are therefore only added,
//! at the end; what is there keeps its bytes (see the golden bytes in the tests).

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Currency};
use tariff::{BusinessDate, CardKind, ClassNo, Terms};

use crate::ids::{
    BankId, BreakId, CourierId, DepositId, FirmId, HandOverId, NetworkId, ParcelId, PayoutId,
    PersonId, PlanId, SellerId, TariffId, TenderId, TerminalId, WalletId,
};

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
/// Items that one command may release, or forget.
pub const ITEMS_PER_COMMAND_MAX: u32 = 10_000;
/// The longest hold that a rule can ask for, in days.
pub const HOLD_DAYS_MAX: u16 = 180;

/// What a seller is in law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum SellerKind {
    /// A person.
    Individual,
    /// A company.
    Business,
}

/// A jurisdiction, by its two-letter code of ISO 3166-1.
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
pub struct Jurisdiction(pub [u8; 2]);

/// When held money that is really there becomes payable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum HoldRule {
    /// As soon as it is there, by the same command.
    AtOnce,
    /// So many days after it was there ("D+n").
    DaysAfterHeld(u16),
    /// When it is there and so many days have passed since the parcel was handed out (Thailand's
    /// five days, `domain.md`). Until the parcel is, the day told is the earliest that it can be.
    DaysAfterDelivery(u16),
}

/// How often a seller is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Cycle {
    /// Every business day.
    Daily,
    /// Once a week.
    Weekly,
    /// Once a month.
    Monthly,
}

/// Why a parcel could not be handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum AttemptReason {
    /// Nobody was there.
    NobodyHome,
    /// The address could not be found.
    AddressWrong,
    /// The buyer asked for another day.
    AnotherDay,
    /// The buyer could not pay.
    CannotPay,
    /// The day ended first.
    OutOfTime,
}

/// Why a buyer did not take a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum RefuseReason {
    /// No longer wanted.
    NotWanted,
    /// Not what was ordered.
    NotAsOrdered,
    /// Damaged on the way.
    Damaged,
    /// The amount due was disputed.
    AmountDisputed,
    /// Given up after the last attempt.
    AttemptsUsedUp,
}

/// How a collection that waits for somebody else's answer is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Method {
    /// By card, over a network.
    Card {
        /// The network that was chosen.
        network: NetworkId,
        /// Debit or credit.
        kind: CardKind,
    },
    /// By QR code, over a wallet.
    Qr {
        /// The wallet.
        wallet: WalletId,
    },
}

/// How a collection ended, or that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Resolution {
    /// The network or wallet approved.
    Approved,
    /// It declined, with its response code (ISO 8583 field 39, two characters).
    Declined {
        /// The response code.
        code: [u8; 2],
    },
    /// No answer in time. From now on it is reversed (M4): a late approval changes nothing, also
    /// after the reversal or a decline; a late decline ends it.
    Unknown,
}

/// Where a break was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum BreakSubject {
    /// In a bank account.
    Bank(BankId),
    /// In what a network owes.
    Network(NetworkId),
    /// In what a wallet owes.
    Wallet(WalletId),
    /// In the cash that a firm has.
    FirmCash(FirmId),
}

/// Which way a break goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum BreakSide {
    /// There is more than the books say.
    Excess,
    /// There is less.
    Shortfall,
}

/// How a break is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Closing {
    /// At Doorstep's own cost, or to its gain.
    WriteOff,
    /// By money through a bank account: an excess is paid back, a shortfall was paid up.
    ThroughBank(BankId),
}

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
        /// How it is paid.
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
        /// The tender: begun, unknown, or approved and not cleared yet, with nothing given back;
        /// cash as long as it is in the courier's hands and in no hand-over. A parcel that was
        /// closed is out again.
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
        /// How much: all of the tender's refunds that have not left yet.
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
    /// A network's or wallet's file clears one tender (M5). A tender that was cleared is taken for
    /// a retry, whatever the file says.
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
    /// over.
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
}

/// The breaks that the engine raises itself are counted up from here.
pub const FIRST_OWN_BREAK: BreakId = BreakId(1 << 63);

/// How long after its arrival a payout can still come back from the bank, in days.
pub const PAYOUT_RETURN_DAYS: u16 = 14;

/// How long a closed parcel is remembered at least, in days: longer than the schemes' time for
/// chargebacks, 120 days, and the time in which its announcement might be repeated.
pub const RETENTION_DAYS: u16 = 180;
