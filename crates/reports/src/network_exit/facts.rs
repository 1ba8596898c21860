//! What the whole journal says of a network: who used it and until when, how its files came, who
//! withdrew it, and where the payments went that it would have taken.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use books::chart::AccountKind;
use books::{
    Books, BusinessDate, ClearLineKind, Command, Event, FirmId, NetworkId, PaymentId, PaymentRoute,
    PersonId, RailId, RouteCandidate, RouteVerdict, SellerId, TerminalId, Timestamp,
};
use engine::{CommandOutcome, Engine, Submission};
use journal::{JournalHead, Sequence};
use ledger::AccountNumber;
use node::replay::ReplayObserver;
use serde::Serialize;

use crate::books::replay_all;
use crate::{CommandPosition, ReportError, local_time};

/// A withdrawal or reinstatement.
#[derive(Clone, Debug, Serialize)]
pub struct ExitStep {
    pub position: String,
    /// Local time of the command.
    pub at: String,
    /// Whether it withdraws the network, or reinstates it.
    pub withdraws: bool,
    /// Local time from which a withdrawal holds.
    pub from: Option<String>,
    pub proposed_by: PersonId,
    pub approved_by: PersonId,
}

/// Payments that went elsewhere, or that nobody else takes. Amounts in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MovedSums {
    pub payments: u64,
    pub amount: u128,
    /// What the other network costs more, by the networks' settings. Below zero: less.
    pub extra: i128,
}

impl MovedSums {
    fn add(&mut self, amount: u64, extra: i128) {
        self.payments += 1;
        self.amount += u128::from(amount);
        self.extra += extra;
    }

    pub(crate) fn add_all(&mut self, other: &MovedSums) {
        self.payments += other.payments;
        self.amount += other.amount;
        self.extra += other.extra;
    }
}

/// Purchases of a day over the network: what routing says about life without it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RouteDay {
    pub begun: u64,
    pub approved: u64,
    pub declined: u64,
    /// Another network took the card and was up.
    pub replaceable: MovedSums,
    /// Another network takes the card, but was down or had too many unknown payments.
    pub others_down: MovedSums,
    /// No other network takes the card.
    pub only_here: MovedSums,
}

impl RouteDay {
    pub(crate) fn add_all(&mut self, other: &RouteDay) {
        self.begun += other.begun;
        self.approved += other.approved;
        self.declined += other.declined;
        self.replaceable.add_all(&other.replaceable);
        self.others_down.add_all(&other.others_down);
        self.only_here.add_all(&other.only_here);
    }
}

/// A range of card numbers of the settings, by its prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CardRangeUse {
    pub first_digits: String,
    /// The networks that take these cards, by reference.
    pub networks: Vec<String>,
}

/// What the journal says of a network.
#[derive(Debug)]
pub struct ExitFacts {
    pub network: NetworkId,
    pub steps: Vec<ExitStep>,
    /// The start of the withdrawal that holds.
    pub(crate) withdrawn_on: Option<BusinessDate>,
    /// Local times.
    pub last_route: Option<String>,
    pub last_capture: Option<String>,
    pub(crate) last_capture_day: Option<BusinessDate>,
    pub last_refund: Option<String>,
    pub last_chargeback: Option<String>,
    pub last_file: Option<String>,
    /// The last days on which they used it.
    pub(crate) terminals: BTreeMap<TerminalId, BusinessDate>,
    pub(crate) sellers: BTreeMap<SellerId, BusinessDate>,
    pub(crate) firms: BTreeMap<FirmId, BusinessDate>,
    /// By day of the purchase.
    pub days: BTreeMap<BusinessDate, RouteDay>,
    /// Card purchases over other networks since the withdrawal: begun, approved, declined.
    pub(crate) others_since: [u64; 3],
    /// Since the withdrawal, by the network that was chosen.
    pub(crate) moved: BTreeMap<NetworkId, MovedSums>,
    /// How many payments were settled how many days after their collection, and on which day last.
    pub(crate) lags: BTreeMap<u16, u64>,
    /// The receivable at the end of each day on which it changed, in minor units.
    pub run_down: BTreeMap<BusinessDate, i128>,
    /// The books at the end.
    pub(crate) engine: Engine,
    pub(crate) position: CommandPosition,
}

