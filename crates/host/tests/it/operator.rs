use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use books::{Event, NetworkId, Timestamp};
use host::control::{CONTROL_SOCKET, ControlError, ControlRequest, send_request};
use host::{HostPlan, StopOutcome};
use node::{ClockReading, SteadyClock};

use crate::script::{RunningHost, anywhere};

fn running() -> (tempfile::TempDir, PathBuf, RunningHost) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(CONTROL_SOCKET);
    let terminals = vec![anywhere()];
    let running =
        RunningHost::of(HostPlan { terminals, control: Some(path.clone()), ..HostPlan::default() });
    (directory, path, running)
}

#[test]
fn only_its_owner_can_open_the_socket() {
    let (_directory, path, _running) = running();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn status_counts_connections_and_messages() {
    let (_directory, path, running) = running();
    let mut terminal = running.terminal();
    terminal.echo(1);
    let status = send_request(&path, &ControlRequest::Status {}).unwrap();
    assert_eq!(status["terminals"], 1);
    assert_eq!(status["messages"], 1);
    assert_eq!(status["ended"]["malformed"], 0);
}

#[test]
fn the_switch_hears_which_networks_another_thread_withdrew() {
    let (_directory, _path, running) = running();
    let (network, from) = (NetworkId::derived("alpha"), Timestamp(5));
    let withdrawn = Event::NetworkWithdrawn { network, from };
    running.network_changes.announce(&[Event::Registered, withdrawn]);
    running.network_changes.announce(&[Event::Registered]);
    running.network_changes.announce(&[Event::NetworkReinstated { network }]);
    running.wait_until("reinstated", |seen| seen.withdrawn.len() == 2);
    assert_eq!(running.seen().withdrawn, [(network, Some(from)), (network, None)]);
}

#[test]
fn a_stop_request_stops_the_process() {
    let (_directory, path, mut running) = running();
    send_request(&path, &ControlRequest::Stop {}).unwrap();
    assert_eq!(running.join(), StopOutcome::Finished);
    assert!(matches!(
        send_request(&path, &ControlRequest::Status {}),
        Err(ControlError::NotRunning(_))
    ));
}

#[test]
fn a_socket_that_a_killed_process_left_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(CONTROL_SOCKET);
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let _running = RunningHost::of(HostPlan { control: Some(path.clone()), ..HostPlan::default() });
    assert!(send_request(&path, &ControlRequest::Status {}).is_ok());
}

#[test]
fn a_clock_that_jumps_stops_no_timer_and_is_named_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(CONTROL_SOCKET);
    let plan = HostPlan { control: Some(path.clone()), ..HostPlan::default() };
    let (wall, begun) = (Arc::new(AtomicU64::new(1_385_596_800)), Instant::now());
    let shown = wall.clone();
    let clock = SteadyClock::new(move || {
        let monotonic = begun.elapsed();
        let wall = Duration::from_secs(shown.load(Ordering::Relaxed)) + monotonic;
        ClockReading { wall, monotonic }
    });
    let running = RunningHost::with_clock(plan, Box::new(clock));
    let jump = || send_request(&path, &ControlRequest::Status {}).unwrap()["clock_jump_ms"].clone();
    assert!(jump().is_null());
    wall.fetch_sub(3_600, Ordering::Relaxed);
    let due = 1_385_596_800_000 + u64::try_from(begun.elapsed().as_millis()).unwrap() + 200;
    running.seen().timer = Some(Timestamp(due));
    running.wait_until("the timer", |seen| seen.timer.is_none());
    assert_eq!(jump(), -3_600_000);
    wall.fetch_add(3_600, Ordering::Relaxed);
    let patience = Instant::now() + crate::script::PATIENCE;
    while !jump().is_null() {
        assert!(Instant::now() < patience, "the clock agrees again");
    }
    let lines = running.lines.lock().unwrap().clone();
    assert_eq!(
        lines,
        [
            "ERROR host: the machine's clock jumped, it is not followed; check the clock, then \
             start again jump_ms=-3600000",
            "INFO host: the machine's clock agrees with this process again",
        ]
    );
}
