//! What networks, the wallet and terminals have in their own books at the end.

use engine::{Command, Event, Method, TenderId, Timestamp, Trace};
use peers::book::{Item, Kind, Reference, State};
use peers::clearing::{ClearingFile, ClearingLine};
use tariff::Tender;

use super::cards::kind_of;
use super::{DoorCounts, Doors};
use crate::books::{
    ItemStanding, NetworkBooks, NetworkItem, RailAnswer, RailBooks, RailItem, TerminalBooks,
};
use crate::clock::Clock;

impl Doors {
    /// Notes under which number the books have what a terminal and a network know by theirs.
    pub(super) fn note_tender(&mut self, command: &Command, events: &[Event]) {
        let begun = || {
            events.iter().find_map(|event| match event {
                Event::Begun { tender } | Event::Collected { tender, .. } => Some(*tender),
                _ => None,
            })
        };
        let (trace, tender, sent, method) = match command {
            Command::BeginPurchase { trace, sent, method, .. }
            | Command::TakeAdvice { trace, sent, method, .. } => {
                (*trace, begun(), Some(*sent), Some(*method))
            }
            Command::TakeCash { trace, .. } => (*trace, begun(), None, None),
            Command::BeginCompletion { trace, tender, sent, .. } => {
                self.tenders.insert(*trace, *tender);
                if let Some(place) = self.over.get(tender).copied() {
                    self.sent.insert((place, reference(*trace, *sent)), *tender);
                }
                return;
            }
            _ => return,
        };
        let Some(tender) = tender else { return };
        self.tenders.insert(trace, tender);
        self.begun.push(tender);
        if let (Some(sent), Some(Method::Card { network, .. })) = (sent, method)
            && let Some(place) = self.rails.iter().position(|rail| rail.id == network)
        {
            self.sent.insert((place, reference(trace, sent)), tender);
            self.over.insert(tender, place);
        }
    }

    /// The tender of a terminal's transaction, by courier.
    pub(crate) fn tender_of(&self, courier: usize, stan: u32) -> Option<TenderId> {
        let till = &self.tills[courier];
        let terminal = engine::TerminalId(u64::from(till.settings.number));
        let of_terminal = Trace { terminal, batch: 0, stan: 0 }..Trace {
            terminal: engine::TerminalId(terminal.0 + 1),
            batch: 0,
            stan: 0,
        };
        let mut known = self.tenders.range(of_terminal).rev();
        known.find(|(trace, _)| trace.stan == stan).map(|(_, tender)| *tender)
    }

    /// What the network of a place clears that was sent before a moment.
    pub(crate) fn clear(
        &mut self,
        place: usize,
        date: engine::BusinessDate,
        until: Timestamp,
    ) -> ClearingFile {
        let date = date.to_string().parse().expect("a date is one everywhere");
        self.rails[place].network.clear(date, until.0)
    }

    /// The tender that a line of a clearing file is about.
    pub(crate) fn tender_of_line(&self, place: usize, line: &ClearingLine) -> Option<TenderId> {
        let sent = transmission(Timestamp(line.sent_s * 1_000));
        let reference = Reference { stan: line.stan, sent, terminal: line.terminal };
        self.sent.get(&(place, reference)).copied()
    }

    /// Fills in the payments of networks and wallet, by tender.
    pub(crate) fn fill(&mut self, rails: &mut [RailBooks], clock: Clock) {
        for (place, rail) in self.rails.iter().enumerate() {
            let items = &mut rails[place].items;
            for item in rail.network.book().items() {
                match self.sent.get(&(place, item.reference)) {
                    Some(tender) => put_item(items.entry(*tender), item, clock),
                    None if matches!(item.kind, Kind::Void | Kind::VoidPreAuthorisation) => {}
                    None => {
                        let what = format!("a network has {item:?}, which the books never began");
                        self.disagreements.push(what);
                    }
                }
            }
        }
        let Some(wallet) = rails.last_mut() else { return };
        for (reference, order) in &self.wallet.orders {
            let tender = order_trace(reference).and_then(|trace| self.tenders.get(&trace));
            let Some(tender) = tender else {
                self.disagreements.push(format!("the books never began the order {reference}"));
                continue;
            };
            let answer = if order.paid { RailAnswer::Approved } else { RailAnswer::Declined };
            let item = RailItem {
                how: Tender::Qr,
                amount: order.amount,
                asked_on: clock.date_at(order.scanned),
                answer,
                reversed: order.given_back,
                kept_back: None,
            };
            wallet.items.insert(*tender, item);
        }
    }

