//! The backend of the simulated day: a node with a journal.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use books::Timestamp;
use engine::{Events, Submission};
use node::{NodeClient, NodeStopped};
use sim::{Backend, BackendReply, Query, QueryResult};

/// Why the backend stopped.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    #[error(transparent)]
    Stopped(#[from] NodeStopped),
    /// SIGINT or SIGTERM.
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    File(#[from] files::atomic::AtomicWriteError<std::io::Error>),
    #[error("{} cannot be read back: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
}

/// A node that carries out the simulation's commands.
pub struct NodeBackend {
    client: NodeClient,
    interrupted: Arc<AtomicBool>,
    /// The directory for files of the day.
    data: PathBuf,
}

impl NodeBackend {
    /// Works through `client` until `interrupted` is set.
    pub fn new(client: NodeClient, interrupted: Arc<AtomicBool>, data: PathBuf) -> NodeBackend {
        NodeBackend { client, interrupted, data }
    }
}

impl Backend for NodeBackend {
    type Error = BackendError;

    fn carry_out(
        &mut self,
        commands: Vec<(Timestamp, Submission)>,
    ) -> Result<Vec<BackendReply>, BackendError> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(BackendError::Interrupted);
        }
        let commands = commands.into_iter().map(|(at, command)| (Some(at), command)).collect();
        let answers = self.client.execute(commands)?.into_iter();
        let of_books = |answer: Result<Events, engine::Refusal>| {
            answer.map(|events| events.books).map_err(engine::Refusal::into_books)
        };
        Ok(answers.map(of_books).collect())
    }

    fn query(&mut self, questions: Vec<Query>) -> Result<Vec<QueryResult>, BackendError> {
        let ask = |engine: &engine::Engine| {
            questions.into_iter().map(|question| question.answer(engine.books())).collect()
        };
        Ok(self.client.query(ask)?.0)
    }

    fn store_file(&mut self, name: &str, text: String) -> Result<String, BackendError> {
        let path = self.data.join(name);
        files::atomic::write_atomically(&path, |out| out.write_all(text.as_bytes()))?;
        std::fs::read_to_string(&path).map_err(|source| BackendError::Read { path, source })
    }
}
