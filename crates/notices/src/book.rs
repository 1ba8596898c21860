//! The notice book: how recipients are reached, and the versions of the table.
//!
//! An address can be personal data and can hold a secret, so it is sealed. Who has one, and by
//! which channel, is not.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use base64ct::{Base64UrlUnpadded, Encoding};
use channels::{NoticeLanguage, WebhookKey};
use machine::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use vault::{PrivateFile, VaultKey};
use zeroize::Zeroizing;

use crate::error::NoticeError;
use crate::event::event_named;
use crate::file::{self, NOTICE_BOOK_FILE, change, signed, sqlite, unsigned};
use crate::limits::{
    ADDRESS_BYTES_MAX, ADDRESSES_MAX, ENDPOINTS_OF_OWNER_MAX, SECRET_OVERLAP_MS, TABLE_VERSIONS_MAX,
};
use crate::recipient::Recipient;
use crate::rules::NoticeChannel;
use crate::sealing::AddressKey;
use crate::table::{NoticeTable, SHIPPED_TABLE};

/// `notice-book.sqlite`.
pub const NOTICE_BOOK_STORE: PrivateFile = PrivateFile {
    // "DSnb".
    application_id: 0x4453_6e62,
    format: 2,
    write_ahead: false,
    upgrade: |format| match format {
        0 => Some([SCHEMA, SECOND_FORMAT].concat()),
        1 => Some(SECOND_FORMAT.to_owned()),
        _ => None,
    },
};

const SCHEMA: &str = "
    CREATE TABLE book_key (one INTEGER PRIMARY KEY CHECK (one = 1), wrapped BLOB NOT NULL) STRICT;
    CREATE TABLE addresses (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        owner TEXT NOT NULL,
        channel TEXT NOT NULL,
        language TEXT NOT NULL,
        events TEXT NOT NULL,
        sealed BLOB NOT NULL,
        made_at INTEGER NOT NULL,
        made_by TEXT NOT NULL
    ) STRICT;
    CREATE INDEX addresses_of ON addresses (owner, channel);
    CREATE TABLE tables (
        version INTEGER PRIMARY KEY,
        toml TEXT NOT NULL,
        used_at INTEGER NOT NULL,
        used_by TEXT NOT NULL
    ) STRICT;";

/// Who asked for the daily report by mail (1), and who ended it (0).
const SECOND_FORMAT: &str = "
    CREATE TABLE report_readers (
        owner TEXT PRIMARY KEY,
        wanted INTEGER NOT NULL,
        changed_at INTEGER NOT NULL,
        changed_by TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;";

/// Links to end the report are sealed as an address of this number, which none has.
const LINK: u32 = 0;

/// A new address.
#[derive(Clone, Copy)]
pub struct AddressToAdd<'a> {
    pub owner: Recipient,
    pub channel: NoticeChannel,
    pub language: NoticeLanguage,
    /// The events that a webhook endpoint gets. Empty: all.
    pub events: &'a [String],
    /// Whether a webhook endpoint's notices are signed by ed25519, and not by HMAC.
    pub ed25519: bool,
    pub address: &'a str,
    /// Who adds it.
    pub by: &'a str,
}

/// An address without the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressView {
    pub number: u32,
    pub owner: Recipient,
    pub channel: NoticeChannel,
    pub language: NoticeLanguage,
    pub events: Vec<String>,
    pub made_at_ms: u64,
    pub made_by: String,
}

/// What a webhook is signed with.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct WebhookSecrets {
    /// `whsec_` or `whsk_`, and base64.
    pub now: String,
    /// The one before, while it counts.
    pub before: Option<String>,
    before_until_ms: u64,
}

/// An address that can be used. Has no `Debug` that shows it.
pub struct OpenedAddress {
    pub language: NoticeLanguage,
    pub address: Zeroizing<String>,
    /// Of a webhook endpoint.
    pub secrets: Option<WebhookSecrets>,
}

/// A version of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableVersionView {
    pub version: u32,
    pub used_at_ms: u64,
    pub used_by: String,
}

#[derive(Serialize, Deserialize)]
struct SealedContent {
    address: String,
    secrets: Option<WebhookSecrets>,
}

impl Drop for WebhookSecrets {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.now.zeroize();
        self.before.zeroize();
    }
}

impl fmt::Debug for OpenedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedAddress").field("language", &self.language).finish_non_exhaustive()
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSecrets").finish_non_exhaustive()
    }
}

