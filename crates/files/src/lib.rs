//! Files: order exports in, payout files out. Formats only.
//!
//! Never: a rule of the business, a clock, SQL, a network; any crate of the workspace but `money`.
//! What comes in is checked line by line and nothing is guessed; what goes out is whole or not
//! there. Start at [`orders::import`] and [`profile::Profile`] for what comes in, at
//! [`payouts::write_csv`] and [`pain001::write`] for what goes out.

pub mod civil;
pub mod nearest;
pub mod orders;
pub mod pain001;
pub mod payouts;
pub mod profile;
pub mod reference;
pub mod whole;

mod records;
