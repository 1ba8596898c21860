//! Which bytes a MAC covers, and where it goes.

use std::convert::Infallible;

use iso8583::{
    BitmapEncoding, BuildRule, FieldContent, FieldEncoding, FieldSpec, ISO87_ASCII, ISO87_BINARY,
    MacBuildError, MessageBuilder, Mti, MtiEncoding, Packager, UNIONPAY_POS,
};

use crate::support::sale;

const MAC: [u8; 8] = *b"5FE058DB";

#[test]
fn the_mac_is_last_and_covers_the_message_with_its_bit_set() {
    let mut covered = Vec::new();
    let bytes = sale()
        .build_with_mac(|bytes| {
            covered = bytes.to_vec();
            Ok::<_, Infallible>(MAC)
        })
        .unwrap();
    assert_eq!(&bytes[..bytes.len() - 8], &covered[..]);
    assert_eq!(&bytes[bytes.len() - 8..], &MAC);
    let message = UNIONPAY_POS.parse(&bytes).unwrap();
    assert_eq!(message.mac_input(), Some(&covered[..]));
    assert_eq!(message.mac(), Some(MAC));
}

#[test]
fn with_a_second_bitmap_the_mac_is_in_field_128() {
    for packager in [&ISO87_ASCII, &ISO87_BINARY] {
        let bytes = MessageBuilder::new(packager, Mti::M0800)
            .number(11, 1)
            .number(70, 301)
            .build_with_mac(|_| Ok::<_, Infallible>(MAC))
            .unwrap();
        let message = packager.parse(&bytes).unwrap();
        assert!(message.has(128) && !message.has(64));
        assert_eq!(message.mac(), Some(MAC));
        let hexadecimal = if std::ptr::eq(packager, &ISO87_ASCII) { 16 } else { 8 };
        assert_eq!(message.mac_input(), Some(&bytes[..bytes.len() - hexadecimal]));
    }
}

#[test]
fn a_missing_or_misplaced_mac_covers_nothing() {
    let bytes = MessageBuilder::new(&ISO87_BINARY, Mti::M0800).number(11, 1).build().unwrap();
    assert_eq!(ISO87_BINARY.parse(&bytes).unwrap().mac_input(), None);
    let bytes = MessageBuilder::new(&ISO87_BINARY, Mti::M0800)
        .bytes(64, MAC)
        .number(70, 1)
        .build()
        .unwrap();
    let message = ISO87_BINARY.parse(&bytes).unwrap();
    assert_eq!((message.mac_input(), message.mac()), (None, None));
}

#[test]
fn a_mac_error_is_returned_unless_a_value_is_wrong() {
    let error = sale().build_with_mac(|_| Err::<[u8; 8], _>("no such key")).unwrap_err();
    assert_eq!(error.to_string(), "the MAC could not be computed: no such key");
    let error = sale().number(11, 1_000_000).build_with_mac(|_| Ok::<_, &str>(MAC)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "field 11 (system trace audit number) takes 6 elements, 7 were given"
    );
}

#[test]
fn a_packager_without_a_mac_field_refuses_a_mac() {
    static PLAIN: Packager = Packager::new("plain", MtiEncoding::Bcd, BitmapEncoding::Raw)
        .field(3, FieldSpec::fixed("three", FieldContent::N, 6, FieldEncoding::Bcd));
    let mut builder = MessageBuilder::new(&PLAIN, Mti::M0200);
    let error = builder.number(3, 1).build_with_mac(|_| Ok::<_, &str>(MAC)).unwrap_err();
    let MacBuildError::Build(error) = error else { panic!("{error}") };
    assert_eq!((error.field, error.rule), (64, BuildRule::Undefined));
}
