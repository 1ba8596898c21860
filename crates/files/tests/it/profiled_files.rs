//! Files that profiles read: wallets' bills, UnionPay's fixed columns, courier firms' sheets.

use std::cell::RefCell;
use std::io::{Cursor, Write};
use std::num::NonZeroU64;

use encoding_rs::GBK;
use files::incoming::check::{FileFormat, ReadOptions, check};
use files::incoming::clearing::{StatedItemKind, StatedPayment};
use files::incoming::guess::{GuessReason, guess};
use files::incoming::parts::{CardTokens, ClearingRole, FilePart, IncomingHead, RemittanceLine};
use files::incoming::profile::FileProfile;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::support::{read_items, read_statements, try_read};

const WECHAT: &str = "\u{feff}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,\
    商户订单号,用户标识,交易类型,\
    交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,\
    充值券退款金额,退款类型,\
    退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n\
    `2026-11-30 10：00：00,`wx1,`19,`0,`T1,`42001,`O-1,`o1,`NATIVE,`SUCCESS,`OTHERS,`CNY,`12.34,\
    `0.00,`0,`0,`0.00,\
    `0.00,`,`,`货款,`,`0.07404,`0.60%,`12.34,`0.00,`\r\n\
    `2026-11-30 11:00:00,`wx1,`19,`0,`T1,`42001,`O-1,`o1,`NATIVE,`REFUND,`OTHERS,`CNY,`0.00,\
    `0.00,`50001,`R-1,`2.34,\
    `0.00,`ORIGINAL,`SUCCESS,\"`货款, 大\",`,`-0.01404,`0.60%,`0.00,`2.34,`\r\n\
    总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,\
    申请退款总金额\r\n\
    `2,`12.34,`2.34,`0.00,`0.06000,`12.34,`2.34\r\n";

fn wechat(text: &str) -> Result<String, String> {
    let (head, items) = read_items(
        "wechat-bill",
        "1900All2026-11-30.csv",
        text.as_bytes(),
        &ReadOptions::default(),
    )?;
    let line = |one: &files::incoming::parts::ClearedItem| {
        format!(
            "{} {} {}",
            one.item.kind.name(),
            one.item.amount.minor(),
            one.item.kept_back.minor()
        )
    };
    let items: Vec<_> = items.iter().map(line).collect();
    Ok(format!("{} {} {:?}", items.join("; "), head.kept_back_parts, head.rounding))
}

#[test]
fn a_wechat_bill_has_fees_of_five_decimals_and_checked_totals() {
    assert_eq!(wechat(WECHAT).unwrap(), "sale 1234 7; refund -234 -1 6000 None");
    let options = ReadOptions::default();
    let (_, items) = read_items("wechat-bill", "b.csv", WECHAT.as_bytes(), &options).unwrap();
    assert_eq!(items[0].facts.kept_back_fine.unwrap().to_string(), "0.07404");
    assert_eq!(items[1].item.payment, StatedPayment::Order("O-1".to_owned()));
    assert_eq!(items[1].facts.refund_reference.as_deref(), Some("R-1"));
    // The total of the fees may be that of rounded ones, within half a cent and each line's part.
    let rounded = wechat(&WECHAT.replace("`0.06000,`12.34", "`0.06400,`12.34")).unwrap();
    assert!(rounded.contains("Some(RoundingDifference { parts: 400, bound: 501 })"), "{rounded}");
    for (from, to, words) in [
        (
            "`0.06000,`12.34",
            "`0.06502,`12.34",
            "line 5, 手续费: it says 0.06502, but the lines have",
        ),
        ("`2,`12.34,`2.34", "`3,`12.34,`2.34", "line 5, lines: it says 3, but the lines have 2"),
        ("`2,`12.34,`2.34", "`2,`12.35,`2.34", "line 5, 应结订单金额: it says 12.35000"),
        ("`CNY,`12.34", "`CNY,\"`1,2.34\"", "应结订单金额: it is not an amount in CNY"),
        ("`CNY,`12.34", "`CNY,`12,34", "line 2: it has 28 fields, and must have 27"),
        ("`SUCCESS,`OTHERS", "`PAID,`OTHERS", "line 2, 交易状态: the profile gives this value no"),
        (
            "`O-1,`o1,`NATIVE,`SUCCESS",
            "`,`o1,`NATIVE,`SUCCESS",
            "line 2, 商户订单号: it must have 1",
        ),
        ("`CNY,`0.00", "`USD,`0.00", "line 3, 货币种类: it is not the same as in the lines before"),
        ("手续费,费率", "手续费率,费率", "line 1, 手续费: there is no such column"),
        ("退款类型", "手续费", "line 1, 手续费: the column stands in the header twice"),
        ("`2,`12.34,`2.34,`0.00,`0.06000,`12.34,`2.34\r\n", "", "the file is not complete"),
        ("`2,`12.34,`2.34,", "`x\r\n`2,`12.34,`2.34,", "it stands behind the last line"),
    ] {
        let why = wechat(&WECHAT.replacen(from, to, 1)).expect_err(words);
        assert!(why.contains(words), "{words}\n{why}");
    }
    let (rows, totals) = WECHAT.split_at(WECHAT.find("总交易单数").unwrap());
    let why = wechat(&format!("{totals}{rows}")).unwrap_err();
    assert!(why.contains("the file is not complete: its last line is missing"), "{why}");
}

