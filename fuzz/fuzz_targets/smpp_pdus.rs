//! Arbitrary bytes of an SMS centre: each PDU is read or refused, and what is read lies inside the
//! bytes. The same bytes in two pieces are read as far.

#![no_main]

use channels::fuzzing::smpp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [cut, bytes @ ..] = bytes else { return };
    let whole = smpp(bytes);
    assert!(whole <= bytes.len());
    let (front, _) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    let begun = smpp(front);
    assert!(begun <= whole && begun + smpp(&bytes[begun..]) == whole);
});
