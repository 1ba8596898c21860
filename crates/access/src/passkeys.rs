//! The passkeys of persons: each is a second factor, and signs in without a password too, because
//! the authenticator has verified the person.
//!
//! A challenge is not kept: it has a MAC and the time until which it is good. What is kept is which
//! challenges were answered, so that each is answered once.

use base64ct::{Base64UrlUnpadded, Encoding};
use books::{AccessEvent, PersonId, Timestamp};
use machine::Actor;
use rusqlite::{OptionalExtension, Transaction, params};
use subtle::ConstantTimeEq;

use crate::error::{AccessError, PasskeyRefused};
use crate::limits::{CHALLENGE_MS_MAX, PASSKEY_NAME_CHARACTERS_MAX, PASSKEYS_PER_PERSON_MAX};
use crate::principal::{Assurance, Principal};
use crate::recording::add_event;
use crate::secrets::{self, Hash};
use crate::store::{AccessStore, ms, unsigned};
use crate::webauthn::{self, Ceremony, PasskeyFault, PublicPoint, RelyingParty};

const RANDOM_BYTES: usize = 16;
const UNTIL_BYTES: usize = 8;

/// What a browser sends of a new passkey, decoded.
#[derive(Clone, Copy)]
pub struct NewPasskey<'a> {
    pub relying_party: &'a RelyingParty,
    /// What the person calls it.
    pub name: &'a str,
    pub client_data: &'a [u8],
    pub authenticator_data: &'a [u8],
}

/// What a browser sends of a passkey's use, decoded.
#[derive(Clone, Copy)]
pub struct PasskeyAssertion<'a> {
    pub relying_party: &'a RelyingParty,
    pub id: &'a [u8],
    pub client_data: &'a [u8],
    pub authenticator_data: &'a [u8],
    pub signature: &'a [u8],
}

/// What a browser needs to make a passkey.
pub struct PasskeyRequest {
    /// In base64url, as all bytes here.
    pub challenge: String,
    /// Names the person for the authenticator: not the name with which they sign in.
    pub user: String,
    /// With which they sign in, for the list that the authenticator shows them.
    pub name: String,
    /// The passkeys that they have.
    pub others: Vec<String>,
}

/// A person's passkey, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyView {
    pub number: u64,
    pub name: String,
    pub made_at: Timestamp,
    pub used_at: Option<Timestamp>,
    /// A copy of it was used too: it does not count any more.
    pub is_suspect: bool,
}

struct StoredPasskey {
    number: i64,
    person: PersonId,
    point: PublicPoint,
    sign_count: u32,
    backup_eligible: bool,
}

/// A passkey's use that was checked, and is not noted yet.
pub(crate) struct PasskeyProof {
    pub person: PersonId,
    number: i64,
    sign_count: u32,
    challenge: Challenge,
}

struct Challenge {
    hash: Hash,
    until: u64,
}

fn creation(person: PersonId) -> String {
    format!("passkey creation {person}")
}

const USE: &str = "passkey use";

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Notes that a challenge was answered. Returns whether that is the first time.
fn note_answered(
    change: &Transaction<'_>,
    challenge: &Challenge,
    now: Timestamp,
) -> Result<bool, rusqlite::Error> {
    change.execute("DELETE FROM answered_challenges WHERE until <= ?1", [ms(now.0)])?;
    let sql =
        "INSERT INTO answered_challenges (hash, until) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    Ok(change.execute(sql, params![challenge.hash, ms(challenge.until)])? > 0)
}

/// Notes the use of a passkey. Returns whether it counts: the challenge is new, and no other use
/// came between.
pub(crate) fn note_used(
    change: &Transaction<'_>,
    proof: &PasskeyProof,
    now: Timestamp,
) -> Result<bool, rusqlite::Error> {
    let sql = "UPDATE passkeys SET sign_count = ?2, used = ?3 WHERE number = ?1 AND suspect = 0
        AND (sign_count < ?2 OR sign_count = 0 AND ?2 = 0)";
    let first = note_answered(change, &proof.challenge, now)?;
    Ok(first && change.execute(sql, params![proof.number, proof.sign_count, ms(now.0)])? > 0)
}

