//! `get` beside the books and over the office's socket, and `get` and `do` over HTTPS, against a
//! real server and against servers that answer badly.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;
use views::read::VIEWS;

use super::ground;
use super::over_socket::{ask, look};
use super::process::Process;
use super::support::{Bed, DOORSTEP, Ran, eventually, number, records, text};
use super::web::{self, ANN_WITH_BO, Served, in_hours, issue, secret, served, start};
use super::web_sessions::{PASSWORD, Signer};

/// Books that are served by TLS, with a certificate for 127.0.0.1.
struct ServedByTls {
    bed: Bed,
    engine: Process,
    /// The flags of a request.
    flags: String,
    port: String,
}

fn served_by_tls() -> ServedByTls {
    let bed = Bed::new();
    ground::make(&bed);
    bed.run("certificates door/certificates --engine engine --engine 127.0.0.1").succeeds();
    bed.run("certificates other --engine engine --engine 127.0.0.1").succeeds();
    let api = "[web]\nlisten = [\"127.0.0.1:0\"]\nrequests_per_second = 100000\n\
               tls = { certificate = \"certificates/engine.pem\", \
               key = \"certificates/engine.key\" }\n\n[terminals]";
    let settings = bed.read("door/doorstep.toml");
    let settings = settings.replacen("[terminals]", &(web::VIEWS.to_owned() + api), 1);
    bed.write("door/doorstep.toml", settings);
    let until = in_hours(24);
    let person = "--key 7 --person-id ann";
    issue(&bed, &format!("Operator,Finance {person} --until {until} {ANN_WITH_BO}"));
    bed.write("key", secret(&bed, 7));
    let (engine, _, address) = start(&bed);
    let port = address.rsplit(':').next().unwrap().to_owned();
    let ca = "--ca door/certificates/authority.pem";
    let flags = format!("--server https://{address} --key-file key {ca}");
    // The views are made beside the server.
    let get = format!("get banks {flags}");
    eventually("there are views", || bed.run(&get).stderr().is_empty());
    ServedByTls { bed, engine, flags, port }
}

#[test]
fn a_person_approves_over_the_api_and_no_key_does() {
    let served = served();
    let bed = &served.bed;
    bed.write("key", &served.key);
    let [ann, bo] = Signer::both(&served);
    for one in [&ann, &bo] {
        one.sets_password(&served, &[]).is(200);
    }
    let there = format!("--server http://{}", served.address);
    let with_key = format!("{there} --key-file key");
    bed.run(&format!("do SetRefundLimit --currency CNY --limit 25.00CNY {with_key}")).succeeds();
    let listed = bed.run(&format!("proposals {with_key}")).succeeds();
    listed.prints("SetRefundLimit").prints("\"limit\":2500");
    bed.run(&format!("approve 1 {with_key}")).fails("--sign-in NAME");
    let asks = |line: &str, by: &Signer, codes: &[String]| {
        let mut command = bed.command(DOORSTEP);
        command.args(line.split(' ')).args(there.split(' ')).args(["--sign-in", &by.name]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines: Vec<&str> =
            std::iter::once(PASSWORD).chain(codes.iter().map(String::as_str)).collect();
        let lines = lines.join("\n") + "\n";
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        Ran::end_of(&command, child)
    };
    let wrong = asks("approve 1", &bo, &["000000".to_owned()]);
    wrong.fails("the name, the password or the code is wrong");
    // What is dangerous wants a second code.
    let done = asks("approve 1", &bo, &[bo.code(), bo.code()]).succeeds();
    done.prints("SetRefundLimit");
    bed.run(&format!("proposals {with_key}")).succeeds().prints("no proposal");
    // Each session has ended.
    let sessions = bed.run("user sessions bo --data door/books --json").succeeds().json();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1, "{sessions}");
    served.engine.stop();
}

