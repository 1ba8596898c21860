//! What wallets say over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use door::wallet::signature;
use door::{Plan, WalletDoor};
use engine::WalletId;

use crate::script::{PATIENCE, Running, anywhere};

const SECRET: &[u8] = b"a secret of the wallet's";

fn running() -> Running {
    let secret = SECRET.to_vec().into();
    let wallets = vec![WalletDoor { name: "red".into(), wallet: WalletId(5), secret }];
    Running::of(Plan { wallets_listen: vec![anywhere()], wallets, ..Plan::default() })
}

fn post(reference: &str, secret: &[u8], connection: &str) -> String {
    let paid = r#""currency":"CNY","outcome":"paid","transaction":"77""#;
    let body = format!(r#"{{"reference":"{reference}","amount_minor":1250,{paid}}}"#);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let signature = signature(secret, now, body.as_bytes());
    format!(
        "POST /wallets/red/notes HTTP/1.1\r\nHost: door\r\nConnection: {connection}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nDoorstep-Timestamp: {now}\r\n\
         Doorstep-Signature: {signature}\r\n\r\n{body}",
        body.len()
    )
}

/// All that is answered until the other side closes.
fn say(running: &Running, text: &str) -> String {
    let mut stream = TcpStream::connect(running.at.wallets[0]).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn signed_notes_are_taken_and_answered_by_the_switch() {
    let running = running();
    let answer = say(&running, &post("A1", SECRET, "close"));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(r#"{"outcome":"accepted"}"#), "{answer}");
    assert!(say(&running, &post("late", SECRET, "close")).ends_with(r#"{"outcome":"refund"}"#));
    let answer = say(&running, &post("none", SECRET, "close"));
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("problem+json"), "{answer}");
    assert_eq!(running.seen().notes.len(), 3);
}

#[test]
fn one_connection_may_carry_several_notes_one_after_the_other() {
    let running = running();
    let both = post("A1", SECRET, "keep-alive") + &post("A2", SECRET, "close");
    let answer = say(&running, &both);
    assert_eq!(answer.matches("200 OK").count(), 2, "{answer}");
    let notes = &running.seen().notes;
    assert_eq!([&notes[0].reference, &notes[1].reference], ["A1", "A2"]);
}

#[test]
fn unsigned_notes_and_nonsense_are_refused_and_the_connection_ends() {
    let running = running();
    assert!(say(&running, &post("A1", b"guess", "keep-alive")).starts_with("HTTP/1.1 401 "));
    assert!(say(&running, "NONSENSE\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let huge = "POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n";
    assert!(say(&running, huge).starts_with("HTTP/1.1 413 "));
    assert!(say(&running, "GET /wallets/red/notes HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert!(running.seen().notes.is_empty());
}
