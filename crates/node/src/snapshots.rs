//! Snapshots save a start from replaying the whole journal.

use std::sync::mpsc::sync_channel;

use engine::{Digest, Engine, RestoreError, Snapshot};
use journal::{JournalHead, Sequence, SnapshotDirectory, SnapshotError};

/// Snapshots kept. If the newest turns out to be damaged, a start uses the one before.
pub const SNAPSHOTS_KEPT: usize = 2;

/// Parts of a snapshot read ahead, of one megabyte each.
const PARTS_AHEAD: usize = 8;

pub trait SnapshotStore: Send {
    /// Writes a snapshot. Afterwards it exists whole, or not at all.
    fn save(&self, head: JournalHead, snapshot: Snapshot) -> Result<Digest, SnapshotError>;

    /// The snapshots, newest first.
    fn list(&self) -> Result<Vec<Sequence>, SnapshotError>;

    /// Reads a snapshot, and the end of the journal that it reflects.
    fn load(
        &self,
        sequence: Sequence,
    ) -> Result<(JournalHead, Engine), RestoreError<SnapshotError>>;
}

impl SnapshotStore for SnapshotDirectory {
    fn save(&self, head: JournalHead, snapshot: Snapshot) -> Result<Digest, SnapshotError> {
        let mut writer = self.begin(head.sequence, head.hash)?;
        let digest = snapshot.write(|part| writer.write_part(part))?;
        writer.finish(digest.0)?;
        self.keep_newest(SNAPSHOTS_KEPT)?;
        Ok(digest)
    }

    fn list(&self) -> Result<Vec<Sequence>, SnapshotError> {
        SnapshotDirectory::list(self)
    }

    fn load(
        &self,
        sequence: Sequence,
    ) -> Result<(JournalHead, Engine), RestoreError<SnapshotError>> {
        let reader = self.open_snapshot(sequence).map_err(RestoreError::Read)?;
        let (head, digest) = (reader.reflects(), Digest(reader.digest()));
        // A second thread reads and checks the file while this one builds the engine.
        let engine = std::thread::scope(|scope| {
            let (sender, parts) = sync_channel(PARTS_AHEAD);
            scope.spawn(move || {
                for part in reader {
                    // The engine may have refused a part.
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

/// Keeps no snapshots: every start replays the whole journal.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSnapshots;

impl SnapshotStore for NoSnapshots {
    fn save(&self, _: JournalHead, snapshot: Snapshot) -> Result<Digest, SnapshotError> {
        Ok(snapshot.digest())
    }

    fn list(&self) -> Result<Vec<Sequence>, SnapshotError> {
        Ok(Vec::new())
    }

    fn load(
        &self,
        sequence: Sequence,
    ) -> Result<(JournalHead, Engine), RestoreError<SnapshotError>> {
        Err(RestoreError::Damaged(format!("there is no snapshot {sequence}")))
    }
}
