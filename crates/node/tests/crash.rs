//! The real process, killed at random moments under load: what was acknowledged is there, and
//! nothing that was not sent (M10).
#![allow(clippy::unwrap_used)]

mod stream;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use engine::{Engine, Outcome};
use journal::{DataDirectory, Head};
use node::replay::{Unwatched, replay};

/// How often it is killed.
const KILLS: u64 = 50;

/// Cargo builds a package's examples with its tests, beside them.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    profile.join("examples").join("under_load")
}

/// What the process said before it died.
#[derive(Debug, Default)]
struct Said {
    recovered: Option<(u64, u64)>,
    sending: u64,
    done: u64,
}

fn read(child: &mut Child, after_acknowledging: u64) -> Said {
    let mut said = Said::default();
    let mut killed = false;
    let output = BufReader::new(child.stdout.take().unwrap());
    for line in output.lines() {
        let line = line.unwrap();
        // The last line may be cut off in the middle.
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["recovered", number, fingerprint] => {
                let number: u64 = number.parse().unwrap();
                said.recovered = Some((number, fingerprint.parse().unwrap()));
                (said.sending, said.done) = (number, number);
            }
            ["sending", number] => said.sending = number.parse().unwrap(),
            ["done", number] => said.done = number.parse().unwrap(),
            _ => panic!("unexpected: {line}"),
        }
        let (begun, _) = said.recovered.unwrap();
        if !killed && said.done - begun >= after_acknowledging {
            // Not at the moment of a line, but a little after it.
            std::thread::sleep(Duration::from_micros(after_acknowledging * 37 % 4_000));
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    said
}

#[test]
fn whatever_was_acknowledged_survives_fifty_kills_and_nothing_else_does() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("books");
    // A second engine that carries out the same stream: it must always stand where the books stand.
    let mut shadow = Engine::default();
    let mut out = Outcome::default();
    let mut at = 0;
    let mut before = Said::default();
    for kill in 0..=KILLS {
        let mut child = Command::new(program())
            .arg(&directory)
            .stdout(Stdio::piped())
            .spawn()
            .expect("run `cargo test -p node`, which builds the example under_load");
        // The moments differ from run to run all by themselves; the amounts of work are fixed.
        let said = read(&mut child, kill * 131 % 1_500);
        let (recovered, fingerprint) = said.recovered.expect("it starts again");
        assert!(
            recovered >= before.done,
            "kill {kill}: M10: {recovered} of {} are there",
            before.done
        );
        assert!(recovered <= before.sending, "kill {kill}: {recovered} of {} sent", before.sending);
        while at < recovered {
            let (time, command) = stream::command(at);
            shadow.apply(&command, time, &mut out).unwrap();
            at += 1;
        }
        assert_eq!(shadow.fingerprint(), fingerprint, "kill {kill}: the books are others");
        before = said;
    }
    let mut journal = DataDirectory::open_shared(&directory).unwrap().journal().unwrap();
    let mut engine = Engine::default();
    replay(&mut journal, Head::default(), &mut engine, &mut Unwatched).unwrap();
    let end = stream::number_after(engine.last_at());
    assert!((before.done..=before.sending).contains(&end));
    while at < end {
        let (time, command) = stream::command(at);
        shadow.apply(&command, time, &mut out).unwrap();
        at += 1;
    }
    assert_eq!(engine.digest(), shadow.digest());
    assert_eq!(engine.check(), Ok(()));
}
