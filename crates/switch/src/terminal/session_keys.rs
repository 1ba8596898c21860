//! Keys of the terminals' sessions. They are in memory only: after a restart each terminal is
//! answered with `A0` and signs on.

use iso8583::{Envelope, Message, PosHeader, Tpdu, WipedBytes};
use keys::{DerivedKey, KeyError, KeyName, KeyPurpose, KeyReference, SessionKeys, SignOnRequest};

use super::Terminals;
use super::request::{Caller, TerminalRequest};
use crate::dialect::{SessionKind, TerminalDialect, fixed_field};
use crate::port::AuthenticationFailure;
use crate::step::KeyedTable;

/// Maximum of terminals with a session. The sign-on of a further one is answered with 96.
pub(crate) const SESSIONS_MAX: usize = 500_000;

/// Keys of derived keys' generation: a terminal's own key never changes.
const OWN_KEY_GENERATION: u32 = 1;

/// A new session, which its terminal has not used yet.
pub(crate) struct UnusedSession {
    keys: SessionKeys,
    /// Field 62 of the answer to the sign-on.
    pub field: Vec<u8>,
}

/// A sign-on never ends a session by itself: whoever repeats an old one has no keys, and must not
/// cut off the terminal.
struct Slot {
    /// Of the latest sign-on. Messages in another dialect have no session.
    dialect: &'static TerminalDialect,
    current: Option<Box<SessionKeys>>,
    /// Of the latest sign-on. They become current with the first message under them.
    pending: Option<Box<SessionKeys>>,
}

/// By terminal.
#[derive(Default)]
pub(crate) struct SessionSlots(KeyedTable<u32, Slot>);

impl SessionSlots {
    pub(crate) fn current(&self, terminal: u32) -> Option<&SessionKeys> {
        self.0.get(&terminal)?.current.as_deref()
    }

    pub(crate) fn pending(&self, terminal: u32) -> Option<&SessionKeys> {
        self.0.get(&terminal)?.pending.as_deref()
    }

    /// Whether the terminal has signed on in this dialect.
    fn has(&self, terminal: u32, dialect: &TerminalDialect) -> bool {
        self.0.get(&terminal).is_some_and(|slot| slot.dialect == dialect)
    }

    /// Whether the MAC of a message is that of the terminal's session. `None`: it has none in this
    /// dialect.
    fn check(
        &mut self,
        (terminal, dialect): (u32, &TerminalDialect),
        covered: &[u8],
        mac: &[u8],
    ) -> Result<Option<bool>, KeyError> {
        let slot = self.0.get_mut(&terminal).filter(|slot| slot.dialect == dialect);
        let Some(slot) = slot else { return Ok(None) };
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
    fn offer(
        &mut self,
        terminal: u32,
        dialect: &'static TerminalDialect,
        keys: SessionKeys,
    ) -> bool {
        if self.0.len() >= SESSIONS_MAX && !self.0.contains_key(&terminal) {
            return false;
        }
        let pending = Some(Box::new(keys));
        let slot = self.0.entry(terminal).or_insert(Slot { dialect, current: None, pending: None });
        // The old keys are of another dialect, if the terminal has changed it.
        let current = slot.current.take().filter(|_| slot.dialect == dialect);
        *slot = Slot { dialect, current, pending };
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
            room.reserve(header.0.len() + message.len());
            room.extend(&header.0);
            room.extend(message);
            room
        }
    }
}