const ALIPAY: &str = "#支付宝业务明细查询\r\n#账号：[20881]\r\n#------业务明细列表------\r\n\
    支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,\
    对方账户,订单金额（元）,\
    商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,\
    券核销金额（元）,券名称,商家红包消费金额（元）,\
    卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注\r\n\
    2026\t,O-1\t,交易,货款,2026-11-30 10:00:00,2026-11-30 10:00:01,,,,,*三(138***01),100.00,\
    100.00,0.00,0.00,0.00,0.00,\
    0.00,,0.00,0.00,,-0.55,0.00,\r\n\
    2026\t,O-1\t,退款,货款,2026-11-30 10:00:00,2026-11-30 11:00:01,,,,,*三(138***01),-20.00,\
    -20.00,0.00,0.00,0.00,0.00,\
    0.00,,0.00,0.00,R-1\t,0.00,0.00,\r\n\
    #------业务明细列表结束------\r\n#交易合计：1笔，商家实收共100.00元，商家优惠共0.00元\r\n\
    #退款合计：1笔，商家实收退款共-20.00元，商家优惠退款共0.00元\r\n\
    #导出时间：[2026年12月01日]\r\n";

fn gbk(text: &str) -> Vec<u8> {
    GBK.encode(text).0.into_owned()
}

/// A zip archive whose names are in GBK without the flag of UTF-8.
fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut names = Vec::new();
    for (place, (name, bytes)) in files.iter().enumerate() {
        let name = gbk(name);
        // A name of the same length that can be replaced in the bytes.
        let stand_in = format!("{:~<width$}", place, width = name.len());
        writer.start_file(&stand_in, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
        names.push((stand_in.into_bytes(), name));
    }
    let mut bytes = writer.finish().unwrap().into_inner();
    for (from, to) in names {
        let mut at = 0;
        while let Some(found) = bytes[at..].windows(from.len()).position(|one| one == from) {
            bytes[at + found..at + found + to.len()].copy_from_slice(&to);
            at += found + to.len();
        }
    }
    bytes
}

