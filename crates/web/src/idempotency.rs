//! The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07). The key and a digest
//! of the request go into the journal with the command, so an answer outlives a crash.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use engine::{Actor, RequestKey};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::limits::{EXPORTS_PER_SENDER_MAX, IDEMPOTENCY_KEY_BYTES_MAX};
use crate::problem::{Problem, ProblemKind};

/// The name of the header.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Of the SHA-256 of the key, in the request key.
const IDENTITY_BYTES: usize = 16;
/// Of the SHA-256 of the request, in the request key.
const DIGEST_BYTES: usize = 15;

/// The request key of a command: of the sender's key, and of the request as it was sent.
///
/// # Errors
/// The header is missing, or no key.
pub fn request_key(
    headers: &HeaderMap,
    command: &str,
    fields: &Map<String, Value>,
) -> Result<RequestKey, Problem> {
    let missing = || Problem::from(ProblemKind::KeyMissing).with_field(IDEMPOTENCY_KEY);
    let mut all = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(key), None) = (all.next(), all.next()) else { return Err(missing()) };
    let key = key.to_str().map_err(|_| missing())?;
    // The draft writes it as a string of structured fields; many clients leave out the quotes.
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    let plain = key.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || !(1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()) {
        return Err(missing());
    }
    named_key(key, command, fields)
}

/// The request key of a command that is named so, and of its fields.
///
/// # Errors
/// It cannot be written.
pub fn named_key(
    name: &str,
    command: &str,
    fields: &Map<String, Value>,
) -> Result<RequestKey, Problem> {
    let identity = Sha256::digest(name);
    let mut request = Sha256::new();
    request.update(command);
    request.update([0]);
    // Its keys are sorted: the order in which they were sent does not matter.
    let fields = serde_json::to_vec(fields).map_err(Problem::internal)?;
    request.update(fields);
    let digest = request.finalize();
    let hex = base16ct::lower::encode_string;
    let text = format!("{}~{}", hex(&identity[..IDENTITY_BYTES]), hex(&digest[..DIGEST_BYTES]));
    RequestKey::new(text).map_err(Problem::internal)
}

/// Who sends a request, as a text of its own for each sender.
#[must_use]
pub fn actor_text(by: Actor) -> String {
    match by {
        Actor::System => "system".to_owned(),
        Actor::Person(id) => format!("person {id}"),
        Actor::Key(id) => format!("key {id}"),
        Actor::Terminal(id) => format!("terminal {id}"),
        Actor::Gateway(id) => format!("gateway {id}"),
        Actor::Network(id) => format!("network {id}"),
        Actor::Wallet(id) => format!("wallet {id}"),
    }
}

/// What senders have in work: the keys of their commands, and their exports.
#[derive(Clone, Debug, Default)]
pub struct RunningKeys(Arc<Mutex<HashSet<(Actor, String)>>>);

/// A key as long as what it names is in work.
#[derive(Debug)]
pub struct RunningKey {
    keys: RunningKeys,
    key: (Actor, String),
}

impl RunningKeys {
    /// # Errors
    /// A command with this key is being carried out.
    pub fn begin(&self, by: Actor, key: &RequestKey) -> Result<RunningKey, Problem> {
        let in_use = || Problem::from(ProblemKind::KeyInUse).retry_after(1);
        self.begin_named(by, key.identity().to_owned()).ok_or_else(in_use)
    }

    /// Begins an export. `None` if the sender has as many as one sender may have.
    pub fn begin_export(&self, by: Actor) -> Option<RunningKey> {
        // An identity has hexadecimal digits only.
        let mut names = (0..EXPORTS_PER_SENDER_MAX).map(|number| format!("export {number}"));
        names.find_map(|name| self.begin_named(by, name))
    }

    /// Begins a file. `None` if the sender has one in work.
    pub fn begin_file(&self, by: Actor) -> Option<RunningKey> {
        self.begin_named(by, "file".to_owned())
    }

    fn begin_named(&self, by: Actor, name: String) -> Option<RunningKey> {
        let key = (by, name);
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = running.insert(key.clone());
        is_new.then(|| RunningKey { keys: self.clone(), key })
    }
}

impl Drop for RunningKey {
    fn drop(&mut self) {
        let mut running = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(header: &str, fields: Value) -> Result<RequestKey, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(IDEMPOTENCY_KEY, header.parse().unwrap());
        let Value::Object(fields) = fields else { panic!("an object") };
        request_key(&headers, "RegisterBank", &fields)
    }

    #[test]
    fn a_key_has_an_identity_and_the_digest_of_its_request() {
        let of = |header, fields| key(header, fields).unwrap();
        let (first, same) =
            (of("k-1", json!({"a": 1, "b": 2})), of("\"k-1\"", json!({"b": 2, "a": 1})));
        assert_eq!(first, same);
        let (other, new) = (of("k-1", json!({"a": 2})), of("k-2", json!({"a": 1, "b": 2})));
        assert_eq!(first.identity(), other.identity());
        assert_ne!(first.digest(), other.digest());
        assert_ne!(first.identity(), new.identity());
        assert_eq!(first.digest(), new.digest());
        for wrong in ["", "a b", "\"\"", &"k".repeat(IDEMPOTENCY_KEY_BYTES_MAX + 1)] {
            assert!(key(wrong, json!({})).is_err(), "{wrong}");
        }
        assert!(request_key(&HeaderMap::new(), "RegisterBank", &Map::new()).is_err());
    }

    #[test]
    fn a_key_is_in_use_as_long_as_its_command_runs() {
        let (keys, key) = (RunningKeys::default(), RequestKey::new("k~d").unwrap());
        let running = keys.begin(Actor::System, &key).unwrap();
        let other = RequestKey::new("k~e").unwrap();
        assert_eq!(keys.begin(Actor::System, &other).unwrap_err().status(), 409);
        drop(running);
        assert!(keys.begin(Actor::System, &other).is_ok());
    }

    #[test]
    fn one_sender_has_few_exports_and_leaves_room_for_another() {
        let keys = RunningKeys::default();
        let (one, other) = (Actor::System, Actor::Key(machine::ApiKeyId(7)));
        let mut all: Vec<_> = std::iter::from_fn(|| keys.begin_export(one)).collect();
        assert_eq!(all.len(), EXPORTS_PER_SENDER_MAX);
        assert!(keys.begin_export(other).is_some());
        all.pop();
        assert!(keys.begin_export(one).is_some());
    }
}
