//! What the outbox knows, for people.

use rusqlite::{Row, params};
use serde::Serialize;
use serde_json::{Map, Value};

use super::due::consents;
use super::{NoticeState, Outbox, channel_of, recipient_of};
use crate::error::NoticeError;
use crate::file::unsigned;
use crate::limits::LISTED_MAX;
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
    /// Before this one.
    pub before: Option<i64>,
    /// At most [`LISTED_MAX`].
    pub limit: u32,
}

/// A notice as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticeView {
    pub number: i64,
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
    /// The first notice of the digest in which it was sent.
    pub sent_with: Option<i64>,
    pub why: Option<String>,
    pub receipt: Option<String>,
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
    /// Lanes that nothing leaves by until somebody starts them.
    pub stopped: u64,
}

fn view(row: &Row<'_>) -> rusqlite::Result<NoticeView> {
    let (batch, command, place): (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let text = |place: usize| row.get::<_, String>(place);
    let time = |place: usize| row.get::<_, Option<i64>>(place).map(|ms| ms.map(unsigned));
    let state = NoticeState::named(&text(11)?).ok_or(rusqlite::Error::InvalidQuery)?;
    let next: i64 = row.get(15)?;
    Ok(NoticeView {
        number: row.get(0)?,
        id: format!("msg_{batch}_{command}_{place}"),
        recipient: recipient_of(&text(4)?)?,
        owner: recipient_of(&text(5)?)?,
        channel: channel_of(&text(6)?)?,
        event: text(7)?,
        fields: serde_json::from_str(&text(8)?).map_err(|_| rusqlite::Error::InvalidQuery)?,
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
    receipt";

impl Outbox {
    /// Lists notices, the newest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn list(&self, query: NoticeQuery) -> Result<Vec<NoticeView>, NoticeError> {
        let failed = self.failed("read");
        let sql = format!(
            "SELECT {COLUMNS} FROM notices WHERE (?1 IS NULL OR owner = ?1)
             AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR number < ?3)
             AND (?5 IS NULL OR recipient = ?5) ORDER BY number DESC LIMIT ?4"
        );
        let mut statement = self.connection.prepare(&sql).map_err(&failed)?;
        let (owner, state) = (query.owner.map(|one| one.to_string()), query.state);
        let state = state.map(NoticeState::name);
        let recipient = query.recipient.map(|one| one.to_string());
        let limit = query.limit.min(LISTED_MAX);
        let values = params![owner, state, query.before, limit, recipient];
        let rows = statement.query_map(values, view).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
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
            (SELECT count(*) FROM lanes WHERE stopped IS NOT NULL) FROM notices";
        let counts = self.connection.query_row(sql, [], |row| {
            let number = |place: usize| row.get::<_, i64>(place).map(unsigned);
            Ok(OutboxCounts {
                open: number(0)?,
                oldest_at_ms: row.get::<_, Option<i64>>(1)?.map(unsigned),
                delivered: number(2)?,
                not_known: number(3)?,
                not_delivered: number(4)?,
                stopped: number(5)?,
            })
        });
        counts.map_err(failed)
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
