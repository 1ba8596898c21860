//! The files of card networks: our clearing file, and UnionPay's fixed-width files.

mod cups;
mod our_clearing;

use books::{BusinessDate, Timestamp};
use money::Currency;
use peers::message_time::transmission_time;

use super::day::RailLine;
use super::faults::Planted;
use super::{CounterpartyForm, RenderedFile};

/// The statement of a network or wallet about one day.
#[derive(Clone)]
pub(super) struct PlantedRail {
    pub reference: String,
    pub is_wallet: bool,
    /// Whether it sends ACOMA, as to a service provider, in the place of ACOM.
    pub sends_acoma: bool,
    pub date: BusinessDate,
    pub booked_on: BusinessDate,
    pub currency: Currency,
    pub utc_offset_minutes: i16,
    pub lines: Vec<Planted<RailLine>>,
}

impl PlantedRail {
    /// `2013-11-11 10:11:12` in local time.
    pub(super) fn local_text(&self, at: Timestamp) -> String {
        at.local(self.utc_offset_minutes).to_string().replacen('T', " ", 1)[..19].to_owned()
    }

    /// `MMDDhhmmss` in local time.
    pub(super) fn local_number(&self, at: Timestamp) -> u64 {
        let ahead = i64::from(self.utc_offset_minutes) * 60_000;
        u64::from(transmission_time(at.0.saturating_add_signed(ahead)))
    }
}

pub(super) fn render(form: CounterpartyForm, rail: &PlantedRail) -> Vec<RenderedFile> {
    match form {
        _ if rail.lines.is_empty() => Vec::new(),
        CounterpartyForm::Ours => vec![our_clearing::render(rail)],
        CounterpartyForm::Cups => cups::render(rail),
        _ => Vec::new(),
    }
}

pub(super) use our_clearing::render as render_ours;
