//! Input that nobody should send. Each is answered by a problem that names the field and says what
//! to do, nothing of it is done, and the terminals at the door are answered beside it.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::ground::{self, MERCHANT};
use super::independent::python;
use super::process::Process;
use super::web::{ANN_WITH_BO, Got, NEVER, Served, bank, in_hours, issue, secret, served};

const JSON: &str = "Content-Type: application/json";
const REGISTER: &str = "/v1/commands/register-bank";
/// Opens as many connections as it may, up to ten thousand, and holds them until its input ends.
/// They come from an address of their own.
const SILENT: &str = "import resource, socket, sys
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
host, port = sys.argv[1].split(':')
count = min(10000, most - 2000)
own = ('127.0.0.2', 0)
held = [socket.create_connection((host, int(port)), source_address=own) for _ in range(count)]
print('open', count, flush=True)
sys.stdin.read()";

/// The terminals' side, which sells a parcel each time.
struct SalesBeside<'s> {
    served: &'s Served,
    sold: Cell<u64>,
}

impl SalesBeside<'_> {
    /// A sale in cash by the first terminal.
    #[track_caller]
    fn answers(&self) {
        let Served { bed, terminals, .. } = self.served;
        let number = self.sold.replace(self.sold.get() + 1);
        let (waybill, amount) = ground::parcel(number);
        bed.write("script", format!("cash {waybill}\nquit"));
        let line = format!(
            "terminal --connect {terminals} --number 1 --merchant {MERCHANT} --lang en \
             --base-key-file door/base.key --last-stan {} --script script",
            500 + 20 * number
        );
        bed.run(&line).succeeds().prints("approved      cash").prints(&amount);
    }
}

/// What is wrong, and what to do about it.
#[track_caller]
fn remedy(problem: &Value) {
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(';') || detail.contains(": "), "no remedy: {problem}");
}

#[track_caller]
fn refused(got: Got, status: u16, name: &str, field: &str) {
    let problem = got.problem(status, name);
    assert_eq!(problem["field"].as_str().unwrap_or_default(), field, "{problem}");
    remedy(&problem);
}

impl Served {
    /// A command with these headers and this body, as they are.
    fn raw(&self, headers: &[&str], body: &[u8]) -> Got {
        self.send("POST", REGISTER, &[&["Idempotency-Key: raw"], headers].concat(), body)
    }
}

fn nested(open: &str, close: &str) -> Vec<u8> {
    format!("{{\"reference\":{}{}}}", open.repeat(1_000), close.repeat(1_000)).into_bytes()
}

