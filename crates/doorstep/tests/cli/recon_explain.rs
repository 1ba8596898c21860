//! `recon explain` and `recon close` of what lists and explanations print themselves, and files
//! that are refused with what to do.

use peers::Rrn;
use peers::clearing::ClearingFile;
use serde_json::Value;

use super::ground::{self, Running};
use super::recon::{at, books_with_breaks, filled, found, open};
use super::support::{Bed, Ran, minor, number, records, text};
use super::take::trial_after_sales;

const MORNING: &str = "2013-11-12T04:00";

#[track_caller]
fn explained(bed: &Bed, time: &str, data: &str, subject: &str) -> Value {
    let mut command = bed.doorstep(&format!("recon explain --json --data {data}"));
    command.arg(subject).env("DOORSTEP_TRIAL_TIME", format!("{time}:00+00:00"));
    Ran::of(&mut command).succeeds().json()
}

/// Whether a list names something, with a reason.
fn names(list: &Value, what: &str, why: &str) -> bool {
    let mut all = list.as_array().unwrap().iter();
    all.any(|one| text(one, "/what") == what && text(one, "/why_not") == why)
}

#[test]
fn whatever_the_list_names_is_explained_and_own_money_finds_its_entry() {
    let bed = Bed::new();
    bed.run("day --parcels 120 --data books --files files --file-forms camt").succeeds();
    let folder = "files/2013-11-11/camt";
    let statement = found(&bed, folder, "camt.053");
    at(&bed, MORNING, &format!("file {statement} --bank bank-1 --data books")).succeeds();
    let list = at(&bed, MORNING, "recon breaks --data books --csv").succeeds();
    let rows = records(list.stdout());
    assert!(rows.len() > 10, "{list}");
    for row in &rows {
        let found = explained(&bed, MORNING, "books", &row["id"]);
        assert_eq!(text(&found, "/state"), "expected", "{row:?}");
        let amount = i128::from(minor(&row["amount"]));
        assert_eq!(i128::from(number(&found, "/amount")), amount, "{row:?}");
    }
    // The bank shows our own money, and a person raised it in the books: no key ties the two.
    let own = rows.iter().find(|row| row["id"].starts_with("break ")).unwrap();
    let entry = rows.iter().find(|row| row["what"] == "entry" && row["amount"] == own["amount"]);
    let entry = entry.unwrap();
    let how = format!("ToMovement={}", own["id"]);
    assert_eq!(entry["suggested"], how);
    let of_entry = explained(&bed, MORNING, "books", &entry["id"]);
    assert!(names(&of_entry["considered"], &own["id"], "same_amount"), "{of_entry:#}");
    let of_own = explained(&bed, MORNING, "books", &own["id"]);
    assert!(names(&of_own["considered"], &entry["id"], "same_amount"), "{of_own:#}");
    let next = format!("--resolution ToMovement='{}'", own["id"]);
    assert!(text(&of_own, "/next").ends_with(&next), "{of_own:#}");
    let break_id = own["id"].replace("break ", "brk_");
    let of_break = explained(&bed, MORNING, "books", &break_id);
    assert_eq!(text(&of_break, "/state"), "closed");
    // Another one's amount is refused, and so is the row of the movement.
    let other = rows.iter().find(|row| row["id"].starts_with("payout ")).unwrap();
    let close = |id: &str, how: &str| {
        let mut command = bed.doorstep("recon close --data books");
        command.args([id, "--resolution", how]);
        command.env("DOORSTEP_TRIAL_TIME", format!("{MORNING}:00+00:00"));
        Ran::of(&mut command)
    };
    close(&entry["id"], &format!("ToMovement={}", other["id"])).fails("only equal amounts are");
    close(&entry["id"], "ToMovement=deposit 1").fails("no such movement on no statement");
    close(&entry["id"], "WriteOff").fails("an entry of a statement is closed with `Break`");
    close(&other["id"], "Break").fails("is closed by the statement that shows it");
    close(&entry["id"], &how).succeeds();
    let closed = explained(&bed, MORNING, "books", &entry["id"]);
    assert_eq!(text(&closed, "/state"), "matched");
    assert_eq!(text(&closed, "/parts/0/what"), own["id"]);
    bed.verified("books");
    // Words that are printed are taken, too.
    let deposit = rows.iter().find(|row| row["id"].starts_with("deposit ")).unwrap();
    let words = deposit["id"].replace("deposit", "缴存");
    assert_eq!(text(&explained(&bed, MORNING, "books", &words), "/state"), "expected");
    // An entry that waits no longer has a kind in words.
    let awaited = rows.iter().find(|row| row["what"] == "entry" && row["id"] != entry["id"]);
    close(&awaited.unwrap()["id"], "Break").succeeds();
    let list = at(&bed, MORNING, "recon breaks --data books --kind not-in-books").succeeds();
    list.prints("not in the books");
    let chinese = at(&bed, MORNING, "recon breaks --data books --lang zh").succeeds();
    chinese.prints("账簿中没有");
}

