//! A key store in software: keys in memory, and in a file encrypted under a master key.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error::KeyError;
use crate::key::Key;
use crate::name::KeyName;
use crate::purpose::KeyPurpose;
use crate::store::generations::{AddDecision, KeyGeneration, KeyGenerations, decide_add};
use crate::store::key_storage::{AddMode, GenerationSelector, KeyStorage, NewKey, StoredKey};
use crate::store::{ImportOutcome, KeyListing};

mod file;
mod master;

use file::KeyFile;
pub use master::{MASTER_KEY_CREDENTIAL, MASTER_KEY_VARIABLE, MasterKey};

/// Keys in the memory of this process, wiped when it ends, and in a file encrypted under a master
/// key.
///
/// It is as safe as the machine: whoever reads the memory of the process has the keys. Card
/// networks require an HSM: see [`crate::Pkcs11Store`].
pub struct SoftwareStore {
    file: Option<KeyFile>,
    keys: RwLock<Keys>,
}

type Keys = BTreeMap<KeyName, KeyGenerations<Arc<Key>>>;

/// Result of a change. Only `Changed` needs to be written.
enum ChangeResult<T> {
    Changed(T),
    Unchanged(T),
}

impl SoftwareStore {
    /// Opens an existing file.
    pub fn open(path: &Path, master: MasterKey) -> Result<SoftwareStore, KeyError> {
        let file = KeyFile::new(path, master);
        let keys = RwLock::new(file.read()?);
        Ok(SoftwareStore { file: Some(file), keys })
    }

    /// Opens the file, or creates it when the first key is stored.
    pub fn open_or_create(path: &Path, master: MasterKey) -> Result<SoftwareStore, KeyError> {
        if path.exists() {
            return SoftwareStore::open(path, master);
        }
        let file = KeyFile::new(path, master);
        Ok(SoftwareStore { file: Some(file), keys: RwLock::new(Keys::new()) })
    }

    /// A store without a file, for tests and simulated machines. Each name may occur once.
    pub fn in_memory(
        keys: impl IntoIterator<Item = (KeyName, KeyPurpose, Key)>,
    ) -> Result<SoftwareStore, KeyError> {
        let store = SoftwareStore { file: None, keys: RwLock::new(Keys::new()) };
        for (name, purpose, key) in keys {
            super::purposes::check_algorithm(purpose, key.algorithm())?;
            store.add_key(name, purpose, AddMode::NewName, NewKey::Provided(key))?;
        }
        Ok(store)
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the keys, first in the file. Keeps changes that another process wrote meanwhile.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Keys) -> Result<ChangeResult<T>, KeyError>,
    ) -> Result<T, KeyError> {
        let mut keys = self.write();
        let Some(file) = &self.file else {
            let (ChangeResult::Changed(result) | ChangeResult::Unchanged(result)) =
                change(&mut keys)?;
            return Ok(result);
        };
        let lock = file.lock()?;
        let mut changed = file.read_if_exists()?;
        let result = match change(&mut changed)? {
            ChangeResult::Changed(result) => {
                file.write(&changed)?;
                result
            }
            ChangeResult::Unchanged(result) => result,
        };
        drop(lock);
        *keys = changed;
        Ok(result)
    }
}

impl KeyStorage for SoftwareStore {
    type Stored = Arc<Key>;

    fn find(
        &self,
        name: &KeyName,
        which: GenerationSelector,
    ) -> Result<StoredKey<Arc<Key>>, KeyError> {
        let keys = self.read();
        keys.get(name).ok_or(KeyError::NoSuchKey(*name))?.find(name, which)
    }

    fn extract(&self, stored: &Arc<Key>) -> Result<Key, KeyError> {
        Ok(Key::clone(stored))
    }

    fn add_key(
        &self,
        name: KeyName,
        purpose: KeyPurpose,
        place: AddMode,
        key: NewKey,
    ) -> Result<ImportOutcome, KeyError> {
        self.change(|keys| {
            let in_store = keys.values().map(|generations| generations.kept.len()).sum();
            let empty = KeyGenerations::default();
            let present = keys.get(&name).unwrap_or(&empty);
            let step = decide_add(name, purpose, (place, &key), present, in_store)?;
            let (generation, dropped) = match step {
                AddDecision::Add(generation, dropped) => (generation, dropped),
                AddDecision::AlreadyNewest(listing) => {
                    return Ok(ChangeResult::Unchanged(ImportOutcome::Unchanged(listing)));
                }
            };
            let key = match key {
                NewKey::Random(algorithm) => Key::random(algorithm)?,
                NewKey::Provided(key) => key,
            };
            let listing = KeyListing {
                name,
                purpose,
                algorithm: key.algorithm(),
                generation,
                check_value: key.check_value(),
                made_on: super::today(),
            };
            let generations = keys.entry(name).or_default();
            generations.retire_all(&dropped);
            generations.kept.push(KeyGeneration { listing: listing.clone(), key: Arc::new(key) });
            Ok(ChangeResult::Changed(ImportOutcome::Added(listing)))
        })
    }

    fn retire_generation(&self, name: KeyName, generation: u32) -> Result<(), KeyError> {
        self.change(|keys| {
            let generations = keys.get_mut(&name).ok_or(KeyError::NoSuchKey(name))?;
            let before = generations.kept.len();
            generations.retire_all(&[generation]);
            if generations.kept.len() == before {
                return Err(KeyError::NoSuchGeneration { name, generation });
            }
            Ok(ChangeResult::Changed(()))
        })
    }

    fn listings(&self) -> Result<Vec<KeyListing>, KeyError> {
        let keys = self.read();
        Ok(keys.values().flat_map(KeyGenerations::listings).collect())
    }

    fn refresh(&self) -> Result<(), KeyError> {
        if let Some(file) = &self.file {
            *self.write() = file.read_if_exists()?;
        }
        Ok(())
    }
}

impl fmt::Debug for SoftwareStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: usize = self.read().values().map(|generations| generations.kept.len()).sum();
        write!(f, "SoftwareStore({keys} keys)")
    }
}
