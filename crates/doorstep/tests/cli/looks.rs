//! `parcels`, `cash`, `statement`, `accounts` and `status`, compared with `day`, `log`, `balances`
//! and `export`; and what all reading commands refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::support::{Bed, Ran, minor, number, records, text};

const DAY: &str = "day --parcels 400 --faults 1000 --seed 3 --data books --json";

#[track_caller]
fn json(bed: &Bed, command: &str) -> Value {
    bed.run(&format!("{command} --data books --json")).succeeds().json()
}

fn list<'v>(object: &'v Value, name: &str) -> &'v [Value] {
    object[name].as_array().unwrap_or_else(|| panic!("no list {name} in {object:#}"))
}

/// The state of each parcel after the events of the whole journal.
fn states_by_log(bed: &Bed) -> BTreeMap<String, String> {
    let log = bed.run("log --data books --json").succeeds();
    let mut states = BTreeMap::new();
    for line in log.stdout().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        for event in line["events"].as_array().unwrap() {
            let state = match text(event, "/event") {
                "ParcelAnnounced" => "announced",
                "ParcelAssigned" | "DeliveryAttempted" => "assigned",
                "ParcelDispatched" | "ParcelReopened" => "out",
                "ParcelRefused" => "refused",
                "ParcelDelivered" => "delivered",
                "ParcelReturned" => "returned",
                "ParcelLost" => "lost",
                "ParcelForgotten" => "",
                _ => continue,
            };
            let parcel = text(event, "/parcel").to_owned();
            match state {
                "" => drop(states.remove(&parcel)),
                state => drop(states.insert(parcel, state.to_owned())),
            }
        }
    }
    states
}

#[test]
fn every_parcel_is_listed_in_the_state_of_its_last_event() {
    let bed = Bed::new();
    let day = bed.run(DAY).succeeds().json();
    let found = json(&bed, "parcels");
    let listed = list(&found, "parcels")
        .iter()
        .map(|one| (text(one, "/parcel").to_owned(), text(one, "/state").to_owned()));
    let listed: BTreeMap<_, _> = listed.collect();
    assert_eq!(listed, states_by_log(&bed));
    assert!(listed.len() >= 400, "none is forgotten yet");
    let collected: i64 = list(&found, "parcels").iter().map(|one| number(one, "/collected")).sum();
    assert_eq!(number(&found, "/sums/0/collected"), collected);
    assert!(collected <= number(&day, "/announced") && collected > 0);
}

#[test]
fn the_filters_of_parcels_select_what_all_of_them_show() {
    let bed = Bed::new();
    bed.run(DAY).succeeds();
    let all = json(&bed, "parcels");
    let all = list(&all, "parcels");
    let is = |key: &'static str, value: &Value| {
        let value = value.clone();
        move |one: &&Value| one[key] == value
    };
    let one = all.iter().find(|one| one["courier"].is_string()).unwrap();
    let ids = |found: &[&Value]| -> BTreeSet<String> {
        found.iter().map(|one| text(one, "/parcel").to_owned()).collect()
    };
    for key in ["state", "seller", "firm", "courier", "date", "waybill"] {
        let value = text(one, &format!("/{key}"));
        let found = json(&bed, &format!("parcels --{key} {value}"));
        let expected: Vec<&Value> = all.iter().filter(is(key, &one[key])).collect();
        let found: Vec<&Value> = list(&found, "parcels").iter().collect();
        assert_eq!(ids(&found), ids(&expected), "--{key} {value}");
    }
    let some = json(&bed, "parcels --state delivered --limit 2");
    assert_eq!(list(&some, "parcels").len(), 2);
    assert!(number(&some, "/states/delivered") > 2, "the sums are of all");
    let shown = bed.run("parcels --data books --limit 2").succeeds();
    shown.prints(&format!("… and {} more; --limit shows more\n", all.len() - 2));
    bed.run("parcels --data books --firm nobody")
        .fails("there is no courier firm `nobody`; there are: firm-1, ");
    bed.run("parcels --data books --seller nobody").fails("there is no seller `nobody`; ");
    bed.run("parcels --data books --waybill 00").fails("--waybill 00: the waybill has 2 char");
}

