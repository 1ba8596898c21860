//! Money that networks, wallets and banks paid, and its hold (M5).

pub(crate) mod line;
pub(crate) mod lines;
pub(crate) mod payment;
pub(crate) mod plan;
pub(crate) mod receipt;
pub(crate) mod release;
