//! Arbitrary bytes as a bank statement in camt, MT940 or BAI2: read or refused, and what is read
//! adds up and is the same in the second pass.

#![no_main]

use std::io::Cursor;

use files::incoming::check::{FileFormat, ReadOptions, preview};
use files::incoming::guess::guess;
use files::incoming::parts::IncomingHead;
use libfuzzer_sys::fuzz_target;

/// The first byte of the input chooses the reader.
const FORMATS: [FileFormat; 3] = [FileFormat::Camt, FileFormat::Mt940, FileFormat::Bai2];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let format = FORMATS[usize::from(choice) % FORMATS.len()].clone();
    let options = ReadOptions::default();
    let _ = guess("file", bytes, &[]);
    let Ok((checked, parts)) = preview(Cursor::new(bytes), "f", format, &options, usize::MAX)
    else {
        return;
    };
    let IncomingHead::Statements(heads) = &checked.head else { panic!("a statement") };
    for head in heads {
        if let (Some(opening), Some(closing)) = (head.opening, head.closing) {
            let found = i128::from(opening.minor()) + head.moved;
            assert_eq!(found, i128::from(closing.minor()), "the balances add up");
        }
    }
    let mut again = 0;
    checked.stream(Cursor::new(bytes), &options, &mut |_| again += 1).expect("the same bytes");
    assert_eq!(again, parts.len());
});
