//! Bank messages: valid by the official schema, with the amounts of the payout CSV.

use std::collections::BTreeMap;
use std::path::Path;

use super::support::{Bed, Ran, minor, real, records, tool};

const SCHEMA: &str = "iso20022/pain001/pain.001.001.09.xsd";

/// The content of all elements with a name.
pub fn elements<'x>(xml: &'x str, name: &str) -> Vec<&'x str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let ends = xml.split(open.as_str()).skip(1);
    ends.filter(|rest| rest.starts_with(['>', ' ']))
        .map(|rest| rest.split_once('>').unwrap().1.split_once(close.as_str()).unwrap().0)
        .collect()
}

#[test]
fn the_bank_s_schema_accepts_every_message_and_the_sums_are_the_plan_s() {
    let bed = Bed::new();
    let (_, day) = bed.day_with_a_returned_payout();
    let messages: Vec<&str> =
        day["messages"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    assert_eq!(messages.len(), 2, "a second plan pays the returned payout: {day:#}");

    let mut net: BTreeMap<String, i64> = BTreeMap::new();
    for line in records(&bed.read(day["payouts"].as_str().unwrap())) {
        net.insert(line["payout"].clone(), minor(&line["net"]));
    }
    let mut ids = Vec::new();
    for message in &messages {
        let xml = bed.read(message);
        let amounts = elements(&xml, "InstdAmt");
        let payouts = elements(&xml, "EndToEndId");
        assert_eq!(elements(&xml, "CdtTrfTxInf").len(), amounts.len());
        let sum: i64 = amounts.iter().map(|amount| minor(amount)).sum();
        // One of the message, one of its only payment.
        assert_eq!(elements(&xml, "NbOfTxs"), vec![amounts.len().to_string(); 2]);
        let control_sums: Vec<i64> = elements(&xml, "CtrlSum").into_iter().map(minor).collect();
        assert_eq!(control_sums, [sum; 2]);
        for (payout, amount) in payouts.into_iter().zip(amounts) {
            assert_eq!(net.remove(payout), Some(minor(amount)), "payout {payout} of {message}");
        }
        ids.extend(elements(&xml, "MsgId").into_iter().map(str::to_owned));
    }
    assert_eq!(net, BTreeMap::new(), "every payout is in a message");
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1], "each message has an id of its own");

    for message in messages {
        assert!(
            bed.read(message).contains("<Prtry>DOORSTEP-TRIAL</Prtry>"),
            "it says that it is for trials"
        );
        assert_valid(&bed, Path::new(message));
    }
}

/// Checks a message against the official schema, if that is there.
#[track_caller]
pub fn assert_valid(bed: &Bed, message: &Path) {
    let Some(schema) = real(SCHEMA) else { return };
    let mut xmllint = tool(bed, "xmllint");
    xmllint.arg("--noout").arg("--schema").arg(&schema).arg(message);
    Ran::of(&mut xmllint).succeeds().says("validates");
}

#[test]
fn a_plan_and_the_csv_can_be_written_again() {
    let bed = Bed::new();
    bed.faulty_day(100);
    bed.run("payouts --data books --format csv --out again.csv").succeeds().prints("payouts");
    assert_eq!(bed.read("again.csv"), bed.read("books/payouts.csv"));
    // The bank has confirmed them.
    let again = "payouts --data books --format pain001 --out again";
    let refused = bed.run(again).fails("error: NOT WRITTEN: 1 messages went to the bank before");
    assert!(refused.stderr().contains(", returned "), "{refused}");
    assert!(!bed.has("again"), "nothing is written");
    bed.run(&format!("{again} --lang zh")).fails("未写出：有 1 份报文此前已发给银行");
    let day = bed.run(&format!("{again} --again --json")).succeeds();
    let day = day.says("WARNING: 1 messages went to the bank before").json();
    let sent = day["sent_before"].as_array().unwrap();
    assert!(!sent[0]["confirmed"].as_array().unwrap().is_empty(), "{day:#}");
    let file = day["messages"][0]["file"].as_str().unwrap().to_owned();
    let name = file.strip_prefix("again/").unwrap();
    assert_eq!(bed.read(&file), bed.read(format!("books/{name}")));
    assert!(elements(&bed.read(&file), "MsgId")[0].starts_with("TRIAL-PLAN-"));
    bed.run("payouts --data books --format pain001 --plan 9 --out never.xml").fails(
        "error: --plan 9: no plan with this id was executed with payouts; the latest ones: ",
    );
    bed.run("payouts --data books --format csv --out no/such/directory.csv").fails(
        "error: no/such/directory.csv cannot be written (create): No such file or directory",
    );
    assert!(!bed.has("never.xml"));
}

#[test]
fn without_payouts_there_is_no_bank_message() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    bed.run("import --orders orders.csv --profile doorstep --data books").succeeds();
    bed.run("payouts --data books --format pain001 --out never.xml").fails(
        "error: no settlement plan was executed in these books that was asked for, so there is ",
    );
    bed.run("explain payout 1 --data books")
        .fails("error: there is no payout 1: these books have no payouts yet\n");
}
