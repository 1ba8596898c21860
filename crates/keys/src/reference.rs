//! Which key is meant, and what it is for.

use crate::dukpt;
use crate::name::KeyName;

/// Which key: one in the store, or one that is derived from one in the store.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum KeyRef {
    /// The key of a name. MACs are made and PINs encrypted with its newest generation; MACs are
    /// checked and PINs decrypted with older ones, too, as long as they are kept.
    Stored(KeyName),
    /// One generation of the key of a name, and no other.
    Generation(KeyName, u32),
    /// A working key that exists only while it is used.
    Derived(Derived),
    /// The working keys of one transaction of a DUKPT terminal.
    Dukpt(Dukpt),
}

/// A key derived from a stored AES key by SP 800-108 in counter mode with AES-CMAC: label the
/// purpose's name, context `holder` and `generation`.
///
/// It is 16 bytes of TDES, or 8 bytes of DES for MACs, of odd parity.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Derived {
    /// The stored AES key, of purpose [`Purpose::Base`].
    pub base: KeyName,
    /// What the derived key is for: terminal master key, PIN encryption or MAC.
    pub purpose: Purpose,
    /// For whom: the number of a terminal, or of another machine.
    pub holder: u64,
    /// How many keys of this purpose the holder had before.
    pub generation: u32,
}

impl Derived {
    /// The key of a holder.
    #[must_use]
    pub const fn new(base: KeyName, purpose: Purpose, holder: u64, generation: u32) -> Derived {
        Derived { base, purpose, holder, generation }
    }
}

impl From<Derived> for KeyRef {
    fn from(derived: Derived) -> KeyRef {
        KeyRef::Derived(derived)
    }
}

impl From<KeyName> for KeyRef {
    fn from(name: KeyName) -> KeyRef {
        KeyRef::Stored(name)
    }
}

/// The keys of one transaction of a terminal with derived unique keys: the PIN key where a PIN is
/// decrypted, the request key where a MAC is checked, the response key where one is made.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Dukpt {
    /// The stored key, of purpose [`Purpose::Dukpt`].
    pub base: KeyName,
    /// What the terminal sent.
    pub serial: KeySerial,
}

/// The key serial number of a transaction.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum KeySerial {
    /// Ten bytes, for TDES (X9.24-1).
    Tdes(dukpt::tdes::Serial),
    /// Twelve bytes, for AES (X9.24-3).
    Aes(dukpt::aes::Serial),
}

/// What a key is for. A key is used for nothing else.
#[derive(Copy, Clone, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// A terminal's master key (TMK): working keys travel to the terminal under it.
    TerminalMaster,
    /// PIN encryption (PIK, TPK, ZPK).
    PinEncryption,
    /// MACs (MAK, TAK).
    Mac,
    /// Exchange of keys with a network or another firm (KEK, ZMK).
    Exchange,
    /// Tokens of card numbers.
    Token,
    /// Derivation of terminals' working keys.
    Base,
    /// Derivation of unique keys per transaction (BDK).
    Dukpt,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Purpose; 7] = [
        Purpose::TerminalMaster,
        Purpose::PinEncryption,
        Purpose::Mac,
        Purpose::Exchange,
        Purpose::Token,
        Purpose::Base,
        Purpose::Dukpt,
    ];

    /// How it is written: `terminal-master`, `pin`, `mac`, `exchange`, `token`, `base`, `dukpt`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Purpose::TerminalMaster => "terminal-master",
            Purpose::PinEncryption => "pin",
            Purpose::Mac => "mac",
            Purpose::Exchange => "exchange",
            Purpose::Token => "token",
            Purpose::Base => "base",
            Purpose::Dukpt => "dukpt",
        }
    }

    /// The purpose of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Purpose> {
        Purpose::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}
