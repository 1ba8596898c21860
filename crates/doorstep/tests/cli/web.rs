//! The API over HTTP, on a real server.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::ground;
use super::process::Process;
use super::support::{Bed, eventually};

/// The problem of views that have not reached the position that an answer has to reflect.
const NOT_YET: &str = "/problems/position-not-reached";
/// An address without a session or a key has few requests a second.
const TOO_QUICK: &str = "this sender has used up its requests";
/// A position that no test reaches.
pub const NEVER: &str = "min_position=999999999";

/// An answer.
#[derive(Debug)]
pub struct Got {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let named = self.head.lines().filter_map(|line| line.split_once(": "));
        named.filter(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.head.lines().filter_map(|line| line.split_once(": "));
        named.filter(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Got {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// A problem of this type, which says what to do.
    #[track_caller]
    pub fn problem(self, status: u16, name: &str) -> Value {
        let got = self.is(status);
        assert_eq!(got.header("content-type"), Some("application/problem+json"), "{got:?}");
        let problem = got.json();
        assert_eq!(problem["type"], format!("/problems/{name}"), "{problem}");
        assert_eq!(problem["status"], status);
        problem
    }
}

/// A server with books of a trial, and an API key of an operator who is finance too.
pub struct Served {
    pub bed: Bed,
    pub engine: Process,
    pub address: String,
    /// The address for terminals.
    pub terminals: String,
    pub key: String,
}

/// The section of views in the data directory.
pub const VIEWS: &str = "[views]\n\n";
/// The section of the API, which more settings may follow.
pub const WEB: &str = "[web]\nlisten = [\"127.0.0.1:0\"]\nrequests_per_second = 100000\n";
pub const SERVE: &str = "serve --data door/books --config door/doorstep.toml";

/// Starts the server. Returns its addresses for terminals and for the API.
pub fn start(bed: &Bed) -> (Process, String, String) {
    let mut engine = Process::start(bed, SERVE);
    let terminals = engine.says("terminals ");
    let address = engine.says("web ");
    (engine, terminals, address)
}

pub fn served() -> Served {
    served_with(VIEWS, |_| {})
}

/// With these sections, of the views and others, and books that are prepared before.
pub fn served_with(views: &str, prepare: impl FnOnce(&Bed)) -> Served {
    let bed = Bed::new();
    ground::make(&bed);
    prepare(&bed);
    let settings = bed.read("door/doorstep.toml");
    let web = if views.contains(WEB) { "" } else { WEB };
    bed.write(
        "door/doorstep.toml",
        settings.replacen("[terminals]", &format!("{views}{web}\n[terminals]"), 1),
    );
    let until = in_hours(24 * 100);
    let roles = "Operator,Finance";
    issue(&bed, &format!("{roles} --key 7 --person-id ann --until {until} {ANN_WITH_BO}"));
    let key = secret(&bed, 7);
    let (engine, terminals, address) = start(&bed);
    let served = Served { bed, engine, address, terminals, key };
    served.wait_for_views();
    served
}

/// Who gives a command of two people in trial books.
pub const ANN_WITH_BO: &str = "--person ann --approved-by bo";

pub fn in_hours(hours: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours);
    format!("{at:.0}")
}

#[track_caller]
pub fn issue(bed: &Bed, flags: &str) {
    bed.run(&format!("api-key issue {flags} --data door/books")).succeeds();
}

/// The secret of a key.
#[track_caller]
pub fn secret(bed: &Bed, key: u32) -> String {
    let secret = bed.run(&format!("api-key secret {key} --data door/books")).succeeds();
    let secret = secret.stdout();
    let begin = secret.find("ds_test_").expect("a test key");
    secret[begin..].split_whitespace().next().unwrap().trim_matches('"').to_owned()
}

/// Sends bytes and reads the answer to its end.
pub fn exchange(address: &str, request: &[u8]) -> Got {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // A server that refuses early does not read the rest.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut rest = &bytes[end + 4..];
    let mut body = Vec::new();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
            let size = std::str::from_utf8(&rest[..line]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            body.extend_from_slice(&rest[line + 2..line + 2 + size]);
            rest = &rest[line + 4 + size..];
        }
    } else {
        body = rest.to_vec();
    }
    Got { status, head, body: String::from_utf8(body).unwrap() }
}

impl Served {
    /// Sends a request. What only says that this machine is busy is asked again, and what says that
    /// the address is too quick as long afterwards as the answer says.
    pub fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Got {
        let may_come = method == "GET" && !path.contains(NEVER);
        loop {
            let got = self.send_at_once(method, path, headers, body);
            let is_page = got.body.starts_with("<!doctype html>");
            if got.status == 429 && (is_page || got.body.contains(TOO_QUICK)) {
                let seconds = got.header("retry-after").unwrap().parse().unwrap();
                std::thread::sleep(Duration::from_secs(seconds));
            } else if may_come && got.status == 503 && got.body.contains(NOT_YET) {
                std::thread::sleep(Duration::from_millis(50));
            } else {
                return got;
            }
        }
    }

