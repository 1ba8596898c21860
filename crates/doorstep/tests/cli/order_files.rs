//! `import` of the files that shops really export: shops, vendors, rejects, `--strict`, `--json`.

use std::fs;

use super::support::{Bed, number};

const IMPORT: &str = "import --profile doorstep --orders orders.csv";

/// A made-up Shopify export: an order of two lines, one fulfilled, one partly paid, one to be paid
/// at a bank, and one with a mistake.
const SHOPIFY: &str = "\
Name,Email,Financial Status,Fulfillment Status,Currency,Total,Created at,Lineitem quantity,\
Lineitem name,Lineitem price,Cancelled at,Payment Method,Vendor,Outstanding Balance,\
Lineitem discount
#1001,ann@a.example,pending,unfulfilled,EUR,30.00,2026-03-01 10:00:00 +0100,1,Tee,20.00,,\
Cash on Delivery (COD),Acme,30.00,0.00
#1001,ann@a.example,,,,,,1,Mug,10.00,,,Bolt,,0.00
#1002,bob@b.example,pending,fulfilled,EUR,8.00,2026-03-01 11:00:00 +0100,1,Pin,8.00,,\
Cash on Delivery (COD),Bolt,8.00,0.00
#1003,cyd@c.example,partially_paid,unfulfilled,EUR,9.00,,1,Pin,9.00,,\
Cash on Delivery (COD),Bolt,4.00,0.00
#1004,dan@d.example,pending,unfulfilled,EUR,9.00,,1,Pin,9.00,,Bank Deposit,Bolt,9.00,0.00
#1005,eve@e.example,pending,unfulfilled,EUR,nine,,1,Pin,9.00,,\
Cash on Delivery (COD),Bolt,nine,0.00
";

const NO_SUMS: &str = "--tariff rates.toml";

/// A bed with a tariff of rates only, which holds in every currency.
fn bed() -> Bed {
    let bed = Bed::new();
    bed.write(
        "rates.toml",
        "name = \"rates\"\ntitle = \"t\"\nsource = \"s\"\n[[version]]\nnumber = 1\n\
         from = \"2013-01-01\"\n[[version.class]]\nname = \"general\"\n\
         card = { issuer = \"1%\", network = \"0%\", acquirer = \"0%\" }\n",
    );
    bed
}

#[test]
fn a_shopify_export_says_for_each_line_what_became_of_it() {
    let bed = bed();
    bed.write("orders_export_1.csv", SHOPIFY);
    let import = "import --profile shopify --orders orders_export_1.csv";
    bed.run(import).fails(
        "error: --orders: the profile `shopify` reads no sellers from the file; name the seller \
         with --seller, or map each vendor or shop to a seller with --sellers FILE\n",
    );
    let ran = bed.run(&format!("{import} --seller S-1")).ends_with(1);
    ran.prints("Orders read: orders_export_1.csv (lines 6)\n")
        .prints("  lines: taken 2, repeated 0, left out 3, bad 1\n")
        .prints("  amount due 30.00 EUR\n")
        .prints("  status partially_paid: 1 (left out)\n  status pending: 4\n")
        .prints("  left out, fulfilled, in full or in part: 1 (fulfilled 1)\n")
        .prints("  left out, not cash on delivery: 1 (Bank Deposit 1)\n");
    bed.write("vendors.toml", "Acme = \"S-1\"\nBolt = \"S-2\"\n");
    let json = bed.run(&format!("{import} --sellers vendors.toml --json")).ends_with(1).json();
    for (place, expected) in [
        ("/lines/taken", 2),
        ("/lines/repeated", 0),
        ("/lines/left_out", 3),
        ("/lines/bad", 1),
        ("/orders/all", 5),
        ("/orders/taken", 1),
        ("/orders/left_out", 3),
        ("/orders/with_errors", 1),
        ("/parcels", 2),
        ("/sellers", 2),
        ("/amount_due/EUR", 3_000),
        ("/errors", 1),
        ("/left_out/by_status/partially_paid", 1),
        ("/bad_lines/0/line", 7),
        ("/announced", 0),
    ] {
        assert_eq!(number(&json, place), expected, "{place} in {json:#}");
    }
    assert_eq!(json["left_out"]["by_reason"][1]["values"]["Bank Deposit"], 1);
    assert_eq!(json["imported"], false);
}

