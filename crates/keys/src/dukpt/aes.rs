//! DUKPT with AES: ANSI X9.24-3:2017.

use std::fmt;

use zeroize::Zeroizing;

use crate::cipher::Cipher;
use crate::error::KeyError;
use crate::key::{AesKey, Algorithm, Key};

/// A key serial number (KSN): four bytes that name the base key, four that name the terminal,
/// four that count.
///
/// At most sixteen bits of a counter are one, and zero is the initial key.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub struct Serial([u8; 12]);

/// How many bits of a counter can be one.
const COUNTER_ONES_MAX: u32 = 16;
/// The largest counter of a transaction: sixteen ones and sixteen zeros.
const COUNTER_MAX: u32 = 0xFFFF_0000;
/// The counter under which the key for a terminal's next initial key is derived.
const UPDATE_COUNTER: u32 = 0xFFFF_FFFF;

impl Serial {
    /// The twelve bytes that a terminal sends.
    #[must_use]
    pub const fn new(bytes: [u8; 12]) -> Serial {
        Serial(bytes)
    }

    /// The twelve bytes.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 12] {
        self.0
    }

    /// The name of the initial key: the base key's and the terminal's.
    #[must_use]
    pub const fn initial_key_id(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        [a, b, c, d, e, f, g, h]
    }

    /// The transaction counter.
    #[must_use]
    pub const fn counter(&self) -> u32 {
        let [.., a, b, c, d] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }

    /// The same terminal with another counter.
    #[must_use]
    pub const fn with_counter(self, counter: u32) -> Serial {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        let [i, j, k, l] = counter.to_be_bytes();
        Serial([a, b, c, d, e, f, g, h, i, j, k, l])
    }

    /// What the derivation of transaction keys takes: the terminal's four bytes, the counter.
    const fn register(self, counter: u32) -> [u8; 8] {
        let [_, _, _, _, a, b, c, d, e, f, g, h] = self.with_counter(counter).0;
        [a, b, c, d, e, f, g, h]
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({})", crate::hex::encode(&self.0))
    }
}

/// What a working key of a transaction is for (table 2 of the standard). Each has a key of its
/// own.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Usage {
    /// Encryption of other keys.
    KeyEncryption,
    /// PIN blocks.
    Pin,
    /// MACs that the terminal makes.
    MacGeneration,
    /// MACs that the terminal checks.
    MacVerification,
    /// MACs both ways.
    MacBoth,
    /// Encryption of what the terminal sends.
    DataEncryption,
    /// Decryption of what the terminal receives.
    DataDecryption,
    /// Encryption both ways.
    DataBoth,
}

impl Usage {
    const fn code(self) -> u16 {
        match self {
            Usage::KeyEncryption => 0x0002,
            Usage::Pin => 0x1000,
            Usage::MacGeneration => 0x2000,
            Usage::MacVerification => 0x2001,
            Usage::MacBoth => 0x2002,
            Usage::DataEncryption => 0x3000,
            Usage::DataDecryption => 0x3001,
            Usage::DataBoth => 0x3002,
        }
    }
}

const USAGE_DERIVATION: u16 = 0x8000;
const USAGE_INITIAL: u16 = 0x8001;

/// The key of a terminal from the base key (6.3.2), as long as the base key.
pub fn initial_key(base: &impl Cipher, serial: Serial) -> Result<AesKey, KeyError> {
    let algorithm = base.algorithm();
    if !algorithm.is_aes() {
        return Err(KeyError::SerialKind { needs: "AES", algorithm });
    }
    AesKey::new(&derive(base, USAGE_INITIAL, algorithm, serial.initial_key_id())?)
}

/// The key of one transaction, from the terminal's initial key. A serial number whose counter no
/// terminal can have is refused.
pub fn transaction_key(initial: &AesKey, serial: Serial) -> Result<TransactionKey, KeyError> {
    let counter = serial.counter();
    if counter == 0 || counter.count_ones() > COUNTER_ONES_MAX {
        return Err(KeyError::SerialCounter);
    }
    at_counter(initial, serial)
}

