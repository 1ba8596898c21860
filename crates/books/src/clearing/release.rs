//! Release: held money becomes payable when its hold has ended (M5).

use borsh::{BorshDeserialize, BorshSerialize};
use tariff::BusinessDate;

use crate::books::{Books, Now, check_record_limit};
use crate::chart::ChartEntry;
use crate::command::ReleaseDue;
use crate::event::{CommandOutcome, Event};
use crate::parcel::index::ParcelSlot;
use crate::payment::record::PaymentStatus;
use crate::refusal::Refusal;

/// Held money that waits for its release date.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct PendingRelease {
    pub slot: u32,
    /// Days after delivery, if the hold rule counts from there.
    pub after_delivery: Option<u16>,
}

impl Books {
    /// Moves the seller's share to the payable account.
    pub(crate) fn release(&mut self, slot: u32, out: &mut CommandOutcome) {
        let item = self.payment(slot);
        let PaymentStatus::Held { unpaid_refunds, clearing } = item.status else {
            panic!("M5: only held money can be released");
        };
        let share = item.held_share();
        let from_held = item.amount.saturating_sub(item.fees).saturating_sub(share);
        let (payment, seller_number) = (item.id(), item.seller);
        let (gross, fees) = (item.amount, item.fees);
        let tariff = self.tariff_version(item.tariff_version);
        let seller = self.sellers.get(seller_number);
        let (id, held, payable) = (seller.id, seller.held, seller.payable);
        self.ledger.begin_chain(Some(payment), Some(tariff));
        self.ledger.post(ChartEntry::Released, held, payable, share);
        self.ledger.commit_infallible(out, "a held share can be released");
        let statement = &mut self.sellers.get_mut(seller_number).statement;
        statement.gross += u128::from(gross.minor());
        statement.fees += u128::from(fees.minor());
        statement.refunded += u128::from(from_held.minor());
        self.payment_mut(slot).status = PaymentStatus::Released { unpaid_refunds, clearing };
        out.events.push(Event::PaymentReleased {
            payment,
            seller: id,
            gross,
            fees,
            refunded: from_held,
        });
    }

    pub(crate) fn release_due(
        &mut self,
        command: &ReleaseDue,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ReleaseDue { date, limit } = *command;
        let today = now.today;
        if date > today {
            return Err(Refusal::BadDate(date));
        }
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
            match self.later_release_date(due, today) {
                Some(later) => {
                    self.reference_data.pending_releases.entry(later).or_default().push_back(due);
                }
                None => self.release(due.slot, out),
            }
        }
        Ok(())
    }

    /// The later release date, if the hold counts from the delivery and that came after the money,
    /// or has not come yet.
    fn later_release_date(&self, due: PendingRelease, today: BusinessDate) -> Option<BusinessDate> {
        let days = due.after_delivery?;
        let item = self.payment(due.slot);
        let until = match self.parcel_slot(item.parcel) {
            Some(ParcelSlot::Open(_)) => today.plus_days(days.max(1)),
            _ => item.date.plus_days(days),
        };
        (until > today).then_some(until)
    }
}
