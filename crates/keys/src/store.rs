//! Key stores: they keep keys, and only they handle plain PINs and keys.

pub mod pkcs11;
pub mod software;

mod generations;
mod key_storage;
mod operations;
mod purposes;

use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::component::Component;
use crate::data_key::{DATA_KEY_BYTES, WrappedDataKey};
use crate::error::KeyError;
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

    /// Computes the MACs of messages, as [`KeyStore::mac`] does each. X9.19 costs a fraction for
    /// many together.
    fn macs(
        &self,
        key: &KeyReference,
        method: MacMethod,
        messages: &[&[u8]],
    ) -> Result<Vec<[u8; 8]>, KeyError>;

    /// Whether `mac`, eight bytes, is the MAC of the message, in constant time. The key has
    /// [`KeyPurpose::Mac`], or is a DUKPT terminal's request key.
    fn check_mac(
        &self,
        key: &KeyReference,
        method: MacMethod,
        message: &[u8],
        mac: &[u8],
    ) -> Result<bool, KeyError>;

    /// Whether each MAC is its message's under the newest generation, as [`KeyStore::check_mac`].
    fn check_macs(
        &self,
        key: &KeyReference,
        method: MacMethod,
        messages: &[(&[u8], [u8; 8])],
    ) -> Result<Vec<bool>, KeyError>;

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

    /// Translates the PIN block of a session ([`SessionKeys::pin_format`]) to another key, and to
    /// another format if ISO 9564-1 allows it.
    ///
    /// Fails with [`KeyError::UnreadablePinBlock`] if the block cannot be decrypted, without a
    /// reason.
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

/// Today, UTC.
fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}
