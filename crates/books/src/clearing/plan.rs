//! What a line of a file does to the payment that it names.

use money::Amount;
use tariff::PaymentMethod;

use crate::books::Books;
use crate::command::{ClearLine, ClearLineKind, REFUNDS_PER_PAYMENT_MAX};
use crate::ids::PaymentId;
use crate::payment::chargeback::{Chargeback, ChargebackEnd};
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
    pub(crate) fn of(line: &ClearLine) -> LineAmounts {
        LineAmounts {
            kind: line.kind,
            amount: line.amount.minor().into(),
            deducted: line.deducted.minor().into(),
        }
    }

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
    /// The fee of a chargeback.
    pub chargeback_fee: ChargebackFeePlan,
}

/// What a line deducts for a chargeback.
#[derive(Clone, Copy, Default)]
pub(crate) struct ChargebackFeePlan {
    /// The part that was announced before ([`ChargebackFee`](crate::ChargebackFee)).
    pub known: Amount,
    /// The fee of this chargeback, which is booked now.
    pub new: Option<(u8, Amount)>,
}

impl ChargebackFeePlan {
    pub(crate) fn sum(&self) -> i128 {
        let new = self.new.map_or(0, |(_, amount)| amount.minor());
        i128::from(self.known.minor()) + i128::from(new)
    }
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
    /// Pays chargebacks back. This one of them is won by it.
    WinsBack { new: Option<u8> },
    /// Corrects a fee.
    Corrects,
    /// No payment explains it.
    Nothing,
}

impl LinePlan {
    const NOTHING: LinePlan = LinePlan::of(LineEffect::Nothing, None, 0, 0);

