//! A whole doorstep in one thread: real books, the switch, simulated networks and terminals.
//!
//! Every message, every command that is not durable yet and every timer is pending until the test
//! lets it happen. What is durable is a list of commands: a crash replays it.

mod agree;
mod faults;
mod forged;
mod setup;
mod terminals;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use engine::*;
use keys::{KeyStore, SoftwareStore};
use money::{Amount, Currency};
use peers::behaviour::Request;
use peers::network::{self, Link, Network};
use peers::{Action, Behaviour};
use switch::{
    Happening, Line, LinkId, OrderStanding, Output, Question, Settings, Switch, WalletNote,
    WalletOutcome, WalletReply,
};

pub use setup::*;
pub use terminals::*;

/// What goes to the books and is not durable.
pub enum Book {
    Command(u64, Command),
    Ask(u64, Question),
}

/// What a network is to do with the next messages that it hears; then it does what its books say.
pub type Fates = Arc<Mutex<VecDeque<Action>>>;

pub struct Net {
    pub peer: Network,
    pub fates: Fates,
    /// The connection of each link, where there is one.
    pub links: Vec<Option<Link>>,
    connections: u64,
}

pub struct World {
    pub now: u64,
    pub engine: Engine,
    pub journal: Vec<(Timestamp, Command)>,
    pub keys: Arc<SoftwareStore>,
    pub settings: Settings,
    pub switch: Switch,
    pub nets: Vec<Net>,
    pub terminals: Vec<Pos>,
    pub books: VecDeque<Book>,
    pub to_network: VecDeque<(LinkId, Vec<u8>)>,
    pub to_switch: VecDeque<(LinkId, Vec<u8>)>,
    pub to_terminal: VecDeque<(Line, Vec<u8>)>,
    pub from_terminal: VecDeque<(Line, Vec<u8>)>,
    pub happened: Vec<Happening>,
    pub events: Vec<Event>,
    pub replies: Vec<(u64, WalletReply)>,
    /// `Debug` of everything that came out, if a test wants it.
    pub shown: Option<String>,
    pub lines: u64,
    /// Whether what is held is older than it may get.
    pub holds_are_old: bool,
    orders: u32,
}

impl World {
    /// One network with one link, terminal 1 signed on.
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

    /// Nothing is connected yet.
    pub fn closed(networks: usize, links: u8) -> World {
        let (keys, settings) = (keys(), settings(networks, links));
        let store: Arc<dyn KeyStore> = keys.clone();
        let switch = Switch::new(settings.clone(), store).unwrap();
        let mut world = World {
            now: MORNING,
            engine: Engine::default(),
            journal: Vec::new(),
            keys,
            settings,
            switch,
            nets: (0..networks).map(|place| net(place, usize::from(links))).collect(),
            terminals: (1..=3).map(Pos::new).collect(),
            books: VecDeque::new(),
            to_network: VecDeque::new(),
            to_switch: VecDeque::new(),
            to_terminal: VecDeque::new(),
            from_terminal: VecDeque::new(),
            happened: Vec::new(),
            events: Vec::new(),
            replies: Vec::new(),
            shown: None,
            lines: 0,
            holds_are_old: false,
            orders: 0,
        };
        for command in first_commands() {
            world.must(command);
        }
        world
    }

    pub fn at(&self) -> Timestamp {
        Timestamp(self.now)
    }

    /// A command that the office gives.
    pub fn must(&mut self, command: Command) {
        self.carry_out(&command).unwrap_or_else(|why| panic!("{command:?}: {why}"));
    }

    fn carry_out(&mut self, command: &Command) -> Result<Vec<Event>, Refusal> {
        let mut outcome = Outcome::default();
        self.engine.apply(command, Timestamp(self.now), &mut outcome)?;
        self.journal.push((Timestamp(self.now), command.clone()));
        self.events.extend(outcome.events.iter().cloned());
        Ok(outcome.events)
    }

    /// A parcel that is out with the courier of terminals 1 and 2.
    pub fn parcel(&mut self, due: u64) -> ParcelId {
        self.parcel_with(COURIER, due)
    }

