//! What the store and the table ask the books.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use books::{Books, GrantedRole, PersonId, Timestamp};
use engine::Engine;
use machine::Actor;
use node::NodeClient;

use crate::error::AccessError;
use crate::limits::KNOWN_STANDINGS_MAX;
use crate::principal::AccessGrant;

/// What the store asks the books. No answer takes longer than a query.
pub trait AccessBooks: Send + Sync {
    /// What the books say of a person or a key at a time.
    ///
    /// # Errors
    /// The books cannot be asked.
    fn standing(&self, of: Actor, now: Timestamp) -> Result<AccessStanding, AccessError>;

    /// The same without waiting, if the books have said so before and it is still so.
    fn known_standing(&self, _: Actor, _: Timestamp) -> Option<AccessStanding> {
        None
    }
}

/// What the books say of a person or a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessStanding {
    /// `None` for an actor that cannot act: a person who is not registered or was removed, a key
    /// that is not issued, revoked or expired.
    pub grants: Option<Vec<AccessGrant>>,
    /// How often the person's second factor was reset.
    pub resets: u32,
    /// Whether the books are for trials: only there work keys that begin with `ds_test_`.
    pub trial: bool,
}

impl AccessStanding {
    #[must_use]
    pub fn of(books: &Books, of: Actor, now: Timestamp) -> AccessStanding {
        let (grants, resets) = match of {
            Actor::Person(person) => {
                let roles = books.grants_of(person).map(<[GrantedRole]>::to_vec);
                let grants = roles.map(|roles| grants(&roles, Some(person)));
                (grants, books.second_factor_resets(person))
            }
            Actor::Key(key) => {
                let person = books.api_key(key, now).and_then(|one| one.person);
                let roles = books.grants_of_key(key, now);
                (roles.map(|roles| grants(&roles, person)), 0)
            }
            _ => (None, 0),
        };
        AccessStanding { grants, resets, trial: books.is_trial() }
    }
}

fn grants(roles: &[GrantedRole], person: Option<PersonId>) -> Vec<AccessGrant> {
    roles.iter().filter_map(|role| AccessGrant::of(*role, person)).collect()
}

/// What the books said of a person or a key.
#[derive(Clone, Debug)]
struct KnownStanding {
    standing: AccessStanding,
    /// Of the engine that said it. A change of anybody's grants changes it.
    version: u64,
    /// When a key expires.
    until: Option<Timestamp>,
}

impl KnownStanding {
    fn of(engine: &Engine, of: Actor, now: Timestamp) -> KnownStanding {
        let standing = AccessStanding::of(engine.books(), of, now);
        let until = match of {
            // What has expired stays so.
            Actor::Key(key) if standing.grants.is_some() => {
                engine.books().api_key(key, now).map(|key| key.until)
            }
            _ => None,
        };
        KnownStanding { standing, version: engine.access_version(), until }
    }
}

/// The books of a node. What they said is kept until they may say something else.
pub struct NodeBooks {
    client: NodeClient,
    known: Mutex<HashMap<Actor, KnownStanding>>,
}

impl NodeBooks {
    #[must_use]
    pub fn new(client: NodeClient) -> NodeBooks {
        NodeBooks { client, known: Mutex::default() }
    }
}

impl AccessBooks for NodeBooks {
    fn standing(&self, of: Actor, now: Timestamp) -> Result<AccessStanding, AccessError> {
        if let Some(known) = self.known_standing(of, now) {
            return Ok(known);
        }
        let look = move |engine: &Engine| KnownStanding::of(engine, of, now);
        // What somebody does with a grant is durable after it; a revocation counts at once.
        let answer = self.client.look_ahead(look);
        let answer = answer.map_err(|why| AccessError::Books(why.to_string()))?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_STANDINGS_MAX && !known.contains_key(&of) {
            known.clear();
        }
        known.insert(of, answer.clone());
        Ok(answer.standing)
    }

    fn known_standing(&self, of: Actor, now: Timestamp) -> Option<AccessStanding> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&of)?;
        // The engine has said it before it answered the command that changes it.
        let is_same = known.version == self.client.access_version();
        let has_expired = known.until.is_some_and(|until| now >= until);
        (is_same && !has_expired).then(|| known.standing.clone())
    }
}

/// Books at rest, or at the end of a journal.
impl AccessBooks for Engine {
    fn standing(&self, of: Actor, now: Timestamp) -> Result<AccessStanding, AccessError> {
        Ok(AccessStanding::of(self.books(), of, now))
    }
}
