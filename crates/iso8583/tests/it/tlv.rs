use iso8583::tlv::{DEPTH_MAX, Tag, TlvReader, TlvRule, TlvWriter, find};

use crate::support::{hex, to_hex};
use crate::unionpay::ANSWER;

fn read(text: &str) -> Result<Vec<(u32, String)>, String> {
    let bytes = hex(text);
    let objects: Result<Vec<_>, _> = TlvReader::new(&bytes).collect();
    let objects = objects.map_err(|error| error.to_string())?;
    Ok(objects.iter().map(|object| (object.tag.get(), to_hex(object.value))).collect())
}

fn tag(tag: u32) -> Tag {
    Tag::new(tag).unwrap()
}

#[test]
fn objects_with_any_tag_are_read() {
    let read =
        read("9F02 06 000000001250 95 05 0000008000 DF8129 02 ABCD 1F 80 7F 00 5A 00").unwrap();
    let values = [(0x9F02, "000000001250"), (0x95, "0000008000"), (0xDF_8129, "ABCD")];
    assert_eq!(read[..3], values.map(|(tag, value)| (tag, value.to_owned())));
    assert_eq!(read[3].0, 0x1F_807F);
    assert_eq!(read[4], (0x5A, String::new()));
}

#[test]
fn a_host_s_list_of_keys_is_read() {
    let answer = hex(ANSWER);
    // Field 62 starts with a digit, then repeats application, key index and date.
    let list = &answer[answer.len() - 276..];
    let objects: Vec<_> = TlvReader::new(list).map(Result::unwrap).collect();
    assert_eq!(objects.len(), 36);
    let dates = objects.iter().filter(|object| object.tag == tag(0xDF05));
    assert!(dates.into_iter().all(|object| object.value.starts_with(b"20")));
}

#[test]
fn long_lengths_are_read_and_written_in_their_shortest_form() {
    for (length, head) in [
        (0, "5A00"),
        (0x7F, "5A7F"),
        (0x80, "5A8180"),
        (0xFF, "5A81FF"),
        (0x100, "5A820100"),
        (0xFFFF, "5A82FFFF"),
        (0x1_0000, "5A83010000"),
    ] {
        let value = vec![0x11; length];
        let mut writer = TlvWriter::new();
        writer.push(tag(0x5A), &value).unwrap();
        assert_eq!(to_hex(&writer.as_bytes()[..head.len() / 2]), head);
        let bytes = writer.into_bytes();
        let objects: Vec<_> = TlvReader::new(&bytes).map(Result::unwrap).collect();
        assert_eq!((objects.len(), objects[0].value), (1, &value[..]));
    }
    assert_eq!(read("5A 8300 0001 FF").unwrap(), [(0x5A, "FF".to_owned())]);
}

#[test]
fn invalid_tlv_is_reported_with_its_position() {
    for (text, said) in [
        ("9F", "TLV byte 1: 1 bytes are needed and 0 are left"),
        ("9F26", "TLV byte 2 (tag 9F26): 1 bytes are needed and 0 are left"),
        ("9F2608 1122", "TLV byte 3 (tag 9F26): 8 bytes are needed and 2 are left"),
        ("95 82 01", "TLV byte 2 (tag 95): 2 bytes are needed and 1 are left"),
        ("6F 80 0000", "TLV byte 2 (tag 6F): an indefinite length (80) is not allowed"),
        (
            "95 84 00000001 00",
            "TLV byte 2 (tag 95): a length has at most three bytes after the \
            first",
        ),
        ("1FFFFFFFFF01", "TLV byte 4: a tag has at most 4 bytes"),
    ] {
        assert_eq!(read(text).unwrap_err(), said);
    }
}

#[test]
fn a_reader_ends_after_an_error() {
    let bytes = hex("9F2608 1122");
    let mut reader = TlvReader::new(&bytes);
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn zeros_between_objects_are_padding() {
    let objects = read("0000 950100 00 9A0101 0000").unwrap();
    assert_eq!(objects, [(0x95, "00".to_owned()), (0x9A, "01".to_owned())]);
}

#[test]
fn constructed_objects_are_searched_to_a_limited_depth() {
    let bytes = hex("6F 0C 84 02 A000 A5 06 BF0C 03 9F4D 00 95 01 80");
    assert_eq!(find(&bytes, tag(0x9F4D)), Ok(Some(&[][..])));
    assert_eq!(find(&bytes, tag(0x95)), Ok(Some(&[0x80][..])));
    assert_eq!(find(&bytes, tag(0x9F26)), Ok(None));
    let mut nested = Vec::new();
    for _ in 0..=DEPTH_MAX {
        let mut writer = TlvWriter::new();
        writer.push(tag(0x70), &nested).unwrap();
        nested = writer.into_bytes().to_vec();
    }
    assert_eq!(find(&nested, tag(0x95)).unwrap_err().rule, TlvRule::TooDeep);
    assert_eq!(find(&nested[2..], tag(0x95)), Ok(None));
}

#[test]
fn a_tag_must_be_complete() {
    for wrong in [0, 0x9F, 0x8226, 0x9F_2600, 0x1FFF_FFFF] {
        assert_eq!(Tag::new(wrong), None, "{wrong:X}");
    }
    for (right, bytes, constructed) in
        [(0x95, 1, false), (0x70, 1, true), (0x9F26, 2, false), (0xBF0C, 2, true)]
    {
        let tag = tag(right);
        assert_eq!((tag.len_bytes(), tag.is_constructed()), (bytes, constructed));
        assert_eq!(tag.to_string(), format!("{right:X}"));
    }
    assert_eq!(tag(0x1FFF_FF7F).len_bytes(), 4);
}
