//! The software key store and its file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use keys::{
    Algorithm, KeyError, KeyName, KeyPurpose, KeyReference, KeyStore, KeyStoreError, MacMethod,
    MasterKey, MasterKeyError, SoftwareStore,
};

use crate::contract::CONTRACT;

const MASTER: &str = "88e1ab2a2e3dd38c1fa039a536500cc8a87ab9d62dc92c01058fa79f44657de6";

fn master() -> MasterKey {
    MasterKey::from_hex(MASTER, "here").unwrap()
}

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

#[test]
fn a_store_in_memory_keeps_the_contract() {
    for (name, test) in CONTRACT {
        println!("in memory: {name}");
        test(&SoftwareStore::in_memory([]).unwrap());
    }
}

#[test]
fn a_store_in_a_file_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    for (number, (name, test)) in CONTRACT.into_iter().enumerate() {
        println!("in a file: {name}");
        let path = directory.path().join(number.to_string());
        let store = SoftwareStore::open_or_create(&path, master()).unwrap();
        test(&store);
        if path.exists() {
            let again = SoftwareStore::open(&path, master()).unwrap();
            assert_eq!(again.list().unwrap(), store.list().unwrap());
        }
    }
}

/// A store with three keys, one of them with two generations and a dropped one.
fn example(path: &Path) -> SoftwareStore {
    let store = SoftwareStore::open_or_create(path, master()).unwrap();
    store.generate(name("base"), KeyPurpose::Base, Algorithm::Aes256).unwrap();
    store.generate(name("network/mac"), KeyPurpose::Mac, Algorithm::Des).unwrap();
    store.generate(name("zmk"), KeyPurpose::Exchange, Algorithm::Tdes2).unwrap();
    store.rotate(name("zmk")).unwrap();
    store.rotate(name("zmk")).unwrap();
    store.drop_generation(name("zmk"), 1).unwrap();
    store
}

fn open_error(path: &Path) -> KeyError {
    SoftwareStore::open(path, master()).unwrap_err()
}

#[test]
fn only_the_owner_can_read_the_file_and_no_temporary_file_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    fs::write(directory.path().join("keys.new"), "left by a crash").unwrap();
    example(&path);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut names: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["keys", "keys.lock"]);
}

#[test]
fn every_changed_byte_and_every_truncation_of_the_file_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    example(&path);
    let text = fs::read(&path).unwrap();
    for end in 0..text.len() {
        fs::write(&path, &text[..end]).unwrap();
        open_error(&path);
    }
    for place in 0..text.len() {
        let mut changed = text.clone();
        changed[place] ^= 1;
        fs::write(&path, &changed).unwrap();
        let error = open_error(&path).to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }
    fs::write(&path, &text).unwrap();
    assert_eq!(SoftwareStore::open(&path, master()).unwrap().list().unwrap().len(), 4);
}

#[test]
fn a_removed_or_moved_key_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    example(&path);
    let text = fs::read_to_string(&path).unwrap();

    let begin = text.find("[[key]]\nname = \"network/mac\"").unwrap();
    let end = begin + 1 + text[begin + 1..].find("[[key]]").unwrap();
    fs::write(&path, format!("{}{}", &text[..begin], &text[end..])).unwrap();
    assert!(open_error(&path).to_string().contains("the seal is wrong"));

    fs::write(&path, text.replace("\"zmk\"", "\"zmm\"")).unwrap();
    let error = open_error(&path);
    assert!(matches!(error, KeyError::Store(KeyStoreError::DamagedEntry { .. })), "{error}");
    assert!(error.to_string().contains("the entry of `zmm`, generation 2"), "{error}");
}

#[test]
fn errors_name_the_fault_of_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    let shown = path.display();
    let error = open_error(&path).to_string();
    assert!(error.starts_with(&format!("{shown}: cannot be read: ")), "{error}");

    example(&path);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("doorstep keys 1", "doorstep keys 2")).unwrap();
    assert!(open_error(&path).to_string().contains("written by another version of this program"));
    fs::write(&path, &text[..text.len() - 60]).unwrap();
    assert!(open_error(&path).to_string().contains("the end of the file is missing"));
    fs::write(&path, &text).unwrap();

    let other = MasterKey::from_hex(&MASTER.replace('8', "7"), "here").unwrap();
    let error = SoftwareStore::open(&path, other).unwrap_err();
    assert!(matches!(error, KeyError::Store(KeyStoreError::WrongMasterKey { .. })), "{error}");
}

#[test]
fn two_processes_that_change_one_file_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    let first = example(&path);
    let second = SoftwareStore::open(&path, master()).unwrap();
    std::thread::scope(|scope| {
        for (number, store) in [&first, &second].into_iter().enumerate() {
            scope.spawn(move || {
                for round in 0..10 {
                    let name = name(&format!("mac/{number}/{round}"));
                    store.generate(name, KeyPurpose::Mac, Algorithm::Tdes2).unwrap();
                }
            });
        }
    });
    first.reload().unwrap();
    second.reload().unwrap();
    assert_eq!(first.list().unwrap().len(), 24);
    assert_eq!(first.list().unwrap(), second.list().unwrap());
    let key = KeyReference::Stored(name("mac/1/9"));
    let mac = second.mac(&key, MacMethod::X9_19, b"message").unwrap();
    assert!(first.check_mac(&key, MacMethod::X9_19, b"message", &mac).unwrap());
}

#[test]
fn a_change_that_cannot_be_written_is_discarded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    let store = example(&path);
    let before = store.list().unwrap();
    // A directory has the name of the temporary file, so that file cannot be created.
    fs::create_dir(directory.path().join("keys.new")).unwrap();
    assert!(store.rotate(name("base")).is_err());
    assert_eq!(store.list().unwrap(), before);
    assert_eq!(SoftwareStore::open(&path, master()).unwrap().list().unwrap(), before);
}

#[test]
fn a_master_key_is_64_hex_digits_that_only_its_owner_can_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master");
    let read = || MasterKey::from_file(&path);
    assert!(matches!(read(), Err(MasterKeyError::File { .. })));
    fs::write(&path, format!("{MASTER}\n")).unwrap();
    for mode in [0o644, 0o640, 0o604, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(read(), Err(MasterKeyError::ReadableByOthers(_))), "{mode:o}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(read().unwrap().check_value(), master().check_value());
    let zeros = "0".repeat(64);
    for bad in ["", &MASTER[1..], &format!("{MASTER}00"), &zeros, &"0x".repeat(32), "\u{e9}"] {
        fs::write(&path, bad).unwrap();
        let error = read().unwrap_err();
        assert!(matches!(error, MasterKeyError::Malformed(_)), "{error}");
        assert!(bad.is_empty() || !error.to_string().contains(bad));
    }
}
