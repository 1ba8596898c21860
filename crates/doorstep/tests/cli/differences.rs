//! `breaks` and `open-items`, compared with `day`, `verify`, `balances` and `log`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ground::{self, MERCHANT, Running};
use super::support::{Bed, number, text};

const DAY: &str = "day --parcels 400 --faults 1000 --seed 3";

/// Books with open breaks.
#[track_caller]
fn books(bed: &Bed) {
    let day = bed.run(&format!("{DAY} --data books --json")).succeeds().json();
    assert!(number(&day, "/breaks") > 0, "{day:#}");
}

fn list(object: &Value, name: &str) -> Vec<Value> {
    object[name].as_array().unwrap().clone()
}

#[test]
fn every_open_break_is_listed_with_amount_age_owner_and_evidence() {
    let bed = Bed::new();
    books(&bed);
    let found = bed.run("breaks --data books --json").succeeds().json();
    // What the journal raised and did not close, by its events.
    let mut open: BTreeMap<String, (i64, String)> = BTreeMap::new();
    let log = bed.run("log --data books --json").succeeds();
    let mut last = Value::Null;
    for line in log.stdout().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let position = text(&line, "/position").to_owned();
        for event in line["events"].as_array().unwrap() {
            match text(event, "/event") {
                "BreakRaised" => {
                    let raised = (number(event, "/amount"), position.clone());
                    open.insert(text(event, "/break_id").to_owned(), raised);
                }
                "BreakReduced" if number(event, "/left") > 0 => {
                    open.get_mut(text(event, "/break_id")).unwrap().0 = number(event, "/left");
                }
                "BreakReduced" | "BreakClosed" => {
                    open.remove(text(event, "/break_id"));
                }
                _ => {}
            }
        }
        last = line;
    }
    let breaks = list(&found, "breaks");
    let listed = breaks.iter().map(|one| {
        let amount = number(one, "/amount");
        assert!(!text(one, "/owner").is_empty() && !text(one, "/reference").is_empty(), "{one:#}");
        (text(one, "/break_id").to_owned(), (amount, text(one, "/evidence/0/position").to_owned()))
    });
    assert_eq!(listed.collect::<BTreeMap<_, _>>(), open);
    // What was expected and found is by the line behind the break.
    let mut of_lines = 0;
    for one in breaks.iter().filter(|one| one["source"]["clearing_line"].is_object()) {
        let line = &one["evidence"][0]["fields"];
        let (amount, fee) = (number(line, "/amount"), number(line, "/deducted"));
        let reason = text(one, "/reason");
        let is_fee = matches!(reason, "fee" | "chargeback_fee" | "other_fee");
        // A line that nothing explains was not expected: all that it moves was found.
        let is_whole = matches!(reason, "no_payment" | "does_not_fit");
        let has_payment = !line["payment"].is_null();
        assert_eq!(has_payment, reason != "no_payment", "{one:#}");
        let (expected, found) = (number(one, "/expected"), number(one, "/found"));
        let moved = if is_whole { amount - fee } else { amount };
        assert_eq!(found, if is_fee { fee } else { moved }, "{one:#}");
        let more_than_expected = if is_fee { expected - found } else { found - expected };
        let sign = if text(one, "/side") == "Excess" { 1 } else { -1 };
        assert!(more_than_expected * sign >= number(one, "/amount"), "{one:#}");
        if is_whole {
            assert_eq!(expected, 0, "{one:#}");
        }
        // The header is the file's first line.
        let place = number(&one["source"], "/clearing_line/line");
        assert_eq!(place, number(line, "/line") + 1, "{one:#}");
        of_lines += 1;
    }
    assert!(of_lines > 0, "{found:#}");
    for one in breaks.iter().filter(|one| text(one, "/reason") == "counted_more") {
        let counted = number(one, "/evidence/0/fields/counted");
        assert_eq!(number(one, "/found"), counted, "{one:#}");
        assert!(number(one, "/expected") < counted, "{one:#}");
    }
    assert_eq!(text(&found, "/at"), text(&last, "/at"), "as of the last command");
    let shown = bed.run("breaks --data books").succeeds();
    let head = format!("Open breaks on {} at ", text(&last, "/date"));
    let shown = shown.prints(&head).prints(&format!(": {}\n", breaks.len()));
    for one in &breaks {
        assert!(shown.stdout().contains(&format!("\nbreak {}: ", text(one, "/break_id"))));
        let evidence = text(one, "/evidence/0/position");
        assert!(shown.stdout().contains(&format!("\n  evidence    {evidence}  ")), "{shown}");
        let opened = text(one, "/opened");
        let age = format!("\n  since       {opened}, age in days: {}\n", number(one, "/age_days"));
        assert!(shown.stdout().contains(&age), "{age}{shown}");
    }
    bed.run("breaks --data books --lang zh").succeeds().prints("未结差异（").prints("责任人");
}

