use iso8583::tpdu::EnvelopeError;
use iso8583::{Envelope, PosHeader, Tpdu};

use crate::support::hex;

#[test]
fn an_envelope_is_split_off_and_reversed_for_the_answer() {
    let frame = hex("60 0003 8071 613100311000 0800");
    let (tpdu, header, message) = Envelope::parse(&frame).unwrap();
    assert_eq!(tpdu, Tpdu { destination: 0x0003, source: 0x8071 });
    assert_eq!(tpdu.to_string(), "60 0003 8071");
    assert_eq!(header, PosHeader::NORMAL);
    assert_eq!((header.application(), header.state(), header.requested_action()), (0x61, 0, 0));
    assert_eq!(message, hex("0800"));
    let mut written = Vec::new();
    Envelope { tpdu, header }.write(&mut written, message);
    assert_eq!(written, frame);
    written.clear();
    let envelope = Envelope { tpdu, header: header.with_requested_action(3) };
    envelope.reply().write(&mut written, &hex("0810"));
    assert_eq!(written, hex("60 8071 0003 613103311000 0810"));
}

#[test]
fn a_short_or_foreign_frame_is_refused() {
    for length in 0..Envelope::BYTES {
        let error = Envelope::parse(&[0x60; 10][..length]).unwrap_err();
        assert_eq!(error, EnvelopeError::CutShort { found: length });
    }
    let error = Envelope::parse(&[0x61; 20]).unwrap_err();
    assert_eq!(error.to_string(), "the TPDU begins with 61 instead of 60");
    assert!(Envelope::parse(&[0x60; 11]).unwrap().2.is_empty());
}
