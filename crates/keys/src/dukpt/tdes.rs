//! DUKPT with TDES: ANSI X9.24-1:2009, annex A.

use std::fmt;

use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::cipher::Cipher;
use crate::error::KeyError;
use crate::key::TdesKey;

/// Key serial number (KSN): 59 bits identify the base key and the terminal, 21 bits are the
/// transaction counter.
///
/// A counter has one to ten set bits, which gives 1,048,575 values. Counter 0 is the initial key.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub struct TdesKeySerialNumber([u8; 10]);

const COUNTER_BITS: u32 = 21;
const COUNTER_MASK: u32 = (1 << COUNTER_BITS) - 1;
/// Maximum number of set bits of a counter.
const COUNTER_ONES_MAX: u32 = 10;

impl TdesKeySerialNumber {
    /// Takes the ten bytes that a terminal sends.
    #[must_use]
    pub const fn new(bytes: [u8; 10]) -> TdesKeySerialNumber {
        TdesKeySerialNumber(bytes)
    }

    #[must_use]
    pub const fn bytes(&self) -> [u8; 10] {
        self.0
    }

    #[must_use]
    pub const fn counter(&self) -> u32 {
        let [.., a, b, c] = self.0;
        u32::from_be_bytes([0, a, b, c]) & COUNTER_MASK
    }

    /// The same terminal with another counter. Uses the low 21 bits of `counter`.
    #[must_use]
    pub const fn with_counter(self, counter: u32) -> TdesKeySerialNumber {
        let [.., a, b, c] = self.0;
        let rest = u32::from_be_bytes([0, a, b, c]) & !COUNTER_MASK;
        let [_, a, b, c] = (rest | counter & COUNTER_MASK).to_be_bytes();
        let mut bytes = self.0;
        bytes[7] = a;
        bytes[8] = b;
        bytes[9] = c;
        TdesKeySerialNumber(bytes)
    }

    /// The last eight bytes, with this counter.
    fn register(self, counter: u32) -> [u8; 8] {
        let [_, _, a, b, c, d, e, f, g, h] = self.with_counter(counter).0;
        [a, b, c, d, e, f, g, h]
    }
}

impl fmt::Debug for TdesKeySerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({})", crate::hex::encode(&self.0))
    }
}

/// Derives a terminal's initial key (IPEK) from the base key (A.6): encrypts the serial number
/// without its counter, for one half under the base key, for the other under the masked base key.
pub fn initial_key(base: &impl Cipher, serial: TdesKeySerialNumber) -> Result<TdesKey, KeyError> {
    check_base(base)?;
    let [a, b, c, d, e, f, g, h, ..] = serial.with_counter(0).0;
    let first = [a, b, c, d, e, f, g, h];
    let mut bytes = Zeroizing::new([0; 16]);
    bytes[..8].copy_from_slice(&first);
    base.encrypt(&mut bytes[..8])?;
    bytes[8..].copy_from_slice(&base.encrypt_dukpt_masked(first)?);
    TdesKey::new(bytes.as_slice())
}

fn check_base(base: &impl Cipher) -> Result<(), KeyError> {
    match base.algorithm() {
        Algorithm::Tdes2 => Ok(()),
        algorithm => {
            Err(KeyError::WrongSerialKind { needs: "TDES with a key of 16 bytes", algorithm })
        }
    }
}

/// Derives the key of one transaction from the terminal's initial key.
///
/// Fails with [`KeyError::InvalidSerialCounter`] if no terminal can have this counter.
pub fn transaction_key(
    initial: &TdesKey,
    serial: TdesKeySerialNumber,
) -> Result<TdesTransactionKey, KeyError> {
    let counter = serial.counter();
    if counter == 0 || counter.count_ones() > COUNTER_ONES_MAX {
        return Err(KeyError::InvalidSerialCounter);
    }
    let mut key = Halves::of(initial)?;
    let mut reached = 0;
    for bit in (0..COUNTER_BITS).rev().filter(|bit| counter & (1 << bit) != 0) {
        reached |= 1 << bit;
        key = key.next(serial.register(reached))?;
    }
    Ok(TdesTransactionKey(key))
}

/// The key of one transaction. Only its variants are used (A.4.1).
pub struct TdesTransactionKey(Halves);

impl TdesTransactionKey {
    /// Encrypts the PIN block.
    pub fn pin_key(&self) -> Result<TdesKey, KeyError> {
        self.0.masked(0x0000_0000_0000_00FF)?.key()
    }

