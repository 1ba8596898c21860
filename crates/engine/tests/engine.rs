//! What the engine adds to its machines: who may give a command, request keys, the fingerprint and
//! snapshots.
#![allow(clippy::unwrap_used)]

use books::{
    BankId, BreakId, BreakSide, BreakSubject, DAY_MS, Event, GrantedRole, HoldRule, IssueApiKey,
    Jurisdiction, OpenBooks, PersonId, RaiseBreak, RegisterBank, RegisterPerson, SetHoldRule,
    TerminalId,
};
use engine::{
    Actor, ActorKind, Applied, Command, CommandOutcome, Digest, Engine, Events, REQUEST_KEY_HOURS,
    REQUEST_KEYS_MAX, Refusal, RequestKey, RestoreError, Submission, Timestamp,
};
use machine::{ApiKeyId, GatewayId, NetworkId, WalletId};
use money::{Amount, Currency};
use proptest::prelude::*;

/// 28 August 2013, nine in the morning in Shanghai.
const MORNING: Timestamp = Timestamp(1_377_651_600_000);
const REQUEST_KEY_MS: u64 = REQUEST_KEY_HOURS * 60 * 60 * 1000;
const BANK: BankId = BankId(1);
const FIRST: PersonId = PersonId(902);
const SECOND: PersonId = PersonId(903);
const ANNA: Actor = Actor::Person(FIRST);
const BO: Actor = Actor::Person(SECOND);

type Part = Result<Vec<u8>, String>;

fn open() -> OpenBooks {
    let (first_person, second_person) = (FIRST, SECOND);
    OpenBooks { utc_offset_minutes: 480, first_person, second_person, trial: false }
}

/// An engine with a bank account, six persons, and keys of the first one.
fn opened() -> Engine {
    let mut engine = Engine::default();
    let bank = RegisterBank { bank: BANK, currency: Currency::CNY, reference: "bank".into() };
    let persons = [1, 2, 3, u64::MAX].map(|id| RegisterPerson {
        person: PersonId(id),
        proposed_by: FIRST,
        approved_by: SECOND,
    });
    let commands = [open().into(), Command::from(bank)].into_iter();
    let keys = [1, 2, 3, 902, u64::MAX].map(|id| IssueApiKey {
        key: ApiKeyId(id),
        person: Some(FIRST),
        grants: vec![GrantedRole::Operator],
        until: MORNING.plus_ms(365 * DAY_MS),
        proposed_by: FIRST,
        approved_by: SECOND,
    });
    let others = persons.map(Command::from).into_iter().chain(keys.map(Command::from));
    for command in commands.chain(others) {
        must(&mut engine, &Submission::new(Actor::System, command), MORNING);
    }
    engine
}

/// A command with events and postings that differ from number to number.
fn excess(number: u64) -> RaiseBreak {
    RaiseBreak {
        break_id: BreakId(number),
        subject: BreakSubject::Bank(BANK),
        side: BreakSide::Excess,
        amount: Amount::of(number),
        evidence: "statement".into(),
        owner: FIRST,
        raised_by: FIRST,
    }
}

/// The same, raised by the actor if that is a person.
fn excess_of(by: Actor, number: u64) -> RaiseBreak {
    let raised_by = if let Actor::Person(person) = by { person } else { FIRST };
    RaiseBreak { raised_by, ..excess(number) }
}

/// A command that names no person, so that any person can give it.
fn another_bank() -> RegisterBank {
    let (bank, currency, reference) = (BankId(7), Currency::CNY, "another bank".into());
    RegisterBank { bank, currency, reference }
}

fn keyed(by: Actor, key: &str, command: impl Into<Command>) -> Submission {
    let request_key = Some(RequestKey::new(key).unwrap());
    Submission { request_key, ..Submission::new(by, command) }
}

/// Applies a submission that must be carried out.
#[track_caller]
fn must(engine: &mut Engine, submission: &Submission, at: Timestamp) -> Events {
    let mut out = CommandOutcome::default();
    let before = engine.fingerprint();
    assert_eq!(engine.apply(submission, at, &mut out), Ok(Applied::CarriedOut), "{submission:?}");
    assert_ne!(engine.fingerprint(), before, "an applied command changes the fingerprint");
    assert_eq!(engine.check(), Ok(()));
    out.take_events()
}

