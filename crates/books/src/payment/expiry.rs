//! Expiry of pre-authorisations. One that is not completed in time is released: the buyer gets the
//! money back and the parcel is due again.
//!
//! A pre-authorisation's transaction is remembered as long as its parcel, however many batches ago
//! it was, because completions and reversals name it. A later completion is refused with
//! PreAuthorisationExpired.

use std::collections::BTreeSet;

use tariff::BusinessDate;

use crate::books::{Books, Now, check_date, check_record_limit};
use crate::command::ExpirePreAuthorisations;
use crate::event::CommandOutcome;
use crate::ids::{ParcelId, PaymentId};
use crate::payment::record::{PaymentStatus, ReversingStatus};
use crate::refusal::Refusal;
use crate::terminal::batches::Transaction;
use crate::terminal::transaction::ReversalKind;

impl PaymentStatus {
    /// The refusal of a payment that must be authorised.
    pub(crate) fn why_not_authorised(&self) -> Refusal {
        if self.has_expired() { Refusal::PreAuthorisationExpired } else { Refusal::PaymentState }
    }
}

impl Books {
    pub(crate) fn expire_pre_authorisations(
        &mut self,
        command: &ExpirePreAuthorisations,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ExpirePreAuthorisations { before, limit } = *command;
        let today = now.today;
        check_record_limit(limit)?;
        check_date(before, BusinessDate(0)..=today)?;
        // Skipped ones are few, so checking each is cheap. One without a transaction cannot be
        // reversed; `check_pre_authorisations` reports it.
        let first = PaymentId { parcel: ParcelId::new(0), number: 0 };
        let old = self.pre_authorisations.range(..(before, first)).filter_map(|(_, id)| {
            let (slot, _) = self.find_payment(*id).ok()?;
            let PaymentStatus::Authorised(reserve) = self.payment(slot).status else { return None };
            self.approved_transaction(*id).map(|_| (slot, reserve))
        });
        let over: Vec<_> = old.take(limit as usize).collect();
        if over.is_empty() {
            return Err(Refusal::Repeated);
        }
        for (slot, reserve) in over {
            let to = PaymentStatus::Releasing(reserve, ReversingStatus::Expiry);
            let begun = self.begin_reversal_of(slot, to, ReversalKind::Expiry, out);
            begun.expect("its transaction was found above");
        }
        Ok(())
    }

    pub(crate) fn end_pre_authorisation(&mut self, slot: u32) {
        let item = self.payment(slot);
        let (date, payment) = (item.date, item.id());
        assert!(
            self.pre_authorisations.remove(&(date, payment)),
            "M4: a pre-authorisation ends once"
        );
    }

    /// Pre-authorisations that have not ended, by the payment records.
    pub(crate) fn open_pre_authorisations(&self) -> BTreeSet<(BusinessDate, PaymentId)> {
        let standing =
            self.payments.iter().filter(|(_, item)| item.status.is_open_pre_authorisation());
        standing.map(|(_, item)| (item.date, item.id())).collect()
    }

    /// Each open pre-authorisation is listed by date, and its transaction is remembered.
    pub(crate) fn check_pre_authorisations(&self, wrong: &mut Vec<String>) {
        let standing = self.open_pre_authorisations();
        if standing != self.pre_authorisations {
            wrong.push(format!(
                "M4: {} pre-authorisations have not ended, {} are listed by date",
                standing.len(),
                self.pre_authorisations.len()
            ));
        }
        for (_, payment) in standing {
            if self
                .terminal_batches
                .find_by_payment(payment, Transaction::is_pre_authorisation)
                .is_none()
            {
                let id = payment.parcel.bits();
                wrong.push(format!(
                    "M4: a pre-authorisation of parcel {id:032x} has no transaction"
                ));
            }
        }
    }
}
