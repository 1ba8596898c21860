//! Events of approved purchases.

use books::{ParcelId, Rrn, Stan, TerminalId, Trace};
use money::Currency;
use peers::TerminalTask;
use switch::{OperatorEvent, WalletReply};

use crate::world::*;

/// STAN, parcel, RRN and amount.
type Approval = (u32, Option<ParcelId>, Option<[u8; 12]>, u64);

/// The approvals, in their order.
fn approvals(world: &World) -> Vec<Approval> {
    let approval = |event: &OperatorEvent| match event {
        OperatorEvent::Approved {
            trace,
            parcel,
            network,
            network_reference,
            amount,
            currency,
            ..
        } => {
            assert_eq!((trace.terminal, *currency), (TerminalId(1), Currency::CNY));
            assert_eq!(network.is_some(), network_reference.is_some());
            assert!(network.is_none_or(|network| NETWORKS.contains(&network)));
            let rrn = network_reference.map(|sent| Rrn::of(sent).bytes());
            Some((trace.stan.get(), *parcel, rrn, amount.minor()))
        }
        _ => None,
    };
    world.operator_events.iter().filter_map(approval).collect()
}

#[test]
fn each_approved_purchase_is_reported_once() {
    let mut world = World::open();
    let (sold, held, paid) = (world.parcel(10_000), world.parcel(7_000), world.parcel(3_000));
    let sale = world.sell(sold, 10_000);
    world.repeat(0);
    world.crash();
    world.repeat(0);
    let hold = world.pre_authorise(held, 7_000);
    let completion = TerminalTask::Completion { stan: hold.stan, amount: 6_000 };
    let completion = world.approved(0, completion);
    let text = waybill(paid);
    let cash = TerminalTask::Cash { waybill: &text, amount: 3_000, tendered: 5_000 };
    let cash = world.approved(0, cash);
    world.approved(0, TerminalTask::Void { stan: sale.stan });
    assert_eq!(
        approvals(&world),
        [
            (sale.stan, Some(sold), sale.rrn.map(peers::Rrn::bytes), 10_000),
            (hold.stan, Some(held), hold.rrn.map(peers::Rrn::bytes), 7_000),
            (completion.stan, Some(held), completion.rrn.map(peers::Rrn::bytes), 6_000),
            (cash.stan, Some(paid), None, 3_000),
        ]
    );
}

#[test]
fn a_wallets_payment_is_reported_when_it_is_recorded() {
    let mut world = World::open();
    let parcel = world.parcel(5_000);
    let text = waybill(parcel);
    world.run(0, TerminalTask::Qr { waybill: &text, amount: 5_000 });
    assert!(approvals(&world).is_empty());
    let batch = world.terminals[0].terminal.batch();
    let stan = world.terminals[0].terminal.last_stan();
    let reference = format!("{:08}{batch:06}{stan:06}", 1);
    for _ in 0..2 {
        assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
    }
    let [OperatorEvent::Approved { trace, wallet, .. }] = world
        .operator_events
        .iter()
        .filter(|event| matches!(event, OperatorEvent::Approved { .. }))
        .collect::<Vec<_>>()[..]
    else {
        panic!("{:?}", world.operator_events)
    };
    assert_eq!(*trace, Trace { terminal: TerminalId(1), batch, stan: Stan::of(stan) });
    assert_eq!(*wallet, Some(WALLET));
}
