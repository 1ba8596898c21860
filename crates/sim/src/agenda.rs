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

    /// The next moment with all that is due at it.
    pub(crate) fn next(&mut self) -> Option<(Timestamp, Vec<T>)> {
        self.moments.pop_first()
    }
}
