//! Arbitrary bytes in every packager: parsed or refused; a parsed message is the same when built
//! again. The first byte selects the packager.

#![no_main]

use iso8583::{
    BitmapEncoding, DOORSTEP_CARD, DOORSTEP_POS, Field, FieldContent, FieldEncoding, FieldPadding,
    FieldSpec, ISO87_ASCII, ISO87_BINARY, LengthIndicator, LengthIndicatorEncoding, Message,
    MessageBuilder, MtiEncoding, Packager, SENSITIVE_FIELDS, UNIONPAY_POS, wipe_sensitive_fields,
};
use libfuzzer_sys::fuzz_target;

/// Encodings that the included packagers lack: EBCDIC, lengths in bytes, hexadecimal.
static ODD: Packager = Packager::new("odd", MtiEncoding::Ebcdic, BitmapEncoding::HexEbcdic)
    .field(2, up_to(FieldContent::N, 19, FieldEncoding::Ebcdic, LengthIndicator::LL_EBCDIC))
    .field(
        3,
        up_to(FieldContent::N, 19, FieldEncoding::Bcd, LengthIndicator::LL_BCD.counting_bytes())
            .with_padding(FieldPadding::Right(b'F')),
    )
    .field(
        4,
        up_to(FieldContent::Z, 37, FieldEncoding::Bcd, LengthIndicator::LL_BINARY.counting_bytes())
            .with_padding(FieldPadding::Left(b'F')),
    )
    .field(
        5,
        up_to(FieldContent::Xn, 17, FieldEncoding::Bcd, LengthIndicator::LL_ASCII.counting_bytes()),
    )
    .field(
        6,
        up_to(
            FieldContent::B,
            499,
            FieldEncoding::Hex,
            LengthIndicator::LLL_ASCII.counting_bytes(),
        ),
    )
    .field(7, up_to(FieldContent::Ans, 9_999, FieldEncoding::Ebcdic, LengthIndicator::LLL_BINARY))
    .field(
        8,
        up_to(
            FieldContent::An,
            9,
            FieldEncoding::Ascii,
            LengthIndicator::elements(1, LengthIndicatorEncoding::Ascii),
        ),
    )
    .field(
        9,
        up_to(FieldContent::N, 18, FieldEncoding::Bcd, LengthIndicator::LL_BCD.counting_bytes()),
    )
    .field(10, FieldSpec::fixed("ten", FieldContent::Xn, 9, FieldEncoding::Ebcdic))
    .field(11, FieldSpec::fixed("eleven", FieldContent::N, 5, FieldEncoding::Bcd))
    .field(12, FieldSpec::fixed("twelve", FieldContent::Z, 5, FieldEncoding::Ebcdic))
    .field(64, FieldSpec::fixed("mac", FieldContent::B, 8, FieldEncoding::Binary))
    .field(128, FieldSpec::fixed("mac", FieldContent::B, 8, FieldEncoding::Hex));

const fn up_to(
    content: FieldContent,
    max: u16,
    encoding: FieldEncoding,
    count: LengthIndicator,
) -> FieldSpec {
    FieldSpec::variable("variable", content, max, encoding, count)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let all = [&UNIONPAY_POS, &ISO87_ASCII, &ISO87_BINARY, &ODD, &DOORSTEP_POS, &DOORSTEP_CARD];
    let packager = all[usize::from(*choice) % all.len()];
    let message = match packager.parse(bytes) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error}");
            return;
        }
    };
    drop(format!("{message:?}"));
    if let Some(before) = message.mac_input() {
        assert!(before.len() + 8 <= bytes.len());
        assert!(message.mac().is_some());
    }
    same_when_copied(packager, &message);
    same_when_set(packager, &message);
    wiped(packager, &message);
});

fn same_when_copied(packager: &'static Packager, message: &Message<'_>) {
    let mut again = MessageBuilder::new(packager, message.mti());
    for field in message.fields() {
        again.copy_field(&field);
    }
    let again = again.build().expect("what was received can be sent");
    let again = packager.parse(&again).expect("what was built can be read");
    assert!(again.fields().eq(message.fields()));
}

fn same_when_set(packager: &'static Packager, message: &Message<'_>) {
    for field in message.fields() {
        let mut again = MessageBuilder::new(packager, message.mti());
        let characters = field.spec().content() != FieldContent::B;
        match (field.text(), field.bytes()) {
            (Ok(text), _) => again.text(field.id(), text),
            (Err(_), Ok(bytes)) => again.bytes(field.id(), bytes),
            (Err(_), Err(_)) => continue,
        };
        // Parsing accepts any character in `an` and `ans`; building accepts only those of the
        // content.
        let Ok(bytes) = again.build() else {
            assert!(characters, "{field:?}");
            continue;
        };
        let read = packager.parse(&bytes).expect("what was built can be read");
        assert!(same(&read.get(field.id()).expect("it was set"), &field), "{field:?}");
    }
}

fn same(read: &Field<'_>, field: &Field<'_>) -> bool {
    // On a track in characters, `D` is written as the separator.
    read == field || field.spec().content() == FieldContent::Z
}

fn wiped(packager: &'static Packager, message: &Message<'_>) {
    let mut bytes = message.as_bytes().to_vec();
    wipe_sensitive_fields(packager, &mut bytes);
    assert_eq!(bytes.len(), message.as_bytes().len());
    if let Ok(wiped) = packager.parse(&bytes) {
        for field in wiped.fields().filter(|field| SENSITIVE_FIELDS.contains(&field.id())) {
            assert!(field.raw().iter().all(|byte| *byte == 0));
        }
    }
}
