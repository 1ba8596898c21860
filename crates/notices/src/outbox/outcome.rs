//! What the end of a send means: the next attempt, the end, another channel.

use books::Timestamp;
use channels::SendOutcome;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{NoticeRetry, NoticeState, Outbox, channel_of, is_of_row, make_due};
use crate::error::NoticeError;
use crate::event::NOTICES_FOLDED;
use crate::file::{change, signed, unsigned};
use crate::limits::{
    BACKLOG_NOTICES_MAX, KEPT_MS, MESSAGE_AGE_MS_MAX, NEXT_ATTEMPT_MS_MAX, PRUNED_AT_ONCE,
    RETRY_AFTER_MS_MAX, WAIT_MS_MAX, WHY_CHARACTERS_MAX, WINDOW_MS,
};
use crate::recipient::Recipient;
use crate::rules::NoticeChannel;

/// Why a lane is stopped: nothing more is sent until somebody says so.
const FAILING: &str = "failing";
const GONE: &str = "gone";
/// Something of it cannot be read.
const DAMAGED: &str = "damaged";

/// Added to the place of a notice for the one that counts what was folded.
const FOLDED_PLACE: u32 = 1_000_000;

/// How notices end.
#[derive(Clone, Copy)]
pub(super) struct End<'e> {
    pub state: NoticeState,
    pub why: &'e str,
}

/// Notices that were sent as one.
struct Sent {
    recipient: String,
    channel: NoticeChannel,
    numbers: Vec<i64>,
    attempts: usize,
    since_ms: u64,
}

impl Outbox {
    /// Takes how sends ended, by the numbers of [`DueNotice`](super::DueNotice)s. All or nothing.
    ///
    /// # Errors
    /// The file cannot be written: give them again.
    pub fn on_outcomes(
        &mut self,
        ended: &[(i64, SendOutcome)],
        now: Timestamp,
    ) -> Result<(), NoticeError> {
        let failed = self.failed("write to");
        change(&self.connection, &self.path, |transaction| {
            for (number, outcome) in ended {
                self.on_outcome(transaction, *number, outcome, now.0).map_err(&failed)?;
            }
            Ok(())
        })
    }

    fn on_outcome(
        &self,
        transaction: &Transaction<'_>,
        number: i64,
        outcome: &SendOutcome,
        now_ms: u64,
    ) -> rusqlite::Result<()> {
        // It is no longer being sent if a person ended it meanwhile.
        let Some(sent) = sent(transaction, number)? else { return Ok(()) };
        let end_all = |state, why| end(transaction, &sent.numbers, End { state, why }, now_ms);
        let mut stopped = None;
        match outcome {
            SendOutcome::Delivered { receipt } => {
                let receipt = receipt.as_deref().map(shortened);
                let sql = "UPDATE notices SET state = 'delivered', ended_at = ?2, why = NULL,
                    receipt = ?3 WHERE number = ?1";
                for number in &sent.numbers {
                    let row = params![number, signed(now_ms), receipt];
                    transaction.prepare_cached(sql)?.execute(row)?;
                }
            }
            SendOutcome::Refused { why } => end_all(NoticeState::Refused, why)?,
            SendOutcome::Gone { why } => {
                stopped = Some(GONE);
                end_all(NoticeState::Gone, why)?;
                // Those behind it would end the same way.
                end_lane(transaction, &sent, NoticeState::Gone, why, now_ms)?;
            }
            SendOutcome::NotKnown { why } if !sent.channel.is_at_least_once() => {
                end_all(NoticeState::NotKnown, why)?;
            }
            SendOutcome::NotKnown { why } => {
                stopped = sent.again(transaction, why, None, now_ms)?;
            }
            SendOutcome::Failed { why, again_after_ms } => {
                stopped = sent.again(transaction, why, *again_after_ms, now_ms)?;
            }
        }
        if let SendOutcome::Refused { why }
        | SendOutcome::Failed { why, .. }
        | SendOutcome::Gone { why }
        | SendOutcome::NotKnown { why } = outcome
        {
            let sql = "INSERT INTO failures (number, attempt, at, why) VALUES (?1, ?2, ?3, ?4)";
            for number in &sent.numbers {
                let attempt = i64::try_from(sent.attempts).unwrap_or(i64::MAX);
                let row = params![number, attempt, signed(now_ms), shortened(why)];
                transaction.prepare_cached(sql)?.execute(row)?;
            }
        }
        let is_known_failure =
            !matches!(outcome, SendOutcome::Delivered { .. } | SendOutcome::NotKnown { .. });
        if sent.channel.needs_consent() && is_known_failure {
            give_back_consent(transaction, &sent)?;
        }
        self.count_send(transaction, &sent, now_ms)?;
        release_lane(transaction, &sent, stopped, now_ms)
    }

