//! A Python terminal that shares no code with Doorstep (pyiso8583, pycryptodome) against the real
//! processes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use peers::clearing::ClearingFile;
use serde_json::{Value, json};

use super::ground::{self, MERCHANT, Running};
use super::support::{Bed, Ran, minor};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/terminal.py");
/// The example of docs/door/terminal.md.
const LINK_KEY: &str = "FEDCBA9876543210F1F1F1F1F1F1F1F1";
const LINK_COMPONENTS: &str = "2B7E151628AED2A6 ABF7158809CF4F3C 7AD386\n\
                               D5A2AF8E5EFAE0B6 5A06E479F83EBECD FCEA2A\n\n";
/// Of the card: what simulated networks expect of it.
const PIN: &str = "0000";
/// From data/vectors/cup_mac_and_signon.json.
const TERMINAL_MASTER: &str = "CA5D92598DCA48CE8A4C76361A9269E9";
/// Its two components with their check values.
const COMPONENTS: &str = "0123456789ABCDEF FEDCBA9876543210 08D7B4\n\
                          CB7ED73E04618521 7490CCAE6CC65BF9 D9A2A4\n\n";
const CHECK_VALUE: &str = "43C6CC";

/// The interpreter with pyiso8583. `./test` installs it.
pub fn python() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python/bin/python");
    let python = std::env::var_os("DOORSTEP_PYTHON").map_or(own, PathBuf::from);
    assert!(python.exists(), "{} is missing: run ./test, which installs it", python.display());
    python
}

/// Runs a program with a text on standard input.
fn with_input(mut command: Command, what: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(what.as_bytes()).unwrap();
    Ran::end_of(&command, child)
}

/// Imports a key for the first terminal.
fn import_key(bed: &Bed, dialect: &str) {
    let (purpose, components) = match dialect {
        "doorstep" => ("terminal-link", LINK_COMPONENTS),
        _ => ("terminal-master", COMPONENTS),
    };
    let import = format!(
        "keys import terminal/00000001 --purpose {purpose} --store door/keys.json \
         --master-key-file door/master.key"
    );
    let ran = with_input(bed.doorstep(&import), components).succeeds();
    if dialect == "unionpay" {
        ran.prints(CHECK_VALUE);
    }
}

/// Runs a whole day of the terminal. Returns its steps and complaints.
fn run_day(bed: &Bed, dialect: &str, address: &str) -> Value {
    let (host, port) = address.rsplit_once(':').unwrap();
    let sales = [0, 1, 2].map(|place| {
        let (waybill, amount) = ground::parcel(place);
        json!([waybill, minor(&amount)])
    });
    let (kind, key) = match dialect {
        "doorstep" => ("link_key", LINK_KEY),
        _ => ("master_key", TERMINAL_MASTER),
    };
    let plan = json!({
        "address": [host, port.parse::<u16>().unwrap()],
        "terminal": "00000001",
        "merchant": MERCHANT,
        kind: key,
        "card": {"pan": "6225880000000001", "expiry": "3012", "pin": PIN},
        "sales": sales,
    });
    let mut python = bed.command(python().to_str().unwrap());
    python.arg(SCRIPT);
    with_input(python, &plan.to_string()).succeeds().json()
}

#[test]
fn a_python_terminal_runs_a_whole_day() {
    runs_a_whole_day("doorstep");
}

#[test]
fn a_python_terminal_of_unionpay_runs_a_whole_day() {
    runs_a_whole_day("unionpay");
}

fn runs_a_whole_day(dialect: &str) {
    let bed = Bed::new();
    ground::make(&bed);
    let settings = bed.read("door/doorstep.toml");
    let own = "dialect = \"doorstep\"\n";
    assert!(settings.contains(own), "{settings}");
    let named = settings.replacen(own, &format!("dialect = \"{dialect}\"\n"), 1);
    bed.write("door/doorstep.toml", named);
    import_key(&bed, dialect);
    let running = Running::start(&bed, "--clearing clearing --date 2013-08-28");

    let day = run_day(&bed, dialect, &running.address);
    assert_eq!(day["wrong"], json!([]), "{day}");
    let expected = json!([
        ["sign-on", "00"],
        ["sale", "00"],
        ["repeat", "00"],
        ["second sale", "00"],
        ["reversal", "00"],
        ["reversal again", "00"],
        ["wrong MAC", "A0"],
        ["cash", "00"],
        ["void", "00"],
        ["totals", "00"],
    ]);
    assert_eq!(day["steps"], expected);

    running.stop();
    bed.verified("door/books");
    // Both card sales were reversed or voided: the network owes nothing, the courier has the cash.
    let ran = bed.run("balances --data door/books --json").succeeds();
    let taken = minor(&ground::parcel(2).1);
    let cash =
        format!("\"assets:courier-cash:courier-1\",\"currency\":\"CNY\",\"amount\":{taken},");
    assert!(ran.stdout().contains(&cash), "{cash} is not there{ran}");
    assert!(!ran.stdout().contains("network"), "{ran}");
    let file = ClearingFile::parse(&bed.read("clearing/alpha-2013-08-28.csv")).unwrap();
    assert_eq!(file.lines.len(), 0, "reversed and voided sales are not cleared");
}
