//! What a command did: its events, its postings, and the day to which they belong.

use tariff::BusinessDate;

use crate::event::{Event, Posting};

/// Events and postings of a command, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandOutcome {
    pub events: Vec<Event>,
    pub postings: Vec<Posting>,
    /// The day to which the postings belong, if it is not the business date.
    pub value_date: Option<BusinessDate>,
}

impl CommandOutcome {
    /// Empties it for reuse.
    pub fn clear(&mut self) {
        self.events.clear();
        self.postings.clear();
        self.value_date = None;
    }

    /// Keeps the day to which the postings belong, if it is not today.
    pub(crate) fn set_value_date(&mut self, date: BusinessDate, today: BusinessDate) {
        self.value_date = (date != today).then_some(date);
    }
}