    /// MAC of the terminal's request.
    pub fn request_mac_key(&self) -> Result<TdesKey, KeyError> {
        self.0.masked(0x0000_0000_0000_FF00)?.key()
    }

    /// MAC of the response to the terminal.
    pub fn response_mac_key(&self) -> Result<TdesKey, KeyError> {
        self.0.masked(0x0000_0000_FF00_0000)?.key()
    }

    /// Encrypts data of the request: the variant, encrypted under itself.
    pub fn request_data_key(&self) -> Result<TdesKey, KeyError> {
        self.one_way(0x0000_0000_00FF_0000)
    }

    /// Encrypts data of the response: the variant, encrypted under itself.
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

impl fmt::Debug for TdesTransactionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactionKey(dukpt tdes)")
    }
}

/// A key during derivation: two halves of eight bytes.
#[derive(Clone)]
struct Halves(Zeroizing<[u8; 16]>);

/// XORed with both halves of a key to derive the left half of the next key.
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

    /// XORs the mask with both halves.
    fn masked(&self, mask: u64) -> Result<Halves, KeyError> {
        let mut bytes = self.0.clone();
        for half in bytes.chunks_exact_mut(8) {
            for (byte, mask) in half.iter_mut().zip(mask.to_be_bytes()) {
                *byte ^= mask;
            }
        }
        Ok(Halves(bytes))
    }

    /// Derives the key for one more counter bit: non-reversible key generation (A.2).
    fn next(&self, register: [u8; 8]) -> Result<Halves, KeyError> {
        let mut next = Zeroizing::new([0; 16]);
        next[..8].copy_from_slice(&self.masked(NEXT_MASK)?.cipher(register)?);
        next[8..].copy_from_slice(&self.cipher(register)?);
        Ok(Halves(next))
    }

    /// XORs the register with the right half, encrypts it with DES under the left half, and XORs it
    /// with the right half again.
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

/// The terminal's side. It holds only future keys, never one that was used.
pub struct TdesDukptTerminal {
    serial: TdesKeySerialNumber,
    /// Counter of the next transaction.
    counter: u32,
    /// Entry `n` is the key of the next counter whose lowest set bit is bit `n`.
    future: [Option<Halves>; COUNTER_BITS as usize],
}

impl TdesDukptTerminal {
    /// A terminal with a new initial key. The counter in `serial` is ignored: the first transaction
    /// has counter 1.
    pub fn new(
        initial: &TdesKey,
        serial: TdesKeySerialNumber,
    ) -> Result<TdesDukptTerminal, KeyError> {
        let initial = Halves::of(initial)?;
        let mut terminal = TdesDukptTerminal {
            serial: serial.with_counter(0),
            counter: 1,
            future: [const { None }; 21],
        };
        terminal.fill(&initial, 0, COUNTER_BITS)?;
        Ok(terminal)
    }

    /// Returns the serial number and the key of the next transaction, and deletes the key.
    pub fn next_transaction(
        &mut self,
    ) -> Result<(TdesKeySerialNumber, TdesTransactionKey), KeyError> {
        let counter = self.counter;
        if counter > COUNTER_MASK {
            return Err(KeyError::KeysExhausted);
        }
        let bit = counter.trailing_zeros();
        let place = usize::try_from(bit).map_err(|_| KeyError::KeysExhausted)?;
        let key =
            self.future.get_mut(place).and_then(Option::take).ok_or(KeyError::KeysExhausted)?;
        if counter.count_ones() < COUNTER_ONES_MAX {
            self.fill(&key, counter, bit)?;
            self.counter = counter + 1;
        } else {
            // Skip the counters with more set bits.
            self.counter = counter + (1 << bit);
        }
        Ok((self.serial.with_counter(counter), TdesTransactionKey(key)))
    }

    /// Derives the keys of all counters that set one more bit than `counter`, below `bit`.
    fn fill(&mut self, key: &Halves, counter: u32, bit: u32) -> Result<(), KeyError> {
        for (lower, future) in (0..bit).zip(self.future.iter_mut()) {
            *future = Some(key.next(self.serial.register(counter | 1 << lower))?);
        }
        Ok(())
    }
}

impl fmt::Debug for TdesDukptTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terminal({:?})", self.serial.with_counter(self.counter))
    }
}

#[cfg(test)]
mod tests;
