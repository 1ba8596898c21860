//! Terminals of several currencies: each has its courier firm's.

use books::{Command, PaymentRoute, RouteVerdict};
use money::Currency;
use peers::TerminalTask;
use switch::QueryResult;
use tariff::CardKind;

use crate::world::*;

/// Answers the next query for a terminal as if its firm settled in another currency.
fn answer_in(world: &mut World, currency: Currency) {
    let Some(BooksRequest::Query(ticket, query)) = world.books.pop_front() else {
        panic!("the switch does not ask for the terminal");
    };
    let QueryResult::Terminal(Some(mut view)) = query.answer(&world.engine) else {
        panic!("the terminal is not registered");
    };
    view.currency = currency;
    let (mut out, at) = (Vec::new(), world.at());
    world.switch.on_query_result(ticket, QueryResult::Terminal(Some(view)), at, &mut out);
    world.queue_outputs(out);
}

#[test]
fn a_payment_takes_the_network_that_clears_in_the_terminals_currency() {
    let mut world = World::with(2, 1);
    world.settings.currencies.push(Currency::BRL);
    world.settings.networks[1].currency = Currency::BRL;
    world.restart().unwrap();
    world.settle();
    let text = waybill(world.parcel(10_000));
    let card = card(1);
    // The restart ended the session.
    world.ask(0, TerminalTask::SignOn).unwrap();
    world.switch_receives_from_terminal();
    answer_in(&mut world, Currency::BRL);
    world.settle();
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.forge(None, &[], |message| {
        message.text(49, "986");
    });
    world.switch_receives_from_terminal();
    let Some(BooksRequest::Command(_, Command::BeginPurchase(begun))) = world.books.front() else {
        panic!("the sale does not begin: {:?}", world.operator_events);
    };
    let (network, kind) = (NETWORKS[1], CardKind::Debit);
    assert_eq!(begun.route, PaymentRoute::Card { network, kind });
    let verdicts: Vec<_> = begun.route_candidates.iter().map(|one| one.verdict).collect();
    assert_eq!(verdicts, [RouteVerdict::WrongCurrency, RouteVerdict::Chosen]);
}

#[test]
fn a_terminal_whose_currency_is_not_in_the_settings_is_refused() {
    let mut world = World::open();
    world.settings.currencies = vec![Currency::BRL];
    world.restart().unwrap();
    world.settle();
    assert_eq!(world.declined(0, TerminalTask::SignOn), "97");
}
