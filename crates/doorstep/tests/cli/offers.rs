//! Offers as files, a seller's own rows, and the figures of the market.

use serde_json::{Value, json};

use super::independent::python;
use super::market::{admit, carried_out, cart, checkout, open_to, shop};
use super::support::{Bed, Ran, eventually};
use super::web::{ANN_WITH_BO, Got, Served, in_hours, issue, secret, served};
use super::web_sessions::{Browser, Signer};

const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/market_figures.py");

const OWN: &str = "\
offer,title,description,captions,category,state,currency,sku,price,weight_g,stock
lamp,Lamp,\"A lamp,\nwith two lines\",Front,cat_2,listed,CNY,red,89.00,1200,7
lamp,,,,,,,blue,92.50,1200,
chair,'=Chair,,,2,draft,CNY,one,150,4000,2
";

/// Everything that is wrong with a file is told at once.
const BAD: &str = "\
offer,title,category,state,currency,sku,price,stock
lamp,Lamp,2,listed,CNY,red,89.001,7
lamp,Light,2,listed,CNY,red,0,-1
,No reference,2,draft,CNY,a,1.00,1
chair,Chair,two,on sale,CNX,one,12.00,1
table,Table,2,draft,CNY
";

const SHOPIFY: &str = "\
Handle,Title,Body (HTML),Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Grams,\
Variant Inventory Qty,Variant Price,Image Src,Image Alt Text,Status
cup,Tea cup,<p>White &amp; blue</p><p>0.2&nbsp;l</p>,Brand,Colour,White,CUP-W,180,4,19.90,a.jpg,\
White cup,active
cup,,,,,Blue,,180,6,21.00,,,
cup,,,,,,,,,,b.jpg,Both cups,
old,Old cup,,Brand,Title,Default Title,OLD,100,1,5.00,,,archived
";

const WOOCOMMERCE: &str = "\
ID,Type,SKU,Name,Published,Short description,Description,Stock,Weight (kg),Regular price,Parent
10,simple,bowl,Bowl,1,For rice,,3,0.35,12.00,
11,variable,plate,Plate,-1,,<b>Round</b>,,,,
12,variation,plate-s,Plate - small,1,,,2,0.2,9.00,plate
13,variation,plate-l,Plate - large,1,,,5,0.4,11.00,id:11
14,external,link,Elsewhere,1,,,,,3.00,
";

fn send(served: &Served, by: &str, query: &str, file: &str) -> Got {
    let headers = ["Content-Type: text/csv", by];
    served.send("POST", &format!("/v1/files/offers{query}"), &headers, file.as_bytes())
}

fn counts(report: &Value, names: &[&str]) -> Vec<u64> {
    names.iter().map(|name| report[*name].as_u64().unwrap_or_else(|| panic!("{report}"))).collect()
}

const CHANGES: [&str; 7] =
    ["drafted", "revised", "variants_added", "prices_set", "units_added", "listed", "unchanged"];

