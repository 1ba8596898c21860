use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Amount;

/// An amount in minor units that can be below zero: at most [`Amount::MAX`] on either side. The
/// context gives the currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "i64")]
#[schemars(extend("unit" = "minor units"))]
pub struct SignedAmount(#[schemars(range(min = -9_223_372_036_854_775_807_i64))] i64);

impl TryFrom<i64> for SignedAmount {
    type Error = &'static str;

    fn try_from(minor: i64) -> Result<SignedAmount, &'static str> {
        SignedAmount::new(minor).ok_or("the amount is below -9223372036854775807 minor units")
    }
}

impl BorshDeserialize for SignedAmount {
    /// Refuses what [`SignedAmount::new`] refuses.
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<SignedAmount> {
        let minor = i64::deserialize_reader(reader)?;
        let below = || io::Error::new(io::ErrorKind::InvalidData, "a signed amount out of range");
        SignedAmount::new(minor).ok_or_else(below)
    }
}

impl SignedAmount {
    pub const ZERO: SignedAmount = SignedAmount(0);

    /// `None` for the one value whose opposite is above [`Amount::MAX`].
    #[must_use]
    pub const fn new(minor: i64) -> Option<SignedAmount> {
        if minor == i64::MIN { None } else { Some(SignedAmount(minor)) }
    }

    /// For constants, and for values that were a signed amount before.
    ///
    /// # Panics
    /// If the value is out of range. For outside input use [`SignedAmount::new`].
    #[must_use]
    pub const fn of(minor: i64) -> SignedAmount {
        match SignedAmount::new(minor) {
            Some(amount) => amount,
            None => panic!("a signed amount out of range"),
        }
    }

    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The amount without its sign.
    #[must_use]
    pub const fn magnitude(self) -> Amount {
        Amount::of(self.0.unsigned_abs())
    }
}

impl From<Amount> for SignedAmount {
    fn from(amount: Amount) -> SignedAmount {
        SignedAmount::of(i64::try_from(amount.minor()).expect("an amount is below 2⁶³"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_amount_has_an_amount_on_either_side() {
        for minor in [0, 1, -1, i64::MAX, -i64::MAX] {
            let amount = SignedAmount::new(minor).expect("in range");
            assert_eq!(amount.magnitude().minor(), minor.unsigned_abs());
            let bytes = borsh::to_vec(&amount).expect("into memory");
            assert_eq!(borsh::from_slice::<SignedAmount>(&bytes).expect("as written"), amount);
            let json = serde_json::to_string(&amount).expect("a number");
            assert_eq!(serde_json::from_str::<SignedAmount>(&json).expect("as written"), amount);
        }
        assert_eq!(SignedAmount::new(i64::MIN), None);
        let bytes = borsh::to_vec(&i64::MIN).expect("into memory");
        assert!(borsh::from_slice::<SignedAmount>(&bytes).is_err());
        assert!(serde_json::from_str::<SignedAmount>(&i64::MIN.to_string()).is_err());
    }
}
