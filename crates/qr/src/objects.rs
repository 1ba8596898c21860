//! Tag, length, value: the shape of a code and of each template in it.

use crate::error::{Place, QrError, Rule};

/// Two digits of tag and two of length.
const HEAD_CHARACTERS: usize = 4;

/// One tag with its value. Its place has the offset.
pub(crate) struct Object<'a> {
    pub(crate) tag: u8,
    pub(crate) place: Place,
    pub(crate) value: &'a str,
    /// Where the value starts, in characters from the start of the code.
    pub(crate) start: usize,
}

/// Takes the text of a code or the value of a template apart.
///
/// `start` is where `text` starts, in characters from the start of the code.
pub(crate) fn split(parent: Place, start: usize, text: &str) -> Result<Vec<Object<'_>>, QrError> {
    let mut objects = Vec::new();
    let mut first_offsets = [None; 100];
    let mut offset = start;
    let mut rest = text;
    while !rest.is_empty() {
        let (object, after) = first(parent, offset, rest)?;
        if let Some(first) = first_offsets[usize::from(object.tag)].replace(offset) {
            return Err(object.place.breaks(Rule::Twice { first }));
        }
        offset = object.start + object.value.chars().count();
        rest = after;
        objects.push(object);
    }
    Ok(objects)
}

/// The object that `text` starts with, and the text after it.
fn first(parent: Place, offset: usize, text: &str) -> Result<(Object<'_>, &str), QrError> {
    let bytes = text.as_bytes();
    let tag = bytes.get(..2).and_then(two_digits);
    let Some(tag) = tag else {
        let rule = if text.chars().count() < HEAD_CHARACTERS { Rule::Cut } else { Rule::Tag };
        return Err(parent.at(offset).breaks(rule));
    };
    let place = parent.tag(tag).at(offset);
    let Some(length) = bytes.get(2..HEAD_CHARACTERS) else {
        return Err(place.breaks(Rule::Cut));
    };
    let Some(says) = two_digits(length).map(usize::from) else {
        return Err(place.breaks(Rule::LengthDigits));
    };
    let rest = &text[HEAD_CHARACTERS..];
    let ends = rest.char_indices().map(|(end, _)| end).chain([rest.len()]);
    match ends.clone().nth(says) {
        Some(end) => {
            let (value, after) = rest.split_at(end);
            Ok((Object { tag, place, value, start: offset + HEAD_CHARACTERS }, after))
        }
        None => {
            let left = rest.chars().count();
            Err(place.breaks(Rule::Beyond { says, left }))
        }
    }
}

fn two_digits(bytes: &[u8]) -> Option<u8> {
    match *bytes {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    }
}
