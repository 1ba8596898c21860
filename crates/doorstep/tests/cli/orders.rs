//! Bad order files: the messages with file, line and column, and the orders taken.

use super::support::{Bed, number};

/// `day` and `import` refuse these bytes as `orders.csv`.
#[track_caller]
fn refuses(content: impl AsRef<[u8]>, words: &str) {
    let bed = Bed::new();
    bed.write("orders.csv", content);
    let error = format!("error: {words}\n");
    for line in [
        "day --orders orders.csv --profile doorstep --data books",
        "import --orders orders.csv --profile doorstep --data books",
    ] {
        let ran = bed.run(line).fails(&error);
        assert!(ran.stderr().ends_with(&error), "nothing follows{ran}");
    }
    assert!(!bed.has("books"), "nothing was written");
}

/// `day` refuses these orders.
#[track_caller]
fn refuses_to_day(lines: &[&str], words: &str) {
    let bed = Bed::new();
    bed.orders("orders.csv", lines);
    bed.run("day --orders orders.csv --profile doorstep --data books --json")
        .fails(&format!("error: {words}\n"));
    assert!(!bed.has("books"), "nothing was written");
}

#[test]
fn files_that_cannot_be_read_as_orders() {
    refuses("", "--orders: orders.csv is empty; export it again, with its header line");
    refuses(
        "order,seler,currency,amount_due\nA,S1,CNY,10.00\n",
        "--orders: orders.csv has no column `seller`; rename its column `seler`, or change the \
         profile",
    );
    refuses(
        "order,currency,amount_due\nA,CNY,10.00\n",
        "--orders: orders.csv has no column `seller`; check that its first line is the header \
         and that the profile is right",
    );
    refuses(
        "order;seller;currency;amount_due\nA;S1;CNY;10.00\n",
        "--orders: orders.csv is separated by semicolons, but the profile expects commas; \
         export it with commas, or change format.delimiter of the profile",
    );
    refuses(
        b"order,seller,currency,amount_due\nA,S\xff,CNY,10.00\n",
        "--orders: orders.csv:2: byte 36 of the file is not UTF-8; name the file's encoding with \
         --encoding (gbk, big5, windows-1252, …), or save it as CSV in UTF-8",
    );
    refuses(
        "order,seller,currency,amount_due\nA,\"S1,CNY,10.00\n",
        "--orders: orders.csv:2: this quotation mark is never closed; check that the file is \
         complete",
    );
    refuses(
        "order,seller,currency,amount_due\n",
        "orders.csv: it has no parcels\n  the file has no orders",
    );
}

