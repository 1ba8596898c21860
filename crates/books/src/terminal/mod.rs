//! Terminals: their transactions and batches.

pub(crate) mod batch_closing;
pub(crate) mod batches;
pub(crate) mod check;
pub(crate) mod duplicate_key;
pub(crate) mod open_items;
pub(crate) mod phone;
pub(crate) mod rrn;
pub(crate) mod transaction;
pub(crate) mod used_stans;
pub mod view;
