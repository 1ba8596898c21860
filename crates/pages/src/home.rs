//! The first page: what needs action, then the figures of the day.

use askama::Template;

use crate::PageFrame;
use crate::chart::BarChart;
use crate::tone::Tone;

/// Work that waits.
pub struct OpenWork {
    pub tone: Tone,
    pub what: &'static str,
    pub count: String,
    /// With its currency.
    pub sum: String,
    pub href: String,
}

/// A figure.
pub struct HomeTile {
    pub title: &'static str,
    /// A value for each currency.
    pub values: Vec<(String, String)>,
    pub about: String,
    pub href: Option<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "home.html")]
pub struct HomePage {
    pub frame: PageFrame,
    pub date: String,
    pub work: Vec<OpenWork>,
    pub tiles: Vec<HomeTile>,
    /// One for each currency.
    pub charts: Vec<DayChart>,
}

/// A chart with the figures it shows.
pub struct DayChart {
    pub currency: String,
    pub chart: BarChart,
    /// Each series with its sum and count.
    pub sums: Vec<(String, String, String)>,
    /// Each bar with its values.
    pub rows: Vec<(String, Vec<String>)>,
}
