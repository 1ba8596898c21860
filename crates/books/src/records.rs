//! The engine's records, in as few bytes as possible.

use std::collections::VecDeque;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{AccountNumber, TransferId};
use money::{Amount, Currency};
use tariff::{BusinessDate, CardKind, PaymentMethod, SellerClassNumber, Terms};

use crate::command::{
    BreakResolution, BreakSide, BreakSubject, HoldRule, Jurisdiction, PAYOUT_RETURN_DAYS,
    SellerKind, SettlementCycle,
};
use crate::event::PayoutLine;
use crate::ids::{
    BankId, CourierId, DepositId, FirmId, HandOverId, NetworkId, ParcelId, PaymentId, PayoutId,
    PersonId, SellerId, TariffId, TerminalId, WalletId,
};
use crate::registry::RegisteredParty;

// There are millions of these.
const _: () = assert!(size_of::<Parcel>() == 48 && size_of::<PaymentRecord>() == 88);

/// Ends a parcel's list of payments.
pub(crate) const NO_PAYMENT: u32 = u32::MAX;

/// Status of a parcel that is not closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum OpenParcelStatus {
    #[default]
    Announced,
    Assigned,
    Out,
    Refused,
}

/// A parcel that is not closed. 48 bytes.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Parcel {
    pub id: ParcelId,
    pub due: Amount,
    pub seller: u32,
    /// Announced: unused. Assigned: the firm. Out: the courier. Refused: the last holder.
    pub carrier: u32,
    /// The newest payment.
    pub last_payment: u32,
    pub status: OpenParcelStatus,
    pub attempts: u8,
    pub payment_count: u8,
    pub part_accepted: bool,
    /// Payments that are begun, authorised or being completed.
    pub in_flight: u8,
}

/// Status of a payment, or how a parcel ended without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum PaymentStatus {
    /// Waits for a response. Holds the reservation.
    Begun(TransferId),
    /// The outcome is unknown and the payment will be reversed (M4). Holds the reservation.
    Unknown(TransferId),
    Declined,
    Reversed,
    /// Posted, but the money is not received yet (M5).
    Approved {
        unpaid_refunds: Amount,
    },
    /// Received and on hold.
    Held {
        unpaid_refunds: Amount,
    },
    /// Payable to the seller.
    Released {
        unpaid_refunds: Amount,
    },
    /// No payment: the parcel went back to the seller.
    Returned,
    /// No payment: the parcel was lost.
    Lost,
    /// Pre-authorised. Holds the reservation.
    Authorised(TransferId),
    /// A completion waits for a response.
    Completing(TransferId),
    /// A completion's outcome is unknown and it will be reversed (M4).
    CompletionUnknown(TransferId),
    /// Posted, without refunds. A void or reversal is pending.
    Reversing(ReversingStatus),
    /// Pre-authorised. A void or reversal is pending.
    Releasing(TransferId, ReversingStatus),
    /// A pre-authorisation that was not completed in time and is released.
    Expired,
}

/// The pending void or reversal of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum ReversingStatus {
    Void,
    Reversal,
    /// The void itself is being reversed.
    ReversingVoid,
    /// The reversal of an expired pre-authorisation.
    Expiry,
}

impl PaymentStatus {
    /// Whether money is reserved that can still be posted (M2). The reservation of an unknown
    /// payment does not count: it will be voided.
    pub(crate) fn is_in_flight(&self) -> bool {
        matches!(
            self,
            PaymentStatus::Begun(_)
                | PaymentStatus::Authorised(_)
                | PaymentStatus::Completing(_)
                | PaymentStatus::CompletionUnknown(_)
                | PaymentStatus::Releasing(..)
        )
    }

    /// Whether it is a pre-authorisation that has not ended.
    pub(crate) fn is_open_pre_authorisation(&self) -> bool {
        self.is_in_flight() && !matches!(self, PaymentStatus::Begun(_))
    }

    /// Whether the pre-authorisation was not completed in time.
    pub(crate) fn has_expired(&self) -> bool {
        matches!(
            self,
            PaymentStatus::Expired | PaymentStatus::Releasing(_, ReversingStatus::Expiry)
        )
    }

