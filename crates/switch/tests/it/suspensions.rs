//! A blocked terminal begins nothing from the next message on, those of a suspended courier nothing
//! but cash and offline sales.

use books::{BlockTerminal, Command, Event, OfflineSaleFlag, PersonId, SuspendCourier, TerminalId};
use peers::terminal::Receipt;
use peers::{TerminalOutcome, TerminalTask};

use crate::world::*;

fn block(world: &mut World) {
    let (terminal, blocked) = (TerminalId(1), true);
    world.apply(Command::BlockTerminal(BlockTerminal { terminal, blocked, number: 2 }));
}

fn suspend(world: &mut World, number: u32, suspended: bool, approved_by: Option<PersonId>) {
    let (courier, [proposed_by, _]) = (COURIER, PERSONS);
    world.apply(Command::SuspendCourier(SuspendCourier {
        courier,
        number,
        suspended,
        proposed_by,
        approved_by,
    }));
}

/// A terminal with a sale, a pre-authorisation, and parcels that are not paid.
struct AtWork {
    world: World,
    sale: Receipt,
    reserved: Receipt,
    /// The next parcel's waybill.
    waybill: String,
}

fn at_work() -> AtWork {
    let mut world = World::open();
    world.sign_on(1);
    let [sold, reserved, next] = [10_000, 10_000, 10_000].map(|due| world.parcel(due));
    let sale = world.sell(sold, 10_000);
    let reserved = world.pre_authorise(reserved, 10_000);
    AtWork { world, sale, reserved, waybill: waybill(next) }
}

impl AtWork {
    /// Asserts that the terminal takes no card and no QR code, and that the books and the networks
    /// hear nothing.
    fn takes_no_payment(&mut self, place: usize, code: &str) {
        let card = card(1);
        let AtWork { world, sale, reserved, waybill } = self;
        let (sale, reserved) = (&*sale, &*reserved);
        let (before, items) = (world.applied(), world.networks[0].peer.book().items().len());
        let own = place == 0;
        let tasks = [
            Some(TerminalTask::Sale { waybill, card: &card, amount: 10_000, pin: None }),
            Some(TerminalTask::PreAuthorisation { waybill, card: &card, amount: 1, pin: None }),
            Some(TerminalTask::Qr { waybill, amount: 10_000 }),
            Some(TerminalTask::Balance { card: &card, pin: None }),
            own.then_some(TerminalTask::Void { stan: sale.stan }),
            own.then_some(TerminalTask::Refund { receipt: sale, amount: 100 }),
            own.then_some(TerminalTask::Completion { stan: reserved.stan, amount: 10_000 }),
            own.then_some(TerminalTask::VoidPreAuthorisation { stan: reserved.stan }),
        ];
        for task in tasks.into_iter().flatten() {
            let name = format!("{task:?}");
            assert_eq!(world.declined(place, task), code, "{name}");
        }
        assert_eq!(world.applied(), before, "M10");
        assert_eq!(world.networks[0].peer.book().items().len(), items);
    }
}

#[test]
fn a_stolen_terminal_is_out_from_the_next_message_on() {
    let mut at_work = at_work();
    block(&mut at_work.world);
    at_work.takes_no_payment(0, "58");
    // Cash, too: nobody knows who has the terminal.
    let AtWork { world, waybill, .. } = &mut at_work;
    assert_eq!(world.declined(0, TerminalTask::SignOn), "58");
    let cash = |waybill| TerminalTask::Cash { waybill, amount: 10_000, tendered: 10_000 };
    assert_eq!(world.declined(0, cash(waybill)), "58");
    // The courier's other terminal goes on.
    world.approved(1, cash(waybill));
}

#[test]
fn a_message_that_waits_for_the_books_when_the_terminal_is_blocked_is_refused() {
    let mut world = World::open();
    let (text, card) = (waybill(world.parcel(10_000)), card(1));
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    while world.switch_receives_from_terminal() {}
    block(&mut world);
    world.settle();
    let response = world.terminals[0].responses.last();
    let Some(TerminalOutcome::Declined(declined)) = response else { panic!("{response:?}") };
    assert_eq!(declined.code.to_string(), "58");
    assert_eq!(world.networks[0].peer.book().items().len(), 0, "no network was asked");
}

#[test]
fn no_terminal_of_a_suspended_courier_takes_a_card_or_a_code_until_two_people_lift_it() {
    let mut at_work = at_work();
    suspend(&mut at_work.world, 1, true, None);
    at_work.takes_no_payment(0, "P8");
    at_work.takes_no_payment(1, "P8");
    let AtWork { world, waybill, .. } = &mut at_work;
    suspend(world, 2, false, Some(PERSONS[1]));
    let card = card(1);
    world.approved(0, TerminalTask::Sale { waybill, card: &card, amount: 10_000, pin: None });
}

#[test]
fn what_a_suspended_courier_took_is_recorded() {
    let mut at_work = at_work();
    let AtWork { world, waybill, .. } = &mut at_work;
    world.run(0, TerminalTask::Parameters);
    let parcel = world.parcel(10_000);
    suspend(world, 1, true, None);
    // Also after the terminal has signed on again.
    world.sign_on(0);
    world.approved(0, TerminalTask::Cash { waybill, amount: 10_000, tendered: 10_000 });
    let (text, card) = (crate::world::waybill(parcel), card(1));
    world.approved(0, TerminalTask::Offline { waybill: &text, card: &card, amount: 10_000 });
    assert_eq!(world.collected(parcel), 10_000);
    let flagged = |event: &Event| {
        matches!(event, Event::OfflineSaleFlagged { flags, .. }
            if flags.contains(&OfflineSaleFlag::CourierSuspended))
    };
    assert!(world.events.iter().any(flagged));
    world.assert_books_agree();
}
