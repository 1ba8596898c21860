//! A terminal that a person operates: one task at a time, each with its answer.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use iso8583::WipedBytes;
use peers::terminal::{TerminalError, TimeoutAction};
use peers::{TerminalOutcome, TerminalSimulator, TerminalTask};

use crate::clock::now_ms;
use crate::terminal_socket::{Received, TerminalSocket};

/// The pause after none of the addresses could be reached.
const UNREACHABLE_PAUSE: Duration = Duration::from_millis(500);
/// How many pending messages are sent before the person is asked again.
const PENDING_MESSAGES_MAX: usize = 100;

/// What happens while a task waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalNotice {
    Connected(SocketAddr),
    Unreachable(SocketAddr),
    /// The connection broke; the unanswered message is sent again at the next address.
    Lost(SocketAddr),
    /// No answer came in time; with what the terminal does next.
    NoAnswer(TimeoutAction),
    /// The switch expects another batch or other keys, so the terminal signs on.
    SigningOn,
}

#[derive(Debug, thiserror::Error)]
pub enum InteractiveTerminalError {
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    #[error("cannot use sockets: {0}")]
    Sockets(#[from] io::Error),
}

pub struct InteractiveTerminal {
    terminal: TerminalSimulator,
    line: TerminalSocket,
}

impl InteractiveTerminal {
    /// Does not connect yet.
    #[must_use]
    pub const fn new(terminal: TerminalSimulator, line: TerminalSocket) -> InteractiveTerminal {
        InteractiveTerminal { terminal, line }
    }

    #[must_use]
    pub const fn terminal(&self) -> &TerminalSimulator {
        &self.terminal
    }

    /// For changes of its parameters.
    pub const fn terminal_mut(&mut self) -> &mut TerminalSimulator {
        &mut self.terminal
    }

    /// Performs a task and returns its answer; None if none came in time. If the switch requires a
    /// sign-on, signs on and repeats the task.
    ///
    /// Pending messages must be sent first: call [`InteractiveTerminal::send_pending`] to learn
    /// their outcome.
    pub fn perform(
        &mut self,
        task: TerminalTask<'_>,
        notify: &mut dyn FnMut(TerminalNotice),
    ) -> Result<Option<TerminalOutcome>, InteractiveTerminalError> {
        let first = self.ask_once(task, notify)?;
        let signs_on = matches!(task, TerminalTask::SignOn);
        if signs_on || !matches!(first, Some(TerminalOutcome::SignOnRequired { .. })) {
            return Ok(first);
        }
        notify(TerminalNotice::SigningOn);
        match self.ask_once(TerminalTask::SignOn, notify)? {
            Some(TerminalOutcome::SignedOn { .. }) => {
                // What `A0` refused may have been carried out: it is reversed, or repeated.
                match self.send_pending(notify)?.pop() {
                    None | Some(Some(TerminalOutcome::Reversed { .. })) => {
                        self.ask_once(task, notify)
                    }
                    Some(repeated) => Ok(repeated),
                }
            }
            other => Ok(other),
        }
    }

    /// Sends the pending messages: reversals, repeats, offline sales, uploads. Returns the answer
    /// to each; None, as the last, if no answer came.
    pub fn send_pending(
        &mut self,
        notify: &mut dyn FnMut(TerminalNotice),
    ) -> Result<Vec<Option<TerminalOutcome>>, InteractiveTerminalError> {
        let mut heard = Vec::new();
        while let Some(message) = self.terminal.next_pending_message(now_ms())? {
            let answer = self.exchange(message, notify)?;
            let goes_on = match &answer {
                None
                | Some(TerminalOutcome::ReversalRefused { .. } | TerminalOutcome::Declined(_)) => {
                    false
                }
                Some(_) => heard.len() < PENDING_MESSAGES_MAX,
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
        task: TerminalTask<'_>,
        notify: &mut dyn FnMut(TerminalNotice),
    ) -> Result<Option<TerminalOutcome>, InteractiveTerminalError> {
        let message = self.terminal.start(task, now_ms())?;
        self.exchange(message, notify)
    }

    fn exchange(
        &mut self,
        mut message: WipedBytes,
        notify: &mut dyn FnMut(TerminalNotice),
    ) -> Result<Option<TerminalOutcome>, InteractiveTerminalError> {
        let until_ms = self.terminal.answer_by().unwrap_or(0);
        let until = Instant::now() + Duration::from_millis(until_ms.saturating_sub(now_ms()));
        while self.connect(until, notify)? {
            self.line.send(&message)?;
            match self.wait_for_answer(until)? {
                ExchangeResult::Heard(heard) => return Ok(Some(heard)),
                ExchangeResult::Nothing => break,
                ExchangeResult::Lost => {
                    notify(TerminalNotice::Lost(self.line.address()));
                    self.line.use_next_address();
                    message = self.terminal.repeat(now_ms())?;
                }
            }
        }
        // Repeats extended the terminal's own deadline; the person's runs from the first message.
        if let Some(after) = self.terminal.on_timeout(u64::MAX) {
            notify(TerminalNotice::NoAnswer(after));
        }
        Ok(None)
    }

    /// Tries the addresses in turn. Returns whether a connection was made in time.
    fn connect(
        &mut self,
        until: Instant,
        notify: &mut dyn FnMut(TerminalNotice),
    ) -> io::Result<bool> {
        let mut tried = 0;
        loop {
            let was_open = self.line.is_open();
            if self.line.connect()? {
                if !was_open {
                    notify(TerminalNotice::Connected(self.line.address()));
                }
                return Ok(true);
            }
            notify(TerminalNotice::Unreachable(self.line.address()));
            self.line.use_next_address();
            tried += 1;
            if tried % self.line.addresses() == 0 {
                let left = until.saturating_duration_since(Instant::now());
                thread::sleep(left.min(UNREACHABLE_PAUSE));
            }
            if Instant::now() >= until {
                return Ok(false);
            }
        }
    }

    fn wait_for_answer(
        &mut self,
        until: Instant,
    ) -> Result<ExchangeResult, InteractiveTerminalError> {
        loop {
            match self.line.receive(until)? {
                Received::TimedOut => return Ok(ExchangeResult::Nothing),
                Received::Lost => return Ok(ExchangeResult::Lost),
                Received::Message(mut message) => match self.terminal.receive(&mut message) {
                    Err(error @ TerminalError::WorkingKeys) => {
                        self.terminal.on_timeout(u64::MAX);
                        return Err(error.into());
                    }
                    // Late or unreadable answers are skipped: the right one may still come.
                    Ok(TerminalOutcome::Unmatched) | Err(_) => {}
                    Ok(heard) => return Ok(ExchangeResult::Heard(heard)),
                },
            }
        }
    }
}

enum ExchangeResult {
    Heard(TerminalOutcome),
    Lost,
    Nothing,
}
