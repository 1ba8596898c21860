//! Reversals and approvals cross in every order: the books end equal, and nothing is posted twice.

use std::collections::BTreeMap;

use books::chart::{AccountKind as A, ChartEntry};
use books::view::{ParcelState, PaymentState as T};
use books::*;

use crate::world::*;

/// A message about one payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Message {
    Approve,
    Unknown,
    /// The network acknowledges the switch's reversal.
    ReverseAck,
    /// A repeated or late approval.
    LateApprove,
    /// The terminal got no response and reverses. The network acknowledges that too.
    TerminalReverses,
}

use Message as M;

const ALL: [Message; 5] =
    [M::Approve, M::Unknown, M::ReverseAck, M::LateApprove, M::TerminalReverses];

impl Message {
    fn command(self, payment: PaymentId, by_card: bool) -> Command {
        match self {
            M::Approve | M::LateApprove if by_card => approve(payment),
            M::Approve | M::LateApprove => pay(payment),
            M::Unknown => outcome_unknown(payment),
            M::ReverseAck | M::TerminalReverses => reverse(payment),
        }
    }
}

/// All orders of all subsets.
fn orders_of_all_subsets<T: Copy>(of: &[T]) -> Vec<Vec<T>> {
    let mut orders = vec![Vec::new()];
    for (place, &first) in of.iter().enumerate() {
        let mut others = of.to_vec();
        others.remove(place);
        orders.extend(orders_of_all_subsets(&others).into_iter().map(|mut rest| {
            rest.insert(0, first);
            rest
        }));
    }
    orders
}

/// The expected end of a payment: any reversal undoes it, otherwise the first response or timeout
/// counts. A wallet order that is paid while it is unknown is declined at once: its wallet cannot
/// reverse, only refund.
fn meaning(order: &[Message], by_qr: bool) -> T {
    if by_qr && matches!(order, [M::Unknown, M::Approve | M::LateApprove, ..]) {
        return T::Declined;
    }
    let reverses = |message: &Message| matches!(message, M::ReverseAck | M::TerminalReverses);
    match order.first() {
        _ if order.iter().any(reverses) => T::Reversed,
        None => T::Begun,
        Some(M::Unknown) => T::Unknown,
        Some(_) => T::Approved,
    }
}

/// The books after one order.
#[derive(Debug, PartialEq, Eq)]
struct End {
    state: T,
    parcel: ParcelState,
    balances: Vec<(A, i128)>,
    unknown: u64,
}

fn play(order: &[Message], begin: fn(PaymentId, u64) -> Command, amount: u64) -> End {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().id();
    let payment = PaymentId { parcel, number: 1 };
    world.must(begin(payment, amount));
    let by_card = world.payment(payment).method.is_card();
    for message in order {
        // Applied, a retry or refused: the books show it.
        let _ = world.apply(&message.command(payment, by_card));
    }
    let mut posted: BTreeMap<ChartEntry, u64> = BTreeMap::new();
    for (entry, _) in world.moved_for(payment) {
        *posted.entry(entry).or_default() += 1;
    }
    // Each fee has its own account; a payment has one line each way.
    for entry in
        [ChartEntry::CardCollected, ChartEntry::QrCollected, ChartEntry::CollectionReversed]
    {
        let times = posted.get(&entry).copied().unwrap_or(0);
        assert!(times <= 1, "{entry:?} is posted {times} times in {order:?}");
    }
    End {
        state: world.payment(payment).state,
        parcel: world.view(parcel).state,
        balances: A::ALL.map(|kind| (kind, world.sum(kind))).into(),
        unknown: world.engine.unknown_count(),
    }
}

fn orders_that_mean_the_same_end_the_same(
    begin: fn(PaymentId, u64) -> Command,
    amount: u64,
    by_qr: bool,
) {
    let mut ends: BTreeMap<String, (Vec<Message>, End)> = BTreeMap::new();
    let orders = orders_of_all_subsets(&ALL);
    assert_eq!(orders.len(), 1 + 5 + 20 + 60 + 120 + 120);
    for order in orders {
        let end = play(&order, begin, amount);
        assert_eq!(end.state, meaning(&order, by_qr), "{order:?}");
        let (first, same) = match ends.get(&format!("{:?}", end.state)) {
            Some((first, same)) => (first, same),
            None => {
                ends.insert(format!("{:?}", end.state), (order, end));
                continue;
            }
        };
        assert_eq!(&end, same, "{order:?} ends other than {first:?}");
    }
    for state in ["Reversed", "Declined"] {
        let Some((_, end)) = ends.get(state) else { continue };
        assert!(end.balances.iter().all(|(_, balance)| *balance == 0), "M4: {end:?}");
    }
    let states: Vec<&str> = ends.keys().map(String::as_str).collect();
    if by_qr {
        assert_eq!(states, ["Approved", "Begun", "Declined", "Reversed", "Unknown"]);
    } else {
        assert_eq!(states, ["Approved", "Begun", "Reversed", "Unknown"]);
    }
}

#[test]
fn a_card_payment_of_the_whole_amount_ends_the_same_in_all_orders() {
    orders_that_mean_the_same_end_the_same(begin_card, 10_000, false);
}

#[test]
fn a_wallet_payment_of_a_part_ends_the_same_in_all_orders() {
    orders_that_mean_the_same_end_the_same(begin_qr, 4_000, true);
}

#[test]
fn while_messages_cross_the_parcel_is_paid_in_cash_once_and_only_once() {
    // A cash payment comes between the messages. With the card it never exceeds the amount due.
    for order in orders_of_all_subsets(&ALL) {
        for place in 0..=order.len() {
            let mut world = World::open();
            let parcel = world.parcel("o-1", 10_000).dispatch().card(10_000).id();
            let payment = PaymentId { parcel, number: 1 };
            let mut taken = false;
            for (now, message) in order.iter().enumerate() {
                if now == place {
                    taken =
                        world.apply(&collect_cash(PaymentId { parcel, number: 2 }, 10_000)).is_ok();
                }
                let _ = world.apply(&message.command(payment, true));
            }
            if place == order.len() {
                taken = world.apply(&collect_cash(PaymentId { parcel, number: 2 }, 10_000)).is_ok();
            }
            let collected = world.view(parcel).collected.minor();
            assert!(collected <= 10_000, "M2: {order:?}, cash at {place}");
            if taken {
                assert_eq!(collected, 10_000, "{order:?}, cash at {place}");
                assert_eq!(world.sum(A::CourierCash), 10_000, "{order:?}, cash at {place}");
                assert_eq!(world.sum(A::NetworkReceivable), 0, "{order:?}, cash at {place}");
            }
        }
    }
}
