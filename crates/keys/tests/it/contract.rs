//! The contract of every key store. Each test takes an empty store.

use keys::pin::block_matches_pin;
use keys::{
    AesKey, Algorithm, Component, DerivedKey, DukptKey, ImportOutcome, Key, KeyBlockVersion,
    KeyError, KeyName, KeyPurpose, KeyReference, KeySerialNumber, KeyStore, MacMethod, Pan, Pin,
    PinBlock, PinFormat, SoftwareStore, TdesKey, WrappedDataKey, dukpt, mac,
};

use crate::sessions;

pub type StoreTest = fn(&dyn KeyStore);

pub const CONTRACT: [(&str, StoreTest); 20] = [
    ("macs of stored keys are right", macs_of_stored_keys),
    ("a changed message or mac is refused", changed_messages),
    ("a derived key is the same in every store", derived_keys),
    ("pins are translated", pins_are_translated),
    ("an unreadable pin block gives no reason", unreadable_pin_blocks),
    ("old generations check and decrypt until dropped", generations),
    ("keys are used only for their purpose", purposes),
    ("keys of dukpt terminals are derived", dukpt_terminals),
    ("keys are exchanged in key blocks", key_blocks),
    ("a repeated import changes nothing", repeated_imports),
    ("keys from which others are derived have one generation", bases),
    ("exchange, base, token, code and data keys' keys are not exported", unexportable_keys),
    ("card tokens are stable and depend on the key", tokens),
    ("macs of one-time codes depend on the key, the hand-over and the code", code_macs),
    ("data keys are wrapped and unwrapped, under any generation", data_keys),
    ("sessions have keys of their own", sessions::sessions_with_a_link_key),
    ("a forged sign-on opens no session", sessions::forged_sign_ons),
    ("working keys of a session are random", sessions::sessions_with_a_master_key),
    ("components make a key", components),
    ("names and generations are limited", names),
];

pub const MESSAGE: &[u8] = b"0200 4012345678909 000000012345 5812";
pub const CARD: &[u8] = b"4111111111111111";

pub fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

pub fn stored(text: &str) -> KeyReference {
    KeyReference::Stored(name(text))
}

pub fn pan() -> Pan {
    Pan::parse(CARD).unwrap()
}

/// Imports a known key as two components.
pub fn put(store: &dyn KeyStore, at: &str, purpose: KeyPurpose, key: &Key) {
    let algorithm = key.algorithm();
    store.import_components(name(at), purpose, algorithm, &two_components(key)).unwrap();
}

fn two_components(key: &Key) -> [Component; 2] {
    let algorithm = key.algorithm();
    let mask: Vec<u8> =
        (1..=algorithm.key_bytes()).zip((11..).step_by(7)).map(|(_, byte)| byte).collect();
    let masked: Vec<u8> = key.expose().iter().zip(&mask).map(|(a, b)| a ^ b).collect();
    [component(algorithm, &mask, 1), component(algorithm, &masked, 2)]
}

fn component(algorithm: Algorithm, bytes: &[u8], number: usize) -> Component {
    let check_value = Key::new(algorithm, bytes).unwrap().check_value();
    let hex = base16ct::upper::encode_string(bytes);
    Component::parse(&format!("{hex} {check_value}"), algorithm, number).unwrap()
}

pub fn tdes(text: &str) -> Key {
    TdesKey::from_hex(text).unwrap().into()
}

pub fn aes(text: &str) -> Key {
    AesKey::from_hex(text).unwrap().into()
}

const DES: &str = "5BB5C72CD00B7338";
pub const TDES_2: &str = "55036372B17543ECB173730768B8D6C4";
const TDES_3: &str = "0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123";
pub const AES_128: &str = "FEDCBA9876543210F1F1F1F1F1F1F1F1";
pub const AES_256: &str = "88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6";
pub const BASE: &str = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";

