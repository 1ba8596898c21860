//! Refusals: each has its code, and nothing is posted (M10).

use books::{
    BlockTerminal, Command, PaymentId, PaymentResolution, ResolvePurchase, ResolveReversal,
    ResponseCode, TerminalId,
};
use iso8583::MessageBuilder;
use peers::card::EntryMode;
use peers::{TerminalOutcome, TerminalTask, TestCard};
use switch::{AuthenticationFailure, OperatorEvent, TerminalDialect};

use crate::world::*;

/// Sends an edited sale of 10,000. Returns code and text of the response.
fn edited(
    mti: Option<u16>,
    without: &[u8],
    edit: impl Fn(&mut MessageBuilder<'_>),
) -> (String, String) {
    let mut world = World::open();
    let text = waybill(world.parcel(10_000));
    let card = card(1);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.forge(mti, without, edit);
    let before = world.applied();
    world.operator_events.clear();
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.applied(), before, "M10");
    assert!(!world.operator_events.is_empty(), "no event for the operator");
    assert_eq!(world.switch.in_flight(), 0);
    world.last_response()
}

/// Sends a sale after a preparation and asserts that the books are unchanged. Returns the code.
fn refused(prepare: impl Fn(&mut World) -> (u64, TestCard, u64)) -> String {
    let mut world = World::open();
    let (due, card, amount) = prepare(&mut world);
    let text = waybill(world.parcel(due));
    let before = world.applied();
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount, pin: None };
    let code = world.declined(0, task);
    assert_eq!(world.applied(), before, "M10");
    let told = |one: &OperatorEvent| {
        matches!(one, OperatorEvent::Refused { code: said, .. }
        if said.to_string() == code)
    };
    assert!(world.operator_events.iter().any(told), "{:?}", world.operator_events);
    code
}

#[test]
fn a_wrong_mac_is_answered_with_a0() {
    let mut world = World::open();
    let text = waybill(world.parcel(10_000));
    let card = card(1);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    *world.from_terminal[0].1.last_mut().unwrap() ^= 1;
    let before = world.applied();
    world.settle();
    assert_eq!(
        world.terminals[0].responses.last(),
        Some(&TerminalOutcome::SignOnRequired { code: peers::ResponseCode::MAC_ERROR })
    );
    let failure = AuthenticationFailure::WrongMac;
    assert_eq!(world.authentication_failures(), [(TerminalId(1), failure)]);
    assert_eq!(world.applied(), before);
    assert!(matches!(world.go_on(0), TerminalOutcome::Approved { .. }), "signs on and repeats");
    world.assert_books_agree();
}

#[test]
fn a_message_of_unknown_kind_without_a_mac_is_refused() {
    let mut world = World::open();
    let text = waybill(world.parcel(10_000));
    let card = card(1);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.forge(Some(120), &[], |_| {});
    *world.from_terminal[0].1.last_mut().unwrap() ^= 1;
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response().0, "A0");
}

#[test]
fn an_unknown_terminal_is_refused() {
    let mut world = World::open();
    world.terminals.push(TerminalPeer::new(TerminalDialect::DOORSTEP, 4));
    assert_eq!(world.declined(3, TerminalTask::SignOn), "97");
    let failure = AuthenticationFailure::NotRegistered;
    assert_eq!(world.authentication_failures(), [(TerminalId(4), failure)]);
    let other = |builder: &mut MessageBuilder<'_>| {
        builder.text(41, "00000009");
    };
    assert_eq!(edited(None, &[41], other).0, "A0", "it has no session");
    let mut world = World::open();
    world.ask(0, TerminalTask::Echo).unwrap();
    world.forge(None, &[41], |_| {});
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response(), ("30".into(), "field 41 (terminal) is mi".into()));
}

#[test]
fn another_firms_merchant_is_refused() {
    let other = |builder: &mut MessageBuilder<'_>| {
        builder.bytes(42, b"898310042150002");
    };
    assert_eq!(edited(None, &[42], other), ("97".into(), "merchant".into()));
}

#[test]
fn a_blocked_terminal_is_refused() {
    let blocked = refused(|world| {
        world.apply(Command::BlockTerminal(BlockTerminal {
            terminal: TerminalId(1),
            blocked: true,
            number: 2,
        }));
        (10_000, card(1), 10_000)
    });
    assert_eq!(blocked, "58");
    let mut world = World::open();
    let (terminal, blocked) = (TerminalId(1), true);
    world.apply(Command::BlockTerminal(BlockTerminal { terminal, blocked, number: 2 }));
    assert_eq!(world.declined(0, TerminalTask::SignOn), "58");
}

