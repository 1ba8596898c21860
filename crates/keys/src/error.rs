//! Errors. None of them contains any part of a key, a PIN or a card number.

use std::path::PathBuf;

use crate::algorithm::Algorithm;
use crate::mac_method::MacMethod;
use crate::name::KeyName;
use crate::pin_format::PinFormat;
use crate::purpose::KeyPurpose;
use crate::tr31::kinds::KeyBlockError;

/// Why an operation with a key failed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("a key name has 1 to 64 characters of a-z, 0-9, `/`, `.` and `-`")]
    InvalidName,
    #[error("there is no key `{0}` in the store; make or import it with `doorstep keys`")]
    NoSuchKey(KeyName),
    #[error("the key `{name}` has no generation {generation}")]
    NoSuchGeneration { name: KeyName, generation: u32 },
    #[error("the key `{0}` already exists; rotate it, or use another name")]
    NameTaken(KeyName),
    #[error("the key `{0}` has the maximum number of generations; drop the oldest")]
    TooManyGenerations(KeyName),
    /// The newest generation is in use and cannot be dropped.
    #[error("generation {generation} of `{name}` is the newest; rotate the key first")]
    NewestGeneration { name: KeyName, generation: u32 },
    /// An imported key equals an older generation of this name.
    #[error(
        "this key is an older generation of `{0}`, which was replaced; the sender must make a \
        new key"
    )]
    RetiredKey(KeyName),
    /// Other keys are derived from this key. A new generation would lock out their holders.
    #[error("keys of terminals are derived from `{name}`, and a new generation would lock out all \
        of them; {}", instead(.purpose))]
    BaseKeyNotRotatable {
        name: KeyName,
        /// [`KeyPurpose::Base`] or [`KeyPurpose::Dukpt`].
        purpose: KeyPurpose,
    },
    #[error("a key for {} cannot be used for {wanted}", .purpose.name())]
    WrongPurpose {
        /// The key's own purpose.
        purpose: KeyPurpose,
        wanted: &'static str,
    },
    #[error("keys for {} are stored, not derived", .0.name())]
    NotDerivable(KeyPurpose),
    #[error(
        "a key for {} cannot be {}; leave --algorithm out, or see `doorstep keys make --help`",
        .purpose.name(),
        .algorithm.name()
    )]
    WrongAlgorithm { purpose: KeyPurpose, algorithm: Algorithm },
    #[error("a {} MAC needs {}, the key is {}", .method.name(), .method.needs(), .algorithm.name())]
    WrongMacKey { method: MacMethod, algorithm: Algorithm },
    #[error("PIN blocks of ISO format {} need {}, the key is {}",
        .format.number(), .format.needs(), .algorithm.name())]
    WrongPinKey { format: PinFormat, algorithm: Algorithm },
    /// The PIN block cannot be decrypted. The error does not say whether the key, the card number,
    /// the format or the PIN is wrong: repeated calls would reveal the PIN.
    #[error("the PIN block does not match the key, the card or the format")]
    UnreadablePinBlock,
    #[error("PIN blocks of ISO format {} are not translated into format {}: ISO 9564-1 forbids it",
        .from.number(), .to.number())]
    ForbiddenTranslation { from: PinFormat, to: PinFormat },
    #[error("a PIN has 4 to 12 digits")]
    InvalidPin,
    #[error("a key cannot have {0} bytes: DES has 8, TDES 16 or 24, AES 16, 24 or 32")]
    InvalidKeyLength(usize),
    #[error("the key is weak (all zeros, a weak DES key, or equal parts); make another")]
    WeakKey,
    #[error("a key is imported as 2 to 9 components, one for each custodian; there are {0}")]
    WrongComponentCount(usize),
    #[error("component {number}: the check value does not match; type the component again")]
    WrongComponentCheckValue {
        /// Counted from 1.
        number: usize,
    },
    #[error("component {number}: write {bytes} bytes as hex digits, a space and the check value")]
    MalformedComponent {
        /// Counted from 1.
        number: usize,
        /// Length of a component of this key.
        bytes: usize,
    },
    #[error("the key has the check value {found}, not the expected one")]
    WrongCheckValue { found: crate::check_value::CheckValue },
    #[error("a check value has 4, 6, 8 or 10 hex digits")]
    MalformedCheckValue,
    #[error("no terminal can have the counter of this key serial number")]
    InvalidSerialCounter,
    #[error("the key serial number is for {needs}, the base key is {}", .algorithm.name())]
    WrongSerialKind {
        needs: &'static str,
        /// Of the base key.
        algorithm: Algorithm,
    },
    /// The DUKPT counter of a terminal reached its end.
    #[error("the terminal has used all its keys; load a new initial key")]
    KeysExhausted,
    #[error("the working keys do not match their check values; check the terminal master key")]
    WrongSignOnField,
    #[error("the session of a terminal with TDES keys has no key for card data")]
    NoCardDataKey,
    /// The card data cannot be opened. The error does not say why.
    #[error("the card data does not match the session's key; the terminal must sign on again")]
    WrongCardData,
    #[error(
        "the wrapped data key does not fit the key that wrapped it: it was changed, or is of \
         another key store"
    )]
    WrongWrappedDataKey,
    #[error(transparent)]
    KeyBlock(#[from] KeyBlockError),
    #[error(transparent)]
    Store(#[from] KeyStoreError),
}

/// What to do instead of a rotation.
const fn instead(purpose: &KeyPurpose) -> &'static str {
    match purpose {
        KeyPurpose::Base => {
            "their working keys change at each sign-on; to change the base, make a key with \
             another name and load new keys into the terminals"
        }
        _ => "make a key with another name and load new initial keys into the terminals",
    }
}

