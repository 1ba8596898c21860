//! Checks of forbidden words. Only this file may contain them.

use crate::rust::TestLines;
use crate::{complaint, has_word, numbered_lines, word_places};

const FORBIDDEN: [(&str, &str); 7] = [
    ("TODO", UNFINISHED),
    ("FIXME", UNFINISHED),
    ("XXX", UNFINISHED),
    ("HACK", UNFINISHED),
    ("dbg!(", "remove it"),
    ("unimplemented!", "build it, or leave out what needs it"),
    ("todo!", "build it, or leave out what needs it"),
];
const UNFINISHED: &str = "do it now, or write an issue; state a limit in plain words";

const MEANINGLESS_NAMES: [&str; 11] = [
    "common", "data", "handle", "helper", "helpers", "info", "manager", "misc", "stuff", "util",
    "utils",
];

const HOST_PATHS: [&str; 4] = ["/work/", "/root/", "/home/", "../shared"];

/// Finds marks of unfinished work.
#[must_use]
pub fn unfinished_work(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in numbered_lines(text) {
        for (word, mend) in FORBIDDEN {
            if has_word(line, word) {
                complaints.push(complaint(path, number, &format!("`{word}`; {mend}")));
            }
        }
    }
    complaints
}

/// Finds paths of one machine, except in lines for tests.
#[must_use]
pub fn host_paths(path: &str, text: &str, tests: &TestLines) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in numbered_lines(text) {
        if tests.has(number) {
            continue;
        }
        for host_path in HOST_PATHS {
            if word_places(line, host_path).any(|place| begins_a_path(&line[..place])) {
                let what = format!(
                    "`{host_path}` is a path of one machine; take it as an argument, or use one \
                     inside the tree"
                );
                complaints.push(complaint(path, number, &what));
            }
        }
    }
    complaints
}

/// Finds modules and files whose name says nothing about their content.
#[must_use]
pub fn meaningless_names(path: &str, code: &str) -> Vec<String> {
    let mend = "says nothing; name its content";
    let file_names = path.trim_end_matches(".rs").split('/');
    let mut complaints: Vec<String> = file_names
        .filter(|name| MEANINGLESS_NAMES.contains(name))
        .map(|name| complaint(path, 1, &format!("the name `{name}` {mend}")))
        .collect();
    for (number, line) in numbered_lines(code) {
        let inline = word_places(line, "mod")
            .filter_map(|place| line[place + 3..].split(['{', ';']).next())
            .map(str::trim)
            .find(|name| MEANINGLESS_NAMES.contains(name));
        if let Some(name) = inline {
            complaints.push(complaint(path, number, &format!("the module `{name}` {mend}")));
        }
    }
    complaints
}

/// Whether a path starts here, and not the rest of an address or of a longer path.
fn begins_a_path(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric() || "._-~)}".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust::code_only;

    #[test]
    fn unfinished_work_is_reported_with_its_line() {
        let text = "fine\n// TODO: later\nlet x = dbg!(1);\nlet TODOS = 1; // XXXX\n";
        assert_eq!(
            unfinished_work("a.rs", text),
            [
                "a.rs:2: `TODO`; do it now, or write an issue; state a limit in plain words",
                "a.rs:3: `dbg!(`; remove it",
            ]
        );
        for (word, _) in FORBIDDEN {
            assert_eq!(unfinished_work("a.rs", &format!("  {word} ")).len(), 1, "{word}");
        }
    }

    #[test]
    fn a_path_of_one_machine_is_reported_outside_tests() {
        let text = "let a = \"/home/ann/x\";\n#[cfg(test)]\nconst B: &str = \"/work/x\";\n";
        let tests = TestLines::of(&code_only(text));
        assert_eq!(host_paths("a.rs", text, &TestLines::NONE).len(), 2);
        assert_eq!(
            host_paths("a.rs", text, &tests),
            ["a.rs:1: `/home/` is a path of one machine; take it as an argument, or use one \
             inside the tree"]
        );
        let in_page = |text| host_paths("a.md", text, &TestLines::NONE).len();
        assert_eq!(in_page("https://a.example/work/x, net/work/x"), 0);
        assert_eq!(in_page("see ../shared/x"), 1);
    }

    #[test]
    fn meaningless_names_are_reported() {
        assert_eq!(
            meaningless_names("crates/a/src/utils.rs", ""),
            ["crates/a/src/utils.rs:1: the name `utils` says nothing; name its content"]
        );
        assert_eq!(meaningless_names("crates/a/tests/common/mod.rs", "").len(), 1);
        assert_eq!(
            meaningless_names("a.rs", "mod fees;\npub mod misc {\n"),
            ["a.rs:2: the module `misc` says nothing; name its content"]
        );
        assert!(meaningless_names("crates/a/src/database.rs", "mod informed;").is_empty());
    }
}
