//! Any stream by every framing: frames inside it, below the limit, and the same when written.
//! The first byte chooses the framing, the second the limit.

#![no_main]

use iso8583::framing::Framing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [choice, limit, stream @ ..] = bytes else { return };
    let framing = Framing::ALL[usize::from(*choice) % Framing::ALL.len()];
    let limit = usize::from(*limit) * 16;
    let mut rest = stream;
    while let Ok(Some((payload, end))) = framing.frame(rest, limit) {
        assert!(end <= rest.len() && payload.end == end && payload.len() <= limit);
        assert_eq!(payload.start, framing.head_bytes());
        let mut written = Vec::new();
        framing.write(&mut written, &rest[payload]).expect("it was read");
        assert_eq!(written, rest[..end]);
        rest = &rest[end..];
    }
});
