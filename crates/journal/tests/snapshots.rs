//! Snapshots: listed once finished, read part by part, parts kept for later ones, damage found.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod scratch;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use journal::{
    ChainHash, JournalHead, PartAddress, Sequence, SnapshotDirectory, SnapshotDirectoryReader,
    SnapshotError,
};
use scratch::{Scratch, child, child_path};

const DIGEST: [u8; 32] = [5; 32];

fn reflected(number: u64) -> JournalHead {
    JournalHead { sequence: Sequence::new(number), hash: ChainHash::new([7; 32]) }
}

fn parts() -> Vec<Vec<u8>> {
    vec![b"one".to_vec(), Vec::new(), vec![3; 1 << 20], vec![4; 200_000]]
}

fn write(snapshots: &SnapshotDirectory, number: u64, parts: &[Vec<u8>]) -> Vec<PartAddress> {
    write_after(snapshots, number, &[], parts)
}

/// Writes a snapshot that has parts of earlier ones, and then its own.
fn write_after(
    snapshots: &SnapshotDirectory,
    number: u64,
    kept: &[PartAddress],
    parts: &[Vec<u8>],
) -> Vec<PartAddress> {
    let head = reflected(number);
    let mut writer = snapshots.begin(head.sequence, head.hash).unwrap();
    kept.iter().for_each(|part| writer.keep_part(*part));
    let written: Vec<_> = parts.iter().map(|part| writer.write_part(part).unwrap()).collect();
    writer.finish(DIGEST).unwrap();
    [kept, &written].concat()
}

fn numbers(sequences: &[Sequence]) -> Vec<u64> {
    sequences.iter().map(|sequence| sequence.number()).collect()
}

fn path_of(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:020}.snapshot"))
}

/// The files in a directory, such as `3.parts`.
fn files(directory: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.to_str().unwrap().trim_start_matches('0').to_owned()).collect()
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
    assert_eq!((snapshot.digest(), snapshot.parts().len()), (DIGEST, 4));
    let mut part = Vec::new();
    snapshot.read_part(3, &mut part).unwrap();
    assert_eq!(part, parts()[3], "any part can be read alone");
    assert!(snapshot.read_part(4, &mut part).is_err(), "there is no fifth part");
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

/// Writes snapshot 2 until the disk is full.
#[test]
fn child_that_fills_the_disk() {
    let Some(path) = child_path() else { return };
    let snapshots = SnapshotDirectory::open(&path).unwrap();
    let kept = snapshots.open_snapshot(Sequence::FIRST).unwrap().parts().to_vec();
    let head = reflected(2);
    let mut writer = snapshots.begin(head.sequence, head.hash).unwrap();
    kept.iter().for_each(|part| writer.keep_part(*part));
    let error = (0..100).find_map(|_| writer.write_part(&[7; 1 << 20]).err());
    println!("\nrefused {:?}", error.unwrap());
    assert!(writer.write_part(b"more").is_err() && writer.finish(DIGEST).is_err());
}

#[test]
fn a_full_disk_leaves_the_snapshots_before_and_no_rest() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    let first = write(&snapshots, 1, &parts());
    // A limit on file sizes, in units of 1,024 bytes. With its signal ignored, a write fails with
    // an error.
    let program = child("child_that_fills_the_disk", &scratch);
    let mut limited = Command::new("bash");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 20000; exec \"$@\"", "-"])
        .arg(program.get_program())
        .args(program.get_args())
        .envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("refused Full {"), "{said}");
    assert_eq!(files(&scratch), ["1.snapshot"].map(Into::into).into());
    assert_eq!(read(&snapshots, 1).unwrap(), parts());
    write_after(&snapshots, 2, &first, &[vec![7]]);
    assert_eq!(read(&snapshots, 2).unwrap().len(), 5);
}

#[test]
fn the_parts_of_earlier_snapshots_are_kept_as_long_as_they_are_needed() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    let [a, b, c] = [1, 2, 3].map(|byte| vec![byte; 1_000]);
    let first = write(&snapshots, 1, &[a.clone(), b.clone()]);
    let second = write_after(&snapshots, 2, &first[..1], std::slice::from_ref(&c));
    let third = write_after(&snapshots, 3, &second, &[]);
    assert_eq!(numbers(&snapshots.keep_newest(2).unwrap()), [1]);
    assert_eq!(files(&scratch), ["1.parts", "2.snapshot", "3.snapshot"].map(Into::into).into());
    assert_eq!(read(&snapshots, 3).unwrap(), [a.clone(), c.clone()]);
    let before = snapshots.open_snapshot(Sequence::new(3)).unwrap();
    write_after(&snapshots, 4, &third[1..], std::slice::from_ref(&b));
    write_after(&snapshots, 5, &third[1..], &[]);
    assert_eq!(numbers(&snapshots.keep_newest(2).unwrap()), [3, 2]);
    assert_eq!(files(&scratch), ["2.parts", "4.snapshot", "5.snapshot"].map(Into::into).into());
    assert_eq!(read(&snapshots, 4).unwrap(), [c.clone(), b]);
    assert!(before.map(Result::unwrap).eq([a, c]), "an open reader keeps what it needs");
}

