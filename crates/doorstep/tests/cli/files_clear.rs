//! Days that are cleared by files alone. Another program holds what was matched against the truth
//! that the simulated world wrote beside each file, and adds up the lines with DuckDB.

use peers::clearing::ClearingFile;
use serde_json::Value;

use super::independent::python;
use super::support::{Bed, Ran, number, text};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/files_clear.py");

/// Whose file something in the directory of a form is, as flags.
fn sender_of(path: &str) -> &'static str {
    match path {
        _ if path.contains("/network-1/") => "--network network-1",
        _ if path.contains("/network-2/") => "--network network-2",
        _ if ["gateway", "wechat", "alipay"].iter().any(|form| path.contains(form)) => {
            "--wallet wallet-1"
        }
        _ => "",
    }
}

/// The files of these forms, those that are taken together in one text.
fn files_of(bed: &Bed, day: &str, forms: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for form in forms {
        let mut folders = vec![format!("{day}/{form}")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(bed.path(&folder)).unwrap() {
                let entry = entry.unwrap();
                let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
                if entry.file_type().unwrap().is_dir() {
                    folders.push(path);
                } else if !path.ends_with("truth.csv") {
                    found.push(path);
                }
            }
        }
    }
    found.sort();
    // What only adds details is given with what it is about.
    let mut given: Vec<String> = Vec::new();
    for path in found {
        let folder = path.rsplit_once('/').unwrap().0;
        let joins = ["/cups/", "/camt"].iter().any(|form| folder.contains(form));
        let same = given.iter_mut().find(|one| joins && one.starts_with(folder));
        match same {
            Some(same) => *same += &format!(" {path}"),
            None => given.push(path),
        }
    }
    given
}

/// Takes a file on the morning of a day, and returns the answer.
#[track_caller]
fn take(bed: &Bed, morning: &str, path: &str, data: &str) -> Value {
    let sender = sender_of(path);
    let mut command = bed.doorstep(&format!("file {path} {sender} --data {data} --json"));
    command.env("DOORSTEP_TRIAL_TIME", format!("{morning}T08:00:00+08:00"));
    Ran::of(&mut command).succeeds().json()
}

/// Writes each network's file anew, in two parts and with its lines in another order.
fn split_and_turn(bed: &Bed, files: Vec<String>) -> Vec<String> {
    let mut all = Vec::new();
    for path in files {
        if !path.contains("clearing-network") {
            all.push(path);
            continue;
        }
        let whole = ClearingFile::parse(&bed.read(&path)).unwrap();
        let turned: Vec<_> = whole.lines.iter().rev().cloned().collect();
        let (first, second) = turned.split_at(turned.len() / 3);
        for (number, lines) in [(1, first), (2, second)] {
            let part = ClearingFile { lines: lines.to_vec(), ..whole.clone() };
            let path = format!("{}-{number}.csv", path.replace('/', "-"));
            bed.write(&path, part.to_text().unwrap());
            all.push(path);
        }
    }
    all
}

fn copy_books(bed: &Bed, to: &str) {
    let copied = bed.command("cp").args(["-a", "books", to]).status().unwrap();
    assert!(copied.success());
}

#[test]
fn any_set_of_files_in_any_order_gives_the_same_books() {
    let bed = Bed::new();
    let day = "day --parcels 400 --faults 200 --data books --files files --leave-clearing";
    bed.run(day).succeeds().prints("equal so far");
    let sets: [&[&str]; 6] = [
        &["ours"],
        &["ours"],
        &["cups", "gateway", "camt"],
        &["cups", "wechat", "mt940"],
        &["cups", "gateway", "bai2"],
        &["cups", "alipay", "camt-02"],
    ];
    let mut first: Option<Vec<(String, i64)>> = None;
    for (place, forms) in sets.iter().enumerate() {
        for is_reversed in [false, true] {
            let books = format!("books-{place}-{is_reversed}");
            copy_books(&bed, &books);
            let mut files = files_of(&bed, "files/2013-11-11", forms);
            assert!(files.len() >= 4, "{files:?}");
            if place == 1 {
                files = split_and_turn(&bed, files);
            }
            if is_reversed {
                files.reverse();
            }
            let mut broken = 0;
            for path in &files {
                let taken = take(&bed, "2013-11-12", path, &books);
                broken += number_of_breaks(&taken);
                let again = take(&bed, "2013-11-12", path, &books);
                assert_eq!(again["files"][0]["outcome"], "taken_before", "{again:#}");
            }
            // One account a line; how many postings there were depends on the files.
            let balances = bed.run(&format!("balances --all --data {books} --json")).succeeds();
            let accounts = balances.stdout().lines().map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                (text(&line, "/account").to_owned(), number(&line, "/amount"))
            });
            let mut now: Vec<(String, i64)> = accounts.collect();
            assert!(now.len() > 10, "{balances}");
            now.push(("breaks raised".to_owned(), broken));
            let status = bed.run(&format!("recon status --data {books} --json")).succeeds().json();
            for sum in ["statement", "not_on_statement", "expected", "before_books", "books"] {
                now.push((sum.to_owned(), number(&status, &format!("/banks/0/{sum}"))));
            }
            let same = first.get_or_insert_with(|| now.clone());
            assert_eq!(&now, same, "{forms:?}, reversed: {is_reversed}");
            bed.verified(&books);
        }
    }
}

