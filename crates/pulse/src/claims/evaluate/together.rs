//! Everything at once: each check may hold by itself, and no true values satisfy all of them.

use super::joint::{Joint, Quantity};
use super::{Evaluation, Relation};
use crate::claims::model::{ModelGrowth, ModelParts};
use crate::claims::reason::Findings;

impl<'m> Evaluation<'m, '_> {
    /// What is given, the rates, and the relations by which the rest is computed.
    pub(super) fn computed_together(&self, has_words: bool) -> Joint<'m> {
        let (model, mut joint) = (self.model, Joint::new(has_words));
        for value in &model.values {
            let words = || format!("{} {}", model.names[value.name], model.shown_value(value));
            joint.within(words, Quantity::Now(value.name, value.currency), &value.interval);
        }
        for rate in &model.rates {
            for name in 0..model.names.len() {
                let [from, to] = [rate.from, rate.to].map(|it| Quantity::Now(name, it));
                joint.ratio(|| model.shown_rate(rate), to, from, &rate.interval);
            }
        }
        for &(relation, currency) in &self.defining {
            self.say_relation(relation, currency, &mut joint);
        }
        joint
    }

    fn say_relation(&self, relation: Relation, currency: usize, joint: &mut Joint<'m>) {
        let model = self.model;
        let now = |name: usize| Quantity::Now(name, currency);
        match relation {
            Relation::Parts(place) => {
                let parts = &model.parts[place];
                let of = parts.of.iter().map(|part| now(*part));
                joint.sum(|| self.parts_in_words(parts), now(parts.whole), of);
            }
            Relation::Share(place) => {
                let share = &model.shares[place];
                let [part, whole] = [share.part, share.whole].map(|name| model.names[name]);
                let words = || format!("{part} {}% / {whole}", share.percent);
                joint.ratio(words, now(share.part), now(share.whole), &share.fraction);
            }
        }
    }

    pub(super) fn parts_in_words(&self, parts: &ModelParts) -> String {
        let name = |name: &usize| self.model.names[*name];
        let of: Vec<&str> = parts.of.iter().map(name).collect();
        format!("{} = {}", name(&parts.whole), of.join(" + "))
    }

    pub(super) fn growth_in_words(&self, growth: &ModelGrowth<'_>) -> String {
        let sign = if growth.percent.is_negative() { "" } else { "+" };
        let name = self.model.names[growth.value];
        format!("{name} {sign}{}% / {}", growth.percent, growth.over)
    }

    /// Every relation where it is checked.
    fn say_relations(&self, joint: &mut Joint<'m>) {
        let model = self.model;
        let parts = model.parts.iter().enumerate();
        let parts = parts.map(|(place, it)| (Relation::Parts(place), it.names.clone()));
        let shares = model.shares.iter().enumerate();
        let shares = shares.map(|(place, it)| (Relation::Share(place), vec![it.part, it.whole]));
        for (relation, names) in parts.chain(shares) {
            if self.defining.iter().any(|(it, _)| *it == relation) {
                continue;
            }
            let all_given = |currency: &usize| names.iter().all(|it| self.is_given(*it, *currency));
            let mut places: Vec<usize> = self.currencies().filter(all_given).collect();
            if places.is_empty() {
                places.extend(self.best_currency(&names));
            }
            places.iter().for_each(|currency| self.say_relation(relation, *currency, joint));
        }
    }

    fn say_all_growth(&self, joint: &mut Joint<'m>) {
        let model = self.model;
        for growth in &model.growth {
            for (currency, code) in model.currencies.iter().enumerate() {
                let known = self.of(growth.value, currency);
                let Some((level, _)) = growth.levels.only(*code).zip(known) else { continue };
                let then = Quantity::Level(growth.value, growth.over, *code);
                let now = Quantity::Now(growth.value, currency);
                // Growth over what can be zero has no meaning.
                if level.interval.lo.is_zero() {
                    continue;
                }
                let name = model.names[growth.value];
                let words = || format!("{name} {} {}", level.shown, growth.over);
                joint.within(words, then, &level.interval);
                joint.ratio(|| self.growth_in_words(growth), now, then, &growth.factor);
            }
            for parts in model.parts.iter().filter(|parts| parts.whole == growth.value) {
                if self.has_growth_of_all(parts, growth.over) {
                    let names = &parts.names;
                    let [now, then] =
                        self.say_growth(parts, growth.over, names, joint, &mut Vec::new());
                    joint.ratio(|| self.growth_in_words(growth), now, then, &growth.factor);
                }
            }
        }
    }

    pub(super) fn check_together(&self, found: &mut Findings) {
        let all = |has_words| {
            let mut joint = self.computed_together(has_words);
            self.say_relations(&mut joint);
            self.say_all_growth(&mut joint);
            joint
        };
        let joint = all(false);
        // One relation of figures that are all given was checked exactly.
        if joint.len() < self.model.values.len() + 2 {
            return;
        }
        found.work += joint.work();
        if !joint.is_possible() {
            found.fail_bound("together_fail", || {
                let mut conflict = all(true).conflict();
                conflict.sort();
                conflict.dedup();
                vec![("figures", conflict.join("; "))]
            });
        }
    }
}
