//! What another user of the machine sees and brings while Doorstep serves.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::calendar::CALENDAR;
use super::ground::{self, Running};
use super::office::{OTHER, as_other, let_the_other_use_the_socket, other_user};
use super::process::Process;
use super::support::{Bed, DOORSTEP, eventually, text};

/// Sends a line to the office's socket. Returns all answers.
#[track_caller]
fn ask_all(bed: &Bed, line: &Value) -> Vec<Value> {
    let mut stream = UnixStream::connect(bed.path("door/books.control/office.sock")).unwrap();
    stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let lines = BufReader::new(stream).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

#[track_caller]
pub fn ask(bed: &Bed, line: &Value) -> Value {
    ask_all(bed, line).remove(0)
}

pub fn look(arguments: &[&str], columns: u16, language: &str) -> Value {
    let request = json!({ "do": "look", "arguments": arguments, "columns": columns });
    json!({ "request": request, "language": language })
}

/// Announces this many parcels more, and has lines that are bad.
fn orders(bed: &Bed, count: usize) {
    let lines: Vec<String> = (0..count).map(|one| format!("N-{one},new-shop,CNY,10.00")).collect();
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.push("N-bad,new-shop,CNY,ten");
    bed.orders("orders.csv", &lines);
}

/// The id of a person with this name.
#[track_caller]
fn id_of(bed: &Bed, name: &str) -> String {
    let shown = bed.run(&format!("persons {name} --data door/books")).succeeds();
    shown.stdout().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_look_over_the_socket_is_the_same_as_at_the_books() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let (waybill, amount) = ground::parcel(2);
    running.terminal(&bed, "", &[format!("cash {waybill} {amount}")]).succeeds();
    for (words, here) in [
        (vec!["status"], "status"),
        (vec!["parcels", "--limit=3", "--json"], "parcels --limit 3 --json"),
        (vec!["cash"], "cash"),
        (vec!["parties", "--kind=courier"], "parties --kind courier"),
        (vec!["accounts", "--kind=2120"], "accounts --kind 2120"),
        (vec!["balances", "--all"], "balances --all"),
        (vec!["breaks"], "breaks"),
        (vec!["open-items", "--json"], "open-items --json"),
        (vec!["log", "--limit=20"], "log --limit 20"),
    ] {
        for lang in ["en", "zh"] {
            let answer = ask(&bed, &look(&words, 80, lang));
            let at_books = bed.run(&format!("{here} --lang {lang} --data door/books")).succeeds();
            let output = text(&answer, "/answer/printed/output");
            let data = bed.path("door/books").canonicalize().unwrap().display().to_string();
            assert_eq!(output.replace(&data, "door/books"), at_books.stdout(), "{words:?} {lang}");
            assert_eq!(answer["answer"]["printed"]["succeeded"], true);
        }
    }
    // Columns that matter less give way to the width of whoever asks.
    let widths = [60, 160].map(|columns| {
        let answer = ask(&bed, &look(&["parcels"], columns, "en"));
        text(&answer, "/answer/printed/output").lines().map(str::len).max()
    });
    assert!(widths[0] < widths[1], "{widths:?}");

    let failed = ask(&bed, &look(&["statement", "--", "nobody"], 80, "zh"));
    assert_eq!(failed["answer"]["printed"]["succeeded"], false, "{failed}");
    assert!(text(&failed, "/answer/printed/errors").starts_with("错误：没有卖家 `nobody`"));
    for (words, why) in [
        (vec!["persons"], "only commands that read the books"),
        (vec!["payouts", "--out=x"], "only commands that read the books"),
        (vec!["explain", "payout", "--tariff=/etc/passwd", "--", "1"], "`tariff` names a file"),
        (vec!["status", "--data=/"], "cannot be used multiple times"),
        (vec!["status", "--depth"], "unexpected argument '--depth'"),
        (vec!["--help"], "only commands that read the books"),
        (vec!["status", "--", "x"], "unexpected argument 'x'"),
        (vec![], "only commands that read the books"),
    ] {
        let refused = ask(&bed, &look(&words, 80, "en"));
        assert!(text(&refused, "/why").contains(why), "{words:?}: {refused}");
    }
    for (words, flag, why) in [
        (
            vec!["serve"],
            "config",
            "files are carried out for `doorstep import` and `doorstep file` only",
        ),
        (vec!["import", "--profile=doorstep"], "data", "`data` names a file"),
        (vec!["import", "--profile=x.toml"], "orders", "`profile` names a file"),
        (vec!["import", "--profile=doorstep", "--rejects=x"], "orders", "`rejects` names a file"),
    ] {
        let files = json!([{ "flag": flag, "name": "x", "bytes": 0 }]);
        let take = json!({ "do": "take_files", "arguments": words, "columns": 80, "files": files });
        let mut answers = ask_all(&bed, &json!({ "request": take }));
        assert_eq!(answers.remove(0)["answer"]["answer"], "send_files");
        assert!(text(&answers[0], "/why").contains(why), "{words:?}: {answers:?}");
    }
    running.stop();
}

#[test]
fn an_import_goes_over_the_socket_while_doorstep_serves() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    orders(&bed, 600);
    let import = "import --profile doorstep --orders orders.csv --by ann --approved-by bo \
                  --data door/books";
    bed.run(&format!("{import} --rejects bad.csv"))
        .fails("not all orders were taken: bad lines: 1, refused orders: 0")
        .prints("Orders read: orders.csv (lines 601)\n")
        .prints("Rejects: bad.csv (lines 1)\n")
        .prints("announced 600; existed already 0; refused 0\n");
    assert!(bed.read("bad.csv").contains("N-bad,new-shop,CNY,ten"), "{}", bed.read("bad.csv"));
    bed.run(&format!("{import} --lang zh")).fails("有订单未导入").prints("新登记 0；已存在 600");
    let again = bed.run(&format!("{import} --json")).ends_with(1).json();
    assert_eq!((&again["announced"], &again["existed"]), (&json!(0), &json!(600)));
    let log = bed.run("log --data door/books --json").succeeds();
    let announced: Vec<Value> = log
        .stdout()
        .lines()
        .filter(|line| line.contains("\"AnnounceParcel\"") && line.contains("\"N-"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(announced.len(), 600);
    // In trial books a user who is no person is the first one.
    assert_eq!(announced[0]["by"], json!({ "person": id_of(&bed, "ann") }), "{}", announced[0]);

    // A folder, and files of the profile and the sellers.
    fs::create_dir_all(bed.path("shops/one")).unwrap();
    bed.orders("shops/one/orders.csv", &["S-1,vendor a,CNY,10.00"]);
    fs::create_dir_all(bed.path("shops/two")).unwrap();
    bed.orders("shops/two/orders.csv", &["S-1,vendor a,CNY,12.00"]);
    bed.write("sellers.csv", "vendor,seller\nvendor a,seller-a\n");
    let profile = bed.run("profile show doorstep").succeeds();
    bed.write("own.toml", profile.stdout());
    let folder = "import --profile own.toml --orders shops --folder-per-shop --sellers sellers.csv";
    bed.run(&format!("{folder} --by ann --approved-by bo --data door/books"))
        .succeeds()
        .prints("announced 2; existed");
    bed.run(&format!("{import} --tariff nowhere.toml")).fails("nowhere.toml");
    bed.run("import --profile doorstep --orders none.csv --data door/books").fails("none.csv");
    let received = fs::read_dir(bed.path("door/books/received")).unwrap();
    assert_eq!(received.count(), 0, "what was received is removed");
    running.stop();
    bed.verified("door/books");
}

#[test]
fn another_user_sees_and_imports_over_the_socket() {
    let bed = Bed::new();
    if !other_user(&bed) {
        return;
    }
    ground::make(&bed);
    let_the_other_use_the_socket(&bed);
    let data = "--data door/books";
    as_other(&bed, DOORSTEP, &format!("status {data}")).fails("Permission denied");
    let running = Running::start(&bed, "");
    bed.run(&format!("persons bo --user {OTHER} {data}")).succeeds();
    let status = bed.run(&format!("status {data}")).succeeds();
    let seen = as_other(&bed, DOORSTEP, &format!("status {data}")).succeeds();
    assert_eq!(seen.stdout(), status.stdout());
    as_other(&bed, DOORSTEP, &format!("status {data} --json --lang zh")).succeeds().json();
    as_other(&bed, DOORSTEP, &format!("statement nobody {data}")).fails("there is no seller");
    as_other(&bed, DOORSTEP, &format!("log {data} --limit 3 --lang zh")).succeeds();
    orders(&bed, 3);
    bed.chmod("orders.csv", 0o644);
    fs::set_permissions(bed.path("."), fs::Permissions::from_mode(0o777)).unwrap();
    let import = "import --profile doorstep --orders orders.csv --rejects bad.csv --by ann \
                  --approved-by bo";
    as_other(&bed, DOORSTEP, &format!("{import} {data}"))
        .fails("not all orders were taken")
        .prints("announced 3; existed already 0; refused 0\n");
    assert!(bed.read("bad.csv").contains("N-bad"));
    let log = bed.run(&format!("log {data} --json")).succeeds();
    let by = log.stdout().lines().filter(|line| line.contains("\"N-")).map(str::to_owned);
    let by: Vec<String> = by.collect();
    assert_eq!(by.len(), 3);
    let person = format!("\"person\":\"{}\"", id_of(&bed, "bo"));
    assert!(by[0].contains(&person), "{}", by[0]);
    running.stop();
    bed.verified("door/books");
}

#[test]
fn settings_are_read_again_whole_or_not_at_all() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let reload = |lang: &str| bed.run(&format!("reload --data door/books --lang {lang}"));
    reload("en").succeeds().prints("the settings have not changed\n");
    let settings = bed.read("door/doorstep.toml");
    let write = |before: &str| bed.write("door/doorstep.toml", format!("{before}\n{settings}"));

    write("calendar = \"calendar.toml\"");
    reload("en").fails("calendar.toml");
    bed.write("door/calendar.toml", "release = ");
    reload("zh").ends_with(1).says("calendar");
    bed.write("door/calendar.toml", CALENDAR);
    reload("en").succeeds().prints("applied: calendar\n");
    reload("zh").succeeds().prints("配置没有变化\n");
    let limited = |limits: &str| settings.replace("[limits]", &format!("[limits]\n{limits}"));
    let other = limited("in_flight = 2");
    let listen = "listen = [\"127.0.0.1:0\"]";
    assert!(other.contains(listen), "{other}");
    bed.write("door/doorstep.toml", other.replace(listen, "listen = [\"127.0.0.1:7009\"]"));
    reload("en")
        .succeeds()
        .prints("applied: calendar, limits.in_flight\n")
        .prints("changed, but not in force before a restart: terminals.listen, wallet.listen\n");
    bed.write("door/doorstep.toml", limited("colour = 1"));
    reload("en").fails("colour");
    bed.write("door/doorstep.toml", limited("in_flight = 9"));
    reload("en").fails("limits.in_flight");
    bed.write("door/doorstep.toml", settings.replace("Asia/Shanghai", "Europe/Berlin"));
    reload("en").fails("the books have Asia/Shanghai");
    running.stop();
    reload("en").fails("no Doorstep is running");
}

/// Whether one more terminal is let in, as far as a moment shows.
fn is_let_in(address: &str) -> bool {
    !is_refused_within(address, Duration::from_millis(200))
}

fn is_refused(address: &str) -> bool {
    is_refused_within(address, Duration::from_secs(60))
}

fn is_refused_within(address: &str, time: Duration) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(time)).unwrap();
    matches!(stream.read(&mut [0]), Ok(0))
}

