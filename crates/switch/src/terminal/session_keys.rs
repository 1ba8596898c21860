//! Keys of the terminals' sessions. They are in memory only: after a restart each terminal is
//! answered with `A0` and signs on.

use std::collections::HashMap;

use iso8583::{Envelope, Message, PosHeader, Tpdu, WipedBytes};
use keys::{DerivedKey, KeyError, KeyName, KeyPurpose, KeyReference, SessionKeys, SignOnRequest};

use super::Terminals;
use super::request::TerminalRequest;
use crate::dialect::{SessionKind, TerminalDialect};

/// Maximum of terminals with a session. The sign-on of a further one is answered with 96.
pub(crate) const SESSIONS_MAX: usize = 500_000;

/// Keys of derived keys' generation: a terminal's own key never changes.
const OWN_KEY_GENERATION: u32 = 1;

/// A new session, which its terminal has not used yet.
pub(crate) struct NewSession {
    keys: SessionKeys,
    /// Field 62 of the answer to the sign-on.
    pub field: Vec<u8>,
}

/// A sign-on never ends a session by itself: whoever repeats an old one has no keys, and must not
/// cut off the terminal.
#[derive(Default)]
struct Slot {
    current: Option<Box<SessionKeys>>,
    /// Of the latest sign-on. They become current with the first message under them.
    pending: Option<Box<SessionKeys>>,
}

/// By terminal.
#[derive(Default)]
pub(crate) struct SessionSlots(HashMap<u32, Slot>);

impl SessionSlots {
    pub(crate) fn current(&self, terminal: u32) -> Option<&SessionKeys> {
        self.0.get(&terminal)?.current.as_deref()
    }

    pub(crate) fn pending(&self, terminal: u32) -> Option<&SessionKeys> {
        self.0.get(&terminal)?.pending.as_deref()
    }

    /// Whether the MAC of a message is that of the terminal's session. `None`: it has none.
    fn check(
        &mut self,
        terminal: u32,
        covered: &[u8],
        mac: &[u8],
    ) -> Result<Option<bool>, KeyError> {
        let Some(slot) = self.0.get_mut(&terminal) else { return Ok(None) };
        let fits = |keys: &Option<Box<SessionKeys>>| {
            keys.as_deref().map_or(Ok(false), |keys| keys.check_mac(covered, mac))
        };
        if fits(&slot.current)? {
            return Ok(Some(true));
        }
        if !fits(&slot.pending)? {
            return Ok(Some(false));
        }
        slot.current = slot.pending.take();
        Ok(Some(true))
    }

    /// Keeps the keys of a sign-on. Returns false if there are too many sessions.
    fn offer(&mut self, terminal: u32, keys: SessionKeys) -> bool {
        if self.0.len() >= SESSIONS_MAX && !self.0.contains_key(&terminal) {
            return false;
        }
        self.0.entry(terminal).or_default().pending = Some(Box::new(keys));
        true
    }
}

/// What the MAC of a received message covers.
fn covered<'m>(
    dialect: &TerminalDialect,
    frame: &'m [u8],
    message: &Message<'m>,
) -> Option<&'m [u8]> {
    let input = message.mac_input()?;
    match dialect.session {
        SessionKind::Master(_) => Some(input),
        SessionKind::Link(_) => frame.get(Tpdu::BYTES..Envelope::BYTES + input.len()),
    }
}

/// What the MAC of an answer covers.
pub(crate) fn covered_answer<'c>(
    dialect: &TerminalDialect,
    header: PosHeader,
    message: &'c [u8],
    room: &'c mut WipedBytes,
) -> &'c [u8] {
    match dialect.session {
        SessionKind::Master(_) => message,
        SessionKind::Link(_) => {
            room.extend(&header.0);
            room.extend(message);
            room
        }
    }
}

