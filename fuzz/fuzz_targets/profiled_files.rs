//! Arbitrary bytes as a file of each built-in profile, zip archives included, and as a profile.

#![no_main]

use std::io::Cursor;

use files::incoming::check::{FileFormat, ReadOptions, preview};
use files::incoming::profile::FileProfile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    if let Ok(text) = str::from_utf8(bytes) {
        let _ = FileProfile::parse(text);
    }
    let count = FileProfile::names().count();
    let name = FileProfile::names().nth(usize::from(choice) % count).expect("a profile");
    let format = FileFormat::find(name).expect("a built-in profile");
    let options = ReadOptions::default();
    let file = "IND16010132 INO16010132 INN16010132";
    let Ok((checked, parts)) = preview(Cursor::new(bytes), file, format, &options, usize::MAX)
    else {
        return;
    };
    assert_eq!(checked.head.parts(), parts.len() as u64);
    let mut again = Vec::new();
    checked
        .stream(Cursor::new(bytes), &options, &mut |part| again.push(part))
        .expect("the same bytes");
    assert_eq!(again, parts);
});
