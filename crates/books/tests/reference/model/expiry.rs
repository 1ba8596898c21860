//! The model: pre-authorisations that are not completed in time.

use books::view::PaymentState as S;
use books::*;

use super::{Model, ModelRefusal, ModelResult, ensure};

impl Model {
    pub fn apply_expiry_command(&mut self, command: &Command) -> Option<ModelResult> {
        let Command::ExpirePreAuthorisations(ExpirePreAuthorisations { before, limit }) = *command
        else {
            return None;
        };
        Some(self.expire_pre_authorisations(before, limit))
    }

    fn expire_pre_authorisations(&mut self, before: BusinessDate, limit: u32) -> ModelResult {
        ensure((1..=RECORDS_PER_COMMAND_MAX).contains(&limit), "no limit")?;
        ensure(before <= self.today, "not yet")?;
        let mut over = Vec::new();
        for (parcel, known) in &self.parcels {
            for (&number, payment) in &known.payments {
                if payment.state == S::Authorised && payment.taken_on < before {
                    over.push((payment.taken_on, PaymentId { parcel: *parcel, number }));
                }
            }
        }
        over.sort_unstable();
        over.truncate(usize::try_from(limit).unwrap());
        ensure(!over.is_empty(), "none is left").map_err(|_| ModelRefusal::Repeated)?;
        for (_, payment) in over {
            self.reverse_transaction(payment)?;
            self.payment_mut(payment).state = S::Releasing(ReversalKind::Expiry);
            self.push_event(Event::ReversalBegun { payment, kind: ReversalKind::Expiry })?;
        }
        Ok(())
    }
}
