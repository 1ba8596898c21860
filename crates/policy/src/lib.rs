//! Where the line is drawn: rules about public texts, and where a text matches them.
//!
//! Rules are data ([`file::parse`]). A [`Normaliser`] undoes what is done to hide a word, in named
//! steps; a [`Matcher`] finds words, patterns and discounts, each with its span in the original
//! text and the steps that led there.
//!
//! Never: a clock, I/O, a decision; a text that is not public (there is no type for one). Matching
//! never runs in `apply`: a new table of Unicode would change old digests (M11).
//!
//! Start at [`file::parse`] and [`Matcher::of`].

mod baseline;
pub mod discount;
pub mod file;
mod fold;
mod matcher;
mod normaliser;
mod public_text;
mod steps;
mod tables;

pub use baseline::Baseline;
pub use file::{PolicyFileError, PolicyProblem, PolicyRule, PolicyVersion, RuleEffect};
pub use matcher::{ListPrice, MatchCause, Matcher, RuleMatch};
pub use normaliser::{NormalisedText, NormalisedUnit, Normaliser};
pub use public_text::{PublicText, PublicTextError, PublicTextKind, TEXT_BYTES_MAX};
pub use steps::{NormalisationStep, StepSet};
pub use tables::TABLES_VERSION;