#[test]
fn every_view_is_the_same_beside_the_books_and_over_https() {
    let ServedByTls { bed, engine, flags, .. } = served_by_tls();
    let list = bed.run("get --list").succeeds().says_nothing();
    assert_eq!(list.stdout().lines().count(), VIEWS.len());
    let zh = bed.run("get --list --lang zh").succeeds();
    assert!(zh.stdout().lines().any(|line| line.starts_with("parcels ") && line.ends_with("包裹")));
    // The books of `trial`: three terminals with ten parcels each.
    let there = bed.run("get parcels --data door/books --format json").succeeds();
    assert_eq!(there.stdout().lines().count(), 30, "{there}");
    let head = bed.run("get parcels --data door/books").succeeds();
    let at = head.stdout().lines().rev().find_map(|line| line.strip_prefix("as of batch "));
    let at = at.unwrap_or_else(|| panic!("{head}")).to_owned();
    head.prints("more than these 20 rows");
    let mut filled = 0;
    for view in VIEWS {
        let name = view.name.replace('_', "-");
        let csv = |whom: &str| {
            let line = format!("get {name} --at {at} --format csv {whom}");
            bed.run(&line).succeeds().says_nothing()
        };
        let (here, there) = (csv("--data door/books"), csv(&flags));
        assert_eq!(here.stdout(), there.stdout(), "{name}");
        let names: Vec<_> = view.columns.iter().map(|column| column.name).collect();
        assert_eq!(here.stdout().lines().next(), Some(&*names.join(",")), "{name}");
        let rows = records(here.stdout());
        let Some(row) = rows.first() else { continue };
        filled += 1;
        // One row, by its key.
        let key: Vec<&str> = view.key.iter().map(|column| &*row[*column]).collect();
        let one = |whom: &str| {
            let line = format!("get {name} {} --at {at} --format csv {whom}", key.join("~"));
            records(bed.run(&line).succeeds().stdout()).remove(0)
        };
        assert_eq!(&one("--data door/books"), row, "{name}");
        assert_eq!(&one(&flags), row, "{name}");
    }
    assert!(filled > 10, "{filled} views have rows");
    // Filters, order, columns and limits; pages of a server are as of one batch.
    for question in [
        "parcels --filter state=out --order -parcel --columns parcel,due,currency --limit 7",
        "parcels --filter state=out --filter due.from=20000 --format csv --columns due",
        "parcels --order -from_batch --format json --columns parcel,due",
        "parcels --format csv --limit 3",
        "parcels --limit 3 --format json",
        "couriers --columns courier,reference",
        "commands --filter at.from=2000-01-01T00:00:00Z --order -batch --limit 4",
    ] {
        let here = bed.run(&format!("get {question} --at {at} --data door/books"));
        let there = bed.run(&format!("get {question} --at {at} {flags}"));
        let here = here.succeeds();
        assert_eq!(here.stdout(), there.succeeds().stdout(), "{question}");
        assert!(here.stdout().lines().count() > 2, "{here}");
    }
    for whom in ["--data door/books", &flags] {
        let refused = |line: &str, why: &str| {
            bed.run(&format!("get {line} {whom}")).fails(why);
        };
        refused("parcel", "there is no view `parcel`; the views are: ");
        refused("parcels --columns colour", "has no column `colour`");
        refused("parcels --filter colour=red", "there is no parameter `colour` here");
        refused("parcels --filter state", "write a condition");
        refused("parcels --filter due=much", "`due` must be an amount in minor units");
        refused("parcels --order colour", "colour");
        refused("parcels par_00000000000000000000000000000007", "there is no such r");
        refused("parcels --at 99999999", "");
    }
    engine.stop();
    bed.verified("door/books");
}

