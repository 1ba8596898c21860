//! The switch itself: everything that it remembers, and the ways in.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use engine::{Command, Event, Method, NetworkId, Refusal, TenderId, Timestamp, Trace};
use keys::KeyStore;
use zeroize::Zeroize;

use crate::answers::TerminalKeys;
use crate::chase::{Begun, Chase};
use crate::forgetting::Forgetting;
use crate::network::Network;
use crate::port::{Fact, Line, LinkId, Output, Question};
use crate::route::Bins;
use crate::session::{Session, Uploads};
use crate::settings::{Settings, SettingsError};
use crate::timers::{Timer, Timers};
use crate::wallets::{order_given_up, wallet_sees};
use crate::works::{Awaiting, Work, note_refusal};

/// Requests of terminals that are under way, at the most; beyond it they are told to come again.
pub const WORKS_MAX: usize = 65_536;

/// Terminals on one side, networks on the other.
///
/// Whoever drives it hands in what came, with the moment, and carries out what comes out, in
/// order. Nothing in it is needed after a crash: [`Switch::resume`].
pub struct Switch {
    pub(crate) settings: Settings,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) bins: Bins,
    pub(crate) networks: Vec<Network>,
    pub(crate) sessions: HashMap<u32, Session>,
    /// Lines of disputed batches, by the terminals that are sending them.
    pub(crate) uploads: Uploads,
    pub(crate) works: HashMap<u64, Work>,
    pub(crate) active: HashMap<Trace, u64>,
    pub(crate) awaiting: HashMap<u64, Awaiting>,
    pub(crate) chases: BTreeMap<u64, Chase>,
    /// Reversals of terminals that the books are being asked for.
    pub(crate) reversals: HashMap<u64, Begun>,
    /// QR codes that are shown: their tenders by the number of their timer.
    pub(crate) orders: HashMap<u64, TenderId>,
    /// What a wallet is to give back, by the order's reference.
    pub(crate) give_back: BTreeMap<String, u64>,
    /// Chases of before a restart that the books are being told of.
    pub(crate) resumed: HashMap<u64, Begun>,
    pub(crate) forgetting: Forgetting,
    pub(crate) timers: Timers,
    pub(crate) wallet_stan: u32,
    next: u64,
    pub(crate) stopping: bool,
}

impl Switch {
    /// A switch that knows nobody yet.
    ///
    /// # Errors
    /// What in the settings cannot be.
    pub fn new(settings: Settings, keys: Arc<dyn KeyStore>) -> Result<Switch, SettingsError> {
        settings.check()?;
        Ok(Switch {
            bins: Bins::new(&settings.bins),
            networks: settings.networks.iter().cloned().map(Network::new).collect(),
            settings,
            keys,
            sessions: HashMap::new(),
            uploads: Uploads::default(),
            works: HashMap::new(),
            active: HashMap::new(),
            awaiting: HashMap::new(),
            chases: BTreeMap::new(),
            reversals: HashMap::new(),
            orders: HashMap::new(),
            give_back: BTreeMap::new(),
            resumed: HashMap::new(),
            forgetting: Forgetting::default(),
            timers: Timers::default(),
            wallet_stan: 0,
            next: 0,
            stopping: false,
        })
    }

