//! The keys between a terminal and the host from one sign-on to the next, on both sides.
//!
//! **With a terminal link key** (AES, [`KeyPurpose::TerminalLink`]): both sides send a random value
//! of 16 bytes. The terminal proves its key with the MAC of its sign-on, the host with the MAC of
//! its answer under the new keys. `KDF` is SP 800-108r1 in counter mode with AES-CMAC, numbers are
//! big-endian, `terminal` has eight bytes:
//!
//! - sign-on key, for the MAC of a sign-on: `KDF(link key, "doorstep sign-on", terminal)`
//! - session keys, four of 16 bytes, for MACs of the terminal, MACs of the host, PIN blocks and
//!   card data: `KDF(link key, "doorstep session", terminal ‖ its random ‖ host's random)`
//!
//! MACs are CMACs, of which eight bytes are sent. PIN blocks have ISO format 4. Card data is sealed
//! with AES-128-GCM under a random nonce: nonce 12, ciphertext, tag 16.
//!
//! **With a terminal master key** (TDES, UnionPay): the host makes a PIN key and a MAC key at
//! random and encrypts them under the terminal's key ([`crate::sign_on`]). There is no key for card
//! data.
//!
//! [`KeyPurpose::TerminalLink`]: crate::KeyPurpose::TerminalLink

