//! Checks the whole tree. A failure names file, line and fix. The reasons of the rules are in
//! docs/decisions/0001-house.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use tidy::rust::TestLines;
use tidy::{documents, licences, manifests, mutations, purity, references, rust, shape, words};

#[path = "tree/vocabulary.rs"]
mod vocabulary;

/// Which crate may use which. A crate uses only crates of earlier rows.
const MAP: &str = "
    crate    | uses                                                  | its tests use
    money    |                                                       |
    chunks   |                                                       |
    tariff   | money                                                 |
    ledger   | money chunks                                          |
    machine  | tariff                                                |
    books    | money chunks tariff ledger machine                    |
    market   | money chunks machine books                            |
    policy   | money chunks tariff machine books market              |
    calendar | money tariff books                                    |
    engine   | money books machine market policy                     | tariff
    journal  |                                                       |
    node     | books engine journal                                  | money tariff ledger
    files    | money                                                 |
    reports  | money tariff ledger books market policy calendar engine journal node files |
    postgresql |                                                     |
    views    | money tariff ledger books market policy engine journal node reports postgresql |
    iso8583  |                                                       |
    keys     |                                                       |
    backup   | journal files keys                                    |
    qr       |                                                       |
    channels |                                                       |
    peers    | money iso8583 keys qr                                 |
    switch   | money tariff books machine iso8583 keys qr            | peers
    sim      | money tariff books market engine node iso8583 keys qr peers switch | \
              ledger journal files
    host     | money books engine node iso8583 keys switch           | journal peers tariff
    recon    | money tariff books calendar files switch              |
    pulse    | money tariff views                                    |
    screening | money tariff policy                                  |
    bench    | money tariff books market engine journal node files reports views iso8583 keys \
              peers host recon pulse policy screening |
    vault    | money books files keys postgresql                     | bench
    listings | machine books market policy engine node screening vault | money tariff
    notices  | money tariff machine books policy engine journal node keys vault channels | sim
    access   | books market policy engine machine node keys vault    | money journal
    office   | money tariff machine books market policy calendar engine node files reports switch \
              recon listings \
              vault | journal \
              keys
    pages    | money books switch office views pulse                  |
    web      | money tariff books market policy machine engine journal node files reports switch \
              office access views pages vault notices pulse screening listings |
    wiping   |                                                       |
doorstep| money tariff books market calendar engine journal node files reports keys vault access \
              qr peers switch host recon office bench sim wiping postgresql views pages web backup \
              channels notices pulse policy screening listings |
    tidy     |                                                       |
";

/// Crates without floats, tests included: they count or store money.
const WITHOUT_FLOATS: [&str; 14] = [
    "money",
    "chunks",
    "tariff",
    "ledger",
    "machine",
    "books",
    "market",
    "policy",
    "engine",
    "journal",
    "recon",
    "pulse",
    "screening",
    "listings",
];

/// Crates without clock, I/O, randomness or hash order: a journal gives the same books (M11), and
/// a file the same commands.
const PURE: [&str; 11] = [
    "money",
    "chunks",
    "tariff",
    "ledger",
    "machine",
    "books",
    "market",
    "policy",
    "engine",
    "recon",
    "screening",
];

/// Crates that write to the log. The others return what happened.
const LOGGING: [&str; 2] = ["host", "doorstep"];

/// Third-party crates that may be locked in two versions, with the reason.
const LOCKED_TWICE: [(&str, &str); 7] = [
    ("base64", "postgres-protocol needs 0.22, rcgen's pem 0.23: a few tables"),
    ("fallible-iterator", "postgres needs 0.2, rusqlite 0.3: one trait"),
    ("wasi", "whoami of tokio-postgres needs 0.14, mio 0.11: never built"),
    ("bit-vec", "rcgen's yasna needs 0.9 for a feature without use: never built"),
    ("syn", "jiff-static needs syn 2 under cfg(any()): never built"),
    ("getrandom", "ring 0.17 needs 0.2; the newest is 0.4: a few lines of code"),
    ("windows-sys", "ring needs 0.52: never built"),
];

