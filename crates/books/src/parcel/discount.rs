//! Discounts of the market: Doorstep's part is an expense, owed to the seller as the goods are.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;
use tariff::BusinessDate;

use crate::books::{Books, Now};
use crate::chart::{AccountKind, ChartEntry};
use crate::command::PayDiscount;
use crate::event::{CommandOutcome, Event};
use crate::ids::{ParcelId, PaymentId};
use crate::parcel::index::ParcelSlot;
use crate::payment::record::{PaymentRecord, PaymentStatus};
use crate::refusal::{MissingRecord, Refusal};

/// What Doorstep pays the seller of the discounts on a delivered parcel.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Discount {
    pub seller: u32,
    pub amount: Amount,
    /// Whether it is on the payable account; held before.
    pub payable: bool,
}

impl Books {
    pub(crate) fn pay_discount(
        &mut self,
        command: &PayDiscount,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let PayDiscount { parcel, amount } = *command;
        let newest = match self.parcel_slot(parcel) {
            Some(ParcelSlot::Closed(newest)) if self.is_delivered(parcel) => newest,
            Some(_) => return Err(Refusal::ParcelState),
            None => return Err(Refusal::NotFound(MissingRecord::Parcel(parcel))),
        };
        match self.reference_data.discounts.get(&parcel).map(|discount| discount.amount) {
            Some(before) if amount == before => return Err(Refusal::Repeated),
            Some(before) if amount > before => return Err(Refusal::AmountTooLarge(before)),
            Some(_) => self.take_discount_back(parcel, amount, out),
            None if amount.is_zero() => return Err(Refusal::AmountZero),
            None => {
                let seller = self.payment(newest).seller;
                let discount = Discount { seller, amount, payable: false };
                let held = self.sellers.get(seller).held;
                let promotions = self.promotions_account(seller);
                self.ledger.begin_chain(Some(PaymentId { parcel, number: 0 }), None);
                self.ledger.post(ChartEntry::DiscountPaid, promotions, held, amount);
                self.ledger.commit_infallible(out, "Doorstep can owe a seller more");
                self.reference_data.discounts.insert(parcel, discount);
                self.note_discount(parcel, &discount, Amount::ZERO, out);
                self.release_discount(parcel, newest, out);
            }
        }
        Ok(())
    }

    /// The delivery is undone: Doorstep pays nothing of its discounts.
    pub(crate) fn reverse_discount(&mut self, parcel: ParcelId, out: &mut CommandOutcome) {
        if self.paid_discount(parcel).is_some_and(|amount| !amount.is_zero()) {
            self.take_discount_back(parcel, Amount::ZERO, out);
        }
        self.reference_data.discounts.remove(&parcel);
    }

    /// Leaves `left` of a discount, and takes the rest from where the discount is.
    fn take_discount_back(&mut self, parcel: ParcelId, left: Amount, out: &mut CommandOutcome) {
        let discount = self.reference_data.discounts.get_mut(&parcel).expect("it was paid");
        let before = std::mem::replace(&mut discount.amount, left);
        let discount = *discount;
        let back = before.checked_sub(left).expect("less is left than before");
        let promotions = self.promotions_account(discount.seller);
        let seller = self.sellers.get(discount.seller);
        let from = if discount.payable { seller.payable } else { seller.held };
        self.ledger.begin_chain(Some(PaymentId { parcel, number: 0 }), None);
        self.ledger.post(ChartEntry::DiscountTakenBack, from, promotions, back);
        self.ledger.commit_infallible(out, "a discount can be taken back");
        if discount.payable {
            let statement = &mut self.sellers.get_mut(discount.seller).statement;
            statement.charge(|parts| &mut parts.discount_taken_back, back);
        }
        self.note_discount(parcel, &discount, before, out);
    }

