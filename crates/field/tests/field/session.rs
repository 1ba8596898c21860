use std::net::SocketAddr;
use std::sync::Arc;

use field::{Line, MasterKeys, Note, Session};
use peers::card::Entry;
use peers::terminal::After;
use peers::{Card, Heard, Task, Terminal, TerminalSettings};

use crate::host::{GENERATION, Host, Way, base};

fn session(addresses: &[SocketAddr], answer_within_ms: u32) -> Session {
    let key = MasterKeys::derived(base(), GENERATION).unwrap().of(9).unwrap();
    let settings =
        TerminalSettings { answer_within_ms, ..TerminalSettings::new(9, *b"898331042150001", key) };
    let line = Line::new(addresses.to_vec(), None).unwrap();
    Session::new(Terminal::new(&settings), line)
}

fn ask(session: &mut Session, task: Task<'_>) -> (Option<Heard>, Vec<Note>) {
    let mut notes = Vec::new();
    let heard = session.ask(task, &mut |note| notes.push(note)).unwrap();
    (heard, notes)
}

fn sell(session: &mut Session) -> (Option<Heard>, Vec<Note>) {
    let card = Card::made(622_588, 1, Entry::Chip);
    let waybill = peers::waybill(5);
    ask(session, Task::Sell { waybill: &waybill, card: &card, amount: 100, pin: None })
}

#[test]
fn one_thing_after_the_other_is_asked_and_answered() {
    let host = Host::good();
    let mut session = session(&[host.address], 5_000);
    let (heard, notes) = ask(&mut session, Task::SignOn);
    assert_eq!(heard, Some(Heard::SignedOn { batch: 1, abandoned: 0 }));
    assert_eq!(notes, [Note::Connected(host.address)]);
    let (heard, notes) = sell(&mut session);
    assert!(matches!(heard, Some(Heard::Approved { .. })) && notes.is_empty());
    assert_eq!(ask(&mut session, Task::Echo).0, Some(Heard::Echoed));
}

#[test]
fn a_line_that_breaks_is_taken_up_elsewhere_and_the_question_repeated() {
    let seen = Arc::default();
    let [away, dies, good] =
        [Way::TurnsAway, Way::DiesAfter(2), Way::Good].map(|way| Host::start(way, &seen).address);
    let mut session = session(&[away, dies, good], 5_000);
    let (heard, notes) = ask(&mut session, Task::SignOn);
    assert!(matches!(heard, Some(Heard::SignedOn { .. })));
    assert_eq!(notes.last(), Some(&Note::Connected(dies)));
    let (heard, notes) = sell(&mut session);
    assert!(matches!(heard, Some(Heard::Approved { .. })));
    assert_eq!(notes, [Note::Lost(dies), Note::Connected(good)]);
    let sales = seen.lock().unwrap().sales.clone();
    assert_eq!(sales, [(9, 2), (9, 2)], "the same STAN");
}

#[test]
fn a_sale_without_an_answer_is_reversed_first_of_all() {
    let host = Host::start(Way::Mute, &Arc::default());
    let mut session = session(&[host.address], 200);
    ask(&mut session, Task::SignOn);
    let (heard, notes) = sell(&mut session);
    assert_eq!((heard, notes), (None, vec![Note::NoAnswer(After::Reverse)]));
    let way = session.clear_the_way(&mut |_| {}).unwrap();
    assert_eq!(way, [Some(Heard::Reversed { stan: 2, code: *b"00" })]);
    assert!(session.clear_the_way(&mut |_| {}).unwrap().is_empty());
}

#[test]
fn nobody_at_any_address_is_no_answer_in_time() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut session = session(&[nobody], 300);
    let (heard, notes) = ask(&mut session, Task::Echo);
    assert_eq!(heard, None);
    assert_eq!(notes.first(), Some(&Note::Unreachable(nobody)));
    assert_eq!(notes.last(), Some(&Note::NoAnswer(After::Nothing)));
}
