//! Any bytes by every packager: read or refused; what is read is built again and is the same.
//! The first byte chooses the packager.

#![no_main]

use iso8583::{
    BitmapEncoding, Builder, Content, Count, CountEncoding, Encoding, Field, FieldSpec,
    ISO87_ASCII, ISO87_BINARY, Message, MtiEncoding, Packager, Padding, SENSITIVE, UNIONPAY_POS,
    wipe_sensitive,
};
use libfuzzer_sys::fuzz_target;

/// What the three that come with the codec do not have: EBCDIC, counts of bytes, hexadecimal.
static ODD: Packager = Packager::new("odd", MtiEncoding::Ebcdic, BitmapEncoding::HexEbcdic)
    .field(2, up_to(Content::N, 19, Encoding::Ebcdic, Count::LL_EBCDIC))
    .field(
        3,
        up_to(Content::N, 19, Encoding::Bcd, Count::LL_BCD.of_bytes()).padded(Padding::Right(b'F')),
    )
    .field(
        4,
        up_to(Content::Z, 37, Encoding::Bcd, Count::LL_BINARY.of_bytes())
            .padded(Padding::Left(b'F')),
    )
    .field(5, up_to(Content::Xn, 17, Encoding::Bcd, Count::LL_ASCII.of_bytes()))
    .field(6, up_to(Content::B, 499, Encoding::Hex, Count::LLL_ASCII.of_bytes()))
    .field(7, up_to(Content::Ans, 9_999, Encoding::Ebcdic, Count::LLL_BINARY))
    .field(8, up_to(Content::An, 9, Encoding::Ascii, Count::elements(1, CountEncoding::Ascii)))
    .field(9, up_to(Content::N, 18, Encoding::Bcd, Count::LL_BCD.of_bytes()))
    .field(10, FieldSpec::fixed("ten", Content::Xn, 9, Encoding::Ebcdic))
    .field(11, FieldSpec::fixed("eleven", Content::N, 5, Encoding::Bcd))
    .field(12, FieldSpec::fixed("twelve", Content::Z, 5, Encoding::Ebcdic))
    .field(64, FieldSpec::fixed("mac", Content::B, 8, Encoding::Binary))
    .field(128, FieldSpec::fixed("mac", Content::B, 8, Encoding::Hex));

const fn up_to(content: Content, max: u16, encoding: Encoding, count: Count) -> FieldSpec {
    FieldSpec::up_to("variable", content, max, encoding, count)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let packager = [&UNIONPAY_POS, &ISO87_ASCII, &ISO87_BINARY, &ODD][usize::from(choice % 4)];
    let message = match packager.parse(bytes) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error}");
            return;
        }
    };
    drop(format!("{message:?}"));
    if let Some(before) = message.before_mac() {
        assert!(before.len() + 8 <= bytes.len());
        assert!(message.mac().is_some());
    }
    same_when_copied(packager, &message);
    same_when_set(packager, &message);
    wiped(packager, &message);
});

fn same_when_copied(packager: &'static Packager, message: &Message<'_>) {
    let mut again = Builder::new(packager, message.mti());
    for field in message.fields() {
        again.copy_field(&field);
    }
    let again = again.build().expect("what was received can be sent");
    let again = packager.parse(&again).expect("what was built can be read");
    assert!(again.fields().eq(message.fields()));
}

fn same_when_set(packager: &'static Packager, message: &Message<'_>) {
    for field in message.fields() {
        let mut again = Builder::new(packager, message.mti());
        let characters = field.spec().content() != Content::B;
        match (field.text(), field.bytes()) {
            (Ok(text), _) => again.text(field.id(), text),
            (Err(_), Ok(bytes)) => again.bytes(field.id(), bytes),
            (Err(_), Err(_)) => continue,
        };
        // Reading takes any character in `an` and `ans`, writing only those of the content.
        let Ok(bytes) = again.build() else {
            assert!(characters, "{field:?}");
            continue;
        };
        let read = packager.parse(&bytes).expect("what was built can be read");
        assert!(same(&read.get(field.id()).expect("it was set"), &field), "{field:?}");
    }
}

fn same(read: &Field<'_>, field: &Field<'_>) -> bool {
    // On a track in characters, `D` is written as the separator that it stands for.
    read == field || field.spec().content() == Content::Z
}

fn wiped(packager: &'static Packager, message: &Message<'_>) {
    let mut bytes = message.as_bytes().to_vec();
    wipe_sensitive(packager, &mut bytes);
    assert_eq!(bytes.len(), message.as_bytes().len());
    if let Ok(wiped) = packager.parse(&bytes) {
        for field in wiped.fields().filter(|field| SENSITIVE.contains(&field.id())) {
            assert!(field.raw().iter().all(|byte| *byte == 0));
        }
    }
}
