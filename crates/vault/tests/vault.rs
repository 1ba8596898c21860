//! Sealed records: bound to their subject, kind and digest, and erased without a trace.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use books::SellerId;
use keys::KeyStore;
use keys::{Algorithm, KeyError, KeyName, KeyPurpose, SoftwareStore};
use money::Currency;
use rusqlite::{Connection, params};
use vault::{
    RecordKind, RecordName, RewrapCounts, Subject, VAULT_FILE, Vault, VaultError, VaultKey,
};

const PLAIN: &[u8] = b"the account GB82WEST12345698765432";

fn key() -> VaultKey {
    let store = SoftwareStore::in_memory([]).unwrap();
    let name = KeyName::new("vault").unwrap();
    store.generate(name, KeyPurpose::DataKeys, Algorithm::Aes256).unwrap();
    VaultKey { store: Arc::new(store), name }
}

fn of(seller: u64, currency: Currency) -> RecordName {
    let subject = Subject::Seller(SellerId(seller));
    RecordName { subject, kind: RecordKind::PayoutAccount(currency) }
}

const CNY: Currency = Currency::CNY;

/// Every byte of every file in a directory.
fn all_bytes(directory: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        bytes.extend(fs::read(entry.unwrap().path()).unwrap());
    }
    bytes
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn sql(directory: &Path) -> Connection {
    Connection::open(directory.join(VAULT_FILE)).unwrap()
}

#[test]
fn a_record_is_opened_by_its_name_and_digest_in_another_process_too() {
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    let mut vault = Vault::new(directory.path(), Some(key.clone()));
    assert!(matches!(vault.open(of(1, CNY), &[0; 32]), Err(VaultError::NoRecord(_))));
    assert!(!directory.path().join(VAULT_FILE).exists(), "reading makes no file");
    let digest = vault.seal(of(1, CNY), PLAIN).unwrap();
    assert_eq!(vault.seal(of(1, CNY), PLAIN).unwrap(), digest, "kept once");
    let other = vault.seal(of(1, CNY), b"another account").unwrap();
    let of_another = vault.seal(of(2, CNY), PLAIN).unwrap();
    assert!(digest != other && digest != of_another, "digests of sellers cannot be compared");
    let mut again = Vault::new(directory.path(), Some(key));
    assert_eq!(*again.open(of(1, CNY), &digest).unwrap(), PLAIN);
    assert_eq!(*again.open(of(2, CNY), &of_another).unwrap(), PLAIN);
    assert!(matches!(again.open(of(2, CNY), &digest), Err(VaultError::NoRecord(_))));
    assert!(matches!(again.open(of(1, Currency::BRL), &digest), Err(VaultError::NoRecord(_))));
    let mode = fs::metadata(directory.path().join(VAULT_FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!has(&all_bytes(directory.path()), &PLAIN[..8]), "nothing is stored in the clear");
}

#[test]
fn records_that_were_changed_cut_or_swapped_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    let mut vault = Vault::new(directory.path(), Some(key.clone()));
    let first = vault.seal(of(1, CNY), PLAIN).unwrap();
    let second = vault.seal(of(1, CNY), b"another account").unwrap();
    let theirs = vault.seal(of(2, CNY), b"their account").unwrap();
    let brl = vault.seal(of(1, Currency::BRL), b"in another currency").unwrap();
    // Each time as another process, which has read nothing before.
    let open = |name, digest| Vault::new(directory.path(), Some(key.clone())).open(name, digest);
    let changes: [(&str, &str); 7] = [
        (
            "a changed byte",
            "UPDATE records SET sealed = CAST(zeroblob(1) || substr(sealed, 2) AS BLOB)",
        ),
        ("a cut record", "UPDATE records SET sealed = substr(sealed, 1, length(sealed) - 1)"),
        ("an empty record", "UPDATE records SET sealed = x''"),
        ("a cut nonce", "UPDATE records SET nonce = substr(nonce, 1, 11)"),
        (
            "the content of another kind",
            "UPDATE records SET (nonce, sealed) = (SELECT other.nonce, other.sealed
             FROM records other WHERE other.kind LIKE '%BRL') WHERE kind LIKE '%CNY'",
        ),
        (
            "the record of another seller",
            "UPDATE records SET (nonce, sealed) = (SELECT other.nonce, other.sealed
             FROM records other WHERE other.subject = 'seller 2') WHERE subject = 'seller 1'",
        ),
        ("a cut key", "UPDATE subjects SET wrapped_key = substr(wrapped_key, 1, 39)"),
    ];
    let file = directory.path().join(VAULT_FILE);
    let good = fs::read(&file).unwrap();
    for (what, change) in changes {
        assert!(sql(directory.path()).execute(change, []).unwrap() > 0, "{what}");
        for (name, digest) in [(of(1, CNY), &first), (of(1, CNY), &second)] {
            let error = open(name, digest).unwrap_err();
            assert!(matches!(error, VaultError::Damaged(_)), "{what}: {error}");
        }
        fs::write(&file, &good).unwrap();
    }
    // Keys of two sellers, swapped with or without their records.
    let swap = |table: &str| {
        let rename = |from: &str, to: &str| {
            format!("UPDATE {table} SET subject = '{to}' WHERE subject = '{from}';")
        };
        let steps =
            [rename("seller 1", "x"), rename("seller 2", "seller 1"), rename("x", "seller 2")];
        sql(directory.path()).execute_batch(&steps.concat()).unwrap();
    };
    swap("subjects");
    assert!(matches!(open(of(1, CNY), &first), Err(VaultError::Damaged(_))));
    swap("records");
    for (name, digest) in [(of(2, CNY), &first), (of(1, CNY), &theirs)] {
        assert!(matches!(open(name, digest), Err(VaultError::Damaged(_))));
    }
    fs::write(&file, &good).unwrap();
    // A record under the digest of another, or of another kind.
    let rename = "UPDATE records SET digest = ?1 WHERE digest = ?2";
    sql(directory.path()).execute("DELETE FROM records WHERE digest = ?1", [&first]).unwrap();
    sql(directory.path()).execute(rename, params![first, second]).unwrap();
    assert!(matches!(open(of(1, CNY), &first), Err(VaultError::Damaged(_))));
    let kind = "UPDATE records SET kind = 'payout account in CNY' WHERE digest = ?1";
    sql(directory.path()).execute(kind, [&brl]).unwrap();
    assert!(matches!(open(of(1, CNY), &brl), Err(VaultError::Damaged(_))));
}

