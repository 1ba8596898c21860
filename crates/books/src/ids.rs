//! One identifier type per thing, so a courier's id cannot be passed as a terminal's.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use machine::{derive_identifier, identifiers};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::SHIPMENTS_PER_ORDER_MAX;

pub use machine::{NetworkId, PersonId, TerminalId, WalletId};

identifiers! {
    FirmId,
    CourierId,
    /// One of Doorstep's bank accounts.
    BankId,
    SellerId,
    TariffId,
    /// A courier's hand-over of cash at a hub.
    HandOverId,
    /// A courier firm's deposit at a bank.
    DepositId,
    PlanId,
    /// The books count payouts from 1.
    PayoutId,
    BreakId,
    /// The books count open items from 1.
    OpenItemId,
}

/// Derived from the seller, its order reference and the shipment's number, so a repeated
/// announcement is recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize)]
pub struct ParcelId([u64; 2]);

machine::json_as_text!(ParcelId, "^[0-9a-f]{32}$", "parcel");

impl fmt::Display for ParcelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.bits())
    }
}

impl FromStr for ParcelId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<ParcelId, &'static str> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let canonical = text.len() == 32 && text.bytes().all(is_digit);
        let bits = u128::from_str_radix(text, 16).ok().filter(|_| canonical);
        bits.map(ParcelId::new).ok_or("a parcel id is 32 hexadecimal digits, a to f in lower case")
    }
}

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

    /// Derives the id of the first shipment of a seller's order.
    #[must_use]
    pub fn derived(seller: SellerId, order: &str) -> ParcelId {
        let hash = derive_identifier("ParcelId", &[&seller.0.to_string(), order]);
        ParcelId::new(u128::from_be_bytes(hash[..16].try_into().expect("sixteen bytes")))
    }

    /// The id of the order's shipment with this number, from that of its first shipment. The number
    /// is in the first three bits, the first character of the waybill. The same again gives the id
    /// of the first shipment.
    ///
    /// # Panics
    /// The number is not 1 to [`SHIPMENTS_PER_ORDER_MAX`].
    #[must_use]
    pub const fn shipment(self, number: u8) -> ParcelId {
        assert!(number >= 1 && number <= SHIPMENTS_PER_ORDER_MAX, "three bits");
        ParcelId([self.0[0] ^ ((number - 1) as u64) << 61, self.0[1]])
    }

    /// Lower half of the bits, for the fingerprint.
    #[inline]
    pub(crate) const fn low_bits(self) -> u64 {
        self.0[1]
    }
}

/// One attempt to take money for a parcel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct PaymentId {
    pub parcel: ParcelId,
    /// Position among the parcel's payments, from 1.
    pub number: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_one_text() {
        for number in [0, 5, u64::MAX] {
            let written = SellerId(number).to_string();
            assert_eq!(written.parse(), Ok(SellerId(number)));
        }
        for other in
            ["", "+5", "-5", "05", "00", " 5", "5 ", "5.0", "0x5", "٥", "18446744073709551616"]
        {
            assert_eq!(other.parse::<SellerId>(), Err(machine::IdentifierError), "{other:?}");
            let json = serde_json::to_string(other).expect("a text");
            let error = serde_json::from_str::<SellerId>(&json).expect_err(other).to_string();
            assert!(error.starts_with("an identifier is a decimal number"), "{error}");
        }
        assert!(serde_json::from_str::<SellerId>("5").is_err(), "a number loses digits");
    }

    #[test]
    fn a_parcel_id_has_one_text() {
        let written = "f86a1851571173afc1979796ec04bd87";
        assert_eq!(written.parse::<ParcelId>().map(|id| id.to_string()), Ok(written.to_owned()));
        let upper = written.to_uppercase();
        let signed = format!("+{}", &written[1..]);
        for other in ["", &written[1..], &upper, &signed, &format!("{written}0")] {
            assert!(other.parse::<ParcelId>().is_err(), "{other:?}");
            let json = serde_json::to_string(other).expect("a text");
            let error = serde_json::from_str::<ParcelId>(&json).expect_err(other).to_string();
            assert!(error.starts_with("a parcel id is 32 hexadecimal digits"), "{error}");
        }
    }

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

    #[test]
    fn the_shipments_of_an_order_have_ids_of_their_own() {
        let first = ParcelId::derived(SellerId(1), "order-1");
        let ids: Vec<_> = (1..=SHIPMENTS_PER_ORDER_MAX).map(|n| first.shipment(n)).collect();
        assert_eq!(ids[0], first);
        assert_eq!(ids[1].to_string(), "d86a1851571173afc1979796ec04bd87");
        assert_eq!(ids[7].to_string(), "186a1851571173afc1979796ec04bd87");
        for (number, id) in (1..).zip(&ids) {
            assert_eq!(id.shipment(number), first);
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1);
        }
    }
}