#[test]
fn a_sellers_files_of_offers_are_taken_whole_or_not_at_all_and_twice_changes_nothing() {
    let served = served();
    shop(&served);
    let until = in_hours(1);
    issue(&served.bed, &format!("Seller=tea-shop --key 31 --until {until} {ANN_WITH_BO}"));
    let own = format!("Authorization: Bearer {}", secret(&served.bed, 31));
    let listed = |view: &str| {
        let path = format!("/v1/{view}?limit=100");
        let got = served.send("GET", &path, &[&own], b"").is(200).json();
        got["items"].as_array().unwrap().clone()
    };
    let offers = || listed("offers").len();

    // Every fault has its line and column, and nothing is taken.
    let bad = send(&served, &own, "", BAD).is(202).json();
    assert_eq!(bad["imported"], false, "{bad}");
    let faults = bad["bad_lines"].as_array().unwrap();
    let place = |one: &Value| (one["line"].as_u64().unwrap(), one["column"].to_string());
    let mut places: Vec<_> = faults.iter().map(place).collect();
    places.sort();
    let expected = [
        (2, "\"price\""),
        (3, "\"price\""),
        (3, "\"sku\""),
        (3, "\"stock\""),
        (3, "\"title\""),
        (4, "\"offer\""),
        (5, "\"category\""),
        (5, "\"currency\""),
        (5, "\"state\""),
        (6, "null"),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(line, at)| (line, at.to_owned())).collect();
    assert_eq!(places, expected, "{bad}");
    let reason = |line: u64, column: &str| {
        let found = faults.iter().find(|one| one["line"] == line && one["column"] == column);
        found.unwrap()["reason"].as_str().unwrap().to_owned()
    };
    assert!(reason(2, "price").contains("`89.001` has 3 decimals"), "{bad}");
    assert!(reason(3, "title").contains("differs from line 2"), "{bad}");
    assert_eq!(offers(), 1);

    let first = send(&served, &own, "", OWN).is(200).json();
    assert_eq!(counts(&first, &CHANGES), [2, 0, 0, 0, 9, 1, 0], "{first}");
    eventually("the views have the offers", || offers() == 3);
    let adjusted = listed("stock-adjustments");
    let received = adjusted.iter().filter(|one| one["reason"] == "received");
    let units: Vec<i64> = received.map(|one| one["change"].as_i64().unwrap()).collect();
    assert_eq!(units.iter().sum::<i64>(), 10 + 7 + 2, "{adjusted:?}");
    let again = send(&served, &own, "", OWN).is(200).json();
    assert_eq!(counts(&again, &CHANGES), [0, 0, 0, 0, 0, 0, 2], "{again}");

    // Another price, another text, one variant more; the stock of what is there stays.
    let changed = OWN
        .replace("89.00", "85.00")
        .replace("Lamp,\"", "Desk lamp,\"")
        .replace("7\nlamp", "99\nlamp")
        + "lamp,,,,,,,green,95.00,1200,3\n";
    let changed = send(&served, &own, "", &changed).is(200).json();
    assert_eq!(counts(&changed, &CHANGES), [0, 1, 1, 1, 3, 0, 1], "{changed}");

    // Of another seller nothing is taken, nor of one's own beside it.
    let other = "seller,offer,title,category,currency,sku,price\n\
                 tea-shop,vase,Vase,2,CNY,a,1.00\npots,mug,Mug,2,CNY,a,1.00\n";
    let refused = send(&served, &own, "", other).is(202).json();
    assert_eq!((&refused["imported"], &refused["refused"][0]["line"]), (&json!(false), &json!(3)));
    let why = refused["refused"][0]["reason"].as_str().unwrap();
    assert!(why.contains("no seller `pots` among yours"), "{refused}");
    let chinese = served.send(
        "POST",
        "/v1/files/offers",
        &["Content-Type: text/csv", &own, "Accept-Language: zh"],
        other.as_bytes(),
    );
    assert!(chinese.is(202).body.contains("您的卖家中没有 `pots`"));
    // Another seller's offer is none.
    let all = served.get("/v1/offers?limit=100").is(200).json();
    let of_pots = all["items"].as_array().unwrap().iter().find(|one| one["reference"] == "pot");
    let of_pots = of_pots.unwrap()["offer"].as_str().unwrap().to_owned();
    for path in [format!("/v1/offers/{of_pots}"), format!("/v1/offers/{of_pots}?at=1")] {
        served.send("GET", &path, &[&own], b"").problem(404, "no-such-record");
    }

    // What is written is taken back, and changes nothing: also the offer whose text nobody keeps.
    let file = served.send("GET", "/v1/offers-file", &[&own], b"").is(200);
    assert!(file.body.contains("tea-shop,lamp,listed,2,CNY,Desk lamp"), "{}", file.body);
    assert!(file.body.contains(",''=Chair,") || file.body.contains(",'=Chair,"), "{}", file.body);
    assert!(!file.body.contains("pots"), "{}", file.body);
    let back = send(&served, &own, "", &file.body).is(200).json();
    assert_eq!(counts(&back, &CHANGES), [0, 0, 0, 0, 0, 0, 3], "{back}");

    // The page of the form says the same, and the page of the offer shows what belongs to it.
    let [ann, _] = Signer::both(&served);
    let ann = Browser::begun(ann.sets_password(&served, &[]));
    let page = |path: &str| {
        served.send("GET", path, &[&ann.cookie, "Accept: text/html"], b"").is(200).body
    };
    let lamp = all["items"].as_array().unwrap().iter().find(|one| one["reference"] == "lamp");
    let lamp = lamp.unwrap()["offer"].as_str().unwrap().to_owned();
    eventually("the page of the offer has its prices", || {
        let shown = page(&format!("/offers/{lamp}"));
        ["Variants and stock", "Stock adjustments", "Prices", "85.00", "89.00"]
            .iter()
            .all(|text| shown.contains(text))
    });
    let form = page("/offers/import");
    assert!(form.contains("woocommerce-products") && form.contains("name=\"category\""), "{form}");
    served.engine.stop();

    let bed = served.bed;
    bed.write("products_export.csv", SHOPIFY);
    bed.write("wc-product-export.csv", WOOCOMMERCE);
    let given = "--seller tea-shop --currency CNY --category 3 --data door/books";
    let shopify = format!("offers import products_export.csv --profile shopify-products {given}");
    bed.run(&format!("{shopify} --check")).succeeds().prints("Checked only: nothing was written.");
    bed.run(&shopify).succeeds().prints("drafted 1").prints("units added 10, listed 1");
    bed.run(&shopify).succeeds().prints("Nothing changed: 1 offer is so already.");
    let zh = bed.run(&format!("{shopify} --lang zh")).succeeds();
    zh.prints("没有变化：1 件商品已是如此。");
    let woo = format!("offers import wc-product-export.csv --profile woocommerce-products {given}");
    let woo = bed.run(&woo).succeeds();
    woo.prints("left out, not a simple or variable product: 1").prints("drafted 2");
    bed.run("offers export --data door/books --out offers.csv").succeeds();
    let written = bed.read("offers.csv");
    for line in [
        "tea-shop,cup,listed,3,CNY,Tea cup,\"White & blue\n0.2 l\",\"White cup\nBoth cups\",CUP-W,\
         19.90,180,4",
        "tea-shop,cup,listed,3,CNY,,,,Blue,21.00,180,6",
        "tea-shop,bowl,listed,3,CNY,Bowl,For rice,,bowl,12.00,350,3",
        "tea-shop,plate,draft,3,CNY,Plate,Round,,plate-s,9.00,200,2",
        "tea-shop,plate,draft,3,CNY,,,,plate-l,11.00,400,5",
    ] {
        assert!(written.contains(line), "{line}\n{written}");
    }
    let back = bed.run("offers import offers.csv --data door/books --json").succeeds().json();
    assert_eq!(counts(&back, &CHANGES), [0, 0, 0, 0, 0, 0, 7], "{back}");
    bed.write("bad.csv", BAD);
    let bad = bed.run(&format!("offers import bad.csv {given}"));
    bad.fails("nothing was taken: bad lines 10, refused offers 0")
        .prints("line 2, column price: `89.001` has 3 decimals");
    bed.verified("door/books");
}

