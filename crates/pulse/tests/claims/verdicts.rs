//! Claims that hold, cannot hold and need a definition.

use pulse::claims::{Judgement, Verdict};

use super::support::{cannot_hold, claim, holds, judged, needs_a_definition, verdict};

const IRESEARCH: &str = "total = 437.13 bn CNY
    b2c = 157.6 bn CNY
    b2c: 36.1% of total";

#[test]
fn the_second_quarter_of_2013_by_iresearch_holds() {
    holds(IRESEARCH);
    holds(&format!("{IRESEARCH}\ntotal: b2c + c2c"));
    holds(&format!("{IRESEARCH}\ntotal: b2c + c2c\ntotal = 71.4 bn USD\n1 USD = 6.122 CNY"));
}

#[test]
fn the_triple_of_the_digest_cannot_hold() {
    let digest = "b2c = 25.6 bn USD
        c2c = 71 bn USD
        b2c: 36.9% of total
        total: b2c + c2c";
    cannot_hold(digest, "share_fails");
    cannot_hold(&format!("{digest}\ntotal = 96.6 bn USD"), "share_fails");
}

#[test]
fn both_ways_to_round_a_half_hold() {
    for percent in ["36.1", "36.0", "36.05", "36"] {
        holds(&format!("b2c = 3605\ntotal = 10000\nb2c: {percent}% of total"));
    }
    // 36.05 exactly, by fractions that leave no room: 3605 of 10000 counted to the millionth.
    let exact = |percent| {
        format!("b2c = 3605.00000000000\ntotal = 10000.0000000000\nb2c: {percent}% of total")
    };
    holds(&exact("36.1"));
    holds(&exact("36.0"));
    cannot_hold(&exact("36.2"), "share_fails");
    cannot_hold(&exact("35.9"), "share_fails");
    cannot_hold(&exact("36.06"), "share_fails");
}

#[test]
fn an_amount_at_the_end_of_its_interval_holds_and_beyond_it_not() {
    // 99.5 to 100.5 with 49.5 to 50.5 twice: 99 to 101.
    holds("a = 50\nb = 50\nt = 100\nt: a + b");
    holds("a = 50\nb = 50\nt = 101\nt: a + b");
    // 101.5 to 102.5 begins above 101.
    cannot_hold("a = 50\nb = 50\nt = 102\nt: a + b", "parts_fail");
}

#[test]
fn magnitudes_are_compared_over_scales() {
    holds("total = 4371.3 亿 CNY\nb2c = 157.6 bn CNY\nb2c: 36.1% of total");
    holds("total = 0.43713 万亿 CNY\nb2c = 15760000 万 CNY\nb2c: 36.1% of total");
    holds("total = 0.43713 tn CNY\nb2c = 157600 mn CNY\nb2c: 36.1% of total");
    holds("total = 437130000 thousand CNY\nb2c = 157600000000 CNY\nb2c: 36.1% of total");
    cannot_hold("total = 437.13 亿 CNY\nb2c = 157.6 bn CNY\nb2c: 36.1% of total", "share_fails");
    cannot_hold("a = 5 万\nb = 5 thousand\nt = 10 万\nt: a + b", "parts_fail");
}

#[test]
fn shares_of_all_parts_add_up_to_the_whole() {
    holds("b2c: 36.1% of total\nc2c: 63.9% of total\ntotal: b2c + c2c");
    // Three shares rounded to units: 98.5 to 101.5.
    holds("a: 33% of t\nb: 33% of t\nc: 33% of t\nt: a + b + c");
    cannot_hold("a: 33.3% of t\nb: 33.3% of t\nc: 33.1% of t\nt: a + b + c", "shares_sum_fails");
    cannot_hold("a: 60% of t\nb: 45% of t\nt: a + b + c", "shares_sum_fails");
    cannot_hold("a: 101.0% of t", "share_above_whole");
    holds("a = 7\nt = 7\na: 100% of t");
}

#[test]
fn parts_are_not_more_than_their_whole() {
    cannot_hold("a = 80\nb = 30\nt = 100\nt: a + b + c", "some_parts_fail");
    cannot_hold("a = 80\nb = 30\nt = 100\nt: a + b + c + d", "some_parts_fail");
    holds("a = 80\nb = 10\nt = 100\nt: a + b + c + d");
}

