//! Versions and usages of key blocks, and what can be wrong with one.

use std::fmt;

use crate::algorithm::Algorithm;

/// Maximum length of a key block in characters.
pub const KEY_BLOCK_CHARACTERS_MAX: usize = 9_992;

/// Version of a key block.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum KeyBlockVersion {
    /// TDES wrapping key of 16 or 24 bytes, key derivation binding method.
    B,
    /// AES wrapping key.
    D,
}

impl KeyBlockVersion {
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            KeyBlockVersion::B => 'B',
            KeyBlockVersion::D => 'D',
        }
    }

    pub(crate) const fn block_bytes(self) -> usize {
        match self {
            KeyBlockVersion::B => 8,
            KeyBlockVersion::D => 16,
        }
    }

    /// The version for a wrapping key of this algorithm, or `None` if it cannot wrap key blocks.
    pub(crate) const fn under(algorithm: Algorithm) -> Option<KeyBlockVersion> {
        match algorithm {
            Algorithm::Des => None,
            Algorithm::Tdes2 | Algorithm::Tdes3 => Some(KeyBlockVersion::B),
            Algorithm::Aes128 | Algorithm::Aes192 | Algorithm::Aes256 => Some(KeyBlockVersion::D),
        }
    }
}

/// Why a key block cannot be opened or written.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyBlockError {
    #[error("the key block is malformed: {0}")]
    Malformed(&'static str),
    #[error("the key block has version {0}; only B (TDES) and D (AES) are supported")]
    UnsupportedVersion(char),
    #[error("a key block of version {} cannot have a wrapping key of {}",
        .version.letter(), .algorithm.name())]
    WrongWrappingKey { version: KeyBlockVersion, algorithm: Algorithm },
    #[error("the key block was changed, or has another wrapping key")]
    WrongMac,
    /// The header does not allow the purpose of the import.
    #[error(
        "the key block has usage `{usage}` and algorithm `{algorithm}`, which does not allow \
        the purpose of the import"
    )]
    WrongUsage {
        /// From the header, for example `P0`.
        usage: KeyUsage,
        /// From the header, for example `T`.
        algorithm: char,
    },
    #[error("keys of this purpose cannot be exported")]
    NotExported,
}

/// Key usage, two characters: `P0` PIN encryption, `M3` MAC, `K0` key wrapping.
#[derive(Copy, Clone, PartialEq, Eq)]
pub struct KeyUsage(pub [u8; 2]);

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

impl fmt::Debug for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUsage({self})")
    }
}
