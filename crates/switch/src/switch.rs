//! The state of the switch and its inputs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use books::{
    Command, Event, NetworkId, PaymentId, PaymentResolution, PaymentRoute, Refusal, Stan,
    Timestamp, Trace,
};
use keys::KeyStore;
use machine::Actor;
use zeroize::Zeroize;

use crate::in_flight::{Continuation, InFlight, report_refusal};
use crate::network::NetworkState;
use crate::port::{LinkId, Output, Query, QueryResult, TerminalConnection};
use crate::responses::TerminalKeys;
use crate::retention::RetentionScan;
use crate::reversal_queue::{NewReversal, QueuedReversal};
use crate::route::BinTable;
use crate::session::{BatchUploads, TerminalSession};
use crate::settings::{Settings, SettingsError, TerminalSettings};
use crate::timers::{Timer, Timers};
use crate::wallets::{reply_order_expired, reply_order_status};

/// Maximum of terminal requests in flight. Further ones are answered with 96 and sent again later.
pub const IN_FLIGHT_MAX: usize = 65_536;

/// Switches payments between terminals, networks, wallets and the books.
///
/// The caller passes in each message and result with the current time, and carries out the
/// [`Output`]s in order. A crash loses nothing: the books have everything that [`Switch::resume`]
/// needs.
pub struct Switch {
    pub(crate) settings: Settings,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) bins: BinTable,
    pub(crate) networks: Vec<NetworkState>,
    pub(crate) sessions: HashMap<u32, TerminalSession>,
    /// Lines of disputed batches, by terminal.
    pub(crate) uploads: BatchUploads,
    pub(crate) requests: HashMap<u64, InFlight>,
    pub(crate) active_traces: HashMap<Trace, u64>,
    pub(crate) continuations: HashMap<u64, Continuation>,
    pub(crate) reversal_queue: BTreeMap<u64, QueuedReversal>,
    /// Terminals' reversals that the books are recording.
    pub(crate) starting_reversals: HashMap<u64, NewReversal>,
    /// Payments by QR code that wait for the buyer, by the id of their expiry timer.
    pub(crate) open_qr_orders: HashMap<u64, PaymentId>,
    /// Ids of the refunds that a wallet owes, by order reference.
    pub(crate) wallet_refunds: BTreeMap<String, u64>,
    /// Reversals from before a restart that the books are recording.
    pub(crate) resuming: HashMap<u64, NewReversal>,
    pub(crate) retention_scan: RetentionScan,
    pub(crate) timers: Timers,
    /// The latest STAN of a wallet order.
    pub(crate) wallet_stan: Stan,
    next: u64,
    pub(crate) stopping: bool,
}

impl Switch {
    pub fn new(settings: Settings, keys: Arc<dyn KeyStore>) -> Result<Switch, SettingsError> {
        settings.check()?;
        Ok(Switch {
            bins: BinTable::new(&settings.bins),
            networks: settings.networks.iter().cloned().map(NetworkState::new).collect(),
            settings,
            keys,
            sessions: HashMap::new(),
            uploads: BatchUploads::default(),
            requests: HashMap::new(),
            active_traces: HashMap::new(),
            continuations: HashMap::new(),
            reversal_queue: BTreeMap::new(),
            starting_reversals: HashMap::new(),
            open_qr_orders: HashMap::new(),
            wallet_refunds: BTreeMap::new(),
            resuming: HashMap::new(),
            retention_scan: RetentionScan::default(),
            timers: Timers::default(),
            wallet_stan: Stan::MAX,
            next: 0,
            stopping: false,
        })
    }

    /// Takes the settings that can change while payments are in flight, from now on: timing, names
    /// for buyers, merchant numbers of firms, the terminals' times, and costs and card ranges of
    /// the networks. Costs and ranges stay as they are if the settings name other networks. The
    /// settings were checked.
    pub fn change_settings(&mut self, settings: &Settings) {
        let ours = &mut self.settings;
        ours.timing = settings.timing;
        ours.shown_as.clone_from(&settings.shown_as);
        ours.merchant.firms.clone_from(&settings.merchant.firms);
        let TerminalSettings { answer_s, reversal_attempts_max, echo_s, .. } = settings.terminals;
        ours.terminals =
            TerminalSettings { answer_s, reversal_attempts_max, echo_s, ..ours.terminals };
        let names = |of: &Settings| of.networks.iter().map(|one| one.network).collect::<Vec<_>>();
        if names(ours) != names(settings) {
            return;
        }
        ours.bins.clone_from(&settings.bins);
        self.bins = BinTable::new(&settings.bins);
        for (place, theirs) in settings.networks.iter().enumerate() {
            for network in [&mut ours.networks[place], &mut self.networks[place].settings] {
                (network.debit, network.credit) = (theirs.debit, theirs.credit);
            }
        }
    }

