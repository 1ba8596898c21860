//! How a card network leaves: what the journal and the books say of its exit, when its receivable
//! is forecast to reach zero, and the whole exit on a copy of the books in virtual time.
//!
//! Never: a command that reaches a journal. The drill works on books in memory.
//!
//! Start at [`ExitReport::of`] and [`ExitDrill::run`].

mod drill;
mod facts;
mod forecast;
mod report;

pub use drill::{DrillError, ExitDrill, RunDownDay};
pub use facts::{CardRangeUse, ExitFacts, ExitStep, MovedSums, RouteDay};
pub use forecast::{ForecastBasis, ZeroForecast};
pub use report::{
    AffectedReport, DayOwed, ExitBreak, ExitFile, ExitReport, PendingCount, TailReport, WayOut,
};
