//! Orders in one file and their items in another.

use files::orders::{BadLineKind, Import};
use files::profile::Profile;

use crate::support::{bad, parcels, try_import};

const ORDERS: &str = "order_id,customer_id,order_status,order_purchase_timestamp\n";
const ITEMS: &str = "order_id,order_item_id,product_id,seller_id,price,freight_value\n";

fn olist(orders: &str, items: &str) -> Import {
    let (orders, items) = (format!("{ORDERS}{orders}"), format!("{ITEMS}{items}"));
    let profile = Profile::built_in("olist").unwrap();
    try_import(&profile, orders.as_bytes(), Some(items.as_bytes())).unwrap()
}

#[test]
fn one_parcel_for_each_seller_of_an_order() {
    let import = olist(
        "o1,c1,delivered,2018-06-12 20:07:44\no2,c2,delivered,\n",
        "o1,1,p1,s1,35.9,15.2\no2,1,p1,s9,10,0\no1,2,p2,s2,1,0.5\no1,3,p1,s1,35.9,15.2\n",
    );
    assert_eq!(
        parcels(&import),
        ["o1 s1 BRL 102.20 × 2", "o1 s2 BRL 1.50 × 1", "o2 s9 BRL 10.00 × 1"],
        "as the orders appear in their file"
    );
    assert_eq!(import.parcels[0].location.to_string(), "items.csv:2");
    assert_eq!(import.parcels[0].ordered_at_ms, Some(1_528_844_864_000), "three hours to UTC");
    assert_eq!(import.parcels[2].ordered_at_ms, None);
}

#[test]
fn orders_with_another_status_are_counted_and_ignored() {
    let import = olist(
        "o1,c1,canceled,never\no2,c2,shipped,\no3,c3,canceled,\no4,c4,delivered,\n",
        "o1,1,p1,s1,free,1\no4,1,p1,s1,1,1\n",
    );
    assert_eq!(parcels(&import), ["o4 s1 BRL 2.00 × 1"]);
    let report = &import.report;
    assert_eq!(bad(report), [""; 0]);
    let statuses: Vec<String> =
        report.orders_by_status.iter().map(|(status, n)| format!("{status} {n}")).collect();
    assert_eq!(statuses, ["canceled 2", "delivered 1", "shipped 1"]);
    assert_eq!(report.orders_left_out_by_status, 3);
}

#[test]
fn an_order_with_one_unreadable_item_does_not_become_a_smaller_parcel() {
    let import = olist(
        "o1,c1,delivered,\no2,c2,delivered,\n",
        "o1,1,p1,s1,10,1\no1,2,p1,s1,\"1,5\",1\no2,1,p1,s1,3,0\n",
    );
    assert_eq!(parcels(&import), ["o2 s1 BRL 3.00 × 1"]);
    assert_eq!(bad(&import.report).len(), 1);
    assert!(bad(&import.report)[0].starts_with("items.csv:3: column `price`: `1,5` has a `,`"));
}

#[test]
fn a_broken_item_line_leaves_its_order_out_wherever_the_reference_was_shifted_to() {
    for broken in ["o1,2,p1,s1,10", "o1,2,p1,s1,10,1,", "oops,o1,2,p1,s1,10,1"] {
        let import = olist(
            "o1,c1,delivered,\no2,c2,delivered,\n",
            &format!("o1,1,p1,s1,10,1\n{broken}\no2,1,p1,s1,3,0\n"),
        );
        assert_eq!(parcels(&import), ["o2 s1 BRL 3.00 × 1"], "{broken}");
        assert_eq!(import.report.orders_with_errors, 1);
    }
}

#[test]
fn an_item_with_an_unknown_order_leaves_out_the_orders_it_may_belong_to() {
    let orders = "o1,c1,delivered,\no2,c2,delivered,\no3,c3,delivered,\n";
    let items = "o1,1,p,s1,1,0\no2,1,p,s1,1,0\n,2,p,s1,9,0\no3,1,p,s1,1,0\n";
    let import = olist(orders, items);
    assert_eq!(parcels(&import), ["o1 s1 BRL 1.00 × 1"]);
    assert_eq!(
        bad(&import.report),
        ["items.csv:4: column `order_id`: it is empty; its order is unknown, so the orders of \
             the lines before and after it are left out"]
    );
}

