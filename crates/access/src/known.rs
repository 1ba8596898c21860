//! Tokens that were seen before: what a request presents is known without a look into the file.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError, RwLock};

use machine::ApiKeyId;
use rusqlite::Connection;

use crate::limits::KNOWN_SESSIONS_MAX;
use crate::secrets::Hash;

/// Hashes of tokens. A key that is known stays known: only the books say whether it is in force.
pub(crate) struct KnownTokens {
    keys: RwLock<HashMap<Hash, ApiKeyId>>,
    sessions: RwLock<HashSet<Hash>>,
    /// When keys were used, in milliseconds, until the file has it.
    uses: Mutex<HashMap<ApiKeyId, u64>>,
}

impl KnownTokens {
    /// Those of a file. Another process can make more.
    pub fn of(connection: &Connection) -> Result<KnownTokens, rusqlite::Error> {
        let mut select = connection.prepare("SELECT hash, key FROM api_keys")?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?));
        let mut keys = HashMap::new();
        for one in select.query_map([], row)? {
            let (hash, key) = one?;
            if let Ok(key) = key.parse() {
                keys.insert(hash, key);
            }
        }
        let mut select = connection.prepare("SELECT hash FROM sessions ORDER BY number DESC")?;
        let sessions = select.query_map([], |row| row.get(0))?.take(KNOWN_SESSIONS_MAX);
        let sessions = sessions.collect::<Result<_, _>>()?;
        let (keys, sessions) = (RwLock::new(keys), RwLock::new(sessions));
        Ok(KnownTokens { keys, sessions, uses: Mutex::default() })
    }

    pub fn key(&self, hash: &Hash) -> Option<ApiKeyId> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(hash).copied()
    }

    /// The books limit the number of keys, so this does not.
    pub fn add_key(&self, hash: Hash, key: ApiKeyId) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(hash, key);
    }

    pub fn note_use(&self, key: ApiKeyId, at_ms: u64) {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).insert(key, at_ms);
    }

    /// The uses that the file does not have.
    pub fn take_uses(&self) -> HashMap<ApiKeyId, u64> {
        std::mem::take(&mut *self.uses.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn is_session(&self, hash: &Hash) -> bool {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner).contains(hash)
    }

    pub fn add_session(&self, hash: Hash) {
        if self.is_session(&hash) {
            return;
        }
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= KNOWN_SESSIONS_MAX {
            // A session that is still used is soon known again.
            sessions.clear();
        }
        sessions.insert(hash);
    }

    pub fn forget_session(&self, hash: &Hash) {
        if self.is_session(hash) {
            self.sessions.write().unwrap_or_else(PoisonError::into_inner).remove(hash);
        }
    }
}
