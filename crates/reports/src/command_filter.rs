//! Which commands of the journal are wanted: by parcel, seller, terminal, person, day, position.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use books::chart::{AccountKind, ChartEntry};
use books::{
    BusinessDate, Command, CourierId, Event, HandOverId, ParcelId, PaymentId, PayoutId, PayoutLine,
    PersonId, PlanId, Posting, SellerId, TerminalId,
};
use engine::{Actor, Engine};
use money::Currency;
use serde_json::Value;

use crate::CommandPosition;
use crate::commands::{Observed, UnknownCondition};

/// Which commands are wanted. A command must meet every condition that is set.
#[derive(Clone, Debug, Default)]
pub struct CommandFilter {
    /// A parcel's id, or its order's reference. Finds each command that concerns the parcel:
    /// commands and events that name it or its payments, hand-overs with its cash, and the
    /// settlement plans and payouts that pay its money.
    pub parcel: Option<String>,
    /// A seller's id or reference. Finds commands on the seller, its parcels and its payouts.
    pub seller: Option<String>,
    /// Finds the terminal's commands, commands that name it, and commands that name a payment begun
    /// on it.
    pub terminal: Option<TerminalId>,
    /// Finds the person's commands, and commands that name the person. A courier's person id is the
    /// courier's id.
    pub person: Option<PersonId>,
    /// The business date of the commands.
    pub day: Option<BusinessDate>,
    /// The first position.
    pub from: Option<CommandPosition>,
}

/// Follows what a filter looks for through the journal.
#[derive(Debug)]
pub(crate) struct FilterState {
    filter: CommandFilter,
    parcel: Option<Story>,
    seller: Option<Story>,
    /// Remembered payments that were begun on the wanted terminal.
    terminal_payments: BTreeSet<PaymentId>,
}

impl FilterState {
    pub(crate) fn new(filter: &CommandFilter) -> FilterState {
        FilterState {
            filter: filter.clone(),
            parcel: filter.parcel.as_deref().map(|text| Story::new(Wanted::Parcel(text.into()))),
            seller: filter.seller.as_deref().map(|text| Story::new(Wanted::Seller(text.into()))),
            terminal_payments: BTreeSet::new(),
        }
    }

    /// No later command can be wanted.
    pub(crate) fn is_past(&self, date: BusinessDate) -> bool {
        self.filter.day.is_some_and(|day| date > day)
    }

    /// Whether the command is wanted. Must see every command, to follow the money.
    pub(crate) fn wants(&mut self, observed: &mut Observed<'_>) -> bool {
        let mut wanted = self.filter.day.is_none_or(|day| day == observed.date);
        wanted &= self.filter.from.is_none_or(|from| from <= observed.position);
        for story in [&mut self.parcel, &mut self.seller].into_iter().flatten() {
            wanted &= story.concerns(observed);
        }
        if let Some(terminal) = self.filter.terminal {
            wanted &= self.concerns_terminal(terminal, observed);
        }
        if let Some(person) = self.filter.person {
            wanted &= observed.submission.by == Actor::Person(person)
                || observed.names(&["PersonId", "CourierId"], &person.to_string());
        }
        wanted
    }

    /// The condition that no command of the whole journal can meet.
    pub(crate) fn unknown(&self, engine: &Engine) -> Option<UnknownCondition> {
        let is_unknown = |story: &Option<Story>| story.as_ref().is_some_and(|story| !story.known);
        if is_unknown(&self.parcel) {
            return Some(UnknownCondition::Parcel);
        }
        if is_unknown(&self.seller) {
            return Some(UnknownCondition::Seller);
        }
        let terminal = self.filter.terminal?;
        let known = engine.books().terminal_view(terminal).is_some();
        (!known).then_some(UnknownCondition::Terminal)
    }

    /// Whether an event or posting concerns the wanted parcel and seller.
    pub(crate) fn stories(&self) -> impl Iterator<Item = &Story> {
        [&self.parcel, &self.seller].into_iter().flatten()
    }

    fn concerns_terminal(&mut self, terminal: TerminalId, observed: &mut Observed<'_>) -> bool {
        let named = observed.names(&["TerminalId"], &terminal.to_string());
        let mut found = named || observed.submission.by == Actor::Terminal(terminal);
        let payments = &mut self.terminal_payments;
        if !payments.is_empty() {
            observed.visit(&mut |name, value| {
                found |= name == "PaymentId"
                    && serde_json::from_value(value.clone())
                        .is_ok_and(|payment| payments.contains(&payment));
            });
        }
        for event in &observed.outcome.books.events {
            match event {
                Event::PaymentBegun { payment }
                | Event::PaymentCollected { payment, .. }
                | Event::OfflineSaleSuspended { payment, .. }
                    if named =>
                {
                    payments.insert(*payment);
                }
                Event::ParcelForgotten { parcel } => {
                    payments.retain(|payment| payment.parcel != *parcel);
                }
                _ => {}
            }
        }
        found
    }
}

