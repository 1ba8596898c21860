//! Keys in memory. They are wiped when dropped and never printed.

use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use aes_kw::KwAes256;
use cmac::digest::InnerInit;
use cmac::{Cmac, Mac};
use des::cipher::{Array, Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use des::{Des, TdesEde2, TdesEde3};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::cipher::{Cipher, delegate_cipher};
use crate::data_key::{DATA_KEY_BYTES, WrappedDataKey};
use crate::des_lanes::{self, LANES_MIN};
use crate::error::{KeyError, KeyStoreError};
use crate::hex;

/// A DES key (8 bytes) or a TDES key (16 or 24 bytes), with its key schedule.
///
/// Parity bits are neither checked nor changed.
#[derive(Clone)]
pub struct TdesKey {
    bytes: Zeroizing<[u8; 24]>,
    cipher: TdesCipher,
}

#[derive(Clone)]
enum TdesCipher {
    Single(Des),
    Double(TdesEde2),
    Triple(TdesEde3),
}

/// An AES key of 16, 24 or 32 bytes, with its key schedule.
#[derive(Clone)]
pub struct AesKey {
    bytes: Zeroizing<[u8; 32]>,
    cipher: AesCipher,
}

#[derive(Clone)]
enum AesCipher {
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

#[derive(Clone)]
pub enum Key {
    Tdes(TdesKey),
    Aes(AesKey),
}

impl TdesKey {
    /// Takes 8, 16 or 24 bytes.
    pub fn new(bytes: &[u8]) -> Result<TdesKey, KeyError> {
        let cipher = match bytes.len() {
            8 => Des::new_from_slice(bytes).map(TdesCipher::Single),
            16 => TdesEde2::new_from_slice(bytes).map(TdesCipher::Double),
            _ => TdesEde3::new_from_slice(bytes).map(TdesCipher::Triple),
        };
        let cipher = cipher.map_err(|_| KeyError::InvalidKeyLength(bytes.len()))?;
        let mut kept = Zeroizing::new([0; 24]);
        kept[..bytes.len()].copy_from_slice(bytes);
        Ok(TdesKey { bytes: kept, cipher })
    }

    /// The plain key bytes, for code that wraps the key.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes[..self.algorithm().key_bytes()]
    }

    /// DES under the first eight bytes.
    fn left(&self) -> Des {
        let [a, b, c, d, e, f, g, h, ..] = *self.bytes;
        Des::new(&Array::from([a, b, c, d, e, f, g, h]))
    }
}

impl AesKey {
    /// Takes 16, 24 or 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<AesKey, KeyError> {
        let cipher = match bytes.len() {
            16 => Aes128::new_from_slice(bytes).map(AesCipher::Aes128),
            24 => Aes192::new_from_slice(bytes).map(AesCipher::Aes192),
            _ => Aes256::new_from_slice(bytes).map(AesCipher::Aes256),
        };
        let cipher = cipher.map_err(|_| KeyError::InvalidKeyLength(bytes.len()))?;
        let mut kept = Zeroizing::new([0; 32]);
        kept[..bytes.len()].copy_from_slice(bytes);
        Ok(AesKey { bytes: kept, cipher })
    }

    /// The plain key bytes, for code that wraps the key.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes[..self.algorithm().key_bytes()]
    }

    /// AES key wrap (RFC 3394) under this key, which has 32 bytes.
    fn key_wrap(&self) -> Result<KwAes256, KeyError> {
        match &self.cipher {
            AesCipher::Aes256(cipher) => Ok(KwAes256::inner_init(cipher.clone())),
            _ => Err(KeyError::InvalidKeyLength(self.algorithm().key_bytes())),
        }
    }
}

