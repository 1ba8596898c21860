//! Compares the networks' own books with the books's, request by request.

use std::collections::{BTreeMap, BTreeSet};

use books::chart::AccountKind;
use books::terminal_view::TransactionView;
use books::view::{AccountView, PaymentState};
use books::{
    Books, NetworkId, PaymentId, PaymentRoute, ResponseCode, Stan, Trace, TransactionKind,
};
use peers::Rrn;

use crate::books::{NetworkBooks, NetworkItem, NetworkItemStatus, RailAnswer, WorldReport};
use crate::report::CountAndAmount;

/// The result of comparing a network's books with the books's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkComparison {
    pub network: NetworkId,
    pub reference: String,
    /// All requests in the network's books, declined ones included.
    pub items: u64,
    /// Items that the network owes money for, by its own books.
    pub approved: CountAndAmount,
    /// Items reversed or voided, by the network's own books.
    pub reversed: CountAndAmount,
    /// Payments over the network whose outcome is unknown to the books.
    pub unknown: u64,
    /// One line per difference.
    pub differences: Vec<String>,
}

/// Fields 11, 7 (in seconds since 1970) and 41.
type TransmissionKey = (u32, u64, [u8; 8]);

/// Compares each network's own books with the books's records of the same requests: of all days in
/// sum, and item by item those of the last day. Both sides must have each request under the same
/// numbers, with the same amount, and agree whether it moves money. A request that never reached
/// the network must not move money in the books.
#[must_use]
pub fn compare_networks(world: &WorldReport, books: &Books) -> Vec<NetworkComparison> {
    let mut ours: BTreeMap<(NetworkId, TransmissionKey), TransactionView> = BTreeMap::new();
    let from_s = world.compared_from.0 / 1_000;
    for terminal in &world.terminals {
        // The books keeps no older batches.
        for batch in terminal.last_batch.saturating_sub(1)..=terminal.last_batch {
            for stan in (1..=terminal.last_stan).filter_map(|stan| Stan::new(stan).ok()) {
                let trace = Trace { terminal: terminal.terminal, batch, stan };
                if let Some(view) = books.transaction(trace)
                    && let Some(key) = transmission_key(&view)
                    && key.1 >= from_s
                    && let Some(PaymentRoute::Card { network, .. }) = view.route
                {
                    ours.insert((network, key), view);
                }
            }
        }
    }
    let rejected = rejected_sales(world);
    let networks = world.networks.iter();
    networks.map(|network| compare_one(world, network, books, &mut ours, &rejected)).collect()
}

fn compare_one(
    world: &WorldReport,
    network: &NetworkBooks,
    books: &Books,
    ours: &mut BTreeMap<(NetworkId, TransmissionKey), TransactionView>,
    rejected: &BTreeSet<PaymentId>,
) -> NetworkComparison {
    let from_s = world.compared_from.0 / 1_000;
    let id = network.network;
    let mut agreement = NetworkComparison {
        network: id,
        reference: network.reference.clone(),
        items: network.items.len() as u64,
        approved: CountAndAmount::default(),
        reversed: CountAndAmount::default(),
        unknown: books.network_view(id).map_or(0, |view| u64::from(view.unknown_payments)),
        differences: Vec::new(),
    };
    let name = &network.reference;
    let mut accounts = books.accounts();
    let is_own =
        |one: &AccountView| (one.kind, one.owner) == (AccountKind::NetworkReceivable, id.0);
    let receivable = accounts.find(is_own).map_or(0, |one| one.balance);
    if receivable != network.owed && !world.leaves_clearing {
        let owed = network.owed;
        agreement
            .differences
            .push(format!("{name} owes {owed} by its own books; the books say {receivable}"));
    }
    for item in &network.items {
        if item.moves_money {
            agreement.approved.add(item.amount);
        }
        if matches!(item.status, NetworkItemStatus::Reversed | NetworkItemStatus::Voided) {
            agreement.reversed.add(item.amount);
        }
        if item.sent_s < from_s {
            continue;
        }
        let key = (item.stan, item.sent_s, item.terminal);
        match ours.remove(&(id, key)) {
            Some(view) if matches_item(&view, item, rejected) => {}
            Some(view) => {
                agreement.differences.push(format!("{name} has {item:?}; the books has {view:?}"));
            }
            None => {
                agreement.differences.push(format!("{name} has {item:?}; the books has nothing"));
            }
        }
    }
    let of_network = (id, (0, 0, [0; 8]))..=(id, (u32::MAX, u64::MAX, [u8::MAX; 8]));
    for (_, view) in ours.range(of_network).filter(|(_, view)| moves_money(view, rejected)) {
        agreement.differences.push(format!("the books has {view:?}; {name} has nothing"));
    }
    agreement
}

/// Offline sales of which their networks pay nothing.
fn rejected_sales(world: &WorldReport) -> BTreeSet<PaymentId> {
    let all = world.rails.iter().flat_map(|rail| rail.items.iter().chain(&rail.unbooked));
    let rejected = all.filter(|(_, item)| item.offline && item.answer == RailAnswer::Declined);
    rejected.map(|(payment, _)| *payment).collect()
}

fn matches_item(
    view: &TransactionView,
    item: &NetworkItem,
    rejected: &BTreeSet<PaymentId>,
) -> bool {
    view.amount.minor() == item.amount
        && view
            .network_reference
            .is_some_and(|sent| Rrn::of_request(sent.sent_at.0, sent.stan.get()) == item.rrn)
        && moves_money(view, rejected) == item.moves_money
}

/// Whether the books's books have money of it.
fn moves_money(view: &TransactionView, rejected: &BTreeSet<PaymentId>) -> bool {
    use PaymentState as S;
    use TransactionKind as K;
    matches!(view.kind, K::Sale | K::Advice | K::Completion)
        && matches!(view.payment_state, S::Approved | S::Held | S::Released | S::Suspended)
        && !rejected.contains(&view.payment)
        && view.response_code == Some(ResponseCode::APPROVED)
        && !view.reversed
}

fn transmission_key(view: &TransactionView) -> Option<TransmissionKey> {
    let sent = view.network_reference?;
    let mut terminal = [b'0'; 8];
    let digits = format!("{:08}", view.trace.terminal.0);
    terminal.copy_from_slice(&digits.as_bytes()[..8]);
    Some((sent.stan.get(), sent.sent_at.0 / 1_000, terminal))
}
