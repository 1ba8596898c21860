//! The files crate as its users see it. All fixtures are made up.

#![cfg(test)]

mod any_bytes;
mod desk;
mod documents;
mod doorstep_csv;
mod pain001;
mod payouts;
mod profiles;
mod real_orders;
mod refusals;
mod shops;
mod two_files;
mod whole;
