//! Checks of the repository's own rules, run as a test.
//!
//! Each check takes a path and a text and returns complaints: `path:line: problem; how to fix it`.
//!
//! Never: a rule that the compiler, rustfmt or clippy already has; reading a file or running git.
//! Start at `tests/tree.rs`. It walks the tree and has the tables: which crate may use which, and
//! which crates are pure.

pub mod documents;
pub mod licences;
pub mod manifests;
pub mod mutations;
pub mod names;
pub mod purity;
pub mod references;
pub mod rust;
pub mod shape;
pub mod words;

/// Formats a complaint as `path:line: what`, which editors turn into a link.
#[must_use]
pub fn complaint(path: &str, line: usize, what: &str) -> String {
    format!("{path}:{line}: {what}")
}

/// The lines of a text with their numbers, from 1.
pub fn numbered_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_terminator('\n').enumerate().map(|(place, line)| (place + 1, line))
}

/// The positions of `word` in `line` where it is not part of a longer name.
pub fn word_places<'t>(line: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    let open_before = !word.starts_with(in_name);
    let open_after = !word.ends_with(in_name);
    line.match_indices(word).map(|(place, _)| place).filter(move |&place| {
        (open_before || !line[..place].ends_with(in_name))
            && (open_after || !line[place + word.len()..].starts_with(in_name))
    })
}

/// Whether `line` contains `word` as a whole name.
#[must_use]
pub fn has_word(line: &str, word: &str) -> bool {
    word_places(line, word).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_not_found_inside_a_longer_one() {
        assert!(has_word("use rand;", "rand"));
        assert!(has_word("(rand::rng())", "rand"));
        assert!(!has_word("operand brand rand_core", "rand"));
        assert!(has_word("std::fs::read", "std::fs"));
        assert!(!has_word("std::fsx", "std::fs"));
    }
}
