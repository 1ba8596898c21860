//! A fleet of terminals in one thread. Each signs on, and sells at the requested pace.
//!
//! A terminal whose connection breaks moves to its next address and repeats unanswered messages. A
//! payment that stays unanswered is reversed before the terminal's next one.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use host::limits::TERMINAL_MESSAGE_BYTES_MAX;
use host::{ConnectionKind, ConnectionLimits, ConnectionPolicy, Sockets, StreamFraming};
use peers::terminal::{TerminalError, TerminalRequestKind, TimeoutAction};
use peers::{TerminalOutcome, TerminalSimulator, TerminalSimulatorSettings, TerminalTask};

mod connections;
mod fleet_terminal;
mod plan;

use self::fleet_terminal::{FleetTerminal, SaleInProgress};
use crate::clock::now_ms;

pub use self::plan::{
    CompletedSale, FleetCounts, FleetError, FleetPlan, Sale, SaleOutcome, SaleSource, SalesPace,
};

/// For TCP.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How long a terminal rests after all its addresses refused it, or the switch told it to wait.
const REST: Duration = Duration::from_millis(500);
/// With [`SalesPace::PerSecond`], sales that wait for a free terminal; further ones are counted as
/// skipped.
const WAITING_SALES_MAX: usize = 1_000_000;

pub struct TerminalFleet {
    sockets: Sockets,
    fleet: FleetState,
}

struct FleetState {
    members: Vec<FleetTerminal>,
    kind: ConnectionKind,
    homes: usize,
    addresses: Vec<SocketAddr>,
    connects_per_second: u32,
    sales: Box<dyn SaleSource>,
    started: Instant,
    now: Instant,
    now_ms: u64,
    /// To be connected, in this order.
    to_connect: VecDeque<u32>,
    connects_left: u32,
    connects_since: Instant,
    /// Signed on and without work.
    free: VecDeque<u32>,
    /// Terminals that rest until a time.
    resting: VecDeque<(Instant, u32)>,
    /// Terminals that wait for an answer until a time.
    deadlines: VecDeque<(u64, u32)>,
    pace: Option<(SalesPace, Instant)>,
    sales_queued: u64,
    /// Times at which sales should have started.
    waiting: VecDeque<Instant>,
    in_flight: u32,
    /// Sales whose reversal is not acknowledged.
    reversing: u32,
    done: Vec<CompletedSale>,
    counts: FleetCounts,
    first_break: Option<Instant>,
}

impl TerminalFleet {
    /// The fleet starts to connect and to sign on in its first round.
    pub fn new(plan: FleetPlan) -> Result<TerminalFleet, FleetError> {
        if plan.home_addresses.is_empty() {
            return Err(FleetError::NoAddress);
        }
        let limits =
            ConnectionLimits { handshake_timeout: CONNECT_WAIT, ..ConnectionLimits::default() };
        let mut sockets = Sockets::new(limits)?;
        let kind = sockets.add_kind(ConnectionPolicy {
            framing: StreamFraming::LengthPrefixed,
            message_bytes_max: TERMINAL_MESSAGE_BYTES_MAX,
            idle_timeout: None,
            waiting_bytes_max: 4 * TERMINAL_MESSAGE_BYTES_MAX,
            in_flight_max: 0,
            admission: None,
        });
        let mut members = Vec::with_capacity(usize::try_from(plan.terminals).unwrap_or(0));
        for number in plan.first_terminal..plan.first_terminal.saturating_add(plan.terminals) {
            let key = plan.keys.for_terminal(number)?;
            let settings = TerminalSimulatorSettings {
                utc_offset_minutes: plan.utc_offset_minutes,
                answer_timeout_ms: plan.answer_within_ms,
                ..TerminalSimulatorSettings::new(number, plan.merchant, key)
            };
            members.push(FleetTerminal::new(TerminalSimulator::new(&settings)));
        }
        let now = Instant::now();
        let fleet = FleetState {
            to_connect: (0..plan.terminals).collect(),
            members,
            kind,
            homes: plan.home_addresses.len(),
            addresses: [plan.home_addresses, plan.fallback_addresses].concat(),
            connects_per_second: plan.connects_per_second.max(1),
            sales: plan.sales,
            started: now,
            now,
            now_ms: now_ms(),
            connects_left: 0,
            connects_since: now,
            free: VecDeque::new(),
            resting: VecDeque::new(),
            deadlines: VecDeque::new(),
            pace: None,
            sales_queued: 0,
            waiting: VecDeque::new(),
            in_flight: 0,
            reversing: 0,
            done: Vec::new(),
            counts: FleetCounts::default(),
            first_break: None,
        };
        Ok(TerminalFleet { sockets, fleet })
    }

