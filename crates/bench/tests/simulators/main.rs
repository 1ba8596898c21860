//! Terminals with real sockets, against a minimal switch.
#![allow(clippy::unwrap_used, missing_docs)]

mod fleet;
mod interactive_terminal;
mod test_switch;
