//! Files that banks and wallets really sent, if they are present: they are read as their authors
//! expect, or refused for what their authors left wrong in them.

use std::fs;
use std::path::{Path, PathBuf};

use files::incoming::check::ReadOptions;
use files::incoming::parts::ReferenceKind;
use serde_json::Value;

use crate::support::{read_items, read_statements, real};

fn files_in(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_in(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The values of a key among the transactions of mt940's own parse (YAML).
fn values(yaml: &str, key: &str) -> Vec<Option<String>> {
    let (_, transactions) = yaml.split_once("\ntransactions:").unwrap_or_default();
    let mark = format!("    {key}: ");
    let found = transactions.lines().filter_map(|line| line.strip_prefix(mark.as_str()));
    found
        .map(|text| Some(text.trim_matches('\'').to_owned()).filter(|text| text != "null"))
        .collect()
}

/// The amounts of the transactions of mt940's own parse, in minor units.
fn amounts(yaml: &str) -> Vec<i64> {
    let (_, transactions) = yaml.split_once("\ntransactions:").unwrap_or_default();
    let mut lines = transactions.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with("    amount: !!python/object:mt940.models.Amount") {
            let text = lines.nth(1).unwrap().trim().trim_matches(['-', ' ', '\'']);
            let negative = lines_minus(transactions, text);
            let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
            let minor: i64 = format!("{whole}{decimals:0<2}").parse().unwrap();
            found.push(if negative { -minor } else { minor });
        }
    }
    found
}

fn lines_minus(yaml: &str, digits: &str) -> bool {
    yaml.contains(&format!("'-{digits}'"))
}

#[test]
fn statements_of_mt940_are_read_as_another_program_reads_them() {
    let Some(folder) = real("bank/mt940") else { return };
    // Statements whose sums the authors of the samples left wrong, and why they are refused.
    let refused = [
        ("sepa_snippet.sta", "62F: it says -4472049.09, but the lines have -4472349.17"),
        ("sepa_snippet_broken.sta", "line 6, 25: it cannot stand here"),
        ("with_newline_in_tnr.sta", "62F: it says 860.17, but the lines have 89.46"),
        ("mt942.sta", "line 5, 34F: it is an interim report, which has no booked entries"),
        ("cmxl/mt940.sta", "line 4, 60F: it is not a currency code of ISO 4217"),
    ];
    let mut compared = 0;
    for path in files_in(&folder, ".sta") {
        let mut bytes = fs::read(&path).unwrap();
        // The smallest samples are one field each: the rest of a statement is put around it.
        let whole = bytes.windows(4).any(|four| four == b":20:") && bytes.len() > 100;
        if !whole {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some(line) = text.lines().find(|line| line.starts_with(":61:")) else { continue };
            let (begin, rest) = (":20:1\n:25:1\n:28C:1\n:60F:C110701EUR0,\n", &text[..]);
            let closing =
                if line.contains("DR0") { ":62F:D140901EUR1,62" } else { ":62F:C110701EUR50," };
            bytes = format!("{begin}{}\n{closing}\n", rest.trim_end_matches(['-', '\n'])).into();
        }
        let read = read_statements("mt940", &bytes);
        let known = refused.iter().find(|(end, _)| path.to_string_lossy().ends_with(end));
        if let Some((_, why)) = known {
            let text = read.expect_err(why);
            assert!(text.contains(why), "{}: {text}", path.display());
            continue;
        }
        let (_, entries) = read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let Ok(yaml) = fs::read_to_string(path.with_extension("yml")) else { continue };
        let found: Vec<_> = entries.iter().map(|entry| entry.amount.minor()).collect();
        assert_eq!(found.len(), amounts(&yaml).len(), "{}", path.display());
        let expected = amounts(&yaml);
        assert_eq!(found, expected, "{}", path.display());
        let expected = values(&yaml, "bank_reference");
        let found = entries.iter().map(|entry| entry.reference(ReferenceKind::Bank));
        assert_eq!(found.map(|text| text.map(str::to_owned)).collect::<Vec<_>>(), expected);
        for (entry, expected) in entries.iter().zip(values(&yaml, "customer_reference")) {
            // It writes the words of the details over the field of the entry.
            if expected.is_some() && entry.references.len() < 3 {
                let found = entry.reference(ReferenceKind::Customer).unwrap_or("NONREF");
                assert_eq!(Some(found.to_owned()), expected, "{}", path.display());
            }
        }
        compared += 1;
    }
    assert!(compared >= 4, "{compared}");
    let sepa = fs::read(folder.join("betterplace/sepa_mt9401.sta")).unwrap();
    let (heads, entries) = read_statements("mt940", &sepa).unwrap();
    assert_eq!((heads.len(), entries.len()), (26, 97));
    assert_eq!(heads[0].account.as_deref(), Some("50880050/0194774600888"));
    assert_eq!((heads[0].number, heads[0].page), (Some(4), Some(1)));
    let of = |place: usize| entries[place].reference(ReferenceKind::EndToEnd);
    assert_eq!(of(0), Some("TFNR 40005 00005"));
    let reversal = &entries[5];
    assert_eq!((reversal.reversal, reversal.amount.minor()), (true, -20_488));
    let asnb = fs::read(folder.join("ASNB/mt940.txt")).unwrap();
    let blank = fs::read(folder.join("ASNB/mt940_with_spaces_for_entry_date.txt")).unwrap();
    let [asnb, blank] = [asnb, blank].map(|bytes| read_statements("mt940", &bytes).unwrap());
    assert_eq!(asnb.0, blank.0);
    assert_eq!(asnb.0.len(), 31, "a statement for each day of a month");
    let binary = fs::read(folder.join("betterplace/with_binary_character.sta")).unwrap();
    let latin = String::from_utf8(binary).unwrap();
    let latin: Vec<u8> = latin.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(read_statements("mt940", &latin).unwrap().1.len(), 4, "in ISO 8859-1");
}

#[test]
fn statements_of_bai2_are_read_with_all_their_totals() {
    let Some(folder) = real("bank/bai2") else { return };
    let read = |name: &str| {
        let bytes = fs::read(folder.join(name)).unwrap();
        read_statements("bai2", &bytes).unwrap()
    };
    let (heads, entries) = read("sample1.txt");
    assert_eq!((heads.len(), entries.len()), (2, 17));
    assert_eq!(heads[0].account.as_deref(), Some("10200123456"));
    assert_eq!((heads[0].currency.code(), heads[0].moved), ("CAD", 0));
    assert_eq!(entries[0].value_date.unwrap().to_string(), "2006-03-16");
    let (heads, entries) = read("sample2.txt");
    assert_eq!((heads.len(), entries.len()), (5, 4));
    let letter = &entries[2];
    assert_eq!(letter.reference(ReferenceKind::Bank), Some("SP4738"));
    assert_eq!(letter.reference(ReferenceKind::Customer), Some("YRC065321"));
    assert_eq!(letter.texts[0].as_str(), "PROCEEDS OF LETTER OF CREDIT FROM THE ARAMCO OIL CO");
    assert!(!format!("{letter:?}").contains("ARAMCO"), "a text is not shown");
    assert!(heads[4].correction);
    let (heads, entries) = read("sample3.txt");
    assert_eq!((heads.len(), entries.len()), (15, 26));
    assert_eq!(heads[0].opening.unwrap().minor(), -3_500);
    assert_eq!(heads[0].closing.unwrap().minor(), -3_600);
    let bytes = fs::read(folder.join("sample1.txt")).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let changed = text.replacen("16,409,000000000002500,V", "16,409,000000000002501,V", 1);
    let why = read_statements("bai2", changed.as_bytes()).unwrap_err();
    assert!(why.contains("line 16, 49: it says 8340.00, but the lines have 8340.01"), "{why}");
    let lost = text.replacen("16,409,000000000000500,V,060316,,,,RTD CHQ SERVICE CHRG/\n", "", 1);
    let why = read_statements("bai2", lost.as_bytes()).unwrap_err();
    assert!(why.contains("line 15, 49: it says 14, but the lines have 13"), "{why}");
}

/// What genkgo's reader says of the entries of a file.
fn expected_entries(json: &Value) -> Vec<(i64, Option<String>, String)> {
    let entries = json["getEntries"].as_array().unwrap();
    let one = |entry: &Value| {
        let amount = entry["getAmount"]["getAmount"].as_str().unwrap().parse().unwrap();
        let bank = entry["getAccountServicerReference"].as_str();
        let booked = entry["getBookingDate"]["0"].as_str().unwrap_or_default();
        (amount, bank.map(str::to_owned), booked.get(..10).unwrap_or_default().to_owned())
    };
    entries.iter().map(one).collect()
}

#[test]
fn camt_files_are_read_as_another_program_reads_them() {
    let Some(folder) = real("iso20022/genkgo_camt") else { return };
    let mut compared = 0;
    for path in files_in(&folder, ".xml") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        if name.starts_with("camt052") {
            let why = read_statements("camt", text.as_bytes()).unwrap_err();
            assert!(why.contains("it is an interim report, which has no booked entries"), "{why}");
            continue;
        }
        // The samples have balances in several currencies, which do not add up.
        let mixed = text.matches("Ccy=\"SEK\"").count() > 0 && text.contains("Ccy=\"EUR\"");
        if mixed {
            let why = read_statements("camt", text.as_bytes()).unwrap_err();
            assert!(why.contains("it is in SEK, and the statement is in EUR"), "{why}");
        }
        let mut plain = text.replace("<Cd>CLBD</Cd>", "<Cd>XPCD</Cd>");
        if mixed {
            plain = plain.replace("Ccy=\"SEK\"", "Ccy=\"EUR\"");
        }
        let (_, entries) = read_statements("camt", plain.as_bytes())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let json = fs::read_to_string(path.with_extension("json")).unwrap();
        let json: Value = serde_json::from_str(&json).unwrap();
        let found = entries.iter().map(|entry| {
            let bank = entry.reference(ReferenceKind::Bank).map(str::to_owned);
            let booked = entry.booked_on.map(|date| date.to_string()).unwrap_or_default();
            (entry.amount.minor(), bank, booked)
        });
        assert_eq!(found.collect::<Vec<_>>(), expected_entries(&json), "{name}");
        compared += 1;
    }
    assert!(compared >= 9, "{compared}");
    let v8 = fs::read(folder.join("camt054.v8.xml")).unwrap();
    let (heads, entries) = read_statements("camt", &v8).unwrap();
    assert_eq!(heads[0].account.as_deref(), Some("CH2801234000123456789"));
    let batch = entries[0].batch.clone().unwrap();
    assert_eq!((batch.transactions, batch.total), (Some(2), None), "the total is in francs");
    let detail = &entries[0].details[1];
    let kinds: Vec<_> = detail.references.iter().map(|one| (one.kind, one.text.as_str())).collect();
    assert!(
        kinds.contains(&(ReferenceKind::EndToEnd, "UXC06170000006PI00001EE00002")),
        "{kinds:?}"
    );
    assert!(kinds.contains(&(ReferenceKind::Remittance, "ISR ref number V2")), "{kinds:?}");
    assert!(!format!("{entries:?}").contains("UNIFITS"), "a name is not shown");
}

