//! Signing in with an OpenID provider: only persons to whom an identity of it was linked. Unless
//! the settings trust the provider's second factor, ours is asked for too.

use std::net::IpAddr;

use books::{AccessEvent, PersonId, Timestamp};
use machine::Actor;
use rusqlite::{OptionalExtension, params};
use subtle::ConstantTimeEq;

use crate::attempts;
use crate::error::{AccessError, SignInRefused};
use crate::limits::{LINKED_IDENTITIES_PER_PERSON_MAX, PENDING_SIGN_IN_MS_MAX};
use crate::recording::add_event;
use crate::sessions::SecondFactor;
use crate::store::{AccessStore, NewSession, TOKEN_CHARACTERS_MAX, ms, unsigned};

const PENDING_PREFIX: &str = "dso_";
const PENDING: &str = "pending sign-in";

/// Who a person is for an OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedIdentity {
    pub issuer: String,
    pub subject: String,
}

/// What becomes of the identities of a person whose sign-in is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentitiesAfterReset {
    Keep,
    Remove,
}

/// A sign-in that the provider has proven.
pub enum LinkedSignIn {
    Begun(NewSession),
    /// Our second factor is still to be given, with this token.
    NeedsSecondFactor(String),
}

impl AccessStore {
    /// Links an identity to a person who has a sign-in.
    ///
    /// # Errors
    /// The person has no sign-in that counts; the identity is linked already; the limit is reached.
    pub fn link_identity(
        &self,
        person: PersonId,
        identity: &LinkedIdentity,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let standing = self.standing(Actor::Person(person), now)?;
        let stored = self.sign_in_of(person)?.filter(|one| one.resets == standing.resets);
        if stored.is_none() || standing.grants.is_none_or(|grants| grants.is_empty()) {
            return Err(AccessError::NoSignIn(person));
        }
        let id = person.to_string();
        self.change(|change| {
            let sql = "SELECT count(*) FROM linked_identities WHERE person = ?1";
            let count: u32 = change.query_row(sql, [&id], |row| row.get(0))?;
            if count >= LINKED_IDENTITIES_PER_PERSON_MAX {
                return Ok(Err(AccessError::Full("identities of a person")));
            }
            let sql = "INSERT INTO linked_identities (issuer, subject, person) VALUES (?1, ?2, ?3)
                ON CONFLICT DO NOTHING";
            if change.execute(sql, params![identity.issuer, identity.subject, id])? == 0 {
                return Ok(Err(AccessError::IdentityLinked));
            }
            add_event(change, Some(person), AccessEvent::IdentityLinked)?;
            Ok(Ok(()))
        })?
    }

