//! A journal made again from the batches of another one.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod scratch;

use journal::{
    Epoch, Journal, JournalBatch, JournalCopy, JournalError, MemoryJournal, ReadJournal, Sequence,
    SqliteJournal, SqliteReader,
};
use scratch::Scratch;

/// Batches of two leaders.
fn batches() -> Vec<JournalBatch> {
    let mut journal = MemoryJournal::default();
    for payloads in [&[b"one".as_slice(), b"two"][..], &[b"three"]] {
        let epoch = journal.lead().unwrap().epoch;
        for payload in payloads {
            journal.append(epoch, payload).unwrap();
        }
    }
    journal.read(Sequence::FIRST, usize::MAX).unwrap()
}

#[test]
fn a_copy_has_the_same_batches_and_goes_on_with_a_higher_epoch() {
    let scratch = Scratch::new();
    let path = scratch.join("journal.sqlite");
    let batches = batches();
    let mut copy = JournalCopy::create(&path).unwrap();
    batches.iter().for_each(|batch| copy.add(batch).unwrap());
    let head = copy.finish().unwrap();
    assert_eq!(head, batches[2].head());
    let mut reader = SqliteReader::open(&path).unwrap();
    assert_eq!(reader.read(Sequence::FIRST, usize::MAX).unwrap(), batches);
    let mut journal = SqliteJournal::open(&path).unwrap();
    let leadership = journal.lead().unwrap();
    assert_eq!((leadership.head, leadership.epoch), (head, Epoch::new(3)));
    let next = journal.append(leadership.epoch, b"four").unwrap();
    assert_eq!(next.sequence, Sequence::new(4));
}

#[test]
fn a_batch_that_does_not_follow_is_refused() {
    let scratch = Scratch::new();
    let path = scratch.join("journal.sqlite");
    let batches = batches();
    let mut copy = JournalCopy::create(&path).unwrap();
    let damaged =
        |added| matches!(added, Err(JournalError::Damaged { .. } | JournalError::Forked { .. }));
    assert!(damaged(copy.add(&batches[1])));
    copy.add(&batches[0]).unwrap();
    assert!(damaged(copy.add(&batches[0])));
    assert!(damaged(copy.add(&batches[2])));
    for change in [
        |batch: &mut JournalBatch| batch.payload.push(0),
        |batch: &mut JournalBatch| batch.epoch = Epoch::NONE,
        |batch: &mut JournalBatch| batch.previous = batch.hash,
    ] {
        let mut changed = batches[1].clone();
        change(&mut changed);
        assert!(damaged(copy.add(&changed)));
    }
    copy.add(&batches[1]).unwrap();
    assert_eq!(copy.finish().unwrap(), batches[1].head());
}
