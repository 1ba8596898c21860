//! `doorstep views`: the SQL views of the books, read by another program.

use std::process::Stdio;
use std::time::{Duration, Instant};

use bench::PostgresCluster;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;

use super::ground::{self, Running};
use super::killed_writes::{ends_before, make_library};
use super::support::{Bed, DOORSTEP, Ran, eventually, number, tool};

const CHECK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/views_check.py");
const BALANCE_AT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../views/sql/balance_at.sql");

/// More calls than the views of a small day make.
const CALLS_MAX: u32 = 4_000;

/// The views, as SQL text: the same rows give the same text.
fn dump(bed: &Bed, file: &str) -> String {
    let script = "import sqlite3, sys\n\
                  views = sqlite3.connect(sys.argv[1])\n\
                  tables = [name for (name,) in views.execute(\n    \
                  \"SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name\")]\n\
                  for table in tables:\n    \
                  for row in sorted(views.execute(f'SELECT * FROM {table}'), key=repr):\n        \
                  print(table, row)\n";
    let ran = Ran::of(tool(bed, "python3").args(["-c", script, file])).succeeds();
    ran.stdout().to_owned()
}

/// Compares parcels and payments of views that are not complete with those of `complete.sqlite` as
/// of the same batch. Returns how many rows they have.
#[track_caller]
fn gathered_rows_are_right(bed: &Bed) -> u32 {
    let script = "import sqlite3\n\
                  complete = sqlite3.connect('complete.sqlite')\n\
                  views = sqlite3.connect('books/views.sqlite')\n\
                  tables = views.execute('SELECT count(*) FROM sqlite_schema').fetchone()[0]\n\
                  batch = tables and views.execute('SELECT batch FROM checkpoint').fetchone()[0]\n\
                  still, seen = 2 ** 63 - 1, 0\n\
                  for table in ['parcels', 'payments'] if tables else []:\n    \
                  rows = complete.execute(f'SELECT * FROM {table}')\n    \
                  names = [one[0] for one in rows.description]\n    \
                  begin, end = names.index('from_batch'), names.index('until_batch')\n    \
                  then = [row[:end] + (row[end] if row[end] <= batch else still,) + \
                  row[end + 1:] for row in rows if row[begin] <= batch]\n    \
                  found = views.execute(f'SELECT * FROM {table}').fetchall()\n    \
                  assert sorted(found, key=repr) == sorted(then, key=repr), (table, batch)\n    \
                  seen += len(found)\n\
                  print(seen)\n";
    Ran::of(tool(bed, "python3").args(["-c", script])).succeeds().stdout().trim().parse().unwrap()
}

/// Compares the views of `books` with what other commands say of the same books.
#[track_caller]
fn checked(bed: &Bed) -> String {
    for (line, file) in [
        ("export --data books --format csv", "postings.csv"),
        ("balances --data books --all --json", "balances.jsonl"),
        ("parcels --data books --json --limit 100000", "parcels.json"),
    ] {
        bed.write(file, bed.run(line).succeeds().stdout());
    }
    let mut python = tool(bed, "python3");
    python.args(["-B", CHECK, "books/views.sqlite"]);
    python.args(["postings.csv", "balances.jsonl", "parcels.json", BALANCE_AT]);
    Ran::of(&mut python).succeeds().stdout().to_owned()
}

fn update(bed: &Bed) -> Value {
    bed.run("views update --data books --json").succeeds().json()
}

#[test]
fn the_views_say_what_the_books_say_and_what_they_said_at_each_batch() {
    let bed = Bed::new();
    bed.run("day --parcels 300 --faults 1000 --seed 3 --data books").succeeds();
    let written = update(&bed);
    let verified = bed.verified("books");
    assert_eq!(number(&written, "/commands"), number(&verified, "/commands"));
    let found = checked(&bed);
    let parcels = found.trim_end().strip_suffix(" parcels").and_then(|all| all.rsplit(' ').next());
    assert!(parcels.is_some_and(|count| count.parse::<u32>().unwrap() >= 300), "{found}");
    // Nothing new: nothing changes.
    assert_eq!(number(&update(&bed), "/batch"), number(&written, "/batch"));
}

