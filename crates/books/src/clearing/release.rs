//! Release: held money becomes payable when its hold has ended (M5).

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;
use tariff::{BusinessDate, FeeKind};

use crate::books::{Books, Now, check_date, check_record_limit};
use crate::chart::ChartEntry;
use crate::command::ReleaseDue;
use crate::event::{CommandOutcome, Event};
use crate::payment::record::{PaymentRecord, PaymentStatus, RefundKind};
use crate::refusal::Refusal;

/// Held money that waits for its release date.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct PendingRelease {
    pub slot: u32,
    /// Zero if the hold rule does not count from the delivery.
    pub days_after_delivery: u16,
}

/// The hold of money whose parcel is not delivered.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Hold {
    /// The first day on which it can end.
    pub earliest: BusinessDate,
    /// Zero if the hold rule does not count from the delivery.
    pub days_after_delivery: u16,
}

impl Hold {
    /// The day on which it ends, by the day of the delivery.
    pub(crate) fn ends_on(self, delivered: BusinessDate) -> BusinessDate {
        self.earliest.max(delivered.plus_days(self.days_after_delivery))
    }
}

impl Books {
    /// Releases held money on a day, or at once if the day has come.
    pub(crate) fn hold_until(
        &mut self,
        payable_on: BusinessDate,
        held: PendingRelease,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        if payable_on <= today {
            self.release(held.slot, out);
        } else {
            let PaymentStatus::Held { release_on, .. } = &mut self.payment_mut(held.slot).status
            else {
                panic!("M5: only held money is released");
            };
            *release_on = payable_on;
            self.reference_data.pending_releases.entry(payable_on).or_default().push_back(held);
        }
    }

    /// The parcel is delivered: the holds of its payments get their last day.
    pub(crate) fn date_holds(
        &mut self,
        newest: u32,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        if self.reference_data.awaiting_delivery.is_empty() {
            return;
        }
        let slots: Vec<u32> = self.payments_from(newest).map(|(slot, _)| slot).collect();
        for slot in slots.into_iter().rev() {
            if let Some(hold) = self.reference_data.awaiting_delivery.remove(&slot) {
                let days_after_delivery = hold.days_after_delivery;
                let held = PendingRelease { slot, days_after_delivery };
                self.hold_until(hold.ends_on(today), held, today, out);
            }
        }
    }

    /// Ends the hold of a payment that waits for the delivery, if nothing of it stands.
    pub(crate) fn end_hold_without_money(&mut self, slot: u32, out: &mut CommandOutcome) {
        let refunded = self.payment(slot).standing().is_zero();
        if refunded && self.reference_data.awaiting_delivery.remove(&slot).is_some() {
            self.release(slot, out);
        }
    }

    /// Ends the hold of a payment that is reversed.
    pub(crate) fn end_hold(&mut self, slot: u32) {
        if self.reference_data.awaiting_delivery.remove(&slot).is_some() {
            return;
        }
        let PaymentStatus::Held { release_on, .. } = self.payment(slot).status else {
            panic!("M5: only held money has a hold");
        };
        let pending = &mut self.reference_data.pending_releases;
        let due = pending.get_mut(&release_on).expect("M5: held money has a day of release");
        let place = due.iter().position(|one| one.slot == slot);
        due.remove(place.expect("M5: held money waits for its day of release"));
        if due.is_empty() {
            pending.remove(&release_on);
        }
    }

    /// Moves the seller's share to the payable account.
    pub(crate) fn release(&mut self, slot: u32, out: &mut CommandOutcome) {
        let item = self.payment(slot);
        let PaymentStatus::Held { unpaid_refunds, .. } = item.status else {
            panic!("M5: only held money can be released");
        };
        let share = item.held_share();
        let (payment, seller_number, fees) = (item.id(), item.seller, item.fees);
        // An offline sale's excess was never the seller's.
        let gross = item.amount.saturating_sub(self.excess_of(item));
        let taken_back = self.taken_from_held(item);
        let vat = self.posted_fees(item).of(FeeKind::Vat);
        let tariff = self.tariff_version(item.tariff_version);
        let seller = self.sellers.get(seller_number);
        let (id, held, payable) = (seller.id, seller.held, seller.payable);
        self.ledger.begin_chain(Some(payment), Some(tariff));
        self.ledger.post(ChartEntry::Released, held, payable, share);
        self.ledger.commit_infallible(out, "a held share can be released");
        let statement = &mut self.sellers.get_mut(seller_number).statement;
        statement.gross += u128::from(gross.minor());
        statement.fees += u128::from(fees.minor());
        statement.vat += u128::from(vat.minor());
        for &(kind, amount) in &taken_back {
            statement.take_back(kind, amount);
        }
        self.payment_mut(slot).status = PaymentStatus::Released { unpaid_refunds };
        let sum = |wanted: &dyn Fn(RefundKind) -> bool| {
            let wanted = taken_back.iter().filter(|(kind, _)| wanted(*kind));
            let sum = wanted.map(|(_, amount)| amount.minor()).sum();
            Amount::new(sum).expect("no more is taken back than was collected")
        };
        out.events.push(Event::PaymentReleased {
            payment,
            seller: id,
            gross,
            fees,
            refunded: sum(&|_| true),
            charged_back: sum(&|kind| kind == RefundKind::ChargeBack),
            loss_given_back: sum(&|kind| kind == RefundKind::LossReturned),
        });
        self.release_discount_of(payment.parcel, out);
    }

    /// What was taken back of the seller's held share, refunds and chargebacks in order of time.
    /// What the share did not cover was taken from the payable balance. Without an offline sale's
    /// excess, and what was won.
    fn taken_from_held(&self, item: &PaymentRecord) -> Vec<(RefundKind, Amount)> {
        let mut left = item.amount.saturating_sub(item.fees);
        let mut taken = Vec::new();
        let mut numbers: Vec<u8> = (1..=item.refund_count).collect();
        numbers.sort_by_key(|number| self.taken_at(item.id(), *number));
        for number in numbers {
            let record = self.refunds.get(&(item.id(), number));
            let Some(record) = record.filter(|_| !self.is_won(item.id(), number)) else { continue };
            let part = record.amount.min(left);
            left = left.saturating_sub(part);
            if record.kind != RefundKind::Excess && !part.is_zero() {
                taken.push((record.kind, part));
            }
        }
        taken
    }

    pub(crate) fn release_due(
        &mut self,
        command: &ReleaseDue,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ReleaseDue { date, limit } = *command;
        let today = now.today;
        check_date(date, BusinessDate(0)..=today)?;
        check_record_limit(limit)?;
        for _ in 0..limit {
            let Some(mut first) = self.reference_data.pending_releases.first_entry() else { break };
            if *first.key() > date {
                break;
            }
            let due = first.get_mut().pop_front().expect("a date without payments is removed");
            if first.get().is_empty() {
                first.remove();
            }
            let PendingRelease { slot, days_after_delivery } = due;
            let item = self.payment(slot);
            // A reversal can have put the parcel out again since.
            if self.is_delivered(item.parcel) {
                let payable_on = item.date.plus_days(days_after_delivery);
                self.hold_until(payable_on, due, today, out);
            } else if item.standing().is_zero() {
                self.release(slot, out);
            } else {
                let hold = Hold { earliest: today, days_after_delivery };
                self.reference_data.awaiting_delivery.insert(slot, hold);
            }
        }
        Ok(())
    }
}
