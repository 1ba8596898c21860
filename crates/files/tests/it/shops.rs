//! The exports of shop systems.

use files::orders::{Import, ImportError};
use files::profile::Profile;

use crate::support::{bad, import, parcels, try_import};

/// The columns of a Shopify export that an import reads, and some others.
const SHOPIFY: &str = "Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,\
    Lineitem name,Lineitem price,Billing Name,Cancelled at,Payment Method,Vendor,\
    Outstanding Balance,Lineitem discount\n";

fn shopify(lines: &str) -> Import {
    import("shopify", &format!("{SHOPIFY}{lines}"))
}

#[test]
fn shopify_orders_are_split_over_their_vendors_to_the_cent() {
    let import = shopify(
        "#1001,ann@a.example,pending,EUR,100.01,2026-03-01 10:00:00 +0100,2,Tee,20.00,Ann,,\
         Cash on Delivery (COD),Acme,100.01,0.00\n\
         #1001,ann@a.example,,,,,1,Mug,10.00,,,,Bolt,,0.00\n\
         #1001,ann@a.example,,,,,1,Cap,45.00,,,,Acme,,5.00\n\
         #1002,bob@b.example,pending,EUR,8.00,2026-03-01 11:00:00 +0100,1,Pin,5.00,Bob,,\
         Cash on Delivery (COD),Bolt,8.00,\n",
    );
    assert_eq!(
        parcels(&import),
        ["#1001 Acme EUR 88.90 × 3", "#1001 Bolt EUR 11.11 × 1", "#1002 Bolt EUR 8.00 × 1"],
        "with tax and shipping, 80 : 10 as the items cost"
    );
    assert_eq!(import.parcels[0].ordered_at_ms, Some(1_772_355_600_000));
    assert_eq!(bad(&import.report), [""; 0]);
}

#[test]
fn shopify_orders_that_are_not_cash_on_delivery_are_counted_by_reason() {
    let import = shopify(
        "#1,a,paid,EUR,5.00,,1,x,5.00,Ann,,Shopify Payments,Acme,0.00,0.00\n\
         #2,a,pending,EUR,5.00,,1,x,5.00,Ann,,Bank Deposit,Acme,5.00,0.00\n\
         #3,a,pending,EUR,5.00,,1,x,5.00,Ann,2026-03-02,Cash on Delivery (COD),Acme,5.00,0.00\n\
         #4,a,pending,EUR,5.00,,1,x,5.00,Ann,,Cash on Delivery (COD),Acme,3.00,0.00\n",
    );
    assert_eq!(parcels(&import), ["#4 Acme EUR 3.00 × 1"], "what is still owed");
    let report = &import.report;
    let reasons: Vec<String> =
        report.left_out_by_reason.iter().map(|(reason, n)| format!("{reason}: {n}")).collect();
    assert_eq!(reasons, ["cancelled: 1", "not cash on delivery: 1"]);
    assert_eq!(report.orders_left_out_by_status, 1);
    assert_eq!(&*report.orders_by_status.keys().next().unwrap().clone(), "paid");
}

const COD: &str = "Ann,,Cash on Delivery (COD),Acme,5.00,0.00\n";

#[test]
fn two_shopify_exports_that_overlap_are_harmless_and_two_that_differ_are_not() {
    let first = format!(
        "#1,a,pending,EUR,5.00,,1,x,2.00,{COD}#1,a,,,,,1,y,3.00,,,,Bolt,,0.00\n\
         #2,a,pending,EUR,5.00,,1,x,5.00,{COD}"
    );
    let import = shopify(&format!("{first}{first}"));
    assert_eq!(parcels(&import).len(), 3);
    assert_eq!((import.report.repeated_lines, import.report.bad_total()), (3, 0));

    let edited = first.replace("1,y,3.00", "2,y,3.00");
    let import = shopify(&format!("{first}{edited}"));
    assert_eq!(parcels(&import), ["#2 Acme EUR 5.00 × 1"]);
    assert_eq!(
        bad(&import.report),
        ["orders.csv:5: the order is also at orders.csv:2, with other content; remove the \
         wrong one; order `#1` is left out"]
    );

    let paid = first.replacen("pending", "paid", 1);
    let import = shopify(&format!("{first}{paid}"));
    assert_eq!(parcels(&import), ["#2 Acme EUR 5.00 × 1"]);
}

#[test]
fn a_shopify_line_that_continues_no_order_is_reported() {
    let import =
        shopify(&format!("#1,a,,,,,1,y,3.00,,,,Bolt,,0.00\n#1,a,pending,EUR,5.00,,1,x,2.00,{COD}"));
    assert_eq!(parcels(&import), [""; 0]);
    assert_eq!(
        bad(&import.report),
        ["orders.csv:2: the order's own line must come before this item; items affected: 1; \
             order `#1` is left out"]
    );
}

#[test]
fn free_items_share_an_amount_by_their_number() {
    let import = shopify(&format!(
        "#1,a,pending,EUR,9.00,,1,x,0.00,{}#1,a,,,,,2,y,0.00,,,,Bolt,,0.00\n",
        COD.replace("5.00", "9.00")
    ));
    assert_eq!(parcels(&import), ["#1 Acme EUR 3.00 × 1", "#1 Bolt EUR 6.00 × 2"]);
}

