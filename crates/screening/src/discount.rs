//! Discounts that a text claims, against the prices.

use std::ops::Range;
use std::sync::OnceLock;

use policy::{ListPrice, NormalisationStep, StepSet};
use regex::Regex;

use crate::normaliser::NormalisedText;

/// A discount in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDiscount {
    /// Of the normalised text.
    pub units: Range<usize>,
    /// What is left to pay, in thousandths of the reference price: 300 for `3折` and for `70% off`.
    pub left_permille: u16,
}

impl ClaimedDiscount {
    /// The price is above what the claim leaves to pay, rounded up to a minor unit; or nothing is
    /// known that it could be a discount from.
    #[must_use]
    pub fn is_untrue(&self, price: ListPrice) -> bool {
        price.reference.is_none_or(|reference| {
            let left = u128::from(reference.minor()) * u128::from(self.left_permille);
            u128::from(price.price.minor()) > left.div_ceil(1_000)
        })
    }
}

/// The steps after which discounts are read: digits, points and percent signs stay.
#[must_use]
pub fn discount_steps() -> StepSet {
    use NormalisationStep::{Case, Nfkc, Traditional, Width, ZeroWidth};
    StepSet::of(&[Nfkc, Width, Case, ZeroWidth, Traditional])
}

/// The claims: `3折`, `8.5折`, `85折`, `三折`, `八五折`, `70% off`. Things that fold, such as
/// `三折伞` and `2折叠`, are no discounts.
#[must_use]
pub fn claimed(text: &NormalisedText) -> Vec<ClaimedDiscount> {
    static FORMS: OnceLock<Option<Regex>> = OnceLock::new();
    let forms = FORMS.get_or_init(|| {
        Regex::new(
            "([0-9]{1,2}(?:\\.[0-9])?|[一二三四五六七八九]{1,2}) ?折\
             ([叠伞页扇屏床椅桌刀架凳纸])?|([0-9]{1,2}) ?% ?off",
        )
        .ok()
    });
    let (Some(forms), plain) = (forms, text.text()) else { return Vec::new() };
    let unit = |byte: usize| plain.get(..byte).map_or(0, |before| before.chars().count());
    let found = forms.captures_iter(&plain).filter_map(|found| {
        let whole = found.get(0)?;
        let left_permille = match (found.get(1), found.get(2), found.get(3)) {
            (Some(digits), None, _) => left_of_fold(digits.as_str())?,
            (_, _, Some(percent)) => 1_000 - percent.as_str().parse::<u16>().ok()? * 10,
            _ => return None,
        };
        let units = unit(whole.start())..unit(whole.end());
        Some(ClaimedDiscount { units, left_permille })
    });
    found.collect()
}

/// `3` is 300, `8.5` and `85` are 850, `八五` is 850.
fn left_of_fold(digits: &str) -> Option<u16> {
    let value = |c: char| "〇一二三四五六七八九".chars().position(|it| it == c);
    let digits: Option<Vec<u16>> = digits
        .chars()
        .filter(|c| *c != '.')
        .map(|c| {
            let digit = c.to_digit(10).map(|digit| digit as usize).or_else(|| value(c))?;
            u16::try_from(digit).ok()
        })
        .collect();
    match digits?.as_slice() {
        [tens] if *tens > 0 => Some(tens * 100),
        [tens, ones] if *tens > 0 => Some(tens * 100 + ones * 10),
        _ => None,
    }
}