fn macs_of_stored_keys(store: &dyn KeyStore) {
    let keys = [
        ("mac/des", tdes(DES)),
        ("mac/tdes2", tdes(TDES_2)),
        ("mac/tdes3", tdes(TDES_3)),
        ("mac/aes128", aes(AES_128)),
        ("mac/aes256", aes(AES_256)),
    ];
    let methods = [MacMethod::X9_9, MacMethod::X9_19, MacMethod::CupEcb, MacMethod::Cmac];
    let mut computed = 0;
    for (at, key) in &keys {
        put(store, at, KeyPurpose::Mac, key);
        let listed = store.check_value(&stored(at)).unwrap();
        assert_eq!(listed, key.check_value(), "{at}");
        for method in methods {
            for length in [0, 1, 7, 8, 9, 16, 24, MESSAGE.len()] {
                let message = &MESSAGE[..length];
                let expected = mac::compute(method, key, message);
                let found = store.mac(&stored(at), method, message);
                match (expected, found) {
                    (Ok(expected), Ok(found)) => {
                        assert_eq!(expected, found, "{at} {method:?} {length}");
                        let fits = store.check_mac(&stored(at), method, message, &found);
                        assert!(fits.unwrap());
                        computed += 1;
                    }
                    (Err(expected), Err(found)) => {
                        assert_eq!(expected.to_string(), found.to_string());
                    }
                    (expected, found) => panic!("{at} {method:?}: {expected:?} {found:?}"),
                }
            }
        }
    }
    assert_eq!(computed, (3 + 1 + 3 + 4) * 8);

    // Many together: three times each length.
    let messages: Vec<&[u8]> =
        (0..3 * MESSAGE.len()).map(|number| &MESSAGE[..number % MESSAGE.len()]).collect();
    for (at, method) in [("mac/tdes2", MacMethod::X9_19), ("mac/aes128", MacMethod::Cmac)] {
        let each = messages.iter().map(|message| store.mac(&stored(at), method, message).unwrap());
        let each: Vec<[u8; 8]> = each.collect();
        assert_eq!(store.macs(&stored(at), method, &messages).unwrap(), each);
        let mut pairs: Vec<_> = messages.iter().copied().zip(each).collect();
        pairs[20].1[7] ^= 1;
        pairs[30].0 = &MESSAGE[..2];
        let right = store.check_macs(&stored(at), method, &pairs).unwrap();
        assert!((0..).zip(right).all(|(place, right)| right != [20, 30].contains(&place)));
    }
    assert!(store.macs(&stored("mac/des"), MacMethod::X9_19, &messages).is_err());
}

fn changed_messages(store: &dyn KeyStore) {
    put(store, "mac", KeyPurpose::Mac, &tdes(TDES_2));
    let key = stored("mac");
    for method in [MacMethod::X9_9, MacMethod::X9_19, MacMethod::CupEcb, MacMethod::Cmac] {
        let mac = store.mac(&key, method, MESSAGE).unwrap();
        let mut changed = MESSAGE.to_vec();
        changed[3] ^= 1;
        assert!(!store.check_mac(&key, method, &changed, &mac).unwrap());
        for place in 0..8 {
            let mut other = mac;
            other[place] ^= 0x10;
            assert!(!store.check_mac(&key, method, MESSAGE, &other).unwrap());
        }
        assert!(!store.check_mac(&key, method, MESSAGE, &mac[..4]).unwrap());
        assert!(!store.check_mac(&key, method, MESSAGE, &[]).unwrap());
    }
}

fn derived_keys(store: &dyn KeyStore) {
    put(store, "base", KeyPurpose::Base, &aes(BASE));
    let key = |purpose, holder, generation| {
        KeyReference::Derived(DerivedKey::new(name("base"), purpose, holder, generation))
    };
    // Computed with PyCryptodome by SP 800-108: CMAC of 00000001, label, 00, holder, generation,
    // length.
    let published = [
        (key(KeyPurpose::TerminalMaster, 1, 1), "460060"),
        (key(KeyPurpose::PinEncryption, 60_000, 7), "099683"),
        (key(KeyPurpose::Mac, u64::MAX, 1), "8383FF"),
    ];
    for (key, check_value) in published {
        assert_eq!(store.check_value(&key).unwrap().to_string(), check_value);
    }
    let mac = store.mac(&key(KeyPurpose::Mac, u64::MAX, 1), MacMethod::CupEcb, MESSAGE).unwrap();
    assert_eq!(mac, *b"6DA21BEA");
    let of_another = key(KeyPurpose::Mac, u64::MAX, 2);
    assert!(!store.check_mac(&of_another, MacMethod::CupEcb, MESSAGE, &mac).unwrap());
    let as_exchange = key(KeyPurpose::Exchange, 1, 1);
    let error = store.check_value(&as_exchange).unwrap_err();
    assert!(matches!(error, KeyError::NotDerivable(KeyPurpose::Exchange)), "{error}");
}

