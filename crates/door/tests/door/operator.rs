//! The control socket.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use door::control::{CONTROL_SOCKET, Order, OrderError, order};
use door::{Ended, Plan};
use engine::{NetworkId, Timestamp};
use node::{Clock, SystemClock};
use serde_json::Value;

use crate::script::{Running, anywhere};

fn running() -> (tempfile::TempDir, PathBuf, Running) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(CONTROL_SOCKET);
    let terminals = vec![anywhere()];
    let running = Running::of(Plan { terminals, control: Some(path.clone()), ..Plan::default() });
    (directory, path, running)
}

fn withdraw(network: &str, at_ms: Option<u64>, approved_by: &str) -> Order {
    let (network, approved_by) = (network.to_owned(), approved_by.to_owned());
    Order::Withdraw { network, at_ms, by: "ann".into(), approved_by }
}

#[test]
fn only_its_owner_may_use_it() {
    let (_directory, path, _running) = running();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn status_says_who_is_there() {
    let (_directory, path, running) = running();
    let mut terminal = running.terminal();
    terminal.echo(1);
    let status = order(&path, &Order::Status {}).unwrap();
    assert_eq!(status["terminals"], 1);
    assert_eq!(status["messages"], 1);
    assert_eq!(status["ended"]["malformed"], 0);
}

#[test]
fn a_network_is_withdrawn_and_reinstated_by_two() {
    let (_directory, path, running) = running();
    let far = 4_000_000_000_000;
    order(&path, &withdraw("alpha", Some(far), "bo")).unwrap();
    order(
        &path,
        &Order::Reinstate { network: "alpha".into(), by: "ann".into(), approved_by: "bo".into() },
    )
    .unwrap();
    let alpha = NetworkId::derived("alpha");
    assert_eq!(running.seen().withdrawn, [(alpha, Some(Timestamp(far))), (alpha, None)]);
    for refused in [withdraw("alpha", None, "ann"), withdraw("none", None, "bo")] {
        let error = order(&path, &refused).unwrap_err();
        assert!(matches!(&error, OrderError::Refused(why) if !why.is_empty()), "{error}");
    }
    assert_eq!(running.seen().withdrawn.len(), 2);
}

#[test]
fn at_once_is_the_moment_in_which_the_books_hear_of_it() {
    let (_directory, path, running) = running();
    let now_ms = || SystemClock.now().0;
    let before = now_ms();
    let from_ms = order(&path, &withdraw("alpha", None, "bo")).unwrap()["from_ms"].as_u64();
    let from_ms = from_ms.unwrap();
    assert!((before..=now_ms()).contains(&from_ms), "{before} {from_ms}");
    let from = Some(Timestamp(from_ms));
    assert_eq!(running.seen().withdrawn, [(NetworkId::derived("alpha"), from)]);
    // Once it has begun, nothing moves it: neither the switch nor the operator is told otherwise.
    for at_ms in [None, Some(1), Some(from_ms + 3_600_000)] {
        assert_eq!(order(&path, &withdraw("alpha", at_ms, "bo")).unwrap()["from_ms"], Value::Null);
    }
    assert_eq!(running.seen().withdrawn.len(), 1);
}

#[test]
fn it_stops_the_process() {
    let (_directory, path, mut running) = running();
    order(&path, &Order::Stop {}).unwrap();
    assert_eq!(running.join(), Ended::Finished);
    assert!(matches!(order(&path, &Order::Status {}), Err(OrderError::NobodyThere(_))));
}

#[test]
fn a_socket_that_a_killed_process_left_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(CONTROL_SOCKET);
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let _running = Running::of(Plan { control: Some(path.clone()), ..Plan::default() });
    assert!(order(&path, &Order::Status {}).is_ok());
}
