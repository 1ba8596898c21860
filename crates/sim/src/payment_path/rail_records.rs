//! The payments and counters that networks, wallet and terminals have in their own books.

use std::collections::BTreeMap;

use books::{
    BeginCompletion, BeginPurchase, Command, Event, PaymentId, PaymentRoute, RecordOfflineSale,
    Stan, TakeCash, Timestamp, Trace,
};
use peers::TestCard;
use peers::card::EntryMode;
use peers::clearing::{ClearingFile, ClearingLine};
use peers::ledger::{
    NetworkTransaction, NetworkTransactionKind, NetworkTransactionState, OriginalTransaction,
    TransactionReference,
};
use peers::message_time::transmission_time;
use peers::terminal::Receipt;
use tariff::{CardKind, PaymentMethod};

use super::cards::{card_of, kind_of};
use super::terminal_driver::TerminalDriver;
use super::{PaymentPath, PaymentPathCounts};
use crate::after_clearing::StatedChange;
use crate::books::{
    LostLine, NetworkBooks, NetworkItem, NetworkItemStatus, RailAnswer, RailBooks, RailItem,
    TerminalCounters,
};
use crate::clock::VirtualClock;
use crate::counterparty::CardRequest;

impl PaymentPath {
    /// Maps the numbers of the terminal and the network to the payment id of the engine.
    pub(super) fn record_payment(&mut self, command: &Command, events: &[Event]) {
        let begun = || {
            events.iter().find_map(|event| match event {
                Event::PaymentBegun { payment }
                | Event::PaymentCollected { payment, .. }
                | Event::OfflineSaleSuspended { payment, .. } => Some(*payment),
                _ => None,
            })
        };
        let (trace, payment, sent, route) = match command {
            Command::BeginPurchase(BeginPurchase {
                trace, network_reference: sent, route, ..
            })
            | Command::RecordOfflineSale(RecordOfflineSale {
                trace,
                network_reference: sent,
                route,
                ..
            }) => (*trace, begun(), Some(*sent), Some(*route)),
            Command::TakeCash(TakeCash { trace, .. }) => (*trace, begun(), None, None),
            Command::BeginCompletion(BeginCompletion {
                trace,
                payment,
                network_reference: sent,
                ..
            }) => {
                self.payments_by_trace.insert(*trace, *payment);
                if let Some(index) = self.network_of_payment.get(payment).copied() {
                    self.payments_by_reference.insert((index, reference(*trace, *sent)), *payment);
                }
                return;
            }
            _ => return,
        };
        let Some(payment) = payment else { return };
        self.payments_by_trace.insert(trace, payment);
        if let (Some(sent), Some(PaymentRoute::Card { network, .. })) = (sent, route)
            && let Some(index) = self.networks.iter().position(|rail| rail.id == network)
        {
            self.payments_by_reference.insert((index, reference(trace, sent)), payment);
            self.network_of_payment.insert(payment, index);
        }
    }

    /// The payment of a terminal's transaction.
    pub(crate) fn payment_of(&self, courier: usize, stan: u32) -> Option<PaymentId> {
        let driver = &self.terminals[courier];
        let terminal = books::TerminalId(u64::from(driver.settings.number));
        let first = |terminal| Trace { terminal, batch: 0, stan: Stan::MIN };
        let of_terminal = first(terminal)..first(books::TerminalId(terminal.0 + 1));
        let mut known = self.payments_by_trace.range(of_terminal).rev();
        known.find(|(trace, _)| trace.stan.get() == stan).map(|(_, payment)| *payment)
    }

    /// The clearing file of a network: items sent before `until`.
    pub(crate) fn clearing_file(
        &mut self,
        index: usize,
        date: books::BusinessDate,
        until: Timestamp,
    ) -> ClearingFile {
        let date = date.to_string().parse().expect("both crates parse the same date");
        self.networks[index].network.make_clearing_file(date, until.0)
    }

    /// Changes cleared payments in a network's own books: each is reversed, or the change is a line
    /// of the next file.
    pub(crate) fn change_in_network(&mut self, index: usize, changes: &[StatedChange]) {
        let network = &mut self.networks[index].network;
        let paid = |reference| {
            network.book().transaction(reference).is_some_and(NetworkTransaction::moves_money)
        };
        let own = self.payments_by_reference.iter().filter(|((rail, _), _)| *rail == index);
        let own = own.map(|((_, reference), payment)| (*payment, *reference));
        let references: BTreeMap<PaymentId, TransactionReference> =
            own.filter(|(_, reference)| paid(*reference)).collect();
        for change in changes {
            let reference = references.get(&change.payment).copied();
            let known = reference.and_then(|one| network.book().transaction(one));
            let done = match (known.map(|one| (one.reference, one.kind)), change.network_kind()) {
                (Some((reference, _)), Some(kind)) => {
                    network.adjust(reference, kind, change.amount, change.deducted)
                }
                (Some((reference, kind)), None) => {
                    let message_class = kind.message_class();
                    let original = OriginalTransaction { message_class, reference };
                    network.reverse(original) == peers::ResponseCode::APPROVED
                }
                (None, _) => false,
            };
            if !done {
                let what = format!("a network refuses to change {:?}", change.payment);
                self.discrepancies.push(what);
            }
        }
    }

