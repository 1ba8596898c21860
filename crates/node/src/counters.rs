//! What a node has done since it started, for those who watch it.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use engine::{Command, Refusal};
use journal::JournalHead;

/// The upper bounds of the buckets of [`SyncTimes`], in microseconds.
pub const SYNC_BOUNDS_US: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];
/// A command's number is a byte.
const NUMBERS: usize = 256;

/// Each value is written by one thread at a time.
pub(crate) struct NodeCounters {
    commands: [AtomicU64; NUMBERS],
    answered_before: AtomicU64,
    refusals: Mutex<BTreeMap<String, u64>>,
    /// The last batch of the journal.
    batch: AtomicU64,
    batches: AtomicU64,
    syncs: [AtomicU64; SYNC_BOUNDS_US.len()],
    sync_us: AtomicU64,
    since_snapshot: AtomicU64,
}

/// What a node has done since it started.
#[derive(Clone, Debug)]
pub struct NodeFigures {
    /// Commands that changed the books, by name.
    pub commands: Vec<(&'static str, u64)>,
    /// Commands whose request key was used before.
    pub answered_before: u64,
    /// Refused commands, by the name of the refusal.
    pub refusals: BTreeMap<String, u64>,
    /// Commands that wait for the engine.
    pub waiting: usize,
    /// The last batch of the journal.
    pub batch: u64,
    pub syncs: SyncTimes,
    /// Commands that the next snapshot will have and the last one has not.
    pub since_snapshot: u64,
}

/// How long it took to make batches durable.
#[derive(Clone, Debug)]
pub struct SyncTimes {
    pub batches: u64,
    /// All of them together, in microseconds.
    pub sum_us: u64,
    /// How many took at most [`SYNC_BOUNDS_US`].
    pub within: [u64; SYNC_BOUNDS_US.len()],
}

impl Default for NodeCounters {
    fn default() -> NodeCounters {
        NodeCounters {
            commands: [const { AtomicU64::new(0) }; NUMBERS],
            answered_before: AtomicU64::new(0),
            refusals: Mutex::default(),
            batch: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            syncs: Default::default(),
            sync_us: AtomicU64::new(0),
            since_snapshot: AtomicU64::new(0),
        }
    }
}

/// There is one writer, so nothing is lost between the two steps.
fn add(to: &AtomicU64, more: u64) {
    to.store(to.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

impl NodeCounters {
    pub(crate) fn carried_out(&self, command: &Command) {
        add(&self.commands[usize::from(command.number())], 1);
    }

    pub(crate) fn answered_before(&self) {
        add(&self.answered_before, 1);
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        let name = match refusal {
            Refusal::Books(refusal) => variant_name(refusal),
            Refusal::Market(refusal) => variant_name(refusal),
            Refusal::Policy(refusal) => variant_name(refusal),
            refusal => variant_name(refusal),
        };
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        *refusals.entry(name).or_default() += 1;
    }

    pub(crate) fn set_head(&self, head: JournalHead) {
        self.batch.store(head.sequence.number(), Ordering::Relaxed);
    }

    pub(crate) fn appended(&self, head: JournalHead, took: Duration) {
        self.set_head(head);
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        add(&self.batches, 1);
        add(&self.sync_us, took_us);
        let bucket = SYNC_BOUNDS_US.iter().position(|bound| took_us <= *bound);
        if let Some(bucket) = bucket {
            add(&self.syncs[bucket], 1);
        }
    }

    pub(crate) fn set_since_snapshot(&self, commands: u64) {
        self.since_snapshot.store(commands, Ordering::Relaxed);
    }

    pub(crate) fn figures(&self, waiting: usize) -> NodeFigures {
        let read = |one: &AtomicU64| one.load(Ordering::Relaxed);
        let mut so_far = 0;
        NodeFigures {
            commands: Command::numbers()
                .map(|(number, name)| (name, read(&self.commands[usize::from(number)])))
                .collect(),
            answered_before: read(&self.answered_before),
            refusals: self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            waiting,
            batch: read(&self.batch),
            syncs: SyncTimes {
                batches: read(&self.batches),
                sum_us: read(&self.sync_us),
                within: self.syncs.each_ref().map(|one| {
                    so_far += read(one);
                    so_far
                }),
            },
            since_snapshot: read(&self.since_snapshot),
        }
    }
}

/// The name of an enum's variant, without what is in it.
fn variant_name(of: &impl fmt::Debug) -> String {
    struct FirstWord(String);

    impl Write for FirstWord {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let word = text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            self.0.push_str(word);
            // Ends the writing of the rest.
            if word.len() < text.len() { Err(fmt::Error) } else { Ok(()) }
        }
    }

    let mut name = FirstWord(String::new());
    let _ = write!(name, "{of:?}");
    name.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use books::{MissingRecord, ParcelId};

    #[test]
    fn a_refusal_is_counted_by_its_name_without_what_is_in_it() {
        let counters = NodeCounters::default();
        let missing = books::Refusal::NotFound(MissingRecord::Parcel(ParcelId::new(7)));
        for refusal in [missing.clone(), books::Refusal::Repeated, missing] {
            counters.refused(&Refusal::Books(refusal));
        }
        counters.refused(&Refusal::RequestKeyTaken);
        let refusals = counters.figures(0).refusals;
        let expected = [("NotFound", 2), ("Repeated", 1), ("RequestKeyTaken", 1)];
        assert_eq!(refusals, expected.map(|(name, count)| (name.to_owned(), count)).into());
    }

    #[test]
    fn the_times_of_batches_are_counted_up_to_each_bound() {
        let counters = NodeCounters::default();
        for took_us in [100, 101, 2_000, 5_000_000] {
            counters.appended(JournalHead::default(), Duration::from_micros(took_us));
        }
        let syncs = counters.figures(0).syncs;
        assert_eq!((syncs.batches, syncs.sum_us), (4, 5_002_201));
        assert_eq!(syncs.within, [1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3]);
    }
}
