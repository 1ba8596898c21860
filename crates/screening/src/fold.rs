//! A table from characters to what the steps make of each, made once for each set of steps.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use unicode_normalization::{IsNormalized, char::canonical_combining_class, is_nfc_quick};

use crate::tables;
use policy::{NormalisationStep as Step, StepSet};

/// The last character that tables say anything about, and one more.
const CHARS: u32 = 0x32_400;
/// Tags and selectors of variants.
const UNSEEN: std::ops::RangeInclusive<u32> = 0xe_0000..=0xe_0fff;
const PAGE: u32 = 256;

/// What becomes of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folded<'t> {
    /// Stays as it is.
    Same,
    /// Becomes another one, by these steps.
    One(char, StepSet),
    /// Becomes several.
    Several(&'t [char], StepSet),
    /// Is left out.
    Nothing(StepSet),
    /// Combines with the character before it.
    Combines,
}

/// Two stages: the pages of all characters, and the pages that differ.
#[derive(Debug)]
pub(crate) struct FoldTable {
    pages: Vec<u16>,
    /// 0: the same. Else the step bits, what it is, and a character or a place in `several`.
    entries: Vec<u32>,
    several: Vec<Box<[char]>>,
    /// Of a character with several sounds: what each of them becomes.
    ways: BTreeMap<char, Vec<Vec<char>>>,
    separates_first: bool,
}

const CHAR_BITS: u32 = 21;
const CHAR_MASK: u32 = (1 << CHAR_BITS) - 1;
const STEP_BITS: u32 = 9;
const IS_SEVERAL: u32 = 1 << (CHAR_BITS + STEP_BITS);
const IS_SPECIAL: u32 = 1 << (CHAR_BITS + STEP_BITS + 1);

impl FoldTable {
    /// The table of some steps. It is kept: rules share few sets of steps.
    pub fn of(steps: StepSet, separates_first: bool) -> Arc<FoldTable> {
        type Made = BTreeMap<(StepSet, bool), Arc<FoldTable>>;
        static MADE: Mutex<Made> = Mutex::new(BTreeMap::new());
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        let table = made.entry((steps, separates_first));
        let make = || Arc::new(FoldTable::make(steps, separates_first));
        Arc::clone(table.or_insert_with(make))
    }

    fn make(steps: StepSet, separates_first: bool) -> FoldTable {
        let mut table = FoldTable {
            pages: vec![0; 0x11_0000 / PAGE as usize],
            entries: vec![0; PAGE as usize],
            several: Vec::new(),
            ways: BTreeMap::new(),
            separates_first,
        };
        for first in (0..CHARS).chain(UNSEEN).step_by(PAGE as usize) {
            let page: Vec<u32> = (first..first + PAGE)
                .map(|code| char::from_u32(code).map_or(0, |c| table.entry(c, steps)))
                .collect();
            if page.iter().any(|entry| *entry != 0) {
                let number = table.entries.len() / PAGE as usize;
                table.pages[(first / PAGE) as usize] = u16::try_from(number).unwrap_or(0);
                table.entries.extend(page);
            }
        }
        table
    }

    fn entry(&mut self, c: char, steps: StepSet) -> u32 {
        if steps.has(Step::Nfkc) && combines(c) {
            return IS_SPECIAL | IS_SEVERAL;
        }
        let (folded, by) = self.fold_all(vec![c], steps, 0);
        self.add_ways(c, steps, &folded);
        let by = u32::from(by.bits()) << CHAR_BITS;
        match folded.as_slice() {
            [] => IS_SPECIAL | by,
            [one] if *one == c => 0,
            [one] => by | u32::from(*one),
            several => {
                let place = u32::try_from(self.several.len()).unwrap_or(0);
                self.several.push(several.into());
                IS_SEVERAL | by | place
            }
        }
    }