fn number_of_breaks(taken: &Value) -> i64 {
    taken["files"].as_array().unwrap().iter().map(|one| number(one, "/breaks")).sum()
}

#[test]
fn no_line_of_faulty_files_is_matched_with_what_it_is_not_about() {
    let bed = Bed::new();
    let day = "day --parcels 1200 --data books --files files --leave-clearing --file-faults 1500";
    for _ in 0..2 {
        bed.run(day).succeeds().prints("equal so far");
    }
    bed.run(day.split_once(" --files").unwrap().0).fails("leave their clearing to files");
    let mut reports = String::new();
    for (day, morning) in [("2013-11-11", "2013-11-12"), ("2013-11-12", "2013-11-13")] {
        for path in files_of(&bed, &format!("files/{day}"), &["ours"]) {
            reports += &format!("{path}\t{}\n", take(&bed, morning, &path, "books"));
        }
    }
    bed.write("reports", reports);
    let log = bed.run("log --data books --json --limit 1000000").succeeds();
    bed.write("log.jsonl", log.stdout());
    let mut program = bed.command(python().to_str().unwrap());
    program.args(["-B", PROGRAM, "log.jsonl", "reports"]);
    program.args(["files/2013-11-11/ours/truth.csv", "files/2013-11-12/ours/truth.csv"]);
    let found = Ran::of(&mut program).succeeds().json();
    println!("precision {}, recall {}", found["precision"], found["recall"]);
    assert_eq!(found["wrong"], Value::Array(Vec::new()), "{found:#}");
    assert_eq!(found["differing"], Value::Array(Vec::new()), "{found:#}");
    let counts = found["counts"].as_object().unwrap();
    for (kind, count) in counts {
        let [lines, right] = ["/lines", "/right"].map(|path| number(count, path));
        // A line whose references are gone, or which comes a second time, is for nothing that
        // can be told; all others are found.
        let is_found = match kind.split_once(' ').unwrap() {
            (lane, _) if lane.starts_with("bank") => continue,
            (_, "reference-cut" | "twin" | "doubled") => false,
            _ => true,
        };
        assert_eq!(right, if is_found { lines } else { 0 }, "{kind}: {found:#}");
    }
    for fault in ["amount-changed", "doubled", "fee-drift", "late", "reference-cut", "twin"] {
        let planted = counts.keys().any(|kind| kind.ends_with(fault));
        assert!(planted, "no line is {fault}: {found:#}");
    }
    bed.verified("books");
}

#[test]
fn a_file_given_as_that_of_another_kind_of_sender_changes_nothing() {
    let bed = Bed::new();
    let day = "day --parcels 300 --data books --files files --leave-clearing --file-faults 3000";
    bed.run(day).succeeds();
    let folder = "files/2013-11-11";
    let bill = &files_of(&bed, folder, &["wechat"])[0];
    let networks = files_of(&bed, folder, &["cups"]);
    let give = |line: &str| {
        let mut command = bed.doorstep(&format!("file {line} --data books"));
        Ran::of(command.env("DOORSTEP_TRIAL_TIME", "2013-11-12T08:00:00+08:00"))
    };
    for flags in ["", "--dry-run"] {
        give(&format!("{bill} --network network-1 {flags}"))
            .fails("the file names orders of a wallet, but `network-1` is a card network");
        give(&format!("{} --wallet wallet-1 {flags}", networks[0]))
            .fails("`wallet-1` is a wallet, which names orders");
    }
    give(&format!("{bill} --network network-1 --lang zh")).fails("请指定真正的发送方");
    // Nothing stands in the way of the true ones, also where a payment is stated twice.
    for path in &networks {
        take(&bed, "2013-11-12", path, "books");
    }
    let cut = bed.read(bill);
    let cut = &cut[..cut.trim_end().len() - 30];
    bed.write("cut.csv", cut);
    give("cut.csv --wallet wallet-1 --profile wechat-bill").fails("cut.csv");
    take(&bed, "2013-11-12", bill, "books");
    bed.verified("books");
}