#[test]
fn a_signal_reads_the_settings_again_and_the_log_says_what_was_done() {
    let bed = Bed::new();
    ground::make(&bed);
    let settings = bed.read("door/doorstep.toml");
    let limits = "[limits]\nconnections_per_address = 18000\n";
    assert!(settings.contains(limits), "{settings}");
    let with = |limits: &str, more: &str| {
        let limits = format!("[limits]\nmessage_seconds = 300\n{limits}");
        let settings = settings.replace("[limits]\nconnections_per_address = 18000\n", &limits);
        bed.write("door/doorstep.toml", settings + more);
    };
    with("", "");
    let mut shell = bed.command("bash");
    let serve = "serve --data door/books --config door/doorstep.toml 2> serve.log";
    shell.arg("-c").arg(format!("exec {DOORSTEP} {serve}"));
    let mut engine = Process::of(shell);
    let terminals = engine.says("terminals ");
    engine.says("office ");
    let read_again = |limits: &str, more: &str, line: &str| {
        with(limits, more);
        engine.signal("HUP");
        eventually(line, || bed.read("serve.log").contains(line));
    };
    let open = TcpStream::connect(&terminals).unwrap();
    assert!(is_let_in(&terminals));
    let few = "connections = 1\nconnections_per_address = 1\n";
    read_again(few, "", "applied=\"limits.connections, limits.connections_per_address\"");
    assert!(is_refused(&terminals), "one terminal is connected");
    // Nothing of a file with an error is applied.
    read_again("connections = 0\n", "", "settings not read again");
    assert!(bed.read("serve.log").contains("limits.connections = 0: it must be from 1 to"));
    assert!(is_refused(&terminals));
    read_again("", "\n[timing]\nqr_ms = 60000\n", "limits.connections_per_address, timing\"");
    assert!(is_let_in(&terminals));
    drop(open);
    engine.stop();
}
