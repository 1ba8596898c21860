//! AES key wrap (RFC 3394), which takes a key out of the HSM for one call.

use aes_kw::{KeyInit, KwAes256};
use zeroize::Zeroizing;

/// Unwraps a key. Returns `None` if the integrity check fails.
pub fn unwrap(wrapping: &[u8; 32], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut key =
        Zeroizing::new(vec![0; wrapped.len().checked_sub(8).filter(|bytes| *bytes >= 16)?]);
    KwAes256::new(wrapping.into()).unwrap_key(wrapped, &mut key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    /// RFC 3394, 4.3 and 4.6.
    #[test]
    fn the_keys_of_the_rfc_are_unwrapped() {
        let wrapping = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";
        let wrapping = hex::decode(wrapping.as_bytes()).unwrap().as_slice().try_into().unwrap();
        let examples = [
            (
                "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7",
                "00112233445566778899AABBCCDDEEFF",
            ),
            (
                "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
                "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
            ),
        ];
        for (wrapped, key) in examples {
            let mut wrapped = hex::decode(wrapped.as_bytes()).unwrap();
            assert_eq!(hex::encode(&unwrap(&wrapping, &wrapped).unwrap()), key);
            wrapped[9] ^= 1;
            assert!(unwrap(&wrapping, &wrapped).is_none());
        }
        assert!(unwrap(&wrapping, &[0; 16]).is_none());
    }
}
