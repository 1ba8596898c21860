//! Makes a backup, checks it, and restores a data directory from it.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use journal::{
    ChainHash, JournalCopy, JournalHead, LockedFile, ReadJournal, Sequence, SharedDirectory,
};
use keys::{KeyName, KeyReference, KeyStore};
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use crate::batches;
use crate::error::{BackupError, BackupFault};
use crate::list::{BACKUP_FILE, BACKUP_FORMAT, BackupList, Sealing, StoreFile, StoredFile};
use crate::stored::{DataKey, StoredReader, StoredWriter, hex};

/// The lock of a backup's directory.
const LOCK: &str = "LOCK";
const STORES: &str = "stores";
/// How long a store may be locked by another process.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// The key that wraps a backup's data key: one of the purpose `data-keys`.
#[derive(Clone)]
pub struct BackupKey {
    pub store: Arc<dyn KeyStore>,
    pub name: KeyName,
}

/// What of a data directory is copied beside the journal, if it is there.
#[derive(Clone, Copy, Debug)]
pub struct BackupSources<'a> {
    /// Files of SQLite.
    pub databases: &'a [&'a str],
    pub files: &'a [&'a str],
    /// Directories of files, without what is below.
    pub directories: &'a [&'a str],
}

/// A directory with a backup, or for one.
pub struct Backup {
    directory: PathBuf,
    key: Option<BackupKey>,
}

/// What a backup has.
#[derive(Clone, Debug, Serialize)]
pub struct BackupReport {
    /// Its last batch, and that batch's hash.
    pub batch: u64,
    pub hash: String,
    /// Milliseconds since 1970.
    pub made_at_ms: u64,
    pub made_by: String,
    /// Batches that were not in the backup before.
    pub added: u64,
    pub files: usize,
    pub bytes: u64,
    pub sealed: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct RestoreReport {
    pub batch: u64,
    pub hash: String,
    /// Batches of the backup that were left out.
    pub left_out: u64,
    pub stores: Vec<String>,
}

impl Backup {
    /// A key seals a new backup. A sealed backup needs its key.
    #[must_use]
    pub fn new(directory: &Path, key: Option<BackupKey>) -> Backup {
        Backup { directory: directory.to_owned(), key }
    }

    /// Copies what is new of a data directory, which may be in use by another process, and reads it
    /// again.
    ///
    /// # Errors
    /// The directory is something else, or a backup of other books; the data directory is damaged;
    /// a file cannot be read or written. Then the backup is as it was before.
    pub fn write(
        &self,
        from: &SharedDirectory,
        sources: BackupSources<'_>,
        made_by: &str,
        now_ms: u64,
        progress: &mut dyn FnMut(Sequence, Sequence),
    ) -> Result<BackupReport, BackupError> {
        create_directory(&self.directory)?;
        // Without a list or a lock of ours, what is there is somebody else's, and is not removed.
        let is_ours = [LOCK, BACKUP_FILE].iter().any(|ours| self.directory.join(ours).exists());
        if !is_ours {
            self.check_empty(&[])?;
        }
        let _lock = self.lock()?;
        let before = BackupList::read(&self.directory)?;
        if before.is_none() {
            self.check_empty(&[LOCK, batches::DIRECTORY, STORES])?;
        }
        let (key, sealed) = self.data_key(before.as_ref())?;
        self.remove_unlisted(before.as_ref())?;

        let mut journal = from.journal()?;
        let head = journal.head()?;
        let after = self.end_of(before.as_ref(), &mut journal)?;
        create_directory(&self.directory.join(batches::DIRECTORY))?;
        let mut report = |done| progress(done, head.sequence);
        let directory = &self.directory;
        let key = key.as_ref();
        let added = batches::write(&mut journal, after, head, directory, key, &mut report)?;
        drop(journal);
        // After the journal: what a batch refers to is in its store.
        let number = before.as_ref().map_or(0, |before| before.number).saturating_add(1);
        let stores = self.copy_stores(from.path(), sources, number, key)?;

        let mut list = BackupList {
            format: BACKUP_FORMAT,
            number,
            made_by: made_by.to_owned(),
            made_at_ms: now_ms,
            batch: head.sequence.number(),
            hash: hex(head.hash.bytes()),
            batches: before.map(|before| before.batches).unwrap_or_default(),
            stores,
            sealed,
            mac: None,
        };
        let old_files = list.batches.len();
        list.batches.extend(added);
        let made = list.batches.get(old_files..).unwrap_or_default();
        check_batches(directory, made, after, head, key)?;
        check_stores(directory, &list.stores, key)?;
        if let Some(key) = key {
            list.sign(key);
        }
        for path in ["", batches::DIRECTORY, STORES] {
            sync(&directory.join(path))?;
        }
        list.write(directory)?;
        self.remove_unlisted(Some(&list))?;
        let added = head.sequence.number() - after.sequence.number();
        Ok(report_of(&list, added))
    }

