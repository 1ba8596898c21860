//! What the journal says of the costs of some days, one row for each collection.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use books::chart::{AccountKind, ChartEntry};
use books::{
    Books, BusinessDate, ClearLine, Command, CourierId, Event, FirmId, NetworkId, ParcelId,
    PaymentId, Posting, RailId, RouteCandidate, RouteVerdict, SellerId, TariffId, TerminalId,
    Timestamp,
};
use engine::{CommandOutcome, Engine, Submission};
use journal::{JournalHead, Sequence};
use money::Currency;
use node::NodeNotice;
use node::replay::ReplayObserver;
use tariff::{PaymentMethod, SellerClassNumber};

use super::{ByComponent, CostComponent};
use crate::account_postings::{NOTHING_MORE, replay_days};
use crate::{CommandPosition, ReportError};

/// Days read before the first day: payments that were begun then are collected later. A completion
/// of an older pre-authorisation has no terminal and no route in the report.
const DAYS_BEFORE: u16 = 40;
/// The components that postings have: the first ones of [`CostComponent::ALL`].
pub(crate) const BOOKED: usize = 9;
/// Lines with a drift that are kept for the list.
const DRIFTS_LISTED_MAX: usize = 10_000;

/// What a card payment would have cost by the networks' settings on the day, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteCost {
    pub chosen: NetworkId,
    pub cost: i64,
    /// The default network. `None` if it does not take the card.
    pub default: Option<i64>,
    /// The cheapest that was up.
    pub cheapest_up: i64,
    /// The cheapest that takes the card, whether it was up, down or withdrawn.
    pub cheapest: i64,
}

impl RouteCost {
    fn of(candidates: &[RouteCandidate], default: Option<NetworkId>) -> Option<RouteCost> {
        use RouteVerdict as V;
        let minor = |one: &RouteCandidate| i64::try_from(one.cost.minor()).unwrap_or(i64::MAX);
        let takes =
            |one: &&RouteCandidate| !matches!(one.verdict, V::CardNotAccepted | V::WrongCurrency);
        let chosen = candidates.iter().find(|one| one.verdict == V::Chosen)?;
        let up = candidates
            .iter()
            .filter(|one| matches!(one.verdict, V::Chosen | V::MoreExpensive))
            .map(minor);
        let by_default = candidates.iter().filter(takes).find(|one| Some(one.network) == default);
        Some(RouteCost {
            chosen: chosen.network,
            cost: minor(chosen),
            default: by_default.map(minor),
            cheapest_up: up.min().unwrap_or_else(|| minor(chosen)),
            cheapest: candidates.iter().filter(takes).map(minor).min()?,
        })
    }
}

/// A payment, or with the number 0 what a parcel itself costs.
#[derive(Clone, Copy, Debug)]
pub struct CollectionCost {
    pub payment: PaymentId,
    /// The command that posted it first in these days.
    pub position: CommandPosition,
    pub day: BusinessDate,
    pub seller: Option<SellerId>,
    pub firm: Option<FirmId>,
    pub courier: Option<CourierId>,
    pub terminal: Option<TerminalId>,
    pub rail: Option<RailId>,
    /// `None` for what a parcel itself costs.
    pub method: Option<PaymentMethod>,
    pub currency: Currency,
    /// Collected less reversed in these days, in minor units. Below zero if a collection of an
    /// earlier day was reversed.
    pub amount: i64,
    /// The booked components.
    pub(crate) booked: [i64; BOOKED],
    /// The seller's tariff and class when it was collected in these days.
    pub class: Option<(TariffId, SellerClassNumber)>,
    pub route: Option<RouteCost>,
}

impl CollectionCost {
    /// What the books posted, by component.
    #[must_use]
    pub fn booked(&self) -> ByComponent {
        let mut sums = ByComponent::default();
        for (component, minor) in CostComponent::ALL.into_iter().zip(self.booked) {
            sums.add(component, minor.into());
        }
        sums
    }

    /// One for a collection that stands, minus one for an earlier one that was reversed.
    #[must_use]
    pub fn count(&self) -> i64 {
        self.amount.signum()
    }

    fn is_nothing(&self) -> bool {
        self.amount == 0 && self.booked.iter().all(|minor| *minor == 0)
    }
}

/// What a network or wallet kept back with a line of its file beyond the tariff, in minor units.
#[derive(Clone, Copy, Debug)]
pub struct FeeDrift {
    pub rail: RailId,
    pub position: CommandPosition,
    pub file: u32,
    pub line: u32,
    pub payment: Option<PaymentId>,
    pub kept: i128,
    /// By the tariff.
    pub expected: i128,
}

/// Sums of a rail's lines.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeptSums {
    pub lines: u64,
    pub kept: i128,
    pub too_much: i128,
    pub too_little: i128,
    pub drifted: u64,
}

