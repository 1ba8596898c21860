//! Doorstep in one thread: real books, the switch, simulated networks and terminals.
//!
//! Messages, commands that are not durable yet and timers are pending until the test delivers them.
//! The journal is a list of commands, which a crash replays.

mod agreement;
mod faults;
mod forged;
mod setup;
mod terminals;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use books::*;
use keys::{KeyStore, SoftwareStore};
use money::{Amount, Currency};
use peers::behaviour::RequestSummary;
use peers::network::{self, NetworkLinkId, NetworkSimulator};
use peers::{Behaviour, ResponseAction};
use switch::{
    LinkId, OperatorEvent, OrderStatus, Output, PhoneAnswer, Query, Settings, Switch,
    TerminalConnection, TerminalDialect, WalletNotification, WalletOutcome, WalletReply,
};

pub use setup::*;
pub use terminals::*;

/// A pending command or query.
pub enum BooksRequest {
    Command(u64, Command),
    Query(u64, Query),
}

/// A network's actions for the next requests. After them, it answers by its books.
pub type ScriptedActions = Arc<Mutex<VecDeque<ResponseAction>>>;

pub struct NetworkPeer {
    pub peer: NetworkSimulator,
    pub actions: ScriptedActions,
    /// The connection of each link that is connected.
    pub links: Vec<Option<NetworkLinkId>>,
    connections: u64,
}

pub struct World {
    pub now: u64,
    pub engine: Books,
    pub journal: Vec<(Timestamp, Command)>,
    pub keys: Arc<SoftwareStore>,
    pub settings: Settings,
    pub switch: Switch,
    pub networks: Vec<NetworkPeer>,
    pub terminals: Vec<TerminalPeer>,
    pub books: VecDeque<BooksRequest>,
    pub to_network: VecDeque<(LinkId, Vec<u8>)>,
    pub to_switch: VecDeque<(LinkId, Vec<u8>)>,
    pub to_terminal: VecDeque<(TerminalConnection, Vec<u8>)>,
    pub from_terminal: VecDeque<(TerminalConnection, Vec<u8>)>,
    pub operator_events: Vec<OperatorEvent>,
    pub events: Vec<Event>,
    pub replies: Vec<(u64, WalletReply)>,
    pub phone_replies: Vec<PhoneAnswer>,
    /// `Debug` output of everything that came out, if a test needs it.
    pub debug_output: Option<String>,
    pub connections: u64,
    /// Whether the pre-authorisations have expired.
    pub holds_are_expired: bool,
    orders: u32,
}

impl World {
    /// One network with one link; terminal 1 is signed on.
    pub fn open() -> World {
        World::with(1, 1)
    }

    pub fn with(networks: usize, links: u8) -> World {
        let mut world = World::closed(networks, links);
        for place in 0..networks {
            for link in 0..links {
                world.connect(place, link);
            }
        }
        world.sign_on(0);
        world
    }

    /// No link is connected yet.
    pub fn closed(networks: usize, links: u8) -> World {
        World::closed_in([TerminalDialect::DOORSTEP; 4], networks, links)
    }

    /// As [`World::open`], with terminals of this dialect.
    pub fn open_in(dialect: &'static TerminalDialect) -> World {
        let mut world = World::closed_in([dialect; 4], 1, 1);
        world.connect(0, 0);
        world.sign_on(0);
        world
    }

