//! The wallet API.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use books::WalletId;
use host::wallet::{SignedWalletRequest, answer_signature};
use host::{ConnectionLimits, HostPlan, WalletCredentials};

use crate::script::{PATIENCE, RunningHost, for_wallets};

const SECRET: &[u8] = b"a secret of the wallet's";

fn running() -> RunningHost {
    running_with(ConnectionLimits::default())
}

fn running_with(limits: ConnectionLimits) -> RunningHost {
    let secret = SECRET.to_vec().into();
    let wallets = vec![WalletCredentials { name: "red".into(), wallet: WalletId(5), secret }];
    RunningHost::of(HostPlan {
        limits,
        wallet_listeners: vec![for_wallets()],
        wallets,
        ..HostPlan::default()
    })
}

fn post(reference: &str, secret: &[u8], connection: &str) -> String {
    let paid = r#""currency":"CNY","outcome":"paid","transaction":"77""#;
    let body = format!(r#"{{"reference":"{reference}","amount_minor":1250,{paid}}}"#);
    request("POST /wallets/red/notes", secret, connection, &body)
}

fn get(what: &str) -> String {
    request(&format!("GET /wallets/red/{what}"), SECRET, "close", "")
}

fn request(what: &str, secret: &[u8], connection: &str, body: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (method, path) = what.split_once(' ').unwrap();
    let nonce = "n-1";
    let signed = SignedWalletRequest { seconds: now, nonce, method, path, body: body.as_bytes() };
    let signature = signed.signature(secret);
    format!(
        "{what} HTTP/1.1\r\nHost: door\r\nConnection: {connection}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nDoorstep-Timestamp: {now}\r\n\
         Doorstep-Nonce: {nonce}\r\nDoorstep-Signature: {signature}\r\n\r\n{body}",
        body.len()
    )
}

fn header<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix(name))
}

/// Sends a request, and returns status and body of the answer after a check of its signature.
#[track_caller]
fn signed(running: &RunningHost, request: &str) -> (u16, String) {
    let answer = send(running, request);
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let asked = header(request, "Doorstep-Signature: ").unwrap();
    let expected = answer_signature(SECRET, asked, status, body.as_bytes());
    assert_eq!(header(&answer, "Doorstep-Signature: "), Some(expected.as_str()), "{answer}");
    (status, body.to_owned())
}

/// The whole answer, until the other side closes.
fn send(running: &RunningHost, text: &str) -> String {
    let mut stream = TcpStream::connect(running.at.wallets[0]).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn signed_notifications_are_answered_by_the_switch() {
    let running = running();
    let answer = send(&running, &post("A1", SECRET, "close"));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(r#"{"outcome":"accepted"}"#), "{answer}");
    assert!(send(&running, &post("late", SECRET, "close")).ends_with(r#"{"outcome":"refund"}"#));
    let answer = send(&running, &post("none", SECRET, "close"));
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("problem+json"), "{answer}");
    assert_eq!(running.seen().notes.len(), 3);
}

#[test]
fn one_connection_carries_several_notifications_in_turn() {
    let running = running();
    let both = post("A1", SECRET, "keep-alive") + &post("A2", SECRET, "close");
    let answer = send(&running, &both);
    assert_eq!(answer.matches("200 OK").count(), 2, "{answer}");
    let notes = &running.seen().notes;
    assert_eq!([&notes[0].reference, &notes[1].reference], ["A1", "A2"]);
}

#[test]
fn unsigned_and_malformed_requests_are_refused_and_disconnected() {
    let running = running();
    assert!(send(&running, &post("A1", b"guess", "keep-alive")).starts_with("HTTP/1.1 401 "));
    assert!(send(&running, "NONSENSE\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let huge = "POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n";
    assert!(send(&running, huge).starts_with("HTTP/1.1 413 "));
    for path in ["/wallets/red/notes", "/wallets/red/lost", "/"] {
        let unsigned = format!("GET {path} HTTP/1.1\r\n\r\n");
        assert!(send(&running, &unsigned).starts_with("HTTP/1.1 401 "), "{path}");
    }
    assert!(running.seen().notes.is_empty());
}

#[test]
fn only_answers_to_signed_requests_are_signed() {
    let running = running();
    let says = |reference| signed(&running, &post(reference, SECRET, "close"));
    assert_eq!(says("A1"), (200, r#"{"outcome":"accepted"}"#.into()));
    assert_eq!(says("late"), (200, r#"{"outcome":"refund"}"#.into()));
    for (reference, status) in [("none", 404), ("denied", 409), ("busy", 503), ("", 422)] {
        assert_eq!(says(reference).0, status, "{reference}");
    }
    let says = |what, body| signed(&running, &request(what, SECRET, "close", body)).0;
    assert_eq!(says("POST /wallets/red/notes", "{"), 400);
    assert_eq!(says("GET /wallets/red/notes", ""), 405);
    assert_eq!(says("GET /wallets/red/lost", ""), 404);
    for unsigned in [post("A1", b"guess", "close"), "NONSENSE\r\n\r\n".into()] {
        let answer = send(&running, &unsigned);
        assert_eq!(header(&answer, "Doorstep-Signature: "), None, "{answer}");
    }
}

#[test]
fn a_wallet_queries_an_order_instead_of_repeating_its_notification() {
    let running = running();
    let (status, body) = signed(&running, &get("orders/A1"));
    assert_eq!(status, 200);
    assert_eq!(body, r#"{"amount_minor":1250,"standing":"to_give_back"}"#);
    assert_eq!(signed(&running, &get("orders/none")).0, 404);
    assert!(running.seen().notes.is_empty());
}

#[test]
fn a_long_list_of_refunds_is_answered_in_parts() {
    let running = running();
    running.seen().to_give_back = 3_000;
    let (status, body) = signed(&running, &get("refunds"));
    assert_eq!((status, body.matches("reference").count()), (200, 1_000));
}

#[test]
fn a_late_answer_is_not_taken_for_that_of_the_next_request() {
    let running = running_with(ConnectionLimits {
        answer_timeout: Duration::from_millis(1),
        ..ConnectionLimits::default()
    });
    let both = post("kept", SECRET, "keep-alive") + &post("late", SECRET, "close");
    let answer = send(&running, &both);
    assert_eq!(running.seen().notes.len(), 2);
    assert_eq!(answer.matches("200 OK").count(), 1, "{answer}");
    assert!(answer.ends_with(r#"{"outcome":"refund"}"#), "{answer}");
}