#[test]
fn files_of_the_first_format_are_not_listed_and_go_with_the_old_snapshots() {
    let scratch = Scratch::new();
    let old = format!("{:020}.sqlite", 7);
    fs::write(scratch.join(&old), "SQLite format 3").unwrap();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    assert_eq!(snapshots.list().unwrap(), []);
    write(&snapshots, 8, &[]);
    assert_eq!(files(&scratch), ["7.sqlite", "8.snapshot"].map(Into::into).into());
    snapshots.keep_newest(2).unwrap();
    assert_eq!(files(&scratch), ["8.snapshot"].map(Into::into).into());
}

#[test]
fn nothing_is_deleted_while_a_kept_snapshot_cannot_be_read() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    let first = write(&snapshots, 1, &parts());
    write_after(&snapshots, 2, &first, &[]);
    write(&snapshots, 3, &[]);
    let path = path_of(&scratch, 2);
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(snapshots.keep_newest(2).unwrap(), [], "nobody knows what snapshot 2 needs");
    write(&snapshots, 4, &[]);
    assert_eq!(numbers(&snapshots.keep_newest(2).unwrap()), [2, 1]);
    assert_eq!(files(&scratch), ["3.snapshot", "4.snapshot"].map(Into::into).into());
}

/// A day and night of snapshots, each of which changes some chunks of a state of 600: the directory
/// stays below two states and the changes, and no snapshot has parts in many files.
#[test]
fn the_disk_never_holds_much_more_than_two_states() {
    const CHUNKS: usize = 600;
    const BYTES: usize = 1_000;
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    let mut state: Vec<Vec<u8>> = vec![vec![0; BYTES]; CHUNKS];
    let mut stored: Vec<Option<PartAddress>> = vec![None; CHUNKS];
    let (mut largest, mut most_files, mut written) = (0, 0, 0);
    for number in 1..=300_usize {
        // Most of the changes are in one place, and a few anywhere.
        let near = (0..20).map(|place| number * 7 + place);
        let far = (0..10).map(|place| number * 7_919 + place * 104_729);
        for chunk in near.chain(far).map(|place| place % CHUNKS) {
            state[chunk] = vec![u8::try_from(number % 251).unwrap(); BYTES];
            stored[chunk] = None;
        }
        let left = snapshots.files_to_leave(stored.iter().flatten()).unwrap();
        let head = reflected(number as u64);
        let mut writer = snapshots.begin(head.sequence, head.hash).unwrap();
        for (chunk, stored) in state.iter().zip(&mut stored) {
            match stored.filter(|part| !left.contains(&part.file)) {
                Some(part) => writer.keep_part(part),
                None => {
                    *stored = Some(writer.write_part(chunk).unwrap());
                    written += BYTES;
                }
            }
        }
        writer.finish(DIGEST).unwrap();
        snapshots.keep_newest(2).unwrap();
        assert_eq!(read(&snapshots, number as u64).unwrap(), state, "snapshot {number}");
        let used: BTreeSet<Sequence> = stored.iter().flatten().map(|part| part.file).collect();
        most_files = most_files.max(used.len());
        let sizes = fs::read_dir(&*scratch).unwrap().map(|file| file.unwrap().metadata().unwrap());
        // The lists of parts are small beside real chunks, but not beside these.
        let lists = (CHUNKS * 52 + 200) as u64 * files(&scratch).len() as u64;
        largest = largest.max(sizes.map(|file| file.len()).sum::<u64>() - lists);
    }
    assert!(most_files <= 33, "{most_files} files");
    let state_bytes = (CHUNKS * BYTES) as u64;
    assert!(largest < 5 * state_bytes / 2, "{largest} bytes on the disk, the state {state_bytes}");
    assert!(written < 300 * CHUNKS * BYTES / 5, "{written} bytes written in 300 snapshots");
}

