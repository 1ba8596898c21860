//! A parcel's payments and their sums.

use money::Amount;

use crate::books::Books;
use crate::ids::ParcelId;
use crate::parcel::index::ParcelSlot;
use crate::payment::record::{PaymentRecord, PaymentStatus};

impl Books {
    /// A parcel's payments with their slots, newest first.
    pub(crate) fn payments_from(&self, newest: u32) -> impl Iterator<Item = (u32, &PaymentRecord)> {
        let first = self.payments.get(newest).map(|item| (newest, item));
        std::iter::successors(first, |(_, item)| {
            self.payments.get(item.previous).map(|before| (item.previous, before))
        })
    }

    /// What stands of a parcel's payments.
    pub(crate) fn standing_amount(&self, newest: u32) -> Amount {
        self.payment_sum(newest, PaymentRecord::standing)
    }

    /// What stands or is in flight. Unknown payments do not count, because they will be reversed
    /// (M4).
    pub(crate) fn taken_amount(&self, newest: u32) -> Amount {
        self.payment_sum(newest, |item| {
            if item.status.is_in_flight() { item.amount } else { item.standing() }
        })
    }

    /// The sum of a part of each payment.
    fn payment_sum(&self, newest: u32, part: impl Fn(&PaymentRecord) -> Amount) -> Amount {
        let mut parts = self.payments_from(newest).map(|(_, item)| part(item));
        let sum = parts.try_fold(Amount::ZERO, Amount::checked_add);
        sum.expect("payments never add up to more than an amount due (M2)")
    }

    /// Whether the parcel was delivered and is not out again.
    pub(crate) fn is_delivered(&self, id: ParcelId) -> bool {
        matches!(self.parcel_slot(id), Some(ParcelSlot::Closed(newest))
            if !self.payment(newest).status.ends_parcel())
    }

    /// The amount due of a delivered parcel: what stood at the delivery. Refunds and chargebacks
    /// since then do not change it.
    pub(crate) fn due_when_delivered(&self, newest: u32) -> Amount {
        self.payment_sum(newest, |item| {
            let numbers = (1..=item.refund_count).map(|number| (item.id(), number));
            let stand_again = |(payment, number)| self.is_won(payment, number);
            let refunds = numbers.filter(|number| !stand_again(*number));
            let refunds = refunds.filter_map(|number| self.refunds.get(&number));
            let mut late =
                refunds.filter(|refund| refund.after_delivery).map(|refund| refund.amount);
            let rejected = self.reference_data.rejected_sales.get(&item.id());
            let lost = item.status == PaymentStatus::Rejected
                && rejected.is_some_and(|one| one.after_delivery);
            let lost = if lost { item.amount.saturating_sub(item.refunded) } else { Amount::ZERO };
            let stood = item.standing().checked_add(lost);
            let due = stood.and_then(|stood| late.try_fold(stood, Amount::checked_add));
            due.expect("refunds never exceed the amount collected")
        })
    }
}
