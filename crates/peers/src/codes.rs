//! Codes and numbers of ISO 8583 in fields 37, 38 and 39, which `docs/door` fixes in length.

use std::fmt;

/// 2010-01-01 00:00 UTC in seconds since 1970: RRNs count from here.
pub(crate) const RRN_EPOCH_S: u64 = 1_262_304_000;

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Response code: field 39.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResponseCode([u8; 2]);

/// Authorisation code: field 38, from the issuer, or from the terminal for an offline sale.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AuthorisationCode([u8; 6]);

/// Retrieval reference number: field 37, given by the switch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rrn([u8; 12]);

/// A field of format `an`, with a fixed number of characters.
macro_rules! an_field {
    ($name:ident, $length:literal) => {
        impl $name {
            /// `None` if a character is not an ASCII letter or digit.
            #[must_use]
            pub fn new(characters: [u8; $length]) -> Option<$name> {
                characters.iter().all(u8::is_ascii_alphanumeric).then_some($name(characters))
            }

            #[must_use]
            pub const fn bytes(self) -> [u8; $length] {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.escape_ascii().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

an_field!(ResponseCode, 2);
an_field!(AuthorisationCode, 6);
an_field!(Rrn, 12);

/// The response codes that the simulators send or react to.
impl ResponseCode {
    pub const APPROVED: ResponseCode = ResponseCode(*b"00");
    pub const DO_NOT_HONOUR: ResponseCode = ResponseCode(*b"05");
    /// Reason of a reversal: the terminal could not complete the transaction.
    pub const TERMINAL_FAILURE: ResponseCode = ResponseCode(*b"06");
    /// QR: the payer has not paid yet.
    pub const PAYMENT_PENDING: ResponseCode = ResponseCode(*b"09");
    /// Not possible in the transaction's state.
    pub const INVALID_TRANSACTION: ResponseCode = ResponseCode(*b"12");
    /// The amount is zero.
    pub const INVALID_AMOUNT: ResponseCode = ResponseCode(*b"13");
    pub const INVALID_CARD: ResponseCode = ResponseCode(*b"14");
    /// The request was reversed before it arrived.
    pub const NO_ACTION: ResponseCode = ResponseCode(*b"21");
    /// The original transaction is not known.
    pub const ORIGINAL_NOT_FOUND: ResponseCode = ResponseCode(*b"25");
    pub const FORMAT_ERROR: ResponseCode = ResponseCode(*b"30");
    /// Field 32 names another acquirer.
    pub const UNKNOWN_ACQUIRER: ResponseCode = ResponseCode(*b"31");
    pub const INSUFFICIENT_FUNDS: ResponseCode = ResponseCode(*b"51");
    pub const WRONG_PIN: ResponseCode = ResponseCode(*b"55");
    /// Over a limit of the card, the courier or the terminal.
    pub const LIMIT_EXCEEDED: ResponseCode = ResponseCode(*b"61");
    /// The amount does not match the original's.
    pub const AMOUNT_MISMATCH: ResponseCode = ResponseCode(*b"64");
    /// The outcome is not known in time; for a QR code, it expired.
    pub const RESPONSE_TIMEOUT: ResponseCode = ResponseCode(*b"68");
    /// Field 60 names another batch than the open one.
    pub const BATCH_MISMATCH: ResponseCode = ResponseCode(*b"77");
    pub const NOT_SIGNED_ON: ResponseCode = ResponseCode(*b"91");
    /// STAN, time and terminal were already used for another request.
    pub const DUPLICATE_STAN: ResponseCode = ResponseCode(*b"94");
    pub const TOTALS_DIFFER: ResponseCode = ResponseCode(*b"95");
    /// Cannot process the request now.
    pub const SYSTEM_ERROR: ResponseCode = ResponseCode(*b"96");
    /// Reason of a reversal: no answer arrived.
    pub const NO_ANSWER: ResponseCode = ResponseCode(*b"98");
    pub const MAC_ERROR: ResponseCode = ResponseCode(*b"A0");

    /// Whether an advice with this answer was not processed and is sent again.
    pub(crate) fn asks_again(self) -> bool {
        [Self::NOT_SIGNED_ON, Self::SYSTEM_ERROR, Self::MAC_ERROR].contains(&self)
    }
}

impl AuthorisationCode {
    /// The last six digits of a number.
    pub(crate) fn of_number(number: u32) -> AuthorisationCode {
        let mut digits = [b'0'; 6];
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        AuthorisationCode(digits)
    }
}

impl Rrn {
    /// The number of a request to a network: six characters of seconds since 2010 in Crockford's
    /// base 32, then the STAN. Earlier times count as 2010.
    #[must_use]
    pub fn of_request(sent_ms: u64, stan: u32) -> Rrn {
        let seconds = (sent_ms / 1_000).saturating_sub(RRN_EPOCH_S);
        let mut rrn = [b'0'; 12];
        for (place, character) in rrn[..6].iter_mut().rev().enumerate() {
            *character = CROCKFORD[usize::try_from(seconds >> (5 * place) & 31).unwrap_or(0)];
        }
        rrn[6..].copy_from_slice(&format!("{stan:06}").as_bytes()[..6]);
        Rrn(rrn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_only_letters_and_digits() {
        assert_eq!(ResponseCode::new(*b"A0").map(|code| code.to_string()).as_deref(), Some("A0"));
        assert_eq!(ResponseCode::new(*b"5 "), None);
        assert_eq!(AuthorisationCode::new(*b"      "), None);
        assert_eq!(Rrn::new([0; 12]), None);
    }

    #[test]
    fn an_authorisation_code_has_the_last_six_digits() {
        assert_eq!(AuthorisationCode::of_number(42).to_string(), "000042");
        assert_eq!(AuthorisationCode::of_number(1_234_567).to_string(), "234567");
    }

    #[test]
    fn an_rrn_has_the_time_and_the_stan() {
        // 2026-11-22 21:18:00 UTC is 533,078,280 seconds after 2010-01-01.
        assert_eq!(Rrn::of_request(1_795_382_280_999, 42).to_string(), "FWC888000042");
        assert_eq!(Rrn::of_request(0, 999_999).to_string(), "000000999999");
    }
}
