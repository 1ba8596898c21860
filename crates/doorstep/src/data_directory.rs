//! Opens the books of a data directory, to change them.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use books::Timestamp;
use engine::Engine;
use journal::{DataDirectory, DirectoryError};
use node::{Clock, Node, NodeNotice, NodeOptions, SystemClock};
use office::OfficeError;
use reports::{BooksAtHead, local_time};

use crate::private_files::{check_books, close_directory};
use crate::words::bilingual;

/// Books that this process can change. The data directory is locked until this is dropped.
pub struct OpenBooks {
    pub node: Node,
    _directory: DataDirectory,
}

/// Opens a data directory, or creates it.
pub fn open_or_create(path: &Path) -> anyhow::Result<OpenBooks> {
    check_books(path)?;
    match DataDirectory::open(path) {
        // No directory, an empty one, or the rest of an interrupted creation.
        Err(DirectoryError::Missing { .. } | DirectoryError::NoJournal { .. }) => {
            let created = DataDirectory::create(path)?;
            close_directory(path)?;
            start(created)
        }
        opened => start(opened?),
    }
}

/// Opens a data directory that there is.
pub fn open(path: &Path) -> anyhow::Result<OpenBooks> {
    check_books(path)?;
    start(DataDirectory::open(path)?)
}

fn start(directory: DataDirectory) -> anyhow::Result<OpenBooks> {
    let journal = Box::new(directory.journal()?);
    let snapshots = Box::new(directory.snapshots()?);
    let options = NodeOptions { on_notice: Box::new(print_notice), ..NodeOptions::default() };
    let node = Node::start(journal, snapshots, options)?;
    if let Err(error) = node.client().query(check_time)?.0 {
        node.stop()?;
        return Err(error);
    }
    Ok(OpenBooks { node, _directory: directory })
}

/// The flag by which the operator vouches for the clock. It is read before all other arguments.
pub const ACCEPT_CLOCK: &str = "--accept-clock";
static CLOCK_IS_ACCEPTED: AtomicBool = AtomicBool::new(false);

/// The most that the last entry of the books may be ahead of the clock.
const BOOKS_AHEAD_MS_MAX: u64 = 5 * 60_000;
/// The most that the clock may be ahead of the last entry of the books.
const CLOCK_AHEAD_MS_MAX: u64 = 30 * 86_400_000;

/// Lets this process write at the time of its clock, whatever the books say.
pub fn accept_clock() {
    CLOCK_IS_ACCEPTED.store(true, Ordering::Relaxed);
}

/// Checks the time at which this process would write. The time of a trial is for trial books only.
/// Other books need a clock that fits their last entry: entries cannot be dated back, so one wrong
/// clock would spoil the time of all that follow.
pub fn check_time(engine: &Engine) -> anyhow::Result<()> {
    let (books, last) = (engine.books(), engine.last_at());
    if books.is_trial() || last == Timestamp(0) {
        return Ok(());
    }
    if SystemClock::is_of_a_trial() {
        return Err(OfficeError::TrialTimeInRealBooks.into());
    }
    if CLOCK_IS_ACCEPTED.load(Ordering::Relaxed) {
        return Ok(());
    }
    let now = SystemClock.now();
    let (clock, entry) = (local_time(books, now), local_time(books, last));
    anyhow::ensure!(
        last.0.saturating_sub(now.0) <= BOOKS_AHEAD_MS_MAX,
        bilingual!(
            "this machine's clock is behind the books: it says {clock}, their last entry is of \
             {entry}. Set the clock, and try again. If the clock is right, an earlier one ran \
             ahead: with {ACCEPT_CLOCK} entries keep the time {entry} until the clock is past it",
            "本机时钟落后于账簿：时钟为 {clock}，账簿最后一笔记录为 {entry}。请校准时钟后重试。\
             若时钟无误，则是先前的时钟走快了：加上 {ACCEPT_CLOCK} 后，\
             新记录的时间将一直为 {entry}，直到时钟超过该时间"
        )
    );
    anyhow::ensure!(
        now.0.saturating_sub(last.0) <= CLOCK_AHEAD_MS_MAX,
        bilingual!(
            "this machine's clock is far ahead of the books: it says {clock}, their last entry is \
             of {entry}. Entries cannot be dated back later. Set the clock, and try again. If the \
             clock is right and nothing was entered since, add {ACCEPT_CLOCK}",
            "本机时钟远远超前于账簿：时钟为 {clock}，账簿最后一笔记录为 {entry}。\
             记录的时间以后不能改早。请校准时钟后重试。\
             若时钟无误，且此后确实没有记录，请加上 {ACCEPT_CLOCK}"
        )
    );
    Ok(())
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
    // A device has no length.
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(path).with_context(named)?;
    opened.take(bytes_max as u64 + 1).read_to_end(&mut bytes).with_context(named)?;
    anyhow::ensure!(
        bytes.len() <= bytes_max,
        bilingual!(
            "{file}: it has more than {bytes_max} bytes, the limit",
            "{file}：超过上限 {bytes_max} 字节"
        )
    );
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        anyhow::anyhow!(bilingual!(
            "{file}: byte {byte} is not UTF-8; save the file as UTF-8",
            "{file}：第 {byte} 字节不是 UTF-8；请另存为 UTF-8"
        ))
    })
}
