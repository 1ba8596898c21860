//! The arithmetic of one claim.
//!
//! A value that is left out is computed where all others of a relation are known. That goes on in
//! rounds, each from what the round before knew, so the order of the file never matters. Then every
//! relation is checked in each currency in which all of it is given, or else in the one in which
//! most of it is known, with the rest converted.

use super::figure::{Interval, Scale, exact, ten_to};
use super::model::{Model, ModelParts, ModelRate, ModelShare, ModelValue};
use super::reason::{Findings, ReasonKind};
use dashu_ratio::Relaxed as Exact;
use joint::Quantity;
use money::Currency;

/// What is known of a name in a currency.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub interval: Interval,
    /// The value that the claim gives.
    pub given: Option<usize>,
}

/// By its place in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Parts(usize),
    Share(usize),
}

/// A relation that fails in a currency in which all of it is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct FailedRelation {
    relation: Relation,
    currency: usize,
}

impl FailedRelation {
    /// Another figure in this place can make the relation hold.
    pub fn has_value(self, model: &Model<'_>, name: usize, currency: usize) -> bool {
        let names: &[usize] = match self.relation {
            Relation::Share(place) => &[model.shares[place].part, model.shares[place].whole],
            Relation::Parts(place) => &model.parts[place].names,
        };
        currency == self.currency && names.contains(&name)
    }

    pub fn has_share(self, share: usize) -> bool {
        self.relation == Relation::Share(share)
    }

    /// The relation fails in a changed claim too: nothing else need be computed.
    pub fn still_fails(self, model: &Model<'_>) -> bool {
        let given = |name: usize| {
            let is_it = |value: &&ModelValue| (value.name, value.currency) == (name, self.currency);
            model.values.iter().find(is_it).map(|value| &value.interval)
        };
        match self.relation {
            Relation::Share(place) => {
                let share = &model.shares[place];
                given(share.part)
                    .zip(given(share.whole))
                    .is_some_and(|(part, whole)| !part.meets(&whole.times(&share.fraction)))
            }
            Relation::Parts(place) => {
                let parts = &model.parts[place];
                let each: Option<Vec<&Interval>> = parts.of.iter().map(|&it| given(it)).collect();
                let sum = each.and_then(|each| sum(each.into_iter()));
                sum.zip(given(parts.whole)).is_some_and(|(sum, whole)| !sum.meets(whole))
            }
        }
    }
}

impl Relation {
    fn is_share(self) -> bool {
        matches!(self, Relation::Share(_))
    }
}

/// A claim with all values that can be computed.
pub(super) struct Evaluation<'m, 'a> {
    pub model: &'m Model<'a>,
    /// By name, then by currency.
    known: Vec<Option<Known>>,
    /// By the currency that it is from, then by that it is to.
    rates: Vec<Option<Interval>>,
    /// Relations that only say what a value that is left out must be, each in a currency.
    defining: Vec<(Relation, usize)>,
}

/// All values of a claim that can be computed. Nothing is checked.
pub(super) fn known_values<'m, 'a>(model: &'m Model<'a>) -> Evaluation<'m, 'a> {
    let mut evaluation = Evaluation::of_given(model);
    evaluation.derive();
    evaluation
}

/// Evaluates a claim.
pub(super) fn evaluate<'m, 'a>(model: &'m Model<'a>, found: &mut Findings) -> Evaluation<'m, 'a> {
    let mut evaluation = Evaluation::of_given(model);
    evaluation.check_rates_alone(found);
    evaluation.check_rates(found);
    evaluation.check_shares_alone(found);
    if !found.is_settled() {
        evaluation.derive();
        evaluation.check_relations(found);
    }
    if !found.is_settled() {
        evaluation.check_growth(found);
        evaluation.check_growth_of_parts(found);
    }
    if found.failing == 0 && !found.is_settled() {
        evaluation.check_together(found);
    }
    if found.holding + found.failing + found.undefined == 0 {
        found.add(ReasonKind::Undefined, "nothing_to_check", Vec::new);
    }
    evaluation
}

fn sum<'i>(mut intervals: impl Iterator<Item = &'i Interval>) -> Option<Interval> {
    let first = intervals.next()?.clone();
    Some(intervals.fold(first, |sum, next| sum.plus(next)))
}

