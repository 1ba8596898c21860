//! Policy files.

use super::support::Bed;

const SHIPPED: &str = include_str!("../../../../policies/advertising-law.toml");
const EXAMPLE: &str = include_str!("../../../../policies/example-house.toml");

#[test]
fn a_policy_is_shown_by_baseline_with_the_empty_ones() {
    let bed = Bed::new();
    bed.write("shipped.toml", SHIPPED);
    let ran = bed.run("policy check shipped.toml").succeeds().says_nothing();
    let ran = ran.prints("the socialist system: empty, nothing is checked\n");
    let ran = ran.prints("  advertising-law-9-3: hold for a person; Advertising Law of the PRC, ");
    ran.prints("The policy is valid: every example does as it says.\n");
    let ran = bed.run("policy check shipped.toml --lang zh").succeeds().says_nothing();
    ran.prints("社会主义制度底线：空，不作任何检查\n")
        .prints("  advertising-law-9-3：交由人判断；");
    bed.write("example.toml", EXAMPLE);
    bed.run("policy check example.toml").succeeds().prints("This is an example.");
}

#[test]
fn a_policy_whose_example_fails_is_refused() {
    let bed = Bed::new();
    bed.write("bad.toml", SHIPPED.replace("\"国家标准\"", "\"国家级标准\""));
    bed.run("policy check bad.toml").fails(
        "error: bad.toml: rule `advertising-law-9-3`: the example `国家级标准` must not match and \
         does; correct the rule or the example\n",
    );
    bed.run("policy check bad.toml --lang zh")
        .fails("规则 `advertising-law-9-3`：例子 `国家级标准` 不应匹配而匹配了；请更正规则或例子");
}

#[test]
fn the_benchmark_of_policies_finds_every_hidden_word() {
    let figures = Bed::new()
        .run("bench policy --texts 200 --words 500 --patterns 20 --json")
        .succeeds()
        .json();
    assert_eq!((&figures["verified"], &figures["texts"]), (&true.into(), &200.into()));
    assert!(figures["matches"].as_u64().unwrap() >= 10, "{figures}");
}
