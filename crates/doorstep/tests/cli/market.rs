//! The market over HTTP and at the office: offers, stock, promotions, quotes and checkouts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::independent::python;
use super::payout_accounts::assert_in_no_file;
use super::support::{Bed, Ran};
use super::web::{ANN_WITH_BO, Got, Served, in_hours, issue, secret, served, start};

const RECOMPUTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/market_recomputed.py");
const PHONE: &str = "+86 138 0013 8000";
const ADDRESS: &str = "上海市浦东新区世纪大道";
/// From 2013 on, long after the trial's books.
pub const FROM: &str = "2013-08-28T00:00:00+08:00";
const UNTIL: &str = "2099-01-01T00:00:00+08:00";

pub fn carried_out(got: Got) -> Value {
    let body = got.is(200).json();
    assert_eq!(body["outcome"], "carried_out", "{body}");
    body
}

/// A promotion that saves 50.00 from 300.00 on, of which the platform pays 30 %.
fn threshold() -> Value {
    json!({
        "promotion": "pro_1", "currency": "CNY",
        "rule": { "Threshold": [{ "spend": 30_000, "save": 5_000 }] },
        "from": FROM, "until": UNTIL, "platform_share": 300_000, "order": 10,
        "budget": 1_000_000, "broken_threshold": "ClawBack", "undone_use": "Release",
    })
}

/// Opens the market to sellers of a kind.
pub fn open_to(served: &Served, kind: &str, offers_max: u32, refusals_max: u32) {
    let profile = json!({
        "kind": kind, "currency": "CNY", "from": FROM, "identity_proof": false, "hold_days": 7,
        "parcel_amount_max": 100_000, "offers_max": offers_max, "promotions": true,
        "return_days": 7, "refusals_max": refusals_max, "refusal_days": 90,
    });
    carried_out(served.give("publish-market-profile", &format!("p-{kind}"), &profile));
}

/// A seller of the books, and of the market.
pub fn admit(served: &Served, seller: &str, kind: &str, delivery_fee: u64) {
    let tariffs = served.get("/v1/tariffs?limit=1").is(200).json();
    let register = json!({
        "reference": seller, "kind": kind, "currency": "CNY", "jurisdiction": "CN",
        "tariff": tariffs["items"][0]["tariff"], "class": 0, "cycle": "Daily", "minimum": 0,
    });
    carried_out(served.give("register-seller", &format!("s-{seller}"), &register));
    let admit = json!({
        "seller": seller, "currency": "CNY", "kind": kind, "from": FROM,
        "identity_proved": false, "delivery_fee": delivery_fee,
    });
    carried_out(served.give("admit-seller", &format!("a-{seller}"), &admit));
}

/// Two sellers with an offer each: tea at 120.00 with 10 units, a pot at 99.99 with 5; a threshold
/// of two persons, and a coupon over 10.00 of the first seller.
pub fn shop(served: &Served) {
    open_to(served, "Business", 10, 3);
    for (seller, sku, price, units) in [("tea-shop", "tea", 12_000, 10), ("pots", "pot", 9_999, 5)]
    {
        admit(served, seller, "Business", 0);
        let draft = json!({
            "seller": seller, "currency": "CNY", "category": "cat_1", "reference": sku,
            "content": "ab".repeat(32),
            "variants": [{ "sku": "one", "price": price, "weight_g": 500 }],
        });
        let drafted = carried_out(served.give("draft-offer", &format!("d-{seller}"), &draft));
        let offer = drafted["events"][0]["offer"].clone();
        assert!(offer.as_str().unwrap().starts_with("off_"), "{drafted}");
        let variant = format!("{seller}/{sku}/one");
        let stock = json!({ "variant": variant, "quantity": units, "reason": "Received" });
        carried_out(served.give("adjust-stock", &format!("k-{seller}"), &stock));
        let listed = json!({ "offer": format!("{seller}/{sku}"), "state": "Listed" });
        carried_out(served.give("set-offer-state", &format!("l-{seller}"), &listed));
    }
    // Money of the platform: a second person must approve it.
    let proposed = served.give("publish-promotion", "p-1", &threshold()).is(202).json();
    assert_eq!(proposed["outcome"], "proposed", "{proposed}");
    let number = &proposed["proposal"]["number"];
    served.bed.run(&format!("approve {number} --person bo --data door/books")).succeeds();
    // One seller pays this one alone: one person publishes it.
    let coupon = json!({
        "promotion": "pro_2", "currency": "CNY", "rule": { "AmountOff": 1_000 },
        "from": FROM, "until": UNTIL, "platform_share": 0, "order": 20, "by_coupon": true,
        "scope": { "sellers": ["tea-shop"] }, "per_buyer_max": 1,
        "broken_threshold": "Keep", "undone_use": "Keep",
    });
    carried_out(served.give("publish-promotion", "p-2", &coupon));
    let issue = json!({
        "promotion": "pro_2", "coupons": [{ "coupon": "tea10", "single_use": false }],
    });
    carried_out(served.give("issue-coupons", "c-1", &issue));
}

