//! Terminals and their couriers.

use books::{ParcelId, Stan, TerminalId, Trace};
use peers::terminal::{JournalLineStatus, Receipt, TerminalError, TimeoutAction};
use peers::{
    ResponseCode, TerminalOutcome, TerminalSimulator, TerminalSimulatorSettings, TerminalTask,
    TestCard,
};
use switch::{AuthenticationFailure, OperatorEvent, TerminalConnection, TerminalDialect};

use super::{BIN, MERCHANT, UTC_OFFSET_MINUTES, World, terminal_key};

/// What a terminal gets whose session the switch has lost.
pub const LOST: TerminalOutcome = TerminalOutcome::SignOnRequired { code: ResponseCode::MAC_ERROR };

pub struct TerminalPeer {
    pub terminal: TerminalSimulator,
    /// That of the listener on which it connects.
    pub dialect: &'static TerminalDialect,
    /// Where it is connected.
    pub connection: TerminalConnection,
    pub responses: Vec<TerminalOutcome>,
}

impl TerminalPeer {
    pub fn new(dialect: &'static TerminalDialect, number: u32) -> TerminalPeer {
        let key = terminal_key(dialect, number);
        let mut settings = TerminalSimulatorSettings::new(number, *MERCHANT, key);
        settings.utc_offset_minutes = UTC_OFFSET_MINUTES;
        TerminalPeer {
            terminal: TerminalSimulator::new(&settings),
            dialect,
            connection: TerminalConnection(0),
            responses: Vec::new(),
        }
    }
}

/// A card that all networks take.
pub fn card(number: u64) -> TestCard {
    TestCard::generate(BIN, number, peers::card::EntryMode::Chip)
}

impl World {
    /// The terminal sends a request, which is not delivered yet.
    pub fn ask(&mut self, place: usize, task: TerminalTask<'_>) -> Result<(), TerminalError> {
        let message = self.terminals[place].terminal.start(task, self.now)?;
        self.send(place, message.to_vec());
        Ok(())
    }

    /// The terminal connects again and sends.
    pub fn send(&mut self, place: usize, message: Vec<u8>) {
        self.connections += 1;
        let connection = TerminalConnection(self.connections * 10 + u64::try_from(place).unwrap());
        self.terminals[place].connection = connection;
        self.from_terminal.push_back((connection, message));
    }

    /// Delivers the next response. It is lost if the terminal has another connection by now.
    pub fn terminal_receives(&mut self) -> bool {
        let Some((connection, mut message)) = self.to_terminal.pop_front() else { return false };
        let here = self.terminals.iter_mut().find(|pos| pos.connection == connection);
        if let Some(pos) = here {
            let heard = pos.terminal.receive(&mut message).expect("the response is readable");
            pos.responses.push(heard);
        }
        true
    }

    pub fn close_connection(&mut self, connection: TerminalConnection) {
        if let Some(pos) = self.terminals.iter_mut().find(|pos| pos.connection == connection) {
            pos.connection = TerminalConnection(0);
        }
    }

    /// A gateway crashes and loses the responses to its terminal.
    pub fn kill_gateway(&mut self, place: usize) {
        let connection = self.terminals[place].connection;
        self.to_terminal.retain(|(to, _)| *to != connection);
        self.terminals[place].connection = TerminalConnection(0);
    }

    /// Sends what the terminal must send by itself. Returns whether there was something.
    pub fn continue_terminal(&mut self, place: usize) -> bool {
        let pos = &mut self.terminals[place];
        if pos.terminal.awaits_answer() || pos.terminal.batch() == 0 {
            return false;
        }
        let first = match pos.terminal.next_pending_message(self.now) {
            Ok(Some(message)) => Some(message),
            _ => None,
        };
        if let Some(message) = first {
            self.send(place, message.to_vec());
            return true;
        }
        if pos.terminal.must_sign_on() && pos.terminal.has_pending_message() {
            self.ask(place, TerminalTask::SignOn).unwrap();
            return true;
        }
        false
    }

    /// The messages that were not taken for their terminals'.
    pub fn authentication_failures(&self) -> Vec<(TerminalId, AuthenticationFailure)> {
        let of = |event: &OperatorEvent| match event {
            OperatorEvent::NotAuthenticated { terminal, failure, .. } => {
                Some((*terminal, *failure))
            }
            _ => None,
        };
        self.operator_events.iter().filter_map(of).collect()
    }

