//! A network's keys: checking and computing MACs, checking PINs, changing keys.

use iso8583::{ISO87_BINARY, MacBuildError, Message, MessageBuilder, Mti, WipedBytes};
use keys::tr31::{self, KeyBlockHeader, KeyBlockVersion, KeyUsage};
use keys::{AesKey, Key, KeyError, MacMethod, Pan, PinBlock, PinFormat, TdesKey, mac, pin};
use zeroize::Zeroizing;

use crate::card;
use crate::chance::{Chance, NetworkChanceUse};
use crate::codes::ResponseCode;
use crate::message_time;

/// A key change without an answer is sent again after this time.
pub const KEY_CHANGE_RETRY_MS: u64 = 30_000;

/// A key change is abandoned after this many attempts.
pub const KEY_CHANGE_TRIES_MAX: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// MAC key, `M`.
    Mac,
    /// PIN key, `P`.
    Pin,
}

/// A key change cannot start.
#[derive(Debug, thiserror::Error)]
pub enum KeyChangeError {
    #[error("no link is signed on")]
    NoSignedOnLink,
    /// Only one key change runs at a time.
    #[error("another key change is in progress")]
    InProgress,
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Build(#[from] MacBuildError<KeyError>),
}

/// A key with its predecessor and successor.
struct Rotation {
    current: TdesKey,
    previous: Option<TdesKey>,
    /// Sent, but not confirmed.
    next: Option<TdesKey>,
}

impl Rotation {
    const fn new(current: TdesKey) -> Rotation {
        Rotation { current, previous: None, next: None }
    }

    fn confirm(&mut self) {
        if let Some(next) = self.next.take() {
            self.previous = Some(std::mem::replace(&mut self.current, next));
        }
    }
}

struct Change {
    kind: KeyKind,
    stan: u32,
    sent: u32,
    message: WipedBytes,
    retry_ms: u64,
    attempts: u32,
}

pub(super) struct Keyring {
    exchange: AesKey,
    mac: Rotation,
    pin: Rotation,
    change: Option<Change>,
    seed: u64,
    /// Number of keys made; also the STAN of the last key change.
    keys_made: u32,
}

const STAN_MAX: u32 = 999_999;

impl Keyring {
    pub(super) fn new(exchange: AesKey, mac_key: TdesKey, pin_key: TdesKey, seed: u64) -> Keyring {
        let (mac, pin) = (Rotation::new(mac_key), Rotation::new(pin_key));
        Keyring { exchange, mac, pin, change: None, seed, keys_made: 0 }
    }

    /// The key that MACs are made with.
    pub(super) const fn mac(&self) -> &TdesKey {
        &self.mac.current
    }

    /// Checks a message's MAC under the current key, then the next, then the previous. A match
    /// under the next key confirms it.
    pub(super) fn verify_mac(&mut self, message: &Message<'_>) -> Result<bool, KeyError> {
        let (Some(covered), Some(found)) = (message.mac_input(), message.mac()) else {
            return Ok(false);
        };
        let matches = |key: &TdesKey| mac::check(MacMethod::X9_19, key, covered, &found);
        if matches(&self.mac.current)? {
            return Ok(true);
        }
        if let Some(next) = &self.mac.next
            && matches(next)?
        {
            self.mac.confirm();
            self.change.take_if(|change| change.kind == KeyKind::Mac);
            return Ok(true);
        }
        self.mac.previous.as_ref().map_or(Ok(false), matches)
    }

    /// Whether a PIN block holds the test card's PIN.
    pub(super) fn pin_matches(&self, block: [u8; 8], pan: &Pan) -> bool {
        let own = card::test_pin(pan);
        let keys = [Some(&self.pin.current), self.pin.next.as_ref(), self.pin.previous.as_ref()];
        keys.into_iter().flatten().any(|key| {
            let block = PinBlock::Tdes(block);
            pin::block_matches_pin(&block, PinFormat::Iso0, pan, key, &own).unwrap_or(false)
        })
    }

