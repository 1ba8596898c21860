//! Batches: totals that agree or differ, uploads and repeats.

use books::{Event, TerminalId};
use peers::terminal::TerminalError;
use peers::{TerminalOutcome, TerminalSimulator, TerminalTask};
use switch::OperatorEvent;

use crate::world::*;

/// A sale whose approval never reaches the terminal, so that its totals differ.
fn a_sale_without_an_answer(world: &mut World) {
    let parcel = world.parcel(7_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 7_000, pin: None };
    world.ask(0, task).unwrap();
    while world.switch_receives_from_terminal()
        || world.books_step()
        || world.network_receives()
        || world.switch_receives_from_network()
    {}
    world.kill_gateway(0);
    another_terminal(world, 100);
}

/// Replaces the terminal by one without its journal. Returns the first one.
fn another_terminal(world: &mut World, last_stan: u32) -> TerminalSimulator {
    let mut settings = peers::TerminalSimulatorSettings::new(1, *MERCHANT, link_key(1));
    settings.utc_offset_minutes = UTC_OFFSET_MINUTES;
    settings.last_stan = last_stan;
    let new = TerminalSimulator::new(&settings);
    let first = std::mem::replace(&mut world.terminals[0].terminal, new);
    world.sign_on(0);
    first
}

/// A batch of 20 lines is disputed. Its terminal breaks before the upload, and the replacement
/// closes the next batch. Then the first terminal returns.
fn late_upload(next_differs: bool) -> World {
    let mut world = World::open();
    a_sale_without_an_answer(&mut world);
    for _ in 0..20 {
        let parcel = world.parcel(100);
        world.sell(parcel, 100);
    }
    assert!(matches!(
        world.run(0, TerminalTask::Settle),
        TerminalOutcome::BatchDiffers { batch: 1, .. }
    ));
    let first = another_terminal(&mut world, 200);
    if next_differs {
        a_sale_without_an_answer(&mut world);
    }
    match world.run(0, TerminalTask::Settle) {
        TerminalOutcome::BatchAgreed { batch: 2, .. } => assert!(!next_differs),
        TerminalOutcome::BatchDiffers { batch: 2, .. } => assert!(next_differs),
        other => panic!("{other:?}"),
    }
    let left = OperatorEvent::BatchLeftDisputed { terminal: TerminalId(1), batch: 1 };
    assert!(world.operator_events.contains(&left), "{:?}", world.operator_events);
    world.terminals[0].terminal = first;
    world
}

#[test]
fn a_batch_whose_totals_agree_is_closed() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.approved(0, TerminalTask::Void { stan: sale.stan });
    let text = waybill(parcel);
    world.approved(0, TerminalTask::Cash { waybill: &text, amount: 10_000, tendered: 20_000 });
    assert!(matches!(
        world.run(0, TerminalTask::Settle),
        TerminalOutcome::BatchAgreed { batch: 1, .. }
    ));
    let agreed = OperatorEvent::BatchAgreed { terminal: TerminalId(1), batch: 1 };
    assert!(world.operator_events.contains(&agreed));
    world.sign_on(0);
    assert_eq!(world.terminals[0].terminal.batch(), 2);
    let again = world.parcel(500);
    world.sell(again, 500);
    world.assert_books_agree();
}

