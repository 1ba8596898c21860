//! Built-in profiles, and errors in other profiles.

use std::fs;

use files::profile::Profile;

use crate::support::{bad, folder, parcels, try_import};

const OWN: &str = r#"
name = "own"
about = "A shop's own export"
[files]
orders = ["*.csv"]
order_columns = "on every line"
[format]
delimiter = ";"
decimal_point = ","
decimal_group = "."
[fixed]
currency = "EUR"
seller = "S1"
[order]
id = "Bestellung"
add = ["Versand"]
less = [{ any_of = ["Rabatt"], empty_is_zero = true }]
[item]
id = "Position"
quantity = "Menge"
add_each = ["Preis"]
"#;

#[test]
fn every_built_in_profile_is_valid() {
    let names: Vec<&str> = Profile::names().collect();
    assert_eq!(
        names,
        [
            "doorstep",
            "olist",
            "shopify",
            "woocommerce",
            "woocommerce-advanced",
            "woocommerce-analytics"
        ]
    );
    for name in names {
        let profile = Profile::built_in(name).unwrap();
        assert_eq!(profile.head().name(), name);
        assert!(!profile.head().about().is_empty());
        assert_eq!(profile.needs_seller(), !matches!(name, "doorstep" | "olist"));
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest_and_all_names() {
    let said = |name| Profile::built_in(name).unwrap_err().to_string();
    assert_eq!(
        said("oloist"),
        "there is no profile `oloist` (did you mean `olist`?); use `doorstep`, `olist`, `shopify`, \
         `woocommerce`, `woocommerce-advanced`, `woocommerce-analytics`, or the path of a .toml \
         file"
    );
    assert!(said("magento").starts_with("there is no profile `magento`; use `doorstep`"));
}

#[test]
fn a_profile_may_be_a_file() {
    let path = folder().join("own.toml");
    fs::write(&path, OWN).unwrap();
    assert_eq!(Profile::find(path.to_str().unwrap()).unwrap().head().name(), "own");
    assert_eq!(Profile::find("olist").unwrap().head().name(), "olist");
    let said = Profile::find("gone.toml").unwrap_err().to_string();
    assert!(said.starts_with("the profile gone.toml cannot be read: "), "{said}");
}

#[test]
fn a_profile_of_one_s_own_is_followed() {
    let text = "Bestellung;Position;Menge;Preis;Versand;Rabatt\n\
                B1;1;3;\"1.000,50\";4,90;10\nB1;2;1;2;4,90;10\nB2;1;1;5,00;0;\n";
    let profile = Profile::parse(OWN).unwrap();
    let import = try_import(&profile, text.as_bytes(), None).unwrap();
    assert_eq!(bad(&import.report), [""; 0]);
    assert_eq!(parcels(&import), ["B1 S1 EUR 2998.40 × 4", "B2 S1 EUR 5.00 × 1"]);
}

/// The error of the profile with one change.
fn changed(from: &str, to: &str) -> String {
    assert!(OWN.contains(from), "{from}");
    Profile::parse(&OWN.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let said = changed("quantity =", "amount =");
    assert!(said.contains("unknown field `amount`"), "{said}");
    assert!(said.contains("line 20"), "{said}");
    assert!(changed("id = \"Position\"", "id = 7").contains("the name of a column, or a table"));
    assert!(changed("any_of", "one_of").contains("unknown field `one_of`"));
    assert!(changed("about =", "abut =").contains("unknown field `abut`"));
    assert!(changed("[item]", "[itm]").contains("unknown field `itm`"));
    assert!(changed("id = \"Bestellung\"\n", "").contains("missing field `id`"));
}

#[test]
fn a_bad_value_is_named_with_its_remedy() {
    for (from, to, said) in [
        ("name = \"own\"", "name = \"My Shop\"", "name is not valid; write 1 to 32 lower-case"),
        ("about = \"A shop's own export\"", "about = \"\"", "about is empty; write a text"),
        ("[\"*.csv\"]", "[]", "files.orders is empty; list at least one entry"),
        ("*.csv", "in/*.csv", "files.orders has a path; write a file name without"),
        ("order_columns = \"on every line\"", "", "files.order_columns is missing; write \"on the"),
        (
            "delimiter = \";\"",
            "delimiter = \"x\"",
            "format.delimiter is not valid; write \",\", \";\"",
        ),
        (
            "decimal_point = \",\"",
            "decimal_point = \"-\"",
            "format.decimal_point is not valid; write",
        ),
        ("decimal_group = \".\"", "decimal_group = \",\"", "format.decimal_group is not valid"),
        ("[fixed]", "utc_offset = \"CET\"\n[fixed]", "format.utc_offset is not valid; write it as"),
        (
            "currency = \"EUR\"",
            "currency = \"EURO\"",
            "fixed.currency is not a currency: `EURO` is not a currency code",
        ),
        (
            "[fixed]",
            "encoding = \"ebcdic\"\n[fixed]",
            "format.encoding is not known; write a name such as \"gbk\"",
        ),
        (
            "[fixed]",
            "times = [\"DD/MM/YYYY\"]\n[fixed]",
            "format.times `DD/MM/YYYY` does not read a date; write day, month and year",
        ),
        (
            "[fixed]",
            "times = [\"%d/%m/%Y\", \"%m/%d/%Y\"]\n[fixed]",
            "format.times `%d/%m/%Y` and `%m/%d/%Y` read the same text as two different times",
        ),
        (
            "id = \"Position\"",
            "id = \"P\"\neach_line = true",
            "item.each_line contradicts item.id or files.order_columns; leave",
        ),
        (
            "id = \"Position\"",
            "id = \"P\"\nvendor = \"V\"",
            "item.vendor contradicts another seller; leave all but one of",
        ),
        ("about = ", "warning = \"\"\nabout = ", "warning is empty; write a text"),
        (
            "seller = \"S1\"",
            "seller = \"\"",
            "fixed.seller is not a valid reference: it is empty; write the seller's",
        ),
        (
            "add = [",
            "currency = \"C\"\nadd = [",
            "fixed.currency contradicts order.currency; leave",
        ),
        ("id = \"Position\"\n", "", "item.id is missing: a repeated line"),
        ("id = \"Position\"", "id = \"P\"\nseller = \"S\"", "fixed.seller contradicts item.seller"),
        (
            "id = \"Position\"",
            "id = \"P\"\norder = \"S\"",
            "item.order is only for an items file; leave",
        ),
        (
            "quantity = \"Menge\"\n",
            "",
            "item.quantity is missing; name the column that item.add_each",
        ),
        ("add_each = [\"Preis\"]", "", "item.add is missing: an order's amount is unknown"),
        ("add = [\"Versand\"]", "status = \"S\"", "order.take is missing; list the statuses"),
        ("add = [\"Versand\"]", "take = [\"S\"]", "order.status is missing; name the column"),
        ("on every line", "on the first line", "order.status is missing: an empty status"),
        (
            "id = \"Position\"",
            "id = { any_of = [\"P\"], optional = true }",
            "item.id cannot be optional; only order.ordered_at, order.currency and item",
        ),
        (
            "quantity = \"Menge\"",
            "quantity = { any_of = [\"M\"], empty_is_zero = true }",
            "item.quantity is not an amount; leave `empty_is_zero` out",
        ),
    ] {
        let message = changed(from, to);
        assert!(message.starts_with(&format!("the profile's {said}")), "{message}");
    }
    let long = format!("{OWN}#{}", "x".repeat(70_000));
    assert!(Profile::parse(&long).unwrap_err().to_string().contains("longer than 65536 bytes"));
}