#[derive(Debug)]
enum Wanted {
    /// An id, or an order's reference.
    Parcel(String),
    /// An id or a reference.
    Seller(String),
}

/// Where the cash of a payment is until it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CashPlace {
    InHand(CourierId),
    HandedOver(CourierId, HandOverId),
}

/// A seller's account in a currency.
type SellerAccount = (SellerId, Currency);

/// Follows parcels from their announcement to their payout. What it keeps is bounded by what the
/// books remember.
#[derive(Debug)]
pub(crate) struct Story {
    wanted: Wanted,
    /// The wanted parcel was announced, or the wanted seller registered.
    known: bool,
    parcels: HashSet<ParcelId>,
    /// Wanted with all their parcels and payouts.
    sellers: BTreeSet<SellerId>,
    uncounted_cash: BTreeMap<PaymentId, CashPlace>,
    /// Their next payout pays, or is reduced by, money of a wanted parcel.
    next_payout: BTreeSet<SellerAccount>,
    /// Open plans with such payouts.
    plans: BTreeMap<PlanId, Vec<(PayoutId, SellerAccount)>>,
    payouts: BTreeSet<PayoutId>,
    /// Those whom the plan of the last command pays, or does not pay after all, and whether it is a
    /// plan of others, too.
    of_plan: BTreeSet<SellerAccount>,
    with_others: bool,
}

impl Story {
    fn new(wanted: Wanted) -> Story {
        Story {
            wanted,
            known: false,
            parcels: HashSet::new(),
            sellers: BTreeSet::new(),
            uncounted_cash: BTreeMap::new(),
            next_payout: BTreeSet::new(),
            plans: BTreeMap::new(),
            payouts: BTreeSet::new(),
            of_plan: BTreeSet::new(),
            with_others: false,
        }
    }

    /// Whether the command concerns the story.
    fn concerns(&mut self, observed: &mut Observed<'_>) -> bool {
        let outcome = observed.outcome;
        for (command, _) in outcome.of_books(observed.submission) {
            self.learn(command);
        }
        self.of_plan.clear();
        self.with_others = false;
        if self.parcels.is_empty() && self.sellers.is_empty() {
            return false;
        }
        let mut found = self.follows_cash(observed);
        observed.visit(&mut |name, value| found |= self.names(name, value));
        let events = observed.events();
        found |= events.iter().any(|event| self.concerns_event(event));
        for event in &outcome.books.events {
            found |= self.follow_payout(event) | self.follow_hand_over(event);
        }
        found
    }

    /// Whether the last command was on a plan, whose payouts can be those of others.
    pub(crate) fn is_paid_with_others(&self) -> bool {
        self.with_others
    }

    /// Whether an event, in its JSON form, names a wanted parcel or seller, or is of a whole plan.
    pub(crate) fn concerns_event(&self, event: &Value) -> bool {
        let seller = event.get("seller").and_then(Value::as_str);
        let is_paid = |id: &str| self.of_plan.iter().any(|(seller, _)| seller.to_string() == id);
        if self.with_others && seller.is_none_or(is_paid) {
            return true;
        }
        let parcel = event.get("parcel").or_else(|| event.get("payment")?.get("parcel"));
        parcel.is_some_and(|id| self.names("ParcelId", id))
            || event.get("seller").is_some_and(|id| self.names("SellerId", id))
    }

    /// Whether a posting is of a wanted parcel, or changes a wanted seller's balance.
    pub(crate) fn concerns_posting(&self, posting: &Posting, engine: &Engine) -> bool {
        posting.payment.is_some_and(|payment| self.parcels.contains(&payment.parcel))
            || [posting.debit, posting.credit].into_iter().any(|number| {
                let account = engine.books().account_view(number);
                account.is_some_and(|account| {
                    let of_seller = matches!(
                        account.kind,
                        AccountKind::SellerHeld
                            | AccountKind::SellerPayable
                            | AccountKind::SellerReceivable
                    );
                    let seller = SellerId(account.owner);
                    let in_plan = self.of_plan.contains(&(seller, account.currency));
                    of_seller && (self.sellers.contains(&seller) || in_plan)
                })
            })
    }

    /// Learns the ids of the wanted parcels and sellers.
    fn learn(&mut self, command: &Command) {
        match command {
            Command::AnnounceParcel(new) => {
                let wanted = match &self.wanted {
                    Wanted::Parcel(text) => {
                        new.reference == *text || new.parcel.to_string() == *text
                    }
                    Wanted::Seller(_) => self.sellers.contains(&new.seller),
                };
                if wanted {
                    self.known = true;
                    self.parcels.insert(new.parcel);
                }
            }
            Command::RegisterSeller(new) => {
                if let Wanted::Seller(text) = &self.wanted
                    && (new.reference == *text || new.seller.to_string() == *text)
                {
                    self.known = true;
                    self.sellers.insert(new.seller);
                }
            }
            _ => {}
        }
    }

