//! Numbers as digits of fields: in characters, and in BCD, two digits in a byte.

const NUMBER_DIGITS_MAX: usize = 20;

/// A number in characters, with zeros in front up to a width of at most 20. Allocates nothing.
pub(crate) struct Digits {
    characters: [u8; NUMBER_DIGITS_MAX],
    begin: usize,
}

impl Digits {
    pub(crate) fn new(mut number: u64, width: usize) -> Digits {
        let mut characters = [b'0'; NUMBER_DIGITS_MAX];
        let mut begin = NUMBER_DIGITS_MAX;
        while number > 0 {
            begin -= 1;
            characters[begin] += u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
        Digits { characters, begin: begin.min(NUMBER_DIGITS_MAX - width) }
    }
}

impl AsRef<[u8]> for Digits {
    fn as_ref(&self) -> &[u8] {
        &self.characters[self.begin..]
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for number in [0, 7, 10, 156, 12_345_678, 99_999_999, 100_000_000, u64::MAX] {
            assert_eq!(Digits::new(number, 8).as_ref(), format!("{number:08}").as_bytes());
            assert_eq!(Digits::new(number, 0).as_ref().is_empty(), number == 0);
        }
        assert_eq!(Digits::new(5, 20).as_ref(), format!("{:020}", 5).as_bytes());
    }
}