/// Translation from formats 0 and 4, those of sessions, to all.
fn pins_are_translated(store: &dyn KeyStore) {
    let keys = [("pin/a", tdes(TDES_2)), ("pin/b", tdes(TDES_3)), ("pin/c", aes(AES_256))];
    for (at, key) in &keys {
        put(store, at, KeyPurpose::PinEncryption, key);
    }
    let pin = Pin::parse(b"0934").unwrap();
    let mut translated = 0;
    for session in sessions::both_kinds(store) {
        let (terminal, host) = session;
        let block = terminal.encrypt_pin(&pin, &pan()).unwrap();
        for (at, key) in &keys {
            for to in PinFormat::ALL {
                let sent = store.translate_session_pin(&host, &stored(at), to, &pan(), &block);
                if matches!(to, PinFormat::Iso1 | PinFormat::Iso2) {
                    let error = sent.unwrap_err();
                    assert!(matches!(error, KeyError::ForbiddenTranslation { .. }), "{error}");
                } else if (to == PinFormat::Iso4) == key.algorithm().is_aes() {
                    assert!(block_matches_pin(&sent.unwrap(), to, &pan(), key, &pin).unwrap());
                    translated += 1;
                } else {
                    assert!(sent.is_err());
                }
            }
        }
    }
    assert_eq!(translated, 2 * (2 + 2 + 1));
}

fn unreadable_pin_blocks(store: &dyn KeyStore) {
    put(store, "pin/a", KeyPurpose::PinEncryption, &tdes(TDES_2));
    let other_pan = Pan::parse(b"4012345678909").unwrap();
    let pin = Pin::parse(b"1234").unwrap();
    for (terminal, host) in sessions::both_kinds(store) {
        let block = terminal.encrypt_pin(&pin, &pan()).unwrap();
        let mut damaged = block.as_bytes().to_vec();
        damaged[0] ^= 0x80;
        let damaged = PinBlock::new(&damaged).unwrap();
        let of_other_length = match block {
            PinBlock::Aes(_) => PinBlock::Tdes([1; 8]),
            PinBlock::Tdes(_) => PinBlock::Aes([1; 16]),
        };
        let mut errors = Vec::new();
        for (pan, block) in [(&other_pan, &block), (&pan(), &damaged), (&pan(), &of_other_length)] {
            let (to, format) = (stored("pin/a"), PinFormat::Iso0);
            let error = store.translate_session_pin(&host, &to, format, pan, block).unwrap_err();
            assert!(matches!(error, KeyError::UnreadablePinBlock), "{error}");
            errors.push(error.to_string());
        }
        errors.dedup();
        assert_eq!(errors.len(), 1);
    }
}

fn generations(store: &dyn KeyStore) {
    store.generate(name("mac"), KeyPurpose::Mac, Algorithm::Tdes2).unwrap();
    store.generate(name("pin"), KeyPurpose::PinEncryption, Algorithm::Tdes2).unwrap();
    let (key, method) = (stored("mac"), MacMethod::X9_9);
    let mac = store.mac(&key, method, MESSAGE).unwrap();
    for at in ["mac", "pin"] {
        let listing = store.rotate(name(at)).unwrap();
        assert_eq!(listing.generation, 2);
    }
    let [first, newest] =
        [1, 2].map(|generation| KeyReference::Generation(name("mac"), generation));
    assert!(store.check_mac(&key, method, MESSAGE, &mac).unwrap());
    assert_ne!(
        store.mac(&key, method, MESSAGE).unwrap(),
        mac,
        "the newest generation computes MACs"
    );
    assert_eq!(store.mac(&first, method, MESSAGE).unwrap(), mac);
    assert!(!store.check_mac(&newest, method, MESSAGE, &mac).unwrap());

    let error = store.drop_generation(name("mac"), 2).unwrap_err();
    assert!(matches!(error, KeyError::NewestGeneration { .. }), "{error}");
    store.drop_generation(name("mac"), 1).unwrap();
    let error = store.drop_generation(name("mac"), 1).unwrap_err();
    assert!(matches!(error, KeyError::NoSuchGeneration { .. }), "{error}");
    assert!(!store.check_mac(&key, method, MESSAGE, &mac).unwrap());
    let error = store.mac(&first, method, MESSAGE).unwrap_err();
    assert!(matches!(error, KeyError::NoSuchGeneration { .. }), "{error}");
    assert_eq!(kept(store, "mac"), [2]);
    assert_eq!(kept(store, "pin"), [2, 1]);
}

