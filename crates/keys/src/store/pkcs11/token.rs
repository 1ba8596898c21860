//! A PKCS#11 token and its sessions.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use secrecy::SecretString;

use crate::error::{KeyError, KeyStoreError};

/// Maximum number of idle sessions. Further sessions are opened on demand and closed after use.
const SESSIONS_IDLE_MAX: usize = 16;

pub struct Pkcs11Token {
    module: Pkcs11,
    slot: Slot,
    pin: SecretString,
    /// Only one thread may use a session at a time.
    idle: Mutex<Vec<Session>>,
}

impl Pkcs11Token {
    pub fn open(module: &Path, label: &str, pin: SecretString) -> Result<Pkcs11Token, KeyError> {
        let path = module;
        let module = Pkcs11::new(path).map_err(|error| failed("loading the module", error))?;
        let started = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        match started {
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            other => other.map_err(|error| failed("initialising the module", error))?,
        }
        let slot = find_slot(&module, label)?;
        let token = Pkcs11Token { module, slot, pin, idle: Mutex::new(Vec::new()) };
        let session = token.new_session().map_err(|error| failed("logging in", error))?;
        token.put_back(session);
        Ok(token)
    }

    /// Runs `work` in a session. If the session was lost (HSM restarted, cable unplugged), runs it
    /// once more in a new session.
    pub fn in_session<T>(
        &self,
        what: &'static str,
        work: impl Fn(&Session) -> cryptoki::error::Result<T>,
    ) -> Result<T, KeyError> {
        let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(session) = waiting {
            match work(&session) {
                Err(error) if is_lost(&error) => {
                    drop(session);
                    self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
                }
                done => {
                    self.put_back(session);
                    return done.map_err(|error| failed(what, error));
                }
            }
        }
        self.in_new_session(what, work)
    }

    /// Like [`Pkcs11Token::in_session`], without a second attempt.
    pub fn in_session_once<T>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Session) -> cryptoki::error::Result<T>,
    ) -> Result<T, KeyError> {
        self.in_new_session(what, work)
    }

    fn in_new_session<T>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Session) -> cryptoki::error::Result<T>,
    ) -> Result<T, KeyError> {
        let session = self.new_session().map_err(|error| failed("logging in", error))?;
        let done = work(&session);
        if done.as_ref().err().is_none_or(|error| !is_lost(error)) {
            self.put_back(session);
        }
        done.map_err(|error| failed(what, error))
    }

    fn new_session(&self) -> cryptoki::error::Result<Session> {
        let session = self.module.open_rw_session(self.slot)?;
        match session.login(UserType::User, Some(&self.pin)) {
            // A login is valid for all sessions of the process.
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) | Ok(()) => Ok(session),
            Err(error) => Err(error),
        }
    }

    fn put_back(&self, session: Session) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < SESSIONS_IDLE_MAX {
            idle.push(session);
        }
    }
}

fn find_slot(module: &Pkcs11, label: &str) -> Result<Slot, KeyError> {
    let listing = |error| failed("listing tokens", error);
    let mut found = Vec::new();
    for slot in module.get_slots_with_initialized_token().map_err(listing)? {
        let token = module.get_token_info(slot).map_err(listing)?;
        if token.label().trim_end() == label {
            return Ok(slot);
        }
        found.push(format!("`{}`", token.label().trim_end()));
    }
    let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    Err(KeyError::Store(KeyStoreError::NoSuchToken { wanted: label.to_owned(), found }))
}

const fn is_lost(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::SessionHandleInvalid
                | RvError::SessionClosed
                | RvError::DeviceRemoved
                | RvError::UserNotLoggedIn,
            _
        )
    )
}

pub fn failed(what: &'static str, error: Error) -> KeyError {
    KeyError::Store(KeyStoreError::Pkcs11Module { what, source: Box::new(error) })
}
