//! Read-only queries about money that waits: for a network's or wallet's file, for a buyer, for a
//! decision on a chargeback. And about what sellers lost by rejected offline sales.

use std::collections::BTreeMap;

use money::{Amount, Currency};
use tariff::{BusinessDate, LossOwner, PaymentMethod};

use crate::books::Books;
use crate::command::SuspendedSaleDecision;
use crate::ids::{BankId, PaymentId, PayoutId, SellerId};
use crate::party::record::RailId;
use crate::payment::codes::ResponseCode;
use crate::payment::record::{PaymentRecord, RefundKind, SuspendedSaleEnd};
use crate::settlement::record::Payout;
use crate::terminal::transaction::TransactionKind;

/// A payment for which a network or wallet owes, or has to take something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnclearedPayment {
    pub payment: PaymentId,
    pub rail: RailId,
    pub currency: Currency,
    pub method: PaymentMethod,
    /// The day of the collection, or of the delivery if that was later.
    pub since: BusinessDate,
    /// What is owed less what files paid, in minor units. Below zero, a file will take it.
    pub amount: i128,
    /// Whether the rail has paid a payment of a later day.
    pub overtaken: bool,
}

/// A payment whose outcome is unknown (M4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPayment {
    pub payment: PaymentId,
    pub rail: RailId,
    pub currency: Currency,
    pub amount: Amount,
    /// The day on which it was begun.
    pub since: BusinessDate,
}

/// What a buyer is owed of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwedRefund {
    pub payment: PaymentId,
    /// `None` for an offline sale that belongs to no parcel.
    pub seller: Option<SellerId>,
    pub currency: Currency,
    pub method: PaymentMethod,
    /// Since when a part of it is owed. Earlier refunds count as paid first.
    pub since: BusinessDate,
    pub amount: Amount,
    pub way: RefundWay,
    /// The number of its next confirmation.
    pub next_confirmation: u8,
}

/// How a refund reaches the buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundWay {
    /// A bank account pays it, and that is confirmed.
    Bank,
    /// The network or wallet was asked to pay it, and has not answered.
    Rail(RailId),
    /// An offline sale that its network has not answered: it may reject the sale.
    AfterAnswer(RailId),
}

/// A chargeback that is neither won nor lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenChargeback {
    pub payment: PaymentId,
    /// Among the payment's refunds and chargebacks.
    pub number: u8,
    pub rail: RailId,
    pub seller: SellerId,
    pub currency: Currency,
    pub amount: Amount,
    /// The day on which it was received.
    pub received: BusinessDate,
    /// If it is contested: the day by which the network or wallet must answer.
    pub answer_by: Option<BusinessDate>,
}

/// A rejected offline sale whose loss its seller bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfflineLoss {
    pub payment: PaymentId,
    pub currency: Currency,
    pub amount: Amount,
    pub rejected_on: BusinessDate,
    /// Of the network's answer.
    pub code: ResponseCode,
}

/// A payout that was sent, and that the bank has not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayoutInFlight {
    pub payout: PayoutId,
    pub seller: SellerId,
    pub currency: Currency,
    pub bank: BankId,
    pub net: Amount,
    pub sent_on: BusinessDate,
}

