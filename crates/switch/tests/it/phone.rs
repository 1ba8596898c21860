//! Couriers' phones: codes that they show, cards that they have a terminal ask for.

use books::view::PaymentState;
use books::{BlockTerminal, Command, CourierId, ParcelId, PaymentId, Refusal, RegisterTerminal};
use books::{TerminalId, Timestamp};
use money::Amount;
use peers::{TerminalOutcome, TerminalTask};
use switch::{CARD_REQUEST_MS, PhoneAction, PhoneAnswer, PhoneRefusal, PhoneRequest, WalletReply};

use crate::world::*;

const PHONE: TerminalId = TerminalId(90_000_001);

fn opened() -> World {
    let mut world = World::open();
    let command = RegisterTerminal { terminal: PHONE, courier: COURIER };
    world.apply(Command::RegisterTerminal(command));
    world
}

fn request(courier: CourierId, parcel: ParcelId, number: u8, action: PhoneAction) -> PhoneRequest {
    PhoneRequest { courier, payment: PaymentId { parcel, number }, action }
}

/// Puts a request in, without its answer.
fn put(world: &mut World, request: PhoneRequest) {
    let (mut out, now) = (Vec::new(), Timestamp(world.now));
    world.switch.on_phone_request(request, world.now, now, &mut out);
    world.queue_outputs(out);
}

fn ask(world: &mut World, request: PhoneRequest) -> PhoneAnswer {
    put(world, request);
    world.settle();
    world.phone_replies.pop().expect("the phone has a reply")
}

fn show(world: &mut World, parcel: ParcelId, number: u8, amount: u64) -> PhoneAnswer {
    ask(world, request(COURIER, parcel, number, PhoneAction::ShowCode(Amount::of(amount))))
}

/// The reference in a code.
fn shown(answer: PhoneAnswer) -> (String, u8) {
    let PhoneAnswer::Code { text, number, .. } = answer else { panic!("{answer:?}") };
    let place = text.find("90000001").expect("the order's reference");
    (text[place..place + 20].to_owned(), number)
}

fn state(world: &World, parcel: ParcelId, number: u8) -> Option<PaymentState> {
    let payments = world.engine.payments(parcel);
    payments.iter().find(|one| one.id.number == number).map(|one| one.state)
}

#[test]
fn a_code_is_shown_once_whatever_happens_and_paid_once() {
    for crash in [false, true] {
        let mut world = opened();
        let parcel = world.parcel(5_000);
        let (reference, number) = shown(show(&mut world, parcel, 1, 5_000));
        assert_eq!(number, 1);
        if crash {
            world.crash();
        }
        assert_eq!(shown(show(&mut world, parcel, 1, 5_000)), (reference.clone(), 1));
        assert_eq!(world.engine.payments(parcel).len(), 1);
        assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
        assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
        assert_eq!(state(&world, parcel, 1), Some(PaymentState::Approved));
        assert_eq!(show(&mut world, parcel, 1, 5_000), PhoneAnswer::Ended);
        world.assert_books_agree();
    }
}

#[test]
fn two_taps_at_once_are_one_order() {
    let mut world = opened();
    let parcel = world.parcel(5_000);
    // Half each, so that the amount alone would allow both.
    let half = request(COURIER, parcel, 1, PhoneAction::ShowCode(Amount::of(2_500)));
    put(&mut world, half);
    put(&mut world, half);
    world.settle();
    let answers: Vec<_> = world.phone_replies.drain(..).map(shown).collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(world.engine.payments(parcel).len(), 1);
    assert_eq!(world.wallet(&answers[0].0, 2_500, PAID), WalletReply::Accepted);
    world.assert_books_agree();
}

#[test]
fn a_crash_between_the_order_and_its_answer_leaves_one_order() {
    let mut world = opened();
    let parcel = world.parcel(5_000);
    let wanted = request(COURIER, parcel, 1, PhoneAction::ShowCode(Amount::of(5_000)));
    put(&mut world, wanted);
    // The view, the batch, and the view again; then the order, of which nobody hears.
    for _ in 0..3 {
        assert!(world.books_step());
    }
    world.books_step_without_reply();
    assert_eq!(state(&world, parcel, 1), Some(PaymentState::Begun));
    world.crash();
    let (reference, _) = shown(ask(&mut world, wanted));
    assert_eq!(world.engine.payments(parcel).len(), 1);
    // Nobody pays: it ends by itself, and a late payment goes back.
    world.advance_to(world.now + 120_000);
    world.settle();
    assert_eq!(state(&world, parcel, 1), Some(PaymentState::Declined));
    assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Refund);
    assert_eq!(world.switch.wallet_refunds_due(WALLET), [(reference.clone(), 5_000)]);
    assert_eq!(world.wallet(&reference, 5_000, REFUNDED), WalletReply::Accepted);
    let (reference, number) = shown(show(&mut world, parcel, 2, 5_000));
    assert_eq!(number, 2);
    assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
    world.assert_books_agree();
}

