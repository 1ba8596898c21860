//! Opening files: newer formats, other files, missing files.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod scratch;

use std::fs;
use std::path::Path;

use journal::{Journal, JournalError, ReadJournal, SqliteJournal, SqliteReader, Tuning};
use rusqlite::Connection;
use scratch::Scratch;

/// The errors of both ways to open.
fn refusals(path: &Path) -> [JournalError; 2] {
    [SqliteJournal::open(path).unwrap_err(), SqliteReader::open(path).unwrap_err()]
}

#[test]
fn a_journal_of_a_newer_doorstep_is_refused_with_both_versions() {
    let scratch = Scratch::new();
    let path = scratch.join("journal.sqlite");
    drop(SqliteJournal::create(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let before = fs::read(&path).unwrap();
    for refused in refusals(&path) {
        assert!(matches!(refused, JournalError::Newer { found: 2, known: 1, .. }), "{refused}");
        assert!(refused.to_string().contains("newer Doorstep"), "{refused}");
    }
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn other_files_are_not_journals() {
    let scratch = Scratch::new();
    let path = scratch.join("other");
    let foreign = scratch.join("foreign.sqlite");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let sqlite = fs::read(&foreign).unwrap();
    let unmarked = scratch.join("unmarked.sqlite");
    drop(SqliteJournal::create(&unmarked).unwrap());
    Connection::open(&unmarked).unwrap().pragma_update(None, "user_version", 0).unwrap();
    let unmarked = fs::read(&unmarked).unwrap();
    for (bytes, why) in [
        (&b""[..], "empty"),
        (&[b'x'; 200], "no SQLite"),
        (&sqlite[..50], "cut off"),
        (&sqlite, "another program"),
        (&unmarked, "impossible format 0"),
    ] {
        fs::write(&path, bytes).unwrap();
        for refused in refusals(&path) {
            let JournalError::NotAJournal { what, .. } = &refused else { panic!("{refused}") };
            assert!(what.contains(why), "{refused}");
        }
        assert_eq!(fs::read(&path).unwrap(), bytes, "nothing was changed");
    }
    for refused in refusals(&scratch) {
        assert!(matches!(refused, JournalError::NotAJournal { .. }), "{refused}");
    }
}

#[test]
fn a_missing_journal_is_not_created_by_opening_it() {
    let scratch = Scratch::new();
    let path = scratch.join("journal.sqlite");
    for refused in refusals(&path) {
        assert!(matches!(refused, JournalError::Missing { .. }), "{refused}");
    }
    assert!(!path.exists());
    let nowhere = SqliteJournal::create(&scratch.join("nowhere/journal.sqlite"));
    assert!(matches!(nowhere, Err(JournalError::Io { .. })), "{nowhere:?}");
}

#[test]
fn a_journal_is_created_once_and_leaves_nothing_beside_it() {
    let scratch = Scratch::new();
    let path = scratch.join("journal.sqlite");
    for left in ["", "-journal", "-wal", "-shm"] {
        let left = scratch.join(format!("journal.sqlite.unfinished{left}"));
        fs::write(left, "of a killed process").unwrap();
    }
    drop(SqliteJournal::create(&path).unwrap());
    let refused = SqliteJournal::create(&path);
    assert!(matches!(refused, Err(JournalError::Exists { .. })), "{refused:?}");
    let names: Vec<_> =
        fs::read_dir(&*scratch).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["journal.sqlite"]);
}

#[test]
fn a_name_that_looks_like_a_uri_is_a_name() {
    let scratch = Scratch::new();
    let path = scratch.join("file:a?mode=memory");
    let mut journal = SqliteJournal::create(&path).unwrap();
    let epoch = journal.lead().unwrap().epoch;
    journal.append(epoch, b"x").unwrap();
    drop(journal);
    assert!(path.exists());
    assert_eq!(SqliteReader::open(&path).unwrap().head().unwrap().sequence.number(), 1);
}

#[test]
fn a_journal_with_other_pages_is_the_same_journal() {
    let scratch = Scratch::new();
    let mut heads = Vec::new();
    for page_bytes in [512_u32, 4_096, 65_536] {
        let path = scratch.join(page_bytes.to_string());
        let tuning = Tuning { page_bytes, checkpoint_bytes: 1 };
        let mut journal = SqliteJournal::create_tuned(&path, tuning).unwrap();
        let epoch = journal.lead().unwrap().epoch;
        for byte in 0..9 {
            journal.append(epoch, &[byte; 5_000]).unwrap();
        }
        drop(journal);
        let header = fs::read(&path).unwrap();
        let stored = u32::from(u16::from_be_bytes([header[16], header[17]]));
        assert_eq!(if stored == 1 { 65_536 } else { stored }, page_bytes);
        heads.push(SqliteJournal::open(&path).unwrap().head().unwrap());
    }
    assert!(heads.iter().all(|head| *head == heads[0] && head.sequence.number() == 9));
}

#[test]
fn a_lock_of_another_program_is_reported() {
    let message = JournalError::Busy { path: "journal.sqlite".into() }.to_string();
    assert!(message.contains("locked by another program for 5 seconds"), "{message}");
}
