//! The contract of every journal, tested on disk and in memory.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod scratch;

use journal::{
    ChainHash, Epoch, Journal, JournalBatch, JournalBatches, JournalError, JournalHead,
    MemoryJournal, PAYLOAD_BYTES_MAX, ReadJournal, Sequence, SqliteJournal, batch_hash,
};
use proptest::prelude::*;
use scratch::Scratch;

const ALL: usize = usize::MAX;

/// Runs a test on each kind of journal. The test gets a function that opens the same journal again.
fn on_each(test: impl Fn(&mut dyn FnMut() -> Box<dyn Journal>)) {
    let memory = MemoryJournal::new();
    test(&mut || Box::new(memory.clone()));
    let scratch = Scratch::new();
    let path = scratch.join("journal.sqlite");
    drop(SqliteJournal::create(&path).unwrap());
    test(&mut || Box::new(SqliteJournal::open(&path).unwrap()));
}

fn payloads(journal: &mut dyn ReadJournal) -> Vec<Vec<u8>> {
    JournalBatches::new(journal, Sequence::FIRST, ALL).map(|batch| batch.unwrap().payload).collect()
}

#[test]
fn an_empty_journal_ends_before_its_first_batch() {
    on_each(|open| {
        let mut journal = open();
        let empty = JournalHead { sequence: Sequence::NONE, hash: ChainHash::ZERO };
        assert_eq!(journal.head().unwrap(), empty);
        assert_eq!(journal.read(Sequence::FIRST, ALL).unwrap(), []);
        let leadership = journal.lead().unwrap();
        assert_eq!((leadership.epoch, leadership.head), (Epoch::new(1), empty));
    });
}

#[test]
fn batches_are_read_as_they_were_appended_and_form_a_chain() {
    on_each(|open| {
        let mut journal = open();
        let epoch = journal.lead().unwrap().epoch;
        let written: [&[u8]; 4] = [b"one", b"", &[7; 70_000], b"\0four"];
        let heads: Vec<JournalHead> =
            written.iter().map(|payload| journal.append(epoch, payload).unwrap()).collect();
        let mut reader = open();
        assert_eq!(reader.head().unwrap(), heads[3]);
        let read = reader.read(Sequence::FIRST, ALL).unwrap();
        let mut previous = JournalHead::default();
        for (place, batch) in read.iter().enumerate() {
            let sequence = previous.sequence.next();
            let hash = batch_hash(sequence, epoch, previous.hash, written[place]);
            let payload = written[place].to_vec();
            let expected = JournalBatch { sequence, epoch, previous: previous.hash, hash, payload };
            assert_eq!(*batch, expected);
            assert_eq!(batch.head(), heads[place]);
            previous = batch.head();
        }
        assert_eq!(read.len(), written.len());
    });
}

#[test]
fn a_page_holds_what_the_limit_allows_and_at_least_one_batch() {
    on_each(|open| {
        let mut journal = open();
        let epoch = journal.lead().unwrap().epoch;
        for _ in 0..5 {
            journal.append(epoch, &[1; 1_000]).unwrap();
        }
        let mut read = |from, limit| -> Vec<u64> {
            let page = journal.read(Sequence::new(from), limit).unwrap();
            page.iter().map(|batch| batch.sequence.number()).collect()
        };
        assert_eq!(read(1, 0), [1]);
        assert_eq!(read(2, 2 * (1_000 + size_of::<JournalBatch>())), [2, 3]);
        assert_eq!(read(4, ALL), [4, 5]);
        assert_eq!(read(0, 0), [1], "reading starts at the first batch");
        assert_eq!(read(6, ALL), [0; 0]);
        assert_eq!(read(u64::MAX, ALL), [0; 0]);
        assert_eq!(payloads(&mut *journal).len(), 5);
    });
}

#[test]
fn nothing_is_appended_before_a_takeover() {
    on_each(|open| {
        let mut journal = open();
        let refused = journal.append(Epoch::new(1), b"x");
        assert!(matches!(refused, Err(JournalError::NotLeading)), "{refused:?}");
        let epoch = journal.lead().unwrap().epoch;
        journal.append(epoch, b"x").unwrap();
    });
}

#[test]
fn a_stale_leader_is_fenced_for_good() {
    on_each(|open| {
        let mut old = open();
        let stale = old.lead().unwrap().epoch;
        old.append(stale, b"1").unwrap();
        let mut new = open();
        let leadership = new.lead().unwrap();
        assert_eq!(leadership.epoch, Epoch::new(2));
        assert_eq!(leadership.head.sequence, Sequence::new(1));
        // The old leader has several appends on their way, with the numbers 2, 3 and 4. The first
        // is refused. Then the new leader appends 2, so that the old leader's 3 would match.
        let refused = old.append(stale, b"old 2");
        assert!(
            matches!(refused, Err(JournalError::Fenced { ours, by })
                if ours == stale && by == leadership.epoch),
            "{refused:?}"
        );
        new.append(leadership.epoch, b"new 2").unwrap();
        for payload in [b"old 3", b"old 4"] {
            let refused = old.append(stale, payload);
            assert!(matches!(refused, Err(JournalError::Stopped)), "{refused:?}");
        }
        assert!(matches!(old.lead(), Err(JournalError::Stopped)), "recovery is a normal start");
        new.append(leadership.epoch, b"new 3").unwrap();
        assert_eq!(payloads(&mut *new), [&b"1"[..], b"new 2", b"new 3"]);
    });
}