impl Books {
    /// The payments that their networks and wallets have not settled, and the offline sales in
    /// suspense that no file has paid. With the breaks that people raised at a rail, they add up
    /// to its receivable. Reads all payments.
    #[must_use]
    pub fn uncleared_payments(&self) -> Vec<UnclearedPayment> {
        let mut paid_until: BTreeMap<u16, BusinessDate> = BTreeMap::new();
        let mut found: Vec<(u16, UnclearedPayment)> = Vec::new();
        let over_rails = self.payments.iter().map(|(_, item)| item);
        for item in over_rails.filter(|item| item.method != PaymentMethod::Cash) {
            let id = item.id();
            // The claim of most payments is what was paid.
            let is_plain = item.status.is_received() && item.refund_count == 0;
            let is_plain = is_plain && !self.clearings.contains_key(&id) && !self.is_rejected(id);
            let amount = if is_plain { 0 } else { self.unsettled(item) };
            if is_plain || self.clearing_of(item).was_paid {
                let until = paid_until.entry(item.rail).or_default();
                *until = item.date.max(*until);
            }
            if amount != 0 {
                let uncleared = self.uncleared(id, item.rail, item.method, item.date, amount);
                found.push((item.rail, uncleared));
            }
        }
        for (id, sale) in &self.reference_data.suspended_sales {
            let rejected = sale.end == Some(SuspendedSaleEnd::Rejected);
            if self.sale_without_parcel(*id).is_some() && !sale.cleared && !rejected {
                let amount = i128::from(sale.amount.minor());
                let uncleared = self.uncleared(*id, sale.rail, sale.method, sale.day, amount);
                found.push((sale.rail, uncleared));
            }
        }
        let overtaken = |(rail, one): (u16, UnclearedPayment)| UnclearedPayment {
            overtaken: paid_until.get(&rail).is_some_and(|until| *until > one.since),
            ..one
        };
        found.into_iter().map(overtaken).collect()
    }

    fn uncleared(
        &self,
        payment: PaymentId,
        rail: u16,
        method: PaymentMethod,
        since: BusinessDate,
        amount: i128,
    ) -> UnclearedPayment {
        let rail = self.rails.get(u32::from(rail));
        let (currency, rail) = (self.currency_at(rail.currency), rail.id);
        let overtaken = false;
        UnclearedPayment { payment, rail, currency, method, since, amount, overtaken }
    }

    /// The payments whose outcome is unknown. Reads all payments.
    pub fn unknown_payments(&self) -> impl Iterator<Item = UnknownPayment> {
        let unknown = self.payments.iter().filter(|(_, item)| item.status.is_unknown());
        unknown.map(|(_, item)| {
            let rail = self.rails.get(u32::from(item.rail));
            UnknownPayment {
                payment: item.id(),
                rail: rail.id,
                currency: self.currency_at(rail.currency),
                amount: item.amount,
                since: item.date,
            }
        })
    }

    /// What is owed to buyers and has not left a bank or a network, also for offline sales that
    /// belong to no parcel. Reads all payments.
    pub fn owed_refunds(&self) -> impl Iterator<Item = OwedRefund> {
        let owed = self.payments.iter().filter_map(|(_, item)| self.owed_refund(item));
        let sales = self.reference_data.suspended_sales.iter().filter_map(|(id, sale)| {
            let Some(SuspendedSaleEnd::Resolved(one)) = &sale.end else { return None };
            let is_owed = one.decision == SuspendedSaleDecision::OweToBuyer;
            (is_owed && one.paid_back.is_none()).then(|| OwedRefund {
                payment: *id,
                seller: None,
                currency: self.currency_at(self.rails.get(u32::from(sale.rail)).currency),
                method: sale.method,
                since: sale.day,
                amount: sale.amount,
                way: RefundWay::Bank,
                next_confirmation: 1,
            })
        });
        owed.chain(sales)
    }

    fn owed_refund(&self, item: &PaymentRecord) -> Option<OwedRefund> {
        let amount = item.status.unpaid_refunds().filter(|unpaid| !unpaid.is_zero())?;
        let id = item.id();
        let owed = (1..=item.refund_count).filter_map(|number| self.refunds.get(&(id, number)));
        let owed: Vec<_> = owed.filter(|one| one.kind.is_owed()).collect();
        let sum: u128 = owed.iter().map(|one| u128::from(one.amount.minor())).sum();
        let mut paid = sum.saturating_sub(amount.minor().into());
        let oldest = owed.iter().find(|one| {
            let covered = paid >= u128::from(one.amount.minor());
            paid = paid.saturating_sub(one.amount.minor().into());
            !covered
        });
        let asked = self
            .terminal_batches
            .find_by_payment(id, |one| one.kind == TransactionKind::Refund && one.awaits_network);
        let rail = || self.rails.get(u32::from(item.rail)).id;
        let seller = self.sellers.get(item.seller);
        Some(OwedRefund {
            payment: id,
            seller: Some(seller.id),
            currency: self.currency_at(seller.currency),
            method: item.method,
            since: oldest.map_or(item.date, |one| one.date),
            amount,
            way: match asked {
                Some(_) => RefundWay::Rail(rail()),
                None if self.is_unanswered_sale(item) => RefundWay::AfterAnswer(rail()),
                None => RefundWay::Bank,
            },
            next_confirmation: item.confirmations.saturating_add(1),
        })
    }

