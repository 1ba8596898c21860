//! The night before the first day of a demonstration: a flash sale over the API, delivered by the
//! couriers of the day.

use std::time::Duration;

use serde_json::json;

use super::independent::python;
use super::process::Process;
use super::support::{Bed, Ran, eventually};

const RECOMPUTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/night_recomputed.py");

/// The count, or the amount, of a row of the summary.
fn row(shown: &Ran, name: &str) -> u64 {
    let line = shown.stdout().lines().find(|line| line.trim_start().starts_with(name));
    let last = line.unwrap_or_else(|| panic!("{name}: {shown}")).split_whitespace().next_back();
    last.unwrap().replace([',', '.'], "").parse().unwrap()
}

#[test]
fn a_night_of_buyers_is_killed_goes_on_and_is_priced_again_by_another_program() {
    let bed = Bed::new();
    let killed = Process::start(&bed, "demo --once --data books");
    eventually("the night has begun", || bed.has("books/night.json"));
    std::thread::sleep(Duration::from_millis(500));
    drop(killed);
    let shown = bed.run("demo --once --data books").succeeds();
    let shown = shown.prints("The flash sale at midnight\n").prints("\nequal: the books,");
    // The same command again changes nothing and shows the same.
    let again = bed.run("demo --once --data books").succeeds();
    let again = again.prints("These books already had the whole day");
    assert_eq!(row(&again, "units sold"), row(&shown, "units sold"));
    assert!(row(&shown, "wishes refused: sold out") > 0, "{shown}");

    bed.export_views(
        "books",
        "market_orders market_parcels order_units order_discounts variants parcels refunds \
         postings",
    );
    let mut program = bed.command(python().to_str().unwrap());
    program.arg(RECOMPUTED).arg(bed.path("exported"));
    let found = Ran::of_long(&mut program).succeeds().json();
    assert_eq!(found["faults"], json!([]), "{found}");
    for (key, name) in [
        ("units", "units sold"),
        ("flash_units", "of them at the flash price"),
        ("platform", "discounts, paid by Doorstep"),
        ("sellers", "discounts, paid by the sellers"),
    ] {
        assert_eq!(found[key], row(&shown, name), "{key}: {found}{shown}");
    }
    // All of the flash stock is sold, and no more.
    assert_eq!(found["flash_units"], 60, "{found}");
    // Doorstep's part of what was delivered is in the books.
    let posted = found["posted"].as_u64().unwrap();
    assert!(posted > 0 && posted < found["platform"].as_u64().unwrap(), "{found}");
    assert!(found["delivered"].as_u64() > found["returned"].as_u64(), "{found}");
    bed.verified("books");
    // A day with parts of parcels that buyers kept has a report, too (M17).
    bed.run("pulse run --day 2013-11-11 --data books").succeeds();
    // The shop's key is over with the night.
    let keys = bed.run("api-key list --data books").succeeds();
    assert!(!keys.stdout().contains("in force"), "{keys}");
}

#[test]
fn without_buyers_there_is_no_night_and_its_file_is_checked() {
    let bed = Bed::new();
    let demo = bed.run("demo --buyers 0 --data books").succeeds();
    assert!(!demo.stdout().contains("midnight"), "{demo}");
    bed.write("books/night.json", "{");
    bed.run("demo --data books").fails("books/night.json: this is not the file of");
    bed.run("demo --data books --lang zh").fails("books/night.json：不是演示夜的文件");
    bed.run("demo --buyers 100001 --data books").ends_with(2).says("100001");
}
