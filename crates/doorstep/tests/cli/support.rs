//! Runs the real program in a temporary directory. A failing test shows the command and its output.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use bench::ReservedAddress;
use serde_json::Value;
use tempfile::TempDir;

pub const DOORSTEP: &str = env!("CARGO_BIN_EXE_doorstep");

/// The time limit of a command that ends by itself.
const END_WAIT: Duration = Duration::from_secs(120);
/// How often a test looks for what another process does.
const POLL: Duration = Duration::from_millis(20);

/// Asks until it is so, however busy the machine is.
#[track_caller]
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < END_WAIT, "not within {END_WAIT:?}: {what}");
        std::thread::sleep(POLL);
    }
}

pub const ORDER_COLUMNS: &str = "order,seller,currency,amount_due";

/// A temporary directory in which the program runs.
pub struct Bed {
    scratch: TempDir,
    reserved: Mutex<Vec<ReservedAddress>>,
}

impl Bed {
    pub fn new() -> Bed {
        let mut scratch = tempfile::Builder::new();
        let scratch = scratch.prefix("doorstep-cli-").tempdir_in(env!("CARGO_TARGET_TMPDIR"));
        Bed { scratch: scratch.unwrap(), reserved: Mutex::default() }
    }

    /// An address of this machine where nobody listens before somebody names it.
    pub fn reserved_address(&self) -> String {
        let reserved = ReservedAddress::new().unwrap();
        let address = reserved.to_string();
        self.reserved.lock().unwrap().push(reserved);
        address
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Writes a file for its owner only.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
        self.chmod(name, 0o600);
    }

    pub fn private_directory(&self, name: &str) {
        fs::create_dir(self.path(name)).unwrap();
        self.chmod(name, 0o700);
    }

    /// The rows of each view, in `exported/VIEW.csv`.
    pub fn export_views(&self, books: &str, views: &str) {
        self.private_directory("exported");
        for view in views.split(' ') {
            let rows = self.run(&format!("get {view} --data {books} --format csv")).succeeds();
            self.write(&format!("exported/{view}.csv"), rows.stdout());
        }
    }

    pub fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Writes an order file of the profile `doorstep`, one line per order.
    pub fn orders(&self, name: &str, lines: &[&str]) {
        self.write(name, format!("{ORDER_COLUMNS}\n{}\n", lines.join("\n")));
    }

    pub fn read(&self, name: impl AsRef<Path>) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn has(&self, name: impl AsRef<Path>) -> bool {
        self.path(name).exists()
    }

    /// Another program in this directory.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.scratch.path()).stdin(Stdio::null());
        command.env("LC_ALL", "C.UTF-8").env_remove("COLUMNS").env_remove("CLICOLOR_FORCE");
        command
    }

    /// Doorstep with arguments that contain no spaces: `day --parcels 100`.
    pub fn doorstep(&self, arguments: &str) -> Command {
        let mut command = self.command(DOORSTEP);
        command.args(arguments.split_whitespace());
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn run(&self, arguments: &str) -> Ran {
        Ran::of(&mut self.doorstep(arguments))
    }

    /// Runs a day with many faults in the data directory `books`.
    #[track_caller]
    pub fn faulty_day(&self, parcels: u32) -> Value {
        let line = format!("day --parcels {parcels} --faults 300 --data books --json");
        self.run(&line).succeeds().json()
    }

    /// Runs days until one has a payout that the bank returned. Returns its data directory and
    /// JSON.
    #[track_caller]
    pub fn day_with_a_returned_payout(&self) -> (String, Value) {
        for seed in 1..=40 {
            let data = format!("books-{seed}");
            let line = format!("day --parcels 200 --faults 1000 --seed {seed} --data {data}");
            let day = self.run(&format!("{line} --json")).succeeds().json();
            if number(&day, "/counts/payouts_came_back") > 0 {
                return (data, day);
            }
        }
        panic!("none of 40 days with many faults has a returned payout");
    }

    /// The JSON of `verify`, which must succeed.
    #[track_caller]
    pub fn verified(&self, books: &str) -> Value {
        self.run(&format!("verify --data {books} --json")).succeeds().json()
    }
}

/// A program that has ended.
pub struct Ran {
    line: String,
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// Runs a command to its end.
    #[track_caller]
    pub fn of(command: &mut Command) -> Ran {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Ran::end_of(command, child)
    }

    /// As [`Ran::of`], of a command that may take longer on a busy machine.
    #[track_caller]
    pub fn of_long(command: &mut Command) -> Ran {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Ran::within(5 * END_WAIT, command, child)
    }

    /// Waits for the end of a started command.
    #[track_caller]
    pub fn end_of(command: &Command, child: Child) -> Ran {
        Ran::within(END_WAIT, command, child)
    }

