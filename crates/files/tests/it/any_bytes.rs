//! Any bytes end in a report or an error, never in a panic.

use std::io::Cursor;

use files::incoming::check::{FileFormat, ReadOptions, preview};
use files::incoming::guess::guess;
use files::incoming::parts::IncomingHead;
use files::incoming::profile::FileProfile;
use files::orders::Import;
use files::profile::Profile;
use proptest::prelude::*;

use crate::support::try_import;

/// Bytes that are close enough to CSV to get past the header.
fn csv_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            ",", ",", ",", "\n", "\n", "\r\n", "\"", "\"\"", ";", "\t", "\r", "\0", "o1", "o2",
            "o1,1,p,s,1,1\n", "o1,c,delivered,2018-01-01 00:00:00\n", "o2,c,delivered,\n",
            "o1,s1,CNY,1.00,1,\n", "o2,s2,CNY,7,,2026-01-01\n", "1.00", "-1", "1e5", "CNY",
            "delivered", "pending", "Cash on Delivery (COD)", "99999999999999999999",
            "92233720368547758.07", "\u{feff}", "\u{202e}", "sep=;\n", "\\N", "S1", "s 1", "\r\r\n",
            "#1,pending,,EUR,5.00,,1,x,,Cash on Delivery (COD),Acme,\n",
            "7,Processing,2026-01-01,EUR,1,1,5,Cash on delivery,,5\n",
        ]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..9),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

const HEADERS: [(&str, &str, &str); 5] = [
    ("doorstep", "order,seller,currency,amount_due,items,ordered_at\n", ""),
    (
        "olist",
        "order_id,customer_id,order_status,order_purchase_timestamp\n",
        "order_id,order_item_id,product_id,seller_id,price,freight_value\n",
    ),
    (
        "shopify",
        "Name,Financial Status,Fulfillment Status,Currency,Total,Created at,Lineitem quantity,\
         Lineitem price,Cancelled at,Payment Method,Vendor,Lineitem discount\n",
        "",
    ),
    (
        "woocommerce-advanced",
        "Order Number,Order Status,Order Date,Currency,Item #,Quantity,Order Line Total,\
         Payment Method Title,Order Refund Amount,Order Total Amount\n",
        "",
    ),
    (
        "woocommerce",
        "order_id,order_date,status,order_total,refunded_total,order_currency,payment_method,\
         item_id,item_quantity,item_total\n",
        "",
    ),
];

/// Rules for every import.
fn check(import: &Import) {
    let report = &import.report;
    assert_eq!(report.parcels, import.parcels.len() as u64);
    assert!(import.parcels.iter().all(|parcel| !parcel.amount_due.is_zero()));
    let due: u128 = import.parcels.iter().map(|p| u128::from(p.amount_due.minor())).sum();
    assert_eq!(report.amount_due.values().sum::<u128>(), due);
    let mut pairs: Vec<_> = import.parcels.iter().map(|p| (&p.order, &p.seller)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(pairs.len(), import.parcels.len(), "one parcel for each seller of an order");
    let lines: u64 = report.files.iter().map(|file| file.lines).sum();
    assert_eq!(report.lines.total(), lines, "each line is in one class");
    assert_eq!(import.lines.len() as u64, lines);
    assert_eq!(report.lines.bad == 0, report.errors_total() == 0, "bad lines have a reason");
    assert_eq!(report.lines.taken == 0, import.parcels.is_empty());
    assert!(report.orders_with_errors == 0 || report.errors_total() > 0, "a reason is given");
    for line in &report.bad_lines {
        assert!(!line.to_string().contains(|c: char| c.is_control()), "{line}");
    }
}

/// Pieces of files of every format.
fn file_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "\n", "\n", "\r\n", ",", "/", ":", "-", " ", "`", "#", "\"", "\t", "\0", "\u{1}",
            ":20:A\n:25:B\n:28C:1/1\n:60F:C261129CNY10,\n",
            ":61:261130C5,NTRFX//Y\n",
            ":86:?20EREF+A",
            ":61:2611301130RCR5,NTRFX//Y\n", ":62F:C261130CNY15,\n", ":62M:D", ":60M:C260230EUR",
            "01,A,B,261130,0800,1,80,1,2/\n",
            "02,A,B,1,261130,2359,CNY,2/\n",
            "03,A,CNY,010,10,,/\n",
            "16,100,5,V,261130,,A,B,T/\n", "16,475,5,D,3,0,1", "88,", "49,15,3/\n", "98,15,1,5/\n",
            "99,15,1,7/\n", "<Document><BkToCstmrStmt><Stmt>", "<BkToCstmrDbtCdtNtfctn><Ntfctn>",
            "<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"CNY\">10</Amt>",
            "<CdtDbtInd>CRDT</CdtDbtInd></Bal>",
            "<Ntry><Amt Ccy=\"CNY\">5</Amt>",
            "</Ntry>",
            "<Btch/>",
            "<NtryDtls><TxDtls>",
            "</TxDtls></NtryDtls>",
            "</Stmt></BkToCstmrStmt></Document>",
            "&amp;",
            "&x;",
            "<!DOCTYPE a>",
            "<![CDATA[x]]>",
            "<a b='c'/>",
            "记账日期,货币,交易金额,联机余额,交易摘要,对手信息,客户摘要\n\
             2024-01-01,CNY,1,5,a,b,c\n",
            "2024-01-01,CNY,\"1,000.00\",6,a,b,c\n",
            "订单号,代收货款\nA,1.00\n", "AWB,CRF ID,Order Id,Order Value\n1.5E+1,C,O,1\n", "1E+11",
            "交易状态,商户订单号,微信订单号,总金额,手续费\n`SUCCESS,`O,`W,`1,`0.00600\n",
            "总交易单数\n`1\n",
            "99999999999999999999",
            "92233720368547758.07",
            "-",
            "\u{feff}",
            "PK\u{3}\u{4}",
            "PK\u{5}\u{6}",
        ]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => prop::collection::vec(prop::sample::select(b" 0123456789CD".to_vec()), 0..420),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// Rules for every file that is taken.
