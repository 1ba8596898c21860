//! `import`: repeating it changes nothing, and refused orders are named.

use std::os::unix::fs::PermissionsExt;

use super::support::{Bed, number};

const IMPORT: &str = "import --profile doorstep --orders orders.csv";

#[test]
fn without_a_data_directory_nothing_is_written() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "B,S2,CNY,20.00", "B,S3,CNY,5.00"]);
    let ran = bed.run(IMPORT).succeeds().says_nothing();
    assert_eq!(
        ran.stdout(),
        "Orders read: orders.csv (lines 3)\n  lines: taken 3, repeated 0, left out 0, bad 0\n  \
         orders 2, parcels 3, sellers 3\n  amount due 35.00 CNY\nNothing was written: --data is \
         missing.\n"
    );
    let entries = std::fs::read_dir(bed.path("")).unwrap();
    assert_eq!(entries.count(), 1, "only the orders");
}

#[test]
fn the_same_import_again_changes_nothing_and_a_longer_one_adds_what_is_new() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "B,S2,CNY,20.00"]);
    let import = format!("{IMPORT} --data books");
    bed.run(&import).succeeds().prints("announced 2; existed already 0; refused 0\n");
    let before = bed.verified("books");
    bed.run(&import).succeeds().prints("announced 0; existed already 2; refused 0\n");
    assert_eq!(bed.verified("books"), before);
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "B,S2,CNY,20.00", "C,S3,CNY,1.00"]);
    bed.run(&import).succeeds().prints("announced 1; existed already 2; refused 0\n");
    let after = bed.verified("books");
    assert_ne!(after["digest"], before["digest"]);
    // One new seller, one new parcel.
    assert_eq!(number(&after, "/commands"), number(&before, "/commands") + 2);
}

#[test]
fn an_import_names_the_two_persons_who_open_the_books() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    let import = format!("{IMPORT} --data books");
    bed.run(&format!("{import} --by Ann --approved-by ann"))
        .fails("person 1 has the name `ann` already; give another spelling");
    assert!(!bed.has("books"));
    bed.run(&format!("{import} --by Ann --approved-by Bo")).succeeds();
    // In trial books one user acts as every person.
    let persons = "[persons]\n1 = \"Ann\"\n2 = \"Bo\"\n\n[users]\n";
    assert_eq!(bed.read("books/persons.toml"), persons);
    let mode = std::fs::metadata(bed.path("books/persons.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Who has no name has an id. The tariff is published already, whoever imports.
    bed.run(&format!("{import} --by Cy --approved-by ann")).fails("nobody has the name `Cy`");
    bed.run(&format!("{import} --by bo --approved-by 1")).succeeds().prints("existed already 1;");
    let log = "log --data books --json --person";
    let of_ann = bed.run(&format!("{log} ann")).succeeds().stdout().to_owned();
    assert!(of_ann.contains("\"first_person\":\"1\"") && !of_ann.contains("Ann"), "{of_ann}");
    bed.run(&format!("{log} 1")).succeeds().prints(&of_ann);
    let of_bo = bed.run("log --data books --person Bo").succeeds();
    let of_bo = of_bo.stdout().split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["the first persons are 1 Ann and 2 Bo", "approved by person 2 Bo"] {
        assert!(of_bo.contains(words), "{words}: {of_bo}");
    }
    bed.run("log --data books --person Cy").fails("nobody has the name `Cy` in persons.toml");
    let readable = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(bed.path("books/persons.toml"), readable).unwrap();
    for command in [&format!("{import} --by 1 --approved-by 2"), "log --data books"] {
        bed.run(command).fails("run `chmod 600` on the file");
    }
    bed.verified("books");
}

#[test]
fn an_order_whose_amount_changed_is_refused_with_file_and_line() {
    let bed = Bed::new();
    let import = format!("{IMPORT} --data books");
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "B,S2,CNY,20.00"]);
    bed.run(&import).succeeds();
    bed.orders("orders.csv", &["B,S2,CNY,20.00", "A,S1,CNY,10.01", "C,S1,CNY,7.00"]);
    let ran = bed
        .run(&import)
        .fails("error: not all orders were taken: bad lines: 0, refused orders: 1; see above\n");
    ran.prints(
        "  orders.csv:3: order `A`: it was announced with 10.00 CNY, but the file says 10.01; the \
         books keep the announced amount. Correct the file, or give the order another reference\n",
    )
    .prints("announced 1; existed already 1; refused 1\n");
}

#[test]
fn a_seller_gets_an_account_in_each_currency_of_its_orders() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "B,S1,BRL,20.00", "C,S2,BRL,30.00"]);
    let import = format!("{IMPORT} --data books");
    bed.run(&import).succeeds().prints("announced 3; existed already 0; refused 0\n");
    bed.run(&import).succeeds().prints("announced 0; existed already 3; refused 0\n");
    bed.verified("books");
}

