//! Key names.

use std::fmt;

/// The name of a key in a store: 1 to 64 characters of `a-z`, `0-9`, `/`, `.` and `-`.
///
/// It is `Copy`, so a reference to a key allocates nothing.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName {
    /// Padded with zeros, which sort before every character of a name.
    bytes: [u8; NAME_BYTES_MAX],
    length: u8,
}

/// Maximum length of a key name in bytes.
pub const NAME_BYTES_MAX: usize = 64;

impl KeyName {
    /// `None` if the characters or the length are wrong.
    pub(crate) fn checked(name: &str) -> Option<KeyName> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-');
        let length = u8::try_from(name.len()).ok()?;
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(allowed) {
            return None;
        }
        let mut bytes = [0; NAME_BYTES_MAX];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Some(KeyName { bytes, length })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = &self.bytes[..usize::from(self.length)];
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyName({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_64_lower_case_letters_digits_slashes_dots_and_dashes() {
        assert_eq!(KeyName::new("network/cup.zmk-1").unwrap().as_str(), "network/cup.zmk-1");
        assert!(KeyName::new(&"a".repeat(64)).is_ok());
        for bad in ["", "A", "a b", "schlüssel", "a#1", "a_b", &"a".repeat(65)] {
            assert!(KeyName::new(bad).is_err(), "{bad}");
        }
        assert_eq!(KeyName::of_terminal("00000042").unwrap().as_str(), "terminal/00000042");
    }

    #[test]
    fn names_sort_as_their_texts() {
        let name = |text: &str| KeyName::new(text).unwrap();
        assert!(name("a") < name("a-"));
        assert!(name("a/9") < name("b"));
    }
}
