//! Somebody on the line between a terminal and the switch, who has no key: what they change,
//! repeat, reorder or reflect is refused or gets the first answer, changes nothing in the books,
//! and does not keep the terminal from going on.

use iso8583::Envelope;
use peers::{TerminalOutcome, TerminalTask};
use switch::TerminalConnection;

use crate::world::*;

/// A connection that no terminal has.
const NOBODY: TerminalConnection = TerminalConnection(9);

/// Where field 11 begins: after TPDU, header, MTI, bitmap and the fields 3 and 4.
const STAN_AT: usize = 5 + 6 + 2 + 8 + 3 + 6;

/// The switch gets a message from somebody else. Returns the codes of its answers; the books do
/// nothing.
fn inject(world: &mut World, message: &[u8]) -> Vec<String> {
    let (commands, sent) = (world.journal.len(), world.to_network.len());
    world.from_terminal.push_back((NOBODY, message.to_vec()));
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.journal.len(), commands, "the books have something new");
    assert_eq!(world.to_network.len(), sent, "the network has something new");
    let answers: Vec<_> = world.to_terminal.drain(..).collect();
    let code = |bytes: &[u8]| {
        let (_, _, message) = Envelope::parse(bytes).unwrap();
        world.packager().parse(message).unwrap().text(39).unwrap().as_str().to_owned()
    };
    answers.iter().map(|(_, bytes)| code(bytes)).collect()
}

/// Sends a request and delivers everything. Returns what an eavesdropper has of it.
fn overheard(world: &mut World, task: TerminalTask<'_>) -> [Vec<u8>; 2] {
    world.ask(0, task).unwrap_or_else(|why| panic!("{task:?}: {why}"));
    let request = world.from_terminal.back().unwrap().1.clone();
    while world.books_step()
        || world.network_receives()
        || world.switch_receives_from_network()
        || world.switch_receives_from_terminal()
    {}
    let answer = world.to_terminal.back().expect("the switch answers").1.clone();
    world.settle();
    [request, answer]
}

/// All that passes on the line in one session: requests and answers.
fn session(world: &mut World) -> Vec<[Vec<u8>; 2]> {
    let (card, pin) = (card(1), card(1).pin());
    let parcels = [10_000, 10_000, 10_000, 10_000].map(|due| waybill(world.parcel(due)));
    let sign_on = overheard(world, TerminalTask::SignOn);
    let parameters = overheard(world, TerminalTask::Parameters);
    let mut all = vec![sign_on, parameters];
    let sale = |waybill, pin| TerminalTask::Sale { waybill, card: &card, amount: 10_000, pin };
    all.push(overheard(world, sale(&parcels[0], Some(&pin))));
    let sold = world.terminals[0].terminal.last_stan();
    all.push(overheard(world, TerminalTask::Void { stan: sold }));
    all.push(overheard(world, sale(&parcels[1], None)));
    let receipt = world.terminals[0].terminal.journal().last().unwrap().receipt;
    all.push(overheard(world, TerminalTask::Refund { receipt: &receipt, amount: 1_000 }));
    let hold = TerminalTask::PreAuthorisation {
        waybill: &parcels[2],
        card: &card,
        amount: 10_000,
        pin: None,
    };
    all.push(overheard(world, hold));
    let held = world.terminals[0].terminal.last_stan();
    all.push(overheard(world, TerminalTask::Completion { stan: held, amount: 6_000 }));
    let cash = TerminalTask::Cash { waybill: &parcels[3], amount: 10_000, tendered: 10_000 };
    all.push(overheard(world, cash));
    all
}

/// The terminal sells, whatever happened before.
fn goes_on(world: &mut World) {
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let pin = card.pin();
    let sale = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: Some(&pin) };
    world.approved(0, sale);
    assert_eq!(world.collected(parcel), 10_000);
}

#[test]
fn a_request_with_a_changed_byte_is_refused() {
    let mut world = World::open();
    let (parcel, card) = (world.parcel(10_000), card(1));
    let (text, pin) = (waybill(parcel), card.pin());
    let tasks = [
        TerminalTask::Parameters,
        TerminalTask::Cash { waybill: &text, amount: 4_000, tendered: 5_000 },
        TerminalTask::Sale { waybill: &text, card: &card, amount: 6_000, pin: Some(&pin) },
        TerminalTask::Settle,
        TerminalTask::SignOn,
    ];
    for task in tasks {
        world.ask(0, task).unwrap();
        let message = world.from_terminal.pop_front().unwrap();
        // Gateways change the TPDU, which is not under the MAC.
        for place in 5..message.1.len() {
            let mut changed = message.1.clone();
            changed[place] ^= 1 << (place % 8);
            let codes = inject(&mut world, &changed);
            // Also what is no message of this terminal, or of none, is refused.
            let refused = ["A0", "30", "40", "97"].iter().any(|code| codes == [*code]);
            assert!(codes.is_empty() || refused, "{task:?}, byte {place}: {codes:?}");
        }
        world.from_terminal.push_back(message);
        world.settle();
        let heard = world.terminals[0].responses.last().unwrap();
        let refused = matches!(
            heard,
            TerminalOutcome::Declined(_)
                | TerminalOutcome::SignOnRequired { .. }
                | TerminalOutcome::WrongMac
        );
        assert!(!refused, "{task:?}: {heard:?}");
    }
    goes_on(&mut world);
    world.assert_books_agree();
}