#[test]
fn more_than_is_due_is_refused() {
    assert_eq!(refused(|_| (10_000, card(1), 10_001)), "P4");
}

#[test]
fn a_parcel_that_is_paid_cannot_be_paid_again() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    world.sell(parcel, 10_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 1, pin: None };
    let before = world.applied();
    assert_eq!(world.declined(0, task), "P3");
    assert_eq!(world.applied(), before);
}

#[test]
fn a_colleagues_parcel_is_refused() {
    let mut world = World::open();
    let parcel = world.parcel_with(COLLEAGUE, 10_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    let before = world.applied();
    assert_eq!(world.declined(0, task), "P2");
    assert_eq!(world.applied(), before);
}

#[test]
fn a_parcel_that_nobody_announced_is_refused() {
    let text = waybill(books::ParcelId::new(77));
    let other = move |builder: &mut MessageBuilder<'_>| {
        builder.text(58, &text);
    };
    assert_eq!(edited(None, &[58], other).0, "P1");
}

#[test]
fn a_payment_by_card_waits_until_an_unknown_one_is_reversed() {
    use peers::ResponseAction;
    let mut world = World::open();
    world.script_network(0, &[ResponseAction::Lost, ResponseAction::Lost]);
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.settle();
    world.advance_to(world.now + 15_001);
    world.settle();
    assert_eq!(world.declined(0, task), "P5");
    world.approved(0, TerminalTask::Cash { waybill: &text, amount: 10_000, tendered: 10_000 });
    world.assert_books_agree();
}

#[test]
fn a_card_without_a_network_is_refused() {
    assert_eq!(
        refused(|_| (500, TestCard::generate(BIN_OF_NO_NETWORK, 1, EntryMode::Chip), 500)),
        "15"
    );
    let zero = |builder: &mut MessageBuilder<'_>| {
        builder.number(4, 0);
    };
    assert_eq!(edited(None, &[4], zero).0, "13");
    let wrong = |builder: &mut MessageBuilder<'_>| {
        builder.text(2, "6225880000000078");
    };
    assert_eq!(edited(None, &[2], wrong).0, "14");
}

#[test]
fn a_format_error_names_the_field() {
    for (field, text) in [(4, "field 4"), (13, "field 13"), (58, "field 58"), (2, "field 2")] {
        let (code, said) = edited(None, &[field], |_| {});
        assert_eq!(code, "30", "without field {field}");
        assert!(said.starts_with(text), "{said}");
    }
    for other in ["840", "CNY", "15A"] {
        let currency = |builder: &mut MessageBuilder<'_>| {
            builder.text(49, other);
        };
        assert_eq!(edited(None, &[49], currency), ("30".into(), "field 49: currency".into()));
    }
    let wrong = |builder: &mut MessageBuilder<'_>| {
        builder.text(58, "000000000000000000000000001");
    };
    assert_eq!(edited(None, &[58], wrong).0, "30");
}

#[test]
fn an_unknown_kind_is_refused_with_a_mac() {
    let (code, said) = edited(Some(120), &[], |_| {});
    assert_eq!((&*code, &*said), ("40", "no such kind: 3 and 60"));
}

#[test]
fn an_unreadable_pin_block_is_a_wrong_pin() {
    let pin = |builder: &mut MessageBuilder<'_>| {
        builder.bytes(52, [7; 16]);
    };
    assert_eq!(edited(None, &[52], pin).0, "55");
}

#[test]
fn a_stan_is_used_once() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    world.sell(parcel, 5_000);
    let before = world.applied();
    let message = world.terminals[0].terminal.repeat(world.now).unwrap();
    world.send(0, message.to_vec());
    world.forge(None, &[4], |builder| {
        builder.number(4, 4_000);
    });
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response().0, ResponseCode::STAN_USED.to_string());
    assert_eq!(world.applied(), before);
    // Also while the first is in flight.
    let mut world = World::open();
    let text = waybill(world.parcel(10_000));
    let card = card(1);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 5_000, pin: None };
    world.ask(0, task).unwrap();
    world.switch_receives_from_terminal();
    let message = world.terminals[0].terminal.repeat(world.now).unwrap();
    world.send(0, message.to_vec());
    world.forge(None, &[4], |builder| {
        builder.number(4, 4_000);
    });
    world.switch_receives_from_terminal();
    assert_eq!(world.last_response().0, "94");
}

