//! `recon`: what is open, why, how it is closed, and what is due.

use serde_json::Value;

use super::ground::{self, Running};
use super::support::{Bed, Ran, minor, number, records, text};
use super::take::{books, clearing_file};

/// A statement of the account `main` of one day: entries as `AMOUNT REFERENCE`.
pub fn statement(bed: &Bed, name: &str, date: &str, balances: [&str; 2], entries: &[&str]) {
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
pub fn open(bed: &Bed, filter: &str) -> Vec<Value> {
    let listed = bed.run(&format!("recon breaks --data books --json {filter}")).succeeds().json();
    listed["open"].as_array().unwrap().clone()
}

/// The list as CSV, with what `fill` says of each row in a column.
pub fn filled(list: &str, fill: impl Fn(usize, &str) -> (&'static str, String)) -> String {
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
pub fn books_with_breaks(bed: &Bed) {
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
    bed.run("recon breaks --data books --lane netwrok").fails("--lane netwrok: write network,");
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
    let mut sorted: Vec<String> =
        records(fetched.stdout()).iter().map(|row| row["resolution"].clone()).collect();
    let mut expected = ["ThroughBank=main", "WriteOff", "WriteOff"].map(str::to_owned).to_vec();
    expected.sort();
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

/// A list of one row: the first break of the network with this resolution, part and amount.
fn one_row(list: &str, resolution: &str, part: &str, amount: Option<&str>) -> String {
    let rows = records(list);
    let amount = amount.unwrap_or(&rows[0]["amount"]);
    let id = &rows[0]["id"];
    format!("id,amount,resolution,part\n{id},{amount},{resolution},{part}\n")
}

#[test]
fn a_list_closes_only_what_it_was_written_of() {
    let bed = Bed::new();
    books_with_breaks(&bed);
    let list = || {
        let list = bed.run("recon breaks --data books --csv --lane network").succeeds();
        list.stdout().to_owned()
    };
    let first = list();
    let close = |who: &str| bed.run(&format!("recon close --file list.csv --data books {who}"));
    // A part that is given again closes nothing more.
    bed.write("list.csv", one_row(&first, "WriteOff", "2.00", None));
    close("--dry-run").succeeds().prints("  WriteOff: 1 rows, 2.00 CNY");
    for who in ["--person ann", "--person bo"] {
        close(who).succeeds();
    }
    for who in ["--person ann", "--person bo"] {
        close(who).succeeds().prints("proposed 0, closed 0, entries decided 0, done before 1");
    }
    let now = list();
    let left = |list: &str| records(list).iter().map(|row| row["amount"].clone()).collect();
    let (before, after): (Vec<String>, Vec<String>) = (left(&first), left(&now));
    assert_eq!((&before[0][..], &after[0][..], &after[1..]), ("9.95", "7.95", &before[1..]));
    // An older list, a changed amount, and one without amounts close nothing.
    bed.write("list.csv", one_row(&first, "WriteOff", "", None));
    close("--person ann").fails("amount: the list says 9.95, but 7.95 are open now");
    bed.write("list.csv", one_row(&now, "WriteOff", "", Some("79.5")));
    close("--person ann").fails("amount: the list says 79.5, but 7.95 are open now");
    let id = &records(&now)[0]["id"];
    bed.write("list.csv", format!("id,resolution,part\n{id},WriteOff,1.00\n"));
    close("--person ann").fails("part: a part is closed only by a list with its column `amount`");
    // Two lists that differ do not shut both persons out.
    bed.write("list.csv", one_row(&now, "WriteOff", "", None));
    close("--person ann").succeeds();
    bed.run("recon breaks --data books").succeeds().prints("WriteOff, proposed by person 1 ann");
    bed.write("list.csv", one_row(&now, "ThroughBank=main", "", None));
    close("--person bo")
        .fails("resolution: person 1 ann proposed `WriteOff`; fill in the same to approve");
    bed.write("list.csv", one_row(&now, "WriteOff", "", None));
    close("--person bo").succeeds().prints("closed 1");
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
pub fn at(bed: &Bed, time: &str, line: &str) -> Ran {
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

#[test]
fn a_firm_s_sheet_is_held_against_the_cash_that_its_couriers_took() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let cash = |place| format!("cash {}", ground::parcel(place).0);
    let script = [cash(2), cash(3), format!("sell {}", ground::parcel(4).0), "settle".to_owned()];
    running.terminal(&bed, "", &script).succeeds();
    running.stop();
    let due = |place| minor(&ground::parcel(place).1);
    let row = |place: u64, more: i64| {
        let amount = due(place) + more;
        format!("{},{}.{:02},R-1\n", ground::parcel(place).0, amount / 100, amount % 100)
    };
    let rows =
        [row(2, 0), row(3, 100), row(4, 0), row(5, 0), "nothing,1.00,R-1\n".to_owned(), row(2, 0)];
    bed.write("sheet.csv", format!("订单号,代收货款,账单编号\n{}", rows.concat()));
    let today = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    let line = format!(
        "file sheet.csv --profile courier-cn --encoding utf-8 --data door/books --date {today}"
    );
    bed.run(&line).fails("a courier firm's sheet does not say whose it is; give --firm");
    let line = format!("{line} --firm bench-couriers --json");
    let before = bed.verified("door/books");
    let taken = bed.run(&line).succeeds().json();
    let report = &taken["files"][0];
    let sums = ["matched", "expected", "breaks"]
        .map(|part| number(report, &format!("/parts/{part}/amount")));
    let broken = due(3) + 100 + due(4) + 100 + due(2);
    assert_eq!(sums, [due(2), due(5), broken], "{report:#}");
    let reasons: Vec<&str> =
        report["listed"].as_array().unwrap().iter().map(|one| text(one, "/reason")).collect();
    let expected = ["amount_differs", "unannounced", "awaited", "unknown_reference", "duplicate"];
    assert_eq!(reasons, expected);
    // Nothing is posted, and the same sheet changes nothing.
    let after = bed.verified("door/books");
    assert_eq!(before["accounts"], after["accounts"]);
    let again = bed.run(&line).succeeds().json();
    assert_eq!(text(&again["files"][0], "/outcome"), "taken_before");
    assert_eq!(bed.verified("door/books")["digest"], after["digest"]);
    let listed = bed.run("recon breaks --data door/books --json --lane firm").succeeds().json();
    assert_eq!(listed["open"].as_array().unwrap().len(), 5);
    let list = bed.run("recon breaks --data door/books --csv --lane firm").succeeds();
    bed.write("list.csv", filled(list.stdout(), |_, _| ("resolution", "Seen".to_owned())));
    bed.run("recon close --file list.csv --data door/books")
        .fails("a line of a sheet is closed with `Break` here");
    let kinds: Vec<_> = open_of(&listed).iter().map(|row| text(row, "/kind").to_owned()).collect();
    let seen = filled(list.stdout(), |place, _| {
        let is_awaited = kinds[place] == "awaited";
        ("resolution", if is_awaited { "Break" } else { "Seen" }.to_owned())
    });
    bed.write("list.csv", seen);
    let closed = bed.run("recon close --file list.csv --data door/books --json").succeeds().json();
    assert_eq!((number(&closed, "/decided"), number(&closed, "/proposed")), (5, 0));
    bed.verified("door/books");
}

fn open_of(listed: &Value) -> &[Value] {
    listed["open"].as_array().unwrap()
}

/// The only file of a folder whose name has this part.
#[track_caller]
pub fn found(bed: &Bed, folder: &str, part: &str) -> String {
    let all = std::fs::read_dir(bed.path(folder)).unwrap();
    let names = all.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let [name] = &names.filter(|name| name.contains(part)).collect::<Vec<_>>()[..] else {
        panic!("one file with {part} in {folder}")
    };
    format!("{folder}/{name}")
}

#[test]
fn files_of_a_simulated_day_are_joined_to_those_that_they_are_of() {
    let bed = Bed::new();
    let day = "day --parcels 120 --data books --files files --file-forms cups,camt,sheet-china";
    bed.run(day).succeeds();
    let morning = |line: &str| at(&bed, "2013-11-12T04:00", &format!("file {line} --data books"));
    let json = |line: &str| morning(&format!("{line} --json")).succeeds().json();
    let folder = "files/2013-11-11";
    // A batch of deposits and one of payouts: their transactions are in the notification.
    let [statement, notification] =
        ["053", "054"].map(|kind| found(&bed, &format!("{folder}/camt"), &format!("camt.{kind}")));
    morning(&format!("{notification} --bank bank-1")).fails("has only details or sums of what");
    let alone = json(&format!("{statement} --bank bank-1 --dry-run"));
    let joined = json(&format!("{statement} {notification} --bank bank-1"));
    let waiting = |report: &Value| number(report, "/files/0/to_look_at");
    assert_eq!((waiting(&alone), waiting(&joined)), (3, 1), "{joined:#}");
    let awaited = joined["files"][0]["listed"][0]["reason"].as_str();
    assert_eq!(awaited, Some("awaited"), "own money, of which the books do not know");
    // Each firm's sheet states the cash of its couriers.
    for firm in ["firm-1", "firm-2", "firm-3"] {
        let sheet = found(&bed, &format!("{folder}/sheet-china/{firm}"), "remittance");
        let taken = json(&format!("{sheet} --firm {firm} --profile courier-cn"));
        let report = &taken["files"][0];
        let (lines, matched) = (number(report, "/lines"), number(report, "/parts/matched/lines"));
        assert!(lines > 0 && lines == matched, "{report:#}");
    }
    bed.verified("books");

    // The fees of a network's payments, and the sums of its merchants.
    let books = "--data other";
    at(
        &bed,
        "2013-11-12T04:00",
        &format!("setup books --first ann --second bo --trial true {books}"),
    )
    .succeeds();
    for line in ["bank bank-1 --currency CNY", "network network-1 --currency CNY"] {
        at(&bed, "2013-11-12T04:00", &format!("setup {line} {books}")).succeeds();
    }
    let [own, other] = ["network-1", "network-2"].map(|name| format!("{folder}/cups/{name}"));
    let [acom, fees, sums] = ["ACOM", "ALFEE", "ZSUM"].map(|part| found(&bed, &own, part));
    let [others_fees, others_sums] = ["ALFEE", "ZSUM"].map(|part| found(&bed, &other, part));
    let take = |files: &str| {
        let line =
            format!("file {files} --network network-1 {books} --dry-run --accept-breaks --json");
        at(&bed, "2013-11-12T04:00", &line)
    };
    let kept_back = |ran: Ran| number(&ran.succeeds().json(), "/files/0/sums/0/kept_back");
    let alone = kept_back(take(&acom));
    assert_eq!(kept_back(take(&format!("{sums} {fees} {acom}"))), alone, "in any order");
    take(&fees).fails("give it together with that one");
    take(&format!("{acom} {others_fees}")).fails("is of no payment of the day");
    take(&format!("{acom} {others_sums}")).fails("of the sums: the payments of this merchant");
}
