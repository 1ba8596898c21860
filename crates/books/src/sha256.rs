//! SHA-256 digests in commands and events.

use std::fmt;
use std::str::FromStr;

use base16ct::HexDisplay;
use borsh::{BorshDeserialize, BorshSerialize};

/// SHA-256 of a file that stays outside the journal, or of a trial balance; HMAC-SHA-256 of an
/// account in the vault.
#[derive(Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Sha256Digest(pub [u8; 32]);

machine::json_as_text!(Sha256Digest, "^[0-9a-f]{64}$", "sha256");

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&HexDisplay(&self.0), f)
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Digest({self})")
    }
}

impl FromStr for Sha256Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Sha256Digest, &'static str> {
        let mut digest = [0; 32];
        let decoded = base16ct::lower::decode(text, &mut digest).map(<[u8]>::len);
        let whole = decoded.is_ok_and(|length| length == digest.len());
        whole
            .then_some(Sha256Digest(digest))
            .ok_or("a SHA-256 digest is 64 hexadecimal digits, in lower case")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_one_text() {
        let text = "0c".to_owned() + &"ab".repeat(31);
        let digest: Sha256Digest = text.parse().unwrap();
        assert_eq!((digest.to_string(), digest.0[0]), (text.clone(), 0x0C));
        for other in ["", &text[2..], &text.to_uppercase(), &format!("{text}00")] {
            assert!(other.parse::<Sha256Digest>().is_err(), "{other:?}");
        }
    }
}
