//! The state of the policy: samples, snapshots, request keys, the same journal again.

use std::convert::Infallible;

use engine::{Applied, CommandOutcome, Engine, Refusal};
use policy::*;

use crate::shop::*;

/// A shop after a day with all kinds of commands.
fn a_day() -> TextShop {
    let mut shop = TextShop::with_policy();
    shop.policy(shop.screening(text(1), Vec::new()));
    shop.list().unwrap();
    for content in 2..=9 {
        let matched = rules()[usize::from(content) % 3].clone();
        shop.policy(shop.screening(text(content), vec![found(&matched)]));
        shop.at = shop.at.plus_ms(1_000);
    }
    shop.policy(shop.decision(text(9), TextJudgement::Refuse));
    let number = shop.engine.policy().next_decision(OFFER) - 1;
    shop.policy(TextShop::appeal(number));
    shop.policy(TextShop::judged(number, TextJudgement::Publish, SECOND));
    shop.policy(SuspendRule { rule: "weapons".to_owned(), suspended_by: THIRD });
    shop.policy(sample(1, SampleKind::Stopped, 4));
    let judgement = TextJudgement::Publish;
    shop.policy(JudgeSample { sample: 1, item: 1, judgement, judged_by: THIRD });
    shop
}

fn sample(number: u32, kind: SampleKind, size: u16) -> DrawSample {
    DrawSample { number, kind, from: day(0), until: day(1), size, seed: 7 }
}

#[test]
fn a_restored_engine_goes_on_as_the_first_one() {
    let mut shop = a_day();
    let keyed = TextShop::keyed(shop.screening(text(20), Vec::new()), "key-1");
    shop.give(keyed.clone()).unwrap();
    let mut parts: Vec<Result<Vec<u8>, Infallible>> = Vec::new();
    let digest = shop.engine.snapshot().write(|part| {
        parts.push(Ok(part.to_vec()));
        Ok::<_, Infallible>(())
    });
    let digest = digest.unwrap();
    assert_eq!(digest, shop.engine.digest());
    shop.engine = Engine::restore(parts.clone(), digest).unwrap();
    assert_eq!(shop.engine.digest(), digest);
    let (applied, out) = shop.give(keyed).unwrap();
    assert_eq!(applied, Applied::AnsweredBefore);
    assert_eq!(out.policy, [PolicyEvent::TextPassed { offer: OFFER }]);
    shop.policy(shop.screening(text(21), Vec::new()));
    // A part of the policy that is missing or changed is refused.
    let is_policy = |part: &Result<Vec<u8>, Infallible>| {
        part.as_ref().is_ok_and(|part| part.starts_with(&POLICY_FORMAT))
    };
    let place = parts.iter().position(is_policy).unwrap();
    let mut damaged = parts.clone();
    drop(damaged.remove(place));
    assert!(Engine::restore(damaged, digest).is_err());
    *parts[place].as_mut().unwrap().last_mut().unwrap() ^= 1;
    assert!(Engine::restore(parts, digest).is_err());
}

#[test]
fn the_same_journal_gives_the_same_policy() {
    let shop = a_day();
    let mut again = Engine::default();
    let mut out = CommandOutcome::default();
    for (at, submission) in &shop.journal {
        let bytes = borsh::to_vec(submission).unwrap();
        let read = borsh::from_slice(&bytes).unwrap();
        again.apply(&read, *at, &mut out).unwrap();
        let json = serde_json::to_string(&submission.command).unwrap();
        let read: engine::Command = serde_json::from_str(&json).unwrap();
        assert_eq!(read, submission.command, "{json}");
    }
    assert_eq!(again.digest(), shop.engine.digest());
    assert_eq!(again.fingerprint(), shop.engine.fingerprint());
}

#[test]
fn a_sample_is_drawn_by_its_seed_and_judged_blind() {
    let mut shop = a_day();
    let offers = |shop: &TextShop, sample| {
        let texts = shop.engine.policy().sample_texts(sample);
        texts.map(|(decision, _)| decision.number).collect::<Vec<_>>()
    };
    shop.policy(sample(2, SampleKind::Stopped, 4));
    assert_eq!(offers(&shop, 1), offers(&shop, 2), "by the same seed");
    shop.policy(sample(3, SampleKind::Passed, 100));
    assert_eq!(offers(&shop, 3).len(), 1, "all that passed");
    let counts: Vec<_> = shop.engine.policy().samples().collect();
    assert_eq!((counts[0].texts, counts[0].judged, counts[0].errors), (4, 1, 1));
    let judged = |item, judgement| JudgeSample { sample: 1, item, judgement, judged_by: THIRD };
    let again = judged(1, TextJudgement::Publish);
    assert_eq!(shop.refused(again), Refusal::Books(books::Refusal::Repeated));
    let otherwise = judged(1, TextJudgement::Refuse);
    assert_eq!(shop.refused_by_policy(otherwise), PolicyRefusal::Judged);
    let missing = MissingPolicyRecord::SampleText(1, 5);
    let none = judged(5, TextJudgement::Refuse);
    assert_eq!(shop.refused_by_policy(none), PolicyRefusal::NotFound(missing));
    shop.policy(judged(2, TextJudgement::Label));
    assert_eq!(shop.engine.policy().samples().next().unwrap().errors, 1, "a label stops it too");
    for (wrong, expected) in [
        (sample(4, SampleKind::Passed, 0), PolicyRefusal::SampleSize),
        (sample(4, SampleKind::Passed, 1_001), PolicyRefusal::SampleSize),
        (
            DrawSample { until: day(0), from: day(1), ..sample(4, SampleKind::Passed, 1) },
            PolicyRefusal::SampleDays,
        ),
        (
            DrawSample { until: day(9), from: day(8), ..sample(4, SampleKind::Passed, 1) },
            PolicyRefusal::NothingToSample,
        ),
    ] {
        assert_eq!(shop.refused_by_policy(wrong), expected);
    }
}

#[test]
fn numbers_and_names_of_commands_are_unique() {
    let mut specs: Vec<_> = engine::Command::specs().collect();
    specs.sort_by_key(|spec| spec.number);
    assert!(specs.windows(2).all(|two| two[0].number != two[1].number));
    specs.sort_by_key(|spec| spec.name);
    assert!(specs.windows(2).all(|two| two[0].name != two[1].name));
    for spec in PolicyCommand::SPECS {
        let schema = serde_json::to_value((spec.schema)()).unwrap();
        assert!(schema["description"].is_string(), "{}", spec.name);
    }
    for refusal in PolicyRefusal::examples() {
        let text = refusal.to_string();
        assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
    }
}

/// Texts come into the policy as digests of what everybody can read. No command of any machine has
/// a field for what people write to each other.
#[test]
fn no_command_carries_a_message_between_people() {
    let parts = serde_json::to_value(schemars::schema_for!(TextPart)).unwrap();
    let parts = parts.to_string();
    for known in ["Title", "Description", "Caption"] {
        assert!(parts.contains(known), "{parts}");
    }
    let words = ["message", "chat", "letter", "comment", "reply", "inbox", "recipient"];
    for spec in engine::Command::specs() {
        let schema = (spec.schema)().to_value();
        let properties = schema["properties"].as_object().into_iter().flatten();
        let fields = properties.map(|(name, _)| name.to_lowercase());
        for name in fields.chain([spec.name.to_lowercase()]) {
            assert!(!words.iter().any(|word| name.contains(word)), "{}: {name}", spec.name);
        }
    }
}