#[test]
fn an_order_of_a_seller_is_found_by_its_reference() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A-1,S1,CNY,10.00", "A-2,S1,CNY,20.00"]);
    bed.run("import --profile doorstep --orders orders.csv --data books --by ann --approved-by bo")
        .succeeds();
    let found = json(&bed, "parcels --seller S1 --order A-2");
    assert_eq!(list(&found, "parcels").len(), 1, "{found:#}");
    let parcel = &list(&found, "parcels")[0];
    assert_eq!((number(parcel, "/due"), number(parcel, "/left")), (2_000, 2_000));
    assert_eq!((text(parcel, "/state"), &parcel["courier"]), ("announced", &Value::Null));
    let left = json(&bed, "status");
    assert_eq!(number(&left, "/left_to_collect/0/amount"), 3_000);
    assert_eq!(text(parcel, "/order"), "A-2");
    // Of every seller.
    bed.orders("more.csv", &["A-2,S2,CNY,5.00"]);
    bed.run(
        "import --profile doorstep --orders more.csv --data books --own-numbers --by ann \
         --approved-by bo",
    )
    .succeeds();
    let found = json(&bed, "parcels --order A-2");
    let sellers = list(&found, "parcels").iter().map(|one| text(one, "/seller"));
    assert_eq!(sellers.collect::<BTreeSet<_>>(), BTreeSet::from(["S1", "S2"]));
    bed.run("parcels --data books --order A-3").succeeds().prints("no parcels\n");
    let shown = bed.run("parcels --data books --seller S1").succeeds();
    let rows = shown.stdout().lines().filter(|line| line.contains("A-1") || line.contains("A-2"));
    assert_eq!(rows.count(), 2, "{shown}");
}

/// A day with cash in custody at its end.
#[track_caller]
fn day_with_a_shortage() -> (Bed, Value) {
    for seed in 1..=40 {
        let bed = Bed::new();
        let day = format!("day --parcels 400 --faults 300 --seed {seed} --data books --json");
        let day = bed.run(&day).succeeds().json();
        if day["custody"].as_object().unwrap().values().any(|custody| *custody != 0) {
            return (bed, day);
        }
    }
    panic!("none of 40 days has a shortage");
}

#[test]
fn cash_in_custody_is_that_of_the_day() {
    let (bed, day) = day_with_a_shortage();
    let found = json(&bed, "cash");
    let firms = list(&found, "firms").iter();
    let custody: BTreeMap<_, _> =
        firms.map(|firm| (text(firm, "/firm").to_owned(), number(firm, "/total"))).collect();
    let expected: BTreeMap<_, _> = day["custody"].as_object().unwrap().iter().collect();
    assert_eq!(custody.len(), expected.len());
    for (firm, total) in &custody {
        assert_eq!(Some(*total), expected[firm].as_i64(), "{firm}");
    }
    // The shortages are those of the accounts.
    let balances = bed.run("balances --data books --json").succeeds();
    let short = balances.stdout().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let short = short.filter(|one| text(one, "/account").starts_with("assets:courier-shortage"));
    let short: i64 = short.map(|one| number(&one, "/amount")).sum();
    let couriers = list(&found, "firms").iter().flat_map(|firm| list(firm, "couriers"));
    let listed: i64 = couriers.clone().map(|courier| number(courier, "/shortage")).sum();
    assert_eq!(listed, short);
    for courier in couriers.filter(|courier| number(courier, "/shortage") > 0) {
        assert!(number(courier, "/shortage_age_days") >= 0, "{courier:#}");
        assert!(text(courier, "/shortage_since") <= text(&found, "/date"), "{courier:#}");
    }
    let firm = text(&list(&found, "firms")[0], "/firm").to_owned();
    let one = json(&bed, &format!("cash --firm {firm}"));
    assert_eq!(list(&one, "firms").len(), 1);
    bed.run("cash --data books").succeeds().prints(&format!("\nfirm {firm}: "));
}