#[test]
fn a_code_that_is_ended_is_not_paid_any_more() {
    let mut world = opened();
    let parcel = world.parcel(5_000);
    let (reference, _) = shown(show(&mut world, parcel, 1, 5_000));
    let end = request(COURIER, parcel, 1, PhoneAction::EndCode);
    assert_eq!(ask(&mut world, end), PhoneAnswer::Ended);
    assert_eq!(ask(&mut world, end), PhoneAnswer::Ended);
    assert_eq!(state(&world, parcel, 1), Some(PaymentState::Declined));
    assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Refund);
    // One that was paid just before stays paid.
    let (reference, _) = shown(show(&mut world, parcel, 2, 5_000));
    assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
    let end = request(COURIER, parcel, 2, PhoneAction::EndCode);
    assert_eq!(ask(&mut world, end), PhoneAnswer::Ended);
    assert_eq!(state(&world, parcel, 2), Some(PaymentState::Approved));
}

#[test]
fn what_is_not_due_or_not_with_the_courier_is_refused() {
    let mut world = opened();
    let (parcel, other) = (world.parcel(5_000), world.parcel_with(COLLEAGUE, 5_000));
    let refused = |why| PhoneAnswer::Refused(why);
    let code = |amount| PhoneAction::ShowCode(Amount::of(amount));
    let card = |amount| PhoneAction::AskCard(Amount::of(amount));
    for action in [code, card] as [fn(u64) -> PhoneAction; 2] {
        for (courier, parcel, number, amount) in [
            (COURIER, other, 1, 5_000),
            (COURIER, parcel, 1, 5_001),
            (COURIER, parcel, 1, 0),
            (COURIER, parcel, 2, 5_000),
        ] {
            let answer = ask(&mut world, request(courier, parcel, number, action(amount)));
            assert_eq!(answer, refused(PhoneRefusal::OutOfDate), "{parcel:?} {number} {amount}");
        }
    }
    let answer = ask(&mut world, request(COLLEAGUE, other, 1, code(5_000)));
    assert_eq!(answer, refused(PhoneRefusal::NoPhone));
    let block = BlockTerminal { terminal: PHONE, blocked: true, number: 1 };
    world.apply(Command::BlockTerminal(block));
    let answer = ask(&mut world, request(COURIER, parcel, 1, code(5_000)));
    assert_eq!(answer, refused(PhoneRefusal::Books(Refusal::TerminalBlocked)));
    world.switch.stop();
    let answer = ask(&mut world, request(COURIER, parcel, 1, code(5_000)));
    assert_eq!(answer, refused(PhoneRefusal::Later));
    assert!(world.engine.payments(parcel).is_empty());
}

#[test]
fn a_phone_has_more_orders_than_a_batch() {
    let mut world = opened();
    for _ in 0..900 {
        let parcel = world.parcel(5_000);
        let (reference, _) = shown(show(&mut world, parcel, 1, 5_000));
        assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
    }
    let view = world.engine.terminal_view(PHONE).unwrap();
    assert_eq!((view.batch, view.transactions), (3, 100));
    assert_eq!(world.engine.open_items().count(), 0);
}

/// The request for a card in a terminal's list.
fn asked(world: &mut World, place: usize) -> Option<(u64, String, u64)> {
    let heard = world.run(place, TerminalTask::Parcels { from: 0 });
    let TerminalOutcome::Parcels { asked, .. } = heard else { panic!("{heard:?}") };
    asked.map(|one| (one.number, one.waybill, one.amount))
}

#[test]
fn the_first_terminal_of_the_courier_gets_the_request_for_a_card_until_it_asks() {
    let mut world = opened();
    world.sign_on(1);
    let parcel = world.parcel(5_000);
    assert_eq!(asked(&mut world, 0), None);
    let card = request(COURIER, parcel, 1, PhoneAction::AskCard(Amount::of(5_000)));
    let until = Timestamp(world.now).plus_ms(CARD_REQUEST_MS);
    for _ in 0..2 {
        assert_eq!(ask(&mut world, card), PhoneAnswer::CardAsked { until });
        world.now += 1_000;
    }
    let first = asked(&mut world, 1).expect("a request");
    assert_eq!((&*first.1, first.2), (&*waybill(parcel), 5_000));
    assert_eq!(asked(&mut world, 1), Some(first), "until the terminal asks for the card");
    assert_eq!(asked(&mut world, 0), None, "the courier's other terminal does not get it");
    let (text, test) = (waybill(parcel), crate::world::card(1));
    let sale = TerminalTask::Sale { waybill: &text, card: &test, amount: 5_000, pin: None };
    assert!(matches!(world.run(1, sale), TerminalOutcome::Approved { .. }));
    assert_eq!(asked(&mut world, 1), None);
    let answer = ask(&mut world, card);
    assert_eq!(answer, PhoneAnswer::Refused(PhoneRefusal::OutOfDate), "it is paid");
    // One that nobody takes up, and one that the courier ends.
    let parcel = world.parcel(7_000);
    let card = request(COURIER, parcel, 1, PhoneAction::AskCard(Amount::of(7_000)));
    ask(&mut world, card);
    world.now += CARD_REQUEST_MS;
    assert_eq!(asked(&mut world, 0), None);
    ask(&mut world, card);
    ask(&mut world, PhoneRequest { action: PhoneAction::EndCard, ..card });
    assert_eq!(asked(&mut world, 0), None);
    world.assert_books_agree();
}
