//! One interactive terminal: reads a line, carries it out, shows the result.

use std::collections::VecDeque;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use bench::{InteractiveTerminal, InteractiveTerminalError, TerminalNotice};
use peers::terminal::{Receipt, TerminalError};
use peers::{TerminalOutcome, TerminalTask, TestCard};

use super::OneArgs;
use super::commands::{self, LINE_BYTES_MAX, PinEntry, TerminalCommand, TerminalCommandError};
use super::masking;
use super::screen::{self, Screen};
use super::stan_file::StanFile;
use crate::words::{Lang, say};

struct Console {
    session: InteractiveTerminal,
    stans: StanFile,
    screen: Screen,
    card: TestCard,
    pin: PinEntry,
    /// Also of earlier batches, for refunds.
    receipts: VecDeque<Receipt>,
    /// The line number in a script.
    line: Option<u64>,
    last_note: Option<TerminalNotice>,
    /// A line was invalid, not possible, or not answered.
    failed: bool,
}

pub(super) fn run(args: &OneArgs) -> anyhow::Result<ExitCode> {
    let (session, stans) = args.session()?;
    let mut console = Console {
        session,
        stans,
        screen: Screen {
            lang: Lang::current(),
            currency: args.currency,
            columns: screen::columns(),
        },
        card: args.card()?,
        pin: if args.no_pin { PinEntry::None } else { PinEntry::Correct },
        receipts: VecDeque::new(),
        line: None,
        last_note: None,
        failed: false,
    };
    match args.script.as_deref() {
        Some(path) if path != Path::new("-") => {
            let named = || format!("--script {}", path.display());
            let file = std::fs::File::open(path).with_context(named)?;
            console.work(io::BufReader::new(file), Input::Script).with_context(named)?;
        }
        Some(_) => console.work(io::stdin().lock(), Input::Script)?,
        None if io::stdin().is_terminal() => console.work(io::stdin().lock(), Input::Keyboard)?,
        None => console.work(io::stdin().lock(), Input::Script)?,
    }
    console.discard();
    console.stans.finish(console.session.terminal().last_stan())?;
    Ok(if console.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Keyboard,
    Script,
}

const RECEIPTS_MAX: usize = 1_000;

impl Console {
    fn work(&mut self, mut input: impl BufRead, kind: Input) -> anyhow::Result<()> {
        if kind == Input::Keyboard {
            self.screen.welcome(self.session.terminal(), &self.card);
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
            self.screen.columns = screen::columns();
            let typed = line.as_deref().map_err(Clone::clone);
            let order = match typed.and_then(|line| commands::parse(line, self.screen.currency)) {
                Ok(None) => continue,
                other => other,
            };
            if let (Input::Script, Ok(line)) = (kind, &line) {
                say!("> {}", masking::masked_line(line));
            }
            let done = match order {
                Ok(Some(TerminalCommand::Quit)) => break,
                Ok(Some(order)) => {
                    self.stans.renew(self.session.terminal().last_stan())?;
                    self.carry_out(&order)
                }
                Ok(None) => Ok(()),
                Err(wrong) => {
                    self.failed = true;
                    self.screen.command_error(self.line, &wrong);
                    Ok(())
                }
            };
            match done {
                Ok(()) => {}
                Err(InteractiveTerminalError::Terminal(error)) => {
                    self.failed = true;
                    self.screen.terminal_error(self.line, &error);
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

    /// Shows what is unfinished, because the terminal's state is lost.
    fn discard(&mut self) {
        let terminal = self.session.terminal();
        for stan in
            [terminal.pending_reversal(), terminal.next_offline_sale()].into_iter().flatten()
        {
            self.failed = true;
            self.screen.discarded(stan);
        }
    }

    fn carry_out(&mut self, order: &TerminalCommand) -> Result<(), InteractiveTerminalError> {
        match *order {
            TerminalCommand::Help => self.screen.help(),
            TerminalCommand::Journal => {
                let terminal = self.session.terminal();
                self.screen.journal(terminal.journal(), &terminal.totals());
            }
            TerminalCommand::Card { bin, number, entry } => {
                self.card = TestCard::generate(bin, number, entry.unwrap_or(self.card.entry()));
                self.screen.card(&self.card);
            }
            TerminalCommand::Pin(pin) => {
                self.pin = pin;
                self.screen.pin(pin);
            }
            TerminalCommand::SignOn => drop(self.ask(TerminalTask::SignOn)?),
            TerminalCommand::Echo => drop(self.ask(TerminalTask::Echo)?),
            _ => {
                if self.session.terminal().must_sign_on() {
                    self.ask(TerminalTask::SignOn)?;
                }
                if self.session.terminal().must_sign_on() {
                    return Ok(());
                }
                self.send_pending()?;
                self.transact(order)?;
            }
        }
        Ok(())
    }

    fn transact(&mut self, order: &TerminalCommand) -> Result<(), InteractiveTerminalError> {
        let card = self.card.clone();
        let pin = match self.pin {
            PinEntry::Correct => Some(card.pin()),
            PinEntry::Wrong => Some(card.wrong_pin()),
            PinEntry::None => None,
        };
        let (card, pin) = (&card, pin.as_ref());
        let task = match *order {
            TerminalCommand::SignOff => TerminalTask::SignOff,
            TerminalCommand::Parameters => TerminalTask::Parameters,
            TerminalCommand::Balance => TerminalTask::Balance { card, pin },
            TerminalCommand::Sale { ref waybill, amount } => {
                TerminalTask::Sale { waybill, card, amount, pin }
            }
            TerminalCommand::PreAuthorisation { ref waybill, amount } => {
                TerminalTask::PreAuthorisation { waybill, card, amount, pin }
            }
            TerminalCommand::Offline { ref waybill, amount } => {
                TerminalTask::Offline { waybill, card, amount }
            }
            TerminalCommand::Cash { ref waybill, amount, given } => {
                let heard = self.ask(TerminalTask::Cash { waybill, amount, tendered: given })?;
                if let Some(TerminalOutcome::Approved { .. }) = heard
                    && given > amount
                {
                    self.screen.change(given - amount);
                }
                return Ok(());
            }
            TerminalCommand::Qr { ref waybill, amount } => TerminalTask::Qr { waybill, amount },
            TerminalCommand::Void { stan } => TerminalTask::Void { stan },
            TerminalCommand::VoidPreAuthorisation { stan } => {
                TerminalTask::VoidPreAuthorisation { stan }
            }
            TerminalCommand::Completion { stan, amount } => {
                TerminalTask::Completion { stan, amount }
            }
            TerminalCommand::Refund { stan, amount } => {
                let kept = self.receipts.iter().rev().find(|receipt| receipt.stan == stan);
                let receipt = *kept.ok_or(TerminalError::NotInJournal(stan))?;
                return self.ask(TerminalTask::Refund { receipt: &receipt, amount }).map(drop);
            }
            TerminalCommand::RefundCash { stan } => TerminalTask::CashRefund { stan },
            TerminalCommand::QrStatus { stan } => TerminalTask::QrStatus { stan },
            TerminalCommand::RefundQr { stan } => TerminalTask::QrRefund { stan },
            TerminalCommand::Reverse { stan } => TerminalTask::Reverse { stan },
            _ => TerminalTask::Settle,
        };
        self.ask(task).map(drop)
    }

    /// Carries out a task, then sends the messages that follow from it.
    fn ask(
        &mut self,
        task: TerminalTask<'_>,
    ) -> Result<Option<TerminalOutcome>, InteractiveTerminalError> {
        let (screen, last) = (self.screen, &mut self.last_note);
        let heard = self.session.perform(task, &mut |note| show_note(screen, last, note))?;
        self.show(heard.as_ref());
        if !self.session.terminal().must_sign_on() {
            self.send_pending()?;
        }
        Ok(heard)
    }

    /// Sends pending messages, such as reversals, and shows their results.
    fn send_pending(&mut self) -> Result<(), InteractiveTerminalError> {
        let (screen, last) = (self.screen, &mut self.last_note);
        for heard in self.session.send_pending(&mut |note| show_note(screen, last, note))? {
            self.show(heard.as_ref());
        }
        Ok(())
    }

    fn show(&mut self, heard: Option<&TerminalOutcome>) {
        let Some(heard) = heard else {
            self.failed = true;
            return;
        };
        self.last_note = None;
        self.screen.result(heard);
        if let TerminalOutcome::Approved { receipt, .. } = heard {
            if self.receipts.len() >= RECEIPTS_MAX {
                self.receipts.pop_front();
            }
            self.receipts.push_back(*receipt);
        }
    }
}

/// Shows a note, but not the same one twice in a row.
fn show_note(screen: Screen, last: &mut Option<TerminalNotice>, note: TerminalNotice) {
    if last.replace(note) != Some(note) {
        screen.note(note);
    }
}

/// The next line; none at the end. The rest of a line that is too long is skipped.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Result<String, TerminalCommandError>>> {
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
        return Ok(Some(Err(TerminalCommandError::TooLong)));
    }
    let line = String::from_utf8(line).map_err(|_| TerminalCommandError::NotUtf8);
    Ok(Some(line.map(|line| line.trim_start_matches(BYTE_ORDER_MARK).to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_or_not_utf_8_is_one_error() {
        let mut input = "\u{FEFF}echo\r\n".as_bytes().to_vec();
        input.extend(vec![b'x'; 5_000]);
        input.extend(b"\nvoid \xFF\nquit");
        let mut input = input.as_slice();
        let mut next = || read_line(&mut input).unwrap();
        assert_eq!(next(), Some(Ok("echo\r\n".into())));
        assert_eq!(next(), Some(Err(TerminalCommandError::TooLong)));
        assert_eq!(next(), Some(Err(TerminalCommandError::NotUtf8)));
        assert_eq!(next(), Some(Ok("quit".into())));
        assert_eq!(next(), None);
    }
}
