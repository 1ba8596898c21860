//! Compares the simulated world's books with the books's, item by item.

use std::collections::{BTreeMap, BTreeSet};

use books::Books;
use books::chart::AccountKind;
use books::view::{ParcelState, PaymentState, PaymentView};
use books::{BreakSide, BreakSubject, OpenItemContent, PaymentId, TerminalId};
use tariff::{FeeKind, PaymentMethod};

use crate::books::{CashPayment, LostLine, ParcelLocation, ParcelOutcome, RailItem, WorldReport};

/// Compares the simulated world's books with the books's: every account balance, payment, parcel,
/// break and open item. The books must contain this day and nothing else in the day's currency.
///
/// # Errors
/// One line per difference.
pub fn compare(world: &WorldReport, books: &Books) -> Result<(), Vec<String>> {
    let mut wrong = world.discrepancies.clone();
    compare_accounts(world, books, &mut wrong);
    compare_payments(world, books, &mut wrong);
    compare_breaks(world, books, &mut wrong);
    compare_open_items(world, books, &mut wrong);
    if books.unknown_count() != world.pending_reversals {
        let (books, world) = (books.unknown_count(), world.pending_reversals);
        wrong.push(format!("{books} payments are unknown, {world} have a pending reversal"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// Balances by account kind and owner.
type Balances = BTreeMap<(&'static str, u64), i128>;

/// A seller's money, held or payable: the simulated world does not tell them apart.
const OWED: &str = "liabilities:seller-held + seller-payable";

fn compare_accounts(world: &WorldReport, books: &Books, wrong: &mut Vec<String>) {
    let expected = expected_balances(world);
    let mut found = Balances::new();
    for account in books.accounts().filter(|account| account.currency == world.currency) {
        let name = match account.kind {
            AccountKind::SellerHeld | AccountKind::SellerPayable => OWED,
            kind => kind.name(),
        };
        *found.entry((name, account.owner)).or_default() += account.balance;
    }
    let names = found.keys().chain(expected.keys().filter(|name| !found.contains_key(name)));
    for name in names {
        let balance = |balances: &Balances| balances.get(name).copied().unwrap_or(0);
        let (books, world) = (balance(&found), balance(&expected));
        if books != world {
            let (name, owner) = name;
            wrong.push(format!("{name} {owner}: the books have {books}, the world {world}"));
        }
    }
}

/// The trial balance that follows from the world's own books.
fn expected_balances(world: &WorldReport) -> Balances {
    use AccountKind as A;
    let mut expected = Balances::new();
    let mut add = |kind: &'static str, owner: u64, balance: i128| {
        *expected.entry((kind, owner)).or_default() += balance;
    };
    add(A::Bank.name(), world.bank.0, world.bank_balance());
    for rail in &world.rails {
        let owed = rail.items.values().filter(|item| item.moves_money() && item.deducted.is_none());
        let owed = owed.map(|item| i128::from(item.amount)).sum();
        match rail.subject {
            BreakSubject::Network(network) => add(A::NetworkReceivable.name(), network.0, owed),
            BreakSubject::Wallet(wallet) => add(A::WalletReceivable.name(), wallet.0, owed),
            BreakSubject::Bank(_) | BreakSubject::FirmCash(_) => {}
        }
    }
    for courier in &world.couriers {
        add(A::CourierCash.name(), courier.courier.0, i128::from(courier.expected));
        add(A::CourierShortage.name(), courier.courier.0, i128::from(courier.shortage));
    }
    for firm in &world.firms {
        add(A::FirmCash.name(), firm.firm.0, i128::from(firm.vault + firm.in_transit));
        add(A::FirmCommission.name(), firm.firm.0, i128::from(firm.commission));
    }
    for one in &world.breaks {
        let amount = i128::from(one.amount);
        let signed = if one.side == BreakSide::Excess { -amount } else { amount };
        add(A::Suspense.name(), 0, signed);
    }
    for seller in &world.sellers {
        add(OWED, seller.seller.0, seller.earned - seller.paid);
    }
    for (kind, fee) in world.fees.iter().filter(|(kind, _)| *kind != FeeKind::Commission) {
        add(A::of_fee(kind).name(), 0, i128::from(fee));
    }
    add(A::ClearingCost.name(), 0, i128::from(world.clearing_cost));
    expected
}

fn compare_payments(world: &WorldReport, books: &Books, wrong: &mut Vec<String>) {
    let mut items = BTreeMap::new();
    for (payment, item) in world.rails.iter().flat_map(|rail| &rail.items) {
        items.insert(*payment, item);
    }
    let mut cash_payments = BTreeMap::new();
    for cash_payment in &world.cash {
        cash_payments.insert(cash_payment.payment, cash_payment);
    }
    for parcel in &world.parcels {
        compare_parcel(parcel, books, wrong);
        for payment in books.payments(parcel.parcel) {
            let agree = match payment.method {
                PaymentMethod::Cash => matches_cash(&payment, cash_payments.remove(&payment.id)),
                _ => matches_rail(&payment, items.remove(&payment.id)),
            };
            if !agree {
                wrong.push(format!("the books has {payment:?}; the world's books differ"));
            }
        }
    }
    wrong.extend(items.keys().map(|payment| format!("the books has no payment {payment:?}")));
    wrong.extend(
        cash_payments.keys().map(|payment| format!("the books has no cash payment {payment:?}")),
    );
}

fn matches_cash(payment: &PaymentView, cash_payment: Option<&CashPayment>) -> bool {
    use PaymentState as T;
    let Some(cash_payment) = cash_payment else { return false };
    let state = match payment.state {
        T::Reversed => cash_payment.refunded,
        T::Approved | T::Held | T::Released => !cash_payment.refunded,
        // Cash has no other states: it is collected or refunded at once.
        _ => false,
    };
    state && cash_payment.amount == payment.amount.minor()
}

/// `None` when the request never reached the network or wallet.
fn matches_rail(payment: &PaymentView, item: Option<&RailItem>) -> bool {
    use PaymentState as T;
    let Some(item) = item else {
        return matches!(payment.state, T::Reversed | T::Unknown | T::Begun);
    };
    let state = match payment.state {
        T::Begun | T::Unknown => item.deducted.is_none(),
        T::Declined | T::Reversed | T::Rejected => !item.moves_money(),
        T::Approved => item.moves_money() && item.deducted.is_none(),
        T::Held | T::Released => item.moves_money() && item.deducted.is_some(),
        // No payment is in these states in the evening.
        T::Authorised
        | T::Completing
        | T::CompletionUnknown
        | T::Reversing(_)
        | T::Releasing(_)
        | T::ReversingVoid
        | T::Expired
        | T::Suspended => false,
    };
    state && item.amount == payment.amount.minor() && item.method == payment.method
}

fn compare_parcel(parcel: &ParcelOutcome, books: &Books, wrong: &mut Vec<String>) {
    let id = parcel.parcel.bits();
    let Some(view) = books.parcel_view(parcel.parcel) else {
        wrong.push(format!("the books has no parcel {id:032x}"));
        return;
    };
    let state = match view.state {
        ParcelState::Announced | ParcelState::Assigned => ParcelLocation::AtHub,
        ParcelState::Out => ParcelLocation::WithCourier,
        ParcelState::Refused => ParcelLocation::Refused,
        ParcelState::Delivered => ParcelLocation::Delivered,
        ParcelState::Returned => ParcelLocation::Returned,
        ParcelState::Lost => {
            wrong.push(format!("parcel {id:032x}: the books has it as lost"));
            return;
        }
    };
    let payments = books.payments(parcel.parcel).len();
    let same = state == parcel.location
        && view.collected.minor() == parcel.paid
        && payments == usize::from(parcel.payments);
    if !same {
        wrong.push(format!("parcel {id:032x}: the books has {view:?}, the world {parcel:?}"));
    }
}

fn compare_breaks(world: &WorldReport, books: &Books, wrong: &mut Vec<String>) {
    let line = |subject: BreakSubject, side: BreakSide, amount: u64| {
        format!("{side:?} of {amount} at {subject:?}")
    };
    let mut expected: Vec<String> =
        world.breaks.iter().map(|one| line(one.subject, one.side, one.amount)).collect();
    let open = books.open_breaks();
    let here = open.iter().filter(|one| one.currency == world.currency);
    let mut books: Vec<String> =
        here.map(|one| line(one.subject, one.side, one.amount.minor())).collect();
    expected.sort_unstable();
    books.sort_unstable();
    if books != expected {
        wrong.push(format!("the books has the breaks {books:?}, the world {expected:?}"));
    }
}

/// Open items as terminal, number of undecided lines, and their net amount.
type OpenLines = BTreeMap<TerminalId, (usize, i128)>;

fn compare_open_items(world: &WorldReport, books: &Books, wrong: &mut Vec<String>) {
    let decided = decided_payments(world);
    let is_open = |line: &&LostLine| line.payment.is_none_or(|payment| !decided.contains(&payment));
    let mut expected = OpenLines::new();
    for line in world.lost_lines.iter().filter(is_open) {
        let (count, net) = expected.entry(line.terminal).or_default();
        *count += 1;
        *net -= line.amount;
    }
    let mut found = OpenLines::new();
    for item in books.open_items().filter(|item| item.currency == world.currency) {
        let OpenItemContent::Lines(lines) = &item.content else {
            wrong.push(format!("terminal {} uploaded no lines", item.terminal));
            continue;
        };
        let (count, net) = found.entry(item.terminal).or_default();
        *count += lines.iter().filter(|line| line.decision.is_none()).count();
        *net += item.content.net();
    }
    if found != expected {
        wrong.push(format!("the books have the open items {found:?}, the world {expected:?}"));
    }
}

/// The payments of lost lines that were cleared, or whose cash was counted.
fn decided_payments(world: &WorldReport) -> BTreeSet<PaymentId> {
    let lost: BTreeSet<_> = world.lost_lines.iter().filter_map(|line| line.payment).collect();
    let with_cash = world.couriers.iter().filter(|courier| courier.expected > 0);
    let with_cash: BTreeSet<_> = with_cash.map(|courier| courier.courier).collect();
    let counted = world.cash.iter().filter(|cash| {
        lost.contains(&cash.payment) && !cash.refunded && !with_cash.contains(&cash.courier)
    });
    let is_cleared = |payment: &&PaymentId| {
        let mut items = world.rails.iter().filter_map(|rail| rail.items.get(payment));
        items.any(|item| item.deducted.is_some())
    };
    let cleared = lost.iter().filter(is_cleared).copied();
    cleared.chain(counted.map(|cash| cash.payment)).collect()
}
