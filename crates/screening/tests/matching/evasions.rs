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
    // 安 is `an`, which is within the `gan` of 肝.
    assert_eq!(found("猪肝", pinyin, &["安"], &[]), [""; 0]);
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

#[test]
fn capitals_of_other_scripts_that_look_like_latin_ones_are_found() {
    let both = StepSet::of(&[Step::Case, Step::Confusables]);
    for text in ["ВЕЅТ", "ВEST", "BESТ", "ΒΕSΤ", "bеst", "Веst", "BEST"] {
        assert_eq!(found(text, both, &["best"], &[]), [text]);
        assert_eq!(found(text, all_but_pinyin(), &["BEST"], &[]), [text]);
    }
    assert_eq!(found("加WEIΧIN吧", both, &["weixin"], &[]), ["WEIΧIN"]);
    // Words of other scripts are still compared without case.
    for (word, texts) in [
        ("вестник", ["ВЕСТНИК", "Вестник", "вестник"]),
        ("νερό", ["ΝΕΡΌ", "Νερό", "νερό"]),
        ("ВИНО", ["вино", "Вино", "ВИНО"]),
    ] {
        for text in texts {
            assert_eq!(found(text, both, &[word], &[]), [text], "{word}");
        }
    }
}

#[test]
fn what_separates_is_a_letter_or_a_separator() {
    let both = StepSet::of(&[Step::Separators, Step::Confusables]);
    for steps in [both, all_but_pinyin(), StepSet::of(&[Step::Separators])] {
        assert_eq!(found("the b|e|s|t one", steps, &["best"], &[]), ["b|e|s|t"]);
    }
    assert_eq!(found("say he||o now", both, &["hello"], &[]), ["he||o"]);
    assert_eq!(found("b|e|s|t man", both, &["best"], &["best man"]), [""; 0]);
}

#[test]
fn a_character_is_compared_by_each_of_its_sounds() {
    let pinyin = StepSet::of(&[Step::Pinyin]);
    for (word, texts) in [
        ("银行", vec!["银行", "银航", "yinhang", "yínháng", "银hang", "yinxing", "银杏"]),
        ("音乐", vec!["yinyue", "音悦", "yīnyuè", "音le"]),
        ("便宜", vec!["pianyi", "便yi", "biànyí"]),
        ("长", vec!["常", "张", "zhang", "cháng"]),
        ("女", vec!["nü", "nǚ", "nv"]),
        ("绿色", vec!["lü色", "lvse", "lǜsè"]),
        ("常", vec!["长", "chang"]),
    ] {
        for text in texts {
            let text = format!("本店{text}。");
            let spans = found(&text, pinyin, &[word], &[]);
            assert_eq!(spans, [text.strip_prefix("本店").unwrap().strip_suffix("。").unwrap()]);
        }
    }
    assert_eq!(found("音lv", pinyin, &["音乐"], &[]), [""; 0]);
    assert_eq!(found("éclair", pinyin, &["eclair"], &[]), ["éclair"]);
    // Every way of both a text and a word is one of few; a word of very many is refused.
    let long = "和".repeat(40);
    let rule = rule("it", pinyin, &[&long], &[]);
    let (_, problem) = Matcher::of([&rule]).unwrap_err();
    assert!(problem.to_string().contains("can be read in more than 4096 ways"), "{problem}");
}
