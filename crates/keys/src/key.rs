//! Keys in memory: wiped when dropped, never shown.

use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use cmac::digest::InnerInit;
use cmac::{Cmac, Mac};
use des::cipher::{Array, Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use des::{Des, TdesEde2, TdesEde3};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::check_value::CheckValue;
use crate::cipher::{Cipher, ask_the_variant};
use crate::error::{KeyError, StoreError};
use crate::hex;

/// What a key encrypts with.
#[derive(Copy, Clone, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Algorithm {
    /// DES with a key of 8 bytes: only for MACs of networks that demand it.
    Des,
    /// TDES with a key of 16 bytes.
    Tdes2,
    /// TDES with a key of 24 bytes.
    Tdes3,
    /// AES with a key of 16 bytes.
    Aes128,
    /// AES with a key of 24 bytes.
    Aes192,
    /// AES with a key of 32 bytes.
    Aes256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 6] = [
        Algorithm::Des,
        Algorithm::Tdes2,
        Algorithm::Tdes3,
        Algorithm::Aes128,
        Algorithm::Aes192,
        Algorithm::Aes256,
    ];

    /// How it is written: `des`, `tdes2`, `tdes3`, `aes128`, `aes192`, `aes256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Des => "des",
            Algorithm::Tdes2 => "tdes2",
            Algorithm::Tdes3 => "tdes3",
            Algorithm::Aes128 => "aes128",
            Algorithm::Aes192 => "aes192",
            Algorithm::Aes256 => "aes256",
        }
    }

    /// The algorithm of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The length of its keys in bytes.
    #[must_use]
    pub const fn key_bytes(self) -> usize {
        match self {
            Algorithm::Des => 8,
            Algorithm::Tdes2 | Algorithm::Aes128 => 16,
            Algorithm::Tdes3 | Algorithm::Aes192 => 24,
            Algorithm::Aes256 => 32,
        }
    }

    /// The length of its blocks in bytes.
    #[must_use]
    pub const fn block_bytes(self) -> usize {
        if self.is_aes() { 16 } else { 8 }
    }

    /// Whether it is AES; else it is DES or TDES.
    #[must_use]
    pub const fn is_aes(self) -> bool {
        matches!(self, Algorithm::Aes128 | Algorithm::Aes192 | Algorithm::Aes256)
    }
}

/// A DES key (8 bytes) or a TDES key (16 or 24 bytes), with its schedule.
///
/// Parity bits are kept as they came and never looked at.
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

/// An AES key of 16, 24 or 32 bytes, with its schedule.
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

/// A key of any algorithm.
#[derive(Clone)]
pub enum Key {
    /// DES or TDES.
    Tdes(TdesKey),
    /// AES.
    Aes(AesKey),
}

impl TdesKey {
    /// A key of 8, 16 or 24 bytes.
    pub fn new(bytes: &[u8]) -> Result<TdesKey, KeyError> {
        let cipher = match bytes.len() {
            8 => Des::new_from_slice(bytes).map(TdesCipher::Single),
            16 => TdesEde2::new_from_slice(bytes).map(TdesCipher::Double),
            _ => TdesEde3::new_from_slice(bytes).map(TdesCipher::Triple),
        };
        let cipher = cipher.map_err(|_| KeyError::KeyBytes(bytes.len()))?;
        let mut kept = Zeroizing::new([0; 24]);
        kept[..bytes.len()].copy_from_slice(bytes);
        Ok(TdesKey { bytes: kept, cipher })
    }

    /// The key itself, for who sends it wrapped or wraps it.
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
    /// A key of 16, 24 or 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<AesKey, KeyError> {
        let cipher = match bytes.len() {
            16 => Aes128::new_from_slice(bytes).map(AesCipher::Aes128),
            24 => Aes192::new_from_slice(bytes).map(AesCipher::Aes192),
            _ => Aes256::new_from_slice(bytes).map(AesCipher::Aes256),
        };
        let cipher = cipher.map_err(|_| KeyError::KeyBytes(bytes.len()))?;
        let mut kept = Zeroizing::new([0; 32]);
        kept[..bytes.len()].copy_from_slice(bytes);
        Ok(AesKey { bytes: kept, cipher })
    }

    /// The key itself, for who sends it wrapped or wraps it.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes[..self.algorithm().key_bytes()]
    }
}