#[test]
fn repeated_totals_get_the_first_answer_also_after_a_restart() {
    for differ in [false, true] {
        for crash in [false, true] {
            let mut world = World::open();
            if differ {
                a_sale_without_an_answer(&mut world);
            }
            world.ask(0, TerminalTask::Settle).unwrap();
            while world.switch_receives_from_terminal() || world.books_step() {}
            world.kill_gateway(0);
            world.time_out_terminal(0);
            if crash {
                world.crash();
            }
            assert!(world.continue_terminal(0), "totals are repeated first");
            world.settle();
            let heard = world.go_on(0);
            match heard {
                TerminalOutcome::BatchAgreed { .. } => assert!(!differ),
                TerminalOutcome::BatchDiffers { .. } => assert!(differ),
                TerminalOutcome::Uploaded { lines: 0 } => assert!(differ && crash),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn lines_are_uploaded_if_totals_differ() {
    for crash in [false, true] {
        let mut world = World::open();
        a_sale_without_an_answer(&mut world);
        for _ in 0..20 {
            let parcel = world.parcel(100);
            world.sell(parcel, 100);
        }
        assert!(matches!(world.run(0, TerminalTask::Settle), TerminalOutcome::BatchDiffers { .. }));
        let differs = OperatorEvent::BatchDiffers { terminal: TerminalId(1), batch: 1 };
        assert!(world.operator_events.contains(&differs));
        // Each message is sent twice: its first response is lost.
        for message in 1..=3 {
            world.continue_terminal(0);
            while world.switch_receives_from_terminal() || world.books_step() {}
            world.kill_gateway(0);
            world.time_out_terminal(0);
            if crash && message == 3 {
                world.crash();
            }
            world.continue_terminal(0);
            world.settle();
        }
        let heard = world.go_on(0);
        assert_eq!(
            heard,
            TerminalOutcome::Uploaded { lines: 20 },
            "{:?}",
            world.terminals[0].responses
        );
        let lines: Vec<u32> = world
            .events
            .iter()
            .filter_map(|event| match event {
                Event::BatchLineDiffers { stan, .. } => Some(stan.get()),
                _ => None,
            })
            .collect();
        assert_eq!(lines, [2], "the line that the terminal does not have");
        world.sign_on(0);
        assert_eq!(world.terminals[0].terminal.batch(), 2);
    }
}

#[test]
fn an_upload_with_lines_missing_is_not_compared() {
    let mut world = World::open();
    a_sale_without_an_answer(&mut world);
    let parcel = world.parcel(100);
    world.sell(parcel, 100);
    assert!(matches!(world.run(0, TerminalTask::Settle), TerminalOutcome::BatchDiffers { .. }));
    let before = world.engine.digest();
    world.continue_terminal(0);
    world.settle();
    // The terminal says that it has sent two lines, and one has come.
    world.continue_terminal(0);
    world.forge(None, &[48], |builder| {
        builder.text(48, "0002");
    });
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response(), ("95".to_owned(), "lines are missing".to_owned()));
    assert_eq!(world.engine.digest(), before, "the books expect the lines as before");
    world.settle();
    // All lines again.
    while world.continue_terminal(0) {
        world.settle();
    }
    assert_eq!(world.go_on(0), TerminalOutcome::Uploaded { lines: 1 });
    assert_ne!(world.engine.digest(), before);
}

#[test]
fn a_missing_upload_leaves_an_open_item_and_posts_nothing() {
    let mut world = World::open();
    a_sale_without_an_answer(&mut world);
    assert!(matches!(world.run(0, TerminalTask::Settle), TerminalOutcome::BatchDiffers { .. }));
    another_terminal(&mut world, 200);
    assert_eq!(world.terminals[0].terminal.batch(), 2);
    let parcel = world.parcel(500);
    world.sell(parcel, 500);
    let net = |world: &World| {
        let items: Vec<_> = world.engine.open_items().collect();
        let [item] = &items[..] else { panic!("one open item: {items:?}") };
        (item.batch, item.lines_expected, item.content.net())
    };
    assert_eq!(net(&world), (1, true, -7_000));
    assert!(matches!(
        world.run(0, TerminalTask::Settle),
        TerminalOutcome::BatchAgreed { batch: 2, .. }
    ));
    assert_eq!(net(&world), (1, false, -7_000));
    assert!(world.engine.open_breaks().is_empty());
}

#[test]
fn an_upload_after_the_next_batch_closed_changes_nothing() {
    for (next_differs, lines_lost) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut world = late_upload(next_differs);
        // Its session ended with the other terminal's sign-on.
        world.continue_terminal(0);
        world.settle();
        world.sign_on(0);
        let before = world.engine.digest();
        for _ in 0..2 {
            world.continue_terminal(0);
            world.settle();
        }
        if lines_lost {
            world.crash();
        }
        world.continue_terminal(0);
        world.settle();
        let heard = world.go_on(0);
        assert_eq!(heard, TerminalOutcome::Uploaded { lines: 20 }, "{next_differs}, {lines_lost}");
        assert_eq!(world.engine.digest(), before);
        assert_eq!(world.switch.in_flight(), 0);
    }
}

#[test]
fn an_incomplete_upload_is_answered_by_the_state_of_its_batch() {
    // Batch 1 stays disputed, 2 is disputed, 3 is open, 4 does not exist yet.
    for (batch, code) in [(0, "77"), (1, "00"), (2, "95"), (3, "12"), (4, "77")] {
        let mut world = late_upload(true);
        let first = another_terminal(&mut world, 300);
        world.terminals[0].terminal = first;
        for _ in 0..2 {
            world.continue_terminal(0);
            world.settle();
        }
        world.continue_terminal(0);
        world.forge(None, &[60], |builder| {
            builder.text(60, format!("00{batch:06}202"));
        });
        while world.switch_receives_from_terminal() || world.books_step() {}
        assert_eq!(world.last_response().0, code, "batch {batch}");
    }
}

#[test]
fn a_sale_can_be_refunded_after_an_empty_batch() {
    for crash in [false, true] {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let sale = world.sell(parcel, 10_000);
        assert!(matches!(
            world.run(0, TerminalTask::Settle),
            TerminalOutcome::BatchAgreed { batch: 1, .. }
        ));
        world.sign_on(0);
        // The totals of an empty batch are sent twice: the first response is lost.
        world.ask(0, TerminalTask::Settle).unwrap();
        while world.switch_receives_from_terminal() || world.books_step() {}
        world.kill_gateway(0);
        world.time_out_terminal(0);
        if crash {
            world.crash();
        }
        assert!(world.continue_terminal(0), "totals are repeated first");
        world.settle();
        let heard = world.go_on(0);
        assert!(matches!(heard, TerminalOutcome::BatchAgreed { batch: 2, .. }), "{heard:?}");
        world.sign_on(0);
        world.approved(0, TerminalTask::Refund { receipt: &sale, amount: 4_000 });
        world.run_until_idle();
        assert_eq!(world.networks[0].peer.book().totals().refunded.amount, 4_000);
    }
}

#[test]
fn a_batch_with_a_request_in_flight_is_not_closed() {
    let mut world = World::open();
    let text = waybill(world.parcel(5_000));
    world.run(0, TerminalTask::Qr { waybill: &text, amount: 5_000 });
    assert_eq!(world.declined(0, TerminalTask::Settle), "96");
    world.advance_to(world.now + 120_000);
    world.settle();
    assert!(matches!(world.run(0, TerminalTask::Settle), TerminalOutcome::BatchAgreed { .. }));
}

#[test]
fn a_message_of_another_batch_is_answered_with_77() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let sell = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, sell).unwrap();
    let late = world.from_terminal.pop_front().unwrap();
    world.time_out_terminal(0);
    world.assert_books_agree();
    assert!(matches!(world.run(0, TerminalTask::Settle), TerminalOutcome::BatchAgreed { .. }));
    let before = world.engine.digest();
    world.from_terminal.push_back(late);
    world.settle();
    assert_eq!(world.engine.digest(), before);
    let code = books::ResponseCode::WRONG_BATCH;
    let refused =
        OperatorEvent::Refused { terminal: TerminalId(1), stan: books::Stan::of(2), code };
    assert!(world.operator_events.contains(&refused));
    assert!(matches!(world.ask(0, sell), Err(TerminalError::SignOnRequired)));
}

