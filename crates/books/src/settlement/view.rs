//! Read-only queries about what sellers owe.

use money::{Amount, Currency};
use tariff::BusinessDate;

use crate::books::Books;
use crate::ids::{BankId, PayoutId, SellerId};

/// A seller whose payable balance is below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SellerBelowZero {
    pub seller: SellerId,
    pub currency: Currency,
    /// The payable balance, in minor units. Without what is invoiced.
    pub balance: i128,
    /// The business date on which the balance went below zero.
    pub since: BusinessDate,
}

/// An invoice to a seller that is not paid in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenInvoice {
    pub seller: SellerId,
    /// Among the seller's invoices in this currency, from 1.
    pub number: u32,
    pub currency: Currency,
    pub amount: Amount,
    pub paid: Amount,
    pub invoiced_on: BusinessDate,
}

/// What became of a payout that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutState {
    InFlight {
        /// The account it is paid from.
        bank: BankId,
        net: Amount,
    },
    /// The bank paid it. It can still come back.
    Arrived {
        bank: BankId,
        net: Amount,
    },
    /// The bank paid it, more than [`PAYOUT_RETURN_DAYS`](crate::PAYOUT_RETURN_DAYS) days ago.
    Ended,
    Returned,
}

impl Books {
    /// A payout that was sent. `None` for one that was planned only, or dropped.
    #[must_use]
    pub fn payout_state(&self, id: PayoutId) -> Option<PayoutState> {
        if let Some(payout) = self.reference_data.payouts.get(&id) {
            let account = self.account_view(payout.bank).expect("payouts have a bank account");
            let (bank, net) = (BankId(account.owner), payout.net);
            return Some(match payout.arrived {
                None => PayoutState::InFlight { bank, net },
                Some(_) if payout.is_past_return(self.last_date()) => PayoutState::Ended,
                Some(_) => PayoutState::Arrived { bank, net },
            });
        }
        if self.reference_data.returned_payouts.contains(&id) {
            return Some(PayoutState::Returned);
        }
        let sent = self.reference_data.plans.values().any(|plan| plan.has_sent(id));
        sent.then_some(PayoutState::Ended)
    }

    /// The sellers below zero, in order of registration.
    pub fn sellers_below_zero(&self) -> impl Iterator<Item = SellerBelowZero> {
        self.reference_data.sellers_below_zero.iter().map(|(number, since)| {
            let seller = self.sellers.get(*number);
            SellerBelowZero {
                seller: seller.id,
                currency: self.currency_at(seller.currency),
                balance: self.ledger.account(seller.payable).balance(),
                since: *since,
            }
        })
    }

    /// The invoices that are not paid in full, by seller in order of registration.
    pub fn open_invoices(&self) -> impl Iterator<Item = OpenInvoice> {
        let invoices = self.reference_data.seller_invoices.iter();
        let open = invoices.filter(|(_, invoice)| !invoice.open().is_zero());
        open.map(|(&(seller, number), invoice)| {
            let seller = self.sellers.get(seller);
            OpenInvoice {
                seller: seller.id,
                number,
                currency: self.currency_at(seller.currency),
                amount: invoice.amount,
                paid: invoice.paid(),
                invoiced_on: invoice.invoiced_on,
            }
        })
    }
}
