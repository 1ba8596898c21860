//! `log`: the journal in words, compared with the exports, `explain`, and a search in its own text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::support::{Bed, minor, number, records, text};

const COLUMNS: usize = 80;

/// The JSON lines of `log` with these flags.
#[track_caller]
fn log(bed: &Bed, data: &str, flags: &str) -> Vec<String> {
    let ran = bed.run(&format!("log --data {data} --json {flags}")).succeeds().says_nothing();
    ran.stdout().lines().map(str::to_owned).collect()
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

fn commands(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| text(&parsed(line), "/command").to_owned()).collect()
}

/// The value of `key` in every line whose command is `command`.
fn fields(lines: &[String], command: &str, key: &str) -> Vec<String> {
    let lines = lines.iter().map(|line| parsed(line));
    let of_command = lines.filter(|line| text(line, "/command") == command);
    of_command.map(|line| text(&line, &format!("/fields/{key}")).to_owned()).collect()
}

/// Every line of `all` with one of these texts is in `found`. Returns the commands of the others
/// in `found`.
#[track_caller]
fn assert_all_that_name(texts: &[&str], all: &[String], found: &[String]) -> BTreeSet<String> {
    let names = |line: &&String| texts.iter().any(|text| line.contains(text));
    let naming: BTreeSet<&String> = all.iter().filter(names).collect();
    let got: BTreeSet<&String> = found.iter().collect();
    assert_eq!(got.len(), found.len(), "a command is there twice");
    let missed: Vec<_> = naming.difference(&got).collect();
    assert!(missed.is_empty(), "missed: {missed:#?}");
    let others = got.difference(&naming).map(|line| text(&parsed(line), "/command").to_owned());
    others.collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn every_command_of_the_journal_is_there_once() {
    let bed = Bed::new();
    bed.faulty_day(100);
    let lines = log(&bed, "books", "");
    let mut before = (1, 0);
    for line in &lines {
        let line = parsed(line);
        let (batch, index) = text(&line, "/position").split_once('.').unwrap();
        let place: (u64, u64) = (batch.parse().unwrap(), index.parse().unwrap());
        let follows = place == (before.0, before.1 + 1) || place == (before.0 + 1, 1);
        assert!(follows, "{place:?} after {before:?}");
        before = place;
    }
    let verified = bed.verified("books");
    assert_eq!(i64::try_from(lines.len()).unwrap(), number(&verified, "/commands"));
    assert_eq!(before.0, u64::try_from(number(&verified, "/batches")).unwrap());
    assert_eq!(commands(&lines)[0], "OpenBooks");
}

#[test]
fn the_money_is_that_of_the_csv_export() {
    let bed = Bed::new();
    bed.faulty_day(200);
    type Sums = BTreeMap<[String; 5], i64>;
    let mut logged = Sums::new();
    for line in log(&bed, "books", "") {
        let line = parsed(&line);
        for posting in line["postings"].as_array().unwrap() {
            let key = ["/entry", "/debit", "/credit", "/currency"].map(|key| text(posting, key));
            let [entry, debit, credit, currency] = key.map(str::to_owned);
            let key = [text(&line, "/date").to_owned(), entry, debit, credit, currency];
            *logged.entry(key).or_default() += number(posting, "/amount");
        }
    }
    let mut exported = Sums::new();
    let csv = bed.run("export --data books --format csv").succeeds();
    for row in records(csv.stdout()) {
        let key = ["date", "entry", "debit", "credit", "currency"].map(|key| row[key].clone());
        *exported.entry(key).or_default() += minor(&row["amount"]);
    }
    assert!(exported.len() > 50, "{exported:#?}");
    assert_eq!(logged, exported);
}

#[test]
fn a_parcel_tells_its_story_from_the_announcement_to_the_payout() {
    let bed = Bed::new();
    bed.faulty_day(100);
    let all = log(&bed, "books", "");
    let mut methods = BTreeSet::new();
    for payout in records(&bed.read("books/payouts.csv")) {
        let payout = &payout["payout"];
        let explained = bed.run(&format!("explain payout {payout} --data books --json"));
        let explained = explained.succeeds().json();
        let rows = explained["lines"].as_array().unwrap();
        let collected = rows.iter().filter(|row| text(row, "/what") == "collected");
        // A parcel with several payments can be paid in several payouts.
        for row in collected.take(2) {
            let (order, parcel) = (text(row, "/order"), text(row, "/parcel"));
            let story = log(&bed, "books", &format!("--parcel {order}"));
            assert_eq!(story, log(&bed, "books", &format!("--parcel {parcel}")));
            let names = commands(&story);
            assert_eq!(names[..2], ["AnnounceParcel", "AssignParcels"], "{order}");
            let last: Vec<&str> = names.iter().rev().take(4).map(String::as_str).collect();
            let paid =
                ["ConfirmPayout", "ExecuteSettlement", "ApproveSettlement", "PlanSettlement"];
            assert_eq!(last, paid, "{order}");
            assert_eq!(fields(&story, "ConfirmPayout", "payout"), [payout.as_str()], "{order}");
            let others = assert_all_that_name(&[parcel], &all, &story);
            let took_cash = names.iter().any(|name| name == "TakeCash");
            let mut expected = set(&paid);
            if took_cash {
                expected.extend(set(&["StartHandOver", "CountHandOver"]));
                assert!(names.iter().any(|name| name == "ConfirmDeposit"), "{order}: {names:?}");
            }
            assert_eq!(others, expected, "{order}");
            assert!(took_cash || text(row, "/method") != "cash", "{order}: {names:?}");
            methods.insert(text(row, "/method").to_owned());
        }
    }
    assert_eq!(methods, set(&["cash", "credit card", "debit card", "QR"]));
    let announced = parsed(all.iter().find(|line| line.contains("AnnounceParcel")).unwrap());
    let parcel = text(&announced, "/fields/parcel").parse().unwrap();
    let waybill = switch::waybill::write(parcel);
    let story = log(&bed, "books", &format!("--parcel {}", text(&announced, "/fields/parcel")));
    assert_eq!(log(&bed, "books", &format!("--parcel {waybill}")), story);
    assert_eq!(parsed(&story[0]), announced);
    let words = bed.run(&format!("log --data books --parcel {waybill}")).succeeds().words();
    assert!(words.contains(&format!("parcel {waybill} announced: order ")), "{words}");
    assert!(!words.contains(text(&announced, "/fields/parcel")), "{words}");
}

#[test]
fn the_story_goes_on_after_a_returned_payout() {
    let bed = Bed::new();
    let (data, _) = bed.day_with_a_returned_payout();
    let lines = records(&bed.read(format!("{data}/payouts.csv")));
    let second = lines.iter().find(|line| line["returned"] != "0.00").unwrap();
    let explain = |payout: &str| {
        bed.run(&format!("explain payout {payout} --data {data} --json")).succeeds().json()
    };
    let explained = explain(&second["payout"]);
    let rows = explained["lines"].as_array().unwrap();
    let row = rows.iter().find(|row| row["what"] == "payout returned").unwrap();
    let first = text(row, "/order").strip_prefix("payout ").unwrap();
    let order = text(&explain(first), "/lines/0/order").to_owned();
    let story = log(&bed, &data, &format!("--parcel {order}"));
    assert_eq!(fields(&story, "ReturnPayout", "payout"), [first], "{order}");
    let paid = fields(&story, "ConfirmPayout", "payout");
    assert_eq!(paid.last(), Some(&second["payout"]), "{order}");
}

#[test]
fn a_seller_has_the_commands_on_its_parcels_and_payouts() {
    let bed = Bed::new();
    bed.faulty_day(200);
    let all = log(&bed, "books", "");
    let payouts = records(&bed.read("books/payouts.csv"));
    let seller = &payouts[0]["seller"];
    let found = log(&bed, "books", &format!("--seller {seller}"));
    let id = &fields(&found, "RegisterSeller", "seller")[0];
    assert_eq!(log(&bed, "books", &format!("--seller {id}")), found);
    let own = |line: &&String| text(&parsed(line), "/fields/seller") == id;
    let announced: Vec<_> = all.iter().filter(|line| line.contains("AnnounceParcel")).collect();
    let announced: Vec<String> = announced.into_iter().filter(own).cloned().collect();
    let parcels = fields(&announced, "AnnounceParcel", "parcel");
    assert!(parcels.len() > 1, "{parcels:?}");
    let named: Vec<&str> = parcels.iter().chain([id]).map(String::as_str).collect();
    let others = assert_all_that_name(&named, &all, &found);
    let unnamed = ["StartHandOver", "CountHandOver", "ApproveSettlement"];
    assert!(others.is_subset(&set(&unnamed)), "{others:?}");
    assert!(others.contains("ApproveSettlement"), "{others:?}");
    let sent = payouts.iter().filter(|line| &line["seller"] == seller);
    let sent: Vec<String> = sent.map(|line| line["payout"].clone()).collect();
    assert_eq!(fields(&found, "ConfirmPayout", "payout"), sent);
}

#[test]
fn a_terminal_has_its_commands_and_the_answers_to_them() {
    let bed = Bed::new();
    bed.faulty_day(200);
    let all = log(&bed, "books", "");
    let found = log(&bed, "books", "--terminal 10000001");
    let others = assert_all_that_name(&["\"terminal\":\"10000001\""], &all, &found);
    assert!(others.contains("ResolvePurchase") && others.contains("ClearLine"), "{others:?}");
    // Each payment is at one terminal, so its answers are found once over all terminals.
    let terminals = fields(&all, "RegisterTerminal", "terminal");
    let answers =
        |lines: &[String]| commands(lines).iter().filter(|name| *name == "ResolvePurchase").count();
    let of_each = terminals.iter().map(|id| log(&bed, "books", &format!("--terminal {id}")));
    assert_eq!(of_each.map(|lines| answers(&lines)).sum::<usize>(), answers(&all));
}

#[test]
fn a_person_is_found_as_giver_and_as_the_one_named() {
    let bed = Bed::new();
    bed.faulty_day(100);
    let all = log(&bed, "books", "");
    let counter = &fields(&all, "CountHandOver", "counted_by")[0];
    let counted = log(&bed, "books", &format!("--person {counter}"));
    let named = format!("\"{counter}\"");
    assert_eq!(assert_all_that_name(&[&named], &all, &counted), BTreeSet::new());
    let courier = &fields(&all, "DispatchParcels", "courier")[0];
    let named = [format!("\"courier\":\"{courier}\""), format!("\"person\":\"{courier}\"")];
    let found = log(&bed, "books", &format!("--person {courier}"));
    let of_courier = |name: &str| commands(&found).iter().any(|command| command == name);
    for expected in ["RegisterCourier", "RegisterTerminal", "DispatchParcels", "StartHandOver"] {
        assert!(of_courier(expected), "{expected}");
    }
    let unnamed = found.iter().filter(|line| !named.iter().any(|text| line.contains(text)));
    assert_eq!(unnamed.count(), 0);
}

#[test]
fn days_positions_and_limits_select_parts_and_conditions_are_combined() {
    let bed = Bed::new();
    bed.faulty_day(100);
    let all = log(&bed, "books", "");
    let dates: BTreeSet<String> =
        all.iter().map(|line| text(&parsed(line), "/date").to_owned()).collect();
    assert!(dates.len() > 1, "{dates:?}");
    let mut joined = Vec::new();
    for date in &dates {
        let day = log(&bed, "books", &format!("--day {date}"));
        assert!(day.iter().all(|line| text(&parsed(line), "/date") == date));
        assert!(day.iter().all(|line| text(&parsed(line), "/at").starts_with(date.as_str())));
        joined.extend(day);
    }
    assert_eq!(joined, all);
    let from = text(&parsed(&all[100]), "/position").to_owned();
    assert_eq!(log(&bed, "books", &format!("--from {from} --limit 7")), all[100..107]);
    assert_eq!(log(&bed, "books", "--limit 0"), [""; 0]);
    let date = dates.first().unwrap();
    let story = log(&bed, "books", "--parcel made-7-000021");
    let terminal = log(&bed, "books", "--terminal 10000001");
    let both: Vec<String> = terminal
        .into_iter()
        .filter(|line| story.contains(line) && line.contains(&format!("\"date\":\"{date}\"")))
        .collect();
    let flags = format!("--parcel made-7-000021 --terminal 10000001 --day {date}");
    assert_eq!(log(&bed, "books", &flags), both);
    bed.run("log --data books --from 12").ends_with(2).says("`12` is not a position");
    bed.run("log --data books --from 12 --lang zh").ends_with(2).says("须为批号和批内序号");
}

#[test]
fn sentences_fit_the_screen_in_both_languages() {
    let bed = Bed::new();
    bed.faulty_day(200);
    let english = bed.run("log --data books").succeeds().says_nothing();
    let chinese = bed.run("log --data books --lang zh").succeeds().says_nothing();
    for ran in [&english, &chinese] {
        for line in ran.stdout().lines() {
            assert!(line.width() <= COLUMNS, "{line}");
            assert!(!line.contains(['{', '}', '"']) && !line.contains("null"), "{line}");
        }
    }
    let english = english.prints("system: trial books opened; local time is UTC+08:00; the");
    for posting in [
        "card payment: Dr network-receivable:network-",
        "payout paid: Dr payout-in-flight, Cr bank:",
    ] {
        assert!(english.words().contains(posting), "{posting}{english}");
    }
    chinese
        .prints("系统：开账（试用）；当地时间为 UTC+08:00；最初的")
        .prints("打款已付：借 在途打款，贷 银行存款:bank-1");
}

#[test]
fn the_page_of_the_json_form_has_every_key_and_a_true_example() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/files/log.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, example) = page.split_once("```json\n").unwrap();
    let example: Value = serde_json::from_str(example.split_once("```").unwrap().0).unwrap();
    let bed = Bed::new();
    bed.faulty_day(20);
    let all = log(&bed, "books", "");
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    for line in &all {
        let line = parsed(line);
        assert_eq!(keys(&line), keys(&example));
        for list in ["postings", "references"] {
            for item in line[list].as_array().unwrap() {
                assert_eq!(keys(item), keys(&example[list][0]));
            }
        }
        if line["command"] == example["command"] {
            assert_eq!(keys(&line["fields"]), keys(&example["fields"]));
        }
    }
    let command = text(&example, "/command");
    assert!(commands(&all).iter().any(|name| name == command), "{command} is in no journal");
    for key in keys(&example) {
        assert!(page.contains(&format!("\n| `{key}` |")), "{key} is not explained");
    }
}

