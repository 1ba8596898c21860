//! Routing: the chosen network and the recorded verdicts.

use books::{
    Command, Event, NetworkId, ReinstateNetwork, RouteVerdict, Timestamp, WithdrawNetwork,
};
use peers::card::EntryMode;
use peers::{ResponseAction, TerminalOutcome, TerminalTask, TestCard};
use tariff::CardKind;

use crate::world::*;

/// Sells and returns the recorded verdicts on the networks.
fn routed(world: &mut World, card: &TestCard) -> [RouteVerdict; 2] {
    world.events.clear();
    let parcel = world.parcel(10_000);
    let text = waybill(parcel);
    world.approved(0, TerminalTask::Sale { waybill: &text, card, amount: 10_000, pin: None });
    recorded(world)
}

fn recorded(world: &World) -> [RouteVerdict; 2] {
    let considered = world.events.iter().find_map(|event| match event {
        Event::PaymentRouted { route_candidates: considered, .. } => Some(considered),
        _ => None,
    });
    let considered = considered.expect("the sale was routed");
    assert_eq!(considered.iter().map(|one| one.network).collect::<Vec<_>>(), NETWORKS);
    [considered[0].verdict, considered[1].verdict]
}

fn withdraw(world: &mut World, number: u32, network: NetworkId, from: Timestamp) {
    let [proposed_by, approved_by] = PERSONS;
    world.apply(Command::WithdrawNetwork(WithdrawNetwork {
        network,
        number,
        from,
        proposed_by,
        approved_by,
    }));
    world.switch.network_withdrawn(network, Some(from));
}

#[test]
fn the_cheapest_network_is_taken_and_the_other_is_recorded() {
    let mut world = World::with(2, 1);
    assert_eq!(routed(&mut world, &card(1)), [RouteVerdict::Chosen, RouteVerdict::MoreExpensive]);
    let second = TestCard::generate(BIN_OF_SECOND_NETWORK, 1, EntryMode::Chip);
    assert_eq!(routed(&mut world, &second), [RouteVerdict::CardNotAccepted, RouteVerdict::Chosen]);
    world.disconnect(0, 0);
    assert_eq!(routed(&mut world, &card(1)), [RouteVerdict::Down, RouteVerdict::Chosen]);
    world.assert_books_agree();
}

#[test]
fn a_credit_card_takes_the_network_that_is_cheapest_for_credit_cards() {
    let mut world = World::with(2, 1);
    let credit = TestCard::generate(BIN_OF_CREDIT_CARDS, 1, EntryMode::Chip);
    assert_eq!(routed(&mut world, &credit), [RouteVerdict::MoreExpensive, RouteVerdict::Chosen]);
}

#[test]
fn the_longest_prefix_of_a_card_decides() {
    let mut world = World::with(2, 1);
    world.settings.bins.push(switch::BinRange {
        first_digits: BIN.to_string()[..2].to_owned(),
        kind: CardKind::Debit,
        networks: vec![NETWORKS[1]],
    });
    world.restart().unwrap();
    world.settle();
    assert_eq!(routed(&mut world, &card(1)), [RouteVerdict::Chosen, RouteVerdict::MoreExpensive]);
}

#[test]
fn a_failing_network_gets_a_cooldown_while_another_is_up() {
    let mut world = World::with(2, 1);
    for number in 1..=3 {
        world.script_network(0, &[ResponseAction::Lost; 20]);
        let (text, card) = (waybill(world.parcel(100)), card(number));
        let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 100, pin: None };
        world.ask(0, task).unwrap();
        world.settle();
        // The reversals are lost, too: a response would end the cool-down.
        world.advance_to(world.now + 15_001);
        world.settle();
    }
    assert_eq!(routed(&mut world, &card(9)), [RouteVerdict::Down, RouteVerdict::Chosen]);
    world.networks[0].actions.lock().unwrap().clear();
    world.assert_books_agree();
    assert_eq!(routed(&mut world, &card(9)), [RouteVerdict::Chosen, RouteVerdict::MoreExpensive]);
    world.assert_books_agree();
}

#[test]
fn a_withdrawn_network_gets_no_new_payments_and_finishes_the_others() {
    let mut world = World::with(2, 1);
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    // One sale is in flight at the withdrawal and succeeds; another is lost and reversed.
    for (number, action) in [(1, ResponseAction::Approve), (3, ResponseAction::Silent)] {
        world.script_network(0, &[action]);
        let parcel = world.parcel(10_000);
        let (text, card) = (waybill(parcel), card(2));
        let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
        world.ask(0, task).unwrap();
        world.switch_receives_from_terminal();
        world.books_step();
        let from = world.at();
        withdraw(&mut world, number, NETWORKS[0], from);
        world.run_until_idle();
        assert_eq!(world.collected(parcel) == 10_000, action == ResponseAction::Approve);
        let [proposed_by, approved_by] = PERSONS;
        let network = NETWORKS[0];
        world.apply(Command::ReinstateNetwork(ReinstateNetwork {
            network,
            number: number + 1,
            proposed_by,
            approved_by,
        }));
        world.switch.network_withdrawn(network, None);
    }
    let from = world.at();
    withdraw(&mut world, 5, NETWORKS[0], from);
    assert_eq!(routed(&mut world, &card(3)), [RouteVerdict::Withdrawn, RouteVerdict::Chosen]);
    world.crash();
    assert_eq!(routed(&mut world, &card(4)), [RouteVerdict::Withdrawn, RouteVerdict::Chosen]);
    // A void goes to the network of its sale.
    world.approved(0, TerminalTask::Void { stan: sale.stan });
    world.assert_books_agree();
}

#[test]
fn without_a_network_a_sale_is_refused() {
    let mut world = World::with(2, 1);
    world.disconnect(0, 0);
    world.disconnect(1, 0);
    let (text, card) = (waybill(world.parcel(10_000)), card(1));
    let before = world.applied();
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    assert_eq!(world.declined(0, task), "91");
    assert_eq!(world.applied(), before);
    assert!(matches!(world.terminals[0].responses.last(), Some(TerminalOutcome::Declined(_))));
}