#[test]
fn parts_whose_file_is_gone_are_written_again() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    let first = write(&snapshots, 1, &parts());
    let second = write(&snapshots, 2, &parts());
    fs::remove_file(path_of(&scratch, 1)).unwrap();
    let all = [&first[..], &second].concat();
    let left = snapshots.files_to_leave(all.iter()).unwrap();
    assert_eq!(numbers(&Vec::from_iter(left)), [1]);
    write_after(&snapshots, 3, &first, &[]);
    let found = read(&snapshots, 3).unwrap_err().to_string();
    assert!(found.contains("the parts of snapshot 1 is missing"), "{found}");
}

/// Opens a snapshot and reads all of it.
fn read(snapshots: &SnapshotDirectory, number: u64) -> Result<Vec<Vec<u8>>, SnapshotError> {
    snapshots.open_snapshot(Sequence::new(number))?.collect()
}

#[test]
fn every_flipped_bit_and_every_cut_is_found() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    let first = write(&snapshots, 1, &[vec![1; 100]]);
    write_after(&snapshots, 2, &first, &[Vec::new(), vec![2; 70], vec![3; 30]]);
    assert_eq!(read(&snapshots, 2).unwrap().len(), 4);
    let lists = |parts: usize| 84 + 52 * parts + 32 + 8;
    for (number, own, len) in [(1, 100, 100 + lists(1)), (2, 100, 100 + lists(4))] {
        let path = path_of(&scratch, number);
        let sound = fs::read(&path).unwrap();
        assert_eq!(sound.len(), len);
        for place in 0..len {
            let mut bytes = sound.clone();
            bytes[place] ^= 1 << (place % 8);
            fs::write(&path, &bytes).unwrap();
            let found = read(&snapshots, number);
            let newer = matches!(found, Err(SnapshotError::Newer { .. }));
            let damaged = matches!(&found, Err(SnapshotError::Damaged { path: named, .. })
                if *named == path);
            // A higher number of the format is a newer format.
            let format = (own + 8..own + 12).contains(&place);
            assert!(damaged || newer && format, "{number}, byte {place}: {found:?}");
            if number == 1 && place < own {
                assert!(read(&snapshots, 2).is_err(), "2 has the part too, byte {place}");
            }
        }
        for length in 0..len {
            fs::write(&path, &sound[..length]).unwrap();
            let cut = read(&snapshots, number);
            assert!(matches!(cut, Err(SnapshotError::Damaged { .. })), "{length}: {cut:?}");
        }
        fs::write(&path, &sound).unwrap();
    }
    // The seal does not cover which file it is in.
    fs::copy(path_of(&scratch, 2), path_of(&scratch, 5)).unwrap();
    let other = read(&snapshots, 5).unwrap_err().to_string();
    assert!(other.contains("another batch than its name says"), "{other}");
}

#[test]
fn a_damaged_part_is_named_and_ends_the_reading() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    write(&snapshots, 1, &[b"one".to_vec(), vec![9], b"three".to_vec()]);
    let path = path_of(&scratch, 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[3] ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut snapshot = snapshots.open_snapshot(Sequence::new(1)).unwrap();
    assert_eq!(snapshot.next().unwrap().unwrap(), b"one");
    let message = snapshot.next().unwrap().unwrap_err().to_string();
    for words in ["part 2 of 3", ".snapshot", "Nothing was changed", "older one"] {
        assert!(message.contains(words), "{message}");
    }
    assert!(snapshot.next().is_none());
}

#[test]
fn a_snapshot_of_a_newer_doorstep_is_refused_with_both_versions() {
    let scratch = Scratch::new();
    let snapshots = SnapshotDirectory::open(&scratch).unwrap();
    write(&snapshots, 1, &[]);
    let path = path_of(&scratch, 1);
    let mut bytes = fs::read(&path).unwrap();
    // After the eight letters at the beginning of the list of parts.
    bytes[11] = 3;
    fs::write(&path, bytes).unwrap();
    let refused = read(&snapshots, 1);
    assert!(matches!(refused, Err(SnapshotError::Newer { found: 3, known: 2, .. })), "{refused:?}");
}

#[test]
fn a_directory_that_is_not_there_has_no_snapshots() {
    let scratch = Scratch::new();
    let reader = SnapshotDirectoryReader::open(&scratch.join("snapshots")).unwrap();
    assert_eq!(reader.list().unwrap(), []);
    assert!(!scratch.join("snapshots").exists(), "reading creates nothing");
}
