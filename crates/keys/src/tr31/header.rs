//! The header of a key block: the plain characters before the encrypted key.

use crate::error::KeyError;
use crate::tr31::kinds::{KEY_BLOCK_CHARACTERS_MAX, KeyBlockError, KeyBlockVersion, KeyUsage};

/// Attributes of the key in a key block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyBlockHeader {
    pub version: KeyBlockVersion,
    pub usage: KeyUsage,
    /// `T` TDES, `D` DES, `A` AES.
    pub algorithm: u8,
    /// `E` encrypt, `D` decrypt, `B` both; `G` generate MACs, `V` verify MACs, `C` both; `X` derive
    /// keys; `N` no restriction.
    pub mode: u8,
    /// `00` if the key has no version.
    pub key_version: [u8; 2],
    /// `E` exportable in a key block, `N` not exportable, `S` under any key.
    pub exportability: u8,
    /// In order, without the padding block `PB`.
    pub optional: Vec<OptionalHeaderBlock>,
}

/// An optional block of the header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OptionalHeaderBlock {
    /// Two letters or digits, for example `LB` for a label.
    pub id: [u8; 2],
    /// Printable ASCII, at most `OPTIONAL_CHARACTERS_MAX` characters.
    pub value: String,
}

/// Maximum length of an optional block's value that this crate writes. A longer value needs an
/// extended length field, which is read but never written.
pub const OPTIONAL_CHARACTERS_MAX: usize = 251;

const FIXED_CHARACTERS: usize = 16;
const PADDING: [u8; 2] = *b"PB";

fn form(what: &'static str) -> KeyError {
    KeyError::KeyBlock(KeyBlockError::Malformed(what))
}

impl KeyBlockHeader {
    #[must_use]
    pub fn optional(&self, id: [u8; 2]) -> Option<&str> {
        self.optional.iter().find(|block| block.id == id).map(|block| &*block.value)
    }

    /// Writes the header, padded to whole cipher blocks.
    pub(crate) fn write(
        &self,
        block_bytes: usize,
        characters_after: usize,
    ) -> Result<String, KeyError> {
        let mut optional = String::new();
        let mut count = self.optional.len();
        for block in &self.optional {
            write_optional(&mut optional, block.id, &block.value)?;
        }
        if !optional.len().is_multiple_of(block_bytes) {
            let least = optional.len() + 4;
            let fill = least.next_multiple_of(block_bytes) - least;
            write_optional(&mut optional, PADDING, &"0".repeat(fill))?;
            count += 1;
        }
        let length = FIXED_CHARACTERS + optional.len() + characters_after;
        if length > KEY_BLOCK_CHARACTERS_MAX || count > 99 {
            return Err(form("the optional blocks are too long or too many"));
        }
        let letter = |byte: u8| char::from(byte);
        let [version_0, version_1] = self.key_version;
        let text = format!(
            "{}{length:04}{}{}{}{}{}{}{count:02}00{optional}",
            self.version.letter(),
            self.usage,
            letter(self.algorithm),
            letter(self.mode),
            letter(version_0),
            letter(version_1),
            letter(self.exportability),
        );
        let alphanumeric = text.as_bytes()[..FIXED_CHARACTERS].iter().all(is_alphanumeric);
        if alphanumeric {
            Ok(text)
        } else {
            Err(form("the header must have only letters and digits"))
        }
    }

    /// Parses the header of a key block. Returns it with its length in characters.
    pub(crate) fn read(block: &str) -> Result<(KeyBlockHeader, usize), KeyError> {
        let bytes = block.as_bytes();
        if !block.is_ascii() || bytes.len() > KEY_BLOCK_CHARACTERS_MAX {
            return Err(form("too long, or has other characters than ASCII"));
        }
        let fixed = bytes.get(..FIXED_CHARACTERS).ok_or(form("too short"))?;
        let version = match fixed[0] {
            b'B' => KeyBlockVersion::B,
            b'D' => KeyBlockVersion::D,
            other => {
                return Err(KeyError::KeyBlock(KeyBlockError::UnsupportedVersion(char::from(
                    other,
                ))));
            }
        };
        if !fixed.iter().all(is_alphanumeric) {
            return Err(form("the header must have only letters and digits"));
        }
        if decimal(&fixed[1..5]) != Some(bytes.len()) {
            return Err(form("its length differs from the length in its header"));
        }
        let count =
            decimal(&fixed[12..14]).ok_or(form("the number of optional blocks is not decimal"))?;
        if fixed[14..16] != *b"00" {
            return Err(form("the reserved characters are not 00"));
        }
        let mut optional = Vec::new();
        let mut offset = FIXED_CHARACTERS;
        for _ in 0..count {
            let (block, next) = read_optional(block, offset)?;
            if block.id != PADDING {
                optional.push(block);
            }
            offset = next;
        }
        let header = KeyBlockHeader {
            version,
            usage: KeyUsage([fixed[5], fixed[6]]),
            algorithm: fixed[7],
            mode: fixed[8],
            key_version: [fixed[9], fixed[10]],
            exportability: fixed[11],
            optional,
        };
        Ok((header, offset))
    }
}

fn write_optional(text: &mut String, id: [u8; 2], value: &str) -> Result<(), KeyError> {
    let printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !printable || value.len() > OPTIONAL_CHARACTERS_MAX || !id.iter().all(is_alphanumeric) {
        return Err(form("an optional block is too long or not printable ASCII"));
    }
    let [first, second] = id.map(char::from);
    text.push_str(&format!("{first}{second}{:02X}{value}", value.len() + 4));
    Ok(())
}

fn read_optional(block: &str, offset: usize) -> Result<(OptionalHeaderBlock, usize), KeyError> {
    let short = || form("an optional block ends too early");
    let head = block.as_bytes().get(offset..offset + 4).ok_or_else(short)?;
    let mut length = hexadecimal(&head[2..])
        .ok_or(form("the length of an optional block is not upper-case hex digits"))?;
    let mut begin = offset + 4;
    if length == 0 {
        // Extended length: the number of digit pairs, then the length.
        let pairs = block.as_bytes().get(begin..begin + 2).and_then(hexadecimal);
        let digits = pairs.filter(|pairs| (1..=4).contains(pairs)).map(|pairs| pairs * 2);
        let digits = digits.ok_or(form("the extended length of an optional block is malformed"))?;
        begin += 2 + digits;
        let extended = block.as_bytes().get(begin - digits..begin).and_then(hexadecimal);
        length = extended.ok_or_else(short)?;
    }
    let end = offset.checked_add(length).ok_or_else(short)?;
    let value = block.get(begin..end).ok_or_else(short)?;
    Ok((OptionalHeaderBlock { id: [head[0], head[1]], value: value.to_owned() }, end))
}

const fn is_alphanumeric(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn decimal(digits: &[u8]) -> Option<usize> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + usize::from(digit - b'0'))
    })
}

/// Accepts only upper-case hex digits, so that a block has one form.
fn hexadecimal(digits: &[u8]) -> Option<usize> {
    digits.iter().try_fold(0_usize, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return None,
        };
        Some(number * 16 + usize::from(value))
    })
}