    /// Makes the discount of a parcel payable once nothing of the parcel's money waits (M5).
    pub(crate) fn release_discount(
        &mut self,
        parcel: ParcelId,
        newest: u32,
        out: &mut CommandOutcome,
    ) {
        let Some(discount) = self.reference_data.discounts.get(&parcel).copied() else { return };
        if discount.payable || self.payments_from(newest).any(|(_, item)| waits(item)) {
            return;
        }
        let Discount { seller: number, amount, .. } = discount;
        let seller = self.sellers.get(number);
        let (seller, held, payable) = (seller.id, seller.held, seller.payable);
        self.ledger.begin_chain(Some(PaymentId { parcel, number: 0 }), None);
        self.ledger.post(ChartEntry::Released, held, payable, amount);
        self.ledger.commit_infallible(out, "a held discount can be released");
        let statement = &mut self.sellers.get_mut(number).statement;
        statement.credit(|parts| &mut parts.discount_paid, amount);
        let known = self.reference_data.discounts.get_mut(&parcel).expect("found before");
        known.payable = true;
        if !amount.is_zero() {
            out.events.push(Event::DiscountReleased { parcel, seller, amount });
        }
    }

    /// As [`Books::release_discount`], for the closed parcel of a payment.
    pub(crate) fn release_discount_of(&mut self, parcel: ParcelId, out: &mut CommandOutcome) {
        if !self.reference_data.discounts.is_empty()
            && let Some(ParcelSlot::Closed(newest)) = self.parcel_slot(parcel)
        {
            self.release_discount(parcel, newest, out);
        }
    }

    fn note_discount(
        &self,
        parcel: ParcelId,
        discount: &Discount,
        before: Amount,
        out: &mut CommandOutcome,
    ) {
        let (seller, amount) = (self.sellers.get(discount.seller).id, discount.amount);
        out.events.push(Event::DiscountPaid { parcel, seller, before, amount });
    }

    /// The account of Doorstep's discounts in a seller's currency.
    fn promotions_account(&mut self, seller: u32) -> ledger::AccountNumber {
        let place = self.sellers.get(seller).currency;
        let currency = self.currency_at(place);
        let accounts = &mut self.reference_data.promotions;
        let open = || self.ledger.open(currency, AccountKind::Promotions, 0);
        *accounts.entry(place).or_insert_with(open)
    }

    /// What Doorstep pays of the discounts on a parcel, if it pays or paid any.
    #[must_use]
    pub fn paid_discount(&self, parcel: ParcelId) -> Option<Amount> {
        self.reference_data.discounts.get(&parcel).map(|discount| discount.amount)
    }

    /// The held discounts whose parcels' money has days of release: the newest payment, the last of
    /// these days, and the amount.
    pub(crate) fn dated_discounts(&self) -> impl Iterator<Item = (u32, BusinessDate, Amount)> {
        let held = self.reference_data.discounts.iter().filter(|(_, discount)| !discount.payable);
        held.filter_map(|(parcel, discount)| {
            let Some(ParcelSlot::Closed(newest)) = self.parcel_slot(*parcel) else { return None };
            let days = self.payments_from(newest).filter(|(_, item)| waits(item));
            let days = days.map(|(_, item)| match item.status {
                PaymentStatus::Held { release_on, .. } => Some(release_on),
                _ => None,
            });
            let last = days.reduce(|one, other| one?.max(other?).into())??;
            Some((newest, last, discount.amount))
        })
    }

    /// Discounts are of delivered parcels, and held only while money of the parcel waits.
    pub(crate) fn check_discounts(&self, wrong: &mut Vec<String>) {
        for (id, discount) in &self.reference_data.discounts {
            let fits = matches!(self.parcel_slot(*id), Some(ParcelSlot::Closed(newest))
                if self.is_delivered(*id) && self.payment(newest).seller == discount.seller
                    && (discount.payable
                        || self.payments_from(newest).any(|(_, item)| waits(item))));
            if !fits {
                wrong.push(format!("M5: parcel {:032x} has {discount:?}", id.bits()));
            }
        }
    }
}

/// Whether money of a payment is in the books and not payable yet.
fn waits(item: &PaymentRecord) -> bool {
    item.is_collected() && !matches!(item.status, PaymentStatus::Released { .. })
}
