//! What is different in PostgreSQL: keys stay in the file, records move, servers go and come back.

use std::fs;

use bench::PostgresCluster;
use postgres::Client;
use postgresql::Server;
use vault::{ERASURES_FILE, RecordKind, RecordName, VAULT_FILE, Vault, VaultError, VaultOptions};

use super::{CNY, NOW, PLAIN, all_bytes, database, delivery, has, key, of, seal, sql};

fn on(server: &Server, key: Option<vault::VaultKey>) -> VaultOptions {
    VaultOptions { key, server: Some(server.clone()) }
}

fn client(server: &Server) -> Client {
    server.connect("test").unwrap()
}

/// All that a backup of the server has of the vault, in words.
fn dump(server: &Server) -> String {
    let mut client = client(server);
    let mut all = String::new();
    for table in ["records", "vault"] {
        let select = format!("SELECT one::text FROM doorstep_vault.{table} one ORDER BY 1");
        for row in client.query(&select, &[]).unwrap() {
            all += row.get::<_, &str>(0);
            all.push('\n');
        }
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_backup_of_the_server_has_sealed_records_and_never_a_key() {
    let cluster = PostgresCluster::quick().unwrap();
    let (server, _) = database(&cluster);
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    let open = || Vault::new(directory.path(), on(&server, Some(key.clone())));
    let digest = open().seal(of(1, CNY), PLAIN).unwrap();
    let kept = open().seal(of(2, CNY), PLAIN).unwrap();
    seal(&mut open(), &[(1, true, "buyer one")]);
    let backup = dump(&server);
    assert!(backup.contains(&hex(&digest)) && backup.contains("buyer of parcel"), "{backup}");
    assert!(!backup.contains(&hex(&PLAIN[..8])));
    let wrapped: Vec<Vec<u8>> = {
        let file = sql(directory.path());
        let mut rows = file.prepare("SELECT wrapped_key FROM subjects").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(wrapped.len(), 3);
    // AES key wrap: a part of it is as good as the whole to know it by.
    assert!(wrapped.iter().all(|one| !backup.contains(&hex(&one[..8]))));
    let in_file: u32 = sql(directory.path())
        .query_row("SELECT count(*) FROM records", [], |row| row.get(0))
        .unwrap();
    assert_eq!(in_file, 0);

    // The tables as they are in a backup from before an erasure.
    let mut connected = client(&server);
    connected
        .batch_execute(
            "CREATE SCHEMA copy; CREATE TABLE copy.records AS TABLE \
        doorstep_vault.records; CREATE TABLE copy.vault AS TABLE doorstep_vault.vault",
        )
        .unwrap();
    let subjects = [of(1, CNY).subject, delivery(1).subject];
    open().erase_subjects((1..).zip(subjects), 2, NOW).unwrap();
    let after = all_bytes(directory.path());
    assert!(!has(&after, &wrapped[0][..8]) || !has(&after, &wrapped[1][..8]));
    let left = dump(&server);
    assert!(!left.contains(&hex(&digest)) && !left.contains("buyer of parcel"), "{left}");
    let restore = "DELETE FROM doorstep_vault.records; INSERT INTO doorstep_vault.records \
        SELECT * FROM copy.records; UPDATE doorstep_vault.vault SET erasures_done = 0";
    connected.batch_execute(restore).unwrap();
    assert!(dump(&server).contains(&hex(&digest)), "the backup has the sealed record");
    let mut restored = open();
    assert!(matches!(restored.open(of(1, CNY), &digest), Err(VaultError::NoRecord(_))));
    assert_eq!(*restored.open(of(2, CNY), &kept).unwrap(), PLAIN);
    assert!(!dump(&server).contains(&hex(&digest)), "and it is gone again");
    // A list that lacks what the server has gone through is refused.
    fs::remove_file(directory.path().join(ERASURES_FILE)).unwrap();
    let missing = open().open(of(2, CNY), &kept).unwrap_err();
    assert!(matches!(missing, VaultError::ErasuresMissing { .. }), "{missing}");
}

#[test]
fn changed_cut_and_swapped_records_of_the_server_are_refused() {
    let cluster = PostgresCluster::quick().unwrap();
    let (server, _) = database(&cluster);
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    let open = |name, digest| {
        Vault::new(directory.path(), on(&server, Some(key.clone()))).open(name, digest)
    };
    let mut vault = Vault::new(directory.path(), on(&server, Some(key.clone())));
    let mine = vault.seal(of(1, CNY), PLAIN).unwrap();
    let theirs = vault.seal(of(2, CNY), b"their account").unwrap();
    for (what, change) in [
        ("a changed byte", "sealed = set_byte(sealed, 0, 255 - get_byte(sealed, 0))"),
        ("a cut record", "sealed = substr(sealed, 1, length(sealed) - 1)"),
        ("a cut nonce", "nonce = substr(nonce, 1, 11)"),
        (
            "the record of another seller",
            "(nonce, sealed) = (SELECT other.nonce, other.sealed FROM doorstep_vault.records other
             WHERE other.subject <> doorstep_vault.records.subject)",
        ),
    ] {
        let mut connected = client(&server);
        let mut change_all = connected.transaction().unwrap();
        change_all.batch_execute("CREATE TEMP TABLE kept AS TABLE doorstep_vault.records").unwrap();
        let update = format!("UPDATE doorstep_vault.records SET {change}");
        assert_eq!(change_all.execute(&update, &[]).unwrap(), 2, "{what}");
        change_all.commit().unwrap();
        for (name, digest) in [(of(1, CNY), &mine), (of(2, CNY), &theirs)] {
            let error = open(name, digest).unwrap_err();
            assert!(matches!(error, VaultError::Damaged(_)), "{what}: {error}");
        }
        let back = "DELETE FROM doorstep_vault.records;
            INSERT INTO doorstep_vault.records SELECT * FROM kept";
        connected.batch_execute(back).unwrap();
    }
    assert_eq!(*open(of(1, CNY), &mine).unwrap(), PLAIN);
}

#[test]
fn records_move_from_the_file_to_the_server_and_are_away_without_it() {
    let cluster = PostgresCluster::quick().unwrap();
    let (server, _) = database(&cluster);
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    let mut before = Vault::new(directory.path(), Some(key.clone()));
    let digest = before.seal(of(1, CNY), PLAIN).unwrap();
    before.approve(of(1, CNY), &digest).unwrap();
    let many: Vec<_> = (1..=1_500).map(|number| (number, true, "buyer")).collect();
    assert_eq!(seal(&mut before, &many).sealed, 1_500);
    drop(before);
    let sealed: Vec<u8> = sql(directory.path())
        .query_row("SELECT sealed FROM records LIMIT 1", [], |row| row.get(0))
        .unwrap();

    let moved = || Vault::new(directory.path(), on(&server, Some(key.clone())));
    assert_eq!(*moved().open(of(1, CNY), &digest).unwrap(), PLAIN);
    moved().forget(of(1, CNY), &digest).unwrap();
    assert_eq!(*moved().open(of(1, CNY), &digest).unwrap(), PLAIN, "it stays approved");
    for number in [1, 1_000, 1_500] {
        assert_eq!(&**moved().open_only(delivery(number)).unwrap().unwrap(), b"buyer");
    }
    assert!(!has(&all_bytes(directory.path()), &sealed[..8]), "nothing is left in the file");
    assert!(dump(&server).contains(&hex(&sealed)));

    // Whoever does not know the server sees nothing, and erases keys all the same.
    let mut away = Vault::new(directory.path(), Some(key.clone()));
    let away_from = |error: VaultError| matches!(error, VaultError::OnServer);
    assert!(away_from(away.open(of(1, CNY), &digest).unwrap_err()));
    assert!(away_from(away.seal(of(1, CNY), PLAIN).unwrap_err()));
    assert!(away_from(away.has(delivery(1)).unwrap_err()));
    let [one, two] = [1, 2].map(|number| delivery(number).subject);
    assert_eq!(away.parcels().unwrap().len(), 1_500);
    assert_eq!(away.erase_deliveries(&[super::parcel(3)]).unwrap(), 0, "later");
    away.erase_subjects([(1, one), (2, two)], 2, NOW).unwrap();
    assert_eq!(away.parcels().unwrap().len(), 1_498);
    assert!(dump(&server).contains(&one.to_string()), "sealed, without its key");
    assert_eq!(moved().open_only(delivery(1)).unwrap(), None);
    assert!(!dump(&server).contains(&one.to_string()), "and now not even that");

    // Another server, or the one of other books.
    let (empty, _) = database(&cluster);
    let error = Vault::new(directory.path(), on(&empty, None)).has(delivery(4)).unwrap_err();
    assert!(matches!(error, VaultError::ServerHasNone { .. }), "{error}");
    let others = tempfile::tempdir().unwrap();
    let error = Vault::new(others.path(), on(&server, Some(key.clone()))).seal(of(9, CNY), PLAIN);
    assert!(matches!(error, Err(VaultError::OtherVaultOnServer { .. })), "{error:?}");
    assert_eq!(*moved().open(of(1, CNY), &digest).unwrap(), PLAIN);
}

#[test]
fn records_move_back_into_the_file_also_after_an_interruption() {
    let cluster = PostgresCluster::quick().unwrap();
    let (server, _) = database(&cluster);
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    let there = || Vault::new(directory.path(), on(&server, Some(key.clone())));
    let in_file = || Vault::new(directory.path(), Some(key.clone()));
    let digest = there().seal(of(1, CNY), PLAIN).unwrap();
    there().approve(of(1, CNY), &digest).unwrap();
    let many: Vec<_> = (1..=1_500).map(|number| (number, true, "buyer")).collect();
    assert_eq!(seal(&mut there(), &many).sealed, 1_500);
    // The second transaction of the server ends after that of the file, and fails.
    let mut connected = client(&server);
    let last = "(SELECT max(subject) FROM doorstep_vault.records)";
    let last: String = connected.query_one(&format!("SELECT {last}"), &[]).unwrap().get(0);
    connected
        .batch_execute(&format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
                AS $$ BEGIN RAISE 'interrupted'; END $$;
            CREATE CONSTRAINT TRIGGER refuse AFTER DELETE ON doorstep_vault.records
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.subject = '{last}')
                EXECUTE FUNCTION refuse()"
        ))
        .unwrap();
    let reads_all = |vault: &mut Vault| {
        assert_eq!(*vault.open(of(1, CNY), &digest).unwrap(), PLAIN);
        for number in 1..=1_500 {
            let delivery = vault.open_only(delivery(number)).unwrap();
            assert_eq!(&**delivery.unwrap(), b"buyer", "{number}");
        }
    };
    let count = |count: &str| -> u32 {
        sql(directory.path()).query_row(count, [], |row| row.get(0)).unwrap()
    };
    for _ in 0..2 {
        let stopped = there().move_to_file().unwrap_err();
        assert!(matches!(stopped, VaultError::Server { .. }), "{stopped}");
        assert_eq!(count("SELECT count(*) FROM records"), 1_501, "also what the server kept");
        // Without the server nobody takes the rest for the whole; with it nothing is missing.
        let away = in_file().open(of(1, CNY), &digest).unwrap_err();
        assert!(matches!(away, VaultError::OnServer), "{away}");
    }
    reads_all(&mut there());
    assert_eq!(count("SELECT count(*) FROM records"), 0);
    connected.batch_execute("DROP TRIGGER refuse ON doorstep_vault.records").unwrap();
    let mut moved = there();
    assert_eq!(moved.move_to_file().unwrap(), 1_501);
    reads_all(&mut moved);
    drop(moved);
    reads_all(&mut in_file());
    in_file().forget(of(1, CNY), &digest).unwrap();
    assert_eq!(*in_file().open(of(1, CNY), &digest).unwrap(), PLAIN, "it stays approved");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'doorstep_vault'";
    assert_eq!(connected.query_one(schemas, &[]).unwrap().get::<_, i64>(0), 0);
    // Interrupted before the file forgot its server.
    let note = "INSERT INTO server (id, begun) VALUES (zeroblob(16), 2)";
    sql(directory.path()).execute(note, []).unwrap();
    reads_all(&mut in_file());
    reads_all(&mut there());
    assert_eq!(count("SELECT count(*) FROM records"), 0);
    there().move_to_file().unwrap();
    reads_all(&mut in_file());
}