impl Key {
    /// A key of an algorithm. Its length must be the algorithm's.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Key, KeyError> {
        if bytes.len() != algorithm.key_bytes() {
            return Err(KeyError::KeyBytes(bytes.len()));
        }
        if algorithm.is_aes() {
            AesKey::new(bytes).map(Key::Aes)
        } else {
            TdesKey::new(bytes).map(Key::Tdes)
        }
    }

    /// A new random key, of odd parity for DES and never a weak one.
    pub fn random(algorithm: Algorithm) -> Result<Key, KeyError> {
        Key::from_random(algorithm, |bytes| {
            getrandom::fill(bytes).map_err(StoreError::Random).map_err(KeyError::Store)
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

    /// The key itself, for who sends it wrapped or wraps it.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        match self {
            Key::Tdes(key) => key.expose(),
            Key::Aes(key) => key.expose(),
        }
    }

    /// Whether two keys are the same, in constant time.
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

/// Sets the lowest bit of each byte so that its bits are odd in number.
pub fn set_odd_parity(bytes: &mut [u8]) {
    for byte in bytes {
        let odd_above = (*byte >> 1).count_ones() & 1 == 1;
        *byte = *byte & 0xFE | u8::from(!odd_above);
    }
}

/// Whether a key should not be used: all zeros, a weak DES key, or a TDES key with equal parts,
/// which is only as strong as DES.
pub fn is_weak(algorithm: Algorithm, bytes: &[u8]) -> bool {
    if algorithm.is_aes() {
        return bytes.iter().all(|byte| *byte == 0);
    }
    let mut with_parity = Zeroizing::new([0; 24]);
    let with_parity = &mut with_parity[..bytes.len()];
    with_parity.copy_from_slice(bytes);
    set_odd_parity(with_parity);
    if bytes.len() == 24 {
        // K1 = K3 is a double-length key written in full: as strong as one.
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

/// A CMAC that starts from a schedule already made.
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

    fn chain(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
        Ok(match &self.cipher {
            TdesCipher::Single(cipher) => chain_blocks(cipher, blocks),
            TdesCipher::Double(cipher) => chain_blocks(cipher, blocks),
            TdesCipher::Triple(cipher) => chain_blocks(cipher, blocks),
        })
    }

    fn chain_left(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
        Ok(chain_blocks(&self.left(), blocks))
    }

    fn encrypt_masked(&self, mut block: [u8; 8]) -> Result<[u8; 8], KeyError> {
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

    fn chain(&self, _: &[u8]) -> Result<[u8; 8], KeyError> {
        Err(KeyError::KeyBytes(self.algorithm().key_bytes()))
    }

    fn chain_left(&self, _: &[u8]) -> Result<[u8; 8], KeyError> {
        Err(KeyError::KeyBytes(self.algorithm().key_bytes()))
    }

    fn encrypt_masked(&self, _: [u8; 8]) -> Result<[u8; 8], KeyError> {
        Err(KeyError::KeyBytes(self.algorithm().key_bytes()))
    }

    fn cmac(&self, message: &[u8]) -> Result<[u8; 16], KeyError> {
        Ok(match &self.cipher {
            AesCipher::Aes128(cipher) => cmac_of(cipher, message),
            AesCipher::Aes192(cipher) => cmac_of(cipher, message),
            AesCipher::Aes256(cipher) => cmac_of(cipher, message),
        })
    }
}

impl Cipher for Key {
    ask_the_variant!(Key: Tdes, Aes);
}

macro_rules! shown {
    ($($kind:ident),*) => {$(
        impl $kind {
            /// The check value. A key in memory always has one.
            #[must_use]
            pub fn check_value(&self) -> CheckValue {
                Cipher::check_value(self).unwrap_or(CheckValue::new([0; 5]))
            }

            /// The algorithm and length of this key.
            #[must_use]
            pub fn algorithm(&self) -> Algorithm {
                Cipher::algorithm(self)
            }

            /// The key that a text of hex digits says; which kind, by its length.
            pub fn from_hex(text: &str) -> Result<$kind, KeyError> {
                let bytes = hex::decode(text.as_bytes()).ok_or(KeyError::KeyBytes(text.len() / 2))?;
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

shown!(TdesKey, AesKey);

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
    /// The check value. A key in memory always has one.
    #[must_use]
    pub fn check_value(&self) -> CheckValue {
        match self {
            Key::Tdes(key) => key.check_value(),
            Key::Aes(key) => key.check_value(),
        }
    }

    /// The algorithm and length of this key.
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
