//! The operations that differ between key stores. [`super::operations`] builds the rest on them.

use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::cipher::{Cipher, delegate_cipher};
use crate::error::KeyError;
use crate::key::Key;
use crate::name::KeyName;
use crate::purpose::KeyPurpose;
use crate::store::{ImportOutcome, KeyListing};

/// Storage of keys.
pub trait KeyStorage: Send + Sync {
    /// A stored key, ready for use.
    type Stored: Cipher;

    fn find(
        &self,
        name: &KeyName,
        which: GenerationSelector,
    ) -> Result<StoredKey<Self::Stored>, KeyError>;

    /// The plain key, for a caller that encrypts it for export.
    fn extract(&self, stored: &Self::Stored) -> Result<Key, KeyError>;

    /// Stores a key as [`next_step`](super::generations::next_step) decides.
    fn add_key(
        &self,
        name: KeyName,
        purpose: KeyPurpose,
        place: AddMode,
        key: NewKey,
    ) -> Result<ImportOutcome, KeyError>;

    /// Deletes a generation that is not the newest. Its check value stays.
    fn retire_generation(&self, name: KeyName, generation: u32) -> Result<(), KeyError>;

    /// All keys by name, newest generation first.
    fn listings(&self) -> Result<Vec<KeyListing>, KeyError>;

    /// Reads the changes of other processes.
    fn refresh(&self) -> Result<(), KeyError>;
}

/// Selects a generation of a key.
#[derive(Copy, Clone, PartialEq, Eq)]
pub enum GenerationSelector {
    Newest,
    Exact(u32),
    /// The newest that is older than this generation.
    OlderThan(u32),
}

pub struct StoredKey<S> {
    pub key: S,
    pub purpose: KeyPurpose,
    pub generation: u32,
}

/// Whether a new key may or must have an existing name.
#[derive(Copy, Clone, PartialEq, Eq)]
pub enum AddMode {
    /// The name must be new.
    NewName,
    /// The name must exist.
    NextGeneration,
    /// For imported keys: the name may exist. Then one older generation is kept, and a key that the
    /// name has or had is not stored again.
    NewNameOrNextGeneration,
}

/// A key to store.
#[expect(clippy::large_enum_variant, reason = "it lives on the stack for one call")]
pub enum NewKey {
    Random(Algorithm),
    Provided(Key),
}

impl NewKey {
    pub fn algorithm(&self) -> Algorithm {
        match self {
            NewKey::Random(algorithm) => *algorithm,
            NewKey::Provided(key) => key.algorithm(),
        }
    }

    pub fn check_value(&self) -> Option<CheckValue> {
        match self {
            NewKey::Random(_) => None,
            NewKey::Provided(key) => Some(key.check_value()),
        }
    }
}

/// A stored key, or a key derived for one operation.
#[expect(clippy::large_enum_variant, reason = "it lives on the stack for one call")]
pub enum UsableKey<S> {
    Stored(S),
    Derived(Key),
}

impl<S: Cipher> Cipher for UsableKey<S> {
    delegate_cipher!(UsableKey: Stored, Derived);

    fn check_value(&self) -> Result<CheckValue, KeyError> {
        match self {
            UsableKey::Stored(key) => key.check_value(),
            UsableKey::Derived(key) => Ok(key.check_value()),
        }
    }
}
