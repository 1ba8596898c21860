//! The transparency report and statements of reasons, from a shop's decisions.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[allow(dead_code, reason = "shared with the tests of the engine")]
#[path = "../../engine/tests/policy/shop.rs"]
mod shop;

use policy::*;
use reports::{PlatformTerms, StatementFault, policy_report, statements};

use shop::{FIRST, SECOND, TextShop, found, rules, text};

/// A text that passed, one labelled, one held and published, one refused by a rule and one by a
/// person; two appeals, one of them reversed; a sample with an error.
fn a_month(change: &dyn Fn(&mut PolicyRule)) -> TextShop {
    let mut shop = TextShop::open();
    let mut all = rules();
    all.iter_mut().for_each(change);
    shop.policy(shop.version(all.to_vec()));
    shop.policy(shop.screening(text(1), Vec::new()));
    let span = TextSpan { part: TextPart::Title, start: 0, end: 3 };
    shop.policy(DecideText {
        rule: Some("weapons".to_owned()),
        spans: vec![span],
        origin: DecisionOrigin::TrustedFlagger,
        ..shop.decision(text(1), TextJudgement::Refuse)
    });
    for (content, rule) in [(2, 1), (3, 0), (4, 2)] {
        shop.policy(shop.screening(text(content), vec![found(&rules()[rule])]));
        shop.at = shop.at.plus_ms(60_000);
        if rule == 0 {
            shop.at = shop.at.plus_ms(120_000);
            shop.policy(shop.decision(text(content), TextJudgement::Publish));
        }
    }
    shop.policy(TextShop::appeal(2));
    shop.at = shop.at.plus_ms(600_000);
    shop.policy(TextShop::judged(2, TextJudgement::Refuse, SECOND));
    let last = shop.engine.policy().next_decision(shop::OFFER) - 1;
    shop.policy(TextShop::appeal(last));
    shop.policy(TextShop::judged(last, TextJudgement::Publish, FIRST));
    let (from, until, size, seed) = (shop::day(0), shop::day(0), 10, 1);
    let kind = SampleKind::Passed;
    shop.policy(DrawSample { number: 1, kind, from, until, size, seed });
    let judgement = TextJudgement::Refuse;
    shop.policy(JudgeSample { sample: 1, item: 1, judgement, judged_by: SECOND });
    shop
}

#[test]
fn the_report_counts_what_was_decided() {
    let shop = a_month(&|_| {});
    let report = policy_report(&shop.engine, shop::day(0), shop::day(0));
    // One passed; one was published by a person, one by an appeal.
    assert_eq!((report.passed, report.labelled, report.held, report.refused), (3, 1, 1, 2));
    let automation = report.automation;
    assert_eq!((automation.fully, automation.partially, automation.not), (2, 0, 1));
    assert_eq!((report.holds_decided, report.hold_minutes_median), (1, Some(3)));
    let appeals = report.appeals;
    assert_eq!((appeals.received, appeals.judged, appeals.reversed, appeals.open), (2, 2, 1, 0));
    assert_eq!(report.baselines.len(), 7, "also the empty ones");
    let filled: Vec<u64> = report.baselines.iter().map(|one| one.rules).collect();
    assert_eq!(filled, [0, 0, 0, 0, 0, 0, 3]);
    let weapons = report.rules.iter().find(|one| one.rule == "weapons").unwrap();
    assert_eq!((weapons.refused, weapons.by_person), (2, 1));
    assert_eq!((weapons.appealed, weapons.reversed, weapons.suspended), (2, 1, false));
    let sample = &report.samples[0];
    assert_eq!((sample.texts, sample.judged, sample.errors), (1, 1, 1));
    assert_eq!(sample.error_rate.unwrap().high_ppm, 1_000_000);
    let files = report.csv_files();
    let own = &files.iter().find(|(name, _)| *name == "own_initiative.csv").unwrap().1;
    let line = "2013-08-28,2013-08-28,accuracy,1,weapons,0,0,2,1\r\n";
    assert!(own.contains(line), "{own}");
    let other = policy_report(&shop.engine, shop::day(1), shop::day(9));
    assert_eq!((other.passed, other.refused, other.rules.len()), (0, 0, 0));
}

