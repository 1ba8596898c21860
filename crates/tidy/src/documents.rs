//! Checks of documents: links, numbers of decisions, the table of dependencies.

use std::collections::BTreeSet;

use crate::{complaint, numbered_lines};

/// Finds links to files that do not exist. `exists` takes a path from the root.
#[must_use]
pub fn broken_links(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut fenced = false;
    for (number, line) in numbered_lines(text) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for target in link_targets(line) {
            if !target.is_empty() && !resolve(path, target).is_some_and(|file| exists(&file)) {
                let what = format!("the link `{target}` has no target; correct the path");
                complaints.push(complaint(path, number, &what));
            }
        }
    }
    complaints
}

/// Finds pages of docs/decisions not named NNNN-title.md, and gaps in their numbers.
#[must_use]
pub fn decisions(directory: &str, names: &[&str]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut numbers = BTreeSet::new();
    for name in names {
        let path = format!("{directory}/{name}");
        match decision_number(name) {
            None => {
                let what =
                    "not named NNNN-title.md (lowercase letters, digits, hyphens); rename it";
                complaints.push(complaint(&path, 1, what));
            }
            Some(number) if !numbers.insert(number) => {
                complaints.push(complaint(&path, 1, "its number is taken; give it the next one"));
            }
            Some(_) => {}
        }
    }
    let last = numbers.last().copied().unwrap_or(0);
    for missing in (1..=last).filter(|number| !numbers.contains(number)) {
        let what = format!("no page {missing:04}; number the pages without gaps");
        complaints.push(complaint(directory, 1, &what));
    }
    complaints
}

/// Finds dependencies without a row in the table, and rows without a dependency.
#[must_use]
pub fn dependency_table_gaps(
    path: &str,
    page: &str,
    third_party: &BTreeSet<String>,
) -> Vec<String> {
    let rows: Vec<(usize, &str)> = numbered_lines(page)
        .filter_map(|(number, line)| {
            let (name, _) = line.strip_prefix("| `")?.split_once('`')?;
            Some((number, name))
        })
        .collect();
    let stale =
        rows.iter().filter(|(_, name)| !third_party.contains(*name)).map(|(number, name)| {
            let what = format!("`{name}` is not in [workspace.dependencies]; remove its row");
            complaint(path, *number, &what)
        });
    let missing =
        third_party.iter().filter(|name| rows.iter().all(|(_, row)| row != name)).map(|name| {
            let what =
                format!("`{name}` has no row; say what it is for and what it was compared with");
            complaint(path, 1, &what)
        });
    stale.chain(missing).collect()
}

/// The link targets of a line that are files: no web addresses, no anchors of the same page.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    let outside_code = line.split('`').step_by(2);
    let inline = outside_code.flat_map(|text| text.split("](").skip(1)).filter_map(|rest| {
        let (target, _) = rest.split_once(')')?;
        target.split_whitespace().next()
    });
    let definition = line.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    let defined = definition.and_then(|(_, target)| target.split_whitespace().next());
    inline
        .chain(defined)
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(|target| target.split_once('#').map_or(target, |(file, _)| file))
}

/// Resolves a link of `page` to a path from the root; `None` if it leaves the tree.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

fn decision_number(name: &str) -> Option<u32> {
    let (number, title) = name.strip_suffix(".md")?.split_once('-')?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let well_formed = number.len() == 4 && !title.is_empty() && title.chars().all(plain);
    let number = number.parse().ok()?;
    (well_formed && number > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(line: &str) -> Vec<String> {
        let exists = |path: &str| ["docs/a.md", "README.md", "docs"].contains(&path);
        broken_links("docs/b.md", line, &exists)
    }

    #[test]
    fn a_broken_link_is_reported() {
        assert_eq!(
            lost("text\nsee [a](a.md) and [c](c.md#top)\n"),
            ["docs/b.md:2: the link `c.md` has no target; correct the path"]
        );
        assert_eq!(lost("[out](../../x.md)").len(), 1);
        assert_eq!(lost("[x]: nowhere.md").len(), 1);
    }

    #[test]
    fn valid_links_and_code_are_accepted() {
        let fine = "[a](./a.md#x) [r](../README.md \"title\") [d](../docs) [s](#here)\n\
                    [w](https://example.org/x.md) [m](mailto:a@example.org) `[c](c.md)`\n\
                    [x]: a.md\n```\n[c](c.md)\n```\n";
        assert_eq!(lost(fine), Vec::<String>::new());
    }

    #[test]
    fn decisions_are_numbered_without_gaps() {
        assert!(decisions("d", &["0001-house.md", "0002-one-journal.md"]).is_empty());
        assert_eq!(
            decisions("d", &["0001-a.md", "0003-c.md", "0003-d.md"]),
            [
                "d/0003-d.md:1: its number is taken; give it the next one",
                "d:1: no page 0002; number the pages without gaps",
            ]
        );
        for name in ["1-a.md", "0001.md", "0001-A.md", "0001-a.txt", "house.md", "0000-a.md"] {
            assert_eq!(decisions("d", &[name]).len(), 1, "{name}");
        }
    }

    #[test]
    fn every_dependency_is_explained() {
        let page = "| crate | for |\n|---|---|\n| `csv` | files |\n| `old` | nothing |\n";
        let third_party = BTreeSet::from(["csv".to_owned(), "toml".to_owned()]);
        assert_eq!(
            dependency_table_gaps("d.md", page, &third_party),
            [
                "d.md:4: `old` is not in [workspace.dependencies]; remove its row",
                "d.md:1: `toml` has no row; say what it is for and what it was compared with",
            ]
        );
    }
}
