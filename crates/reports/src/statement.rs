use books::statement_view::{SellerStatement, Statement};
use books::{Books, ParcelId, SellerId, SettlementCycle};
use serde::Serialize;

use crate::{ParcelFilter, ParcelListReport, list_parcels};

/// A seller's account in one currency, as the seller sees it. Amounts are in minor units.
#[derive(Debug, Serialize)]
pub struct SellerAccountReport {
    pub currency: &'static str,
    pub cycle: SettlementCycle,
    /// The least amount of a payout.
    pub minimum: u64,
    /// Collected, and not payable yet.
    pub held: i128,
    /// The parts of `held` that become payable on a day, before fees of returns and refunds.
    pub releases: Vec<ReleaseReport>,
    /// Payable and in no plan. Below zero, the seller owes.
    pub payable: i128,
    /// Since this day the payable balance is below zero.
    pub below_zero_since: Option<String>,
    /// What `payable` consists of: gross + returned + invoiced + compensated − fees − refunded.
    /// With the parts of `fees`, `gross` and `refunded`.
    pub next: Statement,
    /// In plans that are not executed.
    pub planned: Vec<PlannedPayoutReport>,
    /// Sent, and not confirmed by the bank.
    pub in_flight: Vec<SentPayoutReport>,
    /// Confirmed by the bank in the last days.
    pub paid: Vec<SentPayoutReport>,
    /// The invoices that are not paid in full.
    pub invoices: Vec<InvoiceReport>,
    /// Offline sales that their networks rejected, at the seller's loss, as long as their parcels
    /// are remembered. They never became payable.
    pub offline_losses: Vec<OfflineLossReport>,
}

/// An offline sale that its network never pays.
#[derive(Debug, Serialize)]
pub struct OfflineLossReport {
    pub parcel: String,
    pub waybill: String,
    /// The payment's number among the parcel's.
    pub payment: u8,
    pub amount: u64,
    /// The day of the network's answer.
    pub rejected: String,
    /// The network's response code.
    pub code: String,
}

#[derive(Debug, Serialize)]
pub struct ReleaseReport {
    pub date: String,
    pub amount: u128,
}

#[derive(Debug, Serialize)]
pub struct PlannedPayoutReport {
    pub plan: String,
    pub approved: bool,
    pub payout: u64,
    pub net: u64,
}

#[derive(Debug, Serialize)]
pub struct SentPayoutReport {
    pub payout: u64,
    pub net: u64,
    /// The day of the bank's confirmation.
    pub confirmed: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct InvoiceReport {
    pub invoice: u32,
    pub amount: u64,
    pub paid: u64,
    pub invoiced_on: String,
}

/// A seller's accounts, and the sums of its parcels.
#[derive(Debug, Serialize)]
pub struct StatementReport {
    /// The seller's reference.
    pub seller: String,
    pub id: String,
    pub accounts: Vec<SellerAccountReport>,
    /// The seller's parcels that are remembered, by state, and their sums.
    #[serde(flatten)]
    pub parcels: ParcelListReport,
}

/// The statement of a seller; none if it is not registered. `waybill` writes a parcel's waybill.
pub fn seller_statement(
    books: &Books,
    id: SellerId,
    waybill: impl Fn(ParcelId) -> String,
) -> Option<StatementReport> {
    let seller = books.seller_reference(id)?.to_owned();
    let filter = ParcelFilter { seller: Some(id), limit: Some(0), ..ParcelFilter::default() };
    let losses = books.offline_losses(id);
    let accounts = books.seller_statements(id).into_iter().map(|statement| {
        let of_account = losses.iter().filter(|loss| loss.currency == statement.currency);
        let offline_losses = of_account.map(|loss| OfflineLossReport {
            parcel: loss.payment.parcel.to_string(),
            waybill: waybill(loss.payment.parcel),
            payment: loss.payment.number,
            amount: loss.amount.minor(),
            rejected: loss.rejected_on.to_string(),
            code: loss.code.to_string(),
        });
        let offline_losses = offline_losses.collect();
        account(statement, offline_losses)
    });
    Some(StatementReport {
        seller,
        id: id.to_string(),
        accounts: accounts.collect(),
        parcels: list_parcels(books, &filter, |_| String::new()),
    })
}

fn account(
    statement: SellerStatement,
    offline_losses: Vec<OfflineLossReport>,
) -> SellerAccountReport {
    let releases = statement.releases.into_iter();
    let planned = statement.planned.into_iter().map(|one| PlannedPayoutReport {
        plan: one.plan.to_string(),
        approved: one.approved,
        payout: one.line.payout.0,
        net: one.line.net.minor(),
    });
    let in_flight = statement.in_flight.into_iter().map(|(payout, net)| SentPayoutReport {
        payout: payout.0,
        net: net.minor(),
        confirmed: None,
    });
    let paid = statement.paid.into_iter().map(|(payout, net, date)| SentPayoutReport {
        payout: payout.0,
        net: net.minor(),
        confirmed: Some(date.to_string()),
    });
    let invoices = statement.invoices.into_iter().map(|invoice| InvoiceReport {
        invoice: invoice.number,
        amount: invoice.amount.minor(),
        paid: invoice.paid.minor(),
        invoiced_on: invoice.invoiced_on.to_string(),
    });
    SellerAccountReport {
        currency: statement.currency.code(),
        cycle: statement.cycle,
        minimum: statement.minimum.minor(),
        held: statement.held,
        releases: releases
            .map(|(date, amount)| ReleaseReport { date: date.to_string(), amount })
            .collect(),
        payable: statement.payable,
        below_zero_since: statement.below_zero_since.map(|date| date.to_string()),
        next: statement.next,
        planned: planned.collect(),
        in_flight: in_flight.collect(),
        paid: paid.collect(),
        invoices: invoices.collect(),
        offline_losses,
    }
}
