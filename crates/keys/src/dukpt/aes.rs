//! DUKPT with AES: ANSI X9.24-3:2017.

use std::fmt;

use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::cipher::Cipher;
use crate::error::KeyError;
use crate::key::{AesKey, Key};

/// Key serial number (KSN): four bytes identify the base key, four the terminal, four are the
/// transaction counter.
///
/// A counter has one to sixteen set bits. Counter 0 is the initial key.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub struct AesKeySerialNumber([u8; 12]);

/// Maximum number of set bits of a counter.
const COUNTER_ONES_MAX: u32 = 16;
/// The largest counter of a transaction: sixteen ones, then sixteen zeros.
const COUNTER_MAX: u32 = 0xFFFF_0000;
/// Counter of the key that encrypts a terminal's next initial key.
const UPDATE_COUNTER: u32 = 0xFFFF_FFFF;

impl AesKeySerialNumber {
    /// Takes the twelve bytes that a terminal sends.
    #[must_use]
    pub const fn new(bytes: [u8; 12]) -> AesKeySerialNumber {
        AesKeySerialNumber(bytes)
    }

    #[must_use]
    pub const fn bytes(&self) -> [u8; 12] {
        self.0
    }

    /// Initial key ID: the ids of the base key and of the terminal.
    #[must_use]
    pub const fn initial_key_id(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        [a, b, c, d, e, f, g, h]
    }

    #[must_use]
    pub const fn counter(&self) -> u32 {
        let [.., a, b, c, d] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }

    #[must_use]
    pub const fn with_counter(self, counter: u32) -> AesKeySerialNumber {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        let [i, j, k, l] = counter.to_be_bytes();
        AesKeySerialNumber([a, b, c, d, e, f, g, h, i, j, k, l])
    }

    /// Input of the derivation of transaction keys: terminal id and counter.
    const fn register(self, counter: u32) -> [u8; 8] {
        let [_, _, _, _, a, b, c, d, e, f, g, h] = self.with_counter(counter).0;
        [a, b, c, d, e, f, g, h]
    }
}

impl fmt::Debug for AesKeySerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({})", crate::hex::encode(&self.0))
    }
}

/// Use of a working key (table 2 of the standard). Each use has its own key.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum WorkingKeyUsage {
    KeyEncryption,
    Pin,
    /// MACs that the terminal computes.
    MacGeneration,
    /// MACs that the terminal checks.
    MacVerification,
    /// MACs in both directions.
    MacBoth,
    /// Data that the terminal sends.
    DataEncryption,
    /// Data that the terminal receives.
    DataDecryption,
    /// Data in both directions.
    DataBoth,
}

impl WorkingKeyUsage {
    const fn code(self) -> u16 {
        match self {
            WorkingKeyUsage::KeyEncryption => 0x0002,
            WorkingKeyUsage::Pin => 0x1000,
            WorkingKeyUsage::MacGeneration => 0x2000,
            WorkingKeyUsage::MacVerification => 0x2001,
            WorkingKeyUsage::MacBoth => 0x2002,
            WorkingKeyUsage::DataEncryption => 0x3000,
            WorkingKeyUsage::DataDecryption => 0x3001,
            WorkingKeyUsage::DataBoth => 0x3002,
        }
    }
}

const USAGE_DERIVATION: u16 = 0x8000;
const USAGE_INITIAL: u16 = 0x8001;

/// Derives a terminal's initial key from the base key (6.3.2). It is as long as the base key.
pub fn initial_key(base: &impl Cipher, serial: AesKeySerialNumber) -> Result<AesKey, KeyError> {
    let algorithm = base.algorithm();
    if !algorithm.is_aes() {
        return Err(KeyError::WrongSerialKind { needs: "AES", algorithm });
    }
    AesKey::new(&derive(base, USAGE_INITIAL, algorithm, serial.initial_key_id())?)
}

/// Derives the key of one transaction from the terminal's initial key.
///
/// Fails with [`KeyError::InvalidSerialCounter`] if no terminal can have this counter.
pub fn transaction_key(
    initial: &AesKey,
    serial: AesKeySerialNumber,
) -> Result<AesTransactionKey, KeyError> {
    let counter = serial.counter();
    if counter == 0 || counter.count_ones() > COUNTER_ONES_MAX {
        return Err(KeyError::InvalidSerialCounter);
    }
    at_counter(initial, serial)
}

fn at_counter(initial: &AesKey, serial: AesKeySerialNumber) -> Result<AesTransactionKey, KeyError> {
    let counter = serial.counter();
    let mut key = initial.clone();
    let mut reached = 0;
    for bit in (0..u32::BITS).rev().filter(|bit| counter & (1 << bit) != 0) {
        reached |= 1 << bit;
        key = next(&key, serial.register(reached))?;
    }
    Ok(AesTransactionKey { key, serial })
}

/// Derives the key that encrypts a terminal's next initial key, from the counter of all ones, which
/// no transaction has.
pub fn update_key(
    initial: &AesKey,
    serial: AesKeySerialNumber,
    algorithm: Algorithm,
) -> Result<Key, KeyError> {
    let key = at_counter(initial, serial.with_counter(UPDATE_COUNTER))?;
    key.working_key(WorkingKeyUsage::KeyEncryption, algorithm)
}

