//! The access store: sign-ins, sessions, secrets of keys, links of buyers.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use books::{AccessEvent, ParcelId, PersonId, Timestamp};
use keys::{DATA_KEY_BYTES, KeyReference};
use machine::{Actor, ApiKeyId};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use subtle::ConstantTimeEq;
use vault::VaultKey;
use zeroize::Zeroizing;

use crate::error::{AccessDenied, AccessError};
use crate::file::{self, ACCESS_FILE};
use crate::known::KnownTokens;
use crate::limits::*;
use crate::linked::IdentitiesAfterReset;
use crate::principal::{AccessGrant, Assurance, Principal};
use crate::recording::add_event;
use crate::secrets::{self, StoreKeys, hash_of};
use crate::sessions::SecondFactor;
use crate::standing::{AccessBooks, AccessStanding};

const SETTING_PREFIX: &str = "dsp_";
const LINK_PREFIX: &str = "dsl_";
const LIVE_KEY_PREFIX: &str = "ds_live_";
const TEST_KEY_PREFIX: &str = "ds_test_";
/// A buyer gives no command: no key has this id, so the books refuse all.
const NOBODY: Actor = Actor::Key(ApiKeyId(0));
/// Longer texts are no tokens.
pub(crate) const TOKEN_CHARACTERS_MAX: usize = 256;

/// Who signs in.
pub struct SignIn<'a> {
    pub name: &'a str,
    pub password: &'a str,
    pub factor: SecondFactor<'a>,
    /// Where from, for the lock-out.
    pub address: IpAddr,
}

/// A session that has just begun, or was renewed. The token is shown once.
pub struct NewSession {
    /// For the cookie `__Host-doorstep`.
    pub token: String,
    /// For the field or header of requests that change something: [`csrf_of`] the token.
    pub csrf: String,
    pub principal: Principal,
    /// When it ends at the latest.
    pub until: Timestamp,
}

/// One of a person's sessions, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Names it in lists: not its token.
    pub number: u64,
    pub person: PersonId,
    pub begun_at: Timestamp,
    pub used_at: Timestamp,
    pub address: String,
}

/// A person's sign-in, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInView {
    pub person: PersonId,
    pub name: String,
    /// Whether the password is set and counts.
    pub ready: bool,
    /// Whether an app shows codes of the second factor.
    pub has_code: bool,
    pub passkeys: u32,
}

/// What the store knows of the secret of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySecretView {
    pub key: ApiKeyId,
    /// Noted within seconds.
    pub used_at: Option<Timestamp>,
}

/// What a new sign-in needs. Shown once.
pub struct NewSignIn {
    /// Sets the first password.
    pub setting_secret: String,
    /// The second factor for an app, in base32.
    pub factor: Zeroizing<String>,
    pub until: Timestamp,
}

/// An event for the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingEvent {
    pub number: u64,
    pub person: Option<PersonId>,
    pub event: AccessEvent,
}

/// Sign-ins, sessions and secrets of a data directory.
pub struct AccessStore {
    path: PathBuf,
    keys: Option<StoreKeys>,
    connection: Mutex<Connection>,
    pub(crate) known: KnownTokens,
    books: Box<dyn AccessBooks>,
    pub(crate) hashing: AtomicUsize,
}

impl std::fmt::Debug for AccessStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The token against cross-site requests that belongs to a session.
#[must_use]
pub fn csrf_of(token: &str) -> String {
    let hash = hash_of(&format!("doorstep csrf {token}"));
    base16ct::lower::encode_string(&hash)
}

/// A sign-in as it is stored.
pub(crate) struct StoredSignIn {
    pub person: PersonId,
    pub resets: u32,
    pub password: Option<([u8; SALT_BYTES], [u8; PASSWORD_HASH_BYTES])>,
    pub factor: Option<(Vec<u8>, Vec<u8>)>,
    pub setting: Option<(Vec<u8>, u64)>,
}

const SIGN_IN: &str = "SELECT person, resets, salt, password, factor_nonce, factor, setting_hash,
    setting_until FROM sign_ins";

pub(crate) fn ms(at: u64) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Names are compared without case: two that differ in it would be mistaken for each other.
fn checked_name(name: &str) -> Result<String, AccessError> {
    let fits = (1..=SIGN_IN_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte));
    if fits { Ok(name.to_ascii_lowercase()) } else { Err(AccessError::NotAName(name.to_owned())) }
}

