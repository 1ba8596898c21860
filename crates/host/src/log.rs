//! The operator's log, limited to [`LOG_LINES_PER_SECOND_MAX`].
//!
//! Events that unauthenticated clients can cause have a budget of their own, so that a flood of
//! them does not hide the others.

use std::time::{Duration, Instant};

/// For each of the two budgets. Lines beyond it are counted and not written.
pub const LOG_LINES_PER_SECOND_MAX: u32 = 50;

/// Writes a line of the log.
pub type LogSink = Box<dyn FnMut(&str)>;

pub(crate) struct OperatorLog {
    sink: LogSink,
    authenticated: LineBudget,
    unauthenticated: LineBudget,
}

/// Lines that may still be written in this second.
struct LineBudget {
    since: Instant,
    left: u32,
    hidden: u64,
}

impl OperatorLog {
    pub(crate) fn new(sink: LogSink) -> OperatorLog {
        OperatorLog { sink, authenticated: LineBudget::new(), unauthenticated: LineBudget::new() }
    }

    /// Writes a line about an event that needs a key or a certificate. `line` is built only if it
    /// is written.
    pub(crate) fn write(&mut self, line: impl FnOnce() -> String) {
        self.renew_budget();
        if self.authenticated.take() {
            (self.sink)(&line());
        }
    }

    /// Writes a line about an event that anybody who reaches a port can cause.
    pub(crate) fn write_unauthenticated(&mut self, line: impl FnOnce() -> String) {
        self.renew_budget();
        if self.unauthenticated.take() {
            (self.sink)(&line());
        }
    }

    /// Starts a new second, and reports how many lines the last one hid.
    pub(crate) fn renew_budget(&mut self) {
        if let Some(hidden) = self.authenticated.turn_over() {
            (self.sink)(&format!("{hidden} lines were not logged"));
        }
        if let Some(hidden) = self.unauthenticated.turn_over() {
            let line = format!("{hidden} lines about unauthenticated clients were not logged");
            (self.sink)(&line);
        }
    }
}

impl LineBudget {
    fn new() -> LineBudget {
        LineBudget { since: Instant::now(), left: LOG_LINES_PER_SECOND_MAX, hidden: 0 }
    }

    /// Whether one more line may be written; if not, it is counted as hidden.
    fn take(&mut self) -> bool {
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
        if self.left == LOG_LINES_PER_SECOND_MAX {
            self.since = Instant::now();
        } else if self.since.elapsed() >= Duration::from_secs(1) {
            let hidden = self.hidden;
            *self = LineBudget::new();
            return (hidden > 0).then_some(hidden);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    fn log() -> (OperatorLog, Rc<RefCell<Vec<String>>>) {
        let lines = Rc::new(RefCell::new(Vec::new()));
        let heard = lines.clone();
        (OperatorLog::new(Box::new(move |line| heard.borrow_mut().push(line.to_owned()))), lines)
    }

    #[test]
    fn a_flood_of_lines_is_cut_and_counted() {
        let (mut log, lines) = log();
        for _ in 0..LOG_LINES_PER_SECOND_MAX + 7 {
            log.write(|| "a".into());
        }
        assert_eq!(lines.borrow().len(), 50);
        log.authenticated.since -= Duration::from_secs(2);
        log.renew_budget();
        assert_eq!(lines.borrow().last().unwrap(), "7 lines were not logged");
    }

    #[test]
    fn events_of_unauthenticated_clients_do_not_hide_the_others() {
        let (mut log, lines) = log();
        for _ in 0..LOG_LINES_PER_SECOND_MAX + 900 {
            log.write_unauthenticated(|| "noise".into());
        }
        log.write(|| "a link is lost".into());
        assert_eq!(lines.borrow().last().unwrap(), "a link is lost");
        log.unauthenticated.since -= Duration::from_secs(2);
        log.write(|| "it is back".into());
        let lines = lines.borrow();
        let end: Vec<&str> = lines[51..].iter().map(String::as_str).collect();
        assert_eq!(end, ["900 lines about unauthenticated clients were not logged", "it is back",]);
    }
}
