//! How programs write text: encodings, line ends, delimiters, empty values, times.

use encoding_rs::{BIG5, GBK, SHIFT_JIS, WINDOWS_1252};
use files::orders::Import;
use files::profile::Profile;

use crate::support::{bad, counts, parcels, try_import};

const HEADER: &str = "order,seller,currency,amount_due\n";

fn doorstep() -> Profile {
    Profile::built_in("doorstep").unwrap()
}

fn import(bytes: &[u8]) -> Import {
    try_import(&doorstep(), bytes, None).unwrap()
}

#[test]
fn a_named_encoding_is_decoded() {
    for (name, encoding, seller) in [
        ("gbk", GBK, "张三的店"),
        ("GB2312", GBK, "张三的店"),
        ("big5", BIG5, "張三的店"),
        ("shift_jis", SHIFT_JIS, "東京の店"),
        ("windows-1252", WINDOWS_1252, "Café Müller"),
        ("latin1", WINDOWS_1252, "Café Müller"),
    ] {
        let text = format!("{HEADER}A1,{seller},CNY,1.00\n");
        let (bytes, _, failed) = encoding.encode(&text);
        assert!(!failed);
        let profile = doorstep().with_encoding(name).unwrap();
        let import = try_import(&profile, &bytes, None).unwrap();
        assert_eq!(parcels(&import), [format!("A1 {seller} CNY 1.00 × 1")], "{name}");
    }
    assert_eq!(
        doorstep().with_encoding("ebcdic").unwrap_err().to_string(),
        "there is no encoding `ebcdic`; use a name such as utf-8, gbk, gb18030, big5, shift_jis, \
         windows-1252, utf-16le"
    );
}

#[test]
fn a_byte_order_mark_tells_the_encoding() {
    let text = format!("\u{feff}{HEADER}A1,张三的店,CNY,1.00\n");
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [text.as_bytes(), &little, &big] {
        assert_eq!(parcels(&import(bytes)), ["A1 张三的店 CNY 1.00 × 1"]);
        let profile = doorstep().with_encoding("gbk").unwrap();
        let import = try_import(&profile, bytes, None).unwrap();
        assert_eq!(parcels(&import), ["A1 张三的店 CNY 1.00 × 1"], "the mark counts more");
    }
    let profile = doorstep().with_encoding("utf-16le").unwrap();
    let import = try_import(&profile, &little[2..], None).unwrap();
    assert_eq!(parcels(&import), ["A1 张三的店 CNY 1.00 × 1"]);
}

#[test]
fn bytes_that_the_encoding_does_not_have_are_named_with_their_line() {
    let profile = doorstep().with_encoding("gbk").unwrap();
    let text = [HEADER.as_bytes(), b"A1,S1,CNY,1\nA2,S\xFF,CNY,1\n"].concat();
    let error = try_import(&profile, &text, None).unwrap_err().to_string();
    assert!(error.starts_with("orders.csv:3: byte 49 of the file is not GBK; name"), "{error}");
    // A character that is cut off at the end of the file.
    let text = [HEADER.as_bytes(), b"A1,S1,CNY,1\nA2,S\xD5"].concat();
    let error = try_import(&profile, &text, None).unwrap_err().to_string();
    assert!(error.starts_with("orders.csv:3: byte 49 of the file is not GBK; name"), "{error}");
    // Half a character of UTF-16.
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend(HEADER.encode_utf16().flat_map(u16::to_le_bytes));
    bytes.extend([0x41, 0x00, 0x31]);
    let error = try_import(&doorstep(), &bytes, None).unwrap_err().to_string();
    assert!(error.starts_with("orders.csv:2: byte 70 of the file is not UTF-16LE; "), "{error}");
}

#[test]
fn a_character_across_two_blocks_is_read() {
    let line = "A,\"张三的店\",CNY,1.00,";
    let filler = "x".repeat((64 << 10) - line.len() - HEADER.len());
    for shift in 0..8 {
        let note = &filler[shift..];
        let text = format!("order,seller,currency,amount_due,note\nB,S,CNY,1,{note}\n{line}\n");
        assert_eq!(parcels(&import(text.as_bytes())).len(), 2, "{shift}");
    }
}