#[test]
fn an_alipay_bill_is_read_from_its_zip_archive_or_as_csv() {
    let csv = gbk(ALIPAY);
    let summary = gbk("#支付宝业务汇总查询\r\n");
    let archive =
        zipped(&[("2088_业务明细(汇总).csv", &summary), ("2088_20261130_业务明细.csv", &csv)]);
    let options = ReadOptions::default();
    let read = |bytes: &[u8]| read_items("alipay-bill", "2088_20261130.csv.zip", bytes, &options);
    let (head, items) = read(&archive).unwrap();
    assert_eq!((head.amount, head.kept_back, head.totals_checked), (8_000, 55, 4));
    let kinds: Vec<_> = items.iter().map(|one| one.item.kind).collect();
    assert_eq!(kinds, [StatedItemKind::Sale, StatedItemKind::Refund]);
    assert_eq!(items[1].facts.refund_reference.as_deref(), Some("R-1"), "without its tab");
    assert_eq!(read(&csv).unwrap(), (head, items));
    let not_gbk = ALIPAY.as_bytes();
    let why = read(not_gbk).unwrap_err();
    assert!(why.contains("is not GBK"), "{why}");
    let mut broken = csv;
    let at = broken.len() - 40;
    broken[at] = 0xFF;
    let why = read(&broken).unwrap_err();
    assert!(why.contains("GBK"), "{why}");
    for (from, to, words) in [
        (
            "共100.00元",
            "共100.01元",
            "商家实收（元）: it says 100.01000, but the lines have 100.00000",
        ),
        ("交易合计：1笔", "交易合计：2笔", "lines: it says 2, but the lines have 1"),
        ("交易合计：1笔", "交易合计1笔", ""),
        ("#退款合计：1笔，", "#退款合计：1笔.", "it is not written as the format says"),
        ("退款,货款", "退货,货款", "line 6, 业务类型: the profile gives this value no meaning"),
        (",-20.00,-20.00,", ",20.00,20.00,", "line 6, 商家实收（元）: its sign does not fit"),
    ] {
        let read = read(&gbk(&ALIPAY.replacen(from, to, 1)));
        match words {
            "" => assert_eq!(read.unwrap().0.totals_checked, 2, "a line of another form"),
            words => {
                let why = read.expect_err(words);
                assert!(why.contains(words), "{words}\n{why}");
            }
        }
    }
}

#[test]
fn archives_that_are_no_bill_are_refused() {
    let csv = gbk(ALIPAY);
    let bill = ("业务明细.csv", csv.as_slice());
    let options = ReadOptions::default();
    let why =
        |bytes: &[u8]| read_items("alipay-bill", "b.zip", bytes, &options).expect_err("an archive");
    let good = zipped(&[bill]);
    for (bytes, words) in [
        (good[..good.len() / 2].to_vec(), "the zip archive is broken or cut short"),
        (good[..good.len() - 4].to_vec(), "the zip archive is broken or cut short"),
        (zipped(&[("readme.txt", b"x")]), "no file in the zip archive has the name"),
        (zipped(&[bill, ("业务明细2.csv", &csv)]), "several files in the zip archive"),
        (zipped(&[bill; 17]), "more than 16 files"),
        (zipped(&[("业务明细.csv", &vec![b','; 16 << 20])]), "unpacks to more than"),
    ] {
        let why = why(&bytes);
        assert!(why.contains(words), "{words}\n{why}");
    }
    // A false size, and bytes that are not those of the checksum.
    let mut changed = good.clone();
    let at = changed.windows(2).position(|two| two == b"PK").unwrap() + 60;
    changed[at] ^= 0xFF;
    assert!(read_items("alipay-bill", "b.zip", &changed, &options).is_err());
    assert!(read_items("wechat-bill", "b.zip", &good, &options).is_err());
    let why = read_statements("mt940", &good).unwrap_err();
    assert!(why.contains("an Excel workbook or another ZIP archive"), "{why}");
}

/// A line of fixed columns with blanks between them. Fields that are not given are blank.
fn fixed(profile: &str, fields: &[(&str, &str)]) -> String {
    let toml: toml::Table = FileProfile::text(profile).unwrap().parse().unwrap();
    let columns = toml["fixed"]["columns"].as_array().unwrap();
    let column = |column: &toml::Value| {
        let name = column[0].as_str().unwrap();
        let width = usize::try_from(column[1].as_integer().unwrap()).unwrap();
        let value = fields.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        let numeric = value.bytes().all(|byte| byte.is_ascii_digit()) && name.contains("amount");
        if numeric { format!("{value:0>width$}") } else { format!("{value:<width$}") }
    };
    columns.iter().map(column).collect::<Vec<_>>().join(" ")
}