impl Key {
    /// Takes exactly [`Algorithm::key_bytes`] bytes.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Key, KeyError> {
        if bytes.len() != algorithm.key_bytes() {
            return Err(KeyError::InvalidKeyLength(bytes.len()));
        }
        if algorithm.is_aes() {
            AesKey::new(bytes).map(Key::Aes)
        } else {
            TdesKey::new(bytes).map(Key::Tdes)
        }
    }

    /// A new random key, never a weak one. DES and TDES keys have odd parity.
    pub fn random(algorithm: Algorithm) -> Result<Key, KeyError> {
        Key::from_random(algorithm, |bytes| {
            getrandom::fill(bytes).map_err(KeyStoreError::NoRandomness).map_err(KeyError::Store)
        })
    }

    pub(crate) fn from_random(
        algorithm: Algorithm,
        mut fill: impl FnMut(&mut [u8]) -> Result<(), KeyError>,
    ) -> Result<Key, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        let bytes = &mut bytes[..algorithm.key_bytes()];
        loop {
            fill(bytes)?;
            if !algorithm.is_aes() {
                set_odd_parity(bytes);
            }
            if !is_weak(algorithm, bytes) {
                return Key::new(algorithm, bytes);
            }
        }
    }

    /// The plain key bytes, for code that wraps the key.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        match self {
            Key::Tdes(key) => key.expose(),
            Key::Aes(key) => key.expose(),
        }
    }

    /// Compares two keys in constant time.
    #[must_use]
    pub fn is_same(&self, other: &Key) -> bool {
        self.algorithm() == other.algorithm() && self.expose().ct_eq(other.expose()).into()
    }
}

impl From<TdesKey> for Key {
    fn from(key: TdesKey) -> Key {
        Key::Tdes(key)
    }
}

impl From<AesKey> for Key {
    fn from(key: AesKey) -> Key {
        Key::Aes(key)
    }
}

/// Sets the lowest bit of each byte to give the byte odd parity.
pub fn set_odd_parity(bytes: &mut [u8]) {
    for byte in bytes {
        let odd_above = (*byte >> 1).count_ones() & 1 == 1;
        *byte = *byte & 0xFE | u8::from(!odd_above);
    }
}

/// Whether a key must not be used: all zeros, a weak DES key, or a TDES key with equal parts, which
/// is only as strong as DES.
pub fn is_weak(algorithm: Algorithm, bytes: &[u8]) -> bool {
    if algorithm.is_aes() {
        return bytes.iter().all(|byte| *byte == 0);
    }
    let mut with_parity = Zeroizing::new([0; 24]);
    let with_parity = &mut with_parity[..bytes.len()];
    with_parity.copy_from_slice(bytes);
    set_odd_parity(with_parity);
    if bytes.len() == 24 {
        // K1 = K3 is allowed: it is a double-length key written as 24 bytes.
        return des::weak_key_test(&with_parity[..16]).is_err()
            || des::weak_key_test(&with_parity[8..]).is_err();
    }
    des::weak_key_test(with_parity).is_err()
}

fn encrypt_blocks<C: BlockCipherEncrypt>(cipher: &C, blocks: &mut [u8]) {
    debug_assert_eq!(blocks.len() % C::block_size(), 0, "whole blocks");
    for block in blocks.chunks_exact_mut(C::block_size()) {
        if let Ok(block) = <&mut Block<C>>::try_from(block) {
            cipher.encrypt_block(block);
        }
    }
}

fn decrypt_blocks<C: BlockCipherDecrypt>(cipher: &C, blocks: &mut [u8]) {
    debug_assert_eq!(blocks.len() % C::block_size(), 0, "whole blocks");
    for block in blocks.chunks_exact_mut(C::block_size()) {
        if let Ok(block) = <&mut Block<C>>::try_from(block) {
            cipher.decrypt_block(block);
        }
    }
}

fn chain_blocks(cipher: &impl BlockCipherEncrypt, blocks: &[u8]) -> [u8; 8] {
    debug_assert_eq!(blocks.len() % 8, 0, "whole blocks");
    let mut chained = [0; 8];
    for block in blocks.chunks_exact(8) {
        for (byte, other) in chained.iter_mut().zip(block) {
            *byte ^= other;
        }
        encrypt_blocks(cipher, &mut chained);
    }
    chained
}

