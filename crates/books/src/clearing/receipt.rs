//! Received money (M5): cleared by a network or wallet, or cash credited by the bank.

use tariff::{BusinessDate, PaymentMethod};

use crate::books::Books;
use crate::clearing::release::{Hold, PendingRelease};
use crate::command::HoldRule;
use crate::event::{CommandOutcome, Event};
use crate::party::record::HoldRuleSetting;
use crate::payment::record::PaymentStatus;
use crate::used_numbers::UsedNumbers;

impl Books {
    /// The hold of a seller's money that is received today.
    pub(crate) fn hold_of(&self, seller: u32, today: BusinessDate) -> Hold {
        let jurisdiction = self.sellers.get(seller).jurisdiction;
        let rule = self.reference_data.hold_rules.get(&jurisdiction).and_then(UsedNumbers::latest);
        let HoldRuleSetting { rule, .. } = rule.expect("a seller's jurisdiction has a hold rule");
        let (days, days_after_delivery) = match *rule {
            HoldRule::AtOnce => (0, 0),
            HoldRule::DaysAfterHeld(days) => (days, 0),
            HoldRule::DaysAfterDelivery(days) => (0, days),
        };
        Hold { earliest: today.plus_days(days), days_after_delivery }
    }

    /// The payment's money was received. It goes on hold by the jurisdiction's hold rule. If the
    /// parcel is not delivered, the hold does not end before that, unless nothing of it stands.
    pub(crate) fn record_funds_received(
        &mut self,
        slot: u32,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        if self.payment(slot).method != PaymentMethod::Cash {
            self.stop_awaiting_commission(slot);
        }
        let item = self.payment(slot);
        let PaymentStatus::Approved { unpaid_refunds: unpaid } = item.status else {
            panic!("M5: only an approved payment can be received");
        };
        let hold = self.hold_of(item.seller, today);
        let days_after_delivery = hold.days_after_delivery;
        let (payment, standing) = (item.id(), item.standing());
        let delivered = self.is_delivered(item.parcel).then_some(item.date);
        let payable_on = match delivered {
            None if standing.is_zero() => today,
            None => hold.ends_on(today),
            Some(delivered) => hold.ends_on(delivered),
        };
        out.events.push(Event::PaymentHeld { payment, payable_on });
        self.payment_mut(slot).status =
            PaymentStatus::Held { unpaid_refunds: unpaid, release_on: payable_on };
        if delivered.is_none() && !standing.is_zero() {
            self.reference_data.awaiting_delivery.insert(slot, hold);
        } else {
            self.hold_until(payable_on, PendingRelease { slot, days_after_delivery }, today, out);
        }
    }
}
