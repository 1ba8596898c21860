//! Reconciliation: what each line of a network's, wallet's or bank's file means for the books.
//!
//! A line becomes a command, or gets the reason why it has none. Nothing is guessed: a line that
//! two things could explain is left to people.
//!
//! Which line is for which collection, deposit or payout is found by [`matching`], which knows
//! neither books nor files; [`join`] does its first step for files of millions of lines.
//!
//! Never: parsing, I/O, a clock; an amount that is only nearly right. Start at
//! [`clearing::Requests`], [`statement::plan`] and [`matching::reconcile`].

pub mod clearing;
pub mod join;
pub mod matching;
pub mod sheet;
pub mod statement;
