//! The file of a software key store: TOML, with each key as a key block (X9.143, version D) under
//! the master key.
//!
//! ```toml
//! format = "doorstep keys 1"
//! master-check-value = "5A1C77"
//!
//! [[key]]
//! name = "network/zmk"
//! purpose = "exchange"
//! algorithm = "tdes2"
//! generation = 1
//! check-value = "08D7B4FB62"
//! made-on = "2013-02-25"
//! block = "D0176K1TB00E0200LB…"
//!
//! [[retired]]
//! name = "network/zmk"
//! check-values = ["D5D44FF720"]
//!
//! [end]
//! seal = "…"
//! ```
//!
//! The block binds the name and the generation (as its label, `network/zmk#1`), the purpose and
//! the algorithm to the key. The seal is the CMAC under the master key of everything before
//! `[end]`. It reveals a removed key and a restored older key. An older file as a whole is valid,
//! so that a backup can be restored. The check values of dropped generations stay, so that none of
//! them can be imported again.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::cipher::Cipher;
use crate::error::{KeyError, KeyStoreError};
use crate::hex;
use crate::key::Key;
use crate::name::KeyName;
use crate::purpose::KeyPurpose;
use crate::store::KeyListing;
use crate::store::generations::{KEYS_MAX, KeyGeneration, KeyGenerations};
use crate::store::purposes::{algorithm_letter, check_algorithm, usage_and_mode};
use crate::tr31::{self, KeyBlockHeader, KeyBlockVersion, OptionalHeaderBlock};

use super::{Keys, MasterKey};

const FORMAT: &str = "doorstep keys 1";
const END: &str = "[end]\n";
/// Maximum length of a file.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Id of the optional block that holds the label.
const LABEL: [u8; 2] = *b"LB";

pub struct KeyFile {
    path: PathBuf,
    master: MasterKey,
}

/// Holds the lock on the file until it is dropped.
pub struct KeyFileLock(#[expect(dead_code, reason = "closing it unlocks")] File);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Content {
    format: String,
    master_check_value: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    key: Vec<KeyEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retired: Vec<RetiredEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KeyEntry {
    name: String,
    purpose: String,
    algorithm: String,
    generation: u32,
    check_value: String,
    made_on: String,
    block: String,
}

/// Check values of a name's dropped generations, oldest first.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RetiredEntry {
    name: String,
    check_values: Vec<String>,
}

impl KeyFile {
    pub fn new(path: &Path, master: MasterKey) -> KeyFile {
        KeyFile { path: path.to_owned(), master }
    }

