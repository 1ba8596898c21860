//! What happens next with the notices of one recipient by one channel. They go one after another.

use crate::limits::DIGEST_NOTICES_MAX;
use crate::outbox::NoticeState;

/// A notice that has not ended, as much of it as decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitingNotice {
    pub number: i64,
    pub made_at_ms: u64,
    /// Since when it waits.
    pub since_ms: u64,
    /// Not before: after a failure.
    pub next_at_ms: u64,
    pub in_digest: bool,
    pub ignores_quiet_hours: bool,
    /// The first notice of those with which it was sent before.
    pub sent_with: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneStep {
    /// Sends so many notices as one, from the first on.
    Send {
        count: usize,
    },
    Wait {
        until_ms: u64,
        as_state: Option<NoticeState>,
    },
    /// Nothing waits.
    Idle,
}

/// `waiting` has the first notices in order, one more than a digest takes at most. In quiet hours
/// it has those that quiet hours do not hold back, if there are any.
#[must_use]
pub fn next_step(
    waiting: &[WaitingNotice],
    digest_ms: Option<u64>,
    quiet_until_ms: Option<u64>,
    now_ms: u64,
) -> LaneStep {
    let Some(first) = waiting.first() else { return LaneStep::Idle };
    if let Some(until_ms) = quiet_until_ms
        && !first.ignores_quiet_hours
    {
        return LaneStep::Wait { until_ms, as_state: Some(NoticeState::Held) };
    }
    if first.next_at_ms > now_ms {
        return LaneStep::Wait { until_ms: first.next_at_ms, as_state: None };
    }
    // An attempt that is repeated says the same as before.
    if let Some(with) = first.sent_with {
        let same = waiting.iter().take_while(|one| one.sent_with == Some(with));
        return LaneStep::Send { count: same.count() };
    }
    let Some(window_ms) = digest_ms.filter(|_| first.in_digest && quiet_until_ms.is_none()) else {
        return LaneStep::Send { count: 1 };
    };
    let together = waiting.iter().take_while(|one| one.in_digest && one.sent_with.is_none());
    let count = together.take(DIGEST_NOTICES_MAX).count();
    let is_open = count == waiting.len() && count < DIGEST_NOTICES_MAX;
    let closes_ms = first.since_ms.saturating_add(window_ms);
    match is_open && now_ms < closes_ms {
        true => LaneStep::Wait { until_ms: closes_ms, as_state: Some(NoticeState::InDigest) },
        false => LaneStep::Send { count },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn notice(number: i64) -> WaitingNotice {
        WaitingNotice { number, since_ms: NOW, ..WaitingNotice::default() }
    }

    fn in_digest(number: i64) -> WaitingNotice {
        WaitingNotice { in_digest: true, ..notice(number) }
    }

    #[test]
    fn a_notice_waits_for_the_one_before() {
        let failed = WaitingNotice { next_at_ms: NOW + 5, ..notice(1) };
        let waits = LaneStep::Wait { until_ms: NOW + 5, as_state: None };
        assert_eq!(next_step(&[failed, notice(2)], None, None, NOW), waits);
        assert_eq!(
            next_step(&[failed, notice(2)], None, None, NOW + 5),
            LaneStep::Send { count: 1 }
        );
        assert_eq!(next_step(&[], None, None, NOW), LaneStep::Idle);
    }

    #[test]
    fn a_digest_ends_with_its_window_or_with_a_notice_that_is_not_of_it() {
        let two = [in_digest(1), in_digest(2)];
        let waits = LaneStep::Wait { until_ms: NOW + 60, as_state: Some(NoticeState::InDigest) };
        assert_eq!(next_step(&two, Some(60), None, NOW + 59), waits);
        assert_eq!(next_step(&two, Some(60), None, NOW + 60), LaneStep::Send { count: 2 });
        let before_another = [in_digest(1), in_digest(2), notice(3)];
        assert_eq!(next_step(&before_another, Some(60), None, NOW), LaneStep::Send { count: 2 });
        let full = vec![in_digest(1); DIGEST_NOTICES_MAX + 1];
        let all = LaneStep::Send { count: DIGEST_NOTICES_MAX };
        assert_eq!(next_step(&full, Some(60), None, NOW), all);
        assert_eq!(next_step(&two, None, None, NOW), LaneStep::Send { count: 1 });
    }

    #[test]
    fn a_repeated_digest_has_the_notices_of_the_first_attempt() {
        let sent = |number| WaitingNotice { sent_with: Some(1), ..in_digest(number) };
        let more = [sent(1), sent(2), in_digest(3)];
        assert_eq!(next_step(&more, Some(60), None, NOW), LaneStep::Send { count: 2 });
    }

    #[test]
    fn quiet_hours_hold_all_but_what_ignores_them() {
        let held = LaneStep::Wait { until_ms: NOW + 9, as_state: Some(NoticeState::Held) };
        assert_eq!(next_step(&[notice(1)], None, Some(NOW + 9), NOW), held);
        let urgent = WaitingNotice { ignores_quiet_hours: true, ..in_digest(2) };
        let sent = LaneStep::Send { count: 1 };
        assert_eq!(next_step(&[urgent], Some(60), Some(NOW + 9), NOW), sent);
    }
}