    pub fn send_at_once(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Got {
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        let all = headers.iter().map(|one| one.to_ascii_lowercase()).collect::<Vec<_>>();
        let has = |name: &str| all.iter().any(|one| one.starts_with(name));
        if !has("host:") {
            head += &format!("Host: {}\r\n", self.address);
        }
        if !has("authorization:") && !has("cookie:") {
            head += &format!("Authorization: Bearer {}\r\n", self.key);
        }
        if method == "POST" && !has("content-length:") && !has("transfer-encoding:") {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        for header in headers {
            head += &format!("{header}\r\n");
        }
        let mut request = (head + "\r\n").into_bytes();
        request.extend_from_slice(body);
        exchange(&self.address, &request)
    }

    /// The views are made beside the server.
    pub fn wait_for_views(&self) {
        eventually("there are views", || self.get("/v1/banks?min_position=1").status == 200);
        self.settled();
    }

    /// Waits until the views have all that is in the books now, whoever wrote it: a key waits by
    /// itself only for what it wrote.
    pub fn settled(&self) -> &Served {
        let now = self.get("/v1/now/status").is(200);
        let position = now.header("doorstep-position").unwrap();
        self.get(&format!("/v1/banks?limit=1&min_position={position}")).is(200);
        self
    }

    pub fn get(&self, path: &str) -> Got {
        self.send("GET", path, &[], b"")
    }

    pub fn give(&self, command: &str, key: &str, fields: &Value) -> Got {
        let key = format!("Idempotency-Key: {key}");
        let headers = ["Content-Type: application/json", &key];
        self.send(
            "POST",
            &format!("/v1/commands/{command}"),
            &headers,
            fields.to_string().as_bytes(),
        )
    }
}

pub fn bank(reference: &str) -> Value {
    json!({ "reference": reference, "currency": "CNY" })
}

#[test]
fn a_command_has_one_effect_under_its_key_whatever_happens() {
    let served = served();
    let first = served.give("register-bank", "k-1", &bank("fast")).is(200);
    assert_eq!(first.header("idempotent-replayed"), None);
    let position: u64 = first.header("doorstep-position").unwrap().parse().unwrap();
    assert!(position > 0);
    let body = first.json();
    assert_eq!(body["outcome"], "carried_out", "{body}");
    let again = served.give("register-bank", "k-1", &bank("fast")).is(200);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.json(), body);
    served.give("register-bank", "k-1", &bank("slow")).problem(422, "idempotency-key-reused");
    let missing = served.send(
        "POST",
        "/v1/commands/register-bank",
        &["Content-Type: application/json"],
        b"{}",
    );
    missing.problem(400, "idempotency-key-missing");

    // Fifty at once: one effect, and each gets its answer or is told to wait.
    let order = bank("many");
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let one = || served.give("register-bank", "k-50", &order).status;
        let all: Vec<_> = (0..50).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.contains(&200), "{answers:?}");
    assert!(answers.iter().all(|status| [200, 409].contains(status)), "{answers:?}");
    served.give("register-bank", "k-50", &order).is(200);

    // After a kill the same request is answered as before.
    let Served { bed, engine, key, .. } = served;
    drop(engine);
    let (engine, terminals, address) = start(&bed);
    let served = Served { bed, engine, address, terminals, key };
    served.wait_for_views();
    let after = served.give("register-bank", "k-1", &bank("fast")).is(200);
    assert_eq!(after.header("idempotent-replayed"), Some("true"));
    assert_eq!(after.json(), body);

