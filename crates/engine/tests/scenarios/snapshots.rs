//! Snapshots come back as they were written, or not at all.

use engine::*;

use crate::world::*;

type Part = Result<Vec<u8>, String>;

fn write(engine: &Engine) -> (Vec<Part>, Digest) {
    let mut parts = Vec::new();
    let written = engine.snapshot().write(|part| {
        parts.push(Ok(part.to_vec()));
        Ok::<_, String>(())
    });
    (parts, written.unwrap())
}

/// A world with a record in each table, free slots, and something of everything under way.
fn busy() -> World {
    let mut world = World::set(Setup {
        guarantee: 5_000,
        hold: HoldRule::DaysAfterHeld(2),
        ..Setup::default()
    });
    world.parcel("o-1", 10_000).out().card(10_000).approve().clear();
    world.parcel("o-2", 5_000).out().cash(5_000);
    world.must(start_hand_over(1)).must(count(1, 5_100));
    world.must(deposit(1, 3_000));
    world.parcel("o-3", 7_000).out().card(3_000).unknown().qr(4_000);
    world.on("2013-08-30").must(release("2013-08-30"));
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1));
    world.parcel("o-4", 10_000).out().card(10_000).approve().clear();
    world.parcel("o-5", 2_000).out().cash(2_000);
    world.must(start_hand_over(2));
    world.must(raise(1, BreakSubject::Bank(BANK), BreakSide::Shortfall, 5));
    world.must(propose(BreakId(1), Closing::WriteOff, ANNA));
    world.on("2013-09-01").must(release("2013-09-01")).must(plan(2, BO));
    world
}

/// The commands of a day after `busy`, that touch everything it left.
fn next_day() -> Vec<Command> {
    let third = ParcelId::derived(SELLER, "o-3");
    vec![
        count(2, 2_000),
        confirm_deposit(1, 3_000),
        approve(TenderId { parcel: third, number: 2 }),
        reverse(TenderId { parcel: third, number: 1 }),
        cash(TenderId { parcel: third, number: 3 }, 3_000),
        return_payout(1),
        approve_plan(2, ANNA),
        execute(2),
        approve_closing(BreakId(1), Closing::WriteOff, BO),
        announce(OTHER_SELLER, "o-6", 1),
        start_hand_over(3),
        count(3, 2_500),
    ]
}

#[test]
fn an_engine_comes_back_with_the_same_digest_and_goes_on_the_same() {
    let mut world = busy();
    let (parts, digest) = write(&world.engine);
    assert_eq!(digest, world.engine.digest());
    let mut restored = Engine::restore(parts, digest).unwrap();
    assert_eq!((restored.digest(), restored.check()), (digest, Ok(())));
    assert_eq!(restored.fingerprint(), world.engine.fingerprint());
    assert_eq!(restored.last_at(), world.engine.last_at());
    let mut outcome = Outcome::default();
    for command in next_day() {
        restored.apply(&command, world.at, &mut outcome).unwrap();
        world.must(command);
        assert_eq!(outcome, world.outcome);
        assert_eq!(restored.fingerprint(), world.engine.fingerprint());
    }
    assert_eq!(restored.digest(), world.engine.digest());
}

#[test]
fn an_empty_engine_is_an_engine() {
    let (parts, digest) = write(&Engine::default());
    assert_eq!(Engine::restore(parts, digest).unwrap().digest(), digest);
}

#[test]
fn a_snapshot_is_of_its_moment_whatever_comes_after() {
    let mut world = busy();
    let digest = world.engine.digest();
    let snapshot = world.engine.snapshot();
    for command in next_day() {
        world.must(command);
    }
    assert_eq!(snapshot.digest(), digest);
    assert_ne!(world.engine.digest(), digest);
}

#[test]
fn the_same_commands_give_the_same_digest() {
    assert_eq!(busy().engine.digest(), busy().engine.digest());
    assert_eq!(busy().engine.fingerprint(), busy().engine.fingerprint());
}

