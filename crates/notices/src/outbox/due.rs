//! What is to be sent now.

use books::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::{Map, Value};

use super::{NoticeState, Outbox, id_of, is_of_row, recipient_of};
use crate::error::NoticeError;
use crate::file::{change, signed, unsigned};
use crate::lane::{LaneStep, WaitingNotice, next_step};
use crate::limits::{DIGEST_NOTICES_MAX, LANES_AT_ONCE, SLOW_WAIT_MS, WINDOW_MS};
use crate::recipient::Recipient;
use crate::rules::{ChannelRules, NoticeChannel};

/// One notice, or several as one, that is sent now. It is marked so, durably.
#[derive(Clone, Debug, PartialEq)]
pub struct DueNotice {
    /// Of the first notice, for [`Outbox::on_outcomes`].
    pub number: i64,
    /// The same for each attempt.
    pub id: String,
    pub recipient: Recipient,
    pub channel: NoticeChannel,
    /// From 1.
    pub attempt: u32,
    pub at_ms: u64,
    pub parts: Vec<NoticePart>,
}

/// What one notice says.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticePart {
    pub event: String,
    pub fields: Map<String, Value>,
    pub table_version: u32,
    pub entry: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DueNotices {
    pub notices: Vec<DueNotice>,
    /// When to ask again, if nothing else happens before.
    pub again_at_ms: Option<u64>,
}

/// How many notices may be sent.
#[derive(Clone, Copy)]
pub struct DueRoom<'r> {
    pub all: usize,
    /// Of them, to recipients who keep a sender waiting.
    pub slow: usize,
    pub is_slow: &'r dyn Fn(&str) -> bool,
}

/// What one look goes by.
struct Look<'l> {
    channel: NoticeChannel,
    rules: &'l ChannelRules,
    quiet_until_ms: Option<u64>,
    now_ms: u64,
}

impl Outbox {
    /// What a channel sends now, at most `room` notices, each marked as being sent. Of one
    /// recipient there is one at a time. Nothing if the channel is off.
    ///
    /// # Errors
    /// The file cannot be written; nothing is marked.
    pub fn due(
        &mut self,
        channel: NoticeChannel,
        now: Timestamp,
        room: usize,
    ) -> Result<DueNotices, NoticeError> {
        self.due_within(channel, now, DueRoom { all: room, slow: room, is_slow: &|_| false })
    }

    /// As [`Outbox::due`], with less room for slow recipients: they cannot hold the others up.
    ///
    /// # Errors
    /// The file cannot be written; nothing is marked.
    pub fn due_within(
        &mut self,
        channel: NoticeChannel,
        now: Timestamp,
        room: DueRoom<'_>,
    ) -> Result<DueNotices, NoticeError> {
        self.now_ms = now.0;
        let Some(rules) = self.rules.channels.get(&channel) else {
            return Ok(DueNotices::default());
        };
        let (reading, failed) = (self.failed("read"), self.failed("write to"));
        let first_due = |connection: &rusqlite::Connection| {
            let sql = "SELECT min(due_at) FROM lanes WHERE channel = ?1 AND due_at IS NOT NULL";
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row([channel.name()], |row| row.get::<_, Option<i64>>(0))
        };
        if room.all == 0 {
            return Ok(DueNotices::default());
        }
        let first = first_due(&self.connection).map_err(&reading)?.map(unsigned);
        if first.is_none_or(|first| first > now.0) {
            return Ok(DueNotices { notices: Vec::new(), again_at_ms: first });
        }
        let offset = self.rules.zone.at(now.0);
        let quiet_until_ms = rules.quiet.and_then(|quiet| quiet.end_after(now.0, offset));
        let look = Look { channel, rules, quiet_until_ms, now_ms: now.0 };
        change(&self.connection, &self.path, |transaction| {
            look.all(transaction, room, &first_due).map_err(&failed)
        })
    }
}

