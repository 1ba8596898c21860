//! Each step catches what it is for, and the span is that of the original.

use policy::{MatchCause, NormalisationStep as Step, StepSet};
use screening::Matcher;

use super::support::{all_but_pinyin, found, listing, matches, rule};

#[track_caller]
fn caught(text: &str, word: &str, step: Step, span: &str) {
    let only = StepSet::of(&[step]);
    assert_eq!(found(text, only, &[word], &[]), [span], "with {}", step.name());
    assert_eq!(found(text, StepSet::NONE, &[word], &[]), [""; 0], "without {}", step.name());
    let all = matches(text, all_but_pinyin().with(step), &[word], &[]);
    assert!(all.iter().any(|it| &text[it.span.clone()] == span), "with all steps: {all:?}");
    assert!(all.iter().any(|it| it.steps.has(step)), "{all:?}");
}

#[test]
fn each_step_undoes_one_way_to_hide_a_word() {
    caught("本店最①流", "最1流", Step::Nfkc, "最①流");
    caught("ｂｅｓｔ price", "best", Step::Width, "ｂｅｓｔ");
    caught("The BEST one", "best", Step::Case, "BEST");
    caught("最\u{200b}高\u{2060}级", "最高级", Step::ZeroWidth, "最\u{200b}高\u{2060}级");
    caught("國家級面料", "国家级", Step::Traditional, "國家級");
    caught("bеst", "best", Step::Confusables, "bеst");
    caught("最-高 级！", "最高级", Step::Separators, "最-高 级");
    caught("最高高级", "最高级", Step::Repeats, "最高高级");
    caught("guo家ji面料", "国家级", Step::Pinyin, "guo家ji");
}

#[test]
fn combining_marks_are_composed_before_they_are_compared() {
    let nfkc = StepSet::of(&[Step::Nfkc]);
    assert_eq!(found("un cafe\u{301} noir", nfkc, &["café"], &[]), ["cafe\u{301}"]);
    assert_eq!(found("ﾊﾞﾅﾅ", nfkc, &["バナナ"], &[]), ["ﾊﾞﾅﾅ"]);
    // A mark that composes with nothing hides nothing.
    assert_eq!(found("the best\u{301} one", nfkc, &["best"], &[]), ["best\u{301}"]);
}

#[test]
fn a_sound_matches_whole_characters_only() {
    let pinyin = StepSet::of(&[Step::Pinyin]);
    // 安 is `an`, which is within the `gan` of 干.
    assert_eq!(found("饼干", pinyin, &["安"], &[]), [""; 0]);
    assert_eq!(found("平安 an", pinyin, &["安"], &[]), ["安", "an"]);
    assert_eq!(found("平鞍", pinyin, &["平安"], &[]), ["平鞍"]);
}

#[test]
fn the_longest_entry_wins() {
    let find = |text| found(text, all_but_pinyin(), &["最佳"], &["最佳拍档", "最佳食用期"]);
    assert_eq!(find("最佳拍档"), [""; 0]);
    assert_eq!(find("最-佳-拍-档"), [""; 0]);
    assert_eq!(find("最佳品质"), ["最佳"]);
    assert_eq!(find("最佳拍档，最佳品质"), ["最佳"]);
    let longer = found("最佳拍档奖", all_but_pinyin(), &["最佳拍档奖"], &["最佳拍档"]);
    assert_eq!(longer, ["最佳拍档奖"]);
}

#[test]
fn an_allow_list_is_of_its_rule_only() {
    let first = rule("first", all_but_pinyin(), &["最佳"], &["最佳拍档"]);
    let second = rule("second", all_but_pinyin(), &["最佳"], &[]);
    let found = Matcher::of([&first, &second]).unwrap().find(listing("最佳拍档"), &[]);
    let rules: Vec<&str> = found.iter().map(|it| it.rule.as_str()).collect();
    assert_eq!(rules, ["second"]);
}

#[test]
fn patterns_match_the_normalised_text_and_point_into_the_original() {
    let mut rule = rule("contact", all_but_pinyin().without(Step::Confusables), &[], &[]);
    rule.patterns = vec!["qq[0-9]{5,}".into(), "[0-9]{9}".into()];
    let matcher = Matcher::of([&rule]).unwrap();
    let text = "加ＱＱ：１２-３ ４５６，谢谢";
    let found = matcher.find(listing(text), &[]);
    // Of two letters that are repeated one is left, so the pattern never matches.
    assert!(found.is_empty(), "{found:?}");
    rule.steps = rule.steps.without(Step::Repeats);
    let found = Matcher::of([&rule]).unwrap().find(listing(text), &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(&text[found[0].span.clone()], "ＱＱ：１２-３ ４５６");
    assert_eq!(found[0].cause, MatchCause::Pattern("qq[0-9]{5,}".into()));
    assert_eq!(found[0].steps.to_string(), "width, case, separators");
}