impl AccessStore {
    /// Opens the store of a data directory. Without a key nobody signs in with a second factor, and
    /// there are no links.
    ///
    /// # Errors
    /// The file cannot be opened or is open to others; the key does not open the store's key.
    pub fn open(
        data: &Path,
        key: Option<VaultKey>,
        books: Box<dyn AccessBooks>,
    ) -> Result<AccessStore, AccessError> {
        let path = data.join(ACCESS_FILE);
        let connection = file::open(&path)?;
        let keys = key.map(|key| store_keys(&connection, &key, &path)).transpose()?;
        let known = KnownTokens::of(&connection).map_err(file::sqlite("open", &path))?;
        let (connection, hashing) = (Mutex::new(connection), AtomicUsize::new(0));
        Ok(AccessStore { path, keys, connection, known, books, hashing })
    }

    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn failed(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> AccessError {
        file::sqlite(doing, &self.path)
    }

    pub(crate) fn keys(&self) -> Result<&StoreKeys, AccessError> {
        self.keys.as_ref().ok_or(AccessError::NoKey)
    }

    /// Runs a change as a whole.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<T, AccessError> {
        let failed = self.failed("write to");
        let connection = self.connection();
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let done = change(&transaction).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(done)
    }

    pub(crate) fn standing(
        &self,
        of: Actor,
        now: Timestamp,
    ) -> Result<AccessStanding, AccessError> {
        self.books.standing(of, now)
    }

    /// The principal of an API key.
    ///
    /// # Errors
    /// [`AccessDenied::Unknown`] also for a key that is revoked or expired.
    pub fn authenticate_key(
        &self,
        presented: &str,
        now: Timestamp,
    ) -> Result<Principal, AccessDenied> {
        if !is_key_secret(presented) {
            return Err(AccessDenied::Unknown);
        }
        let hash = hash_of(presented);
        let key = match self.known.key(&hash) {
            Some(key) => key,
            // Another process may have made it.
            None => {
                let sql = "SELECT key FROM api_keys WHERE hash = ?1";
                let found = self.connection().query_row(sql, [hash], |row| row.get(0)).optional();
                let found: Option<String> = found.map_err(self.failed("read"))?;
                let key = found.and_then(|key| ApiKeyId::from_str(&key).ok());
                let key = key.ok_or(AccessDenied::Unknown)?;
                self.known.add_key(hash, key);
                key
            }
        };
        let principal = principal_of_key(presented, key, self.standing(Actor::Key(key), now)?)?;
        self.known.note_use(key, now.0);
        Ok(principal)
    }

    /// The principal of an API key, if that needs neither the file nor an answer of the books.
    /// `None`: [`AccessStore::authenticate_key`] has to look.
    pub fn known_key(
        &self,
        presented: &str,
        now: Timestamp,
    ) -> Option<Result<Principal, AccessDenied>> {
        if !is_key_secret(presented) {
            return Some(Err(AccessDenied::Unknown));
        }
        let key = self.known.key(&hash_of(presented))?;
        let standing = self.books.known_standing(Actor::Key(key), now)?;
        let principal = principal_of_key(presented, key, standing);
        if principal.is_ok() {
            self.known.note_use(key, now.0);
        }
        Some(principal)
    }

    /// Whether it is the secret of a key, or the token of a session, that was seen before. Costs no
    /// look into the file. It may be revoked, or have ended.
    #[must_use]
    pub fn knows(&self, token: &str) -> bool {
        let fits = token.len() <= TOKEN_CHARACTERS_MAX;
        let hash = || hash_of(token);
        fits && match is_key_secret(token) {
            true => self.known.key(&hash()).is_some(),
            false => self.known.is_session(&hash()),
        }
    }

