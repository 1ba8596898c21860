//! `network run`: a simulated card network as a process.

use serde_json::Value;

use super::ground::{self, Running};
use super::process::Process;
use super::support::{Bed, number, text};

const KEYS: &str = "exchange = \"0123456789ABCDEF0123456789ABCDEF\"\n\
                    mac = \"0123456789ABCDEFFEDCBA9876543210\"\n\
                    pin = \"23456789ABCDEF01DCBA98765432100F\"\n";
const RUN: &str = "network run --listen 127.0.0.1:0 --name alpha --keys keys.toml";

fn bed() -> Bed {
    let bed = Bed::new();
    bed.write("keys.toml", KEYS);
    bed
}

#[test]
fn a_network_runs_until_it_is_stopped_and_leaves_a_clearing_file() {
    let bed = bed();
    let line = format!("{RUN} --json --clearing clearing --date 2013-08-28");
    for file in ["clearing/alpha-2013-08-28.csv", "clearing/alpha-2013-08-28.2.csv"] {
        let mut network = Process::start(&bed, &line);
        let listening: Value = serde_json::from_str(&network.line()).unwrap();
        assert!(text(&listening, "/listening").starts_with("127.0.0.1:"));
        let summary = network.stop().json();
        assert_eq!(text(&summary, "/clearing/0"), file);
        assert_eq!((number(&summary, "/items"), number(&summary, "/approved_amount")), (0, 0));
        let file = bed.read(file);
        assert!(file.starts_with("H,1,alpha,2013-08-28,CNY\nT,0,0.00,0.00,0.00,"), "{file}");
    }
}

#[test]
fn a_network_prints_its_totals() {
    let bed = bed();
    let mut network = Process::start(&bed, RUN);
    assert!(network.line().starts_with("alpha: listening at 127.0.0.1:"));
    let said = network.stop();
    assert_eq!(
        said.stdout(),
        "alpha: links 0, approved 0 (CNY 0.00), declined 0, reversed 0 (CNY 0.00), voided 0, \
         refunded 0 (CNY 0.00)\n"
    );
}

#[test]
fn a_name_that_clearing_files_cannot_have_is_refused() {
    let bed = bed();
    for name in ["Alpha", "a_b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let line = format!("network run --listen 127.0.0.1:0 --keys keys.toml --name {name}");
        bed.run(&line).fails(&format!("--name {name}: a network's name has 1 to 32 lower-case"));
    }
}

#[test]
fn errors_in_its_files_show_no_key() {
    let bed = bed();
    bed.write("keys.toml", KEYS.replace("mac", "mack"));
    let ran = bed.run(RUN).fails("keys.toml: it must have `exchange`, `mac` and `pin`");
    assert!(!ran.stderr().contains("0123456789"), "{ran}");
    bed.write("keys.toml", KEYS.replace("FEDCBA9876543210", ""));
    let ran = bed.run(RUN).fails("mac and pin must be keys of 16 bytes, 32 hex digits");
    assert!(!ran.stderr().contains("0123456789"), "{ran}");
    bed.write("keys.toml", KEYS);
    bed.write("behaviour.toml", "delay_ms = 1\n[[rule]]\naction = \"dance\"\n");
    bed.run(&format!("{RUN} --behaviour behaviour.toml")).fails("behaviour.toml");
    bed.run(&format!("{RUN} --debit lots")).fails("--debit");
    bed.run(&format!("{RUN} --credit-bins 62x")).ends_with(2).says("write 1 to 6 digits");
}

#[test]
fn injected_faults_reach_the_switch_and_both_books_agree() {
    let bed = Bed::new();
    ground::make(&bed);
    bed.write("behaviour.toml", "[[rule]]\nkinds = [\"sale\"]\nevery = 2\naction = \"double\"\n");
    let flags = "--behaviour behaviour.toml --clearing clearing --date 2013-08-28 --debit 0.5%,1";
    let running = Running::start(&bed, flags);
    let sell = |place| {
        let (waybill, amount) = ground::parcel(place);
        format!("sell {waybill} {amount}")
    };
    let script: Vec<String> = (2..5).map(sell).collect();
    running.terminal(&bed, "", &script).succeeds();
    let summary = running.stop();
    assert_eq!(number(&summary, "/approved"), 3);
    assert!(number(&summary, "/said") > number(&summary, "/heard"), "one was answered twice");
    let file = bed.read("clearing/alpha-2013-08-28.csv");
    let kept: Vec<&str> = file.lines().filter_map(|line| line.split(',').nth(8)).collect();
    assert_eq!(kept.len(), 3, "{file}");
    assert!(kept.iter().all(|kept| kept.starts_with("0.") || *kept == "1.00"), "{file}");
    bed.run("verify --data door/books").succeeds();
}
