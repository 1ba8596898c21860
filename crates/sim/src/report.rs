//! What a day came to.

use engine::{BusinessDate, FirmId, PayoutLine, Timestamp};
use money::Currency;
use tariff::{FeeKind, Tender};

use crate::doors::DoorCounts;
use crate::inputs::{Origin, TenderMix};
use crate::rates::Rates;

/// How many, and how much together in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// How much.
    pub amount: u64,
}

impl Sum {
    pub(crate) fn add(&mut self, amount: u64) {
        self.count += 1;
        self.amount += amount;
    }

    pub(crate) fn take(&mut self, amount: u64) {
        self.count -= 1;
        self.amount -= amount;
    }
}

/// One sum for each way of paying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByTender {
    /// By card.
    pub card: Sum,
    /// By QR.
    pub qr: Sum,
    /// In cash.
    pub cash: Sum,
}

impl ByTender {
    pub(crate) fn of_mut(&mut self, tender: Tender) -> &mut Sum {
        match tender {
            Tender::Card(_) => &mut self.card,
            Tender::Qr => &mut self.qr,
            Tender::Cash => &mut self.cash,
        }
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> Sum {
        let all = [self.card, self.qr, self.cash];
        Sum {
            count: all.iter().map(|sum| sum.count).sum(),
            amount: all.iter().map(|sum| sum.amount).sum(),
        }
    }
}

/// Fees by kind, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeeTotals([u64; FeeKind::ALL.len()]);

impl FeeTotals {
    /// The fees of a kind.
    #[must_use]
    pub fn of(&self, kind: FeeKind) -> u64 {
        self.0[kind as usize]
    }

    /// Every kind with its fees, in the order of [`FeeKind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (FeeKind, u64)> {
        FeeKind::ALL.into_iter().zip(self.0)
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn add(&mut self, kind: FeeKind, fee: u64) {
        self.0[kind as usize] += fee;
    }

    pub(crate) fn take(&mut self, kind: FeeKind, fee: u64) {
        self.0[kind as usize] -= fee;
    }
}

/// Hand-overs of cash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandOvers {
    /// All, with what was counted.
    pub counted: Sum,
    /// Those at which cash was missing, with how much.
    pub short: Sum,
    /// Those at which there was too much, with how much.
    pub surplus: Sum,
}

/// What the books answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Parcels announced.
    pub announced: u64,
    /// Attempts at which a parcel could not be handed out.
    pub attempts: u64,
    /// Parcels of which a part was taken.
    pub part_accepted: u64,
    /// Parcels refused, or given up after the last attempt.
    pub refused: u64,
    /// Parcels back at their sellers'.
    pub returned: u64,
    /// Parcels handed out and paid.
    pub delivered: u64,
    /// Payments that stand.
    pub collected: ByTender,
    /// Payments declined.
    pub declined: u64,
    /// Payments that became unknown (M4).
    pub timeouts: u64,
    /// Payments taken back, with what of them had been posted.
    pub reversals: Sum,
    /// Approvals that came after the payment was given up.
    pub late_approvals: u64,
    /// Commands that were sent a second time and answered as such.
    pub duplicates: u64,
    /// Fees of the payments that stand, and return fees.
    pub fees: FeeTotals,
    /// Hand-overs of cash.
    pub hand_overs: HandOvers,
    /// Shortages that couriers paid up.
    pub repaid: Sum,
    /// Deposits that the bank credited, with what it credited.
    pub deposits: Sum,
    /// Payments whose money was really there (M5).
    pub held: u64,
    /// Payments whose money became their seller's.
    pub released: u64,
    /// Breaks raised, each by its amount.
    pub breaks: Sum,
    /// Payouts that arrived.
    pub paid: Sum,
    /// Payouts that came back.
    pub came_back: Sum,
    /// Sellers below their minimum in the last plan.
    pub below_minimum: u32,
}

/// What the world did and the books have no word for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incidents {
    /// Parcels paid in two parts.
    pub split: u64,
    /// Cash payments that the books refused because the courier had too much in hand.
    pub cash_limit: u64,
    /// Trips to the hub for that reason.
    pub cash_limit_trips: u64,
    /// Payments that had to wait: for the reversal of an earlier one, or for a network.
    pub waits: u64,
    /// Approvals that did not reach the terminal.
    pub approvals_unheard: u64,
    /// Cards that were pre-authorised first.
    pub held: u64,
    /// Payments by card and QR taken back at the door.
    pub taken_back: u64,
    /// Cash given back at the door.
    pub cash_given_back: u64,
    /// One-time codes mistyped and refused.
    pub codes_mistyped: u64,
    /// Deposits credited short.
    pub deposits_short: u64,
}

/// How a payout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutEnd {
    /// Sent, and no word from the bank.
    OnItsWay,
    /// The bank has paid.
    Paid,
    /// It came back.
    CameBack,
}

/// A payout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutRecord {
    /// As the plan has it.
    pub line: PayoutLine,
    /// The seller's own reference.
    pub seller_reference: String,
    /// How it ended.
    pub end: PayoutEnd,
}

/// A courier firm's day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmDay {
    /// The firm.
    pub firm: FirmId,
    /// Its reference.
    pub reference: String,
    /// Its couriers.
    pub couriers: u64,
    /// Its parcels.
    pub parcels: u64,
    /// Other people's money that it and its couriers have at the end, in minor units, as the world
    /// knows it: in hands, counted, owed.
    pub custody: u64,
}

/// What a day came to. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayReport {
    /// The day.
    pub date: BusinessDate,
    /// Its currency.
    pub currency: Currency,
    /// Where the parcels come from; all else is simulated.
    pub origin: Origin,
    /// The seed.
    pub seed: u64,
    /// How buyers paid.
    pub tender: TenderMix,
    /// How often what was to happen.
    pub rates: Rates,
    /// Parcels of the day.
    pub parcels: u64,
    /// Parcels that were neither handed out nor refused when the day ended: at the hub.
    pub left_at_hub: u64,
    /// Sellers.
    pub sellers: u64,
    /// Couriers, a terminal each.
    pub couriers: u64,
    /// What the books answered.
    pub counts: Counts,
    /// What else happened.
    pub incidents: Incidents,
    /// What happened at the terminals, and between switch and networks.
    pub doors: DoorCounts,
    /// The payouts, in the order in which they were planned.
    pub payouts: Vec<PayoutRecord>,
    /// The firms.
    pub firms: Vec<FirmDay>,
    /// Calls of the office: each a durable commit.
    pub calls: u64,
    /// Commands in them, those sent twice counted twice.
    pub commands: u64,
    /// When the last command of the day was carried out, in virtual time.
    pub ended: Timestamp,
}