    /// Makes the secret of a key that is in force in the books. Shown once: nobody can read it
    /// again.
    ///
    /// # Errors
    /// [`AccessError::KeyNotIssued`] also if the key has a secret.
    pub fn make_key_secret(&self, key: ApiKeyId, now: Timestamp) -> Result<String, AccessError> {
        let standing = self.standing(Actor::Key(key), now)?;
        if standing.grants.is_none() {
            return Err(AccessError::KeyNotIssued(key));
        }
        let prefix = if standing.trial { TEST_KEY_PREFIX } else { LIVE_KEY_PREFIX };
        let secret = secrets::new_token(prefix)?;
        let added = self.change(|change| {
            let sql = "INSERT INTO api_keys (key, hash) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            let added = change.execute(sql, params![key.to_string(), hash_of(&secret)])?;
            if added > 0 {
                add_event(change, None, AccessEvent::KeySecretMade)?;
            }
            Ok(added)
        })?;
        if added == 0 {
            return Err(AccessError::KeyNotIssued(key));
        }
        self.known.add_key(hash_of(&secret), key);
        Ok(secret)
    }

    /// The secret part of a buyer's link to one parcel, good until a time.
    ///
    /// # Errors
    /// Without the vault's key.
    pub fn link(
        &self,
        parcel: ParcelId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<String, AccessError> {
        let until = until.min(now.plus_ms(LINK_MS_MAX));
        let text = format!("{parcel}{:016x}", until.0);
        let mac = base16ct::lower::encode_string(&self.keys()?.link_mac(&text));
        Ok(format!("{LINK_PREFIX}{text}{mac}"))
    }

    /// The token of a phone number, a coupon code or another text that the journal must not have:
    /// the first half of its HMAC-SHA-256. The same text of a kind has the same token.
    ///
    /// # Errors
    /// Without the vault's key.
    pub fn token(&self, kind: &str, text: &str) -> Result<[u8; 16], AccessError> {
        Ok(self.keys()?.token(kind, text))
    }

    /// Whether a text in hexadecimal is the token of another: found out in the same time, whatever
    /// is wrong with it.
    ///
    /// # Errors
    /// Without the vault's key.
    pub fn is_token(&self, kind: &str, text: &str, presented: &str) -> Result<bool, AccessError> {
        let expected = base16ct::lower::encode_string(&self.token(kind, text)?);
        Ok(expected.as_bytes().ct_eq(presented.as_bytes()).into())
    }

    /// The principal of a buyer's link.
    ///
    /// # Errors
    /// [`AccessDenied::Unknown`] if the link was changed or has expired.
    pub fn authenticate_link(
        &self,
        presented: &str,
        now: Timestamp,
    ) -> Result<Principal, AccessDenied> {
        let unknown = || AccessDenied::Unknown;
        let rest = presented.strip_prefix(LINK_PREFIX).ok_or_else(unknown)?;
        if rest.len() != 32 + 16 + 64 || !rest.is_ascii() {
            return Err(AccessDenied::Unknown);
        }
        let (text, mac) = rest.split_at(48);
        let expected = base16ct::lower::encode_string(&self.keys()?.link_mac(text));
        let same: bool = expected.as_bytes().ct_eq(mac.as_bytes()).into();
        let until = u64::from_str_radix(&text[32..], 16).ok().filter(|until| now.0 < *until);
        let parcel = ParcelId::from_str(&text[..32]).ok();
        match (same, until, parcel) {
            (true, Some(_), Some(parcel)) => Ok(Principal {
                actor: NOBODY,
                grants: vec![AccessGrant::Buyer(parcel)],
                assurance: Assurance::Link,
            }),
            _ => Err(AccessDenied::Unknown),
        }
    }

    /// Makes the sign-in of a person who has a grant in the books, also again after a reset of the
    /// second factor. `linked` says what becomes of identities that are linked to the person.
    ///
    /// # Errors
    /// The name is taken; the person has a sign-in, or no grant; `linked` is wanted.
    pub fn add_sign_in(
        &self,
        person: PersonId,
        name: &str,
        linked: Option<IdentitiesAfterReset>,
        now: Timestamp,
    ) -> Result<NewSignIn, AccessError> {
        let name = checked_name(name)?;
        let standing = self.standing(Actor::Person(person), now)?;
        if standing.grants.is_none_or(|grants| grants.is_empty()) {
            return Err(AccessError::NoGrant(person));
        }
        let before = self.sign_in_of(person)?;
        let is_set = |before: &StoredSignIn| before.password.is_some();
        if before.filter(is_set).is_some_and(|before| before.resets == standing.resets) {
            return Err(AccessError::HasSignIn(person));
        }
        let identities = self.identities_of(person)?.len();
        if identities > 0 && linked.is_none() {
            return Err(AccessError::IdentitiesUndecided { person, identities });
        }
        let id = person.to_string();
        let factor = secrets::random::<TOTP_SECRET_BYTES>()?;
        let (nonce, sealed) = self.keys()?.seal(&id, &factor)?;
        let setting_secret = secrets::new_token(SETTING_PREFIX)?;
        let until = now.plus_ms(SETTING_SECRET_MS_MAX);
        let added = self.change(|change| {
            let count: u32 =
                change.query_row("SELECT count(*) FROM sign_ins", [], |row| row.get(0))?;
            if count >= SIGN_INS_MAX {
                return Ok(Err(AccessError::Full("sign-ins")));
            }
            let sql = "SELECT count(*) FROM sign_ins WHERE name = ?1 AND person <> ?2";
            let taken: u32 = change.query_row(sql, params![name, id], |row| row.get(0))?;
            if taken > 0 {
                return Ok(Err(AccessError::NameTaken(name.clone())));
            }
            change.execute("DELETE FROM sessions WHERE person = ?1", [&id])?;
            change.execute("DELETE FROM passkeys WHERE person = ?1", [&id])?;
            change.execute("DELETE FROM sign_ins WHERE person = ?1", [&id])?;
            if linked == Some(IdentitiesAfterReset::Remove) {
                let sql = "DELETE FROM linked_identities WHERE person = ?1";
                for _ in 0..change.execute(sql, [&id])? {
                    add_event(change, Some(person), AccessEvent::IdentityUnlinked)?;
                }
            }
            let sql = "INSERT INTO sign_ins (person, name, resets, factor_nonce, factor,
                setting_hash, setting_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let hash = hash_of(&setting_secret);
            let row = params![id, name, standing.resets, nonce, sealed, hash, ms(until.0)];
            change.execute(sql, row)?;
            Ok(Ok(()))
        })?;
        added?;
        let factor = Zeroizing::new(secrets::base32(&*factor));
        Ok(NewSignIn { setting_secret, factor, until })
    }

    /// All sign-ins, by person.
    ///
    /// # Errors
    /// The file or the books cannot be read.
    pub fn sign_ins(&self, now: Timestamp) -> Result<Vec<SignInView>, AccessError> {
        let failed = self.failed("read");
        let rows: Vec<(String, String, u32, bool, bool, u32)> = {
            let connection = self.connection();
            let sql = "SELECT person, name, resets, password IS NOT NULL, factor IS NOT NULL,
                (SELECT COUNT(*) FROM passkeys WHERE passkeys.person = sign_ins.person)
                FROM sign_ins";
            let mut select = connection.prepare(sql).map_err(&failed)?;
            let row = |row: &rusqlite::Row<'_>| {
                let (person, name, resets) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((person, name, resets, row.get(3)?, row.get(4)?, row.get(5)?))
            };
            let rows = select.query_map([], row).map_err(&failed)?;
            rows.collect::<Result<_, _>>().map_err(&failed)?
        };
        let mut views = Vec::new();
        for (person, name, resets, has_password, has_code, passkeys) in rows {
            let person: PersonId = person.parse().map_err(|_| AccessError::Damaged)?;
            let standing = self.standing(Actor::Person(person), now)?;
            let here = standing.grants.is_some_and(|grants| !grants.is_empty());
            let ready = has_password && here && resets == standing.resets;
            views.push(SignInView { person, name, ready, has_code, passkeys });
        }
        views.sort_by_key(|view| view.person);
        Ok(views)
    }

