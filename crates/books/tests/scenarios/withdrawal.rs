//! Orderly withdrawal of a network: nothing new goes over it, and everything in flight finishes.

use books::chart::AccountKind as A;
use books::view::PaymentState as T;
use books::*;
use money::{Amount, Currency};
use tariff::CardKind;

use super::sales::signed_on;
use crate::world::*;

const HOUR_MS: u64 = 60 * 60 * 1000;

fn second_network(world: &mut World) -> NetworkId {
    let (network, currency) = (NetworkId(2), Currency::CNY);
    world.must(Command::RegisterNetwork(RegisterNetwork {
        network,
        currency,
        reference: "second".into(),
    }));
    network
}

/// A sale over another network than the usual one.
fn sell_over(network: NetworkId, stan: u32, parcel: ParcelId, amount: u64) -> Command {
    let mut sale = sell(stan, parcel, amount);
    if let Command::BeginPurchase(BeginPurchase { route, route_candidates, .. }) = &mut sale {
        *route = PaymentRoute::Card { network, kind: CardKind::Debit };
        let away = RouteCandidate { verdict: RouteVerdict::Withdrawn, ..route_candidates[0] };
        let cost = Amount::of(70);
        *route_candidates =
            vec![away, RouteCandidate { network, cost, verdict: RouteVerdict::Chosen }];
    }
    sale
}

#[test]
fn after_its_start_time_nothing_new_goes_over_a_withdrawn_network() {
    let mut world = signed_on();
    let other = second_network(&mut world);
    let from = world.at.plus_ms(HOUR_MS);
    world.must(withdraw(1, from));
    assert_eq!(world.events(), [Event::NetworkWithdrawn { network: NETWORK, from }]);
    assert_eq!(world.engine.network_view(NETWORK).unwrap().withdrawn_from, Some(from));
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.at = Timestamp(from.0 - 1);
    world.must(sell(1, parcel, 1_000)).must(approve(first(parcel)));
    world.at = from;
    world.refused(sell(2, parcel, 1_000), Refusal::NetworkWithdrawn);
    world.refused(pre_authorise(2, parcel, 1_000), Refusal::NetworkWithdrawn);
    world.refused(begin_card(second(parcel), 1_000), Refusal::NetworkWithdrawn);
    // The others continue: another network, the wallet, cash.
    world.must(sell_over(other, 2, parcel, 3_000)).must(approve(second(parcel)));
    world.must(sell_by_qr(3, parcel, 2_000)).must(pay(PaymentId { parcel, number: 3 }));
    world.must(take_cash(4, parcel, 4_000, 4_000));
    world.expect_collected(parcel, 10_000);
}

#[test]
fn payments_in_flight_over_a_withdrawn_network_finish() {
    let mut world = signed_on();
    let [begun, unknown, pre_authorised, sold] =
        ["o-1", "o-2", "o-3", "o-4"].map(|order| world.dispatched_parcel(order, 1_000));
    world.must(sell(1, begun, 1_000));
    world.must(sell(2, unknown, 1_000)).must(outcome_unknown(first(unknown)));
    world.must(pre_authorise(3, pre_authorised, 1_000)).must(approve(first(pre_authorised)));
    world.must(sell(4, sold, 1_000)).must(approve(first(sold)));
    let at = world.at;
    world.must(withdraw(1, at));
    world.must(approve(first(begun))).must(reverse(first(unknown)));
    world.must(complete(5, first(pre_authorised), 1_000));
    world.must(resolve_completion(first(pre_authorised), COMPLETED));
    world.must(begin_refund(6, first(begun), 100)).must(resolve_refund(6, ResponseCode::APPROVED));
    world.must(void(7, first(sold))).must(reversal_done(first(sold)));
    let view = world.engine.network_view(NETWORK).unwrap();
    assert_eq!((view.receivable, view.pending, view.unknown_payments), (1_900, 0, 0));
    // Its clearing files bring its receivable to zero.
    world.parcel_steps(pre_authorised).clear();
    world.must(clear(first(begun), 1_000, 6));
    assert_eq!(world.sum(A::NetworkReceivable), -100, "the refund, netted in the next file");
    assert_eq!(world.payment(first(pre_authorised)).state, T::Released);
}

