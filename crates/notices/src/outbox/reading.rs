//! What the outbox knows, for people.

use rusqlite::{Row, params};
use serde::Serialize;
use serde_json::{Map, Value};

use super::due::consents;
use super::{NoticeState, Outbox, channel_of, id_of, recipient_of};
use crate::error::NoticeError;
use crate::file::unsigned;
use crate::limits::{BACKLOG_NOTICES_MAX, LISTED_MAX};
use crate::recipient::Recipient;
use crate::rules::NoticeChannel;

/// Which notices are listed: the newest first.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoticeQuery {
    /// Those on the recipient's page: an owner's with those of its endpoints.
    pub owner: Option<Recipient>,
    /// Of those, only these: an endpoint's.
    pub recipient: Option<Recipient>,
    pub state: Option<NoticeState>,
    pub channel: Option<NoticeChannel>,
    pub event: Option<&'static str>,
    /// Only this one.
    pub number: Option<i64>,
    /// Before this one.
    pub before: Option<i64>,
    /// At most [`LISTED_MAX`].
    pub limit: u32,
}

/// A notice as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticeView {
    pub number: i64,
    /// Of the journal. 0 for what waits in the office.
    pub batch: u64,
    /// What receivers know it by, unless it was sent in a digest.
    pub id: String,
    pub recipient: Recipient,
    pub owner: Recipient,
    pub channel: NoticeChannel,
    pub event: String,
    pub fields: Map<String, Value>,
    pub table_version: u32,
    pub entry: u32,
    pub state: NoticeState,
    pub attempts: u32,
    pub made_at_ms: u64,
    pub tried_at_ms: Option<u64>,
    pub next_at_ms: Option<u64>,
    pub ended_at_ms: Option<u64>,
    /// The first notice of the digest in which it was sent, or the one that it was folded into.
    pub sent_with: Option<i64>,
    pub why: Option<String>,
    pub receipt: Option<String>,
}

/// How many notices told of a network, by event, channel and state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkNotices {
    pub event: String,
    pub channel: String,
    pub state: String,
    pub count: u64,
}

/// How many notices there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutboxCounts {
    /// Waiting, held, in a digest, being sent or failed.
    pub open: u64,
    /// Of the oldest open one.
    pub oldest_at_ms: Option<u64>,
    pub delivered: u64,
    pub not_known: u64,
    /// Refused, gone or given up.
    pub not_delivered: u64,
    /// Not sent one by one: too many waited.
    pub folded: u64,
    /// Lanes that nothing leaves by until somebody starts them.
    pub stopped: u64,
}

/// What one channel has open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenNotices {
    pub count: u64,
    /// Since when the oldest one waits.
    pub oldest_ms: Option<u64>,
    /// Recipients to whom nothing leaves until somebody says so.
    pub stopped: u64,
    /// Recipients for whom so many wait that more are folded.
    pub full: u64,
}

/// An attempt that did not end in a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// From 1; from 1 again after [`Outbox::retry`].
    pub attempt: u32,
    pub at_ms: u64,
    pub why: String,
}

fn view(row: &Row<'_>) -> rusqlite::Result<NoticeView> {
    let text = |place: usize| row.get::<_, String>(place);
    let time = |place: usize| row.get::<_, Option<i64>>(place).map(|ms| ms.map(unsigned));
    let state = NoticeState::named(&text(11)?).ok_or(rusqlite::Error::InvalidQuery)?;
    let next: i64 = row.get(15)?;
    Ok(NoticeView {
        number: row.get(0)?,
        batch: unsigned(row.get(1)?),
        id: id_of(row.get(20)?, (row.get(1)?, row.get(2)?, row.get(3)?)),
        recipient: recipient_of(&text(4)?)?,
        owner: recipient_of(&text(5)?)?,
        channel: channel_of(&text(6)?)?,
        event: text(7)?,
        // Of a row that cannot be sent, a person must see the rest.
        fields: serde_json::from_str(&text(8)?).unwrap_or_default(),
        table_version: row.get(9)?,
        entry: row.get(10)?,
        state,
        attempts: row.get(12)?,
        made_at_ms: unsigned(row.get(13)?),
        tried_at_ms: time(14)?,
        next_at_ms: (state == NoticeState::Failed).then_some(unsigned(next)),
        ended_at_ms: time(16)?,
        sent_with: row.get(17)?,
        why: row.get(18)?,
        receipt: row.get(19)?,
    })
}

const COLUMNS: &str = "number, batch, command, place, recipient, owner, channel, event, fields,
    table_version, entry, state, attempts, made_at, tried_at, next_at, ended_at, sent_with, why,
    receipt, epoch";

