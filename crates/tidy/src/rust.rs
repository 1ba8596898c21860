//! A minimal Rust lexer: tells code from comments, strings and tests.

use crate::{complaint, has_word, word_places};

/// The code with comments, strings and characters blanked out; line numbers stay the same.
#[must_use]
pub fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_name = code.ends_with(in_name);
        if let Some(length) = hidden_length(rest, after_name) {
            let (hidden, after) = rest.split_at(length.min(rest.len()));
            code.extend(hidden.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = after;
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    code
}

/// The comments with everything else blanked out; line numbers stay the same.
#[must_use]
pub fn comments_only(text: &str) -> String {
    let mut comments = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let length = hidden_length(rest, in_name(before)).unwrap_or(first.len_utf8());
        let (part, after) = rest.split_at(length.min(rest.len()));
        if part.starts_with("//") || part.starts_with("/*") {
            comments.push_str(part);
        } else {
            comments.extend(part.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        before = if part.len() == first.len_utf8() { first } else { ' ' };
        rest = after;
    }
    comments
}

/// The lines of a file that only tests compile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestLines {
    /// First and last line of each item for tests.
    items: Vec<(usize, usize)>,
}

impl TestLines {
    /// A file without tests.
    pub const NONE: TestLines = TestLines { items: Vec::new() };

    /// A file that only tests compile.
    #[must_use]
    pub fn all() -> TestLines {
        TestLines { items: vec![(1, usize::MAX)] }
    }

    /// Finds the items with `#[cfg(test)]` in `code`, an output of [`code_only`].
    #[must_use]
    pub fn of(code: &str) -> TestLines {
        if code.contains("#![cfg(test)]") {
            return TestLines::all();
        }
        let line_at = |place: usize| code[..place].matches('\n').count() + 1;
        let items = test_attributes(code)
            .map(|place| (line_at(place), line_at(item_end(code, place))))
            .collect();
        TestLines { items }
    }

    /// Whether only tests compile this line.
    #[must_use]
    pub fn has(&self, number: usize) -> bool {
        self.items.iter().any(|&(first, last)| (first..=last).contains(&number))
    }
}

/// `code` without the lines that only tests compile; line numbers stay the same.
#[must_use]
pub fn without_tests(code: &str, tests: &TestLines) -> String {
    code.split_inclusive('\n')
        .enumerate()
        .map(|(place, line)| if tests.has(place + 1) { "\n" } else { line })
        .collect()
}

/// The modules in files of their own that `code` declares with `#[cfg(test)]`.
#[must_use]
pub fn test_modules(code: &str) -> Vec<String> {
    test_attributes(code)
        .filter_map(|place| code[place..item_end(code, place)].strip_suffix(';'))
        .filter_map(|item| {
            let place = word_places(item, "mod").last()?;
            Some(item[place + "mod".len()..].trim().to_owned())
        })
        .collect()
}

/// `code` with each `use a::{b, c::d};` expanded to `use a::b; use a::c::d;` on its first line.
#[must_use]
pub fn flat_uses(code: &str) -> String {
    let mut flat = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((start, end)) = next_use(rest) {
        flat.push_str(&rest[..start]);
        let statement = &rest[start..=end];
        for path in used_paths("", &rest[start + "use".len()..end]) {
            flat.push_str("use ");
            flat.push_str(&path);
            flat.push_str("; ");
        }
        flat.extend(statement.chars().filter(|&c| c == '\n'));
        rest = &rest[end + 1..];
    }
    flat.push_str(rest);
    flat
}

/// Checks that a crate's front page says what the crate never does.
#[must_use]
pub fn crate_head(path: &str, text: &str) -> Vec<String> {
    let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
    if head.iter().any(|line| has_word(line, "Never") || has_word(line, "never")) {
        return Vec::new();
    }
    let what = "no front page; start with `//!` lines: what the crate does, what it never does \
                (with the word `Never`), where to start reading";
    vec![complaint(path, 1, what)]
}

fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Length in bytes of the comment, string or character at the start of `rest`.
fn hidden_length(rest: &str, after_name: bool) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment_length(rest));
    }
    if rest.starts_with('"') {
        return Some(quoted_length(rest, '"'));
    }
    if rest.starts_with('\'') {
        return character_length(rest);
    }
    if after_name { None } else { raw_string_length(rest) }
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut place = 0;
    while place < rest.len() {
        let here = &rest.as_bytes()[place..];
        if here.starts_with(b"/*") {
            depth += 1;
            place += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            place += 2;
            if depth == 0 {
                return place;
            }
        } else {
            place += 1;
        }
    }
    rest.len()
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (place, c) in rest.char_indices().skip(1) {
        if !escaped && c == quote {
            return place + c.len_utf8();
        }
        escaped = !escaped && c == '\\';
    }
    rest.len()
}

/// `'x'` and `'\n'`; a lifetime is code.
fn character_length(rest: &str) -> Option<usize> {
    let mut after = rest.chars().skip(1);
    let first = after.next()?;
    if first == '\\' || after.next() == Some('\'') {
        return Some(quoted_length(rest, '\''));
    }
    None
}

/// `r"…"`, `br#"…"#`, `cr##"…"##`.
fn raw_string_length(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|after| after.starts_with(['#', '"']))
    })?;
    let after = &rest[prefix.len()..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = prefix.len() + hashes + 1;
    Some(body.find(&end).map_or(rest.len(), |place| start + place + end.len()))
}