pub fn cart(tea: u32, pots: u32, coupons: &[&str]) -> Value {
    let line = |variant: &str, quantity: u32| json!({ "variant": variant, "quantity": quantity });
    let lines = [line("tea-shop/tea/one", tea), line("pots/pot/one", pots)];
    let lines: Vec<_> = lines.into_iter().filter(|line| line["quantity"] != 0).collect();
    json!({ "currency": "CNY", "lines": lines, "coupons": coupons })
}

fn quote(served: &Served, cart: &Value, language: &str) -> Value {
    let mut cart = cart.clone();
    cart["buyer"] = PHONE.into();
    let headers = ["Content-Type: application/json", language];
    let got = served.send("POST", "/v1/quotes", &headers, cart.to_string().as_bytes());
    got.is(200).json()
}

pub fn checkout(served: &Served, key: &str, cart: &Value, total: u64) -> Got {
    let mut order = cart.clone();
    order["total"] = total.into();
    order["deliver_to"] = json!({ "name": "王小明", "phone": PHONE, "address": ADDRESS });
    served.give("checkout", key, &order)
}

#[test]
fn a_cart_is_quoted_ordered_once_and_found_in_the_views() {
    let served = served();
    shop(&served);
    // 2 × 120.00 + 99.99 = 339.99; 50.00 off from 300.00 on; the coupon takes 10.00 off the tea.
    let both = cart(2, 1, &["TEA10"]);
    let quoted = quote(&served, &both, "Accept-Language: en");
    assert_eq!(quoted["total"], 27_999, "{quoted}");
    assert_eq!(quoted["payable_at_the_door"], true, "{quoted}");
    let due: u64 =
        quoted["parcels"].as_array().unwrap().iter().map(|one| one["due"].as_u64().unwrap()).sum();
    assert_eq!(due, 27_999);
    assert_eq!(quoted["applied"].as_array().unwrap().len(), 2, "{quoted}");
    // One tea is not enough for the threshold, and the answer says what is missing.
    let one = quote(&served, &cart(1, 0, &[]), "Accept-Language: zh");
    assert_eq!((&one["total"], &one["skipped"][0]["promotion"]), (&json!(12_000), &json!("pro_1")));
    assert_eq!(one["skipped"][0]["why"], "还差 180.00 CNY", "{one}");
    // What cannot be ordered is said before, with the reason.
    let many = quote(&served, &cart(11, 0, &[]), "Accept-Language: en");
    assert_eq!(many["payable_at_the_door"], false, "{many}");
    let reasons: Vec<&str> = many["obstacles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["type"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["/problems/parcel-above-cap", "/problems/not-enough-stock"], "{many}");
    assert!(many["obstacles"][0]["detail"].as_str().unwrap().contains("1000.00 CNY"), "{many}");

    // Another total than was shown: the buyer is asked again, and nothing is taken.
    let changed = checkout(&served, "o-1", &both, 27_998).problem(409, "price-changed");
    assert!(changed["detail"].as_str().unwrap().contains("279.99 CNY"), "{changed}");
    let ordered = checkout(&served, "o-2", &both, 27_999).is(200).json();
    assert_eq!(ordered["outcome"], "carried_out", "{ordered}");
    for _ in 0..50 {
        let again = checkout(&served, "o-2", &both, 27_999).is(200);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.json(), ordered, "the same answer each time");
    }
    checkout(&served, "o-2", &both, 27_998).problem(422, "idempotency-key-reused");
    let mut moved = both.clone();
    moved["deliver_to"] = json!({ "name": "王小明", "phone": PHONE, "address": "北京" });
    moved["total"] = 27_999.into();
    served.give("checkout", "o-2", &moved).problem(422, "idempotency-key-reused");
    // The buyer has used the coupon, so the promotion is skipped and the total is another one.
    checkout(&served, "o-3", &both, 27_999).problem(409, "price-changed");

    let tracking = ordered["order"]["tracking"].as_array().unwrap();
    assert_eq!(tracking.len(), 2, "{ordered}");
    let link = tracking[0]["link"].as_str().unwrap();
    let nobody = ["Authorization: Bearer ds_test_no"];
    let seen = served.send("GET", link, &nobody, b"").is(200).json();
    assert_eq!((&seen["state"], &seen["units"][0]["sku"]), (&json!("announced"), &json!("one")));
    let forged = format!("{}{}", &link[..link.len() - 1], if link.ends_with('0') { 1 } else { 0 });
    served.send("GET", &forged, &nobody, b"").problem(404, "no-such-record");

    // After a kill the same request is answered as before.
    let Served { bed, engine, key, .. } = served;
    drop(engine);
    let (engine, terminals, address) = start(&bed);
    let served = Served { bed, engine, address, terminals, key };
    served.wait_for_views();
    let after = checkout(&served, "o-2", &both, 27_999).is(200);
    assert_eq!(after.header("idempotent-replayed"), Some("true"));
    assert_eq!(after.json(), ordered);

    let variants = served.get("/v1/variants?order=sku&limit=10").is(200).json();
    let stock = |column: &str| -> Vec<u64> {
        let items = variants["items"].as_array().unwrap();
        items.iter().map(|one| one[column].as_u64().unwrap()).collect()
    };
    let mut left = stock("units_left");
    left.sort_unstable();
    assert_eq!(left, [4, 8], "{variants}");
    let orders = served.get("/v1/market-orders").is(200).json();
    let order = &orders["items"][0];
    assert_eq!(orders["items"].as_array().unwrap().len(), 1, "{orders}");
    assert_eq!((&order["ordered"], &order["goods"]), (&json!(27_999), &json!(33_999)), "{order}");
    assert_eq!((&order["discounts"], &order["by_platform"]), (&json!(6_000), &json!(1_500)));
    // The seller's refusal at the door, a return and a cancelled order change what is kept.
    let second = checkout(&served, "o-4", &cart(3, 1, &[]), 40_999).is(200).json();
    let order = second["order"]["order"].clone();
    carried_out(served.give("cancel-order", "x-1", &json!({ "order": order })));
    let third = checkout(&served, "o-5", &cart(3, 0, &[]), 31_000).is(200).json();
    let parcel = third["order"]["parcels"][0]["parcel"].clone();
    let firm = served.get("/v1/firms?limit=1").is(200).json()["items"][0]["firm"].clone();
    let courier = served.get("/v1/couriers?limit=1").is(200).json()["items"][0]["courier"].clone();
    let assigned = json!({ "firm": firm, "parcels": [parcel] });
    carried_out(served.give("assign-parcels", "as-1", &assigned));
    let out = json!({ "courier": courier, "parcels": [parcel] });
    carried_out(served.give("dispatch-parcels", "di-1", &out));
    // Two of three teas are kept: the threshold is broken, and its saving is clawed back.
    let accept = json!({ "parcel": parcel, "units": [0, 1] });
    carried_out(served.give("accept-units", "ac-1", &accept));
    let list = served.get("/v1/market-parcels?state=under+way&order=-parcel").is(200).json();
    let own = list["items"].as_array().unwrap().iter().find(|one| one["parcel"] == parcel).unwrap();
    assert_eq!((&own["kept"], &own["due"]), (&json!(24_000), &json!(24_000)), "{own}");
    let promotions = served.get("/v1/promotions/pro_1").is(200).json();
    assert_eq!(promotions["spent"], 5_000, "only the first order still has it: {promotions}");

    served.engine.stop();
    let bed = served.bed;
    assert_in_no_file(&bed.path("door/books"), &[PHONE, "13800138000", ADDRESS, "王小明", "TEA10"]);
    bed.verified("door/books");
    // Another 10 % of the platform in the same days, lived again: 27.9999 → 28.00, 41.00 and 31.00;
    // the second order was cancelled.
    let tenth = json!([{
        "promotion": "50", "version": 1, "currency": "CNY", "rule": { "Percentage": 100_000 },
        "from": 0, "until": 1, "platform_share": 1_000_000, "order": 50,
        "broken_threshold": "Keep", "undone_use": "Release",
    }]);
    bed.write("tenth.json", tenth.to_string());
    let days = "--from 2013-01-01 --to 2099-01-01";
    let line = format!("promotion preview tenth.json --data door/books {days}");
    let found = bed.run(&format!("{line} --json")).succeeds().json();
    let orders = &found["orders"][0];
    assert_eq!((&orders["asked"], &orders["would_ask"]), (&json!(99_998), &json!(89_998)));
    let one = &found["promotions"][0];
    assert_eq!((&one["orders"], &one["by_platform"]), (&json!(3), &json!(10_000)), "{found}");
    assert_eq!((&one["by_sellers"], &one["uses"]), (&json!(0), &json!(2)), "{found}");
    bed.run(&line)
        .succeeds()
        .prints("promotion 50: 3 orders, cost 100.00 CNY: the platform 100.00");
    bed.run(&format!("{line} --lang zh")).succeeds().prints("促销 50：3 个订单，成本 100.00 CNY");
    bed.run("promotion preview tenth.json --data door/books --from 1999-01-01 --to 1999-01-02")
        .fails("the books have no command on a day of the period");
    recomputed(&bed, &[("orders", 3), ("units", 3 + 4 + 3), ("partly_kept", 1)]);
}