/// All of an engine that can be compared.
fn state(engine: &Engine) -> (Digest, u64, Timestamp) {
    (engine.digest(), engine.fingerprint(), engine.last_at())
}

/// The events of a submission that was answered before. Nothing may change.
#[track_caller]
fn answered_before(engine: &mut Engine, submission: &Submission, at: Timestamp) -> Events {
    let (before, mut out) = (state(engine), CommandOutcome::default());
    let applied = engine.apply(submission, at, &mut out);
    assert_eq!(applied, Ok(Applied::AnsweredBefore), "{submission:?}");
    assert_eq!(state(engine), before, "an answer from memory changes nothing");
    assert!(out.books.postings.is_empty(), "no money moves again: {out:?}");
    out.take_events()
}

/// The refusal of a submission. Nothing may change (M10).
#[track_caller]
fn refused(engine: &mut Engine, submission: &Submission, at: Timestamp) -> Refusal {
    let before = state(engine);
    let mut out = CommandOutcome::default();
    out.books.events.push(Event::Registered);
    let refusal = engine.apply(submission, at, &mut out).unwrap_err();
    assert_eq!(state(engine), before, "M10: {submission:?} is refused and changed something");
    assert_eq!(out, CommandOutcome::default(), "after a refusal there are no events");
    refusal
}

fn write(engine: &Engine) -> (Vec<Part>, Digest) {
    let mut parts = Vec::new();
    let written = engine.snapshot().write(|part| {
        parts.push(Ok(part.to_vec()));
        Ok::<_, String>(())
    });
    (parts, written.unwrap())
}

fn restored(engine: &Engine) -> Engine {
    let (parts, digest) = write(engine);
    Engine::restore(parts, digest).unwrap()
}

#[test]
fn the_same_command_under_the_same_key_is_answered_as_before() {
    let mut engine = opened();
    let submission = keyed(ANNA, "k-1", excess(1));
    let events = must(&mut engine, &submission, MORNING);
    assert!(matches!(events.books[..], [Event::BreakRaised { .. }]), "{events:?}");
    for ms in [0, 1, 3_600_000, REQUEST_KEY_MS - 1] {
        let again = answered_before(&mut engine, &submission, MORNING.plus_ms(ms));
        assert_eq!(again, events);
    }
    // Other commands in between change nothing about it, nor does a late repeat of an old time.
    must(&mut engine, &keyed(ANNA, "k-2", excess(2)), MORNING.plus_ms(1_000));
    assert_eq!(answered_before(&mut engine, &submission, MORNING), events);
    // Without the key the books refuse the repeat.
    let plain = Submission::new(ANNA, excess(1));
    let refusal = refused(&mut engine, &plain, MORNING.plus_ms(1_000));
    assert_eq!(refusal, Refusal::Books(books::Refusal::Repeated));
}

#[test]
fn another_command_under_the_same_key_is_refused() {
    let mut engine = opened();
    let submission = keyed(ANNA, "k-1", excess(1));
    let events = must(&mut engine, &submission, MORNING);
    let small_difference = RaiseBreak { amount: Amount::of(2), ..excess(1) };
    for other in [excess(2), small_difference] {
        let other = keyed(ANNA, "k-1", other);
        assert_eq!(refused(&mut engine, &other, MORNING), Refusal::RequestKeyTaken);
    }
    assert_eq!(answered_before(&mut engine, &submission, MORNING), events);
}

#[test]
fn a_key_belongs_to_the_actor_who_used_it() {
    let mut engine = opened();
    let actors = [ANNA, BO, Actor::Key(ApiKeyId(902)), Actor::System];
    let submissions: Vec<_> =
        (1..).zip(actors).map(|(number, by)| keyed(by, "k-1", excess_of(by, number))).collect();
    let events: Vec<_> = submissions.iter().map(|one| must(&mut engine, one, MORNING)).collect();
    for (submission, events) in submissions.iter().zip(events) {
        assert_eq!(answered_before(&mut engine, submission, MORNING), events);
    }
    // The same command of another actor is not an answered one.
    let refusal = refused(&mut engine, &keyed(Actor::System, "k-2", excess(1)), MORNING);
    assert_eq!(refusal, Refusal::Books(books::Refusal::Repeated));
}

