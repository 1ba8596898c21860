//! What never changes a verdict.

use proptest::prelude::*;
use pulse::claims::{Claim, Correction, Scale, ShownDecimal, Verdict, judge, read};

use super::random::{as_toml, choices, claims, true_choices};

/// By id: the verdict and the corrections.
fn verdicts(claims: &[Claim]) -> Vec<(String, Verdict, Vec<Correction>)> {
    let of = |it: pulse::claims::Judgement| (it.id, it.verdict, it.corrections);
    let mut all: Vec<_> = judge(claims).into_iter().map(of).collect();
    all.sort();
    all
}

fn only_verdicts(claims: &[Claim]) -> Vec<Verdict> {
    judge(claims).iter().map(|judgement| judgement.verdict).collect()
}

/// The same digits, with the point moved to the right.
fn moved(figure: ShownDecimal) -> ShownDecimal {
    let text = figure.to_string();
    let (whole, decimals) = text.split_once('.').unwrap();
    let (first, rest) = decimals.split_at(1);
    let whole = format!("{whole}{first}");
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let text = if rest.is_empty() { whole.to_owned() } else { format!("{whole}.{rest}") };
    text.parse().unwrap()
}

fn reversed<T>(list: &mut [T], keys: u64) {
    list.reverse();
    if !list.is_empty() {
        let by = usize::try_from(keys).unwrap() % list.len();
        list.rotate_left(by);
    }
}

proptest! {
    #[test]
    fn a_thousandfold_of_every_value_has_the_same_verdict(choices in choices()) {
        let before = claims(&choices);
        let mut after = before.clone();
        for value in after.iter_mut().flat_map(|claim| &mut claim.values) {
            value.scale = match value.scale {
                Scale::Units => Scale::Thousand,
                Scale::Thousand => Scale::Million,
                _ => Scale::Billion,
            };
        }
        prop_assert_eq!(only_verdicts(&before), only_verdicts(&after));
    }

    #[test]
    fn a_tenfold_of_every_value_has_the_same_verdict(choices in choices()) {
        let before = claims(&choices);
        let mut after = before.clone();
        let values = || before.iter().flat_map(|claim| &claim.values);
        prop_assume!(values().all(|value| value.amount.decimals() > 0));
        for value in after.iter_mut().flat_map(|claim| &mut claim.values) {
            value.amount = moved(value.amount);
        }
        prop_assert_eq!(only_verdicts(&before), only_verdicts(&after));
    }

    #[test]
    fn order_never_matters(choices in choices(), keys in 0..7_u64) {
        let before = claims(&choices);
        let mut after = before.clone();
        for claim in &mut after {
            reversed(&mut claim.values, keys);
            reversed(&mut claim.parts, keys);
            reversed(&mut claim.shares, keys + 1);
            reversed(&mut claim.growth, keys);
            reversed(&mut claim.rates, keys);
            claim.parts.iter_mut().for_each(|parts| reversed(&mut parts.of, keys));
        }
        after.reverse();
        prop_assert_eq!(verdicts(&before), verdicts(&after));
    }

    #[test]
    fn a_correction_is_of_a_claim_that_cannot_hold_and_names_what_is_there(choices in choices()) {
        for (_, verdict, corrections) in verdicts(&claims(&choices)) {
            prop_assert!(corrections.is_empty() || verdict == Verdict::CannotHold);
        }
    }

    #[test]
    fn figures_of_true_values_never_contradict_each_other(choices in true_choices()) {
        for judgement in judge(&claims(&choices)) {
            let reasons = format!("{:?}", judgement.reasons);
            prop_assert!(judgement.verdict != Verdict::CannotHold, "{}", reasons);
        }
    }

    #[test]
    fn what_is_written_is_read_back(choices in choices()) {
        let claims = claims(&choices);
        prop_assert_eq!(read(&as_toml(&claims)).unwrap(), claims);
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        if let Ok(claims) = read(&text) {
            drop(judge(&claims));
        }
    }
}