#[test]
fn a_spreadsheet_keeps_the_ids_of_a_list_and_a_closed_break_says_how_and_by_whom() {
    let bed = Bed::new();
    books_with_breaks(&bed);
    let list = bed.run("recon breaks --data books --csv").succeeds();
    for row in records(list.stdout()) {
        assert!(row["id"].parse::<f64>().is_err(), "a spreadsheet would round {}", row["id"]);
    }
    let row = open(&bed, "--kind no-reference").remove(0);
    let id = text(&row, "/id").to_owned();
    let bare = id.strip_prefix("brk_").unwrap().to_owned();
    let give = |how: &str, who: &str| {
        bed.run(&format!("recon close {id} --resolution {how} --data books --person {who}"))
    };
    bed.run(&format!("break assign {id} --owner cat --data books")).fails("a person's id, or a");
    give("ToMovement={}", "ann").fails("write what moved the account as `doorstep recon breaks`");
    give("Sell", "ann").fails("ToMovement=MOVEMENT");
    give("WriteOff", "ann").succeeds();
    give("WriteOff", "bo").succeeds();
    for id in [&id, &bare] {
        let found = bed.run(&format!("recon explain {id} --data books --json")).succeeds().json();
        assert_eq!(text(&found, "/state"), "closed");
        assert_eq!(text(&found, "/closed/0/resolution"), "WriteOff");
        let commands = found["evidence"].as_array().unwrap();
        let commands: Vec<&str> = commands.iter().map(|one| text(one, "/command")).collect();
        let expected = ["TakeEntry", "ProposeBreakResolution", "ApproveBreakResolution"];
        assert_eq!(commands, expected);
    }
    let words = bed.run(&format!("recon explain {id} --data books")).succeeds();
    words.prints("WriteOff, 5.00 CNY: ").prints(" approved it on ");
    // A line of a clearing file is explained by its place, as explanations print it.
    let line = bed.run("recon explain alpha/1/3 --data books --json").succeeds().json();
    assert_eq!((text(&line, "/state"), number(&line, "/line")), ("break", 3));
    bed.run("recon explain alpha/1/9 --data books").fails("is no file, line, break, movement");
}

#[test]
fn a_line_with_nearly_the_reference_of_a_payment_names_it() {
    let bed = Bed::new();
    trial_after_sales(&bed);
    let name = "door/alpha-2013-08-28.csv";
    let mut file = ClearingFile::parse(&bed.read(name)).unwrap();
    // The books remember the requests of the last batch.
    let line = file.lines.last_mut().unwrap();
    // One digit of the STAN is wrong, on the way to the file.
    line.stan += 10;
    line.rrn = Rrn::of_request(line.sent_s * 1_000, line.stan);
    bed.write(name, file.to_text().unwrap());
    bed.run(&format!("file {name} --network alpha --data door/books")).succeeds();
    let listed =
        bed.run("recon breaks --data door/books --json --kind unknown-reference").succeeds().json();
    let id = text(&listed, "/open/0/id").to_owned();
    let found = bed.run(&format!("recon explain {id} --data door/books --json")).succeeds().json();
    let considered = &found["considered"];
    let payment = format!("{}/1", ground::parcel(4).0);
    assert!(names(considered, &payment, "nearly_same_reference"), "{found:#}");
    assert_eq!(considered.as_array().unwrap().len(), 1);
}

