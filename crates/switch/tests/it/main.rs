//! The switch with terminals, networks, a wallet and the books.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod approvals;
mod batches;
mod currencies;
mod declines;
mod dialects;
mod expiry;
mod hostile;
mod hostile_line;
mod impostor;
mod interleavings;
mod links;
mod long_run;
mod missing_networks;
mod offline_sales;
mod page;
mod parcel_list;
mod payments;
mod phone;
mod pin_tries;
mod qr;
mod real_messages;
mod refunds_and_reversals;
mod refusals;
mod repeats;
mod retention;
mod reversal_without_original;
mod routing;
mod secrets;
mod settings;
mod suspensions;
mod together;
mod unauthenticated;
mod unionpay;
mod world;
