//! Killed processes, full disks, readers beside a writer: all acknowledged batches survive.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod scratch;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use journal::{
    DataDirectory, Epoch, Journal, JournalBatches, JournalError, JournalHead, ReadJournal,
    Sequence, SqliteJournal, SqliteReader, Tuning,
};
use rusqlite::Connection;
use scratch::{Scratch, child, child_path};

/// A child prints this and the number of each acknowledged batch.
const ACKNOWLEDGED: &str = "acknowledged ";

/// Sizes from a few bytes to several pages. Each payload starts with its number.
fn payload(number: u64) -> Vec<u8> {
    let length = usize::try_from(number * 7_919 % 40_000).unwrap();
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(payload.len() + length, u8::try_from(number % 251).unwrap());
    payload
}

/// Checks that all batches are those that were appended. Returns their number.
fn checked_count(journal: &mut dyn ReadJournal) -> u64 {
    let mut count = 0;
    for batch in JournalBatches::new(journal, Sequence::FIRST, 1 << 20) {
        count += 1;
        let batch = batch.unwrap();
        assert!(batch.payload == payload(batch.sequence.number()), "batch {}", batch.sequence);
    }
    count
}

/// Appends until it is killed or refused, and prints what was acknowledged.
#[test]
fn child_that_appends() {
    let Some(path) = child_path() else { return };
    println!();
    let mut journal = SqliteJournal::open(&path).unwrap();
    let leadership = journal.lead().unwrap();
    let mut next = leadership.head.sequence.next().number();
    loop {
        match journal.append(leadership.epoch, &payload(next)) {
            Ok(head) => println!("{ACKNOWLEDGED}{}", head.sequence),
            Err(error) => {
                assert!(matches!(
                    journal.append(leadership.epoch, b"x"),
                    Err(JournalError::Stopped)
                ));
                println!("refused {error:?}");
                return;
            }
        }
        std::io::stdout().flush().unwrap();
        next += 1;
    }
}

fn acknowledged(line: &str) -> Option<u64> {
    line.strip_prefix(ACKNOWLEDGED)?.parse().ok()
}

#[test]
fn acknowledged_batches_survive_kill_9() {
    let scratch = Scratch::new();
    let path = scratch.join("journal.sqlite");
    drop(SqliteJournal::create(&path).unwrap());
    let mut before = 0;
    // Killed after few or many batches, so that the log has been merged or not.
    for (round, appends) in [1, 30, 90, 250, 7].into_iter().enumerate() {
        let mut child = child("child_that_appends", &path).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut last = before;
        while last < before + appends {
            let line = lines.next().unwrap().unwrap();
            last = acknowledged(&line).unwrap_or(last);
        }
        child.kill().unwrap();
        // The child appended more until it was killed.
        let rest = lines.map_while(Result::ok).filter_map(|line| acknowledged(&line)).last();
        child.wait().unwrap();
        last = rest.unwrap_or(last);
        let count = checked_count(&mut SqliteReader::open(&path).unwrap());
        assert!(count == last || count == last + 1, "{count} batches, {last} acknowledged");
        let mut journal = SqliteJournal::open(&path).unwrap();
        assert_eq!(checked_count(&mut journal), count);
        if round == 2 {
            assert_eq!(journal.lead().unwrap().epoch, Epoch::new(4), "a takeover each round");
        }
        before = count;
    }
}

#[test]
fn a_full_disk_is_reported_and_acknowledged_batches_survive() {
    let scratch = Scratch::new();
    let path = scratch.join("journal.sqlite");
    drop(SqliteJournal::create(&path).unwrap());
    // A limit on file sizes, in units of 1,024 bytes. With its signal ignored, a write fails with
    // an error.
    let mut limited = Command::new("bash");
    let program = child("child_that_appends", &path);
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 6000; exec \"$@\"", "-"])
        .arg(program.get_program())
        .args(program.get_args())
        .envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.output().unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.contains("refused Full {"), "{output}");
    let last = output.lines().filter_map(acknowledged).next_back().unwrap();
    assert!(last > 50, "{last}");
    let mut journal = SqliteJournal::open(&path).unwrap();
    let count = checked_count(&mut journal);
    assert!(count == last || count == last + 1, "{count} batches, {last} acknowledged");
    let leadership = journal.lead().unwrap();
    journal.append(leadership.epoch, &payload(count + 1)).unwrap();
}

