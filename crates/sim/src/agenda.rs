//! Who acts when: what is due at one moment acts in the order in which it was put down.

use std::collections::BTreeMap;

use engine::Timestamp;

/// Things to come.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    moments: BTreeMap<Timestamp, Vec<T>>,
}

impl<T> Agenda<T> {
    pub(crate) fn new() -> Agenda<T> {
        Agenda { moments: BTreeMap::new() }
    }

    pub(crate) fn put(&mut self, at: Timestamp, what: T) {
        self.moments.entry(at).or_default().push(what);
    }

    /// The next moment at which something is due.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.moments.first_key_value().map(|(moment, _)| *moment)
    }

    /// All that is due at the next moment, where that has come.
    pub(crate) fn due(&mut self, now: Timestamp) -> Option<Vec<T>> {
        self.first().filter(|moment| *moment <= now)?;
        self.moments.pop_first().map(|(_, things)| things)
    }
}
