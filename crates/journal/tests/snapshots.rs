//! Snapshots: listed once finished, read part by part, damage confined to the file.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod scratch;

use std::fs;
use std::path::{Path, PathBuf};

use journal::{
    ChainHash, JournalHead, Sequence, SnapshotDirectory, SnapshotDirectoryReader, SnapshotError,
};
use rusqlite::Connection;
use scratch::Scratch;

const DIGEST: [u8; 32] = [5; 32];

fn reflected(number: u64) -> JournalHead {
    JournalHead { sequence: Sequence::new(number), hash: ChainHash::new([7; 32]) }
}

fn parts() -> Vec<Vec<u8>> {
    vec![b"one".to_vec(), Vec::new(), vec![3; 1 << 20], vec![4; 200_000]]
}

fn write(snapshots: &SnapshotDirectory, number: u64, parts: &[Vec<u8>]) {
    let head = reflected(number);
    let mut writer = snapshots.begin(head.sequence, head.hash).unwrap();
    for part in parts {
        writer.write_part(part).unwrap();
    }
    writer.finish(DIGEST).unwrap();
}

fn numbers(sequences: &[Sequence]) -> Vec<u64> {
    sequences.iter().map(|sequence| sequence.number()).collect()
}

fn path_of(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:020}.sqlite"))
}

#[test]
fn a_snapshot_is_read_as_it_was_written() {
    let scratch = Scratch::new();
    let directory = scratch.join("snapshots");
    let snapshots = SnapshotDirectory::open(&directory).unwrap();
    write(&snapshots, 42, &parts());
    write(&snapshots, 7, &[]);
    let reader = SnapshotDirectoryReader::open(&directory).unwrap();
    assert_eq!(numbers(&reader.list().unwrap()), [42, 7], "newest first");
    let snapshot = reader.open_snapshot(Sequence::new(42)).unwrap();
    assert_eq!(snapshot.reflects(), reflected(42));
    assert_eq!((snapshot.digest(), snapshot.parts()), (DIGEST, 4));
    assert!(snapshot.map(Result::unwrap).eq(parts()));
    assert_eq!(snapshots.open_snapshot(Sequence::new(7)).unwrap().count(), 0);
}

#[test]
fn an_unfinished_snapshot_is_never_listed_and_is_removed_later() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    write(&snapshots, 1, &parts());
    let head = reflected(2);
    let mut writer = snapshots.begin(head.sequence, head.hash).unwrap();
    writer.write_part(&[1; 5_000_000]).unwrap();
    assert_eq!(numbers(&snapshots.list().unwrap()), [1]);
    let missing = snapshots.open_snapshot(head.sequence);
    assert!(matches!(missing, Err(SnapshotError::Missing { .. })), "{missing:?}");
    drop(writer);
    assert_eq!(fs::read_dir(&*scratch).unwrap().count(), 1, "given up, it is gone");
    for left in ["unfinished", "unfinished-journal"] {
        fs::write(scratch.join(format!("{:020}.{left}", 3)), "of a killed process").unwrap();
    }
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    assert_eq!(fs::read_dir(&*scratch).unwrap().count(), 1);
    assert_eq!(numbers(&snapshots.list().unwrap()), [1]);
}

#[test]
fn a_snapshot_written_again_replaces_the_first() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    write(&snapshots, 1, &parts());
    let before = snapshots.open_snapshot(Sequence::new(1)).unwrap();
    write(&snapshots, 1, &[vec![9]]);
    let after = snapshots.open_snapshot(Sequence::new(1)).unwrap();
    assert_eq!(after.map(Result::unwrap).collect::<Vec<_>>(), [[9]]);
    assert!(before.map(Result::unwrap).eq(parts()), "an open reader keeps the first");
}

#[test]
fn only_the_newest_are_kept() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    for number in [9, 10, 100, 11] {
        write(&snapshots, number, &[vec![1]]);
    }
    assert_eq!(numbers(&snapshots.keep_newest(2).unwrap()), [10, 9]);
    assert_eq!(numbers(&snapshots.list().unwrap()), [100, 11]);
    assert_eq!(numbers(&snapshots.keep_newest(2).unwrap()), [0; 0]);
    assert_eq!(numbers(&snapshots.keep_newest(0).unwrap()), [100, 11]);
}

