//! Key stores: they keep keys, and only they handle plain PINs and keys.

pub mod pkcs11;
pub mod software;

mod generations;
mod key_storage;
mod operations;
mod purposes;

use std::fmt;

use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::cipher::Cipher;
use crate::component::Component;
use crate::data_key::{DATA_KEY_BYTES, WrappedDataKey};
use crate::error::KeyError;
use crate::key::Key;
use crate::key_reference::KeyReference;
use crate::mac::MacMethod;
use crate::name::KeyName;
use crate::pan::Pan;
use crate::pin::{PinBlock, PinFormat};
use crate::purpose::KeyPurpose;
use crate::session::{SessionKeys, SessionRandom, SignOnRequest};
use crate::sign_on::SIGN_ON_FIELD_BYTES;
use crate::tr31::KeyBlockVersion;

/// A store of keys. The [`KeyPurpose`] of a key decides which operations may use it.
///
/// A name has generations, counted from 1. Encryption and new MACs use the newest. Decryption and
/// MAC checks try all generations until one matches.
pub trait KeyStore: Send + Sync {
    /// Computes a MAC. The key has [`KeyPurpose::Mac`], or is a DUKPT terminal's response key.
    fn mac(
        &self,
        key: &KeyReference,
        method: MacMethod,
        message: &[u8],
    ) -> Result<[u8; 8], KeyError>;

    /// Whether `mac`, eight bytes, is the MAC of the message, in constant time. The key has
    /// [`KeyPurpose::Mac`], or is a DUKPT terminal's request key.
    fn check_mac(
        &self,
        key: &KeyReference,
        method: MacMethod,
        message: &[u8],
        mac: &[u8],
    ) -> Result<bool, KeyError>;

    /// Translates a PIN block to another key, and to another format if ISO 9564-1 allows it. `from`
    /// may be a DUKPT terminal's key.
    ///
    /// Fails with [`KeyError::UnreadablePinBlock`] if the block cannot be decrypted, without a
    /// reason.
    fn translate_pin(
        &self,
        from: &KeyReference,
        from_format: PinFormat,
        to: &KeyReference,
        to_format: PinFormat,
        pan: &Pan,
        block: &PinBlock,
    ) -> Result<PinBlock, KeyError>;

    /// Opens a terminal's session, if the MAC of its sign-on is right: the host's keys of the
    /// session and the random value for the answer. The key has [`KeyPurpose::TerminalLink`].
    fn open_session(
        &self,
        link_key: &KeyReference,
        request: &SignOnRequest<'_>,
    ) -> Result<Option<(SessionKeys, SessionRandom)>, KeyError>;

    /// Makes random working keys for a session of a UnionPay terminal, and encrypts them for its
    /// sign-on ([`crate::sign_on`]) under its TDES key of [`KeyPurpose::TerminalMaster`]. The MAC
    /// key has 16 bytes for [`MacMethod::X9_19`], otherwise 8.
    fn issue_session(
        &self,
        terminal_master: &KeyReference,
        method: MacMethod,
    ) -> Result<(SessionKeys, [u8; SIGN_ON_FIELD_BYTES]), KeyError>;

    /// Translates the PIN block of a session ([`SessionKeys::pin_format`]) to another key and
    /// format, by the rules of [`KeyStore::translate_pin`].
    fn translate_session_pin(
        &self,
        from: &SessionKeys,
        to: &KeyReference,
        to_format: PinFormat,
        pan: &Pan,
        block: &PinBlock,
    ) -> Result<PinBlock, KeyError>;

    /// The token of a card: the first 64 bits of the CMAC of its digits under an AES key of
    /// [`KeyPurpose::Token`]. Without the key, nobody can compute a token or find its card.
    fn token(&self, key: &KeyReference, pan: &Pan) -> Result<u64, KeyError>;

    /// The MAC of a hand-over's one-time code: the CMAC of the hand-over id (eight bytes) and the
    /// code (four bytes), both big-endian, under an AES key of [`KeyPurpose::HandOverCode`].
    /// Without the key, nobody finds the code of a MAC by trying all codes.
    ///
    /// The code of an open hand-over no longer fits after the key is rotated, unless the key is
    /// named with its generation ([`KeyReference::Generation`]).
    fn code_mac(&self, key: &KeyReference, hand_over: u64, code: u32)
    -> Result<[u8; 16], KeyError>;

    /// Wraps a data key (AES key wrap, RFC 3394) under a key of [`KeyPurpose::DataKeys`], which
    /// never leaves the store.
    fn wrap_data_key(
        &self,
        under: &KeyReference,
        data_key: &[u8; DATA_KEY_BYTES],
    ) -> Result<WrappedDataKey, KeyError>;

    /// Unwraps a data key, with any generation of the key that is kept.
    ///
    /// Fails with [`KeyError::WrongWrappedDataKey`] if no generation fits, or a byte was changed.
    fn unwrap_data_key(
        &self,
        under: &KeyReference,
        wrapped: &WrappedDataKey,
    ) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, KeyError>;

