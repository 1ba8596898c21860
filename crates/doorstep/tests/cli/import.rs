//! `import`: repeating it changes nothing, and refused orders are named.

use super::support::{Bed, number};

const IMPORT: &str = "import --profile doorstep --orders orders.csv";

#[test]
fn without_a_data_directory_nothing_is_written() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "B,S2,CNY,20.00", "B,S3,CNY,5.00"]);
    let ran = bed.run(IMPORT).succeeds().says_nothing();
    assert_eq!(
        ran.stdout(),
        "Orders read: orders.csv (lines 3)\n  orders 2, parcels 3, sellers 3\n  amount due 35.00 \
         CNY\nNothing was written: --data is missing.\n"
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
fn an_order_whose_amount_changed_is_refused_with_file_and_line() {
    let bed = Bed::new();
    let import = format!("{IMPORT} --data books");
    bed.orders("orders.csv", &["A,S1,CNY,10.00", "B,S2,CNY,20.00"]);
    bed.run(&import).succeeds();
    bed.orders("orders.csv", &["B,S2,CNY,20.00", "A,S1,CNY,10.01", "C,S1,CNY,7.00"]);
    let ran = bed.run(&import).succeeds();
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
fn amounts_near_the_limits_can_be_announced_and_above_them_not() {
    let bed = Bed::new();
    let most = "92233720368547758.07";
    bed.orders("orders.csv", &[&format!("A,S1,CNY,{most}"), &format!("B,S1,CNY,{most}")]);
    let import = format!("{IMPORT} --data books");
    let ran = bed.run(&import).succeeds();
    ran.prints("amount due 184,467,440,737,095,516.14 CNY\n")
        .prints("announced 2; existed already 0; refused 0\n");
    bed.verified("books");
    bed.orders("orders.csv", &["C,S1,CNY,92233720368547758.08"]);
    bed.run(&import).fails(
        "error: orders.csv: it has no parcels\n  orders.csv:2: column `amount_due`: \
         `92233720368547758.08` is larger than any amount that Doorstep can keep; order `C` is \
         left out\n",
    );
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