    /// As [`World::closed`], with terminals of these dialects. Derived keys have the first.
    pub fn closed_in(dialects: [&'static TerminalDialect; 4], networks: usize, links: u8) -> World {
        let (keys, mut settings) = (keys(dialects), settings(networks, links));
        settings.terminals.derived_dialect = dialects[0];
        let store: Arc<dyn KeyStore> = keys.clone();
        let switch = Switch::new(settings.clone(), store).unwrap();
        let mut world = World {
            now: MORNING,
            engine: Books::default(),
            journal: Vec::new(),
            keys,
            settings,
            switch,
            networks: (0..networks).map(|place| net(place, usize::from(links))).collect(),
            terminals: (1..=3)
                .zip(dialects)
                .map(|(number, dialect)| TerminalPeer::new(dialect, number))
                .collect(),
            books: VecDeque::new(),
            to_network: VecDeque::new(),
            to_switch: VecDeque::new(),
            to_terminal: VecDeque::new(),
            from_terminal: VecDeque::new(),
            operator_events: Vec::new(),
            events: Vec::new(),
            replies: Vec::new(),
            phone_replies: Vec::new(),
            debug_output: None,
            connections: 0,
            holds_are_expired: false,
            orders: 0,
        };
        for command in first_commands() {
            world.apply(command);
        }
        world
    }

    pub fn at(&self) -> Timestamp {
        Timestamp(self.now)
    }

    /// Applies a back-office command.
    pub fn apply(&mut self, command: Command) {
        self.carry_out(&command).unwrap_or_else(|why| panic!("{command:?}: {why}"));
    }

    fn carry_out(&mut self, command: &Command) -> Result<Vec<Event>, Refusal> {
        let mut outcome = CommandOutcome::default();
        self.engine.apply(command, Timestamp(self.now), &mut outcome)?;
        self.journal.push((Timestamp(self.now), command.clone()));
        self.events.extend(outcome.events.iter().cloned());
        Ok(outcome.events)
    }

    /// How many commands were applied besides declines, which change nothing else.
    pub fn applied(&self) -> usize {
        let decline = |command: &Command| matches!(command, Command::DeclineRequest(_));
        self.journal.iter().filter(|(_, command)| !decline(command)).count()
    }

    /// A parcel with the courier of terminals 1 and 2.
    pub fn parcel(&mut self, due: u64) -> ParcelId {
        self.parcel_with(COURIER, due)
    }

    pub fn parcel_with(&mut self, courier: CourierId, due: u64) -> ParcelId {
        self.orders += 1;
        let order = format!("order {}", self.orders);
        let parcel = ParcelId::derived(SELLER, &order);
        let (currency, due) = (Currency::CNY, Amount::of(due));
        self.apply(Command::AnnounceParcel(AnnounceParcel {
            parcel,
            seller: SELLER,
            currency,
            due,
            reference: order,
            shipment: 1,
        }));
        let parcels = vec![AssignedParcel { parcel, number: 1 }];
        self.apply(Command::AssignParcels(AssignParcels { firm: FIRM, parcels }));
        let parcels = vec![DispatchedParcel { parcel, attempt: 1 }];
        self.apply(Command::DispatchParcels(DispatchParcels { courier, parcels }));
        parcel
    }

    /// Queues the outputs of the switch.
    pub fn queue_outputs(&mut self, out: Vec<Output>) {
        if let Some(shown) = &mut self.debug_output {
            shown.push_str(&format!("{out:?}"));
        }
        for output in out {
            match output {
                Output::ToTerminal { connection, message } => {
                    self.to_terminal.push_back((connection, message.to_vec()));
                }
                Output::CloseTerminalConnection { connection } => self.close_connection(connection),
                Output::ToNetwork { link, message } => {
                    self.to_network.push_back((link, message.to_vec()));
                }
                Output::DisconnectLink { link } => {
                    self.disconnect(network_index(link), link.number);
                }
                Output::Command { ticket, by, command } => {
                    let given_by = command.spec().given_by;
                    assert!(given_by.contains(&by.kind()), "{by:?} gives {command:?}");
                    self.books.push_back(BooksRequest::Command(ticket, command));
                }
                Output::Query { ticket, query } => {
                    self.books.push_back(BooksRequest::Query(ticket, query));
                }
                Output::WalletReply { reply_id: reply, answer: what } => {
                    self.replies.push((reply, what));
                }
                Output::PhoneReply { answer, .. } => self.phone_replies.push(answer),
                Output::OperatorEvent(event) => {
                    if let Some(shown) = &mut self.debug_output {
                        shown.push_str(&format!("{event:?}"));
                    }
                    self.operator_events.push(event);
                }
            }
        }
    }

    // Each of these delivers one pending message or command.

    /// Makes the next command durable, or answers the next query.
    pub fn books_step(&mut self) -> bool {
        let Some(book) = self.books.pop_front() else { return false };
        let (mut out, at) = (Vec::new(), self.at());
        match book {
            BooksRequest::Command(ticket, command) => {
                let answer = self.carry_out(&command);
                self.switch.on_command_result(ticket, answer, at, &mut out);
            }
            BooksRequest::Query(ticket, query) => {
                let result = query.answer(&self.engine);
                self.switch.on_query_result(ticket, result, at, &mut out);
            }
        }
        self.queue_outputs(out);
        true
    }

    /// Makes the next command durable without telling the switch.
    pub fn books_step_without_reply(&mut self) {
        if let Some(BooksRequest::Command(_, command)) = self.books.pop_front() {
            let _ = self.carry_out(&command);
        }
    }

    /// Delivers the next message to a network.
    pub fn network_receives(&mut self) -> bool {
        let Some((id, mut message)) = self.to_network.pop_front() else { return false };
        let net = &mut self.networks[network_index(id)];
        if let Some(link) = net.links[usize::from(id.number)] {
            let mut out = Vec::new();
            net.peer.receive(link, &mut message, self.now, &mut out);
            self.deliver_from_network(network_index(id), out);
        }
        true
    }

    pub fn deliver_from_network(&mut self, place: usize, out: Vec<network::NetworkOutput>) {
        for output in out {
            let net = &self.networks[place];
            let number = |link| net.links.iter().position(|known| *known == Some(link));
            match output {
                network::NetworkOutput::Send { link, message } => {
                    let Some(number) = number(link) else { continue };
                    let id = link_id(place, u8::try_from(number).unwrap());
                    self.to_switch.push_back((id, message.to_vec()));
                }
                network::NetworkOutput::Close { link } => {
                    if let Some(number) = number(link) {
                        self.disconnect(place, u8::try_from(number).unwrap());
                    }
                }
            }
        }
    }

    /// Delivers a network's next message to the switch.
    pub fn switch_receives_from_network(&mut self) -> bool {
        let Some((link, mut message)) = self.to_switch.pop_front() else { return false };
        let (mut out, at) = (Vec::new(), self.at());
        self.switch.on_network_messages(&mut [(link, &mut message[..])], at, &mut out);
        assert!(message.iter().all(|byte| *byte == 0), "the message is not wiped");
        self.queue_outputs(out);
        true
    }

    /// Delivers a terminal's next message to the switch.
    pub fn switch_receives_from_terminal(&mut self) -> bool {
        let Some((connection, mut message)) = self.from_terminal.pop_front() else { return false };
        let (mut out, at) = (Vec::new(), self.at());
        let dialect = self.dialect_at(connection);
        self.switch.on_terminal_message(connection, dialect, &mut message, at, &mut out);
        assert!(message.iter().all(|byte| *byte == 0), "the message is not wiped");
        self.queue_outputs(out);
        true
    }

    /// The dialect of the listener of a connection. Who has no terminal connects where the first
    /// terminal does.
    pub fn dialect_at(&self, connection: TerminalConnection) -> &'static TerminalDialect {
        let place = usize::try_from(connection.0 % 10).unwrap();
        self.terminals.get(place).unwrap_or(&self.terminals[0]).dialect
    }