    /// The chargebacks that are neither won nor lost, by payment.
    pub fn open_chargebacks(&self) -> impl Iterator<Item = OpenChargeback> {
        let all = self.refunds.iter().filter(|(_, one)| one.kind == RefundKind::ChargeBack);
        all.filter_map(|(&(payment, number), record)| {
            let known = self.reference_data.chargebacks.get(&(payment, number));
            if known.is_some_and(|one| one.end.is_some()) {
                return None;
            }
            let (slot, _) = self.find_payment(payment).ok()?;
            let item = self.payment(slot);
            let seller = self.sellers.get(item.seller);
            Some(OpenChargeback {
                payment,
                number,
                rail: self.rails.get(u32::from(item.rail)).id,
                seller: seller.id,
                currency: self.currency_at(seller.currency),
                amount: record.amount,
                received: record.date,
                answer_by: known.and_then(|one| one.contest.as_ref()).map(|one| one.answer_by),
            })
        })
    }

    /// The rejected offline sales of a seller whose loss it bears, as long as their parcels are
    /// remembered, oldest first.
    #[must_use]
    pub fn offline_losses(&self, seller: SellerId) -> Vec<OfflineLoss> {
        let borne = self.reference_data.rejected_sales.iter();
        let borne = borne.filter(|(_, one)| one.loss == Some(LossOwner::Seller));
        let losses = borne.filter_map(|(&payment, sale)| {
            let (slot, _) = self.find_payment(payment).ok()?;
            let item = self.payment(slot);
            let of = self.sellers.get(item.seller);
            (of.id == seller).then(|| OfflineLoss {
                payment,
                currency: self.currency_at(of.currency),
                amount: item.amount.saturating_sub(self.excess_of(item)),
                rejected_on: sale.rejected_on,
                code: sale.code,
            })
        });
        let mut losses: Vec<_> = losses.collect();
        losses.sort_by_key(|loss| loss.rejected_on);
        losses
    }

    /// Payouts that a bank account paid and that can still come back, by number.
    pub fn returnable_payouts(&self, bank: BankId) -> impl Iterator<Item = PayoutInFlight> {
        let today = self.last_date();
        let payouts =
            self.reference_data.payouts.iter().filter(move |(_, payout)| {
                payout.arrived.is_some() && !payout.is_past_return(today)
            });
        let payouts = payouts.map(|(id, payout)| self.sent_payout(*id, payout));
        payouts.filter(move |one| one.bank == bank)
    }

    /// Payouts that were sent and are not confirmed, by number.
    pub fn payouts_in_flight(&self) -> impl Iterator<Item = PayoutInFlight> {
        let payouts = self.reference_data.payouts.iter();
        let in_flight = payouts.filter(|(_, payout)| payout.arrived.is_none());
        in_flight.map(|(id, payout)| self.sent_payout(*id, payout))
    }

    fn sent_payout(&self, id: PayoutId, payout: &Payout) -> PayoutInFlight {
        let seller = self.sellers.get(payout.seller);
        let bank = self.account_view(payout.bank).expect("payouts have a bank account");
        PayoutInFlight {
            payout: id,
            seller: seller.id,
            currency: bank.currency,
            bank: BankId(bank.owner),
            net: payout.net,
            sent_on: payout.sent_on,
        }
    }
}
