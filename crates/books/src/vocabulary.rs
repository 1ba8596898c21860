//! Kinds, reasons, rules and outcomes in commands. They are journaled: only add variants, at the
//! end.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tariff::CardKind;

use crate::ids::{BankId, FirmId, NetworkId, WalletId};
use crate::payment::codes::{AuthorisationCode, ResponseCode, WalletPaymentId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum SellerKind {
    Individual,
    Business,
}

/// A two-letter country code of ISO 3166-1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize)]
pub struct Jurisdiction(pub [u8; 2]);

machine::json_as_text!(Jurisdiction, "^[A-Z]{2}$", "country");

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl FromStr for Jurisdiction {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Jurisdiction, &'static str> {
        let code = text
            .as_bytes()
            .try_into()
            .ok()
            .filter(|code: &[u8; 2]| code.iter().all(u8::is_ascii_uppercase));
        code.map(Jurisdiction).ok_or("a jurisdiction is two capital letters of ISO 3166-1")
    }
}

/// When received money becomes payable. Money of a parcel that is not delivered waits for the
/// delivery under each rule, or until nothing of it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum HoldRule {
    /// On receipt of a delivered parcel's money, in the same command.
    AtOnce,
    /// This many days after receipt ("D+n").
    DaysAfterHeld(u16),
    /// On receipt, but not before this many days after delivery. Thailand requires five days.
    DaysAfterDelivery(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum SettlementCycle {
    Daily,
    Weekly,
    Monthly,
}

/// Why a delivery attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum AttemptReason {
    NobodyHome,
    AddressWrong,
    /// The buyer asked for another day.
    AnotherDay,
    CannotPay,
    /// The courier's day ended first.
    OutOfTime,
}

/// Why a parcel was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum RefuseReason {
    NotWanted,
    NotAsOrdered,
    Damaged,
    AmountDisputed,
    /// The last attempt failed.
    AttemptsUsedUp,
}

/// Where a payment goes: a network with the card's kind, or a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum PaymentRoute {
    Card {
        /// The chosen network.
        network: NetworkId,
        kind: CardKind,
    },
    /// By QR code.
    Qr { wallet: WalletId },
}

/// The outcome of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum PaymentResolution {
    Approved(Approval),
    Declined {
        code: ResponseCode,
    },
    /// No response in time. The payment is reversed (M4). A late approval changes nothing, even
    /// after the reversal or a decline. A late decline ends the payment.
    Unknown,
}

/// What approved a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum Approval {
    /// The network of a card payment, with its authorisation code if it sent one.
    Network(Option<AuthorisationCode>),
    /// The wallet of a QR payment.
    Wallet(WalletPaymentId),
}

/// Where a break was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum BreakSubject {
    /// A bank account.
    Bank(BankId),
    /// A network's receivable.
    Network(NetworkId),
    /// A wallet's receivable.
    Wallet(WalletId),
    /// A firm's counted cash.
    FirmCash(FirmId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum BreakSide {
    /// More than in the books.
    Excess,
    /// Less than in the books.
    Shortfall,
}

/// Why two persons close an open item. Nothing is posted: what is missing at a network, in a bank
/// account or in a firm's cash is found there, and is a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum OpenItemReason {
    /// The books are right: the terminal lost lines or kept wrong ones.
    BooksAreRight,
    /// The terminal is right, and the books were corrected by other commands.
    BooksWereCorrected,
    /// Nobody can tell any more.
    Untraceable,
}

/// How a break is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum BreakResolution {
    /// At Doorstep's cost or gain.
    WriteOff,
    /// Through a bank account: an excess is paid back, a shortfall is paid in.
    ThroughBank(BankId),
}

/// What is unusual about an offline sale that is in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum OfflineSaleFlag {
    /// The courier who has the terminal does not have the parcel.
    OtherCourier,
    /// The parcel is neither out nor closed.
    ParcelNotOut,
    ParcelClosed,
    /// The amount exceeds what was left to collect.
    MoreThanDue,
    /// A card payment of the parcel had an unknown outcome.
    EarlierPaymentUnknown,
    OfflineLimitExceeded,
    NetworkWithdrawn,
    /// The terminal is blocked. The sale was made before.
    TerminalBlocked,
    /// The terminal's clock cannot be right: the sale is dated at its arrival.
    DatedOnArrival,
}

/// Why an offline sale is in suspense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum SuspenseReason {
    /// It was made after the terminal's block.
    TerminalBlocked,
    UnknownParcel,
    /// The parcel has all the payments that it can have.
    TooManyPayments,
    /// The network or the courier firm has another currency than the seller.
    OtherCurrency,
    /// No version of the seller's tariff is in force on its day.
    NoTariff,
}

/// What two persons decide about an offline sale in suspense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum SuspendedSaleDecision {
    /// It is a payment of its parcel, which the books know by now.
    BookToParcel,
    /// The whole amount is owed to the buyer.
    OweToBuyer,
}
