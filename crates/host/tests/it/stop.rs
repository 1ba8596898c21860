//! A stop finishes what is in flight and accepts nothing new.

use std::io::Read;
use std::time::{Duration, Instant};

use host::{ConnectionLimits, HostPlan, StopOutcome};

use crate::script::{RunningHost, anywhere, echo};

#[test]
fn a_stop_with_nothing_in_flight_ends_at_once() {
    let running = RunningHost::with(ConnectionLimits::default());
    let mut terminal = running.terminal();
    terminal.echo(1);
    let begun = Instant::now();
    assert_eq!(running.stop(), StopOutcome::Finished);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(terminal.is_closed());
}

#[test]
fn messages_in_flight_are_answered_and_no_new_ones_are_read() {
    let mut running = RunningHost::with(ConnectionLimits::default());
    running.seen().hold = true;
    let (mut early, mut late) = (running.terminal(), running.terminal());
    early.send(&echo(1));
    running.wait_until("it is in flight", |seen| seen.held.len() == 1);
    running.stopper.stop();
    running.wait_until("the switch stops", |seen| seen.stopped);
    late.send(&echo(2));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(running.seen().messages, 1);
    running.seen().answer_held();
    assert_eq!(early.receive(), echo(1));
    assert_eq!(running.join(), StopOutcome::Finished);
    assert!(late.is_closed());
}

#[test]
fn a_stop_waits_no_longer_than_its_limit() {
    let stop_wait = Duration::from_millis(700);
    let terminals = vec![anywhere()];
    let mut running = RunningHost::of(HostPlan { terminals, stop_wait, ..HostPlan::default() });
    running.seen().hold = true;
    running.terminal().send(&echo(1));
    running.wait_until("it is in flight", |seen| seen.held.len() == 1);
    let begun = Instant::now();
    running.stopper.stop();
    assert_eq!(running.join(), StopOutcome::Unfinished(1));
    assert!(begun.elapsed() >= stop_wait);
}

#[test]
fn a_second_stop_ends_at_once() {
    let mut running = RunningHost::with(ConnectionLimits::default());
    running.seen().hold = true;
    let mut terminal = running.terminal();
    terminal.send(&echo(1));
    running.wait_until("it is in flight", |seen| seen.held.len() == 1);
    running.stopper.stop();
    running.wait_until("the switch stops", |seen| seen.stopped);
    running.stopper.stop();
    assert_eq!(running.join(), StopOutcome::Unfinished(1));
    assert_eq!(terminal.0.read(&mut [0; 9]).unwrap_or(0), 0);
}
