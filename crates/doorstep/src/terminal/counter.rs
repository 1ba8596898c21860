//! One terminal: a line is read, done, and its result shown.

use std::collections::VecDeque;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use field::{Note, Session, SessionError};
use peers::terminal::{Receipt, TerminalError};
use peers::{Card, Heard, Task};

use super::OneArgs;
use super::orders::{self, LINE_BYTES_MAX, Order, PinTyped, Wrong};
use super::shown::{self, Screen};
use super::typed;
use crate::words::say;

struct Counter {
    session: Session,
    screen: Screen,
    card: Card,
    pin: PinTyped,
    /// Of earlier batches, too: for refunds.
    receipts: VecDeque<Receipt>,
    /// Where a script stands.
    line: Option<u64>,
    last_note: Option<Note>,
    /// Something was not understood, not possible, or not answered.
    failed: bool,
}

pub(super) fn run(args: &OneArgs) -> anyhow::Result<ExitCode> {
    let mut counter = Counter {
        session: args.session()?,
        screen: Screen { lang: args.lang(), currency: args.currency, columns: shown::columns() },
        card: args.card()?,
        pin: if args.no_pin { PinTyped::None } else { PinTyped::Right },
        receipts: VecDeque::new(),
        line: None,
        last_note: None,
        failed: false,
    };
    match args.script.as_deref() {
        Some(path) if path != Path::new("-") => {
            let named = || format!("--script {}", path.display());
            let file = std::fs::File::open(path).with_context(named)?;
            counter.work(io::BufReader::new(file), Input::Script).with_context(named)?;
        }
        Some(_) => counter.work(io::stdin().lock(), Input::Script)?,
        None if io::stdin().is_terminal() => counter.work(io::stdin().lock(), Input::Keyboard)?,
        None => counter.work(io::stdin().lock(), Input::Script)?,
    }
    counter.put_away();
    Ok(if counter.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Keyboard,
    Script,
}

/// Receipts that are kept at the most.
const RECEIPTS_MAX: usize = 1_000;

impl Counter {
    fn work(&mut self, mut input: impl BufRead, kind: Input) -> anyhow::Result<()> {
        if kind == Input::Keyboard {
            self.screen.greets(self.session.terminal(), &self.card);
        }
        for number in 1.. {
            match kind {
                Input::Keyboard => self.prompt()?,
                Input::Script => self.line = Some(number),
            }
            let Some(line) = read_line(&mut input)? else {
                if kind == Input::Keyboard {
                    say!("");
                }
                break;
            };
            self.screen.columns = shown::columns();
            let typed = line.as_deref().map_err(Clone::clone);
            let order = match typed.and_then(|line| orders::read(line, self.screen.currency)) {
                Ok(None) => continue,
                other => other,
            };
            if let (Input::Script, Ok(line)) = (kind, &line) {
                say!("> {}", typed::line(line));
            }
            let done = match order {
                Ok(Some(Order::Quit)) => break,
                Ok(Some(order)) => self.obey(&order),
                Ok(None) => Ok(()),
                Err(wrong) => {
                    self.failed = true;
                    self.screen.wrong(self.line, &wrong);
                    Ok(())
                }
            };
            match done {
                Ok(()) => {}
                Err(SessionError::Terminal(error)) => {
                    self.failed = true;
                    self.screen.not_done(self.line, &error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn prompt(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "{} ", self.screen.lang.pick("terminal>", "终端>"))?;
        out.flush()
    }

    /// What was not finished is told: nobody else knows of it.
    fn put_away(&mut self) {
        let terminal = self.session.terminal();
        for stan in [terminal.reversing(), terminal.next_to_forward()].into_iter().flatten() {
            self.failed = true;
            self.screen.forgets(stan);
        }
    }

    fn obey(&mut self, order: &Order) -> Result<(), SessionError> {
        match *order {
            Order::Help => self.screen.help(),
            Order::Journal => {
                let terminal = self.session.terminal();
                self.screen.journal(terminal.journal(), &terminal.totals());
            }
            Order::Card { bin, number, entry } => {
                self.card = Card::made(bin, number, entry.unwrap_or(self.card.entry()));
                self.screen.card(&self.card);
            }
            Order::Pin(pin) => {
                self.pin = pin;
                self.screen.pin(pin);
            }
            Order::SignOn => drop(self.ask(Task::SignOn)?),
            Order::Echo => drop(self.ask(Task::Echo)?),
            _ => {
                if self.session.terminal().must_sign_on() {
                    self.ask(Task::SignOn)?;
                }
                if self.session.terminal().must_sign_on() {
                    return Ok(());
                }
                self.clear_the_way()?;
                self.trade(order)?;
            }
        }
        Ok(())
    }

    fn trade(&mut self, order: &Order) -> Result<(), SessionError> {
        let card = self.card.clone();
        let pin = match self.pin {
            PinTyped::Right => Some(card.pin()),
            PinTyped::Wrong => Some(card.wrong_pin()),
            PinTyped::None => None,
        };
        let (card, pin) = (&card, pin.as_ref());
        let task = match *order {
            Order::SignOff => Task::SignOff,
            Order::Parameters => Task::Parameters,
            Order::Balance => Task::Balance { card, pin },
            Order::Sell { ref waybill, amount } => Task::Sell { waybill, card, amount, pin },
            Order::PreAuthorise { ref waybill, amount } => {
                Task::PreAuthorise { waybill, card, amount, pin }
            }
            Order::Offline { ref waybill, amount } => Task::Offline { waybill, card, amount },
            Order::Cash { ref waybill, amount, given } => {
                let heard = self.ask(Task::Cash { waybill, amount, tendered: given })?;
                if let Some(Heard::Approved { .. }) = heard
                    && given > amount
                {
                    self.screen.change(given - amount);
                }
                return Ok(());
            }
            Order::Qr { ref waybill, amount } => Task::Qr { waybill, amount },
            Order::Void { stan } => Task::Void { stan },
            Order::Unhold { stan } => Task::VoidPreAuthorisation { stan },
            Order::Complete { stan, amount } => Task::Complete { stan, amount },
            Order::Refund { stan, amount } => {
                let kept = self.receipts.iter().rev().find(|receipt| receipt.stan == stan);
                let receipt = *kept.ok_or(TerminalError::NotInJournal(stan))?;
                return self.ask(Task::Refund { receipt: &receipt, amount }).map(drop);
            }
            Order::CashBack { stan } => Task::CashBack { stan },
            Order::Paid { stan } => Task::QrStatus { stan },
            Order::QrBack { stan } => Task::QrBack { stan },
            Order::Reverse { stan } => Task::Reverse { stan },
            _ => Task::Settle,
        };
        self.ask(task).map(drop)
    }

    /// Asks, and then sends what must go out because of it. What was heard first.
    fn ask(&mut self, task: Task<'_>) -> Result<Option<Heard>, SessionError> {
        let (screen, last) = (self.screen, &mut self.last_note);
        let heard = self.session.ask(task, &mut |note| tell(screen, last, note))?;
        self.show(heard.as_ref());
        if !self.session.terminal().must_sign_on() {
            self.clear_the_way()?;
        }
        Ok(heard)
    }

    /// What must go out before anything else, and what came of it.
    fn clear_the_way(&mut self) -> Result<(), SessionError> {
        let (screen, last) = (self.screen, &mut self.last_note);
        for heard in self.session.clear_the_way(&mut |note| tell(screen, last, note))? {
            self.show(heard.as_ref());
        }
        Ok(())
    }

    fn show(&mut self, heard: Option<&Heard>) {
        let Some(heard) = heard else {
            self.failed = true;
            return;
        };
        self.last_note = None;
        self.screen.heard(heard);
        if let Heard::Approved { receipt, .. } = heard {
            if self.receipts.len() >= RECEIPTS_MAX {
                self.receipts.pop_front();
            }
            self.receipts.push_back(*receipt);
        }
    }
}

/// Shows a note, once where it comes again and again.
fn tell(screen: Screen, last: &mut Option<Note>, note: Note) {
    if last.replace(note) != Some(note) {
        screen.note(note);
    }
}

/// The next line; nothing at the end. Of one that is too long, the rest is passed over.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Result<String, Wrong>>> {
    const BYTE_ORDER_MARK: char = '\u{FEFF}';
    let mut line = Vec::new();
    let most = LINE_BYTES_MAX as u64 + 1;
    if input.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() > LINE_BYTES_MAX && line.last() != Some(&b'\n') {
        while input.by_ref().take(most).read_until(b'\n', &mut line)? > 0 {
            if line.last() == Some(&b'\n') {
                break;
            }
            line.clear();
        }
        return Ok(Some(Err(Wrong::Long)));
    }
    let line = String::from_utf8(line).map_err(|_| Wrong::Text);
    Ok(Some(line.map(|line| line.trim_start_matches(BYTE_ORDER_MARK).to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_or_no_text_is_one_wrong_line() {
        let mut input = "\u{FEFF}echo\r\n".as_bytes().to_vec();
        input.extend(vec![b'x'; 5_000]);
        input.extend(b"\nvoid \xFF\nquit");
        let mut input = input.as_slice();
        let mut next = || read_line(&mut input).unwrap();
        assert_eq!(next(), Some(Ok("echo\r\n".into())));
        assert_eq!(next(), Some(Err(Wrong::Long)));
        assert_eq!(next(), Some(Err(Wrong::Text)));
        assert_eq!(next(), Some(Ok("quit".into())));
        assert_eq!(next(), None);
    }
}
