use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use books::{Event, NetworkId, Timestamp};
use host::control::{CONTROL_SOCKET, ControlError, ControlRequest, send_request};
use host::{HostPlan, StopOutcome};

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