/// Sales of businesses and of a consumer: an order that is cancelled, a parcel that is refused and
/// back, a part that is refused at the door, and what stands.
fn sales(served: &Served) {
    shop(served);
    open_to(served, "Individual", 10, 0);
    admit(served, "wang", "Individual", 800);
    let draft = json!({
        "seller": "wang", "currency": "CNY", "category": "cat_2", "reference": "scarf",
        "content": "cd".repeat(32),
        "variants": [{ "sku": "one", "price": 4_550, "weight_g": 100 }],
    });
    carried_out(served.give("draft-offer", "d-wang", &draft));
    let stock = json!({ "variant": "wang/scarf/one", "quantity": 3, "reason": "Received" });
    carried_out(served.give("adjust-stock", "k-wang", &stock));
    let listed = json!({ "offer": "wang/scarf", "state": "Listed" });
    carried_out(served.give("set-offer-state", "l-wang", &listed));

    carried_out(checkout(served, "o-1", &cart(2, 1, &["TEA10"]), 27_999));
    let second = carried_out(checkout(served, "o-2", &cart(3, 1, &[]), 40_999));
    let order = &second["order"]["order"];
    carried_out(served.give("cancel-order", "x-1", &json!({ "order": order })));
    let third = carried_out(checkout(served, "o-3", &cart(3, 0, &[]), 31_000));
    let scarves = json!({
        "currency": "CNY", "coupons": [],
        "lines": [{ "variant": "wang/scarf/one", "quantity": 2 }],
    });
    let fourth = carried_out(checkout(served, "o-4", &scarves, 9_900));
    let all = json!({
        "currency": "CNY", "coupons": [],
        "lines": [{ "variant": "pots/pot/one", "quantity": 4 }],
    });
    carried_out(checkout(served, "o-5", &all, 34_996));
    let firm = served.get("/v1/firms?limit=1").is(200).json()["items"][0]["firm"].clone();
    let courier = served.get("/v1/couriers?limit=1").is(200).json()["items"][0]["courier"].clone();
    for (number, order) in [("1", &third), ("2", &fourth)] {
        let parcel = order["order"]["parcels"][0]["parcel"].clone();
        let assigned = json!({ "firm": firm, "parcels": [parcel] });
        carried_out(served.give("assign-parcels", &format!("as-{number}"), &assigned));
        let out = json!({ "courier": courier, "parcels": [parcel] });
        carried_out(served.give("dispatch-parcels", &format!("di-{number}"), &out));
        if number == "1" {
            let accept = json!({ "parcel": parcel, "units": [0, 1] });
            carried_out(served.give("accept-units", "ac-1", &accept));
        } else {
            let refused = json!({ "parcel": parcel, "reason": "NotWanted" });
            carried_out(served.give("refuse-parcel", "re-1", &refused));
            carried_out(served.give("return-parcel", "rt-1", &json!({ "parcel": parcel })));
        }
    }
}

