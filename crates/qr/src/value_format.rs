//! Length and characters of each tag's value: the tables of EMV QRCPS MPM 1.1, for reading and
//! writing.

use crate::error::{QrError, QrRule, TagLocation};

/// The longest value: its length has two digits.
const VALUE_CHARACTERS_MAX: usize = 99;
const GUID_CHARACTERS_MAX: usize = 32;

/// Checks a single value.
pub(crate) fn check(location: TagLocation, value: &str) -> Result<(), QrError> {
    let (min, max, alphabet) = form(location.tags());
    let characters = value.chars().count();
    if characters < min || characters > max {
        return Err(location.violates(QrRule::Length { characters, min, max }));
    }
    match value.chars().position(|character| !alphabet.has(character)) {
        Some(before) => Err(location.violates(QrRule::Character {
            position: before + 1,
            allowed: alphabet.in_words(location.tags()),
        })),
        None => Ok(()),
    }
}

/// Minimum and maximum length of a tag's value, and its alphabet.
fn form(tags: &[u8]) -> (usize, usize, Alphabet) {
    use Alphabet::{Capitals, Digits, Fields, Hexadecimal, Letters, Printable, Requests, Text};
    match *tags {
        [0 | 1 | 55] => (2, 2, Digits),
        [2..=25] => (1, VALUE_CHARACTERS_MAX, Printable),
        [26..=51 | 62 | 64 | 80..=99] | [62, 50..=99] => (1, VALUE_CHARACTERS_MAX, Fields),
        [52] => (4, 4, Digits),
        [53] => (3, 3, Digits),
        [54 | 56] => (1, 13, Printable),
        [57] => (1, 5, Printable),
        [58] => (2, 2, Capitals),
        [59] => (1, 25, Printable),
        [60] => (1, 15, Printable),
        [61] => (1, 10, Printable),
        [63] => (4, 4, Hexadecimal),
        [26..=51 | 80..=99, 0] | [62, 50..=99, 0] => (1, GUID_CHARACTERS_MAX, Printable),
        [26..=51, _] => (1, VALUE_CHARACTERS_MAX, Printable),
        [62, 1..=8] => (1, 25, Printable),
        [62, 9] => (1, 3, Requests),
        [64, 0] => (2, 2, Letters),
        [64, 1] => (1, 25, Text),
        [64, 2] => (1, 15, Text),
        _ => (1, VALUE_CHARACTERS_MAX, Text),
    }
}

#[derive(Clone, Copy)]
enum Alphabet {
    Digits,
    Hexadecimal,
    Capitals,
    Letters,
    /// The format `ans`: the common character set of EMV.
    Printable,
    /// The letters of tag 62/09.
    Requests,
    /// A template. Its fields are checked one by one, so that errors name the field.
    Fields,
    /// The format `S`, without control characters, which a screen would execute.
    Text,
}

impl Alphabet {
    fn has(self, character: char) -> bool {
        match self {
            Alphabet::Digits => character.is_ascii_digit(),
            Alphabet::Hexadecimal => character.is_ascii_hexdigit(),
            Alphabet::Capitals => character.is_ascii_uppercase(),
            Alphabet::Letters => character.is_ascii_alphabetic(),
            Alphabet::Printable => matches!(character, ' '..='~'),
            Alphabet::Requests => matches!(character, 'A' | 'M' | 'E'),
            Alphabet::Fields => true,
            Alphabet::Text => !character.is_control(),
        }
    }

    fn in_words(self, tags: &[u8]) -> &'static str {
        match self {
            Alphabet::Digits => "digits",
            Alphabet::Hexadecimal => "0 to 9 and A to F",
            Alphabet::Capitals => "A to Z (ISO 3166-1 country)",
            Alphabet::Letters => "letters (ISO 639 language)",
            Alphabet::Requests => "A (address), M (mobile number), E (e-mail)",
            Alphabet::Fields | Alphabet::Text => "all except control characters",
            Alphabet::Printable if matches!(tags, [59 | 60]) => {
                "ASCII from space to ~; other scripts go into tag 64"
            }
            Alphabet::Printable => "ASCII from space to ~",
        }
    }
}
