//! Scenarios: what a courier firm, a seller, a bank and an auditor would expect of the books, one
//! sentence a test.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod world;

mod scenarios {
    mod breaks;
    mod cash;
    mod clearing;
    mod collections;
    mod commission;
    mod crossings;
    mod deposits;
    mod encoding;
    mod examples;
    mod forgetting;
    mod hostile;
    mod limits;
    mod parcels;
    mod refunds;
    mod settlement;
    mod snapshots;
    mod tariffs;
}
