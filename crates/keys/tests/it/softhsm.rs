//! The key store in an HSM, tested with SoftHSM2. The module reads its configuration from the
//! environment once per process, so each test runs in a child process.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::session::UserType;
use keys::{Algorithm, KeyName, KeyPurpose, KeyReference, KeyStore, MacMethod, Pkcs11Store};
use secrecy::SecretString;

use crate::contract::CONTRACT;

const PIN: &str = "271828";
const MODULES: [&str; 2] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
/// Set in the child process: the directory with its tokens.
const CHILD: &str = "DOORSTEP_TEST_TOKENS";

fn module() -> PathBuf {
    let given = env::var_os("DOORSTEP_PKCS11_MODULE").map(PathBuf::from);
    let known = MODULES.iter().map(PathBuf::from);
    given.into_iter().chain(known).find(|path| path.exists()).unwrap_or_else(|| {
        panic!("SoftHSM2 is not installed; run ./test, which installs the package softhsm2")
    })
}

/// Runs a test of this file in a child process with its own tokens.
fn in_child(test: &str, work: fn(&Path)) {
    if let Some(directory) = env::var_os(CHILD) {
        return work(Path::new(&directory));
    }
    // SoftHSM syncs its files many times per key, which costs nothing in memory.
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { env::temp_dir() };
    let directory = tempfile::tempdir_in(parent).unwrap();
    let configuration = directory.path().join("softhsm2.conf");
    let tokens = directory.path().join("tokens");
    fs::create_dir(&tokens).unwrap();
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    fs::write(&configuration, text).unwrap();
    // Ignore SIGXFSZ, so that a write over the file size limit returns an error.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args([&format!("softhsm::{test}"), "--exact", "--nocapture"])
        .env("SOFTHSM2_CONF", &configuration)
        .env(CHILD, directory.path())
        .output()
        .unwrap();
    let output_text = String::from_utf8_lossy(&output.stdout);
    let passed = output.status.success() && output_text.contains("1 passed");
    assert!(passed, "{output_text}{}", String::from_utf8_lossy(&output.stderr));
    print!("{output_text}");
}

/// Initialises a token.
fn new_token(label: &str) {
    let module = Pkcs11::new(module()).unwrap();
    let _ = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let slots = module.get_all_slots().unwrap();
    let free =
        slots.into_iter().find(|slot| !module.get_token_info(*slot).unwrap().token_initialized());
    let slot = free.unwrap();
    let officer = SecretString::from("31415926");
    module.init_token(slot, &officer, label).unwrap();
    let session = module.open_rw_session(slot).unwrap();
    session.login(UserType::So, Some(&officer)).unwrap();
    session.init_pin(&SecretString::from(PIN)).unwrap();
    session.logout().unwrap();
}

fn open(label: &str) -> Pkcs11Store {
    Pkcs11Store::open(&module(), label, SecretString::from(PIN)).unwrap()
}

#[test]
fn a_store_in_an_hsm_keeps_the_contract() {
    in_child("a_store_in_an_hsm_keeps_the_contract", |_| {
        for (number, (name, test)) in CONTRACT.into_iter().enumerate() {
            println!("in an HSM: {name}");
            let label = format!("contract {number}");
            new_token(&label);
            test(&open(&label));
        }
    });
}

#[test]
fn keys_stay_on_the_token_when_the_store_is_opened_again() {
    let test = "keys_stay_on_the_token_when_the_store_is_opened_again";
    in_child(test, |directory| {
        new_token("doorstep");
        let store = open("doorstep");
        let name = KeyName::new("mac").unwrap();
        store.generate(name, KeyPurpose::Mac, Algorithm::Tdes2).unwrap();
        store.rotate(name).unwrap();
        let key = KeyReference::Stored(name);
        let mac = store.mac(&key, MacMethod::X9_19, b"message").unwrap();
        let listed = store.list().unwrap();

        let another = open("doorstep");
        assert_eq!(another.list().unwrap(), listed);
        assert_eq!(another.mac(&key, MacMethod::X9_19, b"message").unwrap(), mac);
        another.drop_generation(name, 1).unwrap();
        assert_eq!(store.list().unwrap().len(), 2);
        store.reload().unwrap();
        assert_eq!(store.list().unwrap().len(), 1);
        assert!(directory.join("tokens").is_dir());
    });
}

#[test]
fn a_token_that_accepts_no_data_objects_is_refused() {
    in_child("a_token_that_accepts_no_data_objects_is_refused", |_| {
        new_token("doorstep");
        // After this login, opening the token again writes nothing but the data object.
        let _first = open("doorstep");
        let this = std::process::id().to_string();
        let limited = Command::new("prlimit").args(["--fsize=0", "--pid", &this]).status();
        assert!(limited.unwrap().success());
        let pin = SecretString::from(PIN);
        let error = Pkcs11Store::open(&module(), "doorstep", pin).unwrap_err().to_string();
        assert!(error.contains("(CKO_DATA), which lists replaced keys"), "{error}");
    });
}

#[test]
fn many_threads_use_one_store() {
    in_child("many_threads_use_one_store", |_| {
        new_token("doorstep");
        let store = open("doorstep");
        let name = KeyName::new("mac").unwrap();
        store.generate(name, KeyPurpose::Mac, Algorithm::Aes128).unwrap();
        let key = KeyReference::Stored(name);
        std::thread::scope(|scope| {
            for thread in 0..8_u8 {
                let (store, key) = (&store, &key);
                scope.spawn(move || {
                    for round in 0..20_u8 {
                        let message = [thread, round];
                        let mac = store.mac(key, MacMethod::Cmac, &message).unwrap();
                        assert!(store.check_mac(key, MacMethod::Cmac, &message, &mac).unwrap());
                    }
                });
            }
        });
    });
}

#[test]
fn a_wrong_label_or_pin_or_module_is_named() {
    in_child("a_wrong_label_or_pin_or_module_is_named", |_| {
        new_token("doorstep");
        let open = |label, pin: &str| {
            Pkcs11Store::open(&module(), label, SecretString::from(pin)).unwrap_err().to_string()
        };
        assert_eq!(
            open("other", PIN),
            "PKCS#11: there is no token with the label `other`; there are: `doorstep`"
        );
        let wrong_pin = open("doorstep", "000000");
        assert!(wrong_pin.starts_with("PKCS#11: logging in: "), "{wrong_pin}");
        assert!(!wrong_pin.contains("000000"));
        let nowhere = Path::new("nowhere.so");
        let error = Pkcs11Store::open(nowhere, "doorstep", SecretString::from(PIN)).unwrap_err();
        assert!(error.to_string().starts_with("PKCS#11: loading the module: "), "{error}");
    });
}