impl Terminals<'_> {
    /// Whether the MAC of a message is right. `None`: the terminal has no session.
    pub(crate) fn check_mac(
        &mut self,
        request: &TerminalRequest<'_>,
        frame: &[u8],
    ) -> Result<Option<bool>, KeyError> {
        let message = &request.message;
        let terminal = request.header().terminal;
        match (covered(request.dialect, frame, message), message.mac()) {
            (Some(covered), Some(mac)) => self.tables.session_keys.check(terminal, covered, &mac),
            _ => Ok(Some(false)),
        }
    }

    /// Checks the proof of a sign-on and makes the keys of its session. `None` if it is wrong.
    pub(crate) fn open_session(
        &self,
        request: &TerminalRequest<'_>,
        frame: &[u8],
    ) -> Result<Option<NewSession>, KeyError> {
        let (message, at) = (&request.message, &request.dialect.fields);
        let Some(random) = crate::dialect::fixed_field(message, at.private_data) else {
            return Ok(None);
        };
        let (Some(covered), Some(mac)) = (covered(request.dialect, frame, message), message.mac())
        else {
            return Ok(None);
        };
        let terminal = request.header().terminal;
        let proof =
            SignOnRequest { terminal: u64::from(terminal), random, message: covered, mac: &mac };
        let opened = self.with_own_key(terminal, KeyPurpose::TerminalLink, |key| {
            self.step.keys.open_session(key, &proof)
        })?;
        Ok(opened.map(|(keys, random)| NewSession { keys, field: random.to_vec() }))
    }

    /// Makes the keys of a session that a terminal does not have to prove.
    fn issue_session(
        &self,
        terminal: u32,
        method: keys::MacMethod,
    ) -> Result<NewSession, KeyError> {
        let issued = self.with_own_key(terminal, KeyPurpose::TerminalMaster, |key| {
            self.step.keys.issue_session(key, method)
        });
        issued.map(|(keys, field)| NewSession { keys, field: field.to_vec() })
    }

    /// Keeps the session of an accepted sign-on. Returns field 62 of the answer; `None` if there
    /// are too many sessions.
    pub(crate) fn keep_session(
        &mut self,
        terminal: u32,
        opened: Option<Box<NewSession>>,
    ) -> Result<Option<Vec<u8>>, KeyError> {
        let session = match (opened, &self.step.settings.terminals.dialect.session) {
            (Some(opened), _) => *opened,
            (None, SessionKind::Master(method)) => self.issue_session(terminal, *method)?,
            (None, SessionKind::Link(_)) => return Ok(None),
        };
        let kept = self.tables.session_keys.offer(terminal, session.keys);
        Ok(kept.then_some(session.field))
    }

    /// Works with the terminal's imported key, or else with the derived one.
    fn with_own_key<T>(
        &self,
        terminal: u32,
        purpose: KeyPurpose,
        work: impl Fn(&KeyReference) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        if let Ok(imported) = KeyName::of_terminal(&format!("{terminal:08}")) {
            match work(&KeyReference::Stored(imported)) {
                Err(KeyError::NoSuchKey(_) | KeyError::WrongPurpose { .. }) => {}
                done => return done,
            }
        }
        let base = self.step.settings.terminals.base_key;
        work(&DerivedKey::new(base, purpose, u64::from(terminal), OWN_KEY_GENERATION).into())
    }
}

#[cfg(test)]
mod tests {
    use keys::{Key, MacMethod, TdesKey};

    use super::*;

    fn keys(byte: u8) -> SessionKeys {
        let mut bytes = [byte; 16];
        bytes[8..].fill(byte ^ 0x0F);
        let pin = Key::Tdes(TdesKey::new(&bytes).unwrap());
        let mac = Key::Tdes(TdesKey::new(&bytes[..8]).unwrap());
        SessionKeys::tdes(&pin, &mac, MacMethod::CupEcb).unwrap()
    }

    #[test]
    fn a_sign_on_ends_a_session_only_with_the_first_message_under_its_keys() {
        let mut slots = SessionSlots::default();
        let text = b"message";
        let check = |slots: &mut SessionSlots, byte| {
            slots.check(1, text, &keys(byte).mac(text).unwrap()).unwrap()
        };
        assert_eq!(check(&mut slots, 0x13), None);
        slots.offer(1, keys(0x13));
        assert_eq!(check(&mut slots, 0x13), Some(true));
        slots.offer(1, keys(0x25));
        slots.offer(1, keys(0x37));
        assert_eq!(check(&mut slots, 0x13), Some(true), "the session goes on");
        assert_eq!(check(&mut slots, 0x25), Some(false), "only the latest sign-on counts");
        assert_eq!(check(&mut slots, 0x37), Some(true));
        assert_eq!(check(&mut slots, 0x13), Some(false), "the old keys stop at once");
    }
}