use aes::Aes128Enc;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Nonce};
use cmac::{Cmac, Mac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::cipher::Cipher;
use crate::derive::derive_bytes;
use crate::error::{KeyError, KeyStoreError};
use crate::key::{AesKey, Key, TdesKey};
use crate::mac::{self, MacMethod};
use crate::pan::Pan;
use crate::pin::{self, Pin, PinBlock, PinFormat};

pub const SESSION_RANDOM_BYTES: usize = 16;
/// What a side adds to a session's keys. Not secret.
pub type SessionRandom = [u8; SESSION_RANDOM_BYTES];

/// Bytes that [`SessionKeys::seal_card_data`] adds: nonce and tag.
pub const SEALED_CARD_DATA_OVERHEAD_BYTES: usize = NONCE_BYTES + 16;
const NONCE_BYTES: usize = 12;

/// The keys of one session, as one side uses them. They are wiped when dropped and never shown.
pub struct SessionKeys(Keys);

enum Keys {
    Aes(AesKeys),
    Tdes { pin: Zeroizing<[u8; 16]>, mac: Zeroizing<Vec<u8>>, method: MacMethod },
}

/// Bytes without their key schedules: a host has many thousands of sessions.
struct AesKeys {
    own_mac: Zeroizing<[u8; 16]>,
    other_mac: Zeroizing<[u8; 16]>,
    pin: Zeroizing<[u8; 16]>,
    card_data: Zeroizing<[u8; 16]>,
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Side {
    Terminal,
    Host,
}

/// A sign-on as it arrived from a terminal.
#[derive(Copy, Clone)]
pub struct SignOnRequest<'a> {
    /// The number of the terminal that signs on.
    pub terminal: u64,
    pub random: SessionRandom,
    /// The bytes under the MAC.
    pub message: &'a [u8],
    /// Eight bytes.
    pub mac: &'a [u8],
}

/// A terminal's side of a sign-on.
pub struct TerminalSignOn {
    key: AesKey,
    terminal: u64,
    random: SessionRandom,
}

impl TerminalSignOn {
    /// Begins a sign-on. The terminal never uses a random value twice ([`new_random`]).
    #[must_use]
    pub const fn new(link_key: AesKey, terminal: u64, random: SessionRandom) -> TerminalSignOn {
        TerminalSignOn { key: link_key, terminal, random }
    }

    #[must_use]
    pub const fn random(&self) -> &SessionRandom {
        &self.random
    }

    /// The MAC of the sign-on message.
    pub fn mac(&self, message: &[u8]) -> Result<[u8; 8], KeyError> {
        mac::compute(MacMethod::Cmac, &sign_on_key(&self.key, self.terminal)?, message)
    }

    /// The keys of the session, with the random value of the host's answer. The answer is the
    /// host's only if [`SessionKeys::check_mac`] accepts its MAC.
    pub fn finish(&self, host_random: &SessionRandom) -> Result<SessionKeys, KeyError> {
        session_keys(&self.key, self.terminal, &self.random, host_random, Side::Terminal)
    }
}

impl SessionKeys {
    /// The MAC of a message that this side sends.
    pub fn mac(&self, message: &[u8]) -> Result<[u8; 8], KeyError> {
        match &self.0 {
            Keys::Aes(keys) => Ok(cmac(&keys.own_mac, message)),
            Keys::Tdes { mac, method, .. } => mac::compute(*method, &TdesKey::new(mac)?, message),
        }
    }

    /// Whether `mac`, eight bytes, is the other side's MAC of the message, in constant time.
    pub fn check_mac(&self, message: &[u8], mac: &[u8]) -> Result<bool, KeyError> {
        match &self.0 {
            Keys::Aes(keys) => {
                let computed = Zeroizing::new(cmac(&keys.other_mac, message));
                Ok(computed.as_slice().ct_eq(mac).into())
            }
            Keys::Tdes { mac: key, method, .. } => {
                mac::check(*method, &TdesKey::new(key)?, message, mac)
            }
        }
    }

    /// ISO format 4 under AES, format 0 under TDES.
    #[must_use]
    pub const fn pin_format(&self) -> PinFormat {
        match self.0 {
            Keys::Aes(_) => PinFormat::Iso4,
            Keys::Tdes { .. } => PinFormat::Iso0,
        }
    }

    /// Encrypts a PIN, as a terminal does.
    pub fn encrypt_pin(&self, pin: &Pin, pan: &Pan) -> Result<PinBlock, KeyError> {
        match &self.0 {
            Keys::Aes(keys) => {
                pin::encrypt_block(pin, PinFormat::Iso4, pan, &AesKey::new(&*keys.pin)?)
            }
            Keys::Tdes { pin: key, .. } => {
                pin::encrypt_block(pin, PinFormat::Iso0, pan, &TdesKey::new(&**key)?)
            }
        }
    }

    /// The PIN of a terminal's block. It never leaves this crate.
    pub(crate) fn decrypt_pin(&self, block: &PinBlock, pan: &Pan) -> Result<Pin, KeyError> {
        let format = self.pin_format();
        match &self.0 {
            Keys::Aes(keys) => pin::decrypt_block(block, format, pan, &AesKey::new(&*keys.pin)?),
            Keys::Tdes { pin, .. } => {
                pin::decrypt_block(block, format, pan, &TdesKey::new(&**pin)?)
            }
        }
    }

    /// Seals card data, as a terminal does.
    ///
    /// Fails with [`KeyError::NoCardDataKey`] if the session has TDES keys.
    pub fn seal_card_data(&self, plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(KeyStoreError::NoRandomness)?;
        let payload = Payload { msg: plain, aad: &[] };
        let sealed = self.card_data_cipher()?.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| KeyError::WrongCardData)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// The card data that the terminal sealed.
    ///
    /// Fails with [`KeyError::WrongCardData`] if it was sealed under another key, or a byte was
    /// changed.
    pub fn open_card_data(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (nonce, sealed) =
            sealed.split_first_chunk::<NONCE_BYTES>().ok_or(KeyError::WrongCardData)?;
        let payload = Payload { msg: sealed, aad: &[] };
        let plain = self.card_data_cipher()?.decrypt(&Nonce::from(*nonce), payload);
        plain.map(Zeroizing::new).map_err(|_| KeyError::WrongCardData)
    }

    fn card_data_cipher(&self) -> Result<Aes128Gcm, KeyError> {
        match &self.0 {
            Keys::Aes(keys) => Ok(Aes128Gcm::new((&*keys.card_data).into())),
            Keys::Tdes { .. } => Err(KeyError::NoCardDataKey),
        }
    }

    /// The keys of a session with a UnionPay terminal: on its side, those of
    /// [`crate::open_sign_on_field`].
    ///
    /// Fails if the PIN key does not have 16 bytes, or the method does not take the MAC key.
    pub fn tdes(pin: &Key, mac: &Key, method: MacMethod) -> Result<SessionKeys, KeyError> {
        let mut pin_key = Zeroizing::new([0; 16]);
        let length = pin.expose().len();
        if length != pin_key.len() {
            return Err(KeyError::InvalidKeyLength(length));
        }
        pin_key.copy_from_slice(pin.expose());
        // A key that the method does not take is refused now, not at the first message.
        mac::compute(method, mac, &[])?;
        let mac_key = Zeroizing::new(mac.expose().to_vec());
        Ok(SessionKeys(Keys::Tdes { pin: pin_key, mac: mac_key, method }))
    }
}

impl std::fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKeys")
    }
}

