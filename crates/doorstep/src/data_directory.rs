//! Opens the books of a data directory, to change them.

use std::path::Path;

use anyhow::Context;
use books::Timestamp;
use engine::Engine;
use journal::{DataDirectory, DirectoryError};
use node::{Node, NodeClient, NodeNotice, NodeOptions, SystemClock};
use office::OfficeError;
use reports::BooksAtHead;

use crate::words::bilingual;

/// Books that this process can change. The data directory is locked until this is dropped.
pub struct OpenBooks {
    pub node: Node,
    _directory: DataDirectory,
}

/// Opens a data directory, or creates it.
pub fn open_or_create(path: &Path) -> anyhow::Result<OpenBooks> {
    match DataDirectory::open(path) {
        // No directory, an empty one, or the rest of an interrupted creation.
        Err(DirectoryError::Missing { .. } | DirectoryError::NoJournal { .. }) => {
            start(DataDirectory::create(path)?)
        }
        opened => start(opened?),
    }
}

/// Opens a data directory that there is.
pub fn open(path: &Path) -> anyhow::Result<OpenBooks> {
    start(DataDirectory::open(path)?)
}

fn start(directory: DataDirectory) -> anyhow::Result<OpenBooks> {
    let journal = Box::new(directory.journal()?);
    let snapshots = Box::new(directory.snapshots()?);
    let options = NodeOptions { on_notice: Box::new(print_notice), ..NodeOptions::default() };
    let node = Node::start(journal, snapshots, options)?;
    if let Err(error) = check_trial_time(&node.client()) {
        node.stop()?;
        return Err(error);
    }
    Ok(OpenBooks { node, _directory: directory })
}

/// Refuses the time of a trial for other books than trial books.
pub fn check_trial_time(client: &NodeClient) -> anyhow::Result<()> {
    if !SystemClock::is_of_a_trial() {
        return Ok(());
    }
    let look = |engine: &Engine| engine.books().is_trial() || engine.last_at() == Timestamp(0);
    match client.query(look)?.0 {
        true => Ok(()),
        false => Err(OfficeError::TrialTimeInRealBooks.into()),
    }
}

#[allow(clippy::print_stderr, reason = "the operator's own terminal")]
#[allow(clippy::needless_pass_by_value, reason = "the node gives it away")]
pub fn print_notice(notice: NodeNotice) {
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

/// Reads the books of a data directory at the end of its journal. Another process may be changing
/// them.
pub fn read_at_head(path: &Path) -> anyhow::Result<BooksAtHead> {
    Ok(BooksAtHead::read(path, &print_notice)?)
}

/// Refuses an output file in the place of a file of the books.
pub fn check_output(path: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        !journal::is_kept_by_data_directory(path),
        bilingual!(
            "--out {}: a data directory keeps its own files there: choose another name",
            "--out {}：该处存放数据目录自身的文件；请另选文件名",
            path.display()
        )
    );
    Ok(())
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
