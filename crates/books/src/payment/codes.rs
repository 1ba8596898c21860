//! Codes and numbers of ISO 8583 and of wallets, as types.

use std::fmt;
use std::io;
use std::num::{NonZeroU8, NonZeroU32, NonZeroU64};
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// A text that is not the code or number that it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodeError(&'static str);

fn invalid(error: CodeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Declares codes of a fixed number of ASCII characters. Their bytes are never zero, so an
/// `Option` of one needs no more space.
macro_rules! character_codes {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident, $length:literal, $allowed:ident, $pattern:literal, $format:literal,
            $rule:literal
    )+) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
        pub struct $name([NonZeroU8; $length]);

        impl $name {
            /// # Errors
            /// A character is not allowed.
            pub const fn new(code: [u8; $length]) -> Result<$name, CodeError> {
                let mut characters = [NonZeroU8::MIN; $length];
                let mut place = 0;
                while place < $length {
                    match NonZeroU8::new(code[place]) {
                        Some(character) if code[place].$allowed() => characters[place] = character,
                        _ => return Err(CodeError($rule)),
                    }
                    place += 1;
                }
                Ok($name(characters))
            }

            /// A code known to be right.
            ///
            /// # Panics
            /// A character is not allowed.
            #[must_use]
            pub const fn of(code: &[u8; $length]) -> $name {
                match $name::new(*code) {
                    Ok(code) => code,
                    Err(_) => panic!($rule),
                }
            }

            #[must_use]
            pub fn bytes(self) -> [u8; $length] {
                self.0.map(NonZeroU8::get)
            }
        }

        machine::json_as_text!($name, $pattern, $format);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&String::from_utf8_lossy(&self.bytes()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = CodeError;

            fn from_str(text: &str) -> Result<$name, CodeError> {
                let code = text.as_bytes().try_into().map_err(|_| CodeError($rule))?;
                $name::new(code)
            }
        }

        impl BorshDeserialize for $name {
            fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<$name> {
                $name::new(BorshDeserialize::deserialize_reader(reader)?).map_err(invalid)
            }
        }
    )+};
}

character_codes! {
    /// Response code: field 39.
    ResponseCode, 2, is_ascii_alphanumeric, "^[0-9A-Za-z]{2}$", "response-code",
        "a response code is two letters or digits"
    /// Authorisation code: field 38, from the issuer, or from the terminal for an offline sale.
    AuthorisationCode, 6, is_ascii_graphic, "^[!-~]{6}$", "authorisation-code",
        "an authorisation code is six printable characters without spaces"
    /// Retrieval reference number (RRN): field 37.
    RetrievalReference, 12, is_ascii_graphic, "^[!-~]{12}$", "retrieval-reference",
        "a retrieval reference number is twelve printable characters without spaces"
    /// A wallet's key of one payment. Tells the payments of an order apart.
    WalletPaymentId, 6, is_ascii_graphic, "^[!-~]{6}$", "wallet-payment",
        "a wallet's payment id is six printable characters without spaces"
}

