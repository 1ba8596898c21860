//! Checks of text layout: widths, lengths, white space, merge conflicts.

use crate::{complaint, numbered_lines};

/// Maximum line width of Rust, in columns; rustfmt's `max_width`.
pub const LINE_COLUMNS_MAX: usize = 100;
/// Maximum length of a Rust file, in lines.
pub const FILE_LINES_MAX: usize = 800;

/// Finds lines that are too wide. Lines with a web address are accepted.
#[must_use]
pub fn wide_lines(path: &str, text: &str) -> Vec<String> {
    numbered_lines(text)
        .filter(|(_, line)| !line.contains("https://") && !line.contains("http://"))
        .map(|(number, line)| (number, line.chars().map(columns).sum::<usize>()))
        .filter(|&(_, width)| width > LINE_COLUMNS_MAX)
        .map(|(number, width)| {
            let what = format!("{width} columns; break the line at {LINE_COLUMNS_MAX}");
            complaint(path, number, &what)
        })
        .collect()
}

/// Finds a file that is too long.
#[must_use]
pub fn long_file(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    let what = format!("{lines} lines; split it into modules of at most {FILE_LINES_MAX}");
    vec![complaint(path, FILE_LINES_MAX + 1, &what)]
}

/// Finds trailing white space, carriage returns, a missing last newline and trailing empty lines.
#[must_use]
pub fn white_space(path: &str, text: &str) -> Vec<String> {
    let mut complaints: Vec<String> = numbered_lines(text)
        .filter(|(_, line)| line.ends_with(char::is_whitespace))
        .map(|(number, _)| complaint(path, number, "trailing white space; remove it"))
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

#[must_use]
pub fn tabs(path: &str, text: &str) -> Vec<String> {
    numbered_lines(text)
        .filter(|(_, line)| line.contains('\t'))
        .map(|(number, _)| complaint(path, number, r"a tab; use spaces, in a string `\t`"))
        .collect()
}

/// Finds conflict markers of an unfinished merge.
#[must_use]
pub fn conflict_markers(path: &str, text: &str) -> Vec<String> {
    numbered_lines(text)
        .filter(|(_, line)| ["<<<<<<<", "|||||||", ">>>>>>>"].iter().any(|m| line.starts_with(m)))
        .map(|(number, _)| complaint(path, number, "a conflict marker; finish the merge"))
        .collect()
}

/// Columns of a character: two for wide East Asian characters and pictographs.
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
    fn a_line_of_101_columns_is_reported() {
        let text = format!("ok\n{}\n{}\n", "x".repeat(100), "x".repeat(101));
        assert_eq!(wide_lines("a.rs", &text), ["a.rs:3: 101 columns; break the line at 100"]);
    }

    #[test]
    fn chinese_takes_two_columns_and_an_address_is_accepted() {
        assert_eq!(wide_lines("a.rs", &"门".repeat(51)).len(), 1);
        assert!(wide_lines("a.rs", &"门".repeat(50)).is_empty());
        assert!(wide_lines("a.rs", &format!("// https://{}", "x".repeat(120))).is_empty());
    }

    #[test]
    fn a_file_of_801_lines_is_reported() {
        assert!(long_file("a.rs", &"x\n".repeat(800)).is_empty());
        let found = long_file("a.rs", &"x\n".repeat(801));
        assert_eq!(found, ["a.rs:801: 801 lines; split it into modules of at most 800"]);
    }

    #[test]
    fn white_space_at_an_end_is_reported() {
        assert!(white_space("a.md", "one\n\ntwo\n").is_empty());
        assert!(white_space("a.md", "").is_empty());
        assert_eq!(white_space("a.md", "one \r\n").len(), 1);
        assert_eq!(
            white_space("a.md", "one \ntwo"),
            ["a.md:1: trailing white space; remove it", "a.md:2: no newline at the end; add one",]
        );
        assert_eq!(white_space("a.md", "one\n\n"), ["a.md:2: empty lines at the end; remove them"]);
    }

    #[test]
    fn tabs_and_conflict_markers_are_reported() {
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
