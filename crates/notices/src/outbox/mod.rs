//! The outbox: notices from the journal until long after they have ended.
//!
//! Sans I/O but for its file: [`Outbox::due`] says what is to be sent at a time, and
//! [`Outbox::on_outcomes`] what an outcome means. What a crash leaves is settled by
//! [`Outbox::recover`].

mod due;
mod outcome;
mod reading;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use books::Timestamp;
use journal::{ChainHash, JournalHead, LockedFile, Sequence};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::{Map, Value};
use vault::PrivateFile;

pub use due::{DueNotice, DueNotices, DueRoom, NoticePart};
pub use reading::{
    FailedAttempt, NetworkNotices, NoticeQuery, NoticeView, OpenNotices, OutboxCounts,
};

use crate::announce::OverdueNotice;
use crate::error::NoticeError;
use crate::event::PROPOSAL_WAITING;
use crate::file::{self, OUTBOX_FILE, change, signed, sqlite, unsigned};
use crate::limits::CONSENTS_MAX;
use crate::recipient::Recipient;
use crate::rules::{DeliveryRules, NoticeChannel};

/// `notices.sqlite`.
pub const OUTBOX_STORE: PrivateFile = PrivateFile {
    // "DSno".
    application_id: 0x4453_6e6f,
    format: 6,
    // It has no secret to erase.
    write_ahead: true,
    upgrade: |format| {
        let left = FORMATS.get(usize::try_from(format).ok()?..)?;
        (!left.is_empty()).then(|| left.concat())
    },
};

/// Each brings the one before to the next.
const FORMATS: [&str; 6] =
    [SCHEMA, SECOND_FORMAT, THIRD_FORMAT, FOURTH_FORMAT, FIFTH_FORMAT, SIXTH_FORMAT];

