//! The layout `doorstep`, and the rules of every layout: lines, fields, amounts, references.

use files::orders::{BAD_LINES_KEPT_MAX, BadLineKind, BadLineReason};

use crate::support::{bad, import, parcels};

const HEADER: &str = "order,seller,currency,amount_due,items,ordered_at\n";

fn one_line(line: &str) -> Vec<String> {
    let import = import("doorstep", &format!("{HEADER}{line}\n"));
    assert_eq!(parcels(&import), [""; 0], "{line}");
    bad(&import.report)
}

fn bad_amount(amount: &str) -> String {
    let [message] = one_line(&format!("A1,S1,BRL,{amount},1,")).try_into().unwrap();
    let (place, reason) = message.split_once("orders.csv:2: column `amount_due`: ").unwrap();
    assert_eq!(place, "");
    reason.strip_suffix("; order `A1` is left out").unwrap().to_owned()
}

#[test]
fn a_line_becomes_a_parcel() {
    let text = "A1,S1,CNY,35.90,2,2026-03-01T09:30:00+08:00\nA1,S2,CNY,5,1,2026-03-01T01:30:00Z\n";
    let import = import("doorstep", &format!("{HEADER}{text}"));
    assert_eq!(parcels(&import), ["A1 S1 CNY 35.90 × 2", "A1 S2 CNY 5.00 × 1"]);
    let first = &import.parcels[0];
    assert_eq!(first.location.to_string(), "orders.csv:2");
    assert_eq!(first.ordered_at_ms, Some(1_772_328_600_000));
    assert_eq!(bad(&import.report), [""; 0]);
}

#[test]
fn the_last_two_columns_are_optional_and_others_are_ignored() {
    let text = "amount_due,buyer,seller,order,currency\n7,Ann,S1,A1,JPY\n";
    assert_eq!(parcels(&import("doorstep", text)), ["A1 S1 JPY 7 × 1"]);
}

#[test]
fn parcels_come_in_the_order_of_the_file() {
    let text = "Z,S9,CNY,1,1,\nA,S1,CNY,1,1,\nZ,S1,CNY,1,1,\n";
    let import = import("doorstep", &format!("{HEADER}{text}"));
    assert_eq!(parcels(&import), ["Z S9 CNY 1.00 × 1", "Z S1 CNY 1.00 × 1", "A S1 CNY 1.00 × 1"]);
}

#[test]
fn amounts_are_read_or_reported_never_guessed() {
    assert_eq!(
        bad_amount("12.345"),
        "`12.345` has 3 decimals, BRL has 2; nothing is rounded silently"
    );
    assert_eq!(bad_amount("-3"), "`-3` is negative; an amount due is zero or more");
    assert_eq!(bad_amount("1e9"), "`1e9` is in scientific notation; write the digits out");
    assert_eq!(
        bad_amount("\"1.234,56\""),
        "`1.234,56` has a `,` that the profile does not expect (its decimal point is `.`, without \
         groups of thousands)"
    );
    assert_eq!(bad_amount(""), "the amount is empty");
    assert_eq!(
        bad_amount("R$ 5"),
        "`R$ 5` has a ` ` that the profile does not expect (its decimal \
         point is `.`, without groups of thousands)"
    );
    assert_eq!(
        bad_amount("99999999999999999999"),
        "`99999999999999999999` is larger than any amount that Doorstep can keep"
    );
    assert_eq!(bad_amount("5\u{1b}[2J"), "the amount has an unprintable character");
}

#[test]
fn a_parcel_with_nothing_due_is_left_out_and_the_others_are_taken() {
    let import = import("doorstep", &format!("{HEADER}A1,S1,BRL,0.00,1,\nA1,S2,BRL,9,1,\n"));
    assert_eq!(parcels(&import), ["A1 S2 BRL 9.00 × 1"]);
    assert_eq!(
        bad(&import.report),
        ["orders.csv:2: the amount due is zero, so there is nothing to collect; the parcel \
             of seller `S1` in order `A1` is left out"]
    );
    assert_eq!(import.report.orders_taken, 1);
    assert_eq!(import.report.bad_by_kind[&BadLineKind::NothingToCollect], 1);
}