#[test]
fn a_command_goes_over_https_and_the_views_beside_books_at_rest_follow() {
    let ServedByTls { bed, engine, flags, .. } = served_by_tls();
    let given = bed.run(&format!("do RegisterBank --reference spare --currency CNY {flags}"));
    let given = given.succeeds().prints("RegisterBank: carried out\n");
    assert!(given.stderr().starts_with("request key "), "{given}");
    // A short form, and the server's answer as JSON.
    let short = bed.run(&format!("setup bank third --currency CNY --json {flags}")).succeeds();
    assert_eq!(short.json()["outcome"], "carried_out", "{short}");
    let read = |whom: &str| {
        let line =
            "get banks --filter reference=spare --columns reference --format csv".to_string();
        bed.run(&format!("{line} {whom}")).succeeds().stdout().to_owned()
    };
    assert_eq!(read(&flags), "reference\r\nspare\r\n");
    assert_eq!(read("--data door/books"), "reference\r\nspare\r\n");

    // What is wrong is said as at rest: where, what, and what to do.
    let courier = "setup courier c-9 --firm trial-couriers";
    for (line, why) in [
        ("do RegisterBank --reference spare", "RegisterBank needs currency; give them"),
        ("do RegisterBank --colour red", "RegisterBank has no field colour; use one of: "),
        ("do RegisterBank --reference a --currency QQQ", "currency"),
        (&*format!("{courier} --cash-limit 12.50"), "--cash-limit 12.50: write an amount with its"),
        ("do RegisterPerson --person-id 9", "your roles do not allow this"),
        ("do BeginPurchase", "BeginPurchase is not given over the API"),
        ("do RegisterBank --person ann", "--person is for the books on this machine"),
        ("setup books", "`doorstep setup books` is for the books on this machine"),
        ("do RegisterBank --remote x", "--server, --remote is there twice"),
    ] {
        bed.run(&format!("{line} {flags}")).fails(why);
    }
    // An amount as a person types it arrives in minor units.
    let firm = bed.run(&format!("get firms --limit 1 --format json {flags}")).succeeds().json();
    let firm = text(&firm, "/reference").to_owned();
    let courier = format!("setup courier c-9 --firm {firm} --cash-limit 12.50CNY {flags}");
    bed.run(&courier).succeeds().prints("RegisterCourier: proposed as number 1; a second person");
    let waits = bed.run("proposals --data door/books --json").succeeds().json();
    assert_eq!(number(&waits, "/proposals/0/fields/cash_limit"), 1_250);
    // The currency that was typed is compared with that of the parcel.
    let parcel = bed.run(&format!("get parcels --limit 1 --format json {flags}"));
    let parcel = parcel.succeeds().json();
    let amend = format!("parcel amend {} --due 12.50USD {flags}", text(&parcel, "/parcel"));
    bed.run(&amend).fails("is in USD, but this is in CNY");
    bed.run(&format!("do RegisterBank --reference x --lang zh {flags}")).fails("缺少 currency");
    let json = bed.run(&format!("do RegisterBank --reference x --json {flags}")).ends_with(1);
    assert_eq!(json.json()["answer"], "error", "{json}");
    bed.run("do RegisterBank --request-key k --data door/books").fails("--request-key is for");

    // The key is revoked: the next request is refused.
    bed.run("api-key revoke 7 --person ann --data door/books").succeeds();
    bed.run(&format!("get banks {flags}")).fails("the request needs a session or an API key");
    engine.stop();
    // At rest the views are brought to what was written since.
    bed.run("setup bank fourth --currency CNY --data door/books --person ann").succeeds();
    let line = "get banks --filter reference=fourth --format json --data door/books";
    assert_eq!(bed.run(line).succeeds().json()["reference"], "fourth");
    bed.verified("door/books");
}

