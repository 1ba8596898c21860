//! Tariff files: the shipped ones, and the errors of invalid ones.

use tariff::file::{self, Tariff};
use tariff::{CardKind, FeeKind, PaymentMethod};

use money::Amount;

fn shipped() -> Tariff {
    file::parse(include_str!("../../../tariffs/china-2013.toml"))
        .expect("the shipped tariff is good")
}

fn version(number: u16, dates: &str) -> String {
    let rates = r#"card = { issuer = "0.55%", network = "0.08%", acquirer = "0.15%" }"#;
    format!(
        "[[version]]\nnumber = {number}\n{dates}\n[[version.class]]\nname = \"general\"\n{rates}\n"
    )
}

fn with_versions(versions: &[String]) -> String {
    format!("name = \"t\"\ntitle = \"t\"\nsource = \"t\"\n{}", versions.join(""))
}

fn complaint(text: &str) -> String {
    file::parse(text).expect_err("the file is bad").to_string()
}

#[test]
fn the_shipped_tariff_holds_the_schedule_of_2013() {
    let tariff = shipped();
    let terms = &tariff.in_force("2013-08-28".parse().unwrap()).unwrap().terms;
    let fee = |class: &str| {
        let class = terms.class(class).expect(class);
        let payment = PaymentMethod::Card(CardKind::Credit);
        terms.fees(class, payment, Amount::of(1_000_000)).unwrap().total().minor()
    };
    // Of 10,000.00: 1.25%, 0.78%, 0.38%, nothing, and the caps of 80 and 26.
    let classes =
        ["dining", "general", "livelihood", "public-welfare", "property-and-cars", "wholesale"];
    assert_eq!(classes.map(fee), [12_500, 7_800, 3_800, 0, 8_000, 2_600]);
    assert!(tariff.in_force("2013-02-24".parse().unwrap()).is_none());
}

#[test]
fn a_card_pays_the_three_card_parts_and_nothing_else() {
    let tariff = shipped();
    let terms = &tariff.versions[0].terms;
    let class = terms.class("general").unwrap();
    let fees = terms.fees(class, PaymentMethod::Card(CardKind::Debit), Amount::of(10_000)).unwrap();
    let kinds: Vec<_> = fees.iter().collect();
    let expected = [(FeeKind::Issuer, 55), (FeeKind::Network, 8), (FeeKind::Acquirer, 15)];
    assert_eq!(kinds, expected.map(|(kind, minor)| (kind, Amount::of(minor))));
}

#[test]
fn a_gap_is_named_with_its_days() {
    let text = with_versions(&[
        version(1, "from = \"2013-02-25\"\nuntil = \"2016-09-01\""),
        version(2, "from = \"2016-09-06\""),
    ]);
    assert_eq!(
        complaint(&text),
        "version 1: gap: no version holds from 2016-09-01 to 2016-09-05; \
         end it with until = \"2016-09-06\""
    );
}

#[test]
fn an_overlap_is_named_with_its_days() {
    let overlapping = with_versions(&[
        version(1, "from = \"2013-02-25\"\nuntil = \"2016-09-10\""),
        version(2, "from = \"2016-09-06\""),
    ]);
    assert_eq!(
        complaint(&overlapping),
        "version 1: overlap: two versions hold from 2016-09-06 to 2016-09-09; \
         end it with until = \"2016-09-06\""
    );
    let open =
        with_versions(&[version(1, "from = \"2013-02-25\""), version(2, "from = \"2016-09-06\"")]);
    assert!(complaint(&open).starts_with("version 1: overlap: it has no `until`"));
}

#[test]
fn a_share_above_the_whole_is_refused() {
    let text = include_str!("../../../tariffs/china-2013.toml").replace("\"0.90%\"", "\"101%\"");
    assert_eq!(
        complaint(&text),
        "version 1, class `dining`, card, issuer: `101%` is more than 100%"
    );
}

#[test]
fn an_unknown_key_a_bad_date_and_a_missing_class_are_named() {
    let text = with_versions(&[version(1, "from = \"2013-02-25\"\nretrun_fee = \"4.00\"")]);
    assert!(complaint(&text).contains("unknown field `retrun_fee`"), "{}", complaint(&text));
    let text = with_versions(&[version(1, "from = \"25.02.2013\"")]);
    assert!(complaint(&text).starts_with("version 1, from: `25.02.2013` is not a date"));
    let text =
        with_versions(&["[[version]]\nnumber = 1\nfrom = \"2013-02-25\"\nclass = []\n".into()]);
    assert_eq!(complaint(&text), "version 1: a version has 1 to 32 classes, this one has 0");
}
