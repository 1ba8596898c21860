//! Sealed records: bound to their subject, kind and digest, and erased without a trace.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bench::PostgresCluster;
use books::{DataSubject, ParcelId, SellerId, Timestamp};
use keys::KeyStore;
use keys::{Algorithm, KeyError, KeyName, KeyPurpose, SoftwareStore};
use money::Currency;
use postgresql::Server;
use rusqlite::{Connection, params};
use vault::{
    DeliveryCounts, DeliveryToSeal, ERASURES_FILE, RecordKind, RecordName, RewrapCounts,
    VAULT_FILE, Vault, VaultError, VaultKey, VaultOptions,
};

#[path = "vault/server.rs"]
mod server;

/// Scenarios that both stores pass.
macro_rules! on_both_stores {
    ($($scenario:ident)+) => {
        mod in_a_file {
            $(
                #[test]
                fn $scenario() {
                    super::$scenario(&super::Store::File);
                }
            )+
        }

        #[test]
        fn all_of_them_in_postgresql() {
            let cluster = PostgresCluster::quick().unwrap();
            $(
                println!("{}", stringify!($scenario));
                $scenario(&Store::Server(&cluster));
            )+
        }
    };
}

on_both_stores! {
    a_record_is_opened_by_its_name_and_digest_in_another_process_too
    another_key_opens_nothing_and_says_so
    an_erased_account_leaves_the_sellers_account_in_another_currency
    rewrapped_data_keys_need_no_older_generation
    what_nobody_approved_can_be_forgotten
    an_account_that_an_interrupted_request_sealed_is_forgotten
    details_of_buyers_are_sealed_once_and_replaced_while_they_may_be
    who_is_erased_during_an_import_is_not_sealed_by_it
    a_list_of_erasures_that_lacks_some_is_refused_until_it_is_written_again
    rewrapping_goes_through_more_subjects_than_one_transaction_has
}

/// Where the records are.
#[derive(Clone, Copy)]
enum Store<'c> {
    File,
    Server(&'c PostgresCluster),
}

/// The vaults of a directory.
struct Vaults {
    directory: PathBuf,
    server: Option<Server>,
}

impl Store<'_> {
    /// On a server each directory has a database.
    fn of(&self, directory: &Path) -> Vaults {
        let server = match self {
            Store::File => None,
            Store::Server(cluster) => Some(database(cluster).0),
        };
        Vaults { directory: directory.to_owned(), server }
    }
}

impl Vaults {
    /// As another process opens it.
    fn vault(&self, key: Option<VaultKey>) -> Vault {
        Vault::new(&self.directory, VaultOptions { key, server: self.server.clone() })
    }
}

/// A new database, and its name.
fn database(cluster: &PostgresCluster) -> (Server, String) {
    let name = format!("v{}", cluster.sql("SELECT count(*) FROM pg_database").unwrap());
    cluster.sql(&format!("CREATE DATABASE {name}")).unwrap();
    let url = cluster.url();
    let (host, _) = url.rsplit_once('/').unwrap();
    (Server::new(&format!("{host}/{name}"), None, None).unwrap(), name)
}

const PLAIN: &[u8] = b"the account GB82WEST12345698765432";

fn key() -> VaultKey {
    let store = SoftwareStore::in_memory([]).unwrap();
    let name = KeyName::new("vault").unwrap();
    store.generate(name, KeyPurpose::DataKeys, Algorithm::Aes256).unwrap();
    VaultKey { store: Arc::new(store), name }
}