impl Outbox {
    /// The notices that told of a network's withdrawals and reinstatements, as far as they are
    /// kept.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_network(&self, network: &str) -> Result<Vec<NetworkNotices>, NoticeError> {
        let sql = "SELECT event, channel, state, count(*) FROM notices
            WHERE event IN ('network.withdrawn', 'network.reinstated')
                AND json_extract(fields, '$.network') = ?1
            GROUP BY event, channel, state ORDER BY event DESC, channel, state";
        let of_row = |row: &Row<'_>| {
            Ok(NetworkNotices {
                event: row.get(0)?,
                channel: row.get(1)?,
                state: row.get(2)?,
                count: unsigned(row.get(3)?),
            })
        };
        let read = || {
            let mut asked = self.connection.prepare(sql)?;
            asked.query_map([network], of_row)?.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(self.failed("read"))
    }

    /// Lists notices, the newest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn list(&self, query: NoticeQuery) -> Result<Vec<NoticeView>, NoticeError> {
        let failed = self.failed("read");
        let sql = format!(
            "SELECT {COLUMNS} FROM notices WHERE (?1 IS NULL OR owner = ?1)
             AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR number < ?3)
             AND (?5 IS NULL OR recipient = ?5) AND (?6 IS NULL OR channel = ?6)
             AND (?7 IS NULL OR event = ?7) AND (?8 IS NULL OR number = ?8)
             ORDER BY number DESC LIMIT ?4"
        );
        let mut statement = self.connection.prepare(&sql).map_err(&failed)?;
        let (owner, state) = (query.owner.map(|one| one.to_string()), query.state);
        let state = state.map(NoticeState::name);
        let recipient = query.recipient.map(|one| one.to_string());
        let limit = query.limit.min(LISTED_MAX);
        let (channel, event) = (query.channel.map(NoticeChannel::name), query.event);
        let values =
            params![owner, state, query.before, limit, recipient, channel, event, query.number];
        let rows = statement.query_map(values, view).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// The attempts of a notice that did not end in a delivery, in order.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn failures(&self, number: i64) -> Result<Vec<FailedAttempt>, NoticeError> {
        let failed = self.failed("read");
        let sql = "SELECT attempt, at, why FROM failures WHERE number = ?1 ORDER BY rowid LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let rows = statement.query_map(params![number, LISTED_MAX], |row| {
            let (attempt, at_ms) = (row.get(0)?, unsigned(row.get(1)?));
            Ok(FailedAttempt { attempt, at_ms, why: row.get(2)? })
        });
        rows.and_then(Iterator::collect).map_err(failed)
    }

    /// What a channel has open: no look at what has ended.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open_of(&self, channel: NoticeChannel) -> Result<OpenNotices, NoticeError> {
        let failed = self.failed("read");
        let sql = "SELECT count(*), min(since),
            (SELECT count(*) FROM lanes WHERE channel = ?1 AND stopped IS NOT NULL),
            (SELECT count(*) FROM backlogs WHERE channel = ?1 AND open >= ?2)
            FROM notices WHERE channel = ?1 AND ended_at IS NULL";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let open = statement.query_row(params![channel.name(), BACKLOG_NOTICES_MAX], |row| {
            let oldest = row.get::<_, Option<i64>>(1)?;
            let (count, stopped) = (unsigned(row.get(0)?), unsigned(row.get(2)?));
            let (oldest_ms, full) = (oldest.map(unsigned), unsigned(row.get(3)?));
            Ok(OpenNotices { count, oldest_ms, stopped, full })
        });
        open.map_err(failed)
    }

    /// How many notices there are of each kind.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn counts(&self) -> Result<OutboxCounts, NoticeError> {
        let failed = self.failed("read");
        let sql = "SELECT count(*) FILTER (WHERE ended_at IS NULL),
            min(made_at) FILTER (WHERE ended_at IS NULL),
            count(*) FILTER (WHERE state = 'delivered'),
            count(*) FILTER (WHERE state = 'not_known'),
            count(*) FILTER (WHERE state IN ('refused', 'gone', 'given_up')),
            count(*) FILTER (WHERE state = 'folded'),
            (SELECT count(*) FROM lanes WHERE stopped IS NOT NULL) FROM notices";
        let counts = self.connection.query_row(sql, [], |row| {
            let number = |place: usize| row.get::<_, i64>(place).map(unsigned);
            Ok(OutboxCounts {
                open: number(0)?,
                oldest_at_ms: row.get::<_, Option<i64>>(1)?.map(unsigned),
                delivered: number(2)?,
                not_known: number(3)?,
                not_delivered: number(4)?,
                folded: number(5)?,
                stopped: number(6)?,
            })
        });
        counts.map_err(failed)
    }

    /// How many notices on a recipient's page are in each state.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn states_of(&self, owner: Recipient) -> Result<Vec<(NoticeState, u64)>, NoticeError> {
        let failed = self.failed("read");
        let sql = "SELECT state, count(*) FROM notices WHERE owner = ?1 GROUP BY state";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let rows = statement.query_map([owner.to_string()], |row| {
            let state = NoticeState::named(&row.get::<_, String>(0)?);
            Ok((state.ok_or(rusqlite::Error::InvalidQuery)?, unsigned(row.get(1)?)))
        });
        rows.and_then(Iterator::collect).map_err(failed)
    }

    /// The recipients by channels that nothing is sent to until [`Outbox::retry`], and why:
    /// `failing` or `gone`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn stopped(&self) -> Result<Vec<(Recipient, NoticeChannel, String)>, NoticeError> {
        let failed = self.failed("read");
        let sql = "SELECT recipient, channel, stopped FROM lanes WHERE stopped IS NOT NULL
            ORDER BY recipient, channel LIMIT ?1";
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let rows = statement.query_map([LISTED_MAX], |row| {
            let (recipient, channel): (String, String) = (row.get(0)?, row.get(1)?);
            Ok((recipient_of(&recipient)?, channel_of(&channel)?, row.get(2)?))
        });
        rows.and_then(Iterator::collect).map_err(failed)
    }

    /// How many consents a recipient has left.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn consents_of(
        &self,
        recipient: Recipient,
        channel: NoticeChannel,
    ) -> Result<u32, NoticeError> {
        consents(&self.connection, recipient, channel).map_err(self.failed("read"))
    }
}
