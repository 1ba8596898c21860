//! A command that is killed at any of its writes: given again it goes on, and nothing is half done.

use std::process::Stdio;

use serde_json::Value;

use super::support::{Bed, Ran, tool};
use super::{payout_accounts, take};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/kill_at.c");
const IMPORT: &str = "import --orders orders.csv --profile doorstep --by Li --approved-by Wang";
/// More calls than any of the commands makes.
const CALLS_MAX: u32 = 1_000;

/// A directory with the library that kills a process at one of its writes, and with orders.
fn bed() -> Bed {
    let bed = Bed::new();
    make_library(&bed);
    bed.orders("orders.csv", &["A1,S1,CNY,10.00"]);
    bed
}

pub fn make_library(bed: &Bed) {
    let flags = ["-shared", "-fPIC", "-O1", "-o", "kill_at.so", SOURCE, "-ldl"];
    Ran::of(tool(bed, "cc").args(flags)).succeeds();
}

/// Runs a command that is killed at a call that changes a file. Returns whether it ended before.
#[track_caller]
pub fn ends_before(bed: &Bed, line: &str, call: u32) -> bool {
    let mut command = bed.doorstep(line);
    command.env("LD_PRELOAD", bed.path("kill_at.so")).env("KILL_AT", call.to_string());
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(matches!(status.code(), None | Some(0)), "{line}, call {call}: {status}");
    status.code().is_some()
}

/// The commands in the journal. The books must be whole.
#[track_caller]
fn commands(bed: &Bed, data: &str) -> Vec<String> {
    bed.verified(data);
    let log = bed.run(&format!("log --json --data {data}")).succeeds();
    let lines = log.stdout().lines();
    let name = |line: &str| serde_json::from_str::<Value>(line).unwrap()["command"].to_string();
    lines.map(name).collect()
}

/// Kills a command at each of its writes, in copies of the data directory `base`, if there is one.
#[track_caller]
fn killed_at_every_write(bed: &Bed, line: &str, base: Option<&str>) {
    let start = |data: &str| {
        let mut shell = tool(bed, "bash");
        let copy = base.map_or(String::new(), |base| format!(" && cp -r {base} {data}"));
        Ran::of(shell.arg("-c").arg(format!("rm -rf {data}{copy}"))).succeeds();
        format!("{line} --data {data}")
    };
    bed.run(&start("undisturbed")).succeeds();
    let expected = commands(bed, "undisturbed");
    let names = bed.read("undisturbed/persons.toml");
    let mut killed = 0;
    for call in 1..CALLS_MAX {
        let line = start("killed");
        if ends_before(bed, &line, call) {
            break;
        }
        killed += 1;
        bed.run(&line).succeeds();
        assert_eq!(commands(bed, "killed"), expected, "{line}: killed at call {call}");
        assert_eq!(bed.read("killed/persons.toml"), names, "{line}: killed at call {call}");
    }
    assert!((5..CALLS_MAX - 1).contains(&killed), "{line}: {killed} writes");
}

#[test]
fn books_and_names_that_are_killed_while_they_are_written_are_whole_the_next_time() {
    let bed = bed();
    killed_at_every_write(&bed, IMPORT, None);
}

#[test]
fn a_line_of_a_file_and_a_time_zone_are_in_the_books_whole_or_not_at_all() {
    let bed = bed();
    bed.run(&format!("{IMPORT} --data base")).succeeds();
    for line in [
        "do RegisterBank --data base --bank spare --currency CNY --reference spare",
        "do RegisterNetwork --data base --network alpha --currency CNY --reference alpha",
    ] {
        bed.run(line).succeeds();
    }
    let zone = serde_json::json!({
        "number": 2,
        "zone": "Asia/Shanghai",
        "table_version": "2026z",
        "utc_offset_minutes": 480,
        "changes": [],
    });
    let sent = "{\"stan\":1,\"sent_at\":1377684672000}";
    let request = format!("{{\"Request\":{{\"rrn\":\"ABCDEF000001\",\"sent\":{sent}}}}}");
    let cleared = format!(
        "do ClearLine --bank spare --rail Network=alpha --file 1 --line 1 --kind Sale --reference \
         {request} --amount 10.00CNY --deducted 0.05CNY"
    );
    killed_at_every_write(&bed, &cleared, Some("base"));
    killed_at_every_write(&bed, &format!("do SetTimeZone --fields {zone}"), Some("base"));
}

