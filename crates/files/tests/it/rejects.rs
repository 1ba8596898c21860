//! The files of bad lines, which can be mended and imported.

use std::fs;
use std::path::{Path, PathBuf};

use encoding_rs::GBK;
use files::orders::rejects::{REASON_COLUMN, Words, write};
use files::orders::{Import, ImportOptions, Shops, import};
use files::profile::Profile;

use crate::support::{counts, folder, parcels};

const HEADER: &str = "order,seller,currency,amount_due\n";

fn words<'w>() -> Words<'w> {
    Words { reason: &|line| line.reason.to_string(), other_line: "another line is bad" }
}

/// Imports the file or folder `from`, and writes its rejects to `to`.
fn reject(profile: &Profile, from: &Path, to: &Path, shops: Shops) -> (Import, u64) {
    let options = ImportOptions { shops, ..ImportOptions::default() };
    let import = import(profile, from, &options).unwrap();
    let written = write(profile, &import, from, to, &words()).unwrap();
    assert_eq!(written, import.report.lines.bad, "each bad line is written");
    (import, written)
}

fn orders(text: impl AsRef<[u8]>) -> (PathBuf, PathBuf) {
    let path = folder();
    fs::write(path.join("orders.csv"), text).unwrap();
    (path.join("orders.csv"), path.join("rejects.csv"))
}

fn doorstep() -> Profile {
    Profile::built_in("doorstep").unwrap()
}

#[test]
fn bad_lines_are_written_as_they_are_with_their_whole_order() {
    let text = format!(
        "{HEADER}A1,S1,CNY,10\nA2,S1,CNY,ten\nA2,\"S 2\",CNY,5\nA3,S1\nA4,\"S\"1,CNY,1\n,S1,CNY,1\n"
    );
    let (from, to) = orders(text);
    let (import, _) = reject(&doorstep(), &from, &to, Shops::Unnamed);
    assert_eq!(counts(&import), [1, 0, 0, 5]);
    let rejects = fs::read_to_string(&to).unwrap();
    assert_eq!(
        rejects,
        format!(
            "\u{feff}\"{REASON_COLUMN}\",{HEADER}\
             \"`ten` is not an amount\",A2,S1,CNY,ten\n\
             \"another line is bad\",A2,\"S 2\",CNY,5\n\
             \"the line has 2 fields, but the header has 4; look for a delimiter or a line break \
             in a text without quotation marks\",A3,S1\n\
             \"text follows a closing quotation mark; double each quotation mark inside a \
             field\",A4,\"S\"1,CNY,1\n\
             \"it is empty\",,S1,CNY,1\n"
        )
    );
    // What is not mended is bad again, with one reason.
    let again = folder().join("again.csv");
    let (second, _) = reject(&doorstep(), &to, &again, Shops::Unnamed);
    assert_eq!(counts(&second), [0, 0, 0, 5]);
    let second = fs::read_to_string(&again).unwrap();
    assert_eq!(
        second.replace(
            "has 3 fields, but the header has 5",
            "has 2 fields, but the header \
                               has 4"
        ),
        rejects
    );
    // What is mended is taken.
    let mended = rejects.replace("CNY,ten", "CNY,10").replace("A3,S1\n", "A3,S1,CNY,3\n");
    fs::write(&to, mended.replace("\"S\"1", "S1").replace(",,S1", ",A5,S1")).unwrap();
    let (mended, written) = reject(&doorstep(), &to, &folder().join("r.csv"), Shops::Unnamed);
    assert_eq!(written, 0);
    assert_eq!(
        parcels(&mended),
        [
            "A2 S1 CNY 10.00 × 1",
            "A2 S 2 CNY 5.00 × 1",
            "A3 S1 CNY 3.00 × 1",
            "A4 S1 CNY 1.00 × 1",
            "A5 S1 CNY 1.00 × 1",
        ]
    );
}

