//! A fleet of terminals in one thread: each signs on, and sells when it is told to.
//!
//! Terminals whose connection dies go on at their next address and repeat what was not answered.
//! What is never answered they reverse before they sell again.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use door::limits::TERMINAL_MESSAGE_BYTES_MAX;
use door::{Framing, Habits, Id, Kind, Limits, Service, Sockets, Why};
use keys::KeyError;
use peers::terminal::{After, Receipt, TerminalError};
use peers::{Card, Heard, Task, Terminal, TerminalSettings};

mod seat;

use crate::clock::now_ms;
use crate::keys_of::MasterKeys;
use seat::{Seat, Selling};

/// How long a connection may take to be there.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How long a terminal rests when all its addresses turned it away, or it was told to come later.
const REST: Duration = Duration::from_millis(500);
/// Sales of the open loop that wait for a free terminal at the most; more are counted as skipped.
const WAITING_SALES_MAX: usize = 1_000_000;

/// A sale that a terminal is to make.
#[derive(Clone, Debug)]
pub struct Sale {
    /// The parcel.
    pub waybill: String,
    /// How much, in minor units.
    pub amount: u64,
    /// By which card.
    pub card: Card,
    /// Whether its PIN is typed.
    pub with_pin: bool,
}

/// What terminals sell: by the number of the terminal and of its sale, from 0. Nothing where it
/// has no more parcels.
pub trait Sales {
    /// The sale.
    fn sale(&self, terminal: u32, number: u32) -> Option<Sale>;
}

impl<F: Fn(u32, u32) -> Option<Sale>> Sales for F {
    fn sale(&self, terminal: u32, number: u32) -> Option<Sale> {
        self(terminal, number)
    }
}

/// A fleet.
pub struct LoadPlan {
    /// The number of the first terminal; the others count on.
    pub first: u32,
    /// How many terminals.
    pub terminals: u32,
    /// Field 42.
    pub merchant: [u8; 15],
    /// Their master keys.
    pub keys: MasterKeys,
    /// How far their clocks are east of UTC, in minutes.
    pub utc_offset_minutes: i16,
    /// How long an answer is waited for.
    pub answer_within_ms: u32,
    /// Where terminals are at home, in turn.
    pub homes: Vec<SocketAddr>,
    /// Where they go, besides the other homes, when their own home is gone.
    pub refuges: Vec<SocketAddr>,
    /// Connections begun in a second at the most.
    pub connects_per_second: u32,
    /// What they sell.
    pub sales: Box<dyn Sales>,
}

/// How fast is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So many sales are begun in a second, whether others are answered or not. What is measured
    /// is from the moment at which a sale should have begun.
    PerSecond(u32),
    /// So many are under way at a time.
    InFlight(u32),
}

/// How a sale ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is approved.
    Approved(Receipt),
    /// It is refused, with this code.
    Declined([u8; 2]),
    /// No answer came; it is being reversed.
    Unknown,
}

/// A sale that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// The terminal's number.
    pub terminal: u32,
    /// Which of its sales, from 0.
    pub number: u32,
    /// How.
    pub outcome: Outcome,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// What a fleet has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Terminals that are signed on.
    pub signed_on: u32,
    /// Connections that died after they were used, and were replaced.
    pub moved: u32,
    /// From the first of those deaths to the last of the answers over a new connection, in
    /// milliseconds.
    pub moved_within_ms: u64,
    /// Connections that died and are not replaced yet.
    pub moving: u32,
    /// Connections that could not be made, or that ended before anything came over them.
    pub turned_away: u64,
    /// Messages that were sent again over another connection.
    pub repeated: u64,
    /// Reversals that were acknowledged.
    pub reversed: u64,
    /// Sales of the open loop that could not begin: no terminal had anything to sell.
    pub skipped: u64,
    /// Answers that could not be read, or that answered nothing.
    pub strays: u64,
}

/// Why a fleet cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nowhere to connect to.
    #[error("no address to connect to")]
    NoAddress,
    /// A key cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The system has no more of what sockets take.
    #[error("sockets: {0}")]
    Sockets(#[from] io::Error),
}

