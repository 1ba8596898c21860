//! Derived unique key per transaction (DUKPT): each transaction of a terminal has its own key, and
//! a stolen terminal does not reveal the keys of past transactions.
//!
//! [`tdes`] is X9.24-1:2009, [`aes`] is X9.24-3:2017. Each has the host's side, which derives the
//! transaction's keys from the base key and the key serial number, and the terminal's side, a state
//! machine that deletes each key after use.

pub mod aes;
pub mod tdes;
