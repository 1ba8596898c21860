//! One terminal: a line is read, done, and its result shown.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use field::{Session, SessionError};
use peers::terminal::TerminalError;
use peers::{Card, Task};

use super::OneArgs;
use super::orders::{self, Order};
use super::shown::Screen;
use crate::words::say;

struct Counter {
    session: Session,
    screen: Screen,
    card: Card,
    with_pin: bool,
    /// Something was not understood, not possible, or not answered.
    failed: bool,
}

pub(super) fn run(args: &OneArgs) -> anyhow::Result<ExitCode> {
    let mut counter = Counter {
        session: args.session()?,
        screen: Screen { lang: args.lang(), currency: args.currency },
        card: args.card()?,
        with_pin: !args.no_pin,
        failed: false,
    };
    match args.script.as_deref() {
        Some(path) if path != Path::new("-") => {
            let named = || path.display().to_string();
            let file = std::fs::File::open(path).with_context(named)?;
            counter.work(io::BufReader::new(file), Input::Script).with_context(named)?;
        }
        Some(_) => counter.work(io::stdin().lock(), Input::Script)?,
        None if io::stdin().is_terminal() => counter.work(io::stdin().lock(), Input::Keyboard)?,
        None => counter.work(io::stdin().lock(), Input::Script)?,
    }
    Ok(if counter.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Keyboard,
    Script,
}

/// Characters of a line at the most.
const LINE_BYTES_MAX: u64 = 1_024;

impl Counter {
    fn work(&mut self, mut input: impl BufRead, kind: Input) -> anyhow::Result<()> {
        let mut line = String::new();
        loop {
            if kind == Input::Keyboard {
                self.prompt()?;
            }
            line.clear();
            if input.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
                return Ok(());
            }
            let order = match orders::read(&line, self.screen.currency) {
                Ok(None) => continue,
                Ok(Some(order)) => {
                    if kind == Input::Script {
                        say!("> {}", line.trim());
                    }
                    order
                }
                Err(why) => {
                    self.fail(&why);
                    continue;
                }
            };
            if order == Order::Quit {
                return Ok(());
            }
            match self.obey(&order) {
                Ok(()) => {}
                Err(SessionError::Terminal(error)) => self.fail(&error.to_string()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn prompt(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "{} ", self.screen.lang.pick("terminal>", "终端>"))?;
        out.flush()
    }

    fn fail(&mut self, why: &str) {
        self.failed = true;
        self.screen.wrong(why);
    }

    fn obey(&mut self, order: &Order) -> Result<(), SessionError> {
        match order {
            Order::Help => self.screen.help(),
            Order::Journal => {
                let terminal = self.session.terminal();
                self.screen.journal(terminal.journal(), &terminal.totals());
            }
            Order::Card { bin_and_number, entry } => {
                let entry = entry.unwrap_or(self.card.entry());
                match super::card(bin_and_number, entry) {
                    Some(card) => self.card = card,
                    None => self.fail("write it as: card 622588:1"),
                }
                self.screen.card(&self.card);
            }
            Order::Pin { typed } => self.with_pin = *typed,
            Order::SignOn => self.ask(Task::SignOn)?,
            Order::Echo => self.ask(Task::Echo)?,
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
        let pin = self.with_pin.then(|| card.pin());
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
                Task::Cash { waybill, amount, tendered: given }
            }
            Order::Qr { ref waybill, amount } => Task::Qr { waybill, amount },
            Order::Void { stan } => Task::Void { stan },
            Order::Unhold { stan } => Task::VoidPreAuthorisation { stan },
            Order::Complete { stan, amount } => Task::Complete { stan, amount },
            Order::Refund { stan, amount } => {
                let receipt = self.session.terminal().receipt(stan);
                let receipt = receipt.ok_or(TerminalError::NotInJournal(stan))?;
                return self.ask(Task::Refund { receipt: &receipt, amount });
            }
            Order::CashBack { stan } => Task::CashBack { stan },
            Order::Paid { stan } => Task::QrStatus { stan },
            Order::QrBack { stan } => Task::QrBack { stan },
            Order::Reverse { stan } => Task::Reverse { stan },
            _ => Task::Settle,
        };
        self.ask(task)
    }

    fn ask(&mut self, task: Task<'_>) -> Result<(), SessionError> {
        let screen = self.screen;
        match self.session.ask(task, &mut |note| screen.note(note))? {
            Some(heard) => screen.heard(&heard),
            None => self.failed = true,
        }
        if self.session.terminal().must_sign_on() {
            return Ok(());
        }
        self.clear_the_way()
    }

    /// What must go out before anything else, and what came of it.
    fn clear_the_way(&mut self) -> Result<(), SessionError> {
        let screen = self.screen;
        for heard in self.session.clear_the_way(&mut |note| screen.note(note))? {
            match heard {
                Some(heard) => screen.heard(&heard),
                None => self.failed = true,
            }
        }
        Ok(())
    }
}
