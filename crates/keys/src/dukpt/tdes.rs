//! DUKPT with TDES: ANSI X9.24-1:2009, annex A.

use std::fmt;

use zeroize::Zeroizing;

use crate::cipher::Cipher;
use crate::error::KeyError;
use crate::key::{Algorithm, TdesKey};

/// A key serial number (KSN): 59 bits that name the base key and the terminal, 21 bits that count.
///
/// At most ten bits of a counter are one, and zero is the initial key: a counter can have
/// 1,048,575 values.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub struct Serial([u8; 10]);

/// How many bits the counter has.
const COUNTER_BITS: u32 = 21;
const COUNTER_MASK: u32 = (1 << COUNTER_BITS) - 1;
/// How many bits of a counter can be one.
const COUNTER_ONES_MAX: u32 = 10;

impl Serial {
    /// The ten bytes that a terminal sends.
    #[must_use]
    pub const fn new(bytes: [u8; 10]) -> Serial {
        Serial(bytes)
    }

    /// The ten bytes.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 10] {
        self.0
    }

    /// The transaction counter.
    #[must_use]
    pub const fn counter(&self) -> u32 {
        let [.., a, b, c] = self.0;
        u32::from_be_bytes([0, a, b, c]) & COUNTER_MASK
    }

    /// The same terminal with another counter, of which 21 bits are taken.
    #[must_use]
    pub const fn with_counter(self, counter: u32) -> Serial {
        let [.., a, b, c] = self.0;
        let rest = u32::from_be_bytes([0, a, b, c]) & !COUNTER_MASK;
        let [_, a, b, c] = (rest | counter & COUNTER_MASK).to_be_bytes();
        let mut bytes = self.0;
        bytes[7] = a;
        bytes[8] = b;
        bytes[9] = c;
        Serial(bytes)
    }

    /// The last eight bytes, without the counter's bits that are not in `counter`.
    fn register(self, counter: u32) -> [u8; 8] {
        let [_, _, a, b, c, d, e, f, g, h] = self.with_counter(counter).0;
        [a, b, c, d, e, f, g, h]
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({})", crate::hex::encode(&self.0))
    }
}

/// The key of a terminal (IPEK) from the base key (A.6): TDES of the serial number without its
/// counter, once under the base key and once under the base key masked.
pub fn initial_key(base: &impl Cipher, serial: Serial) -> Result<TdesKey, KeyError> {
    check_base(base)?;
    let [a, b, c, d, e, f, g, h, ..] = serial.with_counter(0).0;
    let first = [a, b, c, d, e, f, g, h];
    let mut bytes = Zeroizing::new([0; 16]);
    bytes[..8].copy_from_slice(&first);
    base.encrypt(&mut bytes[..8])?;
    bytes[8..].copy_from_slice(&base.encrypt_masked(first)?);
    TdesKey::new(bytes.as_slice())
}

fn check_base(base: &impl Cipher) -> Result<(), KeyError> {
    match base.algorithm() {
        Algorithm::Tdes2 => Ok(()),
        algorithm => Err(KeyError::SerialKind { needs: "TDES with a key of 16 bytes", algorithm }),
    }
}

/// The key of one transaction, from the terminal's initial key. A serial number whose counter no
/// terminal can have is refused.
pub fn transaction_key(initial: &TdesKey, serial: Serial) -> Result<TransactionKey, KeyError> {
    let counter = serial.counter();
    if counter == 0 || counter.count_ones() > COUNTER_ONES_MAX {
        return Err(KeyError::SerialCounter);
    }
    let mut key = Halves::of(initial)?;
    let mut reached = 0;
    for bit in (0..COUNTER_BITS).rev().filter(|bit| counter & (1 << bit) != 0) {
        reached |= 1 << bit;
        key = key.next(serial.register(reached))?;
    }
    Ok(TransactionKey(key))
}

/// The key of one transaction. What is used is one of its variants (A.4.1).
pub struct TransactionKey(Halves);

impl TransactionKey {
    /// The key for the PIN block.
    pub fn pin_key(&self) -> Result<TdesKey, KeyError> {
        self.0.masked(0x0000_0000_0000_00FF)?.key()
    }

    /// The key for the MAC of what the terminal sends.
    pub fn request_mac_key(&self) -> Result<TdesKey, KeyError> {
        self.0.masked(0x0000_0000_0000_FF00)?.key()
    }

    /// The key for the MAC of what the terminal receives.
    pub fn response_mac_key(&self) -> Result<TdesKey, KeyError> {
        self.0.masked(0x0000_0000_FF00_0000)?.key()
    }

    /// The key for encrypting what the terminal sends: the variant, encrypted under itself.
    pub fn request_data_key(&self) -> Result<TdesKey, KeyError> {
        self.one_way(0x0000_0000_00FF_0000)
    }

