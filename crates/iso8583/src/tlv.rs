//! BER-TLV, as chip cards use it in field 55 (EMV Book 3, annex B; ISO/IEC 7816-4).
//!
//! The reader accepts every tag. Zero bytes between objects are padding.

use std::fmt;

use thiserror::Error;

use crate::wiped::WipedBytes;

/// Deepest nesting of objects.
pub const DEPTH_MAX: usize = 8;
/// Longest tag, in bytes. EMV tags have at most three.
pub const TAG_BYTES_MAX: usize = 4;
/// Longest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 0xFF_FFFF;

/// A tag: its bytes as a big-endian number, such as 0x9F26.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u32);

impl Tag {
    /// `None` if these bytes are not exactly one tag: 0x9F is incomplete, and 0x8226 has a byte too
    /// many.
    #[must_use]
    pub const fn new(tag: u32) -> Option<Tag> {
        let [b0, b1, b2, b3] = tag.to_be_bytes();
        let bytes = match tag {
            0 => return None,
            0x01..=0xFF => [b3, 0, 0, 0],
            0x100..=0xFFFF => [b2, b3, 0, 0],
            0x1_0000..=0xFF_FFFF => [b1, b2, b3, 0],
            _ => [b0, b1, b2, b3],
        };
        let length = 4 - tag.leading_zeros() as usize / 8;
        let mut index = 1;
        let mut whole = if bytes[0] & 0x1F == 0x1F { 0 } else { 1 };
        while index < length && whole == 0 {
            if bytes[index] & 0x80 == 0 {
                whole = index + 1;
            }
            index += 1;
        }
        if whole == length { Some(Tag(tag)) } else { None }
    }

    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// 1 to 4.
    #[must_use]
    pub const fn len_bytes(self) -> usize {
        4 - self.0.leading_zeros() as usize / 8
    }

    /// Whether the value consists of objects.
    #[must_use]
    pub const fn is_constructed(self) -> bool {
        self.0 >> (8 * (self.len_bytes() - 1)) & 0x20 != 0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}", self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    pub tag: Tag,
    /// The value without tag and length.
    pub value: &'a [u8],
    depth: usize,
}

impl<'a> Tlv<'a> {
    /// The objects inside this one; none if it is primitive.
    #[must_use]
    pub fn children(&self) -> TlvReader<'a> {
        let bytes = if self.tag.is_constructed() { self.value } else { &[] };
        TlvReader { bytes, at: 0, depth: self.depth + 1, failed: false }
    }
}

/// Shows only the length of the value: chip data contains the card number.
impl fmt::Debug for Tlv<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ••• ({} bytes)", self.tag, self.value.len())
    }
}

/// The rule that the bytes break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TlvRule {
    /// The bytes end inside a tag, a length or a value.
    #[error("{needed} bytes are needed and {left} are left")]
    CutShort { needed: usize, left: usize },
    #[error("a tag has at most {TAG_BYTES_MAX} bytes")]
    TagTooLong,
    /// Length byte 0x80.
    #[error("an indefinite length (80) is not allowed")]
    Indefinite,
    /// Length byte 0x84 or above.
    #[error("a length has at most three bytes after the first")]
    LengthTooLong,
    #[error("objects are nested deeper than {DEPTH_MAX}")]
    TooDeep,
    #[error("a value has at most {VALUE_BYTES_MAX} bytes")]
    ValueTooLong,
}

/// Bytes are not valid BER-TLV. The error never contains a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("TLV byte {offset}{}: {rule}", tag.map(|tag| format!(" (tag {tag})")).unwrap_or_default())]
pub struct TlvError {
    /// Position from the start of the reader's bytes.
    pub offset: usize,
    /// The tag, once it was read.
    pub tag: Option<Tag>,
    pub rule: TlvRule,
}

/// Iterates over consecutive objects. Ends after the first error.
#[derive(Clone)]
pub struct TlvReader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    failed: bool,
}