#[test]
fn a_key_goes_to_nobody_but_the_server_whose_certificate_is_right() {
    let ServedByTls { bed, engine, port, .. } = served_by_tls();
    let get = |rest: &str| bed.run(&format!("get banks --key-file key {rest}"));
    let server = format!("--server https://127.0.0.1:{port}");
    let right = "--ca door/certificates/authority.pem";
    get(&format!("{server} {right}")).succeeds();
    let other = get(&format!("{server} --ca other/authority.pem"));
    other.fails("its certificate is not trusted");
    let name = get(&format!("--server https://localhost:{port} {right}"));
    name.fails("its certificate is not trusted");
    let given = "do RegisterBank --reference a --currency CNY --key-file key";
    bed.run(&format!("{given} {server} --ca other/authority.pem")).fails("nothing was sent");
    get(&format!("{server} --ca key")).fails("no certificate in PEM");
    // Without --ca those of the system, which this variable names.
    let mut system = bed.doorstep(&format!("get banks --key-file key {server}"));
    system.env("SSL_CERT_FILE", bed.path("door/certificates/authority.pem"));
    Ran::of(&mut system).succeeds();
    system.env("SSL_CERT_FILE", bed.path("other/authority.pem"));
    Ran::of(&mut system).fails("its certificate is not trusted");
    get("--server http://books.example.com").fails("without TLS everybody on the way could read");
    get("--server books.example.com").fails("is no address of a server");
    bed.run(&format!("get banks {server} {right}")).fails("--key-file FILE");
    bed.run("get banks --key-file key").fails("give --server URL or --remote NAME");

    // From a descriptor and from standard input, and never from a file that others may read.
    let line = format!("doorstep get banks {server} {right}");
    for how in ["--key-file /dev/fd/3 3<key", "--key-file - <key"] {
        let mut shell = bed.command("sh");
        shell.args(["-c", &format!("{} {how}", line.replacen("doorstep", DOORSTEP, 1))]);
        Ran::of(&mut shell).succeeds();
    }
    bed.chmod("key", 0o640);
    get(&format!("{server} {right}")).fails("its mode 0640 lets other users of this machine in");
    bed.chmod("key", 0o600);
    bed.write("empty", "\n");
    bed.run(&format!("get banks --key-file empty {server} {right}")).fails("this is no API key");
    bed.write("wrong", "ds_test_wrong");
    let wrong = bed.run(&format!("get banks --key-file wrong {server} {right}"));
    wrong.fails("the request needs a session or an API key; sign in");

    // A profile names the server, and is for its owner only. Paths in it are beside it.
    std::fs::create_dir_all(bed.path("home/.config/doorstep")).unwrap();
    let profile = format!(
        "server = \"https://127.0.0.1:{port}\"\nkey_file = \"../../../key\"\n\
         ca = \"../../../door/certificates/authority.pem\"\n"
    );
    bed.write("home/.config/doorstep/remote.toml", &profile);
    bed.write("home/.config/doorstep/north.toml", profile.replace("server", "serve"));
    let with_home = |line: &str| {
        let mut command = bed.doorstep(line);
        command.env("HOME", bed.path("home")).env_remove("XDG_CONFIG_HOME");
        Ran::of(command.env_remove("DOORSTEP_DATA"))
    };
    with_home("get banks").succeeds();
    with_home("do RegisterBank --reference by-profile --currency CNY").succeeds();
    with_home("get banks --remote remote --filter reference=by-profile").succeeds();
    with_home("get banks --remote ../remote").fails("there is no such profile");
    with_home("get banks --remote south").fails("write south.toml in ~/.config/doorstep");
    with_home("get banks --remote north").fails("unknown field `serve`");
    bed.chmod("home/.config/doorstep/remote.toml", 0o644);
    with_home("get banks").fails("remote.toml: its mode 0644 lets other users");
    engine.stop();
}

#[test]
fn over_the_offices_socket_a_view_is_looked_at_and_no_other_server_is_asked() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = ground::Running::start(&bed, "");
    let words = ["get", "--format=json", "--limit=3", "--", "parcels"];
    let answer = ask(&bed, &look(&words, 80, "en"));
    let output = text(&answer, "/answer/printed/output");
    let here = bed.run("get parcels --format json --limit 3 --data door/books").succeeds();
    assert_eq!(output, here.stdout());
    assert_eq!(output.lines().count(), 3);
    for elsewhere in ["--server=http://127.0.0.1:1", "--remote=remote", "--key-file=key"] {
        let refused = ask(&bed, &look(&["get", elsewhere, "--", "parcels"], 80, "en"));
        assert!(text(&refused, "/why").contains("names a file"), "{refused}");
    }
    running.stop();
}

/// Starts a command whose connection the test holds.
fn begin(bed: &Bed, line: &str) -> (Command, Child) {
    let mut command = bed.doorstep(line);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    (command, child)
}

/// A request to its end.
fn request(stream: &mut TcpStream) -> Vec<u8> {
    let mut from = BufReader::new(stream);
    let (mut all, mut length) = (Vec::new(), 0);
    loop {
        let mut line = Vec::new();
        assert!(from.read_until(b'\n', &mut line).unwrap() > 0, "a whole head");
        let text = String::from_utf8(line.clone()).unwrap().to_ascii_lowercase();
        if let Some(given) = text.strip_prefix("content-length:") {
            length = given.trim().parse().unwrap();
        }
        all.extend_from_slice(&line);
        if text == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).unwrap();
    [all, body].concat()
}

