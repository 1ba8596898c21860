//! The engine's side of gateway connections, and the terminals behind each.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

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
    sessions: HashMap<u64, GatewaySession>,
    last: u64,
}

/// One connection of a gateway. A gateway that connects again gets another session.
struct GatewaySession {
    connection: ConnectionId,
    name: String,
    greeted: bool,
    lines: HashSet<u32>,
    /// The line opened last; lines count up.
    last_line: u32,
    /// The gateway does not read, so nothing more is read from it.
    paused: bool,
    next_pulse: Instant,
}

pub(crate) struct ClosedSession {
    pub name: String,
    pub lines: HashSet<u32>,
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
    pub(crate) fn new(names: Option<Vec<String>>) -> GatewaySessions {
        GatewaySessions { names, sessions: HashMap::new(), last: 0 }
    }

    /// A gateway has connected with a valid certificate. Returns its name; the error is the name of
    /// a gateway that is not in the list, whose connection is to be closed.
    pub(crate) fn on_connected(
        &mut self,
        sockets: &mut Sockets,
        connection: ConnectionId,
    ) -> Result<String, String> {
        let name = sockets.peer_name(connection);
        if !is_admitted(self.names.as_deref(), name.as_deref()) {
            return Err(name.unwrap_or_default());
        }
        self.last = if self.last == SESSION_MAX { 1 } else { self.last + 1 };
        sockets.set_tag(connection, self.last);
        let name = name.unwrap_or_else(|| "without a name".into());
        sockets.send(connection, &[&frames::hello()], false);
        self.sessions.insert(
            self.last,
            GatewaySession {
                connection,
                name: name.clone(),
                greeted: false,
                lines: HashSet::new(),
                last_line: 0,
                paused: false,
                next_pulse: Instant::now() + HEARTBEAT_INTERVAL,
            },
        );
        Ok(name)
    }

    /// Admits other gateways. Those that are no longer admitted are disconnected.
    pub(crate) fn set_names(&mut self, sockets: &mut Sockets, names: Option<Vec<String>>) {
        self.names = names;
        for session in self.sessions.values() {
            let name = sockets.peer_name(session.connection);
            if !is_admitted(self.names.as_deref(), name.as_deref()) {
                sockets.close(session.connection, CloseReason::Name);
            }
        }
    }

    pub(crate) fn session_name(&self, session: u64) -> Option<&str> {
        self.sessions.get(&session).map(|session| session.name.as_str())
    }

    /// Processes a frame. `deliver` gets a terminal's message, or None when a line is closed.
    pub(crate) fn on_frame(
        &mut self,
        sockets: &Sockets,
        session: u64,
        frame: &mut [u8],
        deliver: impl FnOnce(u32, Option<&mut [u8]>),
    ) -> Result<(), GatewayProtocolError> {
        let Some(session) = self.sessions.get_mut(&session) else { return Ok(()) };
        debug_assert_eq!(sockets.tag(session.connection) & !SESSION_MAX, 0);
        match Frame::parse(frame)? {
            Frame::Hello { .. } if session.greeted => {
                return Err(GatewayProtocolError::HelloRepeated);
            }
            Frame::Hello { version: PROTOCOL_VERSION } => session.greeted = true,
            Frame::Hello { version } => return Err(GatewayProtocolError::Version(version)),
            _ if !session.greeted => return Err(GatewayProtocolError::NoHello),
            Frame::Opened { line } => {
                if session.lines.len() >= LINES_PER_GATEWAY_MAX {
                    return Err(GatewayProtocolError::TooManyLines);
                }
                if line <= session.last_line {
                    return Err(GatewayProtocolError::LineReopened(line));
                }
                session.last_line = line;
                session.lines.insert(line);
            }
            Frame::Message { line, message } => {
                if session.lines.contains(&line) {
                    deliver(line, Some(message));
                } else if line > session.last_line {
                    return Err(GatewayProtocolError::LineNotOpen(line));
                }
                // Otherwise this side closed the line before the gateway knew it.
            }
            Frame::Closed { line } => {
                // Both sides may close a line at the same time.
                if session.lines.remove(&line) {
                    deliver(line, None);
                }
            }
            Frame::Heartbeat => {}
            Frame::Stop => return Err(GatewayProtocolError::EngineOnlyFrame),
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, sockets: &mut Sockets, session: u64, line: u32, message: &[u8]) {
        let Some(session) = self.sessions.get_mut(&session) else { return };
        // An answer that is too long for a frame costs one terminal its connection, not all.
        if message.len() > TERMINAL_MESSAGE_BYTES_MAX {
            if session.lines.remove(&line) {
                sockets.send(session.connection, &[&frames::closed(line)], false);
            }
        } else if session.lines.contains(&line) {
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
        let was_open = session.lines.remove(&line);
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
        Some(ClosedSession { name, lines })
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
            let (name, terminals) = (&session.name, session.lines.len());
            json!({ "name": name, "terminals": terminals })
        };
        sessions.into_iter().map(status).collect()
    }
}

/// Whether the list admits this name. DNS names have no case.
fn is_admitted(names: Option<&[String]>, name: Option<&str>) -> bool {
    let Some(names) = names else { return true };
    name.is_some_and(|name| names.iter().any(|listed| listed.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_admits_its_names_in_any_case_and_an_empty_list_admits_none() {
        let names = ["gateway-1".to_owned(), "G2.Example".to_owned()];
        for name in ["gateway-1", "Gateway-1", "g2.example"] {
            assert!(is_admitted(Some(&names), Some(name)), "{name}");
            assert!(!is_admitted(Some(&[]), Some(name)), "{name}");
        }
        assert!(!is_admitted(Some(&names), Some("gateway-10")) && !is_admitted(Some(&names), None));
        assert!(is_admitted(None, Some("gateway-10")) && is_admitted(None, None));
    }
}
