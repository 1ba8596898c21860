//! Tag, length and value: the structure of a code and of its templates.

use crate::error::{QrError, QrRule, TagLocation};

/// Two digits of the tag and two of the length.
const HEAD_CHARACTERS: usize = 4;

/// A tag with its value.
pub(crate) struct DataObject<'a> {
    pub(crate) tag: u8,
    pub(crate) location: TagLocation,
    pub(crate) value: &'a str,
    /// Offset of the value, in characters from the start of the code.
    pub(crate) value_offset: usize,
}

/// Splits the text of a code or the value of a template into its objects.
///
/// `value_offset` is the offset of `text`, in characters from the start of the code.
pub(crate) fn split(
    parent: TagLocation,
    start: usize,
    text: &str,
) -> Result<Vec<DataObject<'_>>, QrError> {
    let mut objects = Vec::new();
    let mut first_offsets = [None; 100];
    let mut offset = start;
    let mut rest = text;
    while !rest.is_empty() {
        let (object, after) = first(parent, offset, rest)?;
        if let Some(first_offset) = first_offsets[usize::from(object.tag)].replace(offset) {
            return Err(object.location.violates(QrRule::DuplicateTag { first_offset }));
        }
        offset = object.value_offset + object.value.chars().count();
        rest = after;
        objects.push(object);
    }
    Ok(objects)
}

/// The first object of `text`, and the text after it.
fn first(
    parent: TagLocation,
    offset: usize,
    text: &str,
) -> Result<(DataObject<'_>, &str), QrError> {
    let bytes = text.as_bytes();
    let tag = bytes.get(..2).and_then(two_digits);
    let Some(tag) = tag else {
        let rule = if text.chars().count() < HEAD_CHARACTERS {
            QrRule::Truncated
        } else {
            QrRule::TagDigits
        };
        return Err(parent.at_offset(offset).violates(rule));
    };
    let location = parent.tag(tag).at_offset(offset);
    let Some(length) = bytes.get(2..HEAD_CHARACTERS) else {
        return Err(location.violates(QrRule::Truncated));
    };
    let Some(declared) = two_digits(length).map(usize::from) else {
        return Err(location.violates(QrRule::LengthDigits));
    };
    let rest = &text[HEAD_CHARACTERS..];
    let ends = rest.char_indices().map(|(end, _)| end).chain([rest.len()]);
    match ends.clone().nth(declared) {
        Some(end) => {
            let (value, after) = rest.split_at(end);
            Ok((DataObject { tag, location, value, value_offset: offset + HEAD_CHARACTERS }, after))
        }
        None => {
            let available = rest.chars().count();
            Err(location.violates(QrRule::LengthBeyondEnd { declared, available }))
        }
    }
}

fn two_digits(bytes: &[u8]) -> Option<u8> {
    match *bytes {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    }
}
