use policy::TEXT_BYTES_MAX;

/// Where a public text stands. Messages between people have no kind: they are no subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PublicTextKind {
    /// Title and description of an offer.
    Listing,
    /// Of an offer's picture.
    Caption,
    /// A seller's notice to all buyers.
    Notice,
}

/// A text that everybody can read, and that can be matched. Nothing else is matched: there is no
/// way to make one of a message between people.
///
/// ```compile_fail,E0599
/// let kind = screening::PublicTextKind::Message;
/// ```
///
/// ```compile_fail,E0451
/// # use screening::{PublicText, PublicTextKind};
/// let text = PublicText { kind: PublicTextKind::Listing, text: "to you alone" };
/// ```
///
/// ```compile_fail,E0308
/// # let rules: Vec<policy::PolicyRule> = Vec::new();
/// # let matcher = screening::Matcher::of(&rules).unwrap();
/// matcher.find("to you alone", &[]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicText<'a> {
    kind: PublicTextKind,
    text: &'a str,
}

/// Why a text cannot be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicTextError {
    #[error("the text has {0} bytes; shorten it to {TEXT_BYTES_MAX}")]
    TooLong(usize),
    #[error("byte {0} of the text is not UTF-8; write it as UTF-8")]
    NotUtf8(usize),
    /// What is read would not be what is matched.
    #[error("byte {0} of the text changes the direction of writing; remove that character")]
    Bidi(usize),
}

/// Explicit bidirectional formatting (UAX #9).
pub(crate) fn changes_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl<'a> PublicText<'a> {
    /// # Errors
    /// The text is too long, is not UTF-8, or changes the direction of writing.
    pub fn read(kind: PublicTextKind, bytes: &'a [u8]) -> Result<PublicText<'a>, PublicTextError> {
        if bytes.len() > TEXT_BYTES_MAX {
            return Err(PublicTextError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| PublicTextError::NotUtf8(error.valid_up_to()))?;
        match text.find(changes_direction) {
            Some(place) => Err(PublicTextError::Bidi(place)),
            None => Ok(PublicText { kind, text }),
        }
    }

    #[must_use]
    pub fn kind(self) -> PublicTextKind {
        self.kind
    }

    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.text
    }
}
