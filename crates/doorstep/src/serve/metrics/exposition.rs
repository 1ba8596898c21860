//! The text format of Prometheus, version 0.0.4.

use std::fmt::{self, Display, Write};

/// How a metric is read.
#[derive(Clone, Copy)]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// A page of metrics.
#[derive(Default)]
pub struct Exposition(String);

/// The samples of one metric.
pub struct Samples<'e> {
    page: &'e mut String,
    name: &'static str,
}

/// Thousandths of a unit, or what has a finer unit: without floats.
pub struct Scaled {
    pub units: u64,
    /// Units in one.
    pub per_one: u64,
}

impl Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scaled { units, per_one } = self;
        if *per_one == 1 {
            return write!(f, "{units}");
        }
        let width = usize::try_from(per_one.ilog10()).unwrap_or_default();
        write!(f, "{}.{:0width$}", units / per_one, units % per_one)
    }
}

pub fn seconds_of_ms(ms: u64) -> Scaled {
    Scaled { units: ms, per_one: 1_000 }
}

pub fn seconds_of_us(us: u64) -> Scaled {
    Scaled { units: us, per_one: 1_000_000 }
}

impl Exposition {
    /// Begins a metric. It has no sample yet.
    pub fn metric(&mut self, name: &'static str, kind: MetricKind, help: &str) -> Samples<'_> {
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing into memory does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Samples { page: &mut self.0, name }
    }

    /// A metric with one sample.
    pub fn counter(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.metric(name, MetricKind::Counter, help).add(&[], value);
    }

    /// A metric with one sample.
    pub fn gauge(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.metric(name, MetricKind::Gauge, help).add(&[], value);
    }

    /// A metric without a sample while its value is not known.
    pub fn known(&mut self, name: &'static str, help: &str, value: Option<impl Display>) {
        let mut samples = self.metric(name, MetricKind::Gauge, help);
        if let Some(value) = value {
            samples.add(&[], value);
        }
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

impl Samples<'_> {
    /// Adds a sample, with names and values of labels.
    pub fn add(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.add_part("", labels, value)
    }

    /// A sample of a part of the metric: of a histogram its sum, its count or a bucket.
    pub fn add_part(
        &mut self,
        part: &str,
        labels: &[(&str, &str)],
        value: impl Display,
    ) -> &mut Self {
        self.page.push_str(self.name);
        self.page.push_str(part);
        for (place, (label, text)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.page, "{before}{label}=\"{text}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.page, "{end} {value}");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_labels_are_written_as_the_format_says() {
        let mut page = Exposition::default();
        page.gauge("age_seconds", "An age.\nOf \\ it.", seconds_of_ms(61_005));
        page.known("nothing", "Not known.", None::<u64>);
        page.metric("links", MetricKind::Gauge, "Links.")
            .add(&[("network", "a\"b\\c\nd"), ("link", "0")], 1);
        let mut times = page.metric("times", MetricKind::Histogram, "Times.");
        times.add_part("_bucket", &[("le", "+Inf")], 3).add_part("_sum", &[], seconds_of_us(25));
        let expected = "# HELP age_seconds An age.\\nOf \\\\ it.\n# TYPE age_seconds gauge\n\
                        age_seconds 61.005\n# HELP nothing Not known.\n# TYPE nothing gauge\n\
                        # HELP links Links.\n# TYPE links gauge\n\
                        links{network=\"a\\\"b\\\\c\\nd\",link=\"0\"} 1\n\
                        # HELP times Times.\n# TYPE times histogram\n\
                        times_bucket{le=\"+Inf\"} 3\ntimes_sum 0.000025\n";
        assert_eq!(page.into_text(), expected);
    }
}
