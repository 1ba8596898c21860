//! A text as the parts that one SMS each can carry: in GSM 7-bit if it fits, else in UCS-2.

use super::gsm;

/// Of one notice: each is charged.
pub const SMS_PARTS_MAX: usize = 8;
const GSM_CHARACTERS_MAX: usize = 160;
const UCS2_BYTES_MAX: usize = 140;
/// Information element 0, with the reference, the count and the number of the part.
const HEADER_BYTES: usize = 6;
/// Characters of 7 bits that the header takes the place of.
const HEADER_GSM_CHARACTERS: usize = 7;
const CODING_DEFAULT: u8 = 0;
const CODING_UCS2: u8 = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SmsPart {
    pub data_coding: u8,
    pub has_header: bool,
    pub bytes: Vec<u8>,
}

/// The parts of a text; all of one notice have the same `reference`. `None` if they are more than
/// [`SMS_PARTS_MAX`].
pub(super) fn parts_of(text: &str, reference: u8) -> Option<Vec<SmsPart>> {
    let gsm: Option<Vec<_>> = text.chars().map(gsm::codes).collect();
    let (data_coding, units, alone, joined) = match gsm {
        Some(codes) => {
            let units: Vec<_> = codes.iter().map(|(codes, len)| codes[..*len].to_vec()).collect();
            let joined = GSM_CHARACTERS_MAX - HEADER_GSM_CHARACTERS;
            (CODING_DEFAULT, units, GSM_CHARACTERS_MAX, joined)
        }
        None => {
            let units = text.chars().map(|character| {
                let mut units = [0; 2];
                let units = character.encode_utf16(&mut units).iter();
                units.flat_map(|unit| unit.to_be_bytes()).collect()
            });
            (CODING_UCS2, units.collect(), UCS2_BYTES_MAX, UCS2_BYTES_MAX - HEADER_BYTES)
        }
    };
    let total: usize = units.iter().map(Vec::len).sum();
    if total <= alone {
        return Some(vec![SmsPart { data_coding, has_header: false, bytes: units.concat() }]);
    }
    let mut pieces = vec![Vec::new()];
    for unit in units {
        // A character is never split.
        match pieces.last_mut() {
            Some(piece) if piece.len() + unit.len() <= joined => piece.extend(unit),
            _ => pieces.push(unit),
        }
    }
    let count = u8::try_from(pieces.len()).ok()?;
    if pieces.len() > SMS_PARTS_MAX {
        return None;
    }
    let parts = pieces.into_iter().zip(1..).map(|(piece, number)| {
        let mut bytes = vec![5, 0, 3, reference, count, number];
        bytes.extend(piece);
        SmsPart { data_coding, has_header: true, bytes }
    });
    Some(parts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(text: &str) -> Vec<usize> {
        parts_of(text, 9).unwrap().iter().map(|part| part.bytes.len()).collect()
    }

    #[test]
    fn a_text_is_split_where_a_telephone_joins_it() {
        assert_eq!(lengths(&"a".repeat(160)), [160]);
        assert_eq!(lengths(&"a".repeat(161)), [6 + 153, 6 + 8]);
        assert_eq!(lengths(&"付".repeat(70)), [140]);
        assert_eq!(lengths(&"付".repeat(71)), [6 + 134, 6 + 8]);
        assert_eq!(lengths(""), [0]);
    }

    #[test]
    fn neither_an_escape_nor_a_surrogate_is_split() {
        // The 153rd place would have the escape, the 154th its character.
        let text = format!("{}{}", "a".repeat(152), "€".repeat(10));
        assert_eq!(lengths(&text), [6 + 152, 6 + 20]);
        let text = format!("{}{}", "付".repeat(66), "😀".repeat(5));
        assert_eq!(lengths(&text), [6 + 132, 6 + 20]);
    }

    #[test]
    fn the_parts_of_a_text_tell_their_count_and_place() {
        let parts = parts_of(&"付".repeat(140), 77).unwrap();
        for (part, number) in parts.iter().zip(1..) {
            assert_eq!(part.bytes[..6], [5, 0, 3, 77, 3, number]);
            assert!(part.has_header && part.data_coding == 8);
        }
        assert_eq!(parts_of(&"a".repeat(153 * 8), 1).unwrap().len(), 8);
        assert_eq!(parts_of(&"a".repeat(153 * 8 + 1), 1), None);
    }
}