#[test]
fn what_is_left_out_is_computed() {
    let (verdict, reasons) =
        verdict("total = 437.13 bn CNY\nb2c = 157.6 bn CNY\ntotal: b2c + c2c\nc2c: 63.9% of total");
    // The missing part follows from the sum, and its share is then checked.
    assert_eq!((verdict, reasons), (Verdict::Holds, vec!["derived", "share_holds"]));
    cannot_hold(
        "total = 437.13 bn CNY\nb2c = 157.6 bn CNY\ntotal: b2c + c2c\nc2c: 60.9% of total",
        "share_fails",
    );
    // Over two steps: the whole from its parts, then its share in a larger whole.
    let steps = "a = 10\nb = 20\nt: a + b\nall = 60\nt: 50% of all";
    holds(steps);
    cannot_hold(&steps.replace("50%", "40%"), "share_fails");
}

#[test]
fn values_in_two_currencies_agree_by_the_rate() {
    holds("t = 437.13 bn CNY\nt = 71.4 bn USD\n1 USD = 6.122 CNY");
    holds("t = 437.13 bn CNY\nt = 70.8 bn USD\n1 USD = 6.174 CNY");
    cannot_hold("t = 437.13 bn CNY\nt = 70.8 bn USD\n1 USD = 6.122 CNY", "rate_fails");
    // The rate the other way round, and over a third currency.
    holds("t = 437.13 bn CNY\nt = 71.4 bn USD\n1 CNY = 0.16334 USD");
    holds("b = 100 CNY\nt = 20 USD\n1 USD = 0.75 EUR\n1 EUR = 8.16 CNY\nb: 82% of t");
    cannot_hold(
        "b = 100 CNY\nt = 20 USD\n1 USD = 0.75 EUR\n1 EUR = 8.16 CNY\nb: 60% of t",
        "share_fails",
    );
}

#[test]
fn a_missing_rate_needs_a_definition() {
    needs_a_definition("t = 437.13 bn CNY\nt = 71.4 bn USD", "no_rate");
    needs_a_definition("b = 25.6 bn USD\nt = 437.13 bn CNY\nb: 36.1% of t", "no_rate");
    needs_a_definition(
        "b = 25.6 bn USD\nt = 437.13 bn CNY\n1 EUR = 8 CNY\nb: 36.1% of t",
        "no_rate",
    );
    holds("b = 25.74 bn USD\nt = 437.13 bn CNY\n1 USD = 6.122 CNY\nb: 36.1% of t");
}

#[test]
fn a_value_that_nothing_is_said_about_needs_a_definition() {
    needs_a_definition("t = 437.13 bn CNY", "nothing_to_check");
    needs_a_definition("t = 437.13 bn CNY\nb: 36.1% of t", "nothing_to_check");
    needs_a_definition("b: 36.1% of t", "no_value");
    needs_a_definition("a = 1\nt: a + b + c", "no_value");
    needs_a_definition("a = 0\nt = 0\na: 50% of t", "zero_whole");
}

/// Verdicts of several claims, in their order.
fn together(claims: &[String]) -> Vec<(Verdict, Vec<&'static str>)> {
    let of = |judgement: Judgement| {
        (judgement.verdict, judgement.reasons.iter().map(|reason| reason.key).collect())
    };
    judged(&claims.concat()).into_iter().map(of).collect()
}

const BEFORE: &str = "publisher iResearch\nperiod 2012-Q2\ntotal = 361.3 bn CNY";
const NOW: &str = "publisher iResearch\nperiod 2013-Q2\ntotal = 437.13 bn CNY";

#[test]
fn growth_agrees_with_the_levels_of_two_claims() {
    let grown = |percent: &str| format!("{NOW}\ntotal: {percent}% over 2012-Q2");
    let both = together(&[claim("before", BEFORE), claim("now", &grown("21.0"))]);
    assert_eq!(both[0], (Verdict::Holds, vec!["is_level"]));
    assert_eq!(both[1], (Verdict::Holds, vec!["growth_holds"]));
    let both = together(&[claim("now", &grown("25.0")), claim("before", BEFORE)]);
    assert_eq!(both[0], (Verdict::CannotHold, vec!["growth_fails"]));
    assert_eq!(both[1], (Verdict::NeedsDefinition, vec!["nothing_to_check"]));
    let fallen = format!("{}\ntotal: -17.3% over 2013-Q2", BEFORE.replace("2012", "2014"));
    let both = together(&[claim("now", NOW), claim("after", &fallen)]);
    assert_eq!(both[1], (Verdict::Holds, vec!["growth_holds"]));
}

