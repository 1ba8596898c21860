//! The file of a software key store: TOML, each key a key block (X9.143, version D) under the
//! master key.
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
//! `[end]`: nobody takes a key out of the file or brings an older one back into it unseen. An
//! older file as a whole is a valid file; that is for backups. Of generations that are gone the
//! check values stay, so that nobody brings one of them back from outside.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::check_value::CheckValue;
use crate::cipher::Cipher;
use crate::error::{KeyError, StoreError};
use crate::hex;
use crate::key::{Algorithm, Key};
use crate::name::KeyName;
use crate::reference::Purpose;
use crate::store::KeyListing;
use crate::store::generations::{Entry, Generations, KEYS_MAX};
use crate::store::purposes::{check_algorithm, letter, usage_and_mode};
use crate::tr31::{self, BlockVersion, Header, OptionalBlock};

use super::{Keys, MasterKey};

const FORMAT: &str = "doorstep keys 1";
const END: &str = "[end]\n";
/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// The optional block of a label.
const LABEL: [u8; 2] = *b"LB";

/// Where the file is, and what opens it.
pub struct KeyFile {
    path: PathBuf,
    master: MasterKey,
}

/// The file is locked as long as this lives.
pub struct Locked(#[expect(dead_code, reason = "closing it unlocks")] File);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Page {
    format: String,
    master_check_value: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    key: Vec<Row>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retired: Vec<Retired>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Row {
    name: String,
    purpose: String,
    algorithm: String,
    generation: u32,
    check_value: String,
    made_on: String,
    block: String,
}

/// The check values of a name's generations that are gone, the newest last.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Retired {
    name: String,
    check_values: Vec<String>,
}

impl KeyFile {
    pub fn new(path: &Path, master: MasterKey) -> KeyFile {
        KeyFile { path: path.to_owned(), master }
    }

    /// Locks the file against other processes that change it.
    pub fn lock(&self) -> Result<Locked, KeyError> {
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
        open().map(Locked).map_err(failed)
    }

    /// The keys, or none where there is no file.
    pub fn read_if_there(&self) -> Result<Keys, KeyError> {
        if self.path.exists() { self.read() } else { Ok(Keys::new()) }
    }