    /// Counts a send for the limits per minute: at its end, so that no minute at the receiver has
    /// more, however long a send takes.
    fn count_send(
        &self,
        transaction: &Transaction<'_>,
        sent: &Sent,
        now_ms: u64,
    ) -> rusqlite::Result<()> {
        let rules = self.rules.channels.get(&sent.channel);
        let is_limited = |one: &crate::rules::ChannelRules| {
            one.per_minute.is_some() || one.per_minute_each.is_some()
        };
        if !rules.is_some_and(is_limited) {
            return Ok(());
        }
        let name = sent.channel.name();
        let sql = "INSERT INTO sends (channel, recipient, at) VALUES (?1, ?2, ?3)";
        transaction.prepare_cached(sql)?.execute(params![name, sent.recipient, signed(now_ms)])?;
        let sql = "DELETE FROM sends WHERE channel = ?1 AND at <= ?2";
        let over = signed(now_ms.saturating_sub(WINDOW_MS));
        transaction.prepare_cached(sql)?.execute(params![name, over])?;
        Ok(())
    }

    /// Settles what was being sent when the process that sent ended: webhooks are sent again, of
    /// the others it is not known. Times of a clock that was ahead are forgotten. Returns how many
    /// were being sent.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn recover(&mut self, now: Timestamp) -> Result<usize, NoticeError> {
        self.now_ms = now.0;
        let failed = self.failed("write to");
        change(&self.connection, &self.path, |transaction| {
            let recover = || {
                forget_later(transaction, now.0)?;
                let sql = "SELECT sending, recipient, channel FROM lanes
                    WHERE sending IS NOT NULL";
                let mut statement = transaction.prepare(sql)?;
                let rows = statement.query_map([], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
                })?;
                let lanes = rows.collect::<rusqlite::Result<Vec<_>>>()?;
                for (number, recipient, channel) in &lanes {
                    let sent = match sent(transaction, *number) {
                        Ok(Some(sent)) => sent,
                        Ok(None) => continue,
                        Err(error) if is_of_row(&error) => {
                            stop_damaged(transaction, recipient, channel)?;
                            continue;
                        }
                        Err(error) => return Err(error),
                    };
                    if sent.channel.is_at_least_once() {
                        let sql = "UPDATE notices SET state = 'failed', next_at = ?2,
                            attempts = attempts - 1, why = 'the sender ended' WHERE number = ?1";
                        for number in &sent.numbers {
                            transaction.execute(sql, params![number, signed(now.0)])?;
                        }
                    } else {
                        let why = "the sender ended before the answer came";
                        let end_as = End { state: NoticeState::NotKnown, why };
                        end(transaction, &sent.numbers, end_as, now.0)?;
                    }
                    self.count_send(transaction, &sent, now.0)?;
                    release_lane(transaction, &sent, None, now.0)?;
                }
                Ok(lanes.len())
            };
            recover().map_err(&failed)
        })
    }

    /// Sends again what ended without arriving, from the first one on, at most as many as a backlog
    /// has room for, and starts a stopped lane. What may have arrived only if `not_known` says so.
    /// Returns how many.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn retry(
        &mut self,
        recipient: Recipient,
        channel: NoticeChannel,
        not_known: bool,
        now: Timestamp,
    ) -> Result<usize, NoticeError> {
        let failed = self.failed("write to");
        change(&self.connection, &self.path, |transaction| {
            retry_lane(transaction, &recipient.to_string(), channel, not_known, now.0)
                .map_err(&failed)
        })
    }

    /// Gives up what has waited too long, and removes what ended long ago: some of each. Returns
    /// whether there may be more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn prune(&mut self, now: Timestamp) -> Result<bool, NoticeError> {
        let failed = self.failed("write to");
        let numbers = |sql: &str, until: u64| {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement
                .query_map(params![signed(until), PRUNED_AT_ONCE], |row| row.get::<_, i64>(0))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut old = Vec::new();
        for channel in NoticeChannel::ALL {
            let sql = format!(
                "SELECT number FROM notices WHERE ended_at IS NULL AND channel = '{channel}'
                 AND since < ?1 AND state <> 'sending' LIMIT ?2"
            );
            old.extend(numbers(&sql, now.0.saturating_sub(WAIT_MS_MAX)).map_err(&failed)?);
        }
        let ended = "SELECT number FROM notices WHERE ended_at < ?1 LIMIT ?2";
        let ended = numbers(ended, now.0.saturating_sub(KEPT_MS)).map_err(&failed)?;
        if old.is_empty() && ended.is_empty() {
            return Ok(false);
        }
        change(&self.connection, &self.path, |transaction| {
            let prune = || {
                let why = "it waited 30 days";
                end(transaction, &old, End { state: NoticeState::GivenUp, why }, now.0)?;
                for number in &ended {
                    for of in ["notices", "failures"] {
                        let sql = format!("DELETE FROM {of} WHERE number = ?1");
                        transaction.prepare_cached(&sql)?.execute([number])?;
                    }
                }
                Ok(())
            };
            prune().map_err(&failed)
        })?;
        let most = usize::try_from(PRUNED_AT_ONCE).unwrap_or(usize::MAX);
        Ok(old.len() >= most || ended.len() >= most)
    }
}

