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
//!
//! ```
//! use books::{Command, OpenBooks, PersonId};
//! use engine::{Actor, Engine, Submission, Timestamp};
//! use journal::{JournalHead, MemoryJournal};
//! use node::replay::{NoObserver, replay};
//! use node::{NoSnapshots, Node, NodeOptions};
//!
//! let mut journal = MemoryJournal::new();
//! let options = NodeOptions::default();
//! let node = Node::start(Box::new(journal.clone()), Box::new(NoSnapshots), options)?;
//!
//! // A result comes when the command is durable. The second command is a retry.
//! let mut client = node.client();
//! let (first_person, second_person) = (PersonId(1), PersonId(2));
//! let open = OpenBooks { utc_offset_minutes: 480, first_person, second_person, trial: true };
//! let command = Command::OpenBooks(open);
//! let submission = Submission::new(Actor::System, command);
//! let at = Some(Timestamp(1_377_662_400_000));
//! let results = client.execute(vec![(at, submission.clone()), (at, submission)])?;
//! assert!(results[0].is_ok() && results[1].is_err());
//!
//! // The same journal gives the same books (M11).
//! let (fingerprint, _) = client.query(Engine::fingerprint)?;
//! node.stop()?;
//! let mut again = Engine::default();
//! replay(&mut journal, JournalHead::default(), &mut again, &mut NoObserver)?;
//! assert_eq!(again.fingerprint(), fingerprint);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod batch;
pub mod follower;
pub mod recovery;
pub mod replay;

mod client;
mod clock;
mod command_queue;
mod committer;
mod counters;
mod engine_thread;
mod options;
mod request;
mod snapshots;
mod start;

pub use client::{NodeClient, RequestSender};
pub use clock::{
    CLOCK_FOLLOWED_MS_MAX, CLOCK_JUMP_MS_MIN, Clock, ClockReading, SteadyClock, SystemClock,
};
pub use counters::{NodeFigures, SYNC_BOUNDS_US, SyncTimes};
pub use options::{FatalCallback, NodeNotice, NodeOptions};
pub use request::{
    CommandAnswer, CommandReply, CommandRequest, DecidedCommand, EngineDecision, EngineQuery,
    JournalPosition, NodeStopped, QueryReply, ReplySink,
};
pub use snapshots::{LoadedSnapshot, NoSnapshots, SnapshotSource, SnapshotStore, StoredChunks};
pub use start::{Node, StartError};
