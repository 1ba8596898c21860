//! A terminal with a person before it: one thing at a time, and patience.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use iso8583::Wiped;
use peers::terminal::{After, TerminalError};
use peers::{Heard, Task, Terminal};

use crate::clock::now_ms;
use crate::line::{Came, Line};

/// How long all addresses are left alone when none of them can be reached.
const NOBODY_THERE_WAIT: Duration = Duration::from_millis(500);
/// How often something goes out first before the person is asked again.
const FIRST_THINGS_MAX: usize = 100;

/// Something on the way to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// A connection is there.
    Connected(SocketAddr),
    /// No connection can be made.
    Unreachable(SocketAddr),
    /// The connection broke; what was not answered goes out again at the next address.
    Lost(SocketAddr),
    /// No answer came in time.
    NoAnswer(After),
    /// The batch or the keys are not those of the switch: it signs on.
    SignsOn,
}

/// Why something could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The terminal does not do it.
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    /// The system cannot go on.
    #[error("sockets: {0}")]
    Sockets(#[from] io::Error),
}

/// A terminal and its connection.
pub struct Session {
    terminal: Terminal,
    line: Line,
}

impl Session {
    /// Not connected yet.
    #[must_use]
    pub const fn new(terminal: Terminal, line: Line) -> Session {
        Session { terminal, line }
    }

    /// The terminal.
    #[must_use]
    pub const fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// The terminal, to change its parameters.
    pub const fn terminal_mut(&mut self) -> &mut Terminal {
        &mut self.terminal
    }

    /// Asks, and waits for the answer: nothing where none came in time. Where the switch wants a
    /// sign-on first, there is one and it is asked again.
    ///
    /// What must go out first, goes out first: [`Session::clear_the_way`] before says what came of
    /// it.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn ask(
        &mut self,
        task: Task<'_>,
        tell: &mut dyn FnMut(Note),
    ) -> Result<Option<Heard>, SessionError> {
        let first = self.ask_once(task, tell)?;
        let signs_on = matches!(task, Task::SignOn);
        if signs_on || !matches!(first, Some(Heard::SignOnFirst { .. })) {
            return Ok(first);
        }
        tell(Note::SignsOn);
        match self.ask_once(Task::SignOn, tell)? {
            Some(Heard::SignedOn { .. }) => self.ask_once(task, tell),
            other => Ok(other),
        }
    }

    /// Sends what must go out before anything else: reversals, repeats, offline sales, uploads.
    /// What came of each; at the last, nothing where no answer came.
    ///
    /// # Errors
    /// Where it cannot be sent.
    pub fn clear_the_way(
        &mut self,
        tell: &mut dyn FnMut(Note),
    ) -> Result<Vec<Option<Heard>>, SessionError> {
        let mut heard = Vec::new();
        while let Some(message) = self.terminal.must_first(now_ms())? {
            let answer = self.exchange(message, tell)?;
            let goes_on = match &answer {
                None | Some(Heard::ReversalRefused { .. } | Heard::Declined(_)) => false,
                Some(_) => heard.len() < FIRST_THINGS_MAX,
            };
            heard.push(answer);
            if !goes_on {
                break;
            }
        }
        Ok(heard)
    }

    fn ask_once(
        &mut self,
        task: Task<'_>,
        tell: &mut dyn FnMut(Note),
    ) -> Result<Option<Heard>, SessionError> {
        let message = self.terminal.ask(task, now_ms())?;
        self.exchange(message, tell)
    }

    fn exchange(
        &mut self,
        mut message: Wiped,
        tell: &mut dyn FnMut(Note),
    ) -> Result<Option<Heard>, SessionError> {
        let until_ms = self.terminal.answer_by().unwrap_or(0);
        let until = Instant::now() + Duration::from_millis(until_ms.saturating_sub(now_ms()));
        while self.connect(until, tell)? {
            self.line.say(&message)?;
            match self.listen(until)? {
                Listened::Heard(heard) => return Ok(Some(heard)),
                Listened::Nothing => break,
                Listened::Lost => {
                    tell(Note::Lost(self.line.address()));
                    self.line.go_on_to_the_next();
                    message = self.terminal.again(now_ms())?;
                }
            }
        }
        // Repeats moved the terminal's own limit on; the person's patience counts from the first.
        if let Some(after) = self.terminal.timed_out(u64::MAX) {
            tell(Note::NoAnswer(after));
        }
        Ok(None)
    }

    /// Tries one address after the other. Whether one of them is there in time.
    fn connect(&mut self, until: Instant, tell: &mut dyn FnMut(Note)) -> io::Result<bool> {
        let mut tried = 0;
        loop {
            let was_open = self.line.is_open();
            if self.line.connect()? {
                if !was_open {
                    tell(Note::Connected(self.line.address()));
                }
                return Ok(true);
            }
            tell(Note::Unreachable(self.line.address()));
            self.line.go_on_to_the_next();
            tried += 1;
            if tried % self.line.addresses() == 0 {
                let left = until.saturating_duration_since(Instant::now());
                thread::sleep(left.min(NOBODY_THERE_WAIT));
            }
            if Instant::now() >= until {
                return Ok(false);
            }
        }
    }

    fn listen(&mut self, until: Instant) -> Result<Listened, SessionError> {
        loop {
            match self.line.hear(until)? {
                Came::Nothing => return Ok(Listened::Nothing),
                Came::Lost => return Ok(Listened::Lost),
                Came::Message(mut message) => match self.terminal.hear(&mut message) {
                    Err(error @ TerminalError::WorkingKeys) => {
                        self.terminal.timed_out(u64::MAX);
                        return Err(error.into());
                    }
                    // Old answers, and what nobody can read: the right one may still come.
                    Ok(Heard::Stray) | Err(_) => {}
                    Ok(heard) => return Ok(Listened::Heard(heard)),
                },
            }
        }
    }
}

enum Listened {
    Heard(Heard),
    Lost,
    Nothing,
}
