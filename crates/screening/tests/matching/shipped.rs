//! The policies that ship, and ordinary texts.

use money::Amount;
use policy::{Baseline, ListPrice};
use screening::file::parse;
use screening::{Matcher, PolicyVersion};

use super::support::listing;

fn shipped() -> PolicyVersion {
    parse(include_str!("../../../../policies/advertising-law.toml")).unwrap()
}

fn example() -> PolicyVersion {
    parse(include_str!("../../../../policies/example-house.toml")).unwrap()
}

#[test]
fn five_of_the_seven_baselines_ship_empty() {
    let version = shipped();
    let filled: Vec<Baseline> =
        Baseline::ALL.into_iter().filter(|it| version.under(*it).count() > 0).collect();
    assert_eq!(filled, [Baseline::LawsAndRegulations, Baseline::Accuracy]);
    let law = &version.rules[0];
    assert_eq!(law.words, ["国家级", "最高级", "最佳"]);
    assert!(version.rules.iter().all(|rule| rule.source != "house rule" && !version.is_example));
    assert!(example().is_example);
}

#[test]
fn a_rule_ends_at_its_sunset() {
    let version = example();
    let rules = |day: &str| version.in_force(day.parse().unwrap()).count();
    assert_eq!((rules("2025-12-31"), rules("2026-01-01")), (0, 3));
    assert_eq!((rules("2026-12-31"), rules("2027-01-01")), (3, 0));
}

#[test]
fn ordinary_shop_texts_are_not_touched() {
    let (shipped, example) = (shipped(), example());
    let matcher = Matcher::of(shipped.rules.iter().chain(&example.rules)).unwrap();
    let price = ListPrice { price: Amount::of(10_000), reference: Some(Amount::of(10_000)) };
    let texts = include_str!("ordinary.txt").lines().filter(|line| !line.is_empty());
    let mut count = 0;
    for text in texts {
        assert_eq!(matcher.find(listing(text), &[price]), [], "{text}");
        count += 1;
    }
    assert!(count >= 450, "{count}");
}

#[test]
fn a_discount_is_compared_with_the_reference_price() {
    let version = shipped();
    let matcher = Matcher::of(&version.rules).unwrap();
    let find = |text: &str, price: u64, reference: u64| -> Vec<String> {
        let reference = (reference > 0).then(|| Amount::of(reference));
        let price = ListPrice { price: Amount::of(price), reference };
        matcher
            .find(listing(text), &[price])
            .into_iter()
            .map(|it| text[it.span].to_owned())
            .collect()
    };
    let none: Vec<String> = Vec::new();
    for (text, span) in [("限时３折", "３折"), ("70 % OFF", "70 % OFF"), ("今日八五折", "八五折")]
    {
        let left: u64 = if text.contains('八') { 8_500 } else { 3_000 };
        assert_eq!(find(text, left, 10_000), none, "{text}");
        assert_eq!(find(text, left + 1, 10_000), [span], "{text}");
        assert_eq!(find(text, 100, 0), [span], "{text}");
    }
    // A third of a cent is rounded up: 3.333 is 3.34.
    assert_eq!(find("8.5折", 284, 334), none);
    assert_eq!(find("8.5折", 285, 334), ["8.5折"]);
    assert_eq!(matcher.find(listing("限时3折"), &[]), []);
}