#[test]
fn after_its_hours_a_key_is_free() {
    let mut engine = opened();
    let (first, second) = (keyed(ANNA, "k-1", excess(1)), keyed(ANNA, "k-1", excess(2)));
    must(&mut engine, &first, MORNING);
    let last = MORNING.plus_ms(REQUEST_KEY_MS - 1);
    assert_eq!(refused(&mut engine, &second, last), Refusal::RequestKeyTaken);
    let end = MORNING.plus_ms(REQUEST_KEY_MS);
    let refusal = refused(&mut engine, &first, end);
    assert_eq!(refusal, Refusal::Books(books::Refusal::Repeated), "the books remember it");
    let events = must(&mut engine, &second, end);
    assert_eq!(answered_before(&mut engine, &second, end), events);
    assert_eq!(refused(&mut engine, &first, end), Refusal::RequestKeyTaken);
    // A restored engine forgets at the same time.
    let mut restored = restored(&engine);
    let third = keyed(ANNA, "k-1", excess(3));
    let last = end.plus_ms(REQUEST_KEY_MS - 1);
    assert_eq!(refused(&mut restored, &third, last), Refusal::RequestKeyTaken);
    must(&mut restored, &third, last.plus_ms(1));
}

#[test]
fn the_key_of_a_refused_command_is_free() {
    let mut engine = opened();
    let zero = keyed(ANNA, "k-1", RaiseBreak { amount: Amount::ZERO, ..excess(1) });
    for _ in 0..2 {
        let refusal = refused(&mut engine, &zero, MORNING);
        assert_eq!(refusal, Refusal::Books(books::Refusal::AmountZero), "it is tried again");
    }
    let submission = keyed(ANNA, "k-1", excess(1));
    let events = must(&mut engine, &submission, MORNING);
    assert_eq!(answered_before(&mut engine, &submission, MORNING), events);
    assert_eq!(refused(&mut engine, &zero, MORNING), Refusal::RequestKeyTaken);
}

#[test]
fn a_snapshot_restores_request_keys() {
    let mut engine = opened();
    let submissions = [
        keyed(ANNA, "k-1", excess(1)),
        keyed(BO, "k-1", excess_of(BO, 2)),
        keyed(ANNA, "k-2", excess(3)),
        Submission::new(ANNA, excess(4)),
    ];
    let at = |number: usize| MORNING.plus_ms(number as u64 * 1_000);
    let events: Vec<_> =
        (0..).zip(&submissions).map(|(n, s)| must(&mut engine, s, at(n))).collect();
    let (parts, digest) = write(&engine);
    assert_eq!(digest, engine.digest());
    let mut restored = Engine::restore(parts, digest).unwrap();
    assert_eq!(state(&restored), state(&engine));
    assert_eq!(restored.check(), Ok(()));
    for (submission, events) in submissions.iter().zip(&events).take(3) {
        assert_eq!(&answered_before(&mut restored, submission, at(9)), events);
    }
    let other = keyed(BO, "k-1", excess_of(BO, 5));
    assert_eq!(refused(&mut restored, &other, at(9)), Refusal::RequestKeyTaken);
    // Both go on the same.
    let next = keyed(BO, "k-2", excess_of(BO, 5));
    for submission in [next, Submission::new(Actor::System, excess(6))] {
        let events = must(&mut engine, &submission, at(9));
        assert_eq!(must(&mut restored, &submission, at(9)), events);
        assert_eq!(state(&restored), state(&engine));
    }
}

#[test]
fn request_keys_are_part_of_the_digest_and_the_fingerprint() {
    let with = |submission: &Submission| {
        let mut engine = opened();
        must(&mut engine, submission, MORNING);
        (engine.digest(), engine.fingerprint())
    };
    let all = [
        Submission::new(ANNA, excess(1)),
        keyed(ANNA, "k", excess(1)),
        keyed(ANNA, "k-1", excess(1)),
        keyed(ANNA, "a-key-of-more-than-eight-bytes", excess(1)),
        keyed(ANNA, "a-key-of-more-than-eight-bytez", excess(1)),
    ];
    assert_distinct(all.map(|submission| with(&submission)));
}

/// No two have the same digest or the same fingerprint.
#[track_caller]
fn assert_distinct<const N: usize>(states: [(Digest, u64); N]) {
    for (place, (digest, fingerprint)) in states.iter().enumerate() {
        for (earlier, (other_digest, other_fingerprint)) in states[..place].iter().enumerate() {
            assert_ne!(fingerprint, other_fingerprint, "{earlier} and {place}");
            assert_ne!(digest, other_digest, "{earlier} and {place}");
        }
    }
}