/// Opens a snapshot and reads all of it.
fn read(snapshots: &SnapshotDirectory, number: u64) -> Result<Vec<Vec<u8>>, SnapshotError> {
    snapshots.open_snapshot(Sequence::new(number))?.collect()
}

#[test]
fn damage_is_found_in_every_field() {
    for sql in [
        "UPDATE part SET payload = x'00' WHERE number = 1",
        "UPDATE part SET payload = CAST(substr(payload, 2) || x'00' AS BLOB) WHERE number = 4",
        "UPDATE part SET hash = zeroblob(32) WHERE number = 2",
        "UPDATE part SET hash = x'00' WHERE number = 2",
        "UPDATE part SET number = 5 WHERE number = 4",
        "DELETE FROM part WHERE number = 4",
        "DELETE FROM part WHERE number = 1",
        "INSERT INTO part SELECT 5, hash, payload FROM part WHERE number = 4",
        "UPDATE meta SET sequence = 2",
        "UPDATE meta SET journal_hash = zeroblob(32)",
        "UPDATE meta SET digest = zeroblob(32)",
        "UPDATE meta SET parts = 3",
        "UPDATE meta SET seal = zeroblob(32)",
        "DELETE FROM meta",
    ] {
        let scratch = Scratch::new();
        let snapshots = SnapshotDirectory::open(&scratch).unwrap();
        write(&snapshots, 1, &parts());
        let path = path_of(&scratch, 1);
        assert_eq!(Connection::open(&path).unwrap().execute(sql, []).unwrap(), 1, "{sql}");
        let found = read(&snapshots, 1);
        assert!(
            matches!(&found, Err(SnapshotError::Damaged { path: named, .. }) if *named == path),
            "{sql}: {found:?}"
        );
    }
}

#[test]
fn a_damaged_part_is_named_and_ends_the_reading() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    write(&snapshots, 1, &parts());
    let sql = "UPDATE part SET payload = x'00' WHERE number = 2";
    Connection::open(path_of(&scratch, 1)).unwrap().execute(sql, []).unwrap();
    let mut snapshot = snapshots.open_snapshot(Sequence::new(1)).unwrap();
    assert_eq!(snapshot.next().unwrap().unwrap(), b"one");
    let message = snapshot.next().unwrap().unwrap_err().to_string();
    for words in ["part 2 of 4", ".sqlite", "Nothing was changed", "older one"] {
        assert!(message.contains(words), "{message}");
    }
    assert!(snapshot.next().is_none());
}

#[test]
fn any_flipped_bit_or_cut_on_the_disk_is_found_or_harmless() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    let parts = [vec![1; 100], vec![2; 90_000]];
    write(&snapshots, 1, &parts);
    let path = path_of(&scratch, 1);
    let sound = fs::read(&path).unwrap();
    let mut found = 0;
    for place in (0..sound.len()).step_by(2_011) {
        let mut bytes = sound.clone();
        bytes[place] ^= 1 << (place % 8);
        fs::write(&path, &bytes).unwrap();
        match read(&snapshots, 1) {
            Ok(read) => assert!(read == parts, "byte {place} changes a part"),
            Err(_) => found += 1,
        }
    }
    assert!(found > 20, "only {found} found");
    for length in [0, 50, 100, 70_000, sound.len() - 1] {
        fs::write(&path, &sound[..length]).unwrap();
        let cut = read(&snapshots, 1);
        assert!(matches!(cut, Err(SnapshotError::Damaged { .. })), "{length}: {cut:?}");
    }
}

#[test]
fn a_snapshot_of_a_newer_doorstep_is_refused_with_both_versions() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    write(&snapshots, 1, &parts());
    let connection = Connection::open(path_of(&scratch, 1)).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    let refused = read(&snapshots, 1);
    assert!(matches!(refused, Err(SnapshotError::Newer { found: 2, known: 1, .. })), "{refused:?}");
}

#[test]
fn a_directory_that_is_not_there_has_no_snapshots() {
    let scratch = Scratch::new();
    let reader = SnapshotDirectoryReader::open(&scratch.join("snapshots")).unwrap();
    assert_eq!(reader.list().unwrap(), []);
    assert!(!scratch.join("snapshots").exists(), "reading creates nothing");
}
