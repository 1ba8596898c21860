//! Read-only queries about what sellers owe.

use money::{Amount, Currency};
use tariff::BusinessDate;

use crate::books::Books;
use crate::ids::SellerId;

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

impl Books {
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