#[test]
fn the_original_must_exist_and_match() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    let before = world.applied();
    let void = TerminalTask::Void { stan: sale.stan };
    let cases: [(&[u8], &str, &str); 3] =
        [(&[61], "000001000099", "25"), (&[61], "0000", "30"), (&[61], "000009000002", "25")];
    for (without, said, code) in cases {
        world.ask(0, void).unwrap();
        world.forge(None, without, |builder| {
            builder.text(61, said);
        });
        while world.switch_receives_from_terminal() || world.books_step() {}
        assert_eq!(world.last_response().0, code);
        world.settle();
    }
    world.ask(0, void).unwrap();
    world.forge(None, &[4], |builder| {
        builder.number(4, 9_999);
    });
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response().0, "64");
    assert_eq!(world.applied(), before);
}

#[test]
fn a_refund_is_at_most_the_sale_and_never_of_a_pre_authorisation() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    let other = world.parcel(10_000);
    let held = world.pre_authorise(other, 10_000);
    let before = world.applied();
    let too_much = TerminalTask::Refund { receipt: &sale, amount: 10_001 };
    assert_eq!(world.declined(0, too_much), "64");
    assert_eq!(world.declined(0, TerminalTask::Refund { receipt: &held, amount: 100 }), "12");
    // The void of a sale that names the pre-authorisation.
    world.ask(0, TerminalTask::Void { stan: sale.stan }).unwrap();
    world.forge(None, &[61], |builder| {
        builder.text(61, format!("{:06}{:06}", 1, held.stan));
    });
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response().0, "12");
    world.settle();
    assert_eq!(world.applied(), before, "M10");
}

#[test]
fn stopping_refuses_new_requests_and_finishes_the_others() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.switch_receives_from_terminal();
    world.switch.stop();
    world.settle();
    assert_eq!(world.collected(parcel), 10_000);
    assert_eq!(world.declined(0, TerminalTask::Void { stan: 2 }), "96");
    let (mut out, at) = (Vec::new(), world.at());
    world.switch.sign_off(at, &mut out);
    world.queue_outputs(out);
    world.settle();
    assert_eq!(world.networks[0].peer.signed_on_links(), 0);
}

/// Delivers everything until the books have to record the network's response.
fn until_response(world: &mut World) {
    let recorded = |one: &BooksRequest| {
        matches!(
            one,
            BooksRequest::Command(_, Command::ResolvePurchase(_) | Command::ResolveReversal(_))
        )
    };
    while !world.books.front().is_some_and(recorded) {
        assert!(
            world.switch_receives_from_terminal()
                || world.books_step()
                || world.network_receives()
                || world.switch_receives_from_network()
        );
    }
}

fn is_unexpected(event: &OperatorEvent) -> bool {
    matches!(event, OperatorEvent::UnexpectedRefusal(_))
}

#[test]
fn a_void_that_the_network_approves_and_the_books_refuse_is_not_approved() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.ask(0, TerminalTask::Void { stan: sale.stan }).unwrap();
    until_response(&mut world);
    // The void ends before the books have the network's answer.
    world.apply(Command::ResolveReversal(ResolveReversal {
        payment: PaymentId { parcel, number: 1 },
        done: false,
        code: ResponseCode::new(*b"05").unwrap(),
    }));
    assert!(world.books_step());
    assert_eq!(world.last_response().0, "96", "M3");
    assert!(world.operator_events.iter().any(is_unexpected), "{:?}", world.operator_events);
}

#[test]
fn a_sale_that_ended_before_the_network_approved_it_is_not_approved() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    until_response(&mut world);
    world.apply(Command::ResolvePurchase(ResolvePurchase {
        payment: PaymentId { parcel, number: 1 },
        resolution: PaymentResolution::Declined { code: ResponseCode::new(*b"51").unwrap() },
    }));
    assert!(world.books_step());
    assert_eq!(world.last_response().0, "96", "M3");
    assert!(world.operator_events.iter().any(is_unexpected), "{:?}", world.operator_events);
}