    /// The payment of a clearing line.
    pub(crate) fn payment_of_line(&self, index: usize, line: &ClearingLine) -> Option<PaymentId> {
        let sent = transmission_time(line.sent_s * 1_000);
        let reference = TransactionReference {
            stan: line.stan,
            transmission_time: sent,
            terminal: line.terminal,
        };
        self.payments_by_reference.get(&(index, reference)).copied()
    }

    /// The request of a clearing line, with its card.
    pub(crate) fn card_request(&self, index: usize, line: &ClearingLine) -> CardRequest {
        let reference = TransactionReference {
            stan: line.stan,
            transmission_time: transmission_time(line.sent_s * 1_000),
            terminal: line.terminal,
        };
        let known = self.networks[index].network.book().transaction(reference);
        let payment = self.payments_by_reference.get(&(index, reference));
        let masked = known.map(|known| known.card);
        let card = masked.zip(payment).and_then(|(card, of)| card_of(of.parcel, card));
        let original = known.and_then(|known| known.original);
        let code = known.and_then(|known| known.authorisation);
        CardRequest {
            rrn: line.rrn.to_string(),
            stan: line.stan,
            terminal: line.terminal.escape_ascii().to_string(),
            merchant: line.merchant.escape_ascii().to_string(),
            is_credit: masked.is_some_and(|card| kind_of(card.bin) == CardKind::Credit),
            entry_mode: card.as_ref().map_or(EntryMode::Keyed, TestCard::entry),
            card: card.map(|card| card.pan().clone()),
            authorisation: code.map_or_else(String::new, |code| code.to_string()),
            original: original.map(|one| (one.stan, one.transmission_time)),
        }
    }

    /// When an order's code was scanned.
    pub(crate) fn order_scanned_at(&self, order: &str) -> Option<Timestamp> {
        self.wallet.orders.get(order).map(|order| order.scanned_at)
    }

    /// The wallet's orders, by payment.
    pub(crate) fn wallet_orders(&self) -> BTreeMap<PaymentId, String> {
        let orders = self.wallet.orders.keys().filter_map(|reference| {
            let payment = self.payments_by_trace.get(&order_trace(reference)?)?;
            Some((*payment, reference.clone()))
        });
        orders.collect()
    }

    /// Fills `rails` with the day's payments in the books of networks and wallet.
    pub(crate) fn record_rail_items(&mut self, rails: &mut [RailBooks], clock: VirtualClock) {
        for (index, rail) in self.networks.iter().enumerate() {
            let items = &mut rails[index].items;
            let from_ms = clock.today(0).0;
            let today = rail.network.book().items().filter(|item| item.sent_ms >= from_ms);
            for item in today {
                match self.payments_by_reference.get(&(index, item.reference)) {
                    Some(payment) => record_item(items.entry(*payment), item, clock),
                    None if matches!(
                        item.kind,
                        NetworkTransactionKind::Void | NetworkTransactionKind::VoidPreAuthorisation
                    ) => {}
                    None => {
                        let what = format!("a network has {item:?}, which the engine never began");
                        self.discrepancies.push(what);
                    }
                }
            }
        }
        let Some(wallet) = rails.last_mut() else { return };
        let today =
            self.wallet.orders.iter().filter(|(_, order)| order.scanned_at >= clock.today(0));
        for (reference, order) in today {
            let payment =
                order_trace(reference).and_then(|trace| self.payments_by_trace.get(&trace));
            let Some(payment) = payment else {
                self.discrepancies.push(format!("the engine never began the order {reference}"));
                continue;
            };
            let answer = if order.paid { RailAnswer::Approved } else { RailAnswer::Declined };
            let item = RailItem {
                method: PaymentMethod::Qr,
                amount: order.amount,
                requested_on: clock.date_at(order.scanned_at),
                answer,
                reversed: order.refunded,
                deducted: None,
                taken_back: 0,
                offline: false,
                loss: None,
            };
            wallet.items.insert(*payment, item);
        }
    }

