use std::ops::Range;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use crate::fold::{FoldTable, Folded};
use policy::{NormalisationStep as Step, StepSet};

/// Undoes what is done to hide a word, by some of the steps.
#[derive(Debug)]
pub struct Normaliser {
    steps: StepSet,
    table: Arc<FoldTable>,
}

/// A character of a normalised text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NormalisedUnit {
    pub char: char,
    /// Bytes of the original that it stands for.
    pub start: u32,
    pub end: u32,
    /// Steps that changed it.
    pub steps: StepSet,
    /// Steps that left something out before it.
    pub left_out: StepSet,
    /// It is the first, the last of what one original character became.
    pub begins: bool,
    pub ends: bool,
}

/// A text through the steps.
#[derive(Clone, Debug, Default)]
pub struct NormalisedText {
    pub units: Vec<NormalisedUnit>,
    /// With the sound of characters: each of the original, in all ways to read it.
    pub(crate) readings: Vec<SoundedCharacter>,
}

/// A character of the original that can be read in several ways.
#[derive(Clone, Debug)]
pub(crate) struct SoundedCharacter {
    /// What it became, by its first way.
    pub units: Range<usize>,
    pub ways: Vec<Vec<char>>,
}

impl NormalisedText {
    #[must_use]
    pub fn text(&self) -> String {
        self.units.iter().map(|unit| unit.char).collect()
    }

    /// The bytes of the original that some units stand for, with what was left out between them.
    #[must_use]
    pub fn span(&self, units: Range<usize>) -> Range<usize> {
        let units = self.units.get(units).unwrap_or_default();
        let start = units.iter().map(|unit| unit.start).min().unwrap_or(0);
        let end = units.iter().map(|unit| unit.end).max().unwrap_or(0);
        start as usize..end as usize
    }

    /// The steps that changed some units, or left something out between them.
    #[must_use]
    pub fn steps(&self, units: Range<usize>) -> StepSet {
        let units = self.units.get(units).unwrap_or_default();
        let changed = units.iter().fold(StepSet::NONE, |set, unit| set.and(unit.steps));
        units.iter().skip(1).fold(changed, |set, unit| set.and(unit.left_out))
    }
}

impl Normaliser {
    /// Makes the table of some steps, if it is the first with them: tens of milliseconds.
    #[must_use]
    pub fn of(steps: StepSet) -> Normaliser {
        Normaliser { steps, table: FoldTable::of(steps, false) }
    }

    /// The same steps, but what separates is left out before looks are compared: `|` is no `l`.
    /// `None` if that makes no difference.
    pub(crate) fn separating_first(steps: StepSet) -> Option<Normaliser> {
        let differs = steps.has(Step::Separators) && steps.has(Step::Confusables);
        differs.then(|| Normaliser { steps, table: FoldTable::of(steps, true) })
    }

    #[must_use]
    pub fn step_set(&self) -> StepSet {
        self.steps
    }

    /// Gives each character of the normalised text to `each`, without spans. `false` if the text
    /// has characters that combine: then only [`Normaliser::normalise`] tells what it becomes.
    #[inline]
    pub(crate) fn each_char(&self, text: &str, mut each: impl FnMut(char)) -> bool {
        let collapses = self.steps.has(Step::Repeats);
        let mut last = None;
        let mut give = |c: char| {
            if !collapses || last != Some(c) {
                each(c);
            }
            last = Some(c);
        };
        for c in text.chars() {
            match self.table.fold(c) {
                Folded::Same => give(c),
                Folded::One(one, _) => give(one),
                Folded::Several(several, _) => several.iter().for_each(|c| give(*c)),
                Folded::Nothing(_) => {}
                Folded::Combines => return false,
            }
        }
        true
    }

    /// A text through the steps, each character with its place in the original.
    #[must_use]
    pub fn normalise(&self, text: &str) -> NormalisedText {
        let mut units: Vec<NormalisedUnit> = Vec::with_capacity(text.len());
        let mut readings = Vec::new();
        let mut left_out = StepSet::NONE;
        let mut chars = text.char_indices().peekable();
        while let Some((start, c)) = chars.next() {
            let mut end = start + c.len_utf8();
            let combines = |next: Option<&(usize, char)>| {
                next.is_some_and(|(_, next)| self.table.fold(*next) == Folded::Combines)
            };
            let composed;
            let folded = if self.steps.has(Step::Nfkc)
                && (self.table.fold(c) == Folded::Combines || combines(chars.peek()))
            {
                while combines(chars.peek()) {
                    if let Some((place, next)) = chars.next() {
                        end = place + next.len_utf8();
                    }
                }
                composed = self.composed(&text[start..end]);
                match composed.0.as_slice() {
                    [] => Folded::Nothing(composed.1),
                    several => Folded::Several(several, composed.1),
                }
            } else {
                self.table.fold(c)
            };
            let one = [c];
            let became;
            let (folded, by): (&[char], StepSet) = match folded {
                Folded::Same | Folded::Combines => (&one, StepSet::NONE),
                Folded::One(other, by) => {
                    became = [other];
                    (&became, by)
                }
                Folded::Several(several, by) => (several, by),
                Folded::Nothing(by) => {
                    left_out = left_out.and(by);
                    continue;
                }
            };
            let merges = self.steps.has(Step::Repeats)
                && units.last().is_some_and(|last| folded.first() == Some(&last.char));
            let first = units.len() - usize::from(merges);
            for (place, &char) in folded.iter().enumerate() {
                let (start, end) = (to_u32(start), to_u32(end));
                // A mark that does not compose is added to a whole character.
                let ends = folded.get(place + 1).is_none_or(|next| crate::fold::combines(*next));
                if self.steps.has(Step::Repeats)
                    && let Some(last) = units.last_mut().filter(|last| last.char == char)
                {
                    last.end = end;
                    last.begins |= place == 0;
                    last.ends |= ends;
                    last.steps = last.steps.and(by).and(left_out).with(Step::Repeats);
                } else {
                    let begins = place == 0;
                    units.push(NormalisedUnit {
                        char,
                        start,
                        end,
                        steps: by,
                        left_out,
                        begins,
                        ends,
                    });
                }
                left_out = StepSet::NONE;
            }
            if self.steps.has(Step::Pinyin) {
                let ways = self.table.ways(c);
                let ways = ways.map_or_else(|| vec![folded.to_vec()], <[_]>::to_vec);
                readings.push(SoundedCharacter { units: first..units.len(), ways });
            }
        }
        NormalisedText { units, readings }
    }

    /// A character with what combines with it.
    fn composed(&self, cluster: &str) -> (Vec<char>, StepSet) {
        let seen: Vec<char> = match self.steps.has(Step::ZeroWidth) {
            true => cluster.chars().filter(|c| !crate::tables::is_unseen(*c)).collect(),
            false => cluster.chars().collect(),
        };
        let composed: Vec<char> = seen.iter().copied().nfkc().collect();
        let is_changed = !composed.iter().copied().eq(cluster.chars());
        let (folded, by) = self.table.fold_all(composed, self.steps, 0);
        (folded, if is_changed { by.with(Step::Nfkc) } else { by })
    }
}

/// Texts are shorter than 4 GiB.
fn to_u32(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
