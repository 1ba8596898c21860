use iso8583::composite::CompositeError;
use iso8583::packagers::{FIELD_48_TOTALS, FIELD_60, FIELD_61, FIELD_63, FIELD_90};

#[test]
fn the_original_of_a_reversal_is_split() {
    let parts = FIELD_90.split(b"020000331609080645190000000020000000000000").unwrap();
    let numbers: Vec<u64> = (0..5).map(|index| parts.number(index).unwrap()).collect();
    assert_eq!(numbers, [200, 3_316, 908_064_519, 200, 0]);
    assert_eq!(parts.get(0), Some(&b"0200"[..]));
}

#[test]
fn field_60_may_end_after_any_part_but_not_inside_one() {
    for (value, present) in [
        ("22000001", 2),
        ("22000001000", 3),
        ("220000010005", 4),
        ("22000001000500", 6),
        ("22000001000500000", 7),
    ] {
        let parts = FIELD_60.split(value.as_bytes()).unwrap();
        assert_eq!((0..8).filter(|index| parts.get(*index).is_some()).count(), present);
    }
    for (value, said) in [
        ("220", "field 60: 60.2 batch starts at 2 and needs 6 more, 1 are left"),
        (
            "2200000100",
            "field 60: 60.3 network management code starts at 8 and needs 3 more, 2 \
            are left",
        ),
        ("220000010005000001", "field 60: its parts end at 17, and 1 more follow"),
    ] {
        assert_eq!(FIELD_60.split(value.as_bytes()).unwrap_err().to_string(), said);
    }
}

#[test]
fn errors_name_parts_that_are_missing_or_not_numbers() {
    let parts = FIELD_60.split(b"22000001").unwrap();
    let missing = parts.number(2).unwrap_err();
    assert_eq!(missing.to_string(), "field 60: 60.3 network management code is missing");
    let parts = FIELD_63.split(b"CUP some text").unwrap();
    assert_eq!(parts.bytes(1).unwrap(), b" some text");
    let error = parts.number(0).unwrap_err();
    assert_eq!(error.to_string(), "field 63: 63.1 card organisation or operator is not a number");
    assert_eq!(format!("{parts:?}"), "field 63: ••• (13 in 2 parts)");
}

#[test]
fn parts_are_joined_with_leading_zeros() {
    assert_eq!(&*FIELD_60.join(&[b"22", b"1", b"0"]).unwrap(), b"22000001000");
    assert_eq!(&*FIELD_61.join(&[b"7", b"42", b"1122"]).unwrap(), b"0000070000421122");
    assert_eq!(&*FIELD_63.join(&[b"CUP", b"text"]).unwrap(), b"CUPtext");
    let totals = [b"125000", &b"3"[..], b"0", b"0", b"0", b"0", b"0", b"0", b"0", b"0"];
    let totals = FIELD_48_TOTALS.join(&totals).unwrap();
    assert_eq!(totals.len(), 62);
    assert_eq!(FIELD_48_TOTALS.split(&totals).unwrap().number(0), Ok(125_000));
    for error in [
        FIELD_60.join(&[b"22"]).unwrap_err(),
        FIELD_60.join(&[b"222", b"1"]).unwrap_err(),
        FIELD_63.join(&[b"CU"]).unwrap_err(),
        FIELD_63.join(&[b"CUP", b"", b""]).unwrap_err(),
    ] {
        assert!(!matches!(error, CompositeError::NotNumber { .. }), "{error}");
    }
}
