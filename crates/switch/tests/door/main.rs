//! The switch between terminals, networks, a wallet and the books.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backs;
mod batches;
mod expiry;
mod forgetting;
mod hostile;
mod left_out;
mod links;
mod long_run;
mod orders;
mod payments;
mod qr;
mod refusals;
mod repeats;
mod routing;
mod secrets;
mod settings;
mod strangers;
mod unheard;
mod world;