#[test]
fn camt_files_without_a_namespace_or_with_two_currencies_are_read() {
    let Some(folder) = real("bank/camt") else { return };
    let read = |name: &str| {
        let bytes = fs::read(folder.join(name)).unwrap();
        read_statements("camt", &bytes).unwrap()
    };
    let (heads, entries) = read("camt053_no_namespace.xml");
    assert_eq!((heads[0].currency.code(), entries[0].amount.minor()), ("GBP", 25_000));
    let (heads, entries) = read("camt053_multicurrency.xml");
    let accounts: Vec<_> = heads.iter().map(|head| (head.currency.code(), head.moved)).collect();
    assert_eq!(accounts, [("EUR", 75_025), ("USD", -9_999)]);
    let of: Vec<_> = entries.iter().map(|entry| entry.statement).collect();
    assert_eq!(of, [0, 0, 1]);
    assert_eq!(entries[2].details[0].references[0].text, "USD-E2E-001");
    let (heads, entries) = read("camt053_duplicate_same_day.xml");
    assert_eq!((heads[0].opening, entries.len()), (None, 2), "two equal entries are two");
}

#[test]
fn exports_of_chinese_banks_are_read_to_their_last_balance() {
    let Some(folder) = real("bank") else { return };
    let bytes = fs::read(folder.join("boc/example-boc-records.csv")).unwrap();
    let (heads, entries) = read_statements("boc", &bytes).unwrap();
    assert_eq!(
        (heads[0].opening.unwrap().minor(), heads[0].closing.unwrap().minor()),
        (281_358, 324_028)
    );
    assert_eq!(entries.len(), 17);
    assert_eq!(entries[7].amount.minor(), -260_000, "-2,600.00");
    let text = String::from_utf8(bytes).unwrap();
    let lost: String = text
        .lines()
        .enumerate()
        .filter(|(at, _)| *at != 5)
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    let why = read_statements("boc", lost.as_bytes()).unwrap_err();
    assert!(why.contains("line 6, 余额: the balance does not follow"), "{why}");
    // Their authors have changed the balances: the entries are read if the column has another name.
    for (path, profile, balance, amounts) in [
        (
            "cmb/example-cmb-records.csv",
            "cmb",
            "联机余额",
            vec![123_400, -100_000, -300, -100_000, -1_014],
        ),
        (
            "bocom_debit/example-bocom_debit-records.csv",
            "bocom",
            "余额",
            vec![123, -321, 2, 1_000, -1_000, -10_079],
        ),
    ] {
        let text = fs::read_to_string(folder.join(path)).unwrap();
        let why = read_statements(profile, text.as_bytes()).unwrap_err();
        assert!(why.contains(&format!("{balance}: the balance does not follow")), "{why}");
        let toml = files::incoming::profile::FileProfile::text(profile).unwrap();
        let toml = toml.replace(&format!("balance = \"{balance}\"\n"), "");
        let own = crate::support::folder().join("own.toml");
        fs::write(&own, toml).unwrap();
        let (_, entries) = read_statements(own.to_str().unwrap(), text.as_bytes()).unwrap();
        assert_eq!(entries.iter().map(|one| one.amount.minor()).collect::<Vec<_>>(), amounts);
    }
}

