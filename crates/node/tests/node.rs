//! The guarantees of a node, with journals that fail, block and are damaged.
#![allow(clippy::unwrap_used)]

mod stream;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use books::Timestamp;
use engine::{Engine, Events, Refusal, Submission};
use journal::{
    DataDirectory, Epoch, Journal, JournalBatch, JournalError, JournalHead, Leadership,
    MemoryJournal, ReadJournal, Sequence,
};
use node::{
    DecidedCommand, JournalPosition, NoSnapshots, Node, NodeClient, NodeNotice, NodeOptions,
    StartError,
};

/// Each append waits for permission, and fails if that is denied.
struct GatedJournal {
    inner: MemoryJournal,
    permission: Receiver<bool>,
}

impl ReadJournal for GatedJournal {
    fn head(&mut self) -> Result<JournalHead, JournalError> {
        ReadJournal::head(&mut self.inner)
    }

    fn read(
        &mut self,
        from: Sequence,
        limit_bytes: usize,
    ) -> Result<Vec<JournalBatch>, JournalError> {
        self.inner.read(from, limit_bytes)
    }
}

impl Journal for GatedJournal {
    fn lead(&mut self) -> Result<Leadership, JournalError> {
        self.inner.lead()
    }

    fn append(&mut self, epoch: Epoch, payload: &[u8]) -> Result<JournalHead, JournalError> {
        match self.permission.recv() {
            Ok(true) => self.inner.append(epoch, payload),
            _ => Err(JournalError::Stopped),
        }
    }
}

fn commands(from: u64, to: u64) -> Vec<(Option<Timestamp>, Submission)> {
    (from..to).map(stream::command).map(|(at, command)| (Some(at), command)).collect()
}

fn all_done(client: &mut NodeClient, from: u64, to: u64) {
    for result in client.execute(commands(from, to)).unwrap() {
        result.unwrap();
    }
}

fn repeated() -> Refusal {
    Refusal::Books(books::Refusal::Repeated)
}

fn parcel_count(engine: &Engine) -> usize {
    engine.books().known_parcel_count()
}

fn start(journal: impl Journal + 'static) -> Node {
    Node::start(Box::new(journal), Box::new(NoSnapshots), NodeOptions::default()).unwrap()
}

#[test]
fn nobody_is_answered_before_the_batch_is_durable() {
    let (allow, permission) = channel();
    let node = start(GatedJournal { inner: MemoryJournal::new(), permission });
    let mut client = node.client();
    let answered = Arc::new(AtomicU64::new(0));
    let counted = answered.clone();
    let waiting = std::thread::spawn(move || {
        let results = client.execute(commands(0, 3)).unwrap();
        counted.store(results.len() as u64, Ordering::SeqCst);
    });
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(answered.load(Ordering::SeqCst), 0, "M3: answered and not durable");
    allow.send(true).unwrap();
    waiting.join().unwrap();
    assert_eq!(answered.load(Ordering::SeqCst), 3);
}

#[test]
fn a_refusal_waits_for_the_command_that_caused_it() {
    let (allow, permission) = channel();
    let node = start(GatedJournal { inner: MemoryJournal::new(), permission });
    let mut first = node.client();
    let mut second = node.client();
    first.send(commands(0, 1), false).unwrap();
    let early = Arc::new(Mutex::new(None));
    let answer = early.clone();
    let waiting = std::thread::spawn(move || {
        let result = second.execute(commands(0, 1)).unwrap();
        *answer.lock().unwrap() = Some(result);
    });
    std::thread::sleep(Duration::from_millis(50));
    assert!(early.lock().unwrap().is_none(), "the refusal reflects books that may be lost");
    allow.send(true).unwrap();
    waiting.join().unwrap();
    let result = early.lock().unwrap().take().unwrap().pop().unwrap();
    assert_eq!(result, Err(repeated()));
}

