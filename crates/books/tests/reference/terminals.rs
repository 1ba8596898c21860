//! Compares the engine with the model about terminals, their transactions, and networks.

use std::collections::BTreeMap;

use books::chart::AccountKind as A;
use books::terminal_view::{NetworkView, PendingRequest, TerminalView, TransactionView};
use books::view::PaymentState;
use books::*;
use money::Amount;

use crate::compare::{Finding, same};
use crate::model::{Model, ModelMethod, Numbered, Transaction, TransactionStatus};
use crate::world::NETWORKS;

pub fn agree(engine: &Books, model: &Model) -> Finding {
    for (id, (courier, blocked)) in &model.terminals {
        let firm = model.couriers[courier].firm;
        let batches = model.last_batches(*id);
        let last = batches.last();
        let number = last.map_or(0, |last| last.number);
        let here = |one: &&Transaction| (one.trace.terminal, one.trace.batch) == (*id, number);
        let transactions = model.transactions.iter().filter(here).count();
        let (each, total) = model.offline.get(id).copied().unwrap_or_default();
        let view = TerminalView {
            courier: *courier,
            firm,
            currency: model.firms[&firm].currency,
            blocked: *blocked,
            courier_suspended: model.is_courier_suspended(*courier),
            changes: model.count_of(Numbered::TerminalChanges(*id)),
            batch: number,
            batch_open: last.is_some_and(|last| last.open),
            disputed: batches.iter().any(|one| one.disputed && !one.reconciled),
            transactions: u32::try_from(transactions).unwrap(),
            offline_each: Amount::of(each),
            offline_total: Amount::of(total),
            offline_left: Amount::of(total.saturating_sub(model.unanswered(*id))),
        };
        same("a terminal", &engine.terminal_view(*id), &Some(view))?;
        for batch in &batches {
            let totals = model.batch_totals(*id, batch.number);
            same("a batch", &engine.batch_totals(*id, batch.number), &Some(totals))?;
        }
    }
    same("open items", &engine.open_items().collect(), &model.open_item_views())?;
    transactions(engine, model)?;
    networks(engine, model)
}

fn route(how: ModelMethod) -> Option<PaymentRoute> {
    match how {
        ModelMethod::Card(network, kind) => Some(PaymentRoute::Card { network, kind }),
        ModelMethod::Qr(wallet) => Some(PaymentRoute::Qr { wallet }),
        ModelMethod::Cash(_) => None,
    }
}

fn transactions(engine: &Books, model: &Model) -> Finding {
    let mut pending_requests = BTreeMap::new();
    for (place, one) in model.transactions.iter().enumerate() {
        let sale = model.sale_without_parcel(one.payment);
        let (method, whole, state) = match sale {
            Some(sale) => (sale.how, sale.amount, PaymentState::Suspended),
            None => {
                let payment = model.payment(one.payment);
                let payment = payment.map_err(|_| "a transaction without a payment")?;
                (payment.method, payment.amount, payment.state)
            }
        };
        let view = TransactionView {
            trace: one.trace,
            kind: one.kind,
            duplicate_key: one.duplicate_key,
            parcel: one.payment.parcel,
            payment: one.payment,
            amount: Amount::of(one.amount),
            network_reference: one.network_reference,
            route: route(method),
            response_code: one.response.map(|(code, _)| code),
            authorisation_code: one.response.and_then(|(_, authorisation)| authorisation),
            wallet_payment: one.wallet_payment,
            counts_in_batch: one.status == TransactionStatus::Approved,
            reversed: one.status == TransactionStatus::Reversed,
            awaits_network: model.pending_request(place).is_some(),
            payment_state: state,
        };
        let shown = model.is_remembered(place) || one.kind == TransactionKind::PreAuthorisation;
        same("a transaction", &engine.transaction(one.trace), &shown.then_some(view))?;
        let order = one.kind == TransactionKind::Qr;
        same("a wallet's order", &engine.wallet_order(one.trace), &order.then_some(view))?;
        if let Some(what) = model.pending_request(place) {
            let pending = PendingRequest {
                kind: what,
                payment: one.payment,
                trace: one.trace,
                route: route(method).ok_or("cash that somebody is asked about")?,
                amount: view.amount,
                payment_amount: Amount::of(whole),
                network_reference: one.network_reference,
                authorisation_code: view.authorisation_code,
            };
            pending_requests.insert(one.trace, pending);
        }
    }
    let found: BTreeMap<_, _> =
        engine.pending_requests().map(|pending| (pending.trace, pending)).collect();
    same("what is to be asked", &found, &pending_requests)?;
    same("how much is to be asked", &engine.pending_requests().count(), &pending_requests.len())
}

fn networks(engine: &Books, model: &Model) -> Finding {
    for id in NETWORKS {
        let Some(currency) = model.networks.get(&id).copied() else { continue };
        let account = (A::NetworkReceivable, id.0, currency);
        let over = |how| matches!(how, ModelMethod::Card(network, _) if network == id);
        let payments = model.parcels.values().flat_map(|parcel| parcel.payments.values());
        let unknown = payments.filter(|one| over(one.method) && one.is_unknown()).count();
        let view = NetworkView {
            currency,
            withdrawn_from: model.withdrawn.get(&id).map(|(from, _)| *from),
            unknown_payments: u32::try_from(unknown).unwrap(),
            receivable: model.balance(account),
            pending: u128::try_from(model.pending(account).0).unwrap(),
        };
        same("a network", &engine.network_view(id), &Some(view))?;
    }
    Ok(())
}
