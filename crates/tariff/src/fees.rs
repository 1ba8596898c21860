//! The fees of one collection.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;
use serde::Serialize;

/// What a fee pays for. Fees are taken in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize)]
pub enum FeeKind {
    /// The card issuer's part. The network deducts it at clearing.
    Issuer,
    /// The card network's part. The network deducts it at clearing.
    Network,
    /// The acquirer's part: Doorstep's own.
    Acquirer,
    /// The wallet's part of a QR payment. The wallet deducts it at clearing.
    Wallet,
    /// The courier firm's commission.
    Commission,
    /// Doorstep's fee for collecting at the door.
    Cod,
    /// Value added tax on the commission and the COD fee. Of freight and return fee it is not part
    /// of a collection.
    Vat,
    /// The fee for returning a refused parcel. Not part of a collection.
    Return,
    /// For carrying the parcel, owed to the courier firm. Not part of a collection.
    Freight,
}

impl FeeKind {
    /// In the order in which they are taken.
    pub const ALL: [FeeKind; 9] = [
        FeeKind::Issuer,
        FeeKind::Network,
        FeeKind::Acquirer,
        FeeKind::Wallet,
        FeeKind::Commission,
        FeeKind::Cod,
        FeeKind::Vat,
        FeeKind::Return,
        FeeKind::Freight,
    ];

    /// The name in files and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FeeKind::Issuer => "issuer",
            FeeKind::Network => "network",
            FeeKind::Acquirer => "acquirer",
            FeeKind::Wallet => "wallet",
            FeeKind::Commission => "commission",
            FeeKind::Cod => "cod",
            FeeKind::Vat => "vat",
            FeeKind::Return => "return",
            FeeKind::Freight => "freight",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize)]
pub struct Fees([Amount; 7]);

impl Fees {
    #[must_use]
    pub fn of(&self, kind: FeeKind) -> Amount {
        self.0.get(kind as usize).copied().unwrap_or(Amount::ZERO)
    }

    /// Sets the fee of a kind.
    ///
    /// # Panics
    /// For return fee and freight, which are not part of a collection.
    pub fn set(&mut self, kind: FeeKind, fee: Amount) {
        self.0[kind as usize] = fee;
    }

    /// The kinds with a fee above zero.
    pub fn iter(&self) -> impl Iterator<Item = (FeeKind, Amount)> {
        FeeKind::ALL.into_iter().zip(self.0).filter(|(_, fee)| !fee.is_zero())
    }

    /// The sum of all fees. At most the amount collected.
    #[must_use]
    pub fn total(&self) -> Amount {
        let sum = self.0.iter().try_fold(Amount::ZERO, |sum, fee| sum.checked_add(*fee));
        sum.expect("fees never exceed the amount collected")
    }

    /// Charged by the service itself: commission and COD fee. Fees of cards and wallets are passed
    /// on and bear no VAT.
    #[must_use]
    pub fn bearing_vat(&self) -> Amount {
        let sum = self.of(FeeKind::Commission).checked_add(self.of(FeeKind::Cod));
        sum.expect("fees never exceed the amount collected")
    }

    /// The fee that the card network or wallet deducts at clearing.
    #[must_use]
    pub fn deducted_by_network(&self) -> Amount {
        let parts = [FeeKind::Issuer, FeeKind::Network, FeeKind::Wallet].map(|kind| self.of(kind));
        let sum = parts.iter().try_fold(Amount::ZERO, |sum, fee| sum.checked_add(*fee));
        sum.expect("fees never exceed the amount collected")
    }
}