#[test]
fn a_path_without_orders_and_a_profile_that_needs_two_files() {
    let bed = Bed::new();
    bed.run("day --orders nowhere.csv --profile doorstep").fails(
        "error: --orders: nowhere.csv cannot be read: No such file or directory (os error 2); give \
         an order file or its directory\n",
    );
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    bed.run("day --orders orders.csv --profile olist").fails(
        "error: --orders: the profile `olist` reads `olist_orders_dataset.csv` and \
         `olist_order_items_dataset.csv`, but orders.csv is one file; give the directory with \
         both\n",
    );
    assert!(!bed.has("doorstep-day"), "nothing was written");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_column() {
    let bed = Bed::new();
    bed.write("orders.csv", "\u{feff}order,seller,currency,amount_due\r\nA,S1,CNY,10.00\r\n");
    let day = bed.run("day --orders orders.csv --profile doorstep --data books --json").succeeds();
    let day = day.json();
    assert_eq!(number(&day, "/announced"), 1_000);
    assert_eq!(number(&day, "/bad"), 0);
}

#[test]
fn bad_lines_are_named_with_line_column_and_reason_and_the_rest_is_taken() {
    let bed = Bed::new();
    bed.orders(
        "orders.csv",
        &[
            "A,S1,CNY,12.345",
            "B,S1,CNY,-3",
            "C,S1,CNY,1e9",
            "D,S1,CNY,\"1.234,56\"",
            "E,S1,CNY,5.00",
            "F,S1,CNY,92233720368547758.08",
            "G,S1,YUAN,1.00",
            "H,S1,CNY,0.00",
            "I,S1,CNY,1.00",
            "I,S1,CNY,2.00",
            "J,S1,CNY",
        ],
    );
    let bad = [
        "orders.csv:2: column `amount_due`: `12.345` has 3 decimals, CNY has 2; nothing is rounded \
         silently; order `A` is left out",
        "orders.csv:3: column `amount_due`: `-3` is negative; an amount due is zero or more; order \
         `B` is left out",
        "orders.csv:4: column `amount_due`: `1e9` is in scientific notation; write the digits out; \
         order `C` is left out",
        "orders.csv:5: column `amount_due`: `1.234,56` has a `,` that the profile does not expect \
         (its decimal point is `.`, without groups of thousands); order `D` is left out",
        "orders.csv:7: column `amount_due`: `92233720368547758.08` is larger than any amount that \
         Doorstep can keep; order `F` is left out",
        "orders.csv:8: column `currency`: not a currency of ISO 4217 with a minor unit; write \
         three capitals such as CNY; order `G` is left out",
        "orders.csv:9: the amount due is zero, so there is nothing to collect; the parcel of \
         seller `S1` in order `H` is left out",
        "orders.csv:11: the same item is also at orders.csv:10, with other content; remove the \
         wrong one; order `I` is left out",
        "orders.csv:12: the line has 3 fields, but the header has 4; look for a delimiter or a \
         line break in a text without quotation marks; its order is left out",
    ];
    let ran = bed.run("day --orders orders.csv --profile doorstep --data books").succeeds();
    let listed: String = bad.iter().map(|line| format!("    {line}\n")).collect();
    // Order I is written twice: one error, two bad lines.
    ran.prints(&format!("  errors: {}\n{listed}\n", bad.len()))
        .prints("parcels 1, sellers 1")
        .prints("lines: taken 1, repeated 0, left out 0, bad 10\n");
    let day = bed.run("day --orders orders.csv --profile doorstep --data books --json").succeeds();
    let day = day.json();
    assert_eq!(day["bad_lines"], serde_json::json!(bad));
    assert_eq!(number(&day, "/bad"), 10);
    assert_eq!(number(&day, "/announced"), 500);
    bed.run("import --orders orders.csv --profile doorstep")
        .ends_with(1)
        .prints(&listed)
        .prints("Nothing was written: --data is missing.");
}

#[test]
fn an_order_with_two_statuses_is_left_out() {
    let bed = Bed::new();
    let orders = "order_id,order_status,order_purchase_timestamp";
    let items = "order_id,order_item_id,seller_id,price,freight_value";
    let delivered = "delivered,2018-06-12 20:07:44";
    std::fs::create_dir(bed.path("shop")).unwrap();
    let lines = format!("{orders}\nA,{delivered}\nB,{delivered}\nA,canceled,2018-06-12 20:07:44\n");
    bed.write("shop/olist_orders_dataset.csv", lines);
    let lines = format!("{items}\nA,1,S1,1.00,0.50\nB,1,S1,2.00,0.50\n");
    bed.write("shop/olist_order_items_dataset.csv", lines);
    let ran = bed.run("day --orders shop --profile olist --data books").succeeds();
    ran.prints(
        "    shop/olist_orders_dataset.csv:4: the order is also at \
         shop/olist_orders_dataset.csv:2, with other content; remove the wrong one; order `A` is \
         left out\n",
    )
    .prints("amount due 2.50 BRL\n");
}

#[test]
fn two_currencies_in_one_file_are_refused() {
    refuses_to_day(
        &["A,S1,CNY,10.00", "B,S2,BRL,20.00"],
        "orders.csv: there are parcels in CNY and in BRL (orders.csv:3); a day has one currency: \
         give one file per currency",
    );
}

#[test]
fn the_largest_amounts_are_posted_to_the_minor_unit() {
    for payment in ["card", "qr", "cash"] {
        let bed = Bed::new();
        bed.orders("orders.csv", &["A,S1,CNY,99999999.99", "B,S2,CNY,99999999.98"]);
        let line =
            "day --orders orders.csv --profile doorstep --refusals 0 --faults 0 --data books";
        let day = bed.run(&format!("{line} --json --tender {payment}")).succeeds().json();
        let fees: i64 =
            day["fees"].as_object().unwrap().values().map(|v| v.as_i64().unwrap()).sum();
        assert_eq!(number(&day, "/announced"), 19_999_999_997);
        assert_eq!(number(&day, "/paid") + number(&day, "/payable") + fees, 19_999_999_997);
        bed.verified("books");
    }
    refuses_to_day(
        &["A,S1,CNY,100000000.00"],
        "orders.csv: it has no parcels\n  orders.csv:2: the amount due of 100000000.00 CNY exceeds \
         99999999.99, the most that a terminal can total; check its decimal point and its \
         currency; order `A` is left out",
    );
}
