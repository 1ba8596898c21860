//! Files that are refused, each with line and reason.

use pulse::claims::read;

/// A claim with one more line, its fifth.
fn refused(line: &str) -> String {
    let text = format!("[[claim]]\nid = \"a\"\nperiod = \"2013\"\n\n{line}\n");
    read(&text).unwrap_err().to_string()
}

#[test]
fn figures_that_are_none_are_refused() {
    let share = |percent: &str| {
        refused(&format!("shares = [ {{ part = \"a\", whole = \"b\", percent = \"{percent}\" }} ]"))
    };
    assert_eq!(
        share("1e9"),
        "line 5: `percent`: `1e9` is in scientific notation; write the digits out"
    );
    assert_eq!(
        share("1000000000"),
        "line 5: `percent`: `1000000000` is out of range; write a percentage from 0 to 1000000"
    );
    assert_eq!(share("-3"), "line 5: `percent`: `-3` is negative; write a figure of zero or more");
    assert_eq!(
        share("36.1%"),
        "line 5: `percent`: `36.1%` has a percent sign; write the digits only, for example 36.1"
    );
    assert_eq!(
        refused("shares = [ { part = \"a\", whole = \"b\", percent = 36.1 } ]"),
        "line 5: `36.1` has no quotation marks; write a figure as \"437.13\", so that it keeps its \
         digits"
    );
    let growth = |percent: &str| {
        refused(&format!(
            "growth = [ {{ value = \"a\", over = \"2012\", percent = \"{percent}\" }} ]"
        ))
    };
    assert_eq!(
        growth("-100.1"),
        "line 5: `percent`: `-100.1` is out of range; write a percentage from -100 to 1000000"
    );
    assert_eq!(
        refused("values = [ { name = \"a\", amount = \"-1\" } ]"),
        "line 5: `amount`: `-1` is negative; write a figure of zero or more"
    );
}

#[test]
fn currencies_and_rates_that_are_none_are_refused() {
    assert_eq!(
        refused("values = [ { name = \"a\", amount = \"1\", currency = \"RMB\" } ]"),
        "line 5: `RMB` is not a currency code of ISO 4217 (three capital letters, for example CNY)"
    );
    let rate = |from: &str, value: &str| {
        refused(&format!("rates = [ {{ from = \"{from}\", to = \"CNY\", value = \"{value}\" }} ]"))
    };
    assert_eq!(rate("CNY", "1"), "line 5: the rate is from CNY to itself; name two currencies");
    assert_eq!(rate("USD", "0.00"), "line 5: `value`: `0.00` is zero; write a rate above zero");
    assert_eq!(
        refused(
            "rates = [ { from = \"USD\", to = \"CNY\", value = \"6.1\" },\n\
             { from = \"CNY\", to = \"USD\", value = \"0.16\" } ]"
        ),
        "line 6: the rate of CNY and USD stands twice; leave one out"
    );
}

#[test]
fn what_stands_twice_is_refused() {
    let value = "{ name = \"a\", amount = \"1\", currency = \"CNY\" }";
    assert_eq!(
        refused(&format!("values = [ {value},\n {value} ]")),
        "line 6: `a` has two values in CNY; leave one out, or name the other one"
    );
    let share = "{ part = \"a\", whole = \"b\", percent = \"1\" }";
    assert_eq!(
        refused(&format!("shares = [ {share}, {share} ]")),
        "line 5: the share of `a` in `b` stands twice; leave one out"
    );
    let growth = "{ value = \"a\", over = \"2012\", percent = \"1\" }";
    assert_eq!(
        refused(&format!("growth = [ {growth}, {growth} ]")),
        "line 5: the growth of `a` over 2012 stands twice; leave one out"
    );
    let twice = read("[[claim]]\nid = \"a\"\n[[claim]]\nid = \"a\"\n").unwrap_err();
    assert_eq!(twice.to_string(), "line 4: two claims have the id `a`; rename one");
}

#[test]
fn relations_of_a_thing_with_itself_are_refused() {
    assert_eq!(
        refused("parts = [ { whole = \"a\", of = [\"a\", \"b\"] } ]"),
        "line 5: `a` is a part of itself; name another whole or part"
    );
    assert_eq!(
        refused("parts = [ { whole = \"a\", of = [\"b\", \"b\"] } ]"),
        "line 5: `b` is twice in the parts of `a`; leave one out"
    );
    assert_eq!(
        refused("parts = [ { whole = \"a\", of = [] } ]"),
        "line 5: the parts of `a` are missing; name at least one in `of`"
    );
    assert_eq!(
        refused("shares = [ { part = \"a\", whole = \"a\", percent = \"1\" } ]"),
        "line 5: `a` is a part of itself; name another whole or part"
    );
    assert_eq!(
        refused("growth = [ { value = \"a\", over = \"2013\", percent = \"1\" } ]"),
        "line 5: `over` names the claim's own period, 2013; name an earlier one"
    );
}

#[test]
fn what_is_no_file_of_claims_is_refused() {
    let refused = |text: &str| read(text).unwrap_err().to_string();
    assert_eq!(refused(""), "line 1: there is no claim; begin one with [[claim]]");
    assert_eq!(
        refused("[[claim]]\nid = \"\"\n"),
        "line 2: `id` is empty; write a text, or leave \
        the key out if it may be left out"
    );
    assert!(refused("[[claim]]\npublisher = \"a\"\n").starts_with("line 1: missing field `id`"));
    let unknown = refused("[[claim]]\nid = \"a\"\nvalue = []\n");
    assert!(unknown.starts_with("line 3: unknown field `value`, expected one of"), "{unknown}");
    let scale = refused(
        "[[claim]]\nid = \"a\"\nvalues = [{ name = \"a\", amount = \"1\", \
        scale = \"billion\" }]\n",
    );
    assert!(scale.starts_with("line 3: unknown variant `billion`, expected one of"), "{scale}");
    let long = "x".repeat(2_001);
    assert_eq!(
        refused(&format!("[[claim]]\nid = \"a\"\ntext = \"{long}\"\n")),
        "line 3: `text` has more than 2000 characters; shorten it"
    );
    let value = |n: usize| format!("{{ name = \"v{n}\", amount = \"1\" }}");
    let many: Vec<String> = (0..65).map(value).collect();
    assert_eq!(
        refused(&format!("[[claim]]\nid = \"a\"\nvalues = [{}]\n", many.join(", "))),
        "line 2: `values` has more than 64 entries; split the claim"
    );
}

#[test]
fn what_is_no_date_is_refused() {
    for date in ["2013-08-12", "2013-08", "2013", "1949-10-01", "2012-02-29"] {
        assert!(read(&format!("[[claim]]\nid = \"a\"\ndate = \"{date}\"\n")).is_ok(), "{date}");
    }
    for date in ["not a date", "2013-02-29", "2013-13", "13", "2013-08-12T00", "2013-8-1"] {
        let wanted = "is not a date; write it as 2013-08-12, 2013-08 or 2013";
        let refused = refused(&format!("date = \"{date}\""));
        assert_eq!(refused, format!("line 5: `{date}` {wanted}"));
    }
}