    /// The key for encrypting what the terminal receives: the variant, encrypted under itself.
    pub fn response_data_key(&self) -> Result<TdesKey, KeyError> {
        self.one_way(0x0000_00FF_0000_0000)
    }

    fn one_way(&self, mask: u64) -> Result<TdesKey, KeyError> {
        let variant = self.0.masked(mask)?;
        let mut bytes = Zeroizing::new(*variant.0);
        variant.key()?.encrypt(bytes.as_mut_slice())?;
        TdesKey::new(bytes.as_slice())
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> [u8; 16] {
        *self.0.0
    }
}

impl fmt::Debug for TransactionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactionKey(dukpt tdes)")
    }
}

/// A key in derivation: two halves of eight bytes.
#[derive(Clone)]
struct Halves(Zeroizing<[u8; 16]>);

/// What the key is XORed with for the left half of the next one.
const NEXT_MASK: u64 = 0xC0C0_C0C0_0000_0000;

impl Halves {
    fn of(key: &TdesKey) -> Result<Halves, KeyError> {
        check_base(key)?;
        let mut bytes = Zeroizing::new([0; 16]);
        bytes.copy_from_slice(key.expose());
        Ok(Halves(bytes))
    }

    fn key(&self) -> Result<TdesKey, KeyError> {
        TdesKey::new(self.0.as_slice())
    }

    /// The same mask on both halves.
    fn masked(&self, mask: u64) -> Result<Halves, KeyError> {
        let mut bytes = self.0.clone();
        for half in bytes.chunks_exact_mut(8) {
            for (byte, mask) in half.iter_mut().zip(mask.to_be_bytes()) {
                *byte ^= mask;
            }
        }
        Ok(Halves(bytes))
    }

    /// The key one counter bit further: the non-reversible key generation (A.2).
    fn next(&self, register: [u8; 8]) -> Result<Halves, KeyError> {
        let mut next = Zeroizing::new([0; 16]);
        next[..8].copy_from_slice(&self.masked(NEXT_MASK)?.cipher(register)?);
        next[8..].copy_from_slice(&self.cipher(register)?);
        Ok(Halves(next))
    }

    /// The register XORed with the right half, DES under the left half, XORed with the right half.
    fn cipher(&self, register: [u8; 8]) -> Result<[u8; 8], KeyError> {
        let (left, right) = self.0.split_at(8);
        let mut block = register;
        xor(&mut block, right);
        TdesKey::new(left)?.encrypt(&mut block)?;
        xor(&mut block, right);
        Ok(block)
    }
}

fn xor(block: &mut [u8; 8], other: &[u8]) {
    for (byte, other) in block.iter_mut().zip(other) {
        *byte ^= other;
    }
}

/// A terminal's side: the future keys. It holds no key that was used before.
pub struct Terminal {
    serial: Serial,
    /// The counter of the next transaction.
    counter: u32,
    /// For each bit of the counter the key that belongs to the counter with this bit as its lowest.
    future: [Option<Halves>; COUNTER_BITS as usize],
}

impl Terminal {
    /// A terminal that is loaded with its initial key and its serial number. The counter in it is
    /// not looked at; the first transaction has the counter 1.
    pub fn new(initial: &TdesKey, serial: Serial) -> Result<Terminal, KeyError> {
        let initial = Halves::of(initial)?;
        let mut terminal =
            Terminal { serial: serial.with_counter(0), counter: 1, future: [const { None }; 21] };
        terminal.fill(&initial, 0, COUNTER_BITS)?;
        Ok(terminal)
    }

    /// The serial number and the key of the next transaction; then the key is forgotten.
    pub fn next_transaction(&mut self) -> Result<(Serial, TransactionKey), KeyError> {
        let counter = self.counter;
        if counter > COUNTER_MASK {
            return Err(KeyError::Exhausted);
        }
        let bit = counter.trailing_zeros();
        let place = usize::try_from(bit).map_err(|_| KeyError::Exhausted)?;
        let key = self.future.get_mut(place).and_then(Option::take).ok_or(KeyError::Exhausted)?;
        if counter.count_ones() < COUNTER_ONES_MAX {
            self.fill(&key, counter, bit)?;
            self.counter = counter + 1;
        } else {
            // Counters with more ones are skipped.
            self.counter = counter + (1 << bit);
        }
        Ok((self.serial.with_counter(counter), TransactionKey(key)))
    }

    /// Makes the keys of all counters that have one bit more than `counter`, below `bit`.
    fn fill(&mut self, key: &Halves, counter: u32, bit: u32) -> Result<(), KeyError> {
        for (lower, future) in (0..bit).zip(self.future.iter_mut()) {
            *future = Some(key.next(self.serial.register(counter | 1 << lower))?);
        }
        Ok(())
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terminal({:?})", self.serial.with_counter(self.counter))
    }
}

#[cfg(test)]
mod tests;
