//! Derivation of working keys from a base key.

use zeroize::Zeroizing;

use crate::cipher::Cipher;
use crate::error::KeyError;
use crate::key::{AesKey, Key, TdesKey, set_odd_parity};
use crate::key_reference::DerivedKey;
use crate::purpose::KeyPurpose;

/// Derives the key that `derived` names from its base key, with [`derive_bytes`]. The label is the
/// purpose's name, the context `holder ‖ generation`, big-endian. DES and TDES keys are set to odd
/// parity.
pub fn derive(base: &impl Cipher, derived: &DerivedKey) -> Result<Key, KeyError> {
    let key_bytes = match derived.purpose {
        KeyPurpose::TerminalMaster | KeyPurpose::PinEncryption | KeyPurpose::TerminalLink => 16,
        KeyPurpose::Mac => 8,
        purpose => return Err(KeyError::NotDerivable(purpose)),
    };
    let mut context = [0; 12];
    context[..8].copy_from_slice(&derived.holder.to_be_bytes());
    context[8..].copy_from_slice(&derived.generation.to_be_bytes());
    let mut bytes = Zeroizing::new([0; 16]);
    let bytes = &mut bytes[..key_bytes];
    derive_bytes(base, derived.purpose.name(), &context, bytes)?;
    if derived.purpose == KeyPurpose::TerminalLink {
        return AesKey::new(bytes).map(Key::Aes);
    }
    set_odd_parity(bytes);
    TdesKey::new(bytes).map(Key::Tdes)
}

/// SP 800-108r1, 4.1, counter mode, PRF AES-CMAC, 32-bit counter and length:
/// `CMAC(key, counter ‖ label ‖ 00 ‖ context ‖ length in bits)`, counted from 1, as often as
/// `derived` needs.
///
/// The label is ASCII of at most [`LABEL_BYTES_MAX`], the context has at most
/// [`CONTEXT_BYTES_MAX`].
pub fn derive_bytes(
    key: &impl Cipher,
    label: &str,
    context: &[u8],
    derived: &mut [u8],
) -> Result<(), KeyError> {
    assert!(label.len() <= LABEL_BYTES_MAX && context.len() <= CONTEXT_BYTES_MAX);
    let bits = u32::try_from(derived.len() * 8).unwrap_or(u32::MAX);
    let mut input = [0; 4 + LABEL_BYTES_MAX + 1 + CONTEXT_BYTES_MAX + 4];
    for (counter, block) in (1_u32..).zip(derived.chunks_mut(16)) {
        let mut length = 0;
        for part in
            [&counter.to_be_bytes(), label.as_bytes(), &[0], context, &bits.to_be_bytes()[..]]
        {
            input[length..length + part.len()].copy_from_slice(part);
            length += part.len();
        }
        let output = Zeroizing::new(key.cmac(&input[..length])?);
        block.copy_from_slice(&output[..block.len()]);
    }
    Ok(())
}

const LABEL_BYTES_MAX: usize = 16;
/// Terminal, and two random values of 16 bytes.
const CONTEXT_BYTES_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm;
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
