//! Terminals, and what a courier does at them.

use engine::{ParcelId, TerminalId, Trace};
use peers::terminal::{After, Receipt, Standing, TerminalError};
use peers::{Card, Heard, Task, Terminal, TerminalSettings};
use switch::Line;

use super::{BIN, MERCHANT, UTC_OFFSET_MINUTES, World, master_key};

pub struct Pos {
    pub terminal: Terminal,
    /// Where it is connected.
    pub line: Line,
    pub heard: Vec<Heard>,
}

impl Pos {
    pub fn new(number: u32) -> Pos {
        let mut settings = TerminalSettings::new(number, *MERCHANT, master_key(number));
        settings.utc_offset_minutes = UTC_OFFSET_MINUTES;
        Pos { terminal: Terminal::new(&settings), line: Line(0), heard: Vec::new() }
    }
}

/// A card that all networks take.
pub fn card(number: u64) -> Card {
    Card::made(BIN, number, peers::card::Entry::Chip)
}

impl World {
    /// The courier asks for something; the message is on its way.
    pub fn ask(&mut self, place: usize, task: Task<'_>) -> Result<(), TerminalError> {
        let message = self.terminals[place].terminal.ask(task, self.now)?;
        self.send(place, message.to_vec());
        Ok(())
    }

    /// The terminal connects anew and sends.
    pub fn send(&mut self, place: usize, message: Vec<u8>) {
        self.lines += 1;
        let line = Line(self.lines * 10 + u64::try_from(place).unwrap());
        self.terminals[place].line = line;
        self.from_terminal.push_back((line, message));
    }

    /// The terminal at a line hears the next answer; not if it is connected elsewhere by now.
    pub fn terminal_hears(&mut self) -> bool {
        let Some((line, mut message)) = self.to_terminal.pop_front() else { return false };
        let here = self.terminals.iter_mut().find(|pos| pos.line == line);
        if let Some(pos) = here {
            let heard = pos.terminal.hear(&mut message).expect("an answer that can be read");
            pos.heard.push(heard);
        }
        true
    }

    pub fn close_line(&mut self, line: Line) {
        if let Some(pos) = self.terminals.iter_mut().find(|pos| pos.line == line) {
            pos.line = Line(0);
        }
    }

    /// A gateway dies: what was under way to its terminal is lost.
    pub fn gateway_dies(&mut self, place: usize) {
        let line = self.terminals[place].line;
        self.to_terminal.retain(|(to, _)| *to != line);
        self.switch.line_closed(line);
        self.terminals[place].line = Line(0);
    }

    /// Does what a terminal has to do by itself. Whether there was something.
    pub fn go_on(&mut self, place: usize) -> bool {
        let pos = &mut self.terminals[place];
        if pos.terminal.waits() || pos.terminal.batch() == 0 {
            return false;
        }
        let first = match pos.terminal.must_first(self.now) {
            Ok(Some(message)) => Some(message),
            _ => None,
        };
        if let Some(message) = first {
            self.send(place, message.to_vec());
            return true;
        }
        let pending = pos.terminal.reversing().is_some() || pos.terminal.to_forward() > 0;
        if pos.terminal.must_sign_on() && pending {
            self.ask(place, Task::SignOn).unwrap();
            return true;
        }
        false
    }

    /// Gives up waiting, before the time is over.
    pub fn terminal_times_out(&mut self, place: usize) -> Option<After> {
        let until = self.terminals[place].terminal.answer_by()?;
        self.terminals[place].terminal.timed_out(until)
    }

    /// Asks, lets everything happen, and tells what the terminal heard last.
    pub fn does(&mut self, place: usize, task: Task<'_>) -> Heard {
        self.ask(place, task).unwrap_or_else(|why| panic!("{task:?}: {why}"));
        self.settle();
        self.terminals[place].heard.last().expect("the terminal heard something").clone()
    }

    /// As [`World::does`], and it is approved.
    pub fn approved(&mut self, place: usize, task: Task<'_>) -> Receipt {
        match self.does(place, task) {
            Heard::Approved { receipt, .. } => receipt,
            other => panic!("{task:?} heard {other:?}: {:?}", self.happened),
        }
    }

    /// The code of a refusal.
    pub fn declined(&mut self, place: usize, task: Task<'_>) -> String {
        match self.does(place, task) {
            Heard::Declined(declined) => String::from_utf8(declined.code.to_vec()).unwrap(),
            Heard::SignOnFirst { code } => String::from_utf8(code.to_vec()).unwrap(),
            other => panic!("{task:?} heard {other:?}: {:?}", self.happened),
        }
    }

    pub fn sign_on(&mut self, place: usize) {
        let heard = self.does(place, Task::SignOn);
        assert!(matches!(heard, Heard::SignedOn { .. }), "{heard:?}");
    }

    pub fn sell(&mut self, parcel: ParcelId, amount: u64) -> Receipt {
        let (waybill, card) = (waybill(parcel), card(1));
        self.approved(0, Task::Sell { waybill: &waybill, card: &card, amount, pin: None })
    }

    pub fn pre_authorise(&mut self, parcel: ParcelId, amount: u64) -> Receipt {
        let (waybill, card) = (waybill(parcel), card(1));
        self.approved(0, Task::PreAuthorise { waybill: &waybill, card: &card, amount, pin: None })
    }

    /// The same message once more, everything happens: what was heard.
    pub fn repeats(&mut self, place: usize) -> Heard {
        let message = self.terminals[place].terminal.again(self.now).unwrap();
        self.send(place, message.to_vec());
        self.settle();
        self.terminals[place].heard.last().unwrap().clone()
    }

    pub fn trace(&self, place: usize, stan: u32) -> Trace {
        let terminal = &self.terminals[place].terminal;
        let (number, batch) = (terminal.number(), terminal.batch());
        Trace { terminal: TerminalId(u64::from(number)), batch, stan }
    }

    pub fn standing(&self, place: usize, stan: u32) -> Option<Standing> {
        let lines = self.terminals[place].terminal.journal().iter().rev();
        lines.into_iter().find(|line| line.receipt.stan == stan).map(|line| line.standing)
    }
}

/// The peers' own way of writing it.
pub fn waybill(parcel: ParcelId) -> String {
    peers::waybill(parcel.bits())
}