    /// The keys of the file.
    pub fn read(&self) -> Result<Keys, KeyError> {
        let failed = |source| self.failed(self.path.clone(), "cannot be read", source);
        let file = File::open(&self.path).map_err(failed)?;
        let mut text = String::new();
        let length = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
        if u64::try_from(length).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
            return Err(self.wrong("it is longer than a key store can be"));
        }
        self.parse(&text)
    }

    fn parse(&self, text: &str) -> Result<Keys, KeyError> {
        let format = text.lines().next().unwrap_or_default();
        if format != format!("format = \"{FORMAT}\"") {
            let what = format!(
                "it does not begin with `format = \"{FORMAT}\"`: it is no key \
                store, or one of another version of this program"
            );
            return Err(self.wrong(&what));
        }
        let cut_off = "the end is missing: the file was cut off; restore it from a backup";
        let (sealed, end) = text.split_once(END).ok_or_else(|| self.wrong(cut_off))?;
        let page: Page = toml::from_str(sealed)
            .map_err(|error| self.wrong(&format!("it is not readable: {}", error.message())))?;

        let found = self.master.check_value().to_string();
        if page.master_check_value != found {
            let wanted = page.master_check_value;
            let path = self.path.clone();
            return Err(KeyError::Store(StoreError::WrongMaster { path, wanted, found }));
        }
        if page.key.len() > KEYS_MAX {
            return Err(self.wrong("it has more keys than a key store can have"));
        }
        let mut keys = Keys::new();
        for row in &page.key {
            let entry = self.open_row(row).ok_or_else(|| {
                KeyError::Store(StoreError::Damaged {
                    path: self.path.clone(),
                    name: row.name.clone(),
                    generation: row.generation,
                })
            })?;
            keys.entry(entry.listing.name).or_default().kept.push(entry);
        }
        for row in &page.retired {
            let name = KeyName::new(&row.name).ok();
            let generations = name.and_then(|name| keys.get_mut(&name));
            let check_values: Option<Vec<CheckValue>> =
                row.check_values.iter().map(|text| CheckValue::from_full(text)).collect();
            let (Some(generations), Some(check_values)) = (generations, check_values) else {
                let what = "a `[[retired]]` entry is damaged; restore the file from a backup";
                return Err(self.wrong(what));
            };
            generations.retired = check_values;
        }
        if !bool::from(self.seal(sealed)?.as_bytes().ct_eq(end.as_bytes())) {
            let what = "the seal does not fit: keys were added, taken away or changed by something \
                else than this program; restore the file from a backup";
            return Err(self.wrong(what));
        }
        keys.values_mut().for_each(Generations::sort);
        Ok(keys)
    }

    /// The key of a row, or `None` where anything does not fit.
    fn open_row(&self, row: &Row) -> Option<Entry<Arc<Key>>> {
        let name = KeyName::new(&row.name).ok()?;
        let purpose = Purpose::named(&row.purpose)?;
        let algorithm = Algorithm::named(&row.algorithm)?;
        check_algorithm(purpose, algorithm).ok()?;
        let (header, key) = tr31::unwrap(self.master.key(), &row.block).ok()?;
        let expected = header_of(name, row.generation, purpose, algorithm);
        let listing = KeyListing {
            name,
            purpose,
            algorithm,
            generation: row.generation,
            check_value: CheckValue::from_full(&row.check_value)?,
            made_on: row.made_on.parse().ok()?,
        };
        let fits = header == expected
            && key.algorithm() == algorithm
            && key.check_value() == listing.check_value;
        fits.then(|| Entry { listing, key: key.into() })
    }

    /// Writes all keys: to a file beside, synced, which then takes the name.
    pub fn write(&self, keys: &Keys) -> Result<(), KeyError> {
        let rows = keys.values().flat_map(|of| &of.kept).map(|entry| self.row(entry));
        let retired = keys.iter().filter(|(_, of)| !of.retired.is_empty());
        let retired = retired.map(|(name, of)| Retired {
            name: name.to_string(),
            check_values: of.retired.iter().map(|check_value| check_value.in_full()).collect(),
        });
        let page = Page {
            format: FORMAT.to_owned(),
            master_check_value: self.master.check_value().to_string(),
            key: rows.collect::<Result<_, _>>()?,
            retired: retired.collect(),
        };
        let mut text = toml::to_string(&page)
            .map_err(|error| self.wrong(&format!("it cannot be written: {error}")))?;
        text.push('\n');
        let seal = self.seal(&text)?;
        text.push_str(END);
        text.push_str(&seal);

        let beside = self.beside(".new");
        let written = self.replace(&beside, text.as_bytes());
        written.map_err(|source| self.failed(self.path.clone(), "cannot be written", source))
    }

    fn replace(&self, beside: &Path, text: &[u8]) -> io::Result<()> {
        // One that a crash left behind may have other permissions.
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

    fn row(&self, entry: &Entry<Arc<Key>>) -> Result<Row, KeyError> {
        let KeyListing { name, purpose, algorithm, generation, check_value, made_on } =
            entry.listing;
        let header = header_of(name, generation, purpose, algorithm);
        Ok(Row {
            name: name.to_string(),
            purpose: purpose.name().to_owned(),
            algorithm: algorithm.name().to_owned(),
            generation,
            check_value: check_value.in_full(),
            made_on: made_on.to_string(),
            block: tr31::wrap(self.master.key(), &header, &entry.key)?,
        })
    }

    /// What stands after `[end]`.
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
        KeyError::Store(StoreError::File { path, what, source })
    }

    fn wrong(&self, what: &str) -> KeyError {
        let path = self.path.clone();
        KeyError::Store(StoreError::Format { path, what: what.to_owned() })
    }
}

/// The header under which a key of the store is kept.
fn header_of(name: KeyName, generation: u32, purpose: Purpose, algorithm: Algorithm) -> Header {
    let (usage, mode) = usage_and_mode(purpose, algorithm);
    Header {
        version: BlockVersion::D,
        usage,
        algorithm: letter(algorithm),
        mode,
        key_version: *b"00",
        exportability: b'N',
        optional: vec![OptionalBlock { id: LABEL, value: format!("{name}#{generation}") }],
    }
}