#[test]
fn a_terminal_takes_no_answer_with_a_changed_byte() {
    let answer_to_a_sale = |world: &mut World| {
        let (text, card) = (waybill(world.parcel(10_000)), card(1));
        let sale = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
        world.ask(0, sale).unwrap();
        while world.to_terminal.is_empty() {
            let _ = world.books_step()
                || world.network_receives()
                || world.switch_receives_from_network()
                || world.switch_receives_from_terminal();
        }
    };
    let mut world = World::open();
    answer_to_a_sale(&mut world);
    let bytes = world.to_terminal[0].1.len();
    world.settle();
    for place in 5..bytes {
        answer_to_a_sale(&mut world);
        let mut changed = world.to_terminal.pop_front().unwrap().1;
        changed[place] ^= 1 << (place % 8);
        let heard = world.terminals[0].terminal.receive(&mut changed);
        let taken =
            matches!(heard, Ok(TerminalOutcome::Approved { .. } | TerminalOutcome::Declined(_)));
        assert!(!taken, "byte {place}: {heard:?}");
        world.run_until_idle();
        // A code changed into A0 makes it sign on.
        if world.terminals[0].terminal.must_sign_on() {
            world.sign_on(0);
        }
    }
    world.assert_books_agree();
    goes_on(&mut world);
}

#[test]
fn repeated_messages_get_the_first_answer_or_a_refusal() {
    let mut world = World::open();
    let passed = session(&mut world);
    for [request, answer] in &passed[1..] {
        let codes = inject(&mut world, request);
        assert_eq!(codes, ["00"], "the first answer");
        assert_eq!(inject(&mut world, answer), Vec::<String>::new(), "an answer is no request");
    }
    // Under another STAN they are no longer authentic.
    for [request, _] in &passed[2..] {
        let mut other = request.clone();
        other[STAN_AT + 2] ^= 1;
        assert_eq!(inject(&mut world, &other), ["A0"]);
    }
    goes_on(&mut world);
    world.assert_books_agree();
}

#[test]
fn messages_of_an_earlier_session_are_refused() {
    let mut world = World::open();
    let passed = session(&mut world);
    world.sign_on(0);
    world.run(0, TerminalTask::Parameters);
    for [request, answer] in &passed[1..] {
        assert_eq!(inject(&mut world, request), ["A0"]);
        assert_eq!(inject(&mut world, answer), Vec::<String>::new());
    }
    goes_on(&mut world);
    // The same after a restart, when no terminal has a session.
    world.crash();
    for [request, _] in &passed[1..] {
        assert_eq!(inject(&mut world, request), ["A0"]);
    }
    goes_on(&mut world);
    world.assert_books_agree();
}

#[test]
fn a_repeated_sign_on_cuts_nobody_off() {
    let mut world = World::open();
    let [sign_on, mut answer] = session(&mut world)[0].clone();
    assert_eq!(inject(&mut world, &sign_on), ["00"], "its keys are of use to nobody");
    goes_on(&mut world);
    // Between the terminal's own sign-on and its first message.
    world.sign_on(0);
    inject(&mut world, &sign_on);
    goes_on(&mut world);
    // The terminal takes no answer to an earlier sign-on.
    world.ask(0, TerminalTask::SignOn).unwrap();
    let stale = world.terminals[0].terminal.receive(&mut answer);
    assert!(!matches!(stale, Ok(TerminalOutcome::SignedOn { .. })), "{stale:?}");
    world.settle();
    goes_on(&mut world);
    // After the end of the batch it opens the next one, in which the terminal goes on.
    world.run(0, TerminalTask::Settle);
    world.from_terminal.push_back((NOBODY, sign_on));
    world.settle();
    world.sign_on(0);
    goes_on(&mut world);
    world.assert_books_agree();
}

#[test]
fn a_message_held_back_over_a_sign_on_is_refused() {
    let mut world = World::open();
    let (text, card) = (waybill(world.parcel(10_000)), card(1));
    let sale = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, sale).unwrap();
    let (line, late) = world.from_terminal.pop_front().unwrap();
    // A wrong message in its place makes the terminal sign on and repeat it.
    let mut wrong = late.clone();
    *wrong.last_mut().unwrap() ^= 1;
    world.from_terminal.push_back((line, wrong));
    world.settle();
    assert!(matches!(world.go_on(0), TerminalOutcome::Approved { .. }));
    assert_eq!(inject(&mut world, &late), ["A0"]);
    goes_on(&mut world);
    world.assert_books_agree();
}
