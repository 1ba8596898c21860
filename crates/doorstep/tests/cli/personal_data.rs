//! Buyers and identities: sealed by an import, shown with a trace, erased for ever.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};

use super::killed_writes::{ends_before, make_library};
use super::payout_accounts::{assert_in_no_file, settings};
use super::support::{Bed, number, text};

const HEADER: &str = "order,seller,currency,amount_due,buyer_name,buyer_phone,buyer_address\n";
pub const NAME: &str = "欧阳娜娜";
pub const PHONE: &str = "13912345678";
const OLD: &str = "广州市天河路";
const NEW: &str = "深圳市深南大道";
const IMPORT: &str = "import --orders orders.csv --profile doorstep --data books";
pub const SEALED: &str = "--config doorstep.toml";

fn orders(bed: &Bed, address: &str) {
    let lines = format!("A1,S1,CNY,10.00,{NAME},{PHONE},{address}\nA2,S1,CNY,5.00,,,\n");
    bed.write("orders.csv", format!("{HEADER}{lines}"));
}

/// Trial books with the parcel of a buyer, and settings.
pub fn with_buyer() -> Bed {
    let bed = Bed::new();
    settings(&bed, "doorstep.toml");
    orders(&bed, OLD);
    bed.run(&format!("{IMPORT} {SEALED}")).succeeds().prints("buyers: sealed 1, unchanged 0");
    bed
}

fn show(bed: &Bed) -> String {
    let line = format!("vault show parcel:S1/A1 --purpose dispute --data books {SEALED}");
    bed.run(&line).succeeds().stdout().to_owned()
}

#[test]
fn an_import_seals_buyers_and_a_new_address_replaces_the_old_one_before_dispatch() {
    let bed = Bed::new();
    settings(&bed, "doorstep.toml");
    orders(&bed, OLD);
    let refused = bed.run(IMPORT).fails("the vault needs its key to keep that: give --config FILE");
    assert!(!refused.stderr().contains(PHONE), "{refused}");
    bed.run(&format!("{IMPORT} --lang zh")).ends_with(1);
    bed.run(&format!("{IMPORT} --no-buyers")).succeeds();
    assert!(!bed.has("books/vault.sqlite"));
    let json = bed.run(&format!("{IMPORT} {SEALED} --json")).succeeds().json();
    assert_eq!((number(&json, "/existed"), number(&json, "/buyers/sealed")), (2, 1));
    let vault = fs::read(bed.path("books/vault.sqlite")).unwrap();
    let json = bed.run(&format!("{IMPORT} {SEALED} --json")).succeeds().json();
    assert_eq!((number(&json, "/buyers/sealed"), number(&json, "/buyers/unchanged")), (0, 1));
    assert_eq!(fs::read(bed.path("books/vault.sqlite")).unwrap(), vault, "nothing changed");
    orders(&bed, NEW);
    bed.run(&format!("{IMPORT} {SEALED}")).succeeds().prints("replaced 1");
    let shown = show(&bed);
    assert!(shown.contains(NAME) && shown.contains(PHONE) && shown.contains(NEW), "{shown}");
    assert_in_no_file(&bed.path("books"), &[NAME, PHONE, OLD, NEW]);

    let list = "vault disclosures --data books";
    let listed = bed.run(list).succeeds();
    assert!(listed.words().contains("delivery details of the buyer of parcel"), "{listed}");
    let zh = bed.run(&format!("{list} --lang zh")).succeeds();
    assert!(zh.stdout().contains("用途：争议处理"), "{zh}");
    let json = bed.run(&format!("{list} --parcel A1 --json")).succeeds().json();
    assert_eq!(text(&json, "/command"), "RecordDisclosure");
    assert_eq!(text(&json, "/fields/purpose"), "Dispute");
    bed.verified("books");
}

#[test]
fn waybills_have_the_buyers_for_whoever_asks_and_the_books_say_so_first() {
    let bed = with_buyer();
    let write = |flags: &str| format!("{IMPORT} {flags} --waybills labels.csv");
    bed.run(&write(SEALED)).succeeds();
    assert!(!bed.read("labels.csv").contains(NAME));
    let disclosures = || {
        let seen = bed.run("vault disclosures --data books --json").succeeds();
        seen.stdout().lines().count()
    };
    assert_eq!(disclosures(), 0);
    bed.run(&write("--no-buyers --with-buyers")).fails("the vault needs its key");
    // The vault's own, not those of the file.
    bed.run(&write(&format!("--no-buyers --with-buyers {SEALED}"))).succeeds();
    let labels = bed.read("labels.csv");
    let mut lines = labels.lines();
    let columns = "order,seller,waybill,currency,amount_due,name,phone,address";
    assert_eq!(lines.next(), Some(columns));
    assert!(lines.next().unwrap().ends_with(&format!(",CNY,10.00,{NAME},{PHONE},{OLD}")));
    assert!(lines.next().unwrap().ends_with(",CNY,5.00,,,"), "{labels}");
    let mode = fs::metadata(bed.path("labels.csv")).unwrap().permissions().mode();
    assert_eq!((mode & 0o777, disclosures()), (0o600, 1));
    let seen = bed.run("vault disclosures --data books --json").succeeds().json();
    assert_eq!(seen["fields"]["subjects"].as_array().unwrap().len(), 1, "{seen}");
    assert_eq!(text(&seen, "/fields/purpose"), "Delivery");
    bed.verified("books");
}