#[test]
fn the_error_of_a_full_disk_says_what_to_do() {
    let path = PathBuf::from("journal.sqlite");
    let message = JournalError::Full { path, what: "no space".to_owned() }.to_string();
    for part in ["journal.sqlite", "Free space", "start again", "everything acknowledged is kept"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_reader_sees_whole_batches_while_a_leader_appends() {
    let scratch = Scratch::new();
    let path = scratch.join("journal.sqlite");
    let mut journal = SqliteJournal::create(&path).unwrap();
    let leadership = journal.lead().unwrap();
    let finished = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut counts = vec![0];
            while !finished.load(Ordering::Relaxed) {
                let mut reader = SqliteReader::open(&path).unwrap();
                let head = reader.head().unwrap();
                let count = checked_count(&mut reader);
                assert!(count >= head.sequence.number() && count >= counts[counts.len() - 1]);
                counts.push(count);
            }
            counts
        });
        for number in 1..=400 {
            journal.append(leadership.epoch, &payload(number)).unwrap();
        }
        finished.store(true, Ordering::Relaxed);
        let counts = reader.join().unwrap();
        assert!(counts.len() > 2, "{counts:?}");
    });
    assert_eq!(checked_count(&mut SqliteReader::open(&path).unwrap()), 400);
}

fn log_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

#[test]
fn the_log_stays_short() {
    let scratch = Scratch::new();
    let path = scratch.join("journal.sqlite");
    let mut journal = SqliteJournal::create(&path).unwrap();
    let epoch = journal.lead().unwrap().epoch;
    for _ in 0..200 {
        journal.append(epoch, &[1; 100_000]).unwrap();
    }
    let merged = fs::metadata(&path).unwrap().len();
    let log = fs::metadata(log_of(&path)).unwrap().len();
    assert!(merged > 15 << 20, "{merged}");
    assert!(log < 3 << 20, "{log}");
}

#[test]
fn a_reader_that_holds_the_log_back_does_not_stop_the_leader() {
    let scratch = Scratch::new();
    let path = scratch.join("journal.sqlite");
    let tuning = Tuning { checkpoint_bytes: 64 << 10, ..Tuning::default() };
    let mut journal = SqliteJournal::create_tuned(&path, tuning).unwrap();
    let epoch = journal.lead().unwrap().epoch;
    journal.append(epoch, &payload(1)).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM journal").unwrap();
    for number in 2..=100 {
        journal.append(epoch, &payload(number)).unwrap();
    }
    let held_back = fs::metadata(log_of(&path)).unwrap().len();
    assert!(held_back > 1 << 20, "{held_back}");
    other.execute_batch("COMMIT").unwrap();
    for number in 101..=300 {
        journal.append(epoch, &payload(number)).unwrap();
    }
    let log = fs::metadata(log_of(&path)).unwrap().len();
    assert!(log < held_back + (200 << 10), "{log}: it does not start over");
    assert_eq!(checked_count(&mut journal), 300);
}

fn bytes_of(path: &Path) -> (Vec<u8>, Option<Vec<u8>>) {
    (fs::read(path).unwrap(), fs::read(log_of(path)).ok())
}

