//! A claim with numbers in the place of names: it is evaluated many times, once for each correction
//! that is tried.

use std::collections::BTreeSet;

use dashu_int::{IBig, UBig};
use dashu_ratio::Relaxed as Exact;
use money::Currency;

use super::figure::{Interval, Scale, ShownDecimal, exact};
use super::{Claim, ClaimedValue};

#[derive(Debug)]
pub(super) struct Model<'a> {
    /// Sorted: what is computed does not depend on the order of the file.
    pub names: Vec<&'a str>,
    /// Sorted. Counts have none.
    pub currencies: Vec<Option<Currency>>,
    pub values: Vec<ModelValue>,
    pub parts: Vec<ModelParts>,
    pub shares: Vec<ModelShare>,
    pub growth: Vec<ModelGrowth<'a>>,
    pub rates: Vec<ModelRate>,
}

#[derive(Clone, Debug)]
pub(super) struct ModelValue {
    pub name: usize,
    pub currency: usize,
    pub amount: ShownDecimal,
    pub scale: Scale,
    /// What amount and scale stand for.
    pub interval: Interval,
}

impl ModelValue {
    /// The same value with another figure.
    pub fn with(&self, amount: ShownDecimal, scale: Scale) -> ModelValue {
        let interval = amount.interval(scale.power()).not_negative().unwrap_or_else(Interval::zero);
        ModelValue { amount, scale, interval, ..*self }
    }
}

#[derive(Debug)]
pub(super) struct ModelParts {
    pub whole: usize,
    pub of: Vec<usize>,
    /// The parts and the whole.
    pub names: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct ModelShare {
    pub part: usize,
    pub whole: usize,
    pub percent: ShownDecimal,
    /// From 0 to 1, or above it.
    pub fraction: Interval,
}

impl ModelShare {
    pub fn with(&self, percent: ShownDecimal) -> ModelShare {
        let fraction = percent.interval(0).not_negative().unwrap_or_else(Interval::zero);
        let mut fraction = fraction.scaled(&percents(1));
        // A part is not more than its whole, however 100% was rounded.
        if fraction.lo <= Exact::ONE {
            fraction.hi = fraction.hi.min(Exact::ONE);
        }
        ModelShare { percent, fraction, ..*self }
    }
}

/// So many percent as a fraction.
pub(super) fn percents(number: u8) -> Exact {
    Exact::from_parts(IBig::from(number), UBig::from(100_u8))
}

#[derive(Debug)]
pub(super) struct ModelGrowth<'a> {
    pub value: usize,
    pub percent: ShownDecimal,
    /// What the value was multiplied by: 1.2095 to 1.2105 for 21.0%.
    pub factor: Interval,
    pub over: &'a str,
    pub levels: Levels<'a>,
}

/// What growth in percent multiplies by.
pub(super) fn growth_factor(percent: ShownDecimal) -> Interval {
    let factor = percent.interval(0).shifted(&exact(100)).not_negative();
    factor.unwrap_or_else(Interval::zero).scaled(&percents(1))
}

/// What the same publisher claims of a value in an earlier period.
#[derive(Clone, Debug, Default)]
pub(super) struct Levels<'a> {
    /// In the claim's own universe.
    pub own: Vec<Level<'a>>,
    /// In other universes.
    pub others: Vec<(&'a str, Level<'a>)>,
}

impl<'a> Levels<'a> {
    /// The level in a currency, if one claim only states it.
    pub fn only(&self, currency: Option<Currency>) -> Option<&Level<'a>> {
        let mut levels = self.own.iter().filter(|level| level.currency == currency);
        levels.next().filter(|_| levels.next().is_none())
    }
}

#[derive(Clone, Debug)]
pub(super) struct Level<'a> {
    /// The id of its claim.
    pub claim: &'a str,
    pub currency: Option<Currency>,
    pub interval: Interval,
    /// For example `361.3 bn CNY`.
    pub shown: String,
}

#[derive(Clone, Debug)]
pub(super) struct ModelRate {
    pub from: usize,
    pub to: usize,
    pub value: ShownDecimal,
    pub interval: Interval,
}