    /// Handles a terminal's message (TPDU, header and message) and wipes it.
    pub fn on_terminal_message(
        &mut self,
        connection: TerminalConnection,
        message: &mut [u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        self.handle_terminal_message(connection, message, now, out);
        message.zeroize();
    }

    /// A terminal's connection is closed. Its request continues; the terminal repeats it later.
    pub fn on_terminal_disconnected(&mut self, _line: TerminalConnection) {}

    /// Handles the result of an [`Output::Command`]: durable, or refused.
    pub fn on_command_result(
        &mut self,
        ticket: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        match self.continuations.remove(&ticket) {
            Some(Continuation::Request(id)) => self.on_request_command_result(id, answer, now, out),
            Some(Continuation::Batch(id)) => self.on_batch_command_result(id, answer, now, out),
            Some(Continuation::ReversalAcknowledged(id)) => {
                self.on_reversal_recorded(id, answer, out);
            }
            Some(Continuation::Reversal(id)) => self.on_reversal_begun(id, answer, now, out),
            Some(Continuation::WalletPaid(notification, order, reply_id)) => {
                self.on_order_paid(*notification, &order, reply_id, answer, now, out);
            }
            Some(Continuation::WalletOrderExpired(reply_id)) => {
                reply_order_expired(reply_id, answer, out);
            }
            Some(Continuation::Resumed(id)) => self.on_resumed(id, &answer, now, out),
            Some(Continuation::Expiry) => self.on_expired(answer, now, out),
            Some(Continuation::RetentionScan) => self.on_parcels_forgotten(answer, now, out),
            Some(Continuation::ReportRefusal) => report_refusal(answer, out),
            Some(
                Continuation::QrExpired
                | Continuation::Terminal(..)
                | Continuation::WalletNotification(..)
                | Continuation::WalletQuery(..),
            )
            | None => {}
        }
    }

    /// Handles the result of an [`Output::Query`].
    pub fn on_query_result(
        &mut self,
        ticket: u64,
        result: QueryResult,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        match (self.continuations.remove(&ticket), result) {
            (Some(Continuation::Terminal(connection, message)), QueryResult::Terminal(view)) => {
                self.on_terminal_view(connection, &message, view, now, out);
            }
            (Some(Continuation::Request(id)), result) => {
                self.on_request_query_result(id, result, now, out);
            }
            (Some(Continuation::Batch(id)), result) => {
                self.on_batch_query_result(id, &result, now, out);
            }
            (
                Some(Continuation::WalletNotification(notification, reply_id)),
                QueryResult::Transaction(view),
            ) => {
                self.on_notified_order(notification, reply_id, view, out);
            }
            (Some(Continuation::WalletQuery(wallet, reply_id)), QueryResult::Transaction(view)) => {
                reply_order_status(wallet, reply_id, view, out);
            }
            (Some(Continuation::Expiry), QueryResult::ExpiredPreAuthorisations(unfinished)) => {
                self.reverse_expired(&unfinished, now, out);
            }
            (
                Some(Continuation::RetentionScan),
                QueryResult::ParcelsToForget { before, records, found },
            ) => {
                self.on_records_scanned((before, records, found), now, out);
            }
            _ => {}
        }
    }

    /// A network takes no new payments from this time on. `None` reinstates it.
    pub fn network_withdrawn(&mut self, network: NetworkId, from: Option<Timestamp>) {
        for known in &mut self.networks {
            if known.settings.network == network {
                known.withdrawn_from = from;
            }
        }
    }

    #[must_use]
    pub fn withdrawn_from(&self, network: NetworkId) -> Option<Timestamp> {
        let known = self.networks.iter().find(|known| known.settings.network == network)?;
        known.withdrawn_from
    }

    /// Runs all timers that are due.
    pub fn tick(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::NetworkTimeout(id) => self.on_network_timeout(id, now, out),
                Timer::Resend(id) => self.send_reversal(id, now, out),
                Timer::LinkCheck(link) => self.check_link(link, now, out),
                Timer::QrExpiry(id) => self.expire_qr(id, out),
                Timer::Expiry => self.start_expiry(now, out),
                Timer::RetentionScan => self.continue_retention_scan(out),
            }
        }
    }

    /// The time of the next [`Switch::tick`], if a timer is set.
    #[must_use]
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// Refuses new requests from now on. Requests in flight continue.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Terminal requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.requests.len()
    }

    /// Reversals and refunds that are not acknowledged yet.
    #[must_use]
    pub fn queued_reversals(&self) -> usize {
        self.reversal_queue.len()
    }

    /// The links that are signed on.
    pub fn links_up(&self) -> impl Iterator<Item = LinkId> {
        self.networks.iter().flat_map(|network| {
            let up =
                |index: &usize| network.links[*index].status == crate::link::LinkStatus::SignedOn;
            (0..network.links.len()).filter(up).map(|index| network.link_id(index))
        })
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Outputs a command and remembers what continues after it.
    pub(crate) fn command(&mut self, who: Continuation, command: Command, out: &mut Vec<Output>) {
        let ticket = self.next_id();
        let by = self.actor_of(&who, &command);
        self.continuations.insert(ticket, who);
        out.push(Output::Command { ticket, by, command });
    }

    /// Who gives a command: the terminal that asked, or the network or wallet that answered. An
    /// outcome that nobody reported comes from the system.
    fn actor_of(&self, continuation: &Continuation, command: &Command) -> Actor {
        let by_terminal = match command {
            Command::OpenBatch(command) => Some(command.terminal),
            Command::CloseBatch(command) => Some(command.terminal),
            Command::ReconcileBatch(command) => Some(command.terminal),
            Command::BeginPurchase(command) => Some(command.trace.terminal),
            Command::BeginCompletion(command) => Some(command.trace.terminal),
            Command::BeginVoid(command) => Some(command.trace.terminal),
            Command::BeginRefund(command) => Some(command.trace.terminal),
            Command::RecordOfflineSale(command) => Some(command.trace.terminal),
            Command::TakeCash(command) => Some(command.trace.terminal),
            Command::RecordReversalWithoutOriginal(command) => Some(command.trace.terminal),
            Command::BeginReversal(_) | Command::ReverseVoid(_) => match continuation {
                Continuation::Reversal(id) => {
                    self.starting_reversals.get(id).map(|reversal| reversal.terminal)
                }
                Continuation::Request(id) => {
                    self.requests.get(id).map(|request| request.header.trace().terminal)
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(terminal) = by_terminal {
            return Actor::Terminal(terminal);
        }
        let unknown = PaymentResolution::Unknown;
        match (command, continuation) {
            (Command::ResolvePurchase(command), _) if command.resolution == unknown => {
                Actor::System
            }
            (Command::ResolveCompletion(command), _) if command.resolution == unknown => {
                Actor::System
            }
            (_, Continuation::Request(id)) => {
                let request = self.requests.get(id);
                request.map_or(Actor::System, |request| self.network_actor(request.network_index))
            }
            (_, Continuation::ReversalAcknowledged(id)) => {
                let queued = self.reversal_queue.get(id);
                match queued.map(|queued| queued.reversal.network_index) {
                    Some(Some(network)) => self.network_actor(network),
                    Some(None) => self.wallet_actor(),
                    None => Actor::System,
                }
            }
            (
                _,
                Continuation::WalletPaid(notification, ..)
                | Continuation::WalletNotification(notification, _),
            ) => Actor::Wallet(notification.wallet),
            _ => Actor::System,
        }
    }

    fn network_actor(&self, index: usize) -> Actor {
        let network = self.settings.networks.get(index);
        network.map_or(Actor::System, |network| Actor::Network(network.network))
    }

    fn wallet_actor(&self) -> Actor {
        self.settings.wallet.as_ref().map_or(Actor::System, |wallet| Actor::Wallet(wallet.wallet))
    }

    pub(crate) fn query(&mut self, who: Continuation, query: Query, out: &mut Vec<Output>) {
        let ticket = self.next_id();
        self.continuations.insert(ticket, who);
        out.push(Output::Query { ticket, query });
    }

    pub(crate) fn terminal_keys(&self) -> TerminalKeys<'_> {
        TerminalKeys { keys: &*self.keys, settings: &self.settings }
    }

    /// Index of a card's network in the settings. `None` for wallets, cash and unknown networks.
    pub(crate) fn network_index_of(&self, route: Option<PaymentRoute>) -> Option<usize> {
        match route {
            Some(PaymentRoute::Card { network, .. }) => self.network_index(network),
            _ => None,
        }
    }

    /// Whether the settings have the route's network or wallet.
    pub(crate) fn is_in_settings(&self, route: PaymentRoute) -> bool {
        match route {
            PaymentRoute::Card { network, .. } => self.network_index(network).is_some(),
            PaymentRoute::Qr { wallet } => {
                self.settings.wallet.as_ref().is_some_and(|ours| ours.wallet == wallet)
            }
        }
    }

    /// Index of a network in the settings.
    pub(crate) fn network_index(&self, network: NetworkId) -> Option<usize> {
        self.networks.iter().position(|known| known.settings.network == network)
    }
}