    // What was written is read at once.
    for number in 0..20 {
        let reference = format!("bank-{number}");
        served.give("register-bank", &reference, &bank(&reference)).is(200);
        let list = served.get(&format!("/v1/banks?reference={reference}")).is(200).json();
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    }
    let listed = served.get("/v1/commands?name=RegisterBank&limit=1000").is(200).json();
    let registered = listed["items"].as_array().unwrap().len();
    // The trial's own, and each of these once.
    assert!((22..=23).contains(&registered), "{registered}");

    // What needs two people is a proposal, once.
    let retention = json!({ "days": 200 });
    let proposed = served.give("set-retention", "k-r", &retention);
    // An administrator's command: no key administrates.
    proposed.problem(403, "not-permitted");
    let Served { bed, engine, .. } = served;
    engine.stop();
    bed.verified("door/books");
}

#[test]
fn requests_that_are_wrong_are_refused_and_named() {
    let served = served();
    let json_type = "Content-Type: application/json";
    served.get("/v1/nothing").problem(404, "no-such-path");
    // Of the demonstration only.
    served.get("/as/finance").problem(404, "no-such-path");
    let wrong = served.send("GET", "/v1/commands/register-bank", &[], b"");
    assert_eq!(wrong.header("allow"), Some("POST"), "{wrong:?}");
    wrong.problem(405, "method-not-allowed");
    served
        .send("POST", "/v1/commands/begin-purchase", &[json_type], b"{}")
        .problem(405, "method-not-allowed");
    served.send("GET", "/v1/banks", &["Host: evil.example"], b"").problem(421, "wrong-host");
    let nobody = served.send("GET", "/v1/banks", &["Authorization: Bearer ds_test_no"], b"");
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));
    nobody.problem(401, "not-signed-in");
    let now = served.get("/v1/now/status?at=1").problem(400, "bad-query");
    assert_eq!(now["field"], "at");
    assert!(now["detail"].as_str().unwrap().contains("/v1/parcels"), "{now}");
    served.send("GET", "/v1/banks", &["Accept: image/png"], b"").problem(406, "not-acceptable");
    let text = ["Content-Type: text/plain", "Idempotency-Key: t"];
    let other = served.send("POST", "/v1/commands/register-bank", &text, b"{}");
    other.problem(415, "unsupported-media-type");
    let site = [json_type, "Idempotency-Key: s", "Origin: https://evil.example"];
    served.send("POST", "/v1/commands/register-bank", &site, b"{}").problem(403, "cross-site");

    let mut other_kind = bank("a");
    other_kind["bank"] = json!("sel_7");
    let other_kind = served.give("register-bank", "raw", &other_kind);
    assert_eq!(other_kind.problem(422, "bad-value")["field"], "#/bank");
    let zh = [json_type, "Idempotency-Key: z", "Accept-Language: zh-CN,en;q=0.5"];
    let zh = served.send("POST", "/v1/commands/register-bank", &zh, b"{").problem(400, "bad-json");
    assert!(zh["detail"].as_str().unwrap().contains("请更正"), "{zh}");
    let terminal = json!({ "terminal": "ter_99", "courier": "cou_12345" });
    let refused = served.give("register-terminal", "t-1", &terminal);
    refused.problem(404, "no-such-courier");

    for wrong in ["limit=0", "limit=1001", "order=colour"] {
        served.get(&format!("/v1/banks?{wrong}")).problem(400, "bad-query");
    }
    served.get("/v1/banks/bank_12345").problem(404, "no-such-record");
    let headers = served.get("/v1/banks").is(200);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(headers.header(name), Some(value), "{headers:?}");
    }
    assert!(headers.header("ratelimit").is_some());
    // None of it changed anything.
    served.engine.stop();
    served.bed.verified("door/books");
}

