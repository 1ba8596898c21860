//! Texts are shown only if the rules, or a person, let them.

use engine::Refusal;
use market::{MarketRefusal, OfferState, ReviseOffer, SetPrice, VariantId};
use money::Amount;
use policy::*;

use crate::shop::*;

#[test]
fn without_a_policy_in_force_nothing_is_checked() {
    let mut shop = TextShop::open();
    shop.list().unwrap();
    let mut shop = TextShop::open();
    shop.policy(ActivatePolicy { from: day(1), ..shop.version(rules().to_vec()) });
    shop.list().unwrap();
}

#[test]
fn a_text_is_listed_after_the_rules_in_force_found_nothing() {
    let mut shop = TextShop::with_policy();
    let refused = shop.list().unwrap_err();
    assert_eq!(refused, Refusal::Policy(PolicyRefusal::NotScreened(OFFER)));
    let screening = shop.screening(text(1), Vec::new());
    assert_eq!(shop.policy(screening.clone()), [PolicyEvent::TextPassed { offer: OFFER }]);
    assert_eq!(shop.refused(screening), Refusal::Books(books::Refusal::Repeated));
    shop.list().unwrap();
    assert_eq!(shop.state(), OfferState::Listed);
    // Another version must look at it again before it is listed again.
    shop.give(shop.set_state(OfferState::Paused)).unwrap();
    shop.policy(shop.version(rules()[1..].to_vec()));
    let refused = shop.list().unwrap_err();
    assert_eq!(refused, Refusal::Policy(PolicyRefusal::NotScreened(OFFER)));
    shop.policy(shop.screening(text(1), Vec::new()));
    assert_eq!(shop.engine.policy().decision_count(), 1, "nothing new was decided");
    shop.list().unwrap();
}

#[test]
fn the_strongest_effect_decides() {
    let [cures, used, weapons] = rules();
    let cases = [
        (vec![&used], TextVerdict::Labelled, "pre-owned"),
        (vec![&cures, &used], TextVerdict::Held, "cures"),
        (vec![&cures, &used, &weapons], TextVerdict::Refused, "weapons"),
    ];
    for (matched, verdict, rule) in cases {
        let mut shop = TextShop::with_policy();
        shop.policy(shop.screening(text(1), matched.into_iter().map(found).collect()));
        let decision = shop.engine.policy().decision(OFFER, 1).unwrap();
        assert_eq!(
            (decision.verdict, decision.rules.as_slice()),
            (verdict, &[rule.to_owned()][..])
        );
        assert_eq!((decision.by, decision.version, decision.found_by_rules), (None, 1, true));
        let listed = shop.list();
        match verdict {
            TextVerdict::Labelled => assert!(listed.is_ok()),
            TextVerdict::Held => assert_eq!(
                listed.unwrap_err(),
                Refusal::Policy(PolicyRefusal::TextHeld(OFFER, rule.to_owned()))
            ),
            _ => assert_eq!(
                listed.unwrap_err(),
                Refusal::Policy(PolicyRefusal::TextRefused(OFFER, rule.to_owned()))
            ),
        }
    }
}

#[test]
fn a_person_decides_about_a_held_text() {
    for judgement in [TextJudgement::Publish, TextJudgement::Refuse] {
        let mut shop = TextShop::with_policy();
        shop.policy(shop.screening(text(1), vec![found(&rules()[0])]));
        assert_eq!(shop.engine.policy().held_texts().count(), 1);
        shop.at = shop.at.plus_ms(3_600_000);
        let events = shop.policy(shop.decision(text(1), judgement));
        assert_eq!(shop.engine.policy().held_texts().count(), 0);
        let decision = shop.engine.policy().decision(OFFER, 2).unwrap();
        assert_eq!((decision.by, decision.held_at), (Some(FIRST), Some(MORNING)));
        assert_eq!(decision.matches, [found(&rules()[0])]);
        let (offer, seller) = (OFFER, SELLER);
        if judgement == TextJudgement::Publish {
            let by = FreedBy::Person;
            let freed = PolicyEvent::TextFreed { offer, seller, decision: 1, by, listed: false };
            assert_eq!(events, [freed]);
            shop.list().unwrap();
            // The same rules find the same: what a person decided stands.
            let again = shop.screening(text(1), vec![found(&rules()[0])]);
            assert_eq!(shop.refused_by_policy(again), PolicyRefusal::PersonDecided(OFFER));
            // Another rule finds something else.
            shop.policy(shop.screening(text(1), vec![found(&rules()[2])]));
            assert_eq!(shop.state(), OfferState::Paused);
        } else {
            let (verdict, paused) = (TextVerdict::Refused, false);
            let stopped = PolicyEvent::TextStopped { offer, seller, decision: 2, verdict, paused };
            assert_eq!(events, [stopped]);
            assert_eq!(decision.rules, ["cures"]);
            assert!(shop.list().is_err());
        }
    }
}