impl ModelRate {
    pub fn with(&self, value: ShownDecimal) -> ModelRate {
        ModelRate { value, interval: value.interval(0), ..*self }
    }
}

impl<'a> Model<'a> {
    pub fn of(claim: &'a Claim) -> Model<'a> {
        let names = claim.values.iter().map(|value| &value.name);
        let parts = claim.parts.iter().flat_map(|parts| parts.of.iter().chain([&parts.whole]));
        let shares = claim.shares.iter().flat_map(|share| [&share.part, &share.whole]);
        let growth = claim.growth.iter().map(|growth| &growth.value);
        let mut names: Vec<&str> =
            names.chain(parts).chain(shares).chain(growth).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let rates = claim.rates.iter().flat_map(|rate| [Some(rate.from), Some(rate.to)]);
        let currencies: BTreeSet<Option<Currency>> =
            claim.values.iter().map(|value| value.currency).chain(rates).collect();
        let currencies: Vec<Option<Currency>> = currencies.into_iter().collect();
        let index = |name: &str| names.binary_search(&name).unwrap_or_default();
        let in_currencies = |currency| currencies.binary_search(&currency).unwrap_or_default();
        let value = |value: &ClaimedValue| {
            let [name, currency] = [index(&value.name), in_currencies(value.currency)];
            let (amount, scale) = (value.amount, value.scale);
            let unset = Interval::zero();
            ModelValue { name, currency, amount, scale, interval: unset }.with(amount, scale)
        };
        let values = claim.values.iter().map(value).collect();
        let parts = claim.parts.iter().map(|parts| {
            let whole = index(&parts.whole);
            let of: Vec<usize> = parts.of.iter().map(|part| index(part)).collect();
            let names = of.iter().copied().chain([whole]).collect();
            ModelParts { whole, of, names }
        });
        let shares = claim.shares.iter().map(|share| {
            let [part, whole] = [&share.part, &share.whole].map(|name| index(name));
            let percent = share.percent;
            ModelShare { part, whole, percent, fraction: Interval::zero() }.with(percent)
        });
        let growth = claim.growth.iter().map(|growth| ModelGrowth {
            value: index(&growth.value),
            percent: growth.percent,
            factor: growth_factor(growth.percent),
            over: &growth.over,
            levels: Levels::default(),
        });
        let rates = claim.rates.iter().map(|rate| {
            let [from, to] = [rate.from, rate.to].map(|currency| in_currencies(Some(currency)));
            let (value, interval) = (rate.value, rate.value.interval(0));
            ModelRate { from, to, value, interval }
        });
        let (parts, shares) = (parts.collect(), shares.collect());
        let (growth, rates) = (growth.collect(), rates.collect());
        Model { values, parts, shares, growth, rates, names, currencies }
    }

    /// ` CNY`, or nothing for a count.
    pub fn unit(&self, scale: Scale, currency: usize) -> String {
        unit(scale, self.currencies[currency])
    }

    /// `157.6 bn CNY`.
    pub fn shown_value(&self, value: &ModelValue) -> String {
        format!("{}{}", value.amount, self.unit(value.scale, value.currency))
    }

    /// `1 USD = 6.122 CNY`.
    pub fn shown_rate(&self, rate: &ModelRate) -> String {
        let unit = |currency| self.unit(Scale::Units, currency);
        format!("1{} = {}{}", unit(rate.from), rate.value, unit(rate.to))
    }

    /// The scale of amounts that are computed, and their decimals: finer than those of the claim.
    pub fn computed_form(&self) -> (Scale, u32) {
        let largest = self.values.iter().max_by_key(|value| value.scale.power());
        let scale = largest.map_or(Scale::Units, |value| value.scale);
        let own = self.values.iter().map(|value| {
            (scale.power() + value.amount.decimals()).saturating_sub(value.scale.power())
        });
        (scale, own.max().unwrap_or_default() + 1)
    }
}

/// ` bn CNY`.
pub(super) fn unit(scale: Scale, currency: Option<Currency>) -> String {
    let words = [scale.name(), currency.map_or("", Currency::code)];
    words.iter().filter(|word| !word.is_empty()).map(|word| format!(" {word}")).collect()
}
