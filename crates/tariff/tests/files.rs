//! Tariff files: the shipped ones, and the errors of invalid ones.

use money::{Amount, Currency, Rate};
use tariff::file::{self, Tariff};
use tariff::{
    CardKind, EarlierPayments, FeeKind, FixedOrShare, LossOwner, PaymentMethod, SellerClassNumber,
};

fn shipped_in(code: &str) -> Tariff {
    let file = file::parse(include_str!("../../../tariffs/china-2013.toml"));
    let file = file.expect("the shipped tariff is good");
    file.in_currency(code.parse().expect(code)).expect(code).clone()
}

fn shipped() -> Tariff {
    shipped_in("CNY")
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

/// A tariff with this first line and a fixed COD fee.
fn with_fee(currency: &str, fixed: &str) -> String {
    let cod = format!("from = \"2013-02-25\"\ncod.cash = {{ fixed = {fixed}, share = \"1%\" }}");
    format!("{currency}\n{}", with_versions(&[version(1, &cod)]))
}

#[test]
fn a_sum_has_the_decimals_of_its_currency() {
    for (currency, fixed, minor) in [
        ("CNY", "2.00", 200),
        ("CNY", "2", 200),
        ("JPY", "2", 2),
        ("KWD", "2.005", 2_005),
        ("KWD", "2", 2_000),
    ] {
        let text = with_fee(&format!("currency = \"{currency}\""), &format!("\"{fixed}\""));
        let file = file::parse(&text).unwrap();
        let code: Currency = currency.parse().unwrap();
        let fee = file.in_currency(code).unwrap().versions[0].terms.cod.cash.fixed;
        assert_eq!(fee, Amount::of(minor), "{fixed} {currency}");
    }
    assert_eq!(
        complaint(&with_fee("currency = \"JPY\"", "\"2.00\"")),
        "version 1, cod, cash: `2.00` has 2 decimals, JPY has 0; nothing is rounded silently"
    );
}

#[test]
fn a_file_with_several_currencies_states_each_sum_in_each() {
    let both = "currency = [\"JPY\", \"KWD\"]";
    let file = file::parse(&with_fee(both, "{ JPY = \"40\", KWD = \"0.1\" }")).unwrap();
    let fixed = |code: &str| {
        let tariff = file.in_currency(code.parse().unwrap())?;
        Some((tariff.key(), tariff.versions[0].terms.cod.cash.fixed.minor()))
    };
    assert_eq!(fixed("JPY"), Some(("t JPY".to_owned(), 40)));
    assert_eq!(fixed("KWD"), Some(("t KWD".to_owned(), 100)));
    assert_eq!(fixed("CNY"), None, "a tariff is for its currencies only");
    for (currency, fixed, words) in [
        (both, "\"40\"", "the tariff has several currencies: write the sum in each"),
        (both, "{ JPY = \"40\" }", "the sum is missing in KWD, a currency of the tariff"),
        (
            both,
            "{ JPY = \"40\", KWD = \"0.1\", CNY = \"2\" }",
            "`CNY` is not in the tariff's `currency`",
        ),
    ] {
        let complaint = complaint(&with_fee(currency, fixed));
        assert!(complaint.starts_with(&format!("version 1, cod, cash: {words}")), "{complaint}");
    }
    for currency in ["currency = []", "currency = [\"JPY\", \"JPY\"]"] {
        let complaint = complaint(&with_fee(currency, "\"40\""));
        assert!(complaint.starts_with("currency: name 1 to 32 different"), "{complaint}");
    }
}

#[test]
fn a_tariff_without_a_currency_has_rates_only() {
    let file = file::parse(&with_versions(&[version(
        1,
        "from = \"2013-02-25\"\ncod.cash = { share = \"1%\" }",
    )]))
    .unwrap();
    for code in ["CNY", "JPY", "KWD"] {
        let tariff = file.in_currency(code.parse().unwrap()).unwrap();
        assert_eq!((tariff.key(), tariff.currency), ("t".to_owned(), None), "{code}");
    }
    let words = "a sum needs a currency: add `currency` to the tariff, or use rates only";
    for (place, sum) in [
        ("return_fee", "return_fee = \"4.00\""),
        ("freight", "freight = \"6.00\""),
        ("cod, cash", "cod.cash = { fixed = \"2.00\" }"),
        ("commission, qr", "commission.qr = { fixed = \"0.20\" }"),
    ] {
        let text = with_versions(&[version(1, &format!("from = \"2013-02-25\"\n{sum}"))]);
        assert_eq!(complaint(&text), format!("version 1, {place}: {words}"));
    }
    let capped = with_versions(&[version(1, "from = \"2013-02-25\"")])
        .replace("\"0.15%\"", "\"0.15%\", cap = \"26.00\"");
    let place = "version 1, class `general`, card, cap";
    assert_eq!(complaint(&capped), format!("{place}: {words}"));
}

#[test]
fn the_examples_of_the_page_are_valid() {
    let page = include_str!("../../../docs/files/tariff.md");
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 1, "the page has an example");
    let file = file::parse(examples[0]).unwrap();
    let sums = ["BRL", "JPY"].map(|code| {
        let tariff = file.in_currency(code.parse().unwrap()).expect(code);
        let terms = &tariff.versions[1].terms;
        (terms.return_fee.minor(), terms.freight.minor(), terms.cod.cash.fixed.minor())
    });
    assert_eq!(sums, [(450, 600, 200), (90, 120, 40)]);
    // The table of VAT, in main units with two decimals.
    let terms = &file.in_currency("BRL".parse().unwrap()).unwrap().versions[1].terms;
    let minor = |cell: &str| cell.trim().replace('.', "").parse::<u64>().unwrap_or(0);
    let mut earlier = EarlierPayments::default();
    for part in ["first part", "second part"] {
        let row = page.lines().find(|line| {
            line.starts_with(&format!("| {part}, ")) && line.matches('|').count() == 7
        });
        let cells: Vec<&str> = row.expect(part).trim_matches('|').split('|').collect();
        let amount = Amount::of(minor(cells[0].rsplit(' ').nth(1).unwrap()));
        let class = SellerClassNumber(0);
        let fees = terms.fees_after(&earlier, class, PaymentMethod::Cash, amount).unwrap();
        earlier.add(terms, PaymentMethod::Cash, amount, &fees);
        let kinds = [FeeKind::Commission, FeeKind::Cod, FeeKind::Vat];
        let ours = kinds.map(|kind| fees.of(kind).minor());
        assert_eq!(ours, [1, 2, 3].map(|place| minor(cells[place])), "{part}");
    }
    assert_eq!((terms.freight.minor(), terms.vat.of(terms.freight).minor()), (600, 60));
    let withheld: Rate = "10.5%".parse().unwrap();
    assert_eq!(withheld.of(Amount::of(10_005)).minor(), 1_051);
}

