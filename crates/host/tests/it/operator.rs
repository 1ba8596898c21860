use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use books::{NetworkId, Timestamp};
use host::control::{CONTROL_SOCKET, ControlError, ControlRequest, send_request};
use host::{HostPlan, StopOutcome};
use node::{Clock, SystemClock};
use serde_json::Value;

use crate::script::{RunningHost, anywhere};

fn running() -> (tempfile::TempDir, PathBuf, RunningHost) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(CONTROL_SOCKET);
    let terminals = vec![anywhere()];
    let running =
        RunningHost::of(HostPlan { terminals, control: Some(path.clone()), ..HostPlan::default() });
    (directory, path, running)
}

fn withdraw(network: &str, at_ms: Option<u64>, approved_by: &str) -> ControlRequest {
    let (network, approved_by) = (network.to_owned(), approved_by.to_owned());
    ControlRequest::Withdraw { network, at_ms, by: "ann".into(), approved_by }
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
fn a_network_is_withdrawn_and_reinstated_by_two() {
    let (_directory, path, running) = running();
    let tomorrow = SystemClock.now().0 + 24 * 60 * 60 * 1_000;
    send_request(&path, &withdraw("alpha", Some(tomorrow), "bo")).unwrap();
    send_request(
        &path,
        &ControlRequest::Reinstate {
            network: "alpha".into(),
            by: "ann".into(),
            approved_by: "bo".into(),
        },
    )
    .unwrap();
    let alpha = NetworkId::derived("alpha");
    assert_eq!(running.seen().withdrawn, [(alpha, Some(Timestamp(tomorrow))), (alpha, None)]);
    for refused in [withdraw("alpha", None, "ann"), withdraw("none", None, "bo")] {
        let error = send_request(&path, &refused).unwrap_err();
        assert!(matches!(&error, ControlError::Refused(why) if !why.is_empty()), "{error}");
    }
    assert_eq!(running.seen().withdrawn.len(), 2);
}

#[test]
fn withdrawal_at_once_starts_when_the_books_apply_it() {
    let (_directory, path, running) = running();
    let now_ms = || SystemClock.now().0;
    let before = now_ms();
    let from_ms = send_request(&path, &withdraw("alpha", None, "bo")).unwrap()["from_ms"].as_u64();
    let from_ms = from_ms.unwrap();
    assert!((before..=now_ms()).contains(&from_ms), "{before} {from_ms}");
    let from = Some(Timestamp(from_ms));
    assert_eq!(running.seen().withdrawn, [(NetworkId::derived("alpha"), from)]);
    // A retry changes nothing. A withdrawal that has begun cannot be moved.
    assert_eq!(
        send_request(&path, &withdraw("alpha", None, "bo")).unwrap()["from_ms"],
        Value::Null
    );
    for at_ms in [1, from_ms + 3_600_000] {
        let error = send_request(&path, &withdraw("alpha", Some(at_ms), "bo")).unwrap_err();
        assert!(matches!(&error, ControlError::Refused(why) if !why.is_empty()), "{error}");
    }
    assert_eq!(running.seen().withdrawn.len(), 1);
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
