//! What a seller can do before a parcel is first dispatched: amend the amount due, or withdraw it.

use money::Amount;

use crate::books::{Books, Now, check_above_zero, check_sequence_number};
use crate::command::{AmendDue, CancelParcel};
use crate::event::{CommandOutcome, Event};
use crate::parcel::record::{OpenParcelStatus, Parcel, ParcelChanges};
use crate::payment::record::PaymentStatus;
use crate::refusal::Refusal;

impl Books {
    pub(crate) fn amend_due(
        &mut self,
        command: &AmendDue,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let AmendDue { parcel: id, number, due } = *command;
        check_above_zero(due)?;
        let slot = self.open_parcel_slot(id)?;
        let last = self.reference_data.parcel_changes.get(&id).copied().unwrap_or_default();
        check_sequence_number(number.into(), last.amendments.into(), || {
            (number == last.amendments).then_some(due == last.amended)
        })?;
        self.check_before_dispatch(self.parcel(slot))?;
        let before = std::mem::replace(&mut self.parcel_mut(slot).due, due);
        let changes = ParcelChanges { amendments: number, amended: due, ..last };
        self.reference_data.parcel_changes.insert(id, changes);
        out.events.push(Event::DueAmended { parcel: id, before, due });
        Ok(())
    }

    pub(crate) fn cancel_parcel(
        &mut self,
        command: &CancelParcel,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let CancelParcel { parcel: id } = *command;
        let slot = self.slot_unless_ended(id, PaymentStatus::Cancelled)?;
        self.check_before_dispatch(self.parcel(slot))?;
        self.close_without_money(slot, PaymentStatus::Cancelled, Amount::ZERO, now.today, 0);
        out.events.push(Event::ParcelCancelled { parcel: id });
        Ok(())
    }

    /// Checks that a parcel was never out, and that no money stands. An offline sale can be booked
    /// to a parcel that is not out.
    pub(crate) fn check_before_dispatch(&self, parcel: &Parcel) -> Result<(), Refusal> {
        let waits =
            matches!(parcel.status, OpenParcelStatus::Announced | OpenParcelStatus::Assigned);
        if !waits || parcel.history.attempt_count() > 0 {
            return Err(Refusal::ParcelState);
        }
        let standing = self.standing_amount(parcel.last_payment);
        if standing.is_zero() { Ok(()) } else { Err(Refusal::RefundFirst(standing)) }
    }
}