const SALE: [(&str, &str); 17] = [
    ("stan", "000123"),
    ("sent", "1231235959"),
    ("card", "6217001234567890"),
    ("amount", "10000"),
    ("message type", "0200"),
    ("processing code", "000000"),
    ("condition", "00"),
    ("terminal", "10000001"),
    ("merchant", "105331042151234"),
    ("rrn", "ABCDEF000001"),
    ("authorisation", "A12345"),
    ("original stan", "000000"),
    ("original sent", "0000000000"),
    ("fee receivable", "C00000000000"),
    ("fee payable", "D00000000045"),
    ("switch fee", "D00000000005"),
    ("settlement date", "0101"),
];

struct SeenTokens(RefCell<Vec<Vec<u8>>>);

impl CardTokens for SeenTokens {
    fn token(&self, pan: &[u8]) -> NonZeroU64 {
        self.0.borrow_mut().push(pan.to_vec());
        NonZeroU64::new(77).unwrap()
    }
}

fn with<'a>(
    fields: &[(&'a str, &'a str)],
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut all = changes.to_vec();
    all.extend(fields.iter().filter(|(name, _)| !changes.iter().any(|(known, _)| known == name)));
    all
}

#[test]
fn unionpay_s_fixed_columns_become_items_without_card_numbers() {
    let tokens = SeenTokens(RefCell::default());
    let options = ReadOptions { tokens: Some(&tokens), ..ReadOptions::default() };
    let refund = with(
        &SALE,
        &[
            ("message type", "0220"),
            ("processing code", "200000"),
            ("stan", "000124"),
            ("sent", "0101000001"),
            ("original stan", "000123"),
            ("original sent", "1231235959"),
            ("fee payable", "C00000000045"),
        ],
    );
    let text = format!("{}\r\n{}\r\n", fixed("cups-acom", &SALE), fixed("cups-acom", &refund));
    let (head, items) =
        read_items("cups-acom", "/in/IND16010101ACOM", text.as_bytes(), &options).unwrap();
    assert_eq!((head.role, head.amount, head.kept_back), (ClearingRole::Items, 0, 10));
    assert_eq!(head.date.unwrap().to_string(), "2016-01-01");
    let request = |stan, sent_s| StatedPayment::Request { rrn: *b"ABCDEF000001", stan, sent_s };
    assert_eq!(items[0].item.payment, request(123, 1_451_606_399), "of 2015");
    assert_eq!(items[1].item.payment, request(124, 1_451_606_401), "of 2016");
    assert_eq!(items[1].facts.original, Some((123, 1_451_606_399)));
    assert_eq!((items[1].item.amount.minor(), items[1].item.kept_back.minor()), (-10_000, -40));
    let card = items[0].facts.card.unwrap();
    assert_eq!((&card.bin, &card.last_four), (b"621700", b"7890"));
    assert_eq!(card.token, NonZeroU64::new(77));
    // Each pass asks for each card.
    assert_eq!(tokens.0.borrow()[0], b"6217001234567890");
    let shown = format!("{items:?}");
    assert!(
        !shown.contains("6217001234567890") && !shown.contains("54, 50, 49, 55, 48, 48, 49, 50")
    );
    assert_eq!(items[0].facts.authorisation.as_deref(), Some("A12345"));

    let acoma = fixed("cups-acoma", &SALE) + &" ".repeat(400);
    let (_, items) =
        read_items("cups-acoma", "IND16010132ACOMA", acoma.as_bytes(), &options).unwrap();
    assert_eq!(items[0].facts.settled_on.unwrap().to_string(), "2016-01-01");

    for (name, fields, words) in [
        (
            "IND16010101ACOM",
            with(&SALE, &[("amount", "1O000")]),
            "amount: it is not an amount in CNY",
        ),
        ("IND16010101ACOM", with(&SALE, &[("card", "62170012x")]), "card: it is not a card number"),
        ("IND16010101ACOM", with(&SALE, &[("sent", "0230000000")]), "sent: it is not a time"),
        ("IND15010101ACOM", with(&SALE, &[("sent", "0229000000")]), "sent: it is not a time"),
        ("IND16010101ACOM", with(&SALE, &[("stan", "000000")]), "stan: it must have 6 digits"),
        ("IND16010101ACOM", with(&SALE, &[("message type", "0800")]), "message type: the profile"),
        ("ACOM", SALE.to_vec(), "the year of its times is not known; keep the name"),
    ] {
        let text = fixed("cups-acom", &fields);
        let why = read_items("cups-acom", name, text.as_bytes(), &options).expect_err(words);
        assert!(why.contains(words), "{words}\n{why}");
        assert!(!why.contains("621700"), "{why}");
    }
    let line = fixed("cups-acom", &SALE);
    let why = |text: &str| {
        read_items("cups-acom", "IND16010101ACOM", text.as_bytes(), &options).unwrap_err()
    };
    assert!(why(&line[..200]).contains("line 1: the line has 200 bytes, and must have"));
    let shifted = format!("{}x{}", &line[..40], &line[40..]);
    assert!(why(&shifted).contains("line 1: the columns do not stand where the profile has them"));
}

