//! Lines for the operator, so many a second and no more.
//!
//! What strangers can cause has a number of its own, so that their noise does not hide what we say
//! of ourselves.

use std::time::{Duration, Instant};

/// Lines in a second at the most, of strangers and of ourselves each; the others are counted.
pub const LOG_LINES_PER_SECOND_MAX: u32 = 50;

/// Takes a line for the operator.
pub type Teller = Box<dyn FnMut(&str)>;

pub(crate) struct Log {
    tell: Teller,
    own: Budget,
    of_strangers: Budget,
}

/// What may still be said in this second.
struct Budget {
    since: Instant,
    left: u32,
    hidden: u64,
}

impl Log {
    pub(crate) fn new(tell: Teller) -> Log {
        Log { tell, own: Budget::new(), of_strangers: Budget::new() }
    }

    /// Says something that nobody causes who has no key or certificate. The line is put together
    /// only if it is said.
    pub(crate) fn say(&mut self, line: impl FnOnce() -> String) {
        self.turn_over();
        if self.own.take() {
            (self.tell)(&line());
        }
    }

    /// Says something that anybody can cause who reaches a port.
    pub(crate) fn say_of_strangers(&mut self, line: impl FnOnce() -> String) {
        self.turn_over();
        if self.of_strangers.take() {
            (self.tell)(&line());
        }
    }

    /// Begins a new second, and says how much the last one hid.
    pub(crate) fn turn_over(&mut self) {
        if let Some(hidden) = self.own.turn_over() {
            (self.tell)(&format!("{hidden} more lines are not shown"));
        }
        if let Some(hidden) = self.of_strangers.turn_over() {
            (self.tell)(&format!("{hidden} more lines of what strangers can cause are not shown"));
        }
    }
}

impl Budget {
    fn new() -> Budget {
        Budget { since: Instant::now(), left: LOG_LINES_PER_SECOND_MAX, hidden: 0 }
    }

    /// Whether one more line may be said; if not, it is counted.
    fn take(&mut self) -> bool {
        let may = self.left > 0;
        if may {
            self.left -= 1;
        } else {
            self.hidden += 1;
        }
        may
    }

    /// Begins a new second; how many lines the last one hid, if any.
    fn turn_over(&mut self) -> Option<u64> {
        if self.left == LOG_LINES_PER_SECOND_MAX {
            self.since = Instant::now();
        } else if self.since.elapsed() >= Duration::from_secs(1) {
            let hidden = self.hidden;
            *self = Budget::new();
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

    fn log() -> (Log, Rc<RefCell<Vec<String>>>) {
        let lines = Rc::new(RefCell::new(Vec::new()));
        let heard = lines.clone();
        (Log::new(Box::new(move |line| heard.borrow_mut().push(line.to_owned()))), lines)
    }

    #[test]
    fn a_flood_of_lines_is_cut_and_counted() {
        let (mut log, lines) = log();
        for _ in 0..LOG_LINES_PER_SECOND_MAX + 7 {
            log.say(|| "a".into());
        }
        assert_eq!(lines.borrow().len(), 50);
        log.own.since -= Duration::from_secs(2);
        log.turn_over();
        assert_eq!(lines.borrow().last().unwrap(), "7 more lines are not shown");
    }

    #[test]
    fn the_noise_of_strangers_does_not_hide_what_we_say_of_ourselves() {
        let (mut log, lines) = log();
        for _ in 0..LOG_LINES_PER_SECOND_MAX + 900 {
            log.say_of_strangers(|| "noise".into());
        }
        log.say(|| "a link is lost".into());
        assert_eq!(lines.borrow().last().unwrap(), "a link is lost");
        log.of_strangers.since -= Duration::from_secs(2);
        log.say(|| "it is back".into());
        let lines = lines.borrow();
        let end: Vec<&str> = lines[51..].iter().map(String::as_str).collect();
        assert_eq!(
            end,
            ["900 more lines of what strangers can cause are not shown", "it is back",]
        );
    }
}