#[test]
fn registrations_in_a_row_are_one_line() {
    let bed = Bed::new();
    let orders: Vec<String> =
        (1..=20).map(|number| format!("A{number},S{number},CNY,10.00")).collect();
    bed.orders("orders.csv", &orders.iter().map(String::as_str).collect::<Vec<_>>());
    bed.run("import --orders orders.csv --profile doorstep --data books").succeeds();
    let lines = log(&bed, "books", "");
    let positions = |command: &str| {
        let lines = lines.iter().map(|line| parsed(line));
        let of_command = lines.filter(|line| text(line, "/command") == command);
        of_command.map(|line| text(&line, "/position").to_owned()).collect::<Vec<_>>()
    };
    let short = bed.run("log --data books").succeeds();
    for (command, what) in
        [("RegisterSeller", "sellers registered"), ("AnnounceParcel", "parcels announced")]
    {
        let positions = positions(command);
        assert_eq!(positions.len(), 20);
        let sum = format!("system: 20 {what}, up to {}; --all shows each", positions[19]);
        let shown = short.words();
        let before = shown.split(&sum).next().unwrap_or_default();
        assert!(before.len() < shown.len(), "{sum}{short}");
        assert_eq!(before.split(' ').rev().nth(2), Some(&*positions[0]), "where they begin{short}");
    }
    let all = bed.run("log --data books --all").succeeds();
    for number in 1..=20 {
        assert!(all.words().contains(&format!("order A{number} of")), "{number}{all}");
        assert!(!short.words().contains(&format!("order A{number} of")), "{number}{short}");
    }
    // Few are printed one by one.
    let one = bed.run("log --data books --parcel A7").succeeds();
    assert!(one.words().contains("order A7 of") && !one.words().contains("order A8"), "{one}");
    bed.run("log --data books --all --json").ends_with(2).says("--all");
}

#[test]
fn an_unknown_parcel_seller_or_terminal_is_named() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A1,S1,CNY,10.00"]);
    bed.run("import --orders orders.csv --profile doorstep --data books").succeeds();
    for json in ["", "--json"] {
        bed.run(&format!("log --data books --parcel B2 {json}"))
            .fails("error: --parcel B2: the books in books never had such a parcel; give its id, ");
        bed.run(&format!("log --data books --seller S2 {json}"))
            .fails("error: --seller S2: the books in books never had such a seller; give its ");
        bed.run(&format!("log --data books --terminal 7 {json}"))
            .fails("error: --terminal 7: the books in books have no such terminal; give its ");
    }
    bed.run("log --data books --parcel A1 --day 2001-01-01")
        .succeeds()
        .prints("no command matches");
    let chinese = bed.run("log --data books --parcel B2 --lang zh");
    chinese.fails("错误：--parcel B2：books 的账簿中从未有该包裹；请给出");
}