    /// Advances the time and runs all timers up to it.
    pub fn advance_to(&mut self, until: u64) {
        self.now = self.now.max(until);
        let (mut out, at) = (Vec::new(), self.at());
        self.switch.tick(at, &mut out);
        self.queue_outputs(out);
        for place in 0..self.networks.len() {
            let mut out = Vec::new();
            self.networks[place].peer.tick(self.now, &mut out);
            self.deliver_from_network(place, out);
        }
        for pos in &mut self.terminals {
            pos.terminal.on_timeout(self.now);
        }
    }

    /// Sends a wallet's notification and returns the reply.
    pub fn wallet(&mut self, reference: &str, amount: u64, outcome: WalletOutcome) -> WalletReply {
        self.send_wallet_notification(reference, amount, outcome);
        self.settle();
        self.replies.last().expect("the wallet has a reply").1
    }

    pub fn send_wallet_notification(
        &mut self,
        reference: &str,
        amount: u64,
        outcome: WalletOutcome,
    ) {
        self.send_wallet_notification_in(Currency::CNY, reference, amount, outcome);
    }

    pub fn send_wallet_notification_in(
        &mut self,
        currency: Currency,
        reference: &str,
        amount: u64,
        outcome: WalletOutcome,
    ) {
        let notification = WalletNotification {
            wallet: WALLET,
            reference: reference.to_owned(),
            amount: Amount::of(amount),
            currency,
            outcome,
            transaction: "4200000123".to_owned(),
        };
        let mut out = Vec::new();
        self.switch.on_wallet_notification(notification, self.now, &mut out);
        self.queue_outputs(out);
    }

