use std::collections::BTreeMap;
use std::path::Path;

use books::TariffVersion;
use engine::{Digest, Engine};
use journal::{DataDirectory, JournalHead, Sequence, SharedDirectory, SnapshotError, SqliteReader};
use node::recovery::checked_snapshots;
use node::replay::{ReplayObserver, ReplayTotals, replay};

use crate::ReportError;

/// Opens a data directory to read its journal. Another process may be changing it. Refuses a
/// journal that does not fit the snapshots.
pub(crate) fn open_to_read(path: &Path) -> Result<(SharedDirectory, SqliteReader), ReportError> {
    let directory = DataDirectory::open_shared(path)?;
    let mut journal = directory.journal()?;
    checked_snapshots(&mut journal, &directory.snapshots()?)?;
    Ok((directory, journal))
}

/// Replays the whole journal of a data directory from zero. Another process may be changing it.
pub fn replay_all(
    path: &Path,
    observer: &mut dyn ReplayObserver,
) -> Result<(Engine, ReplayTotals), ReportError> {
    let (_directory, mut journal) = open_to_read(path)?;
    let mut engine = Engine::default();
    let replayed = replay(&mut journal, JournalHead::default(), &mut engine, observer)?;
    Ok((engine, replayed))
}

/// The digest in each snapshot of a data directory, or why it cannot be read.
pub(crate) fn snapshot_digests(
    directory: &SharedDirectory,
) -> Result<BTreeMap<Sequence, Result<Digest, String>>, ReportError> {
    let snapshots = directory.snapshots()?;
    let mut digests = BTreeMap::new();
    for sequence in snapshots.list()? {
        let read = || -> Result<Digest, SnapshotError> {
            let reader = snapshots.open_snapshot(sequence)?;
            let digest = Digest(reader.digest());
            for part in reader {
                part?;
            }
            Ok(digest)
        };
        match read() {
            // Another process has replaced it with a newer one.
            Err(SnapshotError::Missing { .. }) => {}
            read => {
                digests.insert(sequence, read.map_err(|error| error.to_string()));
            }
        }
    }
    Ok(digests)
}

/// `china-2013/1`.
pub(crate) fn tariff_version(engine: &Engine, version: TariffVersion) -> String {
    match engine.books().tariff_reference(version.tariff) {
        Some(reference) => format!("{reference}/{}", version.version),
        None => format!("{:016x}/{}", version.tariff.0, version.version),
    }
}
