use std::fmt;
use std::ops::Deref;

use zeroize::Zeroizing;

/// A field's ASCII text: borrowed from the message if it is in ASCII there, else decoded. Decoded
/// text is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct FieldText<'a> {
    form: Form<'a>,
    hidden: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Form<'a> {
    Borrowed(&'a str),
    Unpacked(Zeroizing<String>),
}

impl<'a> FieldText<'a> {
    pub(crate) fn borrowed(text: &'a str, hidden: bool) -> FieldText<'a> {
        FieldText { form: Form::Borrowed(text), hidden }
    }

    pub(crate) fn unpacked(text: Zeroizing<String>, hidden: bool) -> FieldText<'a> {
        FieldText { form: Form::Unpacked(text), hidden }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.form {
            Form::Borrowed(text) => text,
            Form::Unpacked(text) => text,
        }
    }
}

impl Deref for FieldText<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for FieldText<'_> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for FieldText<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for FieldText<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for FieldText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hidden {
            write!(f, "••• ({} characters)", self.len())
        } else {
            fmt::Debug::fmt(self.as_str(), f)
        }
    }
}
