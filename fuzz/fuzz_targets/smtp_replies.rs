//! Arbitrary answers of a mail server: each is read or refused, what is read lies inside the bytes,
//! and no reason or receipt names a recipient. The same bytes in two pieces are read as far.

#![no_main]

use channels::fuzzing::smtp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [cut, bytes @ ..] = bytes else { return };
    let whole = smtp(bytes);
    assert!(whole <= bytes.len());
    let (front, _) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    let begun = smtp(front);
    assert!(begun <= whole && begun + smtp(&bytes[begun..]) == whole);
});
