//! `verify` accepts good books and names damage.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::{Bed, number, text};

/// Flips a byte at every occurrence of `bytes`, because SQLite leaves copies in the free space of
/// its pages. Returns whether there was an occurrence.
fn flip_in(path: &Path, bytes: &[u8]) -> bool {
    let mut content = fs::read(path).unwrap();
    let windows = content.windows(bytes.len()).enumerate();
    let places: Vec<usize> =
        windows.filter(|(_, window)| *window == bytes).map(|(place, _)| place).collect();
    for place in &places {
        content[place + 2] ^= 1;
    }
    fs::write(path, content).unwrap();
    !places.is_empty()
}

/// The only snapshot of a data directory.
fn snapshot(bed: &Bed, books: &str) -> PathBuf {
    let entries = fs::read_dir(bed.path(books).join("snapshots")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(paths.len(), 1, "{paths:?}");
    paths.remove(0)
}

#[test]
fn good_books_are_accepted_and_not_changed() {
    let bed = Bed::new();
    let day = bed.faulty_day(100);
    let found = bed.verified("books");
    assert_eq!(found["digest"], day["digest"]);
    assert_eq!(found["wrong"], Value::Array(Vec::new()));
    assert_eq!(found["snapshots"].as_array().unwrap().len(), 1);
    assert_eq!(found["debits"], found["credits"]);
    assert_eq!(number(&found, "/debits/0/amount"), number(&day, "/debits"));
    assert_eq!(number(&found, "/unknown"), number(&day, "/unknown"));
    assert_eq!(number(&found, "/breaks"), number(&day, "/breaks"));
    let open_items = found["open_items"].as_array().unwrap().len();
    assert_eq!(number(&day, "/open_items/count"), i64::try_from(open_items).unwrap());
    let ran = bed.run("verify --data books").succeeds().says_nothing();
    ran.prints("snapshots compared: 1\n").prints(text(&day, "/digest")).prints("Every rule holds.");
}

#[test]
fn a_journal_that_ends_earlier_is_correct_too_and_only_its_digest_tells() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    let import = "import --orders orders.csv --profile doorstep --data";
    bed.run(&format!("{import} cut")).succeeds();
    bed.run(&format!("{import} whole")).succeeds();
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "B,S1,CNY,20.00"]);
    bed.run(&format!("{import} whole")).succeeds();
    let said = ["cut", "whole"].map(|data| {
        let found = bed.verified(data);
        let (batches, digest) = (number(&found, "/batches"), text(&found, "/digest").to_owned());
        let ran = bed.run(&format!("verify --data {data}")).succeeds();
        let ran = ran.prints(&format!("digest after batch {batches}: {digest}\nEvery rule holds."));
        ran.prints("compare the digest with one kept elsewhere.\n");
        (batches, digest)
    });
    assert!(said[0].0 < said[1].0 && said[0].1 != said[1].1, "{said:?}");
}

#[test]
fn a_seller_below_zero_is_shown_in_main_units() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    bed.run("day --orders orders.csv --profile doorstep --refusals 100 --data books").succeeds();
    let ran = bed.run("verify --data books").succeeds();
    ran.prints("sellers below zero: 1\n  S1: owes 4.00 CNY since 2013-11-12\n");
    let ran = bed.run("verify --data books --lang zh").succeeds();
    ran.prints("余额低于零的卖家：1\n  S1：自 2013-11-12 起欠 4.00 CNY\n");
}

#[test]
fn a_flipped_byte_in_a_snapshot_is_named_and_the_journal_is_used_without_it() {
    let bed = Bed::new();
    let day = bed.faulty_day(100);
    let snapshot = snapshot(&bed, "books");
    assert!(flip_in(&snapshot, b"made-seller-"));
    let named = format!("the snapshot {} is damaged: part ", snapshot.display());
    let ran = bed.run("verify --data books").ends_with(1);
    let ran = ran.prints("PROBLEMS:\n").prints(&named);
    ran.prints("Copy this directory before you change anything in it, and report the problem.\n");
    let found = bed.run("verify --data books --json").ends_with(1).json();
    assert!(text(&found, "/wrong/0").contains(&named), "{found:#}");
    assert_eq!(found["digest"], day["digest"], "the journal is whole");

    let again =
        bed.run("day --parcels 100 --faults 300 --date 2013-11-11 --data books --json").succeeds();
    let again = again.says("note: snapshot ").says(&named);
    assert_eq!(again.json()["digest"], day["digest"]);
}

#[test]
fn a_flipped_byte_in_a_batch_stops_everything_and_names_the_batch() {
    let bed = Bed::new();
    bed.faulty_day(100);
    let journal = bed.path("books/journal.sqlite");
    let flipped = (1..=100).any(|number| {
        let order = format!("made-7-{number:06}");
        flip_in(&journal, order.as_bytes())
    });
    assert!(flipped, "the journal has the references of the orders");
    let before = fs::read(&journal).unwrap();
    let found = bed.run("verify --data books --json").ends_with(1);
    let named = format!("error: {}: batch ", journal.display());
    let found = found.says(&named).says(" is damaged: ");
    let mend = "Nothing was changed. Keep this file, and restore the data directory from a copy";
    let found = found.says(mend).json();
    assert!(text(&found, "/wrong/0").contains(" is damaged: "), "{found:#}");
    // The snapshot is newer than the damage. A reader of the whole journal finds it.
    for reader in ["log", "export --format csv", "explain payout 1"] {
        bed.run(&format!("{reader} --data books")).fails(&named);
    }
    assert!(fs::read(&journal).unwrap() == before, "the journal is as it was");
}

#[test]
fn a_snapshot_ahead_of_the_journal_is_named_and_nothing_starts_on_it() {
    let bed = Bed::new();
    bed.faulty_day(50);
    let ahead = snapshot(&bed, "books");
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    let import = "import --orders orders.csv --profile doorstep --data short";
    bed.run(import).succeeds();
    let batches = number(&bed.verified("short"), "/batches");
    fs::copy(&ahead, bed.path("short/snapshots").join(ahead.file_name().unwrap())).unwrap();
    let number: u64 = ahead.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    bed.run("verify --data short")
        .ends_with(1)
        .prints(&format!("  M10: snapshot {number} is ahead of the journal\n"));
    bed.run(import).fails(&format!(
        "error: M10: snapshot {number} reflects batch {number}, but the journal ends with batch \
         {batches}: batches that were acknowledged are missing from it. Nothing was changed. Keep \
         this directory, and restore it from a copy\n"
    ));
}