#[test]
fn rejects_are_mended_and_imported() {
    let bed = bed();
    bed.write("orders_export_1.csv", SHOPIFY);
    let import = format!("import --profile shopify --seller S-1 --data books {NO_SUMS}");
    let ran = bed.run(&format!("{import} --orders orders_export_1.csv --rejects rejects.csv"));
    ran.ends_with(1)
        .prints("Rejects: rejects.csv (lines 1)\n")
        .prints("announced 1; existed already 0; refused 0\n");
    let rejects = bed.read("rejects.csv");
    assert!(rejects.contains("\n\"column `Outstanding Balance`: `nine` is not an amount\",#1005,"));
    bed.write("rejects.csv", rejects.replace(",nine,", ",9.00,"));
    bed.run(&format!("{import} --orders rejects.csv"))
        .succeeds()
        .prints("announced 1; existed already 0; refused 0\n");
    bed.run(&format!("{import} --orders rejects.csv --rejects rejects.csv"))
        .fails("error: --rejects: rejects.csv is the order file itself; give another name\n");
    bed.verified("books");
    // What is wrong is in the JSON, also if there is nothing to import.
    bed.orders("none.csv", &["A,S1,CNY,x"]);
    let none = "import --profile doorstep --orders none.csv --data none --json";
    let ran = bed.run(none).ends_with(1);
    assert_eq!(number(&ran.says("none.csv: it has no parcels").json(), "/bad_lines/0/line"), 2);
    assert!(!bed.has("none"));
}

#[test]
fn strict_imports_nothing_if_a_line_is_bad_or_an_order_is_refused() {
    let bed = Bed::new();
    let import = format!("{IMPORT} --strict --data books");
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "B,S1,CNY,x"]);
    bed.run(&import).fails(
        "error: --strict: nothing was imported: bad lines: 1, refused orders: 0; see above\n",
    );
    assert!(!bed.has("books"));
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "B,S1,CNY,2.00"]);
    bed.run(&import).succeeds().prints("announced 2; existed already 0; refused 0\n");
    let before = bed.verified("books");
    // A has another amount, B another seller, and C is new.
    for orders in [
        ["A,S1,CNY,11.00", "B,S1,CNY,2.00", "C,S2,CNY,3.00"],
        ["A,S1,CNY,10.00", "B,S2,CNY,2.00", "C,S2,CNY,3.00"],
    ] {
        bed.orders("orders.csv", &orders);
        let ran = bed.run(&import).fails(
            "error: --strict: nothing was imported: bad lines: 0, refused orders: 1; see above\n",
        );
        ran.prints("it was announced ");
        let json = bed.run(&format!("{import} --json")).ends_with(1).json();
        assert_eq!((&json["imported"], number(&json, "/announced")), (&false.into(), 0));
        assert_eq!(json["refused"].as_array().map(Vec::len), Some(1), "{json}");
        assert_eq!(bed.verified("books"), before);
    }
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "C,S2,CNY,3.00", "D,S1,BRL,3.00"]);
    bed.run(&import).succeeds().prints("announced 2; existed already 1; refused 0\n");
}

#[test]
fn two_shops_with_the_same_order_names_are_imported_side_by_side() {
    let bed = Bed::new();
    for (shop, line) in [("tea", "1001,S1,CNY,5.00"), ("mugs", "1001,S1,CNY,7.00")] {
        fs::create_dir_all(bed.path("shops").join(shop)).unwrap();
        bed.orders(&format!("shops/{shop}/orders.csv"), &[line]);
    }
    let import = "import --profile doorstep --data books";
    bed.run(&format!("{import} --orders shops --folder-per-shop"))
        .succeeds()
        .prints("announced 2; existed already 0; refused 0\n");
    bed.run(&format!("{import} --orders shops/tea/orders.csv --shop tea"))
        .succeeds()
        .prints("announced 0; existed already 1; refused 0\n");
    // Without a shop it is another order.
    bed.run(&format!("{import} --orders shops/tea/orders.csv"))
        .succeeds()
        .prints("announced 1; existed already 0; refused 0\n");
    bed.run("log --data books").succeeds().prints("tea/1001").prints("mugs/1001");
    bed.run(&format!("{import} --orders shops/tea --shop tea/mugs")).fails(
        "error: --orders: the shop `tea/mugs` is not valid: write it without `/` and without \
         spaces at its ends\n",
    );
    bed.verified("books");
}

#[test]
fn a_seller_spelled_otherwise_than_in_the_books_makes_no_second_payout() {
    let bed = Bed::new();
    let import = format!("{IMPORT} --data books");
    bed.orders("orders.csv", &["A,Tea Shop,CNY,10.00"]);
    bed.run(&import).succeeds();
    let before = bed.verified("books");
    bed.orders("orders.csv", &["B,TEA SHOP,CNY,10.00", "C,TEA SHOP,CNY,1.00"]);
    let ran = bed.run(&import).ends_with(1);
    ran.prints(
        "  orders.csv:2: order `B`: its seller `TEA SHOP` is spelled `Tea Shop` in the books; \
         write that spelling, or map both with --sellers\n",
    )
    .prints("announced 0; existed already 0; refused 2\n");
    assert_eq!(bed.verified("books"), before);
    bed.write("one.toml", "\"TEA SHOP\" = \"Tea Shop\"\n");
    bed.run(&format!("{import} --sellers one.toml"))
        .succeeds()
        .prints("announced 2; existed already 0; refused 0\n");
    // Another seller, if that is meant.
    bed.orders("orders.csv", &["D,TEA SHOP,CNY,10.00"]);
    bed.write("two.csv", "vendor,seller\nTEA SHOP,TEA SHOP\n");
    bed.run(&format!("{import} --sellers two.csv"))
        .succeeds()
        .prints("announced 1; existed already 0; refused 0\n");
}

