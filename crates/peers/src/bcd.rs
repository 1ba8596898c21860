//! Numbers in BCD, two digits in a byte.

/// The last `2 * N` digits of `number`.
pub(crate) fn to_bcd<const N: usize>(number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    let mut rest = number;
    for byte in bytes.iter_mut().rev() {
        let pair = u8::try_from(rest % 100).unwrap_or(0);
        *byte = (pair / 10) << 4 | (pair % 10);
        rest /= 100;
    }
    bytes
}

/// `None` if a nibble is not a digit or the number exceeds 64 bits.
pub(crate) fn from_bcd(bytes: &[u8]) -> Option<u64> {
    let digit = |nibble: u8| (nibble < 10).then_some(u64::from(nibble));
    bytes.iter().try_fold(0_u64, |sum, byte| {
        let pair = digit(byte >> 4)? * 10 + digit(byte & 15)?;
        sum.checked_mul(100)?.checked_add(pair)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bcd_converts_both_ways() {
        assert_eq!(to_bcd::<3>(1_234), [0x00, 0x12, 0x34]);
        assert_eq!(from_bcd(&[0x00, 0x12, 0x34]), Some(1_234));
        assert_eq!(from_bcd(&[0x1A]), None);
        assert_eq!(from_bcd(&[0x99; 11]), None);
    }
}
