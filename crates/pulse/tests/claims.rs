//! Tables of claims with their verdicts.
#![allow(clippy::unwrap_used)]

#[path = "claims/support.rs"]
mod support;

#[path = "claims/bad_input.rs"]
mod bad_input;
#[path = "claims/corrections.rs"]
mod corrections;
#[path = "claims/oracle.rs"]
mod oracle;
#[path = "claims/properties.rs"]
mod properties;
#[path = "claims/random.rs"]
mod random;
#[path = "claims/verdicts.rs"]
mod verdicts;