#[test]
fn what_does_not_fit_the_transparency_database_is_refused_with_reasons() {
    let days = (shop::day(0), shop::day(0));
    let shop = a_month(&|rule| rule.source = "Advertising Law, Article 9(3)".to_owned());
    let (fits, refused) = statements(&shop.engine, days, &PlatformTerms::default());
    assert_eq!(fits, []);
    let faults: Vec<usize> = refused.iter().map(|one| one.faults.len()).collect();
    assert_eq!(faults, [3, 3, 1, 3], "no category, no European law, a day before 2020; a hold");
    assert_eq!(refused[2].faults, [StatementFault::Held]);
    let of_china = StatementFault::NotEuropean("weapons".to_owned(), "CN".to_owned());
    assert!(refused[0].faults.contains(&of_china), "{refused:?}");
    let shop = a_month(&|rule| rule.text = "x".repeat(1_000));
    let (_, refused) = statements(&shop.engine, days, &PlatformTerms::default());
    assert!(refused[0].faults.contains(&StatementFault::NoTerritory), "{refused:?}");
}

/// Another program checks the statements against the database's form.
#[test]
fn statements_fit_the_form_of_the_transparency_database() {
    let mut shop = TextShop::open();
    // 1 December 2026: the database takes no statements of 2013.
    shop.at = engine::Timestamp(1_796_119_200_000);
    let [cures, mut used, mut weapons] = rules();
    used.category = Some(StatementCategory::ConsumerInformation);
    weapons.category = Some(StatementCategory::UnsafeAndProhibitedProducts);
    (weapons.jurisdiction, weapons.source) = ("DE".to_owned(), "WaffG, § 2(3)".to_owned());
    weapons.until = Some(shop.at.business_date(480).plus_days(90));
    shop.policy(shop.version(vec![cures, used, weapons]));
    for (content, rule) in [(2, 1), (4, 2)] {
        shop.policy(shop.screening(text(content), vec![found(&rules()[rule])]));
    }
    shop.policy(shop.screening(text(1), Vec::new()));
    shop.policy(DecideText {
        rule: Some("weapons".to_owned()),
        spans: vec![TextSpan { part: TextPart::Caption(1), start: 0, end: 3 }],
        origin: DecisionOrigin::Notice,
        ..shop.decision(text(1), TextJudgement::Refuse)
    });
    let terms = PlatformTerms {
        territories: vec!["DE".to_owned(), "AT".to_owned()],
        reference_url: Some("https://shop.example/terms".to_owned()),
        content_language: Some("EN".to_owned()),
    };
    let today = shop.at.business_date(480);
    let (fits, refused) = statements(&shop.engine, (today, today), &terms);
    assert_eq!((fits.len(), refused.len()), (3, 0), "{refused:?}");
    let automated: Vec<&str> = fits.iter().map(|one| one.automated_decision).collect();
    let fully = "AUTOMATED_DECISION_FULLY";
    assert_eq!(automated, [fully, fully, "AUTOMATED_DECISION_NOT_AUTOMATED"]);
    check(&serde_json::to_string(&fits).unwrap(), true);
    // The schema refuses what the database refuses.
    let changed = |from: &str, to: &str| {
        let json = serde_json::to_string(&fits).unwrap();
        assert!(json.contains(from), "{json}");
        json.replacen(from, to, 1)
    };
    for (from, to) in [
        ("\"territorial_scope\":[\"DE\",\"AT\"]", "\"territorial_scope\":[\"CN\"]"),
        ("DECISION_VISIBILITY_CONTENT_LABELLED", "DECISION_VISIBILITY_CONTENT_HELD"),
        ("STATEMENT_CATEGORY_CONSUMER_INFORMATION", "CONSUMER_INFORMATION"),
        ("\"automated_detection\":\"Yes\"", "\"automated_detection\":true"),
        ("\"puid\":\"offer-1-1\"", "\"puid\":\"offer 1\""),
        ("\"application_date\":\"2026-12-01\"", "\"application_date\":\"2019-12-01\""),
        ("\"decision_visibility\":[\"DECISION_VISIBILITY_CONTENT_LABELLED\"],", ""),
    ] {
        check(&changed(from, to), false);
    }
}

fn check(statements: &str, fits: bool) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = here.join("../../target/python/bin/python");
    let interpreter = std::env::var_os("DOORSTEP_PYTHON").map_or(beside, PathBuf::from);
    assert!(
        interpreter.exists(),
        "{} is missing: run ./test, which makes it, or set DOORSTEP_PYTHON",
        interpreter.display()
    );
    let script = here.join("tests/python/statements.py");
    let mut child = Command::new(&interpreter)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(statements.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "is jsonschema_rs there? Run ./test");
    let faults = String::from_utf8(output.stdout).unwrap();
    assert_eq!(faults.is_empty(), fits, "{faults}\n{statements}");
}
