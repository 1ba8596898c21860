//! The report of a day.

use books::{BusinessDate, FirmId, PayoutLine, Timestamp};
use money::Currency;
use tariff::{FeeKind, PaymentMethod};

use crate::inputs::{OrderSource, PaymentMix};
use crate::payment_path::PaymentPathCounts;
use crate::rates::Rates;

/// A number of items and their total amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountAndAmount {
    pub count: u64,
    /// In minor units.
    pub amount: u64,
}

impl CountAndAmount {
    pub(crate) fn add(&mut self, amount: u64) {
        self.count += 1;
        self.amount += amount;
    }

    pub(crate) fn subtract(&mut self, amount: u64) {
        self.count -= 1;
        self.amount -= amount;
    }
}

/// One total per payment method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByPaymentMethod {
    pub card: CountAndAmount,
    pub qr: CountAndAmount,
    pub cash: CountAndAmount,
}

impl ByPaymentMethod {
    pub(crate) fn of_mut(&mut self, payment: PaymentMethod) -> &mut CountAndAmount {
        match payment {
            PaymentMethod::Card(_) => &mut self.card,
            PaymentMethod::Qr => &mut self.qr,
            PaymentMethod::Cash => &mut self.cash,
        }
    }

    #[must_use]
    pub fn total(&self) -> CountAndAmount {
        let all = [self.card, self.qr, self.cash];
        CountAndAmount {
            count: all.iter().map(|sum| sum.count).sum(),
            amount: all.iter().map(|sum| sum.amount).sum(),
        }
    }
}

/// Fees by kind, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeeTotals([u64; FeeKind::ALL.len()]);

impl FeeTotals {
    #[must_use]
    pub fn of(&self, kind: FeeKind) -> u64 {
        self.0[kind as usize]
    }

    /// All kinds, in the order of [`FeeKind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (FeeKind, u64)> {
        FeeKind::ALL.into_iter().zip(self.0)
    }

    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn add(&mut self, kind: FeeKind, fee: u64) {
        self.0[kind as usize] += fee;
    }

    pub(crate) fn subtract(&mut self, kind: FeeKind, fee: u64) {
        self.0[kind as usize] -= fee;
    }
}

/// Cash hand-overs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandOverCounts {
    /// All hand-overs, with the amount counted.
    pub counted: CountAndAmount,
    /// Hand-overs with a shortage, with the amount missing.
    pub short: CountAndAmount,
    /// Hand-overs with a surplus, with the amount in excess.
    pub surplus: CountAndAmount,
}

/// Counts of the engine's answers. Amounts are in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BooksCounts {
    pub announced: u64,
    /// Failed delivery attempts.
    pub attempts: u64,
    /// Parcels accepted in part.
    pub partly_accepted: u64,
    /// Parcels refused, or not delivered at the last attempt.
    pub refused: u64,
    /// Parcels returned to their sellers.
    pub returned: u64,
    /// Parcels lost on their way back.
    pub lost: u64,
    /// Parcels handed over and paid.
    pub delivered: u64,
    /// Payments collected and not reversed.
    pub collected: ByPaymentMethod,
    pub declined: u64,
    /// Payments whose outcome became unknown (M4).
    pub timeouts: u64,
    /// Payments reversed, with the amount that had been posted.
    pub reversals: CountAndAmount,
    /// Approvals that arrived after the timeout.
    pub late_approvals: u64,
    /// Repeated commands, answered as repeats.
    pub duplicates: u64,
    /// Fees of the collected payments, and return fees.
    pub fees: FeeTotals,
    pub hand_overs: HandOverCounts,
    /// Shortages repaid by couriers.
    pub repaid: CountAndAmount,
    /// Deposits, with the amount that the bank credited.
    pub deposits: CountAndAmount,
    /// Payments whose money is held (M5).
    pub held: u64,
    /// Payments whose money became payable to the seller.
    pub released: u64,
    /// Breaks raised and not closed.
    pub breaks: CountAndAmount,
    /// Payouts confirmed by the bank.
    pub payouts_paid: CountAndAmount,
    /// Payouts returned by the bank.
    pub payouts_returned: CountAndAmount,
    /// Sellers below the minimum payout in the last plan.
    pub below_minimum: u32,
}

/// Events of the simulated world that the engine does not record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incidents {
    /// Parcels paid in two payments.
    pub split_payments: u64,
    /// Cash payments refused for the courier's cash limit.
    pub cash_limit_refusals: u64,
    /// Trips to the hub because of the cash limit.
    pub cash_limit_trips: u64,
    /// Payments that waited for the reversal of an earlier one or for a network.
    pub waits: u64,
    /// Approvals that never reached the terminal.
    pub approvals_lost: u64,
    /// Card payments pre-authorised first.
    pub pre_authorised: u64,
    /// Card and QR payments voided or refunded at the door.
    pub cancelled_at_door: u64,
    /// Cash payments refunded at the door.
    pub cash_refunded: u64,
    /// One-time codes that were mistyped.
    pub codes_mistyped: u64,
    pub deposits_short: u64,
    /// Offline sales that their network rejected.
    pub sales_rejected: u64,
    /// Offline sales that two people decided.
    pub sales_suspended: u64,
    /// Sellers compensated for damaged or lost parcels.
    pub compensated: u64,
    /// Orders shipped again; their parcels wait for the next day.
    pub shipped_again: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutOutcome {
    /// Sent; the bank has neither confirmed nor returned it.
    InTransit,
    Paid,
    Returned,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutRecord {
    /// The line of the settlement plan.
    pub line: PayoutLine,
    pub seller_reference: String,
    pub outcome: PayoutOutcome,
}

/// The totals of a courier firm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmSummary {
    pub firm: FirmId,
    pub reference: String,
    pub couriers: u64,
    pub parcels: u64,
    /// Other people's money with the firm and its couriers at the end, in minor units, by the
    /// simulated world's books: in hand, counted, owed.
    pub custody: u64,
}

/// The report of a day. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayReport {
    pub date: BusinessDate,
    pub currency: Currency,
    /// Where the parcels come from. Everything else is simulated.
    pub order_source: OrderSource,
    pub seed: u64,
    pub payment_mix: PaymentMix,
    pub rates: Rates,
    pub parcels: u64,
    /// Parcels at the hub when the day ended, neither handed over nor refused: without those of the
    /// orders that are shipped again.
    pub left_at_hub: u64,
    pub sellers: u64,
    /// Couriers; each has one terminal.
    pub couriers: u64,
    pub counts: BooksCounts,
    pub incidents: Incidents,
    /// Counts of terminals, switch and networks.
    pub payment_path: PaymentPathCounts,
    /// In the order of the settlement plans.
    pub payouts: Vec<PayoutRecord>,
    pub firms: Vec<FirmSummary>,
    /// Calls of the backend; each is a durable commit.
    pub calls: u64,
    /// Commands sent, repeats included.
    pub commands: u64,
    /// Virtual time of the last command.
    pub ended_at: Timestamp,
}
