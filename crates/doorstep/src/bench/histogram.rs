//! A latency histogram with buckets of at most 1%.

/// Sub-buckets of each power of two.
const SUB: u64 = 128;

/// In microseconds.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; 64 * 128], total: 0, max: 0 }
    }
}

impl Histogram {
    pub fn add(&mut self, micros: u64, many: u64) {
        self.counts[bucket(micros)] += many;
        self.total += many;
        self.max = self.max.max(micros);
    }

    /// Pairs of bucket and count, without empty buckets.
    pub fn parts(&self) -> Vec<(usize, u64)> {
        let counts = self.counts.iter().copied().enumerate();
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Adds the parts and the maximum of another histogram.
    pub fn add_parts(&mut self, parts: &[(usize, u64)], max: u64) {
        for &(place, many) in parts {
            if let Some(count) = self.counts.get_mut(place) {
                *count += many;
                self.total += many;
            }
        }
        self.max = self.max.max(max);
    }

    /// The permille quantile.
    pub fn at_permille(&self, permille: u64) -> u64 {
        let wanted = self.total.saturating_mul(permille).div_ceil(1000);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return upper_edge(place).min(self.max);
            }
        }
        self.max
    }

    pub fn max(&self) -> u64 {
        self.max
    }
}

fn bucket(value: u64) -> usize {
    if value < SUB {
        return usize::try_from(value).unwrap_or(0);
    }
    let shift = value.ilog2() - SUB.ilog2();
    let place = u64::from(shift + 1) * SUB + ((value >> shift) - SUB);
    usize::try_from(place).unwrap_or(usize::MAX)
}

fn upper_edge(place: usize) -> u64 {
    let place = place as u64;
    if place < SUB {
        return place;
    }
    let shift = place / SUB - 1;
    ((place % SUB + SUB + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_within_one_percent() {
        for value in [0, 1, 127, 128, 129, 255, 256, 1_000, 65_535, 65_536, 123_456_789] {
            let edge = upper_edge(bucket(value));
            assert!(edge >= value && edge <= value + value / 100, "{value}: {edge}");
        }
    }

    #[test]
    fn two_histograms_add_up() {
        let (mut one, mut both) = (Histogram::default(), Histogram::default());
        one.add(7, 3);
        one.add(70_000, 1);
        both.add(9, 6);
        both.add_parts(&one.parts(), one.max());
        assert_eq!((both.at_permille(300), both.at_permille(900)), (7, 9));
        assert_eq!((both.at_permille(1000), both.max()), (70_000, 70_000));
    }

    #[test]
    fn quantiles_are_read() {
        let mut histogram = Histogram::default();
        for value in 1..=1000 {
            histogram.add(value, 1);
        }
        assert_eq!(histogram.at_permille(500), 501);
        assert_eq!((histogram.at_permille(1000), histogram.max()), (1000, 1000));
        assert_eq!(Histogram::default().at_permille(500), 0);
    }
}
