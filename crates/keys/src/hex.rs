//! Hex encoding of secrets, in constant time. Decoded bytes are wiped when dropped.

use zeroize::Zeroizing;

/// Upper-case hex digits. The caller wipes them if they are secret.
pub use base16ct::upper::encode_string as encode;

/// Decodes hex digits of both cases. Returns `None` for an odd length or another character.
pub fn decode(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; text.len() / 2]);
    base16ct::mixed::decode(text, bytes.as_mut_slice()).ok()?;
    Some(bytes)
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