/// Another program adds the views up again.
fn recomputed(bed: &Bed, expected: &[(&str, u64)]) {
    bed.export_views(
        "door/books",
        "market_orders market_parcels order_units order_discounts variants promotions",
    );
    let mut program = bed.command(python().to_str().unwrap());
    program.arg(RECOMPUTED).arg(bed.path("exported")).args(["30000", "5000"]);
    let found = Ran::of_long(&mut program).succeeds().json();
    assert_eq!(found["faults"], json!([]), "{found}");
    for (name, count) in expected {
        assert_eq!(found[*name], *count, "{found}");
    }
}

#[test]
fn a_seller_acts_on_the_own_offers_only() {
    let served = served();
    shop(&served);
    let until = in_hours(1);
    issue(&served.bed, &format!("Seller=tea-shop --key 31 --until {until} {ANN_WITH_BO}"));
    let own = format!("Authorization: Bearer {}", secret(&served.bed, 31));
    let give = |command: &str, key: &str, fields: Value| {
        let key = format!("Idempotency-Key: {key}");
        let headers = ["Content-Type: application/json", &key, &own];
        let path = format!("/v1/commands/{command}");
        served.send("POST", &path, &headers, fields.to_string().as_bytes())
    };
    let price = |variant: &str| json!({ "variant": variant, "price": "110.00CNY" });
    carried_out(give("set-price", "1", price("tea-shop/tea/one")));
    give("set-price", "2", price("pots/pot/one")).problem(403, "not-permitted");
    let other = json!({ "variant": "tea-shop/tea/one", "price": "110.00BRL" });
    give("set-price", "3", other).problem(409, "does-not-fit");
    give("checkout", "4", json!({})).problem(422, "missing-field");
    let off = |seller: &str, share: u32| {
        json!({
            "promotion": "pro_9", "currency": "CNY", "rule": { "Percentage": 100_000 },
            "from": FROM, "until": UNTIL, "platform_share": share, "order": 5,
            "scope": { "sellers": [seller] }, "broken_threshold": "Keep", "undone_use": "Release",
        })
    };
    give("publish-promotion", "5", off("pots", 0)).problem(403, "not-permitted");
    let refused = give("publish-promotion", "6", off("tea-shop", 1));
    assert!([403, 422].contains(&refused.status), "no money of the platform: {refused:?}");
    carried_out(give("publish-promotion", "7", off("tea-shop", 0)));
    give("end-promotion", "8", json!({ "promotion": "pro_1" })).problem(403, "not-permitted");
    // Only own rows are listed.
    let listed = |path: &str| {
        let got = served.send("GET", path, &[&own], b"").is(200).json();
        got["items"].as_array().unwrap().clone()
    };
    assert_eq!(listed("/v1/offers").len(), 1);
    assert_eq!(listed("/v1/variants").len(), 1);
    assert_eq!(listed("/v1/promotions").len(), 2, "the coupon and the own one");
    served.send("GET", "/v1/market-orders", &[&own], b"").problem(403, "not-permitted");
    served.engine.stop();
    served.bed.verified("door/books");
}

