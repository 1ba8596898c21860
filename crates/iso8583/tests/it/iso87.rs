//! ISO 8583:1987 messages, laid out by hand from the standard's table.

use iso8583::packagers::FIELD_90;
use iso8583::{FieldContent, FieldLength, ISO87_ASCII, ISO87_BINARY, MessageBuilder, Mti};

use crate::support::{hex, to_hex};

#[test]
fn both_packagers_have_every_field_with_one_content_and_length() {
    for field in 2..=128 {
        let (ascii, binary) = (ISO87_ASCII.spec(field).unwrap(), ISO87_BINARY.spec(field).unwrap());
        if field != 55 {
            assert_eq!(ascii.name(), binary.name());
            assert_eq!(ascii.content(), binary.content());
        }
        let elements = |length| match length {
            FieldLength::Fixed(elements) | FieldLength::Variable { max: elements, .. } => elements,
        };
        assert_eq!(elements(ascii.length()), elements(binary.length()), "{field}");
    }
    assert!(ISO87_ASCII.spec(1).is_none() && ISO87_ASCII.spec(129).is_none());
    assert_eq!(ISO87_BINARY.spec(55).unwrap().content(), FieldContent::B);
}

#[test]
fn an_authorisation_in_ascii_has_the_expected_characters() {
    let bytes = MessageBuilder::new(&ISO87_ASCII, Mti::M0100)
        .text(2, "4000001234567899")
        .text(3, "000000")
        .number(4, 77_700)
        .text(7, "0701111844")
        .number(11, 123)
        .text(22, "021")
        .text(35, "4000001234567899=2512")
        .text(39, "00")
        .bytes(52, [0x1B, 0x9C, 0x18, 0x45, 0xEB, 0x99, 0x3A, 0x7A])
        .number(70, 1)
        .build()
        .unwrap();
    let expected = "0100F2200400220010000400000000000000164000001234567899000000000000077700\
        0701111844000123021214000001234567899=2512001B9C1845EB993A7A001";
    assert_eq!(std::str::from_utf8(&bytes).unwrap(), expected);
    let message = ISO87_ASCII.parse(&bytes).unwrap();
    assert_eq!(message.number(70), Ok(1));
    assert_eq!(message.block(52), Ok([0x1B, 0x9C, 0x18, 0x45, 0xEB, 0x99, 0x3A, 0x7A]));
    assert!(message.bytes(52).is_err());
}

#[test]
fn a_reversal_in_binary_has_the_expected_bytes() {
    let bytes = MessageBuilder::new(&ISO87_BINARY, Mti::M0400)
        .text(2, "622202123456789")
        .number(4, 12_50)
        .number(11, 43)
        .number(22, 51)
        .signed(28, -75)
        .text(35, "622202123456789=2912")
        .text(90, "020000004211221015300000001234500000000000")
        .build()
        .unwrap();
    let expected = hex("0400 D020041020000000 0000004000000000
        15 0622202123456789
        000000001250
        000043
        0051
        44 00000075
        20 622202123456789D2912
        020000004211221015300000001234500000000000");
    assert_eq!(to_hex(&bytes), to_hex(&expected));
    let message = ISO87_BINARY.parse(&bytes).unwrap();
    assert_eq!(message.signed(28), Ok(-75));
    let ninety = message.text(90).unwrap();
    let original = FIELD_90.split(ninety.as_bytes()).unwrap();
    assert_eq!((original.number(0), original.number(1)), (Ok(200), Ok(42)));
    assert_eq!(original.number(3), Ok(12_345));
}

#[test]
fn an_empty_second_bitmap_adds_no_field() {
    let message = ISO87_ASCII.parse(b"080080200000000000000000000000000000000001").unwrap();
    assert_eq!(message.number(11), Ok(1));
    assert!(!message.has(1));
}

#[test]
fn a_hexadecimal_bitmap_may_be_in_lower_case() {
    let message = ISO87_ASCII.parse(b"0800003a00000000000000000100000101010101").unwrap();
    let fields: Vec<u8> = message.fields().map(|field| field.id()).collect();
    assert_eq!(fields, [11, 12, 13, 15]);
}