#[test]
fn another_key_opens_nothing_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let digest = Vault::new(directory.path(), Some(key())).seal(of(1, CNY), PLAIN).unwrap();
    let mut other = Vault::new(directory.path(), Some(key()));
    let wrong = |error| matches!(error, VaultError::Key(KeyError::WrongWrappedDataKey));
    assert!(wrong(other.open(of(1, CNY), &digest).unwrap_err()));
    assert!(wrong(other.seal(of(1, CNY), PLAIN).unwrap_err()));
    let mut without = Vault::new(directory.path(), None);
    assert!(matches!(without.open(of(1, CNY), &digest), Err(VaultError::NoKey)));
    assert!(matches!(without.seal(of(1, CNY), PLAIN), Err(VaultError::NoKey)));
    let shown = format!("{} {other:?}", other.open(of(1, CNY), &digest).unwrap_err());
    assert!(!shown.contains("GB82"), "{shown}");
}

#[test]
fn an_erased_seller_leaves_neither_record_nor_key() {
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    let mut vault = Vault::new(directory.path(), Some(key));
    let digests: Vec<_> = (0..40_u8)
        .map(|number| {
            vault.seal(of(1, CNY), format!("account {number} of one").as_bytes()).unwrap()
        })
        .collect();
    let kept = vault.seal(of(2, CNY), PLAIN).unwrap();
    let mut parts: Vec<Vec<u8>> = Vec::new();
    {
        let file = sql(directory.path());
        let mut rows =
            file.prepare("SELECT sealed FROM records WHERE subject = 'seller 1'").unwrap();
        let sealed = rows.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        parts.extend(sealed.map(Result::unwrap));
        let wrapped = "SELECT wrapped_key FROM subjects WHERE subject = 'seller 1'";
        parts.push(file.query_row(wrapped, [], |row| row.get(0)).unwrap());
    }
    parts.extend(digests.iter().map(|digest| digest.to_vec()));
    let before = all_bytes(directory.path());
    assert!(parts.iter().all(|part| has(&before, part)), "the search finds what is there");
    assert!(vault.erase(of(1, CNY)).unwrap());
    assert!(!vault.erase(of(1, CNY)).unwrap());
    let after = all_bytes(directory.path());
    // Eight bytes of a part are enough to know it.
    assert!(!parts.iter().any(|part| has(&after, &part[..8])), "a part is still there");
    assert!(!has(&after, b"seller 1"));
    assert!(matches!(vault.open(of(1, CNY), &digests[0]), Err(VaultError::NoRecord(_))));
    assert_eq!(*vault.open(of(2, CNY), &kept).unwrap(), PLAIN);
    // Entered again, the same account has another digest: the old one says nothing any more.
    assert_ne!(vault.seal(of(1, CNY), b"account 0 of one").unwrap(), digests[0]);
}

