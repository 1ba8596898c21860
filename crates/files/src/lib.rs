//! File formats: reads order exports and the files of networks, wallets, banks and courier firms,
//! writes payout files.
//!
//! Never: a business rule, a clock, SQL, a network; any workspace crate other than `money`. An
//! import checks every line and guesses nothing. An output file is written whole or not at all.
//! Start at [`orders::import`], [`profile::Profile`] and [`incoming::check`] to read, at
//! [`payouts::write_csv`] and [`pain001::write`] to write.

pub mod atomic;
mod date;
pub mod incoming;
pub mod nearest;
pub mod offers;
pub mod orders;
pub mod pain001;
pub mod payouts;
pub mod profile;
pub mod reference;
pub mod sellers;
pub mod waybills;

mod records;