#[test]
fn older_shopify_exports_without_a_balance_are_read_by_their_total() {
    let text = "Name,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem price,\
                Canceled at,Payment Method,Vendor,Lineitem discount\n\
                #1,pending,EUR,5.00,,1,5.00,,Cash on Delivery (COD),Acme,0\n";
    assert_eq!(parcels(&import("shopify", text)), ["#1 Acme EUR 5.00 × 1"]);
}

const WOOCOMMERCE: &str = "order_id,order_date,status,order_total,refunded_total,order_currency,\
    payment_method,billing_full_name,item_id,item_name,item_quantity,item_total\n";

fn woocommerce(lines: &str) -> Result<Import, ImportError> {
    let profile = Profile::built_in("woocommerce").unwrap().with_seller("shop-7").unwrap();
    try_import(&profile, format!("{WOOCOMMERCE}{lines}").as_bytes(), None)
}

#[test]
fn woocommerce_orders_are_one_parcel_of_the_shop_that_is_named() {
    let import = woocommerce(
        "71,2026-03-01 10:00:00,processing,30.00,2.50,PLN,cod,Ann,501,Tee,2,20.00\n\
         71,2026-03-01 10:00:00,processing,30.00,2.50,PLN,cod,Ann,502,Mug,1,5.00\n\
         72,2026-03-01 10:00:00,processing,9.00,0.00,PLN,bacs,Bob,503,Mug,1,9.00\n\
         73,2026-03-01 10:00:00,completed,9.00,0.00,PLN,cod,Bob,504,Mug,1,9.00\n",
    )
    .unwrap();
    assert_eq!(parcels(&import), ["71 shop-7 PLN 27.50 × 3"]);
    assert_eq!(import.report.orders, 3);
    assert_eq!(import.report.orders_left_out_by_status, 1);
    assert_eq!(import.report.repeated_lines, 0, "the order's columns are on each of its lines");
}

#[test]
fn woocommerce_refunds_above_the_total_are_bad() {
    let import = woocommerce("71,,processing,3.00,3.01,PLN,cod,Ann,501,Tee,2,3.00\n").unwrap();
    assert_eq!(
        bad(&import.report),
        ["orders.csv:2: the deductions exceed the amount; order `71` is left out"]
    );
}

#[test]
fn a_profile_without_sellers_asks_for_one() {
    let profile = Profile::built_in("woocommerce").unwrap();
    let error = try_import(&profile, b"order_id\n", None).unwrap_err().to_string();
    assert_eq!(error, "the profile `woocommerce` reads an export without sellers; name the seller");
    assert!(Profile::built_in("woocommerce").unwrap().with_seller("").is_err());
    let error = Profile::built_in("olist").unwrap().with_seller("S1").unwrap_err().to_string();
    assert_eq!(error, "the profile `olist` reads the seller from the file; do not give one");
}

#[test]
fn a_shopify_shop_that_is_one_seller_may_be_named() {
    let profile = Profile::built_in("shopify").unwrap().with_seller("shop-7").unwrap();
    let text =
        format!("{SHOPIFY}#1,a,pending,EUR,5.00,,1,x,2.00,{COD}#1,a,,,,,1,y,3.00,,,,Bolt,,0.00\n");
    let import = try_import(&profile, text.as_bytes(), None).unwrap();
    assert_eq!(parcels(&import), ["#1 shop-7 EUR 5.00 × 2"]);
}

#[test]
fn nothing_about_a_buyer_is_in_what_is_reported() {
    let buyer = ["Ann Privacy", "ann@privacy.example", "+49 170 555", "1 Secret Lane"];
    let lines = "#1,ann@privacy.example,pending,EUR,x,,1,x,2.00,Ann Privacy,,Cash on Delivery \
                 (COD),Acme,5,0\n\
                 Ann Privacy,ann@privacy.example,pending,EUR\n\
                 #2,a,pending,1 Secret Lane,5,,1,x,2.00,Ann Privacy,,Cash on Delivery (COD),A,5,0\n\
                 #3,a,pending,EUR,5,1 Secret Lane,1,x,2,Ann,,Cash on Delivery (COD),A,5,0\n\
                 #4,a,pending,EUR,5,,+49 170 555,x,2,Ann,,Cash on Delivery (COD),A,5,0\n\
                 #5,a,pending,EUR,5,,1,\"Ann Privacy\" x,2,Ann,,Cash on Delivery (COD),A,5,0\n";
    let import = shopify(lines);
    let said = format!("{:?} {:?}", import, bad(&import.report));
    assert!(import.report.bad_total() >= 5);
    for word in buyer {
        assert!(!said.contains(word), "{word} in {said}");
    }
    let no_header = "Ann Privacy,ann@privacy.example,1 Secret Lane\n";
    let profile = Profile::built_in("shopify").unwrap();
    let error = try_import(&profile, no_header.as_bytes(), None).unwrap_err();
    let said = format!("{error} {error:?}");
    for word in buyer {
        assert!(!said.contains(word), "{word} in {said}");
    }
}
