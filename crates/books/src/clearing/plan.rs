//! What a line of a file does to the payment that it names.

use money::Amount;
use tariff::PaymentMethod;

use crate::books::Books;
use crate::command::{ClearLineKind, REFUNDS_PER_PAYMENT_MAX};
use crate::ids::PaymentId;
use crate::payment::record::{PaymentRecord, PaymentStatus, SuspendedSaleEnd};
use crate::terminal::batches::Transaction;
use crate::terminal::transaction::TransactionKind;

/// A line's kind and amounts, in minor units.
#[derive(Clone, Copy)]
pub(crate) struct LineAmounts {
    pub kind: ClearLineKind,
    pub amount: i128,
    pub deducted: i128,
}

impl LineAmounts {
    /// What the bank account gets.
    pub(crate) fn net(&self) -> i128 {
        self.amount - self.deducted
    }
}

/// What a line does, and the part of it that this explains, in minor units.
#[derive(Clone, Copy)]
pub(crate) struct LinePlan {
    pub effect: LineEffect,
    /// The payment's slot.
    pub slot: Option<u32>,
    /// The part of the amount that the receivable explains.
    pub applied: i128,
    /// The fee by the tariff.
    pub fee: i128,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEffect {
    /// Pays a collected payment.
    Pays,
    /// Pays an offline sale in suspense, or one that is owed to the buyer.
    PaysSuspended(PaymentId),
    /// Pays a payment that is not collected, before a reversal takes it back.
    PaysUnclaimed,
    /// Takes back what was paid before the payment was collected, or after it was reversed.
    TakesUnclaimed,
    /// Takes back what was paid for a payment whose reversal is pending.
    TakesClaimed,
    /// Takes a refund. The books still owed that much of it.
    Refunds { owed: Amount },
    /// Takes a chargeback. That much of it is new to the books.
    ChargesBack { new: Amount },
    /// Corrects a fee.
    Corrects,
    /// No payment explains it.
    Nothing,
}

impl LinePlan {
    const NOTHING: LinePlan =
        LinePlan { effect: LineEffect::Nothing, slot: None, applied: 0, fee: 0 };
}

impl Books {
    /// What a line of a rail does.
    pub(crate) fn plan_line(
        &self,
        line: LineAmounts,
        rail: u32,
        payment: Option<PaymentId>,
    ) -> LinePlan {
        use ClearLineKind as K;
        if line.amount == 0 {
            return LinePlan { effect: LineEffect::Corrects, ..LinePlan::NOTHING };
        }
        if let Some(plan) = payment.and_then(|id| self.plan_suspended_sale(line, rail, id)) {
            return plan;
        }
        // Of a rejected sale, the rail owes nothing.
        let of_rail = |(slot, _): &(u32, Option<u32>)| {
            let item = self.payment(*slot);
            let on_rail = item.method != PaymentMethod::Cash && u32::from(item.rail) == rail;
            on_rail && !self.is_rejected(item.id())
        };
        let found = payment.and_then(|id| self.find_payment(id).ok()).filter(of_rail);
        let Some((slot, _)) = found else { return LinePlan::NOTHING };
        let plan = match line.kind {
            K::Sale | K::Completion | K::Offline if line.amount > 0 => self.plan_sale(slot, line),
            K::Refund if line.amount < 0 => self.plan_refund(slot, -line.amount),
            K::Reversal if line.amount < 0 => self.plan_reversal(slot),
            K::ChargeBack if line.amount < 0 => self.plan_charge_back(slot, -line.amount),
            _ => None,
        };
        plan.unwrap_or(LinePlan::NOTHING)
    }

    /// Nothing else than one sale line pays an offline sale that is no payment of its parcel. No
    /// seller's tariff says what the network may deduct. `None` for every other payment.
    fn plan_suspended_sale(&self, line: LineAmounts, rail: u32, id: PaymentId) -> Option<LinePlan> {
        use ClearLineKind as K;
        let sale = self.sale_without_parcel(id)?;
        let pays = matches!(line.kind, K::Sale | K::Offline) && line.amount > 0;
        let waits = !sale.cleared && sale.end != Some(SuspendedSaleEnd::Rejected);
        if !pays || !waits || u32::from(sale.rail) != rail {
            return Some(LinePlan::NOTHING);
        }
        let (effect, applied) = (LineEffect::PaysSuspended(id), sale.amount.minor().into());
        Some(LinePlan { effect, slot: None, applied, fee: line.deducted })
    }

    fn plan_sale(&self, slot: u32, line: LineAmounts) -> Option<LinePlan> {
        let item = self.payment(slot);
        let clearing = self.clearing_of(item);
        if item.is_collected() {
            let fee = self.fee_of_rail(item, i128::from(item.amount.minor()));
            let applied = i128::from(item.amount.minor());
            let plan = LinePlan { effect: LineEffect::Pays, slot: Some(slot), applied, fee };
            return (clearing.claimed == 0).then_some(plan);
        }
        // A pre-authorisation can be completed again after its completion was reversed.
        let again = line.kind == ClearLineKind::Completion || !clearing.was_paid;
        let waits = clearing.unclaimed == 0 && again && self.can_be_reversed(item);
        let fee = self.fee_of_rail(item, line.amount);
        let (effect, applied) = (LineEffect::PaysUnclaimed, line.amount);
        waits.then_some(LinePlan { effect, slot: Some(slot), applied, fee })
    }

