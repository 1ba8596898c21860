//! The engine's side of gateway connections, and the terminals behind each.

#[cfg(test)]
mod stolen;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use serde_json::{Value, json};
use switch::TerminalDialect;

use crate::close_reason::CloseReason;
use crate::frames::{self, Frame, FrameError, PROTOCOL_VERSION};
use crate::limits::{
    HEARTBEAT_INTERVAL, LINES_PER_GATEWAY_MAX, LINK_WAITING_BYTES_HIGH, TERMINAL_MESSAGE_BYTES_MAX,
};
use crate::sockets::{ConnectionId, Sockets};

/// Sessions have 31 bits, so that they fit into a [`switch::Line`].
const SESSION_MAX: u64 = (1 << 31) - 1;

pub(crate) struct GatewaySessions {
    /// The names of admitted gateways; None admits every one.
    names: Option<Vec<String>>,
    /// The names of gateways that may carry terminals whose dialect protects nothing.
    trusted: Vec<String>,
    sessions: HashMap<u64, GatewaySession, FixedState>,
    last: u64,
}

/// One connection of a gateway. A gateway that connects again gets another session.
struct GatewaySession {
    connection: ConnectionId,
    name: String,
    fingerprint: Option<String>,
    trusted: bool,
    greeted: bool,
    lines: HashMap<u32, GatewayLine, FixedState>,
    /// The line opened last; lines count up.
    last_line: u32,
    /// The gateway does not read, so nothing more is read from it.
    paused: bool,
    next_pulse: Instant,
}

struct GatewayLine {
    dialect: &'static TerminalDialect,
    /// A message without a session has come: one is free.
    had_no_session: bool,
}

pub(crate) struct ClosedSession {
    pub name: String,
    pub lines: Vec<u32>,
}

/// A gateway that has connected.
pub(crate) struct ConnectedGateway {
    pub name: String,
    /// SHA-256 of its certificate, as hex digits.
    pub fingerprint: Option<String>,
    pub trusted: bool,
}

/// What a frame is about, for the switch.
#[cfg_attr(test, derive(Debug))]
pub(crate) enum LineInput<'f> {
    Message {
        line: u32,
        dialect: &'static TerminalDialect,
        message: &'f mut [u8],
    },
    Closed {
        line: u32,
    },
    /// The gateway may not carry terminals of this dialect. The line is not open.
    Untrusted {
        line: u32,
        dialect: &'static TerminalDialect,
    },
}

/// How a gateway broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GatewayProtocolError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("it uses version {0} of the protocol, this engine {PROTOCOL_VERSION}")]
    Version(u8),
    #[error("its first frame is not Hello")]
    NoHello,
    #[error("it sent Hello again")]
    HelloRepeated,
    #[error("it opened line {0} again")]
    LineReopened(u32),
    #[error("it used line {0} before opening it")]
    LineNotOpen(u32),
    #[error("it opened more than {LINES_PER_GATEWAY_MAX} lines on one connection")]
    TooManyLines,
    #[error("it sent a frame that only the engine sends")]
    EngineOnlyFrame,
}

impl GatewaySessions {
    pub(crate) fn new(names: Option<Vec<String>>, trusted: Vec<String>) -> GatewaySessions {
        GatewaySessions { names, trusted, sessions: HashMap::default(), last: 0 }
    }

    /// A gateway has connected with a valid certificate. The error is the name of a gateway that is
    /// not in the list, whose connection is to be closed.
    pub(crate) fn on_connected(
        &mut self,
        sockets: &mut Sockets,
        connection: ConnectionId,
    ) -> Result<ConnectedGateway, String> {
        let name = sockets.peer_name(connection);
        if !self.admits(name.as_deref()) {
            return Err(name.unwrap_or_default());
        }
        let trusted = is_listed(&self.trusted, name.as_deref());
        let name = name.unwrap_or_else(|| "without a name".into());
        let fingerprint = sockets.peer_fingerprint(connection);
        let session = self.begin(connection, name.clone(), trusted);
        if let Some(begun) = self.sessions.get_mut(&session) {
            begun.fingerprint.clone_from(&fingerprint);
        }
        sockets.set_tag(connection, session);
        sockets.send(connection, &[&frames::hello()], false);
        Ok(ConnectedGateway { name, fingerprint, trusted })
    }

