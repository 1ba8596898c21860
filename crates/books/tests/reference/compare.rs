//! Compares the engine with the model in everything that can be queried.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use books::chart::AccountKind as A;
use books::view::{
    BreakView, ParcelState, ParcelView, PaymentState, PaymentView, PlanView, PlannedPayout,
};
use books::*;
use ledger::AccountNumber;
use machine::Actor;
use money::{Amount, Currency, SignedAmount};

use crate::model::taxes::tax_account;
use crate::model::{
    Account, Model, ModelOutcome, Parcel, PayoutState, PlanState, PostingLine, payment_method,
};
use crate::terminals;

/// A mismatch, in words.
pub type Finding = Result<(), String>;

pub fn same<T: PartialEq + Debug>(what: &str, engine: &T, model: &T) -> Finding {
    if engine == model {
        return Ok(());
    }
    Err(format!("{what}:\n  engine {engine:?}\n  model  {model:?}"))
}

/// Kind, owner and currency of the engine's accounts.
pub fn account_names(engine: &Books) -> BTreeMap<AccountNumber, Account> {
    engine.accounts().map(|view| (view.number, (view.kind, view.owner, view.currency))).collect()
}

/// Compares events and postings of one command, in any order.
pub fn outcomes(engine: &Books, out: &CommandOutcome, told: &ModelOutcome) -> Finding {
    if out.events != told.events {
        let sorted = |events: &[Event]| {
            let mut texts: Vec<_> = events.iter().map(|event| format!("{event:?}")).collect();
            texts.sort();
            texts
        };
        same("events", &sorted(&out.events), &sorted(&told.events))?;
    }
    same("the value date", &out.value_date, &told.value_date)?;
    let names = account_names(engine);
    let line = |posting: &Posting| PostingLine {
        entry: posting.entry,
        stage: posting.stage,
        debit: names[&posting.debit],
        credit: names[&posting.credit],
        amount: posting.amount.minor(),
        about: (posting.payment, posting.tariff),
    };
    let lines: Vec<_> = out.postings.iter().map(line).collect();
    if lines != told.lines {
        let sorted = |lines: &[PostingLine]| {
            let mut texts: Vec<_> = lines.iter().map(|line| format!("{line:?}")).collect();
            texts.sort();
            texts
        };
        same("postings", &sorted(&lines), &sorted(&told.lines))?;
    }
    Ok(())
}

/// All balances by kind, owner and currency, without zeros.
pub fn balances(engine: &Books) -> BTreeMap<Account, i128> {
    let mut balances: BTreeMap<Account, i128> = BTreeMap::new();
    for view in engine.accounts() {
        *balances.entry((view.kind, view.owner, view.currency)).or_default() += view.balance;
    }
    balances.retain(|_, balance| *balance != 0);
    balances
}

pub fn states(engine: &Books, model: &Model) -> Finding {
    let expected = model.balances();
    same("balances", &balances(engine), &expected)?;
    for totals in engine.totals() {
        same("M1, debits and credits", &totals.debits, &totals.credits)?;
        let lines = model.lines.iter().filter(|line| line.debit.2 == totals.currency);
        let sum: u128 = lines.map(|line| u128::from(line.amount)).sum();
        same("all debits", &totals.debits, &sum)?;
    }
    same("the date", &engine.last_date(), &model.today)?;
    same("the last closed day", &engine.closed_until(), &model.periods.closed_until)?;
    let offset = engine.utc_offset_minutes_at(model.last_at);
    same("the offset", &offset, &model.offset_at(model.last_at))?;
    parcels(engine, model)?;
    parcels_out(engine, model)?;
    money_on_its_way(engine, model)?;
    debts(engine, model)?;
    custody(engine, model, &expected)?;
    terminals::agree(engine, model)?;
    statements(engine, model, &expected)?;
    let persons = engine.persons().map(|(id, removed)| (id, !removed)).collect();
    same("persons", &persons, &model.persons)?;
    for person in model.persons.keys().filter(|one| model.is_here(**one).is_ok()) {
        let roles = Some(model.roles_of(*person));
        same("roles", &engine.grants_of(*person).map(<[GrantedRole]>::to_vec), &roles)?;
    }
    for key in model.keys.keys().copied().chain([ApiKeyId(0), ApiKeyId(9_999)]) {
        who_acts(engine, model, key)?;
    }
    for &(seller, currency) in &model.seller_order {
        let view = engine.payout_account(seller, currency);
        let view = view.map(|view| (view.number, view.digest));
        same("payout account", &view, &model.payout_account((seller, currency)))?;
    }
    same("seller order", &engine.seller_accounts().collect(), &model.seller_order)
}

