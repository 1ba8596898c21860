//! The daily report: figures that hold, and the figures of others, judged by arithmetic.
//!
//! So far only [`claims`]: what other people publish is read and checked for all that can be
//! computed.
//!
//! Never: a clock, I/O, floats; sentences for people (a [`claims::Reason`] has the facts of one).
//! Start at [`claims::read`] and [`claims::judge`].

pub mod claims;