impl Sent {
    /// After a failure: sets the next attempt, or gives up. Returns why the lane stops, if it does.
    fn again(
        &self,
        transaction: &Transaction<'_>,
        why: &str,
        again_after_ms: Option<u64>,
        now_ms: u64,
    ) -> rusqlite::Result<Option<&'static str>> {
        let is_webhook = self.channel == NoticeChannel::Webhook;
        let is_old = !is_webhook && now_ms.saturating_sub(self.since_ms) > MESSAGE_AGE_MS_MAX;
        let after = self.channel.retries_ms().get(self.attempts - 1).filter(|_| !is_old);
        let Some(after) = after else {
            let end_as = End { state: NoticeState::GivenUp, why };
            end(transaction, &self.numbers, end_as, now_ms)?;
            // What is behind it is kept until the receiver is there again.
            return Ok(is_webhook.then_some(FAILING));
        };
        let asked = again_after_ms.unwrap_or(0).min(RETRY_AFTER_MS_MAX);
        let next = now_ms.saturating_add((*after).max(asked));
        let sql = "UPDATE notices SET state = 'failed', next_at = ?2, why = ?3 WHERE number = ?1";
        for number in &self.numbers {
            let row = params![number, signed(next), shortened(why)];
            transaction.prepare_cached(sql)?.execute(row)?;
        }
        Ok(None)
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(WHY_CHARACTERS_MAX).collect()
}

