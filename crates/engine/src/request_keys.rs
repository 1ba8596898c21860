//! The request keys of applied commands.
//!
//! A key belongs to the actor who used it. It is remembered for [`REQUEST_KEY_HOURS`] with a hash
//! of its command and the events of the answer. Keys of refused commands are not remembered: the
//! command is simply tried again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use books::Event;
use borsh::{BorshDeserialize, BorshSerialize};
use machine::{Actor, RequestKey, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::command::{Command, Refusal};

/// How long a request key is remembered.
pub const REQUEST_KEY_HOURS: u64 = 24;
const REQUEST_KEY_MS: u64 = REQUEST_KEY_HOURS * 3_600_000;

/// Limit on remembered keys of all actors.
pub const REQUEST_KEYS_MAX: usize = 200_000;

/// An answered command with a request key.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct RememberedKey {
    pub at: Timestamp,
    pub by: Actor,
    pub key: RequestKey,
    /// SHA-256 of the command's bytes.
    pub command: [u8; 32],
    pub events: Vec<Event>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct RequestKeys {
    by_key: BTreeMap<(Actor, RequestKey), Arc<RememberedKey>>,
    /// In the order of their time.
    by_time: VecDeque<Arc<RememberedKey>>,
}

fn hash(command: &Command) -> [u8; 32] {
    let bytes = borsh::to_vec(command).expect("writing into memory does not fail");
    Sha256::digest(bytes).into()
}

impl RequestKeys {
    /// The events of the same command under the same key. `None` if the key is new.
    pub fn find(
        &self,
        by: Actor,
        key: &RequestKey,
        command: &Command,
        at: Timestamp,
    ) -> Result<Option<Vec<Event>>, Refusal> {
        let remembered = self.by_key.get(&(by, key.clone()));
        match remembered.filter(|one| !is_old(one, at)) {
            Some(one) if one.command == hash(command) => Ok(Some(one.events.clone())),
            Some(_) => Err(Refusal::RequestKeyTaken),
            None if self.count_at(at) >= REQUEST_KEYS_MAX => Err(Refusal::TooManyRequestKeys),
            None => Ok(None),
        }
    }

    /// How many keys will be left once the old ones are dropped.
    fn count_at(&self, at: Timestamp) -> usize {
        if self.by_time.len() < REQUEST_KEYS_MAX {
            return self.by_time.len();
        }
        self.by_time.len() - self.by_time.partition_point(|one| is_old(one, at))
    }

    /// Remembers the key of an applied command, and drops the old ones.
    pub fn remember(
        &mut self,
        by: Actor,
        key: &RequestKey,
        command: &Command,
        at: Timestamp,
        events: &[Event],
    ) {
        while self.by_time.front().is_some_and(|one| is_old(one, at)) {
            let old = self.by_time.pop_front().expect("there is a first one");
            self.by_key.remove(&(old.by, old.key.clone()));
        }
        let (key, command, events) = (key.clone(), hash(command), events.to_vec());
        self.insert(RememberedKey { at, by, key, command, events });
    }

    pub fn insert(&mut self, remembered: RememberedKey) {
        let one = Arc::new(remembered);
        let before = self.by_key.insert((one.by, one.key.clone()), one.clone());
        assert!(before.is_none(), "a request key is remembered once");
        self.by_time.push_back(one);
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &RememberedKey> {
        self.by_time.iter().map(|one| &**one)
    }
}

fn is_old(one: &RememberedKey, at: Timestamp) -> bool {
    at.0.saturating_sub(one.at.0) >= REQUEST_KEY_MS
}
