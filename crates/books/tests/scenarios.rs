//! Scenarios: what a courier firm, a seller, a bank and an auditor expect of the books, one
//! sentence per test.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod world;

mod scenarios {
    mod access;
    mod adjustments;
    mod batches;
    mod before_dispatch;
    mod break_changes;
    mod breaks;
    mod cash;
    mod chargebacks;
    mod clearing;
    mod clearing_lines;
    mod collections;
    mod commission;
    mod crossings;
    mod currencies;
    mod custody;
    mod damage;
    mod declarations;
    mod declined_requests;
    mod deposits;
    mod discounts;
    mod encoding;
    mod examples;
    mod expiry;
    mod fixed_fees;
    mod forgetting;
    mod freight;
    mod hand_overs;
    mod hostile;
    mod limits;
    mod offline;
    mod open_items;
    mod other_content;
    mod parcels;
    mod payout_accounts;
    mod personal_data;
    mod persons;
    mod phone_cash;
    mod preauthorisations;
    mod refunds;
    mod rejected_sales;
    mod reversals_without_original;
    mod sales;
    mod seller_debts;
    mod settlement;
    mod shipments;
    mod shortages;
    mod snapshots;
    mod standing;
    mod statements;
    mod suspensions;
    mod tariffs;
    mod taxes;
    mod terms;
    mod time_zones;
    mod voids_and_reversals;
    mod waiting;
    mod wallet_orders;
    mod withdrawal;
}