    /// Whether an outcome is unknown (M4).
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, PaymentStatus::Unknown(_) | PaymentStatus::CompletionUnknown(_))
    }

    /// Refunds that have not left the bank. `None` if the payment is not collected.
    pub(crate) fn unpaid_refunds(&self) -> Option<Amount> {
        match *self {
            PaymentStatus::Approved { unpaid_refunds: unpaid }
            | PaymentStatus::Held { unpaid_refunds: unpaid }
            | PaymentStatus::Released { unpaid_refunds: unpaid } => Some(unpaid),
            _ => None,
        }
    }

    pub(crate) fn with_unpaid_refunds(self, unpaid: Amount) -> PaymentStatus {
        match self {
            PaymentStatus::Approved { .. } => PaymentStatus::Approved { unpaid_refunds: unpaid },
            PaymentStatus::Held { .. } => PaymentStatus::Held { unpaid_refunds: unpaid },
            PaymentStatus::Released { .. } => PaymentStatus::Released { unpaid_refunds: unpaid },
            other => other,
        }
    }

    /// Whether only a refund or chargeback can still change it.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            PaymentStatus::Declined | PaymentStatus::Reversed | PaymentStatus::Expired => true,
            PaymentStatus::Returned | PaymentStatus::Lost => true,
            PaymentStatus::Released { unpaid_refunds: unpaid } => unpaid.is_zero(),
            _ => false,
        }
    }
}

/// How a payment is made, in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum RecordedMethod {
    DebitCard,
    CreditCard,
    Qr,
    Cash,
}

impl RecordedMethod {
    pub(crate) fn payment_method(self) -> PaymentMethod {
        match self {
            RecordedMethod::DebitCard => PaymentMethod::Card(CardKind::Debit),
            RecordedMethod::CreditCard => PaymentMethod::Card(CardKind::Credit),
            RecordedMethod::Qr => PaymentMethod::Qr,
            RecordedMethod::Cash => PaymentMethod::Cash,
        }
    }

    pub(crate) fn is_card(self) -> bool {
        matches!(self, RecordedMethod::DebitCard | RecordedMethod::CreditCard)
    }
}

/// A payment, or how a parcel ended without one. Outlives the parcel's record, because money moves
/// after the delivery. 88 bytes.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct PaymentRecord {
    pub parcel: ParcelId,
    pub amount: Amount,
    pub fees: Amount,
    /// The fee that the network or wallet may deduct.
    pub deducted_by_network: Amount,
    /// Refunds and chargebacks.
    pub refunded: Amount,
    pub status: PaymentStatus,
    pub seller: u32,
    pub courier: u32,
    /// The payment before this one.
    pub previous: u32,
    /// The date of collection. When the parcel is delivered, the delivery date. For a parcel that
    /// ended without payment, the date it ended.
    pub date: BusinessDate,
    /// The network or wallet. Unused for cash.
    pub rail: u16,
    pub tariff_version: u16,
    pub number: u8,
    pub method: RecordedMethod,
    /// Number of refunds and chargebacks.
    pub refund_count: u8,
    /// On a closed parcel's newest record: its delivery attempts.
    pub attempts: u8,
    /// Number of refund confirmations.
    pub confirmations: u8,
    /// Cash that the firm guarantees and the bank has not credited yet. It waits for a deposit.
    pub guaranteed: bool,
}

impl PaymentRecord {
    pub(crate) fn id(&self) -> PaymentId {
        PaymentId { parcel: self.parcel, number: self.number }
    }

    /// Whether the amount counts as collected. A payment with a pending void or reversal still
    /// counts.
    pub(crate) fn is_collected(&self) -> bool {
        self.status.unpaid_refunds().is_some() || matches!(self.status, PaymentStatus::Reversing(_))
    }

    /// The part of its share still on the seller's held account before release.
    pub(crate) fn held_share(&self) -> Amount {
        let share = self.amount.checked_sub(self.fees).expect("fees never exceed the amount");
        share.saturating_sub(self.refunded)
    }
}

