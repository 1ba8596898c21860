//! Times as RFC 3339 writes them.

/// A time in UTC.
#[must_use]
pub fn rfc3339(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.3}")
}

/// A time as a form has it, in local time, or with its offset. In UTC; none if it is no time.
#[must_use]
pub fn of_local(text: &str, offset_minutes: i16) -> Option<String> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return u64::try_from(at.as_millisecond()).ok().map(rfc3339);
    }
    let local: jiff::civil::DateTime = text.parse().ok()?;
    let at = local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond();
    u64::try_from(at - i64::from(offset_minutes) * 60_000).ok().map(rfc3339)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_local_time_is_taken_at_the_offset_of_the_books() {
        let at = |text| super::of_local(text, 480);
        assert_eq!(at("2013-08-28T00:00").as_deref(), Some("2013-08-27T16:00:00.000Z"));
        assert_eq!(at("2013-08-28T00:00:00Z").as_deref(), Some("2013-08-28T00:00:00.000Z"));
        assert_eq!(at("soon"), None);
    }

    #[test]
    fn a_time_has_milliseconds_and_is_in_utc() {
        assert_eq!(super::rfc3339(1_377_619_200_000), "2013-08-27T16:00:00.000Z");
        assert!(super::rfc3339(u64::MAX).starts_with("9999-12-3"));
    }
}
