//! The list of a backup: `backup.json`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Component, Path};

use files::atomic::write_atomically;
use hmac::{Hmac, KeyInit, Mac};
use journal::Sequence;
use keys::DATA_KEY_BYTES;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::error::{BackupError, BackupFault};
use crate::stored::hex;

/// The list's file in a backup's directory.
pub const BACKUP_FILE: &str = "backup.json";
/// The format of the list and of the files.
pub const BACKUP_FORMAT: u32 = 1;
/// Of the list.
const LIST_BYTES_MAX: u64 = 64 << 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupList {
    pub format: u32,
    /// How many backups were made in this directory.
    pub number: u64,
    /// The version of Doorstep.
    pub made_by: String,
    /// Milliseconds since 1970.
    pub made_at_ms: u64,
    /// The last batch, and its hash in 64 hexadecimal digits.
    pub batch: u64,
    pub hash: String,
    pub batches: Vec<BatchFile>,
    pub stores: Vec<StoreFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealing>,
    /// HMAC-SHA256 over this list without it, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
}

/// Batches of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchFile {
    pub first: u64,
    pub last: u64,
    #[serde(flatten)]
    pub stored: StoredFile,
}

/// A file of the data directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreFile {
    /// Its path in the data directory.
    pub name: String,
    #[serde(flatten)]
    pub stored: StoredFile,
}

/// A file of the backup, as it is on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its path in the backup's directory.
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealing {
    /// The name of the key that wraps the data key.
    pub key: String,
    /// The wrapped data key, in hexadecimal digits.
    pub data_key: String,
}

impl BackupList {
    /// Reads the list of a directory. `None` if there is none.
    pub fn read(directory: &Path) -> Result<Option<BackupList>, BackupError> {
        let path = &directory.join(BACKUP_FILE);
        let bytes = match fs::metadata(path) {
            Ok(found) if found.len() > LIST_BYTES_MAX => {
                return Err(BackupError::damaged(path, BackupFault::NotAList));
            }
            Ok(_) => fs::read(path).map_err(BackupError::io(path, "read"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(BackupError::io(path, "read")(error)),
        };
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let not_a_list = || BackupError::damaged(path, BackupFault::NotAList);
        let Format { format } = serde_json::from_slice(&bytes).map_err(|_| not_a_list())?;
        if format != BACKUP_FORMAT {
            return Err(BackupError::OtherFormat { path: path.clone(), found: format });
        }
        let list: BackupList = serde_json::from_slice(&bytes).map_err(|_| not_a_list())?;
        if list.is_consistent() { Ok(Some(list)) } else { Err(not_a_list()) }
    }

    /// The batches follow each other, and no path leads out of its directory.
    fn is_consistent(&self) -> bool {
        let mut next = 1;
        let follows = self.batches.iter().all(|one| {
            let fits = one.first == next && one.last >= one.first;
            next = one.last.saturating_add(1);
            fits
        });
        let stored = self.paths().all(|path| stays_inside(path) && path != BACKUP_FILE);
        let mut names = BTreeSet::new();
        let named =
            self.stores.iter().all(|one| stays_inside(&one.name) && names.insert(&one.name));
        follows && next.checked_sub(1) == Some(self.batch) && stored && named
    }

    /// The files of the backup.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let batches = self.batches.iter().map(|one| &*one.stored.path);
        batches.chain(self.stores.iter().map(|one| &*one.stored.path))
    }

    pub fn last(&self) -> Sequence {
        Sequence::new(self.batch)
    }

    /// Its check value under a key.
    fn mac_under(&self, key: &[u8; DATA_KEY_BYTES]) -> Hmac<Sha256> {
        let bare = BackupList { mac: None, ..self.clone() };
        let bytes = serde_json::to_vec(&bare).expect("its keys are texts");
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("any length will do");
        mac.update(b"doorstep backup 1: list\n");
        mac.update(&bytes);
        mac
    }

    pub fn sign(&mut self, key: &[u8; DATA_KEY_BYTES]) {
        let mac = self.mac_under(key).finalize().into_bytes();
        self.mac = Some(hex(&mac));
    }

    /// Whether the list has its check value. Compared in constant time.
    pub fn is_signed(&self, key: &[u8; DATA_KEY_BYTES]) -> bool {
        let given = self.mac.as_ref().and_then(|mac| base16ct::lower::decode_vec(mac).ok());
        given.is_some_and(|given| self.mac_under(key).verify_slice(&given).is_ok())
    }

    /// Replaces the list of a directory.
    pub fn write(&self, directory: &Path) -> Result<(), BackupError> {
        let mut text = serde_json::to_vec_pretty(self).expect("its keys are texts");
        text.push(b'\n');
        write_atomically(&directory.join(BACKUP_FILE), |file| file.write_all(&text))?;
        Ok(())
    }
}

fn stays_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> BackupList {
        let stored = |path: &str| StoredFile { path: path.to_owned(), ..StoredFile::default() };
        BackupList {
            format: BACKUP_FORMAT,
            number: 1,
            made_by: "1".to_owned(),
            made_at_ms: 1,
            batch: 9,
            hash: String::new(),
            batches: vec![
                BatchFile { first: 1, last: 4, stored: stored("batches/1") },
                BatchFile { first: 5, last: 9, stored: stored("batches/2") },
            ],
            stores: vec![StoreFile { name: "a/b".to_owned(), stored: stored("stores/a") }],
            sealed: None,
            mac: None,
        }
    }

    #[test]
    fn a_list_that_skips_batches_or_leads_out_of_its_directory_is_refused() {
        assert!(list().is_consistent());
        let changes: [fn(&mut BackupList); 8] = [
            |list| list.batch = 10,
            |list| list.batches[1].first = 6,
            |list| list.batches[0].first = 0,
            |list| list.batches[1].last = 4,
            |list| list.batches[0].stored.path = "../1".to_owned(),
            |list| list.stores[0].stored.path = "/etc/passwd".to_owned(),
            |list| list.stores[0].name = "a/../../b".to_owned(),
            |list| list.stores.push(list.stores[0].clone()),
        ];
        for change in changes {
            let mut changed = list();
            change(&mut changed);
            assert!(!changed.is_consistent(), "{changed:?}");
        }
    }

    #[test]
    fn a_changed_list_does_not_have_its_check_value() {
        let mut list = list();
        assert!(!list.is_signed(&[1; 32]));
        list.sign(&[1; 32]);
        assert!(list.is_signed(&[1; 32]));
        assert!(!list.is_signed(&[2; 32]));
        list.made_at_ms += 1;
        assert!(!list.is_signed(&[1; 32]));
    }
}
