//! docs/start.md and docs/start-api.md, run as they are written: their files are saved, their
//! commands are typed, and what they print is compared with the page.
//!
//! A block's first word is its language, the second one the name of a file or of a window. Values
//! that differ from run to run are known by their form, and later commands get those of this run.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::support::{Bed, DOORSTEP, Ran, tool};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/start.md");
const API_PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/start-api.md");
/// The reader's directory in the page.
const DIRECTORY: &str = "/srv/swift";
/// How long a window may take to print what the page shows.
const WINDOW_WAIT: Duration = Duration::from_secs(60);
const INTERRUPT: &str = "^C";

/// A fenced block: its words and its lines.
pub struct Block<'p> {
    pub words: Vec<&'p str>,
    pub lines: Vec<&'p str>,
    /// The page's line of the fence.
    pub line: usize,
}

fn page() -> String {
    std::fs::read_to_string(PAGE).unwrap()
}

/// A file of the page.
pub fn file(name: &str) -> String {
    let page = page();
    let block = blocks(&page).into_iter().find(|block| block.words.get(1) == Some(&name));
    block.unwrap_or_else(|| panic!("the page has no {name}")).lines.join("\n") + "\n"
}

pub fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut inside = false;
    for (place, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), inside) {
            (Some(words), false) => {
                let words = words.split_whitespace().collect();
                blocks.push(Block { words, lines: Vec::new(), line: place + 1 });
                inside = true;
            }
            (Some(_), true) => inside = false,
            (None, true) => blocks.last_mut().unwrap().lines.push(line),
            (None, false) => {}
        }
    }
    blocks
}

/// A part of a line.
#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    /// Differs from run to run: a number made from a time, a code, a reference.
    Value(String),
    /// A date, a time of day, a digest or a batch in JSON.
    Any,
}

/// The length of a date or time at the start of a text.
fn time_length(text: &str) -> Option<usize> {
    let fits = |form: &str| {
        let bytes = text.as_bytes();
        let same = |(place, form): (usize, u8)| {
            bytes.get(place).is_some_and(|&byte| match form {
                b'0' => byte.is_ascii_digit(),
                other => byte == other,
            })
        };
        form.bytes().enumerate().all(same).then_some(form.len())
    };
    let forms = [
        "0000-00-00T00:00:00.000+00:00",
        "0000-00-00T00:00:00.000Z",
        "0000-00-00T00:00:00Z",
        "0000-00-00",
        "00:00:00",
    ];
    forms.into_iter().find_map(fits)
}

fn is_value(word: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let upper = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    match word.len() {
        6 => word.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)),
        12 => upper(word) && digits(&word[6..]) && !digits(word),
        14 => digits(word) && word.starts_with("20"),
        16 => word.starts_with("0000") && word.bytes().all(|byte| byte.is_ascii_hexdigit()),
        _ => false,
    }
}

fn pieces(line: &str) -> Vec<Piece> {
    let (mut pieces, mut text, mut rest) = (Vec::new(), String::new(), line);
    while let Some(first) = rest.chars().next() {
        let starts = !text.ends_with(|c: char| c.is_ascii_alphanumeric());
        let word = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let (length, piece) = match time_length(rest).filter(|_| starts) {
            Some(length @ 20) => (length, Piece::Value(rest[..length].to_owned())),
            Some(length) => (length, Piece::Any),
            None if starts && word.len() == 64 => (64, Piece::Any),
            // Sign-ins are recorded beside the commands of the page, in batches of their own.
            None if text.ends_with("\"batch\":") => (word.len(), Piece::Any),
            None if starts && is_value(word) => (word.len(), Piece::Value(word.to_owned())),
            None => {
                let length = word.len().max(first.len_utf8());
                text.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            }
        };
        pieces.extend([Piece::Text(std::mem::take(&mut text)), piece]);
        rest = &rest[length..];
    }
    pieces.push(Piece::Text(text));
    pieces
}

/// A process in a window of its own. It is killed on drop.
struct Window {
    child: Child,
    lines: Receiver<String>,
    shown: String,
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who does what the page says.
struct Reader {
    bed: Bed,
    /// By the page's value, the value of this run.
    values: BTreeMap<String, String>,
    /// The page's addresses, and those of this run.
    addresses: [(&'static str, String); 3],
    variables: Vec<(String, String)>,
    windows: BTreeMap<String, Window>,
}

impl Reader {
    fn new() -> Reader {
        let bed = Bed::new();
        let addresses = ["127.0.0.1:7001", "127.0.0.1:9001", "127.0.0.1:8080"];
        Reader {
            addresses: addresses.map(|page| (page, bed.reserved_address())),
            bed,
            values: BTreeMap::new(),
            variables: Vec::new(),
            windows: BTreeMap::new(),
        }
    }

    /// A text of the page, with this run's addresses and values.
    fn typed(&self, text: &str) -> String {
        let with_values = pieces(text).into_iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Value(value) => self.values.get(&value).cloned().unwrap_or(value),
            Piece::Any => panic!("a command of the page has a date: {text}"),
        });
        let addresses = self.addresses.iter();
        addresses.fold(with_values.collect(), |text, (page, own)| text.replace(page, own))
    }

