//! What was written is read at once, ten thousand times, by senders that keep their connections;
//! and numbers of answers are those of hledger.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::ground::MERCHANT;
use super::support::{Bed, Ran, minor, records, tool};
use super::web::{ANN_WITH_BO, Got, Served, in_hours, issue, secret, served};

const SENDERS: usize = 16;
const WRITES: usize = 10_000;

/// A connection that stays open.
struct KeptOpen {
    stream: BufReader<TcpStream>,
    host: String,
    /// A header that says who asks.
    who: String,
}

/// An answer on it.
struct Answer {
    status: u16,
    position: Option<String>,
    body: Value,
}

impl KeptOpen {
    fn to(address: &str, who: &str) -> KeptOpen {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        stream.set_nodelay(true).unwrap();
        let (stream, host) = (BufReader::new(stream), address.to_owned());
        KeptOpen { stream, host, who: who.to_owned() }
    }

    /// Asks until the views have reached the position that the answer has to reflect.
    fn get(&mut self, path: &str) -> Answer {
        loop {
            let answer = self.ask("GET", path, "", "");
            if answer.status != 503 {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let (host, who) = (&self.host, &self.who);
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{who}\r\n{headers}");
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
        };
        let request = format!("{head}{length}\r\n{body}");
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut status, mut length, mut position) = (0, 0, None);
        loop {
            let mut line = String::new();
            assert_ne!(self.stream.read_line(&mut line).unwrap(), 0, "{request}");
            let line = line.trim_end();
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().unwrap();
            }
            match line.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("doorstep-position", value)) => position = Some(value.to_owned()),
                Some(_) => {}
                None if line.is_empty() => break,
                None => {}
            }
        }
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        let body = serde_json::from_slice(&bytes).unwrap();
        Answer { status, position, body }
    }
}

#[test]
fn what_was_written_is_read_at_once_ten_thousand_times() {
    let served = served();
    let until = in_hours(1);
    issue(&served.bed, &format!("Finance --key 8 --until {until} --person-id ann {ANN_WITH_BO}"));
    let (own, other) = (served.key.clone(), secret(&served.bed, 8));
    let next = AtomicUsize::new(0);
    let send = || {
        let connection =
            |key: &str| KeptOpen::to(&served.address, &format!("Authorization: Bearer {key}"));
        let (mut writer, mut reader) = (connection(&own), connection(&other));
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= WRITES {
                return;
            }
            let reference = format!("at-once-{number}");
            let due = 1_000 + number;
            let parcel = json!({
                "seller": "seller-0", "currency": "CNY", "due": due, "reference": reference,
            });
            let key = format!("Idempotency-Key: {reference}\r\n");
            let path = "/v1/commands/announce-parcel";
            let written = writer.ask("POST", path, &key, &parcel.to_string());
            assert_eq!(written.status, 200, "{}", written.body);
            let parcel = written.body["events"][0]["parcel"].as_str().unwrap().to_owned();
            let path = format!("/v1/parcels/{parcel}");
            let read = writer.get(&path);
            assert_eq!((read.status, &read.body["due"]), (200, &json!(due)), "{}", read.body);
            // Now and then by others, who say from which position on, and in other ways.
            if number.is_multiple_of(50) {
                let position = written.position.unwrap();
                let read = reader.get(&format!("{path}?min_position={position}"));
                assert_eq!((read.status, &read.body["due"]), (200, &json!(due)), "{}", read.body);
                for path in [
                    format!("/v1/parcels?reference={reference}"),
                    format!("/v1/search?q={reference}"),
                ] {
                    let read = writer.get(&path);
                    assert!(read.body.to_string().contains(&parcel), "{path}: {}", read.body);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(send);
        }
    });
    let all = served.send("GET", "/v1/parcels", &["Accept: application/x-ndjson"], b"").is(200);
    let written = all.body.lines().filter(|line| line.contains("at-once-")).count();
    assert_eq!(written, WRITES);
    served.engine.stop();
    served.bed.verified("door/books");
}