    /// Whether a payment that is not collected was reversed, or can be.
    fn can_be_reversed(&self, item: &PaymentRecord) -> bool {
        use PaymentStatus as P;
        match item.status {
            P::Begun(_)
            | P::Unknown(_)
            | P::Authorised(_)
            | P::Completing(_)
            | P::CompletionUnknown(_)
            | P::Releasing(..)
            | P::Reversed => true,
            // The buyer paid a QR code after it ended, and the wallet refunds it.
            P::Declined => {
                let order = Transaction::is_wallet_order;
                let order = self.terminal_batches.find_by_payment(item.id(), order);
                order.is_some_and(|one| self.terminal_batches.get(one).wallet_payment().is_some())
            }
            _ => false,
        }
    }

    fn plan_reversal(&self, slot: u32) -> Option<LinePlan> {
        let item = self.payment(slot);
        let clearing = self.clearing_of(item);
        let reversing = matches!(item.status, PaymentStatus::Reversing(_));
        let (effect, paid) = match (clearing.unclaimed, clearing.claimed) {
            (unclaimed, _) if unclaimed > 0 => (LineEffect::TakesUnclaimed, unclaimed),
            (_, claimed) if reversing && claimed > 0 => (LineEffect::TakesClaimed, claimed),
            _ => return None,
        };
        let paid = i128::try_from(paid).expect("sums stay below 2¹²⁰");
        let fee = -self.fee_of_rail(item, paid);
        Some(LinePlan { effect, slot: Some(slot), applied: -paid, fee })
    }

    fn plan_refund(&self, slot: u32, amount: i128) -> Option<LinePlan> {
        let item = self.payment(slot);
        let clearing = self.clearing_of(item);
        let Some(unpaid) = item.status.unpaid_refunds() else {
            // A wallet cannot reverse: it refunds what was paid too late.
            let same = clearing.unclaimed == amount.unsigned_abs();
            return if same { self.plan_reversal(slot) } else { None };
        };
        if self.is_unanswered_sale(item) {
            return None;
        }
        let to_come = u128::from(self.taken_by_rail(item).0.minor()) - clearing.refunds;
        let owed = amount.unsigned_abs().saturating_sub(to_come);
        let owed = u64::try_from(owed).ok().and_then(Amount::new)?;
        let (asked, same) = self.refunds_asked(item.id(), owed);
        // What the rail was not asked for is owed by the books, too.
        let known = same.is_some() || owed <= unpaid.saturating_sub(asked);
        let effect = LineEffect::Refunds { owed };
        known.then_some(LinePlan { effect, slot: Some(slot), applied: -amount, fee: 0 })
    }

    /// The sum of a payment's refunds that the rail was asked for and has not answered, and the
    /// transaction of one with that amount.
    pub(crate) fn refunds_asked(&self, id: PaymentId, amount: Amount) -> (Amount, Option<u32>) {
        let waits = |one: &Transaction| one.kind == TransactionKind::Refund && one.awaits_network;
        let asked = self.terminal_batches.sum_by_payment(id, waits);
        let same =
            self.terminal_batches.first_by_payment(id, |one| waits(one) && one.amount == amount);
        (asked, same)
    }

    fn plan_charge_back(&self, slot: u32, amount: i128) -> Option<LinePlan> {
        let item = self.payment(slot);
        let booked = u128::from(self.taken_by_rail(item).1.minor());
        let to_come = booked - self.clearing_of(item).chargebacks;
        let to_come = amount.min(i128::try_from(to_come).expect("a part of the payment"));
        let numbered = item.refund_count < REFUNDS_PER_PAYMENT_MAX;
        let can_be_new =
            item.status.unpaid_refunds().is_some() && numbered && !self.is_unanswered_sale(item);
        let standing = if can_be_new { i128::from(item.standing().minor()) } else { 0 };
        let new = (amount - to_come).min(standing);
        let effect = LineEffect::ChargesBack {
            new: Amount::of(u64::try_from(new).expect("at most what stands")),
        };
        let applied = -(to_come + new);
        let plan = LinePlan { effect, slot: Some(slot), applied, fee: 0 };
        (applied != 0).then_some(plan)
    }

    /// The fee by the payment's terms that its rail may deduct from an amount above zero, in minor
    /// units.
    fn fee_of_rail(&self, item: &PaymentRecord, amount: i128) -> i128 {
        let amount = u64::try_from(amount).ok().and_then(Amount::new).unwrap_or(Amount::MAX);
        let fees = self.fees_of(item.charged_terms(), item.method, amount);
        i128::from(fees.deducted_by_network().minor())
    }
}
