//! Message authentication codes.
//!
//! All results have eight bytes. Networks that send four bytes use the first four.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::cipher::Cipher;
use crate::error::KeyError;
pub use crate::mac_method::MacMethod;

impl MacMethod {
    const fn takes(self, algorithm: Algorithm) -> bool {
        match self {
            MacMethod::X9_9 | MacMethod::CupEcb => !algorithm.is_aes(),
            MacMethod::X9_19 => matches!(algorithm, Algorithm::Tdes2),
            MacMethod::Cmac => !matches!(algorithm, Algorithm::Des),
        }
    }

    fn check_key(self, key: &impl Cipher) -> Result<(), KeyError> {
        let algorithm = key.algorithm();
        if self.takes(algorithm) {
            Ok(())
        } else {
            Err(KeyError::WrongMacKey { method: self, algorithm })
        }
    }
}

/// Padding of a message to whole blocks (ISO/IEC 9797-1, 6.3).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum MacPadding {
    /// Method 1: as few zeros as needed. An empty message becomes one block of zeros.
    Zeros,
    /// Method 2: one byte `80`, then zeros.
    Bit,
    /// Method 3: zeros, and the message length in bits before the message.
    Length,
}

/// Computes the MAC of a message.
pub fn compute(method: MacMethod, key: &impl Cipher, message: &[u8]) -> Result<[u8; 8], KeyError> {
    method.check_key(key)?;
    match method {
        MacMethod::X9_9 => cbc(key, message, MacPadding::Zeros),
        MacMethod::X9_19 => retail(key, message, MacPadding::Zeros),
        MacMethod::CupEcb => Ok(cup_ecb(key, message)?.mac),
        MacMethod::Cmac => {
            let [a, b, c, d, e, f, g, h, ..] = key.cmac(message)?;
            Ok([a, b, c, d, e, f, g, h])
        }
    }
}

/// Computes the MACs of messages, as [`compute`] does each.
pub fn compute_all(
    method: MacMethod,
    key: &impl Cipher,
    messages: &[&[u8]],
) -> Result<Vec<[u8; 8]>, KeyError> {
    method.check_key(key)?;
    let together = if method == MacMethod::X9_19 { key.retail_macs(messages) } else { None };
    match together {
        Some(macs) => Ok(macs),
        None => messages.iter().map(|message| compute(method, key, message)).collect(),
    }
}

/// Whether `mac` is the MAC of the message, in constant time. Returns false if `mac` does not have
/// eight bytes.
pub fn check(
    method: MacMethod,
    key: &impl Cipher,
    message: &[u8],
    mac: &[u8],
) -> Result<bool, KeyError> {
    let computed = Zeroizing::new(compute(method, key, message)?);
    Ok(computed.as_slice().ct_eq(mac).into())
}

/// ISO 9797-1 algorithm 1: the last block of CBC, under DES or TDES.
pub fn cbc(key: &impl Cipher, message: &[u8], padding: MacPadding) -> Result<[u8; 8], KeyError> {
    MacMethod::X9_9.check_key(key)?;
    key.last_cbc_block(&padded(message, padding))
}

/// ISO 9797-1 algorithm 3: CBC under the left half of a 16-byte key, the last block decrypted under
/// the right half and encrypted under the left one.
pub fn retail(key: &impl Cipher, message: &[u8], padding: MacPadding) -> Result<[u8; 8], KeyError> {
    MacMethod::X9_19.check_key(key)?;
    if padding != MacPadding::Zeros {
        return retail(key, &padded(message, padding), MacPadding::Zeros);
    }
    // E(D(E(x))) of the last block is TDES. All blocks before it use the left half only.
    let (first, last) = message.split_at(message.len().saturating_sub(1) / 8 * 8);
    let mut chained = key.last_cbc_block_left_half(first)?;
    xor(&mut chained, last);
    key.encrypt(&mut chained)?;
    Ok(chained)
}

/// The steps of UnionPay's ECB MAC, which acquirers compare when a MAC differs.
#[derive(Copy, Clone, PartialEq, Eq)]
pub struct CupEcbSteps {
    /// XOR of all blocks of the message.
    pub xored: [u8; 8],
    /// Encryption of the first eight hex digits of `xored`.
    pub encrypted: [u8; 8],
    /// `encrypted` XORed with the last eight hex digits of `xored`.
    pub mixed: [u8; 8],
    /// Encryption of `mixed`.
    pub result: [u8; 8],
    /// First eight hex digits of `result`, for field 64.
    pub mac: [u8; 8],
}

/// UnionPay's ECB MAC with its steps, under DES or TDES.
pub fn cup_ecb(key: &impl Cipher, message: &[u8]) -> Result<CupEcbSteps, KeyError> {
    MacMethod::CupEcb.check_key(key)?;
    let mut xored = [0; 8];
    for block in message.chunks(8) {
        xor(&mut xored, block);
    }
    let digits = hex_digits(xored);
    let (mut encrypted, mut second) = ([0; 8], [0; 8]);
    encrypted.copy_from_slice(&digits[..8]);
    second.copy_from_slice(&digits[8..]);
    key.encrypt(&mut encrypted)?;
    let mut mixed = encrypted;
    xor(&mut mixed, &second);
    let mut result = mixed;
    key.encrypt(&mut result)?;
    let [a, b, c, d, e, f, g, h, ..] = hex_digits(result);
    Ok(CupEcbSteps { xored, encrypted, mixed, result, mac: [a, b, c, d, e, f, g, h] })
}

fn hex_digits(bytes: [u8; 8]) -> [u8; 16] {
    let mut digits = [0; 16];
    base16ct::upper::encode(&bytes, &mut digits).expect("two digits for each byte");
    digits
}

/// The message in whole blocks, at least one. Wiped when dropped: it may hold a card number.
fn padded(message: &[u8], padding: MacPadding) -> Zeroizing<Vec<u8>> {
    let mut blocks = Zeroizing::new(Vec::with_capacity(message.len() + 16));
    if padding == MacPadding::Length {
        let bits = u64::try_from(message.len()).unwrap_or(u64::MAX).saturating_mul(8);
        blocks.extend_from_slice(&bits.to_be_bytes());
    }
    blocks.extend_from_slice(message);
    if padding == MacPadding::Bit {
        blocks.push(0x80);
    }
    let whole = blocks.len().next_multiple_of(8).max(8);
    blocks.resize(whole, 0);
    blocks
}

fn xor(block: &mut [u8; 8], other: &[u8]) {
    for (byte, other) in block.iter_mut().zip(other) {
        *byte ^= other;
    }
}
