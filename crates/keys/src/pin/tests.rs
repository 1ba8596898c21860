//! The vectors of `tests/test_pinblock.py` in github.com/knovichikhin/psec, and fields that are
//! malformed by ISO 9564-1.

use proptest::prelude::*;

use super::*;
use crate::key::{AesKey, Key, TdesKey};

/// PIN, card number, format, plain block. Each random fill digit is `A`.
const BLOCKS: [(&str, &str, PinFormat, &str); 9] = [
    ("1234", "5555555551234567", PinFormat::Iso0, "041261AAAAEDCBA9"),
    ("123456789012", "5555555551234567", PinFormat::Iso0, "0C1261032D8226A9"),
    // Format 3: only the digits before the fill.
    ("1234", "5555555551234567", PinFormat::Iso3, "341261"),
    ("123456789012", "5555555551234567", PinFormat::Iso3, "3C1261032D8226"),
    ("1234", "5555555551234567", PinFormat::Iso2, "241234FFFFFFFFFF"),
    ("123456789", "5555555551234567", PinFormat::Iso2, "29123456789FFFFF"),
    ("1234567890", "5555555551234567", PinFormat::Iso2, "2A1234567890FFFF"),
    ("123456789012", "5555555551234567", PinFormat::Iso2, "2C123456789012FF"),
    ("1234", "5555555551234567", PinFormat::Iso4, "441234AAAAAAAAAA"),
];
/// Card number and its format 4 field.
const CARD_FIELD: (&str, &str) = ("112233445566778899", "61122334455667788990000000000000");

fn pan(digits: &str) -> Pan {
    Pan::from_digits(digits.as_bytes()).unwrap()
}

fn pin(digits: &str) -> Pin {
    Pin::parse(digits.as_bytes()).unwrap()
}

#[test]
fn the_fields_are_the_published_ones() {
    for (digits, card, format, block) in BLOCKS {
        let mut field = pin_field(&pin(digits), format, &[0; 8]);
        if matches!(format, PinFormat::Iso0 | PinFormat::Iso3) {
            xor(&mut field, card_field_8(&pan(card)).as_slice());
        }
        assert!(crate::hex::encode(&field).starts_with(block), "{format:?} {block}");
    }
    let (card, field) = CARD_FIELD;
    assert_eq!(crate::hex::encode(card_field_16(&pan(card)).as_slice()), field);
}

#[test]
fn a_pin_of_format_1_is_followed_by_random_digits() {
    let random = [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF];
    let field = pin_field(&pin("98765"), PinFormat::Iso1, &random);
    assert_eq!(crate::hex::encode(&field), "1598765789ABCDEF");
}

#[test]
fn the_fill_of_format_3_is_evenly_a_to_f() {
    let mut seen = [0_u32; 16];
    for number in 0..1_000_u64 {
        let random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
        let field = pin_field(&pin("1234"), PinFormat::Iso3, &random);
        for place in 6..16 {
            seen[usize::from(nibble(&field, place))] += 1;
        }
    }
    assert!(seen[..10].iter().all(|count| *count == 0), "{seen:?}");
    assert!(seen[10..].iter().all(|count| (1_500..=1_850).contains(count)), "{seen:?}");
}

#[test]
fn all_malformed_fields_give_the_same_error() {
    let fields = [
        (PinFormat::Iso0, "141234FFFFFFFFFF", "another format"),
        (PinFormat::Iso0, "031234FFFFFFFFFF", "a PIN of three digits"),
        (PinFormat::Iso0, "0D12345678901234", "a PIN of thirteen digits"),
        (PinFormat::Iso0, "0412A4FFFFFFFFFF", "a digit A"),
        (PinFormat::Iso0, "041234FFFFFFFFF0", "a fill of 0"),
        (PinFormat::Iso2, "241234FFFFFFFFFE", "a fill of E"),
        (PinFormat::Iso3, "341234AAAAAAAAA9", "a fill of 9"),
        (PinFormat::Iso4, "441234AAAAAAAAAB", "a fill of B"),
        (PinFormat::Iso1, "1F12345678901234", "a PIN of fifteen digits"),
    ];
    for (format, field, what) in fields {
        let field = crate::hex::decode(field.as_bytes()).unwrap().as_slice().try_into().unwrap();
        assert!(matches!(read_field(&field, format), Err(KeyError::UnreadablePinBlock)), "{what}");
    }
}

#[test]
fn a_pin_has_4_to_12_digits() {
    for bad in ["", "123", "1234567890123", "12x4", "١٢٣٤"] {
        assert!(matches!(Pin::parse(bad.as_bytes()), Err(KeyError::InvalidPin)), "{bad}");
    }
}

#[test]
fn the_shortest_card_number_fits_both_fields() {
    let card = pan("123456789012");
    assert_eq!(crate::hex::encode(card_field_8(&card).as_slice()), "0000012345678901");
    let field = "01234567890120000000000000000000";
    assert_eq!(crate::hex::encode(card_field_16(&card).as_slice()), field);
    let field = "71234567890123456789000000000000";
    let longest = pan("1234567890123456789");
    assert_eq!(crate::hex::encode(card_field_16(&longest).as_slice()), field);
}

fn tdes(bytes: [u8; 24]) -> Key {
    TdesKey::new(&bytes[..16]).unwrap().into()
}

fn aes(bytes: [u8; 24]) -> Key {
    AesKey::new(&bytes).unwrap().into()
}

proptest! {
    #[test]
    fn any_pin_is_found_in_its_block(
        digits in "[0-9]{4,12}",
        card in "[0-9]{12,19}",
        format in prop::sample::select(PinFormat::ALL.to_vec()),
        key in prop::array::uniform24(any::<u8>()),
    ) {
        let key = if format == PinFormat::Iso4 { aes(key) } else { tdes(key) };
        let (pin, pan) = (pin(&digits), pan(&card));
        let block = encrypt_block(&pin, format, &pan, &key).unwrap();
        prop_assert!(block_matches_pin(&block, format, &pan, &key, &pin).unwrap());
        let other = Pin::parse(b"0000").unwrap();
        let same = digits == "0000";
        prop_assert_eq!(block_matches_pin(&block, format, &pan, &key, &other).unwrap(), same);
        let shown = format!("{pin:?}{pan:?}{block:?}{key:?}");
        prop_assert!(!shown.contains(&digits) || card.contains(&digits), "{}", shown);
    }

    #[test]
    fn no_field_makes_the_parser_panic(
        bytes in prop::array::uniform16(any::<u8>()),
        format in prop::sample::select(PinFormat::ALL.to_vec()),
    ) {
        let field = [bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], 0];
        let _ = read_field(&field, format);
    }
}