#[test]
fn two_people_withdraw_a_network_and_two_reinstate_it() {
    let mut world = signed_on();
    let at = world.at;
    let (network, from) = (NETWORK, at);
    let alone = |by| {
        Command::WithdrawNetwork(WithdrawNetwork {
            network,
            number: 1,
            from,
            proposed_by: by,
            approved_by: by,
        })
    };
    world.refused(alone(ANNA), Refusal::SamePerson);
    world.repeated(reinstate(1));
    world.must(withdraw(1, at)).repeated(withdraw(1, at));
    let reinstated = |proposed_by, approved_by| {
        let end = ReinstateNetwork { network, number: 2, proposed_by, approved_by };
        Command::ReinstateNetwork(end)
    };
    // Anna proposed the withdrawal, so she is not the second who ends it.
    for (proposed_by, approved_by) in [(BO, BO), (BO, ANNA)] {
        world.refused(reinstated(proposed_by, approved_by), Refusal::SamePerson);
    }
    world.must(reinstate(2)).repeated(reinstate(2));
    // A late duplicate of either changes nothing.
    world.must(withdraw(3, at)).repeated(reinstate(2)).must(reinstate(4)).repeated(withdraw(3, at));
    assert_eq!(world.engine.network_view(NETWORK).unwrap().withdrawn_from, None);
    let parcel = world.dispatched_parcel("o-1", 1_000);
    world.must(sell(1, parcel, 1_000));
    let network = NetworkId(99);
    let nobody = Command::WithdrawNetwork(WithdrawNetwork {
        network,
        number: 1,
        from,
        proposed_by: ANNA,
        approved_by: BO,
    });
    world.refused(nobody, Refusal::NotFound(MissingRecord::Network(network)));
}

#[test]
fn a_withdrawal_that_is_planned_is_moved_by_another_one() {
    let mut world = signed_on();
    let (soon, later) = (world.at.plus_ms(HOUR_MS), world.at.plus_ms(9 * HOUR_MS));
    world.must(withdraw(1, soon)).must(withdraw(2, later));
    world.at = soon;
    let parcel = world.dispatched_parcel("o-1", 1_000);
    world.must(sell(1, parcel, 1_000)).repeated(sell(1, parcel, 1_000));
    // A retry after the start time is still a retry.
    world.at = later.plus_ms(1);
    world.repeated(withdraw(2, later)).repeated(withdraw(1, soon));
}

#[test]
fn a_past_start_time_means_now() {
    let mut world = signed_on();
    let past = withdraw(1, Timestamp(world.at.0 - HOUR_MS));
    let from = world.at;
    world.must(past.clone());
    assert_eq!(world.events(), [Event::NetworkWithdrawn { network: NETWORK, from }]);
    assert_eq!(world.engine.network_view(NETWORK).unwrap().withdrawn_from, Some(from));
    world.at = from.plus_ms(HOUR_MS);
    world.repeated(past);
    // Time zero means "at once".
    world.must(reinstate(2)).must(withdraw(3, Timestamp(0)));
    let view = world.engine.network_view(NETWORK).unwrap();
    assert_eq!(view.withdrawn_from, Some(world.at));
}

#[test]
fn a_withdrawn_network_does_not_come_back_by_another_withdrawal() {
    let mut world = signed_on();
    let from = world.at;
    let parcel = world.dispatched_parcel("o-1", 1_000);
    world.must(withdraw(1, from));
    world.repeated(withdraw(2, from.plus_ms(9 * HOUR_MS)));
    world.at = from.plus_ms(HOUR_MS);
    world.refused(withdraw(1, world.at), Refusal::NumberUsed(1)).repeated(withdraw(1, from));
    world.refused(sell(1, parcel, 1_000), Refusal::NetworkWithdrawn);
    assert_eq!(world.engine.network_view(NETWORK).unwrap().withdrawn_from, Some(from));
}

#[test]
fn a_planned_withdrawal_can_be_brought_forward_to_now() {
    let mut world = signed_on();
    let now = world.at;
    world.must(withdraw(1, now.plus_ms(HOUR_MS))).must(withdraw(2, Timestamp(0)));
    assert_eq!(world.events(), [Event::NetworkWithdrawn { network: NETWORK, from: now }]);
}
