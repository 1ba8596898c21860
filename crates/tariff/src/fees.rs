//! The fees of one collection.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;

/// What a fee is for, in the order in which fees are taken.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum FeeKind {
    /// The card issuer's part; the network keeps it back at clearing.
    Issuer,
    /// The card network's part; the network keeps it back at clearing.
    Network,
    /// The acquirer's part, Doorstep's own.
    Acquirer,
    /// The wallet's part of a payment by QR; the wallet keeps it back at clearing.
    Wallet,
    /// The courier firm's commission.
    Commission,
    /// Doorstep's fee for collecting at the door.
    Cod,
    /// For bringing a refused parcel back. Not part of a collection.
    Return,
}

impl FeeKind {
    /// All kinds, in their order.
    pub const ALL: [FeeKind; 7] = [
        FeeKind::Issuer,
        FeeKind::Network,
        FeeKind::Acquirer,
        FeeKind::Wallet,
        FeeKind::Commission,
        FeeKind::Cod,
        FeeKind::Return,
    ];

    /// Its name in files and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FeeKind::Issuer => "issuer",
            FeeKind::Network => "network",
            FeeKind::Acquirer => "acquirer",
            FeeKind::Wallet => "wallet",
            FeeKind::Commission => "commission",
            FeeKind::Cod => "cod",
            FeeKind::Return => "return",
        }
    }
}

/// The fees of one collection by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Fees([Amount; 6]);

impl Fees {
    /// The fee of a kind.
    #[must_use]
    pub fn of(&self, kind: FeeKind) -> Amount {
        self.0.get(kind as usize).copied().unwrap_or(Amount::ZERO)
    }

    pub(crate) fn set(&mut self, kind: FeeKind, fee: Amount) {
        self.0[kind as usize] = fee;
    }

    /// The kinds that are not zero, with their fees.
    pub fn iter(&self) -> impl Iterator<Item = (FeeKind, Amount)> {
        FeeKind::ALL.into_iter().zip(self.0).filter(|(_, fee)| !fee.is_zero())
    }

    /// All of them. At most the amount collected, so the sum is an amount.
    #[must_use]
    pub fn total(&self) -> Amount {
        let sum = self.0.iter().try_fold(Amount::ZERO, |sum, fee| sum.checked_add(*fee));
        sum.expect("fees never exceed the amount collected")
    }

    /// What the card network or the wallet keeps back when it clears the item.
    #[must_use]
    pub fn kept_by_network(&self) -> Amount {
        let parts = [FeeKind::Issuer, FeeKind::Network, FeeKind::Wallet].map(|kind| self.of(kind));
        let sum = parts.iter().try_fold(Amount::ZERO, |sum, fee| sum.checked_add(*fee));
        sum.expect("fees never exceed the amount collected")
    }
}
