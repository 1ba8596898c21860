//! What can go wrong with keys. No error says anything of a key, a PIN or a card.

use std::path::PathBuf;

use crate::key::Algorithm;
use crate::mac::MacMethod;
use crate::name::KeyName;
use crate::pin::PinFormat;
use crate::reference::Purpose;
use crate::tr31::BlockError;

/// Why something could not be done with a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A name that no key can have.
    #[error("a key's name is 1 to 64 of a-z, 0-9, `/`, `.` and `-`")]
    Name,
    /// The store has no key of that name.
    #[error("there is no key `{0}` in the store; make or import it (`doorstep keys`)")]
    NoSuchKey(KeyName),
    /// The store has the key, but not in that generation.
    #[error("the key `{name}` has no generation {generation}")]
    NoSuchGeneration {
        /// The key.
        name: KeyName,
        /// The generation that was asked for.
        generation: u32,
    },
    /// A key of that name is there already.
    #[error("there is a key `{0}` already; rotate it, or take another name")]
    Exists(KeyName),
    /// As many generations as a key can have are kept.
    #[error("as many generations of `{0}` are kept as can be; drop the oldest")]
    Generations(KeyName),
    /// The newest generation is in use and cannot be dropped.
    #[error("generation {generation} of `{name}` is the newest; rotate the key first")]
    Newest {
        /// The key.
        name: KeyName,
        /// The newest generation.
        generation: u32,
    },
    /// A key that came from outside was one of this name before, and was replaced.
    #[error("this key was `{0}` before and was replaced; the other side must make a new one")]
    Retired(KeyName),
    /// Other keys are derived from the key, and whoever has them would be locked out by a new one.
    #[error("keys of terminals are derived from `{name}`, and a new generation would lock them \
        all out; {}", instead(.purpose))]
    Base {
        /// The key.
        name: KeyName,
        /// What it is for: base or DUKPT.
        purpose: Purpose,
    },
    /// The key is for something else.
    #[error("a key for {} cannot be used for {wanted}", .purpose.name())]
    Purpose {
        /// What the key is for.
        purpose: Purpose,
        /// What it was to be used for.
        wanted: &'static str,
    },
    /// Keys for that cannot be derived.
    #[error("keys for {} are stored, not derived", .0.name())]
    NotDerivable(Purpose),
    /// Keys for that do not have that algorithm.
    #[error("a key for {} cannot be {}", .purpose.name(), .algorithm.name())]
    Algorithm {
        /// What the key is for.
        purpose: Purpose,
        /// The algorithm that does not go with it.
        algorithm: Algorithm,
    },
    /// The MAC needs another kind of key.
    #[error("a {} MAC needs {}, the key is {}", .method.name(), .method.needs(), .algorithm.name())]
    MacKey {
        /// The method.
        method: MacMethod,
        /// The key's algorithm.
        algorithm: Algorithm,
    },
    /// The PIN block needs another kind of key.
    #[error("PIN blocks of ISO format {} need {}, the key is {}",
        .format.number(), .format.needs(), .algorithm.name())]
    PinKey {
        /// The format of the PIN block.
        format: PinFormat,
        /// The key's algorithm.
        algorithm: Algorithm,
    },
    /// The PIN block could not be opened. Which of key, card number, format or PIN does not fit is
    /// not said: whoever can ask would learn the PIN by asking often.
    #[error("the PIN block does not fit the key, the card or the format")]
    PinBlock,
    /// ISO 9564-1 does not allow that translation.
    #[error("PIN blocks of ISO format {} are not translated into format {}: ISO 9564-1 forbids it",
        .from.number(), .to.number())]
    Translation {
        /// The format of the block.
        from: PinFormat,
        /// The format that was wanted.
        to: PinFormat,
    },
    /// A PIN has 4 to 12 digits.
    #[error("a PIN has 4 to 12 digits")]
    Pin,
    /// A key of that many bytes does not exist.
    #[error("{0} bytes are not the length of a key: DES 8, TDES 16 or 24, AES 16, 24 or 32")]
    KeyBytes(usize),
    /// The key is one of the weak ones, or its halves are equal.
    #[error("the key is weak (all zeros, a weak DES key, or equal parts); make another")]
    Weak,
    /// Fewer than two components.
    #[error("a key is imported as 2 to 9 components, one for each custodian; there are {0}")]
    Components(usize),
    /// A component's own check value does not fit.
    #[error("component {number}: the check value does not fit; type the component again")]
    ComponentCheck {
        /// Which one, counted from 1.
        number: usize,
    },
    /// A component that cannot be read.
    #[error("component {number}: write {bytes} bytes as hex digits, a space and the check value")]
    Component {
        /// Which one, counted from 1.
        number: usize,
        /// How many bytes a component of that key has.
        bytes: usize,
    },
    /// The key does not have the check value that it should.
    #[error("the key has the check value {found}, not the one given")]
    CheckValue {
        /// The check value that the key has.
        found: crate::CheckValue,
    },
    /// A check value is 4 to 10 hex digits.
    #[error("a check value is 4, 6, 8 or 10 hex digits")]
    CheckValueText,
    /// A DUKPT key serial number whose counter no terminal can have.
    #[error("the counter of the key serial number is not one that a terminal can have")]
    SerialCounter,
    /// A DUKPT key serial number of the wrong kind for the base key.
    #[error("the key serial number is for {needs}, the base key is {}", .algorithm.name())]
    SerialKind {
        /// What the serial number is for.
        needs: &'static str,
        /// The algorithm of the base key.
        algorithm: Algorithm,
    },
    /// The terminal has used all its DUKPT keys.
    #[error("the terminal has used all its keys; give it a new initial key")]
    Exhausted,
    /// The 40 bytes of a sign-on do not open.
    #[error("the working keys do not fit their check values; check the terminal's master key")]
    SignOn,
    /// A key that the other side sent does not have its check value.
    #[error("the wrapped key does not fit its check value; check the key that it is under")]
    WrappedKey,
    /// A key block.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The key store itself.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How terminals get other keys.
