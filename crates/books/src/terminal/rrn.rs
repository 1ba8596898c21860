//! Retrieval reference numbers.

use std::fmt;

use crate::terminal::transaction::NetworkReference;

/// 2010-01-01T00:00:00Z. RRNs count seconds from here.
const RRN_EPOCH_S: u64 = 1_262_304_000;

const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

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
    use machine::Timestamp;

    use super::*;
    use crate::Stan;

    #[test]
    fn rrns_differ_where_time_or_stan_differ() {
        let at = Timestamp(1_262_304_000_000 + 33_000);
        let rrn = |stan, sent_at| Rrn::of(NetworkReference { stan, sent_at }).to_string();
        assert_eq!(rrn(Stan::of(7), at), "000011000007");
        assert_eq!(rrn(Stan::MAX, at.plus_ms(1000)), "000012999999");
    }
}
