//! The terminal against a scripted host.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod host;
mod recovery;
mod table;

use peers::card::{Card, Entry};
use peers::terminal::{After, Declined, Kind, Receipt, TerminalError};
use peers::{Heard, Task, Terminal, TerminalSettings};

use host::{MASTER, MERCHANT, Says, TPDU, YES, answer, key, says};

/// 2013-08-28 10:11:12 in Beijing.
const NOW_MS: u64 = 1_377_655_872_000;

fn terminal() -> Terminal {
    Terminal::new(&TerminalSettings {
        tpdu: TPDU,
        utc_offset_minutes: 480,
        ..TerminalSettings::new(10_000_001, MERCHANT, key(MASTER))
    })
}

fn signed_on() -> Terminal {
    let mut terminal = terminal();
    let heard = tell(&mut terminal, Task::SignOn, YES);
    assert_eq!(heard, Heard::SignedOn { batch: 7, abandoned: 0 });
    terminal
}

fn card() -> Card {
    Card::made(622_588, 7, Entry::Chip)
}

fn waybill() -> String {
    peers::waybill(0x0123_4567_89AB_CDEF)
}

/// Asks, and hears what the host says.
fn tell(terminal: &mut Terminal, task: Task<'_>, says: Says<'_>) -> Heard {
    let question = terminal.ask(task, NOW_MS).unwrap();
    terminal.hear(&mut answer(&question, says)).unwrap()
}

fn sell<'a>(waybill: &'a str, card: &'a Card, amount: u64) -> Task<'a> {
    Task::Sell { waybill, card, amount, pin: None }
}

/// A sale that the host approves.
fn sold(terminal: &mut Terminal, amount: u64) -> Receipt {
    approved(tell(terminal, sell(&waybill(), &card(), amount), YES))
}

