//! Webhooks to a receiver that verifies with `standardwebhooks`, `svix` and `cryptography`.

use std::net::TcpListener;
use std::time::Duration;

use channels::{AllowedServers, Channel, HttpSettings, WebhookChannel, WebhookKey};
use serde_json::{Value, json};

use crate::peer::{
    IMPATIENT, Identity, PATIENT, Peer, assert_failed, assert_gone, assert_not_known,
    assert_refused, delivered, http_to, notice,
};

struct Receiver {
    peer: Peer,
    /// HMAC in force and before, and ed25519.
    keys: [String; 3],
    channel: WebhookChannel,
    base: String,
}

fn keys_and_arguments() -> ([String; 3], [String; 3]) {
    let [new, old] = [WebhookKey::new_hmac().unwrap(), WebhookKey::new_hmac().unwrap()];
    let ed25519 = WebhookKey::new_ed25519().unwrap();
    let public = WebhookKey::read(&ed25519).unwrap().public().unwrap();
    let keys = [new.to_string(), old.to_string(), ed25519.to_string()];
    let arguments = [keys[0].clone(), keys[1].clone(), public];
    (keys, arguments)
}

impl Receiver {
    fn new(timeout: Duration) -> Receiver {
        let (keys, arguments) = keys_and_arguments();
        let peer = Peer::python("webhooks.py", &arguments.each_ref().map(String::as_str));
        let channel = WebhookChannel::new(&http_to(peer.port, timeout));
        let base = format!("http://127.0.0.1:{}", peer.port);
        Receiver { peer, keys, channel, base }
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path} {}", self.base, self.keys[0])
    }
}

fn payload() -> Value {
    json!({ "payout": 17, "amount": "CNY 100.00", "seller": "卖家" })
}

#[test]
fn other_libraries_verify_each_signature_of_a_rotation() {
    let receiver = Receiver::new(PATIENT);
    let payload = payload();
    let notice = notice("Paid", "Payout 17 was sent", &payload);
    let [new, old, ed25519] = receiver.keys.clone();
    for (keys, hmac, is_ed25519) in [
        (vec![&new], [true, false], false),
        (vec![&ed25519], [false, false], true),
        (vec![&ed25519, &new, &old], [true, true], true),
        (vec![&old], [false, true], false),
    ] {
        let keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
        let address = format!("{}/ok {}", receiver.base, keys.join(" "));
        assert_eq!(receiver.channel.send(&notice, &address), delivered(None));
        let seen = receiver.peer.next();
        assert_eq!(seen["standardwebhooks"], json!(hmac), "{seen}");
        assert_eq!(seen["svix"], json!(hmac), "{seen}");
        assert_eq!(seen["ed25519"], json!(is_ed25519), "{seen}");
        assert_eq!(seen["forged"], json!([false, false]), "{seen}");
    }
}

#[test]
fn a_retry_has_the_same_id_and_body_over_the_same_connection() {
    let receiver = Receiver::new(PATIENT);
    let payload = payload();
    let notice = notice("Paid", "Payout 17 was sent", &payload);
    let address = receiver.address("/broken");
    let seen: Vec<Value> = (0..3)
        .map(|_| {
            assert_failed(&receiver.channel.send(&notice, &address), "500");
            receiver.peer.next()
        })
        .collect();
    for one in &seen {
        assert_eq!(one["id"], "4711-0_seller-7");
        assert_eq!(one["content_type"], "application/json");
        assert_eq!(one["body"], seen[0]["body"]);
        assert_eq!(one["connection"], seen[0]["connection"], "the connection is kept");
    }
    let body: Value = serde_json::from_str(seen[0]["body"].as_str().unwrap()).unwrap();
    let expected = json!({
        "type": "payout.sent",
        "timestamp": "2025-11-30T14:00:00.000Z",
        "data": payload,
    });
    assert_eq!(body, expected);
}

#[test]
fn what_the_endpoint_answers_decides() {
    let receiver = Receiver::new(PATIENT);
    let payload = payload();
    let notice = notice("Paid", "Payout 17 was sent", &payload);
    let send = |path: &str| receiver.channel.send(&notice, &receiver.address(path));
    assert_gone(&send("/gone"));
    assert_eq!(assert_failed(&send("/redirect"), "redirects are not followed"), None);
    assert_eq!(assert_failed(&send("/busy"), "429"), Some(7_000));
    let dated = assert_failed(&send("/dated"), "503").unwrap();
    assert!((3_000_000..=3_600_000).contains(&dated), "{dated}");
    assert_eq!(send("/long"), delivered(None));
    assert_not_known(&send("/nothing"));
    assert_not_known(&send("/garbage"));
    assert_not_known(&send("/head"));
    // A redirect was not followed: each request was asked for.
    let paths = ["gone", "redirect", "busy", "dated", "long", "nothing", "garbage", "head"];
    for path in paths {
        assert_eq!(receiver.peer.next()["path"], format!("/{path}"));
    }
}