/// The kept generations of a name, newest first.
fn kept(store: &dyn KeyStore, at: &str) -> Vec<u32> {
    let listed = store.list().unwrap();
    let of_name = listed.iter().filter(|listing| listing.name == name(at));
    of_name.map(|listing| listing.generation).collect()
}

fn purposes(store: &dyn KeyStore) {
    put(store, "mac", KeyPurpose::Mac, &tdes(TDES_2));
    put(store, "pin", KeyPurpose::PinEncryption, &tdes(TDES_3));
    put(store, "zmk", KeyPurpose::Exchange, &tdes("DD7515F2BFC17F85CE48F3CA25CB21F6"));
    let (mac, pin, zmk) = (stored("mac"), stored("pin"), stored("zmk"));
    let refused =
        |error: KeyError| assert!(matches!(error, KeyError::WrongPurpose { .. }), "{error}");
    refused(store.mac(&pin, MacMethod::X9_9, MESSAGE).unwrap_err());
    refused(store.check_mac(&zmk, MacMethod::X9_9, MESSAGE, &[0; 8]).unwrap_err());
    for (terminal, host) in sessions::both_kinds(store) {
        let block = terminal.encrypt_pin(&Pin::parse(b"1234").unwrap(), &pan()).unwrap();
        let to = PinFormat::Iso0;
        refused(store.translate_session_pin(&host, &mac, to, &pan(), &block).unwrap_err());
    }
    refused(store.token(&mac, &pan()).unwrap_err());
    refused(store.code_mac(&mac, 1, 1).unwrap_err());
    put(store, "code", KeyPurpose::HandOverCode, &aes(AES_128));
    refused(store.mac(&stored("code"), MacMethod::Cmac, MESSAGE).unwrap_err());
    refused(store.wrap_data_key(&mac, &[7; 32]).unwrap_err());
    put(store, "vault", KeyPurpose::DataKeys, &aes(AES_256));
    refused(store.mac(&stored("vault"), MacMethod::Cmac, MESSAGE).unwrap_err());
    refused(store.issue_session(&pin, MacMethod::X9_19).unwrap_err());
    refused(store.issue_session(&zmk, MacMethod::X9_19).unwrap_err());
    refused(store.export_block(&pin, &pin, KeyBlockVersion::B).unwrap_err());
    let derived = KeyReference::Derived(DerivedKey::new(name("zmk"), KeyPurpose::Mac, 1, 1));
    refused(store.mac(&derived, MacMethod::X9_9, MESSAGE).unwrap_err());

    let made = |purpose, algorithm| store.generate(name("new"), purpose, algorithm).unwrap_err();
    for (purpose, algorithm) in [
        (KeyPurpose::Base, Algorithm::Tdes2),
        (KeyPurpose::Token, Algorithm::Des),
        (KeyPurpose::HandOverCode, Algorithm::Tdes3),
        (KeyPurpose::DataKeys, Algorithm::Aes128),
        (KeyPurpose::PinEncryption, Algorithm::Des),
        (KeyPurpose::Dukpt, Algorithm::Tdes3),
    ] {
        assert!(matches!(made(purpose, algorithm), KeyError::WrongAlgorithm { .. }));
    }
}

