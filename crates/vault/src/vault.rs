//! The records of subjects, sealed and opened through the key store.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use books::{DataSubject, ParcelId, Timestamp};
use keys::{DATA_KEY_BYTES, KeyName, KeyReference, KeyStore, WrappedDataKey};
use money::Currency;
use postgresql::Server;
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use crate::erasures::{ERASURES_FILE, ErasureList};
use crate::error::VaultError;
use crate::file::{self, VAULT_FILE};
use crate::seal::{NONCE_BYTES, RecordKeys, SealedRecord};
use crate::store::{OpenVault, RecordValue, VaultChange};

/// HMAC-SHA-256 of a record's name and content, under a key that follows from the subject's.
pub type RecordDigest = [u8; 32];

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKind {
    /// Where payouts in a currency go.
    PayoutAccount(Currency),
    /// A seller's identity document. One for each seller.
    Identity,
    /// Name, phone and address of a parcel's buyer. One for each parcel.
    Delivery,
}

/// A subject's records of a kind. They differ in their digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordName {
    pub subject: DataSubject,
    pub kind: RecordKind,
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordKind::PayoutAccount(currency) => write!(f, "payout account in {currency}"),
            RecordKind::Identity => f.write_str("identity document"),
            RecordKind::Delivery => f.write_str("delivery details"),
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

/// How a vault is opened.
#[derive(Clone, Default)]
pub struct VaultOptions {
    /// Without a key, records can be approved, forgotten and erased, but neither sealed nor opened.
    pub key: Option<VaultKey>,
    /// Where the sealed records are, if not in the vault's file. Records of the file move there.
    pub server: Option<Server>,
}

impl From<Option<VaultKey>> for VaultOptions {
    fn from(key: Option<VaultKey>) -> VaultOptions {
        VaultOptions { key, server: None }
    }
}

/// What a rewrapping did with the data keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RewrapCounts {
    pub rewrapped: usize,
    /// Wrapped under the newest generation before.
    pub unchanged: usize,
}

/// What is known of a parcel whose buyer's details are to be sealed.
pub struct DeliveryToSeal<'d> {
    pub parcel: ParcelId,
    /// Whether other details than before replace them.
    pub may_replace: bool,
    pub plain: &'d [u8],
}

/// What became of the details of buyers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    pub sealed: usize,
    /// Sealed before, the same.
    pub unchanged: usize,
    pub replaced: usize,
    /// Others than before, which stay.
    pub kept: usize,
    /// The buyer was erased: nothing is sealed.
    pub erased: usize,
}

/// Before and after the names of buyers, as [`DataSubject`] writes them.
const BUYER_SUBJECTS: &str = "buyer of parcel ";
const BUYER_SUBJECTS_END: &str = "buyer of parcel!";
/// Before and after the names of sellers, and the kinds of their accounts.
const SELLERS_ACCOUNTS: [&str; 4] =
    ["seller ", "seller!", "payout account in ", "payout account in!"];
/// Subjects of one transaction.
const SUBJECTS_AT_ONCE: u16 = 1_000;

/// The vault of a data directory. Its file is made with the first record.
pub struct Vault {
    path: PathBuf,
    /// Of [`ErasureList`].
    list: PathBuf,
    options: VaultOptions,
    opened: Option<OpenVault>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("path", &self.path).finish_non_exhaustive()
    }
}

// Of the file.
const SUBJECT_KEY: &str = "SELECT wrapped_key FROM subjects WHERE subject = ?1";
const ADD_SUBJECT: &str = "INSERT INTO subjects (subject, wrapped_key) VALUES (?1, ?2)";
const SUBJECTS_AFTER: &str =
    "SELECT subject FROM subjects WHERE subject > ?1 ORDER BY subject LIMIT ?2";
const REWRAP: &str = "UPDATE subjects SET wrapped_key = ?2 WHERE subject = ?1 AND wrapped_key = ?3";
const ERASE_KEY: &str = "DELETE FROM subjects WHERE subject = ?1";
// Of the records, for SQLite and PostgreSQL.
const ADD_RECORD: &str = "INSERT INTO records (subject, kind, digest, approved, nonce, sealed)
    VALUES ($1, $2, $3, 0, $4, $5) ON CONFLICT DO NOTHING";
