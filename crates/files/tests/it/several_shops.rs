//! Several shops in one import, spellings of sellers, and two files of one shop.

use std::fs;

use files::orders::{Import, ImportError, ImportOptions, Shops, import};
use files::profile::Profile;
use files::sellers::SellerMap;

use crate::support::{bad, counts, folder, parcels, sellers};

const HEADER: &str = "order,seller,currency,amount_due\n";

fn import_shops(files: &[(&str, &str)], shops: Shops) -> Result<Import, ImportError> {
    let path = folder();
    for (name, lines) in files {
        let file = path.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, format!("{HEADER}{lines}")).unwrap();
    }
    let options = ImportOptions { shops, ..ImportOptions::default() };
    import(&Profile::built_in("doorstep").unwrap(), &path, &options)
}

#[test]
fn the_same_order_name_of_two_shops_is_two_orders() {
    let files = [("tea/orders.csv", "1001,S1,CNY,5\n"), ("mugs/orders.csv", "1001,S2,CNY,7\n")];
    let import = import_shops(&files, Shops::Folders).unwrap();
    assert_eq!(parcels(&import), ["mugs/1001 S2 CNY 7.00 × 1", "tea/1001 S1 CNY 5.00 × 1"]);
    assert_eq!(counts(&import), [2, 0, 0, 0]);
    let files = [("a.csv", "1001,S1,CNY,5\n")];
    let import = import_shops(&files, Shops::One("tea".to_owned())).unwrap();
    assert_eq!(parcels(&import), ["tea/1001 S1 CNY 5.00 × 1"]);
    assert_eq!(parcels(&import_shops(&files, Shops::Unnamed).unwrap()), ["1001 S1 CNY 5.00 × 1"]);
}

#[test]
fn a_broken_line_of_a_shop_leaves_out_its_own_order_only() {
    let files = [
        ("tea/orders.csv", "1001,S1,CNY,5\n1001,S2\n1002,S1,CNY,x\n"),
        ("mugs/orders.csv", "1001,S2,CNY,7\n"),
    ];
    let import = import_shops(&files, Shops::Folders).unwrap();
    assert_eq!(parcels(&import), ["mugs/1001 S2 CNY 7.00 × 1"]);
    assert_eq!(counts(&import), [1, 0, 0, 3]);
    let messages = bad(&import.report);
    assert!(messages[1].ends_with("`x` is not an amount; order `tea/1002` is left out"));
}

#[test]
fn a_shop_and_its_order_are_one_reference() {
    let order = "x".repeat(60);
    let files = [("a.csv", format!("{order},S1,CNY,5\n"))];
    let files = files.each_ref().map(|(name, lines)| (*name, lines.as_str()));
    let import = import_shops(&files, Shops::One("tea".to_owned())).unwrap();
    assert_eq!(parcels(&import), [format!("tea/{order} S1 CNY 5.00 × 1")]);
    let import = import_shops(&files, Shops::One("teas".to_owned())).unwrap();
    assert_eq!(
        bad(&import.report),
        [format!(
            "{}:2: column `order`: it is 65 bytes long; a reference has at most 64; the line is \
             left out",
            import.report.files[0].file
        )]
    );
    for (shop, problem) in [
        ("tea/mugs", "write it without `/` and without spaces at its ends"),
        (" tea", "write it without `/` and without spaces at its ends"),
        ("", "it is empty"),
    ] {
        let error = import_shops(&files, Shops::One(shop.to_owned())).unwrap_err().to_string();
        assert_eq!(error, format!("the shop `{shop}` is not valid: {problem}"));
    }
    let error = import_shops(&files, Shops::Folders).unwrap_err().to_string();
    assert!(error.ends_with("has no folders; each folder in it is a shop, named by the folder"));
}

#[test]
fn a_shop_without_sellers_in_its_export_stands_for_the_seller_of_a_file() {
    let path = folder();
    let header = "order_id,order_date,status,order_total,refunded_total,order_currency,\
                  payment_method,item_id,item_quantity,item_total\n";
    for shop in ["tea", "mugs"] {
        fs::create_dir(path.join(shop)).unwrap();
        let line = "71,,processing,30.00,0,PLN,cod,501,2,20.00\n";
        fs::write(path.join(shop).join("orders.csv"), format!("{header}{line}")).unwrap();
    }
    let profile =
        |toml: &str| Profile::built_in("woocommerce").unwrap().with_sellers(sellers(toml));
    let options = ImportOptions { shops: Shops::Folders, ..ImportOptions::default() };
    let both = profile("tea = \"S-17\"\nmugs = \"S-44\"\n");
    let read = import(&both, &path, &options).unwrap();
    assert_eq!(parcels(&read), ["mugs/71 S-44 PLN 30.00 × 2", "tea/71 S-17 PLN 30.00 × 2"]);
    let error = import(&profile("tea = \"S-17\""), &path, &options).unwrap_err().to_string();
    assert_eq!(error, "the shop `mugs` is not in the file of --sellers; add a line for it");
    let error = import(&both, &path.join("tea"), &ImportOptions::default()).unwrap_err();
    assert!(matches!(error, ImportError::NoSeller { .. }), "{error}");
}

