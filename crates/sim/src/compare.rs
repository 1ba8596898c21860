//! The world's books against the engine's, item by item.

use std::collections::BTreeMap;

use engine::chart::AccountKind;
use engine::view::{ParcelState, TenderState, TenderView};
use engine::{BreakSide, BreakSubject, Engine};
use tariff::{FeeKind, Tender};

use crate::books::{BreakCause, CashTaking, ParcelEnding, RailItem, Whereabouts, WorldReport};

/// Compares what the world did with what the books say: every account's balance, every payment,
/// every parcel, every break. The engine has to hold the day and nothing else in the day's
/// currency.
///
/// # Errors
/// Each difference in a line.
pub fn compare(world: &WorldReport, engine: &Engine) -> Result<(), Vec<String>> {
    let mut wrong = world.disagreements.clone();
    compare_accounts(world, engine, &mut wrong);
    compare_payments(world, engine, &mut wrong);
    compare_breaks(world, engine, &mut wrong);
    if engine.unknown_count() != world.unresolved {
        let (books, world) = (engine.unknown_count(), world.unresolved);
        wrong.push(format!("{books} payments are unknown, {world} are waiting for their reversal"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// Balances by what they are for and whose they are.
type Balances = BTreeMap<(&'static str, u64), i128>;

/// What a seller is owed, held or payable: the world does not know which.
const OWED: &str = "liabilities:seller-held + seller-payable";

fn compare_accounts(world: &WorldReport, engine: &Engine, wrong: &mut Vec<String>) {
    let expected = expected_balances(world);
    let mut books = Balances::new();
    for account in engine.accounts().filter(|account| account.currency == world.currency) {
        let name = match account.kind {
            AccountKind::SellerHeld | AccountKind::SellerPayable => OWED,
            kind => kind.name(),
        };
        *books.entry((name, account.owner)).or_default() += account.balance;
    }
    let names = books.keys().chain(expected.keys().filter(|name| !books.contains_key(name)));
    for name in names {
        let balance = |balances: &Balances| balances.get(name).copied().unwrap_or(0);
        let (books, world) = (balance(&books), balance(&expected));
        if books != world {
            let (name, owner) = name;
            wrong.push(format!("{name} {owner}: the books have {books}, the world {world}"));
        }
    }
}

/// The trial balance that the world's own books lead to.
fn expected_balances(world: &WorldReport) -> Balances {
    use AccountKind as A;
    let mut expected = Balances::new();
    let mut add = |kind: &'static str, owner: u64, balance: i128| {
        *expected.entry((kind, owner)).or_default() += balance;
    };
    add(A::Bank.name(), world.bank.0, world.bank_balance());
    for rail in &world.rails {
        let owed = rail.items.values().filter(|item| item.stands() && item.kept_back.is_none());
        let owed = owed.map(|item| i128::from(item.amount)).sum();
        match rail.subject {
            BreakSubject::Network(network) => add(A::NetworkReceivable.name(), network.0, owed),
            BreakSubject::Wallet(wallet) => add(A::WalletReceivable.name(), wallet.0, owed),
            BreakSubject::Bank(_) | BreakSubject::FirmCash(_) => {}
        }
    }
    for courier in &world.couriers {
        add(A::CourierCash.name(), courier.courier.0, i128::from(courier.should_have));
        add(A::CourierShortage.name(), courier.courier.0, i128::from(courier.owes));
    }
    for firm in &world.firms {
        add(A::FirmCash.name(), firm.firm.0, i128::from(firm.vault + firm.on_its_way));
        add(A::FirmCommission.name(), firm.firm.0, i128::from(firm.commission));
    }
    for one in &world.breaks {
        let amount = i128::from(one.amount);
        let signed = if one.side == BreakSide::Excess { -amount } else { amount };
        add(A::Suspense.name(), 0, signed);
        // Nothing was missing but lines: what the books took off the network stays off.
        match (one.cause, one.subject) {
            (BreakCause::ForgottenLines(_), BreakSubject::Network(network)) => {
                add(A::NetworkReceivable.name(), network.0, -signed);
            }
            (BreakCause::ForgottenLines(_), BreakSubject::Wallet(wallet)) => {
                add(A::WalletReceivable.name(), wallet.0, -signed);
            }
            _ => {}
        }
    }
    for seller in &world.sellers {
        add(OWED, seller.seller.0, seller.share - seller.paid);
    }
    for (kind, fee) in world.fees.iter().filter(|(kind, _)| *kind != FeeKind::Commission) {
        add(A::of_fee(kind).name(), 0, i128::from(fee));
    }
    add(A::ClearingCost.name(), 0, i128::from(world.clearing_cost));
    expected
}

fn compare_payments(world: &WorldReport, engine: &Engine, wrong: &mut Vec<String>) {
    let mut items = BTreeMap::new();
    for (tender, item) in world.rails.iter().flat_map(|rail| &rail.items) {
        items.insert(*tender, item);
    }
    let mut takings = BTreeMap::new();
    for taking in &world.cash {
        takings.insert(taking.tender, taking);
    }
    for parcel in &world.parcels {
        compare_parcel(parcel, engine, wrong);
        for tender in engine.tenders(parcel.parcel) {
            let agree = match tender.method {
                Tender::Cash => agrees_with_cash(&tender, takings.remove(&tender.id)),
                _ => agrees_with_rail(&tender, items.remove(&tender.id)),
            };
            if !agree {
                wrong.push(format!("the books have {tender:?}, the world knows it otherwise"));
            }
        }
    }
    wrong.extend(items.keys().map(|tender| format!("the books do not know {tender:?}")));
    wrong.extend(takings.keys().map(|tender| format!("the books do not know cash {tender:?}")));
}

fn agrees_with_cash(tender: &TenderView, taking: Option<&CashTaking>) -> bool {
    use TenderState as T;
    let Some(taking) = taking else { return false };
    let state = match tender.state {
        T::Reversed => taking.given_back,
        T::Approved | T::Held | T::Released => !taking.given_back,
        // Cash is there or not, and given back at once.
        _ => false,
    };
    state && taking.amount == tender.amount.minor()
}

/// A payment without an item never reached the network or wallet.
fn agrees_with_rail(tender: &TenderView, item: Option<&RailItem>) -> bool {
    use TenderState as T;
    let Some(item) = item else {
        return matches!(tender.state, T::Reversed | T::Unknown | T::Begun);
    };
    let state = match tender.state {
        T::Begun | T::Unknown => item.kept_back.is_none(),
        T::Declined => !item.stands(),
        T::Reversed => !item.stands(),
        T::Approved => item.stands() && item.kept_back.is_none(),
        T::Held | T::Released => item.stands() && item.kept_back.is_some(),
        // Nothing is left half done in the evening.
        T::Authorised
        | T::Completing
        | T::CompletionUnknown
        | T::TakingBack(_)
        | T::Releasing(_)
        | T::UndoingVoid
        | T::Expired => false,
    };
    state && item.amount == tender.amount.minor() && item.how == tender.method
}

fn compare_parcel(parcel: &ParcelEnding, engine: &Engine, wrong: &mut Vec<String>) {
    let id = parcel.parcel.bits();
    let Some(view) = engine.parcel_view(parcel.parcel) else {
        wrong.push(format!("the books do not know parcel {id:032x}"));
        return;
    };
    let state = match view.state {
        ParcelState::Announced | ParcelState::Assigned => Whereabouts::Hub,
        ParcelState::Out => Whereabouts::Out,
        ParcelState::Refused => Whereabouts::Refused,
        ParcelState::Delivered => Whereabouts::Delivered,
        ParcelState::Returned => Whereabouts::Returned,
        ParcelState::Lost => {
            wrong.push(format!("the books have lost parcel {id:032x}"));
            return;
        }
    };
    let tenders = engine.tenders(parcel.parcel).len();
    let same = state == parcel.whereabouts
        && view.collected.minor() == parcel.paid
        && tenders == usize::from(parcel.tenders);
    if !same {
        wrong.push(format!("parcel {id:032x}: the books have {view:?}, the world {parcel:?}"));
    }
}

fn compare_breaks(world: &WorldReport, engine: &Engine, wrong: &mut Vec<String>) {
    let line = |subject: BreakSubject, side: BreakSide, amount: u64| {
        format!("{side:?} of {amount} at {subject:?}")
    };
    let mut expected: Vec<String> =
        world.breaks.iter().map(|one| line(one.subject, one.side, one.amount)).collect();
    let open = engine.open_breaks();
    let here = open.iter().filter(|one| one.currency == world.currency);
    let mut books: Vec<String> =
        here.map(|one| line(one.subject, one.side, one.amount.minor())).collect();
    expected.sort_unstable();
    books.sort_unstable();
    if books != expected {
        wrong.push(format!("the books have the breaks {books:?}, the world {expected:?}"));
    }
}
