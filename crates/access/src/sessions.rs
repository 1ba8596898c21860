//! Signing in, and the sessions that begin with it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use books::{AccessEvent, PersonId, Timestamp};
use machine::Actor;
use node::SystemClock;
use rusqlite::{OptionalExtension, params};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::attempts::{self, Attempt};
use crate::error::{AccessDenied, AccessError, SignInRefused};
use crate::limits::*;
use crate::passkeys::{self, PasskeyAssertion};
use crate::passwords;
use crate::principal::{AccessGrant, Assurance, Principal};
use crate::recording::add_event;
use crate::secrets::{self, hash_of};
use crate::store::{
    AccessStore, NewSession, SessionView, SignIn, StoredSignIn, csrf_of, ms, unsigned,
};

const SESSION_PREFIX: &str = "dss_";
/// A use of a session is noted when the one noted before is this old.
const USE_NOTED_MS: u64 = 60 * 1000;

/// A session as it is stored.
struct StoredSession {
    number: i64,
    person: PersonId,
    resets: u32,
    begun: u64,
    used: u64,
    second_factor: bool,
    stepped_up: Option<u64>,
    address: String,
}

/// One password is hashed.
struct Hashing<'s>(&'s AtomicUsize);

impl Drop for Hashing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The second factor that somebody gives.
#[derive(Clone, Copy)]
pub enum SecondFactor<'a> {
    None,
    /// Six digits that an app shows.
    Code(&'a str),
    Passkey(PasskeyAssertion<'a>),
}

const SESSION: &str = "SELECT number, person, resets, begun, used, second_factor, stepped_up,
    address FROM sessions";

fn session_row(row: &rusqlite::Row<'_>) -> Result<Option<StoredSession>, rusqlite::Error> {
    let person: String = row.get(1)?;
    let Ok(person) = person.parse() else { return Ok(None) };
    Ok(Some(StoredSession {
        number: row.get(0)?,
        person,
        resets: row.get(2)?,
        begun: unsigned(row.get(3)?),
        used: unsigned(row.get(4)?),
        second_factor: row.get(5)?,
        stepped_up: row.get::<_, Option<i64>>(6)?.map(unsigned),
        address: row.get(7)?,
    }))
}

/// Whether a session has neither been idle nor lived too long.
fn is_open(session: &StoredSession, now: Timestamp) -> bool {
    let idle = now.0.saturating_sub(session.used);
    let age = now.0.saturating_sub(session.begun);
    idle < SESSION_IDLE_MS_MAX + USE_NOTED_MS && age < SESSION_AGE_MS_MAX
}

impl AccessStore {
    /// Sets the first password, with the secret that a new sign-in has and a code of its second
    /// factor. The person is signed in.
    ///
    /// # Errors
    /// [`SignInRefused`]: with the same words for a wrong secret, name and code.
    pub fn set_password(
        &self,
        secret: &str,
        sign_in: &SignIn<'_>,
        now: Timestamp,
    ) -> Result<NewSession, SignInRefused> {
        let subjects = attempts::subjects(sign_in.name, sign_in.address);
        self.check_wait(&subjects, now)?;
        passwords::check(sign_in.password, sign_in.name)?;
        let _hashing = self.begin_hashing()?;
        let salt = *secrets::random::<SALT_BYTES>()?;
        let hash = secrets::password_hash(sign_in.password, &salt);
        let stored = self.sign_in_named(sign_in.name)?;
        let known = stored.as_ref().map(|stored| stored.person);
        let stored = stored.filter(|stored| {
            let setting = stored.setting.as_ref();
            setting.is_some_and(|(kept, until)| {
                let same: bool = kept.as_slice().ct_eq(&hash_of(secret)).into();
                same && now.0 < *until
            })
        });
        let Some(stored) = stored else { return Err(self.wrong(&subjects, known, now)?) };
        let step = match sign_in.factor {
            SecondFactor::Code(code) => self.step_of(&stored, code, now)?,
            _ => None,
        };
        let (Some(grants), Some(step)) = (self.grants_of(&stored, now)?, step) else {
            return Err(self.wrong(&subjects, known, now)?);
        };
        let set = self.change(|change| {
            let sql = "UPDATE sign_ins SET salt = ?2, password = ?3, setting_hash = NULL,
                setting_until = NULL, last_step = ?4
                WHERE person = ?1 AND last_step < ?4 AND setting_hash IS NOT NULL";
            let row = params![stored.person.to_string(), salt, *hash, ms(step)];
            let set = change.execute(sql, row)?;
            if set > 0 {
                add_event(change, Some(stored.person), AccessEvent::PasswordSet)?;
            }
            Ok(set)
        })?;
        if set == 0 {
            return Err(self.wrong(&subjects, known, now)?);
        }
        let how = AccessEvent::SignedIn;
        Ok(self.begin_session(&stored, grants, how, sign_in.address, now)?)
    }

    /// Signs a person in. Takes as long, and says the same, for a name that does not exist.
    ///
    /// # Errors
    /// [`SignInRefused`].
    pub fn sign_in(
        &self,
        sign_in: &SignIn<'_>,
        now: Timestamp,
    ) -> Result<NewSession, SignInRefused> {
        let subjects = attempts::subjects(sign_in.name, sign_in.address);
        self.check_wait(&subjects, now)?;
        let _hashing = self.begin_hashing()?;
        let stored = self.sign_in_named(sign_in.name)?;
        let password = stored.as_ref().and_then(|stored| stored.password);
        let (salt, kept) = password.unwrap_or(([0; SALT_BYTES], [0; PASSWORD_HASH_BYTES]));
        // A longer text is hashed up to the limit, so that it takes no longer.
        let given: String = sign_in.password.chars().take(PASSWORD_CHARACTERS_MAX).collect();
        let given = Zeroizing::new(given);
        let hash = secrets::password_hash(&given, &salt);
        let same: bool = hash.ct_eq(&kept).into();
        let right = same && password.is_some() && passwords::has_right_length(sign_in.password);
        let known = stored.as_ref().map(|stored| stored.person);
        let Some(stored) = stored.filter(|_| right) else {
            return Err(self.wrong(&subjects, known, now)?);
        };
        let Some(grants) = self.proven(&stored, sign_in.factor, now)? else {
            return Err(self.wrong(&subjects, known, now)?);
        };
        self.change(|change| attempts::forget(change, &subjects[0]))?;
        let how = match sign_in.factor {
            SecondFactor::Passkey(_) => AccessEvent::SignedInByPasskey,
            _ => AccessEvent::SignedIn,
        };
        Ok(self.begin_session(&stored, grants, how, sign_in.address, now)?)
    }

    /// Signs a person in by a passkey alone. The authenticator has verified the person: these are
    /// two factors.
    ///
    /// # Errors
    /// [`SignInRefused`].
    pub fn sign_in_with_passkey(
        &self,
        given: &PasskeyAssertion<'_>,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<NewSession, SignInRefused> {
        let subjects = [attempts::address_subject(address)];
        self.check_wait(&subjects, now)?;
        let proof = self.proof_of_passkey(given, now)?;
        let known = proof.as_ref().map(|proof| proof.person);
        let stored = known.map(|person| self.sign_in_of(person)).transpose()?.flatten();
        let (Some(proof), Some(stored)) = (proof, stored) else {
            return Err(self.wrong(&subjects, known, now)?);
        };
        let grants = self.grants_of(&stored, now)?;
        let used = self.change(|change| passkeys::note_used(change, &proof, now))?;
        let Some(grants) = grants.filter(|_| used) else {
            return Err(self.wrong(&subjects, known, now)?);
        };
        let how = AccessEvent::SignedInByPasskey;
        Ok(self.begin_session(&stored, grants, how, address, now)?)
    }

    /// Changes the password, in a session whose second factor was given a moment ago. All other
    /// sessions of the person end.
    ///
    /// # Errors
    /// [`SignInRefused`]: a wrong password counts as a wrong attempt of the person.
    pub fn change_password(
        &self,
        token: &str,
        current: &str,
        new: &str,
        now: Timestamp,
    ) -> Result<(), SignInRefused> {
        let session = self.stored_session(token, now)?.ok_or(SignInRefused::Wrong)?;
        let person = session.person;
        let subjects = [attempts::step_up_subject(person)];
        self.check_wait(&subjects, now)?;
        let (id, known) = (person.to_string(), Some(person));
        let name = "SELECT name FROM sign_ins WHERE person = ?1";
        let name = self.connection().query_row(name, [&id], |row| row.get::<_, String>(0));
        passwords::check(new, &name.map_err(self.failed("read"))?)?;
        let _hashing = self.begin_hashing()?;
        let stored = self.sign_in_of(person)?;
        let password = stored.and_then(|stored| stored.password);
        let (salt, kept) = password.ok_or(SignInRefused::Wrong)?;
        let right = passwords::has_right_length(current)
            && bool::from(secrets::password_hash(current, &salt).ct_eq(&kept));
        if !right {
            return Err(self.wrong(&subjects, known, now)?);
        }
        let salt = *secrets::random::<SALT_BYTES>()?;
        let hash = secrets::password_hash(new, &salt);
        self.change(|change| {
            attempts::forget(change, &subjects[0])?;
            let sql = "UPDATE sign_ins SET salt = ?2, password = ?3 WHERE person = ?1";
            change.execute(sql, params![id, salt, *hash])?;
            let others = "DELETE FROM sessions WHERE person = ?1 AND number <> ?2";
            change.execute(others, params![id, session.number])?;
            add_event(change, known, AccessEvent::PasswordChanged)
        })?;
        Ok(())
    }

    /// The principal of a session. Counts as a use of the session. The session of a removed person
    /// ends at once.
    ///
    /// # Errors
    /// [`AccessDenied::Unknown`].
    pub fn session(&self, token: &str, now: Timestamp) -> Result<Principal, AccessDenied> {
        let Some(stored) = self.stored_session(token, now)? else {
            self.known.forget_session(&hash_of(token));
            return Err(AccessDenied::Unknown);
        };
        let standing = self.standing(Actor::Person(stored.person), now)?;
        let grants = standing.grants.filter(|grants| !grants.is_empty());
        let Some(grants) = grants.filter(|_| stored.resets == standing.resets) else {
            self.change(|change| {
                add_event(change, Some(stored.person), AccessEvent::SessionEnded)?;
                change.execute("DELETE FROM sessions WHERE number = ?1", [stored.number])
            })?;
            return Err(AccessDenied::Unknown);
        };
        if now.0.saturating_sub(stored.used) >= USE_NOTED_MS {
            let sql = "UPDATE sessions SET used = ?2 WHERE number = ?1";
            self.change(|change| change.execute(sql, params![stored.number, ms(now.0)]))?;
        }
        self.known.add_session(hash_of(token));
        let stepped_up =
            stored.stepped_up.is_some_and(|at| now.0.saturating_sub(at) < STEP_UP_MS_MAX);
        let assurance = match (stepped_up, stored.second_factor) {
            (true, _) => Assurance::SteppedUp,
            (false, true) => Assurance::SecondFactor,
            (false, false) => Assurance::Password,
        };
        Ok(Principal { actor: Actor::Person(stored.person), grants, assurance })
    }

    /// Gives the second factor again. The session gets another token.
    ///
    /// # Errors
    /// [`SignInRefused`]: wrong codes count as wrong attempts of the person.
    pub fn step_up(
        &self,
        token: &str,
        factor: SecondFactor<'_>,
        now: Timestamp,
    ) -> Result<NewSession, SignInRefused> {
        let session = self.stored_session(token, now)?.ok_or(SignInRefused::Wrong)?;
        let subjects = [attempts::step_up_subject(session.person)];
        self.check_wait(&subjects, now)?;
        let (person, known) = (session.person, Some(session.person));
        let stored = self.sign_in_of(person)?.filter(|stored| stored.resets == session.resets);
        let stored = stored.ok_or(SignInRefused::Wrong)?;
        let Some(grants) = self.proven(&stored, factor, now)? else {
            return Err(self.wrong(&subjects, known, now)?);
        };
        let token = secrets::new_token(SESSION_PREFIX)?;
        self.change(|change| {
            attempts::forget(change, &subjects[0])?;
            add_event(change, known, AccessEvent::SteppedUp)?;
            let sql = "UPDATE sessions SET hash = ?2, used = ?3, stepped_up = ?3,
                second_factor = 1 WHERE number = ?1";
            change.execute(sql, params![session.number, hash_of(&token), ms(now.0)])
        })?;
        self.known.add_session(hash_of(&token));
        let assurance = Assurance::SteppedUp;
        let principal = Principal { actor: Actor::Person(person), grants, assurance };
        let until = Timestamp(session.begun).plus_ms(SESSION_AGE_MS_MAX);
        Ok(NewSession { csrf: csrf_of(&token), token, principal, until })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn sign_out(&self, token: &str) -> Result<(), AccessError> {
        self.change(|change| {
            let sql = "DELETE FROM sessions WHERE hash = ?1 RETURNING person";
            let ended = change.query_row(sql, [hash_of(token)], |row| row.get::<_, String>(0));
            match ended.optional()? {
                Some(person) => add_event(change, person.parse().ok(), AccessEvent::SignedOut),
                None => Ok(()),
            }
        })
    }

    /// The sessions of a person that have not ended.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn sessions_of(
        &self,
        person: PersonId,
        now: Timestamp,
    ) -> Result<Vec<SessionView>, AccessError> {
        let failed = self.failed("read");
        let connection = self.connection();
        let sql = format!("{SESSION} WHERE person = ?1 ORDER BY number");
        let mut select = connection.prepare(&sql).map_err(&failed)?;
        let rows = select.query_map([person.to_string()], session_row).map_err(&failed)?;
        let rows: Vec<_> = rows.collect::<Result<_, _>>().map_err(&failed)?;
        let open = rows.into_iter().flatten().filter(|one| is_open(one, now));
        Ok(open
            .map(|one| SessionView {
                number: unsigned(one.number),
                person: one.person,
                begun_at: Timestamp(one.begun),
                used_at: Timestamp(one.used),
                address: one.address,
            })
            .collect())
    }

    /// How many sessions of each person are open, and when the latest was used.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open_sessions(
        &self,
        now: Timestamp,
    ) -> Result<BTreeMap<PersonId, (u32, Timestamp)>, AccessError> {
        let failed = self.failed("read");
        let connection = self.connection();
        let mut select = connection.prepare(SESSION).map_err(&failed)?;
        let rows = select.query_map([], session_row).map_err(&failed)?;
        let rows: Vec<_> = rows.collect::<Result<_, _>>().map_err(&failed)?;
        let mut open = BTreeMap::new();
        for one in rows.into_iter().flatten().filter(|one| is_open(one, now)) {
            let (count, used) = open.entry(one.person).or_insert((0, Timestamp(0)));
            *count += 1;
            *used = Timestamp(one.used).max(*used);
        }
        Ok(open)
    }

    /// Ends one of a person's sessions. Returns whether there was one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn end_session(&self, person: PersonId, number: u64) -> Result<bool, AccessError> {
        self.change(|change| {
            let sql = "DELETE FROM sessions WHERE person = ?1 AND number = ?2";
            let ended = change.execute(sql, params![person.to_string(), ms(number)])?;
            if ended > 0 {
                add_event(change, Some(person), AccessEvent::SessionEnded)?;
            }
            Ok(ended > 0)
        })
    }

    fn begin_hashing(&self) -> Result<Hashing<'_>, SignInRefused> {
        let hashing = Hashing(&self.hashing);
        match self.hashing.fetch_add(1, Ordering::AcqRel) {
            before if before < HASHES_AT_ONCE_MAX => Ok(hashing),
            _ => Err(SignInRefused::Busy),
        }
    }

    pub(crate) fn check_wait(
        &self,
        subjects: &[Attempt],
        now: Timestamp,
    ) -> Result<(), SignInRefused> {
        let connection = self.connection();
        let failed = self.failed("read");
        for subject in subjects {
            let until = attempts::wait_until(&connection, subject).map_err(&failed)?;
            if until > now.0 {
                let wait_s = (until - now.0).div_ceil(1000);
                return Err(SignInRefused::Wait { wait_s });
            }
        }
        Ok(())
    }

    /// Notes a wrong attempt, and says so.
    pub(crate) fn wrong(
        &self,
        subjects: &[Attempt],
        person: Option<PersonId>,
        now: Timestamp,
    ) -> Result<SignInRefused, AccessError> {
        self.change(|change| {
            for subject in subjects {
                if attempts::note_wrong(change, subject, now)? {
                    add_event(change, person, AccessEvent::LockedOut)?;
                }
            }
            Ok(())
        })?;
        Ok(SignInRefused::Wrong)
    }

    /// The step of a code of the second factor. Without a code, none.
    fn step_of(
        &self,
        stored: &StoredSignIn,
        code: &str,
        now: Timestamp,
    ) -> Result<Option<u64>, AccessError> {
        let Some((nonce, sealed)) = &stored.factor else { return Ok(None) };
        let secret = self.keys()?.open(&stored.person.to_string(), nonce, sealed);
        let secret = secret.ok_or(AccessError::Damaged)?;
        Ok(secrets::step_of_code(&secret, code, SystemClock::machine_time(now)))
    }

    /// The roles of a person whose sign-in counts: its second factor was not reset.
    pub(crate) fn grants_of(
        &self,
        stored: &StoredSignIn,
        now: Timestamp,
    ) -> Result<Option<Vec<AccessGrant>>, AccessError> {
        let standing = self.standing(Actor::Person(stored.person), now)?;
        let grants = standing.grants.filter(|grants| !grants.is_empty());
        Ok(grants.filter(|_| stored.resets == standing.resets))
    }

    /// The roles of a person whose sign-in counts and whose second factor is right, which it uses.
    pub(crate) fn proven(
        &self,
        stored: &StoredSignIn,
        factor: SecondFactor<'_>,
        now: Timestamp,
    ) -> Result<Option<Vec<AccessGrant>>, AccessError> {
        let grants = self.grants_of(stored, now)?;
        let person = stored.person;
        let used = match factor {
            SecondFactor::None => false,
            SecondFactor::Code(code) => match self.step_of(stored, code, now)? {
                Some(step) if grants.is_some() => self.use_step(person, step)?,
                _ => false,
            },
            SecondFactor::Passkey(given) => match self.proof_of_passkey(&given, now)? {
                Some(proof) if grants.is_some() && proof.person == person => {
                    self.change(|change| passkeys::note_used(change, &proof, now))?
                }
                _ => false,
            },
        };
        Ok(grants.filter(|_| used))
    }

    /// Uses up a code's step.
    fn use_step(&self, person: PersonId, step: u64) -> Result<bool, AccessError> {
        let sql = "UPDATE sign_ins SET last_step = ?2 WHERE person = ?1 AND last_step < ?2";
        let row = params![person.to_string(), ms(step)];
        self.change(|change| change.execute(sql, row)).map(|used| used > 0)
    }

    pub(crate) fn begin_session(
        &self,
        stored: &StoredSignIn,
        grants: Vec<AccessGrant>,
        how: AccessEvent,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<NewSession, AccessError> {
        let token = secrets::new_token(SESSION_PREFIX)?;
        let (person, id) = (stored.person, stored.person.to_string());
        self.change(|change| {
            add_event(change, Some(person), how)?;
            let sql = "INSERT INTO sessions (hash, person, resets, begun, used, second_factor,
                address) VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5)";
            let hash = hash_of(&token);
            let address = address.to_string();
            let row = params![hash, id, stored.resets, ms(now.0), address];
            change.execute(sql, row)?;
            let oldest = "DELETE FROM sessions WHERE person = ?1 AND number NOT IN (SELECT number
                FROM sessions WHERE person = ?1 ORDER BY number DESC LIMIT ?2)";
            change.execute(oldest, params![id, SESSIONS_PER_PERSON_MAX])
        })?;
        self.known.add_session(hash_of(&token));
        let assurance = Assurance::SecondFactor;
        let principal = Principal { actor: Actor::Person(person), grants, assurance };
        let until = now.plus_ms(SESSION_AGE_MS_MAX);
        Ok(NewSession { csrf: csrf_of(&token), token, principal, until })
    }

    fn stored_session(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<StoredSession>, AccessError> {
        if !token.strip_prefix(SESSION_PREFIX).is_some_and(secrets::is_token) {
            return Ok(None);
        }
        let sql = format!("{SESSION} WHERE hash = ?1");
        let connection = self.connection();
        let found = connection
            .prepare_cached(&sql)
            .and_then(|mut found| found.query_row([hash_of(token)], session_row).optional());
        drop(connection);
        let found = found.map_err(self.failed("read"))?.flatten();
        Ok(found.filter(|session| is_open(session, now)))
    }
}