    /// Takes a linked identity away, and ends the person's sessions. Returns whether it was linked.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn unlink_identity(
        &self,
        person: PersonId,
        identity: &LinkedIdentity,
    ) -> Result<bool, AccessError> {
        let all = self.identities_of(person)?;
        let number = all.iter().find(|(_, one)| one == identity).map(|(number, _)| *number);
        number.map_or(Ok(false), |number| self.unlink_numbered(person, number))
    }

    /// The same by its number in the list of the person's identities.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn unlink_numbered(&self, person: PersonId, number: u64) -> Result<bool, AccessError> {
        let id = person.to_string();
        self.change(|change| {
            let sql = "DELETE FROM linked_identities WHERE number = ?1 AND person = ?2";
            let gone = change.execute(sql, params![ms(number), id])? > 0;
            if gone {
                change.execute("DELETE FROM sessions WHERE person = ?1", [&id])?;
                add_event(change, Some(person), AccessEvent::IdentityUnlinked)?;
            }
            Ok(gone)
        })
    }

    /// The identities of a person, each with its number.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn identities_of(
        &self,
        person: PersonId,
    ) -> Result<Vec<(u64, LinkedIdentity)>, AccessError> {
        let failed = self.failed("read");
        let connection = self.connection();
        let sql = "SELECT number, issuer, subject FROM linked_identities WHERE person = ?1
            ORDER BY number";
        let mut select = connection.prepare(sql).map_err(&failed)?;
        let row = |row: &rusqlite::Row<'_>| {
            let identity = LinkedIdentity { issuer: row.get(1)?, subject: row.get(2)? };
            Ok((unsigned(row.get(0)?), identity))
        };
        let rows = select.query_map([person.to_string()], row).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Signs in whom a provider has proven. `second_factor` says whether the settings trust what
    /// the provider asked for beside the password.
    ///
    /// # Errors
    /// [`SignInRefused::NotLinked`], and those of a sign-in.
    pub fn sign_in_linked(
        &self,
        identity: &LinkedIdentity,
        second_factor: bool,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<LinkedSignIn, SignInRefused> {
        let subjects = [attempts::address_subject(address)];
        self.check_wait(&subjects, now)?;
        let sql = "SELECT person FROM linked_identities WHERE issuer = ?1 AND subject = ?2";
        let key = params![identity.issuer, identity.subject];
        let found = self.connection().query_row(sql, key, |row| row.get::<_, String>(0));
        let found = found.optional().map_err(self.failed("read"))?;
        let person = found.and_then(|person| person.parse::<PersonId>().ok());
        let stored = person.map(|person| self.sign_in_of(person)).transpose()?.flatten();
        let Some(stored) = stored else {
            self.wrong(&subjects, person, now)?;
            return Err(SignInRefused::NotLinked);
        };
        let Some(grants) = self.grants_of(&stored, now)? else {
            self.wrong(&subjects, person, now)?;
            return Err(SignInRefused::NotLinked);
        };
        if second_factor {
            let how = AccessEvent::SignedInByProvider;
            let begun = self.begin_session(&stored, grants, how, address, now)?;
            return Ok(LinkedSignIn::Begun(begun));
        }
        let until = now.plus_ms(PENDING_SIGN_IN_MS_MAX).0;
        let content = format!("{}.{until:x}", stored.person);
        let mac = self.keys()?.challenge_mac(PENDING, content.as_bytes());
        let mac = base16ct::lower::encode_string(&mac);
        Ok(LinkedSignIn::NeedsSecondFactor(format!("{PENDING_PREFIX}{content}.{mac}")))
    }

    /// Gives our second factor for a sign-in that a provider has proven.
    ///
    /// # Errors
    /// [`SignInRefused`]: wrong codes count as wrong attempts of the person.
    pub fn complete_linked(
        &self,
        pending: &str,
        factor: SecondFactor<'_>,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<NewSession, SignInRefused> {
        let person = self.pending_person(pending, now)?.ok_or(SignInRefused::Wrong)?;
        let subjects = [attempts::step_up_subject(person), attempts::address_subject(address)];
        self.check_wait(&subjects, now)?;
        let stored = self.sign_in_of(person)?.ok_or(SignInRefused::Wrong)?;
        let Some(grants) = self.proven(&stored, factor, now)? else {
            return Err(self.wrong(&subjects, Some(person), now)?);
        };
        self.change(|change| attempts::forget(change, &subjects[0]))?;
        let how = AccessEvent::SignedInByProvider;
        Ok(self.begin_session(&stored, grants, how, address, now)?)
    }

    fn pending_person(
        &self,
        pending: &str,
        now: Timestamp,
    ) -> Result<Option<PersonId>, AccessError> {
        let rest = pending.strip_prefix(PENDING_PREFIX);
        let rest = rest.filter(|_| pending.len() <= TOKEN_CHARACTERS_MAX);
        let Some((content, mac)) = rest.and_then(|rest| rest.rsplit_once('.')) else {
            return Ok(None);
        };
        let expected = self.keys()?.challenge_mac(PENDING, content.as_bytes());
        let expected = base16ct::lower::encode_string(&expected);
        let same: bool = expected.as_bytes().ct_eq(mac.as_bytes()).into();
        let person = content.split_once('.').filter(|_| same).and_then(|(person, until)| {
            let until = u64::from_str_radix(until, 16).ok()?;
            (now.0 < until).then_some(person.parse().ok()?)
        });
        Ok(person)
    }
}