#[test]
fn the_shipped_sums_are_right_in_each_currency() {
    let cod = |code| {
        let FixedOrShare { fixed, share } = shipped_in(code).versions[0].terms.cod.cash;
        (fixed.minor(), share.ppm())
    };
    // 2.00 CNY, 2.00 BRL, 40 JPY, 0.100 KWD.
    let found = ["CNY", "BRL", "JPY", "KWD"].map(cod);
    assert_eq!(found, [(200, 10_000), (200, 10_000), (40, 10_000), (100, 10_000)]);
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

#[test]
fn the_loss_of_a_rejected_offline_sale_is_the_sellers_unless_the_version_says_otherwise() {
    let owner = |line: &str| {
        let text = with_versions(&[version(1, &format!("from = \"2013-01-01\"\n{line}"))]);
        file::parse(&text).map(|file| file.tariffs[0].versions[0].terms.offline_loss)
    };
    assert_eq!(owner(""), Ok(LossOwner::Seller));
    assert_eq!(owner("offline_loss = \"seller\""), Ok(LossOwner::Seller));
    assert_eq!(owner("offline_loss = \"firm\""), Ok(LossOwner::Firm));
    assert_eq!(owner("offline_loss = \"doorstep\""), Ok(LossOwner::Doorstep));
    assert!(owner("offline_loss = \"buyer\"").unwrap_err().place.starts_with("line "));
}