fn point(number: u64) -> Interval {
    Interval { lo: exact(number), hi: exact(number) }
}

/// A fraction in percent.
fn in_percent(fraction: &Interval) -> Interval {
    fraction.scaled(&exact(100))
}

impl<'m, 'a> Evaluation<'m, 'a> {
    fn of_given(model: &'m Model<'a>) -> Evaluation<'m, 'a> {
        let size = model.currencies.len();
        let mut evaluation = Evaluation {
            model,
            known: vec![None; model.names.len() * size],
            rates: vec![None; size * size],
            defining: Vec::new(),
        };
        evaluation.take_given();
        evaluation.take_rates();
        evaluation
    }

    pub fn of(&self, name: usize, currency: usize) -> Option<&Known> {
        self.known[name * self.model.currencies.len() + currency].as_ref()
    }

    fn currencies(&self) -> impl Iterator<Item = usize> + use<> {
        0..self.model.currencies.len()
    }

    fn set(&mut self, name: usize, currency: usize, known: Known) {
        let place = name * self.model.currencies.len() + currency;
        self.known[place] = Some(known);
    }

    fn rate(&self, from: usize, to: usize) -> Option<&Interval> {
        self.rates[from * self.model.currencies.len() + to].as_ref()
    }

    fn is_given(&self, name: usize, currency: usize) -> bool {
        self.of(name, currency).is_some_and(|known| known.given.is_some())
    }

    fn is_known_somewhere(&self, name: usize) -> bool {
        self.currencies().any(|currency| self.of(name, currency).is_some())
    }

    /// A value in a currency, converted if it is known in another one only.
    fn reached(&self, name: usize, currency: usize) -> Option<Interval> {
        if let Some(known) = self.of(name, currency) {
            return Some(known.interval.clone());
        }
        self.currencies().find_map(|from| {
            let (known, rate) = (self.of(name, from)?, self.rate(from, currency)?);
            Some(known.interval.times(rate))
        })
    }

    fn is_reached(&self, name: usize, currency: usize) -> bool {
        self.of(name, currency).is_some()
            || self
                .currencies()
                .any(|from| self.of(name, from).is_some() && self.rate(from, currency).is_some())
    }

    fn take_given(&mut self) {
        for (place, value) in self.model.values.iter().enumerate() {
            let interval = value.interval.clone();
            self.set(value.name, value.currency, Known { interval, given: Some(place) });
        }
    }

    /// Both directions of each rate, and rates over other currencies.
    fn take_rates(&mut self) {
        let size = self.model.currencies.len();
        let one = point(1);
        for rate in &self.model.rates {
            self.rates[rate.to * size + rate.from] = one.over(&rate.interval);
            self.rates[rate.from * size + rate.to] = Some(rate.interval.clone());
        }
        if self.model.rates.len() < 2 {
            return;
        }
        for by in 0..size {
            for (from, to) in (0..size).flat_map(|from| (0..size).map(move |to| (from, to))) {
                let over = self.rate(from, by).zip(self.rate(by, to));
                let is_new = from != to && self.rate(from, to).is_none();
                if let Some((first, second)) = over.filter(|_| is_new) {
                    self.rates[from * size + to] = Some(first.times(second).reduced());
                }
            }
        }
    }

    /// Three rates of three currencies agree.
    fn check_rates_alone(&self, found: &mut Findings) {
        let model = self.model;
        for (place, rate) in model.rates.iter().enumerate() {
            for over in self.currencies().filter(|over| ![rate.from, rate.to].contains(over)) {
                let stated = |a: usize, b: usize| {
                    let is_it = |it: &ModelRate| [(a, b), (b, a)].contains(&(it.from, it.to));
                    model.rates.iter().position(is_it)
                };
                let others = stated(rate.from, over).zip(stated(over, rate.to));
                // Each three of them once.
                let pair = |rate: &ModelRate| [rate.from.min(rate.to), rate.from.max(rate.to)];
                let is_first =
                    |other: usize| pair(rate) < pair(&model.rates[other]) && other != place;
                if !others.is_some_and(|(a, b)| is_first(a) && is_first(b)) {
                    continue;
                }
                let both = self.rate(rate.from, over).zip(self.rate(over, rate.to));
                let Some((first, second)) = both else { continue };
                let computed = first.times(second);
                found.check(computed.meets(&rate.interval), ["rates_hold", "rates_fail"], || {
                    let decimals = rate.value.decimals() + 1;
                    vec![
                        ("rate", model.shown_rate(rate)),
                        ("over", model.unit(Scale::Units, over).trim().to_owned()),
                        ("computed", computed.shown_apart(&rate.interval, decimals)),
                        ("range", rate.interval.shown(decimals)),
                    ]
                });
            }
        }
    }

