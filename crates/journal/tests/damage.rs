//! Damage is reported with its batch and damaged data never returned. Finding it changes nothing.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod scratch;

use std::fs;
use std::path::{Path, PathBuf};

use journal::{
    Journal, JournalBatches, JournalError, ReadJournal, Sequence, SqliteJournal, SqliteReader,
};
use rusqlite::Connection;
use scratch::Scratch;

const BATCHES: u64 = 5;

/// A journal of [`BATCHES`] batches, closed.
fn written(scratch: &Scratch) -> PathBuf {
    let path = scratch.join("journal.sqlite");
    let mut journal = SqliteJournal::create(&path).unwrap();
    let epoch = journal.lead().unwrap().epoch;
    for number in 1..=BATCHES {
        journal.append(epoch, format!("batch {number} {}", "x".repeat(3_000)).as_bytes()).unwrap();
    }
    path
}

/// Changes the file behind the journal's back.
fn change(path: &Path, sql: &str, parameters: impl rusqlite::Params) {
    let connection = Connection::open(path).unwrap();
    assert_eq!(connection.execute(sql, parameters).unwrap(), 1, "{sql}");
}

/// How many batches precede the damage, and the number of the damaged one.
fn damage_in(path: &Path) -> (u64, u64) {
    let mut journal = SqliteReader::open(path).unwrap();
    let mut sound = 0;
    for batch in JournalBatches::new(&mut journal, Sequence::FIRST, 0) {
        match batch {
            Ok(_) => sound += 1,
            Err(JournalError::Damaged { sequence, .. }) => return (sound, sequence.number()),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no damage found among {sound} batches");
}

#[test]
fn a_flipped_byte_in_any_field_is_found_and_its_batch_named() {
    for (field, flipped) in [
        ("payload", "CAST(substr(payload, 1, 99) || x'00' || substr(payload, 101) AS BLOB)"),
        ("hash", "CAST(x'00' || substr(hash, 2) AS BLOB)"),
        ("previous", "CAST(substr(previous, 1, 31) || x'00' AS BLOB)"),
        ("epoch", "epoch + 1"),
    ] {
        let scratch = Scratch::new();
        let path = written(&scratch);
        change(&path, &format!("UPDATE journal SET {field} = {flipped} WHERE seq = 3"), []);
        assert_eq!(damage_in(&path), (2, 3), "{field}");
    }
}

#[test]
fn a_payload_of_another_length_or_type_is_found() {
    for payload in ["zeroblob(3)", "x''"] {
        let scratch = Scratch::new();
        let path = written(&scratch);
        change(&path, &format!("UPDATE journal SET payload = {payload} WHERE seq = 2"), []);
        assert_eq!(damage_in(&path), (1, 2), "{payload}");
    }
}

#[test]
fn a_hash_of_another_length_is_found() {
    let scratch = Scratch::new();
    let path = written(&scratch);
    change(&path, "UPDATE journal SET hash = x'0102' WHERE seq = 4", []);
    assert_eq!(damage_in(&path), (3, 4));
}

#[test]
fn a_missing_batch_is_named() {
    for missing in [1_u64, 3] {
        let scratch = Scratch::new();
        let path = written(&scratch);
        change(&path, "DELETE FROM journal WHERE seq = ?1", [i64::try_from(missing).unwrap()]);
        assert_eq!(damage_in(&path), (missing - 1, missing));
    }
}

#[test]
fn a_missing_last_batch_is_named_by_the_head() {
    let scratch = Scratch::new();
    let path = written(&scratch);
    change(&path, "DELETE FROM journal WHERE seq = 5", []);
    assert_eq!(damage_in(&path), (0, 5));
    let refused = SqliteJournal::open(&path).unwrap().lead();
    assert!(matches!(refused, Err(JournalError::Damaged { .. })), "{refused:?}");
    let words =
        "batch 5 is damaged: it is not in the file, whose head names batch 5 as the last one";
    assert!(refused.is_err_and(|error| error.to_string().contains(words)));
}

#[test]
fn a_batch_behind_the_end_is_named() {
    let scratch = Scratch::new();
    let path = written(&scratch);
    let copy = "INSERT INTO journal SELECT 6, epoch, previous, hash, payload FROM journal
        WHERE seq = 5";
    change(&path, copy, []);
    assert_eq!(damage_in(&path), (0, 6));
}

#[test]
fn a_head_that_does_not_match_the_last_batch_is_found() {
    let scratch = Scratch::new();
    let path = written(&scratch);
    change(&path, "UPDATE head SET hash = zeroblob(32)", []);
    assert_eq!(damage_in(&path), (0, 5));
}

#[test]
fn a_journal_that_another_program_writes_to_is_not_appended_to() {
    let scratch = Scratch::new();
    let path = written(&scratch);
    let mut journal = SqliteJournal::open(&path).unwrap();
    let epoch = journal.lead().unwrap().epoch;
    change(&path, "UPDATE head SET next = next + 1", []);
    let refused = journal.append(epoch, b"x");
    assert!(
        matches!(&refused, Err(JournalError::Damaged { what, .. })
            if what.contains("something else has written")),
        "{refused:?}"
    );
    assert!(matches!(journal.append(epoch, b"x"), Err(JournalError::Stopped)));
}

#[test]
fn a_journal_whose_last_batch_is_damaged_cannot_be_led() {
    let scratch = Scratch::new();
    let path = written(&scratch);
    change(&path, "UPDATE journal SET payload = x'00' WHERE seq = 5", []);
    let before = fs::read(&path).unwrap();
    let mut journal = SqliteJournal::open(&path).unwrap();
    let refused = journal.lead();
    assert!(
        matches!(&refused, Err(JournalError::Damaged { sequence, .. })
            if *sequence == Sequence::new(5)),
        "{refused:?}"
    );
    assert!(matches!(journal.lead(), Err(JournalError::Stopped)));
    drop(journal);
    assert!(fs::read(&path).unwrap() == before, "nothing was changed");
    let message = refused.unwrap_err().to_string();
    for part in ["journal.sqlite", "batch 5", "Nothing was changed", "restore"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn any_flipped_bit_on_the_disk_is_found_or_harmless() {
    let scratch = Scratch::new();
    let path = written(&scratch);
    let sound = fs::read(&path).unwrap();
    let read_all = |path: &Path| -> Result<Vec<_>, JournalError> {
        let mut journal = SqliteReader::open(path)?;
        JournalBatches::new(&mut journal, Sequence::FIRST, usize::MAX).collect()
    };
    let batches = read_all(&path).unwrap();
    let hurt = scratch.join("hurt.sqlite");
    let mut found = 0;
    for place in (0..sound.len()).step_by(53) {
        let mut bytes = sound.clone();
        bytes[place] ^= 1 << (place % 8);
        fs::write(&hurt, &bytes).unwrap();
        match read_all(&hurt) {
            Ok(read) => assert!(read == batches, "byte {place} changes a batch"),
            Err(_) => found += 1,
        }
    }
    assert!(found > 100, "only {found} found");
}

/// A copy of the files of a journal that is still led, with its batches in the log; and the length
/// of the log after each batch.
fn killed(scratch: &Scratch) -> (PathBuf, Vec<u64>) {
    let path = scratch.join("live.sqlite");
    let copy = scratch.join("killed.sqlite");
    let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    let mut journal = SqliteJournal::create(&path).unwrap();
    let epoch = journal.lead().unwrap().epoch;
    let mut lengths = Vec::new();
    for number in 1..=BATCHES {
        journal.append(epoch, format!("batch {number} {}", "y".repeat(9_000)).as_bytes()).unwrap();
        lengths.push(fs::metadata(log(&path)).unwrap().len());
    }
    fs::copy(&path, &copy).unwrap();
    fs::copy(log(&path), log(&copy)).unwrap();
    (copy, lengths)
}

fn log_bytes(path: &Path) -> (PathBuf, Vec<u8>) {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    let bytes = fs::read(&log).unwrap();
    (log, bytes)
}

#[test]
fn a_torn_last_transaction_is_invisible() {
    let scratch = Scratch::new();
    let (path, lengths) = killed(&scratch);
    let (log, bytes) = log_bytes(&path);
    let [.., before, last] = lengths[..] else { panic!("{lengths:?}") };
    let middle = usize::try_from(before.midpoint(last)).unwrap();
    let mut flipped = bytes.clone();
    flipped[middle] ^= 1;
    for torn in [&bytes[..middle], &bytes[..bytes.len() - 1], &flipped] {
        fs::write(&log, torn).unwrap();
        let mut reader = SqliteReader::open(&path).unwrap();
        assert_eq!(reader.head().unwrap().sequence, Sequence::new(BATCHES - 1));
        assert_eq!(reader.read(Sequence::FIRST, usize::MAX).unwrap().len(), 4);
    }
    let mut journal = SqliteJournal::open(&path).unwrap();
    let leadership = journal.lead().unwrap();
    assert_eq!(leadership.head.sequence, Sequence::new(BATCHES - 1));
    journal.append(leadership.epoch, b"again").unwrap();
    assert_eq!(journal.read(Sequence::FIRST, usize::MAX).unwrap().len(), 5);
}

#[test]
fn a_log_that_lost_acknowledged_batches_is_refused_not_cut_off() {
    let scratch = Scratch::new();
    let (path, lengths) = killed(&scratch);
    let (log, bytes) = log_bytes(&path);
    for place in [5, 20, usize::try_from(lengths[0]).unwrap() + 100, 300] {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1;
        fs::write(&log, &flipped).unwrap();
        for refused in [SqliteJournal::open(&path).map(drop), SqliteReader::open(&path).map(drop)] {
            let Err(JournalError::DamagedFile { path: named, what }) = refused else {
                panic!("{place}: {refused:?}");
            };
            assert_eq!(named, log);
            assert!(what.contains("acknowledged"), "{what}");
        }
        assert!(fs::read(&log).unwrap() == flipped, "nothing was changed");
    }
    fs::write(&log, &bytes).unwrap();
    assert_eq!(SqliteReader::open(&path).unwrap().head().unwrap().sequence.number(), BATCHES);
}
