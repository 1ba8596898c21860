//! Which network a card goes over, and why.

use engine::{Command, Event, NetworkId, PersonId, Timestamp, Verdict};
use peers::card::Entry;
use peers::{Action, Card, Heard, Task};

use crate::world::*;

/// Sells, and tells what the books say was thought of the networks.
fn routed(world: &mut World, card: &Card) -> [Verdict; 2] {
    world.events.clear();
    let parcel = world.parcel(10_000);
    let text = waybill(parcel);
    world.approved(0, Task::Sell { waybill: &text, card, amount: 10_000, pin: None });
    recorded(world)
}

fn recorded(world: &World) -> [Verdict; 2] {
    let considered = world.events.iter().find_map(|event| match event {
        Event::Routed { considered, .. } => Some(considered),
        _ => None,
    });
    let considered = considered.expect("it was routed");
    assert_eq!(considered.iter().map(|one| one.network).collect::<Vec<_>>(), NETWORKS);
    [considered[0].verdict, considered[1].verdict]
}

fn withdraw(world: &mut World, network: NetworkId, from: Timestamp) {
    let (proposed_by, approved_by) = (PersonId(1), PersonId(2));
    world.must(Command::WithdrawNetwork { network, from, proposed_by, approved_by });
    world.switch.network_withdrawn(network, Some(from));
}

#[test]
fn the_cheapest_network_is_taken_and_the_other_is_recorded() {
    let mut world = World::with(2, 1);
    assert_eq!(routed(&mut world, &card(1)), [Verdict::Chosen, Verdict::Dearer]);
    let second = Card::made(BIN_OF_SECOND, 1, Entry::Chip);
    assert_eq!(routed(&mut world, &second), [Verdict::NotForCard, Verdict::Chosen]);
    world.disconnect(0, 0);
    assert_eq!(routed(&mut world, &card(1)), [Verdict::Down, Verdict::Chosen]);
    world.agree();
}

#[test]
fn a_network_that_does_not_answer_rests_while_another_is_there() {
    let mut world = World::with(2, 1);
    for number in 1..=3 {
        world.fates(0, &[Action::Lost; 20]);
        let (text, card) = (waybill(world.parcel(100)), card(number));
        let task = Task::Sell { waybill: &text, card: &card, amount: 100, pin: None };
        world.ask(0, task).unwrap();
        world.settle();
        // The reversals are lost, too: an answer would wake the network.
        world.time_passes(world.now + 15_001);
        world.settle();
    }
    assert_eq!(routed(&mut world, &card(9)), [Verdict::Down, Verdict::Chosen]);
    world.nets[0].fates.lock().unwrap().clear();
    world.agree();
    assert_eq!(routed(&mut world, &card(9)), [Verdict::Chosen, Verdict::Dearer]);
    world.agree();
}

#[test]
fn a_withdrawn_network_gets_nothing_new_and_ends_what_it_has() {
    let mut world = World::with(2, 1);
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    // One is under way when it is withdrawn, and ends well; another is lost and is reversed.
    for action in [Action::Approve, Action::Silent] {
        world.fates(0, &[action]);
        let parcel = world.parcel(10_000);
        let (text, card) = (waybill(parcel), card(2));
        let task = Task::Sell { waybill: &text, card: &card, amount: 10_000, pin: None };
        world.ask(0, task).unwrap();
        world.switch_hears_terminal();
        world.book();
        let from = world.at();
        withdraw(&mut world, NETWORKS[0], from);
        world.quiet();
        assert_eq!(world.collected(parcel) == 10_000, action == Action::Approve);
        let (proposed_by, approved_by) = (PersonId(1), PersonId(2));
        let network = NETWORKS[0];
        world.must(Command::ReinstateNetwork { network, proposed_by, approved_by });
        world.switch.network_withdrawn(network, None);
    }
    let from = world.at();
    withdraw(&mut world, NETWORKS[0], from);
    assert_eq!(routed(&mut world, &card(3)), [Verdict::Withdrawn, Verdict::Chosen]);
    world.crash();
    assert_eq!(routed(&mut world, &card(4)), [Verdict::Withdrawn, Verdict::Chosen]);
    // A void goes where the sale went.
    world.approved(0, Task::Void { stan: sale.stan });
    world.agree();
}

#[test]
fn where_no_network_is_left_the_terminal_is_told() {
    let mut world = World::with(2, 1);
    world.disconnect(0, 0);
    world.disconnect(1, 0);
    let (text, card) = (waybill(world.parcel(10_000)), card(1));
    let before = world.engine.digest();
    let task = Task::Sell { waybill: &text, card: &card, amount: 10_000, pin: None };
    assert_eq!(world.declined(0, task), "91");
    assert_eq!(world.engine.digest(), before);
    assert!(matches!(world.terminals[0].heard.last(), Some(Heard::Declined(_))));
}
