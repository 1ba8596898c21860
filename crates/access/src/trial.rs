//! Sign-ins of trial books that a demonstration makes and shows. Real books refuse all of it.

use std::net::IpAddr;

use books::{AccessEvent, PersonId, Timestamp};
use machine::Actor;
use rusqlite::params;
use zeroize::Zeroizing;

use crate::error::AccessError;
use crate::limits::SALT_BYTES;
use crate::recording::add_event;
use crate::secrets::{self, hash_of};
use crate::store::{AccessStore, NewSession, ms};

impl AccessStore {
    /// Ends all sessions and forgets all sign-ins, so that they can be made anew.
    ///
    /// # Errors
    /// [`AccessError::NotATrial`]; the file cannot be written.
    pub fn forget_trial_sign_ins(&self, any: PersonId, now: Timestamp) -> Result<(), AccessError> {
        self.require_trial(any, now)?;
        self.change(|change| {
            change.execute("DELETE FROM sessions", [])?;
            change.execute("DELETE FROM attempts", [])?;
            change.execute("DELETE FROM passkeys", [])?;
            change.execute("DELETE FROM linked_identities", [])?;
            change.execute("DELETE FROM sign_ins", []).map(|_| ())
        })
    }

    /// Makes the sign-in of a person who has a grant, with its password. Returns the second factor
    /// for an app, in base32.
    ///
    /// # Errors
    /// [`AccessError::NotATrial`], and those of [`AccessStore::add_sign_in`].
    pub fn add_trial_sign_in(
        &self,
        person: PersonId,
        name: &str,
        password: &str,
        now: Timestamp,
    ) -> Result<Zeroizing<String>, AccessError> {
        self.require_trial(person, now)?;
        let new = self.add_sign_in(person, name, None, now)?;
        let salt = *secrets::random::<SALT_BYTES>()?;
        let hash = secrets::password_hash(password, &salt);
        self.change(|change| {
            let sql = "UPDATE sign_ins SET salt = ?2, password = ?3, setting_hash = NULL,
                setting_until = NULL WHERE person = ?1";
            change.execute(sql, params![person.to_string(), salt, *hash])?;
            add_event(change, Some(person), AccessEvent::PasswordSet)
        })?;
        Ok(new.factor)
    }

    /// Begins a session of a person who has a sign-in, without a password. `is_sure` counts as if
    /// the second factor was given a moment ago.
    ///
    /// # Errors
    /// [`AccessError::NotATrial`]; [`AccessError::NoGrant`] without a grant or a sign-in.
    pub fn begin_trial_session(
        &self,
        person: PersonId,
        address: IpAddr,
        is_sure: bool,
        now: Timestamp,
    ) -> Result<NewSession, AccessError> {
        self.require_trial(person, now)?;
        let standing = self.standing(Actor::Person(person), now)?;
        let stored = self.sign_in_of(person)?.filter(|one| one.resets == standing.resets);
        let grants = standing.grants.filter(|grants| !grants.is_empty());
        let (Some(stored), Some(grants)) = (stored, grants) else {
            return Err(AccessError::NoGrant(person));
        };
        let begun = self.begin_session(&stored, grants, AccessEvent::SignedIn, address, now)?;
        if is_sure {
            self.change(|change| {
                let sql = "UPDATE sessions SET stepped_up = ?2 WHERE hash = ?1";
                change.execute(sql, params![hash_of(&begun.token), ms(now.0)])
            })?;
        }
        Ok(begun)
    }

    fn require_trial(&self, person: PersonId, now: Timestamp) -> Result<(), AccessError> {
        match self.standing(Actor::Person(person), now)?.trial {
            true => Ok(()),
            false => Err(AccessError::NotATrial),
        }
    }
}
