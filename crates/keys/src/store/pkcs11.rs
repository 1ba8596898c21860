//! A key store in an HSM, through PKCS#11.
//!
//! Keys are objects on a token with the label `name#generation`. Their `CKA_ID` holds their
//! purpose and other attributes. Exchange, base, token, hand-over code and data keys' keys never
//! leave the token. PIN, MAC and terminal keys leave it only for export, wrapped in the HSM under a
//! key that exists for one call. Operations without a PKCS#11 mechanism run in this process, with
//! keys that the HSM derives by CMAC and that are wiped after use.
//!
//! The data object `name#retired_check_values` holds the check values of dropped generations. A
//! token that does not accept private data objects (`CKO_DATA`) is refused: an attacker could
//! replay a recorded key block and restore an old key.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use cryptoki::object::ObjectHandle;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::error::{KeyError, KeyStoreError};
use crate::key::Key;
use crate::name::KeyName;
use crate::purpose::KeyPurpose;
use crate::store::generations::{AddDecision, KeyGeneration, KeyGenerations, decide_add};
use crate::store::key_storage::{AddMode, GenerationSelector, KeyStorage, NewKey, StoredKey};
use crate::store::purposes::is_exportable;
use crate::store::{ImportOutcome, KeyListing};
use crate::tr31::KeyBlockError;

mod add_generation;
mod key_wrap;
mod object;
mod token;
mod token_key;

use add_generation::TokenChanges;
use object::{CompanionKey, KeyDescription};
use token::Pkcs11Token;
pub use token_key::TokenKey;

/// Keys on a token of an HSM.
///
/// The list of keys is read at the start and by [`crate::KeyStore::reload`].
pub struct Pkcs11Store {
    token: Arc<Pkcs11Token>,
    keys: RwLock<Keys>,
    /// Serialises changes of the token.
    changing: Mutex<()>,
}

type Keys = BTreeMap<KeyName, KeyGenerations<TokenKey>>;

impl Pkcs11Store {
    /// Loads a PKCS#11 module and logs in to the token with this label.
    ///
    /// Fails if the token accepts no data objects: it could not keep the check values of dropped
    /// generations.
    pub fn open(module: &Path, label: &str, pin: SecretString) -> Result<Pkcs11Store, KeyError> {
        let token = Arc::new(Pkcs11Token::open(module, label, pin)?);
        token.in_session(object::CHECKING_DATA_OBJECTS, object::check_data_objects)?;
        let keys = RwLock::new(Keys::new());
        let store = Pkcs11Store { token, keys, changing: Mutex::new(()) };
        store.refresh()?;
        Ok(store)
    }

    fn read_token(&self) -> Result<Keys, KeyError> {
        let objects = self.token.in_session("listing keys", object::list)?;
        let mut keys = Keys::new();
        for found in objects.iter().filter(|found| found.companion.is_none()) {
            let Some(description) = found.description.clone() else {
                let what = "its CKA_ID cannot be read; remove it with the HSM's tools";
                let label = found.label.clone();
                return Err(KeyError::Store(KeyStoreError::UnreadableObject { label, what }));
            };
            let companion = |wanted: CompanionKey| {
                let beside = objects.iter().find(|other| {
                    other.companion == Some(wanted)
                        && (other.name, other.generation) == (found.name, found.generation)
                });
                beside.map(|other| other.object)
            };
            let key = TokenKey {
                token: Arc::clone(&self.token),
                object: found.object,
                left: companion(CompanionKey::LeftHalf),
                masked: companion(CompanionKey::DukptMasked),
                algorithm: description.algorithm,
                check_value: description.check_value,
            };
            let listing = KeyListing {
                name: found.name,
                purpose: description.purpose,
                algorithm: description.algorithm,
                generation: found.generation,
                check_value: description.check_value,
                made_on: description.made_on,
            };
            keys.entry(found.name).or_default().kept.push(KeyGeneration { listing, key });
        }
        for found in self.token.in_session("listing check values", object::list_retired)? {
            if let Some(generations) = keys.get_mut(&found.name) {
                found.check_values.into_iter().for_each(|dropped| generations.retire(dropped));
            }
        }
        for generations in keys.values_mut() {
            generations.sort();
            generations.hide_retired();
        }
        Ok(keys)
    }

    fn generations(&self, name: KeyName) -> KeyGenerations<TokenKey> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(&name).cloned().unwrap_or_default()
    }
}

/// One key name on the token.
struct OnToken<'s> {
    token: &'s Arc<Pkcs11Token>,
    name: KeyName,
    purpose: KeyPurpose,
}

impl OnToken<'_> {
    fn entry(
        &self,
        generation: u32,
        description: &KeyDescription,
        object: ObjectHandle,
        companions: &[(CompanionKey, ObjectHandle)],
    ) -> KeyGeneration<TokenKey> {
        let KeyDescription { purpose, algorithm, check_value, made_on } = *description;
        let companion = |wanted| {
            companions.iter().find(|(companion, _)| *companion == wanted).map(|(_, object)| *object)
        };
        let key = TokenKey {
            token: Arc::clone(self.token),
            object,
            left: companion(CompanionKey::LeftHalf),
            masked: companion(CompanionKey::DukptMasked),
            algorithm,
            check_value,
        };
        let name = self.name;
        let listing = KeyListing { name, purpose, algorithm, generation, check_value, made_on };
        KeyGeneration { listing, key }
    }

    fn generate_inside(
        &self,
        generation: u32,
        algorithm: Algorithm,
    ) -> Result<KeyGeneration<TokenKey>, KeyError> {
        let label = object::label(self.name, generation);
        let purpose = self.purpose;
        let object = self.token.in_session("generating a key", |session| {
            object::generate(session, &label, purpose, algorithm)
        })?;
        let (check_value, made_on) = (CheckValue::new([0; 5]), super::today());
        let mut description = KeyDescription { purpose, algorithm, check_value, made_on };
        let unknown = self.entry(generation, &description, object, &[]);
        description.check_value = unknown.key.compute_check_value()?;
        self.token.in_session("describing a key", |session| {
            object::describe(session, object, &description)
        })?;
        Ok(self.entry(generation, &description, object, &[]))
    }
}