#[test]
fn rejects_are_read_whatever_the_encoding_delimiter_and_line_ends_of_the_original() {
    let text = "sep=;\rorder;seller;currency;amount_due;note\r\
                A1;张三的店;CNY;1;\rA2;张三的店;CNY;x;\"one\rtwo\"\r";
    let (bytes, _, _) = GBK.encode(text);
    let (from, to) = orders(&bytes);
    let profile = doorstep().with_encoding("gbk").unwrap();
    let (import, _) = reject(&profile, &from, &to, Shops::Unnamed);
    assert_eq!(counts(&import), [1, 0, 0, 1]);
    let rejects = fs::read_to_string(&to).unwrap();
    assert_eq!(
        rejects,
        format!(
            "\u{feff}sep=;\n\"{REASON_COLUMN}\";order;seller;currency;amount_due;note\n\
             \"`x` is not an amount\";A2;张三的店;CNY;x;\"one\ntwo\"\n"
        )
    );
    fs::write(&to, rejects.replace("CNY;x", "CNY;2")).unwrap();
    let (mended, _) = reject(&profile, &to, &folder().join("r.csv"), Shops::Unnamed);
    assert_eq!(parcels(&mended), ["A2 张三的店 CNY 2.00 × 1"]);
}

#[test]
fn the_rejects_of_a_folder_are_a_folder_that_can_be_imported() {
    let (path, to) = (folder(), folder().join("rejects"));
    for (shop, orders, items) in [
        ("tea", "o1,delivered,\no2,delivered,\n", "o1,1,s1,1,0\no2,1,s1,free,0\no2,2,s1,1,0\n"),
        ("mugs", "o2,delivered,never\n", "o2,1,s1,1,0\n"),
    ] {
        fs::create_dir(path.join(shop)).unwrap();
        let file = path.join(shop).join("olist_orders_dataset.csv");
        let header = "order_id,order_status,order_purchase_timestamp\n";
        fs::write(file, format!("{header}{orders}")).unwrap();
        let file = path.join(shop).join("olist_order_items_dataset.csv");
        let header = "order_id,order_item_id,seller_id,price,freight_value\n";
        fs::write(file, format!("{header}{items}")).unwrap();
    }
    let profile = Profile::built_in("olist").unwrap();
    let (import, written) = reject(&profile, &path, &to, Shops::Folders);
    assert_eq!(parcels(&import), ["tea/o1 s1 BRL 1.00 × 1"]);
    assert_eq!(written, 5);
    let items = to.join("tea/olist_order_items_dataset.csv");
    let mended = fs::read_to_string(&items).unwrap().replace("free", "7");
    fs::write(&items, mended).unwrap();
    let orders = to.join("mugs/olist_orders_dataset.csv");
    let mended = fs::read_to_string(&orders).unwrap().replace("never", "");
    fs::write(&orders, mended).unwrap();
    let (mended, written) = reject(&profile, &to, &folder().join("more"), Shops::Folders);
    assert_eq!(written, 0);
    assert_eq!(parcels(&mended), ["mugs/o2 s1 BRL 1.00 × 1", "tea/o2 s1 BRL 8.00 × 2"]);
}

#[test]
fn rejects_replace_neither_the_orders_nor_other_files() {
    let (from, to) = orders(format!("{HEADER}A1,S1,CNY,x\n"));
    let import = import(&doorstep(), &from, &ImportOptions::default()).unwrap();
    let said = |from: &Path, to: &Path| {
        write(&doorstep(), &import, from, to, &words()).unwrap_err().to_string()
    };
    let folder = from.parent().unwrap();
    assert!(said(&from, &from).ends_with("is the order file itself; give another name"));
    let file = crate::support::folder().join("file");
    fs::write(&file, "x").unwrap();
    assert!(said(folder, &file).ends_with("but the orders are a folder; give a new folder"));
    let inside = folder.join("inside");
    assert!(
        said(folder, &inside).ends_with("is inside the folder of the orders; give another folder")
    );
    let full = crate::support::folder();
    fs::write(full.join("a"), "x").unwrap();
    assert!(said(folder, &full).ends_with("is not empty; give a new folder, or empty it"));
    fs::write(&from, format!("{HEADER}A1,S1,CNY,x\nA2,S1,CNY,x\n")).unwrap();
    assert!(said(&from, &to).ends_with("orders.csv changed while it was read; import again"));
    assert!(!to.exists(), "nothing is written");
}