#[test]
fn a_decision_gives_its_command_in_the_same_turn_and_is_answered_when_that_is_durable() {
    let (allow, permission) = channel();
    let node = start(GatedJournal { inner: MemoryJournal::new(), permission });
    let client = node.client();
    let (reply, answered) = channel();
    // The second sees what the first one did.
    for number in 0..2 {
        let reply = reply.clone();
        let decision = move |engine: &Engine| {
            let (_, command) = stream::command(number);
            let seen = engine.last_at();
            let reply = move |result: Result<Events, Refusal>, position| {
                reply.send((seen, result.is_ok(), position)).unwrap();
            };
            DecidedCommand::Give(Box::new(command), Box::new(reply))
        };
        client.decide(decision).unwrap();
    }
    assert!(answered.recv_timeout(Duration::from_millis(50)).is_err(), "M3");
    allow.send(true).unwrap();
    allow.send(true).unwrap();
    let (first, second) = (answered.recv().unwrap(), answered.recv().unwrap());
    assert!(first.1 && second.1 && first.0 < second.0 && first.2 <= second.2);

    let before = client.access_version();
    let nothing = move |_: &Engine| {
        DecidedCommand::Answered(Box::new(move |position| {
            reply.send((Timestamp(0), false, position)).unwrap();
        }))
    };
    client.decide(nothing).unwrap();
    assert_eq!(answered.recv().unwrap().2, second.2);
    assert_eq!(client.access_version(), before);
    // A reply that is dropped says that no answer comes.
    let (kept, gone) = channel::<()>();
    let stopped = move |_: &Engine| {
        let (_, command) = stream::command(2);
        DecidedCommand::Give(Box::new(command), Box::new(move |_, _| drop(kept)))
    };
    allow.send(false).unwrap();
    client.decide(stopped).unwrap();
    assert!(gone.recv().is_err());
}

#[test]
fn a_question_is_answered_with_the_position_that_it_reflects() {
    let node = start(MemoryJournal::new());
    let mut client = node.client();
    let (before, position) = client.query(parcel_count).unwrap();
    assert_eq!((before, position), (0, JournalPosition(0)));
    all_done(&mut client, 0, 11);
    let (parcels, position) = client.query(parcel_count).unwrap();
    assert_eq!(parcels, 1);
    assert!(position >= JournalPosition(1));
}

#[test]
fn a_failed_append_stops_the_node_and_informs_all_senders() {
    let (allow, permission) = channel();
    let fatal = Arc::new(AtomicU64::new(0));
    let counted = fatal.clone();
    let options = NodeOptions {
        on_fatal: Box::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        }),
        ..NodeOptions::default()
    };
    let journal = GatedJournal { inner: MemoryJournal::new(), permission };
    let node = Node::start(Box::new(journal), Box::new(NoSnapshots), options).unwrap();
    let (mut one, mut other) = (node.client(), node.client());
    allow.send(true).unwrap();
    all_done(&mut one, 0, 7);
    other.send(commands(7, 8), false).unwrap();
    allow.send(false).unwrap();
    let error = one.execute(commands(8, 9)).unwrap_err().to_string();
    assert!(error.starts_with("the journal could not be written"), "{error}");
    assert!(other.receive(&mut Vec::new()).is_err());
    assert!(one.query(parcel_count).is_err());
    assert!(node.client().execute(commands(9, 10)).is_err());
    assert_eq!(fatal.load(Ordering::SeqCst), 1);
    assert!(node.stop().is_err());
}

#[test]
fn refused_commands_are_not_in_the_journal() {
    let journal = MemoryJournal::new();
    let node = start(journal);
    let mut client = node.client();
    all_done(&mut client, 0, stream::SETUP);
    let end = client.query(|_| ()).unwrap().1;
    for _ in 0..3 {
        let result = client.execute(commands(0, 5)).unwrap();
        // Their times lie in the past, whatever else is wrong with them.
        let backwards = Err(Refusal::Books(books::Refusal::TimeBackwards));
        assert!(result.iter().all(|result| result == &backwards), "{result:?}");
    }
    assert_eq!(client.query(|_| ()).unwrap().1, end);
}

#[test]
fn each_of_many_senders_gets_its_answers_in_order() {
    let node = start(MemoryJournal::new());
    let mut client = node.client();
    all_done(&mut client, 0, stream::SETUP);
    let at = stream::command(1_000_000).0;
    std::thread::scope(|scope| {
        for sender in 0..4_u64 {
            let mut client = node.client();
            scope.spawn(move || {
                let mut answers = Vec::new();
                for request in 0..50 {
                    // Each sender announces parcels of its own, every one twice.
                    let parcels =
                        (0..40).map(|place| sender * 1_000_000 + request * 20 + place / 2);
                    let mut request: Vec<_> =
                        parcels.map(|parcel| (Some(at), stream::announcement(parcel))).collect();
                    let expected = request.len();
                    let first = client.send(std::mem::take(&mut request), false).unwrap();
                    let mut came = Vec::new();
                    while came.len() < expected {
                        client.receive(&mut answers).unwrap();
                        came.append(&mut answers);
                    }
                    for (place, answer) in came.iter().enumerate() {
                        assert_eq!(answer.ticket, first + place as u64);
                        let expected =
                            if place % 2 == 0 { Ok(Events::default()) } else { Err(repeated()) };
                        assert_eq!(answer.result, expected);
                    }
                }
            });
        }
    });
    assert_eq!(client.query(parcel_count).unwrap().0, 4 * 50 * 20);
}