#[test]
fn the_other_files_of_unionpay_are_read_too() {
    let options = ReadOptions::default();
    let fees = with(
        &SALE,
        &[
            ("acquirer fee", "D00000000045"),
            ("brand fee", "D00000000005"),
            ("net", "C000000009950"),
        ],
    );
    let text = fixed("cups-alfee", &fees);
    let (head, items) =
        read_items("cups-alfee", "IND15123199ALFEE", text.as_bytes(), &options).unwrap();
    assert_eq!((head.role, head.kept_back), (ClearingRole::FeeDetails, 50));
    assert_eq!(items[0].facts.fees.network.unwrap().to_string(), "0.05000");
    let text = text.replace("C000000009950", "C000000009951");
    let why = read_items("cups-alfee", "IND15123199ALFEE", text.as_bytes(), &options).unwrap_err();
    assert!(why.contains("net: net is not amount minus kept_back"), "{why}");

    let error = [
        ("error type", "E05"),
        ("prior rrn", "ABCDEF000001"),
        ("prior stan", "000123"),
        ("prior sent", "1130101112"),
        ("amount", "6000"),
        ("card", "6217001234567890"),
        ("out account", "6217001234567890"),
    ];
    let text = fixed("cups-aerra", &error);
    let (_, items) =
        read_items("cups-aerra", "IND15123132AERRA", text.as_bytes(), &options).unwrap();
    assert_eq!(
        (items[0].item.kind, items[0].item.amount.minor()),
        (StatedItemKind::Chargeback, -6_000)
    );
    let text = fixed("cups-aerra", &with(&error, &[("error type", "E99")]));
    let why = read_items("cups-aerra", "IND15123132AERRA", text.as_bytes(), &options).unwrap_err();
    assert!(why.contains("error type: the profile gives this value no meaning"), "{why}");

    let sums = [
        ("merchant", "105331042151234"),
        ("amount", "C000000010000"),
        ("fee", "D000000000050"),
        ("net", "C000000009950"),
    ];
    let mut text = GBK.encode(&fixed("cups-zsum", &sums)).0.into_owned();
    let name = gbk("快递");
    text[16..20].copy_from_slice(&name);
    let (checked, parts) = try_read("cups-zsum", "INO15123132ZSUM", &text, &options).unwrap();
    let IncomingHead::Clearing(head) = checked.head else { panic!() };
    assert_eq!((head.role, head.amount, head.kept_back), (ClearingRole::MerchantSums, 10_000, 50));
    assert!(matches!(&parts[0], FilePart::MerchantSum(sum) if sum.merchant == "105331042151234"));

    let order = [
        ("order", "O-1"),
        ("query", "201512310000000000017"),
        ("type", "01"),
        ("amount", "10000"),
        ("fee", "D000000000050"),
        ("net", "C000000009950"),
        ("original stan", "000000"),
    ];
    let text = fixed("unionpay-zm", &order);
    let (_, items) =
        read_items("unionpay-zm", "INN15123188ZM_777", text.as_bytes(), &options).unwrap();
    assert_eq!(items[0].item.payment, StatedPayment::Order("O-1".to_owned()));
    assert_eq!(items[0].item.kept_back.minor(), 50);
    assert_eq!(items[0].facts.card, None);
}