    fn add_ways(&mut self, c: char, steps: StepSet, first: &[char]) {
        if !steps.has(Step::Pinyin) || !tables::is_chinese(c) {
            return;
        }
        let simple = if steps.has(Step::Traditional) { tables::simplified(c) } else { c };
        let mut ways = vec![first.to_vec()];
        for reading in 1..tables::sounds(simple) {
            let (way, _) = self.fold_all(vec![c], steps, reading);
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        if ways.len() > 1 {
            self.ways.insert(c, ways);
        }
    }

    /// What each sound of a character becomes, if it has several.
    pub fn ways(&self, c: char) -> Option<&[Vec<char>]> {
        self.ways.get(&c).map(Vec::as_slice)
    }

    #[inline]
    pub fn fold(&self, c: char) -> Folded<'_> {
        let code = u32::from(c);
        let page = usize::from(self.pages[(code / PAGE) as usize]);
        let entry = self.entries[page * PAGE as usize + (code % PAGE) as usize];
        if entry == 0 {
            return Folded::Same;
        }
        let by = StepSet::from_bits((entry >> CHAR_BITS) as u16);
        let value = entry & CHAR_MASK;
        match (entry & IS_SPECIAL != 0, entry & IS_SEVERAL != 0) {
            (true, true) => Folded::Combines,
            (true, false) => Folded::Nothing(by),
            (false, true) => Folded::Several(&self.several[value as usize], by),
            (false, false) => Folded::One(char::from_u32(value).unwrap_or(c), by),
        }
    }
}

/// The character can change with the one before it when it is composed.
pub(crate) fn combines(c: char) -> bool {
    canonical_combining_class(c) != 0
        || is_nfc_quick(std::iter::once(c)) == IsNormalized::Maybe
        || matches!(c, '\u{ff9e}' | '\u{ff9f}')
}

impl FoldTable {
    /// What is composed already, through the steps after that, by one of its sounds.
    pub(crate) fn fold_all(
        &self,
        chars: Vec<char>,
        steps: StepSet,
        reading: usize,
    ) -> (Vec<char>, StepSet) {
        let mut chars = chars;
        let mut by = StepSet::NONE;
        let mut take = |step: Step, chars: &mut Vec<char>, each: &dyn Fn(char, &mut Vec<char>)| {
            if !steps.has(step) {
                return;
            }
            let mut after = Vec::with_capacity(chars.len());
            chars.iter().for_each(|c| each(*c, &mut after));
            if after != *chars {
                by = by.with(step);
                *chars = after;
            }
        };
        let lower = |c: char, into: &mut Vec<char>| into.extend(c.to_lowercase());
        let unless = |left_out: bool, c: char, into: &mut Vec<char>| {
            if !left_out {
                into.push(c);
            }
        };
        take(Step::ZeroWidth, &mut chars, &|c, into| unless(tables::is_unseen(c), c, into));
        take(Step::Width, &mut chars, &tables::width);
        take(Step::Nfkc, &mut chars, &tables::nfkc);
        if steps.has(Step::Case) {
            take(Step::Confusables, &mut chars, &tables::latin_look);
        }
        take(Step::Case, &mut chars, &lower);
        take(Step::Traditional, &mut chars, &|c, into| into.push(tables::simplified(c)));
        take(Step::Pinyin, &mut chars, &|c, into| tables::sound(c, reading, into));
        let letters = |c: char, into: &mut Vec<char>| unless(!c.is_alphanumeric(), c, into);
        if self.separates_first {
            take(Step::Separators, &mut chars, &letters);
        }
        take(Step::Confusables, &mut chars, &tables::confusables);
        // What a character looks like can be a capital letter.
        if steps.has(Step::Confusables) && steps.has(Step::Case) {
            let mut after = Vec::new();
            chars.iter().for_each(|c| lower(*c, &mut after));
            chars = after;
        }
        take(Step::Separators, &mut chars, &letters);
        (chars, by)
    }
}
