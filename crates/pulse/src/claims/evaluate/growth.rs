//! Growth against levels, and the growth of a whole against that of its parts.

use super::{Evaluation, exact, in_percent, sum};
use crate::claims::figure::Interval;
use crate::claims::model::{Level, ModelGrowth, ModelParts};
use crate::claims::reason::{Findings, ReasonKind};

/// What a value is multiplied by, as growth in percent.
fn growth_in_percent(factor: &Interval) -> Interval {
    in_percent(factor).shifted(&-exact(100))
}

impl Evaluation<'_, '_> {
    pub(super) fn check_growth(&self, found: &mut Findings) {
        for growth in &self.model.growth {
            let mut is_compared = false;
            for level in &growth.levels.own {
                let currency = self.model.currencies.binary_search(&level.currency).ok();
                let Some(currency) = currency.filter(|&it| self.of(growth.value, it).is_some())
                else {
                    continue;
                };
                is_compared = true;
                self.check_level(growth, level, currency, found);
            }
            if !is_compared {
                self.no_level(growth, found);
            }
        }
    }

    fn check_level(
        &self,
        growth: &ModelGrowth<'_>,
        level: &Level,
        currency: usize,
        found: &mut Findings,
    ) {
        let claimed = &growth.factor;
        let Some(now) = self.of(growth.value, currency) else { return };
        let name = self.model.names[growth.value].to_owned();
        let over = growth.over.to_owned();
        let Some(computed) = now.interval.over(&level.interval) else {
            found.add(ReasonKind::Undefined, "zero_level", || {
                vec![("value", name), ("over", over), ("level", level.shown.clone())]
            });
            return;
        };
        found.check(computed.meets(claimed), ["growth_holds", "growth_fails"], || {
            let (computed, claimed) = (growth_in_percent(&computed), growth_in_percent(claimed));
            let decimals = growth.percent.decimals() + 1;
            vec![
                ("value", name),
                ("over", over),
                ("level", level.shown.clone()),
                ("now", self.shown(growth.value, currency)),
                ("computed", computed.shown_apart(&claimed, decimals)),
                ("percent", growth.percent.to_string()),
                ("range", claimed.shown(decimals)),
            ]
        });
    }

    /// Says why growth cannot be compared with levels. It is enough that it is compared with that
    /// of its parts, or as one of them.
    fn no_level(&self, growth: &ModelGrowth<'_>, found: &mut Findings) {
        let value = growth.value;
        let of_parts = |parts: &ModelParts| {
            (parts.whole == value || parts.of.contains(&value))
                && self.growth_of_all(parts, growth.over).is_some()
        };
        if growth.levels.own.is_empty() && self.model.parts.iter().any(of_parts) {
            return;
        }
        let name = self.model.names[value].to_owned();
        let known = self.model.currencies.iter().enumerate();
        let mut known = known.filter(|(place, _)| self.of(value, *place).is_some());
        let code = |currency: Option<money::Currency>| {
            currency.map_or_else(|| "—".to_owned(), |currency| currency.to_string())
        };
        let over = growth.over.to_owned();
        match (growth.levels.own.first(), growth.levels.others.first(), known.next()) {
            (Some(level), _, Some((_, currency))) => {
                found.add(ReasonKind::Undefined, "no_rate", || {
                    vec![("name", name), ("from", code(level.currency)), ("to", code(*currency))]
                });
            }
            (Some(_), _, None) => {
                found.add(ReasonKind::Undefined, "no_value", || vec![("name", name)]);
            }
            (None, Some((universe, _)), _) => {
                found.add(ReasonKind::Undefined, "other_universe", || {
                    vec![("value", name), ("over", over), ("universe", (*universe).to_owned())]
                });
            }
            (None, None, _) => {
                found.add(ReasonKind::Undefined, "no_level", || {
                    vec![("value", name), ("over", over)]
                });
            }
        }
    }

    /// The growth of the whole and of each part over the same period, if all of it is claimed.
    fn growth_of_all(
        &self,
        parts: &ModelParts,
        over: &str,
    ) -> Option<(&ModelGrowth<'_>, Vec<&Interval>)> {
        let of = |name: usize| {
            let growth = &self.model.growth;
            growth.iter().find(|growth| growth.value == name && growth.over == over)
        };
        let whole = of(parts.whole)?;
        let of_parts = parts.of.iter().map(|&part| Some(&of(part)?.factor));
        Some((whole, of_parts.collect::<Option<Vec<&Interval>>>()?))
    }

    pub(super) fn compares_growth(&self, parts: &ModelParts) -> bool {
        let growth = &self.model.growth;
        growth.iter().any(|growth| self.growth_of_all(parts, growth.over).is_some())
    }

    /// The growth of a whole follows from that of its parts and from what they are now. Without
    /// their values it is at least between the least and the greatest of them.
    pub(super) fn check_growth_of_parts(&self, found: &mut Findings) {
        for parts in &self.model.parts {
            for growth in self.model.growth.iter().filter(|growth| growth.value == parts.whole) {
                let all = self.growth_of_all(parts, growth.over);
                let Some((whole, factors)) = all else { continue };
                let claimed = &whole.factor;
                let computed = self.weighted(parts, &factors).or_else(|| {
                    let lo = factors.iter().map(|factor| &factor.lo).min()?.clone();
                    let hi = factors.iter().map(|factor| &factor.hi).max()?.clone();
                    Some(Interval { lo, hi })
                });
                let Some(computed) = computed else { continue };
                let keys = ["growth_of_parts_holds", "growth_of_parts_fails"];
                found.check(computed.meets(claimed), keys, || {
                    let (computed, claimed) =
                        (growth_in_percent(&computed), growth_in_percent(claimed));
                    let decimals = whole.percent.decimals() + 1;
                    vec![
                        ("value", self.model.names[parts.whole].to_owned()),
                        ("over", growth.over.to_owned()),
                        ("computed", computed.shown_apart(&claimed, decimals)),
                        ("percent", whole.percent.to_string()),
                        ("range", claimed.shown(decimals)),
                    ]
                });
            }
        }
    }

    /// The growth of the whole, from what its parts are now and were before.
    fn weighted(&self, parts: &ModelParts, factors: &[&Interval]) -> Option<Interval> {
        let currency = self.best_currency(&parts.names)?;
        let now = self.reached(parts.whole, currency)?;
        let before: Option<Vec<Interval>> = parts
            .of
            .iter()
            .zip(factors)
            .map(|(&part, factor)| self.reached(part, currency)?.over(factor))
            .collect();
        now.over(&sum(before?.iter())?)
    }
}
