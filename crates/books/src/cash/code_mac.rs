//! MACs of one-time codes.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

/// The MAC of a hand-over's one-time code, under a key that only the key store has
/// (`KeyStore::code_mac`). The journal has the MAC and not the code: a code has six digits, and
/// whoever reads a hash of it finds it by trying all of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct CodeMac(pub [u8; 16]);

machine::json_as_text!(CodeMac, "^[0-9a-f]{32}$", "code-mac");

impl fmt::Display for CodeMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for CodeMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeMac({self})")
    }
}

impl FromStr for CodeMac {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<CodeMac, &'static str> {
        let mut mac = [0; 16];
        let decoded = base16ct::lower::decode(text, &mut mac).map(<[u8]>::len);
        let whole = decoded.is_ok_and(|length| length == mac.len());
        whole.then_some(CodeMac(mac)).ok_or("a code MAC is 32 hexadecimal digits, in lower case")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_mac_has_one_text() {
        let text = "00c54177a8dceec5540d47746032620f";
        let mac: CodeMac = text.parse().unwrap();
        assert_eq!((mac.to_string(), mac.0[1]), (text.to_owned(), 0xC5));
        for other in ["", &text[2..], &text.to_uppercase(), &format!("{text}00")] {
            assert!(other.parse::<CodeMac>().is_err(), "{other:?}");
        }
    }
}
