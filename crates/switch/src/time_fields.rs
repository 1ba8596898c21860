//! Dates, times and retrieval reference numbers of messages.

use std::fmt;

use books::{NetworkReference, Timestamp};

/// 2010-01-01T00:00:00Z. RRNs count seconds from here.
const RRN_EPOCH_S: u64 = 1_262_304_000;

const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Field 7: `MMDDhhmmss` in UTC.
pub(crate) fn transmission_date_time(at: Timestamp) -> u32 {
    let (time, date) = local_time_and_date(at, 0);
    u32::from(date) * 1_000_000 + time
}

/// Fields 12 and 13: `hhmmss` and `MMDD` in local time, `utc_offset_minutes` ahead of UTC.
pub(crate) fn local_time_and_date(at: Timestamp, utc_offset_minutes: i16) -> (u32, u16) {
    let local = at.local(utc_offset_minutes);
    let [month, day, hour, minute, second] =
        [local.month(), local.day(), local.hour(), local.minute(), local.second()]
            .map(|part| u16::from(part.unsigned_abs()));
    let time = u32::from(hour) * 10_000 + u32::from(minute * 100 + second);
    (time, month * 100 + day)
}

/// Retrieval reference number: field 37, twelve letters and digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rrn([u8; 12]);

impl Rrn {
    /// The number of a message: the seconds since 2010 in base 32, then the STAN.
    #[must_use]
    pub fn of(sent: NetworkReference) -> Rrn {
        let mut rrn = [b'0'; 12];
        let mut seconds = (sent.sent_at.0 / 1000).saturating_sub(RRN_EPOCH_S);
        for place in rrn[..6].iter_mut().rev() {
            *place = BASE32[usize::try_from(seconds % 32).unwrap_or(0)];
            seconds /= 32;
        }
        let mut stan = sent.stan.get();
        for place in rrn[6..].iter_mut().rev() {
            *place = b'0' + u8::try_from(stan % 10).unwrap_or(0);
            stan /= 10;
        }
        Rrn(rrn)
    }

    #[must_use]
    pub const fn bytes(self) -> [u8; 12] {
        self.0
    }
}

impl fmt::Display for Rrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Rrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rrn({self})")
    }
}

#[cfg(test)]
mod tests {
    use books::Stan;

    use super::*;

    #[test]
    fn times_have_the_format_of_their_fields() {
        // 2013-08-28T01:02:03Z
        let at = Timestamp(1_377_651_723_000);
        assert_eq!(transmission_date_time(at), 828_010_203);
        assert_eq!(local_time_and_date(at, 480), (90_203, 828));
        assert_eq!(local_time_and_date(at, -120), (230_203, 827));
        // 2024-02-29T23:59:59Z and the second after it.
        assert_eq!(transmission_date_time(Timestamp(1_709_251_199_999)), 229_235_959);
        assert_eq!(transmission_date_time(Timestamp(1_709_251_200_000)), 301_000_000);
        assert_eq!(transmission_date_time(Timestamp(0)), 101_000_000);
    }

    #[test]
    fn rrns_differ_where_time_or_stan_differ() {
        let at = Timestamp(1_262_304_000_000 + 33_000);
        let rrn = |stan, sent_at| Rrn::of(NetworkReference { stan, sent_at }).to_string();
        assert_eq!(rrn(Stan::of(7), at), "000011000007");
        assert_eq!(rrn(Stan::MAX, at.plus_ms(1000)), "000012999999");
    }
}