#[test]
fn lines_may_end_with_a_carriage_return_alone() {
    for (ends, line) in [("\r", 3), ("\r\n", 3), ("\n", 3), ("\r\r\n", 5)] {
        let text = format!("{HEADER}A1,\"S\r1\",CNY,1.00\nA2,S1,CNY,oops\nA3,S1,CNY,3.00\n");
        let text = text.replace("\"S\r1\"", "S1").replace('\n', ends);
        let import = import(text.as_bytes());
        assert_eq!(parcels(&import), ["A1 S1 CNY 1.00 × 1", "A3 S1 CNY 3.00 × 1"], "{ends:?}");
        let place = format!("orders.csv:{line}: column `amount_due`: `oops` is not");
        assert!(bad(&import.report)[0].starts_with(&place), "{:?}", bad(&import.report));
        assert_eq!(counts(&import), [2, 0, 0, 1]);
    }
    // In quotes it is text.
    let text = "order,seller,currency,amount_due,note\rA1,S1,CNY,1.00,\"one\rtwo\"\rA2,S1,CNY,x,\r";
    let import = import(text.as_bytes());
    assert!(bad(&import.report)[0].starts_with("orders.csv:4: "), "{:?}", bad(&import.report));
    assert_eq!(counts(&import), [1, 0, 0, 1]);
}

#[test]
fn a_first_line_for_excel_names_the_delimiter() {
    for (delimiter, line) in
        [(";", "sep=;"), (";", "\"sep=;\""), ("\t", "sep=\t"), (",", "sep=,"), ("|", "sep=|")]
    {
        let lines = format!("{HEADER}A1,S1,CNY,1.00\nA2,S1,CNY,x\n").replace(',', delimiter);
        let import = import(format!("{line}\n{lines}").as_bytes());
        assert_eq!(parcels(&import), ["A1 S1 CNY 1.00 × 1"], "{line}");
        assert!(bad(&import.report)[0].starts_with("orders.csv:4: "), "{:?}", bad(&import.report));
    }
    // A line like it further below is no such line.
    let import = import(format!("{HEADER}sep=;\nA1,S1,CNY,1.00\n").as_bytes());
    assert_eq!(counts(&import), [1, 0, 0, 1]);
}

#[test]
fn the_null_of_a_database_is_empty() {
    let text = "order,seller,currency,amount_due,items,ordered_at\nA1,S1,CNY,1.00,2,\\N\n\
                A2,\\N,CNY,1.00,1,\nA3,S1,CNY,\"\\N\",1,\nA4,N\\N,CNY,1.00,1,\n";
    let import = import(text.as_bytes());
    assert_eq!(parcels(&import), ["A1 S1 CNY 1.00 × 2", "A4 N\\N CNY 1.00 × 1"]);
    assert_eq!(import.parcels[0].ordered_at_ms, None);
    assert_eq!(
        bad(&import.report),
        [
            "orders.csv:3: column `seller`: it is empty; order `A2` is left out",
            "orders.csv:4: column `amount_due`: the amount is empty; order `A3` is left out",
        ]
    );
}

const OWN: &str = r#"
name = "own"
about = "A shop's own export"
[files]
orders = ["*.csv"]
order_columns = "on every line"
[format]
times = ["%d/%m/%Y %H:%M", "%d/%m/%Y"]
utc_offset = "+01:00"
[fixed]
currency = "EUR"
[order]
id = "Order"
ordered_at = "Date"
[item]
each_line = true
seller = "Seller"
add = ["Price"]
"#;

#[test]
fn the_forms_of_times_are_those_of_the_profile() {
    let profile = Profile::parse(OWN).unwrap();
    let text = "Order,Date,Seller,Price\nA1,1/3/2026 09:30,S1,1\nA2,31/12/2025,S1,1\nA3,,S1,1\n\
                A4,2026-03-01,S1,1\n";
    let import = try_import(&profile, text.as_bytes(), None).unwrap();
    let times: Vec<_> = import.parcels.iter().map(|parcel| parcel.ordered_at_ms).collect();
    assert_eq!(times, [Some(1_772_353_800_000), Some(1_767_135_600_000), None]);
    assert_eq!(
        bad(&import.report),
        ["orders.csv:5: column `Date`: not a time in the form `%d/%m/%Y %H:%M` or `%d/%m/%Y`; \
          correct it, or format.times of the profile; order `A4` is left out"]
    );
}

#[test]
fn equal_lines_are_two_items_where_the_profile_says_so() {
    let profile = Profile::parse(OWN).unwrap();
    let text = "Order,Date,Seller,Price\nA1,,S1,5\nA1,,S1,5\nA1,,S2,1\n";
    let import = try_import(&profile, text.as_bytes(), None).unwrap();
    assert_eq!(parcels(&import), ["A1 S1 EUR 10.00 × 2", "A1 S2 EUR 1.00 × 1"]);
    assert_eq!(counts(&import), [3, 0, 0, 0]);
}
