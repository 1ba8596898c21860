//! The office of the couriers' day: a node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{Command, Timestamp};
use node::{Client, Stopped};
use sim::{Answer, Office};

/// Why the office has closed.
#[derive(Debug, thiserror::Error)]
pub enum Closed {
    /// The node stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

/// A node that carries out what the world asks.
pub struct NodeOffice {
    client: Client,
    interrupted: Arc<AtomicBool>,
}

impl NodeOffice {
    /// Works through `client` until `interrupted` is set.
    pub fn new(client: Client, interrupted: Arc<AtomicBool>) -> NodeOffice {
        NodeOffice { client, interrupted }
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
}