#[test]
fn bad_bodies_heads_and_queries_are_refused_by_name_and_the_door_is_answered() {
    let served = served();
    let door = SalesBeside { served: &served, sold: Cell::new(1) };
    let before =
        served.get("/v1/now/status").is(200).header("doorstep-position").map(str::to_owned);

    // A hundred megabytes, announced or not: refused before they are there.
    let large = vec![b' '; 100 << 20];
    refused(served.raw(&[JSON], &large), 413, "body-too-large", "");
    let chunk = [b"6400000\r\n".as_slice(), &large, b"\r\n0\r\n\r\n"].concat();
    let chunked = served.raw(&[JSON, "Transfer-Encoding: chunked"], &chunk);
    refused(chunked, 413, "body-too-large", "");
    drop((large, chunk));
    door.answers();

    let long = "/0".repeat(31);
    for (body, field) in [
        (nested("[", "]"), format!("#/reference{long}")),
        (nested("{\"a\":", "}"), format!("#/reference{}", "/a".repeat(31))),
        (br#"{"reference":"a","refer\u0065nce":"b"}"#.to_vec(), "#/reference".to_owned()),
        (format!(r#"{{"bank":{}}}"#, "1".repeat(40)).into_bytes(), "#/bank".to_owned()),
        (format!(r#"{{"bank":-{}}}"#, "1".repeat(40)).into_bytes(), "#/bank".to_owned()),
        (br#"{"bank":1e400}"#.to_vec(), "#/bank".to_owned()),
        (br#"{"reference":"a\u0000b"}"#.to_vec(), "#/reference".to_owned()),
        (b"{\"reference\":\"a\0b\"}".to_vec(), "#/reference".to_owned()),
        ("{\"reference\":\"a\u{202E}b\"}".into(), "#/reference".to_owned()),
        ("{\"reference\":\"a\u{2067}b\"}".into(), "#/reference".to_owned()),
        ("{\"a\u{2066}\":1}".into(), "#/a\u{2066}".to_owned()),
        (br#"{"reference":"\ud800"}"#.to_vec(), "#/reference".to_owned()),
        (b"{\"reference\":\"\xFF\"}".to_vec(), "#/reference".to_owned()),
    ] {
        refused(served.raw(&[JSON], &body), 400, "bad-json", &field);
    }
    for types in [
        &[][..],
        &["Content-Type: text/plain"],
        &["Content-Type: application/x-www-form-urlencoded"],
        &["Content-Type: application/json; charset=utf-16"],
        &[JSON, "Content-Type: text/plain"],
    ] {
        refused(served.raw(types, b"{}"), 415, "unsupported-media-type", "");
    }
    let packed = served.raw(&[JSON, "Content-Encoding: gzip"], b"{}");
    refused(packed, 415, "unsupported-content-encoding", "");
    let unknown = br#"{"reference":"a","currency":"CNY","colour":"red"}"#;
    refused(served.raw(&[JSON], unknown), 422, "unknown-field", "#/colour");
    let inner = serde_json::json!({ "firm": "bench-couriers", "parcels": [{ "waybill": "x" }] });
    let inner = served.give("assign-parcels", "inner", &inner);
    refused(inner, 422, "unknown-field", "#/parcels/0/waybill");
    let sign_in = served.send("POST", "/v1/sign-in", &[JSON], br#"{"name":"a","user":"b"}"#);
    refused(sign_in, 422, "unknown-field", "#/user");
    // What the office fills in is not asked for.
    let lacks = served.raw(&[JSON], b"{}").problem(422, "missing-field");
    assert_eq!(lacks["field"], "#/currency", "{lacks}");
    assert!(!lacks["detail"].as_str().unwrap().contains("bank,"), "{lacks}");
    door.answers();

    // Heads.
    for key in ["", "Idempotency-Key: ", "Idempotency-Key: a\r\nIdempotency-Key: b"] {
        let headers: Vec<&str> = [JSON, key].into_iter().filter(|one| !one.is_empty()).collect();
        let got = served.send("POST", REGISTER, &headers, b"{}");
        refused(got, 400, "idempotency-key-missing", "idempotency-key");
    }
    let many: Vec<String> = (0..100).map(|number| format!("X-{number}: x")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let large = format!("X-Large: {}", "x".repeat(40_000));
    let path = format!("/v1/banks/{}", "x".repeat(70_000));
    for got in [
        served.send("GET", "/v1/banks", &many, b""),
        served.send("GET", "/v1/banks", &[&large], b""),
        served.send("GET", &path, &[], b""),
        served.get(&format!("/v1/banks?reference={}", "x".repeat(9_000))),
    ] {
        refused(got, 431, "head-too-large", "");
    }
    for (header, value) in [("Content-Length", "x"), ("Content-Length", "-1"), ("A B", "c")] {
        let got = served.send("POST", REGISTER, &[JSON, &format!("{header}: {value}")], b"{}");
        refused(got, 400, "not-http", "");
    }
    door.answers();

    // Positions, cursors and parameters.
    let digits = "1".repeat(40);
    for (query, status, name, field) in [
        ("at=999999999".to_owned(), 404, "position-not-in-books", "at"),
        ("at=9223372036854775808".to_owned(), 400, "bad-query", "at"),
        (format!("at={digits}"), 400, "bad-query", "at"),
        (NEVER.to_owned(), 503, "position-not-reached", "min_position"),
        ("reference=a%E2%80%AEb".to_owned(), 400, "bad-query", "reference"),
        ("colour=red".to_owned(), 400, "bad-query", "colour"),
        ("limit=1&limit=2".to_owned(), 400, "bad-query", "limit"),
    ] {
        refused(served.get(&format!("/v1/banks?{query}")), status, name, field);
        let export = served.send("GET", &format!("/v1/banks?{query}"), &["Accept: text/csv"], b"");
        refused(export, status, name, field);
    }
    // Before the first snapshot there was a first batch, and before it nothing.
    let banks = |at: u64| {
        let list = served.get(&format!("/v1/banks?at={at}")).is(200).json();
        list["items"].as_array().unwrap().len()
    };
    assert_eq!((banks(0), banks(1)), (0, 1));
    let page = served.get("/v1/parcels?limit=3").is(200).json();
    let cursor = page["next"].as_str().unwrap();
    let (seal, rest) = cursor.split_at(32);
    let at = |place: usize| {
        let other = if cursor.as_bytes()[place] == b'0' { "1" } else { "0" };
        format!("{}{other}{}", &cursor[..place], &cursor[place + 1..])
    };
    for changed in [
        at(0),
        at(31),
        at(40),
        at(cursor.len() - 1),
        cursor.to_uppercase(),
        cursor[..cursor.len() - 2].to_owned(),
        format!("{cursor}00"),
        format!("{seal}{rest}{rest}"),
        seal.to_owned(),
        "%E5%8D%96".repeat(20),
    ] {
        let got = served.get(&format!("/v1/parcels?limit=3&cursor={changed}"));
        refused(got, 400, "bad-cursor", "cursor");
    }
    for other in ["orders?", "parcels?order=-parcel&", "parcels?state=out&"] {
        let got = served.get(&format!("/v1/{other}limit=3&cursor={cursor}"));
        refused(got, 400, "bad-cursor", "cursor");
    }
    let kind = served.get("/v1/now/open-items?kind=nothing");
    refused(kind, 400, "bad-query", "kind");
    let seller = served.get("/v1/now/statements/nobody").problem(404, "no-such-record");
    assert!(!seller["detail"].as_str().unwrap().starts_with("error"), "{seller}");
    door.answers();

    // Nothing of it was done: beside the door's sales the books are as before.
    let after =
        served.get("/v1/commands?name=RegisterBank,AssignParcels&limit=1000").is(200).json();
    let own = after["items"].as_array().unwrap().iter();
    let own = own.filter(|one| one["by_kind"] == "key" && one["by_id"] == "7").count();
    assert_eq!((own, before.is_some()), (0, true), "{after}");
    served.engine.stop();
    served.bed.verified("door/books");
}

#[test]
fn a_key_that_was_revoked_a_moment_ago_is_nobodys() {
    let served = served();
    let until = in_hours(1);
    let roles = "Operator,Finance";
    issue(&served.bed, &format!("{roles} --key 8 --until {until} --person-id ann {ANN_WITH_BO}"));
    let key = format!("Authorization: Bearer {}", secret(&served.bed, 8));
    let give = |name: &str| {
        let identity = format!("Idempotency-Key: {name}");
        let body = bank(name).to_string();
        served.send("POST", REGISTER, &[JSON, &key, &identity], body.as_bytes())
    };
    // On a connection that stays open, too.
    let mut open = TcpStream::connect(&served.address).unwrap();
    open.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut status = || {
        let host = &served.address;
        let head = format!("GET /v1/banks?limit=1 HTTP/1.1\r\nHost: {host}\r\n{key}\r\n\r\n");
        open.write_all(head.as_bytes()).unwrap();
        let mut read = String::new();
        let mut block = [0; 4_096];
        while !read.contains("\r\n\r\n") || !read.trim_end().ends_with('}') {
            let length = open.read(&mut block).unwrap();
            assert_ne!(length, 0, "{read}");
            read += &String::from_utf8_lossy(&block[..length]);
        }
        read.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(status(), "200");
    give("before").is(200);
    served.bed.run("api-key revoke 8 --person ann --data door/books").succeeds();
    assert_eq!(status(), "401");
    remedy(&give("after").problem(401, "not-signed-in"));
    // Nor is a request repeated that it had carried out.
    remedy(&give("before").problem(401, "not-signed-in"));
    served.engine.stop();
}

#[test]
fn slow_bodies_and_ten_thousand_silent_connections_keep_nobody_out() {
    let served = served();
    let door = SalesBeside { served: &served, sold: Cell::new(1) };
    let mut command = served.bed.command(python().to_str().unwrap());
    command.args(["-c", SILENT, &served.address]).stdin(Stdio::piped());
    let mut silent = Process::with_input(command);
    let open: usize = silent.says("open ").parse().unwrap();
    assert!(open >= 2_000, "only {open} connections: raise the limit of open files (ulimit -n)");

    // Bodies that do not arrive are given up, whatever they are for.
    let head = |path: &str, more: &str| {
        let Served { address, key, .. } = &served;
        format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\n{JSON}\r\nAuthorization: Bearer {key}\r\n\
             Idempotency-Key: slow\r\n{more}\r\n\r\n"
        )
    };
    let slow = [
        head(REGISTER, "Content-Length: 100") + "{",
        head(REGISTER, "Transfer-Encoding: chunked") + "2\r\n{ \r\n",
        head("/v1/sign-in", "Content-Length: 100") + "{\"name\":",
    ];
    let slow = slow.map(|bytes| {
        let mut stream = TcpStream::connect(&served.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        stream
    });
    for _ in 0..3 {
        door.answers();
        served.get("/v1/banks").is(200);
    }
    served.give("register-bank", "beside", &bank("beside")).is(200);
    for mut stream in slow {
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("/problems/body-too-slow"), "{answer}");
    }
    drop(silent);
    door.answers();
    served.engine.stop();
    served.bed.verified("door/books");
}
