//! The policy in the engine: what a decision does to an offer, and that it does nothing else.
#![allow(clippy::unwrap_used)]

#[path = "policy/appeals.rs"]
mod appeals;
#[path = "policy/decisions.rs"]
mod decisions;
#[path = "policy/shop.rs"]
mod shop;
#[path = "policy/state.rs"]
mod state;
#[path = "policy/versions.rs"]
mod versions;
