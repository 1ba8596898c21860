//! References: the identifiers of orders, sellers and payouts in files.

/// In UTF-8.
pub const REFERENCE_BYTES_MAX: usize = 64;

/// Why a text is not a valid reference. The error does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("it is empty")]
    Empty,
    /// Its length in bytes.
    #[error("it is {0} bytes long; a reference has at most {REFERENCE_BYTES_MAX}")]
    TooLong(usize),
    /// A control character, or one that hides text or changes its direction.
    #[error("it has an unprintable character, U+{:04X}", u32::from(*.0))]
    Unprintable(char),
}

/// Returns the text if it is a valid reference: 1 to [`REFERENCE_BYTES_MAX`] printable bytes.
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

/// The first character that is unprintable or disguises the text: controls, line separators,
/// zero-width spaces, direction marks. The joiners U+200C and U+200D are allowed, because Persian
/// and Indian languages need them.
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
            "it has an unprintable character, U+000A"
        );
    }
}
