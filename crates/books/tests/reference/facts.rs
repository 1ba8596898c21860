//! What must hold for the events alone, independent of the model: M2, M7, and each seller's money.

use std::collections::BTreeMap;

use books::chart::AccountKind as A;
use books::*;
use ledger::AccountNumber;
use tariff::LossOwner;

use crate::compare::{Finding, same};

/// Sums of the engine's events and postings.
#[derive(Debug, Default)]
pub struct Facts {
    due: BTreeMap<ParcelId, u64>,
    /// Collected, less reversals, refunds and chargebacks.
    standing: BTreeMap<ParcelId, u64>,
    seller_of: BTreeMap<PaymentId, (SellerId, u64)>,
    /// Collections and invoiced debts less fees, reversals, refunds, and return fees.
    earned: BTreeMap<SellerId, i128>,
    /// Payouts sent less those returned.
    paid: BTreeMap<SellerId, i128>,
    /// How often each payout was confirmed, and returned.
    confirmed: BTreeMap<PayoutId, u32>,
    returned: BTreeMap<PayoutId, u32>,
    balances: BTreeMap<AccountNumber, i128>,
    /// What Doorstep pays of the discounts on a parcel.
    discounts: BTreeMap<ParcelId, u64>,
}

impl Facts {
    pub fn add(&mut self, out: &CommandOutcome) -> Finding {
        for posting in out.postings.iter().filter(|posting| posting.moves_money()) {
            let amount = i128::from(posting.amount.minor());
            *self.balances.entry(posting.debit).or_default() += amount;
            *self.balances.entry(posting.credit).or_default() -= amount;
        }
        for event in &out.events {
            self.add_event(event)?;
        }
        Ok(())
    }

    fn add_event(&mut self, event: &Event) -> Finding {
        match event {
            Event::ParcelAnnounced { parcel, due, .. }
            | Event::DueAmended { parcel, due, .. }
            | Event::PartAccepted { parcel, due, .. } => {
                self.due.insert(*parcel, due.minor());
            }
            Event::PaymentCollected { payment, seller, amount, fees, .. } => {
                *self.standing.entry(payment.parcel).or_default() += amount.minor();
                self.seller_of.insert(*payment, (*seller, fees.total().minor()));
                self.earn(*seller, amount.minor(), fees.total().minor());
            }
            Event::PaymentReversed { payment, posted } if !posted.is_zero() => {
                *self.standing.entry(payment.parcel).or_default() -= posted.minor();
                let (seller, fees) = self.seller_of[payment];
                self.earn(seller, fees, posted.minor());
            }
            Event::Refunded { payment, amount } | Event::ChargedBack { payment, amount } => {
                *self.standing.entry(payment.parcel).or_default() -= amount.minor();
                self.earn(self.seller_of[payment].0, 0, amount.minor());
            }
            Event::ChargebackWon { payment, amount, .. } => {
                *self.standing.entry(payment.parcel).or_default() += amount.minor();
                self.earn(self.seller_of[payment].0, amount.minor(), 0);
            }
            Event::ChargebackFeeBooked { payment, amount, borne_by, .. } => {
                let is_sellers = *borne_by == ChargebackFeeBearer::Seller;
                let charged = if is_sellers { amount.minor() } else { 0 };
                self.earn(self.seller_of[payment].0, 0, charged);
            }
            Event::SellerAdjusted { seller, charged, credited, .. } => {
                self.earn(*seller, *credited, *charged);
            }
            Event::OfflineSaleRejected { payment, loss, amount, .. } => {
                // A sale in suspense was never a seller's.
                let Some((seller, fees)) = self.seller_of.get(payment).copied() else {
                    return Ok(());
                };
                let paid = matches!(loss, Some(LossOwner::Firm | LossOwner::Doorstep));
                let lost = if paid { 0 } else { amount.minor() };
                *self.standing.entry(payment.parcel).or_default() -= lost;
                self.earn(seller, fees, lost);
                self.seller_of.insert(*payment, (seller, 0));
            }
            Event::LossReturned { payment, amount } => {
                *self.standing.entry(payment.parcel).or_default() -= amount.minor();
                self.earn(self.seller_of[payment].0, 0, amount.minor());
            }
            Event::ParcelReturned { parcel, seller, fee, vat, paid_by, .. } => {
                self.has_nothing(*parcel)?;
                let is_sellers = *paid_by == DamagePayer::Seller;
                self.earn(*seller, 0, if is_sellers { fee.minor() } else { 0 } + vat.minor());
            }
            Event::FreightCharged { seller, freight, vat, .. } => {
                self.earn(*seller, 0, freight.minor() + vat.minor());
            }
            Event::FreightReversed { seller, freight, vat, .. } => {
                self.earn(*seller, freight.minor() + vat.minor(), 0);
            }
            Event::SellerCompensated { seller, amount, .. } => {
                self.earn(*seller, amount.minor(), 0);
            }
            Event::DiscountPaid { parcel, seller, before, amount } => {
                let known = self.discounts.insert(*parcel, amount.minor()).unwrap_or(0);
                same("the discount before", &before.minor(), &known)?;
                self.earn(*seller, amount.minor(), before.minor());
            }
            Event::ParcelReopened { parcel } => {
                let left = self.discounts.get(parcel).copied().unwrap_or(0);
                same("the discount on an undone delivery", &left, &0)?;
            }
            Event::ParcelRefused { parcel }
            | Event::ParcelLost { parcel }
            | Event::ParcelCancelled { parcel } => {
                self.has_nothing(*parcel)?;
            }
            Event::ParcelDelivered { parcel, .. } => {
                let standing = self.standing.get(parcel).copied().unwrap_or(0);
                same("what stands at a delivery", &standing, &self.due[parcel])?;
            }
            Event::SellerCharged { seller, amount, .. }
            | Event::InvoiceCancelled { seller, amount, .. } => {
                self.earn(*seller, 0, amount.minor());
            }
            Event::SellerInvoiced { seller, amount, .. }
            | Event::SellerCredited { seller, amount, .. } => {
                self.earn(*seller, amount.minor(), 0);
            }
            Event::SettlementExecuted { lines, .. } => {
                for line in lines {
                    let sum = i128::from(line.gross)
                        + i128::from(line.returned)
                        + i128::from(line.invoiced)
                        + i128::from(line.compensated)
                        - i128::from(line.fees)
                        - i128::from(line.refunded);
                    same("M8, a payout's parts", &i128::from(line.net.minor()), &sum)?;
                    *self.paid.entry(line.seller).or_default() += sum;
                }
            }
            Event::PayoutConfirmed { payout, .. } => {
                *self.confirmed.entry(*payout).or_default() += 1;
            }
            Event::PayoutReturned { payout, seller, net, .. } => {
                *self.returned.entry(*payout).or_default() += 1;
                *self.paid.entry(*seller).or_default() -= i128::from(net.minor());
            }
            Event::ParcelForgotten { parcel } => {
                self.due.remove(parcel);
                self.standing.remove(parcel);
                self.discounts.remove(parcel);
            }
            _ => {}
        }
        Ok(())
    }

