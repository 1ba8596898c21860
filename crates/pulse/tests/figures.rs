//! What a file of figures gets wrong is refused with its reason.

use pulse::figures::{FigureFileError, FigureProblem, FigureSet};
use views::read::AskedFault;

const SECTION: &str = r#"
[section]
id = "test"
place = 1
title = { en = "Test", zh = "测试" }
"#;

fn figure(id: &str, sql: &str, more: &str) -> String {
    format!(
        r#"
[[figure]]
id = "{id}"
unit = "parcels"
audience = "everyone"
name = {{ en = "A", zh = "甲" }}
definition = {{ en = "A", zh = "甲" }}
excludes = {{ en = "A", zh = "甲" }}
sql = "{sql}"
{more}
"#
    )
}

const COUNT: &str = "SELECT count(*) AS value FROM parcels";

fn problem(text: &str) -> FigureProblem {
    let FigureFileError { file, what } =
        FigureSet::read(&[("test.toml", text)]).expect_err("the file is refused");
    assert_eq!(file, "test.toml");
    what
}

fn fault(sql: &str) -> AskedFault {
    match problem(&format!("{SECTION}{}", figure("a", sql, ""))) {
        FigureProblem::Statement { figure, fault, .. } if figure == "a" => fault,
        other => panic!("{other}"),
    }
}

#[test]
fn a_statement_that_writes_or_never_ends_or_reads_too_much_is_refused() {
    assert_eq!(fault("DELETE FROM parcels"), AskedFault::Writes("DELETE"));
    let recursive = "WITH RECURSIVE n AS (SELECT 1 AS value UNION ALL SELECT value + 1 FROM n) \
                     SELECT value FROM n";
    assert_eq!(fault(recursive), AskedFault::Recursive);
    for (sql, table, column) in [
        ("SELECT count(*) AS value FROM persons", "persons", ""),
        ("SELECT sum(fees) AS value FROM payments", "payments", "fees"),
        ("SELECT count(DISTINCT seller) AS value FROM parcels", "parcels", "seller"),
        ("SELECT count(*) AS value FROM postings", "postings", ""),
    ] {
        let (table, column) = (table.to_owned(), column.to_owned());
        assert_eq!(fault(sql), AskedFault::Forbidden { table, column }, "{sql}");
    }
    let unknown = AskedFault::Invalid("no such column: dew".to_owned());
    assert_eq!(fault("SELECT sum(dew) AS value FROM parcels"), unknown);
    let no_value = AskedFault::Invalid("no such column: value".to_owned());
    assert_eq!(fault("SELECT count(*) FROM parcels"), no_value);
}

#[test]
fn a_text_that_is_in_one_language_only_is_refused() {
    for (key, text) in
        [("definition", "definition = { en = \"A\" }"), ("excludes", "excludes = { en = \"A\" }")]
    {
        let whole = format!("{key} = {{ en = \"A\", zh = \"甲\" }}");
        let text = format!("{SECTION}{}", figure("a", COUNT, "").replace(&whole, text));
        let language = "zh";
        let expected = FigureProblem::Language { of: "a".to_owned(), key, language };
        assert_eq!(problem(&text), expected);
    }
}

#[test]
fn identities_in_a_circle_are_refused() {
    let figures = ["a", "b", "c"].map(|id| figure(id, COUNT, "")).concat();
    let identity = |id: &str, whole: &str, part: &str| {
        format!(
            "[[identity]]\nid = \"{id}\"\nname = {{ en = \"A\", zh = \"甲\" }}\nwhole = \
             \"{whole}\"\nparts = [\"{part}\"]\n"
        )
    };
    let of = |identities: &[(&str, &str, &str)]| {
        let all = identities.iter().map(|(id, whole, part)| identity(id, whole, part));
        format!("{SECTION}{figures}{}", all.collect::<String>())
    };
    let good = of(&[("x", "a", "b"), ("y", "a", "c"), ("z", "b", "c")]);
    assert_eq!(FigureSet::read(&[("test.toml", &good)]).unwrap().identities.len(), 3);
    let circle = of(&[("x", "a", "b"), ("y", "b", "c"), ("z", "c", "a")]);
    let path = ["a", "b", "c", "a"].map(str::to_owned).to_vec();
    assert_eq!(problem(&circle), FigureProblem::Circle(path));
    let itself = of(&[("x", "a", "a")]);
    assert_eq!(problem(&itself), FigureProblem::Circle(vec!["a".to_owned(), "a".to_owned()]));
    let unknown = of(&[("x", "a", "d")]);
    let (identity, figure) = ("x".to_owned(), "d".to_owned());
    assert_eq!(problem(&unknown), FigureProblem::NoFigure { identity, figure });
}

#[test]
fn other_mistakes_are_refused_with_their_place() {
    let two = format!("{SECTION}{}{}", figure("a", COUNT, ""), figure("a", COUNT, ""));
    assert_eq!(problem(&two), FigureProblem::Twice("a".to_owned()));
    let bad_id = format!("{SECTION}{}", figure("A-1", COUNT, ""));
    assert_eq!(problem(&bad_id), FigureProblem::Id("A-1".to_owned()));
    let more = "parts = { view = \"dreams\", sql = \"SELECT 1 AS value\" }";
    let no_view = format!("{SECTION}{}", figure("a", COUNT, more));
    let (name, view) = ("a".to_owned(), "dreams".to_owned());
    assert_eq!(problem(&no_view), FigureProblem::NoView { figure: name, view });
    let no_with = format!("{SECTION}{}", figure("a", COUNT, "with = [\"b\"]"));
    let (figure_id, name) = ("a".to_owned(), "b".to_owned());
    assert_eq!(problem(&no_with), FigureProblem::NoWith { figure: figure_id, name });
    let unknown_key = format!("{SECTION}\nx = 1\n");
    assert!(matches!(problem(&unknown_key), FigureProblem::Toml { line: 7, .. }));
}