    /// Locks the file against changes by other processes.
    pub fn lock(&self) -> Result<KeyFileLock, KeyError> {
        let path = self.beside(".lock");
        let open = || {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600)
                .open(&path)?;
            file.lock()?;
            Ok(file)
        };
        let failed = |source| self.failed(path.clone(), "cannot be locked", source);
        open().map(KeyFileLock).map_err(failed)
    }

    /// The keys of the file, or none if the file does not exist.
    pub fn read_if_exists(&self) -> Result<Keys, KeyError> {
        if self.path.exists() { self.read() } else { Ok(Keys::new()) }
    }

    pub fn read(&self) -> Result<Keys, KeyError> {
        let failed = |source| self.failed(self.path.clone(), "cannot be read", source);
        let file = File::open(&self.path).map_err(failed)?;
        let mut text = String::new();
        let length = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
        if u64::try_from(length).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
            return Err(self.wrong("the file is too long for a key store"));
        }
        self.parse(&text)
    }

    fn parse(&self, text: &str) -> Result<Keys, KeyError> {
        let format = text.lines().next().unwrap_or_default();
        if format != format!("format = \"{FORMAT}\"") {
            let what = format!(
                "the file does not begin with `format = \"{FORMAT}\"`: it is not a key \
                store, or was written by another version of this program"
            );
            return Err(self.wrong(&what));
        }
        let cut_off = "the end of the file is missing; restore it from a backup";
        let (sealed, end) = text.split_once(END).ok_or_else(|| self.wrong(cut_off))?;
        let content: Content = toml::from_str(sealed).map_err(|error| {
            self.wrong(&format!("the file is not readable: {}", error.message()))
        })?;

        let found = self.master.check_value().to_string();
        if content.master_check_value != found {
            let wanted = content.master_check_value;
            let path = self.path.clone();
            return Err(KeyError::Store(KeyStoreError::WrongMasterKey { path, wanted, found }));
        }
        if content.key.len() > KEYS_MAX {
            return Err(self.wrong("the file has more keys than a key store can have"));
        }
        let mut keys = Keys::new();
        for row in &content.key {
            let entry = self.open_row(row).ok_or_else(|| {
                KeyError::Store(KeyStoreError::DamagedEntry {
                    path: self.path.clone(),
                    name: row.name.clone(),
                    generation: row.generation,
                })
            })?;
            keys.entry(entry.listing.name).or_default().kept.push(entry);
        }
        for row in &content.retired {
            let name = KeyName::new(&row.name).ok();
            let generations = name.and_then(|name| keys.get_mut(&name));
            let check_values: Option<Vec<CheckValue>> =
                row.check_values.iter().map(|text| CheckValue::from_hex(text)).collect();
            let (Some(generations), Some(check_values)) = (generations, check_values) else {
                let what = "a `[[retired]]` entry is damaged; restore the file from a backup";
                return Err(self.wrong(what));
            };
            generations.retired_check_values = check_values;
        }
        if !bool::from(self.seal(sealed)?.as_bytes().ct_eq(end.as_bytes())) {
            let what = "the seal is wrong: keys were added, removed or changed by another program; \
                restore the file from a backup";
            return Err(self.wrong(what));
        }
        keys.values_mut().for_each(KeyGenerations::sort);
        Ok(keys)
    }

    /// Decrypts an entry. Returns `None` if anything does not match.
    fn open_row(&self, row: &KeyEntry) -> Option<KeyGeneration<Arc<Key>>> {
        let name = KeyName::new(&row.name).ok()?;
        let purpose = KeyPurpose::from_name(&row.purpose)?;
        let algorithm = Algorithm::from_name(&row.algorithm)?;
        check_algorithm(purpose, algorithm).ok()?;
        let (header, key) = tr31::unwrap(self.master.key(), &row.block).ok()?;
        let expected = header_of(name, row.generation, purpose, algorithm);
        let listing = KeyListing {
            name,
            purpose,
            algorithm,
            generation: row.generation,
            check_value: CheckValue::from_hex(&row.check_value)?,
            made_on: row.made_on.parse().ok()?,
        };
        let fits = header == expected
            && key.algorithm() == algorithm
            && key.check_value() == listing.check_value;
        fits.then(|| KeyGeneration { listing, key: key.into() })
    }

    /// Writes all keys to a new file, syncs it, and renames it over the old one.
    pub fn write(&self, keys: &Keys) -> Result<(), KeyError> {
        let rows = keys.values().flat_map(|of| &of.kept).map(|entry| self.row(entry));
        let retired = keys.iter().filter(|(_, of)| !of.retired_check_values.is_empty());
        let retired = retired.map(|(name, of)| RetiredEntry {
            name: name.to_string(),
            check_values: of
                .retired_check_values
                .iter()
                .map(|check_value| check_value.to_hex())
                .collect(),
        });
        let content = Content {
            format: FORMAT.to_owned(),
            master_check_value: self.master.check_value().to_string(),
            key: rows.collect::<Result<_, _>>()?,
            retired: retired.collect(),
        };
        let mut text = toml::to_string(&content)
            .map_err(|error| self.wrong(&format!("the file cannot be written: {error}")))?;
        text.push('\n');
        let seal = self.seal(&text)?;
        text.push_str(END);
        text.push_str(&seal);

        let beside = self.beside(".new");
        let written = self.replace(&beside, text.as_bytes());
        written.map_err(|source| self.failed(self.path.clone(), "cannot be written", source))
    }

    fn replace(&self, beside: &Path, text: &[u8]) -> io::Result<()> {
        // A file left behind by a crash may have other permissions.
        match fs::remove_file(beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(beside)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(beside, &self.path)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn row(&self, entry: &KeyGeneration<Arc<Key>>) -> Result<KeyEntry, KeyError> {
        let KeyListing { name, purpose, algorithm, generation, check_value, made_on } =
            entry.listing;
        let header = header_of(name, generation, purpose, algorithm);
        Ok(KeyEntry {
            name: name.to_string(),
            purpose: purpose.name().to_owned(),
            algorithm: algorithm.name().to_owned(),
            generation,
            check_value: check_value.to_hex(),
            made_on: made_on.to_string(),
            block: tr31::wrap(self.master.key(), &header, &entry.key)?,
        })
    }

    /// The text after `[end]`.
    fn seal(&self, sealed: &str) -> Result<String, KeyError> {
        let mac = self.master.key().cmac(sealed.as_bytes())?;
        Ok(format!("seal = \"{}\"\n", hex::encode(&mac)))
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = OsString::from(self.path.as_os_str());
        name.push(ending);
        PathBuf::from(name)
    }

    fn failed(&self, path: PathBuf, what: &'static str, source: io::Error) -> KeyError {
        KeyError::Store(KeyStoreError::File { path, what, source })
    }

    fn wrong(&self, what: &str) -> KeyError {
        let path = self.path.clone();
        KeyError::Store(KeyStoreError::MalformedFile { path, what: what.to_owned() })
    }
}

/// The key block header of a stored key.
fn header_of(
    name: KeyName,
    generation: u32,
    purpose: KeyPurpose,
    algorithm: Algorithm,
) -> KeyBlockHeader {
    let (usage, mode) = usage_and_mode(purpose, algorithm);
    KeyBlockHeader {
        version: KeyBlockVersion::D,
        usage,
        algorithm: algorithm_letter(algorithm),
        mode,
        key_version: *b"00",
        exportability: b'N',
        optional: vec![OptionalHeaderBlock { id: LABEL, value: format!("{name}#{generation}") }],
    }
}
