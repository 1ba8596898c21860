//! Where public texts match the rules of the policy.
//!
//! Rules are data ([`file::parse`]). A [`Normaliser`] undoes what is done to hide a word, in named
//! steps; a [`Matcher`] finds words, patterns and discounts, each with its span in the original
//! text and the steps that led there.
//!
//! Never: a clock, I/O, a decision; a text that is not public (there is no type for one). The
//! engine does not use this crate: a new table of Unicode would change old digests (M11).
//!
//! Start at [`file::parse`] and [`Matcher::of`].

pub mod discount;
pub mod file;
mod fold;
mod matcher;
mod normaliser;
mod public_text;
mod sounds;
mod tables;

pub use file::{PolicyFileError, PolicyProblem, PolicyVersion};
pub use matcher::{Matcher, RuleMatch};
pub use normaliser::{NormalisedText, NormalisedUnit, Normaliser};
pub use public_text::{PublicText, PublicTextError, PublicTextKind};
pub use sounds::READINGS_MAX;
pub use tables::TABLES_VERSION;
