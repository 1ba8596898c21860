//! Wrong attempts, and the waits that grow with them: for each name, whether it exists or not, and
//! for each address.

use std::net::IpAddr;

use books::{PersonId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::limits::{
    ATTEMPT_ROWS_MAX, ATTEMPTS_KEPT_MS, FIRST_WAIT_MS, FREE_ATTEMPTS_MAX,
    FREE_ATTEMPTS_PER_ADDRESS_MAX, WAIT_MS_MAX,
};
use crate::secrets::{Hash, hash_of};

/// A name, an address or a person whose wrong attempts are counted.
pub struct Attempt {
    /// Of the name or address: all have the same length.
    subject: Hash,
    free: u32,
}

/// The name first, then the address.
pub fn subjects(name: &str, address: IpAddr) -> [Attempt; 2] {
    let name = hash_of(&format!("name {}", name.to_ascii_lowercase()));
    [Attempt { subject: name, free: FREE_ATTEMPTS_MAX }, address_subject(address)]
}

/// Of attempts that give no name.
pub fn address_subject(address: IpAddr) -> Attempt {
    let subject = hash_of(&format!("address {address}"));
    Attempt { subject, free: FREE_ATTEMPTS_PER_ADDRESS_MAX }
}

/// Codes given in a session count apart: an attacker without the password cannot lock them.
pub fn step_up_subject(person: PersonId) -> Attempt {
    Attempt { subject: hash_of(&format!("step-up {person}")), free: FREE_ATTEMPTS_MAX }
}

/// Until when attempts are refused, in milliseconds. 0 if there is no wait.
pub fn wait_until(connection: &Connection, of: &Attempt) -> Result<u64, rusqlite::Error> {
    let sql = "SELECT wait_until FROM attempts WHERE subject = ?1";
    let until = connection.query_row(sql, [of.subject], |row| row.get::<_, i64>(0)).optional()?;
    Ok(until.and_then(|until| u64::try_from(until).ok()).unwrap_or(0))
}

/// Notes a wrong attempt. Returns whether the first wait begins with it.
pub fn note_wrong(
    change: &Transaction<'_>,
    of: &Attempt,
    now: Timestamp,
) -> Result<bool, rusqlite::Error> {
    let now_ms = i64::try_from(now.0).unwrap_or(i64::MAX);
    let kept = i64::try_from(ATTEMPTS_KEPT_MS).unwrap_or(i64::MAX);
    change.execute("DELETE FROM attempts WHERE last <= ?1", [now_ms.saturating_sub(kept)])?;
    let sql = "SELECT wrong FROM attempts WHERE subject = ?1";
    let before = change.query_row(sql, [of.subject], |row| row.get::<_, u32>(0)).optional()?;
    if before.is_none() {
        let rows: u32 = change.query_row("SELECT count(*) FROM attempts", [], |row| row.get(0))?;
        if rows >= ATTEMPT_ROWS_MAX {
            let oldest = "DELETE FROM attempts WHERE subject = (SELECT subject FROM attempts
                ORDER BY wait_until, last LIMIT 1)";
            change.execute(oldest, [])?;
        }
    }
    let wrong = before.unwrap_or(0).saturating_add(1);
    let beyond = wrong.checked_sub(of.free);
    let wait = match beyond {
        None => 0,
        Some(more) => FIRST_WAIT_MS.saturating_mul(1 << more.min(20)).min(WAIT_MS_MAX),
    };
    let until = if wait == 0 { 0 } else { now.0.saturating_add(wait) };
    let until = i64::try_from(until).unwrap_or(i64::MAX);
    let sql = "INSERT INTO attempts (subject, wrong, last, wait_until) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET wrong = ?2, last = ?3, wait_until = ?4";
    change.execute(sql, params![of.subject, wrong, now_ms, until])?;
    Ok(beyond == Some(0))
}

pub fn forget(change: &Transaction<'_>, of: &Attempt) -> Result<(), rusqlite::Error> {
    change.execute("DELETE FROM attempts WHERE subject = ?1", [of.subject]).map(|_| ())
}