fn test_attributes(code: &str) -> impl Iterator<Item = usize> {
    let attributes = ["#[cfg(test)]", "#[cfg(all(test,"];
    attributes.into_iter().flat_map(|attribute| code.match_indices(attribute)).map(|(at, _)| at)
}

/// The end of the item whose attribute starts at `start`: after its body or semicolon.
fn item_end(code: &str, start: usize) -> usize {
    let mut nested = 0_i32;
    let mut braces = 0_i32;
    for (place, c) in code[start..].char_indices() {
        let end = start + place + 1;
        match c {
            '(' | '[' => nested += 1,
            ')' | ']' => nested -= 1,
            '{' => braces += 1,
            '}' => braces -= 1,
            _ => {}
        }
        let closed = c == '}' && braces <= 0 && nested <= 0;
        let ended = c == ';' && braces == 0 && nested == 0;
        if closed || ended || nested < 0 {
            return end;
        }
    }
    code.len()
}

/// Positions of the next `use` statement and of its semicolon.
fn next_use(code: &str) -> Option<(usize, usize)> {
    let start = word_places(code, "use")
        .find(|place| code[place + "use".len()..].starts_with(char::is_whitespace))?;
    let end = start + code[start..].find(';')?;
    Some((start, end))
}

/// All paths of a use tree: `std::{fs, io::{self, CardRead}}` has three.
fn used_paths(prefix: &str, tree: &str) -> Vec<String> {
    let Some((head, inner)) = tree.split_once('{') else {
        let path: String = tree.split(" as ").take(1).collect();
        return vec![format!("{prefix}{}", path.trim())];
    };
    let inner = inner.rsplit_once('}').map_or(inner, |(inner, _)| inner);
    let prefix = format!("{prefix}{}", head.trim());
    let mut depth = 0_i32;
    let branches = inner.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    branches
        .filter(|branch| !branch.trim().is_empty())
        .flat_map(|branch| used_paths(&prefix, branch))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_characters_are_no_code() {
        let text = "a /* b /* c */ d */ e // f\n\"g\\\"h\" i r#\"j\"k\"# l '\\'' m '\"' n";
        let code = code_only(text);
        let names: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(names, ["a", "e", "i", "l", "m", "n"]);
        assert_eq!(code.lines().count(), 2);
    }

    #[test]
    fn comments_are_found_and_strings_are_not() {
        let text = "a /* b\n */ \"// c\" // d\nr#\"/* e\"# '\"' // f \"g\"";
        let comments = comments_only(text);
        let words: Vec<&str> = comments.split_whitespace().collect();
        assert_eq!(words, ["/*", "b", "*/", "//", "d", "//", "f", "\"g\""]);
        assert_eq!(comments.lines().count(), 3);
    }

    #[test]
    fn lifetimes_raw_names_and_byte_strings_are_distinguished() {
        let code = code_only("fn f<'a>(x: &'a str) { r#type; br\"q\"; b'w'; \"门\"; z }");
        assert!(code.contains("<'a>") && code.contains("&'a str") && code.contains("r#type"));
        assert!(!code.contains('q') && !code.contains('w') && !code.contains('门'));
        assert!(code.ends_with("z }"));
    }

    #[test]
    fn text_that_never_ends_is_blanked_to_the_end() {
        for text in ["/* x", "\"x", "r#\"x", "'\\x", "// x"] {
            assert!(!code_only(text).contains('x'), "{text}");
        }
    }

    #[test]
    fn test_code_is_found_to_its_closing_brace() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { c }\n}\nfn d() {}\n";
        let tests = TestLines::of(code);
        assert_eq!(without_tests(code, &tests), "fn a() {}\n\n\n\n\nfn d() {}\n");
        let code = "#[cfg(test)]\nfn b(c: [u8; 2]) {\n x\n}\nfn d() {}\n";
        assert_eq!(TestLines::of(code), TestLines { items: vec![(1, 4)] });
        assert_eq!(TestLines::of("#![cfg(test)]\nfn a() {}\n"), TestLines::all());
        assert_eq!(TestLines::of("fn a() {}\n"), TestLines::NONE);
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_is_found() {
        let code = "mod a;\n#[cfg(test)]\n#[path = ]\nmod model;\n#[cfg(test)]\nmod t { }\n";
        assert_eq!(test_modules(code), ["model"]);
    }

    #[test]
    fn grouped_uses_are_expanded_on_their_line() {
        let flat = flat_uses("pub use std::{fs, io::{self, Read as R},\n time};\nlet x = 1;\n");
        assert_eq!(
            flat,
            "pub use std::fs; use std::io::self; use std::io::Read; use std::time; \n\nlet x = 1;\n"
        );
        assert_eq!(flat_uses("fn f() -> impl A + use<'a> {}"), "fn f() -> impl A + use<'a> {}");
    }

    #[test]
    fn a_crate_says_what_it_never_does() {
        assert!(crate_head("lib.rs", "//! Books.\n//!\n//! Never: a clock.\n").is_empty());
        assert_eq!(crate_head("lib.rs", "//! Books.\n\n// Never\n").len(), 1);
        assert_eq!(crate_head("lib.rs", "//! Nevertheless.\n").len(), 1);
        assert!(
            crate_head("lib.rs", "")[0].starts_with("lib.rs:1: no front page; start with `//!`")
        );
    }
}
