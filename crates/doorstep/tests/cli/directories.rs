//! The data directory: its lock, content and format version.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::support::Bed;

const DAY: &str = "day --parcels 50 --data books --date 2013-11-11 --json";

/// The offset of SQLite's `user_version`, our format number: four bytes, big-endian.
const FORMAT_AT: usize = 60;

fn set_format(path: &Path, format: u32) {
    let mut content = fs::read(path).unwrap();
    content[FORMAT_AT..FORMAT_AT + 4].copy_from_slice(&format.to_be_bytes());
    fs::write(path, content).unwrap();
}

#[test]
fn books_in_use_by_another_process_can_be_read_but_not_changed() {
    let bed = Bed::new();
    let day = bed.run(DAY).succeeds().json();
    bed.write("books/LOCK", "4711\n");
    let lock = File::open(bed.path("books/LOCK")).unwrap();
    lock.lock().unwrap();
    let in_use = format!(
        "error: the data directory {} is in use: another command, process 4711, changes the books, \
         for ",
        bed.path("books").display()
    );
    let refused = bed.run(DAY).fails(&in_use);
    assert!(refused.stderr().contains(" seconds now. Wait until it ends, or stop it; "));
    bed.run(&format!("{DAY} --lang zh")).fails("另一命令（进程 4711）正在更改账簿，已 ");
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    bed.run("import --orders orders.csv --profile doorstep --data books").fails(&in_use);
    assert_eq!(bed.verified("books")["digest"], day["digest"]);
    for reader in ["balances", "export --format csv", "explain payout 1", "log"] {
        bed.run(&format!("{reader} --data books")).succeeds().says_nothing();
    }
    drop(lock);
    assert_eq!(bed.run(DAY).succeeds().json()["digest"], day["digest"]);
}

#[test]
fn a_path_that_is_no_data_directory_is_refused_and_left_as_it_is() {
    let bed = Bed::new();
    bed.write("file", "mine");
    fs::create_dir(bed.path("other")).unwrap();
    bed.write("other/letter.txt", "mine");
    let full = |name: &str| bed.path(name).display().to_string();
    let day = "day --parcels 50 --data";

    let file =
        format!("error: {} is not a directory; give a directory for the data\n", full("file"));
    bed.run(&format!("{day} file")).fails(&file);
    bed.run("verify --data file").fails(&file);
    bed.run(&format!("{day} other")).fails(&format!(
        "error: {} is not empty (letter.txt is in it); choose a directory that is empty or new\n",
        full("other")
    ));
    bed.run("verify --data other").fails(&format!(
        "error: {} is not a data directory of Doorstep: it has no journal.sqlite. Check the path, \
         or create it first\n",
        full("other")
    ));
    for reader in ["verify", "balances", "export --format csv", "explain payout 1", "log"] {
        bed.run(&format!("{reader} --data nowhere"))
            .fails("error: there is no data directory nowhere; check the path, or create it first");
        assert!(!bed.has("nowhere"), "{reader} makes no directory");
    }
    assert_eq!(bed.read("file"), "mine");
    assert_eq!(fs::read_dir(bed.path("other")).unwrap().count(), 1);
}

#[test]
fn books_with_a_lost_journal_are_not_recreated() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    let import = "import --orders orders.csv --profile doorstep --data books";
    bed.run(import).succeeds();
    for lost in ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"] {
        let _ = fs::remove_file(bed.path("books").join(lost));
    }
    let words =
        format!("error: {} is not empty (snapshots is in it); ", bed.path("books").display());
    bed.run(import).fails(&words);
    bed.run("day --parcels 50 --data books").fails(&words);
    assert!(!bed.has("books/journal.sqlite"));
}

#[test]
fn a_read_only_directory_is_refused() {
    let bed = Bed::new();
    fs::create_dir(bed.path("sealed")).unwrap();
    fs::set_permissions(bed.path("sealed"), fs::Permissions::from_mode(0o555)).unwrap();
    if File::create(bed.path("sealed/probe")).is_ok() {
        println!("SKIPPED: this user may write everywhere, as root does");
        return;
    }
    let sealed = bed.path("sealed");
    let owner = fs::metadata(&sealed).unwrap().uid();
    let why = format!(
        "Permission denied (os error 13); {} belongs to user {owner} and has mode 0555: run as \
         that user, or change its owner or mode (chown, chmod)\n",
        sealed.display()
    );
    bed.run("day --parcels 50 --data sealed").fails(&why);
    bed.run("day --parcels 50 --data sealed/books").fails(&why);
    bed.run("day --parcels 50 --data books").succeeds();
    let journal = bed.path("books/journal.sqlite");
    fs::set_permissions(&journal, fs::Permissions::from_mode(0o400)).unwrap();
    bed.run("day --parcels 50 --data books").fails(&format!(
        "error: {} is read-only for this user; run as its owner, or change its owner or mode \
         (chown, chmod)\n",
        journal.display()
    ));
}