#[test]
fn a_bad_line_leaves_its_whole_order_out_and_no_other() {
    let text = "A1,S1,BRL,10,1,\nA1,S2,BRL,ten,1,\nA2,S1,BRL,5,1,\n";
    let import = import("doorstep", &format!("{HEADER}{text}"));
    assert_eq!(parcels(&import), ["A2 S1 BRL 5.00 × 1"]);
    assert_eq!(
        bad(&import.report),
        ["orders.csv:3: column `amount_due`: `ten` is not an amount; order `A1` is left out"]
    );
    let report = &import.report;
    assert_eq!((report.orders, report.orders_taken, report.orders_with_errors), (2, 1, 1));
}

#[test]
fn bad_values_are_reported_by_column_and_not_repeated() {
    assert_eq!(
        one_line("A1,S1,Ann Smith,10,1,"),
        ["orders.csv:2: column `currency`: not a currency of ISO 4217 with a minor unit; \
             write three capitals such as CNY; order `A1` is left out"]
    );
    assert_eq!(
        one_line("A1,S1,BRL,10,Ann Smith,"),
        ["orders.csv:2: column `items`: the quantity is not a whole number from 0 to 1000000; \
         order `A1` is left out"]
    );
    assert_eq!(
        one_line("A1,S1,BRL,10,1,1 Elm Street"),
        ["orders.csv:2: column `ordered_at`: not a time; write it as 2026-03-31 09:05:00, \
             with or without +02:00 or Z, or name the file's form in format.times of the profile; \
             order `A1` is left out"]
    );
    for quantity in ["-1", "1.0", "1000001", "+1", "", "99999999999999999999"] {
        assert_eq!(one_line(&format!("A1,S1,BRL,10,{quantity},")).len(), 1, "{quantity}");
    }
}

#[test]
fn references_are_short_and_printable() {
    assert_eq!(
        one_line(",S1,BRL,10,1,"),
        ["orders.csv:2: column `order`: it is empty; the line is left out"]
    );
    assert_eq!(
        one_line(&format!("{},S1,BRL,10,1,", "x".repeat(65))),
        ["orders.csv:2: column `order`: it is 65 bytes long; a reference has at most 64; the \
             line is left out"]
    );
    assert_eq!(
        one_line("A1,S\u{202e}1,BRL,10,1,"),
        ["orders.csv:2: column `seller`: it has an unprintable character, U+202E; \
             order `A1` is left out"]
    );
    let import = import("doorstep", &format!("{HEADER} 订单-1 ,\"张三, 店\",CNY,1,1,\n"));
    assert_eq!(parcels(&import), ["订单-1 张三, 店 CNY 1.00 × 1"], "spaces around it do not count");
}

#[test]
fn a_line_with_too_few_or_too_many_fields_leaves_its_order_out() {
    let text = "A1,S1,BRL,10,1,\nA1,S2,BRL\nA2,S1,BRL,10,1,,,\nA3,S1,BRL,10,1,\n";
    let import = import("doorstep", &format!("{HEADER}{text}"));
    assert_eq!(parcels(&import), ["A3 S1 BRL 10.00 × 1"]);
    let mend = "look for a delimiter or a line break in a text without quotation marks; its order \
                is left out";
    assert_eq!(
        bad(&import.report),
        [
            format!("orders.csv:3: the line has 3 fields, but the header has 6; {mend}"),
            format!("orders.csv:4: the line has 8 fields, but the header has 6; {mend}"),
        ]
    );
}

#[test]
fn text_after_a_closing_quote_leaves_the_order_out() {
    let import = import("doorstep", &format!("{HEADER}A1,\"S\"1,BRL,10,1,\nA2,S1,BRL,10,1,\n"));
    assert_eq!(parcels(&import), ["A2 S1 BRL 10.00 × 1"]);
    assert_eq!(
        bad(&import.report),
        ["orders.csv:2: text follows a closing quotation mark; double each quotation mark \
         inside a field; its order is left out"]
    );
}