#[test]
fn a_batch_in_which_only_cash_differs_is_not_closed_as_agreed() {
    let mut world = World::open();
    let parcel = world.parcel(7_000);
    let text = waybill(parcel);
    let cash = TerminalTask::Cash { waybill: &text, amount: 7_000, tendered: 7_000 };
    world.ask(0, cash).unwrap();
    while world.switch_receives_from_terminal() || world.books_step() {}
    world.kill_gateway(0);
    another_terminal(&mut world, 100);
    world.ask(0, TerminalTask::Settle).unwrap();
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response().0, "95");
    world.settle();
    let settled = world.terminals[0].responses.last();
    assert!(matches!(settled, Some(TerminalOutcome::BatchDiffers { batch: 1, .. })), "{settled:?}");
}

#[test]
fn cash_in_a_batch_that_is_closed_is_answered_with_77() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let text = waybill(parcel);
    let task = TerminalTask::Cash { waybill: &text, amount: 10_000, tendered: 10_000 };
    world.ask(0, task).unwrap();
    let asked = world.from_terminal.pop_back().unwrap();
    another_terminal(&mut world, 100);
    let settled = world.run(0, TerminalTask::Settle);
    assert!(matches!(settled, TerminalOutcome::BatchAgreed { batch: 1, .. }), "{settled:?}");
    world.from_terminal.push_back(asked);
    world.forge(None, &[], |_| {});
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response().0, "77");
    assert_eq!(world.collected(parcel), 0);
}

#[test]
fn a_terminal_with_another_merchant_does_not_sign_on() {
    let mut world = World::open();
    let other = *b"898310042150002";
    assert_ne!(other, *MERCHANT);
    let settings = peers::TerminalSimulatorSettings::new(1, other, link_key(1));
    world.terminals[0].terminal = TerminalSimulator::new(&settings);
    assert_eq!(world.declined(0, TerminalTask::SignOn), "97");
}
