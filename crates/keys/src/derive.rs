//! Working keys from a base key.

use zeroize::Zeroizing;

use crate::cipher::Cipher;
use crate::error::KeyError;
use crate::key::{Key, TdesKey, set_odd_parity};
use crate::reference::{Derived, Purpose};

/// The key that `derived` names, under its base key.
///
/// SP 800-108 (2022), 4.1, counter mode, PRF AES-CMAC, counter and length of 32 bits:
/// `CMAC(base, 00000001 ‖ label ‖ 00 ‖ holder ‖ generation ‖ length in bits)`, the numbers with
/// the highest byte first, the label the purpose's name in ASCII. Then odd parity.
pub fn derive(base: &impl Cipher, derived: &Derived) -> Result<Key, KeyError> {
    let key_bytes: usize = match derived.purpose {
        Purpose::TerminalMaster | Purpose::PinEncryption => 16,
        Purpose::Mac => 8,
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

/// The longest input: four numbers, a zero byte and the longest label, `terminal-master`.
const INPUT_BYTES_MAX: usize = 4 + 15 + 1 + 8 + 4 + 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{AesKey, Algorithm};
    use crate::name::KeyName;

    fn derived(purpose: Purpose, holder: u64, generation: u32) -> Derived {
        Derived::new(KeyName::new("base").unwrap(), purpose, holder, generation)
    }

    #[test]
    fn each_purpose_holder_and_generation_has_a_key_of_its_own_with_odd_parity() {
        let base = AesKey::new(&[7; 32]).unwrap();
        let mut keys = Vec::new();
        for purpose in [Purpose::TerminalMaster, Purpose::PinEncryption, Purpose::Mac] {
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
    fn a_mac_key_is_of_des_and_the_others_are_of_tdes() {
        let base = AesKey::new(&[7; 16]).unwrap();
        let algorithm = |purpose| derive(&base, &derived(purpose, 1, 1)).unwrap().algorithm();
        assert_eq!(algorithm(Purpose::Mac), Algorithm::Des);
        assert_eq!(algorithm(Purpose::PinEncryption), Algorithm::Tdes2);
        assert_eq!(algorithm(Purpose::TerminalMaster), Algorithm::Tdes2);
        assert!(derive(&base, &derived(Purpose::Exchange, 1, 1)).is_err());
    }
}