fn remittances(profile: &str, text: &[u8]) -> Result<Vec<RemittanceLine>, String> {
    let (_, parts) = try_read(profile, "sheet.csv", text, &ReadOptions::default())?;
    let lines = parts.into_iter().map(|part| match part {
        FilePart::Remitted(line) => line,
        other => panic!("{other:?}"),
    });
    Ok(lines.collect())
}

#[test]
fn sheets_of_courier_firms_say_what_was_collected_deducted_and_paid() {
    let awb = "CRF ID,AWB,Delivered Date,Shipped Date,Order Id,Courier,Order Value,Channel Name,\
        Remmitance Type,Remittance Date,UTR,total_adjusted_amt,Linked CRF Ids\n\
        C1,1.23456789012E+11,2026-11-28,2026-11-25,#1001,X,\"1,499.00\",web,COD,2026-11-30,UTR9,\
        0,\n";
    let lines = remittances("shiprocket-parcels", awb.as_bytes()).unwrap();
    assert_eq!(lines[0].waybill.as_deref(), Some("123456789012"), "all its digits are there");
    assert_eq!(lines[0].collected.unwrap().minor(), 149_900);
    assert_eq!((lines[0].bank_reference.as_deref(), lines[0].line), (Some("UTR9"), 2));
    let why =
        remittances("shiprocket-parcels", awb.replace("1.23456789012E", "1.23457E").as_bytes());
    let why = why.unwrap_err();
    assert!(why.contains("line 2, AWB: a spreadsheet has rounded this number"), "{why}");

    let crf = "Date,CRF ID,COD Available,Freight Charges from COD,RTO Reversal Amount,\
        Remittance Amount,Remittance Method,UTR,Adjusted Amount,Status,remarks,Early COD Charges\n\
        2026-11-30,C1,1000.00,80.00,20.00,905.00,Prepaid,UTR9,10.00,Remittance Success,,5.00\n";
    let lines = remittances("shiprocket-remittances", crf.as_bytes()).unwrap();
    let deducted: Vec<_> =
        lines[0].deductions.iter().map(|one| (&*one.name, one.amount.minor())).collect();
    assert_eq!(
        deducted,
        [
            ("Freight Charges from COD", 8_000),
            ("RTO Reversal Amount", 2_000),
            ("Early COD Charges", 500),
            ("Adjusted Amount", -1_000),
        ]
    );
    let why = remittances("shiprocket-remittances", crf.replace("905.00", "906.00").as_bytes());
    assert!(why.unwrap_err().contains("line 2, Remittance Amount: net is not amount minus"));

    let jt = "J&T Express,,\nStatement,,\n\"Period\n2026-11\",,\nNo.,Client order No,Tracking No.,\
        Client name,Origin Station,COD Amount,Less POS Charges,Transaction Fees,COD Service Fees,\
        Link Service Fees,Total Service Fees,Actual COD Received,Signing Time,Signing Status\n\
        1,'0012,JT1,Name,RUH,100.00,1.00,0.50,2.00,,3.50,96.50,2026-11-29 10:00:00,Signed\n";
    let lines = remittances("jt-saudi", jt.as_bytes()).unwrap();
    assert_eq!((lines[0].order.as_deref(), lines[0].line), (Some("0012"), 6));
    assert_eq!(lines[0].net.unwrap().minor(), 9_650);

    let postex = "trackingNumber,invoicePayment,settle,settlementDate,upfrontPaymentDate,\
        cprNumber_1,reservePaymentDate,cprNumber_2\n\
        PX1,2000,Yes,2026-11-30,2026-11-20,CPR-1,2026-11-30,CPR-2\n";
    let lines = remittances("postex", postex.as_bytes()).unwrap();
    let paid: Vec<_> = lines[0]
        .instalments
        .iter()
        .map(|one| format!("{} {}", one.reference.as_deref().unwrap(), one.paid_on.unwrap()))
        .collect();
    assert_eq!(paid, ["CPR-1 2026-11-20", "CPR-2 2026-11-30"]);

    let delhivery = "Description,Payment Mode,Client,Pincode,Amount Payable,City,Status,COD Amount,\
        Waybill Number,Order Number\nx,COD,c,1,0,d,Delivered,500,W1,O1\n";
    assert_eq!(
        remittances("delhivery", delhivery.as_bytes()).unwrap()[0].state.as_deref(),
        Some("Delivered")
    );
    let chinese = gbk(
        "订单号,件数,揽件人,配送人,代收货款,配送站点,账单编号,生效标识,未匹配原因\nO1,1,张,李,\
        20.00,站,Z1,Y,\n",
    );
    let lines = remittances("courier-cn", &chinese).unwrap();
    assert_eq!(lines[0].remittance.as_deref(), Some("Z1"));
    let why = remittances("courier-cn", &gbk("订单号,代收货款\n,20.00\n")).unwrap_err();
    assert!(why.contains("line 2"), "{why}");
}

