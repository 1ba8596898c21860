//! The engine's side of the gateways: which are connected, and the terminals behind each.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::frames::{self, Frame, FrameError, VERSION};
use crate::limits::{
    LINES_PER_GATEWAY_MAX, LINK_WAITING_BYTES_HIGH, PULSE_INTERVAL, TERMINAL_MESSAGE_BYTES_MAX,
};
use crate::sockets::{Id, Sockets};

/// The highest number of a session: 31 bits, so that it fits a line.
const SESSION_MAX: u64 = (1 << 31) - 1;

pub(crate) struct Gateways {
    /// Who is let in; everybody where there is no list.
    names: Option<Vec<String>>,
    sessions: HashMap<u64, Session>,
    last: u64,
}

/// One connection of a gateway. Another connection of the same gateway is another session.
struct Session {
    connection: Id,
    name: String,
    greeted: bool,
    lines: HashSet<u32>,
    /// The line that was opened last; they count up.
    last_line: u32,
    /// It does not read: nothing more is read from it either.
    paused: bool,
    next_pulse: Instant,
}

/// What is left of a session.
pub(crate) struct Closed {
    pub name: String,
    pub lines: HashSet<u32>,
}

/// What a gateway must not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misled {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("it speaks version {0} of the protocol, here it is {VERSION}")]
    Version(u8),
    #[error("it does not begin with its version")]
    NoHello,
    #[error("it says its version again")]
    Again,
    #[error("line {0} was opened already")]
    Twice(u32),
    #[error("line {0} was never opened")]
    NotOpen(u32),
    #[error("more than {LINES_PER_GATEWAY_MAX} terminals on one connection")]
    TooMany,
    #[error("it says what only an engine says")]
    NotItsTurn,
}

impl Gateways {
    pub(crate) fn new(names: Option<Vec<String>>) -> Gateways {
        Gateways { names, sessions: HashMap::new(), last: 0 }
    }

    /// A gateway has come, with a certificate; its name. Where the list has others, it is an error
    /// and the connection is to be closed.
    pub(crate) fn opened(
        &mut self,
        sockets: &mut Sockets,
        connection: Id,
    ) -> Result<String, String> {
        let name = sockets.peer_name(connection);
        if !admits(self.names.as_deref(), name.as_deref()) {
            return Err(name.unwrap_or_default());
        }
        self.last = if self.last == SESSION_MAX { 1 } else { self.last + 1 };
        sockets.set_tag(connection, self.last);
        let name = name.unwrap_or_else(|| "without a name".into());
        sockets.send(connection, &[&frames::hello()], false);
        self.sessions.insert(
            self.last,
            Session {
                connection,
                name: name.clone(),
                greeted: false,
                lines: HashSet::new(),
                last_line: 0,
                paused: false,
                next_pulse: Instant::now() + PULSE_INTERVAL,
            },
        );
        Ok(name)
    }

    pub(crate) fn name(&self, session: u64) -> Option<&str> {
        self.sessions.get(&session).map(|session| session.name.as_str())
    }

