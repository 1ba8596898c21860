//! Many order at once: senders take turns, each is told a place, and each order is placed once.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;

use super::market::carried_out;
use super::shop::{add, filled, order, shop_with, visitor};
use super::support::{Bed, eventually};
use super::web::{ANN_WITH_BO, Got, Served, in_hours, issue, secret};

/// Orders of one key.
const MANY: usize = 30;
/// Who came before them, and who comes after.
const FIRST: usize = 90;
const LATE: usize = 100;

/// Another program that writes to the vault: until it ends, no address is sealed.
struct VaultWriter(Child);

impl VaultWriter {
    fn begin(bed: &Bed) -> VaultWriter {
        let program = "import sqlite3, sys
vault = sqlite3.connect(sys.argv[1], isolation_level=None)
vault.execute('BEGIN IMMEDIATE')
print('writes', flush=True)
sys.stdin.read()
vault.rollback()";
        let mut python = bed.command("python3");
        python.args(["-c", program]).arg(bed.path("door/books/vault.sqlite"));
        let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "writes\n");
        VaultWriter(child)
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

/// One tea for a buyer, by a key.
fn checkout(served: &Served, key: &str, buyer: usize) -> Got {
    let order = json!({
        "currency": "CNY", "lines": [{ "variant": "tea-shop/tea/one", "quantity": 1 }],
        "coupons": [], "total": 12_000,
        "deliver_to": {
            "name": "王小明", "phone": format!("138{buyer:08}"), "address": "上海市世纪大道",
        },
    });
    let headers = [
        "Content-Type: application/json".to_owned(),
        format!("Authorization: Bearer {key}"),
        format!("Idempotency-Key: buyer-{buyer}"),
    ];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    served.send("POST", "/v1/commands/checkout", &headers, order.to_string().as_bytes())
}

fn place(got: &Got) -> usize {
    got.header("doorstep-place").unwrap_or_else(|| panic!("no place: {got:?}")).parse().unwrap()
}

#[test]
fn whoever_sends_many_orders_is_served_no_sooner_and_each_is_told_its_place() {
    let (served, _) = shop_with("checkouts_at_once = 1\n\n");
    let stock = json!({ "variant": "tea-shop/tea/one", "quantity": 100, "reason": "Received" });
    carried_out(served.give("adjust-stock", "more-tea", &stock));
    let until = in_hours(2);
    issue(&served.bed, &format!("Operator --key 21 --person-id ann --until {until} {ANN_WITH_BO}"));
    let (many, other) = (served.key.clone(), secret(&served.bed, 21));
    let mut page = String::new();
    let mut anna = visitor(&served, "en");
    add(&mut anna, "Oolong", "1").is(303);
    let form = anna.get("/shop/checkout").is(200).body;
    let fields = filled(&form, "13900000000", "");

    // With the first address the vault is made.
    assert_eq!(checkout(&served, &many, FIRST).status, 200);
    let writer = VaultWriter::begin(&served.bed);
    std::thread::scope(|scope| {
        let (told, answers) = mpsc::channel();
        for buyer in 0..=MANY {
            let (served, many, told) = (&served, &many, told.clone());
            scope.spawn(move || {
                let _ = told.send(checkout(served, many, buyer));
            });
        }
        // One is being carried out, and waits for the vault.
        let told = |_| place(&answers.recv_timeout(Duration::from_secs(60)).unwrap());
        let mut places: Vec<usize> = (0..MANY).map(told).collect();
        places.sort_unstable();
        assert_eq!(places, (1..=MANY).collect::<Vec<_>>());
        let late = checkout(&served, &other, LATE);
        assert_eq!((place(&late), late.header("retry-after")), (1, Some("1")), "{late:?}");
        late.problem(409, "in-line");
        // The same buyer by another key has no second place.
        let twice = checkout(&served, &many, LATE).problem(409, "in-line");
        assert!(twice["detail"].as_str().unwrap().contains("another order of this buyer"));
        // A visitor of the shop sees the place, and the page looks again by itself.
        let got = order(&mut anna, &fields).is(303);
        page = got.header("location").unwrap().to_owned();
        assert!(page.ends_with("?line=1"), "{page}");
        let waits = anna.get(&page).is(200);
        assert_eq!(waits.header("refresh"), Some("2"));
        assert!(waits.body.contains("Your order is number 2 in the line"), "{waits:?}");
        anna.language = "zh";
        assert!(anna.get(&page).body.contains("您的订单排在第 2 位"));
        anna.language = "en";
        assert!(anna.get("/shop/cart").is(200).body.contains("Oolong"), "it is as it was");
        writer.end();
    });
    eventually("the order of the shop is placed", || {
        let got = anna.get(&page);
        got.status == 303 && got.header("location") == page.strip_suffix("?line=1")
    });
    assert!(!anna.get("/shop/cart").is(200).body.contains("Oolong"), "it was ordered");
    for (key, buyers) in [(&other, LATE..=LATE), (&many, 0..=MANY)] {
        for buyer in buyers {
            eventually("the order is placed", || checkout(&served, key, buyer).status == 200);
        }
    }
    let listed = served.get("/v1/market-orders?limit=100").is(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), MANY + 4, "each once");
    served.engine.stop();
    served.bed.verified("door/books");
}
