//! Growth against levels, and the growth of a whole against that of its parts.

use super::joint::{Joint, Quantity};
use super::{Evaluation, exact, in_percent};
use crate::claims::figure::Interval;
use crate::claims::model::{Level, ModelGrowth, ModelParts};
use crate::claims::reason::{Findings, ReasonKind};

/// What a value is multiplied by, as growth in percent.
fn growth_in_percent(factor: &Interval) -> Interval {
    in_percent(factor).shifted(&-exact(100))
}

impl<'m> Evaluation<'m, '_> {
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
        level: &Level<'_>,
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
        if computed.meets(claimed) {
            found.agrees_with(level.claim);
        }
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
                && self.has_growth_of_all(parts, growth.over)
        };
        if self.model.parts.iter().any(of_parts) {
            return;
        }
        let name = self.model.names[value].to_owned();
        let known = self.model.currencies.iter().enumerate();
        let mut known = known.filter(|(place, _)| self.of(value, *place).is_some());
        let over = growth.over.to_owned();
        match (growth.levels.own.first(), growth.levels.others.first(), known.next()) {
            (Some(level), _, Some((_, currency))) => {
                self.no_rate_of(&name, [level.currency, *currency], found);
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

    /// The growth of the whole and of each part over the same period is claimed.
    pub(super) fn has_growth_of_all(&self, parts: &ModelParts, over: &str) -> bool {
        let growth = self.model.growth.iter().filter(|growth| growth.over == over);
        growth.filter(|it| parts.names.contains(&it.value)).count() == parts.names.len()
    }

    pub(super) fn compares_growth(&self, parts: &ModelParts) -> bool {
        let growth = &self.model.growth;
        growth.iter().any(|growth| self.has_growth_of_all(parts, growth.over))
    }

    /// The growth of a whole follows from that of its parts, weighted by what they are or were.
    /// Without their values it is at least between the least and the greatest of them.
    pub(super) fn check_growth_of_parts(&self, found: &mut Findings) {
        let model = self.model;
        for parts in &model.parts {
            for growth in model.growth.iter().filter(|growth| growth.value == parts.whole) {
                if !self.has_growth_of_all(parts, growth.over) {
                    continue;
                }
                let known = [Some(&parts.names), Some(&parts.of), None].map(|names| {
                    let names = names.map_or(&[][..], Vec::as_slice);
                    let (mut joint, levels) = (Joint::new(false), &mut Vec::new());
                    let [now, then] =
                        self.say_growth(parts, growth.over, names, &mut joint, levels);
                    Some((joint.ratios(now, then)?, std::mem::take(levels)))
                });
                let Some((computed, levels)) = known.into_iter().flatten().next() else { continue };
                let claimed = &growth.factor;
                if computed.meets(claimed) {
                    levels.iter().for_each(|level| found.agrees_with(level));
                }
                let keys = ["growth_of_parts_holds", "growth_of_parts_fails"];
                found.check(computed.meets(claimed), keys, || {
                    let (computed, claimed) =
                        (growth_in_percent(&computed), growth_in_percent(claimed));
                    let decimals = growth.percent.decimals() + 1;
                    vec![
                        ("value", model.names[parts.whole].to_owned()),
                        ("over", growth.over.to_owned()),
                        ("computed", computed.shown_apart(&claimed, decimals)),
                        ("percent", growth.percent.to_string()),
                        ("range", claimed.shown(decimals)),
                    ]
                });
            }
        }
    }

    /// Says how the parts grew, and what those of `known` are and were. Returns the whole as it is
    /// and as it was; `levels` has the claims that say what something was.
    pub(super) fn say_growth<'s>(
        &'s self,
        parts: &'m ModelParts,
        over: &'m str,
        known: &[usize],
        joint: &mut Joint<'m>,
        levels: &mut Vec<&'s str>,
    ) -> [Quantity<'m>; 2] {
        let model = self.model;
        let all = || model.growth.iter().filter(|growth| growth.over == over);
        let of_parts = || all().filter(|growth| parts.of.contains(&growth.value));
        // Without values now, the currency in which most was stated then.
        let best = self.best_currency(&parts.names);
        let count = |code| of_parts().filter(|it| it.levels.only(code).is_some()).count();
        let codes = of_parts().flat_map(|growth| &growth.levels.own).map(|level| level.currency);
        let most = || codes.max_by_key(|code| (count(*code), std::cmp::Reverse(*code)));
        let code = best.map_or_else(|| most().flatten(), |best| model.currencies[best]);
        let now = |name: usize| Quantity::Now(name, best.unwrap_or(usize::MAX));
        let then = |name: usize| Quantity::Level(name, over, code);
        for growth in of_parts() {
            let name = growth.value;
            joint.ratio(|| self.growth_in_words(growth), now(name), then(name), &growth.factor);
        }
        for &name in known {
            if let Some(interval) = best.and_then(|best| self.reached(name, best)) {
                joint.within(String::new, now(name), &interval);
            }
            let growth = all().find(|growth| growth.value == name);
            if let Some(level) = growth.and_then(|growth| growth.levels.only(code)) {
                levels.push(level.claim);
                let words = || format!("{} {} {over}", model.names[name], level.shown);
                joint.within(words, then(name), &level.interval);
            }
        }
        let words = || self.parts_in_words(parts);
        joint.sum(words, now(parts.whole), parts.of.iter().map(|part| now(*part)));
        joint.sum(words, then(parts.whole), parts.of.iter().map(|part| then(*part)));
        [now(parts.whole), then(parts.whole)]
    }
}
