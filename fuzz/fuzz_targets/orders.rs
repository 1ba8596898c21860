//! Arbitrary bytes as an order export: read or refused, and each line is in exactly one class.

#![no_main]

use files::orders::{FileRole, Importer};
use files::profile::Profile;
use libfuzzer_sys::fuzz_target;

/// The first byte of the input chooses one.
const ENCODINGS: [&str; 5] = ["utf-8", "gbk", "utf-16le", "shift_jis", "windows-1252"];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let choice = usize::from(choice);
    let name = if choice % 2 == 0 { "doorstep" } else { "shopify" };
    let profile = Profile::built_in(name).expect("a built-in profile");
    let profile = profile.with_encoding(ENCODINGS[choice / 2 % ENCODINGS.len()]);
    let mut profile = profile.expect("a known encoding");
    if profile.needs_seller() {
        profile = profile.with_seller("S").expect("a reference");
    }
    let shop = (choice >= 128).then_some("shop");
    let importer = Importer::new(&profile).expect("the profile has a seller");
    let Ok(importer) = importer.read(FileRole::Orders, shop, "orders.csv", bytes) else { return };
    let import = importer.finish().expect("the only file was read");
    let lines: u64 = import.report.files.iter().map(|file| file.lines).sum();
    assert_eq!(import.report.lines.total(), lines, "each line is in one class");
    assert_eq!(import.report.lines.bad == 0, import.report.errors_total() == 0);
    let due: u128 = import.parcels.iter().map(|one| u128::from(one.amount_due.minor())).sum();
    assert_eq!(import.report.amount_due.values().sum::<u128>(), due);
});
