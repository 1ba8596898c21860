//! Waybills: a parcel's identifier as the label and field 58 carry it.
//!
//! The 128-bit number in Crockford's base 32: 26 characters, the first `0` to `7`, then the number
//! modulo 37 as a check character (D. Crockford, "Base 32", crockford.com).

/// The 32 digits, then the five characters that only a check character can be.
const ALPHABET: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";

const DIGITS: usize = 26;

pub const WAYBILL_CHARS: usize = DIGITS + 1;

/// A text is not a waybill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaybillFormatError {
    #[error("a waybill must have {WAYBILL_CHARS} characters")]
    Length,
    /// Position from 1.
    #[error("character {0} of the waybill is not one of 0-9 and A-Z without I, L, O, U")]
    Character(usize),
    #[error("a waybill must start with 0 to 7")]
    TooLarge,
    #[error("the waybill's check character is wrong: a character is mistyped or swapped")]
    Check,
}

/// Formats a parcel's identifier.
#[must_use]
pub fn format_waybill(bits: u128) -> String {
    let digit = |place: usize| {
        let shift = 5 * (DIGITS - 1 - place);
        let five = usize::try_from(bits >> shift & 31).unwrap_or(0);
        char::from(ALPHABET[five])
    };
    let check = usize::try_from(bits % 37).unwrap_or(0);
    (0..DIGITS).map(digit).chain([char::from(ALPHABET[check])]).collect()
}

/// Reads a parcel's identifier. Capital letters only, as printed.
pub fn parse_waybill(waybill: &str) -> Result<u128, WaybillFormatError> {
    let text: &[u8; WAYBILL_CHARS] =
        waybill.as_bytes().try_into().map_err(|_| WaybillFormatError::Length)?;
    let mut bits = 0_u128;
    for (place, &character) in text[..DIGITS].iter().enumerate() {
        let known = ALPHABET[..32].iter().position(|&known| known == character);
        let value = known.ok_or(WaybillFormatError::Character(place + 1))?;
        if place == 0 && value > 7 {
            return Err(WaybillFormatError::TooLarge);
        }
        bits = bits << 5 | value as u128;
    }
    let check = usize::try_from(bits % 37).unwrap_or(0);
    if ALPHABET[check] == text[DIGITS] { Ok(bits) } else { Err(WaybillFormatError::Check) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waybills_end_with_their_check_character() {
        assert_eq!(format_waybill(0), format!("{}0", "0".repeat(26)));
        assert_eq!(format_waybill(32), format!("{}10*", "0".repeat(24)));
        assert_eq!(format_waybill(36), format!("{}14U", "0".repeat(24)));
        assert_eq!(format_waybill(u128::MAX), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ*");
        // Computed independently.
        assert_eq!(
            format_waybill(0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF),
            "014D2PF2DBSQQG28T5CY4TQKFFK"
        );
    }

    #[test]
    fn invalid_waybills_are_refused() {
        assert_eq!(parse_waybill("0"), Err(WaybillFormatError::Length));
        assert_eq!(parse_waybill("80000000000000000000000000A"), Err(WaybillFormatError::TooLarge));
        assert_eq!(
            parse_waybill("0I0000000000000000000000000"),
            Err(WaybillFormatError::Character(2))
        );
        assert_eq!(parse_waybill("00000000000000000000000010"), Err(WaybillFormatError::Length));
        assert_eq!(
            parse_waybill("0000000000000000000000000\u{fc}"),
            Err(WaybillFormatError::Character(26))
        );
        assert_eq!(parse_waybill("000000000000000000000000100"), Err(WaybillFormatError::Check));
    }

    proptest! {
        #[test]
        fn a_parcel_comes_back(bits: u128) {
            prop_assert_eq!(parse_waybill(&format_waybill(bits)), Ok(bits));
        }

        #[test]
        fn swapped_characters_are_detected(bits: u128, place in 0..25_usize) {
            let mut text = format_waybill(bits).into_bytes();
            prop_assume!(text[place] != text[place + 1]);
            text.swap(place, place + 1);
            prop_assert!(parse_waybill(std::str::from_utf8(&text).unwrap()).is_err());
        }
    }
}