/// The notice book of a data directory.
pub struct NoticeBook {
    connection: Connection,
    path: PathBuf,
    key: Option<AddressKey>,
}

impl fmt::Debug for NoticeBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoticeBook").field("path", &self.path).finish_non_exhaustive()
    }
}

pub(crate) fn language_name(language: NoticeLanguage) -> &'static str {
    match language {
        NoticeLanguage::En => "en",
        NoticeLanguage::Zh => "zh",
    }
}

/// A new key that signs webhooks, and what its receiver verifies with: the public key of ed25519,
/// or the same secret.
fn new_key(ed25519: bool) -> Result<(Zeroizing<String>, String), NoticeError> {
    let key = if ed25519 { WebhookKey::new_ed25519() } else { WebhookKey::new_hmac() }?;
    let public = WebhookKey::read(&key)?.public();
    let verifies = public.unwrap_or_else(|| key.to_string());
    Ok((key, verifies))
}

/// Whether an owner can be reached by a channel.
fn is_reached(owner: Recipient, channel: NoticeChannel) -> bool {
    match owner {
        Recipient::Buyer(_) | Recipient::Endpoint(_) => false,
        Recipient::Public => {
            matches!(channel, NoticeChannel::Weibo | NoticeChannel::Webhook)
        }
        _ => channel != NoticeChannel::Weibo,
    }
}

fn check_address(channel: NoticeChannel, address: &str) -> Result<(), NoticeError> {
    let is_text = address.chars().all(|c| !c.is_control() && !c.is_whitespace());
    let fits = (1..=ADDRESS_BYTES_MAX).contains(&address.len()) && is_text;
    // Beyond this machine, only what nobody else can read.
    let is_safe = match channel {
        NoticeChannel::Webhook | NoticeChannel::Wecom => {
            address.starts_with("https://") || address.starts_with("http://127.0.0.1:")
        }
        NoticeChannel::Mail => address.contains('@'),
        _ => true,
    };
    if fits && is_safe { Ok(()) } else { Err(NoticeError::Address) }
}

const VIEW: &str =
    "SELECT number, owner, channel, language, events, made_at, made_by FROM addresses";

fn view(row: &Row<'_>) -> rusqlite::Result<Option<AddressView>> {
    let (owner, channel): (String, String) = (row.get(1)?, row.get(2)?);
    let (language, events): (String, String) = (row.get(3)?, row.get(4)?);
    let (Ok(owner), Some(channel)) = (owner.parse(), NoticeChannel::named(&channel)) else {
        return Ok(None);
    };
    Ok(Some(AddressView {
        number: row.get(0)?,
        owner,
        channel,
        language: if language == "zh" { NoticeLanguage::Zh } else { NoticeLanguage::En },
        events: events.split_whitespace().map(str::to_owned).collect(),
        made_at_ms: unsigned(row.get(5)?),
        made_by: row.get(6)?,
    }))
}

impl NoticeBook {
    /// Opens the book of a data directory. Without the vault's key, addresses can be listed and
    /// removed, but neither added nor used.
    ///
    /// # Errors
    /// The file cannot be opened or is open to others; the key does not open the book's key.
    pub fn open(data: &Path, key: Option<&VaultKey>) -> Result<NoticeBook, NoticeError> {
        let path = data.join(NOTICE_BOOK_FILE);
        let connection = file::open(&NOTICE_BOOK_STORE, &path)?;
        let failed = sqlite("open", &path);
        let key = key.map(|key| {
            change(&connection, &path, |transaction| {
                let damaged = || NoticeError::Damaged(path.clone());
                AddressKey::of(transaction, key, &failed, damaged)
            })
        });
        let key = key.transpose()?;
        Ok(NoticeBook { connection, path, key })
    }