#[test]
fn an_erased_account_leaves_the_sellers_account_in_another_currency() {
    let directory = tempfile::tempdir().unwrap();
    let mut vault = Vault::new(directory.path(), Some(key()));
    let [cny, brl] = [CNY, Currency::BRL].map(|currency| of(1, currency));
    let [in_cny, in_brl] = [cny, brl].map(|name| vault.seal(name, PLAIN).unwrap());
    assert!(vault.erase(cny).unwrap());
    assert!(matches!(vault.open(cny, &in_cny), Err(VaultError::NoRecord(_))));
    assert_eq!(*vault.open(brl, &in_brl).unwrap(), PLAIN);
    let keys = || -> u32 {
        sql(directory.path())
            .query_row("SELECT count(*) FROM subjects", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(keys(), 1);
    assert!(vault.erase(brl).unwrap());
    assert_eq!(keys(), 0, "the key goes with the last record");
}

/// A vault's key whose store the test keeps.
fn rotating() -> (Arc<SoftwareStore>, VaultKey) {
    let store = Arc::new(SoftwareStore::in_memory([]).unwrap());
    let name = KeyName::new("vault").unwrap();
    store.generate(name, KeyPurpose::DataKeys, Algorithm::Aes256).unwrap();
    let key = VaultKey { store: store.clone(), name };
    (store, key)
}

#[test]
fn rewrapped_data_keys_need_no_older_generation() {
    let directory = tempfile::tempdir().unwrap();
    let (store, key) = rotating();
    let mut vault = Vault::new(directory.path(), Some(key.clone()));
    assert_eq!(vault.rewrap().unwrap(), RewrapCounts::default(), "there is no vault yet");
    let first: Vec<_> = (1..=5).map(|one| vault.seal(of(one, CNY), PLAIN).unwrap()).collect();
    store.rotate(key.name).unwrap();
    let sixth = vault.seal(of(6, CNY), PLAIN).unwrap();
    let wrapped = |seller: u64| -> Vec<u8> {
        let subject = format!("seller {}", SellerId(seller));
        let select = "SELECT wrapped_key FROM subjects WHERE subject = ?1";
        sql(directory.path()).query_row(select, [subject], |row| row.get(0)).unwrap()
    };

    // It stops in the middle: the third key is damaged.
    let (third, before) = (format!("seller {}", SellerId(3)), wrapped(3));
    let put = |bytes: &[u8]| {
        let update = "UPDATE subjects SET wrapped_key = ?2 WHERE subject = ?1";
        sql(directory.path()).execute(update, params![third, bytes]).unwrap()
    };
    let mut damaged = before.clone();
    damaged[7] ^= 1;
    put(&damaged);
    let error = vault.rewrap().unwrap_err();
    assert!(matches!(error, VaultError::Key(KeyError::WrongWrappedDataKey)), "{error}");
    put(&before);
    for (seller, digest) in (1..).zip(&first) {
        assert_eq!(*vault.open(of(seller, CNY), digest).unwrap(), PLAIN, "seller {seller}");
    }

    // It goes on.
    let counts = vault.rewrap().unwrap();
    assert_eq!(counts.rewrapped + counts.unchanged, 6);
    assert!(counts.unchanged > 1 && counts.rewrapped > 0, "{counts:?}");
    store.drop_generation(key.name, 1).unwrap();
    for (seller, digest) in (1..).zip(first.iter().chain([&sixth])) {
        assert_eq!(*vault.open(of(seller, CNY), digest).unwrap(), PLAIN, "seller {seller}");
    }
    assert_eq!(vault.rewrap().unwrap(), RewrapCounts { rewrapped: 0, unchanged: 6 });
    assert!(!has(&all_bytes(directory.path()), &before), "nothing of the old wrapping is left");
}

#[test]
fn what_nobody_approved_can_be_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let mut vault = Vault::new(directory.path(), Some(key()));
    let (name, absent) = (of(1, CNY), [7; 32]);
    let first = vault.seal(name, b"first").unwrap();
    let second = vault.seal(name, b"second").unwrap();
    vault.approve(name, &first).unwrap();
    for digest in [&first, &second, &absent] {
        vault.forget(name, digest).unwrap();
    }
    assert_eq!(*vault.open(name, &first).unwrap(), b"first");
    assert!(matches!(vault.open(name, &second), Err(VaultError::NoRecord(_))));
    assert!(matches!(vault.approve(name, &second), Err(VaultError::NoRecord(_))));
}

#[test]
fn a_file_that_others_can_read_or_that_is_no_vault_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(VAULT_FILE);
    let digest = Vault::new(directory.path(), Some(key())).seal(of(1, CNY), PLAIN).unwrap();
    let open = || Vault::new(directory.path(), Some(key())).open(of(1, CNY), &digest).unwrap_err();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(open(), VaultError::ReadableByOthers(_)));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    sql(directory.path()).pragma_update(None, "user_version", 2).unwrap();
    assert!(matches!(open(), VaultError::NotAVault(_)));
    fs::write(&file, b"something else, much longer than the header of a database").unwrap();
    assert!(matches!(open(), VaultError::Sqlite { .. }), "{}", open());
    // A crash left an empty file.
    fs::write(&file, b"").unwrap();
    assert!(matches!(open(), VaultError::NoRecord(_)), "{}", open());
    fs::remove_file(&file).unwrap();
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE records (a)").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(open(), VaultError::NotAVault(_)), "{}", open());
}
