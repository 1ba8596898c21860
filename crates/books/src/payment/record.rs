//! Records of payments. There are millions of them, so each has few bytes.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::TransferId;
use money::Amount;
use tariff::{BusinessDate, LossOwner, PaymentMethod, SellerClassNumber};

use crate::command::{SuspendedSaleDecision, SuspenseReason};
use crate::ids::{BankId, BreakId, ParcelId, PaymentId, PersonId};
use crate::parcel::record::ParcelHistory;
use crate::party::persons::TwoPeople;
use crate::payment::codes::ResponseCode;

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
        /// The day under which it is in the pending releases, unless it waits for the delivery.
        release_on: BusinessDate,
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
    /// An offline sale that its network never pays.
    Rejected,
    /// No payment: the seller withdrew the parcel.
    Cancelled,
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
            PaymentStatus::Approved { unpaid_refunds }
            | PaymentStatus::Held { unpaid_refunds, .. }
            | PaymentStatus::Released { unpaid_refunds, .. } => Some(unpaid_refunds),
            _ => None,
        }
    }

    pub(crate) fn with_unpaid_refunds(self, unpaid_refunds: Amount) -> PaymentStatus {
        match self {
            PaymentStatus::Approved { .. } => PaymentStatus::Approved { unpaid_refunds },
            PaymentStatus::Held { release_on, .. } => {
                PaymentStatus::Held { unpaid_refunds, release_on }
            }
            PaymentStatus::Released { .. } => PaymentStatus::Released { unpaid_refunds },
            other => other,
        }
    }

    /// Whether it is no payment, but how a parcel ended without a delivery.
    pub(crate) fn ends_parcel(&self) -> bool {
        matches!(self, PaymentStatus::Returned | PaymentStatus::Lost | PaymentStatus::Cancelled)
    }

    /// Whether only a refund or chargeback can still change it.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            PaymentStatus::Declined | PaymentStatus::Reversed => true,
            PaymentStatus::Expired | PaymentStatus::Rejected => true,
            status if status.ends_parcel() => true,
            PaymentStatus::Released { unpaid_refunds, .. } => unpaid_refunds.is_zero(),
            _ => false,
        }
    }
}

/// A payment, or how a parcel ended without one. Outlives the parcel's record, because money moves
/// after the delivery. 88 bytes.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct PaymentRecord {
    pub parcel: ParcelId,
    pub amount: Amount,
    pub fees: Amount,
    /// Refunds, and chargebacks that are not won.
    pub refunded: Amount,
    pub status: PaymentStatus,
    pub seller: u32,
    pub courier: u32,
    /// The payment before this one.
    pub previous: u32,
    /// The date of collection. When the parcel is delivered, the delivery date. For a parcel that
    /// ended without payment, the date it ended.
    pub date: BusinessDate,
    /// The network or wallet. Of cash: 1 once a firm's sheet stated it.
    pub rail: u16,
    pub tariff_version: u16,
    /// The seller's class in that version.
    pub class: SellerClassNumber,
    pub number: u8,
    pub method: PaymentMethod,
    /// Number of refunds and chargebacks.
    pub refund_count: u8,
    /// Number of refund confirmations.
    pub confirmations: u8,
    /// Cash that the firm guarantees and the bank has not credited yet. It waits for a deposit.
    pub guaranteed: bool,
    /// On a closed parcel's newest record.
    pub history: ParcelHistory,
}

/// In the place of the rail of cash.
const ON_SHEET: u16 = 1;

/// A refund or chargeback under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct RefundRecord {
    pub kind: RefundKind,
    pub amount: Amount,
    /// The day on which the books learnt of it.
    pub date: BusinessDate,
    /// Whether the parcel was delivered by then. Such a refund does not make the amount due again.
    pub after_delivery: bool,
    pub decided_by: Option<TwoPeople>,
}

