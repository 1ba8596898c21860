//! Working keys that the host sends to a terminal at sign-on: UnionPay's field 62, 40 bytes.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::cipher::Cipher;
use crate::error::KeyError;
use crate::key::{Key, TdesKey};

/// PIN key 16, check value 4, MAC key 16 (or 8 and eight zero bytes), check value 4.
pub const SIGN_ON_FIELD_BYTES: usize = 40;

/// Encrypts new working keys of a session under a terminal master key, each with its check value.
///
/// The PIN key has 16 bytes. The MAC key has 16 bytes, or 8 followed by eight zero bytes.
pub(crate) fn issue(
    terminal_master: &impl Cipher,
    pin_key: &Key,
    mac_key: &Key,
) -> Result<[u8; SIGN_ON_FIELD_BYTES], KeyError> {
    let (pin_bytes, mac_bytes) = (pin_key.expose().len(), mac_key.expose().len());
    if pin_bytes != 16 || mac_bytes > 16 {
        return Err(KeyError::WrongSignOnField);
    }
    let mut field = [0; SIGN_ON_FIELD_BYTES];
    for (key, half) in [(pin_key, 0), (mac_key, 20)] {
        let mut bytes = Zeroizing::new(key.expose().to_vec());
        terminal_master.encrypt(&mut bytes)?;
        field[half..half + bytes.len()].copy_from_slice(&bytes);
        field[half + 16..half + 20].copy_from_slice(&key.check_value().four_bytes());
    }
    Ok(field)
}

/// Decrypts the PIN key and the MAC key of a sign-on, as a terminal does with its master key.
pub fn open_sign_on_field(
    terminal_master: &TdesKey,
    field: &[u8; SIGN_ON_FIELD_BYTES],
) -> Result<(TdesKey, TdesKey), KeyError> {
    if terminal_master.algorithm() == Algorithm::Des {
        return Err(KeyError::InvalidKeyLength(8));
    }
    let mac_bytes = if field[28..36] == [0; 8] { 8 } else { 16 };
    let open = |encrypted: &[u8], check_value: &[u8]| {
        let mut bytes = Zeroizing::new(encrypted.to_vec());
        terminal_master.decrypt(&mut bytes)?;
        let key = TdesKey::new(&bytes)?;
        let fits: bool = key.check_value().four_bytes().ct_eq(check_value).into();
        if fits { Ok(key) } else { Err(KeyError::WrongSignOnField) }
    };
    let pin_key = open(&field[..16], &field[16..20])?;
    let mac_key = open(&field[20..20 + mac_bytes], &field[36..])?;
    Ok((pin_key, mac_key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL_MASTER: &str = "CA5D92598DCA48CE8A4C76361A9269E9";
    const PIN_KEY: &str = "807A23AD32B36D457AE91FDF927570EA";

    fn key(text: &str) -> Key {
        TdesKey::from_hex(text).unwrap().into()
    }

    /// The published field of crates/keys/tests/it/sign_on.rs.
    #[test]
    fn a_host_sends_the_published_forty_bytes() {
        let field = issue(&key(TERMINAL_MASTER), &key(PIN_KEY), &key("5BB5C72CD00B7338")).unwrap();
        let published = "6701EAD6A9AD51E51AA406E2C27FCFA98D0A74B8B651F9E9BACE9AE10000000000000000\
                         AB7153CA";
        assert_eq!(base16ct::upper::encode_string(&field), published);
    }

    #[test]
    fn a_pin_key_has_sixteen_bytes_and_a_mac_key_at_most_sixteen() {
        let (master, single, triple) = (
            key(TERMINAL_MASTER),
            key("5BB5C72CD00B7338"),
            key(&[TERMINAL_MASTER, "0123456789ABCDEF"].concat()),
        );
        for (pin_key, mac_key) in [(&single, &single), (&triple, &single), (&master, &triple)] {
            let refused = issue(&master, pin_key, mac_key);
            assert!(matches!(refused, Err(KeyError::WrongSignOnField)));
        }
    }
}