/// Licences of third-party crates, as in deny.toml. CDLA-Permissive-2.0 is of data: the authorities
/// of `webpki-roots`.
const LICENCES: [&str; 7] =
    ["Apache-2.0", "BSD-3-Clause", "CDLA-Permissive-2.0", "ISC", "MIT", "Unicode-3.0", "Zlib"];

/// The only file that may contain the forbidden words.
const WORD_LIST: &str = "crates/tidy/src/words.rs";

const DECISIONS: &str = "docs/decisions";
const DEPENDENCY_TABLE: &str = "docs/decisions/0002-dependencies.md";

#[test]
fn lines_are_at_most_100_columns_wide() {
    every(&["rs"], |file| shape::wide_lines(&file.path, &file.text));
}

/// Files that may be longer, with the reason.
const LONG_FILES: [(&str, &str); 1] =
    [("crates/books/src/command.rs", "one declaration of each command, in the order of numbers")];

#[test]
fn files_are_at_most_800_lines_long() {
    every(&["rs"], |file| match LONG_FILES.iter().any(|(path, _)| *path == file.path) {
        true => Vec::new(),
        false => shape::long_file(&file.path, &file.text),
    });
}

#[test]
fn no_line_ends_in_white_space_and_every_file_in_one_newline() {
    every(&TEXT, |file| shape::white_space(&file.path, &file.text));
}

#[test]
fn there_are_no_tabs() {
    every(&["rs", "toml", "md"], |file| shape::tabs(&file.path, &file.text));
}

#[test]
fn no_merge_is_left_half_done() {
    every(&TEXT, |file| shape::conflict_markers(&file.path, &file.text));
}

#[test]
fn no_work_is_left_half_done() {
    every(&TEXT, |file| match &*file.path {
        WORD_LIST => Vec::new(),
        path => words::unfinished_work(path, &file.text),
    });
}

#[test]
fn names_of_modules_say_what_they_contain() {
    every(&["rs"], |file| words::meaningless_names(&file.path, &file.code));
}

#[test]
fn no_path_of_one_machine_is_in_the_tree() {
    every(&TEXT, |file| match &*file.path {
        WORD_LIST => Vec::new(),
        path if path.ends_with("README.md") || file.is_test() => Vec::new(),
        path => words::host_paths(path, &file.text, &file.test_lines),
    });
}

#[test]
fn every_crate_says_what_it_never_does() {
    every(&["rs"], |file| match file.place_in_crate() {
        Some((_, "src/lib.rs" | "src/main.rs")) => rust::crate_head(&file.path, &file.text),
        _ => Vec::new(),
    });
}

#[test]
fn money_is_never_a_float() {
    every(&["rs"], |file| match file.place_in_crate() {
        Some((name, place)) if WITHOUT_FLOATS.contains(&name) && !is_measured(place) => {
            purity::floats(&file.path, &file.code)
        }
        _ => Vec::new(),
    });
}

#[test]
fn the_state_machine_is_pure() {
    every(&["rs"], |file| match file.place_in_crate() {
        Some((name, place)) if PURE.contains(&name) && !is_measured(place) && !file.is_test() => {
            let product = rust::flat_uses(&rust::without_tests(&file.code, &file.test_lines));
            purity::impure(&file.path, &product)
        }
        _ => Vec::new(),
    });
}

#[test]
fn crates_use_each_other_only_as_the_map_draws_it() {
    let map = manifests::DependencyMap::parse(MAP);
    assert_tidy(&map.check_rows(file!(), &TREE.crates()));
    every_manifest(|path, name, text| map.forbidden_uses(path, name, text));
}

#[test]
fn only_the_host_and_the_program_write_to_the_log() {
    every_manifest(|path, name, text| manifests::log_users(path, name, text, &LOGGING));
}

#[test]
fn every_crate_has_the_lints_and_the_name_of_its_directory() {
    every_manifest(manifests::crate_manifest);
}