    /// Values in two currencies agree by the rate between them.
    fn check_rates(&self, found: &mut Findings) {
        let model = self.model;
        for rate in &model.rates {
            for name in 0..model.names.len() {
                let both = self.of(name, rate.from).zip(self.of(name, rate.to));
                let Some((from, to)) = both else { continue };
                let converted = from.interval.times(&rate.interval);
                let holds = converted.meets(&to.interval);
                found.check(holds, ["rate_holds", "rate_fails"], || {
                    vec![
                        ("name", model.names[name].to_owned()),
                        ("amount", self.shown(name, rate.from)),
                        ("rate", model.shown_rate(rate)),
                        ("computed", self.computed(&converted, &to.interval, rate.to)),
                        ("claimed", self.shown(name, rate.to)),
                        ("range", self.computed(&to.interval, &converted, rate.to)),
                    ]
                });
            }
        }
        for name in 0..model.names.len() {
            let mut given = self.currencies().filter(|&currency| self.is_given(name, currency));
            let Some(first) = given.next() else { continue };
            if let Some(other) = given.find(|&other| self.rate(first, other).is_none()) {
                self.no_rate(name, first, other, found);
            }
        }
    }

    fn no_rate(&self, name: usize, from: usize, to: usize, found: &mut Findings) {
        let both = [from, to].map(|currency| self.model.currencies[currency]);
        self.no_rate_of(self.model.names[name], both, found);
    }

    fn no_rate_of(&self, name: &str, both: [Option<Currency>; 2], found: &mut Findings) {
        match both {
            [Some(from), Some(to)] => found.add(ReasonKind::Undefined, "no_rate", || {
                let (from, to) = (from.to_string(), to.to_string());
                vec![("name", name.to_owned()), ("from", from), ("to", to)]
            }),
            [first, second] => found.add(ReasonKind::Undefined, "count_and_money", || {
                let currency = first.or(second).map_or_else(String::new, |it| it.to_string());
                vec![("name", name.to_owned()), ("currency", currency)]
            }),
        }
    }

    /// What shares say without values: none is above its whole, and those of all parts of a whole
    /// add up to it.
    fn check_shares_alone(&self, found: &mut Findings) {
        let model = self.model;
        let (whole, hundred) = (point(1), point(100));
        for share in &model.shares {
            if share.fraction.lo > whole.hi {
                found.fail_bound("share_above_whole", || {
                    vec![
                        ("part", model.names[share.part].to_owned()),
                        ("whole", model.names[share.whole].to_owned()),
                        ("percent", share.percent.to_string()),
                    ]
                });
            }
        }
        for parts in &model.parts {
            let shares: Vec<&ModelShare> = shares_of(model, parts).collect();
            let is_complete = shares.len() == parts.of.len();
            if shares.len() < 2 && !is_complete {
                continue;
            }
            let each = shares.iter().map(|share| &share.fraction);
            let Some(sum) = sum(each) else { continue };
            let holds = sum.lo <= whole.hi && (!is_complete || whole.lo <= sum.hi);
            found.check(holds, ["shares_sum_holds", "shares_sum_fails"], || {
                let shown =
                    |share: &&ModelShare| format!("{} {}%", model.names[share.part], share.percent);
                let shown: Vec<String> = shares.iter().map(shown).collect();
                let decimals = shares.iter().map(|share| share.percent.decimals()).max();
                let decimals = decimals.unwrap_or_default() + 1;
                vec![
                    ("whole", model.names[parts.whole].to_owned()),
                    ("sum", shown.join(" + ")),
                    ("computed", in_percent(&sum).shown_apart(&hundred, decimals)),
                ]
            });
        }
    }

