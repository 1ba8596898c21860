//! `upgrade --check`: whether this version reads what another one wrote.

use std::fs;

use journal::{DataDirectory, Journal};
use serde_json::Value;

use super::ground::{self, Running};
use super::support::{Bed, text};

const CHECK: &str = "upgrade --check --data books";
/// Where SQLite has `user_version`, the format of a file, in its header.
const FORMAT_AT: usize = 60;

/// Sets the format of a file of SQLite that nobody uses.
fn set_format(bed: &Bed, name: &str, format: u8) {
    let mut bytes = fs::read(bed.path(name)).unwrap();
    bytes[FORMAT_AT..FORMAT_AT + 4].copy_from_slice(&[0, 0, 0, format]);
    bed.write(name, bytes);
}

#[track_caller]
fn state(report: &Value, part: &str) -> String {
    let parts = report["parts"].as_array().unwrap();
    let found = parts.iter().find(|one| one["part"] == part);
    text(found.unwrap_or_else(|| panic!("no {part} in {report:#}")), "/state").to_owned()
}

#[track_caller]
fn report(bed: &Bed, code: i32) -> Value {
    bed.run(&format!("{CHECK} --json")).ends_with(code).json()
}

#[test]
fn books_of_this_version_are_read_while_they_are_served() {
    let bed = Bed::new();
    ground::make(&bed);
    let running = Running::start(&bed, "");
    let check = "upgrade --check --data door/books";
    bed.run(check).succeeds().says_nothing().prints("can take over this data directory");
    bed.run(&format!("{check} --lang zh")).succeeds().prints("可以接管此数据目录");
    running.stop();
    let before = bed.verified("door/books");
    let found = bed.run(&format!("{check} --json")).succeeds().json();
    assert_eq!(found["fits"], true);
    let states = [
        ("journal", "read"),
        ("books", "read"),
        ("snapshots", "read"),
        ("views", "absent"),
        ("notices", "absent"),
    ];
    for (part, expected) in states {
        assert_eq!(state(&found, part), expected, "{part}");
    }
    assert_eq!(bed.verified("door/books"), before);
    bed.run("upgrade --check --data nowhere").fails("there is no data directory nowhere");
    bed.run("upgrade --data door/books").ends_with(2);
}

#[test]
fn each_newer_part_is_refused_or_made_anew_and_named() {
    let bed = Bed::new();
    bed.run("day --parcels 20 --data books").succeeds();
    bed.run("views update --data books").succeeds();
    let whole = report(&bed, 0);
    assert_eq!(state(&whole, "views"), "read");

    // The views' format is in a table of theirs, so another program writes it.
    let sql = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); \
               c.execute('UPDATE checkpoint SET format = 99'); c.commit()";
    let python = ["-c", sql, "books/views.sqlite"];
    super::support::Ran::of(super::support::tool(&bed, "python3").args(python)).succeeds();
    assert_eq!(state(&report(&bed, 0), "views"), "rebuilt");
    bed.run(CHECK).succeeds().prints("doorstep views rebuild");

    // A snapshot of a newer format, which begins with its format behind its name.
    let snapshots = bed.path("books/snapshots");
    for entry in fs::read_dir(&snapshots).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let manifest = bytes.windows(8).rposition(|window| window == b"DOORSNAP");
        bytes[manifest.unwrap() + 11] = 9;
        fs::write(path, bytes).unwrap();
    }
    let without_snapshot = report(&bed, 0);
    assert_eq!(state(&without_snapshot, "snapshots"), "rebuilt");
    assert_eq!(state(&without_snapshot, "books"), "read");

    for (file, part, id) in [
        ("access.sqlite", "sign_ins", b"DSac"),
        ("vault.sqlite", "vault", b"DSvt"),
        ("notices.sqlite", "notices", b"DSno"),
    ] {
        let mut header = vec![0; 100];
        header[..16].copy_from_slice(b"SQLite format 3\0");
        header[68..72].copy_from_slice(id);
        header[FORMAT_AT + 3] = 1;
        bed.write(&format!("books/{file}"), &header);
        assert_eq!(state(&report(&bed, 0), part), "upgraded");
        header[FORMAT_AT + 3] = 99;
        bed.write(&format!("books/{file}"), &header);
        assert_eq!(state(&report(&bed, 1), part), "refused");
        bed.run(CHECK).ends_with(1).prints("has format 99, this version reads up to");
        bed.write(&format!("books/{file}"), "something else, and long enough to be looked at\n");
        assert_eq!(state(&report(&bed, 1), part), "refused");
        fs::remove_file(bed.path(format!("books/{file}"))).unwrap();
    }

    set_format(&bed, "books/journal.sqlite", 9);
    assert_eq!(state(&report(&bed, 1), "journal"), "refused");
    let said =
        bed.run(CHECK).ends_with(1).prints("has journal format 9; this Doorstep reads up to");
    said.prints("cannot take over this data directory");
}

#[test]
fn a_batch_of_a_newer_version_is_refused() {
    let bed = Bed::new();
    bed.run("day --parcels 20 --data books").succeeds();
    let directory = DataDirectory::open(&bed.path("books")).unwrap();
    let mut journal = directory.journal().unwrap();
    let epoch = journal.lead().unwrap().epoch;
    // Version 3 of batches, whatever it will be.
    journal.append(epoch, &[3, 0, 0, 0]).unwrap();
    drop((journal, directory));
    let refused = report(&bed, 1);
    assert_eq!(state(&refused, "journal"), "refused");
    bed.run(CHECK).ends_with(1).prints("use a newer program");
}
