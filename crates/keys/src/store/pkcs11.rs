//! A key store in an HSM, by PKCS#11.
//!
//! Keys are objects on a token, found by their label `name#generation`; what they are for is in
//! their `CKA_ID`. Exchange, base and token keys never leave the token. PIN, MAC and terminal
//! keys leave it only to be sent on, wrapped in the HSM under a key that lives as long as the
//! call. What the HSM has no mechanism for is done here with keys that are derived in it by CMAC,
//! and wiped. Of generations that are gone a data object `name#retired` has the check values: a
//! token that takes no private data objects (`CKO_DATA`) cannot be used, because a recorded key
//! block would bring an old key back.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use cryptoki::object::ObjectHandle;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::check_value::CheckValue;
use crate::error::{KeyError, StoreError};
use crate::key::{Algorithm, Key};
use crate::name::KeyName;
use crate::reference::Purpose;
use crate::store::generations::{Entry, Generations, NextStep, next_step};
use crate::store::purposes::is_exportable;
use crate::store::vault::{Found, NewKey, Place, Vault, Which};
use crate::store::{Imported, KeyListing};
use crate::tr31::BlockError;

mod change;
mod key_wrap;
mod object;
mod token;
mod token_key;

use change::Steps;
use object::{Companion, Description};
use token::Token;
pub use token_key::TokenKey;

/// Keys on a token of an HSM.
///
/// Which keys are there is read once and with [`crate::KeyStore::reload`].
pub struct Pkcs11Store {
    token: Arc<Token>,
    keys: RwLock<Keys>,
    /// One at a time changes what is on the token.
    changing: Mutex<()>,
}

type Keys = BTreeMap<KeyName, Generations<TokenKey>>;

impl Pkcs11Store {
    /// Loads a PKCS#11 module and logs in to the token of a label.
    ///
    /// # Errors
    /// Where that fails, or the token takes no data objects: then it cannot remember old keys.
    pub fn open(module: &Path, label: &str, pin: SecretString) -> Result<Pkcs11Store, KeyError> {
        let token = Arc::new(Token::open(module, label, pin)?);
        token.with(object::TRYING_DATA_OBJECTS, object::try_retired)?;
        let keys = RwLock::new(Keys::new());
        let store = Pkcs11Store { token, keys, changing: Mutex::new(()) };
        store.refresh()?;
        Ok(store)
    }

    fn read_token(&self) -> Result<Keys, KeyError> {
        let objects = self.token.with("listing keys", object::list)?;
        let mut keys = Keys::new();
        for found in objects.iter().filter(|found| found.companion.is_none()) {
            let Some(description) = found.description.clone() else {
                let what = "its CKA_ID cannot be read; remove it with the HSM's tools";
                let label = found.label.clone();
                return Err(KeyError::Store(StoreError::Object { label, what }));
            };
            let companion = |wanted: Companion| {
                let beside = objects.iter().find(|other| {
                    other.companion == Some(wanted)
                        && (other.name, other.generation) == (found.name, found.generation)
                });
                beside.map(|other| other.object)
            };
            let key = TokenKey {
                token: Arc::clone(&self.token),
                object: found.object,
                left: companion(Companion::Left),
                masked: companion(Companion::Masked),
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
            keys.entry(found.name).or_default().kept.push(Entry { listing, key });
        }
        for found in self.token.with("listing check values", object::list_retired)? {
            if let Some(generations) = keys.get_mut(&found.name) {
                found.check_values.into_iter().for_each(|gone| generations.retire(gone));
            }
        }
        for generations in keys.values_mut() {
            generations.sort();
            generations.leave_out_retired();
        }
        Ok(keys)
    }

    fn generations(&self, name: KeyName) -> Generations<TokenKey> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(&name).cloned().unwrap_or_default()
    }
}

/// A name on the token.
struct OnToken<'s> {
    token: &'s Arc<Token>,
    name: KeyName,
    purpose: Purpose,
}

impl OnToken<'_> {
    fn entry(
        &self,
        generation: u32,
        description: &Description,
        object: ObjectHandle,
        companions: &[(Companion, ObjectHandle)],
    ) -> Entry<TokenKey> {
        let Description { purpose, algorithm, check_value, made_on } = *description;
        let companion = |wanted| {
            companions.iter().find(|(companion, _)| *companion == wanted).map(|(_, object)| *object)
        };
        let key = TokenKey {
            token: Arc::clone(self.token),
            object,
            left: companion(Companion::Left),
            masked: companion(Companion::Masked),
            algorithm,
            check_value,
        };
        let name = self.name;
        let listing = KeyListing { name, purpose, algorithm, generation, check_value, made_on };
        Entry { listing, key }
    }

    fn generate_inside(
        &self,
        generation: u32,
        algorithm: Algorithm,
    ) -> Result<Entry<TokenKey>, KeyError> {
        let label = object::label(self.name, generation);
        let purpose = self.purpose;
        let object = self.token.with("generating a key", |session| {
            object::generate(session, &label, purpose, algorithm)
        })?;
        let (check_value, made_on) = (CheckValue::new([0; 5]), super::today());
        let mut description = Description { purpose, algorithm, check_value, made_on };
        let unknown = self.entry(generation, &description, object, &[]);
        description.check_value = unknown.key.compute_check_value()?;
        self.token
            .with("describing a key", |session| object::describe(session, object, &description))?;
        Ok(self.entry(generation, &description, object, &[]))
    }
}