/// What happened on a terminal.
#[derive(Clone, Debug, Default)]
pub(crate) struct TerminalUse {
    /// In the days that were read.
    pub registered: Option<BusinessDate>,
    pub active: BTreeSet<BusinessDate>,
    pub unknowns: u64,
}

/// The costs of some days.
#[derive(Debug)]
pub struct CostBook {
    pub from: BusinessDate,
    pub until: BusinessDate,
    /// In the order of their first postings.
    pub rows: Vec<CollectionCost>,
    /// The network with which routes are compared.
    pub default_network: Option<NetworkId>,
    /// The first 10,000 lines whose fee is not the tariff's.
    pub drifts: Vec<FeeDrift>,
    pub(crate) kept: BTreeMap<RailId, KeptSums>,
    pub(crate) terminals: BTreeMap<TerminalId, TerminalUse>,
    /// Hand-overs counted and deposits confirmed, by firm.
    pub(crate) counts: BTreeMap<FirmId, [u64; 2]>,
    /// The books after the last day.
    pub(crate) engine: Engine,
}

impl CostBook {
    /// Reads the days `from` to `until` of a journal. Another process may be changing it.
    /// `default_network` is a reference; without it, the network that the books have first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn read(
        data: &Path,
        (from, until): (BusinessDate, BusinessDate),
        default_network: Option<&str>,
        on_notice: &dyn Fn(NodeNotice),
    ) -> Result<CostBook, ReportError> {
        let reader = |engine: &Engine, batch: Sequence| CostReader {
            days: (from, until),
            wanted_default: default_network,
            default_network: find_default(engine.books(), default_network),
            position: CommandPosition { batch: batch.next(), index: 0 },
            pending: HashMap::new(),
            places: HashMap::new(),
            carriers: HashMap::new(),
            rows: Vec::new(),
            drifts: Vec::new(),
            kept: BTreeMap::new(),
            terminals: BTreeMap::new(),
            deposits: HashMap::new(),
            counts: BTreeMap::new(),
        };
        let first = from.minus_days(DAYS_BEFORE);
        let (mut read, engine) = replay_days(data, first, on_notice, reader)?;
        read.rows.retain(|row| !row.is_nothing());
        Ok(CostBook {
            from,
            until,
            rows: read.rows,
            default_network: find_default(engine.books(), default_network),
            drifts: read.drifts,
            kept: read.kept,
            terminals: read.terminals,
            counts: read.counts,
            engine,
        })
    }

    #[must_use]
    pub fn books(&self) -> &Books {
        self.engine.books()
    }
}

fn find_default(books: &Books, wanted: Option<&str>) -> Option<NetworkId> {
    let mut networks = books.rail_views().filter_map(|rail| match rail.id {
        RailId::Network(id) => Some((id, rail.reference)),
        RailId::Wallet(_) => None,
    });
    let found = networks.find(|(_, name)| wanted.is_none_or(|wanted| wanted == *name));
    found.map(|(id, _)| id)
}

/// A payment that is begun.
#[derive(Clone, Copy)]
struct Pending {
    terminal: Option<TerminalId>,
    route: Option<RouteCost>,
}

struct CostReader<'a> {
    days: (BusinessDate, BusinessDate),
    wanted_default: Option<&'a str>,
    default_network: Option<NetworkId>,
    position: CommandPosition,
    pending: HashMap<PaymentId, Pending>,
    /// The rows of payments of these days.
    places: HashMap<PaymentId, usize>,
    /// The firms that parcels were given to last.
    carriers: HashMap<ParcelId, FirmId>,
    rows: Vec<CollectionCost>,
    drifts: Vec<FeeDrift>,
    kept: BTreeMap<RailId, KeptSums>,
    terminals: BTreeMap<TerminalId, TerminalUse>,
    deposits: HashMap<books::DepositId, FirmId>,
    counts: BTreeMap<FirmId, [u64; 2]>,
}

impl ReplayObserver for CostReader<'_> {
    fn command(
        &mut self,
        submission: &Submission,
        _: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        self.position.index += 1;
        let (books, date) = (engine.books(), engine.books().last_date());
        let (from, until) = self.days;
        if date > until {
            return Err(NOTHING_MORE.to_owned());
        }
        let Some(command) = submission.command.of_books() else { return Ok(()) };
        if let Command::RegisterNetwork(_) = command {
            self.default_network = find_default(books, self.wanted_default);
        }
        if let Command::RegisterTerminal(one) = command {
            self.terminals.entry(one.terminal).or_default().registered = Some(date);
        }
        let is_wanted = date >= from;
        self.note_begun(command, &outcome.books.events, date, is_wanted);
        if is_wanted {
            self.add_postings(&outcome.books, books, date);
            if let Command::ClearLine(line) = command {
                self.add_line(line, &outcome.books.postings);
            }
        }
        for event in &outcome.books.events {
            self.event(event, books, is_wanted);
        }
        Ok(())
    }

    fn batch(&mut self, head: JournalHead, _: &Engine) -> Result<(), String> {
        self.position = CommandPosition { batch: head.sequence.next(), index: 0 };
        Ok(())
    }
}