    /// The networks' own books, message by message.
    pub(crate) fn network_books(&self) -> Vec<NetworkBooks> {
        let books = self.rails.iter().map(|rail| NetworkBooks {
            network: rail.id,
            reference: rail.network.name().to_owned(),
            items: rail.network.book().items().map(network_item).collect(),
        });
        books.collect()
    }

    /// The terminals' numbers of what they did.
    pub(crate) fn terminal_books(&self) -> Vec<TerminalBooks> {
        let books = self.tills.iter().map(|till| TerminalBooks {
            terminal: engine::TerminalId(u64::from(till.settings.number)),
            batch: till.terminal.batch(),
            last_stan: till.terminal.last_stan(),
        });
        books.collect()
    }

    /// What terminals forgot of cards and QR: the tender of the first line, and what all of them
    /// come to. The count of cash at the hub tells what was forgotten of cash.
    pub(crate) fn forgotten(&self) -> Vec<(TenderId, u64)> {
        let sums = self.tills.iter().filter_map(|till| {
            let terminal = engine::TerminalId(u64::from(till.settings.number));
            let (mut first, mut debits, mut credits) = (None, 0, 0);
            for line in &till.forgotten {
                use peers::terminal::Kind as K;
                match line.kind {
                    K::Sale | K::Completion | K::Offline | K::Qr => debits += line.amount,
                    K::Void | K::Refund | K::QrBack => credits += line.amount,
                    _ => continue,
                }
                let trace = Trace { terminal, batch: line.batch, stan: line.stan };
                first = Some(first.map_or(trace, |first: Trace| first.min(trace)));
            }
            let tender = self.tenders.get(&first?)?;
            Some((*tender, debits.saturating_sub(credits))).filter(|(_, sum)| *sum > 0)
        });
        sums.collect()
    }

    /// What was counted.
    pub(crate) fn counted(&self) -> DoorCounts {
        let (reversals_sent, doubled) = self.plans.counted();
        DoorCounts { reversals_sent, doubled, ..self.counts }
    }
}

fn put_item(
    entry: std::collections::btree_map::Entry<'_, TenderId, RailItem>,
    item: &Item,
    clock: Clock,
) {
    let fresh = RailItem {
        how: Tender::Card(kind_of(item.card.bin)),
        amount: item.amount.minor(),
        asked_on: clock.date_at(Timestamp(item.sent_ms)),
        answer: match item.state {
            State::Declined => RailAnswer::Declined,
            _ => RailAnswer::Approved,
        },
        reversed: item.state != State::Approved || item.kind == Kind::PreAuthorisation,
        kept_back: None,
    };
    match item.kind {
        Kind::Sale | Kind::Offline | Kind::PreAuthorisation => {
            entry.or_insert(fresh);
        }
        // It takes the place of its pre-authorisation, if it stands.
        Kind::Completion if item.moves_money() => {
            entry.insert_entry(fresh);
        }
        _ => {}
    }
}

fn network_item(item: &Item) -> NetworkItem {
    NetworkItem {
        rrn: item.rrn,
        terminal: item.reference.terminal,
        stan: item.reference.stan,
        sent_s: item.sent_ms / 1_000,
        amount: item.amount.minor(),
        kind: item.kind.name(),
        standing: match item.state {
            State::Approved => ItemStanding::Stands,
            State::Declined => ItemStanding::Declined,
            State::Reversed => ItemStanding::Reversed,
            State::Voided => ItemStanding::Voided,
            State::Completed => ItemStanding::Completed,
        },
        moves_money: item.moves_money(),
    }
}

fn reference(trace: Trace, sent: engine::Sent) -> Reference {
    let mut terminal = [0; 8];
    terminal.copy_from_slice(format!("{:08}", trace.terminal.0).as_bytes());
    Reference { stan: sent.stan, sent: transmission(sent.at), terminal }
}

/// `MMDDhhmmss` in UTC, as field 7 has it.
fn transmission(at: Timestamp) -> u32 {
    let date = at.date(0).to_string();
    let two = |range: std::ops::Range<usize>| date.get(range).and_then(|two| two.parse().ok());
    let (month, day): (u32, u32) = (two(5..7).unwrap_or(0), two(8..10).unwrap_or(0));
    let second = u32::try_from(at.0 / 1_000 % 86_400).expect("less than a day has");
    let time = second / 3_600 * 10_000 + second / 60 % 60 * 100 + second % 60;
    (month * 100 + day) * 1_000_000 + time
}

/// The transaction of an order: terminal 8, batch 6, STAN 6.
fn order_trace(reference: &str) -> Option<Trace> {
    let number = |range: std::ops::Range<usize>| reference.get(range)?.parse::<u32>().ok();
    let terminal = engine::TerminalId(u64::from(number(0..8)?));
    Some(Trace { terminal, batch: number(8..14)?, stan: number(14..20)? })
}