impl ResponseCode {
    /// Approved, or done.
    pub const APPROVED: ResponseCode = ResponseCode::of(b"00");
    /// The QR code is not paid yet.
    pub const QR_PENDING: ResponseCode = ResponseCode::of(b"09");
    /// The transaction is not possible, or not in this state.
    pub const INVALID_TRANSACTION: ResponseCode = ResponseCode::of(b"12");
    pub const INVALID_AMOUNT: ResponseCode = ResponseCode::of(b"13");
    pub const INVALID_CARD: ResponseCode = ResponseCode::of(b"14");
    /// No network takes the card.
    pub const NO_SUCH_ISSUER: ResponseCode = ResponseCode::of(b"15");
    /// The original transaction is not known.
    pub const ORIGINAL_NOT_FOUND: ResponseCode = ResponseCode::of(b"25");
    pub const FORMAT_ERROR: ResponseCode = ResponseCode::of(b"30");
    /// No such kind of request.
    pub const NOT_SUPPORTED: ResponseCode = ResponseCode::of(b"40");
    pub const WRONG_PIN: ResponseCode = ResponseCode::of(b"55");
    pub const TERMINAL_BLOCKED: ResponseCode = ResponseCode::of(b"58");
    pub const LIMIT_EXCEEDED: ResponseCode = ResponseCode::of(b"61");
    /// The amount differs from the original's.
    pub const AMOUNT_MISMATCH: ResponseCode = ResponseCode::of(b"64");
    /// The outcome was not known in time.
    pub const OUTCOME_UNKNOWN: ResponseCode = ResponseCode::of(b"68");
    /// Not the open batch.
    pub const WRONG_BATCH: ResponseCode = ResponseCode::of(b"77");
    /// Too many wrong PINs.
    pub const PIN_TRIES_EXCEEDED: ResponseCode = ResponseCode::of(b"75");
    /// No network is up.
    pub const NETWORK_UNAVAILABLE: ResponseCode = ResponseCode::of(b"91");
    /// The STAN was used with other content.
    pub const STAN_USED: ResponseCode = ResponseCode::of(b"94");
    pub const TOTALS_DIFFER: ResponseCode = ResponseCode::of(b"95");
    /// Not possible now: try again.
    pub const SYSTEM_ERROR: ResponseCode = ResponseCode::of(b"96");
    /// The terminal or merchant is not known.
    pub const UNKNOWN_TERMINAL: ResponseCode = ResponseCode::of(b"97");
    /// A network cannot read the PIN block.
    pub const PIN_FORMAT_ERROR: ResponseCode = ResponseCode::of(b"99");
    /// The MAC is wrong or missing.
    pub const WRONG_MAC: ResponseCode = ResponseCode::of(b"A0");
    pub const UNKNOWN_PARCEL: ResponseCode = ResponseCode::of(b"P1");
    /// The parcel is not with this courier.
    pub const NOT_WITH_COURIER: ResponseCode = ResponseCode::of(b"P2");
    /// The parcel can no longer be paid.
    pub const PARCEL_NOT_PAYABLE: ResponseCode = ResponseCode::of(b"P3");
    /// The amount exceeds what is due.
    pub const MORE_THAN_DUE: ResponseCode = ResponseCode::of(b"P4");
    /// A payment of the same kind has an unknown outcome and is being reversed.
    pub const BEING_REVERSED: ResponseCode = ResponseCode::of(b"P5");
    /// The parcel has too many payments.
    pub const TOO_MANY_PAYMENTS: ResponseCode = ResponseCode::of(b"P6");
    /// The pre-authorisation was not completed in time.
    pub const PRE_AUTHORISATION_EXPIRED: ResponseCode = ResponseCode::of(b"P7");
    /// Only cash and offline sales are recorded.
    pub const COURIER_SUSPENDED: ResponseCode = ResponseCode::of(b"P8");
    /// The transaction was reversed: a repeat has no effect.
    pub const REVERSED: ResponseCode = ResponseCode::of(b"P9");
}

/// System trace audit number: field 11, 1 to 999,999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Stan(NonZeroU32);

impl Stan {
    pub const MIN: Stan = Stan::of(1);
    pub const MAX: Stan = Stan::of(999_999);

    /// # Errors
    /// The number is 0 or has more than six digits.
    pub const fn new(number: u32) -> Result<Stan, CodeError> {
        match NonZeroU32::new(number) {
            Some(stan) if number <= 999_999 => Ok(Stan(stan)),
            _ => Err(CodeError("a STAN is 1 to 999999")),
        }
    }

    /// A number known to be right.
    ///
    /// # Panics
    /// The number is 0 or has more than six digits.
    #[must_use]
    pub const fn of(number: u32) -> Stan {
        match Stan::new(number) {
            Ok(stan) => stan,
            Err(_) => panic!("a STAN is 1 to 999999"),
        }
    }

    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The next number. After the last comes 1.
    #[must_use]
    pub fn next(self) -> Stan {
        Stan::new(self.get() + 1).unwrap_or(Stan::MIN)
    }
}

impl TryFrom<u32> for Stan {
    type Error = CodeError;

    fn try_from(number: u32) -> Result<Stan, CodeError> {
        Stan::new(number)
    }
}

impl From<Stan> for u32 {
    fn from(stan: Stan) -> u32 {
        stan.get()
    }
}

impl fmt::Display for Stan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Stan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stan({self})")
    }
}

impl FromStr for Stan {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Stan, CodeError> {
        let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        Stan::new(number.unwrap_or(0))
    }
}

impl BorshDeserialize for Stan {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Stan> {
        Stan::new(BorshDeserialize::deserialize_reader(reader)?).map_err(invalid)
    }
}

impl schemars::JsonSchema for Stan {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Stan".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": 999_999 })
    }
}

/// The keyed token of a card number, not zero. The key store makes it; the number cannot be
/// computed from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, BorshSerialize)]
pub struct CardToken(NonZeroU64);

machine::json_as_text!(CardToken, "^[0-9a-f]{16}$", "card-token");

