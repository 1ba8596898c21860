//! Single corrections that make a claim hold.

use pulse::claims::{Correction, Verdict};

use super::support::{claim, judged};

/// The corrections of a claim that cannot hold.
#[track_caller]
fn corrections(lines: &str) -> Vec<Correction> {
    let judgement = judged(&claim("it", lines)).remove(0);
    assert_eq!(judgement.verdict, Verdict::CannotHold, "{:?}", judgement.reasons);
    judgement.corrections
}

fn shown(correction: &Correction) -> String {
    let facts: Vec<&str> = correction.facts.iter().map(|(_, text)| text.as_str()).collect();
    format!("{}: {}", correction.key, facts.join(", "))
}

#[track_caller]
fn first(lines: &str) -> String {
    shown(corrections(lines).first().expect("a correction"))
}

const TOTAL: &str = "total = 437.13 bn CNY\nc2c = 279.53 bn CNY\ntotal: b2c + c2c";

#[test]
fn exchanged_digits_are_found() {
    let share = "total = 437.13 bn CNY\nb2c = 157.6 bn CNY\nb2c: 31.6% of total";
    assert_eq!(first(share), "share_digits_exchanged: b2c, total, 31.6, 36.1");
    let value = format!("{TOTAL}\nb2c = 175.6 bn CNY\nb2c: 36.1% of total");
    assert_eq!(first(&value), "value_digits_exchanged: b2c, 175.6 bn CNY, 157.6 bn CNY");
}

#[test]
fn a_wrong_digit_is_found_and_named_alone_if_it_is_the_only_one() {
    let value = format!("{TOTAL}\nb2c = 157.8 bn CNY");
    let all: Vec<String> = corrections(&value).iter().map(shown).collect();
    assert!(all.contains(&"value_digit: b2c, 157.8 bn CNY, 157.6 bn CNY".to_owned()), "{all:?}");
    let only = format!("{TOTAL}\nb2c = 157.60 bn CNY\nb2c: 86.05% of total");
    let all: Vec<String> = corrections(&only).iter().map(shown).collect();
    assert_eq!(all, ["share_digit: b2c, total, 86.05, 36.05"]);
}

#[test]
fn a_wrong_scale_is_found() {
    let value = format!("{TOTAL}\nb2c = 157.6 亿 CNY\nb2c: 36.1% of total");
    assert_eq!(first(&value), "scale: b2c, 157.6 亿 CNY, 157.6 bn CNY");
    let chinese = "total = 43713 CNY\nb2c = 1.576 亿 CNY\nb2c: 36.1% of total";
    assert_eq!(first(chinese), "scale: b2c, 1.576 亿 CNY, 1.576 万 CNY");
}

#[test]
fn a_wrong_currency_is_found() {
    let value = "total = 437.13 bn CNY\nb2c = 25.74 bn CNY\n1 USD = 6.122 CNY\nb2c: 36.1% of total";
    assert_eq!(first(value), "currency: b2c, 25.74 bn CNY, 25.74 bn USD");
}

#[test]
fn exchanged_parts_are_found() {
    let value = "total = 437.13 bn CNY\nb2c = 279.53 bn CNY\nc2c = 157.60 bn CNY\n\
        b2c: 36.05% of total";
    let all: Vec<String> = corrections(value).iter().map(shown).collect();
    let expected = "values_exchanged: b2c 279.53 bn CNY, c2c 157.60 bn CNY";
    assert!(all.contains(&expected.to_owned()), "{all:?}");
}

#[test]
fn a_share_of_another_whole_is_found() {
    let value = "retail = 437.13 bn CNY\nshopping = 2000.0 bn CNY\nb2c = 157.60 bn CNY\n\
        b2c: 36.05% of shopping";
    let all: Vec<String> = corrections(value).iter().map(shown).collect();
    assert!(all.contains(&"other_whole: b2c, shopping, retail".to_owned()), "{all:?}");
}

#[test]
fn growth_of_another_universe_is_found() {
    let of = |universe: &str, period: &str, total: &str| {
        format!("publisher iResearch\nuniverse {universe}\nperiod {period}\ntotal = {total} bn CNY")
    };
    let now = format!("{}\ntotal: 21.0% over 2012", of("retail", "2013", "437.13"));
    let claims = [
        claim("now", &now),
        claim("retail", &of("retail", "2012", "258.62")),
        claim("shopping", &of("shopping", "2012", "361.3")),
    ];
    let judgement = judged(&claims.concat()).remove(0);
    assert_eq!(judgement.verdict, Verdict::CannotHold);
    let all: Vec<String> = judgement.corrections.iter().map(shown).collect();
    assert!(all.contains(&"other_universe: total, 2012, shopping".to_owned()), "{all:?}");
}

#[test]
fn two_errors_have_no_single_correction() {
    let digest = "b2c = 25.6 bn USD\nc2c = 71 bn USD\nb2c: 36.9% of total\ntotal: b2c + c2c";
    assert_eq!(corrections(digest), []);
    assert_eq!(corrections(&format!("{digest}\ntotal = 300.0 bn USD")), []);
}

#[test]
fn a_claim_that_is_not_wrong_is_not_corrected() {
    let judgements = judged(&claim("a", "t = 1 CNY\nt = 1 USD"));
    assert_eq!(judgements[0].corrections, []);
}

#[test]
fn a_bound_that_holds_is_no_check_that_a_correction_loses() {
    let all: Vec<String> =
        corrections("p = 2000\nt = 2000\np: 700% of t").iter().map(shown).collect();
    assert!(all.contains(&"share_digit: p, t, 700, 100".to_owned()), "{all:?}");
    let level = claim("a", "publisher P\nperiod A\np1 = 50");
    let now = "publisher P\nperiod B\np0 = 715\nt = 300\nt: p0 + p1\np1: 270% over A";
    let judgement = judged(&[claim("b", now), level].concat()).remove(0);
    let all: Vec<String> = judgement.corrections.iter().map(shown).collect();
    assert!(all.contains(&"value_digit: p0, 715, 115".to_owned()), "{all:?}");
}