/// A fleet at work.
pub struct Load {
    sockets: Sockets,
    fleet: Fleet,
}

struct Fleet {
    seats: Vec<Seat>,
    kind: Kind,
    homes: usize,
    addresses: Vec<SocketAddr>,
    connects_per_second: u32,
    sales: Box<dyn Sales>,
    begun: Instant,
    now: Instant,
    now_ms: u64,
    /// To be connected, in this order.
    to_connect: VecDeque<u32>,
    connects_left: u32,
    connects_since: Instant,
    /// Signed on and with nothing to do.
    free: VecDeque<u32>,
    /// Resting until then.
    resting: VecDeque<(Instant, u32)>,
    /// Waiting for an answer at most until then.
    deadlines: VecDeque<(u64, u32)>,
    pace: Option<(Pace, Instant)>,
    intended: u64,
    /// Moments at which sales should have begun.
    waiting: VecDeque<Instant>,
    in_flight: u32,
    /// Sales that are to be reversed.
    reversing: u32,
    done: Vec<Done>,
    counts: Counts,
    first_death: Option<Instant>,
}

impl Load {
    /// A fleet that begins to connect and to sign on at its first round.
    ///
    /// # Errors
    /// Where there is no address, or the system has no more of what it takes.
    pub fn new(plan: LoadPlan) -> Result<Load, LoadError> {
        if plan.homes.is_empty() {
            return Err(LoadError::NoAddress);
        }
        let limits = Limits { handshake: CONNECT_WAIT, ..Limits::default() };
        let mut sockets = Sockets::new(limits)?;
        let kind = sockets.add_kind(Habits {
            framing: Framing::Counted,
            message_bytes_max: TERMINAL_MESSAGE_BYTES_MAX,
            idle: None,
            waiting_bytes_max: 4 * TERMINAL_MESSAGE_BYTES_MAX,
            in_flight_max: 0,
            guests: None,
        });
        let mut seats = Vec::with_capacity(usize::try_from(plan.terminals).unwrap_or(0));
        for number in plan.first..plan.first.saturating_add(plan.terminals) {
            let master_key = plan.keys.of(number)?;
            let settings = TerminalSettings {
                utc_offset_minutes: plan.utc_offset_minutes,
                answer_within_ms: plan.answer_within_ms,
                ..TerminalSettings::new(number, plan.merchant, master_key)
            };
            seats.push(Seat::new(Terminal::new(&settings)));
        }
        let now = Instant::now();
        let fleet = Fleet {
            to_connect: (0..plan.terminals).collect(),
            seats,
            kind,
            homes: plan.homes.len(),
            addresses: [plan.homes, plan.refuges].concat(),
            connects_per_second: plan.connects_per_second.max(1),
            sales: plan.sales,
            begun: now,
            now,
            now_ms: now_ms(),
            connects_left: 0,
            connects_since: now,
            free: VecDeque::new(),
            resting: VecDeque::new(),
            deadlines: VecDeque::new(),
            pace: None,
            intended: 0,
            waiting: VecDeque::new(),
            in_flight: 0,
            reversing: 0,
            done: Vec::new(),
            counts: Counts::default(),
            first_death: None,
        };
        Ok(Load { sockets, fleet })
    }

    /// Begins to sell, or sells at another pace.
    pub fn sell(&mut self, pace: Pace) {
        self.fleet.pace = Some((pace, Instant::now()));
        self.fleet.intended = 0;
    }

    /// Begins no more sales. Those that are under way end as they end.
    pub fn stop_selling(&mut self) {
        self.fleet.pace = None;
        self.fleet.counts.skipped += self.fleet.waiting.len() as u64;
        self.fleet.waiting.clear();
    }