const fn instead(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Base => {
            "to change their working keys, count `generation` up in doorstep.toml; for another \
             base, make a key of another name and bring the terminals new master keys"
        }
        _ => "make a key of another name and bring the terminals new initial keys",
    }
}

/// Why a key store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system gives no randomness.
    #[error("the operating system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// A file cannot be read or written.
    #[error("{}: {what}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not a key store of a version that this program knows.
    #[error("{}: {what}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and how to mend it.
        what: String,
    },
    /// The master key is another one than the file was written with.
    #[error("{}: the keys are under the master key with the check value {wanted}, and the one \
        given has {found}; give the right one", .path.display())]
    WrongMaster {
        /// The file.
        path: PathBuf,
        /// The check value that the file names.
        wanted: String,
        /// The check value of the master key that was given.
        found: String,
    },
    /// One key of the file was changed or damaged.
    #[error("{}: the entry of `{name}`, generation {generation}, is damaged or was changed; \
        restore the file from a backup", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The key's name.
        name: String,
        /// The key's generation.
        generation: u32,
    },
    /// The store has as many keys as it can.
    #[error("the store is full: it has {0} keys; drop old generations")]
    Full(usize),
    /// The PKCS#11 module.
    #[error("PKCS#11 module: {what}: {source}")]
    Token {
        /// What was tried.
        what: &'static str,
        /// What the module answered.
        source: Box<cryptoki::error::Error>,
    },
    /// The PKCS#11 module has no token of that label.
    #[error("PKCS#11 module: there is no token labelled `{wanted}`; there are: {found}")]
    NoToken {
        /// The label that was asked for.
        wanted: String,
        /// The labels that are there.
        found: String,
    },
    /// A key may have come although the HSM said otherwise, and could not be taken away.
    #[error(
        "PKCS#11 token: generation {generation} of a key may be there although it failed \
         ({source}); look with the HSM's tools, and remove it before the next start: it would \
         count as the newest"
    )]
    MayBeThere {
        /// The generation that was to come.
        generation: u32,
        /// What failed.
        source: Box<KeyError>,
    },
    /// A key object on the token that cannot be understood.
    #[error("PKCS#11 token: the object `{label}` is not one that Doorstep wrote: {what}")]
    Object {
        /// The object's label.
        label: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyError {
    /// Neither a file nor the environment names one.
    #[error("there is no master key; give --master-key-file FILE, or set DOORSTEP_MASTER_KEY")]
    Missing,
    /// It is not 64 hex digits.
    #[error(
        "{0}: a master key is 64 hex digits (32 bytes), for example from `openssl rand -hex 32`"
    )]
    Text(String),
    /// Others than the owner may read the file.
    #[error("{}: others may read this master key; run `chmod 600` on the file", .0.display())]
    Open(PathBuf),
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}
