//! Texts and codes that nobody thought of.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use qr::{Additional, Code, Decimal, Ground, Initiation, Language, Template, Tip, picture};

use crate::desk::{EXAMPLE, signed};

/// The same cases in each run.
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

fn amount() -> impl Strategy<Value = Decimal> {
    (1..1_000_000_000_u64, 0..=4_u32)
        .prop_map(|(units, exponent)| Decimal::from_minor_units(units, exponent).unwrap())
}

fn tip() -> impl Strategy<Value = Tip> {
    prop_oneof![
        Just(Tip::Prompt),
        amount().prop_map(Tip::Fixed),
        "[1-9][0-9](\\.[0-9]{0,2})?".prop_map(|text| Tip::Percent(text.parse().unwrap())),
    ]
}

fn additional() -> impl Strategy<Value = Additional> {
    let named = || option::of("[ -~]{1,25}");
    let request = option::of("[AME]{1,3}");
    let rest = (request, fields(10..=49, "\\PC{1,20}", 1), templates(50..=99, 1));
    (named(), named(), named(), named(), rest).prop_map(
        |(bill, mobile, reference, purpose, rest)| {
            let (request, other, templates) = rest;
            let some = Additional { bill, mobile, reference, purpose, ..Additional::default() };
            Additional { request, other, templates, ..some }
        },
    )
}

fn language() -> impl Strategy<Value = Language> {
    let city = option::of("\\PC{1,15}");
    ("[A-Za-z]{2}", "\\PC{1,25}", city, fields(3..=99, "\\PC{1,20}", 1))
        .prop_map(|(language, name, city, other)| Language { language, name, city, other })
}

fn code() -> impl Strategy<Value = Code> {
    let initiation = option::of(prop_oneof![Just(Initiation::Static), Just(Initiation::Dynamic)]);
    let accounts = (fields(2..=25, "[ -~]{1,40}", 1), templates(26..=51, 2));
    let numbers = (0..=9_999_u16, 0..=999_u16, option::of(amount()), option::of(tip()));
    let shop = ("[A-Z]{2}", "[ -~]{1,25}", "[ -~]{1,15}", option::of("[ -~]{1,10}"));
    let templates_of_text = (option::of(additional()), option::of(language()));
    let rest = (fields(65..=79, "\\PC{1,30}", 1), templates(80..=99, 1));
    (initiation, accounts, numbers, shop, templates_of_text, rest).prop_map(
        |(initiation, accounts, numbers, shop, templates_of_text, rest)| Code {
            initiation,
            scheme_accounts: accounts.0,
            accounts: accounts.1,
            category: numbers.0,
            currency: numbers.1,
            amount: numbers.2,
            tip: numbers.3,
            country: shop.0,
            name: shop.1,
            city: shop.2,
            postal_code: shop.3,
            additional: templates_of_text.0,
            language: templates_of_text.1,
            future: rest.0,
            unreserved: rest.1,
        },
    )
}

proptest! {
    #![proptest_config(of_cases(512))]

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        let _ = Code::parse(&text);
    }

    #[test]
    fn no_text_of_digits_makes_the_reader_panic(text in "0002[0-9]{0,120}") {
        let _ = Code::parse(&text);
        let _ = Code::parse(&signed(&text));
    }

    /// With the checksum made right again, so that what is behind it is reached.
    #[test]
    fn an_edited_code_is_refused_or_means_what_it_says(
        place in 0..150_usize,
        length in 0..4_usize,
        edit in "[0-9A-Z.北]{0,4}",
    ) {
        let mut characters: Vec<char> = EXAMPLE.chars().collect();
        characters.truncate(characters.len() - 8);
        characters.splice(place..place + length, edit.chars());
        let text = signed(&characters.iter().collect::<String>());
        if let Ok(code) = Code::parse(&text) {
            let written = code.write().unwrap();
            prop_assert_eq!(written.len(), text.len());
            prop_assert_eq!(Code::parse(&written), Ok(code));
        }
    }

    #[test]
    fn what_is_written_is_read_again(code in code()) {
        let text = code.write();
        // Too long together, or without any account.
        prop_assume!(text.is_ok());
        let text = text.unwrap();
        prop_assert_eq!(Code::parse(&text), Ok(code));
    }

    #[test]
    fn minor_units_are_the_same_after_text(units in 1..1_000_000_000_u64, exponent in 0..=4_u32) {
        let text = Decimal::from_minor_units(units, exponent).unwrap();
        prop_assert_eq!(text.minor_units(exponent), Ok(units));
    }

    #[test]
    fn no_amount_makes_the_reader_panic(text in "[0-9.]{0,14}", exponent in 0..=5_u32) {
        let _ = text.parse::<Decimal>().and_then(|amount| amount.minor_units(exponent));
    }
}

proptest! {
    #![proptest_config(of_cases(32))]

    #[test]
    fn no_text_makes_the_painter_panic(text in "\\PC{0,600}") {
        prop_assert!(picture(&text, Ground::Dark).is_ok() || text.len() > 2_331);
    }
}
