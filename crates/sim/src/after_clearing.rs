//! What networks and wallets change after they cleared: refunds that nobody asked them for,
//! chargebacks, corrected fees, and reversals. Each change is in their next file. Some come on a
//! later day: a refund in the next week, a chargeback in the next month.

use books::{ClearLineKind, Command, PaymentId, Refund, ReverseCollection};
use peers::clearing::ClearingLineKind;

use crate::backend::{Backend, DayError};
use crate::books::{BreakCause, ExpectedBreak, ParcelLocation, RailItem};
use crate::chance::{Chance, ChancePurpose, stream_of_day};
use crate::clock;
use crate::day::DayRun;
use crate::world::{World, amount};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LaterChange {
    /// The seller refunds the buyer, and the network or wallet pays it without being asked.
    Refund,
    Chargeback,
    /// What was deducted beyond the tariff is given back, or taken.
    FeeCorrection,
    /// The issuer reverses the payment, and the parcel is out again.
    Reversal,
}

/// A seller refunds between these days after the payment: in the next week.
const REFUND_DAYS: (u64, u64) = (2, 7);
/// A cardholder's chargeback arrives between these days after the payment: about a month later.
const CHARGEBACK_DAYS: (u64, u64) = (25, 35);

/// A change that comes on a later day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DueChange {
    rail: usize,
    payment: PaymentId,
    kind: LaterChange,
}

/// A change of a cleared payment, as its rail states it. Amounts are in minor units.
pub(crate) struct StatedChange {
    pub payment: PaymentId,
    pub kind: ClearLineKind,
    pub amount: i64,
    pub deducted: i64,
}

fn signed(minor: u64) -> i64 {
    i64::try_from(minor).unwrap_or(i64::MAX)
}

impl<O: Backend> DayRun<'_, O> {
    /// Networks and wallets change cleared payments, and say so in their next file.
    pub(crate) fn change_after_clearing(&mut self) -> Result<(), DayError<O::Error>> {
        let at = self.advance_to(self.world.clock.tonight(clock::LATER_CHANGES));
        for index in 0..self.world.rails.len() {
            let (changes, commands) = self.world.later_changes(index);
            self.carry_out_all(at, commands)?;
            self.clear_changes(index, changes, at)?;
        }
        Ok(())
    }
}

impl StatedChange {
    /// The kind of line in a network's file. `None` for a reversal, which follows from its books.
    pub(crate) fn network_kind(&self) -> Option<ClearingLineKind> {
        match self.kind {
            ClearLineKind::Refund => Some(ClearingLineKind::Refund),
            ClearLineKind::ChargeBack => Some(ClearingLineKind::Chargeback),
            ClearLineKind::FeeCorrection => Some(ClearingLineKind::FeeCorrection),
            _ => None,
        }
    }
}

impl World {
    /// The changes of a rail's cleared payments, noted in the world's books, and the commands of
    /// sellers and networks that come with them.
    fn later_changes(&mut self, index: usize) -> (Vec<StatedChange>, Vec<Command>) {
        let (mut changes, mut commands) = (Vec::new(), Vec::new());
        let stream = stream_of_day(self.day, index as u64);
        let mut chance = Chance::new(self.seed, ChancePurpose::AfterClearing, stream);
        for (payment, item) in self.items_of_today(index) {
            let happens = chance.happens(self.rates.changed_after_clearing);
            let kind = [LaterChange::Refund, LaterChange::Chargeback, LaterChange::Reversal]
                [usize::try_from(chance.between(0, 2)).unwrap_or(0)];
            if !happens || !item.moves_money() || item.deducted.is_none() {
                continue;
            }
            let wrong_fee = self
                .expected_breaks
                .iter()
                .find(|one| matches!(one.cause, BreakCause::FeeDifference(of) if of == payment));
            let wrong_fee = wrong_fee.copied();
            let kind = if wrong_fee.is_some() { LaterChange::FeeCorrection } else { kind };
            changes.extend(self.change(index, (payment, item), kind, wrong_fee, &mut commands));
        }
        self.draw_later_days(index);
        for (payment, kind) in self.due_changes(index) {
            let item = self.rails[index].items.get(&payment).copied();
            let standing = item.filter(|item| item.moves_money() && item.taken_back == 0);
            let Some(item) = standing else { continue };
            changes.extend(self.change(index, (payment, item), kind, None, &mut commands));
        }
        (changes, commands)
    }

