//! Checks of files that a comment or a document names.

use std::collections::BTreeSet;

use crate::{complaint, numbered_lines};

/// Words that contain one of these are not names of files.
const PLACEHOLDERS: [&str; 3] = ["://", "NAME", "NNNN"];

/// Finds names of files in `text` that do not exist: every `NAME.md`, and every path that begins
/// with a directory of the root, such as `docs/` or `crates/`.
///
/// `text` is a document, or the comments of a Rust file
/// ([`comments_only`](crate::rust::comments_only)). A name may start at the root, at the crate of
/// `path`, or at the directory of `path`. `exists` takes a path from the root.
#[must_use]
pub fn missing_files(
    path: &str,
    text: &str,
    directories: &BTreeSet<&str>,
    exists: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in numbered_lines(text) {
        for name in named_files(line, directories) {
            let bases = [Some(""), crate_of(path), Some(parent(path))];
            let found = bases.into_iter().flatten().any(|base| exists(&join(base, name)));
            if !found {
                let what = format!("`{name}` does not exist; correct the name");
                complaints.push(complaint(path, number, &what));
            }
        }
    }
    complaints
}

/// The names of files in a line. Patterns with `*`, `{`, `NAME` or `NNNN` are no names.
fn named_files<'t>(line: &'t str, directories: &BTreeSet<&str>) -> impl Iterator<Item = &'t str> {
    let words = line.split(|c: char| c.is_whitespace() || "()[]\"'`|,;".contains(c));
    words.filter(|word| PLACEHOLDERS.iter().all(|part| !word.contains(part))).filter_map(|word| {
        let word = word.split_once('#').map_or(word, |(file, _)| file);
        let word = word.trim_matches(|c: char| ".:!?*_".contains(c) && !word.starts_with(".."));
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
        let below = word.split_once('/').is_some_and(|(first, _)| directories.contains(first));
        (plain && (below || has_name(word))).then_some(word.trim_end_matches('/'))
    })
}

/// `NAME.md`, with or without a path before it.
fn has_name(word: &str) -> bool {
    let file = word.rsplit('/').next().unwrap_or(word);
    file.strip_suffix(".md").is_some_and(|name| !name.is_empty())
}

/// `crates/NAME` of a path in a crate.
fn crate_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("crates/")?;
    let (name, _) = rest.split_once('/')?;
    Some(&path[.."crates/".len() + name.len()])
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// `name` from `base`, with `.` and `..` resolved.
fn join(base: &str, name: &str) -> String {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(path: &str, text: &str) -> Vec<String> {
        let files =
            ["README.md", "docs/a.md", "docs/door", "crates/x/tests/tree.rs", "crates/x/b.md"];
        let directories = BTreeSet::from(["docs", "crates", "tariffs"]);
        missing_files(path, text, &directories, &|path| files.contains(&path))
    }

    #[test]
    fn a_file_that_does_not_exist_is_reported() {
        assert_eq!(
            missing("crates/x/src/lib.rs", "fine\n// As `domain.md` says, see docs/b.md.\n"),
            [
                "crates/x/src/lib.rs:2: `domain.md` does not exist; correct the name",
                "crates/x/src/lib.rs:2: `docs/b.md` does not exist; correct the name",
            ]
        );
        assert_eq!(missing("docs/a.md", "see tariffs/new.toml\n").len(), 1);
    }

    #[test]
    fn names_from_the_root_the_crate_and_the_directory_are_found() {
        let text = "docs/a.md, (docs/door/) b.md, `crates/x/tests/tree.rs`: README.md#top.";
        assert!(missing("crates/x/src/lib.rs", text).is_empty());
        assert!(missing("docs/c.md", "[a](a.md) [r](../README.md)").is_empty());
    }

    #[test]
    fn patterns_addresses_and_other_paths_are_no_names() {
        let text = "NNNN-title.md docs/*.md https://example.org/x.md a/b.rs .md docs/{a,b}.md";
        assert!(missing("docs/c.md", text).is_empty());
    }
}
