//! Checks of names: one public type for one name, no retired word, no comment that repeats a name.

use std::collections::{BTreeMap, BTreeSet};

use crate::{complaint, has_word, numbered_lines};

/// Where a name is declared or used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamePlace {
    pub name: String,
    pub path: String,
    /// From 1.
    pub line: usize,
}

/// A name that a check accepts although it breaks the rule.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    pub name: &'static str,
    /// Beginning of the paths where the name is accepted. Empty: everywhere.
    pub under: &'static str,
    pub reason: &'static str,
}

/// A word that was replaced by another.
#[derive(Clone, Copy, Debug)]
pub struct RetiredWord {
    pub word: &'static str,
    /// The word to use in its place.
    pub instead: &'static str,
}

const TYPE_KEYWORDS: [&str; 5] = ["struct", "enum", "trait", "type", "union"];
const ITEM_KEYWORDS: [&str; 9] =
    ["struct", "enum", "trait", "type", "union", "fn", "const", "static", "mod"];
/// Derives of clap, whose doc comments are help texts.
const HELP_DERIVES: [&str; 4] = ["Args", "Parser", "Subcommand", "ValueEnum"];
/// Words that add nothing to a comment that otherwise repeats a name.
const EMPTY_WORDS: [&str; 6] = ["a", "an", "the", "of", "its", "this"];

/// The types that `code` declares as `pub` or `pub(…)`, an output of
/// [`code_only`](crate::rust::code_only).
#[must_use]
pub fn public_types(path: &str, code: &str) -> Vec<NamePlace> {
    declared(path, code, |line| type_name(after_visibility(line)?))
}

/// The types that `code` declares, public or not.
#[must_use]
pub fn types(path: &str, code: &str) -> Vec<NamePlace> {
    declared(path, code, |line| type_name(after_visibility(line).unwrap_or(line)))
}

/// Every identifier of `code`, once for each line.
#[must_use]
pub fn identifiers(path: &str, code: &str) -> Vec<NamePlace> {
    let mut places = Vec::new();
    for (line, text) in numbered_lines(code) {
        let on_line: BTreeSet<&str> = text
            .split(|c: char| !in_name(c))
            .filter(|name| name.starts_with(|c: char| c.is_alphabetic() || c == '_'))
            .collect();
        places.extend(on_line.into_iter().map(|name| place(name, path, line)));
    }
    places
}

/// Finds type names that are declared more than once, and exceptions that nothing needs.
#[must_use]
pub fn repeated_types(
    list: (&str, usize),
    places: &[NamePlace],
    exceptions: &[Exception],
) -> Vec<String> {
    let mut by_name: BTreeMap<&str, Vec<&NamePlace>> = BTreeMap::new();
    for place in places {
        by_name.entry(&place.name).or_default().push(place);
    }
    let mut complaints = unused(list, exceptions, |exception| {
        let declared = by_name.get(exception.name).map_or(&[][..], Vec::as_slice);
        declared.len() > 1 && declared.iter().any(|place| place.path.starts_with(exception.under))
    });
    for declared in by_name.values_mut() {
        declared.sort();
        let counted: Vec<_> =
            declared.iter().filter(|place| !is_excepted(place, exceptions)).collect();
        let Some((first, others)) = counted.split_first() else { continue };
        for other in others {
            let what = format!(
                "`{}` is also a public type at {}:{}; give each meaning its own name",
                other.name, first.path, first.line
            );
            complaints.push(complaint(&other.path, other.line, &what));
        }
    }
    complaints
}

/// Finds names that contain a retired word as one of their words, and exceptions that nothing
/// needs.
#[must_use]
pub fn retired_words(
    list: (&str, usize),
    places: &[NamePlace],
    retired: &[RetiredWord],
    exceptions: &[Exception],
) -> Vec<String> {
    let mut needed = BTreeSet::new();
    let mut complaints = Vec::new();
    for place in places {
        let words = words(&place.name);
        let Some(found) =
            retired.iter().find(|retired| words.iter().any(|word| word == retired.word))
        else {
            continue;
        };
        match exceptions.iter().position(|exception| matches(place, *exception)) {
            Some(exception) => {
                needed.insert(exception);
            }
            None => complaints.push(retired_complaint(place, *found)),
        }
    }
    let mut number = 0;
    complaints.extend(unused(list, exceptions, |_| {
        number += 1;
        needed.contains(&(number - 1))
    }));
    complaints
}