/// What was sent with a notice that is being sent.
fn sent(transaction: &Transaction<'_>, number: i64) -> rusqlite::Result<Option<Sent>> {
    let sql = "SELECT recipient, channel, attempts, since FROM notices
        WHERE number = ?1 AND state = 'sending'";
    let first = transaction.prepare_cached(sql)?.query_row([number], |row| {
        let channel: String = row.get(1)?;
        Ok(Sent {
            recipient: row.get(0)?,
            channel: channel_of(&channel)?,
            numbers: Vec::new(),
            attempts: usize::try_from(row.get::<_, i64>(2)?).unwrap_or(usize::MAX),
            since_ms: unsigned(row.get(3)?),
        })
    });
    let Some(first) = first.optional()? else { return Ok(None) };
    let sql = "SELECT number FROM notices WHERE recipient = ?1 AND channel = ?2
        AND ended_at IS NULL AND sent_with = ?3 AND state = 'sending' ORDER BY number";
    let mut statement = transaction.prepare_cached(sql)?;
    let lane = params![first.recipient, first.channel.name(), number];
    let numbers = statement.query_map(lane, |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(Some(Sent { numbers, ..first }))
}

/// Ends notices. After a known failure each goes on by its next channel, if it has one.
pub(super) fn end(
    transaction: &Transaction<'_>,
    numbers: &[i64],
    End { state, why }: End<'_>,
    now_ms: u64,
) -> rusqlite::Result<()> {
    let sql = "UPDATE notices SET state = ?2, ended_at = ?3, why = ?4 WHERE number = ?1
        RETURNING recipient, others";
    for number in numbers {
        let row = params![number, state.name(), signed(now_ms), shortened(why)];
        let (recipient, others): (String, String) = transaction
            .prepare_cached(sql)?
            .query_row(row, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (next, rest) = others.split_once(' ').unwrap_or((&others, ""));
        if state == NoticeState::NotKnown || next.is_empty() {
            continue;
        }
        // The same notice, by another channel, behind what waits there.
        let sql = "INSERT INTO notices (batch, command, place, recipient, channel, owner, others,
            event, fields, table_version, entry, in_digest, ignores_quiet_hours, made_at, since,
            state, epoch) SELECT batch, command, place, recipient, ?2, owner, ?3, event, fields,
            table_version, entry, 0, ignores_quiet_hours, made_at, ?4, 'waiting', epoch
            FROM notices WHERE number = ?1 ON CONFLICT DO NOTHING";
        let row = params![number, next, rest, signed(now_ms)];
        if transaction.prepare_cached(sql)?.execute(row)? > 0 {
            let number = transaction.last_insert_rowid();
            queue(transaction, number, &recipient, channel_of(next)?, now_ms)?;
        }
    }
    Ok(())
}

/// Sends again what ended without arriving on a recipient's page, by each of its channels.
pub(super) fn retry_all(
    transaction: &Transaction<'_>,
    retry: &NoticeRetry,
    now_ms: u64,
) -> rusqlite::Result<()> {
    let sql = "SELECT DISTINCT recipient, channel FROM notices
        WHERE owner = ?1 AND (?2 IS NULL OR recipient = ?2)";
    let mut statement = transaction.prepare_cached(sql)?;
    let of = params![retry.owner.to_string(), retry.recipient.map(|one| one.to_string())];
    let lanes = statement.query_map(of, |row| {
        let channel: String = row.get(1)?;
        Ok((row.get::<_, String>(0)?, channel_of(&channel)?))
    })?;
    for (recipient, channel) in lanes.collect::<rusqlite::Result<Vec<_>>>()? {
        let at_ms = retry.at_ms.min(now_ms);
        retry_lane(transaction, &recipient, channel, retry.not_known, at_ms)?;
    }
    Ok(())
}

fn retry_lane(
    transaction: &Transaction<'_>,
    recipient: &str,
    channel: NoticeChannel,
    not_known: bool,
    now_ms: u64,
) -> rusqlite::Result<usize> {
    let room = BACKLOG_NOTICES_MAX.saturating_sub(backlog(transaction, recipient, channel)?.open);
    let name = channel.name();
    let sql = "UPDATE notices SET state = 'waiting', attempts = 0, next_at = 0,
        ended_at = NULL, sent_with = NULL, others = '', since = ?4
        WHERE number IN (SELECT number FROM notices WHERE recipient = ?1 AND channel = ?2
        AND (state IN ('refused', 'gone', 'given_up', 'folded') OR state = 'not_known' AND ?3)
        ORDER BY number LIMIT ?5)";
    let row = params![recipient, name, not_known, signed(now_ms), room];
    let again = transaction.execute(sql, row)?;
    let sql = "UPDATE lanes SET stopped = NULL WHERE recipient = ?1 AND channel = ?2";
    let started = transaction.execute(sql, params![recipient, name])?;
    // One that failed waits no longer.
    let sql = "UPDATE notices SET next_at = 0
        WHERE recipient = ?1 AND channel = ?2 AND ended_at IS NULL";
    transaction.execute(sql, params![recipient, name])?;
    if again + started > 0 {
        make_due(transaction, recipient, channel, now_ms)?;
    }
    Ok(again)
}

/// What a recipient has open by a channel.
#[derive(Clone, Copy, Default)]
struct Backlog {
    open: u32,
    folded_into: Option<i64>,
}

fn backlog(
    transaction: &Transaction<'_>,
    recipient: &str,
    channel: NoticeChannel,
) -> rusqlite::Result<Backlog> {
    let sql = "SELECT open, folded_into FROM backlogs WHERE recipient = ?1 AND channel = ?2";
    let mut statement = transaction.prepare_cached(sql)?;
    let found = statement.query_row(params![recipient, channel.name()], |row| {
        Ok(Backlog { open: row.get(0)?, folded_into: row.get(1)? })
    });
    Ok(found.optional()?.unwrap_or_default())
}

/// Ends a notice for which there is no room, and counts it in the one that says so.
fn fold(
    transaction: &Transaction<'_>,
    number: i64,
    before: Backlog,
    now_ms: u64,
) -> rusqlite::Result<()> {
    // One that was sent, or tried, keeps its words.
    let sql = "UPDATE notices SET fields = json_set(fields, '$.count',
        CAST(CAST(json_extract(fields, '$.count') AS INTEGER) + 1 AS TEXT))
        WHERE number = ?1 AND ended_at IS NULL AND attempts = 0";
    let counted = transaction.prepare_cached(sql)?.execute([before.folded_into])?;
    let into = match before.folded_into.filter(|_| counted > 0) {
        Some(into) => into,
        None => {
            let sql = "INSERT INTO notices (batch, command, place, recipient, channel, owner,
                others, event, fields, table_version, entry, in_digest, ignores_quiet_hours,
                made_at, since, state, epoch) SELECT batch, command, place + ?2, recipient,
                channel, owner, '', ?3, '{\"count\":\"1\"}', table_version, entry, 0,
                ignores_quiet_hours, made_at, since, 'waiting', epoch
                FROM notices WHERE number = ?1";
            let row = params![number, FOLDED_PLACE, NOTICES_FOLDED];
            transaction.prepare_cached(sql)?.execute(row)?;
            let into = transaction.last_insert_rowid();
            let sql = "UPDATE backlogs SET folded_into = ?2 WHERE (recipient, channel) =
                (SELECT recipient, channel FROM notices WHERE number = ?1)";
            transaction.prepare_cached(sql)?.execute([number, into])?;
            into
        }
    };
    let sql = "UPDATE notices SET state = 'folded', ended_at = ?2, sent_with = ?3, why = ?4
        WHERE number = ?1";
    let why = "too many waited; another notice says how many";
    let row = params![number, signed(now_ms), into, why];
    transaction.prepare_cached(sql)?.execute(row).map(|_| ())
}

