//! The GSM 7-bit default alphabet (3GPP TS 23.038), one character per byte: an SMS centre packs it.

/// By code; 0x1B is the escape to [`EXTENSION`].
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                        ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const ESCAPE: u8 = 0x1b;
const EXTENSION: [(char, u8); 10] = [
    ('\u{c}', 0x0a),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2f),
    ('[', 0x3c),
    ('~', 0x3d),
    (']', 0x3e),
    ('|', 0x40),
    ('€', 0x65),
];

/// The codes of a character: one, or two with the escape. `None` if the alphabet has no such
/// character.
pub(super) fn codes(character: char) -> Option<([u8; 2], usize)> {
    if let Some((_, code)) = EXTENSION.into_iter().find(|(of, _)| *of == character) {
        return Some(([ESCAPE, code], 2));
    }
    if character == char::from(ESCAPE) {
        return None;
    }
    let code = ALPHABET.chars().position(|of| of == character)?;
    Some(([u8::try_from(code).ok()?, 0], 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_has_128_codes_in_the_places_of_the_standard() {
        assert_eq!(ALPHABET.chars().count(), 128);
        for (character, code) in
            [('@', 0), ('_', 0x11), (' ', 0x20), ('0', 0x30), ('A', 0x41), ('a', 0x61), ('à', 0x7f)]
        {
            assert_eq!(codes(character), Some(([code, 0], 1)), "{character}");
        }
        assert_eq!(codes('€'), Some(([0x1b, 0x65], 2)));
        for character in ['付', '\u{1b}', '`', 'ç', '\t'] {
            assert_eq!(codes(character), None, "{character:?}");
        }
    }
}