fn check_file(format: &str, bytes: &[u8]) {
    let options = ReadOptions { currency_given: "CNY".parse().ok(), ..ReadOptions::default() };
    let found = FileFormat::find(format).unwrap();
    let name = "IND16010132 INO16010132 INN16010132";
    let (checked, parts) = match preview(Cursor::new(bytes), name, found, &options, usize::MAX) {
        Ok(read) => read,
        Err(refused) => {
            let text = refused.to_string();
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
            return;
        }
    };
    assert_eq!(checked.head.parts(), parts.len() as u64);
    assert_eq!(checked.digest.len(), 64);
    if let IncomingHead::Statements(heads) = &checked.head {
        for head in heads {
            if let (Some(opening), Some(closing)) = (head.opening, head.closing) {
                let found = i128::from(opening.minor()) + head.moved;
                assert_eq!(found, i128::from(closing.minor()), "the balances add up");
            }
        }
    }
    let mut again = Vec::new();
    checked.stream(Cursor::new(bytes), &options, &mut |part| again.push(part)).unwrap();
    assert_eq!(again, parts);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_bytes_of_a_file_panic(bytes in file_like()) {
        for format in FileFormat::names() {
            check_file(format, &bytes);
        }
        let guessed = guess("a.csv", &bytes, &[]);
        prop_assert!(guessed.fits.len() <= FileFormat::names().count());
    }

    #[test]
    fn no_file_profile_panics(toml in "\\PC*", cut in 0..2_500_usize) {
        let _ = FileProfile::parse(&toml);
        for name in ["alipay-bill", "cups-acom"] {
            let whole = FileProfile::text(name).unwrap();
            let _ = FileProfile::parse(whole.get(cut..).unwrap_or_default());
            let _ = FileProfile::parse(whole.get(..cut).unwrap_or_default());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_bytes_panic(which in 0..HEADERS.len(), orders in csv_like(), items in csv_like()) {
        let (name, orders_header, items_header) = HEADERS[which];
        let profile = Profile::built_in(name).unwrap();
        let profile =
            if profile.needs_seller() { profile.with_seller("S").unwrap() } else { profile };
        let orders = [orders_header.as_bytes(), &orders].concat();
        let items = [items_header.as_bytes(), &items].concat();
        let items = (!items_header.is_empty()).then_some(items.as_slice());
        if let Ok(import) = try_import(&profile, &orders, items) {
            check(&import);
            let again = try_import(&profile, &orders, items).unwrap();
            prop_assert_eq!(again.parcels, import.parcels);
        }
        let _ = try_import(&profile, &orders[orders.len() / 3..], items);
    }

    #[test]
    fn no_profile_panics(toml in "\\PC*", cut in 0..1_500_usize) {
        let _ = Profile::parse(&toml);
        let shopify = include_str!("../../../../profiles/shopify.toml");
        let _ = Profile::parse(shopify.get(cut..).unwrap_or_default());
        let _ = Profile::parse(shopify.get(..cut).unwrap_or_default());
    }
}
