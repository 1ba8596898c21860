//! A schedule: entries due at the same moment run in the order in which they were added.

use std::collections::BTreeMap;

use books::Timestamp;

#[derive(Debug)]
pub(crate) struct Schedule<T> {
    moments: BTreeMap<Timestamp, Vec<T>>,
}

impl<T> Schedule<T> {
    pub(crate) fn new() -> Schedule<T> {
        Schedule { moments: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, at: Timestamp, what: T) {
        self.moments.entry(at).or_default().push(what);
    }

    /// The moment of the next entry.
    pub(crate) fn next_moment(&self) -> Option<Timestamp> {
        self.moments.first_key_value().map(|(moment, _)| *moment)
    }

    /// Takes the entries of the next moment if it is not after `now`.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<Vec<T>> {
        self.next_moment().filter(|moment| *moment <= now)?;
        self.moments.pop_first().map(|(_, things)| things)
    }
}
