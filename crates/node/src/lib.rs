//! The node: one engine, one journal, and everybody's commands in one order.
//!
//! Commands come in through a bounded queue; the engine applies them one after the other; batches
//! of them are appended to the journal; nobody is answered before the batch that holds the command
//! is durable (M3, M10). While one batch is made durable, the next one fills. A failed append ends
//! the process: recovery is the normal start.
//!
//! Never: business rules, knowledge of what a command means, sockets.
//! Start at [`Node::start`] and [`Client`]; the bytes of a batch are in [`batch`]; recovery and the
//! auditor's full replay are in [`replay`].

pub mod batch;
pub mod replay;

mod client;
mod committer;
mod core;
mod desk;
mod snapshots;
mod start;

pub use client::{Answer, Client, Letter, Position, Post, Question, Reply, Sink, Stopped};
pub use snapshots::{NoSnapshots, SnapshotStore};
pub use start::{Clock, Fatal, Node, Notice, Options, Recovery, StartError, SystemClock};
