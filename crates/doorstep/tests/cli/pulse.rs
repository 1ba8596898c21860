//! Claims, judged.

use super::support::Bed;

const PAGE: &str = include_str!("../../../../docs/claims.md");
const FILE: &str = include_str!("../../../../docs/claims.toml");

#[test]
fn the_claims_of_the_page_have_the_verdicts_that_it_prints() {
    let bed = Bed::new();
    bed.write("claims.toml", FILE);
    let ran = bed.run("pulse claim claims.toml").ends_with(1).says_nothing();
    let printed = PAGE.split("```").nth(1).unwrap().trim_start();
    assert_eq!(ran.stdout(), printed);
    let claims = bed.run("pulse claim claims.toml --json").ends_with(1).json();
    let verdicts: Vec<&str> =
        claims.as_array().unwrap().iter().map(|claim| claim["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["holds", "holds", "cannot hold", "cannot hold", "needs a definition"]);
    assert!(claims[2]["correction"].is_null(), "{claims}");
    let correction = claims[3]["correction"].as_str().unwrap();
    assert!(correction.contains("36.1%, not 31.6% (two digits exchanged)"), "{correction}");
    let share = claims[2]["reasons"][1].as_str().unwrap();
    assert!(share.contains("but the claim says 36.9%, that is 36.85–36.95%"), "{share}");
}

#[test]
fn a_verdict_in_chinese_has_the_same_arithmetic() {
    let bed = Bed::new();
    bed.write("claims.toml", FILE);
    let ran = bed.run("pulse claim claims.toml --lang zh").ends_with(1).says_nothing();
    let ran = ran.prints("digest-2013: 不能成立").prints("iresearch-2013q2: 成立");
    let ran = ran.prints("no-rate: 需要定义").prints("论断为 36.9%，即 36.85–36.95%。");
    for english in [" holds", "cannot", "says", "correction"] {
        assert!(!ran.stdout().contains(english), "{english}{ran}");
    }
}

#[test]
fn a_verdict_is_a_claim_review_of_schema_org() {
    let bed = Bed::new();
    bed.write("claims.toml", FILE);
    let reviews = bed.run("pulse claim claims.toml --claim-review").ends_with(1).json();
    let review = &reviews[2];
    assert_eq!(review["@context"], "https://schema.org");
    assert_eq!(review["@type"], "ClaimReview");
    assert_eq!(review["claimReviewed"], "B2C $25.6bn, C2C $71bn, B2C 36.9% of the total");
    assert_eq!(review["itemReviewed"]["author"]["name"], "the digest");
    let rating = &review["reviewRating"];
    assert_eq!(rating["alternateName"], "cannot hold");
    let value = |name: &str| rating[name].as_u64().unwrap();
    assert_eq!((value("worstRating"), value("ratingValue"), value("bestRating")), (1, 1, 3));
}

#[test]
fn files_are_judged_together_and_refused_with_their_line() {
    let bed = Bed::new();
    let (before, now) = FILE.split_at(FILE.find("# What the daily digest").unwrap());
    bed.write("before.toml", before);
    bed.write("now.toml", now);
    bed.run("pulse claim before.toml").succeeds();
    bed.run("pulse claim before.toml now.toml").ends_with(1);
    bed.run("pulse claim before.toml before.toml")
        .fails("two claims have the id `iresearch-2012q2`; rename one");
    bed.write("bad.toml", FILE.replacen("\"36.1\"", "\"1e9\"", 1));
    bed.run("pulse claim before.toml bad.toml").fails(
        "bad.toml: line 21: `percent`: `1e9` is in scientific notation; write the digits out",
    );
    bed.run("pulse claim bad.toml --lang zh")
        .fails("bad.toml：第 21 行：`percent`：`1e9` 是科学记数法；请写出全部数字");
    bed.write("latin.toml", [0xff]);
    bed.run("pulse claim latin.toml").fails("byte 0 is not UTF-8; save the file as UTF-8");
}

#[test]
fn the_benchmark_of_claims_verifies_its_verdicts() {
    let figures = Bed::new().run("bench claims --claims 200 --json").succeeds().json();
    assert_eq!((&figures["verified"], &figures["holds"]), (&true.into(), &180.into()));
    assert_eq!((&figures["cannot_hold"], &figures["corrections"]), (&20.into(), &20.into()));
}
