//! Terminals by plain TCP, and what they may not do.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use door::limits::TERMINAL_MESSAGE_BYTES_MAX;
use door::{Limits, Plan};

use crate::script::{PATIENCE, Running, Terminal, anywhere, echo, framed, short};

#[test]
fn many_terminals_are_answered_each_with_its_own() {
    let running = Running::with(Limits::default());
    let mut terminals: Vec<Terminal> = (0..500).map(|_| running.terminal()).collect();
    for round in 0..3 {
        for (number, terminal) in (0..).zip(&mut terminals) {
            terminal.say(&echo(round * 1_000 + number));
        }
        for (number, terminal) in (0..).zip(&mut terminals) {
            assert_eq!(terminal.hear(), echo(round * 1_000 + number));
        }
    }
    assert_eq!(running.seen().messages, 1_500);
}

#[test]
fn answers_that_go_through_the_books_come_to_who_asked() {
    let running = Running::with(Limits::default());
    running.seen().by_the_books = true;
    let mut terminals: Vec<Terminal> = (0..50).map(|_| running.terminal()).collect();
    for (number, terminal) in (0..).zip(&mut terminals) {
        terminal.say(&echo(number));
    }
    for (number, terminal) in (0..).zip(&mut terminals) {
        assert_eq!(terminal.hear(), echo(number));
    }
}

#[test]
fn there_may_be_several_addresses() {
    let terminals = vec![anywhere(), anywhere(), anywhere()];
    let running = Running::of(Plan { terminals, ..Plan::default() });
    for address in &running.at.terminals {
        Terminal::at(*address).echo(1);
    }
}

#[test]
fn a_message_may_come_byte_by_byte_and_with_the_next() {
    let running = Running::with(Limits::default());
    let mut terminal = running.terminal();
    for byte in echo(1) {
        terminal.say(&[byte]);
        std::thread::sleep(Duration::from_micros(200));
    }
    assert_eq!(terminal.hear(), echo(1));
    let (two, three) = (echo(2), echo(3));
    terminal.say(&[&two, &three[..7]].concat());
    assert_eq!(terminal.hear(), two);
    terminal.say(&three[7..]);
    assert_eq!(terminal.hear(), three);
}

#[test]
fn a_message_that_is_begun_and_not_finished_ends_the_connection() {
    let running = Running::with(short());
    let (mut slow, mut good) = (running.terminal(), running.terminal());
    slow.say(&echo(1)[..5]);
    good.echo(1);
    assert!(slow.is_closed());
    good.echo(2);
}

#[test]
fn a_trickle_of_bytes_does_not_prolong_a_message() {
    let running = Running::with(short());
    let mut slow = running.terminal();
    slow.0.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let begun = Instant::now();
    for byte in echo(1).iter().cycle() {
        let sent = std::io::Write::write_all(&mut slow.0, &[*byte / 2]);
        if sent.is_err() || slow.is_closed() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE);
    }
}

#[test]
fn a_silent_terminal_is_let_go_after_its_time() {
    let limits = Limits { idle: Duration::from_millis(600), ..Limits::default() };
    let running = Running::with(limits);
    let (mut silent, mut good) = (running.terminal(), running.terminal());
    let begun = Instant::now();
    good.echo(1);
    assert!(silent.is_closed());
    assert!(begun.elapsed() >= Duration::from_millis(600));
    running.wait_until("the switch hears of it", |seen| !seen.closed.is_empty());
}

#[test]
fn one_address_has_so_many_connections_and_no_more() {
    let limits = Limits { connections_per_address_max: 3, ..Limits::default() };
    let running = Running::with(limits);
    let mut inside: Vec<Terminal> = (0..3).map(|_| running.terminal()).collect();
    inside.iter_mut().for_each(|terminal| terminal.echo(1));
    assert!(running.terminal().is_turned_away());
    // When one goes, another may come.
    drop(inside.pop());
    running.wait_until("one has gone", |seen| seen.closed.len() == 1);
    running.terminal().echo(1);
}

#[test]
fn there_are_so_many_connections_in_total_and_no_more() {
    let running = Running::with(Limits { connections_max: 2, ..Limits::default() });
    let (mut one, mut two) = (running.terminal(), running.terminal());
    one.echo(1);
    two.echo(1);
    assert!(running.terminal().is_turned_away());
    one.echo(2);
}

#[test]
fn a_rush_is_let_in_at_its_rate_and_nobody_is_lost() {
    let running = Running::with(Limits { accepts_per_second_max: 20, ..Limits::default() });
    let begun = Instant::now();
    let mut rush: Vec<Terminal> = (0..45).map(|_| running.terminal()).collect();
    rush.iter_mut().for_each(|terminal| terminal.echo(1));
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn a_message_of_the_longest_is_taken_and_one_byte_more_is_not() {
    let running = Running::with(Limits::default());
    let mut longest = echo(1)[2..].to_vec();
    longest.resize(TERMINAL_MESSAGE_BYTES_MAX, 0);
    let mut terminal = running.terminal();
    terminal.say(&framed(&longest));
    assert_eq!(terminal.hear(), framed(&longest));
    longest.push(0);
    terminal.say(&framed(&longest));
    assert!(terminal.is_closed());
}

#[test]
fn who_sends_without_waiting_is_read_no_further_than_its_answers() {
    let running = Running::with(Limits { in_flight_max: 2, ..Limits::default() });
    running.seen().keep = true;
    let mut hasty = running.terminal();
    let many: Vec<u8> = (0..100).flat_map(echo).collect();
    hasty.say(&many);
    running.wait_until("two messages", |seen| seen.kept.len() == 2);
    running.terminal().echo_kept(&running);
    // All are answered in the end, in their order.
    for number in 0..100 {
        running.seen().let_go();
        assert_eq!(hasty.hear(), echo(number));
    }
}

#[test]
fn who_never_reads_is_dropped_and_costs_no_more_than_its_buffer() {
    let running = Running::with(Limits::default());
    running.seen().answer_bytes = Some(60_000);
    let deaf = running.terminal();
    deaf.0.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let begun = Instant::now();
    while running.seen().closed.is_empty() {
        let _ = std::io::Write::write_all(&mut &deaf.0, &echo(1));
        assert!(begun.elapsed() < PATIENCE);
    }
    running.seen().answer_bytes = None;
    running.terminal().echo(1);
}

#[test]
fn a_terminal_that_is_gone_is_told_to_the_switch_once() {
    let running = Running::with(Limits::default());
    for _ in 0..20 {
        running.terminal().echo(1);
        drop(TcpStream::connect(running.at.terminals[0]).unwrap());
    }
    running.wait_until("all are gone", |seen| seen.closed.len() == 40);
    let mut closed = running.seen().closed.clone();
    closed.sort_unstable();
    closed.dedup();
    assert_eq!(closed.len(), 40, "a line's number is not used again");
}

impl Terminal {
    fn echo_kept(&mut self, running: &Running) {
        self.say(&echo(7));
        running.wait_until("the other's message", |seen| seen.kept.len() == 3);
        assert_eq!(running.seen().messages, 3);
        running.seen().let_go();
        assert_eq!(self.hear(), echo(7));
    }
}
