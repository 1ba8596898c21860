//! Text in lines of limited width.

use std::io::{self, Write};

use crate::words::width;

/// Writes `first`, then the text. Further lines are indented by the width of `first`. Lines end at
/// a space, or between Chinese characters. A longer word is not broken.
pub fn paragraph(first: &str, text: &str, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let indent = width(first);
    let mut line = first.to_owned();
    let mut empty = true;
    for piece in pieces(text) {
        if !empty && width(&line) + width(piece.trim_end()) > columns {
            writeln!(out, "{}", line.trim_end())?;
            line = " ".repeat(indent);
        }
        line.push_str(piece);
        empty = false;
    }
    writeln!(out, "{}", line.trim_end())
}

/// The parts that stay on one line.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    let mut before = None;
    for (place, character) in text.char_indices() {
        if let Some(before) = before
            && may_break(before, character)
        {
            pieces.push(&text[begin..place]);
            begin = place;
        }
        before = Some(character);
    }
    pieces.push(&text[begin..]);
    pieces
}

fn may_break(before: char, after: char) -> bool {
    const CLOSING: &str = "，。；：、）》」:;,.)";
    const OPENING: &str = "（《「(";
    if before == ' ' {
        return after != ' ';
    }
    let wide = |character: char| width(character.encode_utf8(&mut [0; 4])) > 1;
    (wide(before) || wide(after))
        && after != ' '
        && !CLOSING.contains(after)
        && !OPENING.contains(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(first: &str, text: &str, columns: usize) -> String {
        let mut out = Vec::new();
        paragraph(first, text, columns, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_end_at_spaces_and_are_indented() {
        assert_eq!(lines("1  ", "one two three", 11), "1  one two\n   three\n");
        assert_eq!(
            lines("1  ", "one-word-that-is-too-long x", 9),
            "1  one-word-that-is-too-long\n   x\n"
        );
    }

    #[test]
    fn chinese_lines_do_not_begin_with_punctuation() {
        assert_eq!(lines("", "应收金额，已收", 8), "应收金\n额，已收\n");
        assert_eq!(lines("", "收款 12.00 CNY（现金）", 14), "收款 12.00 CNY\n（现金）\n");
    }
}
