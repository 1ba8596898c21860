//! The doors: terminals, the switch, card networks and a wallet, each the real thing, connected by
//! real sockets and driven in virtual time.
//!
//! Nothing here decides about money: terminals ask, the switch routes and tells the books, networks
//! and the wallet answer by books of their own. What is done at a terminal is a [`Deed`], what came
//! of it an [`Outcome`].

mod books;
mod cards;
mod deed;
mod rail;
mod secrets;
mod setup;
mod till;
mod wallet;
mod wires;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::TcpListener;

use engine::{Command, TenderId, Timestamp, Trace, WalletId};
use iso8583::Wiped;
use keys::KeyError;
use peers::book::Reference;
use peers::clearing::ClearingFileError;
use peers::network::Output as Said;
use peers::terminal::TerminalError;
use switch::{Fact, Happening, Line, LinkId, Output, Question, SettingsError, Switch};

use crate::agenda::Agenda;
use crate::office::Answer;
use rail::{Plans, Rail};
use till::Till;
use wallet::{Tells, Wallet};
use wires::Wire;

pub(crate) use cards::{Brand, card};
pub(crate) use deed::{Buyer, Deed, LineFault, Mishap, Outcome, What};

/// From a terminal to the switch, or back.
const TERMINAL_MS: u64 = 250;
/// From the switch to a network, or back.
const NETWORK_MS: u64 = 100;
/// A link that is gone is connected anew after this time.
const RECONNECT_MS: u64 = 30_000;
/// A wallet that has to give back looks again after this time, and tells again what was not taken.
const WALLET_MS: u64 = 30_000;

