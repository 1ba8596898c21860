//! A stop finishes what is in flight and begins nothing.

use std::io::Read;
use std::time::{Duration, Instant};

use door::{Ended, Limits, Plan};

use crate::script::{Running, anywhere, echo};

#[test]
fn a_stop_with_nothing_in_flight_is_over_at_once() {
    let running = Running::with(Limits::default());
    let mut terminal = running.terminal();
    terminal.echo(1);
    let begun = Instant::now();
    assert_eq!(running.stop(), Ended::Finished);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(terminal.is_closed());
}

#[test]
fn what_is_in_flight_is_answered_and_nothing_new_is_read() {
    let mut running = Running::with(Limits::default());
    running.seen().keep = true;
    let (mut early, mut late) = (running.terminal(), running.terminal());
    early.say(&echo(1));
    running.wait_until("it is in flight", |seen| seen.kept.len() == 1);
    running.stopper.stop();
    running.wait_until("the switch stops", |seen| seen.stopped);
    late.say(&echo(2));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(running.seen().messages, 1);
    running.seen().let_go();
    assert_eq!(early.hear(), echo(1));
    assert_eq!(running.join(), Ended::Finished);
    assert!(late.is_closed());
}

#[test]
fn what_does_not_finish_is_waited_for_so_long_and_no_longer() {
    let stop_wait = Duration::from_millis(700);
    let terminals = vec![anywhere()];
    let mut running = Running::of(Plan { terminals, stop_wait, ..Plan::default() });
    running.seen().keep = true;
    running.terminal().say(&echo(1));
    running.wait_until("it is in flight", |seen| seen.kept.len() == 1);
    let begun = Instant::now();
    running.stopper.stop();
    assert_eq!(running.join(), Ended::Unfinished(1));
    assert!(begun.elapsed() >= stop_wait);
}

#[test]
fn a_second_stop_is_at_once() {
    let mut running = Running::with(Limits::default());
    running.seen().keep = true;
    let mut terminal = running.terminal();
    terminal.say(&echo(1));
    running.wait_until("it is in flight", |seen| seen.kept.len() == 1);
    running.stopper.stop();
    running.wait_until("the switch stops", |seen| seen.stopped);
    running.stopper.stop();
    assert_eq!(running.join(), Ended::Unfinished(1));
    assert_eq!(terminal.0.read(&mut [0; 9]).unwrap_or(0), 0);
}
