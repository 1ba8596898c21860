//! Error rates with their intervals.

use serde::Serialize;

/// z² of 95%, in parts per million: 1.959964².
const Z2_PPM: u128 = 3_841_459;
const PPM: u128 = 1_000_000;

/// A rate in parts per million, with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RateInterval {
    pub rate_ppm: u32,
    pub low_ppm: u32,
    pub high_ppm: u32,
}

/// The Wilson score interval of 95% of `found` in `all`. `None` of nothing. The bounds are rounded
/// outwards.
///
/// # Panics
/// If more are found than there are.
#[must_use]
pub fn wilson(found: u32, all: u32) -> Option<RateInterval> {
    assert!(found <= all, "at most all are found");
    let (k, n) = (u128::from(found), u128::from(all));
    if n == 0 {
        return None;
    }
    // (2k + z² ± √(z²(z² + 4k(n − k)/n))) / 2(n + z²), each in parts per million.
    let whole = 2 * (n * PPM + Z2_PPM);
    let centre = 2 * k * PPM + Z2_PPM;
    let root = (Z2_PPM * (Z2_PPM + (4 * k * (n - k) * PPM).div_ceil(n))).isqrt() + 1;
    let low = if k == 0 { 0 } else { centre.saturating_sub(root) * PPM / whole };
    let high = if k == n { PPM } else { ((centre + root) * PPM).div_ceil(whole).min(PPM) };
    let ppm = |value: u128| u32::try_from(value).unwrap_or(u32::MAX);
    Some(RateInterval { rate_ppm: ppm(k * PPM / n), low_ppm: ppm(low), high_ppm: ppm(high) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the intervals of statsmodels' `proportion_confint(method="wilson")`.
    #[test]
    fn intervals_are_those_of_another_program() {
        let cases = [
            (0, 10, 0, 277_533),
            (1, 10, 17_876, 404_151),
            (5, 10, 236_594, 763_407),
            (10, 10, 722_467, 1_000_000),
            (3, 200, 5_114, 43_166),
            (500, 1_000, 469_070, 530_931),
        ];
        for (found, all, low, high) in cases {
            let interval = wilson(found, all).unwrap();
            let near = |a: u32, b: u32| a.abs_diff(b) <= 3;
            assert!(near(interval.low_ppm, low) && near(interval.high_ppm, high), "{interval:?}");
        }
        assert_eq!(wilson(0, 0), None);
    }
}
