//! Money: amounts in minor units, ISO 4217 currencies, rates in parts per million.
//!
//! It never uses floats or I/O. Balances are in `ledger`, tariffs in `tariff`. Start at [`Amount`];
//! [`decimal`] reads and writes amounts as text.

pub mod decimal;

mod amount;
mod currency;
mod rate;
mod signed_amount;

pub use amount::Amount;
pub use currency::{Currency, CurrencyError};
pub use rate::{Rate, RateError};
pub use signed_amount::SignedAmount;
