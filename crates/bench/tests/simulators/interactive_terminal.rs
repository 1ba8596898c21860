use std::net::SocketAddr;
use std::sync::Arc;

use bench::{InteractiveTerminal, TerminalKeys, TerminalNotice, TerminalSocket};
use keys::KeyPurpose;
use peers::card::EntryMode;
use peers::terminal::TimeoutAction;
use peers::{
    ResponseCode, TerminalOutcome, TerminalSimulator, TerminalSimulatorSettings, TerminalTask,
    TestCard,
};

use crate::test_switch::{TestSwitch, TestSwitchBehaviour, base};

fn session(addresses: &[SocketAddr], answer_within_ms: u32) -> InteractiveTerminal {
    let key =
        TerminalKeys::derived(base(), KeyPurpose::TerminalLink).unwrap().for_terminal(9).unwrap();
    let settings = TerminalSimulatorSettings {
        answer_timeout_ms: answer_within_ms,
        ..TerminalSimulatorSettings::new(9, *b"898331042150001", key)
    };
    let line = TerminalSocket::new(addresses.to_vec(), None).unwrap();
    InteractiveTerminal::new(TerminalSimulator::new(&settings), line)
}

fn ask(
    session: &mut InteractiveTerminal,
    task: TerminalTask<'_>,
) -> (Option<TerminalOutcome>, Vec<TerminalNotice>) {
    let mut notes = Vec::new();
    let heard = session.perform(task, &mut |note| notes.push(note)).unwrap();
    (heard, notes)
}

fn sell(session: &mut InteractiveTerminal) -> (Option<TerminalOutcome>, Vec<TerminalNotice>) {
    let card = TestCard::generate(622_588, 1, EntryMode::Chip);
    let waybill = peers::format_waybill(5);
    ask(session, TerminalTask::Sale { waybill: &waybill, card: &card, amount: 100, pin: None })
}

#[test]
fn tasks_are_performed_and_answered_one_after_another() {
    let switch = TestSwitch::good();
    let mut session = session(&[switch.address], 5_000);
    let (heard, notes) = ask(&mut session, TerminalTask::SignOn);
    assert_eq!(heard, Some(TerminalOutcome::SignedOn { batch: 1, dropped_lines: 0 }));
    assert_eq!(notes, [TerminalNotice::Connected(switch.address)]);
    let (heard, notes) = sell(&mut session);
    assert!(matches!(heard, Some(TerminalOutcome::Approved { .. })) && notes.is_empty());
    assert_eq!(ask(&mut session, TerminalTask::Echo).0, Some(TerminalOutcome::Echoed));
}

#[test]
fn a_broken_connection_is_replaced_and_the_message_repeated() {
    let seen = Arc::default();
    let [refusing, closing, good] = [
        TestSwitchBehaviour::RefusesAll,
        TestSwitchBehaviour::ClosesAfter(2),
        TestSwitchBehaviour::Good,
    ]
    .map(|behaviour| TestSwitch::start(behaviour, &seen).address);
    let mut session = session(&[refusing, closing, good], 5_000);
    let (heard, notes) = ask(&mut session, TerminalTask::SignOn);
    assert!(matches!(heard, Some(TerminalOutcome::SignedOn { .. })));
    assert_eq!(notes.last(), Some(&TerminalNotice::Connected(closing)));
    let (heard, notes) = sell(&mut session);
    assert!(matches!(heard, Some(TerminalOutcome::Approved { .. })));
    assert_eq!(notes, [TerminalNotice::Lost(closing), TerminalNotice::Connected(good)]);
    let sales = seen.lock().unwrap().sales.clone();
    assert_eq!(sales, [(9, 2), (9, 2)], "the same STAN");
}

#[test]
fn a_sale_without_an_answer_is_reversed_before_anything_else() {
    let switch = TestSwitch::start(TestSwitchBehaviour::IgnoresSales, &Arc::default());
    let mut session = session(&[switch.address], 200);
    ask(&mut session, TerminalTask::SignOn);
    let (heard, notes) = sell(&mut session);
    assert_eq!((heard, notes), (None, vec![TerminalNotice::NoAnswer(TimeoutAction::Reverse)]));
    let behaviour = session.send_pending(&mut |_| {}).unwrap();
    assert_eq!(
        behaviour,
        [Some(TerminalOutcome::Reversed { stan: 2, code: ResponseCode::APPROVED })]
    );
    assert!(session.send_pending(&mut |_| {}).unwrap().is_empty());
}

#[test]
fn unreachable_addresses_end_as_no_answer_in_time() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut session = session(&[nobody], 300);
    let (heard, notes) = ask(&mut session, TerminalTask::Echo);
    assert_eq!(heard, None);
    assert_eq!(notes.first(), Some(&TerminalNotice::Unreachable(nobody)));
    assert_eq!(notes.last(), Some(&TerminalNotice::NoAnswer(TimeoutAction::Nothing)));
}
