//! The engine: composes the state machines and applies commands to them, one after another.
//!
//! Today there is one machine, the [`books`]. A machine holds its own rules. The engine adds what
//! all of them share: who gave a command, request keys, the fingerprint, the digest and snapshots.
//!
//! Never: a rule of a machine, a clock, randomness, I/O, text for people.
//!
//! Start at [`Engine::apply`].

mod command;
mod request_keys;
mod snapshot;

use books::Books;

pub use books::{ChunkId, Digest, PartSink, RestoreError, SNAPSHOT_PART_BYTES};
pub use command::{Applied, Command, CommandOutcome, Events, Refusal, Submission};
pub use machine::{Actor, ActorKind, RequestKey, Timestamp};
pub use request_keys::{REQUEST_KEY_HOURS, REQUEST_KEYS_MAX};
pub use snapshot::{DecodedPart, EngineBuilder, Snapshot};

use machine::mix;
use request_keys::RequestKeys;

/// The state of all machines.
#[derive(Debug, Default)]
pub struct Engine {
    books: Books,
    request_keys: RequestKeys,
    fingerprint: u64,
    /// Counts from the start of this engine on: no part of the state.
    access_version: u64,
}

impl Engine {
    /// Applies a command or refuses it. A refused command changes nothing.
    ///
    /// `out` then holds what happened. After a refusal it is empty.
    ///
    /// # Errors
    /// The reason of the refusal.
    pub fn apply(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        out: &mut CommandOutcome,
    ) -> Result<Applied, Refusal> {
        out.clear();
        let Submission { by, request_key, command } = submission;
        if let Some(key) = request_key
            && let Some(events) = self.request_keys.find(*by, key, Some(command), at)?
        {
            out.books.events = events;
            return Ok(Applied::AnsweredBefore);
        }
        if !command.given_by().contains(&by.kind()) {
            return Err(Refusal::Books(books::Refusal::NotAllowed(by.kind())));
        }
        match command {
            Command::Books(command) => {
                self.books.check_actor(*by, command, at)?;
                self.books.apply(command, at, &mut out.books)?;
            }
        }
        if let Some(key) = request_key {
            self.request_keys.remember(*by, key, command, at, &out.books.events);
        }
        self.update_fingerprint(submission);
        self.access_version += u64::from(command.may_change_access());
        Ok(Applied::CarriedOut)
    }

    /// What a request with this key was answered before. `None` if the key is new. The key must
    /// have a digest of the request.
    ///
    /// # Errors
    /// [`Refusal::RequestKeyTaken`] for another request.
    pub fn answered_before(
        &self,
        by: Actor,
        key: &RequestKey,
        at: Timestamp,
    ) -> Result<Option<Events>, Refusal> {
        let events = self.request_keys.find(by, key, None, at)?;
        Ok(events.map(|books| Events { books }))
    }

    /// A number that changes with every command that can change who acts as what. While it stays
    /// the same, persons and keys have the grants that they had.
    #[must_use]
    pub fn access_version(&self) -> u64 {
        self.access_version
    }

    /// Loads records that the next commands need into the processor's cache. Changes nothing.
    pub fn prefetch<'c>(&self, submissions: impl Iterator<Item = &'c Submission>) {
        self.books.prefetch(submissions.map(|submission| match &submission.command {
            Command::Books(command) => command,
        }));
    }

    /// The books, for queries.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Time of the last applied command.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        self.books.last_at()
    }

    /// A number that every applied command changes. Two engines with different postings, or with
    /// commands of different actors, have different fingerprints from then on (M11). It is cheap,
    /// so each batch holds it. The [`Digest`] is thorough.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Checks every rule that can be checked on the state.
    ///
    /// # Errors
    /// One line per violation, beginning with the rule's number.
    pub fn check(&self) -> Result<(), Vec<String>> {
        self.books.check()
    }

    fn update_fingerprint(&mut self, submission: &Submission) {
        let mut mixed = mix(self.fingerprint, self.books.fingerprint());
        let (kind, id) = match submission.by {
            Actor::System => (0, 0),
            Actor::Person(id) => (1, id.0),
            Actor::Key(id) => (2, id.0),
            Actor::Terminal(id) => (3, id.0),
            Actor::Gateway(id) => (4, id.0),
            Actor::Network(id) => (5, id.0),
            Actor::Wallet(id) => (6, id.0),
        };
        mixed = mix(mix(mixed, kind), id);
        if let Some(key) = &submission.request_key {
            for chunk in key.as_str().as_bytes().chunks(8) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                mixed = mix(mixed, u64::from_le_bytes(word));
            }
        }
        self.fingerprint = mixed;
    }
}