/// A CMAC with an existing key schedule.
fn cmac_of<C>(cipher: &C, message: &[u8]) -> [u8; 16]
where
    C: cmac::block_api::CmacCipher + Clone,
    Cmac<C>: InnerInit + cmac::digest::common::InnerUser<Inner = C> + Mac,
{
    let mut mac = Cmac::<C>::inner_init(cipher.clone());
    Mac::update(&mut mac, message);
    let tag = mac.finalize().into_bytes();
    let mut bytes = [0; 16];
    bytes[..tag.len()].copy_from_slice(&tag);
    bytes
}

impl Cipher for TdesKey {
    fn algorithm(&self) -> Algorithm {
        match self.cipher {
            TdesCipher::Single(_) => Algorithm::Des,
            TdesCipher::Double(_) => Algorithm::Tdes2,
            TdesCipher::Triple(_) => Algorithm::Tdes3,
        }
    }

    fn encrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError> {
        match &self.cipher {
            TdesCipher::Single(cipher) => encrypt_blocks(cipher, blocks),
            TdesCipher::Double(cipher) => encrypt_blocks(cipher, blocks),
            TdesCipher::Triple(cipher) => encrypt_blocks(cipher, blocks),
        }
        Ok(())
    }

    fn decrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError> {
        match &self.cipher {
            TdesCipher::Single(cipher) => decrypt_blocks(cipher, blocks),
            TdesCipher::Double(cipher) => decrypt_blocks(cipher, blocks),
            TdesCipher::Triple(cipher) => decrypt_blocks(cipher, blocks),
        }
        Ok(())
    }

    fn last_cbc_block(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
        Ok(match &self.cipher {
            TdesCipher::Single(cipher) => chain_blocks(cipher, blocks),
            TdesCipher::Double(cipher) => chain_blocks(cipher, blocks),
            TdesCipher::Triple(cipher) => chain_blocks(cipher, blocks),
        })
    }

    fn last_cbc_block_left_half(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
        Ok(chain_blocks(&self.left(), blocks))
    }

    fn retail_macs(&self, messages: &[&[u8]]) -> Option<Vec<[u8; 8]>> {
        let TdesCipher::Double(_) = self.cipher else { return None };
        (messages.len() >= LANES_MIN).then(|| des_lanes::retail_macs(self.expose(), messages))
    }

    fn encrypt_dukpt_masked(&self, mut block: [u8; 8]) -> Result<[u8; 8], KeyError> {
        let mut bytes = Zeroizing::new([0; 24]);
        let bytes = &mut bytes[..self.algorithm().key_bytes()];
        bytes.copy_from_slice(self.expose());
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte ^= if place % 8 < 4 { 0xC0 } else { 0 };
        }
        TdesKey::new(bytes)?.encrypt(&mut block)?;
        Ok(block)
    }

    fn cmac(&self, message: &[u8]) -> Result<[u8; 16], KeyError> {
        Ok(match &self.cipher {
            TdesCipher::Single(cipher) => cmac_of(cipher, message),
            TdesCipher::Double(cipher) => cmac_of(cipher, message),
            TdesCipher::Triple(cipher) => cmac_of(cipher, message),
        })
    }

    fn wrap_data_key(&self, _: &[u8; DATA_KEY_BYTES]) -> Result<WrappedDataKey, KeyError> {
        Err(KeyError::InvalidKeyLength(self.algorithm().key_bytes()))
    }

    fn unwrap_data_key(
        &self,
        _: &WrappedDataKey,
    ) -> Result<Option<Zeroizing<[u8; DATA_KEY_BYTES]>>, KeyError> {
        Err(KeyError::InvalidKeyLength(self.algorithm().key_bytes()))
    }
}

impl Cipher for AesKey {
    fn algorithm(&self) -> Algorithm {
        match self.cipher {
            AesCipher::Aes128(_) => Algorithm::Aes128,
            AesCipher::Aes192(_) => Algorithm::Aes192,
            AesCipher::Aes256(_) => Algorithm::Aes256,
        }
    }