#[test]
fn bills_of_wallets_are_read_by_their_columns() {
    let Some(folder) = real("bank") else { return };
    let read = |bytes: &[u8]| read_items("wechat-bill", "bill.csv", bytes, &ReadOptions::default());
    let old = fs::read(folder.join("wechat/bill_all_24_columns_2014.csv")).unwrap();
    let (head, items) = read(&old).unwrap();
    assert_eq!((head.items, head.amount, head.totals_checked), (2, 2, 4));
    assert_eq!(items[0].facts.network_reference.as_deref(), Some("1001690740201411100005734289"));
    let new = fs::read_to_string(folder.join("wechat/bill_all_27_columns.csv")).unwrap();
    // The sample has one of 48 lines.
    let why = read(new.as_bytes()).unwrap_err();
    assert!(why.contains("line 4, lines: it says 48, but the lines have 1"), "{why}");
    let whole = new.replace(
        "`48,`5.76,`1.42,`0.00,`0.01000,`5.76,`1.42",
        "`1,`6.00,`0.00,`0.00,`0.04000,`6.00,`0.00",
    );
    let (head, items) = read(whole.as_bytes()).unwrap();
    assert_eq!((items[0].item.amount.minor(), head.kept_back_parts), (600, 4_000));
    // Exports of persons are no bills of a merchant.
    for (path, profile) in [
        ("wechat/example-wechat-records.csv", "wechat-bill"),
        ("alipay/example-alipay-records.csv", "alipay-bill"),
    ] {
        let bytes = fs::read(folder.join(path)).unwrap();
        let why = read_items(profile, path, &bytes, &ReadOptions::default()).unwrap_err();
        assert!(why.contains("there is no such column"), "{why}");
    }
}