#[test]
fn a_decision_of_a_person_names_a_rule_and_a_place() {
    let mut shop = TextShop::with_policy();
    let none = shop.decision(text(1), TextJudgement::Refuse);
    let missing = MissingPolicyRecord::Standing(OFFER);
    assert_eq!(shop.refused_by_policy(none), PolicyRefusal::NotFound(missing));
    shop.policy(shop.screening(text(1), Vec::new()));
    let span = TextSpan { part: TextPart::Title, start: 0, end: 3 };
    let rule = Some("weapons".to_owned());
    let whole =
        DecideText { rule, spans: vec![span], ..shop.decision(text(1), TextJudgement::Refuse) };
    for wrong in [
        DecideText { rule: None, ..whole.clone() },
        DecideText { spans: Vec::new(), ..whole.clone() },
        DecideText { rule: None, spans: Vec::new(), ..whole.clone() },
        DecideText { judgement: TextJudgement::Publish, ..whole.clone() },
    ] {
        let refused = shop.refused_by_policy(wrong);
        let expected = [PolicyRefusal::RuleAndPlace, PolicyRefusal::VerdictUnchanged];
        assert!(expected.contains(&refused), "{refused:?}");
    }
    let backwards = vec![TextSpan { start: 3, end: 3, ..span }];
    let refused = shop.refused_by_policy(DecideText { spans: backwards, ..whole.clone() });
    assert_eq!(refused, PolicyRefusal::MatchOrder);
    shop.policy(whole.clone());
    assert_eq!(shop.refused(whole.clone()), Refusal::Books(books::Refusal::Repeated));
    let same = DecideText { number: 3, ..whole };
    assert_eq!(shop.refused_by_policy(same), PolicyRefusal::VerdictUnchanged);
    let decision = shop.engine.policy().decision(OFFER, 2).unwrap();
    assert_eq!((decision.found_by_rules, &decision.rules), (false, &vec!["weapons".to_owned()]));
}

#[test]
fn a_decision_pauses_the_offer_and_no_order() {
    let mut shop = TextShop::with_policy();
    shop.policy(shop.screening(text(1), Vec::new()));
    shop.list().unwrap();
    shop.checkout(1).unwrap();
    let parcels = shop.engine.market().order_view(market::OrderId(1)).unwrap().parcels.to_vec();
    // Another version catches what this one passed.
    let mut others = rules().to_vec();
    others[2].words.push("coat".to_owned());
    others[2].passes[0].text = "hat".to_owned();
    shop.policy(shop.version(others));
    let events = shop.policy(shop.screening(text(1), vec![found(&rules()[2])]));
    let stopped = PolicyEvent::TextStopped {
        offer: OFFER,
        seller: SELLER,
        decision: 2,
        verdict: TextVerdict::Refused,
        paused: true,
    };
    assert_eq!(events, [stopped]);
    assert_eq!(shop.state(), OfferState::Paused);
    let refused = shop.checkout(2).unwrap_err();
    assert_eq!(refused, Refusal::Market(MarketRefusal::NotListed(OFFER)));
    let after = shop.engine.market().order_view(market::OrderId(1)).unwrap().parcels.to_vec();
    assert_eq!(after, parcels, "the order stands");
    assert!(shop.list().is_err(), "its seller cannot list it with this text");
    // Rules that no longer find anything free it.
    shop.policy(shop.version(Vec::new()));
    let events = shop.policy(shop.screening(text(1), Vec::new()));
    assert!(matches!(events[..], [PolicyEvent::TextFreed { listed: true, .. }]), "{events:?}");
    assert_eq!(shop.state(), OfferState::Listed);
}

