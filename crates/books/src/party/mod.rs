//! Persons, banks, firms, couriers, terminals, networks, wallets, sellers and tariffs.

pub(crate) mod access;
pub(crate) mod notices;
pub(crate) mod payout_account;
pub(crate) mod personal_data;
pub(crate) mod persons;
pub(crate) mod record;
pub(crate) mod registration;
pub(crate) mod registry;
pub(crate) mod suspension;
pub(crate) mod terms;
pub mod time_zone;
pub mod view;
pub(crate) mod withdrawal;
