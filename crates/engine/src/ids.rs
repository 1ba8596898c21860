//! One type of identifier per thing, so that a courier's cannot be passed for a terminal's.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha256};

macro_rules! identifiers {
    ($($(#[doc = $doc:literal])+ $name:ident),+ $(,)?) => {$(
        $(#[doc = $doc])+
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize,
            BorshDeserialize,
        )]
        pub struct $name(pub u64);

        impl $name {
            /// The identifier that belongs to somebody's own reference, the same every time.
            #[must_use]
            pub fn derived(reference: &str) -> $name {
                let hash = derive(stringify!($name), &[reference]);
                $name(u64::from_be_bytes(hash[..8].try_into().expect("eight bytes")))
            }
        }
    )+};
}

identifiers! {
    /// A courier firm.
    FirmId,
    /// A courier.
    CourierId,
    /// A terminal at the door.
    TerminalId,
    /// A card network.
    NetworkId,
    /// A QR wallet.
    WalletId,
    /// A bank account of Doorstep's.
    BankId,
    /// A seller.
    SellerId,
    /// A tariff.
    TariffId,
    /// A courier's hand-over of cash at a hub.
    HandOverId,
    /// A courier firm's deposit at a bank.
    DepositId,
    /// A settlement plan.
    PlanId,
    /// A payout; the engine counts them up from 1.
    PayoutId,
    /// A reconciliation break.
    BreakId,
    /// A person who acts: an operator, a hub's cashier, a courier.
    PersonId,
}

/// A parcel. Made from the seller and the seller's own reference of the order, so that announcing
/// the same parcel twice is seen as that.
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
    /// From its 128 bits.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    pub const fn new(bits: u128) -> ParcelId {
        ParcelId([(bits >> 64) as u64, bits as u64])
    }

    /// Its 128 bits.
    #[must_use]
    pub const fn bits(self) -> u128 {
        ((self.0[0] as u128) << 64) | self.0[1] as u128
    }

    /// The parcel of an order at a seller.
    #[must_use]
    pub fn derived(seller: SellerId, order: &str) -> ParcelId {
        let hash = derive("ParcelId", &[&seller.0.to_string(), order]);
        ParcelId::new(u128::from_be_bytes(hash[..16].try_into().expect("sixteen bytes")))
    }

    /// The lower half, for mixing.
    #[inline]
    pub(crate) const fn low(self) -> u64 {
        self.0[1]
    }
}

/// A tender of a parcel: the first attempt to take money for it is number 1.
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
pub struct TenderId {
    /// The parcel.
    pub parcel: ParcelId,
    /// Which of its tenders, counted up from 1.
    pub number: u8,
}

/// SHA-256 over the kind and the texts, each with its length before it so that no two lists of
/// texts give the same bytes.
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
        // Written into journals: they must never change. The values were computed apart from this
        // code, with Python's hashlib: SHA-256 over each text with its length before it in eight
        // bytes, big-endian; the first eight bytes of it, sixteen for a parcel.
        assert_eq!(SellerId::derived("s-1"), SellerId(15_815_239_971_794_137_981));
        assert_eq!(CourierId::derived("x"), CourierId(0x511c_0301_aa55_0446));
        assert_eq!(
            ParcelId::derived(SellerId(1), "order-1"),
            ParcelId::new(0xf86a_1851_5711_73af_c197_9796_ec04_bd87)
        );
        assert_ne!(SellerId::derived("x").0, CourierId::derived("x").0);
    }
}
