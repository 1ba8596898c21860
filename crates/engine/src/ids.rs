//! One identifier type per thing, so a courier's id cannot be passed as a terminal's.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha256};

macro_rules! identifiers {
    ($($(#[doc = $doc:literal])* $name:ident),+ $(,)?) => {$(
        $(#[doc = $doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize,
            BorshDeserialize,
        )]
        pub struct $name(pub u64);

        impl $name {
            /// Derives the id of an external reference: always the same.
            #[must_use]
            pub fn derived(reference: &str) -> $name {
                let hash = derive(stringify!($name), &[reference]);
                $name(u64::from_be_bytes(hash[..8].try_into().expect("eight bytes")))
            }
        }
    )+};
}

identifiers! {
    FirmId,
    CourierId,
    TerminalId,
    NetworkId,
    WalletId,
    /// One of Doorstep's bank accounts.
    BankId,
    SellerId,
    TariffId,
    /// A courier's hand-over of cash at a hub.
    HandOverId,
    /// A courier firm's deposit at a bank.
    DepositId,
    PlanId,
    /// The engine counts payouts from 1.
    PayoutId,
    BreakId,
    /// A person who acts: an operator, a hub's cashier, a courier.
    PersonId,
}

/// Derived from the seller and its order reference, so a repeated announcement is recognised.
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
pub struct ParcelId([u64; 2]);

impl ParcelId {
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "only the lower half is wanted")]
    pub const fn new(bits: u128) -> ParcelId {
        ParcelId([(bits >> 64) as u64, bits as u64])
    }

    #[must_use]
    pub const fn bits(self) -> u128 {
        ((self.0[0] as u128) << 64) | self.0[1] as u128
    }

    /// Derives the id of a seller's order.
    #[must_use]
    pub fn derived(seller: SellerId, order: &str) -> ParcelId {
        let hash = derive("ParcelId", &[&seller.0.to_string(), order]);
        ParcelId::new(u128::from_be_bytes(hash[..16].try_into().expect("sixteen bytes")))
    }

    /// Lower half of the bits, for the fingerprint.
    #[inline]
    pub(crate) const fn low_bits(self) -> u64 {
        self.0[1]
    }
}

/// One attempt to take money for a parcel.
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
pub struct PaymentId {
    pub parcel: ParcelId,
    /// Position among the parcel's payments, from 1.
    pub number: u8,
}

/// SHA-256 of kind and texts. Each has its length before it, so different lists never give the same
/// bytes.
fn derive(kind: &str, texts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for text in [kind].iter().chain(texts) {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_identifiers_are_frozen() {
        // Journals hold these ids: they must never change. The values were computed separately with
        // Python's hashlib: SHA-256 over each text with its length before it as eight bytes,
        // big-endian; the first eight bytes of the hash, sixteen for a parcel.
        assert_eq!(SellerId::derived("s-1"), SellerId(15_815_239_971_794_137_981));
        assert_eq!(CourierId::derived("x"), CourierId(0x511c_0301_aa55_0446));
        assert_eq!(
            ParcelId::derived(SellerId(1), "order-1"),
            ParcelId::new(0xf86a_1851_5711_73af_c197_9796_ec04_bd87)
        );
        assert_ne!(SellerId::derived("x").0, CourierId::derived("x").0);
    }
}
