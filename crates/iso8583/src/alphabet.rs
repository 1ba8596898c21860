//! Tables for EBCDIC, and hexadecimal digits.

const FIRST_PRINTABLE: u8 = b' ';

/// Printable ASCII, blank to `~`, in EBCDIC code page 037.
const EBCDIC_OF_PRINTABLE: [u8; 95] = [
    0x40, 0x5A, 0x7F, 0x7B, 0x5B, 0x6C, 0x50, 0x7D, 0x4D, 0x5D, 0x5C, 0x4E, 0x6B, 0x60, 0x4B, 0x61,
    0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0x7A, 0x5E, 0x4C, 0x7E, 0x6E, 0x6F,
    0x7C, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6,
    0xD7, 0xD8, 0xD9, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xBA, 0xE0, 0xBB, 0xB0, 0x6D,
    0x79, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xC0, 0x4F, 0xD0, 0xA1,
];

/// Printable ASCII for each EBCDIC byte; 0 if there is none.
const ASCII_OF_EBCDIC: [u8; 256] = {
    let mut table = [0; 256];
    let mut ascii = FIRST_PRINTABLE;
    while ascii <= b'~' {
        table[EBCDIC_OF_PRINTABLE[(ascii - FIRST_PRINTABLE) as usize] as usize] = ascii;
        ascii += 1;
    }
    table
};

pub(crate) fn ascii_of_ebcdic(byte: u8) -> Option<u8> {
    match ASCII_OF_EBCDIC[usize::from(byte)] {
        0 => None,
        ascii => Some(ascii),
    }
}

/// `None` unless the character is printable.
pub(crate) fn ebcdic_of_ascii(ascii: u8) -> Option<u8> {
    let index = ascii.checked_sub(FIRST_PRINTABLE)?;
    EBCDIC_OF_PRINTABLE.get(usize::from(index)).copied()
}

/// Accepts both cases.
pub(crate) fn nibble_of_hex(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Writes upper-case digits, two for each byte.
///
/// # Panics
/// If `digits` has less than twice the length of `bytes`.
pub(crate) fn write_hex(bytes: &[u8], digits: &mut [u8]) {
    base16ct::upper::encode(bytes, digits).expect("two digits for each byte");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_character_comes_back_from_ebcdic() {
        for ascii in b' '..=b'~' {
            assert_eq!(ebcdic_of_ascii(ascii).and_then(ascii_of_ebcdic), Some(ascii));
        }
        assert_eq!(ebcdic_of_ascii(0x1F), None);
        assert_eq!(ebcdic_of_ascii(0x7F), None);
        assert_eq!((0..=255).filter(|&byte| ascii_of_ebcdic(byte).is_some()).count(), 95);
        assert_eq!(ebcdic_of_ascii(b'0'), Some(0xF0));
        assert_eq!(ebcdic_of_ascii(b'A'), Some(0xC1));
    }
}