#[test]
fn reading_changes_nothing_after_a_kill_and_after_a_shutdown() {
    let scratch = Scratch::new();
    let (path, copy) = (scratch.join("journal.sqlite"), scratch.join("copy.sqlite"));
    let mut journal = SqliteJournal::create(&path).unwrap();
    let epoch = journal.lead().unwrap().epoch;
    let mut head = JournalHead::default();
    for number in 1..=20 {
        head = journal.append(epoch, &payload(number)).unwrap();
    }
    fs::copy(&path, &copy).unwrap();
    fs::copy(log_of(&path), log_of(&copy)).unwrap();
    drop(journal);
    assert!(!log_of(&path).exists(), "a shutdown merges the log");
    for path in [path, copy] {
        let before = bytes_of(&path);
        let mut reader = SqliteReader::open(&path).unwrap();
        assert_eq!(reader.head().unwrap(), head);
        assert_eq!(checked_count(&mut reader), 20);
        drop(reader);
        let after = bytes_of(&path);
        assert!(before.0 == after.0);
        assert_eq!(before.1.unwrap_or_default(), after.1.unwrap_or_default());
    }
}

/// SQLite's locks are the process's: a second opening can take them away. Then the journal looks
/// unused to another SQLite program, which removes the log in use when it closes, and what is
/// appended from then on is lost.
#[test]
fn a_reader_in_the_leaders_process_does_not_take_away_the_leaders_lock() {
    let scratch = Scratch::new();
    let path = scratch.join("journal.sqlite");
    let mut journal = SqliteJournal::create(&path).unwrap();
    let epoch = journal.lead().unwrap().epoch;
    journal.append(epoch, &payload(1)).unwrap();
    let inode = format!(":{} ", fs::metadata(&path).unwrap().ino());
    let locked = || Some(fs::read_to_string("/proc/locks").ok()?.contains(&inode));
    let Some(before) = locked() else {
        println!("SKIPPED: locks are listed in /proc/locks of Linux");
        return;
    };
    assert!(before, "SQLite locks the file");
    drop(SqliteReader::open(&path).unwrap());
    drop(SqliteJournal::open(&path).unwrap());
    // While other processes lock and unlock, one reading of the list can miss a line.
    assert!((0..20).any(|_| locked() == Some(true)), "the lock is gone");
    drop(journal);
    assert_eq!(locked(), Some(false));
}

/// Reads the journal in a directory without write permission.
#[test]
fn child_that_reads() {
    let Some(path) = child_path() else { return };
    let probe = fs::write(path.join("probe"), "");
    assert!(probe.is_err(), "this user may write there");
    println!();
    match DataDirectory::open_shared(&path).unwrap().journal() {
        Ok(mut journal) => println!("read {}", checked_count(&mut journal)),
        Err(error) => println!("{error}"),
    }
}

/// The output of [`child_that_reads`] as a user that can read the directory and not write to it;
/// None if that user cannot run this program.
fn read_by_another(path: &Path) -> Option<String> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o555)).unwrap();
    let mut child = child("child_that_reads", path);
    if fs::write(path.join("probe"), "").is_ok() {
        // Root can write everywhere, so the child runs as another user.
        fs::remove_file(path.join("probe")).unwrap();
        child.uid(65_534).gid(65_534);
    }
    let output = child.output();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    Some(String::from_utf8_lossy(&output.ok()?.stdout).into_owned())
}

#[test]
fn a_journal_can_be_read_without_write_permission() {
    let scratch = Scratch::new();
    let (path, copy) = (scratch.join("da ta%?#"), scratch.join("copy"));
    let directory = DataDirectory::create(&path).unwrap();
    let mut journal = directory.journal().unwrap();
    let epoch = journal.lead().unwrap().epoch;
    journal.append(epoch, &payload(1)).unwrap();
    let Some(beside_a_leader) = read_by_another(&path) else { return };
    assert!(beside_a_leader.contains("read 1"), "{beside_a_leader}");

    fs::create_dir(&copy).unwrap();
    for name in ["journal.sqlite", "journal.sqlite-wal"] {
        fs::copy(path.join(name), copy.join(name)).unwrap();
    }
    let with_a_log = read_by_another(&copy).unwrap();
    assert!(with_a_log.contains("its log has to be indexed"), "{with_a_log}");

    drop(journal);
    let after_a_shutdown = read_by_another(&path).unwrap();
    assert!(after_a_shutdown.contains("read 1"), "{after_a_shutdown}");
}
