//! What other programs hide is found by the rules that ask for that step: sounds of pypinyin,
//! characters of OpenCC, letters of confusable-homoglyphs.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use policy::{NormalisationStep, StepSet};
use serde_json::{Value, json};

use super::support::found;

const WORDS: [&str; 16] = [
    "国家级",
    "最高级",
    "包治百病",
    "微信转账",
    "减肥药",
    "银行",
    "音乐",
    "便宜",
    "女装",
    "绿色",
    "长城",
    "重庆",
    "best",
    "cure",
    "scope",
    "pay",
];

fn hidden() -> Vec<Value> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = here.join("../../target/python/bin/python");
    let interpreter = std::env::var_os("DOORSTEP_PYTHON").map_or(beside, PathBuf::from);
    assert!(
        interpreter.exists(),
        "{} is missing: run ./test, which makes it, or set DOORSTEP_PYTHON",
        interpreter.display()
    );
    let mut child = Command::new(&interpreter)
        .arg(here.join("tests/python/evasions.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = json!({ "words": WORDS }).to_string();
    child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "evasions.py failed: are its packages there? Run ./test");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn words_hidden_by_other_programs_are_found() {
    let mut counts: BTreeMap<NormalisationStep, usize> = BTreeMap::new();
    let (mut missed, mut unread) = (Vec::new(), Vec::new());
    for one in hidden() {
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        let step: NormalisationStep = serde_json::from_value(one["step"].clone()).unwrap();
        let (word, hidden) = (text("word"), format!("本店 {} 。", text("text")));
        assert_eq!(found(&hidden, StepSet::NONE, &[&word], &[]), [""; 0], "{hidden} is hidden");
        let spans = found(&hidden, StepSet::of(&[step]), &[&word], &[]);
        match step {
            // Of another version of Unicode than our table is.
            NormalisationStep::Confusables if spans.is_empty() => missed.push(hidden),
            NormalisationStep::Pinyin if spans.is_empty() => unread.push(hidden),
            _ => assert_eq!(spans, [text("text")], "{word} in {hidden} by {}", step.name()),
        }
        *counts.entry(step).or_default() += 1;
    }
    let letters = counts.get(&NormalisationStep::Confusables).copied().unwrap_or(0);
    assert!(missed.len() * 50 < letters, "{} of {letters} letters: {missed:?}", missed.len());
    // pypinyin knows some rare sounds that our table does not.
    let sounds = counts.get(&NormalisationStep::Pinyin).copied().unwrap_or(0);
    assert!(unread.len() * 50 < sounds, "{} of {sounds} sounds: {unread:?}", unread.len());
    let least = [
        (NormalisationStep::Pinyin, 100),
        (NormalisationStep::Traditional, 5),
        (NormalisationStep::Confusables, 100),
    ];
    for (step, least) in least {
        let count = counts.get(&step).copied().unwrap_or(0);
        assert!(count >= least, "{count} texts for {}", step.name());
    }
}
