//! The request keys of applied commands.
//!
//! A key belongs to the actor who used it. It is remembered for [`REQUEST_KEY_HOURS`], or until
//! [`REQUEST_KEYS_MAX`] newer keys are, with a hash of its command and the events of the answer.
//! Keys of refused commands are not remembered: the command is simply tried again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use books::Event;
use borsh::{BorshDeserialize, BorshSerialize};
use machine::{Actor, RequestKey, Timestamp};
use market::MarketEvent;
use policy::PolicyEvent;
use sha2::{Digest as _, Sha256};

use crate::command::{Command, CommandOutcome, Events, Refusal};

/// How long a request key is remembered.
pub const REQUEST_KEY_HOURS: u64 = 24;
const REQUEST_KEY_MS: u64 = REQUEST_KEY_HOURS * 3_600_000;

/// Limit on remembered keys of all actors: the oldest is forgotten for a new one. At 5,000 a second
/// they are those of 100 seconds. A key of the API whose answer is one `ParcelAnnounced` is 153
/// bytes in a snapshot: 77 MB for all, more with longer answers. In memory all are 203 MB, as the
/// example `request_key_memory` measures.
pub const REQUEST_KEYS_MAX: usize = 500_000;

/// Keys that a snapshot shares with the engine, in one piece.
const SEGMENT_KEYS: usize = 4_096;

/// An answered command with a request key.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct RememberedKey {
    pub at: Timestamp,
    pub by: Actor,
    pub key: RequestKey,
    /// SHA-256 of the command's bytes.
    pub command: [u8; 32],
    pub events: Vec<Event>,
    /// Kept apart in a snapshot, which has none while there is no market.
    #[borsh(skip)]
    pub of_market: Vec<MarketEvent>,
    #[borsh(skip)]
    pub of_policy: Vec<PolicyEvent>,
}

/// The keys in the order of their time, each with its place: how many came before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeysByTime {
    /// Full ones, which snapshots share.
    segments: VecDeque<Arc<Vec<RememberedKey>>>,
    newest: Vec<RememberedKey>,
    /// The place of the first key of the first segment.
    begin: u64,
    /// How many keys are forgotten from there on.
    forgotten: usize,
}

impl KeysByTime {
    pub fn len(&self) -> usize {
        self.segments.len() * SEGMENT_KEYS + self.newest.len() - self.forgotten
    }

    fn at(&self, index: usize) -> Option<&RememberedKey> {
        match self.segments.get(index / SEGMENT_KEYS) {
            Some(segment) => segment.get(index % SEGMENT_KEYS),
            None => self.newest.get(index - self.segments.len() * SEGMENT_KEYS),
        }
    }

    fn get(&self, place: u64) -> Option<&RememberedKey> {
        let index = usize::try_from(place.checked_sub(self.begin)?).ok()?;
        if index < self.forgotten { None } else { self.at(index) }
    }

    fn oldest(&self) -> Option<&RememberedKey> {
        self.at(self.forgotten)
    }

    fn forget_oldest(&mut self) {
        self.forgotten += 1;
        if self.forgotten == SEGMENT_KEYS && self.segments.pop_front().is_some() {
            (self.forgotten, self.begin) = (0, self.begin + SEGMENT_KEYS as u64);
        }
    }

    /// Returns its place.
    fn push(&mut self, remembered: RememberedKey) -> u64 {
        let place = self.begin + (self.segments.len() * SEGMENT_KEYS + self.newest.len()) as u64;
        self.newest.push(remembered);
        if self.newest.len() == SEGMENT_KEYS {
            self.segments.push_back(Arc::new(std::mem::take(&mut self.newest)));
        }
        place
    }

    pub fn iter(&self) -> impl Iterator<Item = &RememberedKey> {
        let segments = self.segments.iter().flat_map(|segment| segment.iter());
        segments.chain(&self.newest).skip(self.forgotten)
    }
}

/// What stands for an actor's key: the first half of the SHA-256 of its identity.
type KeyIdentity = (Actor, [u8; 16]);

#[derive(Debug, Default)]
pub(crate) struct RequestKeys {
    places: BTreeMap<KeyIdentity, u64>,
    by_time: KeysByTime,
}

fn hash(command: &Command) -> [u8; 32] {
    let bytes = borsh::to_vec(command).expect("writing into memory does not fail");
    Sha256::digest(bytes).into()
}

fn identity(by: Actor, key: &RequestKey) -> KeyIdentity {
    let hash = Sha256::digest(key.identity());
    (by, std::array::from_fn(|place| hash[place]))
}

impl RequestKeys {
    /// The events of the same request under the same key. `None` if the key is new. A key with a
    /// digest says by it what was requested: the command may have been filled in otherwise.
    pub fn find(
        &self,
        by: Actor,
        key: &RequestKey,
        command: Option<&Command>,
        at: Timestamp,
    ) -> Result<Option<Events>, Refusal> {
        let place = self.places.get(&identity(by, key));
        let remembered = place.and_then(|place| self.by_time.get(*place));
        let Some(one) = remembered.filter(|one| !is_old(one, at)) else { return Ok(None) };
        let same = match (key.digest(), one.key.digest()) {
            (None, None) => command.is_some_and(|command| one.command == hash(command)),
            (given, remembered) => given == remembered,
        };
        let events = || Events {
            books: one.events.clone(),
            market: one.of_market.clone(),
            policy: one.of_policy.clone(),
        };
        if same { Ok(Some(events())) } else { Err(Refusal::RequestKeyTaken) }
    }

    /// Remembers the key of an applied command, and forgets the old ones.
    pub fn remember(
        &mut self,
        by: Actor,
        key: &RequestKey,
        command: &Command,
        at: Timestamp,
        out: &CommandOutcome,
    ) {
        while let Some(oldest) = self.by_time.oldest()
            && (is_old(oldest, at) || self.by_time.len() >= REQUEST_KEYS_MAX)
        {
            self.places.remove(&identity(oldest.by, &oldest.key));
            self.by_time.forget_oldest();
        }
        let (key, command) = (key.clone(), hash(command));
        let (events, of_market) = (out.books.events.clone(), out.market.clone());
        let of_policy = out.policy.clone();
        self.insert(RememberedKey { at, by, key, command, events, of_market, of_policy });
    }

    pub fn insert(&mut self, remembered: RememberedKey) {
        let identity = identity(remembered.by, &remembered.key);
        let place = self.by_time.push(remembered);
        let before = self.places.insert(identity, place);
        assert!(before.is_none(), "a request key is remembered once");
    }

    pub fn by_time(&self) -> &KeysByTime {
        &self.by_time
    }
}

fn is_old(one: &RememberedKey, at: Timestamp) -> bool {
    at.0.saturating_sub(one.at.0) >= REQUEST_KEY_MS
}
