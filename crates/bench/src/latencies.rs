use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Longer latencies are counted as an hour.
const LATENCY_US_MAX: u64 = 3_600_000_000;

/// A histogram of latencies in microseconds, correct to 0.1%.
///
/// As JSON, a list of pairs: a latency, and how often it was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Vec<(u64, u64)>", from = "Vec<(u64, u64)>")]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3);
        Latencies(histogram.expect("the bounds and three digits are valid"))
    }
}

impl Latencies {
    pub fn add(&mut self, micros: u64, count: u64) {
        self.0.saturating_record_n(micros, count);
    }

    /// Adds all latencies of another histogram.
    pub fn merge(&mut self, other: &Latencies) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    #[must_use]
    pub fn median(&self) -> u64 {
        self.0.value_at_quantile(0.5)
    }

    #[must_use]
    pub fn p99(&self) -> u64 {
        self.0.value_at_quantile(0.99)
    }

    #[must_use]
    pub fn p999(&self) -> u64 {
        self.0.value_at_quantile(0.999)
    }

    #[must_use]
    pub fn max(&self) -> u64 {
        self.0.max()
    }
}

impl From<Latencies> for Vec<(u64, u64)> {
    fn from(latencies: Latencies) -> Self {
        let recorded = latencies.0.iter_recorded();
        recorded.map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
    }
}

impl From<Vec<(u64, u64)>> for Latencies {
    fn from(pairs: Vec<(u64, u64)>) -> Self {
        let mut latencies = Latencies::default();
        pairs.into_iter().for_each(|(micros, count)| latencies.add(micros, count));
        latencies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_of_several_processes_add_up() {
        let (mut one, mut both) = (Latencies::default(), Latencies::default());
        one.add(7, 99);
        one.add(70_000, 1);
        let json = serde_json::to_string(&one).unwrap();
        both.merge(&serde_json::from_str(&json).unwrap());
        let figures =
            |latencies: &Latencies| (latencies.median(), latencies.p99(), latencies.max());
        assert_eq!(figures(&both), figures(&one));
        assert_eq!((both.median(), both.p99()), (7, 7));
        assert!((70_000..=70_070).contains(&both.max()));
        both.add(9, 1_000);
        assert_eq!((both.median(), both.p99()), (9, 9));
    }

    #[test]
    fn latencies_beyond_the_largest_are_counted() {
        let mut latencies = Latencies::default();
        latencies.add(u64::MAX, 1);
        assert!(latencies.max() >= LATENCY_US_MAX);
        assert_eq!(Latencies::default().p99(), 0);
    }
}