#[test]
fn after_a_kill_between_request_and_answer_the_same_key_has_one_effect() {
    let Served { bed, engine, address, key, .. } = served();
    bed.write("key", key);
    let count = || {
        let line = "get commands --filter name=RegisterBank --format json --data door/books";
        bed.run(line).succeeds().stdout().lines().count()
    };
    let before = count();
    let between = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = between.local_addr().unwrap();
    let line = "do RegisterBank --reference once --currency CNY --key-file key";
    let through = format!("{line} --server http://{near}");
    let key_of = |ran: &Ran| {
        let key = ran.stderr().lines().next().unwrap().strip_prefix("request key ").unwrap();
        assert!(ran.stderr().contains(&format!("Give it again with --request-key {key}")), "{ran}");
        key.to_owned()
    };

    // It arrives nowhere.
    let (command, child) = begin(&bed, &through);
    request(&mut between.accept().unwrap().0);
    let lost = Ran::end_of(&command, child).fails("the command may have been carried out");
    assert_eq!(count(), before);
    // Given again, it arrives, and the answer is lost: the server is killed before it is passed on.
    let again = format!("{through} --request-key {}", key_of(&lost));
    let (command, child) = begin(&bed, &again);
    let mut client = between.accept().unwrap().0;
    let sent = request(&mut client);
    let mut server = TcpStream::connect(&address).unwrap();
    let host = format!("{near}");
    let sent = String::from_utf8(sent).unwrap().replace(&host, &address);
    server.write_all(sent.as_bytes()).unwrap();
    server.read_exact(&mut [0; 12]).unwrap();
    drop(engine);
    drop(client);
    let lost = Ran::end_of(&command, child).fails("the command may have been carried out");
    let key = key_of(&lost);

    let (engine, _, address) = start(&bed);
    let again = format!("{line} --server http://{address} --request-key {key}");
    for _ in 0..2 {
        let given = bed.run(&again).succeeds();
        given.prints("RegisterBank: carried out when it was given before under this request key");
    }
    let other = again.replace("once", "twice");
    bed.run(&other).fails("the Idempotency-Key was used for another request");
    assert_eq!(count(), before + 1);
    engine.stop();
    bed.verified("door/books");
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let bed = Bed::new();
    bed.write("key", "ds_test_key");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let problem = r#"{"detail": "later; try again"}"#;
        let busy = "503 No\r\nRetry-After: 0\r\nConnection: close";
        let busy = answer(busy, "application/problem+json", problem);
        let done = answer("200 OK", "application/json", r#"{"outcome": "repeated"}"#);
        let asked = [busy.clone(), busy, done].map(|bytes| {
            let mut stream = listener.accept().unwrap().0;
            let asked = request(&mut stream);
            stream.write_all(bytes.as_bytes()).unwrap();
            asked
        });
        // Under the same key.
        assert!(asked.iter().all(|one| *one == asked[0]));
    });
    let flags = format!("--server http://{address} --key-file key");
    let given = bed.run(&format!("do RegisterBank --reference a --currency CNY {flags}"));
    given.succeeds().prints("RegisterBank: was carried out before; nothing changed");
    serving.join().unwrap();
}

/// A server that reads one request and then does this.
fn fake(answer: impl FnOnce(TcpStream) + Send + 'static) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        request(&mut stream);
        answer(stream);
    });
    (format!("--server http://{address} --key-file key"), serving)
}

fn fake_bytes(bytes: impl Into<Vec<u8>>) -> (String, JoinHandle<()>) {
    let bytes = bytes.into();
    // Whoever does not want it all closes the connection.
    fake(move |mut stream| drop(stream.write_all(&bytes)))
}