    fn has_nothing(&self, parcel: ParcelId) -> Finding {
        let standing = self.standing.get(&parcel).copied().unwrap_or(0);
        same("what stands of a parcel that goes back or is lost", &standing, &0)
    }

    fn earn(&mut self, seller: SellerId, gain: u64, loss: u64) {
        *self.earned.entry(seller).or_default() += i128::from(gain) - i128::from(loss);
    }

    pub fn check(&self, engine: &Books) -> Finding {
        for (parcel, standing) in &self.standing {
            if standing > &self.due[parcel] {
                return Err(format!("M2: {standing} stands of parcel {}", parcel.bits()));
            }
        }
        for (payout, times) in self.confirmed.iter().chain(&self.returned) {
            same(&format!("M7, an end of payout {}", payout.0), times, &1)?;
        }
        for (seller, _) in engine.seller_accounts() {
            let mine = |kind: A| kind == A::SellerHeld || kind == A::SellerPayable;
            let accounts = engine.accounts().filter(|view| mine(view.kind));
            let there = accounts.filter(|view| view.owner == seller.0);
            let balance: i128 = there.map(|view| view.balance).sum();
            let of = |sums: &BTreeMap<SellerId, i128>| sums.get(&seller).copied().unwrap_or(0);
            let left = of(&self.earned) - of(&self.paid);
            same(&format!("M7, held and payable of seller {}", seller.0), &balance, &left)?;
        }
        for view in engine.accounts() {
            let sum = self.balances.get(&view.number).copied().unwrap_or(0);
            let sum = if view.kind.side() == ledger::Side::Debit { sum } else { -sum };
            same("a balance and its postings", &view.balance, &sum)?;
        }
        Ok(())
    }
}
