//! The data directory: one owner, any number of readers, and errors that name the cause.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod scratch;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{self, Stdio};
use std::thread;
use std::time::Duration;

use journal::{ChainHash, DataDirectory, DirectoryError, Journal, ReadJournal, Sequence};
use scratch::{Scratch, child, child_path};

#[test]
fn a_new_directory_has_an_empty_journal_and_no_snapshots() {
    let scratch = Scratch::new();
    let path = scratch.join("deep/data");
    let directory = DataDirectory::create(&path).unwrap();
    assert_eq!(directory.path(), path);
    assert_eq!(directory.journal().unwrap().head().unwrap().sequence, Sequence::NONE);
    assert_eq!(directory.snapshots().unwrap().list().unwrap(), []);
    drop(directory);
    let refused = DataDirectory::create(&path);
    assert!(matches!(refused, Err(DirectoryError::Exists { .. })), "{refused:?}");
}

#[test]
fn a_creation_that_was_interrupted_can_be_repeated() {
    let scratch = Scratch::new();
    for left in ["LOCK", "journal.sqlite.unfinished", "journal.sqlite.unfinished-journal"] {
        fs::write(scratch.join(left), "").unwrap();
    }
    fs::create_dir(scratch.join("snapshots")).unwrap();
    DataDirectory::create(&scratch).unwrap();
}

#[test]
fn a_directory_with_other_files_is_left_alone() {
    let scratch = Scratch::new();
    fs::write(scratch.join("thesis.tex"), "").unwrap();
    let refused = DataDirectory::create(&scratch).unwrap_err();
    assert!(
        matches!(&refused, DirectoryError::NotEmpty { found, .. } if found == "thesis.tex"),
        "{refused}"
    );
    assert_eq!(fs::read_dir(&*scratch).unwrap().count(), 1);
}

#[test]
fn errors_name_the_path_that_is_no_data_directory() {
    let scratch = Scratch::new();
    let (file, missing) = (scratch.join("file"), scratch.join("missing"));
    fs::write(&file, "").unwrap();
    for path in [&file, &missing, &file.join("below")] {
        let message = DataDirectory::open(path).unwrap_err().to_string();
        assert!(message.contains(&path.display().to_string()), "{message}");
    }
    let opened = |path| DataDirectory::open(path).unwrap_err();
    assert!(matches!(opened(&file), DirectoryError::NotADirectory { .. }));
    assert!(matches!(opened(&missing), DirectoryError::Missing { .. }));
    assert!(matches!(opened(&scratch), DirectoryError::NoJournal { .. }));
    let shared = |path| DataDirectory::open_shared(path).unwrap_err();
    assert!(matches!(shared(&file), DirectoryError::NotADirectory { .. }));
    assert!(matches!(shared(&missing), DirectoryError::Missing { .. }));
    assert!(matches!(shared(&scratch), DirectoryError::NoJournal { .. }));
    assert_eq!(fs::read_dir(&*scratch).unwrap().count(), 1, "nothing was created");
}

/// Owns the data directory until it is killed.
#[test]
fn child_that_owns() {
    let Some(path) = child_path() else { return };
    let directory = DataDirectory::open(&path).unwrap();
    let mut journal = directory.journal().unwrap();
    let epoch = journal.lead().unwrap().epoch;
    journal.append(epoch, b"by the owner").unwrap();
    println!("\nowned");
    std::io::stdout().flush().unwrap();
    thread::sleep(Duration::from_secs(60));
}

#[test]
fn of_two_processes_one_owns_the_directory_and_the_other_may_read() {
    let scratch = Scratch::new();
    drop(DataDirectory::create(&scratch).unwrap());
    let mut owner = child("child_that_owns", &scratch).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "owned"));

    let refused = DataDirectory::open(&scratch).unwrap_err();
    assert!(
        matches!(refused, DirectoryError::InUse { by: Some(pid), .. } if pid == owner.id()),
        "{refused}"
    );
    let message = refused.to_string();
    let by = format!("another command, process {}, changes the books, for ", owner.id());
    for words in [&scratch.display().to_string(), &by, "Wait until it ends, or stop it"] {
        assert!(message.contains(words), "{message}");
    }
    let shared = DataDirectory::open_shared(&scratch).unwrap();
    assert_eq!(shared.journal().unwrap().head().unwrap().sequence, Sequence::FIRST);
    assert_eq!(shared.snapshots().unwrap().list().unwrap(), []);

    owner.kill().unwrap();
    owner.wait().unwrap();
    let directory = DataDirectory::open(&scratch).unwrap();
    let lock = fs::read_to_string(scratch.join("LOCK")).unwrap();
    assert_eq!(lock.trim(), process::id().to_string());
    assert_eq!(directory.journal().unwrap().head().unwrap().sequence, Sequence::FIRST);
}

#[test]
fn the_lock_ends_with_its_owner() {
    let scratch = Scratch::new();
    let directory = DataDirectory::create(&scratch).unwrap();
    let refused = DataDirectory::open(&scratch);
    assert!(
        matches!(refused, Err(DirectoryError::InUse { by: Some(pid), .. }) if pid == process::id()),
        "{refused:?}"
    );
    drop(directory);
    DataDirectory::open(&scratch).unwrap();
}

#[test]
fn a_snapshot_and_what_follows_it_are_read_beside_the_owner() {
    let scratch = Scratch::new();
    let directory = DataDirectory::create(&scratch).unwrap();
    let mut journal = directory.journal().unwrap();
    let epoch = journal.lead().unwrap().epoch;
    journal.append(epoch, b"1").unwrap();
    let head = journal.append(epoch, b"2").unwrap();
    let mut writer = directory.snapshots().unwrap().begin(head.sequence, head.hash).unwrap();
    writer.write_part(b"the books after 2").unwrap();
    journal.append(epoch, b"3").unwrap();
    writer.finish([0; 32]).unwrap();
    let shared = DataDirectory::open_shared(&scratch).unwrap();
    let newest = shared.snapshots().unwrap().list().unwrap()[0];
    let snapshot = shared.snapshots().unwrap().open_snapshot(newest).unwrap();
    let mut reader = shared.journal().unwrap();
    let rest = journal::JournalBatches::after(&mut reader, snapshot.reflects(), 1 << 20);
    let rest: Vec<Vec<u8>> = rest.map(|batch| batch.unwrap().payload).collect();
    assert_eq!(rest, [b"3"]);
    assert_ne!(snapshot.reflects().hash, ChainHash::ZERO);
}
