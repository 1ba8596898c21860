//! A process under load, to be killed: carries out a fixed stream of commands for ever and says on
//! standard output how far it is.
//!
//! Usage: `under_load DIRECTORY`. It prints `recovered N FINGERPRINT` when it has started, `sending
//! N` before it sends commands up to number N, and `done N` when everything up to N is
//! acknowledged. `crates/node/tests/crash.rs` reads it.

#[path = "../tests/stream/mod.rs"]
mod stream;

use std::io::Write;
use std::path::Path;

use journal::DataDirectory;
use node::{Node, Options};

/// Commands on their way at a time.
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
    // So few that every life of the process writes several snapshots.
    let options = Options { snapshot_every_commands: 2_000, ..Options::default() };
    let node = Node::start(journal, snapshots, options)?;
    let mut client = node.client();
    let (standing, _) = client.look(|engine| (engine.last_at(), engine.fingerprint()))?;
    let mut next = stream::number_after(standing.0);
    let mut out = std::io::stdout().lock();
    writeln!(out, "recovered {next} {}", standing.1)?;
    out.flush()?;
    let mut done = next;
    let mut answers = Vec::new();
    loop {
        // Letters of different sizes, so that single commands and large batches both occur.
        let letter = (next * 7 % 61 + 1).min(IN_FLIGHT - (next - done));
        if letter > 0 {
            let commands: Vec<_> = (next..next + letter).map(stream::command).collect();
            next += letter;
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