#[test]
fn commands_of_different_actors_give_different_fingerprints() {
    let actors = [
        Actor::System,
        Actor::Person(PersonId(1)),
        Actor::Person(PersonId(2)),
        Actor::Person(PersonId(3)),
        Actor::Person(PersonId(u64::MAX)),
        Actor::Key(ApiKeyId(2)),
        Actor::Key(ApiKeyId(1)),
        Actor::Key(ApiKeyId(u64::MAX)),
    ];
    let engine_of = |by: Actor| {
        let mut engine = opened();
        must(&mut engine, &Submission::new(by, another_bank()), MORNING);
        engine
    };
    for by in actors {
        assert_eq!(state(&engine_of(by)), state(&engine_of(by)), "{by:?}");
    }
    let mut engines = actors.map(engine_of);
    let fingerprints = |engines: &[Engine; 8]| {
        let states = engines.iter().map(|engine| (engine.digest(), engine.fingerprint()));
        states.collect::<Vec<_>>().try_into().unwrap()
    };
    assert_distinct::<8>(fingerprints(&engines));
    // The same commands afterwards do not make them equal again.
    for engine in &mut engines {
        must(engine, &Submission::new(Actor::System, excess(2)), MORNING);
    }
    assert_distinct::<8>(fingerprints(&engines));
}

#[test]
fn a_command_of_an_actor_who_may_not_give_it_is_refused() {
    let mut engine = opened();
    let actors = [
        Actor::Terminal(TerminalId(1)),
        Actor::Gateway(GatewayId(1)),
        Actor::Network(NetworkId(1)),
        Actor::Wallet(WalletId(1)),
    ];
    for by in actors {
        assert!(!Command::from(excess(1)).given_by().contains(&by.kind()));
        for submission in [Submission::new(by, excess(1)), keyed(by, "k-1", excess(1))] {
            let refusal = refused(&mut engine, &submission, MORNING);
            assert_eq!(refusal, Refusal::Books(books::Refusal::NotAllowed(by.kind())));
        }
    }
    // For terminals there are commands that people may not give.
    let sign_on = books::OpenBatch { terminal: TerminalId(1), batch: 1 };
    let refusal = refused(&mut engine, &Submission::new(ANNA, sign_on), MORNING);
    assert_eq!(refusal, Refusal::Books(books::Refusal::NotAllowed(ActorKind::Person)));
    // Nothing of it is remembered.
    must(&mut engine, &keyed(ANNA, "k-1", excess(1)), MORNING);
}

#[test]
fn a_person_who_is_not_registered_gives_nothing() {
    let mut engine = opened();
    for (person, command) in [(0, excess(1)), (950, excess(1))] {
        let person = PersonId(person);
        let refusal =
            refused(&mut engine, &Submission::new(Actor::Person(person), command), MORNING);
        assert_eq!(refusal, Refusal::Books(books::Refusal::PersonNotRegistered(person)));
    }
    // Who is registered gives what names them, and not what others decide.
    let rule = SetHoldRule {
        jurisdiction: Jurisdiction(*b"CN"),
        number: 1,
        rule: HoldRule::AtOnce,
        proposed_by: FIRST,
        approved_by: SECOND,
    };
    let third = PersonId(3);
    let refusal =
        refused(&mut engine, &Submission::new(Actor::Person(third), rule.clone()), MORNING);
    assert_eq!(refusal, Refusal::Books(books::Refusal::NotOneOfThePersons(third)));
    must(&mut engine, &Submission::new(BO, rule), MORNING);
}

