//! AES key wrap (RFC 3394), which takes a key out of the HSM for one call.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::cipher::Cipher;
use crate::key::AesKey;

/// Unwraps a key. Returns `None` if the integrity check fails.
pub fn unwrap(wrapping: &[u8; 32], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if wrapped.len() < 24 || !wrapped.len().is_multiple_of(8) {
        return None;
    }
    let wrapping = AesKey::new(wrapping).ok()?;
    let (first, rest) = wrapped.split_at(8);
    let mut first: [u8; 8] = first.try_into().ok()?;
    let mut parts = Zeroizing::new(rest.to_vec());
    let count = parts.len() / 8;
    for step in (1..=6 * count).rev() {
        let offset = (step - 1) % count * 8;
        let mut block = Zeroizing::new([0; 16]);
        let counted = u64::from_be_bytes(first) ^ u64::try_from(step).ok()?;
        block[..8].copy_from_slice(&counted.to_be_bytes());
        block[8..].copy_from_slice(&parts[offset..offset + 8]);
        wrapping.decrypt(block.as_mut_slice()).ok()?;
        first.copy_from_slice(&block[..8]);
        parts[offset..offset + 8].copy_from_slice(&block[8..]);
    }
    bool::from(first.ct_eq(&[0xA6; 8])).then_some(parts)
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
