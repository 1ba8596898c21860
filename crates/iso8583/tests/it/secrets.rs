//! Card numbers, tracks and PINs are never shown, and are wiped.

use iso8583::{
    ISO87_ASCII, MessageBuilder, Mti, SENSITIVE_FIELDS, UNIONPAY_POS, WipedBytes,
    wipe_sensitive_fields,
};

use crate::support::sale;

const SECRETS: [&str; 8] =
    ["62220212", "567890123", "29122010", "A1B2", "a1b2", "161, 178", "AABB", "xa1"];

fn assert_hidden(shown: &str) {
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret} is shown in {shown}");
    }
}

#[test]
fn debug_shows_only_the_length_of_a_secret() {
    assert_eq!(SENSITIVE_FIELDS, [2, 35, 36, 45, 52, 55]);
    let mut builder = sale();
    assert_hidden(&format!("{builder:?} {builder:#?}"));
    let bytes = builder.build().unwrap();
    assert_eq!(format!("{bytes:?}"), format!("••• ({} bytes)", bytes.len()));
    let message = UNIONPAY_POS.parse(&bytes).unwrap();
    let shown = format!("{message:?}");
    assert_hidden(&shown);
    assert!(shown.contains("2 primary account number: ••• (10 bytes)"), "{shown}");
    assert!(shown.contains("4 amount, transaction: \"000000001250\""), "{shown}");
    assert!(shown.contains("52 PIN block: ••• (8 bytes)"), "{shown}");
    assert_hidden(&format!("{:?}", message.text(2)));
    assert_hidden(&format!("{:?}", message.text(35)));
    let objects: Vec<_> = message.get(55).unwrap().tlv().unwrap().collect();
    let shown = format!("{objects:?} {:?}", message.get(55).unwrap().tlv());
    assert_hidden(&shown);
    assert!(shown.contains("9F26: ••• (8 bytes)"), "{shown}");
}

#[test]
fn errors_do_not_show_a_secret() {
    let wrong = MessageBuilder::new(&UNIONPAY_POS, Mti::M0200).text(2, "6222021234567X").build();
    assert_hidden(&format!("{0} {0:?}", wrong.unwrap_err()));
    let bytes = sale().build().unwrap();
    for cut in 0..bytes.len() {
        let error = UNIONPAY_POS.parse(&bytes[..cut]).unwrap_err();
        assert_hidden(&format!("{error} {error:?}"));
    }
}

#[test]
fn track_1_is_secret() {
    let mut builder = MessageBuilder::new(&ISO87_ASCII, Mti::M0200);
    let bytes = builder.text(45, "B6222021234567890123^LI/LEI^2912").text(102, "62220299").build();
    let bytes = bytes.unwrap();
    let message = ISO87_ASCII.parse(&bytes).unwrap();
    assert_hidden(&format!("{message:?} {builder:?}"));
    assert!(!format!("{message:?} {builder:?}").contains("LI/LEI"));
}

#[test]
fn wiping_removes_the_secrets_of_a_message() {
    let bytes = sale().build().unwrap();
    let mut wiped = bytes.to_vec();
    wipe_sensitive_fields(&UNIONPAY_POS, &mut wiped);
    let message = UNIONPAY_POS.parse(&wiped).unwrap();
    for field in message.fields() {
        if SENSITIVE_FIELDS.contains(&field.id()) {
            assert!(field.raw().iter().all(|byte| *byte == 0), "field {}", field.id());
        } else {
            assert_eq!(Some(field), UNIONPAY_POS.parse(&bytes).unwrap().get(field.id()));
        }
    }
    assert_eq!(message.number(2), Ok(0));
}

#[test]
fn bytes_that_do_not_parse_are_wiped_completely() {
    let mut bytes = sale().build().unwrap().to_vec();
    bytes.pop();
    wipe_sensitive_fields(&UNIONPAY_POS, &mut bytes);
    assert!(bytes.iter().all(|byte| *byte == 0));
}

#[test]
fn a_wiped_buffer_behaves_like_a_vector() {
    let mut buffer = WipedBytes::with_capacity(1);
    for byte in 0..100 {
        buffer.push(byte);
    }
    buffer.extend(b"end");
    assert_eq!(buffer.len(), 103);
    assert_eq!(buffer[99..], *b"\x63end");
    buffer.truncate(2);
    assert_eq!(*buffer, [0, 1]);
    buffer.clear();
    assert!(buffer.is_empty());
}