const RECORD: &str =
    "SELECT nonce, sealed FROM records WHERE subject = $1 AND kind = $2 AND digest = $3";
const APPROVE: &str =
    "UPDATE records SET approved = 1 WHERE subject = $1 AND kind = $2 AND digest = $3";
const FORGET: &str = "DELETE FROM records
    WHERE subject = $1 AND kind = $2 AND digest = $3 AND approved = 0";
const UNAPPROVED: &str = "SELECT subject, kind, digest FROM records
    WHERE subject > $1 AND subject < $2 AND kind > $3 AND kind < $4 AND approved = 0";
const ONLY_RECORD: &str = "SELECT digest FROM records WHERE subject = $1 AND kind = $2";
const ANY_RECORD: &str = "SELECT digest FROM records WHERE subject = $1 LIMIT 1";
const ERASE: &str = "DELETE FROM records WHERE subject = $1 AND kind = $2";
const ERASE_RECORDS: &str = "DELETE FROM records WHERE subject = $1";

impl Vault {
    /// Of a data directory.
    #[must_use]
    pub fn new(data: &Path, options: impl Into<VaultOptions>) -> Vault {
        let (path, list) = (data.join(VAULT_FILE), data.join(ERASURES_FILE));
        Vault { path, list, options: options.into(), opened: None }
    }