/// Who may act by a key: nobody, whoever has it where it names them, or nobody who is named.
fn who_acts(engine: &Books, model: &Model, key: ApiKeyId) -> Finding {
    let holder = model.holder(key, model.last_at);
    for by in 1..=4 {
        let (plan, revoked_by) = (ApiKeyId(1), PersonId(by));
        let names = Command::RevokeApiKey(RevokeApiKey { key: plan, revoked_by });
        let acts = engine.check_actor(Actor::Key(key), &names, model.last_at).is_ok();
        same("who acts by a key", &acts, &(holder == Some(Some(revoked_by))))?;
    }
    let nobody = Command::ConfirmPayout(ConfirmPayout { payout: PayoutId(1) });
    let acts = engine.check_actor(Actor::Key(key), &nobody, model.last_at).is_ok();
    same("whether a key acts", &acts, &holder.is_some())
}

fn parcels(engine: &Books, model: &Model) -> Finding {
    let firsts = (0..14).map(ParcelId::new);
    for id in firsts.chain(model.parcels.keys().copied()) {
        let parcel = model.parcels.get(&id);
        let view = |parcel: &Parcel| ParcelView {
            state: parcel.state,
            seller: parcel.seller,
            currency: parcel.currency,
            due: Amount::of(parcel.due),
            collected: Amount::of(parcel.standing()),
            assignments: if parcel.is_open() { parcel.assignments } else { 0 },
            attempts: parcel.attempts,
            payment_count: parcel.last_number(),
        };
        let what = format!("parcel {id}");
        same(&what, &engine.parcel_view(id), &parcel.map(view))?;
        let payments = parcel.map(|parcel| payment_views(id, parcel)).unwrap_or_default();
        let mut found = engine.payments(id);
        found.sort_by_key(|view| std::cmp::Reverse(view.id));
        same(&what, &found, &payments)?;
    }
    same("known parcels", &engine.known_parcel_count(), &model.parcels.len())?;
    let open = model.parcels.values().filter(|parcel| parcel.is_open()).count();
    same("open parcels", &engine.open_parcel_count(), &open)?;
    let unknown = u64::try_from(model.unknown_count()).unwrap();
    same("unknown payments", &engine.unknown_count(), &unknown)?;
    let all = model.parcels.iter().flat_map(|(id, parcel)| payment_views(*id, parcel));
    let waits = |view: &PaymentView| {
        use PaymentState as T;
        let rests = matches!(view.state, T::Declined | T::Reversed | T::Approved | T::Authorised);
        !rests && !matches!(view.state, T::Held | T::Released | T::Expired | T::Rejected)
    };
    let waiting: BTreeSet<_> = all.filter(waits).map(|view| view.id).collect();
    same("unresolved", &engine.unresolved_payments().map(|view| view.id).collect(), &waiting)
}

/// Each courier's list, read in parts of two.
fn parcels_out(engine: &Books, model: &Model) -> Finding {
    for courier in model.couriers.keys().copied() {
        let mut listed = Vec::new();
        let mut from = Some(0);
        while let Some(position) = from {
            let part = engine.parcels_out(courier, position, 2);
            listed.extend(part.parcels);
            from = part.next;
        }
        listed.sort_by_key(|one| one.parcel);
        let is_out = |one: &Parcel| one.state == ParcelState::Out && one.courier == Some(courier);
        let out = model.parcels.iter().filter(|(_, one)| is_out(one)).map(|(&parcel, one)| {
            ParcelOut { parcel, due: Amount::of(one.due), left: Amount::of(one.left()) }
        });
        same(&format!("parcels out with {courier}"), &listed, &out.collect())?;
    }
    Ok(())
}

/// The highest number first.
fn payment_views(parcel: ParcelId, known: &Parcel) -> Vec<PaymentView> {
    let views = known.payments.iter().map(|(&number, payment)| PaymentView {
        id: PaymentId { parcel, number },
        state: payment.state,
        method: payment_method(payment.method),
        amount: Amount::of(payment.amount),
        fees: Amount::of(payment.fee_total()),
        deducted_by_network: Amount::of(payment.deducted_by_network()),
        refunded: Amount::of(payment.refunded),
        tariff: payment.charge.tariff,
    });
    let mut views: Vec<_> = views.collect();
    views.reverse();
    views
}