    /// A frame of a gateway. `hear` gets a terminal's message, or nothing when a line is closed.
    pub(crate) fn heard(
        &mut self,
        sockets: &Sockets,
        session: u64,
        frame: &mut [u8],
        hear: impl FnOnce(u32, Option<&mut [u8]>),
    ) -> Result<(), Misled> {
        let Some(session) = self.sessions.get_mut(&session) else { return Ok(()) };
        debug_assert_eq!(sockets.tag(session.connection) & !SESSION_MAX, 0);
        match Frame::read(frame)? {
            Frame::Hello { .. } if session.greeted => return Err(Misled::Again),
            Frame::Hello { version: VERSION } => session.greeted = true,
            Frame::Hello { version } => return Err(Misled::Version(version)),
            _ if !session.greeted => return Err(Misled::NoHello),
            Frame::Opened { line } => {
                if session.lines.len() >= LINES_PER_GATEWAY_MAX {
                    return Err(Misled::TooMany);
                }
                if line <= session.last_line {
                    return Err(Misled::Twice(line));
                }
                session.last_line = line;
                session.lines.insert(line);
            }
            Frame::Message { line, message } => {
                if session.lines.contains(&line) {
                    hear(line, Some(message));
                } else if line > session.last_line {
                    return Err(Misled::NotOpen(line));
                }
                // Else we have closed it, and the gateway did not know when it sent this.
            }
            Frame::Closed { line } => {
                // Both sides may have closed it at the same time.
                if session.lines.remove(&line) {
                    hear(line, None);
                }
            }
            Frame::Pulse => {}
            Frame::Stop => return Err(Misled::NotItsTurn),
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, sockets: &mut Sockets, session: u64, line: u32, message: &[u8]) {
        let Some(session) = self.sessions.get_mut(&session) else { return };
        // One that no gateway would take must not cost all its terminals their connection.
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

    /// Closes a terminal's line; whether it was open.
    pub(crate) fn close_line(&mut self, sockets: &mut Sockets, session: u64, line: u32) -> bool {
        let Some(session) = self.sessions.get_mut(&session) else { return false };
        let was_open = session.lines.remove(&line);
        if was_open {
            sockets.send(session.connection, &[&frames::closed(line)], false);
        }
        was_open
    }

    /// Goes on reading those who read again.
    pub(crate) fn regulate(&mut self, sockets: &mut Sockets) {
        for session in self.sessions.values_mut().filter(|session| session.paused) {
            if sockets.waiting_bytes(session.connection) < LINK_WAITING_BYTES_HIGH / 2 {
                session.paused = false;
                sockets.pause(session.connection, false);
            }
        }
    }

    pub(crate) fn closed(&mut self, session: u64) -> Option<Closed> {
        let Session { name, lines, .. } = self.sessions.remove(&session)?;
        Some(Closed { name, lines })
    }

    pub(crate) fn say_stop(&self, sockets: &mut Sockets) {
        for session in self.sessions.values() {
            sockets.send(session.connection, &[&frames::stop()], false);
        }
    }

    pub(crate) fn due_in(&self) -> Option<Duration> {
        let next = self.sessions.values().map(|session| session.next_pulse).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    pub(crate) fn pulse_due(&mut self, sockets: &mut Sockets) {
        let now = Instant::now();
        for session in self.sessions.values_mut().filter(|session| session.next_pulse <= now) {
            session.next_pulse = now + PULSE_INTERVAL;
            sockets.send(session.connection, &[&frames::pulse()], false);
        }
    }

    pub(crate) fn status(&self) -> Vec<Value> {
        let mut sessions: Vec<_> = self.sessions.iter().collect();
        sessions.sort_by_key(|(number, _)| **number);
        let status = |(_, session): (&u64, &Session)| {
            let (name, terminals) = (&session.name, session.lines.len());
            json!({ "name": name, "terminals": terminals })
        };
        sessions.into_iter().map(status).collect()
    }
}

/// Whether a list lets somebody in. Names of the DNS have no case.
fn admits(names: Option<&[String]>, name: Option<&str>) -> bool {
    let Some(names) = names else { return true };
    name.is_some_and(|name| names.iter().any(|listed| listed.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_lets_in_whom_it_names_in_any_case_and_an_empty_one_nobody() {
        let names = ["gateway-1".to_owned(), "G2.Example".to_owned()];
        for name in ["gateway-1", "Gateway-1", "g2.example"] {
            assert!(admits(Some(&names), Some(name)), "{name}");
            assert!(!admits(Some(&[]), Some(name)), "{name}");
        }
        assert!(!admits(Some(&names), Some("gateway-10")) && !admits(Some(&names), None));
        assert!(admits(None, Some("gateway-10")) && admits(None, None));
    }
}