/// What a seller's next payout consists of, in minor units. Each entry adds less than 2⁶³, so the
/// sums cannot overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Statement {
    pub gross: u128,
    pub fees: u128,
    pub refunded: u128,
    pub returned: u128,
}

impl Statement {
    pub(crate) fn net(&self) -> i128 {
        let signed = |sum: u128| i128::try_from(sum).expect("sums stay below 2¹²⁰");
        signed(self.gross) + signed(self.returned) - signed(self.fees) - signed(self.refunded)
    }

    pub(crate) fn add(&mut self, line: &PayoutLine) {
        self.gross += u128::from(line.gross);
        self.fees += u128::from(line.fees);
        self.refunded += u128::from(line.refunded);
        self.returned += u128::from(line.returned);
    }
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Seller {
    pub id: SellerId,
    pub kind: SellerKind,
    pub currency: u8,
    pub jurisdiction: Jurisdiction,
    pub tariff: u16,
    pub class: SellerClassNumber,
    pub cycle: SettlementCycle,
    pub minimum: Amount,
    pub statement: Statement,
    pub held: AccountNumber,
    pub payable: AccountNumber,
    pub reference: String,
}

impl Default for Seller {
    fn default() -> Self {
        Seller {
            id: SellerId(0),
            kind: SellerKind::Individual,
            currency: 0,
            jurisdiction: Jurisdiction::default(),
            tariff: 0,
            class: SellerClassNumber(0),
            cycle: SettlementCycle::Daily,
            minimum: Amount::ZERO,
            statement: Statement::default(),
            held: AccountNumber(0),
            payable: AccountNumber(0),
            reference: String::new(),
        }
    }
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Bank {
    pub id: BankId,
    pub currency: u8,
    pub account: AccountNumber,
    pub reference: String,
}

/// Cash that waits for a firm's deposits, first in, first out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum AwaitingDeposit {
    /// A counted cash payment.
    Payment(u32),
    /// A counted surplus. Belongs to nobody until its break is closed.
    Surplus(Amount),
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Firm {
    pub id: FirmId,
    pub currency: u8,
    pub guarantee: Amount,
    /// The part of the guarantee in use.
    pub guaranteed: Amount,
    pub cash: AccountNumber,
    pub commission: AccountNumber,
    pub reference: String,
    pub awaiting_deposit: VecDeque<AwaitingDeposit>,
    /// Credited by the bank, but less than the first waiting amount.
    pub unallocated: Amount,
    pub last_deposit: Option<DepositId>,
    pub deposits: u32,
    pub commission_payments: u32,
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct HandOver {
    pub id: HandOverId,
    pub expected: Amount,
    /// The courier's oldest payments in hand that it covers.
    pub payment_count: u32,
    pub code_hash: [u8; 32],
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Courier {
    pub id: CourierId,
    pub firm: u32,
    pub cash_limit: Amount,
    pub cash: AccountNumber,
    pub shortage: AccountNumber,
    pub reference: String,
    /// Cash payments not handed over, oldest first.
    pub in_hand: VecDeque<u32>,
    pub handover: Option<HandOver>,
    pub last_handover: Option<HandOverId>,
    pub handovers: u32,
    pub repayments: u32,
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Terminal {
    pub id: TerminalId,
    pub courier: u32,
    pub blocked: bool,
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize,
)]
pub(crate) enum RailId {
    Network(NetworkId),
    Wallet(WalletId),
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Rail {
    pub id: RailId,
    pub currency: u8,
    pub receivable: AccountNumber,
    pub unknown_payments: u32,
    pub reference: String,
}

impl Default for Rail {
    fn default() -> Self {
        Rail {
            id: RailId::Network(NetworkId(0)),
            currency: 0,
            receivable: AccountNumber(0),
            unknown_payments: 0,
            reference: String::new(),
        }
    }
}

macro_rules! registered {
    ($($record:ident: $id:ident),+) => {$(
        impl RegisteredParty for $record {
            type Id = $id;
            fn id(&self) -> $id {
                self.id
            }
        }
    )+};
}

registered!(
    Seller: SellerId,
    Bank: BankId,
    Firm: FirmId,
    Courier: CourierId,
    Terminal: TerminalId,
    Rail: RailId
);

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct TariffRecord {
    pub id: TariffId,
    pub currency: Option<Currency>,
    /// Indices into the list of all versions.
    pub versions: Vec<u16>,
    pub reference: String,
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct TariffVersionRecord {
    pub tariff: TariffId,
    pub number: u16,
    pub from: BusinessDate,
    pub until: Option<BusinessDate>,
    pub terms: Terms,
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Deposit {
    pub firm: u32,
    pub amount: Amount,
    pub reserve: TransferId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum PlanStatus {
    Planned,
    Approved,
    Executed,
    Rejected,
}

/// A settlement plan. Its lines are dropped when it is executed or rejected.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct SettlementPlan {
    pub status: PlanStatus,
    pub cycle: SettlementCycle,
    pub currency: Currency,
    pub planned_by: PersonId,
    /// The first payout and the one after the last.
    pub payouts: (PayoutId, PayoutId),
    pub lines: Vec<(PayoutLine, TransferId)>,
}

impl SettlementPlan {
    /// Whether the payout is one of this plan's and was sent.
    pub(crate) fn has_sent(&self, payout: PayoutId) -> bool {
        let (first, next) = self.payouts;
        self.status == PlanStatus::Executed && first <= payout && payout < next
    }
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Payout {
    pub seller: u32,
    pub net: Amount,
    pub bank: AccountNumber,
    /// The date of the bank's confirmation. The payout can still come back for a while.
    pub arrived: Option<BusinessDate>,
}

impl Payout {
    /// Whether the payout can no longer come back.
    pub(crate) fn is_past_return(&self, today: BusinessDate) -> bool {
        self.arrived.is_some_and(|arrived| arrived.plus_days(PAYOUT_RETURN_DAYS) < today)
    }
}

/// Held money that waits for its release date.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct PendingRelease {
    pub slot: u32,
    /// Days after delivery, if the hold rule counts from there.
    pub after_delivery: Option<u16>,
}

/// A break and its proposed resolution (M9).
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Break {
    pub subject: BreakSubject,
    pub side: BreakSide,
    pub amount: Amount,
    pub currency: u8,
    pub owner: PersonId,
    pub opened: BusinessDate,
    pub proposed_resolution: Option<(BreakResolution, PersonId)>,
    pub closed: bool,
}

/// A currency's shared accounts, opened with its first bank account.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct CurrencyAccounts {
    pub currency: Currency,
    pub suspense: AccountNumber,
    pub payout_in_flight: AccountNumber,
    pub buyer_refunds: AccountNumber,
    /// Indexed by fee kind. The commission's entry is unused.
    pub fees: [AccountNumber; 7],
    pub clearing_cost: AccountNumber,
    pub write_offs: AccountNumber,
}

/// Small tables, copied whole into a snapshot.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct ReferenceData {
    pub utc_offset_minutes: Option<i16>,
    pub hold_rules: std::collections::BTreeMap<Jurisdiction, HoldRule>,
    pub currencies: Vec<CurrencyAccounts>,
    pub tariffs: Vec<TariffRecord>,
    pub versions: Vec<TariffVersionRecord>,
    pub deposits: std::collections::BTreeMap<DepositId, Deposit>,
    pub plans: std::collections::BTreeMap<crate::ids::PlanId, SettlementPlan>,
    pub payouts: std::collections::BTreeMap<PayoutId, Payout>,
    /// Payouts that came back. Few enough to remember them all.
    pub returned_payouts: std::collections::BTreeSet<PayoutId>,
    pub next_payout: u64,
    pub breaks: std::collections::BTreeMap<crate::ids::BreakId, Break>,
    pub engine_breaks: u64,
    /// Held money by the date it becomes payable.
    pub pending_releases: std::collections::BTreeMap<BusinessDate, VecDeque<PendingRelease>>,
    /// The record at which the next forgetting continues.
    pub forget_cursor: u32,
}