    fn begin(&mut self, connection: ConnectionId, name: String, trusted: bool) -> u64 {
        self.last = if self.last == SESSION_MAX { 1 } else { self.last + 1 };
        let session = GatewaySession {
            connection,
            name,
            fingerprint: None,
            trusted,
            greeted: false,
            lines: HashMap::default(),
            last_line: 0,
            paused: false,
            next_pulse: Instant::now() + HEARTBEAT_INTERVAL,
        };
        self.sessions.insert(self.last, session);
        self.last
    }

    fn admits(&self, name: Option<&str>) -> bool {
        self.names.as_deref().is_none_or(|names| is_listed(names, name))
    }

    /// Admits and trusts other gateways. Those that are no longer admitted or trusted are
    /// disconnected.
    pub(crate) fn set_names(
        &mut self,
        sockets: &mut Sockets,
        names: Option<Vec<String>>,
        trusted: Vec<String>,
    ) {
        (self.names, self.trusted) = (names, trusted);
        for session in self.sessions.values() {
            let name = sockets.peer_name(session.connection);
            let is_trusted = is_listed(&self.trusted, name.as_deref());
            if !self.admits(name.as_deref()) || session.trusted != is_trusted {
                sockets.close(session.connection, CloseReason::Name);
            }
        }
    }

    /// Processes a frame.
    pub(crate) fn on_frame<'f>(
        &mut self,
        session: u64,
        frame: &'f mut [u8],
    ) -> Result<Option<LineInput<'f>>, GatewayProtocolError> {
        let Some(session) = self.sessions.get_mut(&session) else { return Ok(None) };
        match Frame::parse(frame)? {
            Frame::Hello { .. } if session.greeted => {
                return Err(GatewayProtocolError::HelloRepeated);
            }
            Frame::Hello { version: PROTOCOL_VERSION } => session.greeted = true,
            Frame::Hello { version } => return Err(GatewayProtocolError::Version(version)),
            _ if !session.greeted => return Err(GatewayProtocolError::NoHello),
            Frame::Opened { line, dialect } => {
                if session.lines.len() >= LINES_PER_GATEWAY_MAX {
                    return Err(GatewayProtocolError::TooManyLines);
                }
                if line <= session.last_line {
                    return Err(GatewayProtocolError::LineReopened(line));
                }
                session.last_line = line;
                if !(dialect.proves_terminals() || session.trusted) {
                    return Ok(Some(LineInput::Untrusted { line, dialect }));
                }
                session.lines.insert(line, GatewayLine { dialect, had_no_session: false });
            }
            Frame::Message { line, message } => match session.lines.get(&line) {
                Some(&GatewayLine { dialect, .. }) => {
                    return Ok(Some(LineInput::Message { line, dialect, message }));
                }
                None if line > session.last_line => {
                    return Err(GatewayProtocolError::LineNotOpen(line));
                }
                // This side closed the line before the gateway knew it.
                None => {}
            },
            // Both sides may close a line at the same time.
            Frame::Closed { line } => {
                let was_open = session.lines.remove(&line).is_some();
                return Ok(was_open.then_some(LineInput::Closed { line }));
            }
            Frame::Heartbeat => {}
            Frame::Stop => return Err(GatewayProtocolError::EngineOnlyFrame),
        }
        Ok(None)
    }

    /// A message on a line had no session. Returns whether it was the line's first one.
    pub(crate) fn is_first_without_session(&mut self, session: u64, line: u32) -> bool {
        let session = self.sessions.get_mut(&session);
        let line = session.and_then(|session| session.lines.get_mut(&line));
        line.is_some_and(|line| !std::mem::replace(&mut line.had_no_session, true))
    }

    /// The names of the gateways that may carry terminals whose dialect protects nothing.
    pub(crate) fn trusted(&self) -> &[String] {
        &self.trusted
    }

    /// Name and connection of a session.
    pub(crate) fn gateway(&self, session: u64) -> Option<(&str, ConnectionId)> {
        self.sessions.get(&session).map(|session| (session.name.as_str(), session.connection))
    }

    /// Tells a gateway that a line which it opened is not open.
    pub(crate) fn refuse_line(&self, sockets: &mut Sockets, session: u64, line: u32) {
        if let Some(session) = self.sessions.get(&session) {
            sockets.send(session.connection, &[&frames::closed(line)], false);
        }
    }

    pub(crate) fn send(&mut self, sockets: &mut Sockets, session: u64, line: u32, message: &[u8]) {
        let Some(session) = self.sessions.get_mut(&session) else { return };
        // An answer that is too long for a frame costs one terminal its connection, not all.
        if message.len() > TERMINAL_MESSAGE_BYTES_MAX {
            if session.lines.remove(&line).is_some() {
                sockets.send(session.connection, &[&frames::closed(line)], false);
            }
        } else if session.lines.contains_key(&line) {
            let head = frames::message(line, message.len());
            sockets.send(session.connection, &[&head, message], false);
            if sockets.waiting_bytes(session.connection) > LINK_WAITING_BYTES_HIGH {
                session.paused = true;
                sockets.pause(session.connection, true);
            }
        }
    }

    /// Closes a terminal's line. Returns whether it was open.
    pub(crate) fn close_line(&mut self, sockets: &mut Sockets, session: u64, line: u32) -> bool {
        let Some(session) = self.sessions.get_mut(&session) else { return false };
        let was_open = session.lines.remove(&line).is_some();
        if was_open {
            sockets.send(session.connection, &[&frames::closed(line)], false);
        }
        was_open
    }

    /// Resumes reading gateways that read again.
    pub(crate) fn resume_reading(&mut self, sockets: &mut Sockets) {
        for session in self.sessions.values_mut().filter(|session| session.paused) {
            if sockets.waiting_bytes(session.connection) < LINK_WAITING_BYTES_HIGH / 2 {
                session.paused = false;
                sockets.pause(session.connection, false);
            }
        }
    }

    pub(crate) fn on_closed(&mut self, session: u64) -> Option<ClosedSession> {
        let GatewaySession { name, lines, .. } = self.sessions.remove(&session)?;
        Some(ClosedSession { name, lines: lines.into_keys().collect() })
    }

    pub(crate) fn send_stop(&self, sockets: &mut Sockets) {
        for session in self.sessions.values() {
            sockets.send(session.connection, &[&frames::stop()], false);
        }
    }

    pub(crate) fn due_in(&self) -> Option<Duration> {
        let next = self.sessions.values().map(|session| session.next_pulse).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    pub(crate) fn send_due_heartbeats(&mut self, sockets: &mut Sockets) {
        let now = Instant::now();
        for session in self.sessions.values_mut().filter(|session| session.next_pulse <= now) {
            session.next_pulse = now + HEARTBEAT_INTERVAL;
            sockets.send(session.connection, &[&frames::heartbeat()], false);
        }
    }

    pub(crate) fn status(&self) -> Vec<Value> {
        let mut sessions: Vec<_> = self.sessions.iter().collect();
        sessions.sort_by_key(|(number, _)| **number);
        let status = |(_, session): (&u64, &GatewaySession)| {
            json!({
                "name": session.name,
                "fingerprint": session.fingerprint,
                "trusted": session.trusted,
                "terminals": session.lines.len(),
            })
        };
        sessions.into_iter().map(status).collect()
    }
}

