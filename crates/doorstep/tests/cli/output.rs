//! Output into a closed pipe or a full disk.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::support::{Bed, Ran, number, text};

/// Runs a command and reads only its first line, as `head -1` does.
#[track_caller]
fn read_one_line(bed: &Bed, arguments: &str) -> (String, Ran) {
    let mut command = bed.doorstep(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (line, Ran::end_of(&command, child))
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let bed = Bed::new();
    bed.faulty_day(400);
    for format in ["hledger", "beancount", "csv"] {
        let (line, ran) = read_one_line(&bed, &format!("export --data books --format {format}"));
        ran.succeeds().says_nothing();
        assert!(line.starts_with("; Doorstep") || line.starts_with("position,"), "{line}");
    }
    for line in [
        "balances --data books --all",
        "verify --data books",
        "log --data books",
        "log --data books --json",
        "tariff check china-2013",
    ] {
        let (_, ran) = read_one_line(&bed, line);
        ran.succeeds().says_nothing();
    }
}

#[test]
fn a_day_with_a_closed_pipe_runs_to_its_end() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "B,S2,CNY,20.00"]);
    let line = "day --orders orders.csv --profile doorstep --data books";
    let mut command = bed.doorstep(line);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    Ran::end_of(&command, child).succeeds();
    let day = bed.run(&format!("{line} --json")).succeeds().json();
    assert_eq!(bed.verified("books")["digest"], day["digest"]);
    assert!(bed.has("books/payouts.csv"));
}

#[test]
fn the_exit_status_reports_problems_also_with_a_closed_pipe() {
    let bed = Bed::new();
    bed.faulty_day(50);
    let snapshots = std::fs::read_dir(bed.path("books/snapshots")).unwrap();
    let snapshot = snapshots.map(|entry| entry.unwrap().path()).next().unwrap();
    std::fs::write(snapshot, "no snapshot").unwrap();
    let mut command = bed.doorstep("verify --data books");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    Ran::end_of(&command, child).ends_with(1);
}

#[test]
fn an_output_file_never_takes_the_place_of_the_books() {
    let bed = Bed::new();
    let day = bed.faulty_day(100);
    bed.write("linked.csv", "");
    std::os::unix::fs::symlink("books/journal.sqlite", bed.path("link")).unwrap();
    std::os::unix::fs::symlink("linked.csv", bed.path("link.csv")).unwrap();
    for out in [
        "books/journal.sqlite",
        "books/journal.sqlite-wal",
        "books/LOCK",
        "books/snapshots/a",
        "link",
    ] {
        for command in ["payouts --format csv", "export --format csv"] {
            let refused = format!("--out {out}: a data directory keeps its own files there");
            bed.run(&format!("{command} --data books --out {out}")).fails(&refused);
        }
    }
    for out in ["/dev/null", "books"] {
        let line = format!("export --format csv --data books --out {out}");
        let named =
            format!("error: {out} is a device, a pipe or a directory: give the name of a file");
        bed.run(&line).fails(&named);
    }
    bed.run("payouts --format csv --data books --out link.csv").succeeds();
    let written =
        bed.run("payouts --format csv --data books --out link.csv --json").succeeds().json();
    let lines = i64::try_from(bed.read("link.csv").lines().count()).unwrap();
    assert_eq!((text(&written, "/file"), number(&written, "/payouts")), ("link.csv", lines - 1));
    let message =
        bed.run("payouts --format pain001 --data books --again --out plan --json").succeeds();
    let message = message.json()["messages"][0].take();
    let transfers = format!("<NbOfTxs>{}</NbOfTxs>", number(&message, "/transfers"));
    let sum = format!("<CtrlSum>{}</CtrlSum>", text(&message, "/control_sum"));
    let file = bed.read(text(&message, "/file"));
    assert!(file.contains(&transfers) && file.contains(&sum), "{message:#}");
    assert!(bed.path("link.csv").is_symlink() && !bed.read("linked.csv").is_empty());
    bed.run("payouts --format csv --plan 1 --data books --out x.csv")
        .fails("--plan 1: no plan with");
    assert_eq!(text(&bed.verified("books"), "/digest"), text(&day, "/digest"));
}

#[test]
fn output_to_a_full_disk_is_an_error() {
    let bed = Bed::new();
    let day = bed.faulty_day(100);
    for line in [
        "balances --data books",
        "verify --data books --json",
        "explain payout 1 --data books",
        "log --data books",
        "export --data books --format hledger",
        "export --data books --format csv",
        "tariff check china-2013",
        "day --parcels 100 --faults 300 --date 2013-11-11 --data books --json",
    ] {
        let mut command = bed.doorstep(line);
        let full = File::options().write(true).open("/dev/full").unwrap();
        let child = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        Ran::end_of(&command, child).fails(
            "error: standard output cannot be written: No space left on device (os error 28); \
             redirect it elsewhere and start again\n",
        );
    }
    assert_eq!(text(&bed.verified("books"), "/digest"), text(&day, "/digest"));
}