#[test]
fn market_commands_are_given_at_the_office_in_both_languages() {
    let bed = Bed::new();
    super::ground::make(&bed);
    let run = |line: &str| bed.run(&format!("do {line} --data door/books"));
    run("PublishMarketProfile --kind Business --currency CNY --from 2013-08-28T00:00:00+08:00 \
         --identity-proof false --hold-days 7 --parcel-amount-max 1000.00CNY --offers-max 10 \
         --promotions true --return-days 7 --refusals-max 3 --refusal-days 90")
    .succeeds()
    .prints("carried out");
    let sellers = bed.run("get sellers --data door/books --format json").succeeds();
    let first: Value = serde_json::from_str(sellers.stdout().lines().next().unwrap()).unwrap();
    let seller = first["reference"].as_str().unwrap();
    run(&format!(
        "AdmitSeller --seller {seller} --currency CNY --kind Business \
         --from 2013-08-28T00:00:00+08:00 --identity-proved true --delivery-fee 8.00CNY"
    ))
    .succeeds();
    let content = "cd".repeat(32);
    let variants = r#"[{"sku":"a","price":"12.50CNY","weight_g":100}]"#;
    let draft = format!(
        "DraftOffer --seller {seller} --currency CNY --category 1 --reference tea --content \
         {content} --variants {variants}"
    );
    run(&draft).succeeds();
    run(&draft).succeeds().prints("was carried out before");
    let stock = format!("AdjustStock --variant {seller}/tea/a --quantity 3 --reason Received");
    run(&stock).succeeds();
    // The same again is meant only with the next number.
    run(&stock).fails("--number 2");
    run(&format!("{stock} --number 2")).succeeds();
    run(&format!("SetPrice --variant {seller}/tea/a --price 12.00BRL")).fails("CNY");
    run("SetPrice --variant 5 --price 12.00CNY")
        .fails("there is no variant 5: check the identifier");
    run("SetPrice --variant 5 --price 12.00CNY --lang zh").fails("没有规格 5；请核对编号");
    run("SetPrice --variant tea --price 12.00CNY").fails("SELLER/REFERENCE/SKU");
    let log = bed.run("log --data door/books").succeeds();
    log.prints("offer tea of seller").prints("3 units received, adjustment 2");
    let log = bed.run("log --data door/books --lang zh").succeeds();
    assert!(log.words().contains("入库 3 件，第 2 次调整"), "{log}");
    bed.run("do PublishPromotion --help").succeeds().prints("--platform-share <Rate>");
    bed.run("do Checkout --help --lang zh").succeeds().prints("买家所见的合计");
    bed.verified("door/books");
}

