//! Terminals with real sockets, against a minimal switch.
#![allow(clippy::unwrap_used, missing_docs)]

mod load;
mod session;
mod test_switch;