    pub fn parcel_with(&mut self, courier: CourierId, due: u64) -> ParcelId {
        self.orders += 1;
        let order = format!("order {}", self.orders);
        let parcel = ParcelId::derived(SELLER, &order);
        let (currency, due) = (Currency::CNY, Amount::of(due));
        self.must(Command::AnnounceParcel {
            parcel,
            seller: SELLER,
            currency,
            due,
            reference: order,
        });
        self.must(Command::AssignParcels { firm: FIRM, parcels: vec![parcel] });
        self.must(Command::DispatchParcels { courier, parcels: vec![parcel] });
        parcel
    }

    /// Carries out what the switch wants, as far as that is only to put it where it waits.
    pub fn take(&mut self, out: Vec<Output>) {
        if let Some(shown) = &mut self.shown {
            shown.push_str(&format!("{out:?}"));
        }
        for output in out {
            match output {
                Output::ToTerminal { line, message } => {
                    self.to_terminal.push_back((line, message.to_vec()));
                }
                Output::CloseLine { line } => self.close_line(line),
                Output::ToNetwork { link, message } => {
                    self.to_network.push_back((link, message.to_vec()));
                }
                Output::DropLink { link } => self.disconnect(place(link), link.number),
                Output::Command { ticket, command } => {
                    self.books.push_back(Book::Command(ticket, command));
                }
                Output::Ask { ticket, question } => {
                    self.books.push_back(Book::Ask(ticket, question));
                }
                Output::WalletReply { reply, what } => self.replies.push((reply, what)),
                Output::Happened(happening) => {
                    if let Some(shown) = &mut self.shown {
                        shown.push_str(&happening.told(|_| "a network"));
                    }
                    self.happened.push(happening);
                }
            }
        }
    }

    // One pending thing happens.

    /// The next command becomes durable, or the next question is answered.
    pub fn book(&mut self) -> bool {
        let Some(book) = self.books.pop_front() else { return false };
        let (mut out, at) = (Vec::new(), self.at());
        match book {
            Book::Command(ticket, command) => {
                let answer = self.carry_out(&command);
                self.switch.answered(ticket, answer, at, &mut out);
            }
            Book::Ask(ticket, question) => {
                let fact = question.ask(&self.engine);
                self.switch.told(ticket, fact, at, &mut out);
            }
        }
        self.take(out);
        true
    }

    /// The next command becomes durable, and nobody hears of it.
    pub fn book_unheard(&mut self) {
        if let Some(Book::Command(_, command)) = self.books.pop_front() {
            let _ = self.carry_out(&command);
        }
    }

    /// A network hears the next message for it.
    pub fn network_hears(&mut self) -> bool {
        let Some((id, mut message)) = self.to_network.pop_front() else { return false };
        let net = &mut self.nets[place(id)];
        if let Some(link) = net.links[usize::from(id.number)] {
            let mut out = Vec::new();
            net.peer.hear(link, &mut message, self.now, &mut out);
            self.network_says(place(id), out);
        }
        true
    }

    pub fn network_says(&mut self, place: usize, out: Vec<network::Output>) {
        for output in out {
            let net = &self.nets[place];
            let number = |link| net.links.iter().position(|known| *known == Some(link));
            match output {
                network::Output::Send { link, message } => {
                    let Some(number) = number(link) else { continue };
                    let id = link_id(place, u8::try_from(number).unwrap());
                    self.to_switch.push_back((id, message.to_vec()));
                }
                network::Output::Close { link } => {
                    if let Some(number) = number(link) {
                        self.disconnect(place, u8::try_from(number).unwrap());
                    }
                }
            }
        }
    }

    /// The switch hears the next message of a network.
    pub fn switch_hears_network(&mut self) -> bool {
        let Some((link, mut message)) = self.to_switch.pop_front() else { return false };
        let (mut out, at) = (Vec::new(), self.at());
        self.switch.network(link, &mut message, at, &mut out);
        assert!(message.iter().all(|byte| *byte == 0), "the message is not wiped");
        self.take(out);
        true
    }

    /// The switch hears the next message of a terminal.
    pub fn switch_hears_terminal(&mut self) -> bool {
        let Some((line, mut message)) = self.from_terminal.pop_front() else { return false };
        let (mut out, at) = (Vec::new(), self.at());
        self.switch.terminal(line, &mut message, at, &mut out);
        assert!(message.iter().all(|byte| *byte == 0), "the message is not wiped");
        self.take(out);
        true
    }