    /// What this run printed, with the page's addresses and directory.
    fn as_in_the_page(&self, printed: &str) -> String {
        let own = self.bed.path("").canonicalize().unwrap().display().to_string();
        let printed = printed.replace(own.trim_end_matches('/'), DIRECTORY);
        self.addresses.iter().fold(printed, |text, (page, own)| text.replace(own, page))
    }

    /// Whether a printed line is the page's line. Learns the values of this run.
    fn is_line(&mut self, page: &str, printed: &str) -> bool {
        let (page, printed) = (pieces(page), pieces(printed));
        let mut learnt = Vec::new();
        let alike = |(one, other): (Piece, Piece)| match (one, other) {
            (Piece::Value(one), Piece::Value(other)) => {
                learnt.push((one, other));
                true
            }
            (one, other) => one == other,
        };
        let same = page.len() == printed.len() && page.into_iter().zip(printed).all(alike);
        if same {
            self.values.extend(learnt);
        }
        same
    }

    fn shell(&self, command: &str) -> Command {
        let mut shell = self.bed.command("sh");
        shell.args(["-c", command]).envs(self.variables.iter().cloned());
        let programs = Path::new(DOORSTEP).parent().unwrap().display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{programs}:{path}"));
        shell
    }

    /// Runs a command to its end, with lines typed into it.
    fn run(&self, command: &str, typed: &[String]) -> String {
        let command = format!("{{ {command}\n}} 2>&1");
        let mut shell = self.shell(&command);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = shell.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        for line in typed {
            writeln!(input, "{line}").unwrap();
        }
        drop(input);
        let ran = Ran::end_of(&shell, child).succeeds();
        self.as_in_the_page(ran.stdout())
    }

    fn open_window(&self, command: &str) -> Window {
        let mut shell = self.shell(&format!("exec {command} 2>&1"));
        let mut child = shell.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Window { child, lines, shown: String::new() }
    }

    /// Waits until a window has printed these lines, in their order, among log lines.
    fn await_lines(&mut self, mut window: Window, lines: &[&str], block: &Block<'_>) -> Window {
        let until = Instant::now() + WINDOW_WAIT;
        for page in lines {
            loop {
                let wait = until.saturating_duration_since(Instant::now());
                let Ok(line) = window.lines.recv_timeout(wait) else {
                    panic!("line {}: not printed: {page}\n{}", block.line, window.shown);
                };
                let line = self.as_in_the_page(&line);
                window.shown += &format!("{line}\n");
                if self.is_line(page, &line) {
                    break;
                }
                let is_log = line.contains(" INFO ") || line.contains(" WARN ");
                assert!(is_log, "line {}: {page}\nprinted: {line}", block.line);
            }
        }
        window
    }

    fn do_block(&mut self, block: &Block<'_>) {
        match block.words[..] {
            ["console"] => self.do_commands(block),
            ["console", name] => self.do_window(name, block),
            [_, file] => {
                let pages = [PAGE, API_PAGE].map(|page| std::fs::read_to_string(page).unwrap());
                let named = pages.concat().contains(&format!("`{file}`"));
                assert!(named, "line {}: no sentence names {file}", block.line);
                self.bed.write(file, self.typed_file(&block.lines));
            }
            _ => panic!("line {}: what is this block?", block.line),
        }
    }

    fn typed_file(&self, lines: &[&str]) -> String {
        let text = lines.join("\n") + "\n";
        let addresses = self.addresses.iter();
        addresses.fold(text, |text, (page, own)| text.replace(page, own))
    }

    fn do_commands(&mut self, block: &Block<'_>) {
        let mut lines = block.lines.iter().copied().peekable();
        while let Some(command) = next_command(&mut lines, block) {
            let mut page = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                page.push(line);
            }
            if let Some(variable) = command.strip_prefix("export ") {
                let (name, value) = variable.split_once('=').unwrap();
                self.variables.push((name.to_owned(), self.typed(value)));
                continue;
            }
            let printed = self.run(&self.typed(&command), &[]);
            self.compare(&page, &printed, block, &command);
        }
    }

