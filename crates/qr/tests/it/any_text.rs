//! Random texts and codes.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use qr::{
    AdditionalData, Background, LanguageTemplate, PointOfInitiation, QrAmount, QrCode, Template,
    Tip, render,
};

use crate::support::{EXAMPLE, with_checksum};

/// Runs the same cases each time.
fn of_cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(0x1021),
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

fn fields(
    tags: RangeInclusive<u8>,
    value: &'static str,
    most: usize,
) -> impl Strategy<Value = BTreeMap<u8, String>> {
    btree_map(tags, value, 0..=most)
}

fn templates(
    tags: RangeInclusive<u8>,
    most: usize,
) -> impl Strategy<Value = BTreeMap<u8, Template>> {
    let template = ("[ -~]{1,32}", fields(1..=99, "[ -~]{1,8}", 2))
        .prop_map(|(guid, fields)| Template { guid, fields });
    btree_map(tags, template, 0..=most)
}

fn amount() -> impl Strategy<Value = QrAmount> {
    (1..1_000_000_000_u64, 0..=4_u32)
        .prop_map(|(units, exponent)| QrAmount::from_minor_units(units, exponent).unwrap())
}

fn tip() -> impl Strategy<Value = Tip> {
    prop_oneof![
        Just(Tip::Prompt),
        amount().prop_map(Tip::Fixed),
        "[1-9][0-9](\\.[0-9]{0,2})?".prop_map(|text| Tip::Percent(text.parse().unwrap())),
    ]
}

fn additional() -> impl Strategy<Value = AdditionalData> {
    let named = || option::of("[ -~]{1,25}");
    let request = option::of("[AME]{1,3}");
    let rest = (request, fields(10..=49, "\\PC{1,20}", 1), templates(50..=99, 1));
    (named(), named(), named(), named(), rest).prop_map(
        |(bill, mobile, reference, purpose, rest)| {
            let (request, other, templates) = rest;
            let some = AdditionalData {
                bill_number: bill,
                mobile_number: mobile,
                reference_label: reference,
                purpose,
                ..AdditionalData::default()
            };
            AdditionalData { consumer_data_request: request, other, templates, ..some }
        },
    )
}

fn language() -> impl Strategy<Value = LanguageTemplate> {
    let city = option::of("\\PC{1,15}");
    ("[A-Za-z]{2}", "\\PC{1,25}", city, fields(3..=99, "\\PC{1,20}", 1)).prop_map(
        |(language, name, city, other)| LanguageTemplate {
            language,
            merchant_name: name,
            merchant_city: city,
            other,
        },
    )
}

fn code() -> impl Strategy<Value = QrCode> {
    let initiation =
        option::of(prop_oneof![Just(PointOfInitiation::Static), Just(PointOfInitiation::Dynamic)]);
    let accounts = (fields(2..=25, "[ -~]{1,40}", 1), templates(26..=51, 2));
    let numbers = (0..=9_999_u16, 0..=999_u16, option::of(amount()), option::of(tip()));
    let shop = ("[A-Z]{2}", "[ -~]{1,25}", "[ -~]{1,15}", option::of("[ -~]{1,10}"));
    let templates_of_text = (option::of(additional()), option::of(language()));
    let rest = (fields(65..=79, "\\PC{1,30}", 1), templates(80..=99, 1));
    (initiation, accounts, numbers, shop, templates_of_text, rest).prop_map(
        |(initiation, accounts, numbers, shop, templates_of_text, rest)| QrCode {
            initiation,
            scheme_accounts: accounts.0,
            accounts: accounts.1,
            merchant_category: numbers.0,
            currency: numbers.1,
            amount: numbers.2,
            tip: numbers.3,
            country: shop.0,
            merchant_name: shop.1,
            merchant_city: shop.2,
            postal_code: shop.3,
            additional: templates_of_text.0,
            language: templates_of_text.1,
            reserved: rest.0,
            unreserved: rest.1,
        },
    )
}

proptest! {
    #![proptest_config(of_cases(512))]

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        let _ = QrCode::parse(&text);
    }

    #[test]
    fn no_text_of_digits_makes_the_reader_panic(text in "0002[0-9]{0,120}") {
        let _ = QrCode::parse(&text);
        let _ = QrCode::parse(&with_checksum(&text));
    }

    /// The checksum is corrected, so that the rest is checked.
    #[test]
    fn an_edited_code_is_refused_or_read_correctly(
        place in 0..150_usize,
        length in 0..4_usize,
        edit in "[0-9A-Z.北]{0,4}",
    ) {
        let mut characters: Vec<char> = EXAMPLE.chars().collect();
        characters.truncate(characters.len() - 8);
        characters.splice(place..place + length, edit.chars());
        let text = with_checksum(&characters.iter().collect::<String>());
        if let Ok(code) = QrCode::parse(&text) {
            let written = code.write().unwrap();
            prop_assert_eq!(written.len(), text.len());
            prop_assert_eq!(QrCode::parse(&written), Ok(code));
        }
    }

    #[test]
    fn a_written_code_is_read_back(code in code()) {
        let text = code.write();
        // The code is too long or has no account.
        prop_assume!(text.is_ok());
        let text = text.unwrap();
        prop_assert_eq!(QrCode::parse(&text), Ok(code));
    }

    #[test]
    fn minor_units_are_the_same_after_text(units in 1..1_000_000_000_u64, exponent in 0..=4_u32) {
        let text = QrAmount::from_minor_units(units, exponent).unwrap();
        prop_assert_eq!(text.minor_units(exponent), Ok(units));
    }

    #[test]
    fn no_amount_makes_the_reader_panic(text in "[0-9.]{0,14}", exponent in 0..=5_u32) {
        let _ = text.parse::<QrAmount>().and_then(|amount| amount.minor_units(exponent));
    }
}

proptest! {
    #![proptest_config(of_cases(32))]

    #[test]
    fn no_text_makes_the_renderer_panic(text in "\\PC{0,600}") {
        prop_assert!(render(&text, Background::Dark).is_ok() || text.len() > 2_331);
    }
}
