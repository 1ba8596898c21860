//! Offline sales that happened are in the books, whatever changed before they were forwarded.

use books::view::PaymentState;
use books::{
    BlockTerminal, Command, Event, HandTerminal, OfflineSaleFlag, ParcelId, PaymentId, TerminalId,
};
use money::Amount;
use peers::{ResponseAction, ResponseCode, TerminalOutcome, TerminalTask};
use switch::OperatorEvent;

use crate::world::*;

/// A world in which terminal 1 has sold a parcel while no network was up.
fn sold_offline(amount: u64) -> (World, ParcelId) {
    let mut world = World::open();
    world.run(0, TerminalTask::Parameters);
    world.disconnect(0, 0);
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = TerminalTask::Offline { waybill: &text, card: &card, amount };
    assert_eq!(world.declined(0, task), "96");
    assert_eq!(world.terminals[0].terminal.waiting_offline_sales(), 1);
    (world, parcel)
}

fn forward(world: &mut World) {
    world.connect(0, 0);
    world.settle();
    world.assert_books_agree();
    assert_eq!(world.terminals[0].terminal.waiting_offline_sales(), 0);
}

fn flags(world: &World) -> Vec<OfflineSaleFlag> {
    let flags = world.events.iter().filter_map(|event| match event {
        Event::OfflineSaleFlagged { flags, .. } => Some(flags.clone()),
        _ => None,
    });
    flags.flatten().collect()
}

#[test]
fn a_terminal_that_was_handed_on_forwards_an_old_offline_sale() {
    let (mut world, parcel) = sold_offline(10_000);
    let (terminal, courier) = (TerminalId(1), COLLEAGUE);
    world.apply(Command::HandTerminal(HandTerminal { terminal, courier, number: 2 }));
    forward(&mut world);
    assert_eq!(flags(&world), [OfflineSaleFlag::OtherCourier]);
    assert_eq!(world.collected(parcel), 10_000);
}

#[test]
fn a_parcel_that_was_collected_meanwhile_takes_no_more_and_the_rest_is_the_buyers() {
    let (mut world, parcel) = sold_offline(10_000);
    let text = waybill(parcel);
    world.sign_on(1);
    world.approved(1, TerminalTask::Cash { waybill: &text, amount: 10_000, tendered: 10_000 });
    forward(&mut world);
    assert_eq!(flags(&world), [OfflineSaleFlag::ParcelClosed, OfflineSaleFlag::MoreThanDue]);
    assert_eq!(world.collected(parcel), 10_000);
}

#[test]
fn a_terminal_that_was_blocked_after_its_sale_forwards_it() {
    let (mut world, parcel) = sold_offline(10_000);
    world.advance_to(world.now + 2_000);
    let (terminal, blocked) = (TerminalId(1), true);
    world.apply(Command::BlockTerminal(BlockTerminal { terminal, blocked, number: 2 }));
    forward(&mut world);
    assert_eq!(flags(&world), [OfflineSaleFlag::TerminalBlocked]);
    assert_eq!(world.collected(parcel), 10_000);
}

#[test]
fn a_sale_after_the_block_is_forwarded_from_suspense() {
    let mut world = World::open();
    world.run(0, TerminalTask::Parameters);
    let parcel = world.parcel(10_000);
    let (terminal, blocked) = (TerminalId(1), true);
    world.apply(Command::BlockTerminal(BlockTerminal { terminal, blocked, number: 2 }));
    world.advance_to(world.now + 2_000);
    let (text, card) = (waybill(parcel), card(1));
    world.approved(0, TerminalTask::Offline { waybill: &text, card: &card, amount: 10_000 });
    assert_eq!((world.collected(parcel), world.engine.open_breaks().len()), (0, 1));
    assert!(world.events.iter().any(|event| matches!(event, Event::AdviceForwarded { .. })));
    assert_eq!(world.networks[0].peer.book().items().len(), 1, "the card is charged");
    assert!(matches!(world.repeat(0), TerminalOutcome::Approved { .. }));
}

#[test]
fn a_rejected_offline_sale_is_lost_and_the_terminal_and_the_operator_hear_it() {
    // 58 is an instruction of Doorstep's own to terminals. A network can answer with it too.
    for code in [*b"51", *b"58"] {
        rejected_with(ResponseCode::new(code).unwrap());
    }
}

fn rejected_with(code: ResponseCode) {
    let mut world = World::open();
    world.run(0, TerminalTask::Parameters);
    world.script_network(0, &[ResponseAction::Decline { code }]);
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let sale = TerminalTask::Offline { waybill: &text, card: &card, amount: 10_000 };
    let TerminalOutcome::Approved { note, .. } = world.run(0, sale) else { panic!() };
    assert_eq!(note, format!("network rejected: {code}"));
    let rejected = |event: &OperatorEvent| matches!(event, OperatorEvent::AdviceRejected { .. });
    assert!(world.operator_events.iter().any(rejected));
    let payment = PaymentId { parcel, number: 1 };
    assert_eq!(world.payment_state(payment), PaymentState::Rejected);
    assert_eq!(world.engine.parcel_view(parcel).unwrap().collected, Amount::ZERO);
}

#[test]
fn an_offline_sale_that_the_network_did_not_process_is_forwarded_again() {
    for code in [*b"91", *b"96", *b"A0"] {
        let mut world = World::open();
        world.run(0, TerminalTask::Parameters);
        let code = ResponseCode::new(code).unwrap();
        world.script_network(0, &[ResponseAction::Decline { code }]);
        let parcel = world.parcel(10_000);
        let (text, card) = (waybill(parcel), card(1));
        let sale = TerminalTask::Offline { waybill: &text, card: &card, amount: 10_000 };
        assert_eq!(world.declined(0, sale), "96");
        let payment = PaymentId { parcel, number: 1 };
        assert_eq!(world.payment_state(payment), PaymentState::Approved, "it is not rejected");
        assert_eq!(world.terminals[0].terminal.waiting_offline_sales(), 1);
        world.assert_books_agree();
        assert_eq!(world.terminals[0].terminal.waiting_offline_sales(), 0);
        assert_eq!(world.collected(parcel), 10_000);
        assert_eq!(world.networks[0].peer.book().items().len(), 1);
    }
}