    /// As [`Ran::end_of`]. A command that takes longer is killed, and the test fails.
    #[track_caller]
    fn within(wait: Duration, command: &Command, child: Child) -> Ran {
        let number = child.id();
        let (sender, receiver) = channel();
        let waiting = std::thread::spawn(move || {
            let output = child.wait_with_output();
            let _ = sender.send(());
            output
        });
        let in_time = receiver.recv_timeout(wait).is_ok();
        if !in_time {
            let _ = Command::new("kill").args(["-KILL", &number.to_string()]).status();
        }
        let output = waiting.join().unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        let ran = Ran { line: words.join(" "), code: output.status.code(), stdout, stderr };
        assert!(in_time, "it did not end in {wait:?}, and was killed{ran}");
        let panicked = ran.stdout.contains("panicked") || ran.stderr.contains("panicked");
        assert!(!panicked, "it panicked{ran}");
        ran
    }

    /// Prepends output that was read while the program ran.
    pub fn having_printed(self, text: String) -> Ran {
        Ran { stdout: text + &self.stdout, ..self }
    }

    #[track_caller]
    pub fn succeeds(self) -> Ran {
        self.ends_with(0)
    }

    /// Exit status 1, and these words in standard error.
    #[track_caller]
    pub fn fails(self, words: &str) -> Ran {
        self.ends_with(1).says(words)
    }

    #[track_caller]
    pub fn ends_with(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "the exit status{self}");
        self
    }

    /// Standard error contains these words.
    #[track_caller]
    pub fn says(self, words: &str) -> Ran {
        assert!(self.stderr.contains(words), "missing in standard error: {words}{self}");
        self
    }

    /// Standard output contains these words.
    #[track_caller]
    pub fn prints(self, words: &str) -> Ran {
        assert!(self.stdout.contains(words), "missing in standard output: {words}{self}");
        self
    }

    #[track_caller]
    pub fn says_nothing(self) -> Ran {
        assert_eq!(self.stderr, "", "standard error{self}");
        self
    }

    pub fn stdout(&self) -> &str {
        &self.stdout
    }

    /// Standard output without its line breaks.
    pub fn words(&self) -> String {
        self.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub fn stderr(&self) -> &str {
        &self.stderr
    }

    /// The JSON object on standard output.
    #[track_caller]
    pub fn json(&self) -> Value {
        let object: Result<Value, _> = serde_json::from_str(&self.stdout);
        object.unwrap_or_else(|error| panic!("no JSON: {error}{self}"))
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ran { line, code, stdout, stderr } = self;
        write!(f, "\n$ {line}\n[exit status {code:?}]\n--- standard output\n{stdout}")?;
        write!(f, "--- standard error\n{stderr}---")
    }
}

/// An integer in a JSON value, by path: `/collected/card`.
#[track_caller]
pub fn number(object: &Value, path: &str) -> i64 {
    let found = object.pointer(path).and_then(Value::as_i64);
    found.unwrap_or_else(|| panic!("no whole number at {path} in {object:#}"))
}

/// A string in a JSON value, by path.
#[track_caller]
pub fn text<'v>(object: &'v Value, path: &str) -> &'v str {
    let found = object.pointer(path).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {path} in {object:#}"))
}

/// Minor units of an amount with two decimals: `-12.30` is -1230.
#[track_caller]
pub fn minor(amount: &str) -> i64 {
    let (whole, decimals) = amount.split_once('.').unwrap_or_else(|| panic!("{amount}: no point"));
    assert_eq!(decimals.len(), 2, "{amount}");
    format!("{whole}{decimals}").parse().unwrap_or_else(|error| panic!("{amount}: {error}"))
}

/// A system program that the tests need.
#[track_caller]
pub fn tool(bed: &Bed, name: &str) -> Command {
    let there = Command::new(name).arg("--version").output();
    assert!(there.is_ok(), "{name} is missing: run ./test, which installs it");
    bed.command(name)
}

/// The path of a sample file. Prints a line if it is missing.
pub fn real(path: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("DOORSTEP_TEST_DATA").map_or(beside, PathBuf::from).join(path);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: {} is missing; set DOORSTEP_TEST_DATA to its folder", path.display());
    None
}

/// The records of a CSV text, by column name.
pub fn records(text: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
}

#[test]
#[should_panic(expected = "it did not end in 1s, and was killed\n$ sh -c echo begun")]
fn a_command_that_does_not_end_is_killed_and_its_test_fails() {
    let bed = Bed::new();
    let mut command = bed.command("sh");
    command.args(["-c", "echo begun; exec sleep 100"]).stdout(Stdio::piped());
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    Ran::within(Duration::from_secs(1), &command, child);
}
