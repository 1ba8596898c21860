//! Key blocks (ANSI X9.143, before that ASC X9 TR-31): keys travel with what they are for, and
//! nobody changes either.
//!
//! Version B is under a TDES key, version D under AES; both derive an encryption key and a MAC
//! key from the key that the block is under (5.3.2 of TR-31:2018) by CMAC. The length of the key
//! inside is hidden: it is filled up to the longest key of its algorithm.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::cipher::Cipher;
use crate::error::{KeyError, StoreError};
use crate::hex;
use crate::key::{AesKey, Algorithm, Key, TdesKey};

mod header;

pub use header::{Header, OptionalBlock};

/// The longest block that is read, in characters.
pub const BLOCK_CHARACTERS_MAX: usize = 9_992;

/// Which key block.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum BlockVersion {
    /// Under a TDES key of 16 or 24 bytes, by the key derivation binding method.
    B,
    /// Under an AES key.
    D,
}

impl BlockVersion {
    const fn letter(self) -> char {
        match self {
            BlockVersion::B => 'B',
            BlockVersion::D => 'D',
        }
    }

    const fn block_bytes(self) -> usize {
        match self {
            BlockVersion::B => 8,
            BlockVersion::D => 16,
        }
    }

    /// The version of blocks under a key, where the key can have blocks under it.
    const fn under(algorithm: Algorithm) -> Option<BlockVersion> {
        match algorithm {
            Algorithm::Des => None,
            Algorithm::Tdes2 | Algorithm::Tdes3 => Some(BlockVersion::B),
            Algorithm::Aes128 | Algorithm::Aes192 | Algorithm::Aes256 => Some(BlockVersion::D),
        }
    }
}

/// Why a text is not a key block that can be opened, or a key cannot be put in one.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BlockError {
    /// The text does not have the form of a key block.
    #[error("the key block is malformed: {0}")]
    Form(&'static str),
    /// Another version.
    #[error("the key block is of version {0}; only B (TDES) and D (AES) are taken")]
    Version(char),
    /// The key that the block is said to be under is of the wrong kind.
    #[error("a key block of version {} is not under a key of {}",
        .version.letter(), .algorithm.name())]
    Under {
        /// The block's version.
        version: BlockVersion,
        /// The algorithm of the key that it was to be under.
        algorithm: Algorithm,
    },
    /// The block was changed, or is under another key.
    #[error("the key block does not fit the key that it should be under, or was changed")]
    Mac,
    /// The key in the block is for something else than it was to be imported for.
    #[error(
        "the key block says that its key is for `{usage}` with algorithm `{algorithm}`, \
        which is not what it was to be imported for"
    )]
    Usage {
        /// The usage of the header, such as `P0`.
        usage: KeyUsage,
        /// The algorithm of the header, such as `T`.
        algorithm: char,
    },
    /// A key of that purpose is not let out of the store.
    #[error("keys of that purpose are not exported")]
    NotExported,
}

/// Two characters that say what a key is for: `P0` PIN encryption, `M3` MAC, `K0` wrapping.
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

/// Puts a key in a block under another. The header's length and optional-block padding are made.
pub fn wrap(under: &impl Cipher, header: &Header, key: &Key) -> Result<String, KeyError> {
    wrap_filled(under, header, key, |fill| {
        getrandom::fill(fill).map_err(StoreError::Random).map_err(KeyError::Store)
    })
}

/// As [`wrap`], with the fill of the encrypted part given.
pub(crate) fn wrap_filled(
    under: &impl Cipher,
    header: &Header,
    key: &Key,
    mut fill: impl FnMut(&mut [u8]) -> Result<(), KeyError>,
) -> Result<String, KeyError> {
    let version = version_for(under, header.version)?;
    let longest = if key.algorithm().is_aes() { 32 } else { 24 };
    let block_bytes = version.block_bytes();
    let encrypted_bytes = (2_usize + longest).next_multiple_of(block_bytes);

    let mut plain = Zeroizing::new(vec![0; encrypted_bytes]);
    let key_bits = u16::try_from(key.expose().len() * 8).map_err(|_| FORM_LENGTH)?;
    let (length, rest) = plain.split_at_mut(2);
    let (inside, filled) = rest.split_at_mut(key.expose().len());
    length.copy_from_slice(&key_bits.to_be_bytes());
    inside.copy_from_slice(key.expose());
    fill(filled)?;

    let characters_after = 2 * (encrypted_bytes + block_bytes);
    let mut text = header.write(block_bytes, characters_after)?;
    let keys = BlockKeys::derive(under)?;
    let mac = keys.mac(text.as_bytes(), &plain)?;
    keys.encrypt(&mac, &mut plain)?;
    text.push_str(&hex::encode(&plain));
    text.push_str(&hex::encode(&mac[..block_bytes]));
    Ok(text)
}