    fn encrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError> {
        match &self.cipher {
            AesCipher::Aes128(cipher) => encrypt_blocks(cipher, blocks),
            AesCipher::Aes192(cipher) => encrypt_blocks(cipher, blocks),
            AesCipher::Aes256(cipher) => encrypt_blocks(cipher, blocks),
        }
        Ok(())
    }

    fn decrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError> {
        match &self.cipher {
            AesCipher::Aes128(cipher) => decrypt_blocks(cipher, blocks),
            AesCipher::Aes192(cipher) => decrypt_blocks(cipher, blocks),
            AesCipher::Aes256(cipher) => decrypt_blocks(cipher, blocks),
        }
        Ok(())
    }

    fn last_cbc_block(&self, _: &[u8]) -> Result<[u8; 8], KeyError> {
        Err(KeyError::InvalidKeyLength(self.algorithm().key_bytes()))
    }

    fn last_cbc_block_left_half(&self, _: &[u8]) -> Result<[u8; 8], KeyError> {
        Err(KeyError::InvalidKeyLength(self.algorithm().key_bytes()))
    }

    fn encrypt_dukpt_masked(&self, _: [u8; 8]) -> Result<[u8; 8], KeyError> {
        Err(KeyError::InvalidKeyLength(self.algorithm().key_bytes()))
    }

    fn cmac(&self, message: &[u8]) -> Result<[u8; 16], KeyError> {
        Ok(match &self.cipher {
            AesCipher::Aes128(cipher) => cmac_of(cipher, message),
            AesCipher::Aes192(cipher) => cmac_of(cipher, message),
            AesCipher::Aes256(cipher) => cmac_of(cipher, message),
        })
    }

    fn wrap_data_key(&self, data_key: &[u8; DATA_KEY_BYTES]) -> Result<WrappedDataKey, KeyError> {
        let mut wrapped = [0; DATA_KEY_BYTES + 8];
        let done = self.key_wrap()?.wrap_key(data_key, &mut wrapped).map(<[u8]>::len);
        done.map_err(|_| KeyError::WrongWrappedDataKey)?;
        Ok(wrapped)
    }

    fn unwrap_data_key(
        &self,
        wrapped: &WrappedDataKey,
    ) -> Result<Option<Zeroizing<[u8; DATA_KEY_BYTES]>>, KeyError> {
        let mut data_key = Zeroizing::new([0; DATA_KEY_BYTES]);
        let fits = self.key_wrap()?.unwrap_key(wrapped, data_key.as_mut_slice()).is_ok();
        Ok(fits.then_some(data_key))
    }
}

impl Cipher for Key {
    delegate_cipher!(Key: Tdes, Aes);
}

macro_rules! impl_key_methods {
    ($($kind:ident),*) => {$(
        impl $kind {
            #[must_use]
            pub fn check_value(&self) -> CheckValue {
                Cipher::check_value(self).unwrap_or(CheckValue::new([0; 5]))
            }

            #[must_use]
            pub fn algorithm(&self) -> Algorithm {
                Cipher::algorithm(self)
            }

            /// Parses hex digits. Their number selects the algorithm.
            pub fn from_hex(text: &str) -> Result<$kind, KeyError> {
                let bytes = hex::decode(text.as_bytes());
                let bytes = bytes.ok_or(KeyError::InvalidKeyLength(text.len() / 2))?;
                $kind::of_bytes(&bytes)
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($kind), self.algorithm().name())
            }
        }
    )*};
}

impl_key_methods!(TdesKey, AesKey);

impl TdesKey {
    fn of_bytes(bytes: &[u8]) -> Result<TdesKey, KeyError> {
        TdesKey::new(bytes)
    }
}

impl AesKey {
    fn of_bytes(bytes: &[u8]) -> Result<AesKey, KeyError> {
        AesKey::new(bytes)
    }
}

impl Key {
    #[must_use]
    pub fn check_value(&self) -> CheckValue {
        match self {
            Key::Tdes(key) => key.check_value(),
            Key::Aes(key) => key.check_value(),
        }
    }

    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        Cipher::algorithm(self)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.algorithm().name())
    }
}