impl std::fmt::Debug for TerminalSignOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TerminalSignOn({})", self.terminal)
    }
}

/// The first eight bytes of a CMAC. A session's key is used once for each message, so only the
/// schedule for encryption is made.
fn cmac(key: &[u8; 16], message: &[u8]) -> [u8; 8] {
    let mut mac = <Cmac<Aes128Enc> as KeyInit>::new(key.into());
    mac.update(message);
    let tag: [u8; 16] = mac.finalize().into_bytes().into();
    let [a, b, c, d, e, f, g, h, ..] = tag;
    [a, b, c, d, e, f, g, h]
}

/// The host's side of a sign-on: the keys and its random value. `None` if the MAC is wrong.
pub(crate) fn open_session(
    link_key: &impl Cipher,
    request: &SignOnRequest<'_>,
) -> Result<Option<(SessionKeys, SessionRandom)>, KeyError> {
    let key = sign_on_key(link_key, request.terminal)?;
    if !mac::check(MacMethod::Cmac, &key, request.message, request.mac)? {
        return Ok(None);
    }
    let random = new_random()?;
    let keys = session_keys(link_key, request.terminal, &request.random, &random, Side::Host)?;
    Ok(Some((keys, random)))
}

/// A random value for a sign-on.
pub fn new_random() -> Result<SessionRandom, KeyError> {
    let mut random = SessionRandom::default();
    getrandom::fill(&mut random).map_err(KeyStoreError::NoRandomness)?;
    Ok(random)
}

fn sign_on_key(link_key: &impl Cipher, terminal: u64) -> Result<AesKey, KeyError> {
    let mut key = Zeroizing::new([0; 16]);
    derive_bytes(link_key, "doorstep sign-on", &terminal.to_be_bytes(), key.as_mut_slice())?;
    AesKey::new(key.as_slice())
}

fn session_keys(
    link_key: &impl Cipher,
    terminal: u64,
    terminal_random: &SessionRandom,
    host_random: &SessionRandom,
    side: Side,
) -> Result<SessionKeys, KeyError> {
    let mut context = [0; 8 + 2 * SESSION_RANDOM_BYTES];
    context[..8].copy_from_slice(&terminal.to_be_bytes());
    context[8..24].copy_from_slice(terminal_random);
    context[24..].copy_from_slice(host_random);
    let mut derived = Zeroizing::new([0; 64]);
    derive_bytes(link_key, "doorstep session", &context, derived.as_mut_slice())?;
    let part = |index: usize| {
        let mut key = Zeroizing::new([0; 16]);
        key.copy_from_slice(&derived[16 * index..16 * (index + 1)]);
        key
    };
    let (own, other) = if side == Side::Terminal { (0, 1) } else { (1, 0) };
    Ok(SessionKeys(Keys::Aes(AesKeys {
        own_mac: part(own),
        other_mac: part(other),
        pin: part(2),
        card_data: part(3),
    })))
}