impl ExitFacts {
    /// Reads the whole journal of a data directory. Another process may be appending. `network` is
    /// a reference. `None` if the books have no such network.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn read(data: &Path, network: &str) -> Result<Option<ExitFacts>, ReportError> {
        let first = CommandPosition { batch: Sequence::FIRST, index: 0 };
        let mut reader = FactReader { wanted: network, position: first, ..FactReader::default() };
        let (engine, replayed) = replay_all(data, &mut reader)?;
        let Some(id) = reader.network else { return Ok(None) };
        let position = CommandPosition { batch: replayed.head.sequence, index: 0 };
        let withdrawn = engine.books().network_view(id).and_then(|view| view.withdrawn_from);
        Ok(Some(ExitFacts {
            network: id,
            steps: reader.steps,
            withdrawn_on: withdrawn.map(|from| date_of(engine.books(), from)),
            last_route: reader.last_route,
            last_capture: reader.last_capture.clone().map(|(at, _)| at),
            last_capture_day: reader.last_capture.map(|(_, day)| day),
            last_refund: reader.last_refund,
            last_chargeback: reader.last_chargeback,
            last_file: reader.last_file,
            terminals: reader.terminals,
            sellers: reader.sellers,
            firms: reader.firms,
            days: reader.days,
            others_since: reader.others_since,
            moved: reader.moved,
            lags: reader.lags,
            run_down: reader.run_down,
            engine,
            position,
        }))
    }

    #[must_use]
    pub fn books(&self) -> &Books {
        self.engine.books()
    }

    /// The days from `from` on, added up.
    pub(crate) fn since(&self, from: BusinessDate) -> RouteDay {
        let mut sum = RouteDay::default();
        for (_, day) in self.days.range(from..) {
            sum.add_all(day);
        }
        sum
    }
}

pub(crate) fn date_of(books: &Books, at: Timestamp) -> BusinessDate {
    at.business_date(books.utc_offset_minutes_at(at).unwrap_or(0))
}

#[derive(Default)]
struct FactReader<'a> {
    wanted: &'a str,
    network: Option<NetworkId>,
    /// Its receivable, and the balance.
    account: Option<(AccountNumber, i128)>,
    steps: Vec<ExitStep>,
    last_route: Option<String>,
    last_capture: Option<(String, BusinessDate)>,
    last_refund: Option<String>,
    last_chargeback: Option<String>,
    last_file: Option<String>,
    terminals: BTreeMap<TerminalId, BusinessDate>,
    sellers: BTreeMap<SellerId, BusinessDate>,
    firms: BTreeMap<FirmId, BusinessDate>,
    days: BTreeMap<BusinessDate, RouteDay>,
    others_since: [u64; 3],
    moved: BTreeMap<NetworkId, MovedSums>,
    /// The days on which purchases were begun that are not answered: over the network or another.
    begun: HashMap<PaymentId, (BusinessDate, bool)>,
    /// The days of collections that no file has settled.
    collected: HashMap<PaymentId, BusinessDate>,
    lags: BTreeMap<u16, u64>,
    run_down: BTreeMap<BusinessDate, i128>,
    position: CommandPosition,
}

impl ReplayObserver for FactReader<'_> {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        self.position.index += 1;
        let books = engine.books();
        let Some(command) = submission.command.of_books() else { return Ok(()) };
        if let Command::RegisterNetwork(one) = command
            && one.reference == self.wanted
        {
            self.network = Some(one.network);
        }
        let Some(network) = self.network else { return Ok(()) };
        self.step(command, network, at, books);
        self.money(&outcome.books, network, books);
        for event in &outcome.books.events {
            self.event(event, (network, command), at, books);
        }
        if let Command::ClearLine(line) = command
            && line.rail == RailId::Network(network)
        {
            self.last_file = Some(local_time(books, at));
            let settles = matches!(
                line.kind,
                ClearLineKind::Sale | ClearLineKind::Completion | ClearLineKind::Offline
            );
            let day = line.payment.filter(|_| settles);
            if let Some(day) = day.and_then(|payment| self.collected.remove(&payment)) {
                let lag = books.last_date().0.saturating_sub(day.0);
                *self.lags.entry(lag).or_default() += 1;
            }
        }
        Ok(())
    }

    fn batch(&mut self, head: JournalHead, _: &Engine) -> Result<(), String> {
        self.position = CommandPosition { batch: head.sequence.next(), index: 0 };
        Ok(())
    }
}

