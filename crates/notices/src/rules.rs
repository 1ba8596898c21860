//! The channels, and what their rules are.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::limits::{DAY_MS, MESSAGE_RETRIES_MS, MINUTE_MS, WEBHOOK_RETRIES_MS};

/// A way in which notices leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeChannel {
    Webhook,
    Mail,
    Sms,
    /// A group robot of WeCom.
    Wecom,
    /// A service account of WeChat.
    Wechat,
    /// Public notices only.
    Weibo,
}

impl NoticeChannel {
    pub const ALL: [NoticeChannel; 6] = [
        NoticeChannel::Webhook,
        NoticeChannel::Mail,
        NoticeChannel::Sms,
        NoticeChannel::Wecom,
        NoticeChannel::Wechat,
        NoticeChannel::Weibo,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            NoticeChannel::Webhook => "webhook",
            NoticeChannel::Mail => "mail",
            NoticeChannel::Sms => "sms",
            NoticeChannel::Wecom => "wecom",
            NoticeChannel::Wechat => "wechat",
            NoticeChannel::Weibo => "weibo",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<NoticeChannel> {
        NoticeChannel::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Whether a notice whose outcome is not known is sent again. The receiver of a webhook drops
    /// the second one by its id.
    #[must_use]
    pub fn is_at_least_once(self) -> bool {
        self == NoticeChannel::Webhook
    }

    pub(crate) fn retries_ms(self) -> &'static [u64] {
        match self {
            NoticeChannel::Webhook => &WEBHOOK_RETRIES_MS,
            _ => &MESSAGE_RETRIES_MS,
        }
    }

    /// Whether each send uses up a consent of the recipient.
    #[must_use]
    pub fn needs_consent(self) -> bool {
        self == NoticeChannel::Wechat
    }

    /// Characters of a text. `None`: [`NoticeChannel::text_bytes_max`] counts.
    pub(crate) fn text_characters_max(self) -> Option<usize> {
        match self {
            // Four parts of 67 UTF-16 units.
            NoticeChannel::Sms => Some(268),
            // With room for the URL that each post has.
            NoticeChannel::Weibo => Some(112),
            NoticeChannel::Wechat => Some(200),
            NoticeChannel::Mail | NoticeChannel::Webhook => Some(4_000),
            NoticeChannel::Wecom => None,
        }
    }

    /// Bytes of a title and a text.
    pub(crate) fn text_bytes_max(self) -> usize {
        match self {
            NoticeChannel::Wecom => 2_048,
            _ => 16_384,
        }
    }
}

impl fmt::Display for NoticeChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Minutes of the day, local time. They may go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    from_minute: u16,
    until_minute: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` are no quiet hours; write them as 22:00-08:00")]
pub struct QuietHoursError(pub String);

impl FromStr for QuietHours {
    type Err = QuietHoursError;

    fn from_str(text: &str) -> Result<QuietHours, QuietHoursError> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':').filter(|_| text.len() == 5)?;
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(60 * hour + minute)
        };
        let both = text.split_once('-').and_then(|(from, until)| {
            Some(QuietHours { from_minute: minute(from)?, until_minute: minute(until)? })
        });
        both.filter(|both| both.from_minute != both.until_minute)
            .ok_or_else(|| QuietHoursError(text.chars().take(20).collect()))
    }
}

impl QuietHours {
    /// When the quiet hours end that a time is in. `None` if it is in none.
    #[must_use]
    pub fn end_after(self, now_ms: u64, utc_offset_minutes: i16) -> Option<u64> {
        let ahead = i64::from(utc_offset_minutes) * 60_000;
        let of_day = now_ms.saturating_add_signed(ahead) % DAY_MS;
        let (from, until) =
            (u64::from(self.from_minute) * MINUTE_MS, u64::from(self.until_minute) * MINUTE_MS);
        let is_quiet = match from < until {
            true => (from..until).contains(&of_day),
            false => of_day >= from || of_day < until,
        };
        let left = if of_day < until { until - of_day } else { DAY_MS - of_day + until };
        is_quiet.then(|| now_ms.saturating_add(left))
    }
}

/// The UTC offsets of the books' time zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneOffsets {
    pub first_minutes: i16,
    /// From when on, in milliseconds since 1970, another one holds. In order.
    pub changes: Vec<(u64, i16)>,
}

impl ZoneOffsets {
    #[must_use]
    pub fn at(&self, ms: u64) -> i16 {
        let before = self.changes.iter().rev().find(|(from, _)| *from <= ms);
        before.map_or(self.first_minutes, |(_, minutes)| *minutes)
    }
}

/// What holds for a channel that is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelRules {
    /// Nothing is sent in these hours, but for notices that the table excepts.
    pub quiet: Option<QuietHours>,
    /// How long notices of a digest are collected.
    pub digest_ms: Option<u64>,
    /// Notices to one recipient in any minute.
    pub per_minute_each: Option<u32>,
    /// Notices in any minute.
    pub per_minute: Option<u32>,
}

/// The channels that are on, and the time zone of quiet hours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryRules {
    pub channels: BTreeMap<NoticeChannel, ChannelRules>,
    pub zone: ZoneOffsets,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> QuietHours {
        text.parse().unwrap()
    }

    #[test]
    fn quiet_hours_go_over_midnight_in_local_time() {
        let night = hours("22:00-08:00");
        // 2013-08-28, 21:59, 22:00, 03:00 and 08:00 in Shanghai.
        let evening = 1_377_619_200_000 + (21 * 60 + 59) * MINUTE_MS;
        assert_eq!(night.end_after(evening, 480), None);
        let end = evening + MINUTE_MS + 10 * HOUR;
        assert_eq!(night.end_after(evening + MINUTE_MS, 480), Some(end));
        assert_eq!(night.end_after(evening + 5 * HOUR, 480), Some(end));
        assert_eq!(night.end_after(end, 480), None);
        assert_eq!(hours("12:00-13:30").end_after(evening, 480), None);
    }

    const HOUR: u64 = 60 * MINUTE_MS;

    #[test]
    fn other_texts_are_no_quiet_hours() {
        for text in ["", "22-8", "24:00-08:00", "22:60-08:00", "08:00-08:00", "22:00 08:00"] {
            assert!(text.parse::<QuietHours>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_offset_holds_from_its_change_on() {
        let zone = ZoneOffsets { first_minutes: 60, changes: vec![(1_000, 120), (2_000, 60)] };
        assert_eq!([0, 999, 1_000, 1_999, 2_000].map(|ms| zone.at(ms)), [60, 60, 120, 120, 60]);
    }
}
