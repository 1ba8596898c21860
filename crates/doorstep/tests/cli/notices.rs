//! Notices of a running Doorstep: a webhook receiver that is slow, down and killed upon; the table;
//! addresses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::metrics::get;
use super::process::Process;
use super::serve::{EXAMPLE, FIRM, SERVE, books_and_keys};
use super::support::{Bed, Ran, eventually};

/// Events are told quickly; a machine can be slow.
const LONG: Duration = Duration::from_secs(120);

/// What a webhook brought.
#[derive(Clone, Debug)]
struct Webhook {
    id: String,
    signature: String,
    body: serde_json::Value,
}

/// A receiver on this machine.
struct Receiver {
    address: String,
    received: Arc<Mutex<Vec<Webhook>>>,
    /// The status of the answers; 0: it never answers.
    status: Arc<Mutex<u16>>,
}

impl Receiver {
    fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (received, status): (Arc<Mutex<Vec<Webhook>>>, _) =
            (Arc::default(), Arc::new(Mutex::new(204)));
        let (all, answers) = (received.clone(), status.clone());
        // It ends with the process of the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, all, answers) = (stream.unwrap(), all.clone(), answers.clone());
                std::thread::spawn(move || serve(stream, &all, &answers));
            }
        });
        Receiver { address, received, status }
    }

    fn answer(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    #[track_caller]
    fn wait(&self, count: usize) -> Vec<Webhook> {
        let begun = Instant::now();
        loop {
            let received = self.received.lock().unwrap().clone();
            if received.len() >= count {
                return received;
            }
            assert!(begun.elapsed() < LONG, "{count} webhooks: {received:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn serve(stream: TcpStream, received: &Mutex<Vec<Webhook>>, status: &Mutex<u16>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut id, mut signature) = (0, String::new(), String::new());
        let mut is_first = true;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" && !is_first {
                break;
            }
            is_first = false;
            let (name, value) = line.split_once(": ").unwrap_or((&line, ""));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap(),
                "webhook-id" => id = value.trim().to_owned(),
                "webhook-signature" => signature = value.trim().to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body = serde_json::from_slice(&body).unwrap();
        received.lock().unwrap().push(Webhook { id, signature, body });
        let status = *status.lock().unwrap();
        if status == 0 {
            std::thread::sleep(LONG);
            return;
        }
        let answer = format!("HTTP/1.1 {status} Answer\r\ncontent-length: 0\r\n\r\n");
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Books with a seller, keys, and settings with notices for a receiver.
fn bed(receiver: &Receiver) -> Bed {
    let bed = books_and_keys();
    let vault = "--purpose data-keys --algorithm aes256";
    let at = "--store keys.json --master-key-file master.key";
    bed.run(&format!("keys make vault {vault} {at}")).succeeds();
    let notices = format!("[notices]\nallow = [\"{}\"]\n[notices.webhook]\n", receiver.address);
    let settings = EXAMPLE
        .replace("127.0.0.1:7001", "127.0.0.1:0")
        .replace(FIRM, "")
        .replace("# vault = \"vault\"", "vault = \"vault\"")
        .replace("[merchant]", &format!("{notices}\n{METRICS}\n[merchant]"));
    bed.write("doorstep.toml", settings);
    bed.write("url", format!("http://{}/hooks", receiver.address));
    bed
}

const METRICS: &str = "[metrics]\nlisten = [\"127.0.0.1:0\"]\n";
const ADD: &str = "notices endpoint add seller:S1 --channel webhook --file url --language en \
                   --data books --config doorstep.toml";

#[track_caller]
fn served(bed: &Bed) -> Process {
    let mut engine = Process::start(bed, SERVE);
    engine.says("control");
    // Notices follow from here on: what is done next is told.
    let list = "notices list --data books --json";
    eventually("notices follow", || !bed.run(list).succeeds().json()["batch"].is_null());
    engine
}

#[track_caller]
fn wait_for(bed: &Bed, state: &str, count: usize) {
    let list = format!("notices list --state {state} --data books --json");
    eventually(&format!("{count} {state}"), || {
        bed.run(&list).succeeds().json()["notices"].as_array().unwrap().len() == count
    });
}

fn network(bed: &Bed, what: &str) {
    let line = format!("network {what} alpha --person ann --approved-by bo --data books");
    bed.run(&line).succeeds();
}

#[test]
fn an_endpoint_is_told_once_also_when_doorstep_is_killed() {
    let receiver = Receiver::start();
    let bed = bed(&receiver);
    bed.run(ADD).succeeds().prints("address 1 is added").prints("whsec_");
    let engine = served(&bed);
    network(&bed, "withdraw");
    let first = receiver.wait(1).remove(0);
    assert!(first.id.starts_with("msg_") && first.signature.starts_with("v1,"), "{first:?}");
    assert_eq!(first.body["type"], "network.withdrawn", "{first:?}");
    assert_eq!(first.body["data"]["network"], "alpha");
    wait_for(&bed, "delivered", 1);
    // Killed while it sends: nobody knows whether it arrived, so it is sent again, as the same.
    receiver.answer(0);
    network(&bed, "reinstate");
    let second = receiver.wait(2).remove(1);
    bed.run("backup kept --data books").succeeds();
    engine.signal("KILL");
    drop(engine);
    receiver.answer(204);
    let mut engine = Process::start(&bed, SERVE);
    let watched = engine.says("metrics ");
    let third = receiver.wait(3).remove(2);
    assert_eq!(third.id, second.id);
    assert_ne!(third.id, first.id);
    wait_for(&bed, "delivered", 2);
    network(&bed, "withdraw");
    assert_eq!(receiver.wait(4)[3].body["type"], "network.withdrawn");
    wait_for(&bed, "delivered", 3);
    let sent = "doorstep_notice_attempts_total{channel=\"webhook\",outcome=\"delivered\"} 2\n";
    eventually("figures", || {
        let page = get(&bed, &watched, "/metrics").1;
        page.contains(sent) && page.contains("doorstep_notices_open{channel=\"webhook\"} 0\n")
    });
    engine.stop();
    assert_eq!(receiver.received.lock().unwrap().len(), 4);
    // Books of the backup do not know that the second one arrived, and send it to nobody.
    bed.run("restore kept --data again").succeeds().prints("sent after the backup: 1.");
    let left = bed.run("notices list --state not_known --data again --json").succeeds().json();
    assert_eq!(left["notices"][0]["id"], second.id.as_str(), "{left}");
    assert_eq!(left["counts"]["open"], 0);
    let shown = bed.run("notices show seller:S1 --data books").succeeds();
    shown.prints("network.withdrawn").prints("endpoint:1");
    bed.verified("books");
}

#[test]
fn an_endpoint_that_ends_itself_is_stopped_until_a_retry() {
    let receiver = Receiver::start();
    let bed = bed(&receiver);
    bed.run(ADD).succeeds();
    let engine = served(&bed);
    receiver.answer(410);
    network(&bed, "withdraw");
    wait_for(&bed, "gone", 1);
    network(&bed, "reinstate");
    wait_for(&bed, "gone", 2);
    assert_eq!(receiver.received.lock().unwrap().len(), 1);
    bed.run("notices show seller:S1 --data books").succeeds().prints("STOPPED: endpoint:1");
    bed.run("status --data books").succeeds().prints("recipients stopped 1");
    bed.run("notices retry endpoint:1 --data books").succeeds().prints("sent again: 2");
    receiver.wait(2);
    wait_for(&bed, "gone", 2);
    // By a command of the books, of which the log tells; a foreign endpoint changes nothing.
    receiver.answer(204);
    let retry = "do RetryNotices --owner Seller=S1 --not-known false --person ann --data books";
    bed.run(&format!("{retry} --endpoint 7")).succeeds();
    bed.run(&format!("{retry} --endpoint 1")).succeeds().prints("carried out");
    wait_for(&bed, "delivered", 2);
    bed.run("log --data books").succeeds().prints("notices of seller S1 sent again");
    let received = receiver.received.lock().unwrap().clone();
    let types: Vec<_> = received.iter().map(|one| one.body["type"].as_str().unwrap()).collect();
    let (first, last) = ("network.withdrawn", "network.reinstated");
    assert_eq!(types, [first, first, first, last]);
    // A reload switches notices off and on.
    let settings = bed.read("doorstep.toml");
    let off = settings.replace("[notices.webhook]\n", "");
    bed.write("doorstep.toml", &off);
    bed.run("reload --data books").succeeds().prints("notices.webhook");
    bed.write("doorstep.toml", &settings);
    bed.run("reload --data books").succeeds().prints("notices.webhook");
    network(&bed, "withdraw");
    let last = receiver.wait(5).remove(4);
    assert_eq!(last.body["type"], "network.withdrawn", "{last:?}");
    // A proposal, which is not in the journal.
    let table = bed.run("notices table show --data books").succeeds().stdout().to_owned();
    let (before, proposal) = table.split_once("event = \"proposal.waiting\"").unwrap();
    let proposal = proposal.replacen("by =", "webhooks = true\nby =", 1);
    bed.write("table.toml", format!("{before}event = \"proposal.waiting\"{proposal}"));
    bed.run("notices table use table.toml --data books").succeeds();
    bed.run(&ADD.replace("seller:S1", "staff")).succeeds();
    bed.run("network reinstate alpha --person ann --data books").succeeds();
    let last = receiver.wait(6).remove(5);
    assert_eq!(last.body["type"], "proposal.waiting", "{last:?}");
    assert_eq!(last.body["data"]["command"], "ReinstateNetwork");
    engine.stop();
}

#[test]
fn a_file_that_is_overdue_is_told_once_and_counted() {
    let receiver = Receiver::start();
    let bed = bed(&receiver);
    bed.run(&ADD.replace("seller:S1", "staff")).succeeds();
    let table = bed.run("notices table show --data books").succeeds().stdout().to_owned();
    let (before, overdue) = table.split_once("event = \"file.overdue\"").unwrap();
    let overdue = overdue.replacen("by =", "webhooks = true\nby =", 1);
    bed.write("table.toml", format!("{before}event = \"file.overdue\"{overdue}"));
    bed.run("notices table use table.toml --data books").succeeds();
    bed.run("setup bank main --currency CNY --data books --person ann").succeeds();
    let raise = "break raise Bank=main --side Excess --amount 5.00CNY --evidence call --owner ann";
    bed.run(&format!("{raise} --person ann --data books")).succeeds();
    // Three days later no statement has come.
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(72);
    let at_that_time = |line: &str| {
        let mut command = bed.doorstep(line);
        command.env("DOORSTEP_TRIAL_TIME", later.to_string());
        command
    };
    let mut engine = Process::of(at_that_time(SERVE));
    let address = engine.says("metrics ");
    let told = receiver.wait(1).remove(0);
    let data = &told.body["data"];
    assert_eq!((&told.body["type"], &data["sender"]), (&"file.overdue".into(), &"main".into()));
    assert_eq!((&data["lane"], &data["items"]), (&"bank".into(), &"1".into()), "{told:?}");
    eventually("the file is counted", || {
        let page = get(&bed, &address, "/metrics").1;
        page.contains("doorstep_files_overdue{lane=\"bank\"} 1\n")
            && page.contains("doorstep_files_overdue{lane=\"network\"} 0\n")
            && page.contains("doorstep_files_overdue_oldest_seconds{lane=\"bank\"} 259200\n")
            && page.contains("doorstep_arrivals_late{lane=\"bank\"} 0\n")
    });
    engine.stop();
    // Whoever starts again is not told again.
    let mut engine = Process::of(at_that_time(SERVE));
    engine.says("control");
    let list = "notices list --data books --json";
    let listed = bed.run(list).succeeds().json();
    assert_eq!(listed["notices"].as_array().map(Vec::len), Some(1), "{listed:#}");
    engine.stop();
    let overdue = Ran::of(&mut at_that_time("recon arrivals --overdue --data books --json"));
    let overdue = overdue.succeeds().json();
    assert_eq!(overdue["arrivals"][0]["state"], "missing_file", "{overdue:#}");
    let words = Ran::of(&mut at_that_time("recon arrivals --data books --lang zh")).succeeds();
    words.prints("main");
}

#[test]
fn addresses_and_tables_are_kept_beside_a_running_doorstep_or_without() {
    let receiver = Receiver::start();
    let bed = bed(&receiver);
    bed.write("mail", "shop@example.com\n");
    let add = "notices endpoint add seller:S1 --channel mail --file mail --data books";
    bed.run(&format!("{add} --config doorstep.toml")).succeeds().prints("address 1 is added");
    bed.write("mail", "not an address\n");
    bed.run(&format!("{add} --config doorstep.toml")).fails("an address is 1 to");
    bed.run("notices endpoint list --data books").succeeds().prints("seller:").prints("mail");
    let kept = std::fs::read(bed.path("books/notice-book.sqlite")).unwrap();
    assert!(!kept.windows(5).any(|part| part == b"shop@"), "it is sealed");
    bed.run("notices endpoint rotate 1 --data books --config doorstep.toml")
        .fails("address 1 is not a webhook endpoint");
    bed.run("notices endpoint remove 1 --data books").succeeds().prints("address 1 is removed");
    bed.run("notices endpoint remove 1 --data books").fails("there is no address 1");
    bed.run("notices show shop:S1 --data books").fails("`shop:S1` names no recipient");
    bed.run("notices show seller:S1 --data books").succeeds().prints("no notices");
    let table = bed.run("notices table show --data books").succeeds().stdout().to_owned();
    bed.write("table.toml", &table);
    bed.run("notices table check table.toml").succeeds().prints("valid");
    bed.run("notices table use table.toml --data books").succeeds().prints("version 1");
    let versions = bed.run("notices table versions --data books --json").succeeds().json();
    assert!(versions["versions"][0]["used_by"].as_str().unwrap().starts_with("uid "));
    bed.write("table.toml", table.replacen("payment.held", "payment.kept", 1));
    bed.run("notices table use table.toml --data books")
        .fails("entry 1 (event `payment.kept`): there is no such event");
    bed.run("notices table check table.toml --lang zh").fails("第 1 项（事件 `payment.kept`）");
    bed.run("notices consent seller:S1 3 --data books").succeeds().prints("consents left: 3");
}
