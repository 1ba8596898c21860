//! A sum of money in minor units.

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};

/// A sum in minor units (fen, centavos) of a currency that its context names; never negative.
///
/// The largest is [`Amount::MAX`]: an `i64`'s, so that every amount fits a SQL integer and a JSON
/// number that other people's parsers read whole is checked at the edge, not here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Amount(u64);

impl BorshDeserialize for Amount {
    /// Refuses what [`Amount::new`] refuses: bytes from outside make no amount that sums could wrap
    /// on.
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Amount> {
        let minor = u64::deserialize_reader(reader)?;
        let above = || io::Error::new(io::ErrorKind::InvalidData, "an amount above Amount::MAX");
        Amount::new(minor).ok_or_else(above)
    }
}

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);
    /// The largest amount, 2⁶³ − 1 minor units.
    pub const MAX: Amount = Amount(i64::MAX.unsigned_abs());

    /// `minor` minor units; `None` above [`Amount::MAX`].
    #[must_use]
    pub const fn new(minor: u64) -> Option<Amount> {
        if minor <= Self::MAX.0 { Some(Amount(minor)) } else { None }
    }

    /// `minor` minor units, for constants and for values that were an amount before.
    ///
    /// # Panics
    /// Above [`Amount::MAX`]. Outside input goes through [`Amount::new`].
    #[must_use]
    pub const fn of(minor: u64) -> Amount {
        assert!(minor <= Self::MAX.0, "an amount above Amount::MAX");
        Amount(minor)
    }

    /// In minor units.
    #[must_use]
    pub const fn minor(self) -> u64 {
        self.0
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum; `None` above [`Amount::MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Amount) -> Option<Amount> {
        // Two values below 2⁶³ cannot wrap a u64.
        Amount::new(self.0 + other.0)
    }

    /// What is left; `None` where `other` is more.
    #[must_use]
    pub const fn checked_sub(self, other: Amount) -> Option<Amount> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Amount(rest)),
            None => None,
        }
    }

    /// What is left, nothing where `other` is more.
    #[must_use]
    pub const fn saturating_sub(self, other: Amount) -> Amount {
        Amount(self.0.saturating_sub(other.0))
    }

    /// Cuts the amount into `weights.len()` parts that add up to it exactly, each as near to its
    /// weight as whole minor units allow. The units that are left after rounding down go one each
    /// to the largest remainders, the earlier part first where two are equal.
    ///
    /// Without any weight above zero the whole goes to the first part; no weights, no parts.
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