#[test]
fn the_encoding_and_the_currency_are_named_where_the_file_does_not_tell_them() {
    let bed = bed();
    let text: &[u8] = b"order,seller,currency,amount_due\nA1,\xD5\xC5\xC8\xFD,CNY,1.00\n";
    bed.write("orders.csv", text);
    bed.run(IMPORT).fails(
        "error: --orders: orders.csv:2: byte 36 of the file is not UTF-8; name the file's encoding \
         with --encoding (gbk, big5, windows-1252, …), or save it as CSV in UTF-8\n",
    );
    bed.run(&format!("{IMPORT} --encoding gbk --data books")).succeeds();
    bed.run("log --data books").succeeds().prints("张三");
    bed.run(&format!("{IMPORT} --encoding gkb"))
        .fails("error: --encoding: there is no encoding `gkb`");
    bed.run(&format!("{IMPORT} --currency CNY")).fails(
        "error: --currency: the profile `doorstep` has a currency of its own; do not give one\n",
    );
    let analytics = "Date,\"Order #\",Status,\"Items sold\",\"Net Sales\"\n\
                     \"2026-03-01 10:05:31\",91,processing,3,25\n";
    bed.write("wc-orders.csv", analytics);
    let import = "import --profile woocommerce-analytics --orders wc-orders.csv --seller W";
    bed.run(import).fails("names no currency and the profile `woocommerce-analytics` has none");
    bed.run(&format!("{import} --currency PLN"))
        .succeeds()
        .prints("Warning: this export has no payment method")
        .prints("amount due 25.00 PLN\n");
    bed.run(&format!("{import} --currency PLN --lang zh"))
        .succeeds()
        .prints("注意：该文件没有付款方式");
}

#[test]
fn profiles_are_listed_shown_made_and_tried() {
    let bed = bed();
    bed.run("profile list").succeeds().prints("shopify ").prints("woocommerce-advanced ");
    let list = bed.run("profile list --json").succeeds().json();
    let shopify = list.as_array().unwrap().iter().find(|one| one["name"] == "shopify");
    assert!(shopify.unwrap()["about"].as_str().is_some_and(|about| !about.is_empty()));
    let shown = bed.run("profile show shopify").succeeds();
    bed.write("own.toml", shown.stdout());
    bed.run("profile check own.toml").succeeds().prints("The profile is valid.\n");
    bed.run("profile show shopfy").fails("did you mean `shopify`?");
    bed.run("profile check olist --seller S").ends_with(2);
    bed.write("orders_export_1.csv", SHOPIFY);
    bed.run("profile check shopify --orders orders_export_1.csv --seller S-1")
        .fails("error: bad lines: 1; see above\n")
        .prints("The first parcels:\n  #1001  S-1           30.00 EUR  orders_export_1.csv:2\n");

    let export = "Bestellung;Status;Datum;Payment Method;Quantity;Unit Price\n\
                  B1;offen;01.03.2026;Nachnahme;2;1,50\nB1;offen;01.03.2026;Nachnahme;2;1,50\n\
                  B2;bezahlt;02.03.2026;PayPal;1;4,00\n";
    bed.write("bestellungen.csv", export);
    let draft = bed.run("profile new laden --orders bestellungen.csv").succeeds();
    let draft = draft
        .prints("delimiter = \";\"\n")
        .prints("id = \"?\"\n")
        .prints("# found: \"offen\" 2, \"bezahlt\" 1\ntake = [\"?\"]\n")
        .prints(
            "column = \"Payment Method\"\n# found: \"Nachnahme\" 2, \"PayPal\" 1\nis = [\"?\"]\n",
        )
        .prints("each_line = true\n")
        .prints("add_each = [\"Unit Price\"]\n");
    bed.write("laden.toml", draft.stdout());
    bed.run("profile check laden.toml --orders bestellungen.csv --seller S --currency EUR")
        .fails("bestellungen.csv has no column `?`");
    let filled = draft
        .stdout()
        .replacen("id = \"?\"", "id = \"Bestellung\"", 1)
        .replacen("take = [\"?\"]", "take = [\"offen\"]", 1)
        .replacen("is = [\"?\"]", "is = [\"Nachnahme\"]", 1)
        .replacen("delimiter = \";\"", "delimiter = \";\"\ndecimal_point = \",\"", 1);
    bed.write("laden.toml", filled);
    bed.run("profile check laden.toml --orders bestellungen.csv --seller S --currency EUR")
        .succeeds()
        .prints("  lines: taken 2, repeated 0, left out 1, bad 0\n")
        .prints("B1  S            6.00 EUR  bestellungen.csv:2\n");
}
