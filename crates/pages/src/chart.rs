//! Bars as SVG. Places along the page are parts of the width, so that texts keep their size on a
//! narrow screen; colours are classes, so that they follow the theme.

use std::fmt::Write as _;

/// Height of the bars, and of the labels below.
const HEIGHT: i64 = 150;
const LABELS: i64 = 20;
/// Above the highest bar.
const HEAD: i64 = 16;

/// A bar, with a value for each series from the bottom.
#[derive(Clone, Debug)]
pub struct ChartBar {
    pub label: String,
    pub values: Vec<i64>,
}

/// Stacked bars.
#[derive(Clone, Debug)]
pub struct BarChart {
    /// What it shows, for who does not see it.
    pub title: String,
    pub series: Vec<String>,
    pub bars: Vec<ChartBar>,
    /// How the highest value is written.
    pub highest: String,
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A part of the width in thousandths, as a percentage.
fn percent(thousandths: i64) -> String {
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

impl BarChart {
    /// The sum of the highest bar.
    #[must_use]
    pub fn maximum(&self) -> i64 {
        self.bars.iter().map(|bar| bar.values.iter().sum()).max().unwrap_or(0)
    }

    /// The drawing.
    #[must_use]
    pub fn svg(&self) -> String {
        let count = i64::try_from(self.bars.len()).unwrap_or(0).max(1);
        let most = self.maximum().max(1);
        let whole = HEAD + HEIGHT + LABELS;
        let mut out = format!(
            "<svg class=\"chart\" width=\"100%\" height=\"{whole}\" role=\"img\" \
             aria-label=\"{}\">",
            escaped(&self.title)
        );
        let floor = HEAD + HEIGHT;
        let _ = write!(
            out,
            "<line class=\"rule\" x1=\"0\" x2=\"100%\" y1=\"{HEAD}\" y2=\"{HEAD}\"/>\
             <text class=\"top\" x=\"0\" y=\"{}\">{}</text>",
            HEAD - 5,
            escaped(&self.highest)
        );
        for (place, bar) in self.bars.iter().enumerate() {
            let place = i64::try_from(place).unwrap_or(0);
            let (left, width) = (place * 1_000 / count, 720 / count);
            let mut bottom = floor;
            for (series, value) in bar.values.iter().enumerate() {
                let height = (i128::from(*value) * i128::from(HEIGHT) / i128::from(most))
                    .clamp(0, i128::from(HEIGHT));
                let height = i64::try_from(height).unwrap_or(0);
                // What is there is seen.
                let height = if *value > 0 { height.max(1) } else { 0 };
                if height == 0 {
                    continue;
                }
                bottom -= height;
                let _ = write!(
                    out,
                    "<rect class=\"s{}\" x=\"{}\" y=\"{bottom}\" width=\"{}\" \
                     height=\"{height}\"/>",
                    series + 1,
                    percent(left + 140 / count),
                    percent(width),
                );
            }
            let class = if place % 3 == 0 { "" } else { " class=\"some\"" };
            let _ = write!(
                out,
                "<text{class} x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                percent(left + 500 / count),
                floor + 15,
                escaped(&bar.label)
            );
        }
        let _ = write!(
            out,
            "<line class=\"floor\" x1=\"0\" x2=\"100%\" y1=\"{floor}\" y2=\"{floor}\"/></svg>"
        );
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_fills_the_height_and_the_others_are_in_proportion() {
        let bar = |label: &str, values: &[i64]| ChartBar {
            label: label.to_owned(),
            values: values.to_vec(),
        };
        let chart = BarChart {
            title: "by <hour>".to_owned(),
            series: vec!["a".to_owned(), "b".to_owned()],
            bars: vec![bar("8", &[50, 50]), bar("9", &[25, 0]), bar("10", &[0, 0])],
            highest: "1.00".to_owned(),
        };
        let svg = chart.svg();
        let heights = svg.split("<rect").skip(1).map(|rect| {
            let height = rect.split("height=\"").nth(1).unwrap();
            height.split('"').next().unwrap().parse::<i64>().unwrap()
        });
        assert_eq!(heights.collect::<Vec<_>>(), [75, 75, 37]);
        assert!(svg.contains("by &lt;hour&gt;") && !svg.contains("style="));
    }
}
