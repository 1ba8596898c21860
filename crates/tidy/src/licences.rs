//! Checks the licences of the crates that are built in.

use std::collections::BTreeSet;

use crate::complaint;

/// Finds crates whose licence is not allowed. `listing` has a line for each crate, `name version`,
/// then ` | `, then its licence as an SPDX expression: the output of
/// `cargo tree --prefix none --format "{p} | {l}"`.
#[must_use]
pub fn forbidden_licences(path: &str, listing: &str, allowed: &[&str]) -> Vec<String> {
    let rows = listing.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let (name, licence) = line.split_once(" | ").unwrap_or((line, ""));
        (name, licence.trim().trim_end_matches("(*)").trim())
    });
    let rows: BTreeSet<(&str, &str)> = rows.collect();
    let mut complaints = Vec::new();
    for (name, licence) in rows {
        if !is_allowed(licence, allowed) {
            let what = format!(
                "`{name}` has the licence `{licence}`; use another crate, or allow the licence \
                 here and in deny.toml"
            );
            complaints.push(complaint(path, 1, &what));
        }
    }
    complaints
}

/// Whether an SPDX expression permits use under the `allowed` licences alone. The old `A/B` means
/// `A OR B`.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let met = either(&mut words, allowed);
    met && words.next().is_none()
}

type Words<'t> = std::iter::Peekable<std::str::SplitWhitespace<'t>>;

fn either(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut met = both(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= both(words, allowed);
    }
    met
}

fn both(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let met = either(words, allowed);
        return words.next() == Some(")") && met;
    }
    let Some(name) = words.next() else { return false };
    match words.next_if_eq(&"WITH").and_then(|_| words.next()) {
        Some(exception) => allowed.contains(&format!("{name} WITH {exception}").as_str()),
        None => allowed.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: [&str; 3] = ["MIT", "ISC", "A WITH B"];

    #[test]
    fn an_expression_is_read_with_its_alternatives() {
        for fine in ["MIT", "GPL-3.0 OR MIT", "X/MIT", "(X OR MIT) AND ISC", "A WITH B OR X"] {
            assert!(is_allowed(fine, &ALLOWED), "{fine}");
        }
        for bad in ["", "GPL-3.0", "MIT AND X", "X OR (MIT AND Y)", "A", "MIT MIT", "(MIT"] {
            assert!(!is_allowed(bad, &ALLOWED), "{bad}");
        }
    }

    #[test]
    fn a_crate_with_another_licence_is_reported_once() {
        let listing = "a v1.0.0 | MIT\nb v2.0.0 | X AND MIT\nb v2.0.0 | X AND MIT (*)\n\nc v1 | \n";
        assert_eq!(
            forbidden_licences("Cargo.lock", listing, &ALLOWED),
            [
                "Cargo.lock:1: `b v2.0.0` has the licence `X AND MIT`; use another crate, or allow \
                 the licence here and in deny.toml",
                "Cargo.lock:1: `c v1` has the licence ``; use another crate, or allow the licence \
                 here and in deny.toml",
            ]
        );
    }
}
