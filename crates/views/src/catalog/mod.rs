//! The views that there are.

mod cash;
mod differences;
mod journal;
pub(crate) mod market;
pub(crate) mod parcels;
pub(crate) mod parties;
pub(crate) mod settlement;
pub(crate) mod texts;

use crate::table::ViewSpec;

macro_rules! views {
    ($($name:ident = $spec:path,)+) => {
        /// A view by its place in [`VIEWS`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum ViewName {
            $($name),+
        }

        /// All views, in the order in which their rows are written.
        pub static VIEWS: &[ViewSpec] = &[$($spec),+];
    };
}

views! {
    Accounts = journal::ACCOUNTS,
    Commands = journal::COMMANDS,
    Postings = journal::POSTINGS,
    Orders = parcels::ORDERS,
    Parcels = parcels::PARCELS,
    Payments = parcels::PAYMENTS,
    Refunds = differences::REFUNDS,
    RefundPayments = differences::REFUND_PAYMENTS,
    Sellers = parties::SELLERS,
    Firms = parties::FIRMS,
    Couriers = parties::COURIERS,
    Persons = parties::PERSONS,
    Banks = parties::BANKS,
    Networks = parties::NETWORKS,
    Wallets = parties::WALLETS,
    Terminals = parties::TERMINALS,
    Tariffs = parties::TARIFFS,
    HoldRules = parties::HOLD_RULES,
    Batches = differences::BATCHES,
    OpenItems = differences::OPEN_ITEMS,
    Breaks = differences::BREAKS,
    Custody = cash::CUSTODY,
    PhoneCash = cash::PHONE_CASH,
    HandOvers = cash::HAND_OVERS,
    Deposits = cash::DEPOSITS,
    ClearingLines = settlement::CLEARING_LINES,
    Files = settlement::FILES,
    BankEntries = settlement::BANK_ENTRIES,
    Plans = settlement::PLANS,
    Payouts = settlement::PAYOUTS,
    Invoices = settlement::INVOICES,
    InvoicePayments = settlement::INVOICE_PAYMENTS,
    Commissions = settlement::COMMISSIONS,
    Adjustments = settlement::ADJUSTMENTS,
    Periods = settlement::PERIODS,
    Offers = market::OFFERS,
    Variants = market::VARIANTS,
    StockAdjustments = market::STOCK_ADJUSTMENTS,
    Promotions = market::PROMOTIONS,
    MarketOrders = market::MARKET_ORDERS,
    MarketParcels = market::MARKET_PARCELS,
    OrderUnits = market::ORDER_UNITS,
    OrderDiscounts = market::ORDER_DISCOUNTS,
    TextDecisions = texts::TEXT_DECISIONS,
    TextRules = texts::TEXT_RULES,
    TextAppeals = texts::TEXT_APPEALS,
}