fn money_on_its_way(engine: &Books, model: &Model) -> Finding {
    let open = model.breaks.iter().filter(|(_, one)| !one.closed);
    let breaks = open.map(|(id, one)| BreakView {
        id: *id,
        subject: one.subject,
        side: one.side,
        amount: Amount::of(one.amount),
        raised: Amount::of(one.whole),
        currency: one.currency,
        owner: one.owner,
        opened: one.opened,
    });
    same("open breaks", &engine.open_breaks(), &breaks.collect())?;
    let in_flight = model.payouts.iter().filter_map(|(id, (line, state))| match state {
        PayoutState::Sent(_) => Some((*id, line.seller, line.net)),
        _ => None,
    });
    same(
        "payouts in flight",
        &engine.payouts_in_flight().map(|one| (one.payout, one.seller, one.net)).collect(),
        &in_flight.collect::<Vec<_>>(),
    )?;
    waiting(engine, model)?;
    for (id, plan) in &model.plans {
        let open = matches!(plan.state, PlanState::Planned | PlanState::Approved);
        let view = open.then(|| PlanView {
            id: *id,
            cycle: plan.cycle,
            currency: plan.currency,
            planned_by: plan.planned_by,
            approved: plan.state == PlanState::Approved,
            lines: plan.lines.iter().map(|line| planned_payout(model, line)).collect(),
        });
        same("open plan", &engine.open_plan(*id), &view)?;
    }
    Ok(())
}

/// What waits for a network, a wallet, a buyer or a decision.
fn waiting(engine: &Books, model: &Model) -> Finding {
    let mut owed: BTreeMap<PaymentId, u64> = BTreeMap::new();
    for (&parcel, known) in &model.parcels {
        let unpaid = known.payments.iter().filter(|(_, one)| one.is_posted() && one.unpaid > 0);
        owed.extend(unpaid.map(|(&number, one)| (PaymentId { parcel, number }, one.unpaid)));
    }
    let mut refunds = BTreeMap::new();
    let mut of_sales: BTreeMap<Currency, i128> = BTreeMap::new();
    for one in engine.owed_refunds() {
        match one.seller {
            Some(_) => drop(refunds.insert(one.payment, one.amount.minor())),
            None => {
                *of_sales.entry(one.currency).or_default() += i128::from(one.amount.minor());
            }
        }
    }
    same("refunds that are owed", &refunds, &owed)?;
    for currency in engine.currencies() {
        let of_parcels = engine.owed_refunds().filter(|one| one.currency == currency);
        let sum: i128 = of_parcels.map(|one| i128::from(one.amount.minor())).sum();
        let balance = model.balance((A::BuyerRefunds, 0, currency));
        same("the refunds that are owed, added up", &sum, &balance)?;
    }
    let open = engine
        .open_chargebacks()
        .map(|one| ((one.payment, one.number), (one.amount.minor(), one.answer_by)));
    let known = model.chargebacks.all.iter().filter(|(_, one)| one.won.is_none());
    let known = known.map(|(id, one)| {
        let answer_by = one.contested_by.as_ref().map(|command| match command {
            Command::ContestChargeback(contest) => contest.answer_by,
            _ => unreachable!("only contests are kept"),
        });
        (*id, (one.amount, answer_by))
    });
    same("open chargebacks", &open.collect::<BTreeMap<_, _>>(), &known.collect())?;
    let mut expected: BTreeMap<RailId, i128> = BTreeMap::new();
    for one in engine.uncleared_payments() {
        *expected.entry(one.rail).or_default() += one.amount;
    }
    // What people found to be more or less there.
    for (_, one) in model.breaks.range(..FIRST_AUTOMATIC_BREAK) {
        let rail = match one.subject {
            BreakSubject::Network(id) => RailId::Network(id),
            BreakSubject::Wallet(id) => RailId::Wallet(id),
            BreakSubject::Bank(_) | BreakSubject::FirmCash(_) => continue,
        };
        if one.withdrawn_by.is_none() {
            let whole = i128::from(one.whole);
            let whole = if one.side == BreakSide::Excess { whole } else { -whole };
            *expected.entry(rail).or_default() += whole;
        }
    }
    for rail in engine.rail_views() {
        let sum = expected.get(&rail.id).copied().unwrap_or(0);
        same("a rail's uncleared payments, added up", &sum, &rail.receivable)?;
    }
    Ok(())
}

