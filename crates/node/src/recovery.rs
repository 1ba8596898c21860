//! Recovers the books: loads the newest good snapshot and replays the rest of the journal. A node
//! does it when it starts; a reader does it beside a node.

use std::time::{Duration, Instant};

use engine::Engine;
use journal::{JournalError, JournalHead, ReadJournal, Sequence, SnapshotError};

use crate::options::NodeNotice;
use crate::replay::{NoObserver, ReplayError, ReplayTotals, replay};
use crate::snapshots::{LoadedSnapshot, SnapshotSource, StoredChunks};

/// Why the books could not be recovered. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// A snapshot reflects batches that the journal does not have (M10).
    #[error(
        "M10: snapshot {snapshot} reflects batch {snapshot}, but the journal ends with batch \
         {end}: batches that were acknowledged are missing from it. Nothing was changed. Keep this \
         directory, and restore it from a copy"
    )]
    JournalShorter {
        /// The last batch that the snapshot reflects.
        snapshot: Sequence,
        /// The last batch of the journal.
        end: Sequence,
    },
    /// The batch that the snapshot reflects is another one in this journal (M10).
    #[error(
        "M10: snapshot {snapshot} belongs to another journal: batch {snapshot} of this journal is \
         another one. Nothing was changed. Keep this directory, and restore journal and snapshots \
         from the same copy"
    )]
    OtherJournal { snapshot: Sequence },
}

/// What was recovered.
#[derive(Clone, Copy, Debug)]
pub struct Recovery {
    /// The snapshot that was loaded, if any.
    pub snapshot: Option<Sequence>,
    /// What was replayed after it.
    pub replayed: ReplayTotals,
    /// How long loading the snapshot took.
    pub loading: Duration,
    /// How long the replay took.
    pub replaying: Duration,
}

/// Loads the newest undamaged snapshot and replays what follows. Says also where that snapshot's
/// chunks are, for the next one.
pub fn recover<J: ReadJournal + ?Sized>(
    journal: &mut J,
    snapshots: &dyn SnapshotSource,
    on_notice: &dyn Fn(NodeNotice),
) -> Result<(Engine, Recovery, StoredChunks), RecoveryError> {
    let started = Instant::now();
    let loaded = newest_snapshot(journal, snapshots, None, on_notice)?.unwrap_or_default();
    let LoadedSnapshot { mut engine, reflects: from, stored } = loaded;
    let snapshot = Some(from.sequence).filter(|sequence| *sequence != Sequence::NONE);
    let loading = started.elapsed();
    let started = Instant::now();
    let replayed = replay(journal, from, &mut engine, &mut NoObserver)?;
    let recovery = Recovery { snapshot, replayed, loading, replaying: started.elapsed() };
    Ok((engine, recovery, stored))
}

/// Loads the newest undamaged snapshot, or the newest one that reflects at most batch `until`.
/// Checks each newer one against the journal too.
pub fn newest_snapshot<J: ReadJournal + ?Sized>(
    journal: &mut J,
    snapshots: &dyn SnapshotSource,
    until: Option<Sequence>,
    on_notice: &dyn Fn(NodeNotice),
) -> Result<Option<LoadedSnapshot>, RecoveryError> {
    for sequence in checked_snapshots(journal, snapshots)? {
        if until.is_some_and(|until| sequence > until) {
            continue;
        }
        match snapshots.load(sequence) {
            Ok(loaded) => {
                check_same_journal(journal, loaded.reflects)?;
                return Ok(Some(loaded));
            }
            Err(error) => {
                on_notice(NodeNotice::SnapshotSkipped { sequence, why: error.to_string() });
            }
        }
    }
    Ok(None)
}

/// The snapshots, newest first. None is ahead of the journal, and the newest that can be opened is
/// of this journal.
pub fn checked_snapshots<J: ReadJournal + ?Sized>(
    journal: &mut J,
    snapshots: &dyn SnapshotSource,
) -> Result<Vec<Sequence>, RecoveryError> {
    // The list comes first: a snapshot is written after its batches are durable, so each one that
    // is listed is behind the end that is read then, unless the journal has lost batches.
    let list = snapshots.list()?;
    let end = journal.head()?.sequence;
    if let Some(&snapshot) = list.iter().find(|sequence| **sequence > end) {
        return Err(RecoveryError::JournalShorter { snapshot, end });
    }
    if let Some(head) = list.iter().find_map(|sequence| snapshots.reflects(*sequence).ok()) {
        check_same_journal(journal, head)?;
    }
    Ok(list)
}

fn check_same_journal<J: ReadJournal + ?Sized>(
    journal: &mut J,
    head: JournalHead,
) -> Result<(), RecoveryError> {
    let batch = journal.read(head.sequence, 0)?;
    match batch.first().is_some_and(|batch| batch.head() == head) {
        true => Ok(()),
        false => Err(RecoveryError::OtherJournal { snapshot: head.sequence }),
    }
}
