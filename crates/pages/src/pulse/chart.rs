//! The bars of some days as an SVG that stands by itself: it has a title and a description, and the
//! colour of the text around it.

use std::fmt::Write as _;

const WIDTH: i64 = 560;
const HEIGHT: i64 = 120;
/// Above the highest bar and below the floor.
const MARGIN: i64 = 18;

/// A value of each day.
pub struct TrendChart {
    pub id: String,
    pub title: String,
    /// The values in words, for who does not see them.
    pub about: String,
    /// The label of a day, its value, and the value as it is written.
    pub bars: Vec<(String, i64, String)>,
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl TrendChart {
    #[must_use]
    pub fn svg(&self) -> String {
        let count = i64::try_from(self.bars.len()).unwrap_or(1).max(1);
        let most = self.bars.iter().map(|bar| bar.1).max().unwrap_or(0).max(1);
        let (id, whole) = (escaped(&self.id), HEIGHT + 2 * MARGIN);
        let mut out = format!(
            "<svg class=\"trend\" viewBox=\"0 0 {WIDTH} {whole}\" width=\"{WIDTH}\" \
             height=\"{whole}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
            escaped(&self.title),
            escaped(&self.about)
        );
        let floor = MARGIN + HEIGHT;
        for (place, (label, value, text)) in (0..).zip(&self.bars) {
            let (left, step) = (WIDTH * place / count, WIDTH / count);
            let height = i128::from(HEIGHT) * i128::from((*value).max(0)) / i128::from(most);
            let height = i64::try_from(height).unwrap_or(0);
            // What is there is seen.
            let height = if *value > 0 { height.max(1) } else { 0 };
            let last = if place + 1 == count { " class=\"now\"" } else { "" };
            let _ = write!(
                out,
                "<rect{last} x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\" \
                 fill=\"currentColor\"><title>{} {}</title></rect>",
                left + step / 8,
                floor - height,
                (step * 3 / 4).max(1),
                escaped(label),
                escaped(text)
            );
            if place == 0 || place + 1 == count {
                let (anchor, x) = if place == 0 { ("start", 0) } else { ("end", WIDTH) };
                let _ = write!(
                    out,
                    "<text x=\"{x}\" y=\"{}\" font-size=\"12\" fill=\"currentColor\" \
                     text-anchor=\"{anchor}\">{}</text>",
                    floor + 14,
                    escaped(label)
                );
            }
        }
        let _ = write!(out, "<path d=\"M0 {floor}H{WIDTH}\" stroke=\"currentColor\"/></svg>");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_fills_the_height_and_texts_are_escaped() {
        let bar = |value: i64| (format!("<{value}>"), value, value.to_string());
        let chart = TrendChart {
            id: "x".to_owned(),
            title: "A & B".to_owned(),
            about: "a \"day\"".to_owned(),
            bars: vec![bar(0), bar(50), bar(100)],
        };
        let svg = chart.svg();
        assert!(svg.contains("<title id=\"x-t\">A &amp; B</title>"));
        let heights = svg.split("<rect").skip(1).map(|rect| {
            let height = rect.split(" height=\"").nth(1).unwrap();
            height.split('"').next().unwrap().parse::<i64>().unwrap()
        });
        assert_eq!(heights.collect::<Vec<_>>(), [0, 60, 120]);
        assert!(!svg.contains("<0>") && !svg.contains("style="));
    }
}