    /// Whether records can be sealed and opened.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.options.key.is_some()
    }

    fn key(&self) -> Result<VaultKey, VaultError> {
        self.options.key.clone().ok_or(VaultError::NoKey)
    }

    /// Seals a record, durably, and returns its digest. The same content of the same record has the
    /// same digest and is kept once.
    ///
    /// # Errors
    /// Without the vault's key; if it cannot be written. Then nothing is kept.
    pub fn seal(&mut self, name: RecordName, plain: &[u8]) -> Result<RecordDigest, VaultError> {
        let key = self.key()?;
        let mut change = self.made()?.change()?;
        let keys = RecordKeys::of(&*data_key(&change, &key, name)?);
        let digest = keys.digest(name, plain);
        let sealed = keys.seal(name, &digest, plain).map_err(VaultError::NoRandomness)?;
        add(&mut change, name, &digest, &sealed)?;
        change.commit()?;
        Ok(digest)
    }

    /// Seals a record of a kind of which a subject has one. It replaces the one before, durably.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    pub fn replace(&mut self, name: RecordName, plain: &[u8]) -> Result<(), VaultError> {
        let key = self.key()?;
        let mut change = self.made()?.change()?;
        replace_in(&mut change, &key, (name, plain), true)?;
        change.commit()
    }

    /// Seals the details of buyers, durably, some at once. What was sealed before an error or a
    /// crash stays, and does no harm: the same again changes nothing.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    pub fn seal_deliveries<'d>(
        &mut self,
        all: impl IntoIterator<Item = DeliveryToSeal<'d>>,
    ) -> Result<DeliveryCounts, VaultError> {
        let (key, list) = (self.key()?, self.list.clone());
        let vault = self.made()?;
        let (mut counts, mut all) = (DeliveryCounts::default(), all.into_iter().peekable());
        while all.peek().is_some() {
            let mut change = vault.change()?;
            // Read inside the transaction: an erasure that comes later waits for its end.
            let list = ErasureList::read(&list)?;
            for one in all.by_ref().take(SUBJECTS_AT_ONCE.into()) {
                if list.has_buyer(one.parcel) {
                    counts.erased += 1;
                    continue;
                }
                let subject = DataSubject::Buyer(one.parcel);
                let name = RecordName { subject, kind: RecordKind::Delivery };
                match replace_in(&mut change, &key, (name, one.plain), one.may_replace)? {
                    Replaced::New => counts.sealed += 1,
                    Replaced::Same => counts.unchanged += 1,
                    Replaced::Other => counts.replaced += 1,
                    Replaced::Kept => counts.kept += 1,
                }
            }
            change.commit()?;
        }
        Ok(counts)
    }

    /// Opens the record of a kind of which a subject has one. `None` if there is none.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] if it is not what was sealed.
    pub fn open_only(
        &mut self,
        name: RecordName,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        match self.only_digest(name)? {
            Some(digest) => self.open(name, &digest).map(Some),
            None => Ok(None),
        }
    }

    /// Whether there is a record of a kind of which a subject has one. Opens nothing.
    ///
    /// # Errors
    /// The vault cannot be read.
    pub fn has(&mut self, name: RecordName) -> Result<bool, VaultError> {
        Ok(self.only_digest(name)?.is_some())
    }

    fn only_digest(&mut self, name: RecordName) -> Result<Option<RecordDigest>, VaultError> {
        match self.vault()? {
            Some(vault) => only_record(&mut vault.look()?, name),
            None => Ok(None),
        }
    }

    /// Notes erasures that the books have, by their numbers, and erases the subjects' records and
    /// keys. Done before, it changes nothing. `count` is how many there ever were.
    ///
    /// # Errors
    /// The list has other erasures, or lacks some before; a file cannot be written.
    pub fn erase_subjects(
        &mut self,
        erasures: impl IntoIterator<Item = (u32, DataSubject)>,
        count: u32,
        at: Timestamp,
    ) -> Result<(), VaultError> {
        let mut list = ErasureList::read(&self.list)?;
        let before = list.count();
        for (number, subject) in erasures {
            list.note(number, subject, at)?;
        }
        // The list of a vault that was restored may be ahead of the restored books.
        if list.count() < count {
            return Err(VaultError::OtherErasures(self.list.clone()));
        }
        if count > before {
            // Opening the vault goes through the list.
            self.opened = None;
        }
        self.vault().map(|_| ())
    }

    /// Writes the list again from all erasures that the books ever had, and goes through it.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn list_erasures(
        &mut self,
        all: impl IntoIterator<Item = (u32, DataSubject, Timestamp)>,
    ) -> Result<u32, VaultError> {
        let list = ErasureList::written_again(&self.list, all)?;
        self.opened = None;
        self.vault()?;
        Ok(list.count())
    }

    /// Goes through the list of erasures of a restored vault. The list has those that the restored
    /// books have, and perhaps later ones, which are returned: the books do not know them yet.
    ///
    /// # Errors
    /// The list has other erasures, or lacks some before; a file cannot be written.
    pub fn go_through(
        &mut self,
        known: impl IntoIterator<Item = (u32, DataSubject, Timestamp)>,
    ) -> Result<Vec<DataSubject>, VaultError> {
        let mut list = ErasureList::read(&self.list)?;
        let mut count = 0;
        for (number, subject, at) in known {
            list.note(number, subject, at)?;
            count = number;
        }
        self.opened = None;
        self.vault()?;
        Ok(list.after(count).to_vec())
    }

    /// The parcels with details of a buyer.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn parcels(&mut self) -> Result<Vec<ParcelId>, VaultError> {
        let path = self.path.clone();
        let failed = file::sqlite("read", &path);
        let Some(vault) = self.vault()? else { return Ok(Vec::new()) };
        let look = vault.look()?;
        // The keys, because the sealed records are many times as long.
        let select = "SELECT subject FROM subjects WHERE subject > ?1 AND subject < ?2";
        let mut rows = look.file.prepare(select).map_err(&failed)?;
        let bounds = [BUYER_SUBJECTS, BUYER_SUBJECTS_END];
        let subjects = rows.query_map(bounds, |row| row.get::<_, String>(0)).map_err(&failed)?;
        let subjects: Vec<String> = subjects.collect::<Result<_, _>>().map_err(&failed)?;
        let id = |subject: String| subject.rsplit(' ').next()?.parse().ok();
        Ok(subjects.into_iter().filter_map(id).collect())
    }

    /// Erases the details of buyers whose parcels the books have no more, or never had. Returns how
    /// many. Where the server of the records is not known, whoever knows it erases them later.
    ///
    /// # Errors
    /// The vault cannot be written. Those before are erased.
    pub fn erase_deliveries(&mut self, parcels: &[ParcelId]) -> Result<usize, VaultError> {
        let Some(vault) = self.vault()? else { return Ok(0) };
        let mut erased = 0;
        for some in parcels.chunks(SUBJECTS_AT_ONCE.into()) {
            let mut change = vault.change()?;
            if change.is_away() {
                return Ok(0);
            }
            for parcel in some {
                let subject = DataSubject::Buyer(*parcel);
                erased +=
                    erase_in(&mut change, RecordName { subject, kind: RecordKind::Delivery })?;
            }
            change.commit()?;
        }
        Ok(erased)
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
        let key = self.key()?;
        let vault = self.vault()?.ok_or(VaultError::NoRecord(name))?;
        let mut look = vault.look()?;
        let (subject, kind) = (name.subject.to_string(), name.kind.to_string());
        let values =
            [RecordValue::Text(&subject), RecordValue::Text(&kind), RecordValue::Bytes(digest)];
        let [nonce, bytes] =
            look.find_record(RECORD, &values)?.ok_or(VaultError::NoRecord(name))?;
        let damaged = || VaultError::Damaged(name);
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| damaged())?;
        let wrapped = wrapped_key(&look.file, name, look.path)?.ok_or_else(damaged)?;
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
    /// The vault cannot be written.
    pub fn forget(&mut self, name: RecordName, digest: &RecordDigest) -> Result<(), VaultError> {
        self.change(FORGET, name, digest).map(|_| ())
    }

    /// Deletes payout accounts that nobody approved, but for these: a request that was interrupted
    /// sealed them. Returns how many.
    ///
    /// # Errors
    /// The vault cannot be written.
    pub fn forget_accounts_but(
        &mut self,
        kept: &[(RecordName, RecordDigest)],
    ) -> Result<usize, VaultError> {
        let Some(vault) = self.vault()? else { return Ok(0) };
        let mut change = vault.change()?;
        if change.is_away() {
            return Ok(0);
        }
        let found = change.find_names(UNAPPROVED, &SELLERS_ACCOUNTS.map(RecordValue::Text))?;
        let mut forgotten = 0;
        for (subject, kind, digest) in found {
            let is_kept = kept.iter().any(|(name, one)| {
                *one == *digest
                    && name.subject.to_string() == subject
                    && name.kind.to_string() == kind
            });
            if !is_kept {
                let values = [
                    RecordValue::Text(&subject),
                    RecordValue::Text(&kind),
                    RecordValue::Bytes(&digest),
                ];
                forgotten += change.change_records(FORGET, &values)?;
            }
        }
        change.commit()?;
        Ok(forgotten)
    }

    fn change(
        &mut self,
        statement: &'static str,
        name: RecordName,
        digest: &RecordDigest,
    ) -> Result<bool, VaultError> {
        let Some(vault) = self.vault()? else { return Ok(false) };
        let mut change = vault.change()?;
        let (subject, kind) = (name.subject.to_string(), name.kind.to_string());
        let values =
            [RecordValue::Text(&subject), RecordValue::Text(&kind), RecordValue::Bytes(digest)];
        let changed = change.change_records(statement, &values)?;
        change.commit()?;
        Ok(changed > 0)
    }

    /// Wraps each data key under the newest generation of the vault's key, durably, some at once.
    /// After an interruption another call goes on. Once it has returned, no older generation is
    /// needed for this file. Nobody else may use the vault meanwhile with a key store that was
    /// opened before the newest generation was made.
    ///
    /// # Errors
    /// No generation of the key unwraps a data key; the file cannot be written. The data keys
    /// before are done.
    pub fn rewrap(&mut self) -> Result<RewrapCounts, VaultError> {
        let key = self.key()?;
        let path = self.path.clone();
        let mut counts = RewrapCounts::default();
        let Some(vault) = self.vault()? else { return Ok(counts) };
        let reading = file::sqlite("read", &path);
        let mut last = String::new();
        loop {
            let change = vault.change()?;
            let mut some = change.file.prepare_cached(SUBJECTS_AFTER).map_err(&reading)?;
            let rows = some.query_map(params![last, SUBJECTS_AT_ONCE], |row| row.get(0));
            let subjects: Vec<String> = rows.and_then(Iterator::collect).map_err(&reading)?;
            drop(some);
            let mut failed = None;
            for subject in &subjects {
                match rewrap_one(&change.file, &key, subject, &path) {
                    Ok(true) => counts.rewrapped += 1,
                    Ok(false) => counts.unchanged += 1,
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            change.commit()?;
            match (failed, subjects.into_iter().next_back()) {
                (Some(error), _) => return Err(error),
                (None, Some(subject)) => last = subject,
                (None, None) => return Ok(counts),
            }
        }
    }

    /// Moves all records from the server into the file, some at once, and removes the server's
    /// schema. Returns how many. After an interruption another call goes on: until it has returned,
    /// the vault needs its server. From then on it is opened without.
    ///
    /// # Errors
    /// The server is not known, or cannot be reached; the file cannot be written.
    pub fn move_to_file(&mut self) -> Result<usize, VaultError> {
        let Some(vault) = self.vault()? else { return Ok(0) };
        let moved = vault.move_to_file()?;
        (self.options.server, self.opened) = (None, None);
        Ok(moved)
    }

    /// Erases a subject's records of a kind, and the subject's wrapped key with its last record.
    /// Returns whether there was anything.
    ///
    /// # Errors
    /// The vault cannot be written. Then everything is still there, or, on a server, the key is
    /// erased and the records are left for the next time.
    pub fn erase(&mut self, name: RecordName) -> Result<bool, VaultError> {
        let Some(vault) = self.vault()? else { return Ok(false) };
        let mut change = vault.change()?;
        let erased = erase_in(&mut change, name)?;
        change.commit()?;
        Ok(erased > 0)
    }

    /// The vault, made if it is not there.
    fn made(&mut self) -> Result<&mut OpenVault, VaultError> {
        self.opened(true)?.ok_or(VaultError::NoKey)
    }

    /// `None` if there is no vault yet.
    fn vault(&mut self) -> Result<Option<&mut OpenVault>, VaultError> {
        self.opened(false)
    }

    fn opened(&mut self, create: bool) -> Result<Option<&mut OpenVault>, VaultError> {
        if self.opened.as_ref().is_some_and(OpenVault::is_closed) {
            self.opened = None;
        }
        let server = self.options.server.as_ref();
        if self.opened.is_none()
            && let Some(mut vault) = OpenVault::open(&self.path, server, create)?
        {
            erase_again(&mut vault, &ErasureList::read(&self.list)?)?;
            self.opened = Some(vault);
        }
        Ok(self.opened.as_mut())
    }
}

/// Erases the subjects that were erased since this vault was written: it may come from a backup.
/// Keys and records on a server can come from different backups.
fn erase_again(vault: &mut OpenVault, list: &ErasureList) -> Result<(), VaultError> {
    let (fewest, most) = vault.look()?.erasures_done()?;
    if most > list.count() {
        let (listed, path) = (list.count(), list.path().to_owned());
        return Err(VaultError::ErasuresMissing { path, listed, erased: most });
    }
    if fewest == list.count() {
        return Ok(());
    }
    let mut change = vault.change()?;
    let (of_keys, is_away) = (change.keys_erased()?, change.is_away());
    for (number, subject) in (fewest + 1..).zip(list.after(fewest)) {
        let subject = subject.to_string();
        if number > of_keys {
            let erased = change.file.execute(ERASE_KEY, [&subject]);
            erased.map_err(file::sqlite("write to", change.path))?;
        }
        // Without its key a record says nothing. A process that knows the server erases it.
        if !is_away {
            change.change_records(ERASE_RECORDS, &[RecordValue::Text(&subject)])?;
        }
    }
    change.set_erasures_done(list.count())?;
    change.commit()
}

/// Returns whether the data key was wrapped under an older generation.
fn rewrap_one(
    connection: &Connection,
    key: &VaultKey,
    subject: &str,
    path: &Path,
) -> Result<bool, VaultError> {
    let Some(before) = wrapped_key_of(connection, subject, path)? else { return Ok(false) };
    let data_key = unwrap(key, &before)?;
    // Wrapping gives the same bytes each time.
    let now = key.store.wrap_data_key(&KeyReference::from(key.name), &data_key)?;
    if now != before {
        let update = connection.execute(REWRAP, params![subject, now, before]);
        update.map_err(file::sqlite("write to", path))?;
    }
    Ok(now != before)
}

/// What became of a record that was to replace another.
enum Replaced {
    New,
    Same,
    Other,
    Kept,
}

fn replace_in(
    change: &mut VaultChange<'_>,
    key: &VaultKey,
    (name, plain): (RecordName, &[u8]),
    may_replace: bool,
) -> Result<Replaced, VaultError> {
    let before = only_record(change, name)?;
    let keys = RecordKeys::of(&*data_key(change, key, name)?);
    let digest = keys.digest(name, plain);
    let done = match before {
        Some(before) if before == digest => return Ok(Replaced::Same),
        Some(_) if !may_replace => return Ok(Replaced::Kept),
        Some(_) => Replaced::Other,
        None => Replaced::New,
    };
    if before.is_some() {
        let (subject, kind) = (name.subject.to_string(), name.kind.to_string());
        change.change_records(ERASE, &[RecordValue::Text(&subject), RecordValue::Text(&kind)])?;
    }
    let sealed = keys.seal(name, &digest, plain).map_err(VaultError::NoRandomness)?;
    add(change, name, &digest, &sealed)?;
    Ok(done)
}

fn add(
    change: &mut VaultChange<'_>,
    name: RecordName,
    digest: &RecordDigest,
    sealed: &SealedRecord,
) -> Result<(), VaultError> {
    let (subject, kind) = (name.subject.to_string(), name.kind.to_string());
    let row = [
        RecordValue::Text(&subject),
        RecordValue::Text(&kind),
        RecordValue::Bytes(digest),
        RecordValue::Bytes(&sealed.nonce),
        RecordValue::Bytes(&sealed.bytes),
    ];
    change.change_records(ADD_RECORD, &row).map(|_| ())
}

/// Erases a subject's records of a kind, and the key with the last record. Returns how many records
/// there were.
fn erase_in(change: &mut VaultChange<'_>, name: RecordName) -> Result<usize, VaultError> {
    let (subject, kind) = (name.subject.to_string(), name.kind.to_string());
    let erased =
        change.change_records(ERASE, &[RecordValue::Text(&subject), RecordValue::Text(&kind)])?;
    let left = change.find_record::<1>(ANY_RECORD, &[RecordValue::Text(&subject)])?;
    if left.is_none() {
        let erased = change.file.execute(ERASE_KEY, [&subject]);
        erased.map_err(file::sqlite("write to", change.path))?;
    }
    Ok(erased)
}

/// The digest of the record of a kind of which a subject has one.
fn only_record(
    look: &mut VaultChange<'_>,
    name: RecordName,
) -> Result<Option<RecordDigest>, VaultError> {
    let (subject, kind) = (name.subject.to_string(), name.kind.to_string());
    let found =
        look.find_record(ONLY_RECORD, &[RecordValue::Text(&subject), RecordValue::Text(&kind)])?;
    let digest = |[digest]: [Vec<u8>; 1]| digest.try_into().map_err(|_| VaultError::Damaged(name));
    found.map(digest).transpose()
}

/// The subject's data key: a new one if it has none.
fn data_key(
    change: &VaultChange<'_>,
    key: &VaultKey,
    name: RecordName,
) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, VaultError> {
    if let Some(wrapped) = wrapped_key(&change.file, name, change.path)? {
        return unwrap(key, &wrapped);
    }
    let mut data_key = Zeroizing::new([0; DATA_KEY_BYTES]);
    getrandom::fill(data_key.as_mut_slice()).map_err(VaultError::NoRandomness)?;
    let wrapped = key.store.wrap_data_key(&KeyReference::from(key.name), &data_key)?;
    let row = params![name.subject.to_string(), wrapped];
    let added = change.file.execute(ADD_SUBJECT, row);
    added.map_err(file::sqlite("write to", change.path))?;
    Ok(data_key)
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