#[test]
fn views_are_listed_by_pages_exported_whole_and_as_of_any_position() {
    let served = served();
    let all = served.get("/v1/parcels?limit=1000").is(200);
    let position = all.header("doorstep-position").unwrap().to_owned();
    let all = all.json();
    let parcels = all["items"].as_array().unwrap().clone();
    assert_eq!(parcels.len(), 30, "three terminals with ten parcels each");
    assert_eq!(all["next"], Value::Null);
    // By pages, in the same order and as of the same position.
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = served.get(&format!("/v1/parcels?limit=7{cursor}")).is(200);
        assert_eq!(page.header("doorstep-position"), Some(&*position));
        let page = page.json();
        paged.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
        served.get(&format!("/v1/orders?limit=7{cursor}")).problem(400, "bad-cursor");
    }
    assert_eq!(paged, parcels);
    // One of them, by its identifier, and found by its order.
    let one = &parcels[3];
    let id = one["parcel"].as_str().unwrap();
    assert!(id.starts_with("par_"), "{one}");
    assert_eq!(&served.get(&format!("/v1/parcels/{id}")).is(200).json(), one);
    let found = served.get(&format!("/v1/search?q={}", one["reference"].as_str().unwrap()));
    assert!(found.is(200).body.contains(id));
    // Exports honour the filters.
    let state = one["state"].as_str().unwrap();
    let query = format!("/v1/parcels?state={state}");
    let expected = parcels.iter().filter(|parcel| parcel["state"] == state).count();
    let csv = served.send("GET", &query, &["Accept: text/csv"], b"").is(200);
    assert_eq!(csv.body.lines().count(), expected + 1, "{}", csv.body);
    assert!(csv.body.starts_with("parcel,"));
    let lines = served.send("GET", &query, &["Accept: application/x-ndjson"], b"").is(200);
    assert_eq!(lines.body.lines().count(), expected);
    for line in lines.body.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["state"], state);
    }
    // What was true stays true.
    let order = bank("new-bank");
    served.give("register-bank", "n-1", &order).is(200);
    let names = |at: &str| {
        let list = served.get(&format!("/v1/banks?reference=new-bank{at}")).is(200).json();
        list["items"].as_array().unwrap().len()
    };
    assert_eq!((names(""), names(&format!("&at={position}"))), (1, 0));
    // Pages and document.
    let page = served.get("/reference").is(200);
    assert!(page.header("content-security-policy").unwrap().contains("style-src 'self'"));
    assert!(page.body.contains("registerBank") && !page.body.contains("<script"));
    let zh = served.send("GET", "/reference?lang=zh", &["Accept: text/html"], b"").is(200);
    assert!(zh.body.contains("货到付款"));
    let document = served.get("/openapi.json").is(200).json();
    let document = serde_json::to_string_pretty(&document).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    if std::env::var_os("DOORSTEP_BLESS").is_some() {
        fs::write(path, &document).unwrap();
    }
    let same = fs::read_to_string(path).unwrap() == document;
    assert!(same, "docs/openapi.json differs; run this test with DOORSTEP_BLESS=1");
    served.get("/problems/amount-zero").is(200);
    served.get("/style.css").is(200);
    let status = served.get("/v1/now/status").is(200).json();
    assert!(status.is_object());
    served.engine.stop();
}

#[test]
fn wrong_keys_cost_their_address_and_a_key_that_is_known_goes_on() {
    let served = served();
    let wrong = |digit: usize| {
        let key = format!("Authorization: Bearer ds_test_{digit:064x}");
        served.send_at_once("GET", "/v1/banks", &[&key], b"").status
    };
    // A bucket holds the requests of a second, and fills at that pace.
    let begun = std::time::Instant::now();
    let statuses: Vec<u16> = (0..200).map(wrong).collect();
    let refused = statuses.iter().filter(|status| **status == 429).count();
    let free = 20 * (usize::try_from(begun.elapsed().as_secs()).unwrap() + 2);
    assert!(refused >= 200_usize.saturating_sub(free), "{refused} in {:?}", begun.elapsed());
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    served.get("/v1/banks").is(200);
    // A key that another process makes meanwhile waits for its address no longer than a second.
    issue(
        &served.bed,
        &format!("Finance --key 8 --person-id ann --until {} {ANN_WITH_BO}", in_hours(24)),
    );
    let new = format!("Authorization: Bearer {}", secret(&served.bed, 8));
    served.send("GET", "/v1/banks", &[&new], b"").is(200);
    let revoked = "api-key revoke 8 --person ann --data door/books";
    served.bed.run(revoked).succeeds();
    served.send("GET", "/v1/banks", &[&new], b"").problem(401, "not-signed-in");
}
