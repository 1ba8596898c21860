//! Snapshots save a start from replaying the whole journal.

use std::sync::mpsc::sync_channel;

use engine::{Digest, Engine, RestoreError, Snapshot};
use journal::{
    JournalHead, Sequence, SnapshotDirectory, SnapshotDirectoryReader, SnapshotError,
    SnapshotReader,
};

/// Snapshots kept. If the newest turns out to be damaged, a start uses the one before.
pub const SNAPSHOTS_KEPT: usize = 2;

/// Parts of a snapshot read ahead, of one megabyte each.
const PARTS_AHEAD: usize = 8;

/// Reads snapshots.
pub trait SnapshotSource: Send {
    /// The snapshots, newest first.
    fn list(&self) -> Result<Vec<Sequence>, SnapshotError>;

    /// The end of the journal that a snapshot reflects. Reads only its beginning.
    fn reflects(&self, sequence: Sequence) -> Result<JournalHead, SnapshotError>;

    /// Reads a snapshot, and the end of the journal that it reflects.
    fn load(
        &self,
        sequence: Sequence,
    ) -> Result<(JournalHead, Engine), RestoreError<SnapshotError>>;
}

/// Reads and writes snapshots.
pub trait SnapshotStore: SnapshotSource {
    /// Writes a snapshot. Afterwards it exists whole, or not at all.
    fn save(&self, head: JournalHead, snapshot: Snapshot) -> Result<Digest, SnapshotError>;
}

impl SnapshotStore for SnapshotDirectory {
    fn save(&self, head: JournalHead, snapshot: Snapshot) -> Result<Digest, SnapshotError> {
        let mut writer = self.begin(head.sequence, head.hash)?;
        let digest = snapshot.write(|part| writer.write_part(part))?;
        writer.finish(digest.0)?;
        self.keep_newest(SNAPSHOTS_KEPT)?;
        Ok(digest)
    }
}

macro_rules! source_in_directory {
    ($($directory:ty),+) => {$(
        impl SnapshotSource for $directory {
            fn list(&self) -> Result<Vec<Sequence>, SnapshotError> {
                <$directory>::list(self)
            }

            fn reflects(&self, sequence: Sequence) -> Result<JournalHead, SnapshotError> {
                Ok(self.open_snapshot(sequence)?.reflects())
            }

            fn load(
                &self,
                sequence: Sequence,
            ) -> Result<(JournalHead, Engine), RestoreError<SnapshotError>> {
                load(self.open_snapshot(sequence).map_err(RestoreError::Read)?)
            }
        }
    )+};
}

source_in_directory!(SnapshotDirectory, SnapshotDirectoryReader);

fn load(reader: SnapshotReader) -> Result<(JournalHead, Engine), RestoreError<SnapshotError>> {
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

/// Keeps no snapshots: every start replays the whole journal.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSnapshots;

impl SnapshotStore for NoSnapshots {
    fn save(&self, _: JournalHead, snapshot: Snapshot) -> Result<Digest, SnapshotError> {
        Ok(snapshot.digest())
    }
}

impl SnapshotSource for NoSnapshots {
    fn list(&self) -> Result<Vec<Sequence>, SnapshotError> {
        Ok(Vec::new())
    }

    fn reflects(&self, sequence: Sequence) -> Result<JournalHead, SnapshotError> {
        Err(SnapshotError::Missing { path: format!("{sequence}").into() })
    }

    fn load(
        &self,
        sequence: Sequence,
    ) -> Result<(JournalHead, Engine), RestoreError<SnapshotError>> {
        Err(RestoreError::Damaged(format!("there is no snapshot {sequence}")))
    }
}
