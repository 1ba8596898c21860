//! Arbitrary bytes as a clearing file or a bank statement: read or refused, and what is read adds
//! up.

#![no_main]

use files::incoming::bank_csv;
use files::incoming::clearing::{self, ClearingLayout};
use libfuzzer_sys::fuzz_target;

/// The first byte of the input chooses the reader.
const ENCODINGS: [&str; 4] = ["utf-8", "gbk", "utf-16le", "windows-1252"];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    match choice % 6 {
        0 => clearing_file(bytes, ClearingLayout::Requests),
        1 => clearing_file(bytes, ClearingLayout::Orders),
        other => bank_statement(bytes, ENCODINGS[usize::from(other - 2)]),
    }
});

fn clearing_file(bytes: &[u8], layout: ClearingLayout) {
    let Ok(read) = clearing::read(bytes, "clearing.csv", layout) else { return };
    assert_eq!(read.digest.len(), 64);
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    assert!(read.items.len() + 2 <= lines, "each item has a line");
    assert!(read.items.windows(2).all(|pair| pair[0].line < pair[1].line));
}

fn bank_statement(bytes: &[u8], encoding: &str) {
    let Ok(read) = bank_csv::read(bytes, "bank.csv", Some(encoding)) else { return };
    let moved: i128 = read.entries.iter().map(|entry| i128::from(entry.amount.minor())).sum();
    let closing = i128::from(read.opening.minor()) + moved;
    assert_eq!(closing, i128::from(read.closing.minor()), "the balances add up");
    assert!(read.opened_on <= read.closed_on);
    assert!(read.entries.iter().all(|entry| entry.amount.minor() != 0));
}
