//! A key store in software: keys in memory, and in one file under a master key.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error::KeyError;
use crate::key::Key;
use crate::name::KeyName;
use crate::reference::Purpose;
use crate::store::KeyListing;
use crate::store::vault::{Found, NewKey, Place, Vault, Which, next_generation};

mod file;
mod master;

use file::KeyFile;
pub use master::MasterKey;

/// Keys in the memory of this process, wiped when it ends, and in a file where only a master key
/// opens them.
///
/// It is as safe as the machine: whoever reads the memory of the process has the keys. For the
/// rules of card networks an HSM does the same behind [`crate::Pkcs11Store`].
pub struct SoftwareStore {
    file: Option<KeyFile>,
    keys: RwLock<Keys>,
}

/// The generations of each name, the newest last.
type Keys = BTreeMap<KeyName, Vec<Entry>>;

#[derive(Clone)]
struct Entry {
    listing: KeyListing,
    key: Arc<Key>,
}

impl SoftwareStore {
    /// Opens the file that is there.
    pub fn open(path: &Path, master: MasterKey) -> Result<SoftwareStore, KeyError> {
        let file = KeyFile::new(path, master);
        let keys = RwLock::new(file.read()?);
        Ok(SoftwareStore { file: Some(file), keys })
    }

    /// Opens the file, or begins one: it is written with the first key.
    pub fn open_or_begin(path: &Path, master: MasterKey) -> Result<SoftwareStore, KeyError> {
        if path.exists() {
            return SoftwareStore::open(path, master);
        }
        let file = KeyFile::new(path, master);
        Ok(SoftwareStore { file: Some(file), keys: RwLock::new(Keys::new()) })
    }

    /// A store that lies nowhere else: for tests and simulated machines. Each name once.
    pub fn in_memory(
        keys: impl IntoIterator<Item = (KeyName, Purpose, Key)>,
    ) -> Result<SoftwareStore, KeyError> {
        let store = SoftwareStore { file: None, keys: RwLock::new(Keys::new()) };
        for (name, purpose, key) in keys {
            super::purposes::check_algorithm(purpose, key.algorithm())?;
            store.put(name, purpose, Place::New, NewKey::Given(key))?;
        }
        Ok(store)
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the keys, in the file first: what another process wrote meanwhile stays.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Keys) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        let mut keys = self.write();
        let Some(file) = &self.file else {
            return change(&mut keys);
        };
        let lock = file.lock()?;
        let mut changed = file.read_if_there()?;
        let result = change(&mut changed)?;
        file.write(&changed)?;
        drop(lock);
        *keys = changed;
        Ok(result)
    }
}

impl Vault for SoftwareStore {
    type Stored = Arc<Key>;

    fn find(&self, name: &KeyName, which: Which) -> Result<Found<Arc<Key>>, KeyError> {
        let keys = self.read();
        let entries = keys.get(name).ok_or(KeyError::NoSuchKey(*name))?;
        let (entry, generation) = match which {
            Which::Newest => (entries.last(), 0),
            Which::Exactly(wanted) => {
                (entries.iter().find(|entry| entry.listing.generation == wanted), wanted)
            }
            Which::Before(newer) => {
                (entries.iter().rev().find(|entry| entry.listing.generation < newer), newer)
            }
        };
        let entry = entry.ok_or(KeyError::NoSuchGeneration { name: *name, generation })?;
        Ok(Found {
            key: Arc::clone(&entry.key),
            purpose: entry.listing.purpose,
            generation: entry.listing.generation,
        })
    }

    fn take_out(&self, stored: &Arc<Key>) -> Result<Key, KeyError> {
        Ok(Key::clone(stored))
    }

    fn put(
        &self,
        name: KeyName,
        purpose: Purpose,
        place: Place,
        key: NewKey,
    ) -> Result<KeyListing, KeyError> {
        self.change(|keys| {
            let in_store = keys.values().map(Vec::len).sum();
            let entries = keys.get(&name).map_or(&[][..], Vec::as_slice);
            let present: Vec<(u32, Purpose)> = entries
                .iter()
                .map(|entry| (entry.listing.generation, entry.listing.purpose))
                .collect();
            let (generation, going) = next_generation(name, purpose, place, &present, in_store)?;
            let key = match key {
                NewKey::Random(algorithm) => Key::random(algorithm)?,
                NewKey::Given(key) => key,
            };
            let listing = KeyListing {
                name,
                purpose,
                algorithm: key.algorithm(),
                generation,
                check_value: key.check_value(),
                made_on: super::today(),
            };
            let entries = keys.entry(name).or_default();
            entries.retain(|entry| !going.contains(&entry.listing.generation));
            entries.push(Entry { listing: listing.clone(), key: Arc::new(key) });
            Ok(listing)
        })
    }

    fn forget(&self, name: KeyName, generation: u32) -> Result<(), KeyError> {
        self.change(|keys| {
            let entries = keys.get_mut(&name).ok_or(KeyError::NoSuchKey(name))?;
            let before = entries.len();
            entries.retain(|entry| entry.listing.generation != generation);
            if entries.len() == before {
                return Err(KeyError::NoSuchGeneration { name, generation });
            }
            Ok(())
        })
    }

    fn listings(&self) -> Result<Vec<KeyListing>, KeyError> {
        let keys = self.read();
        let entries = keys.values().flat_map(|entries| entries.iter().rev());
        Ok(entries.map(|entry| entry.listing.clone()).collect())
    }

    fn refresh(&self) -> Result<(), KeyError> {
        if let Some(file) = &self.file {
            *self.write() = file.read_if_there()?;
        }
        Ok(())
    }
}

impl fmt::Debug for SoftwareStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: usize = self.read().values().map(Vec::len).sum();
        write!(f, "SoftwareStore({keys} keys)")
    }
}