    /// Whether no sale is under way, and nothing is to be reversed.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let Fleet { in_flight, reversing, counts, .. } = &self.fleet;
        *in_flight == 0 && *reversing == 0 && counts.moving == 0
    }

    /// What was counted.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.fleet.counts
    }

    /// How many sales are under way.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.fleet.in_flight
    }

    /// The sales that ended since this was called last.
    pub fn take_done(&mut self) -> std::vec::Drain<'_, Done> {
        self.fleet.done.drain(..)
    }

    /// Does what is there to do, and waits for it at most so long.
    ///
    /// # Errors
    /// Where the system cannot go on.
    pub fn round(&mut self, wait: Duration) -> io::Result<()> {
        let Load { sockets, fleet } = self;
        let wait = fleet.wait(wait);
        fleet.look_at_the_clock();
        sockets.turn(wait, fleet)?;
        fleet.look_at_the_clock();
        fleet.time_out(sockets);
        fleet.wake(sockets);
        fleet.connect(sockets);
        fleet.intend();
        fleet.begin_sales(sockets);
        sockets.flush(fleet);
        Ok(())
    }
}

impl Fleet {
    fn look_at_the_clock(&mut self) {
        self.now = Instant::now();
        self.now_ms = self.now_ms.max(now_ms());
    }

    fn wait(&self, wait: Duration) -> Duration {
        let until = |at: Instant| at.saturating_duration_since(Instant::now());
        let sale = match self.pace {
            Some((Pace::PerSecond(rate), since)) => Some(until(moment(since, rate, self.intended))),
            Some((Pace::InFlight(most), _)) if self.in_flight < most && !self.free.is_empty() => {
                Some(Duration::ZERO)
            }
            _ => None,
        };
        let rest = self.resting.front().map(|(at, _)| until(*at));
        let connect = match self.to_connect.is_empty() {
            true => None,
            false if self.connects_left > 0 => Some(Duration::ZERO),
            false => Some(Duration::from_millis(5)),
        };
        let deadline = self.deadlines.front().map(|(until_ms, _)| {
            Duration::from_millis(until_ms.saturating_sub(self.now_ms)).max(REST)
        });
        [sale, rest, connect, deadline].into_iter().flatten().fold(wait, Duration::min)
    }

    /// Connects those who are to be connected, as many as may be.
    fn connect(&mut self, sockets: &mut Sockets) {
        if self.to_connect.is_empty() {
            return;
        }
        let passed = self.now.duration_since(self.connects_since);
        let more = passed.as_micros() * u128::from(self.connects_per_second) / 1_000_000;
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        if more > 0 {
            self.connects_since = self.now;
            let most = (self.connects_per_second / 20).max(1);
            self.connects_left = self.connects_left.saturating_add(more).min(most);
        }
        while self.connects_left > 0 {
            let Some(number) = self.to_connect.pop_front() else { return };
            let seat = &mut self.seats[place(number)];
            if seat.connection.is_some() {
                continue;
            }
            self.connects_left -= 1;
            let address = self.addresses[seat.address(number, self.homes, self.addresses.len())];
            match sockets.connect(address, self.kind, u64::from(number), None) {
                Ok(id) => seat.connection = Some(id),
                Err(_) => self.turned_away(number),
            }
        }
    }

    fn turned_away(&mut self, number: u32) {
        self.counts.turned_away += 1;
        let seat = &mut self.seats[place(number)];
        seat.connection = None;
        seat.tried = seat.tried.wrapping_add(1);
        if usize::from(seat.tried).is_multiple_of(self.addresses.len()) {
            self.rest(number);
        } else {
            self.to_connect.push_back(number);
        }
    }

    fn rest(&mut self, number: u32) {
        self.resting.push_back((self.now + REST, number));
    }

    fn wake(&mut self, sockets: &mut Sockets) {
        while let Some((_, number)) = self.resting.pop_front_if(|(at, _)| *at <= self.now) {
            if self.seats[place(number)].connection.is_some() {
                self.go_on(sockets, number);
            } else {
                self.to_connect.push_back(number);
            }
        }
    }

    /// Gives up on answers that did not come.
    fn time_out(&mut self, sockets: &mut Sockets) {
        let now_ms = self.now_ms;
        while let Some((_, number)) = self.deadlines.pop_front_if(|(at, _)| *at <= now_ms) {
            let seat = &mut self.seats[place(number)];
            let Some(after) = seat.terminal.timed_out(now_ms) else { continue };
            if after == After::Reverse {
                self.give_up_sale(number);
            }
            self.go_on(sockets, number);
        }
    }

