//! What people are told of decisions about public texts: statements of reasons, appeals, suspended
//! rules.

use engine::Engine;
use policy::{
    APPEAL_DAYS, FreedBy, MatchCause, PolicyEvent, TextDecision, TextMatch, TextPart, TextVerdict,
};

use crate::announce::{Announcement, NoticeSubjects, announcement, of_seller};

/// What an event says. Nothing of a text that passed, of a version, and of samples.
pub(crate) fn said(event: &PolicyEvent, engine: &Engine) -> Option<Announcement> {
    Some(match event {
        PolicyEvent::TextStopped { offer, decision, .. } => {
            reasons(engine.policy().decision(*offer, *decision)?, engine)?
        }
        PolicyEvent::TextFreed { offer, seller, decision, listed, by } => {
            let name = match (by, listed) {
                (FreedBy::Appeal, true) => "appeal.restored",
                (FreedBy::Appeal, false) => "appeal.reversed",
                (FreedBy::Person | FreedBy::Rules, true) => "text.restored",
                (FreedBy::Person | FreedBy::Rules, false) => "text.freed",
            };
            let fields = [("offer", offer.to_string()), ("decision", decision.to_string())];
            announcement(name, of_seller(*seller), fields)
        }
        PolicyEvent::TextAppealed { offer, seller, decision, due } => {
            let decision = ("decision", decision.to_string());
            let fields = [("offer", offer.to_string()), decision, ("due", due.to_string())];
            announcement("appeal.received", of_seller(*seller), fields)
        }
        PolicyEvent::AppealUpheld { offer, seller, decision } => {
            let fields = [("offer", offer.to_string()), ("decision", decision.to_string())];
            announcement("appeal.upheld", of_seller(*seller), fields)
        }
        PolicyEvent::RuleSuspended { version, rule, owner, reversed, .. } => {
            let about = NoticeSubjects { person: Some(*owner), ..NoticeSubjects::default() };
            let fields = [
                ("rule", rule.clone()),
                ("version", version.to_string()),
                ("reversed", reversed.to_string()),
            ];
            announcement("rule.suspended", about, fields)
        }
        PolicyEvent::PolicyActivated { .. }
        | PolicyEvent::TextPassed { .. }
        | PolicyEvent::SampleDrawn { .. }
        | PolicyEvent::SampleJudged { .. } => return None,
    })
}

/// The statement of reasons of a decision.
fn reasons(decision: &TextDecision, engine: &Engine) -> Option<Announcement> {
    let (about, first) = (of_seller(decision.seller), decision.rules.first()?);
    let (_, rule) = engine.policy().rule_of(decision, first)?;
    let of_rule = |found: &&TextMatch| decision.rules.contains(&found.rule);
    let found: Vec<String> = decision.matches.iter().filter(of_rule).map(place).collect();
    let (offer, number) = (decision.offer.to_string(), decision.number.to_string());
    let (source, rule_text) = (rule.source.clone(), rule.text.clone());
    let rule = ("rule", first.clone());
    let found = ("found", found.join("; "));
    if decision.verdict == TextVerdict::Held {
        let source = ("source", source);
        let fields =
            [("offer", offer), ("decision", number), rule, source, ("rule_text", rule_text), found];
        return Some(announcement("text.held", about, fields));
    }
    let by = match decision.by {
        Some(_) => "a person / 人工",
        None => "the rules / 规则",
    };
    let name = match decision.verdict {
        TextVerdict::Labelled => "text.labelled",
        _ => "text.refused",
    };
    let fields = [
        ("offer", offer),
        ("decision", number),
        rule,
        ("source", source),
        ("rule_text", rule_text),
        found,
        ("decided_by", by.to_owned()),
        ("appeal_until", decision.date.plus_days(APPEAL_DAYS).to_string()),
    ];
    Some(announcement(name, about, fields))
}

/// A place in the text in signs that need no language: `description 3-9 "国家级"`.
fn place(found: &TextMatch) -> String {
    let part = match found.part {
        TextPart::Title => "title".to_owned(),
        TextPart::Description => "description".to_owned(),
        TextPart::Caption(number) => format!("caption {}", u32::from(number) + 1),
    };
    let what = match &found.cause {
        MatchCause::Word(word) => format!(" \"{word}\""),
        MatchCause::Pattern(pattern) => format!(" /{pattern}/"),
        MatchCause::Discount(untrue) => format!(" {}%", u32::from(untrue.left_permille) / 10),
        MatchCause::Person => String::new(),
    };
    format!("{part} {}-{}{what}", found.start, found.end)
}