#[test]
fn the_format_of_a_file_is_guessed_with_a_reason_or_left_to_a_person() {
    let of = |name: &str, head: &[u8]| {
        let guess = guess(name, head, &[]);
        let fits: Vec<_> = guess.fits.iter().map(|one| one.format.name().to_owned()).collect();
        (guess.only().map(|one| (one.format.name().to_owned(), one.why)), fits)
    };
    let only = |name: &str, head: &[u8]| of(name, head).0.unwrap_or_else(|| panic!("{name}"));
    let sure = |format: &str| (format.to_owned(), GuessReason::FirstLines);
    let camt = "<?xml version=\"1.0\"?>\n<Document xmlns=\"x\">\n<BkToCstmrStmt>";
    assert_eq!(only("a.xml", camt.as_bytes()), sure("camt"));
    assert_eq!(only("a.sta", b"\x01\r\n:20:X\r\n:25:Y"), sure("mt940"));
    assert_eq!(only("a.bai", b"01,A,B,1/\n02,A,B/\n"), sure("bai2"));
    let item =
        "H,1,unionpay,2013-08-28,CNY\nI,ABCDEF000001,000001,2013-08-28T10:11:12Z,1,1,sale,1,0,1\n";
    assert_eq!(only("a.csv", item.as_bytes()), sure("clearing"));
    assert_eq!(
        only("a.csv", b"H,1,red,2013-08-28,CNY\nI,O1,1,1,sale,1,0,1\n"),
        sure("clearing-wallet")
    );
    assert_eq!(
        of("a.csv", b"H,1,red,2013-08-28,CNY\nT,0"),
        (None, vec!["clearing".to_owned(), "clearing-wallet".to_owned()])
    );
    let bank = b"account,date,type,amount,currency,bank_reference,our_reference,text\n";
    assert_eq!(only("b.csv", bank), sure("bank-csv"));
    let by_columns = only("b.csv", WECHAT.as_bytes());
    assert_eq!(by_columns.0, "wechat-bill");
    assert!(matches!(by_columns.1, GuessReason::Columns { count } if count >= 8), "{by_columns:?}");
    let named = |format: &str| (format.to_owned(), GuessReason::NameAndColumns);
    assert_eq!(only("1900All2026-11-30.csv", WECHAT.as_bytes()), named("wechat-bill"));
    assert_eq!(only("2088_业务明细.csv", &gbk(ALIPAY)), named("alipay-bill"));
    assert_eq!(only("20881.zip", &zipped(&[("x", b"y")])), named("alipay-bill"));
    let acoma = fixed("cups-acoma", &SALE);
    assert_eq!(only("IND16010132ACOMA", acoma.as_bytes()), named("cups-acoma"));
    let (one, fits) = of("unknown.txt", acoma.as_bytes());
    assert_eq!(one, None, "ACOM's columns stand in ACOMA too");
    assert!(fits.contains(&"cups-acom".to_owned()) && fits.contains(&"cups-acoma".to_owned()));
    for head in [&b"hello"[..], b"", b"\xFF\xFE\0", b"a,b\n1,2\n", "姓名,电话\n".as_bytes()] {
        assert_eq!(of("file", head), (None, Vec::new()));
    }
}