impl AccessStore {
    fn challenge(&self, purpose: &str, now: Timestamp) -> Result<String, AccessError> {
        let mut bytes = secrets::random::<RANDOM_BYTES>()?.to_vec();
        bytes.extend_from_slice(&now.plus_ms(CHALLENGE_MS_MAX).0.to_be_bytes());
        bytes.extend_from_slice(&self.keys()?.challenge_mac(purpose, &bytes));
        Ok(encode(&bytes))
    }

    fn check_challenge(
        &self,
        challenge: &[u8],
        purpose: &str,
        now: Timestamp,
    ) -> Result<Option<Challenge>, AccessError> {
        let Some((content, mac)) = challenge.split_at_checked(RANDOM_BYTES + UNTIL_BYTES) else {
            return Ok(None);
        };
        let same: bool = self.keys()?.challenge_mac(purpose, content).ct_eq(mac).into();
        let until = content[RANDOM_BYTES..].try_into().map_or(0, u64::from_be_bytes);
        let hash = secrets::hash_of_bytes(challenge);
        Ok((same && now.0 < until).then_some(Challenge { hash, until }))
    }

    /// A challenge for any passkey. The answer does not depend on who asks.
    ///
    /// # Errors
    /// Without the vault's key.
    pub fn passkey_challenge(&self, now: Timestamp) -> Result<String, AccessError> {
        self.challenge(USE, now)
    }

    /// What a browser needs to make a passkey for a person who gave the second factor a moment ago.
    ///
    /// # Errors
    /// [`PasskeyRefused`].
    pub fn begin_passkey(
        &self,
        principal: &Principal,
        now: Timestamp,
    ) -> Result<PasskeyRequest, PasskeyRefused> {
        let person = stepped_up(principal)?;
        let user = self.keys()?.challenge_mac("passkey user", person.to_string().as_bytes());
        let failed = self.failed("read");
        let connection = self.connection();
        let name = "SELECT name FROM sign_ins WHERE person = ?1";
        let name = connection.query_row(name, [person.to_string()], |row| row.get(0));
        let name: String = name.map_err(&failed)?;
        let sql = "SELECT id FROM passkeys WHERE person = ?1 ORDER BY number";
        let mut select = connection.prepare(sql).map_err(&failed)?;
        let rows = select.query_map([person.to_string()], |row| row.get::<_, Vec<u8>>(0));
        let others: Result<Vec<String>, _> =
            rows.map_err(&failed)?.map(|id| id.map(|id| encode(&id))).collect();
        let others = others.map_err(&failed)?;
        let challenge = self.challenge(&creation(person), now)?;
        Ok(PasskeyRequest { challenge, user: encode(&user), name, others })
    }