    /// The moments at which sales should begin.
    fn intend(&mut self) {
        let Some((Pace::PerSecond(rate), since)) = self.pace else { return };
        loop {
            let at = moment(since, rate, self.intended);
            if at > self.now {
                return;
            }
            self.intended += 1;
            if self.waiting.len() < WAITING_SALES_MAX {
                self.waiting.push_back(at);
            } else {
                self.counts.skipped += 1;
            }
        }
    }

    fn begin_sales(&mut self, sockets: &mut Sockets) {
        loop {
            let at = match self.pace {
                Some((Pace::PerSecond(_), _)) => self.waiting.front().copied(),
                Some((Pace::InFlight(most), _)) => (self.in_flight < most).then_some(self.now),
                None => None,
            };
            let Some(at) = at else { return };
            let Some(number) = self.free.pop_front() else { return };
            let seat = &mut self.seats[place(number)];
            seat.is_free = false;
            if !seat.is_idle() {
                continue;
            }
            let Some(sale) = self.sales.sale(seat.terminal.number(), seat.sales) else {
                seat.has_more = false;
                continue;
            };
            self.waiting.pop_front();
            self.in_flight += 1;
            seat.selling = Some(Selling { since: at, number: seat.sales });
            seat.sales += 1;
            self.sell(sockets, number, &sale);
        }
    }

    fn sell(&mut self, sockets: &mut Sockets, number: u32, sale: &Sale) {
        let now_ms = self.now_ms;
        let seat = &mut self.seats[place(number)];
        let pin = sale.with_pin.then(|| sale.card.pin());
        let (waybill, card) = (sale.waybill.as_str(), &sale.card);
        let task = Task::Sell { waybill, card, amount: sale.amount, pin: pin.as_ref() };
        match seat.terminal.ask(task, now_ms) {
            Ok(message) => self.say(sockets, number, &message),
            Err(TerminalError::BatchFull) => self.ask(sockets, number, Task::Settle),
            Err(_) => self.rest(number),
        }
    }

    fn ask(&mut self, sockets: &mut Sockets, number: u32, task: Task<'_>) {
        match self.seats[place(number)].terminal.ask(task, self.now_ms) {
            Ok(message) => self.say(sockets, number, &message),
            Err(_) => self.rest(number),
        }
    }

    fn say(&mut self, sockets: &mut Sockets, number: u32, message: &[u8]) {
        let seat = &self.seats[place(number)];
        if let Some(until_ms) = seat.terminal.answer_by() {
            self.deadlines.push_back((until_ms, number));
        }
        if let Some(id) = seat.connection {
            let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
            sockets.send(id, &[&length, message], false);
        }
    }

    /// What a terminal does next when it waits for nothing.
    fn go_on(&mut self, sockets: &mut Sockets, number: u32) {
        let seat = &mut self.seats[place(number)];
        if seat.connection.is_none() || !seat.is_open || seat.terminal.waits() {
            return;
        }
        if seat.terminal.must_sign_on() {
            return self.ask(sockets, number, Task::SignOn);
        }
        match seat.terminal.must_first(self.now_ms) {
            Ok(Some(message)) => return self.say(sockets, number, &message),
            Ok(None) => {}
            Err(_) => return self.rest(number),
        }
        if let Some(selling) = seat.selling {
            let (terminal, sale) = (seat.terminal.number(), selling.number);
            match self.sales.sale(terminal, sale) {
                Some(sale) => return self.sell(sockets, number, &sale),
                None => self.end_sale(number, Outcome::Unknown),
            }
        }
        let seat = &mut self.seats[place(number)];
        if seat.is_moving {
            return self.ask(sockets, number, Task::Echo);
        }
        if seat.has_more && !seat.is_free {
            seat.is_free = true;
            self.free.push_back(number);
        }
    }

