//! The office of the couriers' day: a node.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{Command, Timestamp};
use node::{Client, Stopped};
use sim::{Answer, Fact, Office, Question};

/// Why the office has closed.
#[derive(Debug, thiserror::Error)]
pub enum Closed {
    /// The node stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// A file of the day cannot be written.
    #[error(transparent)]
    File(#[from] files::whole::WriteError<std::io::Error>),
    /// A file of the day cannot be read back.
    #[error("{}: reading it back: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A node that carries out what the world asks.
pub struct NodeOffice {
    client: Client,
    interrupted: Arc<AtomicBool>,
    /// Where files of the day are kept.
    data: PathBuf,
}

impl NodeOffice {
    /// Works through `client` until `interrupted` is set.
    pub fn new(client: Client, interrupted: Arc<AtomicBool>, data: PathBuf) -> NodeOffice {
        NodeOffice { client, interrupted, data }
    }
}

impl Office for NodeOffice {
    type Error = Closed;

    fn carry_out(&mut self, commands: Vec<(Timestamp, Command)>) -> Result<Vec<Answer>, Closed> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Closed::Interrupted);
        }
        let commands = commands.into_iter().map(|(at, command)| (Some(at), command)).collect();
        Ok(self.client.carry_out(commands)?)
    }

    fn ask(&mut self, questions: Vec<Question>) -> Result<Vec<Fact>, Closed> {
        let ask = |engine: &engine::Engine| {
            questions.into_iter().map(|question| question.ask(engine)).collect()
        };
        Ok(self.client.look(ask)?.0)
    }

    fn keep(&mut self, name: &str, text: String) -> Result<String, Closed> {
        let path = self.data.join(name);
        files::whole::write_whole(&path, |out| out.write_all(text.as_bytes()))?;
        std::fs::read_to_string(&path).map_err(|source| Closed::Read { path, source })
    }
}
