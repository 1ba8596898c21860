//! How a terminal protects its messages: its key, and the keys of the session.

use iso8583::{DOORSTEP_POS, Envelope, Message, Packager, Tpdu, UNIONPAY_POS, WipedBytes};
use keys::{
    AesKey, KeyError, MacMethod, SessionKeys, SessionRandom, TdesKey, TerminalSignOn,
    open_sign_on_field, session,
};
use zeroize::Zeroizing;

use super::TerminalError;

/// The key that was loaded into a terminal. It decides in which dialect the terminal speaks.
#[derive(Clone)]
pub enum TerminalKey {
    /// UnionPay: protects the working keys that sign-on delivers; 16 or 24 bytes.
    Master(TdesKey),
    /// Doorstep: proves the terminal, and derives the keys of each session.
    Link(AesKey),
}

impl From<TdesKey> for TerminalKey {
    fn from(key: TdesKey) -> TerminalKey {
        TerminalKey::Master(key)
    }
}

impl From<AesKey> for TerminalKey {
    fn from(key: AesKey) -> TerminalKey {
        TerminalKey::Link(key)
    }
}

pub(super) struct TerminalLink {
    key: StoredKey,
    is_unionpay: bool,
    session: Option<Box<SessionKeys>>,
    /// Sent in the latest sign-on.
    random: SessionRandom,
}

/// A key without its expanded key schedule, to save memory.
struct StoredKey {
    bytes: Zeroizing<[u8; 32]>,
    length: u8,
}

/// Opened card data.
pub(super) type CardData = Zeroizing<Vec<u8>>;

const MAC_BYTES: usize = 8;

impl TerminalLink {
    pub(super) fn new(key: &TerminalKey) -> TerminalLink {
        let (exposed, is_unionpay) = match key {
            TerminalKey::Master(key) => (key.expose(), true),
            TerminalKey::Link(key) => (key.expose(), false),
        };
        let mut bytes = Zeroizing::new([0; 32]);
        bytes[..exposed.len()].copy_from_slice(exposed);
        let key = StoredKey { bytes, length: u8::try_from(exposed.len()).unwrap_or(0) };
        TerminalLink { key, is_unionpay, session: None, random: SessionRandom::default() }
    }

    pub(super) const fn packager(&self) -> &'static Packager {
        if self.is_unionpay { &UNIONPAY_POS } else { &DOORSTEP_POS }
    }

    pub(super) const fn is_unionpay(&self) -> bool {
        self.is_unionpay
    }

    pub(super) fn session(&self) -> Result<&SessionKeys, TerminalError> {
        self.session.as_deref().ok_or(TerminalError::SignOnRequired)
    }

    pub(super) const fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// The random value of a new sign-on. UnionPay's has none.
    pub(super) fn begin_sign_on(&mut self) -> Result<(), KeyError> {
        if !self.is_unionpay {
            self.random = session::new_random()?;
        }
        Ok(())
    }

    /// Field 62 of a sign-on.
    pub(super) fn sign_on_field(&self) -> Option<&SessionRandom> {
        (!self.is_unionpay).then_some(&self.random)
    }

    /// The MAC of a sign-on, which proves the terminal's key.
    pub(super) fn sign_on_mac(&self, number: u32, covered: &[u8]) -> Result<[u8; 8], KeyError> {
        self.sign_on(number)?.mac(covered)
    }

    fn sign_on(&self, number: u32) -> Result<TerminalSignOn, KeyError> {
        Ok(TerminalSignOn::new(AesKey::new(self.key.bytes())?, u64::from(number), self.random))
    }

    /// What the MAC of a message covers: UnionPay's the message, ours also its header.
    pub(super) fn covered<'c>(
        &self,
        header: &[u8],
        message: &'c [u8],
        room: &'c mut WipedBytes,
    ) -> &'c [u8] {
        if self.is_unionpay {
            return message;
        }
        room.extend(header);
        room.extend(message);
        room
    }

    /// Whether the MAC of an answer is right. `None` if it has none, or there is no session.
    pub(super) fn check(
        &self,
        frame: &[u8],
        message: &Message<'_>,
    ) -> Result<Option<bool>, KeyError> {
        self.session.as_deref().map_or(Ok(None), |keys| self.check_with(keys, frame, message))
    }

    fn check_with(
        &self,
        keys: &SessionKeys,
        frame: &[u8],
        message: &Message<'_>,
    ) -> Result<Option<bool>, KeyError> {
        let (Some(covered), Some(found)) = (message.mac_input(), message.mac()) else {
            return Ok(None);
        };
        let with_header = frame.get(Tpdu::BYTES..frame.len().saturating_sub(MAC_BYTES));
        let covered = if self.is_unionpay { covered } else { with_header.unwrap_or_default() };
        keys.check_mac(covered, &found).map(Some)
    }

    /// The opened card data of a message, to repeat it under other keys. `None` if the message has
    /// a PIN, which the terminal has not kept.
    pub(super) fn card_to_repeat(
        &self,
        frame: &[u8],
    ) -> Result<Option<Option<CardData>>, TerminalError> {
        let (_, _, message) =
            Envelope::parse(frame).map_err(|error| TerminalError::Unreadable(error.to_string()))?;
        let message = self.packager().parse(message)?;
        if message.has(52) {
            return Ok(None);
        }
        let opened = match message.bytes(57) {
            Ok(sealed) if !self.is_unionpay => Some(self.session()?.open_card_data(sealed)?),
            _ => None,
        };
        Ok(Some(opened))
    }

    /// Takes the keys of the session from the answer to a sign-on.
    pub(super) fn open_session(
        &mut self,
        number: u32,
        frame: &[u8],
        field_62: &[u8],
    ) -> Result<(), TerminalError> {
        let keys = if self.is_unionpay {
            let field = field_62.try_into().map_err(|_| TerminalError::WorkingKeys)?;
            let (pin_key, mac_key) = open_sign_on_field(&TdesKey::new(self.key.bytes())?, field)
                .map_err(|_| TerminalError::WorkingKeys)?;
            SessionKeys::tdes(&pin_key.into(), &mac_key.into(), MacMethod::CupEcb)?
        } else {
            let random = field_62.try_into().map_err(|_| TerminalError::WorkingKeys)?;
            let keys = self.sign_on(number)?.finish(random)?;
            let (_, _, message) = Envelope::parse(frame)
                .map_err(|error| TerminalError::Unreadable(error.to_string()))?;
            let message = self.packager().parse(message)?;
            // Only the host has the key that proves its answer.
            if self.check_with(&keys, frame, &message)? != Some(true) {
                return Err(TerminalError::WorkingKeys);
            }
            keys
        };
        self.session = Some(Box::new(keys));
        Ok(())
    }
}

impl StoredKey {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}