    /// The items of a rail that were requested today, by payment.
    fn items_of_today(&self, index: usize) -> Vec<(PaymentId, RailItem)> {
        let today = |item: &&RailItem| item.requested_on >= self.clock.date;
        let items = self.rails[index].items.iter().filter(|(_, item)| today(item));
        items.map(|(payment, item)| (*payment, *item)).collect()
    }

    /// Draws which of today's payments are refunded next week or charged back next month.
    fn draw_later_days(&mut self, index: usize) {
        let stream = stream_of_day(self.day, index as u64);
        let mut chance = Chance::new(self.seed, ChancePurpose::LaterDays, stream);
        for (payment, _) in self.items_of_today(index) {
            let refunded = chance.happens(self.rates.refunded_later);
            let refund_days = chance.between(REFUND_DAYS.0, REFUND_DAYS.1);
            let charged_back = chance.happens(self.rates.charged_back_later);
            let chargeback_days = chance.between(CHARGEBACK_DAYS.0, CHARGEBACK_DAYS.1);
            let (days, kind) = match (refunded, charged_back) {
                (true, _) => (refund_days, LaterChange::Refund),
                (false, true) => (chargeback_days, LaterChange::Chargeback),
                (false, false) => continue,
            };
            let date = self.clock.date.plus_days(u16::try_from(days).unwrap_or(u16::MAX));
            let due = DueChange { rail: index, payment, kind };
            self.later_changes.entry(date).or_default().push(due);
        }
    }

    /// Takes the changes of a rail's payments that are due.
    fn due_changes(&mut self, index: usize) -> Vec<(PaymentId, LaterChange)> {
        let mut due = Vec::new();
        for (_, changes) in self.later_changes.range_mut(..=self.clock.night()) {
            let (own, others) = changes.iter().partition(|change| change.rail == index);
            *changes = others;
            let own: Vec<DueChange> = own;
            due.extend(own.into_iter().map(|change| (change.payment, change.kind)));
        }
        self.later_changes.retain(|_, changes| !changes.is_empty());
        due
    }

    /// Changes a cleared payment in the world's books. `None` if it cannot be changed so.
    fn change(
        &mut self,
        index: usize,
        (payment, item): (PaymentId, RailItem),
        kind: LaterChange,
        wrong_fee: Option<ExpectedBreak>,
        commands: &mut Vec<Command>,
    ) -> Option<StatedChange> {
        let place = *self.parcel_indexes.get(&payment.parcel)?;
        let parcel = &mut self.parcels[place];
        let delivered = parcel.location == ParcelLocation::Delivered;
        let deducted = item.deducted.unwrap_or(0);
        let whole = signed(item.amount);
        let changed = self.rails[index].items.get_mut(&payment)?;
        match kind {
            LaterChange::Refund if delivered => {
                let (number, minor) = (1, amount(item.amount));
                commands.push(Command::Refund(Refund { payment, number, amount: minor }));
                changed.taken_back = item.amount;
                parcel.paid -= item.amount;
                let kind = ClearLineKind::Refund;
                Some(StatedChange { payment, kind, amount: -whole, deducted: 0 })
            }
            LaterChange::Chargeback if delivered => {
                let part = item.amount.div_ceil(2);
                changed.taken_back = part;
                parcel.paid -= part;
                let kind = ClearLineKind::ChargeBack;
                Some(StatedChange { payment, kind, amount: -signed(part), deducted: 0 })
            }
            LaterChange::Reversal if delivered && parcel.requests == 1 => {
                commands.push(Command::ReverseCollection(ReverseCollection { payment }));
                changed.reversed = true;
                parcel.paid -= item.amount;
                parcel.location = ParcelLocation::WithCourier;
                parcel.delivered_on = None;
                let (kind, deducted) = (ClearLineKind::Reversal, -signed(deducted));
                Some(StatedChange { payment, kind, amount: -whole, deducted })
            }
            LaterChange::FeeCorrection => {
                let wrong = wrong_fee?;
                self.expected_breaks.retain(|one| *one != wrong);
                let by = signed(wrong.amount);
                let more = wrong.side == books::BreakSide::Excess;
                changed.deducted =
                    Some(if more { deducted + wrong.amount } else { deducted - wrong.amount });
                let (kind, deducted) = (ClearLineKind::FeeCorrection, if more { by } else { -by });
                Some(StatedChange { payment, kind, amount: 0, deducted })
            }
            _ => None,
        }
    }
}
