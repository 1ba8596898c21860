//! Words by all sounds of their characters, looked for in texts by all sounds of theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::fold::combines;
use crate::normaliser::SoundedCharacter;

/// Limit on the ways to read a word.
pub const READINGS_MAX: usize = 4_096;

/// A tree of words, letter by letter.
#[derive(Debug)]
pub(crate) struct SoundTree<E> {
    /// By node, from its letters.
    next: Vec<BTreeMap<char, usize>>,
    /// The letter that leads to the node.
    letters: Vec<Option<char>>,
    ends: Vec<Vec<E>>,
    /// Of repeated letters one is left.
    collapses: bool,
}

impl<E: Copy> SoundTree<E> {
    pub fn new(collapses: bool) -> SoundTree<E> {
        let (next, ends) = (vec![BTreeMap::new()], vec![Vec::new()]);
        SoundTree { next, letters: vec![None], ends, collapses }
    }

    /// Adds a word. `false` if there are too many ways to read it.
    pub fn add(&mut self, word: &[SoundedCharacter], entry: E) -> bool {
        let mut nodes = BTreeSet::from([0]);
        for reading in word {
            let mut after = BTreeSet::new();
            for &node in &nodes {
                for way in &reading.ways {
                    after.insert(way.iter().fold(node, |node, letter| self.grow(node, *letter)));
                }
            }
            if after.len() > READINGS_MAX {
                return false;
            }
            nodes = after;
        }
        nodes.into_iter().for_each(|node| self.ends[node].push(entry));
        true
    }

    fn grow(&mut self, node: usize, letter: char) -> usize {
        if let Some(next) = self.step(node, letter) {
            return next;
        }
        let new = self.next.len();
        self.next[node].insert(letter, new);
        self.next.push(BTreeMap::new());
        self.letters.push(Some(letter));
        self.ends.push(Vec::new());
        new
    }

    fn step(&self, node: usize, letter: char) -> Option<usize> {
        match self.collapses && self.letters[node] == Some(letter) {
            true => Some(node),
            false => self.next[node].get(&letter).copied(),
        }
    }

    /// Every word in a text, with the units that it stands for: whole characters.
    pub fn each_in(&self, text: &[SoundedCharacter], mut each: impl FnMut(E, Range<usize>)) {
        for (start, first) in text.iter().enumerate() {
            let begins = |way: &Vec<char>| {
                way.first().is_some_and(|letter| self.next[0].contains_key(letter))
            };
            if !first.ways.iter().any(begins) {
                continue;
            }
            let mut nodes = BTreeSet::from([0]);
            for reading in &text[start..] {
                let (mut after, mut ends) = (BTreeSet::new(), BTreeSet::new());
                for &from in &nodes {
                    for way in &reading.ways {
                        let mut node = Some(from);
                        for (place, letter) in way.iter().enumerate() {
                            node = node.and_then(|node| self.step(node, *letter));
                            // A mark that does not compose is added to a whole character.
                            if way[place + 1..].iter().all(|next| combines(*next)) {
                                ends.extend(node);
                            }
                        }
                        after.extend(node);
                    }
                }
                for entry in ends.into_iter().flat_map(|node| &self.ends[node]) {
                    each(*entry, first.units.start..reading.units.end);
                }
                if after.is_empty() {
                    break;
                }
                nodes = after;
            }
        }
    }
}
