//! The records of subjects, sealed and opened through the key store.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use books::SellerId;
use keys::{DATA_KEY_BYTES, KeyName, KeyReference, KeyStore, WrappedDataKey};
use money::Currency;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::file::{self, VAULT_FILE};
use crate::seal::{NONCE_BYTES, RecordKeys, SealedRecord};

/// HMAC-SHA-256 of a record's name and content, under a key that follows from the subject's.
pub type RecordDigest = [u8; 32];

/// Whose personal data it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Seller(SellerId),
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKind {
    /// Where payouts in a currency go.
    PayoutAccount(Currency),
}

/// A subject's records of a kind. They differ in their digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordName {
    pub subject: Subject,
    pub kind: RecordKind,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Seller(seller) => write!(f, "seller {seller}"),
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordKind::PayoutAccount(currency) => write!(f, "payout account in {currency}"),
        }
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind, self.subject)
    }
}

/// The key under which data keys are wrapped.
#[derive(Clone)]
pub struct VaultKey {
    pub store: Arc<dyn KeyStore>,
    pub name: KeyName,
}

/// What a rewrapping did with the data keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RewrapCounts {
    pub rewrapped: usize,
    /// Wrapped under the newest generation before.
    pub unchanged: usize,
}

/// The vault of a data directory. Its file is made with the first record.
pub struct Vault {
    path: PathBuf,
    key: Option<VaultKey>,
    connection: Option<Connection>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("path", &self.path).finish_non_exhaustive()
    }
}

const SUBJECT_KEY: &str = "SELECT wrapped_key FROM subjects WHERE subject = ?1";
const ADD_SUBJECT: &str = "INSERT INTO subjects (subject, wrapped_key) VALUES (?1, ?2)";
const ADD_RECORD: &str = "INSERT INTO records (subject, kind, digest, approved, nonce, sealed)
    VALUES (?1, ?2, ?3, 0, ?4, ?5) ON CONFLICT DO NOTHING";
const RECORD: &str =
    "SELECT nonce, sealed FROM records WHERE subject = ?1 AND kind = ?2 AND digest = ?3";
const APPROVE: &str =
    "UPDATE records SET approved = 1 WHERE subject = ?1 AND kind = ?2 AND digest = ?3";
const FORGET: &str = "DELETE FROM records
    WHERE subject = ?1 AND kind = ?2 AND digest = ?3 AND approved = 0";
const REWRAP: &str = "UPDATE subjects SET wrapped_key = ?2 WHERE subject = ?1 AND wrapped_key = ?3";
const ERASE: &str = "DELETE FROM records WHERE subject = ?1 AND kind = ?2";
const ERASE_KEY: &str = "DELETE FROM subjects WHERE subject = ?1
    AND NOT EXISTS (SELECT 1 FROM records WHERE records.subject = subjects.subject)";

impl Vault {
    /// Of a data directory. Without a key, records can be approved, forgotten and erased, but
    /// neither sealed nor opened.
    #[must_use]
    pub fn new(data: &Path, key: Option<VaultKey>) -> Vault {
        Vault { path: data.join(VAULT_FILE), key, connection: None }
    }

    /// Seals a record, durably, and returns its digest. The same content of the same record has the
    /// same digest and is kept once.
    ///
    /// # Errors
    /// Without the vault's key; if the file cannot be written. Then nothing is kept.
    pub fn seal(&mut self, name: RecordName, plain: &[u8]) -> Result<RecordDigest, VaultError> {
        let key = self.key.clone().ok_or(VaultError::NoKey)?;
        let path = self.path.clone();
        let failed = file::sqlite("write to", &path);
        let connection = self.connection(true)?.ok_or(VaultError::NoKey)?;
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let subject = name.subject.to_string();
        let data_key = match wrapped_key(&transaction, name, &path)? {
            Some(wrapped) => unwrap(&key, &wrapped)?,
            None => {
                let mut data_key = Zeroizing::new([0; DATA_KEY_BYTES]);
                getrandom::fill(data_key.as_mut_slice()).map_err(VaultError::NoRandomness)?;
                let wrapped = key.store.wrap_data_key(&KeyReference::from(key.name), &data_key)?;
                transaction.execute(ADD_SUBJECT, params![subject, wrapped]).map_err(&failed)?;
                data_key
            }
        };
        let keys = RecordKeys::of(&data_key);
        let digest = keys.digest(name, plain);
        let sealed = keys.seal(name, &digest, plain).map_err(VaultError::NoRandomness)?;
        let kind = name.kind.to_string();
        let row = params![subject, kind, digest, sealed.nonce, sealed.bytes];
        transaction.execute(ADD_RECORD, row).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(digest)
    }