    /// The terminal's time-out, ahead of time.
    pub fn time_out_terminal(&mut self, place: usize) -> Option<TimeoutAction> {
        let until = self.terminals[place].terminal.answer_by()?;
        self.terminals[place].terminal.on_timeout(until)
    }

    /// Sends a request, delivers everything, and returns the terminal's response. After a crash the
    /// terminal signs on and sends it again.
    pub fn run(&mut self, place: usize, task: TerminalTask<'_>) -> TerminalOutcome {
        let heard = self.run_once(place, task);
        if heard != LOST {
            return heard;
        }
        match self.go_on(place) {
            TerminalOutcome::SignedOn { .. } | TerminalOutcome::Reversed { .. } => {
                self.run_once(place, task)
            }
            repeated => repeated,
        }
    }

    /// If the switch has lost its session, the terminal signs on and sends again what was refused.
    /// Returns the last response.
    pub fn go_on(&mut self, place: usize) -> TerminalOutcome {
        if self.terminals[place].responses.last() == Some(&LOST) {
            self.sign_on(place);
            while self.continue_terminal(place) {
                self.settle();
            }
        }
        self.terminals[place].responses.last().expect("the terminal got a response").clone()
    }

    fn run_once(&mut self, place: usize, task: TerminalTask<'_>) -> TerminalOutcome {
        self.ask(place, task).unwrap_or_else(|why| panic!("{task:?}: {why}"));
        self.settle();
        self.terminals[place].responses.last().expect("the terminal got a response").clone()
    }

    /// As [`World::run`], for a request that is approved.
    pub fn approved(&mut self, place: usize, task: TerminalTask<'_>) -> Receipt {
        match self.run(place, task) {
            TerminalOutcome::Approved { receipt, .. } => receipt,
            other => panic!("{task:?} got {other:?}: {:?}", self.operator_events),
        }
    }

    /// As [`World::run`], for a request that is refused. Returns the code.
    pub fn declined(&mut self, place: usize, task: TerminalTask<'_>) -> String {
        match self.run(place, task) {
            TerminalOutcome::Declined(declined) => declined.code.to_string(),
            TerminalOutcome::SignOnRequired { code } => code.to_string(),
            other => panic!("{task:?} got {other:?}: {:?}", self.operator_events),
        }
    }

    pub fn sign_on(&mut self, place: usize) {
        let heard = self.run(place, TerminalTask::SignOn);
        assert!(matches!(heard, TerminalOutcome::SignedOn { .. }), "{heard:?}");
    }

    pub fn sell(&mut self, parcel: ParcelId, amount: u64) -> Receipt {
        let (waybill, card) = (waybill(parcel), card(1));
        self.approved(0, TerminalTask::Sale { waybill: &waybill, card: &card, amount, pin: None })
    }

    pub fn pre_authorise(&mut self, parcel: ParcelId, amount: u64) -> Receipt {
        let (waybill, card) = (waybill(parcel), card(1));
        self.approved(
            0,
            TerminalTask::PreAuthorisation { waybill: &waybill, card: &card, amount, pin: None },
        )
    }

    /// Sends the last message again, delivers everything, and returns the response.
    pub fn repeat(&mut self, place: usize) -> TerminalOutcome {
        let message = self.terminals[place].terminal.repeat(self.now).unwrap();
        self.send(place, message.to_vec());
        self.settle();
        self.go_on(place)
    }

    pub fn trace(&self, place: usize, stan: u32) -> Trace {
        let terminal = &self.terminals[place].terminal;
        let (number, batch) = (terminal.number(), terminal.batch());
        Trace { terminal: TerminalId(u64::from(number)), batch, stan: Stan::of(stan) }
    }

    pub fn receipt_status(&self, place: usize, stan: u32) -> Option<JournalLineStatus> {
        let lines = self.terminals[place].terminal.journal().iter().rev();
        lines
            .into_iter()
            .find(|connection| connection.receipt.stan == stan)
            .map(|connection| connection.status)
    }
}

/// A waybill, written by the terminal simulator.
pub fn waybill(parcel: ParcelId) -> String {
    peers::format_waybill(parcel.bits())
}