#[test]
fn built_in_profiles_are_valid_and_others_say_what_is_wrong() {
    for name in FileProfile::names() {
        let profile = FileProfile::built_in(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(profile.head().name(), name);
        assert!(profile.head().about_in_chinese() != profile.head().about(), "{name}");
        assert!(profile.head().warning().is_some(), "{name} is not confirmed");
        assert!(files::profile::Profile::names().all(|known| known != name));
    }
    let cmb = FileProfile::text("cmb").unwrap();
    for (from, to, words) in [
        ("reads = \"statement\"", "reads = \"stamps\"", "the profile is not valid"),
        (
            "amount = \"交易金额\"",
            "amont = \"交易金额\"",
            "fields.amont is not a field of this model",
        ),
        ("amount = \"交易金额\"", "", "fields.amount is missing; name its column"),
        ("booked_on = \"记账日期\"", "", "fields.booked_on is missing"),
        ("\"人民币\" = \"CNY\"", "\"人民币\" = \"YEN\"", "file.currency_names is not a currency"),
        (
            "amount = \"交易金额\"",
            "amount = { any_of = [\"a\"], plus = \"C\" }",
            "signs that contradict",
        ),
        ("decimal_group = \",\"", "decimal_group = \".\"", "format.decimal_group is not valid"),
        ("[csv]", "[fixed]\nseparator_bytes = 1\ncolumns = []\n[csv]", "csv and fixed exclude"),
        ("%Y-%m-%d", "%H:%M", "format.times `%H:%M` does not read a date"),
    ] {
        assert!(cmb.contains(from), "{from}");
        let error = FileProfile::parse(&cmb.replace(from, to)).expect_err(to).to_string();
        assert!(error.contains(words), "{words}\n{error}");
    }
    let unknown = FileFormat::find("wechat-bil").unwrap_err().to_string();
    assert!(unknown.contains("did you mean `wechat-bill`?"), "{unknown}");
    let zsum = FileProfile::text("cups-zsum").unwrap();
    let error = FileProfile::parse(&zsum.replace("[\"fee\", 13]", "[\"fees\", 13]")).unwrap_err();
    assert!(error.to_string().contains("fixed.columns names no column `fee`"), "{error}");
}

#[test]
fn a_long_file_is_read_in_two_passes_with_little_memory() {
    let line = "W1,O1,20.00\n";
    let mut text = "订单号,代收货款,x\n".to_owned();
    for _ in 0..200_000 {
        text.push_str(line);
    }
    let bytes = gbk(&text);
    let format = FileFormat::find("courier-cn").unwrap();
    let why = check(Cursor::new(&bytes), "a.csv", format.clone(), &ReadOptions::default());
    // The profile reads the second column.
    assert!(why.unwrap_err().to_string().contains("… and 199000 more"));
    let good = gbk(&text.replace("代收货款,x", "x,代收货款"));
    let checked = check(Cursor::new(&good), "a.csv", format, &ReadOptions::default()).unwrap();
    let mut sum = 0;
    let mut add = |part| {
        if let FilePart::Remitted(line) = part {
            sum += line.collected.unwrap().minor();
        }
    };
    checked.stream(Cursor::new(&good), &ReadOptions::default(), &mut add).unwrap();
    assert_eq!(sum, 200_000 * 2_000);
}
