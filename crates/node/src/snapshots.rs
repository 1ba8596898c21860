//! Where states are kept, so that a start need not replay everything.

use std::sync::mpsc::sync_channel;

use engine::{Digest, Engine, RestoreError, Snapshot};
use journal::{Head, Sequence, SnapshotError, Snapshots};

/// Snapshots that are kept. The newest may turn out damaged: then the one before serves.
pub const SNAPSHOTS_KEPT: usize = 2;

/// Parts of a snapshot, of a megabyte each, that are read ahead.
const PARTS_AHEAD: usize = 8;

/// What a node needs of a place for snapshots.
pub trait SnapshotStore: Send {
    /// Writes a state down; afterwards it is there whole, or not at all.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn save(&self, head: Head, snapshot: Snapshot) -> Result<Digest, SnapshotError>;

    /// What there is, the newest first.
    ///
    /// # Errors
    /// Where that cannot be told.
    fn list(&self) -> Result<Vec<Sequence>, SnapshotError>;

    /// Reads a state and the end of the journal that it belongs to.
    ///
    /// # Errors
    /// Where it cannot be read or is damaged.
    fn load(&self, sequence: Sequence) -> Result<(Head, Engine), RestoreError<SnapshotError>>;
}

impl SnapshotStore for Snapshots {
    fn save(&self, head: Head, snapshot: Snapshot) -> Result<Digest, SnapshotError> {
        let mut writer = self.begin(head.sequence, head.hash)?;
        let digest = snapshot.write(|part| writer.part(part))?;
        writer.finish(digest.0)?;
        self.keep(SNAPSHOTS_KEPT)?;
        Ok(digest)
    }

    fn list(&self) -> Result<Vec<Sequence>, SnapshotError> {
        Snapshots::list(self)
    }

    fn load(&self, sequence: Sequence) -> Result<(Head, Engine), RestoreError<SnapshotError>> {
        let reader = self.open_snapshot(sequence).map_err(RestoreError::Read)?;
        let (head, digest) = (reader.reflects(), Digest(reader.digest()));
        // One thread reads and checks the file while this one puts the engine together.
        let engine = std::thread::scope(|scope| {
            let (sender, parts) = sync_channel(PARTS_AHEAD);
            scope.spawn(move || {
                for part in reader {
                    // The engine may have refused a part; then nobody listens.
                    if sender.send(part).is_err() {
                        break;
                    }
                }
            });
            Engine::restore(parts, digest)
        })?;
        Ok((head, engine))
    }
}

/// No snapshots: every start replays the whole journal.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSnapshots;

impl SnapshotStore for NoSnapshots {
    fn save(&self, _: Head, snapshot: Snapshot) -> Result<Digest, SnapshotError> {
        Ok(snapshot.digest())
    }

    fn list(&self) -> Result<Vec<Sequence>, SnapshotError> {
        Ok(Vec::new())
    }

    fn load(&self, sequence: Sequence) -> Result<(Head, Engine), RestoreError<SnapshotError>> {
        Err(RestoreError::Damaged(format!("snapshot {sequence} was never kept")))
    }
}