    /// Opens the record with a digest.
    ///
    /// # Errors
    /// [`VaultError::NoRecord`]; [`VaultError::Damaged`] if it is not what was sealed.
    pub fn open(
        &mut self,
        name: RecordName,
        digest: &RecordDigest,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key = self.key.clone().ok_or(VaultError::NoKey)?;
        let path = self.path.clone();
        let connection = self.connection(false)?.ok_or(VaultError::NoRecord(name))?;
        let (subject, kind) = (name.subject.to_string(), name.kind.to_string());
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?));
        let row = connection.query_row(RECORD, params![subject, kind, digest], read).optional();
        let (nonce, bytes) =
            row.map_err(file::sqlite("read", &path))?.ok_or(VaultError::NoRecord(name))?;
        let damaged = || VaultError::Damaged(name);
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| damaged())?;
        let wrapped = wrapped_key(connection, name, &path)?.ok_or_else(damaged)?;
        let keys = RecordKeys::of(&*unwrap(&key, &wrapped)?);
        keys.open(name, digest, &SealedRecord { nonce, bytes }).ok_or_else(damaged)
    }

    /// Marks a record as approved: it stays until its subject is erased.
    ///
    /// # Errors
    /// [`VaultError::NoRecord`].
    pub fn approve(&mut self, name: RecordName, digest: &RecordDigest) -> Result<(), VaultError> {
        let changed = self.change(APPROVE, name, digest)?;
        if changed { Ok(()) } else { Err(VaultError::NoRecord(name)) }
    }

    /// Deletes a record that nobody approved.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn forget(&mut self, name: RecordName, digest: &RecordDigest) -> Result<(), VaultError> {
        self.change(FORGET, name, digest).map(|_| ())
    }

    fn change(
        &mut self,
        statement: &str,
        name: RecordName,
        digest: &RecordDigest,
    ) -> Result<bool, VaultError> {
        let path = self.path.clone();
        let Some(connection) = self.connection(false)? else { return Ok(false) };
        let (subject, kind) = (name.subject.to_string(), name.kind.to_string());
        let changed = connection.execute(statement, params![subject, kind, digest]);
        Ok(changed.map_err(file::sqlite("write to", &path))? > 0)
    }

    /// Wraps each data key under the newest generation of the vault's key, durably, one by one.
    /// After an interruption another call goes on. Once it has returned, no older generation is
    /// needed for this file. Nobody else may use the vault meanwhile with a key store that was
    /// opened before the newest generation was made.
    ///
    /// # Errors
    /// No generation of the key unwraps a data key; the file cannot be written. The data keys
    /// before are done.
    pub fn rewrap(&mut self) -> Result<RewrapCounts, VaultError> {
        let key = self.key.clone().ok_or(VaultError::NoKey)?;
        let path = self.path.clone();
        let mut counts = RewrapCounts::default();
        let Some(connection) = self.connection(false)? else { return Ok(counts) };
        let (reading, writing) = (file::sqlite("read", &path), file::sqlite("write to", &path));
        let mut subjects = connection.prepare("SELECT subject FROM subjects").map_err(&reading)?;
        let subjects = subjects.query_map([], |row| row.get(0)).map_err(&reading)?;
        let subjects: Vec<String> = subjects.collect::<Result<_, _>>().map_err(&reading)?;
        for subject in subjects {
            let Some(before) = wrapped_key_of(connection, &subject, &path)? else { continue };
            let data_key = unwrap(&key, &before)?;
            // Wrapping gives the same bytes each time.
            let now = key.store.wrap_data_key(&KeyReference::from(key.name), &data_key)?;
            if now == before {
                counts.unchanged += 1;
                continue;
            }
            counts.rewrapped +=
                connection.execute(REWRAP, params![subject, now, before]).map_err(&writing)?;
        }
        Ok(counts)
    }

    /// Erases a subject's records of a kind, and the subject's wrapped key with its last record.
    /// Returns whether there was anything.
    ///
    /// # Errors
    /// The file cannot be written. Then everything is still there.
    pub fn erase(&mut self, name: RecordName) -> Result<bool, VaultError> {
        let path = self.path.clone();
        let failed = file::sqlite("write to", &path);
        let Some(connection) = self.connection(false)? else { return Ok(false) };
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let (subject, kind) = (name.subject.to_string(), name.kind.to_string());
        let erased = transaction.execute(ERASE, params![subject, kind]).map_err(&failed)?;
        transaction.execute(ERASE_KEY, params![subject]).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(erased > 0)
    }

    fn connection(&mut self, create: bool) -> Result<Option<&Connection>, VaultError> {
        if self.connection.is_none() {
            self.connection = file::open(&self.path, create)?;
        }
        Ok(self.connection.as_ref())
    }
}

fn wrapped_key(
    connection: &Connection,
    name: RecordName,
    path: &Path,
) -> Result<Option<WrappedDataKey>, VaultError> {
    let wrapped = wrapped_key_of(connection, &name.subject.to_string(), path);
    wrapped.map_err(|error| match error {
        VaultError::DamagedKey(_) => VaultError::Damaged(name),
        error => error,
    })
}

fn wrapped_key_of(
    connection: &Connection,
    subject: &str,
    path: &Path,
) -> Result<Option<WrappedDataKey>, VaultError> {
    let row = connection.query_row(SUBJECT_KEY, params![subject], |row| row.get::<_, Vec<u8>>(0));
    let wrapped = row.optional().map_err(file::sqlite("read", path))?;
    let damaged = |_| VaultError::DamagedKey(subject.to_owned());
    wrapped.map(|bytes| bytes.try_into().map_err(damaged)).transpose()
}

fn unwrap(
    key: &VaultKey,
    wrapped: &WrappedDataKey,
) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, VaultError> {
    Ok(key.store.unwrap_data_key(&KeyReference::from(key.name), wrapped)?)
}