#[test]
fn views_that_were_brought_up_day_after_day_are_those_of_a_rebuild() {
    let bed = Bed::new();
    for day in 1..=3 {
        let date = format!("2026-03-0{day}");
        let line = format!("day --parcels 60 --faults 600 --date {date} --seed {day} --data books");
        bed.run(&line).succeeds();
        update(&bed);
        checked(&bed);
    }
    let grown = dump(&bed, "books/views.sqlite");
    bed.run("views rebuild --data books").succeeds().prints("are at batch ");
    assert!(grown == dump(&bed, "books/views.sqlite"), "a rebuild has other rows");
    assert!(grown.lines().count() > 3_000, "{}", grown.lines().count());
}

#[test]
fn views_whose_writing_is_killed_go_on_the_next_time() {
    let bed = Bed::new();
    make_library(&bed);
    bed.run("day --parcels 40 --faults 600 --data books").succeeds();
    update(&bed);
    let expected = dump(&bed, "books/views.sqlite");
    std::fs::copy(bed.path("books/views.sqlite"), bed.path("complete.sqlite")).unwrap();
    let mut gathered = 0;
    for what in ["update", "rebuild"] {
        let line = format!("views {what} --data books");
        let mut killed = 0;
        for call in (1..CALLS_MAX).step_by(23) {
            if what == "update" {
                let remove = "rm -f books/views.sqlite*";
                Ran::of(tool(&bed, "bash").args(["-c", remove])).succeeds();
            }
            if ends_before(&bed, &line, call) {
                break;
            }
            killed += 1;
            if what == "update" && bed.has("books/views.sqlite") {
                gathered = gathered.max(gathered_rows_are_right(&bed));
            }
            if what == "rebuild" {
                assert!(expected == dump(&bed, "books/views.sqlite"), "{line}: call {call}");
            }
            if killed % 4 == 0 {
                bed.run(&line).succeeds();
                assert!(expected == dump(&bed, "books/views.sqlite"), "{line}: call {call}");
            }
        }
        assert!((5..CALLS_MAX / 23).contains(&killed), "{line}: {killed} calls");
    }
    assert!(gathered > 100, "{gathered} rows before the tables were complete");
}

#[test]
fn other_files_and_other_journals_are_refused_and_left_as_they_are() {
    let bed = Bed::new();
    bed.run("day --parcels 20 --data books").succeeds();
    bed.run("day --parcels 20 --seed 8 --data others").succeeds();
    let update = "views update --data books";
    // No views.
    bed.write("books/views.sqlite", "not a database, but long enough to be read as one".repeat(9));
    bed.run(update).fails("views.sqlite is not the views of this program; move it away");
    bed.run(&format!("{update} --lang zh")).fails("不是本程序的视图");
    // Of other books.
    bed.run("views update --data others").succeeds();
    let copy = "cp others/views.sqlite books/views.sqlite && chmod 600 books/views.sqlite";
    Ran::of(tool(&bed, "bash").args(["-c", copy])).succeeds();
    let before = dump(&bed, "books/views.sqlite");
    bed.run(update).fails("views rebuild").says("views rebuild");
    assert!(before == dump(&bed, "books/views.sqlite"));
    bed.run("views rebuild --data books").succeeds();
    assert!(before != dump(&bed, "books/views.sqlite"));
    bed.run(update).succeeds();
}

#[test]
fn a_full_disk_leaves_the_views_as_they_were() {
    let bed = Bed::new();
    bed.run("day --parcels 300 --data books").succeeds();
    let script = format!("ulimit -f 500; exec {DOORSTEP} views update --data books");
    let full = Ran::of(tool(&bed, "bash").args(["-c", &script]));
    full.fails("no room to write the views in ").says("Free space on that disk");
    bed.run("views update --data books").succeeds();
    checked(&bed);
}

#[test]
fn the_views_follow_while_doorstep_serves() {
    let bed = Bed::new();
    ground::make(&bed);
    let settings = bed.read("door/doorstep.toml");
    bed.write("door/doorstep.toml", format!("{settings}\n[views]\n"));
    let running = Running::start(&bed, "");
    let (waybill, amount) = ground::parcel(2);
    running.terminal(&bed, "", &[format!("cash {waybill} {amount}")]).succeeds();
    let collected = || {
        let script = "import sqlite3, sys\n\
                      views = sqlite3.connect('file:door/books/views.sqlite?mode=ro', uri=True)\n\
                      print(*views.execute(\"SELECT amount FROM postings JOIN accounts ON \
                      account = debit WHERE entry = 'CashCollected'\"))\n";
        Ran::of(tool(&bed, "python3").args(["-c", script])).stdout().to_owned()
    };
    let expected = format!("({},)", amount.replace('.', ""));
    eventually("the sale is in the views", || collected().trim() == expected);
    // One writer.
    for what in ["update", "rebuild"] {
        bed.run(&format!("views {what} --data door/books")).fails("another process writes these");
    }
    running.stop();
    let written = bed.run("views update --data door/books --json").succeeds().json();
    assert_eq!(number(&written, "/commands"), number(&bed.verified("door/books"), "/commands"));
}

