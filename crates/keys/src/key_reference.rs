//! References to keys, and the purposes of keys.

use crate::dukpt;
use crate::name::KeyName;

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

/// The only use that a key may have.
#[derive(Copy, Clone, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum KeyPurpose {
    /// Terminal master key (TMK). It encrypts the working keys sent to the terminal.
    TerminalMaster,
    /// Terminal link key: it proves the terminal at sign-on, and the keys of each session are
    /// derived from it. See [`crate::session`].
    TerminalLink,
    /// PIN encryption (PIK, TPK, ZPK).
    PinEncryption,
    /// MACs (MAK, TAK).
    Mac,
    /// Exchange of keys with a network or another company (KEK, ZMK).
    Exchange,
    /// Card tokens.
    Token,
    /// MACs of hand-overs' one-time codes.
    HandOverCode,
    /// Wrapping of the data keys that encrypt personal data.
    DataKeys,
    /// Derivation of terminals' working keys. See [`DerivedKey`].
    Base,
    /// DUKPT base derivation key (BDK).
    Dukpt,
}

impl KeyPurpose {
    pub const ALL: [KeyPurpose; 10] = [
        KeyPurpose::TerminalMaster,
        KeyPurpose::TerminalLink,
        KeyPurpose::PinEncryption,
        KeyPurpose::Mac,
        KeyPurpose::Exchange,
        KeyPurpose::Token,
        KeyPurpose::HandOverCode,
        KeyPurpose::DataKeys,
        KeyPurpose::Base,
        KeyPurpose::Dukpt,
    ];

    /// `terminal-master`, `terminal-link`, `pin`, `mac`, `exchange`, `token`, `hand-over-code`, `data-keys`, `base`
    /// or `dukpt`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            KeyPurpose::TerminalMaster => "terminal-master",
            KeyPurpose::TerminalLink => "terminal-link",
            KeyPurpose::PinEncryption => "pin",
            KeyPurpose::Mac => "mac",
            KeyPurpose::Exchange => "exchange",
            KeyPurpose::Token => "token",
            KeyPurpose::HandOverCode => "hand-over-code",
            KeyPurpose::DataKeys => "data-keys",
            KeyPurpose::Base => "base",
            KeyPurpose::Dukpt => "dukpt",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<KeyPurpose> {
        KeyPurpose::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}
