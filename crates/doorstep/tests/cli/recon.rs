//! `recon`: what is open, why, how it is closed, and what is due.

use serde_json::Value;

use super::support::{Bed, Ran, number, records, text};
use super::take::{books, clearing_file};

/// A statement of the account `main` of one day: entries as `AMOUNT REFERENCE`.
fn statement(bed: &Bed, name: &str, date: &str, balances: [&str; 2], entries: &[&str]) {
    let columns = "account,date,type,amount,currency,bank_reference,our_reference,text\n";
    let line = |kind: &str, rest: &str| format!("main,{date},{kind},{rest}\n");
    let mut all = columns.to_owned() + &line("opening", &format!("{},CNY,,,", balances[0]));
    for (place, entry) in entries.iter().enumerate() {
        let (amount, reference) = entry.split_once(' ').unwrap();
        all += &line("entry", &format!("{amount},CNY,B-{place},{reference},"));
    }
    bed.write(name, all + &line("closing", &format!("{},CNY,,,", balances[1])));
}

#[track_caller]
fn open(bed: &Bed, filter: &str) -> Vec<Value> {
    let listed = bed.run(&format!("recon breaks --data books --json {filter}")).succeeds().json();
    listed["open"].as_array().unwrap().clone()
}

/// The list as CSV, with what `fill` says of each row in a column.
fn filled(list: &str, fill: impl Fn(usize, &str) -> (&'static str, String)) -> String {
    let mut reader = csv::Reader::from_reader(list.as_bytes());
    let head = reader.headers().unwrap().clone();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&head).unwrap();
    for (place, record) in reader.records().enumerate() {
        let record = record.unwrap();
        let (column, content) = fill(place, &record[0]);
        let cells = head.iter().zip(&record).map(|(name, cell)| match name == column {
            true => content.clone(),
            false => cell.to_owned(),
        });
        writer.write_record(cells).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// Books with three lines of a network and one entry of a bank that nothing explains.
fn books_with_breaks(bed: &Bed) {
    books(bed);
    bed.write("alpha.csv", clearing_file("alpha", "2013-08-28", 3));
    bed.run("file alpha.csv --network alpha --bank main --data books").succeeds();
    statement(bed, "main.csv", "2013-08-28", ["0.00", "5.00"], &["5.00 "]);
    bed.run("file main.csv --bank main --data books").succeeds();
}

#[test]
fn what_is_open_has_lane_file_line_kind_and_the_next_command() {
    let bed = Bed::new();
    books_with_breaks(&bed);
    let mut rows = open(&bed, "");
    // What the file moved is on no statement yet.
    let movement = rows.iter().position(|row| text(row, "/what") == "movement").unwrap();
    let movement = rows.remove(movement);
    assert_eq!((text(&movement, "/kind"), number(&movement, "/amount")), ("awaited", 3 * 995));
    let row = |row: &Value| {
        let place = (number(row, "/file"), number(row, "/line"), number(row, "/amount"));
        (text(row, "/lane").to_owned(), text(row, "/kind").to_owned(), place)
    };
    let network = |line| ("network".to_owned(), "unknown_reference".to_owned(), (1, line, 995));
    let mut found: Vec<_> = rows.iter().map(row).collect();
    found.sort();
    let bank = ("bank".to_owned(), "no_reference".to_owned(), (1, 1, 500));
    assert_eq!(found, [bank, network(2), network(3), network(4)]);
    let next = text(&rows[0], "/next");
    assert!(next.starts_with("doorstep break assign "), "{next}");
    for (filter, count) in [
        ("--lane network", 3),
        ("--lane alpha", 3),
        ("--lane main", 2),
        ("--kind no-reference", 1),
        ("--kind fee-drift", 0),
        ("--owner nobody", 5),
        ("--owner bo", 0),
        ("--older-than 0", 0),
    ] {
        assert_eq!(open(&bed, filter).len(), count, "{filter}");
    }
    let listed = bed.run("recon breaks --data books").succeeds();
    listed.prints("network alpha").prints("unknown reference").prints("1/2");
    let chinese = bed.run("recon breaks --data books --lang zh").succeeds();
    chinese.prints("参考号不存在").prints("无参考号");
}

#[test]
fn a_list_that_is_filled_in_is_checked_whole_and_closed_by_two_persons() {
    let bed = Bed::new();
    books_with_breaks(&bed);
    let list = bed.run("recon breaks --data books --csv --lane network").succeeds();
    let list = list.stdout().to_owned();
    assert_eq!(records(&list).len(), 3);
    let close = "recon close --file list.csv --data books";
    bed.write("list.csv", &list);
    bed.run(close).fails("no row has a resolution; fill in the column `resolution`");
    let before = bed.verified("books");
    let bad = ["WriteOff", "ToSeller=nobody", "WriteIn"];
    bed.write("list.csv", filled(&list, |place, _| ("resolution", bad[place].to_owned())));
    let refused = bed.run(close).fails("nothing is carried out:\n  line 3, resolution: ");
    refused.says("\n  line 4, resolution: ");
    bed.run(&format!("{close} --lang zh")).fails("未执行任何一行：\n  第 3 行，resolution：");
    let first = records(&list)[0]["id"].clone();
    bed.write("list.csv", filled(&list, |_, _| ("id", first.clone())));
    let twice = bed.read("list.csv").replace(",,\n", ",WriteOff,\n");
    bed.write("list.csv", twice);
    bed.run(close).fails("line 3, id: line 2 has the same");
    bed.write("list.csv", "id,what\n1,break\n");
    bed.run(close).fails("line 1 has no column `resolution`");
    assert_eq!(bed.verified("books")["digest"], before["digest"], "nothing was half done");

    let good = |place: usize, _: &str| {
        ("resolution", if place == 2 { "ThroughBank=main" } else { "WriteOff" }.to_owned())
    };
    bed.write("list.csv", filled(&list, good));
    let counts = |ran: Ran| {
        let report = ran.succeeds().json();
        ["/rows", "/proposed", "/approved", "/repeated"].map(|path| number(&report, path))
    };
    let as_person = |who: &str| bed.run(&format!("{close} --json --person {who}"));
    assert_eq!(counts(bed.run(&format!("{close} --json --dry-run"))), [3, 3, 0, 0]);
    assert_eq!(bed.verified("books")["digest"], before["digest"], "a dry run");
    assert_eq!(counts(as_person("ann")), [3, 3, 0, 0]);
    assert_eq!(counts(as_person("ann")), [3, 0, 0, 3], "the same file again changes nothing");
    // What is proposed stands in the list that the second person fetches.
    let fetched = bed.run("recon breaks --data books --csv --lane network").succeeds();
    let proposed: Vec<String> =
        records(fetched.stdout()).iter().map(|row| row["resolution"].clone()).collect();
    let mut expected = ["ThroughBank=main", "WriteOff", "WriteOff"].map(str::to_owned).to_vec();
    expected.sort();
    let mut sorted = proposed.clone();
    sorted.sort();
    assert_eq!(sorted, expected);
    bed.write("list.csv", fetched.stdout());
    assert_eq!(counts(as_person("bo")), [3, 0, 3, 0]);
    assert_eq!(counts(as_person("bo")), [3, 0, 0, 3]);
    // What went through the bank is now to be shown by a statement.
    let left: Vec<String> = open(&bed, "").iter().map(|row| text(row, "/what").into()).collect();
    assert_eq!(left, ["break", "movement", "movement"]);
    let other = filled(fetched.stdout(), |_, _| ("resolution", "WriteOff".to_owned()));
    bed.write("list.csv", other);
    bed.run(close).fails("id: it is closed in another way; leave the row out");
    bed.verified("books");
}

#[test]
fn one_break_is_closed_by_its_id_by_two_persons() {
    let bed = Bed::new();
    books_with_breaks(&bed);
    let id = text(&open(&bed, "--kind no-reference")[0], "/id").to_owned();
    let close = format!("recon close {id} --resolution ThroughBank=main --data books --person");
    bed.run(&format!("{close} ann")).succeeds();
    bed.run(&format!("{close} ann")).ends_with(1);
    bed.run(&format!("{close} bo")).succeeds();
    let left = open(&bed, "--lane main");
    assert!(left.iter().all(|row| text(row, "/what") == "movement"), "{left:?}");
}

#[test]
fn a_break_an_entry_and_a_file_explain_themselves() {
    let bed = Bed::new();
    books_with_breaks(&bed);
    let explain = |subject: &str| {
        bed.run(&format!("recon explain {subject} --data books --json")).succeeds().json()
    };
    let file = explain("alpha/1");
    let sums: Vec<i64> = (0..3).map(|place| number(&file, &format!("/sums/{place}"))).collect();
    assert_eq!((text(&file, "/state"), sums), ("break", vec![0, 0, 3 * 995]));
    assert_eq!(file["open"].as_array().unwrap().len(), 3);
    let entry = explain("main/1/1");
    assert_eq!((text(&entry, "/state"), text(&entry, "/kind")), ("break", "no_reference"));
    assert_eq!(number(&entry, "/amount"), 500);
    let id = text(&open(&bed, "--kind no-reference")[0], "/id").to_owned();
    let found = explain(&id);
    assert_eq!(text(&found, "/kind"), "no_reference");
    assert_eq!(text(&found, "/evidence/0/command"), "TakeEntry");
    let words = bed.run(&format!("recon explain {id} --data books")).succeeds();
    words.prints("no reference").prints("doorstep break assign");
    bed.run(&format!("recon explain {id} --data books --lang zh")).succeeds().prints("无参考号");
    bed.run("recon explain nothing/9 --data books").fails("`nothing/9` is no file, entry, break");
}

/// A command at a time of a trial.
fn at(bed: &Bed, time: &str, line: &str) -> Ran {
    let mut command = bed.doorstep(line);
    command.env("DOORSTEP_TRIAL_TIME", format!("{time}:00+00:00"));
    Ran::of(&mut command)
}

/// The state of the only thing that is to arrive.
#[track_caller]
fn arrival(bed: &Bed, time: &str, calendar: &str) -> (String, String) {
    let status = at(bed, time, &format!("recon status --data books --json {calendar}"));
    let status = status.succeeds().json();
    let all = status["arrivals"].as_array().unwrap();
    let [one] = &all[..] else { panic!("one arrival: {all:?}") };
    (text(one, "/due").to_owned(), text(one, "/state").to_owned())
}

#[test]
fn a_missing_file_and_a_late_credit_are_named_when_they_are_due() {
    let bed = Bed::new();
    let first = "2013-08-28T09:00";
    at(&bed, first, "setup books --first ann --second bo --trial true --data books").succeeds();
    at(&bed, first, "setup bank main --currency CNY --data books").succeeds();
    let raise = "break raise Bank=main --side Excess --amount 5.00CNY --evidence call --owner ann";
    at(&bed, first, &format!("{raise} --data books")).succeeds();
    let is = |due: &str, state: &str| (due.to_owned(), state.to_owned());
    assert_eq!(arrival(&bed, "2013-08-28T10:00", ""), is("2013-08-29", "awaited"));
    assert_eq!(arrival(&bed, "2013-08-29T10:00", ""), is("2013-08-29", "due_today"));
    assert_eq!(arrival(&bed, "2013-08-30T10:00", ""), is("2013-08-29", "missing_file"));
    bed.write(
        "calendar.toml",
        "[[arrival]]\nlane = \"bank\"\nsender = \"main\"\nholidays = [\"2013-08-29\"]\n",
    );
    let calendar = "--calendar calendar.toml";
    assert_eq!(arrival(&bed, "2013-08-30T10:00", calendar), is("2013-08-30", "due_today"));
    let words = at(&bed, "2013-08-30T10:00", "recon status --data books").succeeds();
    words.prints("Lanes side by side").prints("FILE MISSING");
    // A statement of the day without the entry: the credit is late.
    statement(&bed, "main.csv", "2013-08-28", ["0.00", "0.00"], &[]);
    at(&bed, "2013-08-30T11:00", "file main.csv --bank main --data books").succeeds();
    assert_eq!(arrival(&bed, "2013-08-30T12:00", ""), is("2013-08-29", "late"));
    let status = at(&bed, "2013-08-30T12:00", "recon status --data books --lang zh").succeeds();
    status.prints("迟到").prints("各来源并列");
    let late = at(&bed, "2013-08-30T12:00", "recon breaks --data books --json --kind late-item");
    assert_eq!(late.succeeds().json()["open"].as_array().unwrap().len(), 1);
}