fn at_counter(initial: &AesKey, serial: Serial) -> Result<TransactionKey, KeyError> {
    let counter = serial.counter();
    let mut key = initial.clone();
    let mut reached = 0;
    for bit in (0..u32::BITS).rev().filter(|bit| counter & (1 << bit) != 0) {
        reached |= 1 << bit;
        key = next(&key, serial.register(reached))?;
    }
    Ok(TransactionKey { key, serial })
}

/// The key under which a terminal gets its next initial key: the one of a counter of all ones,
/// which no transaction has.
pub fn update_key(initial: &AesKey, serial: Serial, algorithm: Algorithm) -> Result<Key, KeyError> {
    let key = at_counter(initial, serial.with_counter(UPDATE_COUNTER))?;
    key.working_key(Usage::KeyEncryption, algorithm)
}

/// The key of one transaction. What is used is derived from it once more.
pub struct TransactionKey {
    key: AesKey,
    serial: Serial,
}

impl TransactionKey {
    /// The working key of a usage. AES keys are at most as long as the base key; TDES keys can be
    /// had, too, for PIN blocks of format 0.
    pub fn working_key(&self, usage: Usage, algorithm: Algorithm) -> Result<Key, KeyError> {
        let longer = algorithm.key_bytes() > self.key.algorithm().key_bytes();
        if algorithm == Algorithm::Des || algorithm.is_aes() && longer {
            return Err(KeyError::SerialKind {
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

impl fmt::Debug for TransactionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionKey({:?})", self.serial)
    }
}

fn next(key: &AesKey, register: [u8; 8]) -> Result<AesKey, KeyError> {
    AesKey::new(&derive(key, USAGE_DERIVATION, key.algorithm(), register)?)
}

/// The key derivation of 6.2: as many blocks as the key is long, each the encryption of a counter,
/// the usage, the algorithm, the length and the register.
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

/// A terminal's side: the intermediate keys. It holds no key that was used before.
pub struct Terminal {
    serial: Serial,
    /// The counter of the next transaction; `None` when all are used.
    counter: Option<u32>,
    /// For each bit of the counter the key that belongs to the counter with this bit as its lowest.
    future: [Option<AesKey>; u32::BITS as usize],
}

impl Terminal {
    /// A terminal that is loaded with its initial key and its serial number. The counter in it is
    /// not looked at; the first transaction has the counter 1.
    pub fn new(initial: &AesKey, serial: Serial) -> Result<Terminal, KeyError> {
        let serial = serial.with_counter(0);
        let mut terminal = Terminal { serial, counter: Some(1), future: [const { None }; 32] };
        terminal.fill(initial, 0, u32::BITS)?;
        Ok(terminal)
    }

    /// The serial number and the key of the next transaction; then the key is forgotten.
    pub fn next_transaction(&mut self) -> Result<(Serial, TransactionKey), KeyError> {
        let counter = self.counter.ok_or(KeyError::Exhausted)?;
        let bit = counter.trailing_zeros();
        let place = usize::try_from(bit).map_err(|_| KeyError::Exhausted)?;
        let key = self.future.get_mut(place).and_then(Option::take).ok_or(KeyError::Exhausted)?;
        self.counter = if counter.count_ones() < COUNTER_ONES_MAX {
            self.fill(&key, counter, bit)?;
            Some(counter + 1)
        } else {
            // Counters with more ones are skipped.
            counter.checked_add(1 << bit).filter(|next| *next <= COUNTER_MAX)
        };
        let serial = self.serial.with_counter(counter);
        Ok((serial, TransactionKey { key, serial }))
    }

    /// Makes the keys of all counters that have one bit more than `counter`, below `bit`.
    fn fill(&mut self, key: &AesKey, counter: u32, bit: u32) -> Result<(), KeyError> {
        for (lower, future) in (0..bit).zip(self.future.iter_mut()) {
            *future = Some(next(key, self.serial.register(counter | 1 << lower))?);
        }
        Ok(())
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terminal({:?})", self.serial)
    }
}

#[cfg(test)]
mod tests;
