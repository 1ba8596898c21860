//! Tests of the public API. All fixtures are made up.

#![cfg(test)]

mod any_bytes;
mod bank_files;
mod documents;
mod doorstep_csv;
mod encodings;
mod incoming;
mod pain001;
mod payouts;
mod profiled_files;
mod profiles;
mod real_incoming;
mod real_orders;
mod refusals;
mod rejects;
mod several_shops;
mod shops;
mod support;
mod two_files;
mod whole;
