//! Compares the simulated world's books with ours, item by item.

use std::collections::{BTreeMap, BTreeSet};

use books::chart::AccountKind;
use books::view::{AccountView, ParcelState, PaymentState, PaymentView};
use books::{Books, BreakSide, BreakSubject, OpenItemContent, ParcelId, PaymentId, TerminalId};
use tariff::{FeeKind, PaymentMethod};

use crate::books::{
    CashPayment, LostLine, ParcelLocation, ParcelOutcome, RailBooks, RailItem, WorldReport,
};
use crate::world::LossBearer;

/// A difference between the books and the simulated world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldDifference {
    /// What differs, with what each side has. Amounts are in minor units.
    pub what: String,
    /// The books' amount less the world's, in minor units; `None` if no amount differs.
    pub by: Option<i128>,
    pub look_at: LookAt,
}

/// Where in the books a difference can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookAt {
    /// The balances, account by account.
    Balances,
    /// The commands about a seller, by reference.
    Seller(String),
    Parcel(ParcelId),
    Terminal(TerminalId),
    /// All commands.
    Log,
}

impl WorldDifference {
    fn of_amount(what: &str, (books, world): (i128, i128), look_at: LookAt) -> WorldDifference {
        let what = format!("{what}: the books have {books}, the world {world}");
        WorldDifference { what, by: Some(books - world), look_at }
    }

    fn other(what: String, look_at: LookAt) -> WorldDifference {
        WorldDifference { what, by: None, look_at }
    }
}

/// Compares the simulated world's books with ours: every account balance, payment, parcel, break
/// and open item. The books must contain the world's days and no other money in their currency.
#[must_use]
pub fn compare(world: &WorldReport, books: &Books) -> Vec<WorldDifference> {
    let found = world.discrepancies.iter().cloned();
    let mut wrong: Vec<_> = found.map(|what| WorldDifference::other(what, LookAt::Log)).collect();
    compare_accounts(world, books, &mut wrong);
    compare_payments(world, books, &mut wrong);
    compare_breaks(world, books, &mut wrong);
    compare_open_items(world, books, &mut wrong);
    if books.unknown_count() != world.pending_reversals {
        let (books, world) = (books.unknown_count(), world.pending_reversals);
        let what = format!("{books} payments are unknown, {world} have a pending reversal");
        wrong.push(WorldDifference::other(what, LookAt::Log));
    }
    wrong
}