impl Look<'_> {
    fn all(
        &self,
        transaction: &Transaction<'_>,
        room: DueRoom<'_>,
        first_due: &impl Fn(&rusqlite::Connection) -> rusqlite::Result<Option<i64>>,
    ) -> rusqlite::Result<DueNotices> {
        let DueRoom { all, mut slow, is_slow } = room;
        let (room, again_at_ms) = self.room_in_minute(transaction, all)?;
        if room == 0 {
            return Ok(DueNotices { notices: Vec::new(), again_at_ms });
        }
        let sql = "SELECT recipient FROM lanes WHERE channel = ?1 AND due_at <= ?2
            ORDER BY due_at, recipient LIMIT ?3";
        let mut statement = transaction.prepare_cached(sql)?;
        let values = params![self.channel.name(), signed(self.now_ms), LANES_AT_ONCE];
        let lanes: Vec<String> =
            statement.query_map(values, |row| row.get(0))?.collect::<Result<_, _>>()?;
        drop(statement);
        let mut notices = Vec::new();
        for recipient in lanes {
            if notices.len() == room {
                break;
            }
            let is_slow = is_slow(&recipient);
            if is_slow && slow == 0 {
                self.wait(transaction, &recipient, self.now_ms + SLOW_WAIT_MS)?;
                continue;
            }
            let found = self.lane_or_stop(transaction, &recipient)?;
            slow -= usize::from(is_slow && found.is_some());
            notices.extend(found);
        }
        let first = first_due(transaction)?.map(unsigned);
        // Those that are due and found no room wait for an outcome or for the minute.
        let is_full = notices.len() == room;
        let again_at_ms = if is_full { again_at_ms } else { first };
        Ok(DueNotices { notices, again_at_ms })
    }

    /// What a lane sends. One with a row that cannot be read is stopped, and holds no other up.
    fn lane_or_stop(
        &self,
        transaction: &Transaction<'_>,
        recipient: &str,
    ) -> rusqlite::Result<Option<DueNotice>> {
        transaction.prepare_cached("SAVEPOINT lane")?.execute([])?;
        let found = match self.lane(transaction, recipient) {
            Err(error) if is_of_row(&error) => {
                transaction.prepare_cached("ROLLBACK TO lane")?.execute([])?;
                super::outcome::stop_damaged(transaction, recipient, self.channel.name())?;
                None
            }
            found => found?,
        };
        transaction.prepare_cached("RELEASE lane")?.execute([])?;
        Ok(found)
    }

    /// How many more a channel takes, and when it takes one more if that is none.
    fn room_in_minute(
        &self,
        transaction: &Transaction<'_>,
        room: usize,
    ) -> rusqlite::Result<(usize, Option<u64>)> {
        let Some(max) = self.rules.per_minute else { return Ok((room, None)) };
        let name = self.channel.name();
        let sql = "SELECT count(*), min(at) FROM sends WHERE channel = ?1 AND at > ?2";
        let since = signed(self.now_ms.saturating_sub(WINDOW_MS));
        let (sent, oldest): (u32, Option<i64>) =
            transaction
                .query_row(sql, params![name, since], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let sql = "SELECT count(*) FROM lanes WHERE channel = ?1 AND sending IS NOT NULL";
        let sending: u32 = transaction.query_row(sql, [name], |row| row.get(0))?;
        let left = max.saturating_sub(sent.saturating_add(sending));
        let again = oldest.map(|oldest| unsigned(oldest).saturating_add(WINDOW_MS));
        Ok((room.min(usize::try_from(left).unwrap_or(usize::MAX)), again))
    }

    /// When a recipient takes one more notice in its minute, if not now.
    fn recipient_full_until(
        &self,
        transaction: &Transaction<'_>,
        recipient: &str,
    ) -> rusqlite::Result<Option<u64>> {
        let Some(max) = self.rules.per_minute_each else { return Ok(None) };
        let since = signed(self.now_ms.saturating_sub(WINDOW_MS));
        let sql = "SELECT count(*), min(at) FROM sends
            WHERE channel = ?1 AND recipient = ?2 AND at > ?3";
        let (sent, oldest): (u32, Option<i64>) = transaction
            .prepare_cached(sql)?
            .query_row(params![self.channel.name(), recipient, since], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let until = oldest.map(|oldest| unsigned(oldest).saturating_add(WINDOW_MS));
        Ok(until.filter(|_| sent >= max))
    }

    fn lane(
        &self,
        transaction: &Transaction<'_>,
        recipient: &str,
    ) -> rusqlite::Result<Option<DueNotice>> {
        loop {
            let waiting = self.waiting(transaction, recipient)?;
            let step = next_step(&waiting, self.rules.digest_ms, self.quiet_until_ms, self.now_ms);
            let count = match step {
                LaneStep::Idle => {
                    let sql = "DELETE FROM lanes WHERE recipient = ?1 AND channel = ?2";
                    let lane = params![recipient, self.channel.name()];
                    transaction.prepare_cached(sql)?.execute(lane)?;
                    return Ok(None);
                }
                LaneStep::Wait { until_ms, as_state } => {
                    self.wait(transaction, recipient, until_ms)?;
                    let sql = "UPDATE notices SET state = ?2 WHERE number = ?1 AND attempts = 0";
                    for one in as_state.iter().flat_map(|_| &waiting) {
                        let state = as_state.map_or("", NoticeState::name);
                        transaction.prepare_cached(sql)?.execute(params![one.number, state])?;
                    }
                    return Ok(None);
                }
                LaneStep::Send { count } => count,
            };
            if let Some(until_ms) = self.recipient_full_until(transaction, recipient)? {
                self.wait(transaction, recipient, until_ms)?;
                return Ok(None);
            }
            let first = waiting[0].number;
            if self.channel.needs_consent() && !self.use_consent(transaction, recipient)? {
                let why = "the recipient has given no consent for one more";
                let ended = super::outcome::End { state: NoticeState::Refused, why };
                super::outcome::end(transaction, &[first], ended, self.now_ms)?;
                continue;
            }
            return self.mark(transaction, recipient, &waiting[..count]).map(Some);
        }
    }

    /// The first notices of a lane. In quiet hours those that may be sent go first.
    fn waiting(
        &self,
        transaction: &Transaction<'_>,
        recipient: &str,
    ) -> rusqlite::Result<Vec<WaitingNotice>> {
        let read = |only: &str| {
            let sql = format!(
                "SELECT number, made_at, since, next_at, in_digest, ignores_quiet_hours, sent_with
                 FROM notices WHERE recipient = ?1 AND channel = ?2 AND ended_at IS NULL {only}
                 ORDER BY number LIMIT ?3"
            );
            let mut statement = transaction.prepare_cached(&sql)?;
            let most = i64::try_from(DIGEST_NOTICES_MAX + 1).unwrap_or(i64::MAX);
            let values = params![recipient, self.channel.name(), most];
            let rows = statement.query_map(values, |row| {
                Ok(WaitingNotice {
                    number: row.get(0)?,
                    made_at_ms: unsigned(row.get(1)?),
                    since_ms: unsigned(row.get(2)?),
                    next_at_ms: unsigned(row.get(3)?),
                    in_digest: row.get(4)?,
                    ignores_quiet_hours: row.get(5)?,
                    sent_with: row.get(6)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        if self.quiet_until_ms.is_some() {
            let urgent = read("AND ignores_quiet_hours = 1")?;
            if !urgent.is_empty() {
                return Ok(urgent);
            }
        }
        read("")
    }

    fn wait(
        &self,
        transaction: &Transaction<'_>,
        recipient: &str,
        until_ms: u64,
    ) -> rusqlite::Result<()> {
        let sql = "UPDATE lanes SET due_at = ?3 WHERE recipient = ?1 AND channel = ?2";
        let row = params![recipient, self.channel.name(), signed(until_ms)];
        transaction.prepare_cached(sql)?.execute(row).map(|_| ())
    }

    fn use_consent(
        &self,
        transaction: &Transaction<'_>,
        recipient: &str,
    ) -> rusqlite::Result<bool> {
        let sql = "UPDATE consents SET count = count - 1
            WHERE recipient = ?1 AND channel = ?2 AND count > 0";
        let used = transaction.execute(sql, params![recipient, self.channel.name()])?;
        Ok(used > 0)
    }

    /// Marks notices as being sent together.
    fn mark(
        &self,
        transaction: &Transaction<'_>,
        recipient: &str,
        together: &[WaitingNotice],
    ) -> rusqlite::Result<DueNotice> {
        let first = together[0];
        let sql = "UPDATE notices SET state = 'sending', attempts = attempts + 1, tried_at = ?2,
            sent_with = ?3 WHERE number = ?1
            RETURNING batch, command, place, attempts, event, fields, table_version, entry,
            epoch";
        let mut statement = transaction.prepare_cached(sql)?;
        let (mut parts, mut named) = (Vec::new(), None);
        for one in together {
            let values = params![one.number, signed(self.now_ms), first.number];
            statement.query_row(values, |row| {
                let place = (row.get(0)?, row.get(1)?, row.get(2)?);
                let (attempt, epoch) = (row.get::<_, u32>(3)?, row.get(8)?);
                named.get_or_insert_with(|| (id_of(epoch, place), attempt));
                let fields: String = row.get(5)?;
                let fields = serde_json::from_str(&fields);
                parts.push(NoticePart {
                    event: row.get(4)?,
                    fields: fields.map_err(|_| rusqlite::Error::InvalidQuery)?,
                    table_version: row.get(6)?,
                    entry: row.get(7)?,
                });
                Ok(())
            })?;
        }
        let sql = "UPDATE lanes SET due_at = NULL, sending = ?3
            WHERE recipient = ?1 AND channel = ?2";
        let lane = params![recipient, self.channel.name(), first.number];
        transaction.prepare_cached(sql)?.execute(lane)?;
        let (id, attempt) = named.ok_or(rusqlite::Error::InvalidQuery)?;
        Ok(DueNotice {
            number: first.number,
            id,
            recipient: recipient_of(recipient)?,
            channel: self.channel,
            attempt,
            at_ms: first.made_at_ms,
            parts,
        })
    }
}

/// How many consents a recipient has left.
pub(super) fn consents(
    connection: &rusqlite::Connection,
    recipient: Recipient,
    channel: NoticeChannel,
) -> rusqlite::Result<u32> {
    let sql = "SELECT count FROM consents WHERE recipient = ?1 AND channel = ?2";
    let values = params![recipient.to_string(), channel.name()];
    Ok(connection.query_row(sql, values, |row| row.get(0)).optional()?.unwrap_or(0))
}