/// Makes the lane of a new notice due. Where the recipient has ended the channel, the notice ends
/// the same way, and goes on by its next one. Where too many wait, it is folded.
pub(super) fn queue(
    transaction: &Transaction<'_>,
    number: i64,
    recipient: &str,
    channel: NoticeChannel,
    now_ms: u64,
) -> rusqlite::Result<()> {
    let sql = "SELECT 1 FROM lanes WHERE recipient = ?1 AND channel = ?2 AND stopped = ?3";
    let mut statement = transaction.prepare_cached(sql)?;
    if statement.exists(params![recipient, channel.name(), GONE])? {
        let why = "the recipient has ended this channel";
        return end(transaction, &[number], End { state: NoticeState::Gone, why }, now_ms);
    }
    let backlog = backlog(transaction, recipient, channel)?;
    // It counts itself, and the one that says how many were folded has room of its own.
    let own = u32::from(backlog.folded_into.is_some());
    if backlog.open > BACKLOG_NOTICES_MAX + own {
        return fold(transaction, number, backlog, now_ms);
    }
    make_due(transaction, recipient, channel, now_ms)
}

/// Forgets times of a clock that was ahead: nothing waits for them.
fn forget_later(transaction: &Transaction<'_>, now_ms: u64) -> rusqlite::Result<()> {
    let latest = signed(now_ms.saturating_add(NEXT_ATTEMPT_MS_MAX));
    let now = signed(now_ms);
    transaction.execute("DELETE FROM sends WHERE at > ?1", [now])?;
    // Looked at now, each lane finds again until when it waits.
    transaction.execute("UPDATE lanes SET due_at = ?1 WHERE due_at > ?1", [now])?;
    let sql = "UPDATE notices SET since = min(since, ?1),
        next_at = CASE WHEN next_at > ?2 THEN ?1 ELSE next_at END
        WHERE ended_at IS NULL AND (since > ?1 OR next_at > ?2)";
    transaction.execute(sql, [now, latest]).map(|_| ())
}

