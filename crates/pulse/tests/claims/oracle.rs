//! Verdicts on random claims, by another program.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use pulse::claims::{Verdict, judge, read};

use super::random::{as_toml, choices, claims};
use super::support::claim;

const FILES: usize = 3_000;
const CORNERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/corners.py");
const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/verdicts.py");

#[test]
fn another_program_comes_to_the_same_verdicts() {
    let mut runner = TestRunner::deterministic();
    let (mut texts, mut expected) = (Vec::new(), Vec::new());
    for _ in 0..FILES {
        let claims = claims(&choices().new_tree(&mut runner).unwrap().current());
        texts.push(as_toml(&claims));
        let verdicts: Vec<&str> = judge(&claims).iter().map(|it| it.verdict.name()).collect();
        expected.push(verdicts.join(","));
    }
    let mut oracle = Command::new("python3")
        .args(["-B", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed (./test installs it)");
    let mut input = oracle.stdin.take().unwrap();
    input.write_all(texts.join("\0").as_bytes()).unwrap();
    drop(input);
    let output = oracle.wait_with_output().unwrap();
    assert!(output.status.success());
    let output = String::from_utf8(output.stdout).unwrap();
    let found: Vec<&str> = output.lines().collect();
    assert_eq!(found.len(), FILES);
    for ((text, expected), found) in texts.iter().zip(&expected).zip(found) {
        assert_eq!(expected, found, "\n{text}");
    }
    for verdict in ["holds", "cannot hold", "needs a definition"] {
        let count = expected.iter().filter(|it| it.starts_with(verdict)).count();
        assert!(count > FILES / 20, "{verdict}: {count}");
    }
}

#[test]
fn shares_of_computed_wholes_and_parts_hold_where_a_corner_does() {
    let output = Command::new("python3").args(["-B", CORNERS]).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let claims: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut counts = [0, 0];
    for one in &claims {
        let (lines, holds) = (one["claim"].as_str().unwrap(), one["holds"].as_bool().unwrap());
        let judgement = judge(&read(&claim("it", lines)).unwrap()).remove(0);
        let expected = if holds { Verdict::Holds } else { Verdict::CannotHold };
        assert_eq!(judgement.verdict, expected, "{lines}\n{:?}", judgement.reasons);
        counts[usize::from(holds)] += 1;
    }
    assert!(counts.iter().all(|count| *count > 300), "{counts:?}");
}
