//! Versions are activated by two people, and only while their examples hold.

use engine::{Actor, Command, Refusal, Submission};
use policy::*;

use crate::shop::*;

#[test]
fn a_version_is_activated_by_two_people() {
    let mut shop = TextShop::open();
    let version = shop.version(rules().to_vec());
    let alone = ActivatePolicy { approved_by: FIRST, ..version.clone() };
    assert_eq!(shop.refused(alone), Refusal::Books(books::Refusal::SamePerson));
    let of_another = Submission::new(Actor::Person(THIRD), Command::of_policy(version.clone()));
    let refused = shop.give(of_another).unwrap_err();
    assert_eq!(refused, Refusal::Books(books::Refusal::NotOneOfThePersons(THIRD)));
    let system = Submission::new(Actor::System, Command::of_policy(version.clone()));
    assert!(matches!(shop.give(system), Err(Refusal::Books(books::Refusal::NotAllowed(_)))));
    let events = shop.policy(version.clone());
    assert_eq!(events, [PolicyEvent::PolicyActivated { version: 1, from: day(0) }]);
    assert_eq!(shop.refused(version.clone()), Refusal::Books(books::Refusal::Repeated));
    let other = ActivatePolicy { name: "other".to_owned(), ..version };
    assert_eq!(shop.refused(other), Refusal::Books(books::Refusal::IdentifierTaken));
}

#[test]
fn a_version_whose_examples_fail_or_were_not_matched_is_refused() {
    let mut shop = TextShop::open();
    let version = shop.version(rules().to_vec());
    let failing = vec![FailingExample { rule: "cures".to_owned(), text: "cure".to_owned() }];
    let refused = shop.refused_by_policy(ActivatePolicy { failing, ..version.clone() });
    assert_eq!(refused, PolicyRefusal::ExampleFails("cures".to_owned()));
    let refused = shop.refused_by_policy(ActivatePolicy { examples: 5, ..version });
    assert_eq!(refused, PolicyRefusal::ExamplesNotMatched(5));
}

#[test]
fn a_version_that_is_not_whole_is_refused() {
    let mut shop = TextShop::open();
    shop.policy(ActivatePolicy { from: day(3), ..shop.version(rules().to_vec()) });
    let version = shop.version(rules().to_vec());
    type Change = fn(&mut ActivatePolicy);
    let cases: [(Change, PolicyRefusal); 12] = [
        (|it| it.version = 3, PolicyRefusal::VersionNumber(2)),
        (|it| it.from = day(2), PolicyRefusal::VersionBegins),
        (|it| it.suspended_after = 0, PolicyRefusal::NoBound),
        (|it| it.rules = vec![it.rules[0].clone(); 1_001], PolicyRefusal::TooManyRules),
        (|it| it.rules[1].id = "cures".to_owned(), fault("cures", RuleFault::SameId)),
        (|it| it.rules[0].matches[0].text.clear(), fault("cures", RuleFault::Empty)),
        (|it| it.rules[0].passes.clear(), fault("cures", RuleFault::NoExample)),
        (|it| it.rules[0].words.clear(), fault("cures", RuleFault::NothingToMatch)),
        (|it| it.rules[0].until = Some(it.rules[0].from), fault("cures", RuleFault::Dates)),
        (|it| it.rules[0].text = "x".repeat(1_001), fault("cures", RuleFault::TooLong)),
        (
            |it| it.rules[0].words = vec!["x".to_owned(); 100_001],
            fault("cures", RuleFault::TooManyEntries),
        ),
        (|it| it.rules[0].source = " ".to_owned(), fault("cures", RuleFault::Empty)),
    ];
    for (change, expected) in cases {
        let mut changed = ActivatePolicy { from: day(3), ..version.clone() };
        change(&mut changed);
        assert_eq!(shop.refused_by_policy(changed), expected);
    }
}

fn fault(rule: &str, fault: RuleFault) -> PolicyRefusal {
    PolicyRefusal::Rule(rule.to_owned(), fault)
}

#[test]
fn a_version_holds_from_its_day_until_that_of_the_next_one() {
    let mut shop = TextShop::open();
    shop.policy(ActivatePolicy { from: day(1), ..shop.version(rules().to_vec()) });
    shop.policy(ActivatePolicy { from: day(3), ..shop.version(Vec::new()) });
    let version = |number: u16| shop.engine.policy().in_force(day(number)).map(|it| it.version);
    assert_eq!([0, 1, 2, 3, 9].map(version), [None, Some(1), Some(1), Some(2), Some(2)]);
}

#[test]
fn a_rule_is_suspended_by_a_person_until_the_next_version() {
    let mut shop = TextShop::with_policy();
    let suspension = |rule: &str| SuspendRule { rule: rule.to_owned(), suspended_by: SECOND };
    let missing = MissingPolicyRecord::Rule("none".to_owned());
    assert_eq!(shop.refused_by_policy(suspension("none")), PolicyRefusal::NotFound(missing));
    let events = shop.policy(suspension("cures"));
    assert_eq!(
        events,
        [PolicyEvent::RuleSuspended {
            version: 1,
            rule: "cures".to_owned(),
            owner: FIRST,
            reversed: 0,
            by: Some(SECOND),
        }]
    );
    assert_eq!(shop.refused(suspension("cures")), Refusal::Books(books::Refusal::Repeated));
    let other = SuspendRule { suspended_by: THIRD, ..suspension("cures") };
    assert_eq!(shop.refused_by_policy(other), PolicyRefusal::RuleSuspended("cures".to_owned()));
    let matched = |shop: &TextShop| {
        let policy = shop.engine.policy();
        let rules = policy.matched_rules(policy.in_force(day(0)).unwrap(), day(0));
        rules.map(|rule| rule.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(matched(&shop), ["pre-owned", "weapons"]);
    let screening = shop.screening(text(1), vec![found(&rules()[0])]);
    let missing = MissingPolicyRecord::Rule("cures".to_owned());
    assert_eq!(shop.refused_by_policy(screening), PolicyRefusal::NotFound(missing));
    shop.policy(shop.version(rules().to_vec()));
    assert_eq!(matched(&shop), ["cures", "pre-owned", "weapons"]);
}
