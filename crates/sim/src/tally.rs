//! Counts what the books answer.

use std::collections::BTreeMap;

use engine::{BusinessDate, Event, PayoutId, PayoutLine, TenderId};
use tariff::{FeeKind, Fees, Tender};

use crate::report::{Counts, PayoutEnd, PayoutRecord};

/// The counts, with what is needed to take a payment out of them again.
#[derive(Default)]
pub(crate) struct Tally {
    pub counts: Counts,
    pub payouts: Vec<PayoutRecord>,
    /// The last date on which money becomes payable that is on hold.
    pub last_payable_on: BusinessDate,
    collected: BTreeMap<TenderId, (Tender, u64, Fees)>,
    payout_places: BTreeMap<PayoutId, usize>,
}

impl Tally {
    pub(crate) fn hear(&mut self, events: &[Event]) {
        for event in events {
            self.hear_one(event);
        }
    }

    fn hear_one(&mut self, event: &Event) {
        use Event as E;
        let counts = &mut self.counts;
        match event {
            E::Announced { .. } => counts.announced += 1,
            E::Attempted { .. } => counts.attempts += 1,
            E::PartAccepted { .. } => counts.part_accepted += 1,
            E::Refused { .. } => counts.refused += 1,
            E::Returned { fee, .. } => {
                counts.returned += 1;
                counts.fees.add(FeeKind::Return, fee.minor());
            }
            E::Delivered { .. } => counts.delivered += 1,
            E::Reopened { .. } => counts.delivered -= 1,
            E::Collected { tender, method, amount, fees, .. } => {
                let amount = amount.minor();
                counts.collected.of_mut(*method).add(amount);
                fees.iter().for_each(|(kind, fee)| counts.fees.add(kind, fee.minor()));
                self.collected.insert(*tender, (*method, amount, *fees));
            }
            E::Declined { .. } => counts.declined += 1,
            E::BecameUnknown { .. } => counts.timeouts += 1,
            E::LateApproval { .. } => counts.late_approvals += 1,
            E::Reversed { tender, posted } => {
                counts.reversals.add(posted.minor());
                if let Some((method, amount, fees)) = self.collected.remove(tender) {
                    counts.collected.of_mut(method).take(amount);
                    fees.iter().for_each(|(kind, fee)| counts.fees.take(kind, fee.minor()));
                }
            }
            E::HandOverCounted { expected, counted, .. } => {
                let (expected, counted) = (expected.minor(), counted.minor());
                counts.hand_overs.counted.add(counted);
                if counted < expected {
                    counts.hand_overs.short.add(expected - counted);
                } else if counted > expected {
                    counts.hand_overs.surplus.add(counted - expected);
                }
            }
            E::ShortageRepaid { amount, .. } => counts.repaid.add(amount.minor()),
            E::DepositConfirmed { credited, .. } => counts.deposits.add(credited.minor()),
            E::Held { payable_on, .. } => {
                counts.held += 1;
                self.last_payable_on = self.last_payable_on.max(*payable_on);
            }
            E::Released { .. } => counts.released += 1,
            E::BreakRaised { amount, .. } => counts.breaks.add(amount.minor()),
            E::Planned { below_minimum, .. } => counts.below_minimum = *below_minimum,
            E::Executed { lines, .. } => lines.iter().for_each(|line| self.sent(line)),
            E::PayoutConfirmed { payout, net, .. } => {
                counts.paid.add(net.minor());
                self.ended(*payout, PayoutEnd::Paid);
            }
            E::PayoutReturned { payout, net, .. } => {
                counts.came_back.add(net.minor());
                self.ended(*payout, PayoutEnd::CameBack);
            }
            _ => {}
        }
    }

    fn sent(&mut self, line: &PayoutLine) {
        self.payout_places.insert(line.payout, self.payouts.len());
        let (line, end) = (*line, PayoutEnd::OnItsWay);
        self.payouts.push(PayoutRecord { line, seller_reference: String::new(), end });
    }

    fn ended(&mut self, payout: PayoutId, end: PayoutEnd) {
        let place = self.payout_places.get(&payout).and_then(|place| self.payouts.get_mut(*place));
        if let Some(record) = place {
            record.end = end;
        }
    }
}