    /// Reads the whole backup, and checks each file against the list and each batch against its
    /// hash.
    ///
    /// # Errors
    /// There is no backup; something is missing or was changed.
    pub fn check(&self) -> Result<BackupReport, BackupError> {
        let (list, key) = self.list()?;
        let head = self.head_of(&list)?;
        let start = JournalHead::default();
        check_batches(&self.directory, &list.batches, start, head, key.as_ref())?;
        check_stores(&self.directory, &list.stores, key.as_ref())?;
        Ok(report_of(&list, 0))
    }

    /// Makes a data directory at `to`, where nothing is, with the batches up to the last or an
    /// earlier one. `check` sees it, complete, under the name
    /// that it has until then: if it fails, nothing stays.
    ///
    /// # Errors
    /// There is no backup, or it is damaged; there is something at `to`; `check` fails.
    pub fn restore<E: From<BackupError>>(
        &self,
        to: &Path,
        until: Option<Sequence>,
        check: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<RestoreReport, E> {
        let (list, key) = self.list()?;
        let last = list.last();
        let until = until.unwrap_or(last);
        if until > last || until == Sequence::NONE && last != Sequence::NONE {
            return Err(BackupError::Beyond { asked: until, last }.into());
        }
        let is_free = fs::symlink_metadata(to).is_err();
        let name = to.file_name().filter(|_| is_free);
        let name = name.ok_or_else(|| BackupError::Exists(to.to_owned()))?;
        let mut unfinished = name.to_owned();
        unfinished.push(".restoring");
        let unfinished = RemoveOnDrop(to.with_file_name(unfinished));
        unfinished.remove()?;
        create_directory(&unfinished.0)?;
        let report = self.fill(&unfinished.0, &list, until, key.as_ref())?;
        sync(&unfinished.0)?;
        check(&unfinished.0)?;
        fs::rename(&unfinished.0, to).map_err(BackupError::io(to, "created"))?;
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync(parent.unwrap_or(Path::new(".")))?;
        Ok(report)
    }

    fn fill(
        &self,
        to: &Path,
        list: &BackupList,
        until: Sequence,
        key: Option<&DataKey>,
    ) -> Result<RestoreReport, BackupError> {
        let head = self.head_of(list)?;
        let mut journal = JournalCopy::create(&SharedDirectory::journal_path_in(to))?;
        for file in &list.batches {
            if file.first > until.number() {
                break;
            }
            batches::read(&self.directory, file, key, &mut |batch| {
                journal.add(batch)?;
                Ok(batch.sequence < until)
            })?;
        }
        let restored = journal.finish()?;
        if until == head.sequence && restored != head {
            return Err(BackupError::damaged(&self.directory, BackupFault::Batches));
        }
        let mut stores = Vec::new();
        for store in &list.stores {
            let path = to.join(&store.name);
            if let Some(parent) = path.parent().filter(|parent| *parent != to) {
                create_directory(parent)?;
            }
            let mut reader = StoredReader::open(&self.directory, &store.stored, key)?;
            let mut options = OpenOptions::new();
            let made = options.write(true).create_new(true).mode(0o600).open(&path);
            let mut file = made.map_err(BackupError::io(&path, "created"))?;
            io::copy(&mut reader, &mut file).map_err(reader.failed())?;
            reader.finish()?;
            file.sync_all().map_err(BackupError::io(&path, "written"))?;
            stores.push(store.name.clone());
        }
        let (batch, left_out) = (restored.sequence.number(), list.batch - until.number());
        Ok(RestoreReport { batch, hash: hex(restored.hash.bytes()), left_out, stores })
    }

    /// The list of a backup that there is, with the key of its files.
    fn list(&self) -> Result<(BackupList, Option<DataKey>), BackupError> {
        let list = BackupList::read(&self.directory)?;
        let list = list.ok_or_else(|| BackupError::NoBackup(self.directory.clone()))?;
        let (key, _) = self.data_key(Some(&list))?;
        Ok((list, key))
    }

    /// The data key of the backup there is, or a new one, and how it is wrapped.
    fn data_key(
        &self,
        before: Option<&BackupList>,
    ) -> Result<(Option<DataKey>, Option<Sealing>), BackupError> {
        let directory = || self.directory.clone();
        let Some(list) = before else {
            let Some(BackupKey { store, name }) = &self.key else { return Ok((None, None)) };
            let mut key = DataKey::default();
            getrandom::fill(&mut *key).map_err(BackupError::NoRandomness)?;
            let wrapped = store.wrap_data_key(&KeyReference::Stored(*name), &key)?;
            let data_key = hex(&wrapped);
            return Ok((Some(key), Some(Sealing { key: name.to_string(), data_key })));
        };
        let (sealing, given) = match (&list.sealed, &self.key) {
            (None, None) => return Ok((None, None)),
            (None, Some(_)) => return Err(BackupError::NotSealed(directory())),
            (Some(sealing), Some(given)) if given.name.to_string() == sealing.key => {
                (sealing, given)
            }
            (Some(sealing), _) => {
                let (path, key) = (directory(), sealing.key.clone());
                return Err(BackupError::Sealed { path, key });
            }
        };
        let damaged = |fault| BackupError::damaged(&self.directory, fault);
        let wrapped = base16ct::lower::decode_vec(&sealing.data_key).ok();
        let wrapped = wrapped.and_then(|wrapped| wrapped.try_into().ok());
        let wrapped = wrapped.ok_or_else(|| damaged(BackupFault::NotAList))?;
        let under = KeyReference::Stored(given.name);
        let key: DataKey = given.store.unwrap_data_key(&under, &wrapped)?;
        if !list.is_signed(&key) {
            return Err(damaged(BackupFault::Mac));
        }
        Ok((Some(key), Some(sealing.clone())))
    }

    fn head_of(&self, list: &BackupList) -> Result<JournalHead, BackupError> {
        let mut hash = [0; 32];
        let read = base16ct::lower::decode(&list.hash, &mut hash).map(<[u8]>::len);
        if read != Ok(32) {
            return Err(BackupError::damaged(&self.directory, BackupFault::NotAList));
        }
        Ok(JournalHead { sequence: list.last(), hash: ChainHash::new(hash) })
    }

    /// Where the backup before ends, which must be in the journal.
    fn end_of(
        &self,
        before: Option<&BackupList>,
        journal: &mut dyn ReadJournal,
    ) -> Result<JournalHead, BackupError> {
        let Some(before) = before else { return Ok(JournalHead::default()) };
        let end = self.head_of(before)?;
        if end == JournalHead::default() {
            return Ok(end);
        }
        let other =
            || BackupError::OtherBooks { path: self.directory.clone(), batch: end.sequence };
        if journal.head()?.sequence < end.sequence {
            return Err(other());
        }
        let found = journal.read(end.sequence, 0)?;
        let same = found.first().is_some_and(|batch| batch.head() == end);
        if same { Ok(end) } else { Err(other()) }
    }

    fn lock(&self) -> Result<LockedFile, BackupError> {
        let path = self.directory.join(LOCK);
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(BackupError::io(&path, "created"))?;
        LockedFile::try_lock(file).map_err(|error| match error {
            TryLockError::WouldBlock => BackupError::InUse(self.directory.clone()),
            TryLockError::Error(error) => BackupError::io(&path, "locked")(error),
        })
    }

    /// Before the first backup. What an interrupted first one left may be there.
    fn check_empty(&self, left: &[&str]) -> Result<(), BackupError> {
        for entry in read_directory(&self.directory)? {
            let name = entry.file_name();
            if !(left.iter().any(|left| name == **left) || name == "lost+found") {
                return Err(BackupError::NotEmpty(self.directory.clone()));
            }
        }
        Ok(())
    }

    /// Removes what the list does not name: of a backup that was interrupted, and of the stores
    /// before these.
    fn remove_unlisted(&self, list: Option<&BackupList>) -> Result<(), BackupError> {
        let listed: BTreeSet<PathBuf> = list
            .iter()
            .flat_map(|list| list.paths())
            .map(|path| self.directory.join(path))
            .collect();
        let remove = |path: &Path| fs::remove_file(path).map_err(BackupError::io(path, "removed"));
        for directory in [batches::DIRECTORY, STORES] {
            let directory = self.directory.join(directory);
            if !directory.is_dir() {
                continue;
            }
            for entry in read_directory(&directory)? {
                let path = entry.path();
                if !listed.contains(&path) {
                    remove(&path)?;
                }
            }
        }
        Ok(())
    }

    fn copy_stores(
        &self,
        from: &Path,
        sources: BackupSources<'_>,
        number: u64,
        key: Option<&DataKey>,
    ) -> Result<Vec<StoreFile>, BackupError> {
        create_directory(&self.directory.join(STORES))?;
        let mut stores = Vec::new();
        let mut add = |name: String, content: &Path| {
            let place = stores.len();
            let stored = self.copy(content, &format!("{STORES}/{number}-{place}"), key)?;
            stores.extend(stored.map(|stored| StoreFile { name, stored }));
            Ok::<_, BackupError>(())
        };
        for name in sources.databases {
            let source = from.join(name);
            if source.exists() {
                let copy = RemoveOnDrop(self.directory.join(STORES).join("database"));
                copy_database(&source, &copy.0)?;
                add((*name).to_owned(), &copy.0)?;
            }
        }
        for name in sources.files {
            add((*name).to_owned(), &from.join(name))?;
        }
        for directory in sources.directories {
            let source = from.join(directory);
            if !source.is_dir() {
                continue;
            }
            let mut names: Vec<_> = read_directory(&source)?
                .iter()
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect();
            names.sort();
            for name in names {
                add(format!("{directory}/{name}"), &source.join(&name))?;
            }
        }
        Ok(stores)
    }

    /// `None` if there is no such file: it may have ended since the directory was read.
    fn copy(
        &self,
        source: &Path,
        path: &str,
        key: Option<&DataKey>,
    ) -> Result<Option<StoredFile>, BackupError> {
        let mut file = match File::open(source) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(BackupError::io(source, "read"))?,
        };
        let mut writer = StoredWriter::create(&self.directory, path, key)?;
        io::copy(&mut file, &mut writer).map_err(writer.failed())?;
        writer.finish().map(Some)
    }
}

fn report_of(list: &BackupList, added: u64) -> BackupReport {
    let batches = list.batches.iter().map(|one| one.stored.bytes);
    let stores = list.stores.iter().map(|one| one.stored.bytes);
    BackupReport {
        batch: list.batch,
        hash: list.hash.clone(),
        made_at_ms: list.made_at_ms,
        made_by: list.made_by.clone(),
        added,
        files: list.paths().count(),
        bytes: batches.chain(stores).sum(),
        sealed: list.sealed.is_some(),
    }
}

fn check_batches(
    directory: &Path,
    files: &[crate::list::BatchFile],
    mut after: JournalHead,
    end: JournalHead,
    key: Option<&DataKey>,
) -> Result<(), BackupError> {
    for file in files {
        let path = directory.join(&file.stored.path);
        batches::read(directory, file, key, &mut |batch| {
            if batch.previous != after.hash {
                return Err(BackupError::damaged(&path, BackupFault::Batches));
            }
            after = batch.head();
            Ok(true)
        })?;
    }
    if after == end { Ok(()) } else { Err(BackupError::damaged(directory, BackupFault::Batches)) }
}

fn check_stores(
    directory: &Path,
    stores: &[StoreFile],
    key: Option<&DataKey>,
) -> Result<(), BackupError> {
    for store in stores {
        let mut reader = StoredReader::open(directory, &store.stored, key)?;
        io::copy(&mut reader, &mut io::sink()).map_err(reader.failed())?;
        reader.finish()?;
    }
    Ok(())
}

/// A copy of a database as it is at one moment. Others may change it meanwhile.
fn copy_database(source: &Path, to: &Path) -> Result<(), BackupError> {
    let failed =
        |source_error| BackupError::Sqlite { path: source.to_owned(), source: source_error };
    // SQLite writes into an empty file that there is. This one is readable by its owner only.
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(to);
    made.map_err(BackupError::io(to, "created"))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(source, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_WAIT).map_err(failed)?;
    connection.execute("VACUUM INTO ?1", [to.to_string_lossy()]).map_err(failed)?;
    Ok(())
}

/// Creates a directory for its owner, unless it is there.
fn create_directory(path: &Path) -> Result<(), BackupError> {
    let mut builder = DirBuilder::new();
    builder.mode(0o700).recursive(true).create(path).map_err(BackupError::io(path, "created"))
}

fn read_directory(path: &Path) -> Result<Vec<fs::DirEntry>, BackupError> {
    fs::read_dir(path).and_then(Iterator::collect).map_err(BackupError::io(path, "read"))
}

fn sync(directory: &Path) -> Result<(), BackupError> {
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(BackupError::io(directory, "written"))
}

/// A file or directory that does not outlive this.
struct RemoveOnDrop(PathBuf);

impl RemoveOnDrop {
    fn remove(&self) -> Result<(), BackupError> {
        let removed = match fs::symlink_metadata(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Ok(found) if found.is_dir() => fs::remove_dir_all(&self.0),
            _ => fs::remove_file(&self.0),
        };
        removed.map_err(BackupError::io(&self.0, "removed"))
    }
}

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}