/// Computes the figures of the market again from the views as they are.
fn recomputed(bed: &Bed, words: &str) {
    bed.export_views(
        "door/books",
        "market_orders market_parcels order_units variants offers orders parcels",
    );
    let mut program = bed.command(python().to_str().unwrap());
    program.args(["-B", ORACLE, "report.json", "exported"]);
    Ran::of_long(&mut program).succeeds().prints(words);
}

#[test]
fn the_figures_of_the_market_are_computed_again_by_duckdb_and_each_leads_to_its_rows() {
    let served = served();
    sales(&served);
    served.settled();
    let last = served.get("/v1/commands?limit=1").is(200).json()["items"][0].clone();
    let day = last["date"].as_str().unwrap().to_owned();
    let [ann, bo] = Signer::both(&served);
    let ann = Browser::begun(ann.sets_password(&served, &[]));
    let page = |path: &str, language: &str| {
        let accept = format!("Accept-Language: {language}");
        served.send("GET", path, &[&ann.cookie, "Accept: text/html", &accept], b"").is(200).body
    };
    // 2 × 120.00 + 99.99, 3 × 120.00 + 99.99, 3 × 120.00, 2 × 45.50 and 4 × 99.99.
    let market = page("/market", "en");
    for text in ["1,650.94", "Consumers", "consumers (C2C)", "91.00", "Sales by city are not"] {
        assert!(market.to_lowercase().contains(&text.to_lowercase()), "{text}: {market}");
    }
    assert!(page("/market", "zh").contains("个人卖家（C2C）"));
    let figure = market.split("href=\"/pulse/figures/market_gross?").nth(1).unwrap();
    let query = figure.split('"').next().unwrap().replace("&#38;", "&");
    let figure = page(&format!("/pulse/figures/market_gross?{query}"), "en");
    assert!(figure.contains("1,650.94") && figure.contains("/order-units/"), "{figure}");
    let sum = served.get(&format!("/v1/pulse/figures/market_gross?since={day}&day={day}"));
    let sum = sum.is(200).json();
    let values = sum["values"].as_array().unwrap().iter().map(|one| one["value"].as_i64().unwrap());
    assert_eq!(values.sum::<i64>(), 165_094, "{sum}");

    // What waits to be packed: not what is cancelled, and not what a courier has.
    let packing = page("/packing", "en");
    assert!(packing.contains("3 parcels of orders"), "{packing}");
    assert!(packing.contains("pot · one") && !packing.contains("scarf · one"), "{packing}");
    assert!(!packing.contains("王小明"), "{packing}");
    let parcels: Vec<&str> = packing.split("name=\"parcel\" value=\"").skip(1).collect();
    let parcel = parcels[0].split('"').next().unwrap();
    let csrf = packing.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let headers = [&*ann.cookie, "Content-Type: application/x-www-form-urlencoded"];
    let body = format!("csrf={csrf}&parcel={parcel}");
    let shown = served.send("POST", "/packing", &headers, body.as_bytes()).is(200).body;
    assert!(shown.contains("王小明") && shown.contains("The books recorded"), "{shown}");

    // The same preview as on the command line.
    let tenth = r#"[{"promotion":"50","version":1,"currency":"CNY","rule":{"Percentage":100000},
        "from":0,"until":1,"platform_share":1000000,"order":50,"broken_threshold":"Keep",
        "undone_use":"Release"}]"#;
    let encoded: String = tenth.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let body = format!("csrf={csrf}&from=2013-01-01&until=2099-01-01&file={encoded}");
    let shown = served.send("POST", "/promotions/preview", &headers, body.as_bytes()).is(200).body;
    assert!(shown.contains("pro_50") && shown.contains("144.10"), "{shown}");
    let shown = page("/promotions/preview?promotion=pro_1&from=2013-01-01&until=2099-01-01", "zh");
    assert!(shown.contains("pro_1"), "{shown}");

    let until = in_hours(1);
    issue(&served.bed, &format!("Seller=tea-shop --key 31 --until {until} {ANN_WITH_BO}"));
    let own = format!("Authorization: Bearer {}", secret(&served.bed, 31));
    for path in ["/market", "/promotions/preview"] {
        let got = served.send("GET", path, &[&own, "Accept: text/html"], b"");
        assert_eq!(got.status, 403, "{path}: {got:?}");
    }
    let own_list = served.send("GET", "/packing", &[&own, "Accept: text/html"], b"").is(200).body;
    assert!(own_list.contains("tea · one") && !own_list.contains("pot · one"), "{own_list}");
    drop(bo);
    served.engine.stop();
    let bed = served.bed;
    let run = bed.run("pulse run --data door/books --json").succeeds();
    bed.write("report.json", run.stdout());
    recomputed(&bed, "20 figures recomputed");
    bed.run("pulse explain market_refused --data door/books").succeeds();
    bed.verified("door/books");
}