/// The key of one transaction. Only working keys derived from it are used.
pub struct AesTransactionKey {
    key: AesKey,
    serial: AesKeySerialNumber,
}

impl AesTransactionKey {
    /// Derives the working key for one use. An AES key is at most as long as the base key. TDES
    /// keys serve PIN blocks of format 0.
    pub fn working_key(
        &self,
        usage: WorkingKeyUsage,
        algorithm: Algorithm,
    ) -> Result<Key, KeyError> {
        let longer = algorithm.key_bytes() > self.key.algorithm().key_bytes();
        if algorithm == Algorithm::Des || algorithm.is_aes() && longer {
            return Err(KeyError::WrongSerialKind {
                needs: "another algorithm",
                algorithm: self.key.algorithm(),
            });
        }
        let register = self.serial.register(self.serial.counter());
        Key::new(algorithm, &derive(&self.key, usage.code(), algorithm, register)?)
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.key.expose().to_vec()
    }
}

impl fmt::Debug for AesTransactionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionKey({:?})", self.serial)
    }
}

fn next(key: &AesKey, register: [u8; 8]) -> Result<AesKey, KeyError> {
    AesKey::new(&derive(key, USAGE_DERIVATION, key.algorithm(), register)?)
}

/// Key derivation of 6.2: one block per 16 bytes of the key, each the encryption of a counter, the
/// usage, the algorithm, the length and the register.
fn derive(
    key: &impl Cipher,
    usage: u16,
    algorithm: Algorithm,
    register: [u8; 8],
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let code: u16 = match algorithm {
        Algorithm::Des | Algorithm::Tdes2 => 0,
        Algorithm::Tdes3 => 1,
        Algorithm::Aes128 => 2,
        Algorithm::Aes192 => 3,
        Algorithm::Aes256 => 4,
    };
    let key_bits = u16::try_from(algorithm.key_bytes() * 8).unwrap_or_default();
    let mut bytes = Zeroizing::new(vec![0; algorithm.key_bytes()]);
    for (counter, part) in (1_u8..).zip(bytes.chunks_mut(16)) {
        let mut block = Zeroizing::new([0; 16]);
        block[0] = 1;
        block[1] = counter;
        block[2..4].copy_from_slice(&usage.to_be_bytes());
        block[4..6].copy_from_slice(&code.to_be_bytes());
        block[6..8].copy_from_slice(&key_bits.to_be_bytes());
        block[8..].copy_from_slice(&register);
        key.encrypt(block.as_mut_slice())?;
        part.copy_from_slice(&block[..part.len()]);
    }
    Ok(bytes)
}

/// The terminal's side. It holds only intermediate keys, never one that was used.
pub struct AesDukptTerminal {
    serial: AesKeySerialNumber,
    /// Counter of the next transaction, `None` after the last.
    counter: Option<u32>,
    /// Entry `n` is the key of the next counter whose lowest set bit is bit `n`.
    future: [Option<AesKey>; u32::BITS as usize],
}

impl AesDukptTerminal {
    /// A terminal with a new initial key. The counter in `serial` is ignored: the first transaction
    /// has counter 1.
    pub fn new(initial: &AesKey, serial: AesKeySerialNumber) -> Result<AesDukptTerminal, KeyError> {
        let serial = serial.with_counter(0);
        let mut terminal =
            AesDukptTerminal { serial, counter: Some(1), future: [const { None }; 32] };
        terminal.fill(initial, 0, u32::BITS)?;
        Ok(terminal)
    }

    /// Returns the serial number and the key of the next transaction, and deletes the key.
    pub fn next_transaction(
        &mut self,
    ) -> Result<(AesKeySerialNumber, AesTransactionKey), KeyError> {
        let counter = self.counter.ok_or(KeyError::KeysExhausted)?;
        let bit = counter.trailing_zeros();
        let place = usize::try_from(bit).map_err(|_| KeyError::KeysExhausted)?;
        let key =
            self.future.get_mut(place).and_then(Option::take).ok_or(KeyError::KeysExhausted)?;
        self.counter = if counter.count_ones() < COUNTER_ONES_MAX {
            self.fill(&key, counter, bit)?;
            Some(counter + 1)
        } else {
            // Skip the counters with more set bits.
            counter.checked_add(1 << bit).filter(|next| *next <= COUNTER_MAX)
        };
        let serial = self.serial.with_counter(counter);
        Ok((serial, AesTransactionKey { key, serial }))
    }

    /// Derives the keys of all counters that set one more bit than `counter`, below `bit`.
    fn fill(&mut self, key: &AesKey, counter: u32, bit: u32) -> Result<(), KeyError> {
        for (lower, future) in (0..bit).zip(self.future.iter_mut()) {
            *future = Some(next(key, self.serial.register(counter | 1 << lower))?);
        }
        Ok(())
    }
}

impl fmt::Debug for AesDukptTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terminal({:?})", self.serial)
    }
}

#[cfg(test)]
mod tests;
