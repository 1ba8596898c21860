//! Appeals have a clock and another judge; a reversal puts the offer back; a rule that is reversed
//! too often is suspended.

use books::SellerId;
use engine::Refusal;
use market::OfferState;
use policy::*;

use crate::shop::*;

/// A listed offer whose text a person refused, by a rule that found nothing before.
fn refused_offer() -> TextShop {
    let mut shop = TextShop::with_policy();
    shop.policy(shop.screening(text(1), Vec::new()));
    shop.list().unwrap();
    shop.policy(DecideText {
        rule: Some("weapons".to_owned()),
        spans: vec![TextSpan { part: TextPart::Title, start: 0, end: 3 }],
        ..shop.decision(text(1), TextJudgement::Refuse)
    });
    assert_eq!(shop.state(), OfferState::Paused);
    shop
}

#[test]
fn a_reversal_puts_the_offer_back_and_says_so() {
    let mut shop = refused_offer();
    let events = shop.policy(TextShop::appeal(2));
    let (offer, seller, decision) = (OFFER, SELLER, 2);
    let due = day(APPEAL_ANSWER_DAYS);
    assert_eq!(events, [PolicyEvent::TextAppealed { offer, seller, decision, due }]);
    assert_eq!(shop.engine.policy().open_appeals().count(), 1);
    let own = TextShop::judged(2, TextJudgement::Publish, FIRST);
    assert_eq!(shop.refused(own), Refusal::Books(books::Refusal::SamePerson));
    let judged = TextShop::judged(2, TextJudgement::Publish, SECOND);
    let events = shop.policy(judged.clone());
    let (by, listed) = (FreedBy::Appeal, true);
    assert_eq!(events, [PolicyEvent::TextFreed { offer, seller, decision, by, listed }]);
    assert_eq!(shop.state(), OfferState::Listed);
    let policy = shop.engine.policy();
    assert_eq!(policy.open_appeals().count(), 0);
    let ended = policy.decision(OFFER, 2).unwrap();
    assert_eq!(ended.end, Some((shop.at, DecisionEnd::Reversed)));
    assert!(ended.appeal.as_ref().unwrap().judged.unwrap().reversed);
    let new = policy.decision(OFFER, 3).unwrap();
    assert_eq!((new.verdict, new.by), (TextVerdict::Published, Some(SECOND)));
    assert_eq!(policy.rule_counts(1, "weapons").reversed, 1);
    assert_eq!(shop.refused(judged), Refusal::Books(books::Refusal::Repeated));
    let other = TextShop::judged(2, TextJudgement::Refuse, SECOND);
    assert_eq!(shop.refused_by_policy(other), PolicyRefusal::Judged);
}

#[test]
fn an_appeal_that_is_upheld_changes_nothing_else() {
    let mut shop = refused_offer();
    shop.policy(TextShop::appeal(2));
    let events = shop.policy(TextShop::judged(2, TextJudgement::Refuse, SECOND));
    let (offer, seller, decision) = (OFFER, SELLER, 2);
    assert_eq!(events, [PolicyEvent::AppealUpheld { offer, seller, decision }]);
    assert_eq!(shop.state(), OfferState::Paused);
    assert_eq!(shop.engine.policy().decision_count(), 2);
    let counts = shop.engine.policy().rule_counts(1, "weapons");
    assert_eq!((counts.appealed, counts.judged, counts.reversed), (1, 1, 0));
}

#[test]
fn a_milder_judgement_is_a_reversal() {
    let mut shop = refused_offer();
    shop.policy(TextShop::appeal(2));
    let events = shop.policy(TextShop::judged(2, TextJudgement::Label, SECOND));
    assert!(matches!(
        events[..],
        [PolicyEvent::TextFreed { listed: true, .. }, PolicyEvent::TextStopped { .. }]
    ));
    let decision = shop.engine.policy().decision(OFFER, 3).unwrap();
    assert_eq!((decision.verdict, decision.rules.len()), (TextVerdict::Labelled, 1));
    // The label can be appealed against, too.
    shop.policy(TextShop::appeal(3));
    shop.policy(TextShop::judged(3, TextJudgement::Publish, FIRST));
}