fn books(
    path: &Path,
    snapshot_every_commands: u64,
) -> (DataDirectory, Node, Arc<Mutex<Vec<String>>>) {
    let directory = match path.exists() {
        true => DataDirectory::open(path).unwrap(),
        false => DataDirectory::create(path).unwrap(),
    };
    let notices = Arc::new(Mutex::new(Vec::new()));
    let recorded = notices.clone();
    let options = NodeOptions {
        snapshot_every_commands,
        on_notice: Box::new(move |notice| {
            if let NodeNotice::SnapshotSkipped { sequence, why } = notice {
                recorded.lock().unwrap().push(format!("{sequence}: {why}"));
            }
        }),
        ..NodeOptions::default()
    };
    let (journal, snapshots) = (directory.journal().unwrap(), directory.snapshots().unwrap());
    let node = Node::start(Box::new(journal), Box::new(snapshots), options).unwrap();
    (directory, node, notices)
}

/// A data directory with two snapshots. Returns the digest of the books and the snapshots' files.
fn two_snapshots(path: &Path) -> (engine::Digest, Vec<std::path::PathBuf>) {
    let mut digest = None;
    for life in 0..2 {
        let (directory, node, _) = books(path, u64::MAX);
        let mut client = node.client();
        all_done(&mut client, life * 1_000, (life + 1) * 1_000);
        let (_, engine) = node.stop().unwrap();
        digest = Some(engine.digest());
        drop(directory);
    }
    let mut files: Vec<_> = std::fs::read_dir(path.join("snapshots"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| file.extension().is_some_and(|kind| kind == "snapshot"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 2);
    (digest.unwrap(), files)
}

fn flip_a_byte(file: &Path, place: u64) {
    use std::io::{Read, Seek, SeekFrom, Write};
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(place)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(place)).unwrap();
    file.write_all(&[byte[0] ^ 0x55]).unwrap();
}

#[test]
fn a_start_takes_the_newest_snapshot_and_replays_what_follows() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("books");
    let (digest, _) = two_snapshots(&path);
    let (_directory, node, notices) = books(&path, u64::MAX);
    let recovery = node.recovery();
    assert!(recovery.snapshot.is_some());
    assert_eq!(recovery.replayed.commands, 0, "the stop wrote the last snapshot");
    assert_eq!(node.client().query(Engine::digest).unwrap().0, digest);
    assert!(notices.lock().unwrap().is_empty());
}

#[test]
fn a_snapshot_writes_what_has_changed_since_the_one_before_also_after_a_restart() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("books");
    let (mut from, mut lengths) = (0, Vec::new());
    for more in [20_000, 40, 40] {
        let (directory, node, _) = books(&path, u64::MAX);
        all_done(&mut node.client(), from, from + more);
        let (position, engine) = node.stop().unwrap();
        let snapshots = directory.snapshots().unwrap();
        assert_eq!(snapshots.list().unwrap()[0].number(), position.0);
        let newest = snapshots.open_snapshot(Sequence::new(position.0)).unwrap();
        // The digest is that of the whole state, whichever parts were written.
        assert_eq!(engine::Digest(newest.digest()), engine.digest());
        let own = newest.parts().iter().filter(|part| part.file.number() == position.0);
        lengths.push(own.map(|part| u64::from(part.length)).sum::<u64>());
        let loaded = node::SnapshotSource::load(&snapshots, Sequence::new(position.0)).unwrap();
        assert_eq!(loaded.engine.digest(), engine.digest());
        assert_eq!(loaded.engine.check(), Ok(()));
        from += more;
    }
    assert!(lengths[0] > 400_000, "{lengths:?}");
    assert!(lengths[1] < lengths[0] / 4 && lengths[2] < lengths[0] / 4, "{lengths:?}");
}

