//! Money: amounts in minor units, ISO 4217 currencies, rates in parts per million.
//!
//! Never: floats, I/O, a balance (that is `ledger`), a tariff (that is `engine`).
//! Start at [`Amount`]; text goes in and out by [`decimal`].

pub mod decimal;

mod amount;
mod currency;
mod rate;

pub use amount::Amount;
pub use currency::{Currency, CurrencyError};
pub use rate::{Rate, RateError};