#[track_caller]
fn approved(heard: Heard) -> Receipt {
    match heard {
        Heard::Approved { receipt, .. } => receipt,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sale_is_printed_with_what_the_switch_gave() {
    let mut terminal = signed_on();
    let receipt = sold(&mut terminal, 1_250);
    assert_eq!(
        receipt,
        Receipt {
            kind: Kind::Sale,
            batch: 7,
            stan: 2,
            date: 828,
            amount: 1_250,
            rrn: *b"000000000002",
            authorisation: *b"A1B2C3",
        }
    );
    assert_eq!(terminal.receipt(2), Some(receipt));
    assert_eq!(terminal.totals().card_debits.amount, 1_250);
}

#[test]
fn a_refusal_is_told_with_its_text_and_leaves_no_line() {
    let mut terminal = signed_on();
    let heard = tell(&mut terminal, sell(&waybill(), &card(), 1), says("51"));
    let (kind, code, text) = (Kind::Sale, *b"51", "no".to_owned());
    assert_eq!(heard, Heard::Declined(Declined { kind, stan: 2, code, text }));
    assert!(terminal.journal().is_empty());
}

#[test]
fn one_message_at_a_time() {
    let mut terminal = signed_on();
    let question = terminal.ask(Task::Echo, NOW_MS).unwrap();
    assert_eq!(terminal.answer_by(), Some(NOW_MS + 60_000));
    let second = terminal.ask(Task::Echo, NOW_MS);
    assert!(matches!(second, Err(TerminalError::Waiting)));
    assert!(matches!(terminal.must_first(NOW_MS), Err(TerminalError::Waiting)));
    assert_eq!(terminal.hear(&mut answer(&question, YES)).unwrap(), Heard::Echoed);
    assert!(!terminal.waits());
}

#[test]
fn nothing_but_sign_on_and_echo_goes_out_without_keys() {
    let mut terminal = terminal();
    assert!(terminal.must_sign_on());
    for task in [Task::Settle, Task::Parameters, Task::SignOff, Task::Reverse { stan: 1 }] {
        assert!(matches!(terminal.ask(task, NOW_MS), Err(TerminalError::SignOnFirst)), "{task:?}");
    }
    assert_eq!(tell(&mut terminal, Task::Echo, YES), Heard::Echoed);
}

#[test]
fn working_keys_under_another_master_key_are_refused() {
    let settings = TerminalSettings {
        tpdu: TPDU,
        ..TerminalSettings::new(10_000_001, MERCHANT, key("0123456789ABCDEFFEDCBA9876543210"))
    };
    let mut terminal = Terminal::new(&settings);
    let question = terminal.ask(Task::SignOn, NOW_MS).unwrap();
    let heard = terminal.hear(&mut answer(&question, YES));
    assert!(matches!(heard, Err(TerminalError::WorkingKeys)));
    assert!(terminal.must_sign_on());
}

#[test]
fn answers_to_others_change_nothing() {
    let mut terminal = signed_on();
    let old = terminal.ask(Task::Echo, NOW_MS).unwrap();
    let mut old_answer = answer(&old, YES);
    terminal.hear(&mut old_answer.clone()).unwrap();
    assert_eq!(terminal.hear(&mut old_answer.clone()).unwrap(), Heard::Stray);
    let question = terminal.ask(Task::Echo, NOW_MS).unwrap();
    assert_eq!(terminal.hear(&mut old_answer).unwrap(), Heard::Stray);
    assert!(terminal.waits());
    let mut wiped = answer(&question, YES);
    assert_eq!(terminal.hear(&mut wiped).unwrap(), Heard::Echoed);
    assert!(wiped.iter().all(|byte| *byte == 0), "what was heard is wiped");
}

#[test]
fn an_order_in_the_header_asks_for_a_new_sign_on() {
    let mut terminal = signed_on();
    let heard = tell(&mut terminal, sell(&waybill(), &card(), 5), Says { order: 3, ..YES });
    approved(heard);
    assert!(terminal.must_sign_on());
    assert!(matches!(terminal.ask(Task::Settle, NOW_MS), Err(TerminalError::SignOnFirst)));
    tell(&mut terminal, Task::SignOn, YES);
    assert_eq!(terminal.journal().len(), 1, "the same batch goes on");
}

#[test]
fn a_batch_of_another_number_leaves_the_lines_behind() {
    let mut terminal = signed_on();
    sold(&mut terminal, 5);
    let heard = tell(&mut terminal, sell(&waybill(), &card(), 5), says("77"));
    assert_eq!(heard, Heard::SignOnFirst { code: *b"77" });
    let heard = tell(&mut terminal, Task::SignOn, Says { batch: 8, ..YES });
    assert_eq!(heard, Heard::SignedOn { batch: 8, abandoned: 1 });
    assert_eq!(sold(&mut terminal, 5).batch, 8);
}

#[test]
fn tens_of_thousands_of_idle_terminals_fit_in_memory() {
    let mut terminal = signed_on();
    let question = terminal.ask(sell(&waybill(), &card(), 5), NOW_MS).unwrap();
    let message = question.len();
    terminal.hear(&mut answer(&question, YES)).unwrap();
    let in_itself = size_of::<Terminal>();
    assert!(in_itself <= 400, "{in_itself} bytes");
    let with_all = in_itself + 128 + message + 4 * 64;
    assert!(with_all < 1_024, "{with_all} bytes");
}

#[test]
fn the_same_tasks_make_the_same_bytes() {
    let bytes = || {
        let mut terminal = signed_on();
        let pin = card().pin();
        let task = Task::Sell { waybill: &waybill(), card: &card(), amount: 5, pin: Some(&pin) };
        terminal.ask(task, NOW_MS).unwrap().to_vec()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn nothing_is_said_after_a_time_out_of_an_echo() {
    let mut terminal = signed_on();
    terminal.ask(Task::Echo, NOW_MS).unwrap();
    assert_eq!(terminal.timed_out(NOW_MS + 59_999), None);
    assert_eq!(terminal.timed_out(NOW_MS + 60_000), Some(After::Nothing));
    assert!(terminal.must_first(NOW_MS).unwrap().is_none());
}
