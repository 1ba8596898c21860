//! Derived unique keys per transaction (DUKPT): each transaction of a terminal has a key of its
//! own, and a stolen terminal tells nothing of the past ones.
//!
//! [`tdes`] is X9.24-1:2009, [`aes`] is X9.24-3:2017. Both have the host's side (from the base key
//! and a key serial number to the transaction's keys) and the terminal's (a state machine that
//! forgets each key when it has been used).

pub mod aes;
pub mod tdes;