#[test]
fn the_oldest_request_key_is_forgotten_for_a_new_one() {
    let mut engine = Engine::default();
    let mut out = CommandOutcome::default();
    let open = Submission::new(Actor::System, open());
    engine.apply(&open, MORNING, &mut out).unwrap();
    let rule = |number: usize| {
        let command = SetHoldRule {
            jurisdiction: Jurisdiction(*b"CN"),
            number: u32::try_from(number).unwrap() + 1,
            rule: HoldRule::AtOnce,
            proposed_by: FIRST,
            approved_by: SECOND,
        };
        keyed(ANNA, &format!("k-{number}"), command)
    };
    let second = MORNING.plus_ms(1_000);
    for number in 0..REQUEST_KEYS_MAX {
        let at = if number == 0 { MORNING } else { second };
        assert_eq!(engine.apply(&rule(number), at, &mut out), Ok(Applied::CarriedOut));
    }
    let taken = |engine: &mut Engine, number: usize| {
        refused(engine, &keyed(ANNA, &format!("k-{number}"), excess(1)), second)
            == Refusal::RequestKeyTaken
    };
    assert!(taken(&mut engine, 0) && taken(&mut engine, REQUEST_KEYS_MAX - 1));
    must(&mut engine, &rule(REQUEST_KEYS_MAX), second);
    answered_before(&mut engine, &rule(REQUEST_KEYS_MAX), second);
    assert!(taken(&mut engine, 1));
    // A snapshot has the same keys.
    let mut restored = restored(&engine);
    assert_eq!(state(&restored), state(&engine));
    for engine in [&mut engine, &mut restored] {
        let free = refused(engine, &rule(0), second);
        assert_eq!(free, Refusal::Books(books::Refusal::NumberForgotten(1)));
    }
}

#[test]
fn a_key_with_a_digest_compares_the_request_and_not_the_command() {
    let mut engine = opened();
    let events = must(&mut engine, &keyed(ANNA, "k-1~aa", excess(1)), MORNING);
    // The same request, which was filled in otherwise.
    assert_eq!(answered_before(&mut engine, &keyed(ANNA, "k-1~aa", excess(2)), MORNING), events);
    let before = |key: &str| {
        let key = RequestKey::new(key).unwrap();
        engine.answered_before(ANNA, &key, MORNING).map(|found| found == Some(events.clone()))
    };
    assert_eq!(before("k-1~aa"), Ok(true));
    assert_eq!(before("k-2~aa"), Ok(false));
    for other in ["k-1~bb", "k-1"] {
        assert_eq!(before(other), Err(Refusal::RequestKeyTaken), "{other}");
        let (other, mut again) = (keyed(ANNA, other, excess(1)), restored(&engine));
        assert_eq!(refused(&mut again, &other, MORNING), Refusal::RequestKeyTaken);
    }
}

#[test]
fn a_damaged_engine_part_is_refused() {
    let mut engine = opened();
    must(&mut engine, &keyed(ANNA, "k-1", excess(1)), MORNING);
    let (parts, digest) = write(&engine);
    let own = parts.len() - 1;
    let with = |bytes: Vec<u8>| {
        let mut parts = parts.clone();
        parts[own] = Ok(bytes);
        Engine::restore(parts, digest)
    };
    let bytes = parts[own].clone().unwrap();
    assert!(with(bytes.clone()).is_ok());
    for at in 0..bytes.len() {
        for change in [0x01, 0x80, 0xFF] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            let error = with(changed).unwrap_err();
            // The first two bytes tell whose part it is.
            let damaged = matches!(error, RestoreError::Damaged(_)) || at < 2;
            assert!(damaged, "byte {at}, changed by {change:#x}: {error}");
        }
        assert!(with(bytes[..at].to_vec()).is_err(), "only {at} bytes");
    }
    assert!(is_damaged(with([&bytes[..], &[0]].concat())), "a byte too many");
    assert!(is_damaged(Engine::restore(parts[..own].to_vec(), digest)), "it is missing");
    assert!(is_damaged(Engine::restore(Vec::<Part>::new(), digest)), "no part at all");
    let Digest(mut other) = digest;
    other[31] ^= 1;
    assert!(is_damaged(Engine::restore(parts.clone(), Digest(other))), "another digest");
}

#[test]
fn the_engine_part_belongs_to_its_books() {
    let mut engine = opened();
    let (before, _) = write(&engine);
    must(&mut engine, &keyed(ANNA, "k-1", excess(1)), MORNING);
    let (after, digest) = write(&engine);
    let own = after.len() - 1;
    let mut mixed = before;
    *mixed.last_mut().unwrap() = after[own].clone();
    assert!(is_damaged(Engine::restore(mixed, digest)), "books of another time");
    for number in 0..own {
        let mut missing = after.clone();
        drop(missing.remove(number));
        assert!(is_damaged(Engine::restore(missing, digest)), "without part {number}");
        let mut unreadable = after.clone();
        unreadable[number] = Err("the disk is gone".into());
        let error = Engine::restore(unreadable, digest).unwrap_err();
        assert_eq!(error.to_string(), "the disk is gone");
    }
}