/// Whether the list has this name. DNS names have no case.
fn is_listed(names: &[String], name: Option<&str>) -> bool {
    name.is_some_and(|name| names.iter().any(|listed| listed.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_admits_its_names_in_any_case_and_an_empty_list_admits_none() {
        let names = ["gateway-1".to_owned(), "G2.Example".to_owned()];
        for name in ["gateway-1", "Gateway-1", "g2.example"] {
            assert!(is_listed(&names, Some(name)), "{name}");
            assert!(!is_listed(&[], Some(name)), "{name}");
        }
        assert!(!is_listed(&names, Some("gateway-10")) && !is_listed(&names, None));
        let all = GatewaySessions::new(None, Vec::new());
        assert!(all.admits(Some("gateway-10")) && all.admits(None));
    }

    #[test]
    fn only_a_trusted_gateway_carries_a_dialect_that_protects_nothing() {
        let mut sessions = GatewaySessions::new(None, Vec::new());
        for trusted in [false, true] {
            let connection = ConnectionId::from_number(1);
            let session = sessions.begin(connection, "gateway".into(), trusted);
            let mut say = |frame: &[&[u8]]| {
                let mut frame = frame.concat();
                format!("{:?}", sessions.on_frame(session, &mut frame[4..]).unwrap())
            };
            say(&[&frames::hello()]);
            for (line, dialect) in (1..).zip([TerminalDialect::DOORSTEP, TerminalDialect::UNIONPAY])
            {
                let opened = say(&[&frames::opened(line, dialect), dialect.name.as_bytes()]);
                let heard = say(&[&frames::message(line, 1), b"m"]);
                let takes = trusted || dialect == TerminalDialect::DOORSTEP;
                assert_eq!(opened.contains("Untrusted"), !takes, "{dialect:?}");
                assert_eq!(heard.contains("Message"), takes, "{dialect:?}");
            }
        }
    }
}