#[test]
fn a_listed_offer_keeps_its_text_until_the_new_one_passes() {
    let mut shop = TextShop::with_policy();
    shop.policy(shop.screening(text(1), Vec::new()));
    shop.list().unwrap();
    let revise = |shop: &TextShop, content| {
        let number = shop.engine.market().offer_view(OFFER).unwrap().changes + 1;
        let command =
            ReviseOffer { offer: OFFER, number, category: market::CategoryId(1), content };
        engine::Submission::new(engine::Actor::System, engine::Command::of_market(command))
    };
    let refused = shop.give(revise(&shop, text(2))).unwrap_err();
    assert_eq!(refused, Refusal::Policy(PolicyRefusal::NotScreened(OFFER)));
    shop.policy(shop.screening(text(2), vec![found(&rules()[0])]));
    let refused = shop.give(revise(&shop, text(2))).unwrap_err();
    assert_eq!(refused, Refusal::Policy(PolicyRefusal::TextHeld(OFFER, "cures".to_owned())));
    assert_eq!(shop.state(), OfferState::Listed, "with its old text");
    shop.policy(shop.screening(text(3), Vec::new()));
    assert_eq!(shop.engine.policy().held_texts().count(), 0, "the second text is given up");
    shop.give(revise(&shop, text(3))).unwrap();
    let ends: Vec<bool> =
        shop.engine.policy().decisions_about(OFFER).map(|one| one.end.is_some()).collect();
    assert_eq!(ends, [true, true, false]);
}

#[test]
fn a_rule_ends_at_its_sunset() {
    let mut shop = TextShop::open();
    let mut until = rules().to_vec();
    until[2].until = Some(day(2));
    shop.policy(shop.version(until));
    shop.policy(shop.screening(text(1), vec![found(&rules()[2])]));
    assert_eq!(shop.engine.policy().decision(OFFER, 1).unwrap().until, Some(day(2)));
    shop.at = shop.at.plus_ms(2 * DAY_MS);
    let refused = shop.list().unwrap_err();
    assert_eq!(refused, Refusal::Policy(PolicyRefusal::NotScreened(OFFER)));
    let again = shop.screening(text(1), vec![found(&rules()[2])]);
    assert!(matches!(shop.refused_by_policy(again), PolicyRefusal::NotFound(_)));
    shop.policy(shop.screening(text(1), Vec::new()));
    shop.list().unwrap();
}

#[test]
fn what_was_matched_must_be_what_is_there() {
    let mut shop = TextShop::with_policy();
    let good = shop.screening(text(1), vec![found(&rules()[0]), found(&rules()[2])]);
    let with = |change: &dyn Fn(&mut ScreenText)| {
        let mut screening = good.clone();
        change(&mut screening);
        screening
    };
    let refused = shop.refused_by_policy(with(&|it| it.version = 2));
    assert_eq!(refused, PolicyRefusal::OtherVersion(1));
    let refused = shop.refused_by_policy(with(&|it| it.matches.reverse()));
    assert_eq!(refused, PolicyRefusal::MatchOrder);
    let refused = shop.refused_by_policy(with(&|it| it.matches[0].end = 70_000));
    assert_eq!(refused, PolicyRefusal::MatchOrder);
    let refused = shop.refused_by_policy(with(&|it| it.prices.clear()));
    assert_eq!(refused, PolicyRefusal::PricesChanged(OFFER));
    let refused = shop.refused_by_policy(with(&|it| it.matches[0].cause = MatchCause::Person));
    assert!(matches!(refused, PolicyRefusal::NotFound(_)), "a rule finds its own words only");
    let refused = shop.refused(with(&|it| it.number = 2));
    assert_eq!(refused, Refusal::Books(books::Refusal::WrongSequenceNumber(1)));
    let number = 2;
    let price = SetPrice { variant: VariantId(1), number, price: Amount::of(4_000) };
    shop.market(price);
    assert_eq!(shop.refused_by_policy(good), PolicyRefusal::PricesChanged(OFFER));
    let unknown = ScreenText { offer: market::OfferId(9), ..shop.screening(text(1), Vec::new()) };
    let missing = MissingPolicyRecord::Offer(market::OfferId(9));
    assert_eq!(shop.refused_by_policy(unknown), PolicyRefusal::NotFound(missing));
}