fn dukpt_terminals(store: &dyn KeyStore) {
    put(store, "bdk", KeyPurpose::Dukpt, &tdes("0123456789ABCDEFFEDCBA9876543210"));
    put(store, "bdk/aes", KeyPurpose::Dukpt, &aes(AES_128));

    // X9.24-1:2009.
    let initial = TdesKey::from_hex("6AC292FAA1315B4D858AB3A3D7D5933A").unwrap();
    let serial = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0];
    let mut terminal = dukpt::tdes::TdesDukptTerminal::new(
        &initial,
        dukpt::tdes::TdesKeySerialNumber::new(serial),
    )
    .unwrap();
    for _ in 0..5 {
        let (serial, keys) = terminal.next_transaction().unwrap();
        let key = KeyReference::Dukpt(DukptKey {
            base: name("bdk"),
            serial: KeySerialNumber::Tdes(serial),
        });
        let request_key = keys.request_mac_key().unwrap();
        let mac = mac::compute(MacMethod::X9_19, &request_key, MESSAGE).unwrap();
        assert!(store.check_mac(&key, MacMethod::X9_19, MESSAGE, &mac).unwrap());
        let answer = store.mac(&key, MacMethod::X9_19, MESSAGE).unwrap();
        let response_key = keys.response_mac_key().unwrap();
        assert_eq!(mac::compute(MacMethod::X9_19, &response_key, MESSAGE).unwrap(), answer);
    }

    // X9.24-3:2017.
    let initial = AesKey::from_hex("1273671EA26AC29AFA4D1084127652A1").unwrap();
    let serial = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0, 0, 0, 0];
    let mut terminal =
        dukpt::aes::AesDukptTerminal::new(&initial, dukpt::aes::AesKeySerialNumber::new(serial))
            .unwrap();
    for _ in 0..5 {
        use dukpt::aes::WorkingKeyUsage;
        let (serial, keys) = terminal.next_transaction().unwrap();
        let key = KeyReference::Dukpt(DukptKey {
            base: name("bdk/aes"),
            serial: KeySerialNumber::Aes(serial),
        });
        let working = |usage| keys.working_key(usage, Algorithm::Aes128).unwrap();
        let mac = mac::compute(MacMethod::Cmac, &working(WorkingKeyUsage::MacGeneration), MESSAGE)
            .unwrap();
        assert!(store.check_mac(&key, MacMethod::Cmac, MESSAGE, &mac).unwrap());
        let answer = store.mac(&key, MacMethod::Cmac, MESSAGE).unwrap();
        let own =
            mac::compute(MacMethod::Cmac, &working(WorkingKeyUsage::MacVerification), MESSAGE);
        assert_eq!(own.unwrap(), answer);
    }

    let wrong_kind = KeyReference::Dukpt(DukptKey {
        base: name("bdk"),
        serial: KeySerialNumber::Aes(dukpt::aes::AesKeySerialNumber::new(serial).with_counter(1)),
    });
    let error = store.mac(&wrong_kind, MacMethod::Cmac, MESSAGE).unwrap_err();
    assert!(matches!(error, KeyError::WrongSerialKind { .. }), "{error}");
}

