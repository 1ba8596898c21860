//! A process under load, to be killed by a test. It applies an endless fixed stream of commands and
//! reports its progress on standard output.
//!
//! Usage: `under_load DIRECTORY`. Prints `recovered N FINGERPRINT` after the start, `sending N`
//! before it sends commands up to number N, and `done N` when all up to N are answered.
//! `crates/node/tests/crash.rs` reads this.

#[path = "../tests/stream/mod.rs"]
mod stream;

use std::io::Write;
use std::path::Path;

use journal::DataDirectory;
use node::{Node, NodeOptions};

/// Unanswered commands at a time.
const IN_FLIGHT: u64 = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which directory?")?;
    let path = Path::new(&path);
    let directory = match path.exists() {
        true => DataDirectory::open(path)?,
        false => DataDirectory::create(path)?,
    };
    let journal = Box::new(directory.journal()?);
    let snapshots = Box::new(directory.snapshots()?);
    // Few enough that each run of the process writes several snapshots, and is killed in one.
    let options = NodeOptions { snapshot_every_commands: 300, ..NodeOptions::default() };
    let node = Node::start(journal, snapshots, options)?;
    let mut client = node.client();
    let (recovered, _) = client.query(|engine| (engine.last_at(), engine.fingerprint()))?;
    let mut next = stream::number_after(recovered.0);
    let mut out = std::io::stdout().lock();
    writeln!(out, "recovered {next} {}", recovered.1)?;
    out.flush()?;
    let mut done = next;
    let mut answers = Vec::new();
    loop {
        // Requests of different sizes, so that both single commands and large batches occur.
        let request_size = (next * 7 % 61 + 1).min(IN_FLIGHT - (next - done));
        if request_size > 0 {
            let commands: Vec<_> = (next..next + request_size).map(stream::command).collect();
            next += request_size;
            writeln!(out, "sending {next}")?;
            out.flush()?;
            let commands = commands.into_iter().map(|(at, command)| (Some(at), command)).collect();
            client.send(commands, false)?;
        }
        if next - done >= IN_FLIGHT / 2 {
            client.receive(&mut answers)?;
            for answer in answers.drain(..) {
                answer.result?;
                done += 1;
            }
            writeln!(out, "done {done}")?;
            out.flush()?;
        }
    }
}
