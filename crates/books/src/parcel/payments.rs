//! A parcel's payments and their sums.

use money::Amount;

use crate::books::Books;
use crate::parcel::record::Parcel;
use crate::payment::record::PaymentRecord;

impl Books {
    /// A parcel's payments with their slots, newest first.
    pub(crate) fn payments_from(&self, newest: u32) -> impl Iterator<Item = (u32, &PaymentRecord)> {
        let first = self.payments.get(newest).map(|item| (newest, item));
        std::iter::successors(first, |(_, item)| {
            self.payments.get(item.previous).map(|before| (item.previous, before))
        })
    }

    /// The collected part of a parcel's amount due.
    pub(crate) fn collected_amount(&self, parcel: &Parcel) -> Amount {
        self.payment_sum(parcel.last_payment, |item| item.is_collected())
    }

    /// The sum of the payments that `counts` accepts.
    pub(crate) fn payment_sum(
        &self,
        newest: u32,
        counts: impl Fn(&PaymentRecord) -> bool,
    ) -> Amount {
        let counted = self.payments_from(newest).filter(|(_, item)| counts(item));
        let sum = counted.map(|(_, item)| item.amount).try_fold(Amount::ZERO, Amount::checked_add);
        sum.expect("payments never add up to more than an amount due (M2)")
    }
}