/// Finds types whose whole name is retired.
#[must_use]
pub fn retired_types(places: &[NamePlace], retired: &[RetiredWord]) -> Vec<String> {
    let found = places.iter().filter_map(|place| {
        let retired = retired.iter().find(|retired| retired.word == place.name)?;
        Some(retired_complaint(place, *retired))
    });
    found.collect()
}

/// Finds doc comments of one line that only repeat the name of their item, field or variant.
/// Arguments of the command line are accepted: the comment is their help text.
#[must_use]
pub fn repeating_comments(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut complaints = Vec::new();
    let mut help = false;
    for (place, line) in lines.iter().enumerate() {
        if let Some(derived) = line.strip_prefix("#[derive(") {
            help = HELP_DERIVES.iter().any(|derive| has_word(derived, derive));
        }
        let Some(comment) = line.strip_prefix("///") else { continue };
        let alone = place == 0 || !lines[place - 1].starts_with("///");
        let rest = &lines[place + 1..];
        if !alone || rest.first().is_some_and(|next| next.starts_with("///")) {
            continue;
        }
        let attributes = rest.iter().take_while(|line| line.starts_with('#')).count();
        let Some(name) = rest.get(attributes).and_then(|item| documented_name(item)) else {
            continue;
        };
        if !help && meaning(comment) == words(name) {
            let what = format!("the comment only repeats `{name}`; say more, or remove it");
            complaints.push(complaint(path, place + 1, &what));
        }
    }
    complaints
}

/// The words of an identifier in lower case: `SettlementPlan` and `settlement_plan` have two.
#[must_use]
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = '_';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let next_is_lower = letters.peek().is_some_and(|next| next.is_lowercase());
        let starts = letter.is_uppercase() && (!before.is_uppercase() || next_is_lower);
        if letter == '_' {
            before = letter;
            continue;
        }
        match words.last_mut() {
            Some(word) if !starts && before != '_' => word.extend(letter.to_lowercase()),
            _ => words.push(letter.to_lowercase().collect()),
        }
        before = letter;
    }
    words
}

fn declared(path: &str, code: &str, name_of: impl Fn(&str) -> Option<&str>) -> Vec<NamePlace> {
    let lines = numbered_lines(code);
    lines.filter_map(|(line, text)| Some(place(name_of(text.trim_start())?, path, line))).collect()
}

/// The text after `pub` or `pub(…)`.
fn after_visibility(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub")?;
    let rest = match rest.strip_prefix('(') {
        Some(scope) => scope.split_once(')')?.1,
        None => rest,
    };
    rest.strip_prefix(' ')
}

fn type_name(item: &str) -> Option<&str> {
    let (keyword, rest) = item.strip_prefix("unsafe ").unwrap_or(item).split_once(' ')?;
    let name = leading_name(rest);
    (TYPE_KEYWORDS.contains(&keyword) && !name.is_empty()).then_some(name)
}

/// The name of the item, field or variant that a line begins.
fn documented_name(line: &str) -> Option<&str> {
    let mut item = after_visibility(line).unwrap_or(line);
    for modifier in ["const fn ", "async fn ", "unsafe fn "] {
        if let Some(rest) = item.strip_prefix(modifier) {
            return Some(leading_name(rest)).filter(|name| !name.is_empty());
        }
    }
    if let Some((keyword, rest)) = item.split_once(' ')
        && ITEM_KEYWORDS.contains(&keyword)
    {
        item = rest;
    }
    Some(leading_name(item)).filter(|name| !name.is_empty())
}

fn leading_name(text: &str) -> &str {
    &text[..text.find(|c: char| !in_name(c)).unwrap_or(text.len())]
}

fn meaning(comment: &str) -> Vec<String> {
    let words = comment.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.map(str::to_lowercase);
    words.filter(|word| !EMPTY_WORDS.contains(&word.as_str())).collect()
}

fn unused(
    (path, line): (&str, usize),
    exceptions: &[Exception],
    mut is_needed: impl FnMut(&Exception) -> bool,
) -> Vec<String> {
    let stale = exceptions.iter().filter(|exception| !is_needed(exception));
    let complaints = stale.map(|exception| {
        let what = format!(
            "the exception `{}` ({}) is not needed; remove it",
            exception.name, exception.reason
        );
        complaint(path, line, &what)
    });
    complaints.collect()
}

fn is_excepted(place: &NamePlace, exceptions: &[Exception]) -> bool {
    exceptions.iter().any(|exception| matches(place, *exception))
}

fn matches(place: &NamePlace, exception: Exception) -> bool {
    exception.name == place.name && place.path.starts_with(exception.under)
}

