//! The market beside a naive one, on random sequences of commands.

#![expect(clippy::unwrap_used, reason = "a test ends where something is wrong")]

mod compare;
mod naive;
mod world;

use std::collections::BTreeMap;

use world::SideBySide;

/// Sequences, and commands in each.
const SEQUENCES: u64 = 2_000;
const STEPS: u32 = 80;

#[test]
fn the_market_does_what_a_naive_market_does() {
    let mut accepted: BTreeMap<&'static str, u32> = BTreeMap::new();
    let (mut refused, mut money_back) = (0, 0);
    for seed in 0..SEQUENCES {
        let run = std::panic::catch_unwind(|| {
            let mut world = SideBySide::new(seed);
            for step in 0..STEPS {
                world.step();
                world.compare();
                if step % 32 == 31 {
                    world.market = world.restore();
                }
            }
            world
        });
        let world = run.unwrap_or_else(|_| panic!("sequence {seed}"));
        refused += world.refused;
        money_back += world.money_back;
        for (name, count) in &world.accepted {
            *accepted.entry(name).or_default() += count;
        }
        for name in world.applied() {
            *accepted.entry(name).or_default() += 1;
        }
    }
    for name in [
        "PublishPromotion",
        "IssueCoupons",
        "AllotFlashStock",
        "EndPromotion",
        "ReserveUnits",
        "CancelReservation",
        "EndReservations",
        "Checkout",
        "AcceptUnits",
        "ReceiveUnits",
        "ReturnUnits",
        "AcceptAppeal",
        "percentage",
        "amount",
        "threshold",
        "each full",
        "bundle",
        "second cheaper",
        "free delivery",
        "flash",
        "clawed back",
        "back to flash stock",
        "coupon free again",
    ] {
        let count = accepted.get(name).copied().unwrap_or(0);
        assert!(count > 30, "{name} happened {count} times: {accepted:?}");
    }
    assert!(refused > 5_000 && money_back > 500, "{refused} refused, {money_back} returned");
}
