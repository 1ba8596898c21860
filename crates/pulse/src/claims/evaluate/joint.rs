//! True values of everything at once: whether there are any, and what ratios they can have.

use std::collections::BTreeMap;

use dashu_int::IBig;
use dashu_ratio::Relaxed as Exact;
use money::Currency;

use super::simplex::{Greatest, Row, greatest, is_possible};
use crate::claims::figure::Interval;

/// A true value. None is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quantity<'m> {
    /// Stands for 1.
    One,
    /// A name in a currency.
    Now(usize, usize),
    /// A name in an earlier period.
    Level(usize, &'m str, Option<Currency>),
}

/// What is said of true values, each figure and relation with its words.
#[derive(Default)]
pub(super) struct Joint<'m> {
    places: BTreeMap<Quantity<'m>, usize>,
    said: Vec<(String, Vec<Row>)>,
}

impl<'m> Joint<'m> {
    fn place(&mut self, quantity: Quantity<'m>) -> usize {
        let next = self.places.len();
        *self.places.entry(quantity).or_insert(next)
    }

    /// How much is said.
    pub fn len(&self) -> usize {
        self.said.len()
    }

    /// About how many steps it takes to solve.
    pub fn work(&self) -> usize {
        self.said.len().pow(2) * 4 * self.places.len()
    }

    /// The first divided by the second is in the interval.
    pub fn ratio(
        &mut self,
        words: impl FnOnce() -> String,
        above: Quantity<'m>,
        below: Quantity<'m>,
        interval: &Interval,
    ) {
        let (above, below) = (self.place(above), self.place(below));
        let row = |end: &Exact, sign: i8| -> Row {
            let (numerator, denominator) = (end.numerator(), IBig::from(end.denominator().clone()));
            vec![(below, numerator * sign), (above, denominator * -sign)]
        };
        self.said.push((words(), vec![row(&interval.lo, 1), row(&interval.hi, -1)]));
    }

    pub fn within(
        &mut self,
        words: impl FnOnce() -> String,
        quantity: Quantity<'m>,
        interval: &Interval,
    ) {
        self.ratio(words, quantity, Quantity::One, interval);
    }

    /// The first is the sum of the others.
    pub fn sum(
        &mut self,
        words: impl FnOnce() -> String,
        whole: Quantity<'m>,
        of: impl Iterator<Item = Quantity<'m>>,
    ) {
        let mut least: Row = of.map(|part| (self.place(part), IBig::ONE)).collect();
        least.push((self.place(whole), IBig::NEG_ONE));
        let most = least.iter().map(|(at, times)| (*at, -times)).collect();
        self.said.push((words(), vec![least, most]));
    }

    fn rows(&self, without: Option<usize>) -> Vec<Row> {
        let said = self.said.iter().enumerate().filter(|(at, _)| Some(*at) != without);
        said.flat_map(|(_, (_, rows))| rows.iter().cloned()).collect()
    }

    /// Some true values satisfy all that is said.
    pub fn is_possible(&mut self) -> bool {
        let one = self.place(Quantity::One);
        is_possible(&self.rows(None), self.places.len(), one)
    }

    /// Of what cannot be together: a part that cannot either, but each of it could without the
    /// rest.
    pub fn conflict(mut self) -> Vec<String> {
        let one = self.place(Quantity::One);
        let mut at = 0;
        while at < self.said.len() {
            match is_possible(&self.rows(Some(at)), self.places.len(), one) {
                true => at += 1,
                false => drop(self.said.remove(at)),
            }
        }
        self.said.into_iter().map(|(words, _)| words).collect()
    }

    /// All that the first divided by the second can be. `None` if nothing is possible, or if it has
    /// no bound.
    pub fn ratios(&mut self, above: Quantity<'m>, below: Quantity<'m>) -> Option<Interval> {
        let (above, below) = (self.place(above), self.place(below));
        let (rows, size) = (self.rows(None), self.places.len());
        let end = |sign: i8| match greatest(&rows, size, below, above, sign) {
            Greatest::Is(numerator, divisor) => {
                let (_, divisor) = divisor.into_parts();
                Some(Exact::from_parts(numerator * sign, divisor))
            }
            Greatest::Impossible | Greatest::Unbounded => None,
        };
        Some(Interval { lo: end(-1)?, hi: end(1)? })
    }
}
