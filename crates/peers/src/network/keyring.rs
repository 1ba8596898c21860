//! The keys of a network: what is checked and made with them, and how they are changed.

use iso8583::{BuildError, Builder, ISO87_BINARY, Message, Mti, Wiped};
use keys::tr31::{self, BlockVersion, Header, KeyUsage};
use keys::{AesKey, Key, KeyError, MacMethod, Pan, PinBlock, PinFormat, TdesKey, mac, pin};
use zeroize::Zeroizing;

use crate::card;
use crate::chance::{Chance, Theme};
use crate::code;
use crate::moment;

/// How long the answer to a key change is waited for before it is sent again.
pub const KEY_CHANGE_WITHIN_MS: u64 = 30_000;

/// How often a key change is sent before it is given up.
pub const KEY_CHANGE_TRIES: u32 = 3;

/// Which key is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The key of MACs, `M`.
    Mac,
    /// The key of PIN blocks, `P`.
    Pin,
}

/// Why a key change does not begin.
#[derive(Debug, thiserror::Error)]
pub enum KeyChangeError {
    /// Nobody to tell.
    #[error("no link is signed on")]
    NoLink,
    /// One at a time.
    #[error("a key change waits for its answer")]
    UnderWay,
    /// The key block cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The message cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// One key with its neighbours in time.
struct Rotation {
    current: TdesKey,
    previous: Option<TdesKey>,
    /// Sent, not confirmed.
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
    message: Wiped,
    retry_ms: u64,
    tried: u32,
}

pub(super) struct Keyring {
    exchange: AesKey,
    mac: Rotation,
    pin: Rotation,
    change: Option<Change>,
    seed: u64,
    /// The network's own STAN, and how many keys it has made.
    made: u32,
}

const STAN_MAX: u32 = 999_999;

impl Keyring {
    pub(super) fn new(exchange: AesKey, mac_key: TdesKey, pin_key: TdesKey, seed: u64) -> Keyring {
        let (mac, pin) = (Rotation::new(mac_key), Rotation::new(pin_key));
        Keyring { exchange, mac, pin, change: None, seed, made: 0 }
    }

    /// The key that MACs are made with.
    pub(super) const fn mac(&self) -> &TdesKey {
        &self.mac.current
    }

    /// Whether a message's MAC is right under the key in force, the one before it, or one that is
    /// on its way; that one is in force then.
    pub(super) fn verifies(&mut self, message: &Message<'_>) -> Result<bool, KeyError> {
        let (Some(covered), Some(found)) = (message.before_mac(), message.mac()) else {
            return Ok(false);
        };
        let fits = |key: &TdesKey| mac::check(MacMethod::X9_19, key, covered, &found);
        if fits(&self.mac.current)? {
            return Ok(true);
        }
        if let Some(next) = &self.mac.next
            && fits(next)?
        {
            self.mac.confirm();
            self.change.take_if(|change| change.kind == KeyKind::Mac);
            return Ok(true);
        }
        self.mac.previous.as_ref().map_or(Ok(false), fits)
    }

    /// Whether a block has the PIN of a test card.
    pub(super) fn pin_fits(&self, block: [u8; 8], pan: &Pan) -> bool {
        let own = card::pin_of(pan);
        let keys = [Some(&self.pin.current), self.pin.next.as_ref(), self.pin.previous.as_ref()];
        keys.into_iter().flatten().any(|key| {
            let block = PinBlock::Tdes(block);
            pin::block_holds(&block, PinFormat::Iso0, pan, key, &own).unwrap_or(false)
        })
    }

    /// The message that brings a new key.
    pub(super) fn begin(&mut self, kind: KeyKind, now_ms: u64) -> Result<Wiped, KeyChangeError> {
        if self.change.is_some() {
            return Err(KeyChangeError::UnderWay);
        }
        self.made = self.made % STAN_MAX + 1;
        let key = self.make()?;
        let (letter, usage, mode) = match kind {
            KeyKind::Mac => ('M', *b"M3", b'C'),
            KeyKind::Pin => ('P', *b"P0", b'B'),
        };
        let header = Header {
            version: BlockVersion::D,
            usage: KeyUsage(usage),
            algorithm: b'T',
            mode,
            key_version: *b"00",
            exportability: b'N',
            optional: Vec::new(),
        };
        let block = tr31::wrap(&self.exchange, &header, &Key::Tdes(key.clone()))?;
        let (stan, sent) = (self.made, moment::transmission(now_ms));
        let message = Builder::new(&ISO87_BINARY, Mti::M0800)
            .number(7, u64::from(sent))
            .number(11, u64::from(stan))
            .text(48, format!("{letter}{block}"))
            .number(70, 101)
            .build()?;
        match kind {
            KeyKind::Mac => self.mac.next = Some(key),
            KeyKind::Pin => self.pin.next = Some(key),
        }
        let retry_ms = now_ms.saturating_add(KEY_CHANGE_WITHIN_MS);
        let change = Change { kind, stan, sent, message: message.clone(), retry_ms, tried: 1 };
        self.change = Some(change);
        Ok(message)
    }

    /// A key of 16 bytes of odd parity, by the seed.
    fn make(&self) -> Result<TdesKey, KeyError> {
        let mut bytes = Zeroizing::new([0; 16]);
        Chance::new(self.seed, Theme::Key, u64::from(self.made)).fill(bytes.as_mut_slice());
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

    fn refused(&mut self) {
        match self.change.take().map(|change| change.kind) {
            Some(KeyKind::Mac) => self.mac.next = None,
            Some(KeyKind::Pin) => self.pin.next = None,
            None => {}
        }
    }

    /// The switch took the new key, or did not.
    pub(super) fn answered(&mut self, message: &Message<'_>) {
        let Some(change) = &self.change else { return };
        let same = message.number(11).ok() == Some(u64::from(change.stan))
            && message.number(7).ok() == Some(u64::from(change.sent))
            && message.number(70).ok() == Some(101);
        if !same {
            return;
        }
        if message.bytes(39).ok() == Some(&code::DONE) {
            self.confirm();
        } else {
            self.refused();
        }
    }

    pub(super) fn retry_ms(&self) -> Option<u64> {
        self.change.as_ref().map(|change| change.retry_ms)
    }

    /// The key change once more, when its time has come; after the last try it is given up. The
    /// switch may have the key all the same, and then its next MAC says so.
    pub(super) fn retry(&mut self, now_ms: u64) -> Option<Wiped> {
        let change = self.change.as_mut().filter(|change| change.retry_ms <= now_ms)?;
        if change.tried >= KEY_CHANGE_TRIES {
            self.change = None;
            return None;
        }
        change.tried += 1;
        change.retry_ms = now_ms.saturating_add(KEY_CHANGE_WITHIN_MS);
        Some(change.message.clone())
    }
}