#[test]
fn a_bad_order_line_leaves_the_order_out_and_reports_no_item() {
    let import = olist(
        "o1,c1,delivered,yesterday\no2,c2,,\no3,delivered,\n",
        "o1,1,p1,s1,10,1\no2,1,p1,s1,1,1\no3,1,p1,s1,1,1\n",
    );
    assert_eq!(parcels(&import), [""; 0]);
    let starts = [
        "orders.csv:2: column `order_purchase_timestamp`: ",
        "orders.csv:3: column \
                   `order_status`: it is empty",
        "orders.csv:4: the line has 3 fields, but",
    ];
    let bad = bad(&import.report);
    assert_eq!(bad.len(), 3, "{bad:?}");
    for (line, start) in bad.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    assert_eq!(import.report.orders_with_errors, 3);
}

#[test]
fn items_without_their_order_and_orders_without_items_are_reported() {
    let import = olist(
        "o1,c1,delivered,\no2,c2,delivered,\no3,c3,unavailable,\n",
        "o2,1,p1,s1,1,1\nx9,1,p1,s1,1,1\nx9,2,p1,s1,1,1\n",
    );
    assert_eq!(parcels(&import), ["o2 s1 BRL 2.00 × 1"]);
    assert_eq!(
        bad(&import.report),
        [
            "orders.csv:2: the order has no items; order `o1` is left out",
            "items.csv:3: the order's own line must come before this item; items affected: 2; \
             order `x9` is left out",
        ]
    );
    let kinds = &import.report.bad_by_kind;
    assert_eq!(kinds[&BadLineKind::OrderWithoutItems], 1);
    assert_eq!(kinds[&BadLineKind::ItemsWithoutOrder], 1);
}

#[test]
fn an_order_or_an_item_twice_is_harmless_when_it_is_the_same() {
    let import = olist(
        "o1,c1,delivered,\no1,c1,delivered,\n",
        "o1,1,p1,s1,10,1\no1,2,p1,s1,10,1\no1,1,p1,s1,10.00,1\n",
    );
    assert_eq!(parcels(&import), ["o1 s1 BRL 22.00 × 2"], "two items of the same price are two");
    assert_eq!(import.report.lines.repeated, 2);
    assert_eq!(bad(&import.report), [""; 0]);
}

#[test]
fn an_order_twice_with_another_content_is_a_conflict() {
    let import = olist(
        "o1,c1,delivered,\no2,c2,delivered,\no1,c1,canceled,\no1,c1,shipped,\n",
        "o1,1,p1,s1,10,1\no2,1,p1,s1,10,1\no2,1,p1,s2,10,1\n",
    );
    assert_eq!(parcels(&import), [""; 0]);
    assert_eq!(
        bad(&import.report),
        [
            "orders.csv:4: the order is also at orders.csv:2, with other content; remove the \
             wrong one; order `o1` is left out",
            "items.csv:4: the same item is also at items.csv:3, with other content; remove the \
             wrong one; order `o2` is left out",
        ]
    );
}

#[test]
fn sums_above_any_amount_are_bad_not_wrapped() {
    let most = "92233720368547758.07";
    let import = olist(
        "o1,c1,delivered,\no2,c2,delivered,\n",
        &format!("o1,1,p,s,{most},0.01\no2,1,p,s,{most},0\no2,2,p,s,0.01,0\n"),
    );
    assert_eq!(parcels(&import), [""; 0]);
    let bad = bad(&import.report);
    let sum = "the sum exceeds the largest amount that Doorstep supports";
    assert_eq!(
        bad[0],
        format!("items.csv:2: column `freight_value`: {sum}; order `o1` is left out")
    );
    assert_eq!(bad[1], format!("items.csv:4: {sum}; order `o2` is left out"));
}