/// hledger sums, in minor units: its accounts, or what stands in their place.
fn sums_of_hledger(bed: &Bed, query: &[&str]) -> BTreeMap<String, i64> {
    let mut hledger = tool(bed, "hledger");
    hledger.args(["-f", "books.hledger", "bal", "--flat", "-N", "-O", "csv"]).args(query);
    let ran = Ran::of(&mut hledger).succeeds();
    let sum = |text: &str| minor(text.strip_suffix(" CNY").unwrap());
    let all = records(ran.stdout());
    all.iter().map(|one| (one["account"].clone(), sum(&one["balance"]))).collect()
}

/// Two parcels of each of fifty sellers, paid in cash: their accounts, statements and parcels.
#[test]
fn numbers_of_two_hundred_answers_are_those_of_hledger() {
    let served = served();
    let sellers: Vec<String> = (100..150).map(|number| format!("seller-{number}")).collect();
    let done = |got: Got| got.is(200).json()["events"].clone();
    let (mut parcels, mut script) = (Vec::new(), Vec::new());
    for (place, reference) in (0_u64..100).zip(sellers.iter().cycle()) {
        let due = 1_000 + place * place;
        let order = format!("sum-{place}");
        let fields = json!({
            "seller": reference, "currency": "CNY", "due": due, "reference": order,
        });
        let made = done(served.give("announce-parcel", &order, &fields));
        let parcel = made[0]["parcel"].as_str().unwrap().to_owned();
        let bits = u128::from_str_radix(&parcel[4..], 16).unwrap();
        script.push(format!("cash {}", peers::format_waybill(bits)));
        parcels.push(json!({ "parcel": parcel }));
    }
    let assigned = json!({ "firm": "bench-couriers", "parcels": parcels });
    assert_eq!(
        done(served.give("assign-parcels", "s-1", &assigned)).as_array().unwrap().len(),
        100
    );
    let out = json!({ "courier": "cou_1", "parcels": parcels });
    done(served.give("dispatch-parcels", "s-2", &out));
    let Served { bed, terminals, .. } = &served;
    bed.write("script", script.join("\n") + "\nquit");
    let line = format!(
        "terminal --connect {terminals} --number 1 --merchant {MERCHANT} --lang en \
         --base-key-file door/base.key --last-stan 500 --script script"
    );
    let sold = bed.run(&line).succeeds();
    assert_eq!(sold.stdout().matches("approved      cash").count(), 100, "{sold}");

    served.settled();
    bed.run("export --data door/books --format hledger --out books.hledger").succeeds();
    let balances = sums_of_hledger(bed, &[]);
    // What is collected in cash is in the courier's hands.
    let cash = "acct:assets:courier-cash";
    let collected = sums_of_hledger(bed, &["--pivot", "parcel", cash, "amt:>0"]);
    assert_eq!(collected.len(), 100);
    let number = |of: &Value, field: &str| of[field].as_i64().unwrap();
    let mut answers = 0;
    let mut get = |path: &str| {
        answers += 1;
        served.get(path).is(200).json()
    };
    for parcel in &parcels {
        let id = parcel["parcel"].as_str().unwrap();
        let read = get(&format!("/v1/parcels/{id}"));
        assert_eq!(number(&read, "collected"), collected[&id[4..]], "{read}");
    }
    for seller in &sellers {
        let held = balances[&format!("liabilities:seller-held:{seller}")];
        assert!(held < 0, "{seller}: {held}");
        let statement = get(&format!("/v1/now/statements/{seller}"));
        assert_eq!(-number(&statement["accounts"][0], "held"), held, "{statement}");
        let account =
            &get(&format!("/v1/accounts?name=liabilities:seller-held:{seller}"))["items"][0];
        let id = account["account"].as_str().unwrap();
        let last = get(&format!("/v1/postings?credit={id}&order=-posting&limit=1"));
        let last = &last["items"][0];
        // Fees are debited after it.
        let fees = get(&format!("/v1/postings?debit={id}&order=-posting&limit=1"));
        let fees =
            fees["items"].get(0).filter(|fee| number(fee, "posting") > number(last, "posting"));
        let balance =
            fees.map_or_else(|| number(last, "credit_balance"), |fee| number(fee, "debit_balance"));
        assert_eq!(balance, held, "{account}");
    }
    assert!(answers >= 200, "{answers}");
    served.engine.stop();
}