    fn failed(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> NoticeError + use<> {
        sqlite(doing, &self.path)
    }

    fn key(&self) -> Result<&AddressKey, NoticeError> {
        self.key.as_ref().ok_or(NoticeError::NoKey)
    }

    /// Adds an address, durably. Of a channel other than webhooks a recipient has one: it replaces
    /// the one before. Returns its number, and what a webhook endpoint verifies with.
    ///
    /// # Errors
    /// The owner has no such channel, the address is none, or there are too many. Nothing is
    /// changed.
    pub fn add(
        &mut self,
        new: AddressToAdd<'_>,
        now: Timestamp,
    ) -> Result<(u32, Option<String>), NoticeError> {
        let AddressToAdd { owner, channel, language, events, ed25519, address, by } = new;
        if !is_reached(owner, channel) {
            return Err(NoticeError::NotReachedBy { owner, by: channel.name() });
        }
        check_address(channel, address)?;
        if let Some(unknown) = events.iter().find(|event| event_named(event).is_none()) {
            return Err(NoticeError::NoEvent(unknown.chars().take(40).collect()));
        }
        let (key, failed) = (self.key()?, self.failed("write to"));
        let is_endpoint = channel == NoticeChannel::Webhook;
        let (key_text, verifies) = is_endpoint.then(|| new_key(ed25519)).transpose()?.unzip();
        let secrets = key_text.map(|now| WebhookSecrets {
            now: now.to_string(),
            before: None,
            before_until_ms: 0,
        });
        let content = SealedContent { address: address.to_owned(), secrets };
        let number = change(&self.connection, &self.path, |transaction| {
            let of_owner = (owner.to_string(), channel.name());
            let count = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
                transaction
                    .query_row(sql, values, |row| row.get::<_, i64>(0))
                    .map(|count| usize::try_from(count).unwrap_or(usize::MAX))
                    .map_err(&failed)
            };
            if is_endpoint {
                let sql = "SELECT count(*) FROM addresses WHERE owner = ?1 AND channel = ?2";
                if count(sql, &[&of_owner.0, &of_owner.1])? >= ENDPOINTS_OF_OWNER_MAX {
                    return Err(NoticeError::TooManyEndpoints(owner));
                }
            } else {
                let sql = "DELETE FROM addresses WHERE owner = ?1 AND channel = ?2";
                transaction.execute(sql, (&of_owner.0, of_owner.1)).map_err(&failed)?;
            }
            if count("SELECT count(*) FROM addresses", &[])? >= ADDRESSES_MAX {
                return Err(NoticeError::TooManyAddresses);
            }
            let sql = "INSERT INTO addresses
                (owner, channel, language, events, sealed, made_at, made_by)
                VALUES (?1, ?2, ?3, ?4, x'', ?5, ?6)";
            let (language, events) = (language_name(language), events.join(" "));
            let row = params![of_owner.0, of_owner.1, language, events, signed(now.0), by];
            transaction.execute(sql, row).map_err(&failed)?;
            let number = u32::try_from(transaction.last_insert_rowid());
            let number = number.map_err(|_| NoticeError::TooManyAddresses)?;
            put(transaction, key, number, &content, &failed)?;
            Ok(number)
        })?;
        Ok((number, verifies))
    }

    /// Makes a new key for a webhook endpoint, of the same kind. The one before signs, too, for 24
    /// hours more. Returns what the endpoint verifies with.
    ///
    /// # Errors
    /// There is no such endpoint.
    pub fn rotate(&mut self, number: u32, now: Timestamp) -> Result<String, NoticeError> {
        let (key, failed) = (self.key()?, self.failed("write to"));
        change(&self.connection, &self.path, |transaction| {
            let mut content = self.content(transaction, number)?;
            let secrets = content.secrets.as_mut().ok_or(NoticeError::NoSecret(number))?;
            let (new, verifies) = new_key(secrets.now.starts_with("whsk_"))?;
            secrets.before = Some(std::mem::replace(&mut secrets.now, new.to_string()));
            secrets.before_until_ms = now.0.saturating_add(SECRET_OVERLAP_MS);
            put(transaction, key, number, &content, &failed)?;
            Ok(verifies)
        })
    }

    /// Removes an address.
    ///
    /// # Errors
    /// There is none.
    pub fn remove(&mut self, number: u32) -> Result<(), NoticeError> {
        let sql = "DELETE FROM addresses WHERE number = ?1";
        let removed = self.connection.execute(sql, [number]).map_err(self.failed("write to"))?;
        if removed == 0 { Err(NoticeError::NoAddress(number)) } else { Ok(()) }
    }

