//! Damaged and hostile bytes give an error with field, offset and rule, never a panic.

use iso8583::{ISO87_ASCII, ISO87_BINARY, MessagePart, Mti, Packager, ParseRule, UNIONPAY_POS};

use crate::support::{PACKAGERS, hex, sale, set, value};

/// A message with every field of a packager.
fn full(packager: &'static Packager) -> Vec<u8> {
    let mut builder = iso8583::MessageBuilder::new(packager, Mti::M0200);
    for field in 2..=128 {
        if let Some(spec) = packager.spec(field) {
            set(&mut builder, field, &value(spec, 13, &[field, 1, 2, 3]));
        }
    }
    builder.build().unwrap().to_vec()
}

#[test]
fn a_message_cut_short_is_refused_at_every_byte() {
    for packager in PACKAGERS {
        let bytes = full(packager);
        packager.parse(&bytes).unwrap();
        let mut last = 0;
        for cut in 0..bytes.len() {
            let error = packager.parse(&bytes[..cut]).unwrap_err();
            assert!(matches!(error.rule, ParseRule::CutShort { .. }), "{cut}: {error}");
            assert!(error.offset <= cut && error.offset >= last, "{cut}: {error}");
            last = error.offset;
        }
    }
}

#[test]
fn a_flipped_bit_is_refused_or_gives_another_message() {
    for packager in PACKAGERS {
        let bytes = full(packager);
        let (mut refused, mut read) = (0, 0);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match packager.parse(&flipped) {
                Ok(message) => {
                    read += 1;
                    assert!(message.fields().all(|field| field.len() <= 999));
                }
                Err(error) => {
                    refused += 1;
                    assert!(error.offset <= flipped.len(), "{error}");
                }
            }
        }
        assert!(refused > 300 && read > 300, "{}: {refused} {read}", packager.name());
    }
}

#[test]
fn an_error_names_field_offset_and_rule() {
    for (packager, bytes, said) in [
        (
            &UNIONPAY_POS,
            "02",
            "message type, byte 0: 2 bytes are needed and 1 are left: the \
            message is cut short",
        ),
        (&UNIONPAY_POS, "0A00", "message type, byte 0: expected decimal digits"),
        (
            &UNIONPAY_POS,
            "0200 20",
            "bitmap, byte 2: 8 bytes are needed and 1 are left: the \
            message is cut short",
        ),
        (
            &UNIONPAY_POS,
            "0200 0800000000000000",
            "field 5, byte 10: the packager does not define this field: add it to the packager, \
             or ask the sender to omit it",
        ),
        (
            &UNIONPAY_POS,
            "0200 2000000000000000 0000A0",
            "field 3 (processing code), byte 12: \
            expected decimal digits",
        ),
        (
            &UNIONPAY_POS,
            "0200 4000000000000000 1A",
            "field 2 (primary account number), byte 10: \
            the length indicator must be decimal digits",
        ),
        (
            &UNIONPAY_POS,
            "0200 4000000000000000 20",
            "field 2 (primary account number), byte 10: \
            the length indicator is 20, the field takes at most 19",
        ),
        (
            &UNIONPAY_POS,
            "0200 4000000000000000 03 6225",
            "field 2 (primary account number), \
            byte 12: the padding beside an odd number of digits must be 0 or F",
        ),
        (
            &UNIONPAY_POS,
            "0200 2000000000000000 000000 00",
            "end of the message, byte 13: 1 more \
            bytes follow the last field of the bitmap",
        ),
        (
            &ISO87_BINARY,
            "0200 0000001000000000 41 00000000",
            "field 28 (amount, transaction \
            fee), byte 10: expected C (credit) or D (debit) before the digits",
        ),
        (
            &ISO87_ASCII,
            "30323030 32303030303030303030303030303047",
            "bitmap, byte 19: expected hexadecimal digits",
        ),
    ] {
        let bytes = hex(bytes);
        assert_eq!(packager.parse(&bytes).unwrap_err().to_string(), said);
    }
}

#[test]
fn a_length_indicator_in_characters_must_be_digits() {
    let bytes = b"02004000000000000000 9622202123";
    let error = ISO87_ASCII.parse(bytes).unwrap_err();
    assert_eq!((error.field(), error.offset), (Some(2), 20));
    assert_eq!(error.rule, ParseRule::LengthNotDigits);
}

#[test]
fn a_track_in_characters_allows_only_track_characters() {
    let error = ISO87_ASCII.parse(b"0200000000002000000037123").unwrap_err();
    assert_eq!(error.rule, ParseRule::CutShort { needed: 37, left: 3 });
    let error = ISO87_ASCII.parse(b"0200000000002000000003 12").unwrap_err();
    assert_eq!(error.field(), Some(35));
}

#[test]
fn a_message_longer_than_an_offset_can_express_is_not_parsed() {
    let error = UNIONPAY_POS.parse(&[0; 65_536]).unwrap_err();
    assert_eq!(error.part, MessagePart::End);
    assert_eq!(error.rule, ParseRule::TooLong { bytes: 65_536, max: 65_535 });
}

#[test]
fn a_message_without_fields_is_valid() {
    let message = hex("0800 0000000000000000");
    let message = UNIONPAY_POS.parse(&message).unwrap();
    assert_eq!(message.fields().count(), 0);
    assert_eq!(
        message.number(11).unwrap_err().to_string(),
        "field 11 (system trace audit number) is missing"
    );
    assert_eq!(message.number(129).unwrap_err().to_string(), "field 129 is missing");
    assert_eq!((message.get(0), message.get(1), message.get(255)), (None, None, None));
}

#[test]
fn reading_a_field_as_the_wrong_type_is_an_error() {
    let bytes = sale().build().unwrap();
    let message = UNIONPAY_POS.parse(&bytes).unwrap();
    for (error, said) in [
        (message.number(42).map(drop), None),
        (
            message.number(55).map(drop),
            Some("field 55 (chip card fields) has characters other than digits"),
        ),
        (message.number(35).map(drop), Some("field 35 (track 2) has characters other than digits")),
        (
            message.digits::<5>(11).map(drop),
            Some(
                "field 11 (system trace audit number) has 6 \
            elements instead of 5",
            ),
        ),
        (
            message.bytes(4).map(drop),
            Some(
                "field 4 (amount, transaction) is not stored as bytes: read it as text, as a \
                 number or as a block",
            ),
        ),
        (message.text(64).map(drop), Some("field 64 (message authentication code) is missing")),
        (message.text(52).map(drop), Some("field 52 (PIN block) is not text: read it as bytes")),
        (
            message.block::<7>(52).map(drop),
            Some(
                "field 52 (PIN block) has 8 elements instead of \
            7",
            ),
        ),
        (
            message.signed(4).map(drop),
            Some(
                "field 4 (amount, transaction) is not an amount with \
            C or D before it",
            ),
        ),
    ] {
        assert_eq!(error.err().map(|error| error.to_string()).as_deref(), said);
    }
}
