//! Policies and texts that are refused.

use screening::file::parse;
use screening::{PublicText, PublicTextError, PublicTextKind};

const HEAD: &str = "name = \"p\"\nnumber = 1\nauthor = \"a\"\napprover = \"b\"\n\
    from = \"2026-01-01\"\n";

fn rule(id: &str, lines: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\nbaseline = \"accuracy\"\njurisdiction = \"CN\"\n\
         source = \"house rule\"\ntext = \"t\"\neffect = \"hold\"\n{lines}\n"
    )
}

#[track_caller]
fn refused(policy: &str, words: &str) {
    assert_eq!(parse(policy).unwrap_err().to_string(), words);
}

const GOOD: &str = "words = [\"x\"]\nmatches = [\"x\"]\npasses = [\"y\"]";

#[test]
fn a_policy_that_is_not_whole_is_refused() {
    parse(&format!("{HEAD}{}", rule("r", GOOD))).unwrap();
    let with = |lines: &str| format!("{HEAD}{}", rule("r", lines));
    refused(
        &HEAD.replace("\"b\"", "\"a\""),
        "the version: the approver is the author; let another person approve",
    );
    refused(
        &format!("{HEAD}{}{}", rule("r", GOOD), rule("r", GOOD)),
        "rule `r`: two rules have this id; rename one",
    );
    refused(
        &with("words = [\"x\"]\nmatches = [\"\"]\npasses = [\"y\"]"),
        "rule `r`: `matches` is empty; write it",
    );
    refused(
        &with("words = [\"x\"]\nmatches = [\"x\"]"),
        "rule `r`: there is no example in `passes`; add one that shows what the rule means",
    );
    refused(
        &with("matches = [\"x\"]\npasses = [\"y\"]"),
        "rule `r`: it has no words, no patterns and no `discount`; add one, or remove the rule",
    );
    refused(
        &with(&GOOD.replace("[\"y\"]", "[\"yx\"]")),
        "rule `r`: the example `yx` must not match and does; correct the rule or the example",
    );
    refused(
        &with(&GOOD.replace("matches = [\"x\"]", "matches = [\"z\"]")),
        "rule `r`: the example `z` must match and does not; correct the rule or the example",
    );
    refused(
        &with(&format!("until = \"2025-12-31\"\n{GOOD}")),
        "rule `r`: it ends on 2025-12-31, but begins on 2026-01-01; correct `until`",
    );
    refused(
        &with(&GOOD.replace("words = [\"x\"]", "words = [\"！\"]\nsteps = [\"separators\"]")),
        "rule `r`: nothing is left of `！` after the rule's steps; remove it, or leave a step out",
    );
    refused(
        &with(&GOOD.replace("words = [\"x\"]", "words = [\"a\u{202e}b\"]")),
        "rule `r`: `words` has a character that changes the direction of writing; remove it",
    );
}

#[test]
fn what_is_not_a_policy_is_refused_with_what_to_write() {
    refused("name = \"p\"\nnumber", "line 2: this is not TOML; correct the line");
    let without = |key: &str| {
        let lines = HEAD.lines().filter(|line| !line.starts_with(key));
        lines.collect::<Vec<_>>().join("\n")
    };
    refused(&without("author"), "line 1: the key `author` is missing; add it");
    let head = |line: &str| format!("{HEAD}{line}\n");
    let known = "line 6: there is no key `authors`; keys here are ";
    assert!(parse(&head("authors = 1")).unwrap_err().to_string().starts_with(known));
    refused(&head("name = \"q\""), "line 6: a key stands here twice; remove one");
    refused(
        &HEAD.replace("number = 1", "number = \"1\""),
        "line 2: the value is of the wrong kind; write u32",
    );
    let effect = rule("r", GOOD).replace("\"hold\"", "\"stop\"");
    refused(
        &format!("{HEAD}{effect}"),
        "line 12: the value `stop` is not known here; write one of `refuse`, `hold`, `label`",
    );
}

#[test]
fn a_pattern_that_is_not_linear_is_refused() {
    let pattern = |pattern: &str| {
        let lines = format!("patterns = ['{pattern}']\nmatches = [\"x\"]\npasses = [\"y\"]");
        parse(&format!("{HEAD}{}", rule("r", &lines))).unwrap_err().to_string()
    };
    assert_eq!(
        pattern("(a)\\1"),
        "rule `r`: the pattern `(a)\\1` is not valid: backreferences are not supported; write one \
         that runs in linear time"
    );
    assert!(pattern("a(?=b)").contains("look-around"));
    for large in ["(\\w{1,1000}){1000}", "a{1000}{1000}"] {
        let wanted = "becomes too large; write fewer or shorter repetitions";
        assert_eq!(pattern(large), format!("rule `r`: the pattern `{large}` {wanted}"));
    }
    assert_eq!(pattern("a*"), "rule `r`: the pattern `a*` matches the empty text; make it longer");
}

#[test]
fn lists_without_end_are_refused() {
    let words: Vec<String> = (0..1_000_000).map(|word| format!("\"w{word}\"")).collect();
    let lines = format!("words = [{}]\nmatches = [\"w1\"]\npasses = [\"y\"]", words.join(","));
    refused(
        &format!("{HEAD}{}", rule("r", &lines)),
        "rule `r`: `words` has more than 100000 entries; shorten the list",
    );
}

#[test]
fn texts_that_cannot_be_published_are_refused() {
    use PublicTextError as E;
    let read = |bytes: &[u8]| PublicText::read(PublicTextKind::Listing, bytes).map(|_| ());
    assert_eq!(read(&vec![b'a'; 1 << 20]), Err(E::TooLong(1 << 20)));
    assert_eq!(read(b"ab\xff"), Err(E::NotUtf8(2)));
    assert_eq!(read("a\u{202e}b".as_bytes()), Err(E::Bidi(1)));
    assert_eq!(read("女装".as_bytes()), Ok(()));
}

#[test]
fn what_is_refused_says_what_is_wrong_and_what_to_write() {
    let with = |lines: &str| format!("{HEAD}{}", rule("r", lines));
    refused(
        &with(&GOOD.replace("words = [\"x\"]", "words = [\"x\", \"\"]")),
        "rule `r`: an entry of `words` is empty; remove it",
    );
    refused(
        &HEAD.replace("number = 1", "number = 0"),
        "the version: `number` is 0; count the versions from 1",
    );
    let people = HEAD.replace("\"a\"", "\" ANN  Lee \"").replace("\"b\"", "\"ann lee\"");
    refused(&people, "the version: the approver is the author; let another person approve");
    let priced = |price: &str| {
        let example = format!("{{ text = \"x\", price = {price} }}");
        with(&GOOD.replace("matches = [\"x\"]", &format!("matches = [{example}]")))
    };
    parse(&priced("\"20.00\"")).unwrap();
    refused(
        &priced("\"20.00CNY\""),
        "rule `r`: `20.00CNY` is not a price; write digits with two decimals at most, for example \
         20.00",
    );
    let wrong = parse(&priced("1000")).unwrap_err().to_string();
    assert!(wrong.ends_with(
        ": an example is not of its form; write a text, or { text = \"…\", price = \"20.00\" }, \
         with `reference` if there is one: each is a text in quotation marks"
    ), "{wrong}");
}
