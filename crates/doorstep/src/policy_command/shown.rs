//! Rules by baseline, what waits, and decisions, in words.

use std::fmt::Display;

use market::OfferId;
use policy::{
    Baseline, MatchCause, PolicyRule, RuleEffect, TextDecision, TextMatch, TextPart, TextVerdict,
};
use screening::PolicyVersion;
use serde_json::{Value, json};

use super::ShowArgs;
use crate::data_directory::read_at_head;
use crate::texts::{filled, text};
use crate::words::{Lang, say};

/// A policy file.
pub(super) fn version(version: &PolicyVersion) {
    let lang = Lang::current();
    let PolicyVersion { name, number, author, approver, from, .. } = version;
    let head: [(&str, &dyn Display); 5] = [
        ("name", name),
        ("number", number),
        ("from", from),
        ("author", author),
        ("approver", approver),
    ];
    say!("{}", filled(lang, "policy.head", &head));
    if version.is_example {
        say!("{}", text(lang, "policy.example"));
    }
    by_baseline(&version.rules, &|_| false);
    say!("{}", text(lang, "policy.valid"));
}

/// All seven baselines, also those without rules.
fn by_baseline(rules: &[PolicyRule], is_suspended: &dyn Fn(&str) -> bool) {
    let lang = Lang::current();
    for baseline in Baseline::ALL {
        let (english, chinese) = baseline.names();
        let baseline_name = lang.pick(english, chinese);
        let mut rules = rules.iter().filter(|rule| rule.baseline == baseline).peekable();
        if rules.peek().is_none() {
            say!("{}", filled(lang, "policy.empty", &[("baseline", &baseline_name)]));
            continue;
        }
        say!("{}", filled(lang, "policy.baseline", &[("baseline", &baseline_name)]));
        rules.for_each(|one| rule(one, is_suspended(&one.id)));
    }
}

fn rule(rule: &PolicyRule, is_suspended: bool) {
    let lang = Lang::current();
    let effect = match rule.effect {
        RuleEffect::Refuse => text(lang, "policy.refuse"),
        RuleEffect::Hold => text(lang, "policy.hold"),
        RuleEffect::Label => text(lang, "policy.label"),
    };
    let until = match rule.until {
        Some(until) => filled(lang, "policy.until", &[("until", &until)]),
        None => text(lang, "policy.no_end").to_owned(),
    };
    let (words, patterns) = (rule.words.len(), rule.patterns.len());
    let examples = rule.matches.len() + rule.passes.len();
    let values: [(&str, &dyn Display); 9] = [
        ("id", &rule.id),
        ("source", &rule.source),
        ("jurisdiction", &rule.jurisdiction),
        ("effect", &effect),
        ("from", &rule.from),
        ("until", &until),
        ("words", &words),
        ("patterns", &patterns),
        ("examples", &examples),
    ];
    let suspended = if is_suspended { text(lang, "policy.suspended") } else { "" };
    say!("  {}{suspended}", filled(lang, "policy.rule", &values));
}

