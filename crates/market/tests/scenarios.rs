//! Scenarios of the market, one subject a file.

#![expect(clippy::unwrap_used, reason = "a test ends where something is wrong")]

#[path = "scenarios/bad_input.rs"]
mod bad_input;
#[path = "scenarios/caps.rs"]
mod caps;
#[path = "scenarios/conflicts.rs"]
mod conflicts;
#[path = "scenarios/declarations.rs"]
mod declarations;
#[path = "scenarios/quotes.rs"]
mod quotes;
#[path = "scenarios/refunds.rs"]
mod refunds;
#[path = "scenarios/shop.rs"]
mod shop;
#[path = "scenarios/shown.rs"]
mod shown;
