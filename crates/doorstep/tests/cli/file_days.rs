//! Of which day a file is, files in any order of their days, and files that bring nothing new.

use peers::clearing::{ClearingFile, ClearingLine};
use serde_json::Value;

use super::ground::{self, Running};
use super::support::{Bed, text};
use super::take::{books, clearing_file};

#[track_caller]
fn days(bed: &Bed, line: &str) -> [String; 2] {
    let taken: Value = bed.run(&format!("file {line} --data books --json")).succeeds().json();
    ["/from", "/until"].map(|path| text(&taken["files"][0], path).to_owned())
}

/// A bill of WeChat Pay: `TIME ORDER` a line.
fn bill(lines: &[&str]) -> String {
    let mut all = "交易时间,商户号,微信订单号,商户订单号,交易状态,货币种类,应结订单金额,\
                   退款金额,手续费\n"
        .to_owned();
    for line in lines {
        let (time, order) = line.rsplit_once(' ').unwrap();
        all += &format!("`{time},`19,`42{order},`{order},`SUCCESS,`CNY,`10.00,`0.00,`0.06000\n");
    }
    all += "总交易单数,应结订单总金额,退款总金额,手续费总金额\n";
    let (count, fees) = (lines.len(), lines.len() * 6);
    all + &format!("`{count},`{count}0.00,`0.00,`{}.{:02}000\n", fees / 100, fees % 100)
}

#[test]
fn a_file_is_of_the_day_that_it_says_and_not_of_the_day_when_it_is_given() {
    let bed = Bed::new();
    books(&bed);
    let bill_of = |name: &str, lines: &[&str]| bed.write(name, bill(lines));
    let line = |name: &str| format!("{name} --wallet red --bank main --profile wechat-bill");
    bill_of("bill.csv", &["2013-08-28 23:59:59 A1", "2013-08-28 00:00:00 A2"]);
    assert_eq!(days(&bed, &line("bill.csv")), ["2013-08-28", "2013-08-28"]);
    bill_of("two-days.csv", &["2013-08-26 23:59:59 A3", "2013-08-27 00:00:00 A4"]);
    assert_eq!(days(&bed, &line("two-days.csv")), ["2013-08-26", "2013-08-27"]);
    // Nothing in it has a day: neither is the clock's day its own.
    bill_of("nothing.csv", &[]);
    let nothing = line("nothing.csv");
    bed.run(&format!("file {nothing} --data books"))
        .fails("the file does not say of which day it is; give --date YYYY-MM-DD");
    assert_eq!(days(&bed, &format!("{nothing} --date 2013-08-29")), ["2013-08-29"; 2]);
    bed.write("red-2013-08-30.csv", bill(&[]) + "\n");
    assert_eq!(days(&bed, &line("red-2013-08-30.csv")), ["2013-08-30"; 2]);
    // A file that says its day has no other one.
    bed.write("alpha.csv", clearing_file("alpha", "2013-08-28", 1));
    let alpha = "file alpha.csv --network alpha --bank main --data books --date";
    bed.run(&format!("{alpha} 2013-08-27")).fails("names 2013-08-27, but the file says 2013-08-28");
    bed.run(&format!("{alpha} 2013-08-28")).succeeds();
    bed.verified("books");
}

#[test]
fn files_of_a_sender_come_in_any_order_of_their_days() {
    let bed = Bed::new();
    books(&bed);
    for day in ["2013-08-29", "2013-08-27", "2013-08-28"] {
        bed.write("alpha.csv", clearing_file("alpha", day, 2));
        let line = "alpha.csv --network alpha --bank main";
        assert_eq!(days(&bed, line), [day.to_owned(), day.to_owned()]);
    }
    bed.verified("books");
}