pub(super) fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let head = read_at_head(&args.data)?;
    let (policy, today, lang) = (head.engine.policy(), head.today(), Lang::current());
    if let Some(offer) = args.offer {
        let decisions: Vec<&TextDecision> = policy.decisions_about(OfferId(offer)).collect();
        if args.json {
            say!("{}", Value::from_iter(decisions.iter().map(|one| as_json(one))));
        } else {
            decisions.into_iter().for_each(decision);
        }
        return Ok(());
    }
    let in_force = policy.in_force(today);
    let held: Vec<&TextDecision> = policy.held_texts().collect();
    let appealed: Vec<&TextDecision> = policy.open_appeals().collect();
    if args.json {
        // Whoever judges an appeal does not see what was decided.
        let waiting = |all: &[&TextDecision]| {
            let one = |one: &&TextDecision| {
                json!({ "offer": one.offer, "decision": one.number, "content": one.content,
                        "due": one.appeal.as_ref().map(|appeal| appeal.due) })
            };
            Value::from_iter(all.iter().map(one))
        };
        let version = in_force.map(|version| {
            let suspended = version.rules.iter().map(|rule| &rule.id);
            let suspended: Vec<_> = suspended
                .filter(|rule| policy.suspension(version.version, rule).is_some())
                .collect();
            json!({ "version": version.version, "name": version.name, "from": version.from,
                    "rules": version.rules, "suspended": suspended })
        });
        say!(
            "{}",
            json!({ "in_force": version, "held": waiting(&held), "appeals": waiting(&appealed) })
        );
        return Ok(());
    }
    match in_force {
        None => say!("{}", text(lang, "policy.none_in_force")),
        Some(version) => {
            let values: [(&str, &dyn Display); 5] = [
                ("name", &version.name),
                ("number", &version.version),
                ("from", &version.from),
                ("author", &version.proposed_by),
                ("approver", &version.approved_by),
            ];
            say!("{}", filled(lang, "policy.head", &values));
            by_baseline(&version.rules, &|rule| policy.suspension(version.version, rule).is_some());
        }
    }
    say!("{}", filled(lang, "policy.held_count", &[("count", &held.len())]));
    for one in held {
        let values: [(&str, &dyn Display); 3] =
            [("offer", &one.offer), ("number", &one.number), ("found", &places(&one.matches))];
        say!("  {}", filled(lang, "policy.held_text", &values));
    }
    say!("{}", filled(lang, "policy.appeal_count", &[("count", &appealed.len())]));
    for one in appealed {
        let due = one.appeal.as_ref().map(|appeal| appeal.due).unwrap_or_default();
        let values: [(&str, &dyn Display); 3] =
            [("offer", &one.offer), ("number", &one.number), ("due", &due)];
        say!("  {}", filled(lang, "policy.appeal", &values));
    }
    Ok(())
}

pub(super) fn verdict(verdict: TextVerdict) -> &'static str {
    let key = match verdict {
        TextVerdict::Published => "policy.published",
        TextVerdict::Labelled => "policy.labelled",
        TextVerdict::Held => "policy.held",
        TextVerdict::Refused => "policy.refused",
    };
    text(Lang::current(), key)
}

fn decision(one: &TextDecision) {
    let lang = Lang::current();
    let by = match one.by {
        Some(person) => filled(lang, "policy.by_person", &[("person", &person)]),
        None => text(lang, "policy.by_rules").to_owned(),
    };
    let rules = one.rules.join(", ");
    let values: [(&str, &dyn Display); 7] = [
        ("number", &one.number),
        ("date", &one.date),
        ("verdict", &verdict(one.verdict)),
        ("by", &by),
        ("version", &one.version),
        ("rules", &rules),
        ("found", &places(&one.matches)),
    ];
    say!("{}", filled(lang, "policy.decision", &values));
}

/// Where something was found, and what.
pub(super) fn places(matches: &[TextMatch]) -> String {
    let lang = Lang::current();
    let place = |found: &TextMatch| {
        let part = match found.part {
            TextPart::Title => text(lang, "policy.title").to_owned(),
            TextPart::Description => text(lang, "policy.description").to_owned(),
            TextPart::Caption(number) => {
                filled(lang, "policy.caption", &[("number", &(u32::from(number) + 1))])
            }
        };
        let what = match &found.cause {
            MatchCause::Word(word) => word.clone(),
            MatchCause::Pattern(pattern) => pattern.clone(),
            MatchCause::Discount(_) => text(lang, "policy.discount").to_owned(),
            MatchCause::Person => text(lang, "policy.seen").to_owned(),
        };
        let values: [(&str, &dyn Display); 4] =
            [("part", &part), ("start", &found.start), ("end", &found.end), ("what", &what)];
        filled(lang, "policy.place", &values)
    };
    let all: Vec<String> = matches.iter().map(place).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(lang.pick("; ", "；")) }
}

fn as_json(one: &TextDecision) -> Value {
    json!({
        "offer": one.offer,
        "decision": one.number,
        "seller": one.seller,
        "content": one.content,
        "version": one.version,
        "date": one.date,
        "by": one.by,
        "found_by_rules": one.found_by_rules,
        "origin": one.origin,
        "verdict": one.verdict,
        "rules": one.rules,
        "matches": one.matches,
        "until": one.until,
        "paused": one.paused,
        "appealed": one.appeal.as_ref().map(|appeal| appeal.reason),
        "due": one.appeal.as_ref().map(|appeal| appeal.due),
        "reversed": one.appeal.as_ref().and_then(|appeal| Some(appeal.judged?.reversed)),
        "end": one.end.map(|(_, end)| end),
    })
}