/// Files, and what bank statements show (M15).
fn statements(engine: &Books, model: &Model, balances: &BTreeMap<Account, i128>) -> Finding {
    let rails = model.networks.keys().map(|id| FileLane::Network(*id));
    let rails = rails.chain(model.wallets.keys().map(|id| FileLane::Wallet(*id)));
    for lane in rails.chain(model.banks.keys().map(|id| FileLane::Bank(*id))) {
        let known = model.files_of(lane).iter();
        let known = known.map(|one| (&one.begun, one.sums(), one.ended.as_ref().map(|e| e.digest)));
        let files = engine.files_of(lane).map(|one| (one.begun, one.sums, one.ended));
        same("files", &files.collect::<Vec<_>>(), &known.collect())?;
        same("the next file", &engine.next_file(lane), &Some(model.last_file(lane) + 1))?;
    }
    for view in engine.bank_reconciliations() {
        let (bank, open) = (view.bank, model.open_movements(view.bank));
        same("open movements", &engine.open_movements(bank).collect(), &open)?;
        let expected = model.expected_entries(bank);
        same("expected entries", &engine.expected_entries(bank).collect(), &expected)?;
        let books = balances.get(&(A::Bank, bank.0, view.currency)).copied().unwrap_or(0);
        same("a bank account", &view.books, &books)?;
        let not_shown: i128 = open.iter().map(|one| one.amount).sum();
        same("what no statement shows", &view.not_on_statement, &not_shown)?;
        let awaited: i128 = expected.iter().map(|one| one.amount).sum();
        same("what is awaited", &view.expected, &awaited)?;
        let shown = model.shown(bank);
        same("M15, statements and books", &books, &(shown + not_shown))?;
        let minor = |amount: Option<SignedAmount>| amount.map(|one| i128::from(one.minor()));
        let files = model.files_of(FileLane::Bank(bank));
        let opening = files.first().and_then(|one| minor(one.begun.opening));
        same("the first opening balance", &minor(view.opening), &opening)?;
        let (ended, begun): (Vec<_>, Vec<_>) = files.iter().partition(|one| one.ended.is_some());
        let closing = ended.last().and_then(|one| {
            let closing = minor(one.begun.opening)? + i128::from(one.begun.total.minor());
            Some((closing, one.begun.until))
        });
        same("the last statement", &view.statement, &closing)?;
        if let (Some((closing, _)), Some(opening)) = (closing, opening) {
            let begun: i128 = begun.iter().map(|one| one.total()).sum();
            same("M15, a closing balance", &(closing + begun), &(opening + shown + awaited))?;
        }
    }
    Ok(())
}

fn debts(engine: &Books, model: &Model) -> Finding {
    let below_zero: Vec<_> = engine.sellers_below_zero().collect();
    same("sellers below zero", &below_zero, &model.sellers_below_zero())?;
    same("open invoices", &engine.open_invoices().collect(), &model.open_invoices())
}

fn planned_payout(model: &Model, line: &PayoutLine) -> PlannedPayout {
    let suspended = model.is_seller_suspended(line.seller);
    let payable = model.balance((A::SellerPayable, line.seller.0, line.currency));
    PlannedPayout { line: *line, payable, suspended }
}

fn custody(engine: &Books, model: &Model, balances: &BTreeMap<Account, i128>) -> Finding {
    let balance = |account| balances.get(&account).copied().unwrap_or(0);
    for id in model.couriers.keys() {
        let (cash, shortage, _, _) = model.courier_accounts(*id);
        let both = Some((balance(cash), balance(shortage)));
        same("a courier's cash", &engine.courier_cash(*id), &both)?;
    }
    for (tax, currency) in Tax::ALL.into_iter().zip([Currency::CNY, Currency::CNY]) {
        let owed = engine.tax_payable(tax, currency).unwrap_or(0);
        same("what is owed of a tax", &owed, &balance(tax_account(tax, currency)))?;
    }
    for (id, firm) in &model.firms {
        let account = (A::FirmCash, id.0, firm.currency);
        let theirs = model.couriers.iter().filter(|(_, courier)| courier.firm == *id);
        let in_hands = theirs.map(|(courier, _)| {
            let (cash, shortage, _, _) = model.courier_accounts(*courier);
            balance(cash) + balance(shortage)
        });
        let sum = in_hands.sum::<i128>() + balance(account);
        same("a firm's custody", &engine.custody(*id), &Some(sum))?;
        let payable = Some(model.commission_payable(*id));
        same("a firm's payable commission", &engine.commission_payable(*id), &payable)?;
        let free = balance(account) - model.pending(account).1;
        same("a firm's cash", &engine.firm_cash(*id), &Some(free))?;
    }
    Ok(())
}