/// What can go wrong at the doors that is nobody's fate.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// A socket.
    #[error("a connection between terminals, switch and networks on this machine: {0}")]
    Wire(#[from] io::Error),
    /// A terminal cannot do what its courier wants.
    #[error("a terminal: {0}")]
    Terminal(#[from] TerminalError),
    /// A key.
    #[error("a key of the terminals or networks: {0}")]
    Key(#[from] KeyError),
    /// The switch's settings.
    #[error("the switch: {0}")]
    Settings(#[from] SettingsError),
    /// A network's file.
    #[error("the clearing file of a network: {0}")]
    Clearing(#[from] ClearingFileError),
}

/// What happened at the doors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoorCounts {
    /// Sign-ons of terminals.
    pub signed_on: u64,
    /// Batches on whose totals terminal and books agree.
    pub agreed: u64,
    /// Batches whose lines had to be uploaded.
    pub disputed: u64,
    /// Sales that terminals approved themselves.
    pub offline: u64,
    /// Those of them that the switch took.
    pub forwarded: u64,
    /// Terminals' own reversals that were acknowledged.
    pub reversed: u64,
    /// Messages that terminals sent again, with the same number.
    pub repeated: u64,
    /// Lines that dropped before an answer came.
    pub dropped: u64,
    /// Answers that terminals no longer waited for.
    pub strays: u64,
    /// Messages between terminals and switch, both ways.
    pub terminal_messages: u64,
    /// Messages between switch and networks, both ways.
    pub network_messages: u64,
    /// Reversals that networks were sent, repeats counted.
    pub reversals_sent: u64,
    /// Answers that networks gave twice.
    pub doubled: u64,
}

/// What is under way, or to come.
enum Due {
    /// A terminal's message comes to the switch.
    FromTerminal(Line, Wiped),
    /// An answer comes to a terminal, over this line.
    ToTerminal(usize, Line, Wiped),
    /// A message comes to a network, over the link of this place.
    ToNetwork(usize, usize, Wiped),
    /// A network's message comes to the switch.
    FromNetwork(LinkId, Wiped),
    /// A link is connected, or tried.
    Connect(usize, usize),
    /// A terminal may have waited long enough.
    Waited(usize),
    /// A terminal goes on with what it has to say.
    Pump(usize),
    /// A terminal repeats.
    Repeat(usize),
    /// A terminal asks whether a code is paid.
    Poll(usize),
    /// A buyer has paid an order.
    Paid(String),
    /// A buyer has not paid an order and will not.
    NotPaid(String),
    /// The wallet says that it has given an order back.
    GivenBack(String),
    /// The wallet looks what it has to give back.
    WalletLooks,
}

/// Terminals, switch, networks and wallet.
pub(crate) struct Doors {
    switch: Switch,
    out: Vec<Output>,
    tills: Vec<Till>,
    /// Whose line it is.
    lines: HashMap<Line, usize>,
    next_line: u64,
    listener: TcpListener,
    wires: Vec<Option<Wire>>,
    rails: Vec<Rail>,
    next_link: u64,
    plans: Plans,
    wallet: Wallet,
    wallet_id: WalletId,
    qr_ms: u64,
    due: Agenda<Due>,
    commands: Vec<(u64, Command)>,
    questions: Vec<(u64, Question)>,
    outcomes: Vec<(usize, Outcome)>,
    /// The books' number of each tender, by the terminal's number of what began it.
    tenders: BTreeMap<Trace, TenderId>,
    /// The same, by how the network of this place knows it.
    sent: HashMap<(usize, Reference), TenderId>,
    /// Over which network a tender goes, by place.
    over: HashMap<TenderId, usize>,
    /// Tenders that began since somebody looked.
    begun: Vec<TenderId>,
    pub counts: DoorCounts,
    pub disagreements: Vec<String>,
}

impl Doors {
    /// Connects the switch to its networks.
    pub(crate) fn open(&mut self, now: Timestamp) {
        for (place, rail) in self.rails.iter().enumerate() {
            for number in 0..rail.cables.len() {
                self.due.put(now, Due::Connect(place, number));
            }
        }
    }

    /// When something is due; nothing where only echoes would be sent.
    pub(crate) fn next_moment(&self) -> Option<Timestamp> {
        let networks = self.rails.iter().filter_map(Rail::next_timer);
        let all = networks.chain(self.due.first()).chain(self.switch.next_timer());
        all.min().filter(|_| !self.is_quiet())
    }

    fn is_quiet(&self) -> bool {
        self.due.first().is_none()
            && self.switch.in_flight() == 0
            && self.switch.chased() == 0
            && self.tills.iter().all(Till::is_idle)
    }

    /// Payments that nobody has acknowledged the reversal of.
    pub(crate) fn unresolved(&self) -> u64 {
        self.switch.chased() as u64
    }

    /// Everything that is due by now.
    pub(crate) fn turn(&mut self, now: Timestamp) -> Result<(), DoorError> {
        self.flush(now)?;
        loop {
            if let Some(things) = self.due.due(now) {
                for thing in things {
                    self.happen(thing, now)?;
                    self.flush(now)?;
                }
                continue;
            }
            let ticking =
                self.rails.iter().position(|rail| rail.next_timer().is_some_and(|at| at <= now));
            if let Some(place) = ticking {
                let mut said = Vec::new();
                self.rails[place].network.tick(now.0, &mut said);
                self.network_says(place, said, now)?;
            } else if self.switch.next_timer().is_some_and(|at| at <= now) {
                self.switch.tick(now, &mut self.out);
            } else {
                return Ok(());
            }
            self.flush(now)?;
        }
    }

    /// What the switch wants of the books, with the number of each answer, in their order.
    pub(crate) fn take_commands(&mut self) -> Vec<(u64, Command)> {
        std::mem::take(&mut self.commands)
    }

    /// What the switch asks the books, behind its commands.
    pub(crate) fn take_questions(&mut self) -> Vec<(u64, Question)> {
        std::mem::take(&mut self.questions)
    }

    /// What came of deeds, by courier.
    pub(crate) fn take_outcomes(&mut self) -> Vec<(usize, Outcome)> {
        std::mem::take(&mut self.outcomes)
    }

    /// Tenders that have begun.
    pub(crate) fn take_begun(&mut self) -> Vec<TenderId> {
        std::mem::take(&mut self.begun)
    }

    /// The books have answered a command.
    pub(crate) fn answered(
        &mut self,
        ticket: u64,
        command: &Command,
        answer: Answer,
        now: Timestamp,
    ) -> Result<(), DoorError> {
        if let Ok(events) = &answer {
            self.note_tender(command, events);
        }
        self.switch.answered(ticket, answer, now, &mut self.out);
        self.flush(now)
    }

    /// The books have answered a question.
    pub(crate) fn told(
        &mut self,
        ticket: u64,
        fact: Fact,
        now: Timestamp,
    ) -> Result<(), DoorError> {
        self.switch.told(ticket, fact, now, &mut self.out);
        self.flush(now)
    }

    fn happen(&mut self, due: Due, now: Timestamp) -> Result<(), DoorError> {
        match due {
            Due::FromTerminal(line, mut message) => {
                self.switch.terminal(line, &mut message, now, &mut self.out);
            }
            Due::ToTerminal(courier, line, mut message) => {
                if self.tills[courier].line == Some(line) {
                    self.at_terminal(courier, &mut message, now)?;
                }
            }
            Due::ToNetwork(place, number, mut message) => {
                let rail = &mut self.rails[place];
                let cable = &rail.cables[number];
                if cable.wire.is_some() {
                    let mut said = Vec::new();
                    rail.network.hear(cable.link, &mut message, now.0, &mut said);
                    self.network_says(place, said, now)?;
                }
            }
            Due::FromNetwork(link, mut message) => {
                self.switch.network(link, &mut message, now, &mut self.out);
            }
            Due::Connect(place, number) => self.connect(place, number, now)?,
            Due::Waited(courier) => self.terminal_waited(courier, now)?,
            Due::Pump(courier) => self.pump(courier, now)?,
            Due::Repeat(courier) => self.repeat(courier, now)?,
            Due::Poll(courier) => self.poll(courier, now)?,
            Due::Paid(order) => self.wallet_tells(&order, Tells::Paid),
            Due::NotPaid(order) => self.wallet_tells(&order, Tells::NotPaid),
            Due::GivenBack(order) => self.wallet_tells(&order, Tells::GivenBack),
            Due::WalletLooks => {
                for (order, _) in self.switch.to_give_back(self.wallet_id) {
                    self.wallet_tells(&order, Tells::GivenBack);
                }
            }
        }
        Ok(())
    }

    /// A terminal's message goes out, over a new line where it has none.
    fn say(&mut self, courier: usize, message: &[u8], now: Timestamp) -> Result<(), DoorError> {
        let place = courier % wires::TERMINAL_WIRES_MAX;
        if self.wires.len() <= place {
            self.wires.resize_with(place + 1, || None);
        }
        let wire = match &mut self.wires[place] {
            Some(wire) => wire,
            none => none.insert(Wire::connect(&self.listener)?),
        };
        let till = &mut self.tills[courier];
        let line = *till.line.get_or_insert_with(|| {
            self.next_line += 1;
            Line(self.next_line)
        });
        self.lines.insert(line, courier);
        let arrived = wire.inwards(message)?;
        self.counts.terminal_messages += 1;
        self.due.put(now.plus_ms(TERMINAL_MS), Due::FromTerminal(line, arrived));
        if let Some(until_ms) = till.terminal.answer_by() {
            self.due.put(Timestamp(until_ms), Due::Waited(courier));
        }
        Ok(())
    }

    /// Everything that the switch has put out.
    fn flush(&mut self, now: Timestamp) -> Result<(), DoorError> {
        while !self.out.is_empty() {
            for output in std::mem::take(&mut self.out) {
                self.put_out(output, now)?;
            }
        }
        Ok(())
    }

    fn put_out(&mut self, output: Output, now: Timestamp) -> Result<(), DoorError> {
        match output {
            Output::ToTerminal { line, message } => self.answer_terminal(line, &message, now)?,
            Output::CloseLine { line } => {
                self.disagree("the switch closed the line of a terminal".into());
                if let Some(courier) = self.lines.get(&line).copied() {
                    self.hang_up(courier);
                }
            }
            Output::ToNetwork { link, message } => {
                let Some((place, number)) = self.place_of(link) else { return Ok(()) };
                if let Some(wire) = &mut self.rails[place].cables[number].wire {
                    let arrived = wire.outwards(&message)?;
                    self.counts.network_messages += 1;
                    let due = Due::ToNetwork(place, number, arrived);
                    self.due.put(now.plus_ms(NETWORK_MS), due);
                }
            }
            Output::DropLink { link } => {
                if let Some((place, number)) = self.place_of(link) {
                    self.disconnect(place, number, now);
                }
            }
            Output::Command { ticket, command } => self.commands.push((ticket, command)),
            Output::Ask { ticket, question } => self.questions.push((ticket, question)),
            Output::WalletReply { reply, what } => self.wallet_hears(reply, what, now),
            Output::Happened(happening) => self.note(&happening),
        }
        Ok(())
    }

    fn answer_terminal(
        &mut self,
        line: Line,
        message: &[u8],
        now: Timestamp,
    ) -> Result<(), DoorError> {
        let Some(courier) = self.lines.get(&line).copied() else { return Ok(()) };
        let till = &mut self.tills[courier];
        if till.line != Some(line) {
            return Ok(());
        }
        if let Some(fault) = till.drops() {
            self.hang_up(courier);
            self.line_drops(courier, fault, now);
            return Ok(());
        }
        let place = courier % wires::TERMINAL_WIRES_MAX;
        if let Some(Some(wire)) = self.wires.get_mut(place) {
            let arrived = wire.outwards(message)?;
            self.counts.terminal_messages += 1;
            let due = Due::ToTerminal(courier, line, arrived);
            self.due.put(now.plus_ms(TERMINAL_MS), due);
        }
        Ok(())
    }

    /// A terminal's line is gone.
    fn hang_up(&mut self, courier: usize) {
        if let Some(line) = self.tills[courier].line.take() {
            self.lines.remove(&line);
            self.switch.line_closed(line);
        }
        if let Some(wire) = self.wires.get_mut(courier % wires::TERMINAL_WIRES_MAX) {
            *wire = None;
        }
    }

    fn connect(&mut self, place: usize, number: usize, now: Timestamp) -> Result<(), DoorError> {
        let rail = &mut self.rails[place];
        let cable = &mut rail.cables[number];
        if cable.wire.is_some() {
            return Ok(());
        }
        cable.wire = Some(Wire::connect(&rail.listener)?);
        self.next_link += 1;
        cable.link = peers::network::Link(self.next_link);
        let mut said = Vec::new();
        rail.network.connected(cable.link, now.0, &mut said);
        self.switch.link_up(cable.id, now, &mut self.out);
        self.network_says(place, said, now)
    }

    fn disconnect(&mut self, place: usize, number: usize, now: Timestamp) {
        let rail = &mut self.rails[place];
        let cable = &mut rail.cables[number];
        cable.wire = None;
        rail.network.closed(cable.link);
        self.switch.link_down(cable.id, now, &mut self.out);
        self.due.put(now.plus_ms(RECONNECT_MS), Due::Connect(place, number));
    }

    fn network_says(
        &mut self,
        place: usize,
        said: Vec<Said>,
        now: Timestamp,
    ) -> Result<(), DoorError> {
        for one in said {
            match one {
                Said::Send { link, message } => {
                    let rail = &mut self.rails[place];
                    let Some(number) = rail.place_of(link) else { continue };
                    let cable = &mut rail.cables[number];
                    if let Some(wire) = &mut cable.wire {
                        let arrived = wire.inwards(&message)?;
                        self.counts.network_messages += 1;
                        let due = Due::FromNetwork(cable.id, arrived);
                        self.due.put(now.plus_ms(NETWORK_MS), due);
                    }
                }
                Said::Close { link } => {
                    if let Some(number) = self.rails[place].place_of(link) {
                        self.disconnect(place, number, now);
                    }
                }
            }
        }
        Ok(())
    }

    fn wallet_tells(&mut self, order: &str, what: Tells) {
        if let Some((note, reply)) = self.wallet.note(order, what) {
            self.switch.wallet(note, reply, &mut self.out);
        }
    }

    fn wallet_hears(&mut self, reply: u64, what: switch::WalletReply, now: Timestamp) {
        let Some((order, next)) = self.wallet.hear(reply, what) else { return };
        if what == switch::WalletReply::UnknownOrder {
            self.disagree(format!("the switch does not know the order {order}"));
        }
        let next = match next {
            None => return,
            Some(Tells::GivenBack) => Due::GivenBack(order),
            Some(Tells::Paid) => Due::Paid(order),
            Some(Tells::NotPaid) => Due::NotPaid(order),
        };
        self.due.put(now.plus_ms(WALLET_MS), next);
    }

    fn place_of(&self, link: LinkId) -> Option<(usize, usize)> {
        let place = self.rails.iter().position(|rail| rail.id == link.network)?;
        let number = usize::from(link.number);
        (number < self.rails[place].cables.len()).then_some((place, number))
    }

    /// What the switch tells its operator that must not happen between peers that keep the
    /// protocol.
    fn note(&mut self, happening: &Happening) {
        use Happening as H;
        match happening {
            H::Unreadable(_)
            | H::WrongMac(_)
            | H::NetworkMessage { .. }
            | H::AdviceRejected { .. }
            | H::WrongGiveBack
            | H::WrongPayment
            | H::WalletContradicts
            | H::BatchLeft { .. }
            | H::Expired { chased: false, .. }
            | H::KeyRejected { .. }
            | H::Keys(_)
            | H::Books(_) => {
                let words = happening.told(|_| "a network");
                self.disagree(format!("the switch: {words}"));
            }
            H::SignedOn { .. }
            | H::Refused { .. }
            | H::Repeated { .. }
            | H::LinkUp(_)
            | H::LinkDown(_)
            | H::Unmatched(_)
            | H::NoAnswer(_)
            | H::LateApproval(_)
            | H::Acknowledged { .. }
            | H::KeyChanged(_)
            | H::BatchAgreed { .. }
            | H::BatchDiffers { .. }
            | H::Expired { chased: true, .. }
            | H::PaidTooLate => {}
        }
    }

    fn disagree(&mut self, what: String) {
        self.disagreements.push(what);
    }
}
