//! A field as text.

use std::fmt;
use std::ops::Deref;

use zeroize::Zeroizing;

/// A field as characters of ASCII: borrowed from the message where it is written so, else
/// unpacked; what was unpacked is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Text<'a> {
    form: Form<'a>,
    hidden: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Form<'a> {
    Borrowed(&'a str),
    Unpacked(Zeroizing<String>),
}

impl<'a> Text<'a> {
    pub(crate) fn borrowed(text: &'a str, hidden: bool) -> Text<'a> {
        Text { form: Form::Borrowed(text), hidden }
    }

    pub(crate) fn unpacked(text: Zeroizing<String>, hidden: bool) -> Text<'a> {
        Text { form: Form::Unpacked(text), hidden }
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.form {
            Form::Borrowed(text) => text,
            Form::Unpacked(text) => text,
        }
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hidden {
            write!(f, "••• ({} characters)", self.len())
        } else {
            fmt::Debug::fmt(self.as_str(), f)
        }
    }
}
