//! Figures as shown, and the intervals that they stand for.

use std::fmt;
use std::str::FromStr;

use dashu_int::{IBig, UBig};
use dashu_ratio::Relaxed as Exact;
use serde::Deserialize;

/// Limit on the digits of a figure.
pub const DIGITS_MAX: usize = 18;

/// A decimal with the digits that it shows: `36.10` is not `36.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownDecimal {
    is_negative: bool,
    /// All digits, without the point. Below 10^18.
    digits: u64,
    decimals: u32,
}

/// Why a text is not a figure. The text is quoted up to 24 characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FigureError {
    #[error("the figure is empty; write its digits")]
    Empty,
    #[error("`{0}` is negative; write a figure of zero or more")]
    Negative(String),
    #[error("`{0}` is zero; write a rate above zero")]
    ZeroRate(String),
    #[error("`{0}` is in scientific notation; write the digits out")]
    Scientific(String),
    #[error("`{0}` has separators of thousands; write it without them, for example 1234.5")]
    Separators(String),
    #[error("`{0}` has a percent sign; write the digits only, for example 36.1")]
    PercentSign(String),
    #[error("`{0}` has more than {DIGITS_MAX} digits; write the digits that were published")]
    TooManyDigits(String),
    #[error("`{0}` is not a figure; write digits with a decimal point, for example 437.13")]
    Malformed(String),
    #[error("`{shown}` is out of range; write a percentage from {least} to {most}")]
    OutOfRange { shown: String, least: i64, most: i64 },
}

/// At most 24 characters of a text, to be quoted.
pub(super) fn quoted(text: &str) -> String {
    text.chars().take(24).collect()
}

impl FromStr for ShownDecimal {
    type Err = FigureError;

    /// An optional minus, digits, and optionally a point and digits.
    fn from_str(text: &str) -> Result<ShownDecimal, FigureError> {
        let shown = || quoted(text);
        if text.is_empty() {
            return Err(FigureError::Empty);
        }
        let (is_negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let begins_with_digit = unsigned.starts_with(|c: char| c.is_ascii_digit());
        if begins_with_digit && unsigned.contains(['e', 'E']) {
            return Err(FigureError::Scientific(shown()));
        }
        if begins_with_digit && unsigned.contains(['%', '％']) {
            return Err(FigureError::PercentSign(shown()));
        }
        if begins_with_digit && unsigned.contains([',', '，', '\'', ' ', '_']) {
            return Err(FigureError::Separators(shown()));
        }
        let (whole, decimals) = match unsigned.split_once('.') {
            Some((whole, decimals)) if !decimals.is_empty() => (whole, decimals),
            Some(_) => return Err(FigureError::Malformed(shown())),
            None => (unsigned, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let has_leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || has_leading_zero || !all_digits(whole) || !all_digits(decimals) {
            return Err(FigureError::Malformed(shown()));
        }
        if whole.len() + decimals.len() > DIGITS_MAX {
            return Err(FigureError::TooManyDigits(shown()));
        }
        let digit = |byte: u8| u64::from(byte - b'0');
        let digits = whole.bytes().chain(decimals.bytes());
        let digits = digits.fold(0_u64, |sum, byte| sum * 10 + digit(byte));
        let decimals = u32::try_from(decimals.len()).unwrap_or(u32::MAX);
        Ok(ShownDecimal { is_negative, digits, decimals })
    }
}

impl fmt::Display for ShownDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        let unit = 10_u64.pow(self.decimals);
        let (whole, decimals) = (self.digits / unit, self.digits % unit);
        match self.decimals {
            0 => write!(f, "{sign}{whole}"),
            width => write!(f, "{sign}{whole}.{decimals:0width$}", width = width as usize),
        }
    }
}

impl ShownDecimal {
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.is_negative
    }

    /// All its digits are zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// Digits after the point.
    #[must_use]
    pub fn decimals(self) -> u32 {
        self.decimals
    }

