//! One interactive terminal: reads a line, carries it out, shows the result.

use std::collections::VecDeque;
use std::process::ExitCode;

use anyhow::Context;
use bench::{InteractiveTerminal, InteractiveTerminalError, TerminalNotice};
use peers::terminal::{Receipt, TerminalError};
use peers::{TerminalOutcome, TerminalTask, TestCard};

use super::OneArgs;
use super::commands::{self, PinEntry, TerminalCommand, TerminalCommandError};
use super::masking;
use super::parcels::{CourierParcels, PARCELS_MAX};
use super::screen::{self, Screen};
use super::stan_file::StanFile;
use crate::typed_lines::{self, LineContent, TypedLines};
use crate::words::{Lang, say};

struct Console {
    session: InteractiveTerminal,
    stans: StanFile,
    screen: Screen,
    card: TestCard,
    pin: PinEntry,
    /// The courier's parcels, as listed last.
    parcels: CourierParcels,
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
        parcels: CourierParcels::default(),
        receipts: VecDeque::new(),
        line: None,
        last_note: None,
        failed: false,
    };
    let script = args.script.as_deref();
    let named = || script.map(typed_lines::script_name).unwrap_or_default();
    let mut lines = TypedLines::open(script, LineContent::CardNumbers)?;
    console.work(&mut lines).with_context(named)?;
    console.discard();
    console.stans.finish(console.session.terminal().last_stan())?;
    Ok(if console.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

const RECEIPTS_MAX: usize = 1_000;

impl Console {
    fn work(&mut self, lines: &mut TypedLines) -> anyhow::Result<()> {
        if !lines.is_script() {
            self.screen.welcome(self.session.terminal(), &self.card);
        }
        let prompt = self.screen.lang.pick("terminal>", "终端>");
        for number in 1.. {
            if lines.is_script() {
                self.line = Some(number);
            }
            let Some(line) = lines.next(prompt)? else { break };
            let line = line.map_err(TerminalCommandError::from);
            self.screen.columns = screen::columns();
            let typed = line.as_deref().map_err(Clone::clone);
            let order = match typed.and_then(|line| commands::parse(line, self.screen.currency)) {
                Ok(None) => continue,
                other => other,
            };
            if let (true, Ok(line)) = (lines.is_script(), &line) {
                say!("> {}", masking::masked_line(line));
            }
            let done = match order {
                Ok(Some(TerminalCommand::Quit)) => break,
                Ok(Some(order)) => {
                    self.stans.renew(self.session.terminal().last_stan())?;
                    self.carry_out(order)
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

    fn carry_out(&mut self, order: TerminalCommand) -> Result<(), InteractiveTerminalError> {
        match order {
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
                if let Some(order) = self.completed(order)? {
                    self.transact(&order)?;
                }
            }
        }
        Ok(())
    }

    /// Fills in the whole waybill and the amount of a payment. `None` if the list does not have
    /// them.
    fn completed(
        &mut self,
        mut order: TerminalCommand,
    ) -> Result<Option<TerminalCommand>, InteractiveTerminalError> {
        let Some((word, amount)) = order.payment_mut() else { return Ok(Some(order)) };
        let is_short = commands::is_short_waybill(word);
        if !is_short && amount.is_some() {
            return Ok(Some(order));
        }
        // The switch may be out of reach: an offline sale needs no new list.
        let is_known = amount.is_some() && self.parcels.find(word).is_ok();
        if !is_known && !self.list_parcels()? {
            return Ok(None);
        }
        match self.parcels.find(word) {
            Ok(parcel) => {
                word.clone_from(&parcel.waybill);
                amount.get_or_insert(parcel.left);
                Ok(Some(order))
            }
            Err(wrong) => {
                self.failed = true;
                self.screen.command_error(self.line, &wrong);
                Ok(None)
            }
        }
    }

    /// Gets the courier's parcels. Returns whether the switch gave the whole list.
    fn list_parcels(&mut self) -> Result<bool, InteractiveTerminalError> {
        let (mut listed, mut from) = (Vec::new(), Some(0));
        while let Some(position) = from.filter(|_| listed.len() < PARCELS_MAX) {
            match self.ask(TerminalTask::Parcels { from: position })? {
                Some(TerminalOutcome::Parcels { parcels, next, asked }) => {
                    if let Some(asked) = asked {
                        self.screen.card_asked(&asked);
                    }
                    listed.extend(parcels);
                    from = next;
                }
                _ => return Ok(false),
            }
        }
        self.parcels = CourierParcels::new(listed);
        Ok(true)
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
            TerminalCommand::Parcels => {
                if self.list_parcels()? {
                    self.screen.parcels(&self.parcels);
                }
                return Ok(());
            }
            TerminalCommand::SignOff => TerminalTask::SignOff,
            TerminalCommand::Parameters => TerminalTask::Parameters,
            TerminalCommand::Balance => TerminalTask::Balance { card, pin },
            TerminalCommand::Sale { ref waybill, amount: Some(amount) } => {
                TerminalTask::Sale { waybill, card, amount, pin }
            }
            TerminalCommand::PreAuthorisation { ref waybill, amount: Some(amount) } => {
                TerminalTask::PreAuthorisation { waybill, card, amount, pin }
            }
            TerminalCommand::Offline { ref waybill, amount: Some(amount) } => {
                TerminalTask::Offline { waybill, card, amount }
            }
            TerminalCommand::Cash { ref waybill, amount: Some(amount), given } => {
                let given = given.unwrap_or(amount);
                let heard = self.ask(TerminalTask::Cash { waybill, amount, tendered: given })?;
                if let Some(TerminalOutcome::Approved { .. }) = heard
                    && given > amount
                {
                    self.screen.change(given - amount);
                }
                return Ok(());
            }
            TerminalCommand::Qr { ref waybill, amount: Some(amount) } => {
                TerminalTask::Qr { waybill, amount }
            }
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
            TerminalCommand::Settle => TerminalTask::Settle,
            // The others are carried out before, or have no amount.
            _ => return Ok(()),
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