    /// Encrypts a DES or TDES key for PINs or MACs in ECB mode, under a TDES terminal master key or
    /// exchange key, as terminals and networks expect it at sign-on.
    fn wrap_working_key(
        &self,
        key: &KeyReference,
        under: &KeyReference,
    ) -> Result<WrappedKey, KeyError>;

    /// Imports a PIN or MAC key that was encrypted under an exchange key. Follows the rules of
    /// [`KeyStore::import_block`].
    fn import_wrapped(
        &self,
        name: KeyName,
        purpose: KeyPurpose,
        under: &KeyReference,
        wrapped: &WrappedKey,
    ) -> Result<ImportOutcome, KeyError>;

    /// Writes the key as a key block under an exchange key: version B under TDES, D under AES.
    /// Exchange, base, token, hand-over code and data keys' keys cannot be exported.
    fn export_block(
        &self,
        key: &KeyReference,
        under: &KeyReference,
        version: KeyBlockVersion,
    ) -> Result<String, KeyError>;

    /// Imports a key from a key block whose header allows the purpose. If the name exists, the key
    /// becomes the next generation, and only one older generation is kept.
    ///
    /// A sender may repeat a block, and an attacker may replay a recorded one. The newest key
    /// changes nothing ([`ImportOutcome::Unchanged`]). An older key of this name is refused
    /// ([`KeyError::RetiredKey`]). The store recognises the generations it keeps, and the 64 latest
    /// dropped ones by their check values.
    fn import_block(
        &self,
        name: KeyName,
        purpose: KeyPurpose,
        under: &KeyReference,
        block: &str,
    ) -> Result<ImportOutcome, KeyError>;

    /// Creates a random key under a new name.
    fn generate(
        &self,
        name: KeyName,
        purpose: KeyPurpose,
        algorithm: Algorithm,
    ) -> Result<KeyListing, KeyError>;

    /// Imports a key under a new name from its components.
    fn import_components(
        &self,
        name: KeyName,
        purpose: KeyPurpose,
        algorithm: Algorithm,
        components: &[Component],
    ) -> Result<KeyListing, KeyError>;

    /// Creates a new random generation of a key. Older generations still check MACs and decrypt.
    /// Keys of [`KeyPurpose::Base`] and [`KeyPurpose::Dukpt`] cannot be rotated
    /// ([`KeyError::BaseKeyNotRotatable`]).
    fn rotate(&self, name: KeyName) -> Result<KeyListing, KeyError>;

    /// Like [`KeyStore::rotate`], with the new generation from its components.
    fn rotate_to_components(
        &self,
        name: KeyName,
        components: &[Component],
    ) -> Result<KeyListing, KeyError>;

    /// Deletes an old generation. Its check value stays.
    fn drop_generation(&self, name: KeyName, generation: u32) -> Result<(), KeyError>;

    /// All keys by name, newest generation first, without key material.
    fn list(&self) -> Result<Vec<KeyListing>, KeyError>;

    fn check_value(&self, key: &KeyReference) -> Result<CheckValue, KeyError>;

    /// Reads the changes of other processes.
    fn reload(&self) -> Result<(), KeyError>;
}

/// The public attributes of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyListing {
    pub name: KeyName,
    pub purpose: KeyPurpose,
    pub algorithm: Algorithm,
    /// Counted from 1.
    pub generation: u32,
    pub check_value: CheckValue,
    /// Day of creation or import, UTC.
    pub made_on: jiff::civil::Date,
}

/// Outcome of the import of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImportOutcome {
    /// The key is now the newest generation.
    Added(KeyListing),
    /// The key already was the newest generation. Nothing changed.
    Unchanged(KeyListing),
}

impl ImportOutcome {
    #[must_use]
    pub fn listing(self) -> KeyListing {
        match self {
            ImportOutcome::Added(listing) | ImportOutcome::Unchanged(listing) => listing,
        }
    }
}

/// A DES or TDES key, encrypted in ECB mode, with the first four bytes of its check value.
#[derive(Copy, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    encrypted: [u8; 24],
    length: usize,
    check_value: [u8; 4],
}

impl WrappedKey {
    /// Takes 8, 16 or 24 bytes and the check value from a message.
    pub fn new(encrypted: &[u8], check_value: [u8; 4]) -> Result<WrappedKey, KeyError> {
        if !matches!(encrypted.len(), 8 | 16 | 24) {
            return Err(KeyError::InvalidKeyLength(encrypted.len()));
        }
        let mut kept = [0; 24];
        kept[..encrypted.len()].copy_from_slice(encrypted);
        Ok(WrappedKey { encrypted: kept, length: encrypted.len(), check_value })
    }

    /// Encrypts a DES or TDES key under a TDES key.
    pub(crate) fn of(key: &Key, under: &impl Cipher) -> Result<WrappedKey, KeyError> {
        let mut bytes = Zeroizing::new(key.expose().to_vec());
        under.encrypt(&mut bytes)?;
        WrappedKey::new(&bytes, key.check_value().four_bytes())
    }

    /// 8, 16 or 24 bytes.
    #[must_use]
    pub fn encrypted(&self) -> &[u8] {
        &self.encrypted[..self.length]
    }

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

/// Today, UTC.
fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}