    /// Removes all addresses of an owner: the owner was erased.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remove_all_of(&mut self, owner: Recipient) -> Result<usize, NoticeError> {
        let failed = self.failed("write to");
        change(&self.connection, &self.path, |transaction| {
            let delete = |from: &str| {
                let sql = format!("DELETE FROM {from} WHERE owner = ?1");
                transaction.execute(&sql, [owner.to_string()]).map_err(&failed)
            };
            delete("report_readers")?;
            delete("addresses")
        })
    }

    /// Sends the daily report by mail to an owner from now on, or no more.
    ///
    /// # Errors
    /// [`NoticeError::NoMailAddress`] of who wants it; the file cannot be written.
    pub fn set_report_reader(
        &mut self,
        owner: Recipient,
        wanted: bool,
        by: &str,
        now: Timestamp,
    ) -> Result<(), NoticeError> {
        if wanted && self.address_of(owner, NoticeChannel::Mail)?.is_none() {
            return Err(NoticeError::NoMailAddress(owner));
        }
        let sql = "INSERT INTO report_readers (owner, wanted, changed_at, changed_by)
            VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET
            wanted = ?2, changed_at = ?3, changed_by = ?4 WHERE wanted != ?2";
        let row = params![owner.to_string(), wanted, signed(now.0), by];
        self.connection.execute(sql, row).map_err(self.failed("write to"))?;
        Ok(())
    }

    /// Who asked for the daily report by mail, and who ended it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn report_readers(
        &self,
    ) -> Result<(BTreeSet<Recipient>, BTreeSet<Recipient>), NoticeError> {
        let failed = self.failed("read");
        let sql = "SELECT owner, wanted FROM report_readers";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)));
        let rows = rows.and_then(Iterator::collect::<Result<Vec<(String, bool)>, _>>);
        let mut readers = (BTreeSet::new(), BTreeSet::new());
        for (owner, wanted) in rows.map_err(failed)? {
            let owner = owner.parse().map_err(|_| NoticeError::Damaged(self.path.clone()))?;
            if wanted { &mut readers.0 } else { &mut readers.1 }.insert(owner);
        }
        Ok(readers)
    }

    /// What names an owner in a link that ends the report. Only this book's key makes and reads it.
    ///
    /// # Errors
    /// There is no key.
    pub fn report_link(&self, owner: Recipient) -> Result<String, NoticeError> {
        let sealed = self.key()?.seal(LINK, owner.to_string().as_bytes())?;
        Ok(Base64UrlUnpadded::encode_string(&sealed))
    }

    /// Whom a link names. `None` if it is not one of ours.
    ///
    /// # Errors
    /// There is no key.
    pub fn of_report_link(&self, link: &str) -> Result<Option<Recipient>, NoticeError> {
        let key = self.key()?;
        let sealed = Base64UrlUnpadded::decode_vec(link).ok();
        let plain = sealed.and_then(|sealed| key.open(LINK, &sealed));
        Ok(plain.and_then(|plain| std::str::from_utf8(&plain).ok()?.parse().ok()))
    }

    fn views(
        &self,
        rest: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<AddressView>, NoticeError> {
        let failed = self.failed("read");
        let sql = format!("{VIEW} {rest}");
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let rows = statement.query_map(values, view).map_err(&failed)?;
        let views = rows.filter_map(Result::transpose).collect::<Result<_, _>>();
        views.map_err(failed)
    }

    /// All addresses, or those of an owner.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn addresses(&self, owner: Option<Recipient>) -> Result<Vec<AddressView>, NoticeError> {
        match owner {
            None => self.views("ORDER BY number", &[]),
            Some(owner) => self.views("WHERE owner = ?1 ORDER BY number", &[&owner.to_string()]),
        }
    }

    /// The addresses of all sellers, or of all firms: by the first letters of their references.
    pub(crate) fn addresses_like(&self, kind: &str) -> Result<Vec<AddressView>, NoticeError> {
        let rest = "WHERE substr(owner, 1, length(?1)) = ?1 ORDER BY owner, number";
        self.views(rest, &[&kind])
    }

    /// Which address a recipient has for a channel.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn address_of(
        &self,
        recipient: Recipient,
        channel: NoticeChannel,
    ) -> Result<Option<AddressView>, NoticeError> {
        let found = match recipient {
            Recipient::Endpoint(number) => {
                self.views("WHERE number = ?1 AND channel = ?2", &[&number, &channel.name()])
            }
            owner => {
                let rest = "WHERE owner = ?1 AND channel = ?2";
                self.views(rest, &[&owner.to_string(), &channel.name()])
            }
        };
        Ok(found?.into_iter().next())
    }

    fn content(&self, connection: &Connection, number: u32) -> Result<SealedContent, NoticeError> {
        let sql = "SELECT sealed FROM addresses WHERE number = ?1";
        let sealed = connection.query_row(sql, [number], |row| row.get::<_, Vec<u8>>(0));
        let sealed = sealed.optional().map_err(self.failed("read"))?;
        let sealed = sealed.ok_or(NoticeError::NoAddress(number))?;
        let damaged = || NoticeError::Damaged(self.path.clone());
        let plain = self.key()?.open(number, &sealed).ok_or_else(damaged)?;
        serde_json::from_slice(&plain).map_err(|_| damaged())
    }

    /// Opens an address. `None` if the recipient has none for the channel.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn open_address(
        &self,
        recipient: Recipient,
        channel: NoticeChannel,
        now: Timestamp,
    ) -> Result<Option<OpenedAddress>, NoticeError> {
        let Some(AddressView { number, language, .. }) = self.address_of(recipient, channel)?
        else {
            return Ok(None);
        };
        let SealedContent { address, mut secrets } = self.content(&self.connection, number)?;
        if let Some(secrets) = &mut secrets
            && secrets.before_until_ms <= now.0
        {
            secrets.before = None;
        }
        Ok(Some(OpenedAddress { language, address: Zeroizing::new(address), secrets }))
    }

    /// Puts a table in force, as the next version. Who did it and when is kept.
    ///
    /// # Errors
    /// What is wrong with the table. Nothing is changed.
    pub fn use_table(&mut self, toml: &str, by: &str, now: Timestamp) -> Result<u32, NoticeError> {
        NoticeTable::parse(toml)?;
        let failed = self.failed("write to");
        change(&self.connection, &self.path, |transaction| {
            let sql = "SELECT coalesce(max(version), 0) + 1 FROM tables";
            let version = transaction.query_row(sql, [], |row| row.get(0)).map_err(&failed)?;
            if version > TABLE_VERSIONS_MAX {
                return Err(NoticeError::TooManyTables);
            }
            let sql = "INSERT INTO tables (version, toml, used_at, used_by)
                VALUES (?1, ?2, ?3, ?4)";
            let row = params![version, toml, signed(now.0), by];
            transaction.execute(sql, row).map_err(&failed)?;
            Ok(version)
        })
    }

    /// The version of the table in force. 0 is the shipped one.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn table_version(&self) -> Result<u32, NoticeError> {
        let sql = "SELECT coalesce(max(version), 0) FROM tables";
        let mut statement = self.connection.prepare_cached(sql).map_err(self.failed("read"))?;
        statement.query_row([], |row| row.get(0)).map_err(self.failed("read"))
    }

    /// The text of a version of the table.
    ///
    /// # Errors
    /// There is no such version.
    pub fn table_text(&self, version: u32) -> Result<String, NoticeError> {
        if version == 0 {
            return Ok(SHIPPED_TABLE.to_owned());
        }
        let sql = "SELECT toml FROM tables WHERE version = ?1";
        let found = self.connection.query_row(sql, [version], |row| row.get(0)).optional();
        found.map_err(self.failed("read"))?.ok_or(NoticeError::NoTable(version))
    }

    /// A version of the table.
    ///
    /// # Errors
    /// There is no such version, or this program cannot read it.
    pub fn table(&self, version: u32) -> Result<NoticeTable, NoticeError> {
        Ok(NoticeTable::parse(&self.table_text(version)?)?)
    }

    /// The versions that were put in force, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn table_versions(&self) -> Result<Vec<TableVersionView>, NoticeError> {
        let failed = self.failed("read");
        let sql = "SELECT version, used_at, used_by FROM tables ORDER BY version";
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let rows = statement.query_map([], |row| {
            let (version, used_by) = (row.get(0)?, row.get(2)?);
            Ok(TableVersionView { version, used_at_ms: unsigned(row.get(1)?), used_by })
        });
        rows.and_then(Iterator::collect).map_err(failed)
    }
}

fn put(
    transaction: &Transaction<'_>,
    key: &AddressKey,
    number: u32,
    content: &SealedContent,
    failed: &impl Fn(rusqlite::Error) -> NoticeError,
) -> Result<(), NoticeError> {
    let plain = serde_json::to_vec(content).expect("texts are JSON");
    let sealed = key.seal(number, &Zeroizing::new(plain))?;
    let sql = "UPDATE addresses SET sealed = ?2 WHERE number = ?1";
    transaction.execute(sql, params![number, sealed]).map_err(failed)?;
    Ok(())
}
