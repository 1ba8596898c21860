//! Follows a journal: an engine that is fed from it, batch after batch, for watchers that see each
//! command with its outcome: views, notices, a standby.

use engine::Engine;
use journal::{JournalHead, ReadJournal};

use crate::options::NodeNotice;
use crate::recovery::{RecoveryError, newest_snapshot};
use crate::replay::{ReplayError, ReplayObserver, ReplayTotals, replay};
use crate::snapshots::{LoadedSnapshot, SnapshotSource};

#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The journal has another batch with this number, or none.
    #[error("batch {} is not of this journal", .0.sequence)]
    OtherJournal(JournalHead),
}

/// The books at the end of some batch of a journal.
pub struct Follower {
    engine: Engine,
    head: JournalHead,
}

/// Ends a replay after a batch.
struct Until(JournalHead);

impl ReplayObserver for Until {
    fn batch(&mut self, head: JournalHead, _: &Engine) -> Result<(), String> {
        match head.sequence < self.0.sequence {
            true => Ok(()),
            false => Err(REACHED.to_owned()),
        }
    }
}

const REACHED: &str = "reached";

impl Follower {
    /// The books at the end of the batch that a watcher has seen last: those of the newest snapshot
    /// before, and what follows it.
    ///
    /// # Errors
    /// The batch is not of this journal, or the journal cannot be replayed until there.
    pub fn after<J: ReadJournal + ?Sized>(
        seen: JournalHead,
        journal: &mut J,
        snapshots: &dyn SnapshotSource,
        on_notice: &dyn Fn(NodeNotice),
    ) -> Result<Follower, FollowError> {
        if seen == JournalHead::default() {
            return Ok(Follower { engine: Engine::default(), head: seen });
        }
        let batch = journal.read(seen.sequence, 0).map_err(ReplayError::from)?;
        if batch.first().is_none_or(|batch| batch.head() != seen) {
            return Err(FollowError::OtherJournal(seen));
        }
        let found = newest_snapshot(journal, snapshots, Some(seen.sequence), on_notice)?;
        let LoadedSnapshot { mut engine, reflects: from, .. } = found.unwrap_or_default();
        if from.sequence < seen.sequence {
            match replay(journal, from, &mut engine, &mut Until(seen)) {
                Err(ReplayError::ObserverStopped(why)) if why == REACHED => {}
                done => drop(done?),
            }
        }
        Ok(Follower { engine, head: seen })
    }

    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The last batch that the watchers have seen.
    #[must_use]
    pub fn head(&self) -> JournalHead {
        self.head
    }

    /// Shows the watcher what follows, up to the journal's end. After an error the engine can be
    /// anywhere: begin again with [`Follower::after`].
    ///
    /// # Errors
    /// The journal cannot be replayed, or the watcher wants no more.
    pub fn advance<J: ReadJournal + ?Sized>(
        &mut self,
        journal: &mut J,
        watcher: &mut dyn ReplayObserver,
    ) -> Result<ReplayTotals, ReplayError> {
        let replayed = replay(journal, self.head, &mut self.engine, watcher)?;
        self.head = replayed.head;
        Ok(replayed)
    }
}
