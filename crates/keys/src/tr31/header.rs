//! The header of a key block: what stands before the encrypted key, in plain characters.

use crate::error::KeyError;
use crate::tr31::{BLOCK_CHARACTERS_MAX, BlockError, BlockVersion, KeyUsage};

/// What a key block says of its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// The version.
    pub version: BlockVersion,
    /// What the key is for.
    pub usage: KeyUsage,
    /// The key's algorithm: `T` TDES, `D` DES, `A` AES.
    pub algorithm: u8,
    /// What may be done: `E` encrypt, `D` decrypt, `B` both, `G` make MACs, `V` check, `C` both,
    /// `X` derive, `N` anything.
    pub mode: u8,
    /// The version of the key, `00` where it has none.
    pub key_version: [u8; 2],
    /// Whether it may go on: `E` in a trusted block, `N` never, `S` under any key.
    pub exportability: u8,
    /// What else is said, in order. The filling `PB` is not among it.
    pub optional: Vec<OptionalBlock>,
}

/// One thing more that a key block says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OptionalBlock {
    /// Two letters or digits, such as `LB` for a label.
    pub id: [u8; 2],
    /// Printable ASCII, at most [`OPTIONAL_CHARACTERS_MAX`].
    pub value: String,
}

/// The longest value of an optional block. Longer ones have an extended length, which nobody uses
/// for what this crate exchanges.
pub const OPTIONAL_CHARACTERS_MAX: usize = 251;

const FIXED_CHARACTERS: usize = 16;
const PADDING: [u8; 2] = *b"PB";

fn form(what: &'static str) -> KeyError {
    KeyError::Block(BlockError::Form(what))
}

impl Header {
    /// The optional block of an id.
    #[must_use]
    pub fn optional(&self, id: [u8; 2]) -> Option<&str> {
        self.optional.iter().find(|block| block.id == id).map(|block| &*block.value)
    }

    /// The header's text, filled up to whole cipher blocks.
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
        if length > BLOCK_CHARACTERS_MAX || count > 99 {
            return Err(form("too much is said in optional blocks"));
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
        if alphanumeric { Ok(text) } else { Err(form("the header has letters and digits only")) }
    }

    /// Reads the header of a whole block: the header, and how many characters it has.
    pub(crate) fn read(block: &str) -> Result<(Header, usize), KeyError> {
        let bytes = block.as_bytes();
        if !block.is_ascii() || bytes.len() > BLOCK_CHARACTERS_MAX {
            return Err(form("it is too long, or has other characters than ASCII"));
        }
        let fixed = bytes.get(..FIXED_CHARACTERS).ok_or(form("it is too short"))?;
        let version = match fixed[0] {
            b'B' => BlockVersion::B,
            b'D' => BlockVersion::D,
            other => return Err(KeyError::Block(BlockError::Version(char::from(other)))),
        };
        if !fixed.iter().all(is_alphanumeric) {
            return Err(form("the header has letters and digits only"));
        }
        if decimal(&fixed[1..5]) != Some(bytes.len()) {
            return Err(form("its length is not the one that it says"));
        }
        let count = decimal(&fixed[12..14]).ok_or(form("the count of optional blocks"))?;
        if fixed[14..16] != *b"00" {
            return Err(form("the reserved characters are not 00"));
        }
        let mut optional = Vec::new();
        let mut place = FIXED_CHARACTERS;
        for _ in 0..count {
            let (block, next) = read_optional(block, place)?;
            if block.id != PADDING {
                optional.push(block);
            }
            place = next;
        }
        let header = Header {
            version,
            usage: KeyUsage([fixed[5], fixed[6]]),
            algorithm: fixed[7],
            mode: fixed[8],
            key_version: [fixed[9], fixed[10]],
            exportability: fixed[11],
            optional,
        };
        Ok((header, place))
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

fn read_optional(block: &str, place: usize) -> Result<(OptionalBlock, usize), KeyError> {
    let short = || form("an optional block ends too early");
    let head = block.as_bytes().get(place..place + 4).ok_or_else(short)?;
    let mut length = hexadecimal(&head[2..]).ok_or(form("an optional block's length"))?;
    let mut begin = place + 4;
    if length == 0 {
        // An extended length: how many pairs of digits it has, then the length.
        let pairs = block.as_bytes().get(begin..begin + 2).and_then(hexadecimal);
        let digits = pairs.filter(|pairs| (1..=4).contains(pairs)).map(|pairs| pairs * 2);
        let digits = digits.ok_or(form("an optional block's extended length"))?;
        begin += 2 + digits;
        let said = block.as_bytes().get(begin - digits..begin).and_then(hexadecimal);
        length = said.ok_or_else(short)?;
    }
    let end = place.checked_add(length).ok_or_else(short)?;
    let value = block.get(begin..end).ok_or_else(short)?;
    Ok((OptionalBlock { id: [head[0], head[1]], value: value.to_owned() }, end))
}

const fn is_alphanumeric(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn decimal(digits: &[u8]) -> Option<usize> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + usize::from(digit - b'0'))
    })
}

/// Capital hex digits only: a block has one spelling.
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