/// Balances by account kind and owner.
type Balances = BTreeMap<(&'static str, u64), i128>;

fn compare_accounts(world: &WorldReport, books: &Books, wrong: &mut Vec<WorldDifference>) {
    let mut expected = expected_balances(world);
    for account in books.accounts().filter(|account| account.currency == world.currency) {
        let balance = expected.remove(&(account.kind.name(), account.owner)).unwrap_or(0);
        if account.balance != balance {
            let owner = books.owner_reference(&account).unwrap_or_default();
            let name = format!("{} {owner}", account.kind.name());
            let look_at = look_at_account(&account, owner);
            wrong.push(WorldDifference::of_amount(
                name.trim_end(),
                (account.balance, balance),
                look_at,
            ));
        }
    }
    for ((name, owner), balance) in expected.into_iter().filter(|(_, balance)| *balance != 0) {
        let name = format!("{name} {owner}");
        wrong.push(WorldDifference::of_amount(&name, (0, balance), LookAt::Balances));
    }
}

fn look_at_account(account: &AccountView, owner: &str) -> LookAt {
    match account.kind {
        AccountKind::SellerHeld | AccountKind::SellerPayable => LookAt::Seller(owner.to_owned()),
        _ => LookAt::Balances,
    }
}

/// The trial balance that follows from the world's own books.
fn expected_balances(world: &WorldReport) -> Balances {
    use AccountKind as A;
    let mut expected = Balances::new();
    let mut add = |kind: A, owner: u64, balance: i128| {
        *expected.entry((kind.name(), owner)).or_default() += balance;
    };
    add(A::Bank, world.bank.0, world.bank_balance());
    for rail in &world.rails {
        match rail.subject {
            BreakSubject::Network(network) => add(A::NetworkReceivable, network.0, rail.owes()),
            BreakSubject::Wallet(wallet) => add(A::WalletReceivable, wallet.0, rail.owes()),
            BreakSubject::Bank(_) | BreakSubject::FirmCash(_) => {}
        }
    }
    for courier in &world.couriers {
        add(A::CourierCash, courier.courier.0, i128::from(courier.expected));
        add(A::CourierShortage, courier.courier.0, i128::from(courier.shortage));
    }
    for firm in &world.firms {
        add(A::FirmCash, firm.firm.0, i128::from(firm.vault + firm.in_transit));
        add(A::FirmCommission, firm.firm.0, firm.commission);
        add(A::WithholdingPayable, 0, i128::from(firm.withheld));
    }
    for one in &world.breaks {
        let amount = i128::from(one.amount);
        let signed = if one.side == BreakSide::Excess { -amount } else { amount };
        add(A::Suspense, 0, signed);
    }
    for seller in &world.sellers {
        add(A::SellerHeld, seller.seller.0, seller.held);
        add(A::SellerPayable, seller.seller.0, seller.earned - seller.held - seller.paid);
    }
    let of_firms = [FeeKind::Commission, FeeKind::Freight];
    for (kind, fee) in world.fees.iter().filter(|(kind, _)| !of_firms.contains(kind)) {
        add(A::of_fee(kind), 0, i128::from(fee));
    }
    add(A::ClearingCost, 0, i128::from(world.clearing_cost));
    add(A::WriteOffs, 0, world.write_offs);
    add(A::Promotions, 0, i128::from(world.discounts));
    expected
}

fn compare_payments(world: &WorldReport, books: &Books, wrong: &mut Vec<WorldDifference>) {
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
            let (agree, taken) = match payment.method {
                PaymentMethod::Cash => {
                    let cash = cash_payments.remove(&payment.id);
                    let stands = cash.filter(|cash| !cash.refunded);
                    (matches_cash(&payment, cash), stands.map(|cash| cash.amount))
                }
                _ => {
                    let item = items.remove(&payment.id);
                    let paid_by_other =
                        |item: &RailItem| item.loss.is_some_and(|by| by != LossBearer::Seller);
                    let stands = item.filter(|item| item.moves_money() || paid_by_other(item));
                    (matches_rail(&payment, item), stands.map(|item| item.amount))
                }
            };
            if !agree {
                let by = moved(&payment) - i128::from(taken.unwrap_or(0));
                wrong.push(WorldDifference {
                    what: format!("the books have {payment:?}, the world has another record of it"),
                    by: Some(by).filter(|by| *by != 0),
                    look_at: LookAt::Parcel(payment.id.parcel),
                });
            }
        }
    }
    let left = items.iter().map(|(payment, item)| (payment, item.amount, item.moves_money()));
    let cash = cash_payments.iter().map(|(id, cash)| (id, cash.amount, !cash.refunded));
    wrong.extend(left.chain(cash).map(|(payment, amount, stands)| WorldDifference {
        what: format!("the books have no payment {payment:?}, the world has"),
        by: stands.then(|| -i128::from(amount)),
        look_at: LookAt::Parcel(payment.parcel),
    }));
}

/// What the books have of a payment's money.
fn moved(payment: &PaymentView) -> i128 {
    use PaymentState as T;
    let stands = matches!(payment.state, T::Approved | T::Held | T::Released);
    if stands { i128::from(payment.amount.minor()) } else { 0 }
}

fn matches_cash(payment: &PaymentView, cash_payment: Option<&CashPayment>) -> bool {
    use PaymentState as T;
    // Without an answer the terminal takes it back, and the buyer keeps the cash.
    let Some(cash_payment) = cash_payment else { return payment.state == T::Reversed };
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
        return matches!(payment.state, T::Declined | T::Reversed | T::Unknown | T::Begun);
    };
    let state = match payment.state {
        T::Begun | T::Unknown => item.deducted.is_none(),
        T::Declined | T::Reversed | T::Rejected => !item.moves_money(),
        T::Approved => item.moves_money() && item.deducted.is_none(),
        T::Held | T::Released => match item.loss {
            None | Some(LossBearer::Seller) => item.moves_money() && item.deducted.is_some(),
            // Somebody else pays the seller for it.
            Some(_) => !item.moves_money(),
        },
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
    let taken_back = item.taken_back == payment.refunded.minor();
    state && taken_back && item.amount == payment.amount.minor() && item.method == payment.method
}