/// The terminal of a command that takes money.
fn terminal_of(command: &Command) -> Option<TerminalId> {
    match command {
        Command::BeginPurchase(one) => Some(one.trace.terminal),
        Command::TakeCash(one) => Some(one.trace.terminal),
        Command::RecordOfflineSale(one) => Some(one.trace.terminal),
        Command::BeginCompletion(one) => Some(one.trace.terminal),
        _ => None,
    }
}

impl CostReader<'_> {
    /// Remembers the terminal and the route of the payment that a command begins.
    fn note_begun(
        &mut self,
        command: &Command,
        events: &[Event],
        date: BusinessDate,
        is_wanted: bool,
    ) {
        let Some(terminal) = terminal_of(command) else { return };
        if is_wanted {
            self.terminals.entry(terminal).or_default().active.insert(date);
        }
        let Some(payment) = events.iter().find_map(Event::payment) else { return };
        let route = events.iter().find_map(|event| match event {
            Event::PaymentRouted { route_candidates, .. } => {
                RouteCost::of(route_candidates, self.default_network)
            }
            _ => None,
        });
        let known = self.pending.get(&payment).and_then(|known| known.route);
        let begun = Pending { terminal: Some(terminal), route: route.or(known) };
        self.pending.insert(payment, begun);
    }

    fn event(&mut self, event: &Event, books: &Books, is_wanted: bool) {
        match event {
            Event::PaymentUnknown { payment } | Event::CompletionUnknown { payment } => {
                let terminal = self.pending.get(payment).and_then(|known| known.terminal);
                if let Some(terminal) = terminal.filter(|_| is_wanted) {
                    self.terminals.entry(terminal).or_default().unknowns += 1;
                }
            }
            // An unknown payment stays: it may still be collected.
            Event::PaymentDeclined { payment } | Event::PaymentReversed { payment, .. } => {
                self.pending.remove(payment);
            }
            Event::PaymentCollected { payment, tariff, class, .. } => {
                self.pending.remove(payment);
                if let Some(place) = self.places.get(payment) {
                    self.rows[*place].class = Some((tariff.tariff, *class));
                }
            }
            Event::ParcelAssigned { parcel, firm } => {
                self.carriers.insert(*parcel, *firm);
            }
            Event::ParcelDelivered { parcel, .. } | Event::ParcelReturned { parcel, .. } => {
                self.carriers.remove(parcel);
            }
            Event::FreightCharged { parcel, firm, .. }
            | Event::FreightReversed { parcel, firm, .. } => {
                let parcel = PaymentId { parcel: *parcel, number: 0 };
                if let Some(place) = self.places.get(&parcel) {
                    self.rows[*place].firm = Some(*firm);
                }
            }
            Event::HandOverCounted { courier, .. } if is_wanted => {
                if let Some(firm) = books.courier_firm(*courier) {
                    self.counts.entry(firm).or_default()[0] += 1;
                }
            }
            Event::DepositAnnounced { deposit, firm, .. } => {
                self.deposits.insert(*deposit, *firm);
            }
            Event::DepositConfirmed { deposit, .. } => {
                if let Some(firm) = self.deposits.remove(deposit).filter(|_| is_wanted) {
                    self.counts.entry(firm).or_default()[1] += 1;
                }
            }
            _ => {}
        }
    }

    fn add_postings(&mut self, out: &books::CommandOutcome, books: &Books, date: BusinessDate) {
        let returned = out.events.iter().any(|event| matches!(event, Event::ParcelReturned { .. }));
        for posting in out.postings.iter().filter(|posting| posting.moves_money()) {
            let Some(id) = posting.payment else { continue };
            let Some(change) = Change::of(posting, books, returned) else { continue };
            let place = match self.places.get(&id) {
                Some(place) => *place,
                None => self.new_row(id, posting, books, date),
            };
            let row = &mut self.rows[place];
            let minor = i64::try_from(posting.amount.minor()).unwrap_or(i64::MAX);
            match change {
                Change::Amount(sign) => row.amount += sign * minor,
                Change::Cost(component, sign) => {
                    row.booked[component as usize] += sign * minor;
                }
                Change::AtDoor(sign) => {
                    let component = match row.method {
                        Some(PaymentMethod::Cash) => CostComponent::CashHandling,
                        _ => CostComponent::Door,
                    };
                    row.booked[component as usize] += sign * minor;
                }
            }
        }
    }

    fn new_row(
        &mut self,
        id: PaymentId,
        posting: &Posting,
        books: &Books,
        day: BusinessDate,
    ) -> usize {
        let pending = self.pending.get(&id).copied();
        let parcel = books.listed_parcel(id.parcel);
        let view = books.payment_with_id(id);
        let debit = books.account_view(posting.debit);
        let row = CollectionCost {
            payment: id,
            position: self.position,
            day,
            seller: parcel.map(|one| one.view.seller),
            // The books do not keep who had a parcel that ended without a payment.
            firm: parcel
                .and_then(|one| one.firm)
                .or_else(|| self.carriers.get(&id.parcel).copied()),
            courier: parcel.and_then(|one| one.courier),
            terminal: pending.and_then(|one| one.terminal),
            rail: books.payment_rail(id),
            method: view.map(|one| one.method),
            currency: debit.map_or(Currency::CNY, |account| account.currency),
            amount: 0,
            booked: [0; BOOKED],
            class: None,
            route: pending.and_then(|one| one.route),
        };
        self.rows.push(row);
        self.places.insert(id, self.rows.len() - 1);
        self.rows.len() - 1
    }

    fn add_line(&mut self, line: &ClearLine, postings: &[Posting]) {
        let sum = |entry: ChartEntry| {
            let of = postings.iter().filter(|one| one.entry == entry && one.moves_money());
            of.map(|one| i128::from(one.amount.minor())).sum::<i128>()
        };
        let (much, little) = (sum(ChartEntry::DeductedTooMuch), sum(ChartEntry::DeductedTooLittle));
        let kept = i128::from(line.deducted.minor());
        let sums = self.kept.entry(line.rail).or_default();
        sums.lines += 1;
        sums.kept += kept;
        sums.too_much += much;
        sums.too_little += little;
        if much == little {
            return;
        }
        sums.drifted += 1;
        if self.drifts.len() < DRIFTS_LISTED_MAX {
            self.drifts.push(FeeDrift {
                rail: line.rail,
                position: self.position,
                file: line.file,
                line: line.line,
                payment: line.payment,
                kept,
                expected: kept - much + little,
            });
        }
    }
}

