//! Cash that couriers enter on their phones, without a terminal.

use machine::Timestamp;
use money::Amount;
use tariff::PaymentMethod;

use crate::books::{Books, Now, check_sequence_number};
use crate::command::{PAYMENTS_PER_PARCEL_MAX, PHONE_CLOCK_SKEW_MS_MAX, TakeCashByPhone};
use crate::event::{CommandOutcome, Event};
use crate::ids::{CourierId, PaymentId};
use crate::payment::collection::NewPayment;
use crate::refusal::{MissingRecord, Refusal};

impl Books {
    pub(crate) fn take_cash_by_phone(
        &mut self,
        command: &TakeCashByPhone,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let TakeCashByPhone { parcel, number, amount, tendered, change, .. } = *command;
        let id = PaymentId { parcel, number };
        let by = CourierId(command.taken_by.0);
        let missing = Refusal::NotFound(MissingRecord::Courier(by));
        let courier = self.couriers.number(by).ok_or(missing)?;
        let last = self.last_payment_number(parcel);
        check_sequence_number(number.into(), last.into(), || self.is_cash(id, courier, amount))?;
        if tendered.checked_sub(change) != Some(amount) {
            return Err(Refusal::WrongChange);
        }
        let id = self.next_payment_id(parcel, PAYMENTS_PER_PARCEL_MAX)?;
        let new = NewPayment { id, method: PaymentMethod::Cash, rail: 0, amount };
        self.add_cash_payment(&new, courier, now.today, out)?;
        let (claimed_at, skew_ms) = (command.claimed_at, skew_ms(command, now.at));
        out.events.push(Event::TimeClaimed { payment: id, claimed_at, skew_ms });
        Ok(())
    }

    /// Whether a payment is this much cash that this courier took. Unknown if it is forgotten.
    fn is_cash(&self, id: PaymentId, courier: u32, amount: Amount) -> Option<bool> {
        let (slot, _) = self.find_payment(id).ok()?;
        let item = self.payment(slot);
        let same = (item.method, item.courier, item.amount);
        Some(same == (PaymentMethod::Cash, courier, amount))
    }
}

/// By how much a claim is before what the phone knew, or after its arrival. A phone that slept has
/// counted too little since, so a claim after its count alone can be right.
fn skew_ms(command: &TakeCashByPhone, arrival: Timestamp) -> i64 {
    let TakeCashByPhone { claimed_at, server_at, elapsed_ms, .. } = *command;
    let earliest = server_at.0.saturating_add(elapsed_ms.unwrap_or(0).into());
    let latest = claimed_at.0.max(earliest);
    let skew = |claim: u64, bound: u64| i128::from(claim) - i128::from(bound);
    let skew = if latest > arrival.0.saturating_add(PHONE_CLOCK_SKEW_MS_MAX) {
        skew(latest, arrival.0)
    } else if claimed_at.0.saturating_add(PHONE_CLOCK_SKEW_MS_MAX) < earliest {
        skew(claimed_at.0, earliest)
    } else {
        0
    };
    i64::try_from(skew).unwrap_or(if skew < 0 { i64::MIN } else { i64::MAX })
}