    /// The currency in which most of these names are known, or can be converted to.
    fn best_currency(&self, names: &[usize]) -> Option<usize> {
        let rank = |currency: usize| {
            let known = names.iter().filter(|&&name| self.of(name, currency).is_some()).count();
            let reached = names.iter().filter(|&&name| self.is_reached(name, currency));
            (known, reached.count())
        };
        let ranks = self.currencies().map(|currency| (rank(currency), currency));
        let best = ranks.max_by_key(|&(rank, currency)| (rank, std::cmp::Reverse(currency)))?;
        (best.0.1 > 0).then_some(best.1)
    }

    /// Computes what is left out, in rounds. Of several ways one is taken, a sum before a share,
    /// and the relations of the others are checked.
    fn derive(&mut self) {
        loop {
            let mut derived: Vec<(usize, Relation, usize, Interval)> = Vec::new();
            for (place, parts) in self.model.parts.iter().enumerate() {
                let missing = self.derived_of_parts(parts);
                derived.extend(missing.map(|(name, currency, interval)| {
                    (name, Relation::Parts(place), currency, interval)
                }));
            }
            for (place, share) in self.model.shares.iter().enumerate() {
                let missing = self.derived_of_share(share);
                derived.extend(missing.map(|(name, currency, interval)| {
                    (name, Relation::Share(place), currency, interval)
                }));
            }
            if derived.is_empty() {
                return;
            }
            // Not by the place of a relation: the order of the file changes nothing.
            let key = |(name, relation, currency, Interval { lo, hi }): &(_, Relation, _, _)| {
                (*name, relation.is_share(), *currency, lo.clone(), hi.clone())
            };
            derived.sort_by_key(key);
            derived.dedup_by_key(|(name, ..)| *name);
            for (name, relation, currency, interval) in derived {
                self.defining.push((relation, currency));
                self.set(name, currency, Known { interval: interval.reduced(), given: None });
            }
        }
    }

    /// The only name that is missing in a relation, in its best currency.
    fn only_missing(&self, names: &[usize]) -> Option<(usize, usize)> {
        let mut unknown = names.iter().filter(|&&name| !self.is_known_somewhere(name));
        let name = *unknown.next()?;
        if unknown.next().is_some() {
            return None;
        }
        let currency = self.best_currency(names)?;
        let mut others = names.iter().filter(|&&other| other != name);
        others.all(|&other| self.is_reached(other, currency)).then_some((name, currency))
    }

    fn derived_of_parts(&self, parts: &ModelParts) -> Option<(usize, usize, Interval)> {
        let (missing, currency) = self.only_missing(&parts.names)?;
        let others = parts.of.iter().filter(|&&part| part != missing);
        let others: Vec<Interval> =
            others.filter_map(|&part| self.reached(part, currency)).collect();
        let others = sum(others.iter());
        let interval = if missing == parts.whole {
            others?
        } else {
            let whole = self.reached(parts.whole, currency)?;
            let rest = others.map_or_else(|| whole.clone(), |others| whole.minus(&others));
            rest.not_negative()?
        };
        Some((missing, currency, interval))
    }

    fn derived_of_share(&self, share: &ModelShare) -> Option<(usize, usize, Interval)> {
        let (missing, currency) = self.only_missing(&[share.part, share.whole])?;
        let interval = if missing == share.whole {
            self.reached(share.part, currency)?.over(&share.fraction)?
        } else {
            self.reached(share.whole, currency)?.times(&share.fraction)
        };
        Some((missing, currency, interval))
    }

    /// Every relation, each in the currencies in which it says most.
    fn check_relations(&self, found: &mut Findings) {
        for (place, parts) in self.model.parts.iter().enumerate() {
            let check = |currency, found: &mut Findings| self.check_parts(parts, currency, found);
            self.check_relation(&parts.names, Relation::Parts(place), found, check);
        }
        for (place, share) in self.model.shares.iter().enumerate() {
            let names = [share.part, share.whole];
            let check = |currency, found: &mut Findings| self.check_share(share, currency, found);
            self.check_relation(&names, Relation::Share(place), found, check);
        }
    }