/// Why a key store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    #[error("the operating system returns no random numbers: {0}")]
    NoRandomness(getrandom::Error),
    #[error("{}: {what}: {source}", .path.display())]
    File { path: PathBuf, what: &'static str, source: std::io::Error },
    /// The file is not a key store of a version that this program reads.
    #[error("{}: {what}", .path.display())]
    MalformedFile { path: PathBuf, what: String },
    #[error("{}: the keys are encrypted under the master key with the check value {wanted}, the \
        given one has {found}; give the right master key", .path.display())]
    WrongMasterKey {
        path: PathBuf,
        /// Check value from the file.
        wanted: String,
        /// Check value of the given master key.
        found: String,
    },
    #[error("{}: the entry of `{name}`, generation {generation}, is damaged or was changed; \
        restore the file from a backup", .path.display())]
    DamagedEntry { path: PathBuf, name: String, generation: u32 },
    #[error("the store is full: it has {0} keys; drop old generations")]
    Full(usize),
    #[error("PKCS#11: {what}: {source}")]
    Pkcs11Module {
        /// The operation that failed.
        what: &'static str,
        source: Box<cryptoki::error::Error>,
    },
    #[error("PKCS#11: there is no token with the label `{wanted}`; there are: {found}")]
    NoSuchToken { wanted: String, found: String },
    /// The HSM reported an error, but the new key may exist and could not be removed.
    #[error(
        "PKCS#11 token: generation {generation} of a key may exist although its creation failed \
         ({source}); check with the HSM's tools and remove it before the next start: it would \
         count as the newest"
    )]
    NewKeyUncertain { generation: u32, source: Box<KeyError> },
    #[error("PKCS#11 token: the object `{label}` was not written by Doorstep: {what}")]
    UnreadableObject { label: String, what: &'static str },
}

/// Why no master key could be loaded.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error("there is no master key; give --master-key-file FILE, or set DOORSTEP_MASTER_KEY")]
    Missing,
    /// Holds the source: a path or the name of an environment variable.
    #[error(
        "{0}: a master key is 64 hex digits (32 bytes), for example from `openssl rand -hex 32`"
    )]
    Malformed(String),
    #[error("{}: other users can read this master key; run `chmod 600` on the file", .0.display())]
    ReadableByOthers(PathBuf),
    #[error(
        "{0}: cannot be read: {source}; make a master key with `openssl rand -hex 32 > {0}` and \
         `chmod 600 {0}`, or correct the path", .path.display()
    )]
    File { path: PathBuf, source: std::io::Error },
}