#[test]
fn an_answer_that_drips_ends_at_the_time_limit() {
    let receiver = Receiver::new(IMPATIENT);
    let payload = payload();
    let notice = notice("Paid", "Payout 17 was sent", &payload);
    assert_not_known(&receiver.channel.send(&notice, &receiver.address("/slow")));
}

#[test]
fn a_certificate_is_checked_and_tls_connections_are_kept() {
    let identity = Identity::new();
    let (keys, arguments) = keys_and_arguments();
    let files = identity.files();
    let arguments: Vec<&str> = arguments.iter().chain(&files).map(String::as_str).collect();
    let peer = Peer::python("webhooks.py", &arguments);
    let own = format!("localhost:{}", peer.port);
    let settings = |authorities| HttpSettings {
        authorities,
        allowed: AllowedServers::read([own.as_str()]).unwrap(),
        timeout: PATIENT,
    };
    let payload = payload();
    let notice = notice("Paid", "Payout 17 was sent", &payload);
    let address = format!("https://{own}/ok {}", keys[0]);
    let other = WebhookChannel::new(&settings(vec![Identity::new().authority]));
    assert_failed(&other.send(&notice, &address), "unknown authority");
    let channel = WebhookChannel::new(&settings(vec![identity.authority.clone()]));
    let mut connections = Vec::new();
    for _ in 0..2 {
        assert_eq!(channel.send(&notice, &address), delivered(None));
        connections.push(peer.next()["connection"].clone());
    }
    assert_eq!(connections[0], connections[1]);
}

/// 2130706433, 0x7f.1 and 127.1 are forms of 127.0.0.1 that the system's look-up knows.
#[test]
fn no_private_address_is_reached_in_any_spelling() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings = HttpSettings {
        authorities: Vec::new(),
        allowed: AllowedServers::default(),
        timeout: PATIENT,
    };
    let channel = WebhookChannel::new(&settings);
    let key = WebhookKey::new_ed25519().unwrap();
    let payload = payload();
    let notice = notice("Paid", "Payout 17 was sent", &payload);
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
        "169.254.169.254",
        "10.0.0.1",
    ] {
        let outcome = channel.send(&notice, &format!("https://{host}:{port}/x {}", *key));
        assert_failed(&outcome, "the server has no public address");
    }
    let accepted = listener.accept();
    assert_eq!(accepted.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn an_endpoint_that_cannot_be_asked_is_refused_and_not_repeated() {
    let receiver = Receiver::new(PATIENT);
    let payload = payload();
    let sent = notice("Paid", "Payout 17 was sent", &payload);
    let send = |address: &str| receiver.channel.send(&sent, address);
    let key = &receiver.keys[0];
    assert_refused(&send(""), "no URL");
    assert_refused(&send(&format!("{}/ok", receiver.base)), "1 to 4 keys");
    assert_refused(&send(&format!("{}/ok secret", receiver.base)), "begins with whsk_");
    let many = [key.as_str(); 5].join(" ");
    assert_refused(&send(&format!("{}/ok {many}", receiver.base)), "1 to 4 keys");
    for url in ["ftp://hooks.example/x", "hooks.example", "/x", "https://"] {
        assert_refused(&send(&format!("{url} {key}")), "the URL is unusable");
    }
    assert_refused(&send(&format!("http://hooks.example/x {key}")), "has no TLS");
    assert_refused(&send(&format!("https://a:b@hooks.example/x {key}")), "user name");
    let long = json!("x".repeat(20_000));
    let outcome = receiver.channel.send(&notice("", "", &long), &receiver.address("/ok"));
    assert_refused(&outcome, "less than 20000");
    let mut dotted = notice("", "", &payload);
    dotted.id = "a.b";
    assert_refused(&receiver.channel.send(&dotted, &receiver.address("/ok")), "id");
    // Nobody listens.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let channel = WebhookChannel::new(&http_to(closed, PATIENT));
    let outcome = channel.send(&sent, &format!("http://127.0.0.1:{closed}/secret-path {key}"));
    assert_failed(&outcome, "connection refused");
    let said = format!("{outcome:?}");
    assert!(!said.contains("secret-path") && !said.contains("127.0.0.1"), "{said}");
}
