//! The terminal against a scripted host.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod examples;
mod host;
mod own_dialect;
mod recovery;
mod table;

use peers::card::{EntryMode, TestCard};
use peers::terminal::{
    DeclinedRequest, Receipt, TerminalError, TerminalRequestKind, TimeoutAction,
};
use peers::{
    AuthorisationCode, ResponseCode, Rrn, TerminalOutcome, TerminalSimulator,
    TerminalSimulatorSettings, TerminalTask,
};

use host::{APPROVAL, HostReply, MASTER, MERCHANT, TPDU, answer, key, reply_with};

/// 2013-08-28 10:11:12 in Beijing.
const NOW_MS: u64 = 1_377_655_872_000;

fn terminal() -> TerminalSimulator {
    TerminalSimulator::new(&TerminalSimulatorSettings {
        tpdu: TPDU,
        utc_offset_minutes: 480,
        ..TerminalSimulatorSettings::new(10_000_001, MERCHANT, key(MASTER))
    })
}

fn signed_on() -> TerminalSimulator {
    let mut terminal = terminal();
    let outcome = tell(&mut terminal, TerminalTask::SignOn, APPROVAL);
    assert_eq!(outcome, TerminalOutcome::SignedOn { batch: 7, dropped_lines: 0 });
    terminal
}

fn card() -> TestCard {
    TestCard::generate(622_588, 7, EntryMode::Chip)
}

fn waybill() -> String {
    peers::format_waybill(0x0123_4567_89AB_CDEF)
}

/// Starts a task and passes on the host's answer.
fn tell(
    terminal: &mut TerminalSimulator,
    task: TerminalTask<'_>,
    says: HostReply<'_>,
) -> TerminalOutcome {
    let request = terminal.start(task, NOW_MS).unwrap();
    terminal.receive(&mut answer(&request, says)).unwrap()
}

fn sell<'a>(waybill: &'a str, card: &'a TestCard, amount: u64) -> TerminalTask<'a> {
    TerminalTask::Sale { waybill, card, amount, pin: None }
}

/// Makes a sale that the host approves.
fn sold(terminal: &mut TerminalSimulator, amount: u64) -> Receipt {
    approved(tell(terminal, sell(&waybill(), &card(), amount), APPROVAL))
}

