//! A gateway whose certificate was stolen, between a terminal of Doorstep's dialect and the engine:
//! it changes, forges, repeats and reorders frames and messages. All that it gets are refusals and
//! first answers, and the books have only what the terminal did.

#[path = "../../tests/it/random.rs"]
mod random;

use iso8583::{DOORSTEP_POS, Envelope, MessageBuilder};
use peers::{TerminalOutcome, TerminalTask};
use switch::{TerminalConnection, TerminalDialect};

use self::random::Random;
use super::{GatewaySessions, LineInput};
use crate::frames;
use crate::framing::StreamFraming;
use crate::limits::FRAME_BYTES_MAX;
use crate::sockets::ConnectionId;
use crate::world::*;

/// Tries for each message of the terminal.
const TRIES: u64 = 700;
/// A connection that no terminal has.
const NOBODY: TerminalConnection = TerminalConnection(9);
/// Gateways may change the TPDU.
const TPDU: usize = 5;

/// The stolen gateway, with all that has passed.
struct Stolen {
    world: World,
    sessions: GatewaySessions,
    session: u64,
    line: u32,
    requests: Vec<Vec<u8>>,
    answers: Vec<Vec<u8>>,
    random: Random,
    tried: u64,
    /// Connections that the engine has ended.
    ended: u64,
}

impl Stolen {
    fn new(seed: u64) -> Stolen {
        let mut stolen = Stolen {
            world: World::open(),
            sessions: GatewaySessions::new(None, Vec::new()),
            session: 0,
            line: 0,
            requests: Vec::new(),
            answers: Vec::new(),
            random: Random(seed),
            tried: 0,
            ended: 0,
        };
        stolen.connect();
        stolen
    }

    fn connect(&mut self) {
        let connection = ConnectionId::from_number(1);
        self.session = self.sessions.begin(connection, "gateway-1".into(), false);
        self.line = 0;
        self.say(frames::hello().to_vec());
        self.open_line();
    }

    fn open_line(&mut self) {
        self.line += 1;
        let dialect = TerminalDialect::DOORSTEP;
        self.say([&frames::opened(self.line, dialect), dialect.name.as_bytes()].concat());
    }

    /// Sends bytes to the engine, and returns the answers to terminals. `None`: the engine ends the
    /// connection.
    fn say(&mut self, mut bytes: Vec<u8>) -> Option<Vec<Vec<u8>>> {
        let mut rest = &mut bytes[..];
        while !rest.is_empty() {
            let found = StreamFraming::Frames.first_message(rest, FRAME_BYTES_MAX);
            // Half a frame is never completed.
            let Some(bounds) = found.ok()? else { break };
            let (frame, after) = rest.split_at_mut(bounds.consumed);
            let input = self.sessions.on_frame(self.session, &mut frame[bounds.begin..bounds.end]);
            if let Some(LineInput::Message { dialect, message, .. }) = input.ok()? {
                let (mut out, at) = (Vec::new(), self.world.at());
                self.world.switch.on_terminal_message(NOBODY, dialect, message, at, &mut out);
                self.world.queue_outputs(out);
                while self.world.books_step() {}
            }
            rest = after;
        }
        Some(self.world.to_terminal.drain(..).map(|(_, bytes)| bytes).collect())
    }

    fn framed(&self, message: &[u8]) -> Vec<u8> {
        [&frames::message(self.line, message.len()), message].concat()
    }

    /// Tries bytes, of which nothing may come. Returns the response codes of the answers.
    fn attempt(&mut self, bytes: Vec<u8>) -> Vec<String> {
        let shown = bytes.clone();
        let before = (self.world.journal.len(), self.world.to_network.len());
        let answers = self.say(bytes);
        let after = (self.world.journal.len(), self.world.to_network.len());
        assert_eq!(before, after, "books or network have something new: {shown:02X?}");
        self.tried += 1;
        let Some(answers) = answers else {
            self.ended += 1;
            self.connect();
            return Vec::new();
        };
        let code = |answer: &Vec<u8>| {
            let (_, _, message) = Envelope::parse(answer).unwrap();
            DOORSTEP_POS.parse(message).unwrap().text(39).unwrap().as_str().to_owned()
        };
        answers.iter().map(code).collect()
    }