#[test]
fn growth_over_what_is_not_there_needs_a_definition() {
    let grown = format!("{NOW}\ntotal: 21.0% over 2012-Q2");
    let key = |claims: &[String]| {
        let all = together(claims);
        let (verdict, reasons) = all.last().unwrap();
        assert_eq!(*verdict, Verdict::NeedsDefinition, "{reasons:?}");
        reasons.clone()
    };
    assert_eq!(key(&[claim("now", &grown)]), ["no_level"]);
    let other = BEFORE.replace("iResearch", "Analysys");
    assert_eq!(key(&[claim("before", &other), claim("now", &grown)]), ["no_level"]);
    let retail = format!("universe e-commerce\n{BEFORE}");
    assert_eq!(key(&[claim("before", &retail), claim("now", &grown)]), ["other_universe"]);
    let dollars = BEFORE.replace("CNY", "USD");
    assert_eq!(key(&[claim("before", &dollars), claim("now", &grown)]), ["no_rate"]);
    let zero = BEFORE.replace("361.3", "0.0");
    assert_eq!(key(&[claim("before", &zero), claim("now", &grown)]), ["zero_level"]);
}

#[test]
fn the_growth_of_a_whole_is_between_that_of_its_parts() {
    let all = |whole: &str| {
        format!("t: {whole}% over 2012\na: 10% over 2012\nb: 40% over 2012\nt: a + b")
    };
    holds(&all("25"));
    holds(&all("40"));
    cannot_hold(&all("45"), "growth_of_parts_fails");
    cannot_hold(&all("8"), "growth_of_parts_fails");
    // Half now: (50 + 50) / (50 / 1.1 + 50 / 1.4) is 1.232.
    let weighted = |whole: &str| format!("{}\na = 50.0\nb = 50.0\nt = 100.0", all(whole));
    holds(&weighted("23"));
    cannot_hold(&weighted("30"), "growth_of_parts_fails");
}

#[test]
fn publishers_are_joined_only_where_universe_and_period_are_the_same_words() {
    let of = |publisher: &str, universe: &str, total: &str| {
        let lines = format!(
            "publisher {publisher}\nuniverse {universe}\nperiod 2013-Q2\ntotal = {total} bn CNY\n\
             b2c: 36.1% of total\nb2c = {} bn CNY",
            if total == "437.13" { "157.6" } else { "159.0" }
        );
        claim(publisher, &lines)
    };
    let first = of("iResearch", "online retail", "437.13");
    let differ = together(&[first.clone(), of("Analysys", "online retail", "441.0")]);
    for (verdict, reasons) in differ {
        assert_eq!(verdict, Verdict::NeedsDefinition);
        assert!(reasons.contains(&"disagrees"), "{reasons:?}");
    }
    for other in [of("Analysys", "e-commerce", "441.0"), of("Analysys", "online retail", "437.13")]
    {
        for (verdict, reasons) in together(&[first.clone(), other]) {
            assert_eq!(verdict, Verdict::Holds, "{reasons:?}");
        }
    }
}

#[test]
fn a_reason_has_the_numbers_of_its_arithmetic() {
    let digest = "b2c = 25.6 bn USD\nc2c = 71 bn USD\ntotal: b2c + c2c\nb2c: 36.9% of total";
    let judgement = judged(&claim("digest", digest)).remove(0);
    let share = judgement.reasons.iter().find(|it| it.key == "share_fails").unwrap();
    let fact = |name: &str| {
        let fact = share.facts.iter().find(|(fact, _)| *fact == name);
        fact.map(|(_, text)| text.as_str()).unwrap()
    };
    assert_eq!(fact("part_value"), "25.6 bn USD");
    assert_eq!(fact("whole_value"), "96.05–97.15 bn USD");
    assert_eq!(fact("computed"), "26.32–26.68");
    assert_eq!(fact("range"), "36.85–36.95");
    assert!(judgement.corrections.is_empty(), "{:?}", judgement.corrections);
}

/// The keys and facts of one claim's reasons, in a line each.
fn said(text: &str) -> String {
    let judgement = judged(text).remove(0);
    let each = judgement.reasons.iter().map(|it| format!("{} {:?}\n", it.key, it.facts));
    format!("{}\n{}", judgement.verdict.name(), each.collect::<String>())
}

