//! The daily report: figures that hold, and the figures of others, judged by arithmetic.
//!
//! [`claims`]: what other people publish is read and checked for all that can be computed.
//! [`figures`]: what is counted, defined once in files. [`run`] computes figures at a position of
//! the journal and holds them against each other; [`report`] makes the report of a day, and
//! [`store`] keeps what was published.
//!
//! Never: a clock, floats; a figure that is not in a file; sentences and pages for people: those
//! are in `pages`. A published report is never changed.
//! Start at [`figures::FigureSet`], [`report::make`] and [`claims::judge`].

pub mod claims;
pub mod correction;
pub mod figures;
pub mod folders;
pub mod report;
pub mod run;
pub mod store;