#[test]
fn an_absurd_amount_is_refused_with_its_line_and_currency() {
    let bed = Bed::new();
    bed.orders(
        "orders.csv",
        &[
            "A,S1,CNY,99999999.99",
            "B,S1,CNY,100000000.00",
            "C,S1,JPY,10000000000",
            "D,S1,KWD,9999999.999",
            "E,S1,KWD,10000000.000",
            "F,S2,CNY,5.00",
            "F,S3,CNY,92233720368547758.07",
        ],
    );
    let ran = bed
        .run(IMPORT)
        .fails("error: not all orders were taken: bad lines: 5, refused orders: 0; see above\n");
    let limit = |amount, limit| {
        format!(
            "the amount due of {amount} exceeds {limit}, the most that a terminal can total; check \
             its decimal point and its currency; order"
        )
    };
    ran.prints(&format!(
        "    orders.csv:3: {} `B` is left out\n    orders.csv:4: {} `C` is left out\n    \
         orders.csv:6: {} `E` is left out\n    orders.csv:8: {} `F` is left out\n",
        limit("100000000.00 CNY", "99999999.99"),
        limit("10000000000 JPY", "9999999999"),
        limit("10000000.000 KWD", "9999999.999"),
        limit("92233720368547758.07 CNY", "99999999.99"),
    ))
    .prints("parcels 2, sellers 1\n");
}

#[test]
fn an_order_that_changed_its_seller_is_refused_and_registers_nobody() {
    let bed = Bed::new();
    let import = format!("{IMPORT} --data books");
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "B,S1,CNY,20.00", "C,S1,CNY,30.00"]);
    bed.run(&import).succeeds();
    let before = bed.verified("books");
    // A has another seller. B has a second one. D is new.
    bed.orders(
        "orders.csv",
        &["A,S9,CNY,10.00", "B,S1,CNY,20.00", "B,S2,CNY,5.00", "D,S1,CNY,1.00"],
    );
    let refused = "  orders.csv:2: order `A`: it was announced for seller `S1`, but the file says \
                   `S9`. Correct the file; if sellers number their orders themselves, import with \
                   --own-numbers\n";
    let ran = bed.run(&import).ends_with(1);
    ran.prints(refused).prints("announced 2; existed already 1; refused 1\n");
    // Seller S2, and the parcels of B and D.
    let after = bed.verified("books");
    assert_eq!(number(&after, "/commands"), number(&before, "/commands") + 3);
    // Another shop's order with the same number.
    bed.run(&format!("{import} --own-numbers"))
        .succeeds()
        .prints("announced 1; existed already 3; refused 0\n");
    bed.run(&import).succeeds().prints("announced 0; existed already 4; refused 0\n");
}

#[test]
fn an_order_whose_parcel_came_back_is_shipped_again_when_that_is_asked_for() {
    let bed = Bed::new();
    let lines: Vec<String> = (0..60).map(|order| format!("A-{order},S1,CNY,10.00")).collect();
    bed.orders("orders.csv", &lines.iter().map(String::as_str).collect::<Vec<_>>());
    let day = "day --profile doorstep --orders orders.csv --refusals 50 --faults 0 --data books";
    let day = bed.run(&format!("{day} --json")).succeeds().json();
    let returned = number(&day, "/counts/returned");
    assert!((1..60).contains(&returned), "{day}");
    let import = format!("{IMPORT} --data books");
    let existed = 60 - returned;
    let ran = bed.run(&import).ends_with(1);
    ran.prints(
        "its parcel was returned; to ship it again, import it with --reship: that announces \
         shipment 2\n",
    )
    .prints(&format!("announced 0; existed already {existed}; refused {returned}\n"));
    // The first import may register parties; after that nothing changes.
    let before = bed.verified("books");
    bed.run(&import).ends_with(1);
    assert_eq!(bed.verified("books"), before);
    let again = format!("announced {returned}; existed already {existed}; refused 0\n");
    bed.run(&format!("{import} --reship")).succeeds().prints(&again);
    let none = "announced 0; existed already 60; refused 0\n";
    bed.run(&format!("{import} --reship")).succeeds().prints(none);
    bed.run(&import).succeeds().prints(none);
}

#[test]
fn a_changed_tariff_with_the_same_name_is_refused_and_nothing_is_announced() {
    let bed = Bed::new();
    let tariff = |rate: &str| {
        format!(
            "name = \"mine\"\ntitle = \"Mine\"\nsource = \"a test\"\n[[version]]\nnumber = 1\n\
             from = \"2013-01-01\"\n[[version.class]]\nname = \"general\"\n\
             card = {{ issuer = \"{rate}\", network = \"0%\", acquirer = \"0%\" }}\n"
        )
    };
    let import = format!("{IMPORT} --tariff mine.toml --data books");
    bed.write("mine.toml", tariff("1%"));
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    bed.run(&import).succeeds();
    let before = bed.verified("books");
    bed.write("mine.toml", tariff("2%"));
    bed.orders("orders.csv", &["B,S2,CNY,10.00"]);
    bed.run(&import).fails(
        "error: --tariff: the books in books have other terms under the name `mine`; add a \
         version with a start date to change a tariff, or give another tariff another name. No \
         parcel was announced\n",
    );
    assert_eq!(bed.verified("books"), before);
}

#[test]
fn orders_can_be_imported_into_the_books_of_a_day() {
    let bed = Bed::new();
    bed.faulty_day(50);
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    let import = format!("{IMPORT} --data books");
    bed.run(&import).succeeds().prints("announced 1; existed already 0; refused 0\n");
    let before = bed.verified("books");
    bed.run(&import).succeeds().prints("announced 0; existed already 1; refused 0\n");
    assert_eq!(bed.verified("books"), before);
}
