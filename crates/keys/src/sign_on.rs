//! Working keys that the host sends to a terminal at sign-on: UnionPay's field 62, 40 bytes.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::cipher::Cipher;
use crate::error::KeyError;
use crate::key::{Key, TdesKey};
use crate::key_reference::KeyReference;
use crate::store::{KeyStore, WrappedKey};

/// PIN key 16, check value 4, MAC key 16 (or 8 and eight zero bytes), check value 4.
pub const SIGN_ON_FIELD_BYTES: usize = 40;

/// Encrypts a terminal's PIN key and MAC key under its master key, each with its check value.
///
/// The PIN key has 16 bytes. The MAC key has 16 bytes, or 8 followed by eight zero bytes.
pub fn sign_on_field(
    store: &dyn KeyStore,
    terminal_master: &KeyReference,
    pin_key: &KeyReference,
    mac_key: &KeyReference,
) -> Result<[u8; SIGN_ON_FIELD_BYTES], KeyError> {
    let pin_key = store.wrap_working_key(pin_key, terminal_master)?;
    field(&pin_key, &store.wrap_working_key(mac_key, terminal_master)?)
}

/// Encrypts new working keys of a session under a terminal master key.
pub(crate) fn issue(
    terminal_master: &impl Cipher,
    pin_key: &Key,
    mac_key: &Key,
) -> Result<[u8; SIGN_ON_FIELD_BYTES], KeyError> {
    let wrap = |key: &Key| WrappedKey::of(key, terminal_master);
    field(&wrap(pin_key)?, &wrap(mac_key)?)
}

fn field(
    pin_key: &WrappedKey,
    mac_key: &WrappedKey,
) -> Result<[u8; SIGN_ON_FIELD_BYTES], KeyError> {
    let (pin_bytes, mac_bytes) = (pin_key.encrypted(), mac_key.encrypted());
    if pin_bytes.len() != 16 || mac_bytes.len() > 16 {
        return Err(KeyError::WrongSignOnField);
    }
    let mut field = [0; SIGN_ON_FIELD_BYTES];
    field[..16].copy_from_slice(pin_bytes);
    field[16..20].copy_from_slice(&pin_key.check_value());
    field[20..20 + mac_bytes.len()].copy_from_slice(mac_bytes);
    field[36..].copy_from_slice(&mac_key.check_value());
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
