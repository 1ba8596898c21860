//! Tidy: the rules of the house that a program can check, as a test like any other.
//!
//! Never: a rule that the compiler, rustfmt or clippy already has; reading a file or running git.
//! Each check takes a path and a text and returns its complaints, `path:line: what; how to mend`.
//! Start at `tests/tree.rs`, which walks the tree and holds the tables: who may use whom, which
//! crates are pure.

pub mod documents;
pub mod manifests;
pub mod purity;
pub mod rust;
pub mod shape;
pub mod words;

/// One complaint, in the form that editors make a link of.
#[must_use]
pub fn complaint(path: &str, line: usize, what: &str) -> String {
    format!("{path}:{line}: {what}")
}

/// The lines of a text with their numbers, counted from 1.
pub fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_terminator('\n').enumerate().map(|(place, line)| (place + 1, line))
}

/// The places where `word` stands in `line` and is not part of a longer name.
pub fn word_places<'t>(line: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    let open_before = !word.starts_with(in_name);
    let open_after = !word.ends_with(in_name);
    line.match_indices(word).map(|(place, _)| place).filter(move |&place| {
        (open_before || !line[..place].ends_with(in_name))
            && (open_after || !line[place + word.len()..].starts_with(in_name))
    })
}

/// Whether `word` stands in `line` and is not part of a longer name.
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