    /// Starts to sell, or changes the pace.
    pub fn start_selling(&mut self, pace: SalesPace) {
        self.fleet.pace = Some((pace, Instant::now()));
        self.fleet.sales_queued = 0;
    }

    /// Starts no more sales. Those in flight go on.
    pub fn stop_selling(&mut self) {
        self.fleet.pace = None;
        self.fleet.counts.skipped += self.fleet.waiting.len() as u64;
        self.fleet.waiting.clear();
    }

    /// Whether no sale is in flight and no reversal is pending.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let FleetState { in_flight, reversing, counts, .. } = &self.fleet;
        *in_flight == 0 && *reversing == 0 && counts.reconnecting == 0
    }

    #[must_use]
    pub const fn counts(&self) -> FleetCounts {
        self.fleet.counts
    }

    /// Sales in flight.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.fleet.in_flight
    }

    /// The sales that ended since the last call.
    pub fn take_completed(&mut self) -> std::vec::Drain<'_, CompletedSale> {
        self.fleet.done.drain(..)
    }

    /// Does the work that is due; waits for it at most `wait`.
    pub fn poll(&mut self, wait: Duration) -> io::Result<()> {
        let TerminalFleet { sockets, fleet } = self;
        let wait = fleet.wait(wait);
        fleet.update_now();
        sockets.poll_once(wait, fleet)?;
        fleet.update_now();
        fleet.time_out(sockets);
        fleet.end_rests(sockets);
        fleet.connect(sockets);
        fleet.queue_due_sales();
        fleet.begin_sales(sockets);
        sockets.flush(fleet);
        Ok(())
    }
}

impl FleetState {
    fn update_now(&mut self) {
        self.now = Instant::now();
        self.now_ms = self.now_ms.max(now_ms());
    }