    /// The figure is within ±`most`.
    pub(super) fn is_at_most(self, most: u64) -> bool {
        u128::from(self.digits) <= u128::from(most) * 10_u128.pow(self.decimals)
    }

    /// How many digits it shows.
    fn length(self) -> u32 {
        let needed = self.digits.checked_ilog10().map_or(1, |log| log + 1);
        needed.max(self.decimals + 1)
    }

    /// The same figure with one other digit, or with two neighbouring digits exchanged. It begins
    /// with a zero only if this one does. `true` if digits are exchanged.
    pub(super) fn misprints(self) -> impl Iterator<Item = (bool, ShownDecimal)> {
        let length = self.length();
        let digit = move |place: u32| self.digits / 10_u64.pow(place) % 10;
        let with = move |digits: u64| {
            let top = 10_u64.pow(length - 1);
            let keeps_top = digits >= top || self.digits < top || length == self.decimals + 1;
            keeps_top.then_some(ShownDecimal { digits, ..self })
        };
        let exchanged = (1..length).filter_map(move |place| {
            let (high, low) = (digit(place), digit(place - 1));
            let (unit, under) = (10_u64.pow(place), 10_u64.pow(place - 1));
            let digits = self.digits - high * unit - low * under + low * unit + high * under;
            (high != low).then(|| with(digits)).flatten().map(|figure| (true, figure))
        });
        let changed = (0..length).flat_map(move |place| {
            let (old, unit) = (digit(place), 10_u64.pow(place));
            (0..10).filter(move |&new| new != old).filter_map(move |new| {
                with(self.digits - old * unit + new * unit).map(|figure| (false, figure))
            })
        });
        exchanged.chain(changed)
    }

    /// What the figure stands for: all that is rounded to it, both ends included, since halves are
    /// rounded up by some and to even by others. `power` is that of ten of its scale.
    pub(super) fn interval(self, power: u32) -> Interval {
        let twice = i128::from(self.digits) * 2;
        let sign = if self.is_negative { -1 } else { 1 };
        let (times, under) = match power.checked_sub(self.decimals) {
            Some(more) => (10_i128.pow(more), 2),
            None => (1, 2 * 10_u64.pow(self.decimals - power)),
        };
        let end = |half_units: i128| {
            Exact::from_parts(IBig::from(half_units * sign * times), UBig::from(under))
        };
        match self.is_negative {
            false => Interval { lo: end(twice - 1), hi: end(twice + 1) },
            true => Interval { lo: end(twice + 1), hi: end(twice - 1) },
        }
    }
}

/// What amounts are given in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Scale {
    #[default]
    #[serde(rename = "")]
    Units,
    #[serde(rename = "thousand")]
    Thousand,
    #[serde(rename = "万")]
    Wan,
    #[serde(rename = "mn")]
    Million,
    #[serde(rename = "亿")]
    Yi,
    #[serde(rename = "bn")]
    Billion,
    #[serde(rename = "万亿")]
    WanYi,
    #[serde(rename = "tn")]
    Trillion,
}

impl Scale {
    pub const ALL: [Scale; 8] = [
        Scale::Units,
        Scale::Thousand,
        Scale::Wan,
        Scale::Million,
        Scale::Yi,
        Scale::Billion,
        Scale::WanYi,
        Scale::Trillion,
    ];

    /// As written in a file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scale::Units => "",
            Scale::Thousand => "thousand",
            Scale::Wan => "万",
            Scale::Million => "mn",
            Scale::Yi => "亿",
            Scale::Billion => "bn",
            Scale::WanYi => "万亿",
            Scale::Trillion => "tn",
        }
    }

    /// The word is a Chinese one.
    pub(super) fn is_chinese(self) -> bool {
        matches!(self, Scale::Wan | Scale::Yi | Scale::WanYi)
    }

    /// The power of ten: 9 for `bn`.
    #[must_use]
    pub fn power(self) -> u32 {
        match self {
            Scale::Units => 0,
            Scale::Thousand => 3,
            Scale::Wan => 4,
            Scale::Million => 6,
            Scale::Yi => 8,
            Scale::Billion => 9,
            Scale::WanYi | Scale::Trillion => 12,
        }
    }
}

