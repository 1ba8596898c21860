//! Custom packagers with every field encoding.

use iso8583::{
    BitmapEncoding, FieldContent, FieldEncoding, FieldPadding, FieldSpec, LengthIndicator,
    LengthIndicatorEncoding, MessageBuilder, Mti, MtiEncoding, Packager, ParseRule, UNIONPAY_POS,
};

use crate::support::{hex, to_hex};

/// A mainframe host: everything in EBCDIC.
pub static MAINFRAME: Packager =
    Packager::new("mainframe", MtiEncoding::Ebcdic, BitmapEncoding::HexEbcdic)
        .field(
            2,
            FieldSpec::variable(
                "card",
                FieldContent::N,
                19,
                FieldEncoding::Ebcdic,
                LengthIndicator::LL_EBCDIC,
            ),
        )
        .field(4, FieldSpec::fixed("amount", FieldContent::N, 12, FieldEncoding::Ebcdic))
        .field(28, FieldSpec::fixed("fee", FieldContent::Xn, 9, FieldEncoding::Ebcdic))
        .field(
            35,
            FieldSpec::variable(
                "track",
                FieldContent::Z,
                37,
                FieldEncoding::Ebcdic,
                LengthIndicator::LL_EBCDIC,
            ),
        )
        .field(
            43,
            FieldSpec::fixed("place", FieldContent::Ans, 10, FieldEncoding::Ebcdic)
                .with_padding(FieldPadding::Left(b'*')),
        )
        .field(
            63,
            FieldSpec::variable(
                "note",
                FieldContent::Ans,
                999,
                FieldEncoding::Ebcdic,
                LengthIndicator::LLL_EBCDIC,
            ),
        )
        .field(70, FieldSpec::fixed("code", FieldContent::N, 3, FieldEncoding::Ebcdic))
        .sensitive(63);