    /// The status of an order as the wallet is told. `None`: the order is unknown.
    pub fn order_status(&mut self, reference: &str) -> Option<OrderStatus> {
        let mut out = Vec::new();
        self.switch.on_wallet_query(WALLET, reference, self.now, &mut out);
        self.queue_outputs(out);
        self.settle();
        match self.replies.last().expect("the wallet has a reply").1 {
            WalletReply::Order(status, amount) => {
                assert_eq!(amount, Amount::of(5_000));
                Some(status)
            }
            WalletReply::UnknownOrder => None,
            what => panic!("{what:?}"),
        }
    }

    /// Delivers everything pending, first in first out, without advancing the time.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            let done = self.books_step()
                || self.network_receives()
                || self.switch_receives_from_network()
                || self.switch_receives_from_terminal()
                || self.terminal_receives();
            if !done {
                return;
            }
        }
        panic!("the world does not settle");
    }

    /// Advances the time until only echoes are left to do.
    pub fn run_until_idle(&mut self) {
        for _ in 0..2_000 {
            self.settle();
            let busy =
                (0..self.terminals.len()).filter(|&place| self.continue_terminal(place)).count()
                    > 0;
            if busy {
                continue;
            }
            let waits = self.terminals.iter().filter_map(|pos| pos.terminal.answer_by()).min();
            // A wallet's refunds wait for the wallet.
            let pending =
                self.switch.queued_reversals() - self.switch.wallet_refunds_due(WALLET).len();
            let over = waits.is_none() && pending == 0 && self.switch.in_flight() == 0;
            if over {
                return;
            }
            let timers = [waits, self.switch.next_timer().map(|at| at.0)];
            let peers = self.networks.iter().filter_map(|net| net.peer.next_timer());
            let next = timers.into_iter().flatten().chain(peers).min();
            self.advance_to(next.expect("something waits without a timer"));
        }
        let pending: Vec<_> = self.engine.pending_requests().collect();
        panic!("the world does not become idle: {pending:#?}, {:?}", self.operator_events);
    }

    /// Sets a network's actions for its next requests.
    pub fn script_network(&mut self, place: usize, actions: &[ResponseAction]) {
        self.networks[place].actions.lock().unwrap().extend(actions.iter().copied());
    }
}

pub fn link_id(place: usize, number: u8) -> LinkId {
    LinkId { network: NETWORKS[place], number }
}

pub fn network_index(link: LinkId) -> usize {
    NETWORKS.iter().position(|network| *network == link.network).unwrap()
}

fn net(place: usize, links: usize) -> NetworkPeer {
    let mut peer = NetworkSimulator::new(peers::NetworkSimulatorSettings {
        name: format!("network-{place}"),
        acquirer: ACQUIRER,
        currency: Currency::CNY,
        exchange_key: exchange_key(place),
        mac_key: network_key(place, false),
        pin_key: network_key(place, true),
        behaviour: Behaviour::default(),
        fees: peers::clearing::NetworkFees::default(),
        seed: 7,
    });
    let actions = ScriptedActions::default();
    let told = actions.clone();
    peer.set_response_policy(move |_: &RequestSummary| {
        told.lock().unwrap().pop_front().unwrap_or_default()
    });
    NetworkPeer { peer, actions, links: vec![None; links], connections: 0 }
}
