//! A key store in software: keys in memory, and in one file under a master key.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error::KeyError;
use crate::key::Key;
use crate::name::KeyName;
use crate::reference::Purpose;
use crate::store::generations::{Entry, Generations, NextStep, next_step};
use crate::store::vault::{Found, NewKey, Place, Vault, Which};
use crate::store::{Imported, KeyListing};

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

type Keys = BTreeMap<KeyName, Generations<Arc<Key>>>;

/// What a change gives, and whether there is anything to write.
enum Changed<T> {
    Yes(T),
    No(T),
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
        change: impl FnOnce(&mut Keys) -> Result<Changed<T>, KeyError>,
    ) -> Result<T, KeyError> {
        let mut keys = self.write();
        let Some(file) = &self.file else {
            let (Changed::Yes(result) | Changed::No(result)) = change(&mut keys)?;
            return Ok(result);
        };
        let lock = file.lock()?;
        let mut changed = file.read_if_there()?;
        let result = match change(&mut changed)? {
            Changed::Yes(result) => {
                file.write(&changed)?;
                result
            }
            Changed::No(result) => result,
        };
        drop(lock);
        *keys = changed;
        Ok(result)
    }
}

impl Vault for SoftwareStore {
    type Stored = Arc<Key>;

    fn find(&self, name: &KeyName, which: Which) -> Result<Found<Arc<Key>>, KeyError> {
        let keys = self.read();
        keys.get(name).ok_or(KeyError::NoSuchKey(*name))?.find(name, which)
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
    ) -> Result<Imported, KeyError> {
        self.change(|keys| {
            let in_store = keys.values().map(|generations| generations.kept.len()).sum();
            let none = Generations::default();
            let present = keys.get(&name).unwrap_or(&none);
            let step = next_step(name, purpose, (place, &key), present, in_store)?;
            let (generation, going) = match step {
                NextStep::Add(generation, going) => (generation, going),
                NextStep::Nothing(listing) => return Ok(Changed::No(Imported::Same(listing))),
            };
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
            let generations = keys.entry(name).or_default();
            generations.drop_all(&going);
            generations.kept.push(Entry { listing: listing.clone(), key: Arc::new(key) });
            Ok(Changed::Yes(Imported::New(listing)))
        })
    }

    fn forget(&self, name: KeyName, generation: u32) -> Result<(), KeyError> {
        self.change(|keys| {
            let generations = keys.get_mut(&name).ok_or(KeyError::NoSuchKey(name))?;
            let before = generations.kept.len();
            generations.drop_all(&[generation]);
            if generations.kept.len() == before {
                return Err(KeyError::NoSuchGeneration { name, generation });
            }
            Ok(Changed::Yes(()))
        })
    }

    fn listings(&self) -> Result<Vec<KeyListing>, KeyError> {
        let keys = self.read();
        Ok(keys.values().flat_map(Generations::listings).collect())
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
        let keys: usize = self.read().values().map(|generations| generations.kept.len()).sum();
        write!(f, "SoftwareStore({keys} keys)")
    }
}