fn compare_parcel(parcel: &ParcelOutcome, books: &Books, wrong: &mut Vec<WorldDifference>) {
    let look_at = LookAt::Parcel(parcel.parcel);
    let Some(view) = books.parcel_view(parcel.parcel) else {
        let what = format!("the books have no parcel {:032x}", parcel.parcel.bits());
        wrong.push(WorldDifference::other(what, look_at));
        return;
    };
    let location = match view.state {
        ParcelState::Announced | ParcelState::Assigned => Some(ParcelLocation::AtHub),
        ParcelState::Out => Some(ParcelLocation::WithCourier),
        ParcelState::Refused => Some(ParcelLocation::Refused),
        ParcelState::Delivered => Some(ParcelLocation::Delivered),
        ParcelState::Returned => Some(ParcelLocation::Returned),
        ParcelState::Lost => Some(ParcelLocation::Lost),
        ParcelState::Cancelled => None,
    };
    let (collected, paid) = (i128::from(view.collected.minor()), i128::from(parcel.paid));
    let payments = books.payments(parcel.parcel).len();
    let asked = usize::try_from(parcel.requests).unwrap_or(usize::MAX);
    if location != Some(parcel.location) || collected != paid || payments > asked {
        let id = parcel.parcel.bits();
        wrong.push(WorldDifference {
            what: format!("parcel {id:032x}: the books have {view:?}, the world {parcel:?}"),
            by: Some(collected - paid).filter(|by| *by != 0),
            look_at,
        });
    }
}

/// Open breaks: what they are about, how many, and their net amount.
type OpenBreaks = BTreeMap<String, (usize, i128)>;

fn compare_breaks(world: &WorldReport, books: &Books, wrong: &mut Vec<WorldDifference>) {
    let add = |breaks: &mut OpenBreaks, subject: BreakSubject, side: BreakSide, amount: u64| {
        let entry = breaks.entry(format!("{subject:?}, {side:?} of {amount}")).or_default();
        *entry = (entry.0 + 1, entry.1 + i128::from(amount));
    };
    let (mut expected, mut found) = (OpenBreaks::new(), OpenBreaks::new());
    for one in &world.breaks {
        add(&mut expected, one.subject, one.side, one.amount);
    }
    for one in books.open_breaks().iter().filter(|one| one.currency == world.currency) {
        add(&mut found, one.subject, one.side, one.amount.minor());
    }
    let names: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    for name in names {
        let of = |breaks: &OpenBreaks| breaks.get(name).copied().unwrap_or_default();
        let ((books, books_sum), (world, world_sum)) = (of(&found), of(&expected));
        if books != world {
            wrong.push(WorldDifference {
                what: format!("breaks at {name}: the books have {books}, the world {world}"),
                by: Some(books_sum - world_sum),
                look_at: LookAt::Log,
            });
        }
    }
}

/// Open items as terminal, number of undecided lines, and their net amount.
type OpenLines = BTreeMap<TerminalId, (usize, i128)>;

fn compare_open_items(world: &WorldReport, books: &Books, wrong: &mut Vec<WorldDifference>) {
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
            let what = format!("terminal {} uploaded no lines", item.terminal);
            wrong.push(WorldDifference::other(what, LookAt::Terminal(item.terminal)));
            continue;
        };
        let (count, net) = found.entry(item.terminal).or_default();
        *count += lines.iter().filter(|line| line.decision.is_none()).count();
        *net += item.content.net();
    }
    let terminals: BTreeSet<&TerminalId> = found.keys().chain(expected.keys()).collect();
    for terminal in terminals {
        let of = |lines: &OpenLines| lines.get(terminal).copied();
        if of(&found) != of(&expected) {
            let net = |lines: &OpenLines| of(lines).map_or(0, |(_, net)| net);
            let lines = |lines: &OpenLines| of(lines).map_or(0, |(count, _)| count);
            let (books, world) = (lines(&found), lines(&expected));
            wrong.push(WorldDifference {
                what: format!(
                    "open lines of terminal {terminal}: the books have {books}, the world {world}"
                ),
                by: Some(net(&found) - net(&expected)),
                look_at: LookAt::Terminal(*terminal),
            });
        }
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
        let of_rail = |rail: &RailBooks| {
            let item = rail.items.get(payment).or_else(|| rail.unbooked.get(payment));
            item.copied()
        };
        let mut items = world.rails.iter().filter_map(of_rail);
        items.any(|item| item.deducted.is_some())
    };
    let cleared = lost.iter().filter(is_cleared).copied();
    cleared.chain(counted.map(|cash| cash.payment)).collect()
}
