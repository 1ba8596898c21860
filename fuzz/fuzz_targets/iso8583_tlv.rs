//! Arbitrary bytes as BER-TLV: read or refused; what was read is the same when written and read
//! again.

#![no_main]

use iso8583::tlv::{Tag, TlvReader, TlvWriter, find};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = find(bytes, Tag::new(0x9F26).expect("a tag"));
    drop(format!("{:?}", TlvReader::new(bytes)));
    let objects = match TlvReader::new(bytes).collect::<Result<Vec<_>, _>>() {
        Ok(objects) => objects,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error}");
            return;
        }
    };
    let mut writer = TlvWriter::new();
    for object in &objects {
        assert_eq!(Tag::new(object.tag.get()), Some(object.tag), "a tag that was read is one");
        writer.push(object.tag, object.value).expect("it was read");
    }
    assert!(writer.as_bytes().len() <= bytes.len(), "the shortest form");
    let again: Result<Vec<_>, _> = TlvReader::new(writer.as_bytes()).collect();
    assert_eq!(again.expect("it was written"), objects);
});
