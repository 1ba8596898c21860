//! Arbitrary streams in every framing: frames lie inside the stream, stay below the limit, and are
//! the same when written again. The first byte selects the framing, the second the limit.

#![no_main]

use iso8583::framing::LengthFraming;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [choice, limit, stream @ ..] = bytes else { return };
    let framing = LengthFraming::ALL[usize::from(*choice) % LengthFraming::ALL.len()];
    let limit = usize::from(*limit) * 16;
    let mut rest = stream;
    while let Ok(Some((payload, end))) = framing.find_frame(rest, limit) {
        assert!(end <= rest.len() && payload.end == end && payload.len() <= limit);
        assert_eq!(payload.start, framing.length_bytes());
        let mut written = Vec::new();
        framing.write(&mut written, &rest[payload]).expect("it was read");
        assert_eq!(written, rest[..end]);
        rest = &rest[end..];
    }
});