#[test]
fn an_ebcdic_packager_builds_and_parses() {
    let bytes = MessageBuilder::new(&MAINFRAME, Mti::M0200)
        .text(2, "6222021")
        .number(4, 1_250)
        .signed(28, -5)
        .text(35, "12=34")
        .text(43, "Hub #7")
        .text(63, "secret")
        .number(70, 301)
        .build()
        .unwrap();
    let expected = hex("F0F2F0F0
        C4F0F0F0F0F0F1F0F2F0F2F0F0F0F0F2 F0F4F0F0F0F0F0F0F0F0F0F0F0F0F0F0
        F0F7 F6F2F2F2F0F2F1
        F0F0F0F0F0F0F0F0F1F2F5F0
        C4F0F0F0F0F0F0F0F5
        F0F5 F1F27EF3F4
        5C5C5C5C C8A482407BF7
        F0F0F6 A28583998 5A3
        F3F0F1");
    assert_eq!(to_hex(&bytes), to_hex(&expected));
    let message = MAINFRAME.parse(&bytes).unwrap();
    assert_eq!(message.mti(), Mti::M0200);
    assert_eq!(message.text(2).unwrap(), "6222021");
    assert_eq!(message.number(4), Ok(1_250));
    assert_eq!(message.signed(28), Ok(-5));
    assert_eq!(message.text(35).unwrap(), "12=34");
    assert_eq!(message.text(43).unwrap(), "****Hub #7");
    assert_eq!(message.digits(70), Ok(*b"301"));
    assert!(!format!("{message:?}").contains("secret"), "{message:?}");
}

#[test]
fn ebcdic_converts_to_ascii_character_by_character_or_fails() {
    let received =
        MessageBuilder::new(&MAINFRAME, Mti::M0200).text(4, "1250").text(63, "a note").build();
    let received = received.unwrap();
    let received = MAINFRAME.parse(&received).unwrap();
    let sent =
        MessageBuilder::new(&UNIONPAY_POS, Mti::M0200).copy(&received, &[4, 63]).build().unwrap();
    let sent = UNIONPAY_POS.parse(&sent).unwrap();
    assert_eq!(sent.number(4), Ok(1_250));
    assert_eq!(sent.text(63).unwrap(), "a note");
    let received = hex("F0F2F0F0 F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F2 F0F0F2 C1FF");
    let received = MAINFRAME.parse(&received).unwrap();
    assert!(received.text(63).is_err());
    assert_eq!(received.bytes(63).unwrap(), [0xC1, 0xFF]);
    let error = MessageBuilder::new(&UNIONPAY_POS, Mti::M0200).copy(&received, &[63]).build();
    assert_eq!(
        error.unwrap_err().to_string(),
        "field 63 (private field 63) cannot hold the character at 1: its content is printable \
         ASCII"
    );
}

#[test]
fn ebcdic_other_than_digits_is_refused_in_a_number() {
    let bytes = hex("F0F2F0F0 F1F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0 F0F0F0F0F0F0F0F0F1F2F531");
    let error = MAINFRAME.parse(&bytes).unwrap_err();
    assert_eq!((error.field(), error.offset, error.rule), (Some(4), 31, ParseRule::NotDigits));
    let error = MAINFRAME.parse(&hex("F0F2F04B")).unwrap_err();
    assert_eq!((error.field(), error.offset, error.rule), (None, 0, ParseRule::NotDigits));
}

const fn up_to(
    content: FieldContent,
    max: u16,
    encoding: FieldEncoding,
    count: LengthIndicator,
) -> FieldSpec {
    FieldSpec::variable("variable", content, max, encoding, count)
}

#[test]
fn every_length_indicator_has_the_expected_bytes() {
    static COUNTS: Packager = Packager::new("counts", MtiEncoding::Bcd, BitmapEncoding::Raw)
        .field(
            2,
            up_to(
                FieldContent::Ans,
                9,
                FieldEncoding::Ascii,
                LengthIndicator::elements(1, LengthIndicatorEncoding::Ascii),
            ),
        )
        .field(3, up_to(FieldContent::Ans, 99, FieldEncoding::Ascii, LengthIndicator::LL_ASCII))
        .field(4, up_to(FieldContent::Ans, 999, FieldEncoding::Ascii, LengthIndicator::LLL_ASCII))
        .field(5, up_to(FieldContent::Ans, 99, FieldEncoding::Ascii, LengthIndicator::LL_EBCDIC))
        .field(6, up_to(FieldContent::Ans, 99, FieldEncoding::Ascii, LengthIndicator::LL_BCD))
        .field(7, up_to(FieldContent::Ans, 999, FieldEncoding::Ascii, LengthIndicator::LLL_BCD))
        .field(8, up_to(FieldContent::Ans, 255, FieldEncoding::Ascii, LengthIndicator::LL_BINARY))
        .field(
            9,
            up_to(FieldContent::Ans, 9_999, FieldEncoding::Ascii, LengthIndicator::LLL_BINARY),
        )
        .field(
            10,
            up_to(
                FieldContent::B,
                9_999,
                FieldEncoding::Binary,
                LengthIndicator::elements(4, LengthIndicatorEncoding::Bcd),
            ),
        )
        .field(11, up_to(FieldContent::B, 99, FieldEncoding::Hex, LengthIndicator::LL_ASCII))
        .field(
            12,
            up_to(
                FieldContent::B,
                99,
                FieldEncoding::Hex,
                LengthIndicator::LLL_ASCII.counting_bytes(),
            ),
        );
    for (field, length, count) in [
        (2, 7, "37"),
        (3, 12, "3132"),
        (4, 123, "313233"),
        (5, 12, "F1F2"),
        (6, 12, "12"),
        (7, 123, "0123"),
        (8, 200, "C8"),
        (9, 300, "012C"),
        (10, 1234, "1234"),
        (11, 12, "3132"),
        (12, 12, "303234"),
    ] {
        let value = vec![b'a'; length];
        let bytes = MessageBuilder::new(&COUNTS, Mti::M0800).bytes(field, &value).build().unwrap();
        assert!(to_hex(&bytes[10..]).starts_with(count), "{field}: {}", to_hex(&bytes[10..]));
        let message = COUNTS.parse(&bytes).unwrap();
        assert_eq!(message.get(field).unwrap().len(), length, "{field}");
    }
}

#[test]
fn an_odd_number_of_digits_is_padded_on_either_side() {
    const fn n(padding: FieldPadding, count: LengthIndicator) -> FieldSpec {
        up_to(FieldContent::N, 19, FieldEncoding::Bcd, count).with_padding(padding)
    }
    static PADDED: Packager = Packager::new("padded", MtiEncoding::Bcd, BitmapEncoding::Raw)
        .field(2, n(FieldPadding::Left(b'0'), LengthIndicator::LL_BCD))
        .field(3, n(FieldPadding::Right(b'0'), LengthIndicator::LL_BCD))
        .field(4, n(FieldPadding::Left(b'F'), LengthIndicator::LL_BCD))
        .field(5, n(FieldPadding::Right(b'F'), LengthIndicator::LL_BCD))
        .field(6, n(FieldPadding::Left(b'F'), LengthIndicator::LL_BCD.counting_bytes()))
        .field(7, n(FieldPadding::Right(b'F'), LengthIndicator::LL_BINARY.counting_bytes()))
        .field(8, FieldSpec::fixed("fixed", FieldContent::N, 3, FieldEncoding::Bcd));
    let mut builder = MessageBuilder::new(&PADDED, Mti::M0800);
    for field in 2..=8 {
        builder.text(field, "123");
    }
    let bytes = builder.build().unwrap();
    let expected = "030123 031230 03F123 03123F 02F123 02123F 0123".replace(' ', "");
    assert_eq!(to_hex(&bytes[10..]), expected);
    let message = PADDED.parse(&bytes).unwrap();
    for field in message.fields() {
        assert_eq!(field.text().unwrap(), "123", "{field:?}");
    }
    let even =
        MessageBuilder::new(&PADDED, Mti::M0800).text(6, "12").text(7, "1234").build().unwrap();
    assert_eq!(to_hex(&even[10..]), "0112021234");
    let even = PADDED.parse(&even).unwrap();
    assert_eq!((even.number(6), even.number(7)), (Ok(12), Ok(1_234)));
}