fn retired_complaint(place: &NamePlace, retired: RetiredWord) -> String {
    let what =
        format!("`{}`: the word `{}` is retired; {}", place.name, retired.word, retired.instead);
    complaint(&place.path, place.line, &what)
}

fn place(name: &str, path: &str, line: usize) -> NamePlace {
    NamePlace { name: name.to_owned(), path: path.to_owned(), line }
}

fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: (&str, usize) = ("list.rs", 1);

    fn names(places: &[NamePlace]) -> Vec<&str> {
        places.iter().map(|place| place.name.as_str()).collect()
    }

    const fn except(name: &'static str, under: &'static str) -> Exception {
        Exception { name, under, reason: "a test" }
    }

    #[test]
    fn public_types_of_every_kind_are_found() {
        let code = "pub struct A;\n  pub(crate) enum B<'a> {}\npub(in crate::x) type C = D;\n\
                    struct D;\npub fn e() {}\npub struct $name;\npub unsafe trait F {}\n";
        assert_eq!(names(&public_types("a.rs", code)), ["A", "B", "C", "F"]);
        assert_eq!(names(&types("a.rs", code)), ["A", "B", "C", "D", "F"]);
    }

    #[test]
    fn a_type_name_used_twice_is_reported_at_the_second_place() {
        let mut places = public_types("b.rs", "\npub enum A {}\n");
        places.extend(public_types("a.rs", "pub struct A;\npub struct B;\n"));
        assert_eq!(
            repeated_types(LIST, &places, &[]),
            ["b.rs:2: `A` is also a public type at a.rs:1; give each meaning its own name"]
        );
        assert!(repeated_types(LIST, &places, &[except("A", "b.rs")]).is_empty());
        assert!(repeated_types(LIST, &places, &[except("A", "")]).is_empty());
        assert_eq!(
            repeated_types(LIST, &places, &[except("A", ""), except("B", "")]),
            ["list.rs:1: the exception `B` (a test) is not needed; remove it"]
        );
    }

    #[test]
    fn a_name_is_split_into_words() {
        for (name, expected) in [
            ("SettlementPlan", "settlement plan"),
            ("settlement_plan", "settlement plan"),
            ("RECORDS_MAX", "records max"),
            ("PANBlock2", "pan block2"),
            ("_unused", "unused"),
            ("Rrn", "rrn"),
        ] {
            assert_eq!(words(name).join(" "), expected);
        }
    }

    #[test]
    fn a_retired_word_is_reported_inside_a_name_and_not_inside_a_word() {
        let retired = [RetiredWord { word: "desk", instead: "say queue" }];
        let code = "fn open_desk(d: FrontDesk) -> desktop { desk_key }";
        let places = identifiers("a.rs", code);
        assert_eq!(
            retired_words(LIST, &places, &retired, &[except("desk_key", "a")]),
            [
                "a.rs:1: `FrontDesk`: the word `desk` is retired; say queue",
                "a.rs:1: `open_desk`: the word `desk` is retired; say queue",
            ]
        );
        assert_eq!(
            retired_words(LIST, &[], &retired, &[except("desk_key", "")]),
            ["list.rs:1: the exception `desk_key` (a test) is not needed; remove it"]
        );
    }

    #[test]
    fn a_retired_type_is_reported_by_its_whole_name() {
        let retired = [RetiredWord { word: "Post", instead: "say RequestSender" }];
        let places = types("a.rs", "struct Post;\nstruct PostCode;\nfn post() {}\n");
        assert_eq!(
            retired_types(&places, &retired),
            ["a.rs:1: `Post`: the word `Post` is retired; say RequestSender"]
        );
    }

    #[test]
    fn a_comment_that_repeats_its_name_is_reported() {
        let text = "/// The settlement plan.\n#[derive(Clone)]\npub struct SettlementPlan {\n\
                    /// The amount.\npub amount: u64,\n/// In minor units.\nfee: u64,\n}\n\
                    /// Parses.\npub const fn parse() {}\n/// A limit.\n/// Above zero.\n\
                    limit: u64,\n/// Declined,\nDeclined(u8),\n#[derive(Debug, Args)]\n\
                    struct A {\n/// The file\n#[arg(long)]\nfile: P,\n";
        assert_eq!(
            repeating_comments("a.rs", text),
            [
                "a.rs:1: the comment only repeats `SettlementPlan`; say more, or remove it",
                "a.rs:4: the comment only repeats `amount`; say more, or remove it",
                "a.rs:14: the comment only repeats `Declined`; say more, or remove it",
            ]
        );
    }
}
