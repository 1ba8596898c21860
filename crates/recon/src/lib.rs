//! Reconciliation: what each line of a network's, wallet's or bank's file means for the books.
//!
//! A line becomes a command, or gets the reason why it has none. Nothing is guessed: a line that
//! two things could explain is left to people.
//!
//! Never: parsing, I/O, a clock; an amount that is only nearly right. Start at
//! [`clearing::Requests`] and [`bank::entry_act`].

pub mod bank;
pub mod clearing;