    fn check_relation(
        &self,
        names: &[usize],
        relation: Relation,
        found: &mut Findings,
        check: impl Fn(usize, &mut Findings),
    ) {
        let all_given = |&currency: &usize| names.iter().all(|&name| self.is_given(name, currency));
        let mut is_checked = false;
        for currency in self.currencies().filter(all_given) {
            let failing = found.failing;
            check(currency, found);
            if found.failing > failing {
                found.failed.push(FailedRelation { relation, currency });
            }
            is_checked = true;
        }
        if is_checked {
            return;
        }
        let Some(currency) = self.best_currency(names) else {
            return self.nothing_known(names, relation, found);
        };
        let missing = |name: &&usize| !self.is_reached(**name, currency);
        let missing: Vec<usize> = names.iter().filter(missing).copied().collect();
        let elsewhere =
            |name: usize| self.currencies().find(|&other| self.of(name, other).is_some());
        let unconverted = missing.iter().filter_map(|&name| Some((name, elsewhere(name)?)));
        let unconverted: Vec<(usize, usize)> = unconverted.collect();
        for &(name, from) in &unconverted {
            self.no_rate(name, from, currency, found);
        }
        if !unconverted.is_empty() {
            return;
        }
        if missing.is_empty() {
            if self.defining.iter().any(|(it, _)| *it == relation) {
                self.say_derived(names, currency, found);
            } else {
                check(currency, found);
            }
        } else if let Relation::Parts(place) = relation
            && !missing.contains(&self.model.parts[place].whole)
            && missing.len() < names.len() - 1
        {
            self.check_some_parts(&self.model.parts[place], &missing, currency, found);
        } else {
            self.nothing_known(&missing, relation, found);
        }
    }

    /// Values are missing. It is enough that the shares of a whole were added up, or its growth
    /// compared with that of its parts.
    fn nothing_known(&self, missing: &[usize], relation: Relation, found: &mut Findings) {
        let model = self.model;
        let is_added_up = |parts: &ModelParts| {
            let shares = shares_of(model, parts).count();
            shares > 1 || shares == parts.of.len()
        };
        let is_checked = match relation {
            Relation::Parts(place) => {
                let parts = &model.parts[place];
                is_added_up(parts) || self.compares_growth(parts)
            }
            Relation::Share(place) => {
                let share = &model.shares[place];
                model.parts.iter().any(|parts| {
                    parts.whole == share.whole
                        && parts.of.contains(&share.part)
                        && is_added_up(parts)
                })
            }
        };
        if is_checked {
            return;
        }
        for &name in missing {
            found.add(ReasonKind::Undefined, "no_value", || {
                vec![("name", model.names[name].to_owned())]
            });
        }
    }

    fn say_derived(&self, names: &[usize], currency: usize, found: &mut Findings) {
        for &name in names {
            if let Some(Known { interval, given: None }) = self.of(name, currency) {
                found.add(ReasonKind::Derived, "derived", || {
                    vec![
                        ("name", self.model.names[name].to_owned()),
                        ("computed", self.computed(interval, interval, currency)),
                    ]
                });
            }
        }
    }

    fn check_parts(&self, parts: &ModelParts, currency: usize, found: &mut Findings) {
        let each: Option<Vec<Interval>> =
            parts.of.iter().map(|&part| self.reached(part, currency)).collect();
        let sum = each.and_then(|each| sum(each.iter()));
        let Some((sum, whole)) = sum.zip(self.reached(parts.whole, currency)) else { return };
        found.check(sum.meets(&whole), ["parts_hold", "parts_fail"], || {
            vec![
                ("whole", self.model.names[parts.whole].to_owned()),
                ("sum", self.shown_sum(&parts.of, currency)),
                ("computed", self.computed(&sum, &whole, currency)),
                ("claimed", self.shown(parts.whole, currency)),
                ("range", self.computed(&whole, &sum, currency)),
            ]
        });
    }