/// What a posting changes of a row, with its sign.
enum Change {
    Amount(i64),
    Cost(CostComponent, i64),
    /// COD fee or commission: of cash or of another method.
    AtDoor(i64),
}

impl Change {
    fn of(posting: &Posting, books: &Books, returned: bool) -> Option<Change> {
        use ChartEntry as E;
        let kind = |account| books.account_view(account).map(|account| account.kind);
        let fee = |account, sign| match kind(account)? {
            AccountKind::IssuerFees => Some(Change::Cost(CostComponent::Issuer, sign)),
            AccountKind::NetworkFees => Some(Change::Cost(CostComponent::Network, sign)),
            AccountKind::AcquirerFees => Some(Change::Cost(CostComponent::Acquirer, sign)),
            AccountKind::WalletFees => Some(Change::Cost(CostComponent::Wallet, sign)),
            AccountKind::CodFees => Some(Change::AtDoor(sign)),
            AccountKind::VatPayable => Some(Change::Cost(CostComponent::Vat, sign)),
            _ => None,
        };
        let held = |account| kind(account) == Some(AccountKind::SellerHeld);
        match posting.entry {
            E::CardCollected | E::QrCollected | E::CashCollected => Some(Change::Amount(1)),
            E::SuspendedSaleBooked if held(posting.credit) => Some(Change::Amount(1)),
            E::CollectionReversed => Some(Change::Amount(-1)),
            E::OfflineSaleRejected if held(posting.debit) => Some(Change::Amount(-1)),
            E::FeeCharged => fee(posting.credit, 1),
            E::FeeReversed => fee(posting.debit, -1),
            E::CommissionEarned => Some(Change::AtDoor(1)),
            E::CommissionReversed => Some(Change::AtDoor(-1)),
            E::ReturnCharged => Some(Change::Cost(CostComponent::Returns, 1)),
            E::FreightCharged if returned => Some(Change::Cost(CostComponent::Returns, 1)),
            E::FreightCharged => Some(Change::Cost(CostComponent::Freight, 1)),
            E::VatCharged => Some(Change::Cost(CostComponent::Vat, 1)),
            E::FreightReversed => match kind(posting.debit)? {
                AccountKind::VatPayable => Some(Change::Cost(CostComponent::Vat, -1)),
                _ => Some(Change::Cost(CostComponent::Freight, -1)),
            },
            _ => None,
        }
    }
}

/// The parcels of rows, each once.
pub(crate) fn parcels_of<'r>(rows: impl Iterator<Item = &'r CollectionCost>) -> BTreeSet<ParcelId> {
    rows.map(|row| row.payment.parcel).collect()
}