#[test]
fn a_statement_has_the_balances_and_payouts_of_its_seller() {
    let bed = Bed::new();
    bed.run(DAY).succeeds();
    let balances = bed.run("balances --data books --json").succeeds();
    let mut amounts = BTreeMap::new();
    for line in balances.stdout().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        amounts.insert(text(&line, "/account").to_owned(), number(&line, "/amount"));
    }
    let paid = records(&bed.read("books/payouts.csv"));
    let sellers: BTreeSet<_> = paid.iter().map(|payout| payout["seller"].clone()).collect();
    assert!(sellers.len() > 10, "{sellers:?}");
    for seller in &sellers {
        let statement = json(&bed, &format!("statement {seller}"));
        let account = &list(&statement, "accounts")[0];
        for (key, kind) in [("held", "seller-held"), ("payable", "seller-payable")] {
            let name = format!("liabilities:{kind}:{seller}");
            let balance = -amounts.get(&name).copied().unwrap_or(0);
            assert_eq!(number(account, &format!("/{key}")), balance, "{name}");
        }
        let sum = |key: &str| number(account, &format!("/next/{key}"));
        let added = sum("gross") + sum("returned") + sum("invoiced") + sum("compensated");
        assert_eq!(added - sum("fees") - sum("given_back"), number(account, "/payable"));
        let sent = list(account, "in_flight").iter().chain(list(account, "paid"));
        let sent: BTreeMap<_, _> =
            sent.map(|payout| (number(payout, "/payout"), number(payout, "/net"))).collect();
        let own = paid.iter().filter(|payout| payout["seller"] == *seller);
        let own =
            own.map(|payout| (payout["payout"].parse::<i64>().unwrap(), minor(&payout["net"])));
        let own: BTreeMap<_, _> = own.collect();
        assert!(sent.iter().all(|payout| own.get(payout.0) == Some(payout.1)), "{sent:?} {own:?}");
        assert!(own.len() - sent.len() <= 1, "a payout that came back is not listed");
    }
    let seller = sellers.first().unwrap();
    let shown = bed.run(&format!("statement {seller} --data books")).succeeds();
    shown.prints(&format!("Statement of {seller} on ")).prints("\npayable  ");
    bed.run("statement nobody --data books").fails("there is no seller `nobody`; ");
}

#[test]
fn an_accounts_postings_are_those_of_the_export() {
    let bed = Bed::new();
    bed.run(DAY).succeeds();
    let kinds = json(&bed, "accounts");
    let sum: i64 = list(&kinds, "kinds").iter().map(|kind| number(kind, "/amount")).sum();
    assert_eq!(sum, 0, "debits are credits");
    let export = bed.run("export --data books --format csv").succeeds();
    let postings = records(export.stdout());
    let banks = json(&bed, "accounts --kind 1010");
    let bank = &list(&banks, "accounts")[0];
    let name = text(bank, "/account");
    let own = |date: &str| -> Vec<i64> {
        let own = postings.iter().filter(|posting| posting["date"] == date);
        let amounts = own.filter_map(|posting| {
            let amount = minor(&posting["amount"]);
            match (posting["debit"] == name, posting["credit"] == name) {
                (true, _) => Some(amount),
                (_, true) => Some(-amount),
                _ => None,
            }
        });
        amounts.collect()
    };
    let dates: BTreeSet<_> = postings.iter().map(|posting| posting["date"].clone()).collect();
    let mut balance = 0;
    for date in &dates {
        let found = json(&bed, &format!("accounts --account {name} --from {date} --until {date}"));
        let amounts: Vec<i64> =
            list(&found, "postings").iter().map(|posting| number(posting, "/amount")).collect();
        assert_eq!(amounts, own(date), "{date}");
        assert_eq!(number(&found, "/opening"), balance, "{date}");
        balance += amounts.iter().sum::<i64>();
        assert_eq!(number(&found, "/closing"), balance, "{date}");
    }
    assert_eq!(number(bank, "/amount"), balance);
    assert!(dates.len() > 1, "{dates:?}");
    let last = dates.last().unwrap();
    let shown = bed.run(&format!("accounts --data books --account {name} --from {last}"));
    shown.succeeds().prints("balance before").prints("balance after");
    bed.run("accounts --data books --account assets:nothing").fails("there is no account");
    bed.run("accounts --data books --kind 9").fails("there is no kind of account `9`; there are: ");
}

#[test]
fn the_status_counts_what_the_other_commands_list() {
    let bed = Bed::new();
    let day = bed.run(DAY).succeeds().json();
    let status = json(&bed, "status");
    let breaks = json(&bed, "breaks");
    let ages = list(&breaks, "breaks").iter().map(|one| number(one, "/age_days"));
    assert_eq!(number(&status, "/breaks/count"), number(&day, "/breaks"));
    assert_eq!(number(&status, "/breaks/oldest_days"), ages.max().unwrap());
    let items = json(&bed, "open-items --kind batch");
    let items = i64::try_from(list(&items, "items").len()).unwrap();
    assert_eq!(number(&status, "/open_items/count"), items);
    assert_eq!(status["parcels"], json(&bed, "parcels")["states"]);
    let custody: i64 =
        day["custody"].as_object().unwrap().values().map(|one| one.as_i64().unwrap()).sum();
    let of_status = list(&status, "cash_in_custody").iter().map(|one| number(one, "/amount"));
    assert_eq!(of_status.sum::<i64>(), custody);
    assert_eq!(number(&status, "/batch"), number(&bed.verified("books"), "/batches"));
    assert_eq!(text(&status, "/zone"), "Asia/Shanghai");
    let shown = bed.run("status --data books").succeeds();
    assert!(shown.stdout().starts_with("*** TRIAL BOOKS: "), "{shown}");
    assert_eq!(status["trial"], true);
    shown.prints("Books on ").prints("\nopen breaks ").prints("\ncash in custody ");
}