impl<'a> TlvReader<'a> {
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> TlvReader<'a> {
        TlvReader { bytes, at: 0, depth: 0, failed: false }
    }

    fn object(&mut self) -> Result<Option<Tlv<'a>>, TlvError> {
        while self.bytes.get(self.at) == Some(&0) {
            self.at += 1;
        }
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        if self.depth >= DEPTH_MAX {
            return Err(self.error(None, TlvRule::TooDeep));
        }
        let tag = self.tag()?;
        let length = self.length(tag)?;
        let value = self.take(length, Some(tag))?;
        Ok(Some(Tlv { tag, value, depth: self.depth }))
    }

    fn tag(&mut self) -> Result<Tag, TlvError> {
        let first = self.byte(None)?;
        let mut tag = u32::from(first);
        if first & 0x1F == 0x1F {
            for length in 2.. {
                if length > TAG_BYTES_MAX {
                    return Err(self.error(None, TlvRule::TagTooLong));
                }
                let byte = self.byte(None)?;
                tag = tag << 8 | u32::from(byte);
                if byte & 0x80 == 0 {
                    break;
                }
            }
        }
        Ok(Tag(tag))
    }

    fn length(&mut self, tag: Tag) -> Result<usize, TlvError> {
        let first = self.byte(Some(tag))?;
        match first {
            0x00..=0x7F => Ok(usize::from(first)),
            0x80 => Err(self.error(Some(tag), TlvRule::Indefinite)),
            0x81..=0x83 => {
                let bytes = self.take(usize::from(first & 0x7F), Some(tag))?;
                Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
            }
            0x84.. => Err(self.error(Some(tag), TlvRule::LengthTooLong)),
        }
    }

    fn byte(&mut self, tag: Option<Tag>) -> Result<u8, TlvError> {
        self.take(1, tag).map(|bytes| bytes.first().copied().unwrap_or(0))
    }

    fn take(&mut self, needed: usize, tag: Option<Tag>) -> Result<&'a [u8], TlvError> {
        let left = self.bytes.len() - self.at;
        let taken = self.bytes.get(self.at..self.at + needed);
        let taken = taken.ok_or_else(|| self.error(tag, TlvRule::CutShort { needed, left }))?;
        self.at += needed;
        Ok(taken)
    }

    fn error(&self, tag: Option<Tag>, rule: TlvRule) -> TlvError {
        TlvError { offset: self.at, tag, rule }
    }
}

impl<'a> Iterator for TlvReader<'a> {
    type Item = Result<Tlv<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let object = self.object();
        self.failed = object.is_err();
        object.transpose()
    }
}

impl fmt::Debug for TlvReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// Finds the first object with a tag, in order and inside constructed objects, and returns its
/// value.
///
/// # Errors
/// If the bytes before it are not valid BER-TLV.
pub fn find(bytes: &[u8], tag: Tag) -> Result<Option<&[u8]>, TlvError> {
    find_in(TlvReader::new(bytes), tag)
}

fn find_in(reader: TlvReader<'_>, tag: Tag) -> Result<Option<&[u8]>, TlvError> {
    for object in reader {
        let object = object?;
        if object.tag == tag {
            return Ok(Some(object.value));
        }
        // The reader stops at DEPTH_MAX.
        if let Some(value) = find_in(object.children(), tag)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Writes objects, each length in its shortest form.
#[derive(Default)]
pub struct TlvWriter {
    bytes: WipedBytes,
}

impl TlvWriter {
    #[must_use]
    pub fn new() -> TlvWriter {
        TlvWriter::default()
    }

    /// Appends an object. The value of a constructed object comes from another writer.
    ///
    /// # Errors
    /// If the value is longer than [`VALUE_BYTES_MAX`].
    pub fn push(&mut self, tag: Tag, value: &[u8]) -> Result<&mut TlvWriter, TlvError> {
        let offset = self.bytes.len();
        let length = value.len();
        let rule = TlvRule::ValueTooLong;
        let too_long = TlvError { offset, tag: Some(tag), rule };
        let [zero, high, middle, low] = u32::try_from(length).map_err(|_| too_long)?.to_be_bytes();
        if zero != 0 {
            return Err(too_long);
        }
        self.bytes.extend(&tag.0.to_be_bytes()[4 - tag.len_bytes()..]);
        match length {
            0..=0x7F => self.bytes.push(low),
            0x80..=0xFF => self.bytes.extend(&[0x81, low]),
            0x100..=0xFFFF => self.bytes.extend(&[0x82, middle, low]),
            _ => self.bytes.extend(&[0x83, high, middle, low]),
        }
        self.bytes.extend(value);
        Ok(self)
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    #[must_use]
    pub fn into_bytes(self) -> WipedBytes {
        self.bytes
    }
}

impl fmt::Debug for TlvWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(TlvReader::new(&self.bytes)).finish()
    }
}
