//! Lines for the operator, so many a second and no more.

use std::time::{Duration, Instant};

/// Lines in a second at the most; the others are counted.
pub const LOG_LINES_PER_SECOND_MAX: u32 = 50;

/// Takes a line for the operator.
pub type Teller = Box<dyn FnMut(&str)>;

pub(crate) struct Log {
    tell: Teller,
    since: Instant,
    left: u32,
    hidden: u64,
}

impl Log {
    pub(crate) fn new(tell: Teller) -> Log {
        Log { tell, since: Instant::now(), left: LOG_LINES_PER_SECOND_MAX, hidden: 0 }
    }

    /// Says something that strangers can cause. The line is put together only if it is said.
    pub(crate) fn say(&mut self, line: impl FnOnce() -> String) {
        self.turn_over();
        if self.left == 0 {
            self.hidden += 1;
            return;
        }
        self.left -= 1;
        (self.tell)(&line());
    }

    /// Begins a new second, and says how much the last one hid.
    pub(crate) fn turn_over(&mut self) {
        if self.left == LOG_LINES_PER_SECOND_MAX || self.since.elapsed() < Duration::from_secs(1) {
            if self.left == LOG_LINES_PER_SECOND_MAX {
                self.since = Instant::now();
            }
            return;
        }
        self.since = Instant::now();
        self.left = LOG_LINES_PER_SECOND_MAX;
        if self.hidden > 0 {
            let hidden = std::mem::take(&mut self.hidden);
            (self.tell)(&format!("{hidden} more lines are not shown"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn a_flood_of_lines_is_cut_and_counted() {
        let lines = Rc::new(RefCell::new(Vec::new()));
        let heard = lines.clone();
        let mut log = Log::new(Box::new(move |line| heard.borrow_mut().push(line.to_owned())));
        for _ in 0..LOG_LINES_PER_SECOND_MAX + 7 {
            log.say(|| "a".into());
        }
        assert_eq!(lines.borrow().len(), 50);
        log.since -= Duration::from_secs(2);
        log.turn_over();
        assert_eq!(lines.borrow().last().unwrap(), "7 more lines are not shown");
    }
}