#[test]
fn what_is_shown_fits_80_columns_in_both_languages() {
    let bed = Bed::new();
    bed.run(DAY).succeeds();
    let seller = records(&bed.read("books/payouts.csv"))[0]["seller"].clone();
    for command in ["parcels", "cash", "accounts", "status", &format!("statement {seller}")] {
        for lang in ["en", "zh"] {
            let shown = bed.run(&format!("{command} --data books --lang {lang}")).succeeds();
            for line in shown.stdout().lines() {
                let columns = unicode_width::UnicodeWidthStr::width(line);
                assert!(columns <= 80, "{columns} columns: {line}{shown}");
            }
        }
    }
    let wide = |columns: &str| {
        let mut command = bed.doorstep("parcels --data books");
        Ran::of(command.env("COLUMNS", columns)).succeeds()
    };
    assert!(!wide("80").stdout().contains("made-seller"), "the seller gives way");
    assert!(wide("140").stdout().contains("made-seller"));
}

/// What reads books, without the data directory.
const READING: [&str; 13] = [
    "balances",
    "breaks",
    "open-items",
    "parcels",
    "cash",
    "statement made-seller-00001",
    "accounts",
    "accounts --account assets:bank:main",
    "status",
    "log",
    "export --format csv",
    "explain payout 1",
    "payouts --format csv --out payouts.csv",
];

#[test]
fn a_snapshot_that_does_not_fit_the_journal_is_refused() {
    let bed = Bed::new();
    for (data, seed) in [("books", 3), ("other", 4)] {
        bed.run(&format!("day --parcels 40 --seed {seed} --data {data}")).succeeds();
    }
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    bed.run("import --profile doorstep --orders orders.csv --data short --by ann --approved-by bo")
        .succeeds();
    let journal = |data: &str| bed.path(format!("{data}/journal.sqlite"));
    fs::copy(journal("short"), journal("books")).unwrap();
    for command in READING {
        bed.run(&format!("{command} --data books"))
            .fails("M10: snapshot ")
            .says("but the journal ends with batch ");
    }
    bed.run("verify --data books").ends_with(1).prints("is ahead of the journal");
    bed.run("balances --data books --lang zh").fails("M10：快照 ");
    // Its snapshot reflects a batch that this journal has, with another content.
    fs::copy(journal("other"), journal("books")).unwrap();
    fs::remove_dir_all(bed.path("books/snapshots")).unwrap();
    bed.private_directory("books/snapshots");
    let snapshot = fs::read_dir(bed.path("short/snapshots")).unwrap().next().unwrap().unwrap();
    fs::copy(snapshot.path(), bed.path("books/snapshots").join(snapshot.file_name())).unwrap();
    for command in READING {
        bed.run(&format!("{command} --data books")).fails("belongs to another journal");
    }
    bed.run("balances --data books --lang zh").fails("属于另一个日志");
}

#[test]
fn the_data_directory_can_stand_in_the_environment() {
    let bed = Bed::new();
    bed.run(DAY).succeeds();
    let given = bed.run("balances --data books").succeeds();
    let mut command = bed.doorstep("balances");
    let by_variable = Ran::of(command.env("DOORSTEP_DATA", "books")).succeeds();
    assert_eq!(by_variable.stdout(), given.stdout());
    let mut command = bed.doorstep("balances --data nowhere");
    Ran::of(command.env("DOORSTEP_DATA", "books")).fails("there is no data directory");
    let mut chinese = bed.doorstep("status --lang zh");
    Ran::of(chinese.env("DOORSTEP_DATA", "books")).succeeds().prints("账簿（");
    bed.run("balances").ends_with(2).says("--data <DIR>");
}
