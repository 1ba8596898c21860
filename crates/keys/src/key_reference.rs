//! References to keys.

use crate::dukpt;
use crate::error::KeyError;
use crate::name::KeyName;
use crate::purpose::KeyPurpose;

impl KeyName {
    /// Checks the characters and the length.
    pub fn new(name: &str) -> Result<KeyName, KeyError> {
        KeyName::checked(name).ok_or(KeyError::InvalidName)
    }

    /// Name of a key that was imported for one terminal: `terminal/`, then eight digits or
    /// lower-case letters.
    pub fn of_terminal(terminal: &str) -> Result<KeyName, KeyError> {
        KeyName::new(&format!("terminal/{terminal}"))
    }
}

impl std::str::FromStr for KeyName {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<KeyName, KeyError> {
        KeyName::new(name)
    }
}

/// A key in the store, or a key derived from one in the store.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum KeyReference {
    /// The key with this name. MACs are computed and PINs encrypted with its newest generation.
    /// MACs are checked and PINs decrypted with any generation that is kept.
    Stored(KeyName),
    /// Exactly one generation of the key with this name.
    Generation(KeyName, u32),
    /// A working key that is derived for each use and never stored.
    Derived(DerivedKey),
    /// The working keys of one transaction of a DUKPT terminal.
    Dukpt(DukptKey),
}

/// A key derived from a stored AES key by SP 800-108 in counter mode with AES-CMAC. The label is
/// the purpose's name, the context `holder` and `generation`.
///
/// PIN and terminal master keys are TDES keys of 16 bytes, MAC keys are DES keys of 8 bytes. Both
/// have odd parity. Terminal link keys are AES keys of 16 bytes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct DerivedKey {
    /// The stored AES key, of purpose [`KeyPurpose::Base`].
    pub base: KeyName,
    /// [`KeyPurpose::TerminalMaster`], [`KeyPurpose::TerminalLink`], [`KeyPurpose::PinEncryption`]
    /// or [`KeyPurpose::Mac`].
    pub purpose: KeyPurpose,
    /// Number of the terminal, or of another machine, that holds the key.
    pub holder: u64,
    /// Raised by one to replace the key.
    pub generation: u32,
}

impl DerivedKey {
    #[must_use]
    pub const fn new(
        base: KeyName,
        purpose: KeyPurpose,
        holder: u64,
        generation: u32,
    ) -> DerivedKey {
        DerivedKey { base, purpose, holder, generation }
    }
}

impl From<DerivedKey> for KeyReference {
    fn from(derived: DerivedKey) -> KeyReference {
        KeyReference::Derived(derived)
    }
}

impl From<KeyName> for KeyReference {
    fn from(name: KeyName) -> KeyReference {
        KeyReference::Stored(name)
    }
}

/// The keys of one transaction of a DUKPT terminal: the PIN key decrypts a PIN, the request MAC key
/// checks a MAC, the response MAC key computes one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct DukptKey {
    /// The stored key, of purpose [`KeyPurpose::Dukpt`].
    pub base: KeyName,
    /// From the terminal's message.
    pub serial: KeySerialNumber,
}

/// Key serial number (KSN) of a transaction.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum KeySerialNumber {
    /// 10 bytes (X9.24-1).
    Tdes(dukpt::tdes::TdesKeySerialNumber),
    /// 12 bytes (X9.24-3).
    Aes(dukpt::aes::AesKeySerialNumber),
}