/// Books of a terminal that lost its journal before it settled a sale.
#[track_caller]
fn lost_journal(bed: &Bed) {
    ground::make(bed);
    let running = Running::start(bed, "");
    let (waybill, amount) = ground::parcel(2);
    running.terminal(bed, "", &[format!("sell {waybill} {amount}")]).succeeds();
    bed.write("script", "settle");
    let line = format!(
        "terminal --connect {} --number 1 --merchant {MERCHANT} --base-key-file door/base.key",
        running.address
    );
    bed.run(&format!("{line} --script script")).prints("differs ");
    running.stop();
}

#[test]
fn every_open_item_is_listed_with_its_lines() {
    let bed = Bed::new();
    lost_journal(&bed);
    let found = bed.run("open-items --kind batch --data door/books --json").succeeds().json();
    let verified = bed.verified("door/books");
    let mut items = list(&found, "open_items");
    for item in &mut items {
        let item = item.as_object_mut().unwrap();
        assert_eq!(item["evidence"][0]["command"], "CloseBatch", "{item:#?}");
        assert!(item["owner_reference"].is_string(), "the owner is a courier: {item:#?}");
        item.remove("evidence");
        item.remove("owner_reference");
    }
    assert_eq!(items, list(&verified, "open_items"));
    assert_eq!(items.len(), 1, "{items:#?}");
    let shown =
        bed.run("open-items --kind batch --data door/books").succeeds().prints("Open items on ");
    for item in &items {
        let head = format!("\nopen item {}: terminal ", number(item, "/item"));
        assert!(shown.stdout().contains(&head), "{head}{shown}");
        for line in item["lines"].as_array().unwrap() {
            let stan = format!("\n  line        STAN {:06}: books ", number(line, "/stan"));
            assert!(shown.stdout().contains(&stan), "{stan}{shown}");
        }
    }
    let chinese = bed.run("open-items --kind batch --data door/books --lang zh").succeeds();
    chinese.prints("未清项（").prints("待查账项 ").prints("流水号");
    bed.run("balances --data door/books")
        .succeeds()
        .prints("\nbatches      1  (doorstep open-items --kind batch --data door/books)\n");
}

#[test]
fn balances_say_how_many_are_open() {
    let bed = Bed::new();
    books(&bed);
    let count = |command: &str, name: &str| {
        list(&bed.run(&format!("{command} --data books --json")).succeeds().json(), name).len()
    };
    let breaks = count("breaks", "breaks");
    assert_eq!(count("open-items --kind batch", "items"), 0, "a day decides its open items");
    bed.run("balances --data books")
        .succeeds()
        .prints(&format!("\nopen breaks  {breaks}  (doorstep breaks --data books)\n"));
    bed.run("day --parcels 20 --faults 0 --refusals 0 --data quiet").succeeds();
    bed.run("balances --data quiet").succeeds().prints("\nopen breaks  0\nbatches      0\n");
    bed.run("breaks --data quiet").succeeds().prints(": 0\n").says_nothing();
    bed.run("breaks --data nowhere").fails("error: there is no data directory nowhere; ");
}
