//! Opens the books of a data directory, to change or to read them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use engine::{Digest, Engine};
use journal::{
    DataDirectory, DirectoryError, JournalHead, Sequence, SharedDirectory, SnapshotError,
    SqliteReader,
};
use node::replay::{ReplayObserver, ReplayTotals, replay};
use node::{Node, NodeNotice, NodeOptions};

use crate::words::bilingual;

/// Books that this process can change. The data directory is locked until this is dropped.
pub struct OpenBooks {
    pub node: Node,
    _directory: DataDirectory,
}

/// Opens a data directory, or creates it.
pub fn open_or_create(path: &Path) -> anyhow::Result<OpenBooks> {
    let directory = match DataDirectory::open(path) {
        // No directory, an empty one, or the rest of an interrupted creation.
        Err(DirectoryError::Missing { .. } | DirectoryError::NoJournal { .. }) => {
            DataDirectory::create(path)?
        }
        opened => opened?,
    };
    let journal = Box::new(directory.journal()?);
    let snapshots = Box::new(directory.snapshots()?);
    let options = NodeOptions { on_notice: Box::new(print_notice), ..NodeOptions::default() };
    let node = Node::start(journal, snapshots, options)?;
    Ok(OpenBooks { node, _directory: directory })
}

#[allow(clippy::print_stderr, reason = "the operator's own terminal")]
fn print_notice(notice: NodeNotice) {
    if let Some(text) = notice_text(&notice) {
        eprintln!("{text}");
    }
}

/// What an operator needs to know of a notice.
fn notice_text(notice: &NodeNotice) -> Option<String> {
    match notice {
        NodeNotice::SnapshotSkipped { sequence, why } => Some(bilingual!(
            "note: snapshot {sequence} was not used: {why}",
            "注意：快照 {sequence} 未使用：{why}"
        )),
        NodeNotice::SnapshotFailed { sequence, error } => Some(bilingual!(
            "note: snapshot {sequence} could not be written: {error}",
            "注意：快照 {sequence} 写入失败：{error}"
        )),
        NodeNotice::SnapshotWritten { .. } => None,
    }
}

/// Opens a data directory to read it. Another process may be changing it.
pub fn open_to_read(path: &Path) -> anyhow::Result<(SharedDirectory, SqliteReader)> {
    let directory = DataDirectory::open_shared(path)?;
    let journal = directory.journal()?;
    Ok((directory, journal))
}

/// Replays the whole journal of a data directory from zero.
pub fn replay_all(
    path: &Path,
    watcher: &mut dyn ReplayObserver,
) -> anyhow::Result<(Engine, ReplayTotals)> {
    let (_directory, mut journal) = open_to_read(path)?;
    let mut engine = Engine::default();
    let replayed = replay(&mut journal, JournalHead::default(), &mut engine, watcher)?;
    Ok((engine, replayed))
}

/// The digest in each snapshot of a data directory, or why it cannot be read.
pub fn snapshot_digests(
    directory: &SharedDirectory,
) -> anyhow::Result<BTreeMap<Sequence, Result<Digest, String>>> {
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

/// Reads a text file of limited size.
pub fn read_text(path: &Path, bytes_max: usize) -> anyhow::Result<String> {
    let named = || path.display().to_string();
    let length = std::fs::metadata(path).with_context(named)?.len();
    let file = path.display();
    anyhow::ensure!(
        length <= bytes_max as u64,
        bilingual!(
            "{file}: the file has {length} bytes; the limit is {bytes_max}",
            "{file}：文件有 {length} 字节，上限为 {bytes_max}"
        )
    );
    let bytes = std::fs::read(path).with_context(named)?;
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        anyhow::anyhow!(bilingual!(
            "{file}: byte {byte} is not UTF-8; save the file as UTF-8",
            "{file}：第 {byte} 字节不是 UTF-8；请另存为 UTF-8"
        ))
    })
}
