//! True values that are found without solving anything: those in the middle of what is shown, or at
//! the ends of it. Only what satisfies everything, exactly, counts; else the inequalities are
//! solved.

use dashu_int::IBig;
use dashu_ratio::Relaxed as Exact;

use super::joint::{Joint, SaidOf};
use crate::claims::figure::Interval;

/// The place of what stands for 1.
pub(super) const ONE: usize = 0;
/// What stands for 1: ends of figures with up to 11 decimals are whole.
const UNIT: i128 = 200_000_000_000;
/// Widths are compared in this fraction of the figure.
const WIDTH_PARTS: i128 = 1 << 30;

/// A fraction whose denominator is above zero.
type Fraction = (i128, i128);

fn fraction(exact: &Exact) -> Option<Fraction> {
    let numerator = i128::try_from(exact.numerator()).ok()?;
    Some((numerator, i128::try_from(exact.denominator()).ok()?))
}

/// A product, rounded down or up.
fn times(value: i128, (numerator, denominator): Fraction, up: bool) -> Option<i128> {
    let product = value.checked_mul(numerator)?;
    let whole = product.checked_div(denominator)?;
    Some(whole + i128::from(up && product % denominator != 0))
}

/// The first divided by the second is in an interval.
struct ShownRatio {
    places: [usize; 2],
    lo: Fraction,
    hi: Fraction,
    width: i128,
}

impl ShownRatio {
    fn new(places: [usize; 2], interval: &Interval) -> Option<ShownRatio> {
        let (lo, hi) = (fraction(&interval.lo)?, fraction(&interval.hi)?);
        let [low, high] = [lo.0.checked_mul(hi.1)?, hi.0.checked_mul(lo.1)?];
        let sum = low.checked_add(high)?;
        let width = (high - low).checked_mul(WIDTH_PARTS)?.checked_div(sum).unwrap_or(0);
        Some(ShownRatio { places, lo, hi, width })
    }

    /// The place that is not known, if the other one is.
    fn open(&self, values: &[Option<i128>]) -> Option<usize> {
        let [above, below] = self.places;
        match (values[above], values[below]) {
            (None, Some(_)) => Some(above),
            (Some(_), None) => Some(below),
            _ => None,
        }
    }

    /// What the other place leaves to one. `None` if it says nothing.
    fn ends(&self, place: usize, values: &[Option<i128>]) -> Option<[i128; 2]> {
        let ([above, below], (lo, hi)) = (self.places, (self.lo, self.hi));
        if place == above {
            let other = values[below]?;
            Some([times(other, lo, true)?, times(other, hi, false)?])
        } else if place == below {
            let other = values[above]?;
            let most = if lo.0 == 0 { i128::MAX } else { times(other, (lo.1, lo.0), false)? };
            Some([times(other, (hi.1, hi.0), true)?, most])
        } else {
            None
        }
    }

    fn holds(&self, values: &[i128]) -> Option<bool> {
        let [above, below] = self.places.map(|place| values[place]);
        let low = self.lo.0.checked_mul(below)? <= self.lo.1.checked_mul(above)?;
        Some(low && self.hi.1.checked_mul(above)? <= self.hi.0.checked_mul(below)?)
    }
}

fn sum_of(values: &[Option<i128>], of: impl Iterator<Item = usize>) -> Option<i128> {
    let mut sum = 0_i128;
    for place in of {
        sum = sum.checked_add(values[place]?)?;
    }
    Some(sum)
}

