//! Kills a real process at random moments under load. All acknowledged commands survive, and no
//! others appear (M10).
#![allow(clippy::unwrap_used)]

mod stream;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use engine::{CommandOutcome, Engine};
use journal::{DataDirectory, JournalHead};
use node::SnapshotSource;
use node::replay::{NoObserver, replay};

const KILLS: u64 = 50;

/// Cargo builds a package's examples with its tests, beside them.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    profile.join("examples").join("under_load")
}

/// The output of the process.
#[derive(Debug, Default)]
struct Progress {
    recovered: Option<(u64, u64)>,
    sending: u64,
    done: u64,
}

fn read(child: &mut Child, after_acknowledging: u64) -> Progress {
    let mut progress = Progress::default();
    let mut killed = false;
    let output = BufReader::new(child.stdout.take().unwrap());
    for line in output.lines() {
        let line = line.unwrap();
        // The last line may be cut off.
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["recovered", number, fingerprint] => {
                let number: u64 = number.parse().unwrap();
                progress.recovered = Some((number, fingerprint.parse().unwrap()));
                (progress.sending, progress.done) = (number, number);
            }
            ["sending", number] => progress.sending = number.parse().unwrap(),
            ["done", number] => progress.done = number.parse().unwrap(),
            _ => panic!("unexpected: {line}"),
        }
        let (begun, _) = progress.recovered.unwrap();
        if !killed && progress.done - begun >= after_acknowledging {
            // Not exactly at a line, but a little later.
            std::thread::sleep(Duration::from_micros(after_acknowledging * 37 % 4_000));
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    progress
}

/// Reads each snapshot that a killed process has left, with its parts in files of earlier ones.
fn whole_snapshots(directory: &Path, kill: u64) -> u64 {
    let snapshots = DataDirectory::open_shared(directory).unwrap().snapshots().unwrap();
    let list = snapshots.list().unwrap();
    for sequence in &list {
        let loaded = snapshots.load(*sequence);
        assert!(loaded.is_ok(), "kill {kill}: snapshot {sequence}: {:?}", loaded.err());
    }
    list.len() as u64
}

#[test]
fn acknowledged_commands_survive_fifty_kills_and_no_others_appear() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("books");
    // A second engine applies the same stream; its state must always equal the recovered state.
    let mut reference = Engine::default();
    let mut out = CommandOutcome::default();
    let mut at = 0;
    let mut before = Progress::default();
    let mut snapshots = 0;
    for kill in 0..=KILLS {
        let mut child = Command::new(program())
            .arg(&directory)
            .stdout(Stdio::piped())
            .spawn()
            .expect("run `cargo test -p node`, which builds the example under_load");
        // The moments of the kills differ from run to run; the amounts of work are fixed.
        let progress = read(&mut child, kill * 131 % 1_500);
        let (recovered, fingerprint) = progress.recovered.expect("it starts again");
        assert!(
            recovered >= before.done,
            "kill {kill}: M10: {recovered} of {} are there",
            before.done
        );
        assert!(recovered <= before.sending, "kill {kill}: {recovered} of {} sent", before.sending);
        while at < recovered {
            let (time, command) = stream::command(at);
            reference.apply(&command, time, &mut out).unwrap();
            at += 1;
        }
        assert_eq!(reference.fingerprint(), fingerprint, "kill {kill}: the books differ");
        snapshots += whole_snapshots(&directory, kill);
        before = progress;
    }
    assert!(snapshots > KILLS, "only {snapshots} snapshots were read");
    let mut journal = DataDirectory::open_shared(&directory).unwrap().journal().unwrap();
    let mut engine = Engine::default();
    replay(&mut journal, JournalHead::default(), &mut engine, &mut NoObserver).unwrap();
    let end = stream::number_after(engine.last_at());
    assert!((before.done..=before.sending).contains(&end));
    while at < end {
        let (time, command) = stream::command(at);
        reference.apply(&command, time, &mut out).unwrap();
        at += 1;
    }
    assert_eq!(engine.digest(), reference.digest());
    assert_eq!(engine.check(), Ok(()));
}