    /// The networks' own books, request by request.
    pub(crate) fn network_books(&self) -> Vec<NetworkBooks> {
        let books = self.networks.iter().map(|rail| NetworkBooks {
            network: rail.id,
            reference: rail.network.name().to_owned(),
            items: rail.network.book().items().map(network_item).collect(),
            owed: rail.network.owed(),
        });
        books.collect()
    }

    /// The terminals' counters.
    pub(crate) fn terminal_books(&self) -> Vec<TerminalCounters> {
        let books = self.terminals.iter().map(|driver| TerminalCounters {
            terminal: books::TerminalId(u64::from(driver.settings.number)),
            last_batch: driver.terminal.batch(),
            last_stan: driver.terminal.last_stan(),
        });
        books.collect()
    }

    /// The lines that terminals lost and that count in their batches.
    pub(crate) fn lost_lines(&self) -> Vec<LostLine> {
        use peers::terminal::TerminalRequestKind as K;
        let lost = |driver: &TerminalDriver| {
            let terminal = books::TerminalId(u64::from(driver.settings.number));
            let line = |line: &Receipt| {
                let amount = i128::from(line.amount);
                let stan = Stan::new(line.stan).expect("a terminal's STAN");
                let trace = Trace { terminal, batch: line.batch, stan };
                let payment = self.payments_by_trace.get(&trace).copied();
                match line.kind {
                    K::Sale | K::Completion | K::Offline | K::Qr | K::Cash => {
                        Some(LostLine { terminal, payment, amount })
                    }
                    K::Void | K::Refund | K::QrRefund | K::CashRefund => {
                        Some(LostLine { terminal, payment: None, amount: -amount })
                    }
                    _ => None,
                }
            };
            driver.lost_lines.iter().filter_map(line).collect::<Vec<_>>()
        };
        self.terminals.iter().flat_map(lost).collect()
    }

    pub(crate) fn total_counts(&self) -> PaymentPathCounts {
        let (reversals_sent, doubled) = self.scripts.counts();
        PaymentPathCounts { reversals_sent, duplicate_answers: doubled, ..self.counts }
    }
}

fn record_item(
    entry: std::collections::btree_map::Entry<'_, PaymentId, RailItem>,
    item: &NetworkTransaction,
    clock: VirtualClock,
) {
    let fresh = RailItem {
        method: PaymentMethod::Card(kind_of(item.card.bin)),
        amount: item.amount.minor(),
        requested_on: clock.date_at(Timestamp(item.sent_ms)),
        answer: match item.state {
            NetworkTransactionState::Declined => RailAnswer::Declined,
            _ => RailAnswer::Approved,
        },
        reversed: item.state != NetworkTransactionState::Approved
            || item.kind == NetworkTransactionKind::PreAuthorisation,
        deducted: None,
        taken_back: 0,
        offline: item.kind == NetworkTransactionKind::Offline,
        loss: None,
    };
    match item.kind {
        NetworkTransactionKind::Sale
        | NetworkTransactionKind::Offline
        | NetworkTransactionKind::PreAuthorisation => {
            entry.or_insert(fresh);
        }
        // An approved completion replaces its pre-authorisation.
        NetworkTransactionKind::Completion if item.moves_money() => {
            entry.insert_entry(fresh);
        }
        _ => {}
    }
}

fn network_item(item: &NetworkTransaction) -> NetworkItem {
    NetworkItem {
        rrn: item.rrn,
        terminal: item.reference.terminal,
        stan: item.reference.stan,
        sent_s: item.sent_ms / 1_000,
        amount: item.amount.minor(),
        kind: item.kind.name(),
        status: match item.state {
            NetworkTransactionState::Approved => NetworkItemStatus::Approved,
            NetworkTransactionState::Declined => NetworkItemStatus::Declined,
            NetworkTransactionState::Reversed => NetworkItemStatus::Reversed,
            NetworkTransactionState::Voided => NetworkItemStatus::Voided,
            NetworkTransactionState::Completed => NetworkItemStatus::Completed,
        },
        moves_money: item.moves_money(),
    }
}

fn reference(trace: Trace, sent: books::NetworkReference) -> TransactionReference {
    let mut terminal = [0; 8];
    terminal.copy_from_slice(format!("{:08}", trace.terminal.0).as_bytes());
    TransactionReference {
        stan: sent.stan.get(),
        transmission_time: transmission_time(sent.sent_at.0),
        terminal,
    }
}

/// Parses an order reference: terminal 8 digits, batch 6, STAN 6.
fn order_trace(reference: &str) -> Option<Trace> {
    let number = |range: std::ops::Range<usize>| reference.get(range)?.parse::<u32>().ok();
    let terminal = books::TerminalId(u64::from(number(0..8)?));
    Some(Trace { terminal, batch: number(8..14)?, stan: Stan::new(number(14..20)?).ok()? })
}