    const fn of(effect: LineEffect, slot: Option<u32>, applied: i128, fee: i128) -> LinePlan {
        let chargeback_fee = ChargebackFeePlan { known: Amount::ZERO, new: None };
        LinePlan { effect, slot, applied, fee, chargeback_fee }
    }
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
            return self.plan_correction(line, rail, payment);
        }
        if let Some(plan) = payment.and_then(|id| self.plan_suspended_sale(line, rail, id)) {
            return plan;
        }
        let Some(slot) = self.slot_of_rail(rail, payment) else { return LinePlan::NOTHING };
        let plan = match line.kind {
            K::Sale | K::Completion | K::Offline if line.amount > 0 => self.plan_sale(slot, line),
            K::Refund if line.amount < 0 => self.plan_refund(slot, -line.amount),
            K::Reversal if line.amount < 0 => self.plan_reversal(slot),
            K::ChargeBack if line.amount < 0 => self.plan_charge_back(slot, line),
            K::Representment if line.amount > 0 => self.plan_representment(slot, line),
            _ => None,
        };
        plan.unwrap_or(LinePlan::NOTHING)
    }

    /// A payment that a rail owes or owed something for. Of a rejected sale it owes nothing.
    fn slot_of_rail(&self, rail: u32, payment: Option<PaymentId>) -> Option<u32> {
        let (slot, _) = self.find_payment(payment?).ok()?;
        let item = self.payment(slot);
        let on_rail = item.method != PaymentMethod::Cash && u32::from(item.rail) == rail;
        (on_rail && !self.is_rejected(item.id())).then_some(slot)
    }

    /// A line without an amount takes the fee of a chargeback that was announced. The rest of it
    /// corrects fees.
    fn plan_correction(
        &self,
        line: LineAmounts,
        rail: u32,
        payment: Option<PaymentId>,
    ) -> LinePlan {
        let plan = LinePlan { effect: LineEffect::Corrects, ..LinePlan::NOTHING };
        let Some(slot) = self.slot_of_rail(rail, payment) else { return plan };
        let known = self.announced_chargeback_fee(slot, line.deducted);
        if known.is_zero() {
            return plan;
        }
        LinePlan {
            slot: Some(slot),
            chargeback_fee: ChargebackFeePlan { known, new: None },
            ..plan
        }
    }

    /// The part of a deduction that was announced as the fee of a chargeback.
    fn announced_chargeback_fee(&self, slot: u32, deducted: i128) -> Amount {
        let item = self.payment(slot);
        let (_, booked) = self.won_and_fees(item.id());
        let taken = self.clearing_of(item).chargeback_fees;
        let to_come = booked.saturating_sub(taken);
        let known = u128::try_from(deducted).map_or(0, |deducted| deducted.min(to_come));
        Amount::of(u64::try_from(known).expect("a part of what is booked"))
    }

    /// The fee of a line of chargebacks: what was announced, and the fee of the chargeback that it
    /// begins, or of the oldest one without a fee.
    fn plan_chargeback_fee(
        &self,
        slot: u32,
        deducted: i128,
        begins: Option<u8>,
    ) -> ChargebackFeePlan {
        let known = self.announced_chargeback_fee(slot, deducted);
        let left = u64::try_from(deducted - i128::from(known.minor())).ok().and_then(Amount::new);
        let amount = left.unwrap_or(Amount::ZERO).min(self.most_for_chargeback(slot));
        let item = self.payment(slot);
        let free = begins.or_else(|| self.first_chargeback(item, |one, _| one.fee.is_zero()));
        let new = free.filter(|_| !amount.is_zero()).map(|number| (number, amount));
        ChargebackFeePlan { known, new }
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
        Some(LinePlan::of(effect, None, applied, line.deducted))
    }

    fn plan_sale(&self, slot: u32, line: LineAmounts) -> Option<LinePlan> {
        let item = self.payment(slot);
        let clearing = self.clearing_of(item);
        if item.is_collected() {
            let fee = self.fee_of_rail(item, i128::from(item.amount.minor()));
            let applied = i128::from(item.amount.minor());
            let plan = LinePlan::of(LineEffect::Pays, Some(slot), applied, fee);
            return (clearing.claimed == 0).then_some(plan);
        }
        // A pre-authorisation can be completed again after its completion was reversed.
        let again = line.kind == ClearLineKind::Completion || !clearing.was_paid;
        let waits = clearing.unclaimed == 0 && again && self.can_be_reversed(item);
        let fee = self.fee_of_rail(item, line.amount);
        let (effect, applied) = (LineEffect::PaysUnclaimed, line.amount);
        waits.then_some(LinePlan::of(effect, Some(slot), applied, fee))
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
        Some(LinePlan::of(effect, Some(slot), -paid, fee))
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
        known.then_some(LinePlan::of(effect, Some(slot), -amount, 0))
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

    fn plan_charge_back(&self, slot: u32, line: LineAmounts) -> Option<LinePlan> {
        let (item, amount) = (self.payment(slot), -line.amount);
        let (_, booked) = self.taken_by_rail(item);
        let to_come = booked - self.clearing_of(item).chargebacks;
        let to_come = amount.min(i128::try_from(to_come).expect("sums stay below 2¹²⁰"));
        let numbered = item.refund_count < REFUNDS_PER_PAYMENT_MAX;
        let can_be_new =
            item.status.unpaid_refunds().is_some() && numbered && !self.is_unanswered_sale(item);
        let standing = if can_be_new { i128::from(item.standing().minor()) } else { 0 };
        let new = (amount - to_come).min(standing);
        let effect = LineEffect::ChargesBack {
            new: Amount::of(u64::try_from(new).expect("at most what stands")),
        };
        let applied = -(to_come + new);
        let begins = (new > 0).then_some(item.refund_count + 1);
        let chargeback_fee = self.plan_chargeback_fee(slot, line.deducted, begins);
        let plan = LinePlan { chargeback_fee, ..LinePlan::of(effect, Some(slot), applied, 0) };
        (applied != 0).then_some(plan)
    }

    /// A line that pays chargebacks back: those that are won, and then the oldest one of just the
    /// amount that is left, which is won by it.
    fn plan_representment(&self, slot: u32, line: LineAmounts) -> Option<LinePlan> {
        let item = self.payment(slot);
        let (won, _) = self.won_and_fees(item.id());
        let to_come = won - self.clearing_of(item).represented;
        let known = line.amount.min(i128::try_from(to_come).expect("sums stay below 2¹²⁰"));
        let left = line.amount - known;
        let fits = |one: &Chargeback, amount: Amount| {
            one.end != Some(ChargebackEnd::Won) && i128::from(amount.minor()) == left
        };
        let new = if left > 0 { self.first_chargeback(item, fits) } else { None };
        let applied = if new.is_some() { line.amount } else { known };
        let chargeback_fee = self.plan_chargeback_fee(slot, line.deducted, None);
        let effect = LineEffect::WinsBack { new };
        let plan = LinePlan { chargeback_fee, ..LinePlan::of(effect, Some(slot), applied, 0) };
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