fn of(seller: u64, currency: Currency) -> RecordName {
    let subject = DataSubject::Seller(SellerId(seller));
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

fn a_record_is_opened_by_its_name_and_digest_in_another_process_too(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let vaults = store.of(directory.path());
    let key = key();
    let mut vault = vaults.vault(Some(key.clone()));
    assert!(matches!(vault.open(of(1, CNY), &[0; 32]), Err(VaultError::NoRecord(_))));
    assert!(!directory.path().join(VAULT_FILE).exists(), "reading makes no file");
    let digest = vault.seal(of(1, CNY), PLAIN).unwrap();
    assert_eq!(vault.seal(of(1, CNY), PLAIN).unwrap(), digest, "kept once");
    let other = vault.seal(of(1, CNY), b"another account").unwrap();
    let of_another = vault.seal(of(2, CNY), PLAIN).unwrap();
    assert!(digest != other && digest != of_another, "digests of sellers cannot be compared");
    let mut again = vaults.vault(Some(key));
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

fn another_key_opens_nothing_and_says_so(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let vaults = store.of(directory.path());
    let digest = vaults.vault(Some(key())).seal(of(1, CNY), PLAIN).unwrap();
    let mut other = vaults.vault(Some(key()));
    let wrong = |error| matches!(error, VaultError::Key(KeyError::WrongWrappedDataKey));
    assert!(wrong(other.open(of(1, CNY), &digest).unwrap_err()));
    assert!(wrong(other.seal(of(1, CNY), PLAIN).unwrap_err()));
    let mut without = vaults.vault(None);
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

fn an_erased_account_leaves_the_sellers_account_in_another_currency(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let vaults = store.of(directory.path());
    let mut vault = vaults.vault(Some(key()));
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

fn rewrapped_data_keys_need_no_older_generation(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let vaults = store.of(directory.path());
    let (store, key) = rotating();
    let mut vault = vaults.vault(Some(key.clone()));
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

fn what_nobody_approved_can_be_forgotten(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let vaults = store.of(directory.path());
    let mut vault = vaults.vault(Some(key()));
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
    sql(directory.path()).pragma_update(None, "user_version", 4).unwrap();
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

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn parcel(number: u128) -> ParcelId {
    ParcelId::new(number)
}

fn delivery(number: u128) -> RecordName {
    RecordName { subject: DataSubject::Buyer(parcel(number)), kind: RecordKind::Delivery }
}

fn seal(vault: &mut Vault, all: &[(u128, bool, &'static str)]) -> DeliveryCounts {
    let one = |&(number, may_replace, plain): &(u128, bool, &'static str)| DeliveryToSeal {
        parcel: parcel(number),
        may_replace,
        plain: plain.as_bytes(),
    };
    vault.seal_deliveries(all.iter().map(one)).unwrap()
}

fn an_account_that_an_interrupted_request_sealed_is_forgotten(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let mut vault = store.of(directory.path()).vault(Some(key()));
    assert_eq!(vault.forget_accounts_but(&[]).unwrap(), 0, "there is no vault yet");
    let [interrupted, waiting, approved] =
        [1, 2, 3].map(|seller| (of(seller, CNY), vault.seal(of(seller, CNY), PLAIN).unwrap()));
    vault.approve(approved.0, &approved.1).unwrap();
    let identity = RecordName { kind: RecordKind::Identity, ..of(1, CNY) };
    vault.replace(identity, b"a document").unwrap();
    seal(&mut vault, &[(1, true, "buyer one")]);
    assert_eq!(vault.forget_accounts_but(&[waiting]).unwrap(), 1);
    let gone = vault.open(interrupted.0, &interrupted.1);
    assert!(matches!(gone, Err(VaultError::NoRecord(_))));
    for (name, digest) in [waiting, approved] {
        assert_eq!(*vault.open(name, &digest).unwrap(), PLAIN);
    }
    assert!(vault.has(identity).unwrap() && vault.has(delivery(1)).unwrap());
}

fn who_is_erased_during_an_import_is_not_sealed_by_it(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let (vaults, key) = (store.of(directory.path()), key());
    let mut office = vaults.vault(Some(key.clone()));
    seal(&mut office, &[(1_001, true, "before")]);
    // The import writes a thousand, and then asks for the next one.
    let all = (1..=1_001).map(|number| {
        if number == 1_001 {
            office.erase_subjects([(1, DataSubject::Buyer(parcel(number)))], 1, NOW).unwrap();
        }
        DeliveryToSeal { parcel: parcel(number), may_replace: true, plain: b"again" }
    });
    let counts = vaults.vault(Some(key.clone())).seal_deliveries(all).unwrap();
    assert_eq!((counts.sealed, counts.erased), (1_000, 1));
    assert!(!vaults.vault(Some(key)).has(delivery(1_001)).unwrap());
}

fn details_of_buyers_are_sealed_once_and_replaced_while_they_may_be(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let vaults = store.of(directory.path());
    let mut vault = vaults.vault(Some(key()));
    let first = [(1, true, "王小明 北京"), (2, true, "李四 上海")];
    let counts = |sealed, unchanged, replaced, kept| DeliveryCounts {
        sealed,
        unchanged,
        replaced,
        kept,
        erased: 0,
    };
    assert_eq!(seal(&mut vault, &first), counts(2, 0, 0, 0));
    let file = fs::read(directory.path().join(VAULT_FILE)).unwrap();
    assert_eq!(seal(&mut vault, &first), counts(0, 2, 0, 0));
    assert_eq!(fs::read(directory.path().join(VAULT_FILE)).unwrap(), file, "nothing is written");
    let again = [(1, true, "王小明 广州"), (2, false, "李四 广州"), (3, true, "赵五 深圳")];
    assert_eq!(seal(&mut vault, &again), counts(1, 0, 1, 1));
    let mut shown = |number| {
        let plain = vault.open_only(delivery(number)).unwrap();
        plain.map(|plain| String::from_utf8(plain.to_vec()).unwrap())
    };
    assert_eq!(shown(1).as_deref(), Some("王小明 广州"));
    assert_eq!(shown(2).as_deref(), Some("李四 上海"));
    assert_eq!((shown(3).as_deref(), shown(4)), (Some("赵五 深圳"), None));
    assert!(!has(&all_bytes(directory.path()), "王小明".as_bytes()));
    let mut parcels = vault.parcels().unwrap();
    parcels.sort();
    assert_eq!(parcels, [parcel(1), parcel(2), parcel(3)]);
    assert_eq!(vault.erase_deliveries(&[parcel(2), parcel(9)]).unwrap(), 1);
    assert_eq!(vault.open_only(delivery(2)).unwrap(), None);
    let mut without = vaults.vault(None);
    assert!(matches!(without.seal_deliveries([]), Err(VaultError::NoKey)));
}

#[test]
fn a_restored_vault_erases_again_before_anything_is_shown() {
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    let open = || Vault::new(directory.path(), Some(key.clone()));
    let file = directory.path().join(VAULT_FILE);
    let mut vault = open();
    let account = vault.seal(of(1, CNY), PLAIN).unwrap();
    let kept = vault.seal(of(2, CNY), PLAIN).unwrap();
    seal(&mut vault, &[(1, true, "buyer one"), (2, true, "buyer two")]);
    drop(vault);
    let backup = fs::read(&file).unwrap();
    let (seller, buyer) = (of(1, CNY).subject, delivery(1).subject);
    let sealed: Vec<Vec<u8>> = {
        let sql = sql(directory.path());
        let parts = "SELECT sealed FROM records WHERE subject IN (?1, ?2)
                     UNION ALL SELECT wrapped_key FROM subjects WHERE subject IN (?1, ?2)";
        let mut rows = sql.prepare(parts).unwrap();
        let names = [seller.to_string(), buyer.to_string()];
        rows.query_map(names, |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(sealed.len(), 4);
    let is_left = || {
        let all = all_bytes(directory.path());
        sealed.iter().any(|part| has(&all, &part[..8]))
    };
    assert!(is_left(), "the search finds what is there");
    let mut vault = open();
    vault.erase_subjects([(1, seller)], 1, NOW).unwrap();
    for _ in 0..2 {
        vault.erase_subjects([(1, seller), (2, buyer)], 2, NOW).unwrap();
    }
    assert!(!is_left());
    // The same buyer is not sealed again, the seller can be.
    let counts = seal(&mut vault, &[(1, true, "buyer one")]);
    assert_eq!((counts.sealed, counts.erased), (0, 1));
    let again = vault.seal(of(1, CNY), b"a new account").unwrap();
    drop(vault);
    assert_eq!(*open().open(of(1, CNY), &again).unwrap(), b"a new account");

    fs::write(&file, &backup).unwrap();
    assert!(is_left(), "the backup has it all");
    let mut restored = open();
    assert!(matches!(restored.open(of(1, CNY), &account), Err(VaultError::NoRecord(_))));
    assert_eq!(restored.open_only(delivery(1)).unwrap(), None);
    assert_eq!(*restored.open(of(2, CNY), &kept).unwrap(), PLAIN);
    assert_eq!(&**restored.open_only(delivery(2)).unwrap().unwrap(), b"buyer two");
    assert!(!is_left());
}

fn a_list_of_erasures_that_lacks_some_is_refused_until_it_is_written_again(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let vaults = store.of(directory.path());
    let key = key();
    let open = || vaults.vault(Some(key.clone()));
    let list = directory.path().join(ERASURES_FILE);
    let subjects = [1, 2, 3].map(|number| delivery(number).subject);
    let mut vault = open();
    seal(&mut vault, &[(1, true, "one"), (2, true, "two"), (3, true, "three"), (4, true, "four")]);
    vault.erase_subjects((1..).zip(subjects), 3, NOW).unwrap();
    let whole = fs::read_to_string(&list).unwrap();
    let missing = |error: VaultError| matches!(error, VaultError::ErasuresMissing { .. });
    // The last line was cut by a crash: the books have the erasure, and it is noted again.
    fs::write(&list, &whole[..whole.len() - 5]).unwrap();
    assert!(missing(open().open_only(delivery(4)).unwrap_err()));
    open().erase_subjects([(3, subjects[2])], 3, NOW).unwrap();
    assert_eq!(fs::read_to_string(&list).unwrap(), whole);
    fs::remove_file(&list).unwrap();
    assert!(missing(open().open_only(delivery(4)).unwrap_err()));
    assert!(missing(open().erase_subjects([(5, subjects[0])], 5, NOW).unwrap_err()));
    for (wrong, line) in [("4,buyer,x,1\n", 5), ("5,buyer,", 0), ("7,seller,1,1\n", 5)] {
        fs::write(&list, format!("{whole}{wrong}")).unwrap();
        match open().open_only(delivery(4)) {
            Err(VaultError::DamagedErasures { line: found, .. }) => assert_eq!(found, line),
            done => assert!(done.is_ok() && line == 0, "{wrong}"),
        }
    }
    let other = open().erase_subjects([(2, subjects[0])], 3, NOW);
    assert!(matches!(other, Err(VaultError::DamagedErasures { .. })));
    fs::remove_file(&list).unwrap();
    let all = || (1..).zip(subjects).map(|(number, subject)| (number, subject, NOW));
    assert_eq!(open().list_erasures(all()).unwrap(), 3);
    assert_eq!(fs::read_to_string(&list).unwrap(), whole);
    let other = open().erase_subjects([(2, subjects[0])], 3, NOW);
    assert!(matches!(other, Err(VaultError::OtherErasures(_))));
    assert_eq!(&**open().open_only(delivery(4)).unwrap().unwrap(), b"four");
}

#[test]
fn a_vault_of_a_format_before_gets_the_count_of_erasures_and_the_place_of_a_server() {
    for (format, lacks) in [(1, "DROP TABLE erasures; DROP TABLE server"), (2, "DROP TABLE server")]
    {
        let directory = tempfile::tempdir().unwrap();
        let key = key();
        let mut vault = Vault::new(directory.path(), Some(key.clone()));
        let digest = vault.seal(of(1, CNY), PLAIN).unwrap();
        drop(vault);
        let older = format!("{lacks}; PRAGMA user_version = {format};");
        sql(directory.path()).execute_batch(&older).unwrap();
        let mut vault = Vault::new(directory.path(), Some(key));
        assert_eq!(*vault.open(of(1, CNY), &digest).unwrap(), PLAIN, "format {format}");
        vault.erase_subjects([(1, of(1, CNY).subject)], 1, NOW).unwrap();
        assert!(matches!(vault.open(of(1, CNY), &digest), Err(VaultError::NoRecord(_))));
    }
}

fn rewrapping_goes_through_more_subjects_than_one_transaction_has(store: &Store) {
    const SUBJECTS: usize = 2_100;
    let directory = tempfile::tempdir().unwrap();
    let vaults = store.of(directory.path());
    let (store, key) = rotating();
    let mut vault = vaults.vault(Some(key.clone()));
    let all: Vec<_> = (1..).take(SUBJECTS).map(|number| (number, true, "buyer")).collect();
    assert_eq!(seal(&mut vault, &all).sealed, SUBJECTS);
    store.rotate(key.name).unwrap();
    let counts = |rewrapped, unchanged| RewrapCounts { rewrapped, unchanged };
    assert_eq!(vault.rewrap().unwrap(), counts(SUBJECTS, 0));
    assert_eq!(vault.rewrap().unwrap(), counts(0, SUBJECTS));
    store.drop_generation(key.name, 1).unwrap();
    for number in [1, 1_000, 1_001, 2_100] {
        assert_eq!(&**vault.open_only(delivery(number)).unwrap().unwrap(), b"buyer");
    }
}
