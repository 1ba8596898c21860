//! Terminals by plain TCP, and their limits.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use host::limits::{FAILURE_DELAY, FAILURES_FREE_MAX, TERMINAL_MESSAGE_BYTES_MAX};
use host::{ConnectionLimits, HostPlan};

use crate::script::{PATIENCE, RawTerminal, RunningHost, anywhere, echo, framed, short};

#[test]
fn each_of_many_terminals_gets_its_own_answer() {
    let running = RunningHost::with(ConnectionLimits::default());
    let mut terminals: Vec<RawTerminal> = (0..500).map(|_| running.terminal()).collect();
    for round in 0..3 {
        for (number, terminal) in (0..).zip(&mut terminals) {
            terminal.send(&echo(round * 1_000 + number));
        }
        for (number, terminal) in (0..).zip(&mut terminals) {
            assert_eq!(terminal.receive(), echo(round * 1_000 + number));
        }
    }
    assert_eq!(running.seen().messages, 1_500);
}

#[test]
fn answers_that_go_through_the_books_reach_their_terminals() {
    let running = RunningHost::with(ConnectionLimits::default());
    running.seen().by_the_books = true;
    let mut terminals: Vec<RawTerminal> = (0..50).map(|_| running.terminal()).collect();
    for (number, terminal) in (0..).zip(&mut terminals) {
        terminal.send(&echo(number));
    }
    for (number, terminal) in (0..).zip(&mut terminals) {
        assert_eq!(terminal.receive(), echo(number));
    }
}

#[test]
fn terminals_can_have_several_listeners() {
    let terminals = vec![anywhere(), anywhere(), anywhere()];
    let running = RunningHost::of(HostPlan { terminals, ..HostPlan::default() });
    for address in &running.at.terminals {
        RawTerminal::at(*address).echo(1);
    }
}

#[test]
fn a_message_may_arrive_byte_by_byte_and_together_with_the_next() {
    let running = RunningHost::with(ConnectionLimits::default());
    let mut terminal = running.terminal();
    for byte in echo(1) {
        terminal.send(&[byte]);
        std::thread::sleep(Duration::from_micros(200));
    }
    assert_eq!(terminal.receive(), echo(1));
    let (two, three) = (echo(2), echo(3));
    terminal.send(&[&two, &three[..7]].concat());
    assert_eq!(terminal.receive(), two);
    terminal.send(&three[7..]);
    assert_eq!(terminal.receive(), three);
}

#[test]
fn an_unfinished_message_ends_the_connection() {
    let running = RunningHost::with(short());
    let (mut slow, mut good) = (running.terminal(), running.terminal());
    slow.send(&echo(1)[..5]);
    good.echo(1);
    assert!(slow.is_closed());
    good.echo(2);
}

