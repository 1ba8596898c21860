use iso8583::framing::{FRAME_BYTES_MAX, FramingError, LengthFraming};

use crate::support::hex;

#[test]
fn each_framing_has_the_expected_bytes() {
    let payload = vec![0xAB; 300];
    for (framing, head) in [
        (LengthFraming::Be2, "012C"),
        (LengthFraming::Be2Inclusive, "012E"),
        (LengthFraming::Le2, "2C01"),
        (LengthFraming::Be2Zero2, "012C0000"),
        (LengthFraming::Be4, "0000012C"),
        (LengthFraming::Bcd2, "0300"),
        (LengthFraming::Ascii4, "30333030"),
        (LengthFraming::Ascii4Inclusive, "30333034"),
    ] {
        let mut stream = Vec::new();
        framing.write(&mut stream, &payload).unwrap();
        assert_eq!(stream[..framing.length_bytes()], hex(head), "{framing:?}");
        stream.extend_from_slice(b"the next");
        let head = framing.length_bytes();
        let found = framing.find_frame(&stream, FRAME_BYTES_MAX).unwrap();
        assert_eq!(found, Some((head..head + 300, head + 300)));
        for cut in 0..head + 300 {
            assert_eq!(framing.find_frame(&stream[..cut], FRAME_BYTES_MAX), Ok(None), "{cut}");
        }
    }
}

#[test]
fn an_empty_message_is_a_frame() {
    for framing in LengthFraming::ALL {
        let mut stream = Vec::new();
        framing.write(&mut stream, &[]).unwrap();
        let head = framing.length_bytes();
        assert_eq!(framing.find_frame(&stream, 0), Ok(Some((head..head, head))));
    }
}

#[test]
fn the_limit_is_checked_as_soon_as_the_length_has_arrived() {
    for framing in LengthFraming::ALL {
        let mut stream = Vec::new();
        framing.write(&mut stream, &[0; 2_049]).unwrap();
        let error = FramingError::TooLong { bytes: 2_049, limit: FRAME_BYTES_MAX };
        let head = &stream[..framing.length_bytes()];
        assert_eq!(framing.find_frame(head, FRAME_BYTES_MAX), Err(error));
        assert!(framing.find_frame(&stream, 2_049).unwrap().is_some());
    }
    let endless = framing_error(LengthFraming::Be4, "FFFFFFFF");
    assert_eq!(endless, "a frame of 4294967295 bytes exceeds the limit of 2048");
}

#[test]
fn a_malformed_length_is_reported() {
    for (framing, head, said) in [
        (
            LengthFraming::Be2Inclusive,
            "0001",
            "a length of 1 includes itself and must be at least 2",
        ),
        (
            LengthFraming::Ascii4Inclusive,
            "30303033",
            "a length of 3 includes itself and must be at least 4",
        ),
        (
            LengthFraming::Bcd2,
            "010A",
            "byte 1 of the length is not a digit; does the other side use the same framing?",
        ),
        (
            LengthFraming::Ascii4,
            "30302030",
            "byte 2 of the length is not a digit; does the other side use the same framing?",
        ),
        (
            LengthFraming::Be2Zero2,
            "00010001",
            "byte 3 before the message must be zero; does the other side use the same framing?",
        ),
    ] {
        assert_eq!(framing_error(framing, head), said);
    }
}

fn framing_error(framing: LengthFraming, head: &str) -> String {
    framing.find_frame(&hex(head), FRAME_BYTES_MAX).unwrap_err().to_string()
}

#[test]
fn a_length_that_cannot_be_written_leaves_the_buffer_unchanged() {
    for framing in LengthFraming::ALL.into_iter().filter(|framing| *framing != LengthFraming::Be4) {
        let mut stream = vec![1];
        let bytes = framing.payload_bytes_max();
        let largest = vec![0; bytes];
        framing.write(&mut stream, &largest).unwrap();
        assert!(framing.find_frame(&stream[1..], bytes).unwrap().is_some());
        let mut stream = vec![1];
        let error = framing.write(&mut stream, &vec![0; bytes + 1]).unwrap_err();
        assert_eq!(error, FramingError::TooLong { bytes: bytes + 1, limit: bytes });
        assert_eq!(stream, [1]);
    }
}