#[test]
fn a_server_that_is_gone_is_said_and_nothing_is_half_done() {
    let mut cluster = PostgresCluster::quick().unwrap();
    let (server, _) = database(&cluster);
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    let mut vault = Vault::new(directory.path(), on(&server, Some(key)));
    let digest = vault.seal(of(1, CNY), PLAIN).unwrap();
    seal(&mut vault, &[(1, true, "buyer one")]);
    cluster.stop();
    let gone = |error: VaultError| {
        let said = error.to_string();
        assert!(said.contains("PostgreSQL") && said.contains("Nothing was done"), "{said}");
        matches!(error, VaultError::Server { .. })
    };
    let keys = || -> u32 {
        let count = "SELECT count(*) FROM subjects";
        sql(directory.path()).query_row(count, [], |row| row.get(0)).unwrap()
    };
    for _ in 0..2 {
        assert!(gone(vault.open(of(1, CNY), &digest).unwrap_err()));
        assert!(gone(vault.seal(of(2, CNY), PLAIN).unwrap_err()));
        let identity = RecordName { subject: of(1, CNY).subject, kind: RecordKind::Identity };
        assert!(gone(vault.replace(identity, b"E1").unwrap_err()));
        assert!(gone(vault.erase(of(1, CNY)).unwrap_err()));
    }
    assert_eq!(keys(), 2, "no key was made, and none erased");
    cluster.start_again().unwrap();
    assert_eq!(*vault.open(of(1, CNY), &digest).unwrap(), PLAIN);
    let second = vault.seal(of(2, CNY), PLAIN).unwrap();
    assert_eq!((*vault.open(of(2, CNY), &second).unwrap()).as_slice(), PLAIN);
    // A connection that the server ends is opened again.
    cluster
        .sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE application_name = 'doorstep vault'",
        )
        .unwrap();
    // Its end may come a moment later: then the next question fails, and no more.
    let mut opened = (0..3).filter_map(|_| vault.open(of(1, CNY), &digest).ok());
    assert_eq!(*opened.next().unwrap(), PLAIN);
    assert!(directory.path().join(VAULT_FILE).exists());
}