/// Times are milliseconds since 1970; `since` is when a notice began to wait. A lane is a recipient
/// by a channel; it has a row as long as something waits, is being sent, or the lane is stopped.
const SCHEMA: &str = "
    CREATE TABLE checkpoint (
        one INTEGER PRIMARY KEY CHECK (one = 1), batch INTEGER NOT NULL, hash BLOB NOT NULL
    ) STRICT;
    CREATE TABLE notices (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        batch INTEGER NOT NULL,
        command INTEGER NOT NULL,
        place INTEGER NOT NULL,
        recipient TEXT NOT NULL,
        channel TEXT NOT NULL,
        owner TEXT NOT NULL,
        others TEXT NOT NULL,
        event TEXT NOT NULL,
        fields TEXT NOT NULL,
        table_version INTEGER NOT NULL,
        entry INTEGER NOT NULL,
        in_digest INTEGER NOT NULL,
        ignores_quiet_hours INTEGER NOT NULL,
        made_at INTEGER NOT NULL,
        since INTEGER NOT NULL,
        state TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        next_at INTEGER NOT NULL DEFAULT 0,
        tried_at INTEGER,
        ended_at INTEGER,
        sent_with INTEGER,
        why TEXT,
        receipt TEXT,
        UNIQUE (batch, command, place, recipient, channel)
    ) STRICT;
    CREATE INDEX notices_waiting ON notices (recipient, channel, number) WHERE ended_at IS NULL;
    CREATE INDEX notices_old ON notices (since) WHERE ended_at IS NULL;
    CREATE INDEX notices_ended ON notices (ended_at) WHERE ended_at IS NOT NULL;
    CREATE INDEX notices_of ON notices (owner, number);
    CREATE TABLE lanes (
        recipient TEXT NOT NULL,
        channel TEXT NOT NULL,
        due_at INTEGER,
        sending INTEGER,
        stopped TEXT,
        PRIMARY KEY (recipient, channel)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX lanes_due ON lanes (channel, due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX lanes_sending ON lanes (channel) WHERE sending IS NOT NULL;
    CREATE TABLE sends (
        number INTEGER PRIMARY KEY,
        channel TEXT NOT NULL,
        recipient TEXT NOT NULL,
        at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX sends_of ON sends (channel, recipient, at);
    CREATE INDEX sends_by ON sends (channel, at);
    CREATE TABLE consents (
        recipient TEXT NOT NULL,
        channel TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (recipient, channel)
    ) STRICT, WITHOUT ROWID;";

/// An epoch begins when books are restored: the same place of the journal is then another
/// command's. `proposal` is the last proposal of the office that was told. Attempts that ended in a
/// delivery are in the notice itself.
const SECOND_FORMAT: &str = "
    ALTER TABLE checkpoint ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE checkpoint ADD COLUMN proposal INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE notices ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
    DROP INDEX notices_old;
    CREATE INDEX notices_open ON notices (channel, since) WHERE ended_at IS NULL;
    CREATE TABLE failures (
        number INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        at INTEGER NOT NULL,
        why TEXT NOT NULL
    ) STRICT;
    CREATE INDEX failures_of ON failures (number);";

/// A backlog is what one recipient has open by one channel. `folded_into` is the notice that counts
/// those beyond the limit.
const THIRD_FORMAT: &str = "
    CREATE TABLE backlogs (
        recipient TEXT NOT NULL,
        channel TEXT NOT NULL,
        open INTEGER NOT NULL,
        folded_into INTEGER,
        PRIMARY KEY (recipient, channel)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO backlogs (recipient, channel, open)
        SELECT recipient, channel, count(*) FROM notices WHERE ended_at IS NULL
        GROUP BY recipient, channel;
    CREATE TRIGGER backlog_grows AFTER INSERT ON notices WHEN NEW.ended_at IS NULL BEGIN
        INSERT INTO backlogs (recipient, channel, open) VALUES (NEW.recipient, NEW.channel, 1)
        ON CONFLICT DO UPDATE SET open = open + 1;
    END;
    CREATE TRIGGER backlog_grows_again AFTER UPDATE OF ended_at ON notices
        WHEN OLD.ended_at IS NOT NULL AND NEW.ended_at IS NULL BEGIN
        INSERT INTO backlogs (recipient, channel, open) VALUES (NEW.recipient, NEW.channel, 1)
        ON CONFLICT DO UPDATE SET open = open + 1;
    END;
    CREATE TRIGGER backlog_shrinks AFTER UPDATE OF ended_at ON notices
        WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL BEGIN
        UPDATE backlogs SET open = open - 1
        WHERE recipient = NEW.recipient AND channel = NEW.channel;
        DELETE FROM backlogs
        WHERE recipient = NEW.recipient AND channel = NEW.channel AND open = 0;
    END;
    CREATE TRIGGER backlog_is_removed AFTER DELETE ON notices WHEN OLD.ended_at IS NULL BEGIN
        UPDATE backlogs SET open = open - 1
        WHERE recipient = OLD.recipient AND channel = OLD.channel;
        DELETE FROM backlogs
        WHERE recipient = OLD.recipient AND channel = OLD.channel AND open = 0;
    END;";

/// The overdue files that were told, each once.
const FOURTH_FORMAT: &str = "
    CREATE TABLE files_told (
        number INTEGER PRIMARY KEY,
        lane TEXT NOT NULL,
        sender TEXT NOT NULL,
        file_day TEXT NOT NULL,
        UNIQUE (lane, sender, file_day)
    ) STRICT;";

/// The last publication of the daily report that was told. Below zero: none is known, and those
/// there are told to nobody.
const FIFTH_FORMAT: &str = "
    ALTER TABLE checkpoint ADD COLUMN publication INTEGER NOT NULL DEFAULT -1;";

/// Who was sent which report, or may have been: kept for corrections when the notices are not.
const SIXTH_FORMAT: &str = "
    CREATE TABLE report_readers (
        report TEXT NOT NULL, owner TEXT NOT NULL, PRIMARY KEY (report, owner)
    ) STRICT, WITHOUT ROWID;
    INSERT OR IGNORE INTO report_readers
        SELECT json_extract(fields, '$.report'), owner FROM notices
        WHERE event = 'report.published';
    CREATE TRIGGER report_is_sent AFTER INSERT ON notices WHEN NEW.event = 'report.published' BEGIN
        INSERT OR IGNORE INTO report_readers
        VALUES (json_extract(NEW.fields, '$.report'), NEW.owner);
    END;";

/// Where a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeState {
    Waiting,
    /// By quiet hours.
    Held,
    /// Collected for a digest.
    InDigest,
    Sending,
    /// Known not to have arrived; tried again later.
    Failed,
    Delivered,
    /// Known not to have arrived, and not tried again: it cannot succeed.
    Refused,
    /// As refused: the recipient ended it.
    Gone,
    /// As refused: it failed too often, or waited too long.
    GivenUp,
    /// It may have arrived; not sent again.
    NotKnown,
    /// Not sent: too many waited. Another notice says how many.
    Folded,
}

impl NoticeState {
    pub const ALL: [(NoticeState, &'static str); 11] = [
        (NoticeState::Waiting, "waiting"),
        (NoticeState::Held, "held"),
        (NoticeState::InDigest, "in_digest"),
        (NoticeState::Sending, "sending"),
        (NoticeState::Failed, "failed"),
        (NoticeState::Delivered, "delivered"),
        (NoticeState::Refused, "refused"),
        (NoticeState::Gone, "gone"),
        (NoticeState::GivenUp, "given_up"),
        (NoticeState::NotKnown, "not_known"),
        (NoticeState::Folded, "folded"),
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        NoticeState::ALL.iter().find(|(one, _)| *one == self).map_or("", |(_, name)| *name)
    }

    #[must_use]
    pub fn named(name: &str) -> Option<NoticeState> {
        NoticeState::ALL.iter().find(|(_, one)| *one == name).map(|(one, _)| *one)
    }
}

/// A notice that follows from a command.
#[derive(Clone, Debug, PartialEq)]
pub struct NewNotice {
    /// The batch of the command, its place in the batch from 1, and the notice's among the
    /// command's.
    pub batch: Sequence,
    pub command: u32,
    pub place: u32,
    pub recipient: Recipient,
    /// Whose page it is on: of an endpoint, its owner.
    pub owner: Recipient,
    pub channel: NoticeChannel,
    /// Tried one after another, each after a known failure of the one before.
    pub others: Vec<NoticeChannel>,
    pub event: &'static str,
    pub fields: Map<String, Value>,
    pub table_version: u32,
    pub entry: u32,
    pub in_digest: bool,
    pub ignores_quiet_hours: bool,
    pub made_at_ms: u64,
}

/// What ended without arriving is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoticeRetry {
    /// Only what is on this recipient's page.
    pub owner: Recipient,
    /// Of that, only what this endpoint gets.
    pub recipient: Option<Recipient>,
    /// What may have arrived, too.
    pub not_known: bool,
    pub at_ms: u64,
}

/// The notices of a data directory.
pub struct Outbox {
    connection: Connection,
    path: PathBuf,
    rules: DeliveryRules,
    /// The latest time of whoever sends. The books' time can be ahead of it.
    now_ms: u64,
    /// Of the process that sends.
    _lock: Option<LockedFile>,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("path", &self.path).finish_non_exhaustive()
    }
}

/// An id as the outbox writes it, which only a damaged file lacks.
fn recipient_of(text: &str) -> rusqlite::Result<Recipient> {
    text.parse().map_err(|_| rusqlite::Error::InvalidQuery)
}

fn channel_of(text: &str) -> rusqlite::Result<NoticeChannel> {
    NoticeChannel::named(text).ok_or(rusqlite::Error::InvalidQuery)
}

/// Sets when a lane is looked at next, unless something of it is being sent or it is stopped.
const LANE_DUE: &str = "INSERT INTO lanes (recipient, channel, due_at) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET due_at = ?3 WHERE sending IS NULL AND stopped IS NULL";

impl Outbox {
    /// Opens the outbox of a data directory to write and read. Several processes may.
    ///
    /// # Errors
    /// The file is something else, or cannot be opened.
    pub fn open(data: &Path, rules: DeliveryRules) -> Result<Outbox, NoticeError> {
        let path = data.join(OUTBOX_FILE);
        let connection = file::open(&OUTBOX_STORE, &path)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Outbox { connection, path, rules, now_ms: u64::MAX, _lock: None })
    }

    /// Opens the outbox as the only process that sends from it.
    ///
    /// # Errors
    /// As [`Outbox::open`], and [`NoticeError::InUse`].
    pub fn open_to_send(data: &Path, rules: DeliveryRules) -> Result<Outbox, NoticeError> {
        let path = data.join(format!("{OUTBOX_FILE}.lock"));
        let failed = |source| NoticeError::Io { doing: "open", path: path.clone(), source };
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = LockedFile::try_lock(file.map_err(failed)?).map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => NoticeError::InUse,
            std::fs::TryLockError::Error(source) => failed(source),
        })?;
        Ok(Outbox { _lock: Some(lock), ..Outbox::open(data, rules)? })
    }

    /// Which channels are on from now on, and their rules.
    pub fn set_rules(&mut self, rules: DeliveryRules) {
        self.rules = rules;
    }

    /// The channels that are on.
    #[must_use]
    pub fn channels_on(&self) -> BTreeSet<NoticeChannel> {
        self.rules.channels.keys().copied().collect()
    }

    /// Calls something before each commit. True makes the commit fail: tests of crashes.
    ///
    /// # Errors
    /// Not with a connection that is open.
    pub fn before_commits(
        &mut self,
        hook: impl FnMut() -> bool + Send + 'static,
    ) -> Result<(), NoticeError> {
        self.connection.commit_hook(Some(hook)).map_err(self.failed("open"))
    }

    fn failed(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> NoticeError + use<> {
        sqlite(doing, &self.path)
    }

    /// The last batch whose notices are written. `None` in a new outbox.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn checkpoint(&self) -> Result<Option<JournalHead>, NoticeError> {
        read_checkpoint(&self.connection).map_err(self.failed("read"))
    }

    /// Begins a new outbox at a batch of a journal: of what was before nobody is told.
    ///
    /// # Errors
    /// It has begun, or cannot be written.
    pub fn begin_at(&mut self, head: JournalHead) -> Result<(), NoticeError> {
        let failed = self.failed("write to");
        change(&self.connection, &self.path, |transaction| {
            if let Some(at) = read_checkpoint(transaction).map_err(&failed)? {
                let (at, given) = (at.sequence, head.sequence);
                return Err(NoticeError::NotTheNext { at, given });
            }
            let row = params![signed(head.sequence.number()), head.hash.bytes()];
            let sql = "INSERT INTO checkpoint (one, batch, hash) VALUES (1, ?1, ?2)";
            transaction.execute(sql, row).map_err(&failed)?;
            Ok(())
        })
    }

    /// Writes the notices of the batches after one until another, and that they are written: all
    /// or nothing.
    ///
    /// # Errors
    /// [`NoticeError::NotTheNext`] unless the outbox is at the batch before; the file cannot be
    /// written. Nothing is changed.
    pub fn record(
        &mut self,
        before: JournalHead,
        until: JournalHead,
        notices: &[NewNotice],
    ) -> Result<(), NoticeError> {
        self.record_all(before, until, notices, &[])
    }

    /// As [`Outbox::record`], with what the batches ask to send again.
    ///
    /// # Errors
    /// As [`Outbox::record`].
    pub fn record_all(
        &mut self,
        before: JournalHead,
        until: JournalHead,
        notices: &[NewNotice],
        retries: &[NoticeRetry],
    ) -> Result<(), NoticeError> {
        let failed = self.failed("write to");
        change(&self.connection, &self.path, |transaction| {
            let at = read_checkpoint(transaction).map_err(&failed)?.unwrap_or_default();
            if at != before || until.sequence <= before.sequence {
                let (at, given) = (at.sequence, until.sequence);
                return Err(NoticeError::NotTheNext { at, given });
            }
            for notice in notices {
                add(transaction, notice, self.now_ms).map_err(&failed)?;
            }
            for retry in retries {
                outcome::retry_all(transaction, retry, self.now_ms).map_err(&failed)?;
            }
            let row = params![signed(until.sequence.number()), until.hash.bytes()];
            let sql = "INSERT INTO checkpoint (one, batch, hash) VALUES (1, ?1, ?2)
                ON CONFLICT DO UPDATE SET batch = ?1, hash = ?2";
            transaction
                .prepare_cached(sql)
                .and_then(|mut one| one.execute(row))
                .map_err(&failed)?;
            Ok(())
        })
    }

    /// Writes the notices of a proposal of the office, once: its number is the notices' `command`,
    /// and their batch is none. The checkpoint must be there. Returns how many were written.
    ///
    /// # Errors
    /// The file cannot be written. Nothing is changed.
    pub fn record_proposal(
        &mut self,
        number: u64,
        notices: &[NewNotice],
    ) -> Result<usize, NoticeError> {
        let sql = "UPDATE checkpoint SET proposal = ?1 WHERE proposal < ?1";
        self.record_once(sql, number, notices)
    }

    /// Writes notices if `sql` moves the checkpoint to their number.
    fn record_once(
        &self,
        sql: &str,
        number: u64,
        notices: &[NewNotice],
    ) -> Result<usize, NoticeError> {
        let failed = self.failed("write to");
        change(&self.connection, &self.path, |transaction| {
            if transaction.execute(sql, [signed(number)]).map_err(&failed)? == 0 {
                return Ok(0);
            }
            for notice in notices {
                add(transaction, notice, self.now_ms).map_err(&failed)?;
            }
            Ok(notices.len())
        })
    }

    /// Whether an overdue file was told.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn is_file_told(&self, file: OverdueNotice<'_>) -> Result<bool, NoticeError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM files_told
            WHERE lane = ?1 AND sender = ?2 AND file_day = ?3)";
        let row = params![file.lane, file.sender, file.file_day];
        self.connection.query_row(sql, row, |row| row.get(0)).map_err(self.failed("read"))
    }

    /// Writes the notices of an overdue file, once. Their batch is none, and their command counts
    /// down from the last number, where no proposal is. Returns how many were written.
    ///
    /// # Errors
    /// The file cannot be written. Nothing is changed.
    pub fn record_file(
        &mut self,
        file: OverdueNotice<'_>,
        notices: &[NewNotice],
    ) -> Result<usize, NoticeError> {
        let failed = self.failed("write to");
        change(&self.connection, &self.path, |transaction| {
            let sql = "INSERT OR IGNORE INTO files_told (lane, sender, file_day)
                VALUES (?1, ?2, ?3)";
            let row = params![file.lane, file.sender, file.file_day];
            if transaction.execute(sql, row).map_err(&failed)? == 0 {
                return Ok(0);
            }
            let number = u32::try_from(transaction.last_insert_rowid()).unwrap_or(u32::MAX);
            for (place, notice) in (1..).zip(notices) {
                let notice = NewNotice { command: u32::MAX - number, place, ..notice.clone() };
                add(transaction, &notice, self.now_ms).map_err(&failed)?;
            }
            Ok(notices.len())
        })
    }

    /// The last proposal of the office that was told. `None` in a new outbox.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn last_proposal(&self) -> Result<Option<u64>, NoticeError> {
        let sql = "SELECT proposal FROM checkpoint";
        let read = self.connection.query_row(sql, [], |row| row.get(0).map(unsigned));
        read.optional().map_err(self.failed("read"))
    }

    /// Writes the notices of a publication of the daily report, once. The checkpoint must be there.
    /// Returns how many were written.
    ///
    /// # Errors
    /// The file cannot be written. Nothing is changed.
    pub fn record_publication(
        &mut self,
        number: u64,
        notices: &[NewNotice],
    ) -> Result<usize, NoticeError> {
        let sql = "UPDATE checkpoint SET publication = ?1 WHERE publication < ?1";
        self.record_once(sql, number, notices)
    }

    /// The last publication that was told. `None` in a new outbox; below zero if those there are
    /// told to nobody.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn last_publication(&self) -> Result<Option<i64>, NoticeError> {
        let sql = "SELECT publication FROM checkpoint";
        let read = self.connection.query_row(sql, [], |row| row.get(0));
        read.optional().map_err(self.failed("read"))
    }

    /// Who was sent a report, or may have been.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn readers_of(&self, report: u64) -> Result<BTreeSet<Recipient>, NoticeError> {
        let sql = "SELECT owner FROM report_readers WHERE report = ?1";
        let failed = self.failed("read");
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let rows = statement
            .query_map([report.to_string()], |row| recipient_of(&row.get::<_, String>(0)?));
        rows.and_then(Iterator::collect).map_err(failed)
    }

    /// Makes the outbox of books that were restored: nothing that may have been sent after the
    /// backup is sent by itself. What had not ended is `not_known`, notices of batches that the
    /// books lack are removed, ids are new from here on, and the next batch and proposal are told.
    /// Returns how many are not known.
    ///
    /// # Errors
    /// The file cannot be written. Nothing is changed.
    pub fn restore(
        &mut self,
        head: JournalHead,
        last_proposal: u64,
        now: Timestamp,
    ) -> Result<usize, NoticeError> {
        let failed = self.failed("write to");
        let why = "restored from a backup: it may have been sent after it";
        change(&self.connection, &self.path, |transaction| {
            let restore = || {
                let batch = signed(head.sequence.number());
                let proposal = signed(last_proposal);
                let sql = "DELETE FROM notices
                    WHERE batch > ?1 OR batch = 0 AND command > ?2 AND event = ?3";
                transaction.execute(sql, params![batch, proposal, PROPOSAL_WAITING])?;
                let sql = "UPDATE notices SET state = 'not_known', ended_at = ?1, why = ?2
                    WHERE ended_at IS NULL";
                let count = transaction.execute(sql, params![signed(now.0), why])?;
                transaction.execute("DELETE FROM lanes WHERE stopped IS NULL", [])?;
                transaction.execute("DELETE FROM sends", [])?;
                let sql = "INSERT INTO checkpoint (one, batch, hash, epoch, proposal)
                    VALUES (1, ?1, ?2, ?3, ?4)
                    ON CONFLICT DO UPDATE SET batch = ?1, hash = ?2, epoch = ?3, proposal = ?4";
                let epoch = signed(now.0 / 1_000);
                transaction.execute(sql, params![batch, head.hash.bytes(), epoch, proposal])?;
                Ok(count)
            };
            restore().map_err(&failed)
        })
    }

    /// Adds consents of a recipient: each is used up by one notice. A recipient who had ended the
    /// channel has begun it again.
    ///
    /// # Errors
    /// [`NoticeError::TooManyConsents`]; the channel needs none; the file cannot be written.
    pub fn add_consents(
        &mut self,
        recipient: Recipient,
        channel: NoticeChannel,
        count: u32,
    ) -> Result<u32, NoticeError> {
        if !channel.needs_consent() {
            return Err(NoticeError::NotReachedBy { owner: recipient, by: channel.name() });
        }
        let failed = self.failed("write to");
        change(&self.connection, &self.path, |transaction| {
            let sql = "INSERT INTO consents (recipient, channel, count) VALUES (?1, ?2, ?3)
                ON CONFLICT DO UPDATE SET count = count + ?3 RETURNING count";
            let row = params![recipient.to_string(), channel.name(), count];
            let now: u32 = transaction.query_row(sql, row, |row| row.get(0)).map_err(&failed)?;
            outcome::begin_again(transaction, recipient, channel).map_err(&failed)?;
            if now > CONSENTS_MAX { Err(NoticeError::TooManyConsents) } else { Ok(now) }
        })
    }

    /// A recipient who had ended a channel has a new address for it: later notices leave by it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn on_new_address(
        &mut self,
        recipient: Recipient,
        channel: NoticeChannel,
    ) -> Result<(), NoticeError> {
        let failed = self.failed("write to");
        change(&self.connection, &self.path, |transaction| {
            outcome::begin_again(transaction, recipient, channel).map_err(&failed)
        })
    }
}