fn key_blocks(store: &dyn KeyStore) {
    put(store, "kek/tdes", KeyPurpose::Exchange, &tdes("DD7515F2BFC17F85CE48F3CA25CB21F6"));
    put(store, "kek/aes", KeyPurpose::Exchange, &aes(AES_256));
    // TR-31:2018, A.7.2.2 and A.7.4: the same PIN key, of TDES and of AES.
    let b = "B0080P0TE00E000094B420079CC80BA3461F86FE26EFC4A3B8E4FA4C5F5341176EED7B727B8A248E";
    let d = "D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A2\
             7E8E31DA05F7425509593D03A457DC34";
    let key = "3F419E1CB7079442AA37474C2EFBF8B8";
    let purpose = KeyPurpose::PinEncryption;
    let imported = store.import_block(name("pin/b"), purpose, &stored("kek/tdes"), b).unwrap();
    assert_eq!(imported.listing().check_value, tdes(key).check_value());
    let imported = store.import_block(name("pin/d"), purpose, &stored("kek/aes"), d).unwrap();
    assert_eq!(imported.listing().check_value, aes(key).check_value());

    let keys = [
        ("x/des", KeyPurpose::Mac, tdes(DES)),
        ("x/tdes2", KeyPurpose::Mac, tdes(TDES_2)),
        ("x/tdes3", KeyPurpose::PinEncryption, tdes(TDES_3)),
        ("x/aes128", KeyPurpose::TerminalMaster, aes(AES_128)),
        ("x/aes256", KeyPurpose::Mac, aes(BASE)),
        ("x/bdk", KeyPurpose::Dukpt, tdes(TDES_2)),
    ];
    for (at, purpose, key) in &keys {
        put(store, at, *purpose, key);
        for (kek, version) in [("kek/tdes", KeyBlockVersion::B), ("kek/aes", KeyBlockVersion::D)] {
            let block = store.export_block(&stored(at), &stored(kek), version).unwrap();
            let again = name(&format!("{at}/again"));
            let imported = store.import_block(again, *purpose, &stored(kek), &block).unwrap();
            let listing = imported.listing();
            assert_eq!(listing.check_value, key.check_value(), "{at}");
            assert_eq!(listing.algorithm, key.algorithm(), "{at}");
            let other =
                if *purpose == KeyPurpose::Mac { KeyPurpose::Dukpt } else { KeyPurpose::Mac };
            let error = store.import_block(again, other, &stored(kek), &block).unwrap_err();
            assert!(
                error.to_string().contains("does not allow the purpose of the import"),
                "{error}"
            );
        }
    }
    let error = store.import_block(name("pin/b"), purpose, &stored("kek/tdes"), d).unwrap_err();
    assert!(matches!(error, KeyError::KeyBlock(_)), "{error}");
}

/// Key blocks of successive keys, as a network sends them.
fn blocks<const N: usize>(purpose: KeyPurpose) -> [String; N] {
    let network = SoftwareStore::in_memory([(name("kek"), KeyPurpose::Exchange, aes(AES_256))]);
    let network = network.unwrap();
    std::array::from_fn(|place| {
        let at = name(&format!("key/{place}"));
        network.generate(at, purpose, Algorithm::Tdes2).unwrap();
        network.export_block(&KeyReference::Stored(at), &stored("kek"), KeyBlockVersion::D).unwrap()
    })
}

fn repeated_imports(store: &dyn KeyStore) {
    put(store, "kek", KeyPurpose::Exchange, &aes(AES_256));
    let import =
        |block: &str| store.import_block(name("mac"), KeyPurpose::Mac, &stored("kek"), block);
    let blocks: [String; 5] = blocks(KeyPurpose::Mac);
    let mut macs = Vec::new();
    for (block, generation) in blocks.iter().zip(1..) {
        let ImportOutcome::Added(listing) = import(block).unwrap() else { panic!("not a new key") };
        assert_eq!(listing.generation, generation);
        macs.push(store.mac(&stored("mac"), MacMethod::X9_19, MESSAGE).unwrap());
        let before = store.list().unwrap();
        for again in 0..2 {
            if again == 1 {
                store.reload().unwrap();
            }
            assert_eq!(import(block).unwrap(), ImportOutcome::Unchanged(listing.clone()));
            for older in blocks.iter().take_while(|older| *older != block) {
                let error = import(older).unwrap_err();
                assert!(matches!(error, KeyError::RetiredKey(_)), "{error}");
            }
            assert_eq!(store.list().unwrap(), before);
        }
        let fits = |mac: &[u8; 8]| {
            store.check_mac(&stored("mac"), MacMethod::X9_19, MESSAGE, mac).unwrap()
        };
        let fitting = macs.iter().filter(|mac| fits(mac)).count();
        assert_eq!(fitting, macs.len().min(2), "the newest and one older");
    }
    // A generation dropped by hand cannot be imported again either.
    store.drop_generation(name("mac"), 4).unwrap();
    assert!(matches!(import(&blocks[3]).unwrap_err(), KeyError::RetiredKey(_)));
    assert_eq!(kept(store, "mac"), [5]);
}

