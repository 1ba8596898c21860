//! Backups, also of books in use, and data directories made from them.

use std::fs;
use std::thread;

use super::ground::{self, Running};
use super::killed_writes::{ends_before, make_library};
use super::payout_accounts::assert_in_no_file;
use super::personal_data::{NAME, PHONE, SEALED, with_buyer};
use super::support::{Bed, DOORSTEP, Ran, number, text, tool};

/// More calls that change a file than a backup makes.
const CALLS_MAX: u32 = 1_000;

/// The digest of the books, which another replay gives.
fn digest(bed: &Bed, books: &str) -> String {
    text(&bed.verified(books), "/digest").to_owned()
}

#[test]
fn a_day_is_restored_as_it_was_and_the_next_one_follows() {
    let bed = Bed::new();
    bed.run("day --parcels 200 --date 2013-11-11 --data books").succeeds();
    let written = bed.run("backup kept --data books").succeeds();
    written.prints("new), in").prints("It is not sealed");
    let checked = bed.run("backup kept --check --json").succeeds().json();
    let verified = bed.verified("books");
    assert_eq!(number(&checked, "/batch"), number(&verified, "/batches"));
    let restored = bed.run("restore kept --data again").succeeds();
    restored.prints("all money rules hold").prints("Keys, certificates and settings are not");
    assert_eq!(digest(&bed, "again"), text(&verified, "/digest"));
    let day = "day --parcels 100 --date 2013-11-12 --json --data";
    let next = ["books", "again"].map(|books| bed.run(&format!("{day} {books}")).succeeds().json());
    assert_eq!(text(&next[0], "/digest"), text(&next[1], "/digest"));

    // Both went on from the same batch: a backup belongs to one of them.
    bed.run("backup kept --data books --json").succeeds();
    bed.run("restore kept --data other --until 9").succeeds();
    bed.run("day --parcels 5 --date 2013-11-13 --data other").succeeds();
    bed.run("backup kept --data other").fails("is a backup of other books, or of these books");
    let status = bed.run("status --data books").succeeds();
    assert!(status.words().contains("last backup batch"), "{status}");
    bed.run("backup books/kept --data books").fails("a backup belongs on another disk");
    bed.run("restore kept --data again").fails("again exists; restore into a directory that does");
    bed.run("restore kept --data new --until 999999").fails("there is no batch 999999 in it");
    bed.run("restore nowhere --data new").fails("has no backup: there is no backup.json");
    bed.run("restore nowhere --data new --lang zh").fails("没有备份：其中没有 backup.json");
    assert!(!bed.has("new"));
}

#[test]
fn books_in_use_are_copied_at_any_moment() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let import = "import --profile doorstep --orders orders.csv --by ann --approved-by bo \
                  --data door/books";
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..12 {
                let lines: Vec<_> =
                    (0..100).map(|one| format!("R{round}-{one},shop,CNY,10.00")).collect();
                bed.orders("orders.csv", &lines.iter().map(String::as_str).collect::<Vec<_>>());
                bed.run(import).succeeds();
            }
        });
        let mut last = 0;
        while !writer.is_finished() {
            let made = bed.run("backup kept --data door/books --json").succeeds().json();
            assert!(number(&made, "/batch") >= last);
            last = number(&made, "/batch");
        }
    });
    bed.run("backup kept --data door/books").succeeds();
    running.stop();
    bed.run("restore kept --data again").succeeds();
    // What serving itself wrote at its end came after the backup.
    let until = number(&bed.run("backup kept --check --json").succeeds().json(), "/batch");
    bed.run("backup whole --data door/books").succeeds();
    bed.run(&format!("restore whole --data whole-again --until {until}")).succeeds();
    assert_eq!(digest(&bed, "again"), digest(&bed, "whole-again"));
}