    fn wait(&self, wait: Duration) -> Duration {
        let until = |at: Instant| at.saturating_duration_since(Instant::now());
        let sale = match self.pace {
            Some((SalesPace::PerSecond(rate), since)) => {
                Some(until(sale_time(since, rate, self.sales_queued)))
            }
            Some((SalesPace::InFlight(most), _))
                if self.in_flight < most && !self.free.is_empty() =>
            {
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

    fn rest(&mut self, number: u32) {
        self.resting.push_back((self.now + REST, number));
    }

    fn end_rests(&mut self, sockets: &mut Sockets) {
        while let Some((_, number)) = self.resting.pop_front_if(|(at, _)| *at <= self.now) {
            if self.members[place(number)].connection.is_some() {
                self.next_task(sockets, number);
            } else {
                self.to_connect.push_back(number);
            }
        }
    }

    /// Handles answers that did not arrive in time.
    fn time_out(&mut self, sockets: &mut Sockets) {
        let now_ms = self.now_ms;
        while let Some((_, number)) = self.deadlines.pop_front_if(|(at, _)| *at <= now_ms) {
            let member = &mut self.members[place(number)];
            let Some(after) = member.terminal.on_timeout(now_ms) else { continue };
            if after == TimeoutAction::Reverse {
                self.give_up_sale(number);
            }
            self.next_task(sockets, number);
        }
    }

    /// Queues the sales that should have started by now.
    fn queue_due_sales(&mut self) {
        let Some((SalesPace::PerSecond(rate), since)) = self.pace else { return };
        loop {
            let at = sale_time(since, rate, self.sales_queued);
            if at > self.now {
                return;
            }
            self.sales_queued += 1;
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
                Some((SalesPace::PerSecond(_), _)) => self.waiting.front().copied(),
                Some((SalesPace::InFlight(most), _)) => (self.in_flight < most).then_some(self.now),
                None => None,
            };
            let Some(at) = at else { return };
            let Some(number) = self.free.pop_front() else { return };
            let member = &mut self.members[place(number)];
            member.is_free = false;
            if !member.is_idle() {
                continue;
            }
            let Some(sale) = self.sales.sale(member.terminal.number(), member.sales) else {
                member.has_more = false;
                continue;
            };
            self.waiting.pop_front();
            self.in_flight += 1;
            member.selling = Some(SaleInProgress { intended_at: at, number: member.sales });
            member.sales += 1;
            self.sell(sockets, number, &sale);
        }
    }

    fn sell(&mut self, sockets: &mut Sockets, number: u32, sale: &Sale) {
        let now_ms = self.now_ms;
        let member = &mut self.members[place(number)];
        let pin = sale.with_pin.then(|| sale.card.pin());
        let (waybill, card) = (sale.waybill.as_str(), &sale.card);
        let task = TerminalTask::Sale { waybill, card, amount: sale.amount, pin: pin.as_ref() };
        match member.terminal.start(task, now_ms) {
            Ok(message) => self.send(sockets, number, &message),
            Err(TerminalError::BatchFull) => self.ask(sockets, number, TerminalTask::Settle),
            Err(_) => self.rest(number),
        }
    }

    fn ask(&mut self, sockets: &mut Sockets, number: u32, task: TerminalTask<'_>) {
        match self.members[place(number)].terminal.start(task, self.now_ms) {
            Ok(message) => self.send(sockets, number, &message),
            Err(_) => self.rest(number),
        }
    }

    fn send(&mut self, sockets: &mut Sockets, number: u32, message: &[u8]) {
        let member = &self.members[place(number)];
        if let Some(until_ms) = member.terminal.answer_by() {
            self.deadlines.push_back((until_ms, number));
        }
        if let Some(id) = member.connection {
            let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
            sockets.send(id, &[&length, message], false);
        }
    }

    /// Gives a terminal that waits for no answer its next task.
    fn next_task(&mut self, sockets: &mut Sockets, number: u32) {
        let member = &mut self.members[place(number)];
        if member.connection.is_none() || !member.is_open || member.terminal.awaits_answer() {
            return;
        }
        if member.terminal.must_sign_on() {
            return self.ask(sockets, number, TerminalTask::SignOn);
        }
        match member.terminal.next_pending_message(self.now_ms) {
            Ok(Some(message)) => return self.send(sockets, number, &message),
            Ok(None) => {}
            Err(_) => return self.rest(number),
        }
        if let Some(selling) = member.selling {
            let (terminal, sale) = (member.terminal.number(), selling.number);
            match self.sales.sale(terminal, sale) {
                Some(sale) => return self.sell(sockets, number, &sale),
                None => self.end_sale(number, SaleOutcome::Unknown),
            }
        }
        let member = &mut self.members[place(number)];
        if member.is_reconnecting {
            return self.ask(sockets, number, TerminalTask::Echo);
        }
        if member.has_more && !member.is_free {
            member.is_free = true;
            self.free.push_back(number);
        }
    }

    fn end_sale(&mut self, number: u32, outcome: SaleOutcome) {
        let member = &mut self.members[place(number)];
        let Some(selling) = member.selling.take() else { return };
        let took = self.now.saturating_duration_since(selling.intended_at).as_micros();
        let micros = u64::try_from(took).unwrap_or(u64::MAX);
        let terminal = member.terminal.number();
        self.in_flight -= 1;
        self.done.push(CompletedSale { terminal, sale: selling.number, outcome, micros });
    }

    /// The outcome is unknown; the terminal's next message is the reversal.
    fn give_up_sale(&mut self, number: u32) {
        if self.members[place(number)].selling.is_some() {
            self.reversing += 1;
            self.end_sale(number, SaleOutcome::Unknown);
        }
    }

    fn heard(&mut self, number: u32, heard: TerminalOutcome) {
        match heard {
            TerminalOutcome::SignedOn { .. } => {
                let member = &mut self.members[place(number)];
                if !std::mem::replace(&mut member.signed_on, true) {
                    self.counts.signed_on += 1;
                }
            }
            TerminalOutcome::Approved { receipt, .. } => {
                self.end_sale(number, SaleOutcome::Approved(receipt));
            }
            TerminalOutcome::Declined(declined) if declined.kind == TerminalRequestKind::Sale => {
                self.end_sale(number, SaleOutcome::Declined(declined.code));
            }
            TerminalOutcome::Declined(_) | TerminalOutcome::ReversalRefused { .. } => {
                self.members[place(number)].must_rest = true;
            }
            TerminalOutcome::WrongMac => self.give_up_sale(number),
            TerminalOutcome::Reversed { .. } => {
                self.counts.reversed += 1;
                self.reversing -= 1;
            }
            TerminalOutcome::Unmatched => self.counts.unmatched_answers += 1,
            _ => {}
        }
    }
}

/// When sale `sale` should start.
fn sale_time(since: Instant, rate: u32, number: u64) -> Instant {
    let nanos = u128::from(number) * 1_000_000_000 / u128::from(rate.max(1));
    since + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