#[test]
fn only_doorstep_has_a_binary() {
    let paths: Vec<&str> = TREE.paths.iter().map(String::as_str).collect();
    assert_tidy(&manifests::binaries(&paths));
}

#[test]
fn versions_are_in_the_root_manifest() {
    every_manifest(|path, _, text| manifests::local_versions(path, text));
}

#[test]
fn unsafe_code_is_forbidden_everywhere() {
    assert_tidy(&manifests::root_manifest("Cargo.toml", &TREE.read("Cargo.toml")));
}

#[test]
fn each_third_party_crate_is_locked_once() {
    let lock = TREE.read("Cargo.lock");
    assert_tidy(&manifests::duplicates("Cargo.lock", &lock, &LOCKED_TWICE));
}

#[test]
fn every_crate_has_an_allowed_licence() {
    let listing = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--offline", "--locked", "--prefix", "none"])
        .args(["--format", "{p} | {l}"])
        .current_dir(TREE.root)
        .output()
        .expect("cargo runs");
    assert!(listing.status.success(), "{}", String::from_utf8_lossy(&listing.stderr));
    let listing = String::from_utf8(listing.stdout).expect("cargo writes UTF-8");
    assert_tidy(&licences::forbidden_licences("Cargo.lock", &listing, &LICENCES));
}

/// `mutations/run` plants them one by one, by hand.
#[test]
fn each_mutation_can_be_planted() {
    let crates = TREE.crates();
    let read = |path: &str| TREE.exists(path).then(|| TREE.read(path));
    every(&["toml"], |file| match file.path.starts_with("mutations/") {
        true => mutations::unplanted(&file.path, &file.text, &crates, &read),
        false => Vec::new(),
    });
}

#[test]
fn every_dependency_has_its_row() {
    let third_party = manifests::third_party(&TREE.read("Cargo.toml"));
    let page = TREE.read(DEPENDENCY_TABLE);
    assert_tidy(&documents::dependency_table_gaps(DEPENDENCY_TABLE, &page, &third_party));
}

#[test]
fn links_between_documents_have_a_target() {
    let exists = |path: &str| TREE.exists(path);
    every(&["md"], |file| documents::broken_links(&file.path, &file.text, &exists));
}

#[test]
fn files_named_in_comments_and_documents_exist() {
    let directories = TREE.paths.iter().filter_map(|path| Some(path.split_once('/')?.0)).collect();
    let exists = |path: &str| TREE.exists(path);
    every(&["rs", "md"], |file| {
        let comments = (file.kind == "rs").then(|| rust::comments_only(&file.text));
        let text = comments.as_deref().unwrap_or(&file.text);
        references::missing_files(&file.path, text, &directories, &exists)
    });
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let prefix = format!("{DECISIONS}/");
    let names: Vec<&str> =
        TREE.paths.iter().filter_map(|path| path.strip_prefix(&prefix)).collect();
    assert!(!names.is_empty(), "{DECISIONS} is empty; check the path of the tree");
    assert_tidy(&documents::decisions(DECISIONS, &names));
}

/// Extensions of text files written by hand. Scripts start with `#!`.
const TEXT: [&str; 10] = ["rs", "toml", "md", "sql", "html", "css", "js", "sh", "yml", SCRIPT];
const SCRIPT: &str = "#!";

static TREE: LazyLock<Tree> = LazyLock::new(Tree::walk);

struct Tree {
    root: &'static Path,
    paths: BTreeSet<String>,
    files: Vec<File>,
}

struct File {
    path: String,
    /// The extension, or [`SCRIPT`].
    kind: &'static str,
    text: String,
    /// Rust code without comments and strings; else empty.
    code: String,
    /// Lines of Rust code that only tests compile.
    test_lines: TestLines,
}

impl Tree {
    fn walk() -> Tree {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        let root = root.expect("the crate is in crates/ of the root");
        let mut tree = Tree { root, paths: BTreeSet::new(), files: Vec::new() };
        tree.walk_directory("");
        tree.files = tree.paths.iter().filter_map(|path| tree.open(path)).collect();
        tree.mark_test_files();
        tree
    }

