//! The node: one engine, one journal, and all commands in one order.
//!
//! Commands enter through a bounded queue. The engine applies them one after another. Batches of
//! them are appended to the journal, and a command is answered once its batch is durable (M3, M10).
//! While one batch is made durable, the next one fills. A failed append ends the process; recovery
//! is a normal start.
//!
//! Never: business rules, the meaning of a command, sockets.
//!
//! Start at [`Node::start`] and [`NodeClient`]. [`batch`] defines the bytes of a batch; [`replay`]
//! recovers the books and verifies a journal from its first batch.

pub mod batch;
pub mod replay;

mod client;
mod command_queue;
mod committer;
mod engine_thread;
mod snapshots;
mod start;

pub use client::{
    CommandAnswer, CommandRequest, EngineQuery, JournalPosition, NodeClient, NodeStopped,
    QueryReply, ReplySink, RequestSender,
};
pub use snapshots::{NoSnapshots, SnapshotStore};
pub use start::{
    Clock, FatalCallback, Node, NodeNotice, NodeOptions, Recovery, StartError, SystemClock,
};
