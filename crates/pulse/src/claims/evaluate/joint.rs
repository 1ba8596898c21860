//! True values of everything at once: whether there are any, and what ratios they can have.

use dashu_int::IBig;
use dashu_ratio::Relaxed as Exact;
use money::Currency;

use super::corner::ONE;
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

/// What is said of true values, by their places.
#[derive(Clone)]
pub(super) enum SaidOf {
    /// The first divided by the second is in the interval.
    Ratio([usize; 2], Interval),
    /// The first is the sum of the others.
    Sum(usize, Vec<usize>),
}

impl SaidOf {
    fn rows(&self) -> [Row; 2] {
        match self {
            SaidOf::Ratio([above, below], Interval { lo, hi }) => {
                let row = |end: &Exact, sign: i8| -> Row {
                    let numerator = end.numerator() * sign;
                    let denominator = IBig::from(end.denominator().clone()) * -sign;
                    vec![(*below, numerator), (*above, denominator)]
                };
                [row(lo, 1), row(hi, -1)]
            }
            SaidOf::Sum(whole, of) => {
                let mut least: Row = of.iter().map(|part| (*part, IBig::ONE)).collect();
                least.push((*whole, IBig::NEG_ONE));
                let most = least.iter().map(|(at, times)| (*at, -times)).collect();
                [least, most]
            }
        }
    }
}

/// What is said of true values, each figure and relation with its words if they are wanted.
pub(super) struct Joint<'m> {
    places: Vec<Quantity<'m>>,
    said: Vec<(String, SaidOf)>,
    has_words: bool,
}

impl<'m> Joint<'m> {
    /// How many true values it is about.
    pub(super) fn size(&self) -> usize {
        self.places.len()
    }

    pub fn new(has_words: bool) -> Joint<'m> {
        Joint { places: vec![Quantity::One], said: Vec::new(), has_words }
    }

    fn place(&mut self, quantity: Quantity<'m>) -> usize {
        let found = self.places.iter().position(|one| *one == quantity);
        found.unwrap_or_else(|| {
            self.places.push(quantity);
            self.places.len() - 1
        })
    }

    fn say(&mut self, words: impl FnOnce() -> String, said: SaidOf) {
        let words = if self.has_words { words() } else { String::new() };
        self.said.push((words, said));
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
        let both = [above, below].map(|one| self.place(one));
        self.say(words, SaidOf::Ratio(both, interval.clone()));
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
        let whole = self.place(whole);
        let of = of.map(|part| self.place(part)).collect();
        self.say(words, SaidOf::Sum(whole, of));
    }

    fn rows(&self, without: Option<usize>) -> Vec<Row> {
        let said = self.said.iter().enumerate().filter(|(at, _)| Some(*at) != without);
        said.flat_map(|(_, (_, said))| said.rows()).collect()
    }

    pub(super) fn said(&self) -> impl Iterator<Item = &SaidOf> {
        self.said.iter().map(|(_, said)| said)
    }

    /// Some true values satisfy all that is said. Most often the first that are tried do.
    pub fn is_possible(&self) -> bool {
        self.witness(&[]).is_some() || is_possible(&self.rows(None), self.places.len(), ONE)
    }

    /// Of what cannot be together: a part that cannot either, but each of it could without the
    /// rest.
    pub fn conflict(mut self) -> Vec<String> {
        let mut at = 0;
        while at < self.said.len() {
            match is_possible(&self.rows(Some(at)), self.places.len(), ONE) {
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
        let mut rows = None;
        let mut end = |sign: i8| {
            if let Some(end) = self.ratio_at_corner(above, below, sign > 0) {
                return Some(end);
            }
            let rows = rows.get_or_insert_with(|| self.rows(None));
            match greatest(rows, self.places.len(), below, above, sign) {
                Greatest::Is(numerator, divisor) => {
                    let (_, divisor) = divisor.into_parts();
                    Some(Exact::from_parts(numerator * sign, divisor))
                }
                Greatest::Impossible | Greatest::Unbounded => None,
            }
        };
        Some(Interval { lo: end(-1)?, hi: end(1)? })
    }
}
