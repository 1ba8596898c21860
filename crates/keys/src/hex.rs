//! Hex encoding of secrets. Decoded bytes are wiped when dropped.

use zeroize::Zeroizing;

/// Decodes hex digits. Returns `None` for an odd length or another character.
pub fn decode(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for pair in text.chunks_exact(2) {
        bytes.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(bytes)
}

/// Upper-case hex digits. The caller wipes them if they are secret.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

pub const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

const fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_encoded_and_decoded_and_anything_else_is_refused() {
        assert_eq!(decode(b"00ffA5").unwrap().as_slice(), [0, 255, 0xA5]);
        assert_eq!(encode(&[0, 255, 0xA5]), "00FFA5");
        assert!(decode(b"0").is_none());
        assert!(decode(b"0g").is_none());
    }
}
