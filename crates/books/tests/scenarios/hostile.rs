//! Arbitrary bytes as commands: applied or refused, never a stop, and the money rules hold.

use books::*;
use proptest::prelude::*;

use super::encoding::tags;
use super::examples::examples;
use crate::world::*;

/// A world with the things that the examples name.
fn prepared() -> World {
    let mut world = World::set(Setup {
        guarantee: 5_000,
        hold: HoldRule::DaysAfterHeld(1),
        ..Setup::default()
    });
    world.parcel("o-2", 5_000).dispatch().cash(5_000);
    world.parcel("o-3", 9_000).dispatch().card(4_000).unknown().qr(5_000).approve().clear();
    world.parcel("o-4", 9_000).dispatch().card(9_000).approve().clear();
    world.must(offline_limit(5_000, 9_000)).must(open_batch(1));
    let [sold, pre_authorised] = ["o-5", "o-6"].map(|order| world.dispatched_parcel(order, 9_000));
    world.must(sell(1, sold, 4_000)).must(approve(first(sold)));
    world.must(begin_refund(2, first(sold), 500)).must(offline_sale(3, sold, 3_000));
    world.must(pre_authorise(4, pre_authorised, 5_000)).must(approve(first(pre_authorised)));
    world.must(complete(5, first(pre_authorised), 2_000));
    world.dispatched_parcel("o-1", 10_000);
    world.on("2013-08-29").must(release("2013-08-29"));
    world
}

/// Applies the command in the bytes, if they decode, and checks the books.
fn apply(world: &mut World, bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(command) = borsh::from_slice::<Command>(bytes) else { return Ok(()) };
    let before = world.engine.snapshot();
    if world.apply_unchecked(&command).is_ok() {
        let checked = world.engine.check();
        prop_assert_eq!(checked, Ok(()), "after {:?}", command);
    } else {
        let (now, before) = (world.engine.digest(), before.digest());
        prop_assert_eq!(now, before, "M10: {:?} is refused and changed something", command);
    }
    Ok(())
}

/// An example with some bytes changed. Small changes name other existing things; large ones give
/// amounts and counts near the limits of their types.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let examples: Vec<Vec<u8>> =
        examples().iter().map(|(_, command)| borsh::to_vec(command).unwrap()).collect();
    let byte = prop_oneof![Just(0_u8), Just(1), Just(2), Just(0x7F), Just(0xFF), any::<u8>()];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), byte, 1..9_usize), 0..3);
    (prop::sample::select(examples), changes).prop_map(|(mut bytes, changes)| {
        for (at, byte, length) in changes {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + length);
            bytes[at..end].fill(byte);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_bytes_after_a_known_tag_never_stop_the_engine(
        commands in prop::collection::vec(
            (prop::sample::select(tags()), prop::collection::vec(any::<u8>(), 0..80)), 1..40),
    ) {
        let mut world = prepared();
        for (tag, mut bytes) in commands {
            bytes.insert(0, tag);
            apply(&mut world, &bytes)?;
        }
    }

    #[test]
    fn commands_with_changed_bytes_never_stop_the_engine(
        commands in prop::collection::vec(mutated(), 1..60),
    ) {
        let mut world = prepared();
        for bytes in commands {
            apply(&mut world, &bytes)?;
        }
    }
}

#[test]
fn every_example_after_every_other_never_stops_the_engine() {
    let examples = examples();
    let mut world = prepared();
    for (_, first) in &examples {
        for (_, second) in &examples {
            for command in [first, second] {
                apply(&mut world, &borsh::to_vec(command).unwrap()).unwrap();
            }
        }
    }
}

#[test]
fn an_amount_above_the_largest_is_no_command() {
    let payment = PaymentId { parcel: ParcelId::new(1), number: 1 };
    let mut bytes = borsh::to_vec(&begin_card(payment, 1)).unwrap();
    let length = bytes.len();
    bytes[length - 8..].fill(0xFF);
    let error = borsh::from_slice::<Command>(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "an amount above Amount::MAX");
}