#[track_caller]
fn approved(outcome: TerminalOutcome) -> Receipt {
    match outcome {
        TerminalOutcome::Approved { receipt, .. } => receipt,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_receipt_has_the_numbers_from_the_switch() {
    let mut terminal = signed_on();
    let receipt = sold(&mut terminal, 1_250);
    assert_eq!(
        receipt,
        Receipt {
            kind: TerminalRequestKind::Sale,
            batch: 7,
            stan: 2,
            date: 828,
            amount: 1_250,
            rrn: Rrn::new(*b"000000000002"),
            authorisation: AuthorisationCode::new(*b"A1B2C3"),
        }
    );
    assert_eq!(terminal.receipt(2), Some(receipt));
    assert_eq!(terminal.totals().card_debits.amount, 1_250);
}

#[test]
fn a_decline_has_its_text_and_no_journal_line() {
    let mut terminal = signed_on();
    let outcome = tell(&mut terminal, sell(&waybill(), &card(), 1), reply_with("51"));
    let declined = DeclinedRequest {
        kind: TerminalRequestKind::Sale,
        stan: 2,
        code: ResponseCode::INSUFFICIENT_FUNDS,
        text: "no".to_owned(),
        network: "unionpay".to_owned(),
    };
    assert_eq!(outcome, TerminalOutcome::Declined(declined));
    assert!(terminal.journal().is_empty());
}

#[test]
fn one_message_at_a_time() {
    let mut terminal = signed_on();
    let request = terminal.start(TerminalTask::Echo, NOW_MS).unwrap();
    assert_eq!(terminal.answer_by(), Some(NOW_MS + 60_000));
    let second = terminal.start(TerminalTask::Echo, NOW_MS);
    assert!(matches!(second, Err(TerminalError::AwaitingAnswer)));
    assert!(matches!(terminal.next_pending_message(NOW_MS), Err(TerminalError::AwaitingAnswer)));
    assert_eq!(terminal.receive(&mut answer(&request, APPROVAL)).unwrap(), TerminalOutcome::Echoed);
    assert!(!terminal.awaits_answer());
}

#[test]
fn nothing_but_sign_on_and_echo_goes_out_without_keys() {
    let mut terminal = terminal();
    assert!(terminal.must_sign_on());
    for task in [
        TerminalTask::Settle,
        TerminalTask::Parameters,
        TerminalTask::SignOff,
        TerminalTask::Reverse { stan: 1 },
    ] {
        assert!(
            matches!(terminal.start(task, NOW_MS), Err(TerminalError::SignOnRequired)),
            "{task:?}"
        );
    }
    assert_eq!(tell(&mut terminal, TerminalTask::Echo, APPROVAL), TerminalOutcome::Echoed);
}

#[test]
fn working_keys_under_another_master_key_are_refused() {
    let settings = TerminalSimulatorSettings {
        tpdu: TPDU,
        ..TerminalSimulatorSettings::new(
            10_000_001,
            MERCHANT,
            key("0123456789ABCDEFFEDCBA9876543210"),
        )
    };
    let mut terminal = TerminalSimulator::new(&settings);
    let request = terminal.start(TerminalTask::SignOn, NOW_MS).unwrap();
    let outcome = terminal.receive(&mut answer(&request, APPROVAL));
    assert!(matches!(outcome, Err(TerminalError::WorkingKeys)));
    assert!(terminal.must_sign_on());
}

#[test]
fn answers_to_other_requests_change_nothing() {
    let mut terminal = signed_on();
    let old = terminal.start(TerminalTask::Echo, NOW_MS).unwrap();
    let mut old_answer = answer(&old, APPROVAL);
    terminal.receive(&mut old_answer.clone()).unwrap();
    assert_eq!(terminal.receive(&mut old_answer.clone()).unwrap(), TerminalOutcome::Unmatched);
    let request = terminal.start(TerminalTask::Echo, NOW_MS).unwrap();
    assert_eq!(terminal.receive(&mut old_answer).unwrap(), TerminalOutcome::Unmatched);
    assert!(terminal.awaits_answer());
    let mut wiped = answer(&request, APPROVAL);
    assert_eq!(terminal.receive(&mut wiped).unwrap(), TerminalOutcome::Echoed);
    assert!(wiped.iter().all(|byte| *byte == 0), "received bytes are wiped");
}

#[test]
fn the_header_can_request_a_new_sign_on() {
    let mut terminal = signed_on();
    let outcome = tell(
        &mut terminal,
        sell(&waybill(), &card(), 5),
        HostReply { requested_action: 3, ..APPROVAL },
    );
    approved(outcome);
    assert!(terminal.must_sign_on());
    assert!(matches!(
        terminal.start(TerminalTask::Settle, NOW_MS),
        Err(TerminalError::SignOnRequired)
    ));
    tell(&mut terminal, TerminalTask::SignOn, APPROVAL);
    assert_eq!(terminal.journal().len(), 1, "the same batch continues");
}

#[test]
fn a_new_batch_number_drops_the_lines_of_the_old_batch() {
    let mut terminal = signed_on();
    sold(&mut terminal, 5);
    let outcome = tell(&mut terminal, sell(&waybill(), &card(), 5), reply_with("77"));
    assert_eq!(outcome, TerminalOutcome::SignOnRequired { code: ResponseCode::BATCH_MISMATCH });
    let outcome = tell(&mut terminal, TerminalTask::SignOn, HostReply { batch: 8, ..APPROVAL });
    assert_eq!(outcome, TerminalOutcome::SignedOn { batch: 8, dropped_lines: 1 });
    assert_eq!(sold(&mut terminal, 5).batch, 8);
}

#[test]
fn tens_of_thousands_of_idle_terminals_fit_in_memory() {
    let mut terminal = signed_on();
    let request = terminal.start(sell(&waybill(), &card(), 5), NOW_MS).unwrap();
    let message = request.len();
    terminal.receive(&mut answer(&request, APPROVAL)).unwrap();
    let in_itself = size_of::<TerminalSimulator>();
    assert!(in_itself <= 400, "{in_itself} bytes");
    let with_all = in_itself + 128 + message + 4 * 64;
    assert!(with_all < 1_024, "{with_all} bytes");
}

#[test]
fn the_same_tasks_make_the_same_bytes() {
    let bytes = || {
        let mut terminal = signed_on();
        let pin = card().pin();
        let task =
            TerminalTask::Sale { waybill: &waybill(), card: &card(), amount: 5, pin: Some(&pin) };
        terminal.start(task, NOW_MS).unwrap().to_vec()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn nothing_follows_the_time_out_of_an_echo() {
    let mut terminal = signed_on();
    terminal.start(TerminalTask::Echo, NOW_MS).unwrap();
    assert_eq!(terminal.on_timeout(NOW_MS + 59_999), None);
    assert_eq!(terminal.on_timeout(NOW_MS + 60_000), Some(TimeoutAction::Nothing));
    assert!(terminal.next_pending_message(NOW_MS).unwrap().is_none());
}