/// Buyers at once, flash units, and units that one buyer gets.
const BUYERS: u64 = 48;
const FLASH_UNITS: u64 = 20;

/// Sends a checkout; the status and the type of its answer, or nothing if the server is gone.
fn sent(address: &str, key: &str, number: u64) -> Option<(u16, String)> {
    let order = json!({
        "currency": "CNY", "lines": [{ "variant": "tea-shop/tea/one", "quantity": 1 }],
        "coupons": [], "total": 9_900,
        "deliver_to": {
            "name": "王小明", "phone": format!("138{number:08}"), "address": ADDRESS,
        },
    });
    let body = order.to_string();
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let request = format!(
        "POST /v1/commands/checkout HTTP/1.1\r\nConnection: close\r\nHost: {address}\r\n\
         Authorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Idempotency-Key: flash-{number}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1)?).ok()?;
    let what = body["type"].as_str().or(body["outcome"].as_str())?;
    Some((status, what.to_owned()))
}

#[test]
fn a_flash_sale_over_http_sells_exactly_its_units_also_through_a_kill() {
    let served = served();
    shop(&served);
    let more = json!({ "variant": "tea-shop/tea/one", "quantity": 90, "reason": "Received" });
    carried_out(served.give("adjust-stock", "more", &more));
    let flash = json!({
        "promotion": "pro_7", "currency": "CNY",
        "rule": { "Flash": [{ "variant": "tea-shop/tea/one", "price": 9_900 }] },
        "from": FROM, "until": UNTIL, "platform_share": 0, "order": 1,
        "scope": { "sellers": ["tea-shop"] }, "per_buyer_max": 1,
        "broken_threshold": "Keep", "undone_use": "Release",
    });
    carried_out(served.give("publish-promotion", "f", &flash));
    let units = json!({
        "promotion": "pro_7", "variant": "tea-shop/tea/one", "quantity": FLASH_UNITS,
    });
    carried_out(served.give("allot-flash-stock", "f-1", &units));

    // The engine is killed while the buyers come; each repeats the same request until it is
    // answered.
    let Served { bed, engine, key, address, .. } = served;
    let now = Arc::new(Mutex::new(address));
    let answers: Vec<(u16, String)> = std::thread::scope(|scope| {
        let buy = |number: u64| {
            let (now, key) = (now.clone(), key.clone());
            move || loop {
                let address = now.lock().unwrap().clone();
                match sent(&address, &key, number) {
                    Some((status, what)) if ![409, 429, 503].contains(&status) => {
                        break (status, what);
                    }
                    Some((409, what)) if what == "/problems/price-changed" => break (409, what),
                    _ => std::thread::sleep(Duration::from_millis(50)),
                }
            }
        };
        let all: Vec<_> = (0..BUYERS).map(|number| scope.spawn(buy(number))).collect();
        std::thread::sleep(Duration::from_millis(150));
        drop(engine);
        let (again, _, address) = start(&bed);
        *now.lock().unwrap() = address;
        let answers = all.into_iter().map(|one| one.join().unwrap()).collect();
        again.stop();
        answers
    });
    let sold = answers.iter().filter(|(status, _)| *status == 200).count();
    let too_late = answers.iter().filter(|(_, what)| what == "/problems/price-changed").count();
    assert_eq!((sold, too_late), (20, 28), "{answers:?}");
    bed.verified("door/books");
    let columns = "--columns flash_granted,flash_left,uses --format csv";
    let shown = bed.run(&format!("get promotions pro_7 --data door/books {columns}")).succeeds();
    assert_eq!(shown.stdout().lines().nth(1), Some("20,0,20"), "{}", shown.stdout());
    let units = bed
        .run("get order_units --data door/books --filter flash=true --format csv --columns asked")
        .succeeds();
    let prices: Vec<&str> = units.stdout().lines().skip(1).collect();
    assert_eq!(prices, ["9900"; 20], "each flash unit at its price, and no other one");
    recomputed(&bed, &[("orders", FLASH_UNITS), ("units", FLASH_UNITS)]);
}