    /// The keys that have a secret, and when each was used.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn key_secrets(&self) -> Result<Vec<KeySecretView>, AccessError> {
        self.note_key_uses()?;
        let failed = self.failed("read");
        let connection = self.connection();
        let mut select = connection.prepare("SELECT key, used FROM api_keys").map_err(&failed)?;
        let row =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?));
        let rows = select.query_map([], row).map_err(&failed)?;
        let rows: Vec<_> = rows.collect::<Result<_, _>>().map_err(&failed)?;
        let views = rows.into_iter().map(|(key, used)| {
            let key = key.parse().map_err(|_| AccessError::Damaged)?;
            let used_at = used.map(|used| Timestamp(unsigned(used)));
            Ok(KeySecretView { key, used_at })
        });
        views.collect()
    }

    /// Writes when keys were used. Nobody who presents a key waits for it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_key_uses(&self) -> Result<(), AccessError> {
        let uses = self.known.take_uses();
        if uses.is_empty() {
            return Ok(());
        }
        self.change(|change| {
            let sql = "UPDATE api_keys SET used = ?2 WHERE key = ?1 AND COALESCE(used, 0) < ?2";
            let mut update = change.prepare(sql)?;
            for (key, at) in uses {
                update.execute(params![key.to_string(), ms(at)])?;
            }
            Ok(())
        })
    }

    pub(crate) fn sign_in_named(&self, name: &str) -> Result<Option<StoredSignIn>, AccessError> {
        let Ok(name) = checked_name(name) else { return Ok(None) };
        let sql = format!("{SIGN_IN} WHERE name = ?1");
        self.stored_sign_in(&sql, &name)
    }

    pub(crate) fn sign_in_of(&self, person: PersonId) -> Result<Option<StoredSignIn>, AccessError> {
        let sql = format!("{SIGN_IN} WHERE person = ?1");
        self.stored_sign_in(&sql, &person.to_string())
    }

    fn stored_sign_in(&self, sql: &str, key: &str) -> Result<Option<StoredSignIn>, AccessError> {
        let row = |row: &rusqlite::Row<'_>| {
            let person: String = row.get(0)?;
            let (salt, hash): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
            let password = salt
                .zip(hash)
                .and_then(|(salt, hash)| Some((salt.try_into().ok()?, hash.try_into().ok()?)));
            let factor: (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(4)?, row.get(5)?);
            let setting: (Option<Vec<u8>>, Option<i64>) = (row.get(6)?, row.get(7)?);
            Ok(PersonId::from_str(&person).ok().map(|person| StoredSignIn {
                person,
                resets: row.get(1).unwrap_or(0),
                password,
                factor: factor.0.zip(factor.1),
                setting: setting.0.zip(setting.1.map(unsigned)),
            }))
        };
        let found = self.connection().query_row(sql, [key], row).optional();
        Ok(found.map_err(self.failed("read"))?.flatten())
    }
}

