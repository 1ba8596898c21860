//! The session of one link to a network: sign-on and echoes.

use books::Timestamp;

use super::state::MessageKey;

/// Echoes in a row without a response after which a link is dropped.
pub(crate) const ECHOES_MISSED_MAX: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkStatus {
    Disconnected,
    /// Connected; this sign-on waits for its response.
    SigningOn {
        sent: MessageKey,
        since: Timestamp,
    },
    SignedOn,
}

#[derive(Clone, Debug)]
pub(crate) struct LinkSession {
    pub status: LinkStatus,
    /// Time of the latest authentic message.
    pub last_message_at: Timestamp,
    /// Time of the echo that waits for its response.
    pub pending_echo: Option<Timestamp>,
    /// Echoes in a row without a response.
    pub missed_echoes: u8,
    /// Time of the next check. A timer for another time is outdated.
    pub next_check: Timestamp,
}

/// The next action on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkAction {
    /// Check again at this time.
    WaitUntil(Timestamp),
    SendEcho,
    /// Close the connection.
    Disconnect,
    /// No action until the link is connected.
    Idle,
}

impl LinkSession {
    pub(crate) const fn new() -> LinkSession {
        LinkSession {
            status: LinkStatus::Disconnected,
            last_message_at: Timestamp(0),
            pending_echo: None,
            missed_echoes: 0,
            next_check: Timestamp(0),
        }
    }

    pub(crate) fn next_action(
        &mut self,
        now: Timestamp,
        answer_ms: u64,
        echo_ms: u64,
    ) -> LinkAction {
        match self.status {
            LinkStatus::Disconnected => LinkAction::Idle,
            LinkStatus::SigningOn { since, .. } => {
                let until = since.plus_ms(answer_ms);
                if now < until { LinkAction::WaitUntil(until) } else { LinkAction::Disconnect }
            }
            LinkStatus::SignedOn => {
                if let Some(since) = self.pending_echo {
                    let until = since.plus_ms(answer_ms);
                    if now < until {
                        return LinkAction::WaitUntil(until);
                    }
                    self.pending_echo = None;
                    self.missed_echoes += 1;
                    return if self.missed_echoes >= ECHOES_MISSED_MAX {
                        LinkAction::Disconnect
                    } else {
                        LinkAction::SendEcho
                    };
                }
                let until = self.last_message_at.plus_ms(echo_ms);
                if now < until { LinkAction::WaitUntil(until) } else { LinkAction::SendEcho }
            }
        }
    }

    /// Any authentic message shows that the link is alive.
    pub(crate) fn on_message(&mut self, now: Timestamp) {
        self.last_message_at = now;
        self.missed_echoes = 0;
        self.pending_echo = None;
    }
}

#[cfg(test)]
mod tests {
    use books::Stan;

    use super::*;

    const AT: fn(u64) -> Timestamp = Timestamp;

    #[test]
    fn a_link_that_does_not_sign_on_is_dropped() {
        let mut link = LinkSession::new();
        assert_eq!(link.next_action(AT(0), 10, 60), LinkAction::Idle);
        link.status = LinkStatus::SigningOn { sent: (Stan::of(1), 7), since: AT(100) };
        assert_eq!(link.next_action(AT(105), 10, 60), LinkAction::WaitUntil(AT(110)));
        assert_eq!(link.next_action(AT(110), 10, 60), LinkAction::Disconnect);
    }

    #[test]
    fn a_silent_link_is_dropped_after_two_echoes() {
        let mut link = LinkSession::new();
        link.status = LinkStatus::SignedOn;
        link.on_message(AT(100));
        assert_eq!(link.next_action(AT(120), 10, 60), LinkAction::WaitUntil(AT(160)));
        assert_eq!(link.next_action(AT(160), 10, 60), LinkAction::SendEcho);
        link.pending_echo = Some(AT(160));
        assert_eq!(link.next_action(AT(165), 10, 60), LinkAction::WaitUntil(AT(170)));
        assert_eq!(link.next_action(AT(170), 10, 60), LinkAction::SendEcho, "once more");
        link.pending_echo = Some(AT(170));
        assert_eq!(link.next_action(AT(180), 10, 60), LinkAction::Disconnect);
        link.missed_echoes = 0;
        link.pending_echo = Some(AT(180));
        link.on_message(AT(185));
        assert_eq!(
            link.next_action(AT(190), 10, 60),
            LinkAction::WaitUntil(AT(245)),
            "any message proves the link alive"
        );
    }
}
