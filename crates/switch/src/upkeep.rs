//! What the switch does by itself each hour and day: pre-authorisations expire, and the books
//! forget what is old.

mod expiry;
mod retention;

use books::BusinessDate;

#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    retention_scan: RetentionScan,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RetentionScan {
    /// Day of the latest scan since the start.
    date: Option<BusinessDate>,
    step: ScanStep,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ScanStep {
    /// No scan is running.
    #[default]
    Idle,
    /// Query the records from this one on.
    Scan(u32),
    /// Forget what was closed before this day, with this many more commands.
    Forget(BusinessDate, u32),
}