    /// The parts that are known are not more than the whole.
    fn check_some_parts(
        &self,
        parts: &ModelParts,
        missing: &[usize],
        currency: usize,
        found: &mut Findings,
    ) {
        let known: Vec<usize> =
            parts.of.iter().filter(|part| !missing.contains(part)).copied().collect();
        let each: Vec<Interval> =
            known.iter().filter_map(|&part| self.reached(part, currency)).collect();
        let both = sum(each.iter()).zip(self.reached(parts.whole, currency));
        let Some((sum, whole)) = both else { return };
        // Of a sum that is possible the only part that is missing would be computed.
        found.bounds += u32::from(missing.len() == 1);
        found.check(sum.lo <= whole.hi, ["some_parts_hold", "some_parts_fail"], || {
            let missing = missing.iter().map(|&name| self.model.names[name]);
            vec![
                ("whole", self.model.names[parts.whole].to_owned()),
                ("sum", self.shown_sum(&known, currency)),
                ("computed", self.computed(&sum, &whole, currency)),
                ("claimed", self.shown(parts.whole, currency)),
                ("range", self.computed(&whole, &sum, currency)),
                ("missing", missing.collect::<Vec<_>>().join(", ")),
            ]
        });
    }

    fn check_share(&self, share: &ModelShare, currency: usize, found: &mut Findings) {
        let both = self.reached(share.part, currency).zip(self.reached(share.whole, currency));
        let Some((part, whole)) = both else { return };
        let model = self.model;
        let Some(mut of_whole) = part.over(&whole) else {
            found.add(ReasonKind::Undefined, "zero_whole", || {
                let name = |name: usize| model.names[name].to_owned();
                vec![("part", name(share.part)), ("whole", name(share.whole))]
            });
            return;
        };
        // What is computed moves with what it is computed from.
        let is_given = [share.part, share.whole].iter().all(|it| self.is_given(*it, currency));
        // What is farther apart than they can be needs no closer look, unless it is to be shown.
        let is_settled = !found.has_sentences() && !of_whole.meets(&share.fraction);
        if !is_given && !is_settled {
            let now = |name: usize| Quantity::Now(name, currency);
            let ratios = self.computed_together(false).ratios(now(share.part), now(share.whole));
            of_whole = ratios.unwrap_or(of_whole);
        }
        if of_whole.lo <= Exact::ONE {
            of_whole.hi = of_whole.hi.min(Exact::ONE);
        }
        let fraction = &share.fraction;
        found.check(of_whole.meets(fraction), ["share_holds", "share_fails"], || {
            let (of_whole, fraction) = (in_percent(&of_whole), in_percent(fraction));
            let decimals = share.percent.decimals() + 1;
            vec![
                ("part", model.names[share.part].to_owned()),
                ("part_value", self.shown(share.part, currency)),
                ("whole", model.names[share.whole].to_owned()),
                ("whole_value", self.shown(share.whole, currency)),
                ("computed", of_whole.shown_apart(&fraction, decimals)),
                ("percent", share.percent.to_string()),
                ("range", fraction.shown(decimals)),
            ]
        });
    }

    /// A value in the claim's own words, or as it was computed.
    pub fn shown(&self, name: usize, currency: usize) -> String {
        let given = self.of(name, currency).and_then(|known| known.given);
        match given.and_then(|place| self.model.values.get(place)) {
            Some(value) => self.model.shown_value(value),
            None => match self.reached(name, currency) {
                Some(interval) => self.computed(&interval, &interval, currency),
                None => String::new(),
            },
        }
    }

    fn shown_sum(&self, names: &[usize], currency: usize) -> String {
        let shown =
            |name: &usize| format!("{} {}", self.model.names[*name], self.shown(*name, currency));
        names.iter().map(shown).collect::<Vec<_>>().join(" + ")
    }

    /// A computed amount with its unit, as far as it shows that it does not meet another one.
    fn computed(&self, interval: &Interval, other: &Interval, currency: usize) -> String {
        let (scale, decimals) = self.model.computed_form();
        let unit = Exact::from(ten_to(scale.power()));
        let in_units =
            |interval: &Interval| Interval { lo: &interval.lo / &unit, hi: &interval.hi / &unit };
        let shown = in_units(interval).shown_apart(&in_units(other), decimals);
        shown + &self.model.unit(scale, currency)
    }
}

/// The shares of a whole's parts in it.
fn shares_of<'m>(
    model: &'m Model<'_>,
    parts: &'m ModelParts,
) -> impl Iterator<Item = &'m ModelShare> {
    let is_of = |share: &&ModelShare| share.whole == parts.whole && parts.of.contains(&share.part);
    model.shares.iter().filter(is_of)
}

mod corner;
mod growth;
mod joint;
mod simplex;
mod together;