    fn compare(&mut self, page: &[&str], printed: &str, block: &Block<'_>, command: &str) {
        let lines: Vec<&str> = printed.lines().collect();
        let same = lines.len() == page.len()
            && page.iter().zip(&lines).all(|(page, line)| self.is_line(page, line));
        let page = page.join("\n");
        assert!(same, "line {}: $ {command}\nthe page:\n{page}\nprinted:\n{printed}", block.line);
    }

    fn do_window(&mut self, name: &str, block: &Block<'_>) {
        let mut lines = block.lines.iter().copied().peekable();
        if lines.next_if_eq(&INTERRUPT).is_some() {
            let mut window = self.windows.remove(name).unwrap();
            let number = window.child.id().to_string();
            let interrupted = Command::new("kill").args(["-INT", &number]).status();
            assert!(interrupted.unwrap().success());
            let rest: Vec<&str> = lines.collect();
            window = self.await_lines(window, &rest, block);
            assert!(window.child.wait().unwrap().success(), "line {}: {name}", block.line);
            return;
        }
        let command = next_command(&mut lines, block).unwrap();
        let page: Vec<&str> = lines.collect();
        let typed = page.iter().filter_map(|line| line.strip_prefix("> "));
        let typed: Vec<String> = typed.map(str::to_owned).collect();
        if typed.is_empty() {
            let window = self.open_window(&self.typed(&command));
            let window = self.await_lines(window, &page, block);
            self.windows.insert(name.to_owned(), window);
        } else {
            let printed = self.run(&self.typed(&command), &typed);
            self.compare(&page, &printed, block, &command);
        }
    }
}

/// The next command, with the lines that continue it.
pub fn next_command<'p>(
    lines: &mut std::iter::Peekable<impl Iterator<Item = &'p str>>,
    block: &Block<'_>,
) -> Option<String> {
    let first = lines.next()?;
    let command = first.strip_prefix("$ ");
    let mut command = command.unwrap_or_else(|| panic!("line {}: {first}", block.line)).to_owned();
    while command.ends_with('\\') {
        command.pop();
        command += lines.next().unwrap_or_default().trim_start();
    }
    Some(command)
}

#[test]
fn the_start_page_is_true() {
    let mut reader = Reader::new();
    tool(&reader.bed, "hledger");
    tool(&reader.bed, "openssl");
    for block in blocks(&page()) {
        reader.do_block(&block);
    }
    assert!(reader.windows.is_empty(), "the page stops what it starts");
}

/// The blocks of a section.
fn section<'p>(page: &'p str, title: &str) -> Vec<Block<'p>> {
    let begin = page.find(&format!("\n## {title}\n")).unwrap_or_else(|| panic!("no {title}")) + 1;
    let rest = &page[begin..];
    let end = rest[3..].find("\n## ").map_or(rest.len(), |end| end + 3);
    blocks(&rest[..end])
}

#[test]
fn the_start_page_over_http_is_true() {
    let mut reader = Reader::new();
    for program in ["hledger", "openssl", "curl"] {
        tool(&reader.bed, program);
    }
    let (page, api_page) = (page(), std::fs::read_to_string(API_PAGE).unwrap());
    // What the page says to do first.
    for (title, left_out) in [
        ("The orders", 0),
        ("The tariff", 0),
        ("The settings and keys of the switch", 1),
        ("The other sides", 1),
    ] {
        let first = section(&page, title);
        for block in &first[..first.len() - left_out] {
            reader.do_block(block);
        }
    }
    for block in blocks(&api_page) {
        reader.do_block(&block);
    }
    assert!(reader.windows.is_empty(), "the page stops what it starts");
}

#[test]
fn a_line_is_compared_but_for_what_differs_from_run_to_run() {
    let mut reader = Reader::new();
    for (page, printed, same) in [
        ("announced 3", "announced 3", true),
        ("announced 3", "announced 4", false),
        ("on 2026-11-30 at 09:00:00", "on 2027-01-02 at 23:59:01", true),
        ("plan 20261130010000: 5", "plan 20270102235901: 5", true),
        ("plan 20261130010000: 5", "plan 7: 5", false),
        ("check value 1A2B3C", "check value FFFFFF", true),
        ("{\"batch\":26,", "{\"batch\":5,", true),
        ("RRN FWX20Q286496 1", "RRN ABC20Q000001 1", true),
    ] {
        assert_eq!(reader.is_line(page, printed), same, "{page} / {printed}");
    }
    assert_eq!(reader.typed("approve 20261130010000"), "approve 20270102235901");
}
