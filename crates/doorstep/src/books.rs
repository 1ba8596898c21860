//! Opening the books of a data directory, to work on them or to read them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use engine::{Digest, Engine};
use journal::{
    DataDirectory, DirectoryError, Head, Sequence, SharedDirectory, SnapshotError, SqliteReader,
};
use node::replay::{Replayed, Watcher, replay};
use node::{Node, Notice, Options};

use crate::words::Lang;

/// Books that this process works on: the directory is locked as long as this lives.
pub struct OpenBooks {
    /// The node.
    pub node: Node,
    _directory: DataDirectory,
}

/// Opens a data directory, or makes it where there is none.
pub fn open_or_create(path: &Path) -> anyhow::Result<OpenBooks> {
    let directory = match DataDirectory::open(path) {
        // Nothing there, an empty directory, or what an interrupted creation left.
        Err(DirectoryError::Missing { .. } | DirectoryError::NoJournal { .. }) => {
            DataDirectory::create(path)?
        }
        opened => opened?,
    };
    let journal = Box::new(directory.journal()?);
    let snapshots = Box::new(directory.snapshots()?);
    let options = Options { on_notice: Box::new(tell), ..Options::default() };
    let node = Node::start(journal, snapshots, options)?;
    Ok(OpenBooks { node, _directory: directory })
}

#[allow(clippy::print_stderr, reason = "the operator's own terminal")]
fn tell(notice: Notice) {
    match notice {
        Notice::SnapshotSkipped { sequence, why } => {
            eprintln!("note: snapshot {sequence} was not used: {why}");
        }
        Notice::SnapshotFailed { sequence, error } => {
            eprintln!("note: snapshot {sequence} could not be written: {error}");
        }
        Notice::SnapshotWritten { .. } => {}
    }
}

/// Opens a data directory to read it; whoever works on it goes on.
pub fn open_to_read(path: &Path) -> anyhow::Result<(SharedDirectory, SqliteReader)> {
    let directory = DataDirectory::open_shared(path)?;
    let journal = directory.journal()?;
    Ok((directory, journal))
}

/// Replays the whole journal of a data directory from zero.
pub fn read_all(path: &Path, watcher: &mut dyn Watcher) -> anyhow::Result<(Engine, Replayed)> {
    let (_directory, mut journal) = open_to_read(path)?;
    let mut engine = Engine::default();
    let replayed = replay(&mut journal, Head::default(), &mut engine, watcher)?;
    Ok((engine, replayed))
}

/// What each snapshot of a data directory says, or why it cannot be read.
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
            // Whoever works on the books has replaced it by a newer one meanwhile.
            Err(SnapshotError::Missing { .. }) => {}
            read => {
                digests.insert(sequence, read.map_err(|error| error.to_string()));
            }
        }
    }
    Ok(digests)
}

/// Reads a small text file that the operator names.
pub fn read_text(path: &Path, bytes_max: usize) -> anyhow::Result<String> {
    let named = || path.display().to_string();
    let length = std::fs::metadata(path).with_context(named)?.len();
    anyhow::ensure!(
        length <= bytes_max as u64,
        "{}: {length} bytes are too many; at most {bytes_max} are read",
        path.display()
    );
    let bytes = std::fs::read(path).with_context(named)?;
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{}: byte {place} is not UTF-8; save it as UTF-8", path.display())
    })
}

/// The language of what is printed: as asked, or as the environment says.
pub fn language(asked: Option<Lang>) -> Lang {
    asked.unwrap_or_else(|| {
        let says = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = says("LC_ALL").or_else(|| says("LC_MESSAGES")).or_else(|| says("LANG"));
        if locale.is_some_and(|locale| locale.starts_with("zh")) { Lang::Zh } else { Lang::En }
    })
}