impl Terminals<'_> {
    /// Checks the MAC of a message by the terminal's session.
    pub(crate) fn check_mac(
        &mut self,
        request: &TerminalRequest<'_>,
        frame: &[u8],
    ) -> Result<Result<(), AuthenticationFailure>, KeyError> {
        let (message, terminal) = (&request.message, request.header().terminal);
        let (Some(covered), Some(mac)) = (covered(request.dialect, frame, message), message.mac())
        else {
            return Ok(Err(AuthenticationFailure::WrongMac));
        };
        let of = (terminal, request.dialect);
        let checked = self.tables.session_keys.check(of, covered, &mac)?;
        Ok(match checked {
            Some(true) => Ok(()),
            Some(false) => Err(AuthenticationFailure::WrongMac),
            None => Err(AuthenticationFailure::NoSession),
        })
    }

    /// A message that may lack the MAC: the terminal has signed on in its dialect.
    pub(crate) fn check_session(
        &self,
        request: &TerminalRequest<'_>,
    ) -> Result<(), AuthenticationFailure> {
        let signed_on = self.tables.session_keys.has(request.header().terminal, request.dialect);
        if signed_on { Ok(()) } else { Err(AuthenticationFailure::NoSession) }
    }

    /// Makes the keys of a sign-on's session. Checks its proof, if the dialect has one.
    pub(crate) fn open_session(
        &self,
        request: &TerminalRequest<'_>,
        frame: &[u8],
    ) -> Result<Result<UnusedSession, AuthenticationFailure>, KeyError> {
        let opened = match request.dialect.session {
            SessionKind::Link(_) => self.proven_session(request, frame),
            SessionKind::Master(method) => {
                self.with_own_key(request, KeyPurpose::TerminalMaster, |key| {
                    let (keys, field) = self.step.keys.issue_session(key, method)?;
                    Ok(Some(UnusedSession { keys, field: field.to_vec() }))
                })
            }
        };
        match opened {
            Ok(opened) => Ok(opened.ok_or(AuthenticationFailure::WrongMac)),
            Err(KeyError::WrongPurpose { .. }) => Ok(Err(AuthenticationFailure::OtherDialect)),
            Err(error) => Err(error),
        }
    }

    /// `None` if the proof is wrong.
    fn proven_session(
        &self,
        request: &TerminalRequest<'_>,
        frame: &[u8],
    ) -> Result<Option<UnusedSession>, KeyError> {
        let (message, at) = (&request.message, &request.dialect.fields);
        let random = fixed_field(message, at.private_data);
        let (Some(random), Some(covered), Some(mac)) =
            (random, covered(request.dialect, frame, message), message.mac())
        else {
            return Ok(None);
        };
        let terminal = u64::from(request.header().terminal);
        let proof = SignOnRequest { terminal, random, message: covered, mac: &mac };
        let opened = self.with_own_key(request, KeyPurpose::TerminalLink, |key| {
            self.step.keys.open_session(key, &proof)
        })?;
        Ok(opened.map(|(keys, random)| UnusedSession { keys, field: random.to_vec() }))
    }

    /// Keeps the session of an accepted sign-on. Returns field 62 of the answer; `None` if there
    /// are too many sessions.
    pub(crate) fn keep_session(
        &mut self,
        caller: &Caller,
        opened: Option<Box<UnusedSession>>,
    ) -> Option<Vec<u8>> {
        let UnusedSession { keys, field } = *opened?;
        let kept = self.tables.session_keys.offer(caller.header.terminal, caller.dialect, keys);
        kept.then_some(field)
    }

    /// Works with the terminal's key in the store, or else with the derived one. Fails with
    /// [`KeyError::WrongPurpose`] if the terminal is of another dialect: so says the purpose of its
    /// key in the store, or the settings for derived keys.
    fn with_own_key<T>(
        &self,
        request: &TerminalRequest<'_>,
        purpose: KeyPurpose,
        work: impl Fn(&KeyReference) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        let terminal = request.header().terminal;
        if let Ok(imported) = KeyName::of_terminal(&format!("{terminal:08}")) {
            match work(&KeyReference::Stored(imported)) {
                Err(KeyError::NoSuchKey(_)) => {}
                done => return done,
            }
        }
        let settings = &self.step.settings.terminals;
        if request.dialect != settings.derived_dialect {
            return Err(KeyError::WrongPurpose { purpose, wanted: settings.derived_dialect.name });
        }
        let derived =
            DerivedKey::new(settings.base_key, purpose, u64::from(terminal), OWN_KEY_GENERATION);
        work(&derived.into())
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
        let dialect = TerminalDialect::UNIONPAY;
        let check = |slots: &mut SessionSlots, byte| {
            slots.check((1, dialect), text, &keys(byte).mac(text).unwrap()).unwrap()
        };
        assert_eq!(check(&mut slots, 0x13), None);
        slots.offer(1, dialect, keys(0x13));
        assert_eq!(check(&mut slots, 0x13), Some(true));
        slots.offer(1, dialect, keys(0x25));
        slots.offer(1, dialect, keys(0x37));
        assert_eq!(check(&mut slots, 0x13), Some(true), "the session goes on");
        assert_eq!(check(&mut slots, 0x25), Some(false), "only the latest sign-on counts");
        assert_eq!(check(&mut slots, 0x37), Some(true));
        assert_eq!(check(&mut slots, 0x13), Some(false), "the old keys stop at once");
        let mac = keys(0x37).mac(text).unwrap();
        let other = (1, TerminalDialect::DOORSTEP);
        assert_eq!(slots.check(other, text, &mac).unwrap(), None, "another dialect");
    }
}
