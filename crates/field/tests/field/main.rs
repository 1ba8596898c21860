//! Terminals at sockets, against a switch that is made of a few lines.
#![allow(clippy::unwrap_used, missing_docs)]

mod host;
mod load;
mod session;
