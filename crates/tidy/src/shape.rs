//! The outer shape of a text: widths, lengths, white space, leftovers of a merge.

use crate::{complaint, numbered};

/// The widest line of Rust, in columns; rustfmt's `max_width`.
pub const LINE_COLUMNS_MAX: usize = 100;
/// The longest file of Rust, in lines.
pub const FILE_LINES_MAX: usize = 800;

/// Lines that are too wide. One with a web address may be: an address cannot be broken.
#[must_use]
pub fn wide_lines(path: &str, text: &str) -> Vec<String> {
    numbered(text)
        .filter(|(_, line)| !line.contains("https://") && !line.contains("http://"))
        .map(|(number, line)| (number, line.chars().map(columns).sum::<usize>()))
        .filter(|&(_, width)| width > LINE_COLUMNS_MAX)
        .map(|(number, width)| {
            let what = format!("{width} columns; break the line at {LINE_COLUMNS_MAX}");
            complaint(path, number, &what)
        })
        .collect()
}

/// A file that is too long to be one thought.
#[must_use]
pub fn long_file(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    let what = format!("{lines} lines; make two modules of it, each {FILE_LINES_MAX} at most");
    vec![complaint(path, FILE_LINES_MAX + 1, &what)]
}

/// White space at the end of a line, carriage returns, no newline or empty lines at the end.
#[must_use]
pub fn white_space(path: &str, text: &str) -> Vec<String> {
    let mut complaints: Vec<String> = numbered(text)
        .filter(|(_, line)| line.ends_with(char::is_whitespace))
        .map(|(number, _)| complaint(path, number, "white space ends the line; remove it"))
        .collect();
    let last = text.lines().count().max(1);
    if !text.is_empty() && !text.ends_with('\n') {
        complaints.push(complaint(path, last, "no newline at the end; add one"));
    }
    if text.ends_with("\n\n") || text == "\n" {
        complaints.push(complaint(path, last, "empty lines at the end; remove them"));
    }
    complaints
}

/// Tabs.
#[must_use]
pub fn tabs(path: &str, text: &str) -> Vec<String> {
    numbered(text)
        .filter(|(_, line)| line.contains('\t'))
        .map(|(number, _)| complaint(path, number, r"a tab; use spaces, in a string `\t`"))
        .collect()
}

/// What a merge leaves behind when it is not finished.
#[must_use]
pub fn conflict_markers(path: &str, text: &str) -> Vec<String> {
    numbered(text)
        .filter(|(_, line)| ["<<<<<<<", "|||||||", ">>>>>>>"].iter().any(|m| line.starts_with(m)))
        .map(|(number, _)| complaint(path, number, "a conflict marker; finish the merge"))
        .collect()
}

/// How many columns a character takes: two for the wide ones of East Asia and for pictographs.
fn columns(c: char) -> usize {
    let wide = matches!(u32::from(c),
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD);
    if wide { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_101_columns_is_named() {
        let text = format!("ok\n{}\n{}\n", "x".repeat(100), "x".repeat(101));
        assert_eq!(wide_lines("a.rs", &text), ["a.rs:3: 101 columns; break the line at 100"]);
    }

    #[test]
    fn chinese_takes_two_columns_and_an_address_is_let_through() {
        assert_eq!(wide_lines("a.rs", &"门".repeat(51)).len(), 1);
        assert!(wide_lines("a.rs", &"门".repeat(50)).is_empty());
        assert!(wide_lines("a.rs", &format!("// https://{}", "x".repeat(120))).is_empty());
    }

    #[test]
    fn a_file_of_801_lines_is_two_modules() {
        assert!(long_file("a.rs", &"x\n".repeat(800)).is_empty());
        let found = long_file("a.rs", &"x\n".repeat(801));
        assert_eq!(found, ["a.rs:801: 801 lines; make two modules of it, each 800 at most"]);
    }

    #[test]
    fn white_space_at_an_end_is_named() {
        assert!(white_space("a.md", "one\n\ntwo\n").is_empty());
        assert!(white_space("a.md", "").is_empty());
        assert_eq!(white_space("a.md", "one \r\n").len(), 1);
        assert_eq!(
            white_space("a.md", "one \ntwo"),
            [
                "a.md:1: white space ends the line; remove it",
                "a.md:2: no newline at the end; add one",
            ]
        );
        assert_eq!(white_space("a.md", "one\n\n"), ["a.md:2: empty lines at the end; remove them"]);
    }

    #[test]
    fn tabs_and_conflict_markers_are_named() {
        assert_eq!(tabs("a.rs", "one\n\ttwo\n"), [r"a.rs:2: a tab; use spaces, in a string `\t`"]);
        let merged = "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n";
        assert_eq!(
            conflict_markers("a.rs", merged),
            [
                "a.rs:1: a conflict marker; finish the merge",
                "a.rs:5: a conflict marker; finish the merge",
            ]
        );
        assert!(conflict_markers("a.md", "Heading\n=======\n").is_empty());
    }
}
