//! A published sign-on field: code456.com/article/3026509.html, recomputed with openssl.

use keys::{Key, KeyError, TdesKey, open_sign_on_field};

pub const TERMINAL_MASTER: &str = "CA5D92598DCA48CE8A4C76361A9269E9";
pub const PIN_KEY: &str = "807A23AD32B36D457AE91FDF927570EA";
pub const MAC_KEY: &str = "5BB5C72CD00B7338";
/// PIN key, check value, MAC key, eight zero bytes, check value.
pub const FIELD: [&str; 5] = [
    "6701EAD6A9AD51E51AA406E2C27FCFA9",
    "8D0A74B8",
    "B651F9E9BACE9AE1",
    "0000000000000000",
    "AB7153CA",
];

fn field() -> [u8; 40] {
    let mut field = [0; 40];
    base16ct::upper::decode(FIELD.concat(), &mut field).unwrap();
    field
}

fn key(text: &str) -> Key {
    TdesKey::from_hex(text).unwrap().into()
}

#[test]
fn a_terminal_decrypts_its_keys_from_the_field() {
    let master = TdesKey::from_hex(TERMINAL_MASTER).unwrap();
    let (pin_key, mac_key) = open_sign_on_field(&master, &field()).unwrap();
    assert!(Key::from(pin_key).is_same(&key(PIN_KEY)));
    assert!(Key::from(mac_key).is_same(&key(MAC_KEY)));
}

#[test]
fn a_terminal_with_another_key_or_a_changed_field_fails() {
    let master = TdesKey::from_hex(TERMINAL_MASTER).unwrap();
    for place in 0..40 {
        let mut changed = field();
        changed[place] ^= 1;
        let error = open_sign_on_field(&master, &changed).unwrap_err();
        assert!(matches!(error, KeyError::WrongSignOnField), "{place}");
    }
    let other = TdesKey::from_hex(PIN_KEY).unwrap();
    assert!(open_sign_on_field(&other, &field()).is_err());
}