pub(super) fn ten_to(power: u32) -> IBig {
    match 10_u128.checked_pow(power) {
        Some(power) => IBig::from(power),
        None => IBig::from(UBig::from(10_u8).pow(power as usize)),
    }
}

pub(super) fn exact(number: u64) -> Exact {
    Exact::from(UBig::from(number))
}

/// All numbers from `lo` to `hi`, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub lo: Exact,
    pub hi: Exact,
}

impl Interval {
    pub fn zero() -> Interval {
        Interval { lo: Exact::ZERO, hi: Exact::ZERO }
    }

    pub fn meets(&self, other: &Interval) -> bool {
        self.lo <= other.hi && other.lo <= self.hi
    }

    pub fn plus(&self, other: &Interval) -> Interval {
        Interval { lo: &self.lo + &other.lo, hi: &self.hi + &other.hi }
    }

    pub fn minus(&self, other: &Interval) -> Interval {
        Interval { lo: &self.lo - &other.hi, hi: &self.hi - &other.lo }
    }

    /// Of two intervals without negative numbers.
    pub fn times(&self, other: &Interval) -> Interval {
        Interval { lo: &self.lo * &other.lo, hi: &self.hi * &other.hi }
    }

    /// Of two intervals without negative numbers. `None` if the divisor can be zero.
    pub fn over(&self, divisor: &Interval) -> Option<Interval> {
        (!divisor.lo.is_zero())
            .then(|| Interval { lo: &self.lo / &divisor.hi, hi: &self.hi / &divisor.lo })
    }

    /// Its numbers that are not negative. `None` if there are none.
    pub fn not_negative(self) -> Option<Interval> {
        let zero = Exact::ZERO;
        let Interval { lo, hi } = self;
        (hi >= zero).then(|| Interval { lo: lo.max(zero), hi })
    }

    pub fn scaled(&self, factor: &Exact) -> Interval {
        Interval { lo: &self.lo * factor, hi: &self.hi * factor }
    }

    pub fn shifted(&self, by: &Exact) -> Interval {
        Interval { lo: &self.lo + by, hi: &self.hi + by }
    }

    /// In lowest terms: what is derived from it has shorter numbers.
    pub fn reduced(self) -> Interval {
        let reduce = |number: Exact| number.canonicalize().relax();
        Interval { lo: reduce(self.lo), hi: reduce(self.hi) }
    }

    /// As text, rounded outwards: `26.33–26.68`.
    pub fn shown(&self, decimals: u32) -> String {
        let (lo, hi) = (self.lo_shown(decimals), self.hi_shown(decimals));
        if lo == hi { lo } else { format!("{lo}–{hi}") }
    }

    /// As [`Interval::shown`], with more decimals where they are needed to see that it does not
    /// meet the other one.
    pub fn shown_apart(&self, other: &Interval, decimals: u32) -> String {
        const MORE_DECIMALS_MAX: u32 = 24;
        let mut decimals = decimals;
        let most = decimals + MORE_DECIMALS_MAX;
        if !self.meets(other) {
            while decimals < most && self.widened(decimals).meets(other) {
                decimals += 1;
            }
        }
        self.shown(decimals)
    }

    fn widened(&self, decimals: u32) -> Interval {
        let unit = Exact::from(ten_to(decimals));
        let (lo, hi) = (floor_of(&self.lo, decimals), -floor_of(&-&self.hi, decimals));
        Interval { lo: Exact::from(lo) / &unit, hi: Exact::from(hi) / &unit }
    }