#[test]
fn a_leader_that_takes_over_again_cannot_use_its_old_epoch() {
    on_each(|open| {
        let mut journal = open();
        let first = journal.lead().unwrap().epoch;
        let second = journal.lead().unwrap().epoch;
        assert!(second > first);
        let refused = journal.append(first, b"x");
        assert!(matches!(refused, Err(JournalError::Fenced { .. })), "{refused:?}");
        let refused = journal.append(second, b"x");
        assert!(matches!(refused, Err(JournalError::Stopped)), "{refused:?}");
        assert_eq!(open().head().unwrap().sequence, Sequence::NONE);
    });
}

#[test]
fn after_a_failed_append_nothing_more_is_appended() {
    on_each(|open| {
        let mut journal = open();
        let epoch = journal.lead().unwrap().epoch;
        journal.append(epoch, b"kept").unwrap();
        let refused = journal.append(epoch, &vec![0; PAYLOAD_BYTES_MAX + 1]);
        assert!(matches!(refused, Err(JournalError::TooLarge { .. })), "{refused:?}");
        assert!(matches!(journal.append(epoch, b"x"), Err(JournalError::Stopped)));
        drop(journal);
        let mut again = open();
        assert_eq!(payloads(&mut *again), [b"kept"]);
        let epoch = again.lead().unwrap().epoch;
        again.append(epoch, b"more").unwrap();
    });
}

#[test]
fn all_batches_are_read_page_by_page_and_what_follows_a_snapshot_fits_it() {
    on_each(|open| {
        let mut journal = open();
        let epoch = journal.lead().unwrap().epoch;
        let heads: Vec<JournalHead> =
            (0..10).map(|byte| journal.append(epoch, &[byte; 100]).unwrap()).collect();
        let read: Vec<u64> = JournalBatches::new(&mut *journal, Sequence::new(3), 500)
            .map(|batch| batch.unwrap().sequence.number())
            .collect();
        assert_eq!(read, (3..=10).collect::<Vec<u64>>());
        let rest = JournalBatches::after(&mut *journal, heads[6], 0).collect::<Result<Vec<_>, _>>();
        assert_eq!(rest.unwrap().len(), 3);
        let elsewhere = JournalHead { hash: ChainHash::new([1; 32]), ..heads[6] };
        let mut rest = JournalBatches::after(&mut *journal, elsewhere, 0);
        let forked = rest.next();
        assert!(
            matches!(forked, Some(Err(JournalError::Forked { sequence, .. }))
                if sequence == Sequence::new(8)),
            "{forked:?}"
        );
        assert!(rest.next().is_none());
    });
}

#[test]
fn the_largest_batch_fits() {
    on_each(|open| {
        let mut journal = open();
        let epoch = journal.lead().unwrap().epoch;
        let payload = vec![0xAB; PAYLOAD_BYTES_MAX];
        journal.append(epoch, &payload).unwrap();
        journal.append(epoch, b"after").unwrap();
        let page = journal.read(Sequence::FIRST, 0).unwrap();
        assert!(page.len() == 1 && page[0].payload == payload);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn disk_and_memory_agree(
        steps in prop::collection::vec((any::<bool>(), 0..20_000_usize, any::<u8>()), 1..40),
        limit in 0..50_000_usize,
    ) {
        let scratch = Scratch::new();
        let path = scratch.join("journal.sqlite");
        let mut disk = SqliteJournal::create(&path).unwrap();
        let mut memory = MemoryJournal::new();
        prop_assert_eq!(disk.lead().unwrap(), memory.lead().unwrap());
        for (restart, length, byte) in steps {
            if restart {
                drop(disk);
                disk = SqliteJournal::open(&path).unwrap();
                memory = memory.clone();
            }
            let (ours, theirs) = (disk.lead().unwrap(), memory.lead().unwrap());
            prop_assert_eq!(ours, theirs);
            let payload = vec![byte; length];
            let appended = disk.append(ours.epoch, &payload).unwrap();
            prop_assert_eq!(appended, memory.append(theirs.epoch, &payload).unwrap());
        }
        let end = memory.head().unwrap().sequence.number();
        for from in 0..=end + 1 {
            let from = Sequence::new(from);
            prop_assert_eq!(disk.read(from, limit).unwrap(), memory.read(from, limit).unwrap());
        }
    }
}