    /// Whether the value of a named type is wanted.
    pub(crate) fn names(&self, name: &str, value: &Value) -> bool {
        let Some(id) = value.as_str() else { return false };
        match name {
            "ParcelId" => id.parse().is_ok_and(|id| self.parcels.contains(&id)),
            "SellerId" => id.parse().is_ok_and(|id| self.sellers.contains(&id)),
            "PlanId" => id.parse().is_ok_and(|id| self.plans.contains_key(&id)),
            "PayoutId" => id.parse().is_ok_and(|id| self.payouts.contains(&id)),
            _ => false,
        }
    }

    /// Follows cash from the courier's hand to the count, and money to the payable balance.
    fn follows_cash(&mut self, observed: &Observed<'_>) -> bool {
        for posting in
            observed.outcome.books.postings.iter().filter(|posting| posting.moves_money())
        {
            let Some(payment) = posting.payment else { continue };
            if !self.parcels.contains(&payment.parcel) {
                continue;
            }
            for number in [posting.debit, posting.credit] {
                let account = observed.engine.books().account_view(number);
                let Some(account) = account else { continue };
                match account.kind {
                    AccountKind::SellerPayable => {
                        self.next_payout.insert((SellerId(account.owner), account.currency));
                    }
                    AccountKind::CourierCash if posting.entry == ChartEntry::CashCollected => {
                        let place = CashPlace::InHand(CourierId(account.owner));
                        self.uncounted_cash.insert(payment, place);
                    }
                    AccountKind::CourierCash => drop(self.uncounted_cash.remove(&payment)),
                    _ => {}
                }
            }
        }
        let Some(Command::StartHandOver(start)) = observed.submission.command.of_books() else {
            return false;
        };
        let mut found = false;
        for place in self.uncounted_cash.values_mut() {
            if *place == CashPlace::InHand(start.courier) {
                *place = CashPlace::HandedOver(start.courier, start.handover);
                found = true;
            }
        }
        found
    }

    /// Follows handed-over cash to its count, or back to the courier.
    fn follow_hand_over(&mut self, event: &Event) -> bool {
        match *event {
            Event::HandOverCounted { handover, courier, .. } => {
                let before = self.uncounted_cash.len();
                let counted = CashPlace::HandedOver(courier, handover);
                self.uncounted_cash.retain(|_, place| *place != counted);
                self.uncounted_cash.len() < before
            }
            Event::HandOverCancelled { handover, courier, .. } => {
                let mut found = false;
                for place in self.uncounted_cash.values_mut() {
                    if *place == CashPlace::HandedOver(courier, handover) {
                        *place = CashPlace::InHand(courier);
                        found = true;
                    }
                }
                found
            }
            Event::HandOverCodeWrong { handover, .. } => self
                .uncounted_cash
                .values()
                .any(|place| matches!(place, CashPlace::HandedOver(_, id) if *id == handover)),
            _ => false,
        }
    }

    /// The command is on a plan with these wanted payouts.
    fn see_plan(&mut self, payouts: &[(PayoutId, SellerAccount)]) {
        self.of_plan.extend(payouts.iter().map(|(_, account)| *account));
        self.with_others = true;
    }

    /// Follows payable money to its payout.
    fn follow_payout(&mut self, event: &Event) -> bool {
        match event {
            Event::SettlementPlanned { plan, lines, .. } => {
                let pays = lines.iter().filter(|line| {
                    self.next_payout.remove(&(line.seller, line.currency))
                        || self.sellers.contains(&line.seller)
                });
                let paid = |line: &PayoutLine| (line.payout, (line.seller, line.currency));
                let pays: Vec<_> = pays.map(paid).collect();
                let found = !pays.is_empty();
                if found {
                    self.see_plan(&pays);
                    self.plans.insert(*plan, pays);
                }
                found
            }
            Event::SettlementExecuted { plan, .. } => {
                let sent = self.plans.remove(plan).unwrap_or_default();
                self.see_plan(&sent);
                let of_parcels =
                    sent.iter().filter(|(_, (seller, _))| !self.sellers.contains(seller));
                self.payouts.extend(of_parcels.map(|(payout, _)| *payout));
                !sent.is_empty()
            }
            Event::PayoutDropped { plan, payout, seller, currency, .. } => {
                let Some(pays) = self.plans.get_mut(plan) else { return false };
                let before = pays.len();
                pays.retain(|(planned, _)| planned != payout);
                let found = pays.len() < before;
                if found {
                    self.see_plan(&[(*payout, (*seller, *currency))]);
                    self.next_payout.insert((*seller, *currency));
                }
                found
            }
            Event::SettlementRejected { plan } => {
                let rejected = self.plans.remove(plan).unwrap_or_default();
                self.see_plan(&rejected);
                self.next_payout.extend(rejected.iter().map(|(_, seller)| *seller));
                !rejected.is_empty()
            }
            Event::PayoutReturned { payout, seller, currency, .. } => {
                let found = self.payouts.remove(payout);
                if found {
                    self.next_payout.insert((*seller, *currency));
                }
                found
            }
            Event::ParcelForgotten { parcel } => self.parcels.remove(parcel),
            _ => false,
        }
    }
}