    /// Starts a key change and returns its message.
    pub(super) fn start_change(
        &mut self,
        kind: KeyKind,
        now_ms: u64,
    ) -> Result<WipedBytes, KeyChangeError> {
        if self.change.is_some() {
            return Err(KeyChangeError::InProgress);
        }
        self.keys_made = self.keys_made % STAN_MAX + 1;
        let key = self.make()?;
        let (letter, usage, mode) = match kind {
            KeyKind::Mac => ('M', *b"M3", b'C'),
            KeyKind::Pin => ('P', *b"P0", b'B'),
        };
        let header = KeyBlockHeader {
            version: KeyBlockVersion::D,
            usage: KeyUsage(usage),
            algorithm: b'T',
            mode,
            key_version: *b"00",
            exportability: b'N',
            optional: Vec::new(),
        };
        let block = tr31::wrap(&self.exchange, &header, &Key::Tdes(key.clone()))?;
        let (stan, sent) = (self.keys_made, message_time::transmission_time(now_ms));
        let message = MessageBuilder::new(&ISO87_BINARY, Mti::M0800)
            .number(7, u64::from(sent))
            .number(11, u64::from(stan))
            .text(48, format!("{letter}{block}"))
            .number(70, 101)
            .build_with_mac(|covered| mac::compute(MacMethod::X9_19, self.mac(), covered))?;
        match kind {
            KeyKind::Mac => self.mac.next = Some(key),
            KeyKind::Pin => self.pin.next = Some(key),
        }
        let retry_ms = now_ms.saturating_add(KEY_CHANGE_RETRY_MS);
        let change = Change { kind, stan, sent, message: message.clone(), retry_ms, attempts: 1 };
        self.change = Some(change);
        Ok(message)
    }

    /// A key of 16 bytes with odd parity, derived from the seed.
    fn make(&self) -> Result<TdesKey, KeyError> {
        let mut bytes = Zeroizing::new([0; 16]);
        Chance::new(self.seed, NetworkChanceUse::Key, u64::from(self.keys_made))
            .fill(bytes.as_mut_slice());
        for byte in bytes.iter_mut() {
            *byte ^= u8::from(byte.count_ones() % 2 == 0);
        }
        TdesKey::new(bytes.as_slice())
    }

    fn confirm(&mut self) {
        match self.change.take().map(|change| change.kind) {
            Some(KeyKind::Mac) => self.mac.confirm(),
            Some(KeyKind::Pin) => self.pin.confirm(),
            None => {}
        }
    }

    fn reject(&mut self) {
        match self.change.take().map(|change| change.kind) {
            Some(KeyKind::Mac) => self.mac.next = None,
            Some(KeyKind::Pin) => self.pin.next = None,
            None => {}
        }
    }

    /// Handles the answer to a key change: the new key is confirmed or dropped.
    pub(super) fn on_answer(&mut self, message: &Message<'_>) {
        let Some(change) = &self.change else { return };
        let same = message.number(11).ok() == Some(u64::from(change.stan))
            && message.number(7).ok() == Some(u64::from(change.sent))
            && message.number(70).ok() == Some(101);
        if !same {
            return;
        }
        if message.bytes(39).ok() == Some(&ResponseCode::APPROVED.bytes()) {
            self.confirm();
        } else {
            self.reject();
        }
    }

    pub(super) fn retry_ms(&self) -> Option<u64> {
        self.change.as_ref().map(|change| change.retry_ms)
    }

    /// Returns the key change again when it is due. After the last attempt it is abandoned; the
    /// switch may still have the key, in which case its next MAC confirms it.
    pub(super) fn retry(&mut self, now_ms: u64) -> Option<WipedBytes> {
        let change = self.change.as_mut().filter(|change| change.retry_ms <= now_ms)?;
        if change.attempts >= KEY_CHANGE_TRIES_MAX {
            self.change = None;
            return None;
        }
        change.attempts += 1;
        change.retry_ms = now_ms.saturating_add(KEY_CHANGE_RETRY_MS);
        Some(change.message.clone())
    }
}