impl Steps for OnToken<'_> {
    type Key = TokenKey;

    fn remember(&self, retired: &[CheckValue]) -> Result<(), KeyError> {
        self.token.with("writing check values down", |session| {
            object::write_retired(session, self.name, retired)
        })
    }

    /// Puts the objects of one generation on the token, the one that makes it visible last.
    fn create(&self, generation: u32, key: NewKey) -> Result<Entry<TokenKey>, KeyError> {
        let (purpose, algorithm) = (self.purpose, key.algorithm());
        let wanted = Companion::of(purpose, algorithm);
        let label = object::label(self.name, generation);
        self.token.with("removing what was left of a key", |session| {
            object::remove_labelled(session, &label)
        })?;
        let key = match key {
            // Made where it stays: nobody outside the HSM ever sees it.
            NewKey::Random(algorithm) if wanted.is_empty() && algorithm != Algorithm::Des => {
                return self.generate_inside(generation, algorithm);
            }
            NewKey::Random(algorithm) => Key::from_random(algorithm, |bytes| {
                let random =
                    |session: &cryptoki::session::Session| session.generate_random_slice(bytes);
                self.token.once("drawing random numbers", random)
            })?,
            NewKey::Given(key) => key,
        };
        let (check_value, made_on) = (key.check_value(), super::today());
        let description = Description { purpose, algorithm, check_value, made_on };
        let mut companions = Vec::new();
        for companion in wanted {
            let bytes = companion.bytes(&key);
            let label = companion.label(&label);
            let object = self.token.with("creating a key", |session| {
                object::create(session, &label, &description, &bytes)
            })?;
            companions.push((companion, object));
        }
        let bytes = object::on_token(&key);
        let object = self.token.with("creating a key", |session| {
            object::create(session, &label, &description, &bytes)
        })?;
        Ok(self.entry(generation, &description, object, &companions))
    }

    fn remove(&self, generation: u32) -> Result<(), KeyError> {
        let label = object::label(self.name, generation);
        self.token.with("removing a key", |session| object::remove_labelled(session, &label))
    }
}

impl Vault for Pkcs11Store {
    type Stored = TokenKey;

    fn find(&self, name: &KeyName, which: Which) -> Result<Found<TokenKey>, KeyError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(name).ok_or(KeyError::NoSuchKey(*name))?.find(name, which)
    }

    fn take_out(&self, stored: &TokenKey) -> Result<Key, KeyError> {
        let mut wrapping = Zeroizing::new([0; 32]);
        getrandom::fill(wrapping.as_mut_slice()).map_err(StoreError::Random)?;
        let wrapped = self.token.with("wrapping a key", |session| {
            object::wrap(session, stored.object, wrapping.as_slice())
        })?;
        let bytes = key_wrap::unwrap(&wrapping, &wrapped)
            .ok_or(KeyError::Block(BlockError::NotExported))?;
        let bytes = bytes.get(..stored.algorithm.key_bytes()).unwrap_or_default();
        Key::new(stored.algorithm, bytes)
    }

    fn put(
        &self,
        name: KeyName,
        purpose: Purpose,
        place: Place,
        key: NewKey,
    ) -> Result<Imported, KeyError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh()?;
        let in_store = self.listings()?.len();
        let present = self.generations(name);
        let step = next_step(name, purpose, (place, &key), &present, in_store)?;
        let (generation, going) = match step {
            NextStep::Add(generation, going) => (generation, going),
            NextStep::Nothing(listing) => return Ok(Imported::Same(listing)),
        };
        let token = OnToken { token: &self.token, name, purpose };
        let after = change::add(&token, present, key, generation, &going)?;
        let made = after.kept.last().map(|made| made.listing.clone());
        // The token is not asked again: an answer that failed would hide that the key is there.
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(name, after);
        made.map(Imported::New).ok_or(KeyError::NoSuchGeneration { name, generation })
    }

    fn forget(&self, name: KeyName, generation: u32) -> Result<(), KeyError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let purpose = self.find(&name, Which::Exactly(generation))?.purpose;
        let mut left = self.generations(name);
        left.drop_all(&[generation]);
        let token = OnToken { token: &self.token, name, purpose };
        token.remember(&left.retired)?;
        token.remove(generation)?;
        self.refresh()
    }

    fn listings(&self) -> Result<Vec<KeyListing>, KeyError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.values().flat_map(Generations::listings).collect())
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

/// Whether keys of the purpose may be wrapped by the HSM: to be exported, or sent at sign-on.
const fn may_leave(purpose: Purpose) -> bool {
    is_exportable(purpose)
}