#[test]
fn a_full_disk_under_the_views_does_not_touch_the_door_and_they_catch_up() {
    let bed = Bed::new();
    ground::make(&bed);
    let settings = bed.read("door/doorstep.toml");
    bed.write("door/doorstep.toml", format!("{settings}\n[views]\n"));
    let running = Running::start(&bed, "");
    let count = |what: &str| {
        let script = format!(
            "import sqlite3\n\
             views = sqlite3.connect('file:door/books/views.sqlite?mode=ro', uri=True)\n\
             print(*views.execute(\"SELECT count(*) FROM {what}\").fetchone())\n"
        );
        Ran::of(tool(&bed, "python3").args(["-c", &script])).stdout().trim().to_owned()
    };
    let cash = || count("postings WHERE entry = 'CashCollected'");
    let until = |expected: &str| eventually(expected, || cash() == expected);
    until("0");
    let limit = |bytes: &str| {
        let process = running.engine.id().to_string();
        let size = format!("--fsize={bytes}:");
        Ran::of(tool(&bed, "prlimit").args(["--pid", &process, &size])).succeeds();
    };
    // The journal has room for a sale. The views have none, neither in their log nor without it.
    let size = |name: &str| std::fs::metadata(bed.path(name)).map_or(0, |found| found.len());
    let journal = size("door/books/journal.sqlite").max(size("door/books/journal.sqlite-wal"));
    let most = journal + (64 << 10);
    // Their indexes are made after their first rows.
    let indexes = views::read::VIEWS.iter().map(|view| view.indexes.len()).sum::<usize>();
    let made = || count("sqlite_schema WHERE type = 'index' AND instr(name, '_by_') > 0");
    eventually("the indexes of the views", || made() == indexes.to_string());
    eventually("a log of the views", || size("door/books/views.sqlite-wal") > 2 * most);
    limit(&most.to_string());
    let (waybill, amount) = ground::parcel(2);
    running.terminal(&bed, "", &[format!("cash {waybill} {amount}")]).succeeds();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(cash(), "0", "the views had room");
    limit("unlimited");
    until("1");
    running.engine.stop().says("no room to write the views in ").says("Free space on that disk");
    bed.run("views update --data door/books").succeeds();
    let grown = dump(&bed, "door/books/views.sqlite");
    bed.run("views rebuild --data door/books").succeeds();
    assert!(grown == dump(&bed, "door/books/views.sqlite"), "a rebuild has other rows");
}

#[test]
fn postgresql_has_the_same_rows_as_sqlite() {
    let (bed, server) = (Bed::new(), PostgresCluster::quick().unwrap());
    bed.write("doorstep.toml", format!("[views]\nurl = \"{}\"\n", server.url()));
    for day in 1..=2 {
        let date = format!("2026-03-0{day}");
        let line = format!("day --parcels 60 --faults 600 --date {date} --seed {day} --data books");
        bed.run(&line).succeeds();
        bed.run("views update --data books").succeeds();
        let said = bed.run("views update --data books --config doorstep.toml").succeeds();
        assert!(said.stdout().starts_with("the views in PostgreSQL "), "{said}");
        assert_same_rows(&server, &bed);
    }
    bed.run("views rebuild --data books --config doorstep.toml").succeeds();
    assert_same_rows(&server, &bed);
    assert_eq!(
        server.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'doorstep%'").unwrap(),
        "1"
    );
    // The statement of the pages, in both.
    let (sql, pages) = (std::fs::read_to_string(BALANCE_AT).unwrap(), [(0, 5), (3, 40), (9, 99)]);
    for (account, batch) in pages {
        let asked = sql.replace("$1", &account.to_string()).replace("$2", &batch.to_string());
        let script = "import sqlite3, sys\n\
                      row = sqlite3.connect('books/views.sqlite').execute(sys.argv[1]).fetchone()\n\
                      print(row[0] if row else '')";
        let own = Ran::of(tool(&bed, "python3").args(["-c", script, &asked])).succeeds();
        let there = format!("SET search_path = doorstep; {asked}");
        assert_eq!(
            server.sql(&there).unwrap().trim_start_matches("SET").trim(),
            own.stdout().trim(),
            "account {account}, batch {batch}"
        );
    }
}

