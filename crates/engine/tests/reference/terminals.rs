//! Whether the engine and the model agree about terminals, their transactions, and networks.

use std::collections::BTreeMap;

use engine::chart::AccountKind as A;
use engine::door_view::{Chase, NetworkView, TerminalView, TransactionView};
use engine::*;
use money::Amount;

use crate::compare::{Finding, same};
use crate::model::{How, Model, Standing, Transaction};
use crate::world::NETWORKS;

pub fn agree(engine: &Engine, model: &Model) -> Finding {
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
    let mut disputes: Vec<_> = engine.disputes().collect();
    disputes.sort_by_key(|one| (one.left_on, one.terminal, one.batch));
    same("disputed batches", &disputes, &model.open_disputes())?;
    transactions(engine, model)?;
    networks(engine, model)
}

fn method(how: How) -> Option<Method> {
    match how {
        How::Card(network, kind) => Some(Method::Card { network, kind }),
        How::Qr(wallet) => Some(Method::Qr { wallet }),
        How::Cash(_) => None,
    }
}

fn transactions(engine: &Engine, model: &Model) -> Finding {
    let mut chases = BTreeMap::new();
    for (place, one) in model.transactions.iter().enumerate() {
        let tender = model.tender(one.tender).map_err(|_| "a transaction of no tender")?;
        let view = TransactionView {
            trace: one.trace,
            kind: one.kind,
            mark: one.mark,
            parcel: one.tender.parcel,
            tender: one.tender,
            amount: Amount::of(one.amount),
            sent: one.sent,
            method: method(tender.how),
            answer: one.told.map(|(code, _)| code),
            authorisation: one.told.map_or(*b"      ", |(_, authorisation)| authorisation),
            stands: one.standing == Standing::Stands,
            reversed: one.standing == Standing::Reversed,
            chased: model.asked(place).is_some(),
            state: tender.state,
        };
        let shown = model.is_held(place) || one.kind == TransactionKind::PreAuthorisation;
        same("a transaction", &engine.transaction(one.trace), &shown.then_some(view))?;
        let order = one.kind == TransactionKind::Qr;
        same("a wallet's order", &engine.order(one.trace), &order.then_some(view))?;
        if let Some(what) = model.asked(place) {
            let chase = Chase {
                what,
                tender: one.tender,
                trace: one.trace,
                method: method(tender.how).ok_or("cash that somebody is asked about")?,
                amount: view.amount,
                of: Amount::of(tender.amount),
                sent: one.sent,
                authorisation: view.authorisation,
            };
            chases.insert(one.trace, chase);
        }
    }
    let found: BTreeMap<_, _> = engine.to_chase().map(|chase| (chase.trace, chase)).collect();
    same("what is to be asked", &found, &chases)?;
    same("how much is to be asked", &engine.to_chase().count(), &chases.len())
}

fn networks(engine: &Engine, model: &Model) -> Finding {
    for id in NETWORKS {
        let Some(currency) = model.networks.get(&id).copied() else { continue };
        let account = (A::NetworkReceivable, id.0, currency);
        let over = |how| matches!(how, How::Card(network, _) if network == id);
        let tenders = model.parcels.values().flat_map(|parcel| &parcel.tenders);
        let unknown = tenders.filter(|one| over(one.how) && one.is_unknown()).count();
        let view = NetworkView {
            currency,
            withdrawn_from: model.withdrawn.get(&id).copied(),
            unknown: u32::try_from(unknown).unwrap(),
            receivable: model.balance(account),
            pending: u128::try_from(model.pending(account).0).unwrap(),
        };
        same("a network", &engine.network_view(id), &Some(view))?;
    }
    Ok(())
}