#[test]
fn no_byte_of_a_snapshot_can_change_unseen() {
    let (mut parts, digest) = write(&busy().engine);
    assert!(parts.len() >= 11, "a part for each table, the head and the end");
    for number in 0..parts.len() {
        for at in 0..part(&parts, number).len() {
            for change in [0x01, 0x80, 0xFF] {
                part_mut(&mut parts, number)[at] ^= change;
                let restored = Engine::restore(parts.iter().cloned(), digest);
                assert!(restored.is_err(), "part {number}, byte {at}, changed by {change:#x}");
                part_mut(&mut parts, number)[at] ^= change;
            }
        }
    }
}

fn part(parts: &[Part], number: usize) -> &Vec<u8> {
    parts[number].as_ref().expect("parts are there")
}

fn part_mut(parts: &mut [Part], number: usize) -> &mut Vec<u8> {
    parts[number].as_mut().expect("parts are there")
}

fn is_damaged(parts: Vec<Part>, digest: Digest) -> bool {
    matches!(Engine::restore(parts, digest), Err(RestoreError::Damaged(_)))
}

#[test]
fn a_part_that_is_missing_doubled_swapped_or_cut_is_damage() {
    let (parts, digest) = write(&busy().engine);
    assert!(is_damaged(Vec::new(), digest), "no part at all");
    for number in 0..parts.len() {
        let mut missing = parts.clone();
        drop(missing.remove(number));
        assert!(is_damaged(missing, digest), "without part {number}");
        let mut doubled = parts.clone();
        doubled.insert(number, parts[number].clone());
        assert!(is_damaged(doubled, digest), "part {number} twice");
        for other in 0..number {
            let mut swapped = parts.clone();
            swapped.swap(number, other);
            assert!(is_damaged(swapped, digest), "parts {other} and {number} swapped");
        }
        let mut cut = parts.clone();
        part_mut(&mut cut, number).pop();
        assert!(is_damaged(cut, digest), "part {number} without its last byte");
        let mut longer = parts.clone();
        part_mut(&mut longer, number).push(0);
        assert!(is_damaged(longer, digest), "part {number} with a byte too many");
    }
}

#[test]
fn a_newer_format_is_named_as_such() {
    let (mut parts, digest) = write(&busy().engine);
    part_mut(&mut parts, 0)[0] = 2;
    let error = Engine::restore(parts, digest).unwrap_err();
    assert!(matches!(error, RestoreError::Newer { found: 2 }), "{error}");
}

#[test]
fn a_part_that_cannot_be_read_is_told_with_its_reason() {
    let (mut parts, digest) = write(&busy().engine);
    parts[3] = Err("the disk is gone".into());
    let error = Engine::restore(parts, digest).unwrap_err();
    assert_eq!(error.to_string(), "the disk is gone");
}

#[test]
fn bytes_that_promise_more_than_they_hold_are_refused_at_once() {
    // Parts are decoded before the digest is known, so no length in them may be believed: neither
    // the number of records, nor the length of a list or a text inside one. All bytes of the length
    // are 0xFF.
    let (parts, digest) = write(&busy().engine);
    for table in 0..=u8::MAX {
        let mut part = vec![1, 0, table];
        part.extend_from_slice(&[0xFF; 4]);
        for filling in [0x00, 0x01, 0xFF] {
            let mut part = part.clone();
            part.resize(200, filling);
            assert!(is_damaged(vec![Ok(part)], digest), "table {table}, filled with {filling}");
        }
    }
    for number in 0..parts.len() {
        for at in 0..part(&parts, number).len().saturating_sub(4) {
            let mut hostile = parts.clone();
            part_mut(&mut hostile, number)[at..at + 4].fill(0xFF);
            let changed = hostile[number] != parts[number];
            assert!(!changed || Engine::restore(hostile, digest).is_err(), "part {number}, {at}");
        }
    }
}
