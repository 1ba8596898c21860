//! The networks' own books against the engine's, message by message.

use std::collections::BTreeMap;

use engine::door_view::TransactionView;
use engine::view::TenderState;
use engine::{Engine, Method, NetworkId, Sent, Trace, TransactionKind};

use crate::books::{ItemStanding, NetworkBooks, NetworkItem, WorldReport};
use crate::report::Sum;

/// What a network's books and the engine's come to, beside each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkAgreement {
    /// The network.
    pub network: NetworkId,
    /// Its name.
    pub reference: String,
    /// Everything that it booked, declined requests too.
    pub items: u64,
    /// What it owes money for, by its own books.
    pub approved: Sum,
    /// What was reversed or voided, by its own books.
    pub reversed: Sum,
    /// Payments over it of which the engine does not know how they ended.
    pub unknown: u64,
    /// Each difference in a line.
    pub wrong: Vec<String>,
}

/// Fields 11, 7 (in seconds since 1970) and 41.
type Key = (u32, u64, [u8; 8]);

/// Compares what each network has in its own books with what the engine has of the same messages:
/// each is there on both sides under the same numbers, over the same amount, and stands on both
/// sides or on none. What the engine has and the network never heard of must not stand.
#[must_use]
pub fn compare_networks(world: &WorldReport, engine: &Engine) -> Vec<NetworkAgreement> {
    let mut ours: BTreeMap<(NetworkId, Key), TransactionView> = BTreeMap::new();
    for terminal in &world.terminals {
        // Older batches are not remembered.
        for batch in terminal.batch.saturating_sub(1)..=terminal.batch {
            for stan in 1..=terminal.last_stan {
                let trace = Trace { terminal: terminal.terminal, batch, stan };
                if let Some(view) = engine.transaction(trace)
                    && let Some(Method::Card { network, .. }) = view.method
                {
                    ours.insert((network, key(&view)), view);
                }
            }
        }
    }
    world.networks.iter().map(|books| compare_one(books, engine, &mut ours)).collect()
}

fn compare_one(
    books: &NetworkBooks,
    engine: &Engine,
    ours: &mut BTreeMap<(NetworkId, Key), TransactionView>,
) -> NetworkAgreement {
    let id = books.network;
    let mut agreement = NetworkAgreement {
        network: id,
        reference: books.reference.clone(),
        items: books.items.len() as u64,
        approved: Sum::default(),
        reversed: Sum::default(),
        unknown: engine.network_view(id).map_or(0, |view| u64::from(view.unknown)),
        wrong: Vec::new(),
    };
    let name = &books.reference;
    for item in &books.items {
        if item.moves_money {
            agreement.approved.add(item.amount);
        }
        if matches!(item.standing, ItemStanding::Reversed | ItemStanding::Voided) {
            agreement.reversed.add(item.amount);
        }
        let key = (item.stan, item.sent_s, item.terminal);
        match ours.remove(&(id, key)) {
            Some(view) if agrees(&view, item) => {}
            Some(view) => {
                agreement.wrong.push(format!("{name} has {item:?}, the books have {view:?}"));
            }
            None => agreement.wrong.push(format!("{name} has {item:?}, the books nothing")),
        }
    }
    let of_network = (id, (0, 0, [0; 8]))..=(id, (u32::MAX, u64::MAX, [u8::MAX; 8]));
    for (_, view) in ours.range(of_network).filter(|(_, view)| stands(view)) {
        agreement.wrong.push(format!("the books have {view:?}, {name} nothing"));
    }
    agreement
}

fn agrees(view: &TransactionView, item: &NetworkItem) -> bool {
    view.amount.minor() == item.amount
        && rrn(view.sent) == item.rrn
        && stands(view) == item.moves_money
}

/// Whether the books have money of it.
fn stands(view: &TransactionView) -> bool {
    use TenderState as S;
    use TransactionKind as K;
    matches!(view.kind, K::Sale | K::Advice | K::Completion)
        && matches!(view.state, S::Approved | S::Held | S::Released)
        && view.answer == Some(*b"00")
        && !view.reversed
}

fn key(view: &TransactionView) -> Key {
    let mut terminal = [b'0'; 8];
    let digits = format!("{:08}", view.trace.terminal.0);
    terminal.copy_from_slice(&digits.as_bytes()[..8]);
    (view.sent.stan, view.sent.at.0 / 1_000, terminal)
}

/// 2010-01-01T00:00:00Z, from which RRNs count their seconds.
const RRN_EPOCH_S: u64 = 1_262_304_000;

/// The retrieval reference number, as docs/door/network.md has it.
fn rrn(sent: Sent) -> [u8; 12] {
    let mut rrn = [b'0'; 12];
    let mut seconds = (sent.at.0 / 1_000).saturating_sub(RRN_EPOCH_S);
    for place in rrn[..6].iter_mut().rev() {
        let digit = usize::try_from(seconds % 32).unwrap_or(0);
        *place = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[digit];
        seconds /= 32;
    }
    rrn[6..].copy_from_slice(&format!("{:06}", sent.stan).as_bytes()[..6]);
    rrn
}
