//! Real sockets on this machine, around a scripted switch.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admission;
mod certificates;
mod changes;
mod gateway;
mod hostile;
mod networks;
mod operator;
mod random;
mod script;
mod stop;
mod terminals;
mod tls;
mod wallet;