/// The benchmark compares the views that were killed and went on with those made anew, row by row.
#[test]
fn views_of_the_benchmark_are_killed_and_equal_in_both_places() {
    let bed = Bed::new();
    for (place, kills) in [("", 6), ("--postgres", 3)] {
        let line = format!("bench views --collections 3000 --kills {kills} --json {place}");
        let figures = bed.run(&line).succeeds().json();
        assert_eq!(figures["killed_at"].as_array().map(Vec::len), Some(kills), "{figures}");
        assert_eq!(figures["equal"], true);
        assert!(number(&figures, "/rows") > 12 * 3_000, "{figures}");
        assert_eq!(figures["questions"].as_array().map(Vec::len), Some(8), "{figures}");
    }
}

#[test]
fn a_server_of_postgresql_that_goes_and_comes_back_harms_nothing() {
    let (bed, mut server) = (Bed::new(), PostgresCluster::quick().unwrap());
    ground::make(&bed);
    let settings = bed.read("door/doorstep.toml");
    let views = format!("{settings}\n[views]\nurl = \"{}\"\n", server.url());
    bed.write("door/doorstep.toml", views);
    let running = Running::start(&bed, "");
    let (waybill, amount) = ground::parcel(2);
    running.terminal(&bed, "", &[format!("cash {waybill} {amount}")]).succeeds();
    let cash = "SELECT sum(amount) FROM doorstep.postings WHERE entry = 'CashCollected'";
    let sum = amount.replace('.', "");
    wait_for(&server, cash, &sum);
    // Without a new command: what the server lost in the crash is there again.
    server.stop();
    server.start_again().unwrap();
    wait_for(&server, cash, &sum);
    server.stop();
    let bank = "do RegisterBank --currency CNY --reference other --person 1 --data door/books";
    bed.run(&format!("{bank} --config door/doorstep.toml")).succeeds();
    server.start_again().unwrap();
    let banks = "SELECT count(*) FROM doorstep.accounts WHERE reference = 'other'";
    wait_for(&server, banks, "1");
    running.stop();
}

#[test]
fn a_server_elsewhere_needs_tls_and_passwords_are_in_files() {
    let bed = Bed::new();
    bed.run("day --parcels 5 --data books").succeeds();
    let update = "views update --data books --config doorstep.toml";
    for (line, en, zh) in [
        ("url = \"postgres://d@192.0.2.1/d\"", "so the connection needs TLS", "须用 TLS 连接"),
        ("url = \"postgres://d:secret@localhost/d\"", "has a password", "地址中有密码"),
        ("url = \"http://localhost\"", "not an address of PostgreSQL", "不是 PostgreSQL 的地址"),
        ("authorities = \"ca.pem\"", "give its `url`", "请给出其 `url`"),
        ("url = \"postgres://d@localhost/d\"\npath = \"v\"", "`path` or `url`", "之一"),
    ] {
        bed.write("doorstep.toml", format!("[views]\n{line}\n"));
        let ran = bed.run(update).fails(en);
        assert!(!ran.stderr().contains("secret"), "{ran}");
        bed.run(&format!("{update} --lang zh")).fails(zh);
    }
    bed.write("doorstep.toml", "[views]\nurl = \"postgres://d@localhost:1/d\"\n");
    bed.run(update).fails("could not connect to the views in PostgreSQL");
    bed.run(&format!("{update} --lang zh")).fails("无法读写 PostgreSQL 中的视图");
}

/// An authority and a certificate of `localhost` by it: the files' content.
fn certified() -> [String; 3] {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    [authority.pem(), certificate.pem(), key.serialize_pem()]
}

