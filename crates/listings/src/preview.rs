//! What another version of the policy would do to all texts that were ever decided about.

use std::collections::BTreeSet;
use std::thread;

use books::{BusinessDate, SellerKind, Sha256Digest};
use engine::Engine;
use market::OfferId;
use policy::{ListPrice, PolicyRule, TextMatch, TextVerdict};
use screening::Matcher;
use serde::Serialize;

use crate::screen::{ScreenError, matcher};
use crate::store::TextStore;
use crate::text::OfferText;

/// Texts that one step of a preview has in memory.
const TEXTS_AT_ONCE: usize = 10_000;

/// The effect of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// Texts that are still there. Each text of an offer counts once.
    pub texts: u64,
    /// Texts that are no longer there.
    pub erased: u64,
    pub individual: KindCounts,
    pub business: KindCounts,
    /// A sample of what changes, to be judged.
    pub sample: Vec<ChangedText>,
}

/// What changes for one kind of sellers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindCounts {
    pub texts: u64,
    /// Published today, and stopped by the version.
    pub caught: u64,
    /// Stopped today, and published by the version.
    pub freed: u64,
    /// Stopped by both.
    pub stopped: u64,
}

/// A text for which the version changes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedText {
    pub offer: OfferId,
    pub content: Sha256Digest,
    pub kind: SellerKind,
    pub before: TextVerdict,
    pub after: TextVerdict,
    /// What the version finds, or what the rules of today find and it does not.
    pub found: Vec<TextMatch>,
    pub title: String,
}

/// Matches all texts with the rules of today and with others. `size` texts of those that change are
/// chosen by `seed`.
///
/// # Errors
/// A rule cannot be matched, or the texts cannot be read.
pub fn preview(
    engine: &Engine,
    store: &TextStore,
    (rules, date): (&[PolicyRule], BusinessDate),
    (size, seed): (usize, u64),
) -> Result<Preview, ScreenError> {
    let policy = engine.policy();
    let today: Vec<&PolicyRule> = match policy.in_force(date) {
        Some(version) => policy.matched_rules(version, date).collect(),
        None => Vec::new(),
    };
    let then: Vec<&PolicyRule> = rules.iter().filter(|rule| rule.is_in_force(date)).collect();
    let both = [RuleSet::of(today)?, RuleSet::of(then)?];
    let mut found = Preview::default();
    let mut chosen: BTreeSet<(u64, u64)> = BTreeSet::new();
    let mut changed: Vec<(u64, ChangedText)> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut waiting = Vec::new();
    let mut number = 0_u64;
    let mut take = |waiting: &mut Vec<PastText>, found: &mut Preview| {
        for (verdicts, text) in matched(std::mem::take(waiting), &both) {
            found.count(text.kind, verdicts);
            let [before, after] = verdicts;
            if before.is_shown() == after.is_shown() && before == after {
                continue;
            }
            number += 1;
            let key = (machine::mix(machine::mix(seed, number), 1), number);
            chosen.insert(key);
            let dropped = if chosen.len() > size { chosen.pop_last() } else { None };
            if dropped != Some(key) {
                if let Some((_, dropped)) = dropped {
                    changed.retain(|(number, _)| *number != dropped);
                }
                changed.push((number, text.changed(verdicts, &both)));
            }
        }
    };
    for decision in policy.decisions() {
        if !seen.insert((decision.offer, decision.content.0)) {
            continue;
        }
        let Some(text) = store.get(decision.content)? else {
            found.erased += 1;
            continue;
        };
        waiting.push(PastText {
            offer: decision.offer,
            content: decision.content,
            kind: decision.seller_kind,
            prices: engine.offer_prices(decision.offer),
            text,
        });
        if waiting.len() >= TEXTS_AT_ONCE {
            take(&mut waiting, &mut found);
        }
    }
    take(&mut waiting, &mut found);
    found.sample = changed.into_iter().map(|(_, text)| text).collect();
    Ok(found)
}

struct RuleSet<'r> {
    rules: Vec<&'r PolicyRule>,
    matcher: Matcher,
}

struct PastText {
    offer: OfferId,
    content: Sha256Digest,
    kind: SellerKind,
    prices: Vec<ListPrice>,
    text: OfferText,
}

impl<'r> RuleSet<'r> {
    fn of(rules: Vec<&'r PolicyRule>) -> Result<RuleSet<'r>, ScreenError> {
        let matcher = matcher(rules.iter().copied())?;
        Ok(RuleSet { rules, matcher })
    }

    fn verdict(&self, matches: &[TextMatch]) -> TextVerdict {
        let found = |rule: &&&PolicyRule| matches.iter().any(|one| one.rule == rule.id);
        let effects = self.rules.iter().filter(found).map(|rule| rule.effect);
        effects.min().map_or(TextVerdict::Published, TextVerdict::from)
    }
}

/// The verdicts of both sets of rules about each text, by all processors.
fn matched(texts: Vec<PastText>, both: &[RuleSet<'_>; 2]) -> Vec<([TextVerdict; 2], PastText)> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let each = texts.len().div_ceil(threads).max(1);
    let mut parts: Vec<Vec<PastText>> = Vec::new();
    let mut texts = texts.into_iter().peekable();
    while texts.peek().is_some() {
        parts.push(texts.by_ref().take(each).collect());
    }
    let verdicts = |text: &PastText| {
        [0, 1]
            .map(|one: usize| both[one].verdict(&text.text.find(&both[one].matcher, &text.prices)))
    };
    let judge =
        |part: Vec<PastText>| part.into_iter().map(|text| (verdicts(&text), text)).collect();
    thread::scope(|scope| {
        let judge = &judge;
        let threads: Vec<_> =
            parts.into_iter().map(|part| scope.spawn(move || judge(part))).collect();
        let joined = threads
            .into_iter()
            .flat_map(|thread| -> Vec<_> { thread.join().expect("matching does not panic") });
        joined.collect()
    })
}

impl Preview {
    fn count(&mut self, kind: SellerKind, [before, after]: [TextVerdict; 2]) {
        self.texts += 1;
        let counts = match kind {
            SellerKind::Individual => &mut self.individual,
            SellerKind::Business => &mut self.business,
        };
        counts.texts += 1;
        let stops = |verdict| verdict != TextVerdict::Published;
        match (stops(before), stops(after)) {
            (false, true) => counts.caught += 1,
            (true, false) => counts.freed += 1,
            (true, true) => counts.stopped += 1,
            (false, false) => {}
        }
    }
}

impl PastText {
    fn changed(self, [before, after]: [TextVerdict; 2], both: &[RuleSet<'_>; 2]) -> ChangedText {
        let shows = if after > before { &both[1] } else { &both[0] };
        let PastText { offer, content, kind, prices, text } = self;
        let found = text.find(&shows.matcher, &prices);
        ChangedText { offer, content, kind, before, after, found, title: text.title }
    }
}
