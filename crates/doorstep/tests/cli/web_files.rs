//! Files that are sent over HTTP, and TLS, on a real server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::ground;
use super::independent::python;
use super::process::Process;
use super::support::{Bed, Ran, eventually};
use super::web::{ANN_WITH_BO, Got, Served, VIEWS, in_hours, issue, secret, served_with};
use super::web_sessions::{Browser, Signer};

const ORDERS: &str = "order,seller,currency,amount_due\nW-1,web-shop,CNY,10.00\n";

fn sends(served: &Served, by: &Browser, path: &str, file: &[u8]) -> Got {
    let headers = [&by.cookie, &by.csrf, "Content-Type: text/csv"];
    served.send("POST", &format!("/v1/files/{path}"), &headers, file)
}

/// Begins a file of 100 bytes, and sends 10.
fn begun(served: &Served, by: &Browser) -> TcpStream {
    let mut stream = TcpStream::connect(&served.address).unwrap();
    let (host, Browser { cookie, csrf }) = (&served.address, by);
    let head = format!(
        "POST /v1/files/orders?profile=doorstep HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\n{csrf}\r\n\
         Content-Type: text/csv\r\nContent-Length: 100\r\n\r\norder,sell"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// The most memory that the server had, in KiB.
fn memory(served: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.engine.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn files_are_taken_one_at_a_time_and_what_is_cut_or_silent_changes_nothing() {
    let served = served_with(VIEWS, |bed| {
        // With the tariff of its seller.
        bed.orders("first.csv", &["W-0,web-shop,CNY,10.00"]);
        let import = "import --orders first.csv --profile doorstep --data door/books";
        bed.run(&format!("{import} --by ann --approved-by bo")).succeeds();
    });
    let [ann, bo] = Signer::both(&served);
    let ann = Browser::begun(ann.sets_password(&served, &[]));
    let orders = |file: &str| sends(&served, &ann, "orders?profile=doorstep", file.as_bytes());

    // A file that is cut off keeps nobody out.
    drop(begun(&served, &ann));
    let mut first = None;
    eventually("the next file is taken", || {
        let got = orders(ORDERS);
        (got.status != 429).then(|| first = Some(got.is(200))).is_some()
    });
    let first = first.unwrap();
    let position: u64 = first.header("doorstep-position").unwrap().parse().unwrap();
    assert_eq!(first.json()["announced"], 1, "{first:?}");
    let list = served.get(&format!("/v1/orders?reference=W-1&min_position={position}"));
    assert_eq!(list.is(200).json()["items"].as_array().unwrap().len(), 1);
    let again = orders(ORDERS).is(200).json();
    assert_eq!((&again["announced"], &again["existed"]), (&Value::from(0), &Value::from(1)));

    // A bank's statement is taken once, and what is none is refused and says why.
    let statement = "account,date,type,amount,currency,bank_reference,our_reference,text\n\
                     bank,2013-08-28,opening,1.00,CNY,,,\nbank,2013-08-28,closing,1.00,CNY,,,\n";
    let incoming = "incoming?bank=bank&name=bank.csv";
    for outcome in ["taken", "taken_before"] {
        let taken = sends(&served, &ann, incoming, statement.as_bytes()).is(200).json();
        assert_eq!(taken["files"][0]["outcome"], outcome, "{taken}");
    }
    for (path, file, why) in [
        ("incoming?network=alpha", "this is no file\n", "no format fits it; name its format"),
        ("incoming?bank=bank&profile=/etc/passwd.toml", statement, "profile"),
        ("incoming?bank=bank&name=../bank.csv", statement, "../bank.csv"),
    ] {
        let got = sends(&served, &ann, path, file.as_bytes());
        assert!((400..500).contains(&got.status), "{path}: {got:?}");
        let detail = got.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(why) && !detail.contains("received"), "{path}: {detail}");
    }
    // Not by a key, not without the token of the session.
    let by_key = served.send(
        "POST",
        "/v1/files/orders?profile=doorstep",
        &["Content-Type: text/csv"],
        ORDERS.as_bytes(),
    );
    by_key.problem(403, "needs-person");
    let headers = [&*ann.cookie, "Content-Type: text/csv"];
    let path = "/v1/files/orders?profile=doorstep";
    served.send("POST", path, &headers, ORDERS.as_bytes()).problem(403, "cross-site");
    let large = [&*ann.cookie, &ann.csrf, "Content-Type: text/csv", "Content-Length: 268435457"];
    served.send("POST", path, &large, b"").problem(413, "body-too-large");
    let chunked = [&*ann.cookie, &ann.csrf, "Content-Type: text/csv", "Transfer-Encoding: chunked"];
    served.send("POST", path, &chunked, b"0\r\n\r\n").problem(411, "length-required");

    // A hundred megabytes go to the disk, not into memory.
    let before = memory(&served);
    let file = vec![b'x'; 100 << 20];
    let got = sends(&served, &ann, "incoming?network=alpha", &file);
    assert!((400..500).contains(&got.status), "{got:?}");
    let more = (memory(&served) - before) >> 10;
    assert!(more < 300, "{more} MiB more");

    // One of a sender, and several of all. Who is silent gives way.
    let mut silent = begun(&served, &ann);
    let received = served.bed.path("door/books/received");
    let count = || std::fs::read_dir(&received).unwrap().count();
    eventually("the silent file is the one that is taken", || count() == 1);
    let busy = orders(ORDERS);
    assert_eq!(busy.header("retry-after"), Some("5"));
    busy.problem(429, "files-busy");
    let other = Browser::begun(bo.sets_password(&served, &[]));
    let others = sends(&served, &other, "orders?profile=doorstep", ORDERS.as_bytes());
    assert_eq!(others.is(200).json()["existed"], 1);
    served.get("/v1/banks").is(200);
    silent.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut answer = [0; 12];
    silent.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    orders(ORDERS).is(200);
    assert_eq!(count(), 0, "nothing of a file is kept");
    served.engine.stop();
    served.bed.verified("door/books");
}

/// A client that shares no code with the server.
const CLIENT: &str = "import http.client, ssl, sys
port, key, authority = int(sys.argv[1]), sys.argv[2], sys.argv[3]
def get(context):
    client = http.client.HTTPSConnection('127.0.0.1', port, context=context, timeout=20)
    client.request('GET', '/openapi.json', headers={'Authorization': 'Bearer ' + key})
    answer = client.getresponse()
    answer.read()
    print(answer.status, answer.headers['strict-transport-security'], client.sock.version())
get(ssl.create_default_context(cafile=authority))
for change in ('unknown', 'old'):
    context = ssl.create_default_context(cafile=None if change == 'unknown' else authority)
    if change == 'old':
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        get(context)
    except ssl.SSLError:
        print(change, 'refused')";

#[test]
fn the_api_speaks_tls_and_answers_nobody_without_it() {
    let bed = Bed::new();
    ground::make(&bed);
    bed.run("certificates door/certificates").succeeds();
    let web = "[web]\nlisten = [\"127.0.0.1:0\"]\n\
               tls = { certificate = \"certificates/engine.pem\", \
               key = \"certificates/engine.key\" }\n\n[terminals]";
    let settings = bed.read("door/doorstep.toml").replacen("[terminals]", web, 1);
    bed.write("door/doorstep.toml", settings);
    issue(&bed, &format!("Operator --key 7 --person-id ann --until {} {ANN_WITH_BO}", in_hours(1)));
    let key = secret(&bed, 7);
    let mut engine = Process::start(&bed, "serve --data door/books --config door/doorstep.toml");
    let address = engine.says("web ");
    let mut client = bed.command(python().to_str().unwrap());
    client.args(["-W", "ignore", "-c", CLIENT, address.rsplit(':').next().unwrap(), &key]);
    client.arg("door/certificates/authority.pem");
    let ran = Ran::of(&mut client).succeeds();
    let expected = "200 max-age=31536000; includeSubDomains TLSv1.3\n\
                    unknown refused\nold refused\n";
    assert_eq!(ran.stdout(), expected, "{ran}");
    // Plain requests get no answer of HTTP.
    let mut plain = TcpStream::connect(&address).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    engine.stop();
}

#[test]
fn what_is_overdue_is_on_the_first_page_and_leads_to_the_lanes() {
    let served = served_with(VIEWS, |bed| {
        // Four days ago something moved the account, and no statement has come since.
        let settings = bed.read("door/doorstep.toml");
        std::fs::remove_dir_all(bed.path("door")).unwrap();
        let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(96);
        for line in [
            "trial door --terminals 3 --parcels 10",
            "break raise Bank=bank --side Excess --amount 5.00CNY --evidence call --owner ann \
             --person ann --data door/books",
        ] {
            let mut command = bed.doorstep(line);
            Ran::of(command.env("DOORSTEP_TRIAL_TIME", then.to_string())).succeeds();
        }
        bed.write("door/doorstep.toml", settings);
    });
    let [ann, _] = Signer::both(&served);
    let ann = Browser::begun(ann.sets_password(&served, &[]));
    let page = |path: &str, language: &str| {
        let headers = [&*ann.cookie, "Accept: text/html", language];
        served.send("GET", path, &headers, b"").is(200).body
    };
    let (en, zh) = ("Accept-Language: en", "Accept-Language: zh");
    eventually("the first page says what is overdue", || {
        let home = page("/", en);
        home.contains("Files are overdue") && home.contains("href=\"/arrivals\"")
    });
    assert!(page("/", zh).contains("文件逾期未到"));
    let lanes = page("/arrivals", en);
    for words in ["Lanes side by side", "To arrive", "File missing", "Bank account", "5.00"] {
        assert!(lanes.contains(words), "{words}: {lanes}");
    }
    assert!(page("/arrivals", zh).contains("缺文件"));
}
