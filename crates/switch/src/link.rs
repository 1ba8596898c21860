//! One link to a network: signing on, echoes.

use engine::Timestamp;

/// Echoes in a row without an answer after which a link is given up.
pub(crate) const ECHOES_MISSED_MAX: u8 = 2;

/// How far a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Not connected.
    Closed,
    /// Connected; the sign-on with this STAN waits for its answer.
    SigningOn { stan: u32, since: Timestamp },
    /// Can be used.
    Up,
}

/// A link.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub stand: Stand,
    /// When something last came in.
    pub heard: Timestamp,
    /// The echo that waits for its answer, and how many before it were missed.
    pub echo: Option<(u32, Timestamp)>,
    pub missed: u8,
    /// When it is looked at next; other timers of it are old ones.
    pub due: Timestamp,
}

/// What a link is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Nothing before this moment.
    Wait(Timestamp),
    /// Send an echo.
    Echo,
    /// Give up.
    Drop,
    /// Nothing at all.
    Rest,
}

impl Link {
    pub(crate) const fn new() -> Link {
        Link { stand: Stand::Closed, heard: Timestamp(0), echo: None, missed: 0, due: Timestamp(0) }
    }

    /// What is to be done, when the time for it may have come.
    pub(crate) fn duty(&mut self, now: Timestamp, answer_ms: u64, echo_ms: u64) -> Duty {
        match self.stand {
            Stand::Closed => Duty::Rest,
            Stand::SigningOn { since, .. } => {
                let until = since.plus_ms(answer_ms);
                if now < until { Duty::Wait(until) } else { Duty::Drop }
            }
            Stand::Up => {
                if let Some((_, since)) = self.echo {
                    let until = since.plus_ms(answer_ms);
                    if now < until {
                        return Duty::Wait(until);
                    }
                    self.echo = None;
                    self.missed += 1;
                    return if self.missed >= ECHOES_MISSED_MAX { Duty::Drop } else { Duty::Echo };
                }
                let until = self.heard.plus_ms(echo_ms);
                if now < until { Duty::Wait(until) } else { Duty::Echo }
            }
        }
    }

    /// Something came in: whoever speaks is alive.
    pub(crate) fn hear(&mut self, now: Timestamp) {
        self.heard = now;
        self.missed = 0;
        self.echo = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Timestamp = Timestamp;

    #[test]
    fn a_link_that_does_not_sign_on_is_given_up() {
        let mut link = Link::new();
        assert_eq!(link.duty(AT(0), 10, 60), Duty::Rest);
        link.stand = Stand::SigningOn { stan: 1, since: AT(100) };
        assert_eq!(link.duty(AT(105), 10, 60), Duty::Wait(AT(110)));
        assert_eq!(link.duty(AT(110), 10, 60), Duty::Drop);
    }

    #[test]
    fn a_silent_link_is_asked_twice_and_then_given_up() {
        let mut link = Link::new();
        link.stand = Stand::Up;
        link.hear(AT(100));
        assert_eq!(link.duty(AT(120), 10, 60), Duty::Wait(AT(160)));
        assert_eq!(link.duty(AT(160), 10, 60), Duty::Echo);
        link.echo = Some((7, AT(160)));
        assert_eq!(link.duty(AT(165), 10, 60), Duty::Wait(AT(170)));
        assert_eq!(link.duty(AT(170), 10, 60), Duty::Echo, "once more");
        link.echo = Some((8, AT(170)));
        assert_eq!(link.duty(AT(180), 10, 60), Duty::Drop);
        link.missed = 0;
        link.echo = Some((9, AT(180)));
        link.hear(AT(185));
        assert_eq!(link.duty(AT(190), 10, 60), Duty::Wait(AT(245)), "any word is a sign of life");
    }
}