fn answer(status: &str, content: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn a_server_that_answers_garbage_is_no_doorstep() {
    let bed = Bed::new();
    bed.write("key", "ds_test_key");
    let hostile = "\\u001b[2Jgone\\u202e";
    let problem = format!(r##"{{"detail": "{hostile}; try", "field": "#/cash_limit"}}"##);
    let many = format!(r#"{{"items": [{}], "next": null}}"#, vec!["{}"; 30].join(","));
    for (bytes, why) in [
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "no answer: "),
        (String::new(), "no answer: "),
        (answer("200 OK", "text/html", "<h1>Hello</h1>"), "status 200 with `text/html`"),
        (answer("500 Oh", "text/plain", "no"), "which is no answer of Doorstep"),
        (answer("400 No", "application/problem+json", "[]"), "which is no answer of Doorstep"),
        (answer("422 No", "application/problem+json", &problem), "--cash-limit: \u{fffd}[2Jgone"),
        (answer("200 OK", "application/json", "{"), "an answer that cannot be read"),
        (answer("200 OK", "application/json", r#"{"items": 7}"#), "an answer that cannot be read"),
        (answer("200 OK", "application/json", &many), "an answer that cannot be read"),
        (answer("302 Found\r\nLocation: http://127.0.0.1:1/", "", ""), "status 302"),
    ] {
        let (flags, serving) = fake_bytes(bytes);
        let ran = bed.run(&format!("get banks {flags}")).fails(why);
        assert!(!ran.stderr().contains('\u{1b}'), "{ran}");
        serving.join().unwrap();
    }
    let busy = "503 No\r\nRetry-After: 7";
    let busy = answer(busy, "application/problem+json", r#"{"detail": "later; try again"}"#);
    let (flags, serving) = fake_bytes(busy.clone());
    // Longer than it may be silent.
    let got = bed.run(&format!("get banks --timeout 1 {flags}"));
    got.fails("later; try again (again in 7 s)");
    serving.join().unwrap();
    for bytes in [busy, answer("504 Gone", "text/html", "a proxy")] {
        let (flags, serving) = fake_bytes(bytes);
        let given = format!("do RegisterBank --reference a --currency CNY --timeout 1 {flags}");
        bed.run(&given).fails("The command may have been carried out: give it again with");
        serving.join().unwrap();
    }
    // The outcome of a command whose answer is cut off is not known.
    let whole = answer("200 OK", "application/json", r#"{"outcome": "carried_out"}"#);
    let (flags, serving) = fake_bytes(&whole.as_bytes()[..whole.len() - 3]);
    let given = bed.run(&format!("do RegisterBank --reference a --currency CNY {flags}"));
    given.fails("the command may have been carried out. Give it again with --request-key ");
    serving.join().unwrap();
    let refused = bed.reserved_address();
    let flags = format!("--server http://{refused} --key-file key");
    bed.run(&format!("do RegisterBank --reference a {flags}")).fails("nothing was sent: ");
}

#[test]
fn a_server_that_is_silent_or_slow_is_given_up() {
    let bed = Bed::new();
    bed.write("key", "ds_test_key");
    let silent = || fake(|mut stream| drop(stream.read(&mut [0])));
    let (flags, serving) = silent();
    let got = bed.run(&format!("get banks --timeout 1 {flags}"));
    got.fails("no answer: the server was silent for too long");
    serving.join().unwrap();
    let (flags, serving) = silent();
    let given = format!("do RegisterBank --reference a --currency CNY --timeout 1 {flags}");
    bed.run(&given).fails("no answer (the server was silent for too long): the command may");
    serving.join().unwrap();
    // One byte after another, without an end.
    let (flags, serving) = fake(|mut stream| {
        let head = answer("200 OK", "application/json", "").replace(": 0", ": 1000000");
        let mut written = stream.write_all(head.as_bytes());
        while written.is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(20));
            written = stream.write_all(b" ");
        }
    });
    let got = bed.run(&format!("get banks --timeout 1 {flags}"));
    got.fails("the answer was cut off (the server was silent for too long)");
    serving.join().unwrap();
}

/// Of an export: 100 MiB in blocks of 64 KiB.
const BLOCKS: usize = 1_600;
const BLOCK_BYTES: usize = 64 << 10;

fn export(mut stream: TcpStream, content: &str, blocks: usize, ends: bool) {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {content}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let line = "x".repeat(63) + "\n";
    let block = format!("{BLOCK_BYTES:x}\r\n{}\r\n", line.repeat(BLOCK_BYTES / line.len()));
    let mut written = stream.write_all(head.as_bytes());
    for _ in 0..blocks {
        written = written.and_then(|()| stream.write_all(block.as_bytes()));
    }
    if ends && written.is_ok() {
        let _ = stream.write_all(b"0\r\n\r\n");
    }
}

#[test]
fn a_large_export_is_passed_on_in_little_memory_and_a_large_page_is_refused() {
    let bed = Bed::new();
    bed.write("key", "ds_test_key");
    let (flags, serving) = fake(|stream| export(stream, "text/csv; header=present", BLOCKS, true));
    let mut command = bed.command("sh");
    // Less data than the export has.
    let line = format!("ulimit -d 65536; exec {DOORSTEP} get banks --format csv {flags}");
    command.args(["-c", &line]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let (mut block, mut bytes) = (vec![0; BLOCK_BYTES], 0);
    loop {
        match output.read(&mut block) {
            Ok(0) => break,
            Ok(read) => bytes += read,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted),
        }
    }
    Ran::end_of(&command, child).succeeds();
    assert_eq!(bytes, BLOCKS * BLOCK_BYTES);
    serving.join().unwrap();

    let (flags, serving) = fake(|stream| export(stream, "application/json", BLOCKS, true));
    bed.run(&format!("get banks {flags}")).fails("an answer of more than 16 MiB; ask for less");
    serving.join().unwrap();
    let (flags, serving) = fake(|stream| export(stream, "text/csv", 3, false));
    let cut = bed.run(&format!("get banks --format csv {flags}"));
    cut.fails("the answer was cut off").prints(&"x".repeat(63));
    serving.join().unwrap();
    // A line without an end is no row.
    let (flags, serving) = fake(|mut stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&vec![b'x'; 2 << 20]);
    });
    let got = bed.run(&format!("get banks --format json --columns reference {flags}"));
    got.fails("an answer that cannot be read");
    serving.join().unwrap();
}

#[test]
fn rows_are_shown_for_people_with_amounts_in_major_units() {
    let bed = Bed::new();
    bed.run("day --parcels 40 --seed 5 --data books").succeeds();
    let parcels = "get parcels --data books";
    let all = bed.run(&format!("{parcels} --format json")).succeeds().says_nothing();
    let rows = all.stdout().lines().map(|row| serde_json::from_str(row).unwrap());
    let rows: Vec<Value> = rows.collect();
    assert_eq!(rows.len(), 40);
    let (key, due) = (text(&rows[0], "/parcel"), rows[0]["due"].as_i64().unwrap());
    let major = format!("{}.{:02}", due / 100, due % 100);
    let one = bed.run(&format!("{parcels} {key}")).succeeds();
    let line = one.stdout().lines().find(|line| line.starts_with("due ")).unwrap();
    assert_eq!(line.split_whitespace().nth(1).unwrap().replace(',', ""), major, "{one}");
    let table = bed.run(&format!("{parcels} --columns parcel,due,currency --limit 40")).succeeds();
    let listed = table.stdout().lines().find(|line| line.starts_with(key)).unwrap();
    assert!(listed.replace(',', "").contains(&major), "{listed}");
    assert!(!table.stdout().contains("more than these"), "{table}");
    // A reader that closes the pipe, as `head` does, ends the rows.
    let mut shell = bed.command("sh");
    let line = format!("{DOORSTEP} get postings --data books --format csv | head -1");
    let first = Ran::of(shell.args(["-c", &line])).succeeds().says_nothing();
    assert_eq!(first.stdout().lines().count(), 1);
    bed.run("get parcels --list").succeeds().prints("parcel").prints("key, filter");
    bed.run("get parcels").fails("--data DIR for a data directory");
    bed.run("get").ends_with(2);
    // The sums of what one sees are those of the books.
    let sum: i64 = rows.iter().map(|row| row["due"].as_i64().unwrap()).sum();
    let report = bed.run("parcels --data books --json").succeeds().json();
    assert_eq!(sum, number(&report, "/sums/0/due"));
}
