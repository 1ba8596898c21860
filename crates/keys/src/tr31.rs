//! Key blocks (ANSI X9.143, formerly ASC X9 TR-31): a key and its permitted use, encrypted and
//! authenticated together.
//!
//! The wrapping key is TDES for version B and AES for version D. Both versions derive an encryption
//! key and a MAC key from the wrapping key by CMAC (TR-31:2018, 5.3.2). Every key is padded to the
//! longest key of its algorithm, to hide its length.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::cipher::Cipher;
use crate::error::{KeyError, KeyStoreError};
use crate::hex;
use crate::key::{AesKey, Key, TdesKey};

mod header;
pub(crate) mod kinds;

pub use header::{KeyBlockHeader, OptionalHeaderBlock};
pub use kinds::{KEY_BLOCK_CHARACTERS_MAX, KeyBlockError, KeyBlockVersion, KeyUsage};

/// Writes a key block under a wrapping key. Computes the header's length and padding block.
pub fn wrap(under: &impl Cipher, header: &KeyBlockHeader, key: &Key) -> Result<String, KeyError> {
    wrap_with_fill(under, header, key, |fill| {
        getrandom::fill(fill).map_err(KeyStoreError::NoRandomness).map_err(KeyError::Store)
    })
}

/// Like [`wrap`], with a given fill of the encrypted part.
pub(crate) fn wrap_with_fill(
    under: &impl Cipher,
    header: &KeyBlockHeader,
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

/// Decrypts a key block and checks its MAC. The caller must check that the header allows the
/// intended use.
pub fn unwrap(under: &impl Cipher, block: &str) -> Result<(KeyBlockHeader, Key), KeyError> {
    let (header, header_characters) = KeyBlockHeader::read(block)?;
    let version = version_for(under, header.version)?;
    let block_bytes = version.block_bytes();
    let form = |what| KeyError::KeyBlock(KeyBlockError::Malformed(what));

    let rest = block.as_bytes().get(header_characters..).unwrap_or_default();
    if rest.iter().any(u8::is_ascii_lowercase) {
        return Err(form("hex digits must be upper case"));
    }
    let mut plain =
        hex::decode(rest).ok_or(form("the encrypted part has other characters than hex digits"))?;
    let encrypted_bytes = plain.len().checked_sub(block_bytes).ok_or(form("too short"))?;
    if encrypted_bytes < 2 * block_bytes || !encrypted_bytes.is_multiple_of(block_bytes) {
        return Err(form("the encrypted part does not consist of whole cipher blocks"));
    }
    let mut mac = [0; 16];
    mac[..block_bytes].copy_from_slice(&plain[encrypted_bytes..]);
    plain.truncate(encrypted_bytes);

    let keys = BlockKeys::derive(under)?;
    keys.decrypt(&mac, &mut plain)?;
    let computed = keys.mac(&block.as_bytes()[..header_characters], &plain)?;
    if !bool::from(computed.ct_eq(&mac)) {
        return Err(KeyError::KeyBlock(KeyBlockError::WrongMac));
    }

    let key_bits = usize::from(u16::from_be_bytes([plain[0], plain[1]]));
    let inside = plain[2..].get(..key_bits / 8).filter(|_| key_bits.is_multiple_of(8));
    let inside = inside.ok_or(form("the key inside has an impossible length"))?;
    let key = match header.algorithm {
        b'D' | b'T' => TdesKey::new(inside).map(Key::Tdes)?,
        b'A' => AesKey::new(inside).map(Key::Aes)?,
        _ => return Err(form("only keys of DES, TDES and AES (D, T, A) are supported")),
    };
    Ok((header, key))
}

const FORM_LENGTH: KeyError = KeyError::KeyBlock(KeyBlockError::Malformed("too long"));

fn version_for(under: &impl Cipher, version: KeyBlockVersion) -> Result<KeyBlockVersion, KeyError> {
    let algorithm = under.algorithm();
    if KeyBlockVersion::under(algorithm) == Some(version) {
        Ok(version)
    } else {
        Err(KeyError::KeyBlock(KeyBlockError::WrongWrappingKey { version, algorithm }))
    }
}

/// The encryption key and the MAC key that are derived from a wrapping key.
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

    /// MAC of the header and the plain key.
    fn mac(&self, header: &[u8], plain: &[u8]) -> Result<[u8; 16], KeyError> {
        let mut message = Zeroizing::new(Vec::with_capacity(header.len() + plain.len()));
        message.extend_from_slice(header);
        message.extend_from_slice(plain);
        self.mac.cmac(&message)
    }

    /// CBC with the MAC as IV.
    fn encrypt(&self, mac: &[u8; 16], blocks: &mut [u8]) -> Result<(), KeyError> {
        let size = self.encryption.algorithm().block_bytes();
        let mut previous = *mac;
        for block in blocks.chunks_exact_mut(size) {
            xor(block, &previous);
            self.encryption.encrypt(block)?;
            previous[..size].copy_from_slice(block);
        }
        Ok(())
    }

    fn decrypt(&self, mac: &[u8; 16], blocks: &mut [u8]) -> Result<(), KeyError> {
        let size = self.encryption.algorithm().block_bytes();
        let mut previous = *mac;
        for block in blocks.chunks_exact_mut(size) {
            let mut encrypted = [0; 16];
            encrypted[..size].copy_from_slice(block);
            self.encryption.decrypt(block)?;
            xor(block, &previous);
            previous = encrypted;
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
