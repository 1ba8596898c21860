//! `day`: its sums, and their recomputation from orders and tariff.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::{Bed, Ran, minor, number, real, records, text};

/// The card fees of the class `general`, in parts per million, as the tariff writes them.
const GENERAL: &str = r#"card = { issuer = "0.55%", network = "0.08%", acquirer = "0.15%" }"#;
const RATES_PPM: [i64; 3] = [5_500, 800, 1_500];

/// The keys of `--json` that the help promises.
const KEYS: [&str; 24] = [
    "parcels",
    "announced",
    "collected",
    "refused",
    "returned",
    "refunded",
    "fees",
    "held",
    "payable",
    "paid",
    "custody",
    "unknown",
    "breaks",
    "open_items",
    "debits",
    "credits",
    "payouts",
    "digest",
    "seconds",
    "real",
    "simulated",
    "networks",
    "terminals",
    "door_messages",
];

fn total(object: &Value) -> i64 {
    object.as_object().unwrap().values().map(|value| value.as_i64().unwrap()).sum()
}

/// Checks the rules for every day.
#[track_caller]
fn assert_adds_up(bed: &Bed, data: &str, day: &Value) {
    let exported = bed.run(&format!("export --format csv --data {data}")).succeeds();
    let postings = records(exported.stdout());
    // What was posted by an entry, if the account on this side is of this kind.
    let posted = |entry: &str, side: &str, kind: &str| -> i64 {
        let of_entry = postings.iter().filter(|one| one["entry"] == entry);
        of_entry.filter(|one| one[side].starts_with(kind)).map(|one| minor(&one["amount"])).sum()
    };
    for key in KEYS {
        assert!(day.get(key).is_some(), "{key} is missing in {day:#}");
    }
    let collected = total(&day["collected"]);
    let left = number(day, "/announced") - collected - number(day, "/refused");
    let ended = number(day, "/counts/delivered") + number(day, "/counts/refused");
    assert!(left >= 0, "{day:#}");
    assert_eq!(left == 0, ended == number(day, "/parcels"), "{left} are left of {day:#}");
    let sellers = number(day, "/paid") + number(day, "/held") + number(day, "/payable");
    let kept = collected - number(day, "/refunded");
    // What firms pay for is off their commission, which is one of the fees.
    let compensated = posted("SellerCompensated", "debit", "expenses:write-offs");
    let shares = kept - total(&day["fees"]) + compensated;
    assert_eq!(shares, sellers, "the sellers' money in {day:#}");
    assert!(number(day, "/returned") <= number(day, "/refused"), "{day:#}");
    assert_eq!(day["debits"], day["credits"], "M1");
    assert_eq!(text(day, "/digest").len(), 64);
    assert!(day["seconds"].as_f64().unwrap() >= 0.0);
    assert_eq!(day["wrong"], Value::Array(Vec::new()));
    assert_networks_agree(day, posted("SuspendedSaleBooked", "credit", "liabilities:buyer"));
}

/// The networks' books agree with Doorstep's, and every terminal batch was compared. Networks also
/// approved what buyers get back, because it belongs to no parcel.
#[track_caller]
fn assert_networks_agree(day: &Value, to_buyers: i64) {
    let networks = day["networks"].as_array().unwrap();
    assert!(networks.len() > 1, "routing has something to choose in {day:#}");
    assert!(networks.iter().all(|network| network["equal"] == true), "{day:#}");
    assert!(networks.iter().all(|network| number(network, "/unknown") == 0), "{day:#}");
    let approved: i64 = networks.iter().map(|network| number(network, "/approved")).sum();
    assert_eq!(approved, number(day, "/collected/card") + to_buyers, "{day:#}");
    let batches =
        number(day, "/terminals/batches_agreed") + number(day, "/terminals/batches_disputed");
    assert_eq!(batches, number(day, "/counts/couriers"), "{day:#}");
}

/// For each seller of the sample, the amount due of each delivered order, in centavos.
fn dues_by_seller(sample: &Path) -> BTreeMap<String, BTreeMap<String, i64>> {
    let file = |name: &str| records(&fs::read_to_string(sample.join(name)).unwrap());
    let orders = file("olist_orders_dataset.csv");
    let delivered = orders.iter().filter(|order| order["order_status"] == "delivered");
    let delivered: BTreeSet<&str> = delivered.map(|order| order["order_id"].as_str()).collect();
    let mut dues: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for item in file("olist_order_items_dataset.csv") {
        if delivered.contains(item["order_id"].as_str()) {
            let due = dues.entry(item["seller_id"].clone()).or_default();
            let due = due.entry(item["order_id"].clone()).or_default();
            *due += centavos(&item["price"]) + centavos(&item["freight_value"]);
        }
    }
    dues
}