#[test]
fn an_import_is_checked_without_a_trace() {
    let bed = with_buyer();
    let log = || bed.run("log --data books --json").succeeds().stdout().to_owned();
    let before = log();
    bed.orders("new.csv", &["A9,S1,CNY,3.00", "A1,S1,CNY,11.00"]);
    let check = "import --orders new.csv --profile doorstep --data books --check --json";
    let checked = bed.run(check).ends_with(1).json();
    assert_eq!((number(&checked, "/announced"), number(&checked, "/parcels")), (0, 2));
    assert_eq!(checked["imported"], false);
    assert_eq!(checked["refused"].as_array().unwrap().len(), 1, "another amount: {checked}");
    assert_eq!(log(), before);
    bed.run(&check.replace("--data books", "--data none")).ends_with(1);
    assert!(!bed.has("none"));
}

#[test]
fn an_erased_buyer_is_in_no_file_and_a_restored_vault_or_a_new_import_does_not_bring_it_back() {
    let bed = with_buyer();
    let erase = "erase parcel:S1/A1 --data books --approved-by 2";
    bed.run(erase).fails("the parcel's state does not allow this");
    bed.run(&format!("{erase} --ordered-by king")).ends_with(2);
    bed.run("erase nobody --data books").fails("names nobody; write seller:REFERENCE");
    let backup = fs::read(bed.path("books/vault.sqlite")).unwrap();
    bed.run(&format!("{erase} --ordered-by court")).succeeds().prints("EraseSubject: carried out");
    let gone = "the vault has nothing of parcel:S1/A1";
    let line = format!("vault show parcel:S1/A1 --purpose audit --data books {SEALED}");
    bed.run(&line).fails(gone);
    bed.run(&format!("{IMPORT} {SEALED}")).succeeds().prints("erased before 1");
    fs::write(bed.path("books/vault.sqlite"), &backup).unwrap();
    bed.run(&line).fails(gone);
    assert_in_no_file(&bed.path("books"), &[NAME, PHONE, OLD]);
    // Without the list nothing is shown, until it is written again.
    fs::write(bed.path("books/vault.sqlite"), &backup).unwrap();
    fs::remove_file(bed.path("books/erasures.csv")).unwrap();
    bed.run("vault list-erasures --data books").succeeds().prints("erasures in the list: 1");
    bed.run(&line).fails(gone);
    let listed = bed.run("vault disclosures --data books").succeeds();
    assert!(listed.words().contains("erased (number 1), ordered by a court"), "{listed}");
    bed.verified("books");
}

#[test]
fn an_identity_document_is_entered_shown_and_never_repeated() {
    let bed = with_buyer();
    bed.write("id.json", r#"{"document": "passport", "number": "E12345678"}"#);
    let enter = format!("vault enter-identity S1 --file id.json --data books {SEALED}");
    bed.run(&enter).succeeds().prints("sealed in the vault");
    let shown = format!("vault show seller:S1 --purpose audit --data books {SEALED}");
    assert!(bed.run(&shown).succeeds().stdout().contains("E12345678"));
    assert_in_no_file(&bed.path("books"), &["E12345678"]);
    bed.write("id.json", r#"{"document": "passport", "number": "护照12345"}"#);
    let refused = bed.run(&enter).fails("not a document number");
    assert!(!refused.stderr().contains("12345"), "{refused}");
    bed.write("id.json", r#"{"document": "card", "number": "E12345678"}"#);
    let refused = bed.run(&enter).fails("--file id.json: line 1 is not an identity document");
    assert!(!refused.stderr().contains("E123"), "{refused}");
}

#[test]
fn an_erasure_that_is_killed_at_any_write_is_finished_the_next_time() {
    let bed = with_buyer();
    make_library(&bed);
    let line = "erase parcel:S1/A1 --ordered-by court --approved-by 2 --data killed";
    let copy = |from: &str| {
        let _ = fs::remove_dir_all(bed.path("killed"));
        fs::DirBuilder::new().mode(0o700).create(bed.path("killed")).unwrap();
        for entry in fs::read_dir(bed.path(from)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, bed.path("killed").join(path.file_name().unwrap())).unwrap();
            }
        }
    };
    let (mut killed, mut carried_out) = (0, 0);
    for call in 1..1_000 {
        copy("books");
        if ends_before(&bed, line, call) {
            break;
        }
        killed += 1;
        // Whatever opens the office finishes what the journal has.
        let show = format!("vault show parcel:S1/A1 --purpose audit --data killed {SEALED}");
        let log = bed.run("log --json --data killed").succeeds();
        if log.stdout().contains("EraseSubject") {
            carried_out += 1;
            bed.run(&show).fails("the vault has nothing of parcel:S1/A1");
            assert_in_no_file(&bed.path("killed"), &[NAME, PHONE, OLD]);
        } else {
            assert!(bed.run(&show).succeeds().stdout().contains(NAME), "killed at call {call}");
        }
    }
    assert!(killed > 5 && carried_out > 2 && carried_out < killed, "{killed}, {carried_out}");
}