#[test]
fn an_empty_directory_and_a_new_nested_one_are_accepted() {
    let bed = Bed::new();
    fs::create_dir(bed.path("empty")).unwrap();
    bed.chmod("empty", 0o755);
    bed.run("day --parcels 10 --data empty").succeeds();
    let mode = fs::metadata(bed.path("empty")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    bed.run("day --parcels 10 --data new/of/several/levels").succeeds();
    bed.verified("new/of/several/levels");
}

#[test]
fn a_journal_of_a_newer_version_is_refused_and_left_as_it_is() {
    let bed = Bed::new();
    let day = bed.run(DAY).succeeds().json();
    let journal = bed.path("books/journal.sqlite");
    set_format(&journal, 2);
    let before = fs::read(&journal).unwrap();
    let newer = format!(
        "error: {} has journal format 2; this Doorstep reads up to 1. Nothing was changed. Start \
         the newer Doorstep that wrote it\n",
        journal.display()
    );
    bed.run(DAY).fails(&newer);
    bed.run("verify --data books").fails(&newer);
    bed.run("export --format hledger --data books").fails(&newer);
    assert!(fs::read(&journal).unwrap() == before);
    set_format(&journal, 1);
    assert_eq!(bed.run(DAY).succeeds().json()["digest"], day["digest"]);
}

#[test]
fn a_snapshot_of_a_newer_version_is_reported_and_the_journal_is_used() {
    let bed = Bed::new();
    let day = bed.run(DAY).succeeds().json();
    let entries = fs::read_dir(bed.path("books/snapshots")).unwrap();
    let snapshot = entries.map(|entry| entry.unwrap().path()).next().unwrap();
    let mut content = fs::read(&snapshot).unwrap();
    // The list of parts, at the end of the file, begins with eight letters and the format.
    let list = content.windows(8).rposition(|letters| letters == b"DOORSNAP").unwrap();
    content[list + 8..list + 12].copy_from_slice(&3_u32.to_be_bytes());
    fs::write(&snapshot, content).unwrap();
    let newer = format!(
        "the snapshot {} has format 3; this Doorstep reads up to 2. Nothing was changed. Start the \
         newer Doorstep that wrote it, or from an older snapshot\n",
        snapshot.display()
    );
    let again = bed.run(DAY).succeeds().says("note: snapshot ").says(&newer).json();
    assert_eq!(again["digest"], day["digest"]);
    bed.run("verify --data books").ends_with(1).prints(&newer);
}

/// The files of a data directory with their content, without the journal, which counts its leaders.
fn files_beside_the_journal(bed: &Bed, books: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(bed.path(books)).unwrap().map(|entry| entry.unwrap().path());
    let kept = entries.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        path.is_file() && !name.starts_with("journal.sqlite") && name != "LOCK"
    });
    kept.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn another_day_in_the_same_books_is_refused_and_changes_nothing() {
    let bed = Bed::new();
    bed.run(DAY).succeeds();
    let before = bed.verified("books");
    let another = "error: --data books: these books do not match this day: they were made with \
                   other orders, another seed, or other flags. Nothing was changed. Give the same \
                   inputs as before, or another directory\n";
    for other in
        ["--parcels 51", "--parcels 50 --seed 8", "--parcels 50 --refusals 60", "--tender cash"]
    {
        let line = format!("day --data books --date 2013-11-11 {other}");
        let (written, ran) = (files_beside_the_journal(&bed, "books"), bed.run(&line));
        assert_eq!(ran.ends_with(1).stderr(), another, "{other}: and no stage of the day");
        assert_eq!(files_beside_the_journal(&bed, "books"), written, "{other}");
        assert_eq!(bed.verified("books"), before, "{other}");
    }
    bed.run("day --data books --date 2013-11-10")
        .fails("error: --date 2013-11-10: that day is over in the books in books; give 2013-11-12");
    // Books of others, with more than orders in them.
    bed.run("trial others").succeeds();
    let others = bed.verified("others/books");
    bed.run("day --parcels 50 --data others/books").fails(
        "which the simulated world does not know: only orders can be imported between two days. \
         Nothing was changed. Use another directory\n",
    );
    assert_eq!(bed.verified("others/books"), others);
}