/// What [`secrets::new_token`] makes. Other texts are not looked for.
fn is_key_secret(text: &str) -> bool {
    let rest = text.strip_prefix(TEST_KEY_PREFIX).or_else(|| text.strip_prefix(LIVE_KEY_PREFIX));
    rest.is_some_and(secrets::is_token)
}

/// A test key works on trial books only, and a live one not there.
fn principal_of_key(
    presented: &str,
    key: ApiKeyId,
    standing: AccessStanding,
) -> Result<Principal, AccessDenied> {
    let is_test = presented.starts_with(TEST_KEY_PREFIX);
    match standing.grants {
        Some(grants) if is_test == standing.trial && !grants.is_empty() => {
            let (actor, assurance) = (Actor::Key(key), Assurance::ApiKey);
            Ok(Principal { actor, grants, assurance })
        }
        _ => Err(AccessDenied::Unknown),
    }
}

/// The keys of the store. The first time, its data key is made and wrapped.
fn store_keys(
    connection: &Connection,
    key: &VaultKey,
    path: &Path,
) -> Result<StoreKeys, AccessError> {
    let failed = file::sqlite("open", path);
    let reference = KeyReference::from(key.name);
    let transaction =
        Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(&failed)?;
    let kept = transaction
        .query_row("SELECT wrapped FROM store_key", [], |row| row.get::<_, Vec<u8>>(0))
        .optional()
        .map_err(&failed)?;
    let data_key = match kept {
        Some(wrapped) => {
            let wrapped = wrapped.try_into().map_err(|_| AccessError::Damaged)?;
            key.store.unwrap_data_key(&reference, &wrapped)?
        }
        None => {
            let data_key = secrets::random::<DATA_KEY_BYTES>()?;
            let wrapped = key.store.wrap_data_key(&reference, &data_key)?;
            let sql = "INSERT INTO store_key (one, wrapped) VALUES (1, ?1)";
            transaction.execute(sql, params![wrapped]).map_err(&failed)?;
            data_key
        }
    };
    transaction.commit().map_err(&failed)?;
    Ok(StoreKeys::of(&data_key))
}
