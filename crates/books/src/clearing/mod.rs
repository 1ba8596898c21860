//! Money that networks, wallets and banks paid, and its hold (M5).

pub(crate) mod receipt;
pub(crate) mod release;