/// `35.9`, `541`.
fn centavos(amount: &str) -> i64 {
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, ""));
    minor(&format!("{whole}.{decimals:0<2}"))
}

fn half_up(amount: i64, rate_ppm: i64) -> i64 {
    (amount * rate_ppm + 500_000) / 1_000_000
}

#[test]
fn each_payout_of_the_real_day_is_recomputed_from_the_orders_and_the_tariff() {
    let Some(sample) = real("olist_sample_8k") else { return };
    let tariff = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tariffs/china-2013.toml");
    let tariff = fs::read_to_string(tariff).unwrap();
    let general = tariff.split_once("name = \"general\"\n").unwrap().1;
    assert!(general.starts_with(GENERAL), "the rates of this test are the tariff's");

    let bed = Bed::new();
    let run = || {
        let mut command = bed.doorstep("day --profile olist --seed 7 --tender card --data books");
        command
            .args("--date 2013-11-11 --refusals 0 --faults 0 --json --orders".split(' '))
            .arg(&sample);
        Ran::of(&mut command).succeeds().says_nothing().json()
    };
    let day = run();
    assert_adds_up(&bed, "books", &day);
    assert_eq!(text(&day, "/currency"), "BRL");
    assert_eq!(number(&day, "/parcels"), 7_854);
    assert_eq!(number(&day, "/announced"), 124_616_225);
    assert_eq!(number(&day, "/collected/card"), 124_616_225);
    for nothing in ["/collected/qr", "/collected/cash", "/refused", "/returned", "/held"] {
        assert_eq!(number(&day, nothing), 0, "{nothing}");
    }
    for nothing in ["/payable", "/unknown", "/breaks", "/fees/cod", "/fees/commission"] {
        assert_eq!(number(&day, nothing), 0, "{nothing}");
    }
    assert_eq!(total(&day["custody"]), 0);
    assert_eq!(number(&day, "/orders_by_status/delivered"), 7_773);

    let written = bed.read(text(&day, "/payouts"));
    assert_payouts_recomputed(&written, &dues_by_seller(&sample), &day);

    let before = bed.verified("books");
    assert_eq!(text(&before, "/digest"), text(&day, "/digest"));
    let again = run();
    assert_eq!(text(&again, "/digest"), text(&day, "/digest"));
    assert_eq!(bed.verified("books"), before, "a second run adds no batch and no command");
    assert_eq!(bed.read("books/payouts.csv"), written);
}

fn assert_payouts_recomputed(
    written: &str,
    dues: &BTreeMap<String, BTreeMap<String, i64>>,
    day: &Value,
) {
    let mut lines = written.lines();
    let header = "payout,seller,currency,gross,fees,net,given_back,returned,invoiced,compensated";
    assert_eq!(lines.next(), Some(header));
    let decimal = |minor: i64| format!("{}.{:02}", minor / 100, minor % 100);
    let mut paid = BTreeSet::new();
    let mut sums = [0; 3];
    for (number, line) in (1..).zip(lines) {
        let seller = line.split(',').nth(1).unwrap();
        let mut fees = [0; 3];
        for due in dues[seller].values() {
            for (fee, rate_ppm) in fees.iter_mut().zip(RATES_PPM) {
                *fee += half_up(*due, rate_ppm);
            }
        }
        let gross: i64 = dues[seller].values().sum();
        let all: i64 = fees.iter().sum();
        let expected = [gross, all, gross - all].map(decimal).join(",");
        assert_eq!(line, format!("{number},{seller},BRL,{expected},0.00,0.00,0.00,0.00"));
        sums = [0, 1, 2].map(|kind| sums[kind] + fees[kind]);
        assert!(paid.insert(seller), "{seller} is paid twice");
    }
    assert_eq!(paid.len(), dues.len(), "every seller is paid");
    let kinds = ["/fees/issuer", "/fees/network", "/fees/acquirer"];
    assert_eq!(kinds.map(|kind| number(day, kind)), sums);
    assert_eq!(number(day, "/paid"), number(day, "/announced") - sums.iter().sum::<i64>());
}

#[test]
fn a_day_with_faults_adds_up_on_the_real_orders() {
    let Some(sample) = real("olist_sample_8k") else { return };
    let bed = Bed::new();
    let mut command = bed.doorstep("day --profile olist --data books --json --orders");
    let day = Ran::of(command.arg(&sample)).succeeds().json();
    assert_adds_up(&bed, "books", &day);
    // Some orders are shipped again, and announced again.
    assert!(number(&day, "/announced") > 124_616_225);
    for some in ["/refused", "/returned", "/counts/declined", "/counts/became_unknown"] {
        assert!(number(&day, some) > 0, "{some} in {day:#}");
    }
    assert_eq!(bed.verified("books")["digest"], day["digest"]);
}

