//! References: how orders, sellers and payouts are called in the files of others.

/// The longest reference, in bytes of UTF-8.
pub const REFERENCE_BYTES_MAX: usize = 64;

/// Why a text is no reference. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Above [`REFERENCE_BYTES_MAX`].
    #[error("it is {0} bytes long; a reference has at most {REFERENCE_BYTES_MAX}")]
    TooLong(usize),
    /// Control characters, and those that turn or hide the text around them.
    #[error("it has a character that cannot be printed, U+{:04X}", u32::from(*.0))]
    Unprintable(char),
}

/// Lets a text through that is a reference: 1 to [`REFERENCE_BYTES_MAX`] bytes that can be printed.
///
/// # Errors
/// What is wrong with it.
pub fn reference(text: &str) -> Result<&str, ReferenceError> {
    if text.is_empty() {
        return Err(ReferenceError::Empty);
    }
    if text.len() > REFERENCE_BYTES_MAX {
        return Err(ReferenceError::TooLong(text.len()));
    }
    match unprintable(text) {
        Some(c) => Err(ReferenceError::Unprintable(c)),
        None => Ok(text),
    }
}

/// The first character that cannot be printed, or that makes the text look like another one:
/// controls, line separators, spaces without width, marks that turn the direction. The joiners
/// U+200C and U+200D stay: Persian and the languages of India are not written without them.
pub fn unprintable(text: &str) -> Option<char> {
    text.chars().find(|&c| {
        c.is_control()
            || matches!(c,
                '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFF}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_short_and_printable() {
        for text in ["#1001", "S-17", "张三的店", "a", &"x".repeat(64)] {
            assert_eq!(reference(text), Ok(text));
        }
        assert_eq!(reference(""), Err(ReferenceError::Empty));
        assert_eq!(reference(&"x".repeat(65)), Err(ReferenceError::TooLong(65)));
        assert_eq!(reference("a\u{1b}[2J"), Err(ReferenceError::Unprintable('\u{1b}')));
        assert_eq!(reference("a\u{202e}b"), Err(ReferenceError::Unprintable('\u{202e}')));
        assert_eq!(
            ReferenceError::Unprintable('\n').to_string(),
            "it has a character that cannot be printed, U+000A"
        );
    }
}
