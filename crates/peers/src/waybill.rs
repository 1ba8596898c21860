//! Waybills: how a parcel's identifier is written on its label and in field 58.
//!
//! The 128 bits as one number in Crockford's base 32: 26 characters, of which the first is `0` to
//! `7`, then the number modulo 37 as a check character (D. Crockford, "Base 32", crockford.com).

/// The 32 digits, then the five that only a check character can be.
const ALPHABET: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";

const DIGITS: usize = 26;

/// Characters of a waybill.
pub const WAYBILL_CHARS: usize = DIGITS + 1;

/// Why a text is no waybill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaybillError {
    /// Not 27 characters.
    #[error("a waybill has {WAYBILL_CHARS} characters")]
    Length,
    /// A character that is none of the alphabet's.
    #[error("character {0} of the waybill is none of 0-9 and A-Z without I, L, O, U")]
    Character(usize),
    /// More than 128 bits.
    #[error("a waybill begins with 0 to 7")]
    TooLarge,
    /// The last character does not fit the others.
    #[error("the waybill's check character does not fit: a character is wrong or swapped")]
    Check,
}

/// The waybill of a parcel.
#[must_use]
pub fn waybill(bits: u128) -> String {
    let digit = |place: usize| {
        let shift = 5 * (DIGITS - 1 - place);
        let five = usize::try_from(bits >> shift & 31).unwrap_or(0);
        char::from(ALPHABET[five])
    };
    let check = usize::try_from(bits % 37).unwrap_or(0);
    (0..DIGITS).map(digit).chain([char::from(ALPHABET[check])]).collect()
}

/// The parcel of a waybill, in capital letters as it is printed.
///
/// # Errors
/// What is wrong with the text.
pub fn parcel(waybill: &str) -> Result<u128, WaybillError> {
    let text: &[u8; WAYBILL_CHARS] =
        waybill.as_bytes().try_into().map_err(|_| WaybillError::Length)?;
    let mut bits = 0_u128;
    for (place, &character) in text[..DIGITS].iter().enumerate() {
        let known = ALPHABET[..32].iter().position(|&known| known == character);
        let value = known.ok_or(WaybillError::Character(place + 1))?;
        if place == 0 && value > 7 {
            return Err(WaybillError::TooLarge);
        }
        bits = bits << 5 | value as u128;
    }
    let check = usize::try_from(bits % 37).unwrap_or(0);
    if ALPHABET[check] == text[DIGITS] { Ok(bits) } else { Err(WaybillError::Check) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_written_with_their_check_character() {
        assert_eq!(waybill(0), format!("{}0", "0".repeat(26)));
        assert_eq!(waybill(32), format!("{}10*", "0".repeat(24)));
        assert_eq!(waybill(36), format!("{}14U", "0".repeat(24)));
        assert_eq!(waybill(u128::MAX), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ*");
        // 0x0123456789ABCDEF0123456789ABCDEF, worked out apart.
        assert_eq!(
            waybill(0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF),
            "014D2PF2DBSQQG28T5CY4TQKFFK"
        );
    }

    #[test]
    fn what_is_no_waybill_is_refused() {
        assert_eq!(parcel("0"), Err(WaybillError::Length));
        assert_eq!(parcel("80000000000000000000000000A"), Err(WaybillError::TooLarge));
        assert_eq!(parcel("0I0000000000000000000000000"), Err(WaybillError::Character(2)));
        assert_eq!(parcel("00000000000000000000000010"), Err(WaybillError::Length));
        assert_eq!(parcel("0000000000000000000000000\u{fc}"), Err(WaybillError::Character(26)));
        assert_eq!(parcel("000000000000000000000000100"), Err(WaybillError::Check));
    }

    proptest! {
        #[test]
        fn a_parcel_comes_back(bits: u128) {
            prop_assert_eq!(parcel(&waybill(bits)), Ok(bits));
        }

        #[test]
        fn swapped_characters_are_found(bits: u128, place in 0..25_usize) {
            let mut text = waybill(bits).into_bytes();
            prop_assume!(text[place] != text[place + 1]);
            text.swap(place, place + 1);
            prop_assert!(parcel(std::str::from_utf8(&text).unwrap()).is_err());
        }
    }
}