#[test]
fn the_same_seed_gives_the_same_books_and_another_seed_others() {
    let bed = Bed::new();
    let run = |seed: u32, data: &str| {
        let line = format!("day --parcels 200 --faults 300 --seed {seed} --data {data} --json");
        let day = bed.run(&line).succeeds().json();
        assert_adds_up(&bed, data, &day);
        text(&day, "/digest").to_owned()
    };
    let first = run(7, "first");
    assert_eq!(run(7, "second"), first);
    assert_eq!(bed.read("first/payouts.csv"), bed.read("second/payouts.csv"));
    let messages = |data: &str| {
        let files = fs::read_dir(bed.path(data)).unwrap().map(|entry| entry.unwrap());
        let names = files.map(|file| file.file_name().into_string().unwrap());
        let names = names.filter(|name| name.starts_with("payouts-"));
        names.map(|name| (bed.read(format!("{data}/{name}")), name)).collect::<BTreeSet<_>>()
    };
    assert!(!messages("first").is_empty());
    assert_eq!(messages("first"), messages("second"));
    assert_ne!(run(8, "third"), first);
}

#[test]
fn every_payment_method_and_every_rate_of_faults_adds_up() {
    let bed = Bed::new();
    for (payment, refusals, faults) in
        [("card", 100, 0), ("qr", 0, 1000), ("cash", 50, 1000), ("mixed", 30, 500)]
    {
        let line = format!(
            "day --parcels 150 --tender {payment} --refusals {refusals} --faults {faults} \
             --data {payment} --json"
        );
        assert_adds_up(&bed, payment, &bed.run(&line).succeeds().json());
    }
    let card = "day --parcels 150 --tender card --refusals 100 --faults 0 --data card";
    let card = bed.run(&format!("{card} --date 2013-11-11"));
    card.succeeds().prints("These books already had the whole day; nothing was added.");
}

#[test]
fn the_clearing_files_of_the_networks_add_up_to_what_was_collected_by_card() {
    let bed = Bed::new();
    let day = bed.run("day --parcels 300 --faults 300 --data books --json").succeeds().json();
    let mut sum = 0;
    for network in day["networks"].as_array().unwrap() {
        let name = format!("books/clearing-{}-2013-11-11", text(network, "/name"));
        let second = format!("{name}.2.csv");
        let mut file = bed.read(format!("{name}.csv"));
        if bed.has(&second) {
            file += &bed.read(&second);
        }
        // Refunds and chargebacks take money back; what was collected stays collected.
        let counts = ["sale", "completion", "offline", "reversal"];
        let fields = file.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let lines = fields.filter(|line| line[0] == "I" && counts.contains(&line[6]));
        let amount: i64 = lines.map(|line| minor(line[7])).sum();
        assert_eq!(amount, number(network, "/approved"), "{file}");
        sum += amount;
    }
    assert_eq!(sum, number(&day, "/collected/card"));
}

#[test]
fn the_demo_ends_with_commands_that_work() {
    let bed = Bed::new();
    let demo = bed.run("demo --data books").succeeds();
    let demo = demo.says("delivering and collecting\n").prints(
        "\nequal: the books, the networks, the bank, the couriers and the sellers, item by",
    );
    let demo = demo.prints("real:      nothing: the orders are simulated");
    let demo = demo.prints("Terminals and networks\n").prints("  network-1 ").prints("  equal\n");
    let commands: Vec<&str> =
        demo.stdout().lines().filter_map(|line| line.strip_prefix("  doorstep ")).collect();
    let breaks = demo.stdout().lines().find(|line| line.starts_with("  open breaks "));
    let has_breaks = breaks.is_some_and(|line| !line.ends_with(" 0"));
    assert_eq!(commands.len(), 4 + usize::from(has_breaks), "{demo}");
    let listed = commands.iter().any(|line| line.starts_with("breaks --data books "));
    assert_eq!(listed, has_breaks, "{demo}");
    for command in commands {
        let (command, _) = command.split_once("books").unwrap();
        bed.run(&format!("{command} books")).succeeds().says_nothing();
    }
    for line in demo.stdout().lines().chain(demo.stderr().lines()) {
        assert_eq!(line, line.trim_end(), "white space ends a line{demo}");
    }
}

#[test]
fn a_day_can_be_read_in_chinese() {
    let bed = Bed::new();
    let day = bed.run("day --parcels 50 --data books --lang zh").succeeds();
    let day = day.says("派送收款").prints("\n一致：账簿与卡组织、银行、快递员和卖家逐项一致\n");
    let day = day.prints("终端与卡组织").prints("  一致\n");
    assert!(!day.stdout().contains("parcels"), "{day}");
    let mut by_locale = bed.doorstep("day --parcels 50 --data books");
    Ran::of(by_locale.env("LC_ALL", "zh_CN.UTF-8")).succeeds().prints("登记包裹");
}