fn bases(store: &dyn KeyStore) {
    put(store, "kek", KeyPurpose::Exchange, &aes(AES_256));
    put(store, "base", KeyPurpose::Base, &aes(BASE));
    put(store, "bdk", KeyPurpose::Dukpt, &tdes(TDES_2));
    put(store, "bdk/aes", KeyPurpose::Dukpt, &aes(AES_128));
    let before = store.list().unwrap();
    let others = [aes(AES_256), tdes("DD7515F2BFC17F85CE48F3CA25CB21F6"), aes(AES_128)];
    let refused = |error: KeyError, instead: &str| {
        assert!(matches!(error, KeyError::BaseKeyNotRotatable { .. }), "{error}");
        assert!(error.to_string().contains(instead), "{error}");
    };
    let generation = "working keys change at each sign-on";
    let instead = [generation, "new initial keys", "new initial keys"];
    for ((at, other), instead) in ["base", "bdk", "bdk/aes"].iter().zip(&others).zip(instead) {
        refused(store.rotate(name(at)).unwrap_err(), instead);
        let components = two_components(other);
        refused(store.rotate_to_components(name(at), &components).unwrap_err(), instead);
    }
    let [block] = blocks(KeyPurpose::Dukpt);
    let imported = store.import_block(name("bdk"), KeyPurpose::Dukpt, &stored("kek"), &block);
    refused(imported.unwrap_err(), "new initial keys");
    assert_eq!(store.list().unwrap(), before);
}

fn unexportable_keys(store: &dyn KeyStore) {
    put(store, "kek", KeyPurpose::Exchange, &aes(AES_256));
    put(store, "base", KeyPurpose::Base, &aes(BASE));
    put(store, "token", KeyPurpose::Token, &aes(AES_128));
    put(store, "code", KeyPurpose::HandOverCode, &aes(AES_128));
    put(store, "vault", KeyPurpose::DataKeys, &aes(AES_256));
    for at in ["kek", "base", "token", "code", "vault"] {
        let exported = store.export_block(&stored(at), &stored("kek"), KeyBlockVersion::D);
        assert!(matches!(exported, Err(KeyError::WrongPurpose { .. })));
    }
}

fn tokens(store: &dyn KeyStore) {
    put(store, "token", KeyPurpose::Token, &aes(AES_256));
    put(store, "token/other", KeyPurpose::Token, &aes(AES_128));
    let token = store.token(&stored("token"), &pan()).unwrap();
    // CMAC of the digits, computed with PyCryptodome.
    assert_eq!(token, 0xAF4A_C616_FAE7_DFA1);
    assert_eq!(store.token(&stored("token"), &pan()).unwrap(), token);
    assert_ne!(store.token(&stored("token/other"), &pan()).unwrap(), token);
    let other_pan = Pan::parse(b"4012345678909").unwrap();
    assert_ne!(store.token(&stored("token"), &other_pan).unwrap(), token);
}

fn code_macs(store: &dyn KeyStore) {
    put(store, "code", KeyPurpose::HandOverCode, &aes(AES_256));
    put(store, "code/other", KeyPurpose::HandOverCode, &aes(AES_128));
    let hex = |at, hand_over, code| {
        base16ct::lower::encode_string(&store.code_mac(&stored(at), hand_over, code).unwrap())
    };
    // CMAC of the hand-over and the code, computed with Python's cryptography.
    for (at, hand_over, code, expected) in [
        ("code", 7, 471_100, "d3c54177a8dceec5540d477460326210"),
        ("code", u64::MAX, 0, "c9a2ab6655712cd805b7d731c0a0a26d"),
        ("code/other", 7, 471_100, "b9a7778ad5fc87eba3f8426b8e4df401"),
    ] {
        assert_eq!(hex(at, hand_over, code), expected, "{at}");
    }
    // An older generation can be named, for hand-overs that are open when the key is rotated.
    store.rotate(name("code")).unwrap();
    assert_ne!(hex("code", 7, 471_100), "d3c54177a8dceec5540d477460326210");
    let first = KeyReference::Generation(name("code"), 1);
    let mac = store.code_mac(&first, 7, 471_100).unwrap();
    assert_eq!(base16ct::lower::encode_string(&mac), "d3c54177a8dceec5540d477460326210");
}