    fn end_sale(&mut self, number: u32, outcome: Outcome) {
        let seat = &mut self.seats[place(number)];
        let Some(selling) = seat.selling.take() else { return };
        let took = self.now.saturating_duration_since(selling.since).as_micros();
        let micros = u64::try_from(took).unwrap_or(u64::MAX);
        let terminal = seat.terminal.number();
        self.in_flight -= 1;
        self.done.push(Done { terminal, number: selling.number, outcome, micros });
    }

    /// Nobody knows how it ended. The terminal reverses it next.
    fn give_up_sale(&mut self, number: u32) {
        if self.seats[place(number)].selling.is_some() {
            self.reversing += 1;
            self.end_sale(number, Outcome::Unknown);
        }
    }

    fn heard(&mut self, number: u32, heard: Heard) {
        match heard {
            Heard::SignedOn { .. } => {
                let seat = &mut self.seats[place(number)];
                if !std::mem::replace(&mut seat.signed_on, true) {
                    self.counts.signed_on += 1;
                }
            }
            Heard::Approved { receipt, .. } => self.end_sale(number, Outcome::Approved(receipt)),
            Heard::Declined(declined) if declined.kind == peers::terminal::Kind::Sale => {
                self.end_sale(number, Outcome::Declined(declined.code));
            }
            Heard::Declined(_) | Heard::ReversalRefused { .. } => {
                self.seats[place(number)].rests = true;
            }
            Heard::WrongMac => self.give_up_sale(number),
            Heard::Reversed { .. } => {
                self.counts.reversed += 1;
                self.reversing -= 1;
            }
            Heard::Stray => self.counts.strays += 1,
            _ => {}
        }
    }

    /// Something came over a connection: it is a good one.
    fn is_alive(&mut self, number: u32) {
        let seat = &mut self.seats[place(number)];
        seat.is_used = true;
        if std::mem::replace(&mut seat.is_moving, false) {
            self.counts.moving -= 1;
            self.counts.moved += 1;
            let since = self.first_death.unwrap_or(self.begun);
            let within = self.now.saturating_duration_since(since).as_millis();
            self.counts.moved_within_ms = u64::try_from(within).unwrap_or(u64::MAX);
        }
    }
}

impl Service for Fleet {
    fn opened(&mut self, sockets: &mut Sockets, id: Id, _kind: Kind) {
        let Ok(number) = u32::try_from(sockets.tag(id)) else { return };
        let seat = &mut self.seats[place(number)];
        seat.connection = Some(id);
        seat.is_open = true;
        if seat.terminal.waits() {
            if let Ok(message) = seat.terminal.again(self.now_ms) {
                self.counts.repeated += 1;
                self.say(sockets, number, &message);
            }
        } else {
            self.go_on(sockets, number);
        }
    }

    fn message(&mut self, sockets: &mut Sockets, id: Id, _kind: Kind, message: &mut [u8]) {
        let Ok(number) = u32::try_from(sockets.tag(id)) else { return };
        self.now = Instant::now();
        self.is_alive(number);
        let seat = &mut self.seats[place(number)];
        match seat.terminal.hear(message) {
            Ok(heard) => self.heard(number, heard),
            Err(_) => self.counts.strays += 1,
        }
        let seat = &mut self.seats[place(number)];
        if std::mem::replace(&mut seat.rests, false) {
            self.rest(number);
        } else {
            self.go_on(sockets, number);
        }
    }

    fn closed(&mut self, _sockets: &mut Sockets, id: Id, _kind: Kind, tag: u64, _why: Why) {
        let Ok(number) = u32::try_from(tag) else { return };
        let seat = &mut self.seats[place(number)];
        if seat.connection != Some(id) {
            return;
        }
        seat.is_open = false;
        if !std::mem::replace(&mut seat.is_used, false) {
            return self.turned_away(number);
        }
        seat.connection = None;
        seat.tried = seat.tried.wrapping_add(1);
        if !seat.is_moving {
            seat.is_moving = true;
            self.counts.moving += 1;
            self.first_death.get_or_insert(self.now);
        }
        self.to_connect.push_back(number);
    }
}

/// When the sale of a number should begin.
fn moment(since: Instant, rate: u32, number: u64) -> Instant {
    let nanos = u128::from(number) * 1_000_000_000 / u128::from(rate.max(1));
    since + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