    /// One way to change a message that the terminal has just sent.
    fn changed(&mut self, message: &[u8]) -> Vec<u8> {
        let mut bytes = message.to_vec();
        let place = TPDU + self.random.below(bytes.len() - TPDU);
        match self.random.below(10) {
            0 => bytes[place] ^= 1 << self.random.below(8),
            1 => bytes[place] = self.random.byte(),
            2 => (0..3).for_each(|_| {
                let place = TPDU + self.random.below(bytes.len() - TPDU);
                bytes[place] ^= 1 << self.random.below(8);
            }),
            3 => bytes.truncate(place),
            4 => drop(bytes.remove(place)),
            5 => bytes.insert(place, self.random.byte()),
            6 => {
                let last = bytes.len() - 1;
                bytes.swap(place, last);
            }
            // The MAC of another message, or the end of one.
            7 => {
                let other = self.other(message);
                let end = 8.min(other.len());
                let (begin, mac) = (bytes.len() - end, &other[other.len() - end..]);
                bytes[begin..].copy_from_slice(mac);
            }
            8 => {
                let other = self.other(message);
                bytes.truncate(place);
                bytes.extend(other.get(place..).unwrap_or_default());
            }
            _ => bytes = self.field_changed(message),
        }
        bytes
    }

    /// A message that has passed before.
    fn other(&mut self, message: &[u8]) -> Vec<u8> {
        let passed = self.requests.len() + self.answers.len();
        let place = self.random.below(passed);
        let mut all = self.requests.iter().chain(&self.answers);
        all.nth(place).map_or_else(|| message.to_vec(), Clone::clone)
    }

    /// The message with a field of another one, or without one of its own, and its own MAC.
    fn field_changed(&mut self, message: &[u8]) -> Vec<u8> {
        let other = self.other(message);
        let (tpdu, header, own) = Envelope::parse(message).unwrap();
        let own = DOORSTEP_POS.parse(own).unwrap();
        let (_, _, other) = Envelope::parse(&other).unwrap();
        let other = DOORSTEP_POS.parse(other).unwrap();
        let mut builder = MessageBuilder::new(&DOORSTEP_POS, own.mti());
        own.fields().for_each(|field| _ = builder.copy_field(&field));
        let fields: Vec<u8> = own.fields().chain(other.fields()).map(|field| field.id()).collect();
        let field = fields[self.random.below(fields.len())];
        if other.has(field) {
            builder.copy(&other, &[field]);
        } else {
            builder.remove(field);
        }
        let mut bytes = Vec::new();
        Envelope { tpdu, header }.write(&mut bytes, &builder.build().unwrap());
        bytes
    }

    /// Attacks a message that has not arrived yet.
    fn attack(&mut self, message: &[u8]) {
        for _ in 0..TRIES {
            let mut bytes = match self.random.below(4) {
                // Frames that are none, or of another kind, line or length.
                0 => {
                    let mut frame = self.framed(message);
                    let place = self.random.below(frames::FRAME_HEAD_BYTES);
                    frame[place] ^= 1 << self.random.below(8);
                    // On a line that was opened before, the message is what the terminal sent.
                    let line = u32::from_be_bytes(frame[4..8].try_into().unwrap());
                    if line != self.line && (1..=self.line).contains(&line) {
                        continue;
                    }
                    frame
                }
                _ => {
                    let changed = self.changed(message);
                    let is_known = |known: &Vec<u8>| known.get(TPDU..) == changed.get(TPDU..);
                    if changed.is_empty()
                        || changed.get(TPDU..) == message.get(TPDU..)
                        || self.requests.iter().any(is_known)
                    {
                        continue;
                    }
                    self.framed(&changed)
                }
            };
            if self.random.below(16) == 0 {
                bytes.extend(frames::heartbeat());
            }
            let codes = self.attempt(bytes);
            // Messages that cannot be read, or name no terminal, are answered without a MAC.
            let refused = |code: &String| ["A0", "30", "40", "97"].contains(&code.as_str());
            assert!(codes.iter().all(refused), "{codes:?}");
        }
        for answer in self.answers.clone() {
            let frame = self.framed(&answer);
            assert!(self.attempt(frame).is_empty(), "an answer is no request");
        }
        // What the terminal sent before, in any order: the first answer again. A repeated sign-on
        // can only make the terminal sign on once more.
        for _ in 0..20 {
            let place = 1 + self.random.below(self.requests.len().saturating_sub(1));
            let Some(request) = self.requests.get(place) else { continue };
            let frame = self.framed(request);
            assert_eq!(self.attempt(frame), ["00"]);
            if self.random.below(4) == 0 {
                self.open_line();
            }
        }
    }