fn data_keys(store: &dyn KeyStore) {
    put(store, "vault", KeyPurpose::DataKeys, &aes(BASE));
    // RFC 3394, 4.6.
    let mut data_key = [0; 32];
    base16ct::upper::decode(
        "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
        &mut data_key,
    )
    .unwrap();
    let wrapped = store.wrap_data_key(&stored("vault"), &data_key).unwrap();
    assert_eq!(
        base16ct::upper::encode_string(&wrapped),
        "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
    );
    let unwrapped = |wrapped: &WrappedDataKey| store.unwrap_data_key(&stored("vault"), wrapped);
    assert_eq!(*unwrapped(&wrapped).unwrap(), data_key);
    for place in [0, 8, 39] {
        let mut changed = wrapped;
        changed[place] ^= 1;
        let error = unwrapped(&changed).unwrap_err();
        assert!(matches!(error, KeyError::WrongWrappedDataKey), "{error}");
    }
    store.rotate(name("vault")).unwrap();
    let rewrapped = store.wrap_data_key(&stored("vault"), &data_key).unwrap();
    assert_ne!(rewrapped, wrapped);
    assert_eq!(store.wrap_data_key(&stored("vault"), &data_key).unwrap(), rewrapped);
    assert_eq!(*unwrapped(&wrapped).unwrap(), data_key);
    store.drop_generation(name("vault"), 1).unwrap();
    assert!(matches!(unwrapped(&wrapped), Err(KeyError::WrongWrappedDataKey)));
    assert_eq!(*unwrapped(&rewrapped).unwrap(), data_key);
}

fn components(store: &dyn KeyStore) {
    let key = tdes(TDES_2);
    let parts = two_components(&key);
    let algorithm = Algorithm::Tdes2;
    let (at, purpose) = (name("zmk"), KeyPurpose::Exchange);
    let listing = store.import_components(at, purpose, algorithm, &parts).unwrap();
    assert_eq!(listing.check_value, key.check_value());
    let error = store.import_components(at, purpose, algorithm, &parts).unwrap_err();
    assert!(matches!(error, KeyError::NameTaken(_)), "{error}");

    let at = name("zmk/2");
    let error = store.import_components(at, purpose, algorithm, &parts[..1]).unwrap_err();
    assert!(matches!(error, KeyError::WrongComponentCount(1)), "{error}");
    let twice = [component(algorithm, key.expose(), 1), component(algorithm, key.expose(), 2)];
    let error = store.import_components(at, purpose, algorithm, &twice).unwrap_err();
    assert!(matches!(error, KeyError::WeakKey), "{error}");

    let next = tdes("DD7515F2BFC17F85CE48F3CA25CB21F6");
    let listing = store.rotate_to_components(name("zmk"), &two_components(&next)).unwrap();
    assert_eq!((listing.generation, listing.check_value), (2, next.check_value()));
}

fn names(store: &dyn KeyStore) {
    let (at, purpose) = (name("mac"), KeyPurpose::Mac);
    assert!(matches!(store.check_value(&stored("mac")), Err(KeyError::NoSuchKey(_))));
    assert!(matches!(store.rotate(at), Err(KeyError::NoSuchKey(_))));
    for algorithm in Algorithm::ALL {
        let at = name(&format!("mac/{}", algorithm.name()));
        let listing = store.generate(at, purpose, algorithm).unwrap();
        assert_eq!((listing.generation, listing.algorithm), (1, algorithm));
        assert_eq!(store.check_value(&KeyReference::Stored(at)).unwrap(), listing.check_value);
        assert!(matches!(store.generate(at, purpose, algorithm), Err(KeyError::NameTaken(_))));
    }
    store.generate(at, purpose, Algorithm::Aes128).unwrap();
    for _ in 1..16 {
        store.rotate(at).unwrap();
    }
    let error = store.rotate(at).unwrap_err();
    assert!(matches!(error, KeyError::TooManyGenerations(_)), "{error}");
    let before = store.list().unwrap();
    store.reload().unwrap();
    assert_eq!(store.list().unwrap(), before);
    let mut check_values: Vec<String> =
        before.iter().map(|listing| listing.check_value.to_string()).collect();
    check_values.sort();
    check_values.dedup();
    assert_eq!(check_values.len(), 22, "all keys differ");
}
