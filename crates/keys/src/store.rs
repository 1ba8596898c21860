//! Key stores: where keys lie and the only place where PINs and keys are plain.

pub mod pkcs11;
pub mod software;

mod generations;
mod operations;
mod purposes;
mod vault;

use std::fmt;

use crate::check_value::CheckValue;
use crate::component::Component;
use crate::error::KeyError;
use crate::key::Algorithm;
use crate::mac::MacMethod;
use crate::name::KeyName;
use crate::pan::Pan;
use crate::pin::{PinBlock, PinFormat};
use crate::reference::{KeyRef, Purpose};
use crate::tr31::BlockVersion;

/// A store of keys. What can be done with a key depends on what it is for ([`Purpose`]).
///
/// A name has generations, counted from 1. What is made is made with the newest; what is checked
/// or decrypted may be of an older one, until that is dropped.
pub trait KeyStore: Send + Sync {
    /// The MAC of a message. The key is for [`Purpose::Mac`], or a DUKPT terminal's response key.
    fn mac(&self, key: &KeyRef, method: MacMethod, message: &[u8]) -> Result<[u8; 8], KeyError>;

    /// Whether eight bytes are the MAC of a message, in constant time. The key is for
    /// [`Purpose::Mac`], or a DUKPT terminal's request key.
    fn check_mac(
        &self,
        key: &KeyRef,
        method: MacMethod,
        message: &[u8],
        mac: &[u8],
    ) -> Result<bool, KeyError>;

    /// A PIN block under another key, in another format where ISO 9564-1 allows it. `from` may be
    /// a DUKPT terminal's key.
    ///
    /// [`KeyError::PinBlock`] says that the block does not open, and not why.
    fn translate_pin(
        &self,
        from: &KeyRef,
        from_format: PinFormat,
        to: &KeyRef,
        to_format: PinFormat,
        pan: &Pan,
        block: &PinBlock,
    ) -> Result<PinBlock, KeyError>;

    /// The token of a card: the first 64 bits of the CMAC of its digits under an AES key for
    /// [`Purpose::Token`]. Nobody without the key can tell whose card it is, or make it from one.
    fn token(&self, key: &KeyRef, pan: &Pan) -> Result<u64, KeyError>;

    /// A PIN or MAC key of DES or TDES, encrypted block by block (ECB) under a terminal master key
    /// or an exchange key of TDES, with its check value: as terminals and networks take it at
    /// sign-on.
    fn wrap_working_key(&self, key: &KeyRef, under: &KeyRef) -> Result<WrappedKey, KeyError>;

    /// Takes a PIN or MAC key that came as [`WrappedKey`] under an exchange key, as
    /// [`KeyStore::import_block`] does.
    fn import_wrapped(
        &self,
        name: KeyName,
        purpose: Purpose,
        under: &KeyRef,
        wrapped: &WrappedKey,
    ) -> Result<Imported, KeyError>;

    /// The key as a key block under an exchange key: version B under TDES, D under AES. Exchange,
    /// base and token keys are not let out.
    fn export_block(
        &self,
        key: &KeyRef,
        under: &KeyRef,
        version: BlockVersion,
    ) -> Result<String, KeyError>;

    /// Takes a key from a key block whose header allows the purpose. Where the name is there
    /// already, it is the next generation, and only the one before it is kept.
    ///
    /// The same block may come twice, or be recorded and sent again. A key that is the newest
    /// already changes nothing ([`Imported::Same`]); one that the name had before is refused
    /// ([`KeyError::Retired`]), as far back as the store remembers: what is kept, and the check
    /// values of the last 64 that are not.
    fn import_block(
        &self,
        name: KeyName,
        purpose: Purpose,
        under: &KeyRef,
        block: &str,
    ) -> Result<Imported, KeyError>;

    /// Makes a new random key.
    fn generate(
        &self,
        name: KeyName,
        purpose: Purpose,
        algorithm: Algorithm,
    ) -> Result<KeyListing, KeyError>;

    /// Takes a key from its components.
    fn import_components(
        &self,
        name: KeyName,
        purpose: Purpose,
        algorithm: Algorithm,
        components: &[Component],
    ) -> Result<KeyListing, KeyError>;

    /// Makes a new random generation of a key. The older ones still check and decrypt. Keys from
    /// which others are derived, for [`Purpose::Base`] and [`Purpose::Dukpt`], have one generation
    /// ([`KeyError::Base`]).
    fn rotate(&self, name: KeyName) -> Result<KeyListing, KeyError>;

    /// As [`KeyStore::rotate`], and takes the new generation from its components.
    fn rotate_to_components(
        &self,
        name: KeyName,
        components: &[Component],
    ) -> Result<KeyListing, KeyError>;

    /// Forgets an old generation, but for its check value.
    fn drop_generation(&self, name: KeyName, generation: u32) -> Result<(), KeyError>;

    /// All keys, by name, the newest generation first. No key is in it.
    fn list(&self) -> Result<Vec<KeyListing>, KeyError>;

    /// The check value of a key.
    fn check_value(&self, key: &KeyRef) -> Result<CheckValue, KeyError>;

    /// Reads what other processes changed.
    fn reload(&self) -> Result<(), KeyError>;
}

/// What people may see of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyListing {
    /// The name.
    pub name: KeyName,
    /// What it is for.
    pub purpose: Purpose,
    /// Its algorithm and length.
    pub algorithm: Algorithm,
    /// Its generation, counted from 1.
    pub generation: u32,
    /// Its check value.
    pub check_value: CheckValue,
    /// The day on which it came into the store, in UTC.
    pub made_on: jiff::civil::Date,
}

/// What became of a key that came from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Imported {
    /// It is the newest generation from now on.
    New(KeyListing),
    /// It was the newest generation already; nothing was changed.
    Same(KeyListing),
}

impl Imported {
    /// The newest generation.
    #[must_use]
    pub fn listing(self) -> KeyListing {
        match self {
            Imported::New(listing) | Imported::Same(listing) => listing,
        }
    }
}

/// A DES or TDES key, encrypted block by block, with the first four bytes of its check value.
#[derive(Copy, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    encrypted: [u8; 24],
    length: usize,
    check_value: [u8; 4],
}

impl WrappedKey {
    /// What came in a message: 8, 16 or 24 bytes and the check value.
    pub fn new(encrypted: &[u8], check_value: [u8; 4]) -> Result<WrappedKey, KeyError> {
        if !matches!(encrypted.len(), 8 | 16 | 24) {
            return Err(KeyError::KeyBytes(encrypted.len()));
        }
        let mut kept = [0; 24];
        kept[..encrypted.len()].copy_from_slice(encrypted);
        Ok(WrappedKey { encrypted: kept, length: encrypted.len(), check_value })
    }

    /// The encrypted key: 8, 16 or 24 bytes.
    #[must_use]
    pub fn encrypted(&self) -> &[u8] {
        &self.encrypted[..self.length]
    }

    /// The first four bytes of the check value.
    #[must_use]
    pub const fn check_value(&self) -> [u8; 4] {
        self.check_value
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey({} bytes)", self.length)
    }
}

/// The day, in UTC.
fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}