impl TokenChanges for OnToken<'_> {
    type Key = TokenKey;

    fn write_retired(&self, retired: &[CheckValue]) -> Result<(), KeyError> {
        self.token.in_session("storing check values", |session| {
            object::write_retired(session, self.name, retired)
        })
    }

    /// Creates the objects of one generation. The main object comes last: it makes the key visible.
    fn create(&self, generation: u32, key: NewKey) -> Result<KeyGeneration<TokenKey>, KeyError> {
        let (purpose, algorithm) = (self.purpose, key.algorithm());
        let wanted = CompanionKey::required_for(purpose, algorithm);
        let label = object::label(self.name, generation);
        self.token.in_session("removing remains of a key", |session| {
            object::remove_labelled(session, &label)
        })?;
        let key = match key {
            // Generated inside the HSM, so the key never exists outside it.
            NewKey::Random(algorithm) if wanted.is_empty() && algorithm != Algorithm::Des => {
                return self.generate_inside(generation, algorithm);
            }
            NewKey::Random(algorithm) => Key::from_random(algorithm, |bytes| {
                let random =
                    |session: &cryptoki::session::Session| session.generate_random_slice(bytes);
                self.token.in_session_once("generating random numbers", random)
            })?,
            NewKey::Provided(key) => key,
        };
        let (check_value, made_on) = (key.check_value(), super::today());
        let description = KeyDescription { purpose, algorithm, check_value, made_on };
        let mut companions = Vec::new();
        for companion in wanted {
            let bytes = companion.key_bytes(&key);
            let label = companion.label(&label);
            let object = self.token.in_session("creating a key", |session| {
                object::create(session, &label, &description, &bytes)
            })?;
            companions.push((companion, object));
        }
        let bytes = object::token_key_bytes(&key);
        let object = self.token.in_session("creating a key", |session| {
            object::create(session, &label, &description, &bytes)
        })?;
        Ok(self.entry(generation, &description, object, &companions))
    }

    fn remove(&self, generation: u32) -> Result<(), KeyError> {
        let label = object::label(self.name, generation);
        self.token.in_session("removing a key", |session| object::remove_labelled(session, &label))
    }
}

impl KeyStorage for Pkcs11Store {
    type Stored = TokenKey;

    fn find(
        &self,
        name: &KeyName,
        which: GenerationSelector,
    ) -> Result<StoredKey<TokenKey>, KeyError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(name).ok_or(KeyError::NoSuchKey(*name))?.find(name, which)
    }

    fn extract(&self, stored: &TokenKey) -> Result<Key, KeyError> {
        let mut wrapping = Zeroizing::new([0; 32]);
        getrandom::fill(wrapping.as_mut_slice()).map_err(KeyStoreError::NoRandomness)?;
        let wrapped = self.token.in_session("wrapping a key", |session| {
            object::wrap(session, stored.object, wrapping.as_slice())
        })?;
        let bytes = key_wrap::unwrap(&wrapping, &wrapped)
            .ok_or(KeyError::KeyBlock(KeyBlockError::NotExported))?;
        let bytes = bytes.get(..stored.algorithm.key_bytes()).unwrap_or_default();
        Key::new(stored.algorithm, bytes)
    }

    fn add_key(
        &self,
        name: KeyName,
        purpose: KeyPurpose,
        place: AddMode,
        key: NewKey,
    ) -> Result<ImportOutcome, KeyError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh()?;
        let in_store = self.listings()?.len();
        let present = self.generations(name);
        let step = decide_add(name, purpose, (place, &key), &present, in_store)?;
        let (generation, dropped) = match step {
            AddDecision::Add(generation, dropped) => (generation, dropped),
            AddDecision::AlreadyNewest(listing) => return Ok(ImportOutcome::Unchanged(listing)),
        };
        let token = OnToken { token: &self.token, name, purpose };
        let after = add_generation::add_generation(&token, present, key, generation, &dropped)?;
        let made = after.kept.last().map(|made| made.listing.clone());
        // Do not read the token again: a failed read would hide that the key exists.
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(name, after);
        made.map(ImportOutcome::Added).ok_or(KeyError::NoSuchGeneration { name, generation })
    }

    fn retire_generation(&self, name: KeyName, generation: u32) -> Result<(), KeyError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let purpose = self.find(&name, GenerationSelector::Exact(generation))?.purpose;
        let mut left = self.generations(name);
        left.retire_all(&[generation]);
        let token = OnToken { token: &self.token, name, purpose };
        token.write_retired(&left.retired_check_values)?;
        token.remove(generation)?;
        self.refresh()
    }

    fn listings(&self) -> Result<Vec<KeyListing>, KeyError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.values().flat_map(KeyGenerations::listings).collect())
    }

    fn refresh(&self) -> Result<(), KeyError> {
        let keys = self.read_token()?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }
}

impl fmt::Debug for Pkcs11Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Pkcs11Store({} keys)", keys.values().map(|of| of.kept.len()).sum::<usize>())
    }
}

/// Whether the HSM may wrap keys of this purpose, for export or for sign-on.
const fn is_extractable(purpose: KeyPurpose) -> bool {
    is_exportable(purpose)
}