impl RefundRecord {
    pub(crate) fn new(kind: RefundKind, amount: Amount, date: BusinessDate) -> RefundRecord {
        RefundRecord { kind, amount, date, after_delivery: false, decided_by: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum RefundKind {
    Refund,
    /// Begun at a terminal, which has its own number for it.
    TerminalRefund,
    ChargeBack,
    /// Owed because the parcel was refused or lost, whose command has no number for it.
    ParcelEnded,
    /// The part of an offline sale beyond what was left to collect. Always number 1.
    Excess,
    /// The part of a won chargeback that nobody waits to collect.
    WonForBuyer,
    /// Not for the buyer: whoever bore the loss of a rejected sale gets it back, because its parcel
    /// is refused or lost.
    LossReturned,
}

impl RefundKind {
    /// Whether it is owed to the buyer.
    pub(crate) fn is_owed(self) -> bool {
        !matches!(self, RefundKind::ChargeBack | RefundKind::LossReturned)
    }
}

/// An offline sale that was posted to suspense.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct SuspendedSale {
    pub break_id: BreakId,
    pub reason: SuspenseReason,
    pub rail: u16,
    pub method: PaymentMethod,
    pub amount: Amount,
    /// Who had the terminal.
    pub courier: u32,
    /// The day by whose tariff version it is charged.
    pub day: BusinessDate,
    /// Whether a line of the network's file paid it.
    pub cleared: bool,
    /// `None` while it is in suspense.
    pub end: Option<SuspendedSaleEnd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum SuspendedSaleEnd {
    Resolved(SuspendedSaleResolution),
    /// By the network.
    Rejected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct SuspendedSaleResolution {
    pub decision: SuspendedSaleDecision,
    pub proposed_by: PersonId,
    pub approved_by: PersonId,
    /// How it was paid, if it was owed to the buyer.
    pub paid_back: Option<RefundConfirmation>,
}

/// An offline sale of a parcel that its network rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct RejectedSale {
    /// Who bears the loss, if there is one.
    pub loss: Option<LossOwner>,
    /// The day of the network's answer, and its code.
    pub rejected_on: BusinessDate,
    pub code: ResponseCode,
    /// Whether the parcel was delivered by then. Such an amount is not due again.
    pub after_delivery: bool,
}

/// A confirmation of refunds under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct RefundConfirmation {
    pub bank: BankId,
    pub amount: Amount,
}

impl PaymentRecord {
    /// Whether a firm's sheet stated this cash.
    pub(crate) fn is_on_sheet(&self) -> bool {
        self.method == PaymentMethod::Cash && self.rail == ON_SHEET
    }

    pub(crate) fn set_on_sheet(&mut self) {
        assert_eq!(self.method, PaymentMethod::Cash, "a sheet states cash only");
        self.rail = ON_SHEET;
    }

    pub(crate) fn id(&self) -> PaymentId {
        PaymentId { parcel: self.parcel, number: self.number }
    }

    /// Whether the amount counts as collected. A payment with a pending void or reversal still
    /// counts.
    pub(crate) fn is_collected(&self) -> bool {
        self.status.unpaid_refunds().is_some() || matches!(self.status, PaymentStatus::Reversing(_))
    }

    /// The collected amount less refunds and chargebacks.
    pub(crate) fn standing(&self) -> Amount {
        if !self.is_collected() {
            return Amount::ZERO;
        }
        self.amount.checked_sub(self.refunded).expect("refunds never exceed the amount collected")
    }

    /// What a refund can take from the seller's held account.
    pub(crate) fn refundable_from_held(&self) -> Amount {
        let released = matches!(self.status, PaymentStatus::Released { .. });
        if released { Amount::ZERO } else { self.held_share() }
    }

    /// The part of its share still on the seller's held account before release.
    pub(crate) fn held_share(&self) -> Amount {
        let share = self.amount.checked_sub(self.fees).expect("fees never exceed the amount");
        share.saturating_sub(self.refunded)
    }
}

const _: () = assert!(size_of::<PaymentMethod>() == 1);
const _: () = assert!(size_of::<PaymentRecord>() == 88, "there are millions of these");
