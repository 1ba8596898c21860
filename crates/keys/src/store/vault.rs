//! What a key store must be able to do; all else is the same for every store.

use crate::check_value::CheckValue;
use crate::cipher::{Cipher, ask_the_variant};
use crate::error::KeyError;
use crate::key::{Algorithm, Key};
use crate::name::KeyName;
use crate::reference::Purpose;
use crate::store::{Imported, KeyListing};

/// Where keys lie.
pub trait Vault: Send + Sync {
    /// A key that lies here, ready to be used.
    type Stored: Cipher;

    /// Finds a key.
    fn find(&self, name: &KeyName, which: Which) -> Result<Found<Self::Stored>, KeyError>;

    /// The key itself, on its way out of the store encrypted.
    fn take_out(&self, stored: &Self::Stored) -> Result<Key, KeyError>;

    /// Puts a key in, as [`next_step`](super::generations::next_step) says.
    fn put(
        &self,
        name: KeyName,
        purpose: Purpose,
        place: Place,
        key: NewKey,
    ) -> Result<Imported, KeyError>;

    /// Forgets a generation that is not the newest, but for its check value.
    fn forget(&self, name: KeyName, generation: u32) -> Result<(), KeyError>;

    /// All keys, by name, the newest generation first.
    fn listings(&self) -> Result<Vec<KeyListing>, KeyError>;

    /// Reads what other processes changed.
    fn refresh(&self) -> Result<(), KeyError>;
}

/// Which generation of a key.
#[derive(Copy, Clone, PartialEq, Eq)]
pub enum Which {
    Newest,
    Exactly(u32),
    /// The newest that is older than this one.
    Before(u32),
}

/// A key that was found.
pub struct Found<S> {
    pub key: S,
    pub purpose: Purpose,
    pub generation: u32,
}

/// Where a new key goes.
#[derive(Copy, Clone, PartialEq, Eq)]
pub enum Place {
    /// To a new name.
    New,
    /// To a name that is there.
    Next,
    /// To a new name, or to one that is there, of which then only the generation before is kept.
    /// It comes from outside, and may come again: a key that the name has or had is not taken.
    NewOrNext,
}

/// Where a new key comes from.
#[expect(clippy::large_enum_variant, reason = "it lives on the stack for one call")]
pub enum NewKey {
    Random(Algorithm),
    Given(Key),
}

impl NewKey {
    pub fn algorithm(&self) -> Algorithm {
        match self {
            NewKey::Random(algorithm) => *algorithm,
            NewKey::Given(key) => key.algorithm(),
        }
    }

    pub fn check_value(&self) -> Option<CheckValue> {
        match self {
            NewKey::Random(_) => None,
            NewKey::Given(key) => Some(key.check_value()),
        }
    }
}

/// A key that lies in a store, or one that exists only now.
#[expect(clippy::large_enum_variant, reason = "it lives on the stack for one call")]
pub enum Usable<S> {
    Stored(S),
    Made(Key),
}

impl<S: Cipher> Cipher for Usable<S> {
    ask_the_variant!(Usable: Stored, Made);

    fn check_value(&self) -> Result<CheckValue, KeyError> {
        match self {
            Usable::Stored(key) => key.check_value(),
            Usable::Made(key) => Ok(key.check_value()),
        }
    }
}