#[test]
fn a_share_moves_with_the_whole_that_is_computed_from_its_part() {
    // 39.5 / (39.5 + 60.5) to 40.5 / (40.5 + 59.5).
    let of = |percent: &str| format!("a = 40\nb = 60\nt: a + b\na: {percent}% of t");
    holds(&of("40.5"));
    holds(&of("39.5"));
    cannot_hold(&of("40.6"), "share_fails");
    cannot_hold(&of("39.4"), "share_fails");
    // The part that is left is 1 - 60.5 / 99.5 to 1 - 59.5 / 100.5: 39.196 to 40.796.
    let rest = |percent: &str| format!("b = 60\nt = 100\nt: a + b\na: {percent}% of t");
    holds(&rest("40.7"));
    cannot_hold(&rest("40.9"), "share_fails");
    cannot_hold(&rest("39.1"), "share_fails");
    // Stated, the whole is still the sum of its parts.
    cannot_hold("a = 40\nb = 60\nt = 100\nt: a + b\na: 40.6% of t", "together_fail");
    // The part is at most the whole, however both are rounded.
    cannot_hold("a = 50.2\nt = 50.0\na: 100% of t", "share_fails");
    let shown = said(&claim("it", "a = 7\nt = 7\na: 100% of t"));
    assert!(shown.contains("\"86.6–100\""), "{shown}");
}

#[test]
fn parts_that_are_computed_by_shares_move_with_the_whole() {
    // a + b is 95 to 95.1% of t, so c is 4.9 to 5% of it: 4.87 to 5.03.
    let of = |c: &str| format!("t = 100\nc = {c}\na: 40.0% of t\nb: 55.0% of t\nt: a + b + c");
    holds(&of("5.0"));
    cannot_hold(&of("6.0"), "together_fail");
}

#[test]
fn growth_that_was_not_compared_or_disagrees_says_nothing_of_its_level() {
    let level = |lines: &str| format!("publisher P\nperiod A\n{lines}");
    let now = |lines: &str| format!("publisher P\nperiod B\n{lines}");
    let first = |a: &str, b: &str| together(&[claim("a", &level(a)), claim("b", &now(b))]);
    let both = first("x = 0", "x = 5\nx: 100% over A");
    assert_eq!(both[0], (Verdict::NeedsDefinition, vec!["nothing_to_check"]));
    let both = first("p0 = 20\np1 = 50\nt = 70", "p0 = 715\nt = 300\nt: p0 + p1\np1: 270% over A");
    assert_eq!(both[0], (Verdict::NeedsDefinition, vec!["nothing_to_check"]));
    assert_eq!(both[1].0, Verdict::CannotHold);
    // Of 10 and 90 the whole grew by 10% and 20%: 19%.
    let grown = |t: &str| format!("t: {t}% over A\na: 10% over A\nb: 20% over A\nt: a + b");
    for values in ["a = 10.00\nb = 90.00", "a = 10.00\nb = 90.00\nt = 100.00"] {
        for (percent, verdict) in [("12", Verdict::CannotHold), ("19", Verdict::Holds)] {
            let both = first(values, &grown(percent));
            assert_eq!(both[1].0, verdict, "{both:?}");
            assert_eq!(both[0].0 == Verdict::Holds, verdict == Verdict::Holds, "{both:?}");
        }
        let both = first(values, &format!("{}\nt = 112.00", grown("12")));
        assert!(both[1].1.contains(&"growth_of_parts_fails"), "{both:?}");
        assert_eq!(both[0], (Verdict::NeedsDefinition, vec!["nothing_to_check"]));
    }
}

#[test]
fn claims_without_a_publisher_are_not_joined() {
    let claims = [
        claim("a", "period 2012\nsales = 30.00 bn CNY"),
        claim("b", "period 2013\nsales = 24.00 bn CNY\nsales: 20% over 2012"),
    ];
    let both = together(&claims);
    assert_eq!(both[1], (Verdict::NeedsDefinition, vec!["no_level"]));
    let named = claims.map(|it| it.replace("period", "publisher = \"P\"\nperiod"));
    assert_eq!(together(&named)[1].0, Verdict::CannotHold);
}

#[test]
fn three_rates_agree() {
    let of = |third: &str| format!("1 USD = 6.122 CNY\n1 CNY = 0.5 EUR\n1 USD = {third} EUR");
    // 6.122 at 0.45 to 0.55: 2.75 to 3.37.
    holds(&of("3.1"));
    cannot_hold(&of("8"), "rates_fail");
}

#[test]
fn a_count_and_an_amount_need_a_currency() {
    needs_a_definition("p = 10\nt = 100 CNY\np: 10% of t", "count_and_money");
}