#[test]
fn a_second_spelling_of_a_seller_is_named_and_its_orders_are_left_out() {
    let lines = "1,Tea Shop,CNY,1\n2,TEA SHOP,CNY,1\n3,Ｔｅａ　Ｓｈｏｐ,CNY,1\n4,Teashop,CNY,1\n\
                 5,Tea Shop,CNY,1\n6,Tea-Shop,CNY,1\n";
    let import = import_shops(&[("a.csv", lines)], Shops::Unnamed).unwrap();
    let taken: Vec<&str> = import.parcels.iter().map(|parcel| &*parcel.order).collect();
    assert_eq!(taken, ["1", "5", "6"]);
    let file = &import.report.files[0].file;
    let messages = bad(&import.report);
    assert_eq!(messages.len(), 3);
    assert_eq!(
        messages[0],
        format!(
            "{file}:3: column `seller`: seller `TEA SHOP` is spelled `Tea Shop` at {file}:2; write \
             one spelling, or map both with --sellers; order `2` is left out"
        )
    );
}

#[test]
fn a_file_of_sellers_joins_spellings_or_keeps_them_apart() {
    let path = folder();
    let lines = "1,Tea Shop,CNY,1\n2,TEA SHOP,CNY,1\n3,ab1,CNY,1\n4,AB1,CNY,1\n5,S9,CNY,1\n";
    fs::write(path.join("a.csv"), format!("{HEADER}{lines}")).unwrap();
    fs::write(
        path.join("sellers.csv.txt"),
        "vendor,seller\nTea Shop,S1\nTEA SHOP,S1\n\nab1,ab1\nAB1,AB1\n",
    )
    .unwrap();
    let list = path.join("sellers.csv");
    fs::rename(path.join("sellers.csv.txt"), &list).unwrap();
    let map = SellerMap::read(&list).unwrap();
    let profile = Profile::built_in("doorstep").unwrap().with_sellers(map);
    let import = import(&profile, &path.join("a.csv"), &ImportOptions::default()).unwrap();
    let found: Vec<&str> = import.parcels.iter().map(|parcel| &*parcel.seller).collect();
    assert_eq!(found, ["S1", "S1", "ab1", "AB1", "S9"], "a seller without a line is itself");
}

#[test]
fn files_of_sellers_that_cannot_be_used_are_refused() {
    let path = folder();
    let said = |name: &str, text: &str| {
        let file = path.join(name);
        fs::write(&file, text).unwrap();
        let error = SellerMap::read(&file).unwrap_err().to_string();
        error.replace(&*path.to_string_lossy(), "").trim_start_matches('/').to_owned()
    };
    for (name, text, message) in [
        ("a.txt", "", "a.txt is not a .toml or .csv file; write lines such as"),
        ("a.toml", "", "a.toml has no vendors"),
        ("a.toml", "Acme = 7", "a.toml is not valid: invalid type: integer `7`, expected a string"),
        ("a.toml", "Acme = \"\"", "a.toml: the seller of vendor `Acme` is not valid: it is empty"),
        ("a.toml", "Acme = \"a\"\nAcme = \"b\"", "a.toml is not valid: duplicate key"),
        ("a.csv", "Acme,S1\n", "a.csv is not CSV with the columns vendor,seller"),
        ("a.csv", "vendor,seller\nAcme\n", "a.csv is not CSV with the columns vendor,seller"),
        (
            "a.csv",
            "vendor,seller\nAcme,S1\nAcme,S2\n",
            "a.csv: vendor `Acme` has two sellers, `S1` and `S2`; remove one line",
        ),
    ] {
        let error = said(name, text);
        assert!(error.starts_with(message), "{error}");
    }
    let gone = SellerMap::read(&path.join("gone.toml")).unwrap_err().to_string();
    assert!(gone.contains("gone.toml cannot be read: No such file"), "{gone}");
}

#[test]
fn a_file_that_holds_an_order_again_repeats_it_even_where_each_line_is_an_item() {
    let toml = "name = \"own\"\nabout = \"own\"\n[files]\norders = [\"*.csv\"]\n\
                order_columns = \"on every line\"\n[fixed]\ncurrency = \"EUR\"\nseller = \"S\"\n\
                [order]\nid = \"Order\"\n[item]\neach_line = true\nadd = [\"Price\"]\n";
    let path = folder();
    fs::write(path.join("a.csv"), "Order,Price\nA1,5\nA1,5\nA2,1\n").unwrap();
    fs::write(path.join("b.csv"), "Order,Price\nA2,1\nA1,5\nA1,5\nA3,2\n").unwrap();
    let profile = Profile::parse(toml).unwrap();
    let read = import(&profile, &path, &ImportOptions::default()).unwrap();
    assert_eq!(parcels(&read), ["A1 S EUR 10.00 × 2", "A2 S EUR 1.00 × 1", "A3 S EUR 2.00 × 1"]);
    assert_eq!(counts(&read), [4, 3, 0, 0]);
    fs::write(path.join("b.csv"), "Order,Price\nA1,5\n").unwrap();
    let read = import(&profile, &path, &ImportOptions::default()).unwrap();
    assert_eq!(parcels(&read), ["A2 S EUR 1.00 × 1"]);
    assert_eq!(counts(&read), [1, 0, 0, 3]);
}
