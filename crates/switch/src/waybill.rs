//! Waybills: a parcel's identifier, as printed on the parcel and sent in field 58.
//!
//! 26 characters of Crockford's base 32, most significant first, then Crockford's check character:
//! the value modulo 37.

use books::ParcelId;

/// Length of a waybill in characters.
pub const WAYBILL_CHARACTERS: usize = 27;

const DIGITS: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";
const CHECK_MODULUS: u128 = 37;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaybillError {
    #[error("the waybill has {0} characters, it must have {WAYBILL_CHARACTERS}")]
    Length(usize),
    /// Position of the character, from 1.
    #[error("character {0} of the waybill must be 0-9 or A-Z without I, L, O, U")]
    Character(usize),
    /// More than 128 bits.
    #[error("the waybill's first character must be 0 to 7")]
    TooLarge,
    #[error("the waybill's check character is wrong: read the waybill again")]
    Check,
}

#[must_use]
pub fn write(parcel: ParcelId) -> String {
    let bits = parcel.bits();
    let digit = |place: u32| usize::try_from((bits >> (5 * place)) & 31).expect("five bits");
    let mut text: String = (0..26).rev().map(|place| char::from(DIGITS[digit(place)])).collect();
    let check = usize::try_from(bits % CHECK_MODULUS).expect("below 37");
    text.push(char::from(DIGITS[check]));
    text
}

/// Reads a waybill. Upper and lower case are equal.
pub fn read(text: &[u8]) -> Result<ParcelId, WaybillError> {
    if text.len() != WAYBILL_CHARACTERS {
        return Err(WaybillError::Length(text.len()));
    }
    let value = |place: usize, digits: &[u8]| {
        let character = text[place].to_ascii_uppercase();
        let found = digits.iter().position(|&digit| digit == character);
        found.ok_or(WaybillError::Character(place + 1))
    };
    let mut bits = 0_u128;
    for place in 0..WAYBILL_CHARACTERS - 1 {
        if bits >> 123 != 0 {
            return Err(WaybillError::TooLarge);
        }
        bits = (bits << 5) | value(place, &DIGITS[..32])? as u128;
    }
    if value(WAYBILL_CHARACTERS - 1, DIGITS)? as u128 != bits % CHECK_MODULUS {
        return Err(WaybillError::Check);
    }
    Ok(ParcelId::new(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_waybill_is_read_back() {
        for bits in [0, 1, 31, 32, u128::MAX, u128::MAX / 3, 1 << 127] {
            let text = write(ParcelId::new(bits));
            assert_eq!(read(text.as_bytes()), Ok(ParcelId::new(bits)), "{text}");
            assert_eq!(read(text.to_ascii_lowercase().as_bytes()), Ok(ParcelId::new(bits)));
        }
        assert_eq!(write(ParcelId::new(0)), "000000000000000000000000000");
        assert_eq!(write(ParcelId::new(u128::MAX)), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ*");
    }

    #[test]
    fn a_misread_waybill_is_refused() {
        let good = write(ParcelId::new(0xf86a_1851_5711_73af_c197_9796_ec04_bd87));
        assert_eq!(read(&good.as_bytes()[1..]), Err(WaybillError::Length(26)));
        for place in 0..WAYBILL_CHARACTERS {
            let mut wrong = good.clone().into_bytes();
            wrong[place] = if wrong[place] == b'1' { b'2' } else { b'1' };
            assert!(read(&wrong).is_err(), "one wrong digit at {place}");
            wrong[place] = b'!';
            assert_eq!(read(&wrong), Err(WaybillError::Character(place + 1)));
        }
        let mut swapped = good.into_bytes();
        let pair = (1..25).find(|&at| swapped[at] != swapped[at + 1]).expect("two digits differ");
        swapped.swap(pair, pair + 1);
        assert_eq!(read(&swapped), Err(WaybillError::Check));
        assert_eq!(read(b"80000000000000000000000000="), Err(WaybillError::TooLarge));
    }
}
