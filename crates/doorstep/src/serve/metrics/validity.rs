//! The end of a certificate's validity (RFC 5280, 4.1.2.5), from its DER.

const SEQUENCE: u8 = 0x30;
/// The version, which old certificates leave out.
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// With four digits of the year.
const TIME_BYTES: usize = "20261130120000Z".len();

/// The tag and the content of the first element, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    let (length, rest) = match first {
        0..0x80 => (usize::from(first), rest),
        _ => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            let add =
                |length: usize, byte: &u8| length.checked_mul(256)?.checked_add(usize::from(*byte));
            (bytes.iter().try_fold(0, add)?, rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn tagged(der: &[u8], expected: u8) -> Option<&[u8]> {
    element(der).and_then(|(tag, content, _)| (tag == expected).then_some(content))
}

/// In seconds since 1970. `None` if the certificate does not say it as X.509 does.
pub(super) fn until_s(certificate: &[u8]) -> Option<u64> {
    let mut rest = tagged(tagged(certificate, SEQUENCE)?, SEQUENCE)?;
    if element(rest)?.0 == VERSION {
        rest = element(rest)?.2;
    }
    // Serial number, algorithm and issuer come before the validity.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, _, end) = element(tagged(rest, SEQUENCE)?)?;
    let (tag, text, _) = element(end)?;
    let text = std::str::from_utf8(text).ok()?;
    let text = match (tag, text.get(..2)?.parse::<u8>().ok()?) {
        (GENERALIZED_TIME, _) => text.to_owned(),
        // Two digits are of 1950 to 2049.
        (UTC_TIME, 0..50) => format!("20{text}"),
        (UTC_TIME, _) => format!("19{text}"),
        _ => return None,
    };
    // Otherwise `%S` would take one digit.
    if text.len() != TIME_BYTES {
        return None;
    }
    let until = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    let until = until.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    u64::try_from(until.timestamp().as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        let length = if length < 0x80 { vec![length] } else { vec![0x81, length] };
        [&[tag][..], &length, content].concat()
    }

    fn certificate(tag: u8, until: &str, version: bool) -> Vec<u8> {
        let validity = [der(UTC_TIME, b"700101000000Z"), der(tag, until.as_bytes())].concat();
        let version = if version { der(VERSION, &der(2, &[2])) } else { Vec::new() };
        let issuer = der(SEQUENCE, &[5; 120]);
        let parts = [version, der(2, &[7]), der(SEQUENCE, &[]), issuer, der(SEQUENCE, &validity)];
        der(SEQUENCE, &der(SEQUENCE, &parts.concat()))
    }

    /// The expected values are of `date -u -d TIME +%s`.
    #[test]
    fn the_end_of_the_validity_is_read() {
        for (tag, until, expected) in [
            (UTC_TIME, "261130120000Z", 1_796_040_000),
            (UTC_TIME, "280229235959Z", 1_835_481_599),
            (GENERALIZED_TIME, "21000301000000Z", 4_107_542_400),
            (GENERALIZED_TIME, "20500101000000Z", 2_524_608_000),
        ] {
            for version in [true, false] {
                assert_eq!(until_s(&certificate(tag, until, version)), Some(expected), "{until}");
            }
        }
    }

    #[test]
    fn what_is_no_time_is_not_known() {
        for until in ["", "Z", "261330120000Z", "26113012000Z", "2611301200+100", "26113é2000Z"] {
            assert_eq!(until_s(&certificate(UTC_TIME, until, true)), None, "{until}");
        }
        let whole = certificate(UTC_TIME, "261130120000Z", true);
        for length in 0..whole.len() {
            assert_eq!(until_s(&whole[..length]), None, "{length} bytes");
        }
    }
}
