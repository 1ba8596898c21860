//! What the switch does by itself each hour and day: pre-authorisations expire, and the books forget
//! what is old.

mod expiry;
mod retention;

use self::retention::RetentionScan;

#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    retention_scan: RetentionScan,
}
