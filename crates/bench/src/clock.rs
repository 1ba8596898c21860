use node::{Clock, SystemClock};

/// The time of this process: of trial books that live at another time, theirs.
pub(crate) fn now_ms() -> u64 {
    SystemClock.now().0
}
