//! Lengths before messages.

use iso8583::framing::{FRAME_BYTES_MAX, Framing, FramingError};

use crate::desk::hex;

#[test]
fn each_framing_is_these_bytes() {
    let payload = vec![0xAB; 300];
    for (framing, head) in [
        (Framing::Be2, "012C"),
        (Framing::Be2Inclusive, "012E"),
        (Framing::Le2, "2C01"),
        (Framing::Be2Zero2, "012C0000"),
        (Framing::Be4, "0000012C"),
        (Framing::Bcd2, "0300"),
        (Framing::Ascii4, "30333030"),
        (Framing::Ascii4Inclusive, "30333034"),
    ] {
        let mut stream = Vec::new();
        framing.write(&mut stream, &payload).unwrap();
        assert_eq!(stream[..framing.head_bytes()], hex(head), "{framing:?}");
        stream.extend_from_slice(b"the next");
        let head = framing.head_bytes();
        let found = framing.frame(&stream, FRAME_BYTES_MAX).unwrap();
        assert_eq!(found, Some((head..head + 300, head + 300)));
        for cut in 0..head + 300 {
            assert_eq!(framing.frame(&stream[..cut], FRAME_BYTES_MAX), Ok(None), "{cut}");
        }
    }
}

#[test]
fn an_empty_message_is_a_frame() {
    for framing in Framing::ALL {
        let mut stream = Vec::new();
        framing.write(&mut stream, &[]).unwrap();
        let head = framing.head_bytes();
        assert_eq!(framing.frame(&stream, 0), Ok(Some((head..head, head))));
    }
}

#[test]
fn the_limit_holds_as_soon_as_the_length_is_there() {
    for framing in Framing::ALL {
        let mut stream = Vec::new();
        framing.write(&mut stream, &[0; 2_049]).unwrap();
        let error = FramingError::TooLong { bytes: 2_049, limit: FRAME_BYTES_MAX };
        let head = &stream[..framing.head_bytes()];
        assert_eq!(framing.frame(head, FRAME_BYTES_MAX), Err(error));
        assert!(framing.frame(&stream, 2_049).unwrap().is_some());
    }
    let endless = framing_error(Framing::Be4, "FFFFFFFF");
    assert_eq!(endless, "a frame of 4294967295 bytes is longer than the 2048 that are allowed");
}

#[test]
fn a_malformed_length_is_told() {
    for (framing, head, said) in [
        (Framing::Be2Inclusive, "0001", "a length of 1 counts itself and must be at least 2"),
        (
            Framing::Ascii4Inclusive,
            "30303033",
            "a length of 3 counts itself and must be at \
            least 4",
        ),
        (
            Framing::Bcd2,
            "010A",
            "byte 1 of the length is not a digit; is the other side's \
            framing the same?",
        ),
        (
            Framing::Ascii4,
            "30302030",
            "byte 2 of the length is not a digit; is the other side's \
            framing the same?",
        ),
        (
            Framing::Be2Zero2,
            "00010001",
            "byte 3 before the message must be zero; is the other \
            side's framing the same?",
        ),
    ] {
        assert_eq!(framing_error(framing, head), said);
    }
}

fn framing_error(framing: Framing, head: &str) -> String {
    framing.frame(&hex(head), FRAME_BYTES_MAX).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_written_is_refused_and_nothing_is_added() {
    for framing in Framing::ALL.into_iter().filter(|framing| *framing != Framing::Be4) {
        let mut stream = vec![1];
        let bytes = framing.payload_bytes_max();
        let largest = vec![0; bytes];
        framing.write(&mut stream, &largest).unwrap();
        assert!(framing.frame(&stream[1..], bytes).unwrap().is_some());
        let mut stream = vec![1];
        let error = framing.write(&mut stream, &vec![0; bytes + 1]).unwrap_err();
        assert_eq!(error, FramingError::TooLong { bytes: bytes + 1, limit: bytes });
        assert_eq!(stream, [1]);
    }
}