#[test]
fn cash_that_a_sheet_states_and_a_line_of_it_are_explained() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let cash = |place| format!("cash {}", ground::parcel(place).0);
    running.terminal(&bed, "", &[cash(2), cash(3), "settle".to_owned()]).succeeds();
    running.stop();
    let explain = |subject: &str| {
        let line = format!("recon explain {subject} --data door/books --json");
        bed.run(&line).succeeds().json()
    };
    let payments = [2, 3].map(|place| format!("{}/1", ground::parcel(place).0));
    assert_eq!(text(&explain(&payments[0]), "/state"), "nowhere", "the firm sent no sheet");
    let (parcel, amount) = ground::parcel(2);
    let rows = format!("{parcel},{amount},R-1\nnothing,1.00,R-1\n");
    bed.write("sheet.csv", format!("订单号,代收货款,账单编号\n{rows}"));
    let today = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    let line = format!(
        "file sheet.csv --profile courier-cn --encoding utf-8 --data door/books --date {today}"
    );
    bed.run(&format!("{line} --firm bench-couriers")).succeeds();
    let stated = explain(&payments[0]);
    assert_eq!((text(&stated, "/state"), text(&stated, "/lane")), ("matched", "firm"));
    assert_eq!(text(&stated, "/parts/0/what"), "bench-couriers/1/1");
    let of_line = explain("bench-couriers/1/1");
    assert_eq!(text(&of_line, "/state"), "matched");
    assert_eq!(text(&of_line, "/rule/name"), "exact-key");
    let other = explain(&payments[1]);
    assert_eq!((text(&other, "/state"), text(&other, "/due/lane")), ("expected", "firm"));
    let broken = explain("bench-couriers/1/2");
    assert_eq!((text(&broken, "/state"), text(&broken, "/kind")), ("break", "unknown_reference"));
    let close = "recon close bench-couriers/1/2 --data door/books --resolution";
    bed.run(&format!("{close} Break")).fails("a line of a sheet is closed with `Seen` here");
    bed.run(&format!("{close} Seen")).succeeds();
    bed.run(&format!("{close} Seen --json")).succeeds().prints("\"repeated\":1");
    bed.verified("door/books");
}

#[test]
fn another_firm_s_sheet_and_another_currency_are_named() {
    let bed = Bed::new();
    let forms = "--file-forms sheet-china,sheet-india";
    bed.run(&format!("day --parcels 60 --data books --files files {forms}")).succeeds();
    let folder = "files/2013-11-11";
    let sheet = found(&bed, &format!("{folder}/sheet-china/firm-2"), "remittance");
    let take = |line: &str| at(&bed, MORNING, &format!("file {line} --data books"));
    let before = bed.verified("books");
    let other = take(&format!("{sheet} --firm firm-1 --profile courier-cn"));
    other.fails("no parcel of the sheet is with `firm-1`; those of lines 2, 3, 4, 5, 6 and");
    let other = take(&format!("{sheet} --firm firm-1 --profile courier-cn --lang zh"));
    other.fails("请给出 --firm firm-2");
    let india = found(&bed, &format!("{folder}/sheet-india/firm-1"), "awb");
    let refused = take(&format!("{india} --firm firm-1"));
    refused.fails("the profile `shiprocket-parcels` says that amounts are in INR, but `firm-1`");
    assert_eq!(bed.verified("books")["digest"], before["digest"]);
    // As the message says.
    let profile = bed.run("profile show shiprocket-parcels").succeeds();
    bed.write("my-sheet.toml", profile.stdout().replace("\"INR\"", "\"CNY\""));
    bed.run("profile check my-sheet.toml").succeeds().prints("The profile is valid");
    let taken = take(&format!("{india} --firm firm-1 --profile my-sheet.toml --json"));
    let report = taken.succeeds().json();
    let lines = number(&report, "/files/0/lines");
    assert_eq!(number(&report, "/files/0/parts/matched/lines"), lines);
    assert!(lines > 0);
    // One parcel of another firm among those of the firm is a break.
    let profiles = bed.run("profile list").succeeds();
    profiles.prints("shiprocket-parcels").prints("shopify");
    bed.run("profile show shiprocket").fails("there is no profile `shiprocket`");
}

#[test]
fn what_is_no_file_is_named_with_what_to_do() {
    let bed = Bed::new();
    books_with_breaks(&bed);
    bed.write("empty.csv", "");
    bed.private_directory("folder");
    for (name, en, zh) in [
        ("empty.csv", "empty.csv is empty; ask for the file again", "empty.csv 为空；请重新索取"),
        ("folder", "folder is a folder; give the files in it", "folder 是文件夹；请给出其中的文件"),
        (
            "README",
            "README: there is no such file; check the path",
            "README：没有该文件；请检查路径",
        ),
    ] {
        for (line, prefix) in [("file", ""), ("file --bank main --profile bank-csv", "")] {
            bed.run(&format!("{line} {name} --data books")).fails(&format!("{prefix}{en}"));
            bed.run(&format!("{line} {name} --data books --lang zh")).fails(zh);
        }
    }
    for (name, en) in [
        ("empty.csv", "empty.csv: the file is empty; give the list that"),
        ("folder", "folder is a folder"),
        ("README", "README: there is no such file"),
    ] {
        bed.run(&format!("recon close --file {name} --data books")).fails(en);
    }
    let list = bed.run("recon breaks --data books --csv --lane network").succeeds();
    let bad = filled(list.stdout(), |_, _| ("resolution", "ToMovement={}".to_owned()));
    bed.write("list.csv", bad);
    let refused = bed.run("recon close --file list.csv --data books").fails("nothing is carried");
    refused.says("line 2, resolution: write what moved the account as");
}
