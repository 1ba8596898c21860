//! `statement --firm`: what a firm earned, bore and was paid adds up to its account.

use serde_json::Value;

use super::support::{Bed, number, records, text};

const TARIFF: &str = include_str!("../data/three-currencies.toml");

const PERSONS: &str = "--proposed-by 1 --approved-by 2 --data books";

#[track_caller]
fn json(bed: &Bed, command: &str) -> Value {
    bed.run(&format!("{command} --data books --json")).succeeds().json()
}

/// The balances of the accounts of a kind, debits less credits.
fn balance(bed: &Bed, kind: &str) -> i64 {
    let balances = bed.run("balances --data books --json").succeeds();
    let lines = balances.stdout().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let wanted = lines.filter(|line| text(line, "/account").starts_with(kind));
    wanted.map(|line| number(&line, "/amount")).sum()
}

#[test]
fn a_firms_statement_adds_up_to_its_account_and_names_what_was_withheld() {
    let bed = Bed::new();
    bed.write("three.toml", TARIFF);
    let flags = "--parcels 200 --seed 2 --faults 400 --tariff three.toml --class plain";
    let day = bed.run(&format!("day {flags} --data books --json")).succeeds().json();
    let firms = json(&bed, "cash");
    let firms: Vec<&str> =
        firms["firms"].as_array().unwrap().iter().map(|firm| text(firm, "/firm")).collect();
    let (mut earned, mut freight) = (0, 0);
    for firm in &firms {
        let all = json(&bed, &format!("statement --firm {firm} --from 2013-01-01"));
        let sum = |key: &str| number(&all, &format!("/{key}"));
        let by_method = sum("earned/card") + sum("earned/qr") + sum("earned/cash");
        let borne = sum("return_fees") + sum("offline_losses") + sum("damages") + sum("shortages");
        assert_eq!((sum("opening"), sum("paid"), sum("withheld")), (0, 0, 0));
        assert_eq!(sum("closing"), by_method + sum("freight") - borne, "{all:#}");
        let account = format!("liabilities:firm-commission:{firm}");
        assert_eq!(sum("closing"), -balance(&bed, &account), "{firm}");
        assert_eq!(sum("became_payable"), sum("payable") + borne);
        earned += by_method - borne;
        freight += sum("freight");
    }
    assert_eq!(
        (earned, freight),
        (number(&day, "/fees/commission"), number(&day, "/fees/freight"))
    );
    assert!(freight > 0 && number(&day, "/fees/vat") > 0, "{day:#}");
    assert_eq!(-balance(&bed, "liabilities:vat-payable"), number(&day, "/fees/vat"));

    // The next commands have the time of this machine, on a later day.
    let limit = "setup refund-limit CNY --limit 100.00CNY";
    bed.run(&format!("{limit} {PERSONS}")).succeeds();
    let today = text(&json(&bed, "status"), "/date").to_owned();
    let firm = firms[0];
    let terms = format!("terms firm {firm} --from {today} --guarantee 0 --withholding 10.5%");
    bed.run(&format!("{terms} {PERSONS}")).succeeds();
    let log = bed.run("log --data books").succeeds();
    let words: Vec<&str> = log.stdout().split_whitespace().collect();
    assert!(words.join(" ").contains("guarantee 0.00 CNY, 10.5% withheld"), "{log}");
    let before = json(&bed, &format!("statement --firm {firm}"));
    let payable = number(&before, "/payable");
    let bank = json(&bed, "accounts --kind assets:bank");
    let bank = text(&bank["accounts"][0], "/account").trim_start_matches("assets:bank:").to_owned();
    let typed = |minor: i64| format!("{}.{:02}CNY", minor / 100, minor % 100);
    let amount = typed(payable);
    let pay = format!("settlement commission {firm} --bank {bank} --amount {amount}");
    bed.run(&format!("{pay} {PERSONS}")).succeeds();
    let after = json(&bed, &format!("statement --firm {firm}"));
    let withheld = (payable * 105 + 500) / 1_000;
    let sum = |key: &str| number(&after, &format!("/{key}"));
    assert_eq!((sum("withheld"), sum("paid")), (withheld, payable - withheld));
    assert_eq!((sum("payable"), sum("became_payable")), (0, 0));
    assert_eq!(sum("opening") - payable, sum("closing"));
    let shown = bed.run(&format!("statement --firm {firm} --data books")).succeeds();
    shown.prints("\n  tax withheld      -").prints("\nclosing balance ");
    let shown = bed.run(&format!("statement --firm {firm} --data books --lang zh")).succeeds();
    shown.prints("代扣税款").prints("期末余额");
    let tax = format!("settlement tax Withholding --bank {bank} {PERSONS}");
    bed.run(&format!("{tax} --amount {}", typed(withheld + 1))).fails("exceeds");
    bed.run(&format!("{tax} --amount {}", typed(withheld))).succeeds();
    assert_eq!(balance(&bed, "liabilities:withholding-payable"), 0);
    bed.run("statement --firm nobody --data books").fails("nobody");
    let of_firm = |days: &str| bed.run(&format!("statement --firm {firm} {days} --data books"));
    of_firm("--from 2013-08-29 --until 2013-08-28").fails("is after the last one, 2013-08-28");
    of_firm("--until 2099-01-01").fails("is still to come");
    of_firm("--until 2013-08-28").succeeds();
    let sellers = records(&bed.read("books/payouts.csv"));
    let seller = &sellers[0]["seller"];
    for days in ["--from 2013-08-28", "--until 2013-08-28"] {
        let refused = bed.run(&format!("statement {seller} {days} --data books"));
        refused.fails("--from and --until are for a firm's statement");
    }
    bed.verified("books");
}
