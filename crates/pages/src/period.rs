//! Pages about some days that a viewer chooses: the market, a preview of promotions; and the list
//! of what is to be packed.

use askama::Template;

use crate::PageFrame;
use crate::cells::Cell;
use crate::chart::BarChart;
use crate::home::HomeTile;
use crate::portal::PortalTable;

/// A text that is sent with the days.
pub struct PeriodText {
    pub csrf: String,
    pub label: &'static str,
    pub hint: &'static str,
    pub text: String,
}

/// Figures of some days.
#[derive(Template)]
#[template(path = "period.html")]
pub struct PeriodPage {
    pub frame: PageFrame,
    pub lead: String,
    /// Where the form goes, with what it keeps.
    pub path: String,
    pub kept: Vec<(&'static str, String)>,
    pub from: String,
    pub until: String,
    pub text: Option<PeriodText>,
    pub button: &'static str,
    pub error: Option<String>,
    pub tiles: Vec<HomeTile>,
    /// Each with its title.
    pub charts: Vec<(String, BarChart)>,
    pub tables: Vec<PortalTable>,
    pub notes: Vec<String>,
}

/// A parcel that waits for its courier.
pub struct PackedParcel {
    pub waybill: String,
    pub href: String,
    /// Label and value: the order, when, what is due.
    pub facts: Vec<(&'static str, Cell)>,
    /// Article, number of units, weight.
    pub units: Vec<[String; 3]>,
    /// Name, phone, address, once they are shown.
    pub buyer: Vec<(&'static str, String)>,
    pub id: String,
}

/// What a seller has to pack.
#[derive(Template)]
#[template(path = "packing.html")]
pub struct PackingPage {
    pub frame: PageFrame,
    pub csrf: String,
    pub path: &'static str,
    pub lead: String,
    pub parcels: Vec<PackedParcel>,
    /// Units of all parcels by article.
    pub sums: PortalTable,
    pub more: Option<String>,
    /// The viewer may see who gets the parcels.
    pub can_show: bool,
    /// What the books recorded, or why nothing was shown.
    pub notice: Option<(crate::Tone, String)>,
}