impl CardToken {
    /// # Errors
    /// The token is zero.
    pub const fn new(token: u64) -> Result<CardToken, CodeError> {
        match NonZeroU64::new(token) {
            Some(token) => Ok(CardToken(token)),
            None => Err(CodeError("a card token is not zero")),
        }
    }

    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for CardToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for CardToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardToken({self})")
    }
}

impl FromStr for CardToken {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<CardToken, CodeError> {
        let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let token = u64::from_str_radix(text, 16).ok();
        let token = token.filter(|_| text.len() == 16 && text.bytes().all(lower));
        CardToken::new(token.ok_or(CodeError("a card token is 16 hexadecimal digits"))?)
    }
}

impl BorshDeserialize for CardToken {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<CardToken> {
        CardToken::new(BorshDeserialize::deserialize_reader(reader)?).map_err(invalid)
    }
}

const _: () = assert!(size_of::<Option<ResponseCode>>() == 2);
const _: () = assert!(size_of::<Option<AuthorisationCode>>() == 6);
const _: () = assert!(size_of::<Option<Stan>>() == 4 && size_of::<Option<CardToken>>() == 8);

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a value from its text, its JSON form and its bytes.
    fn is_refused<T>(text: &str, json: &str, bytes: &[u8]) -> bool
    where
        T: FromStr + serde::de::DeserializeOwned + BorshDeserialize,
    {
        text.parse::<T>().is_err()
            && serde_json::from_str::<T>(json).is_err()
            && borsh::from_slice::<T>(bytes).is_err()
    }

    fn returns<T>(value: T, text: &str, json: &str, bytes: &[u8])
    where
        T: FromStr<Err = CodeError> + serde::de::DeserializeOwned + BorshDeserialize,
        T: Copy + PartialEq + fmt::Debug + fmt::Display + Serialize + BorshSerialize,
    {
        assert_eq!(value.to_string(), text);
        assert_eq!(text.parse::<T>(), Ok(value));
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
        assert_eq!(serde_json::from_str::<T>(json).unwrap(), value);
        assert_eq!(borsh::to_vec(&value).unwrap(), bytes);
        assert_eq!(borsh::from_slice::<T>(bytes).unwrap(), value);
    }

    #[test]
    fn codes_are_written_as_text_and_read_again() {
        returns(ResponseCode::WRONG_MAC, "A0", "\"A0\"", b"A0");
        returns(AuthorisationCode::of(b"12345+"), "12345+", "\"12345+\"", b"12345+");
        returns(WalletPaymentId::of(b"eAv2BE"), "eAv2BE", "\"eAv2BE\"", b"eAv2BE");
        returns(Stan::MAX, "999999", "999999", &[0x3F, 0x42, 0x0F, 0]);
        let token = CardToken::new(0x00C0_FFEE_0000_4711).unwrap();
        let bytes = [0x11, 0x47, 0, 0, 0xEE, 0xFF, 0xC0, 0];
        returns(token, "00c0ffee00004711", "\"00c0ffee00004711\"", &bytes);
    }

    #[test]
    fn a_response_code_is_two_letters_or_digits() {
        for text in ["", "0", "000", "  ", "0 ", "-1", "é"] {
            let json = format!("\"{text}\"");
            assert!(is_refused::<ResponseCode>(text, &json, text.as_bytes()), "{text}");
        }
        assert!(ResponseCode::new([0; 2]).is_err(), "zero bytes");
    }

    #[test]
    fn no_authorisation_code_is_made_of_spaces() {
        for text in ["", "12345", "1234567", "      ", "12345 ", "12\t456"] {
            let json = format!("\"{text}\"");
            assert!(is_refused::<AuthorisationCode>(text, &json, text.as_bytes()), "{text}");
            assert!(is_refused::<WalletPaymentId>(text, &json, text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_stan_is_one_to_six_digits_above_zero() {
        for number in [0, 1_000_000, u32::MAX] {
            let text = number.to_string();
            assert!(is_refused::<Stan>(&text, &text, &number.to_le_bytes()), "{number}");
        }
        for text in ["", "+1", "-1", "1.5", "seven"] {
            assert!(text.parse::<Stan>().is_err(), "{text}");
        }
        assert_eq!((Stan::MAX.next(), Stan::of(7).next()), (Stan::MIN, Stan::of(8)));
    }

    #[test]
    fn a_card_token_is_sixteen_digits_and_not_zero() {
        let zero = "0000000000000000";
        for text in [zero, "", "4711", "+00000000000c0de", "00C0FFEE00004711"] {
            let json = format!("\"{text}\"");
            assert!(is_refused::<CardToken>(text, &json, &[0; 8]), "{text}");
        }
        assert!(serde_json::from_str::<CardToken>("4711").is_err(), "no JSON number");
    }
}
