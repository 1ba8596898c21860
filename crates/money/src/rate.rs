use std::fmt;
use std::io;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Amount;

/// A share in parts per million, 0 to 1,000,000. 0.78% is 7,800.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
#[schemars(extend("unit" = "parts per million"))]
pub struct Rate(#[schemars(range(max = 1_000_000))] u32);

impl TryFrom<u32> for Rate {
    type Error = &'static str;

    fn try_from(ppm: u32) -> Result<Rate, &'static str> {
        Rate::from_ppm(ppm).ok_or("the rate is above 1000000 parts per million")
    }
}

impl BorshDeserialize for Rate {
    /// Refuses what [`Rate::from_ppm`] refuses.
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Rate> {
        let ppm = u32::deserialize_reader(reader)?;
        let above = || io::Error::new(io::ErrorKind::InvalidData, "a rate above 100%");
        Rate::from_ppm(ppm).ok_or_else(above)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    #[error(
        "`{0}` is not a rate: write a percentage with at most four decimals, for example 0.55%"
    )]
    Malformed(String),
    #[error("`{0}` is more than 100%")]
    AboveWhole(String),
    #[error("`{0}` is negative; a rate is 0% or more")]
    Negative(String),
}

impl Rate {
    pub const ZERO: Rate = Rate(0);
    /// 100% in parts per million.
    pub const WHOLE_PPM: u32 = 1_000_000;

    /// `None` above 100%.
    #[must_use]
    pub const fn from_ppm(ppm: u32) -> Option<Rate> {
        if ppm <= Self::WHOLE_PPM { Some(Rate(ppm)) } else { None }
    }

    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// The share of `amount`, rounded half up to the minor unit.
    ///
    /// Each fee component is rounded this way, once (M8).
    #[must_use]
    pub fn of(self, amount: Amount) -> Amount {
        const WHOLE: u64 = Rate::WHOLE_PPM as u64;
        let (minor, ppm) = (amount.minor(), u64::from(self.0));
        // The product of ordinary amounts fits 64 bits, and a 64-bit division is several times
        // faster than a 128-bit one. Only products above 2⁶⁴ take the slow path.
        let share = match minor.checked_mul(ppm).and_then(|product| product.checked_add(WHOLE / 2))
        {
            Some(rounded) => rounded / WHOLE,
            None => {
                let rounded = u128::from(minor) * u128::from(ppm) + u128::from(WHOLE / 2);
                u64::try_from(rounded / u128::from(WHOLE)).expect("a share is at most the whole")
            }
        };
        Amount::of(share)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    /// Parses `0.55%`: digits, at most four decimals, a percent sign.
    fn from_str(text: &str) -> Result<Rate, RateError> {
        let malformed = || RateError::Malformed(text.chars().take(20).collect());
        let number = text.strip_suffix('%').ok_or_else(malformed)?;
        if number
            .strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        {
            return Err(RateError::Negative(text.chars().take(20).collect()));
        }
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, 6) || !digits(decimals, 4) {
            return Err(malformed());
        }
        let whole: u64 = whole.parse().map_err(|_| malformed())?;
        let decimals: u64 = format!("{decimals:0<4}").parse().map_err(|_| malformed())?;
        u32::try_from(whole * 10_000 + decimals)
            .ok()
            .and_then(Rate::from_ppm)
            .ok_or_else(|| RateError::AboveWhole(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    /// A percentage without trailing zeros: `0.55%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.0 / 10_000, self.0 % 10_000);
        if decimals == 0 {
            return write!(f, "{whole}%");
        }
        let decimals = format!("{decimals:04}");
        write!(f, "{whole}.{}%", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_a_unit_rounds_up() {
        let rate = Rate::from_ppm(5_000).unwrap();
        assert_eq!(rate.of(Amount::of(100)), Amount::of(1), "0.5 rounds up");
        assert_eq!(rate.of(Amount::of(99)), Amount::of(0), "0.495 rounds down");
    }

    #[test]
    fn bytes_above_the_whole_are_refused() {
        let whole = Rate::WHOLE_PPM.to_le_bytes();
        assert_eq!(borsh::from_slice::<Rate>(&whole).unwrap().ppm(), Rate::WHOLE_PPM);
        assert!(borsh::from_slice::<Rate>(&(Rate::WHOLE_PPM + 1).to_le_bytes()).is_err());
    }

    #[test]
    fn a_rate_is_read_as_it_is_written() {
        for text in ["0%", "0.55%", "0.0325%", "100%", "7.8%"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!("100.0001%".parse::<Rate>(), Err(RateError::AboveWhole("100.0001%".into())));
        assert_eq!("-1%".parse::<Rate>(), Err(RateError::Negative("-1%".into())));
        for text in ["", "%", "0.55", "-%", "1.23456%", ".5%", "5.%", "1e1%", " 1%"] {
            assert!(matches!(text.parse::<Rate>(), Err(RateError::Malformed(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_short_way_and_the_long_way_agree(
            minor in 0..=Amount::MAX.minor(),
            ppm in 0..=Rate::WHOLE_PPM,
        ) {
            let exact = (u128::from(minor) * u128::from(ppm) + 500_000) / 1_000_000;
            prop_assert_eq!(u128::from(Rate(ppm).of(Amount::of(minor)).minor()), exact);
        }
    }
}