    /// The terminal sends a request, which is attacked before it arrives, and is approved.
    fn run(&mut self, task: TerminalTask<'_>) -> u32 {
        self.world.ask(0, task).unwrap_or_else(|why| panic!("{task:?}: {why}"));
        let (connection, request) = self.world.from_terminal.pop_front().unwrap();
        self.attack(&request);
        self.world.from_terminal.push_back((connection, request.clone()));
        while self.world.to_terminal.is_empty() {
            let moved = self.world.books_step()
                || self.world.network_receives()
                || self.world.switch_receives_from_network()
                || self.world.switch_receives_from_terminal();
            assert!(moved, "{task:?} is not answered");
        }
        self.requests.push(request);
        self.answers.push(self.world.to_terminal[0].1.clone());
        self.world.settle();
        let heard = self.world.terminals[0].responses.last().unwrap();
        let refused = matches!(
            heard,
            TerminalOutcome::Declined(_)
                | TerminalOutcome::SignOnRequired { .. }
                | TerminalOutcome::WrongMac
        );
        assert!(!refused, "{task:?}: {heard:?}");
        self.world.terminals[0].terminal.last_stan()
    }
}

#[test]
fn a_stolen_gateway_changes_nothing() {
    let mut stolen = Stolen::new(11);
    let (card, dues) = (card(1), [10_000, 10_000, 10_000, 10_000]);
    let pin = card.pin();
    let parcels = dues.map(|due| stolen.world.parcel(due));
    let texts = parcels.map(waybill);
    let sale = |waybill, pin| TerminalTask::Sale { waybill, card: &card, amount: 10_000, pin };
    stolen.run(TerminalTask::SignOn);
    stolen.run(TerminalTask::Parameters);
    let sold = stolen.run(sale(&texts[0], Some(&pin)));
    stolen.run(TerminalTask::Void { stan: sold });
    stolen.run(sale(&texts[1], None));
    let receipt = stolen.world.terminals[0].terminal.journal().last().unwrap().receipt;
    stolen.run(TerminalTask::Refund { receipt: &receipt, amount: 1_000 });
    let (waybill, amount) = (&*texts[2], 10_000);
    stolen.run(TerminalTask::PreAuthorisation { waybill, card: &card, amount, pin: None });
    let held = stolen.world.terminals[0].terminal.last_stan();
    stolen.run(TerminalTask::Completion { stan: held, amount: 6_000 });
    let waybill = &*texts[3];
    stolen.run(TerminalTask::Cash { waybill, amount, tendered: 10_000 });
    stolen.run(TerminalTask::Settle);
    assert!(stolen.tried > 5_000 && stolen.ended > 500, "{} {}", stolen.tried, stolen.ended);
    let world = &mut stolen.world;
    assert_eq!(parcels.map(|parcel| world.collected(parcel)), [0, 9_000, 6_000, 10_000]);
    world.assert_books_agree();
}

/// A request is held back until the terminal has reversed it, then sent many times, with everything
/// else that has passed and in any order.
#[test]
fn a_stolen_gateway_that_holds_messages_back_moves_no_money() {
    let mut stolen = Stolen::new(12);
    let card = card(1);
    for _ in 0..20 {
        let parcel = stolen.world.parcel(10_000);
        let (text, amount) = (waybill(parcel), 10_000);
        let task = match stolen.random.below(3) {
            0 => TerminalTask::Sale { waybill: &text, card: &card, amount, pin: None },
            1 => TerminalTask::PreAuthorisation { waybill: &text, card: &card, amount, pin: None },
            _ => TerminalTask::Cash { waybill: &text, amount, tendered: amount },
        };
        stolen.world.ask(0, task).unwrap();
        let (_, held) = stolen.world.from_terminal.pop_front().unwrap();
        stolen.world.time_out_terminal(0);
        assert!(stolen.world.continue_terminal(0), "the terminal reverses it");
        stolen.requests.push(held);
        stolen.requests.push(stolen.world.from_terminal[0].1.clone());
        stolen.world.settle();
        for _ in 0..30 {
            let place = stolen.random.below(stolen.requests.len());
            let frame = stolen.framed(&stolen.requests[place]);
            let codes = stolen.attempt(frame);
            assert!(codes == ["94"] || codes == ["25"] || codes == ["00"], "{codes:?}");
        }
        assert_eq!(stolen.world.collected(parcel), 0);
    }
    stolen.world.assert_books_agree();
}
