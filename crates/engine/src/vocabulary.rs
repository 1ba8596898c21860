//! The small words of commands: kinds, reasons, rules and outcomes. Like commands they stand in
//! journals: variants are only added, at the end.

use borsh::{BorshDeserialize, BorshSerialize};
use tariff::CardKind;

use crate::ids::{BankId, FirmId, NetworkId, WalletId};

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
