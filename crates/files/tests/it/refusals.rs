//! Errors that refuse a whole file.

use std::fs;

use files::orders::{ImportError, ImportOptions, import};
use files::profile::Profile;

use crate::support::{folder, parcels, try_import};

fn refusal(text: &[u8]) -> String {
    try_import(&Profile::built_in("doorstep").unwrap(), text, None).unwrap_err().to_string()
}

const HEADER: &str = "order,seller,currency,amount_due\n";

#[test]
fn an_empty_file_is_refused() {
    for text in ["", "\u{feff}", "\n\r\n", " \n,,,\n"] {
        let said = refusal(text.as_bytes());
        assert_eq!(said, "orders.csv is empty; export it again, with its header line");
    }
}

#[test]
fn a_missing_column_is_named_with_the_nearest() {
    assert_eq!(
        refusal(b"order,seller,currency,Amount Due\nA1,S1,CNY,1\n"),
        "orders.csv has no column `amount_due`; rename its column `Amount Due`, or change the \
         profile"
    );
    assert_eq!(
        refusal(b"A1,S1,CNY,1\n"),
        "orders.csv has no column `order`; check that its first line is the header and that the \
         profile is right"
    );
}

#[test]
fn a_column_twice_is_refused() {
    assert_eq!(
        refusal(b"order,seller,currency,amount_due,seller\nA1,S1,CNY,1,S2\n"),
        "orders.csv has two columns `seller`; rename the one that the profile does not mean"
    );
}

#[test]
fn another_delimiter_is_recognised() {
    assert_eq!(
        refusal(b"order;seller;currency;amount_due\nA1;S1;CNY;1\n"),
        "orders.csv is separated by semicolons, but the profile expects commas; export it with \
         commas, or change format.delimiter of the profile"
    );
    assert!(refusal(b"order\tseller\tcurrency\tamount_due\n").contains("separated by tabs"));
    assert!(refusal(b"order|seller|currency|amount_due\n").contains("separated by vertical bars"));
}

#[test]
fn bad_utf_8_is_refused_with_its_position() {
    let said =
        refusal(b"\xEF\xBB\xBForder,seller,currency,amount_due\nA1,S1,CNY,1\nA2,S\xE9,CNY,1\n");
    assert_eq!(
        said,
        "orders.csv:3: byte 52 of the file is not UTF-8; name the file's encoding with --encoding \
         (gbk, big5, windows-1252, …), or save it as CSV in UTF-8"
    );
    let said = refusal(b"order,seller,currency,amount_due,note\nA1,S1,CNY,1,\"a\n\n b\xFF\"\n");
    assert!(said.starts_with("orders.csv:4: byte 56 of the file is not UTF-8; name"), "{said}");
}

#[test]
fn files_that_are_no_text_are_named_by_their_kind() {
    let utf_16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(
        refusal(&utf_16),
        "orders.csv is UTF-16 text without a byte-order mark; name its encoding, utf-16le or \
         utf-16be, with --encoding"
    );
    assert!(refusal(b"PK\x03\x04\x14\0").contains("an Excel workbook"));
    assert!(refusal(b"\x1F\x8B\x08").contains("a gzip archive"));
}

#[test]
fn a_quote_that_swallows_lines_refuses_the_file() {
    let text = format!("{HEADER}A1,\"S1,CNY,1\nA2,S2,CNY,2\nA3,\"S3\",CNY,3\n");
    assert_eq!(
        refusal(text.as_bytes()),
        "orders.csv:4: text follows the quotation mark that closes the one of line 2; check \
         both lines, and double each quotation mark inside a field"
    );
    let text = format!("{HEADER}A1,S1,CNY,1\nA2,\"S2,CNY,2\nA3,S3,CNY,3\n");
    assert_eq!(
        refusal(text.as_bytes()),
        "orders.csv:3: this quotation mark is never closed; check that the file is complete"
    );
}