#[test]
fn the_same_line_twice_is_one_parcel_and_counted() {
    let text = "A1,S1,BRL,10,1,\nA1,S1,BRL,10.00,1,\nA1,S1,BRL,10,1,\n";
    let import = import("doorstep", &format!("{HEADER}{text}"));
    assert_eq!(parcels(&import), ["A1 S1 BRL 10.00 × 1"]);
    assert_eq!(import.report.lines.repeated, 2);
    assert_eq!(import.report.errors_total(), 0);
}

#[test]
fn the_same_parcel_with_another_amount_is_a_conflict_and_neither_is_taken() {
    let text = "A1,S1,BRL,10,1,\nA2,S1,BRL,7,1,\nA1,S1,BRL,12,1,\n";
    let import = import("doorstep", &format!("{HEADER}{text}"));
    assert_eq!(parcels(&import), ["A2 S1 BRL 7.00 × 1"]);
    assert_eq!(
        bad(&import.report),
        ["orders.csv:4: the same item is also at orders.csv:2, with other content; remove the \
             wrong one; order `A1` is left out"]
    );
    assert_eq!(import.report.bad_by_kind[&BadLineKind::Conflict], 1);
}

#[test]
fn an_order_in_two_currencies_is_a_conflict() {
    let text = "A1,S1,BRL,10,1,\nA1,S2,CNY,7,1,\nA1,S3,CNY,7,1,\n";
    let import = import("doorstep", &format!("{HEADER}{text}"));
    assert_eq!(
        bad(&import.report),
        ["orders.csv:3: the order is also at orders.csv:2, with other content; remove the \
         wrong one; order `A1` is left out"]
    );
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let text = "order,note,seller,currency,amount_due\r\n\
                A1,\"one\r\ntwo\r\n\r\nfour\",S1,CNY,1\r\n\
                \r\n\
                A2,plain,S1,CNY,oops\r\n\
                A3,\"he said \"\"hi, there\"\"\",S1,CNY,2";
    let import = import("doorstep", text);
    assert_eq!(parcels(&import), ["A1 S1 CNY 1.00 × 1", "A3 S1 CNY 2.00 × 1"]);
    assert_eq!(
        bad(&import.report),
        ["orders.csv:7: column `amount_due`: `oops` is not an amount; order `A2` is left out"]
    );
    assert_eq!(import.parcels[0].location.line, 2);
    assert_eq!(import.parcels[1].location.line, 8);
    assert_eq!(import.report.files[0].lines, 3);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let import = import("doorstep", &format!("\u{feff}{HEADER}A1,S1,BRL,10,1,\n"));
    assert_eq!(parcels(&import), ["A1 S1 BRL 10.00 × 1"]);
}

#[test]
fn a_header_alone_is_an_import_of_nothing() {
    let import = import("doorstep", HEADER);
    assert_eq!((import.report.orders, import.report.errors_total()), (0, 0));
}

#[test]
fn bad_lines_are_kept_up_to_a_limit_and_all_counted() {
    let lines: String = (0..1_500).map(|i| format!("A{i},S1,BRL,x,1,\n")).collect();
    let report = import("doorstep", &format!("{HEADER}{lines}")).report;
    assert_eq!(report.bad_lines.len(), BAD_LINES_KEPT_MAX);
    assert_eq!(report.errors_total(), 1_500);
    assert_eq!(report.orders_with_errors, 1_500);
}

#[test]
fn an_order_of_too_many_lines_is_left_out() {
    let lines: String = (0..=2_000).map(|i| format!("A1,S{i},BRL,1,1,\n")).collect();
    let import = import("doorstep", &format!("{HEADER}{lines}"));
    assert!(import.parcels.is_empty());
    assert_eq!(import.report.bad_lines[0].reason, BadLineReason::TooManyLines);
    assert_eq!(import.report.bad_lines[0].location.line, 2_002);
}