impl FactReader<'_> {
    fn step(&mut self, command: &Command, network: NetworkId, at: Timestamp, books: &Books) {
        let (withdraws, from, proposed_by, approved_by) = match command {
            Command::WithdrawNetwork(one) if one.network == network => {
                // What the withdrawal before moved is not of this one.
                (self.moved, self.others_since) = (BTreeMap::new(), [0; 3]);
                let from = one.from.max(at);
                (true, Some(local_time(books, from)), one.proposed_by, one.approved_by)
            }
            Command::ReinstateNetwork(one) if one.network == network => {
                (false, None, one.proposed_by, one.approved_by)
            }
            _ => return,
        };
        let (position, at) = (self.position.to_string(), local_time(books, at));
        self.steps.push(ExitStep { position, at, withdraws, from, proposed_by, approved_by });
    }

    fn money(&mut self, out: &books::CommandOutcome, network: NetworkId, books: &Books) {
        for posting in out.postings.iter().filter(|posting| posting.moves_money()) {
            let number = match self.account {
                Some((number, _)) => number,
                None => {
                    let is_own = |number: &AccountNumber| {
                        books.account_view(*number).is_some_and(|account| {
                            account.kind == AccountKind::NetworkReceivable
                                && account.owner == network.0
                        })
                    };
                    let accounts = [posting.debit, posting.credit];
                    let Some(number) = accounts.into_iter().find(is_own) else { continue };
                    self.account = Some((number, 0));
                    number
                }
            };
            let minor = i128::from(posting.amount.minor());
            let change = match (posting.debit == number, posting.credit == number) {
                (true, false) => minor,
                (false, true) => -minor,
                _ => continue,
            };
            if let Some((_, balance)) = &mut self.account {
                *balance += change;
                self.run_down.insert(books.last_date(), *balance);
            }
        }
    }

    fn event(
        &mut self,
        event: &Event,
        (network, command): (NetworkId, &Command),
        at: Timestamp,
        books: &Books,
    ) {
        let today = books.last_date();
        let is_own =
            |payment: &PaymentId| books.payment_rail(*payment) == Some(RailId::Network(network));
        match event {
            Event::PaymentRouted { payment, route_candidates } => {
                let Command::BeginPurchase(begun) = command else { return };
                let PaymentRoute::Card { network: chosen, .. } = begun.route else { return };
                let amount = begun.amount.minor();
                let here = chosen == network;
                self.begun.insert(*payment, (today, here));
                if here {
                    self.last_route = Some(local_time(books, at));
                    self.terminals.insert(begun.trace.terminal, today);
                    if let Some(terminal) = books.terminal_view(begun.trace.terminal) {
                        self.firms.insert(terminal.firm, today);
                    }
                    if let Some(parcel) = books.parcel_view(begun.parcel) {
                        self.sellers.insert(parcel.seller, today);
                    }
                    let day = self.days.entry(today).or_default();
                    day.begun += 1;
                    note_alternatives(day, network, route_candidates, amount);
                } else {
                    self.others_since[0] += 1;
                    self.note_moved(network, chosen, route_candidates, amount);
                }
            }
            Event::PaymentCollected { payment, .. } => {
                if is_own(payment) {
                    self.collected.insert(*payment, today);
                    self.last_capture = Some((local_time(books, at), today));
                }
                self.answered(payment, true);
            }
            Event::PaymentAuthorised { payment } => self.answered(payment, true),
            Event::PaymentDeclined { payment } => self.answered(payment, false),
            Event::PaymentReversed { payment, .. } => {
                self.begun.remove(payment);
                self.collected.remove(payment);
            }
            Event::OfflineSaleRejected { payment, .. } => drop(self.collected.remove(payment)),
            Event::Refunded { payment, .. } | Event::RefundForwarded { payment, .. }
                if is_own(payment) =>
            {
                self.last_refund = Some(local_time(books, at));
            }
            Event::ChargedBack { payment, .. } if is_own(payment) => {
                self.last_chargeback = Some(local_time(books, at));
            }
            _ => {}
        }
    }

    fn answered(&mut self, payment: &PaymentId, approved: bool) {
        let Some((day, here)) = self.begun.remove(payment) else { return };
        if here {
            let day = self.days.entry(day).or_default();
            day.approved += u64::from(approved);
            day.declined += u64::from(!approved);
        } else {
            self.others_since[if approved { 1 } else { 2 }] += 1;
        }
    }

    /// A payment that this network would have taken, were it not withdrawn.
    fn note_moved(
        &mut self,
        network: NetworkId,
        chosen: NetworkId,
        candidates: &[RouteCandidate],
        amount: u64,
    ) {
        let find = |wanted| candidates.iter().find(|one| one.network == wanted);
        let (Some(own), Some(other)) = (find(network), find(chosen)) else { return };
        if own.verdict == RouteVerdict::Withdrawn {
            let extra = i128::from(other.cost.minor()) - i128::from(own.cost.minor());
            self.moved.entry(chosen).or_default().add(amount, extra);
        }
    }
}

/// What a purchase over the network says of life without it.
fn note_alternatives(
    day: &mut RouteDay,
    network: NetworkId,
    candidates: &[RouteCandidate],
    amount: u64,
) {
    use RouteVerdict as V;
    let cost = |one: &RouteCandidate| i128::from(one.cost.minor());
    let own = candidates.iter().find(|one| one.network == network).map_or(0, cost);
    let others = candidates.iter().filter(|one| one.network != network);
    let cheapest = |wanted: &[V]| {
        let of = others.clone().filter(|one| wanted.contains(&one.verdict));
        of.map(cost).min()
    };
    if let Some(other) = cheapest(&[V::MoreExpensive]) {
        day.replaceable.add(amount, other - own);
    } else if let Some(other) = cheapest(&[V::Down, V::TooManyUnknown]) {
        day.others_down.add(amount, other - own);
    } else {
        day.only_here.add(amount, 0);
    }
}
