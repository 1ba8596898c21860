//! What matches, where, and by which steps.
#![allow(clippy::unwrap_used)]

#[path = "matching/bad_input.rs"]
mod bad_input;
#[path = "matching/evasions.rs"]
mod evasions;
#[path = "matching/others.rs"]
mod others;
#[path = "matching/properties.rs"]
mod properties;
#[path = "matching/shipped.rs"]
mod shipped;
#[path = "matching/support.rs"]
mod support;