#[test]
fn appeals_of_others_and_late_ones_are_refused() {
    let mut shop = refused_offer();
    let of_another = AppealText { seller: SellerId(2), ..TextShop::appeal(2) };
    let expected = PolicyRefusal::NotTheSeller(OFFER, SellerId(2));
    assert_eq!(shop.refused_by_policy(of_another), expected);
    assert!(matches!(shop.refused_by_policy(TextShop::appeal(9)), PolicyRefusal::NotFound(_)));
    let ended = PolicyRefusal::NotAppealable(1);
    assert_eq!(shop.refused_by_policy(TextShop::appeal(1)), ended);
    let unasked = TextShop::judged(2, TextJudgement::Publish, SECOND);
    assert!(matches!(shop.refused_by_policy(unasked), PolicyRefusal::NotFound(_)));
    let morning = shop.at;
    shop.at = morning.plus_ms((u64::from(APPEAL_DAYS) + 1) * DAY_MS);
    assert_eq!(shop.refused_by_policy(TextShop::appeal(2)), PolicyRefusal::AppealTooLate);
    shop.at = morning.plus_ms(u64::from(APPEAL_DAYS) * DAY_MS);
    shop.policy(TextShop::appeal(2));
    assert_eq!(shop.refused(TextShop::appeal(2)), Refusal::Books(books::Refusal::Repeated));
    let again = AppealText { reason: AppealReason::True, ..TextShop::appeal(2) };
    assert_eq!(shop.refused_by_policy(again), PolicyRefusal::Appealed);
}

#[test]
fn what_is_held_is_decided_before_it_can_be_appealed_against() {
    let mut shop = TextShop::with_policy();
    shop.policy(shop.screening(text(1), vec![found(&rules()[0])]));
    assert_eq!(shop.refused_by_policy(TextShop::appeal(1)), PolicyRefusal::NotAppealable(1));
}

#[test]
fn a_rule_whose_reversals_pass_its_bound_is_suspended_by_itself() {
    let mut shop = TextShop::with_policy();
    let mut events = Vec::new();
    for content in 1..=2 {
        shop.policy(shop.screening(text(content), vec![found(&rules()[2])]));
        let decision = shop.engine.policy().next_decision(OFFER) - 1;
        shop.policy(TextShop::appeal(decision));
        events = shop.policy(TextShop::judged(decision, TextJudgement::Publish, SECOND));
    }
    let suspended = PolicyEvent::RuleSuspended {
        version: 1,
        rule: "weapons".to_owned(),
        owner: FIRST,
        reversed: 2,
        by: None,
    };
    assert_eq!(events.last(), Some(&suspended));
    let again = shop.screening(text(3), vec![found(&rules()[2])]);
    assert!(matches!(shop.refused_by_policy(again), PolicyRefusal::NotFound(_)));
    shop.policy(shop.screening(text(3), Vec::new()));
}

#[test]
fn an_appeal_against_a_text_that_was_replaced_counts_for_the_rule() {
    let mut shop = TextShop::with_policy();
    shop.policy(shop.screening(text(2), vec![found(&rules()[2])]));
    shop.policy(shop.screening(text(1), Vec::new()));
    let ended = shop.engine.policy().decision(OFFER, 1).unwrap().end;
    assert_eq!(ended.map(|(_, end)| end), Some(DecisionEnd::TextReplaced));
    shop.policy(TextShop::appeal(1));
    let events = shop.policy(TextShop::judged(1, TextJudgement::Publish, SECOND));
    assert!(matches!(events[..], [PolicyEvent::TextFreed { listed: false, .. }]), "{events:?}");
    assert_eq!(shop.engine.policy().rule_counts(1, "weapons").reversed, 1);
}
