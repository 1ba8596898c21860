use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount in minor units (fen, centavos), never negative. The context gives the currency.
///
/// At most [`Amount::MAX`], so that every amount fits a SQL integer. Limits of JSON numbers are
/// checked where JSON is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64")]
#[schemars(extend("unit" = "minor units"))]
pub struct Amount(#[schemars(range(max = 9_223_372_036_854_775_807_u64))] u64);

impl TryFrom<u64> for Amount {
    type Error = &'static str;

    fn try_from(minor: u64) -> Result<Amount, &'static str> {
        Amount::new(minor).ok_or("the amount is above 9223372036854775807 minor units")
    }
}

impl BorshDeserialize for Amount {
    /// Refuses what [`Amount::new`] refuses, so that no amount read from bytes can overflow a sum.
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Amount> {
        let minor = u64::deserialize_reader(reader)?;
        let above = || io::Error::new(io::ErrorKind::InvalidData, "an amount above Amount::MAX");
        Amount::new(minor).ok_or_else(above)
    }
}

impl Amount {
    pub const ZERO: Amount = Amount(0);
    /// 2⁶³ − 1 minor units.
    pub const MAX: Amount = Amount(i64::MAX.unsigned_abs());
    /// The most that one command or one sum of a tariff can have: 12 digits, as in field 4 of
    /// ISO 8583. 9,999,999,999.99 CNY, 999,999,999,999 JPY.
    pub const ENTRY_MAX: Amount = Amount(999_999_999_999);

    /// `None` above [`Amount::MAX`].
    #[must_use]
    pub const fn new(minor: u64) -> Option<Amount> {
        if minor <= Self::MAX.0 { Some(Amount(minor)) } else { None }
    }

    /// For constants, and for values that were an amount before.
    ///
    /// # Panics
    /// Above [`Amount::MAX`]. For outside input use [`Amount::new`].
    #[must_use]
    pub const fn of(minor: u64) -> Amount {
        assert!(minor <= Self::MAX.0, "an amount above Amount::MAX");
        Amount(minor)
    }

    #[must_use]
    pub const fn minor(self) -> u64 {
        self.0
    }

    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `None` above [`Amount::MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Amount) -> Option<Amount> {
        // Two values below 2⁶³ cannot overflow a u64.
        Amount::new(self.0 + other.0)
    }

    /// `None` if `other` is larger.
    #[must_use]
    pub const fn checked_sub(self, other: Amount) -> Option<Amount> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Amount(rest)),
            None => None,
        }
    }

    /// Zero if `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Amount) -> Amount {
        Amount(self.0.saturating_sub(other.0))
    }

    /// Splits the amount into `weights.len()` parts that add up to it exactly. Each part is its
    /// exact share rounded down. The remaining minor units go one each to the largest remainders,
    /// the earlier part first if two are equal.
    ///
    /// If all weights are zero, the first part gets everything. Without weights there are no parts.
    #[must_use]
    pub fn split(self, weights: &[u64]) -> Vec<Amount> {
        let total: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
        if total == 0 {
            let mut parts = vec![Amount::ZERO; weights.len()];
            if let Some(first) = parts.first_mut() {
                *first = self;
            }
            return parts;
        }
        let mut remainders: Vec<(u128, usize)> = Vec::with_capacity(weights.len());
        let mut parts: Vec<u64> = Vec::with_capacity(weights.len());
        for (place, &weight) in weights.iter().enumerate() {
            let product = u128::from(self.0) * u128::from(weight);
            let part = u64::try_from(product / total).expect("a part is at most the whole");
            parts.push(part);
            remainders.push((product % total, place));
        }
        let left = self.0 - parts.iter().sum::<u64>();
        remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        for &(_, place) in remainders.iter().cycle().take(usize::try_from(left).unwrap_or(0)) {
            parts[place] += 1;
        }
        parts.into_iter().map(Amount).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_limits_are_refused_not_wrapped() {
        assert_eq!(Amount::MAX.checked_add(Amount::of(1)), None);
        assert_eq!(Amount::new(u64::MAX), None);
        assert_eq!(Amount::ZERO.checked_sub(Amount::of(1)), None);
    }

    #[test]
    fn bytes_above_the_largest_amount_are_refused() {
        let largest = borsh::to_vec(&Amount::MAX).unwrap();
        assert_eq!(borsh::from_slice::<Amount>(&largest).unwrap(), Amount::MAX);
        let above = (Amount::MAX.minor() + 1).to_le_bytes();
        assert!(borsh::from_slice::<Amount>(&above).is_err());
    }

    #[test]
    fn a_split_gives_the_odd_units_to_the_largest_remainders() {
        let parts = Amount::of(100).split(&[1, 1, 1]);
        assert_eq!(parts, [Amount::of(34), Amount::of(33), Amount::of(33)]);
        assert_eq!(Amount::of(5).split(&[0, 0]), [Amount::of(5), Amount::ZERO]);
    }

    proptest! {
        #[test]
        fn a_split_adds_up(
            minor in 0..=Amount::MAX.minor(),
            weights in prop::collection::vec(any::<u64>(), 1..9),
        ) {
            let parts = Amount::of(minor).split(&weights);
            let sum: u128 = parts.iter().map(|part| u128::from(part.minor())).sum();
            prop_assert_eq!(sum, u128::from(minor));
        }
    }
}