    /// Registers a passkey of a person who gave the second factor a moment ago. Returns its number.
    ///
    /// # Errors
    /// [`PasskeyRefused`].
    pub fn add_passkey(
        &self,
        principal: &Principal,
        new: &NewPasskey<'_>,
        now: Timestamp,
    ) -> Result<u64, PasskeyRefused> {
        let person = stepped_up(principal)?;
        let name = new.name.trim();
        let length = name.chars().count();
        if !(1..=PASSKEY_NAME_CHARACTERS_MAX).contains(&length) || name.contains(char::is_control) {
            return Err(PasskeyFault::Name.into());
        }
        let of = new.relying_party;
        let challenge = webauthn::challenge_of(new.client_data, Ceremony::Create, of)?;
        let challenge = self.check_challenge(&challenge, &creation(person), now)?;
        let challenge = challenge.ok_or(PasskeyFault::Challenge)?;
        let made = webauthn::made(new.authenticator_data, of)?;
        let id = person.to_string();
        let added = self.change(|change| {
            if !note_answered(change, &challenge, now)? {
                return Ok(Err(PasskeyFault::Challenge));
            }
            let count = "SELECT count(*) FROM passkeys WHERE person = ?1";
            let count: u32 = change.query_row(count, [&id], |row| row.get(0))?;
            if count >= PASSKEYS_PER_PERSON_MAX {
                return Ok(Err(PasskeyFault::TooMany));
            }
            let sql = "INSERT INTO passkeys (id, person, name, point, sign_count, backup_eligible,
                made) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
            let webauthn::PasskeyUse { sign_count, backup_eligible } = made.first_use;
            let row =
                params![made.id, id, name, made.point, sign_count, backup_eligible, ms(now.0)];
            if change.execute(sql, row)? == 0 {
                return Ok(Err(PasskeyFault::Taken));
            }
            let number = unsigned(change.last_insert_rowid());
            add_event(change, Some(person), AccessEvent::PasskeyAdded)?;
            Ok(Ok(number))
        })?;
        Ok(added?)
    }

    /// A person's passkeys.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn passkeys_of(&self, person: PersonId) -> Result<Vec<PasskeyView>, AccessError> {
        let failed = self.failed("read");
        let connection = self.connection();
        let sql = "SELECT number, name, made, used, suspect FROM passkeys WHERE person = ?1
            ORDER BY number";
        let mut select = connection.prepare(sql).map_err(&failed)?;
        let row = |row: &rusqlite::Row<'_>| {
            Ok(PasskeyView {
                number: unsigned(row.get(0)?),
                name: row.get(1)?,
                made_at: Timestamp(unsigned(row.get(2)?)),
                used_at: row.get::<_, Option<i64>>(3)?.map(|used| Timestamp(unsigned(used))),
                is_suspect: row.get(4)?,
            })
        };
        let rows = select.query_map([person.to_string()], row).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Removes one of a person's passkeys. Returns whether there was one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remove_passkey(&self, person: PersonId, number: u64) -> Result<bool, AccessError> {
        self.change(|change| {
            let sql = "DELETE FROM passkeys WHERE person = ?1 AND number = ?2";
            let removed = change.execute(sql, params![person.to_string(), ms(number)])? > 0;
            if removed {
                add_event(change, Some(person), AccessEvent::PasskeyRemoved)?;
            }
            Ok(removed)
        })
    }

    /// Checks a passkey's use. One whose count does not rise was copied: it counts no more.
    pub(crate) fn proof_of_passkey(
        &self,
        given: &PasskeyAssertion<'_>,
        now: Timestamp,
    ) -> Result<Option<PasskeyProof>, AccessError> {
        let of = given.relying_party;
        let Some(stored) = self.stored_passkey(given.id)? else { return Ok(None) };
        let challenge = webauthn::challenge_of(given.client_data, Ceremony::Get, of);
        let Ok(challenge) = challenge else { return Ok(None) };
        let Some(challenge) = self.check_challenge(&challenge, USE, now)? else { return Ok(None) };
        let (data, client, signature) =
            (given.authenticator_data, given.client_data, given.signature);
        let Ok(used) = webauthn::used(data, client, signature, &stored.point, of) else {
            return Ok(None);
        };
        if used.backup_eligible != stored.backup_eligible {
            return Ok(None);
        }
        let counts = used.sign_count > 0 || stored.sign_count > 0;
        if counts && used.sign_count <= stored.sign_count {
            self.change(|change| {
                // The same answer once more is no copy.
                if note_answered(change, &challenge, now)? {
                    let sql = "UPDATE passkeys SET suspect = 1 WHERE number = ?1";
                    change.execute(sql, [stored.number])?;
                    add_event(change, Some(stored.person), AccessEvent::PasskeySuspected)?;
                }
                Ok(())
            })?;
            return Ok(None);
        }
        let StoredPasskey { number, person, .. } = stored;
        Ok(Some(PasskeyProof { person, number, sign_count: used.sign_count, challenge }))
    }

    fn stored_passkey(&self, id: &[u8]) -> Result<Option<StoredPasskey>, AccessError> {
        let sql = "SELECT number, person, point, sign_count, backup_eligible FROM passkeys
            WHERE id = ?1 AND suspect = 0";
        let row = |row: &rusqlite::Row<'_>| {
            let person: String = row.get(1)?;
            Ok(person.parse().ok().zip(row.get::<_, Vec<u8>>(2)?.try_into().ok()).map(
                |(person, point)| {
                    Ok::<_, rusqlite::Error>(StoredPasskey {
                        number: row.get(0)?,
                        person,
                        point,
                        sign_count: row.get(3)?,
                        backup_eligible: row.get(4)?,
                    })
                },
            ))
        };
        let found = self.connection().query_row(sql, [id], row).optional();
        let found = found.and_then(|found| found.flatten().transpose());
        found.map_err(self.failed("read"))
    }
}

/// The person, if the second factor was given a moment ago.
fn stepped_up(principal: &Principal) -> Result<PersonId, PasskeyRefused> {
    match (principal.actor, principal.assurance) {
        (Actor::Person(person), Assurance::SteppedUp) => Ok(person),
        _ => Err(PasskeyRefused::NotSteppedUp),
    }
}
