//! Snapshots save a start from replaying the whole journal. A snapshot writes the chunks of the
//! state that have changed since the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::available_parallelism;

use engine::{
    ChunkId, DecodedPart, Digest, Engine, EngineBuilder, PartSink, RestoreError, Snapshot,
};
use journal::{
    JournalHead, PartAddress, Sequence, SnapshotDirectory, SnapshotDirectoryReader, SnapshotError,
    SnapshotReader, SnapshotWriter,
};

/// Snapshots kept. If the newest turns out to be damaged, a start uses the one before.
pub const SNAPSHOTS_KEPT: usize = 2;

/// Parts that each thread decodes ahead.
const PARTS_AHEAD: usize = 64;

/// Most threads that decode parts.
const DECODERS_MAX: usize = 8;

/// Where the chunks of an engine's state are, as of its latest snapshot. It belongs to this engine,
/// until another snapshot of it is written.
#[derive(Debug, Default)]
pub struct StoredChunks(BTreeMap<(u8, u32), (u64, PartAddress)>);

impl StoredChunks {
    fn insert(&mut self, chunk: ChunkId, part: PartAddress) {
        self.0.insert((chunk.table, chunk.number), (chunk.written, part));
    }

    fn find(&self, chunk: ChunkId) -> Option<PartAddress> {
        let (written, part) = self.0.get(&(chunk.table, chunk.number))?;
        (*written == chunk.written).then_some(*part)
    }
}

/// An engine of a snapshot.
#[derive(Debug, Default)]
pub struct LoadedSnapshot {
    pub engine: Engine,
    /// The end of the journal that it reflects.
    pub reflects: JournalHead,
    pub stored: StoredChunks,
}

/// Reads snapshots.
pub trait SnapshotSource: Send {
    /// The snapshots, newest first.
    fn list(&self) -> Result<Vec<Sequence>, SnapshotError>;

    /// The end of the journal that a snapshot reflects. Reads only its list of parts.
    fn reflects(&self, sequence: Sequence) -> Result<JournalHead, SnapshotError>;

    /// Reads a snapshot.
    fn load(&self, sequence: Sequence) -> Result<LoadedSnapshot, RestoreError<SnapshotError>>;
}

/// Reads and writes snapshots.
pub trait SnapshotStore: SnapshotSource {
    /// Writes a snapshot. Afterwards it exists whole, or not at all. Chunks that are in `stored`
    /// are not written again; afterwards it holds those of this snapshot.
    fn save(
        &self,
        head: JournalHead,
        snapshot: Snapshot,
        stored: &mut StoredChunks,
    ) -> Result<Digest, SnapshotError>;
}

impl SnapshotStore for SnapshotDirectory {
    fn save(
        &self,
        head: JournalHead,
        snapshot: Snapshot,
        stored: &mut StoredChunks,
    ) -> Result<Digest, SnapshotError> {
        let mut sink = ChangedParts {
            leave: self.files_to_leave(stored.0.values().map(|(_, part)| part))?,
            writer: self.begin(head.sequence, head.hash)?,
            before: stored,
            now: StoredChunks::default(),
        };
        let digest = snapshot.write_to(&mut sink)?;
        let ChangedParts { writer, now, .. } = sink;
        writer.finish(digest.0)?;
        *stored = now;
        self.keep_newest(SNAPSHOTS_KEPT)?;
        Ok(digest)
    }
}

/// Writes the parts that are not in the snapshot before.
struct ChangedParts<'s> {
    before: &'s StoredChunks,
    /// Files whose parts are written again.
    leave: BTreeSet<Sequence>,
    writer: SnapshotWriter,
    now: StoredChunks,
}

impl PartSink for ChangedParts<'_> {
    type Error = SnapshotError;

    fn kept(&mut self, chunk: ChunkId) -> Result<Option<[u8; 32]>, SnapshotError> {
        let part = self.before.find(chunk).filter(|part| !self.leave.contains(&part.file));
        let Some(part) = part else { return Ok(None) };
        self.writer.keep_part(part);
        self.now.insert(chunk, part);
        Ok(Some(part.hash))
    }

    fn write(&mut self, chunk: Option<ChunkId>, part: &[u8]) -> Result<[u8; 32], SnapshotError> {
        let part = self.writer.write_part(part)?;
        if let Some(chunk) = chunk {
            self.now.insert(chunk, part);
        }
        Ok(part.hash)
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
            ) -> Result<LoadedSnapshot, RestoreError<SnapshotError>> {
                load(&self.open_snapshot(sequence).map_err(RestoreError::Read)?)
            }
        }
    )+};
}

source_in_directory!(SnapshotDirectory, SnapshotDirectoryReader);

type Decoded = Result<DecodedPart, RestoreError<SnapshotError>>;

/// Threads read and decode the parts, by turns, while this one puts the engine together.
fn load(reader: &SnapshotReader) -> Result<LoadedSnapshot, RestoreError<SnapshotError>> {
    let threads = available_parallelism().map_or(1, |cores| cores.get().min(DECODERS_MAX));
    std::thread::scope(|scope| {
        let decoders: Vec<Receiver<Decoded>> = (0..threads)
            .map(|first| {
                let (sender, decoded) = sync_channel(PARTS_AHEAD);
                scope.spawn(move || {
                    let mut content = Vec::new();
                    for place in (first..reader.parts().len()).step_by(threads) {
                        let read = reader.read_part(place, &mut content);
                        let part = read.map_err(RestoreError::Read);
                        // The engine may have refused a part.
                        if sender.send(part.and_then(|()| DecodedPart::decode(&content))).is_err() {
                            break;
                        }
                    }
                });
                decoded
            })
            .collect();
        let mut builder = EngineBuilder::default();
        let mut stored = StoredChunks::default();
        for (part, decoded) in reader.parts().iter().zip(decoders.iter().cycle()) {
            let decoded = decoded.recv().expect("a thread sends each of its parts, or has failed");
            if let Some(chunk) = builder.add(&part.hash, decoded?)? {
                stored.insert(chunk, *part);
            }
        }
        let engine = builder.finish(Digest(reader.digest()))?;
        Ok(LoadedSnapshot { engine, reflects: reader.reflects(), stored })
    })
}

/// Keeps no snapshots: every start replays the whole journal.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSnapshots;

impl SnapshotStore for NoSnapshots {
    fn save(
        &self,
        _: JournalHead,
        snapshot: Snapshot,
        _: &mut StoredChunks,
    ) -> Result<Digest, SnapshotError> {
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

    fn load(&self, sequence: Sequence) -> Result<LoadedSnapshot, RestoreError<SnapshotError>> {
        Err(RestoreError::Damaged(format!("there is no snapshot {sequence}")))
    }
}