#[test]
fn a_trickle_of_bytes_does_not_extend_the_timeout() {
    let running = RunningHost::with(short());
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
fn a_silent_terminal_is_disconnected_after_the_idle_timeout() {
    let limits = ConnectionLimits {
        idle_timeout: Duration::from_millis(600),
        ..ConnectionLimits::default()
    };
    let running = RunningHost::with(limits);
    let (mut silent, mut good) = (running.terminal(), running.terminal());
    let begun = Instant::now();
    good.echo(1);
    assert!(silent.is_closed());
    assert!(begun.elapsed() >= Duration::from_millis(600));
    running.wait_until("the switch is told", |seen| !seen.closed.is_empty());
}

#[test]
fn connections_from_one_address_are_limited() {
    let limits = ConnectionLimits { connections_per_address_max: 3, ..ConnectionLimits::default() };
    let running = RunningHost::with(limits);
    let mut inside: Vec<RawTerminal> = (0..3).map(|_| running.terminal()).collect();
    inside.iter_mut().for_each(|terminal| terminal.echo(1));
    assert!(running.terminal().is_turned_away());
    // A connection that ends frees its place.
    drop(inside.pop());
    running.wait_until("one has gone", |seen| seen.closed.len() == 1);
    running.terminal().echo(1);
}

#[test]
fn connections_in_total_are_limited() {
    let running =
        RunningHost::with(ConnectionLimits { connections_max: 2, ..ConnectionLimits::default() });
    let (mut one, mut two) = (running.terminal(), running.terminal());
    one.echo(1);
    two.echo(1);
    assert!(running.terminal().is_turned_away());
    one.echo(2);
}

#[test]
fn a_rush_is_accepted_at_the_limited_rate_and_nobody_is_lost() {
    let running = RunningHost::with(ConnectionLimits {
        accepts_per_second_max: 20,
        ..ConnectionLimits::default()
    });
    let begun = Instant::now();
    let mut rush: Vec<RawTerminal> = (0..45).map(|_| running.terminal()).collect();
    rush.iter_mut().for_each(|terminal| terminal.echo(1));
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn the_longest_message_is_accepted_and_one_byte_more_is_refused() {
    let running = RunningHost::with(ConnectionLimits::default());
    let mut longest = echo(1)[2..].to_vec();
    longest.resize(TERMINAL_MESSAGE_BYTES_MAX, 0);
    let mut terminal = running.terminal();
    terminal.send(&framed(&longest));
    assert_eq!(terminal.receive(), framed(&longest));
    longest.push(0);
    terminal.send(&framed(&longest));
    assert!(terminal.is_closed());
}

#[test]
fn a_terminal_that_does_not_wait_for_answers_is_read_up_to_its_limit() {
    let running =
        RunningHost::with(ConnectionLimits { in_flight_max: 2, ..ConnectionLimits::default() });
    running.seen().hold = true;
    let mut hasty = running.terminal();
    let many: Vec<u8> = (0..100).flat_map(echo).collect();
    hasty.send(&many);
    running.wait_until("two messages", |seen| seen.held.len() == 2);
    running.terminal().echo_held(&running);
    // All are answered in the end, in order.
    for number in 0..100 {
        running.seen().answer_held();
        assert_eq!(hasty.receive(), echo(number));
    }
}

#[test]
fn a_terminal_that_never_reads_is_disconnected() {
    let running = RunningHost::with(ConnectionLimits::default());
    running.seen().answer_bytes = Some(60_000);
    let unreading = running.terminal();
    unreading.0.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let begun = Instant::now();
    while running.seen().closed.is_empty() {
        let _ = std::io::Write::write_all(&mut &unreading.0, &echo(1));
        assert!(begun.elapsed() < PATIENCE);
    }
    running.seen().answer_bytes = None;
    running.terminal().echo(1);
}

#[test]
fn a_terminal_that_disconnects_is_reported_to_the_switch_once() {
    let running = RunningHost::with(ConnectionLimits::default());
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

impl RawTerminal {
    fn echo_held(&mut self, running: &RunningHost) {
        self.send(&echo(7));
        running.wait_until("the other's message", |seen| seen.held.len() == 3);
        assert_eq!(running.seen().messages, 3);
        running.seen().answer_held();
        assert_eq!(self.receive(), echo(7));
    }
}

#[test]
fn a_terminal_with_wrong_macs_is_slowed_and_its_neighbour_is_not() {
    let running = RunningHost::with(ConnectionLimits::default());
    running.seen().wrong_macs = true;
    let (mut bad, mut good) = (running.terminal(), running.terminal());
    for number in 1..=FAILURES_FREE_MAX {
        bad.echo(2 * number);
    }
    let begun = Instant::now();
    // The answer comes; what follows has to wait.
    bad.echo(2);
    bad.send(&echo(4));
    good.echo(1);
    if begun.elapsed() < FAILURE_DELAY {
        bad.0.set_nonblocking(true).unwrap();
        assert!(bad.0.peek(&mut [0]).is_err(), "it is answered at once");
        bad.0.set_nonblocking(false).unwrap();
    }
    assert_eq!(bad.receive(), echo(4));
    assert!(begun.elapsed() >= FAILURE_DELAY, "{:?}", begun.elapsed());
    assert!(running.seen().closed.is_empty());
}
