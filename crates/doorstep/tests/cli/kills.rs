//! A killed or interrupted day continues with the same command, and ends with the same books.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::{Bed, Ran, number, text, tool};

const DAY: &str = "day --parcels 250 --faults 300 --date 2013-11-11 --json";
/// Kills during a run, spread over the day.
const KILLS: u64 = 20;
/// On a busy machine, runs may end before they are killed.
const RUNS_MAX: u64 = 100;
/// A run usually takes less than a second.
const RUN_SECONDS_MAX: u64 = 60;

fn begin(bed: &Bed, data: &str) -> Child {
    let mut command = bed.doorstep(&format!("{DAY} --data {data}"));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The length of the journal's write-ahead log. It grows with the work until it is merged at the
/// end.
fn log_bytes(books: &Path) -> u64 {
    std::fs::metadata(books.join("journal.sqlite-wal")).map_or(0, |log| log.len())
}

/// Kills a run when `enough` accepts the length of its log. Returns whether it was still running,
/// and the longest log.
pub fn kill_when(child: &mut Child, books: &Path, enough: impl Fn(u64) -> bool) -> (bool, u64) {
    let begun = Instant::now();
    let mut longest = 0;
    while child.try_wait().unwrap().is_none() {
        longest = longest.max(log_bytes(books));
        if enough(longest) {
            child.kill().unwrap();
            // None if a signal ended it.
            return (child.wait().unwrap().code().is_none(), longest);
        }
        assert!(begun.elapsed() < Duration::from_secs(RUN_SECONDS_MAX), "a run hangs");
        std::thread::sleep(Duration::from_micros(50));
    }
    (false, longest)
}

/// The number of batches in the journal; zero without a journal.
fn durable_batches(bed: &Bed, data: &str) -> i64 {
    if !bed.has(format!("{data}/journal.sqlite")) {
        return 0;
    }
    number(&bed.verified(data), "/batches")
}

/// Runs the day to its end, and compares it with the undisturbed one.
#[track_caller]
fn assert_ends_equal(bed: &Bed, data: &str, undisturbed: &Value) {
    let day = bed.run(&format!("{DAY} --data {data}")).succeeds().json();
    for same in ["digest", "collected", "paid", "fees", "custody", "debits", "breaks", "unknown"] {
        assert_eq!(day[same], undisturbed[same], "{same} after kills in {data}");
    }
    let payouts = |data: &str| bed.read(format!("{data}/payouts.csv"));
    assert_eq!(payouts(data), payouts("undisturbed"));
    assert_eq!(bed.verified(data)["digest"], undisturbed["digest"]);
}

#[test]
fn a_day_that_is_killed_twenty_times_ends_as_if_nothing_had_happened() {
    let bed = Bed::new();
    let mut child = begin(&bed, "undisturbed");
    let (_, log) = kill_when(&mut child, &bed.path("undisturbed"), |_| false);
    let undisturbed = bed.run(&format!("{DAY} --data undisturbed")).succeeds().json();
    assert!(log > 100_000, "the log of the whole day has {log} bytes");

    // A run continues from the killed one before it, so the same directory is killed again and
    // again, later each time. If a run ends too early, a new directory starts.
    let (mut killed, mut directories) = (0, 1);
    let (mut before, mut moments) = (0, BTreeSet::new());
    for _ in 0..RUNS_MAX {
        if killed == KILLS {
            break;
        }
        let data = format!("books-{directories}");
        let mut child = begin(&bed, &data);
        let enough = |done: u64| done >= log * killed / KILLS;
        match kill_when(&mut child, &bed.path(&data), enough) {
            (true, _) => {
                killed += 1;
                let batches = durable_batches(&bed, &data);
                assert!(batches >= before, "{batches} batches, {before} before the last kill");
                before = batches;
                moments.insert(batches);
            }
            (false, _) => {
                directories += 1;
                before = 0;
            }
        }
    }
    assert_eq!(killed, KILLS, "of {RUNS_MAX} runs, too many ended before they could be killed");
    let all = number(&bed.verified("undisturbed"), "/batches");
    let last = moments.last().copied().unwrap();
    assert!(moments.len() > 10 && last > all * 3 / 4, "of {all} batches, killed at {moments:?}");
    for number in 1..=directories {
        assert_ends_equal(&bed, &format!("books-{number}"), &undisturbed);
    }
}

#[test]
fn a_day_that_is_killed_while_its_books_are_created_starts_again() {
    let bed = Bed::new();
    let undisturbed = bed.run(&format!("{DAY} --data undisturbed")).succeeds().json();
    for (number, microseconds) in
        [0, 300, 600, 1_000, 1_500, 2_000, 3_000, 5_000].iter().enumerate()
    {
        let data = format!("books-{number}");
        let mut child = begin(&bed, &data);
        std::thread::sleep(Duration::from_micros(*microseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_ends_equal(&bed, &data, &undisturbed);
    }
}

#[test]
fn files_of_an_interrupted_creation_are_no_obstacle() {
    let bed = Bed::new();
    let undisturbed = bed.run(&format!("{DAY} --data undisturbed")).succeeds().json();
    bed.private_directory("books");
    for left in ["LOCK", "journal.sqlite.unfinished", "journal.sqlite.unfinished-journal"] {
        bed.write(&format!("books/{left}"), "left");
    }
    assert_ends_equal(&bed, "books", &undisturbed);
}

/// Sends SIGINT, as Ctrl-C does.
fn interrupt(bed: &Bed, child: &Child) {
    let mut kill = tool(bed, "bash");
    Ran::of(kill.arg("-c").arg(format!("kill -INT {}", child.id()))).succeeds();
}

#[test]
fn ctrl_c_says_how_to_continue_and_the_day_continues() {
    let bed = Bed::new();
    let line = "day --parcels 1500 --faults 300";
    let undisturbed = bed.run(&format!("{line} --data undisturbed --json")).succeeds().json();
    // On a busy machine a run may end before the signal.
    for attempt in 0..20 {
        let data = format!("books-{attempt}");
        let mut command = bed.doorstep(&format!("{line} --data {data}"));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        stderr.read_line(&mut said).unwrap();
        assert_eq!(said, "2013-11-11 05:00  opening the books\n");
        interrupt(&bed, &child);
        stderr.read_to_string(&mut said).unwrap();
        let code = child.wait().unwrap().code();
        if code == Some(0) {
            continue;
        }
        let words = format!(
            "error: interrupted. Everything so far is saved in {data}; run the same command again \
             to continue the day\n"
        );
        assert_eq!(code, Some(1), "{said}");
        assert!(said.ends_with(&words), "{said}");
        assert!(!bed.has(format!("{data}/payouts.csv")), "the day was unfinished");
        let day = bed.run(&format!("{line} --data {data} --json")).succeeds().json();
        assert_eq!(text(&day, "/digest"), text(&undisturbed, "/digest"));
        assert_eq!(bed.read(format!("{data}/payouts.csv")), bed.read("undisturbed/payouts.csv"));
        return;
    }
    panic!("20 days were over before they could be interrupted");
}