    /// A message of a terminal: TPDU, header and message. It is wiped.
    pub fn terminal(
        &mut self,
        line: Line,
        message: &mut [u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        self.hear_terminal(line, message, now, out);
        message.zeroize();
    }

    /// A terminal's connection is gone. What it asked for goes on; it will ask again.
    pub fn line_closed(&mut self, _line: Line) {}

    /// A command that came out is durable, or was refused.
    pub fn answered(
        &mut self,
        ticket: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        match self.awaiting.remove(&ticket) {
            Some(Awaiting::Work(id)) => self.work_answered(id, answer, now, out),
            Some(Awaiting::Batch(id)) => self.batch_answered(id, answer, now, out),
            Some(Awaiting::ChaseOver(id)) => self.chase_over(id, answer, out),
            Some(Awaiting::Reversal(id)) => self.reversal_begun(id, answer, now, out),
            Some(Awaiting::WalletPaid(note, order, reply)) => {
                self.order_paid((*note, &order), reply, answer, now, out);
            }
            Some(Awaiting::WalletGaveUp(reply)) => order_given_up(reply, answer, out),
            Some(Awaiting::Resumed(id)) => self.resumed(id, &answer, now, out),
            Some(Awaiting::Expiry) => self.expired(answer, now, out),
            Some(Awaiting::Forgetting) => self.forgotten(answer, now, out),
            Some(Awaiting::Nobody) => note_refusal(answer, out),
            Some(
                Awaiting::Expired
                | Awaiting::Terminal(..)
                | Awaiting::Wallet(..)
                | Awaiting::WalletLooks(..),
            )
            | None => {}
        }
    }

    /// The answer to a question that came out.
    pub fn told(&mut self, ticket: u64, fact: Fact, now: Timestamp, out: &mut Vec<Output>) {
        match (self.awaiting.remove(&ticket), fact) {
            (Some(Awaiting::Terminal(line, message)), Fact::Terminal(view)) => {
                self.terminal_known(line, &message, view, now, out);
            }
            (Some(Awaiting::Work(id)), fact) => self.work_told(id, fact, now, out),
            (Some(Awaiting::Batch(id)), fact) => self.batch_told(id, &fact, now, out),
            (Some(Awaiting::Wallet(note, reply)), Fact::Transaction(view)) => {
                self.wallet_told(note, reply, view, out);
            }
            (Some(Awaiting::WalletLooks(wallet, reply)), Fact::Transaction(view)) => {
                wallet_sees(wallet, reply, view, out);
            }
            (Some(Awaiting::Expiry), Fact::LetGo(unfinished)) => {
                self.chase_expired(&unfinished, now, out);
            }
            (Some(Awaiting::Forgetting), Fact::ToForget { records, found }) => {
                self.looked_through(records, found, now, out);
            }
            _ => {}
        }
    }

    /// A network takes no new payments from a moment on, or takes them again.
    pub fn network_withdrawn(&mut self, network: NetworkId, from: Option<Timestamp>) {
        for known in &mut self.networks {
            if known.settings.network == network {
                known.withdrawn_from = from;
            }
        }
    }

    /// From when on a network is withdrawn, if it is.
    #[must_use]
    pub fn withdrawn_from(&self, network: NetworkId) -> Option<Timestamp> {
        let known = self.networks.iter().find(|known| known.settings.network == network)?;
        known.withdrawn_from
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        while let Some(timer) = self.timers.due(now) {
            match timer {
                Timer::Answer(id) => self.no_answer(id, now, out),
                Timer::Chase(id) => self.chase_due(id, now, out),
                Timer::Link(link) => self.link_due(link, now, out),
                Timer::Qr(id) => self.qr_expired(id, out),
                Timer::Expiry => self.expiry_due(now, out),
                Timer::Forgetting => self.forgetting_due(out),
            }
        }
    }

    /// When [`Switch::tick`] has something to do next.
    #[must_use]
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// Takes nothing new from now on; what is under way goes on.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// How many requests of terminals are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.works.len()
    }

    /// How many reversals and advices nobody has acknowledged yet.
    #[must_use]
    pub fn chased(&self) -> usize {
        self.chases.len()
    }

    /// Which links are signed on.
    pub fn links_up(&self) -> impl Iterator<Item = LinkId> {
        self.networks.iter().flat_map(|network| {
            let up = |place: &usize| network.links[*place].stand == crate::link::Stand::Up;
            (0..network.links.len()).filter(up).map(|place| network.link_id(place))
        })
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Puts a command out and remembers who waits for it.
    pub(crate) fn command(&mut self, who: Awaiting, command: Command, out: &mut Vec<Output>) {
        let ticket = self.number();
        self.awaiting.insert(ticket, who);
        out.push(Output::Command { ticket, command });
    }

    pub(crate) fn ask(&mut self, who: Awaiting, question: Question, out: &mut Vec<Output>) {
        let ticket = self.number();
        self.awaiting.insert(ticket, who);
        out.push(Output::Ask { ticket, question });
    }

    pub(crate) fn terminal_keys(&self) -> TerminalKeys<'_> {
        TerminalKeys { keys: &*self.keys, settings: &self.settings }
    }

    /// The place of the network that a tender is paid over; nothing for wallets and cash.
    pub(crate) fn place_of_card(&self, method: Option<Method>) -> Option<usize> {
        match method {
            Some(Method::Card { network, .. }) => self.place_of(network),
            _ => None,
        }
    }

    /// Whether the network or wallet of a method is in the settings.
    pub(crate) fn is_there(&self, method: Method) -> bool {
        match method {
            Method::Card { network, .. } => self.place_of(network).is_some(),
            Method::Qr { wallet } => {
                self.settings.wallet.as_ref().is_some_and(|ours| ours.wallet == wallet)
            }
        }
    }

    /// The place of a network.
    pub(crate) fn place_of(&self, network: NetworkId) -> Option<usize> {
        self.networks.iter().position(|known| known.settings.network == network)
    }
}