fn is_damaged(restored: Result<Engine, RestoreError<String>>) -> bool {
    matches!(restored, Err(RestoreError::Damaged(_)))
}

#[test]
fn an_empty_engine_is_an_engine() {
    let engine = Engine::default();
    assert_eq!(state(&restored(&engine)), state(&engine));
}

#[test]
fn a_snapshot_is_of_its_moment_whatever_comes_after() {
    let mut engine = opened();
    let (digest, snapshot) = (engine.digest(), engine.snapshot());
    must(&mut engine, &keyed(ANNA, "k-1", excess(1)), MORNING);
    assert_eq!(snapshot.digest(), digest);
    assert_ne!(engine.digest(), digest);
}

#[test]
fn the_json_form_of_a_command_names_no_machine() {
    let command = Command::from(excess(7));
    let of_books = command.of_books().unwrap();
    let json = serde_json::to_value(&command).unwrap();
    assert_eq!(json, serde_json::to_value(of_books).unwrap());
    assert_eq!(json["command"], command.name());
    assert_eq!(serde_json::from_value::<Command>(json).unwrap(), command);
}

#[test]
fn a_submission_is_read_as_it_was_written() {
    for submission in [Submission::new(Actor::System, excess(1)), keyed(ANNA, "k-1", excess(1))] {
        let mut bytes = borsh::to_vec(&submission).unwrap();
        assert_eq!(borsh::from_slice::<Submission>(&bytes).unwrap(), submission);
        bytes.push(0);
        assert!(borsh::from_slice::<Submission>(&bytes).is_err());
    }
}

/// Everything that was answered under a key, in order.
type Answered = Vec<(Timestamp, Submission, Events)>;

/// What the engine must answer, looked up in the simplest way. None: the books decide.
fn expected(
    answered: &Answered,
    submission: &Submission,
    at: Timestamp,
) -> Option<Result<Events, Refusal>> {
    let is_same_key = |(then, earlier, _): &&(Timestamp, Submission, Events)| {
        at.0 - then.0 < REQUEST_KEY_MS
            && earlier.by == submission.by
            && earlier.request_key == submission.request_key
    };
    let (_, earlier, events) = answered.iter().rev().find(is_same_key)?;
    let same = earlier.command == submission.command;
    Some(if same { Ok(events.clone()) } else { Err(Refusal::RequestKeyTaken) })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn request_keys_agree_with_a_plain_list(
        steps in prop::collection::vec(
            (0..3_u64, 0..3_u8, 1..6_u64, prop_oneof![0..1_000_u64, 0..REQUEST_KEY_MS], 0..8_u8),
            1..60,
        ),
    ) {
        let (mut engine, mut at) = (opened(), MORNING);
        let (mut answered, mut out) = (Answered::new(), CommandOutcome::default());
        for (person, key, number, pause, again) in steps {
            at = at.plus_ms(pause);
            if again == 0 {
                engine = restored(&engine);
            }
            let by = Actor::Key(ApiKeyId(person + 1));
            let submission = keyed(by, &format!("k-{key}"), excess(number));
            let before = state(&engine);
            let applied = engine.apply(&submission, at, &mut out);
            let answer = applied.map(|_| out.take_events());
            if let Some(expected) = expected(&answered, &submission, at) {
                prop_assert_eq!(answer, expected);
                prop_assert_eq!(state(&engine), before);
            } else if let Ok(events) = answer {
                prop_assert_eq!(carried_out(&answered, number), 0);
                answered.push((at, submission, events));
            } else {
                prop_assert_eq!(answer, Err(Refusal::Books(books::Refusal::Repeated)));
                prop_assert_eq!(carried_out(&answered, number), 1);
                prop_assert_eq!(state(&engine), before);
            }
        }
        prop_assert_eq!(engine.check(), Ok(()));
    }
}

/// How many of the answered commands have this number.
fn carried_out(answered: &Answered, number: u64) -> usize {
    let command = Command::from(excess(number));
    answered.iter().filter(|(_, submission, _)| submission.command == command).count()
}