#[test]
fn a_sealed_backup_brings_nobody_back_whose_data_were_erased() {
    let bed = with_buyer();
    let backup = format!("backup kept --data books {SEALED} --key vault");
    bed.run(&backup).succeeds().prints("It is sealed");
    assert_in_no_file(&bed.path("kept"), &[NAME, PHONE, "AnnounceParcel"]);
    bed.run("backup kept --data books").fails("is sealed with the key vault");
    let erase = "erase parcel:S1/A1 --ordered-by court --approved-by 2";
    bed.run(&format!("{erase} --data books")).succeeds();

    let restore = format!("restore kept {SEALED} --key vault --data");
    let restored = bed.run(&format!("{restore} again --erasures books/erasures.csv")).succeeds();
    restored.prints("The list of erasures is ahead").prints("doorstep erase parcel:");
    let shown = |books: &str| {
        bed.run(&format!("vault show parcel:S1/A1 --purpose audit --data {books} {SEALED}"))
    };
    shown("again").fails("the vault has nothing of parcel:S1/A1");
    bed.run(&format!("{erase} --data again")).succeeds();
    shown("again").fails("the vault has nothing of parcel:S1/A1");
    let listed = bed.read("again/erasures.csv");
    assert_eq!(listed, bed.read("books/erasures.csv"));
    bed.verified("again");

    // The books of that batch, of which the erasure is not a part.
    bed.run(&format!("{restore} before")).succeeds();
    assert!(shown("before").succeeds().stdout().contains(NAME));
    // A list of other books.
    bed.write("other.csv", "number,subject,id,erased_at_ms\n1,who,1,1\n");
    bed.run(&format!("{restore} new --erasures other.csv")).ends_with(1);
    assert!(!bed.has("new") && !bed.has("new.restoring"));
}

#[test]
fn a_backup_and_a_restore_that_are_killed_at_any_write_leave_what_was_there() {
    let bed = with_buyer();
    make_library(&bed);
    let backup = "backup kept --data books --json";
    let first = bed.run(backup).succeeds().json();
    bed.orders("more.csv", &["B1,S1,CNY,10.00"]);
    bed.run("import --orders more.csv --profile doorstep --data books").succeeds();
    let tool = |line: &str| Ran::of(tool(&bed, "bash").args(["-c", line])).succeeds();
    tool("cp -r kept first");
    let (mut killed, mut replaced) = (0, 0);
    for call in 1..CALLS_MAX {
        tool("rm -rf kept && cp -r first kept");
        if ends_before(&bed, backup, call) {
            break;
        }
        killed += 1;
        let left = bed.run("backup kept --check --json").succeeds().json();
        replaced += u32::from(number(&left, "/batch") > number(&first, "/batch"));
        let again = bed.run(backup).succeeds().json();
        assert!(number(&again, "/batch") > number(&first, "/batch"));
        let check = bed.run("backup kept --check --json").succeeds().json();
        assert_eq!(number(&check, "/files"), number(&again, "/files"));
    }
    assert!(killed > 10 && replaced > 0 && killed > replaced, "{killed} kills, {replaced} whole");

    let restore = "restore kept --data again";
    let mut killed = 0;
    for call in (1..CALLS_MAX).step_by(3) {
        tool("rm -rf again");
        if ends_before(&bed, restore, call) {
            break;
        }
        killed += 1;
        if !bed.has("again") {
            bed.run(restore).succeeds();
        }
        bed.verified("again");
        assert!(!bed.has("again.restoring"));
    }
    assert!(killed > 5, "{killed} kills");
}

#[test]
fn a_full_disk_leaves_the_backup_before_and_says_what_to_do() {
    let bed = Bed::new();
    bed.run("day --parcels 50 --date 2013-11-11 --data books").succeeds();
    bed.run("backup kept --data books").succeeds();
    let before = bed.run("backup kept --check --json").succeeds().json();
    bed.run("day --parcels 200 --date 2013-11-12 --data books").succeeds();
    let full = |line: &str| {
        let script = format!("ulimit -f 40; exec {DOORSTEP} {line}");
        Ran::of(tool(&bed, "bash").args(["-c", &script])).ends_with(1)
    };
    full("backup kept --data books").says("cannot be written: File too large");
    assert_eq!(bed.run("backup kept --check --json").succeeds().json(), before);
    full("restore kept --data again").says("no room to write");
    assert!(!bed.has("again"));
    bed.run("backup kept --data books").succeeds();
    bed.run("restore kept --data again").succeeds();
    assert_eq!(digest(&bed, "again"), digest(&bed, "books"));
    for entry in fs::read_dir(bed.path("kept")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(["LOCK", "backup.json", "batches", "stores"].contains(&&*name), "{name}");
    }
}
