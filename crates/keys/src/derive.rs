//! Derivation of working keys from a base key.

use zeroize::Zeroizing;

use crate::cipher::Cipher;
use crate::error::KeyError;
use crate::key::{Key, TdesKey, set_odd_parity};
use crate::key_reference::DerivedKey;
use crate::purpose::KeyPurpose;

/// Derives the key that `derived` names from its base key.
///
/// SP 800-108 (2022), 4.1, counter mode, PRF AES-CMAC, 32-bit counter and length:
/// `CMAC(base, 00000001 ‖ label ‖ 00 ‖ holder ‖ generation ‖ length in bits)`. Numbers are
/// big-endian; the label is the purpose's name in ASCII. The result is set to odd parity.
pub fn derive(base: &impl Cipher, derived: &DerivedKey) -> Result<Key, KeyError> {
    let key_bytes: usize = match derived.purpose {
        KeyPurpose::TerminalMaster | KeyPurpose::PinEncryption => 16,
        KeyPurpose::Mac => 8,
        purpose => return Err(KeyError::NotDerivable(purpose)),
    };
    let key_bits: u32 = if key_bytes == 16 { 128 } else { 64 };
    let label = derived.purpose.name().as_bytes();
    let mut input = [0; INPUT_BYTES_MAX];
    let mut length = 0;
    let parts: [&[u8]; 6] = [
        &1_u32.to_be_bytes(),
        label,
        &[0],
        &derived.holder.to_be_bytes(),
        &derived.generation.to_be_bytes(),
        &key_bits.to_be_bytes(),
    ];
    for part in parts {
        input[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    let mut bytes = Zeroizing::new(base.cmac(&input[..length])?);
    set_odd_parity(bytes.as_mut_slice());
    TdesKey::new(&bytes[..key_bytes]).map(Key::Tdes)
}

/// Counter, longest label (`terminal-master`), zero byte, holder, generation, length.
const INPUT_BYTES_MAX: usize = 4 + 15 + 1 + 8 + 4 + 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm;
    use crate::key::AesKey;
    use crate::name::KeyName;

    fn derived(purpose: KeyPurpose, holder: u64, generation: u32) -> DerivedKey {
        DerivedKey::new(KeyName::new("base").unwrap(), purpose, holder, generation)
    }

    #[test]
    fn each_purpose_holder_and_generation_has_its_own_key_with_odd_parity() {
        let base = AesKey::new(&[7; 32]).unwrap();
        let mut keys = Vec::new();
        for purpose in [KeyPurpose::TerminalMaster, KeyPurpose::PinEncryption, KeyPurpose::Mac] {
            for (holder, generation) in [(1, 0), (1, 1), (2, 0), (u64::MAX, u32::MAX)] {
                let key = derive(&base, &derived(purpose, holder, generation)).unwrap();
                let bits = key.expose().iter().all(|byte| byte.count_ones() % 2 == 1);
                assert!(bits, "{purpose:?}");
                keys.push(key.expose()[..8].to_vec());
            }
        }
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 12);
    }

    #[test]
    fn a_mac_key_is_des_and_the_others_are_tdes() {
        let base = AesKey::new(&[7; 16]).unwrap();
        let algorithm = |purpose| derive(&base, &derived(purpose, 1, 1)).unwrap().algorithm();
        assert_eq!(algorithm(KeyPurpose::Mac), Algorithm::Des);
        assert_eq!(algorithm(KeyPurpose::PinEncryption), Algorithm::Tdes2);
        assert_eq!(algorithm(KeyPurpose::TerminalMaster), Algorithm::Tdes2);
        assert!(derive(&base, &derived(KeyPurpose::Exchange, 1, 1)).is_err());
    }
}
