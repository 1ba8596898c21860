//! Batches: totals that agree or differ, upload, and all of it again.

use engine::{Event, TerminalId};
use peers::terminal::TerminalError;
use peers::{Heard, Task, Terminal};
use switch::Happening;

use crate::world::*;

/// A sale of which the terminal never learns: its totals differ.
fn a_sale_unheard(world: &mut World) {
    let parcel = world.parcel(7_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = Task::Sell { waybill: &text, card: &card, amount: 7_000, pin: None };
    world.ask(0, task).unwrap();
    while world.switch_hears_terminal()
        || world.book()
        || world.network_hears()
        || world.switch_hears_network()
    {}
    world.gateway_dies(0);
    another_terminal(world, 100);
}

/// The terminal is replaced by one that knows nothing of what the first did; the first one.
fn another_terminal(world: &mut World, last_stan: u32) -> Terminal {
    let mut settings = peers::TerminalSettings::new(1, *MERCHANT, master_key(1));
    settings.utc_offset_minutes = UTC_OFFSET_MINUTES;
    settings.last_stan = last_stan;
    let new = Terminal::new(&settings);
    let first = std::mem::replace(&mut world.terminals[0].terminal, new);
    world.sign_on(0);
    first
}

/// A batch of 20 lines is disputed; before it uploads them, the terminal breaks, and its
/// replacement closes the next batch. Then the first comes back.
fn comes_back_too_late(next_differs: bool) -> World {
    let mut world = World::open();
    a_sale_unheard(&mut world);
    for _ in 0..20 {
        let parcel = world.parcel(100);
        world.sell(parcel, 100);
    }
    assert!(matches!(world.does(0, Task::Settle), Heard::BatchDiffers { batch: 1, .. }));
    let first = another_terminal(&mut world, 200);
    if next_differs {
        a_sale_unheard(&mut world);
    }
    match world.does(0, Task::Settle) {
        Heard::BatchAgreed { batch: 2, .. } => assert!(!next_differs),
        Heard::BatchDiffers { batch: 2, .. } => assert!(next_differs),
        other => panic!("{other:?}"),
    }
    let left = Happening::BatchLeft { terminal: TerminalId(1), batch: 1, break_raised: true };
    assert!(world.happened.contains(&left), "{:?}", world.happened);
    world.terminals[0].terminal = first;
    world
}

#[test]
fn a_batch_whose_totals_agree_is_closed() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.approved(0, Task::Void { stan: sale.stan });
    let text = waybill(parcel);
    world.approved(0, Task::Cash { waybill: &text, amount: 10_000, tendered: 20_000 });
    assert!(matches!(world.does(0, Task::Settle), Heard::BatchAgreed { batch: 1, .. }));
    let agreed = Happening::BatchAgreed { terminal: TerminalId(1), batch: 1 };
    assert!(world.happened.contains(&agreed));
    world.sign_on(0);
    assert_eq!(world.terminals[0].terminal.batch(), 2);
    let again = world.parcel(500);
    world.sell(again, 500);
    world.agree();
}

