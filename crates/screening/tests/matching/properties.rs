//! What holds for every text.

use policy::{NormalisationStep, StepSet};
use proptest::prelude::*;
use screening::{Matcher, Normaliser};

use super::support::{all_but_pinyin, listing, rule};

const WORDS: [&str; 6] = ["最佳", "国家级", "best", "a", "ab", "级别"];
const ALLOWED: [&str; 4] = ["最佳拍档", "国家级公园", "best man", "aab"];

/// Texts of what rules look for, what hides it, and anything else.
fn texts() -> impl Strategy<Value = String> {
    let pieces = [
        "最",
        "佳",
        "国",
        "國",
        "家",
        "级",
        "級",
        "别",
        "拍",
        "档",
        "公",
        "园",
        "best",
        "ＢＥＳＴ",
        "a",
        "а",
        "b",
        "man",
        " ",
        "-",
        "，",
        "\u{200b}",
        "\u{301}",
        "①",
        "ﾊ",
        "ﾞ",
        "guo",
        "jia",
        "aa",
        "m",
    ];
    let piece = prop_oneof![
        4 => proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned),
        1 => "\\PC",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// None, all, all but the sound, and each step alone.
fn step_sets() -> impl Strategy<Value = StepSet> {
    let some = [StepSet::NONE, StepSet::ALL, all_but_pinyin()];
    let alone = NormalisationStep::ALL.map(|step| StepSet::of(&[step]));
    proptest::sample::select([some.as_slice(), alone.as_slice()].concat())
}

proptest! {
    #[test]
    fn spans_point_at_whole_characters_of_the_original(text in texts(), steps in step_sets()) {
        let rule = rule("it", steps, &WORDS, &ALLOWED);
        for found in Matcher::of([&rule]).unwrap().find(listing(&text), &[]) {
            prop_assert!(!found.span.is_empty());
            prop_assert!(text.get(found.span.clone()).is_some(), "{:?} of {text:?}", found.span);
        }
    }

    #[test]
    fn an_allowed_phrase_alone_never_matches(
        allowed in proptest::sample::select(ALLOWED.to_vec()),
        steps in step_sets(),
    ) {
        let rule = rule("it", steps, &WORDS, &ALLOWED);
        let found = Matcher::of([&rule]).unwrap().find(listing(allowed), &[]);
        prop_assert!(found.is_empty(), "{allowed}: {found:?}");
    }

    #[test]
    fn the_order_of_rules_and_lists_changes_nothing(
        text in texts(),
        steps in step_sets(),
        other in step_sets(),
        by in 0..6_usize,
    ) {
        let (mut words, mut allowed) = (WORDS.to_vec(), ALLOWED.to_vec());
        let rules = [rule("one", steps, &words, &allowed), rule("two", other, &words, &[])];
        words.rotate_left(by);
        words.reverse();
        allowed.reverse();
        let others = [rule("two", other, &words, &[]), rule("one", steps, &words, &allowed)];
        let before = Matcher::of(&rules).unwrap().find(listing(&text), &[]);
        prop_assert_eq!(before, Matcher::of(&others).unwrap().find(listing(&text), &[]));
    }

    /// The quick look does not miss what the whole one finds: each word by itself, with a naive
    /// search of the normalised text.
    #[test]
    fn a_word_is_found_where_a_naive_search_finds_it(text in texts(), steps in step_sets()) {
        let steps = steps.without(NormalisationStep::Pinyin);
        let normaliser = Normaliser::of(steps);
        let plain = normaliser.normalise(&text).text();
        for word in WORDS {
            let needle = normaliser.normalise(word).text();
            let matcher = Matcher::of([&rule("it", steps, &[word], &[])]).unwrap();
            let found = matcher.find(listing(&text), &[]);
            // Only what became several characters can have a needle within it.
            let units = |c: char| normaliser.normalise(&c.to_string()).units.len();
            let is_plain = text.chars().all(|c| units(c) < 2);
            prop_assert!(found.is_empty() || plain.contains(&needle));
            if is_plain {
                let is_there = plain.contains(&needle);
                prop_assert_eq!(!found.is_empty(), is_there, "{} in {}", word, plain);
            }
        }
    }

    #[test]
    fn to_normalise_twice_changes_nothing_more(text in "[a-z最佳國家級\u{200b} -]{0,20}") {
        let normaliser = Normaliser::of(StepSet::ALL);
        let once = normaliser.normalise(&text).text();
        prop_assert_eq!(normaliser.normalise(&once).text(), once);
    }
}
