//! Card numbers, tracks and PINs are never shown, and are wiped (M12).

use iso8583::{Builder, ISO87_ASCII, Mti, SENSITIVE, UNIONPAY_POS, Wiped, wipe_sensitive};

use crate::desk::sale;

const SECRETS: [&str; 8] =
    ["62220212", "567890123", "29122010", "A1B2", "a1b2", "161, 178", "AABB", "xa1"];

fn assert_hidden(shown: &str) {
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret} is shown in {shown}");
    }
}

#[test]
fn debug_shows_how_many_bytes_a_secret_has_and_no_more() {
    assert_eq!(SENSITIVE, [2, 35, 36, 45, 52, 55]);
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
    let wrong = Builder::new(&UNIONPAY_POS, Mti::M0200).text(2, "6222021234567X").build();
    assert_hidden(&format!("{0} {0:?}", wrong.unwrap_err()));
    let bytes = sale().build().unwrap();
    for cut in 0..bytes.len() {
        let error = UNIONPAY_POS.parse(&bytes[..cut]).unwrap_err();
        assert_hidden(&format!("{error} {error:?}"));
    }
}

#[test]
fn track_1_is_a_secret_where_a_packager_has_it() {
    let mut builder = Builder::new(&ISO87_ASCII, Mti::M0200);
    let bytes = builder.text(45, "B6222021234567890123^LI/LEI^2912").text(102, "62220299").build();
    let bytes = bytes.unwrap();
    let message = ISO87_ASCII.parse(&bytes).unwrap();
    assert_hidden(&format!("{message:?} {builder:?}"));
    assert!(!format!("{message:?} {builder:?}").contains("LI/LEI"));
}

#[test]
fn wiping_leaves_a_message_without_its_secrets() {
    let bytes = sale().build().unwrap();
    let mut wiped = bytes.to_vec();
    wipe_sensitive(&UNIONPAY_POS, &mut wiped);
    let message = UNIONPAY_POS.parse(&wiped).unwrap();
    for field in message.fields() {
        if SENSITIVE.contains(&field.id()) {
            assert!(field.raw().iter().all(|byte| *byte == 0), "field {}", field.id());
        } else {
            assert_eq!(Some(field), UNIONPAY_POS.parse(&bytes).unwrap().get(field.id()));
        }
    }
    assert_eq!(message.number(2), Ok(0));
}

#[test]
fn bytes_that_are_no_message_are_wiped_as_a_whole() {
    let mut bytes = sale().build().unwrap().to_vec();
    bytes.pop();
    wipe_sensitive(&UNIONPAY_POS, &mut bytes);
    assert!(bytes.iter().all(|byte| *byte == 0));
}

#[test]
fn a_wiped_buffer_is_an_ordinary_one_while_it_lasts() {
    let mut buffer = Wiped::with_capacity(1);
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
