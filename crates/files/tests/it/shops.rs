//! The exports of shop systems.

use files::orders::{Import, ImportError};
use files::profile::Profile;

use crate::support::{self, bad, counts, parcels, sellers, try_import};

/// The columns of a Shopify export that an import reads, and some others.
const SHOPIFY: &str = "Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,\
    Lineitem name,Lineitem price,Billing Name,Cancelled at,Payment Method,Vendor,\
    Outstanding Balance,Lineitem discount,Fulfillment Status\n";

/// The lines may leave the last column out.
fn shopify(lines: &str) -> Import {
    let profile = Profile::built_in("shopify").unwrap();
    let vendors = "Acme = \"Acme\"\nBolt = \"Bolt\"\nA = \"A\"\n";
    import_shopify(&profile.with_sellers(sellers(vendors)), lines)
}

fn import_shopify(profile: &Profile, lines: &str) -> Import {
    let lines: Vec<String> = lines
        .lines()
        .map(|line| match line.matches(',').count() {
            14 => format!("{line},\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    try_import(profile, format!("{SHOPIFY}{}", lines.concat()).as_bytes(), None).unwrap()
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
        report.left_out_by_reason.iter().map(|(reason, n)| format!("{reason}: {n:?}")).collect();
    assert_eq!(
        reasons,
        [
            "cancelled: LeftOutOrders { orders: 1, values: {} }",
            "not cash on delivery: LeftOutOrders { orders: 1, values: {\"Bank Deposit\": 1} }",
        ]
    );
    assert_eq!(report.orders_left_out_by_status, 1);
    assert_eq!(counts(&import), [1, 0, 3, 0]);
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
    assert_eq!(counts(&import), [3, 3, 0, 0]);

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
    let text = "Name,Financial Status,Fulfillment Status,Currency,Total,Created at,\
                Lineitem quantity,Lineitem price,Canceled at,Payment Method,Vendor,\
                Lineitem discount\n\
                #1,pending,unfulfilled,EUR,5.00,,1,5.00,,Cash on Delivery (COD),Acme,0\n";
    let import = try_import(&support::shopify(), text.as_bytes(), None).unwrap();
    assert_eq!(parcels(&import), ["#1 shop-7 EUR 5.00 × 1"]);
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
    assert_eq!(counts(&import), [2, 0, 2, 0], "the order's columns are on each of its lines");
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
    assert_eq!(
        error,
        "the profile `woocommerce` reads no sellers from the file; name the seller with --seller, \
         or map each vendor or shop to a seller with --sellers FILE"
    );
    assert!(Profile::built_in("woocommerce").unwrap().with_seller("").is_err());
    let error = Profile::built_in("olist").unwrap().with_seller("S1").unwrap_err().to_string();
    assert_eq!(error, "the profile `olist` reads the seller from the file; do not give one");
}

#[test]
fn a_shopify_shop_that_is_one_seller_may_be_named() {
    let lines = format!("#1,a,pending,EUR,5.00,,1,x,2.00,{COD}#1,a,,,,,1,y,3.00,,,,,,0.00\n");
    let import = import_shopify(&support::shopify(), &lines);
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
    assert!(import.report.errors_total() >= 5);
    for word in buyer {
        assert!(!said.contains(word), "{word} in {said}");
    }
    let no_header = "Ann Privacy,ann@privacy.example,1 Secret Lane\n";
    let error = try_import(&support::shopify(), no_header.as_bytes(), None).unwrap_err();
    let said = format!("{error} {error:?}");
    for word in buyer {
        assert!(!said.contains(word), "{word} in {said}");
    }
}

#[test]
fn shopify_orders_that_are_fulfilled_or_partly_paid_are_left_out_and_listed() {
    let cod = "Ann,,Cash on Delivery (COD),Acme,5.00,0.00";
    let line = |order: &str, paid: &str, fulfilled: &str| {
        format!("{order},a,{paid},EUR,5.00,,1,x,5.00,{cod},{fulfilled}\n")
    };
    let lines = [
        line("#1", "pending", "fulfilled"),
        line("#2", "pending", "partial"),
        line("#3", "partially_paid", "unfulfilled"),
        line("#4", "pending", "unfulfilled"),
        line("#5", "pending", "fulfilled"),
    ];
    let import = import_shopify(&support::shopify(), &lines.concat());
    assert_eq!(parcels(&import), ["#4 shop-7 EUR 5.00 × 1"]);
    let left_out = &import.report.left_out_by_reason["fulfilled, in full or in part"];
    let values: Vec<String> =
        left_out.values.iter().map(|(value, orders)| format!("{value} {orders}")).collect();
    assert_eq!((left_out.orders, values.join(", ").as_str()), (3, "fulfilled 2, partial 1"));
    assert_eq!(import.report.left_out_by_status["partially_paid"], 1);
    assert_eq!(counts(&import), [1, 0, 4, 0]);
}

#[test]
fn vendors_stand_for_the_sellers_of_a_file_and_no_vendor_is_guessed() {
    let map = "Acme = \"S-1\"\n\"ACME Ltd\" = \"S-1\"\nBolt = \"S-2\"\n";
    let profile = Profile::built_in("shopify").unwrap().with_sellers(sellers(map));
    let order = |name: &str, vendor: &str| {
        format!("{name},a,pending,EUR,5.00,,1,x,5.00,Ann,,Cash on Delivery (COD),{vendor},5.00,0\n")
    };
    let lines = [
        order("#1", "Acme"),
        order("#2", "ACME Ltd"),
        order("#3", "acme"),
        order("#4", ""),
        order("#5", "Zorn"),
        order("#6", "Bolt"),
    ];
    let import = import_shopify(&profile, &lines.concat());
    assert_eq!(
        parcels(&import),
        ["#1 S-1 EUR 5.00 × 1", "#2 S-1 EUR 5.00 × 1", "#6 S-2 EUR 5.00 × 1"]
    );
    assert_eq!(
        bad(&import.report),
        [
            "orders.csv:4: column `Vendor`: vendor `acme` is not in the file of --sellers, which \
             has `Acme`; add a line for it; order `#3` is left out",
            "orders.csv:5: column `Vendor`: it is empty; if the shop is the only seller, name it \
             with --seller; order `#4` is left out",
            "orders.csv:6: column `Vendor`: vendor `Zorn` is not in the file of --sellers; add a \
             line for it; order `#5` is left out",
        ]
    );
    assert_eq!(counts(&import), [3, 0, 0, 3]);
}

/// The standard columns of the plug-in that an import reads, and some others.
const ADVANCED: &str = "\"Order Number\",\"Order Status\",\"Order Date\",\"First Name (Billing)\",\
    \"Item #\",SKU,Quantity,\"Order Line Total\",\"Payment Method Title\",\"Order Refund Amount\",\
    \"Order Total Amount\"\n";

#[test]
fn the_advanced_order_export_of_woocommerce_is_read_in_the_currency_that_is_named() {
    let lines = "91,Processing,\"2026-03-01 10:05\",Ann,1,T-1,2,20,\"Cash on delivery\",,27.5\n\
                 91,Processing,\"2026-03-01 10:05\",Ann,2,M-1,1,5,\"Cash on delivery\",,27.5\n\
                 92,Processing,\"2026-03-01 10:06\",Bob,1,M-1,1,5,\"Direct bank transfer\",,5\n\
                 93,\"On hold\",\"2026-03-01 10:07\",Bob,1,M-1,1,5,\"Cash on delivery\",,5\n";
    let text = format!("{ADVANCED}{lines}");
    let profile = Profile::built_in("woocommerce-advanced").unwrap().with_seller("W").unwrap();
    let error = try_import(&profile, text.as_bytes(), None).unwrap_err().to_string();
    assert_eq!(
        error,
        "orders.csv names no currency and the profile `woocommerce-advanced` has none; name it \
         with --currency"
    );
    let profile = profile.with_currency("PLN").unwrap();
    let import = try_import(&profile, text.as_bytes(), None).unwrap();
    assert_eq!(parcels(&import), ["91 W PLN 27.50 × 3"]);
    assert_eq!(counts(&import), [2, 0, 2, 0]);
    // A column of the file counts more.
    let text = text.replace("SKU", "Currency").replace("T-1", "EUR").replace("M-1", "EUR");
    let import = try_import(&profile, text.as_bytes(), None).unwrap();
    assert_eq!(parcels(&import), ["91 W EUR 27.50 × 3"]);
}

#[test]
fn woocommerce_s_own_export_is_read_with_a_warning() {
    let text = "Date,\"Order #\",\"N. Revenue (formatted)\",Status,Customer,\"Customer type\",\
                Product(s),\"Items sold\",Coupon(s),\"Net Sales\",Attribution\n\
                \"2026-03-01 10:05:31\",91,\"zł25.00\",processing,\"Ann\",new,\
                \"2× Tee, 1× Mug\",3,,25,Direct\n\
                \"2026-03-01 10:06:31\",92,\"zł5.00\",completed,Bob,new,\"1× Mug\",1,,5,\n";
    let profile = Profile::built_in("woocommerce-analytics").unwrap();
    assert!(profile.head().warning().is_some_and(|warning| warning.contains("no payment method")));
    let profile = profile.with_seller("W").unwrap().with_currency("PLN").unwrap();
    let import = try_import(&profile, text.as_bytes(), None).unwrap();
    assert_eq!(parcels(&import), ["91 W PLN 25.00 × 3"]);
    assert_eq!(counts(&import), [1, 0, 1, 0]);
}

/// Headers of real exports, and the buyer that each profile reads.
#[test]
fn the_built_in_profiles_read_who_gets_the_parcel() {
    let exports = [
        (
            "shopify",
            "Name,Email,Financial Status,Fulfillment Status,Currency,Total,Lineitem quantity,\
             Lineitem name,Lineitem price,Lineitem discount,Shipping Name,Shipping Street,\
             Shipping Address1,Shipping City,Shipping Zip,Shipping Country,Shipping Phone,\
             Cancelled at,Payment Method,Vendor,Phone,Created at\n\
             #1,a,pending,unfulfilled,EUR,5.00,1,x,5.00,0,Ann Lee,\"1 High St,\nFlat 2\",1 High St,\
             Bonn,53111,DE,,,Cash on Delivery (COD),Acme,+49 170,2026-03-01\n\
             #1,a,,,,,1,y,1.00,0,,,,,,,,,,Acme,,2026-03-01\n",
            ["Ann Lee", "+49 170", "1 High St, Flat 2, Bonn, 53111, DE"],
        ),
        (
            "woocommerce",
            "order_id,order_date,status,order_currency,order_total,refunded_total,payment_method,\
             shipping_first_name,shipping_last_name,shipping_address_1,shipping_city,\
             shipping_postcode,billing_phone,item_id,item_quantity,item_total\n\
             7,2026-03-01,processing,EUR,5.00,0,cod,Ann,Lee,1 High St,Bonn,53111,0170,1,1,5.00\n",
            ["Ann Lee", "0170", "1 High St, Bonn, 53111"],
        ),
        (
            "woocommerce-advanced",
            "Order Number,Order Status,Order Date,First Name (Shipping),Last Name (Shipping),\
             Address 1&2 (Shipping),City (Shipping),Phone (Billing),Currency,Payment Method Title,\
             Order Total Amount,Order Refund Amount,Item #,Quantity,Order Line Total\n\
             7,Processing,2026-03-01,Ann,Lee,1 Hill,Bonn,0170,EUR,Cash on delivery,5.00,,1,1,5\n",
            ["Ann Lee", "0170", "1 Hill, Bonn"],
        ),
        (
            "doorstep",
            "order,seller,currency,amount_due,buyer_name,buyer_phone,buyer_address\n\
             7,S1,EUR,5.00,Ann Lee,0170,1 High St\n",
            ["Ann Lee", "0170", "1 High St"],
        ),
    ];
    for (name, text, expected) in exports {
        let mut profile = Profile::built_in(name).unwrap();
        if profile.needs_seller() {
            profile = profile.with_seller("shop").unwrap();
        }
        let import = try_import(&profile, text.as_bytes(), None).unwrap();
        let [parcel] = import.parcels.as_slice() else { panic!("{name}: {:?}", import.report) };
        let buyer = parcel.buyer.as_ref().unwrap();
        assert_eq!([&*buyer.name, &*buyer.phone, &*buyer.address], expected, "{name}");
        assert!(!format!("{import:?}").contains("Lee"), "{name}");
        let without = try_import(&profile.without_buyers(), text.as_bytes(), None).unwrap();
        assert_eq!(without.parcels[0].buyer, None, "{name}");
    }
}

#[test]
fn a_buyer_s_text_that_is_too_long_is_a_bad_line_and_not_repeated() {
    let long = "长".repeat(342);
    let text = format!(
        "order,seller,currency,amount_due,buyer_name\n1,S1,EUR,5.00,{long}\n2,S1,EUR,5.00,\n"
    );
    let profile = Profile::built_in("doorstep").unwrap();
    let import = try_import(&profile, text.as_bytes(), None).unwrap();
    assert_eq!((import.parcels.len(), import.parcels[0].buyer.as_ref()), (1, None));
    let said = format!("{:?}", bad(&import.report));
    assert!(said.contains("the buyer's text is longer than 1024 bytes"), "{said}");
    assert!(!said.contains("长"), "{said}");
    let bad_key = "name = \"x\"\nabout = \"x\"\n[files]\norders = [\"*.csv\"]\n\
                   order_columns = \"on every line\"\n[order]\nid = \"a\"\ntotal = \"b\"\n\
                   [item]\nid = \"c\"\n[buyer]\nname = [\"\"]\n";
    assert!(Profile::parse(bad_key).unwrap_err().to_string().contains("buyer.name is empty"));
}