    /// The moment has come for whatever has a timer up to then.
    pub fn time_passes(&mut self, until: u64) {
        self.now = self.now.max(until);
        let (mut out, at) = (Vec::new(), self.at());
        self.switch.tick(at, &mut out);
        self.take(out);
        for place in 0..self.nets.len() {
            let mut out = Vec::new();
            self.nets[place].peer.tick(self.now, &mut out);
            self.network_says(place, out);
        }
        for pos in &mut self.terminals {
            pos.terminal.timed_out(self.now);
        }
    }

    /// What a wallet tells, and what it is told.
    pub fn wallet(&mut self, reference: &str, amount: u64, outcome: WalletOutcome) -> WalletReply {
        self.wallet_tells(reference, amount, outcome);
        self.settle();
        self.replies.last().expect("the wallet is answered").1
    }

    pub fn wallet_tells(&mut self, reference: &str, amount: u64, outcome: WalletOutcome) {
        self.wallet_tells_in(Currency::CNY, reference, amount, outcome);
    }

    pub fn wallet_tells_in(
        &mut self,
        currency: Currency,
        reference: &str,
        amount: u64,
        outcome: WalletOutcome,
    ) {
        let (reference, amount) = (reference.to_owned(), Amount::of(amount));
        let note = WalletNote { wallet: WALLET, reference, amount, currency, outcome };
        let mut out = Vec::new();
        self.switch.wallet(note, self.now, &mut out);
        self.take(out);
    }

    /// Where the switch says that an order stands; nothing where there is none.
    pub fn wallet_looks(&mut self, reference: &str) -> Option<OrderStanding> {
        let mut out = Vec::new();
        self.switch.wallet_looks(WALLET, reference, self.now, &mut out);
        self.take(out);
        self.settle();
        match self.replies.last().expect("the wallet is answered").1 {
            WalletReply::Order(standing, amount) => {
                assert_eq!(amount, Amount::of(5_000));
                Some(standing)
            }
            WalletReply::UnknownOrder => None,
            what => panic!("{what:?}"),
        }
    }

    /// Everything that is pending happens, first in first out; no time passes.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            let done = self.book()
                || self.network_hears()
                || self.switch_hears_network()
                || self.switch_hears_terminal()
                || self.terminal_hears();
            if !done {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// Lets time pass until nobody has anything to do any more but echoes.
    pub fn quiet(&mut self) {
        for _ in 0..2_000 {
            self.settle();
            let busy = (0..self.terminals.len()).filter(|&place| self.go_on(place)).count() > 0;
            if busy {
                continue;
            }
            let waits = self.terminals.iter().filter_map(|pos| pos.terminal.answer_by()).min();
            // What a wallet has to give back waits for the wallet.
            let chased = self.switch.chased() - self.switch.to_give_back(WALLET).len();
            let over = waits.is_none() && chased == 0 && self.switch.in_flight() == 0;
            if over {
                return;
            }
            let timers = [waits, self.switch.next_timer().map(|at| at.0)];
            let peers = self.nets.iter().filter_map(|net| net.peer.next_timer());
            let next = timers.into_iter().flatten().chain(peers).min();
            self.time_passes(next.expect("who waits has a timer"));
        }
        let chased: Vec<_> = self.engine.to_chase().collect();
        panic!("it does not become quiet: {chased:#?}, {:?}", self.happened);
    }

    /// The next so many messages of a network's requests have these fates.
    pub fn fates(&mut self, place: usize, fates: &[Action]) {
        self.nets[place].fates.lock().unwrap().extend(fates.iter().copied());
    }
}

pub fn link_id(place: usize, number: u8) -> LinkId {
    LinkId { network: NETWORKS[place], number }
}

pub fn place(link: LinkId) -> usize {
    NETWORKS.iter().position(|network| *network == link.network).unwrap()
}

fn net(place: usize, links: usize) -> Net {
    let mut peer = Network::new(peers::NetworkSettings {
        name: format!("network-{place}"),
        acquirer: ACQUIRER,
        currency: Currency::CNY,
        exchange_key: exchange_key(place),
        mac_key: network_key(place, false),
        pin_key: network_key(place, true),
        behaviour: Behaviour::default(),
        costs: peers::clearing::Costs::default(),
        seed: 7,
    });
    let fates = Fates::default();
    let told = fates.clone();
    peer.set_fate(move |_: &Request| told.lock().unwrap().pop_front().unwrap_or_default());
    Net { peer, fates, links: vec![None; links], connections: 0 }
}