/// Stops a lane of which something cannot be read.
pub(super) fn stop_damaged(
    transaction: &Transaction<'_>,
    recipient: &str,
    channel: &str,
) -> rusqlite::Result<()> {
    let sql = "UPDATE lanes SET due_at = NULL, sending = NULL, stopped = ?3
        WHERE recipient = ?1 AND channel = ?2";
    transaction.execute(sql, params![recipient, channel, DAMAGED]).map(|_| ())
}

/// Starts a lane that its recipient had ended.
pub(super) fn begin_again(
    transaction: &Transaction<'_>,
    recipient: Recipient,
    channel: NoticeChannel,
) -> rusqlite::Result<()> {
    let sql = "DELETE FROM lanes WHERE recipient = ?1 AND channel = ?2 AND stopped = ?3";
    transaction.execute(sql, params![recipient.to_string(), channel.name(), GONE]).map(|_| ())
}

fn end_lane(
    transaction: &Transaction<'_>,
    sent: &Sent,
    state: NoticeState,
    why: &str,
    now_ms: u64,
) -> rusqlite::Result<()> {
    let sql = "SELECT number FROM notices
        WHERE recipient = ?1 AND channel = ?2 AND ended_at IS NULL ORDER BY number";
    let mut statement = transaction.prepare_cached(sql)?;
    let lane = params![sent.recipient, sent.channel.name()];
    let rows = statement.query_map(lane, |row| row.get::<_, i64>(0))?;
    let numbers = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    end(transaction, &numbers, End { state, why }, now_ms)
}

fn give_back_consent(transaction: &Transaction<'_>, sent: &Sent) -> rusqlite::Result<()> {
    let sql = "UPDATE consents SET count = count + 1 WHERE recipient = ?1 AND channel = ?2";
    transaction.execute(sql, params![sent.recipient, sent.channel.name()]).map(|_| ())
}

/// Ends the sending of a lane. Its next notice is due, unless the lane stops.
fn release_lane(
    transaction: &Transaction<'_>,
    sent: &Sent,
    stopped: Option<&str>,
    now_ms: u64,
) -> rusqlite::Result<()> {
    let sql = "UPDATE lanes SET sending = NULL, stopped = ?3,
        due_at = CASE WHEN ?3 IS NULL THEN ?4 END WHERE recipient = ?1 AND channel = ?2";
    let lane = params![sent.recipient, sent.channel.name(), stopped, signed(now_ms)];
    transaction.prepare_cached(sql)?.execute(lane).map(|_| ())
}