#[test]
fn a_server_of_postgresql_is_reached_by_tls_and_only_if_its_authority_is_known() {
    let (bed, mut server) = (Bed::new(), PostgresCluster::quick().unwrap());
    let [authority, certificate, key] = certified();
    let [other, ..] = certified();
    bed.write("authority.pem", authority);
    bed.write("other.pem", other);
    let url = server.listen_with_tls(&certificate, &key).unwrap();
    bed.run("day --parcels 30 --data books").succeeds();
    let update = "views update --data books --config doorstep.toml";
    // The server takes no connection without TLS.
    bed.write("doorstep.toml", format!("[views]\nurl = \"{url}\"\n"));
    bed.run(update).fails("no encryption");
    bed.write("doorstep.toml", format!("[views]\nurl = \"{url}\"\nauthorities = \"other.pem\"\n"));
    bed.run(update).fails("could not connect to the views in PostgreSQL");
    assert_eq!(
        server.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'doorstep'").unwrap(),
        "0"
    );
    let settings = format!("[views]\nurl = \"{url}\"\nauthorities = \"authority.pem\"\n");
    bed.write("doorstep.toml", settings);
    bed.run(update).succeeds();
    bed.run("views update --data books").succeeds();
    assert_same_rows(&server, &bed);
}

#[test]
fn fifty_kills_during_the_projection_into_postgresql_leave_the_rows_of_sqlite() {
    let (bed, server) = (Bed::new(), PostgresCluster::quick().unwrap());
    bed.write("doorstep.toml", format!("[views]\nurl = \"{}\"\n", server.url()));
    let update = "views update --data books --config doorstep.toml";
    for day in 1..=3 {
        let line = format!("day --parcels 60 --faults 600 --date 2026-03-0{day} --data books");
        bed.run(&line).succeeds();
    }
    let (mut killed, mut kept) = (0, 0);
    let begun = Instant::now();
    bed.run(update).succeeds();
    let whole = begun.elapsed();
    server.sql("DROP SCHEMA doorstep CASCADE").unwrap();
    // Parts of it: from before the first row until after the last.
    for twelfths in (3..=13).cycle().take(1_000) {
        let wait = whole * twelfths / 12;
        let mut update = bed.doorstep(update);
        let mut child = update.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(wait);
        match child.try_wait().unwrap() {
            // All is written: it begins anew. Or the server still has the one before.
            Some(ended) if ended.success() => {
                server.sql("DROP SCHEMA doorstep CASCADE").unwrap();
            }
            Some(_) => {}
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                killed += 1;
                let found = server.sql("SELECT batch FROM doorstep.checkpoint");
                kept += u32::from(found.is_ok());
            }
        }
        if killed == 50 {
            break;
        }
    }
    assert!(killed == 50 && kept > 5, "{killed} kills, {kept} found rows");
    // The server notices that the last one is gone.
    eventually("no other process writes the views", || !bed.run(update).stdout().is_empty());
    bed.run("views rebuild --data books").succeeds();
    assert_same_rows(&server, &bed);
}

/// The dump of PostgreSQL is that of SQLite.
#[track_caller]
fn assert_same_rows(server: &PostgresCluster, bed: &Bed) {
    let (there, here) = (server.rows("doorstep").unwrap(), rows_of_sqlite(bed));
    for (place, (there, here)) in there.lines().zip(here.lines()).enumerate() {
        assert_eq!(there, here, "line {place}");
    }
    assert_eq!(there.lines().count(), here.lines().count());
    assert!(here.lines().count() > 500, "{}", here.lines().count());
}

/// All rows, by table.
fn rows_of_sqlite(bed: &Bed) -> String {
    let script = "import csv, sqlite3, sys\n\
                  views = sqlite3.connect('books/views.sqlite')\n\
                  out = csv.writer(sys.stdout, lineterminator='\\n')\n\
                  tables = [name for (name,) in views.execute(\n    \
                  \"SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name\")]\n\
                  for table in tables:\n    \
                  print(table)\n    \
                  for row in views.execute(f'SELECT * FROM {table} ORDER BY 1, 2, 3, 4'):\n        \
                  out.writerow('\\\\x' + one.hex() if isinstance(one, bytes) else one \
                  for one in row)\n";
    Ran::of(tool(bed, "python3").args(["-c", script])).succeeds().stdout().to_owned()
}

#[track_caller]
fn wait_for(server: &PostgresCluster, statement: &str, expected: &str) {
    eventually(expected, || server.sql(statement).is_ok_and(|found| found == expected));
}