    fn walk_directory(&mut self, directory: &str) {
        let entries = fs::read_dir(self.root.join(directory)).expect("a directory can be read");
        for entry in entries {
            let entry = entry.expect("a directory can be read to its end");
            let name = entry.file_name().into_string().expect("file names are UTF-8");
            let path =
                if directory.is_empty() { name.clone() } else { format!("{directory}/{name}") };
            let file_type = entry.file_type().expect("a file has a type");
            if file_type.is_file() {
                self.paths.insert(path);
            } else if file_type.is_dir() && name != "target" && name != ".git" {
                self.walk_directory(&path);
            }
        }
    }

    /// Reads the file if it is text written by hand.
    fn open(&self, path: &str) -> Option<File> {
        let name = path.rsplit('/').next()?;
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let kind = match TEXT.into_iter().find(|kind| *kind == extension) {
            Some(kind) if !name.contains(".min.") => kind,
            None if !name[1..].contains('.') => SCRIPT,
            _ => return None,
        };
        let bytes = fs::read(self.root.join(path)).expect("a file can be read");
        if kind == SCRIPT && !bytes.starts_with(b"#!") {
            return None;
        }
        let text = String::from_utf8(bytes);
        let text = text.unwrap_or_else(|_| panic!("{path}:1: not UTF-8; convert it"));
        let code = if kind == "rs" { rust::code_only(&text) } else { String::new() };
        let test_lines = TestLines::of(&code);
        Some(File { path: path.to_owned(), kind, text, code, test_lines })
    }

    /// Marks files declared by `#[cfg(test)] mod name;` in another file as tests.
    fn mark_test_files(&mut self) {
        let mut modules = Vec::new();
        for file in self.files.iter().filter(|file| file.kind == "rs") {
            let stem = file.path.trim_end_matches(".rs");
            let directory = ["/lib", "/main", "/mod"].iter().find_map(|end| stem.strip_suffix(end));
            for name in rust::test_modules(&file.code) {
                modules.push(format!("{}/{name}", directory.unwrap_or(stem)));
            }
        }
        let is_test = |path: &str| {
            modules.iter().any(|module| {
                path.strip_prefix(module.as_str()).is_some_and(|rest| rest.starts_with(['.', '/']))
            })
        };
        for file in self.files.iter_mut().filter(|file| is_test(&file.path)) {
            file.test_lines = TestLines::all();
        }
    }

    fn crates(&self) -> Vec<&str> {
        let places = self.paths.iter().filter_map(|path| place_in_crate(path));
        places.filter(|(_, place)| *place == "Cargo.toml").map(|(name, _)| name).collect()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn exists(&self, path: &str) -> bool {
        path.is_empty()
            || self.paths.contains(path)
            || self
                .paths
                .iter()
                .any(|file| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }
}

impl File {
    fn place_in_crate(&self) -> Option<(&str, &str)> {
        place_in_crate(&self.path)
    }

    fn is_test(&self) -> bool {
        self.place_in_crate().is_some_and(|(_, place)| place.starts_with("tests/"))
            || self.test_lines == TestLines::all()
    }
}

/// `crates/money/src/rate.rs` is (`money`, `src/rate.rs`).
fn place_in_crate(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("crates/")?.split_once('/')
}

/// Benchmarks and examples may use the clock and floats.
fn is_measured(place: &str) -> bool {
    place.starts_with("benches/") || place.starts_with("examples/")
}

fn every(kinds: &[&str], check: impl Fn(&File) -> Vec<String>) {
    let files = TREE.files.iter().filter(|file| kinds.contains(&file.kind));
    assert_tidy(&files.flat_map(check).collect::<Vec<_>>());
}

fn every_manifest(check: impl Fn(&str, &str, &str) -> Vec<String>) {
    let mut complaints = Vec::new();
    for name in TREE.crates() {
        let path = format!("crates/{name}/Cargo.toml");
        complaints.extend(check(&path, name, &TREE.read(&path)));
    }
    assert_tidy(&complaints);
}

#[track_caller]
fn assert_tidy(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