#[test]
fn a_clearing_file_whose_taking_is_killed_is_continued() {
    let bed = bed();
    take::books(&bed);
    // More lines than are given together.
    bed.write("clearing.csv", take::clearing_file("alpha", "2013-08-28", 210));
    let line = "file clearing.csv --network alpha --accept-breaks";
    killed_at_every_write(&bed, line, Some("books"));
}

#[test]
fn a_clearing_file_whose_taking_is_killed_is_finished_before_the_next_one() {
    let bed = bed();
    take::books(&bed);
    bed.write("first.csv", take::clearing_file("alpha", "2013-08-28", 3));
    bed.write("second.csv", take::clearing_file("alpha", "2013-08-29", 2));
    let line = |file: &str, data: &str| format!("file {file} --network alpha --data {data}");
    let copy = |data: &str| {
        let line = format!("rm -rf {data} && cp -r books {data}");
        Ran::of(tool(&bed, "bash").arg("-c").arg(line)).succeeds();
    };
    copy("second");
    bed.run(&line("second.csv", "second")).succeeds();
    let second = commands(&bed, "second");
    copy("both");
    bed.run(&line("first.csv", "both")).succeeds();
    bed.run(&line("second.csv", "both")).succeeds();
    let both = commands(&bed, "both");
    let (mut killed, mut finished) = (0, 0);
    for call in 1..CALLS_MAX {
        copy("killed");
        if ends_before(&bed, &line("first.csv", "killed"), call) {
            break;
        }
        killed += 1;
        // A command of the office opens it; the next file does so as well.
        if call % 2 == 0 {
            bed.run("proposals --data killed").succeeds();
        }
        bed.run(&line("second.csv", "killed")).succeeds();
        let now = commands(&bed, "killed");
        // Killed before it was accepted, it was never given.
        assert!(now == both || now == second, "killed at call {call}");
        finished += u32::from(now == both);
        let kept = std::fs::read_dir(bed.path("killed")).unwrap();
        let names = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: Vec<_> = names.filter(|name| name.starts_with("being-taken")).collect();
        assert!(left.is_empty(), "killed at call {call}: {left:?}");
    }
    assert!(killed > 5 && finished > 3, "{killed} killed, {finished} finished");
}

#[test]
fn a_vault_whose_rewrapping_is_killed_is_rewrapped_the_next_time() {
    let bed = payout_accounts::trial_of(&["A,S1,CNY,10.00", "B,S2,CNY,10.00", "C,S3,CNY,10.00"]);
    make_library(&bed);
    for seller in 1..=3 {
        let set = format!(
            "payout-account set S{seller} --currency CNY --account 622200000000{seller} --name \
             Marta --bank-code 102100099996 --data books --config doorstep.toml --approved-by 2"
        );
        bed.run(&set).succeeds();
    }
    bed.run("keys rotate vault --config doorstep.toml").succeeds();
    let (mut killed, mut done_before) = (0, 0);
    for call in 1..CALLS_MAX {
        Ran::of(tool(&bed, "bash").arg("-c").arg("rm -rf killed && cp -r books killed")).succeeds();
        let rewrap = "vault rewrap --data killed --config doorstep.toml";
        if ends_before(&bed, rewrap, call) {
            break;
        }
        killed += 1;
        let again = bed.run(rewrap).succeeds();
        // Three keys are one transaction: all or none.
        let done = [0, 3].iter().find(|done| again.stdout().contains(&format!("before: {done}.")));
        done_before += u32::from(*done.expect("all or none") == 3);
        bed.run(rewrap).succeeds().prints("newest generation: 0; they were before: 3.");
    }
    assert!(killed > 5 && done_before > 0, "{killed} killed, {done_before} had all done");
    // Each account that is left opens without the old generation.
    bed.run("keys drop vault --generation 1 --config doorstep.toml").succeeds();
    for seller in 1..=3 {
        let show = format!("payout-account show S{seller} --data killed --config doorstep.toml");
        bed.run(&show).succeeds().prints(&format!("…000{seller}"));
    }
}
