//! Sessions of terminals. The vectors of the AES session were computed with PyCryptodome, from the
//! text of `keys::session`.

use keys::pin::block_matches_pin;
use keys::{
    AesKey, DerivedKey, Key, KeyBlockVersion, KeyError, KeyPurpose, KeyReference, KeyStore,
    MacMethod, Pin, PinBlock, PinFormat, SessionKeys, SessionRandom, SignOnRequest, TdesKey,
    TerminalSignOn, open_sign_on_field, tr31,
};

use crate::contract::{
    AES_128, AES_256, BASE, CARD, MESSAGE, TDES_2, aes, name, pan, put, stored, tdes,
};

const TERMINAL: u64 = 42;

fn link_key() -> KeyReference {
    DerivedKey::new(name("base"), KeyPurpose::TerminalLink, TERMINAL, 3).into()
}

fn request<'a>(sign_on: &TerminalSignOn, message: &'a [u8], mac: &'a [u8]) -> SignOnRequest<'a> {
    SignOnRequest { terminal: TERMINAL, random: *sign_on.random(), message, mac }
}

/// The terminal gets its key in a key block, as a loading station injects it.
fn injected(store: &dyn KeyStore) -> AesKey {
    let block = store.export_block(&link_key(), &stored("kek"), KeyBlockVersion::D).unwrap();
    assert_eq!(&block[5..9], "B3AX", "a key for derivation (X9.143)");
    let Key::Aes(key) = tr31::unwrap(&aes(AES_256), &block).unwrap().1 else { panic!() };
    key
}

fn sign_on(store: &dyn KeyStore, key: &AesKey) -> (SessionKeys, SessionKeys) {
    let sign_on = TerminalSignOn::new(key.clone(), TERMINAL, keys::session::new_random().unwrap());
    let mac = sign_on.mac(MESSAGE).unwrap();
    let opened = store.open_session(&link_key(), &request(&sign_on, MESSAGE, &mac)).unwrap();
    let (host, random) = opened.expect("the MAC is right");
    (sign_on.finish(&random).unwrap(), host)
}

/// The sides of a session with a link key, and of one with a master key.
pub fn both_kinds(store: &dyn KeyStore) -> [(SessionKeys, SessionKeys); 2] {
    put(store, "kek", KeyPurpose::Exchange, &aes(AES_256));
    put(store, "base", KeyPurpose::Base, &aes(BASE));
    put(store, "tmk", KeyPurpose::TerminalMaster, &tdes(TDES_2));
    let (host, field) = store.issue_session(&stored("tmk"), MacMethod::CupEcb).unwrap();
    let master = TdesKey::from_hex(TDES_2).unwrap();
    let (pin_key, mac_key) = open_sign_on_field(&master, &field).unwrap();
    let method = MacMethod::CupEcb;
    let terminal = SessionKeys::tdes(&pin_key.into(), &mac_key.into(), method).unwrap();
    [sign_on(store, &injected(store)), (terminal, host)]
}

pub fn sessions_with_a_link_key(store: &dyn KeyStore) {
    put(store, "kek", KeyPurpose::Exchange, &aes(AES_256));
    put(store, "base", KeyPurpose::Base, &aes(BASE));
    put(store, "network/pin", KeyPurpose::PinEncryption, &tdes(TDES_2));
    // Of the base key, terminal 42 and generation 3, computed with PyCryptodome.
    let key = injected(store);
    assert_eq!(key.check_value().to_string(), "DE8B06");

    let (terminal, host) = sign_on(store, &key);
    for (sender, receiver) in [(&terminal, &host), (&host, &terminal)] {
        let mac = sender.mac(MESSAGE).unwrap();
        assert!(receiver.check_mac(MESSAGE, &mac).unwrap());
        assert!(!receiver.check_mac(b"0400", &mac).unwrap());
        assert!(!sender.check_mac(MESSAGE, &mac).unwrap(), "a MAC cannot be sent back");
    }

    let pin = Pin::parse(b"135790").unwrap();
    let block = terminal.encrypt_pin(&pin, &pan()).unwrap();
    assert!(matches!(block, PinBlock::Aes(_)));
    let to = stored("network/pin");
    let translate = |from, format| store.translate_session_pin(from, &to, format, &pan(), &block);
    let translated = translate(&host, PinFormat::Iso0).unwrap();
    let network = tdes(TDES_2);
    assert!(block_matches_pin(&translated, PinFormat::Iso0, &pan(), &network, &pin).unwrap());
    let error = translate(&host, PinFormat::Iso1).unwrap_err();
    assert!(matches!(error, KeyError::ForbiddenTranslation { .. }), "{error}");

    let sealed = terminal.seal_card_data(CARD).unwrap();
    assert!(sealed.windows(CARD.len()).all(|bytes| bytes != CARD));
    assert_eq!(&**host.open_card_data(&sealed).unwrap(), CARD);
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        assert!(host.open_card_data(&changed).is_err(), "{place}");
    }
    assert!(host.open_card_data(&sealed[..11]).is_err());

    let (_, next) = sign_on(store, &key);
    let mac = terminal.mac(MESSAGE).unwrap();
    assert!(!next.check_mac(MESSAGE, &mac).unwrap(), "each sign-on has new keys");
    assert!(next.open_card_data(&sealed).is_err());
    let error = translate(&next, PinFormat::Iso0).unwrap_err();
    assert!(matches!(error, KeyError::UnreadablePinBlock), "{error}");
}