/// Snapshots are written while commands are carried out, and each has the digest that the journal
/// gives.
#[test]
fn every_snapshot_under_way_is_of_its_batch() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("books");
    let mut digests = std::collections::BTreeMap::new();
    let mut from = 0;
    for _ in 0..3 {
        let (directory, node, _) = books(&path, 300);
        let mut client = node.client();
        let snapshots = directory.snapshots().unwrap();
        for _ in 0..20 {
            all_done(&mut client, from, from + 331);
            from += 331;
            for sequence in snapshots.list().unwrap() {
                if let Ok(snapshot) = snapshots.open_snapshot(sequence) {
                    digests.insert(sequence, Ok(engine::Digest(snapshot.digest())));
                }
            }
        }
        node.stop().unwrap();
        drop(directory);
    }
    assert!(digests.len() > 10, "only {} snapshots", digests.len());
    let mut journal = DataDirectory::open_shared(&path).unwrap().journal().unwrap();
    let observer = &mut node::replay::NoObserver;
    let (found, _) = node::replay::verify(&mut journal, &digests, observer).unwrap();
    assert_eq!(found.violations, Vec::<String>::new());
    assert_eq!(found.snapshots.len(), digests.len());
}

#[test]
fn a_damaged_snapshot_falls_back_to_the_one_before_and_then_to_the_journal() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("books");
    let (digest, files) = two_snapshots(&path);
    for (damaged, replayed) in [(&files[1], 1_000), (&files[0], 2_000)] {
        let length = std::fs::metadata(damaged).unwrap().len();
        flip_a_byte(damaged, length - 20);
        let (directory, node, notices) = books(&path, u64::MAX);
        assert_eq!(node.recovery().replayed.commands, replayed);
        assert_eq!(node.client().query(Engine::digest).unwrap().0, digest);
        assert!(!notices.lock().unwrap().is_empty(), "the operator is told");
        // As if killed: a stop would write a new snapshot.
        std::mem::forget(node);
        drop(directory);
    }
}

#[test]
fn a_damaged_batch_stops_the_start_with_its_number_and_changes_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("books");
    let (_, files) = two_snapshots(&path);
    for file in files {
        std::fs::remove_file(file).unwrap();
    }
    // Batches contain the orders' references as plain text.
    let journal = path.join("journal.sqlite");
    let bytes = std::fs::read(&journal).unwrap();
    let place = bytes.windows(9).position(|window| window == b"order-101").unwrap();
    flip_a_byte(&journal, place as u64 + 8);
    let before = std::fs::read(&journal).unwrap();
    let directory = DataDirectory::open(&path).unwrap();
    let (journal_file, snapshots) = (directory.journal(), directory.snapshots().unwrap());
    let started = journal_file.map_err(StartError::from).and_then(|journal| {
        Node::start(Box::new(journal), Box::new(snapshots), NodeOptions::default()).map(drop)
    });
    let error = started.unwrap_err().to_string();
    assert!(error.contains("batch 1 is damaged"), "{error}");
    drop(directory);
    let after = std::fs::read(&journal).unwrap();
    assert_eq!(before.len(), after.len());
    assert_eq!(before[place - 50..place + 50], after[place - 50..place + 50]);
}

#[test]
fn verify_finds_books_that_differ_from_a_snapshot() {
    let journal = MemoryJournal::new();
    let node = start(journal.clone());
    let mut client = node.client();
    all_done(&mut client, 0, 100);
    let (digest, position) = client.query(Engine::digest).unwrap();
    let at = Sequence::new(position.0);
    let verdict = |said: Result<engine::Digest, String>| {
        let snapshots = [(at, said)].into_iter().collect();
        let observer = &mut node::replay::NoObserver;
        node::replay::verify(&mut journal.clone(), &snapshots, observer).unwrap().0
    };
    let good = verdict(Ok(digest));
    assert_eq!((good.violations, good.digest), (Vec::new(), digest));
    let bad = verdict(Ok(engine::Digest([7; 32])));
    assert!(bad.violations[0].starts_with("M11: snapshot"), "{:?}", bad.violations);
    let unreadable = verdict(Err("it is damaged".into()));
    assert!(unreadable.violations[0].ends_with("it is damaged"), "{:?}", unreadable.violations);
}
