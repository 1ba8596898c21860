//! Counts the events of the engine's answers.

use std::collections::BTreeMap;

use books::{BusinessDate, Event, PaymentId, PayoutId, PayoutLine};
use tariff::{FeeKind, Fees, PaymentMethod};

use crate::report::{BooksCounts, PayoutOutcome, PayoutRecord};

/// The counts, with the payments that a reversal may subtract from them.
#[derive(Default)]
pub(crate) struct Tally {
    pub counts: BooksCounts,
    pub payouts: Vec<PayoutRecord>,
    /// The latest date on which money on hold becomes payable.
    pub last_payable_on: BusinessDate,
    collected: BTreeMap<PaymentId, (PaymentMethod, u64, Fees)>,
    payout_places: BTreeMap<PayoutId, usize>,
}

impl Tally {
    pub(crate) fn count(&mut self, events: &[Event]) {
        for event in events {
            self.count_one(event);
        }
    }

    fn count_one(&mut self, event: &Event) {
        use Event as E;
        let counts = &mut self.counts;
        match event {
            E::ParcelAnnounced { .. } => counts.announced += 1,
            E::DeliveryAttempted { .. } => counts.attempts += 1,
            E::PartAccepted { .. } => counts.partly_accepted += 1,
            E::ParcelRefused { .. } => counts.refused += 1,
            E::ParcelReturned { fee, vat, .. } => {
                counts.returned += 1;
                counts.fees.add(FeeKind::Return, fee.minor());
                counts.fees.add(FeeKind::Vat, vat.minor());
            }
            E::FreightCharged { freight, vat, .. } => {
                counts.fees.add(FeeKind::Freight, freight.minor());
                counts.fees.add(FeeKind::Vat, vat.minor());
            }
            E::FreightReversed { freight, vat, .. } => {
                counts.fees.subtract(FeeKind::Freight, freight.minor());
                counts.fees.subtract(FeeKind::Vat, vat.minor());
            }
            E::ParcelLost { .. } => counts.lost += 1,
            E::ParcelDelivered { .. } => counts.delivered += 1,
            E::ParcelReopened { .. } => counts.delivered -= 1,
            E::PaymentCollected { payment, method, amount, fees, .. } => {
                let amount = amount.minor();
                counts.collected.of_mut(*method).add(amount);
                fees.iter().for_each(|(kind, fee)| counts.fees.add(kind, fee.minor()));
                self.collected.insert(*payment, (*method, amount, *fees));
            }
            E::PaymentDeclined { .. } => counts.declined += 1,
            E::PaymentUnknown { .. } => counts.timeouts += 1,
            E::LateApproval { .. } => counts.late_approvals += 1,
            E::PaymentReversed { payment, posted } => {
                counts.reversals.add(posted.minor());
                self.take_back(*payment);
            }
            E::OfflineSaleRejected { payment, .. } => self.take_back(*payment),
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
            E::PaymentHeld { payable_on, .. } => {
                counts.held += 1;
                self.last_payable_on = self.last_payable_on.max(*payable_on);
            }
            E::PaymentReleased { .. } => counts.released += 1,
            E::BreakRaised { amount, .. } => counts.breaks.add(amount.minor()),
            E::BreakReduced { amount, left, .. } => {
                counts.breaks.amount -= amount.minor();
                counts.breaks.count -= u64::from(left.is_zero());
            }
            E::BreakClosed { amount, .. } => counts.breaks.subtract(amount.minor()),
            E::SettlementPlanned { below_minimum, .. } => counts.below_minimum = *below_minimum,
            E::SettlementExecuted { lines, .. } => {
                lines.iter().for_each(|line| self.add_payout(line));
            }
            E::PayoutConfirmed { payout, net, .. } => {
                counts.payouts_paid.add(net.minor());
                self.end_payout(*payout, PayoutOutcome::Paid);
            }
            E::PayoutReturned { payout, net, .. } => {
                counts.payouts_returned.add(net.minor());
                self.end_payout(*payout, PayoutOutcome::Returned);
            }
            _ => {}
        }
    }

    /// A payment that was collected, and its fees, do not count any longer.
    fn take_back(&mut self, payment: PaymentId) {
        if let Some((method, amount, fees)) = self.collected.remove(&payment) {
            self.counts.collected.of_mut(method).subtract(amount);
            fees.iter().for_each(|(kind, fee)| self.counts.fees.subtract(kind, fee.minor()));
        }
    }

    fn add_payout(&mut self, line: &PayoutLine) {
        self.payout_places.insert(line.payout, self.payouts.len());
        let (line, end) = (*line, PayoutOutcome::InTransit);
        self.payouts.push(PayoutRecord { line, seller_reference: String::new(), outcome: end });
    }

    fn end_payout(&mut self, payout: PayoutId, end: PayoutOutcome) {
        let record = self.payout_places.get(&payout).and_then(|index| self.payouts.get_mut(*index));
        if let Some(record) = record {
            record.outcome = end;
        }
    }
}