pub fn forged_sign_ons(store: &dyn KeyStore) {
    put(store, "kek", KeyPurpose::Exchange, &aes(AES_256));
    put(store, "base", KeyPurpose::Base, &aes(BASE));
    put(store, "mac", KeyPurpose::Mac, &aes(AES_128));
    let sign_on = TerminalSignOn::new(injected(store), TERMINAL, [7; 16]);
    let mac = sign_on.mac(MESSAGE).unwrap();
    let right = request(&sign_on, MESSAGE, &mac);
    let opens = |request| store.open_session(&link_key(), &request).unwrap().is_some();
    assert!(opens(right));
    assert!(!opens(SignOnRequest { terminal: 43, ..right }));
    assert!(!opens(SignOnRequest { message: b"0800", ..right }));
    assert!(!opens(SignOnRequest { mac: &mac[..4], ..right }));
    assert!(!opens(SignOnRequest { mac: &[0; 8], ..right }));
    let of_another = DerivedKey::new(name("base"), KeyPurpose::TerminalLink, TERMINAL, 4).into();
    assert!(store.open_session(&of_another, &right).unwrap().is_none());
    // An attacker who changes the random value gets an answer, and no key of the session.
    let (host, random) = store
        .open_session(&link_key(), &SignOnRequest { random: [8; 16], ..right })
        .unwrap()
        .expect("the random value is under the MAC only as a part of the message");
    let terminal = sign_on.finish(&random).unwrap();
    assert!(!terminal.check_mac(MESSAGE, &host.mac(MESSAGE).unwrap()).unwrap());
    assert!(matches!(
        store.open_session(&stored("mac"), &right),
        Err(KeyError::WrongPurpose { purpose: KeyPurpose::Mac, .. })
    ));
}

pub fn sessions_with_a_master_key(store: &dyn KeyStore) {
    put(store, "tmk", KeyPurpose::TerminalMaster, &tdes(TDES_2));
    put(store, "network/pin", KeyPurpose::PinEncryption, &tdes(TDES_2));
    let master = TdesKey::from_hex(TDES_2).unwrap();
    for (method, mac_bytes) in [(MacMethod::CupEcb, 8), (MacMethod::X9_19, 16)] {
        let issue = || store.issue_session(&stored("tmk"), method).unwrap();
        let (host, field) = issue();
        let (pin_key, mac_key) = open_sign_on_field(&master, &field).unwrap();
        assert_eq!(mac_key.expose().len(), mac_bytes);
        let terminal = SessionKeys::tdes(&pin_key.into(), &mac_key.into(), method).unwrap();
        let mac = terminal.mac(MESSAGE).unwrap();
        assert!(host.check_mac(MESSAGE, &mac).unwrap());
        assert!(!issue().0.check_mac(MESSAGE, &mac).unwrap(), "each sign-on has new keys");

        let pin = Pin::parse(b"135790").unwrap();
        let block = terminal.encrypt_pin(&pin, &pan()).unwrap();
        let (to, format) = (stored("network/pin"), PinFormat::Iso0);
        let translated = store.translate_session_pin(&host, &to, format, &pan(), &block).unwrap();
        assert!(block_matches_pin(&translated, format, &pan(), &tdes(TDES_2), &pin).unwrap());
        let error = terminal.seal_card_data(CARD).unwrap_err();
        assert!(matches!(error, KeyError::NoCardDataKey), "{error}");
    }
    let wrong = store.issue_session(&stored("tmk"), MacMethod::Cmac).unwrap_err();
    assert!(matches!(wrong, KeyError::WrongMacKey { .. }), "{wrong}");
}

#[test]
fn the_keys_of_a_session_are_those_that_another_program_computes() {
    let key = AesKey::from_hex(AES_128).unwrap();
    let random: SessionRandom = std::array::from_fn(|place| u8::try_from(place).unwrap());
    let sign_on = TerminalSignOn::new(key, TERMINAL, random);
    let hex = |bytes: &[u8]| base16ct::upper::encode_string(bytes);
    assert_eq!(hex(&sign_on.mac(MESSAGE).unwrap()), "D088CF57803E6673");

    let session = sign_on.finish(&random.map(|byte| byte + 16)).unwrap();
    assert_eq!(hex(&session.mac(MESSAGE).unwrap()), "6596B97CBD823319");
    let of_host = base16ct::upper::decode_vec("5D8B1DEBBF7A97B5").unwrap();
    assert!(session.check_mac(MESSAGE, &of_host).unwrap());
    let sealed = "000102030405060708090A0B30D48127EE0CE2658496D3052385D331FDFAC8A550AA693E4D1C03\
                  02BA139820CA5E418C7B";
    let sealed = base16ct::upper::decode_vec(sealed).unwrap();
    assert_eq!(&**session.open_card_data(&sealed).unwrap(), b"6225365271562822=4912");
    assert_eq!(format!("{session:?} {sign_on:?}"), "SessionKeys TerminalSignOn(42)");
}
