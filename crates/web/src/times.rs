//! Times as RFC 3339 writes them.

/// A time in UTC.
#[must_use]
pub fn rfc3339(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_time_has_milliseconds_and_is_in_utc() {
        assert_eq!(super::rfc3339(1_377_619_200_000), "2013-08-27T16:00:00.000Z");
        assert!(super::rfc3339(u64::MAX).starts_with("9999-12-3"));
    }
}
