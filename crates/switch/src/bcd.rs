//! Numbers in BCD, two digits in a byte.

/// The last digits of a number.
pub(crate) fn to_bcd(mut number: u64, bytes: usize) -> Vec<u8> {
    let mut digits = vec![0; bytes];
    for byte in digits.iter_mut().rev() {
        let pair = u8::try_from(number % 100).unwrap_or(0);
        *byte = ((pair / 10) << 4) | (pair % 10);
        number /= 100;
    }
    digits
}

/// `None` if a nibble is not a digit or the number exceeds 64 bits.
pub(crate) fn from_bcd(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, byte| {
        let (tens, ones) = (byte >> 4, byte & 15);
        let pair = (tens < 10 && ones < 10).then_some(u64::from(tens * 10 + ones))?;
        number.checked_mul(100)?.checked_add(pair)
    })
}
