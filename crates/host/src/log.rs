//! The operator's log: events of `tracing`, limited to [`LOG_LINES_PER_SECOND_MAX`].
//!
//! An event has a level, a target (`switch`, `host`, `gateway`), a fixed message and fields. Fields
//! are ids and counts. They never contain a card number, a PIN, a key or the content of a message.

use std::time::{Duration, Instant};

use tracing::Level;
use tracing::level_filters::LevelFilter;

/// For each `LogBudget`. Lines beyond it are counted and not written.
pub const LOG_LINES_PER_SECOND_MAX: u32 = 50;

/// Logs an event: log, budget, level, target, then fields and message as in `tracing::event!`. They
/// are evaluated only if the event is written.
macro_rules! log_event {
    ($log:expr, $budget:expr, $level:ident, $target:literal, $($event:tt)+) => {
        if $log.admits($budget, tracing::Level::$level) {
            tracing::event!(target: $target, tracing::Level::$level, $($event)+);
        }
    };
}
pub(crate) use log_event;

/// Each has its own limit, so that a flood of one does not hide the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogBudget {
    /// Events that need a key or a certificate.
    Authenticated,
    /// Events that anybody who reaches a port can cause.
    Unauthenticated,
    /// Approved purchases. Under load there are thousands in a second.
    Approvals,
}

/// The limits of the log.
pub(crate) struct OperatorLog {
    authenticated: LineBudget,
    unauthenticated: LineBudget,
    approvals: LineBudget,
}

/// Lines that may still be written in this second.
struct LineBudget {
    since: Instant,
    left: u32,
    hidden: u64,
}

impl OperatorLog {
    pub(crate) fn new() -> OperatorLog {
        OperatorLog {
            authenticated: LineBudget::new(),
            unauthenticated: LineBudget::new(),
            approvals: LineBudget::new(),
        }
    }

    /// Whether an event of this level may be written now. One beyond the budget is counted.
    pub(crate) fn admits(&mut self, budget: LogBudget, level: Level) -> bool {
        if level > LevelFilter::current() {
            return false;
        }
        match budget {
            LogBudget::Authenticated => self.authenticated.take(),
            LogBudget::Unauthenticated => self.unauthenticated.take(),
            LogBudget::Approvals => self.approvals.take(),
        }
    }

    /// Starts a new second, and reports how many lines the last one hid.
    pub(crate) fn renew_budget(&mut self) {
        if let Some(hidden) = self.authenticated.turn_over() {
            tracing::warn!(target: "log", hidden, "lines were not logged");
        }
        if let Some(hidden) = self.unauthenticated.turn_over() {
            let message = "lines about unauthenticated clients were not logged";
            tracing::warn!(target: "log", hidden, "{message}");
        }
        if let Some(hidden) = self.approvals.turn_over() {
            tracing::info!(target: "log", hidden, "approvals were not logged");
        }
    }
}

impl LineBudget {
    fn new() -> LineBudget {
        LineBudget { since: Instant::now(), left: LOG_LINES_PER_SECOND_MAX, hidden: 0 }
    }

    /// Whether one more line may be written; if not, it is counted as hidden.
    fn take(&mut self) -> bool {
        if self.left == LOG_LINES_PER_SECOND_MAX {
            self.since = Instant::now();
        }
        let may = self.left > 0;
        if may {
            self.left -= 1;
        } else {
            self.hidden += 1;
        }
        may
    }

    /// Starts a new second. Returns how many lines the last one hid, if any.
    fn turn_over(&mut self) -> Option<u64> {
        let in_use = self.left < LOG_LINES_PER_SECOND_MAX;
        if !in_use || self.since.elapsed() < Duration::from_secs(1) {
            return None;
        }
        let hidden = self.hidden;
        *self = LineBudget::new();
        (hidden > 0).then_some(hidden)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The lines that `work` logs at a level, without their time.
    pub(crate) fn lines_at(level: Level, work: impl FnOnce(&mut OperatorLog)) -> Vec<String> {
        #[derive(Clone, Default)]
        struct Lines(Arc<Mutex<Vec<u8>>>);
        impl Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let lines = Lines::default();
        let written = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .without_time()
            .with_writer(move || written.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || work(&mut OperatorLog::new()));
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.trim_start().to_owned()).collect()
    }

    fn write(log: &mut OperatorLog, budget: LogBudget) {
        log_event!(log, budget, INFO, "host", "a line");
    }

    #[test]
    fn a_flood_of_lines_is_cut_and_counted() {
        let lines = lines_at(Level::INFO, |log| {
            for _ in 0..LOG_LINES_PER_SECOND_MAX + 7 {
                write(log, LogBudget::Authenticated);
            }
            log.renew_budget();
            log.authenticated.since -= Duration::from_secs(2);
            log.renew_budget();
            write(log, LogBudget::Authenticated);
        });
        assert_eq!(lines.len(), 52);
        assert_eq!(lines[50..], ["WARN log: lines were not logged hidden=7", "INFO host: a line"]);
    }

    #[test]
    fn unauthenticated_clients_and_approvals_do_not_hide_other_events() {
        let lines = lines_at(Level::INFO, |log| {
            for _ in 0..LOG_LINES_PER_SECOND_MAX + 900 {
                write(log, LogBudget::Unauthenticated);
                write(log, LogBudget::Approvals);
            }
            log_event!(log, LogBudget::Authenticated, WARN, "host", "a link is lost");
            log.unauthenticated.since -= Duration::from_secs(2);
            log.approvals.since -= Duration::from_secs(2);
            log.renew_budget();
        });
        assert_eq!(
            lines[100..],
            [
                "WARN host: a link is lost",
                "WARN log: lines about unauthenticated clients were not logged hidden=900",
                "INFO log: approvals were not logged hidden=900",
            ]
        );
    }

    #[test]
    fn a_level_that_is_off_is_neither_built_nor_counted() {
        let lines = lines_at(Level::WARN, |log| {
            let built = || -> u32 { panic!("the field of a line that is not written") };
            for _ in 0..LOG_LINES_PER_SECOND_MAX + 1 {
                log_event!(log, LogBudget::Approvals, INFO, "switch", number = built(), "no");
            }
            log.approvals.since -= Duration::from_secs(2);
            log.renew_budget();
        });
        assert_eq!(lines, [""; 0]);
    }
}