fn read_checkpoint(connection: &Connection) -> rusqlite::Result<Option<JournalHead>> {
    let mut statement = connection.prepare_cached("SELECT batch, hash FROM checkpoint")?;
    let read = statement.query_row([], |row| {
        let sequence = Sequence::new(unsigned(row.get(0)?));
        Ok(JournalHead { sequence, hash: ChainHash::new(row.get(1)?) })
    });
    read.optional()
}

/// Inserts a notice and makes its lane due. The books' time can be ahead of whoever sends.
fn add(transaction: &Transaction<'_>, new: &NewNotice, now_ms: u64) -> rusqlite::Result<()> {
    let others: Vec<&str> = new.others.iter().map(|one| one.name()).collect();
    let recipient = new.recipient.to_string();
    let sql =
        "INSERT INTO notices (batch, command, place, recipient, channel, owner, others, event,
        fields, table_version, entry, in_digest, ignores_quiet_hours, made_at, since, state, epoch)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 'waiting',
        (SELECT coalesce(max(epoch), 0) FROM checkpoint))";
    let since_ms = new.made_at_ms.min(now_ms);
    transaction.prepare_cached(sql)?.execute(params![
        signed(new.batch.number()),
        new.command,
        new.place,
        recipient,
        new.channel.name(),
        new.owner.to_string(),
        others.join(" "),
        new.event,
        Value::Object(new.fields.clone()).to_string(),
        new.table_version,
        new.entry,
        new.in_digest,
        new.ignores_quiet_hours,
        signed(new.made_at_ms),
        signed(since_ms),
    ])?;
    let number = transaction.last_insert_rowid();
    outcome::queue(transaction, number, &recipient, new.channel, since_ms)
}

/// What receivers know a notice by.
fn id_of(epoch: i64, (batch, command, place): (i64, i64, i64)) -> String {
    match epoch {
        0 => format!("msg_{batch}_{command}_{place}"),
        _ => format!("msg_{epoch}_{batch}_{command}_{place}"),
    }
}

/// Whether an error is of a row that only a damaged file has, and not of the whole file.
fn is_of_row(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::InvalidQuery
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
    )
}

fn make_due(
    transaction: &Transaction<'_>,
    recipient: &str,
    channel: NoticeChannel,
    at_ms: u64,
) -> rusqlite::Result<()> {
    let row = params![recipient, channel.name(), signed(at_ms)];
    transaction.prepare_cached(LANE_DUE)?.execute(row).map(|_| ())
}
