//! Published vectors, and one contract for both key stores.

#![cfg(test)]

mod contract;
mod files;
mod macs;
mod never_shown;
mod published;
mod sessions;
mod sign_on;
mod softhsm;