#[test]
fn totals_that_are_sent_again_get_the_first_answer_also_after_a_restart() {
    for differ in [false, true] {
        for crash in [false, true] {
            let mut world = World::open();
            if differ {
                a_sale_unheard(&mut world);
            }
            world.ask(0, Task::Settle).unwrap();
            while world.switch_hears_terminal() || world.book() {}
            world.gateway_dies(0);
            world.terminal_times_out(0);
            if crash {
                world.crash();
            }
            assert!(world.go_on(0), "totals are repeated first of all");
            world.settle();
            let heard = world.terminals[0].heard.last().unwrap().clone();
            match heard {
                Heard::BatchAgreed { .. } => assert!(!differ),
                Heard::BatchDiffers { .. } => assert!(differ),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn lines_are_uploaded_where_totals_differ() {
    for crash in [false, true] {
        let mut world = World::open();
        a_sale_unheard(&mut world);
        for _ in 0..20 {
            let parcel = world.parcel(100);
            world.sell(parcel, 100);
        }
        assert!(matches!(world.does(0, Task::Settle), Heard::BatchDiffers { .. }));
        let differs = Happening::BatchDiffers { terminal: TerminalId(1), batch: 1 };
        assert!(world.happened.contains(&differs));
        // Each message twice: its answer is lost once.
        for message in 1..=3 {
            world.go_on(0);
            while world.switch_hears_terminal() || world.book() {}
            world.gateway_dies(0);
            world.terminal_times_out(0);
            if crash && message == 3 {
                world.crash();
            }
            world.go_on(0);
            world.settle();
        }
        let heard = world.terminals[0].heard.last().unwrap();
        assert_eq!(*heard, Heard::Uploaded { lines: 20 }, "{:?}", world.terminals[0].heard);
        let lines: Vec<u32> = world
            .events
            .iter()
            .filter_map(|event| match event {
                Event::BatchLineDiffers { stan, .. } => Some(*stan),
                _ => None,
            })
            .collect();
        assert_eq!(lines, [2], "the one that the terminal does not know");
        world.sign_on(0);
        assert_eq!(world.terminals[0].terminal.batch(), 2);
    }
}

#[test]
fn a_terminal_that_breaks_before_it_uploads_leaves_its_difference_in_the_books() {
    let mut world = World::open();
    a_sale_unheard(&mut world);
    assert!(matches!(world.does(0, Task::Settle), Heard::BatchDiffers { .. }));
    another_terminal(&mut world, 200);
    assert_eq!(world.terminals[0].terminal.batch(), 2);
    let parcel = world.parcel(500);
    world.sell(parcel, 500);
    assert!(world.engine.open_breaks().is_empty(), "the lines may still come");
    assert!(matches!(world.does(0, Task::Settle), Heard::BatchAgreed { batch: 2, .. }));
    let breaks = world.engine.open_breaks();
    assert_eq!((breaks.len(), breaks[0].amount.minor()), (1, 7_000));
    let disputes: Vec<_> = world.engine.disputes().collect();
    assert_eq!((disputes.len(), disputes[0].break_id), (1, Some(breaks[0].id)));
}

#[test]
fn an_upload_that_comes_when_its_batch_was_left_disputed_ends_and_changes_nothing() {
    for (next_differs, lines_lost) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut world = comes_back_too_late(next_differs);
        let before = world.engine.digest();
        for _ in 0..2 {
            world.go_on(0);
            world.settle();
        }
        if lines_lost {
            world.crash();
        }
        world.go_on(0);
        world.settle();
        let heard = world.terminals[0].heard.last().unwrap();
        assert_eq!(*heard, Heard::Uploaded { lines: 20 }, "{next_differs}, {lines_lost}");
        assert_eq!(world.engine.digest(), before);
        assert_eq!(world.switch.in_flight(), 0);
    }
}

#[test]
fn the_end_of_an_upload_with_lines_missing_is_answered_by_its_own_batch() {
    // Batch 1 was left disputed, 2 is disputed, 3 is open, 4 is none yet.
    for (batch, code) in [(0, "77"), (1, "00"), (2, "95"), (3, "12"), (4, "77")] {
        let mut world = comes_back_too_late(true);
        let first = another_terminal(&mut world, 300);
        world.terminals[0].terminal = first;
        for _ in 0..2 {
            world.go_on(0);
            world.settle();
        }
        world.go_on(0);
        world.forge(None, &[60], |builder| {
            builder.text(60, format!("00{batch:06}202"));
        });
        while world.switch_hears_terminal() || world.book() {}
        assert_eq!(world.told().0, code, "batch {batch}");
    }
}

#[test]
fn a_sale_is_refunded_when_a_batch_with_nothing_in_it_was_closed_since() {
    for crash in [false, true] {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let sale = world.sell(parcel, 10_000);
        assert!(matches!(world.does(0, Task::Settle), Heard::BatchAgreed { batch: 1, .. }));
        world.sign_on(0);
        // The totals of nothing, twice: their answer is lost once.
        world.ask(0, Task::Settle).unwrap();
        while world.switch_hears_terminal() || world.book() {}
        world.gateway_dies(0);
        world.terminal_times_out(0);
        if crash {
            world.crash();
        }
        assert!(world.go_on(0), "totals are repeated first of all");
        world.settle();
        let heard = world.terminals[0].heard.last().unwrap();
        assert!(matches!(heard, Heard::BatchAgreed { batch: 2, .. }), "{heard:?}");
        world.sign_on(0);
        world.approved(0, Task::Refund { receipt: &sale, amount: 4_000 });
        world.quiet();
        assert_eq!(world.nets[0].peer.book().totals().refunded.amount, 4_000);
    }
}

#[test]
fn a_batch_with_something_under_way_is_not_closed() {
    let mut world = World::open();
    let text = waybill(world.parcel(5_000));
    world.does(0, Task::Qr { waybill: &text, amount: 5_000 });
    assert_eq!(world.declined(0, Task::Settle), "96");
    world.time_passes(world.now + 120_000);
    world.settle();
    assert!(matches!(world.does(0, Task::Settle), Heard::BatchAgreed { .. }));
}

#[test]
fn a_message_of_another_batch_is_told_to_sign_on() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let sell = Task::Sell { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, sell).unwrap();
    let late = world.from_terminal.pop_front().unwrap();
    world.terminal_times_out(0);
    world.agree();
    assert!(matches!(world.does(0, Task::Settle), Heard::BatchAgreed { .. }));
    let before = world.engine.digest();
    world.from_terminal.push_back(late);
    world.settle();
    assert_eq!(world.engine.digest(), before);
    let code = switch::Code::BATCH;
    let refused = Happening::Refused { terminal: TerminalId(1), stan: 2, code };
    assert!(world.happened.contains(&refused));
    assert!(matches!(world.ask(0, sell), Err(TerminalError::SignOnFirst)));
}