impl Joint<'_> {
    /// True values with these among them. `None` if they are not found: there may be others.
    pub(super) fn witness(&self, fixed: &[(usize, i128)]) -> Option<Vec<i128>> {
        let mut ratios = Vec::new();
        for said in self.said() {
            if let SaidOf::Ratio(places, interval) = said {
                ratios.push(ShownRatio::new(*places, interval)?);
            }
        }
        // What is known best says what the rest is.
        ratios.sort_by_key(|ratio| ratio.width);
        let mut values: Vec<Option<i128>> = vec![None; self.size()];
        values[ONE] = Some(UNIT);
        fixed.iter().for_each(|(place, value)| values[*place] = Some(*value));
        loop {
            while self.fill_a_sum(&mut values)? {}
            let mut open = ratios.iter().filter_map(|ratio| ratio.open(&values));
            let Some(place) = open.next() else { break };
            // The middle of what all that is known leaves to it.
            let (mut least, mut most) = (0, i128::MAX);
            for [lo, hi] in ratios.iter().filter_map(|ratio| ratio.ends(place, &values)) {
                (least, most) = (least.max(lo), most.min(hi));
            }
            values[place] = (least <= most).then(|| least + (most - least) / 2);
            values[place]?;
        }
        let values: Vec<i128> = values.into_iter().collect::<Option<_>>()?;
        let sums = self.said().all(|said| match said {
            SaidOf::Sum(whole, of) => {
                let each = of.iter().try_fold(0_i128, |sum, at| sum.checked_add(values[*at]));
                each == Some(values[*whole])
            }
            SaidOf::Ratio(..) => true,
        });
        let holds = |ratio: &ShownRatio| ratio.holds(&values) == Some(true);
        let all = sums && values.iter().all(|one| *one >= 0) && ratios.iter().all(holds);
        all.then_some(values)
    }

    /// Computes what one sum leaves open. `None` if it would be below zero.
    fn fill_a_sum(&self, values: &mut [Option<i128>]) -> Option<bool> {
        for said in self.said() {
            let SaidOf::Sum(whole, of) = said else { continue };
            let mut open = of.iter().filter(|place| values[**place].is_none());
            match (values[*whole], open.next(), open.next()) {
                (None, None, _) => values[*whole] = Some(sum_of(values, of.iter().copied())?),
                (Some(all), Some(&part), None) => {
                    let others = sum_of(values, of.iter().copied().filter(|it| *it != part))?;
                    values[part] = Some(all.checked_sub(others).filter(|rest| *rest >= 0)?);
                }
                _ => continue,
            }
            return Some(true);
        }
        Some(false)
    }

    /// What is said of a place itself, in parts of [`UNIT`].
    fn bounds(&self, place: usize) -> Option<[i128; 2]> {
        let mut said = self.said().filter_map(|said| match said {
            SaidOf::Ratio([above, ONE], interval) if *above == place => Some(interval),
            _ => None,
        });
        let interval = said.next().filter(|_| said.next().is_none())?;
        let whole = |end: &Exact| {
            let end = fraction(end)?;
            let value = times(UNIT, end, false)?;
            (value.checked_mul(end.1)? == UNIT.checked_mul(end.0)?).then_some(value)
        };
        Some([whole(&interval.lo)?, whole(&interval.hi)?])
    }

    /// An end of what a part divided by its whole can be, where one of them is the only one that is
    /// left out of their sum. Without all else the end is where the others are least or most; if
    /// all else allows that, it is the end of everything, too.
    pub(super) fn ratio_at_corner(
        &self,
        above: usize,
        below: usize,
        is_most: bool,
    ) -> Option<Exact> {
        let of_both = self.said().find_map(|said| match said {
            SaidOf::Sum(whole, of) if *whole == below && of.contains(&above) => Some(of),
            _ => None,
        })?;
        // The ratio grows with what is given of the two, and falls with the other parts.
        let given = self.bounds(above).map(|ends| (above, ends));
        let given = given.xor(self.bounds(below).map(|ends| (below, ends)));
        let (place, ends) = given?;
        let mut fixed = vec![(place, ends[usize::from(is_most)])];
        for &part in of_both.iter().filter(|part| **part != above) {
            fixed.push((part, self.bounds(part)?[usize::from(!is_most)]));
        }
        let values = self.witness(&fixed)?;
        let (above, below) = (values[above], values[below].cast_unsigned());
        (below > 0).then(|| Exact::from_parts(IBig::from(above), below.into()))
    }
}
