//! What a node is started with: its clock, its limits, and whom it tells what happens.

use std::time::Duration;

use engine::Digest;
use journal::{Sequence, SnapshotError};

use crate::clock::{Clock, SystemClock};
use crate::request::NodeStopped;

/// How many commands have their records prefetched together.
pub(crate) const PREFETCH_COMMANDS: usize = 32;

/// Called when the journal cannot be written; a program should end itself there.
pub type FatalCallback = Box<dyn Fn(&NodeStopped) + Send + Sync>;

/// An event for the operator. It stops nothing.
#[derive(Debug)]
pub enum NodeNotice {
    /// A snapshot cannot be used; the start tries the one before.
    SnapshotSkipped { sequence: Sequence, why: String },
    SnapshotWritten {
        /// The last batch that it reflects.
        sequence: Sequence,
        /// The digest of the books.
        digest: Digest,
        took: Duration,
    },
    /// A snapshot could not be written; the next start takes longer.
    SnapshotFailed {
        /// The last batch that it reflects.
        sequence: Sequence,
        error: SnapshotError,
    },
}

/// The limits that the engine's thread obeys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeLimits {
    pub batch_commands_max: u32,
    pub batch_bytes_max: usize,
    pub inline_commands_max: u32,
    pub snapshot_every_commands: u64,
}

/// The defaults suit a machine with two cores.
pub struct NodeOptions {
    /// Commands that may wait; beyond it senders block.
    pub queue_commands_max: usize,
    pub batch_commands_max: u32,
    /// A batch that reaches this size is ended.
    pub batch_bytes_max: usize,
    /// The engine's own thread commits batches of at most this many commands when nothing else
    /// waits.
    pub inline_commands_max: u32,
    /// Commands between two snapshots. A start replays these and those of the time that a snapshot
    /// takes.
    pub snapshot_every_commands: u64,
    pub clock: Box<dyn Clock>,
    /// Called when the journal cannot be written.
    pub on_fatal: FatalCallback,
    pub on_notice: Box<dyn Fn(NodeNotice) + Send>,
}

impl Default for NodeOptions {
    fn default() -> Self {
        NodeOptions {
            queue_commands_max: 65_536,
            batch_commands_max: 16_384,
            batch_bytes_max: 1 << 20,
            inline_commands_max: 8,
            snapshot_every_commands: 250_000,
            clock: Box::new(SystemClock),
            on_fatal: Box::new(|_| {}),
            on_notice: Box::new(|_| {}),
        }
    }
}
