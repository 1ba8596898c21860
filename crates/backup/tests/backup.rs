//! Backups of data directories, and data directories made from them.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backup::{BACKUP_FILE, Backup, BackupError, BackupKey, BackupReport, BackupSources};
use journal::{DataDirectory, Journal, JournalBatch, ReadJournal, Sequence, SqliteJournal};
use keys::{Algorithm, Key, KeyName, KeyPurpose, KeyStore, MasterKey, SoftwareStore};
use rusqlite::Connection;

const SOURCES: BackupSources<'_> = BackupSources {
    databases: &["vault.sqlite", "missing.sqlite"],
    files: &["persons.toml", "missing.toml"],
    directories: &["proposals", "missing"],
};

struct Bed {
    scratch: tempfile::TempDir,
    books: DataDirectory,
    journal: SqliteJournal,
}

impl Bed {
    fn new() -> Bed {
        let scratch = tempfile::tempdir().unwrap();
        let books = DataDirectory::create(&scratch.path().join("books")).unwrap();
        let mut journal = books.journal().unwrap();
        journal.lead().unwrap();
        let path = books.path().to_owned();
        fs::write(path.join("persons.toml"), "ann").unwrap();
        fs::create_dir(path.join("proposals")).unwrap();
        fs::write(path.join("proposals/1.json"), "{}").unwrap();
        fs::write(path.join("views.sqlite"), "not copied").unwrap();
        let database = Connection::open(path.join("vault.sqlite")).unwrap();
        database.execute_batch("CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('sealed')").unwrap();
        Bed { scratch, books, journal }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// As often as told: so that there are more epochs than one.
    fn append(&mut self, batches: u8) {
        let epoch = self.journal.lead().unwrap().epoch;
        for number in 0..batches {
            self.journal.append(epoch, &[number; 100]).unwrap();
        }
    }

    fn write(&self, backup: &Backup) -> Result<BackupReport, BackupError> {
        let from = DataDirectory::open_shared(self.books.path()).unwrap();
        backup.write(&from, SOURCES, "test", 7, &mut |_, _| {})
    }

    fn batches(&mut self) -> Vec<JournalBatch> {
        self.journal.read(Sequence::FIRST, usize::MAX).unwrap()
    }
}

fn no_check(_: &Path) -> Result<(), BackupError> {
    Ok(())
}

fn batches_in(directory: &Path) -> Vec<JournalBatch> {
    let shared = DataDirectory::open_shared(directory).unwrap();
    shared.journal().unwrap().read(Sequence::FIRST, usize::MAX).unwrap()
}

fn key_store(directory: &Path) -> BackupKey {
    let master = || {
        let path = directory.join("master");
        if !path.exists() {
            let key = Key::random(Algorithm::Aes256).unwrap();
            fs::write(&path, base16ct::upper::encode_string(key.expose())).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        MasterKey::from_file(&path).unwrap()
    };
    let store = SoftwareStore::open_or_create(&directory.join("keys.json"), master()).unwrap();
    let name = KeyName::new("backup").unwrap();
    if store.list().unwrap().is_empty() {
        store.generate(name, KeyPurpose::DataKeys, Algorithm::Aes256).unwrap();
    }
    BackupKey { store: Arc::new(store), name }
}

/// All files below a directory.
fn tree(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(tree(&path)),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

#[test]
fn a_backup_beside_a_writer_is_restored_with_its_batches_and_stores() {
    let mut bed = Bed::new();
    bed.append(3);
    bed.append(2);
    let backup = Backup::new(&bed.path("backup"), None);
    let report = bed.write(&backup).unwrap();
    assert_eq!((report.batch, report.added, report.sealed), (5, 5, false));
    assert_eq!(backup.check().unwrap().hash, report.hash);

    let restored = bed.path("restored");
    let made = backup.restore(&restored, None, no_check).unwrap();
    assert_eq!((made.batch, made.left_out, &made.hash), (5, 0, &report.hash));
    assert_eq!(made.stores, ["vault.sqlite", "persons.toml", "proposals/1.json"]);
    assert_eq!(batches_in(&restored), bed.batches());
    assert_eq!(fs::read(restored.join("persons.toml")).unwrap(), b"ann");
    assert_eq!(fs::read(restored.join("proposals/1.json")).unwrap(), b"{}");
    let database = Connection::open(restored.join("vault.sqlite")).unwrap();
    let value = database.query_row("SELECT v FROM t", [], |row| row.get::<_, String>(0));
    assert_eq!(value.unwrap(), "sealed");
    for path in tree(&restored).keys().chain(tree(&bed.path("backup")).keys()) {
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o077;
        // SQLite makes the journal with what the process allows.
        let of_journal = path.to_string_lossy().contains("journal.sqlite");
        assert!(mode == 0 || of_journal, "{}: {mode:o}", path.display());
    }
    // Who leads the restored books has a higher epoch than any batch.
    let mut journal = DataDirectory::open(&restored).unwrap().journal().unwrap();
    let last = bed.batches().last().unwrap().epoch;
    assert!(journal.lead().unwrap().epoch > last);
}

#[test]
fn a_second_backup_adds_what_is_new_and_replaces_the_stores() {
    let mut bed = Bed::new();
    bed.append(2);
    let backup = Backup::new(&bed.path("backup"), None);
    bed.write(&backup).unwrap();
    let before = tree(&bed.path("backup/batches"));
    bed.append(3);
    fs::write(bed.books.path().join("persons.toml"), "ann and bob").unwrap();
    let report = bed.write(&backup).unwrap();
    assert_eq!((report.batch, report.added), (5, 3));
    let after = tree(&bed.path("backup/batches"));
    assert!(before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)));
    assert_eq!(after.len(), 2);
    assert_eq!(tree(&bed.path("backup/stores")).len(), 3);
    // And with nothing new.
    assert_eq!(bed.write(&backup).unwrap().added, 0);
    assert_eq!(tree(&bed.path("backup/batches")), after);

    let restored = bed.path("restored");
    backup.restore(&restored, None, no_check).unwrap();
    assert_eq!(batches_in(&restored), bed.batches());
    assert_eq!(fs::read(restored.join("persons.toml")).unwrap(), b"ann and bob");
}

#[test]
fn the_books_of_an_earlier_batch_are_restored() {
    let mut bed = Bed::new();
    bed.append(4);
    let backup = Backup::new(&bed.path("backup"), None);
    bed.write(&backup).unwrap();
    bed.append(4);
    bed.write(&backup).unwrap();
    let all = bed.batches();
    for until in [1, 4, 5, 8] {
        let restored = bed.path(&format!("restored-{until}"));
        let point = Some(Sequence::new(until));
        let made = backup.restore(&restored, point, no_check).unwrap();
        assert_eq!((made.batch, made.left_out), (until, 8 - until));
        assert_eq!(batches_in(&restored), all[..usize::try_from(until).unwrap()]);
    }
    for wrong in [0, 9] {
        let point = Some(Sequence::new(wrong));
        let refused = backup.restore(&bed.path("wrong"), point, no_check).unwrap_err();
        assert!(matches!(refused, BackupError::Beyond { .. }), "{refused}");
        assert!(!bed.path("wrong").exists());
    }
}

#[test]
fn a_sealed_backup_shows_nothing_and_needs_its_key() {
    let mut bed = Bed::new();
    let payload = b"a payload that must not be seen ".repeat(50);
    let epoch = bed.journal.lead().unwrap().epoch;
    bed.journal.append(epoch, &payload).unwrap();
    let backup = Backup::new(&bed.path("backup"), Some(key_store(bed.scratch.path())));
    assert!(bed.write(&backup).unwrap().sealed);
    bed.append(2);
    bed.write(&backup).unwrap();
    backup.check().unwrap();
    for (path, bytes) in tree(&bed.path("backup")) {
        for secret in [&b"must not be seen"[..], b"ann", b"SQLite format"] {
            let shown = bytes.windows(secret.len()).any(|part| part == secret);
            assert!(!shown, "{}", path.display());
        }
    }
    let refused = Backup::new(&bed.path("backup"), None).check().unwrap_err();
    assert!(matches!(&refused, BackupError::Sealed { key, .. } if key == "backup"), "{refused}");
    fs::create_dir(bed.path("others")).unwrap();
    let other = Backup::new(&bed.path("backup"), Some(key_store(&bed.path("others"))));
    assert!(matches!(other.check().unwrap_err(), BackupError::Key(_)));
    let restored = bed.path("restored");
    backup.restore(&restored, None, no_check).unwrap();
    assert_eq!(batches_in(&restored), bed.batches());

    // A plain one does not become a sealed one.
    let plain = bed.path("plain");
    bed.write(&Backup::new(&plain, None)).unwrap();
    let sealed = Backup::new(&plain, Some(key_store(bed.scratch.path())));
    assert!(matches!(bed.write(&sealed).unwrap_err(), BackupError::NotSealed(_)));
}

#[test]
fn each_changed_byte_of_a_backup_is_noticed() {
    let mut bed = Bed::new();
    bed.append(2);
    for key in [None, Some(key_store(bed.scratch.path()))] {
        let directory = bed.path(if key.is_some() { "sealed" } else { "plain" });
        let backup = Backup::new(&directory, key.clone());
        bed.write(&backup).unwrap();
        for (path, bytes) in tree(&directory) {
            // A plain list can be changed into another one; whoever keeps the hash elsewhere knows.
            let of_plain_list = path.ends_with(BACKUP_FILE) && key.is_none();
            if path.ends_with("LOCK") || of_plain_list {
                continue;
            }
            let step = bytes.len() / 40 + 1;
            for at in (0..bytes.len()).step_by(step) {
                let mut changed = bytes.clone();
                changed[at] ^= 0x10;
                fs::write(&path, &changed).unwrap();
                let white_space = path.ends_with(BACKUP_FILE) && bytes[at].is_ascii_whitespace();
                let refused = backup.check();
                assert!(refused.is_err() || white_space, "{} at {at}", path.display());
            }
            fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
            let list = path.ends_with(BACKUP_FILE);
            assert!(backup.check().is_err() || list, "{} cut", path.display());
            fs::remove_file(&path).unwrap();
            assert!(backup.check().is_err(), "{} removed", path.display());
            fs::write(&path, &bytes).unwrap();
        }
        backup.check().unwrap();
    }
}

#[test]
fn a_directory_of_something_else_and_of_other_books_is_refused_and_stays() {
    let mut bed = Bed::new();
    bed.append(2);
    let foreign = bed.path("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("letter.txt"), "dear").unwrap();
    let refused = bed.write(&Backup::new(&foreign, None)).unwrap_err();
    assert!(matches!(refused, BackupError::NotEmpty(_)), "{refused}");
    assert!(matches!(Backup::new(&foreign, None).check().unwrap_err(), BackupError::NoBackup(_)));
    // Also where it has the name of a directory of ours.
    let shop = bed.path("shop");
    fs::create_dir_all(shop.join("stores")).unwrap();
    fs::write(shop.join("stores/prices.txt"), "cheap").unwrap();
    for _ in 0..2 {
        let refused = bed.write(&Backup::new(&shop, None)).unwrap_err();
        assert!(matches!(refused, BackupError::NotEmpty(_)), "{refused}");
        assert_eq!(fs::read(shop.join("stores/prices.txt")).unwrap(), b"cheap");
    }

    let backup = Backup::new(&bed.path("backup"), None);
    bed.write(&backup).unwrap();
    let before = tree(&bed.path("backup"));
    let mut other = Bed::new();
    for batches in [0, 2, 1] {
        other.append(batches);
        let refused = other.write(&backup).unwrap_err();
        assert!(matches!(refused, BackupError::OtherBooks { .. }), "{refused}");
    }
    // Books that were restored from a copy, and went on in another way.
    let restored = bed.path("restored");
    let point = Some(Sequence::FIRST);
    backup.restore(&restored, point, no_check).unwrap();
    let mut journal = DataDirectory::open(&restored).unwrap().journal().unwrap();
    let epoch = journal.lead().unwrap().epoch;
    journal.append(epoch, b"another second batch").unwrap();
    let from = DataDirectory::open_shared(&restored).unwrap();
    let refused = backup.write(&from, SOURCES, "test", 7, &mut |_, _| {}).unwrap_err();
    assert!(matches!(refused, BackupError::OtherBooks { .. }), "{refused}");
    assert_eq!(tree(&bed.path("backup")), before);
}

#[test]
fn what_an_interrupted_backup_left_is_removed() {
    let mut bed = Bed::new();
    bed.append(2);
    let backup = Backup::new(&bed.path("backup"), None);
    let directory = bed.path("backup");
    for part in ["batches", "stores"] {
        fs::create_dir_all(directory.join(part)).unwrap();
        fs::write(directory.join(part).join("00000000000000000001"), "half").unwrap();
    }
    fs::write(directory.join("LOCK"), "").unwrap();
    bed.write(&backup).unwrap();
    let whole = tree(&directory);
    bed.append(1);
    fs::write(directory.join("batches/00000000000000000003"), "half").unwrap();
    fs::write(directory.join("stores/database"), "half").unwrap();
    // Until then it is the backup before.
    assert_eq!(backup.check().unwrap().batch, 2);
    bed.write(&backup).unwrap();
    assert_eq!(backup.check().unwrap().batch, 3);
    assert_eq!(tree(&directory).len(), whole.len() + 1);
}

#[test]
fn nothing_is_restored_over_something_or_after_a_failed_check() {
    let mut bed = Bed::new();
    bed.append(2);
    let backup = Backup::new(&bed.path("backup"), None);
    bed.write(&backup).unwrap();
    let to = bed.path("to");
    fs::create_dir(&to).unwrap();
    let refused = backup.restore(&to, None, no_check).unwrap_err();
    assert!(matches!(refused, BackupError::Exists(_)), "{refused}");
    fs::remove_dir(&to).unwrap();
    let failing = |unfinished: &Path| {
        assert!(journal::has_journal(unfinished));
        Err(BackupError::NoBackup(unfinished.to_owned()))
    };
    assert!(backup.restore(&to, None, failing).is_err());
    let left: Vec<_> =
        fs::read_dir(bed.scratch.path()).unwrap().map(|one| one.unwrap().path()).collect();
    assert!(
        !left.iter().any(|path| path.file_name().unwrap().to_string_lossy().starts_with("to")),
        "{left:?}"
    );
}