/// Opens a block: its header and the key. Whether the header allows what is wanted is for the
/// caller to judge.
pub fn unwrap(under: &impl Cipher, block: &str) -> Result<(Header, Key), KeyError> {
    let (header, header_characters) = Header::read(block)?;
    let version = version_for(under, header.version)?;
    let block_bytes = version.block_bytes();
    let form = |what| KeyError::Block(BlockError::Form(what));

    let rest = block.as_bytes().get(header_characters..).unwrap_or_default();
    if rest.iter().any(u8::is_ascii_lowercase) {
        return Err(form("hex digits are capitals"));
    }
    let mut plain = hex::decode(rest).ok_or(form("the encrypted part is not hex digits"))?;
    let encrypted_bytes = plain.len().checked_sub(block_bytes).ok_or(form("it is too short"))?;
    if encrypted_bytes < 2 * block_bytes || !encrypted_bytes.is_multiple_of(block_bytes) {
        return Err(form("the encrypted part is not whole blocks"));
    }
    let mut mac = [0; 16];
    mac[..block_bytes].copy_from_slice(&plain[encrypted_bytes..]);
    plain.truncate(encrypted_bytes);

    let keys = BlockKeys::derive(under)?;
    keys.decrypt(&mac, &mut plain)?;
    let computed = keys.mac(&block.as_bytes()[..header_characters], &plain)?;
    if !bool::from(computed.ct_eq(&mac)) {
        return Err(KeyError::Block(BlockError::Mac));
    }

    let key_bits = usize::from(u16::from_be_bytes([plain[0], plain[1]]));
    let inside = plain[2..].get(..key_bits / 8).filter(|_| key_bits.is_multiple_of(8));
    let inside = inside.ok_or(form("the key inside has an impossible length"))?;
    let key = match header.algorithm {
        b'D' | b'T' => TdesKey::new(inside).map(Key::Tdes)?,
        b'A' => AesKey::new(inside).map(Key::Aes)?,
        _ => return Err(form("only keys of DES, TDES and AES are taken (D, T, A)")),
    };
    Ok((header, key))
}

const FORM_LENGTH: KeyError = KeyError::Block(BlockError::Form("it is too long"));

fn version_for(under: &impl Cipher, version: BlockVersion) -> Result<BlockVersion, KeyError> {
    let algorithm = under.algorithm();
    if BlockVersion::under(algorithm) == Some(version) {
        Ok(version)
    } else {
        Err(KeyError::Block(BlockError::Under { version, algorithm }))
    }
}

/// The encryption key and the MAC key that belong to a key which has blocks under it.
struct BlockKeys {
    encryption: Key,
    mac: Key,
}

impl BlockKeys {
    fn derive(under: &impl Cipher) -> Result<BlockKeys, KeyError> {
        let algorithm = under.algorithm();
        let derive = |usage: u16| {
            let code: u16 = match algorithm {
                Algorithm::Des | Algorithm::Tdes2 => 0,
                Algorithm::Tdes3 => 1,
                Algorithm::Aes128 => 2,
                Algorithm::Aes192 => 3,
                Algorithm::Aes256 => 4,
            };
            let key_bits = u16::try_from(algorithm.key_bytes() * 8).map_err(|_| FORM_LENGTH)?;
            let mut bytes = Zeroizing::new([0; 32]);
            let bytes = &mut bytes[..algorithm.key_bytes()];
            let parts = bytes.chunks_mut(algorithm.block_bytes());
            for (counter, part) in (1_u8..).zip(parts) {
                let mut input = [0; 8];
                input[0] = counter;
                input[1..3].copy_from_slice(&usage.to_be_bytes());
                input[4..6].copy_from_slice(&code.to_be_bytes());
                input[6..8].copy_from_slice(&key_bits.to_be_bytes());
                let block = Zeroizing::new(under.cmac(&input)?);
                part.copy_from_slice(&block[..part.len()]);
            }
            Key::new(algorithm, bytes)
        };
        Ok(BlockKeys { encryption: derive(0)?, mac: derive(1)? })
    }

    /// The MAC of the header and the plain key.
    fn mac(&self, header: &[u8], plain: &[u8]) -> Result<[u8; 16], KeyError> {
        let mut message = Zeroizing::new(Vec::with_capacity(header.len() + plain.len()));
        message.extend_from_slice(header);
        message.extend_from_slice(plain);
        self.mac.cmac(&message)
    }

    /// CBC, starting from the MAC.
    fn encrypt(&self, mac: &[u8; 16], blocks: &mut [u8]) -> Result<(), KeyError> {
        let size = self.encryption.algorithm().block_bytes();
        let mut before = *mac;
        for block in blocks.chunks_exact_mut(size) {
            xor(block, &before);
            self.encryption.encrypt(block)?;
            before[..size].copy_from_slice(block);
        }
        Ok(())
    }

    fn decrypt(&self, mac: &[u8; 16], blocks: &mut [u8]) -> Result<(), KeyError> {
        let size = self.encryption.algorithm().block_bytes();
        let mut before = *mac;
        for block in blocks.chunks_exact_mut(size) {
            let mut encrypted = [0; 16];
            encrypted[..size].copy_from_slice(block);
            self.encryption.decrypt(block)?;
            xor(block, &before);
            before = encrypted;
        }
        Ok(())
    }
}

fn xor(block: &mut [u8], other: &[u8]) {
    for (byte, other) in block.iter_mut().zip(other) {
        *byte ^= other;
    }
}

#[cfg(test)]
mod tests;
