//! Identifiers of the market, and keyed tokens in the place of personal data.

use std::fmt;
use std::str::FromStr;

use books::SellerId;
use borsh::{BorshDeserialize, BorshSerialize};
use machine::identifiers;

identifiers! {
    /// What a seller offers, in one or more variants.
    OfferId,
    /// What a buyer chooses: an offer in one size and colour. It has a price and a stock.
    VariantId,
    CategoryId,
    PromotionId,
    /// Units that are set aside for a buyer who wants to think.
    ReservationId,
    /// A buyer's order, from one or more sellers.
    OrderId,
}

impl OfferId {
    /// The offer with a seller's own reference. Same input, same identifier.
    #[must_use]
    pub fn of_reference(seller: SellerId, reference: &str) -> OfferId {
        OfferId::derived(&format!("{seller}/{reference}"))
    }
}

impl VariantId {
    /// The variant with a number of the seller's article. Same input, same identifier.
    #[must_use]
    pub fn of_sku(offer: OfferId, sku: &str) -> VariantId {
        VariantId::derived(&format!("{offer}/{sku}"))
    }
}

/// A keyed token is not 32 hexadecimal digits in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is 32 hexadecimal digits, a to f in lower case")]
pub struct TokenError;

/// Declares a keyed token: 16 bytes that only the holder of the key can make.
macro_rules! tokens {
    ($($(#[doc = $doc:literal])* $name:ident, $format:literal;)+) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(BorshSerialize, BorshDeserialize)]
        pub struct $name(pub [u8; 16]);

        machine::json_as_text!($name, "^[0-9a-f]{32}$", $format);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::LowerHex::fmt(&base16ct::HexDisplay(&self.0), f)
            }
        }

        impl FromStr for $name {
            type Err = TokenError;

            fn from_str(text: &str) -> Result<$name, TokenError> {
                let mut token = [0; 16];
                let decoded = base16ct::lower::decode(text, &mut token).map(<[u8]>::len);
                if decoded == Ok(token.len()) { Ok($name(token)) } else { Err(TokenError) }
            }
        }
    )+};
}

tokens! {
    /// A buyer: the first half of an HMAC-SHA-256 of the account or the verified phone number. The
    /// market never knows who it is.
    BuyerToken, "buyer";
    /// A coupon code: the first half of its HMAC-SHA-256. The code itself is never kept.
    CouponToken, "coupon";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_text() {
        let text = "00ff0123456789abcdef00000000000a";
        let token: BuyerToken = text.parse().unwrap();
        assert_eq!((token.0[1], token.to_string().as_str()), (0xFF, text));
        for other in ["", &text[2..], &text.to_uppercase(), &format!("{text}00")] {
            assert_eq!(other.parse::<CouponToken>(), Err(TokenError), "{other:?}");
        }
    }
}