    fn lo_shown(&self, decimals: u32) -> String {
        written(&floor_of(&self.lo, decimals), decimals)
    }

    fn hi_shown(&self, decimals: u32) -> String {
        written(&-floor_of(&-&self.hi, decimals), decimals)
    }
}

/// The number of units of 10^-`decimals` in a number, rounded down.
fn floor_of(number: &Exact, decimals: u32) -> IBig {
    // Nearly all numbers are short: a division of integers of the machine is much faster.
    let short = || {
        let numerator = i128::try_from(number.numerator()).ok()?;
        let units = numerator.checked_mul(10_i128.checked_pow(decimals)?)?;
        Some(IBig::from(units.div_euclid(i128::try_from(number.denominator()).ok()?)))
    };
    short().unwrap_or_else(|| (number * Exact::from(ten_to(decimals))).floor())
}

/// A number of units of 10^-`decimals`, without zeros at its end that say nothing.
fn written(units: &IBig, decimals: u32) -> String {
    let mut text = units.to_string();
    let sign = usize::from(text.starts_with('-'));
    let decimals = decimals as usize;
    while text.len() < sign + decimals + 1 {
        text.insert(sign, '0');
    }
    if decimals > 0 {
        text.insert(text.len() - decimals, '.');
        let end = text.trim_end_matches('0').trim_end_matches('.').len();
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(text: &str) -> ShownDecimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_figure_keeps_the_digits_that_it_shows() {
        for text in ["0", "0.0", "437.13", "36.10", "-21.0", "-0.5", "999999999999999999"] {
            assert_eq!(figure(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_figure_is_refused_with_its_reason() {
        use FigureError as E;
        let refused = |text: &str| text.parse::<ShownDecimal>().unwrap_err();
        assert_eq!(refused(""), E::Empty);
        assert_eq!(refused("1e9"), E::Scientific("1e9".into()));
        assert_eq!(refused("1,234"), E::Separators("1,234".into()));
        assert_eq!(refused("36.1%"), E::PercentSign("36.1%".into()));
        assert_eq!(
            refused("1234567890.123456789"),
            E::TooManyDigits("1234567890.123456789".into())
        );
        for text in ["1.", ".5", "+1", "NaN", "--1", "1.2.3", "０", "007", "-", "e9"] {
            assert_eq!(refused(text), E::Malformed(text.into()));
        }
    }

    #[test]
    fn an_interval_reaches_half_a_unit_of_the_last_digit_to_both_sides() {
        assert_eq!(figure("36.1").interval(0).shown(3), "36.05–36.15");
        assert_eq!(figure("-21.0").interval(0).shown(3), "-21.05–-20.95");
        assert_eq!(figure("71").interval(9).shown(0), "70500000000–71500000000");
        assert_eq!(figure("0.30").interval(1).shown(3), "2.95–3.05");
    }

    #[test]
    fn misprints_keep_the_number_of_digits() {
        let all: Vec<String> =
            figure("20.5").misprints().map(|(_, figure)| figure.to_string()).collect();
        assert_eq!(all.len(), 1 + 9 + 9 + 8, "{all:?}");
        for expected in ["25.0", "10.5", "29.5", "20.4"] {
            assert!(all.iter().any(|text| text == expected), "{expected} in {all:?}");
        }
        assert!(all.iter().all(|text| text.len() == 4));
        let unit: Vec<String> =
            figure("0.5").misprints().map(|(_, figure)| figure.to_string()).collect();
        assert!(unit.contains(&"5.0".to_owned()) && unit.contains(&"0.9".to_owned()), "{unit:?}");
    }

    #[test]
    fn a_narrow_miss_is_shown_with_the_decimals_that_show_it() {
        let computed = figure("36.0499999").interval(0);
        let claimed = figure("36.1").interval(0);
        assert!(!computed.meets(&claimed));
        assert_eq!(computed.shown_apart(&claimed, 2), "36.04999985–36.04999995");
    }
}