#[test]
fn a_file_without_anything_new_is_refused_unless_it_is_meant() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "--clearing door --date 2013-08-28");
    let script = [2, 3, 4].map(|place| format!("sell {}", ground::parcel(place).0));
    running.terminal(&bed, "", &[&script[..], &["settle".to_owned()]].concat()).succeeds();
    running.stop();
    let line = |name: &str| format!("file {name} --network alpha --data door/books");
    let all = "door/alpha-2013-08-28.csv";
    let whole = ClearingFile::parse(&bed.read(all)).unwrap();
    assert_eq!(whole.lines.len(), 3);
    let some = |lines: &[ClearingLine]| ClearingFile { lines: lines.to_vec(), ..whole.clone() };
    bed.write("first.csv", some(&whole.lines[..2]).to_text().unwrap());
    // Given together, they would be the same breaks: nothing is taken of either.
    let empty = bed.verified("door/books");
    bed.run(&line(&format!("{all} first.csv"))).fails("2 of the 2 lines of the second are in the");
    assert_eq!(bed.verified("door/books")["digest"], empty["digest"]);
    bed.run(&line("first.csv")).succeeds();
    // The whole day behind a part of it would be two breaks: the part that is missing is none.
    let before = bed.verified("door/books");
    bed.run(&line(all)).fails("the books have 2 of its 3 lines already, most likely from file 1");
    bed.run(&format!("{} --lang zh", line(all))).fails("其 3 行中有 2 行账簿中已有");
    assert_eq!(bed.verified("door/books")["digest"], before["digest"]);
    bed.write("rest.csv", some(&whole.lines[2..]).to_text().unwrap());
    let rest: Value = bed.run(&format!("{} --json", line("rest.csv"))).succeeds().json();
    assert_eq!(rest["files"][0]["taken"], 1);
    // The same day with its lines turned around is another file by its bytes.
    let mut turned = whole.clone();
    turned.lines.reverse();
    bed.write("turned.csv", turned.to_text().unwrap());
    let before = bed.verified("door/books");
    let words = "the books have every line of it from file 2 of 2013-08-28, which was taken as";
    bed.run(&line("turned.csv")).fails(words);
    bed.run(&format!("{} --lang zh", line("turned.csv"))).fails("同一日期的另一种格式");
    bed.run(&format!("{} --dry-run", line("turned.csv"))).fails(words);
    // Ten lines of which the books know nothing are of somebody else.
    bed.write("other.csv", clearing_file("alpha", "2013-08-28", 10));
    bed.run(&line("other.csv")).fails("none of its 10 lines is what the books expect of `alpha`");
    assert_eq!(bed.verified("door/books")["digest"], before["digest"]);
    let meant = bed.run(&format!("{} --accept-breaks", line("turned.csv"))).succeeds();
    meant.prints("to look at 3").prints("another line has the same reference");
    bed.run(&format!("{} --accept-breaks", line("other.csv"))).succeeds().prints("to look at 10");
    bed.verified("door/books");
}

#[test]
fn a_statement_in_another_form_is_the_same_statement() {
    let bed = Bed::new();
    books(&bed);
    let columns = "account,date,type,amount,currency,bank_reference,our_reference,text\n";
    let day = |kind: &str, amount: &str| {
        let reference = if kind == "entry" { "B1" } else { "" };
        format!("main,2013-08-28,{kind},{amount},CNY,{reference},,\n")
    };
    let all = [day("opening", "1.00"), day("entry", "2.00"), day("closing", "3.00")].concat();
    bed.write("first.csv", format!("{columns}{all}"));
    bed.run("file first.csv --bank main --data books").succeeds();
    let mt940 = "{1:F01A}{2:I940A}{4:\n:20:S1\n:25:main\n:28C:1/1\n:60F:C130828CNY1,00\n\
                 :61:1308280828C2,00NTRFNONREF//B1\n:62F:C130828CNY3,00\n-}";
    bed.write("second.sta", mt940);
    bed.run("file second.sta --bank main --profile mt940 --data books")
        .fails("the statement up to 2013-08-28 was taken before, as `bank-csv`");
}

#[test]
fn of_files_that_are_given_together_all_are_taken_or_none() {
    let bed = Bed::new();
    books(&bed);
    let columns = "account,date,type,amount,currency,bank_reference,our_reference,text\n";
    let statement = |name: &str, day: &str, opening: &str, closing: &str| {
        let line = |kind: &str, amount: &str| format!("main,{day},{kind},{amount},CNY,,,\n");
        let lines = [line("opening", opening), line("closing", closing)].concat();
        bed.write(name, format!("{columns}{lines}"));
    };
    statement("first.csv", "2013-08-27", "1.00", "1.00");
    statement("second.csv", "2013-08-28", "1.00", "1.00");
    statement("gap.csv", "2013-08-29", "7.00", "7.00");
    let before = bed.verified("books");
    let all = "file gap.csv second.csv first.csv --bank main --data books";
    bed.run(all).fails("entries are missing in between");
    assert_eq!(bed.verified("books")["digest"], before["digest"]);
    let two = bed.run("file second.csv first.csv --bank main --data books --json").succeeds();
    assert_eq!(two.json()["files"].as_array().unwrap().len(), 2);
}