#[test]
fn a_line_without_end_is_refused() {
    let text = format!("{HEADER}A1,\"{}", "x,\n".repeat(400_000));
    assert!(refusal(text.as_bytes()).starts_with("orders.csv:2: this record is longer than"));
    let text = format!("{HEADER}A1{}\n", ",".repeat(5_000));
    assert_eq!(
        refusal(text.as_bytes()),
        "orders.csv:2: this line has more than 4096 fields; check the delimiter"
    );
}

#[test]
fn a_column_with_too_many_statuses_is_refused() {
    let lines: String = (0..300).map(|i| format!("o{i},c,status {i},\n")).collect();
    let orders = format!("order_id,customer_id,order_status,order_purchase_timestamp\n{lines}");
    let profile = Profile::built_in("olist").unwrap();
    let error = try_import(&profile, orders.as_bytes(), Some(b"")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "orders.csv has more than 200 different values in the status column `order_status`; \
         correct order.status of the profile"
    );
}

#[test]
fn a_missing_path_a_missing_file_and_a_file_for_a_folder_are_refused() {
    let olist = Profile::built_in("olist").unwrap();
    let path = folder();
    let said = |path| import(&olist, path, &ImportOptions::default()).unwrap_err().to_string();

    let gone = path.join("gone");
    assert!(said(&gone).contains("gone cannot be read: No such file"), "{}", said(&gone));

    fs::write(path.join("olist_orders_dataset.csv"), "order_id\n").unwrap();
    fs::write(path.join("olist_order_item_dataset.csv"), "order_id\n").unwrap();
    assert_eq!(
        said(&path),
        format!(
            "the profile `olist` needs a file `olist_order_items_dataset.csv` in {}, but there is \
             none; did you mean `olist_order_item_dataset.csv`?",
            path.display()
        )
    );

    let file = path.join("olist_orders_dataset.csv");
    assert_eq!(
        said(&file),
        format!(
            "the profile `olist` reads `olist_orders_dataset.csv` and \
             `olist_order_items_dataset.csv`, but {} is one file; give the directory with both",
            file.display()
        )
    );
}

#[test]
fn an_items_file_that_was_not_given_is_missing() {
    let orders = b"order_id,customer_id,order_status,order_purchase_timestamp\n";
    let error = try_import(&Profile::built_in("olist").unwrap(), orders, None).unwrap_err();
    assert!(matches!(error, ImportError::FileMissing { .. }));
    assert_eq!(
        error.to_string(),
        "the profile `olist` needs a file `olist_order_items_dataset.csv`, but there is none"
    );
}

#[test]
fn all_files_of_a_folder_that_match_the_profile_are_read_by_name() {
    let path = folder();
    fs::write(path.join("b.csv"), format!("{HEADER}B1,S1,CNY,1\nA1,S1,CNY,1\n")).unwrap();
    fs::write(path.join("A.CSV"), format!("{HEADER}A1,S1,CNY,1\n")).unwrap();
    fs::write(path.join("notes.txt"), "nothing").unwrap();
    fs::create_dir(path.join("c.csv")).unwrap();
    let profile = Profile::built_in("doorstep").unwrap();
    let import = import(&profile, &path, &ImportOptions::default()).unwrap();
    assert_eq!(parcels(&import), ["A1 S1 CNY 1.00 × 1", "B1 S1 CNY 1.00 × 1"]);
    assert_eq!(import.report.files.len(), 2);
    assert_eq!(import.report.lines.repeated, 1);
    let one =
        files::orders::import(&profile, &path.join("b.csv"), &ImportOptions::default()).unwrap();
    assert_eq!(one.parcels.len(), 2);
}

#[test]
fn a_file_that_matches_both_patterns_is_refused() {
    let toml = include_str!("../../../../profiles/olist.toml")
        .replace("olist_orders_dataset.csv", "*.csv");
    let path = folder();
    fs::write(path.join("olist_order_items_dataset.csv"), "x\n").unwrap();
    let profile = Profile::parse(&toml).unwrap();
    let error = import(&profile, &path, &ImportOptions::default()).unwrap_err().to_string();
    assert!(error.contains("matches the orders pattern and the items pattern"), "{error}");
}
